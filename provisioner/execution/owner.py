"""Whose a mapping is, at the moment of its change: asked where the plan could not know it, and written after an import."""

from __future__ import annotations

from contextlib import suppress

from provisioner.aws.drivers import Drivers
from provisioner.aws.gateway import Notify
from provisioner.errors import AccountError, AwsError, ConflictError, DeniedError
from provisioner.model.live import Live, Owner
from provisioner.model.plan import Change, Plan
from provisioner.model.provider import Provider
from provisioner.planning.ownership import foreign


def refuse_foreign(drivers: Drivers, provider: Provider, plan: Plan, change: Change) -> None:
    """Raise ConflictError when the mapping of a change belongs to somebody else, and the plan did not see it: the tagging
    API may be minutes behind, and `--refresh=false` reads no tags.
    """
    live = change.live
    if live is None or change.existing is None or live.owner:
        return
    # Where mappings get no tags, none is what a read shows. A mapping that was not read has no state.
    if live.status.state and not provider.tags_ownership(change.region):
        return
    with suppress(DeniedError):  # as in planning, tags that may not be read name nobody
        now = drivers.of_change(change).with_tags(change.existing)
        for problem in foreign([change], {live.key: now} if now else {}, plan.lineage):
            raise ConflictError(problem.message, hint=problem.hint)


def tag_owner(drivers: Drivers, plan: Plan, change: Change, live: Live, notify: Notify) -> bool:
    """Write our ownership tags to an imported mapping. Returns whether that was possible: they only help to find it
    again, so that the change itself does not fail with them. Raises AccountError, StateError.
    """
    try:
        drivers.of_change(change).tag_owner(live, Owner(plan.stack, plan.lineage, change.name), notify)
    except AccountError:
        raise
    except AwsError as error:
        notify(f"the ownership tags could not be written: {error.message}")
        return False
    return True
