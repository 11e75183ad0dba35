"""What a power cut leaves of a folder: everything that was synced, and of the rest as much or as little as a file system
may keep.

A file's content is safe once the file was synced. A name that was made, replaced or removed is safe once its folder was
synced. Of what is not safe, each `Outcome` keeps another part.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, get_args

from tests.faults.harness import Fault

Outcome = Literal["nothing", "names", "data", "part", "removals"]
"""What is left of that which was not synced: nothing; names, and of the data nothing; data, and of the names nothing;
names and the first half of the data; only that names were removed.
"""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

Image = dict[Path, bytes | None]
"""The content of each file below a folder; None for a folder."""


class Disk:
    """A folder, and what of it is safe. It must watch the operations of `harness.OPERATIONS`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # A file that is held open keeps its content, and its number is not given to another.
        self._held: dict[int, BinaryIO] = {}
        self._safe_content: dict[int, bytes] = {}
        self._safe_names: dict[Path, int] = {}
        for path, number in self._names().items():
            self._safe_names[path] = number
            if number in self._held:
                self._safe_content[number] = self._content(number)

    def watched(self, name: str, real: Callable[..., Any], before: Callable[[], object]) -> Callable[..., Any]:
        """A function of `os` that first calls `before`, as a point at which the power may fail."""

        def operation(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not (len(arguments) > 1 and arguments[1] & os.O_CREAT):
                return real(*arguments, **options)
            before()
            result = real(*arguments, **options)
            if name == "open":
                self._names()  # so that a new file is held open
            elif name == "fsync":
                self._synced(arguments[0])
            return result

        return operation

    def _synced(self, descriptor: int) -> None:
        there = os.fstat(descriptor)
        names = self._names()
        if stat.S_ISREG(there.st_mode):
            if there.st_ino in self._held:
                self._safe_content[there.st_ino] = self._content(there.st_ino)
            return
        folder = next((path for path, number in names.items() if number == there.st_ino), self._folder)
        others = {path: number for path, number in self._safe_names.items() if path.parent != folder}
        self._safe_names = others | {path: number for path, number in names.items() if path.parent == folder}

    def image(self, outcome: Outcome | None) -> Image:
        """What is there after a power cut now; None is for a process that was killed, after which all is there."""
        now, safe = self._names(), self._safe_names
        if outcome in ("nothing", "data"):
            names = safe
        elif outcome == "removals":
            names = {path: number for path, number in safe.items() if path in now}
        else:
            names = now
        reached = {path: number for path, number in names.items() if self._ancestors(path) <= names.keys()}
        return {path: self._left(number, outcome) for path, number in reached.items()}

    def cut(self, outcome: Outcome) -> None:
        """Leave in the folder what is there after a power cut."""
        image = self.image(outcome)
        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path, content in sorted(image.items()):
            if content is None:
                path.mkdir()
            else:
                path.write_bytes(content)

    def close(self) -> None:
        """Close the files that are held open."""
        for file in self._held.values():
            file.close()

    def _names(self) -> dict[Path, int]:
        return {path: self._seen(path) for path in self._walk(self._folder)}

    def _walk(self, folder: Path) -> Iterator[Path]:
        for path in folder.iterdir():
            yield path
            if path.is_dir():
                yield from self._walk(path)

    def _seen(self, path: Path) -> int:
        number = path.stat().st_ino
        if path.is_file() and number not in self._held:
            self._held[number] = path.open("rb")  # until the end; not by `os.open`, which is counted
        return number

    def _content(self, number: int) -> bytes:
        return os.pread(self._held[number].fileno(), 1 << 24, 0)

    def _left(self, number: int, outcome: Outcome | None) -> bytes | None:
        if number not in self._held:
            return None
        safe, now = self._safe_content.get(number, b""), self._content(number)
        if outcome in ("data", None):
            return now
        if outcome == "part":
            kept = safe if now.startswith(safe) else b""
            return now[: (len(kept) + len(now)) // 2]
        return safe

    def _ancestors(self, path: Path) -> set[Path]:
        return set(path.parents) - {self._folder, *self._folder.parents}


class PowerCut(Fault):
    """The power fails at the n-th file operation. At 0 it does not, and the run counts where a power cut leaves something
    else than a kill: `Counted.cuts` has the operation, the outcome, and whether what is left is new, which it is not when
    between the same two calls a kill leaves the same, or a cut at an earlier operation.
    """

    def __init__(self, folder: Path, at: int = 0, outcome: Outcome = "nothing") -> None:
        super().__init__(outcome, at)
        self._outcome: Outcome = outcome
        self._folder = folder
        self._power = threading.RLock()  # whoever has it when the power fails keeps it: nothing happens afterwards
        self._left: set[tuple[int, frozenset[tuple[Path, bytes | None]]]] = set()

    def install(self) -> None:
        """Put the hooks in this process, which is a fork."""
        self._disk = Disk(self._folder)
        super().install()

    def _file_operation(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        operation = self._disk.watched(name, real, self._before)

        def alone(*arguments: Any, **options: Any) -> Any:
            with self._power:
                return operation(*arguments, **options)

        return alone

    def _before(self) -> None:
        self.counted.files += 1
        if self.counted.files == self.at:
            self._disk.cut(self._outcome)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.at:
            return
        calls = self.counted.calls
        killed = self._seen(None)
        self._left.add((calls, killed))
        for outcome in OUTCOMES:
            image = self._seen(outcome)
            if image != killed:
                self.counted.cuts.append((self.counted.files, outcome, (calls, image) not in self._left))
                self._left.add((calls, image))

    def _seen(self, outcome: Outcome | None) -> frozenset[tuple[Path, bytes | None]]:
        """What is left, without the texts of locks, which are only for people."""
        return frozenset(
            (path, content) for path, content in self._disk.image(outcome).items() if path.suffix != ".lock"
        )

    def _call(self, send: Callable[..., Any], session: Any, request: Any) -> Any:
        with self._power:
            pass
        return super()._call(send, session, request)
