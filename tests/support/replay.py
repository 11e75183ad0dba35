"""A server that has one mapping, and shows it as it was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisioner.aws.session import Aws
from provisioner.model.provider import Provider
from provisioner.sandbox.server import served
from provisioner.workflow import Run
from tests.support.control_plane import everything_exists
from tests.support.stack import SilentUi


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
            return everything_exists(environ, start_response)
        data = json.dumps(answer).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
        return [data]

    with served(application) as endpoint:  # type: ignore[arg-type]  # any WSGI application will do
        yield endpoint


def run(folder: Path, endpoint: str) -> Run:
    """A run on the manifest in a folder, with this server as AWS."""

    def opened(provider: Provider, clock: Any) -> Aws:
        return Aws(Provider(region=provider.region, endpoint_url=endpoint), clock)

    return Run.on(folder, SilentUi(), opened=opened)
