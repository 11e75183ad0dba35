"""Applies that meet trouble: workflows in this process, against a control plane that can be told to fail."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.aws.errors import Retry
from provisioner.aws.gateway import BUDGETS
from provisioner.model.plan import Action, Cause, Plan
from provisioner.model.report import Phase, Progress, Report, Result
from provisioner.sandbox.mappings import Delays
from provisioner.workflow import Execution, Run, Selection
from tests.embedded import ACCOUNT, REGION, Embedded, Fault, any_credentials, served
from tests.flow import Hurried, SilentUi


@dataclass
class Bench:
    """A manifest in a folder, and the control plane."""

    folder: Path
    plane: Embedded
    ui: SilentUi = field(default_factory=SilentUi)

    def write(self, *mappings: str, head: str = "") -> None:
        body = "".join(f"  {mapping}\n" for mapping in mappings)
        text = f"stack: test\nprovider: {{ region: {REGION}, settle_timeout: 2 }}\n{head}mappings:\n{body}"
        (self.folder / "provisioner.yaml").write_text(text if mappings else text.replace("mappings:\n", ""))

    def run(self) -> Run:
        return Run.on(self.folder, self.ui, clock=Hurried())

    def apply(self, **execution: Any) -> Report:
        options = {"auto_approve": True, **execution}
        return workflow.apply(self.run(), Selection(), Execution(**options))[1]

    def plan(self) -> Plan:
        return workflow.plan(self.run(), Selection())

    def assert_in_sync(self) -> None:
        assert [change for change in self.plan().changes if change.counts] == []

    def live(self) -> dict[str, dict[str, Any]]:
        pages = self.plane.client().get_paginator("list_event_source_mappings").paginate()
        return {item["UUID"]: item for page in pages for item in page["EventSourceMappings"]}

    def uuids(self) -> dict[str, str]:
        return {name: record.uuid for name, record in workflow.records(self.run()).items()}


def bench_of(plane: Embedded, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    any_credentials(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", plane.endpoint)
    return Bench(folder, plane)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with served() as plane:
        yield bench_of(plane, tmp_path, monkeypatch)


@pytest.fixture
def slow_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench whose mappings never leave Creating."""
    with served(Delays(creating=10_000)) as plane:
        yield bench_of(plane, tmp_path, monkeypatch)


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


def test_an_answer_lost_after_aws_acted_makes_no_second_mapping(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.plane.faults.append(only_once("POST", "after"))

    assert bench.apply().clean

    assert any("checking whether AWS created it" in event.text for event in bench.ui.events)
    assert list(bench.uuids().values()) == list(bench.live())
    assert [method for method, _, _ in bench.plane.requests].count("POST") == 1
    bench.assert_in_sync()


def test_an_answer_lost_before_aws_acted_is_looked_for_and_sent_again(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.plane.faults.append(only_once("POST", "before"))

    assert bench.apply().clean

    methods = [method for method, _, _ in bench.plane.requests]
    first, second = (index for index, method in enumerate(methods) if method == "POST")
    assert "GET" in methods[first:second]
    assert list(bench.uuids().values()) == list(bench.live())
    bench.assert_in_sync()


def test_without_ownership_tags_a_lost_answer_is_not_guessed_at(bench: Bench) -> None:
    bench.write(queue("a"))
    manifest = bench.folder / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("settle_timeout: 2", "settle_timeout: 2, ownership_tags: false"))
    bench.plane.faults.append(only_once("POST", "after"))

    lost = outcome(bench.apply())

    [uuid] = bench.live()
    assert lost.result is Result.FAILED
    assert lost.hint == f"it may be the mapping that this call created; if it is: `provisioner import a {uuid}`"


def test_a_fault_on_create_is_repeated_only_after_a_look(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.plane.faults.append(only_once("POST", "500"))

    assert bench.apply().clean

    assert len(bench.live()) == 1
    bench.assert_in_sync()


def test_a_create_that_fails_for_good_leaves_its_intent_for_the_next_apply(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.plane.faults[:] = [creates_fail]

    failed = outcome(bench.apply())

    assert failed.result is Result.FAILED
    assert failed.hint.startswith("AWS may have created it; apply again")
    bench.plane.faults.clear()
    assert bench.apply().clean
    assert "an apply was interrupted while creating a; AWS has no such mapping" in bench.ui.notes
    bench.assert_in_sync()


def test_a_fault_on_update_and_delete_is_repeated(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.apply()
    bench.write(queue("a", ", batch_size: 5"))
    bench.plane.faults.append(only_once("PUT", "500"))
    assert bench.apply().clean
    bench.assert_in_sync()
    bench.plane.faults.append(only_once("DELETE", "after"))
    bench.write()
    assert bench.apply().clean
    assert bench.live() == {}


def test_a_replacement_whose_delete_fails_remembers_the_old_mapping(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.apply()
    old = bench.uuids()["a"]
    bench.write(queue("a", number=2))
    denied = lambda method, path: "403" if method == "DELETE" else ""  # noqa: E731
    bench.plane.faults.append(denied)

    failed = outcome(bench.apply())

    assert failed.result is Result.FAILED
    assert set(bench.live()) == {old, bench.uuids()["a"]}
    assert old != bench.uuids()["a"]
    assert [change.key for change in bench.plan().changes if change.counts] == [f"a (deposed {old})"]
    bench.plane.faults.remove(denied)
    assert bench.apply().clean
    assert list(bench.live()) == [bench.uuids()["a"]]
    bench.assert_in_sync()


def deny_delete(method: str, path: str) -> str:
    return "403" if method == "DELETE" else ""


def test_a_failure_names_the_request_that_aws_refused(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.apply()
    bench.write()
    bench.plane.faults.append(deny_delete)

    assert outcome(bench.apply()).request_ids == ("made-by-a-test",)


def test_a_replacement_that_is_undone_takes_the_old_mapping_back(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.apply()
    old = bench.uuids()["a"]
    bench.write(queue("a", number=2))
    bench.plane.faults.append(deny_delete)
    bench.apply()
    bench.plane.faults.clear()
    bench.write(queue("a"))

    assert bench.apply().clean

    assert list(bench.live()) == [old] == [bench.uuids()["a"]]
    bench.assert_in_sync()


def test_a_name_that_another_mapping_takes_over_loses_none(bench: Bench) -> None:
    bench.write(queue("orders"), queue("v2", number=2))
    bench.apply()
    kept = bench.uuids()["v2"]
    bench.write(queue("orders", ", batch_size: 5", number=2))

    assert bench.apply().clean

    [(uuid, live)] = bench.live().items()
    assert (uuid, live["BatchSize"]) == (kept, 5)
    assert bench.uuids() == {"orders": kept}
    bench.assert_in_sync()


def test_a_replacement_that_vanishes_while_it_settles_forgets_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(Delays(creating=1.5), Hurried().now) as plane:
        bench = bench_of(plane, tmp_path, monkeypatch)
        bench.write(queue("a"))
        bench.apply()
        old = bench.uuids()["a"]
        bench.write(queue("a", number=2))

        def meddle(method: str, path: str) -> str:
            if method == "GET" and len(path) > 60 and old not in path and not bench.ui.notes:
                bench.ui.note("meddled")
                plane.client().delete_event_source_mapping(UUID=path.rsplit("/", 1)[1])
            return ""

        plane.faults.append(meddle)

        assert outcome(bench.apply()).result is Result.FAILED
        assert bench.apply().clean
        assert list(bench.live()) == list(bench.uuids().values()) != [old]
        bench.assert_in_sync()


def test_a_forgotten_name_deletes_what_it_deposed_first(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.apply()
    old = bench.uuids()["a"]
    bench.write(queue("a", number=2))
    bench.plane.faults.append(deny_delete)
    bench.apply()
    new = bench.uuids()["a"]
    (bench.folder / "provisioner.yaml").write_text(
        f"stack: test\nprovider: {{ region: {REGION} }}\nremoved: [{{ from: a, destroy: false }}]\n"
    )

    assert not bench.apply().clean
    assert bench.uuids() == {"a": new}
    bench.plane.faults.clear()
    assert bench.apply().clean
    assert bench.uuids() == {}
    assert list(bench.live()) == [new]
    assert old not in bench.live()


def test_half_a_swap_is_not_applied(bench: Bench) -> None:
    bench.write(queue("a"), queue("b", number=2))
    bench.apply()
    held = bench.uuids()
    bench.write(queue("a", number=2), queue("b", ", tags: { x: y }"))
    client = bench.plane.client()
    bench.ui.before_yes = lambda: client.update_event_source_mapping(UUID=held["a"], BatchSize=7)

    report = bench.apply(auto_approve=False)

    assert {item.result for item in report.outcomes} == {Result.NOT_ATTEMPTED}
    assert bench.uuids() == held


def test_an_apply_cut_off_while_it_deleted_is_no_wrong_endpoint(bench: Bench) -> None:
    bench.write(*(queue(f"m{number}", number=number) for number in range(4)))
    bench.apply()
    path = bench.folder / "state/test.json"
    before, uuids = path.read_bytes(), bench.uuids()
    serial = json.loads(before)["serial"]
    lineage = json.loads(before)["lineage"]
    pair = {"region": REGION, "source": "s", "function": "f", "channel": ""}
    lines = [{"journal": 1, "lineage": lineage, "serial": serial}]
    for name in ("m0", "m1", "m2"):
        bench.plane.client().delete_event_source_mapping(UUID=uuids[name])
        lines.append({"intent": name, "action": "delete", "name": name, "pair": pair, "uuids": [uuids[name]]})
    path.with_suffix(".journal").write_text("".join(json.dumps(line) + "\n" for line in lines))
    bench.write()

    assert bench.apply().clean
    assert bench.live() == {}
    bench.assert_in_sync()


def test_deletes_whose_answers_were_lost_are_no_wrong_endpoint(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUDGETS, Retry.FAULT, 0.0)
    bench.write(*(queue(f"m{number}", number=number) for number in range(5)))
    bench.apply()
    bench.write(*(queue(f"m{number}", number=number) for number in range(2)))
    bench.plane.faults.append(lambda method, path: "after" if method == "DELETE" else "")

    assert [item.result for item in bench.apply().outcomes] == [Result.FAILED] * 3
    bench.plane.faults.clear()

    assert [change.action for change in bench.plan().changes if change.counts] == [Action.FORGET] * 3
    assert bench.apply().clean
    bench.assert_in_sync()


def test_a_disk_that_fills_at_the_end_hides_no_result(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write(queue("a"))
    real = os.fsync
    state = bench.folder / "state/test.json.tmp"

    def full_at_the_end(descriptor: int) -> None:
        if bench.live() and state.exists():
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("os.fsync", full_at_the_end)
    report = bench.apply()
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ENDPOINT_URL", bench.plane.endpoint)
    any_credentials(monkeypatch)

    assert not report.clean
    assert "No space left on device" in report.trouble
    assert outcome(report).result is Result.APPLIED
    bench.assert_in_sync()
    assert bench.apply().clean


def test_a_replacement_cut_off_after_its_create_is_taken_up_again(bench: Bench) -> None:
    bench.write(queue("a"))
    bench.apply()
    bench.write(queue("a", number=2))
    bench.plane.faults[:] = [cut_off_at_a_create()]
    bench.apply()
    bench.plane.faults.clear()
    assert len(bench.live()) == 2

    assert bench.apply().clean

    assert list(bench.live()) == [bench.uuids()["a"]]
    bench.assert_in_sync()


def test_a_delete_first_replacement_whose_create_fails_is_made_whole_by_the_next_apply(bench: Bench) -> None:
    stream = f"a: {{ function_name: f, event_source_arn: 'arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s', starting_position: POS }}"
    bench.write(stream.replace("POS", "LATEST"))
    bench.apply()
    bench.write(stream.replace("POS", "TRIM_HORIZON"))
    bench.plane.faults[:] = [creates_fail]

    assert outcome(bench.apply()).result is Result.FAILED
    assert bench.live() == {}
    bench.plane.faults.clear()
    assert bench.apply().clean
    [live] = bench.live().values()
    assert live["StartingPosition"] == "TRIM_HORIZON"
    bench.assert_in_sync()


def test_what_does_not_settle_is_applied_and_said_so(slow_bench: Bench) -> None:
    slow_bench.write(queue("a"))

    done = outcome(slow_bench.apply())

    assert (done.result, done.settled) == (Result.APPLIED, False)
    assert done.detail.startswith("it is still Creating")
    assert slow_bench.uuids() == {"a": done.uuid}


def test_the_uuid_is_stored_before_anything_waits(slow_bench: Bench) -> None:
    slow_bench.write(queue("a"))
    stored: list[str] = []
    journal = slow_bench.folder / "state/test.journal"

    def look(event: Progress) -> None:
        if event.phase is Phase.ENDED:
            stored.append(journal.read_text())

    slow_bench.ui.on_event = look
    slow_bench.apply()

    assert slow_bench.uuids()["a"] in stored[0]


def test_a_mapping_deleted_while_it_settles_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Delays(creating=10)) as plane:
        bench = bench_of(plane, tmp_path, monkeypatch)
        bench.write(queue("a"))

        def delete_first(method: str, path: str) -> str:
            uuid = path.rsplit("/", 1)[1]
            if method == "GET" and len(uuid) == 36:
                plane.faults.clear()
                plane.client().delete_event_source_mapping(UUID=uuid)
            return ""

        plane.faults.append(delete_first)
        done = outcome(bench.apply())

        assert (done.result, done.detail) == (Result.FAILED, "it was deleted outside provisioner before it had settled")
        assert [change.action for change in bench.plan().changes] == [Action.CREATE]


def test_a_field_that_aws_ignored_is_reported_and_what_was_applied_stays_recorded(bench: Bench) -> None:
    bench.plane.ignored = {"BatchSize"}
    bench.write(queue("a", ", batch_size: 5"))

    done = outcome(bench.apply())

    assert done.result is Result.APPLIED
    assert done.ignored == (("batch_size",),)
    assert done.detail.startswith("batch_size not set: AWS ignored the value")
    assert workflow.records(bench.run())["a"].applied["batch_size"] == 5
    [change] = workflow.plan(bench.run(), Selection()).changes
    assert [(field.path, field.live, field.cause) for field in change.fields] == [(("batch_size",), None, Cause.DRIFT)]


def test_what_moved_while_a_person_thought_is_not_attempted(bench: Bench) -> None:
    bench.write(queue("a"), queue("b", number=2))
    bench.apply()
    uuid = bench.uuids()["a"]
    bench.write(queue("a", ", batch_size: 5"), queue("b", ", batch_size: 5", number=2))
    bench.ui.before_yes = lambda: bench.plane.client().update_event_source_mapping(UUID=uuid, BatchSize=7)

    report = bench.apply(auto_approve=False)

    assert {item.change.name: item.result for item in report.outcomes} == {
        "a": Result.NOT_ATTEMPTED,
        "b": Result.APPLIED,
    }
    assert bench.live()[uuid]["BatchSize"] == 7


def test_an_interrupt_ends_what_is_in_flight_and_starts_nothing_new(bench: Bench) -> None:
    bench.write(*(queue(f"m{number}", number=number) for number in range(20)))

    def interrupt(event: Progress) -> None:
        started = sum(item.phase is Phase.STARTED for item in bench.ui.events)
        if event.phase is Phase.STARTED and started == 3:
            signal.raise_signal(signal.SIGINT)

    bench.ui.on_event = interrupt
    report = bench.apply(parallelism=1)

    assert report.interrupted
    results = [item.result for item in report.outcomes]
    assert results.count(Result.NOT_ATTEMPTED) == 17
    assert len(bench.live()) == len(bench.uuids()) == 20 - results.count(Result.NOT_ATTEMPTED)
    bench.ui.on_event = None
    assert bench.apply().clean
    bench.assert_in_sync()


def test_an_update_does_not_send_the_function_when_it_stays(bench: Bench) -> None:
    """AWS checks the role and the queue again when FunctionName is in the request (docs/aws/updates.md#updates)."""
    bench.write(queue("a"))
    bench.apply()
    bench.write(queue("a", ", batch_size: 5"))

    bench.apply()

    assert [body for method, _, body in bench.plane.requests if method == "PUT"] == [{"BatchSize": 5}]


def test_without_ownership_tags_none_are_sent(bench: Bench) -> None:
    bench.write(queue("a"))
    path = bench.folder / "provisioner.yaml"
    path.write_text(path.read_text().replace("provider: {", "provider: { ownership_tags: false,"))

    bench.apply()

    assert [body.get("Tags") for method, _, body in bench.plane.requests if method == "POST"] == [None]
    bench.assert_in_sync()


def test_expired_credentials_in_the_middle_leave_the_rest_unattempted(bench: Bench) -> None:
    bench.write(*(queue(name, number=number) for number, name in enumerate("abcd")))
    made: list[str] = []

    def expire(method: str, path: str) -> str:
        if method == "POST" and "event-source-mappings" in path:
            made.append(path)
        return "403 ExpiredTokenException" if len(made) > 1 else ""

    bench.plane.faults[:] = [expire]

    results = [item.result for item in bench.apply(parallelism=1).outcomes]

    assert results == [Result.APPLIED, Result.FAILED, Result.NOT_ATTEMPTED, Result.NOT_ATTEMPTED]
    assert list(bench.uuids()) == ["a"]
    bench.plane.faults.clear()
    assert bench.apply().clean
    bench.assert_in_sync()


def test_a_permission_lost_in_the_middle_stops_that_kind_of_change_only(bench: Bench) -> None:
    bench.write(queue("z", number=9))
    bench.apply()
    bench.write(queue("a", number=1), queue("b", number=2), queue("z", ", batch_size: 5", number=9))
    bench.plane.faults[:] = [lambda method, path: "403" if method == "POST" and "event-source-mappings" in path else ""]

    outcomes = {item.change.name: item.result for item in bench.apply(parallelism=1).outcomes}

    assert outcomes == {"a": Result.FAILED, "b": Result.NOT_ATTEMPTED, "z": Result.APPLIED}
    bench.plane.faults.clear()
    assert bench.apply().clean


def test_what_somebody_else_is_changing_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Delays(0, 1, 0, 0, 0), Hurried().now) as plane:
        bench = bench_of(plane, tmp_path, monkeypatch)
        bench.write(queue("a"))
        bench.apply()
        bench.write(queue("a", ", batch_size: 5"))
        meddled: list[str] = []

        def meddle(method: str, path: str) -> str:
            if method == "PUT" and not meddled:
                meddled.append(path)
                plane.client().update_event_source_mapping(UUID=path.rsplit("/", 1)[1], BatchSize=7)
            return ""

        plane.faults.append(meddle)

        moved = outcome(bench.apply())

        assert moved.result is Result.FAILED
        assert "was changed outside provisioner since the plan was made" in moved.detail
        [live] = bench.live().values()
        assert live["BatchSize"] == 7
        assert bench.apply().clean
        bench.assert_in_sync()


def test_a_409_that_names_a_mapping_of_ours_finishes_it(bench: Bench) -> None:
    """Made by this state a moment ago, and not in List yet: the create is refused, and the mapping is taken over."""
    bench.write(queue("a"))
    bench.apply()
    [uuid] = bench.live()
    workflow.remove(bench.run(), ["a"], 0.0)
    bench.write(queue("a", ", batch_size: 5"))
    bench.plane.faults[:] = [lambda method, path: "403" if method == "GET" and path.endswith("mappings") else ""]

    assert bench.apply().clean

    bench.plane.faults.clear()
    assert bench.uuids() == {"a": uuid}
    assert bench.live()[uuid]["BatchSize"] == 5
    bench.assert_in_sync()


def test_a_409_on_what_is_nobodys_is_adopted_only_when_asked(bench: Bench) -> None:
    source = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q1"
    uuid = bench.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=source)["UUID"]
    bench.plane.faults[:] = [lambda method, path: "403" if method == "GET" and path.endswith("mappings") else ""]
    bench.write(queue("a"))

    refused = outcome(bench.apply())
    assert (refused.result, refused.hint) == (Result.FAILED, f"import it: `provisioner import a {uuid}`")

    bench.write(queue("a", ", lifecycle: { on_conflict: adopt }"))
    assert bench.apply().clean
    assert bench.uuids() == {"a": uuid}
