"""The commands on the state."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from provisioner.cli.changes import check_name
from provisioner.cli.options import Invocation, lock_timeout_option, on_manifest


@click.group()
def state() -> None:
    """Inspect and repair the state. Needs AWS access only for `rm`, `rebuild` and state in S3."""


@state.command(name="list")
@on_manifest
def state_list(invocation: Invocation) -> None:
    """List the recorded mappings: name and ID."""
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.render.state import state_list as text

        records = workflow.records(run)
        if records:
            terminal.data(text(records))
        else:
            terminal.message("The state contains no mappings.")


@state.command(name="show")
@click.argument("name")
@on_manifest
def state_show(invocation: Invocation, name: str) -> None:
    """Show one record: its ID, the last applied values, and its statement."""
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.render.state import state_show as text

        terminal.data(text(name, workflow.records(run, name)[name]))


@state.command(name="mv")
@click.argument("source")
@click.argument("target")
@on_manifest
@lock_timeout_option
def state_mv(invocation: Invocation, source: str, target: str, lock_timeout: float) -> None:
    """Rename a record. Makes no AWS calls. Use `moved` in the manifest instead to rename it for everyone."""
    with invocation.running() as (run, terminal):
        from provisioner import workflow

        check_name(target)  # a name that no manifest can have could never be planned again
        workflow.move(run, source, target, lock_timeout)
        terminal.message(f"Renamed {source} to {target}.")


@state.command(name="rm")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--offline", is_flag=True, help="Do not call AWS: the ownership tags of the mappings stay.")
@on_manifest
@lock_timeout_option
def state_rm(invocation: Invocation, names: tuple[str, ...], lock_timeout: float, offline: bool) -> None:
    """Forget records; their mappings keep running. Their ownership tags are removed."""
    with invocation.running() as (run, terminal):
        from provisioner import workflow

        names = tuple(dict.fromkeys(names))
        workflow.remove(run, names, lock_timeout, offline=offline)
        left = "Its mapping keeps" if len(names) == 1 else "Their mappings keep"
        terminal.message(f"Removed from the state: {', '.join(names)}. {left} running.")


@state.command(name="pull")
@click.option(
    "--version",
    type=click.IntRange(1, 2),
    help="The version of the state's format. 1 is the way back to an older provisioner.",
)
@on_manifest
def state_pull(invocation: Invocation, version: int | None) -> None:
    """Print the state."""
    with invocation.running() as (run, terminal):
        from provisioner import workflow

        terminal.data(workflow.pull(run, version).rstrip())  # `data` ends the line


@state.command(name="push")
@click.argument("file", metavar="FILE")
@click.option(
    "--force", is_flag=True, help="Overwrite the stored state even if it is newer or has a different lineage."
)
@on_manifest
@lock_timeout_option
def state_push(invocation: Invocation, file: str, force: bool, lock_timeout: float) -> None:
    """Store the state from FILE (`-` for standard input) in the location set in the manifest, for example to move it
    from a file to S3.
    """
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.model.words import counted

        pushed = workflow.push(run, _text_of(file), file, lock_timeout, force=force)
        terminal.message(f"Stored serial {pushed.serial} with {counted(len(pushed.mappings), 'mapping')}.")


def _text_of(file: str) -> str:
    from provisioner.errors import UsageError
    from provisioner.filesystem import read_input

    try:
        return sys.stdin.read() if file == "-" else read_input(Path(file)).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        hint = "pass a file with what `state pull` prints"
        raise UsageError(f"{file} cannot be read: {reason}", hint=hint) from error


@state.command(name="rebuild")
@click.option(
    "--adopt-orphans",
    is_flag=True,
    help="Also record entries of buckets that are not in the manifest and that only their ids name as this stack's.",
)
@on_manifest
@lock_timeout_option
def state_rebuild(invocation: Invocation, lock_timeout: float, adopt_orphans: bool) -> None:
    """Rebuild a lost state from the manifest's functions and sources, then from ownership tags."""
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.environment import command_line
        from provisioner.model.words import counted

        made = workflow.rebuild_state(run, lock_timeout, adopts_orphans=adopt_orphans)
        terminal.message(
            f"The state now contains {counted(len(made.mappings), 'mapping')}. Run `{command_line('plan')}` to see what differs."
        )


@click.command(name="force-unlock")
@click.argument("ident", metavar="ID")
@on_manifest
def force_unlock(invocation: Invocation, ident: str) -> None:
    """Remove a stale lock by its ID, if its process is no longer running. File locks never become stale."""
    with invocation.running() as (run, terminal):
        from provisioner import workflow

        workflow.force_unlock(run, ident)
        terminal.message("The state is unlocked. The next apply checks what the interrupted run did.")
