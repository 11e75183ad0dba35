"""Clocks. They are passed in, so that tests need not wait.

Only `backend/s3.py` does not use them: it has a timer that stores results within ten seconds, and reads its lock at
most once a second.
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
    """The real clock. After `stop`, which an interrupt calls, only a `pause` still lasts."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Wait. Returns False when `stop` was called, before the wait or during it."""
        return not self._stopped.wait(seconds)

    def pause(self, seconds: float) -> None:
        """Wait, also after `stop`: between two attempts at what must be done before the process ends."""
        time.sleep(seconds)

    def stop(self) -> None:
        """End this and every later `sleep` at once."""
        self._stopped.set()


def delays(first: float, most: float) -> Iterator[float]:
    """Pauses in seconds between retries, without end: from `first` to `most`, each up to a fifth shorter or longer, so
    that many waiters do not wake at once.
    """
    pause = first
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311  # spreading, not secrecy
        pause = min(most, pause * 1.6)
