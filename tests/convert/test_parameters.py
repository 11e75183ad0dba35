"""`--param` of every format: a name that nothing has is named, so that a mistyped one is seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.convert.converting import converted, entries

ARN = "arn:aws:sqs:eu-west-1:123456789012:orders"
OBJECT = """\
apiVersion: lambda.services.k8s.aws/v1alpha1
kind: EventSourceMapping
metadata: { name: m }
spec: { functionName: "${FUNCTION}", eventSourceARN: %s }
"""
PLAYBOOK = """\
- hosts: localhost
  tasks:
    - amazon.aws.lambda_event: { lambda_function_arn: "{{ FUNCTION }}", event_source: sqs, source_params: { source_arn: %s } }
"""
SERVERLESS = """\
service: s
provider: { name: aws, region: eu-west-1 }
functions:
  f: { name: "${param:FUNCTION}", events: [ { sqs: %s } ] }
"""
TEMPLATE = """\
Parameters: { FUNCTION: { Type: String } }
Resources:
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { FunctionName: !Ref FUNCTION, EventSourceArn: %s }
"""


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("object.yaml", OBJECT % ARN),
        ("playbook.yaml", PLAYBOOK % ARN),
        ("serverless.yml", SERVERLESS % ARN),
        ("template.yaml", TEMPLATE % ARN),
    ],
)
def test_a_parameter_that_nothing_has_is_named(tmp_path: Path, file: str, content: str) -> None:
    made = converted(tmp_path, {file: content}, parameters={"FUNCTION": "worker", "FUNCTON": "x"}, region="eu-west-1")

    assert [item["function_name"] for item in entries(made)] == ["worker"]
    assert [note for note in made.notes if note.startswith("--param")] == [
        "--param FUNCTON: nothing that was converted has a parameter of this name"
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"FunctionName": "f", "EventSourceArn": ARN},
        {"version": 4, "serial": 1, "lineage": "l", "resources": []},
        {"version": 3, "deployment": {"resources": []}},
    ],
)
def test_a_format_without_parameters_names_each(tmp_path: Path, content: Any) -> None:
    made = converted(tmp_path, {"file.json": json.dumps(content)}, parameters={"x": "1"})

    assert "--param x: nothing that was converted has a parameter of this name" in made.notes
