"""The person at the other end: what is printed where, and how one is asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from provisioner.errors import ProvisionerError, UsageError

if TYPE_CHECKING:  # late, so that --help and version stay fast
    from provisioner.model.diagnostics import Diagnostic
    from provisioner.model.plan import Plan
    from provisioner.model.report import Progress
    from provisioner.render.style import Style


class Terminal:
    """Data goes to stdout, everything else to stderr; colour and questions only where a person sits."""

    def __init__(self, *, colour: str, may_ask: bool, quiet: bool) -> None:
        self._colour = colour
        self._may_ask = may_ask
        self._quiet = quiet

    def data(self, text: str) -> None:
        """What the command is for."""
        print(text, file=sys.stdout, flush=True)

    def say(self, text: str) -> None:
        """What is said beside the data."""
        print(text, file=sys.stderr, flush=True)

    def style(self, stream: TextIO) -> Style:
        """How to paint what goes to a stream."""
        from provisioner.render.style import Style

        return Style(_wants_colour(self._colour, stream))

    # --- the workflow's Ui --------------------------------------------------------------------------------------------

    def diagnose(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Show what was found in the manifest."""
        from provisioner.manifest.reader import line_at
        from provisioner.render.diagnostics import diagnostics_text

        if diagnostics:
            self.say(diagnostics_text(diagnostics, self.style(sys.stderr), line_at))

    def note(self, text: str) -> None:
        """Say something beside the data."""
        self.say(self.style(sys.stderr).yellow(text))

    def show(self, plan: Plan) -> None:
        """Show a plan."""
        from provisioner.render.plan import plan_text

        self.data(plan_text(plan, self.style(sys.stdout)))

    def confirm(self, plan: Plan, *, destroys_all: bool) -> bool:
        """Ask, as Terraform does: only `yes` will do."""
        del plan  # it was shown
        if not self._may_ask or not sys.stdin.isatty():
            raise UsageError(
                "nobody can be asked for approval here", hint="say --auto-approve to apply without being asked"
            )
        question = (
            "Do you really want to destroy all mappings of this stack?"
            if destroys_all
            else "Do you want to perform these actions?"
        )
        consequence = "There is no undo." if destroys_all else "provisioner will perform the actions described above."
        self.say(
            f"\n{self.style(sys.stderr).bold(question)}\n  {consequence}\n  Only 'yes' will be accepted to approve.\n"
        )
        print("  Enter a value: ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            self.say("")  # the line that nobody ended
        return answer.strip() == "yes"

    def progress(self, event: Progress) -> None:
        """A line for each event, unless told to be quiet."""
        from provisioner.render.report import progress_line

        if not self._quiet:
            self.say(progress_line(event))

    def fail(self, error: ProvisionerError) -> None:
        """Show an error, whatever it carries."""
        from provisioner.errors import ManifestError, RefusedError
        from provisioner.render.diagnostics import error_text
        from provisioner.render.report import problems_text

        style = self.style(sys.stderr)
        if isinstance(error, ManifestError):
            self.diagnose(error.diagnostics)  # type: ignore[arg-type]  # errors is below model
        elif isinstance(error, RefusedError):
            self.say(problems_text(error.problems, style))  # type: ignore[arg-type]  # errors is below model
        else:
            self.say(error_text(error, style))


def _wants_colour(choice: str, stream: TextIO) -> bool:
    if choice != "auto":
        return choice == "always"
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
