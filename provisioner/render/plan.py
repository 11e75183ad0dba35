"""A plan as text, in Terraform's format (docs/architecture.md#output), with the cause of each changed line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.kinds import kind_of_change
from provisioner.kinds.ids import text_of
from provisioner.model.level import Level
from provisioner.model.plan import Action, Cause, Change, Plan, Reason, Risk
from provisioner.model.sources import SourceKind
from provisioner.render.blocks import block_lines, changed_lines, painted
from provisioner.render.permissions import (
    PERMISSION,
    Statements,
    changed_permission,
    is_gone,
    left_statement,
    whole_lines,
)
from provisioner.render.style import Style
from provisioner.render.values import as_json
from provisioner.render.wrapping import names

_LEGEND = {
    "+": "create",
    "~": "update in-place",
    "-": "destroy",
    "-/+": "destroy and then create replacement",
    "+/-": "create replacement and then destroy",
    ".": "forget",
    "!": "not possible",
}
_SYMBOLS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.DELETE: "-",
    Action.REPLACE: "-/+",
    Action.FORGET: ".",
    Action.NO_OP: "",
    Action.NOT_POSSIBLE: "!",
}


def access_text(plan: Plan) -> str:
    """The account, how the manifest says that AWS is reached and where the state is, and on a line of its own what the
    environment decides.
    """
    lines = [", ".join([f"Account {plan.account}", *(f"{name} {item}" for name, item in plan.access.stated.items())])]
    if environment := plan.access.environment:
        lines.append(f"From the environment: {', '.join(f'{name}={item}' for name, item in environment.items())}")
    return "\n".join(lines)


def plan_text(plan: Plan, style: Style) -> str:
    """The whole plan: how AWS is reached, legend, one block a change, notes, and the line of counts; one line without changes."""
    shown = [change for change in plan.changes if change.counts]
    # A mapping without a change is not shown, but a note on it is.
    noted = [change for change in plan.changes if not change.counts and change.notes]
    parts = [access_text(plan), *(_notes(change, style) for change in noted)]
    if not shown:
        selected = "selected " if plan.selected else ""
        why = f"The {selected}mappings match the manifest."
        why = "There is nothing to destroy." if plan.destroys else why
        return "\n".join([*parts, f"{style.bold('No changes.')} {why}"])
    symbols = [symbol for symbol in _LEGEND if any(symbol_of(change) == symbol for change in shown)]
    if symbols:
        legend = [f"{painted(symbol, style, width=5)} {_LEGEND[symbol]}" for symbol in symbols]
        parts.append("\n".join(["Legend:", *legend]))
    if plan.applyable:
        parts.append("provisioner will perform the following actions:")
    statements = Statements(plan.statements)
    parts += [change_text(change, style, statements) for change in shown]
    parts += ["\n".join(left_statement(item, style)) for item in statements.not_shown(shown)]
    parts.append("\n".join([counts_text(plan, style), *_risk_counts(plan, style)]))
    return "\n\n".join(parts)


def compact_text(plan: Plan, style: Style) -> str:
    """One line for each change, then the counts, for long plans. Without a change the same as `plan_text`."""
    shown = [change for change in plan.changes if change.counts]
    if not shown:
        return plan_text(plan, style)
    width = max(len(change.key) for change in shown)
    lines = [_compact_line(change, width, style) for change in shown]
    for item in Statements(plan.statements).not_shown(shown):
        lines += list(left_statement(item, style))[:1]
    return "\n".join([access_text(plan), *lines, "", counts_text(plan, style), *_risk_counts(plan, style)])


def _compact_line(change: Change, width: int, style: Style) -> str:
    what = [f"moved from {change.moved_from}"] * bool(change.moved_from)
    what += [f"imported as {text_of(change.adopts)}"] if change.adopts else []
    what += [change.conflict.message] if change.conflict else []
    fields = {
        PERMISSION if field.path[0] == PERMISSION else ".".join(field.path): field.cause for field in change.fields
    }
    what += [name if cause is Cause.EDIT else f"{name} ({cause})" for name, cause in fields.items()]
    what += [_painted_level(risk.level, f"{risk.level} {risk.code}", style) for risk in change.risks]
    return f"{painted(symbol_of(change), style, width=3)} {change.key:{width}}  {', '.join(what)}".rstrip()


def risks_text(plan: Plan, style: Style, least: Level = Level.NOTE) -> str:
    """Each risk of the level `least` or worse, one a line, with its mappings; "" when there is none."""
    # The levels are declared in ascending order.
    levels = list(Level)[list(Level).index(least) :]
    return "\n".join(
        f"  {style.bold(names(keys))}: {_risk(risk, style)}"
        for risk, keys in plan.risks.items()
        if risk.level in levels
    )


def _risk(risk: Risk, style: Style) -> str:
    return f"{_painted_level(risk.level, f'{risk.level}[{risk.code}]', style)}: {risk.message}"


def _painted_level(level: Level, text: str, style: Style) -> str:
    return {Level.LOSS: style.red, Level.REPLAY: style.yellow, Level.NOTE: style.grey}[level](text)


def _risk_counts(plan: Plan, style: Style) -> Iterator[str]:
    counts: Counter[tuple[Level, str]] = Counter()
    for change in plan.changes:
        # A set: two risks of one code in one mapping are one mapping.
        counts.update({(risk.level, risk.code) for risk in change.risks})
    parts = []
    for level in reversed(Level):
        codes = [
            f"{code} in {count} mappings" if count > 1 else code
            for (of, code), count in sorted(counts.items())
            if of is level
        ]
        parts += [_painted_level(level, f"{level} ({', '.join(codes)})", style)] * bool(codes)
    if parts:
        yield f"{style.bold('Risks:')} {', '.join(parts)}. See `provisioner explain CODE`."


def change_text(change: Change, style: Style, statements: Statements | None = None) -> str:
    """One change: what happens and why, then each line that changes. `statements` are those of its plan."""
    lines = [*_header(change, style), *_body(change, style, statements or Statements(None))]
    return "\n".join([*lines, *([_notes(change, style)] if change.notes else [])])


def counts_text(plan: Plan, style: Style) -> str:
    """The counts of each action, `Plan: 1 to add, …`, with imports, moves, forgets and what is not possible only where
    there are some.
    """
    summary = plan.summary
    imported = f"{summary.imported} to import, " if summary.imported else ""
    others = [f"{summary.moved} to move"] * bool(summary.moved) + [f"{summary.forgotten} to forget"] * bool(
        summary.forgotten
    )
    others += [f"{summary.not_possible} not possible"] * bool(summary.not_possible)
    counts = f"{imported}{summary.added} to add, {summary.changed} to change, {summary.destroyed} to destroy"
    return style.bold("Plan:") + f" {', '.join([counts, *others])}."


def _notes(change: Change, style: Style) -> str:
    return "\n".join(style.yellow(f"  note: {change.name}: {note}") for note in change.notes)


def symbol_of(change: Change) -> str:
    """The symbol before a change, as in the legend; "" for a no-op."""
    return "+/-" if change.action is Action.REPLACE and change.creates_first else _SYMBOLS[change.action]


def _header(change: Change, style: Style) -> Iterator[str]:
    sentences = {
        Action.CREATE: "will be created",
        Action.UPDATE: "will be updated in-place",
        Action.DELETE: style.red("will be destroyed"),
        Action.REPLACE: "must be " + style.red("replaced"),
        Action.FORGET: "will no longer be managed, but will not be destroyed",
        Action.NO_OP: "will be imported" if change.adopts else f"has moved from {change.moved_from}",
        Action.NOT_POSSIBLE: style.red("cannot be changed" if change.live else "cannot be created"),
    }
    sentence = sentences[change.action]
    if change.action is Action.REPLACE and change.reason is Reason.REQUESTED:
        sentence = "will be " + style.red("replaced") + ", as requested"
    yield style.bold(f"  # {change.key} {sentence}")
    if reason := reason_text(change):
        yield f"  # ({reason})"
    if change.retags:
        yield f"  # (its ownership tags will be {'removed' if change.action is Action.FORGET else 'written'})"
    if change.conflict:
        yield f"  # ({change.conflict.message})"
        yield f"  # ({change.conflict.hint})"
    if change.moved_from and change.action is not Action.NO_OP:
        yield f"  # (moved from {change.moved_from})"
    if change.adopts:
        yield f"  # (imported as {text_of(change.adopts)})"
    if change.destroys and is_gone(change):
        yield "  # (the entry is gone; its statement is still there)"
    for risk in change.risks:
        yield f"  # {_risk(risk, style)}"


def reason_text(change: Change) -> str:
    """The reason of an action as a sentence, or "" when the action or its lines show it."""
    reasons = {
        Reason.DISAPPEARED: f"the recorded mapping {change.record.key if change.record else ''} no longer exists",
        Reason.NOT_IN_MANIFEST: f"{change.name} is not in the manifest",
        Reason.GONE: "it no longer exists in AWS",
        Reason.DEPOSED: "another mapping replaced it",
        Reason.REMOVED: "`removed` has destroy: false",
    }
    return reasons.get(change.reason, "") if change.reason else ""


def _body(change: Change, style: Style, statements: Statements) -> Iterator[str]:
    symbol = symbol_of(change)
    if change.action in (Action.FORGET, Action.NO_OP, Action.NOT_POSSIBLE):
        return
    yield f"{painted(symbol, style, width=3)} mapping {as_json(change.name)} {{"
    is_push = kind_of_change(change).key is not None
    if change.action in (Action.CREATE, Action.DELETE) and is_push:
        yield from whole_lines(symbol, change, style, statements)
    elif change.action is Action.CREATE:
        yield from _whole("+", change.desired or {}, style)
    elif change.action is Action.DELETE:
        yield from _whole("-", change.live.mapping if change.live else {}, style, uuid=change.id)
    else:
        yield from _differences(change, style, statements)
    yield "    }"


# --- whole mappings --------------------------------------------------------------------------------------------------


def _whole(symbol: str, mapping: Mapping[str, Any], style: Style, uuid: str = "") -> Iterator[str]:
    values = {**({"uuid": uuid} if uuid else {}), **mapping}
    yield from block_lines(symbol, values, style, 6)


# --- differences -----------------------------------------------------------------------------------------------------


def _differences(change: Change, style: Style, statements: Statements) -> Iterator[str]:
    kind = change.live.kind if change.live else SourceKind.UNKNOWN
    is_push = kind_of_change(change).key is not None
    fields = [field for field in change.fields if not (is_push and field.path[0] == PERMISSION)]
    touched = {field.path[0] for field in change.fields}
    # The id is aligned with the fields of the top level, so blocks do not count.
    width = max([len("id" if is_push else "uuid"), *(len(field.path[0]) for field in fields if len(field.path) == 1)])
    if not is_push:
        after = " -> (known after apply)" if change.action is Action.REPLACE else ""
        yield f"        {'uuid':{width}} = {as_json(change.id)}{after}"
    elif "id" not in touched:
        before, now = change.id.partition("/")[2], (change.desired or {}).get("id")
        after = f" -> {as_json(now)}" if now != before else ""
        yield f"      {painted('~' if after else ' ', style)} {'id':{width}} = {as_json(before)}{after}"
        touched.add("id")
    yield from changed_lines(fields, 0, kind, style, 6, width)
    yield from changed_permission(change, style, statements)
    hidden = len((change.desired or {}).keys() - touched)
    if hidden:
        yield style.grey(f"        # ({hidden} unchanged {'field' if hidden == 1 else 'fields'} hidden)")
