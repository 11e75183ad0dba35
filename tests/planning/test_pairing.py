"""Which items of two lists a plan shows as one changed item."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.kinds.rows import NOTHING
from provisioner.planning.diff import paired_items

SUBNET = {"type": "VPC_SUBNET", "uri": "subnet:subnet-1"}
OTHER_SUBNET = {"type": "VPC_SUBNET", "uri": "subnet:subnet-2"}
SECRET = {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"}
OTHER_SECRET = {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:b"}
OPEN = {"body": {"state": ["open"], "price": [{"numeric": [">", 5]}]}}
OPEN_OR_PAID = {"body": {"state": ["open", "paid"], "price": [{"numeric": [">", 5]}]}}
EUROPE = {"body": {"region": [{"prefix": "eu-"}]}}


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        ([OPEN], [OPEN_OR_PAID], [(OPEN, OPEN_OR_PAID)]),
        ([EUROPE, OPEN], [OPEN_OR_PAID], [(EUROPE, NOTHING), (OPEN, OPEN_OR_PAID)]),
        ([OPEN], [EUROPE, OPEN_OR_PAID], [(OPEN, OPEN_OR_PAID), (NOTHING, EUROPE)]),
        ([SUBNET, SECRET], [OTHER_SECRET, OTHER_SUBNET], [(SUBNET, OTHER_SUBNET), (SECRET, OTHER_SECRET)]),
        ([{"a": [1]}], [{"b": [1]}], [({"a": [1]}, NOTHING), (NOTHING, {"b": [1]})]),
        (["x"], ["y"], [("x", NOTHING), (NOTHING, "y")]),
        ([None], [1], [(None, NOTHING), (NOTHING, 1)]),
        ([1], [{"a": [1]}], [(1, NOTHING), (NOTHING, {"a": [1]})]),
        ([], [OPEN], [(NOTHING, OPEN)]),
        ([OPEN], [], [(OPEN, NOTHING)]),
        ([{"__a": [1]}], [{"__a": [2]}], [({"__a": [1]}, {"__a": [2]})]),
    ],
)
def test_the_most_similar_objects_are_paired(before: list[Any], after: list[Any], pairs: list[Any]) -> None:
    assert paired_items(before, after) == pairs
