"""What is wrong with a manifest, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.codes import EXPLANATIONS
from provisioner.model.place import Place


class Severity(StrEnum):
    """Whether a diagnostic stops the run: an error does, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is a key of `codes.EXPLANATIONS`; its first letter is the severity."""

    code: str
    message: str
    place: Place
    hint: str = ""

    @property
    def advice(self) -> str:
        """What to do: the hint, or the remedy that `codes.EXPLANATIONS` has for the code."""
        return self.hint or EXPLANATIONS[self.code].remedy

    @property
    def severity(self) -> Severity:
        """An `E` code is an error, a `W` code a warning."""
        return Severity.ERROR if self.code.startswith("E") else Severity.WARNING
