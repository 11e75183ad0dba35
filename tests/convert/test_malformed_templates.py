"""No template makes the conversion fail otherwise than with an error of ours: values of good templates are replaced by others."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.convert.conversion import Options
from provisioner.convert.documents import documents
from provisioner.errors import ProvisionerError
from tests.convert.test_cloudformation import ENTRIES, LOOPS, PARENT, cdk, with_mapping
from tests.convert.test_sam import template
from tests.support import ALL

GARBAGE: list[Any] = [
    *(None, 5, -1.5, True, "x", "", "a:b/c", "${Stage}", [], [1], ["x"], [[]], {}, {"a": 1}),
    *({"Ref": "Absent"}, {"Ref": "Stage"}, {"Ref": "AWS::NoValue"}, {"Ref": {"Ref": "Stage"}}, {"Ref": "Worker"}),
    *({"Fn::If": 5}, {"Fn::If": ["IsProd", "a", {"Ref": "AWS::NoValue"}]}, {"Fn::If": [[], {}, 5]}),
    *({"Fn::GetAtt": 5}, {"Fn::GetAtt": "Worker"}, {"Fn::GetAtt": [[], 5]}, {"Fn::GetAtt": ["Worker", "Arn"]}),
    *({"Fn::Sub": 5}, {"Fn::Sub": ["${A}${B", {"A": []}]}, {"Fn::Sub": "${Stage}${Worker.Arn}${}${!}"}),
    *(
        {"Fn::Join": [5, 5]},
        {"Fn::Join": [",", [[], {}]]},
        {"Fn::Select": ["x", []]},
        {"Fn::Select": [0, {"Ref": "Names"}]},
    ),
    *({"Fn::Split": ["", "a"]}, {"Fn::Split": [",", {"Ref": "Names"}]}, {"Fn::FindInMap": ["Sizes", [], {}]}),
    *({"Fn::ImportValue": []}, {"Fn::Transform": 5}, {"Fn::ForEach::A": 5}, {"Fn::Length": 5}, {"Fn::Base64": {}}),
    *({"Condition": "IsProd"}, {"Fn::Not": 5}, {"Fn::Equals": [1]}, "{{resolve:ssm:}}", "{{resolve:x:y}}z", 10**400),
]
SAM = template(
    """Queue: {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn, BatchSize: 5}}
Upload: {Type: S3, Properties: {Bucket: !Ref Media, Events: ['s3:ObjectCreated:*'], Filter: {S3Key: {Rules: []}}}}
Topic: {Type: SNS, Properties: {Topic: !Ref FifoTopic, SqsSubscription: {QueueArn: a, QueueUrl: b}}}
Kafka: {Type: MSK, Properties: {Stream: !Ref Cluster, Topics: [a], DestinationConfig: {OnFailure: {Type: SQS}}}}""",
    "AutoPublishAlias: !Ref Stage\n      FunctionName: !Sub '${Stage}-worker'",
)
CDK = cdk(
    Rule={"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"Arn": {"Fn::GetAtt": ["Worker12345678", "Arn"]}}]}},
    Notifications={
        "Type": "Custom::S3BucketNotifications",
        "Properties": {
            "BucketName": {"Ref": "Media11223344"},
            "NotificationConfiguration": {
                "LambdaFunctionConfigurations": [
                    {
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".png"}]}},
                        "LambdaFunctionArn": {"Fn::GetAtt": ["Worker12345678", "Arn"]},
                    }
                ]
            },
        },
    },
)
MAPPING = (
    "FunctionName: !Ref LiveByArn\nEventSourceArn: !If [IsBoth, !GetAtt Fifo.Arn, !ImportValue a]\nBatchSize: !Ref Size"
)
MAPPING += (
    "\nTopics: [!Select [0, !Ref Names]]\nFilterCriteria: {Filters: [{Pattern: '{}'}]}\nTags: [{Key: a, Value: b}]"
)
TEMPLATES = {
    "cloudformation": with_mapping(MAPPING, Condition="IsDev") + ENTRIES,
    "cdk": CDK,
    "sam": SAM,
    "nested": PARENT,
    "loop": LOOPS % "!Ref Names",
}


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from paths(item, (*path, step))


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_malformed_value(tmp_path: Path, name: str) -> None:
    (whole,) = documents(TEMPLATES[name], "")
    plain = whole.plain()
    file = tmp_path / "template.json"
    cases = [(path, value) for path in paths(plain) for value in GARBAGE]
    most = 10 if name == "sam" else 150  # SAM's translator is slow
    for path, value in cases if ALL else cases[:: len(cases) // most]:
        changed = copy.deepcopy(plain)
        parent = changed
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = value
        file.write_text(json.dumps(changed))
        try:
            made = workflow.convert([file], Options())
        except ProvisionerError:
            continue
        assert made.named or made.left_out or made.text


DEEP = {
    "Fn::Base64": lambda inner: {"Fn::Base64": inner},
    "Fn::Join": lambda inner: {"Fn::Join": ["", [inner]]},
    "Fn::If": lambda inner: {"Fn::If": ["IsAny", inner, inner]},
    "Fn::Sub": lambda inner: {"Fn::Sub": ["${A}", {"A": inner}]},
    "map": lambda inner: {"a": inner},
}


@pytest.mark.parametrize("name", DEEP)
def test_values_that_are_nested_deeply(tmp_path: Path, name: str) -> None:
    value: Any = "a"
    for _ in range({"Fn::If": 8, "Fn::Join": 29, "Fn::Sub": 29}.get(name, 90)):
        value = DEEP[name](value)
    condition: Any = {"Fn::Equals": ["a", {"Ref": "AWS::Region"}]}
    for _ in range(45):
        condition = {"Fn::Not": [condition]} if name == "map" else condition
    mapping = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {"FunctionName": value, "EventSourceArn": value},
    }
    file = tmp_path / "template.json"
    file.write_text(json.dumps({"Resources": {"Mapping": mapping}, "Conditions": {"IsAny": condition}}))

    assert workflow.convert([file], Options()).left_out


def test_the_lone_surrogates_of_a_file_are_no_variables(tmp_path: Path) -> None:
    file = tmp_path / "template.json"
    file.write_text('{"Resources": {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "\\ud800x\\udc00"}}}}')

    with pytest.raises(ProvisionerError, match="half of a character"):
        workflow.convert([file], Options())
