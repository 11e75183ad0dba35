"""Mappings that are not possible, because another mapping holds their function and source. The rest of a plan goes on
(docs/architecture.md#conflicts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.environment import command_line
from provisioner.kinds import pair_of
from provisioner.model.desired import Desired
from provisioner.model.live import Live
from provisioner.model.plan import Action, Change, Conflict
from provisioner.model.state import Record
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


def held_by(holder: Live, stack: str, name: str, *, is_taken: bool = False) -> Conflict:
    """The conflict with a mapping that this state does not manage and that must not be imported unasked. `name` is the
    one under which it could be imported, or `is_taken` by another mapping.
    """
    # Of a name that the manifest does not have, the import does not know the region.
    words = (f"{name}-2", f"{holder.key.id}@{holder.key.region}") if is_taken else (name, holder.key.id)
    line = f"`{command_line('import', *words)}`"
    if holder.owner is None:
        message = f"Lambda already has a mapping for this function and source: {holder.key}"
        return Conflict(holder.key, message, f"import it: {line}")
    if holder.owner.stack == stack:
        rebuild = command_line("state", "rebuild")
        hint = f"use the state that created it; if that state is lost, run `{rebuild}`, or {line}"
        return Conflict(holder.key, f"the mapping {holder.key} belongs to another state of stack {stack}", hint)
    message = f"the mapping {holder.key} belongs to stack {holder.owner.stack}"
    return Conflict(holder.key, message, f"remove it there, or import it: {line}")


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
    message = f"its function and source, or its consumer group, are still in use by {held}, which cannot be changed"
    conflict = Conflict(other.live.key, message, f"resolve the conflict of {other.name} first")
    stays = change.live if change.existing and not change.adopts else None
    blocked = not_possible(change.wanted, change.record, stays, conflict)
    return replace(blocked, moved_from=change.moved_from, after=change.after)
