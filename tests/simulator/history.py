"""One history: what happens, drawn from a seed, the end of all faults, and what must be true then."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner import workflow
from provisioner.errors import DamagedError, LockedError, RefusedError, StateError
from provisioner.model.live import LINEAGE_TAG
from provisioner.model.plan import Problem
from provisioner.workflow import Selection
from tests.simulator import people
from tests.simulator.bucket import KEY
from tests.simulator.cloud import FOREIGN, MAPPINGS, Conditions
from tests.simulator.commands import Command, Ended, apply, start
from tests.simulator.excuses import JOURNAL_SET_ASIDE, MISLED, uuids_of, values_of
from tests.simulator.world import JOURNAL, Machine, World

STEPS = 16
ROUNDS = 12
"""Applies after which everything must be in order: after each refusal, what its hint asks for is done."""

CONDITIONS = (
    Conditions(),
    Conditions(faults=0.03, slow=0.02),
    Conditions(faults=0.03, files=0.01, list_lag=10.0, slow=0.02),
    Conditions(faults=0.15, files=0.02, list_lag=10.0),
    Conditions(faults=0.05, list_lag=10.0, get_lag=5.0, slow=0.05),
)
_SHM = Path("/dev/shm")  # nothing is synced there, which takes most of the time of a file operation


@dataclass
class Played:
    """What came of a history."""

    seed: int
    violations: list[str]
    story: list[str]
    counts: dict[str, int]


def play(seed: int) -> Played:
    """Play the history of a seed."""
    with tempfile.TemporaryDirectory(dir=_SHM if _SHM.is_dir() else None) as folder:
        world = World(seed, Path(folder))
        with world.running():
            try:
                _live(world)
                _end(world)
            finally:
                for machine in world.machines:
                    if machine.running:
                        machine.running.kill()
        return Played(seed, world.violations, world.story, dict(world.counts))


# --- what happens -----------------------------------------------------------------------------------------------------


def _live(world: World) -> None:
    random = world.random
    world.cloud.conditions = random.choice(CONDITIONS)
    world.happened("state in S3" if world.shared else "state in a directory", repr(world.cloud.conditions))
    for machine in world.machines:
        for name in people.NAMES[: random.randint(1, 4)]:
            machine.manifest.mappings.setdefault(name, people.free_pair(random, machine.manifest))
        people.write(world, machine)
    if random.random() < 0.7:  # most stacks have been applied before
        people.synchronize(world, world.machines[1])
        start(world, world.machines[0], apply())
        _go_on(world, 10_000)
    world.disk.faults = world.cloud.conditions.files
    for _ in range(random.randint(STEPS // 2, STEPS)):
        machine = random.choice(world.machines)
        if machine.running and machine.running.held and random.random() < 0.3:
            _resume(world, machine)
        elif not machine.busy and random.random() < 0.7:
            for _ in range(random.choice((0, 1, 1, 2, 3))):
                people.edit(world, machine)
            people.run_something(world, machine)
        else:
            _something_else(world, machine)
        _go_on(world, random.choice((0, 3, 20, 10_000)))
        if machine.busy and random.random() < 0.7:
            _go_on_to_changes(world, machine)


def _go_on_to_changes(world: World, machine: Machine) -> None:
    """Go on until a process makes its changes, and some turns further: there is more to go wrong than while it reads."""
    while machine.running and machine.busy and machine.running.interrupt is None and world.turns.step():
        pass
    _go_on(world, world.random.randint(0, 40))


def _something_else(world: World, machine: Machine) -> None:
    busy: dict[Callable[[World, Machine], None], int] = {
        _kill: 10, _hold: 6, _interrupt: 2, _take_over: 6, _outage: 4, _disturb_state: 3,
        _power: 3 if world.shared else 9,
    }  # fmt: skip
    always: dict[Callable[[World, Machine], None], int] = {
        people.synchronize: 2, people.unlock: 2, _disturb_state: 2, _disturb_aws: 4, _power: 1, _wait: 1,
    }  # fmt: skip
    acts = {**always, **busy} if machine.busy else always
    [act] = world.random.choices(list(acts), list(acts.values()))
    act(world, machine)


def _go_on(world: World, turns: int) -> None:
    for _ in range(turns):
        if not world.turns.step():
            return


def _kill(world: World, machine: Machine) -> None:
    if machine.running and machine.busy:
        world.happened("a process is killed", f"{machine.name} {machine.running.command}")
        machine.running.kill()
        if world.random.random() < 0.5:
            people.regret(world, machine)


def _take_over(world: World, machine: Machine) -> None:
    """Somebody takes the lock of a suspended process away, and applies on the other machine."""
    other = next(item for item in world.machines if item is not machine)
    if other.busy:
        return
    _hold(world, machine)
    people.unlock(world, other)
    _go_on(world, 1000)
    for _ in range(world.random.randint(0, 2)):
        people.edit(world, other)
    start(world, other, apply())
    _go_on(world, world.random.choice((5, 30, 10_000)))
    _resume(world, machine)


def _outage(world: World, machine: Machine) -> None:
    """The network is down: what was sent is carried out, and no answer arrives."""
    world.happened("the network is down")
    world.cloud.down_until = world.turns.now + world.random.choice((2.0, 20.0, 400.0))


def _power(world: World, machine: Machine) -> None:
    """The power fails: of both machines, where they share a directory."""
    for item in [machine] if world.shared else world.machines:
        if item.running:
            item.running.kill()
    world.happened("the power fails", machine.name)
    world.disk.lose_power()
    if world.random.random() < 0.5:
        people.regret(world, machine)


def _hold(world: World, machine: Machine) -> None:
    if machine.running and machine.busy:
        world.happened("a process is suspended", machine.name)
        machine.running.held = True


def _resume(world: World, machine: Machine) -> None:
    if machine.running and machine.running.held:
        world.happened("a process goes on", machine.name)
        machine.running.held = False


def _interrupt(world: World, machine: Machine) -> None:
    if machine.running and machine.busy and machine.running.interrupt:
        world.happened("a process is interrupted", machine.name)
        machine.running.interrupt()


def _disturb_state(world: World, machine: Machine) -> None:
    people.disturb_state(world)


def _disturb_aws(world: World, machine: Machine) -> None:
    people.disturb_aws(world)


def _wait(world: World, machine: Machine) -> None:
    world.turns.wind(world.random.choice((1.0, 8.0, 60.0, 1000.0)))


# --- the end ----------------------------------------------------------------------------------------------------------


def _end(world: World) -> None:
    """Everything that is delayed arrives, everything that runs ends, and somebody applies until it is done."""
    world.happened("the faults stop")
    for machine in world.machines:
        if machine.running:
            machine.running.held = False
    _go_on(world, 100_000)
    for machine in world.machines:
        if machine.busy:
            world.broken("every command ends", f"{machine.name} {machine.running and machine.running.command}")
    world.cloud.conditions, world.disk.faults, world.cloud.down_until = Conditions(), 0.0, 0.0
    world.turns.wind(1000.0)
    world.bucket.objects.pop(f"{KEY}.lock", None)
    machine = world.machines[0]
    machine.manifest.removed.clear()
    if world.random.random() < 0.6:  # what nobody wants any more is found by nothing but what was recorded of it
        people.regret(world, machine)
    people.write(world, machine)
    for _ in range(ROUNDS):
        ended = _ran(world, machine, apply(Selection(allow_missing=True)))
        if ended.code == 0:
            break
        _answer(world, machine, ended)
    else:
        world.broken("the last apply succeeds", world.story[-1])
        return
    _check(world, machine)


def _ran(world: World, machine: Machine, command: Command) -> Ended:
    _, ended = start(world, machine, command)
    _go_on(world, 100_000)
    return ended


def _answer(world: World, machine: Machine, ended: Ended) -> None:
    """Do what the message of a refusal asks a person to do."""
    error = ended.error
    for outcome in ended.report.outcomes if ended.report else ():
        if conflict := outcome.change.conflict:
            _answer_problem(world, machine, Problem(outcome.change.name, conflict.message, conflict.hint))
    match error:
        case RefusedError():
            for problem in error.problems:
                _answer_problem(world, machine, problem)
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
    live = world.cloud.live()
    uuid = next((item for item in live if item in message), "")
    recorded = uuids_of(world.text() or "")
    if uuid in recorded:
        done = _ran(
            world,
            machine,
            Command("state rm", lambda run: workflow.remove(run, [recorded[uuid]], 0.0), {name, recorded[uuid]}),
        )
        value = json.loads(world.text() or "{}")
        if done.code and value.get("mappings", {}).pop(recorded[uuid], None):
            world.happened("a person edits the state")
            text = json.dumps(value)
            world.replaced(world.text() or "", text)
            world.put_text(text)
    elif uuid:
        made = world.cloud.made.get(uuid, FOREIGN)
        if made is not FOREIGN and not world.excuses.about(uuid, world.cloud.pairs.get(uuid)):
            world.broken("no mapping of ours is refused", message)
        world.cloud.send("DELETE", MAPPINGS + uuid)
        world.turns.wind(60.0)
    else:
        # Changes that wait for each other, and the like: without the name, and then with it again.
        kept = dict(machine.manifest.mappings)
        machine.manifest.mappings = {key: item for key, item in kept.items() if key not in name}
        people.write(world, machine)
        _ran(world, machine, apply(Selection(allow_missing=True)))
        machine.manifest.mappings = kept
        people.write(world, machine)


def _check(world: World, machine: Machine) -> None:
    """What must be true at the end."""
    plan = _ran(world, machine, Command("plan", lambda run: workflow.plan(run, Selection())))
    changes = [f"{item.action} {item.key}" for item in plan.answer.changes if item.counts] if plan.answer else [plan]
    if changes:
        world.broken("after the last apply, the plan is empty", str(changes))
    drift = _ran(world, machine, Command("drift", workflow.drift))
    named = {item.uuid for item in drift.answer or () if item.orphan}
    if drift.code or len(named) < len(drift.answer):
        world.broken("after the last apply, there is no drift", str(drift))
    live, recorded = world.cloud.live(), uuids_of(world.text() or "")
    lineage = json.loads(world.text() or "{}").get("lineage")
    orphans = {uuid for uuid, item in live.items() if item.tags.get(LINEAGE_TAG) == lineage and uuid not in recorded}
    if named != orphans:
        world.broken("drift reports each mapping with our tags that is not in the state", f"{named} {orphans}")
    for uuid in recorded.keys() - live.keys():
        world.broken("no record of nothing", uuid)
    for uuid, item in live.items():
        ours = world.cloud.made[uuid] is not FOREIGN or uuid in world.ever
        reason = world.excuses.about(uuid, world.cloud.pairs.get(uuid))
        if uuid in world.cloud.misled:
            reason = reason or MISLED
        if ours and uuid not in recorded and not reason:
            rule = "no UUID is lost" if uuid in world.ever else "no orphan"
            world.broken(rule, f"{uuid} {item.pair.function} {item.pair.source} {item.tags}")
        if ours and uuid not in recorded and reason:
            world.happened(f"excused: {reason}")
    pairs = [item.pair for item in live.values()]
    if len(pairs) != len(set(pairs)):
        world.broken("no twins", str(pairs))
