"""What a change does to records in flight, case by case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.kinds.canonical import canonical
from provisioner.model.codes import EXPLANATIONS
from provisioner.model.desired import Desired
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import Live, Status
from provisioner.model.place import Place
from provisioner.model.sources import kind_of
from provisioner.model.state import Record, State
from provisioner.planning.planner import make_plan
from provisioner.planning.reading import Reading
from provisioner.planning.resolve import Resolution, Subject

REGION, ACCOUNT, UUID = "eu-west-1", "123456789012", "00000001-0000-0000-0000-000000000000"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


SQS: dict[str, Any] = {"function_name": "f", "event_source_arn": arn("sqs", "q")}
KINESIS: dict[str, Any] = {
    "function_name": "f", "event_source_arn": arn("kinesis", "stream/s"), "starting_position": "TRIM_HORIZON",
}  # fmt: skip
DYNAMODB: dict[str, Any] = {
    "function_name": "f", "event_source_arn": arn("dynamodb", "table/t/stream/1"), "starting_position": "TRIM_HORIZON",
}  # fmt: skip
MSK: dict[str, Any] = {"function_name": "f", "event_source_arn": arn("kafka", "cluster/c/1"), "topics": ["tt"]}
GROUP = {"amazon_managed_kafka_event_source_config": {"consumer_group_id": "g"}}
OTHER = {"amazon_managed_kafka_event_source_config": {"consumer_group_id": "h"}}
MADE_UP = {"amazon_managed_kafka_event_source_config": {"consumer_group_id": UUID}}
MQ: dict[str, Any] = {
    "function_name": "f", "event_source_arn": arn("mq", "broker:b:b-1"), "queues": ["q"],
    "source_access_configuration": [{"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}],
}  # fmt: skip
DOCDB: dict[str, Any] = {
    "function_name": "f", "event_source_arn": arn("rds", "cluster:c"),
    "document_db_event_source_config": {"database_name": "d"},
    "source_access_configuration": [{"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}],
}  # fmt: skip
KAFKA: dict[str, Any] = {
    "function_name": "f", "topics": ["tt"],
    "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:1", "b:1"]}},
}  # fmt: skip


def filters(*patterns: Any) -> dict[str, Any]:
    return {"filter_criteria": {"filter": [{"pattern": pattern} for pattern in patterns]}}


def codes(
    before: dict[str, Any] | None, after: dict[str, Any], *, replaced: bool = False, gone: bool = False
) -> list[str]:
    """The risks of going from one mapping to the other, as `level code`; before is None for a new one."""
    kind = kind_of(after)
    assert kind
    wanted = Desired("m", REGION, kind, canonical(after, kind), Place("f"))
    record = live = None
    if before is not None:
        known = kind_of(before)
        assert known
        mapping = canonical(before, known)
        record = Record(Key(LAMBDA, REGION, UUID), "arn", mapping)
        live = None if gone else Live(Key(LAMBDA, REGION, UUID), "arn", known, mapping, Status("Enabled"))
    state = State("s", "l", ACCOUNT, 1, {"m": record} if record else {})
    reading = Reading({Key(LAMBDA, REGION, UUID): live} if live else {})
    names = ["m"] if replaced else []
    plan = make_plan(Resolution((Subject("m", wanted, record),)), reading, state, account=ACCOUNT, replaced=names)
    [change] = plan.changes
    assert {risk.code for risk in change.risks} <= EXPLANATIONS.keys()
    return [f"{risk.level} {risk.code}" for risk in change.risks]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (SQS, []),
        ({**SQS, **filters({"body": {"a": [1]}})}, ["loss R301"]),
        ({**SQS, **filters({"data": {"a": [1]}})}, ["loss R301", "loss R302"]),
        ({**KINESIS, **filters({"data": {"a": [1]}})}, []),
        ({**KINESIS, **filters({"body": {"a": [1]}})}, ["note R302"]),
        ({**DYNAMODB, **filters({"NewImage": {"a": {"S": ["x"]}}})}, ["note R302"]),
        ({**MSK, **filters({"data": {"a": [1]}})}, ["note R302"]),
        ({**MQ, **filters({"body": {"a": [1]}})}, ["note R302"]),
        (KINESIS, []),
        ({**KINESIS, "starting_position": "LATEST"}, ["note R101"]),
        ({**MSK, "starting_position": "LATEST"}, ["note R101"]),
        (DOCDB, ["note R101"]),  # it begins at LATEST when it does not say
        ({**DOCDB, "starting_position": "TRIM_HORIZON"}, []),
    ],
)  # fmt: skip
def test_a_new_mapping(after: dict[str, Any], expected: list[str]) -> None:
    assert codes(None, after) == expected


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (SQS, ["note R108"]),
        (MQ, ["note R108"]),
        (KINESIS, ["replay R104"]),
        ({**KINESIS, "starting_position": "LATEST"}, ["loss R103"]),
        ({**KINESIS, "starting_position": "AT_TIMESTAMP", "starting_position_timestamp": "2026-01-01T00:00:00Z"}, ["loss R105"]),
        (DOCDB, ["loss R103"]),
        ({**MSK, **GROUP}, ["note R106"]),
        ({**MSK, **GROUP, "starting_position": "LATEST"}, ["note R106"]),  # the position is ignored
        (MSK, ["replay R107"]),
        ({**MSK, "starting_position": "LATEST"}, ["loss R107"]),
        (KAFKA, ["replay R107"]),
    ],
)  # fmt: skip
def test_a_mapping_that_is_replaced_on_request(mapping: dict[str, Any], expected: list[str]) -> None:
    assert codes(mapping, mapping, replaced=True) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({**DOCDB, "starting_position": "TRIM_HORIZON"}, {**DOCDB, "starting_position": "TRIM_HORIZON",
         "document_db_event_source_config": {"database_name": "e"}}, ["loss R109"]),
        (DOCDB, {**DOCDB, "document_db_event_source_config": {"database_name": "d", "collection_name": "c"}},
         ["loss R109", "note R101"]),
        ({**MSK, **MADE_UP}, {**MSK, **GROUP}, ["replay R107"]),
        ({**MSK, **OTHER}, {**MSK, **GROUP, "starting_position": "LATEST"}, ["loss R107"]),
        (SQS, {**SQS, "event_source_arn": arn("sqs", "r")}, ["loss R109"]),
        (KINESIS, {**KINESIS, "event_source_arn": arn("kinesis", "stream/r")}, ["loss R109"]),
        (KINESIS, {**KINESIS, "event_source_arn": arn("kinesis", "stream/r"), "starting_position": "LATEST"}, ["loss R109", "note R101"]),
        (DYNAMODB, {**DYNAMODB, "event_source_arn": arn("dynamodb", "table/t/stream/2")}, ["loss R110"]),
        (DYNAMODB, {**DYNAMODB, "event_source_arn": arn("dynamodb", "table/u/stream/1")}, ["loss R109"]),
        ({**MSK, **GROUP}, {**MSK, **GROUP, "topics": ["uu"]}, ["loss R109"]),
        ({**MSK, **GROUP}, {**MSK, **GROUP, "topics": ["uu"], "starting_position": "LATEST"}, ["loss R109", "note R101"]),
        (
            KINESIS, {**KINESIS, "starting_position": "LATEST", "maximum_retry_attempts": 0, **filters({"data": {"a": [1]}})},
            ["loss R103", "loss R205", "loss R302"],
        ),
        (SQS, {**SQS, "event_source_arn": arn("sqs", "r"), "enabled": False}, ["loss R109", "note R202"]),
        (KINESIS, {**KINESIS, "starting_position": "LATEST"}, ["loss R103"]),
        ({**KINESIS, "maximum_retry_attempts": 0, "parallelization_factor": 2}, SQS, ["loss R109"]),
        (SQS, {**KINESIS, "maximum_retry_attempts": 0}, ["loss R109"]),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_updated(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    assert codes(before, after) == expected


def test_one_that_disappeared_begins_anew() -> None:
    assert codes(KINESIS, KINESIS, gone=True) == ["replay R104"]
    assert codes(SQS, SQS, gone=True) == []


A, B, BOTH = {"body": {"s": ["a"]}}, {"body": {"s": ["b"]}}, {"body": {"s": ["a", "b"]}}
NARROWER = {"body": {"s": ["a"], "t": [{"exists": True}]}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({**KINESIS, "starting_position": "LATEST"}, {"batch_size": 7}, ["loss R102"]),
        ({**KINESIS, "starting_position": "LATEST"}, {"tags": {"a": "b"}}, []),
        ({**KINESIS, "starting_position": "LATEST", "enabled": False}, {"batch_size": 7}, []),
        ({**KINESIS, "starting_position": "LATEST"}, {"enabled": False}, ["loss R201"]),
        ({**SQS, "function_response_types": ["ReportBatchItemFailures"]}, {"function_response_types": None}, ["loss R208"]),
        (SQS, {"function_response_types": ["ReportBatchItemFailures"]}, []),
        ({**SQS, **filters('{"body":{"n":[3.0e2]}}')}, {"filter_criteria": None}, ["note R303"]),
        (SQS, filters('{"body":{"n":[3.0e2]}}'), ["loss R301"]),
        (KINESIS, {"batch_size": 7}, []),
        (KINESIS, {"enabled": False}, ["loss R201"]),
        (MSK, {"enabled": False}, ["loss R201"]),
        (SQS, {"enabled": False}, ["note R202"]),
        ({**KINESIS, "enabled": False}, {"enabled": True}, []),
        (SQS, {"function_name": "g"}, ["note R203"]),
        (KINESIS, {"maximum_record_age_in_seconds": 60}, ["loss R204"]),
        ({**KINESIS, "maximum_record_age_in_seconds": 60}, {"maximum_record_age_in_seconds": 90}, []),
        ({**KINESIS, "maximum_record_age_in_seconds": 60}, {"maximum_record_age_in_seconds": None}, []),
        (KINESIS, {"maximum_retry_attempts": 0}, ["loss R205"]),
        ({**KINESIS, "maximum_retry_attempts": 3}, {"maximum_retry_attempts": 2}, ["loss R205"]),
        ({**KINESIS, "maximum_retry_attempts": 3}, {"maximum_retry_attempts": -1}, []),
        ({**KINESIS, "destination_config": {"on_failure": {"destination_arn": arn("sqs", "d")}}}, {"destination_config": None}, ["loss R206"]),
        (
            {**KINESIS, "destination_config": {"on_failure": {"destination_arn": arn("sqs", "d")}}},
            {"destination_config": {"on_failure": {"destination_arn": arn("sqs", "e")}}}, [],
        ),
        (KINESIS, {"parallelization_factor": 2}, ["note R207"]),
        ({**KINESIS, "parallelization_factor": 2}, {"parallelization_factor": None}, []),
        (SQS, filters(A), ["loss R301"]),
        (KINESIS, filters({"data": {"a": [1]}}), ["loss R302"]),
        ({**SQS, **filters(A)}, {"filter_criteria": None}, ["note R303"]),
        ({**SQS, **filters(A, B)}, filters(A), ["loss R301"]),
        ({**SQS, **filters(A)}, filters(A, B), ["note R303"]),
        ({**SQS, **filters(A)}, filters(B), ["loss R301", "note R303"]),
        ({**SQS, **filters(BOTH)}, filters(A), ["loss R301"]),
        ({**SQS, **filters(A)}, filters(BOTH), ["note R303"]),
        ({**SQS, **filters(A)}, filters(NARROWER), ["loss R301"]),
        ({**SQS, **filters(NARROWER)}, filters(A), ["note R303"]),
        ({**SQS, **filters(A)}, filters({}), ["note R303"]),
        ({**SQS, **filters(A, B)}, filters(BOTH), ["note R303"]),  # as far as the form tells
    ],
)  # fmt: skip
def test_a_mapping_that_is_updated(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    wanted = {name: value for name, value in {**before, **after}.items() if value is not None}

    assert codes(before, wanted) == expected


def test_every_risk_is_in_a_case_and_explained_by_aws() -> None:
    here = Path(__file__).parent
    text = "".join((here / name).read_text(encoding="utf-8") for name in ("test_risk.py", "test_push_risk.py"))
    risks = [code for code in EXPLANATIONS if code.startswith("R")]

    assert [code for code in risks if code not in text] == []
    assert all(EXPLANATIONS[code].source.startswith("https://docs.aws.amazon.com/") for code in risks)


def test_a_rename_with_another_function_reads_again_what_the_deleted_one_read() -> None:
    kind = kind_of(KINESIS)
    assert kind
    old, new = canonical(KINESIS, kind), canonical({**KINESIS, "function_name": "g"}, kind)
    record = Record(Key(LAMBDA, REGION, UUID), "arn", old)
    wanted = Desired("new", REGION, kind, new, Place("f"))
    subjects = (Subject("new", wanted), Subject("old", None, record))
    key = Key(LAMBDA, REGION, UUID)
    reading = Reading({key: Live(key, "arn", kind, old, Status("Enabled"))})
    plan = make_plan(Resolution(subjects), reading, State("s", "l", ACCOUNT, 1, {"old": record}), account=ACCOUNT)

    found = {change.name: [f"{risk.level} {risk.code}" for risk in change.risks] for change in plan.changes}
    assert found == {"new": ["replay R104"], "old": ["note R111"]}
