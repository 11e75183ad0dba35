"""What every place that keeps state can do: what workflows and execution rely on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from provisioner.model.references import Pair
from provisioner.model.state import Intent, Record, State


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as a reader sees it. `open` are intents of an apply that was cut off, or is going on; `holder` says whose."""

    state: State
    open: tuple[Intent, ...] = ()
    holder: str = ""


class Log(Protocol):
    """What is written down while a plan is carried out. Safe to share between threads."""

    @property
    def state(self) -> State:
        """The state with all that was done so far."""

    def intent(self, action: str, name: str, pair: Pair, uuids: Sequence[str] = (), *, protected: bool = False) -> str:
        """Before a call; the answer is the token for `done` or `failed`."""

    def done(self, token: str, name: str, record: Record | None) -> None:
        """What came of it: the record that the name has now, or None when it has none."""

    def failed(self, token: str) -> None:
        """AWS refused, so that nothing came of it."""


class Writer(Protocol):
    """The lock's holder. `state` is what is stored, with what an earlier apply left; `open` are the intents that it left
    behind, which stay stored until a state is saved that has taken them into account.
    """

    state: State
    open: tuple[Intent, ...]

    def save(self, state: State) -> None:
        """Store a state when it differs from what is stored: one serial further."""

    def journal(self, planned: Sequence[Intent]) -> AbstractContextManager[Log]:
        """A log for the calls of one apply, which are `planned`; worked into the state at its end."""


class Backend(Protocol):
    """Where the state of one stack is kept."""

    def read(self) -> Snapshot:
        """The state as it is now. Writes nothing. One that was never stored is empty, with a new lineage."""

    def locked(self, operation: str, timeout: float = 0.0) -> AbstractContextManager[Writer]:
        """Hold the lock, waiting for it at most `timeout` seconds. Raises LockedError."""

    def put_aside(self) -> str:
        """Keep what cannot be read under another name, and say which. Raises StateError."""

    def force_unlock(self, ident: str) -> None:
        """Take away a lock whose holder is gone. Raises StateError when it cannot or must not be."""
