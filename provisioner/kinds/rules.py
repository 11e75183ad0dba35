"""Rules of AWS between fields, by kind of source: what the field table cannot say (docs/aws/kinds.md, errors.md).

Each rule is a value: `manifest/mappings.py` evaluates it, `manifest/jsonschema/together.py` prints it for editors, and
`provisioner explain` shows it. Rules about the items of a list are functions in `manifest/rules.py`, because each item
has its own position. The sandbox, which plays AWS, has its own rules in `sandbox/refusals.py`, so that a mistake here is
seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from provisioner.kinds.conditions import (
    AtLeast,
    AtMost,
    Condition,
    EndsNot,
    Has,
    HasNoneOf,
    Is,
    IsNot,
    Lacks,
    Test,
    fields_of,
)
from provisioner.kinds.forms import moment
from provisioner.kinds.overlaps import family
from provisioner.kinds.tables import ALL_FIELDS
from provisioner.model.canonical import Canonical
from provisioner.model.place import FieldPath
from provisioner.model.sources import ALL, KAFKAS, PUSH, QUEUES, STREAMS, SourceKind


@dataclass(frozen=True, slots=True)
class Rule:
    """Fields that contradict each other, or a range with a hole: where `when` holds, `need` must hold too.

    evidence  the section of docs/aws that states the rule, and its name there
    kinds     the kinds of source that it holds for, of those that have the field
    path      where a mapping that breaks the rule is marked
    written   judge the mapping as it is written: canonical form writes out the defaults of some blocks
    """

    code: str
    evidence: str
    kinds: frozenset[SourceKind]
    path: FieldPath
    need: Condition
    message: str
    when: Condition | None = None
    written: bool = False

    def is_broken(self, raw: Mapping[str, Any], effective: Canonical) -> bool:
        """Whether a mapping breaks the rule."""
        mapping = raw if self.written else effective
        return (self.when is None or self.when.holds(mapping)) and not self.need.holds(mapping)

    @property
    def sources(self) -> frozenset[SourceKind]:
        """The kinds of source whose mappings can break the rule: those of `kinds` that have the field."""
        return self.kinds & ALL_FIELDS[self.path[0]].row.kinds

    @property
    def reads(self) -> frozenset[str]:
        """The fields that the rule depends on."""
        return fields_of(self.need) | {self.path[0]} | (fields_of(self.when) if self.when else frozenset())


def _is_past(mapping: Mapping[str, Any]) -> bool:
    begin = moment(mapping.get("starting_position_timestamp"))
    return begin is None or begin <= datetime.now(UTC)


def _pollers_in_order(mapping: Mapping[str, Any]) -> bool:
    pollers = mapping.get("provisioned_poller_config", {})
    return bool(pollers.get("maximum_pollers", 0) >= pollers.get("minimum_pollers", 0))


def _has_wildcard_apart(mapping: Mapping[str, Any]) -> bool:
    """Whether no event type stands beside the wildcard of its own family."""
    events = mapping.get("events", ())
    wildcards = {family(event) for event in events if event.endswith(":*")}
    return not any(family(event) in wildcards for event in events if not event.endswith(":*"))


def _admits_bucket(mapping: Mapping[str, Any]) -> bool:
    """Whether the statement of a mapping can admit its bucket, by principal and source_arn."""
    permission = mapping.get("permission")
    if not isinstance(permission, dict):
        return True
    pattern, bucket = permission.get("source_arn", ""), mapping.get("event_source_arn", "")
    # In a pattern of IAM, [ is no special character.
    matches = not pattern or fnmatchcase(bucket, pattern.replace("[", "[[]"))
    return matches and permission.get("principal", "s3.amazonaws.com") in ("s3.amazonaws.com", "*")


_POSITION: Final = ("starting_position",)
_TIMESTAMP: Final = ("starting_position_timestamp",)
_WINDOW: Final = ("maximum_batching_window_in_seconds",)
_AGE: Final = ("maximum_record_age_in_seconds",)
_TUMBLING: Final = ("tumbling_window_in_seconds",)
_FACTOR: Final = ("parallelization_factor",)
_FILTERS: Final = ("filter_criteria",)
_POLLERS: Final = ("provisioned_poller_config",)
_LEAST_POLLERS: Final = (*_POLLERS, "minimum_pollers")
_MOST_POLLERS: Final = (*_POLLERS, "maximum_pollers")
_EVENTS: Final = ("events",)
_PERMISSION: Final = ("permission",)
_S3: Final = frozenset({SourceKind.S3})

RULES: Final = (
    Rule(
        "E201",
        "errors.md#messages: SQS batch > 10, window 0",
        frozenset({SourceKind.SQS}),
        ("batch_size",),
        when=AtLeast(("batch_size",), 11),
        need=AtLeast(_WINDOW, 1),
        message="batch_size above 10 requires maximum_batching_window_in_seconds",
    ),
    Rule(
        "E202",
        "errors.md#messages: AT_TIMESTAMP without timestamp",
        ALL - {SourceKind.DYNAMODB},
        _POSITION,
        when=Is(_POSITION, "AT_TIMESTAMP"),
        need=Has(_TIMESTAMP),
        message="AT_TIMESTAMP needs starting_position_timestamp",
    ),
    *(
        Rule(
            code,
            "errors.md#order: a timestamp with another position",
            kinds,
            _TIMESTAMP,
            when=IsNot(_POSITION, "AT_TIMESTAMP"),
            need=Lacks(_TIMESTAMP),
            message="starting_position_timestamp requires starting_position: AT_TIMESTAMP",
        )
        for code, kinds in (("E203", STREAMS), ("W208", ALL - STREAMS))  # others check it late, "if at all"
    ),
    Rule(
        "E204",
        "errors.md#messages: DynamoDB AT_TIMESTAMP",
        frozenset({SourceKind.DYNAMODB}),
        _POSITION,
        need=IsNot(_POSITION, "AT_TIMESTAMP"),
        message="a DynamoDB stream cannot be read from a timestamp",
    ),
    Rule(
        "E205",
        "kinds.md#documented-rules: timestamp not in the future",
        ALL,
        _TIMESTAMP,
        need=Test(_TIMESTAMP, _is_past),
        message="the starting timestamp is in the future",
    ),
    Rule(
        "E206",
        "errors.md#messages: Record age 1-59",
        ALL,
        _AGE,
        when=AtLeast(_AGE, 0),
        need=AtLeast(_AGE, 60),
        message="maximum_record_age_in_seconds must be -1 (no limit) or at least 60",
    ),
    Rule(
        "E207",
        "errors.md#order: ScalingConfig with ProvisionedPollerConfig",
        QUEUES,
        ("scaling_config",),
        when=Has(_POLLERS),
        need=Lacks(("scaling_config",)),
        message="scaling_config and provisioned_poller_config cannot be used together",
    ),
    Rule(
        "E208",
        "errors.md#order: Pollers",
        ALL,
        _POLLERS,
        need=Test(_LEAST_POLLERS, _pollers_in_order, (_MOST_POLLERS,)),
        message="maximum_pollers is less than minimum_pollers",
    ),
    Rule(
        "E209",
        "kinds.md#fields: ProvisionedPollerConfig",
        ALL,
        _POLLERS,
        when=Has(_POLLERS),
        need=Has(_LEAST_POLLERS, (_MOST_POLLERS,)),
        message="provisioned_poller_config needs minimum_pollers or maximum_pollers",
        written=True,
    ),
    Rule(
        "E210",
        "updates.md#clearing: KMSKeyArn without filters",
        ALL,
        ("kms_key_arn",),
        when=Has(("kms_key_arn",)),
        need=Has(_FILTERS),
        message="AWS ignores kms_key_arn without filter_criteria",
    ),
    Rule(
        "E222",
        "kinds.md#fields: factor and window",
        STREAMS,
        _FACTOR,
        when=AtLeast(_TUMBLING, 1),
        need=AtMost(_FACTOR, 1),
        message="parallelization_factor must be 1 if tumbling_window_in_seconds is set",
    ),
    Rule(
        "W220",
        "kinds.md#fields: filters and window",
        STREAMS,
        _FILTERS,
        when=AtLeast(_TUMBLING, 1),
        need=Lacks(_FILTERS),
        message="AWS may reject filters together with tumbling_window_in_seconds",
    ),
    *(
        Rule(
            "E217",
            "kinds.md#fields: SchemaRegistryConfig",
            KAFKAS,
            (block, "schema_registry_config"),
            when=Has((block, "schema_registry_config")),
            need=Has(_POLLERS),
            message="a schema registry needs provisioned pollers",
        )
        for block in ("amazon_managed_kafka_event_source_config", "self_managed_kafka_event_source_config")
    ),
    Rule(
        "E219",
        "kinds.md#defaults: on-demand Kafka rejects MetricsConfig",
        KAFKAS,
        ("metrics_config",),
        when=Has(("metrics_config",)),
        need=Has(_POLLERS),
        message="Kafka metrics need provisioned pollers",
    ),
    Rule(
        "E224",
        "push.md#refusals-of-documents: a function's ARN with $LATEST",
        PUSH,
        ("function_name",),
        need=EndsNot(("function_name",), ":$LATEST"),
        message="a function that its source invokes cannot be named by $LATEST",
    ),
    *(
        Rule(
            "W224",
            "push.md#not-known: filter values with special characters",
            _S3,
            (name,),
            need=HasNoneOf((name,), characters),
            message=f"{name}: {message}",
        )
        for name in ("filter_prefix", "filter_suffix")
        for characters, message in (
            ("*", "a bucket's filter has no wildcards; * stands for itself"),
            (" +%", "it is not known how S3 compares a space, + or %"),
        )
    ),
    Rule(
        "W225",
        "push.md#not-known: a wildcard and a specific event in one entry",
        _S3,
        _EVENTS,
        need=Test(_EVENTS, _has_wildcard_apart),
        message="events has both a wildcard and an event type that it covers",
    ),
    Rule(
        "W226",
        "push.md#statements: a statement that S3 needs",
        _S3,
        _PERMISSION,
        when=Has(_PERMISSION),
        need=Test(_PERMISSION, _admits_bucket, (("event_source_arn",),)),
        message="the statement does not let this bucket invoke the function: its principal or source_arn is another",
    ),
)

RULES_OF: Final[Mapping[SourceKind, Mapping[str, tuple[Rule, ...]]]] = {
    kind: {
        name: tuple(rule for rule in RULES if kind in rule.sources and rule.path[0] == name)
        for name in dict.fromkeys(rule.path[0] for rule in RULES)
    }
    for kind in SourceKind
}
"""The rules that each kind of source can break, by the top-level field at which they are reported."""


def rules_in_words(code: str) -> list[str]:
    """What the rules with a code say, the kinds that they hold for, and the page with their evidence."""
    kinds: dict[tuple[str, str], frozenset[SourceKind]] = {}
    for rule in RULES:
        if rule.code == code:
            key = rule.message, rule.evidence.partition(":")[0]
            kinds[key] = kinds.get(key, frozenset()) | rule.sources
    lines = []
    for (message, page), of in kinds.items():
        every = "every kind of source that Lambda reads from"
        listed = every if of == ALL else ", ".join(kind for kind in SourceKind if kind in of)
        lines.append(f"{message} (for {listed}; docs/aws/{page})")
    return lines
