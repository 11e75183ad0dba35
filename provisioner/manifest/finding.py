"""Findings: something wrong in a part of a manifest, before the part's position is known."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from provisioner.manifest.node import Node
from provisioner.model.diagnostics import Diagnostic

Step = Hashable


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a path inside a part of a manifest: one mapping, or the whole.

    field    the top-level field, where the path does not start with it
    at_key   the key is wrong, not its value
    certain  holds also where a variable has no value: the variable's type is known
    """

    code: str
    path: tuple[Step, ...]
    message: str
    hint: str = ""
    field: str = ""
    at_key: bool = False
    certain: bool = False


def located(part: Node, finding: Finding) -> Diagnostic | None:
    """The diagnostic for a finding in a part of a manifest, at its position; at the part's key when the path is empty.

    None when the finding judges a value that is not known, because a variable in it has no value.
    """
    if not finding.at_key and _is_guessed(part, finding):
        return None
    place = part.at(finding.path).place(key=finding.at_key or not finding.path)
    return Diagnostic(finding.code, finding.message, place, finding.hint)


def _is_guessed(part: Node, finding: Finding) -> bool:
    node = part
    for step in finding.path:
        child = node.below(step)
        if child is None:
            return node.unvalued
        node = child
    if finding.certain:  # a reference to no variable stays as text, which has no type to judge
        return node.unvalued and isinstance(node.value, str) and "${" in node.value
    return bool(finding.path) and any(True for _ in node.unvalued_paths())


def suggestion(word: str, candidates: Iterable[str]) -> str:
    """`did you mean "batch_size"?`, or nothing when no candidate is near."""
    near = nearest(word, candidates)
    return f'did you mean "{near}"?' if near else ""


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The candidate most similar to a word, or ""."""
    spelt = {plain(candidate): candidate for candidate in candidates}
    near = difflib.get_close_matches(plain(word), spelt, n=1, cutoff=0.7)
    return spelt[near[0]] if near else ""


def label(path: Sequence[Step]) -> str:
    """How a message names the value at a path: its field, with a number for an item of a list."""
    if not path:
        return "the manifest"
    return f"{path[-2]}[{path[-1]}]" if isinstance(path[-1], int) and len(path) > 1 else str(path[-1])


def plain(word: str) -> str:
    """A name without what tells the spellings of other tools apart: capitals, `_` and `-`."""
    return word.lower().replace("_", "").replace("-", "")
