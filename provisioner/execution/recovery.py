"""The facts for recovery: what holds the function and source of a create that was cut off."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from provisioner.aws.refresh import holders, with_tags
from provisioner.aws.session import Aws
from provisioner.aws.wait import Clock, delays
from provisioner.errors import DeniedError
from provisioner.model.desired import Provider
from provisioner.model.live import Live
from provisioner.model.state import Intent

LOOK_FOR = 30.0
"""Seconds to go on looking for a mapping that is not wanted any more: List may show it late, and nobody else would find it."""


def find(
    aws: Aws,
    sought: Mapping[str, Intent],
    provider: Provider,
    clock: Clock,
    note: Callable[[str], None],
    *,
    unwanted: Collection[str],
) -> dict[str, Live]:
    """The mappings that hold the pairs of these intents, by token, with their tags.

    One that is wanted is looked for once: when it is there all the same, the create that follows is refused and names it.
    One that is `unwanted` (by token) is looked for until it is found, or long enough.
    """
    try:
        found = _look(aws, sought, provider)
    except DeniedError as error:
        if unwanted:
            hint = "allow lambda:ListEventSourceMappings: an apply was interrupted, and provisioner must find what it created"
            raise DeniedError(error.message, hint=hint, code=error.code) from error
        return {}  # what is wanted is created again, and the refusal names what is there
    left = {token: intent for token, intent in sought.items() if token in unwanted and token not in found}
    if not left:
        return found
    names = ", ".join(sorted({intent.name for intent in left.values()}))
    note(f"looking for mappings that an interrupted apply may have created for {names}, for at most {LOOK_FOR:.0f}s")
    deadline = clock.now() + LOOK_FOR
    for pause in delays(0.5, 5.0):
        if not left or clock.now() > deadline or not clock.sleep(pause):
            return found
        found |= _look(aws, left, provider)
        left = {token: intent for token, intent in left.items() if token not in found}
    return found


def _look(aws: Aws, sought: Mapping[str, Intent], provider: Provider) -> dict[str, Live]:
    found: dict[str, Live] = {}
    for region in sorted({intent.pair.region for intent in sought.values()}):
        gateway = aws.gateway(region)
        pairs = {token: intent.pair for token, intent in sought.items() if intent.pair.region == region}
        for token, config in holders(gateway, pairs).items():
            found[token] = with_tags(gateway, config, provider)
    return found
