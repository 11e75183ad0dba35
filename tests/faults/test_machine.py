"""Manifests, drift by hand, crashes and applies in any order: whatever happened, one more apply makes it whole."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.faults.harness import CALL_MODES, FILE_MODES, Fault, Machine
from tests.faults.plane import Line
from tests.faults.test_points import queue, stream
from tests.support import ALL
from tests.support.control_plane import any_credentials

MAPPINGS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.one_of(
        st.builds(
            lambda number, function, size, tags: queue(number, function, batch_size=size, tags=tags),
            st.integers(1, 4), st.sampled_from(["f", "g"]), st.integers(1, 3), st.sampled_from([{}, {"a": "1"}, {"b": "2"}]),
        ),
        st.sampled_from([stream("LATEST"), stream("TRIM_HORIZON")]),
    ),
    max_size=4,
)  # fmt: skip


def pair(mapping: dict[str, Any]) -> tuple[str, str]:
    return mapping["function_name"], mapping["event_source_arn"]


def without_twins(mappings: dict[str, Any]) -> dict[str, Any]:
    return dict({pair(mapping): (name, mapping) for name, mapping in mappings.items()}.values())


class Story(RuleBasedStateMachine):
    """The world between two applies. `line` and `s3` are set by the test."""

    line: Line
    s3 = False

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.machine = Machine(self.folder, self.line, s3=self.s3)
        self.machine.line.post("/moto-api/reset")
        self.machine.make_bucket()
        self.machine.write({})

    @rule(mappings=MAPPINGS)
    def edit(self, mappings: dict[str, Any]) -> None:
        self.machine.write(without_twins(mappings))

    @rule(size=st.integers(4, 9), delete=st.booleans())
    def drift(self, size: int, delete: bool) -> None:
        client = self.machine.client()
        found = client.list_event_source_mappings()["EventSourceMappings"]
        if found and delete:
            client.delete_event_source_mapping(UUID=found[0]["UUID"])
        elif found:
            client.update_event_source_mapping(UUID=found[0]["UUID"], BatchSize=size)

    @rule(mode=st.sampled_from(FILE_MODES + CALL_MODES), at=st.integers(1, 40))
    def crash(self, mode: str, at: int) -> None:
        status, _, said = self.machine.forked(self.machine.apply, Fault(mode, at))
        assert status != 2, said
        self.machine.free_the_lock()

    @rule()
    def make_whole(self) -> None:
        assert self.machine.recovers() == ""

    def teardown(self) -> None:
        if hasattr(self, "machine"):
            try:
                self.make_whole()
            finally:
                shutil.rmtree(self.folder)


@pytest.mark.parametrize("s3", [False, True], ids=["local", "s3"])
def test_whatever_happens_one_more_apply_makes_it_whole(s3: bool, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    any_credentials(monkeypatch)
    monkeypatch.setattr(Story, "line", line, raising=False)
    monkeypatch.setattr(Story, "s3", s3)
    count = 400 if ALL else 8 if s3 else 15
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis states no types for it
        Story,
        settings=settings(
            max_examples=count, stateful_step_count=10, deadline=None, derandomize=not ALL,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
