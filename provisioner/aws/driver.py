"""What a kind of mapping needs of AWS: how its mappings are read and changed.

A driver makes the calls and knows the API's shapes. When a call is made, what is recorded of it, and what is done when it
fails is the same for every kind (`execution/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from provisioner.aws.requests import Notify
from provisioner.errors import AwsError
from provisioner.model.canonical import Canonical
from provisioner.model.key import Key
from provisioner.model.live import Live, Owner
from provisioner.model.plan import FieldChange
from provisioner.model.references import Pair
from provisioner.model.state import Record
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import Resolution


class Driver(Protocol):
    """How mappings of one kind are read. Safe to share between threads. Every method raises AwsError."""

    def read(self, resolution: Resolution, note: Callable[[str], None], search: Search | None = None) -> Reading:
        """All that planning needs, with the fewest calls; with `search` orphans too. `note` is called once for each region
        in which a part could not be read so.
        """

    def get(self, key: Key) -> Live | None:
        """One mapping as it is now, without its tags; None when it is gone."""

    def to_import(self, key: Key, lineage: str) -> tuple[Live, str] | None:
        """One mapping as an import records it, with all that says whose it is, and a note for people or ""; None when there
        is none.
        """

    def observe(self, records: Sequence[Record], *, deleting: bool = False) -> dict[Key, Live]:
        """These mappings as they are now, without tags, with the fewest calls; one that is gone is absent. They are all in
        one region. `deleting`: they are expected to be gone.
        """


class LambdaDriver(Driver, Protocol):
    """The calls of mappings that Lambda keeps: each is created, changed and deleted by itself."""

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


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of one entry of a source. `before` is the entry as the plan saw it, None for a new one; `after` is as it
    is to be, None for one that is to be gone. Both are in canonical form, with their ids.
    """

    before: Canonical | None
    after: Canonical | None
    skips_validation: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the edits of one source: the errors of those that failed, by their keys, and whether anything was
    written.
    """

    failed: Mapping[str, AwsError]
    wrote: bool


class PushDriver(Driver, Protocol):
    """The calls of mappings that their source keeps: all changes of one source are one call."""

    def write(self, edits: Mapping[str, Edit], region: str, notify: Notify) -> Written:
        """Make the edits of one source by one call. Other entries of the source stay as they are. An edit that is as it is
        to be costs no call, so that a lost answer costs nothing. What fails for all of them is in `failed` too.
        """

    def undone(self, edits: Mapping[str, Edit], region: str) -> dict[str, str]:
        """Read a source again: the edits that are not there, by their keys, and what was found instead, as a sentence."""
