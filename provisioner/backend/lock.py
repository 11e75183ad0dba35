"""One writer at a time: `flock`, freed by the kernel when the process dies (docs/architecture.md#state).

The file is never removed: a second process could then lock a new file while the first has the old one. Its text is only
for people.
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import json
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from provisioner.errors import LockedError, StateError
from provisioner.filesystem import NotRegularError, is_at, make_folder, state_errors
from provisioner.foreign_text import one_line

_POLL: Final = 0.1
"""Seconds between two attempts to lock; flock has no timeout."""

_READERS: Final = 0.5
"""Seconds to retry in any case, because a reader has the lock for a moment."""


def advice(operation: str) -> dict[str, str | int]:
    """The content of a lock: who holds it, for people. No decision reads it."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    who = f"{user}@{socket.gethostname()}"
    return {
        "operation": operation,
        "who": who,
        "pid": os.getpid(),
        "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def locked_by(path: Path) -> str:
    """The process that has the lock, as the end of a sentence; empty when no process has it, or when that cannot be
    determined: a reader does not need the lock.

    Tries a shared lock for a moment, which fails while a writer has the lock; writers retry for longer than that
    moment.
    """
    try:
        # Not blocked by a pipe, and not led elsewhere by a link.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return described(os.pread(descriptor, 4096, 0))
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return ""


def described(text: bytes) -> str:
    """The process that a lock's text names, as the end of a sentence. For a text that is not whole it is not named: a
    writer may have locked the file and not yet written.
    """
    try:
        said = json.loads(text)
        return one_line(f"{said['who']} (pid {said['pid']}) since {said['since']}: {said['operation']}")
    except (ValueError, KeyError, TypeError, RecursionError):
        return "another process"


@contextmanager
def locked(path: Path, operation: str, timeout: float, sleep: Callable[[float], bool]) -> Iterator[Callable[[], None]]:
    """Hold the lock, waiting for it at most `timeout` seconds. Gives a function that raises StateError when the file is
    no longer the one that is locked: somebody removed or replaced it, and another process can lock the new one.

    Raises LockedError when somebody else holds the lock, StateError when the file cannot be made.
    """
    with state_errors(path, "locked"):
        make_folder(path.parent)
        # Without O_TRUNC: the text of the process that has the lock must stay. Without following a link, which may have
        # come with the repository and lead to any file.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotRegularError(errno.EINVAL, "it is not a regular file")

    def check() -> None:
        if not is_at(path, descriptor):
            raise StateError(
                f"{path} was removed or replaced during this run, so the state is no longer locked",
                hint="make sure that no other process is running, then run the command again",
            )

    try:
        with state_errors(path, "locked"):
            _take(descriptor, timeout, sleep)
        check()  # it may have been replaced between the opening and the lock
        with state_errors(path, "written"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(advice(operation)).encode(), 0)
        yield check
    finally:
        os.close(descriptor)  # this also unlocks; the text is only for people, and stays


def _take(descriptor: int, timeout: float, sleep: Callable[[float], bool]) -> None:
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if waited >= max(timeout, _READERS) or not sleep(_POLL):
                who = described(os.pread(descriptor, 4096, 0))
                with suppress(BlockingIOError):
                    # A shared lock is free beside other shared ones only: the text names the last writer, who is gone.
                    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    who = "a process that only reads it"
                hint = "wait for that process to finish, then run the command again; or use --lock-timeout to wait for the lock"
                raise LockedError(f"the state is locked by {who}", hint=hint) from error
            waited += _POLL
        else:
            return
