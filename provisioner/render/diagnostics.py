"""Diagnostics and errors as text, as a compiler writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from provisioner.errors import ProvisionerError
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.render.style import Style

_LONGEST: Final = 600


def diagnostics_text(diagnostics: Sequence[Diagnostic], style: Style) -> str:
    """One line a finding, its hint below it, and the counts."""
    lines = []
    for item in diagnostics:
        paint = style.red if item.severity is Severity.ERROR else style.yellow
        lines.append(f"{item.place}: {paint(f'{item.severity}[{item.code}]')}: {style.bold(_printable(item.message))}")
        lines.append(f"  hint: {item.advice}")
    lines.append(_counts(diagnostics))
    return "\n".join(lines)


def _counts(diagnostics: Sequence[Diagnostic]) -> str:
    counts = []
    for severity in Severity:
        count = sum(item.severity is severity for item in diagnostics)
        if count:
            counts.append(f"{count} {severity}{'s' * (count > 1)}")
    return ", ".join(counts)


def _printable(text: str) -> str:
    """What came from a manifest must not steer a terminal, nor fill it."""
    safe = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}..."


def error_text(error: ProvisionerError, style: Style) -> str:
    """An error: what, where, and what next."""
    head = style.red("Error: ") + style.bold(error.message)
    return f"{head}\n  {error.hint}" if error.hint else head
