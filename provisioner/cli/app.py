"""The command line: the group that holds every command, and the entry point."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from itertools import takewhile

import click

from provisioner import __version__
from provisioner.cli import changes, convert, discover, filters, handover, inspect, language, policy, state
from provisioner.cli.changes import INTERRUPTED
from provisioner.cli.options import errors_shown
from provisioner.cli.streams import prepare_streams
from provisioner.cli.terminal import Terminal


class _Commands(click.Group):
    """Commands in the order in which they are used; click sorts them by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


# The escape \b keeps click from filling the lines below it into a paragraph.
_HELP = """Plan and apply AWS Lambda event source mappings from YAML.

\b
provisioner plan                        what would change, and why
provisioner apply                       apply the changes
provisioner discover                    what exists already, and who manages it
provisioner import orders 5f0c1f2e-...  import an existing mapping
provisioner sandbox                     try it without an AWS account
"""


@click.group(
    cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="provisioner %(version)s")
def cli() -> None:
    """The group of all commands."""


@click.command()
@click.option("--port", default=4599, show_default=True, help="Port to listen on (127.0.0.1); 0 picks a free port.")
@click.option(
    "--seed",
    type=click.Path(),
    metavar="FILE",
    help="YAML file with functions, queues, streams and tables to create at startup.",
)
@click.option(
    "--delay",
    default="0.2",
    show_default=True,
    metavar="SECONDS",
    help="How long each transition but deletes takes, or creating=S,updating=S,deleting=S,...",
)
def sandbox(port: int, seed: str | None, delay: str) -> None:
    """Run a local emulator of the AWS control plane in the foreground (account 123456789012)."""
    terminal = Terminal(colour="auto")
    with errors_shown(terminal):
        # Late: the sandbox needs packages that are installed only with the extra `sandbox`.
        from provisioner.sandbox.server import serve

        serve(port=port, seed=seed, delay=delay, announce=terminal.data)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def version(as_json: bool) -> None:
    """Show the version."""
    click.echo(f'{{"version": "{__version__}"}}' if as_json else f"provisioner {__version__}")


for command in (
    changes.plan,
    changes.apply,
    changes.destroy,
    inspect.check,
    inspect.drift,
    inspect.status,
    inspect.show,
    discover.discover,
    convert.convert,
    handover.handover,
    changes.import_,
    language.validate,
    filters.filters,
    policy.policy,
    language.fmt,
    inspect.graph,
    state.state,
    state.force_unlock,
    language.explain,
    language.schema,
    language.skeleton,
    sandbox,
    version,
):
    cli.add_command(command)


# --- around every command --------------------------------------------------------------------------------------------


def _commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from _commands(command)


def main() -> None:
    """Run the command line. Every error is printed and becomes an exit code, as the README lists them."""
    if os.name != "posix":
        sys.exit("provisioner runs only on Linux and macOS: its state lock needs flock, which Windows does not support")
    prepare_streams()
    # SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does: by default they end the process at once, and a lock in
    # S3 would stay.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    # Plugins of pydantic have no say in a manifest, and looking for them costs ten milliseconds.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if os.environ.get("PROVISIONER_LOG") == "debug":
        import logging

        logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
        logging.getLogger("provisioner").setLevel(logging.DEBUG)
    try:
        # Long flags work with one dash or two, as Terraform's users type them. Only known long flags, so that -f, -q, values
        # such as -1 and names such as q stay; after `--` everything is a value.
        flags = {flag for command in _commands(cli) for option in command.params for flag in option.opts}
        known = {flag for flag in flags if flag.startswith("--")}
        ours = list(takewhile(lambda argument: argument != "--", sys.argv[1:]))
        arguments = [f"-{item}" if f"-{item.partition('=')[0]}" in known else item for item in ours]
        arguments += sys.argv[1 + len(ours) :]
        # Not standalone: click exits with 2 for a wrong flag, which here means that there are changes.
        cli.main(arguments, prog_name="provisioner", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        print("Interrupted.", file=sys.stderr, flush=True)
        # At once: workers may still wait for AWS, and what they did is in the journal.
        os._exit(INTERRUPTED)
    except BrokenPipeError:  # as with `| head`: nobody reads an error message, and the flush at exit would raise again
        os._exit(1)
    except OSError as error:
        print(f"Error: {error.filename or 'the output'}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(1)  # a second flush would fail again
    except Exception as error:  # noqa: BLE001  # a mistake of ours; what was done is in the state all the same
        if os.environ.get("PROVISIONER_LOG") == "debug":
            traceback.print_exc()
        print(f"Error: internal error in provisioner: {type(error).__name__}: {error}", file=sys.stderr)
        print(
            "  this is a bug: run again with PROVISIONER_LOG=debug to get a traceback, and report it",
            file=sys.stderr,
            flush=True,
        )
        sys.exit(1)
