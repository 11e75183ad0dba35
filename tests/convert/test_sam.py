"""AWS SAM templates: each event that a function may have, and what SAM makes of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import UsageError
from tests.convert.templates import Result, converted

HERE = {"region": "eu-west-1", "account": "123456789012"}
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
HEAD = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  Any: {Type: String}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
"""
RESOURCES = """
Resources:
  Orders: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}}
  Fifo: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Clicks: {Type: AWS::Kinesis::Stream, Properties: {Name: clicks}}
  Table: {Type: AWS::DynamoDB::Table}
  Simple: {Type: AWS::Serverless::SimpleTable}
  Cluster: {Type: AWS::MSK::Cluster}
  Broker: {Type: AWS::AmazonMQ::Broker}
  Documents: {Type: AWS::DocDB::DBCluster}
  Login: {Type: AWS::SecretsManager::Secret}
  Media: {Type: AWS::S3::Bucket, Properties: {BucketName: media}}
  Topic: {Type: AWS::SNS::Topic}
  FifoTopic: {Type: AWS::SNS::Topic, Properties: {FifoTopic: true}}
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: 5}}
"""


def template(events: str, function: str = "FunctionName: worker", head: str = HEAD, more: str = "") -> str:
    lines = "".join(f"        {line}\n" for line in events.splitlines())
    return (
        f"{head}{RESOURCES}{more}  Worker:\n    Type: AWS::Serverless::Function\n    Properties:\n      {function}\n"
        f"      Handler: app.handler\n      Runtime: python3.13\n      CodeUri: ./src\n      Events:\n{lines}"
    )


def event(type_: str, properties: str) -> str:
    return f"Event: {{Type: {type_}, Properties: {properties}}}"


ACCESS = "SourceAccessConfigurations: [{Type: BASIC_AUTH, URI: !Ref Login}]"
VPC = ", {Type: VPC_SUBNET, URI: subnet-1}, {Type: VPC_SECURITY_GROUP, URI: sg-1}]"
SHARED = """BatchSize: 20, MaximumBatchingWindowInSeconds: 3, MaximumRetryAttempts: 2, MaximumRecordAgeInSeconds: 600,
 BisectBatchOnFunctionError: true, ParallelizationFactor: 2, Enabled: false, StartingPosition: LATEST,
 FunctionResponseTypes: [ReportBatchItemFailures], FilterCriteria: {Filters: [{Pattern: '{"data": {"a": [1]}}'}]},
 DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Orders.Arn}}""".replace("\n", "")
SHARED_FIELDS = {
    "batch_size": 20,
    "maximum_batching_window_in_seconds": 3,
    "maximum_retry_attempts": 2,
    "maximum_record_age_in_seconds": 600,
    "bisect_batch_on_function_error": True,
    "parallelization_factor": 2,
    "enabled": False,
    "starting_position": "LATEST",
    "function_response_types": ["ReportBatchItemFailures"],
    "filter_criteria": {"filter": [{"pattern": {"data": {"a": [1]}}}]},
    "destination_config": {"on_failure": {"destination_arn": QUEUE}},
}


@pytest.mark.parametrize(
    ("type_", "properties", "expected"),
    [
        ("SQS", "{Queue: !GetAtt Orders.Arn}", {"event_source_arn": QUEUE}),
        ("SQS", f"{{Queue: {QUEUE}, BatchSize: 10, Enabled: true}}", {"event_source_arn": QUEUE}),
        ("SQS", "{Queue: !GetAtt Fifo.Arn, BatchSize: 5}", {"event_source_arn": "${var.FifoArn}", "batch_size": 5}),
        (
            "SQS",
            "{Queue: !Ref Any, ScalingConfig: {MaximumConcurrency: 5}, BatchSize: 10}",
            {"event_source_arn": "${var.Any}", "scaling_config": {"maximum_concurrency": 5}},
        ),
        ("Kinesis", f"{{Stream: !GetAtt Clicks.Arn, {SHARED}}}", {"event_source_arn": STREAM, **SHARED_FIELDS}),
        (
            "DynamoDB",
            f"{{Stream: !GetAtt Table.StreamArn, {SHARED}}}",
            {"event_source_arn": "${var.TableStreamArn}", **SHARED_FIELDS},
        ),
        (
            "MSK",
            "{Stream: !Ref Cluster, Topics: [orders], StartingPosition: LATEST, ConsumerGroupId: shop, BatchSize: 100}",
            {
                "event_source_arn": "${var.ClusterArn}",
                "topics": ["orders"],
                "starting_position": "LATEST",
                "amazon_managed_kafka_event_source_config": {"consumer_group_id": "shop"},
            },
        ),
        (
            "MQ",
            f"{{Broker: !GetAtt Broker.Arn, Queues: [orders], {ACCESS}}}",
            {
                "event_source_arn": "${var.BrokerArn}",
                "queues": ["orders"],
                "source_access_configuration": [{"type": "BASIC_AUTH", "uri": "${var.LoginArn}"}],
            },
        ),
        (
            "DocumentDB",
            f"{{Cluster: !Ref Any, DatabaseName: shop, CollectionName: orders, FullDocument: UpdateLookup, {ACCESS}}}",
            {
                "event_source_arn": "${var.Any}",
                "document_db_event_source_config": {
                    "database_name": "shop",
                    "collection_name": "orders",
                    "full_document": "UpdateLookup",
                },
                "source_access_configuration": [{"type": "BASIC_AUTH", "uri": "${var.LoginArn}"}],
            },
        ),
        (
            "SelfManagedKafka",
            f"{{KafkaBootstrapServers: ['b.example.com:9092'], Topics: [orders], {ACCESS[:-1]}{VPC}}}",
            {
                "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b.example.com:9092"]}},
                "topics": ["orders"],
                "source_access_configuration": [
                    {"type": "BASIC_AUTH", "uri": "${var.LoginArn}"},
                    {"type": "VPC_SECURITY_GROUP", "uri": "security_group:sg-1"},
                    {"type": "VPC_SUBNET", "uri": "subnet:subnet-1"},
                ],
            },
        ),
        (
            "S3",
            "{Bucket: !Ref Media, Events: 's3:ObjectCreated:*', Filter: {S3Key: {Rules: [{Name: suffix, Value: .png}]}}}",
            {"event_source_arn": "arn:aws:s3:::media", "events": ["s3:ObjectCreated:*"], "filter_suffix": ".png"},
        ),
    ],
)
def test_an_event(tmp_path: Path, type_: str, properties: str, expected: dict[str, Any]) -> None:
    result = converted(tmp_path, template(event(type_, properties)), **HERE)

    assert (result.mapping, result.left_out) == ({"function_name": "worker", **expected}, [])


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ("{Topic: !Ref Topic, SqsSubscription: true}", {"event_source_arn": "${var.WorkerEventQueueArn}"}),
        ("{Topic: !Ref FifoTopic, SqsSubscription: true}", {"event_source_arn": "${var.WorkerEventQueueArn}"}),
        (
            "{Topic: !Ref Any, SqsSubscription: {QueueArn: !GetAtt Orders.Arn, QueueUrl: !Ref Orders, BatchSize: 5}}",
            {"event_source_arn": QUEUE, "batch_size": 5},
        ),
    ],
)
def test_a_topic_with_a_queue_is_a_queue(tmp_path: Path, properties: str, expected: dict[str, Any]) -> None:
    result = converted(tmp_path, template(event("SNS", properties)), **HERE)

    assert (result.mapping, result.left_out) == ({"function_name": "worker", **expected}, [])


def test_one_event_of_a_bucket_is_an_entry_for_each_of_its_events(tmp_path: Path) -> None:
    events = event("S3", "{Bucket: !Ref Media, Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*']}")
    events += "\nSecond: {Type: S3, Properties: {Bucket: !Ref Media, Events: 's3:ObjectTagging:*'}}"
    configured = "NotificationConfiguration: {LambdaConfigurations: [{Event: 's3:ObjectRestore:*', Function: other}]}"
    text = template(events).replace("BucketName: media", f"BucketName: media, {configured}")
    result = converted(tmp_path, text, **HERE)

    assert sorted((item["function_name"], *item["events"]) for item in result.mappings) == [
        ("other", "s3:ObjectRestore:*"),
        ("worker", "s3:ObjectCreated:*"),
        ("worker", "s3:ObjectRemoved:*"),
        ("worker", "s3:ObjectTagging:*"),
    ]


SQS = event("SQS", "{Queue: !GetAtt Orders.Arn}")
GLOBALS = "\nGlobals:\n  Function: {AutoPublishAlias: live, Timeout: 5, Unknown: [5]}\n"


@pytest.mark.parametrize(
    ("function", "head", "options", "expected"),
    [
        ("FunctionName: worker", HEAD, {}, "worker"),
        ("AutoPublishAlias: live\n      FunctionName: worker", HEAD, {}, "worker:live"),
        ("FunctionName: worker", HEAD + GLOBALS, {}, "worker:live"),
        ("AutoPublishAlias: blue\n      FunctionName: worker", HEAD + GLOBALS, {}, "worker:blue"),
        ("AutoPublishAlias: !Ref Stage\n      FunctionName: worker", HEAD, {}, "worker:${var.Stage}"),
        (
            "AutoPublishAlias: !Ref Stage\n      FunctionName: worker",
            HEAD,
            {"parameters": {"Stage": "prod"}},
            "worker:prod",
        ),
        ("FunctionName: !Sub '${Stage}-worker'", HEAD, {}, "${var.Stage}-worker"),
        ("MemorySize: 128", HEAD, {}, "${var.Worker}"),
        ("MemorySize: 128", HEAD + GLOBALS, {}, "${var.Worker}:live"),
    ],
)
@pytest.mark.parametrize("type_", ["SQS", "S3", "SNS"])
def test_the_function_of_an_event(
    tmp_path: Path, function: str, head: str, options: dict[str, Any], expected: str, type_: str
) -> None:
    properties = {
        "SQS": "{Queue: !GetAtt Orders.Arn}",
        "S3": "{Bucket: !Ref Media, Events: 's3:ObjectCreated:*'}",
        "SNS": "{Topic: !Ref Topic, SqsSubscription: true}",
    }
    result = converted(tmp_path, template(event(type_, properties[type_]), function, head), **HERE, **options)

    assert (result.mapping["function_name"], result.left_out) == (expected, [])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("!Ref Worker", "worker"),
        ("!GetAtt Worker.Arn", "worker"),
        ("!Ref Worker.Alias", "worker:live"),
        ("!GetAtt Worker.Alias", "worker:live"),
        ("!Sub '${Worker.Alias}'", "worker:live"),
        ("!Ref Worker.Version", "worker:${var.WorkerVersion}"),
        ("!Ref WorkerAliaslive", "worker:live"),
    ],
)
def test_a_mapping_of_a_function_of_sam(tmp_path: Path, function: str, expected: str) -> None:
    own = (
        "  Own:\n    Type: AWS::Lambda::EventSourceMapping\n"
        f"    Properties: {{FunctionName: {function}, EventSourceArn: !GetAtt Clicks.Arn, StartingPosition: LATEST}}\n"
    )
    text = template(SQS, "AutoPublishAlias: live\n      FunctionName: worker", more=own)
    result = converted(tmp_path, text, **HERE)

    assert {item["event_source_arn"]: item["function_name"] for item in result.mappings} == {
        QUEUE: "worker:live",
        STREAM: expected,
    }


@pytest.mark.parametrize(("alias", "ident"), [("live", "WorkerAliaslive"), ("blue-2_b", "WorkerAliasblueD2Ub")])
def test_the_alias_of_a_function_without_events(tmp_path: Path, alias: str, ident: str) -> None:
    own = "  Own:\n    Type: AWS::Lambda::EventSourceMapping\n"
    own += f"    Properties: {{FunctionName: !Ref {ident}, EventSourceArn: !GetAtt Orders.Arn}}\n"
    text = template("", f"AutoPublishAlias: {alias}\n      FunctionName: worker", more=own)

    assert converted(tmp_path, text, **HERE).mapping["function_name"] == f"worker:{alias}"


@pytest.mark.parametrize(
    ("type_", "service"),
    [
        ("SNS", "SNS"),
        ("Schedule", "EventBridge"),
        ("ScheduleV2", "EventBridge Scheduler"),
        ("EventBridgeRule", "EventBridge"),
        ("CloudWatchEvent", "EventBridge"),
        ("CloudWatchLogs", "CloudWatch Logs"),
        ("Api", ""),
        ("HttpApi", ""),
        ("AlexaSkill", ""),
        ("Cognito", ""),
        ("IoTRule", ""),
    ],
)
def test_other_events(tmp_path: Path, type_: str, service: str) -> None:
    result = converted(
        tmp_path, template(f"{event(type_, '{Topic: !Ref Topic}')}\n{SQS.replace('Event', 'Queue', 1)}"), **HERE
    )

    assert len(result.mappings) == 1
    assert [(what, why) for _, what, why in result.left_out] == [
        ("event Event of Worker", f"{service} as a source is not supported yet")
    ] * bool(service)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ("Event: {Type: SQS, Properties: {}}", "Missing required property 'Queue'"),
        ("Event: {Type: SQS}", "Missing required property 'Queue'"),
        ("Event: {Type: SQS, Properties: {Queue: a, Colour: red}}", "property Colour not defined"),
        ("Event: {Type: SQS, Properties: {Queue: a, Enabled: 5}}", "Type of property 'Enabled' is invalid"),
        ("Event: {Type: S3, Properties: {Bucket: media, Events: 's3:ObjectCreated:*'}}", "must reference an S3 bucket"),
        ("Event: {Type: S3, Properties: {Bucket: !Ref Absent, Events: a}}", "must reference an S3 bucket"),
        ("Event: {Type: MQ, Properties: {Broker: a, Queues: [b]}}", "No SourceAccessConfigurations"),
        ("Event: {Type: Sqs, Properties: {Queue: a}}", "'Sqs' is not known as a type of event"),
        ("Event: 5", "it has no Type"),
        ("Event: {Type: SQS, Properties: 5}", "SAM refuses it"),
        ("Event: {Type: SNS, Properties: {Topic: a, SqsSubscription: {QueueArn: a}}}", "No QueueARN or QueueURL"),
    ],
)
def test_an_event_that_sam_refuses_is_named_and_the_rest_is_converted(tmp_path: Path, events: str, words: str) -> None:
    text = template(f"Good: {SQS.partition(': ')[2]}\n{events}")
    result = converted(tmp_path, text, **HERE)

    ((line, what, why),) = result.left_out
    assert (text.splitlines()[line - 1].strip().partition(":")[0], what) == ("Event", "event Event of Worker")
    assert words in why
    assert "Translated" not in why
    assert result.mapping["event_source_arn"] == QUEUE


@pytest.mark.parametrize(
    ("parameters", "functions", "left_out"),
    [
        ({"Stage": "prod"}, ["worker", "worker"], []),
        ({"Stage": "dev"}, [], []),
        ({}, [], ["WorkerEvent", "event Upload of Worker"]),
    ],
)
def test_a_function_with_a_condition(
    tmp_path: Path, parameters: dict[str, str], functions: list[str], left_out: list[str]
) -> None:
    events = f"{SQS}\nUpload: {{Type: S3, Properties: {{Bucket: !Ref Media, Events: 's3:ObjectCreated:*'}}}}"
    text = template(events).replace("Function\n    Prop", "Function\n    Condition: IsProd\n    Prop")
    result = converted(tmp_path, text, **HERE, parameters=parameters)

    assert [item["function_name"] for item in result.mappings] == functions
    assert [what for _, what, _ in result.left_out] == left_out


def test_an_event_of_a_bucket_with_a_condition(tmp_path: Path) -> None:
    text = template(event("S3", "{Bucket: !Ref Media, Events: 's3:ObjectCreated:*'}"))
    text = text.replace("Media: {Type: AWS::S3::Bucket", "Media: {Type: AWS::S3::Bucket, Condition: IsProd")

    assert len(converted(tmp_path, text, **HERE, parameters={"Stage": "prod"}).mappings) == 1
    assert len(converted(tmp_path, text, **HERE, parameters={"Stage": "test"}).mappings) == 0


def test_values_of_events_are_evaluated(tmp_path: Path) -> None:
    properties = (
        "{Queue: !Sub 'arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:${Stage}-orders', BatchSize: !If [IsProd, 9, 5]}"
    )
    result = converted(tmp_path, template(event("SQS", properties)), region="eu-west-1")

    assert result.mapping["event_source_arn"] == "arn:aws:sqs:eu-west-1:${var.account}:${var.Stage}-orders"
    assert result.mapping["batch_size"] == 5


def test_an_event_is_found_at_its_line(tmp_path: Path) -> None:
    text = template(SQS)
    line = next(number for number, item in enumerate(text.splitlines(), 1) if "Type: SQS" in item and "Event:" in item)

    assert f"template.yaml:{line}: WorkerEvent\n" in converted(tmp_path, text, **HERE).text


def test_no_region_gets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SAM's translator needs a region. Neither the environment's nor its own may be taken for the stack's."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "ap-south-2")
    everything = [
        event(
            "SQS", "{Queue: !GetAtt Orders.Arn, DestinationConfig: {OnFailure: {Type: SNS, Destination: !Ref Topic}}}"
        ),
        "Kinesis: {Type: Kinesis, Properties: {Stream: !GetAtt Clicks.Arn, StartingPosition: LATEST}}",
        "Upload: {Type: S3, Properties: {Bucket: !Ref Media, Events: 's3:ObjectCreated:*'}}",
        "Topic: {Type: SNS, Properties: {Topic: !Ref Topic, SqsSubscription: true}}",
    ]
    text = converted(tmp_path, template("\n".join(everything))).text

    assert [name for name in ("ap-south-2", "us-east-1", "eu-west-1") if name in text] == []


def test_without_a_region_or_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    assert converted(tmp_path, template(SQS)).mapping["function_name"] == "worker"


def test_the_translator_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("samtranslator")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "samtranslator", None)

    with pytest.raises(UsageError) as caught:
        converted(tmp_path, template(SQS))
    assert "esm-provisioner[convert]" in caught.value.hint


def test_a_template_without_events_needs_no_translator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("samtranslator")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "samtranslator", None)

    assert converted(tmp_path, template(event("Api", "{Path: /, Method: get}"))).mappings == []


LOOP = """
  Fn::ForEach::Workers:
    - Name
    - [orders, returns]
    - "Worker${Name}":
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: !Sub "w-${Name}"
          Events:
            Queue: {Type: SQS, Properties: {Queue: !Sub "arn:aws:sqs:eu-west-1:123456789012:${Name}"}}
"""


def test_functions_of_a_loop(tmp_path: Path) -> None:
    head = HEAD.replace("AWS::Serverless-2016-10-31", "[AWS::LanguageExtensions, AWS::Serverless-2016-10-31]")
    result = converted(tmp_path, head + RESOURCES + LOOP)

    assert [(item["function_name"], item["event_source_arn"][-7:]) for item in result.mappings] == [
        ("w-orders", ":orders"),
        ("w-returns", "returns"),
    ]


@pytest.mark.parametrize(
    ("location", "left_out"),
    [
        ("./apps/child.yaml", []),
        ("https://example.com/child.yaml", ["App"]),
        (
            "{ApplicationId: 'arn:aws:serverlessrepo:us-east-1:123456789012:applications/a', SemanticVersion: 1.0.0}",
            ["App"],
        ),
    ],
)
def test_an_application(tmp_path: Path, location: str, left_out: list[str]) -> None:
    app = f"  App: {{Type: AWS::Serverless::Application, Properties: {{Location: {location}, Parameters: {{Stage: test}}}}}}\n"
    child = template(SQS, "FunctionName: !Sub '${Stage}-child'")
    result: Result = converted(tmp_path, {"parent.yaml": HEAD + RESOURCES + app, "apps/child.yaml": child}, **HERE)

    assert [what for _, what, _ in result.left_out] == left_out
    assert [item["function_name"] for item in result.mappings] == ([] if left_out else ["test-child"])


def test_an_export_of_another_template_that_is_converted_too(tmp_path: Path) -> None:
    exporting = "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}}}\n"
    exporting += "Outputs: {Q: {Value: !GetAtt Q.Arn, Export: {Name: shared}}}\n"
    files = {"sam.yaml": template(event("SQS", "{Queue: !ImportValue shared}")), "plain.yaml": exporting}

    assert converted(tmp_path, files, *files, **HERE).mapping["event_source_arn"] == QUEUE


def test_many_events_with_one_that_is_refused(tmp_path: Path) -> None:
    good = [f"E{number}: {{Type: SQS, Properties: {{Queue: '{QUEUE}{number}'}}}}" for number in range(40)]
    result = converted(tmp_path, template("\n".join([*good, "Bad: {Type: SQS, Properties: {}}"])), **HERE)

    assert (len(result.mappings), [what for _, what, _ in result.left_out]) == (40, ["event Bad of Worker"])
