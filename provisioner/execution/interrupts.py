"""Ctrl-C, SIGTERM and SIGHUP while changes are in flight."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first interrupt, and raise KeyboardInterrupt at the second.

    The first must not raise: an exception between any two lines of the main thread would leave the scheduler
    half-updated. Signals reach only the main thread; elsewhere this does nothing. The handlers from before are restored
    at the end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            signal.default_int_handler(number, frame)  # raises KeyboardInterrupt
        stop()

    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it must stay ignored
        heard.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
