"""Filters that AWS accepts and that lose records: the signs, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.kinds.domains import DATA_KEYS
from provisioner.kinds.filters import signs
from provisioner.model.sources import ALL, SourceKind

SQS, FIFO, KINESIS, DYNAMODB = SourceKind.SQS, SourceKind.FIFO, SourceKind.KINESIS, SourceKind.DYNAMODB
MSK, KAFKA, MQ = SourceKind.MSK, SourceKind.KAFKA, SourceKind.MQ


def image(**attributes: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": attributes}}


def effects(kind: SourceKind, *patterns: Any) -> list[str]:
    """The signs as `index effect`, with `loses` where records may be lost."""
    found = signs([{"pattern": pattern} for pattern in patterns], kind)
    return [f"{index} {sign.effect}{' loses' * sign.loses}" for index, sign in found]


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        (SQS, {"body": {"a": ["x"]}}),
        (SQS, {"body.a": ["x"]}),
        (SQS, {"body": ["words"]}),
        (FIFO, {"messageAttributes": {"a": {"stringValue": ["x"]}}}),
        (KINESIS, {"data": {"a": ["x"]}, "partitionKey": ["1"]}),
        (DYNAMODB, {"eventName": ["INSERT"], **image(a={"S": ["x"]})}),
        (DYNAMODB, {"dynamodb": {"Keys": {"id": {"N": ["101"]}}, "ApproximateCreationDateTime": [{"numeric": [">", 1]}]}}),
        (DYNAMODB, image(a={"L": {"M": {"b": {"S": ["x"]}}}})),
        (DYNAMODB, image(a={"BOOL": [True]}, b={"NULL": [{"exists": True}]}, c={"S": [{"exists": False}]})),
        (DYNAMODB, image(a={"N": [{"anything-but": "1"}]})),
        (MSK, {"value": {"a": ["x"]}, "key": ["1"]}),
        (KAFKA, {"value": [{"anything-but": ["error"]}]}),
        (MQ, {"data": {"a": ["x"]}}),
        (MQ, {"data": ["words"]}),
        (SourceKind.DOCUMENTDB, {"anything": ["x"]}),  # it has no filters; that is reported elsewhere
        (SQS, "not JSON"),
    ],
)  # fmt: skip
def test_nothing_is_said_of_a_filter_that_can_match(kind: SourceKind, pattern: Any) -> None:
    assert effects(kind, pattern) == []


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        (SQS, {"data": {"a": ["x"]}}),
        (SQS, {"type": ["x"]}),
        (SQS, {"Body": {"a": ["x"]}}),
        (SQS, {"body": {"a": ["x"]}, "kinesis": {"data": {"a": ["x"]}}}),
        (SQS, {"attributes": ["x"]}),
        (SQS, {"body": ['{"a": 1}', "[1]"]}),
        (FIFO, {"value": {"a": ["x"]}}),
        (FIFO, '{"status": ["x"]}'),
        (KINESIS, {"body": {"a": ["x"]}}),
        (KINESIS, {"kinesis": {"data": {"a": ["x"]}}}),
        (KINESIS, {"data": ["x"]}),
        (DYNAMODB, {"NewImage": {"a": {"S": ["x"]}}}),
        (DYNAMODB, {"dynamodb": [{"exists": True}]}),
        (DYNAMODB, {"dynamodb": {"NewImage": [{"exists": True}]}}),
        (DYNAMODB, image(a=["x"])),
        (DYNAMODB, image(S=["x"])),
        (DYNAMODB, image(a={"L": ["x"]})),
        (DYNAMODB, image(a={"N": [101]})),
        (DYNAMODB, image(a={"N": [{"numeric": [">", 5]}]})),
        (DYNAMODB, image(a={"BOOL": ["true"]})),
        (DYNAMODB, image(a={"S": [None]})),
        (DYNAMODB, {"dynamodb": {"Keys": {"id": {"N": [{"numeric": ["=", 5]}]}}}}),
        (DYNAMODB, {"dynamodb": {"NewImage": {"$or": [{"a": ["x"]}, {"b": ["x"]}]}}}),
        (KINESIS, {"data": [{"exists": False}]}),
        (SQS, {"Records": {"body": {"a": ["x"]}}}),
        (DYNAMODB, {"dynamodb": {"newImage": {"a": {"S": ["x"]}}}}),
        (DYNAMODB, {"dynamodb": {"a": {"S": ["x"]}}}),
        (DYNAMODB, {"eventName": ["insert"]}),
        (DYNAMODB, image(a={"s": ["x"]})),
        (MSK, {"data": {"a": ["x"]}}),
        (KAFKA, {"body": {"a": ["x"]}}),
        (MQ, {"value": {"a": ["x"]}}),
        (MQ, {"$or": [{"body": ["x"]}, {"value": ["x"]}]}),
        (SQS, {"eventSource": ["aws:kinesis"]}),
        (SQS, {"messageId": [5]}),
        (SQS, {"messageId": {"a": ["x"]}}),
        (SQS, {"attributes": {"SentTimestamp": [{"numeric": [">", 5]}]}}),
        (SQS, {"body": [{"exists": False}]}),
        (KINESIS, {"eventName": ["INSERT"]}),
        (KINESIS, {"approximateArrivalTimestamp": ["2026-01-01"]}),
        (DYNAMODB, {"eventName": [{"prefix": "insert"}]}),
        (DYNAMODB, {"eventName": [{"exists": False}]}),
        (DYNAMODB, {"eventName": [{"anything-but": ["INSERT", "MODIFY", "REMOVE"]}]}),
        (DYNAMODB, {"dynamodb": {"StreamViewType": ["ALL"]}}),
        (DYNAMODB, {"dynamodb": {"SizeBytes": [{"prefix": "1"}]}}),
        (DYNAMODB, {"eventName": ["REMOVE"], **image(a={"S": ["x"]})}),
        (MSK, {"partition": ["1"], "value": {"a": [1]}}),
    ],
)  # fmt: skip
def test_a_filter_that_no_record_can_match(kind: SourceKind, pattern: Any) -> None:
    assert "0 never loses" in effects(kind, pattern)


@pytest.mark.parametrize(
    ("kind", "pattern", "effect"),
    [
        (SQS, {}, "all"),
        (SQS, {"status": [{"exists": False}]}, "all"),
        (SQS, {"attributes": [{"exists": False}]}, "all"),
        (DYNAMODB, image(a=[{"exists": False}]), "all"),
        (DYNAMODB, {"eventName": ["INSERT", "MODIFY", "REMOVE"]}, "all"),
        (DYNAMODB, {"eventName": [{"anything-but": "insert"}]}, "all"),
        (DYNAMODB, {"eventName": ["INSERT", {"anything-but": "INSERT"}]}, "all"),
        (DYNAMODB, {"dynamodb": {"SequenceNumber": [{"exists": True}], "SizeBytes": [{"anything-but": "x"}]}}, "all"),
        (DYNAMODB, {"$or": [{"eventName": [{"suffix": "T"}]}, {"dynamodb": {"SizeBytes": [{"exists": True}]}}]}, "all"),
        # Whether filters reach these fields is not known.
        (SQS, {"eventSource": ["aws:sqs"]}, "all loses"),
        (SQS, {"messageId": [{"prefix": ""}]}, "all loses"),
        (KINESIS, {"partitionKey": [{"wildcard": "*"}]}, "all loses"),
        (MSK, {"$or": [{"topic": [{"exists": True}]}, {"value": {"a": [1]}}]}, "all loses"),
    ],
)  # fmt: skip
def test_a_filter_that_every_record_matches(kind: SourceKind, pattern: Any, effect: str) -> None:
    assert effects(kind, pattern) == [f"0 {effect}"]


def test_a_record_names_the_source_and_its_region() -> None:
    queue = "arn:aws:sqs:eu-west-1:123456789012:orders"
    patterns = [{"eventSourceARN": [f"{queue}-old"]}, {"awsRegion": ["us-east-1"]}, {"awsRegion": [{"prefix": "eu-"}]}]

    found = [sign for _, sign in signs([{"pattern": pattern} for pattern in patterns], SQS, queue)]

    assert [str(sign.effect) for sign in found] == ["never", "never", "all"]
    assert found[1].message == '`awsRegion` of an SQS queue is "eu-west-1", so "us-east-1" never matches'


@pytest.mark.parametrize("other", [{"body": {"a": [1]}}, "not JSON"])
def test_messages_would_be_deleted_only_where_no_filter_can_match(other: Any) -> None:
    wrong = {"pattern": {"status": ["x"]}}

    [(_, alone)] = signs([wrong], SQS)
    [(_, beside), *_] = signs([wrong, {"pattern": other}], SQS)

    assert alone.message == f"{beside.message}; every message would be deleted"


@pytest.mark.parametrize(
    ("kind", "patterns", "expected"),
    [
        (SQS, [{"eventSource": ["aws:sqs"], "body": {"a": [1]}}], ["0 doubt loses"]),
        (SQS, [{"eventName": ["INSERT"]}], ["0 doubt loses"]),
        (SQS, [{"messageId": [{"exists": False}]}], ["0 doubt loses"]),
        (DYNAMODB, [{"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]}], ["0 doubt loses"]),
        (SQS, [{"status": [{"exists": False}], "body": {"a": [1]}}], ["0 doubt"]),
        (DYNAMODB, [image(a=[{"exists": False}], b={"S": ["x"]})], ["0 doubt"]),
        (DYNAMODB, [image(a={"N": [{"numeric": [">", 5]}, "1"]})], ["0 doubt"]),
        (SQS, [{"body": ['{"a": 1}', "plain"]}], ["0 doubt"]),
        (MSK, [{"value": ['{"a": 1}']}], ["0 doubt"]),
        (SQS, [{"body": {"a": {"b": [1]}}}, {"body": {"a": [{"exists": True}]}}], ["1 doubt loses"]),
        (SQS, [{"$or": [{"body": {"a": [1]}}, {"status": ["x"]}]}], ["0 doubt"]),
        (SQS, [{"body": {"a": [{"wildcard": "*:*:*:*:*:x/*"}]}}], ["0 doubt"]),
        (SQS, [{"body": {"a": [1], "b": [2]}}, {"body": {"a": [1]}}], ["0 idle"]),
        (SQS, [{"body": {"a": [1]}}, {"body": {"a": [1]}}], ["1 idle"]),
        (SQS, [{"body": {"a": [1]}}, {"body": {"a": [2]}}], []),
        (SQS, [{"body": {"a": [1]}}, {"body": {"a": [1.0]}}], ["1 idle"]),
        (SQS, [{"body": {"a": [1]}}, {"status": [{"exists": False}]}], ["1 all", "0 idle"]),
        (SQS, [{"status": ["x"]}, {"body": {"a": [1]}}], ["0 never loses"]),
        (SQS, [{"status": ["x"]}, {"status": ["x", "y"]}], ["0 never loses", "1 never loses"]),
    ],
)  # fmt: skip
def test_a_filter_that_may_not_do_what_it_looks_like(
    kind: SourceKind, patterns: list[Any], expected: list[str]
) -> None:
    assert effects(kind, *patterns) == expected


@pytest.mark.parametrize(
    ("kind", "pattern", "hint"),
    [
        (SQS, {"Body": {"a": ["x"]}}, "names are case-sensitive: write body"),
        (KINESIS, {"PartitionKey": ["x"]}, "names are case-sensitive: write partitionKey"),
        (KINESIS, {"kinesis": {"partitionKey": ["x"]}}, "the fields of `kinesis` are at the top level: remove kinesis"),
        (MSK, {"records": {"value": ["x"]}}, "a filter applies to a single record: remove records"),
        (SQS, {"data": {"a": ["x"]}}, "records of an SQS queue use `body`: write body instead of data"),
        (SQS, {"status": ["x"]}, "write body: { status: … }"),
        (DYNAMODB, image(a={"BOOL": ["true"]}), "write [true] or [false]"),
        (DYNAMODB, image(a={"S": [True]}), "write BOOL: [true]"),
    ],
)
def test_a_hint_leads_to_a_filter_that_can_match(kind: SourceKind, pattern: Any, hint: str) -> None:
    assert [sign.hint for _, sign in signs([{"pattern": pattern}], kind)] == [hint]


def test_every_kind_that_has_filters_has_a_data_key() -> None:
    assert ALL - set(DATA_KEYS) == {SourceKind.DOCUMENTDB}


def test_a_filter_without_a_pattern_is_skipped() -> None:
    assert signs([{}, {"pattern": {"nope": [1]}}], SourceKind.SQS)[0][0] == 1
