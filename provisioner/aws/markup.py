"""XML that is changed in places: what is not changed is written back byte for byte.

A tree of ElementTree would lose comments, processing instructions and prefixes, and write a carriage return as a line break.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

DEEPEST: Final = 100
"""The most elements within each other."""

_START: Final = re.compile(rb"""<(?P<tag>[^\s/>]+)(?:[^>"']|"[^"]*"|'[^']*')*>""")
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}  # a carriage return is read as a line break
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Element:
    """An element as it stands in its document. `name` is without a prefix in the namespace that was asked for and in none,
    and `NAMESPACE}NAME` in any other; `text` is what stands directly in it.
    """

    name: str
    start: bytes
    end: bytes = b""
    """The end tag; none in `<a/>`."""
    content: list[Element | bytes] = field(default_factory=list)
    text: str = ""

    @property
    def children(self) -> list[Element]:
        """The elements directly in it, in their order."""
        return [part for part in self.content if isinstance(part, Element)]

    @property
    def is_bare(self) -> bool:
        """Whether nothing stands in it, neither elements nor attributes, and no text but blanks."""
        return not self.children and not self.text.strip() and self.start[1:].rstrip(b"/> \t\r\n") == self._tag

    def all(self, name: str) -> list[Element]:
        """The children of a name."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> Element | None:
        """The first child of a name."""
        return next(iter(self.all(name)), None)

    def text_of(self, name: str) -> str:
        """The text of the first child of a name, "" where there is none."""
        child = self.first(name)
        return child.text if child else ""

    def add(self, name: str, text: str = "", *, at: int | None = None) -> Element:
        """A new child, in this element's namespace, at an index of `content` or at the end. Raises ValueError for a text
        that XML cannot have.
        """
        tag = self._tag.rpartition(b":")[0]
        tag = (tag + b":" if tag else b"") + name.encode()
        made = Element(name, b"<%s>" % tag, b"</%s>" % tag)
        made.set_text(text)
        self.content.insert(len(self.content) if at is None else at, made)
        return made

    def remove(self, child: Element) -> None:
        """Take out a child."""
        self.content = [part for part in self.content if part is not child]

    def position(self, child: Element) -> int:
        """The index of a child in `content`."""
        return next(index for index, part in enumerate(self.content) if part is child)

    def set_text(self, text: str) -> None:
        """Replace the text; children stay. Raises ValueError for one that XML cannot have."""
        if bad := _NOT_XML.search(text):
            raise ValueError(f"XML cannot have the character {bad[0]!r}")
        escaped = "".join(_ESCAPES.get(char, char) for char in text).encode()
        self.content = [*([escaped] if escaped else []), *self.children]
        self.text = text

    def rename(self, name: str) -> None:
        """Another name in the same namespace; attributes and content stay."""
        old = self._tag
        new = old[: old.rfind(b":") + 1] + name.encode()
        self.start = b"<" + new + self.start[1 + len(old) :]
        self.end = self.end.replace(old, new)
        self.name = name

    def written(self) -> bytes:
        """The element as text."""
        content = b"".join(part if isinstance(part, bytes) else part.written() for part in self.content)
        if content and not self.end:
            return self.start.removesuffix(b"/>") + b">" + content + b"</" + self._tag + b">"
        return self.start + content + self.end

    @property
    def _tag(self) -> bytes:
        """The name as it is written, with its prefix."""
        found = _START.match(self.start)
        assert found, "a start tag, which the parser took"
        return found["tag"]


@dataclass(slots=True)
class Markup:
    """A document: its root, and what stands before and after it."""

    before: bytes
    root: Element
    after: bytes

    def written(self) -> bytes:
        """The document as text."""
        return self.before + self.root.written() + self.after


def read_markup(data: bytes, namespace: str) -> Markup:
    """A document; the names of `namespace` are short. Raises ValueError for what is no XML, has a document type, which could
    define entities, is in another encoding than UTF-8, or is nested more than 100 deep.
    """
    try:
        return _Reader(data, namespace).read()
    except (expat.ExpatError, LookupError) as error:  # LookupError: an encoding that Python does not know
        raise ValueError(f"no XML: {error}") from error


class _Reader:
    def __init__(self, data: bytes, namespace: str) -> None:
        self._data = data
        self._short = f"{namespace}}}"
        self._at = 0  # the end of what was read
        self._open: list[Element] = []
        self._root: Element | None = None
        self._before = b""
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = _refuse_encoding
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self) -> Markup:
        self._data.decode()  # without a declaration, expat also takes UTF-16
        self._parser.Parse(self._data, True)
        assert self._root, "the parser refuses a document without root"
        return Markup(self._before, self._root, self._data[self._at :])

    def _start(self, name: str, _: object) -> None:
        if len(self._open) == DEEPEST:
            raise ValueError(f"more than {DEEPEST} elements within each other")
        found = _START.match(self._data, self._take())
        assert found, "a start tag, which the parser took"
        element = Element(name.removeprefix(self._short), found[0])
        self._at = found.end()
        if self._open:
            self._open[-1].content.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        element = self._open[-1]
        if not element.start.endswith(b"/>"):
            start = self._take()
            self._at = self._data.index(b">", start) + 1
            element.end = self._data[start : self._at]
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _take(self) -> int:
        """Where the tag begins that the parser is at. What stands before it, as text, goes to the element that is open."""
        begin = self._parser.CurrentByteIndex
        raw = self._data[self._at : begin]
        if not self._open:
            self._before = raw
        elif raw:
            self._open[-1].content.append(raw)
        return begin


def _refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding and encoding.upper() != "UTF-8":
        raise ValueError(f"the encoding {encoding}, where only UTF-8 can be changed")


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a document type")
