"""A damaged file causes no call and no traceback, and is reported and kept.

Real commands run on files with damaged bytes and damaged values, in this process, against the sandbox.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from provisioner import environment
from provisioner.backend import planfile
from tests.backend.corpus import JOURNAL, READING, WRITING, Scene, Site, queue, scenes
from tests.backend.damage import (
    Damage,
    are_lines,
    damaged_bytes,
    damaged_text,
    damaged_value,
    is_json,
    is_json_in_any_encoding,
)
from tests.support import ALL
from tests.support.control_plane import any_credentials, served, with_buckets
from tests.support.workspace import Result

AT_RANDOM = os.environ.get("FUZZ")  # how many, not the same each time
CASES = int(AT_RANDOM or (400 if ALL else 18))
"""Of each scene."""

SEED = os.environ.get("FUZZ_SEED") or (str(time.time_ns()) if ALL or AT_RANDOM else "1")
"""A case that failed is made again with the part before the first dash of the seed that was printed."""

LONGEST = 20
"""Seconds after which a case hangs."""

THEIRS, NOBODYS = queue(20)["event_source_arn"], queue(21)["event_source_arn"]
"""The sources of a mapping of another stack, and of one without tags."""

CODES = {0, 1, 2, 3, 4, 5}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[Scene], dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patch, served(direct=True, behind=with_buckets()) as plane:
        any_credentials(patch)
        patch.setattr(environment, "_flags", [])  # which the commands set, as of a process of their own
        made = Site(tmp_path_factory.mktemp("site"), plane, patch)
        every = scenes(made)
        others = made.live(THEIRS) | made.live(NOBODYS)
        yield made, every, others


def damaged(random: Random, index: int, scene: Scene, foreign: str) -> Damage:
    """Another content of the file that the scene is about; in every third case other bytes."""
    name = scene.target.rpartition("/")[2]
    is_journal = scene.target == JOURNAL
    whole = are_lines if is_journal else (lambda _: True) if name.endswith((".yaml", ".lock")) else is_json
    if name in ("plan.json", "vars.json"):
        whole = is_json_in_any_encoding
    if name.endswith(".yaml") or index % 3 == 0:
        return damaged_bytes(random, index // 3, scene.text, whole)
    if is_journal:
        return damaged_journal(random, scene.text.decode(), foreign)
    value = json.loads(scene.text)
    if random.random() < 0.15:
        label, text = damaged_text(random, value, 2)
        return Damage(label, text.encode("utf-8", "surrogatepass"), not name.endswith(".lock"))
    label, changed, is_visible = damaged_value(random, value, value.get("version", 2), foreign)
    if name == "plan.json":
        is_visible = any(value.get(key) != changed.get(key) for key in ("provisioner_plan", "content", "checksum"))
        if "content" in changed and random.random() < 0.5:
            # As somebody who edits a plan on purpose does.
            label, is_visible = f"{label}, signed", False
            changed["checksum"] = planfile._checksum(changed["content"])
    elif name.endswith((".lock", "vars.json")):
        is_visible = False
    return Damage(label, json.dumps(changed, indent=2).encode(), is_visible)


def damaged_journal(random: Random, text: str, foreign: str) -> Damage:
    """A journal with one line damaged, lost, or in another place."""
    lines = text.splitlines()
    version = json.loads(lines[0])["journal"]
    at = random.randrange(len(lines))
    way = random.choice(["value", "value", "value", "value", "text", "lost", "twice", "blank", "moved"])
    is_visible = True
    label = f"line {at + 1} {way}"
    if way == "value":
        what, value, is_visible = damaged_value(random, json.loads(lines[at]), version, foreign)
        label, lines[at] = f"line {at + 1}: {what}", json.dumps(value)
    elif way == "text":
        what, lines[at] = damaged_text(random, json.loads(lines[at]), None)
        label = f"line {at + 1}: {what}"
    elif way == "blank":
        lines.insert(at, "")
    else:
        line = lines[at] if way == "twice" else lines.pop(at)
        # What was asked for twice was asked for; an intent without an end is looked for; the start of a file is seen.
        is_visible = (way != "twice" and ("intent" in line and token(line) in map(token, lines))) or '"journal"' in line
        if way != "lost":
            lines.insert(len(lines) if way == "moved" else at, line)
    return Damage(label, ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass"), is_visible)


def token(line: str) -> str:
    value = json.loads(line)
    return str(value.get("intent", value.get("done")))


@contextmanager
def bounded() -> Iterator[None]:
    """Fail what hangs."""

    def hangs(*_: object) -> None:
        raise TimeoutError(f"no end after {LONGEST} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Case:
    """One damaged file, and the commands on it."""

    site: Site
    scene: Scene
    damage: Damage
    others: dict[str, Any]

    def findings(self, commands: tuple[tuple[str, ...], ...]) -> Iterator[str]:
        """What is wrong."""
        self.site.put(self.scene, self.damage.content)
        for command in commands:
            before = self.contents()
            try:
                with bounded():
                    result = self.site.command(*command)
            except Exception as error:  # noqa: BLE001  # each is a finding
                yield f"{command}: {type(error).__name__}: {error!s:.200}"
                continue
            after = self.contents()
            for what in (*self.in_general(result, command, before != after), *self.of_damage(result, after)):
                yield f"{command}: {what}: exit code {result.code}, {result.err[:400]!r}"

    def contents(self) -> dict[str, bytes]:
        return self.site.files() | (self.site.objects() if self.scene.objects else {})

    def in_general(self, result: Result, command: tuple[str, ...], has_written: bool) -> Iterator[str]:
        printed = result.out + result.err
        if result.code not in CODES:
            yield "an unknown exit code"
        if not printed.replace("\n", "").isprintable() or "\n::" in printed:
            yield f"prints {printed!r:.300}"
        reads = command[0] in ("plan", "drift", "status", "show") or command[1] in ("list", "show", "pull")
        if reads and (has_written or self.site.calls):
            yield "a command that reads changed something"
        # Without a call that changes something no mapping has changed.
        if self.site.calls and self.others != self.site.live(THEIRS) | self.site.live(NOBODYS):
            yield "changed another owner's mapping"

    def of_damage(self, result: Result, after: dict[str, bytes]) -> Iterator[str]:
        target = self.scene.target
        is_reported = self.damage.is_visible or "is damaged" in result.err
        if is_reported and after.get(target) != self.damage.content:
            yield "changed the damaged file"
        if not self.damage.is_visible:
            return
        if result.code not in (1, 4):
            yield "did not refuse"
        if self.site.calls:
            yield f"called {self.site.calls}"
        if target.removeprefix("s3:") not in result.err:
            yield "does not name the file"
        if not any(line.startswith("  ") for line in result.err.splitlines()):
            yield "gives no hint"


def every_case(site: tuple[Site, list[Scene], dict[str, Any]], number: int) -> Iterator[tuple[str, Case, Any]]:
    made, every, others = site
    [foreign] = made.live(THEIRS)  # what nobody has tagged is changed where it is recorded: it may be ours
    scene = every[number]
    for index in range(CASES // 3 if scene.objects and CASES < 100 else CASES):  # S3 takes longer
        seed = f"{SEED}-{number}-{index}"
        random = Random(seed)
        case = Case(made, scene, damaged(random, index + number, scene, foreign), others)
        yield seed, case, scene.commands or (random.choice(READING), random.choice(WRITING))
    # As a bad merge does.
    if not scene.commands and scene.target != JOURNAL:
        record = json.loads(scene.text)["mappings"]["plain"]
        ours = record.get("id", record.get("uuid")).encode()
        for command in (("apply", "--auto-approve"), ("apply", "--refresh=false", "--auto-approve")):
            merged = Damage("another's UUID", scene.text.replace(ours, foreign.encode()), is_visible=False)
            yield "of a merge", Case(made, scene, merged, others), (("plan",), command)


@pytest.mark.parametrize("number", range(13))
def test_a_damaged_file_is_reported_and_kept(site: tuple[Site, list[Scene], dict[str, Any]], number: int) -> None:
    wrong = [
        f"seed {seed}: {case.scene.name} {case.scene.target}: {case.damage.label}: {finding}"
        for seed, case, commands in every_case(site, number)
        for finding in case.findings(commands)
    ]

    assert not wrong, "\n".join(wrong)
