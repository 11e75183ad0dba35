"""What the mappings of a new manifest have in common, as its `defaults`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from provisioner.convert.entry import STATED, dump
from provisioner.convert.found import Found
from provisioner.convert.unknown import has_unknown
from provisioner.kinds.forms import json_key
from provisioner.kinds.tables import fields_of
from provisioner.manifest.defaults import GROUPS
from provisioner.model.canonical import Canonical

LEAST: Final = 3
"""The fewest mappings of one file that make a value a default."""

_OWN: Final = STATED | {
    *("id", "bucket_owner", "events", "filter_prefix", "filter_suffix"),
    *("document_db_event_source_config", "starting_position_timestamp"),
    # A new mapping must not be disabled, drop records or be reachable because others are.
    *("enabled", "filter_criteria", "kms_key_arn", "permission"),
}
"""The fields that are never defaults."""
_GROUPS: Final = ("sqs", "kinesis", "dynamodb", "msk", "kafka", "mq", "documentdb", "s3")


def common_defaults(files: Sequence[Sequence[Found]]) -> Canonical:
    """The `defaults` of a new manifest whose files have these mappings: the values that at least three mappings of a file
    share, where the text gets shorter by them. A mapping that has another value says so itself.
    """
    defaults: Canonical = {}
    for group in _GROUPS:
        members = [[item for item in file if item.kind in GROUPS[group]] for file in files]
        everything = [item for file in members for item in file]
        tables = [fields_of(kind) for kind in sorted({item.kind for item in everything})]
        values: Canonical = {}
        for name in dict.fromkeys(name for table in tables for name in table if name not in {*_OWN, "tags"}):
            having = [[item for item in file if fields_of(item.kind)[name].row.has(item.kind)] for file in members]
            stated = [[item.mapping.get(name) for item in file] for file in having]
            if (value := _chosen(name, stated)) is not None:
                values[name] = value
        tags = {}
        for key in sorted({key for item in everything for key in item.known.get("tags", {})}):
            stated = [[item.known.get("tags", {}).get(key) for item in file] for file in members]
            if (value := _chosen(key, stated)) is not None:
                tags[key] = value
        if tags:
            values["tags"] = tags
        if values:
            defaults[group] = values
    return defaults


def _chosen(name: str, values: Sequence[Sequence[Any]]) -> Any:
    """Of the values of a field or tag in each file, the one that becomes a default, or None. One that is not known becomes none:
    it is not compared with what the manifest says.
    """
    counts = Counter(
        json_key(value) for file in values for value in file if value is not None and not has_unknown(value)
    )
    if not counts:
        return None
    # The most frequent; of several the first as text, so that the order of mappings decides nothing.
    best = min(counts, key=lambda text: (-counts[text], text))
    value = next(item for file in values for item in file if json_key(item) == best)
    most = max(sum(json_key(item) == best for item in file) for file in values)
    others = sum(map(len, values)) - counts[best]
    # Blocks merge deeply: what undoes one member by member is not shorter.
    if most < LEAST or (others and isinstance(value, Mapping)):
        return None
    lines = dump({name: value}).count("\n")
    # A mapping with another value states it anyway; one without needs a line that undoes the default.
    undone = sum(item is None for file in values for item in file)
    return value if counts[best] * lines > lines + undone + 1 else None
