"""Imports in a plan: who else has the mapping, and whether an import may change it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from provisioner.environment import command_line
from provisioner.model.desired import Desired
from provisioner.model.live import Live
from provisioner.model.plan import Action, Change, Conflict, Problem
from provisioner.planning.ownership import is_ours, other_owner, owner_in_words

OWNER: Final = re.compile(r"(?:cloudformation|stack):\S.*")
"""How `--from-owner` names an owner."""


def import_notes(change: Change, lineage: str, from_owners: Collection[str]) -> tuple[str, ...]:
    """A note on an import that `--from-owner` allows: who still has the mapping."""
    owner = other_owner(change.live, lineage) if change.adopts and change.live else ""
    if not owner or owner not in from_owners:
        return ()
    return (
        f"{owner_in_words(owner)} still has it, according to its tags: release it there before it is changed by both",
    )


def import_problems(
    changes: Iterable[Change], expected: Mapping[str, bool], lineage: str, from_owners: Collection[str]
) -> list[Problem]:
    """Why mappings must not be imported: another tool has them, or the import would change what must stay identical.
    `expected` says by name which imports must be identical.
    """
    problems = []
    for change in changes:
        if not change.adopts or not change.live or change.conflict:
            continue
        owner = other_owner(change.live, lineage)
        if owner and owner not in from_owners:
            flag = command_line("plan", "--from-owner", owner)
            # Without the id: a fleet of one owner is one problem.
            message = f"according to its tags, the mapping to import belongs to {owner_in_words(owner)}"
            hint = f"release it there first; to import it all the same, plan and apply with that owner: `{flag}`"
            problems.append(Problem(change.name, message, hint))
        if expected.get(change.name) and change.action is not Action.NO_OP:
            message = f"`expect: identical`, but the import would {_doing(change)}"
            hint = (
                "write the live values into the manifest, or remove `expect: identical` to let the import change them"
            )
            problems.append(Problem(change.name, message, hint))
    return problems


def must_be_identical(wanted: Desired | None, holder: Live, lineage: str) -> bool:
    """Whether what holds a wanted pair is imported only where that changes nothing in AWS; never what is ours."""
    return wanted is not None and wanted.lifecycle.on_conflict == "adopt_identical" and not is_ours(holder, lineage)


def unlike(change: Change, holder: Live) -> Conflict:
    """The conflict of a mapping that `on_conflict: adopt_identical` does not import, because that would change it."""
    return Conflict(
        holder.key,
        f"{holder.key} has its function and source and is not identical: the import would {_doing(change)}",
        "write the live values into the manifest, or allow the change with `on_conflict: adopt`",
    )


def _doing(change: Change) -> str:
    fields = ", ".join(".".join(field.path) for field in change.fields)
    return f"replace it because of {fields}" if change.action is Action.REPLACE else f"change {fields}"
