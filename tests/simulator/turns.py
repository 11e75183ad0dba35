"""Turns: threads of which one at a time runs, chosen by a seeded scheduler, on a clock that the scheduler winds.

A command is a `Process`; its main thread, its workers and its timers are `Task`s. A task gives its turn back at each call,
file operation and wait. So a history depends on its seed alone, and a process can be suspended or killed at any of these
points.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

from provisioner.aws.wait import WallClock

_here = threading.local()


class Killed(BaseException):
    """The process of this task was killed: nothing that it does has an effect any more."""


def here() -> Task | None:
    """The task that runs in this thread, if it is one of a simulated process."""
    return getattr(_here, "task", None)


class Task:
    """A thread of a process. It can run when `until` has come, or when `ready` says so."""

    def __init__(self, turns: Turns, process: Process, work: Callable[[], None]) -> None:
        self.turns, self.process = turns, process
        self.until = turns.now
        self.ready: Callable[[], bool] | None = None
        self.ended = False
        self._work = work
        self._go = threading.Lock()
        self._go.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        _here.task = self
        self._go.acquire()
        try:
            if not self.process.dead:
                self._work()
        except Killed:
            pass
        finally:
            self.ended = True
            self.turns.back.release()

    @property
    def runnable(self) -> bool:
        return self.until <= self.turns.now or (self.ready is not None and self.ready())

    def give_turn(self) -> None:
        """Let the task run until it gives the turn back."""
        self._go.release()
        self.turns.back.acquire()

    def pause(self, seconds: float = 0.0, ready: Callable[[], bool] | None = None) -> None:
        """Give the turn back, and wait until a time, or until something is ready. Raises Killed."""
        self.die_if_killed()
        self.until, self.ready = self.turns.now + seconds, ready
        self.turns.back.release()
        self._go.acquire()
        self.die_if_killed()

    def die_if_killed(self) -> None:
        if self.process.dead:
            raise Killed


@dataclass(eq=False)
class Process:
    """One command on one machine."""

    turns: Turns
    machine: str
    command: str
    tasks: list[Task] = field(default_factory=list)
    dead: bool = False
    held: bool = False
    gives_up: set[str] = field(default_factory=set)  # the names that it is to forget
    torn: bool = False  # whether what a kill cuts was cut already
    began: float = 0.0
    lost_lock: float = 0.0  # when its lock was taken away
    lost_state: float = 0.0  # when the local state that it works on was replaced
    loses_state: bool = False  # the state in S3 that it works on was replaced, which it sees when it writes it
    seen: bytes | None = None  # the state in S3 as it read or wrote it last
    has_lock: bool = False  # on a local state
    lost_journal: float = 0.0  # when its journal was deleted
    interrupt: Callable[[], None] | None = None  # what the first Ctrl-C calls, while changes are made
    entries: dict[str, Any] = field(default_factory=dict)  # the entries of buckets that it has read
    missed: set[str] = field(default_factory=set)  # what it saw missing when it read a bucket or a policy last
    came_back: dict[str, str] = field(default_factory=dict)  # what was there again afterwards, and why
    trusts_state: bool = False  # it runs with `--refresh=false`

    def spawn(self, work: Callable[[], None]) -> Task:
        """Start a thread of this process."""
        task = Task(self.turns, self, work)
        self.tasks.append(task)
        self.turns.tasks.append(task)
        return task

    @property
    def lost(self) -> float:
        """When it lost the right to change anything; 0 when it has it."""
        return min((time for time in (self.lost_lock, self.lost_state) if time), default=0.0)

    @property
    def over(self) -> bool:
        """Whether its main thread has ended."""
        return self.dead or self.tasks[0].ended

    def kill(self) -> None:
        """End all its threads where they are."""
        self.dead = True
        for task in self.tasks:
            while not task.ended:
                task.give_turn()


class Turns:
    """The scheduler and its clock."""

    def __init__(self, random: Random) -> None:
        self.now = 1000.0
        self.back = threading.Lock()
        self.back.acquire()
        self.tasks: list[Task] = []
        self._random = random
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do something at a later time, when no task runs."""
        heapq.heappush(self._later, (self.now + seconds, next(self._count), work))

    def step(self) -> bool:
        """Give one task the turn, winding the clock when all wait. False when there is nothing to do."""
        self.tasks = [task for task in self.tasks if not task.ended]
        able = [task for task in self.tasks if not task.process.held]
        runnable = [task for task in able if task.runnable]
        if not runnable:
            wakes = [task.until for task in able if task.until < math.inf]
            if not wakes:
                return False
            self.wind(max(0.0, min(wakes) - self.now))
            return True
        self._random.choice(runnable).give_turn()
        return True

    def wind(self, seconds: float) -> None:
        """Let time pass, and what was delayed happen."""
        end = self.now + seconds
        while self._later and self._later[0][0] <= end:
            self.now, _, work = heapq.heappop(self._later)
            work()
        self.now = end


# --- what the product uses of the standard library, in turns ----------------------------------------------------------


def _task() -> Task:
    task = here()
    assert task is not None, "only commands wait"
    return task


class TurnClock(WallClock):
    """The clock of one process."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def now(self) -> float:
        return self._turns.now

    def sleep(self, seconds: float) -> bool:
        if not self._stopped.is_set():
            _task().pause(seconds, self._stopped.is_set)
        return not self._stopped.is_set()

    def pause(self, seconds: float) -> None:
        _task().pause(seconds)


class TurnLock:
    """`threading.RLock`, also in the place of `Lock`, whose owner never takes it twice."""

    def __init__(self) -> None:
        self._owner: Task | None = None
        self._times = 0

    def __enter__(self) -> None:
        task = here()
        if self._owner is not None and self._owner is not task:
            assert task is not None, "held by a task that waits"
            task.pause(math.inf, lambda: self._owner is None)
        self._owner, self._times = task, self._times + 1

    def __exit__(self, *_: object) -> None:
        self._times -= 1
        self._owner = self._owner if self._times else None


class TurnTimer:
    """`threading.Timer`."""

    daemon = False

    def __init__(self, interval: float, function: Callable[[], None]) -> None:
        self._interval, self._function = interval, function
        self._cancelled = False

    def start(self) -> None:
        process = _task().process

        def work() -> None:
            _task().pause(self._interval, lambda: self._cancelled or process.over)
            if not self._cancelled and not process.over:
                self._function()

        process.spawn(work)

    def cancel(self) -> None:
        self._cancelled = True


class TurnFuture:
    """`concurrent.futures.Future`."""

    def __init__(self) -> None:
        self.done = False
        self._value: Any = None

    def set(self, value: Any) -> None:
        self._value, self.done = value, True

    def result(self) -> Any:
        return self._value


class TurnPool:
    """`ThreadPoolExecutor`. What the product maps in parallel are reads, which are made one after the other here."""

    def __init__(self, workers: int) -> None:
        self._running: list[TurnFuture] = []

    def submit(self, function: Callable[..., Any], *arguments: Any) -> TurnFuture:
        future = TurnFuture()
        self._running.append(future)
        _task().process.spawn(lambda: future.set(function(*arguments)))
        return future

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [function(item) for item in items]

    def shutdown(self, *, wait: bool, cancel_futures: bool) -> None:
        task = _task()
        if wait and not task.process.dead and not all(future.done for future in self._running):
            task.pause(math.inf, lambda: all(future.done for future in self._running))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


def turn_wait(
    futures: Iterable[TurnFuture], timeout: float | None, return_when: str
) -> tuple[Sequence[TurnFuture], Sequence[TurnFuture]]:
    """`concurrent.futures.wait`, with its results in the order in which the calls were begun."""
    asked = list(futures)
    if not any(future.done for future in asked):
        _task().pause(math.inf if timeout is None else timeout, lambda: any(future.done for future in asked))
    return [future for future in asked if future.done], [future for future in asked if not future.done]
