"""A plan in a file: carried out as it was read, or refused."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.backend.planfile import SavedPlan, open_plan
from provisioner.errors import ProvisionerError, StaleError, StateError
from provisioner.model.report import Report
from provisioner.planning.fingerprint import plan_hash
from provisioner.workflow import Execution, Run, Selection
from tests.support.lambda_api import KINESIS, SQS
from tests.support.stack import Stack
from tests.support.workspace import Workspace, sqs

QUEUE: dict[str, Any] = {"function_name": "f", "event_source_arn": SQS}
STREAM: dict[str, Any] = {"function_name": "f", "event_source_arn": KINESIS, "starting_position": "LATEST"}


def saved(stack: Stack, mapping: dict[str, Any] | None, **selection: Any) -> Path:
    """A plan for a mapping, in a file."""
    stack.write(mapping)
    file = stack.folder / "plan.json"
    workflow.plan(stack.run(), Selection(**selection), file)
    return file


def applied(stack: Stack, file: Path, **execution: Any) -> Report:
    opened = open_plan(file)
    run = Run(workflow.manifest_of(opened), stack.ui, clock=stack.clock, opened=stack.sessions)
    return workflow.apply_saved(run, opened, Execution(**execution))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (None, QUEUE),
        (QUEUE, {**QUEUE, "batch_size": 5, "tags": {"a": "b"}}),
        (QUEUE, None),
        (STREAM, {**STREAM, "starting_position": "TRIM_HORIZON"}),
        (QUEUE, {**QUEUE, "event_source_arn": f"{SQS}2"}),
        ({**QUEUE, "filter_criteria": {"filter": [{"pattern": {"a": [1]}}]}}, QUEUE),
    ],
)
def test_a_saved_plan_does_what_it_says(
    stack: Stack, first: dict[str, Any] | None, then: dict[str, Any] | None
) -> None:
    if first:
        stack.applied(first)
    file = saved(stack, then)
    (stack.folder / "provisioner.yaml").write_text("nobody reads this any more")

    assert applied(stack, file).clean

    stack.write(then)
    stack.assert_in_sync()


def test_a_plan_of_nothing_is_applied_as_nothing(stack: Stack) -> None:
    stack.applied(QUEUE)

    assert applied(stack, saved(stack, QUEUE)).outcomes == ()


# --- what has moved --------------------------------------------------------------------------------------------------


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_a_state_that_moved_makes_it_stale(stack: Stack) -> None:
    stack.applied(QUEUE)
    file = saved(stack, {**QUEUE, "batch_size": 5})
    stack.applied({**QUEUE, "batch_size": 6})

    with pytest.raises(StaleError, match=r"made from state serial \d+, but the state is now at serial \d+"):
        applied(stack, file)


def test_a_plan_is_carried_out_once(stack: Stack) -> None:
    file = saved(stack, QUEUE)
    applied(stack, file)

    with pytest.raises(StaleError, match="it was made from state serial 0"):
        applied(stack, file)


def test_a_plan_of_another_state_is_refused(stack: Stack) -> None:
    stack.applied(QUEUE)
    file = saved(stack, {**QUEUE, "batch_size": 5})
    state = stack.folder / "state/test.json"
    state.write_text(state.read_text().replace(json.loads(state.read_text())["lineage"], "another"))

    with pytest.raises(StaleError, match="the plan was made from a different state"):
        applied(stack, file)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"BatchSize": 7}, "it: batch_size changed from 10 to 7"),
        ({"Enabled": False}, "it: enabled changed from true to false"),
        (
            {"ScalingConfig": {"MaximumConcurrency": 5}},
            "it: scaling_config.maximum_concurrency changed from absent to 5",
        ),
    ],
)
def test_a_mapping_that_moved_is_named_with_its_field(stack: Stack, members: dict[str, Any], message: str) -> None:
    stack.applied(QUEUE)
    file = saved(stack, {**QUEUE, "batch_size": 5})
    stack.plane.client().update_event_source_mapping(UUID=stack.uuid, **members)

    with pytest.raises(StaleError, match=message):
        applied(stack, file)
    assert stack.live()["BatchSize"] == members.get("BatchSize", 10)


def test_a_mapping_that_is_gone_is_named(stack: Stack) -> None:
    stack.applied(QUEUE)
    file = saved(stack, {**QUEUE, "batch_size": 5})
    stack.plane.client().delete_event_source_mapping(UUID=stack.uuid)

    with pytest.raises(StaleError, match="no longer exists"):
        applied(stack, file)


def test_a_pair_that_somebody_took_is_named(stack: Stack) -> None:
    file = saved(stack, QUEUE)
    stack.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=SQS)

    with pytest.raises(StaleError, match=r"it: its function and source belong to .* now"):
        applied(stack, file)


def test_what_no_change_touches_may_move(stack: Stack) -> None:
    stack.applied(QUEUE)
    file = saved(stack, QUEUE)
    stack.plane.client().update_event_source_mapping(UUID=stack.uuid, BatchSize=7)

    assert applied(stack, file).outcomes == ()


def test_a_state_that_came_back_to_the_same_serial_is_another_state(stack: Stack) -> None:
    """A backup was put back, and something else was done since."""
    stack.applied(QUEUE)
    file = saved(stack, None)
    state = stack.folder / "state/test.json"
    document = json.loads(state.read_text())
    document["mappings"] = {}
    state.write_text(json.dumps(document))

    with pytest.raises(StaleError, match="the state has changed since it was made"):
        applied(stack, file)
    assert stack.plane.client().list_event_source_mappings()["EventSourceMappings"]


def test_what_is_left_to_others_may_move(stack: Stack) -> None:
    owned = {**QUEUE, "lifecycle": {"ignore_changes": ["scaling_config"]}}
    stack.applied(owned)
    file = saved(stack, {**owned, "batch_size": 5})
    approved = hashed(file)
    stack.plane.client().update_event_source_mapping(UUID=stack.uuid, ScalingConfig={"MaximumConcurrency": 7})

    assert plan_hash(stack.plan()) == approved
    assert applied(stack, file).clean
    assert stack.live()["ScalingConfig"] == {"MaximumConcurrency": 7}


def test_a_plan_goes_where_a_link_points_and_into_no_device(stack: Stack) -> None:
    real, link = stack.folder / "real.json", stack.folder / "link.json"
    stack.write(QUEUE)
    workflow.plan(stack.run(), Selection(), real)
    real.chmod(0o644)
    link.symlink_to(real)

    workflow.plan(stack.run(), Selection(), link)

    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert open_plan(real).plan.changes
    assert sorted(path.name for path in stack.folder.iterdir()) == ["link.json", "provisioner.yaml", "real.json"]
    with pytest.raises(StateError, match="not a regular file"):
        workflow.plan(stack.run(), Selection(), Path(os.devnull))


def test_another_account_is_refused(stack: Stack) -> None:
    file = saved(stack, QUEUE)
    opened = open_plan(file)
    other = replace(opened, plan=replace(opened.plan, account="210987654321"))
    run = Run(workflow.manifest_of(other), stack.ui, clock=stack.clock, opened=stack.sessions)

    with pytest.raises(
        StaleError, match="made for account 210987654321, but the credentials belong to account 123456789012"
    ):
        workflow.apply_saved(run, other, Execution())


def test_another_region_is_refused(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = replace(open_plan(saved(stack, QUEUE)), provider=replace(stack.run().manifest.provider, region=""))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    run = Run(workflow.manifest_of(opened), stack.ui, clock=stack.clock, opened=stack.sessions)

    with pytest.raises(StaleError, match="made for region eu-west-1, but the environment has region us-east-1"):
        workflow.apply_saved(run, opened, Execution())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: it["content"]["plan"]["changes"][0]["desired"].update(batch_size=9), "was modified after it was saved"),
        (lambda it: it["content"]["plan"].update(serial=7), "was modified after it was saved"),
        (lambda it: it.update(checksum="0"), "was modified after it was saved"),
        (lambda it: it.update(provisioner_plan=3), "has plan format 3 "),
    ],
)  # fmt: skip
def test_an_edited_file_is_refused(stack: Stack, change: Callable[[dict[str, Any]], None], message: str) -> None:
    file = saved(stack, QUEUE)
    edit(file, change)

    with pytest.raises(StaleError, match=message):
        open_plan(file)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_plan_is_reported(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)

    with pytest.raises(ProvisionerError, match="is not a saved plan"):
        open_plan(file)


def test_a_plan_beside_a_cut_off_apply_is_not_saved(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.applied(QUEUE)
    state = json.loads((stack.folder / "state/test.json").read_text())
    pair = {"region": "eu-west-1", "source": SQS, "function": "f", "channel": ""}
    lines = [
        {"journal": 1, "lineage": state["lineage"], "serial": state["serial"]},
        {"intent": "1", "action": "update", "name": "it", "pair": pair, "uuids": [stack.uuid]},
    ]
    (stack.folder / "state/test.journal").write_text("".join(json.dumps(line) + "\n" for line in lines))

    with pytest.raises(StateError, match="a plan cannot be saved now"):
        saved(stack, {**QUEUE, "batch_size": 5})


# --- the hash --------------------------------------------------------------------------------------------------------


def hashed(file: Path) -> str:
    opened: SavedPlan = open_plan(file)
    assert json.loads(file.read_text())["hash"] == plan_hash(opened.plan)
    return plan_hash(opened.plan)


def test_the_hash_is_of_what_is_done_and_of_nothing_else(stack: Stack) -> None:
    stack.applied(QUEUE)
    wanted = {**QUEUE, "batch_size": 5}
    first = hashed(saved(stack, wanted))
    stack.applied({**QUEUE, "tags": {"a": "b"}})  # the serial moves on
    stack.applied(QUEUE)

    assert hashed(saved(stack, wanted)) == first
    assert hashed(saved(stack, {**QUEUE, "batch_size": 6})) != first
    assert hashed(saved(stack, wanted, replaced=("it",))) != first
    assert hashed(saved(stack, {**wanted, "lifecycle": {"prevent_destroy": True}})) != first
    stack.plane.client().update_event_source_mapping(UUID=stack.uuid, BatchSize=7)
    assert hashed(saved(stack, wanted)) != first


def test_an_approved_hash_is_all_the_approval_that_is_needed(stack: Stack) -> None:
    stack.write(QUEUE)
    approved = plan_hash(stack.plan())

    _, report = workflow.apply(stack.run(), Selection(), Execution(expected_hash=approved))

    assert report.clean
    with pytest.raises(StaleError, match="the plan is not the one that was approved"):
        workflow.apply(stack.run(), Selection(), Execution(expected_hash=approved))


def test_the_hash_is_the_same_on_any_day_and_machine(stack: Stack) -> None:
    """A new mapping, in account 123456789012 and eu-west-1: no UUID of today is in its plan."""
    stack.write(QUEUE)

    assert plan_hash(stack.plan()) == "v2:43073c46a12991cec07b2eb244c591287b854d508b1f0ba641bce26ac4d0b585"


@pytest.fixture
def with_deposed(stack: Stack) -> Stack:
    """A stack whose replacement could not delete the old mapping, and whose new one somebody deleted since."""
    stack.applied(QUEUE)
    stack.plane.faults.append(lambda method, path: "403" if method == "DELETE" else "")
    stack.apply_mapping({**QUEUE, "event_source_arn": f"{SQS}2"})
    stack.plane.faults.clear()
    stack.plane.client().delete_event_source_mapping(UUID=stack.uuid)
    return stack


def test_a_pair_that_was_taken_since_is_seen_beside_a_deposed_mapping(with_deposed: Stack) -> None:
    file = saved(with_deposed, {**QUEUE, "event_source_arn": f"{SQS}2"}, allow_missing=True)
    plan = open_plan(file).plan
    assert [(change.action, change.deposed) for change in plan.changes] == [("create", False), ("delete", True)]
    with_deposed.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=f"{SQS}2")

    with pytest.raises(StaleError, match="its function and source belong to"):
        applied(with_deposed, file)


def test_a_mapping_to_import_is_still_there_beside_a_deposed_one(with_deposed: Stack) -> None:
    wanted = {**QUEUE, "event_source_arn": f"{SQS}2", "lifecycle": {"on_conflict": "adopt"}}
    made = with_deposed.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=f"{SQS}2")
    file = saved(with_deposed, wanted, allow_missing=True)

    assert applied(with_deposed, file).clean

    assert list(with_deposed.live_mappings()) == [made["UUID"]]
    with_deposed.assert_in_sync()


# --- the command -----------------------------------------------------------------------------------------------------

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"


def test_what_a_plan_says_cannot_be_said_beside_it(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.run("plan", "--out", "plan.json")

    result = workspace.run("apply", "plan.json", "--target", "orders", "--var", "a=b", "-f", ".", code=1)

    assert "cannot use -f, --var, --target with a saved plan" in result.err


def test_a_saved_plan_is_shown_and_applied_from_anywhere(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write(ONE)
    planned = workspace.run("plan", "--out", "plan.json")

    shown = workspace.run("show", "plan.json")
    done = workspace.run("apply", "plan.json")

    assert shown.out == planned.out
    assert "Apply complete! Mappings: 1 added" in done.out
    workspace.assert_in_sync()
