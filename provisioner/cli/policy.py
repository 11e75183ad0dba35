"""The command that prints policies of IAM."""

from __future__ import annotations

import click

from provisioner.cli.options import Invocation, errors_shown, format_options, on_manifest


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@on_manifest
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["plan", "apply", "checks"]),
    help="What the caller of provisioner needs, instead of the functions.",
)
@format_options("json", "terraform", "cloudformation")
def policy(invocation: Invocation, names: tuple[str, ...], purpose: str | None) -> None:
    """Print the least that each function's execution role must be allowed, for all mappings or those called NAME. Nothing is
    asked of AWS.

    JSON is an object of policy documents, by the function's name. With --for, the policy is what the caller needs: for plan
    with drift and status, for apply with destroy, or for the checks in addition to one of these. Sizes, and what the manifest
    does not say, are on stderr.
    """
    terminal = invocation.terminal()
    with errors_shown(terminal):
        from provisioner.cli.language import loaded
        from provisioner.environment import environment_region
        from provisioner.errors import UsageError
        from provisioner.foreign_text import one_line
        from provisioner.planning.caller_policies import Purpose, caller_policies
        from provisioner.planning.resolve import require_names
        from provisioner.planning.role_policies import role_policies
        from provisioner.render import iam_policies as render

        manifest = loaded(invocation, tests_filters=False).manifest
        require_names(names, manifest.mappings, "policy")
        if not manifest.mappings:
            raise UsageError("the manifest has no mappings: there is nothing to allow", hint="add `mappings`")
        manifest = manifest.in_region(manifest.provider.region or environment_region())
        chosen = frozenset(names)
        found = caller_policies(manifest, chosen, Purpose(purpose)) if purpose else role_policies(manifest, chosen)
        written = {
            "json": render.policies_json,
            "terraform": render.policies_terraform,
            "cloudformation": render.policies_cloudformation,
        }[invocation.form]
        terminal.data(written(found.policies))
        folds = (text for name, folded in found.folds.items() for text in render.folds_text(name, folded))
        for text in (*folds, *found.notes):
            terminal.note(one_line(text))
        if not invocation.quiet:
            terminal.message(render.sizes_text(found.policies))
