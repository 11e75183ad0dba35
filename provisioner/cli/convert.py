"""The command that converts other tools' files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.changes import CHANGES, check_region
from provisioner.cli.options import colour_option, errors_shown
from provisioner.cli.terminal import Terminal

if TYPE_CHECKING:
    from provisioner.workflow.converting import Converted


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="The value of a parameter (repeatable)."
)
@click.option("--stage", default="", metavar="STAGE", help="The stage of a serverless.yml.")
@click.option("--region", default="", metavar="REGION", help="The region where the files are deployed.")
@click.option("--account", default="", metavar="ACCOUNT", help="The account where the files are deployed.")
@click.option(
    "--name", "stack", default="", metavar="STACK", help="The stack of the manifest (default: the file's name)."
)
@click.option("-q", "--quiet", is_flag=True, help="Hide the summary.")
@colour_option
def convert(
    paths: tuple[Path, ...],
    parameters: tuple[str, ...],
    stage: str,
    region: str,
    account: str,
    stack: str,
    quiet: bool,
    colour: str,
) -> None:
    """Print the mappings of other tools' files as a manifest. Nothing is asked of AWS.

    FILE is a Terraform state (version 4), the output of `terraform show -json` or `pulumi stack export`, a CloudFormation or
    SAM template, a serverless.yml, objects of ACK or Crossplane, a playbook of Ansible, or a request, its skeleton or an answer
    of the AWS CLI. What a file does not say becomes a variable. Exits with 2 if something was left out; each thing is named.
    """
    terminal = Terminal(colour=colour, quiet=quiet)
    with errors_shown(terminal):
        from provisioner import workflow
        from provisioner.convert.conversion import Options
        from provisioner.errors import UsageError
        from provisioner.model.references import ACCOUNT

        if region:
            check_region(region)
        if account and not ACCOUNT.fullmatch(account):
            raise UsageError(f"{account!r} is not an account", hint="use an account ID of 12 digits")
        values = dict[str, str]()
        for text in parameters:
            name, equals, value = text.partition("=")
            if not equals:
                raise UsageError(f"--param {text}: expected NAME=VALUE")
            values[name] = value
        converted = workflow.convert(paths, Options(values, stage, region, account), stack)
        terminal.data(converted.text.rstrip("\n"))
        _tell(terminal, converted, quiet=quiet)
        sys.exit(CHANGES if converted.left_out else 0)


def _tell(terminal: Terminal, converted: Converted, *, quiet: bool) -> None:
    """What was left out, which variables need values, and what to do next."""
    from provisioner.convert.unknown import readable
    from provisioner.foreign_text import one_line
    from provisioner.model.words import counted

    for item in converted.left_out:
        terminal.note(f"{item.place}: {one_line(item.what)} was left out: {one_line(readable(item.why))}")
    for text in converted.notes:
        terminal.note(text)
    for name, variable in converted.source.variables.items():
        if variable.default is None:
            terminal.note(f"the variable {name} needs a value: {one_line(variable.description)}")
    if quiet:
        return
    with_id = sum(item.found.key is not None for item in converted.named)
    count = counted(len(converted.named), "mapping")
    terminal.message(f"{count} converted, {with_id} of them with the id to import; {len(converted.left_out)} left out.")
    if with_id < len(converted.named):
        terminal.message(
            "An apply creates a mapping without an id. If it exists, import it: `provisioner discover` shows its id."
        )
