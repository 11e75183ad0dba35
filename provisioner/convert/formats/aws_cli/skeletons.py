"""Skeletons of requests, as `--generate-cli-skeleton` prints them: a placeholder stands for each member that nobody has filled
in. Texts are empty, numbers 0, booleans true, times 1970, keys `KeyName`, and of an enumeration any value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from provisioner.convert.documents import members_of, text_at
from provisioner.convert.fields import by_spelling, spelling
from provisioner.convert.unknown import as_arn
from provisioner.kinds.event_source_mapping import FIELDS
from provisioner.kinds.fields import Field
from provisioner.manifest.node import Node
from provisioner.model.sources import SourceKind, kind_of_arn

_KEY: Final = "KeyName"
_EPOCH: Final = ("1970-01-01T00:00:00", "1970-01-01 00:00:00", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00")
_MAY_BE_EMPTY: Final = ("kmskeyarn", "pollergroupname", "uuid")
"""Members in which an empty text is a value."""
_MAY_BE_ZERO: Final = ("maximumbatchingwindowinseconds", "maximumretryattempts", "tumblingwindowinseconds")
_ENUMERATIONS: Final = ("type", "attribute", "eventrecordformat", "metrics", "systemloglevel")
"""Members that have a value of an enumeration, which may have values that this version does not know."""
_CHOSEN_ALONE: Final = ("fulldocument", "consumptionmode")
"""Members whose value is a choice of its own, also where the block around them is filled in."""


class _Filling(Enum):
    """What a value of a skeleton is."""

    PLACEHOLDER = 0
    EITHER = 1  # a placeholder may look like it
    FILLED = 2


def is_skeleton(node: Node, name: str = "") -> bool:
    """Whether something in a request can only be a placeholder."""
    value, key = node.value, spelling(name)
    if isinstance(value, dict):
        return any(inner == _KEY or is_skeleton(item, inner) for inner, item in value.items())
    if isinstance(value, list):
        return any(is_skeleton(item, name) for item in value)
    if value == 0 and not isinstance(value, bool):
        return key not in _MAY_BE_ZERO
    return value in _EPOCH or (value == "" and key not in _MAY_BE_EMPTY)


def filled(node: Node) -> tuple[Node, list[tuple[Node, str]]]:
    """The members of a skeleton that somebody has filled in, and those of which that is not known, with their names."""
    arn = as_arn(text_at(node, "EventSourceArn"))
    is_self_managed = "selfmanagedeventsource" in {
        spelling(name) for name, item in members_of(node).items() if _of(item, None, name) is _Filling.FILLED
    }
    kind = kind_of_arn(arn) if arn else SourceKind.KAFKA if is_self_managed else None
    known, members, doubtful = by_spelling(FIELDS), {}, []
    for name, item in members_of(node).items():
        field = known.get(spelling(name))
        filling = _of(item, field, name)
        has = field is None or kind is None or field.row.has(kind)
        if filling is _Filling.EITHER and field and has:
            if kind and (field.row.requires(kind) or field.row.default.get(kind) == item.value):
                members[name] = item  # nobody can leave it out, or it is what AWS takes anyway
            elif kind:
                doubtful.append((item, name))
        elif filling is _Filling.FILLED:
            doubts: list[tuple[Node, str]] = []
            members[name] = _without_placeholders(item, field, name, doubts)
            doubtful += doubts
    return node.holding(members), doubtful


def _of(node: Node, field: Field | None, name: str) -> _Filling:
    value = node.value
    if isinstance(value, dict):
        children = by_spelling(field.children) if field else {}
        found = [_of(item, children.get(spelling(inner)), inner) for inner, item in value.items() if inner != _KEY]
        return max(found, key=lambda item: item.value, default=_Filling.PLACEHOLDER)
    if isinstance(value, list):
        found = [_of(item, field, name) for item in value]
        most = max(found, key=lambda item: item.value, default=_Filling.PLACEHOLDER)
        return _Filling.FILLED if most is _Filling.EITHER and len(value) > 1 else most
    if value is None or value == "" or value in _EPOCH or (value == 0 and not isinstance(value, bool)):
        return _Filling.PLACEHOLDER
    is_either = value is True or spelling(name) in _ENUMERATIONS or (field and value in field.row.values)
    return _Filling.EITHER if is_either else _Filling.FILLED


def _without_placeholders(node: Node, field: Field | None, name: str, doubtful: list[tuple[Node, str]]) -> Node:
    """A value that is filled in, without the placeholders in it. What may be one and is a choice of its own is `doubtful`."""
    if isinstance(node.value, list):
        kept = [item for item in node.value if _of(item, field, name) is not _Filling.PLACEHOLDER]
        if any(isinstance(item.value, dict) for item in kept):
            kept = [item for item in kept if _of(item, field, name) is _Filling.FILLED]
        return node.holding([_without_placeholders(item, field, name, doubtful) for item in kept])
    if not isinstance(node.value, dict):
        return node
    children: Mapping[str, Field] = by_spelling(field.children) if field else {}
    members = dict[str, Node]()
    for inner, item in _filled_members(node, children):
        child = children.get(spelling(inner))
        if _of(item, child, inner) is _Filling.EITHER and spelling(inner) in _CHOSEN_ALONE:
            doubtful.append((item, inner))
        else:
            members[inner] = _without_placeholders(item, child, inner, doubtful)
    return node.holding(members)


def _filled_members(node: Node, children: Mapping[str, Field]) -> Iterator[tuple[str, Node]]:
    for name, item in members_of(node).items():
        filling: Any = _of(item, children.get(spelling(name)), name)
        is_block = isinstance(item.value, dict | list)
        if name != _KEY and filling is not _Filling.PLACEHOLDER and not (is_block and filling is _Filling.EITHER):
            yield name, item
