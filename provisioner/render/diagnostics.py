"""Diagnostics and errors as text, in the form of compilers, and in the formats of other tools."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any, Final

from provisioner.errors import ProvisionerError
from provisioner.model.codes import EXPLANATIONS
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.model.place import Place
from provisioner.render.style import Style
from provisioner.render.wrapping import NARROWEST, columns

_LONGEST: Final = 600  # characters of a message, which may quote a value of any length
_WIDEST: Final = 110  # columns of a manifest's line
_MARGIN: Final = 20  # characters shown before the span of a long line
_SARIF_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning"}

LineOf = Callable[[Place], str]
"""Returns the line of a manifest at a place, or "" when it cannot be read."""


def _no_line(_: Place) -> str:
    return ""


def diagnostics_text(
    diagnostics: Sequence[Diagnostic], style: Style, line_of: LineOf = _no_line, width: int = 0
) -> str:
    """For each diagnostic its message, its line with the span underlined, and a hint; then the counts. Of a line
    that is longer than `width` columns, the part around the span is shown.
    """
    lines = []
    for item in diagnostics:
        paint = style.red if item.severity is Severity.ERROR else style.yellow
        lines.append(
            f"{_printable(str(item.place))}: {paint(f'{item.severity}[{item.code}]')}: {style.bold(_printable(item.message))}"
        )
        lines += _snippet(item.place, line_of(item.place), paint, width)
        lines.append(f"  hint: {_printable(item.advice)}")
    lines.append(_counts(diagnostics))
    return "\n".join(lines)


def _snippet(place: Place, line: str, paint: Callable[[str], str], width: int) -> Iterator[str]:
    number = f"{place.line:>5}"
    widest = min(_WIDEST, max(width, NARROWEST) - len(f"{number} | ")) if width else _WIDEST
    # One character stays one character, a tab too, so that the columns of the place still fit.
    line = "".join(char if char.isprintable() else " " if char == "\t" else "?" for char in line.rstrip("\r\n"))
    line = line.rstrip()
    start = place.column - 1
    if not place.line or start >= len(line):
        return
    end = min(place.end_column - 1, len(line)) if place.end_line == place.line else len(line)
    end = max(end, start + 1)  # an empty value has a caret too
    if columns(line) > widest:
        begin = max(0, start - _MARGIN)
        # The first "…" replaces a character, so that the span keeps its columns; `cut` leaves a column for the last.
        line, start, end = "…" * bool(begin) + line[begin + bool(begin) :], start - begin, end - begin
        cut = columns(line) > widest
        while columns(line) + cut > widest:
            line = line[:-1]
        end = max(start + 1, min(end, len(line)))
        line += "…" * cut
    yield f"{number} | {line}".rstrip()
    yield f"{' ' * len(number)} | {' ' * columns(line[:start])}{paint('^' * max(1, columns(line[start:end])))}"


def _counts(diagnostics: Sequence[Diagnostic]) -> str:
    counts = []
    for severity in Severity:
        count = sum(item.severity is severity for item in diagnostics)
        if count:
            counts.append(f"{count} {severity}{'s' * (count > 1)}")
    return ", ".join(counts)


def _printable(text: str) -> str:
    """A text of a message without control characters, and cut to a length. Unlike `values.printable`, not for JSON."""
    safe = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}..."


def error_text(error: ProvisionerError, style: Style) -> str:
    """An error without diagnostics or problems: its message, and its hint on a line below."""
    head = style.red("Error: ") + style.bold(error.message)
    return f"{head}\n  {error.hint}" if error.hint else head


def diff_text(file: str, before: str, after: str, style: Style) -> str:
    """The change to a file as a unified diff; one sentence when only line ends change, which a diff does not show."""
    paints = {"+": style.green, "-": style.red, "@": style.grey}
    lines = list(unified_diff(before.splitlines(), after.splitlines(), file, file, lineterm=""))
    if not lines:
        return f"{file}: only line endings change"
    return "\n".join(paints.get(line[:1], str)(line) for line in lines)


# --- for other tools -------------------------------------------------------------------------------------------------


def diagnostics_json(diagnostics: Sequence[Diagnostic], unvalued: Sequence[str] = ()) -> str:
    """All diagnostics as a JSON document. The counts have the keys of `terraform validate -json`, each diagnostic has
    keys of its own. `unvalued` are variables that had no value.
    """
    errors = sum(item.severity is Severity.ERROR for item in diagnostics)
    document = {
        "format_version": "1.0",
        "valid": not errors,
        "error_count": errors,
        "warning_count": len(diagnostics) - errors,
        "variables_without_value": list(unvalued),
        "diagnostics": [
            {
                "severity": str(item.severity),
                "code": item.code,
                "message": item.message,
                "hint": item.advice,
                "file": item.place.file,
                "start": {"line": item.place.line, "column": item.place.column} if item.place.line else None,
                "end": {"line": item.place.end_line, "column": item.place.end_column} if item.place.end_line else None,
            }
            for item in diagnostics
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def diagnostics_github(diagnostics: Sequence[Diagnostic]) -> str:
    """GitHub's workflow commands, one a line; GitHub shows them beside the lines of a pull request."""
    return "\n".join(
        f"::{item.severity} {_properties(item)}::{_escaped(f'{item.message} ({item.advice})')}" for item in diagnostics
    )


def _properties(item: Diagnostic) -> str:
    place = item.place
    values: dict[str, Any] = {"file": place.file} if _is_file(place) else {}
    if place.line:
        values |= {"line": place.line, "col": place.column}
    if place.end_line:
        values |= {"endLine": place.end_line, "endColumn": place.end_column}
    values["title"] = f"{item.code} {EXPLANATIONS[item.code].title}"
    return ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in values.items())


def _escaped(text: str, more: str = "") -> str:
    """Percent-encoded where GitHub's commands need it (docs.github.com, "Workflow commands")."""
    for char in "%\r\n" + more:  # % first: it begins each code that follows
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def diagnostics_sarif(diagnostics: Sequence[Diagnostic], version: str) -> str:
    """A SARIF 2.1.0 document, for code scanning. `version` is ours."""
    codes = sorted({item.code for item in diagnostics})
    rules = []
    for code in codes:
        known = EXPLANATIONS[code]
        rule: dict[str, Any] = {
            "id": code,
            "shortDescription": {"text": known.title},
            "fullDescription": {"text": known.meaning},
            "help": {"text": known.remedy},
        }
        # A helpUri must be a URI, and a source may be a page of this repository.
        if known.source.startswith("https://"):
            rule["helpUri"] = known.source
        rules.append(rule)
    run = {
        "tool": {"driver": {"name": "provisioner", "version": version, "rules": rules}},
        "columnKind": "unicodeCodePoints",  # as a place counts
        "results": [_sarif_result(item, codes) for item in diagnostics],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _is_file(place: Place) -> bool:
    """Whether a position is in a file, and not on the command line or in the environment."""
    return bool(place.line) or not place.file.startswith(("--", "PROVISIONER_VAR_"))


def _sarif_result(item: Diagnostic, codes: Sequence[str]) -> Mapping[str, Any]:
    from urllib.parse import quote  # late: only SARIF needs it

    place = item.place
    # By bytes: a file's name may not be UTF-8.
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(os.fsencode(place.file))}}
    if place.line:
        region = {"startLine": place.line, "startColumn": place.column}
        location["region"] = region | (
            {"endLine": place.end_line, "endColumn": place.end_column} if place.end_line else {}
        )
    return {
        "ruleId": item.code,
        "ruleIndex": codes.index(item.code),
        "level": _SARIF_LEVELS[item.severity],
        "message": {"text": f"{item.message} ({item.advice})"},
        "locations": [{"physicalLocation": location}] if _is_file(place) else [],
    }
