"""Which entries of one bucket S3 refuses together (docs/aws/push.md#overlaps)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
