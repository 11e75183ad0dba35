"""What one change does: its calls in their order, each with an intent in the log (docs/architecture.md#one-apply).

Runs in a worker thread. Returns what AWS has accepted and has still to settle, or the outcome of the change. Raises
ProvisionerError for a change that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from provisioner.aws.drivers import Drivers
from provisioner.aws.requests import Notify
from provisioner.aws.wait import Clock, delays
from provisioner.backend.store import Log
from provisioner.errors import AccountError, ConflictError, ProvisionerError, ServiceError, StateError, UnreachableError
from provisioner.execution.creation import Creation
from provisioner.execution.owner import refuse_foreign, tag_owner
from provisioner.kinds.canonical import fill_kept
from provisioner.model.live import DELETING, Live, Owner
from provisioner.model.plan import Action, Change, Plan
from provisioner.model.provider import Provider
from provisioner.model.report import Outcome, Result
from provisioner.model.state import Deposed, Intent, Record
from provisioner.planning.commands import import_line
from provisioner.planning.diff import field_changes
from provisioner.planning.ownership import is_ours
from provisioner.planning.record import applied_record, record_without, token_of


@dataclass(slots=True)
class Accepted:
    """A change that AWS has accepted and whose mapping has not settled, or is not gone. `record` names that mapping.
    `began` is a time of the clock; `reported` is how many seconds after it the wait was last reported. `deleting`: it is
    being deleted, and stays recorded until it is seen to be gone; `made` is then the outcome of the mapping that
    replaced it. `was_put_back`: somebody else had taken away what this run wrote, and it was written again.
    """

    change: Change
    record: Record
    began: float
    reported: float = field(default=0.0)
    deleting: bool = False
    made: Outcome | None = None
    was_put_back: bool = False


class Work:
    """Carries out single changes of one plan. Safe to share between threads."""

    def __init__(
        self,
        drivers: Drivers,
        plan: Plan,
        intents: Sequence[Intent],
        log: Log,
        provider: Provider,
        clock: Clock,
        notify: Callable[[Change], Notify],
    ) -> None:
        self._drivers = drivers
        self._plan = plan
        self._log = log
        self._provider = provider
        self._clock = clock
        self._notify = notify
        self._creation = Creation(drivers, plan, log, clock)
        self._intents: Mapping[str, Intent] = {intent.token: intent for intent in intents}
        self._forgets = {change.name for change in plan.changes if change.action is Action.FORGET}

    def carry_out(self, change: Change) -> Accepted | Outcome:
        """Make the calls of a change, up to the point where AWS has accepted the last one. Returns Accepted when the
        mapping has still to settle, else the outcome. Raises ProvisionerError. `delete` is the part of a
        replacement that comes after the wait.
        """
        refuse_foreign(self._drivers, self._provider, self._plan, change)
        match change.action:
            case Action.CREATE:
                # A create has `live` when a mapping that is being deleted still holds its pair.
                self._await_gone(change.live)
                return self._create(change)
            case Action.UPDATE:
                return self._update(change)
            case Action.REPLACE if change.creates_first:
                # One write records the new UUID and, as deposed, the old one: neither can be lost.
                assert change.existing is not None  # a replacement has an old mapping
                return self._create(change, (*self._deposed(change), Deposed(change.existing)))
            case Action.REPLACE:
                # Old and new share a pair or group, so AWS refuses the new one while the old one exists.
                with self._intended(change, "delete") as intent:
                    self._send_delete(change)
                    self._await_gone(change.live)
                    self._log.done(intent, None)
                return self._create(change)
            case _:
                return self.delete(change)

    def _create(self, change: Change, deposed: Sequence[Deposed] = ()) -> Accepted:
        owner = (
            Owner(self._plan.stack, self._plan.lineage, change.name)
            if self._provider.tags_ownership(change.region)
            else None
        )
        with self._intended(change, "create") as intent:
            live, made = self._creation.create(change, owner, self._notify(change))
            record = applied_record(change, live, change.applied or {}, tuple(deposed))
            # Imported, not created: until the update below has succeeded, what AWS has is what was applied.
            self._remember(intent, record if made else replace(record, applied=live.as_left))
        if not made:
            if self._converge_adopted(change, live) and owner and not is_ours(live, owner.lineage):
                tag_owner(self._drivers, self._plan, change, live, self._notify(change))
            self._log.done(intent, record)  # a second result of the intent, which replaces the first
        return Accepted(change, record, self._clock.now())

    def _converge_adopted(self, change: Change, live: Live) -> bool:
        """Update an imported mapping to what is wanted. Returns whether that changed it. Raises ConflictError when that
        needs a replacement.
        """
        target = fill_kept(change.desired or {}, live.mapping, live.kind)
        fields = field_changes({}, live.mapping, target, live.kind)  # without a prior side: causes do not matter here
        if any(field.replaces for field in fields):
            raise ConflictError(
                f"{live.key} already existed; it was imported, but must be replaced", hint="apply again to replace it"
            )
        settle = partial(self._await_settled, live)
        settle()
        if self._drivers.mappings.update(live, target, fields, self._notify(change), settle=settle):
            settle()
        return bool(fields)

    def _update(self, change: Change) -> Accepted | Outcome:
        live = change.live
        assert live is not None  # an update has both sides
        record = applied_record(change, live, change.applied or {}, self._deposed(change))
        with self._intended(change, "update") as intent:
            settles = self._drivers.mappings.update(
                live,
                change.desired or {},
                change.fields,
                self._notify(change),
                settle=partial(self._await_settled, live),
                before_retry=partial(self._refuse_if_changed, live),
            )
            if change.retags and tag_owner(self._drivers, self._plan, change, live, self._notify(change)):
                record = replace(record, owner=None)
            self._log.done(intent, record)
        if not settles:
            return Outcome(change, Result.APPLIED, uuid=change.id)
        return Accepted(change, record, self._clock.now())

    def delete(self, change: Change, made: Outcome | None = None) -> Accepted:
        """Delete the existing mapping of a change. Its intent stays open, and the mapping recorded, until it is seen to be
        gone: AWS may accept a delete and not do it.
        """
        live = change.live
        assert live is not None  # there is something to delete
        with self._intended(change, "delete"):
            if live.status.state != DELETING:  # else the delete was sent by an earlier run, or by somebody else
                self._send_delete(change)
        deleted = Record(live.key, live.arn, live.mapping)
        return Accepted(change, deleted, self._clock.now(), deleting=True, made=made)

    def record_gone(self, accepted: Accepted) -> None:
        """Record that a deleted mapping is gone. Raises StateError."""
        change = accepted.change
        remaining = record_without(change, self._log.state, self._forgets)
        self._log.done(self._intents[token_of(change, "delete")], remaining)

    def keep_recorded(self, accepted: Accepted) -> None:
        """Resolve the intent of a delete without a result: the mapping stays recorded for the next run. Raises
        StateError.
        """
        self._log.failed(self._intents[token_of(accepted.change, "delete")])

    def _deposed(self, change: Change) -> tuple[Deposed, ...]:
        """The deposed mappings that the name's record has now: another change may have deleted one of them."""
        record = self._log.state.mappings.get(change.name)
        return record.deposed if record else ()

    def _send_delete(self, change: Change) -> None:
        assert change.existing is not None  # there is something to delete
        self._drivers.mappings.delete(change.existing, self._notify(change))

    def _refuse_if_changed(self, live: Live) -> None:
        """Raise an error when somebody changed the mapping since the plan was made: the planned update must not
        overwrite that.
        """
        # Tags are not read, and what AWS does not show at one of the two times cannot be compared.
        now = self._drivers.of(live.key.kind).get(live.key)
        if now is None or any(
            change.path not in live.unknown | now.unknown and change.path[0] != "tags"
            for change in field_changes({}, live.mapping, now.mapping, live.kind)
        ):
            raise ConflictError(
                f"{live.key} was changed outside provisioner since the plan was made", hint="plan again"
            )

    def _await_settled(self, live: Live) -> None:
        """Wait until a mapping accepts the next request. When it is gone, that request reports it."""
        self._await(
            live,
            lambda now: now is None or now.status.settled,
            f"mapping {live.key} is only partly updated, because it has not settled",
        )

    def _await_gone(self, live: Live | None) -> None:
        """Wait until AWS no longer shows a mapping, which holds its pair until then."""
        if live:
            self._await(live, lambda now: now is None, f"the mapping {live.key} is deleted, but AWS still lists it")

    def _await(self, live: Live, arrived: Callable[[Live | None], bool], trouble: str) -> None:
        driver, deadline = self._drivers.of(live.key.kind), self._clock.now() + self._provider.settle_timeout
        for pause in delays(0.2, 5.0):
            if arrived(driver.get(live.key)):
                return
            if self._clock.now() > deadline or not self._clock.sleep(pause):
                raise ProvisionerError(trouble, hint="apply again to continue")

    @contextmanager
    def _intended(self, change: Change, action: str) -> Iterator[Intent]:
        """Record the intent of a call around it. AWS's answer resolves it; without an answer it stays unresolved,
        because AWS may have acted.
        """
        intent = self._intents[token_of(change, action)]
        self._log.begin(intent)
        try:
            yield intent
        except (UnreachableError, ServiceError, StateError, AccountError):
            raise  # AWS may have acted, somewhere, or the log itself failed: the next run must look
        except ProvisionerError:
            self._log.failed(intent)
            raise

    def _remember(self, intent: Intent, record: Record) -> None:
        """Record a new UUID at once. When that fails, the error names it, so that it is not lost."""
        try:
            self._log.done(intent, record)
        except ProvisionerError as error:
            message = f"{error.message}; the mapping was created as {record.key}"
            hint = f"{error.hint}; then import it: `{import_line(intent.name, record.key)}`"
            raise StateError(message, hint=hint) from error
