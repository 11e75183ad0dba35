"""The command that finds mappings, whoever made them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.changes import CHANGES, INCOMPLETE, check_region
from provisioner.cli.language import loaded
from provisioner.cli.options import (
    Invocation,
    counting_calls,
    errors_shown,
    format_options,
    on_manifest,
    with_options,
)
from provisioner.cli.terminal import Terminal

if TYPE_CHECKING:
    from provisioner.workflow import Query, Run
    from provisioner.workflow.discovering import Discovered, Written


def _grouping(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse what is no way to group mappings."""
    del ctx, param  # click passes both to every callback
    from provisioner.convert.files import GROUPINGS, TAG

    if value in GROUPINGS or (value.startswith(TAG) and value != TAG):
        return value
    raise click.BadParameter(f"{value!r} is none of owner, function, tag:KEY and one")


_WHAT = with_options(
    click.option(
        "--kind",
        type=click.Choice(["lambda", "s3", "all"]),
        default="lambda",
        show_default=True,
        help="lambda: event source mappings; s3: notifications of buckets.",
    ),
    click.option("--region", "regions", multiple=True, metavar="REGION", help="Look in this region (repeatable)."),
    click.option("--all-regions", is_flag=True, help="Look in all regions that the account has enabled."),
    click.option(
        "--function",
        "functions",
        multiple=True,
        metavar="NAME",
        help="Only mappings of this function (glob; repeatable).",
    ),
    click.option(
        "--source", "sources", multiple=True, metavar="ARN", help="Only this source: ARN or name (glob; repeatable)."
    ),
    click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Only mappings with this tag (repeatable)."),
    click.option("--unmanaged", is_flag=True, help="Only mappings whose owner is unknown, and that no manifest has."),
)
_NAMES = click.option(
    "--names-from",
    "names_from",
    multiple=True,
    metavar="FILE|cfn:STACK",
    help="Take names and owners from a Terraform state, or from a CloudFormation stack (repeatable).",
)
_THEN = with_options(
    click.option("--check", is_flag=True, help="Exit with 2 if there is a mapping that --unmanaged would show."),
    click.option(
        "--write",
        "folder",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Add the mappings to the manifest in DIR.",
    ),
    click.option(
        "--by",
        default="owner",
        show_default=True,
        metavar="owner|function|tag:KEY|one",
        callback=_grouping,
        help="With --write: what the mappings of one file have in common.",
    ),
    click.option("--name", "stack", default="", metavar="STACK", help="With --write: the stack of a new manifest."),
)


@click.command()
@on_manifest
@_WHAT
@_NAMES
@_THEN
@format_options("text", "json")
def discover(invocation: Invocation, check: bool, folder: Path | None, by: str, stack: str, **wanted: Any) -> None:
    """Find the mappings that exist, whoever made them, and show who manages them. Changes nothing in AWS or in a state.

    Needs no manifest. With --write, those that no stack of provisioner manages are added to the manifest in DIR, with
    `imports`: the next plan imports them. Exits with 3 if something could not be read.
    """
    terminal = invocation.terminal()
    with counting_calls(terminal) as counting, errors_shown(terminal):
        from provisioner import workflow
        from provisioner.errors import UsageError
        from provisioner.foreign_text import one_line

        if not folder and (stack or by != "owner"):
            raise UsageError("--name and --by are for --write", hint="pass --write DIR too")
        query = _query(invocation, terminal, wanted)
        run, others = _runs(invocation, terminal, folder, query)
        counting.append(run)
        found = workflow.discover(run, query, others)
        for item in found.unread:
            terminal.note(f"warning: {item.kind} in {item.region}: {item.message}")
        for absent in found.absent:
            terminal.note(f"{one_line(absent.file)}: {one_line(absent.name)} is {absent.id}, which does not exist")
        written = workflow.write(run, found, folder, by, stack) if folder else None
        _print(invocation, terminal, found, written)
        if folder and written:
            _tell(invocation, terminal, folder, found, written)
            if written.files:  # what AWS has and a manifest must not have is an error now, not in the next plan
                loaded(replace(invocation, path=folder), needs_values=False)
        unmanaged = any(item.found.is_unmanaged for item in found.found)
        sys.exit(INCOMPLETE if found.unread else CHANGES if check and unmanaged else 0)


def _query(invocation: Invocation, terminal: Terminal, wanted: dict[str, Any]) -> Query:
    from provisioner.errors import UsageError
    from provisioner.workflow import Query
    from provisioner.workflow.discovering import ALL_KINDS

    kind, regions = wanted.pop("kind"), wanted["regions"]
    if regions and wanted["all_regions"]:
        raise UsageError("--region and --all-regions exclude each other", hint="pass one of them")
    for region in regions:
        check_region(region)
    pairs = [text.partition("=") for text in wanted.pop("tags")]
    tags = tuple((key, value if equals else None) for key, equals, value in pairs)

    def proceed(calls: int) -> bool:
        terminal.message(f"{calls} buckets are to be read, with one call each.")
        return not invocation.may_ask or not sys.stdin.isatty() or click.confirm("Continue?", err=True)

    return Query(kinds=ALL_KINDS if kind == "all" else (kind,), tags=tags, proceed=proceed, **wanted)


def _runs(invocation: Invocation, terminal: Terminal, folder: Path | None, query: Query) -> tuple[Run, Sequence[Run]]:
    """The run whose manifest is written or read, and that of another manifest which is named beside it."""
    from provisioner import workflow
    from provisioner.environment import environment_region
    from provisioner.errors import ManifestError

    region = environment_region() or next(iter(query.regions), "")
    stated, inputs = invocation.path, invocation.inputs()
    here: Run | None = None
    # The default is the current folder, which need not have a manifest.
    is_default = str(stated) == "."
    is_target = folder is not None and folder.resolve() == stated.resolve()
    if not is_target and (not is_default or workflow.has_manifest(stated)):
        try:
            here = workflow.looking(stated, terminal, inputs=inputs)
        except ManifestError:
            if not is_default:
                raise
            terminal.note(
                "the manifest in the current folder has errors and is left aside: `provisioner validate` shows them"
            )
    if folder is None:
        return here or workflow.looking(None, terminal, region=region), ()
    target = folder if workflow.has_manifest(folder) else None
    provider = here.manifest.provider if here else None
    return workflow.looking(target, terminal, inputs=inputs, provider=provider, region=region), [here] if here else ()


def _print(invocation: Invocation, terminal: Terminal, found: Discovered, written: Written | None) -> None:
    from provisioner.render.discover import count_line, discovered_json, discovered_text

    if invocation.form == "json":
        files = written.files if written else None
        terminal.data(discovered_json(found.account, found.regions, found.found, found.unread, files))
    elif written:
        terminal.data(count_line(found.found, found.unread))
    else:
        terminal.data(discovered_text(found.found, found.unread, terminal.style(sys.stdout), terminal.width))


def _tell(invocation: Invocation, terminal: Terminal, folder: Path, found: Discovered, written: Written) -> None:
    """What was written and what was not, and what to do next."""
    import shlex

    from provisioner.kinds.ids import text_of
    from provisioner.model.words import counted

    for item in written.refused:
        where = text_of(item.found.key) if item.found.key else item.found.origin
        terminal.note(f"{item.name} ({where}) was not written: {item.found.refusal}")
    for gone in found.gone:
        terminal.note(f"{gone.file}: {gone.name} imports {gone.id}, which does not exist any more: remove both entries")
    for file in written.files:
        terminal.message(
            f"{file.path}: {counted(len(file.names), 'mapping')} added" if file.names else f"{file.path}: written"
        )
    if written.named:
        values = [("--var-file", file) for file in invocation.var_files] + [
            ("--var", text) for text in invocation.variables
        ]
        values += [("--from-owner", flag) for flag in sorted({item.found.owner.flag for item in written.named} - {""})]
        plan = shlex.join(["provisioner", "plan", "-f", str(folder), *(word for pair in values for word in pair)])
        terminal.message(
            f"{counted(len(written.named), 'mapping')} written. `{plan}` shows what an apply would import."
        )
    else:
        terminal.message("There is nothing new to write.")
