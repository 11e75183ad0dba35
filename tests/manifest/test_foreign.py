"""Files of other tools, given in place of a manifest: one error says what the file is, and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.convert.conversion import Options
from provisioner.convert.formats import FORMATS, convert
from provisioner.errors import ManifestError, UsageError
from provisioner.manifest import load
from provisioner.manifest.foreign import CONVERTED, INSTEAD
from provisioner.model.diagnostics import Diagnostic

MAPPING = {"FunctionName": {"Ref": "F"}, "EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]}}
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters: { Stage: { Type: String } }
Resources:
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Function
      EventSourceArn: !Sub "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:q"
"""
SAM = """\
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Timeout: 3 } }
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Events: { Q: { Type: SQS, Properties: { Queue: !GetAtt Q.Arn } } }
"""
SERVERLESS = """\
service: orders
provider: { name: aws, runtime: python3.12 }
functions:
  worker:
    handler: h.h
    events: [schedule: cron(0 3 * * ? *), sqs: { arn: "${self:custom.arn}" }]
"""
ACK = """\
apiVersion: lambda.services.k8s.aws/v1alpha1
kind: EventSourceMapping
metadata: { name: orders }
spec: { functionName: f }
---
apiVersion: lambda.services.k8s.aws/v1alpha1
kind: Function
"""
CROSSPLANE = """\
# of the platform team
kind: EventSourceMapping
apiVersion: lambda.aws.upbound.io/v1beta1
spec: { forProvider: { region: eu-west-1 } }
"""
PLAYBOOK = """\
---
- name: Mappings
  hosts: localhost
  tasks:
    - name: orders
      amazon.aws.lambda_event: { state: present, event_source: sqs }
"""
TASKS = "- name: orders\n  amazon.aws.lambda_event:\n    state: present\n"
HCL = 'resource "aws_lambda_event_source_mapping" "orders" {\n  function_name = "f"\n}\n'
STATE = {"version": 4, "terraform_version": "1.9.0", "serial": 3, "lineage": "l", "outputs": {}, "resources": []}
PLAN = {"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {}, "resource_changes": []}

FILES: dict[str, tuple[str, Any, str]] = {
    "cloudformation": ("template.yaml", TEMPLATE, "a CloudFormation template"),
    "cloudformation without a version": ("t.yaml", TEMPLATE.split("\n", 1)[1], "a CloudFormation template"),
    "cloudformation as JSON": (
        "template.json",
        {"Resources": {"M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": MAPPING}}},
        "a CloudFormation template",
    ),
    "sam": ("template.yml", SAM, "an AWS SAM template"),
    "serverless": ("serverless.yml", SERVERLESS, "a Serverless Framework configuration"),
    "serverless under another name": ("api.yml", SERVERLESS, "a Serverless Framework configuration"),
    "terraform": ("main.tf", HCL, "a Terraform configuration"),
    "terraform under another name": ("orders.txt", HCL, "a Terraform configuration"),
    "terraform state": ("terraform.tfstate", STATE, "a Terraform state"),
    "terraform state under another name": ("old.json", STATE, "a Terraform state"),
    "terraform plan": ("plan.json", PLAN, "a Terraform plan or state as JSON"),
    "ack": ("esm.yaml", ACK, "an object of ACK, the AWS controllers for Kubernetes"),
    "crossplane": ("esm.yaml", CROSSPLANE, "an object of Crossplane"),
    "kubernetes": ("job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: { name: j }\n", "a Kubernetes object"),
    "kubernetes as JSON": ("job.json", {"apiVersion": "batch/v1", "kind": "Job"}, "a Kubernetes object"),
    "ansible": ("play.yml", PLAYBOOK, "an Ansible playbook"),
    "ansible tasks": ("tasks.yml", TASKS, "an Ansible playbook"),
    "kustomization": ("kustomization.yaml", "resources: [a.yaml]\n", "a kustomization"),
    "ack in a list": (
        "l.yaml",
        {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "lambda.services.k8s.aws/v1alpha1"}]},
        "an object of ACK, the AWS controllers for Kubernetes",
    ),
    "a composition": ("c.yaml", "apiVersion: apiextensions.crossplane.io/v1\nkind: Composition\n", "an object of Crossplane"),
    "answers in a list": ("l.json", [{"UUID": "u", "FunctionArn": "a"}], "a request or an answer of the AWS CLI"),
    "answers in YAML": ("l.yml", "- UUID: u\n  EventSourceArn: a\n", "a request or an answer of the AWS CLI"),
    "a request about a bucket": (
        "b.json",
        {"Bucket": "b", "NotificationConfiguration": {}},
        "a bucket's notification configuration",
    ),
    "pulumi": ("Pulumi.yaml", "name: orders\nruntime: nodejs\n", "a Pulumi project"),
    "pulumi stack": ("Pulumi.dev.yaml", "config: { aws:region: eu-west-1 }\n", "a Pulumi project"),
    "cdk": ("cdk.json", {"app": "python3 app.py"}, "a CDK project"),
    "a program": ("app.py", "import aws_cdk as cdk\n\napp = cdk.App(\n)\n", "a program, such as one of the CDK or of Pulumi"),
    "an answer": ("list.json", {"EventSourceMappings": []}, "an answer of the AWS CLI"),
    "a request": ("r.json", {"FunctionName": "f", "EventSourceArn": "a"}, "a request or an answer of the AWS CLI"),
    "notifications": ("n.json", {"LambdaFunctionConfigurations": []}, "a bucket's notification configuration"),
}  # fmt: skip


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")
    return path


def reported(path: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(ManifestError) as caught:
        load(path)
    found = [item for item in caught.value.diagnostics if isinstance(item, Diagnostic)]
    return [(item.code, item.message, item.hint) for item in found]


@pytest.mark.parametrize(("name", "content", "what"), FILES.values(), ids=FILES)
def test_a_file_of_another_tool_has_one_error(tmp_path: Path, name: str, content: Any, what: str) -> None:
    [(code, message, hint)] = reported(written(tmp_path, name, content))

    assert (code, message) == ("E114", f"this is {what}, not a manifest")
    if what in CONVERTED:
        assert hint == f"`provisioner convert {tmp_path / name}` prints its mappings as a manifest"
    elif what in INSTEAD:
        assert hint == INSTEAD[what]
    else:
        assert "provisioner discover --write DIR" in hint
        assert "provisioner skeleton KIND" in hint


def test_a_broken_file_is_to_be_corrected_before_it_is_converted(tmp_path: Path) -> None:
    path = written(
        tmp_path, "template.yaml", "AWSTemplateFormatVersion: x\nResources:\n  M:\n    Type: [AWS::Lambda\n  N: {}\n"
    )

    [(code, _, hint)] = reported(path)

    assert code == "E114"
    assert hint.startswith("correct line 5 first, which is not YAML: ")
    assert hint.endswith(f"; then `provisioner convert {path}` prints its mappings as a manifest")
    with pytest.raises(UsageError):
        convert([path], Options())


@pytest.mark.parametrize("name", ["cloudformation", "sam", "serverless", "ack", "ansible", "pulumi"])
def test_in_a_folder_each_file_has_one_error(tmp_path: Path, name: str) -> None:
    file, content, what = FILES[name]
    written(tmp_path, file, content)
    written(tmp_path, "zz.yaml", "stack: s\nmappings: { 'no name': {} }\n")

    found = reported(tmp_path)

    assert [(code, message) for code, message, _ in found if code == "E114"] == [
        ("E114", f"this is {what}, not a manifest")
    ]
    assert [code for code, *_ in found if code != "E114"] == ["E104"]  # of the other file


@pytest.mark.parametrize(
    ("file", "what"),
    [("main.tf", "Terraform configurations"), ("cdk.json", "a CDK project"), ("x.template.json", "CloudFormation templates")],
)  # fmt: skip
def test_a_folder_without_a_manifest_is_recognised(tmp_path: Path, file: str, what: str) -> None:
    written(tmp_path, file, "{}")

    [(code, message, _)] = reported(tmp_path)

    assert (code, message) == ("E114", f"the folder contains {what}, not a manifest")


def test_an_included_file_of_another_tool_has_one_error(tmp_path: Path) -> None:
    written(tmp_path, "provisioner.yaml", "stack: s\ninclude: [other/*.yaml]\n")
    (tmp_path / "other").mkdir()
    written(tmp_path / "other", "template.yaml", TEMPLATE)

    assert [message for _, message, _ in reported(tmp_path)] == ["this is a CloudFormation template, not a manifest"]


def test_our_own_files_are_named_with_the_command_that_takes_them(tmp_path: Path) -> None:
    plan = written(tmp_path, "plan.json", {"provisioner_plan": 2, "content": {}})
    state = written(tmp_path, "s.json", {"version": 2, "lineage": "l", "serial": 1, "stack": "s", "mappings": {}})

    assert [reported(path)[0][1:] for path in (plan, state)] == [
        (
            "this is a saved plan of provisioner, not a manifest",
            "pass it to `provisioner apply`, without -f; -f takes a manifest",
        ),
        (
            "this is a state of provisioner, not a manifest",
            "pass the manifest with -f; it says where its state is",
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "stack: s\n",
        "stack: s\napiVersion: v1\nkind: ESM\n",
        "stack: s\nAWSTemplateFormatVersion: x\nResources: {}\n",
        '{"stack": "s", "FunctionName": 1, "EventSourceArn": 2}',
        "mappings: { a: { Type: AWS::Lambda::EventSourceMapping } }\nResources: {}\n",
        "provider: { region: eu-west-1 }\nvariables: { service: {}, functions: {} }\n",
        "x-a: { apiVersion: v1, kind: k }\nimports: []\n",
        "stack: s\n---\nstack: t\n",
        "stack: [\n",
        "name: x\n",
        "- a\n- b\n",
        "",
    ],
)
def test_a_manifest_is_never_taken_for_another_file(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "provisioner.yaml", text)

    try:
        load(path)
    except ManifestError as error:
        codes = {item.code for item in error.diagnostics if isinstance(item, Diagnostic)}
        assert codes
        assert "E114" not in codes


def test_a_large_file_is_recognised_at_once(tmp_path: Path) -> None:
    """No expression may take more than one pass: of spaces, of brackets, of keys."""
    for text in (" " * 200_000 + "x", "- " * 50_000, "a:\n" * 50_000, '"' * 200_000, "\n" * 200_000 + "{"):
        assert reported(written(tmp_path, "f.txt", text))[0][0] != "E114"


def test_what_a_message_says_can_be_converted_is_what_convert_reads() -> None:
    assert FORMATS.keys() == CONVERTED
