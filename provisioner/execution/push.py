"""What changes of mappings do that their source keeps: all changes of one source are one call, and the statements that they
need are written before it and removed after it (docs/architecture.md#push).

Runs in a worker thread. Every step looks, compares and goes on, so that a lost answer costs nothing. The intent of a change
has the id of its mapping and its statement: whatever is interrupted, the state knows what to look for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from provisioner.aws.driver import Edit, PushDriver
from provisioner.aws.drivers import Drivers
from provisioner.aws.requests import Notify
from provisioner.aws.wait import Clock
from provisioner.backend.store import Log
from provisioner.errors import AccountError, ConflictError, ProvisionerError, ServiceError, StateError, UnreachableError
from provisioner.execution.schedule import grouped_by
from provisioner.execution.settling import Polled
from provisioner.execution.statements import Statements
from provisioner.execution.work import Accepted
from provisioner.kinds import kind_of_change
from provisioner.model.plan import Action, Change, Plan
from provisioner.model.report import Outcome, Result
from provisioner.model.state import Intent, Record
from provisioner.planning.order import call_of, leaves_entry_elsewhere, old_call_of
from provisioner.planning.record import begun_record, record_without, token_of, written_record
from provisioner.planning.statements import place_of, recorded_statements

End = Accepted | Outcome | ProvisionerError
"""What became of the calls of a change."""
Attempt = Callable[[], Sequence[tuple[Change, End]]]
"""The calls of changes that are carried out together."""

_ACTIONS: Final = {Action.UPDATE: "update", Action.DELETE: "delete"}
_UNSURE: Final = (UnreachableError, ServiceError, StateError, AccountError)
"""After these AWS may have acted, somewhere, or the log itself failed: the next run must look."""


class Push:
    """Carries out changes of one plan whose mappings their source keeps. Safe to share between threads."""

    def __init__(
        self,
        drivers: Drivers,
        plan: Plan,
        intents: Sequence[Intent],
        log: Log,
        clock: Clock,
        notify: Callable[[Change], Notify],
    ) -> None:
        self._drivers = drivers
        self._log = log
        self._clock = clock
        self._notify = notify
        self._intents = {intent.token: intent for intent in intents}
        self._forgets = {change.name for change in plan.changes if change.action is Action.FORGET}
        self.statements = Statements(drivers.policies, plan, notify)
        self._lock = threading.Lock()
        self._begun: set[str] = set()  # the changes whose intent is in the log

    def carry_out(self, changes: Sequence[Change]) -> list[tuple[Change, End]]:
        """Make the calls of changes of one source: statements, one write of the source, and what is released by it."""
        ends: dict[str, End] = {}
        for change in changes:
            with _catching(change, ends):
                self._begin(change)
            if change.key not in ends:
                with self._giving_up(change, ends):
                    self.statements.grant(change)
        granted = [change for change in changes if change.key not in ends]
        for key, error in self.statements.verify(granted).items():
            ends[key] = self._given_up(next(change for change in granted if change.key == key), error)
        self._write([change for change in changes if change.key not in ends], ends)
        return [(change, ends[change.key]) for change in changes]

    def _begin(self, change: Change) -> None:
        """Record the intent of a change. Raises ProvisionerError; then no call of it was made."""
        try:
            self.statements.release_idle(change)
            self._begin_once(change)
        except ProvisionerError:
            # No intent has its statement: the record of a change that releases it must keep it.
            self.statements.forgo(change)
            raise

    def _begin_once(self, change: Change) -> None:
        """Record the intent of a change, unless that was done already. Raises StateError."""
        with self._lock:
            if change.key not in self._begun:
                self._log.begin(self._intent(change))
                self._begun.add(change.key)

    def following(self, polls: Sequence[Polled], *, stopping: bool) -> list[tuple[list[Change], Attempt]]:
        """What follows from what a poll found, by call: entries that somebody took away are put back once, and what
        replacements left elsewhere is deleted.
        """
        lost = [polled.accepted for polled in polls if polled.is_lost]
        made = [
            (item.accepted.change, item.outcome)
            for item in polls
            if item.outcome and item.outcome.clean and not stopping and leaves_entry_elsewhere(item.accepted.change)
        ]
        attempts: list[tuple[list[Change], Attempt]] = [
            ([item.change for item in items], partial(self._put_back, items))
            for items in grouped_by(lost, lambda item: call_of(item.change))
        ]
        return attempts + [
            ([change for change, _ in pairs], partial(self._delete_old, pairs))
            for pairs in grouped_by(made, lambda pair: old_call_of(pair[0]))
        ]

    def _put_back(self, items: Sequence[Accepted]) -> list[tuple[Change, End]]:
        """Write entries again that somebody else has taken away since this run wrote them."""
        edits = {item.change.key: Edit(None, item.change.desired) for item in items}
        first = items[0].change
        failed = self._driver(first).write(edits, first.region, self._notify(first)).failed
        now = self._clock.now()
        return [
            (item.change, failed.get(item.change.key) or replace(item, began=now, was_put_back=True)) for item in items
        ]

    def _delete_old(self, made: Sequence[tuple[Change, Outcome]]) -> list[tuple[Change, End]]:
        """Take away the entries that replacements have left in one other source, once the new ones were read back."""
        ends: dict[str, End] = {}
        for change, _ in made:
            with _catching(change, ends):
                self._log.begin(self._intents[token_of(change, "delete")])
        left = [change for change, _ in made if change.key not in ends]
        edits = {change.key: Edit(change.live.mapping, None) for change in left if change.live}
        if left and left[0].live:
            refused, undone, _ = self._edited(edits, left[0], left[0].live.key.region)
            ends |= {**refused, **undone}
        for change, outcome in made:
            if change.key not in ends:
                with _catching(change, ends):
                    self._begin_others(change)
                    self.statements.release(change)
                    self._log.done(self._intents[token_of(change, "delete")], self._record_without(change))
                    ends[change.key] = outcome
        return [(change, ends[change.key]) for change, _ in made]

    # --- the write ----------------------------------------------------------------------------------------------------

    def _write(self, changes: Sequence[Change], ends: dict[str, End]) -> None:
        if not changes:
            return
        edits = {
            change.key: Edit(
                change.live.mapping if change.live and not leaves_entry_elsewhere(change) else None,
                change.desired,
                change.wanted is not None and change.wanted.lifecycle.skip_destination_validation,
            )
            for change in changes
        }
        # What only adds entries is read back once, at the end of the run.
        looks = any(change.destroys or self.statements.released_by(change) for change in changes)
        refused, undone, wrote = self._edited(edits, changes[0], changes[0].region, looks=looks)
        # One time for all, so that one read shows what became of all of them.
        began = self._clock.now() if wrote else None
        # What failed first: it may have been to need a statement that another change leaves. Then what a name has deposed:
        # the record goes with the mapping of the name.
        for change in sorted(changes, key=lambda item: (item.key not in {**refused, **undone}, not item.deposed)):
            with self._giving_up(change, ends):
                if error := refused.get(change.key):
                    ends[change.key] = self._given_up(change, error)
                elif error := undone.get(change.key):
                    ends[change.key] = self._given_up(change, error, is_written=True)
                else:
                    ends[change.key] = self._end(change, began)

    def _edited(
        self, edits: Mapping[str, Edit], first: Change, region: str, *, looks: bool = True
    ) -> tuple[Mapping[str, ProvisionerError], dict[str, ProvisionerError], bool]:
        """Make the edits of one source. Returns the errors of those that failed, the errors of those that were written and
        that somebody else has undone since, or that cannot be read back, and whether anything was written.
        """
        driver = self._driver(first)
        try:
            written = driver.write(edits, region, self._notify(first))
        except ProvisionerError as error:
            return dict.fromkeys(edits, error), {}, False
        rest = {key: edit for key, edit in edits.items() if key not in written.failed}
        try:
            undone = driver.undone(rest, region) if looks and written.wrote and rest else {}
        except ProvisionerError as error:
            return written.failed, dict.fromkeys(rest, error), written.wrote
        hint = "another client writes the notifications of this source; apply again when it is done"
        errors: dict[str, ProvisionerError] = {
            key: ConflictError(f"{what}: somebody else wrote after this run", hint=hint) for key, what in undone.items()
        }
        return written.failed, errors, written.wrote

    # --- after the write ----------------------------------------------------------------------------------------------

    def _end(self, change: Change, began: float | None) -> End:
        """Release what a change no longer needs, and record it. `began` is when its source was written, None where that was
        not needed. Raises ProvisionerError.
        """
        intent = self._intent(change)
        self._begin_others(change)
        if change.action is Action.DELETE:
            self.statements.release(change)
            self._log.done(intent, self._record_without(change))
            return Outcome(change, Result.APPLIED, uuid=change.id)
        elsewhere = leaves_entry_elsewhere(change)
        record = written_record(change, self._log.state.mappings.get(change.name), elsewhere=elsewhere)
        if not elsewhere:
            try:
                self.statements.release(change)
            except ProvisionerError as error:
                # The mapping is as it is to be, and the state keeps the statement that is still to be removed.
                released = self.statements.released_by(change)
                left = [item for item in recorded_statements(change.record) if place_of(item) in released]
                self._log.done(intent, replace(record, statement=left[0] if left else record.statement))
                return error
            record = replace(record, statement=self.statements.left_by(change, self._log.state) or record.statement)
        self._log.done(intent, record)
        if began is not None or elsewhere:
            return Accepted(change, record, self._clock.now() if began is None else began)
        return Outcome(change, Result.APPLIED, uuid=record.key.id)

    def _begin_others(self, change: Change) -> None:
        """Record the intents of the changes that are to need a statement which a change releases, and that have not begun:
        from now on no record has it, and they may not be attempted. Raises StateError.
        """
        for other in self.statements.others_needing(change):
            self._begin_once(other)

    def _record_without(self, change: Change) -> Record | None:
        """The record of a name once the existing entry of a change is gone. It stays as it is with a statement that is in no
        other record: the next run sees that the entry is gone.
        """
        if self.statements.left_by(change, self._log.state):
            return self._log.state.mappings.get(change.name)
        return record_without(change, self._log.state, self._forgets)

    # --- what fails ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _giving_up(self, change: Change, ends: dict[str, End]) -> Iterator[None]:
        """A step of a change; when it fails, so does the change."""
        try:
            yield
        except ProvisionerError as error:
            ends[change.key] = self._given_up(change, error)

    def _given_up(self, change: Change, error: ProvisionerError, *, is_written: bool = False) -> ProvisionerError:
        """End the intent of a change that failed. A statement that was written for it and that nobody else needs is removed;
        one that stays is kept in the state, and so is that of an entry which `is_written`: it may invoke the function.
        """
        if isinstance(error, _UNSURE):
            return error
        intent = self._intent(change)
        self.statements.forgo(change)
        try:
            if not is_written and self.statements.take_back(change):
                self._log.failed(intent)
            else:
                self._log.done(intent, begun_record(intent, self._log.state.mappings.get(change.name)))
        except StateError as failure:
            return failure
        return error

    def _intent(self, change: Change) -> Intent:
        return self._intents[token_of(change, _ACTIONS.get(change.action, "create"))]

    def _driver(self, change: Change) -> PushDriver:
        return self._drivers.push(kind_of_change(change).name)


@contextmanager
def _catching(change: Change, ends: dict[str, End]) -> Iterator[None]:
    """A step of a change whose intent has no result when it fails: it was not begun, or stays open."""
    try:
        yield
    except ProvisionerError as error:
        ends[change.key] = error
