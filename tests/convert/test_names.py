"""Names come from function and source: never from the order of what is found, and never from UUIDs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.convert.names import names_of
from provisioner.model.references import MAPPING_NAME
from tests.convert.found import entry, of, sqs

ARN = "arn:aws:{}:eu-west-1:123456789012:{}"


def from_(service: str, resource: str, **fields: Any) -> Any:
    return of({"function_name": "checkout", "event_source_arn": ARN.format(service, resource), **fields})


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (sqs("checkout", "orders"), "checkout-orders"),
        (sqs("checkout:live", "orders.fifo"), "checkout-orders-fifo"),
        (sqs("Check_out", "orders"), "Check_out-orders"),
        (from_("kinesis", "stream/clicks"), "checkout-clicks"),
        (from_("kinesis", "stream/clicks/consumer/enricher:1767225600"), "checkout-clicks-enricher"),
        (from_("dynamodb", "table/customers/stream/2026-01-01T00:00:00.000"), "checkout-customers"),
        (from_("kafka", "cluster/core/0a1b2c3d-1", topics=["events"]), "checkout-core-events"),
        (from_("mq", "broker:billing:b-1", queues=["a.b"]), "checkout-billing-a-b"),
        (from_("rds", "cluster:catalogue"), "checkout-catalogue"),
        (
            of({
                "function_name": "f",
                "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:1"]}},
                "topics": ["t"],
            }),
            "f-kafka-t",
        ),
        (entry("thumb:live", "media.uploads"), "thumb-media-uploads"),
    ],
)  # fmt: skip
def test_a_name_is_function_and_source(found: Any, name: str) -> None:
    assert names_of([found]) == [name]


def test_all_that_clash_get_what_tells_them_apart() -> None:
    clash = [sqs("f", "q"), sqs("f:live", "q", 2), sqs("f:old", "q", 3)]

    assert names_of(clash) == ["f-q", "f-live-q", "f-old-q"]
    assert names_of([sqs("f", "q"), entry("f", "q")]) == ["f-q-sqs", "f-q-s3"]
    assert names_of([sqs("f", "q"), sqs("f", "q", 2, "us-east-1")]) == ["f-q-sqs-eu-west-1", "f-q-sqs-us-east-1"]
    assert names_of([sqs("f", "q"), sqs("F", "q", 2)])[0] != "f-q"  # capitals do not tell names apart


def test_two_entries_of_a_bucket_and_a_function_are_told_apart_by_their_pairs() -> None:
    one, two = entry(ident="a", filter_prefix="in/"), entry(ident="b", filter_prefix="out/")

    names = names_of([one, two])

    assert len(set(names)) == 2
    assert all(name.startswith("f-media-s3-eu-west-1-") for name in names)
    # Not from their ids, which a console makes anew.
    assert names_of([entry(ident="c", filter_prefix="in/"), two]) == names


def test_a_name_that_there_is_already_wins() -> None:
    assert names_of([sqs(given="mine"), sqs("g", "q", 2)]) == ["mine", "g-q"]
    assert names_of([sqs(given="twice"), sqs("g", "q", 2, given="Twice")]) == ["f-q", "g-q"]
    assert names_of([sqs(given="no name")]) == ["f-q"]
    assert names_of([sqs(given="g-q"), sqs("g", "q", 2)]) == ["g-q", "g-q-sqs"]


def test_a_name_of_another_mapping_is_never_taken() -> None:
    assert names_of([sqs()], ["F-Q"]) == ["f-q-sqs"]
    assert names_of([sqs(given="mine")], ["mine"]) == ["f-q"]


def test_a_long_name_keeps_its_hash() -> None:
    one, two = names_of([sqs("f" * 64, "q" * 79 + "a"), sqs("f" * 64, "q" * 79 + "b", 2)])

    assert {len(one), len(two)} == {128}
    assert one[:-5] == two[:-5]
    assert one != two


functions = st.sampled_from(["f", "F", "f:live", "g", "f-q"])
queues = st.sampled_from(["q", "Q", "q.fifo", "q-sqs", "live-q"])
fleets = st.lists(st.tuples(functions, queues, st.sampled_from(["eu-west-1", "us-east-1"])), unique=True, max_size=12)


@given(fleets, st.randoms())
def test_the_order_decides_nothing(fleet: list[tuple[str, str, str]], random: Any) -> None:
    found = [sqs(function, queue, number, region) for number, (function, queue, region) in enumerate(fleet)]
    # Another order, and other UUIDs.
    shuffled = [sqs(function, queue, 100 + number, region) for number, (function, queue, region) in enumerate(fleet)]
    random.shuffle(shuffled)

    names, others = names_of(found), names_of(shuffled)

    assert {item.pair: name for item, name in zip(found, names, strict=True)} == {
        item.pair: name for item, name in zip(shuffled, others, strict=True)
    }
    assert len({name.lower() for name in names}) == len(names)
    assert all(MAPPING_NAME.fullmatch(name) for name in names)
