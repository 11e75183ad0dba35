"""What CloudFormation's own macros make of a template: AWS::Include, and the loops of AWS::LanguageExtensions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from provisioner.convert.documents import members_of, text_at
from provisioner.convert.formats.cloudformation.template import Refused, document_beside
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.manifest.reader import MAX_NODES

INCLUDE: Final = "AWS::Include"
_TRANSFORM: Final = "Fn::Transform"
_LOOP: Final = "Fn::ForEach::"
_DEEPEST: Final = 5


def with_includes(node: Node, top: Path, depth: int = 0) -> Node:
    """A template with the snippets that it includes from below the folder `top`. What cannot be read stays as it is."""
    value = node.value
    if isinstance(value, list):
        return node.holding([with_includes(item, top, depth) for item in value])
    if not isinstance(value, dict):
        return node
    members = {name: with_includes(item, top, depth) for name, item in value.items()}
    snippet = _snippet(members.get(_TRANSFORM), top, depth)
    if snippet is None:
        return node.holding(members)
    del members[_TRANSFORM]
    if not isinstance(snippet.value, dict):
        return node.holding(members) if members else snippet
    return node.holding({**snippet.value, **members})


def with_top_includes(root: Node, top: Path) -> Node:
    """A template with the sections of the snippets that its `Transform` includes."""
    members = dict(members_of(root))
    stated = members.get("Transform")
    items = stated.value if stated and isinstance(stated.value, list) else [stated] if stated else []
    rest = []
    for item in items:
        snippet = _snippet(item, top, 0)
        if snippet is None:
            rest.append(item)
            continue
        for name, part in members_of(snippet).items():
            there = members.get(name)
            both = there is not None and isinstance(there.value, dict) and isinstance(part.value, dict)
            members[name] = there.holding({**part.value, **there.value}) if there and both else there or part
    if stated:
        members["Transform"] = stated.holding(rest)
    return root.holding(members)


def _snippet(node: Node | None, top: Path, depth: int) -> Node | None:
    """What an AWS::Include includes, or None where it is none, or its file is not below the folder."""
    if node is None or text_at(node, "Name") != INCLUDE or depth >= _DEEPEST:
        return None
    location = text_at(members_of(node).get("Parameters"), "Location")
    try:
        found = document_beside(top, location)
    except UsageError:
        return None
    return with_includes(found, top, depth + 1) if found else None


class Loops:
    """Writes the loops of a template out. `items` evaluates the list of a loop, given both; it raises Refused."""

    def __init__(self, items: Callable[[Node, Node], list[str]]) -> None:
        self._items = items
        self._count = 0

    def written_out(self, node: Node, values: Mapping[str, str] | None = None) -> Node:
        """A value with its loops written out; a loop whose list is not known stays as it is. Raises UsageError for loops that
        make too many values.
        """
        self._count += 1
        if self._count > MAX_NODES:
            raise UsageError(f"{node.file}: the loops of the template make too many values")
        values, value = values or {}, node.value
        if isinstance(value, str):
            return node.holding(_filled(value, values)) if values else node
        if isinstance(value, list):
            return node.holding([self.written_out(item, values) for item in value])
        if not isinstance(value, dict):
            return node
        name = value["Ref"].value if len(value) == 1 and "Ref" in value else None
        if isinstance(name, str) and name in values:
            return node.holding(values[name])
        members: dict[str, Node] = {}
        for name, item in value.items():
            turns = self._turns(name, item, values)
            if turns is None:
                members[_filled(name, values)] = self.written_out(item, values)
            else:
                members |= turns
        return node.holding(members)

    def _turns(self, name: str, node: Node, values: Mapping[str, str]) -> dict[str, Node] | None:
        """What all turns of a loop make; None for what is no loop, or has a list that is not known."""
        parts = node.value
        if not name.startswith(_LOOP) or not isinstance(parts, list) or len(parts) != 3:
            return None
        variable, listed, body = parts
        if not isinstance(variable.value, str) or not isinstance(body.value, dict):
            return None
        try:
            items = self._items(node, self.written_out(listed, values))
        except Refused:
            return None
        made: dict[str, Node] = {}
        for item in items:
            made |= members_of(self.written_out(body, {**values, variable.value: item}))
        return made


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A text with the values of loops; `&{NAME}` is the value without what a logical id may not have."""
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value).replace(f"&{{{name}}}", re.sub(r"[^A-Za-z0-9]", "", value))
    return text
