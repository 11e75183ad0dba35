"""Waits, where there is no terminal: one line every thirty seconds for all that waits, and none for what was never
started.
"""

from __future__ import annotations

import pytest

from provisioner.cli import terminal as module
from provisioner.cli.terminal import Terminal
from provisioner.model.manifest import Manifest
from provisioner.model.place import Place
from provisioner.model.report import Outcome, Phase, Progress, Result
from provisioner.workflow.run import Run
from tests.render.screens import change
from tests.support.stack import SilentUi


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time


def test_what_waits_is_one_line_every_thirty_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, terminal = Clock(), Terminal(colour="never")
    monkeypatch.setattr(module, "time", clock)
    for second in range(30, 100, 10):
        clock.time = float(second)
        for name in ("a", "b"):
            terminal.progress(Progress(change(name), Phase.WAITING, float(second), "Creating"))

    lines = capsys.readouterr().err.splitlines()

    assert lines == [
        "a: Still creating... [30s elapsed, Creating]",
        "Still waiting for 2 mappings: a, b [60s elapsed]",
        "Still waiting for 2 mappings: a, b [90s elapsed]",
    ]


def test_what_was_never_started_is_in_the_report_alone(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(change("a"), Result.NOT_ATTEMPTED, "the apply was interrupted")

    Terminal(colour="never").progress(Progress(change("a"), Phase.ENDED, outcome=outcome))

    assert capsys.readouterr().err == ""


def test_a_failure_is_explained_once(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(change("a"), Result.FAILED, "AWS said no")

    Terminal(colour="never").progress(Progress(change("a"), Phase.ENDED, 3.0, outcome=outcome))

    assert capsys.readouterr().err == "a: Creation failed after 3s\n"  # why is in the report


def test_a_wait_for_the_lock_says_so_every_thirty_seconds() -> None:
    class Still:
        slept = 0.0

        def sleep(self, seconds: float) -> bool:
            self.slept += seconds
            return True

    ui, clock = SilentUi(), Still()
    run = Run(Manifest("s", "state/s.json", Place("")), ui, clock=clock)

    for _ in range(130):
        run._wait_for_lock(0.5)

    assert ui.notes == ["still waiting for the state's lock (30s)", "still waiting for the state's lock (60s)"]
    assert clock.slept == 65
