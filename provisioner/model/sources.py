"""The kinds of event source: the columns of docs/aws/kinds.md#fields."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from provisioner.model.references import Arn


class SourceKind(StrEnum):
    """The kind of source of a mapping: what invokes its function. Rules of AWS differ by kind."""

    SQS = "sqs"
    FIFO = "fifo"
    KINESIS = "kinesis"
    DYNAMODB = "dynamodb"
    MSK = "msk"
    KAFKA = "kafka"
    KAFKA_QUEUE = "kafka-queue"  # self-managed, ConsumptionMode Queue: other defaults, fewer fields
    MQ = "mq"  # an ARN does not distinguish ActiveMQ and RabbitMQ
    DOCUMENTDB = "documentdb"
    S3 = "s3"
    UNKNOWN = "unknown"  # a service that this version does not know: no field is checked by kind, none has a default

    @property
    def phrase(self) -> str:
        """The kind as a sentence names it: "an SQS queue"."""
        return _TITLES[self]


_TITLES: Final = {
    SourceKind.SQS: "an SQS queue",
    SourceKind.FIFO: "an SQS FIFO queue",
    SourceKind.KINESIS: "a Kinesis stream",
    SourceKind.DYNAMODB: "a DynamoDB stream",
    SourceKind.MSK: "an MSK cluster",
    SourceKind.KAFKA: "a self-managed Kafka cluster",
    SourceKind.KAFKA_QUEUE: "a self-managed Kafka cluster in Queue mode",
    SourceKind.MQ: "an Amazon MQ broker",
    SourceKind.DOCUMENTDB: "a DocumentDB cluster",
    SourceKind.S3: "an S3 bucket",
    SourceKind.UNKNOWN: "a source of an unknown kind",
}

PUSH: Final = frozenset({SourceKind.S3})
"""Sources that invoke the function themselves, and keep the mapping."""
ALL: Final = frozenset(SourceKind) - PUSH - {SourceKind.UNKNOWN}
"""Every known kind that Lambda reads from."""
QUEUES: Final = frozenset({SourceKind.SQS, SourceKind.FIFO})
STREAMS: Final = frozenset({SourceKind.KINESIS, SourceKind.DYNAMODB})
SELF_MANAGED: Final = frozenset({SourceKind.KAFKA, SourceKind.KAFKA_QUEUE})
KAFKAS: Final = SELF_MANAGED | {SourceKind.MSK}
IN_NETWORKS: Final = KAFKAS | {SourceKind.MQ, SourceKind.DOCUMENTDB}
"""Clusters and brokers, which Lambda polls from network interfaces."""

BY_SERVICE: Final = {
    "sqs": SourceKind.SQS,
    "kinesis": SourceKind.KINESIS,
    "dynamodb": SourceKind.DYNAMODB,
    "kafka": SourceKind.MSK,
    "mq": SourceKind.MQ,
    "rds": SourceKind.DOCUMENTDB,  # clusters of DocumentDB have ARNs of RDS
    "s3": SourceKind.S3,
}
"""The kind of source by the service in its ARN; a FIFO queue is distinguished by its name."""


NOT_YET: Final = frozenset({"sns", "events", "logs"})
"""Services that invoke a function themselves, and that this version does not support."""


WITHOUT_NOTIFICATIONS: Final = {
    "s3express": "a directory bucket has no event notifications",
    "s3-object-lambda": "an access point has no event notifications",
}
"""Services of S3 whose ARNs look like an event source, each with why it is none."""


def kind_of_arn(arn: Arn) -> SourceKind | None:
    """The kind of source that an ARN names: UNKNOWN for a service that this version does not know, None for one that
    invokes functions itself and is not supported yet, or that is known to be no event source.
    """
    if arn.service in NOT_YET or arn.service in WITHOUT_NOTIFICATIONS:
        return None
    kind = BY_SERVICE.get(arn.service, SourceKind.UNKNOWN)
    if kind is SourceKind.SQS and arn.resource.endswith(".fifo"):
        return SourceKind.FIFO
    return kind


def kind_of(mapping: Mapping[str, Any]) -> SourceKind | None:
    """The kind of source of a mapping in our names, also before it is in canonical form; None when it has no source
    that can invoke it. Unlike `kind_of_arn`, it knows self-managed clusters, which have no ARN.
    """
    if mapping.get("self_managed_event_source"):
        config = mapping.get("self_managed_kafka_event_source_config") or {}
        return SourceKind.KAFKA_QUEUE if config.get("consumption_mode") == "Queue" else SourceKind.KAFKA
    arn = Arn.parse(mapping.get("event_source_arn"))
    return kind_of_arn(arn) if arn else None
