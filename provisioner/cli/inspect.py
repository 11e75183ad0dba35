"""The commands that only read: drift, check, status, show, graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.changes import CHANGES
from provisioner.cli.options import (
    Invocation,
    errors_shown,
    format_options,
    json_option,
    on_manifest,
    plan_formats,
)

if TYPE_CHECKING:
    from provisioner.cli.terminal import Terminal
    from provisioner.render.graph import Edge


@click.command()
@on_manifest
@format_options("text", "json", "markdown")
def drift(invocation: Invocation) -> None:
    """Show what changed outside provisioner since the last apply, and mappings that carry this state's tags and are not
    recorded. Exits with 2 if there is any.
    """
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.render import drift as render
        from provisioner.render.markdown import drift_markdown

        drifted = workflow.drift(run)
        match invocation.form:
            case "json":
                terminal.data(render.drift_json(run.manifest.stack, drifted))
            case "markdown":
                terminal.data(drift_markdown(run.manifest.stack, drifted).rstrip())
            case _:
                terminal.text(render.drift_text(drifted, terminal.style(sys.stdout)))
        sys.exit(CHANGES if drifted else 0)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@on_manifest
@json_option
def check(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Ask AWS whether each mapping of the manifest, or each NAME, would be created, and whether it would work: functions,
    sources, roles, secrets, destinations, keys. Changes nothing. Exits with 2 if anything is found.
    """
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.model.checks import CheckLevel
        from provisioner.render.checks import check_json, checks_text

        found = workflow.check(run, names)
        if invocation.form == "json":
            terminal.data(check_json(run.manifest.stack, found))
        else:
            terminal.text(checks_text(found, terminal.style(sys.stdout)))
        sys.exit(CHANGES if any(item.level is not CheckLevel.SKIPPED for item in found) else 0)


@click.command()
@on_manifest
@click.option(
    "--checks",
    type=click.Choice(["warn", "off"]),
    default="warn",
    show_default=True,
    help="off: do not check whether functions, queues and streams exist.",
)
@json_option
def status(invocation: Invocation, checks: str) -> None:
    """Show the state and problems of each mapping, unhealthy ones first. Exits with 2 if any mapping is unhealthy.

    Includes mappings that are declared in the manifest but not applied yet, and mappings that carry this state's tags
    and are not recorded.
    """
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.render.drift import status_json, status_text

        rows = workflow.status(run, checks=checks != "off")
        if invocation.form == "json":
            terminal.data(status_json(run.manifest.stack, rows))
        else:
            terminal.data(status_text(rows, terminal.style(sys.stdout), terminal.width))
        sys.exit(CHANGES if any(row.problem for row in rows) else 0)


@click.command()
@click.argument("what", required=False, metavar="[PLANFILE|NAME]")
@on_manifest
@click.option(
    "--resolved", is_flag=True, help="Show mapping NAME, or all mappings, with variables and defaults applied."
)
@plan_formats
def show(invocation: Invocation, what: str | None, resolved: bool) -> None:
    """Show a saved plan. With --resolved, show a mapping with variables and defaults applied, and the origin of each
    value.
    """
    terminal = invocation.terminal()
    with errors_shown(terminal):
        from provisioner.errors import UsageError

        # One argument is a plan file or a name, depending on the flag.
        if resolved and invocation.form != "text":
            raise UsageError(f"--resolved prints YAML, not {invocation.form}", hint="remove --json or --format")
        if resolved:
            _show_resolved(invocation, terminal, what)
        elif what:
            from provisioner.backend.planfile import open_plan

            # Without problems: a refused plan is saved by no command.
            terminal.show(open_plan(Path(what)).plan, ())
        else:
            raise UsageError("no plan file given", hint="pass a plan file, or use --resolved")


def _show_resolved(invocation: Invocation, terminal: Terminal, name: str | None) -> None:
    from provisioner.cli.language import loaded
    from provisioner.planning.resolve import require_names
    from provisioner.render.resolved import resolved_text

    # Not through a run: this must work without credentials, and loads nothing of AWS.
    manifest = loaded(invocation)
    if name:
        require_names([name], manifest.manifest.mappings, "show --resolved")
    for key, wanted in manifest.manifest.mappings.items():
        if name in (None, key):
            terminal.data(resolved_text(wanted, manifest.root, terminal.style(sys.stdout)))


@click.command()
@on_manifest
@format_options("mermaid", "dot", "svg")
@click.option(
    "--plan",
    "planfile",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Colour mappings by their action in a saved plan.",
)
def graph(invocation: Invocation, planfile: Path | None) -> None:
    """Draw a graph of sources and functions as Mermaid (for GitHub and GitLab), DOT (for Graphviz) or SVG."""
    terminal = invocation.terminal()
    with errors_shown(terminal):
        from provisioner.render.graph import dot, mermaid
        from provisioner.render.svg import svg

        draw = {"mermaid": mermaid, "dot": dot, "svg": svg}[invocation.form]
        terminal.data(draw(_edges(invocation, planfile)))


def _edges(invocation: Invocation, planfile: Path | None) -> list[Edge]:
    from provisioner.render.graph import edges_of_manifest, edges_of_plan

    if planfile:
        from provisioner.backend.planfile import open_plan

        return edges_of_plan(open_plan(planfile).plan)
    from provisioner.cli.language import loaded

    return edges_of_manifest(loaded(invocation).manifest)
