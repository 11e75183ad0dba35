"""What a person does about the end of a command, at the end of a history: what its message asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from provisioner import workflow
from provisioner.errors import DamagedError, LockedError, RefusedError, StateError
from provisioner.model.plan import Problem
from provisioner.model.report import Report
from provisioner.workflow import Selection
from tests.simulator import people, push_people
from tests.simulator.cloud import FOREIGN, MAPPINGS
from tests.simulator.commands import Command, Ended, apply, start
from tests.simulator.excuses import JOURNAL_SET_ASIDE, uuids_of, values_of
from tests.simulator.world import JOURNAL, Machine, World

_ANOTHER_KIND = "a mapping cannot become one of another kind"
_BLOCK = "block each other"
_DESTINATIONS = "Unable to validate the following destination configurations"


def ran(world: World, machine: Machine, command: Command) -> Ended:
    """Run a command to its end."""
    _, ended = start(world, machine, command)
    for _ in range(100_000):
        if not world.turns.step():
            break
    return ended


def answer(world: World, machine: Machine, ended: Ended) -> None:
    """Do what the message of a refusal asks a person to do."""
    error = ended.error
    if ended.report:
        _answer_outcomes(world, machine, ended.report)
    match error:
        case RefusedError():
            _answer_problems(world, machine, error.problems)
        case LockedError():
            world.broken("no lock without a process", error.message)
        case StateError() if JOURNAL in error.message and "different state" in error.message:
            world.excuses.lose_text(world.journal(), JOURNAL_SET_ASIDE)
            world.disk.remove(JOURNAL)
        case DamagedError() if JOURNAL in error.message:
            world.broken("no damaged journal", error.message)
            world.disk.remove(JOURNAL)
        case StateError() if world.newest:
            if not world.edited:
                world.broken("files of the state are good, unless people change them", error.message)
            world.happened("a person restores the state")
            _restore(world)
        case _:
            world.turns.wind(60.0)


def _answer_outcomes(world: World, machine: Machine, report: Report) -> None:
    for outcome in report.outcomes:
        if conflict := outcome.change.conflict:
            _answer_problem(world, machine, Problem(outcome.change.name, conflict.message, conflict.hint))
    _repair(world, report)


def _repair(world: World, report: Report | None) -> None:
    """Repair what others have in a bucket, where S3 refuses every write because of it."""
    if report and any(_DESTINATIONS in outcome.detail for outcome in report.outcomes):
        push_people.repair(world.sources, set(uuids_of(world.text() or "")))


def _answer_problems(world: World, machine: Machine, found: Sequence[object]) -> None:
    problems = [item for item in found if isinstance(item, Problem)]
    others = [problem for problem in problems if _ANOTHER_KIND not in problem.message]
    if names := {problem.name for problem in problems} - {problem.name for problem in others}:
        _apply_without(world, machine, names)
    for problem in others:
        _answer_problem(world, machine, problem)


def _restore(world: World) -> None:
    """Put back the newest state that there is: the one that stood there last, or one that the journal goes on from."""
    head = next(iter(values_of(world.journal())), {})
    texts = [world.newest, *reversed(world.texts)]
    fitting = [text for text in texts if _goes_on_from(head, json.loads(text))]
    text = (fitting or texts)[0]
    if not fitting and head:
        world.excuses.lose_text(world.journal(), JOURNAL_SET_ASIDE)
        world.disk.remove(JOURNAL)
    world.replaced(world.newest, text)
    world.put_text(text)


def _goes_on_from(head: dict[str, Any], state: dict[str, Any]) -> bool:
    """Whether a journal with this first line goes on from a state; one without a line goes on from any."""
    return not head or (state["lineage"] == head["lineage"] and state["serial"] >= head["serial"])


def _answer_problem(world: World, machine: Machine, problem: Problem) -> None:
    message, name = problem.message, problem.name
    if entry := max((key for key in world.sources.entries() if key in message), key=len, default=""):
        _answer_entry(world, machine, problem, entry)
        return
    live = world.cloud.live()
    uuid = next((item for item in live if item in message), "")
    recorded = uuids_of(world.text() or "")
    if uuid in recorded:
        _forget(world, machine, {name, recorded[uuid]}, recorded[uuid])
    elif uuid:
        made = world.cloud.made.get(uuid, FOREIGN)
        if made is not FOREIGN and not world.excuses.about(uuid, world.cloud.pairs.get(uuid)):
            world.broken("no mapping of ours is refused", message)
        world.cloud.send("DELETE", MAPPINGS + uuid)
        world.turns.wind(60.0)
    else:
        names = {key for key in machine.manifest.mappings if key in name}
        if _BLOCK in message:
            if kept := _apply_one_by_one(world, machine):
                _apply_without(world, machine, {kept[0]})
            return
        _apply_without(world, machine, names)  # changes that wait for each other, and the like


def _apply_one_by_one(world: World, machine: Machine) -> list[str]:
    """Apply each name by itself, as the hint says. Returns those that are not possible: each of two takes the other's filter,
    and one of them must be changed first.
    """
    kept = []
    for one in [*machine.manifest.mappings, *json.loads(world.text() or "{}").get("mappings", ())]:
        report = ran(world, machine, apply(Selection(targets=(one,), allow_missing=True))).report
        kept += [outcome.change.name for outcome in (report.outcomes if report else ()) if outcome.change.conflict]
    return kept


def _apply_without(world: World, machine: Machine, names: set[str]) -> None:
    """Apply without names, and do what a refusal of that asks for. They are in the manifest again afterwards."""
    kept = machine.manifest.mappings
    machine.manifest.mappings = {key: item for key, item in kept.items() if key not in names}
    people.write(world, machine)
    ended = ran(world, machine, apply(Selection(allow_missing=True)))
    _repair(world, ended.report)
    if isinstance(ended.error, RefusedError) and len(machine.manifest.mappings) < len(kept):
        _answer_problems(world, machine, ended.error.problems)
        ran(world, machine, apply(Selection(allow_missing=True)))
    machine.manifest.mappings = kept
    people.write(world, machine)


def _forget(world: World, machine: Machine, names: set[str], recorded: str) -> None:
    """Forget a record, by hand where it cannot be done otherwise."""
    done = ran(world, machine, Command("state rm", lambda run: workflow.remove(run, [recorded], 0.0), names))
    value = json.loads(world.text() or "{}")
    if done.code and value.get("mappings", {}).pop(recorded, None):
        world.happened("a person edits the state")
        text = json.dumps(value)
        world.replaced(world.text() or "", text)
        world.put_text(text)


def _answer_entry(world: World, machine: Machine, problem: Problem, entry: str) -> None:
    """A mapping is not possible because of an entry: it goes, unless the state has it."""
    recorded = uuids_of(world.text() or "")
    if entry not in recorded:
        if entry in world.sources.ours and not world.excuses.uuids.get(entry):
            world.broken("no entry of ours is refused", problem.message)
        push_people.remove_entry(world.sources, entry)
    elif "which cannot be changed" in problem.message or "is that of" in problem.message:
        # It goes with another conflict, or the other mapping has given the id up by now; else it needs another id.
        machine.manifest.mappings.get(problem.name, {}).pop("id", None)
        people.write(world, machine)
    else:
        _forget(world, machine, {problem.name, recorded[entry]}, recorded[entry])
