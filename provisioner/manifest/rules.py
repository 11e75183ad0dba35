"""Rules of AWS between fields, by kind of source: what the field table cannot say (docs/aws/kinds.md, errors.md).

Simple rules are data, one entry each. Rules about the entries of a list are functions below, because each entry has its
own position. The sandbox, which plays AWS, has its own rules in `sandbox/refusals.py`, so that a mistake here is seen.
`jsonschema/kinds.py` states most of them for editors; what a schema cannot say, such as a time in the future, is only
here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from provisioner.manifest.access import access_findings
from provisioner.manifest.finding import Finding
from provisioner.model.canonical import Canonical, value_at
from provisioner.model.forms import moment
from provisioner.model.mapping import FIELDS
from provisioner.model.place import FieldPath
from provisioner.model.references import Arn
from provisioner.model.sources import ALL, KAFKAS, QUEUES, SELF_MANAGED, STREAMS, SourceKind
from provisioner.planning.filters import Effect, signs

_REGISTRIES: Final = (
    ("amazon_managed_kafka_event_source_config", "schema_registry_config"),
    ("self_managed_kafka_event_source_config", "schema_registry_config"),
)
MOST_FILTERS, USUAL_FILTERS = 10, 5


def rule_findings(
    raw: Mapping[str, Any], effective: Canonical, kind: SourceKind, malformed_fields: Collection[str]
) -> Iterator[Finding]:
    """Findings about fields together. `raw` is as written, `effective` canonical. Rules that read a field in
    `malformed_fields` are skipped.
    """
    for rule in RULES_OF[kind]:
        if rule.path[0] in raw and rule.needs.isdisjoint(malformed_fields) and rule.broken(effective):
            yield Finding(rule.code, rule.path, rule.message)
    if "provisioned_poller_config" not in malformed_fields:
        yield from _pollers(raw, kind)
    yield from _source(raw, kind)
    yield from access_findings(raw, kind)
    yield from _destination(raw, kind)
    yield from _metrics(raw, kind)
    yield from _filters(raw)
    if "filter_criteria" not in malformed_fields:
        yield from _filter_signs(raw, kind)


@dataclass(frozen=True, slots=True)
class Rule:
    """Fields that contradict each other, or a range with a hole.

    `evidence` names a section of docs/aws and what it says. `path` is the place that is shown; `reads` are the other
    fields that the rule depends on.
    """

    code: str
    evidence: str
    kinds: frozenset[SourceKind]
    broken: Callable[[Canonical], bool]
    path: FieldPath
    message: str
    reads: frozenset[str] = frozenset()

    @property
    def needs(self) -> frozenset[str]:
        """The fields that the rule reads."""
        return self.reads | {self.path[0]}


def _large_batch(mapping: Canonical) -> bool:
    return mapping.get("batch_size", 10) > 10 and not mapping.get("maximum_batching_window_in_seconds")


def _crossed_pollers(mapping: Canonical) -> bool:
    pollers = mapping.get("provisioned_poller_config", {})
    return bool(pollers) and pollers.get("maximum_pollers", 0) < pollers.get("minimum_pollers", 0)


def _in_the_future(mapping: Canonical) -> bool:
    begin = moment(mapping.get("starting_position_timestamp"))
    return begin is not None and begin > datetime.now(UTC)


def _on_demand_registry(mapping: Canonical) -> bool:
    registries = (value_at(mapping, path) for path in _REGISTRIES)
    return any(registry is not None for registry in registries) and "provisioned_poller_config" not in mapping


_PROVISIONED: Final = frozenset({"provisioned_poller_config"})

RULES: Final = (
    Rule(
        "E201",
        "errors.md#messages: SQS batch > 10, window 0",
        frozenset({SourceKind.SQS}),
        _large_batch,
        ("batch_size",),
        "batch_size above 10 requires maximum_batching_window_in_seconds",
        frozenset({"maximum_batching_window_in_seconds"}),
    ),
    Rule(
        "E202",
        "errors.md#messages: AT_TIMESTAMP without timestamp",
        ALL - {SourceKind.DYNAMODB},
        lambda m: m.get("starting_position") == "AT_TIMESTAMP" and "starting_position_timestamp" not in m,
        ("starting_position",),
        "AT_TIMESTAMP needs starting_position_timestamp",
        frozenset({"starting_position_timestamp"}),
    ),
    *(
        Rule(
            code,
            "errors.md#order: a timestamp with another position",
            kinds,
            lambda m: m.get("starting_position") != "AT_TIMESTAMP" and "starting_position_timestamp" in m,
            ("starting_position_timestamp",),
            "starting_position_timestamp requires starting_position: AT_TIMESTAMP",
            frozenset({"starting_position"}),
        )
        for code, kinds in (("E203", STREAMS), ("W208", ALL - STREAMS))  # others check it late, "if at all"
    ),
    Rule(
        "E204",
        "errors.md#messages: DynamoDB AT_TIMESTAMP",
        frozenset({SourceKind.DYNAMODB}),
        lambda m: m.get("starting_position") == "AT_TIMESTAMP",
        ("starting_position",),
        "a DynamoDB stream cannot be read from a timestamp",
    ),
    Rule(
        "E205",
        "kinds.md#documented-rules: timestamp not in the future",
        ALL,
        _in_the_future,
        ("starting_position_timestamp",),
        "the starting timestamp is in the future",
    ),
    Rule(
        "E206",
        "errors.md#messages: Record age 1-59",
        ALL,
        lambda m: 0 <= m.get("maximum_record_age_in_seconds", -1) < 60,
        ("maximum_record_age_in_seconds",),
        "maximum_record_age_in_seconds must be -1 (no limit) or at least 60",
    ),
    Rule(
        "E207",
        "errors.md#order: ScalingConfig with ProvisionedPollerConfig",
        QUEUES,
        lambda m: "scaling_config" in m and "provisioned_poller_config" in m,
        ("scaling_config",),
        "scaling_config and provisioned_poller_config cannot be used together",
        frozenset({"provisioned_poller_config"}),
    ),
    Rule(
        "E208",
        "errors.md#order: Pollers",
        ALL,
        _crossed_pollers,
        ("provisioned_poller_config",),
        "maximum_pollers is less than minimum_pollers",
    ),
    Rule(
        "E210",
        "updates.md#clearing: KMSKeyArn without filters",
        ALL,
        lambda m: "kms_key_arn" in m and "filter_criteria" not in m,
        ("kms_key_arn",),
        "AWS ignores kms_key_arn without filter_criteria",
        frozenset({"filter_criteria"}),
    ),
    Rule(
        "E222",
        "kinds.md#fields: factor and window",
        STREAMS,
        lambda m: m.get("parallelization_factor", 1) > 1 and m.get("tumbling_window_in_seconds", 0) > 0,
        ("parallelization_factor",),
        "parallelization_factor must be 1 if tumbling_window_in_seconds is set",
        frozenset({"tumbling_window_in_seconds"}),
    ),
    Rule(
        "W220",
        "kinds.md#fields: filters and window",
        STREAMS,
        lambda m: "filter_criteria" in m and m.get("tumbling_window_in_seconds", 0) > 0,
        ("filter_criteria",),
        "AWS may reject filters together with tumbling_window_in_seconds",
        frozenset({"tumbling_window_in_seconds"}),
    ),
    *(
        Rule(
            "E217",
            "kinds.md#fields: SchemaRegistryConfig",
            KAFKAS,
            _on_demand_registry,
            path,
            "a schema registry needs provisioned pollers",
            _PROVISIONED,
        )
        for path in _REGISTRIES
    ),
    Rule(
        "E219",
        "kinds.md#defaults: on-demand Kafka rejects MetricsConfig",
        KAFKAS,
        lambda m: "metrics_config" in m and "provisioned_poller_config" not in m,
        ("metrics_config",),
        "Kafka metrics need provisioned pollers",
        _PROVISIONED,
    ),
)

MESSAGES: Final = {rule.code: rule.message for rule in RULES}
"""What each rule says, by its code: the JSON Schema says it in the same words."""

NO_POLLERS: Final = "provisioned_poller_config needs minimum_pollers or maximum_pollers"
TABLE_ARN: Final = "this is the ARN of a table; use the ARN of its stream"

RULES_OF: Final[Mapping[SourceKind, tuple[Rule, ...]]] = {
    kind: tuple(rule for rule in RULES if kind in rule.kinds & FIELDS[rule.path[0]].row.kinds) for kind in SourceKind
}
"""The rules that each kind of source can break."""


def _pollers(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    """As it is written: in canonical form both numbers have their defaults."""
    name = "provisioned_poller_config"
    pollers = raw.get(name)
    if pollers is None or kind not in FIELDS[name].row.kinds:
        return
    if pollers.get("minimum_pollers") is None and pollers.get("maximum_pollers") is None:
        yield Finding("E209", (name,), NO_POLLERS)


# --- the source ------------------------------------------------------------------------------------------------------

RESOURCES: Final[Mapping[SourceKind, tuple[tuple[str, ...], str]]] = {
    SourceKind.KINESIS: (("stream/",), "the ARN of a stream or consumer must contain stream/NAME"),
    SourceKind.MSK: (
        ("cluster/", "vpc-connection/"),
        "the ARN must contain cluster/ (for a cluster) or vpc-connection/ (for a VPC connection)",
    ),
    SourceKind.MQ: (("broker:",), "the ARN of a broker must contain broker:NAME"),
    SourceKind.DOCUMENTDB: (("cluster:",), "the ARN of a cluster must contain cluster:NAME"),
}


_BROKERS: Final = ("self_managed_event_source", "endpoints", "KAFKA_BOOTSTRAP_SERVERS")


def _source(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    """The ARN must name what Lambda reads from (botocore's documentation of EventSourceArn)."""
    arn, path = Arn.parse(raw.get("event_source_arn")), ("event_source_arn",)
    if kind in SELF_MANAGED and value_at(raw, _BROKERS) is None:
        at = ("self_managed_event_source",)
        yield Finding("E102", at, "endpoints has no KAFKA_BOOTSTRAP_SERVERS", "list the brokers under that name")
    if arn is None:
        return
    label = "use the stream ARN, which ends in /stream/LABEL; `aws dynamodb describe-table` shows it as LatestStreamArn"
    if set("*?") & set(str(arn)):
        hint = (
            label if kind is SourceKind.DYNAMODB else "a mapping reads from one source: create one mapping per source"
        )
        yield Finding("E211", path, f"{str(arn)!r} contains a wildcard; use the full ARN of one source", hint)
    elif kind is SourceKind.DYNAMODB and not arn.resource.partition("/stream/")[2]:
        yield Finding("E211", path, TABLE_ARN, label)
    elif kind in RESOURCES and not arn.resource.startswith(RESOURCES[kind][0]):
        yield Finding("E211", path, f"{arn.resource!r} is not {kind.phrase}", RESOURCES[kind][1])


# --- where discarded records go --------------------------------------------------------------------------------------


def _destination(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    path = ("destination_config", "on_failure", "destination_arn")
    target = value_at(raw, path)
    if not isinstance(target, str) or not target or kind not in FIELDS[path[0]].row.kinds:
        return
    if target.startswith("kafka://"):
        if kind in STREAMS:
            yield Finding(
                "W209", path, f"Lambda may not support a Kafka topic as a destination for {kind.phrase}", _places(kind)
            )
        return
    arn = Arn.parse(target)
    if arn is None:
        return  # its form is reported elsewhere
    if arn.service not in ("sqs", "sns", "s3"):
        yield Finding("W209", path, f"Lambda may not support {arn.service} as a destination", _places(kind))
    elif arn.service != "s3" and arn.resource.endswith(".fifo"):
        what = "queue" if arn.service == "sqs" else "topic"
        yield Finding("W209", path, f"Lambda may not support a FIFO {what} as a destination", f"use a standard {what}")


def _places(kind: SourceKind) -> str:
    topic = ", or kafka://TOPIC" if kind in KAFKAS else ""
    return f"use an SQS queue, an SNS topic or an S3 bucket{topic}"


# --- metrics and filters ---------------------------------------------------------------------------------------------

KAFKA_METRICS: Final = frozenset({"ErrorCount", "KafkaMetrics"})


def _metrics(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    path = ("metrics_config", "metrics")
    for index, word in enumerate(value_at(raw, path) or ()):
        if word in KAFKA_METRICS and kind in QUEUES | STREAMS:
            yield Finding("E218", (*path, index), f"{kind.phrase} does not support the metric {word}", "use EventCount")


def _filters(raw: Mapping[str, Any]) -> Iterator[Finding]:
    path = ("filter_criteria", "filter")
    count = len(value_at(raw, path) or ())
    if count > USUAL_FILTERS:
        message = f"{count} filters exceed the default quota of {USUAL_FILTERS}"
        yield Finding("W203", path, message, f"AWS can raise the quota to {MOST_FILTERS} on request")


_SIGN_CODES: Final = {Effect.NEVER: "W215", Effect.DOUBT: "W216", Effect.IDLE: "W217"}


def _filter_signs(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    """Valid filters that lose records or have no effect. AWS accepts them, so they are warnings."""
    for index, sign in signs(value_at(raw, ("filter_criteria", "filter")), kind):
        path = ("filter_criteria", "filter", index, "pattern")
        yield Finding(_SIGN_CODES[sign.effect], path, sign.message, sign.hint)
