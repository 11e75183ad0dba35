"""Which actions of the function's role AWS was seen to check when a mapping is made: not all that its texts name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.lambda_api import DYNAMODB, KINESIS, LambdaApi

CONSUMER = f"{KINESIS}/consumer/c:1"


@pytest.mark.parametrize(
    ("source", "service", "checked", "ignored"),
    [
        (KINESIS, "kinesis", {"DescribeStream", "GetRecords", "GetShardIterator"},
         {"DescribeStreamSummary", "ListShards", "ListStreams", "SubscribeToShard", "DescribeStreamConsumer"}),
        (CONSUMER, "kinesis", {"DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords", "SubscribeToShard"},
         {"DescribeStream", "DescribeStreamConsumer", "ListStreams"}),
        (DYNAMODB, "dynamodb", {"DescribeStream", "GetRecords", "GetShardIterator"}, {"ListStreams"}),
    ],
)  # fmt: skip
def test_the_actions_that_a_create_checks(
    plane: LambdaApi, source: str, service: str, checked: set[str], ignored: set[str]
) -> None:
    refused = set()
    for number, action in enumerate(sorted(checked | ignored)):
        plane.world.denied = {f"{service}:{action}"}
        members: dict[str, Any] = {"StartingPosition": "LATEST"}
        try:
            plane.create(source, f"f{number}", **members)
        except ClientError:
            refused.add(action)

    assert refused == checked
