"""Values of a mapping as lines of a plan's text, in Terraform's format: whole blocks, and what changes in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from provisioner.kinds.canonical import default_at
from provisioner.model.plan import Cause, Edit, FieldChange
from provisioner.model.sources import SourceKind
from provisioner.render.structure import changed_items, patterns
from provisioner.render.style import Style
from provisioner.render.values import as_json

STEP: Final = 4
"""How much further a block's lines stand to the right."""


def painted(symbol: str, style: Style, width: int = 0) -> str:
    """A symbol of a change in its colour."""
    text = symbol.rjust(width)
    if symbol == "~":
        return style.yellow(text)
    if "/" in symbol or symbol in ("-", "!"):
        return style.red(text)
    return style.green(text) if symbol == "+" else text


def block_lines(symbol: str, values: Mapping[str, Any], style: Style, indent: int) -> Iterator[str]:
    """All lines of a block, each with the symbol; `indent` is its column."""
    width = max((len(_key(name)) for name, value in values.items() if not isinstance(value, Mapping)), default=0)
    mark = painted(symbol, style)
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield f"{' ' * indent}{mark} {_key(name)} {{"
            yield from block_lines(symbol, value, style, indent + STEP)
            yield f"{' ' * indent}  }}"
        else:
            yield f"{' ' * indent}{mark} {_key(name):{width}} = {_value(value, indent + 2)}"


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() else as_json(name)  # a tag may have any key


def _value(value: Any, indent: int) -> str:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        # One line an element; a filter is its pattern.
        items = [f"{' ' * (indent + 2)}{as_json(item)}," for item in patterns(value)]
        return "\n".join(["[", *items, f"{' ' * indent}]"])
    return as_json(value)


def changed_lines(
    fields: Sequence[FieldChange], depth: int, kind: SourceKind, style: Style, indent: int, width: int = 0
) -> Iterator[str]:
    """The changes below one block, their `=` aligned, at `width` or further right."""
    groups: dict[str, list[FieldChange]] = {}
    for field in fields:
        groups.setdefault(field.path[depth], []).append(field)
    width = max([width, *(len(_key(name)) for name, group in groups.items() if len(group[0].path) == depth + 1)])
    for name, group in groups.items():
        if len(group[0].path) == depth + 1:
            yield from _changed_value(group[0], name, width, kind, style, indent)
            continue
        yield f"{' ' * indent}{style.yellow('~')} {_key(name)} {{"
        yield from changed_lines(group, depth + 1, kind, style, indent + STEP)
        yield f"{' ' * indent}  }}"


def _changed_value(
    field: FieldChange, name: str, width: int, kind: SourceKind, style: Style, indent: int
) -> Iterator[str]:
    # Absent means AWS's default, so the default is shown where there is one (docs/architecture.md#comparison).
    default = default_at(field.path, kind)
    before = default if field.live is None else field.live
    after = default if field.desired is None else field.desired
    symbol = "+" if before is None else "-" if after is None else "~"
    start = f"{' ' * indent}{painted(symbol, style)} {_key(name):{width}} = "
    comment = style.grey(f"  # {_comment(field, default)}")
    # Long lists, and lists of blocks, are better read item by item than side by side.
    if (
        isinstance(before, list)
        and isinstance(after, list)
        and (len(before) + len(after) > 2 or any(isinstance(item, Mapping) for item in (*before, *after)))
    ):
        yield f"{start}[{comment}"
        yield from changed_items(patterns(before), patterns(after), style, indent + 4)
        yield f"{' ' * (indent + 2)}]"
    elif before is None:
        yield f"{start}{_value(after, indent + 2)}{comment}"
    else:
        arrow = style.yellow("->")
        yield f"{start}{_value(before, indent + 2)} {arrow} {_value(after, indent + 2)}{comment}"


def _comment(field: FieldChange, default: Any) -> str:
    # Lists and blocks are too long for a comment, so it only states whether the desired value had been applied.
    applied = default if field.prior is None else field.prior
    if applied is None:
        was = "it was not set"
    elif isinstance(applied, list | dict):
        was = "the desired value was applied" if field.cause is Cause.DRIFT else "a different value was applied"
    else:
        was = f"{_value(applied, 0)} was applied"
    edit = "edit" if field.detail in ("", Edit.SET) else f"edit: {field.detail}"
    if field.detail == Edit.LINE_REMOVED and default is not None:
        edit += ", so AWS's default applies"
    causes = {
        Cause.EDIT: edit,
        Cause.DRIFT: f"drift: {was}",
        Cause.CONFLICT: f"conflict: {was}",
        Cause.AWS: f"aws: {field.detail}",
    }
    return ("forces replacement, " if field.replaces else "") + causes[field.cause]
