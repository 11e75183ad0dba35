"""Whatever happens to two machines, nothing is lost, doubled, touched without right, or said to be done that is not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import SystemRandom

import pytest

from tests.simulator.history import play
from tests.support import ALL

FAILED_BEFORE = (
    18, 523, 30_035, 30_299, 31_505, 31_670, 1_002_460, 1_002_604, 1_003_389, 2_001_582, 2_005_174, 2_006_069,
)  # fmt: skip
"""Seeds whose histories failed once, before the product was mended."""

FAILED_WITH_S3 = (
    28, 77, 124, 2024, 2116, 2249, 2413, 2548, 3323, 3508, 5028, 5239, 5299, 5375, 5480, 5583, 7017,
    20007, 20082, 20183, 20310, 20344, 20355, 20359, 20367, 20385, 20558, 20816, 20915, 21055, 21217, 21285,
    40023, 40202, 40212, 40363, 40416, 40524, 40555, 40582, 41440, 41690, 41744, 42718, 42741, 43483,
    43789, 43898, 44383, 44788, 45103, 45148, 46129, 46954, 47042, 47098, 50449, 52221, 54097, 70800, 71478, 90686,
    90971, 110847, 111131, 111316,
)  # fmt: skip
"""The same, with mappings of S3."""

HISTORIES, CHUNK = 200, 20
WITH_S3 = 40
"""Histories with mappings of S3 too, whose seeds are their own."""
RANDOM_CHUNKS = 50


def failures(seeds: Iterable[int], *, has_s3: bool = False) -> str:
    """The histories that fail, with the end of each and how to play it again."""
    failed = [played for seed in seeds if (played := play(seed, has_s3=has_s3)).violations]
    again = f"again: python -m tests.simulator 1 {'--s3 ' if has_s3 else ''}--seed"
    return "\n\n".join(
        "\n".join([*played.story[-40:], *played.violations, f"{again} {played.seed}"]) for played in failed
    )


@pytest.mark.parametrize("first", range(0, HISTORIES, CHUNK))
def test_histories_of_fixed_seeds_end_well(first: int) -> None:
    assert failures(range(first, first + CHUNK)) == ""


def test_histories_that_failed_before_end_well() -> None:
    assert failures(FAILED_BEFORE) == ""


@pytest.mark.parametrize("first", range(0, WITH_S3, CHUNK))
def test_histories_with_s3_end_well(first: int) -> None:
    assert failures(range(first, first + CHUNK), has_s3=True) == ""


def test_histories_with_s3_that_failed_before_end_well() -> None:
    assert failures(FAILED_WITH_S3, has_s3=True) == ""


if ALL:

    @pytest.mark.parametrize("has_s3", [False, True])
    @pytest.mark.parametrize("number", range(RANDOM_CHUNKS))
    def test_histories_of_random_seeds_end_well(number: int, has_s3: bool, pytestconfig: pytest.Config) -> None:
        """From the seed that `make test-all` prints, else from one of its own, which a failure shows."""
        base = int(pytestconfig.getoption("--hypothesis-seed") or SystemRandom().randrange(10**9)) + number * CHUNK

        assert failures(range(base, base + CHUNK), has_s3=has_s3) == ""


def test_a_seed_gives_the_same_history_again() -> None:
    # The lock names the time on the wall, which is another one in the second play.
    first, second = ([re.sub(r" since \S+Z", "", line) for line in play(3).story] for _ in range(2))

    assert first == second
