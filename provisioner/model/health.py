"""How mappings are: what was found when somebody looked, with nothing to be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.plan import FieldChange
from provisioner.model.sources import SourceKind


@dataclass(frozen=True, slots=True)
class Drifted:
    """What the world changed in one mapping since it was last applied.

    `fields` have as desired what was applied. `vanished`: the mapping is gone. `fault` is why AWS disabled it by itself, `lost`
    what it needs and does not find, such as its function.
    """

    name: str
    uuid: str
    region: str
    kind: SourceKind | None = None
    fields: tuple[FieldChange, ...] = ()
    vanished: bool = False
    fault: str = ""
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """One mapping at work. `problem` says what is wrong with it, or is empty."""

    name: str
    uuid: str
    region: str
    state: str
    last_result: str = ""
    reason: str = ""
    last_modified: str = ""
    problem: str = ""
