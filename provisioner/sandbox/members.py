"""What a mapping has after a request: AWS's defaults, and how an update is merged (docs/aws/updates.md#clearing)."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Mapping
from typing import Any, Final

from provisioner.kinds.forms import moment
from provisioner.model.sources import KAFKAS, QUEUES, SELF_MANAGED, SourceKind
from provisioner.sandbox.refusals import Members

_STREAM = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": [],
    "DestinationConfig": {"OnFailure": {}},
}
_QUEUE = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []}
_KAFKA = {
    "BatchSize": 100,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": [],
}
SHOWN: Final[Mapping[SourceKind, Members]] = {
    SourceKind.SQS: _QUEUE,
    SourceKind.FIFO: _QUEUE,
    SourceKind.KINESIS: _STREAM,
    SourceKind.DYNAMODB: _STREAM,
    SourceKind.MSK: {**_KAFKA, "StartingPosition": "TRIM_HORIZON"},
    SourceKind.KAFKA: {**_KAFKA, "StartingPosition": "TRIM_HORIZON"},
    SourceKind.KAFKA_QUEUE: {**_KAFKA, "MaximumRetryAttempts": 0},
    SourceKind.MQ: {"BatchSize": 100},
    SourceKind.DOCUMENTDB: {"BatchSize": 100, "StartingPosition": "LATEST"},
}
"""What AWS shows of a new mapping beyond what was sent (docs/aws/kinds.md#defaults)."""

_POLLERS: Final = {**dict.fromkeys(QUEUES, (2, 200)), **dict.fromkeys(KAFKAS, (1, 200))}

NOT_STORED: Final = frozenset({"Tags", "Enabled", "UUID"})
"""Members of requests that a mapping does not have."""


def defaults(kind: SourceKind) -> Members:
    """What AWS shows of a new mapping of the kind, as a copy that may be changed."""
    return {key: value.copy() if isinstance(value, list | dict) else value for key, value in SHOWN[kind].items()}


def with_new(members: Members, sent: Members, kind: SourceKind) -> Members:
    """The members after a create or an update: merged by docs/aws/updates.md#clearing. `members` is not changed."""
    after = {**members}
    for name, value in sent.items():
        if name not in NOT_STORED:
            _MERGE.get(name, _set)(after, name, value, kind)
    if not after.get("FilterCriteria"):
        after.pop("KMSKeyArn", None)  # a key without filters is silently not stored
    return after


def _set(after: Members, name: str, value: Any, kind: SourceKind) -> None:
    del kind  # all functions of `_MERGE` take the same arguments
    after[name] = value


def _set_or_clear(after: Members, name: str, value: Any, kind: SourceKind) -> None:
    del kind
    if value in ({}, "", {"Filters": []}):
        after.pop(name, None)
    else:
        after[name] = value


def _set_destination(after: Members, name: str, value: Any, kind: SourceKind) -> None:
    _set_or_clear(after, name, value, kind)
    if name not in after and name in SHOWN[kind]:
        after[name] = {"OnFailure": {}}  # streams show an empty destination, Kafka none


def _set_pollers(after: Members, name: str, value: Any, kind: SourceKind) -> None:
    if not value:
        after.pop(name, None)
        return
    least, most = _POLLERS.get(kind, (1, 200))
    # A member that is not sent keeps its value, and has its default where there was none.
    pollers = {"MinimumPollers": least, "MaximumPollers": most, **(after.get(name) or {}), **value}
    after[name] = {key: item for key, item in pollers.items() if item != ""}  # "" clears PollerGroupName


def _merge_block(after: Members, name: str, value: Any, kind: SourceKind) -> None:
    del kind
    # Omission keeps a member of the block; {} clears its SchemaRegistryConfig.
    after[name] = {key: item for key, item in {**(after.get(name) or {}), **value}.items() if item != {}}


def _set_access(after: Members, name: str, value: Any, kind: SourceKind) -> None:
    del kind
    # No update can carry the host: one with BASIC_AUTH alone keeps it (docs/aws/updates.md#updates).
    kept = [item for item in after.get(name) or [] if item.get("Type") == "VIRTUAL_HOST"]
    after[name] = [*kept, *value]


def _set_position_time(after: Members, name: str, value: Any, kind: SourceKind) -> None:
    del kind
    instant = moment(value) if isinstance(value, str) else None  # without a zone it is in UTC, wherever this runs
    after[name] = instant.timestamp() if instant else float(int(value))


_MERGE: Final[Mapping[str, Callable[[Members, str, Any, SourceKind], None]]] = {
    "FilterCriteria": _set_or_clear,
    "KMSKeyArn": _set_or_clear,
    "ScalingConfig": _set_or_clear,
    "DestinationConfig": _set_destination,
    "ProvisionedPollerConfig": _set_pollers,
    "AmazonManagedKafkaEventSourceConfig": _merge_block,
    "SelfManagedKafkaEventSourceConfig": _merge_block,
    "DocumentDBEventSourceConfig": _merge_block,
    "SourceAccessConfigurations": _set_access,
    "StartingPositionTimestamp": _set_position_time,
    # An empty block stays as an empty list.
    "MetricsConfig": lambda after, name, value, _: _set(after, name, value or {"Metrics": []}, _),
}


def complete(members: Members, kind: SourceKind, uuid: str) -> None:
    """Add the members that AWS generates on creation (docs/aws/kinds.md#defaults), and sort brokers as its answers do.

    Unlike `defaults`, what differs by mapping. `members` is changed.
    """
    if kind in KAFKAS:
        name = "SelfManagedKafkaEventSourceConfig" if kind in SELF_MANAGED else "AmazonManagedKafkaEventSourceConfig"
        generated = uuid if kind in SELF_MANAGED else str(uuids.uuid4())
        # A stated group wins.
        members[name] = {"ConsumerGroupId": generated, **(members.get(name) or {})}
        endpoints = (members.get("SelfManagedEventSource") or {}).get("Endpoints")
        if endpoints:
            members["SelfManagedEventSource"] = {"Endpoints": {key: sorted(hosts) for key, hosts in endpoints.items()}}
    if kind is SourceKind.DOCUMENTDB:
        members["DocumentDBEventSourceConfig"] = {"FullDocument": "Default", **members["DocumentDBEventSourceConfig"]}
