"""docs/aws/identity.md#uniqueness, row by row: what is unique, what is one and what is two. Their 409s are in
test_error_messages.
"""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.model.plan import Action
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import MSK, SELF, SQS, SUBNET, LambdaApi, refusal
from tests.support.stack import Stack

FULL = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
QUEUE = {"function_name": "f", "event_source_arn": SQS}


def test_name_alias_version_and_latest_are_several_mappings_of_one_queue(plane: LambdaApi) -> None:
    for function in ("f", "f:alias", "f:1", "f:$LATEST", "g"):
        plane.create(SQS, function)

    assert len(plane.client.list_event_source_mappings()["EventSourceMappings"]) == 5


@pytest.mark.parametrize("function", ["f", f"{ACCOUNT}:function:f", FULL])
def test_name_partial_arn_and_full_arn_are_one_mapping(plane: LambdaApi, function: str) -> None:
    first = plane.create(SQS, "f")["UUID"]

    status, code, message = refusal(plane.create, SQS, function)

    assert (status, code) == (409, "ResourceConflictException")
    assert 'function (" f ")' in message  # the bare name, even if a full ARN was sent
    assert message.endswith(first)


def test_latest_keeps_its_qualifier(plane: LambdaApi) -> None:
    assert plane.create(SQS, "f:$LATEST")["FunctionArn"] == f"{FULL}:$LATEST"


def test_uniqueness_is_with_the_topic(plane: LambdaApi) -> None:
    plane.create(MSK, Topics=["events"])

    plane.create(MSK, Topics=["views"])
    assert refusal(plane.create, MSK, Topics=["events"])[0] == 409


def test_an_overlap_of_brokers_is_a_duplicate(plane: LambdaApi) -> None:
    kafka: dict[str, Any] = {"Topics": ["events"], "SourceAccessConfigurations": SUBNET}
    plane.create("", SelfManagedEventSource=SELF, **kafka)
    overlap = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:1"]}}

    assert refusal(plane.create, "", SelfManagedEventSource=overlap, **kafka)[0] == 409
    plane.create("", SelfManagedEventSource=overlap, **{**kafka, "Topics": ["views"]})


def test_a_function_in_any_spelling_is_no_difference(stack: Stack) -> None:
    stack.applied(QUEUE)

    for spelling in (f"{ACCOUNT}:function:f", FULL, "f"):
        stack.write({**QUEUE, "function_name": spelling})
        stack.assert_in_sync()


@pytest.mark.parametrize("other", ["f:$LATEST", "f:prod", "f:1"])
def test_another_qualifier_is_a_change_in_place(stack: Stack, other: str) -> None:
    stack.applied(QUEUE)
    stack.write({**QUEUE, "function_name": other})

    assert stack.change().action is Action.UPDATE
    stack.applied({**QUEUE, "function_name": other})
    assert stack.live()["FunctionArn"] == f"{FULL}{other.removeprefix('f')}"


def test_a_replacement_with_the_same_source_and_function_deletes_first(stack: Stack) -> None:
    """Create before delete would always collide."""
    kafka = {"function_name": "f", "event_source_arn": MSK, "topics": ["events"]}
    stack.applied({**kafka, "starting_position": "LATEST"})
    stack.write({**kafka, "starting_position": "TRIM_HORIZON"})

    change = stack.change()

    assert (change.action, change.creates_first) == (Action.REPLACE, False)
    stack.applied({**kafka, "starting_position": "TRIM_HORIZON"})
