"""Which changes of an approved plan are still the ones that were approved, after AWS was read again."""

from __future__ import annotations

from dataclasses import replace

from provisioner.model.plan import Change, Plan
from provisioner.model.report import Outcome, Result

_CHANGED = "it changed in AWS after the plan was shown"
_DEPENDS_ON_CHANGED = "it depends on a mapping that changed in AWS after the plan was shown"


def still_approved(approved: Plan, now: Plan) -> tuple[Plan, tuple[Outcome, ...]]:
    """The approved changes that would be made the same way now, and an outcome for each of the others, which are not
    attempted. Unlike `stale.changed_since`, which refuses a saved plan as a whole. A change that only `now` has is not
    made: nobody approved it.
    """
    current = {change.key: change for change in now.changes}
    changed = {change.key for change in approved.changes if _essence(current.get(change.key)) != _essence(change)}
    dropped: set[str] = set()
    connected = changed
    # Until nothing is added: what depends on a dropped change is dropped too, and so is what depends on that.
    while connected:
        dropped |= connected
        # Changes of one name write the same record, and half a swap of names would lose one of two records.
        gone = [change for change in approved.changes if change.key in dropped]
        names = {name for change in gone for name in (change.name, change.moved_from) if name}
        connected = {
            change.key
            for change in approved.changes
            if change.key not in dropped
            and (dropped.intersection(change.after) or names & {change.name, change.moved_from})
        }
    outcomes = tuple(
        Outcome(change, Result.NOT_ATTEMPTED, _CHANGED if change.key in changed else _DEPENDS_ON_CHANGED, "plan again")
        for change in approved.changes
        if change.key in dropped
    )
    same = tuple(change for change in approved.changes if change.key not in dropped)
    return replace(approved, changes=same), outcomes


def _essence(change: Change | None) -> object:
    # Unlike the one of a plan's hash, with the causes: at the terminal they were shown and are a part of the approval. And
    # with the owner: what another stack has imported meanwhile is not ours to change.
    return change and (
        change.action,
        change.existing,
        change.desired,
        change.fields,
        change.live and (change.live.mapping, change.live.owner, change.live.cloudformation),
    )
