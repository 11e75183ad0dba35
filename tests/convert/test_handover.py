"""What makes other tools let go of mappings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.convert.conversion import Options
from provisioner.convert.found import Evidence, Found, OwnerKind, Ownership
from provisioner.convert.handover import handovers
from provisioner.convert.text import Named
from provisioner.errors import UsageError
from provisioner.manifest.load import load
from tests.convert.conversions import converted
from tests.convert.found import entry, sqs
from tests.convert.test_terraform import ARN, QUEUE, attributes, resource, state


def code(named: list[Named], chosen: list[Named] | None = None) -> list[str]:
    return [step.code for item in handovers(named, chosen or named) for step in item.steps]


def held(found: Found, kind: OwnerKind, address: str, evidence: Evidence = Evidence.FILE, name: str = "file") -> Named:
    return Named("m", replace(found, owner=Ownership(kind, name, evidence, address)))


def of_terraform(folder: Path, *resources: dict[str, Any]) -> list[Named]:
    return list(converted(folder, state(*resources)).named)


def instances(*keys: Any) -> list[dict[str, Any]]:
    return [
        {"attributes": attributes(uuid=f"5f0c1f2e-1111-2222-3333-44445555{number:04x}"), "index_key": key}
        for number, key in enumerate(keys)
    ]


def test_whole_resources_of_terraform_are_removed_blocks(tmp_path: Path) -> None:
    named = of_terraform(
        tmp_path,
        resource({"attributes": attributes()}),
        resource(*instances("a", "b"), name="each", module='module.shop["blue"]'),
    )

    assert code(named) == [
        "removed {\n  from = aws_lambda_event_source_mapping.orders\n\n  lifecycle {\n    destroy = false\n  }\n}\n\n"
        "removed {\n  from = module.shop.aws_lambda_event_source_mapping.each\n\n  lifecycle {\n    destroy = false\n  }\n}"
    ]


def test_single_instances_of_terraform_are_forgotten_by_address(tmp_path: Path) -> None:
    named = of_terraform(tmp_path, resource(*instances("a", "it's", 3), name="each", module="module.shop"))

    chosen = [item for item in named if "[3]" not in item.found.owner.address]

    assert code(named, chosen) == [
        "terraform state rm 'module.shop.aws_lambda_event_source_mapping.each[\"a\"]'\n"
        "terraform state rm 'module.shop.aws_lambda_event_source_mapping.each[\"it'\"'\"'s\"]'"
    ]


def test_a_stack_of_cloudformation_takes_two_deployments() -> None:
    named = [held(sqs(), OwnerKind.CLOUDFORMATION, "OrdersMapping", Evidence.TAGS, "shop")]

    assert code(named) == [
        "Resources:\n  OrdersMapping:\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain",
        "aws cloudformation get-template --stack-name shop --query TemplateBody",
        "OrdersMapping",
    ]


def test_the_entries_of_a_bucket_in_a_template_cannot_be_kept() -> None:
    [handover] = handovers(named := [held(entry(), OwnerKind.CLOUDFORMATION, "Media")], named)

    assert [(step.code, step.verified) for step in handover.steps] == [("Media", False)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            OwnerKind.ACK,
            [
                "kubectl annotate eventsourcemapping/orders services.k8s.aws/deletion-policy=retain --overwrite",
                "kubectl delete eventsourcemapping/orders",
            ],
        ),
        (
            OwnerKind.CROSSPLANE,
            [
                "kubectl patch eventsourcemapping/orders --type merge "
                '-p \'{"spec":{"managementPolicies":["Observe"]}}\'',
                "kubectl delete eventsourcemapping/orders",
            ],
        ),
    ],
)
def test_an_object_is_kept_before_it_is_deleted(kind: OwnerKind, expected: list[str]) -> None:
    assert code([held(sqs(), kind, "eventsourcemapping/orders")]) == expected


def test_what_was_not_tried_with_the_tool_says_so() -> None:
    [handover] = handovers(named := [held(sqs(), OwnerKind.ACK, "eventsourcemapping/orders")], named)

    assert {step.verified for step in handover.steps} == {False}


def test_nothing_to_hand_over_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text('{"EventSourceMappings": []}')

    with pytest.raises(UsageError, match="there is nothing to hand over"):
        workflow.handover([path])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match="has no file that can be converted"):
        workflow.handover([empty])


def test_a_resource_of_which_the_manifest_lacks_an_instance_is_not_forgotten_whole(tmp_path: Path) -> None:
    named = of_terraform(tmp_path, resource(*instances("a", "b"), name="each"))
    address = "aws_lambda_event_source_mapping.each"

    assert [step.code for item in handovers(named[:1], named[:1], {f'{address}["b"]'}) for step in item.steps] == [
        f"terraform state rm '{address}[\"a\"]'"
    ]
    assert code(named)[0].startswith(f"removed {{\n  from = {address}\n")


def test_the_permission_of_an_entry_is_forgotten_with_it(tmp_path: Path) -> None:
    permission = {
        "statement_id": "AllowS3",
        "action": "lambda:InvokeFunction",
        "function_name": f"{ARN}function:f",
        "principal": "s3.amazonaws.com",
        "source_arn": "arn:aws:s3:::b",
        "source_account": "",
    }
    bucket = {
        "bucket": "b",
        "lambda_function": [{"id": "i", "events": ["s3:ObjectCreated:*"], "lambda_function_arn": f"{ARN}function:f"}],
    }
    entries = resource({"attributes": bucket}, kind="aws_s3_bucket_notification")

    [step] = code(of_terraform(tmp_path, entries, resource({"attributes": permission}, kind="aws_lambda_permission")))
    assert "from = aws_s3_bucket_notification.orders\n" in step
    assert "from = aws_lambda_permission.orders\n" in step

    one = resource({"attributes": permission, "index_key": "a"}, kind="aws_lambda_permission")
    [_, step] = code(of_terraform(tmp_path, entries, one))
    assert step == "terraform state rm 'aws_lambda_permission.orders[\"a\"]'"


def test_an_event_of_a_function_becomes_a_resource_first(tmp_path: Path) -> None:
    events = {"Orders": {"Type": "SQS", "Properties": {"Queue": QUEUE}}}
    function = {"Type": "AWS::Serverless::Function", "Properties": {"FunctionName": "f", "Events": events}}
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Worker": function}}

    [first, retain, _, last] = code(list(converted(tmp_path, template).named))

    assert first.endswith("--template-stage Processed --query 'TemplateBody.Resources.{WorkerOrders: WorkerOrders}'")
    assert retain.startswith("Resources:\n  WorkerOrders:\n    DeletionPolicy: Retain\n")
    assert last == "WorkerOrders"


@pytest.mark.parametrize("group", ["s3.services.k8s.aws/v1alpha1", "s3.aws.crossplane.io/v1beta1"])
def test_a_bucket_is_not_deleted_with_its_entries(tmp_path: Path, group: str) -> None:
    entries = [{"id": "i", "events": ["s3:ObjectCreated:*"], "lambdaFunctionARN": f"{ARN}function:f"}]
    notification = {"lambdaFunctionConfigurations": entries}
    spec = {"name": "b", "notification": notification, "forProvider": {"notificationConfiguration": notification}}
    bucket = {"apiVersion": group, "kind": "Bucket", "metadata": {"name": "b", "namespace": "n"}, "spec": spec}

    named = list(converted(tmp_path, bucket).named)
    [step] = [step for item in handovers(named, named) for step in item.steps]

    assert step.code == f"bucket.{group.partition('/')[0]}/b -n n"
    assert "objects, which stay" in step.title


def test_only_what_the_manifest_has_is_handed_over(tmp_path: Path) -> None:
    file = tmp_path / "terraform.tfstate"
    [a, b] = instances("a", "b")
    b["attributes"] |= {"event_source_arn": f"{QUEUE}-b"}
    file.write_text(json.dumps(state(resource(a, b, name="each"))))
    folder = tmp_path / "fleet"
    folder.mkdir()
    text = workflow.convert([file], Options(), "fleet").text
    (folder / "provisioner.yaml").write_text(text)
    manifest = load(folder).manifest

    [whole] = workflow.handover([file], manifest)
    assert whole.steps[0].code.startswith("removed {")
    kept = replace(manifest, mappings={"renamed": manifest.mappings["each-b"]}, imports=())
    [part] = workflow.handover([file], kept)
    assert [step.code for step in part.steps] == ["terraform state rm 'aws_lambda_event_source_mapping.each[\"b\"]'"]
    with pytest.raises(UsageError, match="the manifest has no mapping of these files"):
        workflow.handover([file], replace(manifest, mappings={}, imports=()))


def test_what_a_template_makes_is_kept_in_the_template(tmp_path: Path) -> None:
    base = {"apiVersion": "lambda.aws.upbound.io/v1beta1", "kind": "EventSourceMapping"}
    spec = {"forProvider": {"functionName": "f", "eventSourceArn": QUEUE}}
    composition = {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "Composition",
        "metadata": {"name": "worker"},
        "spec": {"resources": [{"name": "m", "base": {**base, "spec": spec}}]},
    }

    [step] = code(list(converted(tmp_path, composition).named))

    assert step == "EventSourceMapping of Composition worker"
