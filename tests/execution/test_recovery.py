"""A create that was cut off is found again, whatever the next run is asked to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner import workflow
from provisioner.errors import StateError
from provisioner.workflow import Execution, Selection
from tests.embedded import Fault
from tests.flow import Flow
from tests.planes import SQS

QUEUE = {"function_name": "f", "event_source_arn": SQS}


def dies_at_a_create(*, denied: bool = False) -> Fault:
    """The answer to a create is lost; then nothing is answered any more, or every reading is denied."""
    acted: list[str] = []

    def fault(method: str, path: str) -> str:
        if acted:
            return "403" if denied else "before"
        if method == "POST" and "event-source-mappings" in path:
            acted.append(path)
            return "after"
        return ""

    return fault


def live(flow: Flow) -> list[str]:
    return [item["UUID"] for item in flow.plane.client().list_event_source_mappings()["EventSourceMappings"]]


def crash(flow: Flow, mapping: dict[str, Any], fault: Fault) -> None:
    flow.plane.faults[:] = [fault]
    assert not flow.apply(mapping).clean
    flow.plane.faults.clear()
    assert len(live(flow)) == 1


@pytest.mark.parametrize("denied", [False, True], ids=["nothing answers", "reading is denied"])
def test_it_is_deleted_when_it_is_wanted_no_more(flow: Flow, denied: bool) -> None:
    crash(flow, QUEUE, dies_at_a_create(denied=denied))

    flow.applied(None)

    assert live(flow) == []


def test_it_is_deleted_by_destroy(flow: Flow) -> None:
    crash(flow, QUEUE, dies_at_a_create())

    report = workflow.apply(flow.run(), Selection(destroy=True), Execution(auto_approve=True))[1]

    assert report.clean
    assert live(flow) == []


def test_it_is_known_after_an_apply_of_something_else(flow: Flow) -> None:
    crash(flow, QUEUE, dies_at_a_create())

    workflow.apply(flow.run(), Selection(excludes=("it",)), Execution(auto_approve=True))

    assert [flow.uuid] == live(flow)


def test_one_that_was_made_anew_because_it_had_disappeared_is_found(flow: Flow) -> None:
    flow.applied(QUEUE)
    flow.plane.client().delete_event_source_mapping(UUID=flow.uuid)
    crash(flow, QUEUE, dies_at_a_create())

    flow.applied({**QUEUE, "event_source_arn": f"{SQS}2"})

    assert live(flow) == [flow.uuid]


def test_its_protection_is_remembered(flow: Flow) -> None:
    crash(flow, {**QUEUE, "lifecycle": {"prevent_destroy": True}}, dies_at_a_create())
    flow.write(None)

    with pytest.raises(Exception, match="refused"):
        flow.apply(None)

    assert len(live(flow)) == 1


def test_a_refused_plan_forgets_nothing(flow: Flow) -> None:
    flow.applied(QUEUE)
    uuid = flow.uuid
    crash_after = {**QUEUE, "event_source_arn": f"{SQS}2"}
    flow.plane.faults[:] = [dies_at_a_create()]
    flow.apply(crash_after)
    flow.plane.faults.clear()
    made = next(item for item in live(flow) if item != uuid)
    flow.head = {"allowed_account_ids": ["210987654321"]}
    with pytest.raises(Exception, match="not among allowed_account_ids"):
        flow.apply(None)
    flow.head = {}

    flow.applied(None)

    assert made not in live(flow)


def test_a_state_that_was_cut_off_is_not_pushed_elsewhere(flow: Flow) -> None:
    crash(flow, QUEUE, dies_at_a_create())
    file = flow.folder / "state/test.json"

    with pytest.raises(StateError, match="incomplete: an apply was interrupted"):
        workflow.push(flow.run(), file.read_text(), str(file), 0.0, force=True)
    pulled = workflow.pull(flow.run())
    assert "this state may be incomplete" in flow.ui.notes[-1]
    with pytest.raises(StateError, match="incomplete: an apply was interrupted"):
        workflow.push(flow.run(), pulled, "-", 0.0, force=True)


def test_what_replaced_a_mapping_by_hand_is_imported_over_its_dead_record(flow: Flow) -> None:
    flow.applied(QUEUE)
    client = flow.plane.client()
    client.delete_event_source_mapping(UUID=flow.uuid)
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=SQS)["UUID"]

    flow.import_(made)

    assert flow.uuid == made
    flow.assert_in_sync()


@pytest.mark.parametrize("damage", ["{", '{"version": 1, "lineage": 3}', "[]"])
def test_a_damaged_state_is_put_aside_by_what_mends_it(flow: Flow, damage: str) -> None:
    flow.applied(QUEUE)
    file = flow.folder / "state/test.json"
    good = file.read_text()
    file.write_text(damage)

    workflow.rebuild_state(flow.run(), 0.0)
    flow.assert_in_sync()
    file.write_text(damage)
    workflow.push(flow.run(), good, "-", 0.0, force=True)

    flow.assert_in_sync()
    assert json.loads(good)["mappings"] == json.loads(file.read_text())["mappings"]
    assert len(list(file.parent.glob("test.json.damaged-*"))) >= 1


def test_a_link_to_a_state_is_the_state(flow: Flow) -> None:
    shared = flow.folder / "shared"
    (flow.folder / "state").mkdir()
    (flow.folder / "state/test.json").symlink_to(shared / "test.json")
    shared.mkdir()

    flow.applied(QUEUE)

    assert (flow.folder / "state/test.json").is_symlink()
    assert (shared / "test.json").exists()
    assert (shared / "test.lock").exists()
