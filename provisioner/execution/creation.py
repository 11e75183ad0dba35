"""One create: sent, and after a lost answer looked for before it is sent again, because Create has no idempotency
token.
"""

from __future__ import annotations

from typing import Final

from provisioner.aws.convert import live_mapping
from provisioner.aws.gateway import Config, Notify
from provisioner.aws.refresh import holders, with_tags
from provisioner.aws.session import Aws
from provisioner.aws.wait import Clock
from provisioner.backend.store import Log
from provisioner.environment import command_line
from provisioner.errors import (
    AwsError,
    ConflictError,
    LostAnswerError,
    ProvisionerError,
    ServiceError,
    UnreachableError,
)
from provisioner.kinds import pair_of
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import Live
from provisioner.model.plan import Change, Plan
from provisioner.model.provider import Provider

_MAY_BE_THERE: Final = (
    "AWS may have created the mapping; apply again, and provisioner will look for it by its function and source"
)


class Creation:
    """Creates mappings of one plan, or imports what holds their pair. Safe to share between threads."""

    def __init__(self, aws: Aws, plan: Plan, log: Log, provider: Provider, clock: Clock) -> None:
        self._aws = aws
        self._plan = plan
        self._log = log
        self._provider = provider
        self._clock = clock

    def create(self, change: Change, request: Config, notify: Notify) -> tuple[Live, bool]:
        """The created mapping and True, or a mapping that existed already and False.

        After a lost answer the holder of the pair is read before the create is sent again. A second create cannot make
        a second mapping: AWS holds the pair unique, and its refusal names the first (docs/aws/identity.md#uniqueness).

        Raises ConflictError when the pair is taken and its holder may not be imported; UnreachableError or ServiceError
        when it is not known whether AWS created the mapping; another AwsError when AWS refused it.
        """
        lost_answers: list[AwsError] = []
        try:
            return self._create_or_adopt(change, request, lost_answers, notify)
        except ProvisionerError as error:
            if lost_answers and not isinstance(error, UnreachableError | ServiceError):
                # Whatever was refused afterwards, AWS may have acted: the intent must stay unresolved.
                message = f"{lost_answers[0].message}; then {error.message}"
                raise LostAnswerError(message, hint=error.hint or _MAY_BE_THERE) from error
            raise

    def _create_or_adopt(
        self, change: Change, request: Config, lost_answers: list[AwsError], notify: Notify
    ) -> tuple[Live, bool]:
        gateway = self._aws.gateway(change.region)
        # List may show a new mapping seconds late, so the create is sent again only after a pause. When the lost one was
        # carried out after all, the next is refused and names its mapping.
        for pause in (1.0, 2.0, 4.0, None):
            try:
                config = gateway.create(request, notify)
                # Without tags: only UUID, ARN and region are recorded of it.
                return live_mapping(config, change.region, {}, self._provider), True
            except ConflictError as error:
                live = self._adoptable(change, error.uuid)
                if live is None:
                    raise
                return live, False
            except (LostAnswerError, ServiceError) as error:
                lost_answers.append(error)
                notify(f"{error.message}; checking whether AWS created it")
                if holder := holders(gateway, {change.name: change.pair}).get(change.name):
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

    def _adoptable(self, change: Change, uuid: str) -> Live | None:
        """The mapping that holds the wanted pair, when it is ours or `on_conflict: adopt` allows it; else None."""
        gateway = self._aws.gateway(change.region)
        config = gateway.get(uuid) if uuid else None
        # A mapping that is recorded already must not get a second record.
        if config is None or Key(LAMBDA, change.region, uuid) in self._log.state.managers():
            return None
        live = with_tags(gateway, config, self._provider)
        ours = live.owner is not None and live.owner.lineage == self._plan.lineage
        adopts = live.owner is None and change.wanted is not None and change.wanted.lifecycle.on_conflict == "adopt"
        # The refusal may be about a consumer group or one shared broker: then the holder has another pair.
        return live if (ours or adopts) and pair_of(live) == change.pair else None

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
