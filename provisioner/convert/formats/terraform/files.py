"""The shapes of Terraform's files: a state of version 4, and what `show -json` prints of a state or of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.formats.terraform.plans import planned
from provisioner.convert.formats.terraform.resources import (
    MAPPING_TYPES,
    NOTIFICATION,
    Resource,
    hiding,
    is_true,
    key_of,
    place_of,
)
from provisioner.errors import UsageError
from provisioner.manifest.node import Node

_FRESH: Final = "terraform show -json > state.json"


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


# --- a state ---------------------------------------------------------------------------------------------------------


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
                key_of(parts.get("index_key")),
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
    if found.type not in (*MAPPING_TYPES, NOTIFICATION):
        if not deposed:
            yield found
    elif deposed:
        why = f"it is the deposed object {deposed}, which Terraform is about to delete"
        conversion.leave_out(found.place, found.address, why)
    else:
        notes = ("Terraform has marked it as tainted: it plans to replace it",) if tainted else ()
        shown = hiding(found.attributes, hidden, found.address, conversion)
        yield replace(found, attributes=shown, place=place_of(shown, found.place), notes=notes)


def _shown(document: Node, conversion: Conversion) -> Iterator[Resource]:
    """What `show -json` prints: of a plan the changes, of a state the values."""
    members = members_of(document)
    if "resource_changes" in members or "planned_values" in members:
        yield from planned(members, conversion)
    else:
        yield from _module(members_of(members.get("values")).get("root_module"), "", conversion)


def _module(node: Node | None, address: str, conversion: Conversion) -> Iterator[Resource]:
    members = members_of(node)
    for item in listed(members.get("resources")):
        parts = members_of(item)
        if text_at(item, "mode") == "managed" and "values" in parts:
            name, key = text_at(item, "name"), key_of(parts.get("index"))
            found = Resource(text_at(item, "type"), address, name, key, parts["values"], item.place())
            hidden = [name for name, mark in members_of(parts.get("sensitive_values")).items() if is_true(mark)]
            tainted = "tainted" in parts and parts["tainted"].value is True
            yield from _existing(found, text_at(item, "deposed_key"), hidden, conversion, tainted=tainted)
    for child in listed(members.get("child_modules")):
        yield from _module(child, text_at(child, "address"), conversion)
