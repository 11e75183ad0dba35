"""The attributes of Terraform's `aws_lambda_event_source_mapping`, for mappings that Lambda keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, get_origin

from provisioner.kinds.fields import Field
from provisioner.kinds.tables import fields_of
from provisioner.kinds.uniqueness import CONSUMER_GROUPS
from provisioner.model.canonical import Canonical, value_at, with_value
from provisioner.model.live import Live, Status
from provisioner.model.place import FieldPath
from provisioner.model.plan import Action, Change
from provisioner.model.references import Arn
from provisioner.model.sources import SourceKind, kind_of
from provisioner.model.state import Record

COMPUTED: Final = (
    "arn",
    "function_arn",
    "id",
    "last_modified",
    "last_processing_result",
    "state",
    "state_transition_reason",
    "uuid",
)
"""Attributes that AWS sets on an existing mapping."""


def steps(path: FieldPath, source: SourceKind) -> list[str | int]:
    """A path by Terraform's rules: a block is the first of a list, and a map is one value."""
    steps: list[str | int] = []
    fields = fields_of(source)
    for name in path:
        if name not in fields:
            break  # a key of a map
        steps += [name, 0] if fields[name].children else [name]
        fields = fields[name].children
    return steps[:-1] if steps[-1] == 0 else steps


def applied(change: Change, path: FieldPath, prior: Any) -> Any:
    """What was last applied, in the shape in which it stands in `before`."""
    kind = change.live.kind if change.live else SourceKind.UNKNOWN
    value: Any = _shaped(fields_of(kind), with_value({}, path, prior), kind)
    for name in path:
        inner = next(iter(value), None) if isinstance(value, list) else value
        value = inner.get(name) if isinstance(inner, Mapping) else None
    return value


_CREATE, _DELETE = "CreateEventSourceMapping", "DeleteEventSourceMapping"


def calls(change: Change) -> list[str]:
    """The calls to AWS that change something, in their order."""
    match change.action:
        case Action.CREATE:
            return [_CREATE]
        case Action.DELETE:
            return [_DELETE]
        case Action.REPLACE:
            return [_CREATE, _DELETE] if change.creates_first else [_DELETE, _CREATE]
        case Action.UPDATE:
            tags = [field for field in change.fields if field.path[0] == "tags"]
            return [
                *["UpdateEventSourceMapping"] * (len(tags) < len(change.fields)),
                *["UntagResource"] * any(tag.desired is None for tag in tags),
                *["TagResource"] * (change.retags or any(tag.desired is not None for tag in tags)),
            ]
        case Action.FORGET:
            return ["UntagResource"] * change.retags
        case _:
            return []


# --- before and after ------------------------------------------------------------------------------------------------


def existing(mapping: Canonical, held: Live | Record) -> dict[str, Any]:
    """A mapping that exists, with the attributes that AWS sets."""
    status = held.status if isinstance(held, Live) else Status("")
    arn = Arn.parse(held.arn)
    # Live values and records have the function's name only; its ARN has the region and account of the mapping's.
    function = arn and arn._replace(resource=f"function:{mapping.get('function_name', '')}")
    for path in _generated(mapping):
        mapping = with_value(mapping, path, held.key.id)  # as self-managed Kafka has it (docs/aws/kinds.md#defaults)
    return {
        **_attributes(mapping, held.key.region),
        "arn": held.arn,
        "function_arn": function and str(function),
        "id": held.key.id,
        "last_modified": status.last_modified or None,
        "last_processing_result": status.last_result or None,
        "state": status.state or None,
        "state_transition_reason": status.reason or None,
        "uuid": held.key.id,
    }


def planned(mapping: Canonical, region: str) -> dict[str, Any]:
    """A mapping that is to be made, without what only AWS knows."""
    return _without(_attributes(mapping, region), unknown(mapping))


def _attributes(mapping: Canonical, region: str) -> dict[str, Any]:
    """What a mapping is made from. The default tags have been merged by then, so `tags` has them as `tags_all` has."""
    values = _shaped(fields_of(kind_of(mapping)), mapping, kind_of(mapping) or SourceKind.UNKNOWN)
    return {**values, "region": region, "tags_all": values["tags"]}


def _generated(mapping: Canonical) -> list[FieldPath]:
    """The paths of the consumer groups that AWS generates for the mapping, because it states none."""
    kind = kind_of(mapping)
    return [
        path for path in CONSUMER_GROUPS if kind in fields_of(kind)[path[0]].row.kinds and not value_at(mapping, path)
    ]


def unknown(desired: Canonical) -> dict[str, Any]:
    """True wherever only AWS knows the value, once it has made the mapping."""
    # In a block that is stated only the group is unknown; one that is not stated is unknown as a whole.
    groups = {block: [{group: True}] if block in desired else True for block, group in _generated(desired)}
    return {**dict.fromkeys(COMPUTED, True), **groups}


def _without(values: dict[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """The values without the unknown ones, which Terraform leaves out."""
    return {
        name: [_without(value[0], unknown[name][0])] if isinstance(unknown.get(name), list) else value
        for name, value in values.items()
        if unknown.get(name) is not True
    }


# --- Terraform's shapes ----------------------------------------------------------------------------------------------


def _shaped(fields: Mapping[str, Field], block: Mapping[str, Any], kind: SourceKind) -> dict[str, Any]:
    return {name: _shape(field, block.get(name), kind) for name, field in fields.items()}


def _shape(field: Field, value: Any, kind: SourceKind) -> Any:
    if field.children:
        blocks = value if field.many else [value]
        return [_shaped(field.children, item, kind) for item in blocks or () if item is not None]
    if value is None:
        value = field.row.default.get(kind)
    form = get_origin(field.annotation)
    if value is None:
        return [] if form is list else {} if form is dict else None
    if field.name == "pattern" and not isinstance(value, str):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if form is dict:
        return {name: ",".join(item) if isinstance(item, list) else item for name, item in value.items()}
    return value
