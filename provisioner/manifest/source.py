"""Checks what a mapping reads from and which function it invokes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from provisioner.kinds.tables import ALL_FIELDS
from provisioner.manifest.buckets import bucket_finding, of_url
from provisioner.manifest.finding import Finding, nearest
from provisioner.manifest.names import is_source
from provisioner.manifest.node import Node
from provisioner.model.canonical import value_at
from provisioner.model.references import REGION, Arn, FunctionReference, partition_of
from provisioner.model.sources import BY_SERVICE, SELF_MANAGED, WITHOUT_NOTIFICATIONS, SourceKind, kind_of

_TYPES: Final[Mapping[str, type]] = {
    "function_name": str,
    "event_source_arn": str,
    "self_managed_event_source": dict,
    "self_managed_kafka_event_source_config": dict,
}
_SOURCES: Final = ("event_source_arn", "self_managed_event_source")


def source_at(mapping: Node) -> dict[str, Any]:
    """The plain values by which a mapping states its source and function, without those of the wrong type."""
    values: dict[str, Any] = {}
    for name, right in _TYPES.items():
        item = mapping.value.get(name)
        if item is not None and isinstance(item.value, right):
            values[name] = item.value if right is str else item.plain()
    return values


def kind_at(mapping: Node) -> SourceKind | None:
    """The kind of source of a mapping; None when it states none that Lambda reads from."""
    return kind_of(source_at(mapping))


def has_malformed_source(mapping: Node, stated: Mapping[str, Any]) -> bool:
    """Whether a mapping states a source with a mistake, so that nothing more can be said of its source: of the wrong
    type, or misspelt.
    """
    if any(name in stated for name in _SOURCES):
        return False
    names = mapping.value.keys() - ALL_FIELDS.keys()
    return any((item := mapping.value.get(name)) is not None and item.value is not None for name in _SOURCES) or any(
        nearest(str(name), _SOURCES) or is_source(name) for name in names
    )


def source_findings(raw: Mapping[str, Any], kind: SourceKind | None) -> Iterator[Finding]:
    """Findings about the source and the function. Without a `kind` nothing else can be checked."""
    arn, brokers = raw.get("event_source_arn"), raw.get("self_managed_event_source")
    if not arn and brokers is not None and not brokers:
        yield Finding("E102", _SOURCES[1:], "endpoints is missing in self_managed_event_source")
    elif not arn and not brokers:
        yield Finding("E102", (), "event_source_arn or self_managed_event_source is missing")
    elif arn and brokers:
        yield Finding(
            "E106",
            ("event_source_arn",),
            "set either event_source_arn or self_managed_event_source, not both",
        )
    elif arn and not Arn.parse(arn):
        yield _no_arn(str(arn))
    elif arn and (why := WITHOUT_NOTIFICATIONS.get(arn.split(":")[2])):
        yield Finding(
            "E106", ("event_source_arn",), why, "use the ARN of a general purpose bucket, arn:aws:s3:::BUCKET"
        )
    elif arn and kind is None:
        yield Finding(
            "E106",
            ("event_source_arn",),
            f"Lambda cannot read from service {arn.split(':')[2]!r}",
            "SNS, EventBridge and CloudWatch Logs invoke functions themselves; this version does not support them yet",
        )
    elif kind is SourceKind.UNKNOWN:
        message = (
            f"service {str(arn).split(':')[2]!r} is unknown to this version; no field is checked by kind of source"
        )
        yield Finding("W223", ("event_source_arn",), message, f"known services: {', '.join(BY_SERVICE)}")
    function = raw.get("function_name")
    if function and not FunctionReference.parse(function):
        yield Finding("E106", ("function_name",), f"{function!r} is not a function name or ARN")


_QUEUE_URL = re.compile(
    rf"https?://(?:(?:vpce-[\w-]+\.)?(?:sqs(?:-fips)?|queue)\.(?P<region>{REGION.pattern})|(?P<old>{REGION.pattern})\.queue|queue)\."
    r"[a-z0-9.:-]+/(?P<account>\d{12})/(?P<name>[\w.-]+)/?"
)
_EXAMPLE = "arn:aws:sqs:REGION:ACCOUNT:NAME"


def _no_arn(text: str) -> Finding:
    """The finding for a value that is not an ARN, with the ARN in the hint where it can be derived."""
    path = ("event_source_arn",)
    if match := _QUEUE_URL.fullmatch(text):
        region = match["region"] or match["old"] or "us-east-1"
        arn = f"arn:{partition_of(region)}:sqs:{region}:{match['account']}:{match['name']}"
        return Finding("E106", path, f"this is the URL of a queue; its ARN is {arn}", f"write event_source_arn: {arn}")
    if finding := of_url(text):
        return finding
    if text.startswith(("http://", "https://")):
        hint = f"use the ARN, for example {_EXAMPLE}; `aws sqs get-queue-attributes` shows it as QueueArn"
        return Finding("E106", path, f"{text!r} is a URL, not an ARN", hint)
    if re.fullmatch(r"[\w.-]+:\d{1,5}(,[\w.-]+:\d{1,5})*", text):
        hint = "for a self-managed Kafka cluster, list the brokers in self_managed_event_source.endpoints.KAFKA_BOOTSTRAP_SERVERS"
        return Finding("E106", path, f"{text!r} is a list of brokers, not an ARN", hint)
    return Finding("E106", path, f"{text!r} is not an ARN", f"use the full ARN, for example {_EXAMPLE}")


# --- what an ARN must name -------------------------------------------------------------------------------------------

TABLE_ARN: Final = "this is the ARN of a table; use the ARN of its stream"
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


def resource_findings(raw: Mapping[str, Any], kind: SourceKind, unknown: Collection[str]) -> Iterator[Finding]:
    """The ARN must name what Lambda reads from (botocore's documentation of EventSourceArn). Fields in `unknown` are
    not judged.
    """
    arn, path = Arn.parse(raw.get("event_source_arn")), ("event_source_arn",)
    if kind in SELF_MANAGED and _BROKERS[0] not in unknown and value_at(raw, _BROKERS) is None:
        at = ("self_managed_event_source",)
        yield Finding("E102", at, "endpoints has no KAFKA_BOOTSTRAP_SERVERS", "list the brokers under that name")
    if arn is None:
        return
    label = "use the stream ARN, which ends in /stream/LABEL; `aws dynamodb describe-table` shows it as LatestStreamArn"
    text = raw["event_source_arn"]
    if kind is SourceKind.S3:
        if finding := bucket_finding(arn):
            yield finding
    elif "*" in text or "?" in text:
        hint = (
            label if kind is SourceKind.DYNAMODB else "a mapping reads from one source: create one mapping per source"
        )
        yield Finding("E211", path, f"{text!r} contains a wildcard; use the full ARN of one source", hint)
    elif kind is SourceKind.DYNAMODB and not arn.resource.partition("/stream/")[2]:
        yield Finding("E211", path, TABLE_ARN, label)
    elif kind in RESOURCES and not arn.resource.startswith(RESOURCES[kind][0]):
        yield Finding("E211", path, f"{arn.resource!r} is not {kind.phrase}", RESOURCES[kind][1])
