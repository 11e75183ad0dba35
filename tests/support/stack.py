"""The workflows in this process, against the embedded control plane: as fast as tests of hundreds of stories need."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from provisioner import workflow
from provisioner.aws.session import Aws
from provisioner.aws.wait import WallClock
from provisioner.model.checks import CheckFinding
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.plan import Change, Plan, Problem
from provisioner.model.provider import Provider
from provisioner.model.report import Progress, Report
from provisioner.workflow import Execution, Imported, Run, Selection
from tests.support.clocks import Hurried
from tests.support.control_plane import REGION, ServedControlPlane


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

    def found(self, findings: Sequence[CheckFinding]) -> None: ...

    def confirm(self, plan: Plan, *, destroys_all: bool) -> bool:
        if self.before_yes:
            self.before_yes()
        return True

    def progress(self, event: Progress) -> None:
        self.events.append(event)
        if self.on_event:
            self.on_event(event)


class Sessions:
    """Sessions with one control plane, one for each provider: opening one takes longer than all else in a story."""

    def __init__(self, endpoint: str, attach: Callable[[Any], None] = lambda events: None) -> None:
        self._endpoint = endpoint
        self._attach = attach
        self._open: dict[Provider, Aws] = {}

    def __call__(self, provider: Provider, clock: WallClock) -> Aws:
        if provider not in self._open:
            aws = Aws(replace(provider, endpoint_url=self._endpoint), clock)
            self._attach(aws._session.events)
            self._open[provider] = aws
        return self._open[provider]


@dataclass
class Stack:
    """A folder with a manifest, often of one mapping, `it`, and what the commands do with it."""

    folder: Path
    plane: ServedControlPlane
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

    def write_mappings(self, *mappings: str, head: str = "") -> None:
        """Write a manifest with these lines below `mappings:`, and with `head` above."""
        provider = json.dumps({"region": REGION, **self.head})
        body = "mappings:\n" + "".join(f"  {mapping}\n" for mapping in mappings) if mappings else ""
        text = f"stack: test\nprovider: {provider}\n{head}{body}"
        (self.folder / "provisioner.yaml").write_text(text, encoding="utf-8")

    def run(self) -> Run:
        return Run.on(self.folder, self.ui, clock=self.clock, opened=self.sessions)

    def apply(self, **execution: Any) -> Report:
        options = {"auto_approve": True, **execution}
        return workflow.apply(self.run(), Selection(), Execution(**options))[1]

    def apply_mapping(self, mapping: dict[str, Any] | None) -> Report:
        self.write(mapping)
        return self.apply()

    def applied(self, mapping: dict[str, Any] | None) -> None:
        """Apply, and see that everything went well and is in sync."""
        report = self.apply_mapping(mapping)
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
        return workflow.records(self.run())["it"].key.id

    def uuids(self) -> dict[str, str]:
        """The recorded UUIDs by name."""
        return {name: record.key.id for name, record in workflow.records(self.run()).items()}

    def live_mappings(self) -> dict[str, dict[str, Any]]:
        """What AWS has, by UUID."""
        pages = self.plane.client().get_paginator("list_event_source_mappings").paginate()
        return {item["UUID"]: item for page in pages for item in page["EventSourceMappings"]}

    def live(self) -> dict[str, Any]:
        """What AWS has of `it`."""
        found: dict[str, Any] = self.plane.client().get_event_source_mapping(UUID=self.uuid)
        return found

    def updates(self) -> list[dict[str, Any]]:
        """The bodies of the updates of event source mappings since this was last asked."""
        bodies = [
            body for method, path, body in self.plane.requests if method == "PUT" and "event-source-mappings" in path
        ]
        self.plane.requests.clear()
        return bodies
