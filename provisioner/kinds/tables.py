"""The field table of each source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from provisioner.kinds import bucket_notification
from provisioner.kinds.event_source_mapping import FIELDS
from provisioner.kinds.fields import Field
from provisioner.kinds.rows import Row
from provisioner.model.sources import ALL, SourceKind

_TABLES: Final[Mapping[SourceKind, Mapping[str, Field]]] = {
    **dict.fromkeys(SourceKind, FIELDS),
    SourceKind.S3: bucket_notification.FIELDS,
}


def _joined(tables: Iterable[Mapping[str, Field]]) -> dict[str, Field]:
    """The fields of all tables; one that several tables have is for the kinds of source of each."""
    fields: dict[str, Field] = {}
    for table in tables:
        for name, field in table.items():
            one = fields.get(name, field)
            kinds, required = one.row.kinds | field.row.kinds, one.row.required | field.row.required
            fields[name] = replace(one, row=replace(one.row, kinds=kinds, required=required))
    return fields


ALL_FIELDS: Final[Mapping[str, Field]] = _joined((FIELDS, bucket_notification.FIELDS))
"""Every top-level field that a mapping may have, whatever its source, without those that only botocore knows."""


def fields_of(source: SourceKind | None) -> Mapping[str, Field]:
    """The top-level fields of mappings with this source, by our name, in the order in which they are shown. A mapping
    whose source is not known yet is taken for one that Lambda keeps.
    """
    return _TABLES[source] if source else FIELDS


REQUIRED: Final[Mapping[SourceKind, tuple[str, ...]]] = {
    kind: tuple(name for name, field in table.items() if field.row.requires(kind)) for kind, table in _TABLES.items()
}
"""The fields that each kind refuses a mapping without, in the order of its table."""


def learn(path: Sequence[str], api: str) -> None:
    """Add a line to the table for a member that AWS has and this version does not know; `path` ends in its name, after
    the names of blocks that the table has. `api` is the API's name. A line that exists stays as it is.

    Its value goes to the API as it is. Nothing is known of its default, so absence keeps what is there.
    """
    *blocks, name = path
    fields = FIELDS
    for block in blocks:
        fields = fields[block].children
    assert isinstance(fields, dict)  # the one place where the table grows
    fields.setdefault(name, Field(name, Row(api=api, kept=ALL), {}, many=False, annotation=Any, learned=True))
