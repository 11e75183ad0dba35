"""JSON without duplicate keys and without NaN and Infinity: json would keep the last of duplicate keys, and read NaN and
Infinity, which are not JSON.
"""

from __future__ import annotations

import json
import math
from typing import Any


class DuplicateKeyError(ValueError):
    """An object has the same key twice, so that reading it would drop one of the values."""


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises DuplicateKeyError, ValueError for what is not JSON, and RecursionError."""
    return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_float)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DuplicateKeyError(f"duplicate key {twice!r}")
    return value
