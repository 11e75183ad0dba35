"""The power fails at any point of an apply: what was not synced is lost, and the next apply makes it whole.

A plain run tries what leaves something else than a kill at a neighbouring point does, and every third torn line; `make
test-all` and `make faults` try every point with every outcome that differs from that of a kill.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from provisioner.backend.local import LocalBackend
from provisioner.backend.statefile import encode_before
from provisioner.filesystem import rewrite, write_atomically
from provisioner.model.references import Pair
from tests.faults.harness import OPERATIONS, Fault, Machine
from tests.faults.power import OUTCOMES, Disk, Image, Outcome, PowerCut
from tests.faults.test_points import AFTER, BEFORE, queue
from tests.support import ALL
from tests.support.intents import begun


def first(machine: Machine) -> None:
    """An apply in a folder without a state."""
    machine.write({"a": queue(1), "b": queue(2)})


def edits(machine: Machine) -> None:
    """An apply of creates, updates, replacements, a rename and a delete."""
    machine.write(BEFORE)
    assert machine.apply().clean
    machine.write({name: mapping for name, mapping in AFTER.items() if name != "adopted"})


def recovery(machine: Machine) -> None:
    """An apply after another that was killed when AWS had answered its second create."""
    edits(machine)
    machine.forked(lambda: machine.apply(1), Fault("kill after", 9))
    assert machine.run().backend.read().unresolved


def upgrade(machine: Machine) -> None:
    """An apply that replaces a state of version 1."""
    machine.write({"a": queue(1), "b": queue(2)})
    assert machine.apply().clean
    state = machine.run().backend.read().state
    (machine.folder / "state/test.json").write_text(encode_before(state))
    machine.write({"a": queue(1, batch_size=5), "c": queue(3)})


@pytest.mark.parametrize("story", [first, edits, recovery, upgrade])
@pytest.mark.parametrize("machine", ["local"], indirect=True)
def test_every_point_without_power_is_survived(machine: Machine, story: Callable[[Machine], None]) -> None:
    story(machine)
    put_back = machine.copy_of_state()
    status, counted, said = machine.forked(lambda: machine.apply(1), PowerCut(machine.folder))
    assert status == 0, said
    cuts = [
        (at, outcome) for at, outcome, is_new in counted.cuts if ALL or (is_new and (outcome != "part" or at % 3 == 0))
    ]
    wrong: list[str] = []

    for at, outcome in cuts:
        put_back()
        cut = PowerCut(machine.folder, at, cast(Outcome, outcome))
        if finding := machine.wrong_after(lambda: machine.apply(1), cut):
            wrong.append(f"{outcome} at {at}: {finding}")

    assert wrong == []
    assert len(cuts) > 1


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a file and its backup."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "file.backup").write_text("older")
    return tmp_path


@contextmanager
def watched(folder: Path) -> Iterator[tuple[Callable[[], list[Image]], list[Image]]]:
    """What a power cut may leave of a folder: now, and at any point so far."""
    disk = Disk(folder)

    def possible() -> list[Image]:
        return [disk.image(outcome) for outcome in (*OUTCOMES, None)]

    during: list[Image] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, disk.watched(name, getattr(os, name), lambda: during.extend(possible())))
        yield possible, during
    disk.close()


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "as file systems without links say")


@pytest.mark.parametrize("has_links", [True, False])
def test_a_state_is_whole_and_its_backup_too(files: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", refused)
    file, backup = files / "file", files / "file.backup"

    with watched(files) as (now, during):
        write_atomically(file, "new")
        after = now()

    assert {image.get(file) for image in during} == {b"old", b"new"}
    assert {image[file] for image in after} == {b"new"}
    assert {image.get(backup) for image in after} == {b"old"}


@pytest.mark.parametrize("exists", [True, False])
def test_a_file_that_a_user_named_is_whole(files: Path, exists: bool) -> None:
    file = files / ("file" if exists else "other")

    with watched(files) as (now, during):
        rewrite(file, "new")
        after = now()

    assert {image.get(file) for image in during} == {b"old" if exists else None, b"new"}
    assert {image[file] for image in after} == {b"new"}


def test_a_folder_that_was_made_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "one/two/file"

    with watched(tmp_path) as (now, _):
        write_atomically(file, "new")

        assert {image.get(file) for image in now()} == {b"new"}


def test_each_line_of_a_journal_is_safe_before_the_apply_goes_on(tmp_path: Path) -> None:
    """Ownership tags lead to most of what a lost journal knew, but not every mapping has them."""
    backend = LocalBackend(tmp_path / "test.json", "test", lambda _: False)
    journal = tmp_path / "test.journal"
    with backend.locked("apply") as writer:
        writer.save(writer.state)

    with watched(tmp_path) as (now, _):

        def lines() -> set[int]:
            return {len((image.get(journal) or b"").splitlines()) for image in now()}

        with backend.locked("apply") as writer, writer.journal(()) as log:
            intent = begun(log, "create", "a", Pair("r", "s", "f"))
            assert lines() == {2}
            log.failed(intent)
            assert lines() == {3}

        assert lines() == {0}
        assert {journal in image for image in now()} == {False}
