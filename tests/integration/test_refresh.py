"""`--refresh=false`: what was applied is taken for what AWS has, and nothing is forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner import workflow
from provisioner.errors import RefusedError
from provisioner.model.plan import Action
from provisioner.workflow import Execution, Selection
from tests.support.lambda_api import SQS
from tests.support.stack import Stack

A: dict[str, Any] = {"function_name": "f", "event_source_arn": SQS}
B: dict[str, Any] = {"function_name": "f", "event_source_arn": f"{SQS}2"}
ALL, UNREFRESHED = Selection(), Selection(refresh=False)


def write(stack: Stack, **mappings: dict[str, Any]) -> None:
    value = {"stack": "test", "provider": {"region": "eu-west-1"}, "mappings": mappings}
    (stack.folder / "provisioner.yaml").write_text(json.dumps(value))


def apply(stack: Stack, selection: Selection = ALL) -> None:
    _, report = workflow.apply(stack.run(), selection, Execution(auto_approve=True))
    assert report.clean


def test_an_edit_is_planned_without_reading_and_drift_is_not_seen(stack: Stack) -> None:
    stack.applied(A)
    stack.plane.client().update_event_source_mapping(UUID=stack.uuid, BatchSize=7)
    stack.write({**A, "maximum_batching_window_in_seconds": 1})

    [change] = workflow.plan(stack.run(), UNREFRESHED).changes

    assert [".".join(field.path) for field in change.fields] == ["maximum_batching_window_in_seconds"]


def test_a_name_that_is_taken_over_keeps_its_protection(stack: Stack) -> None:
    write(stack, a=A, b={**B, "lifecycle": {"prevent_destroy": True}})
    apply(stack)
    write(stack, b=A)

    with pytest.raises(RefusedError):
        workflow.plan(stack.run(), UNREFRESHED)


def test_a_mapping_whose_name_was_taken_over_is_deleted_all_the_same(stack: Stack) -> None:
    write(stack, a=A, b=B)
    apply(stack)
    write(stack, b=A)

    actions = [change.action for change in workflow.plan(stack.run(), UNREFRESHED).changes]
    apply(stack, UNREFRESHED)

    assert actions == [Action.NO_OP, Action.DELETE]
    listed = stack.plane.client().list_event_source_mappings()["EventSourceMappings"]
    assert [item["EventSourceArn"] for item in listed] == [SQS]


def test_a_pair_that_somebody_else_holds_is_not_possible_and_leaves_the_mapping_alone(stack: Stack) -> None:
    stack.applied(A)
    stack.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=f"{SQS}2")
    stack.write(B)

    [change] = stack.plan().changes

    assert change.action is Action.NOT_POSSIBLE
    assert change.conflict is not None
    assert "Lambda already has a mapping for this function and source" in change.conflict.message
    # With its region, because the manifest has no entry of this name that states it.
    assert f"provisioner import it-2 {change.conflict.holder.id}@eu-west-1`" in change.conflict.hint
