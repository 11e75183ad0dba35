"""The steps of a hand-over, and whether it is complete, as text and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from provisioner.convert.found import OwnerKind
from provisioner.convert.handover import Handover, Step, heading
from provisioner.convert.verified import Verified
from provisioner.foreign_text import one_line
from provisioner.kinds.ids import text_of
from provisioner.model.words import counted
from provisioner.render.style import Style

_PULLED: Final = (
    "a state that Terraform keeps elsewhere is pulled again, into another file: `terraform state pull > new.tfstate`"
)


def handover_text(handovers: Sequence[Handover], commands: Sequence[str], style: Style) -> str:
    """The steps for each owner. `commands` are those that plan, verify and apply."""
    return "\n\n".join("\n".join(_lines(item, commands, style)) for item in handovers)


def _lines(handover: Handover, commands: Sequence[str], style: Style) -> Iterator[str]:
    plan, verify, apply = commands
    yield style.bold(f"{heading(handover)}:")
    steps = [
        Step(
            "Write the manifest and read its plan: it must import every mapping and change none. Do not apply it yet",
            plan,
        ),
        *handover.steps,
        Step(
            "Check that the mappings are released, still run and are unchanged",
            "\n".join(filter(None, [handover.refresh, verify])),
            (_PULLED,) if handover.owner is OwnerKind.TERRAFORM and not handover.refresh else (),
        ),
        Step("Record them. The apply changes nothing in AWS, and the plan after it is empty", apply),
    ]
    for number, step in enumerate(steps, 1):
        yield ""
        yield f"{number}. {step.title}:"
        yield ""
        yield textwrap.indent(step.code, "     ", lambda line: bool(line.strip()))
        notes = [*step.notes, *(() if step.verified else ("this step was not verified with the tool itself",))]
        if notes:
            yield ""
            yield from (f"   - {note}" for note in notes)


def handover_json(handovers: Sequence[Handover]) -> str:
    """What `handover_text` shows of the other tools."""
    return json.dumps(
        {
            "handovers": [
                {
                    "owner": {"kind": item.owner, "name": item.name},
                    "mappings": [
                        {
                            "name": named.name,
                            "id": text_of(named.found.key) if named.found.key else None,
                            "address": named.found.owner.address,
                        }
                        for named in item.named
                    ],
                    "steps": [
                        {"title": step.title, "code": step.code, "notes": list(step.notes), "verified": step.verified}
                        for step in item.steps
                    ],
                }
                for item in handovers
            ]
        },
        indent=2,
        ensure_ascii=False,
    )


def verified_text(results: Sequence[Verified], style: Style) -> str:
    """A line for each mapping, and a last one that counts."""
    lines = [
        style.red(f"{item.name} ({text_of(item.key)}): {one_line('; '.join(item.problems))}")
        if item.problems
        else f"{item.name} ({text_of(item.key)}): released, running, unchanged"
        for item in results
    ]
    open_ = sum(bool(item.problems) for item in results)
    count = counted(len(results), "mapping")
    return "\n".join([*lines, "", f"{count}: {len(results) - open_} handed over, {open_} not."])


def verified_json(results: Sequence[Verified]) -> str:
    """What `verified_text` shows."""
    mappings = [
        {
            "name": item.name,
            "id": text_of(item.key),
            "released": not item.held,
            "running": not item.stopped,
            "unchanged": not item.changed,
            "problems": item.problems,
        }
        for item in results
    ]
    return json.dumps({"mappings": mappings, "complete": not any(item.problems for item in results)}, indent=2)
