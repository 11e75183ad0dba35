"""The three-way comparison of canonical mappings, and the pairing of items of lists. The one place that knows deepdiff."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from provisioner.kinds.forms import json_key
from provisioner.kinds.rows import NOTHING
from provisioner.kinds.tables import fields_of
from provisioner.model.canonical import value_at
from provisioner.model.place import FieldPath, is_within
from provisioner.model.plan import Cause, Edit, FieldChange
from provisioner.model.sources import SourceKind


def field_changes(
    prior: Mapping[str, Any],
    live: Mapping[str, Any],
    desired: Mapping[str, Any],
    source: SourceKind,
    stated: Collection[FieldPath] = frozenset(),
) -> tuple[FieldChange, ...]:
    """The fields in which live differs from desired, with the cause, in the order of the field table; down to a scalar
    or a list. All sides are in canonical form. `source` is the kind of source of the mapping. `stated` are paths that
    the manifest sets to AWS's default, so that desired lacks them. The cause AWS is never among them: the planner sets
    it.

    Desired = live is no difference, whatever prior is. Otherwise prior = live is an edit, prior = desired is drift, and
    all three different is a conflict (docs/architecture.md#comparison).
    """
    if json_key(live) == json_key(desired):
        return ()
    order = {name: index for index, name in enumerate(fields_of(source))}
    paths = sorted(set(_differing(live, desired)), key=lambda path: (order.get(path[0], len(order)), path))
    return tuple(_change(path, prior, live, desired, source, stated) for path in paths)


def _differing(live: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[FieldPath]:
    """The paths that differ, down to a scalar or a list: a list is one value, because its items have no names."""
    from deepdiff import DeepDiff  # late: it costs 0.1 s and most plans change nothing

    # deepdiff ignores keys such as `__typename` otherwise, and reports a block as one difference when its sides have
    # few keys in common.
    tree = DeepDiff(
        _texts(live), _texts(desired), view="tree", ignore_private_variables=False, threshold_to_diff_deeper=0
    )
    for differences in tree.values():
        for difference in differences:
            path = tuple(difference.path(output_format="list"))
            yield from _leaves(path, value_at(live, path), value_at(desired, path))


def paired_items(before: Sequence[Any], after: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Pairs of items of two lists whose order does not matter, such as filters: each object of the first list beside the
    most similar one of the second, where both share a key. An item without a counterpart is paired with NOTHING: first all
    of the first list, in its order, then the others of the second.

    The lists hold no equal items.
    """
    from deepdiff import DeepDiff  # late, as above

    # With both limits at 1 deepdiff pairs all that it can, and the nearest first.
    tree = DeepDiff(
        list(before),
        list(after),
        view="tree",
        ignore_order=True,
        ignore_private_variables=False,
        cutoff_distance_for_pairs=1,
        cutoff_intersection_for_pairs=1,
    )
    counterparts: dict[int, int] = {}
    for differences in tree.values():
        for difference in differences:
            # Items without a counterpart are reported themselves, paired ones by what differs in them.
            if len(difference.path(output_format="list")) > 1:
                counterparts[difference.get_root_key()] = difference.get_root_key(use_t2=True)
    pairs: list[tuple[Any, Any]] = []
    rest = dict(enumerate(after))
    for at, item in enumerate(before):
        near = after[counterparts[at]] if at in counterparts else NOTHING
        if isinstance(item, Mapping) and isinstance(near, Mapping) and item.keys() & near.keys():
            del rest[counterparts[at]]
            pairs.append((item, near))
        else:
            pairs.append((item, NOTHING))
    return pairs + [(NOTHING, item) for item in rest.values()]


def _texts(value: Any) -> Any:
    """The blocks of a mapping with each value as its JSON text: to Python 1 is True and 300 is 300.0, to AWS they are
    not.
    """
    return {name: _texts(item) for name, item in value.items()} if isinstance(value, Mapping) else json_key(value)


def _leaves(path: FieldPath, live: Any, desired: Any) -> Iterator[FieldPath]:
    """A block that is there on one side only, as the values in it."""
    sides = [side for side in (live, desired) if isinstance(side, Mapping)]
    if not sides:
        yield path
    # A dict in place of a set keeps the order of the names.
    for name in {name: None for side in sides for name in side}:
        here, there = (side.get(name) if isinstance(side, Mapping) else None for side in (live, desired))
        if json_key(here) != json_key(there):
            yield from _leaves((*path, name), here, there)


def _change(
    path: FieldPath,
    prior: Mapping[str, Any],
    live: Mapping[str, Any],
    desired: Mapping[str, Any],
    source: SourceKind,
    stated: Collection[FieldPath],
) -> FieldChange:
    before, now, wanted = (value_at(side, path) for side in (prior, live, desired))
    # As JSON text too, for the reason in `_texts`.
    as_prior = [json_key(side) == json_key(before) for side in (now, wanted)]
    cause = Cause.EDIT if as_prior[0] else Cause.DRIFT if as_prior[1] else Cause.CONFLICT
    # A text in place of a block, such as `permission: none`, sets what was in the block.
    is_set = wanted is not None or isinstance(value_at(desired, path[:1]), str)
    edit = Edit.SET if is_set else Edit.SET_TO_DEFAULT if is_within(path, stated) else Edit.LINE_REMOVED
    detail = str(edit) if cause is Cause.EDIT else ""
    return FieldChange(path, before, now, wanted, cause, _replaces(path, live, desired, source), detail)


def _replaces(path: FieldPath, live: Mapping[str, Any], desired: Mapping[str, Any], source: SourceKind) -> bool:
    # Each block above the value is asked too: brokers are below a field that replaces.
    fields = fields_of(source)
    for depth, name in enumerate(path, start=1):
        if name not in fields:  # below a map without fields of its own, such as a tag
            return False
        if fields[name].replaced_by(value_at(live, path[:depth]), value_at(desired, path[:depth])):
            return True
        fields = fields[name].children
    return False
