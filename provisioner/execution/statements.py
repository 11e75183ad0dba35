"""The statements in function policies that the changes of one plan need and release."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from provisioner.aws.policies import Policies
from provisioner.aws.requests import Notify
from provisioner.errors import ConflictError, ProvisionerError
from provisioner.model.plan import Action, Change, Plan, StatementChange
from provisioner.model.state import State, Statement
from provisioner.planning.statements import (
    Place,
    all_statements,
    ended_statements,
    idle_statement,
    needed_statement,
    place_of,
)


class Statements:
    """Adds and removes the statements of one plan, each when the plan has it so. Safe to share between threads."""

    def __init__(self, policies: Policies, plan: Plan, notify: Callable[[Change], Notify]) -> None:
        self._policies = policies
        self._notify = notify
        self._planned: Mapping[Place, StatementChange] = {place_of(item): item for item in plan.statements}
        self._lock = threading.Lock()
        # Who needs a statement and has not failed, and who uses an old one and is not done. What changed while approval was
        # asked for is no change of the plan any more: it does not come to need its statement.
        self._changes = {change.key: change for change in plan.changes if change.calls_aws}
        kept = {change.key for change in plan.changes}
        self._needing = {place: kept.intersection(item.needed_by) for place, item in self._planned.items()}
        self._using = {place: set(item.released_by) for place, item in self._planned.items()}
        self._released_by: defaultdict[str, list[Place]] = defaultdict(list)
        for place, item in self._planned.items():
            for key in item.released_by if item.action is Action.DELETE else ():
                self._released_by[key].append(place)

    def release_idle(self, change: Change) -> None:
        """End the use of the statement that an earlier apply left, because it could not remove it: the mapping does not use
        it, and a record has room for one that is left. It is removed here, unless another change, whose record has it too,
        is still to release it. Raises ProvisionerError.
        """
        left = idle_statement(change.record)
        if left is None or place_of(left) not in self.released_by(change):
            return
        with self._lock:
            using = self._using[place_of(left)]
            is_alone = using <= {change.key}
            if not is_alone:
                # What comes next may drop it from the record, so that the other one is to remove it.
                using.discard(change.key)
        if is_alone:
            self._remove_old(place_of(left), self._notify(change))

    def grant(self, change: Change) -> None:
        """Write the statement that a change needs; one that is there costs no call. Raises ProvisionerError."""
        statement = needed_statement(change)
        if statement is None:
            return
        notify, planned = self._notify(change), self._planned.get(place_of(statement))
        try:
            self._policies.add(statement, notify)
        except ConflictError:
            # Somebody changed it, and the plan shows that. There is no update.
            if planned is None or planned.action is not Action.REPLACE:
                raise
            self._remove_old(place_of(statement), notify)
            self._policies.add(statement, notify)

    def verify(self, changes: Sequence[Change]) -> dict[str, ProvisionerError]:
        """See by a fresh read that the new statements of these changes are there: some were lost although their calls were
        answered (docs/aws/push.md#function-policies). Returns the errors, by the keys of the changes.
        """
        by_function: defaultdict[tuple[str, str], dict[Place, Statement]] = defaultdict(dict)
        needed = {change.key: statement for change in changes if (statement := needed_statement(change))}
        for statement in needed.values():
            place = place_of(statement)
            if place not in self._planned or self._planned[place].action is not Action.NO_OP:
                by_function[place[:2]][place] = statement
        errors: dict[str, ProvisionerError] = {}
        for function, statements in by_function.items():
            users = [
                change for change in changes if change.key in needed and place_of(needed[change.key])[:2] == function
            ]
            try:
                self._policies.verify(list(statements.values()), self._notify(users[0]))
            except ProvisionerError as error:
                errors |= dict.fromkeys((change.key for change in users), error)
        return errors

    def released_by(self, change: Change) -> list[Place]:
        """Where the statements are that are to be removed, and whose use a change ends."""
        return self._released_by.get(change.key, [])

    def release(self, change: Change) -> None:
        """Remove the statements that nobody uses once this change is done. Raises ProvisionerError; then the change is still
        to release them.
        """
        for place in self.released_by(change):
            with self._lock:
                self._using[place].discard(change.key)
                is_last = not self._using[place]
            if is_last:
                self._remove_old(place, self._notify(change))

    def _remove_old(self, place: Place, notify: Notify) -> None:
        """Remove a statement with the content that the plan has read. Raises ProvisionerError."""
        self._policies.remove(Statement(*place, self._planned[place].before or {}), notify)

    def forgo(self, change: Change) -> None:
        """Note that a change does not come to need its statement: it failed, or is not attempted."""
        if statement := needed_statement(change):
            with self._lock:
                self._needing.get(place_of(statement), set()).discard(change.key)

    def others_needing(self, change: Change) -> list[Change]:
        """The other changes that make calls, have not failed, and need a statement whose use a change ends."""
        places = [place_of(statement) for statement in ended_statements(change)]
        with self._lock:
            keys = {key for place in places for key in self._needing.get(place, ())} - {change.key}
        return [self._changes[key] for key in sorted(keys) if key in self._changes]

    def left_by(self, change: Change, state: State) -> Statement | None:
        """A statement whose use a change ends, and that is in no other record of the state although the plan keeps it: what
        was to need it did not come to that. None where there is none.
        """
        for statement in ended_statements(change):
            place = place_of(statement)
            planned = self._planned.get(place)
            with self._lock:
                is_needed = planned is None or not planned.needed_by or bool(self._needing[place])
            if not is_needed and not any(
                place == place_of(item)
                for name, record in state.mappings.items()
                if name != change.name
                for item in all_statements(record)
            ):
                return statement
        return None

    def take_back(self, change: Change) -> bool:
        """Remove the statement that was written for a change which failed, unless another change needs it. Returns whether
        nothing of it is left that no record has.
        """
        statement = needed_statement(change)
        planned = self._planned.get(place_of(statement)) if statement else None
        if statement is None or planned is None or planned.action is not Action.CREATE:
            return True
        with self._lock:
            needing = self._needing[place_of(statement)]
            needing.discard(change.key)
            is_last = not needing
        try:
            if not self._policies.read(statement.function, statement.region).has(statement.id):
                return True
            if is_last:
                self._policies.remove(statement, self._notify(change))
        except ProvisionerError:
            return False
        return is_last
