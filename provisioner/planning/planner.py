"""Makes the plan: the action for each name (docs/architecture.md#comparison)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from provisioner.kinds import kind_for, kind_of_change, pair_of
from provisioner.kinds.tables import fields_of
from provisioner.model.desired import Desired
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import DELETING, MISSING, Live
from provisioner.model.plan import Action, Cause, Change, Plan, Problem, Reason
from provisioner.model.sources import SELF_MANAGED, SourceKind
from provisioner.model.state import Record, State
from provisioner.planning.conflicts import (
    held_by,
    id_taken,
    not_possible,
    pair_words,
    without_blocked,
    without_overlaps,
)
from provisioner.planning.diff import field_changes
from provisioner.planning.entries import entry_problems, foreign_entries, push_notes
from provisioner.planning.imports import import_notes, import_problems, must_be_identical, unlike
from provisioner.planning.naming import Ids, key_stated
from provisioner.planning.order import doubly_touched, in_order
from provisioner.planning.ownership import accepted_owner, foreign, is_ours, may_import, retags
from provisioner.planning.reading import Reading
from provisioner.planning.resolve import Resolution, Subject
from provisioner.planning.sides import ENABLED, notes_on, notes_on_new, sides_of
from provisioner.planning.statements import deposed_of, policy_problems, removed_places, statement_changes

_DELETED_ALREADY = "AWS is deleting it already: no call is made, and the apply waits until it is gone"


def make_plan(
    resolution: Resolution,
    reading: Reading,
    state: State,
    *,
    account: str,
    replaced: Collection[str] = (),
    destroys: bool = False,
    tags_ownership: Callable[[str], bool] | None = None,
    from_owners: Collection[str] = (),
) -> Plan:
    """Decide what must change, sorted by key. What must not be carried out is in `Plan.problems`; nothing is raised.

    `replaced` are names to replace on request; `destroys` marks a plan of `destroy`, whose deletions have the reason
    REQUESTED. `tags_ownership` returns whether the mappings of a region get ownership tags; None where the owners of live
    mappings are not known. `from_owners` are the other owners whose mappings may be imported.
    """
    deciding = _Deciding(resolution.subjects, reading, state, frozenset(replaced), from_owners, destroys=destroys)
    changes = [change for subject in resolution.subjects for change in deciding.changes(subject)]
    changes = without_blocked(without_overlaps(changes, reading.entries, state))
    statements = statement_changes(changes, state, reading)
    removed = removed_places(statements)
    foreign_counts = foreign_entries(changes, reading, state)
    # A create that reads the source of a deleted mapping has the risks of a replacement.
    ended = [change for change in changes if change.action is Action.DELETE]
    changes = [
        replace(
            change,
            risks=kind_of_change(change).risks(change, ended),
            retags=retags(change, state.lineage, tags_ownership),
            notes=(
                *change.notes,
                *push_notes(change, foreign_counts, removed, reading, account),
                *import_notes(change, state.lineage, from_owners),
            ),
        )
        for change in changes
    ]
    ordered, problems = in_order(sorted(changes, key=lambda change: change.key))
    problems += doubly_touched(ordered)
    problems += foreign(ordered, reading.live, state.lineage)
    problems += policy_problems(statements, reading)
    problems += entry_problems(ordered, reading)
    expected = {subject.name: subject.expects_identical for subject in resolution.subjects}
    problems += import_problems(ordered, expected, state.lineage, from_owners)
    return Plan(
        stack=state.stack,
        account=account,
        lineage=state.lineage,
        serial=state.serial,
        changes=tuple(ordered),
        problems=(*deciding.problems, *problems),
        missing=tuple(deciding.missing),
        destroys=destroys,
        statements=statements,
    )


class _Deciding:
    """One pass over the subjects. Collects problems, and the UUIDs of recorded mappings that no longer exist."""

    def __init__(
        self,
        subjects: Sequence[Subject],
        reading: Reading,
        state: State,
        replaced: frozenset[str],
        from_owners: Collection[str],
        *,
        destroys: bool,
    ) -> None:
        self._destroys = destroys
        self._reading = reading
        self._state = state
        self._replaced = replaced
        self._from_owners = from_owners
        self._managers = state.managers()
        self._ids = Ids(state, (*self._managers, *reading.entries))
        self._old = {item.key for record in state.mappings.values() for item in record.deposed}
        self._forgotten = {subject.name for subject in subjects if subject.forgets}
        self.problems: list[Problem] = []
        self.missing: list[Key] = []

    def changes(self, subject: Subject) -> Iterator[Change]:
        """The changes of one subject: at most one of its own, and one for each deposed mapping."""
        record, live = self._known(subject)
        self._refuse_what_stays(subject)
        if subject.displaces_protected in self._reading.live:  # one that is gone has nothing to protect
            hint = (
                f"use a different name for the mapping that takes over the name {subject.name}, or set "
                "`prevent_destroy: false` first"
            )
            self._refuse(subject.name, "has prevent_destroy, but another mapping would take its name", hint)
        if subject.displaces_unfinished:  # what is deposed has room for one statement
            hint = f"use a different name for the mapping that takes over the name {subject.name} until an apply has succeeded"
            words = (
                "two statements of its permission since an interrupted apply, but another mapping would take its name"
            )
            self._refuse(subject.name, f"has {words}", hint)
        cleared = list(self._deposed(subject.name, record)) if record else []
        yield from cleared
        change = self._change(replace(subject, record=record), live)
        if change:
            # One after the other, because both write the name's record.
            after = tuple(item.key for item in cleared)
            # Another record than that of the state: the holder replaced it in `_known`, which is an import.
            is_another = record and subject.record and record.key != subject.record.key
            imported = record.key if record and is_another and change.live else None
            adopts = change.adopts or imported
            accepted = accepted_owner(change.live, self._state.lineage) if adopts and change.live else None
            yield replace(change, moved_from=subject.moved_from, adopts=adopts, after=after, accepted_owner=accepted)

    def _refuse_what_stays(self, subject: Subject) -> None:
        """Refuse a pair that a mapping under `removed` keeps: its mapping stays in AWS and holds the pair."""
        holder = self._reading.holders.get(subject.name)
        manager = self._managers.get(holder.key, "") if holder else ""
        if holder and manager in self._forgotten:
            hint = f"move it instead, with `moved: [{{from: {manager}, to: {subject.name}}}]`"
            self._refuse(
                subject.name,
                f"{pair_words(holder.key)} are still in use by {manager} ({holder.key}), which `removed` keeps running",
                hint,
            )

    def _known(self, subject: Subject) -> tuple[Record | None, Live | None]:
        """The record and the live mapping to compare with.

        A mapping with our lineage that holds the wanted pair instead of the recorded one replaces the record: a
        replacement made it and was interrupted, or deposed it and was undone. So does one without tags that is deposed,
        unless the manifest states another id, and one that is deposed and whose id the manifest states, whatever its pair.
        """
        record = subject.record
        live = self._reading.live.get(record.key) if record else None
        own = {item.key: item.statement for item in record.deposed} if record else {}
        stated = key_stated(subject.wanted) if subject.wanted else None
        # Made anew, two records would have its key.
        again = next((self._reading.live.get(key) for key in own if key == stated), None)
        holder = again or self._holder_of(subject)
        if holder and holder.key in own:  # with the statement that it has, which may be another one than is wanted
            holder = self._reading.live.get(holder.key, holder)
        is_own = holder is not None and (
            is_ours(holder, self._state.lineage) or (holder.key in own and stated in (None, holder.key))
        )
        if record and holder and holder.key != record.key and is_own:
            others = (*record.deposed, deposed_of(record))
            deposed = tuple(item for item in others if item.key != holder.key)
            if record.protected and live:
                hint = f"delete {holder.key} by hand, or set `prevent_destroy: false`"
                self._refuse(subject.name, f"has prevent_destroy, but {holder.key} would take its place", hint)
            statement = own.get(holder.key)
            is_known = "function_name" in holder.mapping  # else only its statement is left, or it was not read
            applied = holder.mapping if is_known else {}
            record = Record(holder.key, holder.arn, applied, record.protected, deposed, statement)
            live = holder if is_known else None
        elif record and live is None:
            self._miss(record)
        if record and live and live.status.state == MISSING:
            self._miss(record)
            # Its statement is still to be removed where it is not wanted either, or as one of another kind.
            is_wanted = subject.wanted and live.kind in kind_for(subject.wanted.kind).sources
            live = None if is_wanted else live
        if record and record.owner and live and is_ours(live, self._state.lineage):
            # Our tags were written, but the answer to that was lost: what the import accepted is over.
            record = replace(record, owner=None)
        return record, live

    def _miss(self, record: Record) -> None:
        """Note that a recorded mapping is gone; one that was never applied is not expected to be there."""
        if record.applied:
            self.missing.append(record.key)

    def _holder_of(self, subject: Subject) -> Live | None:
        """The mapping that holds the wanted pair, unless another name of this state manages it."""
        holder = self._reading.holders.get(subject.name)
        manager = self._managers.get(holder.key) if holder else None
        return holder if manager in (None, subject.moved_from or subject.name) else None

    def _deposed(self, name: str, record: Record) -> Iterator[Change]:
        for deposed in record.deposed:
            live = self._reading.live.get(deposed.key)
            if live:
                yield Change(
                    name=name,
                    action=Action.DELETE,
                    region=live.key.region,
                    pair=pair_of(live),
                    existing=live.key,
                    live=live,
                    record=record,
                    reason=Reason.DEPOSED,
                    deposed=True,
                    notes=(_DELETED_ALREADY,) if live.status.state == DELETING else (),
                )

    def _change(self, subject: Subject, live: Live | None) -> Change | None:
        wanted, record = subject.wanted, subject.record
        # A mapping in state Deleting counts as gone, but holds its pair until the deletion ends: creation waits for
        # that.
        holder = self._holder_of(subject)
        gone = next((item for item in (live, holder) if item and item.status.state == DELETING), None)
        if holder and kind_for(holder.kind).key and holder.key in self._old:
            holder = None  # the write that makes the wanted one takes it away
        if wanted is None:
            # Of what is not wanted, one that is being deleted stays recorded until it is seen to be gone.
            return self._unwanted(subject, live) if record else None
        # Also one that is being deleted: its record stays until it is seen to be gone.
        if record and live and live.kind not in kind_for(wanted.kind).sources:
            hint = f"give the new mapping another name; the next apply then deletes {live.key}"
            self._refuse(
                wanted.name, f"it is recorded as {live.key}: a mapping cannot become one of another kind", hint
            )
            return None
        live = None if live is gone else live
        if record and live:
            # The record's own mapping exists, so the holder of the pair that it is to move to is another mapping.
            if holder and holder.key != record.key and pair_of(wanted) != pair_of(live):
                conflict = held_by(holder, self._state.stack, wanted.name, is_taken=True)
                return not_possible(wanted, record, live, conflict)
            return self._existing(wanted, record, live)
        if subject.adopts:
            return self._imported(wanted, subject.adopts, holder)
        if holder and holder.status.state != DELETING:
            if may_import(holder, wanted, self._state.lineage, self._from_owners):
                change = self._existing(wanted, None, holder)
                if must_be_identical(wanted, holder, self._state.lineage) and change.action is not Action.NO_OP:
                    return not_possible(wanted, record, None, unlike(change, holder))
                return replace(change, adopts=holder.key)
            return not_possible(wanted, record, None, held_by(holder, self._state.stack, wanted.name))
        return self._created(wanted, record, gone)

    def _created(self, wanted: Desired, record: Record | None, gone: Live | None) -> Change:
        """The change of a mapping that is to be made. `gone` is one that is being deleted and holds its pair until then."""
        # One that was recorded before its first call, which was interrupted, is as new as one without a record.
        reason = Reason.DISAPPEARED if record and record.applied else Reason.NEW
        desired = self._ids.given(wanted, wanted.mapping, record)
        if taken := id_taken(wanted, self._reading.entries, self._managers):
            return not_possible(wanted, record, None, taken)
        return Change(
            name=wanted.name,
            action=Action.CREATE,
            region=wanted.region,
            pair=pair_of(wanted),
            desired=desired,
            applied=wanted.mapping,
            live=gone,
            record=record,
            wanted=wanted,
            reason=reason,
        )

    def _unwanted(self, subject: Subject, live: Live | None) -> Change:
        record = subject.record
        assert record is not None  # the caller looked
        forgets = subject.forgets or live is None
        deleting = live is not None and live.status.state == DELETING
        if record.protected and not forgets and not deleting:
            self._refuse(
                subject.name,
                "has prevent_destroy, but destroy would delete it"
                if self._destroys
                else "has prevent_destroy, but removing it from the manifest would delete it",
                f"apply once with `lifecycle: {{prevent_destroy: false}}` while it is still in the manifest, or keep it running "
                f"with `removed: [{{from: {subject.name}, destroy: false}}]`",
            )
        return Change(
            name=subject.name,
            action=Action.FORGET if forgets else Action.DELETE,
            region=record.key.region,
            pair=pair_of(live) if live else pair_of(record),
            existing=record.key,
            live=live,
            record=record,
            reason=self._why_unwanted(subject, live),
            notes=(_DELETED_ALREADY,) if deleting and not forgets else (),
        )

    def _why_unwanted(self, subject: Subject, live: Live | None) -> Reason:
        if subject.forgets:
            return Reason.REMOVED
        if live is None:
            return Reason.GONE
        return Reason.REQUESTED if self._destroys else Reason.NOT_IN_MANIFEST

    def _imported(self, wanted: Desired, key: Key, holder: Live | None) -> Change | None:
        """The change of a mapping that `imports` names, or None when it was refused."""
        live = self._reading.live.get(key)
        if live is None:
            what = "UUID" if key.kind == LAMBDA else "id"
            hint = f"check the {what} and the region; `imports` can only refer to mappings that exist in AWS"
            self._refuse(wanted.name, f"imports: no mapping in {wanted.region} has the {what} {key}", hint)
            return None
        if holder and holder.key != key and pair_of(wanted) != pair_of(live):
            return not_possible(wanted, None, None, held_by(holder, self._state.stack, wanted.name, is_taken=True))
        return replace(self._existing(wanted, None, live), adopts=key)

    def _refuse(self, name: str, message: str, hint: str) -> None:
        self.problems.append(Problem(name, message, hint))

    # --- a mapping that is wanted and lives ---------------------------------------------------------------------------

    def _refuse_what_the_mode_lacks(self, wanted: Desired, kind: SourceKind) -> None:
        """Refuse fields that the live consumption mode, kept where the manifest states none, does not support."""
        for name in wanted.mapping:
            if kind != wanted.kind and not fields_of(kind)[name].row.has(kind):
                hint = "set consumption_mode, for example self_managed_kafka_event_source_config: {consumption_mode: Queue}"
                self._refuse(wanted.name, f"the source is {kind.phrase}, which does not support {name}", hint)

    def _existing(self, wanted: Desired, record: Record | None, live: Live) -> Change:
        # The kind whose defaults are used to compare: an absent ConsumptionMode keeps the live one.
        config = wanted.mapping.get("self_managed_kafka_event_source_config", {})
        keeps_mode = {wanted.kind, live.kind} <= SELF_MANAGED and "consumption_mode" not in config
        kind = live.kind if keeps_mode else wanted.kind
        sides = sides_of(wanted, record, live, kind)
        fields = []
        for field in field_changes(sides.prior, sides.live, sides.desired, kind, wanted.stated):
            # The cause is AWS where it disabled a mapping that cannot work.
            disabled = field.path == ENABLED and field.live is False and field.prior is not False
            by_aws = disabled and live.status.fault
            fields.append(replace(field, cause=Cause.AWS, detail=live.status.fault) if by_aws else field)
        requested = wanted.name in self._replaced
        change = Change(
            name=wanted.name,
            action=Action.UPDATE if fields else Action.NO_OP,
            region=live.key.region,
            pair=pair_of(live),
            existing=live.key,
            desired=sides.desired,
            applied=sides.applied,
            live=live,
            record=record,
            wanted=wanted,
            fields=tuple(fields),
            notes=tuple(notes_on(wanted, record, live, sides)),
        )
        # A mapping cannot move between regions, and no field has the region.
        if wanted.region == live.key.region and not requested and not any(field.replaces for field in fields):
            self._refuse_what_the_mode_lacks(wanted, kind)
            return change
        if wanted.lifecycle.prevent_destroy:
            hint = "set `prevent_destroy: false` to allow it"
            self._refuse(wanted.name, "has prevent_destroy, but this change would replace it", hint)
        # A new mapping is created from the manifest alone: a kept value, such as a generated group, belongs to the old
        # one.
        alone = sides_of(wanted, record, live, wanted.kind).stated
        taken = id_taken(wanted, self._reading.entries, self._managers)
        if taken and taken.holder != live.key:
            return not_possible(wanted, record, live, taken)
        return replace(
            change,
            action=Action.REPLACE,
            region=wanted.region,
            pair=pair_of(wanted),
            desired=self._ids.given(wanted, alone, None),
            applied=alone,
            reason=Reason.REQUESTED if requested else Reason.CANNOT_UPDATE,
            # AWS holds pairs and consumer groups unique: only where old and new share none can the new one be created
            # first, so that no record waits for the replacement.
            creates_first=not kind_for(wanted.kind).conflicts(
                wanted.mapping, pair_of(wanted), live.mapping, pair_of(live)
            ),
            notes=tuple(notes_on_new(wanted, alone, live)),
        )
