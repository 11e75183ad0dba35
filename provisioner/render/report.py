"""Progress and results of an apply as text."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.plan import Action, Plan, Problem
from provisioner.model.report import Outcome, Phase, Progress, Report, Result
from provisioner.render.style import Style

DOING = {
    Action.CREATE: ("Creating", "Creation"),
    Action.UPDATE: ("Modifying", "Modifications"),
    Action.REPLACE: ("Replacing", "Replacement"),
    Action.DELETE: ("Destroying", "Destruction"),
}
"""Terraform's words for what is being done, and for that it is done."""


def progress_line(event: Progress) -> str:
    """One event as one line, in Terraform's words."""
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


def _ended(name: str, noun: str, seconds: str, outcome: Outcome | None) -> str:
    if outcome is None or outcome.result is not Result.APPLIED:
        result = outcome.result if outcome else Result.FAILED
        return f"{name}: {noun} {result}: {outcome.detail if outcome else ''}"
    rest = f": {outcome.detail}" if outcome.detail else ""
    return f"{name}: {noun} complete after {seconds} [uuid={outcome.uuid}]{rest}"


def report_text(plan: Plan, report: Report, style: Style) -> str:
    """What was applied, what failed, what was not attempted; each that is not clean with its reason."""
    summary = plan.summary
    if report.clean:
        counts = f"{summary.added} added, {summary.changed} changed, {summary.destroyed} destroyed"
        recorded = {"imported": summary.imported, "moved": summary.moved, "forgotten": summary.forgotten}
        others = "".join(f", {count} {word}" for word, count in recorded.items() if count)
        return style.green("Apply complete!") + f" Mappings: {counts}{others}."
    results = [outcome.result for outcome in report.outcomes]
    counts = ", ".join(f"{results.count(result)} {result}" for result in Result)
    headline = "Apply interrupted:" if report.interrupted else "Apply incomplete:"
    trouble = [f"  {report.trouble}"] if report.trouble else []
    return "\n".join([f"{style.red(headline)} {counts}.", *_details(report, style), *trouble])


def _details(report: Report, style: Style) -> Iterator[str]:
    for outcome in report.outcomes:
        if outcome.clean:
            continue
        word = (
            outcome.result
            if outcome.result is not Result.APPLIED
            else "applied, not settled"
            if not outcome.settled
            else "applied"
        )
        yield f"  {style.bold(outcome.change.key)}: {word}: {outcome.detail}"
        if outcome.hint:
            yield f"    {outcome.hint}"


def problems_text(problems: tuple[Problem, ...], style: Style) -> str:
    """Why a plan is refused, each problem with its way out."""
    lines = []
    for problem in problems:
        subject = f"{problem.name}: " if problem.name else ""
        lines.append(style.red("Error: ") + style.bold(f"{subject}{problem.message}"))
        if problem.hint:
            lines.append(f"  {problem.hint}")
    return "\n".join(lines)
