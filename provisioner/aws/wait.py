"""Time, handed in: nothing else in the project sleeps."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Protocol


class Clock(Protocol):
    """What waiting needs."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def sleep(self, seconds: float) -> bool:
        """Wait; False when the wait was cut short because the run is to stop."""


class WallClock:
    """The real clock. `stop` ends every wait at once."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Wait, unless the run is to stop."""
        return not self._stopped.wait(seconds)

    def stop(self) -> None:
        """Cut short this and every later wait."""
        self._stopped.set()


def delays(first: float, most: float) -> Iterator[float]:
    """Growing pauses between tries in seconds, spread so that many waiters do not wake at once."""
    pause = first
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311  # spreading, not secrecy
        pause = min(most, pause * 1.6)
