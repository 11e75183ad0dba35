"""`apply --json`: Terraform's events, from the first line to the summary, also when it went wrong."""

from __future__ import annotations

import json
from typing import Any

from tests.support.workspace import Workspace, sqs

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"
LOST = f"lost: {{ function_name: worker, event_source_arn: '{sqs('nowhere')}' }}"


def events(workspace: Workspace, *arguments: str, code: int) -> list[dict[str, Any]]:
    out = workspace.run("apply", "--json", *arguments, code=code).out
    return [json.loads(line) for line in out.splitlines()]


def test_an_apply_is_a_stream_of_events(workspace: Workspace) -> None:
    workspace.write(ONE)

    stream = events(workspace, "--auto-approve", code=0)

    kinds = [event["type"] for event in stream]
    assert kinds == ["version", "planned_change", "change_summary", "apply_start", "apply_complete", "change_summary"]
    done = stream[4]["hook"]
    assert done["id_value"] in workspace.live()
    assert len(done["x_provisioner"]["request_ids"]) == 1
    assert done["x_provisioner"]["after"]["batch_size"] == 10
    assert stream[5]["changes"]["add"] == 1
    assert all({"@level", "@message", "@module", "@timestamp", "type"} <= event.keys() for event in stream)


def test_a_failed_apply_has_a_summary_too(workspace: Workspace) -> None:
    workspace.write(f"{ONE}\n{LOST}")

    stream = events(workspace, "--auto-approve", "--checks", "off", code=3)

    [errored] = [event for event in stream if event["type"] == "apply_errored"]
    [reported] = [event for event in stream if event["type"] == "diagnostic"]
    assert (
        errored["hook"]["resource"]["resource_name"] == reported["diagnostic"]["address"].rpartition(".")[2] == "lost"
    )
    assert errored["hook"]["x_provisioner"]["request_ids"]
    assert stream[-1]["type"] == "change_summary"
    assert stream[-1]["changes"]["x_provisioner"]["failed"] == 1


def test_a_refused_plan_ends_with_what_was_done(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    workspace.write("", head="limits: { deletes: 0 }\n")

    stream = events(workspace, "--auto-approve", code=1)

    assert [event["type"] for event in stream[-2:]] == ["diagnostic", "change_summary"]
    assert stream[-1]["changes"]["remove"] == 0
    assert len(workspace.live()) == 1


def test_a_wrong_manifest_is_a_stream_of_diagnostics(workspace: Workspace) -> None:
    workspace.write(ONE.replace(" }", ", batch_size: 0 }"))

    [_, reported] = events(workspace, "--auto-approve", code=1)

    assert reported["diagnostic"]["range"]["start"]["line"] == 4
    assert reported["diagnostic"]["x_provisioner"] == {"code": "E103"}
