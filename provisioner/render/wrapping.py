"""Text that fits the columns of a terminal: words wrap, and what follows the first line is indented under it."""

from __future__ import annotations

import textwrap
from typing import Final
from unicodedata import combining, east_asian_width

_NARROWEST: Final = 20


def columns(text: str) -> int:
    """How many columns a terminal gives a text: a wide character has two, a combining one none."""
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def wrapped(text: str, width: int, indent: str = "", hanging: str = "  ") -> str:
    """A text in lines of at most `width` columns, each below the first with `hanging` more indentation. A word that is longer
    than a line, such as an ARN, is left whole: it must be possible to copy it.
    """
    lines = textwrap.wrap(
        text,
        max(width, _NARROWEST),
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines) or indent
