"""What `terraform show -json` prints of a plan: the resources as they are after it. A value that is known only after the apply
is a variable, named by what it refers to in the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.formats.terraform.resources import (
    COMPUTED,
    MAPPING_TYPES,
    NOTIFICATION,
    STEP,
    Resource,
    hiding,
    is_true,
    key_of,
    place_of,
    plain,
    without_keys,
)
from provisioner.manifest.node import Node
from provisioner.model.sources import SourceKind

_CHOSEN: Final = frozenset(
    (
        *COMPUTED,
        *("amazon_managed_kafka_event_source_config", "self_managed_kafka_event_source_config", "consumer_group_id"),
        *("maximum_record_age_in_seconds", "maximum_retry_attempts", "parallelization_factor"),
        *("minimum_pollers", "maximum_pollers"),
    )
)
"""What AWS, or the provider, chooses where the configuration does not have it."""
_MADE: Final = frozenset(("pattern", "tags", "endpoints", "filter_prefix", "filter_suffix"))
"""What is made of other values, rather than being one of them."""
_INSTANCE: Final = frozenset(("each", "count", "self", "path", "terraform"))
"""The first parts of references whose value differs by instance, or is no resource's."""
_TYPE: Final = re.compile(r"(?:^|\.)(aws_\w+)\.")
_SOURCES: Final = {
    "aws_sqs_queue": SourceKind.SQS,
    "aws_kinesis_stream": SourceKind.KINESIS,
    "aws_kinesis_stream_consumer": SourceKind.KINESIS,
    "aws_dynamodb_table": SourceKind.DYNAMODB,
    "aws_msk_cluster": SourceKind.MSK,
    "aws_msk_serverless_cluster": SourceKind.MSK,
    "aws_mq_broker": SourceKind.MQ,
    "aws_docdb_cluster": SourceKind.DOCUMENTDB,
}
"""Resources that are sources."""
_ONLY_OF: Final = {
    "scaling_config": SourceKind.SQS,
    "queues": SourceKind.MQ,
    "topics": SourceKind.MSK,
    "document_db_event_source_config": SourceKind.DOCUMENTDB,
}
"""Attributes that a mapping with an ARN has for one kind of source alone."""


def planned(members: Mapping[str, Node], conversion: Conversion) -> Iterator[Resource]:
    """The instances of all managed resources as they are after a plan. `members` are those of its document."""
    root = members_of(members.get("configuration"))
    configuration = _Configuration(
        dict(_modules(root.get("root_module"), "")), members_of(root.get("provider_config")), members
    )
    for node in listed(members.get("resource_changes")):
        yield from _changed(node, configuration, conversion)


def _changed(node: Node, configuration: _Configuration, conversion: Conversion) -> Iterator[Resource]:
    parts, change = members_of(node), members_of(members_of(node).get("change"))
    if text_at(node, "mode") != "managed" or "after" not in change:
        return
    after, before = change["after"], change.get("before")
    found = Resource(
        text_at(node, "type"),
        text_at(node, "module_address"),
        text_at(node, "name"),
        key_of(parts.get("index")),
        after,
        node.place(),
        before=before,
        is_planned=True,
    )
    actions = [action.value for action in listed(change.get("actions"))]
    if not isinstance(after.value, dict):
        if found.type in MAPPING_TYPES:
            why = "the plan deletes it" if "delete" in actions else "Terraform forgets it with this plan"
            conversion.leave_out(found.place, found.address, why)
        return
    if found.type not in (*MAPPING_TYPES, NOTIFICATION):
        yield found
        return
    values = dict(after.value)
    if "create" not in actions:  # a create or a replacement has no id yet
        values = {name: item for name, item in members_of(before).items() if name in COMPUTED} | values
    configured = configuration.resource(found)
    origins = _Origins(
        found.address, members_of(configured).get("expressions"), found.module, configuration, conversion
    )
    shown = _with_unknown(after.holding(values), change.get("after_unknown"), origins, "")
    secret = [name for name, mark in members_of(change.get("after_sensitive")).items() if is_true(mark)]
    shown = hiding(shown or after, secret, found.address, conversion)
    yield replace(
        found,
        attributes=shown,
        place=place_of(shown, found.place),
        notes=("the plan updates it: until that is applied, AWS has other values",) if "update" in actions else (),
        source=_source(shown, configuration.referred(origins.below("event_source_arn").expression, found.module)),
        region=configuration.region(configured),
        before=None if "create" in actions else before,
    )


def _source(attributes: Node, referred: str) -> SourceKind | None:
    """The kind of a mapping's source, by the resource to which its ARN refers, else by an attribute of that kind alone."""
    match = _TYPE.search(referred)
    if match and match[1] in _SOURCES:
        return _SOURCES[match[1]]
    members = members_of(attributes)
    return next((kind for name, kind in _ONLY_OF.items() if name in members and members[name].value), None)


# --- the configuration -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Configuration:
    """The configuration of a plan: its modules by their addresses without keys, "" for the root; its providers; and the
    document, which has the values of the root's variables.
    """

    modules: Mapping[str, Node]
    providers: Mapping[str, Node]
    document: Mapping[str, Node]

    def resource(self, found: Resource) -> Node | None:
        """The resource of an instance."""
        name = f"{found.type}.{found.name}"
        listed_ = listed(members_of(self.modules.get(without_keys(found.module))).get("resources"))
        return next((item for item in listed_ if text_at(item, "address") == name), None)

    def region(self, resource: Node | None) -> str:
        """The region of a resource's provider, where it is a text or a variable of the root module; else ""."""
        provider = self.providers.get(text_at(resource, "provider_config_key"))
        expression = members_of(members_of(provider).get("expressions")).get("region")
        names = [item.value for item in listed(members_of(expression).get("references"))]
        if len(names) == 1 and not text_at(provider, "module_address"):
            variable = members_of(self.document.get("variables")).get(str(names[0]).removeprefix("var."))
            return text_at(variable, "value")
        return text_at(expression, "constant_value")

    def referred(self, expression: Node | None, module: str) -> str:
        """The address to which an expression refers, through the variables of modules; "" for one that is more than one
        reference, or that differs by instance.
        """
        names = [item.value for item in listed(members_of(expression).get("references"))]
        # The longest comes first: aws_sqs_queue.orders.arn, then aws_sqs_queue.orders.
        first = names[0] if names and isinstance(names[0], str) else ""
        root, _, name = first.partition(".")
        if (
            not first
            or root in _INSTANCE
            or not all(isinstance(item, str) and first.startswith(item) for item in names)
        ):
            return ""
        steps = list(STEP.finditer(module))
        if root == "var" and steps:
            parent = module[: steps[-1].start()].rstrip(".")
            calls = members_of(members_of(self.modules.get(without_keys(parent))).get("module_calls"))
            call = members_of(members_of(calls.get(steps[-1][1])).get("expressions"))
            if given := self.referred(call.get(name), parent):
                return given
        return ".".join(filter(None, [module, first]))


def _modules(module: Node | None, address: str) -> Iterator[tuple[str, Node]]:
    """A module of a configuration and those in it, by address without keys."""
    if module:
        yield address, module
    for name, call in members_of(members_of(module).get("module_calls")).items():
        yield from _modules(members_of(call).get("module"), ".".join(filter(None, [address, f"module.{name}"])))


@dataclass(frozen=True, slots=True)
class _Origins:
    """Where a value of a planned resource comes from: its address, its module, and its expression in the configuration."""

    address: str
    expression: Node | None
    module: str
    configuration: _Configuration
    conversion: Conversion

    def below(self, step: str | int, expression: Node | None = None) -> _Origins:
        """The origin of a part."""
        part = expression or members_of(self.expression).get(str(step))
        return replace(self, address=f"{self.address}.{step}", expression=part)

    def item(self, place: int, value: Node | None, mark: Node, *, alone: bool) -> _Origins:
        """The origin of an item of a list. Of the blocks of a set, which has another order, it is the only one that fits."""
        if self.expression is None or isinstance(self.expression.value, dict):
            # A block that is alone may be written without its list.
            return replace(self, address=f"{self.address}.{place}", expression=self.expression if alone else None)
        blocks = listed(self.expression)
        fitting = blocks if len(blocks) == 1 else [block for block in blocks if _fits(block, value, mark)]
        only = fitting[0] if len(fitting) == 1 else None
        return replace(self, address=f"{self.address}.{place}", expression=only)

    def marker(self, name: str) -> str | None:
        """What stands for the value; None where the configuration does not have it, so that AWS chooses it."""
        if self.expression is None and (name in _CHOSEN or ".awscc_" in f".{self.address}"):
            return None
        referred = "" if name in _MADE else self.configuration.referred(self.expression, self.module)
        shown = referred or self.address
        return self.conversion.unknowns.marker(shown, plain(shown), f"{shown}, which is known after the apply")


def _fits(block: Node, value: Node | None, mark: Node) -> bool:
    """Whether a block of a configuration may be one of a plan: its constants are the values, and what is unknown refers."""
    known, unknown = members_of(value), members_of(mark)
    for name, expression in members_of(block).items():
        constant = members_of(expression).get("constant_value")
        if constant and name in known and constant.plain() != known[name].plain():
            return False
        if name in unknown and is_true(unknown[name]) and "references" not in members_of(expression):
            return False
    return True


def _with_unknown(value: Node | None, mark: Node | None, origins: _Origins, name: str) -> Node | None:
    """A planned value with a variable for each part that is known only after the apply. `name` is the member that has it."""
    if mark is None or not is_true(mark):
        return value
    if isinstance(mark.value, dict):
        members = dict(members_of(value))
        for step, inner in mark.value.items():
            whole = _with_unknown(members.get(step), inner, origins.below(step), step)
            if whole is not None:
                members[step] = whole
        return mark.holding(members)
    if isinstance(mark.value, list):
        items, alone = listed(value), len(mark.value) == 1
        parts = []
        for place, inner in enumerate(mark.value):
            item = items[place] if place < len(items) else None
            parts.append(_with_unknown(item, inner, origins.item(place, item, inner, alone=alone), name))
        return mark.holding([part for part in parts if part is not None])
    marker = origins.marker(name)
    return value if marker is None else mark.holding(marker)
