"""Whom a lock names that cannot be had."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from provisioner.backend import lock
from provisioner.errors import LockedError


def test_a_reader_that_never_ends_is_not_named_as_the_last_writer(tmp_path: Path) -> None:
    path = tmp_path / "test.lock"
    with lock.locked(path, "apply", 0.0, lambda _: False):
        pass
    reading = os.open(path, os.O_RDONLY)
    fcntl.flock(reading, fcntl.LOCK_SH)

    with (
        pytest.raises(LockedError, match="the state is locked by a process that only reads it"),
        lock.locked(path, "apply", 0.0, lambda _: False),
    ):
        pass

    os.close(reading)


def test_a_writer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test.lock"

    with (
        lock.locked(path, "destroy", 0.0, lambda _: False),
        pytest.raises(LockedError, match="destroy"),
        lock.locked(path, "apply", 0.0, lambda _: False),
    ):
        pass
