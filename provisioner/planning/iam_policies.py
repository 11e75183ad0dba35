"""Policies of IAM: statements that allow actions, joined, and made to fit what AWS takes
(docs/aws/permissions.md#sizes).
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from typing import Any, Final, TypeAlias

from provisioner.model.references import Arn

MANAGED: Final = 6144
"""The most characters of a managed policy, blanks not counted."""
INLINE: Final = 10240
"""The most characters of all inline policies of a role together, blanks not counted."""
_SHARED: Final = 4
"""The fewest characters of a name that a pattern keeps: with fewer it would admit most of an account."""
_MARKS: Final = "-_./:"
"""What ends a word of a name. A pattern has whole words: `orders-*`, not `order*`, which may be another team's too."""
_TYPE: Final = re.compile(r"[a-z-]+[:/]")
"""The type that stands before a name in most ARNs, such as `stream/`. A bucket has none, and its objects follow a slash."""


@dataclass(frozen=True, slots=True)
class Allow:
    """One statement: actions on resources, each an ARN, a pattern of ARNs or `*`. `condition` is an operator and a key, and
    `values` are those of the key that it admits; ARNs among them stand with StringLike, because they may become patterns.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: tuple[str, str] | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IamPolicy:
    """A policy, small enough for a managed one. Its name is unique among those of a manifest."""

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


_Key: TypeAlias = tuple[tuple[str, ...], tuple[str, str] | tuple[()], tuple[str, ...]]
"""The actions of a statement, its condition and the values of that."""


def joined(allows: Iterable[Allow]) -> list[Allow]:
    """Statements with equal actions and conditions as one, sorted by Sid, with sorted actions and resources. A Sid that
    several would have gets a number. A statement without resources is left out, because IAM refuses it.
    """
    sids: defaultdict[_Key, set[str]] = defaultdict(set)
    resources: defaultdict[_Key, set[str]] = defaultdict(set)
    for item in allows:
        key = (tuple(sorted(set(item.actions))), item.condition or (), tuple(sorted(set(item.values))))
        sids[key].add(item.sid)
        resources[key].update(item.resources)
    statements = [
        Allow(sid, key[0], tuple(sorted(resources[key])), key[1] or None, key[2])
        for sid, key in sorted((min(found), key) for key, found in sids.items())
        if resources[key]
    ]
    seen: Counter[str] = Counter()
    for number, item in enumerate(statements):
        seen[item.sid] += 1
        if seen[item.sid] > 1:
            statements[number] = replace(item, sid=f"{item.sid}{seen[item.sid]}")
    return statements


def document(statements: Iterable[Allow]) -> dict[str, Any]:
    """Statements as a policy document."""
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
            for item in statements
        ],
    }


def size(statements: Iterable[Allow]) -> int:
    """The characters of a policy of these statements as AWS counts them, without blanks."""
    return len("".join(json.dumps(document(statements), separators=(",", ":")).split()))


def fitted(name: str, allows: Iterable[Allow]) -> tuple[list[IamPolicy], list[Fold]]:
    """Statements as one policy, or as several where one would be too large, and which ARNs were folded to make them fit.

    ARNs are folded before a policy is split, and as little as is enough: those whose names begin with the same words, as
    long as possible, are replaced by a pattern. Where that does not make one policy fit, none is folded.
    """
    statements = joined(allows)
    if size(statements) <= MANAGED:
        return [IamPolicy(name, tuple(statements))], []
    neighbours = [pair for item in statements for texts in (item.resources, item.values) for pair in pairwise(texts)]
    lengths = {_shared(one, other) for one, other in neighbours}
    for shared in sorted((length for length in lengths if length >= _SHARED), reverse=True):
        folds: list[Fold] = []
        folded = [
            replace(
                item,
                resources=_patterns(item.sid, item.resources, shared, folds),
                values=_patterns(item.sid, item.values, shared, folds),
            )
            for item in statements
        ]
        if size(folded) <= MANAGED:
            return [IamPolicy(name, tuple(folded))], folds
    parts = _split(statements)
    # No function has an @ in its name, so that these are the names of no other function's policies.
    return [IamPolicy(f"{name}@{n}" if n > 1 else name, tuple(part)) for n, part in enumerate(parts, 1)], []


def _patterns(sid: str, texts: Sequence[str], shared: int, folds: list[Fold]) -> tuple[str, ...]:
    """Sorted ARNs, those whose names begin with so many characters in common as patterns; what was folded is added to `folds`."""
    groups: list[list[str]] = []
    for text in texts:
        if groups and _shared(groups[-1][-1], text) >= shared:
            groups[-1].append(text)
        else:
            groups.append([text])
    patterns = [f"{_beginning(group[0], group[-1])}*" if len(group) > 1 else group[0] for group in groups]
    folds += [Fold(sid, pattern, len(group)) for pattern, group in zip(patterns, groups, strict=True) if len(group) > 1]
    return tuple(patterns)


def _shared(one: str, other: str) -> int:
    """How many characters of whole words the names of two ARNs begin with; 0 where they differ before."""
    arn = Arn.parse(one)
    if arn is None:
        return 0
    kind = None if arn.service == "s3" else _TYPE.match(arn.resource)
    before = len(str(arn._replace(resource=kind[0] if kind else "")))
    return max(0, len(_beginning(one, other)) - before)


def _beginning(one: str, other: str) -> str:
    """What two texts begin with, up to where a word of a name ends. Of sorted texts, the first and the last begin as all do."""
    same = "".join(char for char, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return same[: max(same.rfind(mark) for mark in _MARKS) + 1]


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
