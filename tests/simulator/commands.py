"""Commands of the product, each in a simulated process, and what is checked when one ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner import workflow
from provisioner.backend.planfile import open_plan
from provisioner.errors import ProvisionerError
from provisioner.manifest import Inputs
from provisioner.model.plan import Action, Plan
from provisioner.model.report import Outcome, Report, Result
from provisioner.sandbox.mappings import StoredMapping
from provisioner.workflow import Execution, Run, Selection
from tests.simulator import push_checks
from tests.simulator.excuses import REPORTED
from tests.simulator.turns import Killed, Process, TurnClock
from tests.simulator.world import Machine, World
from tests.support.stack import SilentUi

INTERRUPTED = 130
INCOMPLETE = 3
EVERYTHING = Selection()
AT_ONCE = Execution(auto_approve=True)


@dataclass
class Ended:
    """How a command ended: its exit code, None for a killed one, and what it raised or answered."""

    code: int | None = None
    error: ProvisionerError | None = None
    plan: Plan | None = None
    report: Report | None = None
    answer: Any = None


@dataclass
class Command:
    """A command with its options; `names` are those that it is to forget."""

    name: str
    work: Callable[[Run], Any]
    gives_up: set[str] = field(default_factory=set)
    saved_plan: Path | None = None
    options: str = ""
    trusts_state: bool = False  # `--refresh=false`: what it does not read, it cannot put right


def start(world: World, machine: Machine, command: Command) -> tuple[Process, Ended]:
    """Start a command. What it ended with is filled in when it ends."""
    process = Process(world.turns, machine.name, command.name, began=world.turns.now)
    process.gives_up = set(command.gives_up)
    ended = Ended()

    def work() -> None:
        try:
            _run(world, machine, command, process, ended)
        except Killed:
            raise
        except ProvisionerError as error:
            ended.code, ended.error = error.exit_code, error
        except KeyboardInterrupt:
            ended.code = INTERRUPTED
        except BaseException as error:  # any other error is unexpected
            ended.code = 1
            world.broken("no unexpected exception", f"{command.name}: {type(error).__name__}: {error}")
        _check(world, process, ended)

    process.trusts_state = command.trusts_state
    world.happened(f"command: {command.name}", f"{machine.name} {command.options}")
    machine.running = process
    process.spawn(work)
    return process, ended


def _run(world: World, machine: Machine, command: Command, process: Process, ended: Ended) -> None:
    ui = SilentUi()
    clock = TurnClock(world.turns)
    if command.saved_plan:
        saved = open_plan(command.saved_plan)
        process.gives_up |= {change.name for change in saved.plan.changes if change.action is Action.FORGET}
        run = Run(workflow.manifest_of(saved), ui, clock=clock)
        ended.plan, ended.report = saved.plan, workflow.apply_saved(run, saved, Execution(auto_approve=True))
    else:
        process.gives_up |= set(machine.manifest.removed)  # as it is when it is read
        run = Run.on(machine.folder, ui, inputs=Inputs(environment={}), clock=clock)
        answer = command.work(run)
        if isinstance(answer, tuple) and answer and isinstance(answer[0], Plan):
            ended.plan, ended.report = answer
        else:
            ended.answer = answer
    report = ended.report
    ended.code = 0 if not report or report.clean else INTERRUPTED if report.interrupted else INCOMPLETE


def apply(selection: Selection = EVERYTHING, execution: Execution = AT_ONCE) -> Command:
    """An apply, or a destroy."""
    name = "destroy" if selection.destroy else "apply"
    options = f"{selection} {execution}".replace("Selection", "").replace("Execution", "")
    trusts = not selection.refresh
    return Command(name, lambda run: workflow.apply(run, selection, execution), options=options, trusts_state=trusts)


# --- when it ends -----------------------------------------------------------------------------------------------------


def _check(world: World, process: Process, ended: Ended) -> None:
    """What must be true at the moment when a command ends."""
    said = ended.error.message if ended.error else _said(ended.report)
    how = {0: "done", 5: "locked", 4: "stale", INTERRUPTED: "interrupted", INCOMPLETE: "incomplete"}.get(
        ended.code or 0, type(ended.error).__name__ if ended.error else "error"
    )
    world.happened(f"{process.command} ended: {how}", said)
    for uuid in (*world.cloud.live(), *world.sources.entries()):
        if said and uuid in said and uuid not in world.ever:
            world.excuses.lose([uuid], REPORTED)
    if "internal error" in said:
        world.broken("no unexpected exception", said)
    if ended.code == 0 and ended.report and ended.plan:
        for outcome in ended.report.outcomes:
            false = push_checks.false if push_checks.is_about_s3(outcome) else _false
            if wrong := false(world, process, outcome):
                world.broken("no false done", f"{process.command} {outcome.change.key}: {wrong}")


def _said(report: Report | None) -> str:
    """What a report has of what went wrong."""
    if not report:
        return ""
    bad = [f"{item.change.key}: {item.result}: {item.detail}" for item in report.outcomes if not item.clean]
    return "; ".join([*([report.trouble] if report.trouble else []), *bad])


def _false(world: World, process: Process, outcome: Outcome) -> str:
    """What is not as an outcome of a clean apply has it, or ""."""
    change, live = outcome.change, world.cloud.live()
    if outcome.result is not Result.APPLIED or not change.calls_aws or outcome.detail.startswith("not waited"):
        return ""
    since = 0.0 if process.trusts_state else process.began

    def others(uuid: str) -> bool:
        """Whether somebody else changed a mapping meanwhile, or a read showed it as it was before."""
        return world.cloud.touched(uuid, since, process) or world.cloud.outdated.get(uuid, 0.0) >= since

    if change.action in (Action.DELETE, Action.REPLACE) and change.id in live and not others(change.id):
        return f"{change.id} is still there" if change.action is Action.DELETE or not outcome.detail else ""
    if change.wanted is None or change.action is Action.DELETE:
        return ""
    if others(outcome.uuid):
        return ""
    if outcome.uuid not in live:
        return f"{outcome.uuid} does not exist"
    wanted, has = of_manifest(dict(change.wanted.mapping)), of_aws(live[outcome.uuid])
    if wanted != has:
        return f"{outcome.uuid} is {has}, and not {wanted}"
    text = world.text()
    if world.written_by is process and text:
        recorded = json.loads(text)["mappings"].get(change.name, {}).get("id")
        if recorded != outcome.uuid:
            return f"the state has {recorded}, and not {outcome.uuid}"
    return ""


def of_manifest(mapping: dict[str, Any]) -> dict[str, Any]:
    """What a manifest wants, with AWS's defaults."""
    stream = ":kinesis:" in mapping["event_source_arn"]
    return {
        "function": mapping["function_name"],
        "source": mapping["event_source_arn"],
        "batch": mapping.get("batch_size", 100 if stream else 10),
        "enabled": mapping.get("enabled", True),
        "position": mapping.get("starting_position"),
        "tags": mapping.get("tags", {}),
    }


def of_aws(item: StoredMapping) -> dict[str, Any]:
    """The same of what AWS has."""
    return {
        "function": item.pair.function,
        "source": item.pair.source,
        "batch": item.members.get("BatchSize"),
        "enabled": item.rest == "Enabled",
        "position": item.members.get("StartingPosition"),
        "tags": {key: value for key, value in item.tags.items() if not key.startswith("provisioner:")},
    }
