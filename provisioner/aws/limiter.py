"""The request quota: Lambda allows its control plane 15 requests a second, shared by the whole account and region."""

from __future__ import annotations

import threading
from typing import Final

from provisioner.aws.wait import Clock

_LEAST: Final = 0.5  # requests a second: throttling slows down to this rate, and no further


class TokenBucket:
    """At most `rate` requests a second in the long run, `burst` at once; None is no limit.

    Safe to share between threads. The rate is halved when AWS throttles, and raised by a tenth with each answer.
    """

    def __init__(self, rate: float | None, burst: float, clock: Clock) -> None:
        self._most = rate
        self._rate = rate or 0.0
        self._burst = burst
        self._tokens = burst
        self._clock = clock
        self._at = clock.now()
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Wait until one more request may be sent."""
        if self._most is None:
            return
        with self._lock:
            now = self._clock.now()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            # Below zero each thread has reserved its turn, and waits for it without holding the lock.
            self._tokens -= 1
            delay = -self._tokens / self._rate
        if delay > 0:
            self._clock.sleep(delay)

    def throttled(self) -> None:
        """Halve the rate, down to one request in two seconds: AWS throttled a request."""
        with self._lock:
            # Many refusals in a row must not bring the rate to zero. A maximum below the floor stays as it is.
            self._rate = min(self._rate, max(self._rate / 2, _LEAST))

    def answered(self) -> None:
        """Raise the rate by a tenth, up to its maximum: AWS answered."""
        if self._most is not None and self._rate < self._most:
            with self._lock:
                self._rate = min(self._most, self._rate * 1.1)
