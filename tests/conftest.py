"""A sandbox for the whole run, and for each test what it needs of tests/support."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provisioner.sandbox.mappings import Delays
from tests.support.botocore_data import read_once
from tests.support.clocks import Time
from tests.support.control_plane import REGION, any_credentials, served
from tests.support.lambda_api import LambdaApi
from tests.support.s3_api import S3Api
from tests.support.stack import Sessions, Stack
from tests.support.workspace import Sandbox, Workspace, start_sandbox

if TYPE_CHECKING:
    from tests.support.fleet import Fleet

HERE = Path(__file__).parent
read_once()


def _keep_files_in_memory() -> None:
    """Nothing is synced there, which takes most of the time of a file operation."""
    memory = Path("/dev/shm")
    if "TMPDIR" not in os.environ and memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30:
        os.environ["TMPDIR"] = str(memory)
        tempfile.tempdir = None  # pytest has asked already


_keep_files_in_memory()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    started = start_sandbox("--seed", str(HERE / "seed.yaml"), "--delay", "0.05")
    yield started
    started.process.terminate()
    started.process.wait()


@pytest.fixture
def workspace(tmp_path: Path, sandbox: Sandbox) -> Iterator[Workspace]:
    made = Workspace(tmp_path, sandbox, sandbox.client())
    yield made
    for uuid in made.live():
        with contextlib.suppress(made.aws.exceptions.ResourceNotFoundException):
            made.settled(uuid)
            made.aws.delete_event_source_mapping(UUID=uuid)


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Mappings of an account that a test fills, and a folder for their manifest."""
    from tests.support.fleet import fleet_in  # late: few tests need it

    any_credentials(monkeypatch)
    monkeypatch.setenv("AWS_REGION", REGION)
    with fleet_in(tmp_path / "fleet") as made:
        made.folder.mkdir()
        yield made


@pytest.fixture
def plane() -> Iterator[LambdaApi]:
    """A control plane on which every transition takes a second of a clock that the test moves."""
    time = Time()
    with served(Delays(1, 1, 1, 1, 0), time, direct=True) as embedded:
        yield LambdaApi(embedded.client(), embedded.world, time)


@pytest.fixture
def s3() -> Iterator[S3Api]:
    """Notifications and policies on a control plane whose clock the test moves."""
    time = Time()
    with served(Delays(1, 1, 1, 1, 0), time, direct=True) as embedded:
        yield S3Api(embedded, time)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The workflows in this process, against a control plane of their own."""
    any_credentials(monkeypatch)
    with served(direct=True) as embedded:
        yield Stack(tmp_path, embedded, Sessions(embedded.endpoint, embedded.attach))


def pytest_collection_finish() -> None:
    """Keep what was imported and collected from the garbage collector, which would look at all of it again and again."""
    gc.collect()
    gc.freeze()


LONG = (
    "tests/faults/",
    "tests/simulator/",
    "tests/execution/test_convergence.py",
    "tests/integration/test_examples.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the long tests: one that begins last keeps the others waiting. xdist cuts
    the list into equal parts, one for each worker.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    long = [item for item in items if item.nodeid.startswith(LONG)]
    short = [item for item in items if not item.nodeid.startswith(LONG)]
    ordered: list[pytest.Item] = []
    for number in range(workers):
        ordered += long[number::workers]
        room = max(0, len(items) * (number + 1) // workers - len(ordered))
        ordered += short[:room]
        del short[:room]
    items[:] = ordered
