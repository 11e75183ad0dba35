"""The commands on the manifest alone: offline, without credentials, and without boto3."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import (
    Invocation,
    colour_option,
    errors_shown,
    format_options,
    on_manifest,
)
from provisioner.cli.terminal import Terminal, columns_of
from provisioner.model.sources import SourceKind

if TYPE_CHECKING:
    from provisioner.manifest.load import Loaded
    from provisioner.model.diagnostics import Diagnostic

FAILED, WOULD_CHANGE = 1, 3


def loaded(invocation: Invocation, *, needs_values: bool = True, tests_filters: bool = True) -> Loaded:
    """The manifest, without anything of AWS: unlike `workflow.Run.on`, it does not import botocore unless a field is
    unknown, and shows no warnings. Raises ManifestError; with `needs_values` also for a variable without a value.
    """
    from provisioner.environment import environment_region
    from provisioner.manifest import load

    region = environment_region()
    return load(
        invocation.path,
        inputs=invocation.inputs(),
        region=region,
        member=_member,
        needs_values=needs_values,
        tests_filters=tests_filters,
    )


def _member(path: Sequence[str]) -> str:
    from provisioner.aws.members import member_of  # late: it opens botocore, for a field that the table lacks

    return member_of(path)


@click.command()
@on_manifest
@format_options("text", "json", "github", "sarif")
def validate(invocation: Invocation) -> None:
    """Check the whole manifest offline, and report all problems at once.

    Values that use a variable without a value are not checked.
    """
    terminal = invocation.terminal()
    with errors_shown(terminal):
        diagnostics, unvalued, count = _validated(invocation)
        _print(invocation.form, terminal, diagnostics, unvalued, count)
        sys.exit(FAILED if any(item.severity == "error" for item in diagnostics) else 0)


def _validated(invocation: Invocation) -> tuple[Sequence[Diagnostic], Sequence[str], int]:
    """The diagnostics, the variables without a value, and the number of mappings when there is no error."""
    from provisioner.errors import ManifestError

    try:
        checked = loaded(invocation, needs_values=False)
    except ManifestError as error:
        return error.diagnostics, error.unvalued, 0  # type: ignore[return-value]  # errors is below model
    return checked.warnings, checked.unvalued, len(checked.manifest.mappings)


def _print(
    form: str, terminal: Terminal, diagnostics: Sequence[Diagnostic], unvalued: Sequence[str], count: int
) -> None:
    from provisioner import __version__
    from provisioner.manifest.reader import line_at
    from provisioner.model.words import counted
    from provisioner.render import diagnostics as render

    match form:
        case "json":
            terminal.data(render.diagnostics_json(diagnostics, unvalued))
        case "sarif":
            terminal.data(render.diagnostics_sarif(diagnostics, __version__))
        case "github":
            if diagnostics:  # `data` would print an empty line
                terminal.data(render.diagnostics_github(diagnostics))
        case _:
            if diagnostics:
                terminal.text(
                    render.diagnostics_text(diagnostics, terminal.style(sys.stdout), line_at, columns_of(sys.stdout))
                )
            if not any(item.severity == "error" for item in diagnostics):
                terminal.data(f"The manifest is valid: {counted(count, 'mapping')}.")
    if unvalued:
        terminal.message(
            f"values that use these variables were not checked, because the variables have no value: {', '.join(unvalued)}"
        )


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Change nothing; exit with 3 when a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
@colour_option
def fmt(paths: tuple[Path, ...], check: bool, diff: bool, colour: str) -> None:
    """Rewrite manifests in canonical form: key order, quotes, blank lines. Comments and meaning are preserved.

    PATH is a manifest (the files that it includes are formatted too), or a folder that contains one (default: current
    folder).
    """
    terminal = Terminal(colour=colour)
    with errors_shown(terminal):
        changed = [
            file
            for path in paths or (Path(),)
            for file in _format(path, terminal, writes=not (check or diff), diff=diff)
        ]
        for file in changed:
            terminal.message(f"{file}: {'would change' if check or diff else 'formatted'}")
        sys.exit(WOULD_CHANGE if check and changed else 0)


def _format(path: Path, terminal: Terminal, *, writes: bool, diff: bool) -> list[str]:
    """Format the files of a manifest. Returns the names of those that changed, or would change."""
    from provisioner.manifest.format.writing import reformat
    from provisioner.render.diagnostics import diff_text

    changed = []
    for file, before, after in reformat(path, writes=writes):
        changed.append(file)
        if diff:
            terminal.data(diff_text(file, before, after, terminal.style(sys.stdout)))
    return changed


@click.command()
def schema() -> None:
    """Print the JSON Schema of the manifest (draft 2020-12), for editors.

    Save it to FILE, and put `# yaml-language-server: $schema=FILE` in the first line of a manifest: the editor then
    completes and checks it.
    """
    import json

    from provisioner.manifest.jsonschema import manifest_schema

    Terminal(colour="never").data(json.dumps(manifest_schema(), indent=2, ensure_ascii=False))


@click.command()
@click.argument(
    "kind", type=click.Choice([kind.value for kind in SourceKind if kind is not SourceKind.UNKNOWN]), metavar="KIND"
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the API's request instead, for `aws ... --cli-input-json`."
)
def skeleton(kind: str, as_json: bool) -> None:
    """Print a manifest of one mapping to fill in, with every field of its KIND, its default and its limits.

    KIND is what the mapping reads from: sqs, fifo, kinesis, dynamodb, msk, kafka, kafka-queue, mq, documentdb or s3.
    """
    import json

    from provisioner.manifest import skeleton as skeletons

    source, terminal = SourceKind(kind), Terminal(colour="never")
    if as_json:
        terminal.data(json.dumps(skeletons.request(source), indent=2, ensure_ascii=False))
    else:
        terminal.data(skeletons.skeleton(source).rstrip("\n"))


@click.command()
@click.argument("code", required=False)
@colour_option
def explain(code: str | None, colour: str) -> None:
    """Explain an error, warning or risk CODE and how to fix it. Without CODE, list all codes."""
    terminal = Terminal(colour=colour)
    with errors_shown(terminal):
        from provisioner.errors import UsageError
        from provisioner.model.codes import EXPLANATIONS
        from provisioner.render.explain import codes_text, explanation_text

        if code is None:
            terminal.data(codes_text(EXPLANATIONS))
        elif (known := code.upper()) in EXPLANATIONS:
            from provisioner.kinds.rules import rules_in_words

            text = explanation_text(known, EXPLANATIONS[known], rules_in_words(known), terminal.style(sys.stdout))
            terminal.text(text)
        else:
            raise UsageError(f"unknown code {code!r}", hint="run `provisioner explain` to list all codes")
