"""The functions of CloudFormation, each evaluated for a node and its argument."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from provisioner.convert.documents import members_of
from provisioner.convert.formats.cloudformation.template import Refused, Unresolved, typed
from provisioner.convert.unknown import has_unknown, is_unknown, replaced, unknown_names
from provisioner.manifest.node import Node

if TYPE_CHECKING:
    from provisioner.convert.formats.cloudformation.evaluator import Evaluator

_PART: Final = re.compile(r"\$\{(!?)([^{}]*)\}")
_CDK_EXPORT: Final = re.compile(r".*:ExportsOutput(?:FnGetAtt|Ref)(\w+?)[0-9A-F]{8}(\w*?)(?:[0-9A-F]{8})?$")


def _arguments(argument: Node, least: int, most: int) -> list[Node]:
    value = argument.value
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Refused("one of its functions has the wrong arguments")
    return value


def _ref(evaluator: Evaluator, node: Node, argument: Node) -> Node | None:
    if not isinstance(argument.value, str):
        raise Refused("Ref needs a name")
    return evaluator.reference(argument.value, node)


def _get_att(evaluator: Evaluator, node: Node, argument: Node) -> Node | None:
    value = argument.value
    listed = value if isinstance(value, list) else []
    parts = value.split(".", 1) if isinstance(value, str) else [evaluator.text(part) for part in listed]
    if len(parts) < 2:
        raise Refused("Fn::GetAtt needs a resource and an attribute")
    return evaluator.attribute(parts[0], ".".join(parts[1:]), node)


def _import_value(evaluator: Evaluator, node: Node, argument: Node) -> Node | None:
    name = evaluator.text(argument)
    key = f"export {name}"
    if name in evaluator.shared.exports and key not in evaluator.shared.active:
        evaluator.shared.active.add(key)
        try:
            value = evaluator.shared.exports[name]()
        finally:
            evaluator.shared.active.discard(key)
        if value is not None:
            return node.holding(value.value)
    made_by_cdk = _CDK_EXPORT.fullmatch(name)
    called = f"{made_by_cdk[1]}{made_by_cdk[2]}" if made_by_cdk else name
    raise Unresolved(f"the value that another stack exports as {name}", called)


def _sub(evaluator: Evaluator, node: Node, argument: Node) -> Node:
    own: Mapping[str, Node] = {}
    template = argument
    if isinstance(argument.value, list):
        template, given = _arguments(argument, 2, 2)
        own = members_of(given)
    if not isinstance(template.value, str):
        raise Refused("Fn::Sub needs a text")

    def part(match: re.Match[str]) -> str:
        name = match[2].strip()
        if match[1]:
            return f"${{{match[2]}}}"
        if name in own:
            return evaluator.text(own[name])
        owner, dot, attribute = name.partition(".")
        function = {"Fn::GetAtt": [owner, attribute]} if dot else {"Ref": name}
        return evaluator.text(template.all_here(function))

    return node.holding(evaluator.text(node.holding(_PART.sub(part, template.value))))


def _join(evaluator: Evaluator, node: Node, argument: Node) -> Node:
    delimiter, listed = _arguments(argument, 2, 2)
    items = evaluator.value(listed)
    if items is None or not isinstance(items.value, list):
        raise Unresolved(f"Fn::Join of {items.value if items else 'nothing'}")
    joined = evaluator.text(delimiter).join(evaluator.text(item) for item in items.value)
    return node.holding(evaluator.text(node.holding(joined)))


def _select(evaluator: Evaluator, node: Node, argument: Node) -> Node:
    index, listed = _arguments(argument, 2, 2)
    number, items = evaluator.text(index), evaluator.value(listed)
    if not number.isdecimal() or len(number) > 6 or items is None:
        raise Refused("Fn::Select needs a number and a list")
    if isinstance(items.value, list):
        if int(number) >= len(items.value):
            raise Refused(f"Fn::Select: the list has no item {number}")
        item: Node = items.value[int(number)]
        return item
    if not is_unknown(items.value):
        raise Refused("Fn::Select needs a number and a list")
    name, unknowns = unknown_names(items.value)[0], evaluator.shared.conversion.unknowns
    default, origin = unknowns.variables[name].default, f"item {number} of {unknowns.variables[name].description}"
    value = default[int(number)] if isinstance(default, list) and int(number) < len(default) else None
    marker = unknowns.marker(f"{name}[{number}]", f"{name}{number}", origin, default=value)
    return node.holding(marker)


def _split(evaluator: Evaluator, node: Node, argument: Node) -> Node:
    delimiter, whole = _arguments(argument, 2, 2)
    by, text = evaluator.text(delimiter), evaluator.text(whole)
    if not by:
        raise Refused("Fn::Split needs a delimiter")
    # A value that is not known may have the delimiter in it.
    if has_unknown(text) and not (by in (":", "/") and evaluator.shared.atoms.issuperset(unknown_names(text))):
        variables = evaluator.shared.conversion.unknowns.variables
        origin = replaced(text, lambda name: variables[name].description)
        raise Unresolved(f"{origin}, split by {json.dumps(by)}", type_="list")
    return node.all_here(text.split(by))


def _base64(evaluator: Evaluator, node: Node, argument: Node) -> Node:
    text = evaluator.text(argument)
    if has_unknown(text):
        raise Unresolved(f"Fn::Base64 of {text}")
    return node.holding(base64.b64encode(text.encode("utf-8", "surrogatepass")).decode())


def _to_json(evaluator: Evaluator, node: Node, argument: Node) -> Node:
    value = evaluator.value(argument)
    return node.holding(json.dumps(value.plain() if value else None, ensure_ascii=False, default=str))


def _length(evaluator: Evaluator, node: Node, argument: Node) -> Node:
    items = evaluator.value(argument)
    if items is None or not isinstance(items.value, list):
        raise Unresolved("Fn::Length")
    return node.holding(len(items.value))


def _find_in_map(evaluator: Evaluator, _: Node, argument: Node) -> Node | None:
    parts = _arguments(argument, 3, 4)
    with evaluator.assuming():
        name, first, second = (evaluator.text(part) for part in parts[:3])
    rows = members_of(evaluator.template.section("Mappings").get(name))
    row = members_of(rows.get(first))
    if has_unknown(first) and not has_unknown(name + second):
        values = [members_of(item).get(second) for item in rows.values()]
        texts = {json.dumps(item.plain(), sort_keys=True, default=str) if item else "" for item in values}
        if len(texts) != 1 or not values[0]:
            raise Unresolved(f"{second} of the map {name}, for {first}", f"{name}{second}")
        return evaluator.value(values[0])  # whatever the key is
    if has_unknown(name + first + second):
        raise Unresolved(f"{second} of the map {name}, for {first}")
    if second in row:
        return evaluator.value(row[second])
    if len(parts) == 4 and "DefaultValue" in members_of(parts[3]):
        return evaluator.value(members_of(parts[3])["DefaultValue"])
    raise Refused(f"the map {name} has no {first}.{second}")


def _if(evaluator: Evaluator, _: Node, argument: Node) -> Node | None:
    name, then, other = _arguments(argument, 3, 3)
    if not isinstance(name.value, str):
        raise Refused("Fn::If needs the name of a condition")
    holds = evaluator.holds(name.value)
    if holds is not None:
        return evaluator.value(then if holds else other)
    values = evaluator.value(then), evaluator.value(other)
    plain = [value.plain() if value else None for value in values]
    if plain[0] == plain[1]:
        return values[0]
    if None in values:
        raise Refused(f"whether it has a value depends on {evaluator.undecided(name.value)}")
    kinds = {evaluator.kind_of(item) for item in plain}
    shown = " or ".join(json.dumps(item, ensure_ascii=False, default=str) for item in plain)
    types = {type(item) for item in plain}
    type_ = "list" if types == {list} else "map" if types == {dict} else "string"
    raise Unresolved(
        f"{shown}, depending on {evaluator.undecided(name.value)}",
        type_=type_,
        kind=kinds.pop() if len(kinds) == 1 else None,
    )


def holds(evaluator: Evaluator, node: Node) -> bool | None:
    """Whether an expression of a condition holds; None where that is not known, or the expression is none."""
    members = members_of(node)
    name, argument = next(iter(members.items()), ("", node))
    if len(members) != 1:
        return None
    if name == "Condition" and isinstance(argument.value, str):
        return evaluator.holds(argument.value)
    items = argument.value if isinstance(argument.value, list) else [argument]
    if name == "Fn::Equals" and len(items) == 2:
        return _equal(evaluator, *items)
    if name not in ("Fn::And", "Fn::Or", "Fn::Not"):
        return None
    held = [holds(evaluator, item) for item in items]
    if name == "Fn::Not":
        return not held[0] if len(held) == 1 and held[0] is not None else None
    decisive = name == "Fn::Or"
    return decisive if decisive in held else None if None in held else not decisive


def _equal(evaluator: Evaluator, one: Node, other: Node) -> bool | None:
    try:
        values = [value.plain() if (value := evaluator.value(node)) else None for node in (one, other)]
    except Refused:
        return None
    texts = [typed("string", value) if not isinstance(value, list | dict) else json.dumps(value) for value in values]
    return True if texts[0] == texts[1] else None if any(map(has_unknown, texts)) else False


FUNCTIONS: Final[Mapping[str, Callable[[Evaluator, Node, Node], Node | None]]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import_value,
    "Fn::Base64": _base64,
    "Fn::ToJsonString": _to_json,
    "Fn::Length": _length,
}
"""What is evaluated; any other function becomes a variable."""
