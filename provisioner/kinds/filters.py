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

from provisioner.kinds.filter_rules import contains
from provisioner.kinds.forms import json_key, parsed
from provisioner.model.sources import KAFKAS, QUEUES, STREAMS, SourceKind

DATA_KEYS: Final[Mapping[SourceKind, str]] = {
    **dict.fromkeys(QUEUES, "body"),
    SourceKind.KINESIS: "data",
    SourceKind.DYNAMODB: "dynamodb",
    **dict.fromkeys(KAFKAS, "value"),
    SourceKind.MQ: "data",
}
"""The field of a record that has its data, by kind; DocumentDB has no filters (docs/aws/kinds.md#fields)."""

ADDED_FIELDS: Final = frozenset(
    {"eventSource", "eventSourceARN", "awsRegion", "eventVersion", "eventID", "invokeIdentityArn"}
)
"""Fields that the poller adds to a record. Whether a filter can match them is not known, so they are a doubt."""

_QUEUE_FIELDS: Final = frozenset(
    {"messageId", "receiptHandle", "attributes", "messageAttributes", "md5OfBody", "md5OfMessageAttributes"}
)
_KAFKA_FIELDS: Final = frozenset(
    {
        *("topic", "partition", "offset", "timestamp", "timestampType", "key", "headers"),
        *("keySchemaMetadata", "valueSchemaMetadata"),  # with a schema registry
    }
)
RECORD_FIELDS: Final[Mapping[SourceKind, frozenset[str]]] = {
    **dict.fromkeys(QUEUES, _QUEUE_FIELDS),
    SourceKind.KINESIS: frozenset(
        {"kinesisSchemaVersion", "partitionKey", "sequenceNumber", "approximateArrivalTimestamp", "encryptionType"}
    ),
    SourceKind.DYNAMODB: frozenset({"eventName", "userIdentity"}),
    **dict.fromkeys(KAFKAS, _KAFKA_FIELDS),
    SourceKind.MQ: frozenset(  # ActiveMQ's and RabbitMQ's: an ARN does not distinguish them
        {
            *("messageID", "messageType", "timestamp", "deliveryMode", "correlationID", "replyTo", "destination"),
            *("redelivered", "type", "expiration", "priority", "brokerInTime", "brokerOutTime", "properties"),
            "basicProperties",
        }
    ),
}
"""The other fields of a record, by kind."""

# Which of the fields above hold objects, at the top of a record.
_OBJECTS: Final = frozenset({"attributes", "messageAttributes", "userIdentity", "properties", "basicProperties"})
_IMAGES: Final = frozenset({"NewImage", "OldImage", "Keys"})
_OF_DYNAMODB: Final = _IMAGES | {"ApproximateCreationDateTime", "SequenceNumber", "SizeBytes", "StreamViewType"}
_EVENTS: Final = frozenset({"INSERT", "MODIFY", "REMOVE"})
_WRAPPERS: Final = frozenset({"Records", "records", "messages", "rmqMessagesByQueue"})
"""What holds the records of an event: a filter sees one record."""

_TEXTS: Final = frozenset({"S", "N", "B", "SS", "NS", "BS"})
_BOOLEANS: Final = frozenset({"BOOL", "NULL"})
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

    path: tuple[str, ...]
    rules: Sequence[Any]

    @property
    def name(self) -> str:
        """The path in dotted form."""
        return ".".join(self.path)


_Paths = set[tuple[str, ...]]


def signs(filters: Sequence[Mapping[str, Any]] | None, kind: SourceKind) -> tuple[tuple[int, Sign], ...]:
    """What is wrong with the filters of a mapping, `[{"pattern": …}]`, each with the index of its filter, from 0.
    Patterns that are not legal are skipped: `manifest/patterns.py` reports them. Empty for a kind without filters.
    """
    if not filters or kind not in DATA_KEYS:
        return ()
    patterns = [structured(item.get("pattern")) for item in filters]  # an answer of AWS may lack it
    # Of all filters together: one may show that a path is an object, and another test the same path for a value.
    objects = {prefix for pattern in patterns if isinstance(pattern, Mapping) for prefix in _objects(pattern)}
    effects = [
        (index, sign)
        for index, pattern in enumerate(patterns)
        if isinstance(pattern, Mapping)
        for sign in _signs(pattern, (), kind, objects)
    ]
    everything = [
        (
            index,
            Sign(
                Effect.ALL,
                f"filter {index + 1} matches every record",
                "remove the filters, or narrow this one",
                loses=False,
            ),
        )
        for index, pattern in enumerate(patterns)
        if pattern == {}
    ]
    return (*effects, *everything, *_idle(patterns))


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


def _idle(patterns: Sequence[Any]) -> Iterator[tuple[int, Sign]]:
    for index, narrow in enumerate(patterns):
        for other, wide in enumerate(patterns):
            same = json_key(wide) == json_key(narrow)
            # Of two equal filters only the later one is reported, so that following the hints leaves one.
            if other != index and covers(wide, narrow) and (not same or other < index):
                message = f"filter {other + 1} already matches everything that filter {index + 1} matches"
                yield index, Sign(Effect.IDLE, message, "remove this filter, or narrow the other", loses=False)
                break


# --- one pattern -----------------------------------------------------------------------------------------------------


def _signs(pattern: Mapping[str, Any], path: tuple[str, ...], kind: SourceKind, objects: _Paths) -> Iterator[Sign]:
    for name, item in pattern.items():
        here = (*path, *name.split("."))  # {"a.b": …} and {"a": {"b": …}} are the same
        if name == "$or" and isinstance(item, list):
            parts = (part for part in item if isinstance(part, Mapping))
            yield from _of_alternatives([list(_signs(part, path, kind, objects)) for part in parts])
        elif isinstance(item, Mapping):
            yield from _signs(item, here, kind, objects)
        elif isinstance(item, list):
            yield from _of_leaf(_Leaf(here, item), kind, objects)


def _of_alternatives(parts: Sequence[Sequence[Sign]]) -> Iterator[Sign]:
    """The findings of the alternatives of a `$or`: one that matches nothing leaves the others."""
    dead = all(any(sign.effect is Effect.NEVER for sign in part) for part in parts)
    for sign in (sign for part in parts for sign in part):
        if dead or sign.effect is not Effect.NEVER:
            yield sign
        else:
            # Without its last part, "every message would be deleted": the other alternatives still match.
            message = f"an alternative of $or never matches: {sign.message.partition('; every ')[0]}"
            yield replace(sign, effect=Effect.DOUBT, message=message, loses=False)


def _objects(pattern: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
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


def _of_leaf(leaf: _Leaf, kind: SourceKind, objects: _Paths) -> Iterator[Sign]:
    top, data = leaf.path[0], DATA_KEYS[kind]
    if leaf.path == (data,) and kind in STREAMS:
        what = f"`{data}` contains a list of rules, but the data of {kind.phrase} is JSON"
        yield Sign(Effect.NEVER, f"{what}, and AWS rejects a filter on a string", f"write {data}: {{ field: [value] }}")
        return
    if any(isinstance(rule, Mapping) and rule.get("exists") is False for rule in leaf.rules):
        # A missing field matches, so the checks below, which find fields that are always missing, do not apply.
        yield from _always_absent(leaf, kind)
        return
    if top in ADDED_FIELDS or (top == "eventName" and kind is not SourceKind.DYNAMODB):
        message = f"the pattern uses `{top}`, which Lambda adds to the record; a filter on it may never match"
        yield Sign(Effect.DOUBT, message, f"filter on fields under `{data}`")
    elif top != data and top not in RECORD_FIELDS[kind]:
        fate = "every message would be deleted" if kind in QUEUES else "every record would be skipped"
        which = f"`{top}`, which records of {kind.phrase} do not have (their data is under `{data}`)"
        yield Sign(Effect.NEVER, f"the pattern uses {which}; {fate}", _where_instead(top, kind))
    elif leaf.path == (data,):
        yield from _of_text(leaf, kind)
    elif kind is SourceKind.DYNAMODB and top == data:
        yield from _of_item(leaf) if _is_in_image(leaf) else _of_dynamodb(leaf)
    elif top == "eventName":
        yield from _of_event_name(leaf)
    elif len(leaf.path) == 1 and top in _OBJECTS:
        message = (
            f"`{leaf.name}` is an object, but rules (including `exists`) match only values, and there is "
            "no value at this path"
        )
        yield Sign(Effect.NEVER, message, "use a field inside it")
    elif leaf.path in objects and any(isinstance(rule, Mapping) and rule.get("exists") for rule in leaf.rules):
        message = (
            f"`{leaf.name}` is an object elsewhere in these filters, but `exists` matches only values, not objects"
        )
        yield Sign(Effect.DOUBT, message, "use a field inside it")
    yield from _too_complex(leaf)


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


def _always_absent(leaf: _Leaf, kind: SourceKind) -> Iterator[Sign]:
    """`exists: false` on a path that no record has: it holds for every record."""
    data = DATA_KEYS[kind]
    if leaf.path[0] not in RECORD_FIELDS[kind] | ADDED_FIELDS | {data, "eventName"}:
        hint = _where_instead(leaf.path[0], kind)
    elif kind is SourceKind.DYNAMODB and _is_in_image(leaf) and not _has_letter(leaf):
        hint = "end the path with the type letter, for example state: { S: … }"
    else:
        return
    message = f"`exists: false` matches every record, because no record has a value at `{leaf.name}`"
    yield Sign(Effect.DOUBT, message, hint, loses=False)


def _of_text(leaf: _Leaf, kind: SourceKind) -> Iterator[Sign]:
    """A text pattern: rules on the data itself. Data that is JSON is parsed, and is no text any more."""
    spelt = [rule for rule in leaf.rules if isinstance(rule, str) and _is_json(rule)]
    if not spelt:
        return
    hint = f"write the fields: {leaf.name}: {{ field: [value] }}"
    if kind in QUEUES:
        message = (
            f"`{leaf.name}` is compared with a string that contains JSON, but a JSON body is parsed and "
            "never matches a string"
        )
        whole = len(spelt) == len(leaf.rules)  # of rules on one path one is enough: any other may still match
        yield Sign(Effect.NEVER if whole else Effect.DOUBT, message, hint, loses=whole)
    else:
        message = (
            f"`{leaf.name}` is compared with a string that contains JSON, but JSON data is parsed, and "
            "every such record passes the filter"
        )
        yield Sign(Effect.DOUBT, message, hint, loses=False)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _too_complex(leaf: _Leaf) -> Iterator[Sign]:
    for rule in leaf.rules:
        operand = rule.get("wildcard") if isinstance(rule, Mapping) else None
        if isinstance(operand, str) and operand.count("*") > _MOST_STARS:
            message = f"`{leaf.name}`: AWS may reject the wildcard {operand!r} as too complex"
            yield Sign(Effect.DOUBT, message, "use fewer `*`", loses=False)


# --- DynamoDB items: values stand under the letter of their type -----------------------------------------------------


def _is_in_image(leaf: _Leaf) -> bool:
    return leaf.path[:1] == ("dynamodb",) and leaf.path[1:2] in {(image,) for image in _IMAGES}


def _of_dynamodb(leaf: _Leaf) -> Iterator[Sign]:
    """A path below `dynamodb` and outside the images."""
    name = leaf.path[1]
    if name not in _OF_DYNAMODB:
        near = _spelt(name, _OF_DYNAMODB)
        message = f"`{leaf.name}`: no record has `{name}` under `dynamodb`; items are under NewImage, OldImage and Keys"
        hint = f"names are case-sensitive: write {near}" if near else f"write NewImage: {{ {name}: {{ S: [value] }} }}"
        yield Sign(Effect.NEVER, message, hint)


def _of_event_name(leaf: _Leaf) -> Iterator[Sign]:
    wrong = [rule for rule in leaf.rules if not isinstance(rule, Mapping | list) and rule not in _EVENTS]
    if wrong:
        whole = len(wrong) == len(leaf.rules)
        message = f"`eventName` of a DynamoDB stream is INSERT, MODIFY or REMOVE, and never {json.dumps(wrong[0])}"
        yield Sign(Effect.NEVER if whole else Effect.DOUBT, message, "use INSERT, MODIFY or REMOVE", loses=whole)


def _has_letter(leaf: _Leaf) -> bool:
    # dynamodb, image, attribute, letter: a shorter path can only end in an attribute that is named like a letter.
    return len(leaf.path) > 3 and leaf.path[-1] in _TEXTS | _BOOLEANS


def _of_item(leaf: _Leaf) -> Iterator[Sign]:
    letter = leaf.path[-1]
    if not _has_letter(leaf):
        if near := _spelt(letter, _TEXTS | _BOOLEANS) if len(leaf.path) > 3 else "":
            yield Sign(Effect.NEVER, f"`{leaf.name}` ends without a type letter, and never matches", f"write {near}")
            return
        name = letter if len(leaf.path) > 2 else "attribute"
        message = f"`{leaf.name}` ends without a type letter (S, N, B, BOOL, …): it is an object, which never matches"
        yield Sign(Effect.NEVER, message, f"write {name}: {{ S: [value] }}")
        return
    wrong = [rule for rule in leaf.rules if not _fits(rule, letter)]
    if wrong:
        whole = len(wrong) == len(leaf.rules)
        message, hint = _misfit(leaf.name, letter, wrong[0])
        yield Sign(Effect.NEVER if whole else Effect.DOUBT, message, hint, loses=whole)


def _fits(rule: Any, letter: str) -> bool:
    """Whether a rule can match a value of this type: N holds a text too."""
    if isinstance(rule, Mapping):
        # Rules such as `prefix` are about texts.
        return rule.keys() <= {"exists", "anything-but"} if letter in _BOOLEANS else "numeric" not in rule
    return isinstance(rule, bool if letter in _BOOLEANS else str)


def _misfit(name: str, letter: str, rule: Any) -> tuple[str, str]:
    shown = json.dumps(rule, ensure_ascii=False)
    if letter in _BOOLEANS:
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
