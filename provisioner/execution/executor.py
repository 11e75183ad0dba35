"""Carries out a plan: what runs when (docs/architecture.md#one-apply).

Changes run in parallel, each after those that free its pair. Workers make the calls of one change (`work`). What AWS
has accepted is polled by the main thread, with the fewest calls, and compared with what was applied once it has settled
(`settling`): that wait delays no other change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial

from provisioner.aws.drivers import Drivers
from provisioner.aws.requests import Notify
from provisioner.aws.session import Aws
from provisioner.aws.wait import WallClock
from provisioner.backend.store import Log
from provisioner.errors import (
    AccountError,
    ConflictError,
    CredentialsError,
    DeniedError,
    ProvisionerError,
    StateError,
    ThrottledError,
)
from provisioner.execution.guard import guarded
from provisioner.execution.interrupts import interrupts
from provisioner.execution.push import Attempt, Push
from provisioner.execution.schedule import Schedule
from provisioner.execution.settling import Polled, Settling
from provisioner.execution.work import Accepted, Work
from provisioner.model.key import LAMBDA, Key
from provisioner.model.plan import Action, Change, Plan
from provisioner.model.provider import Provider
from provisioner.model.report import Outcome, Phase, Progress, Report, Result
from provisioner.model.state import Intent
from provisioner.planning.commands import import_line
from provisioner.planning.order import call_of, deletes_last, leaves_entry_elsewhere

Emit = Callable[[Progress], None]


class Executor:
    """One apply of one plan. The main thread schedules, polls and reports; workers make the calls."""

    def __init__(
        self,
        aws: Aws,
        drivers: Drivers,
        plan: Plan,
        intents: Sequence[Intent],
        log: Log,
        provider: Provider,
        emit: Emit,
        clock: WallClock,
        *,
        parallelism: int,
        fail_fast: bool,
        waits: bool = True,
    ) -> None:
        self._aws = aws
        self._log = log
        self._emit = emit
        self._clock = clock
        self._parallelism = parallelism
        self._fail_fast = fail_fast
        self._waits = waits
        self._drivers = drivers
        self._work = Work(drivers, plan, intents, log, provider, clock, self._notify)
        self._push = Push(drivers, plan, intents, log, clock, self._notify)
        awaited = {key for change in plan.changes if change.calls_aws for key in change.after}
        self._settling = Settling(drivers, provider, clock, awaited)
        # Changes without calls are left out: they were recorded before the first call.
        self._changes = {change.key: change for change in plan.changes if change.calls_aws}
        self._schedule = Schedule(drivers.calls(list(self._changes.values())))
        self._pool = ThreadPoolExecutor(parallelism)
        self._running: set[Future[list[Accepted | Outcome]]] = set()
        self._began: dict[str, float] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._requests: dict[str, list[str]] = {}
        self._denied: dict[Action, str] = {}  # what IAM refused once is not tried for every mapping
        self._stopping = ""
        self._interrupted = False

    # --- the main thread ----------------------------------------------------------------------------------------------

    def run(self) -> Report:
        """Carry out every change. After the first interrupt nothing new is started and the calls in flight are
        finished; the second raises KeyboardInterrupt.
        """
        wait_for_workers = True
        try:
            with interrupts(self._interrupt), guarded(self._aws, self._log):
                while self._schedule.is_active:
                    self._step()
        except KeyboardInterrupt:
            # The process is to end now. The intents of calls in flight stay unresolved, and the next apply looks.
            wait_for_workers = False
            raise
        finally:
            # Whatever ended the loop, the results of calls in flight must reach the log.
            self._pool.shutdown(wait=wait_for_workers, cancel_futures=True)
        return Report(tuple(self._outcomes[key] for key in self._changes), self._interrupted)

    def _interrupt(self) -> None:
        self._interrupted = True
        self._stopping = "the apply was interrupted"
        self._clock.stop()  # ends the waits of workers too, so that no retry delays the end

    def _step(self) -> None:
        # While stopping, none needs a worker: each change that is ready ends as not attempted.
        while (self._stopping or len(self._running) < self._parallelism) and (group := self._schedule.next_ready()):
            self._start(group)
        if self._running:
            until_poll = self._settling.until_poll if self._settling else None
            done, _ = wait(self._running, timeout=until_poll, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future)
        # No call runs that would end the wait, and none is ready: with no call running, all that were have started. An
        # interrupt ends it.
        elif self._settling and not self._interrupted:
            self._clock.sleep(self._settling.until_poll)
        if self._settling and (self._interrupted or self._settling.until_poll <= 0):
            self._see_all(self._settling.poll(last=self._interrupted, busy=bool(self._running)))

    def _start(self, group: Sequence[Change]) -> None:
        started = []
        for change in group:
            earlier = [self._outcomes[key] for key in change.after if key in self._outcomes]
            failed = next((outcome.change.key for outcome in earlier if outcome.result is not Result.APPLIED), "")
            stopping = self._stopping or self._denied.get(change.action, "")
            if stopping or failed:
                why = f"it must come after {failed}, which was not applied" if failed else stopping
                self._push.statements.forgo(change)
                self._end(change, Outcome(change, Result.NOT_ATTEMPTED, why))
                continue
            self._began[change.key] = self._clock.now()
            self._emit(Progress(change, Phase.STARTED))
            started.append(change)
        if started:
            one = started[0]  # what is no part of a call stands alone
            together = partial(self._push.carry_out, started)
            self._submit(started, together if call_of(one) else lambda: [(one, self._work.carry_out(one))])

    def _submit(self, changes: Sequence[Change], attempt: Attempt) -> None:
        self._running.add(self._pool.submit(self._guarded, changes, attempt))

    def _take(self, future: Future[list[Accepted | Outcome]]) -> None:
        self._running.discard(future)
        for result in future.result():
            change = result.change
            if isinstance(result, Outcome):
                self._end(change, result)
            # With --no-wait too, the old mapping is not deleted before the new one has settled.
            elif self._waits or (deletes_last(change) and not result.deleting):
                self._settling.add(result)
            elif result.deleting:
                self._work.keep_recorded(result)
                outcome = result.made or Outcome(change, Result.APPLIED, uuid=change.id)
                detail = "not waited for: the deleted mapping stays recorded until the next apply sees that it is gone"
                self._end(change, replace(outcome, detail=outcome.detail or detail))
            else:
                self._end(change, Outcome(change, Result.APPLIED, "not waited for", uuid=result.record.key.id))

    def _see_all(self, polls: Sequence[Polled]) -> None:
        attempts = self._push.following(polls, stopping=bool(self._stopping))
        for changes, attempt in attempts:
            self._submit(changes, attempt)
        goes_on = {change.key for changes, _ in attempts for change in changes}
        for polled in (item for item in polls if item.accepted.change.key not in goes_on):
            self._see(polled)

    def _see(self, polled: Polled) -> None:
        accepted, outcome = polled.accepted, polled.outcome
        change = accepted.change
        if outcome is None:
            self._emit(Progress(change, Phase.WAITING, self._elapsed(change), polled.state))
        elif accepted.deleting:
            try:
                (self._work.record_gone if polled.gone else self._work.keep_recorded)(accepted)
            except ProvisionerError as error:
                outcome = self._failed(change, error)
            self._end(change, outcome)
        elif not deletes_last(change) or outcome.result is not Result.APPLIED:
            self._end(change, outcome)
        elif outcome.settled and not self._stopping and not leaves_entry_elsewhere(change):
            self._submit([change], lambda: [(change, self._work.delete(change, outcome))])
        else:
            detail = f"{outcome.detail or 'it stopped'}; {change.id}, which it replaces, is still there"
            hint = "apply again to delete the old mapping"
            self._end(change, replace(outcome, result=Result.FAILED, detail=detail, hint=hint))

    def _end(self, change: Change, outcome: Outcome) -> None:
        outcome = replace(outcome, request_ids=tuple(self._requests.pop(change.key, ())))
        self._outcomes[change.key] = outcome
        self._emit(Progress(change, Phase.ENDED, self._elapsed(change), outcome=outcome))
        if outcome.result is Result.FAILED and self._fail_fast:
            self._stopping = f"{change.key} failed and --fail-fast is set"
        self._schedule.ended(change)

    def _elapsed(self, change: Change) -> float:
        return self._clock.now() - self._began.get(change.key, self._clock.now())

    # --- around the work of one change, in a worker -------------------------------------------------------------------

    def _guarded(self, changes: Sequence[Change], attempt: Attempt) -> list[Accepted | Outcome]:
        """Make the calls of changes that are carried out together. A failure becomes the outcome of its change, and stops no
        other one.
        """
        ids: list[str] = []
        with self._aws.calls.collecting(ids):
            try:
                ends = attempt()
            except ProvisionerError as error:
                ends = [(change, error) for change in changes]
            except Exception as error:  # noqa: BLE001  # a mistake of ours fails its changes, and loses no other
                detail = (
                    f"internal error in provisioner: {type(error).__name__}: {error}",
                    "this is a bug; please report it",
                )
                ends = [(change, Outcome(change, Result.FAILED, *detail)) for change in changes]
        for change in changes:
            # Added: the delete that ends a replacement has ids too.
            self._requests.setdefault(change.key, []).extend(ids)
        return [self._failed(change, end) if isinstance(end, ProvisionerError) else end for change, end in ends]

    def _failed(self, change: Change, error: ProvisionerError) -> Outcome:
        hint = error.hint
        match error:
            case ConflictError():
                line = import_line(change.name, Key(LAMBDA, change.region, error.uuid))  # only Lambda names a holder
                hint = hint or (f"import it: `{line}`" if error.uuid else "apply again")
            case AccountError() | StateError():
                # The next call would be made in the same other account, or without a state to record it in.
                self._stopping = self._stopping or error.message
            case CredentialsError() | ThrottledError():
                # Every other change would fail in the same way, each after its own budget of retries.
                reason = f"stopped, because the credentials expired or the request quota is exhausted: {error.message}"
                self._stopping = self._stopping or reason
            case DeniedError() if not call_of(change):  # other sources and functions may allow it
                self._denied.setdefault(change.action, error.message)
        return Outcome(change, Result.FAILED, error.message, hint)

    def _notify(self, change: Change) -> Notify:
        return lambda text: self._emit(Progress(change, Phase.RETRYING, self._elapsed(change), text))
