"""Every example: applied, planned again, imported whole into an empty state."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.workspace import Sandbox, Workspace, forks, start_sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(params=["quickstart", "all-sources"])
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(EXAMPLES / request.param, tmp_path / "example")
    sandbox: Sandbox = start_sandbox("--seed", str(EXAMPLES / request.param / "seed.yaml"), "--delay", "0.05")
    yield Workspace(tmp_path / "example", sandbox, sandbox.client())
    sandbox.process.terminate()
    sandbox.process.wait()


def test_an_example_converges_imports_and_leaves_nothing(example: Workspace) -> None:
    example.apply()
    example.assert_in_sync()
    names = example.run("state", "list").out.split()
    uuids = dict(zip(names[::2], names[1::2], strict=True))
    assert uuids.keys() == yaml.safe_load((example.folder / "provisioner.yaml").read_text())["mappings"].keys()

    shutil.rmtree(example.folder / "state")
    for name, uuid in uuids.items():
        example.run("import", name, uuid)
    example.assert_in_sync()

    example.run("destroy", "--auto-approve")
    assert example.live() == {}


def test_the_tour_runs(tmp_path: Path) -> None:
    installed = Path(sys.executable).parent
    programs = {
        # The sandbox is the program that was started, so that the tour can end it.
        "provisioner": f'#!/bin/sh\n[ "$1" = sandbox ] && exec {installed}/provisioner "$@"\nexec {tmp_path}/forked "$@"\n',
        "forked": forks().program,
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    done = subprocess.run(
        ["bash", str(EXAMPLES / "quickstart/tour.sh")],
        env={**os.environ, "PATH": f"{tmp_path}:{installed}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    for part in ("3 added", "0 added, 1 changed", "drift", "has moved from orders-again", "4 destroyed"):
        assert part in done.stdout
    assert "The state contains no mappings." in done.stderr
