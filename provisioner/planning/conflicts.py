"""Mappings that are not possible, because another mapping holds their function and source. The rest of a plan goes on
(docs/architecture.md#conflicts).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from provisioner.environment import command_line
from provisioner.foreign_text import one_line
from provisioner.kinds import kind_for, pair_of
from provisioner.kinds.kind import Claim
from provisioner.model.desired import Desired
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import Live
from provisioner.model.plan import Action, Change, Conflict
from provisioner.model.state import Record, State
from provisioner.planning.commands import import_line
from provisioner.planning.naming import key_stated
from provisioner.planning.order import Claims, by_claim, in_the_way


def not_possible(wanted: Desired, record: Record | None, live: Live | None, conflict: Conflict) -> Change:
    """The change of a wanted mapping that cannot be made: its record and its live mapping stay as they are."""
    return Change(
        name=wanted.name,
        action=Action.NOT_POSSIBLE,
        region=live.key.region if live else wanted.region,
        pair=pair_of(wanted),
        desired=live.mapping if live else None,
        live=live,
        record=record,
        wanted=wanted,
        conflict=conflict,
    )


def _as_not_possible(change: Change, wanted: Desired, conflict: Conflict) -> Change:
    """A planned change as one that is not possible. A mapping that it would import is not among what stays."""
    stays = change.live if change.existing and not change.adopts else None
    refused = not_possible(wanted, change.record, stays, conflict)
    return replace(refused, moved_from=change.moved_from, after=change.after)


def pair_words(holder: Key) -> str:
    """What a mapping of the kind of a holder is told from others by, in a sentence about one that wants the same."""
    return "its function and source" if holder.kind == LAMBDA else "its function, events and filter"


def held_by(holder: Live, stack: str, name: str, *, is_taken: bool = False) -> Conflict:
    """The conflict with a mapping that this state does not manage and that must not be imported unasked. `name` is the
    one under which it could be imported, or `is_taken` by another mapping.
    """
    # The manifest does not have the other name.
    line = f"`{import_line(f'{name}-2' if is_taken else name, holder.key, states_region=is_taken)}`"
    if holder.owner is None and holder.cloudformation:
        message = (
            f"the mapping {holder.key} belongs to CloudFormation stack {holder.cloudformation}, according to its tags"
        )
        return Conflict(holder.key, message, f"release it there, or import it: {line}")
    if holder.owner is None:
        message = (
            f"Lambda already has a mapping for this function and source: {holder.key}"
            if holder.key.kind == LAMBDA
            else one_line(
                f"the source already has an entry with this function, these events and this filter: {holder.key}"
            )
        )
        return Conflict(holder.key, message, f"import it: {line}")
    if holder.owner.stack == stack:
        rebuild = command_line("state", "rebuild")
        hint = f"use the state that created it; if that state is lost, run `{rebuild}`, or {line}"
        return Conflict(holder.key, f"the mapping {holder.key} belongs to another state of stack {stack}", hint)
    message = f"the mapping {holder.key} belongs to stack {holder.owner.stack}"
    return Conflict(holder.key, message, f"remove it there, or import it: {line}")


def id_taken(wanted: Desired, entries: Mapping[Key, Live], managed: Collection[Key]) -> Conflict | None:
    """The conflict with an entry of the source that has the id which the manifest states, and that this state does not
    manage.
    """
    key = key_stated(wanted)
    holder = entries.get(key) if key else None
    if holder is None or holder.key in managed:
        return None
    return Conflict(
        holder.key,
        one_line(f"an entry with this id, {holder.key}, is not managed by this stack: {pair_of(holder)}"),
        f"choose another id, or import it: `{import_line(wanted.name, holder.key)}`",
    )


def without_overlaps(changes: Sequence[Change], entries: Mapping[Key, Live], state: State) -> list[Change]:
    """The changes in their order; one whose mapping would conflict with an entry that stays at the source, whoever made it,
    is not possible.
    """
    if not any(change.wanted and kind_for(change.wanted.kind).key for change in changes):
        return list(changes)  # what Lambda keeps has no entries beside it
    # By the names that the records have after the plan: what a moved record still has to delete moves with it.
    moved = {change.name: change.record for change in changes if change.record}
    managers = state.managers() | replace(state, mappings=moved).managers()
    changes = list(changes)
    while True:
        leaving = {change.existing for change in changes if change.calls_aws and change.existing}
        staying = _entries_by_claim(live for key, live in entries.items() if key not in leaving)
        judged = [_id_held(change, managers) or _overlapping(change, staying, managers) for change in changes]
        if judged == changes:
            return judged
        changes = judged


def _id_held(change: Change, managers: Mapping[Key, str]) -> Change | None:
    """The change as one that is not possible, where it would make an entry with the id that another record has, even if that one
    gives it up now, or its entry is gone: for a moment, two records would have one entry.
    """
    wanted, desired = change.wanted, change.desired
    if wanted is None or desired is None or change.action not in (Action.CREATE, Action.REPLACE):
        return None
    kind = kind_for(wanted.kind)
    key = kind.key(desired, change.region) if kind.key else None
    manager = managers.get(key) if key else None
    if key is None or manager in (None, change.name, change.moved_from):
        return None
    hint = f"choose another id, or apply again when {manager} has given it up"
    conflict = Conflict(key, one_line(f"an entry with this id, {key}, is that of {manager}"), hint)
    return _as_not_possible(change, wanted, conflict)


def _entries_by_claim(entries: Iterable[Live]) -> dict[Claim, list[Live]]:
    found: defaultdict[Claim, list[Live]] = defaultdict(list)
    for live in entries:
        for claim in kind_for(live.kind).claims(live.mapping, pair_of(live)):
            found[claim].append(live)
    return found


def _overlapping(change: Change, staying: Mapping[Claim, Sequence[Live]], managers: Mapping[Key, str]) -> Change:
    wanted, desired = change.wanted, change.desired
    if wanted is None or desired is None or not change.calls_aws:
        return change
    kind = kind_for(wanted.kind)
    pair = kind.pair(desired, change.region)
    others = {
        other.key: other
        for claim in kind.claims(desired, pair)
        for other in staying.get(claim, ())
        if kind.conflicts(desired, pair, other.mapping, pair_of(other))
    }
    if not others:
        return change
    other = others[min(others)]  # claims have no order, and the holder is in the hash of the plan
    manager = managers.get(other.key)
    named = f"{manager} ({other.key})" if manager else f"the entry {other.key}, which is not managed by this stack"
    theirs = pair_of(other)
    where = f"{pair.channel} for {pair.function}, and {theirs.channel} for {theirs.function}"
    conflict = Conflict(
        other.key,
        one_line(f"it overlaps with {named}: {where}"),
        "change the events or the filter of one of them: S3 notifies one destination of an event",
    )
    return _as_not_possible(change, wanted, conflict)


def without_blocked(changes: Sequence[Change]) -> list[Change]:
    """The changes in their order; what takes the pair of a mapping that cannot move away from it is not possible
    either.
    """
    changes = list(changes)
    while staying := by_claim(change for change in changes if change.conflict):
        blocked = [_blocked(change, staying) for change in changes]
        if blocked == changes:
            break
        changes = blocked
    return changes


def _blocked(change: Change, staying: Claims) -> Change:
    # The first by key: claims have no order, and the holder is in the hash of the plan.
    other = min(in_the_way(change, staying), key=lambda item: item.key, default=None)
    if other is None or other.live is None or change.wanted is None:
        return change
    held = f"{other.name} ({other.live.key})"
    message = (
        f"its function and source, or its consumer group, are still in use by {held}, which cannot be changed"
        if other.live.key.kind == LAMBDA
        else f"it overlaps with {held}, which cannot be changed"
    )
    conflict = Conflict(other.live.key, message, f"resolve the conflict of {other.name} first")
    return _as_not_possible(change, change.wanted, conflict)
