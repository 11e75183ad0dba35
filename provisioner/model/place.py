"""Positions in a manifest, and paths in a mapping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

FieldPath = tuple[str, ...]
"""A place in a mapping, by our names: `("destination_config", "on_failure")`."""


def is_within(path: FieldPath, blocks: Iterable[FieldPath]) -> bool:
    """Whether a path is one of the blocks, or in one of them: `tags` in `ignore_changes` covers each single tag."""
    return any(path[: len(block)] == block for block in blocks)


class Place(NamedTuple):
    """A position in a manifest's file, from start to end (exclusive). Lines and columns count from one; zero means the
    whole file, or an unknown end.
    """

    file: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file
