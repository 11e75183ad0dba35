"""Whose a mapping is, by its tags: what is ours, what may be imported unasked, what must not be changed although it is
recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from provisioner.environment import command_line
from provisioner.kinds import KINDS, pair_of
from provisioner.model.desired import Desired
from provisioner.model.key import Key
from provisioner.model.live import Live
from provisioner.model.plan import Action, Change, Problem
from provisioner.model.state import AcceptedOwner


def is_ours(live: Live, lineage: str) -> bool:
    """Whether a state with this lineage created a mapping: its ownership tags name it."""
    return live.owner is not None and live.owner.lineage == lineage


def may_import(live: Live, wanted: Desired | None, lineage: str, from_owners: Collection[str] = ()) -> bool:
    """Whether what holds a wanted pair is imported instead of refused: it is ours, or it has no owner but `from_owners` and
    this very pair, not only one of its brokers, and the manifest allows it with `on_conflict`. With `adopt_identical` the
    caller sees whether it is identical.
    """
    asked = wanted is not None and wanted.lifecycle.on_conflict != "fail" and pair_of(live) == pair_of(wanted)
    owner = other_owner(live, lineage)
    return (asked and (not owner or owner in from_owners)) or is_ours(live, lineage)


def other_owner(live: Live, lineage: str) -> str:
    """Who else has a mapping, by its tags, as `--from-owner` names it: `stack:NAME`, `cloudformation:NAME`; "" where they name
    nobody, or the state with this lineage.
    """
    if live.owner:
        return "" if is_ours(live, lineage) else f"stack:{live.owner.stack or live.owner.lineage}"
    return f"cloudformation:{live.cloudformation}" if live.cloudformation else ""


def owner_in_words(owner: str) -> str:
    """An owner as a sentence names it."""
    kind, _, name = owner.partition(":")
    return f"CloudFormation stack {name}" if kind == "cloudformation" else f"stack {name}"


def accepted_owner(live: Live, lineage: str) -> AcceptedOwner | None:
    """The other owner that the tags of a mapping name when it is imported; None where they name us or no owner. The record
    keeps it, because the tags name that owner until an update writes ours.
    """
    owner = live.owner
    return AcceptedOwner(owner.stack, owner.lineage) if owner and not is_ours(live, lineage) else None


def retags(change: Change, lineage: str, tags_ownership: Callable[[str], bool] | None) -> bool:
    """Whether a change writes or removes the ownership tags of a mapping that stays: the first update of an imported mapping
    writes them, and forgetting a mapping on purpose removes them, so that it is not reported as an orphan.
    """
    live = change.live
    if live is None or tags_ownership is None or not KINDS[live.key.kind].has_tags:
        return False
    if change.action is Action.FORGET:
        return is_ours(live, lineage)
    return change.action is Action.UPDATE and not is_ours(live, lineage) and tags_ownership(live.key.region)


def foreign(changes: Iterable[Change], live: Mapping[Key, Live], lineage: str) -> list[Problem]:
    """A problem for each change of a mapping whose tags name another owner than this state, and than the one that its
    import accepted: a state or a saved plan that was merged or edited can hold another stack's mapping.

    A mapping without ownership tags is nobody's, and ours to change. `live` are the mappings as they were read last.
    """
    problems = []
    for change in changes:
        if change.existing is None or change.action not in (Action.UPDATE, Action.REPLACE, Action.DELETE):
            continue
        now = live.get(change.existing, change.live)
        imported = change.accepted_owner or (change.record.owner if change.record else None)
        accepted = {lineage, imported.lineage if imported else lineage}
        if now and now.owner and now.owner.lineage not in accepted:
            line = command_line("state", "rm", change.name)
            hint = (
                f"if the state is wrong, forget the record with `{line}`; to manage the mapping here, import it again"
            )
            message = f"according to its tags, {now.key} belongs to stack {now.owner.stack or 'unknown'}"
            problems.append(Problem(change.name, message, hint))
    return problems
