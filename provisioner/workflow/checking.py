"""Checks before the first write: of what a plan makes or retargets, and of a whole manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from provisioner.aws.asking import Asker
from provisioner.checks.case import Subject
from provisioner.checks.judging import judge
from provisioner.checks.presence import missing
from provisioner.checks.table import CHECKS
from provisioner.model.canonical import Canonical
from provisioner.model.checks import CheckFinding, CheckLevel
from provisioner.model.desired import Desired
from provisioner.model.plan import Action, Plan, Problem
from provisioner.model.words import counted
from provisioner.planning.resolve import require_names
from provisioner.workflow.run import Checks, Run

K = TypeVar("K")
_STOPPING: Final[Mapping[str, tuple[CheckLevel, ...]]] = {
    "error": (CheckLevel.ERROR,),
    "strict": (CheckLevel.ERROR, CheckLevel.LIKELY),
}


def check(run: Run, names: Sequence[str]) -> tuple[CheckFinding, ...]:
    """What the checks find about the mappings of these names, all where there are none. The state is not read. Raises UsageError
    for an unknown name, and AwsError when the account cannot be found.
    """
    require_names(names, run.manifest.mappings, "check")
    _, account = run.connect("")
    wanted = run.manifest.mappings
    return _judged(run, [wanted[name] for name in wanted if not names or name in names], wanted.values(), account)


def checked(run: Run, made: Plan, level: Checks) -> Plan:
    """The plan with what the checks find about the mappings that it creates, replaces or retargets. AWS checks a mapping then,
    and never again.
    """
    if level == "off":
        return made
    wanted = [
        change.wanted
        for change in made.changes
        if change.wanted
        and (
            change.action in (Action.CREATE, Action.REPLACE)
            or (change.action is Action.UPDATE and any(field.path[0] == "function_name" for field in change.fields))
        )
    ]
    if not wanted:
        return made
    every = {change.name: change.wanted for change in made.changes if change.wanted} | dict(run.manifest.mappings)
    return replace(made, checks=_judged(run, wanted, every.values(), made.account))


def stopping(made: Plan, level: Checks) -> tuple[Problem, ...]:
    """Why a plan must not be carried out by its checks: one problem, or none."""
    count = sum(finding.level in _STOPPING.get(level, ()) for finding in made.checks)
    if not count:
        return ()
    message = f"{counted(count, 'check')} found what AWS refuses; nothing was changed"
    if level == "strict":
        message = f"{counted(count, 'check')} found what AWS refuses or probably refuses; nothing was changed"
    return (Problem("", message, "correct what is listed above, or pass --checks warn to apply all the same"),)


def lost(run: Run, needs: Mapping[K, tuple[str, Canonical]], account: str) -> Mapping[K, tuple[str, ...]]:
    """What existing mappings need and no longer exists, by their keys, as `checks.presence.missing` says."""
    return missing(Asker(run.aws, run.clock, run.ui.note).ask, needs, account, run.ui.note)


def _judged(run: Run, wanted: Iterable[Desired], among: Iterable[Desired], account: str) -> tuple[CheckFinding, ...]:
    def subject(item: Desired) -> Subject:
        return Subject(item.name, item.region, item.kind, item.mapping, item.place, account)

    return judge(
        list(map(subject, wanted)), list(map(subject, among)), CHECKS, Asker(run.aws, run.clock, run.ui.note).ask
    )
