"""What a refresh read of AWS, and where it looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.kinds.policies import Policy
from provisioner.model.key import Key
from provisioner.model.live import Live


@dataclass(frozen=True, slots=True)
class Reading:
    """What a refresh read: live mappings by key (a missing key answered 404), and `holders`, by wanted name the
    mapping that holds its pair; only pairs that were looked up are in it. `listed` are the keys of all mappings that
    were listed on the way. `orphans` carry the ownership tags of the state and are not among its records; they are only
    looked for with a `Search`.

    Of mappings that their source keeps, `entries` are all that the sources have, whoever made them, and `policies` those of
    the functions, by region and function; what is not in them was not read.
    """

    live: Mapping[Key, Live] = field(default_factory=dict)
    holders: Mapping[str, Live] = field(default_factory=dict)
    listed: frozenset[Key] = frozenset()
    orphans: tuple[Live, ...] = ()
    entries: Mapping[Key, Live] = field(default_factory=dict)
    policies: Mapping[tuple[str, str], Policy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look for orphans: mappings with the ownership tags of a lineage that its state does not record."""

    lineage: str
    regions: frozenset[str]
