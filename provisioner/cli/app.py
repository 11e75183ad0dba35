"""The commands. Each parses its arguments and makes one call; what a command needs is imported when it runs."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisioner import __version__
from provisioner.cli.terminal import Terminal
from provisioner.errors import ProvisionerError

if TYPE_CHECKING:
    from provisioner.workflow import Run, Selection

F = TypeVar("F", bound=Callable[..., Any])

CHANGES, INCOMPLETE, INTERRUPTED = 2, 3, 130


def _manifest_option(command: F) -> F:
    flags = ("-f", "--file")
    return click.option(
        *flags, "path", default=".", metavar="PATH", help="The manifest: a file, or a folder with one (default: here)."
    )(command)


_colour_option = click.option(
    "--color", "colour", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to paint."
)


def _terminal_options(command: F) -> F:
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No progress lines."),
        _colour_option,
        click.option("--no-input", is_flag=True, help="Never ask."),
    ):
        command = option(command)
    return command


def _selection_options(command: F) -> F:
    for option in reversed(
        (
            click.option(
                "--target", "targets", multiple=True, metavar="NAME", help="Only this mapping (a glob; repeatable)."
            ),
            click.option(
                "--exclude", "excludes", multiple=True, metavar="NAME", help="Not this mapping (a glob; repeatable)."
            ),
            click.option("--allow-missing", is_flag=True, help="Go on although most recorded mappings do not exist."),
            click.option(
                "--allow-deletes",
                type=click.IntRange(min=0),
                metavar="N",
                help="Allow this many deletes and replacements.",
            ),
        )
    ):
        command = option(command)
    return command


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    del ctx, param
    from provisioner.model.duration import seconds

    try:
        return seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_lock_timeout_option = click.option(
    "--lock-timeout",
    callback=_seconds,
    default="0",
    metavar="T",
    help="Wait this long for the state's lock, as in 30s.",
)


def _apply_options(command: F) -> F:
    for option in reversed(
        (
            click.option("--auto-approve", is_flag=True, help="Do not ask."),
            click.option(
                "--parallelism", type=click.IntRange(1, 100), default=10, show_default=True, help="Changes at once."
            ),
            click.option("--fail-fast", is_flag=True, help="Start nothing new after the first failure."),
            _lock_timeout_option,
        )
    ):
        command = option(command)
    return command


_replace_option = click.option(
    "--replace", "replaced", multiple=True, metavar="NAME", help="Replace this mapping (repeatable)."
)


class _Commands(click.Group):
    """Commands in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


# The escape keeps click from filling the lines below it into a paragraph.
_HELP = """Plan and apply AWS Lambda event source mappings from YAML.

\b
provisioner plan                        what would change, and why
provisioner apply                       change it
provisioner import orders 5f0c1f2e-...  take over a mapping that exists
provisioner sandbox                     try all of it without an account
"""


@click.group(
    cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="provisioner %(version)s")
def cli() -> None:
    """Every command stands below this one."""


@cli.command()
@_manifest_option
@_selection_options
@_replace_option
@click.option("--destroy", is_flag=True, help="Plan to delete everything that the stack manages.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@_terminal_options
def plan(path: str, detailed_exitcode: bool, colour: str, no_input: bool, quiet: bool, **selection: Any) -> None:
    """Show what an apply would do now, and why. Changes nothing."""
    with _running(path, colour, no_input, quiet) as (run, _):
        from provisioner import workflow

        made = workflow.plan(run, _selection(selection))
        sys.exit(CHANGES if detailed_exitcode and made.has_changes else 0)


@cli.command()
@_manifest_option
@_selection_options
@_replace_option
@click.option("--destroy", is_flag=True, help="Delete everything that the stack manages.")
@_apply_options
@_terminal_options
def apply(path: str, colour: str, no_input: bool, quiet: bool, **options: Any) -> None:
    """Carry out what a plan made now says. Asks first."""
    _apply(path, colour, no_input, quiet, options)


@cli.command()
@_manifest_option
@_selection_options
@_apply_options
@_terminal_options
def destroy(path: str, colour: str, no_input: bool, quiet: bool, **options: Any) -> None:
    """Delete everything that the stack manages: an apply of nothing. Asks first."""
    _apply(path, colour, no_input, quiet, {**options, "destroy": True})


def _apply(path: str, colour: str, no_input: bool, quiet: bool, options: dict[str, Any]) -> None:
    execution = {name: options.pop(name) for name in ("auto_approve", "parallelism", "fail_fast", "lock_timeout")}
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow
        from provisioner.render.report import report_text

        made, report = workflow.apply(run, _selection(options), workflow.Execution(**execution))
        terminal.data("\n" + report_text(made, report, terminal.style(sys.stdout)))
        sys.exit(INTERRUPTED if report.interrupted else 0 if report.clean else INCOMPLETE)


@cli.command(name="import")
@click.argument("name")
@click.argument("uuid")
@_manifest_option
@_terminal_options
def import_(name: str, uuid: str, path: str, colour: str, no_input: bool, quiet: bool) -> None:
    """Put a mapping that exists under management, by its UUID.

    Where the manifest has no such NAME, prints the YAML to add; otherwise what the next plan will change.
    """
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow
        from provisioner.render.manifest import entry_yaml
        from provisioner.render.plan import change_text

        _check_import(name, uuid)
        done = workflow.import_mapping(run, name, uuid)
        terminal.say(f"{name}: imported {uuid}")
        if name not in run.manifest.mappings:
            terminal.note("Add this to the manifest before the next apply, which would delete the mapping otherwise:")
            terminal.data(entry_yaml(name, done.live, done.region).rstrip())
        elif done.change:
            terminal.say("The next plan will change it:")
            terminal.data(change_text(done.change, terminal.style(sys.stdout)))
        else:
            terminal.say("It is as the manifest says.")


def _check_name(name: str) -> None:
    from provisioner.errors import UsageError
    from provisioner.manifest.mappings import NAME

    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a mapping's name", hint="use letters, digits, '.', '_' and '-', at most 128")


def _check_import(name: str, uuid: str) -> None:
    from provisioner.errors import UsageError
    from provisioner.model.references import UUID

    _check_name(name)
    if not UUID.fullmatch(uuid):
        raise UsageError(
            f"{uuid!r} is not a UUID", hint="it has 36 characters, like 5f0c1f2e-1111-2222-3333-444455556666"
        )


@cli.group()
def state() -> None:
    """Look at what is recorded, and mend it. Needs AWS only for `rebuild`, and where the state is in S3."""


@state.command(name="list")
@_manifest_option
@_terminal_options
def state_list(path: str, colour: str, no_input: bool, quiet: bool) -> None:
    """List the mappings under management: name and UUID."""
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow
        from provisioner.render.state import state_list as text

        records = workflow.records(run)
        if records:
            terminal.data(text(records))
        else:
            terminal.say("The state holds no mapping.")


@state.command(name="show")
@click.argument("name")
@_manifest_option
@_terminal_options
def state_show(name: str, path: str, colour: str, no_input: bool, quiet: bool) -> None:
    """Show one record: its UUID, and what was applied last."""
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow
        from provisioner.render.state import state_show as text

        terminal.data(text(name, workflow.records(run, name)[name]))


@state.command(name="mv")
@click.argument("source")
@click.argument("target")
@_manifest_option
@_lock_timeout_option
@_terminal_options
def state_mv(
    source: str, target: str, path: str, lock_timeout: float, colour: str, no_input: bool, quiet: bool
) -> None:
    """Give a record another name. Makes no call; `moved` in the manifest does the same for everybody."""
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow

        _check_name(target)
        workflow.move(run, source, target, lock_timeout)
        terminal.say(f"{source} is {target} now.")


@state.command(name="rm")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_manifest_option
@_lock_timeout_option
@_terminal_options
def state_rm(names: tuple[str, ...], path: str, lock_timeout: float, colour: str, no_input: bool, quiet: bool) -> None:
    """Forget records; their mappings keep running."""
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow

        workflow.remove(run, names, lock_timeout)
        terminal.say(f"Forgotten: {', '.join(names)}. Their mappings keep running.")


@state.command(name="pull")
@_manifest_option
@_terminal_options
def state_pull(path: str, colour: str, no_input: bool, quiet: bool) -> None:
    """Print the state."""
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow

        terminal.data(workflow.pull(run).rstrip())


@state.command(name="push")
@click.argument("file", metavar="FILE")
@click.option("--force", is_flag=True, help="Replace a newer state, or one of another lineage.")
@_manifest_option
@_lock_timeout_option
@_terminal_options
def state_push(
    file: str, force: bool, path: str, lock_timeout: float, colour: str, no_input: bool, quiet: bool
) -> None:
    """Store the state in FILE (`-` for standard input) where the manifest keeps it: moves a state, say from a file to S3."""
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow

        pushed = workflow.push(run, _text_of(file), file, lock_timeout, force=force)
        terminal.say(f"Stored serial {pushed.serial} with {len(pushed.mappings)} mappings.")


def _text_of(file: str) -> str:
    from provisioner.errors import UsageError

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{file} cannot be read: {reason}") from error


@state.command(name="rebuild")
@_manifest_option
@_lock_timeout_option
@_terminal_options
def state_rebuild(path: str, lock_timeout: float, colour: str, no_input: bool, quiet: bool) -> None:
    """Make a lost state anew: by the manifest's functions and sources, then by ownership tags."""
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow

        made = workflow.rebuild_state(run, lock_timeout)
        terminal.say(f"The state holds {len(made.mappings)} mappings now; plan to see what differs.")


@cli.command(name="force-unlock")
@click.argument("ident", metavar="ID")
@_manifest_option
@_terminal_options
def force_unlock(ident: str, path: str, colour: str, no_input: bool, quiet: bool) -> None:
    """Take away the lock with this ID, when its process is gone for good. A lock in a file needs no such thing."""
    with _running(path, colour, no_input, quiet) as (run, terminal):
        from provisioner import workflow

        workflow.force_unlock(run, ident)
        terminal.say("The state is unlocked; the next apply finds out what was going on.")


@cli.command()
@click.argument("code", required=False)
@_colour_option
def explain(code: str | None, colour: str) -> None:
    """Say what an error or warning CODE means and what to do; without one, list all codes."""
    terminal = Terminal(colour=colour, may_ask=False, quiet=False)
    with _errors_shown(terminal):
        from provisioner.errors import UsageError
        from provisioner.model.codes import CODES
        from provisioner.render.explain import codes_text, explanation_text

        if code is None:
            terminal.data(codes_text(CODES))
        elif (known := code.upper()) in CODES:
            terminal.data(explanation_text(known, CODES[known], terminal.style(sys.stdout)))
        else:
            raise UsageError(f"there is no code {code!r}", hint="`provisioner explain` lists all codes")


@cli.command()
@click.option("--port", default=4599, show_default=True, help="The port on 127.0.0.1; 0 takes a free one.")
@click.option(
    "--seed", type=click.Path(), metavar="FILE", help="YAML with functions, queues, streams and tables to begin with."
)
@click.option(
    "--delay",
    default="0.2",
    show_default=True,
    metavar="SECONDS",
    help="Of transitions; or creating=S,updating=S,deleting=S,...",
)
def sandbox(port: int, seed: str | None, delay: str) -> None:
    """Run an embedded control plane that behaves as AWS does, in the foreground; account 123456789012."""
    terminal = Terminal(colour="auto", may_ask=False, quiet=False)
    with _errors_shown(terminal):
        from provisioner.sandbox.server import serve

        serve(port=port, seed=seed, delay=delay, say=terminal.data)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def version(as_json: bool) -> None:
    """Show the version."""
    click.echo(f'{{"version": "{__version__}"}}' if as_json else f"provisioner {__version__}")


# --- around every command --------------------------------------------------------------------------------------------


def _selection(options: dict[str, Any]) -> Selection:
    from provisioner.workflow import Selection

    return Selection(**options)


@contextmanager
def _running(path: str, colour: str, no_input: bool, quiet: bool) -> Iterator[tuple[Run, Terminal]]:
    """One run: opened, its errors shown, and its calls counted in the last line."""
    began = time.monotonic()
    terminal = Terminal(colour=colour, may_ask=not no_input, quiet=quiet)
    with _errors_shown(terminal):
        from provisioner.workflow import Run

        run = Run(Path(path), terminal)
        try:
            yield run, terminal
        except ProvisionerError as error:
            terminal.fail(error)
            sys.exit(error.exit_code)
        finally:
            calls, throttled = run.calls
            seconds = time.monotonic() - began
            terminal.say(f"{calls} {'call' if calls == 1 else 'calls'}, {throttled} throttled, {seconds:.1f}s")


@contextmanager
def _errors_shown(terminal: Terminal) -> Iterator[None]:
    try:
        yield
    except ProvisionerError as error:
        terminal.fail(error)
        sys.exit(error.exit_code)


_ONE_DASH = re.compile(r"-[a-z][a-z-]+(=.*)?")


def _two_dashes(arguments: Sequence[str]) -> list[str]:
    """Long flags work with one dash or two, as Terraform's users type them."""
    return [f"-{argument}" if _ONE_DASH.fullmatch(argument) else argument for argument in arguments]


def main() -> None:
    """Run the command line."""
    if os.name != "posix":
        sys.exit("provisioner runs on Linux and macOS: its lock needs flock, which Windows does not have")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        cli.main(_two_dashes(sys.argv[1:]), prog_name="provisioner", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        print("Interrupted.", file=sys.stderr, flush=True)
        # At once: workers may still wait for AWS, and what they did is in the journal.
        os._exit(INTERRUPTED)
    except BrokenPipeError:
        os._exit(1)
    except OSError as error:
        print(f"Error: {error.filename or 'the output'}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(1)  # flushing what could not be written would fail once more
    except Exception as error:  # noqa: BLE001  # a mistake of ours; what was done is in the state all the same
        if os.environ.get("PROVISIONER_LOG") == "debug":
            traceback.print_exc()
        print(f"Error: provisioner itself failed: {type(error).__name__}: {error}", file=sys.stderr)
        print("  set PROVISIONER_LOG=debug to see where, and report it", file=sys.stderr, flush=True)
        sys.exit(1)
