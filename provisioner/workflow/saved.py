"""Applies a saved plan, if state and AWS are still as they were when it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.backend.planfile import SavedPlan
from provisioner.environment import environment_region
from provisioner.errors import RefusedError, StaleError
from provisioner.model.manifest import Manifest
from provisioner.model.place import Place
from provisioner.model.plan import Action, Change, Plan, Problem
from provisioner.model.report import Report
from provisioner.model.state import Intent, State
from provisioner.planning.conflicts import without_blocked, without_overlaps
from provisioner.planning.entries import entry_problems
from provisioner.planning.fingerprint import state_fingerprint
from provisioner.planning.ownership import foreign
from provisioner.planning.reading import Reading
from provisioner.planning.record import state_before_calls
from provisioner.planning.resolve import Resolution, Subject
from provisioner.planning.stale import changed_since
from provisioner.planning.statements import place_of, policy_problems, statement_changes
from provisioner.workflow.changing import carry_out, refuse_other_hash
from provisioner.workflow.checking import checked, stopping
from provisioner.workflow.run import Checks, Execution, Run


def apply_saved(run: Run, saved: SavedPlan, execution: Execution, checks: Checks = "off") -> Report:
    """Carry out a saved plan, if state and AWS are still as they were when it was made. Unlike `changing.apply`, it
    asks for no approval: whoever passes the file has approved the plan. Raises RefusedError where the checks stop it,
    StaleError, LockedError, StateError and AwsError.
    """
    made = saved.plan
    refuse_other_hash(made, execution.expected_hash)
    with run.backend.locked("apply", execution.lock_timeout) as writer:
        state = writer.state
        _refuse_other_state(saved, state, writer.unresolved)
        _refuse_other_place(run, saved)
        resolution = _touched(made)
        reading = run.drivers.read(resolution, run.ui.note)
        if moved := changed_since(made, reading):
            raise StaleError(
                "the plan is stale: the mappings have changed since it was made\n  " + "\n  ".join(moved),
                hint="plan again",
            )
        # A state that was never stored has a new lineage each time that it is read. The ids in the plan have the one that it
        # had then, and it keeps that.
        state = replace(state, lineage=made.lineage)
        made = _judged_again(made, _with_records(made, state), reading, state)
        made = checked(run, made, checks)
        run.ui.found(made.checks)
        if problems := stopping(made, checks):
            raise RefusedError(problems)
        return carry_out(run, made, state_before_calls(state, made, reading), writer, execution)


def manifest_of(saved: SavedPlan) -> Manifest:
    """A manifest with what a run needs of the one that a saved plan was made from. It has no mappings: a saved plan is
    applied without the manifest, from any folder.
    """
    return Manifest(
        stack=saved.plan.stack,
        state_path=saved.state_path,
        place=Place(""),
        provider=saved.provider,
        state_s3=saved.state_s3,
        state_stated=saved.plan.access.state,
    )


def _refuse_other_state(saved: SavedPlan, state: State, unresolved: Sequence[Intent]) -> None:
    # The most specific reason first: the fingerprint differs in most of these cases.
    made = saved.plan
    if unresolved:
        names = ", ".join(sorted({intent.name for intent in unresolved}))
        raise StaleError(f"the plan is stale: an apply was interrupted at {names} since", hint="plan again")
    # A state that was never stored (serial 0) has a new lineage each time that it is read.
    if made.serial and state.lineage != made.lineage:
        raise StaleError(
            f"the plan was made from a different state: it has lineage {made.lineage}, but stack {state.stack} "
            f"has lineage {state.lineage}",
            hint="apply it where it was made, or plan again",
        )
    if state.serial != made.serial:
        raise StaleError(
            f"the plan is stale: it was made from state serial {made.serial}, but the state is now at serial {state.serial}",
            hint="plan again",
        )
    if state_fingerprint(state) != saved.recorded:
        raise StaleError("the plan is stale: the state has changed since it was made", hint="plan again")


def _refuse_other_place(run: Run, saved: SavedPlan) -> None:
    here = environment_region()
    # A region in the provider wins over the environment's, and without one in the environment nothing contradicts.
    if here and not saved.provider.region and here != saved.region:
        raise StaleError(
            f"the plan was made for region {saved.region}, but the environment has region {here}", hint="plan again"
        )
    # Without the recorded account: the plan's is the one that is meant, and has a message of its own.
    account = run.check_account("")
    if account != saved.plan.account:
        raise StaleError(
            f"the plan was made for account {saved.plan.account}, but the credentials belong to account {account}",
            hint="use credentials for that account, or plan again",
        )


def _judged_again(made: Plan, recorded: Sequence[Change], reading: Reading, state: State) -> Plan:
    """The plan, judged by what the sources and policies have now. A mapping that would overlap with an entry that somebody
    made since is not possible. `recorded` are the changes with the records of the state.

    Raises StaleError when the plan touches what belongs to another stack, when statements are not as it expects them, or when
    a source or a policy would become too large.
    """
    problems = foreign(recorded, reading.live, state.lineage)
    statements = statement_changes(recorded, state, reading)
    planned = {place_of(item): item for item in made.statements}
    for item in statements:
        then = planned.get(place_of(item))
        if item.action is not Action.NO_OP and (then is None or replace(then, action=item.action) != item):
            name = ", ".join(item.needed_by or item.released_by)
            problems.append(Problem(name, f"statement {item.id} of the policy of {item.function} changed since"))
    problems += [*policy_problems(statements, reading), *entry_problems(recorded, reading)]
    for problem in problems:
        raise StaleError(f"{problem.name}: {problem.message}", hint="plan again")
    now = [without_blocked(without_overlaps(changes, reading.entries, state)) for changes in (made.changes, recorded)]
    return replace(made, changes=tuple(now[0]), statements=statement_changes(now[1], state, reading))


def _with_records(made: Plan, state: State) -> list[Change]:
    """The changes with the records of the state. Raises StaleError when the plan touches what is neither recorded nor imported
    by it: it may have been edited, and its checksum with it. Which owner an import accepted is therefore asked of the state.
    """
    managed = state.managers()
    changes = []
    for change in made.changes:
        imports = change.adopts is not None and change.adopts == change.existing and change.action is not Action.DELETE
        if change.existing and change.existing not in managed and not imports:
            raise StaleError(f"{change.key}: the state does not record {change.existing}", hint="plan again")
        record = state.mappings.get(change.moved_from or change.name)
        accepted = change.accepted_owner if imports else None
        changes.append(replace(change, record=record, accepted_owner=accepted))
    return changes


def _touched(made: Plan) -> Resolution:
    """The mappings of a saved plan, as a resolution to refresh."""
    # A name with a deposed mapping has several changes. Only that of the deposed one has the record in any case, by
    # which it is read; only the name's own has what is wanted, by which the holder of its pair is looked up.
    by_name: dict[str, Subject] = {}
    for change in made.changes:
        one = by_name.get(change.name, Subject(change.name))
        by_name[change.name] = Subject(
            change.name,
            one.wanted or change.wanted,
            one.record or change.record,
            one.moved_from or change.moved_from,
            one.adopts or change.adopts,
        )
    return Resolution(tuple(by_name.values()))
