"""A mapping of a service that this version does not know: kept as it is, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import workflow
from provisioner.errors import ManifestError
from provisioner.manifest import load
from provisioner.workflow import Selection
from tests.support.control_plane import any_credentials
from tests.support.replay import replayed, run

UUID = "11111111-2222-3333-4444-555555555555"
SOURCE = "arn:aws:newsource:eu-west-1:123456789012:thing/1"
BODY: dict[str, Any] = {
    "UUID": UUID,
    "EventSourceMappingArn": f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{UUID}",
    "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:worker",
    "EventSourceArn": SOURCE,
    "State": "Enabled",
    "StateTransitionReason": "USER_INITIATED",
    "BatchSize": 10,
    "MaximumBatchingWindowInSeconds": 0,
    "StartingPosition": "LATEST",
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "Topics": ["orders"],
    "Queues": ["q"],
    "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:failed"}},
    "FilterCriteria": {"Filters": [{"Pattern": '{"a": [1]}'}]},
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}
WRITTEN = {
    "function_name": "worker",
    "event_source_arn": SOURCE,
    "enabled": True,
    "batch_size": 10,
    "maximum_batching_window_in_seconds": 0,
    "starting_position": "LATEST",
    "maximum_retry_attempts": -1,
    "parallelization_factor": 1,
    "topics": ["orders"],
    "queues": ["q"],
    "destination_config": {"on_failure": {"destination_arn": "arn:aws:sqs:eu-west-1:123456789012:failed"}},
    "filter_criteria": {"filter": [{"pattern": {"a": [1]}}]},
    "function_response_types": ["ReportBatchItemFailures"],
}


def test_import_writes_it_whole_and_plans_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    any_credentials(monkeypatch)
    manifest = tmp_path / "provisioner.yaml"
    manifest.write_text("stack: test\nprovider: { region: eu-west-1 }\nmappings: {}\n", encoding="utf-8")

    with replayed(BODY) as endpoint:
        workflow.import_mapping(run(tmp_path, endpoint), "it", UUID, write=True)
        planned = workflow.plan(run(tmp_path, endpoint), Selection())

    assert yaml.safe_load(manifest.read_text(encoding="utf-8"))["mappings"] == {"it": WRITTEN}
    assert [warning.code for warning in load(manifest).warnings] == ["W223"]
    assert [change for change in planned.changes if change.counts] == []


def test_a_change_is_an_update_and_a_removed_line_keeps_the_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_credentials(monkeypatch)
    manifest = tmp_path / "provisioner.yaml"
    manifest.write_text("stack: test\nprovider: { region: eu-west-1 }\nmappings: {}\n", encoding="utf-8")

    with replayed(BODY) as endpoint:
        workflow.import_mapping(run(tmp_path, endpoint), "it", UUID, write=True)
        text = manifest.read_text(encoding="utf-8")
        changed = text.replace("batch_size: 10", "batch_size: 7").replace("    parallelization_factor: 1\n", "")
        manifest.write_text(changed, encoding="utf-8")
        [change] = workflow.plan(run(tmp_path, endpoint), Selection()).changes

    assert [(field.path, field.live, field.desired) for field in change.fields] == [(("batch_size",), 10, 7)]
    assert any(note.startswith("parallelization_factor keeps its current value") for note in change.notes)


@pytest.mark.parametrize("arn", ["sns:eu-west-1:123456789012:t", "events:eu-west-1:123456789012:rule/r"])
def test_a_service_that_invokes_functions_itself_is_an_error(arn: str, tmp_path: Path) -> None:
    manifest = tmp_path / "provisioner.yaml"
    text = f"stack: s\nmappings: {{ a: {{ function_name: f, event_source_arn: 'arn:aws:{arn}' }} }}\n"
    manifest.write_text(text, encoding="utf-8")

    with pytest.raises(ManifestError) as refused:
        load(manifest, region="eu-west-1")

    assert [item.code for item in refused.value.diagnostics] == ["E106"]
    assert "does not support them yet" in refused.value.diagnostics[0].hint


def test_what_every_kind_requires_is_required(tmp_path: Path) -> None:
    manifest = tmp_path / "provisioner.yaml"
    manifest.write_text(f"stack: s\nmappings: {{ a: {{ event_source_arn: '{SOURCE}' }} }}\n", encoding="utf-8")

    with pytest.raises(ManifestError) as refused:
        load(manifest)

    assert {item.code for item in refused.value.diagnostics} == {"E102", "W223"}
