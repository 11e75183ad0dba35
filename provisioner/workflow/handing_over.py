"""Hands mappings over from another tool: what makes it let go, and whether it has. Nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from provisioner.aws.stacks import mappings_of, template_of
from provisioner.convert.conversion import Options
from provisioner.convert.documents import documents, members_of, text_at
from provisioner.convert.formats import convert, is_known
from provisioner.convert.found import OwnerKind
from provisioner.convert.handover import Handover, handovers
from provisioner.convert.names import names_of
from provisioner.convert.text import Named
from provisioner.convert.verified import Verified
from provisioner.environment import environment_region
from provisioner.errors import AwsError, UsageError
from provisioner.kinds import kind_for, pair_of
from provisioner.model.key import LAMBDA
from provisioner.model.live import ACTIVE
from provisioner.model.manifest import Manifest
from provisioner.model.plan import Action, Change
from provisioner.workflow.changing import preview
from provisioner.workflow.discovering import Query, discover, imported_keys
from provisioner.workflow.run import Run


def handover(paths: Sequence[Path], manifest: Manifest | None = None) -> list[Handover]:
    """The steps that make other tools let go of the mappings in their files, or of those of them that a manifest takes over. A
    folder stands for its files that can be converted.

    Raises UsageError for a file that cannot be read, and where there is nothing to hand over.
    """
    conversion = convert(files_in(paths), Options())
    found = conversion.found
    named = [Named(name, item) for name, item in zip(names_of(found), found, strict=True)]
    chosen = named if manifest is None else _taken_over(named, manifest)
    if named and not chosen:
        raise UsageError(
            "there is nothing to hand over: the manifest has no mapping of these files",
            hint="`provisioner convert` writes them into a manifest",
        )
    steps = handovers(named, chosen, {item.what for item in conversion.left_out})
    if not steps:
        raise UsageError("there is nothing to hand over: no other tool manages a mapping in these files")
    return steps


def _taken_over(named: Sequence[Named], manifest: Manifest) -> list[Named]:
    """Those that a manifest takes over: it has their id, or one of their pair, or their name where no id is known."""
    whole = manifest.in_region(manifest.provider.region or environment_region())
    ids = {(key.kind, key.id) for _, key in imported_keys(whole)}
    pairs = set(map(pair_of, whole.mappings.values()))
    return [
        item
        for item in named
        if item.found.pair in pairs
        or ((key.kind, key.id) in ids if (key := item.found.key) else item.name in whole.mappings)
    ]


def files_in(paths: Sequence[Path]) -> list[Path]:
    """The files themselves, and of folders those that can be converted. Raises UsageError for a folder without one."""
    files = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        known = [item for item in sorted(path.iterdir()) if item.is_file() and is_known(item)]
        if not known:
            raise UsageError(f"{path} has no file that can be converted", hint="pass the file of the other tool")
        files += known
    return files


def of_manifest(run: Run, stacks: Sequence[str] = ()) -> list[Handover]:
    """The steps for the mappings of a manifest, whose owners their tags name, or `stacks` of CloudFormation that have them.

    Raises UsageError, and as `discover` does.
    """
    kinds = {kind_for(item.kind).name for item in run.manifest.mappings.values()}
    run.connect(run.backend.read().state.account)
    regions = sorted({item.region for item in run.manifest.in_region(run.aws.region).mappings.values()})
    names_from = tuple(f"cfn:{stack}" for stack in stacks)
    found = discover(run, Query(kinds=tuple(sorted(kinds)), regions=tuple(regions), names_from=names_from)).found
    steps = handovers(found, [item for item in found if item.found.declared or item.found.owner.kind is OwnerKind.OURS])
    if not steps:
        raise UsageError(
            "there is nothing to hand over: no tags name another tool for a mapping of the manifest",
            hint="pass the other tool's file, such as a state of Terraform, which leaves no tags",
        )
    return steps


def verify(run: Run, paths: Sequence[Path], stacks: Sequence[str] = ()) -> list[Verified]:
    """Whether the mappings of the manifest are handed over: what the other tool's files have, as they are now, what the stacks of
    CloudFormation have, those that tags name and `stacks`, and what AWS has.

    Raises UsageError, AwsError, and as `plan` does.
    """
    # A file may not say the region; an id is in one only.
    found = convert(files_in(paths), Options()).found
    holders = {(key.kind, key.id): f"{item.owner} still has it" for item in found if (key := item.key)}
    plan = preview(run)
    tagged = {
        (stack, change.region) for change in plan.changes if change.live and (stack := change.live.cloudformation)
    }
    if not (paths or stacks or tagged):
        raise UsageError(
            "nothing says who had these mappings: no tags name a stack of CloudFormation",
            hint="pass the other tool's file, as it is now, or the stack with --cfn-stack",
        )
    regions = sorted({change.region for change in plan.changes})
    for stack in stacks:
        parts = [part for region in regions if (part := _of_stack(run, stack, region)) is not None]
        if not parts:  # a name with a mistake proves nothing
            raise UsageError(
                f"stack {stack} does not exist in {', '.join(regions)}", hint="correct the name of the stack"
            )
        for part in parts:
            holders |= part
    for stack, region in sorted(tagged):
        holders |= _of_stack(run, stack, region) or {}
    changes = {change.name: change for change in plan.changes if not change.deposed}
    recorded = {name: record.key for name, record in run.backend.read().state.mappings.items()}
    keys = dict(imported_keys(run.manifest.in_region(run.aws.region))) | recorded
    results = [
        Verified(name, key, holders.get((key.kind, key.id), ""), *_compared(changes.get(name)))
        for name, key in sorted(keys.items())
        if name in run.manifest.mappings
    ]
    if not results:
        raise UsageError(
            "the manifest has no mapping with an id", hint="add `imports`, as `provisioner convert` writes them"
        )
    return results


def _of_stack(run: Run, stack: str, region: str) -> dict[tuple[str, str], str] | None:
    """The mappings that a stack has, each with what its deployed template does when it leaves; None where there is no stack of
    this name.
    """
    try:
        names = mappings_of(run.aws, region, stack)
    except AwsError as error:
        if "does not exist" in error.message:
            return None
        raise
    body = template_of(run.aws, region, stack) if names else {}
    read = documents(body if isinstance(body, str) else json.dumps(body), f"the template of {stack}")
    resources = members_of(members_of(read[0]).get("Resources")) if read else {}
    held = {}
    for uuid, name in names.items():
        retained = text_at(resources.get(name), "DeletionPolicy") == "Retain"
        does = "keeps it when it leaves" if retained else "would delete it, because DeletionPolicy is not Retain"
        held[LAMBDA, uuid] = f"CloudFormation stack {stack} has it as {name}; the deployed template {does}"
    return held


def _compared(change: Change | None) -> tuple[str, str]:
    """Why a mapping does not run, and what an apply would do to it. An import of what is not there is no change."""
    if change is None or change.live is None:
        return "it does not exist", ""
    state = change.live.status.state
    wanted = change.wanted.mapping.get("enabled", True) if change.wanted else True
    running = ("Enabled", "Enabling", ACTIVE) if wanted else ("Disabled", "Disabling")
    stopped = "" if state in running else f"its state is {state}"
    if change.action is Action.NO_OP:
        return stopped, ""
    fields = ", ".join(".".join(item.path) for item in change.fields)
    return stopped, f"an apply would {change.action} it{f': {fields}' if fields else ''}"
