"""Whether AWS changed since a saved plan was made. `workflow/saved.py` compares state, account and region as well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from provisioner.kinds import kind_of_change
from provisioner.kinds.canonical import default_at
from provisioner.model.key import Key
from provisioner.model.live import DELETING, Live
from provisioner.model.place import FieldPath, is_within
from provisioner.model.plan import Action, Change, FieldChange, Plan
from provisioner.planning.diff import field_changes
from provisioner.planning.reading import Reading


def changed_since(plan: Plan, now: Reading) -> tuple[str, ...]:
    """A line for each field or mapping of the plan that changed since; empty when none did. Unlike
    `approval.still_approved`, one changed mapping makes the whole plan stale.
    """
    # A pair whose holder the plan itself deletes is not taken.
    freed = {change.existing for change in plan.changes if change.destroys and change.existing}
    return tuple(
        line
        for change in plan.changes
        if change.counts and not change.conflict
        for line in _changes(change, now, freed)
    )


def _changes(change: Change, now: Reading, freed: set[Key]) -> Iterator[str]:
    name = change.key
    # A create has no existing mapping; that of its record was gone.
    key = change.existing or (change.record.key if change.record else None)
    live = now.live.get(key) if key else None
    if change.live is None and live and live.status.state != DELETING:
        yield f"{name}: {live.key} exists again"
    if change.action is Action.CREATE:
        # Who holds a part of a source is judged again for the apply, by all that the source has.
        holder = now.holders.get(change.name) if kind_of_change(change).key is None else None
        if holder and holder.key not in freed and holder.status.state != DELETING:
            yield f"{name}: its function and source belong to {holder.key} now"
    elif change.live:
        ignored = change.wanted.lifecycle.ignore_changes if change.wanted else ()
        yield from _differences(name, change.live, live, ignored)


def _differences(name: str, planned: Live, live: Live | None, ignored: Sequence[FieldPath]) -> Iterator[str]:
    if live is None:
        yield f"{name}: {planned.key} no longer exists"
        return
    for field in field_changes(planned.mapping, live.mapping, planned.mapping, live.kind):
        # A value that AWS did not show at one of the two times is not known to have changed.
        if field.path not in planned.unknown | live.unknown and not is_within(field.path, ignored):
            before, after = (_shown(field, live, value) for value in (field.prior, field.live))
            yield f"{name}: {'.'.join(field.path)} changed from {before} to {after}"


def _shown(field: FieldChange, live: Live, value: object) -> str:
    # Canonical form has no defaults, but people know the number.
    value = default_at(field.path, live.kind) if value is None else value
    return "absent" if value is None else json.dumps(value, ensure_ascii=False)
