"""The field table: every field of a mapping, described once.

One annotated line a field: its type, then a `Row` with the API's member and all that is known of it. Manifest,
canonical form, planning, request building, rendering and the sandbox read this table. Rules between fields are in
`kinds/rules.py`; the sandbox takes types and kinds from here, and has its own defaults and refusals in
`sandbox/members.py` and `sandbox/refusals.py`. Sources: botocore's model (members, limits),
docs/aws/updates.md#clearing, docs/aws/kinds.md (kinds, defaults).

Most fields are optional to pydantic, also those that AWS requires: `manifest/check.py` reports what a kind requires,
after defaults are merged and with its place. Each block's docstring is the description in the manifest's JSON schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from provisioner.kinds.access_types import ACCESS_TYPES
from provisioner.kinds.fields import Block, Field, fields_from
from provisioner.kinds.forms import as_accesses, as_endpoints, as_function, as_set, parsed, timestamp
from provisioner.kinds.rows import NONE, TAG_TEXT, Legal, Limits, Row
from provisioner.model.references import virtual_hosts
from provisioner.model.sources import ALL, KAFKAS, QUEUES, SELF_MANAGED, STREAMS, SourceKind

FIFO, MSK, MQ, KAFKA = SourceKind.FIFO, SourceKind.MSK, SourceKind.MQ, SourceKind.KAFKA
KAFKA_QUEUE, DOCUMENTDB = SourceKind.KAFKA_QUEUE, SourceKind.DOCUMENTDB


def _all(value: Any, kinds: Iterable[SourceKind] = ALL) -> dict[SourceKind, Any]:
    return dict.fromkeys(kinds, value)


# --- legal texts (from botocore's model; regions are left open, because new partitions appear) ------------------------

_ARN: Final = Legal(r"arn:aws[a-zA-Z0-9-]*:[a-zA-Z0-9-]+:[a-z0-9-]*:(\d{12})?:.*", "an ARN")
_KMS_KEY: Final = Legal(r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()", "the ARN of a key")
_DESTINATION: Final = Legal(rf"$|kafka://([^.]([a-zA-Z0-9\-_.]{{0,248}}))|{_ARN.pattern}", "an ARN, or kafka://TOPIC")
_TOPIC: Final = Legal(
    r"[^.]([a-zA-Z0-9\-_.]+)", "a topic name (two or more letters, digits, '.', '_' or '-', not starting with '.')"
)
_WORD: Final = Legal(r"[ a-zA-Z0-9-\/*:_+=.@-]*", "made of letters, digits, spaces and -/*:_+=.@")
_URI: Final = Legal(r"[a-zA-Z0-9-\/*:_+=.@-]*", "made of letters, digits and -/*:_+=.@")
_BROKER: Final = Legal(
    r"(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]*[a-zA-Z0-9])\.)*"
    r"([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9\-]*[A-Za-z0-9]):[0-9]{1,5}",
    "a broker's host and port, as in broker-1.example.com:9092",
    enforced=False,  # docs/aws/errors.md#order
)
_DATABASE: Final = Legal(r"[^ /\.$\x22]*", "a database name, without spaces, '/', '.', '$' or '\"'")
_COLLECTION: Final = Legal(
    r"(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)",
    "a collection name, without '$', that starts with a letter, a digit or '_', but not with \"system.\"",
)
_POLLER_GROUP: Final = Legal(r"[a-zA-Z0-9-_]*", "made of letters, digits, '-' and '_'")

# --- rules that need both sides --------------------------------------------------------------------------------------


def _virtual_host_moves(live: Any, desired: Any) -> bool:
    # A changed secret beside the same host is an update: only the host replaces (docs/aws/updates.md#replacements).
    return virtual_hosts(live) != virtual_hosts(desired)


# --- the table -------------------------------------------------------------------------------------------------------

_REGISTRY_TYPES: Final = (
    "BASIC_AUTH",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "SERVER_ROOT_CA_CERTIFICATE",
    "OAUTHBEARER_AUTH",
)


class SelfManagedEventSource(Block):
    """The bootstrap brokers of a Kafka cluster that AWS does not manage."""

    endpoints: Annotated[
        dict[str, str | list[str]],
        Row(
            api="Endpoints",
            required=ALL,
            bounds=(1, 2),  # keys of the map; each is a list of brokers, each a text
            each=Limits(bounds=(1, 10), each=Limits(bounds=(1, 300), legal=_BROKER)),
            values=("KAFKA_BOOTSTRAP_SERVERS",),
            form=as_endpoints,
        ),
    ]


class Filter(Block):
    """One event filter; an event passes when any filter matches."""

    # An empty pattern matches everything (`empty`), so it is not the same as no pattern.
    pattern: Annotated[
        str | dict[str, Any], Row(api="Pattern", required=ALL, bounds=(0, 4096), form=parsed, empty=True)
    ]


class FilterCriteria(Block):
    """Which events reach the function."""

    filter: Annotated[list[Filter] | None, Row(api="Filters")] = None


class ScalingConfig(Block):
    """How many instances of the function a queue may use at once."""

    maximum_concurrency: Annotated[int | None, Row(api="MaximumConcurrency", bounds=(2, 1000))] = None


class ProvisionedPollerConfig(Block):
    """Pollers that are always there."""

    # The defaults differ by kind (docs/aws/kinds.md#fields). They are written out, because the block is `explicit`.
    minimum_pollers: Annotated[
        int | None,
        Row(
            api="MinimumPollers",
            bounds=(1, 200),
            narrower=_all((2, 200), QUEUES),
            default=_all(2, QUEUES) | _all(1, KAFKAS),
        ),
    ] = None
    maximum_pollers: Annotated[
        int | None,
        Row(
            api="MaximumPollers",
            bounds=(1, 10000),
            narrower=_all((2, 10000), QUEUES) | _all((1, 2000), KAFKAS),
            default=_all(200, QUEUES | KAFKAS),
        ),
    ] = None
    poller_group_name: Annotated[
        str | None, Row(api="PollerGroupName", kinds=KAFKAS, bounds=(0, 128), legal=_POLLER_GROUP, clear="")
    ] = None


class MetricsConfig(Block):
    """Which CloudWatch metrics Lambda publishes for the mapping."""

    metrics: Annotated[
        list[str] | None,
        Row(api="Metrics", bounds=(0, 3), values=("EventCount", "ErrorCount", "KafkaMetrics"), form=as_set),
    ] = None


class LoggingConfig(Block):
    """How much Lambda logs about the mapping."""

    # Kept: no value is known to clear it (docs/aws/updates.md#clearing).
    system_log_level: Annotated[str | None, Row(api="SystemLogLevel", values=("DEBUG", "INFO", "WARN"), kept=ALL)] = (
        None
    )


class Destination(Block):
    """Where records go."""

    destination_arn: Annotated[str | None, Row(api="Destination", bounds=(0, 350), legal=_DESTINATION)] = None


class DestinationConfig(Block):
    """Where records go that were discarded. A mapping has no destination for success, although the API's model does."""

    on_success: Annotated[Destination | None, Row(api="OnSuccess", kinds=NONE)] = None
    on_failure: Annotated[Destination | None, Row(api="OnFailure")] = None


class SourceAccess(Block):
    """One way in to the source: a secret, a subnet, a security group, a virtual host."""

    type: Annotated[str, Row(api="Type", required=ALL, values=ACCESS_TYPES)]
    uri: Annotated[str | None, Row(api="URI", bounds=(1, 200), legal=_WORD)] = None


class SchemaRegistryAccess(Block):
    """One way in to the schema registry."""

    type: Annotated[str, Row(api="Type", required=ALL, values=_REGISTRY_TYPES)]
    uri: Annotated[str | None, Row(api="URI", bounds=(0, 10000), legal=_ARN)] = None


class SchemaValidation(Block):
    """A part of the record that is checked against its schema."""

    attribute: Annotated[str, Row(api="Attribute", required=ALL, values=("KEY", "VALUE"))]


class SchemaRegistryConfig(Block):
    """How records are decoded and checked before they reach the function."""

    schema_registry_uri: Annotated[str | None, Row(api="SchemaRegistryURI", bounds=(1, 10000), legal=_URI)] = None
    event_record_format: Annotated[str | None, Row(api="EventRecordFormat", values=("JSON", "SOURCE"))] = None
    access_config: Annotated[list[SchemaRegistryAccess] | None, Row(api="AccessConfigs")] = None
    schema_validation_config: Annotated[list[SchemaValidation] | None, Row(api="SchemaValidationConfigs")] = None


class AmazonManagedKafkaEventSourceConfig(Block):
    """What only MSK has."""

    # Kept: AWS generates a group for a mapping without one (docs/aws/kinds.md#defaults), which is no difference.
    consumer_group_id: Annotated[
        str | None, Row(api="ConsumerGroupId", bounds=(1, 200), legal=_WORD, kept=ALL, replaces=True)
    ] = None
    # The sentinel goes in the parent; without it, or with an empty parent, the registry stays
    # (docs/aws/updates.md#clearing).
    schema_registry_config: Annotated[SchemaRegistryConfig | None, Row(api="SchemaRegistryConfig", clear={})] = None


class SelfManagedKafkaEventSourceConfig(Block):
    """What only self-managed Kafka has."""

    consumer_group_id: Annotated[
        str | None, Row(api="ConsumerGroupId", bounds=(1, 200), legal=_WORD, kept=ALL, replaces=True)
    ] = None
    consumption_mode: Annotated[
        str | None, Row(api="ConsumptionMode", values=("Stream", "Queue"), kept=ALL, replaces=True)
    ] = None
    schema_registry_config: Annotated[SchemaRegistryConfig | None, Row(api="SchemaRegistryConfig", clear={})] = None


class DocumentDBEventSourceConfig(Block):
    """What only DocumentDB has."""

    database_name: Annotated[
        str | None, Row(api="DatabaseName", required=ALL, bounds=(1, 63), legal=_DATABASE, replaces=True)
    ] = None
    # Kept: neither name may be in an update (docs/aws/updates.md#updates), and nothing unsets a collection.
    collection_name: Annotated[
        str | None, Row(api="CollectionName", bounds=(1, 57), legal=_COLLECTION, kept=ALL, replaces=True)
    ] = None
    full_document: Annotated[
        str | None, Row(api="FullDocument", values=("UpdateLookup", "Default"), default=_all("Default"))
    ] = None


class EventSourceMapping(Block):
    """A mapping: the fields of CreateEventSourceMapping, in the order in which they are shown."""

    function_name: Annotated[str | None, Row(api="FunctionName", required=ALL, bounds=(1, 256), form=as_function)] = (
        None
    )
    event_source_arn: Annotated[
        str | None,
        Row(
            api="EventSourceArn",
            kinds=ALL - SELF_MANAGED,
            required=ALL - SELF_MANAGED,
            bounds=(0, 10000),
            replaces=True,
        ),
    ] = None
    self_managed_event_source: Annotated[
        SelfManagedEventSource | None,
        Row(api="SelfManagedEventSource", kinds=SELF_MANAGED, required=SELF_MANAGED, replaces=True),
    ] = None
    topics: Annotated[
        list[str] | None,
        Row(
            api="Topics",
            kinds=KAFKAS,
            required=KAFKAS,
            bounds=(1, 1),
            each=Limits(bounds=(1, 249), legal=_TOPIC),
            replaces=True,
        ),
    ] = None
    queues: Annotated[
        list[str] | None,
        Row(
            api="Queues",
            kinds=frozenset({MQ}),
            required=frozenset({MQ}),
            bounds=(1, 1),
            each=Limits(bounds=(1, 1000)),
            replaces=True,
        ),
    ] = None
    # Kept where AWS chooses a position for a mapping that states none (docs/aws/kinds.md#defaults).
    starting_position: Annotated[
        str | None,
        Row(
            api="StartingPosition",
            kinds=STREAMS | {MSK, KAFKA, DOCUMENTDB},
            required=STREAMS,
            kept=ALL - STREAMS,
            values=("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
            replaces=True,
        ),
    ] = None
    starting_position_timestamp: Annotated[
        str | None,
        Row(
            api="StartingPositionTimestamp",
            kinds=STREAMS | {MSK, KAFKA, DOCUMENTDB},
            kept=ALL - STREAMS,
            form=timestamp,
            replaces=True,
        ),
    ] = None
    enabled: Annotated[bool | None, Row(api="Enabled", default=_all(True))] = None
    batch_size: Annotated[
        int | None,
        Row(api="BatchSize", bounds=(1, 10000), narrower={FIFO: (1, 10)}, default=_all(100) | _all(10, QUEUES)),
    ] = None
    maximum_batching_window_in_seconds: Annotated[
        int | None,
        Row(
            api="MaximumBatchingWindowInSeconds",
            kinds=ALL - {FIFO, KAFKA_QUEUE},
            bounds=(0, 300),
            # FIFO does not have the field, but answers with 0 (docs/aws/kinds.md#defaults), which must not be a
            # difference.
            default=_all(0, QUEUES | STREAMS),
            # Once set, the default of 500 ms cannot be restored (docs/aws/updates.md#replacements).
            kept=ALL - QUEUES - STREAMS,
        ),
    ] = None
    parallelization_factor: Annotated[
        int | None, Row(api="ParallelizationFactor", kinds=STREAMS, bounds=(1, 10), default=_all(1, STREAMS))
    ] = None
    tumbling_window_in_seconds: Annotated[
        int | None, Row(api="TumblingWindowInSeconds", kinds=STREAMS, bounds=(0, 900), default=_all(0, STREAMS))
    ] = None
    bisect_batch_on_function_error: Annotated[
        bool | None,
        Row(api="BisectBatchOnFunctionError", kinds=STREAMS | KAFKAS, default=_all(False, STREAMS | KAFKAS)),
    ] = None
    maximum_record_age_in_seconds: Annotated[
        int | None,
        Row(
            api="MaximumRecordAgeInSeconds",
            kinds=STREAMS | KAFKAS,
            bounds=(-1, 604800),  # 0 to 59 are refused by a rule (`kinds/rules.py`): bounds have no gap
            default=_all(-1, STREAMS | KAFKAS),
        ),
    ] = None
    maximum_retry_attempts: Annotated[
        int | None,
        Row(
            api="MaximumRetryAttempts",
            kinds=STREAMS | KAFKAS,
            bounds=(-1, 10000),
            narrower={KAFKA_QUEUE: (0, 10000)},
            default=_all(-1, STREAMS | KAFKAS) | {KAFKA_QUEUE: 0},
        ),
    ] = None
    function_response_types: Annotated[
        list[str] | None,
        Row(
            api="FunctionResponseTypes",
            kinds=ALL - {MQ, DOCUMENTDB},
            bounds=(0, 1),
            values=("ReportBatchItemFailures",),
            form=as_set,
            clear=[],
        ),
    ] = None
    filter_criteria: Annotated[FilterCriteria | None, Row(api="FilterCriteria", kinds=ALL - {DOCUMENTDB}, clear={})] = (
        None
    )
    # "" is a legal text of the key's pattern, because it is what clears the key.
    kms_key_arn: Annotated[
        str | None, Row(api="KMSKeyArn", kinds=ALL - {DOCUMENTDB}, bounds=(0, 10000), legal=_KMS_KEY, clear="")
    ] = None
    scaling_config: Annotated[ScalingConfig | None, Row(api="ScalingConfig", kinds=QUEUES, clear={})] = None
    provisioned_poller_config: Annotated[
        ProvisionedPollerConfig | None,
        Row(api="ProvisionedPollerConfig", kinds=QUEUES | KAFKAS, clear={}, explicit=True),
    ] = None
    destination_config: Annotated[
        DestinationConfig | None, Row(api="DestinationConfig", kinds=STREAMS | KAFKAS, clear={})
    ] = None
    source_access_configuration: Annotated[
        list[SourceAccess] | None,
        Row(
            api="SourceAccessConfigurations",
            kinds=KAFKAS | {MQ, DOCUMENTDB},
            required=SELF_MANAGED | {MQ, DOCUMENTDB},
            bounds=(0, 23),
            kept=ALL,  # omission keeps the list, and an empty one is refused (docs/aws/updates.md#clearing)
            form=as_accesses,
            replaces=_virtual_host_moves,
        ),
    ] = None
    amazon_managed_kafka_event_source_config: Annotated[
        AmazonManagedKafkaEventSourceConfig | None,
        Row(api="AmazonManagedKafkaEventSourceConfig", kinds=frozenset({MSK})),
    ] = None
    self_managed_kafka_event_source_config: Annotated[
        SelfManagedKafkaEventSourceConfig | None, Row(api="SelfManagedKafkaEventSourceConfig", kinds=SELF_MANAGED)
    ] = None
    document_db_event_source_config: Annotated[
        DocumentDBEventSourceConfig | None,
        Row(api="DocumentDBEventSourceConfig", kinds=frozenset({DOCUMENTDB}), required=frozenset({DOCUMENTDB})),
    ] = None
    # Which of its metrics a kind has is a rule (`manifest/rules.py`).
    metrics_config: Annotated[MetricsConfig | None, Row(api="MetricsConfig", clear={})] = None
    logging_config: Annotated[LoggingConfig | None, Row(api="LoggingConfig", kinds=KAFKAS)] = None
    # A tag may be null in the manifest: null is the absence of a value everywhere.
    tags: Annotated[dict[str, str | None] | None, Row(api="Tags", each=Limits(bounds=(0, 256), legal=TAG_TEXT))] = None


# --- the table, walked -----------------------------------------------------------------------------------------------

FIELDS: Final[Mapping[str, Field]] = fields_from(EventSourceMapping)
"""Every top-level field by our name, in the order of the table."""

CONSUMPTION_MODE: Final = ("self_managed_kafka_event_source_config", "consumption_mode")
"""Where a mapping has `Stream` or `Queue`: how a self-managed cluster is read."""
