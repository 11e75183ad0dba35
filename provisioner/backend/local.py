"""State in a local file, with its journal and its lock beside it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.backend import lock
from provisioner.backend.files import explained, sync_folder, write_atomically
from provisioner.backend.journal import Folded, Intent, Journal, fold, folded_state
from provisioner.backend.statefile import decode, encode
from provisioner.errors import StateError
from provisioner.model.state import State


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as a reader sees it. `open` are intents of an apply that was cut off, or is going on; `holder` says whose."""

    state: State
    open: tuple[Intent, ...] = ()
    holder: str = ""


class LocalBackend:
    """The state of one stack in a file. Readers never write; only the lock's holder does."""

    def __init__(self, path: Path, stack: str) -> None:
        self.path = path
        self._stack = stack
        self._journal = path.with_suffix(".journal")
        self._lock = path.with_suffix(".lock")

    def read(self) -> Snapshot:
        """The state with its journal worked in, in memory. A state that was never written is empty, with a new lineage."""
        holder = lock.holder(self._lock)
        folded = self._folded()
        return Snapshot(folded.state, folded.open, holder)

    @contextmanager
    def locked(self, operation: str) -> Iterator[Writer]:
        """Hold the state's lock; a journal that was left behind is worked in first. Raises LockedError."""
        with lock.locked(self._lock, operation):
            folded = self._folded()
            writer = Writer(self.path, self._journal, folded.state, folded.open)
            writer.take_over()
            yield writer

    def _folded(self) -> Folded:
        text = _read(self.path)
        if text is None:
            if _read(self._journal):
                raise StateError(
                    f"{self._journal} continues a state that is not there", hint=f"put back {self.path}, or its .backup"
                )
            return Folded(State(self._stack, str(uuid.uuid4())))
        state = decode(text, where=str(self.path), stack=self._stack)
        return fold(state, _read(self._journal) or "", where=str(self._journal))


class Writer:
    """The lock's holder. `state` is what is written; `open` are the intents that an earlier apply left behind."""

    def __init__(self, path: Path, journal: Path, state: State, left: tuple[Intent, ...]) -> None:
        self._path = path
        self._journal = journal
        self.state = state
        self.open = left

    def take_over(self) -> None:
        """Work in for good what an apply that was cut off has left behind."""
        if self._journal.exists():
            self.write(folded_state(Folded(self.state), self.state.account))
            self._remove_journal()

    def write(self, state: State) -> None:
        """Write a state whole."""
        write_atomically(self._path, encode(state))
        self.state = state

    def save(self, state: State) -> None:
        """Write a state when it differs from what is written: one serial further."""
        if state != self.state or state.serial == 0:
            self.write(replace(state, serial=self.state.serial + 1))

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """A journal for the calls of one apply; it is worked in at the end, also after a failure.

        After a second interrupt it is left as it is, because workers may still be writing to it: the next writer folds it.
        """
        journal = Journal(self._journal, self.state)
        try:
            yield journal
        except Exception:
            self._fold(journal)
            raise
        self._fold(journal)

    def _fold(self, journal: Journal) -> None:
        journal.close()
        self.write(folded_state(Folded(journal.state), self.state.account))
        self._remove_journal()

    def _remove_journal(self) -> None:
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
