"""Applies that meet trouble: workflows in this process, against a control plane that can be made to fail."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.aws.errors import Retry
from provisioner.aws.requests import BUDGETS
from provisioner.model.plan import Action, Cause
from provisioner.model.report import Phase, Progress, Report, Result
from provisioner.sandbox.mappings import Delays
from provisioner.workflow import Selection
from tests.support.clocks import Hurried
from tests.support.control_plane import ACCOUNT, REGION, Fault, ServedControlPlane, any_credentials, served
from tests.support.stack import Sessions, Stack


def stack_of(plane: ServedControlPlane, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    any_credentials(monkeypatch)
    return Stack(folder, plane, Sessions(plane.endpoint), {"settle_timeout": 2})


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    with served() as plane:
        yield stack_of(plane, tmp_path, monkeypatch)


@pytest.fixture
def slow_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack whose mappings never leave Creating."""
    with served(Delays(creating=10_000)) as plane:
        yield stack_of(plane, tmp_path, monkeypatch)


def queue(name: str, rest: str = "", number: int = 1) -> str:
    return f"{name}: {{ function_name: f, event_source_arn: 'arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}'{rest} }}"


def only_once(method: str, verdict: str, *, number: int = 1) -> Any:
    """A fault at the n-th call of a method on mappings."""
    lock, seen = threading.Lock(), [0]

    def fault(called: str, path: str) -> str:
        if called != method or "event-source-mappings" not in path:
            return ""
        with lock:
            seen[0] += 1
            return verdict if seen[0] == number else ""

    return fault


def outcome(report: Report) -> Any:
    [only] = report.outcomes
    return only


def creates_fail(method: str, path: str) -> str:
    return "500" if method == "POST" and "event-source-mappings" in path else ""


def cut_off_at_a_create() -> Fault:
    """The answer to a create is lost, and nothing is answered any more."""
    acted: list[str] = []

    def fault(method: str, path: str) -> str:
        if acted:
            return "before"
        if method == "POST" and "event-source-mappings" in path:
            acted.append(path)
            return "after"
        return ""

    return fault


def test_an_answer_lost_after_aws_acted_makes_no_second_mapping(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.plane.faults.append(only_once("POST", "after"))

    assert stack.apply().clean

    assert any("checking whether AWS created it" in event.text for event in stack.ui.events)
    assert list(stack.uuids().values()) == list(stack.live_mappings())
    assert [method for method, _, _ in stack.plane.requests].count("POST") == 1
    stack.assert_in_sync()


def test_an_answer_lost_before_aws_acted_is_looked_for_and_sent_again(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.plane.faults.append(only_once("POST", "before"))

    assert stack.apply().clean

    methods = [method for method, _, _ in stack.plane.requests]
    first, second = (index for index, method in enumerate(methods) if method == "POST")
    assert "GET" in methods[first:second]
    assert list(stack.uuids().values()) == list(stack.live_mappings())
    stack.assert_in_sync()


def test_without_ownership_tags_a_lost_answer_is_not_guessed_at(stack: Stack) -> None:
    stack.head["ownership_tags"] = False
    stack.write_mappings(queue("a"))
    stack.plane.faults.append(only_once("POST", "after"))

    lost = outcome(stack.apply())

    [uuid] = stack.live_mappings()
    assert lost.result is Result.FAILED
    assert lost.hint == f"if it is the mapping that this call created, import it: `provisioner import a {uuid}`"


def test_a_fault_on_create_is_repeated_only_after_a_look(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.plane.faults.append(only_once("POST", "500"))

    assert stack.apply().clean

    assert len(stack.live_mappings()) == 1
    stack.assert_in_sync()


def test_a_create_that_fails_for_good_leaves_its_intent_for_the_next_apply(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.plane.faults[:] = [creates_fail]

    failed = outcome(stack.apply())

    assert failed.result is Result.FAILED
    assert failed.hint.startswith("AWS may have created the mapping; apply again")
    stack.plane.faults.clear()
    assert stack.apply().clean
    assert "an apply was interrupted while creating a; AWS has no such mapping" in stack.ui.notes
    stack.assert_in_sync()


def test_a_fault_on_update_and_delete_is_repeated(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.apply()
    stack.write_mappings(queue("a", ", batch_size: 5"))
    stack.plane.faults.append(only_once("PUT", "500"))
    assert stack.apply().clean
    stack.assert_in_sync()
    stack.plane.faults.append(only_once("DELETE", "after"))
    stack.write_mappings()
    assert stack.apply().clean
    assert stack.live_mappings() == {}


def test_a_replacement_whose_delete_fails_remembers_the_old_mapping(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.apply()
    old = stack.uuids()["a"]
    stack.write_mappings(queue("a", number=2))
    denied = lambda method, path: "403" if method == "DELETE" else ""  # noqa: E731
    stack.plane.faults.append(denied)

    failed = outcome(stack.apply())

    assert failed.result is Result.FAILED
    assert set(stack.live_mappings()) == {old, stack.uuids()["a"]}
    assert old != stack.uuids()["a"]
    assert [change.key for change in stack.plan().changes if change.counts] == [f"a (deposed {old})"]
    stack.plane.faults.remove(denied)
    assert stack.apply().clean
    assert list(stack.live_mappings()) == [stack.uuids()["a"]]
    stack.assert_in_sync()


def deny_delete(method: str, path: str) -> str:
    return "403" if method == "DELETE" else ""


def test_a_failure_names_the_request_that_aws_refused(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.apply()
    stack.write_mappings()
    stack.plane.faults.append(deny_delete)

    assert outcome(stack.apply()).request_ids == ("made-by-a-test",)


def test_a_replacement_that_is_undone_takes_the_old_mapping_back(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.apply()
    old = stack.uuids()["a"]
    stack.write_mappings(queue("a", number=2))
    stack.plane.faults.append(deny_delete)
    stack.apply()
    stack.plane.faults.clear()
    stack.write_mappings(queue("a"))

    assert stack.apply().clean

    assert list(stack.live_mappings()) == [old] == [stack.uuids()["a"]]
    stack.assert_in_sync()


def test_a_name_that_another_mapping_takes_over_loses_none(stack: Stack) -> None:
    stack.write_mappings(queue("orders"), queue("v2", number=2))
    stack.apply()
    kept = stack.uuids()["v2"]
    stack.write_mappings(queue("orders", ", batch_size: 5", number=2))

    assert stack.apply().clean

    [(uuid, live)] = stack.live_mappings().items()
    assert (uuid, live["BatchSize"]) == (kept, 5)
    assert stack.uuids() == {"orders": kept}
    stack.assert_in_sync()


def test_a_replacement_that_vanishes_while_it_settles_forgets_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(Delays(creating=1.5), Hurried().now) as plane:
        stack = stack_of(plane, tmp_path, monkeypatch)
        stack.write_mappings(queue("a"))
        stack.apply()
        old = stack.uuids()["a"]
        stack.write_mappings(queue("a", number=2))

        def meddle(method: str, path: str) -> str:
            if method == "GET" and len(path) > 60 and old not in path and not stack.ui.notes:
                stack.ui.note("meddled")
                plane.client().delete_event_source_mapping(UUID=path.rsplit("/", 1)[1])
            return ""

        plane.faults.append(meddle)

        assert outcome(stack.apply()).result is Result.FAILED
        assert stack.apply().clean
        assert list(stack.live_mappings()) == list(stack.uuids().values()) != [old]
        stack.assert_in_sync()


def test_a_forgotten_name_deletes_what_it_deposed_first(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.apply()
    old = stack.uuids()["a"]
    stack.write_mappings(queue("a", number=2))
    stack.plane.faults.append(deny_delete)
    stack.apply()
    new = stack.uuids()["a"]
    (stack.folder / "provisioner.yaml").write_text(
        f"stack: test\nprovider: {{ region: {REGION} }}\nremoved: [{{ from: a, destroy: false }}]\n"
    )

    assert not stack.apply().clean
    assert stack.uuids() == {"a": new}
    stack.plane.faults.clear()
    assert stack.apply().clean
    assert stack.uuids() == {}
    assert list(stack.live_mappings()) == [new]
    assert old not in stack.live_mappings()


def test_half_a_swap_is_not_applied(stack: Stack) -> None:
    stack.write_mappings(queue("a"), queue("b", number=2))
    stack.apply()
    held = stack.uuids()
    stack.write_mappings(queue("a", number=2), queue("b", ", tags: { x: y }"))
    client = stack.plane.client()
    stack.ui.before_yes = lambda: client.update_event_source_mapping(UUID=held["a"], BatchSize=7)

    report = stack.apply(auto_approve=False)

    assert {item.result for item in report.outcomes} == {Result.NOT_ATTEMPTED}
    assert stack.uuids() == held


def test_an_apply_cut_off_while_it_deleted_is_no_wrong_endpoint(stack: Stack) -> None:
    stack.write_mappings(*(queue(f"m{number}", number=number) for number in range(4)))
    stack.apply()
    path = stack.folder / "state/test.json"
    before, uuids = path.read_bytes(), stack.uuids()
    serial = json.loads(before)["serial"]
    lineage = json.loads(before)["lineage"]
    pair = {"region": REGION, "source": "s", "function": "f", "channel": ""}
    lines = [{"journal": 1, "lineage": lineage, "serial": serial}]
    for name in ("m0", "m1", "m2"):
        stack.plane.client().delete_event_source_mapping(UUID=uuids[name])
        lines.append({"intent": name, "action": "delete", "name": name, "pair": pair, "uuids": [uuids[name]]})
    path.with_suffix(".journal").write_text("".join(json.dumps(line) + "\n" for line in lines))
    stack.write_mappings()

    assert stack.apply().clean
    assert stack.live_mappings() == {}
    stack.assert_in_sync()


def test_deletes_whose_answers_were_lost_are_no_wrong_endpoint(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUDGETS, Retry.FAULT, 0.0)
    stack.write_mappings(*(queue(f"m{number}", number=number) for number in range(5)))
    stack.apply()
    stack.write_mappings(*(queue(f"m{number}", number=number) for number in range(2)))
    stack.plane.faults.append(lambda method, path: "after" if method == "DELETE" else "")

    assert [item.result for item in stack.apply().outcomes] == [Result.FAILED] * 3
    stack.plane.faults.clear()

    assert [change.action for change in stack.plan().changes if change.counts] == [Action.FORGET] * 3
    assert stack.apply().clean
    stack.assert_in_sync()


def test_a_disk_that_fills_at_the_end_hides_no_result(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.write_mappings(queue("a"))
    real = os.fsync
    state = stack.folder / "state/test.json.tmp"

    def full_at_the_end(descriptor: int) -> None:
        if stack.live_mappings() and state.exists():
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("os.fsync", full_at_the_end)
    report = stack.apply()
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.plane.endpoint)
    any_credentials(monkeypatch)

    assert not report.clean
    assert "No space left on device" in report.trouble
    assert outcome(report).result is Result.APPLIED
    stack.assert_in_sync()
    assert stack.apply().clean


def test_a_replacement_cut_off_after_its_create_is_taken_up_again(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    stack.apply()
    stack.write_mappings(queue("a", number=2))
    stack.plane.faults[:] = [cut_off_at_a_create()]
    stack.apply()
    stack.plane.faults.clear()
    assert len(stack.live_mappings()) == 2

    assert stack.apply().clean

    assert list(stack.live_mappings()) == [stack.uuids()["a"]]
    stack.assert_in_sync()


def test_a_delete_first_replacement_whose_create_fails_is_made_whole_by_the_next_apply(stack: Stack) -> None:
    stream = f"a: {{ function_name: f, event_source_arn: 'arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s', starting_position: POS }}"
    stack.write_mappings(stream.replace("POS", "LATEST"))
    stack.apply()
    stack.write_mappings(stream.replace("POS", "TRIM_HORIZON"))
    stack.plane.faults[:] = [creates_fail]

    assert outcome(stack.apply()).result is Result.FAILED
    assert stack.live_mappings() == {}
    stack.plane.faults.clear()
    assert stack.apply().clean
    [live] = stack.live_mappings().values()
    assert live["StartingPosition"] == "TRIM_HORIZON"
    stack.assert_in_sync()


def test_what_does_not_settle_is_applied_and_said_so(slow_stack: Stack) -> None:
    slow_stack.write_mappings(queue("a"))

    done = outcome(slow_stack.apply())

    assert (done.result, done.settled) == (Result.APPLIED, False)
    assert done.detail.startswith("it is still Creating")
    assert slow_stack.uuids() == {"a": done.uuid}


def test_the_uuid_is_stored_before_anything_waits(slow_stack: Stack) -> None:
    slow_stack.write_mappings(queue("a"))
    stored: list[str] = []
    journal = slow_stack.folder / "state/test.journal"

    def look(event: Progress) -> None:
        if event.phase is Phase.ENDED:
            stored.append(journal.read_text())

    slow_stack.ui.on_event = look
    slow_stack.apply()

    assert slow_stack.uuids()["a"] in stored[0]


def test_a_mapping_deleted_while_it_settles_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Delays(creating=10)) as plane:
        stack = stack_of(plane, tmp_path, monkeypatch)
        stack.write_mappings(queue("a"))

        def delete_first(method: str, path: str) -> str:
            uuid = path.rsplit("/", 1)[1]
            if method == "GET" and len(uuid) == 36:
                plane.faults.clear()
                plane.client().delete_event_source_mapping(UUID=uuid)
            return ""

        plane.faults.append(delete_first)
        done = outcome(stack.apply())

        assert (done.result, done.detail) == (Result.FAILED, "it was deleted outside provisioner before it had settled")
        assert [change.action for change in stack.plan().changes] == [Action.CREATE]


def test_a_field_that_aws_ignored_is_reported_and_what_was_applied_stays_recorded(stack: Stack) -> None:
    stack.plane.ignored = {"BatchSize"}
    stack.write_mappings(queue("a", ", batch_size: 5"))

    done = outcome(stack.apply())

    assert done.result is Result.APPLIED
    assert done.ignored == (("batch_size",),)
    assert done.detail.startswith("batch_size not set: AWS ignored the value")
    assert workflow.records(stack.run())["a"].applied["batch_size"] == 5
    [change] = workflow.plan(stack.run(), Selection()).changes
    assert [(field.path, field.live, field.cause) for field in change.fields] == [(("batch_size",), None, Cause.DRIFT)]


def test_what_moved_while_a_person_thought_is_not_attempted(stack: Stack) -> None:
    stack.write_mappings(queue("a"), queue("b", number=2))
    stack.apply()
    uuid = stack.uuids()["a"]
    stack.write_mappings(queue("a", ", batch_size: 5"), queue("b", ", batch_size: 5", number=2))
    stack.ui.before_yes = lambda: stack.plane.client().update_event_source_mapping(UUID=uuid, BatchSize=7)

    report = stack.apply(auto_approve=False)

    assert {item.change.name: item.result for item in report.outcomes} == {
        "a": Result.NOT_ATTEMPTED,
        "b": Result.APPLIED,
    }
    assert stack.live_mappings()[uuid]["BatchSize"] == 7


def test_an_interrupt_ends_what_is_in_flight_and_starts_nothing_new(stack: Stack) -> None:
    stack.write_mappings(*(queue(f"m{number}", number=number) for number in range(20)))

    def interrupt(event: Progress) -> None:
        started = sum(item.phase is Phase.STARTED for item in stack.ui.events)
        if event.phase is Phase.STARTED and started == 3:
            signal.raise_signal(signal.SIGINT)

    stack.ui.on_event = interrupt
    report = stack.apply(parallelism=1)

    assert report.interrupted
    results = [item.result for item in report.outcomes]
    assert results.count(Result.NOT_ATTEMPTED) == 17
    assert len(stack.live_mappings()) == len(stack.uuids()) == 20 - results.count(Result.NOT_ATTEMPTED)
    stack.ui.on_event = None
    assert stack.apply().clean
    stack.assert_in_sync()


def test_an_update_does_not_send_the_function_when_it_stays(stack: Stack) -> None:
    """AWS checks the role and the queue again when FunctionName is in the request (docs/aws/updates.md#updates)."""
    stack.write_mappings(queue("a"))
    stack.apply()
    stack.write_mappings(queue("a", ", batch_size: 5"))

    stack.apply()

    assert [body for method, _, body in stack.plane.requests if method == "PUT"] == [{"BatchSize": 5}]


def test_without_ownership_tags_none_are_sent(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    path = stack.folder / "provisioner.yaml"
    path.write_text(path.read_text().replace("provider: {", "provider: { ownership_tags: false,"))

    stack.apply()

    assert [body.get("Tags") for method, _, body in stack.plane.requests if method == "POST"] == [None]
    stack.assert_in_sync()


def test_expired_credentials_in_the_middle_leave_the_rest_unattempted(stack: Stack) -> None:
    stack.write_mappings(*(queue(name, number=number) for number, name in enumerate("abcd")))
    made: list[str] = []

    def expire(method: str, path: str) -> str:
        if method == "POST" and "event-source-mappings" in path:
            made.append(path)
        return "403 ExpiredTokenException" if len(made) > 1 else ""

    stack.plane.faults[:] = [expire]

    results = [item.result for item in stack.apply(parallelism=1).outcomes]

    assert results == [Result.APPLIED, Result.FAILED, Result.NOT_ATTEMPTED, Result.NOT_ATTEMPTED]
    assert list(stack.uuids()) == ["a"]
    stack.plane.faults.clear()
    assert stack.apply().clean
    stack.assert_in_sync()


def test_a_permission_lost_in_the_middle_stops_that_kind_of_change_only(stack: Stack) -> None:
    stack.write_mappings(queue("z", number=9))
    stack.apply()
    stack.write_mappings(queue("a", number=1), queue("b", number=2), queue("z", ", batch_size: 5", number=9))
    stack.plane.faults[:] = [lambda method, path: "403" if method == "POST" and "event-source-mappings" in path else ""]

    outcomes = {item.change.name: item.result for item in stack.apply(parallelism=1).outcomes}

    assert outcomes == {"a": Result.FAILED, "b": Result.NOT_ATTEMPTED, "z": Result.APPLIED}
    stack.plane.faults.clear()
    assert stack.apply().clean


def test_what_somebody_else_is_changing_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Delays(0, 1, 0, 0, 0), Hurried().now) as plane:
        stack = stack_of(plane, tmp_path, monkeypatch)
        stack.write_mappings(queue("a"))
        stack.apply()
        stack.write_mappings(queue("a", ", batch_size: 5"))
        meddled: list[str] = []

        def meddle(method: str, path: str) -> str:
            if method == "PUT" and not meddled:
                meddled.append(path)
                plane.client().update_event_source_mapping(UUID=path.rsplit("/", 1)[1], BatchSize=7)
            return ""

        plane.faults.append(meddle)

        moved = outcome(stack.apply())

        assert moved.result is Result.FAILED
        assert "was changed outside provisioner since the plan was made" in moved.detail
        [live] = stack.live_mappings().values()
        assert live["BatchSize"] == 7
        assert stack.apply().clean
        stack.assert_in_sync()


def test_a_409_that_names_a_mapping_of_ours_finishes_it(stack: Stack) -> None:
    """Made by this state a moment ago, and not in List yet: the create is refused, and the mapping is taken over."""
    stack.write_mappings(queue("a"))
    stack.apply()
    [uuid] = stack.live_mappings()
    workflow.remove(stack.run(), ["a"], 0.0, offline=True)  # its tags still name this state
    stack.write_mappings(queue("a", ", batch_size: 5"))
    stack.plane.faults[:] = [lambda method, path: "403" if method == "GET" and path.endswith("mappings") else ""]

    assert stack.apply().clean

    stack.plane.faults.clear()
    assert stack.uuids() == {"a": uuid}
    assert stack.live_mappings()[uuid]["BatchSize"] == 5
    stack.assert_in_sync()


def test_a_409_on_what_is_nobodys_is_adopted_only_when_asked(stack: Stack) -> None:
    source = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q1"
    uuid = stack.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=source)["UUID"]
    stack.plane.faults[:] = [lambda method, path: "403" if method == "GET" and path.endswith("mappings") else ""]
    stack.write_mappings(queue("a"))

    refused = outcome(stack.apply())
    assert (refused.result, refused.hint) == (Result.FAILED, f"import it: `provisioner import a {uuid}`")

    stack.write_mappings(queue("a", ", lifecycle: { on_conflict: adopt }"))
    assert stack.apply().clean
    assert stack.uuids() == {"a": uuid}
