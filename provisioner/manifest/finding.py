"""Findings about one mapping, before their position in a file is known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

Step = str | int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a path inside one mapping. `field` is the top-level field, where the path does not start with
    it.
    """

    code: str
    path: tuple[Step, ...]
    message: str
    hint: str = ""
    field: str = ""
    at_key: bool = False


def suggestion(word: str, candidates: Iterable[str]) -> str:
    """`did you mean "batch_size"?`, or nothing when no candidate is near."""
    near = nearest(word, candidates)
    return f'did you mean "{near}"?' if near else ""


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The candidate most similar to a word, or ""."""
    plain = {_plain(candidate): candidate for candidate in candidates}
    near = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.7)
    return plain[near[0]] if near else ""


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
