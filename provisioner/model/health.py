"""The results of `drift` and `status`: values only."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.plan import FieldChange
from provisioner.model.references import Pair
from provisioner.model.sources import SourceKind


@dataclass(frozen=True, slots=True)
class Drifted:
    """What changed outside provisioner in one mapping since the last apply.

    `fields` have as desired what was applied. `vanished`: the mapping is gone, and `kind` is None. `fault` is why AWS
    disabled it, `lost` what it needs and no longer exists, such as its function. `orphan`: it carries the tags of this
    state, which does not record it; `name` is then the one in its tags, or "", and `pair` is set.
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

    @property
    def repairable(self) -> bool:
        """Whether an apply can restore it: not while something that it needs is missing, or while AWS would disable it
        again.
        """
        # A drift of lost or fault alone has nothing that an apply would send.
        return (self.vanished or bool(self.fields)) and not (self.lost or self.fault)


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
