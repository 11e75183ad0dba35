"""State: the records of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from provisioner.model.canonical import Canonical
from provisioner.model.key import LAMBDA, Key
from provisioner.model.references import Pair


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in a function's policy that a mapping needs. `applied` is its content as it was last written."""

    function: str
    region: str
    id: str
    applied: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deposed:
    """A mapping that a replacement has not deleted yet, and the statement that goes with it."""

    key: Key
    statement: Statement | None = None


@dataclass(frozen=True, slots=True)
class AcceptedOwner:
    """The owner that a mapping had when it was imported, which its ownership tags may still name."""

    stack: str
    lineage: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Why and until when a mapping is disabled on purpose. `at` and `until` are RFC 3339; without `until` it has no
    end. `enabled_before` is whether it was enabled.
    """

    by: str
    at: str
    reason: str
    enabled_before: bool
    until: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One managed mapping.

    `applied` is the canonical form that was last applied. `protected` keeps `prevent_destroy` of the last apply, so
    that a mapping whose lines were removed from the manifest is still protected. `owner` is the other owner that an
    import accepted. `statement` is what lets the source invoke the function, of a mapping that its source keeps: the applied
    one, or one that a call was about to write when it was interrupted. Such a mapping without applied values was never
    applied. `paused` is kept as it was read: nothing in this version sets it.
    """

    key: Key
    arn: str
    applied: Canonical
    protected: bool = False
    deposed: tuple[Deposed, ...] = ()
    statement: Statement | None = None
    owner: AcceptedOwner | None = None
    paused: Paused | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A call, recorded before it is made. `token` is unique in its apply, `action` is `create`, `update` or `delete`.
    `keys` are the mappings that it touches; of a create, those that it replaces. `protected` is the `prevent_destroy`
    of what it makes, `kind` its kind. `makes` is the mapping that it makes, where planning chose the id, and `statement` what
    it writes first.
    """

    token: str
    action: str
    name: str
    pair: Pair
    keys: tuple[Key, ...] = ()
    protected: bool = False
    kind: str = LAMBDA
    makes: Key | None = None
    statement: Statement | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The records of one stack, by name. A state that was never written has serial 0; one that was never applied has no
    account. `environment` is kept as it was read: nothing in this version sets it.
    """

    stack: str
    lineage: str
    account: str = ""
    serial: int = 0
    mappings: Mapping[str, Record] = field(default_factory=dict)
    environment: str = ""

    def managers(self) -> dict[Key, str]:
        """The name of the record that has each mapping, deposed ones included."""
        return {
            key: name
            for name, record in self.mappings.items()
            for key in (record.key, *(item.key for item in record.deposed))
        }

    @property
    def is_sound(self) -> bool:
        """Whether every mapping is recorded once: in two records, one change of each would act on one mapping."""
        return len(self.managers()) == sum(1 + len(record.deposed) for record in self.mappings.values())

    def with_record(self, name: str, record: Record | None) -> Self:
        """The state with one record set, or dropped when it is None."""
        others = {key: value for key, value in self.mappings.items() if key != name}
        return replace(self, mappings=others if record is None else {**others, name: record})
