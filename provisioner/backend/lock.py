"""One writer at a time: `flock`, freed by the kernel when the process dies (design section 5).

The file is never removed: removing it would let in two holders. What stands inside is advice for people.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from provisioner.backend.files import explained
from provisioner.errors import LockedError


def _advice(operation: str) -> dict[str, str | int]:
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
        return _described(text)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return ""
    return _described(text)


def _described(text: bytes) -> str:
    try:
        advice = json.loads(text)
        return f"{advice['who']} (pid {advice['pid']}) since {advice['since']}: {advice['operation']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


@contextmanager
def locked(path: Path, operation: str) -> Iterator[None]:
    """Hold the lock. Raises LockedError at once when somebody else does, StateError when the file cannot be made."""
    with explained(path, "locked"):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = _described(os.pread(descriptor, 4096, 0))
            raise LockedError(
                f"the state is locked by {who}", hint="wait for it to end, then run the command again"
            ) from error
        with explained(path, "written"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(_advice(operation)).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
