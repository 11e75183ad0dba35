"""Clocks. They are passed in, so that tests need not wait.

Only `backend/s3.py` has a timer of its own, which stores results every ten seconds.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Protocol


class Clock(Protocol):
    """A clock that code waits on."""

    def now(self) -> float:
        """Seconds on a clock that never goes backwards."""

    def sleep(self, seconds: float) -> bool:
        """Wait. Returns False when `stop` ended the wait."""


class WallClock:
    """The real clock. `stop` ends every wait at once."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Wait, unless `stop` was called."""
        return not self._stopped.wait(seconds)

    def stop(self) -> None:
        """End this and every later wait at once."""
        self._stopped.set()


def delays(first: float, most: float) -> Iterator[float]:
    """Growing pauses in seconds between retries, randomised so that many waiters do not wake at once."""
    pause = first
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311  # spreading, not secrecy
        pause = min(most, pause * 1.6)
