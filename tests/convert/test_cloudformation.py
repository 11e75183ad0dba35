"""CloudFormation templates: each shape of a value, a reference and a resource that their reference allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import workflow
from provisioner.convert.conversion import Options
from provisioner.errors import UsageError
from provisioner.manifest.load import load
from provisioner.manifest.variables import Inputs
from tests.convert.templates import converted

HERE = {"region": "eu-west-1", "account": "123456789012"}
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Name: {Type: String}
  Size: {Type: Number, Default: "9"}
  Amount: {Type: Number}
  Names: {Type: CommaDelimitedList, Default: "one, two"}
  Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /queue/arn}
  Secret: {Type: String, NoEcho: true, Default: hidden-value}
  QueueArn: {Type: String, Default: "arn:aws:sqs:eu-west-1:123456789012:given"}
Mappings:
  Sizes: {dev: {Batch: 5, Same: 7}, prod: {Batch: 50, Same: 7}}
  Regions: {eu-west-1: {Batch: 6, Same: 8}, us-east-1: {Batch: 60, Same: 8}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  IsEither: !Or [!Condition IsProd, !Equals [!Ref Stage, dev]]
  IsBoth: !And [!Condition IsProd, !Condition IsDev]
  IsNamed: !Equals [!Ref Name, ""]
  IsEurope: !Equals [!Ref AWS::Region, eu-west-1]
  IsSame: !Equals [!Ref Name, !Ref Name]
  IsHidden: !Equals [!Ref Secret, hidden-value]
  IsCircular: !Not [!Condition IsCircular]
Resources:
  Worker: {Type: AWS::Lambda::Function, Properties: {FunctionName: worker}}
  Other: {Type: AWS::Lambda::Function}
  Staged: {Type: AWS::Lambda::Function, Properties: {FunctionName: !Sub "${Stage}-worker"}}
  Live: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Worker, Name: live}}
  LiveByArn: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !GetAtt Other.Arn, Name: !Ref Stage}}
  Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Worker}}
  Orders: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}}
  Fifo: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${Stage}.fifo", FifoQueue: true}}
  AnyFifo: {Type: AWS::SQS::Queue, Properties: {FifoQueue: "true"}}
  AnyQueue: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
  Stream: {Type: AWS::Kinesis::Stream, Properties: {Name: clicks}}
  Consumer: {Type: AWS::Kinesis::StreamConsumer, Properties: {StreamARN: !GetAtt Stream.Arn}}
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: orders}}
  Cluster: {Type: AWS::MSK::Cluster}
  Serverless: {Type: AWS::MSK::ServerlessCluster}
  Broker: {Type: AWS::AmazonMQ::Broker}
  Documents: {Type: AWS::DocDB::DBCluster, Properties: {DBClusterIdentifier: Documents}}
  Media: {Type: AWS::S3::Bucket, Properties: {BucketName: media}}
  Bucket: {Type: AWS::S3::Bucket}
  Login: {Type: AWS::SecretsManager::Secret}
  Attached: {Type: AWS::SecretsManager::SecretTargetAttachment, Properties: {SecretId: !Ref Login}}
  Group: {Type: AWS::EC2::SecurityGroup}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: failures}}
  Stated: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Orders.Arn}}
  Selfish: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Selfish.QueueName}}
"""


def with_mapping(properties: str, **attributes: Any) -> str:
    """The template with a mapping; what it does not say is a function and a queue."""
    stated = {name: f"@{name}" for name in ()}
    text = "  Mapping:\n    Type: AWS::Lambda::EventSourceMapping\n"
    text += "".join(f"    {name}: {value}\n" for name, value in attributes.items()) + "    Properties:\n"
    given = dict(line.split(": ", 1) for line in properties.split("\n"))
    given = {"FunctionName": "!Ref Worker", "EventSourceArn": "!GetAtt Orders.Arn", **stated, **given}
    return TEMPLATE + text + "".join(f"      {name}: {value}\n" for name, value in given.items() if value)


def mapping_of(tmp_path: Path, properties: str, **options: Any) -> dict[str, Any]:
    result = converted(tmp_path, with_mapping(properties), **{**HERE, **options})
    assert result.left_out == []
    return result.mapping


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref Worker", "worker"),
        ("!GetAtt Worker.Arn", "worker"),
        ("{'Fn::GetAtt': [Worker, Arn]}", "worker"),
        ("!Sub '${Worker}'", "worker"),
        ("!Sub '${Worker.Arn}:blue'", "worker:blue"),
        ("!Join ['', [!GetAtt Worker.Arn, ':', blue]]", "worker:blue"),
        ("!Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:plain'", "plain"),
        ("!Sub 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:plain:live'", "plain:live"),
        ("plain", "plain"),
        ("!Ref Live", "worker:live"),
        ("!GetAtt Live.AliasArn", "worker:live"),
        ("!Ref LiveByArn", "${var.Other}:${var.Stage}"),
        ("!Ref Version", "worker:${var.VersionVersion}"),
        ("!Ref Other", "${var.Other}"),
        ("!GetAtt Other.Arn", "${var.Other}"),
        ("!Sub '${Stage}-orders'", "${var.Stage}-orders"),
        ("!Ref Staged", "${var.Stage}-worker"),
        ("!GetAtt Staged.Arn", "${var.Stage}-worker"),
        ("!Select [6, !Split [':', !GetAtt Worker.Arn]]", "worker"),
        ("!Select [1, !Split ['/', 'a/b/c']]", "b"),
        ("!Select ['1', [a, b]]", "b"),
        ("!Select [1, !Ref Names]", "${var.Names1}"),
        ("!Join ['-', [!Ref AWS::StackName, worker]]", "${var.stack_name}-worker"),
        ("!Sub ['${A}-${B}', {A: one, B: !Ref Name}]", "one-${var.Name}"),
        ("!ImportValue shared-worker", "${var.shared-worker}".replace("-", "_")),
        ("!ImportValue {'Fn::Sub': '${Name}-worker'}", "${var.Name_worker}"),
        ("'{{resolve:ssm:/worker/name}}'", "${var.worker_name}"),
        ("!FindInMap [Sizes, none, Batch, {DefaultValue: fallback}]", "fallback"),
    ],
)
@pytest.mark.parametrize("where", [HERE, {}], ids=["region known", "region not known"])
def test_a_function(tmp_path: Path, value: str, expected: str, where: dict[str, str]) -> None:
    result = converted(tmp_path, with_mapping(f"FunctionName: {value}"), **where)

    assert (result.mapping["function_name"], result.left_out) == (expected, [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!GetAtt Orders.Arn", QUEUE),
        ("!Sub '${Orders.Arn}'", QUEUE),
        (f"!Sub '{QUEUE}'", QUEUE),
        ("!Sub 'arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:orders'", QUEUE),
        ("!Sub 'arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Orders.QueueName}'", QUEUE),
        ("!GetAtt Stated.Value", QUEUE),
        ("!GetAtt Fifo.Arn", "arn:aws:sqs:eu-west-1:123456789012:${var.Stage}.fifo"),
        ("!GetAtt AnyQueue.Arn", "${var.AnyQueueArn}"),
        ("!GetAtt AnyFifo.Arn", "${var.AnyFifoArn}"),
        ("!Ref QueueArn", "${var.QueueArn}"),
        ("!Ref Stored", "${var.Stored}"),
        ("!Ref Name", "${var.Name}"),
        ("!GetAtt Selfish.Arn", "arn:aws:sqs:eu-west-1:123456789012:${var.Selfish}"),
        ("!GetAtt Absent.Arn", "${var.AbsentArn}"),
        ("!Ref Absent", "${var.Absent}"),
        ("!GetAtt Custom.QueueArn", "${var.CustomQueueArn}"),
        ("!If [IsProd, !GetAtt AnyQueue.Arn, !GetAtt Orders.Arn]", QUEUE),
        ("!If [IsNamed, !GetAtt AnyQueue.Arn, !GetAtt Orders.Arn]", "${var.MappingEventSourceArn}"),
        ("!If [IsNamed, !GetAtt Orders.Arn, !GetAtt Orders.Arn]", QUEUE),
        ("'{{resolve:ssm:/queues/orders:1}}'", "${var.queues_orders_1}"),
        ("!Transform {Name: Finder, Parameters: {a: b}}", "${var.MappingEventSourceArn}"),
    ],
)
def test_a_queue(tmp_path: Path, value: str, expected: str | None) -> None:
    result = converted(
        tmp_path, with_mapping(f"EventSourceArn: {value}\nScalingConfig: {{MaximumConcurrency: 5}}"), **HERE
    )

    assert [item["event_source_arn"] for item in result.mappings] == ([expected] if expected else [])
    assert bool(result.left_out) == (expected is None)


STREAM = "StartingPosition: LATEST\n"
ACCESS = "SourceAccessConfigurations: [{Type: BASIC_AUTH, URI: !Ref Attached}]\n"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (STREAM + "EventSourceArn: !GetAtt Stream.Arn", "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"),
        (STREAM + "EventSourceArn: !Ref Consumer", "${var.ConsumerConsumerARN}"),
        (STREAM + "EventSourceArn: !GetAtt Consumer.ConsumerARN", "${var.ConsumerConsumerARN}"),
        (STREAM + "EventSourceArn: !GetAtt Table.StreamArn", "${var.TableStreamArn}"),
        (STREAM + "Topics: [orders]\nEventSourceArn: !Ref Cluster", "${var.ClusterArn}"),
        (STREAM + "Topics: [orders]\nEventSourceArn: !GetAtt Cluster.Arn", "${var.ClusterArn}"),
        (STREAM + "Topics: [orders]\nEventSourceArn: !Ref Serverless", "${var.ServerlessArn}"),
        (ACCESS + "Queues: [orders]\nEventSourceArn: !GetAtt Broker.Arn", "${var.BrokerArn}"),
        (
            ACCESS + "DocumentDBEventSourceConfig: {DatabaseName: shop}\n"
            "EventSourceArn: !Sub 'arn:aws:rds:${AWS::Region}:${AWS::AccountId}:cluster:${Documents}'",
            "arn:aws:rds:eu-west-1:123456789012:cluster:documents",
        ),
    ],
)
def test_a_source_of_another_kind(tmp_path: Path, properties: str, expected: str) -> None:
    assert mapping_of(tmp_path, properties)["event_source_arn"] == expected


def test_the_kind_of_a_source_decides_what_is_a_default(tmp_path: Path) -> None:
    """A queue reads 10 messages, a stream 100 records: what AWS would choose anyway is not written."""
    queue = mapping_of(tmp_path, "EventSourceArn: !GetAtt AnyQueue.Arn\nBatchSize: 10")
    stream = mapping_of(tmp_path, "EventSourceArn: !GetAtt Table.StreamArn\nStartingPosition: LATEST\nBatchSize: 10")

    assert ("batch_size" in queue, stream["batch_size"]) == (False, 10)


@pytest.mark.parametrize(
    ("value", "expected", "default"),
    [
        ("5", 5, None),
        ("'5'", 5, None),
        ("!Ref Size", "${var.Size}", 9),
        ("!Ref Amount", "${var.Amount}", None),
        ("!FindInMap [Sizes, !Ref Stage, Batch]", 5, None),
        ("!FindInMap [Sizes, !Ref Stage, Same]", 7, None),
        ("!FindInMap [Sizes, !Ref Name, Same]", 7, None),
        ("!FindInMap [Sizes, !Ref Name, Batch]", "${var.SizesBatch}", None),
        ("!FindInMap [Regions, !Ref AWS::Region, Batch]", 6, None),
        ("!If [IsProd, 50, 5]", 5, None),
        ("!If [IsDev, 5, 50]", 5, None),
        ("!If [IsEither, 5, 50]", 5, None),
        ("!If [IsBoth, 50, 5]", 5, None),
        ("!If [IsEurope, 5, 50]", 5, None),
        ("!If [IsSame, 5, 50]", 5, None),
        ("!If [IsNamed, 5, 50]", "${var.MappingBatchSize}", None),
        ("!If [IsNamed, 5, 5]", 5, None),
        ("!If [IsProd, 50, !If [IsDev, 5, 500]]", 5, None),
        ("!Length [1, 2, 3]", 3, None),
        ("!If [IsProd, 50, !Ref AWS::NoValue]", None, None),
    ],
)
def test_a_number(tmp_path: Path, value: str, expected: object, default: object) -> None:
    result = converted(tmp_path, with_mapping(f"BatchSize: {value}"), **HERE)

    assert (result.mapping.get("batch_size"), result.left_out) == (expected, [])
    assert list(result.defaults.values()) == ([default] if str(expected).startswith("$") else [])


@pytest.mark.parametrize(("stage", "expected"), [("prod", 8), ("dev", 5)])
def test_a_parameter_that_is_given_decides(tmp_path: Path, stage: str, expected: int) -> None:
    properties = "BatchSize: !If [IsProd, 8, 5]\nFunctionName: !Ref Staged"
    result = converted(tmp_path, with_mapping(properties), **HERE, parameters={"Stage": stage})

    assert (result.mapping["batch_size"], result.mapping["function_name"]) == (expected, f"{stage}-worker")
    assert (result.variables, "by the default" in result.text) == ({}, False)


@pytest.mark.parametrize(
    ("value", "parameters", "expected"),
    [
        ("[!Ref Name]", {"Name": "orders"}, ["orders"]),
        ("!Ref Names", {}, "${var.Names}"),
        ("!Ref Names", {"Names": "orders"}, ["orders"]),
        ("!Split [',', !Ref Name]", {"Name": "orders"}, ["orders"]),
        ("!Split [',', !Ref Name]", {}, "${var.MappingTopics}"),
        ("[!If [IsProd, more, !Ref AWS::NoValue], orders]", {}, ["orders"]),
        ("[!Select [0, !Split ['.', 'orders.eu']]]", {}, ["orders"]),
    ],
)
def test_a_list(tmp_path: Path, value: str, parameters: dict[str, str], expected: object) -> None:
    properties = f"EventSourceArn: !Ref Cluster\nStartingPosition: LATEST\nTopics: {value}"

    assert mapping_of(tmp_path, properties, parameters=parameters)["topics"] == expected


def test_all_properties(tmp_path: Path) -> None:
    properties = """Enabled: "false"
StartingPosition: AT_TIMESTAMP
StartingPositionTimestamp: 1700000000
EventSourceArn: !GetAtt Stream.Arn
BatchSize: 200
MaximumBatchingWindowInSeconds: 5
TumblingWindowInSeconds: 30
BisectBatchOnFunctionError: yes
MaximumRecordAgeInSeconds: 3600
MaximumRetryAttempts: 3
FunctionResponseTypes: [ReportBatchItemFailures]
FilterCriteria: {Filters: [{Pattern: '{"data": {"paid": [true]}}'}, {Pattern: !Sub '{"data": {"stage": ["${Stage}"]}}'}]}
DestinationConfig: {OnFailure: {Destination: !Ref Topic}}
KmsKeyArn: arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555
MetricsConfig: {Metrics: [EventCount]}
Tags: [{Key: team, Value: shop}, {Key: stage, Value: !Ref Stage}]"""

    assert mapping_of(tmp_path, properties, parameters={"Stage": "dev"}) == {
        "function_name": "worker",
        "event_source_arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
        "starting_position": "AT_TIMESTAMP",
        "starting_position_timestamp": "2023-11-14T22:13:20Z",
        "enabled": False,
        "batch_size": 200,
        "maximum_batching_window_in_seconds": 5,
        "tumbling_window_in_seconds": 30,
        "bisect_batch_on_function_error": True,
        "maximum_record_age_in_seconds": 3600,
        "maximum_retry_attempts": 3,
        "function_response_types": ["ReportBatchItemFailures"],
        "filter_criteria": {
            "filter": [{"pattern": {"data": {"paid": [True]}}}, {"pattern": {"data": {"stage": ["dev"]}}}]
        },
        "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555",
        "destination_config": {"on_failure": {"destination_arn": "arn:aws:sns:eu-west-1:123456789012:failures"}},
        "metrics_config": {"metrics": ["EventCount"]},
        "tags": {"team": "shop", "stage": "dev"},
    }


def test_a_self_managed_cluster(tmp_path: Path) -> None:
    properties = """EventSourceArn:
SelfManagedEventSource: {Endpoints: {KafkaBootstrapServers: ["b1.example.com:9092", !Sub "${Name}:9092"]}}
Topics: [orders]
StartingPosition: TRIM_HORIZON
SelfManagedKafkaEventSourceConfig: {ConsumerGroupId: !Sub "${Stage}-orders"}
ProvisionedPollerConfig: {MinimumPollers: 2, MaximumPollers: 5}
LoggingConfig: {SystemLogLevel: DEBUG}
SourceAccessConfigurations: [{Type: BASIC_AUTH, URI: !Ref Login}, {Type: VPC_SECURITY_GROUP, URI: !GetAtt Group.GroupId}]"""
    result = converted(tmp_path, with_mapping(properties.replace("EventSourceArn:\n", "EventSourceArn: ''\n")), **HERE)

    assert result.left_out == []
    assert result.mapping["self_managed_event_source"] == {
        "endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1.example.com:9092", "${var.Name}:9092"]}
    }
    assert result.mapping["self_managed_kafka_event_source_config"] == {"consumer_group_id": "${var.Stage}-orders"}
    assert {item["uri"] for item in result.mapping["source_access_configuration"]} == {
        "${var.LoginArn}",
        "${var.GroupGroupId}",
    }


def test_an_attached_secret_is_the_secret(tmp_path: Path) -> None:
    properties = "EventSourceArn: !GetAtt Broker.Arn\nQueues: [orders]\n" + ACCESS.strip()

    assert mapping_of(tmp_path, properties)["source_access_configuration"] == [
        {"type": "BASIC_AUTH", "uri": "${var.LoginArn}"}
    ]


# --- what cannot be known --------------------------------------------------------------------------------------------


def test_one_unknown_value_is_one_variable(tmp_path: Path) -> None:
    text = with_mapping("FunctionName: !GetAtt Other.Arn\nEventSourceArn: !GetAtt Orders.Arn")
    text += "  Second:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:\n"
    text += "      FunctionName: !Ref Other\n      EventSourceArn: !GetAtt Stream.Arn\n      StartingPosition: LATEST\n"
    result = converted(tmp_path, text)

    assert {item["function_name"] for item in result.mappings} == {"${var.Other}"}
    assert set(result.variables) == {"Other", "partition", "region", "account"}
    assert set(result.defaults.values()) == {None}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "arn:${var.partition}:sqs:${var.region}:${var.account}:orders"),
        ({"region": "cn-north-1"}, "arn:aws-cn:sqs:cn-north-1:${var.account}:orders"),
        ({"account": "123456789012"}, "arn:${var.partition}:sqs:${var.region}:123456789012:orders"),
    ],
)
def test_the_place_of_a_stack(tmp_path: Path, options: dict[str, str], expected: str) -> None:
    assert converted(tmp_path, with_mapping("BatchSize: 5"), **options).mapping["event_source_arn"] == expected


def test_the_region_of_a_stack_is_one_variable(tmp_path: Path) -> None:
    """Also where another mapping of the file states a region."""
    stated = QUEUE.replace("orders", "returns")
    more = f"  Second: {{Type: AWS::Lambda::EventSourceMapping, Properties: {{FunctionName: second, EventSourceArn: '{stated}'}}}}\n"
    result = converted(tmp_path, with_mapping("BatchSize: 5") + more)

    assert {item.get("region") for item in result.mappings} == {None, "${var.region}"}
    assert set(result.variables) == {"partition", "region", "account"}


def test_the_name_of_a_stack_may_be_given(tmp_path: Path) -> None:
    text = with_mapping("FunctionName: !Sub '${AWS::StackName}-worker'")
    result = converted(tmp_path, text, **HERE, parameters={"AWS::StackName": "shop"})

    assert (result.mapping["function_name"], result.variables) == ("shop-worker", {})


def test_the_environment_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "ap-south-2")

    assert "ap-south-2" not in converted(tmp_path, with_mapping("BatchSize: 5")).text


def test_variables_say_where_they_come_from(tmp_path: Path) -> None:
    properties = "FunctionName: !Ref Name\nEventSourceArn: !Ref Stored\nBatchSize: !Ref Size"
    variables = converted(tmp_path, with_mapping(properties), **HERE).variables
    place = tmp_path / "template.yaml"

    assert variables == {
        "Name": {"type": "string", "description": f"the parameter Name in {place}:4"},
        "Stored": {
            "type": "string",
            "description": f"the parameter Stored in {place}:9: the value of the SSM parameter /queue/arn",
        },
        "Size": {"type": "number", "default": 9, "description": f"the parameter Size in {place}:5"},
    }


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("!Select [1, !Ref Subnets]", "item 1 of the parameter Subnets in {0}:10"),
        (
            "!Select [6, !Split [':', !ImportValue worker]]",
            'item 6 of the value that another stack exports as worker ({0}:8), split by ":" ({0}:8)',
        ),
        ("!Ref Bucket", "the name of Bucket (AWS::S3::Bucket) in {0}:3"),
        ("!Ref Api", "the name or id of Api (AWS::ApiGateway::RestApi) in {0}:4"),
        ("!GetAtt Child.Outputs.Name", "the output Name of Child (AWS::CloudFormation::Stack) in {0}:5"),
    ],
)
def test_the_origin_of_a_part_and_of_a_generated_name(tmp_path: Path, value: str, origin: str) -> None:
    text = f"""
Resources:
  Bucket: {{Type: AWS::S3::Bucket}}
  Api: {{Type: AWS::ApiGateway::RestApi}}
  Child: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: "https://example.com/child.yaml"}}}}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {{EventSourceArn: {QUEUE}, FunctionName: {value}}}
Parameters:
  Subnets: {{Type: CommaDelimitedList}}
"""
    [variable] = converted(tmp_path, text, **HERE).variables.values()

    assert variable["description"] == origin.format(tmp_path / "template.yaml")


def test_the_name_of_an_ssm_parameter_is_never_its_value(tmp_path: Path) -> None:
    text = with_mapping("EventSourceArn: !Ref Stored")
    result = converted(tmp_path, text, **HERE, parameters={"Stored": "/other/name"})

    assert (result.mapping["event_source_arn"], result.defaults) == ("${var.Stored}", {"Stored": None})
    assert "/other/name" in result.variables["Stored"]["description"]


@pytest.mark.parametrize("parameters", [{}, {"Secret": "hidden-value"}])
def test_a_secret_value_is_not_printed(tmp_path: Path, parameters: dict[str, str]) -> None:
    text = with_mapping("FunctionName: !Ref Secret\nBatchSize: !If [IsHidden, 5, 50]")
    result = converted(tmp_path, text, **HERE, parameters=parameters)

    assert (result.mapping["batch_size"], result.mapping["function_name"]) == (5, "${var.Secret}")
    assert "hidden-value" not in result.text


@pytest.mark.parametrize(
    ("default", "expected"), [("true", True), ('"True"', True), ("no", False), ("maybe", None), ('""', None)]
)
def test_the_default_of_a_variable_has_the_type_of_the_field(tmp_path: Path, default: str, expected: object) -> None:
    text = with_mapping("Enabled: !Ref Stage").replace("Default: dev", f"Default: {default}")

    assert converted(tmp_path, text, **HERE).variables["Stage"].get("default") == expected


def test_tags_that_depend_on_an_unknown_value_are_a_map(tmp_path: Path) -> None:
    result = converted(
        tmp_path, with_mapping("Tags: !If [IsNamed, [{Key: a, Value: b}], [{Key: a, Value: c}]]"), **HERE
    )

    assert [item["type"] for item in result.variables.values()] == ["map"]


def test_what_a_default_has_decided_is_said(tmp_path: Path) -> None:
    text = converted(tmp_path, with_mapping("BatchSize: !If [IsProd, 50, 5]"), **HERE).text

    assert '# decided by the default of the parameter Stage, "dev"; pass --param Stage=VALUE for another' in text


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ("BatchSize: !If [IsNamed, 5, !Ref AWS::NoValue]", "whether it has a value depends on the condition IsNamed"),
        ("BatchSize: !If [Absent, 5, !Ref AWS::NoValue]", "whether it has a value depends on the condition Absent"),
        ("BatchSize: !If [IsCircular, 5, !Ref AWS::NoValue]", "whether it has a value"),
        ("BatchSize: !If [IsProd, 5]", "one of its functions has the wrong arguments"),
        ("BatchSize: !Select [5, [1]]", "Fn::Select: the list has no item 5"),
        ("BatchSize: !FindInMap [Sizes, test, Batch]", "the map Sizes has no test.Batch"),
        ("BatchSize: many", '"many" is not a whole number'),
        ("Batches: 5", "it is not a field of an event source mapping"),
    ],
)
def test_a_property_that_cannot_be_read_is_named(tmp_path: Path, properties: str, why: str) -> None:
    result = converted(tmp_path, with_mapping(properties), **HERE)
    ((_, what, said),) = result.left_out

    assert what == f"{properties.partition(':')[0]} of Mapping"
    assert said.startswith(why)
    # Nothing is done to a field whose value is not known.
    expected = {"lifecycle": {"ignore_changes": ["batch_size"]}} if what.startswith("BatchSize") else {}
    assert result.mapping == {"function_name": "worker", "event_source_arn": QUEUE, **expected}


@pytest.mark.parametrize(
    ("condition", "parameters", "count", "why"),
    [
        ("IsDev", {}, 1, ""),
        ("IsProd", {"Stage": "prod"}, 1, ""),
        ("IsProd", {"Stage": "dev"}, 0, ""),
        ("IsProd", {}, 0, "its condition IsProd does not hold with the default of Stage; pass --param NAME=VALUE"),
        ("IsNamed", {}, 0, "whether it exists depends on the condition IsNamed, which cannot be decided"),
        ("Absent", {}, 0, "whether it exists depends on the condition Absent, which cannot be decided"),
    ],
)
def test_a_mapping_with_a_condition(
    tmp_path: Path, condition: str, parameters: dict[str, str], count: int, why: str
) -> None:
    result = converted(tmp_path, with_mapping("BatchSize: 5", Condition=condition), **HERE, parameters=parameters)

    assert len(result.mappings) == count
    assert [item[2].startswith(why) for item in result.left_out] == [True] * bool(why)


# --- buckets ---------------------------------------------------------------------------------------------------------

ENTRIES = """
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "uploads-${Stage}"
      NotificationConfiguration:
        TopicConfigurations: [{Event: "s3:ObjectCreated:*", Topic: !Ref Topic}]
        LambdaConfigurations:
          - {Event: "s3:ObjectCreated:*", Function: !GetAtt Worker.Arn}
          - Event: s3:ObjectRemoved:*
            Function: !Ref Live
            Filter: {S3Key: {Rules: [{Name: Prefix, Value: in/}, {Name: suffix, Value: 2024}]}}
          - !If [IsProd, {Event: "s3:ObjectTagging:*", Function: !GetAtt Worker.Arn}, !Ref AWS::NoValue]
"""


def test_the_entries_of_a_bucket(tmp_path: Path) -> None:
    result = converted(tmp_path, TEMPLATE + ENTRIES, **HERE)
    source = "arn:aws:s3:::uploads-${var.Stage}"

    assert [what for _, what, _ in result.left_out] == ["entry 2 of Uploads"]  # with the default of Stage
    assert sorted(result.mappings, key=lambda item: item["function_name"]) == [
        {"function_name": "worker", "event_source_arn": source, "events": ["s3:ObjectCreated:*"]},
        {
            "function_name": "worker:live",
            "event_source_arn": source,
            "events": ["s3:ObjectRemoved:*"],
            "filter_prefix": "in/",
            "filter_suffix": "2024",
        },
    ]


@pytest.mark.parametrize(
    ("notifications", "what"),
    [
        ("!If [IsOn, {LambdaConfigurations: [ENTRY]}, !Ref AWS::NoValue]", "Own"),
        ("{LambdaConfigurations: !If [IsOn, [ENTRY], !Ref AWS::NoValue]}", "Own"),
        ("{LambdaConfigurations: [!If [IsOn, ENTRY, !Ref AWS::NoValue]]}", "entry 0 of Own"),
    ],
)
def test_an_entry_that_is_absent_by_default_is_named(tmp_path: Path, notifications: str, what: str) -> None:
    stated = notifications.replace("ENTRY", "{Event: 's3:ObjectCreated:*', Function: worker}")
    text = f"""
Parameters: {{On: {{Type: String, Default: no}}}}
Conditions: {{IsOn: !Equals [!Ref On, "yes"]}}
Resources: {{Own: {{Type: AWS::S3::Bucket, Properties: {{NotificationConfiguration: {stated}}}}}}}
"""
    [(_, named, why)] = converted(tmp_path, text).left_out

    assert (named, why.partition(" with ")[2]) == (what, "the default of On; pass --param NAME=VALUE")
    assert len(converted(tmp_path, text, parameters={"On": "yes"}).mappings) == 1
    assert converted(tmp_path, text, parameters={"On": "no"}).left_out == []


@pytest.mark.parametrize(
    ("filter_", "why"),
    [
        ("!If [IsNamed, {S3Key: {Rules: []}}, !Ref AWS::NoValue]", "whether it has a value depends on"),
        ("!ImportValue rules", "its filter is not known"),
        ("{S3Key: {Rules: [{Name: middle, Value: a}]}}", "a rule of its filter has the name 'middle'"),
        ("5", "its filter is not known"),
        ("{S3Key: 5}", "its filter is not known"),
    ],
)
def test_an_entry_without_its_filter_is_left_out(tmp_path: Path, filter_: str, why: str) -> None:
    text = ENTRIES.replace("{S3Key: {Rules: [{Name: Prefix, Value: in/}, {Name: suffix, Value: 2024}]}}", filter_)
    result = converted(tmp_path, TEMPLATE + text, **HERE, parameters={"Stage": "dev"})

    assert [item["function_name"] for item in result.mappings] == ["worker"]
    assert [(what, said.startswith(why)) for _, what, said in result.left_out] == [("entry 1 of Uploads", True)]


# --- templates of the CDK --------------------------------------------------------------------------------------------


def cdk(**resources: Any) -> str:
    made = {
        "OrdersQueue4C1E2F3A": {"Type": "AWS::SQS::Queue", "Metadata": {"aws:cdk:path": "S/OrdersQueue/Resource"}},
        "Worker12345678": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {}}},
        "WorkerAliaslive9ABCDEF0": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {"FunctionName": {"Ref": "Worker12345678"}, "Name": "live"},
        },
        "Media11223344": {"Type": "AWS::S3::Bucket"},
    }
    return json.dumps({"Resources": made | resources}, indent=1)


def test_names_of_the_cdk_have_no_hashes(tmp_path: Path) -> None:
    properties = {
        "EventSourceArn": {"Fn::GetAtt": ["OrdersQueue4C1E2F3A", "Arn"]},
        "FunctionName": {"Ref": "WorkerAliaslive9ABCDEF0"},
    }
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}
    text = cdk(WorkerSqsEventSourceShopOrdersQueue00112233=mapping)
    result = converted(tmp_path, {"Shop.template.json": text})

    assert result.manifest["mappings"] == {
        "Worker-live-OrdersQueueArn": {
            "function_name": "${var.Worker}:live",
            "event_source_arn": "${var.OrdersQueueArn}",
        }
    }


@pytest.mark.parametrize(
    ("managed", "bucket", "source", "imports"),
    [
        (True, "media", "arn:aws:s3:::media", ["s3:media/images"]),
        ("true", "media", "arn:aws:s3:::media", ["s3:media/images"]),
        (False, "media", "arn:aws:s3:::media", None),
        (True, {"Ref": "Media11223344"}, "${var.MediaArn}", None),
        (True, {"Ref": "Given"}, "arn:aws:s3:::${var.Given}", None),
    ],
)
def test_the_notifications_of_the_cdk(
    tmp_path: Path, managed: Any, bucket: Any, source: str, imports: list[str] | None
) -> None:
    entry = {
        "Id": "images",
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".png"}]}},
        "LambdaFunctionArn": {"Fn::GetAtt": ["Worker12345678", "Arn"]},
    }
    properties = {
        "ServiceToken": {"Fn::GetAtt": ["Handler", "Arn"]},
        "BucketName": bucket,
        "NotificationConfiguration": {"LambdaFunctionConfigurations": [entry]},
        "Managed": managed,
    }
    text = cdk(MediaNotifications55667788={"Type": "Custom::S3BucketNotifications", "Properties": properties})
    text = text.replace('"Resources"', '"Parameters": {"Given": {"Type": "String"}}, "Resources"')
    result = converted(tmp_path, {"Shop.template.json": text}, **HERE)

    assert (result.left_out, result.mapping["event_source_arn"]) == ([], source)
    assert (result.mapping["filter_suffix"], result.mapping["events"]) == (".png", ["s3:ObjectCreated:*"])
    assert [item["id"] for item in result.manifest.get("imports", [])] == (imports or [])


# --- several templates -----------------------------------------------------------------------------------------------

EXPORTING = """
Resources: {Orders: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}}}
Outputs:
  Arn: {Value: !GetAtt Orders.Arn, Export: {Name: shared-queue}}
  None: {Value: 5}
"""
IMPORTING = """
Resources:
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: worker, EventSourceArn: !ImportValue shared-queue}
"""


def test_an_export_of_a_file_that_is_converted_too_is_known(tmp_path: Path) -> None:
    files = {"importing.yaml": IMPORTING, "exporting.yaml": EXPORTING}

    assert converted(tmp_path, files, *files, **HERE).mapping["event_source_arn"] == QUEUE
    assert converted(tmp_path, files, **HERE).mapping["event_source_arn"] == "${var.shared_queue}"


CHILD = """
Parameters:
  Queue: {Type: String}
  Size: {Type: Number, Default: 7}
Resources:
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: worker, EventSourceArn: !Ref Queue, BatchSize: !Ref Size}
  Inner: {Type: AWS::SQS::Queue}
Outputs:
  Name: {Value: !Sub "${Queue}"}
"""
PARENT = """
Parameters:
  Queue: {Type: String, Default: of-the-parent}
Resources:
  Orders: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}}
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: ./nested/child.yaml, Parameters: {Queue: !GetAtt Orders.Arn}}
  Second:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: second, EventSourceArn: !GetAtt Child.Outputs.Name}
"""


def test_a_nested_stack_is_read(tmp_path: Path) -> None:
    result = converted(tmp_path, {"parent.yaml": PARENT, "nested/child.yaml": CHILD}, **HERE)

    assert (result.left_out, result.variables) == ([], {})
    assert sorted(result.mappings, key=str) == [
        {"function_name": "second", "event_source_arn": QUEUE},
        {"function_name": "worker", "event_source_arn": QUEUE, "batch_size": 7},
    ]


def test_the_name_of_an_ssm_parameter_that_a_nested_stack_gets_is_never_its_value(tmp_path: Path) -> None:
    child = CHILD.replace(
        "Queue: {Type: String}", "Queue: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /none}"
    )
    parent = PARENT.replace("Queue: !GetAtt Orders.Arn", "Queue: /shop/queue")
    result = converted(tmp_path, {"parent.yaml": parent, "nested/child.yaml": child}, **HERE)

    assert {item["event_source_arn"] for item in result.mappings} == {"${var.Queue}"}
    assert result.variables["Queue"]["description"].endswith(": the value of the SSM parameter /shop/queue")


@pytest.mark.parametrize(
    "location",
    ["https://example.com/child.yaml", "../outside.yaml", "absent.yaml", "broken.yaml", "link.yaml", "5", "!Ref Queue"],
)
def test_a_nested_stack_that_cannot_be_read_is_named(tmp_path: Path, location: str) -> None:
    (tmp_path / "outside.yaml").write_text(CHILD)
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    files = {"parent.yaml": PARENT.replace("./nested/child.yaml", location), "broken.yaml": "[1"}
    result = converted(folder, files, **HERE)

    assert [(line, what) for line, what, _ in result.left_out] == [(6, "Child")]
    assert result.mapping["event_source_arn"] == "${var.ChildName}"


def test_a_template_that_nests_itself_ends(tmp_path: Path) -> None:
    result = converted(tmp_path, PARENT.replace("./nested/child.yaml", "template.yaml"), **HERE)

    assert [what for _, what, _ in result.left_out] == ["Child"]


def test_a_nested_stack_of_the_cdk(tmp_path: Path) -> None:
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "TemplateURL": {"Fn::Join": ["", ["https://s3.", {"Ref": "AWS::URLSuffix"}, "/assets/1.json"]]},
            "Parameters": {"Queue": QUEUE},
        },
        "Metadata": {"aws:asset:path": "ShopNested.nested.template.json"},
    }
    files = {
        "Shop.template.json": cdk(Nested12345678=nested),
        "ShopNested.nested.template.json": json.dumps(
            yaml.safe_load(
                CHILD.replace("!Ref Queue", "{Ref: Queue}")
                .replace("!Ref Size", "{Ref: Size}")
                .replace('!Sub "${Queue}"', "{Ref: Queue}")
            )
        ),
    }

    assert converted(tmp_path, files, **HERE).mapping["event_source_arn"] == QUEUE


# --- macros ----------------------------------------------------------------------------------------------------------

LOOPS = """
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: "orders, returns"}, Open: {Type: CommaDelimitedList}}
Resources:
  Fn::ForEach::Queues:
    - Name
    - %s
    - "Queue&{Name}": {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "q-${Name}"}}
      "Mapping${Name}":
        Type: AWS::Lambda::EventSourceMapping
        Properties:
          FunctionName: !Ref Name
          EventSourceArn: !GetAtt ["Queue${Name}", Arn]
"""


@pytest.mark.parametrize("listed", ["[orders, returns]", "!Ref Names", "!Split [',', 'orders,returns']"])
def test_a_loop_is_written_out(tmp_path: Path, listed: str) -> None:
    own = (
        f"  Own: {{Type: AWS::Lambda::EventSourceMapping, Properties: {{FunctionName: z, EventSourceArn: {QUEUE}}}}}\n"
    )
    result = converted(tmp_path, LOOPS % listed + own, **HERE)

    assert result.text.count("by the default of the parameter Names") == (2 if listed == "!Ref Names" else 0)
    assert [(item["function_name"], item["event_source_arn"]) for item in result.mappings] == [
        *((name, f"arn:aws:sqs:eu-west-1:123456789012:q-{name}") for name in ("orders", "returns")),
        ("z", QUEUE),
    ]


@pytest.mark.parametrize("listed", ["!Ref Open", "!ImportValue names", "5", "{a: b}", "[{a: b}]"])
def test_a_loop_over_an_unknown_list_is_named(tmp_path: Path, listed: str) -> None:
    result = converted(tmp_path, LOOPS % listed, **HERE)

    assert (result.mappings, [what for _, what, _ in result.left_out]) == ([], ["Fn::ForEach::Queues"])


SNIPPET = f"{{FunctionName: worker, EventSourceArn: {QUEUE}}}"
INCLUDING = """
Resources:
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: LOCATION}}
      BatchSize: 5
"""


def test_an_include_is_read(tmp_path: Path) -> None:
    files = {"template.yaml": INCLUDING.replace("LOCATION", "parts/mapping.yaml"), "parts/mapping.yaml": SNIPPET}

    assert converted(tmp_path, files).mapping == {
        "function_name": "worker",
        "event_source_arn": QUEUE,
        "batch_size": 5,
    }


def test_a_template_that_includes_itself_ends(tmp_path: Path) -> None:
    text = INCLUDING.replace("LOCATION", "template.yaml")

    assert converted(tmp_path, text).mappings == []


@pytest.mark.parametrize(
    ("transform", "left_out"),
    [
        ("[AWS::LanguageExtensions, {Name: AWS::Include, Parameters: {Location: more.yaml}}]", []),
        ("{Name: AWS::Include, Parameters: {Location: 's3://bucket/more.yaml'}}", ["the macro AWS::Include"]),
        ("[AWS::LanguageExtensions, Finder]", ["the macro Finder"]),
    ],
)
def test_the_macros_of_a_whole_template(tmp_path: Path, transform: str, left_out: list[str]) -> None:
    more = f"Resources: {{More: {{Type: 'AWS::Lambda::EventSourceMapping', Properties: {SNIPPET}}}}}"
    text = f"Transform: {transform}\nResources: {{Any: {{Type: AWS::SQS::Queue}}}}\n"
    result = converted(tmp_path, {"template.yaml": text, "more.yaml": more})

    assert (len(result.mappings), [what for _, what, _ in result.left_out]) == (1 - len(left_out), left_out)


# --- what is left out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "service"),
    [
        ("{Type: AWS::SNS::Subscription, Properties: {Protocol: lambda, Endpoint: !GetAtt Worker.Arn}}", "SNS"),
        ("{Type: AWS::SNS::Topic, Properties: {Subscription: [{Protocol: lambda, Endpoint: !Ref Live}]}}", "SNS"),
        ("{Type: AWS::Events::Rule, Properties: {Targets: [{Id: a, Arn: !GetAtt Worker.Arn}]}}", "EventBridge"),
        ("{Type: AWS::Scheduler::Schedule, Properties: {Target: {Arn: !GetAtt Worker.Arn}}}", "EventBridge Scheduler"),
        (
            "{Type: AWS::Logs::SubscriptionFilter, Properties: {DestinationArn: !Sub '${Worker.Arn}'}}",
            "CloudWatch Logs",
        ),
        ("{Type: AWS::SNS::Subscription, Properties: {Protocol: sqs, Endpoint: !GetAtt Orders.Arn}}", ""),
        ("{Type: AWS::SNS::Topic, Properties: {TopicName: failures}}", ""),
        ("{Type: AWS::SNS::Subscription, Properties: {Protocol: lambda, Endpoint: !Ref Name}}", "SNS"),
        ("{Type: AWS::Events::Rule, Properties: {Targets: [{Arn: !GetAtt Orders.Arn, RoleArn: !Ref LambdaRole}]}}", ""),
        ("{Type: AWS::Events::Rule, Properties: {Targets: [{Arn: !ImportValue shared-function}]}}", "EventBridge"),
        ("{Type: AWS::Events::Rule, Properties: {Targets: 5}}", ""),
        ("{Type: AWS::Events::Rule, Properties: {Targets: [{Id: a, Arn: !GetAtt Orders.Arn}]}}", ""),
        ("{Type: AWS::Logs::SubscriptionFilter, Properties: {DestinationArn: !GetAtt Stream.Arn}}", ""),
        ("{Type: AWS::ApiGateway::RestApi, Properties: {Name: api}}", ""),
        ("{Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Worker}}", ""),
    ],
)
def test_what_invokes_functions_otherwise_is_named(tmp_path: Path, resource: str, service: str) -> None:
    result = converted(tmp_path, f"{TEMPLATE}  Added: {resource}\n")
    line = TEMPLATE.count("\n") + 1

    assert result.left_out == [(line, "Added", f"{service} as a source is not supported yet")] * bool(service)


# --- texts of templates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "---\n" + text + "...\n",
        lambda text: "# a comment\n\n" + text,
    ],
    ids=["byte order mark", "CRLF", "document markers", "comment"],
)
def test_spellings_of_a_file(tmp_path: Path, change: Any) -> None:
    assert converted(tmp_path, change(with_mapping("BatchSize: 5")), **HERE).mapping["batch_size"] == 5


def test_a_template_in_json(tmp_path: Path) -> None:
    resource = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": "f", "EventSourceArn": QUEUE}}
    result = converted(tmp_path, {"template.json": json.dumps({"Resources": {"Mapping": resource}}, indent=2)})

    assert result.mapping == {"function_name": "f", "event_source_arn": QUEUE}


def test_references_of_a_template_are_no_variables(tmp_path: Path) -> None:
    pattern = """FilterCriteria: {Filters: [{Pattern: '{"body": {"a": ["${Stage}"]}}'}, {Pattern: !Sub '{"b": ["${!C}"]}'}]}"""
    result = converted(tmp_path, with_mapping(pattern), **HERE)

    assert [item["pattern"] for item in result.mapping["filter_criteria"]["filter"]] == [
        {"b": ["$${C}"]},
        {"body": {"a": ["$${Stage}"]}},
    ]


def test_the_manifest_with_values(tmp_path: Path) -> None:
    """Given the values that the stack has, the manifest says what the stack has."""
    properties = "FunctionName: !Ref Staged\nBatchSize: !Ref Amount\nEnabled: !Ref Name"
    result = converted(tmp_path, with_mapping(properties))
    file = tmp_path / "made" / "provisioner.yaml"
    values = ("Stage=prod", "Amount=7", "Name=false", "partition=aws", "region=eu-west-1", "account=123456789012")
    (wanted,) = load(file, inputs=Inputs(texts=values)).manifest.mappings.values()

    assert wanted.mapping == {
        "function_name": "prod-worker",
        "event_source_arn": QUEUE,
        "batch_size": 7,
        "enabled": False,
    }
    assert result.variables["Name"]["type"] == "boolean"


@pytest.mark.parametrize(
    "text",
    [
        "Resources: {a: {Type: AWS::SQS::Queue}\n",
        '{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {',
        "\ud800"[:0],
    ],
)
def test_a_file_that_is_no_template(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        converted(tmp_path, text)


def chain(length: int) -> str:
    """Queues of which each is called as the next one, twice."""
    lines = [
        f'  Q{n}: {{Type: AWS::SQS::Queue, Properties: {{QueueName: !Sub "${{Q{n + 1}.QueueName}}${{Q{n + 1}.QueueName}}"}}}}'
        for n in range(length)
    ]
    last = f"  Q{length}: {{Type: AWS::SQS::Queue, Properties: {{QueueName: q}}}}"
    return "Resources:\n" + "\n".join([*lines, last])


@pytest.mark.parametrize("length", [3, 10, 400])
def test_names_that_refer_to_one_another_for_long_end(tmp_path: Path, length: int) -> None:
    mapping = "\n  Mapping:\n    Type: AWS::Lambda::EventSourceMapping\n"
    mapping += "    Properties: {FunctionName: f, EventSourceArn: !GetAtt Q0.Arn}"
    result = converted(tmp_path, chain(length) + mapping, **HERE)

    assert len(result.mappings) + len(result.left_out) >= 1


def test_a_parameter_that_no_template_has_is_named(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("AWSTemplateFormatVersion: '2010-09-09'\nParameters: {Batch: {Type: Number}}\nResources: {}\n")

    made = workflow.convert([path], Options({"Typo": "1", "Batch": "2"}))

    assert made.notes == ("--param Typo: nothing that was converted has a parameter of this name",)
