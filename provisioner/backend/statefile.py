"""The state's file format: JSON, sorted, two spaces; version 1 (docs/architecture.md#state)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from provisioner.environment import command_line
from provisioner.errors import DamagedError, StateError
from provisioner.model.canonical import canonical
from provisioner.model.mapping import EventSourceMapping
from provisioner.model.references import UUID, Pair
from provisioner.model.sources import SourceKind, kind_of
from provisioner.model.state import Deposed, Intent, Record, State

VERSION: Final = 1


# Strict: a number in quotes is damage, not a number.
class _Deposed(BaseModel):
    model_config = ConfigDict(strict=True)
    uuid: str
    region: str


class _Record(BaseModel):
    model_config = ConfigDict(strict=True)
    uuid: str
    arn: str
    region: str
    applied: dict[str, Any]
    protected: bool = False
    deposed: list[_Deposed] = []


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    lineage: str
    serial: int
    stack: str
    account: str
    mappings: dict[str, _Record]


def decode(text: str, *, where: str, stack: str) -> State:
    """The state in a text. Raises DamagedError when it is damaged, StateError when its version is unknown or it is
    another stack's. `where` names the text in errors; with `s3://` the hint is about versions of an object.
    """
    try:
        value = json.loads(text)
        version = value["version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(where, "it is not a state file") from error
    if type(version) is not int or version < 1:  # not isinstance: True is an int
        raise _damaged(where, f"{version!r} is not a version")
    if version > VERSION:
        raise StateError(
            f"{where} has state version {version}, but this provisioner supports version {VERSION}",
            hint="upgrade provisioner",
        )
    try:
        file = _File.model_validate(value)
        # From the JSON value, because `record_of` is also for the lines of a journal.
        mappings = {name: record_of(item) for name, item in value["mappings"].items()}
    except (ValidationError, TypeError, KeyError) as error:
        raise _damaged(where, " ".join(str(error).split())) from error
    if file.stack != stack:
        hint = "pass the right manifest with -f, or set a separate `state: {path: ...}` for this stack"
        raise StateError(f"{where} belongs to stack {file.stack}, not to {stack}", hint=hint)
    state = State(file.stack, file.lineage, file.account, file.serial, mappings)
    if not state.is_sound:
        raise _damaged(where, "the same UUID is recorded under two names")
    return state


def _damaged(where: str, why: str) -> StateError:
    before = (
        "restore one of its versions"
        if where.startswith("s3://")
        else f"restore the state from before the last command: {where}.backup"
    )
    return DamagedError(
        f"{where} is damaged: {why}", hint=f"{before}; or rebuild the state with `{command_line('state', 'rebuild')}`"
    )


def encode(state: State, pending: Sequence[Intent] = (), writer: str = "") -> str:
    """The text of a state. With `writer`, as in S3, it also has the pending intents and the writer's token."""
    value = {
        "version": VERSION,
        "lineage": state.lineage,
        "serial": state.serial,
        "stack": state.stack,
        "account": state.account,
        "mappings": {name: record_value(record) for name, record in state.mappings.items()},
    }
    if writer:
        value |= {"pending": [intent_value(intent) for intent in pending], "writer": writer}
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def shared_part(text: str, *, where: str) -> tuple[tuple[Intent, ...], str]:
    """The pending intents and the writer's token of a text that `decode` understood; none and "" in a text without
    them. Raises DamagedError.
    """
    value = json.loads(text)
    try:
        return tuple(intent_of(item) for item in value.get("pending", ())), str(value.get("writer", ""))
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(where, "`pending` contains an entry that is not an intent") from error


def record_of(value: Any) -> Record:
    """The record in a JSON value. Raises ValidationError or TypeError when it is malformed."""
    item = _Record.model_validate(value)
    for uuid in (item.uuid, *(deposed.uuid for deposed in item.deposed)):
        if not UUID.fullmatch(uuid):
            raise TypeError(f"{uuid!r} is not a UUID")
    if not _is_mapping(item.applied):
        raise TypeError(f"the applied values recorded for {item.uuid} are damaged")
    # Again, because an older version or a person may have written it in another form.
    applied = canonical(item.applied, kind_of(item.applied) or SourceKind.UNKNOWN)
    return Record(
        item.uuid,
        item.arn,
        item.region,
        applied,
        item.protected,
        tuple(Deposed(deposed.uuid, deposed.region) for deposed in item.deposed),
    )


def _is_mapping(applied: dict[str, Any]) -> bool:
    """Whether every field that the table has is of its type. Unknown fields are no damage: a later version, or one with
    another botocore, may have written them. Nor is a member that an item of a list or a block lacks: an import records
    what AWS answered.
    """
    try:
        EventSourceMapping.model_validate(applied)
    except ValidationError as error:
        return all(
            item["type"] == "extra_forbidden" or (item["type"] == "missing" and len(item["loc"]) > 1)
            for item in error.errors(include_url=False)
        )
    return True


def intent_of(value: Any) -> Intent:
    """The intent in a JSON value. Raises KeyError, TypeError or AttributeError when it is malformed."""
    texts = (value["intent"], value["action"], value["name"], *value["pair"].values(), *value["uuids"])
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("every value of an intent must be a string")
    pair, protected = Pair(**value["pair"]), value.get("protected") is True
    return Intent(value["intent"], value["action"], value["name"], pair, tuple(value["uuids"]), protected)


def intent_value(intent: Intent) -> dict[str, Any]:
    """An intent as a JSON value, with `protected` only where it is true; the reverse of `intent_of`."""
    pair = intent.pair
    where = {"region": pair.region, "source": pair.source, "function": pair.function, "channel": pair.channel}
    return {
        "intent": intent.token,
        "action": intent.action,
        "name": intent.name,
        "pair": where,
        "uuids": list(intent.uuids),
        **({"protected": True} if intent.protected else {}),
    }


def record_value(record: Record) -> dict[str, Any]:
    """A record as a JSON value, with `deposed` only where there is one; the reverse of `record_of`."""
    value = {
        "uuid": record.uuid,
        "arn": record.arn,
        "region": record.region,
        "applied": record.applied,
        "protected": record.protected,
    }
    deposed = [{"uuid": deposed.uuid, "region": deposed.region} for deposed in record.deposed]
    return {**value, "deposed": deposed} if deposed else value
