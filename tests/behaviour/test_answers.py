"""docs/aws/kinds.md#answers, docs/aws/kinds.md#defaults: what Create and Get return of each kind, and that it is read
as nothing but what was asked.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.aws.convert import live_mapping
from provisioner.model.provider import Provider
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import AUTH, DB, DOCDB, DYNAMODB, FIFO, KINESIS, MQ, MSK, SELF, SQS, SUBNET, LambdaApi

USER, ACTION = "USER_INITIATED", "User action"
NO_RECORDS = "No records processed"
QUEUE = {
    "BatchSize": 10,
    "MaximumBatchingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "StateTransitionReason": USER,
}
STREAM = {
    "BatchSize": 100, "MaximumBatchingWindowInSeconds": 0, "ParallelizationFactor": 1, "StartingPosition": "LATEST",
    "DestinationConfig": {"OnFailure": {}}, "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1,
    "BisectBatchOnFunctionError": False, "TumblingWindowInSeconds": 0, "FunctionResponseTypes": [],
    "LastProcessingResult": NO_RECORDS, "StateTransitionReason": ACTION,
}  # fmt: skip
KAFKA = {
    "BatchSize": 100, "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": [], "StartingPosition": "TRIM_HORIZON", "Topics": ["events"],
    "LastProcessingResult": NO_RECORDS, "StateTransitionReason": USER,
}  # fmt: skip
DIFFERENT = ("UUID", "EventSourceMappingArn", "FunctionArn", "LastModified", "State", "EventSourceArn")
LATEST = {"StartingPosition": "LATEST"}
SELF_MANAGED = {"SelfManagedEventSource": SELF, "Topics": ["events"], "SourceAccessConfigurations": SUBNET}
SORTED = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:1", "b2:1"]}}
BROKER = {"Queues": ["q"], "SourceAccessConfigurations": AUTH}
DATABASE = {"DocumentDBEventSourceConfig": DB, "SourceAccessConfigurations": AUTH}

ROWS: list[Any] = [
    pytest.param(SQS, {}, QUEUE, id="SQS"),
    pytest.param(FIFO, {}, QUEUE, id="FIFO"),
    pytest.param(KINESIS, LATEST, STREAM, id="Kinesis"),
    pytest.param(f"{KINESIS}/consumer/c:1", LATEST, STREAM, id="Kinesis consumer"),
    pytest.param(DYNAMODB, LATEST, STREAM, id="DynamoDB"),
    pytest.param(MSK, {"Topics": ["events"]}, KAFKA, id="MSK"),
    pytest.param("", SELF_MANAGED, {**KAFKA, **SELF_MANAGED, "SelfManagedEventSource": SORTED}, id="Self-managed Kafka"),
    pytest.param(MQ, BROKER, {"BatchSize": 100, **BROKER, "LastProcessingResult": NO_RECORDS, "StateTransitionReason": USER}, id="MQ"),
    pytest.param(
        DOCDB,
        DATABASE,
        {
            "BatchSize": 100, "StartingPosition": "LATEST", "SourceAccessConfigurations": AUTH,
            "DocumentDBEventSourceConfig": {**DB, "FullDocument": "Default"},
            "LastProcessingResult": NO_RECORDS, "StateTransitionReason": USER,
        },
        id="DocumentDB",
    ),
]  # fmt: skip


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is different each time; a consumer group is looked at elsewhere."""
    unlike = {
        *DIFFERENT,
        "ResponseMetadata",
        "AmazonManagedKafkaEventSourceConfig",
        "SelfManagedKafkaEventSourceConfig",
    }
    return {key: value for key, value in answer.items() if key not in unlike}


@pytest.mark.parametrize(("source", "members", "answer"), ROWS)
def test_what_create_and_get_return(
    plane: LambdaApi, source: str, members: dict[str, Any], answer: dict[str, Any]
) -> None:
    made = plane.create(source, **members)

    assert shown(made) == answer
    assert shown(plane.get(made["UUID"])) == answer
    assert made["State"] == "Creating"
    assert made["EventSourceMappingArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{made['UUID']}"
    assert made.get("EventSourceArn", "") == source


@pytest.mark.parametrize(("source", "members", "answer"), ROWS)
def test_a_default_is_read_as_absent(
    plane: LambdaApi, source: str, members: dict[str, Any], answer: dict[str, Any]
) -> None:
    """Lesson 3: of a mapping made with the least, canonical form holds what was asked, and what AWS made up where that
    is kept.
    """
    live = live_mapping(plane.get(plane.settled(source, **members)), REGION, {}, Provider())

    asked = {
        "function_name", "event_source_arn", "self_managed_event_source", "topics", "queues", "starting_position",
        "source_access_configuration", "document_db_event_source_config", "amazon_managed_kafka_event_source_config",
        "self_managed_kafka_event_source_config",
    }  # fmt: skip
    assert live.mapping.keys() <= asked
    assert live.mapping.get("document_db_event_source_config", {"database_name": "d"}) == {"database_name": "d"}
    # A group that equals the UUID is AWS's own; a mode that is not shown is AWS's default.
    own = live.mapping.get("self_managed_kafka_event_source_config", {"consumption_mode": "Stream"})
    assert own == {"consumption_mode": "Stream"}


def test_a_consumer_group_that_was_not_given(plane: LambdaApi) -> None:
    kafka = plane.create("", **SELF_MANAGED)
    msk = plane.create(MSK, Topics=["events"])

    assert kafka["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": kafka["UUID"]}
    assert msk["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"] not in ("", msk["UUID"])


@pytest.mark.parametrize(
    ("given", "echo", "canonical"),
    [
        ("f", "f", "f"),
        (f"{ACCOUNT}:function:f", "f", "f"),
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", "f", "f"),
        ("f:$LATEST", "f:$LATEST", "f:$LATEST"),
        ("f:prod", "f:prod", "f:prod"),
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f:1", "f:1", "f:1"),
    ],
)
def test_function_arn_echo(plane: LambdaApi, given: str, echo: str, canonical: str) -> None:
    made = plane.create(SQS, given)

    assert made["FunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{echo}"
    assert live_mapping(made, REGION, {}, Provider()).mapping["function_name"] == canonical


def test_an_empty_list_of_filters_on_create_is_absent(plane: LambdaApi) -> None:
    made = plane.create(FilterCriteria={"Filters": []}, ScalingConfig={}, FunctionResponseTypes=[])

    assert not made.keys() & {"FilterCriteria", "ScalingConfig"}
    assert made["FunctionResponseTypes"] == []


FILTER, KEY = {"Filters": [{"Pattern": '{"a":[1]}'}]}, f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"


def test_encrypted_filters(plane: LambdaApi) -> None:
    uuid = plane.settled(FilterCriteria=FILTER, KMSKeyArn=KEY, Enabled=False)
    [listed] = plane.client.list_event_source_mappings()["EventSourceMappings"]
    assert (listed["KMSKeyArn"], listed.get("FilterCriteria"), listed.get("FilterCriteriaError")) == (KEY, None, None)
    assert plane.get(uuid)["FilterCriteria"] == FILTER

    plane.world.key = "DisabledException"
    unreadable = plane.get(uuid)
    assert "FilterCriteria" not in unreadable
    assert unreadable["FilterCriteriaError"]["ErrorCode"] == "DisabledException"
    live = live_mapping(unreadable, REGION, {}, Provider())
    assert live.unknown == {("filter_criteria",)}  # unknown, not absent

    changed = plane.update(uuid, BatchSize=5)  # an unrelated update works, and says the same
    assert changed["FilterCriteriaError"]["ErrorCode"] == "DisabledException"
    plane.update(uuid, FilterCriteria={"Filters": []})
    assert not plane.get(uuid).keys() & {"FilterCriteria", "FilterCriteriaError", "KMSKeyArn"}
    assert plane.client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"


def test_on_the_wire_an_unset_member_is_null(plane: LambdaApi) -> None:
    """7.7: SDKs hide it."""
    uuid = plane.settled()
    raw: list[bytes] = []
    plane.client.meta.events.register("after-call", lambda http_response, **_: raw.append(http_response.content))
    plane.get(uuid)
    body = json.loads(raw[0])

    assert body["FilterCriteria"] is None
    assert body["StartingPosition"] is None
    assert body["BatchSize"] == 10


@pytest.mark.parametrize(("source", "members"), [(SQS, {}), (KINESIS, LATEST)], ids=["SQS", "Kinesis"])
def test_last_modified_is_cut_to_the_minute_for_streams_but_not_in_the_answer_to_a_change(
    plane: LambdaApi, source: str, members: dict[str, Any]
) -> None:
    made = plane.create(source, **members)
    read = plane.get(made["UUID"])["LastModified"]

    if source == SQS:
        assert read == made["LastModified"]
    else:
        assert read == made["LastModified"].replace(second=0, microsecond=0)
