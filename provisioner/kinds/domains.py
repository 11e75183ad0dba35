"""What the records of a kind can have at a path, and what a filter pattern matches of it: every record, none, or some. Pure.

Each rule is judged on each value that is possible at its path: on the absence of one, on the types of which any value is
possible, and on single values. All paths of a pattern must match; of the rules on one path, and of the alternatives of `$or`, one
is enough. Whatever is not known of a record counts as "some", so a verdict is certain or says nothing
(docs/aws/filters.md#domains).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any, Final

from provisioner.kinds.filter_rules import RULES, holds, is_absence, is_number
from provisioner.model.references import Arn
from provisioner.model.sources import KAFKAS, QUEUES, STREAMS, SourceKind

Path = tuple[str, ...]


class Type(StrEnum):
    """A JSON type of which any value is possible."""

    TEXT = "a string"
    PLAIN = "a string that is not JSON"  # what is an object or a list of JSON is parsed
    NUMBER = "a number"


@dataclass(frozen=True, slots=True)
class Domain:
    """What can stand at a path of a record.

    types     any value of these
    values    these values
    absent    nothing, or an object: no value that a rule could match
    complete  False where records are dropped for what stands there, whatever the rules

    Without any of them it is empty: AWS does not take rules there.
    """

    types: tuple[Type, ...] = ()
    values: tuple[Any, ...] = ()
    absent: bool = False
    complete: bool = True


TEXT: Final = Domain((Type.TEXT,))
NUMBER: Final = Domain((Type.NUMBER,))
NOTHING: Final = Domain(absent=True)

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

_QUEUE: Final[Mapping[str, Domain | None]] = {
    **dict.fromkeys(("messageId", "receiptHandle", "md5OfBody"), TEXT),
    **dict.fromkeys(("attributes", "messageAttributes"), NOTHING),
    **dict.fromkeys(("attributes.ApproximateReceiveCount", "attributes.SentTimestamp", "attributes.SenderId"), TEXT),
    **dict.fromkeys(("attributes.ApproximateFirstReceiveTimestamp", "awsRegion", "eventSourceARN"), TEXT),
    "md5OfMessageAttributes": None,
    "eventSource": Domain(values=("aws:sqs",)),
}
_STREAM: Final = dict.fromkeys(("eventVersion", "eventID", "awsRegion", "eventSourceARN"), TEXT)
_KAFKA: Final[Mapping[str, Domain | None]] = {
    **dict.fromkeys(("topic", "timestampType"), TEXT),
    **dict.fromkeys(("partition", "offset", "timestamp"), NUMBER),
    **dict.fromkeys(("key", "headers")),
    **dict.fromkeys(("keySchemaMetadata", "valueSchemaMetadata")),  # with a schema registry
}
FIELDS: Final[Mapping[SourceKind, Mapping[str, Domain | None]]] = {
    **dict.fromkeys(QUEUES, _QUEUE),
    SourceKind.KINESIS: {
        **_STREAM,
        **dict.fromkeys(("kinesisSchemaVersion", "partitionKey", "sequenceNumber", "invokeIdentityArn"), TEXT),
        "approximateArrivalTimestamp": NUMBER,
        "encryptionType": None,
        "eventSource": Domain(values=("aws:kinesis",)),
        "eventName": Domain(values=("aws:kinesis:record",)),
    },
    SourceKind.DYNAMODB: {
        **_STREAM,
        "userIdentity": NOTHING,
        "eventSource": Domain(values=("aws:dynamodb",)),
        "eventName": Domain(values=("INSERT", "MODIFY", "REMOVE")),
        "dynamodb.ApproximateCreationDateTime": replace(NUMBER, absent=True),
        "dynamodb.SequenceNumber": TEXT,
        "dynamodb.SizeBytes": NUMBER,
        "dynamodb.StreamViewType": Domain(values=("NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY")),
    },
    **dict.fromkeys(KAFKAS, _KAFKA),
    SourceKind.MQ: {  # ActiveMQ's and RabbitMQ's: an ARN does not distinguish them
        **dict.fromkeys(("messageID", "messageType", "timestamp", "deliveryMode", "correlationID", "correlationId")),
        **dict.fromkeys(("replyTo", "destination", "redelivered", "type", "expiration", "priority")),
        **dict.fromkeys(("brokerInTime", "brokerOutTime")),
        **dict.fromkeys(("properties", "basicProperties"), NOTHING),
    },
}
"""What stands in every record beside its data, by kind and path; None where that is not known (docs/aws/filters.md#domains)."""

RECORD_FIELDS: Final = {
    kind: frozenset(name.partition(".")[0] for name in fields) - ADDED_FIELDS - {DATA_KEYS[kind]}
    for kind, fields in FIELDS.items()
}
"""The other fields of a record, by kind, without those that the poller adds."""

RECORDED: Final[Mapping[SourceKind, frozenset[str]]] = {SourceKind.DYNAMODB: frozenset({"eventName"})}
"""Fields beside the data that were seen to be filtered. AWS documents none."""

IMAGES: Final = frozenset({"NewImage", "OldImage", "Keys"})
_LACKING: Final = {"INSERT": "OldImage", "MODIFY": "", "REMOVE": "NewImage"}
"""The image that records of DynamoDB do not have, by event."""
TEXT_LETTERS: Final = frozenset({"S", "N", "B", "SS", "NS", "BS"})
BOOLEAN_LETTERS: Final = frozenset({"BOOL", "NULL"})
_UNDER: Final = {
    **dict.fromkeys(TEXT_LETTERS, replace(TEXT, absent=True)),
    **dict.fromkeys(BOOLEAN_LETTERS, Domain(values=(True, False), absent=True)),
}
"""What stands in an item under the letter of its type."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a mapping, as far as they are known. `source` is the ARN of its source, or ""; `event` narrows records of
    DynamoDB to those with this `eventName`.

    `documented`: filters reach what AWS documents or what was recorded, and all else is as if it were not there. Which of the two
    is so is not known: what is to be certain must be true of both.
    """

    kind: SourceKind
    source: str = ""
    documented: bool = False
    event: str = ""

    def at(self, path: Path) -> Domain | None:
        """What can stand at a path, or None where that is not known."""
        top, name, fields = path[0], ".".join(path), FIELDS[self.kind]
        if path == (DATA_KEYS[self.kind],):
            return _WHOLE.get(self.kind)
        if top == DATA_KEYS[self.kind]:
            if self.kind is not SourceKind.DYNAMODB:
                return None
            # dynamodb, image, attribute, letter: a shorter path can only end in an attribute that is named like a letter.
            if path[1] in IMAGES and path[1] != _LACKING.get(self.event) and len(path) > 3:
                return _UNDER.get(path[-1], NOTHING)
            return fields.get(name, NOTHING)
        if self.event and name == "eventName":
            return Domain(values=(self.event,))
        if self.documented and top not in RECORDED.get(self.kind, ()):
            return NOTHING
        if name in fields:
            arn = Arn.parse(self.source)
            # Whether a record names the stream or its consumer is not known.
            if name not in ("eventSourceARN", "awsRegion") or not arn or "/consumer/" in arn.resource:
                return fields[name]
            return Domain(values=(str(arn) if name == "eventSourceARN" else arn.region,))
        known = top in RECORD_FIELDS[self.kind] | ADDED_FIELDS | {"eventName"}
        return None if known and fields.get(top) in (None, NOTHING) else NOTHING


_WHOLE: Final = {
    **dict.fromkeys(STREAMS, Domain()),
    **dict.fromkeys(QUEUES, Domain((Type.PLAIN, Type.NUMBER), (True, False, None), complete=False)),
}
"""What rules on the data itself are compared with. Of Kafka and MQ data of another format may pass."""


# --- judging ---------------------------------------------------------------------------------------------------------


class Truth(IntEnum):
    """Of how many records something is true."""

    NEVER = 0
    SOMETIMES = 1
    ALWAYS = 2


def judged(rules: Sequence[Any], domain: Domain | None) -> Truth:
    """Whether one of the rules on a path matches what can stand there."""
    if domain is None or any(isinstance(rule, Mapping) and rule.keys() - RULES for rule in rules):
        return Truth.SOMETIMES
    cells = [max(_of_type(rule, of) for rule in rules) for of in domain.types]
    cells += [Truth.ALWAYS if any(holds(rule, value) for rule in rules) else Truth.NEVER for value in domain.values]
    if domain.absent:
        cells.append(Truth.ALWAYS if any(map(is_absence, rules)) else Truth.NEVER)
    if not any(cells):
        return Truth.NEVER
    # Where a value may be absent it may also stand in a list, and two paths into a list must match in one element.
    certain = domain.complete and not (domain.absent and len(cells) > 1)
    return min(cells) if certain and min(cells) is Truth.ALWAYS else Truth.SOMETIMES


def _of_type(rule: Any, of: Type) -> Truth:
    """Whether a rule matches the values of a type."""
    if not isinstance(rule, Mapping):
        fits = is_number(rule) if of is Type.NUMBER else isinstance(rule, str)
        return Truth(fits and not (of is Type.PLAIN and is_structure(rule)))
    [(name, operand)] = rule.items()
    if name == "exists":
        return Truth.ALWAYS if operand else Truth.NEVER
    if name == "anything-but":
        inner, values = next(iter(operand.items())) if isinstance(operand, Mapping) else ("", operand)
        excluded = [{inner: value} if inner else value for value in (values if isinstance(values, list) else [values])]
        return Truth(Truth.ALWAYS - max(_of_type(item, of) for item in excluded))
    if (name == "numeric") is not (of is Type.NUMBER):
        return Truth.NEVER
    everything = {"prefix": ("", {_CASE: ""}), "suffix": ("", {_CASE: ""}), "wildcard": ("*",)}
    return Truth.ALWAYS if operand in everything.get(name, ()) else Truth.SOMETIMES


_CASE: Final = "equals-ignore-case"


def is_structure(text: str) -> bool:
    """Whether a text is an object or a list of JSON."""
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def truth_of(pattern: Mapping[str, Any], records: Records) -> Truth:
    """Of how many records a legal pattern is true."""
    events = _LACKING if records.kind is SourceKind.DYNAMODB else ("",)
    truths = {_parts(pattern, (), replace(records, event=event))[0] for event in events}
    return truths.pop() if len(truths) == 1 else Truth.SOMETIMES


def _parts(pattern: Mapping[str, Any], path: Path, records: Records) -> tuple[Truth, set[Path]]:
    """The truth of an object of a pattern, and its paths."""
    parts = []
    for name, item in pattern.items():
        here = (*path, *name.split("."))  # {"a.b": …} and {"a": {"b": …}} are the same
        if name == "$or" and isinstance(item, list):
            truths, paths = zip(*(_parts(part, path, records) for part in item), strict=True)
            parts.append((max(truths), set().union(*paths)))
        elif isinstance(item, Mapping):
            parts.append(_parts(item, here, records))
        else:
            parts.append((judged(item, records.at(here)), {here}))
    found = set().union(*(paths for _, paths in parts))
    # Of the rules on a path that stand in two places the last may be all that counts: then nothing is certain.
    if len(found) < sum(len(paths) for _, paths in parts):
        return Truth.SOMETIMES, found
    return min((truth for truth, _ in parts), default=Truth.ALWAYS), found
