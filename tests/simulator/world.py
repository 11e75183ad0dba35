"""The world of one history: two machines, the place of their state, AWS, and what is known of all that happened."""

from __future__ import annotations

import json
import random as shared_random
import uuid as uuids
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from provisioner.aws import asking, bucket_notifications, policies, refresh, session
from provisioner.backend import journal, s3
from provisioner.backend.s3 import TIMELY
from provisioner.execution import executor, push
from provisioner.sandbox import mappings as sandbox_mappings
from tests.simulator import push_people
from tests.simulator.bucket import KEY, Bucket
from tests.simulator.clients import PushSession
from tests.simulator.cloud import FOREIGN, Cloud, Sender, Session
from tests.simulator.disk import Disk
from tests.simulator.excuses import (
    ARRIVED_LATE,
    FORGOTTEN,
    JOURNAL_DELETED,
    JOURNAL_OF_DAMAGED,
    LATE,
    LOCK_LOST,
    PUSHED,
    RESTORED,
    SERVES_OTHERS,
    STATE_REPLACED,
    Excuses,
    intended,
    known_from,
    open_pairs,
    uuids_of,
)
from tests.simulator.sources import Sources
from tests.simulator.turns import Process, TurnLock, TurnPool, Turns, TurnTimer, here, turn_wait

STATE, JOURNAL, LOCK, BACKUP = "test.json", "test.journal", "test.lock", "test.json.backup"


@dataclass
class Manifest:
    """What a person wants. `removed` are the names under `removed`."""

    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    has_s3: bool = False  # whether some of the mappings are of S3


@dataclass
class Machine:
    """A machine with a checkout of the manifest. Two with one directory share both."""

    name: str
    folder: Path
    manifest: Manifest
    running: Process | None = None

    @property
    def busy(self) -> bool:
        return self.running is not None and not self.running.over


class World:
    """Everything of one history, drawn from its seed."""

    def __init__(self, seed: int, folder: Path, *, has_s3: bool = False) -> None:
        self.random = Random(seed)
        self.shared = self.random.random() < 0.5  # state in S3, else one directory
        # Seconds for which a process relies on the lock that it has seen.
        self.grace = 1.0 + TIMELY if self.shared else 0.0
        self.counts: Counter[str] = Counter()
        self.story: list[str] = []
        self.violations: list[str] = []
        self.excuses = Excuses()
        self.turns = Turns(self.random)
        self.cloud = Cloud(self.turns, self.random, self.happened, self._may_touch, self._created, self.broken)
        self.bucket = Bucket(self.cloud, self._saved, self._unlocked)
        self.sources = Sources(
            self.cloud, self.happened, self.broken, self.known, self._may_write, self._appeared, self._gone
        )
        self.has_s3 = has_s3
        self.disk = Disk(folder / "state", folder / "state" / STATE, self._saved, self._set_aside, self.happened)
        self.disk.random = self.random
        self.ever: set[str] = set()  # every UUID that ever stood in a saved state
        self.newest = ""  # the last text of the state that the product wrote or a person meant
        self.written_by: Process | None = None  # who wrote the state last; None is a person
        self.imported: set[str] = set()  # what a person imported by its UUID
        self.adoptable: set[tuple[str, str]] = set()  # pairs that were ever under `on_conflict: adopt`
        self.rebuilt = False
        self.texts: list[str] = []  # every text of the state that the product wrote
        self.edited = False  # whether a person changed the files of the state
        self.pulled = ""  # what `state pull` printed once
        one = Manifest(has_s3=has_s3)
        folders = [folder / "a", folder / "b"] if self.shared else [folder, folder]
        self.machines = [
            Machine(name, place, Manifest(has_s3=has_s3) if self.shared else one)
            for name, place in zip("AB", folders, strict=True)
        ]
        for machine in self.machines:
            machine.folder.mkdir(exist_ok=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While inside, the product runs in turns, and everything that is drawn at random comes from the seed."""
        threads = SimpleNamespace(Lock=TurnLock, RLock=TurnLock, Timer=TurnTimer)
        shared_random.seed(self.random.random())
        time = SimpleNamespace(time=lambda: 1.8e9 + self.turns.now, monotonic=lambda: self.turns.now)
        opened = PushSession(self.sources, self.bucket, self._meanwhile)
        boto3 = SimpleNamespace(Session=lambda **_: opened if self.has_s3 else Session(self.cloud, self.bucket))
        held = policies._Held
        replaced: list[tuple[Any, str, Any]] = [
            (executor, "ThreadPoolExecutor", TurnPool),
            (executor, "wait", turn_wait),
            (executor, "interrupts", _interrupts),
            (refresh, "ThreadPoolExecutor", TurnPool),
            (asking, "ThreadPoolExecutor", TurnPool),
            (journal, "threading", threads),
            (s3, "threading", threads),
            (bucket_notifications, "threading", threads),
            (push, "threading", threads),
            (policies, "_Held", lambda: held(lock=cast(Any, TurnLock()))),
            (s3, "time", time),
            (sandbox_mappings, "time", time),
            (session, "boto3", boto3),
            (uuids, "uuid4", lambda: uuids.UUID(int=self.random.getrandbits(128), version=4)),
        ]
        with ExitStack() as stack:
            for module, name, value in replaced:
                stack.enter_context(mock.patch.object(module, name, value))
            stack.enter_context(self.disk.hooked())
            yield

    def happened(self, what: str, more: str = "") -> None:
        """Count an event, and add it to the story."""
        task = here()
        who = f" {task.process.machine} {task.process.command}:" if task else ""
        self.counts[what] += 1
        self.story.append(f"{self.turns.now:8.1f}{who} {what}{more and f': {more}'}")

    def broken(self, rule: str, what: str) -> None:
        """Note that a promise is broken."""
        self.violations.append(f"{rule}: {what}")
        self.story.append(f"{self.turns.now:8.1f} BROKEN {rule}: {what}")

    # --- the place of the state ---------------------------------------------------------------------------------------

    def text(self) -> str | None:
        """The stored state."""
        data = self.bucket.objects.get(KEY)
        return (data.decode(errors="replace") if data is not None else None) if self.shared else self.disk.read(STATE)

    def journal(self) -> str:
        """The journal of a local state."""
        return "" if self.shared else self.disk.read(JOURNAL) or ""

    def put_text(self, text: str | None) -> None:
        """A person stores a state, or deletes it."""
        self.written_by = None
        if self.shared:
            self.bucket.objects.pop(KEY, None)
            if text is not None:
                self.bucket.objects[KEY] = text.encode()
        elif text is None:
            self.disk.remove(STATE)
        else:
            self.disk.put(STATE, text)

    def lock_id(self) -> str:
        """The id of the lock in S3, or ""."""
        data = self.bucket.objects.get(f"{KEY}.lock")
        return str(json.loads(data)["id"]) if data else ""

    def _saved(self, process: Process | None, text: str) -> None:
        """The product wrote a state."""
        before, now = {**intended(self.newest), **intended(self.journal())}, uuids_of(text) | intended(text)
        # What an earlier run recorded in its journal can be folded and forgotten in one command.
        before |= uuids_of(self.newest) | uuids_of(self.journal())
        self.newest = text
        self.texts.append(text)
        self.written_by = process
        if process:
            process.lost_state = 0.0  # replaced between the last check and this write, which nothing can detect
        self.ever |= uuids_of(text).keys()
        self.sources.ours |= now.keys()  # what is only intended too: a run that sees it missing forgets it
        self.excuses.find_again(uuids_of(text))
        if process:
            for uuid in before.keys() - now.keys():
                if reason := self._why_dropped(process, uuid, before[uuid], now):
                    self.excuses.lose([uuid], reason)
        # What an interrupted apply made can be recovered and forgotten in one command.
        for uuid, name in self.cloud.names.items():
            if process and name in process.gives_up and uuid not in self.ever:
                self.excuses.lose([uuid], FORGOTTEN)

    def _why_dropped(self, process: Process, uuid: str, name: str, now: Collection[str]) -> str:
        """Why a process may drop what the state or its journal had under a name, or ""."""
        # What one run has in its journal, another one can store.
        writer = self.disk.writer_of(JOURNAL) if self.journal() else None
        runs = [process, *([writer] if writer else [])]
        if any(name in run.gives_up for run in runs):
            return FORGOTTEN
        if process.command == "state push":
            return PUSHED
        if process.lost_lock:  # after the last check before this write; in S3 the write would have been refused
            return LOCK_LOST
        is_kept = uuid in self.sources.statements() and self.sources.serves_others(uuid, now, process)
        came_back = next((run.came_back[uuid] for run in runs if uuid in run.came_back), "")
        return came_back or (SERVES_OTHERS if is_kept else "")

    def _set_aside(self, name: str, text: str) -> None:
        """The product renamed a file: a damaged state, or the journal beside it."""
        if name == JOURNAL:
            self.excuses.lose_text(text, JOURNAL_OF_DAMAGED)

    def replaced(self, before: str, after: str) -> None:
        """A person put another state in the place of one."""
        lost = (uuids_of(before) | intended(before)).keys() - (uuids_of(after) | intended(after)).keys()
        self.excuses.lose(lost, STATE_REPLACED)
        for pair in open_pairs(before) - open_pairs(after):
            self.excuses.pairs.setdefault(pair, STATE_REPLACED)
        self.newest = after

    def _unlocked(self, by: Process | None) -> None:
        """A lock in S3 was deleted: by its own process, or by `force-unlock`."""
        if by and by is not self.bucket.owner and by.command != "force-unlock":
            self.broken("only its own lock is released", f"{by.command} on {by.machine}")
        owner = self.bucket.owner
        if owner and owner is not by:
            owner.lost_lock = self.turns.now

    def _created(self, by: Sender, uuid: str) -> None:
        """A mapping was made. A process whose lock was taken away can send what it had begun, and in S3 what it begins
        within seconds, because it reads the lock once a second.
        """
        pair = self.cloud.pairs[uuid]
        if by.process and by.process.lost_journal:
            self.excuses.lose([uuid], JOURNAL_DELETED)
        if by.late and any(
            touch.operation == "POST" and touch.at > by.asked and touch.pair == pair
            for touch in self.cloud.touches
            if touch.uuid != uuid
        ):
            self.excuses.lose([uuid], LATE)
        lost = by.process.lost if by.process else 0.0
        if lost and by.asked <= lost + self.grace and lost <= self.turns.now:
            self.excuses.lose([uuid], LOCK_LOST)

    # --- buckets and policies -----------------------------------------------------------------------------------------

    def known(self) -> set[str]:
        """The keys that state and journal have now, or are about to write."""
        texts = [self.text() or "", self.journal()]
        return {key for text in texts for key in (*uuids_of(text), *intended(text))}

    def _meanwhile(self) -> None:
        if self.random.random() < self.cloud.conditions.writers:
            push_people.disturb(self.sources, self.random)

    def _appeared(self, by: Sender, key: str, was_read: bool) -> None:
        """A key that was not there is there. What the product writes must be known before."""
        process = by.process
        if key not in self.sources.ours:
            return
        if key in known_from(self.text() or "", self.journal()):
            if process is None or was_read:
                self._came_back(key, RESTORED)
            elif by.late or process.lost:
                self._came_back(key, ARRIVED_LATE if by.late else LOCK_LOST)
            return
        if process is None or was_read:
            self.excuses.lose([key], RESTORED)
        elif process.loses_state:
            self.excuses.lose([key], STATE_REPLACED)
        elif process.lost_journal:
            self.excuses.lose([key], JOURNAL_DELETED)
        elif process.lost and by.asked <= process.lost + self.grace:
            self.excuses.lose([key], LOCK_LOST)
        elif by.late:
            self.excuses.lose([key], ARRIVED_LATE)
        else:
            self.broken("what is written is known before", f"{process.command} {key}")

    def _came_back(self, key: str, reason: str) -> None:
        """A run that has read that a recorded entry or statement is gone drops its record, and does not look again."""
        for machine in self.machines:
            if machine.running and key in machine.running.missed:
                machine.running.came_back[key] = reason

    def _gone(self, keys: Collection[str]) -> None:
        """What is there again needs a new reason to be lost."""
        self.excuses.find_again(keys)

    def _may_write(self, by: Sender, place: str) -> None:
        process = by.process
        if process and process.lost and by.asked > process.lost + self.grace:
            self.broken("no call without the lock", f"{process.command} on {process.machine} writes {place}")
        if process and process.lost_journal and by.asked > process.lost_journal:
            self.broken("no call without the journal", f"{process.command} on {process.machine} writes {place}")

    # --- what must not be touched -------------------------------------------------------------------------------------

    def _may_touch(self, by: Sender, uuid: str, method: str) -> None:
        """Note when a process changes something without the lock, or a mapping that somebody else made and that nobody
        imported.
        """
        process = by.process
        assert process is not None
        if process.lost and by.asked > process.lost + self.grace:
            self.broken("no call without the lock", f"{process.command} on {process.machine} {method} {uuid}")
        if process.lost_journal and by.asked > process.lost_journal:
            self.broken("no call without the journal", f"{process.command} on {process.machine} {method} {uuid}")
        if self.cloud.made.get(uuid) != FOREIGN or uuid in self.imported:
            return
        tags = self.cloud.live()[uuid].tags
        other = tags.get("provisioner:stack", "test") != "test"
        pair = self.cloud.pairs.get(uuid)
        if other or not (self.rebuilt or pair in self.adoptable):
            self.broken("a foreign mapping is not touched", f"{process.command} on {process.machine} {method} {uuid}")


@contextmanager
def _interrupts(stop: Any) -> Iterator[None]:
    """`execution.interrupts`, in a process that a person may interrupt: signals reach the main thread alone."""
    task = here()
    assert task is not None
    task.process.interrupt = stop
    try:
        yield
    finally:
        task.process.interrupt = None
