"""docs/aws/kinds.md#defaults, docs/aws/kinds.md#fields: which kind has which field, what each must state, and the batch
and metrics of each.

What the answers of each kind hold is in test_answers.
"""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.aws.convert import create_request
from provisioner.errors import ManifestError
from provisioner.kinds.canonical import canonical
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.model.sources import kind_of
from provisioner.workflow import Run
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import DOCDB, DYNAMODB, FIFO, KINESIS, MQ, MSK, SQS
from tests.support.stack import Stack

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s"
BASIC = {"source_access_configuration": [{"type": "BASIC_AUTH", "uri": SECRET}]}
SASL = {"source_access_configuration": [{"type": "SASL_SCRAM_512_AUTH", "uri": SECRET}]}
BROKERS = {
    "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:1"]}},
    "topics": ["events"],
    **SASL,
}
QUEUE_MODE = {"self_managed_kafka_event_source_config": {"consumption_mode": "Queue"}}
POLLERS = {"provisioned_poller_config": {"minimum_pollers": 2}}

# The least that each kind may say.
KINDS: dict[str, dict[str, Any]] = {
    "sqs": {"event_source_arn": SQS},
    "fifo": {"event_source_arn": FIFO},
    "kinesis": {"event_source_arn": KINESIS, "starting_position": "LATEST"},
    "dynamodb": {"event_source_arn": DYNAMODB, "starting_position": "LATEST"},
    "msk": {"event_source_arn": MSK, "topics": ["events"]},
    "kafka": BROKERS,
    "kafka-queue": {
        **BROKERS,
        **QUEUE_MODE,
        "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["c:1"]}},
    },
    "mq": {"event_source_arn": MQ, "queues": ["q"], **BASIC},
    "documentdb": {"event_source_arn": DOCDB, "document_db_event_source_config": {"database_name": "d"}, **BASIC},
}
QUEUES, STREAMS, KAFKAS = {"sqs", "fifo"}, {"kinesis", "dynamodb"}, {"msk", "kafka", "kafka-queue"}
SELF_MANAGED = {"kafka", "kafka-queue"}
ALL = KINDS.keys()
REGISTRY = {"schema_registry_config": {"schema_registry_uri": "https://r.example.com", "event_record_format": "JSON"}}

# Each row of docs/aws/kinds.md#fields: a way to state the field, and the kinds that have it.
MATRIX = [
    pytest.param({"starting_position": "TRIM_HORIZON"}, ALL - QUEUES - {"mq", "kafka-queue"}, id="StartingPosition"),
    pytest.param({"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": "2026-01-15T00:00:00Z"}, ALL - QUEUES - {"mq", "kafka-queue", "dynamodb"}, id="AT_TIMESTAMP"),
    pytest.param({"batch_size": 10}, ALL, id="BatchSize 10"),
    pytest.param({"batch_size": 11}, ALL - QUEUES, id="BatchSize 11 without a window"),
    pytest.param({"batch_size": 10000, "maximum_batching_window_in_seconds": 1}, ALL - {"fifo", "kafka-queue"}, id="BatchSize 10000"),
    pytest.param({"maximum_batching_window_in_seconds": 1}, ALL - {"fifo", "kafka-queue"}, id="batching window"),
    pytest.param({"parallelization_factor": 2}, STREAMS, id="ParallelizationFactor"),
    pytest.param({"tumbling_window_in_seconds": 2}, STREAMS, id="TumblingWindow"),
    pytest.param({"bisect_batch_on_function_error": True}, STREAMS | KAFKAS, id="Bisect"),
    pytest.param({"maximum_record_age_in_seconds": 60}, STREAMS | KAFKAS, id="RecordAge"),
    pytest.param({"maximum_retry_attempts": 2}, STREAMS | KAFKAS, id="RetryAttempts"),
    pytest.param({"maximum_retry_attempts": -1}, (STREAMS | KAFKAS) - {"kafka-queue"}, id="RetryAttempts -1"),
    pytest.param({"destination_config": {"on_failure": {"destination_arn": SQS}}}, STREAMS | KAFKAS, id="OnFailure"),
    pytest.param({"destination_config": {"on_success": {"destination_arn": SQS}}}, set(), id="OnSuccess"),
    pytest.param({"function_response_types": ["ReportBatchItemFailures"]}, ALL - {"mq", "documentdb"}, id="FunctionResponseTypes"),
    pytest.param({"filter_criteria": {"filter": [{"pattern": {"a": [1]}}]}}, ALL - {"documentdb"}, id="FilterCriteria"),
    pytest.param({"filter_criteria": {"filter": [{"pattern": {"a": [1]}}]}, "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"}, ALL - {"documentdb"}, id="KMSKeyArn"),
    pytest.param({"source_access_configuration": [{"type": "SASL_SCRAM_512_AUTH", "uri": SECRET}]}, KAFKAS, id="SourceAccessConfigurations, SASL/SCRAM"),
    pytest.param({"source_access_configuration": [{"type": "BASIC_AUTH", "uri": SECRET}]}, SELF_MANAGED | {"mq", "documentdb"}, id="SourceAccessConfigurations, BASIC_AUTH"),
    pytest.param({"source_access_configuration": [{"type": "BASIC_AUTH", "uri": SECRET}, {"type": "VIRTUAL_HOST", "uri": "/"}]}, {"mq"}, id="SourceAccessConfigurations, VIRTUAL_HOST"),
    pytest.param({"source_access_configuration": [{"type": "IAM_AUTH"}]}, SELF_MANAGED, id="SourceAccessConfigurations, IAM_AUTH without URI"),
    pytest.param({"scaling_config": {"maximum_concurrency": 2}}, QUEUES, id="ScalingConfig"),
    pytest.param({"provisioned_poller_config": {"minimum_pollers": 2}}, QUEUES | KAFKAS, id="ProvisionedPollerConfig"),
    pytest.param({"provisioned_poller_config": {"minimum_pollers": 1}}, KAFKAS, id="ProvisionedPollerConfig, one poller"),
    pytest.param({"provisioned_poller_config": {"maximum_pollers": 2001}}, QUEUES, id="ProvisionedPollerConfig, 2001 pollers"),
    pytest.param({"scaling_config": {"maximum_concurrency": 2}, **POLLERS}, set(), id="ScalingConfig beside pollers"),
    pytest.param({"provisioned_poller_config": {"minimum_pollers": 2, "poller_group_name": "one"}}, KAFKAS, id="PollerGroupName"),
    pytest.param({"amazon_managed_kafka_event_source_config": REGISTRY, **POLLERS}, {"msk"}, id="SchemaRegistryConfig, MSK"),
    pytest.param({"amazon_managed_kafka_event_source_config": REGISTRY}, set(), id="SchemaRegistryConfig without pollers"),
    pytest.param({"logging_config": {"system_log_level": "DEBUG"}}, KAFKAS, id="LoggingConfig"),
    pytest.param({"metrics_config": {"metrics": ["EventCount"]}}, ALL - KAFKAS, id="MetricsConfig, on demand"),
    pytest.param({"metrics_config": {"metrics": ["EventCount"]}, **POLLERS}, QUEUES | KAFKAS, id="MetricsConfig, provisioned"),
    pytest.param({"metrics_config": {"metrics": ["ErrorCount", "KafkaMetrics"]}, **POLLERS}, KAFKAS, id="MetricsConfig, Kafka's own"),
    pytest.param({"topics": ["events"]}, KAFKAS, id="Topics"),
    pytest.param({"queues": ["q"]}, {"mq"}, id="Queues"),
]  # fmt: skip


def errors_of(stack: Stack, mapping: dict[str, Any]) -> list[str]:
    """The codes of what the manifest finds wrong."""
    stack.write(mapping)
    try:
        Run.on(stack.folder, stack.ui)
    except ManifestError as error:
        return [
            item.code for item in error.diagnostics if isinstance(item, Diagnostic) and item.severity is Severity.ERROR
        ]
    return []


@pytest.mark.parametrize(("stated", "kinds"), MATRIX)
def test_a_kind_has_the_field_or_it_is_refused_offline_and_by_the_control_plane(
    stack: Stack, stated: dict[str, Any], kinds: set[str]
) -> None:
    found, taken = set(), set()
    for name, base in KINDS.items():
        mapping = {"function_name": "f", **base, **stated}
        if not errors_of(stack, mapping):
            found.add(name)
        kind = kind_of(mapping)
        assert kind
        client = stack.plane.client()
        try:
            answer = client.create_event_source_mapping(**create_request(canonical(mapping, kind), None))
        except client.exceptions.ClientError as error:
            answer = error.response
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        assert status in (202, 400)
        if status == 202:
            taken.add(name)

    assert found == set(kinds)
    assert taken == found
