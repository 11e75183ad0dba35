"""Strict YAML with positions.

One pass over the events of PyYAML's C parser makes positioned nodes. Scalars are YAML 1.2's core schema
(only `true` and `false` are booleans, a date stays a string), except that digits with a leading zero stay a string: an
account id must keep its zero. What a file may hold is bounded, so that no file costs more than a moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml
import yaml.events

from provisioner.filesystem import read_input
from provisioner.manifest.node import Node
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.place import Place

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_DEPTH: Final = 100
MAX_NODES: Final = 1_000_000
"""The most values that a file may hold with its aliases expanded: far above any manifest, far below any memory."""

# PyYAML's types do not say which event has what.
_Event = Any
_Alias: Any = yaml.events.AliasEvent
_DocumentStart: Any = yaml.events.DocumentStartEvent
_MappingStart: Any = yaml.events.MappingStartEvent
_MappingEnd: Any = yaml.events.MappingEndEvent
_Scalar: Any = yaml.events.ScalarEvent
_SequenceStart: Any = yaml.events.SequenceStartEvent
_SequenceEnd: Any = yaml.events.SequenceEndEvent
_StreamEnd: Any = yaml.events.StreamEndEvent
LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader may be missing
_YAML: Final = "tag:yaml.org,2002:"
_TAGS: Final = {_Scalar: f"{_YAML}str", _MappingStart: f"{_YAML}map", _SequenceStart: f"{_YAML}seq"}
_MERGE: Final = "<<"
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # where libyaml counts a new line
_MOST_DIGITS: Final = 400  # no number of ours has so many, and Python converts no more to text
_HINTS: Final = {
    "found a tab character": "indent YAML with spaces, not tabs",
    "cannot start any token": "quote the string, and indent with spaces, not tabs",
    "mapping values are not allowed": "check the indentation, and quote strings that contain a colon",
    "expected <block end>": "check the indentation of this line and of the ones above it",
}
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its name as the user gave it, its value (None when it is empty or cannot be read), and what is wrong.

    `readable` is False when the value is not all that the file holds; `refers` that it may hold a reference to a
    variable. `text` is what was parsed, "" where the file has no text.
    """

    file: str
    root: Node | None
    diagnostics: tuple[Diagnostic, ...] = ()
    readable: bool = True
    refers: bool = False
    text: str = ""


def read(path: Path, shown: str) -> Document:
    """The document in a file. `shown` is the file's name in messages. Raises nothing: what is wrong is in the document."""
    try:
        content = read_input(path)
    except OSError as error:
        return _unreadable(shown, f"cannot be read: {error.strerror}", "check the path")
    if len(content) > MAX_BYTES:
        return _unreadable(
            shown, f"is larger than {MAX_BYTES // 1024 // 1024} MB", "split the file, and list the parts in `include`"
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:2]:
        return _unreadable(shown, "is UTF-16, not UTF-8", "save it as UTF-8")
    try:
        return parse(content.decode("utf-8-sig"), shown)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _unreadable(
            shown, f"is not UTF-8 text: byte {error.object[error.start]:#04x} on line {line}", "save it as UTF-8"
        )


@lru_cache(maxsize=16)
def _lines(file: str) -> list[str]:
    if not Path(file).is_file():  # a pipe was read already, and opening it again could block
        return []
    try:
        with Path(file).open("rb") as opened:
            return _BREAK.split(opened.read(MAX_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return []


def line_at(place: Place) -> str:
    """The line of a file at a place; "" when it cannot be read any more."""
    lines = _lines(place.file)
    return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


def parse(text: str, shown: str) -> Document:
    """The document in a text. Raises nothing."""
    if not text.isascii() and (half := re.search("[\ud800-\udfff]", text)):
        line = text.count("\n", 0, half.start()) + 1
        return _unreadable(
            shown, f"contains an invalid Unicode character (a lone surrogate) on line {line}", "remove it"
        )
    diagnostics: list[Diagnostic] = []
    try:
        root = _Building(text, shown, diagnostics).document()
        # An escape in double quotes may write either character of a reference.
        return Document(shown, root, tuple(diagnostics), refers="${" in text or "\\" in text, text=text)
    except _StopReading as stop:
        last = stop.diagnostic
    except yaml.reader.ReaderError as error:
        last = _bad_character(error, text, shown)
    except (yaml.YAMLError, ValueError) as error:
        last = _not_yaml(error, text, shown)
    return Document(shown, None, (*diagnostics, last), readable=False, text=text)


def _bad_character(error: yaml.reader.ReaderError, text: str, shown: str) -> Diagnostic:
    before = _BREAK.split(text.encode()[: error.position].decode(errors="ignore"))  # libyaml counts bytes
    place = Place(shown, len(before), len(before[-1]) + 1)
    after = text.encode()[error.position :].decode(errors="ignore")
    message = f"not YAML: the character U+{ord(after[:1] or ' '):04X} is not allowed"
    return Diagnostic("E001", message, place, "remove it, or escape it in a double-quoted string")


def _not_yaml(error: Exception, text: str, shown: str) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "context", None) or " ".join(str(error).split())
    place = Place(shown, mark.line + 1, mark.column + 1) if mark else Place(shown)
    hint = next((hint for part, hint in _HINTS.items() if part in problem), "")
    if not hint and "${" in "".join(_BREAK.split(text)[place.line - 1 : place.line]):
        hint = "inside [ ] and { }, quote strings that contain ${…}"
    return Diagnostic("E001", f"not YAML: {problem}", place, hint)


def _unreadable(file: str, message: str, hint: str) -> Document:
    return Document(file, None, (Diagnostic("E001", message, Place(file), hint),), readable=False)


class _StopReading(Exception):  # noqa: N818  # no error for a caller: it ends the reading of one file
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class _Building:
    """Builds the nodes of one text. Errors after which reading can go on are added to `diagnostics`; others stop it."""

    def __init__(self, text: str, file: str, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = diagnostics
        self._next: Callable[[], _Event] = LOADER(text).get_event
        self._file = file
        self._anchors: dict[str, tuple[Node, int, int]] = {}  # the node, how many values it holds, how deep they nest
        self._open: set[str] = set()
        self._count = 0
        self._deepest = 0

    def document(self) -> Node | None:
        """The one document of the text."""
        event = self._next()  # the stream begins
        event = self._next()
        if type(event) is _StreamEnd:
            return None
        root = self._node(self._next(), 0)
        self._next()  # the document ends
        event = self._next()
        if type(event) is _DocumentStart:
            raise self._stop(
                event, "a second YAML document starts here", "a manifest must be a single document: remove the --- line"
            )
        return root

    def _node(self, event: _Event, depth: int) -> Node:
        self._count += 1
        if type(event) is _Scalar:
            node = Node(self._scalar(event), self._file, event.start_mark, event.end_mark)
            if event.anchor:
                self._anchors[event.anchor] = (node, 1, 0)
            return node
        if type(event) is _Alias:
            return self._alias(event, depth)
        self._reach(depth + 1, event)
        before, anchor, deepest = self._count, event.anchor, self._deepest
        self._deepest = depth + 1
        if anchor:
            self._open.add(anchor)
        if event.tag and event.tag not in ("!", _TAGS[type(event)]):
            self._error(event, f"the YAML tag {event.tag} is not allowed in a manifest")
        node = self._mapping(event, depth + 1) if type(event) is _MappingStart else self._sequence(event, depth + 1)
        if self._count > MAX_NODES:
            raise self._stop(event, f"too many values after expanding aliases (the maximum is {MAX_NODES:,})")
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = (node, self._count - before + 1, self._deepest - depth)
        self._deepest = max(self._deepest, deepest)
        return node

    def _reach(self, depth: int, event: _Event) -> None:
        if depth > MAX_DEPTH:
            raise self._stop(event, f"values are nested more than {MAX_DEPTH} levels deep here")
        self._deepest = max(self._deepest, depth)

    def _alias(self, event: _Event, depth: int) -> Node:
        if event.anchor in self._open:
            raise self._stop(event, f"the alias *{event.anchor} refers to a value that contains it")
        if event.anchor not in self._anchors:
            raise self._stop(event, f"unknown alias: no earlier value has the anchor &{event.anchor}")
        node, size, height = self._anchors[event.anchor]
        self._reach(depth + height, event)
        self._count += size
        if self._count > MAX_NODES:
            raise self._stop(event, f"too many values after expanding aliases (the maximum is {MAX_NODES:,})")
        return Node(node.value, node.file, node.start, node.end)

    def _sequence(self, start: _Event, depth: int) -> Node:
        items: list[Node] = []
        while type(event := self._next()) is not _SequenceEnd:
            items.append(self._node(event, depth))
        return Node(
            items, self._file, start.start_mark, event.end_mark if start.flow_style or not items else items[-1].end
        )

    def _mapping(self, start: _Event, depth: int) -> Node:
        own: dict[str, Node] = {}
        merged: list[Node] = []
        last = start.end_mark
        while type(event := self._next()) is not _MappingEnd:
            is_merge = type(event) is _Scalar and event.value == _MERGE and event.implicit[0]
            key = None if is_merge else self._key(event, depth)
            node = self._node(self._next(), depth)
            last = node.end
            if is_merge and merged:
                self._error(
                    event, "only one `<<` is allowed; to merge several maps, use a list: `<<: [*a, *b]`", "E002"
                )
            elif is_merge:
                merged += self._merges(node)
            elif key is not None:
                node.key_start, node.key_end = event.start_mark, event.end_mark
                if key in own:
                    there = own[key].place(key=True).line
                    self._error(event, f"duplicate key {key!r}: first defined on line {there}", "E002")
                else:
                    own[key] = node
        inherited: dict[str, Node] = {}
        for source in reversed(merged):
            inherited |= source.value
        return Node(
            inherited | own if inherited else own,
            self._file,
            start.start_mark,
            event.end_mark if start.flow_style else last,
        )

    def _merges(self, node: Node) -> list[Node]:
        sources = node.value if isinstance(node.value, list) else [node]
        if all(isinstance(item.value, dict) for item in sources):
            return sources
        self.diagnostics.append(Diagnostic("E001", "`<<` can merge only maps", node.place()))
        return []

    def _key(self, event: _Event, depth: int) -> str | None:
        """A key, which is a name whatever it looks like: `200:` under `tags:` is the tag "200"."""
        if type(event) is _Scalar:
            if event.tag:
                self._scalar(event)  # says what is wrong with the tag
            if event.anchor:
                self._anchors[event.anchor] = (Node(event.value, self._file, event.start_mark, event.end_mark), 1, 0)
            return str(event.value)
        value = self._node(event, depth).value
        if isinstance(value, str):
            return value
        self._error(event, "a key must be a string")
        return None

    def _scalar(self, event: _Event) -> Any:
        if event.tag and event.tag not in ("!", _TAGS[_Scalar]):
            self._error(event, f"the YAML tag {event.tag} is not allowed in a manifest")
        return scalar(event.value) if event.implicit[0] and not event.tag else event.value

    def _stop(self, event: _Event, message: str, hint: str = "") -> _StopReading:
        return _StopReading(Diagnostic("E001", message, self._place(event), hint))

    def _error(self, event: _Event, message: str, code: str = "E001") -> None:
        self.diagnostics.append(Diagnostic(code, message, self._place(event)))

    def _place(self, event: _Event) -> Place:
        return Node(None, self._file, event.start_mark, event.end_mark).place()


def scalar(text: str) -> Any:
    """The value of a plain scalar (YAML 1.2.2, section 10.3.2), digits with a leading zero excepted."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _MOST_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
