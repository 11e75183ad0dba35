"""Recorded mappings: each is imported with `--write`, and the plan after it is empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.aws.session import Aws
from provisioner.errors import ProvisionerError
from provisioner.model.desired import Provider
from provisioner.sandbox.server import served
from provisioner.workflow import Run, Selection
from tests.support.control_plane import any_credentials, only_sts
from tests.support.stack import SilentUi

BODIES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "bodies.json").read_text(encoding="utf-8"))
NAMES = [f"{index}-{item['kind']}-{item['operation']}" for index, item in enumerate(BODIES)]


def on_the_wire(body: dict[str, Any]) -> dict[str, Any]:
    """The body as AWS sends it: a pattern is a text."""
    shown = json.loads(json.dumps(body))
    for item in (shown.get("FilterCriteria") or {}).get("Filters", ()):
        if not isinstance(item["Pattern"], str):
            item["Pattern"] = json.dumps(item["Pattern"])
    return dict(shown)


@contextmanager
def replayed(body: dict[str, Any]) -> Iterator[str]:
    """The endpoint of a server that has one mapping, and shows it as it was recorded."""
    shown = on_the_wire(body)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path.startswith("/2015-03-31/event-source-mappings"):
            answer: Any = shown if path.rstrip("/").endswith(shown["UUID"]) else {"EventSourceMappings": [shown]}
        elif path.startswith("/2017-03-31/tags"):
            answer = {"Tags": {}}
        elif "GetResources" in environ.get("HTTP_X_AMZ_TARGET", ""):
            answer = {"ResourceTagMappingList": []}
        else:
            return only_sts(environ, start_response)
        data = json.dumps(answer).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
        return [data]

    with served(application) as endpoint:  # type: ignore[arg-type]  # any WSGI application will do
        yield endpoint


def run(folder: Path, endpoint: str) -> Run:
    def opened(provider: Provider, clock: Any) -> Aws:
        return Aws(Provider(region=provider.region, endpoint_url=endpoint), clock)

    return Run.on(folder, SilentUi(), opened=opened)


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
    assert [change.uuid for change in made.changes] == [uuid]
