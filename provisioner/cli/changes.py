"""The commands that plan and apply."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.options import (
    EXECUTION,
    Invocation,
    approval_options,
    checks_option,
    counting_calls,
    errors_shown,
    from_owner_option,
    on_manifest,
    plan_formats,
    replace_option,
    selection_options,
)
from provisioner.cli.terminal import Terminal

if TYPE_CHECKING:
    from provisioner.model.plan import Plan
    from provisioner.model.report import Report
    from provisioner.workflow import Execution
    from provisioner.workflow.run import Checks

CHANGES, INCOMPLETE, INTERRUPTED = 2, 3, 130
# Options about how to apply and to print. What a plan contains is in the file, also the manifest that it was made from.
_BESIDE_A_PLAN = frozenset(
    {"planfile", "colour", "no_input", "quiet", "as_events", "compact", "no_wait", "checks", *EXECUTION}
)


@click.command()
@on_manifest
@selection_options
@replace_option
@from_owner_option
@checks_option("warn")
@click.option("--destroy", is_flag=True, help="Plan to delete everything that the stack manages.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save the plan for `apply`."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@plan_formats
def plan(invocation: Invocation, detailed_exitcode: bool, out: Path | None, **selection: Any) -> None:
    """Show what `apply` would change, and why. Makes no changes.

    --json prints one document, like `terraform show -json`, not a stream of events like `terraform plan -json`.
    """
    with invocation.running() as (run, terminal):
        from provisioner import workflow

        made = workflow.plan(run, workflow.Selection(**selection), out)
        if out:
            from provisioner.planning.fingerprint import plan_hash

            line = shlex.join(["provisioner", "apply", str(out)])
            terminal.message(f"Plan saved to {out}; its hash is {plan_hash(made)}. To apply it: {line}")
        sys.exit(CHANGES if detailed_exitcode and made.has_changes else 0)


@click.command()
@click.argument("planfile", required=False, type=click.Path(dir_okay=False, path_type=Path))
@on_manifest
@selection_options
@replace_option
@from_owner_option
@checks_option("error")
@click.option("--destroy", is_flag=True, help="Delete everything that the stack manages.")
@approval_options
def apply(invocation: Invocation, planfile: Path | None, **options: Any) -> None:
    """Apply the saved plan in PLANFILE without asking for approval. Without PLANFILE, make a new plan and ask for
    approval.
    """
    if planfile:
        ctx = click.get_current_context()
        # The flags that cannot be combined with a saved plan. By their source and not by their value: a default that is
        # written out, as in `--refresh=true`, is refused too.
        refused = [
            option.opts[0]
            for option in ctx.command.params
            if ctx.get_parameter_source(str(option.name)) is click.core.ParameterSource.COMMANDLINE
            and option.name not in _BESIDE_A_PLAN
        ]
        _apply_saved(invocation, planfile, _execution(options), options["checks"], refused)
    else:
        _apply(invocation, options)


@click.command()
@on_manifest
@selection_options
@approval_options
def destroy(invocation: Invocation, **options: Any) -> None:
    """Delete everything that the stack manages. Asks for approval."""
    _apply(invocation, {**options, "destroy": True})


def _execution(options: dict[str, Any]) -> Execution:
    # Taken out of `options`: the others are the fields of a Selection.
    from provisioner.workflow import Execution

    return Execution(wait=not options.pop("no_wait"), **{name: options.pop(name) for name in EXECUTION})


def _apply(invocation: Invocation, options: dict[str, Any]) -> None:
    execution = _execution(options)
    with invocation.running() as (run, terminal):
        from provisioner import workflow

        with terminal.live():
            made, report = workflow.apply(run, workflow.Selection(**options), execution)
        _finish(terminal, made, report)


def _apply_saved(
    invocation: Invocation, planfile: Path, execution: Execution, checks: Checks, beside: list[str]
) -> None:
    # Not `running`: it reads the manifest, which a saved plan does not need.
    terminal = invocation.terminal()
    with counting_calls(terminal) as counting, errors_shown(terminal):
        from provisioner import workflow
        from provisioner.backend.planfile import open_plan
        from provisioner.errors import UsageError

        if beside:
            raise UsageError(f"cannot use {', '.join(beside)} with a saved plan", hint="plan again with these options")
        saved = open_plan(planfile)
        run = workflow.Run(workflow.manifest_of(saved), terminal)
        counting.append(run)
        with terminal.live():
            terminal.planned(saved.plan)
            report = workflow.apply_saved(run, saved, execution, checks)
        _finish(terminal, saved.plan, report)


def _finish(terminal: Terminal, made: Plan, report: Report) -> None:
    terminal.report(made, report)
    # An interrupted apply is incomplete too: its own code is the more specific one.
    sys.exit(INTERRUPTED if report.interrupted else 0 if report.clean else INCOMPLETE)


@click.command(name="import")
@click.argument("name")
@click.argument("ident", metavar="ID")
@on_manifest
@click.option("--region", default="", metavar="REGION", help="Region of the mapping; same as UUID@REGION.")
@click.option("--write", is_flag=True, help="Add the mapping to the manifest, if NAME is not in it yet, and import it.")
def import_(invocation: Invocation, name: str, ident: str, region: str, write: bool) -> None:
    """Import an existing mapping, by its ID: UUID, UUID@REGION or s3:BUCKET/ENTRY-ID.

    If NAME is not in the manifest, prints the YAML to add, and records nothing (--write adds it and imports the mapping).
    Otherwise, prints what the next apply will change.
    """
    with invocation.running() as (run, terminal):
        from provisioner import workflow
        from provisioner.render.plan import change_text

        ident, region = _identity(name, ident, region)
        done = workflow.import_mapping(run, name, ident, region=region, write=write)
        if done.entry and not done.file:
            terminal.note(
                f"{name} is not in the manifest, so nothing was imported or recorded. Add this, and the next apply imports the "
                "mapping; or run the command again with --write:"
            )
            terminal.data(done.entry.rstrip())
            return
        terminal.message(f"{name}: imported {ident}")
        if done.file:
            terminal.message(f"{name}: added to {done.file}")
        elif done.change:
            terminal.message("The next apply will make these changes:")
            terminal.text(change_text(done.change, terminal.style(sys.stdout)))
        else:
            terminal.message("It already matches the manifest.")


def _identity(name: str, text: str, region: str) -> tuple[str, str]:
    """The id and the region ("" if not given) on the command line. Raises UsageError."""
    from provisioner.errors import UsageError
    from provisioner.model.references import UUID

    check_name(name)
    uuid, at, stated = text.partition("@")
    # An entry's id may have an @. Without its prefix, the kind of the manifest's mapping decides.
    if not UUID.fullmatch(uuid) and (":" in text or "/" in text):
        uuid, at, stated = text, "", ""
    elif not UUID.fullmatch(uuid):
        raise UsageError(
            f"{uuid!r} is neither a UUID nor s3:BUCKET/ENTRY-ID",
            hint="a UUID has 36 characters, for example 5f0c1f2e-1111-2222-3333-444455556666",
        )
    if at and region and stated != region:
        raise UsageError(f"{text} and --region {region} specify different regions", hint="specify the region only once")
    region = stated if at else region
    if at or region:
        check_region(region)
    return uuid, region


def check_region(region: str) -> None:
    """Raise UsageError when a text cannot be a region."""
    from provisioner.errors import UsageError
    from provisioner.model.references import REGION

    if not REGION.fullmatch(region):
        raise UsageError(f"{region!r} is not a region", hint="use a region name such as eu-west-1")


def check_name(name: str) -> None:
    """Raise UsageError when a text cannot be a mapping's name."""
    from provisioner.errors import UsageError
    from provisioner.model.references import MAPPING_NAME

    if not MAPPING_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid mapping name", hint="use up to 128 letters, digits, '.', '_' and '-'"
        )
