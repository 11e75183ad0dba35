"""The drivers of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from provisioner.aws.bucket_notifications import BucketNotifications
from provisioner.aws.driver import Driver, LambdaDriver, PushDriver
from provisioner.aws.event_source_mappings import EventSourceMappings
from provisioner.aws.policies import Policies
from provisioner.aws.session import Aws
from provisioner.kinds import kind_for
from provisioner.model.key import LAMBDA, S3
from provisioner.model.plan import Change
from provisioner.model.provider import Provider
from provisioner.planning.order import call_of
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import Resolution, Subject


class Drivers:
    """The drivers of one session, by kind, and the policies of functions, which all kinds of one session share."""

    def __init__(self, aws: Aws, provider: Provider) -> None:
        self.policies = Policies(aws)
        self.mappings: LambdaDriver = EventSourceMappings(aws, provider)
        self._push: dict[str, PushDriver] = {S3: BucketNotifications(aws, self.policies)}
        self._all: dict[str, Driver] = {LAMBDA: self.mappings, **self._push}

    def of(self, kind: str) -> Driver:
        """The driver of a kind."""
        return self._all[kind]

    def push(self, kind: str) -> PushDriver:
        """The driver of a kind whose mappings their source keeps."""
        return self._push[kind]

    def calls(self, changes: Sequence[Change]) -> list[tuple[Change, ...]]:
        """The changes in groups that are carried out together, one worker for all of them, in the order of the changes."""
        groups: dict[str, list[Change]] = {}
        for change in changes:
            call = call_of(change)
            groups.setdefault(f"call {call}" if call else f"change {change.key}", []).append(change)
        return [tuple(group) for group in groups.values()]

    def read(self, resolution: Resolution, note: Callable[[str], None], search: Search | None = None) -> Reading:
        """All that planning needs, of every kind; with `search` orphans too. Raises AwsError."""
        self.policies.forget()  # a question may have been open for hours since they were read
        whole = Reading()
        for name, driver in self._all.items():
            subjects = tuple(subject for subject in resolution.subjects if name in _kinds(subject))
            if subjects or search:
                part = driver.read(replace(resolution, subjects=subjects), note, search)
                whole = Reading(
                    {**whole.live, **part.live},
                    {**whole.holders, **part.holders},
                    whole.listed | part.listed,
                    (*whole.orphans, *part.orphans),
                    {**whole.entries, **part.entries},
                    {**whole.policies, **part.policies},
                )
        return whole


def _kinds(subject: Subject) -> set[str]:
    """The kinds whose drivers have something to read for a subject."""
    kinds = {kind_for(subject.wanted.kind).name} if subject.wanted else set()
    if subject.record:
        kinds |= {subject.record.key.kind, *(item.key.kind for item in subject.record.deposed)}
    return kinds
