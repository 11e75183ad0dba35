"""The write-ahead log of an apply (docs/architecture.md#state).

`state/<stack>.journal` is append-only and each line is synced. The first line names the lineage and the serial that it
continues; then an `intent` before each call and a `done` after it, with the whole record. Folding is what readers and
the next writer do: the last `done` of a name is its record. A last line without a line feed was never finished and is
ignored; any other damaged line is an error.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from provisioner.backend.members import reason
from provisioner.backend.statefile import intent_of, intent_value, record_of, record_value, refuse_members, refuse_newer
from provisioner.errors import DamagedError, StateError
from provisioner.filesystem import is_at, state_errors, sync_folder, write_all
from provisioner.foreign_text import one_line
from provisioner.model.key import Key
from provisioner.model.state import Intent, Record, State
from provisioner.planning.statements import all_statements, place_of
from provisioner.strict_json import loads

VERSION: Final = 2
CLOSED: Final = -1


@dataclass(frozen=True, slots=True)
class Folded:
    """A state with the results of its journal, and the intents whose result is not known.

    `superseded`: the state has a later serial than the journal, whose results then change nothing; what the journal
    created and the state does not have is among the intents.
    """

    state: State
    unresolved: tuple[Intent, ...] = ()
    superseded: bool = False


class Journal:
    """A journal that is being written, one of two implementations of `store.Log`. Safe to share between threads; each
    method returns when its line is on the disk, unlike those of `s3.Pending`. Raises StateError when it cannot be
    written.
    """

    def __init__(self, path: Path, state: State, check: Callable[[], None] = lambda: None) -> None:
        self._check = check
        self._path = path
        self._lock = threading.Lock()
        self._state = state
        check()
        with state_errors(path, "written"):
            # What an earlier journal has is in the state: `LocalWriter` saves one, and removes the file, before it opens a
            # journal. One that is there is that of a process which took the lock after the check.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
            try:
                self._descriptor = os.open(path, flags, 0o600)
            except FileExistsError as error:
                raise StateError(f"{path} was created by another process", hint="run the command again") from error
            sync_folder(path.parent)  # a crash must not lose the file with all its synced lines
        self._size = 0  # the end of the last whole line
        self._unresolved: set[str] = set()
        self._append({"journal": VERSION, "lineage": state.lineage, "serial": state.serial})

    @property
    def state(self) -> State:
        """The state with all results so far."""
        with self._lock:
            return self._state

    @property
    def has_unresolved(self) -> bool:
        """Whether the result of an intent is not known, so that the file must stay."""
        with self._lock:
            return bool(self._unresolved)

    @property
    def is_removed(self) -> bool:
        """Whether somebody removed or replaced the file while it is open, so that nobody reads what is written to it."""
        with self._lock:
            return self._descriptor != CLOSED and not is_at(self._path, self._descriptor)

    def check(self) -> None:
        """Raise StateError when the lock file, the state or the journal is no longer the one that this process locked, read
        or opened.
        """
        self._check()
        if self.is_removed:
            hint = "what this run has done is stored in the state when it ends: plan again"
            raise StateError(f"{self._path} was removed or replaced by something else during this run", hint=hint)

    def begin(self, intent: Intent) -> None:
        """Write an intent, before its call. Raises StateError; then the call must not be made."""
        self.check()
        # Before the line: part of it may be on the disk even when writing it fails.
        with self._lock:
            self._unresolved.add(intent.token)
        self._append(intent_value(intent))

    def done(self, intent: Intent, record: Record | None) -> None:
        """Write the result: the record that the name has now, or None when it has none. Raises StateError."""
        # The line first: when it cannot be written, the intent stays unresolved.
        self._append({"done": intent.token, "name": intent.name, "record": record_value(record) if record else None})
        with self._lock:
            self._unresolved.discard(intent.token)
            self._state = self._state.with_record(intent.name, record)

    def failed(self, intent: Intent) -> None:
        """Write that AWS refused the call, so that nothing changed. Raises StateError."""
        self._append({"done": intent.token})
        with self._lock:
            self._unresolved.discard(intent.token)

    def close(self) -> None:
        """Close the file. What a worker writes afterwards is refused, so that it cannot reach another file of the same
        descriptor.
        """
        with self._lock:
            descriptor, self._descriptor = self._descriptor, CLOSED
            if descriptor != CLOSED:
                os.close(descriptor)

    def _append(self, line: dict[str, Any]) -> None:
        # ASCII only, so that a torn line is never torn inside a character.
        data = (json.dumps(line, sort_keys=True) + "\n").encode("ascii")
        with self._lock, state_errors(self._path, "written"):
            if self._descriptor == CLOSED:
                raise StateError(f"{self._path} was closed during this run", hint="run the command again")
            try:
                write_all(self._descriptor, data)
            except OSError:
                self._take_back()
                raise
            self._size += len(data)

    def _take_back(self) -> None:
        """Remove a line that was written in part. Where that fails, close the file, so that nothing is written after
        it.
        """
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            os.close(self._descriptor)
            self._descriptor = CLOSED


def fold(state: State, text: str, *, where: str) -> Folded:
    """The state with the results of a journal's text. The serial stays. Folding twice gives the same state.

    A journal with an older serial than the state's is superseded: normally a crash came between the write of the state
    and the removal of the journal, and the state has all of it. Raises StateError for a journal
    of another lineage or version, and DamagedError for a damaged line, unless it is a last line without a line feed.
    """
    lines = _lines(text, where)
    if not lines:
        return Folded(state)
    serial, version = _head(lines[0], state, where)
    folding = _Folding(state, version)
    try:
        for line in lines[1:]:
            folding.read(line)
    # All that a line can raise that is JSON and has another shape than a journal's line.
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError) as error:
        refuse_newer(error, where)
        raise _damaged(where, reason(error)) from error
    if serial < state.serial:
        return Folded(state, folding.unaccounted(state), superseded=True)
    if not folding.state.is_sound:
        raise _damaged(where, "the same mapping is recorded under two names")
    return Folded(folding.state, tuple(folding.intents.values()))


def _head(head: dict[str, Any], state: State, where: str) -> tuple[int, int]:
    """The serial and the version in the first line of a journal. Raises StateError when it is damaged, of another version,
    or not of this state.
    """
    version, lineage, serial = (head.get(name) for name in ("journal", "lineage", "serial"))
    if type(version) is not int or version not in (1, VERSION):  # True is 1
        raise StateError(
            f"{where} has journal version {one_line(str(version))}, but this provisioner supports version {VERSION}",
            hint="use the version of provisioner that wrote it",
        )
    if lineage != state.lineage:
        hint = "restore the matching state file; if that state no longer exists, move the journal to another folder"
        raise StateError(f"{where} belongs to a different state (lineage {one_line(str(lineage))})", hint=hint)
    if type(serial) is not int or serial < 0 or (version > 1 and len(head) > 3):
        raise _damaged(f"{where}:1", "it is not the first line of a journal")
    if serial > state.serial:
        hint = "the state file is older than the journal: restore the state file that matches the journal"
        raise StateError(f"{where} expects the state at serial {serial}, but it is at serial {state.serial}", hint=hint)
    return serial, version


def _damaged(where: str, why: str) -> DamagedError:
    hint = "keep a copy of the file, and compare its mappings with AWS manually"
    return DamagedError(f"{where} is damaged: {why}", hint=hint)


class _Folding:
    """A journal that is read line by line: the state with its results, and the intents without one."""

    def __init__(self, state: State, version: int) -> None:
        self.state = state
        self.intents: dict[str, Intent] = {}
        self._version = version
        self._begun: dict[str, Intent] = {}
        self._refused: set[str] = set()  # the tokens of calls that changed nothing
        self._created: dict[str, Key] = {}  # what each create made, by the intent's token
        self._maker: dict[Key, str] = {}  # the same, the other way round

    def read(self, line: dict[str, Any]) -> None:
        """Take one line into account."""
        if "intent" in line:
            self.intents[line["intent"]] = self._begun[line["intent"]] = intent_of(line, self._version)
            return
        if self._version > 1:
            refuse_members(line, ("done", "name", "record"))
        value = line.get("record")
        record = None if value is None else record_of(value, self._version)
        intent = self._begun.get(line["done"]) if "done" in line else None
        if intent is None:
            raise TypeError("a line is neither an intent nor the result of one")
        self.intents.pop(intent.token, None)
        if line.keys().isdisjoint(("name", "record")):  # the call was refused
            self._refused.add(intent.token)
            return
        if "record" not in line or line.get("name") != intent.name:
            raise TypeError(f"the result of {intent.token} has another name than its intent, or no record")
        self.state = self.state.with_record(intent.name, record)
        if record and intent.action == "create":
            self._created[intent.token] = record.key
            self._maker[record.key] = intent.token
        for key in intent.keys if intent.action == "delete" else ():
            self._created.pop(self._maker.pop(key, ""), None)

    def unaccounted(self, later: State) -> tuple[Intent, ...]:
        """The creates whose mapping, and the calls whose statement a later state does not have: somebody else moved the
        state on, so that what this journal knows is nowhere else. They are looked for as if they had no result.
        """
        known = later.managers()
        statements = {place_of(item) for record in later.mappings.values() for item in all_statements(record)}
        lost = [self._begun[token] for token, key in self._created.items() if key not in known]
        lost += [intent for intent in self.intents.values() if intent.action == "create"]
        lost += [
            intent
            for intent in self._begun.values()
            if intent.statement and place_of(intent.statement) not in statements and intent.token not in self._refused
        ]
        return tuple({intent.token: intent for intent in lost}.values())


def _lines(text: str, where: str) -> list[dict[str, Any]]:
    *whole, _torn = text.split("\n")  # what follows the last line feed was never finished
    lines = []
    for number, line in enumerate(whole, start=1):
        value = _object(line)
        if value is None:
            raise _damaged(f"{where}:{number}", "it is not a line of a journal")
        lines.append(value)
    return lines


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
