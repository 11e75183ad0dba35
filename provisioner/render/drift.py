"""The output of `drift` and `status`, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from provisioner.kinds.canonical import default_at
from provisioner.model.health import Drifted, Health
from provisioner.model.key import LAMBDA
from provisioner.model.plan import FieldChange
from provisioner.model.sources import SourceKind
from provisioner.model.words import counted
from provisioner.planning.commands import import_line
from provisioner.render.graph import short_name
from provisioner.render.structure import changed_items, patterns
from provisioner.render.style import Style
from provisioner.render.values import as_json, printable
from provisioner.render.wrapping import columns, wrapped


def drift_text(drifted: Sequence[Drifted], style: Style) -> str:
    """Each drifted mapping with its applied and live values, then what an apply can restore; one line without drift."""
    if not drifted:
        return style.bold("No drift.") + " Everything is as last applied."
    blocks = ["\n".join(_drifted(item, style)) for item in drifted]
    last = [f"{style.bold('Drift:')} {drift_counts(drifted)}.", *_prospects(drifted)]
    return "\n\n".join([*blocks, " ".join(last)])


def drift_counts(drifted: Sequence[Drifted], *, verb: bool = False) -> str:
    """How many mappings have drifted (with `verb` in these words), and how many are not in the state; only those of which
    there are some.
    """
    orphans = sum(item.orphan for item in drifted)
    changed = len(drifted) - orphans
    drifts = f" {'has' if changed == 1 else 'have'} drifted" if verb else ""
    parts = [f"{counted(changed, 'mapping')}{drifts}"] * bool(changed)
    return ", ".join([*parts, *[f"{counted(orphans, 'mapping')} not in the state"] * bool(orphans)])


def _prospects(drifted: Sequence[Drifted]) -> Iterator[str]:
    """What an apply can restore, and what it cannot, with the reason."""
    can = [item.name for item in drifted if item.repairable]
    if can:
        yield f"An apply restores the values in the manifest for: {', '.join(can)}."
    for item in drifted:
        if item.orphan:
            line = import_line(item.name or "NAME", item.key, states_region=True)
            yield f"Import {item.name or item.uuid} with `{line}`, or delete it."
    gone = [item.name for item in drifted if item.lost]
    if gone:
        yield f"An apply cannot restore {', '.join(gone)}: recreate the missing functions or sources first."
    broken = [item.name for item in drifted if item.broken and not (item.repairable or item.lost)]
    if broken:
        yield f"An apply cannot restore {', '.join(broken)}: the statement that is missing is not managed by this stack."
    disabled = [item.name for item in drifted if item.fault and not item.lost]
    if disabled:
        yield f"AWS would disable {', '.join(disabled)} again: fix the cause first."


def _drifted(item: Drifted, style: Style) -> Iterator[str]:
    if item.vanished:
        yield style.bold(f"  # {item.name} {style.red('no longer exists')}")
        yield from (style.red(f"  # {what} no longer exists") for what in item.lost)
        yield f"  - mapping {as_json(item.name)} {{ {_ident(item)} }}"
        return
    if item.orphan:
        mark = "tags name" if item.kept_by == LAMBDA else "id names"
        yield style.bold(
            f"  # {printable(item.name or item.uuid)} {style.red('is not in the state')}, although its {mark} it"
        )
        yield f"  # ({item.pair})"
        yield f"  + mapping {f'{as_json(item.name)} ' if item.name else ''}{{ {_ident(item)} }}"
        return
    what = "has changed" if item.fields else "is disabled" if item.fault else "is not invoked" if item.broken else ""
    what = what or "has a missing dependency"
    yield style.bold(f"  # {item.name} {what}")
    if item.fault:
        yield style.red(f"  # AWS disabled it: {item.fault}")
    if item.broken:
        yield style.red(f"  # {item.broken}")
    for what in item.lost:
        yield style.red(f"  # {what} no longer exists")
    if item.fields:
        yield f"  {style.yellow('~')} mapping {as_json(item.name)} {{"
        width = max(len(".".join(field.path)) for field in item.fields)
        for field in item.fields:
            yield from _field(field, item.kind, width, style)
        yield "    }"


def _ident(item: Drifted) -> str:
    return f"{'uuid' if item.kept_by == LAMBDA else 'id'} = {as_json(item.uuid)}"


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
    """The applied and the live value; AWS's default where one is absent."""
    default = default_at(field.path, kind) if kind else None
    return default if field.prior is None else field.prior, default if field.live is None else field.live


def _value(value: Any) -> str:
    return "absent" if value is None else as_json(value)


def drift_json(stack: str, drifted: Sequence[Drifted]) -> str:
    """What `drift_text` shows, as a JSON document: each differing field with its applied and live value, and the orphans
    apart.
    """
    mappings = [
        {
            "name": item.name,
            "uuid": item.uuid,
            "region": item.region,
            "disappeared": item.vanished,
            "disabled_by_aws": item.fault or None,
            "lost": list(item.lost),
            "broken": item.broken or None,
            "repairable": item.repairable,
            "fields": [
                {"path": ".".join(field.path), "applied": before, "live": after}
                for field in item.fields
                for before, after in [_sides(field, item.kind)]
            ],
        }
        for item in drifted
        if not item.orphan
    ]
    orphans = [
        {
            "name": item.name or None,
            "uuid": item.uuid,
            "region": item.region,
            "function": item.pair.function,
            "source": item.pair.source,
        }
        for item in drifted
        if item.orphan and item.pair
    ]
    return json.dumps({"stack": stack, "drifted": mappings, "orphans": orphans}, indent=2, ensure_ascii=False)


# --- status ----------------------------------------------------------------------------------------------------------


_HEADS: Final = ("NAME", "STATE", "FUNCTION", "SOURCE", "REGION", "LAST RESULT", "REASON")


def status_text(rows: Sequence[Health], style: Style, width: int) -> str:
    """A table when it fits `width` columns, with reasons on lines of their own when they do not fit; else a block for
    each mapping. The counts are in the last line.
    """
    if not rows:
        return "No mappings are declared or recorded."
    cells = [
        (
            row.name or row.uuid,
            row.state,
            row.function or "-",
            short_name(row.source) if row.source else "-",
            row.region,
            row.last_result or "-",
            _why(row) or "-",
        )
        for row in rows
    ]
    widths = [max(columns(line[column]) for line in (_HEADS, *cells)) for column in range(len(_HEADS))]
    parts: list[str]
    if sum(widths) + 2 * (len(widths) - 1) <= width:
        parts = [
            style.bold(_row(_HEADS, widths)),
            *(_red(row, _row(cell, widths), style) for row, cell in zip(rows, cells, strict=True)),
        ]
    elif sum(widths[:-1]) + 2 * (len(widths) - 2) <= width:
        parts = [style.bold(_row(_HEADS[:-1], widths))]
        for row, cell in zip(rows, cells, strict=True):
            parts.append(_red(row, _row(cell[:-1], widths), style))
            # A reason is a sentence, so it can be wrapped; "-" stands for none.
            parts += [_red(row, wrapped(cell[-1], width, "    "), style)] * (cell[-1] != "-")
    else:
        parts = [_block(row, cell, style, width) for row, cell in zip(rows, cells, strict=True)]
    unhealthy = sum(bool(row.problem) for row in rows)
    return "\n".join([*parts, "", f"{counted(len(rows), 'mapping')}, {unhealthy} unhealthy."])


def _block(row: Health, cell: tuple[str, ...], style: Style, width: int) -> str:
    lines = [style.bold(wrapped(f"{cell[0]}  {row.state}", width))]
    lines.append(wrapped(f"{cell[3]} -> {cell[2]}, {row.region}", width, "    "))
    if row.last_result:
        lines.append(wrapped(f"last result: {row.last_result}", width, "    "))
    if why := _why(row):
        lines.append(_red(row, wrapped(why, width, "    "), style))
    return "\n".join(lines)


def _why(row: Health) -> str:
    """What is wrong with a mapping, else why it is in its state; and what AWS does not show of it."""
    unseen = [f"AWS does not show {', '.join(row.unseen)}"] if row.unseen else []
    return "; ".join([*filter(None, [row.problem or row.reason]), *unseen])


def _red(row: Health, text: str, style: Style) -> str:
    return "\n".join(style.red(line) for line in text.split("\n")) if row.problem else text


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    # By columns, not characters: `str.ljust` would misplace wide ones.
    padded = [cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join(padded).rstrip()


def status_json(stack: str, rows: Sequence[Health]) -> str:
    """What `status_text` shows, with UUIDs, `last_modified` and `healthy`, as a JSON document."""
    mappings = [{**asdict(row), "healthy": not row.problem} for row in rows]
    return json.dumps({"stack": stack, "mappings": mappings}, indent=2, ensure_ascii=False)
