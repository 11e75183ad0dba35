"""Files that other files include: only those below the folder of the file that is converted are read."""

from __future__ import annotations

from pathlib import Path


def is_below(folder: Path, path: Path) -> bool:
    """Whether a path, with its symbolic links followed, is in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a name with a null character
        return False
