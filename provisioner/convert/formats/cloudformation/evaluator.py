"""Evaluates the values of a CloudFormation template. What a template does not say becomes a variable.

A condition, and a key of a map, may depend on a parameter without a value: its `Default` decides then, as it does when a stack
is created without that parameter. The mapping says so in a comment, because the value of the variable changes nothing there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from provisioner.convert.documents import members_of
from provisioner.convert.fields import FieldReader, Problem, spelling
from provisioner.convert.formats.cloudformation import physical
from provisioner.convert.formats.cloudformation.intrinsics import FUNCTIONS, holds
from provisioner.convert.formats.cloudformation.template import (
    Parameter,
    Refused,
    Resource,
    Shared,
    Template,
    Unresolved,
    typed,
)
from provisioner.convert.unknown import as_arn, has_unknown, is_unknown, readable, replaced, unknown_names
from provisioner.kinds.tables import fields_of
from provisioner.manifest.node import Node
from provisioner.model.canonical import Canonical
from provisioner.model.references import Arn, partition_of
from provisioner.model.sources import SourceKind, kind_of_arn

_DYNAMIC: Final = re.compile(r"\{\{resolve:([a-z-]+):([^{}]*)\}\}")
_MOST: Final = 100
"""How deeply values may be nested."""
_DEEPEST: Final = 20
"""How many resources may refer to one another in a row."""
_LONGEST: Final = 100_000


class Evaluator:
    """Evaluates the values of one template.

    naming    what the variable of an expression is called
    in_parts  whether an ARN of which a part is not known has its known parts
    notes     the parameters whose defaults have decided something since the notes were last cleared, with these defaults
    """

    def __init__(self, template: Template, shared: Shared, outputs: Callable[[str, str], Node | None]) -> None:
        """`outputs` returns an output of a nested stack by logical id and name, None where it cannot be read."""
        self.template = template
        self.shared = shared
        self.naming = "value"
        self.in_parts = False
        self.notes: dict[str, str] = {}
        self.alias_of: Callable[[Resource], Node | None] = lambda _: None
        self._outputs = outputs
        self._assumes = False
        self._texts: dict[tuple[str, str, bool], tuple[str | Refused, dict[str, str]]] = {}
        self._decided: dict[str, tuple[bool | None, dict[str, str]]] = {}

    # --- values -------------------------------------------------------------------------------------------------------

    def field(self, node: Node) -> Node | None:
        """The value of a field; None for `AWS::NoValue`. Raises Refused where nothing can stand for it."""
        value = self.value(node)
        return None if value is None else self._without_dynamic(value)

    def fields(self, properties: Node, reader: FieldReader, name: str) -> Canonical:
        """The fields of the mapping `name`; what is not known is a variable, and what cannot be read a problem of the reader."""
        ours = {
            spelling(key): item.name for item in fields_of(reader.kind).values() for key in (item.name, item.row.api)
        }
        renames = {spelling(key): value for key, value in reader.renames.items()}
        members: dict[str, Node] = {}
        for key, part in self.members(properties).items():
            self.naming = f"{self.template.called(name)}{key}"
            try:
                value = self.field(part)
            except Refused as refused:
                found = renames.get(spelling(key)) or ours.get(spelling(key), "")
                reader.problems.append(Problem(part.place(key=True), key, readable(str(refused)), found))
                continue
            if value is not None:
                members[key] = part.holding(value.value)
        fields = reader.mapping(properties.holding(members))
        if isinstance(function := fields.get("function_name"), str):
            fields["function_name"] = self.function_name(function)
        return fields

    def function_name(self, text: str) -> str:
        """A function as a mapping names it: without the ARN, where that is in the stack's own region and account."""
        partition, region, account = (self.pseudo(f"AWS::{part}") for part in ("Partition", "Region", "AccountId"))
        parts = text.split(":", 6)
        own = [["arn", each, "lambda", region, account, "function"] for each in (partition, "aws")]
        return parts[6] if len(parts) == 7 and parts[:6] in own else text

    def value(self, node: Node) -> Node | None:
        """A value without functions; None for `AWS::NoValue`. Raises Refused where nothing can stand for it."""
        value = node.value
        if not isinstance(value, dict | list):
            return node
        if self.shared.level >= _MOST:
            raise Refused("it is nested too deeply")
        self.shared.level += 1
        try:
            if isinstance(value, list):
                return node.holding([item for part in value if (item := self.value(part)) is not None])
            if len(value) == 1:
                name, argument = next(iter(value.items()))
                if name == "Ref" or name.startswith("Fn::"):
                    return self._called(name, node, argument)
            members = {name: (part, self.value(part)) for name, part in value.items()}
            return node.holding({name: part.holding(item.value) for name, (part, item) in members.items() if item})
        finally:
            self.shared.level -= 1

    def text(self, node: Node | None) -> str:
        """A value as a text; "" for none. Raises Refused for a map or a list."""
        value = self.value(node) if node is not None else None
        if value is None or value.value is None:
            return ""
        plain = value.value
        if isinstance(plain, bool):
            return str(plain).lower()
        variables = self.shared.conversion.unknowns.variables
        type_ = variables[unknown_names(plain)[0]].type if is_unknown(plain) else ""
        if isinstance(plain, dict | list) or type_ in ("list", "map"):
            raise Refused("a text is expected, and it is a list or a map")
        if isinstance(plain, str) and len(plain) > _LONGEST:
            raise Refused("it is too long")
        return str(plain)

    def members(self, node: Node | None) -> Mapping[str, Node]:
        """The members of a map, not yet evaluated; of one that a function returns, evaluated ones."""
        members = members_of(node)
        if node is not None and len(members) == 1 and next(iter(members)).startswith("Fn::"):
            return members_of(self.value(node))
        return members

    def items(self, node: Node | None) -> list[Node]:
        """The items of a list, or a value alone; not yet evaluated, unless a function returns the list."""
        if node is None or isinstance(node.value, list):
            return node.value if node else []
        value = self.value(node) if node.value else None
        return [] if value is None else value.value if isinstance(value.value, list) else [value]

    def text_of(self, resource: Resource, name: str) -> str:
        """A property of a resource as a text; "" for none. Raises Refused where nothing can stand for it."""
        key = (resource.id, name, self._assumes)
        if key not in self._texts:
            notes, self.notes = self.notes, {}
            try:
                self._texts[key] = self._text_of(resource, name), self.notes
            except Refused as refused:
                self._texts[key] = refused, self.notes
            finally:
                self.notes = notes
        result, noted = self._texts[key]
        self.notes |= noted
        if isinstance(result, Refused):
            raise result
        return result

    def _text_of(self, resource: Resource, name: str) -> str:
        key = f"{self.template.key} {resource.id}.{name}"
        if key in self.shared.active:
            raise Refused(f"{name} of {resource.id} refers to itself")
        if len(self.shared.active) >= _DEEPEST:
            raise Refused("too many resources refer to one another")
        self.shared.active.add(key)
        naming, self.naming = self.naming, f"{self.template.called(resource.id)}{name}"
        try:
            return self.text(members_of(resource.properties).get(name))
        finally:
            self.naming = naming
            self.shared.active.discard(key)

    def unknown(
        self,
        key: str,
        name: str,
        why: str,
        *,
        kind: SourceKind | None = None,
        is_atom: bool = False,
        type_: str = "string",
    ) -> str:
        """The marker of a value that the template does not have, of which `key` tells it from others of the template."""
        unknowns = self.shared.conversion.unknowns
        described = replaced(why, "<{}>".format)  # a description is no place for references
        marker = unknowns.marker(f"{self.template.key} {key}", name, described, type_=type_)
        if kind:
            self.shared.kinds[marker] = kind
        if is_atom:
            self.shared.atoms.update(unknown_names(marker))
        return marker

    def kind_of(self, value: object) -> SourceKind | None:
        """The kind of source that a value is the ARN of, as far as it is known."""
        arn = as_arn(value)
        return self.shared.kinds.get(str(value)) or (kind_of_arn(arn) if arn else None)

    def pseudo(self, name: str) -> str:
        """The value of a pseudo parameter. That of a stack is known where it is given as a parameter."""
        options = self.shared.conversion.options
        region = options.region
        if name.startswith("AWS::Stack") and self.template.given is None:
            given = self.shared.conversion.parameter(name)
            if given is not None:
                return given
        known = {
            "AWS::Region": region,
            "AWS::AccountId": options.account,
            "AWS::Partition": partition_of(region) if region else "",
            "AWS::URLSuffix": {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}.get(
                partition_of(region) if region else "", ""
            ),
        }
        if known.get(name):
            return known[name]
        plain = {"AWS::AccountId": "account", "AWS::StackName": "stack_name", "AWS::StackId": "stack_id"}
        called = plain.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removeprefix("AWS::")).lower()
        where = {"AWS::Region": "; pass --region", "AWS::AccountId": "; pass --account"}
        if name.startswith("AWS::Stack"):
            how = f"; pass --param {name}=VALUE" if self.template.given is None else ""
            why = f"{name} of {self.template.root.file}{how}"
            return self.unknown(name, called, why, is_atom=name == "AWS::StackName")
        marker = self.shared.conversion.unknowns.marker(
            called, called, f"{name}, where the template is deployed{where.get(name, '')}"
        )
        self.shared.atoms.update(unknown_names(marker))
        return marker

    def _called(self, name: str, node: Node, argument: Node) -> Node | None:
        try:
            function = FUNCTIONS.get(name)
            if function is None:
                raise Unresolved(f"{name}, which is not evaluated here")
            return function(self, node, argument)
        except Unresolved as wanted:
            key = json.dumps(node.plain(), sort_keys=True, default=str)
            place = f"{node.file}:{node.place().line}"
            why = f"{wanted.why} ({place})"
            called = wanted.name or self.naming
            return node.holding(self.unknown(key, called, why, kind=wanted.kind, type_=wanted.type))

    def _without_dynamic(self, node: Node) -> Node:
        """A value without dynamic references, such as {{resolve:ssm:NAME}}: a variable stands for each."""
        value = node.value
        if isinstance(value, dict):
            return node.holding({name: self._without_dynamic(item) for name, item in value.items()})
        if isinstance(value, list):
            return node.holding([self._without_dynamic(item) for item in value])
        if not isinstance(value, str) or "{{resolve:" not in value:
            return node

        def marker(match: re.Match[str]) -> str:
            store = "secret" if match[1] == "secretsmanager" else "SSM parameter"
            why = f"the value of the {store} {match[2]}, which CloudFormation reads when it deploys"
            return self.unknown(match[0], match[2].strip("/"), why)

        return node.holding(_DYNAMIC.sub(marker, value))

    # --- references ---------------------------------------------------------------------------------------------------

    def reference(self, name: str, node: Node) -> Node | None:
        """What a name refers to: a pseudo parameter, a parameter or a resource. Raises Unresolved for none of them."""
        if name == "AWS::NoValue":
            return None
        if name.startswith("AWS::"):
            return node.holding(self.pseudo(name))
        if name in self.template.parameters:
            return node.all_here(self._parameter(self.template.parameters[name]))
        resource, (owner, dot, attribute) = self.template.resources.get(name), name.partition(".")
        if resource is None and dot and owner in self.template.resources:  # as SAM allows for its functions
            return self.attribute(owner, attribute, node)
        if resource is None:
            raise Unresolved(f"{name}, which the template does not have", name)
        return node.holding(physical.referenced(self, resource))

    def _parameter(self, parameter: Parameter) -> Any:
        """The value of a parameter: its own, in conditions its default, else a marker."""
        name, given = parameter.name, self.template.given
        passed = given[name].plain() if given is not None and name in given else None
        stated = self.shared.conversion.parameter(name) if given is None else passed
        value: Any = None
        if stated is not None and parameter.stored is None:
            value = stated
            if isinstance(value, str) and not is_unknown(value) and parameter.type != "string":
                if has_unknown(value):
                    raise Unresolved(f"the parameter {name} in {parameter.place.file}: {value}", name, parameter.type)
                value = typed(parameter.type, value)
        elif given is not None:
            value = parameter.default  # the parent passes no other value
        if value is not None and (not parameter.is_secret or self._assumes):
            return value
        if self._assumes and parameter.default is not None:
            self.notes[name] = "" if parameter.is_secret else json.dumps(parameter.default)
            return parameter.default
        why = f"the parameter {name} in {parameter.place.file}:{parameter.place.line}"
        stored = parameter.stored
        if stored is not None:
            stored = replaced(str(stated or stored), "<{}>".format)
            why += f": the value of the SSM parameter {stored}" if stored else ": the value of an SSM parameter"
        default = None if parameter.is_secret else parameter.default
        key = json.dumps([name, parameter.type, default, stored])
        marker = self.shared.conversion.unknowns.marker(key, name, why, type_=parameter.type, default=default)
        arn = Arn.parse(default)
        if arn and (kind := kind_of_arn(arn)):
            self.shared.kinds[marker] = kind
        return marker

    def attribute(self, name: str, attribute: str, node: Node) -> Node | None:
        """An attribute of a resource. Raises Unresolved for a resource that the template does not have."""
        resource = self.template.resources.get(name)
        if resource is None:
            raise Unresolved(f"{attribute} of {name}, which the template does not have", f"{name}{attribute}")
        if attribute.startswith("Outputs."):
            output = self._outputs(name, attribute.removeprefix("Outputs."))
            if output is not None:
                return node.holding(output.value)
        return node.holding(physical.attribute(self, resource, attribute))

    # --- conditions ------------------------------------------------------------------------------------------

    @contextmanager
    def assuming(self) -> Iterator[None]:
        """Within it a parameter without a value has its default."""
        before, self._assumes = self._assumes, True
        try:
            yield
        finally:
            self._assumes = before

    def undecided(self, name: str) -> str:
        """A condition that cannot be decided, as a sentence names it."""
        return f"the condition {name}, which cannot be decided: pass --param NAME=VALUE, --region or --account"

    def holds(self, name: str) -> bool | None:
        """Whether a condition holds; None where that is not known. Defaults of parameters that decide it are noted."""
        if name not in self._decided:
            key = f"{self.template.key} condition {name}"
            node = self.template.section("Conditions").get(name)
            if node is None or key in self.shared.active or len(self.shared.active) >= _DEEPEST:
                return None
            notes, self.notes = self.notes, {}
            self.shared.active.add(key)
            try:
                with self.assuming():
                    self._decided[name] = holds(self, node), self.notes
            finally:
                self.shared.active.discard(key)
                self.notes = notes
        result, notes = self._decided[name]
        self.notes |= notes
        return result
