"""The ownership tags of a mapping at the moment of its change: read where the plan saw no owner, written after an import."""

from __future__ import annotations

from contextlib import suppress

from provisioner.aws.drivers import Drivers
from provisioner.aws.requests import Notify
from provisioner.errors import AccountError, AwsError, ConflictError, DeniedError
from provisioner.model.live import Live, Owner
from provisioner.model.plan import Change, Plan
from provisioner.model.provider import Provider
from provisioner.planning.ownership import foreign


def refuse_foreign(drivers: Drivers, provider: Provider, plan: Plan, change: Change) -> None:
    """Raise ConflictError when the mapping of a change belongs to another owner that the plan did not see: the tagging API
    may be minutes out of date, and a plan with `--refresh=false` reads no tags.
    """
    live = change.live
    if live is None or change.existing is None or live.owner:
        return
    # Where mappings get no ownership tags, a reading without an owner is as expected, and costs no call. Without a status
    # the mapping was not read.
    if live.status.state and not provider.tags_ownership(change.region):
        return
    with suppress(DeniedError):  # as in planning, tags that may not be read name no owner
        now = drivers.mappings.with_tags(change.existing)
        for problem in foreign([change], {live.key: now} if now else {}, plan.lineage):
            raise ConflictError(problem.message, hint=problem.hint)


def tag_owner(drivers: Drivers, plan: Plan, change: Change, live: Live, notify: Notify) -> bool:
    """Write our ownership tags to an imported mapping. Returns whether that was possible: the tags only help to find the
    mapping again, so a change does not fail without them. Raises AccountError, StateError.
    """
    try:
        drivers.mappings.tag_owner(live, Owner(plan.stack, plan.lineage, change.name), notify)
    except AccountError:
        raise
    except AwsError as error:
        notify(f"the ownership tags could not be written: {error.message}")
        return False
    return True
