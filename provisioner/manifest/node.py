"""A value of a manifest with its position in a file."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from provisioner.model.place import Place


class Mark(Protocol):
    """A position in a text; line and column count from zero."""

    @property
    def line(self) -> int:
        """The line."""

    @property
    def column(self) -> int:
        """The column, in characters."""


@dataclass(frozen=True, slots=True)
class _Nowhere:
    line: int = -1
    column: int = -1


NOWHERE: Final[Mark] = _Nowhere()
"""The mark of a whole file, or of no file."""


class Node:
    """A scalar, a dict of nodes or a list of nodes, with the marks of its text and of the key that leads to it.

    `unvalued` says that the value is a stand-in, because it holds a variable that has no value.
    """

    __slots__ = ("end", "file", "key_end", "key_start", "start", "unvalued", "value")

    def __init__(self, value: Any, file: str, start: Mark, end: Mark, *, unvalued: bool = False) -> None:
        self.value = value
        self.file = file
        self.start = start
        self.end = end
        self.key_start: Mark | None = None
        self.key_end: Mark | None = None
        self.unvalued = unvalued

    def holding(self, value: Any, *, unvalued: bool = False) -> Node:
        """A node with another value at the same position."""
        node = Node(value, self.file, self.start, self.end, unvalued=unvalued)
        node.key_start, node.key_end = self.key_start, self.key_end
        return node

    def all_here(self, value: Any) -> Node:
        """A plain value as nodes that all have this position."""
        if isinstance(value, dict):
            return self.holding({name: self.all_here(item) for name, item in value.items()})
        return self.holding([self.all_here(item) for item in value] if isinstance(value, list) else value)

    def below(self, step: Hashable) -> Node | None:
        """The node one step below: under a key, or at an index; None when there is none."""
        value = self.value
        if isinstance(value, dict):
            child: Node | None = value.get(step)
            return child
        inside = isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
        return value[step] if inside else None

    def at(self, path: Sequence[Hashable]) -> Node:
        """The node at a path, or the deepest one on the way when there is none."""
        node = self
        for step in path:
            child = node.below(step)
            if child is None:
                return node
            node = child
        return node

    def place(self, *, key: bool = False) -> Place:
        """The position of the value, or with `key` of the key that leads to it."""
        start, end = self.start, self.end
        if key and self.key_start and self.key_end:
            start, end = self.key_start, self.key_end
        return Place(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def part(self, begin: int, end: int) -> Place:
        """The position of a part of a string; that of the whole string when it is quoted with escapes or spans lines."""
        whole, spare = self.place(), 0
        if whole.line == whole.end_line:
            spare = whole.end_column - whole.column - len(self.value)  # 2 with quotes
        if not whole.line or whole.line != whole.end_line or spare not in (0, 2):
            return whole
        start = whole.column + spare // 2
        return Place(whole.file, whole.line, start + begin, whole.line, start + end)

    def plain(self) -> Any:
        """The value without positions."""
        value = self.value
        if isinstance(value, dict):
            return {
                name: inner if type(inner := item.value) in _SCALARS else item.plain() for name, item in value.items()
            }
        return [item.plain() for item in value] if isinstance(value, list) else value

    def unvalued_paths(self, path: tuple[Hashable, ...] = ()) -> Iterator[tuple[Hashable, ...]]:
        """The paths of the stand-ins at or below this node."""
        if self.unvalued:
            yield path
        elif isinstance(self.value, dict | list):
            items = self.value.items() if isinstance(self.value, dict) else enumerate(self.value)
            for step, item in items:
                yield from item.unvalued_paths((*path, step))


_SCALARS: Final = frozenset({str, int, bool, float, type(None)})
