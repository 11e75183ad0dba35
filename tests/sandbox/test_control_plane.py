"""The sandbox plays AWS: each case is a row of aws-behaviour, named in its id or docstring."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from provisioner.sandbox.mappings import Delays
from provisioner.sandbox.server import parse_delays
from tests.conftest import start_sandbox
from tests.embedded import REGION, World, served

SQS = f"arn:aws:sqs:{REGION}:123456789012:q"
FIFO = f"{SQS}.fifo"
KINESIS = f"arn:aws:kinesis:{REGION}:123456789012:stream/s"
DYNAMODB = f"arn:aws:dynamodb:{REGION}:123456789012:table/t/stream/l"
MSK = f"arn:aws:kafka:{REGION}:123456789012:cluster/c/1"
MQ = f"arn:aws:mq:{REGION}:123456789012:broker:b:b-1"
DOCDB = f"arn:aws:rds:{REGION}:123456789012:cluster:c"
AUTH = [{"Type": "BASIC_AUTH", "URI": "s"}]
SELF = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b2:1", "b1:1"]}}
SUBNET = [{"Type": "VPC_SUBNET", "URI": "s"}]
DB = {"DatabaseName": "d"}


@dataclass
class Time:
    """A clock that a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Plane:
    """A control plane behind a real server, its world and its clock."""

    client: Any
    world: World
    time: Time

    def create(self, source: str = SQS, function: str = "f", **members: Any) -> dict[str, Any]:
        request = {"EventSourceArn": source, **members} if source else members
        made: dict[str, Any] = self.client.create_event_source_mapping(FunctionName=function, **request)
        return {key: value for key, value in made.items() if key != "ResponseMetadata"}

    def settled(self, source: str = SQS, function: str = "f", **members: Any) -> str:
        uuid: str = self.create(source, function, **members)["UUID"]
        self.time.now += 100
        return uuid

    def get(self, uuid: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_event_source_mapping(UUID=uuid)
        return found

    def update(self, uuid: str, **members: Any) -> dict[str, Any]:
        done: dict[str, Any] = self.client.update_event_source_mapping(UUID=uuid, **members)
        return done


@pytest.fixture
def plane() -> Iterator[Plane]:
    time = Time()
    with served(Delays(1, 1, 1, 1, 0), time) as embedded:
        yield Plane(embedded.client(), embedded.world, time)


def refusal(call: Any, *arguments: Any, **members: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **members)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


IPV, VALIDATION = "InvalidParameterValueException", "ValidationException"


@pytest.mark.parametrize(
    ("source", "members", "code", "message"),
    [
        pytest.param("", {}, IPV, "Unrecognized event source.", id="5.4 no source at all"),
        pytest.param("arn:aws:s3:::b", {}, IPV, "Unrecognized event source.", id="5.4 unknown service"),
        pytest.param(SQS, {"StartingPosition": "LATEST"}, IPV, "StartingPosition is not valid for SQS event sources.", id="5.4 position on SQS"),
        pytest.param(SQS, {"BatchSize": 11}, IPV, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10", id="5.4 SQS batch > 10, window 0"),
        pytest.param(SQS, {"BatchSize": 10001}, VALIDATION, "1 validation error detected: Value '10001' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000", id="5.3 model first"),
        pytest.param(FIFO, {"MaximumBatchingWindowInSeconds": 1}, IPV, "Batching window is not supported for FIFO queues", id="5.4 FIFO window"),
        pytest.param(FIFO, {"BatchSize": 11}, IPV, "Maximum batch size must be between 1 and 10 inclusive", id="5.4 FIFO batch"),
        pytest.param(SQS, {"DestinationConfig": {"OnSuccess": {"Destination": SQS}}}, IPV, "Unsupported DestinationConfig parameter for given event source mapping type.", id="5.4 destination on SQS"),
        pytest.param(SQS, {"ParallelizationFactor": 2}, IPV, "Unsupported 'parallelizationFactor' parameter for given event source mapping type.", id="5.4 member of another kind"),
        pytest.param(KINESIS, {}, IPV, "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.", id="5.7 no position"),
        pytest.param(KINESIS, {"StartingPosition": "invalid"}, VALIDATION, "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [TRIM_HORIZON, LATEST, AT_TIMESTAMP]", id="5.7 bad position"),
        pytest.param(DYNAMODB, {"StartingPosition": "AT_TIMESTAMP"}, IPV, f"Unsupported starting position for arn type: {DYNAMODB}", id="5.4 DynamoDB AT_TIMESTAMP"),
        pytest.param(MSK, {"Topics": ["events"], "StartingPosition": "AT_TIMESTAMP"}, IPV, "When the starting position is 'AT_TIMESTAMP', a starting position timestamp must be provided.", id="5.4 AT_TIMESTAMP without timestamp"),
        pytest.param(KINESIS, {"StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": 59}, IPV, "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)", id="5.4 record age"),
        pytest.param(MSK, {}, IPV, "Required 'topics' parameter is missing.", id="5.4 Kafka without topic"),
        pytest.param(MSK, {"Topics": ["one", "two"]}, VALIDATION, "1 validation error detected: Value '[one, two]' at 'topics' failed to satisfy constraint: Member must have length less than or equal to 1", id="5.4 two topics"),
        pytest.param("", {"SelfManagedEventSource": SELF, "Topics": ["events"]}, IPV, "Required 'sourceAccessConfigurations' parameter is missing.", id="5.4 self-managed without access"),
        pytest.param("", {"SelfManagedEventSource": {"Endpoints": {}}, "Topics": ["events"]}, VALIDATION, "1 validation error detected: Value '{}' at 'selfManagedEventSource.endpoints' failed to satisfy constraint: Member must have length greater than or equal to 1", id="5.4 empty endpoints"),
        pytest.param(DOCDB, {}, IPV, "Invalid parameters: documentDBEventSourceConfig, databaseName", id="5.4 DocumentDB without config"),
        pytest.param(DOCDB, {"DocumentDBEventSourceConfig": DB, "SourceAccessConfigurations": AUTH, "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, IPV, "Invalid parameters: filterCriteria", id="5.4 DocumentDB with filters"),
        pytest.param(SQS, {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}, IPV, "Invalid filter pattern definition.", id="5.4 filter invalid"),
        pytest.param(SQS, {"ProvisionedPollerConfig": {}}, IPV, "Either MinimumPollers or MaximumPollers are required if ProvisionedPollerConfig is provided.", id="7.5 pollers {} in a create"),
    ],
)  # fmt: skip
def test_a_create_is_refused(plane: Plane, source: str, members: dict[str, Any], code: str, message: str) -> None:
    assert refusal(plane.create, source, **members) == (400, code, message)


def test_the_function_is_looked_for_before_the_queue(plane: Plane) -> None:
    plane.world.gone = {"f", "q", "stream/s"}

    assert refusal(plane.create)[2] == "Function does not exist"
    assert refusal(plane.create, SQS, "g")[2] == (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )
    assert refusal(plane.create, KINESIS, "g", StartingPosition="LATEST")[2] == f"Stream not found: {KINESIS}"


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is different each time."""
    return {
        key: value
        for key, value in answer.items()
        if key not in ("UUID", "EventSourceMappingArn", "LastModified", "FunctionArn", "EventSourceArn")
    }


STREAM_ANSWER = {
    "BatchSize": 100, "BisectBatchOnFunctionError": False, "DestinationConfig": {"OnFailure": {}}, "FunctionResponseTypes": [],
    "LastProcessingResult": "No records processed", "MaximumBatchingWindowInSeconds": 0, "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1, "ParallelizationFactor": 1, "StartingPosition": "LATEST", "State": "Creating",
    "StateTransitionReason": "User action", "TumblingWindowInSeconds": 0,
}  # fmt: skip


def test_5_7_create_sqs(plane: Plane) -> None:
    assert told(plane.create()) == {
        "BatchSize": 10, "FunctionResponseTypes": [], "MaximumBatchingWindowInSeconds": 0, "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
    }  # fmt: skip


@pytest.mark.parametrize("source", [KINESIS, DYNAMODB])
def test_5_7_create_a_stream(plane: Plane, source: str) -> None:
    assert told(plane.create(source, StartingPosition="LATEST")) == STREAM_ANSWER


def test_7_7_create_kafka_mq_and_documentdb(plane: Plane) -> None:
    kafka = plane.create("", SelfManagedEventSource=SELF, Topics=["events"], SourceAccessConfigurations=SUBNET)
    msk = plane.create(MSK, Topics=["events"])
    mq = plane.create(MQ, Queues=["q"], SourceAccessConfigurations=AUTH)
    documentdb = plane.create(DOCDB, DocumentDBEventSourceConfig=DB, SourceAccessConfigurations=AUTH)

    assert kafka["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": kafka["UUID"]}
    assert kafka["SelfManagedEventSource"]["Endpoints"]["KAFKA_BOOTSTRAP_SERVERS"] == ["b1:1", "b2:1"]
    assert (kafka["StartingPosition"], msk["StartingPosition"], documentdb["StartingPosition"]) == (
        "TRIM_HORIZON",
        "TRIM_HORIZON",
        "LATEST",
    )
    assert msk["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"] not in ("", msk["UUID"])
    assert documentdb["DocumentDBEventSourceConfig"] == {"DatabaseName": "d", "FullDocument": "Default"}
    for answer in (kafka, msk, mq, documentdb):
        assert answer["BatchSize"] == 100
        assert "MaximumBatchingWindowInSeconds" not in answer
    assert "FunctionResponseTypes" not in mq


@pytest.mark.parametrize(
    ("source", "members", "state"),
    [
        (SQS, {}, "Disabled"),
        (MQ, {"Queues": ["q"], "SourceAccessConfigurations": AUTH}, "Disabled"),
        (KINESIS, {"StartingPosition": "LATEST"}, "Creating"),
    ],
)
def test_7_2_create_disabled(plane: Plane, source: str, members: dict[str, Any], state: str) -> None:
    made = plane.create(source, Enabled=False, **members)

    assert made["State"] == state
    plane.time.now += 1
    assert plane.get(made["UUID"])["State"] == "Disabled"


def test_states_go_their_way_in_their_time(plane: Plane) -> None:
    uuid = plane.create()["UUID"]
    assert refusal(plane.update, uuid, BatchSize=1) == (
        400,
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
    )
    plane.time.now += 1
    assert plane.get(uuid)["State"] == "Enabled"
    assert plane.update(uuid, BatchSize=1)["State"] == "Updating"
    assert refusal(plane.client.delete_event_source_mapping, UUID=uuid)[1] == "ResourceInUseException"
    plane.time.now += 1
    assert plane.update(uuid, Enabled=False)["State"] == "Disabling"
    plane.time.now += 1
    assert plane.update(uuid, BatchSize=2)["State"] == "Disabled"
    assert plane.update(uuid, Enabled=True)["State"] == "Enabling"
    plane.time.now += 1
    assert plane.client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"


def test_7_2_a_deleted_mapping_is_gone_at_once_and_its_pair_is_free(plane: Plane) -> None:
    uuid = plane.settled()
    plane.client.delete_event_source_mapping(UUID=uuid)

    assert refusal(plane.get, uuid) == (404, "ResourceNotFoundException", "The resource you requested does not exist.")
    assert refusal(plane.update, uuid)[0] == 404
    assert refusal(plane.client.delete_event_source_mapping, UUID=uuid)[0] == 404
    assert plane.create()["UUID"] != uuid


def test_5_4_duplicates_are_refused_in_the_words_of_their_kind(plane: Plane) -> None:
    first = plane.create()["UUID"]
    advice = "already exists. Please update or delete the existing mapping with UUID"

    assert refusal(plane.create) == (
        409, "ResourceConflictException", f'An event source mapping with SQS arn (" {SQS} ") and function (" f ") {advice} {first}',
    )  # fmt: skip
    full = f"arn:aws:lambda:{REGION}:123456789012:function:f"
    assert refusal(plane.create, SQS, full)[2].endswith(f'function (" f ") {advice} {first}')
    stream = plane.create(KINESIS, StartingPosition="LATEST")["UUID"]
    assert refusal(plane.create, KINESIS, StartingPosition="LATEST")[2] == (
        f'The event source arn (" {KINESIS} ") and function (" f ") provided mapping {advice} {stream}'
    )


def test_7_6_uniqueness_is_by_source_qualified_function_and_topic(plane: Plane) -> None:
    for function in ("f", "f:alias", "f:1", "f:$LATEST", "g"):
        plane.create(SQS, function)
    plane.create(MSK, Topics=["events"])
    plane.create(MSK, Topics=["views"])


def test_7_6_a_shared_broker_and_topic_collide(plane: Plane) -> None:
    plane.create("", SelfManagedEventSource=SELF, Topics=["events"], SourceAccessConfigurations=SUBNET)
    other = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:1", "b9:1"]}}

    assert (
        refusal(plane.create, "", SelfManagedEventSource=other, Topics=["events"], SourceAccessConfigurations=SUBNET)[0]
        == 409
    )
    plane.create("", SelfManagedEventSource=other, Topics=["views"], SourceAccessConfigurations=SUBNET)


def test_5_4_a_consumer_group_is_unique_on_its_source(plane: Plane) -> None:
    group = {"ConsumerGroupId": "g"}
    plane.create(MSK, Topics=["events"], AmazonManagedKafkaEventSourceConfig=group)

    assert (
        'consumerGroupId ("g")'
        in refusal(plane.create, MSK, Topics=["views"], AmazonManagedKafkaEventSourceConfig=group)[2]
    )


# --- 7.4 updates, 7.5 clearing ---------------------------------------------------------------------------------------


def test_7_4_what_is_not_sent_is_kept(plane: Plane) -> None:
    uuid = plane.settled(BatchSize=5, ScalingConfig={"MaximumConcurrency": 3}, Enabled=False)

    plane.update(uuid)
    plane.update(uuid, BatchSize=6)

    assert plane.get(uuid)["ScalingConfig"] == {"MaximumConcurrency": 3}
    assert plane.get(uuid)["State"] == "Disabled"


def test_7_4_a_function_is_changed_in_place_and_a_rejected_update_changes_nothing(plane: Plane) -> None:
    uuid = plane.settled()
    before = plane.get(uuid)

    assert refusal(plane.update, uuid, BatchSize=11)[1] == IPV
    assert told(plane.get(uuid)) == told(before)
    plane.update(uuid, FunctionName="g:live")
    assert plane.get(uuid)["FunctionArn"] == f"arn:aws:lambda:{REGION}:123456789012:function:g:live"


def test_7_4_a_mapping_outlives_its_function(plane: Plane) -> None:
    uuid = plane.settled()
    plane.world.gone = {"f"}

    assert plane.get(uuid)["State"] == "Enabled"
    assert refusal(plane.update, uuid, BatchSize=1) == (400, IPV, "Function does not exist")
    plane.client.delete_event_source_mapping(UUID=uuid)


FILTERS = {"Filters": [{"Pattern": '{"a":[1]}'}]}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"


@pytest.mark.parametrize("clear", [{}, {"Filters": []}])
def test_7_5_clearing_filters_drops_the_key(plane: Plane, clear: dict[str, Any]) -> None:
    uuid = plane.settled(FilterCriteria=FILTERS, KMSKeyArn=KEY, Enabled=False)

    plane.update(uuid, FilterCriteria=clear)

    assert not plane.get(uuid).keys() & {"FilterCriteria", "KMSKeyArn"}


def test_7_5_a_key_is_cleared_by_nothing_and_not_stored_without_filters(plane: Plane) -> None:
    uuid = plane.settled(FilterCriteria=FILTERS, KMSKeyArn=KEY, Enabled=False)
    plane.update(uuid, KMSKeyArn="")
    assert plane.get(uuid).get("KMSKeyArn") is None
    assert plane.get(uuid)["FilterCriteria"] == FILTERS

    bare = plane.settled(SQS, "g", Enabled=False)
    plane.update(bare, KMSKeyArn=KEY)
    assert "KMSKeyArn" not in plane.get(bare)


@pytest.mark.parametrize(
    ("member", "value", "clear", "left"),
    [
        ("ScalingConfig", {"MaximumConcurrency": 3}, {}, None),
        ("ProvisionedPollerConfig", {"MinimumPollers": 3}, {}, None),
        ("FunctionResponseTypes", ["ReportBatchItemFailures"], [], []),
        ("MetricsConfig", {"Metrics": ["EventCount"]}, {}, {"Metrics": []}),
    ],
)
def test_7_5_clearing_on_a_queue(plane: Plane, member: str, value: Any, clear: Any, left: Any) -> None:
    uuid = plane.settled(Enabled=False, **{member: value})

    plane.update(uuid, **{member: clear})

    assert plane.get(uuid).get(member) == left


def test_7_5_clearing_a_destination(plane: Plane) -> None:
    uuid = plane.settled(KINESIS, StartingPosition="LATEST", DestinationConfig={"OnFailure": {"Destination": SQS}})

    assert (
        refusal(plane.update, uuid, DestinationConfig={"OnFailure": {}})[2]
        == "The Destination field is required for an OnFailure configuration."
    )
    plane.update(uuid, DestinationConfig={})
    assert plane.get(uuid)["DestinationConfig"] == {"OnFailure": {}}


def test_7_5_a_virtual_host_stays_out_of_updates(plane: Plane) -> None:
    host = {"Type": "VIRTUAL_HOST", "URI": "/"}
    uuid = plane.settled(MQ, Queues=["q"], SourceAccessConfigurations=[host, *AUTH], Enabled=False)

    assert (
        refusal(plane.update, uuid, SourceAccessConfigurations=[host, *AUTH])[2] == "Invalid parameters: VIRTUAL_HOST"
    )
    plane.update(uuid, SourceAccessConfigurations=[{"Type": "BASIC_AUTH", "URI": "t"}])
    assert plane.get(uuid)["SourceAccessConfigurations"] == [host, {"Type": "BASIC_AUTH", "URI": "t"}]


def test_1_a_consumer_group_stays_out_of_updates_and_a_registry_is_changed_in_place(plane: Plane) -> None:
    uuid = plane.settled(
        MSK,
        Topics=["events"],
        AmazonManagedKafkaEventSourceConfig={"ConsumerGroupId": "g"},
        ProvisionedPollerConfig={"MinimumPollers": 1},
    )
    registry = {"SchemaRegistryURI": "https://r", "EventRecordFormat": "JSON"}

    assert (
        "consumerGroupId"
        in refusal(plane.update, uuid, AmazonManagedKafkaEventSourceConfig={"ConsumerGroupId": "g"})[2]
    )
    plane.update(uuid, AmazonManagedKafkaEventSourceConfig={"SchemaRegistryConfig": registry})
    plane.time.now += 1
    assert plane.get(uuid)["AmazonManagedKafkaEventSourceConfig"] == {
        "ConsumerGroupId": "g",
        "SchemaRegistryConfig": registry,
    }
    plane.update(uuid, AmazonManagedKafkaEventSourceConfig={"SchemaRegistryConfig": {}})
    assert plane.get(uuid)["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "g"}


# --- 7.3 List, 7.9 tags ----------------------------------------------------------------------------------------------


def listed(plane: Plane, **filters: str) -> list[str]:
    return [item["UUID"] for item in plane.client.list_event_source_mappings(**filters)["EventSourceMappings"]]


def test_7_3_list_filters_exactly(plane: Plane) -> None:
    plain, alias = plane.create(SQS, "f")["UUID"], plane.create(SQS, "f:live")["UUID"]
    other = plane.create(FIFO, "f")["UUID"]

    assert set(listed(plane, FunctionName="f")) == {plain, other}
    assert listed(plane, FunctionName="f:live") == [alias]
    assert listed(plane, FunctionName="f", EventSourceArn=FIFO) == [other]
    assert listed(plane, FunctionName="nothing") == []


def test_7_3_pages_hold_a_hundred_and_a_damaged_marker_looks_like_the_end(plane: Plane) -> None:
    made = {plane.create(f"{SQS}{number}")["UUID"] for number in range(205)}

    first = plane.client.list_event_source_mappings(MaxItems=1000)
    second = plane.client.list_event_source_mappings(Marker=first["NextMarker"])
    third = plane.client.list_event_source_mappings(Marker=second["NextMarker"])

    pages = [page["EventSourceMappings"] for page in (first, second, third)]
    assert [len(page) for page in pages] == [100, 100, 5]
    assert {item["UUID"] for page in pages for item in page} == made
    assert third.get("NextMarker") is None
    assert plane.client.list_event_source_mappings(Marker="damaged")["EventSourceMappings"] == []
    assert plane.client.list_event_source_mappings(Marker=first["NextMarker"])["EventSourceMappings"] == pages[1]


def test_7_3_list_omits_the_filters_of_a_mapping_with_a_key(plane: Plane) -> None:
    uuid = plane.settled(FilterCriteria=FILTERS, KMSKeyArn=KEY)

    [shown] = plane.client.list_event_source_mappings()["EventSourceMappings"]

    assert shown["KMSKeyArn"] == KEY
    assert "FilterCriteria" not in shown
    assert plane.get(uuid)["FilterCriteria"] == FILTERS


def test_7_9_tags(plane: Plane) -> None:
    arn = plane.create(Tags={"a": "1"})["EventSourceMappingArn"]
    tags = lambda: plane.client.list_tags(Resource=arn)["Tags"]  # noqa: E731

    plane.client.tag_resource(Resource=arn, Tags={"b": ""})
    assert tags() == {"a": "1", "b": ""}
    plane.client.untag_resource(Resource=arn, TagKeys=["a", "absent"])
    assert tags() == {"b": ""}
    nowhere = arn[:-36] + "00000000-1111-2222-3333-444444444444"
    assert refusal(plane.client.list_tags, Resource=nowhere) == (
        404,
        "ResourceNotFoundException",
        f"Event source mapping not found: {nowhere}",
    )
    assert (
        refusal(plane.client.tag_resource, Resource=arn, Tags={str(n): "" for n in range(51)})[2]
        == "Number of tags exceeds resource tag limit."
    )


@pytest.mark.parametrize(
    ("text", "delays"),
    [
        ("0.5", Delays(0.5, 0.5, 0.5, 0.5, 0)),
        ("creating=3,deleting=1", Delays(creating=3, deleting=1)),
        ("0", Delays(0, 0, 0, 0, 0)),
    ],
)
def test_delays_are_one_number_or_one_a_transition(text: str, delays: Delays) -> None:
    assert parse_delays(text) == delays


def test_a_reset_clears_both_sides() -> None:
    started = start_sandbox("--seed", "examples/quickstart/seed.yaml")
    try:
        client = started.client()
        client.create_event_source_mapping(
            FunctionName="orders-worker", EventSourceArn=f"arn:aws:sqs:{REGION}:123456789012:orders"
        )
        urllib.request.urlopen(
            urllib.request.Request(f"{started.environ['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")
        )

        assert client.list_event_source_mappings()["EventSourceMappings"] == []
        assert client.list_functions()["Functions"] == []
    finally:
        started.process.terminate()
        started.process.wait()


def test_accounts_and_regions_are_apart() -> None:
    """An assumed role's keys lead to its account; the region is the one that the request was signed for."""
    started = start_sandbox("--seed", "examples/quickstart/seed.yaml")
    try:
        here = started.client()
        source = f"arn:aws:sqs:{REGION}:123456789012:orders"
        here.create_event_source_mapping(FunctionName="orders-worker", EventSourceArn=source)
        role = started.client("sts").assume_role(RoleArn="arn:aws:iam::210987654321:role/r", RoleSessionName="session")[
            "Credentials"
        ]
        session = boto3.Session(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"])
        there = session.client("lambda", region_name=REGION, endpoint_url=started.environ["AWS_ENDPOINT_URL"])
        elsewhere = boto3.client(
            "lambda", region_name="us-east-1", endpoint_url=started.environ["AWS_ENDPOINT_URL"],
            aws_access_key_id="x", aws_secret_access_key="x",
        )  # fmt: skip

        counts = [
            len(client.list_event_source_mappings()["EventSourceMappings"]) for client in (here, there, elsewhere)
        ]
        assert counts == [1, 0, 0]
    finally:
        started.process.terminate()
        started.process.wait()
