"""What makes other tools let go of mappings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.convert.found import Evidence, Found, OwnerKind, Ownership
from provisioner.convert.handover import handovers
from provisioner.convert.text import Named
from provisioner.errors import UsageError
from tests.convert.conversions import converted
from tests.convert.found import entry, sqs
from tests.convert.test_terraform import attributes, resource, state


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
