"""Which changes of a plan may begin: in groups that are carried out together, each after what must be done first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from graphlib import TopologicalSorter
from typing import TypeVar

from provisioner.model.plan import Change

T = TypeVar("T")
Group = tuple[Change, ...]
"""Changes that one worker carries out, in their order."""


class Schedule:
    """The groups of one plan. Used by one thread."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = {group[0].key: group for group in groups}
        self._group_of = {change.key: key for key, group in self._groups.items() for change in group}
        self._unended = {key: {change.key for change in group} for key, group in self._groups.items()}
        self._order = TopologicalSorter(
            {
                key: {self._group_of[other] for change in group for other in change.after if other in self._group_of}
                - {key}
                for key, group in self._groups.items()
            }
        )
        self._order.prepare()
        self._ready: deque[str] = deque()

    @property
    def is_active(self) -> bool:
        """Whether a group has not ended."""
        return self._order.is_active()

    def next_ready(self) -> Group | None:
        """A group that may begin and was not returned before, or None."""
        self._ready += self._order.get_ready()
        return self._groups[self._ready.popleft()] if self._ready else None

    def ended(self, change: Change) -> None:
        """Note that a change has ended: with the last of its group, what waits for the group may begin."""
        group = self._group_of[change.key]
        self._unended[group].discard(change.key)
        if not self._unended[group]:
            self._order.done(group)


def grouped_by(items: Iterable[T], call: Callable[[T], str]) -> list[list[T]]:
    """The items that are one call, together."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(call(item), []).append(item)
    return list(groups.values())
