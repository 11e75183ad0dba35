"""The sandbox beyond what it refuses and clears (tests/behaviour): states, pages, tags, and the process itself."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest

from provisioner.sandbox.mappings import Delays, Mappings
from provisioner.sandbox.refusals import RULES
from provisioner.sandbox.server import parse_delays
from tests.support.control_plane import REGION
from tests.support.lambda_api import AUTH, FIFO, KINESIS, MQ, SQS, LambdaApi, refusal
from tests.support.workspace import start_sandbox

FILTERS = {"Filters": [{"Pattern": '{"a":[1]}'}]}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"


@pytest.mark.parametrize(
    ("source", "members", "state"),
    [
        (SQS, {}, "Disabled"),
        (MQ, {"Queues": ["q"], "SourceAccessConfigurations": AUTH}, "Disabled"),
        (KINESIS, {"StartingPosition": "LATEST"}, "Creating"),
    ],
)
def test_create_disabled(plane: LambdaApi, source: str, members: dict[str, Any], state: str) -> None:
    made = plane.create(source, Enabled=False, **members)

    assert made["State"] == state
    plane.time.now += 1
    assert plane.get(made["UUID"])["State"] == "Disabled"


def test_states_go_their_way_in_their_time(plane: LambdaApi) -> None:
    uuid = plane.create()["UUID"]
    assert refusal(plane.update, uuid, BatchSize=1) == (
        400,
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
    )
    plane.time.now += 1
    assert plane.get(uuid)["State"] == "Enabled"
    assert plane.update(uuid, BatchSize=1)["State"] == "Updating"
    assert refusal(plane.client.delete_event_source_mapping, UUID=uuid)[1] == "ResourceInUseException"
    plane.time.now += 1
    assert plane.update(uuid, Enabled=False)["State"] == "Disabling"
    plane.time.now += 1
    assert plane.update(uuid, BatchSize=2)["State"] == "Disabled"
    assert plane.update(uuid, Enabled=True)["State"] == "Enabling"
    plane.time.now += 1
    assert plane.client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"


def test_a_deleted_mapping_is_gone_at_once_and_its_pair_is_free(plane: LambdaApi) -> None:
    uuid = plane.settled()
    plane.client.delete_event_source_mapping(UUID=uuid)

    assert refusal(plane.get, uuid) == (404, "ResourceNotFoundException", "The resource you requested does not exist.")
    assert refusal(plane.update, uuid)[0] == 404
    assert refusal(plane.client.delete_event_source_mapping, UUID=uuid)[0] == 404
    assert plane.create()["UUID"] != uuid


# --- 7.4 updates, 7.5 clearing ---------------------------------------------------------------------------------------


# --- 7.3 List, 7.9 tags ----------------------------------------------------------------------------------------------


def listed(plane: LambdaApi, **filters: str) -> list[str]:
    return [item["UUID"] for item in plane.client.list_event_source_mappings(**filters)["EventSourceMappings"]]


def test_list_filters_exactly(plane: LambdaApi) -> None:
    plain, alias = plane.create(SQS, "f")["UUID"], plane.create(SQS, "f:live")["UUID"]
    other = plane.create(FIFO, "f")["UUID"]

    assert set(listed(plane, FunctionName="f")) == {plain, other}
    assert listed(plane, FunctionName="f:live") == [alias]
    assert listed(plane, FunctionName="f", EventSourceArn=FIFO) == [other]
    assert listed(plane, FunctionName="nothing") == []


def test_pages_hold_a_hundred_and_a_damaged_marker_looks_like_the_end(plane: LambdaApi) -> None:
    made = {plane.create(f"{SQS}{number}")["UUID"] for number in range(205)}

    first = plane.client.list_event_source_mappings(MaxItems=1000)
    second = plane.client.list_event_source_mappings(Marker=first["NextMarker"])
    third = plane.client.list_event_source_mappings(Marker=second["NextMarker"])

    pages = [page["EventSourceMappings"] for page in (first, second, third)]
    assert [len(page) for page in pages] == [100, 100, 5]
    assert {item["UUID"] for page in pages for item in page} == made
    assert third.get("NextMarker") is None
    assert plane.client.list_event_source_mappings(Marker="damaged")["EventSourceMappings"] == []
    assert plane.client.list_event_source_mappings(Marker=first["NextMarker"])["EventSourceMappings"] == pages[1]


def test_list_omits_the_filters_of_a_mapping_with_a_key(plane: LambdaApi) -> None:
    uuid = plane.settled(FilterCriteria=FILTERS, KMSKeyArn=KEY)

    [shown] = plane.client.list_event_source_mappings()["EventSourceMappings"]

    assert shown["KMSKeyArn"] == KEY
    assert "FilterCriteria" not in shown
    assert plane.get(uuid)["FilterCriteria"] == FILTERS


def test_tags(plane: LambdaApi) -> None:
    arn = plane.create(Tags={"a": "1"})["EventSourceMappingArn"]
    tags = lambda: plane.client.list_tags(Resource=arn)["Tags"]  # noqa: E731

    plane.client.tag_resource(Resource=arn, Tags={"b": ""})
    assert tags() == {"a": "1", "b": ""}
    plane.client.untag_resource(Resource=arn, TagKeys=["a", "absent"])
    assert tags() == {"b": ""}
    nowhere = arn[:-36] + "00000000-1111-2222-3333-444444444444"
    assert refusal(plane.client.list_tags, Resource=nowhere) == (
        404,
        "ResourceNotFoundException",
        f"Event source mapping not found: {nowhere}",
    )
    assert (
        refusal(plane.client.tag_resource, Resource=arn, Tags={str(n): "" for n in range(51)})[2]
        == "Number of tags exceeds resource tag limit."
    )


@pytest.mark.parametrize(
    ("text", "delays"),
    [
        ("0.5", Delays(0.5, 0.5, 0.5, 0.5, 0)),
        ("creating=3,deleting=1", Delays(creating=3, deleting=1)),
        ("0", Delays(0, 0, 0, 0, 0)),
    ],
)
def test_delays_are_one_number_or_one_a_transition(text: str, delays: Delays) -> None:
    assert parse_delays(text) == delays


def test_a_reset_clears_both_sides() -> None:
    started = start_sandbox("--seed", "examples/quickstart/seed.yaml")
    try:
        client = started.client()
        client.create_event_source_mapping(
            FunctionName="orders-worker", EventSourceArn=f"arn:aws:sqs:{REGION}:123456789012:orders"
        )
        urllib.request.urlopen(
            urllib.request.Request(f"{started.environ['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")
        )

        assert client.list_event_source_mappings()["EventSourceMappings"] == []
        assert client.list_functions()["Functions"] == []
    finally:
        started.process.terminate()
        started.process.wait()


def test_accounts_and_regions_are_apart() -> None:
    """An assumed role's keys lead to its account; the region is the one that the request was signed for."""
    started = start_sandbox("--seed", "examples/quickstart/seed.yaml")
    try:
        here = started.client()
        source = f"arn:aws:sqs:{REGION}:123456789012:orders"
        here.create_event_source_mapping(FunctionName="orders-worker", EventSourceArn=source)
        role = started.client("sts").assume_role(RoleArn="arn:aws:iam::210987654321:role/r", RoleSessionName="session")[
            "Credentials"
        ]
        session = boto3.Session(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"])
        there = session.client("lambda", region_name=REGION, endpoint_url=started.environ["AWS_ENDPOINT_URL"])
        elsewhere = boto3.client(
            "lambda", region_name="us-east-1", endpoint_url=started.environ["AWS_ENDPOINT_URL"],
            aws_access_key_id="x", aws_secret_access_key="x",
        )  # fmt: skip

        counts = [
            len(client.list_event_source_mappings()["EventSourceMappings"]) for client in (here, there, elsewhere)
        ]
        assert counts == [1, 0, 0]
    finally:
        started.process.terminate()
        started.process.wait()


def test_one_queue_name_in_two_virtual_hosts_is_two_pairs(plane: LambdaApi) -> None:
    """No recording shows that AWS refuses the second."""

    def create(host: str) -> str:
        access = [*AUTH, {"Type": "VIRTUAL_HOST", "URI": host}]
        return str(plane.create(MQ, Queues=["q"], SourceAccessConfigurations=access)["UUID"])

    assert create("/") != create("shop")
    assert refusal(create, "shop")[1] == "ResourceConflictException"


def test_a_create_and_a_page_do_not_grow_with_what_is_there(plane: LambdaApi) -> None:
    """Of 2,000 mappings, a create compares claims, and a page looks at a hundred: no member of the others is read."""
    store = Mappings("123456789012", REGION, plane.world, Delays(0, 0, 0, 0, 0), plane.time)
    for number in range(2000):
        store.create({"FunctionName": "f", "EventSourceArn": f"{SQS}{number}"})
    shown: list[str] = []
    store._listed = lambda item: shown.append(item.uuid) or {}  # type: ignore[method-assign,func-returns-value]  # counts what a page reads

    store.create({"FunctionName": "f", "EventSourceArn": SQS})
    page = store.page({})

    assert len(shown) == 100
    assert page["NextMarker"]


@pytest.mark.parametrize("evidence", sorted({rule.evidence for rule in RULES}))
def test_a_recorded_answer_is_in_the_section_that_the_rule_names(evidence: str) -> None:
    place, _, row = evidence.partition(": ")
    page, _, anchor = place.partition("#")
    text = (Path(__file__).parents[2] / "docs/aws" / page).read_text(encoding="utf-8")
    heading = f"## {anchor.replace('-', ' ').capitalize()}\n"

    assert heading in text
    # Only the table of messages has a row for each situation.
    section = text.partition(heading)[2].partition("\n## ")[0]
    assert anchor != "messages" or row.partition(", after")[0] in section
