"""A machine for each test, on one control plane for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import Machine
from tests.faults.plane import Line, plane_process
from tests.support.control_plane import any_credentials


@pytest.fixture(scope="session")
def line() -> Iterator[Line]:
    with plane_process() as started:
        yield started


@pytest.fixture(params=["local", "s3"])
def machine(request: pytest.FixtureRequest, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    any_credentials(monkeypatch)
    made = Machine(tmp_path, line, s3=request.param == "s3")
    made.line.post("/moto-api/reset")
    made.make_bucket()
    return made
