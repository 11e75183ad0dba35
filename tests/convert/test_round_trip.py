"""Any legal mappings, found and written, plan an import without a change: every field, default and clearing, also where
several share values that become defaults.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from provisioner import workflow
from provisioner.manifest.format import formatted
from provisioner.model.manifest import Manifest
from provisioner.model.place import Place
from provisioner.workflow import Query, Run, Selection
from tests.execution.test_convergence import KINDS, STORIES
from tests.support import ALL
from tests.support.control_plane import REGION, ServedControlPlane, any_credentials, served
from tests.support.stack import Sessions, SilentUi, Stack


@pytest.fixture(scope="module")
def plane() -> Iterator[ServedControlPlane]:
    with served(direct=True) as embedded:
        yield embedded


@pytest.fixture(scope="module")
def sessions(plane: ServedControlPlane) -> Iterator[Sessions]:
    with pytest.MonkeyPatch.context() as patch:
        any_credentials(patch)
        patch.setenv("AWS_REGION", REGION)
        yield Sessions(plane.endpoint, plane.attach)


def told_apart(number: int, mapping: dict[str, Any]) -> dict[str, Any]:
    """The mapping with a function and a consumer group of its own, so that AWS takes it beside the others."""
    changed = {**mapping, "function_name": f"f{number}"}
    for name in ("amazon_managed_kafka_event_source_config", "self_managed_kafka_event_source_config"):
        if "consumer_group_id" in changed.get(name, {}):
            changed[name] = {**changed[name], "consumer_group_id": f"g{number}"}
    if "poller_group_name" in changed.get("provisioned_poller_config", {}):
        changed["provisioned_poller_config"] = {
            **changed["provisioned_poller_config"],
            "poller_group_name": f"p{number}",
        }
    return changed


def is_taken_over(plane: ServedControlPlane, sessions: Sessions, mappings: list[dict[str, Any]]) -> None:
    plane.reset()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        here, there = (Stack(Path(folder), plane, sessions) for folder in (first, second))
        wanted = {f"m{number}": told_apart(number, mapping) for number, mapping in enumerate(mappings)}
        provider = {"region": REGION, "ownership_tags": False}
        (here.folder / "provisioner.yaml").write_text(
            json.dumps({"stack": "test", "provider": provider, "mappings": wanted})
        )
        assert here.apply().clean
        looking = Run(Manifest("", "", Place(".")), SilentUi(), opened=sessions)
        found = workflow.discover(looking, Query())
        # In two steps: the second adds to what the first has written.
        for part in (found.found[: len(wanted) - 1], found.found[len(wanted) - 1 :]):
            run = there.run() if workflow.has_manifest(there.folder) else looking
            for file in workflow.write(run, _only(found, part), there.folder, "one", "taken").files:
                assert formatted(file.text) == file.text
        made = workflow.plan(there.run(), Selection())
        assert [change.fields for change in made.changes if change.fields] == []
        assert (made.summary.imported, made.problems) == (len(wanted), ())
        assert there.apply().clean
        there.assert_in_sync()


def _only(found: Any, part: Any) -> Any:
    return type(found)(found.account, found.regions, tuple(part))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_found_plans_no_change(kind: str, plane: ServedControlPlane, sessions: Sessions) -> None:
    @settings(STORIES, max_examples=200 if ALL else 4)
    @given(KINDS[kind], KINDS[kind], KINDS[kind])
    def check(often: dict[str, Any], other: dict[str, Any], late: dict[str, Any]) -> None:
        is_taken_over(plane, sessions, [often, often, often, often, other, late])

    check()
