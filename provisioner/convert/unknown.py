"""Values that a file does not have: each becomes a variable that the manifest declares.

Where such a value stands, alone or in a text, is a marker until the manifest is written. Lone surrogates enclose the name:
no text that can be read or written has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.convert.slugs import short_hash, slug
from provisioner.manifest.reader import scalar
from provisioner.manifest.variables import VARIABLE_NAME
from provisioner.model.canonical import Canonical
from provisioner.model.place import FieldPath
from provisioner.model.references import Arn

_OPEN, _CLOSE = "\ud800", "\udc00"
_MARKER: Final = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")
_PARTITION: Final = re.compile(f"arn:{_MARKER.pattern}(?=:)")
_MOST: Final = 60
_SCALARS: Final = {"integer": int, "boolean": bool}


def is_unknown(value: object) -> bool:
    """Whether a value is one whole marker, so that its variable may have any type."""
    return isinstance(value, str) and _MARKER.fullmatch(value) is not None


def has_unknown(value: object) -> bool:
    """Whether a marker is anywhere in a value."""
    if isinstance(value, str):
        return _OPEN in value
    if isinstance(value, dict):
        return any(map(has_unknown, (*value, *value.values())))
    return isinstance(value, list) and any(map(has_unknown, value))


def as_arn(text: object) -> Arn | None:
    """The ARN that a text is, also where its partition is not known, or None."""
    known = f"arn:aws{text[match.end() :]}" if isinstance(text, str) and (match := _PARTITION.match(text)) else text
    return Arn.parse(known)


def unknown_names(text: str) -> list[str]:
    """The names of the variables in a text."""
    return _MARKER.findall(text)


def replaced(text: str, by: Callable[[str], str]) -> str:
    """A text with something else for each marker, by the name of its variable."""
    return _MARKER.sub(lambda match: by(match[1]), text)


def unknown_parts(members: Canonical, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """The paths of the fields whose whole value is not known, each with its marker."""
    for name, value in members.items():
        if is_unknown(value):
            yield (*path, name), value
        elif isinstance(value, dict) and (*path, name) != ("tags",):
            yield from unknown_parts(value, (*path, name))


def readable(text: str) -> str:
    """A text as people read it, with the names of variables as a manifest has them."""
    return replaced(text, "${{var.{}}}".format)


@dataclass(slots=True)
class Variable:
    """A variable that a manifest declares: what its value is, and its default where the file has one."""

    description: str
    type: str = "string"
    default: Any = None

    def declaration(self) -> Canonical:
        """The variable as it stands in a manifest."""
        parts = {"type": self.type, "default": self.default, "description": self.description}
        return {name: value for name, value in parts.items() if value is not None}


@dataclass(slots=True)
class Unknowns:
    """The variables of one conversion. One unknown value that is used five times is one variable."""

    variables: dict[str, Variable] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def marker(self, key: str, name: str, description: str, *, type_: str = "string", default: Any = None) -> str:
        """What stands for a value that is not known. `key` tells one unknown value from another; `name` is what its variable
        is called, as far as a variable may be called so, and `description` says where the value comes from.
        """
        if key not in self._names:
            plain = slug(name).replace("-", "_")[:_MOST].strip("_") or "value"
            plain = plain if VARIABLE_NAME.fullmatch(plain) else f"_{plain}"
            taken = {name.lower() for name in self.variables}
            chosen = plain if plain.lower() not in taken else f"{plain}_{short_hash(key)}"
            self._names[key] = chosen
            self.variables[chosen] = Variable(description, type_, default)
        return f"{_OPEN}{self._names[key]}{_CLOSE}"

    def typed(self, marker: str, type_: str) -> str:
        """The same marker; its variable has this type, "" for a text, unless the file declares another one. Tags that are a list
        in the file are a map here.
        """
        variable = self.variables[unknown_names(marker)[0]]
        if {variable.type, type_} == {"list", "map"}:
            variable.type, variable.default = type_, None
        if type_ and variable.type == "string":
            variable.type = type_
            if isinstance(variable.default, str):
                default = scalar(variable.default) if variable.default else None
                variable.default = default if type(default) is _SCALARS.get(type_) else None
        return marker
