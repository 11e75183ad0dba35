"""State in S3: whose write it was when the answer is lost, and what stands in the object while an apply runs."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import botocore.httpsession
import pytest

from provisioner.backend import s3
from provisioner.backend.s3 import S3Backend
from provisioner.backend.statefile import encode_before
from provisioner.errors import LockedError, StateError
from provisioner.kinds.uniqueness import pair
from provisioner.model.key import LAMBDA, Key
from provisioner.model.state import Intent, Record
from tests.faults.harness import BUCKET, KEY, Machine
from tests.faults.plane import Line
from tests.support.clocks import ManualClock
from tests.support.control_plane import any_credentials, response
from tests.support.stack import SilentUi

APPLIED = {"function_name": "f", "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:q"}
UUID = "00000000-1111-2222-3333-444455556666"
RECORD = Record(Key(LAMBDA, "eu-west-1", UUID), "arn", APPLIED)
CREATE = Intent("t", "create", "a", pair(APPLIED, "eu-west-1"))


@pytest.fixture
def shared(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    any_credentials(monkeypatch)
    machine = Machine(tmp_path, line, s3=True)
    machine.line.post("/moto-api/reset")
    machine.make_bucket()
    machine.write({})
    return machine


def backend(machine: Machine) -> S3Backend:
    found = machine.run().backend
    assert isinstance(found, S3Backend)
    return found


def stored(machine: Machine) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(machine.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
    return value


def lose_the_answer_to(monkeypatch: pytest.MonkeyPatch, method: str, end: str) -> None:
    """The next such request reaches S3, and its answer nobody."""
    real = botocore.httpsession.URLLib3Session.send
    lost: list[str] = []

    def send(session: Any, request: Any) -> Any:
        answered = real(session, request)
        if not lost and request.method == method and request.url.endswith(end):
            lost.append(request.url)
            raise botocore.exceptions.ConnectionClosedError(endpoint_url=request.url)
        return answered

    monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", send)


def test_our_own_write_whose_answer_was_lost_is_ours(shared: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    with backend(shared).locked("apply") as writer:
        writer.save(writer.state)
        lose_the_answer_to(monkeypatch, "PUT", KEY)
        writer.save(writer.state.with_record("a", RECORD))
        writer.save(writer.state.with_record("b", None).with_record("a", None))

    assert stored(shared)["serial"] == 3


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_write_is_attempted_five_times_also_after_an_interrupt(
    shared: Machine, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    real = botocore.httpsession.URLLib3Session.send
    refused: list[str] = []

    def send(session: Any, request: Any) -> Any:
        if request.method == "PUT" and request.url.endswith(KEY) and len(refused) < s3.TRIES - 1:
            refused.append(request.url)
            return response(request.url, 409, {}, b"<Error><Code>ConditionalRequestConflict</Code></Error>")
        return real(session, request)

    with backend(shared).locked("apply") as writer:
        if interrupted:
            shared.clock.stop()
        monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", send)
        writer.save(writer.state.with_record("a", RECORD))

    assert list(stored(shared)["mappings"]) == ["a"]


def test_the_pauses_between_writes_are_no_wait_for_the_lock(shared: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "TRIES", 62)  # as many pauses as half a minute has
    real = botocore.httpsession.URLLib3Session.send

    def send(session: Any, request: Any) -> Any:
        if request.method == "PUT" and request.url.endswith(KEY):
            return response(request.url, 409, {}, b"<Error><Code>ConditionalRequestConflict</Code></Error>")
        return real(session, request)

    monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", send)
    run = shared.run()
    with run.backend.locked("apply") as writer, pytest.raises(StateError, match="cannot be written"):
        writer.save(writer.state.with_record("a", RECORD))

    assert isinstance(run.ui, SilentUi)
    assert run.ui.notes == []


def test_our_own_lock_whose_answer_was_lost_is_ours(shared: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_the_answer_to(monkeypatch, "PUT", f"{KEY}.lock")

    with backend(shared).locked("apply") as writer:
        writer.save(writer.state)

    assert "Contents" not in shared.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{KEY}.lock")


def test_our_own_lock_is_ours_when_s3_asks_to_slow_down_after_a_lost_answer(
    shared: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore repeats the request whose answer was lost, and returns the answer to the last attempt."""
    real = botocore.httpsession.URLLib3Session.send
    attempts: list[str] = []

    def send(session: Any, request: Any) -> Any:
        if request.method != "PUT" or not request.url.endswith(f"{KEY}.lock"):
            return real(session, request)
        attempts.append(request.url)
        if len(attempts) > 1:
            return response(request.url, 503, {}, b"<Error><Code>SlowDown</Code></Error>")
        real(session, request)
        raise botocore.exceptions.ConnectionClosedError(endpoint_url=request.url)

    monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", send)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    with backend(shared).locked("apply") as writer:
        writer.save(writer.state)

    assert len(attempts) > 1


def test_somebody_elses_write_is_not_written_over(shared: Machine) -> None:
    with backend(shared).locked("apply") as writer:
        writer.save(writer.state)
        shared.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(stored(shared) | {"serial": 40}))

        with pytest.raises(StateError, match="was changed during this run \\(serial 40\\)"):
            writer.save(writer.state.with_record("a", RECORD))

    assert stored(shared)["serial"] == 40


def test_a_state_that_vanishes_is_reported(shared: Machine) -> None:
    with backend(shared).locked("apply") as writer:
        writer.save(writer.state)
        shared.client("s3").delete_object(Bucket=BUCKET, Key=KEY)

        with pytest.raises(StateError, match="is missing"):
            writer.save(writer.state.with_record("a", RECORD))


def test_one_holds_the_lock_and_the_other_is_reported_by_whom(shared: Machine) -> None:
    with backend(shared).locked("apply"), pytest.raises(LockedError) as caught, backend(shared).locked("destroy"):
        pass

    assert " since " in caught.value.message
    assert caught.value.message.endswith(": apply")
    assert "force-unlock " in caught.value.hint


def test_the_intents_of_the_run_are_stored_before_its_first_call(shared: Machine) -> None:
    with backend(shared).locked("apply") as writer:
        with writer.journal([CREATE]) as log:
            assert [item["name"] for item in stored(shared)["pending"]] == ["a"]
            assert backend(shared).read().unresolved == (CREATE,)
            log.begin(CREATE)
            log.done(CREATE, RECORD)
        assert stored(shared)["pending"] == []
        assert list(stored(shared)["mappings"]) == ["a"]


def test_an_apply_that_begins_while_a_reader_reads_is_no_interrupted_one(
    shared: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = botocore.httpsession.URLLib3Session.send
    with ExitStack() as running:

        def send(session: Any, request: Any) -> Any:
            answered = real(session, request)
            if request.method == "GET" and request.url.endswith(f"{KEY}.lock"):
                monkeypatch.undo()  # once
                any_credentials(monkeypatch)
                writer = running.enter_context(backend(shared).locked("apply"))
                running.enter_context(writer.journal([CREATE])).begin(CREATE)
            return answered

        monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", send)

        snapshot = backend(shared).read()

    assert snapshot.unresolved == (CREATE,)
    assert snapshot.locked_by.endswith(": apply")


def test_a_result_is_stored_in_time_and_what_is_not_known_stays(
    shared: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "FLUSH_EVERY", 0.05)
    other = Intent("u", "create", "b", CREATE.pair)
    with backend(shared).locked("apply") as writer, writer.journal([CREATE, other]) as log:
        log.begin(CREATE)
        log.done(CREATE, RECORD)
        log.begin(other)
        deadline = time.monotonic() + 10
        while not stored(shared)["mappings"] and time.monotonic() < deadline:
            time.sleep(0.01)  # S3 tells nobody
        assert list(stored(shared)["mappings"]) == ["a"]
        assert [item["name"] for item in stored(shared)["pending"]] == ["b"]

    assert backend(shared).read().unresolved == (other,)  # it was begun, and nothing is known of it


def test_a_lock_that_was_taken_away_stops_the_next_call(shared: Machine) -> None:
    with backend(shared).locked("apply") as writer, writer.journal([CREATE]) as log:
        shared.client("s3").delete_object(Bucket=BUCKET, Key=f"{KEY}.lock")
        writer._lock_checked = 0.0  # looked at long ago
        with pytest.raises(StateError, match="was removed during this run") as caught:
            log.begin(CREATE)

    assert "force-unlock" in caught.value.hint


def test_an_answer_about_the_lock_that_is_old_when_it_arrives_does_not_count(
    shared: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, now = botocore.httpsession.URLLib3Session.send, ManualClock()
    relied_on: list[bool] = []

    def send(session: Any, request: Any) -> Any:
        answered = real(session, request)
        if request.method != "GET" or not request.url.endswith(f"{KEY}.lock"):
            return answered
        if now.time:  # asked again: until the answer is there, no other thread relies on the old one
            relied_on.append(now.now() - writer._lock_checked < 1.0)
        else:
            now.time = 60.0  # the process was suspended, and the lock taken away
            shared.client("s3").delete_object(Bucket=BUCKET, Key=f"{KEY}.lock")
        return answered

    with backend(shared).locked("apply") as writer, writer.journal([CREATE]) as log:
        monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", send)
        monkeypatch.setattr(s3, "time", SimpleNamespace(monotonic=now.now))
        writer._lock_checked = -10.0

        with pytest.raises(StateError, match="was removed during this run"):
            log.begin(CREATE)

    assert relied_on
    assert not any(relied_on)


def test_a_lock_that_cannot_be_released_does_not_hide_what_was_done(
    shared: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = botocore.httpsession.URLLib3Session.send

    def send(session: Any, request: Any) -> Any:
        if request.method == "DELETE":
            return response(request.url, 403, {}, b"<Error><Code>AccessDenied</Code></Error>")
        return real(session, request)

    monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", send)
    run = shared.run()

    with run.backend.locked("apply") as writer:
        writer.save(writer.state)

    assert isinstance(run.ui, SilentUi)
    assert "the lock could not be released" in run.ui.notes[-1]
    assert "provisioner force-unlock " in run.ui.notes[-1]


def test_the_text_of_version_1_is_kept_beside_the_object_at_the_first_write(shared: Machine) -> None:
    with backend(shared).locked("test") as writer:
        writer.save(writer.state.with_record("a", RECORD))
        before = encode_before(writer.state)
    shared.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=before.encode())

    for _ in range(2):
        with backend(shared).locked("test") as writer:
            writer.write(writer.state, (CREATE,))

    kept = shared.client("s3").get_object(Bucket=BUCKET, Key=f"{KEY}.v1")["Body"].read()
    assert kept.decode() == before
    assert stored(shared)["version"] == 2
