"""Plan, apply and destroy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from provisioner.aws.gateway import PAGE
from provisioner.aws.session import Aws
from provisioner.backend.planfile import SavedPlan, refuse_other_file, save
from provisioner.backend.store import Snapshot, Writer
from provisioner.environment import access_variables, command_line
from provisioner.errors import (
    AwsError,
    CancelledError,
    ManifestError,
    RefusedError,
    StaleError,
    StateError,
    UsageError,
)
from provisioner.execution.executor import Executor
from provisioner.execution.lookup import find_created
from provisioner.kinds import KINDS, kind_for, pair_of
from provisioner.model.codes import EXPLANATIONS
from provisioner.model.key import LAMBDA, Key
from provisioner.model.manifest import Manifest
from provisioner.model.plan import Access, Action, Plan
from provisioner.model.report import Outcome, Report, Result
from provisioner.model.state import Intent, State
from provisioner.model.words import counted
from provisioner.planning import safety
from provisioner.planning.approval import still_approved
from provisioner.planning.assess import assume_unchanged
from provisioner.planning.commands import import_line
from provisioner.planning.fingerprint import VERSION, plan_hash, state_fingerprint
from provisioner.planning.imports import OWNER
from provisioner.planning.planner import make_plan
from provisioner.planning.reading import Reading
from provisioner.planning.record import planned_at_once, planned_calls, state_before_calls
from provisioner.planning.recovery import recover, unresolved_creates
from provisioner.planning.resolve import completed, require_names, resolve, select
from provisioner.workflow.checking import checked, stopping
from provisioner.workflow.forgetting import untag
from provisioner.workflow.run import Execution, Run, Selection

# --- plan ------------------------------------------------------------------------------------------------------------


def plan(run: Run, selection: Selection, out: Path | None = None) -> Plan:
    """Make and show a plan, and save it to `out` if given. Writes no state, and does not take the lock.

    Raises ManifestError for contradictions with the state, UsageError for selectors that match nothing, RefusedError
    when the plan must not be carried out (it is shown before), StateError when it cannot be saved, and AwsError.
    """
    # Without the lock: a reading command must not make a writer fail (docs/architecture.md#decisions).
    if out:
        refuse_other_file(out)  # before the work of a plan
    snapshot = run.backend.read()
    if snapshot.locked_by:
        run.ui.note(f"the state is locked by {snapshot.locked_by}; this plan may soon be out of date")
    _refuse_contradictions(run, snapshot.state, selection)  # before AWS is asked, and again when recovery added records
    aws, account = run.connect(snapshot.state.account)
    # What another process is doing now is not an interrupted apply.
    unresolved = () if snapshot.locked_by else snapshot.unresolved
    # Not patient: a plan stores nothing, so the apply looks again.
    state = recovered(run, snapshot.state, unresolved, patient=False)
    if unresolved:
        _refuse_contradictions(run, state, selection)
    made, reading = _plan(run, account, state, selection)
    made = checked(run, made, selection.checks)
    _note_unmanaged(run, aws, state, reading)
    _show_or_refuse(run, made, state, selection, account, aws, unresolved)
    if out:
        _save(run, made, aws, out, snapshot)
    return made


def preview(run: Run) -> Plan:
    """The plan of the whole manifest, also one that must not be carried out. Nothing is shown. Raises as `plan` does."""
    state = run.backend.read().state
    _refuse_contradictions(run, state, Selection())
    _, account = run.connect(state.account)
    return _plan(run, account, state, Selection())[0]


def _save(run: Run, made: Plan, aws: Aws, out: Path, snapshot: Snapshot) -> None:
    # The state will change when the calls are resolved, so the plan would be stale before it is applied.
    if snapshot.unresolved:
        names = ", ".join(sorted({intent.name for intent in snapshot.unresolved}))
        raise StateError(
            f"an apply was interrupted at {names} (or is still running): a plan cannot be saved now", hint="apply first"
        )
    manifest = run.manifest
    recorded = state_fingerprint(snapshot.state)
    save(
        out,
        SavedPlan(
            replace(made, checks=()), recorded, manifest.provider, aws.region, manifest.state_path, manifest.state_s3
        ),
    )


def _note_unmanaged(run: Run, aws: Aws, state: State, reading: Reading) -> None:
    """Print one line about listed mappings that this stack does not manage. When nothing is recorded, one page is
    listed for it.
    """
    listed = set(reading.listed)
    more = False
    wanted = [item for item in run.manifest.mappings.values() if kind_for(item.kind).name == LAMBDA]
    somewhere = next((item.region for item in wanted), "")
    if not state.mappings and (wanted or not run.manifest.mappings) and (region := aws.region or somewhere):
        with suppress(AwsError):  # what may not be listed is not counted
            page = next(aws.gateway(region).pages())
            listed |= {Key(LAMBDA, region, str(config["UUID"])) for config in page}
            more = len(page) >= PAGE
    # What the plan is about is not counted either: it is imported, refused or deleted, and the plan shows that.
    managed = {*state.managers(), *reading.live, *(live.key for live in reading.holders.values())}
    counts = Counter(key.region for key in sorted(listed - managed))
    parts = [f"{counted(count, 'mapping')} in {region}" for region, count in counts.items()]
    if parts:
        least, verb = "at least " if more else "", "is" if sum(counts.values()) == 1 else "are"
        others = [region for region in counts if region != aws.region]
        # One other region is named. With more, or beside the own one, REGION stands for any.
        uuid = f"UUID@{others[0] if len(counts) == 1 else 'REGION'}" if others else "UUID"
        line = command_line("import", "NAME", uuid)
        run.ui.note(f"{least}{', '.join(parts)} {verb} not managed by this stack; import one with `{line}`")
    # Of the sources that the plan is about. What notifies something else than a function here cannot be imported.
    entries = Counter(
        (key.region, key.id.partition("/")[0])
        for key, live in sorted(reading.entries.items())
        if key not in managed and not live.mapping.get("function_name", "").startswith("arn:")
    )
    for (region, bucket), count in entries.items():
        verb, flags = "is" if count == 1 else "are", ("--region", region) if region != aws.region else ()
        line = command_line("import", "NAME", f"s3:{bucket}/ENTRY-ID", *flags)
        what = "1 entry" if count == 1 else f"{count} entries"
        run.ui.note(f"{what} of bucket {bucket} {verb} not managed by this stack; import one with `{line}`")


def recovered(run: Run, state: State, unresolved: Sequence[Intent], *, patient: bool, certain: bool = False) -> State:
    """The state with the mappings that an interrupted apply created; it is not stored. Prints a notice about each of
    its unfinished calls. Raises AwsError, such as DeniedError when mappings must be looked for and List is denied.

    `patient`: keep looking for mappings that this run will not create, because no later run would look. `certain`: this
    run creates everything that is wanted, so a refused create would name a mapping that exists.
    """
    if not unresolved:
        return state
    sought = unresolved_creates(unresolved)
    # By name and pair: after an edit of the function or source, this run creates another mapping than the one sought.
    wanted = {(item.name, pair_of(item)) for item in run.manifest.mappings.values()} if certain else set()
    unwanted = (
        {token for token, intent in sought.items() if (intent.name, intent.pair) not in wanted} if patient else ()
    )
    created = find_created(run.drivers, sought, run.clock, run.ui.note, unwanted=unwanted)
    recovery = recover(state, unresolved, created)
    for line in recovery.notices:
        run.ui.note(line)
    return recovery.state


def _plan(run: Run, account: str, state: State, selection: Selection) -> tuple[Plan, Reading]:
    manifest = _meant(run, selection)
    resolution = resolve(manifest, state)
    if resolution.diagnostics:  # the region of the session, which mappings without one get, may contradict `imports`
        raise ManifestError(resolution.diagnostics)
    # Only names of the manifest: without a wanted mapping there is nothing to create in the place of the old one.
    require_names(selection.replaced, manifest.mappings, "--replace")
    resolution = completed(select(resolution, selection.targets, selection.excludes), account, state.lineage)
    reading = run.drivers.read(resolution, run.ui.note) if selection.refresh else assume_unchanged(resolution)
    made = make_plan(
        resolution,
        reading,
        state,
        account=account,
        replaced=selection.replaced,
        destroys=selection.destroy,
        tags_ownership=manifest.provider.tags_ownership if selection.refresh else None,
        from_owners=_owners(selection),
    )
    selected = bool(selection.targets or selection.excludes)
    provider = manifest.provider
    access = Access(
        state=manifest.state_stated,
        endpoint=provider.endpoint_url,
        profile=provider.profile,
        role=provider.assume_role.role_arn if provider.assume_role else "",
        environment=access_variables(),
    )
    return replace(made, selected=selected, access=access), reading


def _meant(run: Run, selection: Selection) -> Manifest:
    return run.manifest.of_nothing() if selection.destroy else run.manifest


def _refuse_contradictions(run: Run, state: State, selection: Selection) -> None:
    """Raise ManifestError when `moved`, `removed` or `imports` contradict manifest or state: before AWS is asked."""
    diagnostics = resolve(_meant(run, selection), state).diagnostics
    if diagnostics:
        raise ManifestError(diagnostics)


def _show_or_refuse(
    run: Run, made: Plan, state: State, selection: Selection, account: str, aws: Aws, unresolved: Sequence[Intent]
) -> None:
    """Show the plan; raise RefusedError when it must not be carried out."""
    # For the refusal of missing mappings: a wrong endpoint or region is its likely cause.
    regions = sorted({record.key.region for record in state.mappings.values()})
    endpoints = {region: aws.gateway(region).endpoint for region in regions}
    where = f"account {account}, " + ", ".join(
        f"region {region} at {endpoint}" for region, endpoint in endpoints.items()
    )
    limit = run.manifest.delete_limit if selection.allow_deletes is None else selection.allow_deletes
    # What an interrupted apply was deleting is expected to be missing.
    interrupted = {key for intent in unresolved for key in intent.keys}
    problems = safety.problems(
        made,
        state,
        delete_limit=limit,
        allow_missing=selection.allow_missing,
        where=where,
        interrupted=interrupted,
        conflict_limit=run.manifest.conflict_limit,
        risk_limit=run.manifest.risk_limit,
        accepted=_accepted(selection),
    )
    problems += stopping(made, selection.checks)
    run.ui.show(made, problems)
    run.ui.found(made.checks)
    if problems:
        raise RefusedError(problems)


def _owners(selection: Selection) -> tuple[str, ...]:
    for owner in selection.from_owners:
        if not OWNER.fullmatch(owner):
            raise UsageError(
                f"--from-owner {owner}: not an owner",
                hint="name it as the plan does: cloudformation:NAME or stack:NAME",
            )
    return selection.from_owners


def _accepted(selection: Selection) -> set[str]:
    # An unknown code is refused: a misspelt one would otherwise accept nothing, without a message.
    accepted = {code.upper() for code in selection.accepted_risks}
    for code in sorted(accepted):
        if code not in EXPLANATIONS or not code.startswith("R"):
            raise UsageError(
                f"--accept-risk {code}: unknown risk code", hint="run `provisioner explain` to list all codes"
            )
    return accepted


# --- apply -----------------------------------------------------------------------------------------------------------


def apply(run: Run, selection: Selection, execution: Execution) -> tuple[Plan, Report]:
    """Make a plan, ask for approval, carry it out and record it. Returns the plan, reduced to what was still as
    approved, and the report, whose outcomes include the changes that were not. Unlike `saved.apply_saved`, it plans
    now.

    Raises LockedError, ManifestError, UsageError, RefusedError, CancelledError when the user does not approve,
    StaleError for another hash than the expected one, StateError when the state cannot be stored, and AwsError before
    the first call.
    """
    with run.backend.locked("destroy" if selection.destroy else "apply", execution.lock_timeout) as writer:
        _refuse_contradictions(run, writer.state, selection)
        aws, account = run.connect(writer.state.account)
        unresolved = writer.unresolved
        # Nothing is stored before the approval, so that a run that does nothing does not lose the intents.
        every_mapping = not (selection.destroy or selection.targets or selection.excludes)
        state = recovered(run, writer.state, unresolved, patient=True, certain=every_mapping)
        if unresolved:
            _refuse_contradictions(run, state, selection)
        made, reading = _plan(run, account, state, selection)
        made = checked(run, made, selection.checks)
        _show_or_refuse(run, made, state, selection, account, aws, unresolved)
        refuse_other_hash(made, execution.expected_hash)
        changed: tuple[Outcome, ...] = ()
        if made.applyable and not (execution.auto_approve or execution.expected_hash):
            if not run.ui.confirm(made, destroys_all=selection.destroy and not selection.targets):
                raise CancelledError("Apply cancelled.")
            # The question may have been open for hours: read AWS again, and make only the changes that are still the
            # same.
            now, reading = _plan(run, account, state, selection)
            made, changed = still_approved(made, now)
        report = carry_out(run, made, state_before_calls(state, made, reading), writer, execution)
        return made, replace(report, outcomes=(*report.outcomes, *changed))


def refuse_other_hash(made: Plan, expected: str) -> None:
    """Raise StaleError when a plan is not the one whose hash was expected, where one was."""
    if expected and not expected.startswith(f"{VERSION}:"):
        raise StaleError(f"the hash {expected} was made by an older version of provisioner", hint="plan again")
    if expected and plan_hash(made) != expected:
        raise StaleError(
            f"the plan is not the one that was approved: its hash is {plan_hash(made)}, not {expected}",
            hint="something has changed since; review this plan and approve it again",
        )


def carry_out(run: Run, made: Plan, before: State, writer: Writer, execution: Execution) -> Report:
    """Save the state `before` the calls and carry out a plan. What is not possible is in the report as not attempted, and
    the rest is carried out. The report is returned even when the results could not be stored; `trouble`
    is then the reason. Raises StateError when no change was carried out, KeyboardInterrupt at the second interrupt.
    """
    # Before the first create: a new mapping has the lineage in its tags, which must be on disk by then.
    writer.save(before)
    # After the state: a mapping that another run has recorded by now must not lose the tags by which it is found again.
    # Without what it deposed, which this run deletes. A mapping that was not read has no state, and may have our tags.
    forgotten = {
        change.name: replace(change.record, deposed=())
        for change in made.changes
        if change.action is Action.FORGET and change.record and change.live
        if change.retags or not change.live.status.state or not KINDS[change.live.key.kind].has_tags
    }
    if forgotten:
        untag(run, writer, forgotten)
    impossible = tuple(
        Outcome(change, Result.NOT_ATTEMPTED, change.conflict.message, change.conflict.hint)
        for change in made.changes
        if change.conflict
    )
    # Without calls, no journal: with state in S3 it would cost two writes.
    if not any(change.calls_aws for change in made.changes):
        return Report(impossible)
    report: Report | None = None
    intents = planned_calls(made)
    try:
        with writer.journal(planned_at_once(made, intents)) as log:
            report = Executor(
                run.aws,
                run.drivers,
                made,
                intents,
                log,
                run.manifest.provider,
                run.ui.progress,
                run.clock,
                parallelism=execution.parallelism,
                fail_fast=execution.fail_fast,
                waits=execution.wait,
            ).run()
            report = replace(report, outcomes=(*report.outcomes, *impossible))
    except StateError as error:
        if report is None:  # the journal could not be opened
            raise
        # The report must be printed all the same: when results could not be stored, it is the only place that has them.
        made_now = [
            import_line(item.change.name, Key(kind_for(item.change.wanted.kind).name, item.change.region, item.uuid))
            for item in report.outcomes
            if item.uuid and item.change.wanted and item.change.action in (Action.CREATE, Action.REPLACE)
        ]
        lines = [
            f"{error.message} ({error.hint})",
            *(made_now and ["if these mappings, which this run created, are missing from the state, import them:"]),
        ]
        return replace(report, trouble="\n    ".join([*lines, *made_now]))
    return report
