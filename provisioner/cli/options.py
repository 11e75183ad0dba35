"""What the commands share: their options, and the run that they act on."""

from __future__ import annotations

import functools
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisioner.cli.terminal import EventStream, Terminal
from provisioner.environment import remember_flags
from provisioner.errors import ProvisionerError

if TYPE_CHECKING:  # late, so that --help stays fast
    from provisioner.manifest import Inputs
    from provisioner.workflow import Run

F = TypeVar("F", bound=Callable[..., Any])

_PLAN_HASH = re.compile(r"v\d+:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Invocation:
    """The values of the options that every command on a manifest has. `form` is a choice of `--format`, or `events` for
    the `--json` of commands that apply; `compact` is false where a command lacks the flag.
    """

    path: Path
    variables: tuple[str, ...]
    var_files: tuple[str, ...]
    colour: str
    may_ask: bool
    quiet: bool
    form: str
    compact: bool

    def inputs(self) -> Inputs:
        """The values of variables given on the command line and in the environment. Files are not read yet."""
        from provisioner.manifest import Inputs

        return Inputs(self.variables, tuple(Path(file) for file in self.var_files), os.environ)

    def terminal(self) -> Terminal:
        """Where output goes."""
        kind = EventStream if self.form == "events" else Terminal
        return kind(colour=self.colour, may_ask=self.may_ask, quiet=self.quiet, form=self.form, compact=self.compact)

    @contextmanager
    def running(self) -> Iterator[tuple[Run, Terminal]]:
        """A run on the manifest. Errors are printed and end the process with their code, and the last line counts the
        calls.
        """
        from provisioner.workflow import Run

        terminal = self.terminal()
        # The count is outermost, so that it comes after an error, and also when the process exits.
        with counting_calls(terminal) as counting, errors_shown(terminal):
            run = Run.on(self.path, terminal, inputs=self.inputs())
            counting.append(run)
            yield run, terminal


@contextmanager
def counting_calls(terminal: Terminal) -> Iterator[list[Run]]:
    """Print the last line of a run: calls, throttled calls, seconds. The caller appends the run to the list when it
    exists.
    """
    began = time.monotonic()
    runs: list[Run] = []
    try:
        yield runs
    finally:
        calls, throttled = runs[0].calls if runs else (0, 0)
        seconds = time.monotonic() - began
        terminal.message(f"{calls} {'call' if calls == 1 else 'calls'}, {throttled} throttled, {seconds:.1f}s")


@contextmanager
def errors_shown(terminal: Terminal) -> Iterator[None]:
    """Print a ProvisionerError instead of raising it, and exit with its code. `app.main` handles other exceptions."""
    try:
        yield
    except ProvisionerError as error:
        terminal.fail(error)
        sys.exit(error.exit_code)


# --- options ---------------------------------------------------------------------------------------------------------


def with_options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options in the order in which `--help` shows them."""

    def decorated(command: F) -> F:
        # click lists the option that was applied last first.
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


colour_option = click.option(
    "--color", "colour", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colour."
)


def _one_manifest(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> str:
    """Refuse a second `--file`: click would silently take the last."""
    del ctx, param
    if len(value) > 1:
        raise click.BadParameter("-f can be given only once; run the command once per manifest")
    return value[0] if value else "."


manifest_option = click.option(
    "-f",
    "--file",
    "path",
    multiple=True,
    callback=_one_manifest,
    metavar="PATH",
    help="Manifest file, or folder that contains it (default: current folder).",
)
_variable_options = with_options(
    click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable (repeatable)."),
    click.option(
        "--var-file", "var_files", multiple=True, metavar="FILE", help="Set variables (YAML or JSON; repeatable)."
    ),
)
_terminal_options = with_options(
    click.option("-q", "--quiet", is_flag=True, help="Hide progress."),
    colour_option,
    click.option("--no-input", is_flag=True, help="Never prompt."),
)


def on_manifest(command: F) -> F:
    """A command on a manifest: its function gets an Invocation, then its own arguments and options."""

    @functools.wraps(command)
    def invoked(
        *arguments: Any, path: str, variables: tuple[str, ...], var_files: tuple[str, ...], **options: Any
    ) -> Any:
        # Commands in hints repeat these flags: without them, a pasted command would read another manifest.
        pairs = [("-f", path)] * (path != ".")  # the default needs no flag
        pairs += [("--var-file", file) for file in var_files] + [("--var", text) for text in variables]
        remember_flags([word for pair in pairs for word in pair])
        # Popped, because commands take the form from the Invocation. `--json` wins over `--format`.
        form = str(options.pop("form", "text"))
        form = "json" if options.pop("as_json", False) else form
        form = "events" if options.pop("as_events", False) else form
        invocation = Invocation(
            path=Path(path),
            variables=variables,
            var_files=var_files,
            colour=options.pop("colour"),
            may_ask=not options.pop("no_input"),
            quiet=options.pop("quiet"),
            form=form,
            compact=options.pop("compact", False),
        )
        return command(invocation, *arguments, **options)

    return with_options(manifest_option, _variable_options, _terminal_options)(invoked)  # type: ignore[return-value]  # F


def format_options(*forms: str) -> Callable[[F], F]:
    """`--format` with these choices, and `--json` where that is one of them."""
    choice = click.Choice(forms)
    chosen = click.option("--format", "form", type=choice, default=forms[0], show_default=True, help="Output format.")
    short = click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
    return with_options(chosen, short) if "json" in forms else with_options(chosen)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
compact_option = click.option("--compact", is_flag=True, help="Print one line per mapping.")
plan_formats = with_options(format_options("text", "json", "markdown", "gitlab"), compact_option)


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    del ctx, param  # click passes both to every callback
    from provisioner.model.duration import seconds

    try:
        return seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _approved_hash(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    """Refuse a value that is not a hash. An empty one, from a script that found none, must neither approve a plan nor
    ask for approval.
    """
    del ctx, param
    if value is not None and not _PLAN_HASH.fullmatch(value):
        from provisioner.planning.fingerprint import VERSION

        raise click.BadParameter(f"{value!r} is not a plan hash; expected {VERSION}: followed by 64 hexadecimal digits")
    return value or ""


lock_timeout_option = click.option(
    "--lock-timeout",
    callback=_seconds,
    default="0",
    metavar="T",
    help="Wait this long for the state lock, for example 30s.",
)
_names = with_options(
    click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="NAME",
        help="Include only mappings that match NAME (glob; repeatable).",
    ),
    click.option(
        "--exclude",
        "excludes",
        multiple=True,
        metavar="NAME",
        help="Exclude mappings that match NAME (glob; repeatable).",
    ),
)
# As in Terraform, `--refresh=false`; `--refresh` alone is true.
_refresh = click.option(
    "--refresh",
    type=bool,
    is_flag=False,
    flag_value="true",
    default="true",
    metavar="true|false",
    help="false: assume that the state is current; an apply reads only the ownership tags of what it changes.",
)
_allowances = with_options(
    click.option("--allow-missing", is_flag=True, help="Continue even if most recorded mappings are missing."),
    click.option(
        "--allow-deletes", type=click.IntRange(min=0), metavar="N", help="Allow at most N deletes and replacements."
    ),
    click.option(
        "--accept-risk", "accepted_risks", multiple=True, metavar="CODE", help="Allow this risk (repeatable)."
    ),
)
selection_options = with_options(_names, _refresh, _allowances)


def checks_option(default: str) -> Callable[[F], F]:
    """`--checks`, with another default for each command."""
    return click.option(
        "--checks",
        type=click.Choice(["off", "warn", "error", "strict"]),
        default=default,
        show_default=True,
        help="What is asked of AWS before the first change: nothing; show it; stop for errors; stop for what is likely too.",
    )


from_owner_option = click.option(
    "--from-owner",
    "from_owners",
    multiple=True,
    metavar="OWNER",
    help="Import also what its tags say is OWNER's: cloudformation:NAME or stack:NAME (repeatable).",
)
replace_option = click.option(
    "--replace", "replaced", multiple=True, metavar="NAME", help="Replace this mapping (repeatable)."
)
approval_options = with_options(
    click.option("--auto-approve", is_flag=True, help="Do not ask for approval."),
    click.option(
        "--expect-plan-hash",
        "expected_hash",
        callback=_approved_hash,
        metavar="HASH",
        help="Apply without asking for approval, but only if the plan has this hash.",
    ),
    click.option(
        "--parallelism",
        type=click.IntRange(1, 100),
        default=10,
        show_default=True,
        help="Maximum number of concurrent changes.",
    ),
    click.option("--fail-fast", is_flag=True, help="Do not start further changes after the first failure."),
    click.option("--no-wait", is_flag=True, help="Do not wait for mappings to settle."),
    lock_timeout_option,
    click.option(
        "--json", "as_events", is_flag=True, help="Print one JSON event per line, like `terraform apply -json`."
    ),
    compact_option,
)
EXECUTION = ("auto_approve", "expected_hash", "parallelism", "fail_fast", "lock_timeout")
"""The options of commands that apply, as far as their names are those of fields of `workflow.Execution`; the other one
is `no_wait`.
"""
