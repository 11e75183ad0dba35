"""A create that was cut off is found again, whatever the next run is asked to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner import workflow
from provisioner.errors import StateError
from provisioner.workflow import Execution, Selection
from tests.support.control_plane import Fault
from tests.support.lambda_api import SQS
from tests.support.stack import Stack

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


def live(stack: Stack) -> list[str]:
    return [item["UUID"] for item in stack.plane.client().list_event_source_mappings()["EventSourceMappings"]]


def crash(stack: Stack, mapping: dict[str, Any], fault: Fault) -> None:
    stack.plane.faults[:] = [fault]
    assert not stack.apply_mapping(mapping).clean
    stack.plane.faults.clear()
    assert len(live(stack)) == 1


@pytest.mark.parametrize("denied", [False, True], ids=["nothing answers", "reading is denied"])
def test_it_is_deleted_when_it_is_wanted_no_more(stack: Stack, denied: bool) -> None:
    crash(stack, QUEUE, dies_at_a_create(denied=denied))

    stack.applied(None)

    assert live(stack) == []


def test_it_is_deleted_by_destroy(stack: Stack) -> None:
    crash(stack, QUEUE, dies_at_a_create())

    report = workflow.apply(stack.run(), Selection(destroy=True), Execution(auto_approve=True))[1]

    assert report.clean
    assert live(stack) == []


def test_it_is_known_after_an_apply_of_something_else(stack: Stack) -> None:
    crash(stack, QUEUE, dies_at_a_create())

    workflow.apply(stack.run(), Selection(excludes=("it",)), Execution(auto_approve=True))

    assert [stack.uuid] == live(stack)


def test_one_that_was_made_anew_because_it_had_disappeared_is_found(stack: Stack) -> None:
    stack.applied(QUEUE)
    stack.plane.client().delete_event_source_mapping(UUID=stack.uuid)
    crash(stack, QUEUE, dies_at_a_create())

    stack.applied({**QUEUE, "event_source_arn": f"{SQS}2"})

    assert live(stack) == [stack.uuid]


def test_its_protection_is_remembered(stack: Stack) -> None:
    crash(stack, {**QUEUE, "lifecycle": {"prevent_destroy": True}}, dies_at_a_create())
    stack.write(None)

    with pytest.raises(Exception, match="refused"):
        stack.apply_mapping(None)

    assert len(live(stack)) == 1


def test_a_refused_plan_forgets_nothing(stack: Stack) -> None:
    stack.applied(QUEUE)
    uuid = stack.uuid
    crash_after = {**QUEUE, "event_source_arn": f"{SQS}2"}
    stack.plane.faults[:] = [dies_at_a_create()]
    stack.apply_mapping(crash_after)
    stack.plane.faults.clear()
    made = next(item for item in live(stack) if item != uuid)
    stack.head = {"allowed_account_ids": ["210987654321"]}
    with pytest.raises(Exception, match="not listed in allowed_account_ids"):
        stack.apply_mapping(None)
    stack.head = {}

    stack.applied(None)

    assert made not in live(stack)


def test_a_state_that_was_cut_off_is_not_pushed_elsewhere(stack: Stack) -> None:
    crash(stack, QUEUE, dies_at_a_create())
    file = stack.folder / "state/test.json"

    with pytest.raises(StateError, match="incomplete: an apply was interrupted"):
        workflow.push(stack.run(), file.read_text(), str(file), 0.0, force=True)
    pulled = workflow.pull(stack.run())
    assert "this state may be incomplete" in stack.ui.notes[-1]
    with pytest.raises(StateError, match="incomplete: an apply was interrupted"):
        workflow.push(stack.run(), pulled, "-", 0.0, force=True)


def test_what_replaced_a_mapping_by_hand_is_imported_over_its_dead_record(stack: Stack) -> None:
    stack.applied(QUEUE)
    client = stack.plane.client()
    client.delete_event_source_mapping(UUID=stack.uuid)
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=SQS)["UUID"]

    stack.import_(made)

    assert stack.uuid == made
    stack.assert_in_sync()


@pytest.mark.parametrize("damage", ["{", '{"version": 1, "lineage": 3}', "[]"])
def test_a_damaged_state_is_put_aside_by_what_mends_it(stack: Stack, damage: str) -> None:
    stack.applied(QUEUE)
    file = stack.folder / "state/test.json"
    good = file.read_text()
    file.write_text(damage)

    workflow.rebuild_state(stack.run(), 0.0)
    stack.assert_in_sync()
    file.write_text(damage)
    workflow.push(stack.run(), good, "-", 0.0, force=True)

    stack.assert_in_sync()
    assert json.loads(good)["mappings"] == json.loads(file.read_text())["mappings"]
    assert len(list(file.parent.glob("test.json.damaged-*"))) >= 1


def test_a_link_in_place_of_a_state_is_refused(stack: Stack) -> None:
    """It may have come with the repository, and lead to any file."""
    (stack.folder / "state").mkdir()
    (stack.folder / "state/test.json").symlink_to(stack.folder / "other.json")
    (stack.folder / "other.json").write_text("{}")
    stack.write(QUEUE)

    with pytest.raises(StateError, match="it is a symbolic link, which is not followed"):
        stack.apply()

    assert (stack.folder / "other.json").read_text() == "{}"


def test_a_rebuilt_state_takes_no_name_from_a_tag_that_no_manifest_could_have(stack: Stack) -> None:
    """Anybody can change a tag, and a state with such a name could not be read again."""
    owner = {"provisioner:stack": "test", "provisioner:lineage": "lost", "provisioner:name": "a name: @"}
    uuid = stack.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=SQS, Tags=owner)["UUID"]
    stack.write(None)

    workflow.rebuild_state(stack.run(), 0.0)

    assert stack.uuids() == {f"mapping-{uuid[:8]}": uuid}
