"""Writes files atomically and durably."""

from __future__ import annotations

import errno
import os
import select
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from provisioner.errors import StateError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


MOST_BYTES: Final = 64 * 1024 * 1024
"""The largest file that is read: a larger one is a mistake, or an attempt to fill the memory."""

PIPE_TIMEOUT: Final = 5.0
"""Seconds to wait for somebody to open a named pipe for writing."""


class NotRegularError(OSError):
    """A file that is a link, a pipe, a device or a folder, where only a regular file is read."""


def read_input(path: Path) -> bytes:
    """The content of a file that the command line names: it may be a link, a pipe or `/dev/fd/N`. Raises OSError, also
    when it is larger than MOST_BYTES, or when it is a pipe that nobody writes to.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe without a writer would block the opening
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            first = _first_of_pipe(descriptor)
            os.set_blocking(descriptor, True)
            return first + _read_all(descriptor, MOST_BYTES - len(first))
        return _read_all(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)


def _first_of_pipe(descriptor: int) -> bytes:
    """What is in a pipe first: "" when its writer has written nothing yet. Raises OSError when no writer comes in time."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    ready = waiting.poll(PIPE_TIMEOUT * 1000)
    try:
        data = os.read(descriptor, 65536)
    except BlockingIOError:  # a writer is there
        return b""
    if not ready and not data:  # the end of the file, and no writer has ended it
        raise OSError(errno.ETIMEDOUT, f"it is a pipe that no process writes to (waited {PIPE_TIMEOUT:.0f} s)")
    return data


def read_regular(path: Path) -> bytes:
    """The content of a file that comes with the repository, such as the state: a link is not followed, and only a regular
    file is read. Raises FileNotFoundError, NotRegularError or another OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotRegularError(errno.ELOOP, "it is a symbolic link, which is not followed") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError(errno.EINVAL, "it is not a regular file")
        return _read_all(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)


def is_at(path: Path, descriptor: int) -> bool:
    """Whether a path is that of an open file, which somebody may have removed or replaced."""
    try:
        there = path.lstat()
    except OSError:
        return False
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _read_all(descriptor: int, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while data := os.read(descriptor, 1 << 20):
        parts.append(data)
        size += len(data)
        if size > most:
            raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES >> 20} MB")
    return b"".join(parts)


@contextmanager
def state_errors(path: Path, doing: str) -> Iterator[None]:
    """Translate OSError into StateError. `doing` is a participle, as in "written"."""
    try:
        yield
    except OSError as error:
        hint = "free space on the disk" if error.errno in _NO_ROOM else "check that the folder exists and is writable"
        raise StateError(f"{path} cannot be {doing}: {error.strerror}", hint=hint) from error


PRIVATE = 0o600
"""The mode of files that only their owner may read."""


def write_atomically(path: Path, text: str, *, backup: bool = True) -> os.stat_result:
    """Replace a file's content atomically: temporary file in the same folder, fsync, rename, fsync of the folder. Returns
    what the written file is, from before the rename: afterwards somebody may have put another one in its place.

    With `backup` the content before is kept beside it as `.backup`. Mode 0600. Raises StateError. Unlike `rewrite`,
    only for a file that has a lock, and not through a symbolic link.
    """
    # A fixed name, so that what a crash leaves is overwritten; the lock allows one writer.
    temporary = path.with_name(f"{path.name}.tmp")
    with state_errors(path, "written"):
        make_folder(path.parent)
        if path.is_symlink():
            raise NotRegularError(errno.ELOOP, "it is a symbolic link, which is not followed")
        # First, so that a full disk leaves both the file and its backup as they were.
        _write(temporary, text.encode())
        if backup and path.exists():
            _keep(path, path.with_name(f"{path.name}.backup"))
        written = temporary.lstat()
        temporary.replace(path)
        sync_folder(path.parent)
    return written


def _keep(path: Path, backup: Path) -> None:
    """Keep the old content as `.backup` by a hard link, or by a copy where the file system has no links. Unlike a
    rename, it leaves the file in its place.
    """
    # A link is refused where the name exists.
    backup.unlink(missing_ok=True)
    try:
        backup.hardlink_to(path)
    except OSError:
        _write(backup, read_regular(path))


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write to the end and make it durable. Raises OSError."""
    # One call may write only a part.
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that its new names survive a crash. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder that does not exist, and those above it, and sync their names: without them a crash would lose all
    that is synced below. Raises OSError.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in reversed(made):
        sync_folder(path.parent)


def rewrite(path: Path, text: str, mode: int | None = None) -> None:
    """Replace or create a file that a user named. A symbolic link stays one; what is not a regular file is refused. The
    mode is kept, unless one is given; a new file has mode 0600. Atomic like `write_atomically`. Raises StateError.
    """
    with state_errors(path, "written"):
        real = Path(os.path.realpath(path))  # unlike resolve, it raises nothing for links in a circle
        if real.exists() and not real.is_file():
            raise StateError(f"{path} cannot be written: it is not a regular file", hint="use a different file")
        kept = stat.S_IMODE(real.stat().st_mode) if mode is None and real.exists() else mode or PRIVATE
        content = text.encode()
        # Beside the file, because a rename works within one file system; nothing locks it, so the name is unique.
        descriptor, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        try:
            os.fchmod(descriptor, kept)
            write_all(descriptor, content)
            Path(name).replace(real)
        except BaseException:  # an interrupt too leaves nothing behind
            Path(name).unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        sync_folder(real.parent)
