"""Progress and results of an apply as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from provisioner.environment import command_line
from provisioner.foreign_text import one_line
from provisioner.kinds import kind_of_change
from provisioner.model.plan import Action, Plan, Problem, grouped
from provisioner.model.report import Outcome, Phase, Progress, Report, Result
from provisioner.render.style import Style
from provisioner.render.wrapping import names

DOING = {
    Action.CREATE: ("Creating", "Creation"),
    Action.UPDATE: ("Modifying", "Modifications"),
    Action.REPLACE: ("Replacing", "Replacement"),
    Action.DELETE: ("Destroying", "Destruction"),
}
"""Terraform's words for an action in progress and completed. FORGET, NO_OP and NOT_POSSIBLE have no progress."""


def progress_line(event: Progress) -> str:
    """One event as one line, in Terraform's words. Unlike `events.progress_event`, for people."""
    doing, noun = DOING[event.change.action]
    name, seconds = event.change.key, f"{event.seconds:.0f}s"
    match event.phase:
        case Phase.STARTED:
            return f"{name}: {doing}..."
        case Phase.RETRYING:
            return f"{name}: {event.text}"
        case Phase.WAITING:
            return f"{name}: Still {doing.lower()}... [{seconds} elapsed, {event.text}]"
        case Phase.ENDED:
            return _ended(name, noun, seconds, event.outcome)


def waiting_line(events: Sequence[Progress]) -> str:
    """One line about all that an apply is waiting for. `events` is not empty; each has the phase WAITING."""
    first = events[0]
    if len(events) == 1:
        return progress_line(first)
    longest = max(event.seconds for event in events)
    return f"Still waiting for {len(events)} mappings: {names([event.change.key for event in events])} [{longest:.0f}s elapsed]"


def _ended(name: str, noun: str, seconds: str, outcome: Outcome | None) -> str:
    if outcome is None or outcome.result is not Result.APPLIED:
        return f"{name}: {noun} {outcome.result if outcome else Result.FAILED} after {seconds}"  # why is in the report
    rest = f": {outcome.detail}" if outcome.detail else ""
    verb = "complete" if outcome.settled else "accepted"
    word = "id" if kind_of_change(outcome.change).key else "uuid"
    return f"{name}: {noun} {verb} after {seconds} [{word}={one_line(outcome.uuid)}]{rest}"


def report_text(plan: Plan, report: Report, style: Style) -> str:
    """One line when everything was applied; else the count of each result, and the reason of each outcome that is not
    clean.
    """
    summary = plan.summary
    if report.clean:
        counts = f"{summary.added} added, {summary.changed} changed, {summary.destroyed} destroyed"
        recorded = {"imported": summary.imported, "moved": summary.moved, "forgotten": summary.forgotten}
        others = "".join(f", {count} {word}" for word, count in recorded.items() if count)
        return "\n".join([style.green("Apply complete!") + f" Mappings: {counts}{others}.", *_undo(plan)])
    results = [outcome.result for outcome in report.outcomes]
    counts = ", ".join(f"{results.count(result)} {result}" for result in Result)
    headline = "Apply interrupted:" if report.interrupted else "Apply incomplete:"
    trouble = [f"  {report.trouble}"] if report.trouble else []
    return "\n".join([f"{style.red(headline)} {counts}.", *_details(report, style), *trouble, *_undo(plan)])


_MOST_NAMES: Final = 20
"""With more names than this, a command has NAME... for them."""


def _undo(plan: Plan) -> Iterator[str]:
    """How to undo the imports of an apply, where it has some."""
    imported = sorted({change.name for change in plan.changes if change.adopts and not change.conflict})
    if not imported:
        return
    line = command_line("state", "rm", *(imported if len(imported) <= _MOST_NAMES else ["NAME..."]))
    what = "the import" if len(imported) == 1 else f"the {len(imported)} imports"
    yield f"To undo {what}, remove the mapping{'s' * (len(imported) > 1)} and `imports` from the manifest, then run `{line}`;"
    yield f"or write `removed: [{{from: {imported[0]}, destroy: false}}]` instead, and apply. What was imported keeps running."


_WORDS: Final = (Result.FAILED, Result.APPLIED, Result.NOT_ATTEMPTED)
_FEW: Final = 2
"""So many equal lines are printed one by one; more become one line with a number."""


def _details(report: Report, style: Style) -> Iterator[str]:
    """The outcomes that are not clean, in the order of `_WORDS`: failures first. Equal ones share a line."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for result in _WORDS:
        for outcome in report.outcomes:
            if outcome.result is result and not outcome.clean:
                word = (
                    "applied, but not settled yet" if result is Result.APPLIED and not outcome.settled else str(result)
                )
                groups.setdefault((word, outcome.detail, outcome.hint), []).append(outcome.change.key)
    for (word, detail, hint), keys in groups.items():
        for subject, rest in _few(keys):
            yield f"  {style.bold(subject)}: {word}: {detail}"
            yield from (f"    {line}" for line in (hint, rest) if line)


def _few(keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The subject of a line, and the names listed below it: few names get a line each, more share one."""
    if len(keys) > _FEW:
        yield f"{len(keys)} mappings", names(keys)
    else:
        yield from ((key, "") for key in keys)


def problems_text(problems: tuple[Problem, ...], style: Style) -> str:
    """Why a plan is refused: each reason once, with its hint and its mappings. One without a name is about the plan."""
    lines = []
    for (message, hint), subjects in grouped(problems).items():
        for subject, rest in _few(subjects):
            lines.append(style.red("Error: ") + style.bold(f"{subject}: {message}" if subject else message))
            lines += [f"  {line}" for line in (hint, rest) if line]
    return "\n".join(lines)
