"""State in an S3 object that a team shares, guarded by conditional writes (docs/architecture.md#state).

The state is written with If-Match on the ETag that was read, the lock with If-None-Match; the lock never expires by
time. The intents of a whole run are in the state as `pending` before its first call and are replaced by results at
least every ten seconds, so that another machine can recover what this one was doing.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from provisioner.backend.lock import advice, described
from provisioner.backend.statefile import decode, encode, shared_part, version_of
from provisioner.backend.store import Objects, Snapshot
from provisioner.environment import command_line
from provisioner.errors import (
    AwsError,
    ConflictError,
    LockedError,
    NotFoundError,
    PreconditionError,
    ProvisionerError,
    ServiceError,
    StateError,
    ThrottledError,
    UnreachableError,
)
from provisioner.foreign_text import one_line
from provisioner.model.state import Intent, Record, State

FLUSH_EVERY: Final = 10.0
"""Seconds within which a result is stored in S3."""

TRIES: Final = 5
"""Attempts to write the state, half a second apart. botocore retries each of them by itself, but not a conflict."""


TIMELY: Final = 5.0
"""Seconds after which an answer about the lock is too old to rely on."""


class S3Backend:
    """The state of one stack in a bucket. `sleep` waits for the lock, until an interrupt; `pause` lasts in any case:
    after an interrupt the results of the run must still be stored.
    """

    def __init__(
        self,
        objects: Objects,
        key: str,
        stack: str,
        where: str,
        sleep: Callable[[float], bool],
        pause: Callable[[float], None],
        note: Callable[[str], None],
    ) -> None:
        self._note = note
        self._objects = objects
        self._key = key
        self._stack = stack
        self._where = where
        self._sleep = sleep
        self._pause = pause

    @property
    def _lock_key(self) -> str:
        return f"{self._key}.lock"

    def read(self) -> Snapshot:
        """The stored state, with the intents of an apply that is running or was interrupted. Raises StateError,
        DamagedError or AwsError.
        """
        # The lock first: a writer that ends between the two reads is shown as holding it, which only warns.
        held = self._objects.get(self._lock_key)
        stored = self._stored()
        # And again: one that began between the two reads has intents without a result, as an interrupted one has.
        if stored.pending and not held:
            held = self._objects.get(self._lock_key)
        return Snapshot(stored.state, stored.pending, described(held[0].encode()) if held else "")

    def _stored(self) -> _Stored:
        stored = self._objects.get(self._key)
        if stored is None:
            return _Stored(State(self._stack, str(uuid.uuid4())))
        text, etag = stored
        state = decode(text, where=self._where, stack=self._stack)
        pending, writer = shared_part(text, where=self._where)
        return _Stored(state, pending, writer, etag, text if version_of(text) == 1 else "")

    @contextmanager
    def locked(self, operation: str, timeout: float = 0.0) -> Iterator[S3Writer]:
        """Hold the lock object; wait for it at most `timeout` seconds. Raises LockedError, and the errors of `read`."""
        ident = str(uuid.uuid4())
        try:
            self._take(json.dumps({"id": ident, **advice(operation)}), ident, timeout)
            yield S3Writer(self, self._stored(), ident)
        finally:
            self._release(ident)  # also when the write was interrupted; a lock with another id stays

    def holds(self, ident: str) -> bool:
        """Whether the lock still has this id."""
        held = self._objects.get(self._lock_key)
        return held is not None and _ident(held[0]) == ident

    def put_aside(self) -> str:
        """Copy the object to another key, and delete it. Returns that key. Raises AwsError."""
        stored = self._objects.get(self._key)
        kept = f"{self._key}.damaged-{uuid.uuid4().hex[:8]}"
        if stored:
            # The copy first, and then only the version that was copied: nothing is lost in between.
            self._objects.put(kept, stored[0], match="")
            self._objects.delete(self._key, match=stored[1])
        return kept

    def keep_version_1(self, text: str) -> None:
        """Write the text of a state of version 1 to a key of its own, before a new version replaces it: an older
        provisioner can go on from there. Raises AwsError.
        """
        kept = self._objects.get(f"{self._key}.v1")
        self._objects.put(f"{self._key}.v1", text, match=kept[1] if kept else "")

    def _take(self, text: str, ident: str, timeout: float) -> None:
        waited = 0.0
        while True:
            try:
                self._objects.put(self._lock_key, text, match="")
            except (PreconditionError, ConflictError, ServiceError, ThrottledError, UnreachableError) as error:
                held = self._objects.get(self._lock_key)
                if held and _ident(held[0]) == ident:
                    return  # our own write, whose answer was lost
                if isinstance(error, ServiceError | ThrottledError | UnreachableError):
                    raise  # S3 itself failed; the lock may be free
            else:
                return
            if waited >= timeout or not self._sleep(0.5):
                raise self._is_locked(held)
            waited += 0.5

    def _is_locked(self, held: tuple[str, str] | None) -> LockedError:
        if held is None:  # it was released after our attempt
            return LockedError("another process is locking the state", hint="run the command again")
        hint = (
            "wait for that process to finish, or use --lock-timeout to wait for the lock; if it is no longer "
            "running, remove the lock with "
            f"`{command_line('force-unlock', one_line(_ident(held[0])))}`"
        )
        return LockedError(f"the state is locked by {described(held[0].encode())}", hint=hint)

    def _release(self, ident: str) -> None:
        """Delete the lock if it is ours. Errors are only noted, so that they never hide the results of the run."""
        try:
            held = self._objects.get(self._lock_key)
            if held and _ident(held[0]) == ident:
                self._objects.delete(self._lock_key, match=held[1])
        except (PreconditionError, NotFoundError):
            return  # somebody forced it; what we wrote was guarded by the state's own ETag
        except ProvisionerError as error:
            self._note(
                f"the lock could not be released: {error.message}; remove it with `{command_line('force-unlock', ident)}`"
            )

    def force_unlock(self, ident: str) -> None:
        """Delete the lock object when it has this id, whether its process still runs or not. Raises StateError when it
        has another id or does not exist, or AwsError.
        """
        held = self._objects.get(self._lock_key)
        if held is None:
            raise StateError("the state is not locked", hint="there is nothing to unlock")
        if _ident(held[0]) != ident:
            raise StateError(
                f"the lock has a different ID: {one_line(_ident(held[0]))}",
                hint=f"it is held by {described(held[0].encode())}; to remove this lock, pass its ID",
            )
        self._objects.delete(self._lock_key, match=held[1])

    def write(self, state: State, pending: Sequence[Intent], etag: str) -> str:
        """Write the state over the version with this ETag. Returns the new ETag.

        After a lost answer the writer's token distinguishes our own write from somebody else's. Raises StateError; an
        AwsError becomes one.
        """
        token = uuid.uuid4().hex  # one for all attempts, so that a later one recognises an earlier one's write
        text = encode(state, pending, writer=token)
        trouble: AwsError | None = None
        for attempt in range(TRIES):
            if attempt:
                self._pause(0.5)
            try:
                return self._objects.put(self._key, text, match=etag)
            except PreconditionError as error:
                stored = self._now(error)
                if stored.writer == token:
                    return stored.etag
                pull = command_line("state", "pull")
                hint = (
                    f"another process wrote it while this run held the lock; inspect it with `{pull}`, then plan again"
                )
                raise StateError(
                    f"{self._where} was changed during this run (serial {stored.state.serial})", hint=hint
                ) from error
            except NotFoundError as error:
                hint = f"restore an earlier version of the object, or run `{command_line('state', 'rebuild')}`"
                raise StateError(f"{self._where} is missing", hint=hint) from error
            except AwsError as error:  # an answer that was lost, a fault, somebody writing at this moment
                trouble = error
        hint = "check that the bucket exists and that the credentials have s3:PutObject"
        message = f"{self._where} cannot be written: {trouble.message if trouble else 'no answer'}"
        raise StateError(message, hint=hint) from trouble

    def _now(self, error: AwsError) -> _Stored:
        try:
            return self._stored()
        except AwsError as trouble:
            hint = f"inspect the state with `{command_line('state', 'pull')}`, then plan again"
            raise StateError(f"{error.message}; then {trouble.message}", hint=hint) from trouble


@dataclass(frozen=True, slots=True)
class _Stored:
    """The content of the state object, and its ETag; "" when there is no object. `version_1` is its text where that is
    of version 1.
    """

    state: State
    pending: tuple[Intent, ...] = ()
    writer: str = ""
    etag: str = ""
    version_1: str = ""


class S3Writer:
    """The one writer of a state, while it has the lock: `store.Writer`, with `write` for `Pending`."""

    def __init__(self, backend: S3Backend, stored: _Stored, ident: str) -> None:
        self._backend = backend
        self._ident = ident
        self._lock_checked = time.monotonic()
        self._etag = stored.etag
        self._version_1 = stored.version_1
        self.state = stored.state
        self.unresolved = stored.pending

    def save(self, state: State) -> None:
        """Write a state when it differs from the stored one, or when the stored one still has intents. Raises
        StateError.
        """
        # Serial 0 was never stored.
        if state != self.state or state.serial == 0 or self.unresolved:
            self.write(state, ())
            self.unresolved = ()

    def write(self, state: State, pending: Sequence[Intent]) -> None:
        """Write a state one serial further, with what is pending; unlike `save`, in any case. Raises StateError."""
        if self._version_1:
            self._backend.keep_version_1(self._version_1)
            self._version_1 = ""
        state = replace(state, serial=self.state.serial + 1)
        self._etag = self._backend.write(state, pending, self._etag)
        self.state = state

    def check(self) -> None:
        """Raise StateError when the lock was removed: the results of further calls could not be stored. Called before
        each call; reads the lock at most once a second, and again where the answer took longer than TIMELY: the lock may
        have been removed after S3 answered, while the process was suspended.
        """
        if time.monotonic() - self._lock_checked < 1.0:
            return
        for _ in range(TRIES):
            asked = time.monotonic()
            try:
                held = self._backend.holds(self._ident)
            except AwsError as error:
                raise StateError(f"the lock cannot be read: {error.message}", hint="run the command again") from error
            if not held:
                hint = "the lock was removed by force-unlock; plan again"
                raise StateError("the lock was removed during this run", hint=hint)
            # When it was asked for: other threads must not rely on an old answer while it is asked for again.
            self._lock_checked = asked
            if time.monotonic() - asked < TIMELY:
                return
        raise StateError("the lock cannot be read in time", hint="run the command again")

    @contextmanager
    def journal(self, planned: Sequence[Intent]) -> Iterator[Pending]:
        """Store the planned intents before the first call, and at the end the results and the intents without one.
        Unlike `LocalWriter.journal`, also after an error, because the results are nowhere else. Raises StateError.
        """
        self.write(self.state, planned)
        pending = Pending(self, planned)
        try:
            yield pending
        finally:
            pending.close()


class Pending:
    """The other implementation of `store.Log`: the planned calls are in the state object, and results replace them as
    they come in.
    """

    def __init__(self, writer: S3Writer, planned: Sequence[Intent]) -> None:
        self._writer = writer
        self._lock = threading.RLock()  # `begin` and `close` hold it while they call `_flush`
        self._unresolved = {intent.token: intent for intent in planned}
        self._started: set[str] = set()
        self._state = writer.state
        self._trouble: ProvisionerError | None = None
        self._timer: threading.Timer | None = None

    @property
    def state(self) -> State:
        """The state with all results so far."""
        with self._lock:
            return self._state

    def check(self) -> None:
        """Raise StateError when the lock was removed, or when the state can no longer be stored."""
        with self._lock:
            if self._trouble:
                raise self._trouble
        self._writer.check()

    def begin(self, intent: Intent) -> None:
        """Mark a planned call as started; one that was not planned is stored first. Raises StateError when the state
        can no longer be stored; then the call must not be made.
        """
        with self._lock:
            if self._trouble:
                raise self._trouble
            self._writer.check()  # without the lock, the result of the call could not be stored
            self._started.add(intent.token)
            if intent.token not in self._unresolved:
                self._unresolved[intent.token] = intent
                self._flush()

    def done(self, intent: Intent, record: Record | None) -> None:
        """Keep a result; it is stored within ten seconds. Raises nothing: the next `begin` or `close` does."""
        with self._lock:
            self._unresolved.pop(intent.token, None)
            self._state = self._state.with_record(intent.name, record)
            self._soon()

    def failed(self, intent: Intent) -> None:
        """Record that AWS refused the call, so that nothing changed."""
        with self._lock:
            self._unresolved.pop(intent.token, None)
            self._soon()

    def _soon(self) -> None:
        # One write for many results: S3 has no append, and each write carries the whole state.
        if self._timer is None:
            self._timer = threading.Timer(FLUSH_EVERY, self._flush_later)
            self._timer.daemon = True  # a process that ends must not wait for it
            self._timer.start()

    def _flush_later(self) -> None:
        try:
            self._flush()
        except ProvisionerError as error:
            self._trouble = error  # raised before the next call; `close` writes again

    def _flush(self) -> None:
        with self._lock:
            # This write has all results so far; the next result starts a timer again.
            if self._timer:
                self._timer.cancel()
                self._timer = None
            self._writer.write(self._state, tuple(self._unresolved.values()))

    def close(self) -> None:
        """Store all results, without the planned calls that were never started: the next run would look for what they
        made. Raises StateError.
        """
        with self._lock:
            self._unresolved = {token: intent for token, intent in self._unresolved.items() if token in self._started}
            self._flush()


def _ident(text: str) -> str:
    try:
        return str(json.loads(text)["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
