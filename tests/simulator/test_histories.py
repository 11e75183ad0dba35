"""Whatever happens to two machines, nothing is lost, doubled, touched without right, or said to be done that is not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import SystemRandom

import pytest

from tests.simulator.history import play
from tests.support import ALL

FAILED_BEFORE = (18, 523, 1_002_460, 1_002_604, 1_003_389, 2_001_582, 2_005_174, 2_006_069)
"""Seeds whose histories failed once, before the product was mended."""

HISTORIES, CHUNK = 200, 20
RANDOM_CHUNKS = 50


def failures(seeds: Iterable[int]) -> str:
    """The histories that fail, with the end of each and how to play it again."""
    failed = [played for played in map(play, seeds) if played.violations]
    return "\n\n".join(
        "\n".join([*played.story[-40:], *played.violations, f"again: python -m tests.simulator 1 --seed {played.seed}"])
        for played in failed
    )


@pytest.mark.parametrize("first", range(0, HISTORIES, CHUNK))
def test_histories_of_fixed_seeds_end_well(first: int) -> None:
    assert failures(range(first, first + CHUNK)) == ""


def test_histories_that_failed_before_end_well() -> None:
    assert failures(FAILED_BEFORE) == ""


if ALL:

    @pytest.mark.parametrize("number", range(RANDOM_CHUNKS))
    def test_histories_of_random_seeds_end_well(number: int, pytestconfig: pytest.Config) -> None:
        """From the seed that `make test-all` prints, else from one of its own, which a failure shows."""
        base = int(pytestconfig.getoption("--hypothesis-seed") or SystemRandom().randrange(10**9)) + number * CHUNK

        assert failures(range(base, base + CHUNK)) == ""


def test_a_seed_gives_the_same_history_again() -> None:
    # The lock names the time on the wall, which is another one in the second play.
    first, second = ([re.sub(r" since \S+Z", "", line) for line in play(3).story] for _ in range(2))

    assert first == second
