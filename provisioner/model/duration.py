"""Lengths of time as people write them."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")


def seconds(value: str | float) -> float:
    """`30`, `"30s"`, `"5m"` or `"1h"` in seconds. Raises ValueError for anything else, and for less than zero."""
    if not isinstance(value, str):
        # In Python true is a number, and NaN is neither below nor above any.
        if isinstance(value, bool) or not 0 <= value < float("inf"):
            raise ValueError(f"{value} is not a number of seconds")
        return float(value)
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a duration such as 30s, 5m or 1h")
    return float(match[1]) * _UNITS[match[2]]
