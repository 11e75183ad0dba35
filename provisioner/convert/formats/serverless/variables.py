"""Resolves the Serverless Framework's variables as far as the files say their values; each other value is a variable of the
manifest, with the file's own default where it has one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import members_of
from provisioner.convert.formats.serverless.files import Files, Unread
from provisioner.convert.formats.serverless.syntax import NotAVariable, Source, Template, Variable, parsed
from provisioner.convert.unknown import has_unknown, is_unknown, replaced, unknown_names
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.manifest.reader import MAX_BYTES, MAX_NODES

STAGE: Final = "dev"
"""The framework's documented default."""
REGION: Final = "us-east-1"
"""The framework's documented default: without a region it deploys there in every version, whatever the profile of AWS says."""
_CONTEXT: Final = {"sls:stage": "stage", "aws:region": "region", "aws:accountId": "account"}
"""What the service itself says: the attributes of `Variables`, by their sources."""
_FOREIGN: Final = re.compile(r"[$#]\{")
_OF_FILES: Final = ("self", "file")
_ORIGINS: Final = {
    "env": "environment variable {}",
    "ssm": "SSM parameter {}",
    "s3": "S3 object {}",
    "opt": "option --{} of `serverless deploy`",
    "param": "parameter {} of `serverless deploy`",
    "cf": "CloudFormation output {}",
    "git": "git {}",
}


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A value that the files do not say, as `Unknowns.marker` has it."""

    key: str
    name: str
    description: str
    default: Any = None


class Variables:
    """The variables of one service, whose file is `root`."""

    def __init__(self, root: Node, conversion: Conversion) -> None:
        self.root = root
        self._conversion = conversion
        self._heads: dict[int, tuple[Node, Node]] = {}  # with the key's node, so that no other gets its id
        self._whole: dict[int, tuple[Any, Node, int]] = {}
        self._active: list[int] = []
        self._files = Files(root)
        self._refused: set[str] = set()
        self._characters = self._nodes = 0

    @cached_property
    def stage(self) -> str:
        """The stage, which names of functions have."""
        return self._conversion.options.stage or self._of_provider("stage", STAGE)

    @cached_property
    def region(self) -> str:
        """The region where the service is deployed."""
        return self._conversion.options.region or self._of_provider("region", REGION)

    def _of_provider(self, name: str, default: str) -> str:
        found = self._walk(self.root, f"provider.{name}")
        if found is None:
            return default
        return self.text(self._node(found, self.root), name)

    def text(self, node: Node, what: str) -> str:
        """A value as a text; a variable for one that is none."""
        value = self.head(node).value
        if isinstance(value, dict | list):
            place = node.place()
            unknown = _Unknown(f"{place}", what, f"{what}, which is not a text, at {place}")
            return str(self._node(unknown, node).value)
        return _text(value)

    def head(self, node: Node) -> Node:
        """A node whose own text has no variable any more; what is inside a map or a list may have some. Raises UsageError for
        variables that refer to each other.
        """
        if not isinstance(node.value, str) or "${" not in node.value:
            return node
        if id(node) not in self._heads:
            with self._within(id(node), node):
                resolved = self._resolved(node)
            self._heads[id(node)] = node, resolved
            self._heads[id(resolved)] = resolved, resolved  # what was escaped is not resolved later
        return self._heads[id(node)][1]

    def whole(self, node: Node) -> Node:
        """A node without variables, inside too."""
        node = self.head(node)
        if not isinstance(node.value, dict | list):
            return node
        key = id(node.value)
        if key not in self._whole:
            before = self._nodes
            with self._within(key, node):
                if isinstance(node.value, dict):
                    resolved = node.holding({name: self.whole(item) for name, item in node.value.items()})
                else:
                    resolved = node.holding([self.whole(item) for item in node.value])
            self._nodes += 1
            self._whole[key] = node.value, resolved, self._nodes - before
        else:  # the same value again counts again, because it is written again
            self._nodes += self._whole[key][2]
        if self._nodes > MAX_NODES:
            raise UsageError(f"{node.place()}: the file has too many values when its variables are resolved")
        return node.holding(self._whole[key][1].value)

    def member(self, node: Node | None, *path: str) -> Node | None:
        """The member at a path, without variables on the way; None where there is none."""
        for name in path:
            node = members_of(self.head(node)).get(name) if node else None
        return self.head(node) if node else None

    # --- one text -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _within(self, key: int, node: Node) -> Iterator[None]:
        if key in self._active:
            raise UsageError(
                f"{node.place()}: the variables refer to themselves: {str(node.value)[:80]}"
                if isinstance(node.value, str)
                else f"{node.place()}: the variables refer to the value that contains them"
            )
        self._active.append(key)
        try:
            yield
        finally:
            self._active.pop()

    def _resolved(self, node: Node) -> Node:
        try:
            template = parsed(node.value)
        except NotAVariable:
            text = node.value
            unknown = _Unknown(text, "value", f"{text}, which cannot be read as a variable")
            return self._node(unknown, node)
        if len(template) == 1 and isinstance(template[0], Variable):
            return self._value(template[0], node)
        return node.holding(self._joined(template, node))

    def _joined(self, template: Template, node: Node) -> str:
        parts = []
        for part in template:
            if isinstance(part, Variable):
                value = self._value(part, node).value
                if isinstance(value, dict | list):
                    unknown = _Unknown(part.text, _name(part.text), f"{part.text}, which is not a text")
                    value = self._node(unknown, node).value
                parts.append(_text(value))
            else:
                parts.append(part)
        joined = "".join(parts)
        self._characters += len(joined)
        if self._characters > MAX_BYTES:
            raise UsageError(f"{node.place()}: the texts are too long when their variables are resolved")
        return joined

    def _value(self, variable: Variable, node: Node) -> Node:
        found = self._first(variable.sources, node)
        if found is None:
            if not variable.sources[-1].type:
                return node.holding(None)  # the last source is `null`
            source = variable.sources[0]
            found = self._unknown(source, self._joined(source.address, node), self._label(source, node), missing=True)
        return self._node(found, node)

    def _first(self, sources: Sequence[Source], node: Node) -> Node | _Unknown | None:
        """The value of the first source that has one. One that is not known has the value of the next ones as its default."""
        for number, source in enumerate(sources):
            found = self._source(source, node)
            if isinstance(found, _Unknown):
                other = self._first(sources[number + 1 :], node)
                default = other.value if isinstance(other, Node) else None
                text = default if isinstance(default, str) else ""
                # A default has no other variables, and none of CloudFormation's pseudo parameters.
                if default is None or isinstance(default, dict | list) or has_unknown(text) or _FOREIGN.search(text):
                    return found
                return replace(found, key=f"{found.key} {json.dumps(default)}", default=default)
            if found is not None and found.value is not None:
                return found
        return None

    def _node(self, found: Node | _Unknown, node: Node) -> Node:
        if isinstance(found, Node):
            return found if isinstance(found.value, dict | list) else node.holding(found.value)
        kind = {bool: "boolean", int: "integer", float: "number"}.get(type(found.default), "string")
        marker = self._conversion.unknowns.marker
        return node.holding(marker(found.key, found.name, found.description, type_=kind, default=found.default))

    # --- sources ------------------------------------------------------------------------------------------------------

    def _source(self, source: Source, node: Node) -> Node | _Unknown | None:
        """The value of one source; None where it has none."""
        if not source.type:
            return self.head(node.holding(source.value))  # a literal may have variables too
        address, label = self._joined(source.address, node), self._label(source, node)
        if source.type == "strToBool":
            return self._boolean(source, label, node)
        if has_unknown(label):
            return self._unknown(source, address, label)
        if label in _CONTEXT:
            return node.holding(getattr(self, _CONTEXT[label]))
        match source.type:
            case "self":
                return self._self(address, node)
            case "opt":
                options = self._conversion.options
                return node.holding({"stage": options.stage, "region": options.region}.get(address) or None)
            case "param":
                return self._param(address, node)
            case "file":
                return self._file(source, address, label, node)
        return self._unknown(source, address, label)

    @property
    def account(self) -> str:
        """The account where the service is deployed."""
        description = "the account where the service is deployed"
        return self._conversion.options.account or self._conversion.unknowns.marker("account", "account", description)

    def _label(self, source: Source, node: Node) -> str:
        """A source without the variables in it, as its variable is described."""
        parameters = ", ".join(self._joined(parameter, node) for parameter in source.parameters)
        address = self._joined(source.address, node)
        return f"{source.type}{f'({parameters})' if parameters else ''}{f':{address}' if address else ''}"

    def _unknown(self, source: Source, address: str, label: str, *, missing: bool = False) -> _Unknown:
        """A value that only the framework finds, or with `missing` one that the files should have."""
        label, address = label.partition("~")[0], address.partition("~")[0]  # ~true, with which version 1 decrypts
        kind = source.type.partition(".")[0]  # cf.eu-west-1, as version 1 writes it
        origin = _ORIGINS[kind].format(address) if address and kind in _ORIGINS else label
        lacks = ", which the file does not have" if missing and kind in _OF_FILES else ""
        name = address if kind == "env" else _name(address or label)
        return _Unknown(label, name, replaced(origin, "{{{}}}".format) + lacks)

    def _boolean(self, source: Source, label: str, node: Node) -> Node | _Unknown:
        text = self._joined(source.parameters[0], node).strip() if source.parameters else ""
        if is_unknown(text):
            return node.holding(text)  # the variable becomes a boolean where it stands
        known = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
        return self._unknown(source, "", label) if known is None else node.holding(known)

    def _self(self, address: str, node: Node) -> Node | _Unknown | None:
        found = self._walk(self.root, address)
        if address == "service" and isinstance(found, Node):
            return members_of(found).get("name", found)  # version 1 has `service: {name: …}`
        if found is None and address == "service.name":
            return self._walk(self.root, "service")
        if found is None and address in ("provider.stage", "provider.region"):
            return node.holding(getattr(self, address.removeprefix("provider.")))
        return found

    def _file(self, source: Source, address: str, label: str, node: Node) -> Node | _Unknown | None:
        name = self._joined(source.parameters[0], node) if source.parameters else ""
        try:
            content = self._files.content(name)
        except Unread as why:
            if name not in self._refused:
                self._refused.add(name)
                self._conversion.leave_out(node.place(), f"file({name})", str(why))
            return self._unknown(source, address, label)
        return self._walk(content, address) if content else None

    def _walk(self, start: Node, address: str) -> Node | _Unknown | None:
        """What is at an address; None where nothing is."""
        node = self.head(start)
        steps = address.split(".") if address else []
        for number, step in enumerate(steps):
            if is_unknown(node.value):
                rest, name = ".".join(steps[number:]), unknown_names(node.value)[0]
                origin = self._conversion.unknowns.variables[name].description
                return _Unknown(f"{node.value}.{rest}", steps[-1], f"{rest} of {origin}")
            is_index = isinstance(node.value, list) and re.fullmatch("[0-9]{1,6}", step)
            child = node.below(int(step) if is_index else step)
            if child is None:
                return None
            node = self.head(child)
        return node

    def _param(self, name: str, node: Node) -> Node | _Unknown | None:
        given = self._conversion.parameter(name)
        if given is not None:
            return node.holding(given)
        places = (f"params.{{}}.{name}", f"stages.{{}}.params.{name}")  # `stages` is of version 4
        stages = [place for where in ("params", "stages") for place in members_of(self.member(self.root, where))]
        if has_unknown(self.stage) and any(stage != "default" for stage in stages):
            return _Unknown(f"param:{name}", name, f"parameter {name}, which depends on the stage")
        for stage in (self.stage, "default"):
            for place in places:
                found = self._walk(self.root, place.format(stage))
                if found is not None and (isinstance(found, _Unknown) or found.value is not None):
                    return found
        return None


def _text(value: Any) -> str:
    """A scalar as JavaScript writes it into a text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _name(address: str) -> str:
    """The last part of an address that says something."""
    return next((part for part in reversed(re.split(r"[^\w-]+", address)) if part), "value")
