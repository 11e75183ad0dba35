"""The order of changes: what takes a pair runs after what frees it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from provisioner.kinds import kind_for, kind_of_change, pair_of
from provisioner.model.key import Key
from provisioner.model.plan import Action, Change, Problem


def _moves(change: Change) -> bool:
    """Whether the mapping ends up with another pair than it has."""
    return change.live is not None and change.wanted is not None and pair_of(change.wanted) != pair_of(change.live)


def _takes(change: Change) -> bool:
    return change.action in (Action.CREATE, Action.REPLACE) or (change.action is Action.UPDATE and _moves(change))


def _frees(change: Change) -> bool:
    return change.action in (Action.DELETE, Action.REPLACE) or (change.action is Action.UPDATE and _moves(change))


Claims = Mapping[tuple[str, ...], Sequence[Change]]
"""Changes by what their live mappings occupy in AWS."""


def by_claim(changes: Iterable[Change]) -> Claims:
    """The changes of live mappings by their claims: after drift, a record does not have the pair that AWS holds."""
    found: defaultdict[tuple[str, ...], list[Change]] = defaultdict(list)
    for change in changes:
        if change.live:
            for claim in kind_for(change.live.kind).claims(change.live.mapping, pair_of(change.live)):
                found[claim].append(change)
    return found


def in_the_way(change: Change, others: Claims) -> Iterator[Change]:
    """Those of the other changes whose live mappings conflict with the pair that a change takes."""
    if not _takes(change) or change.wanted is None:
        return
    wanted, kind, pair = change.wanted, kind_for(change.wanted.kind), pair_of(change.wanted)
    # Only mappings with a common claim can conflict, so that not every two are compared.
    for claim in kind.claims(wanted.mapping, pair):
        for other in others.get(claim, ()):
            if other.live and kind.conflicts(wanted.mapping, pair, other.live.mapping, pair_of(other.live)):
                yield other


def call_of(change: Change) -> str:
    """The call that carries out a change together with others, such as the write of one bucket; "" for a change by itself."""
    mapping = change.desired or (change.live.mapping if change.live else {})
    return kind_of_change(change).call(mapping, change.region)


def old_call_of(change: Change) -> str:
    """The call that takes away what a change replaces."""
    return kind_of_change(change).call(change.live.mapping, change.live.key.region) if change.live else ""


def deletes_last(change: Change) -> bool:
    """Whether the old mapping is deleted once the new one has settled: not where one write of their source does both."""
    is_one_write = call_of(change) and not leaves_entry_elsewhere(change)
    return change.action is Action.REPLACE and change.creates_first and not is_one_write


def leaves_entry_elsewhere(change: Change) -> bool:
    """Whether a replacement leaves its old entry in another source, which is another call."""
    return change.action is Action.REPLACE and call_of(change) != old_call_of(change)


def in_order(changes: Sequence[Change]) -> tuple[list[Change], list[Problem]]:
    """The changes with `after` set, in the order given, and a problem where they wait for each other.

    What takes a pair runs after each change that frees one that conflicts with it, and after what its kind says that it
    needs. Nothing else is ordered.
    """
    freed_by = by_claim(filter(_frees, changes))
    ordered = []
    for change in changes:
        needed = kind_for(change.wanted.kind).needs(change, changes) if change.wanted else ()
        # What one call carries out needs no order.
        call = call_of(change)
        before = (other.key for other in in_the_way(change, freed_by) if not call or call != call_of(other))
        # Without itself: a replacement frees the pair that it takes, and `creates_first` orders its two calls.
        waits = {*needed, *before} - {change.key, *change.after}
        ordered.append(replace(change, after=(*change.after, *sorted(waits))))
    try:
        TopologicalSorter({change.key: change.after for change in ordered}).prepare()
        _refuse_calls_in_a_cycle(ordered)
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


def _refuse_calls_in_a_cycle(changes: Sequence[Change]) -> None:
    """Raise CycleError where calls wait for each other, although none of the changes that they carry out does."""
    first: dict[str, str] = {}  # the key of the first change of each call, which stands for the call
    call = {change.key: first.setdefault(call_of(change) or change.key, change.key) for change in changes}
    waits: defaultdict[str, set[str]] = defaultdict(set)
    for change in changes:
        waits[call[change.key]] |= {call[key] for key in change.after if key in call} - {call[change.key]}
    TopologicalSorter(waits).prepare()


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
