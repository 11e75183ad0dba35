"""What is known of one kind of mapping, as a value: the rest of provisioner is the same for every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from provisioner.kinds.fields import Block, Field
from provisioner.kinds.rules import Rule
from provisioner.model.canonical import Canonical
from provisioner.model.key import Key
from provisioner.model.plan import Change, Risk
from provisioner.model.references import Pair
from provisioner.model.sources import SourceKind

Claim = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of mapping.

    name      as keys and the state have it
    resource  Terraform's type for it
    sources   the kinds of source that its mappings have
    block     the types of its fields, as pydantic validates them
    fields    the field table (its rows say which changes replace, and AWS's defaults)
    rules     the rules between fields, by source and the top-level field at which they are reported
    pair      what tells a mapping in canonical form from others of its kind, in a region
    claims    what a mapping occupies in AWS: only mappings that share a claim can conflict
    conflicts whether AWS takes only one of two mappings; symmetric, not transitive
    risks     what a change may do to records in flight, beside the changes that end mappings
    needs     the keys of changes that must be done before a change of this kind, besides what frees its claims
    has_tags  whether AWS keeps tags on a mapping
    complete  a wanted mapping with what depends on the account and on the state's lineage, such as the statement that it
              needs; idempotent
    call      what changes of this kind are carried out by one call, by mapping and region; "" for each by itself
    key       the key that a mapping in canonical form gets, where planning chooses its id; None where AWS does
    id_limit  the most characters of such an id
    """

    name: str
    resource: str
    sources: frozenset[SourceKind]
    block: type[Block]
    fields: Mapping[str, Field]
    rules: Mapping[SourceKind, Mapping[str, tuple[Rule, ...]]]
    pair: Callable[[Canonical, str], Pair]
    claims: Callable[[Canonical, Pair], set[Claim]]
    conflicts: Callable[[Canonical, Pair, Canonical, Pair], bool]
    risks: Callable[[Change, Sequence[Change]], tuple[Risk, ...]]
    needs: Callable[[Change, Sequence[Change]], Sequence[str]] = lambda _change, _changes: ()
    has_tags: bool = True
    complete: Callable[[Canonical, str, str], Canonical] = lambda mapping, _account, _lineage: mapping
    call: Callable[[Canonical, str], str] = lambda _mapping, _region: ""
    key: Callable[[Canonical, str], Key] | None = None
    id_limit: int = 0
