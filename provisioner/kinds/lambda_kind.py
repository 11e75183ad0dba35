"""Event source mappings: the kind of all mappings that Lambda keeps."""

from __future__ import annotations

from typing import Final

from provisioner.kinds.event_source_mapping import FIELDS, EventSourceMapping
from provisioner.kinds.kind import Kind
from provisioner.kinds.risk import risks
from provisioner.kinds.rules import RULES_OF
from provisioner.kinds.uniqueness import claims, conflicts, pair
from provisioner.model.key import LAMBDA
from provisioner.model.sources import PUSH, SourceKind

EVENT_SOURCE_MAPPING: Final = Kind(
    name=LAMBDA,
    resource="aws_lambda_event_source_mapping",
    sources=frozenset(SourceKind) - PUSH,
    block=EventSourceMapping,
    fields=FIELDS,
    rules=RULES_OF,
    pair=pair,
    claims=claims,
    conflicts=conflicts,
    risks=risks,
)
