"""The fields of a mapping as other tools write them. Every tool has the names of the API or of Terraform, in its own spelling:
they are compared without capitals and underscores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args, get_origin

from provisioner.convert.documents import members_of
from provisioner.convert.unknown import Unknowns, is_unknown, readable
from provisioner.kinds.fields import Field
from provisioner.kinds.forms import timestamp
from provisioner.kinds.tables import fields_of
from provisioner.manifest.node import Node
from provisioner.model.canonical import Canonical, absent
from provisioner.model.place import Place
from provisioner.model.sources import SourceKind

_WHOLE: Final = re.compile(r"([-+]?\d{1,18})(?:\.0+)?")  # what AWS counts has fewer digits
_SECONDS: Final = re.compile(r"[0-9]{1,11}(?:\.[0-9]+)?")
_BOOLEANS: Final = {"true": True, "false": False}
_TYPES: Final[Mapping[Any, str]] = {int: "integer", bool: "boolean", list: "list", dict: "map"}


class Unreadable(Exception):  # noqa: N818  # no error for a caller: the field is reported and the rest is read
    """A value that no field of ours can have."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A member that could not be read: its place and name, why, and the field of ours that lacks a value for it, or ""."""

    place: Place
    name: str
    why: str
    field: str = ""


@dataclass(slots=True)
class FieldReader:
    """Reads the members of one mapping.

    kind      decides which table is read: that of event source mappings, or of a bucket's entries
    unknowns  the variables, which get the types of the fields where they stand
    renames   members that are called otherwise than in the API and in Terraform, with our names
    ignored   members that are no settings, such as what a tool computes
    """

    unknowns: Unknowns
    kind: SourceKind | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    ignored: Collection[str] = ()
    problems: list[Problem] = field(default_factory=list)

    def mapping(self, node: Node) -> Canonical:
        """The fields of a mapping by our names, not yet in canonical form. What cannot be read is in `problems`."""
        fields, skipped = fields_of(self.kind), {spelling(name) for name in self.ignored}
        renames = {spelling(name): ours for name, ours in self.renames.items()}
        members: Canonical = {}
        what = "a bucket's entry" if self.kind is SourceKind.S3 else "an event source mapping"
        for name, item in members_of(node).items():
            key = spelling(name)
            if key in skipped or _is_empty(item):
                continue
            found = fields.get(renames[key]) if key in renames else by_spelling(fields).get(key)
            if found is None:
                self._report(item, name, f"it is not a field of {what}")
                continue
            try:
                value = self._value(found, item)
            except Unreadable as wrong:
                self._report(item, name, str(wrong), found.name)
                continue
            if value is not None:
                members[found.name] = value
        return members

    def _report(self, node: Node, name: str, why: str, ours: str = "") -> None:
        self.problems.append(Problem(node.place(key=True), name, why, ours))

    def _value(self, found: Field, node: Node) -> Any:
        value = node.value
        if value is None:
            return None
        if found.children:
            return self._blocks(found, node)
        if found.row.form is timestamp and not is_unknown(value):
            return _time(value)
        if found.name == "tags":
            return self._tags(node)
        if found.name == "endpoints":
            return self._endpoints(found, node)
        return self._plain(found.annotation, node)

    def _plain(self, annotation: Any, node: Node) -> Any:
        """A value of a field without parts, in the type of the field."""
        value = node.value
        kind = get_origin(annotation) or annotation
        if is_unknown(value):
            return self.unknowns.typed(value, _TYPES.get(kind, ""))
        if kind is list:
            items = value if isinstance(value, list) else [node]
            inner = get_args(annotation)[0]
            return [self._plain(inner, item) for item in items if item.value is not None]
        if kind is int:
            return _integer(value)
        if kind is bool:
            return _boolean(value)
        if kind is str:
            return _text(value)
        plain = node.plain()
        if isinstance(plain, int | float | bool):
            raise Unreadable(f"{json.dumps(plain)} is not a text")
        return plain

    def _blocks(self, found: Field, node: Node) -> Any:
        value = node.value
        if is_unknown(value):
            return self.unknowns.typed(value, "list" if found.many else "map")
        items = value if isinstance(value, list) else [node]
        if found.many:
            return [self._block(found, item) for item in items]
        if len(items) > 1:
            raise Unreadable("only one block is possible")
        # A block alone in a list, as Terraform writes it. One that is there and empty is `{}`.
        return self._block(found, items[0]) if items else None

    def _block(self, found: Field, node: Node) -> Any:
        if node.value is None:
            return {}
        if is_unknown(node.value):
            return self.unknowns.typed(node.value, "map")
        if not isinstance(node.value, dict):
            raise Unreadable(f"{_shown(node.value)} is not a map")
        known, block = by_spelling(found.children), {}
        for name, item in node.value.items():
            child = known.get(spelling(name))
            if child is None:
                if not _is_empty(item):
                    raise Unreadable(f"{name} is not known")
                continue
            value = self._value(child, item)
            if value is not None:
                block[child.name] = value
        return block

    def _tags(self, node: Node) -> Any:
        """Tags as a map, or as a list of Key and Value."""
        if is_unknown(node.value):
            return self.unknowns.typed(node.value, "map")
        tags: dict[str, Any] = {}
        for key, value in _pairs(node):
            tags[_text(key)] = _text(value)
        return tags

    def _endpoints(self, found: Field, node: Node) -> Any:
        """Brokers by the name of the API, whose spelling differs by tool too."""
        if is_unknown(node.value):
            return self.unknowns.typed(node.value, "map")
        if not isinstance(node.value, dict):
            raise Unreadable(f"{_shown(node.value)} is not a map")
        names = {spelling(name): name for name in found.row.values}
        endpoints = {}
        for name, item in node.value.items():
            value = item.plain()
            if not isinstance(value, str | list):
                raise Unreadable(f"{_shown(value)} is not a list of brokers")
            brokers = [_text(broker) for broker in value] if isinstance(value, list) else value
            endpoints[names.get(spelling(name), name)] = brokers
        return endpoints


def spelling(name: str) -> str:
    """A name without capitals and underscores: BatchSize, batchSize and batch_size are one."""
    return name.replace("_", "").replace("-", "").lower()


def spelled(node: Node | None) -> dict[str, Node]:
    """The members of a map by the spelling of their names; {} for what is no map."""
    return {spelling(name): item for name, item in members_of(node).items()}


def by_spelling(fields: Mapping[str, Field]) -> Mapping[str, Field]:
    """Fields by the spelling of their names, ours and the API's."""
    return {spelling(name): found for found in fields.values() for name in (found.row.api, found.name)}


def _pairs(node: Node) -> Iterator[tuple[Any, Any]]:
    if isinstance(node.value, dict):
        yield from ((name, item.value) for name, item in node.value.items() if item.value is not None)
        return
    for item in node.value if isinstance(node.value, list) else [node]:
        members = spelled(item)
        if "key" not in members or "value" not in members:
            raise Unreadable("a map, or a list of Key and Value, is expected")
        yield members["key"].value, members["value"].value


def _is_empty(node: Node) -> bool:
    return (
        node.value is None or absent(node.value) or (isinstance(node.value, list) and all(map(_is_empty, node.value)))
    )


def _integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and (match := _WHOLE.fullmatch(value)):
        return int(match[1])
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unreadable(f"{_shown(value)} is not a whole number")
    return value


def _time(value: Any) -> str:
    """A time as a text; tools also write it as seconds since 1970."""
    text = _text(value)
    try:
        return timestamp(float(text)) if _SECONDS.fullmatch(text) or not isinstance(value, str) else text
    except (OverflowError, OSError, ValueError):
        raise Unreadable(f"{_shown(value)} is not a time") from None


def _boolean(value: Any) -> bool:
    known = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(known, bool):
        raise Unreadable(f"{_shown(value)} is neither true nor false")
    return known


def _text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if not isinstance(value, str):
        raise Unreadable(f"{_shown(value)} is not a text")
    return value


def _shown(value: Any) -> str:
    """A value as a message names it."""
    if isinstance(value, str):
        return json.dumps(readable(value), ensure_ascii=False)[:60]
    return {dict: "a map", list: "a list", type(None): "nothing"}.get(type(value)) or json.dumps(value)[:60]
