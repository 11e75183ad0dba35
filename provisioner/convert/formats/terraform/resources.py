"""The instances of Terraform's resources, as its files of every shape have them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import members_of
from provisioner.convert.slugs import slug
from provisioner.manifest.node import Node
from provisioner.model.place import Place
from provisioner.model.sources import SourceKind

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
STEP: Final = re.compile(r'module\.([\w-]+)(?:\[(?:"((?:[^"\\]|\\.)*)"|(\d+))\])?')
_TEMPLATE: Final = re.compile(r"[$%](?={)")
"""What begins an expression in a text of Terraform, unless it is doubled."""
_KEY: Final = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')


@dataclass(frozen=True, slots=True)
class Resource:
    """One instance of a resource. `attributes` is a map; what is not known yet, or secret, is a marker in it.

    source  the kind of a mapping's source, where its ARN is not known yet and the configuration says it
    region  that of its provider, where the file has it
    before  what it is before a plan, or None where the plan creates it
    """

    type: str
    module: str
    name: str
    key: str
    attributes: Node
    place: Place
    notes: tuple[str, ...] = ()
    source: SourceKind | None = None
    region: str = ""
    before: Node | None = None
    is_planned: bool = False
    address_of: str = ""

    @property
    def address(self) -> str:
        """The instance as the commands of its tool name it."""
        return self.address_of or ".".join(filter(None, [self.module, self.type, f"{self.name}{self.key}"]))

    @property
    def own_name(self) -> str:
        """Modules, name and key as a mapping's name; "" where none of them says anything."""
        steps = [(name, text or index) for name, text, index in STEP.findall(self.module)]
        key = re.fullmatch(r'\["?((?:[^"\\]|\\.)*?)"?\]', self.key)
        parts = [part for name, step in [*steps, (self.name, key[1] if key else "")] for part in (name, step)]
        return "-".join(text for part in parts if part not in _WITHOUT_NAME and (text := slug(part)))


def hiding(attributes: Node, names: Iterable[str], address: str, conversion: Conversion) -> Node:
    """Attributes without the values that must not be printed: a variable stands for each."""
    names = [*names, "tags_all"] if "tags" in (names := list(names)) else names
    hidden = {
        name: attributes.value[name].holding(
            conversion.unknowns.marker(where, plain(where), f"{name} of {address}, which is sensitive")
        )
        for name in names
        if name in attributes.value and (where := f"{address}.{name}")
    }
    return attributes.holding(attributes.value | hidden)


def without_keys(address: str) -> str:
    """An address without the keys of modules and instances."""
    return _KEY.sub("", address)


def plain(address: str) -> str:
    """An address without what says nothing, as the name of a variable."""
    return re.sub(r"(?:^|\.)module\.|aws_lambda_event_source_mapping\.", ".", address)


def is_true(node: Node) -> bool:
    """Whether a mark of `after_unknown` or `sensitive_values` holds for a value, or for a part of it."""
    if isinstance(node.value, dict):
        return any(map(is_true, node.value.values()))
    return any(map(is_true, node.value)) if isinstance(node.value, list) else node.value is True


def key_of(node: Node | None) -> str:
    """The key of an instance, as an address has it."""
    value = node.value if node else None
    if not isinstance(value, str | int):
        return ""
    if isinstance(value, int):
        return f"[{value}]"
    quoted = json.dumps(value, ensure_ascii=False)
    return "[" + _TEMPLATE.sub(r"\g<0>\g<0>", quoted) + "]"


def place_of(attributes: Node, otherwise: Place) -> Place:
    """Where an instance is: at its function, which a reader looks for."""
    function = members_of(attributes).get("function_name")
    return function.place() if function else otherwise
