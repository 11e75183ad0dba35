"""What AWS has accepted: polled in batches until it has settled, then compared with what was applied."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioner.aws.driver import Driver
from provisioner.aws.drivers import Drivers
from provisioner.aws.gateway import PAGE
from provisioner.aws.wait import Clock, delays
from provisioner.environment import command_line
from provisioner.errors import ProvisionerError, ServiceError, ThrottledError, UnreachableError
from provisioner.execution.work import Accepted
from provisioner.kinds.canonical import fill_kept
from provisioner.model.canonical import Canonical
from provisioner.model.live import Live
from provisioner.model.place import FieldPath, is_within
from provisioner.model.plan import Action, Change
from provisioner.model.provider import Provider
from provisioner.model.report import STILL, Outcome, Result
from provisioner.planning.diff import field_changes
from provisioner.planning.order import call_of

MAY_BE_STALE: Final = 10.0
"""Seconds after AWS's answer during which a read that contradicts it may be stale: that a created mapping is gone, or that
a sent value was ignored. No recording shows that reads lag; the bound is a precaution.
"""


_LATER: Final = 0.5
"""Seconds after the write of a source until it is read again: somebody else's write may be from before ours, and undo it
(docs/aws/push.md#bucket-notifications).
"""


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll found about one change: its outcome, or None and the state in which it waits, to be reported. `gone`:
    a deleted mapping is gone. `is_lost`: the source does not have what this run wrote, and it is to be written again.
    """

    accepted: Accepted
    outcome: Outcome | None = None
    state: str = ""
    gone: bool = False
    is_lost: bool = False


class Settling:
    """The accepted changes of one apply that have not settled. Used by one thread."""

    def __init__(self, drivers: Drivers, provider: Provider, clock: Clock, awaited: Collection[str]) -> None:
        self._drivers = drivers
        self._awaited = awaited  # the keys of changes that others wait for
        self._provider = provider
        self._clock = clock
        self._items: dict[str, Accepted] = {}
        self._next_poll = 0.0
        self._pauses = delays(0.2, 5.0)

    def __bool__(self) -> bool:
        return bool(self._items)

    def add(self, accepted: Accepted) -> None:
        """Wait for a change."""
        if not self._items:  # nothing was waited for: begin with short pauses again
            self._pauses = delays(0.2, 5.0)
            self._next_poll = self._clock.now() + next(self._pauses)
        self._items[accepted.change.key] = accepted

    @property
    def until_poll(self) -> float:
        """Seconds until the next poll is due; 0 when it is overdue."""
        return max(0.0, self._next_poll - self._clock.now())

    def poll(self, *, last: bool, busy: bool) -> list[Polled]:
        """Read all mappings, by kind and region. Returns the changes that have an outcome, which are removed, and those whose
        wait is to be reported. With `last` nothing is waited for any longer, and every change gets an outcome. A failed
        read is no error of the apply: AWS has accepted the calls.
        """
        polled: list[Polled] = []
        # While calls are being made, deletes that no other change waits for are not asked about: at the end one List
        # shows them all.
        # Nor are sources that keep their mappings: a read at the end shows what others wrote after this run.
        due = [
            item
            for item in self._items.values()
            if last
            or (not busy and (self._age(item) >= _LATER or not call_of(item.change)))
            or not (item.deleting or call_of(item.change))
            or item.change.key in self._awaited
        ]
        for kind, region, deleting in sorted({_batch(item) for item in due}):
            here = [item for item in due if _batch(item) == (kind, region, deleting)]
            polled += self._of_region(self._drivers.of(kind), here, last=last, deleting=deleting)
        for item in polled:
            if item.outcome or item.is_lost:
                del self._items[item.accepted.change.key]
        # Polling many mappings takes many calls of the quota, which pending changes need more.
        self._next_poll = self._clock.now() + max(next(self._pauses), len(self._items) / PAGE / 2)
        return polled

    def _of_region(self, driver: Driver, items: Sequence[Accepted], *, last: bool, deleting: bool) -> Iterator[Polled]:
        late = {item.record.key for item in items if last or self._age(item) > self._provider.settle_timeout}
        try:
            observed = driver.observe([item.record for item in items], deleting=deleting)
        except ProvisionerError as error:
            # These may be over at the next poll. The change counts as applied, because AWS has accepted its calls.
            passing = isinstance(error, ThrottledError | ServiceError | UnreachableError)
            for item in items:
                key = item.record.key
                if key in late or not passing:
                    yield Polled(item, Outcome(item.change, Result.APPLIED, error.message, uuid=key.id, settled=False))
            return
        for item in items:
            live = observed.get(item.record.key)
            is_late = item.record.key in late
            may_be_stale = not is_late and self._age(item) < MAY_BE_STALE
            if live is None and call_of(item.change) and not item.was_put_back and not last:
                yield Polled(item, is_lost=True)
            elif outcome := _outcome(item, live, late=is_late, may_be_stale=may_be_stale):
                yield Polled(item, outcome, gone=live is None)
            elif live and self._age(item) - item.reported >= STILL:
                item.reported = self._age(item)
                yield Polled(item, state=live.status.state)

    def _age(self, item: Accepted) -> float:
        return self._clock.now() - item.began


def _outcome(item: Accepted, live: Live | None, *, late: bool, may_be_stale: bool) -> Outcome | None:
    """The outcome of a change whose mapping has settled, is gone, or may wait no longer; else None. What contradicts AWS's
    own answer does not count while the read `may_be_stale`.
    """
    change = item.change
    if item.deleting:
        return _deleted(item, live, late=late)
    if live is None and may_be_stale and not item.was_put_back:
        return None
    if live is None:
        # The record stays: the next plan sees that its mapping has disappeared, and what it still has to delete.
        detail = "it was deleted outside provisioner before it had settled"
        if item.was_put_back:
            detail = f"another client took {item.record.key} away twice since this run wrote it"
        return Outcome(change, Result.FAILED, detail, "plan again")
    if live.status.settled:
        outcome = _read_back(item, live)
        return None if may_be_stale and outcome.ignored else outcome
    if late:
        detail = f"it is still {live.status.state}" + (f" ({live.status.reason})" if live.status.reason else "")
        hint = f"check it with `{command_line('status')}`"
        return Outcome(change, Result.APPLIED, detail, hint, uuid=live.key.id, settled=False)
    return None


def _deleted(item: Accepted, live: Live | None, *, late: bool) -> Outcome | None:
    """The outcome of a delete: None while AWS still shows the mapping and there is time."""
    outcome = item.made or Outcome(item.change, Result.APPLIED, uuid=item.change.id)
    if live is None:
        return outcome
    if not late:
        return None
    hint = f"apply again to see whether it is gone; check it with `{command_line('status')}`"
    detail = f"{live.key} was deleted, but is still {live.status.state}; it stays recorded"
    return replace(outcome, detail=detail, hint=hint, settled=False)


def _batch(item: Accepted) -> tuple[str, str, bool]:
    """What is read together: mappings of one kind and region, those that are to be gone apart."""
    return item.record.key.kind, item.record.key.region, item.deleting


def _read_back(item: Accepted, live: Live) -> Outcome:
    """Compare the settled mapping with what was applied, and report fields that AWS ignored. The record keeps what was
    applied, so that the next plan shows the difference and its cause.
    """
    # An entry of a source is written whole, with the values of ignored fields that it had.
    written = item.change.desired if call_of(item.change) else None
    ignored = tuple(_ignored(item.change, written or item.record.applied, live))
    detail = ""
    if ignored and call_of(item.change):
        names = ", ".join(".".join(path) for path in ignored)
        detail = f"{names} not as this run wrote it: another client has changed the entry {live.key} since"
    elif ignored == (("enabled",),) and live.status.fault:
        detail = f"not enabled: AWS reports {live.status.fault}"
    elif ignored:
        reason = f"; AWS reports {live.status.fault}" if live.status.fault else ""
        detail = f"{', '.join('.'.join(path) for path in ignored)} not set: AWS ignored the value{reason}"
    elif live.status.filter_error:
        detail = f"the filters cannot be read back: {live.status.filter_error}"
    return Outcome(item.change, Result.APPLIED, detail, uuid=live.key.id, ignored=ignored)


def _ignored(change: Change, applied: Canonical, live: Live) -> Iterator[FieldPath]:
    """The paths that were sent and that AWS did not set. Tags have their own calls, which ignore nothing."""
    # AWS chooses kept values that the manifest does not set, such as a consumer group.
    wanted = {**fill_kept(applied, live.mapping, live.kind), "tags": {}}
    sent = {field.path[0] for field in change.fields}
    sends_all = change.action is not Action.UPDATE or bool(call_of(change))  # an entry of a source is written whole
    for field_change in field_changes({}, {**live.mapping, "tags": {}}, wanted, live.kind):
        path = field_change.path
        # An update sends only the changed fields: a difference in another one is drift.
        if (sends_all or path[0] in sent) and not is_within(path, live.unknown):
            yield path
