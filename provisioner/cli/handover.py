"""The command that hands mappings over from another tool."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from provisioner.cli.changes import CHANGES
from provisioner.cli.options import Invocation, errors_shown, format_options, on_manifest
from provisioner.cli.terminal import Terminal
from provisioner.environment import command_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.convert.handover import Handover


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|DIR]...")
@on_manifest
@click.option(
    "--verify", is_flag=True, help="Read FILE and the mappings again, and report what is missing; exit with 2 then."
)
@click.option(
    "--cfn-stack",
    "stacks",
    multiple=True,
    metavar="NAME",
    help="Also ask this CloudFormation stack what it has (repeatable).",
)
@format_options("text", "json")
def handover(invocation: Invocation, paths: tuple[Path, ...], verify: bool, stacks: tuple[str, ...]) -> None:
    """Print what makes another tool let go of mappings, without a change to them.

    FILE is what `convert` reads; DIR stands for such files in it. Where the manifest exists, the text is about the mappings
    that it has, else about all of FILE. Without FILE, the owners are those that the tags of the manifest's mappings name. With
    --verify, FILE is the other tool's file as it is now, and -f the manifest that takes its mappings over: each must be
    released, running and unchanged.
    """
    terminal = invocation.terminal()
    if verify:
        _verify(invocation, paths, stacks)
    if not paths:
        with invocation.running() as (run, terminal):
            from provisioner import workflow

            _print(invocation, terminal, workflow.of_manifest(run, stacks), _flags(stacks))
        return
    with errors_shown(terminal):
        from provisioner import workflow

        path = invocation.path
        exists = path.exists() if str(path) != "." else (path / "provisioner.yaml").exists()
        manifest = workflow.Run.on(path, terminal, inputs=invocation.inputs()).manifest if exists else None
        files = [str(path) for path in paths]
        _print(invocation, terminal, workflow.handover(paths, manifest), [*files, *_flags(stacks)])


def _flags(stacks: Sequence[str]) -> list[str]:
    return [word for stack in stacks for word in ("--cfn-stack", stack)]


def _print(invocation: Invocation, terminal: Terminal, handovers: Sequence[Handover], asked: Sequence[str]) -> None:
    """Print steps. `asked` is what says who has the mappings: files and stacks, which are read again."""
    from provisioner.render import handover as render

    if invocation.form == "json":
        terminal.data(render.handover_json(handovers))
        return
    commands = [command_line(*words) for words in (["plan"], ["handover", *asked, "--verify"], ["apply"])]
    terminal.data(render.handover_text(handovers, commands, terminal.style(sys.stdout)))


def _verify(invocation: Invocation, paths: tuple[Path, ...], stacks: tuple[str, ...]) -> NoReturn:
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.render import handover as render

        results = workflow.verify(run, paths, stacks)
        as_json = invocation.form == "json"
        terminal.data(
            render.verified_json(results) if as_json else render.verified_text(results, terminal.style(sys.stdout))
        )
        sys.exit(CHANGES if any(item.problems for item in results) else 0)
