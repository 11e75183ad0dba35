"""A delete is done when the mapping is seen to be gone; until then it stays recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner import workflow
from provisioner.model.report import Result
from provisioner.sandbox.mappings import Delays, Mappings
from provisioner.workflow import Execution, Selection
from tests.execution.test_apply import outcome, queue
from tests.support import ALL
from tests.support.control_plane import any_credentials, served
from tests.support.stack import Sessions, Stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    with served(direct=True) as plane:
        any_credentials(monkeypatch)
        yield Stack(tmp_path, plane, Sessions(plane.endpoint, plane.attach), {"settle_timeout": 2})


@pytest.fixture
def slow_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack whose deleted mappings stay Deleting."""
    with served(Delays(0, 0, 0, 0, deleting=10_000), direct=True) as plane:
        any_credentials(monkeypatch)
        yield Stack(tmp_path, plane, Sessions(plane.endpoint, plane.attach), {"settle_timeout": 2})


def test_a_delete_that_aws_accepted_and_did_not_do_forgets_nothing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.write_mappings(queue("a"))
    assert stack.apply().clean
    uuid = stack.uuids()["a"]
    monkeypatch.setattr(Mappings, "delete", lambda mappings, ident: {**mappings.get(ident), "State": "Deleting"})
    stack.write_mappings()

    done = outcome(stack.apply())

    assert (done.result, done.settled) == (Result.APPLIED, False)
    assert done.detail == f"{uuid} was deleted, but is still Enabled; it stays recorded"
    assert stack.uuids() == {"a": uuid}
    monkeypatch.undo()
    assert stack.apply().clean
    assert stack.uuids() == stack.live_mappings() == {}


def test_a_mapping_that_stays_deleting_stays_recorded(slow_stack: Stack) -> None:
    slow_stack.write_mappings(queue("a"))
    assert slow_stack.apply().clean
    uuid = slow_stack.uuids()["a"]
    slow_stack.write_mappings()

    done = outcome(slow_stack.apply())

    assert not done.settled
    assert done.detail == f"{uuid} was deleted, but is still Deleting; it stays recorded"
    assert slow_stack.uuids() == {"a": uuid}


def test_without_waiting_a_deleted_mapping_stays_recorded_for_the_next_run(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    assert stack.apply().clean
    uuid = stack.uuids()["a"]
    stack.write_mappings()

    done = outcome(stack.apply(wait=False))

    assert done.result is Result.APPLIED
    assert "stays recorded until the next apply" in done.detail
    assert stack.uuids() == {"a": uuid}
    assert stack.apply().clean
    assert stack.uuids() == {}


def test_the_mapping_that_a_replacement_deletes_stays_deposed_until_it_is_gone(slow_stack: Stack) -> None:
    slow_stack.write_mappings(queue("a", number=1))
    assert slow_stack.apply().clean
    old = slow_stack.uuids()["a"]
    slow_stack.write_mappings(queue("a", number=2))

    done = outcome(slow_stack.apply())

    [record] = workflow.records(slow_stack.run()).values()
    assert not done.settled
    assert [item.key.id for item in record.deposed] == [old]
    assert record.key.id != old


@pytest.mark.parametrize(("count", "most"), [(100, 106), *([(1_000, 1_050)] if ALL else [])])
def test_a_destroy_asks_about_all_deletes_together(stack: Stack, count: int, most: int) -> None:
    stack.write_mappings(*(queue(f"m{number}", number=number) for number in range(count)))
    assert stack.apply().clean
    run = stack.run()
    before = run.aws.calls.made

    _, report = workflow.apply(run, Selection(destroy=True), Execution(auto_approve=True))

    assert report.clean
    assert stack.uuids() == {}
    assert count <= run.aws.calls.made - before <= most


def test_a_mapping_that_is_being_deleted_is_waited_for_without_a_call(slow_stack: Stack) -> None:
    slow_stack.write_mappings(queue("a"))
    assert slow_stack.apply().clean
    slow_stack.write_mappings()
    slow_stack.apply()
    slow_stack.plane.requests.clear()

    [change] = slow_stack.plan().changes
    assert change.notes == ("AWS is deleting it already: no call is made, and the apply waits until it is gone",)
    done = outcome(slow_stack.apply())

    assert not done.settled
    assert "DELETE" not in [method for method, _, _ in slow_stack.plane.requests]
    slow_stack.plane.reset()
    assert slow_stack.apply().clean
    assert slow_stack.uuids() == {}
