"""What checks found, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from provisioner.foreign_text import one_line
from provisioner.model.checks import CheckFinding, CheckLevel
from provisioner.model.codes import EXPLANATIONS
from provisioner.render.style import Style
from provisioner.render.wrapping import names


def checks_text(findings: Sequence[CheckFinding], style: Style) -> str:
    """Each finding once, with the mappings that have it and the place of the first, and what to do; then the counts."""
    paints = {CheckLevel.ERROR: style.red, CheckLevel.LIKELY: style.yellow, CheckLevel.WARNING: style.yellow}
    lines = []
    for first, subjects in grouped_findings(findings):
        where = f"{one_line(str(first.place))}: " if first.place.file else ""
        of = f"{names(subjects)}: " if first.mapping else ""
        word = paints.get(first.level, style.grey)(f"{first.level}[{first.code}]")
        lines.append(f"{where}{word}: {style.bold(of + one_line(first.message))}")
        lines.append(f"  hint: {one_line(advice(first))}")
    if not findings:
        return style.green("The checks found nothing.")
    levels = [finding.level for finding in findings]
    counts = ", ".join(f"{levels.count(level)} {level}" for level in CheckLevel if level in levels)
    return "\n".join([*lines, f"Checks: {counts}. See `provisioner explain CODE`."])


def grouped_findings(findings: Sequence[CheckFinding]) -> list[tuple[CheckFinding, list[str]]]:
    """Equal findings of several mappings once: the first, and the names."""
    groups: dict[tuple[str, ...], list[CheckFinding]] = {}
    for item in findings:
        groups.setdefault((item.code, item.level, item.message, item.hint), []).append(item)
    return [(group[0], [item.mapping for item in group]) for group in groups.values()]


def advice(finding: CheckFinding) -> str:
    """What to do: the finding's own hint, or the remedy of its code."""
    return finding.hint or EXPLANATIONS[finding.code].remedy


def findings_json(findings: Sequence[CheckFinding]) -> list[dict[str, Any]]:
    """The findings for `x_provisioner.checks` and for `check --json`."""
    return [
        {
            "code": item.code,
            "level": str(item.level),
            "mapping": item.mapping,
            "message": item.message,
            "hint": advice(item),
            "needs": item.needs,
            "file": item.place.file,
            "line": item.place.line,
        }
        for item in findings
    ]


def check_json(stack: str, findings: Sequence[CheckFinding]) -> str:
    """The result of `check` as a JSON document."""
    return json.dumps({"stack": stack, "checks": findings_json(findings)}, indent=2, ensure_ascii=False)
