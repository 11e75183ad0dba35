"""A member that AWS adds: known to the installed botocore, unknown to the field table."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import pytest

from tests.conftest import HERE
from tests.support.workspace import Workspace, sqs, start_sandbox

MODEL = Path(botocore.__file__).parent / "data/lambda/2015-03-31/service-2.json.gz"


@pytest.fixture
def newer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a botocore model of Lambda that has two members more, for AWS_DATA_PATH."""
    model: Any = json.loads(gzip.decompress(MODEL.read_bytes()))
    shapes = model["shapes"]
    hours = {"type": "structure", "members": {"From": {"shape": "Hour"}, "Until": {"shape": "Hour"}}}
    shapes |= {"Hour": {"type": "integer"}, "PollingHours": hours}
    for shape in (
        "CreateEventSourceMappingRequest",
        "UpdateEventSourceMappingRequest",
        "EventSourceMappingConfiguration",
    ):
        shapes[shape]["members"]["PollingHours"] = {"shape": "PollingHours"}
    shapes["ScalingConfig"]["members"]["MinimumConcurrency"] = {"shape": "Hour"}
    folder = tmp_path_factory.mktemp("models")
    target = folder / "lambda/2015-03-31/service-2.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(model), encoding="utf-8")
    return str(folder)


MAPPING = f"""
    other: {{ function_name: other, event_source_arn: {sqs("orders")}, polling_hours: {{ From: 1 }} }}
    orders:
      function_name: worker
      event_source_arn: {sqs("orders")}
      polling_hours: {{ From: 8, Until: 20 }}
      scaling_config: {{ maximum_concurrency: 5, minimum_concurrency: 2 }}
"""


@pytest.fixture
def workspace_of_newer(tmp_path: Path, newer: str) -> Iterator[Workspace]:
    """A workspace beside a control plane that knows the new members: one that does not ignores them, as AWS does."""
    started = start_sandbox("--seed", str(HERE / "seed.yaml"), "--delay", "0.05", AWS_DATA_PATH=newer)
    yield Workspace(tmp_path, started, started.client())
    started.process.terminate()
    started.process.wait()


def test_it_is_a_warning_is_sent_as_it_is_and_converges(workspace_of_newer: Workspace, newer: str) -> None:
    workspace = workspace_of_newer

    def run(*arguments: str) -> str:
        result = workspace.run(*arguments, code=0, AWS_DATA_PATH=newer)
        reported.append(result.err)
        return result.out

    reported: list[str] = []
    workspace.write(MAPPING)
    run("apply", "--auto-approve")

    assert (
        "warning[W202]: polling_hours: provisioner does not know this field, but the installed botocore does; "
        "it is sent unchanged as PollingHours" in (reported[0])
    )
    assert "3 warnings" in reported[0]
    assert "\nNo changes." in run("plan")
    workspace.write(MAPPING.replace("Until: 20", "Until: 22").replace("concurrency: 2", "concurrency: 3"))
    changed = run("plan")
    assert "~ Until = 20 -> 22  # edit" in changed
    assert "~ minimum_concurrency = 2 -> 3  # edit" in changed
    run("apply", "--auto-approve")
    assert "\nNo changes." in run("plan")
    workspace.write("\n".join(line for line in MAPPING.splitlines() if "polling" not in line and "scaling" not in line))
    run("apply", "--auto-approve")  # the block that is known goes, the member that is not known stays
    assert "\nNo changes." in run("plan")


def test_it_is_an_error_for_an_older_botocore(workspace: Workspace) -> None:
    workspace.write(MAPPING)

    reported = workspace.run("plan", code=1).err

    assert "error[E101]: unknown field 'polling_hours'" in reported
    assert "install a newer boto3" in reported


def test_a_member_that_the_table_knows_by_another_name_is_a_mistake(workspace: Workspace) -> None:
    workspace.write(f"""
        orders:
          function_name: worker
          event_source_arn: {sqs("orders")}
          filter_criteria: {{ filters: [{{ pattern: {{ body: {{ a: [1] }} }} }}] }}
    """)

    assert 'did you mean "filter"?' in workspace.run("plan", code=1).err
