"""Between the API's shapes and ours: what an update sends, row by row of docs/aws/updates.md#clearing."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.aws.convert import create_request, live_mapping, update_requests
from provisioner.errors import ServiceError
from provisioner.kinds.canonical import canonical
from provisioner.model.live import Owner
from provisioner.model.provider import Provider
from provisioner.model.sources import SourceKind

SQS, KINESIS, MSK, KAFKA, MQ, DOCUMENTDB = (
    SourceKind.SQS, SourceKind.KINESIS, SourceKind.MSK, SourceKind.KAFKA, SourceKind.MQ, SourceKind.DOCUMENTDB,
)  # fmt: skip

FILTER = {"filter_criteria": {"filter": [{"pattern": {"a": [1]}}]}}
OTHER = {"filter_criteria": {"filter": [{"pattern": {"b": [2]}}]}}
KEY = {"kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"}
API_FILTER = {"Filters": [{"Pattern": '{"a":[1]}'}]}
API_OTHER = {"Filters": [{"Pattern": '{"b":[2]}'}]}
REGISTRY = {"schema_registry_uri": "https://r", "event_record_format": "JSON"}
API_REGISTRY = {"SchemaRegistryURI": "https://r", "EventRecordFormat": "JSON"}
HOST, AUTH, AUTH2 = (
    {"type": "VIRTUAL_HOST", "uri": "/"},
    {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"},
    {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t"},
)


def msk(**values: Any) -> dict[str, Any]:
    return {"amazon_managed_kafka_event_source_config": {"consumer_group_id": "g", **values}}


@pytest.mark.parametrize(
    ("kind", "live", "desired", "request_"),
    [
        pytest.param(SQS, {"batch_size": 5}, {"batch_size": 7}, {"BatchSize": 7}, id="only what changed"),
        pytest.param(SQS, {"function_name": "f"}, {"function_name": "g"}, {"FunctionName": "g"}, id="FunctionName when it changes"),
        pytest.param(SQS, FILTER, {}, {"FilterCriteria": {}}, id="FilterCriteria cleared"),
        pytest.param(SQS, {**FILTER, **KEY}, {}, {"FilterCriteria": {}}, id="filters cleared take the key with them"),
        pytest.param(SQS, {**FILTER, **KEY}, FILTER, {"FilterCriteria": API_FILTER, "KMSKeyArn": ""}, id="KMSKeyArn cleared"),
        pytest.param(SQS, {**FILTER, **KEY}, {**OTHER, **KEY}, {"FilterCriteria": API_OTHER, "KMSKeyArn": KEY["kms_key_arn"]}, id="filters and key together"),
        pytest.param(SQS, FILTER, {**FILTER, **KEY}, {"FilterCriteria": API_FILTER, "KMSKeyArn": KEY["kms_key_arn"]}, id="a key for filters that stay"),
        pytest.param(SQS, {"scaling_config": {"maximum_concurrency": 5}}, {}, {"ScalingConfig": {}}, id="ScalingConfig cleared"),
        pytest.param(SQS, {"provisioned_poller_config": {"minimum_pollers": 3}}, {}, {"ProvisionedPollerConfig": {}}, id="ProvisionedPollerConfig cleared"),
        pytest.param(MSK, {"provisioned_poller_config": {"minimum_pollers": 3, "poller_group_name": "p"}}, {"provisioned_poller_config": {"minimum_pollers": 3}}, {"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 200, "PollerGroupName": ""}}, id="PollerGroupName cleared"),
        pytest.param(SQS, {"metrics_config": {"metrics": ["EventCount"]}}, {}, {"MetricsConfig": {}}, id="MetricsConfig cleared"),
        pytest.param(SQS, {"function_response_types": ["ReportBatchItemFailures"]}, {}, {"FunctionResponseTypes": []}, id="FunctionResponseTypes cleared"),
        pytest.param(MSK, msk(schema_registry_config=REGISTRY), msk(), {"AmazonManagedKafkaEventSourceConfig": {"SchemaRegistryConfig": {}}}, id="SchemaRegistryConfig cleared by its parent and an empty child"),
        pytest.param(MSK, msk(), msk(schema_registry_config=REGISTRY), {"AmazonManagedKafkaEventSourceConfig": {"SchemaRegistryConfig": API_REGISTRY}}, id="SchemaRegistryConfig set without the consumer group"),
        pytest.param(KINESIS, {"destination_config": {"on_failure": {"destination_arn": "a"}}}, {}, {"DestinationConfig": {}}, id="DestinationConfig cleared"),
        pytest.param(KINESIS, {"maximum_retry_attempts": 3, "maximum_record_age_in_seconds": 60}, {}, {"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1}, id="retries and age back to -1"),
        pytest.param(SourceKind.KAFKA_QUEUE, {"maximum_retry_attempts": 3}, {}, {"MaximumRetryAttempts": 0}, id="retries of Queue mode back to 0"),
        pytest.param(KINESIS, {"parallelization_factor": 3, "tumbling_window_in_seconds": 9, "bisect_batch_on_function_error": True}, {}, {"ParallelizationFactor": 1, "TumblingWindowInSeconds": 0, "BisectBatchOnFunctionError": False}, id="factor, window, bisect back to 1, 0, false"),
        pytest.param(SQS, {"batch_size": 7, "maximum_batching_window_in_seconds": 5}, {}, {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}, id="batch and window back to 10 and 0"),
        pytest.param(KINESIS, {"batch_size": 7}, {}, {"BatchSize": 100}, id="batch of a stream back to 100"),
        pytest.param(SQS, {"enabled": False}, {}, {"Enabled": True}, id="enabled again"),
        pytest.param(SQS, {}, {"enabled": False}, {"Enabled": False}, id="disabled"),
        pytest.param(MQ, {"source_access_configuration": [AUTH, HOST]}, {"source_access_configuration": [AUTH2, HOST]}, {"SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t"}]}, id="access without the virtual host"),
        pytest.param(DOCUMENTDB, {"document_db_event_source_config": {"database_name": "d", "full_document": "UpdateLookup"}}, {"document_db_event_source_config": {"database_name": "d"}}, {"DocumentDBEventSourceConfig": {"FullDocument": "Default"}}, id="FullDocument back to Default"),
        pytest.param(SQS, {"tags": {"a": "b"}}, {}, {}, id="tags have calls of their own"),
    ],
)  # fmt: skip
def test_an_update_sends(
    kind: SourceKind, live: dict[str, Any], desired: dict[str, Any], request_: dict[str, Any]
) -> None:
    here, there = canonical(live, kind), canonical(desired, kind)
    changed = {name for name in here.keys() | there.keys() if here.get(name) != there.get(name)}

    assert update_requests(here, there, kind, changed) == ([request_] if request_ else [])


@pytest.mark.parametrize(
    ("kind", "live", "desired", "requests"),
    [
        pytest.param(SQS, {"scaling_config": {"maximum_concurrency": 5}}, {"provisioned_poller_config": {"minimum_pollers": 2}},
            [{"ScalingConfig": {}}, {"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 200}}], id="scaling goes before pollers come"),
        pytest.param(SQS, {"provisioned_poller_config": {"minimum_pollers": 2}, "batch_size": 5}, {"scaling_config": {"maximum_concurrency": 5}},
            [{"BatchSize": 10, "ProvisionedPollerConfig": {}}, {"ScalingConfig": {"MaximumConcurrency": 5}}], id="pollers go before scaling comes"),
        pytest.param(SourceKind.MSK, {"provisioned_poller_config": {"minimum_pollers": 1}, "metrics_config": {"metrics": ["EventCount"]},
                "amazon_managed_kafka_event_source_config": {"schema_registry_config": {"schema_registry_uri": "u"}}}, {},
            [{"MetricsConfig": {}, "AmazonManagedKafkaEventSourceConfig": {"SchemaRegistryConfig": {}}}, {"ProvisionedPollerConfig": {}}], id="what needs pollers goes first"),
    ],
)  # fmt: skip
def test_what_excludes_or_needs_each_other_goes_in_steps(
    kind: SourceKind, live: dict[str, Any], desired: dict[str, Any], requests: list[dict[str, Any]]
) -> None:
    """docs/aws/updates.md#clearing, docs/aws/errors.md#order: whether one call may do both is not known."""
    here, there = canonical(live, kind), canonical(desired, kind)

    assert update_requests(here, there, kind, live.keys() | desired.keys()) == requests


def test_what_did_not_change_is_not_sent_even_when_it_is_unknown() -> None:
    """Filters that AWS could not decrypt are absent in live; an update of something else leaves them alone."""
    assert update_requests(KEY, {**FILTER, **KEY, "batch_size": 5}, SQS, {"batch_size"}) == [{"BatchSize": 5}]


def test_a_create_carries_tags_and_ownership() -> None:
    desired = canonical(
        {"function_name": "f", "event_source_arn": "a", "batch_size": 10, **FILTER, "tags": {"team": "x"}}, SQS
    )

    assert create_request(desired, Owner("s", "l", "n")) == {
        "FunctionName": "f",
        "EventSourceArn": "a",
        "FilterCriteria": API_FILTER,
        "Tags": {"team": "x", "provisioner:stack": "s", "provisioner:lineage": "l", "provisioner:name": "n"},
    }
    assert "Tags" not in create_request(canonical({"function_name": "f"}, SQS), None)


UUID = "00000001-0000-0000-0000-000000000000"


def config(**values: Any) -> dict[str, Any]:
    return {
        "UUID": UUID,
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f:live",
        "EventSourceArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/s",
        "State": "Enabled",
        "StartingPosition": "LATEST",
        **values,
    }


def test_a_recorded_answer_says_only_what_differs_from_the_defaults() -> None:
    """docs/aws/kinds.md#answers, "create Kinesis / DynamoDB"."""
    answer = config(
        BatchSize=100, BisectBatchOnFunctionError=False, DestinationConfig={"OnFailure": {}}, FunctionResponseTypes=[],
        LastProcessingResult="No records processed", MaximumBatchingWindowInSeconds=0, MaximumRecordAgeInSeconds=-1,
        MaximumRetryAttempts=-1, ParallelizationFactor=1, StateTransitionReason="User action", TumblingWindowInSeconds=0,
    )  # fmt: skip

    live = live_mapping(answer, "eu-west-1", {}, Provider())

    assert live.mapping == {
        "function_name": "f:live",
        "event_source_arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/s",
        "starting_position": "LATEST",
    }
    assert live.status.last_result == "No records processed"


@pytest.mark.parametrize(
    ("state", "enabled", "unknown"),
    [
        ("Enabled", None, set()), ("Enabling", None, set()), ("Disabled", False, set()), ("Disabling", False, set()),
        ("Creating", None, {("enabled",)}), ("Updating", None, {("enabled",)}), ("Novel", None, {("enabled",)}),
    ],
)  # fmt: skip
def test_a_state_word_says_whether_it_is_enabled(state: str, enabled: bool | None, unknown: set[tuple[str]]) -> None:
    live = live_mapping(config(State=state), "eu-west-1", {}, Provider())

    assert live.mapping.get("enabled") is enabled
    assert live.unknown == unknown


def test_filters_that_aws_cannot_decrypt_are_unknown_not_absent() -> None:
    error = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt your filter criteria"}

    live = live_mapping(config(FilterCriteriaError=error), "eu-west-1", {}, Provider())

    assert ("filter_criteria",) in live.unknown
    assert live.status.filter_error == "Lambda was unable to decrypt your filter criteria"


def test_tags_of_aws_of_ours_and_ignored_ones_are_not_the_users() -> None:
    tags = {
        "aws:cloudformation:stack-name": "x",
        "provisioner:stack": "s",
        "provisioner:lineage": "l",
        "cost": "1",
        "tmp-1": "2",
        "team": "t",
    }
    provider = Provider(ignore_tag_keys=frozenset({"cost"}), ignore_tag_prefixes=("tmp-",))

    live = live_mapping(config(), "eu-west-1", tags, provider)

    assert live.mapping["tags"] == {"team": "t"}
    assert live.owner == Owner("s", "l", "")


def test_what_the_ownership_tags_hold_commands_no_terminal() -> None:
    """Messages name the owner, and anybody can set tags."""
    tags = {"provisioner:stack": "x\x1b[31m\n::error::", "provisioner:lineage": "l\u202e", "provisioner:name": "\ud800"}

    live = live_mapping(config(), "eu-west-1", tags, Provider())

    assert live.owner == Owner("x\\x1b[31m ::error::", "l\\u202e", "\\ud800")


def test_the_groups_that_aws_makes_up_are_its_default() -> None:
    answer = config(
        EventSourceArn=None,
        Topics=["events"],
        SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:1"]}},
    )
    generated = live_mapping(
        {**answer, "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": UUID}}, "r", {}, Provider()
    )
    stated = live_mapping(
        {**answer, "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "g"}}, "r", {}, Provider()
    )

    block = "self_managed_kafka_event_source_config"
    assert generated.mapping[block] == {"consumption_mode": "Stream"}  # AWS's default, shown or not
    assert stated.mapping[block] == {"consumer_group_id": "g", "consumption_mode": "Stream"}


@pytest.mark.parametrize(
    "member",
    [
        {"UUID": "none"},
        {"UUID": 5},
        {"EventSourceMappingArn": 5},
        {"EventSourceMappingArn": "none"},
        {"FunctionArn": 5},
        {"State": ["Enabled"]},
    ],
    ids=str,
)
def test_an_answer_that_could_not_be_recorded_is_a_fault_of_aws(member: dict[str, Any]) -> None:
    """A create with such an answer stays open: AWS may have made the mapping."""
    with pytest.raises(ServiceError, match=f"unexpected response: {next(iter(member))} is"):
        live_mapping(config(**member), "eu-west-1", {}, Provider())
