"""A mapping after variables and defaults, with where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from provisioner.convert.entry import dump, literal
from provisioner.kinds.fields import Field
from provisioner.kinds.tables import fields_of
from provisioner.manifest.node import Node
from provisioner.model.desired import Desired
from provisioner.model.references import Arn, FunctionReference
from provisioner.model.sources import SourceKind
from provisioner.render.style import Style
from provisioner.render.values import as_json

_AWS: Final = "AWS default"
_WIDEST: Final = 72  # a comment beyond this column stands right behind its value

_Line = tuple[str, str]
"""A line of YAML, and the origin of its value."""


def resolved_text(wanted: Desired, root: Node, style: Style) -> str:
    """One mapping of a manifest as YAML, each value with its origin in a comment: file, line and column, or "AWS
    default". `root` is the manifest's tree of nodes after variables and defaults.
    """
    node = root.at(("mappings", wanted.name))
    lines = [(f"{_text(wanted.name)}:", str(wanted.place))]
    if wanted.region:
        lines.append((f"  region: {_text(wanted.region)}", _region(node, root)))
    # The mapping's tags are merged over the provider's. Each keeps its own place.
    values = dict(node.value)
    own, shared = node.below("tags"), root.at(("provider",)).below("default_tags")
    tags = {
        **(shared.value if shared and isinstance(shared.value, dict) else {}),
        **(own.value if own and isinstance(own.value, dict) else {}),
    }
    if tags:
        values["tags"] = (own or shared or node).holding(tags)
    lines += _block(fields_of(wanted.kind), values, wanted.kind, 2)
    if lifecycle := node.below("lifecycle"):
        lines += _nested("lifecycle", lifecycle, 2)
    column = max(len(text) for text, _ in lines if len(text) <= _WIDEST)
    return "\n".join(f"{text:{column}}  {style.grey(f'# {origin}')}" if origin else text for text, origin in lines)


def _region(node: Node, root: Node) -> str:
    """Where the region comes from. The order is that in which `manifest.mappings` looks for it."""
    if own := node.below("region"):
        return str(own.place())
    if (source := node.below("event_source_arn")) and (arn := Arn.parse(source.value)) and arn.region:
        return "from event_source_arn"
    function = node.below("function_name")
    if function and (reference := FunctionReference.parse(function.value)) and reference.region:
        return "from function_name"
    stated = root.at(("provider",)).below("region")
    return str(stated.place()) if stated else "from the environment"


def _block(fields: Mapping[str, Field], values: Mapping[str, Node], kind: SourceKind, indent: int) -> Iterator[_Line]:
    for name, field in fields.items():
        node = values.get(name)
        if node is not None and node.value is not None:
            yield from _value(name, node, field, kind, indent)
        elif (default := field.row.default.get(kind)) is not None:
            yield f"{' ' * indent}{name}: {_text(default)}", _AWS


def _value(name: str, node: Node, field: Field, kind: SourceKind, indent: int) -> Iterator[_Line]:
    if isinstance(node.value, dict) and field.children:
        yield f"{' ' * indent}{name}:", str(node.place(key=True))
        yield from _block(field.children, node.value, kind, indent + 2)
    else:
        yield from _nested(name, node, indent)


def _nested(name: str, node: Node, indent: int) -> Iterator[_Line]:
    if isinstance(node.value, dict) and node.value:
        yield f"{' ' * indent}{_text(name)}:", str(node.place(key=True))
        for key, item in node.value.items():
            yield from _nested(key, item, indent + 2)
    else:
        yield f"{' ' * indent}{_text(name)}: {_text(node.plain())}", str(node.place())


def _text(value: Any) -> str:
    """A value on one line, in YAML that our reader reads as the same value."""
    value = literal(value)  # variables have their values here: a `${` that is left is literal
    if isinstance(value, dict | list):
        return as_json(value)
    return dump(value).removesuffix("...\n").strip()  # PyYAML ends a plain scalar with this end mark
