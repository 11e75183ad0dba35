"""The statement of a mapping as a block of it, in the text of a plan: `permission`. The symbols say what becomes of the
statement, which other mappings may need too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from provisioner.kinds.statements import MEMBERS, NONE, statement_of
from provisioner.model.live import MISSING
from provisioner.model.plan import Action, Change, FieldChange, StatementChange
from provisioner.model.sources import SourceKind
from provisioner.model.state import Statement
from provisioner.planning.statements import Place, needed_statement, place_of
from provisioner.render.blocks import STEP, block_lines, changed_lines, painted
from provisioner.render.style import Style
from provisioner.render.values import as_json
from provisioner.render.wrapping import names

PERMISSION: Final = "permission"

_SYMBOLS: Final = {Action.CREATE: "+", Action.DELETE: "-", Action.REPLACE: "~"}


class Statements:
    """What becomes of the statements of a plan, as far as single mappings show it. None where the plan is not known, but only
    one change of it.
    """

    def __init__(self, items: Sequence[StatementChange] | None) -> None:
        self._is_known = items is not None
        self._items: Mapping[Place, StatementChange] = {place_of(item): item for item in items or ()}

    def symbol(self, statement: Statement, otherwise: str) -> str:
        """The symbol before a statement: " " where it is as it was. `otherwise` where the plan is not known."""
        item = self._items.get(place_of(statement))
        if item is None:
            return " " if self._is_known else otherwise
        return _SYMBOLS.get(item.action, " ")

    def comment(self, statement: Statement, change: Change) -> str:
        """Who needs a statement beside a change, or why it stays; "" where there is nothing to say."""
        item = self._items.get(place_of(statement))
        if item is None:
            return "stays, because it is still needed" if self._is_known else ""
        others = [key for key in item.needed_by if key != change.key]
        if change.key in item.needed_by:
            shared = f"shared with {names(others)}" if others else ""
            there = "exists already" if item.action is Action.NO_OP and change.action is Action.CREATE else ""
            return ", ".join(filter(None, [there, shared]))
        return f"stays, because {names(others)} {'needs' if len(others) == 1 else 'need'} it" if others else ""

    def not_shown(self, changes: Sequence[Change]) -> Iterator[StatementChange]:
        """The statements that change, and that none of these changes shows: what an interrupted apply has left."""
        shown = {place_of(item) for change in changes for item in statements_shown(change)}
        for place, item in self._items.items():
            if place not in shown and item.action is not Action.NO_OP:
                yield item


def statements_shown(change: Change) -> list[Statement]:
    """The statements in the lines of a change: the one that its mapping has, and the one that it needs."""
    live = statement_of(change.live.mapping, change.live.key.region) if change.live else None
    return [item for item in (live, needed_statement(change)) if item]


def in_order(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping that its source keeps, as it is shown: its id first, the permission last and with its members in order."""
    permission = mapping.get(PERMISSION)
    if isinstance(permission, Mapping):
        permission = {name: permission[name] for name in MEMBERS if name in permission}
    ends = ("id", PERMISSION)
    return {
        **{name: mapping[name] for name in ("id",) if name in mapping},
        **{name: value for name, value in mapping.items() if name not in ends},
        **({PERMISSION: permission} if permission else {}),
    }


def shown_mapping(change: Change) -> dict[str, Any]:
    """The whole mapping that a change makes or deletes. Of an entry that is gone, only what is left: its statement."""
    if change.desired is not None:
        return in_order(change.desired)
    live = change.live
    if live is None:
        return {}
    shown = in_order({"id": live.key.id.partition("/")[2], **live.mapping})
    return {name: shown[name] for name in ("id", PERMISSION) if name in shown} if is_gone(change) else shown


def is_gone(change: Change) -> bool:
    """Whether the entry of a change is gone, and only its statement is there."""
    return change.live is not None and change.live.status.state == MISSING


def block_symbol(fields: Sequence[FieldChange]) -> str:
    """The symbol before a block of which these fields change: all or none of it may be there."""
    if all(field.live is None for field in fields):
        return "+"
    return "-" if all(field.desired is None for field in fields) else "~"


def becomes_none(change: Change) -> bool:
    """Whether a mapping that has a statement shall have `permission: none`."""
    return change.desired is not None and change.desired.get(PERMISSION) == NONE


def permission_sides(change: Change) -> tuple[str | None, str | None]:
    """The permission of a mapping before and after a change: the id of its statement, "none", or None."""
    before = change.live.mapping if change.live else {}
    return _permission_in_short(before), _permission_in_short(change.desired or {})


def _permission_in_short(mapping: Mapping[str, Any]) -> str | None:
    permission = mapping.get(PERMISSION)
    return permission.get("statement_id") if isinstance(permission, Mapping) else permission


def whole_lines(symbol: str, change: Change, style: Style, statements: Statements) -> Iterator[str]:
    """A mapping that its source keeps. Its statement may be there already, or stay."""
    mapping = shown_mapping(change)
    permission = mapping.pop(PERMISSION, None)
    if not isinstance(permission, dict):
        yield from block_lines(symbol, {**mapping, **({PERMISSION: permission} if permission else {})}, style, 6)
        return
    yield from block_lines(symbol, mapping, style, 6)
    for statement in statements_shown(change)[:1]:
        mark, comment = statements.symbol(statement, symbol), statements.comment(statement, change)
        yield f"      {painted(mark, style)} {PERMISSION} {{" + style.grey(f"  # {comment}" if comment else "")
        yield from block_lines(mark, permission, style, 6 + STEP)
        yield "        }"


def changed_permission(change: Change, style: Style, statements: Statements) -> Iterator[str]:
    """The permission of a mapping that its source keeps, where it changes: the statement that it had and the one that it gets
    may be other mappings' too.
    """
    fields = sorted(
        (field for field in change.fields if field.path[0] == PERMISSION and len(field.path) > 1),
        key=lambda field: MEMBERS.index(field.path[1]),
    )
    if fields:
        kind = change.live.kind if change.live else SourceKind.UNKNOWN
        yield f"      {painted(block_symbol(fields), style)} {PERMISSION} {{"
        yield from changed_lines(fields, 1, kind, style, 6 + STEP)
        for statement in {item.id: item for item in statements_shown(change)}.values():
            if comment := statements.comment(statement, change):
                yield style.grey(f"          # {as_json(statement.id)}: {comment}")
        yield "        }"
    if fields and becomes_none(change):
        yield f"      {painted('+', style)} {PERMISSION} = {as_json(NONE)}" + style.grey("  # edit")


def left_statement(item: StatementChange, style: Style) -> Iterator[str]:
    """A statement that no change of the plan shows, as a block of its own."""
    what = style.red("will be destroyed") if item.action is Action.DELETE else "will be written"
    yield style.bold(f"  # statement {as_json(item.id)} in the policy of {as_json(item.function)} {what}")
    if names := ", ".join(item.released_by):
        yield f"  # ({names} no longer needs it)"
    symbol = "-" if item.action is Action.DELETE else "+"
    yield f"{painted(symbol, style, width=3)} permission {as_json(item.id)} {{"
    yield from block_lines(symbol, item.before or item.after or {}, style, 6)
    yield "    }"
