"""Defaults: values for all mappings, or for all mappings of a kind, that do not set them.

`all` < `stream` or `push` < the kind < the mapping. Maps merge deeply, lists and scalars replace, `null` removes. A default
that a kind does not have is not applied to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from provisioner.kinds.fields import Field
from provisioner.kinds.tables import ALL_FIELDS, fields_of
from provisioner.manifest.node import Node
from provisioner.manifest.source import kind_at
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.sources import PUSH, STREAMS, SourceKind

GROUPS: Final[Mapping[str, frozenset[SourceKind]]] = {
    "all": frozenset(SourceKind),
    "stream": STREAMS,
    "push": PUSH,
    "sqs": frozenset({SourceKind.SQS, SourceKind.FIFO}),
    "kinesis": frozenset({SourceKind.KINESIS}),
    "dynamodb": frozenset({SourceKind.DYNAMODB}),
    "msk": frozenset({SourceKind.MSK}),
    "kafka": frozenset({SourceKind.KAFKA, SourceKind.KAFKA_QUEUE}),
    "mq": frozenset({SourceKind.MQ}),
    "documentdb": frozenset({SourceKind.DOCUMENTDB}),
    "s3": frozenset({SourceKind.S3}),
}
"""Which kinds each group of defaults is for; a later group wins."""


class Defaults:
    """The `defaults` of a manifest, ready to be merged under its mappings."""

    def __init__(self, groups: Mapping[str, Node]) -> None:
        self._groups = {
            name: groups[name] for name in GROUPS if name in groups and isinstance(groups[name].value, dict)
        }
        self._of_kind: dict[SourceKind, Node | None] = {}
        self._used: set[int] = set()

    def under(self, mapping: Node) -> Node:
        """A mapping merged over the defaults of its kind."""
        if not self._groups or not isinstance(mapping.value, dict):
            return mapping
        kind = kind_at(mapping) or kind_at(merged(self._groups["all"], mapping) if "all" in self._groups else mapping)
        if kind is None:
            return mapping  # its source is wrong or missing, which is reported elsewhere
        whole = merged(self._base(kind), mapping)
        settled = kind_at(whole)  # the defaults of Kafka may say that it is read as a queue
        return whole if settled in (kind, None) else merged(self._base(settled), mapping)

    def of(self, kind: SourceKind) -> dict[str, Any]:
        """All defaults for a kind, as plain values."""
        base = self._base(kind)
        return dict(base.plain()) if base else {}

    def unused(self) -> Iterator[Diagnostic]:
        """A warning for each default that no mapping of the manifest can use."""
        for name, group in self._groups.items():
            if id(group) not in self._used:
                message = f"the defaults for {name!r} are unused: no mapping has a source of that kind"
                yield Diagnostic("W213", message, group.place(key=True))
            else:
                yield from self._unused(group, name, ALL_FIELDS)

    def _unused(self, block: Node, name: str, fields: Mapping[str, Field]) -> Iterator[Diagnostic]:
        for key, node in block.value.items():
            if id(node) not in self._used:
                message = f"the default {key} is unused: no mapping in {name!r} has a source that supports this field"
                yield Diagnostic("W213", message, node.place(key=True))
            elif key in fields and isinstance(node.value, dict) and fields[key].children:
                yield from self._unused(node, name, fields[key].children)

    def _base(self, kind: SourceKind | None) -> Node | None:
        """All defaults for a kind, without the fields that it does not have."""
        if kind is None:
            return None
        if kind not in self._of_kind:
            base: Node | None = None
            for name, group in self._groups.items():
                if kind in GROUPS[name]:
                    fields = {**ALL_FIELDS, **fields_of(kind)}
                    base = merged(base, self._applicable(group, fields, kind))
            self._of_kind[kind] = base
        return self._of_kind[kind]

    def _applicable(self, block: Node, fields: Mapping[str, Field], kind: SourceKind) -> Node:
        kept: dict[str, Node] = {}
        self._used.add(id(block))
        for key, node in block.value.items():
            field = fields.get(key)
            if field and not field.row.has(kind):
                continue
            inside = field is not None and field.children and isinstance(node.value, dict)
            kept[key] = self._applicable(node, field.children, kind) if field and inside else node
            if key == "lifecycle" and kind not in PUSH and isinstance(node.value, dict):
                # No field, but only S3 has it.
                kept[key] = node.holding(
                    {name: item for name, item in node.value.items() if name != "skip_destination_validation"}
                )
            self._used.add(id(node))
        return block.holding(kept)


def merged(base: Node | None, over: Node) -> Node:
    """`over` merged over `base`: maps merge deeply, everything else replaces, null removes. A `permission` replaces whole,
    because null in it is a value.
    """
    if base is None or not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    values: dict[str, Any] = {**base.value}
    for key, node in over.value.items():
        if node.value is None and key in values:
            del values[key]
        else:
            values[key] = node if key == "permission" else merged(values.get(key), node)
    return over.holding(values, unvalued=over.unvalued)
