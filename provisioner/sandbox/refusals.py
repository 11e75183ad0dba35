"""The refusals of the control plane as data: one line for each rule, in AWS's order (docs/aws/errors.md#order), with
its evidence. Its twin is `kinds/rules.py`, with which it shares nothing; tests/behaviour holds the two against each
other.

After the constraints of the API's model (`shapes`) come the rules of the source's kind; then whether function, role,
source, queue and secret are as they must be. One error at a time, as AWS does. Where no answer of AWS is recorded for a
documented rule, the words are ours, and the evidence ends in "words ours".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from provisioner.kinds.event_source_mapping import FIELDS
from provisioner.kinds.forms import moment
from provisioner.model.references import Arn, FunctionReference
from provisioner.model.sources import KAFKAS, QUEUES, SELF_MANAGED, STREAMS, SourceKind
from provisioner.sandbox.answers import invalid
from provisioner.sandbox.iam import ASSUME
from provisioner.sandbox.patterns import is_pattern
from provisioner.sandbox.shapes import lower
from provisioner.sandbox.world import World

Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A request to judge. `sent` is the request, `before` and `after` what the mapping was and would be; before a
    create it was {}. Rules on a request look at `sent`, rules on what holds together look at `after`.
    """

    creating: bool
    kind: SourceKind
    sent: Members
    after: Members
    world: World
    before: Members

    def has(self, member: str) -> bool:
        """Whether the mapping would have this member, with something in it."""
        return bool(self.after.get(member))


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """One refusal: its evidence (a row of a page in docs/aws/), for which kinds, what breaks it, and AWS's words."""

    evidence: str
    kinds: frozenset[SourceKind]
    broken: Callable[[Case], bool]
    words: Callable[[Case], str]


def check(case: Case) -> None:
    """Raise Refusal for the first rule of `RULES` that is broken. `check_constraints` comes before."""
    for rule in RULES:
        if case.kind in rule.kinds and rule.broken(case):
            raise invalid(rule.words(case))


# --- the rules of the kinds ------------------------------------------------------------------------------------------


def unsupported(case: Case) -> list[str]:
    """The members that the kind does not have, in the API's spelling (docs/aws/kinds.md#fields)."""
    # Position and window of queues are refused in words of their own, below.
    own_words = {"StartingPosition", "MaximumBatchingWindowInSeconds"} if case.kind in QUEUES else set()
    # Kafka has DestinationConfig with OnFailure alone (docs/aws/kinds.md#fields). Streams have another row.
    on_success = _on_success(case) and case.kind not in STREAMS
    return ["DestinationConfig"] * on_success + [
        field.row.api
        for field in FIELDS.values()
        if case.kind not in field.row.kinds
        and case.sent.get(field.row.api) not in (None, [], {}, "")
        and field.row.api not in own_words
    ]


def _on_success(case: Case) -> bool:
    return bool((case.sent.get("DestinationConfig") or {}).get("OnSuccess"))


def _unsupported_words(case: Case) -> str:
    # AWS writes two of the members in another form (docs/aws/errors.md#messages).
    member = unsupported(case)[0]
    if case.kind is SourceKind.DOCUMENTDB:
        return f"Invalid parameters: {lower(member)}"
    if member == "DestinationConfig" or (member == "ScalingConfig" and case.kind in STREAMS):
        return f"Unsupported {member} parameter for given event source mapping type."
    return f"Unsupported '{lower(member)}' parameter for given event source mapping type."


def _access_types(case: Case) -> list[str]:
    return [item.get("Type", "") for item in case.after.get("SourceAccessConfigurations") or []]


def _sent_access_types(case: Case) -> list[str]:
    return [item.get("Type", "") for item in case.sent.get("SourceAccessConfigurations") or []]


# How types begin whose URI is the value itself and not the ARN of a secret.
_LITERAL_ACCESS: Final = (
    "VPC_",
    "VIRTUAL_HOST",
    "OAUTHBEARER_SCOPE",
    "OAUTHBEARER_AUD",
    "OAUTHBEARER_LOG",
    "OAUTHBEARER_ID",
)
_MOST_FILTERS: Final = 10  # the quota that can be had on request; 5 without one
_MSK_ACCESS: Final = frozenset({"SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"})


def _wrong_access(case: Case) -> bool:
    """Access of a type that the kind does not have, without or with a URI that it must or must not have, or alone."""
    items = case.sent.get("SourceAccessConfigurations") or []
    types = set(_access_types(case))
    foreign = types - _MSK_ACCESS if case.kind is SourceKind.MSK else types & {"VIRTUAL_HOST"}
    # The function's role signs requests of these two, so they have no URI; every other type needs one.
    signs = [item.get("Type") in ("IAM_AUTH", "IAM_OAUTHBEARER_AUTH") for item in items]
    odd_uri = any(sign == bool(item.get("URI")) for sign, item in zip(signs, items, strict=True))
    secret = "OAUTHBEARER_AUTH" in types
    parts = {"OAUTHBEARER_SCOPE", "OAUTHBEARER_LOGICAL_CLUSTER", "OAUTHBEARER_IDENTITY_POOL"} & types
    audience, token = "OAUTHBEARER_AUDIENCE" in types, "IAM_OAUTHBEARER_AUTH" in types
    # The three parts go with OAUTHBEARER_AUTH; IAM_OAUTHBEARER_AUTH goes with an audience alone.
    if token and parts:
        return True
    alone = (parts and not secret) or (audience and not (secret or token)) or (token and not audience)
    return bool(foreign or odd_uri or alone)


def _secrets(members: Members) -> list[str]:
    return [
        item["URI"]
        for item in members.get("SourceAccessConfigurations") or []
        if item.get("URI") and not item.get("Type", "").startswith(_LITERAL_ACCESS)
    ]


def _secret_missing(case: Case) -> bool:
    return not all(case.world.has_secret(secret) for secret in _secrets(case.sent))


def _kafka_block(case: Case) -> Mapping[str, Any]:
    return case.sent.get(_kafka_name(case)) or {}


def _kafka_name(case: Case) -> str:
    return "SelfManagedKafkaEventSourceConfig" if case.kind in SELF_MANAGED else "AmazonManagedKafkaEventSourceConfig"


def _on_demand_registry(case: Case) -> bool:
    block = case.after.get(_kafka_name(case)) or {}
    return bool(block.get("SchemaRegistryConfig")) and not case.has("ProvisionedPollerConfig")


def _on_demand_metrics(case: Case) -> bool:
    # An empty list is what clearing leaves (docs/aws/updates.md#clearing), so it must pass.
    return bool((case.after.get("MetricsConfig") or {}).get("Metrics")) and not case.has("ProvisionedPollerConfig")


def _foreign_metrics(case: Case) -> bool:
    return bool(
        {"ErrorCount", "KafkaMetrics"}.intersection((case.sent.get("MetricsConfig") or {}).get("Metrics") or ())
    )


def _wrong_pollers(case: Case) -> bool:
    pollers = case.after.get("ProvisionedPollerConfig") or {}
    least, most = pollers.get("MinimumPollers", 0), pollers.get("MaximumPollers", 0)
    # That the minimum is at most 200 is a constraint of the model.
    floor, ceiling = (2, 10000) if case.kind in QUEUES else (1, 2000)
    return bool(pollers) and not (floor <= least <= most <= ceiling)


def _bad_patterns(case: Case) -> bool:
    filters = (case.sent.get("FilterCriteria") or {}).get("Filters") or []
    for item in filters:
        text = item.get("Pattern", "")
        if not is_pattern(text):
            return True
        # Rules on the data itself, which streams refuse by AWS's guide.
        if case.kind in _DATA and isinstance(json.loads(text).get(_DATA[case.kind]), list):
            return True
    return False


# The key of a record's data in a pattern.
_DATA: Final = {SourceKind.KINESIS: "data", SourceKind.DYNAMODB: "dynamodb"}


def _empty_destination(case: Case) -> bool:
    config = case.sent.get("DestinationConfig") or {}
    return any(
        config.get(side) is not None and not config[side].get("Destination") for side in ("OnFailure", "OnSuccess")
    )


def _late(case: Case) -> bool:
    begin = moment(case.sent.get("StartingPositionTimestamp"))
    return begin is not None and begin > datetime.now(UTC)


def _age_in_the_hole(case: Case) -> bool:
    # The model allows -1 to 604800; 0 to 59 are refused by the service.
    age = case.sent.get("MaximumRecordAgeInSeconds")
    return age is not None and 0 <= age < 60


def _large_batch(case: Case) -> bool:
    touched = case.creating or "BatchSize" in case.sent or "MaximumBatchingWindowInSeconds" in case.sent
    return touched and (case.after.get("BatchSize") or 0) > 10 and not case.after.get("MaximumBatchingWindowInSeconds")


# --- function, role, source ------------------------------------------------------------------------------------------


def _function(case: Case) -> FunctionReference | None:
    return FunctionReference.parse(case.after.get("FunctionName"))


def _function_missing(case: Case) -> bool:
    reference = _function(case)
    return reference is None or not case.world.has_function(reference.name, reference.qualifier)


def _checks_access(case: Case) -> bool:
    """Role and source are checked on creation, and when an update names the function (docs/aws/updates.md#updates)."""
    return case.creating or "FunctionName" in case.sent


def _lacking(case: Case, actions: Sequence[str], resource: str = "") -> str:
    """The first of the actions that the function's role may not do to a resource, the source without one, or ""."""
    reference = _function(case)
    if reference is None or not _checks_access(case):
        return ""
    on = resource or case.after.get("EventSourceArn", "*")
    return next((action for action in actions if case.world.lacks(reference.name, action, on)), "")


def _source(case: Case) -> Arn | None:
    return Arn.parse(case.after.get("EventSourceArn"))


def _source_missing(case: Case) -> bool:
    arn = _source(case)
    return _checks_access(case) and arn is not None and not case.world.has_source(arn)


def _visibility(case: Case) -> tuple[int, int] | None:
    """The two timeouts, when the queue's is too short."""
    reference, queue = _function(case), _source(case)
    if reference is None or queue is None or not _checks_access(case):
        return None
    visible, timeout = case.world.timeouts(reference.name, queue)
    return (visible, timeout) if visible < timeout else None


def _visibility_words(case: Case) -> str:
    visible, timeout = _visibility(case) or (0, 0)  # never None: words are asked for when the rule is broken
    return f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds"


def _cannot_decrypt(case: Case) -> bool:
    """The key goes and the filters stay: they must be decrypted, unless the same call brings new ones."""
    key = case.before.get("KMSKeyArn", "")
    clears = case.sent.get("KMSKeyArn") == "" and "FilterCriteria" not in case.sent
    return bool(clears and key and case.world.key_error(key))


def _late_names(case: Case) -> list[str]:
    """The names of a DocumentDB mapping that an update holds, changed or not: it may hold neither
    (docs/aws/updates.md#updates).
    """
    config = case.sent.get("DocumentDBEventSourceConfig") or {}
    return [] if case.creating else [lower(name) for name in ("DatabaseName", "CollectionName") if name in config]


def _windowed(case: Case) -> bool:
    return bool(case.after.get("TumblingWindowInSeconds"))


def _is_active_mq(case: Case) -> bool:
    """Whether the broker is known to be ActiveMQ: not where the seed does not name the engine."""
    source = _source(case)
    return source is not None and case.world.engine(source) == "ActiveMQ"


def _denied_secret(case: Case) -> str:
    """The first secret that the role may not read, or ""."""
    action = ["secretsmanager:GetSecretValue"]
    return next((secret for secret in _secrets(case.after) if _lacking(case, action, secret)), "")


_QUEUE_ACTIONS: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_STREAM_ACTIONS: Final[Mapping[SourceKind, tuple[str, ...]]] = {
    SourceKind.KINESIS: ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream"),
    SourceKind.DYNAMODB: ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"),
}
_CONSUMER_ACTIONS: Final = (
    "kinesis:DescribeStreamSummary",
    "kinesis:ListShards",
    "kinesis:GetShardIterator",
    "kinesis:GetRecords",
)
"""On the stream of a consumer. These and the two above are what AWS was seen to check when a mapping is made; its texts
name more.
"""

_DESCRIBES: Final = ("kafka:DescribeClusterV2", "kafka:DescribeCluster")


def _cluster_denied(case: Case) -> bool:
    """Either action to describe the cluster is enough; the brokers, which take no resource, are needed as well."""
    undescribed = all(_lacking(case, [action]) for action in _DESCRIBES)
    return undescribed or bool(_lacking(case, ["kafka:GetBootstrapBrokers"], "*"))


def _unsaid_pollers(case: Case) -> bool:
    # In an update {} clears them (docs/aws/updates.md#clearing).
    pollers = case.sent.get("ProvisionedPollerConfig")
    return case.creating and pollers is not None and not pollers.keys() & {"MinimumPollers", "MaximumPollers"}


def _is_consumer(case: Case) -> bool:
    return "/consumer/" in case.after.get("EventSourceArn", "")


def _stream_denied(case: Case) -> bool:
    return not _is_consumer(case) and bool(_lacking(case, _STREAM_ACTIONS[case.kind]))


def _consumer_denied(case: Case) -> bool:
    stream = case.after.get("EventSourceArn", "").partition("/consumer/")[0]
    return _is_consumer(case) and bool(
        _lacking(case, _CONSUMER_ACTIONS, stream) or _lacking(case, ["kinesis:SubscribeToShard"])
    )


def _destination_denied(case: Case, service: str, action: str) -> bool:
    """Whether the role may not send to a destination of a service. AWS tries it, but not on an update that has neither function
    nor destination.
    """
    config = (case.sent if "DestinationConfig" in case.sent else case.after).get("DestinationConfig") or {}
    arn = Arn.parse((config.get("OnFailure") or {}).get("Destination"))
    reference = _function(case)
    if arn is None or arn.service != service or reference is None:
        return False
    # A bucket is tried by a key that is not below the prefix of the records.
    resource = f"{arn}/Lambda-Destination-Test" if service == "s3" else str(arn)
    checked = case.creating or bool({"FunctionName", "DestinationConfig"} & case.sent.keys())
    return checked and case.world.lacks(reference.name, action, resource)


_EVERY: Final = frozenset(SourceKind)
_MQ, _DOCUMENTDB, _FIFO = frozenset({SourceKind.MQ}), frozenset({SourceKind.DOCUMENTDB}), frozenset({SourceKind.FIFO})
_DYNAMODB, _SQS, _MSK = frozenset({SourceKind.DYNAMODB}), frozenset({SourceKind.SQS}), frozenset({SourceKind.MSK})
_KAFKA_QUEUE = frozenset({SourceKind.KAFKA_QUEUE})


def _says(words: str) -> Callable[[Case], str]:
    return lambda _: words


_CONSUMER_WORDS: Final = (
    "Please ensure the role can perform the DescribeStreamSummary, ListShards, GetShardIterator and GetRecords actions on your "
    "stream and SubscribeToShard on your consumer."
)
_STREAM_WORDS: Final = {
    SourceKind.KINESIS: "Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, "
    "DescribeStreamSummary, ListShards, and ListStreams Actions on your stream.",
    SourceKind.DYNAMODB: "Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams "
    "Actions on your stream in IAM.",
}
_CLUSTER_WORDS: Final = (
    "Please ensure the role can perform the DescribeClusterV2 (recommended) or DescribeCluster and GetBootstrapBrokers "
    "actions on your cluster in IAM."
)
# Also in the FilterCriteriaError that Get shows.
KMS_WORDS: Final = {
    "AccessDeniedException": "Lambda was unable to decrypt your filter criteria because the KMS access was denied. "
    "Please check your KMS permissions.",
    "DisabledException": "Lambda was unable to decrypt your filter criteria because the KMS key is disabled. "
    "Please check your KMS key settings.",
}

# The order matters: AWS answers one error at a time, and a rule may rely on what the ones above it have refused.
RULES: Final[tuple[RefusalRule, ...]] = (
    # the kind's own shape
    RefusalRule(
        "kinds.md#fields: access without a type; words ours",
        _EVERY,
        lambda c: "" in _sent_access_types(c),
        _says(
            "1 validation error detected: Value null at 'sourceAccessConfigurations.1.member.type' failed to satisfy constraint: Member must not be null"
        ),
    ),
    RefusalRule(
        "errors.md#messages: Position on SQS",
        QUEUES,
        lambda c: c.creating and bool(c.sent.get("StartingPosition")),
        _says("StartingPosition is not valid for SQS event sources."),
    ),
    RefusalRule(
        "errors.md#messages: FIFO window",
        _FIFO,
        lambda c: bool(c.sent.get("MaximumBatchingWindowInSeconds")),
        _says("Batching window is not supported for FIFO queues"),
    ),
    RefusalRule(
        "errors.md#messages: Kafka without topic",
        KAFKAS,
        lambda c: not c.has("Topics"),
        _says("Required 'topics' parameter is missing."),
    ),
    RefusalRule(
        "errors.md#messages: Self-managed without access config",
        SELF_MANAGED,
        lambda c: not c.has("SourceAccessConfigurations"),
        _says("Required 'sourceAccessConfigurations' parameter is missing."),
    ),
    RefusalRule(
        "errors.md#order: Amazon MQ: the function before queues and access",
        _MQ,
        _function_missing,
        _says("Function does not exist"),
    ),
    RefusalRule(
        "kinds.md#fields: Queues", _MQ, lambda c: not c.has("Queues"), _says("Required 'queues' parameter is missing.")
    ),
    RefusalRule(
        "errors.md#messages: DocumentDB missing members",
        _DOCUMENTDB,
        lambda c: not c.has("DocumentDBEventSourceConfig"),
        _says("Invalid parameters: documentDBEventSourceConfig, databaseName"),
    ),
    RefusalRule(
        "errors.md#messages: DocumentDB missing members",
        _DOCUMENTDB,
        lambda c: not c.after["DocumentDBEventSourceConfig"].get("DatabaseName"),
        _says("Invalid parameters: databaseName"),
    ),
    RefusalRule(
        "errors.md#messages: DocumentDB missing members",
        _DOCUMENTDB,
        lambda c: _access_types(c) != ["BASIC_AUTH"],
        _says("Invalid parameters: sourceAccessConfigurations, sourceAccessConfigurations"),
    ),
    RefusalRule(
        "errors.md#messages: DocumentDB names in an update",
        _DOCUMENTDB,
        lambda c: bool(_late_names(c)),
        lambda c: f"Invalid parameters: {', '.join(_late_names(c))}",
    ),
    # An ARN does not show the engine. Where the seed does not name it, a virtual host means RabbitMQ.
    RefusalRule(
        "errors.md#messages: ActiveMQ with VIRTUAL_HOST",
        _MQ,
        lambda c: _is_active_mq(c) and "VIRTUAL_HOST" in _sent_access_types(c),
        _says("Unsupported source access configurations type for given event source mapping type."),
    ),
    RefusalRule(
        "updates.md#updates: VIRTUAL_HOST in an update",
        _MQ,
        lambda c: not c.creating and "VIRTUAL_HOST" in _sent_access_types(c),
        _says("Invalid parameters: VIRTUAL_HOST"),
    ),
    RefusalRule(
        "updates.md#clearing: SourceAccessConfigurations of RabbitMQ",
        _MQ,
        lambda c: (
            "VIRTUAL_HOST" in _access_types(c)
            and (_access_types(c).count("BASIC_AUTH") != 1 or _access_types(c).count("VIRTUAL_HOST") > 1)
        ),
        _says("Invalid parameters: sourceAccessConfigurations"),
    ),
    RefusalRule(
        "updates.md#clearing: SourceAccessConfigurations of ActiveMQ",
        _MQ,
        lambda c: "BASIC_AUTH" not in _access_types(c),
        _says("BASIC_AUTH source access configuration was not provided"),
    ),
    RefusalRule(
        "kinds.md#fields: one BASIC_AUTH; words ours",
        _MQ,
        lambda c: _access_types(c) != ["BASIC_AUTH"] and "VIRTUAL_HOST" not in _access_types(c),
        _says("Invalid parameters: sourceAccessConfigurations"),
    ),
    RefusalRule(
        "errors.md#messages: OnSuccess of a stream",
        STREAMS,
        _on_success,
        _says("OnSuccess configuration is not supported for event source mappings."),
    ),
    # DocumentDB refuses them after the secret, at the end.
    RefusalRule(
        "errors.md#messages: Member of another kind",
        _EVERY - _DOCUMENTDB,
        lambda c: bool(unsupported(c)),
        _unsupported_words,
    ),
    RefusalRule(
        "kinds.md#fields: access types; words ours",
        KAFKAS,
        _wrong_access,
        _says("Invalid parameters: sourceAccessConfigurations"),
    ),
    RefusalRule(
        "errors.md#messages: ConsumerGroupId in an update",
        KAFKAS,
        lambda c: not c.creating and "ConsumerGroupId" in _kafka_block(c),
        _says("Unsupported 'consumerGroupId' parameter for given event source mapping type."),
    ),
    RefusalRule(
        "errors.md#messages: ConsumptionMode in an update",
        SELF_MANAGED,
        lambda c: not c.creating and "ConsumptionMode" in _kafka_block(c),
        _says("Unsupported 'ConsumptionMode' parameter for given event source mapping type."),
    ),
    RefusalRule(
        "kinds.md#fields: Queue mode, endless retries; words ours",
        _KAFKA_QUEUE,
        lambda c: c.sent.get("MaximumRetryAttempts") == -1,
        _says("MaximumRetryAttempts must be between 0 and 10000 (inclusive)"),
    ),
    # The words of the model, although the model does not require it: the code is InvalidParameterValueException.
    RefusalRule(
        "errors.md#messages: Position missing on a stream",
        STREAMS,
        lambda c: c.creating and not c.sent.get("StartingPosition"),
        _says(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."
        ),
    ),
    RefusalRule(
        "errors.md#messages: DynamoDB AT_TIMESTAMP",
        _DYNAMODB,
        lambda c: c.creating and c.sent.get("StartingPosition") == "AT_TIMESTAMP",
        lambda c: f"Unsupported starting position for arn type: {c.sent['EventSourceArn']}",
    ),
    RefusalRule(
        "errors.md#messages: AT_TIMESTAMP without timestamp",
        _EVERY,
        lambda c: (
            c.creating
            and c.sent.get("StartingPosition") == "AT_TIMESTAMP"
            and c.sent.get("StartingPositionTimestamp") is None
        ),
        _says("When the starting position is 'AT_TIMESTAMP', a starting position timestamp must be provided."),
    ),
    RefusalRule(
        "errors.md#messages: a timestamp with another position",
        STREAMS,
        lambda c: (
            c.creating
            and c.sent.get("StartingPosition") != "AT_TIMESTAMP"
            and c.sent.get("StartingPositionTimestamp") is not None
        ),
        _says("Timestamp only valid with StartingPosition AT_TIMESTAMP"),
    ),
    RefusalRule(
        "kinds.md#documented-rules: timestamp in the future; words ours",
        _EVERY,
        _late,
        _says("The starting position timestamp cannot be in the future."),
    ),
    RefusalRule(
        "errors.md#messages: FIFO batch",
        _FIFO,
        lambda c: (c.sent.get("BatchSize") or 0) > 10,
        _says("Maximum batch size must be between 1 and 10 inclusive"),
    ),
    RefusalRule(
        "errors.md#messages: SQS batch > 10, window 0",
        _SQS,
        _large_batch,
        _says("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"),
    ),
    RefusalRule(
        "errors.md#messages: Record age 1-59",
        STREAMS | KAFKAS,
        _age_in_the_hole,
        _says("MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)"),
    ),
    RefusalRule(
        "updates.md#clearing: ProvisionedPollerConfig {} in a create",
        QUEUES | KAFKAS,
        _unsaid_pollers,
        _says("Either MinimumPollers or MaximumPollers are required if ProvisionedPollerConfig is provided."),
    ),
    RefusalRule(
        "errors.md#messages: SQS pollers",
        QUEUES,
        _wrong_pollers,
        _says("MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]"),
    ),
    RefusalRule(
        "kinds.md#fields: Pollers of Kafka; words ours",
        KAFKAS,
        _wrong_pollers,
        _says("MinimumPollers should be between [1, 200] and MaximumPollers should be between [MinimumPollers, 2000]"),
    ),
    RefusalRule(
        "kinds.md#fields: PollerGroupName; words ours",
        QUEUES,
        lambda c: bool((c.sent.get("ProvisionedPollerConfig") or {}).get("PollerGroupName")),
        _says("Unsupported 'pollerGroupName' parameter for given event source mapping type."),
    ),
    RefusalRule(
        "errors.md#messages: SQS pollers with ScalingConfig",
        QUEUES,
        lambda c: c.has("ScalingConfig") and c.has("ProvisionedPollerConfig"),
        _says(
            "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency."
        ),
    ),
    RefusalRule(
        "kinds.md#fields: SchemaRegistryConfig only in provisioned mode; words ours",
        KAFKAS,
        _on_demand_registry,
        _says("SchemaRegistryConfig requires ProvisionedPollerConfig."),
    ),
    RefusalRule(
        "errors.md#messages: on-demand Kafka, MetricsConfig",
        KAFKAS,
        _on_demand_metrics,
        _says(
            "MetricsConfig is only available for Provisioned Mode. To configure MetricsConfig, please enable Provisioned Mode by specifying MinimumPollers in ProvisionedPollerConfig."
        ),
    ),
    RefusalRule(
        "kinds.md#fields: MetricsConfig; words ours",
        QUEUES | STREAMS,
        _foreign_metrics,
        _says("Unsupported 'metricsConfig' parameter for given event source mapping type."),
    ),
    RefusalRule(
        "errors.md#messages: Empty OnFailure on update",
        STREAMS | KAFKAS,
        _empty_destination,
        _says("The Destination field is required for an OnFailure configuration."),
    ),
    RefusalRule(
        "kinds.md#fields: factor and window",
        STREAMS,
        lambda c: _windowed(c) and (c.after.get("ParallelizationFactor") or 1) > 1,
        _says("Parallelization factor must be equal to 1 when tumbling window period is configured"),
    ),
    RefusalRule(
        "kinds.md#fields: filters and window; words ours",
        STREAMS,
        lambda c: _windowed(c) and bool((c.after.get("FilterCriteria") or {}).get("Filters")),
        _says("FilterCriteria is not supported when tumbling window period is configured"),
    ),
    RefusalRule(
        "kinds.md#fields: the quota of filters; words ours",
        _EVERY - _DOCUMENTDB,
        lambda c: len((c.sent.get("FilterCriteria") or {}).get("Filters") or ()) > _MOST_FILTERS,
        _says("The number of filters exceeds the limit of 10."),
    ),
    RefusalRule(
        "errors.md#messages: Filter invalid",
        _EVERY - _DOCUMENTDB,
        _bad_patterns,
        _says("Invalid filter pattern definition."),
    ),
    # function, role, source
    RefusalRule(
        "errors.md#messages: Function unknown, or the function or alias deleted",
        _EVERY,
        _function_missing,
        _says("Function does not exist"),
    ),
    # The rules on the role ask for the function, so it must exist by here.
    RefusalRule(
        "errors.md#messages: Role not assumable yet",
        _EVERY,
        lambda c: bool(_lacking(c, [ASSUME])),
        _says("The role defined for the function cannot be assumed by Lambda."),
    ),
    RefusalRule(
        "errors.md#messages: Role: SQS",
        QUEUES,
        lambda c: bool(_lacking(c, _QUEUE_ACTIONS)),
        lambda c: (
            f"The function execution role does not have permissions to call {_lacking(c, _QUEUE_ACTIONS).partition(':')[2]} on SQS"
        ),
    ),
    RefusalRule(
        "errors.md#messages: Queue unknown",
        QUEUES,
        _source_missing,
        _says(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist."
        ),
    ),
    # After the queue: a queue that does not exist has no timeout.
    RefusalRule(
        "errors.md#messages: Visibility timeout", QUEUES, lambda c: _visibility(c) is not None, _visibility_words
    ),
    RefusalRule(
        "errors.md#messages: Role: streams",
        STREAMS,
        _stream_denied,
        lambda c: f"Cannot access stream {_source(c)}. {_STREAM_WORDS[c.kind]}",
    ),
    RefusalRule(
        "errors.md#messages: Role: consumer",
        STREAMS,
        _consumer_denied,
        lambda c: f"Cannot access event source {_source(c)}. {_CONSUMER_WORDS}",
    ),
    RefusalRule(
        "errors.md#messages: Stream unknown", STREAMS, _source_missing, lambda c: f"Stream not found: {_source(c)}"
    ),
    RefusalRule(
        "errors.md#messages: Role: MSK, also for an absent cluster",
        _MSK,
        lambda c: _source_missing(c) or _cluster_denied(c),
        lambda c: f"Cannot access cluster {_source(c)}. {_CLUSTER_WORDS}",
    ),
    RefusalRule(
        "permissions.md#by-kind: any secret of a source or a schema registry",
        _MSK,
        lambda c: bool(_denied_secret(c)),
        lambda c: (
            f"Cannot access secret manager value {_denied_secret(c)}. Please ensure the role can perform the 'secretsmanager:GetSecretValue' action on your broker in IAM."
        ),
    ),
    RefusalRule(
        "permissions.md#destinations: SQS",
        STREAMS | KAFKAS,
        lambda c: _destination_denied(c, "sqs", "sqs:SendMessage"),
        _says("The function execution role does not have permissions to call SendMessage on SQS"),
    ),
    RefusalRule(
        "permissions.md#destinations: S3",
        STREAMS | KAFKAS,
        lambda c: _destination_denied(c, "s3", "s3:PutObject"),
        _says("The function execution role does not have permissions to call PutObject on S3"),
    ),
    RefusalRule(
        "errors.md#messages: DocumentDB secret denied",
        _DOCUMENTDB,
        lambda c: bool(_denied_secret(c)),
        _says(
            "Cannot access secret manager, please ensure the role can perform the 'secretsmanager:GetSecretValue' action on your cluster in IAM."
        ),
    ),
    RefusalRule(
        "errors.md#messages: Secret missing",
        _DOCUMENTDB | _MQ | KAFKAS,
        _secret_missing,
        _says("Lambda received ResourceNotFoundException from Secrets Manager."),
    ),
    RefusalRule(
        "errors.md#messages: DocumentDB cluster absent, after the secret",
        _DOCUMENTDB,
        _source_missing,
        lambda c: f"The requested cluster {_source(c)} does not exist.",
    ),
    RefusalRule(
        "errors.md#messages: DocumentDB illegal members, after the secret",
        _DOCUMENTDB,
        lambda c: bool(unsupported(c)),
        _unsupported_words,
    ),
    RefusalRule(
        "errors.md#messages: KMS decrypt denied on clearing the key",
        _EVERY,
        _cannot_decrypt,
        lambda c: KMS_WORDS[c.world.key_error(c.before["KMSKeyArn"])],
    ),
)
