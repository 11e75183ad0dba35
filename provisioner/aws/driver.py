"""What a kind of mapping needs of AWS: how its mappings are read and changed.

A driver makes the calls and knows the API's shapes. When a call is made, what is recorded of it, and what is done when it
fails is the same for every kind (`execution/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from provisioner.aws.gateway import Notify
from provisioner.model.canonical import Canonical
from provisioner.model.key import Key
from provisioner.model.live import Live, Owner
from provisioner.model.plan import Change, FieldChange
from provisioner.model.references import Pair
from provisioner.model.state import Record
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import Resolution


class Driver(Protocol):
    """The calls of one kind of mapping. Safe to share between threads. Every method raises AwsError."""

    def calls(self, changes: Sequence[Change]) -> Sequence[tuple[Change, ...]]:
        """The changes in groups: those of one group are carried out together, one worker for all of them."""

    def read(self, resolution: Resolution, note: Callable[[str], None], search: Search | None = None) -> Reading:
        """All that planning needs, with the fewest calls; with `search` orphans too. `note` is called once for each region
        in which a part could not be read so.
        """

    def get(self, key: Key) -> Live | None:
        """One mapping as it is now, without its tags; None when it is gone."""

    def holders(self, pairs: Mapping[str, Pair], region: str) -> dict[str, Live]:
        """The mappings that hold these pairs in a region, by the same names, with their tags. Raises DeniedError where
        they may not be listed.
        """

    def with_tags(self, key: Key) -> Live | None:
        """One mapping as it is now, with its tags, which say whose it is; None when it is gone."""

    def create(self, region: str, desired: Canonical, owner: Owner | None, notify: Notify) -> Live:
        """Create a mapping; `owner` goes into it with the call. Raises ConflictError with the id of what holds the pair,
        LostAnswerError or ServiceError when it is not known whether it was created.
        """

    def update(
        self,
        live: Live,
        desired: Canonical,
        fields: Sequence[FieldChange],
        notify: Notify,
        *,
        settle: Callable[[], None],
        before_retry: Callable[[], None] | None = None,
    ) -> bool:
        """Make a mapping the desired one, tags included. Returns whether it has to settle afterwards.

        `settle` waits until the mapping accepts the next request. `before_retry` is called before the first request is
        retried because somebody else was changing the mapping; it raises when the update must not be made any more.
        """

    def tag_owner(self, live: Live, owner: Owner | None, notify: Notify) -> None:
        """Write the ownership tags of a mapping; without an owner, remove them. Its other tags stay."""

    def delete(self, key: Key, notify: Notify) -> None:
        """Delete a mapping; one that is gone is no error."""

    def observe(self, records: Sequence[Record], *, deleting: bool = False) -> dict[Key, Live]:
        """These mappings as they are now, without tags, with the fewest calls; one that is gone is absent. They are all in
        one region. `deleting`: they are expected to be gone.
        """
