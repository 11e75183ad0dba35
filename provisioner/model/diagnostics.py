"""What is wrong with a manifest, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provisioner.model.desired import Place


class Severity(StrEnum):
    """Whether it stops the run."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is a key of `CODES`; its first letter tells the severity."""

    code: str
    message: str
    place: Place
    hint: str = ""

    @property
    def severity(self) -> Severity:
        """An `E` code is an error, a `W` code a warning."""
        return Severity.ERROR if self.code.startswith("E") else Severity.WARNING


CODES: Final = {
    "E001": "The file cannot be read, or is not YAML that a manifest may be written in.",
    "E002": "A key stands twice.",
    "E003": "The manifest language has this key, but this version does not carry it out yet.",
    "E101": "The field is not known here.",
    "E102": "A required field is missing.",
    "E103": "The value is outside what AWS allows.",
    "E104": "The value has the wrong type or form.",
    "E105": "The field does not apply to this kind of event source.",
    "E106": "The source, the function or the region cannot be understood, or they disagree.",
    "E107": "Two mappings want the same function and source, which Lambda holds unique.",
    "E108": "`imports`, `moved` and `removed` contradict the mappings.",
    "E109": "Fields contradict each other, or one needs another.",
    "W201": "The value is not one that this version knows; it is sent as it is.",
}
