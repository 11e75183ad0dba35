"""Texts as parts of names."""

from __future__ import annotations

import hashlib
import re
from typing import Final

HASH: Final = 4
"""The digits of a hash in a name."""
_OTHER: Final = re.compile(r"[^A-Za-z0-9_]+")


def slug(text: str) -> str:
    """A text of letters, digits, `_` and `-`."""
    return _OTHER.sub("-", text).strip("-_")


def short_hash(text: str, digits: int = HASH) -> str:
    """The last digits of a text's hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[-digits:]
