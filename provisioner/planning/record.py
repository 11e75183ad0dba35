"""Records: what the state has before the first call and after each one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from provisioner.kinds import kind_of_change
from provisioner.kinds.statements import statement_of
from provisioner.model.canonical import Canonical
from provisioner.model.key import Key
from provisioner.model.live import ACTIVE, Live, Status
from provisioner.model.plan import Action, Change, Plan
from provisioner.model.sources import SourceKind
from provisioner.model.state import Deposed, Intent, Record, State
from provisioner.planning.reading import Reading
from provisioner.planning.statements import deposed_of, idle_statement, needed_statement, recorded_statements


def state_before_calls(state: State, plan: Plan, reading: Reading) -> State:
    """The state with every change that needs no call: moves, imports, forgets, and mappings that match already. It is
    stored before the first call (docs/architecture.md#decisions); the serial is that of `state`.
    """
    mappings = dict(state.mappings)
    # The change of a deposed mapping has no record of its own: it is a part of the name's.
    named = [change for change in plan.changes if not change.deposed]
    # First all old names, then all new ones: in a swap, the old name of one record is the new name of another.
    for change in named:
        mappings.pop(change.moved_from, None)
    for change in named:
        record = _record_before_calls(change, reading)
        if record is None:
            mappings.pop(change.name, None)
        else:
            mappings[change.name] = record
    return replace(state, account=plan.account, mappings=mappings)


def _record_before_calls(change: Change, reading: Reading) -> Record | None:
    record = change.record
    if record:
        # One that is gone needs no delete. Kept here, nothing would ever remove it from the record.
        alive = tuple(deposed for deposed in record.deposed if deposed.key in reading.live)
        record = replace(record, deposed=alive)
    if change.action is Action.FORGET:
        # What it deposed is still to be deleted: the executor forgets the name with the last of it.
        return record if record and record.deposed else None
    # Before a delete, and before the create in place of a mapping that is gone, the old record stays as it is.
    if change.conflict or change.live is None or change.wanted is None or change.action is Action.CREATE:
        return record
    protected = change.wanted.lifecycle.prevent_destroy
    deposed = record.deposed if record else ()
    if change.action is Action.NO_OP:
        return applied_record(change, change.live, change.applied or {}, deposed)
    # The call may fail: until it has succeeded, what was applied is what the record had.
    base = record.applied if record else change.live.as_left
    return replace(_own(change, change.live), applied=base, protected=protected, deposed=deposed)


# Both calls of a replacement have an intent, whichever comes first.
_CALLS = {
    Action.CREATE: ("create",),
    Action.UPDATE: ("update",),
    Action.DELETE: ("delete",),
    Action.REPLACE: ("delete", "create"),
}


def is_protected(change: Change) -> bool:
    """Whether the mapping of a change has `prevent_destroy`."""
    return change.wanted is not None and change.wanted.lifecycle.prevent_destroy


def token_of(change: Change, action: str) -> str:
    """The token of the intent for one call of a change, unique in its plan. `action` is `create`, `update` or
    `delete`, because a replacement has two calls.
    """
    return f"{change.key}: {action}"


def planned_calls(plan: Plan) -> tuple[Intent, ...]:
    """The intents of all calls of a plan, in the order of the plan."""
    return tuple(
        Intent(
            token_of(change, action),
            action,
            change.name,
            change.pair,
            (change.existing,) if change.existing else (),
            is_protected(change),
            kind_of_change(change).name,
            key_made(change),
            needed_statement(change),
        )
        for change in plan.changes
        for action in _CALLS.get(change.action, ())
    )


def planned_at_once(plan: Plan, intents: Sequence[Intent]) -> tuple[Intent, ...]:
    """The intents that can be stored before the first call. That of a change is not among them whose record has a statement
    which an earlier apply left: a record has room for one, and the statement goes before the intent is begun.
    """
    later = {
        token_of(change, action)
        for change in plan.changes
        if (left := idle_statement(change.record)) and left != needed_statement(change)
        for action in _CALLS.get(change.action, ())
    }
    return tuple(intent for intent in intents if intent.token not in later)


def key_made(change: Change) -> Key | None:
    """The key of the mapping that a change writes, where planning chooses it; None where AWS does, and for a deletion."""
    kind = kind_of_change(change)
    return kind.key(change.desired, change.region) if kind.key and change.desired else None


def applied_record(change: Change, live: Live, applied: Canonical, deposed: tuple[Deposed, ...] = ()) -> Record:
    """The record of the live mapping of a change, with `applied` as the applied values and `deposed` as what it still
    has to delete.
    """
    own = _own(change, live)
    return replace(
        own,
        applied=applied,
        protected=is_protected(change),
        deposed=deposed,
        # Of a mapping that Lambda keeps, whatever a later version has recorded.
        statement=statement_of(applied, live.key.region) if kind_of_change(change).key else own.statement,
    )


def written_record(change: Change, current: Record | None, *, elsewhere: bool) -> Record:
    """The record of an entry that a change has written, from the one that its name has now. `elsewhere`: what it replaces is
    in another source, and still to be deleted.
    """
    deposed = current.deposed if current else ()
    if elsewhere and change.existing:
        held = recorded_statements(change.record)
        deposed = (*deposed, Deposed(change.existing, held[0] if held else None))
    key = key_made(change)
    assert key is not None, "the change writes an entry"
    live = Live(key, change.pair.source, SourceKind.S3, change.desired or {}, Status(ACTIVE))
    return applied_record(change, live, change.applied or {}, deposed)


def record_without(change: Change, state: State, forgotten: Collection[str]) -> Record | None:
    """The record that a name has once the existing mapping of a change is gone: what it still has to delete, or made in its
    place. None where nothing is left, and for a name that is to be `forgotten` with the last of it.
    """
    # The record that the name has now: another change may have deleted one of its deposed mappings.
    current = state.mappings.get(change.name)
    if current is None:
        return None
    if not change.deposed and change.action is not Action.REPLACE:
        # What could not be deleted stays recorded, and the next run sees that this mapping is gone.
        return current if current.deposed else None
    others = tuple(item for item in current.deposed if item.key != change.existing)
    return None if change.name in forgotten and not others else replace(current, deposed=others)


def begun_record(intent: Intent, old: Record | None) -> Record | None:
    """The record of a name whose call was interrupted, from the record that it had: the mapping that the call makes may be
    there or not, and so may its statement. One that was never applied has no applied values. Of another intent, `old`.
    """
    if intent.makes is None:
        return old
    if old and old.key == intent.makes:
        return replace(old, statement=intent.statement or old.statement)
    deposed = (*old.deposed, deposed_of(old)) if old else ()
    protected = intent.protected or bool(old and old.protected)
    return Record(intent.makes, intent.pair.source, {}, protected, deposed, intent.statement)


def _own(change: Change, live: Live) -> Record:
    """The record that a change has of a live mapping, with all that is kept there; else a new one."""
    record = change.record
    return (
        replace(record, arn=live.arn)
        if record and record.key == live.key
        else Record(live.key, live.arn, {}, owner=change.accepted_owner, statement=needed_statement(change))
    )
