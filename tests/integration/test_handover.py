"""Mappings change hands: their owner is named, its release is proved, and nothing changes meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner import workflow
from provisioner.convert.found import Evidence, OwnerKind
from provisioner.errors import AwsError, UsageError
from provisioner.sandbox.stacks import Stack
from tests.convert.test_same_text import state_of
from tests.support.fleet import STACK_TAG, Fleet
from tests.support.workspace import sqs


def verified(fleet: Fleet, *paths: Path, stacks: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """What is missing, by name."""
    return {item.name: item.problems for item in workflow.verify(fleet.run(), paths, stacks)}


@pytest.fixture
def state(fleet: Fleet, tmp_path: Path) -> Path:
    """The state of Terraform that has two mappings, which a manifest imports."""
    fleet.queue("f", "orders")
    fleet.queue("g", "paid")
    path = tmp_path / "terraform.tfstate"
    path.write_text(state_of(fleet))
    fleet.write(names_from=(str(path),))
    return path


def released(path: Path) -> None:
    path.write_text('{"version": 4, "serial": 2, "lineage": "l", "resources": []}')


def test_a_mapping_is_not_released_while_the_state_has_it(fleet: Fleet, state: Path) -> None:
    problem = [f"not released: Terraform file {state} still has it"]
    assert verified(fleet, state) == {"shop-queue-orders": problem, "shop-queue-paid": problem}

    released(state)

    assert verified(fleet, state) == {"shop-queue-orders": [], "shop-queue-paid": []}


def test_a_mapping_that_was_deleted_stopped_or_changed_is_named(fleet: Fleet, state: Path) -> None:
    released(state)
    uuids = {
        item["EventSourceArn"]: item["UUID"]
        for item in fleet.client().list_event_source_mappings()["EventSourceMappings"]
    }
    fleet.client().update_event_source_mapping(UUID=uuids[sqs("orders")], Enabled=False, BatchSize=3)
    fleet.client().delete_event_source_mapping(UUID=uuids[sqs("paid")])

    problems = verified(fleet, state)

    assert problems["shop-queue-orders"] == ["its state is Disabled", "an apply would update it: enabled, batch_size"]
    assert problems["shop-queue-paid"] == ["it does not exist"]


def test_a_stack_of_cloudformation_names_and_holds_what_it_has(fleet: Fleet) -> None:
    fleet.queue("f", "orders")
    stacks = fleet.plane.troubles.stacks
    stacks["shop"] = Stack({"OrdersMapping8A1B2C3D": ("f", sqs("orders"))})

    [found] = fleet.discover(names_from=("cfn:shop",)).found
    assert (found.name, found.found.owner.kind, found.found.owner.evidence, found.found.owner.address) == (
        "OrdersMapping",
        OwnerKind.CLOUDFORMATION,
        Evidence.STACK,
        "OrdersMapping8A1B2C3D",
    )
    fleet.write(names_from=("cfn:shop",))
    [handover] = workflow.of_manifest(fleet.run(), ("shop",))
    assert "  OrdersMapping8A1B2C3D:\n    DeletionPolicy: Retain\n" in handover.steps[0].code
    assert "--stack-name shop " in handover.steps[1].code

    held = "not released: CloudFormation stack shop has it as OrdersMapping8A1B2C3D; the deployed template "
    [problem] = verified(fleet, stacks=("shop",))["OrdersMapping"]
    assert problem == f"{held}would delete it, because DeletionPolicy is not Retain"

    stacks["shop"] = Stack(stacks["shop"].mappings, frozenset({"OrdersMapping8A1B2C3D"}))
    assert verified(fleet, stacks=("shop",))["OrdersMapping"] == [f"{held}keeps it when it leaves"]

    stacks["shop"] = Stack({})
    assert verified(fleet, stacks=("shop",)) == {"OrdersMapping": []}
    del stacks["shop"]
    with pytest.raises(UsageError, match="stack shop does not exist in eu-west-1"):
        verified(fleet, stacks=("shop",))


def test_tags_lead_to_the_stack(fleet: Fleet) -> None:
    tags = {STACK_TAG: "shop", "aws:cloudformation:logical-id": "Orders"}
    uuid = fleet.queue("f", "orders")
    fleet.plane.tag_as_aws(uuid, tags)
    fleet.plane.troubles.stacks["shop"] = Stack({"Orders": ("f", sqs("orders"))})
    fleet.write()

    [handover] = workflow.of_manifest(fleet.run())

    assert handover.steps[-1].code == "Orders"
    assert verified(fleet)["f-orders"][0].startswith("not released: CloudFormation stack shop has it as Orders;")


def test_a_stack_that_is_not_there_names_nothing(fleet: Fleet) -> None:
    with pytest.raises(AwsError, match="Stack with id none does not exist"):
        fleet.discover(names_from=("cfn:none",))


def test_where_nobody_else_has_anything_there_is_nothing_to_hand_over(fleet: Fleet) -> None:
    fleet.queue("f", "orders")
    fleet.write()

    with pytest.raises(UsageError, match="no tags name another tool"):
        workflow.of_manifest(fleet.run())
    with pytest.raises(UsageError, match="nothing says who had these mappings"):
        verified(fleet)
