"""The kinds of event source: the columns of docs/aws/kinds.md#fields."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from provisioner.model.references import Arn


class SourceKind(StrEnum):
    """The kind of a mapping: what it reads from. Rules of AWS differ by kind."""

    SQS = "sqs"
    FIFO = "fifo"
    KINESIS = "kinesis"
    DYNAMODB = "dynamodb"
    MSK = "msk"
    KAFKA = "kafka"
    KAFKA_QUEUE = "kafka-queue"  # self-managed, ConsumptionMode Queue: other defaults, fewer fields
    MQ = "mq"  # an ARN does not distinguish ActiveMQ and RabbitMQ
    DOCUMENTDB = "documentdb"

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
}

ALL: Final = frozenset(SourceKind)
QUEUES: Final = frozenset({SourceKind.SQS, SourceKind.FIFO})
STREAMS: Final = frozenset({SourceKind.KINESIS, SourceKind.DYNAMODB})
SELF_MANAGED: Final = frozenset({SourceKind.KAFKA, SourceKind.KAFKA_QUEUE})
KAFKAS: Final = SELF_MANAGED | {SourceKind.MSK}

BY_SERVICE: Final = {
    "sqs": SourceKind.SQS,
    "kinesis": SourceKind.KINESIS,
    "dynamodb": SourceKind.DYNAMODB,
    "kafka": SourceKind.MSK,
    "mq": SourceKind.MQ,
    "rds": SourceKind.DOCUMENTDB,
}


def kind_of_arn(arn: Arn) -> SourceKind | None:
    """The kind of source that an ARN names; None for a service that Lambda does not read from."""
    kind = BY_SERVICE.get(arn.service)
    if kind is SourceKind.SQS and arn.resource.endswith(".fifo"):
        return SourceKind.FIFO
    return kind


def kind_of(mapping: Mapping[str, Any]) -> SourceKind | None:
    """The kind of source of a mapping in our names; None when its source is missing or unknown."""
    if mapping.get("self_managed_event_source"):
        config = mapping.get("self_managed_kafka_event_source_config") or {}
        return SourceKind.KAFKA_QUEUE if config.get("consumption_mode") == "Queue" else SourceKind.KAFKA
    arn = Arn.parse(mapping.get("event_source_arn"))
    return kind_of_arn(arn) if arn else None
