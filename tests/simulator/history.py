"""One history: what happens, drawn from a seed, the end of all faults, and what must be true then."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner import workflow
from provisioner.model.live import LINEAGE_TAG
from provisioner.workflow import Selection
from tests.simulator import people, push_checks, push_people
from tests.simulator.answers import answer, ran
from tests.simulator.bucket import KEY
from tests.simulator.cloud import FOREIGN, Conditions
from tests.simulator.commands import Command, apply, start
from tests.simulator.excuses import MISLED, uuids_of
from tests.simulator.world import Machine, World

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


def play(seed: int, *, has_s3: bool = False) -> Played:
    """Play the history of a seed: for mappings that Lambda keeps, or with mappings of S3 too."""
    with tempfile.TemporaryDirectory(dir=_SHM if _SHM.is_dir() else None) as folder:
        world = World(seed, Path(folder), has_s3=has_s3)
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
    if world.has_s3:
        _with_writers(world)
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


def _with_writers(world: World) -> None:
    """Others have entries and statements, and write more while the product runs."""
    random, cloud = world.random, world.cloud
    push_people.settle(world.sources)
    cloud.conditions = replace(
        cloud.conditions, writers=random.choice((0.0, 0.02, 0.1)), propagation=random.choice((0.0, 0.0, 3.0))
    )
    cloud._plane.troubles.propagation = cloud.conditions.propagation


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
    world.cloud._plane.troubles.propagation = 0.0
    world.turns.wind(1000.0)
    world.bucket.objects.pop(f"{KEY}.lock", None)
    machine = world.machines[0]
    machine.manifest.removed.clear()
    if world.random.random() < 0.6:  # what nobody wants any more is found by nothing but what was recorded of it
        people.regret(world, machine)
    people.write(world, machine)
    for _ in range(ROUNDS):
        ended = ran(world, machine, apply(Selection(allow_missing=True)))
        if ended.code == 0:
            break
        answer(world, machine, ended)
    else:
        world.broken("the last apply succeeds", world.story[-1])
        return
    _check(world, machine)


def _check(world: World, machine: Machine) -> None:
    """What must be true at the end."""
    plan = ran(world, machine, Command("plan", lambda run: workflow.plan(run, Selection())))
    changes = [f"{item.action} {item.key}" for item in plan.answer.changes if item.counts] if plan.answer else [plan]
    if changes:
        world.broken("after the last apply, the plan is empty", str(changes))
    drift = ran(world, machine, Command("drift", workflow.drift))
    named = {item.uuid for item in drift.answer or () if item.orphan}
    if drift.code or len(named) < len(drift.answer):
        world.broken("after the last apply, there is no drift", str(drift))
    live, recorded = world.cloud.live(), uuids_of(world.text() or "")
    lineage = json.loads(world.text() or "{}").get("lineage")
    orphans = {uuid for uuid, item in live.items() if item.tags.get(LINEAGE_TAG) == lineage and uuid not in recorded}
    orphans |= push_checks.orphans(world, recorded, machine.manifest.mappings)
    if named != orphans:
        world.broken("drift reports each mapping with our tags that is not in the state", f"{named} {orphans}")
    push_checks.check(world)
    for uuid in recorded.keys() - live.keys() - world.sources.live():
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
