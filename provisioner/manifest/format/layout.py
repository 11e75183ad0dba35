"""Where everything stands in a manifest's text: the values, and the lines that belong to them.

`reader` makes the values of a manifest; this module finds how they are written, so that a part of the text can be
changed and the rest copied. Positions are indexes into the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import yaml
import yaml.events

from provisioner.manifest.reader import LOADER

_Event = Any  # PyYAML's types do not show which event has what
NOT_BREAK: Final = "[^\r\n\x85\u2028\u2029]"
"""What is no line break to YAML."""
# The rest of a line behind a value; a line that holds nothing but a comment; such lines up to the indent of a key.
_REST: Final = re.compile(rf"[ \t]*(?:#{NOT_BREAK}*)?\r?\n")
_SPARE: Final = re.compile(rf"([ \t]*)(#{NOT_BREAK}*)?\r?\n")
_LEAD: Final = re.compile(rf"(?:[ \t]*(?:#{NOT_BREAK}*)?\r?\n)* *")
_COLON: Final = re.compile("[ \t]*:")  # behind a `? ` key it stands in another line
_COMPACT: Final = re.compile(" *(?:- +)+")  # the dashes before the first key of a list's item
# Editors read these lines at the top of a file only.
_MODELINE: Final = re.compile(r"[ \t]*#.*(?:yaml-language-server:|\bvim?:|-\*-)")
_COMMENT: Final = re.compile(f"#{NOT_BREAK}*")
_KEEPING: Final = re.compile(r"[|>][1-9]?\+")  # a `+` in the header: the empty lines below are part of the value


@dataclass(slots=True)
class Piece:
    """A value as it is written. `style` is the first character of a quoted or block scalar, "" of a plain one.

    keeps        whether a block scalar keeps the empty lines that follow it
    start, end   the text of the value, with its anchor
    lo, hi       the same with the whole lines that belong to its first and its last entry
    children     of a sequence: its items
    entries      of a mapping
    whole        whether each entry of a mapping is a run of whole lines, so that entries can change places
    """

    kind: Literal["scalar", "alias", "sequence", "mapping"]
    start: int
    end: int
    column: int
    flow: bool = False
    style: str = ""
    tagged: bool = False
    keeps: bool = False
    value: str = ""
    anchor: str = ""
    children: list[Piece] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    whole: bool = False
    lo: int = 0
    hi: int = 0

    @property
    def below(self) -> list[Piece]:
        """Everything one level down, in the order of the text."""
        return self.children or [piece for entry in self.entries for piece in (entry.key, entry.value)]

    @property
    def is_merge(self) -> bool:
        """Whether the piece, as a key, is a merge key. A quoted or tagged `<<` is an ordinary key."""
        return self.value == "<<" and not self.style and not self.tagged

    def walk(self) -> Iterator[Piece]:
        """The piece itself and everything below, in the order of the text."""
        yield self
        for piece in self.below:
            yield from piece.walk()

    def last(self) -> Piece:
        """The scalar, alias or flow collection with which the piece ends; the piece itself when nothing is below it."""
        return self if self.flow or not self.below else self.below[-1].last()


@dataclass(slots=True)
class Entry:
    """A key and its value; `lo` and `hi` bound its lines: the comments above it, itself, the comments that hang below
    it.
    """

    key: Piece
    value: Piece
    lo: int
    hi: int


def layout(text: str) -> Piece | None:
    """The pieces of a text that `reader.parse` reads without an error; None when it holds no document."""
    return _Laying(text).document()


def line_end(text: str, position: int) -> int | None:
    """The start of the next line, for the end of a value; None when more than a comment follows on its line."""
    if text[position - 1 : position] == "\n":
        return position  # a block scalar that keeps its empty lines ends at the start of a line
    rest = _REST.match(text, position)
    return rest.end() if rest else None


def spare_end(text: str, position: int, column: int) -> int:
    """The end of the comments at this column or deeper that follow `position`, which is the start of a line. Empty
    lines after the last of them are left out.
    """
    end = position
    while line := _SPARE.match(text, position):
        position = line.end()
        if line[2] is not None:
            if len(line[1]) < column:
                break
            end = position
    return end


def comments(text: str, root: Piece | None) -> list[str]:
    """Every comment of a text, from its `#` on, in the order of the text. `root` is its layout."""
    comments, position = [], 0
    for piece in root.walk() if root else ():
        # A `#` inside a scalar is text, so only what lies between scalars is searched.
        if piece.kind in ("scalar", "alias"):
            comments += _COMMENT.findall(text, position, piece.start)
            position = piece.end
    comments += _COMMENT.findall(text, position)
    return [comment.rstrip() for comment in comments]


def _without_empty_lines(source: str, value: str) -> str:
    """A block scalar up to the line break of its last line, which may be made of spaces that are text."""
    if not value.rstrip("\n").rpartition("\n")[2].strip():
        return source.rstrip("\r\n")  # the last line is empty or spaces that are text: only line breaks may go
    end = source.find("\n", len(source.rstrip()))
    return source[:end].rstrip("\r") if end > 0 else source


class _Laying:
    """Makes pieces of the events of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next = LOADER(text).get_event
        self._position = 0  # where the last scalar, alias or flow collection ended

    def document(self) -> Piece | None:
        self._next()  # the stream begins
        if isinstance(self._next(), yaml.events.StreamEndEvent):
            return None
        return self._piece(self._next())

    def _piece(self, event: _Event) -> Piece:
        start, end = event.start_mark.index, event.end_mark.index
        anchor, tagged = event.anchor or "", bool(getattr(event, "tag", None))
        # An alias unless the event is one of those below. The end of a collection is set by `_close`: the mark of its
        # first event covers only the opening bracket, or nothing.
        piece = Piece("alias", start, end, event.start_mark.column, tagged=tagged, anchor=anchor, lo=start, hi=end)
        if isinstance(event, yaml.events.MappingStartEvent):
            piece.kind, piece.flow = "mapping", bool(event.flow_style)
            self._mapping(piece)
        elif isinstance(event, yaml.events.SequenceStartEvent):
            piece.kind, piece.flow = "sequence", bool(event.flow_style)
            self._sequence(piece)
        elif isinstance(event, yaml.events.ScalarEvent):
            piece.kind, piece.style, piece.value = "scalar", (event.style or "").strip(), event.value
            self._scalar(piece)
        self._position = max(self._position, piece.end)
        return piece

    def _scalar(self, piece: Piece) -> None:
        """A block scalar ends with its last line, unless it keeps the empty lines that follow."""
        if piece.style not in ("|", ">"):
            return
        source = self._text[piece.start : piece.end]
        piece.keeps = bool(_KEEPING.match(source, source.find(piece.style)))
        if not piece.keeps:
            piece.end = piece.hi = piece.start + len(_without_empty_lines(source, piece.value))

    def _sequence(self, piece: Piece) -> None:
        while not isinstance(event := self._next(), yaml.events.SequenceEndEvent):
            piece.children.append(self._piece(event))
        self._close(piece, event)

    def _mapping(self, piece: Piece) -> None:
        floor, begin = self._position, 0
        piece.whole = not piece.flow
        while not isinstance(event := self._next(), yaml.events.MappingEndEvent):
            key, value = self._piece(event), self._piece(self._next())
            entry = Entry(key, value, key.start, value.hi)
            # Lines are counted from where the entry above ends, so that each line belongs to one entry.
            if not piece.flow:
                begin = piece.entries[-1].hi if piece.entries else self._first_line(floor, key)
                # `&=` does not short-circuit: `_is_whole` also sets the lines of each entry.
                piece.whole &= self._is_whole(entry, begin, compact=not piece.entries)
            piece.entries.append(entry)
        self._close(piece, event)

    def _close(self, piece: Piece, event: _Event) -> None:
        if piece.flow:
            piece.end = piece.hi = event.end_mark.index
        elif piece.below:
            piece.end, piece.hi = piece.below[-1].end, piece.below[-1].hi
        if piece.whole and piece.entries:
            piece.lo, piece.hi = piece.entries[0].lo, piece.entries[-1].hi

    def _is_whole(self, entry: Entry, begin: int, *, compact: bool) -> bool:
        """Give an entry its lines, if it is made of whole lines that begin here; a first one may follow a dash."""
        key, value = entry.key, entry.value
        lead = _LEAD.fullmatch(self._text, begin, key.start)
        entry.lo = begin if lead else key.start
        end = line_end(self._text, entry.hi)  # `hi`: the value may end in comments that are its own
        if end is None:
            return False
        # Comments that are indented deeper than the key belong to its value, others to the next key.
        entry.hi = spare_end(self._text, end, key.column + 1)
        line = self._text.rfind("\n", 0, key.start) + 1
        placed = lead or (compact and _COMPACT.fullmatch(self._text, line, key.start))
        simple = key.kind == "scalar" and _COLON.match(self._text, key.end)
        # Empty lines that came to stand below a scalar that keeps them would become its text.
        return bool(placed and simple) and not value.last().keeps

    def _first_line(self, floor: int, key: Piece) -> int:
        """Where the comments above the first key of a mapping begin; above the first of all, those of the file are left
        out.
        """
        start = begin = self._text.rfind("\n", 0, key.start) + 1
        while begin > floor:
            above = self._text.rfind("\n", 0, begin - 1) + 1
            if above < floor or not _SPARE.fullmatch(self._text, above, begin):
                break
            begin = above
        return self._below_head(begin, start) if floor == 0 else begin

    def _below_head(self, begin: int, start: int) -> int:
        """Where the comments of the first key begin: below modelines at the top and the last empty line."""
        lines = self._text[begin:start].splitlines(keepends=True)
        head = 0
        for number, line in enumerate(lines, 1):
            if not line.strip() or (number == head + 1 and _MODELINE.match(line)):
                head = number
        return begin + sum(map(len, lines[:head]))
