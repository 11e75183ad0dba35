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
from tests.conftest import Workspace, sqs
from tests.flow import Flow
from tests.planes import KINESIS, SQS

QUEUE: dict[str, Any] = {"function_name": "f", "event_source_arn": SQS}
STREAM: dict[str, Any] = {"function_name": "f", "event_source_arn": KINESIS, "starting_position": "LATEST"}


def saved(flow: Flow, mapping: dict[str, Any] | None, **selection: Any) -> Path:
    """A plan for a mapping, in a file."""
    flow.write(mapping)
    file = flow.folder / "plan.json"
    workflow.plan(flow.run(), Selection(**selection), file)
    return file


def applied(flow: Flow, file: Path, **execution: Any) -> Report:
    opened = open_plan(file)
    run = Run(workflow.manifest_of(opened), flow.ui, clock=flow.clock, opened=flow.sessions)
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
def test_a_saved_plan_does_what_it_says(flow: Flow, first: dict[str, Any] | None, then: dict[str, Any] | None) -> None:
    if first:
        flow.applied(first)
    file = saved(flow, then)
    (flow.folder / "provisioner.yaml").write_text("nobody reads this any more")

    assert applied(flow, file).clean

    flow.write(then)
    flow.assert_in_sync()


def test_a_plan_of_nothing_is_applied_as_nothing(flow: Flow) -> None:
    flow.applied(QUEUE)

    assert applied(flow, saved(flow, QUEUE)).outcomes == ()


# --- what has moved --------------------------------------------------------------------------------------------------


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_a_state_that_moved_makes_it_stale(flow: Flow) -> None:
    flow.applied(QUEUE)
    file = saved(flow, {**QUEUE, "batch_size": 5})
    flow.applied({**QUEUE, "batch_size": 6})

    with pytest.raises(StaleError, match=r"made from serial \d+ of the state, which is at \d+ now"):
        applied(flow, file)


def test_a_plan_is_carried_out_once(flow: Flow) -> None:
    file = saved(flow, QUEUE)
    applied(flow, file)

    with pytest.raises(StaleError, match="it was made from serial 0 of the state"):
        applied(flow, file)


def test_a_plan_of_another_state_is_refused(flow: Flow) -> None:
    flow.applied(QUEUE)
    file = saved(flow, {**QUEUE, "batch_size": 5})
    state = flow.folder / "state/test.json"
    state.write_text(state.read_text().replace(json.loads(state.read_text())["lineage"], "another"))

    with pytest.raises(StaleError, match="the plan belongs to another state"):
        applied(flow, file)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"BatchSize": 7}, "it: batch_size was 10, is 7 now"),
        ({"Enabled": False}, "it: enabled was true, is false now"),
        ({"ScalingConfig": {"MaximumConcurrency": 5}}, "it: scaling_config.maximum_concurrency was absent, is 5 now"),
    ],
)
def test_a_mapping_that_moved_is_named_with_its_field(flow: Flow, members: dict[str, Any], message: str) -> None:
    flow.applied(QUEUE)
    file = saved(flow, {**QUEUE, "batch_size": 5})
    flow.plane.client().update_event_source_mapping(UUID=flow.uuid, **members)

    with pytest.raises(StaleError, match=message):
        applied(flow, file)
    assert flow.live()["BatchSize"] == members.get("BatchSize", 10)


def test_a_mapping_that_is_gone_is_named(flow: Flow) -> None:
    flow.applied(QUEUE)
    file = saved(flow, {**QUEUE, "batch_size": 5})
    flow.plane.client().delete_event_source_mapping(UUID=flow.uuid)

    with pytest.raises(StaleError, match="no longer exists"):
        applied(flow, file)


def test_a_pair_that_somebody_took_is_named(flow: Flow) -> None:
    file = saved(flow, QUEUE)
    flow.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=SQS)

    with pytest.raises(StaleError, match=r"it: its function and source belong to .* now"):
        applied(flow, file)


def test_what_no_change_touches_may_move(flow: Flow) -> None:
    flow.applied(QUEUE)
    file = saved(flow, QUEUE)
    flow.plane.client().update_event_source_mapping(UUID=flow.uuid, BatchSize=7)

    assert applied(flow, file).outcomes == ()


def test_a_state_that_came_back_to_the_same_serial_is_another_state(flow: Flow) -> None:
    """A backup was put back, and something else was done since."""
    flow.applied(QUEUE)
    file = saved(flow, None)
    state = flow.folder / "state/test.json"
    document = json.loads(state.read_text())
    document["mappings"] = {}
    state.write_text(json.dumps(document))

    with pytest.raises(StaleError, match="the state has changed since it was made"):
        applied(flow, file)
    assert flow.plane.client().list_event_source_mappings()["EventSourceMappings"]


def test_what_is_left_to_others_may_move(flow: Flow) -> None:
    owned = {**QUEUE, "lifecycle": {"ignore_changes": ["scaling_config"]}}
    flow.applied(owned)
    file = saved(flow, {**owned, "batch_size": 5})
    approved = hashed(file)
    flow.plane.client().update_event_source_mapping(UUID=flow.uuid, ScalingConfig={"MaximumConcurrency": 7})

    assert hashed(saved(flow, {**owned, "batch_size": 5})) == approved
    assert applied(flow, file).clean
    assert flow.live()["ScalingConfig"] == {"MaximumConcurrency": 7}


def test_a_plan_goes_where_a_link_points_and_into_no_device(flow: Flow) -> None:
    real, link = flow.folder / "real.json", flow.folder / "link.json"
    real.write_text("{}")
    link.symlink_to(real)
    flow.write(QUEUE)

    workflow.plan(flow.run(), Selection(), link)

    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert open_plan(real).plan.changes
    assert sorted(path.name for path in flow.folder.iterdir()) == ["link.json", "provisioner.yaml", "real.json"]
    with pytest.raises(StateError, match="not a regular file"):
        workflow.plan(flow.run(), Selection(), Path(os.devnull))


def test_another_account_is_refused(flow: Flow) -> None:
    file = saved(flow, QUEUE)
    opened = open_plan(file)
    other = replace(opened, plan=replace(opened.plan, account="210987654321"))
    run = Run(workflow.manifest_of(other), flow.ui, clock=flow.clock, opened=flow.sessions)

    with pytest.raises(
        StaleError, match="made for account 210987654321, the credentials belong to account 123456789012"
    ):
        workflow.apply_saved(run, other, Execution())


def test_another_region_is_refused(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = replace(open_plan(saved(flow, QUEUE)), provider=replace(flow.run().manifest.provider, region=""))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    run = Run(workflow.manifest_of(opened), flow.ui, clock=flow.clock, opened=flow.sessions)

    with pytest.raises(StaleError, match="made for region eu-west-1, the environment has us-east-1"):
        workflow.apply_saved(run, opened, Execution())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: it["content"]["plan"]["changes"][0]["desired"].update(batch_size=9), "was edited after it was written"),
        (lambda it: it["content"]["plan"].update(serial=7), "was edited after it was written"),
        (lambda it: it.update(checksum="0"), "was edited after it was written"),
        (lambda it: it.update(provisioner_plan=2), "is a plan of version 2, made by provisioner"),
    ],
)  # fmt: skip
def test_an_edited_file_is_refused(flow: Flow, change: Callable[[dict[str, Any]], None], message: str) -> None:
    file = saved(flow, QUEUE)
    edit(file, change)

    with pytest.raises(StaleError, match=message):
        open_plan(file)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_plan_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)

    with pytest.raises(ProvisionerError, match="is not a saved plan"):
        open_plan(file)


def test_a_plan_beside_a_cut_off_apply_is_not_saved(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    flow.applied(QUEUE)
    state = json.loads((flow.folder / "state/test.json").read_text())
    pair = {"region": "eu-west-1", "source": SQS, "function": "f", "channel": ""}
    lines = [
        {"journal": 1, "lineage": state["lineage"], "serial": state["serial"]},
        {"intent": "1", "action": "update", "name": "it", "pair": pair, "uuids": [flow.uuid]},
    ]
    (flow.folder / "state/test.journal").write_text("".join(json.dumps(line) + "\n" for line in lines))

    with pytest.raises(StateError, match="a plan cannot be saved now"):
        saved(flow, {**QUEUE, "batch_size": 5})


# --- the hash --------------------------------------------------------------------------------------------------------


def hashed(file: Path) -> str:
    opened: SavedPlan = open_plan(file)
    assert json.loads(file.read_text())["hash"] == plan_hash(opened.plan)
    return plan_hash(opened.plan)


def test_the_hash_is_of_what_is_done_and_of_nothing_else(flow: Flow) -> None:
    flow.applied(QUEUE)
    wanted = {**QUEUE, "batch_size": 5}
    first = hashed(saved(flow, wanted))
    flow.applied({**QUEUE, "tags": {"a": "b"}})  # the serial moves on
    flow.applied(QUEUE)

    assert hashed(saved(flow, wanted)) == first
    assert hashed(saved(flow, {**QUEUE, "batch_size": 6})) != first
    assert hashed(saved(flow, wanted, replaced=("it",))) != first
    assert hashed(saved(flow, {**wanted, "lifecycle": {"prevent_destroy": True}})) != first
    flow.plane.client().update_event_source_mapping(UUID=flow.uuid, BatchSize=7)
    assert hashed(saved(flow, wanted)) != first


def test_an_approved_hash_is_all_the_approval_that_is_needed(flow: Flow) -> None:
    flow.write(QUEUE)
    approved = plan_hash(flow.plan())

    _, report = workflow.apply(flow.run(), Selection(), Execution(expected_hash=approved))

    assert report.clean
    with pytest.raises(StaleError, match="the plan is not the one that was approved"):
        workflow.apply(flow.run(), Selection(), Execution(expected_hash=approved))


def test_the_hash_is_the_same_on_any_day_and_machine(flow: Flow) -> None:
    """A new mapping, in account 123456789012 and eu-west-1: no UUID of today is in its plan."""
    flow.write(QUEUE)

    assert plan_hash(flow.plan()) == "v1:f1b725da7960875172bb9bc2b823f152e9996f32355fca5284bb50fca0aaa9ee"


# --- the command -----------------------------------------------------------------------------------------------------

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"


def test_what_a_plan_says_cannot_be_said_beside_it(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.run("plan", "--out", "plan.json")

    result = workspace.run("apply", "plan.json", "--target", "orders", "--var", "a=b", "-f", ".", code=1)

    assert "-f, --var, --target cannot be added to it" in result.err


def test_a_saved_plan_is_shown_and_applied_from_anywhere(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write(ONE)
    planned = workspace.run("plan", "--out", "plan.json")

    shown = workspace.run("show", "plan.json")
    done = workspace.run("apply", "plan.json")

    assert shown.out == planned.out
    assert "Apply complete! Mappings: 1 added" in done.out
    workspace.assert_in_sync()
