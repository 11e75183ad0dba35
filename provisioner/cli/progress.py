"""The progress display of an apply on a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from provisioner.model.report import Phase, Result
from provisioner.model.report import Progress as Event
from provisioner.render.report import progress_line
from provisioner.render.style import Style
from provisioner.render.wrapping import fitted

_NAMED = 3  # mappings in flight that are named; the rest are counted


class Display:
    """A progress bar with the names of changes in progress. A change that ends leaves a line above it. Unlike
    `Terminal.progress` without a display, waits get no lines: the bar shows them.
    """

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        # Neither markup nor highlighting: names and AWS's messages may contain brackets, and are printed as they are.
        self._console = Console(file=stream, no_color=not colour, highlight=False, markup=False, soft_wrap=True)
        self._style = Style(colour)
        columns = (
            SpinnerColumn(),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        # Transient: the bar is removed at the end, so that the report follows the lines.
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task: TaskID | None = None
        self._expected = 0
        self._flying: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def expect(self, changes: int) -> None:
        """Set the number of changes, before the first event."""
        self._expected = changes

    def message(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.out(text, highlight=False)

    def progress(self, event: Event) -> None:
        """Update the display for an event. The first one starts the bar."""
        # Not earlier: a moving bar would be drawn over the plan and the question for approval.
        if self._task is None:
            self._task = self._progress.add_task("", total=self._expected or None)
            self._progress.start()
        name = event.change.key
        if event.phase is Phase.ENDED:
            self._flying.pop(name, None)
            self._progress.advance(self._task)
            # There may be hundreds after an interrupt; the report names them, grouped.
            if event.outcome is None or event.outcome.result is not Result.NOT_ATTEMPTED:
                self.message(fitted(progress_line(event), self._console.width))
        else:
            self._flying[name] = name if event.phase is Phase.STARTED else f"{name} ({event.text})"
            if event.phase is Phase.RETRYING:
                self.message(fitted(self._style.yellow(progress_line(event)), self._console.width))
        named = list(self._flying.values())[:_NAMED]
        more = len(self._flying) - len(named)
        self._progress.update(self._task, description=", ".join(named) + (f" and {more} more" if more else ""))
