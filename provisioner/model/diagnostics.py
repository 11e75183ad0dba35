"""What is wrong with a manifest, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.model.codes import EXPLANATIONS
from provisioner.model.place import Place


class Severity(StrEnum):
    """Whether it stops the run."""

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
        """What to do: the hint, or what is always right for this code."""
        return self.hint or EXPLANATIONS[self.code].remedy

    @property
    def severity(self) -> Severity:
        """An `E` code is an error, a `W` code a warning."""
        return Severity.ERROR if self.code.startswith("E") else Severity.WARNING
