"""The workflows in this process, against the embedded control plane: as fast as tests of hundreds of stories need."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from provisioner import workflow
from provisioner.aws.session import Aws
from provisioner.aws.wait import WallClock
from provisioner.model.desired import Provider
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.plan import Change, Plan, Problem
from provisioner.model.report import Progress, Report
from provisioner.workflow import Execution, Imported, Run, Selection
from tests.embedded import REGION, Embedded


@dataclass
class SilentUi:
    """A person who says yes, and whose hand may do something first."""

    notes: list[str] = field(default_factory=list)
    events: list[Progress] = field(default_factory=list)
    before_yes: Any = None
    on_event: Any = None

    def diagnose(self, diagnostics: Sequence[Diagnostic]) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)

    def show(self, plan: Plan, refused: Sequence[Problem]) -> None: ...

    def confirm(self, plan: Plan, *, destroys_all: bool) -> bool:
        if self.before_yes:
            self.before_yes()
        return True

    def progress(self, event: Progress) -> None:
        self.events.append(event)
        if self.on_event:
            self.on_event(event)


class Hurried(WallClock):
    """A clock on which a second is a hundredth of one."""

    def now(self) -> float:
        return time.monotonic() * 100

    def sleep(self, seconds: float) -> bool:
        return super().sleep(seconds / 100)


class Sessions:
    """Sessions with one control plane, one for each provider: opening one takes longer than all else in a story."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._open: dict[Provider, Aws] = {}

    def __call__(self, provider: Provider, clock: WallClock) -> Aws:
        if provider not in self._open:
            self._open[provider] = Aws(replace(provider, endpoint_url=self._endpoint), clock)
        return self._open[provider]


@dataclass
class Flow:
    """A folder with a manifest of one mapping, `it`, and what the commands do with it."""

    folder: Path
    plane: Embedded
    sessions: Sessions
    head: dict[str, Any] = field(default_factory=dict)
    ui: SilentUi = field(default_factory=SilentUi)

    @cached_property
    def clock(self) -> WallClock:
        return Hurried()

    def write(self, mapping: dict[str, Any] | None) -> None:
        mappings = {} if mapping is None else {"it": mapping}
        value = {"stack": "test", "provider": {"region": REGION, **self.head}, "mappings": mappings}
        (self.folder / "provisioner.yaml").write_text(json.dumps(value))

    def run(self) -> Run:
        return Run.on(self.folder, self.ui, clock=self.clock, opened=self.sessions)

    def apply(self, mapping: dict[str, Any] | None) -> Report:
        self.write(mapping)
        return workflow.apply(self.run(), Selection(), Execution(auto_approve=True))[1]

    def applied(self, mapping: dict[str, Any] | None) -> None:
        """Apply, and see that everything went well and is in sync."""
        report = self.apply(mapping)
        assert report.clean, report.outcomes
        self.assert_in_sync()

    def plan(self) -> Plan:
        return workflow.plan(self.run(), Selection())

    def change(self) -> Change:
        """The one change that is planned, or the no-op."""
        [change] = self.plan().changes
        return change

    def assert_in_sync(self) -> None:
        assert [change for change in self.plan().changes if change.counts] == []

    def import_(self, uuid: str) -> Imported:
        return workflow.import_mapping(self.run(), "it", uuid)

    @property
    def uuid(self) -> str:
        return workflow.records(self.run())["it"].uuid

    def live(self) -> dict[str, Any]:
        found: dict[str, Any] = self.plane.client().get_event_source_mapping(UUID=self.uuid)
        return found

    def updates(self) -> list[dict[str, Any]]:
        """The bodies of the updates since this was last asked."""
        bodies = [body for method, _, body in self.plane.requests if method == "PUT"]
        self.plane.requests.clear()
        return bodies
