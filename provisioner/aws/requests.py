"""Requests to one service in one region: limited, counted, retried by the class of the refusal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from provisioner.aws.errors import Retry, retry_class, translating_errors
from provisioner.aws.limiter import TokenBucket
from provisioner.aws.wait import Clock, delays
from provisioner.errors import AwsError, InUseError, ThrottledError
from provisioner.model.report import STILL

Answer = dict[str, Any]
"""What boto3 returns for a call."""

Notify = Callable[[str], None]
"""Called with the reason why a call is retried, as a sentence."""

BUDGETS: Final = {
    Retry.IAM: 300.0,
    Retry.FUNCTION: 30.0,
    Retry.BUSY: 300.0,
    Retry.POLICY: 60.0,
    Retry.PROPAGATION: 60.0,
    Retry.ABORTED: 120.0,
    Retry.THROTTLED: 300.0,
    Retry.FAULT: 30.0,
}
"""Seconds for which each class of error is retried; for IAM where the manifest has no `retry_timeout`."""


class Calls:
    """Counts requests and throttled requests, and collects per thread the ids of requests that change something. Safe
    to share between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # A worker makes the calls of one change at a time, so the thread identifies the change.
        self._collected = threading.local()
        self.made = 0
        self.throttled = 0

    def count(self, *, throttled: bool = False) -> None:
        """Count a request, or with `throttled` that a request which is already counted was throttled."""
        with self._lock:
            self.made += not throttled
            self.throttled += throttled

    @contextmanager
    def collecting(self, ids: list[str]) -> Iterator[None]:
        """Within the context, add the ids of this thread's requests to a list."""
        self._collected.ids = ids
        try:
            yield
        finally:
            self._collected.ids = None

    def sent(self, request_id: str) -> None:
        """Record the id of a request that changes something."""
        ids = getattr(self._collected, "ids", None)
        if ids is not None and request_id:
            ids.append(request_id)


class Requests:
    """How requests to one service in one region are sent. Safe to share between threads."""

    def __init__(
        self,
        *,
        limiter: TokenBucket,
        calls: Calls,
        clock: Clock,
        guard: Callable[[], None] = lambda: None,
        retry_timeout: float | None = None,
    ) -> None:
        self._limiter = limiter
        self._calls = calls
        self._clock = clock
        self._guard = guard
        self._budgets = {**BUDGETS, **({} if retry_timeout is None else {Retry.IAM: retry_timeout})}
        self._reported_throttling = False

    def once(self, what: str, send: Callable[[], Answer]) -> Answer:
        """Send a request that changes something, once. Raises AwsError."""
        self._begin(changes=True)
        return self._send(what, send, changes=True)

    def call(
        self,
        what: str,
        send: Callable[[], Answer],
        notify: Notify | None = None,
        *,
        repeatable: bool = True,
        before_retry: Callable[[], None] | None = None,
    ) -> Answer:
        """Send a request, and retry it for as long as the class of the error allows. Raises AwsError.

        A call that changes something is given `notify`, which reports the first refusal at once; its request id is
        recorded. One that is not `repeatable` is not sent again when AWS may have acted.
        """
        changes, retries = notify is not None, self.retries(notify)
        while True:
            self._begin(changes=changes)
            try:
                return self._send(what, send, changes=changes)
            except AwsError as error:
                retries.wait(error, repeatable=repeatable)
                # After the pause, so that it reads what the other change has left.
                if before_retry and isinstance(error, InUseError):
                    before_retry()

    def retries(self, notify: Notify | None = None) -> Retries:
        """The retries of one action, which may take several requests. Nothing is reported without `notify`."""
        return Retries(self._clock, self._budgets, notify, self._is_first_throttling)

    def _begin(self, *, changes: bool) -> None:
        self._limiter.acquire()
        # After the wait for the limiter and before every attempt: lock and state may be another process's by now.
        if changes:
            self._guard()
        self._calls.count()

    def _send(self, what: str, send: Callable[[], Answer], *, changes: bool) -> Answer:
        try:
            with translating_errors(what):
                answer = send()
        except AwsError as error:
            if changes:
                self._calls.sent(error.request_id)
            if isinstance(error, ThrottledError):
                self._calls.count(throttled=True)
                self._limiter.throttled()
            raise
        self._limiter.answered()
        if changes:
            self._calls.sent(answer.get("ResponseMetadata", {}).get("RequestId", ""))
        return answer

    def _is_first_throttling(self) -> bool:
        """Whether this was not asked before: throttling affects every change at once and is reported once; the last
        line of a run counts it.
        """
        first, self._reported_throttling = not self._reported_throttling, True
        return first


class Retries:
    """The pauses between the attempts at one action. Made by `Requests.retries`."""

    def __init__(
        self,
        clock: Clock,
        budgets: dict[Retry, float],
        notify: Notify | None,
        is_first_throttling: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._budgets = budgets
        self._notify = notify
        self._is_first_throttling = is_first_throttling
        self._pauses = delays(0.3, 10.0)
        self._began: dict[Retry, float] = {}  # when each class was first met
        self._reported: dict[Retry, float] = {}  # when it was last reported

    def wait(self, error: AwsError, *, repeatable: bool = True, reason: Retry | None = None) -> None:
        """Wait before the next attempt, for `reason` where only the caller knows it. Raises the error when there is none:
        another attempt does not help, AWS may have acted on a request that is not `repeatable`, the time for retries is
        over, or the run was interrupted.
        """
        pause = next(self._pauses)
        if isinstance(error, ThrottledError):
            pause = max(pause, error.retry_after)
        reason = reason or retry_class(error, repeatable=repeatable)
        if reason is None:
            raise error
        now, is_first = self._clock.now(), reason not in self._began
        # Each class has its own budget, from when it was first met: waiting for IAM must not use up that of a fault.
        left = self._began.setdefault(reason, now) + self._budgets[reason] - now
        if left <= 0:
            raise error
        since = now - self._reported.get(reason, self._began[reason])
        if self._notify and is_first:
            if reason is not Retry.THROTTLED or self._is_first_throttling():
                self._notify(f"{error.message} ({reason.value}, for up to {left:.0f}s)")
        elif self._notify and reason is not Retry.THROTTLED and since >= STILL:
            self._reported[reason] = now
            self._notify(f"still {reason.value} ({now - self._began[reason]:.0f}s elapsed, up to {left:.0f}s left)")
        # The last pause is shortened, so that one more try is made when the budget ends.
        if not self._clock.sleep(min(pause, left)):
            raise error
