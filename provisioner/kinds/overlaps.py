"""Which entries of one bucket S3 refuses together (docs/aws/push.md#overlaps)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def family(event: str) -> str:
    """The family of an event type, as a wildcard names it: `s3:ObjectCreated` of `s3:ObjectCreated:Put`."""
    return ":".join(event.split(":")[:2])


def shared_events(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs of event types of two entries that meet: equal ones, and a wildcard with one of its family."""
    return [
        (mine, theirs)
        for mine in one.get("events", ())
        for theirs in other.get("events", ())
        if mine == theirs or (family(mine) == family(theirs) and (mine.endswith(":*") or theirs.endswith(":*")))
    ]


def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two entries of one bucket overlap: event types, prefixes and suffixes all meet. Whatever they invoke."""
    return (
        _meet(one.get("filter_prefix", ""), other.get("filter_prefix", ""))
        and _meet(one.get("filter_suffix", "")[::-1], other.get("filter_suffix", "")[::-1])
        and bool(shared_events(one, other))
    )


def _meet(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def families(mapping: Mapping[str, Any]) -> Iterator[str]:
    """The families of an entry's event types: only entries that share one can overlap."""
    yield from dict.fromkeys(map(family, mapping.get("events", ())))


def overlapping(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Pairs of entries of one bucket that overlap, by their indexes, the lower first: none only where none overlap. Each
    entry is compared with those that stand before it by prefix, and gives one pair at most, so that 1,000 equal entries
    are 999 pairs. Looks up prefixes and suffixes, so that this takes milliseconds.
    """
    seen: defaultdict[tuple[str, ...], _Affixes] = defaultdict(_Affixes)
    # In this order an entry whose prefix begins another's comes before it: only beginnings have to be looked up.
    for index in sorted(range(len(entries)), key=lambda index: entries[index].get("filter_prefix", "")):
        entry = entries[index]
        prefix, suffix = entry.get("filter_prefix", ""), entry.get("filter_suffix", "")
        events = [(event, family(event), event.endswith(":*")) for event in entry.get("events", ())]
        meeting = {
            key
            for event, of, wild in events
            for key in ([("any", of)] if wild else [("event", event), ("wildcard", of)])
            if key in seen
        }
        twin = min((met for key in meeting if (met := seen[key].meeting(prefix, suffix)) is not None), default=None)
        if twin is not None:
            yield min(index, twin), max(index, twin)
        for event, of, wild in events:
            for key in (("wildcard" if wild else "event", of if wild else event), ("any", of)):
                seen[key].add(prefix, suffix, index)


class _Affixes:
    """Filters of entries, by prefix and suffix."""

    def __init__(self) -> None:
        self._by_prefix: defaultdict[str, _Suffixes] = defaultdict(_Suffixes)
        self._lengths: set[int] = set()  # of the prefixes

    def add(self, prefix: str, suffix: str, index: int) -> None:
        """Add an entry."""
        self._lengths.add(len(prefix))
        self._by_prefix[prefix].add(suffix, index)

    def meeting(self, prefix: str, suffix: str) -> int | None:
        """An entry whose prefix begins this one and whose suffix meets this one, or None."""
        for length in self._lengths:
            suffixes = self._by_prefix.get(prefix[:length]) if length <= len(prefix) else None
            if suffixes and (index := suffixes.meeting(suffix)) is not None:
                return index
        return None


class _Suffixes:
    """Entries with one prefix, by suffix."""

    def __init__(self) -> None:
        self._reversed: dict[str, int] = {}
        self._lengths: set[int] = set()
        self._sorted: list[str] = []

    def add(self, suffix: str, index: int) -> None:
        """Add an entry."""
        text = suffix[::-1]
        if text not in self._reversed:
            self._reversed[text] = index
            self._lengths.add(len(text))
            insort(self._sorted, text)

    def meeting(self, suffix: str) -> int | None:
        """An entry whose suffix ends this one, or ends in this one, or None."""
        text = suffix[::-1]
        # Texts that begin alike stand together: the first that is not before this one is a longer one, if any is.
        at = bisect_left(self._sorted, text)
        if at < len(self._sorted) and self._sorted[at].startswith(text):
            return self._reversed[self._sorted[at]]
        shorter = (self._reversed.get(text[:length]) for length in self._lengths if length <= len(text))
        return next((index for index in shorter if index is not None), None)
