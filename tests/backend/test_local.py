"""State in a local file: atomic, backed up, locked, with its journal worked in."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest

from provisioner.backend import local
from provisioner.backend.journal import Journal
from provisioner.backend.local import LocalBackend
from provisioner.backend.statefile import decode, encode
from provisioner.errors import DamagedError, LockedError, StateError
from provisioner.filesystem import write_atomically
from provisioner.model.key import LAMBDA, Key
from provisioner.model.references import Pair
from provisioner.model.state import Deposed, Record, State
from tests.support.intents import begun

UUID = "00000001-0000-0000-0000-000000000000"
UUID2, UUID3 = UUID.replace("1-", "2-", 1), UUID.replace("1-", "3-", 1)
PAIR_VALUE = {"region": "r", "source": "s", "function": "f", "channel": ""}
RECORD = Record(
    Key(LAMBDA, "eu-west-1", UUID),
    "arn",
    {"function_name": "f", "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:q"},
)
OTHER = replace(
    RECORD, key=Key(LAMBDA, "eu-west-1", UUID2), protected=True, deposed=(Deposed(Key(LAMBDA, "r", UUID3)),)
)
STATE = State("test", "lineage", "123456789012", 3, {"a": RECORD, "b": OTHER})


def never(seconds: float) -> bool:
    """No wait at all."""
    return False


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path / "state/test.json", "test", never)


def test_a_state_survives_its_own_codec() -> None:
    assert decode(encode(STATE), where="s", stack="test") == STATE


def test_what_was_applied_is_made_canonical_again_on_reading() -> None:
    text = encode(STATE).replace('"function_name": "f"', '"function_name": "123456789012:function:f", "batch_size": 10')

    assert decode(text, where="s", stack="test") == STATE


def test_a_state_that_was_never_written_is_empty_with_a_lineage_of_its_own(backend: LocalBackend) -> None:
    first, second = backend.read().state, backend.read().state

    assert (first.serial, dict(first.mappings)) == (0, {})
    assert first.lineage != second.lineage
    assert not backend.path.exists()


def test_a_write_keeps_the_one_before_as_backup(backend: LocalBackend) -> None:
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, serial=0))
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, mappings={}))
        writer.save(replace(STATE, mappings={"b": STATE.mappings["b"]}))

    backup = backend.path.with_name("test.json.backup")
    # The backup is the state before the command, not before its last write.
    assert json.loads(backend.path.read_text())["mappings"].keys() == {"b"}
    assert json.loads(backup.read_text())["mappings"].keys() == {"a", "b"}
    assert stat.S_IMODE(backend.path.stat().st_mode) == 0o600
    assert backend.read().state.serial == 3


def test_a_damaged_state_names_its_backup_only_where_there_is_one(backend: LocalBackend) -> None:
    for there in (False, True):
        with backend.locked("apply") as writer:
            writer.save(replace(writer.state, mappings={} if there else STATE.mappings))
        whole = backend.path.read_text()
        backend.path.write_text("{")

        with pytest.raises(DamagedError) as caught:
            backend.read()

        assert (".backup" in caught.value.hint) is there
        assert "state rebuild" in caught.value.hint
        backend.path.write_text(whole)


def test_saving_what_is_saved_writes_nothing(backend: LocalBackend) -> None:
    with backend.locked("apply") as writer:
        writer.save(STATE)
        before = backend.path.stat().st_ino

        writer.save(writer.state)

    assert backend.path.stat().st_ino == before


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.json"
    write_atomically(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StateError, match=r"s\.json cannot be written: No space left on device") as caught:
        write_atomically(path, "new")

    assert path.read_text() == "old"
    assert caught.value.hint == "free space on the disk"


def after_reading(path: Path, happens: Iterator[Callable[[], None]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that the file was read, or was found missing, let the next thing happen, while there is one."""
    read_regular = local.read_regular

    def read(file: Path) -> bytes:
        try:
            return read_regular(file)
        finally:
            if file == path:
                next(happens, lambda: None)()

    monkeypatch.setattr(local, "read_regular", read)


def test_a_reader_sees_one_apply_end_and_another_begin(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    def apply() -> None:
        """One apply ends, and another begins and is interrupted."""
        with backend.locked("apply") as writer:
            writer.save(replace(STATE, mappings={}))
        with backend.locked("apply") as writer:
            begun(Journal(backend.path.with_suffix(".journal"), writer.state), "create", "a", Pair("r", "s", "f"))

    # The first time no state is there yet.
    for _ in range(2):
        with monkeypatch.context() as patch:
            after_reading(backend.path, iter([apply]), patch)

            assert [intent.name for intent in backend.read().unresolved] == ["a"]


def test_an_apply_that_begins_while_a_reader_reads_is_no_interrupted_one(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as running:

        def begin() -> None:
            writer = running.enter_context(backend.locked("apply"))
            journal = running.enter_context(writer.journal([]))
            begun(journal, "create", "a", Pair("r", "s", "f"))

        with backend.locked("apply") as writer:
            writer.save(replace(STATE, mappings={}))
        after_reading(backend.path, iter([begin]), monkeypatch)

        snapshot = backend.read()

    assert [intent.name for intent in snapshot.unresolved] == ["a"]
    assert snapshot.locked_by.endswith(": apply")


def test_a_reader_of_a_state_that_changes_at_each_look_does_not_read_for_ever(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, mappings={}))
    serials: list[int] = []

    def change() -> None:
        serials.append(len(serials) + 10)
        write_atomically(backend.path, encode(replace(STATE, serial=serials[-1])))

    after_reading(backend.path, repeat(change), monkeypatch)

    assert backend.read().state.serial in serials
    assert len(serials) < 20


def test_a_journal_is_seen_by_readers_and_worked_in_by_the_next_writer(backend: LocalBackend) -> None:
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, mappings={}))
    journal_path = backend.path.with_suffix(".journal")
    lines = [
        {"journal": 1, "lineage": "lineage", "serial": backend.read().state.serial},
        {
            "intent": "t",
            "action": "create",
            "name": "a",
            "pair": PAIR_VALUE,
            "uuids": [],
        },
        {
            "done": "t",
            "name": "a",
            "record": {"uuid": UUID, "arn": "", "region": "r", "applied": {}, "protected": False},
        },
        {
            "intent": "u",
            "action": "create",
            "name": "b",
            "pair": PAIR_VALUE,
            "uuids": [],
        },
    ]
    journal_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = backend.path.read_bytes()

    seen = backend.read()
    assert list(seen.state.mappings) == ["a"]
    assert [intent.name for intent in seen.unresolved] == ["b"]
    assert backend.path.read_bytes() == before

    with backend.locked("apply") as writer:
        assert [intent.name for intent in writer.unresolved] == ["b"]
        assert journal_path.exists()  # an intent that nothing is known of stays until a state is saved
        writer.save(writer.state)
    assert not journal_path.exists()
    assert json.loads(backend.path.read_text())["mappings"].keys() == {"a"}
    assert backend.read().state.serial == seen.state.serial + 1


def break_off(backend: LocalBackend) -> None:
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, mappings={}))
        with writer.journal([]) as journal:
            token = begun(journal, "create", "a", Pair("r", "s", "f"))
            journal.done(token, RECORD)
            raise RuntimeError


def test_an_apply_that_breaks_off_leaves_its_journal_to_the_next_command(backend: LocalBackend) -> None:
    with pytest.raises(RuntimeError):
        break_off(backend)

    assert backend.path.with_suffix(".journal").exists()
    assert backend.read().state.mappings["a"] == RECORD
    with backend.locked("apply"):
        pass
    assert not backend.path.with_suffix(".journal").exists()
    assert json.loads(backend.path.read_text())["mappings"].keys() == {"a"}


def test_what_a_worker_says_after_the_end_reaches_no_other_file(backend: LocalBackend) -> None:
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, mappings={}))
        with writer.journal([]) as journal:
            pass
        before = backend.path.read_bytes()

        with pytest.raises(StateError, match="was closed"):
            begun(journal, "create", "a", Pair("r", "s", "f"))

    assert backend.path.read_bytes() == before


def test_a_line_written_in_part_is_taken_back(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, mappings={}))
        journal = Journal(backend.path.with_suffix(".journal"), writer.state)
        real, failing = os.write, [True]

        def write(descriptor: int, data: bytes) -> int:
            if failing[0] and len(data) > 20:
                real(descriptor, data[:20])
                failing[0] = False
                raise OSError(28, "No space left on device")
            return real(descriptor, data)

        monkeypatch.setattr("os.write", write)
        with pytest.raises(StateError):
            begun(journal, "create", "a", Pair("r", "s", "f"))
        token = begun(journal, "create", "b", Pair("r", "s", "f"))
        journal.done(token, RECORD)
        journal.close()

    assert list(backend.read().state.mappings) == ["b"]


def test_a_journal_of_a_later_state_is_refused(backend: LocalBackend) -> None:
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, mappings={}))
    journal = backend.path.with_suffix(".journal")
    serial = backend.read().state.serial
    journal.write_text(f'{{"journal": 1, "lineage": "lineage", "serial": {serial + 1}}}\n')

    with pytest.raises(StateError, match="expects the state at serial"):
        backend.read()
    assert journal.exists()


def test_a_journal_without_its_state_is_refused(backend: LocalBackend) -> None:
    backend.path.parent.mkdir()
    backend.path.with_suffix(".journal").write_text('{"journal": 1, "lineage": "l", "serial": 1}\n')

    with pytest.raises(StateError, match="but its state file is missing"):
        backend.read()


def test_the_lock_is_held_by_one(backend: LocalBackend) -> None:
    message = r"the state is locked by .* \(pid \d+\) since .*: apply"
    with backend.locked("apply"), pytest.raises(LockedError, match=message), backend.locked("destroy"):
        pass
    with backend.locked("destroy"):
        assert backend.read().locked_by.endswith(": destroy")
    assert backend.read().locked_by == ""


def _hold(path: Path, ready: multiprocessing.synchronize.Event, forever: multiprocessing.synchronize.Event) -> None:
    with LocalBackend(path, "test", never).locked("apply"):
        ready.set()
        forever.wait()


def test_a_dead_holder_never_blocks(backend: LocalBackend) -> None:
    context = multiprocessing.get_context("spawn")
    ready, forever = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(backend.path, ready, forever))
    process.start()
    assert ready.wait(30)
    with pytest.raises(LockedError), backend.locked("apply"):
        pass

    process.kill()
    process.join()

    with backend.locked("apply"):
        pass


def test_who_lost_the_lock_does_not_empty_the_journal_of_who_has_it(backend: LocalBackend) -> None:
    journal = backend.path.with_suffix(".journal")
    with ExitStack() as both:
        lost = both.enter_context(backend.locked("destroy"))
        backend.path.with_suffix(".lock").unlink()
        log = both.enter_context(both.enter_context(backend.locked("apply")).journal([]))
        begun(log, "create", "a", Pair(**PAIR_VALUE))
        before = journal.read_text()

        with pytest.raises(StateError, match="was removed or replaced"), lost.journal([]):
            pass

        assert journal.read_text() == before


def test_who_loses_the_lock_in_a_write_does_not_remove_the_journal_of_who_has_it(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = backend.path.with_suffix(".journal")
    real = write_atomically

    def write(path: Path, text: str, *, backup: bool = True) -> os.stat_result:
        written = real(path, text, backup=backup)
        backend.path.with_suffix(".lock").unlink()
        journal.write_text("of another process")
        return written

    with backend.locked("apply") as writer:
        monkeypatch.setattr(local, "write_atomically", write)
        with pytest.raises(StateError, match="was removed or replaced"):
            writer.save(writer.state)

    assert journal.read_text() == "of another process"


def test_a_journal_that_another_process_began_after_the_check_is_not_emptied(backend: LocalBackend) -> None:
    journal = backend.path.with_suffix(".journal")
    with backend.locked("apply") as writer:
        writer.save(writer.state)
        journal.write_text("of another process")

        with pytest.raises(StateError, match="was created by another process"), writer.journal([]):
            pass

    assert journal.read_text() == "of another process"


def test_a_journal_that_somebody_removes_ends_the_calls_and_its_results_are_stored(backend: LocalBackend) -> None:
    with backend.locked("apply") as writer:
        writer.save(replace(STATE, mappings={}))
        with writer.journal([]) as log:
            first = begun(log, "create", "new", Pair(**PAIR_VALUE))
            log.done(first, RECORD)
            second = begun(log, "create", "other", Pair(**PAIR_VALUE))
            backend.path.with_suffix(".journal").unlink()

            with pytest.raises(StateError, match="journal was removed or replaced"):
                log.check()
            with pytest.raises(StateError, match="journal was removed or replaced"):
                log.begin(second)

    assert backend.read().state.mappings["new"] == RECORD


def test_a_file_that_somebody_puts_in_the_place_of_ours_right_after_the_write_is_not_taken_for_ours(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace

    def replaced(path: Path, target: Path) -> Path:
        real(path, target)
        theirs = target.with_name("theirs")
        theirs.write_text("{}", encoding="utf-8")
        return real(theirs, target)

    with backend.locked("apply") as writer:
        monkeypatch.setattr(Path, "replace", replaced)

        with pytest.raises(StateError, match="was changed or removed by something else"):
            writer.save(replace(STATE, serial=0))
