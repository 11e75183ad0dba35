"""The command that hands mappings over from another tool."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import NoReturn

import click

from provisioner.cli.changes import CHANGES
from provisioner.cli.options import Invocation, errors_shown, format_options, on_manifest


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|DIR...")
@on_manifest
@click.option(
    "--verify", is_flag=True, help="Read FILE and the mappings again, and report what is missing; exit with 2 then."
)
@format_options("text", "json")
def handover(invocation: Invocation, paths: tuple[Path, ...], verify: bool) -> None:
    """Print what makes another tool let go of the mappings in its files, without a change to them.

    FILE is what `convert` reads; DIR stands for such files in it. With --verify, FILE is the other tool's file as it is now, and
    -f the manifest that takes its mappings over: each must be released, running and unchanged.
    """
    terminal = invocation.terminal()
    if verify:
        _verify(invocation, paths)
    with errors_shown(terminal):
        from provisioner import workflow
        from provisioner.render import handover as render

        handovers = workflow.handover(paths)
        if invocation.form == "json":
            terminal.data(render.handover_json(handovers))
            return
        manifest = ["-f", str(invocation.path)]
        files = [str(path) for path in paths]
        commands = [
            shlex.join(words)
            for words in (
                ["provisioner", "plan", *manifest],
                ["provisioner", "handover", *files, "--verify", *manifest],
                ["provisioner", "apply", *manifest],
            )
        ]
        terminal.data(render.handover_text(handovers, commands, terminal.style(sys.stdout)))


def _verify(invocation: Invocation, paths: tuple[Path, ...]) -> NoReturn:
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.render import handover as render

        results = workflow.verify(run, paths)
        as_json = invocation.form == "json"
        terminal.data(
            render.verified_json(results) if as_json else render.verified_text(results, terminal.style(sys.stdout))
        )
        sys.exit(CHANGES if any(item.problems for item in results) else 0)
