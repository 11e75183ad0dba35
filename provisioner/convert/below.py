"""Files that other files include: only those below the folder of the file that is converted are read."""

from __future__ import annotations

from pathlib import Path


def is_below(folder: Path, path: Path) -> bool:
    """Whether a path, with its symbolic links followed, is in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a name with a null character
        return False


def is_file_below(folder: Path, path: Path) -> bool:
    """Whether a path is that of a file in a folder."""
    try:
        return is_below(folder, path) and path.is_file()
    except OSError:  # a name that is too long for a file
        return False
