"""The control plane as boto3 sees it, with its world and its clock in a test's hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.clocks import Time
from tests.support.control_plane import REGION, World

SQS = f"arn:aws:sqs:{REGION}:123456789012:q"
FIFO = f"{SQS}.fifo"
KINESIS = f"arn:aws:kinesis:{REGION}:123456789012:stream/s"
DYNAMODB = f"arn:aws:dynamodb:{REGION}:123456789012:table/t/stream/l"
MSK = f"arn:aws:kafka:{REGION}:123456789012:cluster/c/1"
MQ = f"arn:aws:mq:{REGION}:123456789012:broker:b:b-1"
DOCDB = f"arn:aws:rds:{REGION}:123456789012:cluster:c"
AUTH = [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}]
SELF = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b2:1", "b1:1"]}}
SUBNET = [{"Type": "VPC_SUBNET", "URI": "s"}]
DB = {"DatabaseName": "d"}


@dataclass
class LambdaApi:
    """A control plane behind a real server, its world and its clock."""

    client: Any
    world: World
    time: Time

    def create(self, source: str = SQS, function: str = "f", **members: Any) -> dict[str, Any]:
        request = {"EventSourceArn": source, **members} if source else members
        made: dict[str, Any] = self.client.create_event_source_mapping(FunctionName=function, **request)
        return {key: value for key, value in made.items() if key != "ResponseMetadata"}

    def settled(self, source: str = SQS, function: str = "f", **members: Any) -> str:
        uuid: str = self.create(source, function, **members)["UUID"]
        self.time.now += 100
        return uuid

    def get(self, uuid: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_event_source_mapping(UUID=uuid)
        return found

    def update(self, uuid: str, **members: Any) -> dict[str, Any]:
        done: dict[str, Any] = self.client.update_event_source_mapping(UUID=uuid, **members)
        return done


def refusal(call: Any, *arguments: Any, **members: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **members)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]
