"""One writer at a time: `flock`, freed by the kernel when the process dies (design section 5).

The file is never removed: removing it would let in two holders. What stands inside is advice for people.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from provisioner.backend.files import explained
from provisioner.errors import LockedError

_POLL: Final = 0.1
"""Seconds between two tries for a lock; flock cannot wait for a time."""


def advice(operation: str) -> dict[str, str | int]:
    """What a lock says of its holder, for people."""
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


def holder(path: Path) -> str:
    """Who holds the lock, as a sentence's end; empty when nobody does.

    Told by what stands inside and whether that process lives: a reader that took the lock to look would make a writer fail.
    """
    try:
        text = path.read_bytes()
        os.kill(int(json.loads(text)["pid"]), 0)
    except PermissionError:  # it lives, and is somebody else's
        return described(text)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return ""
    return described(text)


def described(text: bytes) -> str:
    """The holder that a lock names, as a sentence's end."""
    try:
        said = json.loads(text)
        return f"{said['who']} (pid {said['pid']}) since {said['since']}: {said['operation']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


@contextmanager
def locked(path: Path, operation: str, timeout: float, sleep: Callable[[float], bool]) -> Iterator[None]:
    """Hold the lock, waiting for it at most `timeout` seconds. Raises LockedError when somebody else holds it, StateError
    when the file cannot be made.
    """
    with explained(path, "locked"):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, timeout, sleep)
        with explained(path, "written"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(advice(operation)).encode(), 0)
        yield
        with suppress(OSError):  # what stands inside is advice
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, timeout: float, sleep: Callable[[float], bool]) -> None:
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if waited >= timeout or not sleep(_POLL):
                who = described(os.pread(descriptor, 4096, 0))
                hint = "wait for it to end (--lock-timeout waits), then run the command again"
                raise LockedError(f"the state is locked by {who}", hint=hint) from error
            waited += _POLL
        else:
            return
