"""A mapping that was found as the YAML to add to a manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from provisioner.convert.found import Found
from provisioner.convert.unknown import is_unknown, readable
from provisioner.kinds.event_source_mapping import CONSUMPTION_MODE
from provisioner.kinds.fields import Field
from provisioner.kinds.forms import json_key
from provisioner.kinds.tables import fields_of
from provisioner.manifest.format import formatted
from provisioner.manifest.reader import scalar
from provisioner.model.canonical import Canonical, value_at, with_value
from provisioner.model.references import Arn, FunctionReference
from provisioner.model.sources import SourceKind

STATED: Final = frozenset(
    (
        *("function_name", "event_source_arn", "self_managed_event_source", "topics", "queues"),
        *("amazon_managed_kafka_event_source_config", "self_managed_kafka_event_source_config"),
    )
)
"""What a mapping connects: each says it itself, whatever the defaults are. It also decides which defaults there are."""
_DEEP: Final = 60  # below MAX_DEPTH of `manifest.reader`, because the blocks around a pattern are levels too


class _Dumper(yaml.SafeDumper):
    """Writes block style, with quotes where our reader would not read a string, besides those that PyYAML writes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  # PyYAML's signature
        # PyYAML would put the items of a list at the column of their key.
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = value.isprintable() and isinstance(scalar(value), str) if value else False
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def entry_yaml(name: str, found: Found, default_region: str, defaults: Mapping[str, Any] | None = None) -> str:
    """A manifest with one mapping, `name`, that plans no change for it, as `entry_of` has it."""
    return formatted(dump({"mappings": {name: entry_of(found, default_region, defaults)}}))


def entry_of(found: Found, default_region: str, defaults: Mapping[str, Any] | None = None) -> Canonical:
    """A mapping as it stands in a manifest. Its canonical form has no AWS defaults, so the entry states none, except where
    `defaults`, the manifest's own for the kind, would change the value; and none that is a default of the manifest.
    `default_region` is the region of a mapping that states none.
    """
    entry: Canonical = {**found.mapping}
    if value_at(entry, CONSUMPTION_MODE) == "Stream":
        entry = with_value(entry, CONSUMPTION_MODE, None)  # AWS's default, which `aws.convert` fills in
    filters: list[Any] = []
    stated_filters = value_at(entry, ("filter_criteria", "filter"))
    for item in stated_filters if isinstance(stated_filters, list) else ():
        # A pattern is YAML, or JSON text where it is nested too deeply for our reader.
        text = json.dumps(item.get("pattern") if isinstance(item, dict) else item, ensure_ascii=False)
        filters.append({"pattern": text} if text.count("{") + text.count("[") > _DEEP else item)
    if filters:
        entry = with_value(entry, ("filter_criteria", "filter"), filters)
    stated = _against(fields_of(found.kind), entry, defaults or {}, found.kind, top=True)
    entry = literal(_without_defaults(stated, defaults or {}))
    if isinstance(permission := entry.get("permission"), dict):
        # In a manifest null is a member that the statement does not have.
        entry["permission"] = {name: item or None for name, item in permission.items()}
    if found.ignored:
        entry["lifecycle"] = {"ignore_changes": found.ignored}  # so that the entry plans no change
    # The region comes from the ARN of the source, which a bucket's does not have, or from that of the function.
    references = Arn.parse(entry.get("event_source_arn")), FunctionReference.parse(entry.get("function_name"))
    if found.region != default_region and not any(item and item.region for item in references):
        entry = {"region": literal(found.region), **entry}
    return entry


def _against(
    fields: Mapping[str, Field],
    mapping: Mapping[str, Any],
    defaults: Mapping[str, Any],
    kind: SourceKind,
    *,
    top: bool = False,
) -> Canonical:
    """The mapping with what must be stated to undo defaults: null, or AWS's default where null is not allowed."""
    stated = dict(mapping)
    for name, value in defaults.items():
        field = fields.get(name)
        if value is None or (field is None and top):
            continue  # region and lifecycle are not values in AWS; a key below `tags` is one, without a field
        here, inside = mapping.get(name), field.children if field else {}
        if name == "permission":  # replaces the default's as a whole
            stated |= {name: None} if here is None else {}
            continue
        if isinstance(value, Mapping) and not is_unknown(here) and (here is not None or not inside):
            stated[name] = _against(inside, here or {}, value, kind)
        elif here is None:
            stated[name] = field.row.default.get(kind) if field and not inside else None
    return stated


def _without_defaults(entry: Canonical, defaults: Mapping[str, Any]) -> Canonical:
    """The entry without what the manifest's defaults say already; of tags, each by itself."""
    kept = {
        name: value
        for name, value in entry.items()
        if name in STATED or value is None or json_key(value) != json_key(defaults.get(name))
    }
    own, common = kept.get("tags"), defaults.get("tags")
    if own and common and not is_unknown(own):
        kept["tags"] = {key: value for key, value in own.items() if value is None or value != common.get(key)}
    return {name: value for name, value in kept.items() if name != "tags" or value}


def literal(value: Any) -> Any:
    """A copy of a value in which `${` is escaped, in keys too, so that a manifest has no reference there but those to the
    variables of values that are not known.
    """
    if isinstance(value, str):
        return readable(value.replace("${", "$${"))
    if isinstance(value, list):
        return [literal(item) for item in value]
    return {literal(name): literal(item) for name, item in value.items()} if isinstance(value, dict) else value


def dump(value: Any) -> str:
    """A value as YAML that our reader reads back as the same value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
