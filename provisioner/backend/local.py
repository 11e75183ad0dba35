"""State in a local file, with its journal and its lock beside it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from provisioner.backend import lock
from provisioner.backend.journal import Folded, Journal, fold
from provisioner.backend.statefile import decode, encode
from provisioner.backend.store import Snapshot
from provisioner.errors import StateError
from provisioner.files import explained, sync_folder, write_atomically
from provisioner.model.state import Intent, State


class LocalBackend:
    """The state of one stack in a file. Readers never write; only the lock's holder does."""

    def __init__(self, path: Path, stack: str, sleep: Callable[[float], bool]) -> None:
        self.path = path
        self._sleep = sleep
        self._stack = stack
        self._journal = path.with_suffix(".journal")
        self._lock = path.with_suffix(".lock")

    def read(self) -> Snapshot:
        """The state with its journal worked in, in memory. A state that was never written is empty, with a new lineage."""
        holder = lock.holder(self._lock)
        folded = self._folded()
        return Snapshot(folded.state, folded.open, holder)

    @contextmanager
    def locked(self, operation: str, timeout: float = 0.0) -> Iterator[LocalWriter]:
        """Hold the state's lock, waiting for it at most `timeout` seconds; a journal that was left behind is worked in first.
        Raises LockedError.
        """
        with lock.locked(self._lock, operation, timeout, self._sleep):
            yield LocalWriter(self.path, self._journal, self._folded())

    def put_aside(self) -> str:
        """Rename state and journal; the names tell when."""
        ending = f".damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        with lock.locked(self._lock, "putting a damaged state aside", 0.0, self._sleep):
            for path in (self.path, self._journal):
                with explained(path, "renamed"):
                    if path.exists():
                        path.rename(path.with_name(path.name + ending))
        return f"{self.path}{ending}"

    def force_unlock(self, ident: str) -> None:
        """Say who holds it: the kernel frees the lock with the process that holds it. Raises StateError."""
        del ident
        who = lock.holder(self._lock)
        if not who:
            raise StateError("the state is not locked", hint="a lock in a file ends with the process that held it")
        hint = "the lock ends with its process: wait until the process ends, or stop it"
        raise StateError(f"the state is locked by {who}", hint=hint)

    def _folded(self) -> Folded:
        text = _read(self.path)
        if text is None:
            if _read(self._journal):
                raise StateError(
                    f"{self._journal} belongs to a state file that is missing",
                    hint=f"restore {self.path}, or its .backup",
                )
            return Folded(State(self._stack, str(uuid.uuid4())))
        state = decode(text, where=str(self.path), stack=self._stack)
        return fold(state, _read(self._journal) or "", where=str(self._journal))


class LocalWriter:
    """The lock's holder. `state` is the state with what an earlier apply left in its journal; `open` are the intents that
    it left behind, which stay in that journal until a state is saved that has taken them into account.
    """

    def __init__(self, path: Path, journal: Path, folded: Folded) -> None:
        self._path = path
        self._journal = journal
        self._backed_up = False
        self._left = journal.exists()
        self.state = folded.state
        self.open = folded.open
        if self._left and not folded.open:
            self._settle(folded)

    def _settle(self, folded: Folded) -> None:
        """Work in for good what was left behind; a journal that the state has passed is only removed."""
        if not folded.over:
            self._write(replace(folded.state, serial=folded.state.serial + 1))
        self._remove_journal()

    def save(self, state: State) -> None:
        """Write a state when it differs from what is written: one serial further."""
        if state != self.state or state.serial == 0 or self._left:
            self._write(replace(state, serial=self.state.serial + 1))
            self._remove_journal()

    def _write(self, state: State) -> None:
        write_atomically(self._path, encode(state), backup=not self._backed_up)
        self._backed_up = True
        self.state = state

    @contextmanager
    def journal(self, planned: Sequence[Intent]) -> Iterator[Journal]:
        """A journal for the calls of one apply, worked in at its end.

        After an error or a second interrupt, or with an intent that nothing is known of, it is left as it is: the next
        command folds it, and knows what was going on. What is `planned` needs no writing down: each intent is, in its turn.
        """
        del planned
        journal = Journal(self._journal, self.state)
        try:
            yield journal
        finally:
            journal.close()
        if not journal.has_open:
            self._write(replace(journal.state, serial=self.state.serial + 1))
            self._remove_journal()

    def _remove_journal(self) -> None:
        self._left = False
        with explained(self._journal, "removed"):
            self._journal.unlink(missing_ok=True)
            sync_folder(self._journal.parent)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StateError(
            f"{path} cannot be read: {reason}", hint=f"the state before the last apply is in {path}.backup"
        ) from error
