"""Canonical form, in which equal mappings are equal values (docs/architecture.md#comparison).

A canonical mapping is a plain dict of our names. What is absent has AWS's default; `None`, `""`, `[]`, `{}` and a value
that equals the kind's default are absent; sets are sorted lists; filter patterns are parsed. All three sides of a plan
are in this form, so the differ needs no exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from provisioner.model.forms import as_set
from provisioner.model.mapping import CONSUMER_GROUPS, FIELDS, Field
from provisioner.model.references import Pair
from provisioner.model.sources import SourceKind

Canonical: TypeAlias = dict[str, Any]

OWN_TAG_PREFIX = "provisioner:"


def canonical(mapping: Mapping[str, Any], kind: SourceKind) -> Canonical:
    """The canonical form of a mapping in our names, as a new dict. Idempotent; keys that the table does not know are
    dropped. `kind` decides which values are defaults (docs/aws/kinds.md#defaults).
    """
    return _block(FIELDS, mapping, kind, explicit=False)


def _block(fields: Mapping[str, Field], block: Mapping[str, Any], kind: SourceKind, *, explicit: bool) -> Canonical:
    values = {
        name: _value(field, block.get(name), kind, explicit=explicit)
        for name, field in fields.items()
        if explicit or name in block
    }
    return {name: value for name, value in values.items() if value is not None}


def _value(field: Field, value: Any, kind: SourceKind, *, explicit: bool) -> Any:
    row = field.row
    if value is None or (absent(value) and not row.empty):
        # AWS answers such a block with its defaults filled in, and a block without any value would count as absent.
        return row.default.get(kind) if explicit else None
    if field.many:
        value = as_set(_block(field.children, item, kind, explicit=False) for item in value)
    elif field.children:
        value = _block(field.children, value, kind, explicit=row.explicit)
    if row.form:
        value = row.form(value)
    # Again after the parts and the form: a block may have lost its last value, and a form may give the default.
    dropped = (absent(value) and not row.empty) or (not explicit and value == row.default.get(kind))
    return None if dropped else value


def absent(value: Any) -> bool:
    """Whether a value is the same as an absent field: None, "", [] or {}. Zero and false are values: 0 retries differ
    from no limit.
    """
    return value is None or (not value and not isinstance(value, bool | int | float))


def default_at(path: tuple[str, ...], kind: SourceKind) -> Any:
    """AWS's default for an absent field, or None. Inside an explicit block there is none, because its defaults are
    written out.
    """
    fields, default, explicit = FIELDS, None, False
    for name in path:
        if name not in fields or explicit:
            return None
        explicit = fields[name].row.explicit
        default, fields = fields[name].row.default.get(kind), fields[name].children
    return default


def value_at(mapping: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path, or None."""
    value: Any = mapping
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def with_value(mapping: Mapping[str, Any], path: tuple[str, ...], value: Any) -> Canonical:
    """A copy of the mapping with one value set, or dropped when it is None; blocks left empty are dropped too, because
    canonical form has no empty blocks.
    """
    name, *rest = path
    if rest:
        inner = mapping.get(name)
        value = with_value(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)
        value = value or None
    changed = {**mapping, name: value}
    return {key: item for key, item in changed.items() if item is not None}


def fill_kept(desired: Mapping[str, Any], live: Mapping[str, Any], kind: SourceKind) -> Canonical:
    """A copy of `desired`, with live's value in each field that `desired` lacks and that absence keeps
    (`Row.kept`, docs/architecture.md#comparison).
    """
    return _fill(FIELDS, desired, live, kind)


def _fill(
    fields: Mapping[str, Field], desired: Mapping[str, Any], live: Mapping[str, Any], kind: SourceKind
) -> Canonical:
    filled: Canonical = {}
    for name, field in fields.items():
        value = desired.get(name)
        if value is None and field.row.keeps(kind):
            value = live.get(name)
        elif field.children and not field.many:
            # Also where desired lacks the block: a generated consumer group is kept in a block that nobody wrote.
            value = _fill(field.children, value or {}, live.get(name, {}), kind)
        if not absent(value):
            filled[name] = value
    return filled


def consumer_group(mapping: Mapping[str, Any]) -> str:
    """The consumer group that a mapping in canonical form has, or ""."""
    return next((str(group) for path in CONSUMER_GROUPS if (group := value_at(mapping, path))), "")


def claims(mapping: Mapping[str, Any], pair: Pair) -> set[tuple[str, ...]]:
    """What AWS may hold unique for a mapping: its pair, in any virtual host, and its consumer group on its cluster
    (docs/aws/identity.md#uniqueness). Unlike `Pair.claims`, which is about the pair alone and its own host.
    """
    group = consumer_group(mapping)
    # The group is unique on its cluster, whatever function reads it. A cluster is known by each of its brokers.
    groups = {("consumer group", pair.region, source, group) for source in pair.source.split(",") if group}
    return {("pair", *claim) for claim in pair.in_any_host.claims()} | groups


def is_own_tag(key: str) -> bool:
    """Whether a tag is AWS's (docs/aws/tags.md) or an ownership tag: never the user's, never a difference."""
    return key.startswith(("aws:", OWN_TAG_PREFIX))
