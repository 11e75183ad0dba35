"""The drivers of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from provisioner.aws.driver import Driver
from provisioner.aws.event_source_mappings import EventSourceMappings
from provisioner.aws.session import Aws
from provisioner.kinds import kind_for, kind_of_change
from provisioner.model.key import LAMBDA
from provisioner.model.plan import Change
from provisioner.model.provider import Provider
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import Resolution, Subject

DRIVERS: Final[Mapping[str, Callable[[Aws, Provider], Driver]]] = {LAMBDA: EventSourceMappings}
"""What makes the driver of each kind, by the kind's name."""


class Drivers:
    """The drivers of one session, by kind."""

    def __init__(self, aws: Aws, provider: Provider) -> None:
        self._made = {name: make(aws, provider) for name, make in DRIVERS.items()}

    def of(self, kind: str) -> Driver:
        """The driver of a kind."""
        return self._made[kind]

    def of_change(self, change: Change) -> Driver:
        """The driver of the mapping that a change makes, changes or ends."""
        return self._made[kind_of_change(change).name]

    def calls(self, changes: Sequence[Change]) -> list[tuple[Change, ...]]:
        """The changes in groups that are carried out together, in the order of the changes."""
        groups = [
            group
            for name, driver in self._made.items()
            for group in driver.calls([change for change in changes if kind_of_change(change).name == name])
        ]
        place = {change.key: index for index, change in enumerate(changes)}
        return sorted(groups, key=lambda group: place[group[0].key])

    def read(self, resolution: Resolution, note: Callable[[str], None], search: Search | None = None) -> Reading:
        """All that planning needs, of every kind; with `search` orphans too. Raises AwsError."""
        whole = Reading()
        for name, driver in self._made.items():
            subjects = tuple(subject for subject in resolution.subjects if name in _kinds(subject))
            if subjects or search:
                part = driver.read(replace(resolution, subjects=subjects), note, search)
                whole = Reading(
                    {**whole.live, **part.live},
                    {**whole.holders, **part.holders},
                    whole.listed | part.listed,
                    (*whole.orphans, *part.orphans),
                )
        return whole


def _kinds(subject: Subject) -> set[str]:
    """The kinds whose drivers have something to read for a subject."""
    kinds = {kind_for(subject.wanted.kind).name} if subject.wanted else set()
    if subject.record:
        kinds |= {subject.record.key.kind, *(item.key.kind for item in subject.record.deposed)}
    return kinds
