"""How mappings are: what was found when somebody looked, with nothing to be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.plan import FieldChange
from provisioner.model.sources import SourceKind


@dataclass(frozen=True, slots=True)
class Drifted:
    """What AWS, or somebody outside provisioner, changed in one mapping since it was last applied.

    `fields` have as desired what was applied. `vanished`: the mapping is gone. `fault` is why AWS disabled it by itself, `lost`
    what it needs and AWS does not have, such as its function.
    """

    name: str
    uuid: str
    region: str
    kind: SourceKind | None = None
    fields: tuple[FieldChange, ...] = ()
    vanished: bool = False
    fault: str = ""
    lost: tuple[str, ...] = ()

    @property
    def repairable(self) -> bool:
        """Whether an apply can put it back: not while something that it needs is gone, or AWS would disable it again."""
        return (self.vanished or bool(self.fields)) and not (self.lost or self.fault)


@dataclass(frozen=True, slots=True)
class Health:
    """One mapping at work. `problem` says what is wrong with it, or is empty. A mapping that is declared and was never applied
    has no UUID and the state `Absent`; one that is recorded and gone has the state `Missing`.
    """

    name: str
    uuid: str
    region: str
    state: str
    last_result: str = ""
    reason: str = ""
    last_modified: str = ""
    problem: str = ""
    function: str = ""
    source: str = ""
