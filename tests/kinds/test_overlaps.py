"""Overlapping entries of one bucket: the search agrees with the comparison of each pair, and takes about linear time."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.kinds.overlaps import overlap, overlapping

EVENTS = (
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectRemoved:*",
    "s3:ObjectTagging:Put",
    "s3:LifecycleTransition",
)
AFFIX = st.text("ab", max_size=4)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"events": st.lists(st.sampled_from(EVENTS), min_size=1, max_size=3, unique=True)},
        optional={"filter_prefix": AFFIX, "filter_suffix": AFFIX},
    ),
    max_size=8,
)


@given(ENTRIES)
def test_what_is_found_overlaps_and_nothing_is_overlooked(entries: list[dict[str, Any]]) -> None:
    pairs = {pair for pair in combinations(range(len(entries)), 2) if overlap(*(entries[index] for index in pair))}
    found = list(overlapping(entries))

    assert set(found) <= pairs
    assert bool(found) is bool(pairs)


def test_equal_entries_give_one_pair_each() -> None:
    entries = [{"events": ["s3:ObjectCreated:*"]}] * 1000

    assert sorted(overlapping(entries)) == [(0, index) for index in range(1, 1000)]


@pytest.mark.parametrize("name", ["filter_prefix", "filter_suffix"])
def test_many_filters_that_do_not_meet(name: str) -> None:
    entries = [
        {"events": ["s3:ObjectCreated:*"], name: f"{number:04}{'x' * 1000}{number:04}"} for number in range(1000)
    ]

    assert list(overlapping(entries)) == []
