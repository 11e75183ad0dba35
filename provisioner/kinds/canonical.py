"""Makes mappings canonical: equal mappings become equal values (docs/architecture.md#comparison). All three sides of a
plan are in this form, so the differ needs no exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.kinds.fields import Field
from provisioner.kinds.forms import as_set
from provisioner.kinds.tables import fields_of
from provisioner.model.canonical import Canonical, absent
from provisioner.model.sources import SourceKind


def canonical(mapping: Mapping[str, Any], kind: SourceKind) -> Canonical:
    """The canonical form of a mapping in our names, as a new dict. Idempotent; keys that the table does not know are
    dropped. `kind` decides which values are defaults (docs/aws/kinds.md#defaults).
    """
    return _block(fields_of(kind), mapping, kind, explicit=False)


def _block(fields: Mapping[str, Field], block: Mapping[str, Any], kind: SourceKind, *, explicit: bool) -> Canonical:
    values = {}
    for name, field in fields.items():
        if explicit or name in block:
            value = _value(field, block.get(name), kind, explicit=explicit)
            if value is not None:
                values[name] = value
    return values


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


def default_at(path: tuple[str, ...], kind: SourceKind) -> Any:
    """AWS's default for an absent field, or None. Inside an explicit block there is none, because its defaults are
    written out.
    """
    fields, default, explicit = fields_of(kind), None, False
    for name in path:
        if name not in fields or explicit:
            return None
        explicit = fields[name].row.explicit
        default, fields = fields[name].row.default.get(kind), fields[name].children
    return default


def fill_kept(desired: Mapping[str, Any], live: Mapping[str, Any], kind: SourceKind) -> Canonical:
    """A copy of `desired`, with live's value in each field that `desired` lacks and that absence keeps
    (`Row.kept`, docs/architecture.md#comparison).
    """
    return _fill(fields_of(kind), desired, live, kind)


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
