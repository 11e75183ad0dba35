"""What the world changed, and how the mappings are, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from provisioner.model.canonical import default_at
from provisioner.model.health import Drifted, Health
from provisioner.model.plan import FieldChange
from provisioner.model.sources import SourceKind
from provisioner.model.words import counted
from provisioner.render.structure import changed_items, patterns
from provisioner.render.style import Style
from provisioner.render.values import as_json

_NARROWEST: Final = 20


def drift_text(found: Sequence[Drifted], style: Style) -> str:
    """Each mapping that drifted with each value that was applied and is something else now; one line when there is none."""
    if not found:
        return style.bold("No drift.") + " The mappings are as they were applied."
    blocks = ["\n".join(_drifted(item, style)) for item in found]
    repairs = any(item.fields or item.vanished for item in found)
    then = " The next apply puts back what the manifest wants." if repairs else ""
    return "\n\n".join([*blocks, f"{style.bold('Drift:')} {counted(len(found), 'mapping')}.{then}"])


def _drifted(item: Drifted, style: Style) -> Iterator[str]:
    if item.vanished:
        yield style.bold(f"  # {item.name} {style.red('has disappeared')}")
        yield f"  - mapping {as_json(item.name)} {{ uuid = {as_json(item.uuid)} }}"
        return
    what = "has changed" if item.fields else "is disabled" if item.fault else "has lost what it needs"
    yield style.bold(f"  # {item.name} {what}")
    if item.fault:
        yield style.red(f"  # AWS disabled it by itself: {item.fault}")
    for what in item.lost:
        yield style.red(f"  # {what} no longer exists")
    if item.fields:
        yield f"  {style.yellow('~')} mapping {as_json(item.name)} {{"
        width = max(len(".".join(field.path)) for field in item.fields)
        for field in item.fields:
            yield from _field(field, item.kind, width, style)
        yield "    }"


def _field(field: FieldChange, kind: SourceKind | None, width: int, style: Style) -> Iterator[str]:
    name = ".".join(field.path)
    before, after = _sides(field, kind)
    if isinstance(before, list) and isinstance(after, list):
        yield f"      {style.yellow('~')} {name} = ["
        yield from changed_items(patterns(before), patterns(after), style, 10)
        yield "        ]"
        return
    symbol = style.green("+") if before is None else style.red("-") if after is None else style.yellow("~")
    yield f"      {symbol} {name:{width}} = {_value(before)} {style.yellow('->')} {_value(after)}"


def _sides(field: FieldChange, kind: SourceKind | None) -> tuple[Any, Any]:
    """What was applied and what is live, AWS's default where a side is absent."""
    default = default_at(field.path, kind) if kind else None
    return default if field.prior is None else field.prior, default if field.live is None else field.live


def _value(value: Any) -> str:
    return "absent" if value is None else as_json(value)


def drift_json(stack: str, found: Sequence[Drifted]) -> str:
    """The same for a program."""
    mappings = [
        {
            "name": item.name,
            "uuid": item.uuid,
            "region": item.region,
            "disappeared": item.vanished,
            "disabled_by_aws": item.fault or None,
            "lost": list(item.lost),
            "fields": [
                {"path": ".".join(field.path), "applied": before, "live": after}
                for field in item.fields
                for before, after in [_sides(field, item.kind)]
            ],
        }
        for item in found
    ]
    return json.dumps({"stack": stack, "drifted": mappings}, indent=2, ensure_ascii=False)


# --- status ----------------------------------------------------------------------------------------------------------


def status_text(rows: Sequence[Health], style: Style, width: int) -> str:
    """A table: name, state, last result, and why something is wrong; as wide as the terminal."""
    if not rows:
        return "The state holds no mapping."
    heads = ("NAME", "STATE", "LAST RESULT", "REASON")
    cells = [(row.name, row.state, row.last_result or "-", row.problem or row.reason or "-") for row in rows]
    widths = [max(len(line[column]) for line in (heads, *cells)) for column in range(3)]
    room = max(width - sum(widths) - 6, _NARROWEST)
    lines = [style.bold(_row(heads, widths))]
    for row, cell in zip(rows, cells, strict=True):
        text = _row((*cell[:3], _shortened(cell[3], room)), widths)
        lines.append(style.red(text) if row.problem else text)
    unhealthy = sum(bool(row.problem) for row in rows)
    return "\n".join([*lines, "", f"{counted(len(rows), 'mapping')}, {unhealthy} unhealthy."])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*padded, cells[-1]]).rstrip()


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def status_json(stack: str, rows: Sequence[Health]) -> str:
    """The same for a program."""
    mappings = [{**asdict(row), "healthy": not row.problem} for row in rows]
    return json.dumps({"stack": stack, "mappings": mappings}, indent=2, ensure_ascii=False)
