"""The shapes of Terraform's files: a state of version 4, and what `show -json` prints of a state or of a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.slugs import slug
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.model.place import Place

MAPPING_TYPES: Final = ("aws_lambda_event_source_mapping", "awscc_lambda_event_source_mapping")
NOTIFICATION: Final = "aws_s3_bucket_notification"
PERMISSION: Final = "aws_lambda_permission"
COMPUTED: Final = (
    *("id", "arn", "uuid", "state", "state_transition_reason", "last_modified", "last_processing_result", "region"),
    *("function_arn", "tags_all", "timeouts", "event_source_mapping_id", "event_source_mapping_arn", "identity"),
)
"""Attributes of a mapping that nobody sets."""
_WITHOUT_NAME: Final = ("this", "main")
"""Names of resources and modules that say nothing."""
_STEP: Final = re.compile(r'module\.([\w-]+)(?:\[(?:"((?:[^"\\]|\\.)*)"|(\d+))\])?')
_FRESH: Final = "terraform show -json > state.json"


@dataclass(frozen=True, slots=True)
class Resource:
    """One instance of a resource. `attributes` is a map; what is not known yet, or secret, is a marker in it."""

    type: str
    module: str
    name: str
    key: str
    attributes: Node
    place: Place
    notes: tuple[str, ...] = ()
    address_of: str = ""

    @property
    def address(self) -> str:
        """The instance as the commands of its tool name it."""
        return self.address_of or f"{self.module}{'.' if self.module else ''}{self.type}.{self.name}{self.key}"

    @property
    def own_name(self) -> str:
        """Modules, name and key as a mapping's name; "" where none of them says anything."""
        steps = [(name, text or index) for name, text, index in _STEP.findall(self.module)]
        key = re.fullmatch(r'\["?((?:[^"\\]|\\.)*?)"?\]', self.key)
        parts = [part for name, step in [*steps, (self.name, key[1] if key else "")] for part in (name, step)]
        return "-".join(text for part in parts if part not in _WITHOUT_NAME and (text := slug(part)))


def resources(document: Node, conversion: Conversion) -> Iterator[Resource]:
    """The instances of all managed resources of a document. Raises UsageError for one that has none to read."""
    members = members_of(document)
    place = document.place()
    if "encrypted_data" in members:
        raise UsageError(f"{place.file} is an encrypted state", hint=f"decrypt it: `{_FRESH}`")
    if "format_version" in members:
        yield from _shown(document, conversion)
        return
    version = members["version"].value if "version" in members else None
    if "backend" in members:
        raise UsageError(
            f"{place.file} names the backend of a state; it is not the state",
            hint="read the state: `terraform state pull`",
        )
    if version != 4:
        raise UsageError(
            f"{place.file} is a state of version {version}; only version 4 can be read",
            hint=f"write it anew with a newer Terraform: `{_FRESH}`",
        )
    yield from _state(members, conversion)


# --- a state and a plan ----------------------------------------------------------------------------------------------------


def _state(members: Mapping[str, Node], conversion: Conversion) -> Iterator[Resource]:
    for node in listed(members.get("resources")):
        if text_at(node, "mode") != "managed":
            continue
        for instance in listed(members_of(node).get("instances")):
            parts = members_of(instance)
            found = Resource(
                text_at(node, "type"),
                text_at(node, "module"),
                text_at(node, "name"),
                _key(parts.get("index_key")),
                parts.get("attributes") or instance,
                instance.place(),
            )
            # Paths from the attributes down; one that marks a part hides the whole attribute.
            marked = (listed(path) for path in listed(parts.get("sensitive_attributes")))
            hidden = [name for path in marked if path and (name := text_at(path[0], "value"))]
            tainted = text_at(instance, "status") == "tainted"
            yield from _existing(found, text_at(instance, "deposed"), hidden, conversion, tainted=tainted)


def _existing(
    found: Resource, deposed: str, hidden: Iterable[str], conversion: Conversion, *, tainted: bool
) -> Iterator[Resource]:
    """An instance of a state, unless a replacement has left it."""
    if not isinstance(found.attributes.value, dict):
        return
    if found.type not in MAPPING_TYPES:
        if not deposed:
            yield found
    elif deposed:
        why = f"it is the deposed object {deposed}, which Terraform is about to delete"
        conversion.leave_out(found.place, found.address, why)
    else:
        notes = ("Terraform has marked it as tainted: it plans to replace it",) if tainted else ()
        shown = _hiding(found.attributes, hidden, found.address, conversion)
        yield replace(found, attributes=shown, place=_place(shown, found.place), notes=notes)


def _hiding(attributes: Node, names: Iterable[str], address: str, conversion: Conversion) -> Node:
    """Attributes without the values that must not be printed: a variable stands for each."""
    names = [*names, "tags_all"] if "tags" in (names := list(names)) else names
    hidden = {
        name: attributes.value[name].holding(
            conversion.unknowns.marker(where, _plain(where), f"{name} of {address}, which is sensitive")
        )
        for name in names
        if name in attributes.value and (where := f"{address}.{name}")
    }
    return attributes.holding(attributes.value | hidden)


def _plain(address: str) -> str:
    """An address without what says nothing, as the name of a variable."""
    return re.sub(r"(?:^|\.)module\.|aws_lambda_event_source_mapping\.", ".", address)


def _shown(document: Node, conversion: Conversion) -> Iterator[Resource]:
    """What `show -json` prints: of a plan the changes, of a state the values."""
    members = members_of(document)
    if "resource_changes" in members or "planned_values" in members:
        expressions = dict(_expressions(members_of(members.get("configuration")).get("root_module"), ""))
        changes = members.get("resource_changes")
        for node in changes.value if changes and isinstance(changes.value, list) else ():
            yield from _planned(node, expressions, conversion)
        return
    yield from _module(members_of(members.get("values")).get("root_module"), "", conversion)


def _module(node: Node | None, address: str, conversion: Conversion) -> Iterator[Resource]:
    members = members_of(node)
    for item in listed(members.get("resources")):
        parts = members_of(item)
        if text_at(item, "mode") == "managed" and "values" in parts:
            name, key = text_at(item, "name"), _key(parts.get("index"))
            found = Resource(text_at(item, "type"), address, name, key, parts["values"], item.place())
            hidden = [name for name, mark in members_of(parts.get("sensitive_values")).items() if _is_true(mark)]
            tainted = "tainted" in parts and parts["tainted"].value is True
            yield from _existing(found, text_at(item, "deposed_key"), hidden, conversion, tainted=tainted)
    for child in listed(members.get("child_modules")):
        yield from _module(child, text_at(child, "address"), conversion)


def _is_true(node: Node) -> bool:
    """Whether a mark of `after_unknown` or `sensitive_values` holds for a value, or for a part of it."""
    if isinstance(node.value, dict):
        return any(map(_is_true, node.value.values()))
    return any(map(_is_true, node.value)) if isinstance(node.value, list) else node.value is True


def _key(node: Node | None) -> str:
    """The key of an instance, as an address has it."""
    value = node.value if node else None
    if not isinstance(value, str | int):
        return ""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'["{text}"]' if isinstance(value, str) else f"[{value}]"


def _place(attributes: Node, otherwise: Place) -> Place:
    """Where an instance is: at its function, which a reader looks for."""
    function = members_of(attributes).get("function_name")
    return function.place() if function else otherwise


def _planned(node: Node, expressions: Mapping[str, tuple[str, Node]], conversion: Conversion) -> Iterator[Resource]:
    """A resource as it is after a plan."""
    parts, change = members_of(node), members_of(members_of(node).get("change"))
    kind, name, module = text_at(node, "type"), text_at(node, "name"), text_at(node, "module_address")
    if text_at(node, "mode") != "managed" or "after" not in change:
        return
    key = _key(parts.get("index"))
    address = f"{module}{'.' if module else ''}{kind}.{name}{key}"
    actions = [action.value for action in listed(change.get("actions"))]
    after, before = change["after"], members_of(change.get("before"))
    if not isinstance(after.value, dict):
        if kind in MAPPING_TYPES:
            why = "the plan deletes it" if "delete" in actions else "Terraform forgets it with this plan"
            conversion.leave_out(node.place(), address, why)
        return
    values = dict(after.value)
    if "create" not in actions:  # a create or a replacement has no id yet
        values = {name: item for name, item in before.items() if name in COMPUTED} | values
    after = after.holding(values)
    if kind in MAPPING_TYPES or kind == NOTIFICATION:
        plain = re.sub(r"\[[^]]*\]", "", f"{module}{'.' if module else ''}{kind}.{name}")
        home, expression = expressions.get(plain, ("", None))
        origins = _Origins(address, expression, home, conversion)
        after = _with_unknown(after, change.get("after_unknown"), origins) or after
        secret = [name for name, mark in members_of(change.get("after_sensitive")).items() if _is_true(mark)]
        after = _hiding(after, secret, address, conversion)
    yield Resource(kind, module, name, key, after, _place(after, node.place()))


@dataclass(frozen=True, slots=True)
class _Origins:
    """Where the values of a planned resource come from: its address, and its expressions in the configuration."""

    address: str
    expressions: Node | None
    module: str
    conversion: Conversion

    def below(self, step: str | int) -> _Origins:
        """Those of a part."""
        part = self.expressions.below(step) if self.expressions else None
        # A block that is alone may be written without its list.
        same = self.expressions if step == 0 and self.expressions and isinstance(self.expressions.value, dict) else None
        return _Origins(f"{self.address}.{step}", part or same, self.module, self.conversion)

    def marker(self) -> str | None:
        """What stands for the value; None where the configuration does not have it, so that AWS chooses it."""
        if self.expressions is None:
            return None
        names = [item.value for item in listed(members_of(self.expressions).get("references"))]
        # The longest comes first: aws_sqs_queue.orders.arn, then aws_sqs_queue.orders.
        refers = f"{self.module}{names[0]}" if names and isinstance(names[0], str) else ""
        return self.conversion.unknowns.marker(
            refers or self.address,
            _plain(refers or self.address),
            f"{refers or self.address}, which is known after the apply",
        )


def _with_unknown(value: Node | None, mark: Node | None, origins: _Origins) -> Node | None:
    """A planned value with a variable for each part that is known only after the apply."""
    if mark is None or not _is_true(mark):
        return value
    if isinstance(mark.value, dict):
        members = dict(members_of(value))
        for name, inner in mark.value.items():
            whole = _with_unknown(members.get(name), inner, origins.below(name))
            if whole is not None:
                members[name] = whole
        return mark.holding(members)
    if isinstance(mark.value, list):
        items = listed(value)
        parts = [
            _with_unknown(items[place] if place < len(items) else None, inner, origins.below(place))
            for place, inner in enumerate(mark.value)
        ]
        return mark.holding([part for part in parts if part is not None])
    marker = origins.marker()
    return value if marker is None else mark.holding(marker)


def _expressions(module: Node | None, address: str) -> Iterator[tuple[str, tuple[str, Node]]]:
    """The expressions of the resources of a configuration, by address without keys, each with the address of its module."""
    members = members_of(module)
    for item in listed(members.get("resources")):
        if expressions := members_of(item).get("expressions"):
            yield f"{address}{text_at(item, 'address')}", (address, expressions)
    for name, call in members_of(members.get("module_calls")).items():
        yield from _expressions(members_of(call).get("module"), f"{address}module.{name}.")
