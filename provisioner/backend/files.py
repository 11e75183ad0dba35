"""Files that are never half-written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioner.errors import StateError


@contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Raise an OSError as StateError."""
    try:
        yield
    except OSError as error:
        hint = "make room on the disk" if error.errno == 28 else "check that the folder exists and may be written to"
        raise StateError(f"{path} cannot be {doing}: {error.strerror}", hint=hint) from error


def write_atomically(path: Path, text: str) -> None:
    """Replace a file's content, or leave it as it was: temp file in the same folder, fsync, rename, fsync of the folder.

    The content before is kept beside it as `.backup`. Mode 0600. Raises StateError.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    backup = path.with_name(f"{path.name}.backup")
    with explained(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(temporary, text)
        if path.exists():
            # A link first, so that at no instant is there neither the old state nor the new one under its name.
            backup.unlink(missing_ok=True)
            os.link(path, backup)
        temporary.replace(path)
        sync_folder(path.parent)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
