"""What the control plane refuses, as data: one line a rule, in AWS's order (aws-behaviour 5.3 and 7.10), citing its row.

First the constraints of the API's model, which are facts of the field table; then the rules of the source's kind; then
whether function and source can be reached. One error at a time, as AWS does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from provisioner.model.mapping import FIELDS, Field
from provisioner.model.references import Arn, FunctionReference
from provisioner.model.sources import KAFKAS, QUEUES, SELF_MANAGED, STREAMS, SourceKind
from provisioner.sandbox.answers import Refusal, invalid, violates

Members = dict[str, Any]


class World(Protocol):
    """What of the rest of AWS the rules ask about."""

    def has_function(self, name: str, qualifier: str) -> bool:
        """Whether the function, and its version or alias, exist."""

    def has_source(self, arn: Arn) -> bool:
        """Whether the source exists, as far as this sandbox has such sources."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request to judge. `sent` is the request, `after` what the mapping would be."""

    creating: bool
    kind: SourceKind
    sent: Members
    after: Members
    world: World

    def has(self, member: str) -> bool:
        """Whether the mapping would have this member, with something in it."""
        return bool(self.after.get(member))


@dataclass(frozen=True, slots=True)
class Rule:
    """One refusal: where it is recorded, for which kinds, what breaks it, and AWS's words."""

    row: str
    kinds: frozenset[SourceKind]
    broken: Callable[[Case], bool]
    words: Callable[[Case], str]


def check(case: Case) -> None:
    """Raise the first Refusal that AWS would answer."""
    for refusal in _model(FIELDS, case.sent, ""):
        raise refusal
    for rule in RULES:
        if case.kind in rule.kinds and rule.broken(case):
            raise invalid(rule.words(case))


# --- the constraints of the model ------------------------------------------------------------------------------------


def _model(fields: Mapping[str, Field], members: Mapping[str, Any], path: str) -> Iterator[Refusal]:
    for field in fields.values():
        value = members.get(field.row.api)
        if value is not None:
            yield from _constraint(field, value, path + _lower(field.row.api))


def _lower(member: str) -> str:
    return "kmsKeyArn" if member == "KMSKeyArn" else member[0].lower() + member[1:]


def _constraint(field: Field, value: Any, path: str) -> Iterator[Refusal]:
    yield from _size(field, value, path)
    words = [value] if isinstance(value, str) else list(value) if isinstance(value, list | dict) else []
    if field.row.values and any(isinstance(word, str) and word not in field.row.values for word in words):
        yield violates(
            f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: Member must satisfy enum value set: [{', '.join(field.row.values)}]"
        )
    if field.many:
        for index, item in enumerate(value, start=1):
            yield from _model(field.children, item, f"{path}.{index}.member.")
    elif field.children:
        yield from _model(field.children, value, f"{path}.")


def _size(field: Field, value: Any, path: str) -> Iterator[Refusal]:
    if field.row.bounds is None:
        return
    least, most = field.row.bounds
    is_number = isinstance(value, int)
    size, word = (value, "value") if is_number else (len(value), "length")
    wrong = "greater" if size < least else "less" if size > most else ""
    if wrong:
        bound = least if wrong == "greater" else most
        limit = f"Member must have {word} {wrong} than or equal to {bound}"
        yield violates(f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: {limit}")


def _shown(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


# --- the rules of the kinds ------------------------------------------------------------------------------------------


def unsupported(case: Case) -> list[str]:
    """The members that the kind does not have, in the API's spelling (aws-behaviour 5.1)."""
    # Position and window of queues are refused in words of their own, below.
    own_words = {"StartingPosition", "MaximumBatchingWindowInSeconds"} if case.kind in QUEUES else set()
    return [
        field.row.api
        for field in FIELDS.values()
        if case.kind not in field.row.kinds
        and _says_something(case.sent.get(field.row.api))
        and field.row.api not in own_words
    ]


def _says_something(value: Any) -> bool:
    return value is not None and value not in ([], {}, "")


def _unsupported_words(case: Case) -> str:
    member = unsupported(case)[0]
    if case.kind is SourceKind.DOCUMENTDB:
        return f"Invalid parameters: {_lower(member)}"
    if member == "DestinationConfig" and case.kind in QUEUES:
        return "Unsupported DestinationConfig parameter for given event source mapping type."
    return f"Unsupported '{_lower(member)}' parameter for given event source mapping type."


def _access_types(case: Case) -> list[str]:
    return [item.get("Type", "") for item in case.after.get("SourceAccessConfigurations") or []]


def _sent_access_types(case: Case) -> list[str]:
    return [item.get("Type", "") for item in case.sent.get("SourceAccessConfigurations") or []]


def _kafka_block(case: Case) -> Mapping[str, Any]:
    name = "SelfManagedKafkaEventSourceConfig" if case.kind in SELF_MANAGED else "AmazonManagedKafkaEventSourceConfig"
    return case.sent.get(name) or {}


def _bad_patterns(case: Case) -> bool:
    filters = (case.sent.get("FilterCriteria") or {}).get("Filters") or []
    return any(not _is_object(item.get("Pattern", "")) for item in filters)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _empty_destination(case: Case) -> bool:
    config = case.sent.get("DestinationConfig") or {}
    return any(
        config.get(side) is not None and not config[side].get("Destination") for side in ("OnFailure", "OnSuccess")
    )


def _function_missing(case: Case) -> bool:
    reference = FunctionReference.parse(case.after.get("FunctionName"))
    return reference is None or not case.world.has_function(reference.name, reference.qualifier)


def _source_missing(case: Case) -> bool:
    arn = Arn.parse(case.after.get("EventSourceArn"))
    return case.creating and arn is not None and not case.world.has_source(arn)


def _large_batch(case: Case) -> bool:
    touched = case.creating or "BatchSize" in case.sent or "MaximumBatchingWindowInSeconds" in case.sent
    return touched and (case.after.get("BatchSize") or 0) > 10 and not case.after.get("MaximumBatchingWindowInSeconds")


_EVERY: Final = frozenset(SourceKind)
_MQ, _DOCUMENTDB, _FIFO = frozenset({SourceKind.MQ}), frozenset({SourceKind.DOCUMENTDB}), frozenset({SourceKind.FIFO})
_DYNAMODB, _SQS = frozenset({SourceKind.DYNAMODB}), frozenset({SourceKind.SQS})


def _says(words: str) -> Callable[[Case], str]:
    return lambda _: words


# fmt: off
RULES: Final[tuple[Rule, ...]] = (
    Rule("5.4 Position on SQS", QUEUES, lambda c: c.creating and bool(c.sent.get("StartingPosition")), _says("StartingPosition is not valid for SQS event sources.")),
    Rule("5.4 FIFO window", _FIFO, lambda c: bool(c.sent.get("MaximumBatchingWindowInSeconds")), _says("Batching window is not supported for FIFO queues")),
    Rule("5.4 Kafka without topic", KAFKAS, lambda c: not c.has("Topics"), _says("Required 'topics' parameter is missing.")),
    Rule("5.1 Queues", _MQ, lambda c: not c.has("Queues"), _says("Required 'queues' parameter is missing.")),
    Rule("5.4 DocumentDB missing members", _DOCUMENTDB, lambda c: not c.has("DocumentDBEventSourceConfig"), _says("Invalid parameters: documentDBEventSourceConfig, databaseName")),
    Rule("5.4 DocumentDB missing members", _DOCUMENTDB, lambda c: not c.after["DocumentDBEventSourceConfig"].get("DatabaseName"), _says("Invalid parameters: databaseName")),
    Rule("5.4 DocumentDB missing members", _DOCUMENTDB, lambda c: _access_types(c) != ["BASIC_AUTH"], _says("Invalid parameters: sourceAccessConfigurations, sourceAccessConfigurations")),
    Rule("7.5 VIRTUAL_HOST in an update", _MQ, lambda c: not c.creating and "VIRTUAL_HOST" in _sent_access_types(c), _says("Invalid parameters: VIRTUAL_HOST")),
    Rule("7.5 SourceAccessConfigurations", _MQ, lambda c: "BASIC_AUTH" not in _access_types(c), _says("BASIC_AUTH source access configuration was not provided")),
    Rule("5.4 Member of another kind", _EVERY, lambda c: bool(unsupported(c)), _unsupported_words),
    Rule("5.4 Self-managed without access config", SELF_MANAGED, lambda c: not c.has("SourceAccessConfigurations"), _says("Required 'sourceAccessConfigurations' parameter is missing.")),
    Rule("1 ConsumerGroupId in an update", KAFKAS, lambda c: not c.creating and "ConsumerGroupId" in _kafka_block(c), _says("Unsupported 'consumerGroupId' parameter for given event source mapping type.")),
    Rule("1 ConsumptionMode in an update", SELF_MANAGED, lambda c: not c.creating and "ConsumptionMode" in _kafka_block(c), _says("Unsupported 'ConsumptionMode' parameter for given event source mapping type.")),
    Rule("5.7 no StartingPosition", STREAMS, lambda c: c.creating and not c.sent.get("StartingPosition"), _says("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")),
    Rule("5.4 DynamoDB AT_TIMESTAMP", _DYNAMODB, lambda c: c.creating and c.sent.get("StartingPosition") == "AT_TIMESTAMP", lambda c: f"Unsupported starting position for arn type: {c.sent['EventSourceArn']}"),
    Rule("5.4 AT_TIMESTAMP without timestamp", _EVERY, lambda c: c.creating and c.sent.get("StartingPosition") == "AT_TIMESTAMP" and not c.sent.get("StartingPositionTimestamp"), _says("When the starting position is 'AT_TIMESTAMP', a starting position timestamp must be provided.")),
    Rule("5.4 FIFO batch", _FIFO, lambda c: (c.sent.get("BatchSize") or 0) > 10, _says("Maximum batch size must be between 1 and 10 inclusive")),
    Rule("5.4 SQS batch > 10, window 0", _SQS, _large_batch, _says("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")),
    Rule("5.4 Record age 1-59", _EVERY, lambda c: 0 <= (c.sent.get("MaximumRecordAgeInSeconds") or -1) < 60, _says("MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)")),
    Rule("7.5 ProvisionedPollerConfig {} in a create", _EVERY, lambda c: c.creating and c.sent.get("ProvisionedPollerConfig") == {}, _says("Either MinimumPollers or MaximumPollers are required if ProvisionedPollerConfig is provided.")),
    Rule("7.10 ScalingConfig with ProvisionedPollerConfig", QUEUES, lambda c: c.has("ScalingConfig") and c.has("ProvisionedPollerConfig"), _says("ScalingConfig and ProvisionedPollerConfig cannot be specified together.")),
    Rule("5.4 Empty OnFailure on update", _EVERY, _empty_destination, _says("The Destination field is required for an OnFailure configuration.")),
    Rule("5.4 Filter invalid", _EVERY, _bad_patterns, _says("Invalid filter pattern definition.")),
    Rule("5.4 Function unknown; 7.4 Function or alias deleted", _EVERY, _function_missing, _says("Function does not exist")),
    Rule("5.4 Queue unknown", QUEUES, _source_missing, _says("Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.")),
    Rule("5.4 Stream unknown", STREAMS, _source_missing, lambda c: f"Stream not found: {c.after['EventSourceArn']}"),
)
# fmt: on
