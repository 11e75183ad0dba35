"""What is read and written: files that the command line names, and files that come with a repository."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner import filesystem
from provisioner.backend import lock
from provisioner.backend.journal import Journal
from provisioner.backend.local import LocalBackend
from provisioner.errors import StateError
from provisioner.filesystem import read_input, read_regular
from provisioner.model.state import State


def test_a_named_file_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"text")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert read_input(tmp_path / "link") == b"text"


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    threading.Thread(target=lambda: (os.write(writing, b"a" * 100_000), os.close(writing))).start()

    try:
        assert read_input(Path(f"/dev/fd/{reading}")) == b"a" * 100_000
    finally:
        os.close(reading)


def test_a_named_pipe_is_read_once_somebody_writes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(b"late")).start()

    assert read_input(pipe) == b"late"


def test_a_named_pipe_that_nobody_writes_to_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "PIPE_TIMEOUT", 0.05)
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="it is a pipe that no process writes to") as caught:
        read_input(tmp_path / "pipe")

    assert caught.value.errno == errno.ETIMEDOUT


def test_a_file_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "MOST_BYTES", 1 << 20)

    with pytest.raises(OSError, match="it is larger than 1 MB"):
        read_input(Path("/dev/zero"))


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to("real"), os.mkfifo, Path.mkdir], ids=["link", "pipe", "folder"]
)
def test_what_comes_with_a_repository_is_read_only_when_it_is_a_regular_file(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    (tmp_path / "real").write_text("text")
    make(tmp_path / "state")

    with pytest.raises(OSError, match=r"not followed|not a regular file"):
        read_regular(tmp_path / "state")


def an_apply(path: Path) -> None:
    """All files that an apply opens beside its state."""
    with LocalBackend(path, "test", lambda _: False).locked("apply") as writer:
        writer.save(State("test", "lineage"))
        with writer.journal(()):
            pass


@pytest.mark.parametrize("name", ["test.json", "test.lock", "test.journal", "test.json.tmp"])
def test_a_link_in_place_of_a_file_of_the_state_is_not_followed(tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).symlink_to(target)

    with pytest.raises(StateError):
        an_apply(tmp_path / "state/test.json")

    assert target.read_text() == "precious"
    assert not target.is_symlink()


def test_a_pipe_in_place_of_a_lock_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "test.lock")

    assert lock.locked_by(tmp_path / "test.lock") == ""
    with (
        pytest.raises(StateError, match="is not a regular file"),
        lock.locked(tmp_path / "test.lock", "apply", 0.0, lambda _: False),
    ):
        pass


def test_a_journal_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "test.journal").symlink_to(tmp_path / "target")

    with pytest.raises(StateError):
        Journal(tmp_path / "test.journal", State("test", "lineage"))

    assert (tmp_path / "target").read_text() == "precious"


def test_a_lock_that_is_nested_without_end_is_described() -> None:
    assert lock.described(b"[" * 100_000) == "another process"
