"""State in a local file, with its journal and its lock beside it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from provisioner.backend import lock
from provisioner.backend.journal import Folded, Journal, fold
from provisioner.backend.statefile import damaged, decode, encode, version_of
from provisioner.backend.store import Snapshot
from provisioner.errors import StateError
from provisioner.filesystem import read_regular, state_errors, sync_folder, write_atomically
from provisioner.model.state import Intent, State

_TRIES: Final = 10
"""Attempts to read state and journal without an apply that ends in between."""


class LocalBackend:
    """The state of one stack in a file. Readers never write; only the process that has the lock does."""

    def __init__(self, path: Path, stack: str, sleep: Callable[[float], bool]) -> None:
        self.path = path
        self._sleep = sleep
        self._stack = stack
        self._journal = path.with_suffix(".journal")
        self._lock = path.with_suffix(".lock")

    def read(self) -> Snapshot:
        """The state with the results of its journal; nothing is written. A state that was never stored is empty, with a
        new lineage. Raises StateError, and DamagedError when its content cannot be understood.
        """
        # The lock first: an apply that ends between the two reads would otherwise look like an interrupted one.
        locked_by = lock.locked_by(self._lock)
        folded = self._folded()
        # And again, because one that began between the two reads has intents without a result too.
        if folded.unresolved and not locked_by:
            locked_by = lock.locked_by(self._lock)
        return Snapshot(folded.state, folded.unresolved, locked_by)

    @contextmanager
    def locked(self, operation: str, timeout: float = 0.0) -> Iterator[LocalWriter]:
        """Hold the state's lock, waiting for it at most `timeout` seconds; the results of an earlier journal are folded
        in first. Raises LockedError, and StateError as `read` does.
        """
        with lock.locked(self._lock, operation, timeout, self._sleep) as check_lock:
            fence = _Fence(self.path, check_lock)
            yield LocalWriter(self.path, self._journal, self._folded(), fence)

    def put_aside(self) -> str:
        """Rename state and journal to names with the time. Returns the new path of the state. Raises LockedError, or
        StateError when a file cannot be renamed.
        """
        ending = f".damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        with lock.locked(self._lock, "renaming a damaged state file", 0.0, self._sleep):
            # The journal too, because a journal without its state is refused.
            for path in (self.path, self._journal):
                with state_errors(path, "renamed"):
                    if path.exists():
                        path.rename(path.with_name(path.name + ending))
        return f"{self.path}{ending}"

    def force_unlock(self, ident: str) -> None:
        """Raise StateError always: a lock on a local file ends with its process, so there is never a stale one to
        remove.
        """
        del ident
        who = lock.locked_by(self._lock)
        if not who:
            raise StateError(
                "the state is not locked", hint="nothing to do: a file lock is released when its process exits"
            )
        hint = "the lock is released when that process exits: wait for it to finish, or stop it"
        raise StateError(f"the state is locked by {who}", hint=hint)

    def _folded(self) -> Folded:
        text, journal = self._texts()
        if text is None:
            # An empty state would have a new lineage, and the results in the journal would be lost.
            if journal:
                raise StateError(
                    f"found {self._journal}, but its state file is missing",
                    hint=f"restore {self.path}, for example from its .backup file",
                )
            return Folded(State(self._stack, str(uuid.uuid4())))
        state = decode(text, where=str(self.path), stack=self._stack)
        return fold(state, journal or "", where=str(self._journal))

    def _texts(self) -> tuple[str | None, str | None]:
        """State and journal as they were at one moment, each None where there is none."""
        # A reader has no lock: while it reads, one apply may end and another begin, whose journal follows a later state
        # than the one that was read. The two belong together when the state is the same before and after.
        text = _read(self.path)
        for _ in range(_TRIES):
            journal = _read(self._journal)
            before, text = text, _read(self.path)
            if text == before:
                break
        return text, journal


class _Fence:
    """The state file as this process read or wrote it last. Somebody who does not ask for the lock, such as a `git pull`,
    can replace it.
    """

    def __init__(self, path: Path, check_lock: Callable[[], None]) -> None:
        self._path = path
        self._check_lock = check_lock
        self._seen = self._identity()

    def _identity(self) -> tuple[int, ...]:
        try:
            return _identity_of(self._path.lstat())
        except OSError:
            return ()

    def check(self) -> None:
        """Raise StateError when the lock is lost, or when somebody else wrote or removed the state."""
        self._check_lock()
        if self._identity() != self._seen:
            raise StateError(
                f"{self._path} was changed or removed by something else during this run",
                hint="what this run did is in its journal, and the next apply takes it into account: plan again",
            )

    def renew(self, written: os.stat_result) -> None:
        """Remember the file that this process has written."""
        self._seen = _identity_of(written)


def _identity_of(file: os.stat_result) -> tuple[int, ...]:
    return file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns


class LocalWriter:
    """The one writer of a state, while it has the lock. `state` includes the results in an earlier apply's journal;
    `unresolved` are that journal's intents without a result, which stay in it until a state is saved that takes them
    into account.
    """

    def __init__(self, path: Path, journal: Path, folded: Folded, fence: _Fence) -> None:
        self._path = path
        self._fence = fence
        self._journal = journal
        self._backed_up = False
        self._left = journal.exists()
        self.state = folded.state
        self.unresolved = folded.unresolved
        # With unresolved intents the journal stays: this command may end before it has saved what became of them.
        if self._left and not folded.unresolved:
            if not folded.superseded:  # a later state has its results already
                self._write(replace(folded.state, serial=folded.state.serial + 1))
            self._remove_journal()

    def check(self) -> None:
        """Raise StateError when the lock is lost, or when somebody else wrote or removed the state."""
        self._fence.check()

    def save(self, state: State) -> None:
        """Write a state, with the next serial, when it differs from the stored one. Raises StateError."""
        # An equal state is written too when none is stored yet, and when an earlier journal is to be removed.
        if state != self.state or state.serial == 0 or self._left:
            # The state first: after a crash in between, its later serial makes the journal superseded.
            self._write(replace(state, serial=self.state.serial + 1))
            self._remove_journal()

    def _write(self, state: State) -> None:
        self._fence.check()
        # Before a new version replaces a state of version 1, its text is kept: an older provisioner can go on from there.
        text = None if self._backed_up else _read(self._path)
        if text and version_of(text) == 1:
            write_atomically(self._path.with_name(f"{self._path.name}.v1"), text, backup=False)
        # Only with the first write: the backup is the state before the command, not before its last write.
        self._fence.renew(write_atomically(self._path, encode(state), backup=not self._backed_up))
        self._backed_up = True
        self.state = state

    @contextmanager
    def journal(self, planned: Sequence[Intent]) -> Iterator[Journal]:
        """A journal for the calls of one apply, folded into the state at its end.

        After an error or a second interrupt, or with an intent without a result, the journal stays: the next command
        folds it. `planned` is not used: each intent is written just before its call. Raises StateError.
        """
        del planned
        journal = Journal(self._journal, self.state, self._fence.check)
        try:
            yield journal
        finally:
            is_removed = journal.is_removed
            journal.close()
        # Of a journal that somebody has removed, the state keeps the results: they are nowhere else.
        if is_removed or not journal.has_unresolved:
            self._write(replace(journal.state, serial=self.state.serial + 1))
            self._remove_journal()

    def _remove_journal(self) -> None:
        self._left = False
        self._fence.check()  # without the lock, it may be the journal of another process
        with state_errors(self._journal, "removed"):
            self._journal.unlink(missing_ok=True)
            sync_folder(self._journal.parent)


def _read(path: Path) -> str | None:
    try:
        return read_regular(path).decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = f"restore the state from before the last apply: {path}.backup"
        raise StateError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise damaged(str(path), "it is not UTF-8 text") from error
