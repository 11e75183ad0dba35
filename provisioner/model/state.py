"""State: the records of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from provisioner.model.canonical import Canonical
from provisioner.model.references import Pair


@dataclass(frozen=True, slots=True)
class Deposed:
    """A mapping that a replacement has not deleted yet."""

    uuid: str
    region: str


@dataclass(frozen=True, slots=True)
class Record:
    """One managed mapping.

    `applied` is the canonical form that was last applied. `protected` keeps `prevent_destroy` of the last apply, so
    that a mapping whose lines were removed from the manifest is still protected.
    """

    uuid: str
    arn: str
    region: str
    applied: Canonical
    protected: bool = False
    deposed: tuple[Deposed, ...] = ()

    @property
    def pair(self) -> Pair:
        """The pair of the applied values. Unlike `Live.pair`, it is not what Lambda holds after drift."""
        return Pair.of(self.applied, self.region)


@dataclass(frozen=True, slots=True)
class Intent:
    """A call, recorded before it is made. `token` is unique in its apply, `action` is `create`, `update` or `delete`.
    `uuids` are the mappings that it touches; of a create, those that it replaces. `protected` is the `prevent_destroy`
    of what it makes.
    """

    token: str
    action: str
    name: str
    pair: Pair
    uuids: tuple[str, ...] = ()
    protected: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """The records of one stack, by name. A state that was never written has serial 0; one that was never applied has no
    account.
    """

    stack: str
    lineage: str
    account: str = ""
    serial: int = 0
    mappings: Mapping[str, Record] = field(default_factory=dict)

    def managers(self) -> dict[str, str]:
        """The name of the record that has each UUID, deposed ones included."""
        return {
            uuid: name
            for name, record in self.mappings.items()
            for uuid in (record.uuid, *(item.uuid for item in record.deposed))
        }

    @property
    def is_sound(self) -> bool:
        """Whether every UUID is recorded once: in two records, one change of each would act on one mapping."""
        return len(self.managers()) == sum(1 + len(record.deposed) for record in self.mappings.values())

    def with_record(self, name: str, record: Record | None) -> Self:
        """The state with one record set, or dropped when it is None."""
        others = {key: value for key, value in self.mappings.items() if key != name}
        return replace(self, mappings=others if record is None else {**others, name: record})
