"""What Lambda's filters let through: one record against the patterns of a mapping. Pure.

Lambda takes the record as the function would get it, parses its data, and matches it as EventBridge matches an event
(docs/aws/filters.md). Both sides become paths and values, and lists vanish from paths. All paths of a pattern must match, those
into one list in the same element; of the rules on one path one is enough. Patterns are legal, as `manifest/patterns.py` holds
them to be.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import product
from typing import Any, Final

from provisioner.kinds.domains import ADDED_FIELDS, DATA_KEYS, RECORD_FIELDS, RECORDED
from provisioner.kinds.filter_rules import holds, is_number
from provisioner.kinds.forms import joined
from provisioner.model.sources import KAFKAS, QUEUES, STREAMS, SourceKind

_OPEN: Final = KAFKAS | {SourceKind.MQ}
"""Kinds of which a record passes where its data has another format than the pattern; of the others it is dropped."""
_THEN: Final[Mapping[SourceKind, str]] = {
    **dict.fromkeys(QUEUES, "deleted"),
    **dict.fromkeys(STREAMS, "passed by"),
    **dict.fromkeys(KAFKAS, "passed by"),
    SourceKind.MQ: "acknowledged",
}
"""What becomes of a record that no filter wants."""


class DecidedBy(StrEnum):
    """The step that decided."""

    MATCH = "match"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Failure:
    """The first path of a filter that failed: what was wanted there, and what the record has, as JSON; "" for nothing. The paths
    of `matched` were looked at before it, those of `unseen` were not.
    """

    filter: int
    path: str
    wanted: tuple[Any, ...]
    found: str
    matched: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a record passes: by which filter, from 0, or else where each filter failed. `then` is what becomes of the record,
    `doubt` what AWS does not say, or "".
    """

    passes: bool
    filter: int | None
    failed: tuple[Failure, ...]
    decided_by: DecidedBy
    then: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A scalar of a record, and for each list on the way the index of its element there."""

    value: Any
    places: Mapping[int, int]


_Alternative = Mapping[str, Sequence[Any]]
"""Rules by path, all of which must match."""


@dataclass(slots=True)
class _Doubts:
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        if text not in self.texts:
            self.texts.append(text)


def passes(patterns: Sequence[str | Mapping[str, Any]], record: Mapping[str, Any], kind: SourceKind) -> Verdict:
    """Whether a record passes the filters of a mapping of this kind. Without filters every record passes.

    `record` is one record as the function would get it: the data of Kinesis, Kafka and MQ in base64. Raises ValueError for a
    pattern that is no JSON.
    """
    doubts, failed, by_format = _Doubts(), list[Failure](), False
    view = dict(record)
    if isinstance(view.get("kinesis"), Mapping):
        view |= view.pop("kinesis")
    key = DATA_KEYS.get(kind, "")
    data, has_format = _decoded(view.get(key), kind, doubts)
    leaves = dict(_by_path({**view, key: data}))
    for number, pattern in enumerate(patterns):
        failure: Failure | None = None
        for alternative in _alternatives(_read(pattern, doubts)):
            needed, fits = _formatted(alternative, key, has_format, kind)
            _doubt_fields(needed, key, kind, doubts)
            missed = _first_failure(needed, leaves, doubts) if fits else key
            if missed is None:
                decided = DecidedBy.MATCH if len(needed) == len(alternative) else DecidedBy.FORMAT
                return Verdict(True, number, (), decided, "delivered", "; ".join(doubts.texts))
            by_format = by_format or not fits
            failure = failure or _failure(number, missed, list(needed), alternative, leaves)
            if not fits:
                failure = replace(failure, found=json.dumps(view.get(key)))
        if failure:
            failed.append(failure)
    if not patterns:
        return Verdict(True, None, (), DecidedBy.MATCH, "delivered")
    decided = DecidedBy.FORMAT if by_format else DecidedBy.MATCH
    return Verdict(False, None, tuple(failed), decided, _THEN.get(kind, "dropped"), "; ".join(doubts.texts))


def _failure(
    number: int, missed: str, paths: Sequence[str], rules: _Alternative, leaves: Mapping[str, Sequence[_Leaf]]
) -> Failure:
    found = leaves.get(missed)
    shown = json.dumps(found[0].value, ensure_ascii=False) if found else ""
    # Data of another format is no path of the filter, and nothing else was looked at.
    at = paths.index(missed) if missed in paths else len(paths)
    before = tuple(paths[:at]) if at < len(paths) else ()
    return Failure(number, missed, tuple(rules.get(missed, ())), shown, before, tuple(paths[at + 1 :]))


# --- the record ------------------------------------------------------------------------------------------------------


def _decoded(value: Any, kind: SourceKind, doubts: _Doubts) -> tuple[Any, str]:
    """The data of a record, and its format: `json`, `text`, or "" for what is no text."""
    if kind is SourceKind.DYNAMODB or not isinstance(value, str):
        return value, "json" if isinstance(value, Mapping | list) else ""
    if kind not in QUEUES:
        try:
            value = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None, ""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value, "text"
    if isinstance(parsed, list):
        doubts.add("how AWS reads data that is a JSON list is not recorded; its elements are taken for the data")
    if not isinstance(parsed, Mapping | list):
        doubts.add("how AWS reads data that is JSON and no object is not recorded; it is taken for a text")
        return value, "text"
    return parsed, "json"


def _by_path(value: Any) -> dict[str, list[_Leaf]]:
    """The leaves of a record by path. A dot in a name joins levels; an object and an empty list are no leaves."""
    leaves: dict[str, list[_Leaf]] = {}
    lists = iter(range(1 << 30))

    def add(item: Any, path: str, places: Mapping[int, int]) -> None:
        if isinstance(item, Mapping):
            for name, inner in item.items():
                add(inner, f"{path}.{name}" if path else name, places)
        elif isinstance(item, list):
            number = next(lists)
            for index, inner in enumerate(item):
                add(inner, path, {**places, number: index})
        else:
            leaves.setdefault(path, []).append(_Leaf(item, places))

    add(value, "", {})
    return leaves


# --- the pattern -----------------------------------------------------------------------------------------------------


def _read(pattern: str | Mapping[str, Any], doubts: _Doubts) -> Mapping[str, Any]:
    if not isinstance(pattern, str):
        return pattern

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in items]
        if any(names.count(name) > 1 and isinstance(value, Mapping) for name, value in items):
            doubts.add("a key of the pattern is written twice: AWS is known to want what stands under both")
        return joined(items)

    return dict(json.loads(pattern, object_pairs_hook=pairs))


def _alternatives(pattern: Mapping[str, Any], start: str = "") -> Iterator[_Alternative]:
    """A pattern without `$or`: the rules by path of each combination of its alternatives."""
    parts: list[list[_Alternative]] = []
    for name, value in pattern.items():
        path = f"{start}.{name}" if start else name
        if name == "$or" and isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            parts.append([inner for item in value for inner in _alternatives(item, start)])
        elif isinstance(value, Mapping):
            parts.append(list(_alternatives(value, path)))
        else:
            parts.append([{path: value}])
    for combination in product(*parts):
        merged: dict[str, Sequence[Any]] = {}
        for part in combination:
            merged |= part
        yield merged


def _formatted(alternative: _Alternative, key: str, format_: str, kind: SourceKind) -> tuple[_Alternative, bool]:
    """The rules that are matched, and whether the format of the data allows a match: data of another format than the pattern's
    drops a record, or leaves the other fields to decide.
    """
    own = [path for path in alternative if path == key or path.startswith(f"{key}.")]
    wanted = {"text" if path == key else "json" for path in own}
    if not own or wanted == {format_} or (kind is SourceKind.DYNAMODB and format_ == "json"):
        return alternative, True
    if kind in _OPEN:
        return {path: rules for path, rules in alternative.items() if path not in own}, True
    return alternative, False


def _doubt_fields(alternative: _Alternative, key: str, kind: SourceKind, doubts: _Doubts) -> None:
    for path in alternative:
        top = path.partition(".")[0]
        known = RECORD_FIELDS.get(kind, frozenset()) | ADDED_FIELDS
        if top != key and top in known - RECORDED.get(kind, frozenset()):
            doubts.add(f"AWS documents filters on {key} alone; whether {top} can be filtered is not recorded")


# --- matching --------------------------------------------------------------------------------------------------------


def _first_failure(alternative: _Alternative, leaves: Mapping[str, Sequence[_Leaf]], doubts: _Doubts) -> str | None:
    """The path at which no choice of leaves goes further, or None where all match."""
    paths = list(alternative)
    deepest = 0

    def matches(number: int, chosen: Mapping[int, int]) -> bool:
        nonlocal deepest
        deepest = max(deepest, number)
        if number == len(paths):
            return True
        rules, there = alternative[paths[number]], leaves.get(paths[number], ())
        if not there and any(isinstance(rule, Mapping) and rule.get("exists") is False for rule in rules):
            return matches(number + 1, chosen)
        for leaf in there:
            if any(chosen.get(place, index) != index for place, index in leaf.places.items()):
                continue  # another element of a list than that of an earlier path
            fitting = [rule for rule in rules if holds(rule, leaf.value)]
            if any(is_number(rule) and type(rule) is not type(leaf.value) for rule in fitting):
                doubts.add("the guide says that 300 and 300.0 differ; EventBridge was seen to find them equal")
            if fitting and matches(number + 1, {**chosen, **leaf.places}):
                return True
        return False

    return None if matches(0, {}) else paths[deepest]
