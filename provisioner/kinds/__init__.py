"""What is known of each kind of mapping, without AWS and without a state: fields, rules, defaults, pairs, conflicts,
risks. Imports only `model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from provisioner.kinds.kind import Kind
from provisioner.kinds.lambda_kind import EVENT_SOURCE_MAPPING
from provisioner.kinds.s3_kind import BUCKET_NOTIFICATION
from provisioner.model.canonical import Canonical
from provisioner.model.desired import Desired
from provisioner.model.live import Live
from provisioner.model.plan import Change
from provisioner.model.references import Pair
from provisioner.model.sources import SourceKind
from provisioner.model.state import Record

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (EVENT_SOURCE_MAPPING, BUCKET_NOTIFICATION)}
"""Every kind, by its name in keys and in the state."""

_BY_SOURCE: Final = {source: kind for kind in KINDS.values() for source in kind.sources}


def kind_for(source: SourceKind) -> Kind:
    """The kind of the mappings that have this kind of source."""
    return _BY_SOURCE[source]


def kind_of_change(change: Change) -> Kind:
    """The kind of the mapping that a change makes, changes or ends."""
    if change.existing:
        return KINDS[change.existing.kind]
    return kind_for(change.wanted.kind) if change.wanted else EVENT_SOURCE_MAPPING


def invocation_of(kind: Kind, mapping: Canonical, account: str) -> Canonical:
    """Who invokes the function of a mapping for what source, by the members of a statement; {} for a kind that needs none."""
    bare = {name: value for name, value in mapping.items() if name != "permission"}
    permission = kind.complete(bare, account, "").get("permission", {})
    return {name: value for name, value in permission.items() if name != "statement_id"}


def pair_of(held: Record | Live | Desired) -> Pair:
    """The pair of a mapping: of a record by the values that were applied, which drift does not change; of a live one as
    AWS has it; of a wanted one as it will be.
    """
    match held:
        case Desired():
            return kind_for(held.kind).pair(held.mapping, held.region)
        case Record():
            return KINDS[held.key.kind].pair(held.applied, held.key.region)
        case Live():
            return KINDS[held.key.kind].pair(held.mapping, held.key.region)
