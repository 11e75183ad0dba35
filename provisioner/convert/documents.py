"""Reads the files of other tools: JSON, and YAML with tags, several documents and the scalars of YAML 1.1, which a manifest must
not have. Every value keeps its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from provisioner.errors import UsageError
from provisioner.filesystem import read_input
from provisioner.manifest.node import Node
from provisioner.manifest.reader import LOADER, MAX_BYTES, MAX_DEPTH, MAX_NODES, scalar

_TOKEN: Final = re.compile(r'[ \t\r\n]*(?:([{}\[\],:])|("(?:[^"\\\x00-\x1f]|\\.)*")|([^\s{}\[\],:"]+))')
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_LONE: Final = re.compile("[\ud800-\udfff]")
"""Halves of characters, which escapes can write: no text has one, and here they stand for what is not known."""
_MERGE: Final = "tag:yaml.org,2002:merge"
_STANDARD: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class _Mark:
    line: int
    column: int


def text_of_file(path: Path, shown: str = "") -> str:
    """The text of a file. Raises UsageError for one that cannot be read, or is too large or no text."""
    name = shown or str(path)
    try:
        content = read_input(path)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", hint="check the path") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MB", hint="split the file")
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # as PowerShell writes the output of the AWS CLI
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text", hint="save it as UTF-8") from error


def documents(text: str, shown: str, *, yaml_1_1: bool = True) -> list[Node]:
    """The documents of a text, JSON or YAML; empty ones are left out. A value with a tag such as `!Sub` is the map that
    CloudFormation writes in JSON: {"Fn::Sub": value}. `yaml_1_1`: `no` is false and 010 is 8. Raises UsageError with the line.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            return list(_Json(text, shown).documents())
        except _NotJsonError as error:
            json_error = error
            try:  # a map or a list of YAML in flow style
                return list(_yaml(text, shown, yaml_1_1=yaml_1_1))
            except UsageError:
                raise UsageError(f"{shown}:{json_error.line}: not JSON: {json_error}") from None
    return list(_yaml(text, shown, yaml_1_1=yaml_1_1))


# --- JSON ------------------------------------------------------------------------------------------------------------


class _NotJsonError(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Json:
    """Reads JSON with places: the standard library's reader has none."""

    def __init__(self, text: str, shown: str) -> None:
        self._text, self._shown = text, shown
        self._at = self._line = self._line_start = 0
        self._counted = 0

    def documents(self) -> Iterator[Node]:
        while self._at < len(self._text):
            node = self._value(0)
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if node.value is not None:
                yield node

    def _token(self) -> tuple[str, int]:
        """The next part, and where it begins."""
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise self._error("a value is expected" if self._at < len(self._text) else "the text ends too early")
        self._at = match.end()
        kind = match.lastindex or 1
        return match[kind], match.start(kind)

    def _mark(self, at: int) -> _Mark:
        """The place of a character; places only go forward."""
        newlines = self._text.count("\n", self._counted, at)
        if newlines:
            self._line += newlines
            self._line_start = self._text.rfind("\n", 0, at) + 1
        self._counted = at
        return _Mark(self._line, at - self._line_start)

    def _error(self, message: str) -> _NotJsonError:
        return _NotJsonError(message, self._text.count("\n", 0, self._at) + 1)

    def _value(self, depth: int) -> Node:
        part, start = self._token()
        mark = self._mark(start)
        if depth > MAX_DEPTH:
            raise self._error(f"values are nested more than {MAX_DEPTH} levels deep")
        value: Any
        if part == "{":
            value = dict(self._members(depth))
        elif part == "[":
            value = list(self._items(depth))
        else:
            value = self._plain(part)
        return Node(value, self._shown, mark, self._mark(self._at))

    def _plain(self, part: str) -> Any:
        try:
            value = json.loads(part)
        except ValueError:
            raise self._error(f"{part[:40]!r} is no value of JSON") from None
        if isinstance(value, str) and _LONE.search(value):
            raise self._error("a text has half of a character")
        return value

    def _members(self, depth: int) -> Iterator[tuple[str, Node]]:
        part, start = self._token()
        while part != "}":
            if not part.startswith('"'):
                raise self._error("a key in double quotes is expected")
            marks = self._mark(start), self._mark(self._at)
            if self._token()[0] != ":":
                raise self._error("a colon is expected")
            node = self._value(depth + 1)
            node.key_start, node.key_end = marks
            yield self._plain(part), node
            part, start = self._token()
            if part == ",":
                part, start = self._token()
            elif part != "}":
                raise self._error("a comma or } is expected")

    def _items(self, depth: int) -> Iterator[Node]:
        before = self._at
        while (part := self._token()[0]) != "]":
            self._at = before  # the part begins an item
            yield self._value(depth + 1)
            before = self._at
            part = self._token()[0]
            if part == "]":
                return
            if part != ",":
                raise self._error("a comma or ] is expected")
            before = self._at


# --- YAML ------------------------------------------------------------------------------------------------------------


def _yaml(text: str, shown: str, *, yaml_1_1: bool) -> Iterator[Node]:
    try:
        depth = 0
        for event in yaml.parse(text, Loader=LOADER):  # before the composer, which recurses, and has no limit
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                mark: Any = event.start_mark
                raise UsageError(f"{shown}:{mark.line + 1}: values are nested more than {MAX_DEPTH} levels deep")
        for root in yaml.compose_all(text, Loader=LOADER):
            node = _Yaml(shown, yaml_1_1=yaml_1_1).node(root, 0)
            if node.value is not None:
                yield node
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise UsageError(f"{shown}{f':{mark.line + 1}' if mark else ''}: not YAML: {problem}") from error


class _Yaml:
    def __init__(self, shown: str, *, yaml_1_1: bool) -> None:
        self._shown = shown
        self._constructor = yaml.constructor.SafeConstructor()
        self._yaml_1_1 = yaml_1_1
        self._count = 0

    def node(self, item: Any, depth: int) -> Node:
        """A composed value as a node."""
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise UsageError(f"{self._shown} has too many values, or they are nested too deeply", hint="split the file")
        value: Any
        if isinstance(item, yaml.MappingNode):
            value = self._members(item, depth)
        elif isinstance(item, yaml.SequenceNode):
            value = [self.node(part, depth + 1) for part in item.value]
        else:
            value = self._scalar(item)
        node = Node(value, self._shown, item.start_mark, item.end_mark)
        return self._tagged(item.tag, node) if item.tag.startswith("!") and item.tag != "!" else node

    def _members(self, item: Any, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, part in item.value:
            node = self.node(part, depth + 1)
            if key.tag == _MERGE:
                sources = node.value if isinstance(node.value, list) else [node]
                for source in reversed(sources):
                    merged |= source.value if isinstance(source.value, dict) else {}
                continue
            node.key_start, node.key_end = key.start_mark, key.end_mark
            members[key.value if isinstance(key, yaml.ScalarNode) else str(self.node(key, depth + 1).plain())] = node
        return merged | members

    def _scalar(self, item: Any) -> Any:
        if _LONE.search(item.value):
            raise UsageError(f"{self._shown}:{item.start_mark.line + 1}: not YAML: a text has half of a character")
        if not item.tag.startswith(_STANDARD) or item.tag == f"{_STANDARD}str" or item.style in ("'", '"', "|", ">"):
            return item.value
        if not self._yaml_1_1:
            return scalar(item.value)
        if item.tag.rpartition(":")[2] in ("int", "float", "bool", "null"):
            try:
                return self._constructor.construct_object(item)
            except (ValueError, LookupError, OverflowError):
                return item.value
        return item.value  # a date stays a text, as AWS gets it

    def _tagged(self, tag: str, node: Node) -> Node:
        name = tag.removeprefix("!")
        if name == "GetAtt" and isinstance(node.value, str):
            resource, _, attribute = node.value.partition(".")
            node = node.holding([node.all_here(resource), node.all_here(attribute)])
        return node.holding({name if name in ("Ref", "Condition") else f"Fn::{name}": node})


def members_of(node: Node | None) -> Mapping[str, Node]:
    """The members of a map, or {} for what is none."""
    return node.value if node is not None and isinstance(node.value, dict) else {}


def listed(node: Node | None) -> list[Node]:
    """The items of a list, or [] for what is none."""
    return node.value if node is not None and isinstance(node.value, list) else []


def text_at(node: Node | None, name: str) -> str:
    """The text of a member, or "" where there is none."""
    item = members_of(node).get(name)
    return item.value if item and isinstance(item.value, str) else ""
