"""Plans and drift as Markdown, for a comment in a pull request or an issue.

The first line is a marker that names the stack, so that one comment is found and updated in place. GitHub takes at most
65,536 characters: a plan that does not fit is shown in a shorter form, never cut in the middle.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from provisioner.environment import command_line
from provisioner.kinds.canonical import default_at
from provisioner.kinds.ids import text_of
from provisioner.model.checks import CheckLevel
from provisioner.model.codes import EXPLANATIONS
from provisioner.model.health import Drifted
from provisioner.model.level import Level
from provisioner.model.plan import Action, Cause, Change, Edit, FieldChange, Plan, Problem, grouped
from provisioner.model.sources import PUSH, SourceKind
from provisioner.model.words import counted
from provisioner.render.checks import grouped_findings
from provisioner.render.drift import drift_counts, drift_text
from provisioner.render.graph import edges_of_plan, mermaid, short_name
from provisioner.render.permissions import PERMISSION, permission_sides
from provisioner.render.plan import compact_text, counts_text, plan_text, reason_text, symbol_of
from provisioner.render.style import Style
from provisioner.render.values import as_json

LONGEST: Final = 65_000  # characters, a little below what GitHub takes
_MOST_DRAWN: Final = 60  # mappings; more are a picture that nobody reads in a comment
_LONG_VALUE: Final = 60  # characters: a longer value is in the full plan only
_NAMED: Final = 5  # so many names are all printed
_SIGN: Final = re.compile(r"^( *)(-/\+|\+/-|[+~-]) ", re.MULTILINE)
_SPECIAL: Final = re.compile(r"[^\w\s.,:;/=+'\"{}()?%$-]|_")
_PLAIN: Final = Style()
_ALERTS: Final = {Level.LOSS: "CAUTION", Level.REPLAY: "WARNING", Level.NOTE: "NOTE"}


def plan_markdown(plan: Plan, plan_hash: str, refused: Sequence[Problem] = ()) -> str:
    """The plan: counts, risks, a line for each mapping with its cause, the hash, and the full plan in a folded section.
    At most `LONGEST` characters.
    """
    counts = counts_text(plan, _PLAIN).removeprefix("Plan: ").removesuffix(".") if plan.has_changes else "no changes"
    head = [f"<!-- provisioner:{plan.stack} -->", f"### `{plan.stack}`: {counts}"]
    tail = [f"Account `{plan.account}`, plan `{plan_hash}`", *_access(plan)]
    shown = [change for change in plan.changes if change.counts]
    whole = _folded("Full plan", plan_text(plan, _PLAIN))
    short = _folded("All changes", compact_text(plan, _PLAIN))
    alerts = [*_refusals(refused), *_alerts(plan), *_findings(plan)]
    numbers = [*_risk_counts(plan), *_finding_counts(plan)]
    if refused:
        numbers.insert(0, f"> [!CAUTION]\n> **refused** for {counted(len(refused), 'reason')}")
    # From the fullest form to the shortest; the first that fits is taken. Counts, hash and risk codes are in all.
    for shown_alerts, extra in (
        (alerts, [_table(shown), _picture(plan, len(shown)), whole]),
        (alerts, [_table(shown), whole]),
        (alerts, [_table(shown), short]),
        (numbers, [_table(shown), short]),
        (numbers, [short]),
        (
            numbers,
            [
                f"Too long for a comment: {counted(len(shown), 'mapping')}. `{command_line('plan')}` prints the whole plan."
            ],
        ),
    ):
        text = _joined([*head, *shown_alerts, *tail, *(extra if shown else [])])
        if len(text) <= LONGEST:
            break
    return text


def _access(plan: Plan) -> Iterator[str]:
    """How AWS is reached and where the state is: as the manifest says, then as the environment decides."""
    if stated := plan.access.stated:
        line = ", ".join(f"{name} {_code(item)}" for name, item in stated.items())
        yield line[0].upper() + line[1:]
    if environment := plan.access.environment:
        yield f"From the environment: {', '.join(_code(f'{name}={item}') for name, item in environment.items())}"


def drift_markdown(stack: str, drifted: Sequence[Drifted]) -> str:
    """The drift, for an issue that a scheduled job opens, updates and closes. At most `LONGEST` characters."""
    count = drift_counts(drifted, verb=True) or "no drift"
    head = [f"<!-- provisioner:{stack}:drift -->", f"### `{stack}`: {count}"]
    text = _joined([*head, _fenced(drift_text(drifted, _PLAIN))])
    return (
        text
        if len(text) <= LONGEST
        else _cut(head, [f"- {_quoted(item.name or item.uuid)}" for item in drifted], len(drifted))
    )


def _refusals(refused: Sequence[Problem]) -> Iterator[str]:
    for (message, hint), subjects in grouped(refused).items():
        named = [name for name in subjects if name]
        subject = f"{_named(named)}: " if named else ""
        yield f"> [!CAUTION]\n> **refused**: {subject}{_text(message)}\n> {_text(hint)}"


def _alerts(plan: Plan) -> Iterator[str]:
    """One alert for each level, the worst first, with a line for each risk and all its mappings."""
    for level in reversed(Level):
        lines = [
            f"> - **{risk.level}** `{risk.code}` in {_named(keys)}: {_text(risk.message)}"
            for risk, keys in plan.risks.items()
            if risk.level is level
        ]
        if lines:
            yield "\n".join([f"> [!{_ALERTS[level]}]", *lines])


def _named(keys: Sequence[str]) -> str:
    """Names as code: all when they are few, else their number and the first."""
    shown = ", ".join(map(_quoted, keys[:_NAMED]))
    return shown if len(keys) <= _NAMED else f"{len(keys)} mappings ({shown}, …)"


def _risk_counts(plan: Plan) -> Iterator[str]:
    """One alert for each level, with a line for each code and the number of its mappings: short however long the plan
    is.
    """
    # A set for each mapping: two risks of one code in one mapping are one mapping.
    counts = Counter(item for change in plan.changes for item in {(risk.level, risk.code) for risk in change.risks})
    for level in reversed(Level):
        lines = [
            f"> - **{level}** `{code}` in {counted(count, 'mapping')}: {EXPLANATIONS[code].title}"
            for (of, code), count in sorted(counts.items())
            if of is level
        ]
        if lines:
            yield "\n".join([f"> [!{_ALERTS[level]}]", *lines])


_CHECK_ALERTS: Final = {
    CheckLevel.ERROR: "CAUTION",
    CheckLevel.LIKELY: "WARNING",
    CheckLevel.WARNING: "NOTE",
    CheckLevel.SKIPPED: "NOTE",
}


def _findings(plan: Plan) -> Iterator[str]:
    """One alert for each level of what the checks found, with a line for each finding."""
    groups = grouped_findings(plan.checks)
    for level, alert in _CHECK_ALERTS.items():
        lines = [
            f"> - **{level}** `{first.code}`{f' in {_named(subjects)}' if first.mapping else ''}: {_text(first.message)}"
            for first, subjects in groups
            if first.level is level
        ]
        if lines:
            yield "\n".join([f"> [!{alert}]", *lines])


def _finding_counts(plan: Plan) -> Iterator[str]:
    """One alert for each level of what the checks found, with the number of findings: short however long the plan is."""
    levels = [finding.level for finding in plan.checks]
    for level, alert in _CHECK_ALERTS.items():
        if level in levels:
            yield f"> [!{alert}]\n> **{level}**: {counted(levels.count(level), 'finding')} of the checks"


def _table(changes: Sequence[Change]) -> str:
    # The region only where it distinguishes rows.
    regional = len({change.region for change in changes}) > 1
    rows = [
        f"| `{symbol_of(change) or '='}` | {_quoted(change.key)}{f' ({change.region})' if regional else ''} "
        f"| {_what(change)} | {_why(change)} |"
        for change in changes
    ]
    return "\n".join(["| | Mapping | What changes | Why |", "|---|---|---|---|", *rows])


def _what(change: Change) -> str:
    parts = [f"moved from `{change.moved_from}`"] * bool(change.moved_from)
    parts += [f"imported as {_quoted(text_of(change.adopts))}"] if change.adopts else []
    kind = change.live.kind if change.live else SourceKind.UNKNOWN
    before, after = permission_sides(change)
    # A statement that is another one is told by its id; else what differs in it.
    is_other = kind in PUSH and before != after
    parts += [_field(field, kind) for field in change.fields if not (is_other and field.path[0] == PERMISSION)]
    if is_other and change.action in (Action.UPDATE, Action.REPLACE):
        parts.append(f"`{PERMISSION}` {_shown(before)} → {_shown(after)}")
    if change.action is Action.CREATE and change.desired:
        source, function = _code(short_name(change.pair.source)), _code(change.pair.function)
        is_push = change.wanted is not None and change.wanted.kind in PUSH
        parts.append(
            f"{source} invokes {function} for {_code(change.pair.channel)}"
            if is_push
            else f"reads {source} for {function}"
        )
    return "<br>".join(parts)


def _field(field: FieldChange, kind: SourceKind) -> str:
    # As in `plan_text`, an absent value is shown as AWS's default.
    default = default_at(field.path, kind)
    before, after = (default if value is None else value for value in (field.live, field.desired))
    name = f"`{'.'.join(field.path)}`"
    if _is_long(before) or _is_long(after):
        return name
    return f"{name} {_shown(before)} → {_shown(after)}"


def _is_long(value: Any) -> bool:
    return isinstance(value, list | dict) or len(as_json(value)) > _LONG_VALUE


def _shown(value: Any) -> str:
    return "*absent*" if value is None else _code(as_json(value))


def _why(change: Change) -> str:
    reason = reason_text(change)
    parts = [_text(reason)] if reason else []
    parts += [_text(f"not possible: {change.conflict.message}; {change.conflict.hint}")] if change.conflict else []
    for field in change.fields:
        if field.cause is Cause.EDIT and field.detail in ("", Edit.SET):
            parts.append("edit")
        else:
            parts.append(_text(f"{field.cause}: {field.detail}" if field.detail else str(field.cause)))
    return "<br>".join(dict.fromkeys(parts))  # each once


def _picture(plan: Plan, count: int) -> str:
    if not 0 < count <= _MOST_DRAWN:
        return ""
    touched = [edge for edge in edges_of_plan(plan) if edge.action is not Action.NO_OP]
    if not touched:
        return ""
    return f"<details><summary>Diagram</summary>\n\n```mermaid\n{mermaid(touched)}\n```\n</details>"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{_fenced(text)}\n</details>"


def _fenced(text: str) -> str:
    """Text as a diff, of which GitHub and GitLab highlight lines by their first character: signs move to the front."""
    # Longer than every run of backticks in the text, which would end the block.
    ticks = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}diff\n{_SIGN.sub(_moved_sign, text)}\n{fence}"


def _moved_sign(match: re.Match[str]) -> str:
    # A diff knows + and - only; lines with ! are highlighted as changes.
    sign = "!" if match[2] in ("~", "-/+", "+/-") else match[2]
    return f"{sign}{match[1]}{match[2]} "


def _quoted(text: str) -> str:
    """A name or an id as code. Those of entries may have any characters."""
    return _code(text) if set(text) & set("`|") else f"`{text}`"


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str) -> str:
    """Text on one line that stays plain text in Markdown, HTML and a table: special characters are entities."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", " ".join(text.split()))


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _cut(head: Sequence[str], lines: Sequence[str], count: int) -> str:
    """The head with as many lines as fit, and the total number."""
    rest = f"Too long for a comment: {count} mappings. `{command_line('drift')}` prints all of it."
    kept = list(lines)
    while len(text := _joined([*head, *kept, rest])) > LONGEST:
        kept = kept[: len(kept) // 2]
    return text
