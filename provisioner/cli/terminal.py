"""Output to a person or a program, and questions to a person."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from provisioner.errors import ManifestError, ProvisionerError, RefusedError, UsageError

if TYPE_CHECKING:  # late, so that --help and version stay fast
    from provisioner.cli.progress import Display
    from provisioner.model.checks import CheckFinding
    from provisioner.model.diagnostics import Diagnostic
    from provisioner.model.plan import Plan, Problem
    from provisioner.model.report import Progress, Report
    from provisioner.render.events import Event
    from provisioner.render.style import Style


class Terminal:
    """The output of commands, and the `Ui` of workflows. Data goes to stdout, everything else to stderr. Questions and
    the progress display need a terminal, as colour does unless it is forced.
    """

    def __init__(
        self, *, colour: str, may_ask: bool = False, quiet: bool = False, form: str = "text", compact: bool = False
    ) -> None:
        self._colour = colour
        self._may_ask = may_ask
        self._quiet = quiet
        self._form = form
        self._compact = compact
        self._display: Display | None = None
        self._waiting: dict[str, Progress] = {}
        self._last_wait: float | None = None

    def data(self, text: str) -> None:
        """Print the command's result to stdout, as it is: for programs and tables. Unlike `text`, never wrapped."""
        _write(sys.stdout, text)

    def text(self, text: str) -> None:
        """Print the command's result to stdout, as sentences: wrapped on a terminal, unchanged elsewhere."""
        self.data(_fit(text, sys.stdout))

    def message(self, text: str) -> None:
        """Print to stderr, above the progress display where there is one. Unlike `note`, without a style."""
        text = _fit(text, sys.stderr)
        if self._display:
            self._display.message(text)
        else:
            _write(sys.stderr, text)

    def style(self, stream: TextIO) -> Style:
        """The style for a stream, which is plain unless `wants_colour`."""
        from provisioner.render.style import Style

        return Style(wants_colour(self._colour, stream))

    @property
    def width(self) -> int:
        """The columns for data on stdout; 200 when it is not a terminal, so that a table in a log is not cropped."""
        return columns_of(sys.stdout) or 200

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show the progress display, on a terminal only; elsewhere progress is printed as lines."""
        # The display moves the cursor, which a dumb terminal cannot do.
        if self._quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield
            return
        from provisioner.cli.progress import Display

        with Display(sys.stderr, colour=wants_colour(self._colour, sys.stderr)) as display:
            self._display = display
            try:
                yield
            finally:
                self._display = None

    # --- the workflow's Ui --------------------------------------------------------------------------------------------

    def diagnose(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Print diagnostics about the manifest."""
        from provisioner.manifest.reader import line_at
        from provisioner.render.diagnostics import diagnostics_text

        if diagnostics:
            self.message(diagnostics_text(diagnostics, self.style(sys.stderr), line_at, columns_of(sys.stderr)))

    def note(self, text: str) -> None:
        """Print a notice to stderr, in yellow where `style` allows it."""
        self.message(self.style(sys.stderr).yellow(text))

    def show(self, plan: Plan, refused: Sequence[Problem]) -> None:
        """Show a plan in the format that was asked for. JSON and Markdown contain why it is `refused`; `fail` prints
        that too.
        """
        from provisioner.render.formats import plan_in

        self.planned(plan)
        if self._form == "text" and refused and not plan.has_changes:
            return  # "No changes" beside a refusal would mislead
        shown = plan_in(self._form, plan, refused, self.style(sys.stdout), compact=self._compact)
        (self.text if self._form == "text" else self.data)(shown)

    def found(self, findings: Sequence[CheckFinding]) -> None:
        """Print what the checks found to stderr. JSON and Markdown of a plan contain it too."""
        from provisioner.render.checks import checks_text

        if findings:
            self.message(checks_text(findings, self.style(sys.stderr)))

    def planned(self, plan: Plan) -> None:
        """Set the number of changes to apply, for the progress display. Unlike `show`, prints nothing."""
        if self._display:
            self._display.expect(sum(change.calls_aws for change in plan.changes))

    def confirm(self, plan: Plan, *, destroys_all: bool) -> bool:
        """Ask for approval, as Terraform does, and return whether it was given: only `yes` approves. Every risk of loss
        is listed again. Raises UsageError when stdin is not a terminal, or with --no-input.
        """
        if not self._may_ask or not sys.stdin.isatty():
            raise UsageError(
                "cannot ask for approval: stdin is not a terminal, or --no-input was given",
                hint="pass --auto-approve to apply without approval",
            )
        style = self.style(sys.stderr)
        self._name_losses(plan, style)
        question = "destroy all mappings of this stack" if destroys_all else "perform these actions"
        question = f"Do you {'really ' if destroys_all else ''}want to {question}?"
        consequence = "There is no undo." if destroys_all else "provisioner will perform the actions described above."
        self.message(f"\n{style.bold(question)}\n  {consequence}\n  Only 'yes' will be accepted to approve.\n")
        # Not `input`: its prompt can go to stdout, which is for data.
        print("  Enter a value: ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:  # stdin was closed, so no line break follows the prompt
            self.message("")
        return answer.strip() == "yes"

    def _name_losses(self, plan: Plan, style: Style) -> None:
        from provisioner.model.level import Level
        from provisioner.render.plan import risks_text

        if losses := risks_text(plan, style, Level.LOSS):
            self.message(f"\n{style.bold('Records may be lost:')}\n{losses}")

    def progress(self, event: Progress) -> None:
        """Show an event: on a terminal in the progress display, elsewhere as a line, with --quiet not at all. A change
        that was not attempted is shown by the report alone.
        """
        from provisioner.model.report import Phase, Result
        from provisioner.render.report import progress_line

        if self._display:
            self._display.progress(event)
        elif self._quiet or (event.outcome and event.outcome.result is Result.NOT_ATTEMPTED):
            return
        elif event.phase is Phase.WAITING:
            self._waits(event)
        else:
            self._waiting.pop(event.change.key, None)  # it has ended, or is retried: the line for waits leaves it out
            self.message(progress_line(event))

    def _waits(self, event: Progress) -> None:
        """One line every thirty seconds for all that waits."""
        from provisioner.model.report import STILL
        from provisioner.render.report import waiting_line

        now = time.monotonic()
        self._waiting[event.change.key] = event
        if self._last_wait is None or now - self._last_wait >= STILL:
            self._last_wait = now
            self.message(waiting_line(list(self._waiting.values())))

    def report(self, plan: Plan, report: Report) -> None:
        """Print the result of an apply, to stdout: it is what the command is about."""
        from provisioner.render.report import report_text

        self.text("\n" + report_text(plan, report, self.style(sys.stdout)))

    def fail(self, error: ProvisionerError) -> None:
        """Print an error with its diagnostics or problems to stderr. Does not exit."""
        from provisioner.render.diagnostics import error_text
        from provisioner.render.report import problems_text

        style = self.style(sys.stderr)
        if isinstance(error, ManifestError):
            self.diagnose(error.diagnostics)  # type: ignore[arg-type]  # errors is below model
        elif isinstance(error, RefusedError):
            self.message(problems_text(error.problems, style))  # type: ignore[arg-type]  # errors is below model
        else:
            self.message(error_text(error, style))


def columns_of(stream: TextIO) -> int:
    """The columns of a terminal; 0 when the stream is not one, 80 when its size is not known. COLUMNS wins."""
    try:
        if not stream.isatty():
            return 0
        stated = os.environ.get("COLUMNS", "")
        return int(stated) if stated.isdigit() and int(stated) else os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _fit(text: str, stream: TextIO) -> str:
    width = columns_of(stream)
    if not width:
        return text
    from provisioner.render.wrapping import fitted  # late: only a terminal needs it

    return fitted(text, width)


def _write(stream: TextIO, text: str) -> None:
    """Write a line with one call, because several threads print."""
    stream.write(f"{text}\n")
    stream.flush()


class EventStream(Terminal):
    """An apply for a program: events on stdout, one JSON object a line, as Terraform's machine-readable UI. Never asks.
    Messages still go to stderr, where they do not disturb the events.
    """

    _begun = False
    _plan: Plan | None = None
    _lock = threading.Lock()

    def _emit(self, event: Event) -> None:
        import json
        from datetime import UTC, datetime

        from provisioner import __version__
        from provisioner.render.events import stamped, version_event

        now = datetime.now(UTC)
        # Workers report retries while the main thread reports results. The version comes first, and once.
        with self._lock:
            if not self._begun:
                self._begun = True
                self.data(json.dumps(stamped(version_event(__version__), now), ensure_ascii=False))
            self.data(json.dumps(stamped(event, now), ensure_ascii=False))

    @contextmanager
    def live(self) -> Iterator[None]:
        """No progress display: the events are the progress."""
        yield

    def diagnose(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Emit one event for each diagnostic."""
        from provisioner.render.events import diagnostic_event

        for item in diagnostics:
            self._emit(diagnostic_event(item))

    def found(self, findings: Sequence[CheckFinding]) -> None:
        """Emit one event for each finding of the checks."""
        from provisioner.render.events import diagnostic_event

        for item in findings:
            self._emit(diagnostic_event(item))

    def show(self, plan: Plan, refused: Sequence[Problem]) -> None:
        """Emit one event for each change, and the counts."""
        del refused  # `fail` emits the problems of the RefusedError that follows
        self.planned(plan)

    def planned(self, plan: Plan) -> None:
        """Emit one event for each planned change, and the counts. Unlike `Terminal.planned`, it prints: an apply of a
        saved plan shows the plan in no other way.
        """
        from provisioner.render.events import planned_events, summary_event

        self._plan = plan
        for event in planned_events(plan):
            self._emit(event)
        self._emit(summary_event(plan))

    def confirm(self, plan: Plan, *, destroys_all: bool) -> bool:
        """Raise UsageError: a program reads the events, and nobody can answer."""
        del plan, destroys_all
        raise UsageError("cannot ask for approval with --json", hint="pass --auto-approve or --expect-plan-hash")

    def progress(self, event: Progress) -> None:
        """Emit one event for a phase of a change, also with --quiet."""
        from provisioner.render.events import progress_event

        # Nothing is applied before its plan was shown.
        self._emit(progress_event(event, self._plan.account if self._plan else ""))

    def report(self, plan: Plan, report: Report) -> None:
        """Emit one event for each change that is not clean, and the counts of what was done."""
        from provisioner.render.events import diagnostic_event, summary_event

        for outcome in report.outcomes:
            if not outcome.clean:
                self._emit(diagnostic_event(outcome))
        self._emit(summary_event(plan, report))

    def fail(self, error: ProvisionerError) -> None:
        """Emit one event for each diagnostic or problem of an error, and counts of nothing done."""
        from provisioner.model.report import Report
        from provisioner.render.events import diagnostic_event, summary_event

        # ManifestError has diagnostics, RefusedError has problems; any other error is an event itself.
        carried = getattr(error, "diagnostics", ()) or getattr(error, "problems", ()) or (error,)
        for item in carried:
            self._emit(diagnostic_event(item, self._plan))
        if self._plan:  # a stream that planned changes must end with counts; without a plan there is nothing to count
            self._emit(summary_event(self._plan, Report((), trouble=error.message)))


def wants_colour(choice: str, stream: TextIO) -> bool:
    """Whether to use colour on a stream (no-color.org, force-color.org). `choice` is that of `--color`: it wins over
    the environment, and NO_COLOR wins over FORCE_COLOR.
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
