"""docs/aws/identity.md#uniqueness, row by row: what is unique, what is one and what is two. Their 409s are in test_error_messages."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.model.plan import Action
from tests.embedded import ACCOUNT, REGION
from tests.flow import Flow
from tests.planes import MSK, SELF, SQS, SUBNET, Plane, refusal

FULL = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
QUEUE = {"function_name": "f", "event_source_arn": SQS}


def test_name_alias_version_and_latest_are_several_mappings_of_one_queue(plane: Plane) -> None:
    for function in ("f", "f:alias", "f:1", "f:$LATEST", "g"):
        plane.create(SQS, function)

    assert len(plane.client.list_event_source_mappings()["EventSourceMappings"]) == 5


@pytest.mark.parametrize("function", ["f", f"{ACCOUNT}:function:f", FULL])
def test_name_partial_arn_and_full_arn_are_one_mapping(plane: Plane, function: str) -> None:
    first = plane.create(SQS, "f")["UUID"]

    status, code, message = refusal(plane.create, SQS, function)

    assert (status, code) == (409, "ResourceConflictException")
    assert 'function (" f ")' in message  # the bare name, even if a full ARN was sent
    assert message.endswith(first)


def test_latest_keeps_its_qualifier(plane: Plane) -> None:
    assert plane.create(SQS, "f:$LATEST")["FunctionArn"] == f"{FULL}:$LATEST"


def test_uniqueness_is_with_the_topic(plane: Plane) -> None:
    plane.create(MSK, Topics=["events"])

    plane.create(MSK, Topics=["views"])
    assert refusal(plane.create, MSK, Topics=["events"])[0] == 409


def test_an_overlap_of_brokers_is_a_duplicate(plane: Plane) -> None:
    kafka: dict[str, Any] = {"Topics": ["events"], "SourceAccessConfigurations": SUBNET}
    plane.create("", SelfManagedEventSource=SELF, **kafka)
    overlap = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:1"]}}

    assert refusal(plane.create, "", SelfManagedEventSource=overlap, **kafka)[0] == 409
    plane.create("", SelfManagedEventSource=overlap, **{**kafka, "Topics": ["views"]})


def test_a_function_in_any_spelling_is_no_difference(flow: Flow) -> None:
    flow.applied(QUEUE)

    for spelling in (f"{ACCOUNT}:function:f", FULL, "f"):
        flow.write({**QUEUE, "function_name": spelling})
        flow.assert_in_sync()


@pytest.mark.parametrize("other", ["f:$LATEST", "f:prod", "f:1"])
def test_another_qualifier_is_a_change_in_place(flow: Flow, other: str) -> None:
    flow.applied(QUEUE)
    flow.write({**QUEUE, "function_name": other})

    assert flow.change().action is Action.UPDATE
    flow.applied({**QUEUE, "function_name": other})
    assert flow.live()["FunctionArn"] == f"{FULL}{other.removeprefix('f')}"


def test_a_replacement_with_the_same_source_and_function_deletes_first(flow: Flow) -> None:
    """Create before delete would always collide."""
    kafka = {"function_name": "f", "event_source_arn": MSK, "topics": ["events"]}
    flow.applied({**kafka, "starting_position": "LATEST"})
    flow.write({**kafka, "starting_position": "TRIM_HORIZON"})

    change = flow.change()

    assert (change.action, change.creates_first) == (Action.REPLACE, False)
    flow.applied({**kafka, "starting_position": "TRIM_HORIZON"})
