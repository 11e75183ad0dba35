"""Recorded mappings: each is found, written into a manifest, and the plan of that imports it and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.aws.session import Aws
from provisioner.model.manifest import Manifest
from provisioner.model.place import Place
from provisioner.model.provider import Provider
from provisioner.workflow import Query, Run, Selection
from tests.recorded.test_bodies import BODIES, NAMES
from tests.support.control_plane import any_credentials
from tests.support.replay import replayed, run
from tests.support.stack import SilentUi


@pytest.mark.parametrize("item", BODIES, ids=NAMES)
def test_a_recorded_mapping_is_written_and_plans_no_change(
    item: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_credentials(monkeypatch)

    with replayed(item["body"]) as endpoint:
        provider = Provider(region="us-east-1", endpoint_url=endpoint)
        looking = Run(Manifest("", "", Place(".")), SilentUi(), opened=lambda _, clock: Aws(provider, clock))
        found = workflow.discover(looking, Query())
        written = workflow.write(looking, found, tmp_path, "owner", "test")
        if item["body"]["State"] == "Deleting":
            assert [refused.found.refusal for refused in written.refused] == ["it is being deleted"]
            return
        made = workflow.plan(run(tmp_path, endpoint), Selection())

    assert [change.fields for change in made.changes] == [()]
    assert (made.summary.imported, made.summary.changed, made.problems) == (1, 0, ())
