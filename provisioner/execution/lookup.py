"""Looks for mappings that the creates of an interrupted apply made. `planning/recovery.py` decides about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from provisioner.aws.drivers import Drivers
from provisioner.aws.wait import Clock, delays
from provisioner.errors import DeniedError
from provisioner.model.live import Live
from provisioner.model.state import Intent

LOOK_FOR = 30.0
"""Seconds to look for a mapping that is no longer wanted, because List may show it late."""


def find_created(
    drivers: Drivers,
    sought: Mapping[str, Intent],
    clock: Clock,
    note: Callable[[str], None],
    *,
    unwanted: Collection[str],
) -> dict[str, Live]:
    """The mappings that hold the pairs of these intents, by token, with their tags.

    List may show a new mapping late. One that is still wanted is looked for once: if it exists after all, the create
    that follows is refused and names it. For the tokens in `unwanted`, nothing else would find it: they are looked for
    during LOOK_FOR seconds, or until an interrupt. Raises DeniedError when List is denied and a token is unwanted, or
    another AwsError.
    """
    try:
        created = _look(drivers, sought)
    except DeniedError as error:
        if unwanted:
            hint = (
                "allow lambda:ListEventSourceMappings, so that provisioner can find the mappings that the "
                "interrupted apply created"
            )
            raise DeniedError(error.message, hint=hint, code=error.code, words=error.words) from error
        return {}  # what is wanted is created again, and the refusal names what is there
    unresolved = {token: intent for token, intent in sought.items() if token in unwanted and token not in created}
    if not unresolved:
        return created
    names = ", ".join(sorted({intent.name for intent in unresolved.values()}))
    note(f"looking for mappings that an interrupted apply may have created (up to {LOOK_FOR:.0f}s): {names}")
    deadline = clock.now() + LOOK_FOR
    for pause in delays(0.5, 5.0):
        if not unresolved or clock.now() > deadline or not clock.sleep(pause):
            return created
        created |= _look(drivers, unresolved)
        unresolved = {token: intent for token, intent in unresolved.items() if token not in created}
    return created


def _look(drivers: Drivers, sought: Mapping[str, Intent]) -> dict[str, Live]:
    created: dict[str, Live] = {}
    for region in sorted({intent.pair.region for intent in sought.values()}):
        pairs = {token: intent.pair for token, intent in sought.items() if intent.pair.region == region}
        created |= drivers.mappings.holders(pairs, region)
    return created
