"""A CloudFormation template: its sections, its parameters and its resources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from provisioner.convert.below import is_file_below
from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import documents, members_of, text_at, text_of_file
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.model.place import Place
from provisioner.model.sources import SourceKind

_HASH: Final = re.compile(r"(?<=.)[0-9A-F]{8}(?:[0-9a-f]{32})?$")
"""What the CDK adds to a logical id, and to that of a version."""
_SSM: Final = re.compile(r"AWS::SSM::Parameter::Value<(.*)>")
_LIST: Final = re.compile(r"CommaDelimitedList|List<.*>")


class Unresolved(Exception):  # noqa: N818  # no error for a caller: a variable stands for the value
    """A value that there is, and that the template does not have: a variable stands for it. `why` describes it."""

    def __init__(self, why: str, name: str = "", type_: str = "string", kind: SourceKind | None = None) -> None:
        super().__init__(why)
        self.why, self.name, self.type, self.kind = why, name, type_, kind


class Refused(Exception):  # noqa: N818  # no error for a caller: what has the value is named as left out
    """A value for which nothing can stand: why, as a sentence without its end."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, as the template has it or as SAM makes it. `kind` is that of its source where only SAM's event says it."""

    id: str
    type: str
    properties: Node
    condition: str
    place: Place
    node: Node
    kind: SourceKind | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a bucket's notification configuration that SAM makes from an event."""

    bucket: str
    node: Node
    condition: str
    place: Place
    what: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter. `type` is that of a variable; `default` has this type, or is None.

    stored   the name in SSM of its value, where CloudFormation looks the value up; else None
    is_secret  its value must not be printed
    """

    name: str
    type: str
    default: Any
    stored: str | None
    is_secret: bool
    place: Place

    @staticmethod
    def of(name: str, node: Node) -> Parameter:
        """The parameter that a member of `Parameters` declares."""
        stated, members = text_at(node, "Type"), members_of(node)
        default = members["Default"].plain() if "Default" in members else None
        looked_up = _SSM.fullmatch(stated)
        declared = looked_up[1] if looked_up else stated
        type_ = "list" if _LIST.fullmatch(declared) else "number" if declared == "Number" else "string"
        value = None if looked_up or isinstance(default, list | dict) or default is None else typed(type_, default)
        if type_ == "number" and isinstance(value, str):
            value = None  # no number
        stored = str(default or "") if looked_up else None
        hidden = "NoEcho" in members and str(members["NoEcho"].value).lower() == "true"
        return Parameter(name, type_, value, stored, hidden, node.place(key=True))


def typed(type_: str, value: Any) -> Any:
    """The value of a parameter, which CloudFormation gets as a text."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if type_ == "list":
        return [part.strip() for part in text.split(",")] if text.strip() else []
    if type_ == "number":
        for number in (int, float):
            try:
                return number(text)
            except (ValueError, OverflowError):
                continue
    return text


@dataclass(slots=True)
class Shared:
    """What all templates of a conversion share.

    kinds    the kind of source by the marker that stands for its ARN
    atoms    the variables whose values have no `:` and no `/`, such as a region
    exports  the values that templates export, by name
    active   what is being evaluated, so that nothing refers to itself
    """

    conversion: Conversion
    kinds: dict[str, SourceKind] = field(default_factory=dict)
    atoms: set[str] = field(default_factory=set)
    exports: dict[str, Callable[[], Node | None]] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    level: int = 0


@dataclass(slots=True)
class Template:
    """A template.

    key      tells its values from those of other templates
    top      the folder below which files may be read: that of the file that is converted
    given    the values of parameters that another stack passes, or None for a stack of its own
    entries  what SAM makes of the events of buckets
    """

    root: Node
    key: str
    top: Path
    given: Mapping[str, Node] | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    is_cdk: bool = False

    def __post_init__(self) -> None:
        for name, node in self.section("Resources").items():
            members = members_of(node)
            properties = members.get("Properties") or node.holding({})
            place = node.place(key=True)
            kind, condition = text_at(node, "Type"), text_at(node, "Condition")
            self.resources[name] = Resource(name, kind, properties, condition, place, node)
            metadata = members_of(members.get("Metadata"))
            self.is_cdk = self.is_cdk or "aws:cdk:path" in metadata or kind == "AWS::CDK::Metadata"
        self.parameters = {name: Parameter.of(name, node) for name, node in self.section("Parameters").items()}

    def section(self, name: str) -> Mapping[str, Node]:
        """The members of a section, {} where there is none."""
        return members_of(members_of(self.root).get(name))

    def transforms(self) -> Iterator[tuple[str, Node]]:
        """The macros that the whole template names."""
        node = members_of(self.root).get("Transform")
        for item in node.value if node and isinstance(node.value, list) else filter(None, [node]):
            name = item.value if isinstance(item.value, str) else text_at(item, "Name")
            if name:
                yield name, item

    def called(self, ident: str) -> str:
        """A logical id as part of a variable's name."""
        return _HASH.sub("", ident) if self.is_cdk else ident


def beside(top: Path, location: str) -> Path | None:
    """The file at a path relative to a folder, or None where there is none below the folder."""
    path = top / location
    return path if location and "://" not in location and is_file_below(top, path) else None


def document_beside(top: Path, location: str) -> Node | None:
    """The document in a file below a folder, or None. Raises UsageError for a file that cannot be read."""
    path = beside(top, location)
    if path is None:
        return None
    shown = str(top / location)
    read = documents(text_of_file(path, shown), shown)
    if not read:
        raise UsageError(f"{shown} is an empty file")
    return read[0]
