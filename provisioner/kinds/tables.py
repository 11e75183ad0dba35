"""The field table of each source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from provisioner.kinds.event_source_mapping import FIELDS
from provisioner.kinds.fields import Field
from provisioner.model.sources import SourceKind

_TABLES: Final[Mapping[SourceKind, Mapping[str, Field]]] = dict.fromkeys(SourceKind, FIELDS)


def fields_of(source: SourceKind | None) -> Mapping[str, Field]:
    """The top-level fields of mappings with this source, by our name, in the order in which they are shown. A mapping
    whose source is not known yet is taken for one that Lambda keeps.
    """
    return _TABLES[source] if source else FIELDS
