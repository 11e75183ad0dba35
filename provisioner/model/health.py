"""The results of `drift` and `status`: values only."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.key import LAMBDA, Key
from provisioner.model.plan import FieldChange
from provisioner.model.references import Pair
from provisioner.model.sources import SourceKind


@dataclass(frozen=True, slots=True)
class Drifted:
    """What changed outside provisioner in one mapping since the last apply.

    `fields` have as desired what was applied. `vanished`: the mapping is gone, and `kind` is None. `fault` is why AWS
    disabled it, `lost` what it needs and no longer exists, such as its function, `broken` why it is not invoked although it
    is there. `orphan`: its tags or its id name this state, which does not record it; `name` is then the one in its tags, or
    "", and `pair` is set. `kept_by` is the kind of its key.
    """

    name: str
    uuid: str
    region: str
    kind: SourceKind | None = None
    fields: tuple[FieldChange, ...] = ()
    vanished: bool = False
    fault: str = ""
    lost: tuple[str, ...] = ()
    orphan: bool = False
    pair: Pair | None = None
    broken: str = ""
    kept_by: str = LAMBDA

    @property
    def key(self) -> Key:
        """The key of the mapping."""
        return Key(self.kept_by, self.region, self.uuid)

    @property
    def repairable(self) -> bool:
        """Whether an apply can restore it: not while something that it needs is missing, while AWS would disable it again, or
        while a statement is missing that is not its own.
        """
        # A drift of lost, fault or broken alone has nothing that an apply would send.
        is_others = self.broken and not any(field.path[0] == "permission" for field in self.fields)
        return (self.vanished or bool(self.fields)) and not (self.lost or self.fault or is_others)


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one mapping. `problem` is what is wrong with it, or "". `state` is the one that AWS shows
    (docs/aws/lifecycle.md#states). A mapping that is declared and was never applied has no UUID and the state `Absent`;
    one that is recorded and gone has the state `Missing`. `unseen` are the fields that AWS does not show.
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
    unseen: tuple[str, ...] = ()
