"""Carries out a plan: {intent, call, done, settle, verify} for each change (docs/architecture.md#one-apply).

Changes run in parallel, each after those that free its pair. What AWS has accepted is polled by the main thread, with
the fewest calls, and compared with what was applied once it has settled: that wait delays no other change. Steps within
one change, such as the delete before a create, are awaited by its worker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from graphlib import TopologicalSorter
from typing import Final

from provisioner.aws.convert import create_request, live_mapping, update_requests
from provisioner.aws.gateway import PAGE, Config, Notify
from provisioner.aws.refresh import holders, read, with_tags
from provisioner.aws.session import Aws
from provisioner.aws.wait import WallClock, delays
from provisioner.backend.store import Log
from provisioner.environment import command_line
from provisioner.errors import (
    AwsError,
    ConflictError,
    CredentialsError,
    DeniedError,
    ProvisionerError,
    ServiceError,
    StateError,
    ThrottledError,
    UnreachableError,
)
from provisioner.execution.interrupts import interrupts
from provisioner.model.canonical import Canonical, fill_kept
from provisioner.model.desired import FieldPath, Provider
from provisioner.model.live import SETTLED, Live, Owner
from provisioner.model.plan import Action, Change, FieldChange, Plan, Reason
from provisioner.model.report import STILL, Outcome, Phase, Progress, Report, Result
from provisioner.model.state import Deposed, Record
from provisioner.planning.diff import field_changes
from provisioner.planning.record import applied_record, is_protected

Emit = Callable[[Progress], None]

_MAY_BE_THERE: Final = (
    "AWS may have created the mapping; apply again, and provisioner will look for it by its function and source"
)


@dataclass(slots=True)
class _Settling:
    """A change that AWS has accepted and whose mapping has not settled."""

    change: Change
    token: str
    record: Record
    began: float
    reported: float = field(default=0.0)


class Executor:
    """One apply of one plan. The main thread schedules, polls and reports; workers make the calls."""

    def __init__(
        self,
        aws: Aws,
        plan: Plan,
        journal: Log,
        provider: Provider,
        emit: Emit,
        clock: WallClock,
        *,
        parallelism: int,
        fail_fast: bool,
        waits: bool = True,
    ) -> None:
        self._aws = aws
        self._plan = plan
        self._journal = journal
        self._provider = provider
        self._emit = emit
        self._clock = clock
        self._fail_fast = fail_fast
        self._waits = waits
        self._parallelism = parallelism
        self._pool = ThreadPoolExecutor(parallelism)
        self._ready: deque[str] = deque()
        self._changes = {change.key: change for change in plan.changes if change.calls_aws}
        self._awaited = {key for change in self._changes.values() for key in change.after}
        earlier = {
            key: [other for other in change.after if other in self._changes] for key, change in self._changes.items()
        }
        self._order = TopologicalSorter(earlier)
        self._forgets = {change.name for change in plan.changes if change.action is Action.FORGET}
        self._began: dict[str, float] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._requests: dict[str, list[str]] = {}
        self._settling: dict[str, _Settling] = {}
        self._running: dict[Future[_Settling | Outcome], Change] = {}
        self._next_poll = 0.0
        self._pauses = delays(0.2, 5.0)
        self._stopping = ""
        self._denied: dict[Action, str] = {}  # what IAM refused once is not tried for every mapping
        self._interrupted = False

    # --- the main thread ----------------------------------------------------------------------------------------------

    def run(self) -> Report:
        """Carry out every change. After the first interrupt nothing new is started and the calls in flight are
        finished; the second raises KeyboardInterrupt.
        """
        self._order.prepare()
        wait_for_workers = True
        try:
            with interrupts(self._interrupt):
                while self._order.is_active():
                    self._step()
        except KeyboardInterrupt:
            wait_for_workers = False
            raise
        finally:
            # Whatever ended the loop, the results of calls in flight must reach the journal.
            self._pool.shutdown(wait=wait_for_workers, cancel_futures=True)
        return Report(tuple(self._outcomes[key] for key in self._changes), self._interrupted)

    def _interrupt(self) -> None:
        self._interrupted = True
        self._stopping = "the apply was interrupted"
        self._clock.stop()

    def _step(self) -> None:
        self._ready += self._order.get_ready()
        while self._ready and (self._stopping or len(self._running) < self._parallelism):
            self._start(self._changes[self._ready.popleft()])
        if self._running:
            until_poll = max(0.0, self._next_poll - self._clock.now()) if self._settling else None
            done, _ = wait(self._running, timeout=until_poll, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future)
        elif self._settling and not self._ready and not self._interrupted:
            self._clock.sleep(max(0.0, self._next_poll - self._clock.now()))
        if self._settling and (self._interrupted or self._clock.now() >= self._next_poll):
            self._poll()

    def _start(self, change: Change) -> None:
        earlier = [self._outcomes[key] for key in change.after if key in self._outcomes]
        failed = next((outcome.change.key for outcome in earlier if outcome.result is not Result.APPLIED), "")
        stopping = self._stopping or self._denied.get(change.action, "")
        if stopping or failed:
            why = f"it depends on {failed}, which was not applied" if failed else stopping
            self._end(change, Outcome(change, Result.NOT_ATTEMPTED, why))
            return
        self._began[change.key] = self._clock.now()
        self._emit(Progress(change, Phase.STARTED))
        self._submit(change, self._carry_out)

    def _submit(self, change: Change, work: Callable[[Change], _Settling | Outcome]) -> None:
        self._running[self._pool.submit(self._guarded, change, work)] = change

    def _take(self, future: Future[_Settling | Outcome]) -> None:
        change = self._running.pop(future)
        result = future.result()
        if isinstance(result, Outcome):
            self._end(change, result)
            return
        if not self._waits and not (change.action is Action.REPLACE and change.creates_first):
            self._end(change, Outcome(change, Result.APPLIED, "not waiting for it to settle", uuid=result.record.uuid))
            return
        if not self._settling:  # nothing was waited for: begin with short pauses again
            self._pauses = delays(0.2, 5.0)
            self._next_poll = self._clock.now() + next(self._pauses)
        self._settling[change.key] = result

    def _end(self, change: Change, outcome: Outcome) -> None:
        outcome = replace(outcome, request_ids=tuple(self._requests.pop(change.key, ())))
        self._outcomes[change.key] = outcome
        self._emit(Progress(change, Phase.ENDED, self._elapsed(change), outcome=outcome))
        if outcome.result is Result.FAILED and self._fail_fast:
            self._stopping = f"{change.key} failed and --fail-fast is set"
        self._order.done(change.key)

    def _elapsed(self, change: Change) -> float:
        return self._clock.now() - self._began.get(change.key, self._clock.now())

    # --- settling -----------------------------------------------------------------------------------------------------

    def _poll(self) -> None:
        """Read all settling mappings, by region, and end the changes whose mapping has settled, is gone, or has timed
        out.
        """
        waiting = list(self._settling.values())
        for region in sorted({item.record.region for item in waiting}):
            here = {item.record.uuid: item for item in waiting if item.record.region == region}
            for item, live in self._read(region, here):
                self._look(item, live)
        # Polling many mappings takes many calls of the quota, which pending changes need more.
        self._next_poll = self._clock.now() + max(next(self._pauses), len(self._settling) / PAGE / 2)

    def _read(self, region: str, items: dict[str, _Settling]) -> Iterator[tuple[_Settling, Live | None]]:
        try:
            functions = {uuid: item.record.pair.function for uuid, item in items.items()}
            configs: dict[str, Config] = read(self._aws.gateway(region), functions)
        except ProvisionerError as error:
            passing = isinstance(error, ThrottledError | ServiceError | UnreachableError)
            for item in items.values():
                if self._is_late(item) or not passing:
                    self._finish(
                        item, Outcome(item.change, Result.APPLIED, error.message, uuid=item.record.uuid, settled=False)
                    )
            return
        for uuid, item in items.items():
            yield item, live_mapping(configs[uuid], region, {}, self._provider) if uuid in configs else None

    def _look(self, item: _Settling, live: Live | None) -> None:
        change = item.change
        if live is None:
            # The record stays: the next plan sees that its mapping has disappeared, and what it still has to delete.
            self._finish(
                item,
                Outcome(
                    change, Result.FAILED, "it was deleted outside provisioner before it had settled", "plan again"
                ),
            )
        elif live.status.settled:
            self._verify(item, live)
        elif self._is_late(item):
            detail = f"it is still {live.status.state}" + (f" ({live.status.reason})" if live.status.reason else "")
            self._finish(
                item,
                Outcome(
                    change,
                    Result.APPLIED,
                    detail,
                    f"check it with `{command_line('status')}`",
                    uuid=live.uuid,
                    settled=False,
                ),
            )
        elif self._elapsed(change) - item.reported >= STILL:
            item.reported = self._elapsed(change)
            self._emit(Progress(change, Phase.WAITING, item.reported, live.status.state))

    def _is_late(self, item: _Settling) -> bool:
        return self._interrupted or self._clock.now() - item.began > self._provider.settle_timeout

    def _verify(self, item: _Settling, live: Live) -> None:
        """Compare the settled mapping with what was applied, and report fields that AWS ignored. The record keeps what
        was applied, so that the next plan shows the difference and its cause.
        """
        ignored = tuple(_ignored(item.change, item.record.applied, live))
        reason = f"; AWS reports {live.status.fault}" if ignored and live.status.fault else ""
        detail = (
            f"{', '.join('.'.join(path) for path in ignored)} not set: AWS ignored the value{reason}" if ignored else ""
        )
        if ignored == (("enabled",),) and live.status.fault:
            detail = f"not enabled: AWS reports {live.status.fault}"
        if live.status.filter_error and not ignored:
            detail = f"the filters cannot be read back: {live.status.filter_error}"
        outcome = Outcome(item.change, Result.APPLIED, detail, uuid=live.uuid, ignored=ignored)
        if item.change.creates_first and item.change.action is Action.REPLACE and not self._stopping:
            self._settling.pop(item.change.key)
            self._submit(item.change, lambda change: self._delete_replaced(change, item.record, outcome))
        else:
            self._finish(item, outcome)

    def _finish(self, item: _Settling, outcome: Outcome) -> None:
        self._settling.pop(item.change.key, None)
        replaced = item.change.action is Action.REPLACE and item.change.creates_first
        if replaced and outcome.result is Result.APPLIED:
            detail = f"{outcome.detail or 'it stopped'}; the old mapping {item.change.uuid} has not been deleted yet"
            outcome = replace(
                outcome, result=Result.FAILED, detail=detail, hint="apply again to delete the old mapping"
            )
        self._end(item.change, outcome)

    # --- the workers --------------------------------------------------------------------------------------------------

    def _guarded(self, change: Change, work: Callable[[Change], _Settling | Outcome]) -> _Settling | Outcome:
        """Do the work of one change. Its failure becomes its outcome and stops no other change."""
        with self._aws.calls.collecting(self._requests.setdefault(change.key, [])):
            return self._outcome_of(change, work)

    def _outcome_of(self, change: Change, work: Callable[[Change], _Settling | Outcome]) -> _Settling | Outcome:
        try:
            return work(change)
        except ConflictError as error:
            hint = error.hint or (
                f"import it: `{command_line('import', change.name, error.uuid)}`" if error.uuid else "apply again"
            )
            return _failed(change, error, hint)
        except (CredentialsError, ThrottledError) as error:
            # Every other change would fail in the same way, each after its own budget of retries.
            self._stopping = (
                self._stopping
                or f"stopped, because the credentials expired or the request quota is exhausted: {error.message}"
            )
            return _failed(change, error)
        except DeniedError as error:
            self._denied.setdefault(change.action, error.message)
            return _failed(change, error)
        except ProvisionerError as error:
            return _failed(change, error)
        except Exception as error:  # noqa: BLE001  # a mistake of ours fails its change, and loses no other
            return Outcome(
                change,
                Result.FAILED,
                f"internal error in provisioner: {type(error).__name__}: {error}",
                "this is a bug; please report it",
            )

    def _carry_out(self, change: Change) -> _Settling | Outcome:
        match change.action:
            case Action.CREATE:
                self._await_gone(change.live)
                return self._create(change)
            case Action.UPDATE:
                return self._update(change)
            case Action.REPLACE if change.creates_first:
                old_region = change.live.region if change.live else change.region
                return self._create(change, (*self._deposed(change), Deposed(change.uuid, old_region)))
            case Action.REPLACE:
                # Old and new share a pair or group, so AWS refuses the new one while the old one exists.
                self._delete(change, None)
                self._await_gone(change.live)
                return self._create(change)
            case _:
                return self._remove(change)

    def _create(self, change: Change, deposed: Sequence[Deposed] = ()) -> _Settling:
        desired = change.desired or {}
        owner = (
            Owner(self._plan.stack, self._plan.lineage, change.name)
            if self._provider.tags_ownership(change.region)
            else None
        )
        request = create_request(desired, owner)
        with self._intended(change, "create", [item.uuid for item in deposed]) as token:
            live, made = self._create_once(change, request)
            record = applied_record(change, live, change.applied or {}, tuple(deposed))
            # Adopted, not created: until the update below has succeeded, what AWS has is what was applied.
            self._remember(change, token, record if made else replace(record, applied=live.as_left))
        if not made:
            self._converge_adopted(change, live)
            self._journal.done(token, change.name, record)
        return _Settling(change, token, record, self._clock.now())

    def _create_once(self, change: Change, request: Config) -> tuple[Live, bool]:
        """The created mapping and True, or a mapping that existed already and False.

        After a lost answer the holder of the pair is read before the create is sent again. A second create cannot make
        a second mapping: AWS holds the pair unique, and its refusal names the first.
        """
        lost_answers: list[AwsError] = []
        try:
            return self._create_or_adopt(change, request, lost_answers)
        except ProvisionerError as error:
            if lost_answers and not isinstance(error, UnreachableError | ServiceError):
                # Whatever was refused afterwards, AWS may have acted: the intent must stay unresolved.
                message = f"{lost_answers[0].message}; then {error.message}"
                raise UnreachableError(message, hint=error.hint or _MAY_BE_THERE, code="Lost") from error
            raise

    def _create_or_adopt(self, change: Change, request: Config, lost_answers: list[AwsError]) -> tuple[Live, bool]:
        gateway, notify = self._aws.gateway(change.region), self._notify(change)
        # List may show a new mapping seconds late, so it is read again after each pause before the create is sent again.
        for pause in (1.0, 2.0, 4.0, None):
            try:
                config = gateway.create(request, notify)
                return live_mapping(config, change.region, {}, self._provider), True
            except ConflictError as error:
                live = self._adoptable(change, error.uuid)
                if live is None:
                    raise
                return live, False
            except (UnreachableError, ServiceError) as error:
                if isinstance(error, UnreachableError) and error.code != "Lost":
                    raise
                lost_answers.append(error)
                notify(f"{error.message}; checking whether AWS created it")
                if holder := holders(gateway, {change.name: change.pair}).get(change.name):
                    return self._claim_lost_create(change, holder, error), False
                if pause is None or not self._clock.sleep(pause):
                    raise type(error)(
                        error.message, hint=_MAY_BE_THERE, code=error.code, request_id=error.request_id
                    ) from error
        raise AssertionError  # the last round returns or raises

    def _adoptable(self, change: Change, uuid: str) -> Live | None:
        """The mapping that holds the wanted pair, when it is ours or `on_conflict: adopt` allows it; else None."""
        gateway = self._aws.gateway(change.region)
        config = gateway.get(uuid) if uuid else None
        if config is None or uuid in self._journal.state.managers():
            return None
        live = with_tags(gateway, config, self._provider)
        ours = live.owner is not None and live.owner.lineage == self._plan.lineage
        adopts = live.owner is None and change.wanted is not None and change.wanted.lifecycle.on_conflict == "adopt"
        return live if (ours or adopts) and live.pair == change.pair else None

    def _claim_lost_create(self, change: Change, config: Config, error: AwsError) -> Live:
        """The mapping that the create with the lost answer made, proved by its ownership tags. Raises ConflictError
        without that proof.
        """
        live = self._adoptable(change, str(config["UUID"]))
        if live is None:
            line = command_line("import", change.name, str(config["UUID"]))
            hint = f"if it is the mapping that this call created, import it: `{line}`"
            raise ConflictError(
                f"{error.message}; {config['UUID']} already has the same function and source", hint=hint
            ) from error
        return live

    def _converge_adopted(self, change: Change, live: Live) -> None:
        """Update an adopted mapping to what is wanted. Raises ProvisionerError when that needs a replacement."""
        target = fill_kept(change.desired or {}, live.mapping, live.kind)
        fields = field_changes({}, live.mapping, target)
        if any(field.replaces for field in fields):
            raise ConflictError(
                f"{live.uuid} already existed; it was imported, but must be replaced", hint="apply again to replace it"
            )
        self._await_settled(live)
        if self._send(change, live, target, fields):
            self._await_settled(live)

    def _update(self, change: Change) -> _Settling | Outcome:
        live = change.live
        assert live is not None  # an update has both sides
        record = applied_record(change, live, change.applied or {}, self._deposed(change))
        with self._intended(change, "update", [change.uuid]) as token:
            settles = self._send(
                change, live, change.desired or {}, change.fields, partial(self._refuse_if_changed, live)
            )
            self._journal.done(token, change.name, record)
        if not settles:
            return Outcome(change, Result.APPLIED, uuid=change.uuid)
        return _Settling(change, token, record, self._clock.now())

    def _send(
        self,
        change: Change,
        live: Live,
        desired: Canonical,
        fields: Sequence[FieldChange],
        before_retry: Callable[[], None] | None = None,
    ) -> bool:
        """Send the updates that make a mapping the desired one, and its tags. Returns whether it has to settle
        afterwards.

        `before_retry` is called before the first request is retried because somebody else was changing the mapping.
        """
        gateway, notify = self._aws.gateway(live.region), self._notify(change)
        changed = {field.path[0] for field in fields}
        requests = update_requests(live.mapping, desired, live.kind, changed, live.unknown)
        for index, request in enumerate(requests):
            if index:
                self._await_settled(live)
            gateway.update(live.uuid, request, notify, None if index else before_retry)
        gone, new = _tag_changes(live.mapping.get("tags", {}), desired.get("tags", {}))
        # First remove, then add: a mapping has at most 50 tags.
        if gone:
            gateway.untag(live.arn, gone, notify)
        if new:
            gateway.tag(live.arn, new, notify)
        return bool(requests)

    def _remove(self, change: Change) -> Outcome:
        current = self._journal.state.mappings.get(change.name) if change.reason is Reason.DEPOSED else None
        remaining = _without(current, change.uuid) if current else None
        # The name is to be forgotten; it was only recorded for what it still had to delete, and this was the last.
        forgotten = change.name in self._forgets and remaining is not None and not remaining.deposed
        self._delete(change, None if forgotten else remaining)
        # A deleted mapping holds its pair for a while: a change that takes the pair would be refused.
        if change.key in self._awaited:
            self._await_gone(change.live)
        return Outcome(change, Result.APPLIED, uuid=change.uuid)

    def _deposed(self, change: Change) -> tuple[Deposed, ...]:
        """The deposed mappings that the name's record has now: another change may have deleted one of them."""
        record = self._journal.state.mappings.get(change.name)
        return record.deposed if record else ()

    def _delete_replaced(self, change: Change, record: Record, outcome: Outcome) -> Outcome:
        self._delete(change, _without(record, change.uuid))
        if change.key in self._awaited:
            self._await_gone(change.live)
        return outcome

    def _delete(self, change: Change, after: Record | None) -> None:
        region = change.live.region if change.live else change.region
        with self._intended(change, "delete", [change.uuid]) as token:
            self._aws.gateway(region).delete(change.uuid, self._notify(change))
            self._journal.done(token, change.name, after)

    def _refuse_if_changed(self, live: Live) -> None:
        """Raise an error when somebody changed the mapping since the plan was made: the planned update must not
        overwrite that.
        """
        config = self._aws.gateway(live.region).get(live.uuid)
        now = live_mapping(config, live.region, {}, self._provider) if config else None
        if now is None or any(
            change.path not in live.unknown | now.unknown and change.path[0] != "tags"
            for change in field_changes({}, live.mapping, now.mapping)
        ):
            raise ConflictError(
                f"{live.uuid} was changed outside provisioner since the plan was made", hint="plan again"
            )

    def _await_settled(self, live: Live) -> None:
        """Wait until a mapping accepts the next request. When it is gone, that request reports it."""
        self._await(
            live,
            lambda config: config is None or config.get("State") in SETTLED,
            f"mapping {live.uuid} is only partly updated, because it has not settled",
        )

    def _await_gone(self, live: Live | None) -> None:
        """Wait until AWS no longer shows a mapping, which holds its pair until then."""
        if live:
            self._await(
                live, lambda config: config is None, f"the mapping {live.uuid} is deleted, but AWS still lists it"
            )

    def _await(self, live: Live, arrived: Callable[[Config | None], bool], trouble: str) -> None:
        gateway, deadline = self._aws.gateway(live.region), self._clock.now() + self._provider.settle_timeout
        for pause in delays(0.2, 5.0):
            if arrived(gateway.get(live.uuid)):
                return
            if self._clock.now() > deadline or not self._clock.sleep(pause):
                raise ProvisionerError(trouble, hint="apply again to continue")

    @contextmanager
    def _intended(self, change: Change, action: str, uuids: Sequence[str]) -> Iterator[str]:
        """Record an intent around a call. AWS's answer resolves it; without an answer it stays unresolved, because AWS
        may have acted.
        """
        token = self._journal.intent(action, change.name, change.pair, uuids, protected=is_protected(change))
        try:
            yield token
        except (UnreachableError, ServiceError, StateError):
            raise  # AWS may have acted, or the log itself failed: the next run must look
        except ProvisionerError:
            self._journal.failed(token)
            raise

    def _remember(self, change: Change, token: str, record: Record) -> None:
        """Record a new UUID at once. When that fails, the error names it, so that it is not lost."""
        try:
            self._journal.done(token, change.name, record)
        except ProvisionerError as error:
            message = f"{error.message}; the mapping was created as {record.uuid}"
            hint = f"{error.hint}; then import it: `{command_line('import', change.name, record.uuid)}`"
            raise StateError(message, hint=hint) from error

    def _notify(self, change: Change) -> Notify:
        return lambda text: self._emit(Progress(change, Phase.RETRYING, self._elapsed(change), text))


def _failed(change: Change, error: ProvisionerError, hint: str = "") -> Outcome:
    return Outcome(change, Result.FAILED, error.message, hint or error.hint)


def _without(record: Record, uuid: str) -> Record:
    return replace(record, deposed=tuple(item for item in record.deposed if item.uuid != uuid))


def _tag_changes(live: Canonical, desired: Canonical) -> tuple[list[str], dict[str, str]]:
    """The keys to remove, and the tags to set."""
    return sorted(live.keys() - desired.keys()), {
        key: value for key, value in desired.items() if live.get(key) != value
    }


def _ignored(change: Change, applied: Canonical, live: Live) -> Iterator[FieldPath]:
    """The paths that were sent and that AWS did not set. Tags have their own calls, which ignore nothing."""
    wanted = {**fill_kept(applied, live.mapping, live.kind), "tags": {}}
    sent = {field.path[0] for field in change.fields}
    for field_change in field_changes({}, {**live.mapping, "tags": {}}, wanted):
        path = field_change.path
        touched = change.action is not Action.UPDATE or path[0] in sent
        if touched and not any(path[: len(unknown)] == unknown for unknown in live.unknown):
            yield path
