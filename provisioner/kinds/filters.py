"""Finds filters that match no record, or may not do what they look like, from their form and the kind of source. Pure,
and about one mapping. Whether a pattern is legal is decided in `manifest/patterns.py`.

Lambda matches a filter against a record as the function would get it, with the data parsed. All paths of a pattern must
match; of the rules on one path one is enough. A path that the record does not have matches `{"exists": false}` and
nothing else. A record that matches no filter is deleted from a queue and skipped elsewhere, without an error
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from provisioner.kinds.domains import (
    ADDED_FIELDS,
    BOOLEAN_LETTERS,
    DATA_KEYS,
    FIELDS,
    IMAGES,
    NOTHING,
    RECORD_FIELDS,
    TEXT_LETTERS,
    Domain,
    Path,
    Records,
    Truth,
    is_structure,
    judged,
    truth_of,
)
from provisioner.kinds.filter_rules import contains, is_absence
from provisioner.kinds.forms import json_key, parsed
from provisioner.model.sources import QUEUES, SourceKind

_WRAPPERS: Final = frozenset({"Records", "records", "messages", "rmqMessagesByQueue"})
"""What holds the records of an event: a filter sees one record."""

_MOST_STARS: Final = 5


class Effect(StrEnum):
    """What is wrong with a filter that AWS accepts."""

    NEVER = "never"  # it matches no record
    DOUBT = "doubt"  # it may match none, or not what it looks like
    IDLE = "idle"  # another filter lets through all that it does
    ALL = "all"  # it lets every record through


@dataclass(frozen=True, slots=True)
class Sign:
    """One finding about a filter, as message and hint. `loses`: records may not reach the function because of it."""

    effect: Effect
    message: str
    hint: str
    loses: bool = True


@dataclass(frozen=True, slots=True)
class _Leaf:
    """The rules on one path of a pattern."""

    path: Path
    rules: Sequence[Any]

    @property
    def name(self) -> str:
        """The path in dotted form."""
        return ".".join(self.path)


def signs(
    filters: Sequence[Mapping[str, Any]] | None, kind: SourceKind, source: str = ""
) -> tuple[tuple[int, Sign], ...]:
    """What is wrong with the filters of a mapping, `[{"pattern": …}]`, each with the index of its filter, from 0.
    Patterns are legal, or missing as in an answer of AWS. `source` is the ARN of the source, or "". Empty for a kind without
    filters.
    """
    if not filters or kind not in DATA_KEYS:
        return ()
    patterns = [structured(item.get("pattern")) for item in filters]
    records = (Records(kind, source), Records(kind, source, documented=True))
    truths = [
        tuple(truth_of(pattern, each) if isinstance(pattern, Mapping) else Truth.SOMETIMES for each in records)
        for pattern in patterns
    ]
    # Of all filters together: one may show that a path is an object, and another test the same path for a value.
    objects = {prefix for pattern in patterns if isinstance(pattern, Mapping) for prefix in _objects(pattern)}
    lost = all(truth == _NEVER for truth in truths)
    fate = f"; every {'message would be deleted' if kind in QUEUES else 'record would be skipped'}" if lost else ""
    found = []
    for index, (pattern, truth) in enumerate(zip(patterns, truths, strict=True)):
        leaves = _leaves(pattern) if isinstance(pattern, Mapping) else ()
        of_leaves = [sign for leaf in leaves for sign in _of_leaf(leaf, records, objects)]
        if truth[0] is Truth.ALWAYS:
            doubt = "" if truth == _ALWAYS else _unless(kind)
            reason = next((sign for sign in of_leaves if not sign.loses), None)
            message = f"the pattern matches every record{doubt}{f': {reason.message}' if reason else ''}"
            hint = reason.hint if reason else "remove the filters, or narrow this one"
            of_leaves = [Sign(Effect.ALL, message, hint, loses=bool(doubt))]
        if truth == _NEVER and all(sign.effect is not Effect.NEVER for sign in of_leaves):
            images = "an INSERT has no OldImage, and a REMOVE no NewImage"
            hint = images if kind is SourceKind.DYNAMODB else "remove one of its fields"
            of_leaves.append(Sign(Effect.NEVER, "no record has all that the pattern wants", hint))
        for sign in of_leaves:
            if sign.effect is not Effect.NEVER:
                found.append((index, sign))
            elif truth == _NEVER:
                found.append((index, replace(sign, message=sign.message + fate)))
            else:
                message = f"an alternative of $or never matches: {sign.message}"
                found.append((index, replace(sign, effect=Effect.DOUBT, message=message, loses=False)))
    return (*found, *_idle(patterns, truths))


_NEVER: Final = (Truth.NEVER, Truth.NEVER)
_ALWAYS: Final = (Truth.ALWAYS, Truth.ALWAYS)
"""Whether filters reach all fields of a record or only what AWS documents."""


def structured(pattern: Any) -> Any:
    """A pattern as a JSON value, also where `forms.parsed` keeps it as text for the spelling of its numbers. A text
    that is not JSON is returned unchanged.
    """
    value = parsed(pattern)
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def covers(wide: Any, narrow: Any) -> bool:
    """Whether whatever matches `narrow` also matches `wide`, judged by their form alone: False where the form does not
    show it.
    """
    # All fields of a pattern must match, so `wide` has no field that `narrow` lacks. Of rules in a list one is enough.
    if isinstance(wide, Mapping) and isinstance(narrow, Mapping):
        return all(name in narrow and covers(wide[name], narrow[name]) for name in wide)
    if isinstance(wide, list) and isinstance(narrow, list):
        return all(any(contains(rule, item) for rule in wide) for item in narrow)
    return json_key(wide) == json_key(narrow)


def _idle(patterns: Sequence[Any], truths: Sequence[tuple[Truth, ...]]) -> Iterator[tuple[int, Sign]]:
    def contained(narrow: int, wide: int) -> bool:
        return truths[wide] == _ALWAYS or covers(patterns[wide], patterns[narrow])

    for index, truth in enumerate(truths):
        for other in range(len(patterns)):
            # Of two filters that match the same only the later one is reported, so that following the hints leaves one.
            if (
                other != index
                and truth != _NEVER
                and contained(index, other)
                and (other < index or not contained(other, index))
            ):
                message = f"filter {other + 1} already matches everything that filter {index + 1} matches"
                yield index, Sign(Effect.IDLE, message, "remove this filter, or narrow the other", loses=False)
                break


# --- one pattern -----------------------------------------------------------------------------------------------------


def _leaves(pattern: Mapping[str, Any], path: Path = ()) -> Iterator[_Leaf]:
    """The rules of a pattern and of its alternatives, with their paths."""
    for name, item in pattern.items():
        here = (*path, *name.split("."))  # {"a.b": …} and {"a": {"b": …}} are the same
        if name == "$or" and isinstance(item, list):
            for part in item:
                yield from _leaves(part, path)
        elif isinstance(item, Mapping):
            yield from _leaves(item, here)
        else:
            yield _Leaf(here, item)


def _objects(pattern: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """The paths that a pattern shows to be objects: it looks below them."""
    for name, item in pattern.items():
        here = (*path, *name.split("."))
        if name == "$or" and isinstance(item, list):
            for part in item:
                yield from _objects(part, path) if isinstance(part, Mapping) else ()
            continue
        yield from (here[:length] for length in range(len(path) + 1, len(here)))
        if isinstance(item, Mapping):
            yield here
            yield from _objects(item, here)


def _of_leaf(leaf: _Leaf, records: tuple[Records, Records], objects: set[Path]) -> Iterator[Sign]:
    kind, top = records[0].kind, leaf.path[0]
    domain = records[0].at(leaf.path)
    if domain == NOTHING and any(map(is_absence, leaf.rules)):
        message = f"`exists: false` always matches, because no record has a value at `{leaf.name}`"
        yield Sign(Effect.DOUBT, message, _why(leaf, None, kind, NOTHING)[1], loses=False)
        return
    dead = [rule for rule in leaf.rules if judged([rule], domain) is Truth.NEVER]
    whole = len(dead) == len(leaf.rules)  # of rules on one path one is enough: any other may still match
    if domain and dead:
        message, hint = _why(leaf, dead[0], kind, domain)
        certain = judged(leaf.rules, records[1].at(leaf.path)) is Truth.NEVER
        effect = Effect.NEVER if whole and certain else Effect.DOUBT
        yield Sign(effect, message if certain or not whole else message + _unless(kind), hint, loses=whole)
    elif top in ADDED_FIELDS or (top == "eventName" and kind is not SourceKind.DYNAMODB):
        message = f"the pattern uses `{top}`, which Lambda adds to the record; a filter on it may never match"
        yield Sign(Effect.DOUBT, message, f"filter on fields under `{DATA_KEYS[kind]}`")
    elif leaf.path == (DATA_KEYS[kind],) and any(isinstance(rule, str) and is_structure(rule) for rule in leaf.rules):
        message = (
            f"`{leaf.name}` is compared with a string that contains JSON, but JSON data is parsed, and "
            "every such record passes the filter"
        )
        yield Sign(Effect.DOUBT, message, f"write the fields: {leaf.name}: {{ field: [value] }}", loses=False)
    elif leaf.path in objects and any(isinstance(rule, Mapping) and rule.get("exists") for rule in leaf.rules):
        message = (
            f"`{leaf.name}` is an object elsewhere in these filters, but `exists` matches only values, not objects"
        )
        yield Sign(Effect.DOUBT, message, "use a field inside it")
    yield from _too_complex(leaf)


def _unless(kind: SourceKind) -> str:
    return f", unless AWS filters on `{DATA_KEYS[kind]}` alone, as it documents"


def _why(leaf: _Leaf, rule: Any, kind: SourceKind, domain: Domain) -> tuple[str, str]:
    """Why a rule matches nothing that can stand at its path, and what to write."""
    top, data, shown = leaf.path[0], DATA_KEYS[kind], json.dumps(rule, ensure_ascii=False)
    if top not in RECORD_FIELDS[kind] | ADDED_FIELDS | {data, "eventName"}:
        which = f"`{top}`, which records of {kind.phrase} do not have (their data is under `{data}`)"
        return f"the pattern uses {which}", _where_instead(top, kind)
    if domain == Domain():
        what = f"`{data}` contains a list of rules, but the data of {kind.phrase} is JSON"
        return f"{what}, and AWS rejects a filter on a string", f"write {data}: {{ field: [value] }}"
    if is_absence(rule):
        return f"every record has `{leaf.name}`, so `exists: false` never matches", "remove the rule"
    if leaf.path == (data,):
        message = (
            f"`{leaf.name}` is compared with a string that contains JSON, but a JSON body is parsed and "
            "never matches a string"
        )
        return message, f"write the fields: {leaf.name}: {{ field: [value] }}"
    if top == data and leaf.path[1] in IMAGES:
        return _of_item(leaf, shown, rule, domain)
    if top == data and domain == NOTHING:
        return _of_dynamodb(leaf)
    if domain == NOTHING and len(leaf.path) == 1:
        message = (
            f"`{leaf.name}` is an object, but rules (including `exists`) match only values, and there is "
            "no value at this path"
        )
        return message, "use a field inside it"
    if domain == NOTHING:
        return f"no record has a value at `{leaf.name}`", f"write {leaf.path[-2]}: [value]"
    if domain.values:
        words = [json.dumps(value) for value in domain.values]
        choice = " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
        return f"`{leaf.name}` of {kind.phrase} is {choice}, so {shown} never matches", (
            f"use {choice}" if words[1:] else f"filter on fields under `{data}`"
        )
    return f"`{leaf.name}` is {domain.types[0]}, so {shown} never matches", f"use a value or rule of {domain.types[0]}"


def _where_instead(top: str, kind: SourceKind) -> str:
    data = DATA_KEYS[kind]
    # In this order, because a later hint would be wrong where an earlier one applies.
    if spelt := _spelt(top, {data, "eventName", *RECORD_FIELDS[kind]}):
        return f"names are case-sensitive: write {spelt}"
    if top in _WRAPPERS:
        return f"a filter applies to a single record: remove {top}"
    if kind is SourceKind.KINESIS and top == "kinesis":
        return "the fields of `kinesis` are at the top level: remove kinesis"
    if top in {"body", "data", "dynamodb", "value", "kinesis"}:
        return f"records of {kind.phrase} use `{data}`: write {data} instead of {top}"
    return f"write {data}: {{ {top}: … }}"


def _spelt(name: str, known: Collection[str]) -> str:
    """The known name that differs from a name only by case or underscores, or ""."""
    return {item.lower(): item for item in known}.get(name.lower().replace("_", ""), "")


def _too_complex(leaf: _Leaf) -> Iterator[Sign]:
    for rule in leaf.rules:
        operand = rule.get("wildcard") if isinstance(rule, Mapping) else None
        if isinstance(operand, str) and operand.count("*") > _MOST_STARS:
            message = f"`{leaf.name}`: AWS may reject the wildcard {operand!r} as too complex"
            yield Sign(Effect.DOUBT, message, "use fewer `*`", loses=False)


# --- DynamoDB items: values stand under the letter of their type -----------------------------------------------------


def _of_dynamodb(leaf: _Leaf) -> tuple[str, str]:
    """A path below `dynamodb` and outside the images."""
    name = leaf.path[1]
    near = _spelt(name, IMAGES | {field.partition(".")[2] for field in FIELDS[SourceKind.DYNAMODB]})
    message = f"`{leaf.name}`: no record has `{name}` under `dynamodb`; items are under NewImage, OldImage and Keys"
    hint = f"names are case-sensitive: write {near}" if near else f"write NewImage: {{ {name}: {{ S: [value] }} }}"
    return message, hint


def _of_item(leaf: _Leaf, shown: str, rule: Any, domain: Domain) -> tuple[str, str]:
    name, letter = leaf.name, leaf.path[-1]
    if domain == NOTHING:
        if near := _spelt(letter, TEXT_LETTERS | BOOLEAN_LETTERS) if len(leaf.path) > 3 else "":
            return f"`{name}` ends without a type letter, and never matches", f"write {near}"
        message = f"`{name}` ends without a type letter (S, N, B, BOOL, …): it is an object, which never matches"
        return message, f"write {letter if len(leaf.path) > 2 else 'attribute'}: {{ S: [value] }}"
    if letter in BOOLEAN_LETTERS:
        return f"`{name}` is a boolean, so {shown} never matches", "write [true] or [false]"
    if isinstance(rule, Mapping):
        return (
            f"`{name}`: all attribute values are strings, including numbers, so `numeric` never matches",
            'write the values as strings, as in N: ["101"], or compare in the function',
        )
    letters = {type(None): "NULL: [true]", bool: f"BOOL: [{shown}]"}
    return (
        f"`{name}` is a string, so {shown} never matches",
        f"write {letters.get(type(rule), f'[{json.dumps(shown)}]')}",
    )
