"""Rebuilds a lost state: first by what the manifest's mappings are told from others, then by what names this stack: tags, or
ids. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from provisioner.errors import StateError
from provisioner.kinds import KINDS, invocation_of, kind_for, pair_of
from provisioner.kinds.canonical import canonical, fill_kept
from provisioner.kinds.policies import Policy, taken_over
from provisioner.kinds.statements import NONE, permission_of, statement_of
from provisioner.model.canonical import Canonical, value_at, with_value
from provisioner.model.desired import Desired
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import Live
from provisioner.model.manifest import Manifest
from provisioner.model.references import MAPPING_NAME
from provisioner.model.state import Record, State
from provisioner.planning.naming import id_of, is_ours_by_name
from provisioner.planning.reading import Reading


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The state, with serial 0 because it was not stored yet, and notices for the user."""

    state: State
    notices: tuple[str, ...]


@dataclass(slots=True)
class _Rebuilding:
    manifest: Manifest
    account: str
    lineage: str
    records: dict[str, Record] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    taken: set[Key] = field(default_factory=set)

    def record(self, name: str, key: Key, record: Record) -> None:
        self.records[name] = record
        self.taken.add(key)

    def free_name(self, name: str, key: Key) -> str:
        """A name for what the manifest does not have: `name`, or one that tells it from the mapping which has that."""
        return name if name and name not in self.records else f"{name or 'mapping'}-{key.id.rpartition('/')[2][:8]}"


def lineage_of(stack: str, live: Iterable[Live], lineage: str) -> str:
    """The lineage in the tags of a stack's mappings, so that they stay ours; `lineage` where they bear none. Raises StateError
    when there are several: then two states of the stack were in use, and only a person can decide which is meant.
    """
    lineages = {item.owner.lineage for item in live if item.owner and item.owner.stack == stack}
    if len(lineages) > 1:
        raise StateError(
            f"the mappings of stack {stack} belong to several states: lineages {', '.join(sorted(lineages))}",
            hint="give one of the stacks another name, or import the mappings one by one",
        )
    return next(iter(lineages), lineage)


def rebuild(
    manifest: Manifest,
    live: Sequence[Live],
    sources: Reading,
    account: str,
    lineage: str,
    *,
    adopts_orphans: bool = False,
) -> Rebuilt:
    """The state of a manifest whose state was lost, with a lineage of `lineage_of`.

    `live` are the mappings that Lambda keeps, `sources` what was read of the sources that keep others: their wanted mappings
    are complete. With `adopts_orphans` entries that only their ids name as this stack's are recorded too, so that the next
    apply deletes them.

    Unlike `recovery.recover`, a mapping without tags is recorded too: the manifest has its function and source.
    """
    made = _Rebuilding(manifest, account, lineage)
    by_claim = {claim: item for item in live for claim in pair_of(item).claims()}
    for name, wanted in sorted(manifest.mappings.items()):
        if kind_for(wanted.kind).name == LAMBDA:
            holder = next((by_claim[claim] for claim in pair_of(wanted).claims() if claim in by_claim), None)
            _record_mapping(made, name, wanted, holder)
        else:
            _record_entry(made, name, wanted, sources)
    _record_tagged(made, live)
    _record_orphans(made, sources, adopts_orphans=adopts_orphans)
    state = State(manifest.stack, lineage, account, 0, made.records)
    return Rebuilt(state, tuple(made.notices))


# --- what Lambda keeps -----------------------------------------------------------------------------------------------


def _record_mapping(made: _Rebuilding, name: str, wanted: Desired, holder: Live | None) -> None:
    # Taken: two clusters in the manifest can share a broker with one mapping in AWS.
    if holder is None or holder.key in made.taken:
        made.notices.append(f"{name}: AWS has no mapping for its function and source")
    elif holder.owner and holder.owner.stack != made.manifest.stack:
        made.notices.append(f"{name}: {holder.key} belongs to stack {holder.owner.stack}; it is not touched")
    else:
        if holder.owner is None:
            made.notices.append(
                f"{name}: {holder.key} has no ownership tags; it was added to the state because its "
                "function and source match"
            )
        made.record(name, holder.key, _record(holder, wanted))


def _record_tagged(made: _Rebuilding, live: Sequence[Live]) -> None:
    """Record what has the stack's tags and is not wanted: left out, it would never be deleted, because no later plan would
    have a record of it.
    """
    for item in live:
        if item.owner and item.owner.stack == made.manifest.stack and item.key not in made.taken:
            # The name tag may be outdated, because a move does not change it: its name can be another mapping's now.
            tag = item.owner.name if MAPPING_NAME.fullmatch(item.owner.name) else ""  # anybody can change a tag
            name = made.free_name(tag, item.key)
            made.record(name, item.key, Record(item.key, item.arn, item.as_left))
            made.notices.append(
                f"{name}: {item.key} has this stack's tags and is not in the manifest; the next apply deletes it"
            )


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


# --- what its source keeps -------------------------------------------------------------------------------------------


def _record_entry(made: _Rebuilding, name: str, wanted: Desired, sources: Reading) -> None:
    holder = sources.holders.get(name)
    if holder is None or holder.key in made.taken:
        made.notices.append(f"{name}: its source has no entry with its function, events and filter")
        return
    if not is_ours_by_name(holder.key.id, made.lineage):
        made.notices.append(
            f"{name}: the entry {holder.key} was added to the state because its function, events and filter match"
        )
    applied = {**holder.mapping, **_permission(made, holder, sources, wanted)}
    if "id" not in wanted.mapping:  # the key has it, and the manifest does not state it
        applied = with_value(applied, ("id",), None)
    made.record(name, holder.key, _entry_record(holder, applied, is_protected=wanted.lifecycle.prevent_destroy))


def _record_orphans(made: _Rebuilding, sources: Reading, *, adopts_orphans: bool) -> None:
    """Name the entries whose ids name this stack's state and that nothing wants, and record them if they are to be adopted:
    an id proves less than a tag does.
    """
    for orphan in sorted(sources.orphans, key=lambda item: item.key):
        if orphan.key in made.taken:
            continue
        if not adopts_orphans:
            made.notices.append(
                f"the entry {orphan.key} is named as those of this state, and is not in the manifest; with --adopt-orphans "
                "it is recorded too, and the next apply deletes it"
            )
            continue
        name = made.free_name(_name_in(orphan.key, made), orphan.key)
        applied = {**orphan.mapping, **_permission(made, orphan, sources)}
        made.record(name, orphan.key, _entry_record(orphan, with_value(applied, ("id",), None)))
        made.notices.append(f"{name}: the entry {orphan.key} is not in the manifest; the next apply deletes it")


def _entry_record(live: Live, applied: Canonical, *, is_protected: bool = False) -> Record:
    return Record(live.key, live.arn, applied, is_protected, statement=statement_of(applied, live.key.region))


def _name_in(key: Key, made: _Rebuilding) -> str:
    """The name of a mapping in an id that planning chose, where it can be read back; else ""."""
    ident, stack = key.id.partition("/")[2], made.manifest.stack
    name = ident.removeprefix(f"{stack}-").rsplit("-", 2)[0]  # before the two hashes
    chosen = id_of(stack, name, made.lineage, KINDS[key.kind].id_limit, ())
    return name if chosen == ident and MAPPING_NAME.fullmatch(name) else ""


def _permission(made: _Rebuilding, live: Live, sources: Reading, wanted: Desired | None = None) -> Canonical:
    """The permission that an entry has, as a record keeps it: our own statement, or the one that an import would take over;
    {} where there is none.
    """
    if wanted and wanted.mapping.get("permission") == NONE:
        return {"permission": NONE}
    kind = KINDS[live.key.kind]
    mapping = {**live.mapping, "permission": wanted.mapping.get("permission") if wanted else None}
    own = statement_of(kind.complete(mapping, made.account, made.lineage), live.key.region)
    function = live.mapping.get("function_name", "")
    policy = sources.policies.get((live.key.region, function), Policy())
    if own and (content := policy.content_of(own.id)):
        return {"permission": {"statement_id": own.id, **content}}
    taken, _ = taken_over(policy, invocation_of(kind, live.mapping, made.account), function, made.lineage)
    if not isinstance(taken, dict):
        return {}
    completed = kind.complete({**live.mapping, "permission": taken}, made.account, made.lineage)
    return {"permission": permission_of(statement_of(completed, live.key.region))}
