"""Files that can be torn, that can fail, and that lose what was not synced when the power goes.

Hooks stand before the functions of `os` that change files. They act in simulated processes alone.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from tests.simulator.turns import Killed, Process, here

OPERATIONS = ("open", "write", "pwrite", "fsync", "ftruncate", "replace", "rename", "link", "unlink")


class File:
    """One file, whatever names it has: what a power failure leaves of it in any case."""

    def __init__(self, synced: bytes = b"") -> None:
        self.synced = synced


class Disk:
    """The folder of the state. `saved` is called with the process and each text that was put in the place of `state`,
    `set_aside` with the name and the text of a file that gets another name.
    """

    def __init__(
        self,
        folder: Path,
        state: Path,
        saved: Callable[[Process, str], None],
        set_aside: Callable[[str, str], None],
        happened: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.faults = 0.0
        self.random = Random()
        self._state, self._saved, self._set_aside, self._happened = state, saved, set_aside, happened
        self._names: dict[str, File] = {}
        self._durable: dict[str, File] = {}
        self._open: dict[int, File] = {}
        self._writers: dict[str, Process] = {}
        self._real = {name: getattr(os, name) for name in OPERATIONS}

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """While inside, the functions of `os` are those of this disk."""
        with ExitStack() as stack:
            for name in OPERATIONS:
                stack.enter_context(
                    mock.patch.object(
                        os, name, self._hook(name, getattr(self, "_create" if name == "open" else f"_{name}"))
                    )
                )
            yield

    def _hook(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        real = self._real[name]

        def operation(*arguments: Any, **options: Any) -> Any:
            task = here()
            reads = name == "open" and not (len(arguments) > 1 and arguments[1] & os.O_CREAT)
            if task is None or reads:
                return real(*arguments, **options)
            try:
                task.pause()
            except Killed:
                self._tear(name, arguments)
                raise
            if self.faults and name != "unlink" and self.random.random() < self.faults:
                self._happened("a file operation fails")
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 3])
                code = errno.ENOSPC if self.random.random() < 0.7 else errno.EIO
                raise OSError(code, os.strerror(code))
            return act(task.process, *arguments, **options)

        return operation

    def _tear(self, name: str, arguments: Any) -> None:
        """A process that is killed in a write may have written a part of it."""
        task = here()
        if name == "write" and task and not task.process.torn and self.random.random() < 0.5:
            self._real["write"](arguments[0], arguments[1][: len(arguments[1]) // 2])
            self._happened("a write is torn")
        if task:
            task.process.torn = True

    # --- the operations -----------------------------------------------------------------------------------------------

    def _here(self, path: Any) -> bool:
        return Path(path).parent == self.folder

    def writer_of(self, name: str) -> Process | None:
        """The process that opened a file last to write to it."""
        return self._writers.get(name)

    def _create(self, process: Process, path: Any, *arguments: Any, **options: Any) -> int:
        there = os.path.lexists(path)
        descriptor: int = self._real["open"](path, *arguments, **options)
        if self._here(path):
            name = Path(path).name
            if not there or name not in self._names:
                self._names[name] = File()
            self._open[descriptor] = self._names[name]
            self._writers[name] = process
        return descriptor

    def _write(self, process: Process, descriptor: int, data: bytes) -> int:
        del process
        return int(self._real["write"](descriptor, data))

    def _pwrite(self, process: Process, *arguments: Any) -> int:
        process.has_lock = True  # only the text of a lock is written so, by who has just taken it
        return int(self._real["pwrite"](*arguments))

    def _ftruncate(self, process: Process, *arguments: Any) -> None:
        del process
        self._real["ftruncate"](*arguments)

    def _fsync(self, process: Process, descriptor: int) -> None:
        """Nothing is synced to the real disk: what would be is kept here."""
        del process
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self._durable = dict(self._names)
            return
        file = self._open.get(descriptor)
        name = next((name for name, item in self._names.items() if item is file), "")
        if file and name:
            file.synced = (self.folder / name).read_bytes()

    def _replace(self, process: Process, source: Any, target: Any) -> None:
        self._real["replace"](source, target)
        if self._here(target) and Path(source).name in self._names:
            self._names[Path(target).name] = self._names.pop(Path(source).name)
        if Path(target) == self._state:
            self._saved(process, self._state.read_text(encoding="utf-8"))

    def _rename(self, process: Process, source: Any, target: Any) -> None:
        name = Path(source).name
        text = self.read(name) or ""
        self._replace(process, source, target)
        self._set_aside(name, text)

    def _link(self, process: Process, source: Any, target: Any, **options: Any) -> None:
        del process
        self._real["link"](source, target, **options)
        if self._here(target) and Path(source).name in self._names:
            self._names[Path(target).name] = self._names[Path(source).name]

    def _unlink(self, process: Process, path: Any, **options: Any) -> None:
        del process
        self._real["unlink"](path, **options)
        if self._here(path):
            self._names.pop(Path(path).name, None)

    # --- people, and the power ----------------------------------------------------------------------------------------

    def read(self, name: str) -> str | None:
        path = self.folder / name
        return path.read_bytes().decode(errors="replace") if path.exists() else None

    def put(self, name: str, text: str) -> None:
        """A person writes a file, as `git pull` does: by a new file in the place of the old one."""
        self.folder.mkdir(exist_ok=True)
        temporary = self.folder / ".person"
        temporary.write_text(text, encoding="utf-8")
        self._real["replace"](temporary, self.folder / name)
        self._names[name] = self._durable[name] = File(text.encode())

    def remove(self, name: str) -> None:
        """A person deletes a file."""
        (self.folder / name).unlink(missing_ok=True)
        for names in (self._names, self._durable):
            names.pop(name, None)

    def lose_power(self) -> None:
        """Lose what was not synced, or some of it. All processes must have been killed."""
        if not self.folder.exists():
            return
        now = {name: (self.folder / name).read_bytes() for name in self._names if (self.folder / name).exists()}
        content = {id(self._names[name]): data for name, data in now.items()}
        names = self._durable if self.random.random() < 0.6 else self._names
        for path in self.folder.iterdir():
            path.unlink()
        for name, file in sorted(names.items()):
            written = content.get(id(file), file.synced)
            kept = self.random.choice([len(file.synced), len(written), self.random.randint(0, len(written))])
            data = written if written.startswith(file.synced) and kept > len(file.synced) else file.synced
            file.synced = data[: max(kept, len(file.synced))]
            (self.folder / name).write_bytes(file.synced)
        self._names = dict(names)
        self._durable = dict(self._names)
