"""Where false differences die."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.kinds.canonical import canonical, fill_kept
from provisioner.model.canonical import with_value
from provisioner.model.sources import SourceKind

FULL = "arn:aws:lambda:eu-west-1:123456789012:function:f"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"function_name": "f"}, {"function_name": FULL}),
        ({"function_name": "f"}, {"function_name": "123456789012:function:f"}),
        ({"function_name": "f:prod"}, {"function_name": f"{FULL}:prod"}),
        ({"batch_size": 10}, {}),
        ({"enabled": True}, {}),
        ({"function_response_types": []}, {}),
        ({"filter_criteria": {"filter": []}}, {}),
        ({"scaling_config": {}}, {}),
        ({"kms_key_arn": ""}, {}),
        ({"destination_config": {"on_failure": {}}}, {}),
        ({"destination_config": {"on_failure": {"destination_arn": ""}}}, {}),
        ({"metrics_config": {"metrics": []}}, {}),
        (
            {"filter_criteria": {"filter": [{"pattern": '{"a": [1]}'}, {"pattern": {"b": [2]}}]}},
            {
                "filter_criteria": {
                    "filter": [{"pattern": {"b": [2]}}, {"pattern": {"a": [1]}}, {"pattern": {"a": [1]}}]
                }
            },
        ),
        (
            {"source_access_configuration": [{"type": "A", "uri": "1"}, {"type": "B", "uri": "2"}]},
            {"source_access_configuration": [{"uri": "2", "type": "B"}, {"type": "A", "uri": "1"}]},
        ),
        (
            {
                "source_access_configuration": [
                    {"type": "VPC_SUBNET", "uri": "subnet:subnet-0aaa"},
                    {"type": "VPC_SECURITY_GROUP", "uri": "sg-0bbb"},
                ]
            },
            {
                "source_access_configuration": [
                    {"type": "VPC_SUBNET", "uri": "subnet-0aaa"},
                    {"type": "VPC_SECURITY_GROUP", "uri": "security_group:sg-0bbb"},
                ]
            },
        ),
        (
            {"self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": "b:1, a:1"}}},
            {"self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:1", "b:1"]}}},
        ),
        (
            {"starting_position_timestamp": "2026-01-15T01:00:00.75+01:00"},
            {"starting_position_timestamp": "2026-01-15T00:00:00Z"},
        ),
        (
            {"provisioned_poller_config": {"minimum_pollers": 2}},
            {"provisioned_poller_config": {"maximum_pollers": 200, "minimum_pollers": 2}},
        ),
    ],
)
def test_two_spellings_of_one_meaning_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical(one, SourceKind.SQS) == canonical(other, SourceKind.SQS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"function_name": "f"}, {"function_name": "f:$LATEST"}),
        ({"function_name": "f"}, {"function_name": "f:prod"}),
        ({"maximum_retry_attempts": 0}, {}),
        ({"maximum_retry_attempts": 0}, {"maximum_retry_attempts": -1}),
        ({"batch_size": 100}, {}),
        ({"enabled": False}, {}),
        ({"provisioned_poller_config": {"minimum_pollers": 2}}, {}),
        (
            {"filter_criteria": {"filter": [{"pattern": {"a": [1]}}]}},
            {"filter_criteria": {"filter": [{"pattern": {"a": ["1"]}}]}},
        ),
        ({"tags": {"a": ""}}, {}),
    ],
)
def test_two_meanings_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical(one, SourceKind.SQS) != canonical(other, SourceKind.SQS)


def test_the_default_is_the_kinds_own() -> None:
    assert canonical({"batch_size": 100}, SourceKind.KINESIS) == {}
    assert canonical({"maximum_retry_attempts": 0}, SourceKind.KAFKA_QUEUE) == {}
    # What has no known default is a value even when it is zero.
    assert canonical({"maximum_batching_window_in_seconds": 0}, SourceKind.MSK) == {
        "maximum_batching_window_in_seconds": 0
    }


def test_silence_keeps_what_is_kept() -> None:
    live = {
        "batch_size": 7,
        "starting_position": "LATEST",
        "maximum_batching_window_in_seconds": 3,
        "amazon_managed_kafka_event_source_config": {"consumer_group_id": "generated"},
    }

    assert fill_kept({}, live, SourceKind.MSK) == {name: value for name, value in live.items() if name != "batch_size"}
    stated = {"amazon_managed_kafka_event_source_config": {"consumer_group_id": "mine"}}
    assert fill_kept(stated, live, SourceKind.MSK)["amazon_managed_kafka_event_source_config"] == {
        "consumer_group_id": "mine"
    }


def test_a_value_is_set_and_dropped_with_the_block_that_it_leaves_empty() -> None:
    start = {"scaling_config": {"maximum_concurrency": 5}, "batch_size": 1}

    assert with_value(start, ("scaling_config", "maximum_concurrency"), None) == {"batch_size": 1}
    assert with_value({}, ("tags", "a"), "") == {"tags": {"a": ""}}
    assert with_value(start, ("enabled",), False)["enabled"] is False
