"""Values as JSON for people: letters unescaped, control characters and bidirectional marks escaped."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_UNSEEN: Final = re.compile("[^\\x20-\\x7e]")  # what may not be printable; `_escaped` asks for each character


def as_json(value: Any) -> str:
    """A value as one line of JSON, in which whatever cannot be printed is escaped."""
    return printable(json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """A text that is JSON already, with whatever cannot be printed escaped. Unlike `as_json`, which makes the text."""
    return text if text.isprintable() else _UNSEEN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]
