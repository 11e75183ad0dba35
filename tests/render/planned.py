"""Plans to render: the stories of tests/cases/plan, and small ones written in a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from provisioner.model.plan import Plan
from tests.planning.test_stories import planned_of

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
CLUSTER = "arn:aws:kafka:eu-west-1:123456789012:cluster/c/1"


def planned(case: str | dict[str, Any], folder: Path) -> Plan | None:
    """The plan of a story, or None when its names cannot be resolved."""
    return planned_of(yaml.safe_load(case) if isinstance(case, str) else case, folder).plan


def story(
    folder: Path,
    wanted: dict[str, Any] | None,
    recorded: dict[str, Any] | None = None,
    live: dict[str, Any] | None = None,
    **more: Any,
) -> Plan:
    """The plan of one mapping, `it`: what is wanted, what was recorded, what lives."""
    manifest = {"mappings": {"it": wanted} if wanted else {}, **more.pop("head", {})}
    records = {more.pop("was", "it"): {**recorded, "uuid": 1}} if recorded else {}
    plan = planned({"manifest": manifest, "recorded": records, "live": {1: live} if live else {}, **more}, folder)
    assert plan
    return plan


def queue(**fields: Any) -> dict[str, Any]:
    return {"function_name": "f", "event_source_arn": QUEUE, **fields}


def stream(**fields: Any) -> dict[str, Any]:
    return {"function_name": "f", "event_source_arn": STREAM, "starting_position": "LATEST", **fields}


def cluster(**fields: Any) -> dict[str, Any]:
    return {"function_name": "f", "event_source_arn": CLUSTER, "topics": ["t1"], **fields}
