"""JSON in which every key stands once: of a duplicate one, json would keep the last and drop the others."""

from __future__ import annotations

import json
from typing import Any


class DuplicateKeyError(ValueError):
    """An object has the same key twice, so that reading it would drop one of the values."""


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises DuplicateKeyError, and ValueError or RecursionError as json does."""
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DuplicateKeyError(f"duplicate key {twice!r}")
    return value
