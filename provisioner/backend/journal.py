"""The write-ahead log of an apply (docs/architecture.md#state).

`state/<stack>.journal` is append-only and each line is synced. The first line names the lineage and the serial that it
continues; then an `intent` before each call and a `done` after it, with the whole record. Folding is what readers and the
next writer do: the last `done` of a name is its record. Only a torn last line is forgiven.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from provisioner.backend.statefile import intent_of, intent_value, record_of, record_value
from provisioner.errors import DamagedError, StateError
from provisioner.files import explained, sync_folder, write_all
from provisioner.model.references import Pair
from provisioner.model.state import Intent, Record, State

VERSION: Final = 1
CLOSED: Final = -1


@dataclass(frozen=True, slots=True)
class Folded:
    """A state with its journal worked in, and the intents that nothing is known of.

    `over` says that the state had passed the journal already.
    """

    state: State
    open: tuple[Intent, ...] = ()
    over: bool = False


class Journal:
    """An open journal. Safe to share between threads; each method returns when its line is on the disk."""

    def __init__(self, path: Path, state: State) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._state = state
        with explained(path, "written"):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            self._descriptor = os.open(path, flags, 0o600)
            sync_folder(path.parent)
        self._size = 0
        self._open: set[str] = set()
        self._append({"journal": VERSION, "lineage": state.lineage, "serial": state.serial})

    @property
    def state(self) -> State:
        """The state with all that was done so far."""
        with self._lock:
            return self._state

    @property
    def has_open(self) -> bool:
        """Whether there is an intent that nothing is known of."""
        with self._lock:
            return bool(self._open)

    def intent(self, action: str, name: str, pair: Pair, uuids: Sequence[str] = (), *, protected: bool = False) -> str:
        """Write down a call before it is made; the answer is the token for `done`."""
        token = uuid.uuid4().hex
        with self._lock:
            self._open.add(token)
        self._append(intent_value(Intent(token, action, name, pair, tuple(uuids), protected)))
        return token

    def done(self, token: str, name: str, record: Record | None) -> None:
        """Write down what came of it: the record that the name has now, or None when it has none."""
        self._append({"done": token, "name": name, "record": record_value(record) if record else None})
        with self._lock:
            self._open.discard(token)
            self._state = self._state.with_record(name, record)

    def failed(self, token: str) -> None:
        """Write down that AWS refused, so that nothing came of it."""
        self._append({"done": token})
        with self._lock:
            self._open.discard(token)

    def close(self) -> None:
        """Stop writing: whatever a worker still says is refused, and never reaches another file."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, CLOSED
            if descriptor != CLOSED:
                os.close(descriptor)

    def _append(self, line: dict[str, Any]) -> None:
        # ASCII only, so that a torn line is never torn inside a character.
        data = (json.dumps(line, sort_keys=True) + "\n").encode("ascii")
        with self._lock, explained(self._path, "written"):
            if self._descriptor == CLOSED:
                raise StateError(f"{self._path} was closed during this run", hint="run the command again")
            try:
                write_all(self._descriptor, data)
            except OSError:
                self._take_back()
                raise
            self._size += len(data)

    def _take_back(self) -> None:
        """Drop a line that was written in part; where that fails, write nothing more behind it."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            os.close(self._descriptor)
            self._descriptor = CLOSED


def fold(state: State, text: str, *, where: str) -> Folded:
    """The state with a journal's text worked in; the serial is left alone. Folding twice is harmless.

    A journal that the state's serial has passed is over and changes nothing. Raises StateError for a journal of another
    lineage or version, and for a damaged line that is not the last.
    """
    lines = _lines(text, where)
    if not lines:
        return Folded(state)
    head = lines[0]
    if head.get("journal") != VERSION:
        raise StateError(f"{where} is not a journal of version {VERSION}", hint="use the provisioner that wrote it")
    if head.get("lineage") != state.lineage:
        hint = "restore the state file that it belongs to, or move the journal away if that state no longer exists"
        raise StateError(f"{where} belongs to another state (lineage {head.get('lineage')})", hint=hint)
    serial = head.get("serial")
    if not isinstance(serial, int) or serial > state.serial:
        hint = "an older state was restored: restore the one that the journal belongs to"
        raise StateError(f"{where} continues serial {serial} of this state, which is at {state.serial}", hint=hint)
    if serial < state.serial:
        return Folded(state, over=True)
    intents: dict[str, Intent] = {}
    try:
        for line in lines[1:]:
            state = _apply_line(state, line, intents)
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError) as error:
        raise DamagedError(
            f"{where} is damaged: {' '.join(str(error).split())}", hint="keep the file, and compare it with AWS by hand"
        ) from error
    if not state.is_sound:
        raise DamagedError(
            f"{where} is damaged: one UUID under two names", hint="keep the file, and compare it with AWS by hand"
        )
    return Folded(state, tuple(intents.values()))


def _apply_line(state: State, line: dict[str, Any], intents: dict[str, Intent]) -> State:
    if "intent" in line:
        intents[line["intent"]] = intent_of(line)
        return state
    intents.pop(line["done"], None)
    if "name" not in line:
        return state
    if not isinstance(line["name"], str):
        raise TypeError(f"{line['name']!r} is not a name")
    return state.with_record(line["name"], record_of(line["record"]) if line["record"] else None)


def _lines(text: str, where: str) -> list[dict[str, Any]]:
    *whole, _torn = text.split("\n")  # what follows the last line feed was never finished
    lines = []
    for number, line in enumerate(whole, start=1):
        value = _object(line)
        if value is None:
            raise DamagedError(f"{where}:{number} is damaged", hint="keep the file, and compare it with AWS by hand")
        lines.append(value)
    return lines


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
