"""The order of changes: what takes a pair runs after what frees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from provisioner.model.canonical import claims
from provisioner.model.key import Key
from provisioner.model.plan import Action, Change, Problem
from provisioner.model.references import Pair


def collide(one: Mapping[str, Any], one_pair: Pair, other: Mapping[str, Any], other_pair: Pair) -> bool:
    """Whether AWS may refuse two mappings at once (docs/aws/identity.md#uniqueness). Unlike `Pair.claims`, consumer
    groups count, and two virtual hosts of one broker collide, because it is not recorded that they do not.
    """
    return not claims(one, one_pair).isdisjoint(claims(other, other_pair))


def _moves(change: Change) -> bool:
    """Whether the mapping ends up with another pair than it has."""
    return change.live is not None and change.wanted is not None and change.wanted.pair != change.live.pair


def _takes(change: Change) -> bool:
    return change.action in (Action.CREATE, Action.REPLACE) or (change.action is Action.UPDATE and _moves(change))


def _frees(change: Change) -> bool:
    return change.action in (Action.DELETE, Action.REPLACE) or (change.action is Action.UPDATE and _moves(change))


def in_order(changes: Sequence[Change]) -> tuple[list[Change], list[Problem]]:
    """The changes with `after` set, in the order given, and a problem where they wait for each other: what takes a pair
    runs after what frees it. Nothing else is ordered.
    """
    # Other changes need no order: AWS has no dependency between mappings but the uniqueness of pairs and groups.
    freed_by: dict[tuple[str, ...], str] = {}
    for change in filter(_frees, changes):
        # By the live values: after drift, a record does not have the pair that AWS holds.
        if change.live:
            freed_by |= dict.fromkeys(claims(change.live.mapping, change.live.pair), change.key)
    ordered = [replace(change, after=(*change.after, *_waits_for(change, freed_by))) for change in changes]
    try:
        TopologicalSorter({change.key: change.after for change in ordered}).prepare()
    except CycleError as error:
        names = " -> ".join(dict.fromkeys(error.args[1]))  # graphlib's cycle ends with its first key again
        hint = "apply them one at a time with --target, or change the function or source of one of them first"
        return ordered, [
            Problem(
                names,
                "these changes block each other: each needs a function and source that another one still uses",
                hint,
            )
        ]
    return ordered, []


def doubly_touched(changes: Sequence[Change]) -> list[Problem]:
    """A problem for each two changes that have the same mapping: carrying them out would lose a mapping."""
    first: dict[Key, Change] = {}
    problems = []
    for change in changes:
        if change.existing and change.existing in first:
            names = f"{first[change.existing].key}, {change.key}"
            hint = "apply them one at a time with --target"
            problems.append(Problem(names, f"both would change the mapping {change.existing}", hint))
        if change.existing:
            first.setdefault(change.existing, change)
    return problems


def _waits_for(change: Change, freed_by: Mapping[tuple[str, ...], str]) -> list[str]:
    if not _takes(change) or change.wanted is None:
        return []
    wanted = claims(change.wanted.mapping, change.wanted.pair)
    # Without itself: a replacement frees the pair that it takes, and `creates_first` orders its two calls.
    return sorted({freed_by[claim] for claim in wanted if claim in freed_by} - {change.key, *change.after})
