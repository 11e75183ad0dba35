"""The protocols of state storage: what workflows and execution use, which `local` and `s3` implement, and `Objects`, which
`s3` uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from provisioner.model.state import Intent, Record, State


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as a reader sees it. `unresolved` are the intents of an apply that was interrupted or is still running;
    `locked_by` names the process that holds the lock, or is "".
    """

    state: State
    unresolved: tuple[Intent, ...] = ()
    locked_by: str = ""


class Log(Protocol):
    """What an apply records about its calls; `journal.Journal` and `s3.Pending` implement it. Safe to share between
    threads.
    """

    @property
    def state(self) -> State:
        """The state with all results so far."""

    def check(self) -> None:
        """Raise StateError when the lock or the state is no longer this process's: its results could not be stored, or
        another process has begun. Called before each attempt of a call that changes something.
        """

    def begin(self, intent: Intent) -> None:
        """Record an intent, before its call. Raises StateError; then the call must not be made."""

    def done(self, intent: Intent, record: Record | None) -> None:
        """Record the result: the record that the intent's name has now, or None when it has none. A second result of
        one intent replaces the first. Raises StateError.
        """

    def failed(self, intent: Intent) -> None:
        """Record that AWS refused the call, so that nothing changed. Raises StateError."""


class Writer(Protocol):
    """The one writer of a state, while it has the lock. `state` is what is stored, with the results of an earlier
    apply; `unresolved` are its intents without a result, which stay stored until a state is saved that takes them into
    account.
    """

    state: State
    unresolved: tuple[Intent, ...]

    def check(self) -> None:
        """As `Log.check`."""

    def save(self, state: State) -> None:
        """Store a state, with the next serial, when it differs from the stored one. Raises StateError."""

    def journal(self, planned: Sequence[Intent]) -> AbstractContextManager[Log]:
        """A log for the `planned` calls of one apply; its results are stored at the end. Raises StateError."""


class Backend(Protocol):
    """Where the state of one stack is kept."""

    def read(self) -> Snapshot:
        """The state as it is now. Writes nothing. One that was never stored is empty, with a new lineage. Raises
        StateError; DamagedError when its content cannot be understood; in S3 also AwsError.
        """

    def locked(self, operation: str, timeout: float = 0.0) -> AbstractContextManager[Writer]:
        """Hold the lock, waiting for it at most `timeout` seconds. Raises LockedError, and the errors of `read`."""

    def put_aside(self) -> str:
        """Rename a state that cannot be read. Returns the new path or key. Raises StateError; in S3 AwsError."""

    def force_unlock(self, ident: str) -> None:
        """Remove the lock with this id; nothing checks that it is stale. Raises StateError when there is none, and always
        for a local file.
        """


class Objects(Protocol):
    """The objects of one bucket, which `aws.objects.Bucket` implements. Texts are UTF-8; an ETag identifies the content
    of an object.
    """

    def get(self, key: str) -> tuple[str, str] | None:
        """The text and the ETag of an object, or None."""

    def put(self, key: str, text: str, *, match: str) -> str:
        """Write an object whose ETag is `match`, or that must not exist when `match` is "". Returns the new ETag.

        Raises PreconditionError when the ETag is another, ConflictError when somebody writes it at the same time,
        NotFoundError when it does not exist.
        """

    def delete(self, key: str, *, match: str) -> None:
        """Delete an object that has this ETag. Raises PreconditionError."""
