"""Policies of IAM: statements that allow actions, joined, and made to fit what AWS takes
(docs/aws/permissions.md#sizes).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from typing import Any, Final

from provisioner.model.references import Arn

MANAGED: Final = 6144
"""The most characters of a managed policy, blanks not counted."""
INLINE: Final = 10240
"""The most characters of all inline policies of a role together, blanks not counted."""
_SHARED: Final = 4
"""The fewest characters of a name that a pattern keeps: with fewer it would admit most of an account."""
_TYPE: Final = re.compile(r"[a-z-]+[:/]")
"""The type that stands before a name in most ARNs, such as `stream/`. A bucket has none, and its objects follow a slash."""


@dataclass(frozen=True, slots=True)
class Allow:
    """One statement: actions on resources, each an ARN, a pattern of ARNs or `*`. `condition` is an operator and a key, and
    `values` are those of the key that it admits.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: tuple[str, str] | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IamPolicy:
    """A policy that AWS takes as a managed one, with a name that IAM takes."""

    name: str
    statements: tuple[Allow, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The policy as IAM reads it. What may be a list is one, also of one item."""
        return document(self.statements)

    @property
    def size(self) -> int:
        """The characters that AWS counts."""
        return size(self.statements)


@dataclass(frozen=True, slots=True)
class Fold:
    """ARNs of a statement that one pattern replaces."""

    sid: str
    pattern: str
    count: int


def joined(allows: Iterable[Allow]) -> list[Allow]:
    """Statements with equal actions and conditions as one, sorted by Sid, with sorted actions and resources. One without
    resources is left out, because IAM refuses it.
    """
    found: dict[tuple[object, ...], Allow] = {}
    for item in allows:
        ordered = replace(item, actions=tuple(sorted(set(item.actions))), values=tuple(sorted(set(item.values))))
        key = (ordered.actions, ordered.condition, ordered.values)
        first = found.get(key, ordered)
        found[key] = replace(first, resources=tuple(sorted({*first.resources, *item.resources})))
    return sorted(
        (item for item in found.values() if item.resources),
        key=lambda item: (item.sid, item.actions, item.condition or (), item.values),
    )


def document(statements: Iterable[Allow]) -> dict[str, Any]:
    """Statements as a policy document. A Sid that several have gets a number."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": item.sid,
                "Effect": "Allow",
                "Action": list(item.actions),
                "Resource": list(item.resources),
                **(
                    {"Condition": {item.condition[0]: {item.condition[1]: list(item.values)}}} if item.condition else {}
                ),
            }
            for item in numbered(statements)
        ],
    }


def numbered(statements: Iterable[Allow]) -> Iterator[Allow]:
    """Statements with Sids that are unique in a policy, as IAM wants them."""
    seen: Counter[str] = Counter()
    for item in statements:
        seen[item.sid] += 1
        yield replace(item, sid=f"{item.sid}{seen[item.sid]}") if seen[item.sid] > 1 else item


def size(statements: Iterable[Allow]) -> int:
    """The characters of a policy of these statements as AWS counts them, without blanks."""
    return len("".join(json.dumps(document(statements), separators=(",", ":")).split()))


def fitted(name: str, allows: Iterable[Allow]) -> tuple[list[IamPolicy], list[Fold]]:
    """Statements as one policy, or as several where one would be too large, and which ARNs were folded to make them fit.

    ARNs are folded before a policy is split, and as little as is enough: those whose names begin with the same characters,
    as many as possible, are replaced by a pattern. Where that does not make one policy fit, none is folded.
    """
    statements = joined(allows)
    if size(statements) <= MANAGED:
        return [IamPolicy(name, tuple(statements))], []
    lengths = {length for item in statements for texts in (item.resources, item.values) for length in _lengths(texts)}
    for shared in sorted(lengths, reverse=True):
        folds: list[Fold] = []
        folded = [_folded(item, shared, folds) for item in statements]
        if size(folded) <= MANAGED:
            return [IamPolicy(name, tuple(folded))], folds
    parts = _split(statements)
    return [IamPolicy(f"{name}-{n}" if n > 1 else name, tuple(part)) for n, part in enumerate(parts, 1)], []


def _folded(item: Allow, shared: int, folds: list[Fold]) -> Allow:
    """A statement in which ARNs whose names share so many characters are patterns; what was folded is added to `folds`."""
    return replace(
        item,
        resources=_patterns(item.sid, item.resources, shared, folds),
        values=_patterns(item.sid, item.values, shared, folds),
    )


def _patterns(sid: str, texts: Sequence[str], shared: int, folds: list[Fold]) -> tuple[str, ...]:
    groups: list[list[str]] = []
    for text in texts:
        if groups and _shared(groups[-1][-1], text) >= shared:
            groups[-1].append(text)
        else:
            groups.append([text])
    patterns = [f"{_common(group[0], group[-1])}*" if len(group) > 1 else group[0] for group in groups]
    folds += [Fold(sid, pattern, len(group)) for pattern, group in zip(patterns, groups, strict=True) if len(group) > 1]
    return tuple(patterns)


def _lengths(texts: Sequence[str]) -> Iterator[int]:
    """The numbers of characters that neighbours share in their names, where they are enough for a pattern."""
    return (length for one, other in pairwise(texts) if (length := _shared(one, other)) >= _SHARED)


def _shared(one: str, other: str) -> int:
    """How many characters the names of two ARNs share from their beginning; 0 for what differs in the parts before."""
    arn = Arn.parse(one)
    if arn is None:
        return 0
    kind = None if arn.service == "s3" else _TYPE.match(arn.resource)
    before = len(str(arn._replace(resource=kind[0] if kind else "")))
    return max(0, len(_common(one, other)) - before)


def _common(one: str, other: str) -> str:
    """What two texts begin with. Of sorted texts, the first and the last begin as all do."""
    return "".join(char for char, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _split(statements: Sequence[Allow]) -> list[list[Allow]]:
    """Statements in as many policies as they need, in order."""
    parts: list[list[Allow]] = [[]]
    for piece in (piece for item in statements for piece in _pieces(item)):
        grown = joined([*parts[-1], piece])
        if parts[-1] and size(grown) > MANAGED:
            parts.append([piece])
        else:
            parts[-1] = grown
    return parts


def _pieces(item: Allow) -> Iterator[Allow]:
    """A statement in halves, and these again, until each fits into a policy."""
    resources, values = item.resources, item.values
    if size([item]) <= MANAGED or max(len(resources), len(values)) == 1:
        yield item
        return
    for first in (True, False):
        if len(resources) >= len(values):
            half = replace(item, resources=_half(resources, first=first))
        else:
            half = replace(item, values=_half(values, first=first))
        yield from _pieces(half)


def _half(texts: tuple[str, ...], *, first: bool) -> tuple[str, ...]:
    middle = len(texts) // 2
    return texts[:middle] if first else texts[middle:]
