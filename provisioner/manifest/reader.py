"""Strict YAML with positions.

PyYAML's C parser makes the node graph, which knows where everything stands; values are built from it by YAML 1.2's core
schema (only `true` and `false` are booleans, a date stays a string), except that digits with a leading zero stay a string:
an account id must keep its zero. The graph is kept, so a position is looked up only when there is something to say.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from provisioner.errors import ManifestError
from provisioner.model.desired import Place
from provisioner.model.diagnostics import Diagnostic

MAX_DEPTH: Final = 100
MAX_NODES: Final = 2_000_000
"""The most values that a file may hold with its aliases expanded: far above any manifest, far below any memory."""

_Entry = tuple[yaml.Node, yaml.Node]

_PLAIN: Final = "plain"
_STRING: Final = "tag:yaml.org,2002:str"
_MERGE: Final = "<<"
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_HINTS: Final = {
    "cannot start any token": "YAML is indented with spaces, not with tabs",
    "another document": "a manifest is one document: remove the line with ---",
    "mapping values are not allowed": "check the indentation, and quote a text that holds a colon",
    "expected <block end>": "check the indentation of this line and of the ones above it",
}
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader may be missing
    """Leaves plain scalars to `_scalar`."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:  # noqa: ARG002  # PyYAML's signature
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _STRING
        return "tag:yaml.org,2002:map" if kind is yaml.MappingNode else "tag:yaml.org,2002:seq"


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its name as the user gave it, its value, and the nodes that know where each part stands."""

    file: str
    value: Any
    root: yaml.Node | None
    _entries: dict[int, dict[Hashable, _Entry]] = field(default_factory=dict, repr=False)

    def place(self, path: Sequence[Hashable], *, key: bool = False) -> Place:
        """Where a value stands, or with `key` the key that leads to it; the nearest part that does stand somewhere."""
        node, found = self.root, self.root
        for step in path:
            entry = self._below(node).get(step) if node is not None else None
            if entry is None:
                break
            name, node = entry
            found = name if key else node
        if found is None:
            return Place(self.file)
        mark = found.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _below(self, node: yaml.Node) -> dict[Hashable, _Entry]:
        """The key and value nodes right below a node, merged ones too; looked up once a node."""
        if id(node) not in self._entries:
            self._entries[id(node)] = self._index(node)
        return self._entries[id(node)]

    def _index(self, node: yaml.Node) -> dict[Hashable, _Entry]:
        if isinstance(node, yaml.SequenceNode):
            return {index: (item, item) for index, item in enumerate(node.value)}
        if not isinstance(node, yaml.MappingNode):
            return {}
        own: dict[Hashable, _Entry] = {}
        merged: dict[Hashable, _Entry] = {}
        for key, value in node.value:
            if _is_merge(key):
                for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    merged = self._below(source) | merged
            else:
                own[key.value] = (key, value)
        return merged | own


def read(path: Path, shown: str) -> Document:
    """The document in a file. `shown` is the file's name in messages. Raises ManifestError with one diagnostic."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _failure(shown, f"cannot be read: {error.strerror}", hint="check the path given with -f") from error
    except UnicodeDecodeError as error:
        raise _failure(shown, "is not UTF-8 text") from error
    try:
        _bound_depth(text, shown)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(shown, mark.line + 1, mark.column + 1) if mark else Place(shown)
        problem = error.problem or error.context or "it cannot be parsed"
        hint = next((hint for part, hint in _HINTS.items() if part in problem), "")
        raise ManifestError([Diagnostic("E001", f"not YAML: {problem}", place, hint)]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise _failure(shown, f"not YAML: {' '.join(str(error).split())}") from error
    value = None if root is None else _Builder(shown).build(root)
    return Document(shown, value, root)


def _failure(file: str, message: str, hint: str = "") -> ManifestError:
    return ManifestError([Diagnostic("E001", message, Place(file), hint)])


def _bound_depth(text: str, file: str) -> None:
    """Refuse a text that nests so deeply that composing it, which recurses in C, would overrun the stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _failure(file, f"is nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Builds values from nodes; a node that several aliases share is built once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._built: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def build(self, node: yaml.Node) -> Any:
        value, _ = self._sized(node)
        return value

    def _sized(self, node: yaml.Node) -> tuple[Any, int]:
        """A node's value, and how many values it holds with its aliases expanded."""
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node), 1
        if id(node) in self._built:
            return self._built[id(node)]
        if id(node) in self._open:
            raise self._error(node, "an alias refers to a value that it stands in")
        self._check_tag(
            node, "tag:yaml.org,2002:map" if isinstance(node, yaml.MappingNode) else "tag:yaml.org,2002:seq"
        )
        self._open.add(id(node))
        built = self._mapping(node) if isinstance(node, yaml.MappingNode) else self._sequence(node)
        self._open.discard(id(node))
        if built[1] > MAX_NODES:
            raise self._error(node, f"its aliases expand to more than {MAX_NODES:,} values")
        self._built[id(node)] = built
        return built

    def _sequence(self, node: yaml.Node) -> tuple[Any, int]:
        items = [self._sized(item) for item in node.value]
        return [value for value, _ in items], 1 + sum(size for _, size in items)

    def _mapping(self, node: yaml.MappingNode) -> tuple[Any, int]:
        own: dict[Any, Any] = {}
        merged: list[dict[Any, Any]] = []
        first: dict[Any, yaml.Node] = {}
        size = 1
        for key_node, value_node in node.value:
            value, value_size = self._sized(value_node)
            size += value_size
            if _is_merge(key_node):
                merged += self._merges(value_node, value)
                continue
            key = self._key(key_node)
            if key in first:
                line = first[key].start_mark.line + 1
                raise self._error(key_node, f"the key {key!r} stands already in line {line}", code="E002")
            first[key] = key_node
            own[key] = value
        inherited: dict[Any, Any] = {}
        for source in reversed(merged):
            inherited |= source
        return inherited | own, size

    def _merges(self, node: yaml.Node, value: Any) -> list[dict[Any, Any]]:
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in values):
            raise self._error(node, "`<<` merges only mappings")
        return values

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, "a key must be a text")
        # A key is a name whatever it looks like: `200:` under `tags:` is the tag "200".
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if not node.value.isascii() and any("\ud800" <= character <= "\udfff" for character in node.value):
            raise self._error(node, "half a character (a lone surrogate)")
        if node.tag == _STRING:
            return node.value
        self._check_tag(node, _PLAIN)
        return scalar(node.value)

    def _check_tag(self, node: yaml.Node, expected: str) -> None:
        if node.tag != expected:
            raise self._error(node, f"the tag {node.tag} is not allowed in a manifest")

    def _error(self, node: yaml.Node, message: str, code: str = "E001") -> ManifestError:
        mark = node.start_mark
        return ManifestError([Diagnostic(code, message, Place(self._file, mark.line + 1, mark.column + 1))])


_MOST_DIGITS = 400  # no number of ours has so many, and Python converts no more to text


def scalar(text: str) -> Any:
    """The value of a plain scalar (YAML 1.2.2, section 10.3.2), digits with a leading zero excepted."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _MOST_DIGITS:
        return text
    try:
        if _INTEGER.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            return float(text)
    except ValueError:  # more digits than Python converts: no number of ours has so many
        return text
    return text


def _is_merge(key: yaml.Node) -> bool:
    return key.tag == _PLAIN and key.value == _MERGE
