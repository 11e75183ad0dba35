"""Rewrites a manifest's text in canonical form, line by line.

Entries of a block mapping are runs of whole lines that are reordered, quoted scalars are rewritten, and everything else
is copied. What cannot be moved safely stays in its author's order: a mapping whose anchors and aliases would change
sides, one with `? ` keys, one that shares a line with another, a flow mapping of several lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Final, Literal

from provisioner.manifest.format.layout import NOT_BREAK, Entry, Piece
from provisioner.manifest.format.order import TOP, below, inside, is_ordered, rank
from provisioner.manifest.format.quoting import respelt

_TRAILING: Final = re.compile(r"[ \t]+(?=\n)")
_EMPTY_LINES: Final = re.compile(r"\n{3,}")
# The first line of a block scalar: spaces at the end of its other lines are text.
_HEADER: Final = re.compile(rf"\A({NOT_BREAK}*?)[ \t]+(?=\n)")
_COMMA: Final = re.compile(r"\s*,\s*")

_Where = Literal["block", "flow", "json"]
"""What a value stands in; in `json` quotes are kept."""


def rewritten(text: str, root: Piece | None) -> str:
    """The text in canonical form, given its layout. Its lines must end with a line feed, the last one too.

    One pass: a moved entry can make another one movable, so `text.formatted` repeats it.
    """
    return _Rendering(text).document(root)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """An entry of a block mapping: whether an empty line stands above, its comments above, its own lines."""

    apart: bool
    lead: str
    body: str


class _Rendering:
    """Renders the pieces of one text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def document(self, root: Piece | None) -> str:
        """The whole text."""
        result = self._span([(root, TOP)] if root else [], 0, len(self._text), "block").lstrip("\n")
        last = root.last() if root else None
        if last and last.style in ("|", ">") and last.end == len(self._text):
            return result  # these empty lines are the scalar's
        result = result.rstrip("\n")
        return result + "\n" if result else ""

    def _span(self, pieces: Sequence[tuple[Piece, Any]], lo: int, hi: int, where: _Where) -> str:
        """A part of the text with its pieces rendered, each of a type, and what is between them clean."""
        parts = []
        for piece, kind in pieces:
            parts += [self._clean(lo, piece.lo), self._piece(piece, kind, where)]
            lo = piece.hi
        return "".join(parts) + self._clean(lo, hi)

    def _clean(self, lo: int, hi: int) -> str:
        gap = _EMPTY_LINES.sub("\n\n", _TRAILING.sub("", self._text[lo:hi]))
        # Elsewhere the first line break ends a line that has text, and may be followed by one empty line.
        begins_a_line = lo == 0 or self._text[lo - 1] == "\n"
        return re.sub(r"\A\n\n+", "\n", gap) if begins_a_line else gap

    def _piece(self, piece: Piece, kind: Any, where: _Where) -> str:
        if piece.kind == "scalar":
            return self._scalar(piece, where, key=False)
        if piece.kind == "alias":
            return self._text[piece.start : piece.end]
        # Decided by the outermost flow collection: JSON inside JSON is JSON.
        if piece.flow and where == "block":
            # JSON without spaces is left alone: `{"a":1}` without its quotes would be one text, `a:1`.
            ends = [entry.key.end for part in piece.walk() for entry in part.entries]
            is_json = any(self._text[end : end + 1] == ":" != self._text[end : end + 2].strip() for end in ends)
            where = "json" if is_json else "flow"
        if piece.kind == "sequence":
            return self._span([(item, inside(kind)) for item in piece.children], piece.lo, piece.hi, where)
        if piece.whole:
            return self._lines(piece, kind)
        return self._flow(piece, kind, where) if self._is_simple(piece) else self._entries(piece, kind, where)

    def _scalar(self, piece: Piece, where: _Where, *, key: bool) -> str:
        if where == "json":
            return self._text[piece.start : piece.end]
        if piece.style in ("|", ">"):
            return _HEADER.sub(r"\1", self._text[piece.start : piece.end])
        return respelt(self._text, piece, flow=where == "flow", key=key)

    def _entry(self, entry: Entry, kind: Any, hi: int, where: _Where) -> str:
        """From the key to a place behind the value."""
        key, value = entry.key, entry.value
        if key.kind != "scalar":
            return self._span([(key, None), (value, None)], key.lo, hi, where)  # no name, so no type below it
        return self._scalar(key, where, key=True) + self._span([(value, below(kind, key.value))], key.hi, hi, where)

    def _entries(self, piece: Piece, kind: Any, where: _Where) -> str:
        """A mapping in its author's order."""
        parts, lo = [], piece.lo
        for entry in piece.entries:
            parts += [self._clean(lo, entry.key.lo), self._entry(entry, kind, entry.value.hi, where)]
            lo = entry.value.hi
        return "".join(parts) + self._clean(lo, piece.hi)

    # --- flow mappings of one line ------------------------------------------------------------------------------------

    def _is_simple(self, piece: Piece) -> bool:
        """Whether a flow mapping has all its values, on one line, and nothing but commas between its entries."""
        gaps = (self._text[one.value.end : two.key.start] for one, two in pairwise(piece.entries))
        return (
            piece.flow
            and "\n" not in self._text[piece.start : piece.end]
            and all(entry.key.kind == "scalar" and entry.value.start < entry.value.end for entry in piece.entries)
            and all(_COMMA.fullmatch(gap) for gap in gaps)
        )

    def _flow(self, piece: Piece, kind: Any, where: _Where) -> str:
        parts, lo = [], piece.start
        order = _order(piece.entries, kind)
        for place, number in zip(piece.entries, order, strict=True):
            entry = piece.entries[number]
            # Spaces and commas stay in their places; only the entries between them move.
            parts += [self._text[lo : place.key.start], self._entry(entry, kind, entry.value.end, where)]
            lo = place.value.end
        return "".join(parts) + self._text[lo : piece.end]

    # --- block mappings -----------------------------------------------------------------------------------------------

    def _lines(self, piece: Piece, kind: Any) -> str:
        chunks = [self._chunk(entry, kind) for entry in piece.entries]
        order = _order(piece.entries, kind)
        # Compact: the first key stands behind the dash of a list's item.
        compact = self._text[piece.lo - 1 : piece.lo] not in ("", "\n")
        if not compact:
            return "".join(_stacked(chunks, order))
        if chunks[order[0]].lead:
            order = sorted(order)  # no comment can stand between a dash and its key
        # The line of the dash already holds the indent of the first key.
        return "".join(_stacked(chunks, order)).removeprefix(" " * piece.entries[0].key.column)

    def _chunk(self, entry: Entry, kind: Any) -> _Chunk:
        above = self._clean(entry.lo, entry.key.start)
        *lead, _ = above.split("\n")  # the last part is the indent of the key
        indent = " " * entry.key.column
        # A comment that is indented deeper than its key could become the text of a block scalar above it.
        lines = [indent + line.lstrip() if line.startswith(indent) else line for line in lead]
        apart = bool(lines) and not lines[0]
        body = self._entry(entry, kind, entry.hi, "block")
        return _Chunk(apart, "".join(f"{line}\n" for line in lines[apart:]), indent + body)


def _order(entries: Sequence[Entry], kind: Any) -> list[int]:
    """The places of entries in canonical order; as they are where the type has none, or where an alias would change."""
    numbers = list(range(len(entries)))
    if not is_ordered(kind):
        return numbers
    ranks = [-1 if entry.key.is_merge else rank(kind, entry.key.value) for entry in entries]
    order = sorted(numbers, key=ranks.__getitem__)
    if order == numbers:
        return order
    # Two entries that would change places (the sort is stable) must not have an alias and its anchor, or two anchors of
    # one name: an alias refers to the last anchor of its name above it.
    named = []
    for number, entry in enumerate(entries):
        pieces = [*entry.key.walk(), *entry.value.walk()]
        setting = {piece.anchor for piece in pieces if piece.kind != "alias" and piece.anchor}
        using = {piece.anchor for piece in pieces if piece.kind == "alias"}
        if setting or using:
            named.append((ranks[number], setting, using))
    crossed = any(
        one > two and (first & (second | uses) or used & second)
        for (one, first, used), (two, second, uses) in combinations(named, 2)
    )
    return numbers if crossed else order


def _stacked(chunks: Sequence[_Chunk], order: Sequence[int]) -> list[str]:
    """The lines of chunks in an order. The chunk that comes first and the one that was first exchange the empty lines
    above them. When entries moved and some stood apart, what follows one of several lines stands apart.
    """
    moved = list(order) != sorted(order)
    spaced = moved and any(chunk.apart for chunk in chunks[1:])
    parts: list[str] = []
    for place, number in enumerate(order):
        chunk = chunks[number]
        apart = chunk.apart
        if moved and place == 0:
            apart = chunks[0].apart
        elif moved and number == 0:
            apart = chunks[order[0]].apart
        long = bool(place) and chunks[order[place - 1]].body.count("\n") > 1
        parts += ["\n" if apart or (spaced and long) else "", chunk.lead, chunk.body]
    return parts
