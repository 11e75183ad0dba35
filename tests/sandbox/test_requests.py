"""Requests that no client of ours would send: the control plane answers each as AWS's protocol does, and goes on
working.
"""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from provisioner.aws.convert import live_mapping
from provisioner.model.provider import Provider
from provisioner.sandbox.app import ControlPlane
from provisioner.sandbox.mappings import Delays
from tests.support.control_plane import REGION, World, everything_exists
from tests.support.lambda_api import AUTH, DB, DOCDB, DYNAMODB, FIFO, KINESIS, MQ, MSK, SELF, SQS

MAPPINGS = "/2015-03-31/event-source-mappings/"
SCOPE = f"AWS4-HMAC-SHA256 Credential=x/20260101/{REGION}/lambda/aws4_request"
LAMBDA = botocore.session.get_session().get_service_model("lambda")
STREAM = {"StartingPosition": "LATEST"}
BASES: list[dict[str, Any]] = [
    {"EventSourceArn": SQS},
    {"EventSourceArn": FIFO},
    {"EventSourceArn": KINESIS, **STREAM},
    {"EventSourceArn": DYNAMODB, **STREAM},
    {"EventSourceArn": MSK, "Topics": ["events"]},
    {"EventSourceArn": MQ, "Queues": ["q"], "SourceAccessConfigurations": AUTH},
    {"EventSourceArn": DOCDB, "DocumentDBEventSourceConfig": DB, "SourceAccessConfigurations": AUTH},
    {"SelfManagedEventSource": SELF, "Topics": ["events"], "SourceAccessConfigurations": AUTH},
]
WRONG: list[Any] = [
    None, "", "x", "x" * 12000, "\ud800", 0, 1, -1, 10**30, 1.5, 1e308, True, False, [], [None], [[]], ["x"], [1], [{}], {},
    {"x": 1}, {"x": None}, {"": ""},
]  # fmt: skip


class Client:
    """Raw requests, without a socket."""

    def __init__(self) -> None:
        world = World()
        self.plane = ControlPlane(everything_exists, Delays(0, 0, 0, 0, 0), world=lambda account, region: world)

    def send(
        self, method: str, path: str, body: bytes = b"", query: str = "", **headers: str
    ) -> tuple[int, dict[str, Any]]:
        answer: list[str] = []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "HTTP_AUTHORIZATION": SCOPE,
            "HTTP_HOST": "127.0.0.1:4599",
            **headers,
        }
        data = b"".join(self.plane(environ, lambda status, _: answer.append(status)))
        return int(answer[0].split()[0]), json.loads(data) if data else {}

    def json(self, method: str, path: str, value: Any) -> tuple[int, dict[str, Any]]:
        return self.send(method, path, json.dumps(value).encode())

    def create(self, **members: Any) -> tuple[int, dict[str, Any]]:
        return self.json("POST", MAPPINGS, {"FunctionName": "f", **members})

    def assert_works(self) -> None:
        """List and Get answer, and what they answer can be read by our own client."""
        marker = ""
        while True:
            status, page = self.send("GET", MAPPINGS, query=f"Marker={marker}")
            assert status == 200
            for config in page["EventSourceMappings"]:
                assert self.send("GET", MAPPINGS + config["UUID"])[0] == 200
                assert live_mapping(config, REGION, {}, Provider()).key.id == config["UUID"]
            marker = page.get("NextMarker") or ""
            if not marker:
                return


@pytest.fixture
def client() -> Client:
    return Client()


def paths(shape: Any, start: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of each member, at any depth."""
    if start:
        yield start
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from paths(member, (*start, name))
    elif shape.type_name == "list":
        yield from paths(shape.member, (*start, 0))
    elif shape.type_name == "map":
        yield from paths(shape.value, (*start, "KAFKA_BOOTSTRAP_SERVERS"))


def placed(path: tuple[str | int, ...], value: Any) -> Any:
    for step in reversed(path):
        value = [value] if step == 0 else {step: value}
    return value


PATHS = {
    operation: list(paths(LAMBDA.operation_model(f"{operation}EventSourceMapping").input_shape))
    for operation in ("Create", "Update")
}


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_sent_is_answered_and_nothing_breaks(client: Client, seed: int) -> None:
    """Each member with each wrong value, on a kind of source drawn at random, in a create and in an update."""
    draw = random.Random(seed)
    _, made = client.create(**BASES[seed % len(BASES)], Enabled=False)
    for operation, method in (("Create", "POST"), ("Update", "PUT")):
        for path in PATHS[operation]:
            for value in draw.sample(WRONG, 8):
                base = {**draw.choice(BASES), "FunctionName": f"f{draw.randrange(10**6)}"} if method == "POST" else {}
                body = {**base, **placed(path, value)}
                target = MAPPINGS if method == "POST" else MAPPINGS + made["UUID"]
                status, answer = client.json(method, target, body)
                assert status in (202, 400, 404, 409), (status, body)
                assert status == 202 or answer.keys() & {"message", "Message"}, (body, answer)
    client.assert_works()


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"BatchSize": "x"}, "SerializationException", "STRING_VALUE can not be converted to an Integer"),
        ({"BatchSize": [1]}, "SerializationException", "Start of list found where not expected."),
        ({"Topics": {}}, "SerializationException", "Start of structure or map found where not expected."),
        ({"FilterCriteria": "x"}, "SerializationException", "Expected structure or map or null"),
        ({"Enabled": "true"}, "SerializationException", "STRING_VALUE can not be converted to a Boolean"),
        ({"MaximumBatchingWindowInSeconds": "x"}, "SerializationException", "STRING_VALUE can not be converted to an Integer"),
        ({"StartingPositionTimestamp": "soon"}, "SerializationException", "STRING_VALUE can not be converted to a Timestamp"),
        ({"Tags": {"a": None}}, "ValidationException", "1 validation error detected: Value null at 'tags.a.member' failed to satisfy constraint: Member must not be null"),
        ({"FunctionResponseTypes": [None]}, "ValidationException", "1 validation error detected: Value null at 'functionResponseTypes.1.member' failed to satisfy constraint: Member must not be null"),
        ({"FunctionName": None}, "ValidationException", "1 validation error detected: Value null at 'functionName' failed to satisfy constraint: Member must not be null"),
        ({"BatchSize": 10001}, "ValidationException", "1 validation error detected: Value '10001' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000"),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"a":[1]}'}] * 11}}, "InvalidParameterValueException", "The number of filters exceeds the limit of 10."),
    ],
)  # fmt: skip
def test_types_come_before_the_model_and_the_model_before_the_rules(
    client: Client, members: dict[str, Any], code: str, message: str
) -> None:
    status, answer = client.create(EventSourceArn=SQS, **members)

    assert (status, answer["message"]) == (400, message)
    assert ("Type" in answer) == (code == "InvalidParameterValueException")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_no_request(client: Client, body: bytes) -> None:
    assert client.send("POST", MAPPINGS, body)[0] == 400


@pytest.mark.parametrize(
    "query",
    [
        "MaxItems=0",
        "MaxItems=-1",
        "MaxItems=10001",
        "MaxItems=x",
        "MaxItems=1_0",
        "MaxItems=%D9%A3",
        "FunctionName=a%20b",
    ],
)
def test_a_listing_within_the_bounds_of_the_model(client: Client, query: str) -> None:
    assert client.send("GET", MAPPINGS, query=query)[0] == 400
    assert client.send("GET", MAPPINGS, query="MaxItems=1")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "length", "status"),
    [
        ("PATCH", MAPPINGS, "0", 405),
        ("PUT", MAPPINGS, "2", 405),
        ("POST", MAPPINGS + "x", "2", 405),
        ("POST", MAPPINGS, "abc", 400),
        ("POST", MAPPINGS, "-5", 400),
    ],
)
def test_what_is_no_operation(client: Client, method: str, path: str, length: str, status: int) -> None:
    assert client.send(method, path, b"{}", CONTENT_LENGTH=length)[0] == status


@pytest.mark.parametrize("arn", ["x", "arn:aws:lambda", "arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:x"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_tags_of_a_malformed_arn(client: Client, arn: str, method: str) -> None:
    status, answer = client.send(method, f"/2017-03-31/tags/{arn}", b'{"Tags": {"a": "b"}}', "tagKeys=a")

    assert status == 400
    assert answer["message"].startswith(f"1 validation error detected: Value '{arn}' at 'resource' failed to satisfy")


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"aws:x": ""}, "Tag key cannot contain reserved prefix (aws:)"),
        ({"a<b": ""}, "Tag key or value contains non allowed characters."),
        ({"a": "<"}, "Tag key or value contains non allowed characters."),
        ({"k" * 129: ""}, "Length of tag's key or value exceed limit."),
        ({"a": "v" * 257}, "Length of tag's key or value exceed limit."),
        ({}, "An error occurred and the request cannot be processed."),
    ],
)
def test_tags_are_refused_in_the_words_of_the_service(client: Client, tags: dict[str, str], message: str) -> None:
    arn = client.create(EventSourceArn=SQS)[1]["EventSourceMappingArn"]

    assert client.json("POST", f"/2017-03-31/tags/{arn}", {"Tags": tags}) == (400, {"message": message, "Type": "User"})
    if tags:
        assert client.create(EventSourceArn=FIFO, Tags=tags) == (400, {"message": message, "Type": "User"})


@pytest.mark.parametrize(
    "body",
    [
        {"ResourceARNList": "x"},
        {"ResourceARNList": [1]},
        {"ResourceARNList": [None]},
        {"TagFilters": [{}], "ResourceTypeFilters": ["lambda:event-source-mapping"]},
        {"PaginationToken": "9" * 5000, "ResourceTypeFilters": ["lambda:event-source-mapping"]},
        {"PaginationToken": "x", "ResourceTypeFilters": ["lambda:event-source-mapping"]},
        {"ResourceTypeFilters": {}},
    ],
)
def test_the_tagging_api_reads_its_requests_too(client: Client, body: dict[str, Any]) -> None:
    target = "ResourceGroupsTaggingAPI_20170126.GetResources"

    assert client.send("POST", "/", json.dumps(body).encode(), HTTP_X_AMZ_TARGET=target)[0] in (200, 400)


@pytest.mark.parametrize("length", ["-1", "²", "x", "1.5", "9" * 5000])
def test_a_length_that_is_no_number_is_refused(client: Client, length: str) -> None:
    assert client.send("POST", MAPPINGS, CONTENT_LENGTH=length)[0] == 400


@pytest.mark.parametrize("member", ["BatchSize", "MaximumRetryAttempts", "StartingPositionTimestamp"])
def test_a_number_of_four_hundred_digits_is_refused(client: Client, member: str) -> None:
    request = {"EventSourceArn": KINESIS, "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 0}

    assert client.create(**{**request, member: 10**400})[0] == 400


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00"])
def test_a_time_without_a_zone_is_in_utc_wherever_the_sandbox_runs(
    client: Client, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        made = client.create(EventSourceArn=KINESIS, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=text)[1]
    finally:
        monkeypatch.undo()
        time.tzset()

    assert made["StartingPositionTimestamp"] == 1767225600.0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"HTTP_HOST": "localhost:4599"}, 200),
        ({"HTTP_HOST": "bucket.localhost:4599"}, 200),
        ({"HTTP_HOST": "[::1]:4599"}, 200),
        ({"HTTP_HOST": "127.0.0.1"}, 200),
        ({"HTTP_HOST": "localhost."}, 200),
        ({"HTTP_HOST": "[::1"}, 403),
        ({"HTTP_ORIGIN": "http://localhost:3000"}, 200),
        ({"HTTP_HOST": "sandbox.example.com"}, 403),
        ({"HTTP_HOST": "127.0.0.1.example.com"}, 403),
        ({"HTTP_HOST": "localhost.example.com:4599"}, 403),
        ({"HTTP_ORIGIN": "https://example.com"}, 403),
        ({"HTTP_ORIGIN": "null"}, 403),
        ({"HTTP_ORIGIN": ""}, 403),
    ],
)
def test_only_this_machine_is_answered(client: Client, headers: dict[str, str], status: int) -> None:
    assert client.send("GET", MAPPINGS, **headers)[0] == status
