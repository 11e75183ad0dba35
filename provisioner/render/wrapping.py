"""Wraps text to the columns of a terminal; continuation lines are indented."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from unicodedata import combining, east_asian_width

NARROWEST: Final = 40
"""Text is never wrapped to fewer columns."""

_PAINT: Final = re.compile(r"\033\[[0-9;]*m")
_PAINTED: Final = re.compile(r"(?:\033\[[0-9;]*m)*")
_LEAD: Final = re.compile(r" *(?:# )?")
# A line that must stay whole: `name = value` of a plan, a bracket, a line of a manifest below a diagnostic.
_VALUE: Final = re.compile(r"^ *(?:[-+~./]+ )?(?:\S+|\"[^\"]*\") += |[{}\[\]],?$|^ *\d* \|")
_COMMENT: Final = "  # "
_WORD: Final = re.compile(r"(?:[^ `]|`[^`]*`|`)+")
"""A command between backticks is not wrapped, so that it can be pasted."""

_NAMED: Final = 20  # so many names are all printed


def columns(text: str) -> int:
    """The columns that a text takes on a terminal: two for a wide character, none for a combining one or an ANSI
    code.
    """
    plain = _PAINT.sub("", text)
    if plain.isascii():
        return len(plain)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in plain)


def fitted(text: str, width: int) -> str:
    """A text whose lines have at most `width` columns; 0 leaves it alone.

    Sentences wrap between words. A line of a plan that holds a value stays whole, because a value must be possible to
    copy, and its comment goes to a line before it where both are too long. A line of a manifest that a message shows
    stays whole too.
    """
    if not width:
        return text
    width = max(width, NARROWEST)
    return "\n".join(part for line in text.split("\n") for part in _fitted(line, width))


def _fitted(line: str, width: int) -> Iterator[str]:
    if columns(line) <= width:
        yield line
        return
    plain = _PAINT.sub("", line)
    # Only what stands before a comment decides: a comment may quote a value.
    if not _VALUE.search(plain.split(_COMMENT)[0]):
        yield from _wrapped(line, width)
    elif _COMMENT in plain and not plain.lstrip().startswith("#"):
        # The last match: a value may hold "  # " itself.
        marks = re.finditer(r"  (?:\033\[[0-9;]*m)*  ?# |  (?:\033\[[0-9;]*m)*# ", line)
        begin = [mark.start() for mark in marks][-1]
        comment = _PAINT.sub("", line[begin:]).strip().removeprefix("# ")
        indent = " " * (len(plain) - len(plain.lstrip(" ")))
        yield from _wrapped(f"{indent}# {comment}", width)
        yield line[:begin]
    else:
        yield line


def wrapped(text: str, width: int, indent: str = "") -> str:
    """One sentence in lines of at most `width` columns, the first after `indent`, the others two columns further in."""
    return "\n".join(_wrapped(indent + text, max(width, NARROWEST)))


def _wrapped(line: str, width: int) -> Iterator[str]:
    plain = _PAINT.sub("", line)
    lead = (_LEAD.match(plain) or [""])[0]
    hanging = f"{lead}  "
    current = ""
    # Codes may stand before the indent. They go to the first word, and the indent is written anew.
    painted = (_PAINTED.match(line) or [""])[0]
    for word in _WORD.findall(painted + line[len(painted) :].lstrip(" ")):
        longer = f"{current} {word}" if current else f"{' ' * (len(lead) - len(lead.lstrip(' ')))}{word}"
        if current and columns(longer) > width:  # a word that is too long has a line of its own
            yield current
            longer = hanging + word
        current = longer
    yield current


def names(items: Sequence[str]) -> str:
    """Names in a sentence: all when they are few, else the first ones and the number of the others."""
    shown = ", ".join(items[:_NAMED])
    more = len(items) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
