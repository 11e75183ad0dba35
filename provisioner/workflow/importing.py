"""Import of a live mapping."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.aws.drivers import Drivers
from provisioner.convert.entry import entry_yaml
from provisioner.convert.found import found_of, why_unseen
from provisioner.convert.text import import_yaml
from provisioner.environment import command_line
from provisioner.errors import NotFoundError, ProvisionerError, UsageError
from provisioner.filesystem import rewrite
from provisioner.kinds import KINDS, kind_for
from provisioner.kinds.ids import key_of_text
from provisioner.kinds.statements import statement_of
from provisioner.manifest.format import formatted
from provisioner.manifest.format.writing import addition
from provisioner.model.canonical import with_value
from provisioner.model.desired import Desired
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import DELETING, Live
from provisioner.model.plan import Action, Change
from provisioner.model.state import Deposed, Record, State
from provisioner.planning.ownership import accepted_owner, other_owner, owner_in_words
from provisioner.planning.planner import make_plan
from provisioner.planning.reading import Reading
from provisioner.planning.resolve import completed, resolve
from provisioner.planning.statements import deposed_of, recorded_statements
from provisioner.workflow.changing import recovered
from provisioner.workflow.run import Run


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import: the change that the next plan makes when the manifest has the name (None when there is
    none), else the missing `entry` in YAML, and the `file` that it was added to, or "": then nothing was recorded, and the
    entry has `imports`, by which the next apply imports the mapping.
    """

    name: str
    change: Change | None
    entry: str = ""
    file: str = ""


def import_mapping(run: Run, name: str, ident: str, *, region: str = "", write: bool = False) -> Imported:
    """Import a live mapping that the manifest has: writes state, changes nothing in AWS. `ident` is a UUID or
    `s3:BUCKET/ENTRY-ID`; `region` is the mapping's, when it is neither that of the manifest's entry nor the session's.

    Where the manifest has none of this name, the entry is added to it with `write`, before anything is recorded. Without, it is
    only returned, and nothing is recorded: an apply would delete a mapping that is recorded and not in the manifest.

    Raises NotFoundError when there is no such mapping, UsageError for a region that contradicts the manifest, or for an
    entry that cannot be added, ProvisionerError when the name or the UUID is recorded already or the mapping is being
    deleted, LockedError, StateError and other AwsErrors.
    """
    with run.backend.locked("import") as writer:
        aws, account = run.connect(writer.state.account)
        # First, because the mapping may be the one that the interrupted apply created. Saving removes the intents, so
        # this is the only run that looks for what they made.
        if writer.unresolved:
            writer.save(recovered(run, writer.state, writer.unresolved, patient=True))
        wanted = run.manifest.mappings.get(name)
        if wanted and region and wanted.region != region:
            raise UsageError(
                f"{name} is in {wanted.region} ({wanted.place}), not in {region}", hint="import it under another name"
            )
        region = region or (wanted.region if wanted else "") or aws.region
        try:
            key = key_of_text(ident, region, kind_for(wanted.kind).name if wanted else None)
        except ValueError as error:
            raise UsageError(str(error), hint="use a UUID, or s3:BUCKET/ENTRY-ID") from error
        _refuse_import(writer.state, name, key, run.drivers, wanted=wanted is not None)
        live, note = _live_mapping(run.drivers, key, account, writer.state.lineage)
        if note:
            run.ui.note(note)
        accepted = accepted_owner(live, writer.state.lineage)
        if owner := other_owner(live, writer.state.lineage):
            whose = owner_in_words(owner)
            run.ui.note(f"warning: according to its tags, it belongs to {whose}; only one stack may manage a mapping")
        entry = ""
        if not wanted:
            defaults = run.loaded.defaults_of(live.kind) if run.loaded else {}
            entry = entry_yaml(name, found_of(live), run.manifest.provider.region or aws.region, defaults)
        for field in live.unseen if entry else ():
            why = why_unseen(live, field)
            run.ui.note(f"{why}, so the entry lists {field} in ignore_changes; if you know the value, set it")
        if entry and not write:
            # Without a permission, what was noted of the statement is that there is none: the import adds it.
            found = replace(found_of(live), changes=bool(note) and "permission" not in live.mapping)
            return Imported(name, None, formatted(f"{entry}\n{import_yaml(name, found)}"))
        # What can refuse the import comes before the two writes.
        file = Path(run.manifest.place.file)
        text = addition(file, entry) if entry else ""
        state = replace(writer.state, account=account)
        old = state.mappings.get(name)
        record = replace(_record(live, wanted, state, old), owner=accepted, deposed=_left(old, key))
        state = state.with_record(name, record)
        change = _next_change(run, state, name, live) if wanted else None
        # The manifest first: an entry without a record is imported again, but a record without an entry is deleted.
        if text:
            rewrite(file, text)
        writer.save(state)
        return Imported(name, change, entry, str(file) if text else "")


def _record(live: Live, wanted: Desired | None, state: State, old: Record | None) -> Record:
    """The record of an imported mapping. Where the manifest has it, its permission is what the manifest states. Of one that
    the `old` record has, or still has to delete, the statement stays.
    """
    applied = with_value(live.as_left, ("permission",), None) if wanted else live.as_left
    if "permission" in applied:
        applied = KINDS[live.key.kind].complete(applied, state.account, state.lineage)
    protected = wanted is not None and wanted.lifecycle.prevent_destroy
    known = (deposed_of(old), *old.deposed) if old else ()
    held = next((item.statement for item in known if item.key == live.key), None)
    statement = held or statement_of(applied, live.key.region)
    return Record(live.key, live.arn, applied, protected, statement=statement)


def _left(old: Record | None, key: Key) -> tuple[Deposed, ...]:
    """What the record that an import replaces still has to delete: its mapping is gone, and its statement may be there."""
    if old is None:
        return ()
    gone = (deposed_of(old),) if old.key != key and recorded_statements(old) else ()
    return tuple(item for item in (*old.deposed, *gone) if item.key != key)


def _live_mapping(drivers: Drivers, key: Key, account: str, lineage: str) -> tuple[Live, str]:
    found = drivers.of(key.kind).to_import(key, lineage)
    if found is None and key.kind != LAMBDA:
        bucket, _, ident = key.id.partition("/")
        raise NotFoundError(
            f"the bucket {bucket} has no entry {ident}", hint="check the id: the entry may have another"
        )
    if found is None:
        hint = f"check the UUID and the account; for a mapping in another region, use {key}@REGION"
        raise NotFoundError(f"no mapping in account {account}, region {key.region} has the UUID {key}", hint=hint)
    if found[0].status.state == DELETING:
        raise ProvisionerError(f"the mapping {key} is being deleted", hint="there is nothing to import")
    return found


def _next_change(run: Run, state: State, name: str, live: Live) -> Change | None:
    # These entries are about other names, or were fulfilled by this import.
    resolution = resolve(replace(run.manifest, imports=(), moved=(), removed=()), state)
    own = replace(resolution, subjects=tuple(subject for subject in resolution.subjects if subject.name == name))
    own = completed(own, state.account, state.lineage)
    # What stands beside a mapping that its source keeps is read too.
    alone = Reading({live.key: live}) if KINDS[live.key.kind].key is None else run.drivers.read(own, run.ui.note)
    made = make_plan(own, alone, state, account=state.account)
    return next((change for change in made.changes if change.action is not Action.NO_OP), None)


def _refuse_import(state: State, name: str, key: Key, drivers: Drivers, *, wanted: bool) -> None:
    """Raise ProvisionerError when the state has the name or the UUID already; a record whose mapping is gone is no
    hindrance.
    """
    record = state.mappings.get(name)
    # Without an entry in the manifest, the import is repeated: its result is the entry, which was not added.
    if record and record.key == key and wanted:
        raise ProvisionerError(f"{name} is already managed as {key}", hint="there is nothing to import")
    if record and record.key != key and drivers.of(record.key.kind).get(record.key):
        move = command_line("state", "mv", name, f"{name}-old")
        hint = (
            f"import it under another name; or first rename the old record with `{move}`, and the next apply "
            "deletes the old mapping"
        )
        raise ProvisionerError(f"{name} is already managed as {record.key}", hint=hint)
    holder = state.managers().get(key)
    if holder and holder != name:
        raise ProvisionerError(
            f"{key} is already managed as {holder}", hint=f"rename it with `moved: [{{from: {holder}, to: {name}}}]`"
        )
