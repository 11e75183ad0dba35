"""Recorded mappings: each is imported with `--write`, and the plan after it is empty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.errors import ProvisionerError
from provisioner.workflow import Selection
from tests.support.control_plane import any_credentials
from tests.support.replay import replayed, run

BODIES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "bodies.json").read_text(encoding="utf-8"))
NAMES = [f"{index}-{item['kind']}-{item['operation']}" for index, item in enumerate(BODIES)]


@pytest.mark.parametrize("item", BODIES, ids=NAMES)
def test_a_recorded_mapping_imports_and_plans_empty(
    item: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_credentials(monkeypatch)
    manifest = tmp_path / "provisioner.yaml"
    manifest.write_text("stack: test\nprovider: { region: us-east-1 }\nmappings: {}\n", encoding="utf-8")
    uuid = item["body"]["UUID"]

    with replayed(item["body"]) as endpoint:
        if item["body"]["State"] == "Deleting":
            with pytest.raises(ProvisionerError, match="is being deleted"):
                workflow.import_mapping(run(tmp_path, endpoint), "it", uuid, write=True)
            return
        workflow.import_mapping(run(tmp_path, endpoint), "it", uuid, write=True)
        made = workflow.plan(run(tmp_path, endpoint), Selection())

    assert [(change.action, change.fields) for change in made.changes if change.counts] == []
    assert [change.id for change in made.changes] == [uuid]
