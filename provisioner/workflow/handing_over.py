"""Hands mappings over from another tool: what makes it let go, and whether it has. Nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from provisioner.convert.conversion import Options
from provisioner.convert.formats import convert, is_known
from provisioner.convert.handover import Handover, handovers
from provisioner.convert.names import names_of
from provisioner.convert.text import Named
from provisioner.convert.verified import Verified
from provisioner.errors import UsageError
from provisioner.kinds import kind_for
from provisioner.kinds.ids import key_of_text
from provisioner.model.live import ACTIVE
from provisioner.model.plan import Action, Change
from provisioner.workflow.changing import preview
from provisioner.workflow.run import Run


def handover(paths: Sequence[Path]) -> list[Handover]:
    """The steps that make other tools let go of the mappings in their files. A folder stands for its files that can be converted.

    Raises UsageError for a file that cannot be read, and where there is nothing to hand over.
    """
    found = convert(files_in(paths), Options()).found
    named = [Named(name, item) for name, item in zip(names_of(found), found, strict=True)]
    steps = handovers(named, named)
    if not steps:
        raise UsageError("there is nothing to hand over: no other tool manages a mapping in these files")
    return steps


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


def verify(run: Run, paths: Sequence[Path]) -> list[Verified]:
    """Whether the mappings of the manifest are handed over: what the other tool's files have, as they are now, and what AWS has.

    Raises UsageError, and as `plan` does.
    """
    holders = {item.key: str(item.owner) for item in convert(files_in(paths), Options()).found if item.key}
    plan = preview(run)
    imports = {item.name: item.uuid for item in run.manifest.imports}
    results = []
    for change in plan.changes:
        key = change.adopts or change.existing
        if key is None and change.name in imports and change.wanted:
            key = key_of_text(imports[change.name], change.wanted.region, kind_for(change.wanted.kind).name)
        if key is None or change.wanted is None:
            continue
        results.append(Verified(change.name, key, holders.get(key, ""), *_compared(change)))
    if not results:
        raise UsageError(
            "the manifest has no mapping with an id", hint="add `imports`, as `provisioner convert` writes them"
        )
    return results


def _compared(change: Change) -> tuple[str, str]:
    """Why a mapping does not run, and what an apply would do to it."""
    if change.live is None:
        return "it does not exist", ""
    state = change.live.status.state
    wanted = change.wanted.mapping.get("enabled", True) if change.wanted else True
    running = ("Enabled", "Enabling", ACTIVE) if wanted else ("Disabled", "Disabling")
    stopped = "" if state in running else f"its state is {state}"
    if change.action is Action.NO_OP:
        return stopped, ""
    fields = ", ".join(".".join(item.path) for item in change.fields)
    return stopped, f"an apply would {change.action} it{f': {fields}' if fields else ''}"
