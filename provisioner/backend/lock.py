"""One writer at a time: `flock`, freed by the kernel when the process dies (docs/architecture.md#state).

The file is never removed: removing it would let in two holders. What stands inside is advice for people.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from provisioner.errors import LockedError
from provisioner.files import explained

_POLL: Final = 0.1
"""Seconds between two tries for a lock; flock cannot wait for a time."""

_READERS: Final = 0.5
"""Seconds to try in any case: a reader that looks holds the lock for a moment."""


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

    The kernel is asked, by a lock that readers share for a moment: a writer tries for longer than that.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
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
        with explained(path, "locked"):
            _take(descriptor, timeout, sleep)
        with explained(path, "written"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(advice(operation)).encode(), 0)
        yield
    finally:
        os.close(descriptor)  # what stands inside is advice, and stays


def _take(descriptor: int, timeout: float, sleep: Callable[[float], bool]) -> None:
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if waited >= max(timeout, _READERS) or not sleep(_POLL):
                who = described(os.pread(descriptor, 4096, 0))
                hint = "wait until it ends (--lock-timeout waits), then run the command again"
                raise LockedError(f"the state is locked by {who}", hint=hint) from error
            waited += _POLL
        else:
            return
