"""The state's file format: JSON, sorted, two spaces; version 2, and version 1 for reading
(docs/architecture.md#state).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from provisioner.backend.members import (
    IntentBefore,
    IntentMembers,
    RecordBefore,
    RecordMembers,
    StateMembers,
    StatementMembers,
    reason,
)
from provisioner.environment import command_line
from provisioner.errors import DamagedError, StateError
from provisioner.foreign_text import one_line
from provisioner.kinds import KINDS
from provisioner.kinds.canonical import canonical
from provisioner.kinds.ids import S3_ID
from provisioner.kinds.statements import permission_of
from provisioner.model.key import LAMBDA, Key
from provisioner.model.references import ACCOUNT, MAPPING_NAME, UUID, Pair
from provisioner.model.sources import SourceKind, kind_of
from provisioner.model.state import AcceptedOwner, Deposed, Intent, Paused, Record, State, Statement
from provisioner.strict_json import DuplicateKeyError, loads

VERSION: Final = 2
_LINEAGE: Final = re.compile(r"[!-~]{1,256}")  # what a tag can hold
_ENTRY: Final = re.compile(S3_ID.removeprefix("s3:"))
_REGION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")  # looser than the manifest's: a profile may have any


def decode(text: str, *, where: str, stack: str) -> State:
    """The state in a text of this version or of version 1.

    Raises DamagedError when it is damaged, StateError when it was written by a newer version or is another stack's.
    `where` names the text in errors; with `s3://` the hint is about versions of an object.
    """
    try:
        value = loads(text)
        version = value["version"]
    except DuplicateKeyError as error:
        raise damaged(where, str(error)) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged(where, "it is not a state file") from error
    if type(version) is not int or version < 1:  # not isinstance: True is an int
        raise damaged(where, f"{version!r} is not a version")
    if version > VERSION:
        raise StateError(
            f"{where} has state version {version}, but this provisioner supports version {VERSION}",
            hint="upgrade provisioner",
        )
    try:
        # Version 1 let unknown members pass.
        known = {key: item for key, item in value.items() if version > 1 or key in StateMembers.model_fields}
        file = StateMembers.model_validate(known)
        # From the JSON value, because `record_of` is also for the lines of a journal.
        mappings = {name: record_of(item, version) for name, item in file.mappings.items()}
        require_form("a name", MAPPING_NAME, *mappings)
        require_form("a lineage", _LINEAGE, file.lineage)
        require_form("an account", ACCOUNT, *filter(None, (file.account,)))
    except (ValidationError, TypeError, KeyError) as error:
        refuse_newer(error, where)
        raise damaged(where, reason(error)) from error
    if file.stack != stack:
        hint = "pass the right manifest with -f, or set a separate `state: {path: ...}` for this stack"
        raise StateError(f"{where} belongs to stack {one_line(file.stack)}, not to {stack}", hint=hint)
    state = State(file.stack, file.lineage, file.account, file.serial, mappings, file.environment)
    if not state.is_sound:
        raise damaged(where, "the same mapping is recorded under two names")
    return state


def version_of(text: str) -> int:
    """The version of a text that `decode` understood."""
    return int(json.loads(text)["version"])


class NewerError(TypeError):
    """A kind of mapping, or a member, that this version does not know."""


def require_form(what: str, form: re.Pattern[str], *texts: str) -> None:
    """Raise TypeError for a text that no version writes there: no call may be based on it."""
    for text in texts:
        if not form.fullmatch(text):
            raise TypeError(f"{one_line(text)!r} is not {what}")


def refuse_members(value: Mapping[str, Any], known: Collection[str]) -> None:
    """Raise NewerError when a JSON object has members that are not known: they would be lost with the next write."""
    if unknown := sorted(value.keys() - set(known)):
        raise NewerError(f"unknown member {', '.join(unknown)}")


def refuse_newer(error: Exception, where: str) -> None:
    """Raise StateError when an error is only about what a newer version may have written: unknown members or kinds."""
    what = str(error) if isinstance(error, NewerError) else ""
    if isinstance(error, ValidationError):
        items = error.errors(include_url=False)
        names = [".".join(map(str, item["loc"])) for item in items if item["type"] == "extra_forbidden"]
        what = f"unknown member {', '.join(names)}" if len(names) == len(items) else ""
    if what:
        raise StateError(f"{where} was written by a newer provisioner: {what}", hint="upgrade provisioner") from error


def damaged(where: str, why: str) -> DamagedError:
    """The error for a state that is not as it was written; its hint lists the ways to restore it."""
    before = "restore one of its versions; or " if where.startswith("s3://") else ""
    if Path(f"{where}.backup").is_file():  # the first command that stores a state has nothing to keep
        before = f"restore the state from before the last command: {where}.backup; or "
    rebuild = command_line("state", "rebuild")
    return DamagedError(f"{where} is damaged: {why}", hint=f"{before}rebuild the state with `{rebuild}`")


def encode(state: State, pending: Sequence[Intent] = (), writer: str = "") -> str:
    """The text of a state. With `writer`, as in S3, it also has the pending intents and the writer's token.

    The text is decoded once, because it is to replace one that can be read. Raises StateError when it cannot be read
    back.
    """
    value = {
        "version": VERSION,
        "lineage": state.lineage,
        "serial": state.serial,
        "stack": state.stack,
        "account": state.account,
        **({"environment": state.environment} if state.environment else {}),
        "mappings": {name: record_value(record) for name, record in state.mappings.items()},
    }
    if writer:
        value |= {"pending": [intent_value(intent) for intent in pending], "writer": writer}
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    try:
        decode(text, where="the new state", stack=state.stack)
        shared_part(text, where="the new state")
    except StateError as error:
        hint = "the stored state is as it was; run the command again, and report this if it still fails"
        raise StateError(
            f"the state was not written, because it could not be read back: {error.message}", hint=hint
        ) from error
    return text


def encode_before(state: State) -> str:
    """The text of a state in version 1, for an older provisioner. Raises StateError when the state holds what version 1
    cannot say.
    """
    newer = ["environment"] if state.environment else []
    mappings: dict[str, Any] = {}
    for name, record in state.mappings.items():
        kinds = {record.key.kind, *(item.key.kind for item in record.deposed)} - {LAMBDA}
        members = [record.statement, record.owner, record.paused, *(item.statement for item in record.deposed)]
        newer += [name] if kinds or any(members) else []
        mappings[name] = {
            "uuid": record.key.id,
            "arn": record.arn,
            "region": record.key.region,
            "applied": record.applied,
            "protected": record.protected,
        }
        if record.deposed:
            mappings[name]["deposed"] = [{"uuid": item.key.id, "region": item.key.region} for item in record.deposed]
    if newer:
        hint = "version 1 cannot hold these; keep using this version of provisioner"
        raise StateError(f"the state uses what version 2 added: {', '.join(newer)}", hint=hint)
    value = {
        "version": 1,
        "lineage": state.lineage,
        "serial": state.serial,
        "stack": state.stack,
        "account": state.account,
        "mappings": mappings,
    }
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def shared_part(text: str, *, where: str) -> tuple[tuple[Intent, ...], str]:
    """The pending intents and the writer's token of a text that `decode` understood; none and "" in a text without
    them. Raises DamagedError.
    """
    value = json.loads(text)
    try:
        version = value["version"]
        return tuple(intent_of(item, version) for item in value.get("pending", ())), str(value.get("writer", ""))
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        refuse_newer(error, where)
        raise damaged(where, "`pending` contains an entry that is not an intent") from error


def record_of(value: Any, version: int = VERSION) -> Record:
    """The record in a JSON value of a version. Raises ValidationError or TypeError when it is malformed."""
    if version == 1:
        before = RecordBefore.model_validate(value)
        value = {
            "kind": LAMBDA,
            "id": before.uuid,
            **before.model_dump(include={"region", "arn", "applied", "protected"}),
            "deposed": [{"kind": LAMBDA, "id": item.uuid, "region": item.region} for item in before.deposed],
        }
    item = RecordMembers.model_validate(value)
    key = _key(item.kind, item.region, item.id)
    deposed = tuple(Deposed(_key(part.kind, part.region, part.id), _statement(part.statement)) for part in item.deposed)
    # Written once: of a mapping that was applied, the statement is the permission that was applied.
    statement = permission_of(_statement(item.statement)) if item.applied else None
    permission = {"permission": statement} if statement else {}
    if not is_mapping(item.kind, item.applied):
        raise TypeError(f"the applied values recorded for {item.id} are damaged")
    return Record(
        key=key,
        arn=item.arn,
        # Again, because an older version or a person may have written it in another form.
        applied=canonical({**permission, **item.applied}, kind_of(item.applied) or SourceKind.UNKNOWN),
        protected=item.protected,
        deposed=deposed,
        statement=_statement(item.statement),
        owner=AcceptedOwner(**item.owner.model_dump()) if item.owner else None,
        paused=Paused(**item.paused.model_dump()) if item.paused else None,
    )


def _key(kind: str, region: str, ident: str) -> Key:
    if kind not in KINDS:
        raise NewerError(f"mappings of kind {kind!r}")
    require_form("a UUID" if kind == LAMBDA else "BUCKET/ENTRY-ID", UUID if kind == LAMBDA else _ENTRY, ident)
    require_form("a region", _REGION, region)
    return Key(kind, region, ident)


def _statement(item: StatementMembers | None) -> Statement | None:
    return Statement(item.function, item.region, item.id, item.applied) if item else None


def is_mapping(kind: str, applied: dict[str, Any]) -> bool:
    """Whether every field that the kind's table has is of its type. Unknown fields are no damage: a later version, or one with
    another botocore, may have written them. Nor is a member that an item of a list or a block lacks: an import records
    what AWS answered.
    """
    try:
        KINDS[kind].block.model_validate(applied)
    except ValidationError as error:
        return all(
            item["type"] == "extra_forbidden" or (item["type"] == "missing" and len(item["loc"]) > 1)
            for item in error.errors(include_url=False)
        )
    return True


def intent_of(value: Any, version: int = VERSION) -> Intent:
    """The intent in a JSON value of a version. Raises ValidationError or TypeError when it is malformed."""
    if version > 1:
        refuse_members(value, IntentMembers.model_fields)
    else:
        before = IntentBefore.model_validate(value)
        keys = [{"kind": LAMBDA, "region": before.pair.region, "id": uuid} for uuid in before.uuids]
        value = {**before.model_dump(exclude={"uuids"}), "kind": LAMBDA, "keys": keys}
    item = IntentMembers.model_validate(value)
    if item.kind not in KINDS:
        raise NewerError(f"mappings of kind {item.kind!r}")
    require_form("a name", MAPPING_NAME, item.name)
    known = tuple(_key(key.kind, key.region, key.id) for key in item.keys)
    return Intent(
        item.intent,
        item.action,
        item.name,
        Pair(**item.pair.model_dump()),
        known,
        item.protected,
        item.kind,
        _key(item.makes.kind, item.makes.region, item.makes.id) if item.makes else None,
        _statement(item.statement),
    )


def intent_value(intent: Intent) -> dict[str, Any]:
    """An intent as a JSON value; what it does not have is absent. The reverse of `intent_of`."""
    return {
        "intent": intent.token,
        "action": intent.action,
        "name": intent.name,
        "kind": intent.kind,
        "pair": intent.pair._asdict(),
        "keys": [key_value(key) for key in intent.keys],
        **({"protected": True} if intent.protected else {}),
        **({"makes": key_value(intent.makes)} if intent.makes else {}),
        **({"statement": asdict(intent.statement)} if intent.statement else {}),
    }


def record_value(record: Record) -> dict[str, Any]:
    """A record as a JSON value; what it does not have is absent. The reverse of `record_of`."""
    permission = permission_of(record.statement)
    is_once = permission is not None and record.applied.get("permission") == permission
    parts = {
        "statement": asdict(record.statement) if record.statement else None,
        "deposed": [
            {**key_value(item.key), **({"statement": asdict(item.statement)} if item.statement else {})}
            for item in record.deposed
        ],
        "owner": asdict(record.owner) if record.owner else None,
        "paused": {name: item for name, item in asdict(record.paused).items() if item != ""} if record.paused else None,
    }
    return {
        **key_value(record.key),
        "arn": record.arn,
        "applied": {name: value for name, value in record.applied.items() if not (name == "permission" and is_once)},
        "protected": record.protected,
        **{name: item for name, item in parts.items() if item},
    }


def key_value(key: Key) -> dict[str, str]:
    """A key as a JSON value. Unlike `asdict`, it copies nothing, which counts for thousands of records."""
    return {"kind": key.kind, "region": key.region, "id": key.id}
