"""Rebuilds a lost state: first by the manifest's functions and sources, then by ownership tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.errors import StateError
from provisioner.kinds import pair_of
from provisioner.kinds.canonical import canonical, fill_kept
from provisioner.model.canonical import value_at, with_value
from provisioner.model.desired import Desired
from provisioner.model.key import Key
from provisioner.model.live import Live
from provisioner.model.manifest import Manifest
from provisioner.model.references import MAPPING_NAME
from provisioner.model.state import Record, State


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The state, with serial 0 because it was not stored yet, and notices for the user."""

    state: State
    notices: tuple[str, ...]


def rebuild(manifest: Manifest, live: Iterable[Live], account: str, lineage: str) -> Rebuilt:
    """The state of a manifest whose state was lost. `lineage` is for a stack whose mappings bear no tags.

    The state gets the lineage in the mappings' tags, so that they stay ours. Raises StateError when the tags of this
    stack have several lineages: then two states of it were in use, and only a person can decide which is meant. Unlike
    `recovery.recover`, a mapping without tags is recorded too: the manifest has its function and source.
    """
    everything = list(live)  # walked several times
    lineages = {item.owner.lineage for item in everything if item.owner and item.owner.stack == manifest.stack}
    if len(lineages) > 1:
        raise StateError(
            f"the mappings of stack {manifest.stack} belong to several states: lineages {', '.join(sorted(lineages))}",
            hint="give one of the stacks another name, or import the mappings one by one",
        )
    notices: list[str] = []
    by_claim = {claim: item for item in everything for claim in pair_of(item).claims()}
    records: dict[str, Record] = {}
    taken: set[Key] = set()
    for name, wanted in sorted(manifest.mappings.items()):
        holder = next((by_claim[claim] for claim in pair_of(wanted).claims() if claim in by_claim), None)
        # Taken: two clusters in the manifest can share a broker with one mapping in AWS.
        if holder is None or holder.key in taken:
            notices.append(f"{name}: AWS has no mapping for its function and source")
        elif holder.owner and holder.owner.stack != manifest.stack:
            notices.append(f"{name}: {holder.key} belongs to stack {holder.owner.stack}; it is not touched")
        else:
            if holder.owner is None:
                notices.append(
                    f"{name}: {holder.key} has no ownership tags; it was added to the state because its "
                    "function and source match"
                )
            records[name] = _record(holder, wanted)
            taken.add(holder.key)
    # Left out, these mappings would never be deleted: no later plan would have a record of them.
    for item in everything:
        if item.owner and item.owner.stack == manifest.stack and item.key not in taken:
            # The name tag may be outdated, because a move does not change it: its name can be another mapping's now.
            tag = item.owner.name if MAPPING_NAME.fullmatch(item.owner.name) else ""  # anybody can change a tag
            name = tag if tag and tag not in records else f"{tag or 'mapping'}-{item.key.id[:8]}"
            records[name] = Record(item.key, item.arn, item.as_left)
            notices.append(
                f"{name}: {item.key} has this stack's tags and is not in the manifest; the next apply deletes it"
            )
    state = State(manifest.stack, next(iter(lineages), lineage), account, 0, records)
    return Rebuilt(state, tuple(notices))


def _record(live: Live, wanted: Desired) -> Record:
    """The record of a live mapping. Unknown values, such as filters that cannot be decrypted, are assumed to be as
    wanted.
    """
    # As AWS has it, not as wanted: then the next plan shows what the manifest changes.
    applied = live.as_left
    desired = canonical(wanted.mapping, wanted.kind)
    for path in live.unknown:
        if (value := value_at(desired, path)) is not None:
            applied = with_value(applied, path, value)
    protected = wanted.lifecycle.prevent_destroy
    return Record(live.key, live.arn, fill_kept(applied, live.mapping, live.kind), protected)
