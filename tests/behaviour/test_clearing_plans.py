"""docs/aws/updates.md#clearing, row by row: set, changed, removed ends at AWS's default, by the right sentinel, in the
same mapping.

Each case applies three manifests and looks at what the last update sent and at what AWS then shows.
"""

from __future__ import annotations

from typing import Any

import pytest

from provisioner import workflow
from provisioner.errors import ManifestError, RefusedError
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.plan import Action, Problem
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import DOCDB, DYNAMODB, FIFO, KINESIS, MQ, MSK, SQS
from tests.support.stack import Stack

BASIC = [{"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}]
QUEUE = {"function_name": "f", "event_source_arn": SQS}
STREAM = {"function_name": "f", "event_source_arn": KINESIS, "starting_position": "LATEST"}
TABLE = {**STREAM, "event_source_arn": DYNAMODB}
CLUSTER = {"function_name": "f", "event_source_arn": MSK, "topics": ["events"]}
BROKERS = {
    "function_name": "f",
    "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:1"]}},
    "topics": ["events"],
    "source_access_configuration": [
        {"type": "SASL_SCRAM_512_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}
    ],
}
SHARED = {**BROKERS, "self_managed_kafka_event_source_config": {"consumption_mode": "Queue"}}
BROKER = {"function_name": "f", "event_source_arn": MQ, "queues": ["q"], "source_access_configuration": BASIC}
DATABASE = {
    "function_name": "f",
    "event_source_arn": DOCDB,
    "source_access_configuration": BASIC,
    "document_db_event_source_config": {"database_name": "d"},
}
POLLERS = {"provisioned_poller_config": {"minimum_pollers": 2}}
KEY, OTHER_KEY = (f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{number}" for number in (1, 2))
FAILED, LOST = (f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("failed", "lost"))
GONE = object()
"""Not in the answer at all."""


def filters(*values: int) -> dict[str, Any]:
    return {"filter": [{"pattern": {"a": [value]}} for value in values]}


def sent_filters(value: int) -> dict[str, Any]:
    return {"Filters": [{"Pattern": f'{{"a":[{value}]}}'}]}


def registry(uri: str) -> dict[str, Any]:
    block = {"schema_registry_uri": f"https://{uri}.example.com", "event_record_format": "JSON"}
    return {**POLLERS, "amazon_managed_kafka_event_source_config": {"schema_registry_config": block}}


def on_failure(target: str) -> dict[str, Any]:
    return {"destination_config": {"on_failure": {"destination_arn": target}}}


def window(seconds: int) -> dict[str, Any]:
    return {"maximum_batching_window_in_seconds": seconds}


# The base; what is set; what it is changed to; the update that takes it away; the member as AWS shows it afterwards.
ROWS = [
    pytest.param(QUEUE, {"filter_criteria": filters(1)}, {"filter_criteria": filters(1, 2)}, {"FilterCriteria": {}}, GONE, id="FilterCriteria"),
    pytest.param(QUEUE, {"filter_criteria": filters(1), "kms_key_arn": KEY}, {"filter_criteria": filters(2), "kms_key_arn": OTHER_KEY}, {"FilterCriteria": {}}, GONE, id="FilterCriteria also erases KMSKeyArn"),
    pytest.param({**QUEUE, "filter_criteria": filters(1)}, {"kms_key_arn": KEY}, {"kms_key_arn": OTHER_KEY}, {"KMSKeyArn": "", "FilterCriteria": sent_filters(1)}, GONE, id="KMSKeyArn"),
    pytest.param(QUEUE, {"scaling_config": {"maximum_concurrency": 5}}, {"scaling_config": {"maximum_concurrency": 6}}, {"ScalingConfig": {}}, GONE, id="ScalingConfig"),
    pytest.param({**QUEUE, "event_source_arn": FIFO}, {"scaling_config": {"maximum_concurrency": 5}}, {"scaling_config": {"maximum_concurrency": 6}}, {"ScalingConfig": {}}, GONE, id="ScalingConfig, FIFO"),
    pytest.param(QUEUE, {"provisioned_poller_config": {"minimum_pollers": 2}}, {"provisioned_poller_config": {"minimum_pollers": 3}}, {"ProvisionedPollerConfig": {}}, GONE, id="ProvisionedPollerConfig"),
    pytest.param(BROKERS, {"provisioned_poller_config": {"minimum_pollers": 1}}, {"provisioned_poller_config": {"maximum_pollers": 9}}, {"ProvisionedPollerConfig": {}}, GONE, id="ProvisionedPollerConfig, Kafka"),
    pytest.param({**CLUSTER, **POLLERS}, {"provisioned_poller_config": {"minimum_pollers": 2, "poller_group_name": "one"}}, {"provisioned_poller_config": {"minimum_pollers": 2, "poller_group_name": "two"}}, {"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 200, "PollerGroupName": ""}}, {"MinimumPollers": 2, "MaximumPollers": 200}, id="PollerGroupName"),
    pytest.param(QUEUE, {"metrics_config": {"metrics": ["EventCount"]}}, {"metrics_config": {"metrics": ["EventCount"]}}, {"MetricsConfig": {}}, {"Metrics": []}, id="MetricsConfig"),
    pytest.param(QUEUE, {"function_response_types": ["ReportBatchItemFailures"]}, {"function_response_types": ["ReportBatchItemFailures"]}, {"FunctionResponseTypes": []}, [], id="FunctionResponseTypes"),
    pytest.param({**CLUSTER, **POLLERS}, registry("one"), registry("two"), {"AmazonManagedKafkaEventSourceConfig": {"SchemaRegistryConfig": {}}}, None, id="SchemaRegistryConfig"),
    pytest.param(STREAM, on_failure(FAILED), on_failure(LOST), {"DestinationConfig": {}}, {"OnFailure": {}}, id="DestinationConfig"),
    pytest.param(CLUSTER, on_failure(FAILED), on_failure("kafka://lost"), {"DestinationConfig": {}}, GONE, id="DestinationConfig, Kafka"),
    pytest.param(STREAM, {"maximum_retry_attempts": 3}, {"maximum_retry_attempts": 0}, {"MaximumRetryAttempts": -1}, -1, id="MaximumRetryAttempts"),
    pytest.param(SHARED, {"maximum_retry_attempts": 3}, {"maximum_retry_attempts": 4}, {"MaximumRetryAttempts": 0}, 0, id="MaximumRetryAttempts, Queue-mode Kafka"),
    pytest.param(STREAM, {"maximum_record_age_in_seconds": 60}, {"maximum_record_age_in_seconds": 61}, {"MaximumRecordAgeInSeconds": -1}, -1, id="MaximumRecordAgeInSeconds"),
    pytest.param(STREAM, {"parallelization_factor": 3}, {"parallelization_factor": 10}, {"ParallelizationFactor": 1}, 1, id="ParallelizationFactor"),
    pytest.param(TABLE, {"tumbling_window_in_seconds": 3}, {"tumbling_window_in_seconds": 900}, {"TumblingWindowInSeconds": 0}, 0, id="TumblingWindowInSeconds"),
    pytest.param(TABLE, {"bisect_batch_on_function_error": True}, {"bisect_batch_on_function_error": True}, {"BisectBatchOnFunctionError": False}, False, id="BisectBatchOnFunctionError"),
    pytest.param(QUEUE, window(1), window(300), {"MaximumBatchingWindowInSeconds": 0}, 0, id="MaximumBatchingWindowInSeconds, SQS"),
    pytest.param(STREAM, window(1), window(300), {"MaximumBatchingWindowInSeconds": 0}, 0, id="MaximumBatchingWindowInSeconds, Kinesis"),
    pytest.param(TABLE, window(1), window(300), {"MaximumBatchingWindowInSeconds": 0}, 0, id="MaximumBatchingWindowInSeconds, DynamoDB"),
    pytest.param(QUEUE, {"batch_size": 1}, {"batch_size": 2}, {"BatchSize": 10}, 10, id="BatchSize, SQS"),
    pytest.param(STREAM, {"batch_size": 1}, {"batch_size": 10000}, {"BatchSize": 100}, 100, id="BatchSize, Kinesis"),
    pytest.param(BROKER, {"batch_size": 1}, {"batch_size": 10000}, {"BatchSize": 100}, 100, id="BatchSize, MQ"),
    pytest.param(QUEUE, {"enabled": False}, {"enabled": False}, {"Enabled": True}, GONE, id="Enabled"),
    pytest.param(DATABASE, {}, {"document_db_event_source_config": {"database_name": "d", "full_document": "UpdateLookup"}}, {"DocumentDBEventSourceConfig": {"FullDocument": "Default"}}, {"DatabaseName": "d", "FullDocument": "Default"}, id="DocumentDBEventSourceConfig.FullDocument"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "first", "second", "update", "left"), ROWS)
def test_set_changed_removed(
    stack: Stack, base: dict[str, Any], first: dict[str, Any], second: dict[str, Any], update: dict[str, Any], left: Any
) -> None:
    stack.applied({**base, **first})
    uuid = stack.uuid
    stack.applied({**base, **second})
    stack.updates()

    stack.applied(base)

    assert stack.updates() == [update]
    assert stack.uuid == uuid
    member = next(iter(update))
    if member == "AmazonManagedKafkaEventSourceConfig":
        assert stack.live()[member].keys() == {"ConsumerGroupId"}
    elif left is GONE:
        assert member not in stack.live()
    else:
        assert stack.live()[member] == left
    assert stack.live()["State"] == "Enabled"


def test_kms_key_without_filters_is_refused_by_the_manifest(stack: Stack) -> None:
    with pytest.raises(ManifestError) as caught:
        stack.apply_mapping({**QUEUE, "kms_key_arn": KEY})

    [found] = caught.value.diagnostics
    assert isinstance(found, Diagnostic)
    assert found.code == "E210"


def test_filters_again_after_clearing_go_with_their_key(stack: Stack) -> None:
    stack.applied({**QUEUE, "filter_criteria": filters(1), "kms_key_arn": KEY})
    stack.applied(QUEUE)
    stack.updates()

    stack.applied({**QUEUE, "filter_criteria": filters(1), "kms_key_arn": KEY})

    assert stack.updates() == [{"FilterCriteria": sent_filters(1), "KMSKeyArn": KEY}]
    assert stack.live()["KMSKeyArn"] == KEY


KEPT = [
    pytest.param({**CLUSTER, **window(5)}, CLUSTER, "maximum_batching_window_in_seconds", id="MaximumBatchingWindowInSeconds, MSK"),
    pytest.param({**BROKERS, **window(5)}, BROKERS, "maximum_batching_window_in_seconds", id="MaximumBatchingWindowInSeconds, Kafka"),
    pytest.param({**BROKER, **window(5)}, BROKER, "maximum_batching_window_in_seconds", id="MaximumBatchingWindowInSeconds, MQ"),
    pytest.param({**DATABASE, **window(5)}, DATABASE, "maximum_batching_window_in_seconds", id="MaximumBatchingWindowInSeconds, DocumentDB"),
    pytest.param({**CLUSTER, "logging_config": {"system_log_level": "DEBUG"}}, CLUSTER, "logging_config.system_log_level", id="LoggingConfig"),
    pytest.param({**CLUSTER, "source_access_configuration": [{"type": "SASL_SCRAM_512_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}]}, CLUSTER, "source_access_configuration", id="SourceAccessConfigurations"),
    pytest.param({**CLUSTER, "amazon_managed_kafka_event_source_config": {"consumer_group_id": "g"}}, CLUSTER, "amazon_managed_kafka_event_source_config.consumer_group_id", id="ConsumerGroupId"),
    pytest.param(SHARED, BROKERS, "self_managed_kafka_event_source_config.consumption_mode", id="ConsumptionMode"),
    pytest.param({**CLUSTER, "starting_position": "LATEST"}, CLUSTER, "starting_position", id="StartingPosition, MSK"),
]  # fmt: skip


@pytest.mark.parametrize(("with_it", "without", "path"), KEPT)
def test_what_cannot_be_unset_stays_with_a_note_and_never_replaces(
    stack: Stack, with_it: dict[str, Any], without: dict[str, Any], path: str
) -> None:
    stack.applied(with_it)
    stack.write(without)

    change = stack.change()

    assert change.action is Action.NO_OP
    assert [note for note in change.notes if note.startswith(f"{path} keeps its current value")]
    stack.applied(without)


REPLACED = [
    pytest.param(CLUSTER, {"amazon_managed_kafka_event_source_config": {"consumer_group_id": "g"}}, {"amazon_managed_kafka_event_source_config": {"consumer_group_id": "h"}}, id="ConsumerGroupId"),
    pytest.param(BROKERS, {"self_managed_kafka_event_source_config": {"consumption_mode": "Stream"}}, {"self_managed_kafka_event_source_config": {"consumption_mode": "Queue"}}, id="ConsumptionMode"),
    pytest.param(BROKER, {"source_access_configuration": [*BASIC, {"type": "VIRTUAL_HOST", "uri": "/"}]}, {"source_access_configuration": [*BASIC, {"type": "VIRTUAL_HOST", "uri": "v"}]}, id="VIRTUAL_HOST"),
    pytest.param(CLUSTER, {"topics": ["events"]}, {"topics": ["views"]}, id="Topics"),
    pytest.param(BROKER, {"queues": ["q"]}, {"queues": ["r"]}, id="Queues"),
    pytest.param(QUEUE, {"event_source_arn": SQS}, {"event_source_arn": f"{SQS}2"}, id="EventSourceArn"),
    pytest.param(BROKERS, {}, {"self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["c:1"]}}}, id="SelfManagedEventSource"),
    pytest.param(STREAM, {"starting_position": "LATEST"}, {"starting_position": "TRIM_HORIZON"}, id="StartingPosition"),
    pytest.param({**STREAM, "starting_position": "AT_TIMESTAMP"}, {"starting_position_timestamp": "2026-01-15T00:00:00Z"}, {"starting_position_timestamp": "2026-01-16T00:00:00Z"}, id="StartingPositionTimestamp"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "first", "second"), REPLACED)
def test_a_change_of_what_is_fixed_replaces(
    stack: Stack, base: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    stack.applied({**base, **first})
    uuid = stack.uuid
    stack.write({**base, **second})
    assert stack.change().action is Action.REPLACE

    stack.applied({**base, **second})

    assert stack.uuid != uuid
    assert len(stack.plane.client().list_event_source_mappings()["EventSourceMappings"]) == 1


def test_source_access_configurations_are_replaced_whole(stack: Stack) -> None:
    stack.applied(BROKERS)
    stack.updates()
    other = [
        {"type": "VPC_SUBNET", "uri": "subnet:subnet-1"},
        {"type": "VPC_SECURITY_GROUP", "uri": "security_group:sg-1"},
    ]

    stack.applied({**BROKERS, "source_access_configuration": other})

    [update] = stack.updates()
    assert {item["Type"] for item in update["SourceAccessConfigurations"]} == {"VPC_SUBNET", "VPC_SECURITY_GROUP"}


def test_tags_are_untagged(stack: Stack) -> None:
    stack.applied({**QUEUE, "tags": {"team": "orders", "tier": "one"}})
    stack.applied({**QUEUE, "tags": {"team": "payments", "tier": "one"}})

    stack.applied({**QUEUE, "tags": {"tier": "one"}})

    arn = stack.live()["EventSourceMappingArn"]
    tags = stack.plane.client().list_tags(Resource=arn)["Tags"]
    assert {key: value for key, value in tags.items() if not key.startswith("provisioner:")} == {"tier": "one"}


def test_the_mode_that_is_aws_default_is_no_change_when_it_is_stated(stack: Stack) -> None:
    """Section 2: whether Get shows it is not recorded; both answers are one."""
    stack.applied(BROKERS)
    uuid = stack.uuid

    stack.applied({**BROKERS, "self_managed_kafka_event_source_config": {"consumption_mode": "Stream"}})

    assert stack.uuid == uuid


def test_a_mapping_that_leaves_queue_mode_with_its_brokers_is_made_from_the_manifest_alone(stack: Stack) -> None:
    stack.applied(SHARED)
    others = {**BROKERS, "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["z:1"]}}}

    stack.applied({**others, "maximum_retry_attempts": 0})

    assert stack.live()["MaximumRetryAttempts"] == 0


def test_a_kept_queue_mode_refuses_what_it_lacks_before_anything_happens(stack: Stack) -> None:
    stack.applied(SHARED)
    stack.write({**BROKERS, **window(5)})

    with pytest.raises(RefusedError) as caught:
        stack.plan()

    [problem] = caught.value.problems
    assert isinstance(problem, Problem)
    assert "in Queue mode, which does not support maximum_batching_window_in_seconds" in problem.message


@pytest.mark.parametrize("ignored", [["filter_criteria"], []])
def test_filters_that_nobody_can_read_are_not_cleared_with_their_key(stack: Stack, ignored: list[str]) -> None:
    """Lesson 12: unknown is not absent; what AWS then refuses is better than what it would erase."""
    stack.applied({**QUEUE, "filter_criteria": filters(1), "kms_key_arn": KEY})
    uuid = stack.uuid
    workflow.remove(stack.run(), ["it"], 0.0)
    stack.plane.world.key = "AccessDeniedException"
    bare = {**QUEUE, "lifecycle": {"ignore_changes": ignored}}
    stack.write(bare)
    stack.import_(uuid)
    stack.updates()

    stack.apply_mapping(bare)

    assert all("FilterCriteria" not in update for update in stack.updates())
    stack.plane.world.key = ""
    assert stack.live()["FilterCriteria"] == sent_filters(1)


@pytest.mark.parametrize("number", ["3.0e2", "1.10", "12345678901234567890.5", "300", "1e-9"])
def test_a_number_in_a_pattern_keeps_its_spelling(stack: Stack, number: str) -> None:
    """Numbers match by their spelling: 300, 300.0 and 3.0e2 are three."""
    pattern = f'{{"a": [{number}, 1.5, {{"numeric": [">", {number}]}}]}}'

    stack.applied({**QUEUE, "filter_criteria": {"filter": [{"pattern": pattern}]}})

    [kept] = stack.live()["FilterCriteria"]["Filters"]
    assert kept["Pattern"] == f'{{"a":[{number},1.5,{{"numeric":[">",{number}]}}]}}'


# --- the open questions: either answer of AWS is handled, and reported -----------------------------------------------------


@pytest.mark.parametrize(
    ("base", "extra", "member", "field"),
    [
        (STREAM, on_failure(FAILED), "DestinationConfig", "destination_config.on_failure.destination_arn"),
        (QUEUE, {"metrics_config": {"metrics": ["EventCount"]}}, "MetricsConfig", "metrics_config.metrics"),
    ],
)
def test_a_clear_that_aws_ignores_is_reported_and_planned_again(
    stack: Stack, base: dict[str, Any], extra: dict[str, Any], member: str, field: str
) -> None:
    stack.applied({**base, **extra})
    stack.plane.ignored = {member}

    report = stack.apply_mapping(base)

    assert not report.clean
    assert report.outcomes[0].detail == f"{field} not set: AWS ignored the value"
    assert stack.change().action is Action.UPDATE
    stack.plane.ignored = set()
    stack.applied(base)


SCALED, POLLED = {"scaling_config": {"maximum_concurrency": 5}}, {"provisioned_poller_config": {"minimum_pollers": 2}}


@pytest.mark.parametrize(("first", "second"), [(SCALED, POLLED), (POLLED, SCALED)], ids=["to pollers", "from pollers"])
def test_what_excludes_each_other_is_switched_in_two_updates(
    stack: Stack, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """7.10: whether one call may clear the one and set the other is not recorded, so neither call does both."""
    stack.applied({**QUEUE, **first})
    uuid = stack.uuid
    stack.updates()

    stack.applied({**QUEUE, **second})

    assert [len(update) for update in stack.updates()] == [1, 1]
    assert stack.uuid == uuid


def test_a_registry_goes_before_the_pollers_that_it_needs(stack: Stack) -> None:
    stack.applied({**CLUSTER, **registry("one")})
    stack.updates()

    stack.applied(CLUSTER)

    assert [list(update) for update in stack.updates()] == [
        ["AmazonManagedKafkaEventSourceConfig"],
        ["ProvisionedPollerConfig"],
    ]
