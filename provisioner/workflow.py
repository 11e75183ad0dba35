"""The paths of the design, each from its beginning to its end: plan, apply, destroy, import, and looking at the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from provisioner.aws.inventory import inventory
from provisioner.aws.members import member_of
from provisioner.aws.refresh import refresh, with_tags
from provisioner.aws.session import Aws, check_account, environment_region
from provisioner.aws.wait import WallClock
from provisioner.backend.local import LocalBackend
from provisioner.backend.s3 import S3Backend
from provisioner.backend.statefile import decode, encode, shared_part
from provisioner.backend.store import Backend, Writer
from provisioner.errors import (
    CancelledError,
    ManifestError,
    NotFoundError,
    ProvisionerError,
    RefusedError,
    StateError,
    UsageError,
)
from provisioner.execution.executor import Executor
from provisioner.execution.recovery import find
from provisioner.manifest import load
from provisioner.model.desired import Manifest, Provider
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.live import Live
from provisioner.model.plan import Action, Change, Plan, Reading
from provisioner.model.report import Outcome, Progress, Report, Result
from provisioner.model.state import Intent, Record, State
from provisioner.planning import safety
from provisioner.planning.planner import make_plan
from provisioner.planning.rebuild import rebuild
from provisioner.planning.record import planned_calls, prepared
from provisioner.planning.recovery import recover, to_look_for
from provisioner.planning.resolve import require_names, resolve, select


class Ui(Protocol):
    """What a workflow tells a person, and asks of one."""

    def diagnose(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Show what was found in the manifest."""

    def note(self, text: str) -> None:
        """Say something beside the data."""

    def show(self, plan: Plan) -> None:
        """Show a plan."""

    def confirm(self, plan: Plan, *, destroys_all: bool) -> bool:
        """Ask whether to carry the plan out. Raises UsageError where nobody can be asked."""

    def progress(self, event: Progress) -> None:
        """A change reached a phase."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of the work is meant, and what is allowed by name."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    destroy: bool = False
    allow_missing: bool = False
    allow_deletes: int | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """How an apply runs."""

    auto_approve: bool = False
    parallelism: int = 10
    fail_fast: bool = False
    lock_timeout: float = 0.0


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the live mapping, and the change that the next plan makes of it when the manifest has the name."""

    name: str
    live: Live
    change: Change | None
    region: str


class Run:
    """One run of one command on one manifest: opened lazily, because looking at the state needs no AWS."""

    def __init__(
        self, path: Path, ui: Ui, *, clock: WallClock | None = None, opened: Callable[[Provider, WallClock], Aws] = Aws
    ) -> None:
        self.ui = ui
        self.clock = clock or WallClock()
        self._opened = opened
        self._aws: Aws | None = None
        self._backend: Backend | None = None
        loaded = load(path, region=environment_region(), member=member_of)
        ui.diagnose(loaded.warnings)
        self.manifest: Manifest = loaded.manifest

    @property
    def backend(self) -> Backend:
        """Where the state is kept."""
        if self._backend is None:
            stack, place = self.manifest.stack, self.manifest.state_s3
            if place:
                objects = self.aws.bucket(place.bucket, place.region)
                self._backend = S3Backend(objects, place.key, stack, str(place), self.clock.sleep, self.ui.note)
            else:
                path = Path(self.manifest.state_path)
                # Lock and journal stand beside the file itself, so that two links to it are one state.
                self._backend = LocalBackend(path.resolve() if path.is_symlink() else path, stack, self.clock.sleep)
        return self._backend

    @property
    def aws(self) -> Aws:
        """The session, opened when it is first needed: looking at a state in a file needs none."""
        if self._aws is None:
            self._aws = self._opened(self.manifest.provider, self.clock)
        return self._aws

    @property
    def calls(self) -> tuple[int, int]:
        """How many calls were made, and how many of them AWS throttled."""
        return (self._aws.calls.made, self._aws.calls.throttled) if self._aws else (0, 0)

    def connect(self, recorded: str) -> tuple[Aws, str]:
        """The session and its account, which must be the one that is meant."""
        aws = self.aws
        self.manifest = self.manifest.in_region(aws.region)
        account = aws.identify()
        provider = self.manifest.provider
        check_account(
            account, recorded=recorded, allowed=provider.allowed_account_ids, mappings=self.manifest.mappings.values()
        )
        return aws, account


# --- plan ------------------------------------------------------------------------------------------------------------


def plan(run: Run, selection: Selection) -> Plan:
    """What an apply would do now. Raises RefusedError when it must not be done."""
    snapshot = run.backend.read()
    if snapshot.holder:
        run.ui.note(f"the state is locked by {snapshot.holder}; this plan may be out of date soon")
    _refuse_contradictions(run, snapshot.state, selection)
    aws, account = run.connect(snapshot.state.account)
    # What another process is doing at this moment was not cut off.
    left = () if snapshot.holder else snapshot.open
    state = _recovered(run, aws, snapshot.state, left, patient=False)
    if left:
        _refuse_contradictions(run, state, selection)
    made, _ = _plan(run, aws, account, state, selection)
    _show_or_refuse(run, made, state, selection, account, aws, left)
    return made


def _creates_all(selection: Selection) -> bool:
    """Whether the run creates all that the manifest wants."""
    return not (selection.destroy or selection.targets or selection.excludes)


def _recovered(
    run: Run, aws: Aws, state: State, left: Sequence[Intent], *, patient: bool, certain: bool = False
) -> State:
    """The state with what a cut-off apply made; tells what became of each of its calls.

    `patient` goes on looking for what this run will not create, because a later run would not look. `certain` says that it
    creates all that is wanted, and so learns of one that is there all the same.
    """
    if not left:
        return state
    sought = to_look_for(left)
    wanted = {(item.name, item.pair) for item in run.manifest.mappings.values()} if certain else set()
    unwanted = (
        {token for token, intent in sought.items() if (intent.name, intent.pair) not in wanted} if patient else ()
    )
    found = find(aws, sought, run.manifest.provider, run.clock, run.ui.note, unwanted=unwanted)
    recovery = recover(state, left, found)
    for line in recovery.told:
        run.ui.note(line)
    return recovery.state


def _plan(run: Run, aws: Aws, account: str, state: State, selection: Selection) -> tuple[Plan, Reading]:
    manifest = _meant(run, selection)
    resolution = resolve(manifest, state)
    require_names(selection.replaced, list(manifest.mappings), "--replace")
    resolution = select(resolution, selection.targets, selection.excludes)
    reading = refresh(aws, resolution, manifest.provider, run.ui.note)
    made = make_plan(
        resolution, reading, state, account=account, replaced=selection.replaced, destroys=selection.destroy
    )
    return made, reading


def _meant(run: Run, selection: Selection) -> Manifest:
    return run.manifest.of_nothing() if selection.destroy else run.manifest


def _refuse_contradictions(run: Run, state: State, selection: Selection) -> None:
    """Raise ManifestError when `moved`, `removed` or `imports` contradict manifest or state: before AWS is asked."""
    diagnostics = resolve(_meant(run, selection), state).diagnostics
    if diagnostics:
        raise ManifestError(diagnostics)


def _show_or_refuse(
    run: Run, made: Plan, state: State, selection: Selection, account: str, aws: Aws, left: Sequence[Intent]
) -> None:
    """Show the plan; raise RefusedError when it must not be carried out."""
    regions = sorted({record.region for record in state.mappings.values()})
    endpoints = {region: aws.gateway(region).endpoint for region in regions}
    where = f"account {account}, " + ", ".join(
        f"region {region} at {endpoint}" for region, endpoint in endpoints.items()
    )
    limit = run.manifest.delete_limit if selection.allow_deletes is None else selection.allow_deletes
    cut_off = {uuid for intent in left for uuid in intent.uuids}
    found = safety.problems(
        made, state, delete_limit=limit, allow_missing=selection.allow_missing, where=where, cut_off=cut_off
    )
    if made.has_changes or not found:  # "No changes" beside a refusal would mislead
        run.ui.show(made)
    if found:
        raise RefusedError(found)


# --- apply -----------------------------------------------------------------------------------------------------------


def apply(run: Run, selection: Selection, execution: Execution) -> tuple[Plan, Report]:
    """Carry out what a plan made now says, and record it. Raises LockedError, RefusedError, CancelledError."""
    with run.backend.locked("destroy" if selection.destroy else "apply", execution.lock_timeout) as writer:
        _refuse_contradictions(run, writer.state, selection)
        aws, account = run.connect(writer.state.account)
        left = writer.open
        # Nothing is stored before it is approved, so that what was left behind is not forgotten by a run that does nothing.
        state = _recovered(run, aws, writer.state, left, patient=True, certain=_creates_all(selection))
        if left:
            _refuse_contradictions(run, state, selection)
        made, reading = _plan(run, aws, account, state, selection)
        _show_or_refuse(run, made, state, selection, account, aws, left)
        moved: tuple[Outcome, ...] = ()
        if made.has_changes and not execution.auto_approve:
            if not run.ui.confirm(made, destroys_all=selection.destroy and not selection.targets):
                raise CancelledError("Apply cancelled.")
            now, reading = _plan(run, aws, account, state, selection)
            made, moved = _still_approved(made, now)
        writer.save(prepared(state, made, reading))
        report = _carry_out(run, aws, made, writer, execution)
        return made, replace(report, outcomes=(*report.outcomes, *moved))


_MOVED = "it has changed in AWS since the plan was shown"
_HANGS_ON_MOVED = "it hangs together with one that has changed in AWS since the plan was shown"


def _still_approved(approved: Plan, now: Plan) -> tuple[Plan, tuple[Outcome, ...]]:
    """The approved changes that would be made the same way now; the others are not attempted."""
    current = {change.key: change for change in now.changes}
    moved = {change.key for change in approved.changes if _essence(current.get(change.key)) != _essence(change)}
    dropped = set(moved)
    while connected := {change.key for change in approved.changes if _hangs_on(change, dropped, approved)} - dropped:
        dropped |= connected
    outcomes = tuple(
        Outcome(change, Result.NOT_ATTEMPTED, _MOVED if change.key in moved else _HANGS_ON_MOVED, "plan again")
        for change in approved.changes
        if change.key in dropped
    )
    same = tuple(change for change in approved.changes if change.key not in dropped)
    return replace(approved, changes=same), outcomes


def _hangs_on(change: Change, dropped: set[str], approved: Plan) -> bool:
    """Whether a change waits for a dropped one, or shares a name or a move with one."""
    names = {name for item in approved.changes if item.key in dropped for name in (item.name, item.moved_from) if name}
    return bool(dropped & set(change.after)) or bool(names & {change.name, change.moved_from})


def _essence(change: Change | None) -> object:
    return change and (change.action, change.uuid, change.desired, change.fields, change.live and change.live.mapping)


def _carry_out(run: Run, aws: Aws, made: Plan, writer: Writer, execution: Execution) -> Report:
    if not any(change.calls_aws for change in made.changes):
        return Report(())
    report: Report | None = None
    try:
        with writer.journal(planned_calls(made)) as journal:
            report = Executor(
                aws,
                made,
                journal,
                run.manifest.provider,
                run.ui.progress,
                run.clock,
                parallelism=execution.parallelism,
                fail_fast=execution.fail_fast,
            ).run()
    except StateError as error:
        if report is None:
            raise
        # What was done must be told all the same; where it could not be stored, this is the last place to keep it.
        made_now = [f"provisioner import {item.change.name} {item.uuid}" for item in report.outcomes if _is_new(item)]
        lines = [
            f"{error.message} ({error.hint})",
            *(made_now and ["made in this run, if the state does not have it:"]),
        ]
        return replace(report, trouble="\n    ".join([*lines, *made_now]))
    return report


def _is_new(outcome: Outcome) -> bool:
    return bool(outcome.uuid) and outcome.change.action in (Action.CREATE, Action.REPLACE)


# --- import ----------------------------------------------------------------------------------------------------------


def import_mapping(run: Run, name: str, uuid: str) -> Imported:
    """Put a live mapping under management: writes state only, calls nothing that changes AWS."""
    with run.backend.locked("import") as writer:
        aws, account = run.connect(writer.state.account)
        if writer.open:
            writer.save(_recovered(run, aws, writer.state, writer.open, patient=True))
        wanted = run.manifest.mappings.get(name)
        region = wanted.region if wanted else aws.region
        gateway = aws.gateway(region)
        _refuse_import(writer.state, name, uuid, aws)
        config = gateway.get(uuid)
        if config is None:
            hint = "check the UUID, the region and the account; `aws lambda list-event-source-mappings` shows what there is"
            raise NotFoundError(f"no mapping in account {account}, region {region} has the UUID {uuid}", hint=hint)
        live = with_tags(gateway, config, run.manifest.provider)
        if live.owner and live.owner.lineage != writer.state.lineage:
            run.ui.note(
                f"warning: its tags say that it belongs to stack {live.owner.stack}; make sure that only one stack manages it"
            )
        protected = wanted is not None and wanted.lifecycle.prevent_destroy
        record = Record(live.uuid, live.arn, live.region, live.mapping, protected)
        state = replace(writer.state, account=account).with_record(name, record)
        change = _next_change(run.manifest, state, name, live) if wanted else None
        writer.save(state)
        return Imported(name, live, change, run.manifest.provider.region or aws.region)


def _next_change(manifest: Manifest, state: State, name: str, live: Live) -> Change | None:
    resolution = resolve(replace(manifest, imports=(), moved=(), removed=()), state)
    own = replace(resolution, subjects=tuple(subject for subject in resolution.subjects if subject.name == name))
    made = make_plan(own, Reading({live.uuid: live}), state, account=state.account)
    return next((change for change in made.changes if change.action is not Action.NO_OP), None)


def _refuse_import(state: State, name: str, uuid: str, aws: Aws) -> None:
    """Raise ProvisionerError when the state has the name or the UUID already; a record whose mapping is gone is no hindrance."""
    record = state.mappings.get(name)
    if record and record.uuid == uuid:
        raise ProvisionerError(f"{name} is managed as {uuid} already", hint="there is nothing to import")
    if record and aws.gateway(record.region).get(record.uuid):
        hint = f"import it under another name; or first `state mv {name} {name}-old`, which the next apply then deletes"
        raise ProvisionerError(f"{name} is managed already, as {record.uuid}", hint=hint)
    holder = state.managers().get(uuid)
    if holder:
        raise ProvisionerError(
            f"{uuid} is managed already, as {holder}", hint=f"rename it with `moved: [{{from: {holder}, to: {name}}}]`"
        )


# --- state -----------------------------------------------------------------------------------------------------------


def records(run: Run, name: str = "") -> dict[str, Record]:
    """What the state holds: all of it, or one name. Raises UsageError for a name that it does not hold."""
    mappings = run.backend.read().state.mappings
    if not name:
        return dict(mappings)
    require_names([name], list(mappings), "state show")
    return {key: record for key, record in mappings.items() if key == name}


@contextmanager
def _editing(run: Run, operation: str, lock_timeout: float, *, mends: bool = False) -> Iterator[Writer]:
    """The lock's holder, when no call is left of which nothing is known. Raises StateError otherwise.

    One that `mends` puts aside what is damaged.
    """
    if mends:
        _put_aside_if_damaged(run)
    with run.backend.locked(operation, lock_timeout) as writer:
        if writer.open:
            names = ", ".join(sorted({intent.name for intent in writer.open}))
            raise StateError(
                f"an apply was cut off at {names}", hint="apply once, which finds out what AWS did, then do this again"
            )
        yield writer


def _put_aside_if_damaged(run: Run) -> None:
    try:
        run.backend.read()
    except StateError as error:
        kept = run.backend.put_aside()
        run.ui.note(f"{error.message}; it is kept as {kept}")


def move(run: Run, source: str, target: str, lock_timeout: float) -> None:
    """Give a record another name. Raises UsageError when there is none, or when the name is taken."""
    with _editing(run, "state mv", lock_timeout) as writer:
        mappings = writer.state.mappings
        require_names([source], list(mappings), "state mv")
        if target in mappings:
            raise UsageError(f"the state has {target} already", hint="move or remove that one first")
        record = mappings[source]
        writer.save(writer.state.with_record(source, None).with_record(target, record))


def remove(run: Run, names: Sequence[str], lock_timeout: float) -> None:
    """Forget records; their mappings keep running. Raises UsageError when one is not there."""
    with _editing(run, "state rm", lock_timeout) as writer:
        require_names(names, list(writer.state.mappings), "state rm")
        state = writer.state
        for name in names:
            state = state.with_record(name, None)
        writer.save(state)


def pull(run: Run) -> str:
    """The state's text, with what a journal adds to it, and with the calls of which nothing is known."""
    snapshot = run.backend.read()
    if snapshot.open:
        names = ", ".join(sorted({intent.name for intent in snapshot.open}))
        run.ui.note(f"an apply was cut off at {names}, or goes on: this is not the whole truth; apply once first")
    return encode(snapshot.state, snapshot.open, writer="pull" if snapshot.open else "")


def push(run: Run, text: str, where: str, lock_timeout: float, *, force: bool) -> State:
    """Store a state that was read elsewhere: how a state moves to another place.

    Raises StateError when it is not this stack's, of another lineage, or older than what is stored; `force` overrules the
    last two.
    """
    pushed = decode(text, where=where, stack=run.manifest.stack)
    beside = Path(where).with_suffix(".journal")
    if shared_part(text, where=where)[0] or (where != "-" and beside.exists() and beside.stat().st_size):
        hint = "apply once where it comes from, which finds out what AWS did; then push it"
        raise StateError(f"{where} is not the whole truth: an apply was cut off", hint=hint)
    with _editing(run, "state push", lock_timeout, mends=force) as writer:
        stored = writer.state
        if stored.serial and not force:
            if stored.lineage != pushed.lineage:
                raise StateError(
                    f"{where} is of lineage {pushed.lineage}, what is stored of {stored.lineage}",
                    hint="they are two states; `state pull` shows the stored one; --force replaces it",
                )
            if stored.serial > pushed.serial:
                raise StateError(
                    f"{where} has serial {pushed.serial}, what is stored {stored.serial}: it is older",
                    hint="`state pull` shows the stored one; --force replaces it",
                )
        writer.save(replace(pushed, serial=max(pushed.serial, stored.serial)))
        return writer.state


def rebuild_state(run: Run, lock_timeout: float) -> State:
    """Make a lost state anew from what AWS has. Raises StateError when there is a state."""
    with _editing(run, "state rebuild", lock_timeout, mends=True) as writer:
        if writer.state.mappings:
            raise StateError(
                f"the state holds {len(writer.state.mappings)} mappings: it is not lost",
                hint="plan with it; if it is really wrong, move it away first",
            )
        aws, account = run.connect(writer.state.account)
        regions = sorted(
            {item.region for item in run.manifest.mappings.values()} | ({aws.region} if aws.region else set())
        )
        live = [item for region in regions for item in inventory(aws.gateway(region), run.manifest.provider)]
        rebuilt = rebuild(run.manifest, live, account, writer.state.lineage)
        for line in rebuilt.told:
            run.ui.note(line)
        writer.save(rebuilt.state)
        return writer.state


def force_unlock(run: Run, ident: str) -> None:
    """Take away a lock whose holder is gone for good."""
    run.backend.force_unlock(ident)
