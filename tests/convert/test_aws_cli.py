"""Requests, skeletons and answers of the AWS CLI, in JSON and in YAML."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.utils import ArgumentGenerator

from provisioner.errors import UsageError
from tests.convert.converting import comments, converted, entries, entry, ids, left, loaded, spoiled, survives

UUID = "5f0c1f2e-1111-2222-3333-44445555000{}"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
CLUSTER = "arn:aws:kafka:eu-west-1:123456789012:cluster/events/5f0c1f2e-1111-2222-3333-444455550002-1"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:worker"
OURS = {"function_name": "worker", "event_source_arn": QUEUE}
REQUEST = {"FunctionName": "worker", "EventSourceArn": QUEUE}


def answer(number: int = 1, **more: Any) -> dict[str, Any]:
    """What Get, Create and Update answer, and List for each."""
    return {
        "UUID": UUID.format(number),
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": QUEUE,
        "FunctionArn": FUNCTION,
        "LastModified": "2026-01-01T00:00:00.000000+00:00",
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
        "EventSourceMappingArn": f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{UUID.format(number)}",
        **more,
    }


def of(tmp_path: Path, content: Any, name: str = "a.json", **options: Any) -> Any:
    return converted(tmp_path, {name: content}, **options)


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (REQUEST, OURS),
        ({**REQUEST, "FunctionName": FUNCTION + ":live"}, OURS | {"function_name": "worker:live"}),
        ({**REQUEST, "BatchSize": 5, "Enabled": False}, OURS | {"batch_size": 5, "enabled": False}),
        ({**REQUEST, "FilterCriteria": {"Filters": [{"Pattern": '{"body":{"a":[1]}}'}]}}, OURS | {"filter_criteria": {"filter": [{"pattern": {"body": {"a": [1]}}}]}}),
        ({**REQUEST, "ScalingConfig": {"MaximumConcurrency": 4}, "Tags": {"team": "shop"}}, OURS | {"scaling_config": {"maximum_concurrency": 4}, "tags": {"team": "shop"}}),
        ({**REQUEST, "Enabled": True, "FunctionResponseTypes": ["ReportBatchItemFailures"]}, OURS | {"function_response_types": ["ReportBatchItemFailures"]}),
        ({**REQUEST, "KMSKeyArn": "", "MaximumBatchingWindowInSeconds": 0}, OURS),
        (
            {"FunctionName": "worker", "EventSourceArn": STREAM, "StartingPosition": "LATEST", "MaximumRetryAttempts": 0, "BisectBatchOnFunctionError": True},
            {"function_name": "worker", "event_source_arn": STREAM, "starting_position": "LATEST", "maximum_retry_attempts": 0, "bisect_batch_on_function_error": True},
        ),
        (
            {"FunctionName": "worker", "EventSourceArn": STREAM, "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1767225600},
            {"function_name": "worker", "event_source_arn": STREAM, "starting_position": "AT_TIMESTAMP", "starting_position_timestamp": "2026-01-01T00:00:00Z"},
        ),
        (
            {"FunctionName": "worker", "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:9092"]}}, "Topics": ["orders"], "SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"}]},
            {"function_name": "worker", "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:9092"]}}, "topics": ["orders"], "source_access_configuration": [{"type": "VPC_SUBNET", "uri": "subnet:subnet-1"}]},
        ),
    ],
)  # fmt: skip
def test_requests(tmp_path: Path, content: Any, expected: dict[str, Any]) -> None:
    for text in (json.dumps(content), yaml.safe_dump(content), f"# a comment\n{yaml.safe_dump(content)}"):
        result = of(tmp_path, text)

        assert (entry(result), left(result), ids(result)) == (expected, [], [""])
        assert list(loaded(tmp_path, result).values()) == [expected]


def test_an_update_names_no_source(tmp_path: Path) -> None:
    result = of(tmp_path, {"UUID": UUID.format(1), "FunctionName": "worker", "BatchSize": 5})

    assert left(result) == [(1, f"event source mapping {UUID.format(1)}", "it names no source")]


# --- skeletons -------------------------------------------------------------------------------------------------------


def skeleton(operation: str = "CreateEventSourceMapping", service: str = "lambda") -> dict[str, Any]:
    """As the CLI prints it, which uses this generator; it draws the values of enumerations."""
    model = botocore.session.get_session().get_service_model(service)
    made = ArgumentGenerator().generate_skeleton(model.operation_model(operation).input_shape)
    return json.loads(json.dumps(made, default=lambda value: value.isoformat()))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("changes", "expected", "doubtful"),
    [
        ({}, {}, ["FunctionResponseTypes", "MetricsConfig"]),
        ({"BatchSize": 5, "Enabled": False}, {"batch_size": 5, "enabled": False}, ["FunctionResponseTypes", "MetricsConfig"]),
        ({"FunctionResponseTypes": [], "MetricsConfig": {}}, {}, []),
        ({"FunctionResponseTypes": [], "MetricsConfig": None, "Tags": {"team": "shop", "KeyName": ""}}, {"tags": {"team": "shop"}}, []),
        ({"FunctionResponseTypes": [], "MetricsConfig": {}, "FilterCriteria": {"Filters": [{"Pattern": '{"body":{"a":[1]}}'}, {"Pattern": ""}]}}, {"filter_criteria": {"filter": [{"pattern": {"body": {"a": [1]}}}]}}, []),
        ({"FunctionResponseTypes": [], "MetricsConfig": {}, "ScalingConfig": {"MaximumConcurrency": 4}}, {"scaling_config": {"maximum_concurrency": 4}}, []),
        ({"FunctionResponseTypes": [], "MetricsConfig": {}, "MaximumBatchingWindowInSeconds": 5}, {"maximum_batching_window_in_seconds": 5}, []),
    ],
)  # fmt: skip
def test_a_skeleton_has_what_was_filled_in(
    tmp_path: Path, changes: Any, expected: dict[str, Any], doubtful: list[str], seed: int
) -> None:
    random.seed(seed)
    content = {**skeleton(), **REQUEST, **changes}

    for text in (json.dumps(content, indent=4), yaml.safe_dump(content, sort_keys=False)):
        result = of(tmp_path, text)
        assert entry(result) == OURS | expected
        assert sorted(what.partition(" ")[0] for _, what, _ in left(result)) == doubtful


@pytest.mark.parametrize("seed", range(5))
def test_a_skeleton_of_a_stream(tmp_path: Path, seed: int) -> None:
    random.seed(seed)
    content = {**skeleton(), **REQUEST, "EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON", "DestinationConfig": {"OnSuccess": {"Destination": ""}, "OnFailure": {"Destination": QUEUE}}}  # fmt: skip
    result = of(tmp_path, content)

    assert entry(result) == {
        "function_name": "worker",
        "event_source_arn": STREAM,
        "starting_position": "TRIM_HORIZON",
        "destination_config": {"on_failure": {"destination_arn": QUEUE}},
    }
    named = [what.partition(" ")[0] for _, what, _ in left(result)]
    assert sorted(named) == ["BisectBatchOnFunctionError", "FunctionResponseTypes", "MetricsConfig"]


@pytest.mark.parametrize("seed", range(5))
def test_a_skeleton_of_a_kafka_cluster(tmp_path: Path, seed: int) -> None:
    random.seed(seed)
    registry = {
        "SchemaRegistryURI": "https://registry.example.com",
        "EventRecordFormat": "JSON",
        "AccessConfigs": [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:r"}],
        "SchemaValidationConfigs": [{"Attribute": "VALUE"}],
    }
    access = [{"Type": "SASL_SCRAM_512_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}]
    config = {"ConsumerGroupId": "group", "SchemaRegistryConfig": registry}
    content = {**skeleton(), **REQUEST, "EventSourceArn": CLUSTER, "Topics": ["orders"], "AmazonManagedKafkaEventSourceConfig": config, "SourceAccessConfigurations": access}  # fmt: skip
    found = entry(of(tmp_path, content))

    assert found["topics"] == ["orders"]
    assert found["source_access_configuration"][0]["type"] == "SASL_SCRAM_512_AUTH"
    block = found["amazon_managed_kafka_event_source_config"]
    assert block["consumer_group_id"] == "group"
    assert block["schema_registry_config"]["access_config"][0]["type"] == "BASIC_AUTH"
    assert found.keys() <= {"function_name", "event_source_arn", "topics", "source_access_configuration", "amazon_managed_kafka_event_source_config"}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_a_skeleton_that_nobody_filled_in(tmp_path: Path, seed: int) -> None:
    random.seed(seed)
    result = of(tmp_path, skeleton())

    assert entries(result) == []
    assert [item[2] for item in left(result)] == ["it names no source"]


def test_a_skeleton_of_a_bucket(tmp_path: Path) -> None:
    content = skeleton("PutBucketNotificationConfiguration", "s3")
    one = content["NotificationConfiguration"]["LambdaFunctionConfigurations"][0]
    content["Bucket"] = "media"
    one |= {"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"]}

    result = of(tmp_path, content)
    assert (entry(result), ids(result)) == (
        {"function_name": "worker", "event_source_arn": "arn:aws:s3:::media", "events": ["s3:ObjectCreated:*"]},
        [""],
    )


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        ({}, {}),
        ({"State": "Disabled"}, {"enabled": False}),
        ({"State": "Disabling"}, {"enabled": False}),
        ({"State": "Enabling"}, {}),
        ({"FunctionArn": FUNCTION + ":live"}, {"function_name": "worker:live"}),
        ({"FunctionArn": FUNCTION, "FunctionName": "other"}, {}),
        ({"BatchSize": 5, "MaximumBatchingWindowInSeconds": 3}, {"batch_size": 5, "maximum_batching_window_in_seconds": 3}),
        ({"LastProcessingResult": "OK", "ResponseMetadata": {"RequestId": "r"}}, {}),
        ({"LastModified": 1767225600.0}, {}),
    ],
)  # fmt: skip
def test_answers(tmp_path: Path, more: dict[str, Any], changed: dict[str, Any]) -> None:
    result = of(tmp_path, answer(**more))

    assert (entry(result), left(result), ids(result)) == (OURS | changed, [], [UUID.format(1)])
    assert "allowed_account_ids" in result.text


def test_an_answer_of_a_stream_has_its_zeros(tmp_path: Path) -> None:
    more = {"EventSourceArn": STREAM, "BatchSize": 100, "StartingPosition": "LATEST", "MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": -1, "TumblingWindowInSeconds": 0, "ParallelizationFactor": 1, "BisectBatchOnFunctionError": False, "DestinationConfig": {"OnFailure": {}}}  # fmt: skip
    found = entry(of(tmp_path, answer(**more)))

    assert found == {"function_name": "worker", "event_source_arn": STREAM, "starting_position": "LATEST", "maximum_retry_attempts": 0}  # fmt: skip


def test_a_consumer_group_that_aws_generated_is_not_written(tmp_path: Path) -> None:
    config = {"ConsumerGroupId": UUID.format(1)}
    more = {"EventSourceArn": CLUSTER, "Topics": ["orders"], "AmazonManagedKafkaEventSourceConfig": config}

    assert "amazon_managed_kafka_event_source_config" not in entry(of(tmp_path, answer(**more)))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"State": "Updating"}, "enabled"),
        ({"FilterCriteriaError": {"ErrorCode": "c", "Message": "m"}}, "filter_criteria"),
    ],
)
def test_what_an_answer_does_not_say_is_ignored(tmp_path: Path, more: dict[str, Any], field: str) -> None:
    result = of(tmp_path, answer(**more))

    assert f"- {field}" in result.text
    assert any(line.startswith(f"{field}: ") for line in comments(result))


def test_a_mapping_that_is_being_deleted_is_left_out(tmp_path: Path) -> None:
    assert [item[2] for item in left(of(tmp_path, answer(State="Deleting")))] == ["it is being deleted"]


TWO = [answer(1), answer(2, EventSourceArn=f"{QUEUE}-2")]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"EventSourceMappings": TWO}),
        json.dumps({"EventSourceMappings": TWO}, indent=4),
        yaml.safe_dump({"EventSourceMappings": TWO}),
        json.dumps({"EventSourceMappings": TWO, "NextMarker": None}),
        json.dumps({"EventSourceMappings": TWO, "NextMarker": ""}),
        json.dumps(TWO),
        json.dumps(TWO, indent=2),
        yaml.safe_dump(TWO),
        "\n".join(map(json.dumps, TWO)),
        "".join(json.dumps(item, indent=4) for item in TWO),
        yaml.safe_dump_all(TWO),
        "\n".join(json.dumps({"EventSourceMappings": [item]}) for item in TWO),
        json.dumps([{"EventSourceMappings": [item]} for item in TWO]),
        json.dumps({"EventSourceMappings": TWO[:1], "NextMarker": "m"}) + json.dumps({"EventSourceMappings": TWO[1:]}),
        "\ufeff" + json.dumps({"EventSourceMappings": TWO}),
        json.dumps({"EventSourceMappings": TWO}, indent=4).replace("\n", "\r\n"),
    ],
)
def test_shapes_of_lists(tmp_path: Path, text: str) -> None:
    result = of(tmp_path, text, "list.txt")

    assert (len(entries(result)), left(result)) == (2, [])
    assert sorted(ids(result)) == [UUID.format(1), UUID.format(2)]


def test_a_file_of_powershell(tmp_path: Path) -> None:
    text = json.dumps({"EventSourceMappings": TWO}, indent=4).replace("\n", "\r\n")

    assert len(entries(of(tmp_path, text.encode("utf-16")))) == 2


def test_pages_in_several_files(tmp_path: Path) -> None:
    files = {
        "1.json": {"EventSourceMappings": TWO[:1], "NextMarker": "m"},
        "2.json": {"EventSourceMappings": TWO[1:]},
    }

    assert len(entries(converted(tmp_path, files, "1.json", "2.json"))) == 2


@pytest.mark.parametrize("name", ["NextMarker", "NextToken"])
def test_a_list_without_its_last_page_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"a\.json:1:1: the list is not complete"):
        of(tmp_path, {"EventSourceMappings": TWO, name: "m"})


# --- buckets ---------------------------------------------------------------------------------------------------------

CONFIGURATION: dict[str, Any] = {
    "LambdaFunctionConfigurations": [
        {
            "Id": "thumb",
            "LambdaFunctionArn": FUNCTION,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {
                "Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]}
            },
        }
    ],
    "QueueConfigurations": [{"Id": "q", "QueueArn": QUEUE, "Events": ["s3:ObjectRemoved:*"]}],
    "EventBridgeConfiguration": {},
}
ENTRY = {"function_name": "worker", "event_source_arn": "arn:aws:s3:::media", "events": ["s3:ObjectCreated:*"], "filter_prefix": "in/", "filter_suffix": ".jpg", "id": "thumb"}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "changed"),
    [({}, {}), ({"ExpectedBucketOwner": "123456789012"}, {"bucket_owner": "123456789012"}), ({"ExpectedBucketOwner": ""}, {})],
)  # fmt: skip
def test_a_request_about_a_bucket(tmp_path: Path, more: dict[str, Any], changed: dict[str, Any]) -> None:
    content = {"Bucket": "media", "NotificationConfiguration": CONFIGURATION, **more}

    for text in (json.dumps(content), yaml.safe_dump(content)):
        result = of(tmp_path, text)
        assert (entry(result), left(result), ids(result)) == (ENTRY | changed, [], ["media/thumb"])
        assert list(loaded(tmp_path, result).values()) == [ENTRY | changed]


def test_an_answer_about_a_bucket_does_not_name_it(tmp_path: Path) -> None:
    result = of(tmp_path, CONFIGURATION)

    assert entry(result) == ENTRY | {"event_source_arn": "arn:aws:s3:::${var.bucket}"}
    assert list(loaded(tmp_path, result, bucket="media").values()) == [ENTRY]
    assert "id: s3:${var.bucket}/thumb\n" in result.text


def test_two_answers_are_about_two_buckets(tmp_path: Path) -> None:
    files = {"a.json": CONFIGURATION, "b.json": CONFIGURATION}

    assert len(converted(tmp_path, files, "a.json", "b.json").source.variables) == 2


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"Name": "contains", "Value": "a"}, "'contains' is neither prefix nor suffix"),
        ({"Name": "prefix", "Value": 7}, '{"Name": "prefix", "Value": 7} has no text'),
        ({}, "'none' is neither prefix nor suffix"),
    ],
)
def test_a_rule_that_is_not_known(tmp_path: Path, rule: Any, why: str) -> None:
    one = {**CONFIGURATION["LambdaFunctionConfigurations"][0], "Filter": {"Key": {"FilterRules": [rule]}}}

    assert [item[2] for item in left(of(tmp_path, {"LambdaFunctionConfigurations": [one]}))] == [why]


def test_yaml_of_the_aws_cli_is_yaml_1_2(tmp_path: Path) -> None:
    result = of(tmp_path, f"FunctionName: f\nEventSourceArn: {QUEUE}\nBatchSize: 0050\nEnabled: yes\n")

    assert [item.found.mapping["batch_size"] for item in result.named] == [50]
    assert [why for _, _, why in left(result)] == ['"yes" is neither true nor false']


def test_an_id_that_nothing_can_be_imported_by_is_noted(tmp_path: Path) -> None:
    result = of(tmp_path, {**answer(), "UUID": "a1b2c3d4-EXAMPLE"})

    assert "# a1b2c3d4-EXAMPLE is not a UUID: nothing can be imported by it\n" in result.text


# --- what does not belong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        answer(FilterCriteria={"Filters": [{"Pattern": "{}"}]}, Tags={"a": "b"}),
        {**REQUEST, "BatchSize": 0, "Topics": [""], "SelfManagedEventSource": {"Endpoints": {"KeyName": [""]}}},
        {
            "EventSourceMappings": [
                answer(SourceAccessConfigurations=[{"Type": "BASIC_AUTH", "URI": "u"}], Queues=["q"])
            ]
        },
        {"Bucket": "media", "NotificationConfiguration": CONFIGURATION},
    ],
)
def test_what_does_not_belong_is_no_crash(tmp_path: Path, content: Any) -> None:
    for number, wrong in enumerate(spoiled(content)):
        if number % 3 == 0:  # each is a file, because a marker of more pages refuses it as a whole
            survives(tmp_path, "a.json", [answer(3), wrong])
    survives(tmp_path, "b.json", [answer(3), *spoiled(content)])


@pytest.mark.parametrize(
    "text", ["{}", "[]", "[1]", '{"UUID": 5}', '"a"', "null", "", "   ", "[[]]", "{\n", '{"EventSourceMappings": ']
)
def test_files_that_make_no_sense(tmp_path: Path, text: str) -> None:
    survives(tmp_path, "a.json", text)
