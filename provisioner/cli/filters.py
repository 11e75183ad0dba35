"""The commands about filters."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from provisioner.cli.changes import CHANGES
from provisioner.cli.options import Invocation, errors_shown, format_options, on_manifest


@click.group(name="filter")
def filters() -> None:
    """Try the filters of a mapping."""


@filters.command()
@click.argument("name")
@on_manifest
@click.option(
    "--event",
    required=True,
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="The event: JSON, or one JSON value a line; - is standard input.",
)
@click.option("--expect", type=click.Choice(["pass", "drop"]), help="Exit with 2 if a record does otherwise.")
@format_options("text", "json")
def test(invocation: Invocation, name: str, event: Path, expect: str | None) -> None:
    """Show whether the records of an event pass the filters of the mapping NAME, and if not, why. Nothing is asked of AWS.

    FILE has an event as Lambda delivers it, one record, a list of them, or the data of a record alone.
    """
    terminal = invocation.terminal()
    with errors_shown(terminal):
        from provisioner import workflow
        from provisioner.cli.language import loaded
        from provisioner.render import filters as render

        manifest = loaded(invocation, tests_filters=False).manifest
        verdicts = workflow.try_filters(manifest, name, event)
        if invocation.form == "json":
            terminal.data(render.verdicts_json(verdicts))
        else:
            terminal.data(render.verdicts_text(verdicts, terminal.style(sys.stdout)))
        otherwise = [item for item in verdicts if expect and item.passes is not (expect == "pass")]
        sys.exit(CHANGES if otherwise else 0)
