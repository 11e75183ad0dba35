"""docs/aws/updates.md#clearing, row by row: what clears a member of the control plane itself, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import AUTH, DB, DOCDB, FIFO, KINESIS, MQ, MSK, SQS, LambdaApi, refusal

FILTER = {"Filters": [{"Pattern": '{"a":[1]}'}]}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
BROKER = {"Queues": ["q"], "SourceAccessConfigurations": AUTH}
HOST = {"Type": "VIRTUAL_HOST", "URI": "/"}
FAILED = {"OnFailure": {"Destination": SQS}}
LATEST = {"StartingPosition": "LATEST"}


@pytest.mark.parametrize(
    ("source", "given", "sent", "left"),
    [
        pytest.param(SQS, {"FilterCriteria": FILTER}, {"FilterCriteria": {}}, None, id="FilterCriteria by {}"),
        pytest.param(
            SQS,
            {"FilterCriteria": FILTER},
            {"FilterCriteria": {"Filters": []}},
            None,
            id="FilterCriteria by no filters",
        ),
        pytest.param(
            SQS,
            {"FunctionResponseTypes": ["ReportBatchItemFailures"]},
            {"FunctionResponseTypes": []},
            [],
            id="FunctionResponseTypes",
        ),
        pytest.param(
            SQS, {"ScalingConfig": {"MaximumConcurrency": 3}}, {"ScalingConfig": {}}, None, id="ScalingConfig"
        ),
        pytest.param(
            FIFO, {"ScalingConfig": {"MaximumConcurrency": 3}}, {"ScalingConfig": {}}, None, id="ScalingConfig, FIFO"
        ),
        pytest.param(
            SQS,
            {"ProvisionedPollerConfig": {"MinimumPollers": 3}},
            {"ProvisionedPollerConfig": {}},
            None,
            id="ProvisionedPollerConfig",
        ),
        pytest.param(
            SQS,
            {"MetricsConfig": {"Metrics": ["EventCount"]}},
            {"MetricsConfig": {}},
            {"Metrics": []},
            id="MetricsConfig stays as an empty list",
        ),
        pytest.param(
            KINESIS,
            {**LATEST, "DestinationConfig": FAILED},
            {"DestinationConfig": {}},
            {"OnFailure": {}},
            id="DestinationConfig",
        ),
        pytest.param(
            MQ, {**BROKER, "MaximumBatchingWindowInSeconds": 3}, {"BatchSize": 5}, 3, id="window of MQ: not by omission"
        ),
    ],
)
def test_what_clears(plane: LambdaApi, source: str, given: dict[str, Any], sent: dict[str, Any], left: Any) -> None:
    uuid = plane.settled(source, Enabled=False, **given)

    plane.update(uuid, **sent)

    member = "MaximumBatchingWindowInSeconds" if "BatchSize" in sent else next(iter(sent))
    assert plane.get(uuid).get(member) == left


def test_filters_take_the_key_with_them(plane: LambdaApi) -> None:
    uuid = plane.settled(FilterCriteria=FILTER, KMSKeyArn=KEY, Enabled=False)

    plane.update(uuid, FilterCriteria={})

    assert not plane.get(uuid).keys() & {"FilterCriteria", "KMSKeyArn"}


def test_pollers_of_nothing_are_refused_in_a_create(plane: LambdaApi) -> None:
    assert refusal(plane.create, ProvisionedPollerConfig={})[2] == (
        "Either MinimumPollers or MaximumPollers are required if ProvisionedPollerConfig is provided."
    )


def test_a_key_is_cleared_by_the_empty_text_and_the_filter_stays_in_clear(plane: LambdaApi) -> None:
    uuid = plane.settled(FilterCriteria=FILTER, KMSKeyArn=KEY, Enabled=False)

    plane.update(uuid, KMSKeyArn="")

    assert (plane.get(uuid).get("KMSKeyArn"), plane.get(uuid)["FilterCriteria"]) == (None, FILTER)


def test_a_key_that_cannot_decrypt_is_cleared_only_with_new_filters(plane: LambdaApi) -> None:
    uuid = plane.settled(FilterCriteria=FILTER, KMSKeyArn=KEY, Enabled=False)
    plane.world.key = "AccessDeniedException"

    assert refusal(plane.update, uuid, KMSKeyArn="")[0] == 400
    plane.update(uuid, KMSKeyArn="", FilterCriteria=FILTER)

    assert plane.get(uuid)["FilterCriteria"] == FILTER


@pytest.mark.parametrize(
    "sent", [{"KMSKeyArn": KEY}, {"KMSKeyArn": KEY, "FilterCriteria": {}}], ids=["alone", "with {}"]
)
def test_a_key_without_filters_is_dropped_silently(plane: LambdaApi, sent: dict[str, Any]) -> None:
    uuid = plane.settled(Enabled=False)

    assert "KMSKeyArn" not in plane.update(uuid, **sent)
    assert "KMSKeyArn" not in plane.get(uuid)


def test_an_empty_destination_is_refused(plane: LambdaApi) -> None:
    uuid = plane.settled(KINESIS, **LATEST, DestinationConfig=FAILED)

    assert refusal(plane.update, uuid, DestinationConfig={"OnFailure": {}})[2] == (
        "The Destination field is required for an OnFailure configuration."
    )


@pytest.mark.parametrize(
    ("source", "given", "member"),
    [
        (MQ, BROKER, "SourceAccessConfigurations"),
        (
            DOCDB,
            {"DocumentDBEventSourceConfig": {**DB, "FullDocument": "UpdateLookup"}, "SourceAccessConfigurations": AUTH},
            "DocumentDBEventSourceConfig",
        ),
    ],
)
def test_omission_keeps(plane: LambdaApi, source: str, given: dict[str, Any], member: str) -> None:
    uuid = plane.settled(source, Enabled=False, **given)

    plane.update(uuid, BatchSize=5)

    assert plane.get(uuid)[member] == given[member]


@pytest.mark.parametrize(
    ("access", "message"),
    [
        (AUTH, "BASIC_AUTH source access configuration was not provided"),
        ([HOST, *AUTH], "Invalid parameters: sourceAccessConfigurations"),
    ],
    ids=["ActiveMQ", "RabbitMQ"],
)
def test_an_empty_list_of_access_is_refused(plane: LambdaApi, access: list[dict[str, str]], message: str) -> None:
    uuid = plane.settled(MQ, Queues=["q"], SourceAccessConfigurations=access, Enabled=False)

    assert refusal(plane.update, uuid, SourceAccessConfigurations=[])[2] == message


def test_a_virtual_host_may_not_be_in_an_update_changed_or_not(plane: LambdaApi) -> None:
    uuid = plane.settled(MQ, Queues=["q"], SourceAccessConfigurations=[HOST, *AUTH], Enabled=False)

    for host in (HOST, {**HOST, "URI": "other"}):
        assert (
            refusal(plane.update, uuid, SourceAccessConfigurations=[host, *AUTH])[2]
            == "Invalid parameters: VIRTUAL_HOST"
        )
    plane.update(
        uuid,
        SourceAccessConfigurations=[
            {"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t"}
        ],
    )
    assert plane.get(uuid)["SourceAccessConfigurations"] == [
        HOST,
        {"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t"},
    ]


def test_a_consumer_group_may_not_be_in_an_update_and_a_registry_is_changed_in_place(plane: LambdaApi) -> None:
    """Section 1 and 4.6."""
    block = "AmazonManagedKafkaEventSourceConfig"
    pollers = {"MinimumPollers": 1}
    uuid = plane.settled(MSK, Topics=["events"], ProvisionedPollerConfig=pollers, **{block: {"ConsumerGroupId": "g"}})
    registry = {"SchemaRegistryURI": "https://r", "EventRecordFormat": "JSON"}

    assert "consumerGroupId" in refusal(plane.update, uuid, **{block: {"ConsumerGroupId": "g"}})[2]
    plane.update(uuid, **{block: {"SchemaRegistryConfig": registry}})
    plane.time.now += 1
    assert plane.get(uuid)[block] == {"ConsumerGroupId": "g", "SchemaRegistryConfig": registry}
    plane.update(uuid, **{block: {}})
    plane.time.now += 1
    assert "SchemaRegistryConfig" in plane.get(uuid)[block]
    plane.update(uuid, **{block: {"SchemaRegistryConfig": {}}})
    assert plane.get(uuid)[block] == {"ConsumerGroupId": "g"}
