"""What the mappings of a new manifest have in common, as its `defaults`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from provisioner.convert.entry import STATED, dump
from provisioner.convert.found import Found
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
        values = {name: value for name in _names(members) if (value := _shared(name, members)) is not None}
        tags = {key: value for key in _tag_names(members) if (value := _shared_tag(key, members)) is not None}
        if tags:
            values["tags"] = tags
        if values:
            defaults[group] = values
    return defaults


def _names(members: Sequence[Sequence[Found]]) -> list[str]:
    """The fields that may be defaults, in the order of their table."""
    kinds = {item.kind for file in members for item in file}
    return list(
        dict.fromkeys(name for kind in sorted(kinds) for name in fields_of(kind) if name not in {*_OWN, "tags"})
    )


def _tag_names(members: Sequence[Sequence[Found]]) -> list[str]:
    return sorted({key for file in members for item in file for key in item.mapping.get("tags", {})})


def _shared(name: str, members: Sequence[Sequence[Found]]) -> Any:
    """The value of a field that becomes a default, or None."""
    concerned = [
        [
            item.mapping.get(name)
            for item in file
            if (field := fields_of(item.kind).get(name)) and field.row.has(item.kind)
        ]
        for file in members
    ]
    return _chosen(name, concerned)


def _shared_tag(key: str, members: Sequence[Sequence[Found]]) -> Any:
    """The value of a tag that becomes a default, or None."""
    return _chosen(key, [[item.mapping.get("tags", {}).get(key) for item in file] for file in members])


def _chosen(name: str, values: Sequence[Sequence[Any]]) -> Any:
    counts = Counter(json_key(value) for file in values for value in file if value is not None)
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
