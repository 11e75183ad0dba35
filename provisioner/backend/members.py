"""The members of a state and of a journal, by version, with their types; `statefile` reads and writes them."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from provisioner.foreign_text import one_line

_Strict: Final = ConfigDict(strict=True, extra="forbid")  # strict: a number in quotes is damage, not a number


class StatementMembers(BaseModel):
    """A statement in the policy of a function."""

    model_config = _Strict
    function: str
    region: str
    id: str
    applied: dict[str, Any]


class DeposedMembers(BaseModel):
    """A mapping that is still to be deleted."""

    model_config = _Strict
    kind: str
    id: str
    region: str
    statement: StatementMembers | None = None


class OwnerMembers(BaseModel):
    """The owner that an import accepted."""

    model_config = _Strict
    stack: str
    lineage: str


class PausedMembers(BaseModel):
    """Why a mapping is disabled."""

    model_config = _Strict
    by: str
    at: str
    until: str = ""
    reason: str
    enabled_before: bool


class RecordMembers(BaseModel):
    """A record."""

    model_config = _Strict
    kind: str
    id: str
    region: str
    arn: str
    applied: dict[str, Any]
    protected: bool
    statement: StatementMembers | None = None
    deposed: list[DeposedMembers] = []
    owner: OwnerMembers | None = None
    paused: PausedMembers | None = None


class StateMembers(BaseModel):
    """A state; `pending` and `writer` only in S3."""

    model_config = _Strict
    version: int
    lineage: str
    serial: NonNegativeInt
    stack: str
    account: str
    environment: str = ""
    mappings: dict[str, dict[str, Any]]
    pending: list[Any] = []
    writer: str = ""


class KeyMembers(BaseModel):
    """A key."""

    model_config = _Strict
    kind: str
    id: str
    region: str


class PairMembers(BaseModel):
    """A pair."""

    model_config = _Strict
    region: str
    source: str
    function: str
    channel: str = ""


class IntentMembers(BaseModel):
    """A line of a journal, or an item of `pending`."""

    model_config = _Strict
    intent: str
    action: Literal["create", "update", "delete"]
    name: str
    kind: str
    pair: PairMembers
    keys: list[KeyMembers]
    protected: bool = False
    makes: KeyMembers | None = None
    statement: StatementMembers | None = None


class DeposedBefore(BaseModel):
    """A mapping of version 1 that is still to be deleted."""

    model_config = ConfigDict(strict=True)
    uuid: str
    region: str


class RecordBefore(BaseModel):
    """A record of version 1, which let unknown members pass."""

    model_config = ConfigDict(strict=True)
    uuid: str
    arn: str
    region: str
    applied: dict[str, Any]
    protected: bool = False
    deposed: list[DeposedBefore] = []


class IntentBefore(BaseModel):
    """An intent of version 1."""

    model_config = ConfigDict(strict=True)
    intent: str
    action: Literal["create", "update", "delete"]
    name: str
    pair: PairMembers
    uuids: list[str]
    protected: bool = False


MOST_REASONS: Final = 3


def reason(error: Exception) -> str:
    """What is wrong with a value, on one line; of pydantic's errors the first few members, each with its message."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    items = error.errors(include_url=False, include_input=False)
    parts = [f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in items[:MOST_REASONS]]
    return one_line("; ".join(parts + ["…"] * (len(items) > MOST_REASONS)))
