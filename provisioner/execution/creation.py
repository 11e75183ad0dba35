"""One create: sent, and after a lost answer looked for before it is sent again, because Create has no idempotency
token.
"""

from __future__ import annotations

from typing import Final

from provisioner.aws.drivers import Drivers
from provisioner.aws.requests import Notify
from provisioner.aws.wait import Clock
from provisioner.backend.store import Log
from provisioner.errors import (
    AwsError,
    ConflictError,
    LostAnswerError,
    ProvisionerError,
    ServiceError,
    UnreachableError,
)
from provisioner.kinds import kind_of_change, pair_of
from provisioner.model.key import Key
from provisioner.model.live import Live, Owner
from provisioner.model.plan import Change, Plan
from provisioner.planning.commands import import_line
from provisioner.planning.imports import must_be_identical
from provisioner.planning.ownership import may_import

_MAY_BE_THERE: Final = (
    "AWS may have created the mapping; apply again, and provisioner will look for it by its function and source"
)


class Creation:
    """Creates mappings of one plan, or imports what holds their pair. Safe to share between threads."""

    def __init__(self, drivers: Drivers, plan: Plan, log: Log, clock: Clock) -> None:
        self._drivers = drivers
        self._plan = plan
        self._log = log
        self._clock = clock

    def create(self, change: Change, owner: Owner | None, notify: Notify) -> tuple[Live, bool]:
        """The created mapping and True, or a mapping that existed already and False. `owner` goes into the create.

        After a lost answer the holder of the pair is read before the create is sent again. A second create cannot make
        a second mapping: AWS holds the pair unique, and its refusal names the first (docs/aws/identity.md#uniqueness).

        Raises ConflictError when the pair is taken and its holder may not be imported; UnreachableError or ServiceError
        when it is not known whether AWS created the mapping; another AwsError when AWS refused it.
        """
        lost_answers: list[AwsError] = []
        try:
            return self._create_or_adopt(change, owner, lost_answers, notify)
        except ProvisionerError as error:
            if lost_answers and not isinstance(error, UnreachableError | ServiceError):
                # Whatever was refused afterwards, AWS may have acted: the intent must stay unresolved.
                message = f"{lost_answers[0].message}; then {error.message}"
                raise LostAnswerError(message, hint=error.hint or _MAY_BE_THERE) from error
            raise

    def _create_or_adopt(
        self, change: Change, owner: Owner | None, lost_answers: list[AwsError], notify: Notify
    ) -> tuple[Live, bool]:
        driver = self._drivers.mappings
        # List may show a new mapping seconds late, so the create is sent again only after a pause. When the lost one was
        # carried out after all, the next is refused and names its mapping.
        for pause in (1.0, 2.0, 4.0, None):
            try:
                return driver.create(change.region, change.desired or {}, owner, notify), True
            except ConflictError as error:
                taken_by = Key(kind_of_change(change).name, change.region, error.uuid) if error.uuid else None
                live = self._adoptable(change, driver.with_tags(taken_by) if taken_by else None)
                if live is None:
                    raise
                return live, False
            except (LostAnswerError, ServiceError) as error:
                lost_answers.append(error)
                notify(f"{error.message}; checking whether AWS created it")
                if holder := driver.holders({change.name: change.pair}, change.region).get(change.name):
                    return self._claim_lost_create(change, holder, error), False
                if pause is None or not self._clock.sleep(pause):
                    # The same class, by which the caller leaves the intent unresolved.
                    raise type(error)(
                        error.message,
                        hint=_MAY_BE_THERE,
                        code=error.code,
                        request_id=error.request_id,
                        words=error.words,
                    ) from error
        raise AssertionError  # the last round returns or raises

    def _adoptable(self, change: Change, live: Live | None) -> Live | None:
        """The mapping that holds the wanted pair, when it is ours or `on_conflict: adopt` allows it; else None."""
        # A mapping that is recorded already must not get a second record.
        if live is None or live.key in self._log.state.managers():
            return None
        # The refusal may be about a consumer group or one shared broker: then the holder has another pair.
        allowed = may_import(live, change.wanted, self._plan.lineage)
        if must_be_identical(change.wanted, live, self._plan.lineage) and live.mapping != change.desired:
            return None
        return live if allowed and pair_of(live) == change.pair else None

    def _claim_lost_create(self, change: Change, holder: Live, error: AwsError) -> Live:
        """The mapping that the create with the lost answer made, proved by its ownership tags. Raises ConflictError
        without that proof.
        """
        live = self._adoptable(change, holder)
        if live is None:
            line = import_line(change.name, holder.key)
            hint = f"if it is the mapping that this call created, import it: `{line}`"
            raise ConflictError(
                f"{error.message}; {holder.key} already has the same function and source", hint=hint
            ) from error
        return live
