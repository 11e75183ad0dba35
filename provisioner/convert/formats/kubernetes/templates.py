"""Templates of objects: a ResourceGraphDefinition of kro, and a Composition of Crossplane. Where the files have an instance, it
has the values; else they are variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.formats.kubernetes.objects import Object, Objects, expanded, substituted, texts_of, unpacked
from provisioner.convert.unknown import has_unknown
from provisioner.manifest.node import Node
from provisioner.manifest.reader import scalar

_STEP: Final = re.compile(r"""\[\s*(?:"([^"]*)"|'([^']*)'|([^\]]*))\s*\]|\??([^.\[\]?]+)\??""")
_PATH: Final = re.compile(r"""[A-Za-z_]\w*(?:\.\??[A-Za-z_]\w*|\[\s*(?:\d+|"[^"]*"|'[^']*')\s*\])*""")
_DEFAULT: Final = re.compile(r"""\bdefault=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+))""")
_TYPES: Final = {"string": "string", "integer": "integer", "boolean": "boolean", "float": "number", "number": "number"}
_MAPPING_KINDS: Final = re.compile(r"\b(?:EventSourceMapping|BucketNotification)\b")


def objects(found: Sequence[Object], conversion: Conversion) -> Iterator[Object]:
    """These objects, and instead of a template the objects that are made of it."""
    for item in found:
        if item.version.startswith("kro.run/") and item.kind in ("ResourceGraphDefinition", "ResourceGroup"):
            kind = item.text("spec", "schema", "kind")
            # An instance has the group of kro, unless the schema names another one.
            group = item.text("spec", "schema", "group") or "kro.run"
            instances = [other for other in found if other.kind == kind and other.version.startswith(f"{group}/")]
            for instance in instances or (None,):
                yield from _Graph(item, instance, conversion).objects()
        elif item.kind == "Composition" and item.version.startswith("apiextensions.crossplane.io/"):
            kinds = {item.text("spec", "compositeTypeRef", "kind")}
            for other in found:
                if other.kind == "CompositeResourceDefinition" and other.text("spec", "names", "kind") in kinds:
                    kinds.add(other.text("spec", "claimNames", "kind"))
            instances = [other for other in found if other.kind in kinds - {""} and other.has("spec")]
            for instance in instances or (None,):
                yield from _composed(item, instance, conversion)
        else:
            yield replace(item, node=substituted(item.node, conversion))


def steps_of(path: str) -> list[str | int]:
    """The steps of a path such as `spec.topics[0]` or `metadata.annotations[example.com/name]`."""
    steps: list[str | int] = []
    for match in _STEP.finditer(path):
        text = next((group for group in match.groups() if group is not None), "").strip()
        steps.append(int(text) if text.isdecimal() and match[0].startswith("[") else text)
    return steps


def _node_at(node: Node | None, steps: Sequence[str | int]) -> Node | None:
    for step in steps:
        node = node.below(step) if node else None
    return node


def _parameter(steps: Sequence[str | int], conversion: Conversion) -> str | None:
    """The value that the command line has for an input of a template: by its path, without `spec.`, or by its last name."""
    names = [".".join(map(str, steps)), ".".join(map(str, steps[1:])), str(steps[-1])]
    return next((given for name in names if (given := conversion.parameter(name)) is not None), None)


# --- kro -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Graph:
    """The objects of a ResourceGraphDefinition, for one instance or, without one, for any."""

    definition: Object
    instance: Object | None
    conversion: Conversion
    _open: set[str] = field(default_factory=set)

    def objects(self) -> Iterator[Object]:
        for node in self._resources().values():
            conditions = members_of(node).get("includeWhen")
            texts = conditions.plain() if conditions and isinstance(conditions.value, list) else []
            notes = [f"kro makes it only if {str(text).removeprefix('${').removesuffix('}')}" for text in texts]
            if "forEach" in members_of(node):
                notes.append("kro makes one for each item of a list (forEach)")
            if template := members_of(node).get("template"):
                for item in unpacked(template):
                    yield replace(self._expanded(item), notes=tuple(notes))

    def _resources(self) -> Mapping[str, Node]:
        nodes = listed(_node_at(self.definition.node, ("spec", "resources")))
        return {text_at(node, "id") or text_at(node, "name") or f"#{number}": node for number, node in enumerate(nodes)}

    def _expanded(self, item: Object) -> Object:
        scope = str(self.instance or self.definition)
        return replace(item, node=expanded(item.node, self._value), scope=scope)

    def _value(self, expression: str) -> Any:
        """The value of an expression: that of the instance, of another object of the graph, or a variable."""
        if expression in self._open or not _PATH.fullmatch(expression):
            return self._unknown(expression, expression)
        self._open.add(expression)
        try:
            first, *steps = steps_of(expression)
            if first == "schema" and steps:
                return self._input(expression, steps)
            resource = self._resources().get(str(first))
            template = members_of(resource).get("template")
            if template is None:
                return self._unknown(expression, expression)
            value = _node_at(template, steps)
            if value is not None and not isinstance(value.value, dict | list):
                return expanded(value, self._value).value
            last = str(steps[-1]).lower() if steps else ""
            items = [self._expanded(item) for item in unpacked(template)]
            if items and steps[:1] == ["status"] and last.endswith("arn"):
                return Objects(items, self.conversion).arn(items[0], of_stream="stream" in last)
            return self._unknown(expression, expression)
        finally:
            self._open.discard(expression)

    def _input(self, expression: str, steps: Sequence[str | int]) -> Any:
        given = _node_at(self.instance.node, steps) if self.instance else None
        if given is not None and not isinstance(given.value, dict | list):
            return given.value
        if (parameter := _parameter(steps, self.conversion)) is not None:
            return parameter
        declared = _node_at(self.definition.node, ("spec", "schema", *steps))
        text = declared.value if declared and isinstance(declared.value, str) else ""
        type_ = _TYPES.get(text.partition("|")[0].strip(), "string")
        default = None
        if match := _DEFAULT.search(text):
            default = next(group for group in match.groups() if group is not None)
            default = default if type_ == "string" else scalar(default)
        if self.instance and default is not None:
            return default
        return self._unknown(expression, str(steps[-1]), type_, default)

    def _unknown(self, expression: str, name: str, type_: str = "string", default: Any = None) -> str:
        scope = str(self.instance or self.definition)
        description = f"{expression} of {scope}"
        return self.conversion.unknowns.marker(
            f"{scope}: {expression}", name, description, type_=type_, default=default
        )


# --- Crossplane ------------------------------------------------------------------------------------------------------


def _composed(composition: Object, instance: Object | None, conversion: Conversion) -> Iterator[Object]:
    """The objects of a composition, with its patches."""
    spec = composition.members("spec")
    inputs = [spec]
    for step in listed(spec.get("pipeline")):
        given = members_of(step).get("input")
        inputs.append(members_of(given))
        if "resources" not in members_of(given) and any(map(_MAPPING_KINDS.search, texts_of(given))):
            what = f"step {text_at(step, 'step')} of {composition}"
            conversion.leave_out(step.place(), what, "the program or template of a function is not read")
    for parts in inputs:
        sets = {
            text_at(node, "name"): listed(members_of(node).get("patches")) for node in listed(parts.get("patchSets"))
        }
        for node in listed(parts.get("resources")):
            base = members_of(node).get("base")
            if base is None:
                continue
            patching = _Patching(composition, instance, sets, conversion)
            for patch in listed(members_of(node).get("patches")):
                base = patching.patched(base, patch)
            for item in unpacked(base, str(instance or composition)):
                yield replace(item, node=substituted(item.node, conversion))


@dataclass(slots=True)
class _Patching:
    composition: Object
    instance: Object | None
    sets: Mapping[str, Sequence[Node]]
    conversion: Conversion

    def patched(self, base: Node, patch: Node) -> Node:
        """An object after one patch."""
        type_ = text_at(patch, "type") or "FromCompositeFieldPath"
        if type_ == "PatchSet":
            for inner in self.sets.get(text_at(patch, "patchSetName"), ()):
                base = self.patched(base, inner) if text_at(inner, "type") != "PatchSet" else base
            return base
        if type_ in ("FromCompositeFieldPath", "FromEnvironmentFieldPath"):
            source = text_at(patch, "fromFieldPath")
            target = steps_of(text_at(patch, "toFieldPath") or source)
            before = _node_at(base, target)
            value = self._source(type_, source, before, patch)
        elif type_ in ("CombineFromComposite", "CombineFromEnvironment"):
            target = steps_of(text_at(patch, "toFieldPath"))
            value = patch.holding(self._combined(type_, members_of(members_of(patch).get("combine")), patch))
        else:
            return base  # it patches the composite resource
        if value is None or not target or "*" in target:
            return base
        return _with_node(base, target, self._transformed(value, patch))

    def _source(self, type_: str, path: str, before: Node | None, patch: Node) -> Node | None:
        """What a patch reads; None where the composite resource has nothing, so that the patch does nothing."""
        steps = steps_of(path)
        if self.instance and type_ == "FromCompositeFieldPath":
            return _node_at(self.instance.node, steps)
        if steps and (parameter := _parameter(steps, self.conversion)) is not None:
            return patch.holding(parameter)
        default = before.value if before is not None and not isinstance(before.value, dict | list) else None
        plain = default is not None and "transforms" not in members_of(patch) and not has_unknown(default)
        return patch.holding(self._unknown(type_, path, default if plain else None))

    def _combined(self, type_: str, combine: Mapping[str, Node], patch: Node) -> str:
        variables = [text_at(node, "fromFieldPath") for node in listed(combine.get("variables"))]
        values = [
            self._source(type_.replace("Combine", "").replace("Composite", "CompositeFieldPath"), path, None, patch)
            for path in variables
        ]
        form = text_at(combine.get("string"), "fmt")
        if not form or any(value is None or isinstance(value.value, dict | list) for value in values):
            return self._unknown(type_, " ".join(variables), None)
        return _formatted(form, [value.value for value in values if value])

    def _transformed(self, value: Node, patch: Node) -> Node:
        for transform in listed(members_of(patch).get("transforms")):
            kind, members = text_at(transform, "type"), members_of(transform)
            form = text_at(members.get("string"), "fmt")
            known = members_of(members.get("map")).get(str(value.value))
            if kind == "string" and form and not isinstance(value.value, dict | list):
                value = value.holding(_formatted(form, [value.value]))
            elif kind == "map" and known is not None:
                value = known
            elif kind != "convert":
                of = text_at(patch, "fromFieldPath")
                key = f"{of} {json.dumps(transform.plain(), sort_keys=True)}"
                value = value.holding(self._unknown("", of, None, key))
        return value

    def _unknown(self, type_: str, path: str, default: Any, key: str = "") -> str:
        steps = [str(step) for step in steps_of(path)] or ["value"]
        of = "the environment" if "Environment" in type_ else f"the composite resource of {self.composition}"
        description = f"{path} of {of}"
        name = f"{steps[-1]}_transformed" if key else steps[-1]
        return self.conversion.unknowns.marker(
            f"{self.composition}: {type_} {key or path}", name, description, default=default
        )


def _formatted(form: str, values: Sequence[Any]) -> str:
    """A text of Go's fmt with these values."""
    left = iter(values)
    return re.sub(r"%(%|\w)", lambda match: "%" if match[1] == "%" else str(next(left, match[0])), form)


def _with_node(node: Node, steps: Sequence[str | int], value: Node) -> Node:
    """A copy with another value at a path; maps and lists on the way to it are made."""
    if not steps:
        return node.holding(value.value)
    first, *rest = steps
    if isinstance(first, int) and not isinstance(node.value, dict):
        items = list(node.value) if isinstance(node.value, list) else []
        if first < len(items):
            items[first] = _with_node(items[first], rest, value)
        else:
            items.append(_with_node(node.holding(None), rest, value))
        return node.holding(items)
    inner = members_of(node).get(str(first)) or node.holding(None)
    return node.holding({**members_of(node), str(first): _with_node(inner, rest, value)})
