"""Recorded refusals: the sandbox, put into the situation and sent the request, answers with the same code and text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from provisioner.sandbox.mappings import Delays
from tests.support.control_plane import World, served

ERRORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "errors.json").read_text(encoding="utf-8"))
ELSEWHERE = frozenset({"function-policy", "eventbridge"})
"""Policies of functions are in test_policies; EventBridge is moto's."""

OURS = [item for item in ERRORS if item.get("kind") not in ELSEWHERE]
SECRET = [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"}]
DENIED = re.compile(r"role denied (\S+);")


def without_mapping(case: dict[str, Any]) -> dict[str, Any]:
    """A create whose refused members are left out: what was there before the request."""
    return {name: case["request"][name] for name in ("FunctionName", "EventSourceArn", "Enabled")}


def queue(_: dict[str, Any]) -> dict[str, Any]:
    return {"FunctionName": "f", "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q", "Enabled": False}


def stream(_: dict[str, Any]) -> dict[str, Any]:
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-09-17T12:49:54.528"
    return {"FunctionName": "f", "EventSourceArn": arn, "StartingPosition": "TRIM_HORIZON", "Enabled": False}


def rabbit(_: dict[str, Any]) -> dict[str, Any]:
    return {
        "FunctionName": "f",
        "EventSourceArn": "arn:aws:mq:us-east-1:123456789012:broker:b:b-1",
        "Queues": ["q"],
        "SourceAccessConfigurations": [*SECRET, {"Type": "VIRTUAL_HOST", "URI": "/"}],
        "Enabled": False,
    }


def documents(_: dict[str, Any]) -> dict[str, Any]:
    return {
        "FunctionName": "f",
        "EventSourceArn": "arn:aws:rds:us-east-1:123456789012:cluster:c",
        "SourceAccessConfigurations": SECRET,
        "DocumentDBEventSourceConfig": {
            "DatabaseName": "owned",
            "CollectionName": "events",
            "FullDocument": "UpdateLookup",
        },
        "Enabled": False,
    }


def before(case: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    """The mapping that is there before the request, if any."""
    source = f"{case['source']} {case.get('kind', '')}"
    if case["operation"] == "CreateEventSourceMapping":
        return without_mapping if case["code"] == "ResourceConflictException" else None
    return (
        rabbit
        if "rabbitmq" in source
        else documents
        if "documentdb" in source
        else stream
        if "dynamodb" in source
        else queue
    )


def arrange(world: World, case: dict[str, Any]) -> None:
    """Take away from the world what the situation says is missing."""
    situation = case.get("situation", "")
    if match := DENIED.search(situation):
        world.denied = {match[1]}
    if situation == "role may not read the stream":
        world.denied = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
    if "execution_role_secret_denied" in case["source"]:
        world.denied = {"secretsmanager:GetSecretValue"}
    if match := re.search(r"visibility timeout (\d+) s, function timeout (\d+) s", situation):
        world.visibility, world.timeout = int(match[1]), int(match[2])


@pytest.fixture
def plane() -> Iterator[Any]:
    with served(Delays(0, 0, 0, 0, 0)) as embedded:
        yield embedded


@pytest.mark.parametrize("case", OURS, ids=[f"{index}" for index in range(len(OURS))])
def test_a_recorded_refusal(plane: Any, case: dict[str, Any]) -> None:
    client, request = plane.client(), dict(case["request"])
    if make := before(case):
        uuid = client.create_event_source_mapping(**make(case))["UUID"]
        if "UUID" in request:
            request["UUID"] = uuid
        if case["operation"] == "GetEventSourceMapping":
            client.delete_event_source_mapping(UUID=uuid)
    arrange(plane.world, case)

    with pytest.raises(ClientError) as caught:
        getattr(client, xform_name(case["operation"]))(**request)

    answer: Any = caught.value.response
    assert answer["Error"]["Code"] == case["code"]
    assert case["status"] in (None, answer["ResponseMetadata"]["HTTPStatusCode"])
    uuid = re.compile(r"[0-9a-f-]{36}$")
    assert uuid.sub("", answer["Error"]["Message"]) == uuid.sub("", case["message"])


def test_what_is_not_played_is_listed() -> None:
    assert (len(ERRORS), len(OURS)) == (54, 27)
