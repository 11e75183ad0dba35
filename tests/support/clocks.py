"""Clocks in a test's hands."""

from __future__ import annotations

import time
from dataclasses import dataclass

from provisioner.aws.wait import WallClock


@dataclass
class Time:
    """The time of a control plane, which a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class ManualClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> bool:
        self.time += seconds
        return True


class Hurried(WallClock):
    """A clock on which a second is a hundredth of one."""

    def now(self) -> float:
        return time.monotonic() * 100

    def sleep(self, seconds: float) -> bool:
        return super().sleep(seconds / 100)

    def pause(self, seconds: float) -> None:
        super().pause(seconds / 100)


class Skipping(WallClock):
    """A clock on which every wait is over at once, and its time has passed."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0

    def now(self) -> float:
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> bool:
        self._skipped += seconds
        return super().sleep(0)

    def pause(self, seconds: float) -> None:
        self._skipped += seconds
