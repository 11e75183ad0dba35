"""Objects of ACK and of Crossplane."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import workflow
from provisioner.convert.conversion import Options
from provisioner.errors import UsageError
from tests.convert.converting import comments, converted, entries, entry, ids, left, loaded, spoiled, survives

UUID = "5f0c1f2e-1111-2222-3333-444455550001"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
CLUSTER = "arn:aws:kafka:eu-west-1:123456789012:cluster/events/5f0c1f2e-1111-2222-3333-444455550002-1"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:worker"
ACK, UPBOUND = "lambda.services.k8s.aws/v1alpha1", "lambda.aws.upbound.io/v1beta2"


def ack(spec: Any, kind: str = "EventSourceMapping", name: str = "orders", **more: Any) -> dict[str, Any]:
    service = {"Queue": "sqs", "Bucket": "s3", "Cluster": "kafka", "Broker": "mq", "Secret": "secretsmanager"}
    metadata = {"name": name, **more.pop("metadata", {})}
    version = f"{service.get(kind, 'lambda')}.services.k8s.aws/v1alpha1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, **more}


def crossplane(
    settings: Any, kind: str = "EventSourceMapping", name: str = "orders", version: str = "", **more: Any
) -> dict[str, Any]:
    service = {"Queue": "sqs", "Bucket": "s3", "BucketNotification": "s3", "Table": "dynamodb", "Key": "kms"}
    return {
        "apiVersion": version or f"{service.get(kind, 'lambda')}.aws.upbound.io/v1beta1",
        "kind": kind,
        "metadata": {"name": name, **more.pop("metadata", {})},
        "spec": {"forProvider": settings, **more.pop("spec", {})},
        **more,
    }


def documents(*objects: Any) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False)


SQS = {"functionName": "worker", "eventSourceARN": QUEUE}
XSQS = {"region": "eu-west-1", "functionName": "worker", "eventSourceArn": QUEUE}
OURS = {"function_name": "worker", "event_source_arn": QUEUE}

# --- the fields of a mapping -----------------------------------------------------------------------------------------

ACK_KAFKA = {
    "functionName": "worker",
    "eventSourceARN": CLUSTER,
    "topics": ["orders"],
    "startingPosition": "TRIM_HORIZON",
    "sourceAccessConfigurations": [{"type_": "SASL_SCRAM_512_AUTH", "uRI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}],
    "amazonManagedKafkaEventSourceConfig": {
        "consumerGroupID": "group",
        "schemaRegistryConfig": {
            "accessConfigs": [{"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:r"}],
            "eventRecordFormat": "JSON",
            "schemaRegistryURI": "https://registry.example.com",
            "schemaValidationConfigs": [{"attribute": "VALUE"}],
        },
    },
}  # fmt: skip
OUR_KAFKA = {
    "function_name": "worker",
    "event_source_arn": CLUSTER,
    "topics": ["orders"],
    "starting_position": "TRIM_HORIZON",
    "source_access_configuration": [
        {"type": "SASL_SCRAM_512_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}
    ],
    "amazon_managed_kafka_event_source_config": {
        "consumer_group_id": "group",
        "schema_registry_config": {
            "schema_registry_uri": "https://registry.example.com",
            "event_record_format": "JSON",
            "access_config": [{"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:r"}],
            "schema_validation_config": [{"attribute": "VALUE"}],
        },
    },
}
NEEDS_POLLERS = "schema_registry_config"
"""What Lambda has only with provisioned pollers, which ACK cannot state."""
ACK_SELF = {
    "functionName": "worker:live",
    "selfManagedEventSource": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:9092", "a:9092"]}},
    "topics": ["orders"],
    "sourceAccessConfigurations": [{"type_": "VPC_SUBNET", "uRI": "subnet:subnet-1"}],
    "selfManagedKafkaEventSourceConfig": {"consumerGroupID": "group"},
}
X_SELF = {
    "functionName": "worker:live",
    "selfManagedEventSource": [{"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": "b:9092,a:9092"}}],
    "topics": ["orders"],
    "sourceAccessConfiguration": [{"type": "VPC_SUBNET", "uri": "subnet:subnet-1"}],
    "selfManagedKafkaEventSourceConfig": [{"consumerGroupId": "group"}],
}
OUR_SELF = {
    "function_name": "worker:live",
    "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:9092", "b:9092"]}},
    "topics": ["orders"],
    "source_access_configuration": [{"type": "VPC_SUBNET", "uri": "subnet:subnet-1"}],
    "self_managed_kafka_event_source_config": {"consumer_group_id": "group"},
}
STREAM_OURS = {
    "function_name": "worker",
    "event_source_arn": STREAM,
    "starting_position": "LATEST",
    "maximum_retry_attempts": 0,
    "bisect_batch_on_function_error": True,
    "destination_config": {"on_failure": {"destination_arn": QUEUE}},
    "filter_criteria": {"filter": [{"pattern": {"data": {"a": [1]}}}]},
}
PATTERN = '{"data": {"a": [1]}}'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (ack(SQS), OURS),
        (ack({**SQS, "batchSize": 5, "scalingConfig": {"maximumConcurrency": 4}}), OURS | {"batch_size": 5, "scaling_config": {"maximum_concurrency": 4}}),
        (ack({**SQS, "functionName": FUNCTION + ":live"}), OURS | {"function_name": "worker:live"}),
        (ack({**SQS, "enabled": False}), OURS | {"enabled": False}),
        (ack({**SQS, "batchSize": 10, "enabled": True}), OURS),
        (ack({**SQS, "functionResponseTypes": ["ReportBatchItemFailures"]}), OURS | {"function_response_types": ["ReportBatchItemFailures"]}),
        (ack(ACK_KAFKA), OUR_KAFKA),
        (ack(ACK_SELF), OUR_SELF),
        (
            ack({"functionName": "worker", "eventSourceARN": STREAM, "startingPosition": "LATEST", "maximumRetryAttempts": 0, "bisectBatchOnFunctionError": True, "destinationConfig": {"onFailure": {"destination": QUEUE}}, "filterCriteria": {"filters": [{"pattern": PATTERN}]}}),
            STREAM_OURS,
        ),
        (ack({"functionName": "worker", "eventSourceARN": STREAM, "startingPosition": "AT_TIMESTAMP", "startingPositionTimestamp": "2026-01-01T00:00:00Z"}), {"function_name": "worker", "event_source_arn": STREAM, "starting_position": "AT_TIMESTAMP", "starting_position_timestamp": "2026-01-01T00:00:00Z"}),
        (crossplane(XSQS), OURS),
        (crossplane(XSQS, version="lambda.aws.upbound.io/v1beta2"), OURS),
        (crossplane(XSQS, version="lambda.aws.m.upbound.io/v1beta1"), OURS),
        (crossplane(XSQS, version="lambda.aws.crossplane.io/v1alpha1"), OURS),
        (crossplane({**XSQS, "scalingConfig": [{"maximumConcurrency": 4}], "tags": {"team": "shop"}}), OURS | {"scaling_config": {"maximum_concurrency": 4}, "tags": {"team": "shop"}}),
        (crossplane({**XSQS, "scalingConfig": {"maximumConcurrency": 4}}), OURS | {"scaling_config": {"maximum_concurrency": 4}}),
        (crossplane({**X_SELF, "region": "eu-west-1"}), OUR_SELF),
        (
            crossplane({"region": "eu-west-1", "functionName": "worker", "eventSourceArn": STREAM, "startingPosition": "LATEST", "maximumRetryAttempts": 0, "bisectBatchOnFunctionError": True, "destinationConfig": [{"onFailure": [{"destinationArn": QUEUE}]}], "filterCriteria": [{"filter": [{"pattern": PATTERN}]}]}),
            STREAM_OURS,
        ),
        (
            crossplane({"region": "eu-west-1", "functionName": "worker", "eventSourceArn": STREAM, "startingPosition": "LATEST", "maximumRetryAttempts": 0, "bisectBatchOnFunctionError": True, "destinationConfig": {"onFailure": {"destinationArn": QUEUE}}, "filterCriteria": {"filter": [{"pattern": PATTERN}]}}),
            STREAM_OURS,
        ),
        (crossplane({**XSQS, "metricsConfig": [{"metrics": ["EventCount"]}], "provisionedPollerConfig": [{"minimumPollers": 3}]}), OURS | {"metrics_config": {"metrics": ["EventCount"]}, "provisioned_poller_config": {"minimum_pollers": 3, "maximum_pollers": 200}}),
        (crossplane({**XSQS, "useResourceTimeoutForPropagation": True, "destinationConfig": [], "filterCriteria": None}), OURS),
        (crossplane(XSQS, spec={"initProvider": {"batchSize": 7}}), OURS | {"batch_size": 7}),
        (crossplane({**XSQS, "batchSize": 8}, spec={"initProvider": {"batchSize": 7}}), OURS | {"batch_size": 8}),
        (crossplane({**XSQS, "scalingConfig": {}}, spec={"initProvider": {"scalingConfig": {"maximumConcurrency": 4}}}), OURS | {"scaling_config": {"maximum_concurrency": 4}}),
    ],
)  # fmt: skip
def test_the_fields_of_a_mapping(tmp_path: Path, content: Any, expected: dict[str, Any]) -> None:
    result = converted(tmp_path, {"objects.yaml": documents(content)})

    assert (entry(result), left(result), result.source.variables) == (expected, [], {})
    if NEEDS_POLLERS not in result.text:
        assert list(loaded(tmp_path, result).values()) == [expected]


@pytest.mark.parametrize(
    ("content", "what", "why"),
    [
        (ack({**SQS, "batchSize": "many"}), "batchSize of EventSourceMapping orders", '"many" is not a whole number'),
        (ack({**SQS, "noSuch": 1}), "noSuch of EventSourceMapping orders", "it is not a field of an event source mapping"),
        (ack({**SQS, "topics": ["t"]}), "topics of EventSourceMapping orders", "an SQS queue does not have it"),
        (ack({"functionName": "worker"}), "EventSourceMapping orders", "it names no source"),
        (ack({"eventSourceARN": QUEUE}), "EventSourceMapping orders", "it names no function"),
        (ack(None), "EventSourceMapping orders", "it names no source"),
        (crossplane([]), "EventSourceMapping orders", "it names no source"),
        (ack(SQS, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), "EventSourceMapping orders", "it is being deleted"),
    ],
)  # fmt: skip
def test_what_is_left_out(tmp_path: Path, content: Any, what: str, why: str) -> None:
    assert [item[1:] for item in left(converted(tmp_path, {"objects.yaml": documents(content)}))] == [(what, why)]


@pytest.mark.parametrize(
    ("content", "service"),
    [
        ({"apiVersion": "sns.services.k8s.aws/v1alpha1", "kind": "Subscription", "spec": {"protocol": "lambda"}}, "SNS"),
        ({"apiVersion": "sns.aws.upbound.io/v1beta1", "kind": "TopicSubscription", "spec": {"forProvider": {"protocol": "lambda"}}}, "SNS"),
        ({"apiVersion": "eventbridge.services.k8s.aws/v1alpha1", "kind": "Rule", "spec": {"targets": [{"id": "t", "arn": FUNCTION}]}}, "EventBridge"),
        ({"apiVersion": "cloudwatchevents.aws.upbound.io/v1beta1", "kind": "Target", "spec": {"forProvider": {"arn": FUNCTION}}}, "EventBridge"),
        ({"apiVersion": "scheduler.aws.upbound.io/v1beta1", "kind": "Schedule", "spec": {"forProvider": {"target": [{"arn": FUNCTION}]}}}, "EventBridge"),
        ({"apiVersion": "cloudwatchlogs.aws.upbound.io/v1beta1", "kind": "SubscriptionFilter", "spec": {"forProvider": {"destinationArn": FUNCTION}}}, "CloudWatch Logs"),
        ({"apiVersion": "sns.services.k8s.aws/v1alpha1", "kind": "Subscription", "spec": {"protocol": "sqs", "endpoint": QUEUE}}, ""),
        ({"apiVersion": "lambda.services.k8s.aws/v1alpha1", "kind": "FunctionURLConfig", "spec": {"functionName": "worker"}}, ""),
    ],
)  # fmt: skip
def test_a_source_that_is_not_supported_is_named(tmp_path: Path, content: Any, service: str) -> None:
    result = converted(tmp_path, {"objects.yaml": documents(ack(SQS), content)})

    expected = [f"{service} as a source is not supported yet"] if service else []
    assert [why for _, _, why in left(result)] == expected


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        documents(ack(SQS)),
        documents({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}, ack(SQS)),
        documents({"apiVersion": "v1", "kind": "List", "items": [ack(SQS)]}),
        json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [ack(SQS)]}, indent=4),
        json.dumps(ack(SQS)) + "\n" + json.dumps(ack({"name": "x"}, "Function")),
        json.dumps([ack(SQS)]),
        documents({"apiVersion": ACK, "kind": "EventSourceMappingList", "items": [{"metadata": {"name": "orders"}, "spec": SQS}]}),
        "\ufeff" + documents(ack(SQS)),
        documents(ack(SQS)).replace("\n", "\r\n"),
        "# of the platform team\n---\n" + documents(ack(SQS)) + "---\n---\n",
        documents({"apiVersion": "kubernetes.crossplane.io/v1alpha2", "kind": "Object", "metadata": {"name": "o"}, "spec": {"forProvider": {"manifest": ack(SQS)}}}),
        documents(ack(SQS, metadata={"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(ack({**SQS, "batchSize": 3}))}})),
    ],
)  # fmt: skip
def test_shapes_of_files(tmp_path: Path, text: str) -> None:
    assert entry(converted(tmp_path, {"objects.yaml": text})) == OURS


def test_objects_of_both_tools_in_one_file(tmp_path: Path) -> None:
    other = crossplane({**XSQS, "functionName": "other"})

    assert len(entries(converted(tmp_path, {"objects.yaml": documents(ack(SQS), other)}))) == 2


def test_the_place_of_what_is_left_out_is_its_document(tmp_path: Path) -> None:
    text = documents(ack(SQS), ack({}))

    line = text[: text.index("---")].count("\n") + 2
    assert left(converted(tmp_path, {"objects.yaml": text}))[0][0] == line


# --- ids, regions, states --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        ack(SQS, status={"uuid": UUID}),
        ack(SQS, status={"ackResourceMetadata": {"arn": f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{UUID}"}}),
        ack(SQS, metadata={"annotations": {"services.k8s.aws/adoption-policy": "adopt", "services.k8s.aws/adoption-fields": json.dumps({"uuid": UUID})}}),
        crossplane(XSQS, metadata={"annotations": {"crossplane.io/external-name": UUID}}),
        crossplane(XSQS, status={"atProvider": {"uuid": UUID, "id": UUID}}),
    ],
)  # fmt: skip
def test_ids(tmp_path: Path, content: Any) -> None:
    result = converted(tmp_path, {"objects.yaml": documents(content)})

    assert ids(result) == [UUID]
    assert f"id: {UUID}" in result.text


@pytest.mark.parametrize(
    "content",
    [ack(SQS), crossplane(XSQS, metadata={"annotations": {"crossplane.io/external-name": "orders"}})],
)
def test_an_object_that_was_never_applied_has_no_id(tmp_path: Path, content: Any) -> None:
    assert ids(converted(tmp_path, {"objects.yaml": documents(content)})) == [""]


NAMED = {"functionName": "worker", "selfManagedEventSource": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:9092"]}}, "topics": ["orders"], "sourceAccessConfigurations": [{"type_": "VPC_SUBNET", "uRI": "subnet:subnet-1"}]}  # fmt: skip


@pytest.mark.parametrize(
    "objects",
    [
        [ack(NAMED, metadata={"annotations": {"services.k8s.aws/region": "eu-north-1"}})],
        [ack(NAMED, status={"ackResourceMetadata": {"region": "eu-north-1", "ownerAccountID": "123456789012"}})],
        [
            ack(NAMED, metadata={"namespace": "shop"}),
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "annotations": {"services.k8s.aws/default-region": "eu-north-1"}}},
        ],
        [crossplane({**X_SELF, "region": "eu-north-1"})],
    ],
)  # fmt: skip
def test_regions(tmp_path: Path, objects: list[Any]) -> None:
    assert [item.found.region for item in converted(tmp_path, {"o.yaml": documents(*objects)}).named] == ["eu-north-1"]


def test_a_region_that_is_not_known_is_not_that_of_others(tmp_path: Path) -> None:
    other = ack({**NAMED, "functionName": "other"})
    result = converted(tmp_path, {"o.yaml": documents(ack(SQS), other)})

    assert "region: ${var.region}" in result.text
    loaded(tmp_path, result, region="eu-west-2")


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (crossplane(XSQS, metadata={"annotations": {"crossplane.io/paused": "true"}}), "Crossplane is paused for it: what is in AWS may differ"),
        (crossplane(XSQS, metadata={"annotations": {"crossplane.io/paused": True}}), "Crossplane is paused for it: what is in AWS may differ"),
        (crossplane(XSQS, spec={"managementPolicies": ["Observe"]}), "Crossplane only observes it (managementPolicies)"),
        (ack(SQS, metadata={"annotations": {"services.k8s.aws/read-only": "true"}}), "ACK only reads it (services.k8s.aws/read-only)"),
        (crossplane(XSQS, spec={"initProvider": {"batchSize": 7}}), "batchSize: it is in initProvider: Crossplane sets it when it creates the mapping, and never again"),
    ],
)  # fmt: skip
def test_notes(tmp_path: Path, content: Any, note: str) -> None:
    assert note in comments(converted(tmp_path, {"objects.yaml": documents(content)}))


def test_what_is_only_observed_has_the_values_of_its_status(tmp_path: Path) -> None:
    shown = {
        "functionArn": FUNCTION,
        "functionName": FUNCTION,
        "eventSourceArn": QUEUE,
        "batchSize": 5,
        "tumblingWindowInSeconds": 0,
        "startingPosition": "",
        "tags": {"team": "old"},
        "tagsAll": {"team": "shop"},
        "uuid": UUID,
        "state": "Enabled",
    }
    content = crossplane({"region": "eu-west-1", "batchSize": 6}, spec={"managementPolicies": ["Observe"]}, status={"atProvider": shown})  # fmt: skip
    result = converted(tmp_path, {"objects.yaml": documents(content)})

    assert (entry(result), left(result)) == (OURS | {"batch_size": 5, "tags": {"team": "shop"}}, [])


def test_the_address_is_what_kubectl_takes(tmp_path: Path) -> None:
    result = converted(tmp_path, {"o.yaml": documents(ack(SQS, metadata={"namespace": "shop"}))})

    assert result.named[0].found.owner.address == "eventsourcemapping.lambda.services.k8s.aws/orders -n shop"


# --- references ------------------------------------------------------------------------------------------------------


def ref(name: str) -> dict[str, Any]:
    return {"from": {"name": name}}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([ack({"functionRef": ref("fn"), "eventSourceARN": QUEUE}), ack({"name": "worker"}, "Function", "fn")], OURS),
        ([ack({"functionRef": ref("fn"), "functionName": "worker", "eventSourceARN": QUEUE})], OURS),
        ([ack({"functionRef": ref("fn"), "functionName": "", "eventSourceARN": QUEUE}), ack({"name": "worker"}, "Function", "fn")], OURS),
        ([ack({"functionRef": ref("fn"), "eventSourceARN": QUEUE}, status={"functionARN": FUNCTION})], OURS),
        (
            [
                ack({"functionName": "worker", "eventSourceRef": ref("events"), "topics": ["t"], "startingPosition": "LATEST"}),
                ack({"name": "events"}, "Cluster", "events", status={"ackResourceMetadata": {"arn": CLUSTER}}),
            ],
            {"function_name": "worker", "event_source_arn": CLUSTER, "topics": ["t"], "starting_position": "LATEST"},
        ),
        (
            [
                ack({"functionRef": {"from": {"name": "fn", "namespace": "a"}}, "eventSourceARN": QUEUE}, metadata={"namespace": "b"}),
                ack({"name": "other"}, "Function", "fn", metadata={"namespace": "b"}),
                ack({"name": "worker"}, "Function", "fn", metadata={"namespace": "a"}),
            ],
            OURS,
        ),
        (
            [crossplane({**XSQS, "functionName": None, "functionNameRef": {"name": "worker"}}), crossplane({}, "Function", "worker")],
            OURS,
        ),
        (
            [
                crossplane({"eventSourceArn": QUEUE, "functionNameRef": {"name": "fn", "policy": {"resolve": "Always"}}}),
                crossplane({}, "Function", "fn", metadata={"annotations": {"crossplane.io/external-name": "worker"}}),
            ],
            OURS,
        ),
        (
            [
                crossplane({"eventSourceArn": QUEUE, "functionNameSelector": {"matchLabels": {"app": "shop"}}}),
                crossplane({}, "Function", "other", metadata={"labels": {"app": "blog"}}),
                crossplane({}, "Function", "worker", metadata={"labels": {"app": "shop", "tier": "1"}}),
            ],
            OURS,
        ),
        ([crossplane({"eventSourceArn": QUEUE, "functionNameRef": {"name": "fn"}}, status={"atProvider": {"functionArn": FUNCTION}})], OURS),
        (
            [
                crossplane({"functionName": "worker", "eventSourceArn": STREAM, "startingPosition": "LATEST", "destinationConfig": {"onFailure": {"destinationArnRef": {"name": "dead"}}}}),
                crossplane({"name": "dead"}, "Queue", "dead", status={"atProvider": {"arn": QUEUE}}),
            ],
            {"function_name": "worker", "event_source_arn": STREAM, "starting_position": "LATEST", "destination_config": {"on_failure": {"destination_arn": QUEUE}}},
        ),
        (
            [
                crossplane({**XSQS, "kmsKeyArnRef": {"name": "key"}, "filterCriteria": [{"filter": [{"pattern": PATTERN}]}]}),
                crossplane({}, "Key", "key", status={"atProvider": {"arn": "arn:aws:kms:eu-west-1:123456789012:key/k"}}),
            ],
            OURS | {"kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/k", "filter_criteria": {"filter": [{"pattern": {"data": {"a": [1]}}}]}},
        ),
    ],
)  # fmt: skip
def test_references_within_the_files(tmp_path: Path, objects: list[Any], expected: dict[str, Any]) -> None:
    result = converted(tmp_path, {"objects.yaml": documents(*objects)})

    assert (entry(result), left(result), result.source.variables) == (expected, [], {})


def test_references_to_another_file(tmp_path: Path) -> None:
    files = {
        "a.yaml": documents(ack({"functionRef": ref("fn"), "eventSourceARN": QUEUE})),
        "b.yaml": documents(ack({"name": "worker"}, "Function", "fn")),
    }

    assert entry(converted(tmp_path, files, "a.yaml", "b.yaml")) == OURS


@pytest.mark.parametrize(
    ("content", "changed", "names"),
    [
        (ack({"functionRef": ref("fn"), "eventSourceARN": QUEUE}), {"function_name": "${var.fn_functionName}"}, ["fn_functionName"]),
        (ack({"functionName": "worker", "eventSourceRef": ref("c"), "topics": ["t"]}), {"event_source_arn": "${var.c_eventSourceARN}", "topics": ["t"]}, ["c_eventSourceARN"]),
        (crossplane({"eventSourceArn": QUEUE, "functionNameRef": {"name": "fn"}}), {"function_name": "${var.fn_functionName}"}, ["fn_functionName"]),
        (crossplane({"eventSourceArn": QUEUE, "functionNameSelector": {"matchLabels": {"a": "b"}}}), {"function_name": "${var.functionName}"}, ["functionName"]),
        (crossplane({**XSQS, "batchSizeSecretRef": {"name": "s", "namespace": "n", "key": "size"}}), {"batch_size": "${var.batchSize}"}, ["batchSize"]),
        (ack({**SQS, "eventSourceARN": "arn:aws:sqs:${REGION}:${ACCOUNT:-123456789012}:orders"}), {"event_source_arn": "arn:aws:sqs:${var.REGION}:${var.ACCOUNT}:orders"}, ["ACCOUNT", "REGION"]),
        (ack({**SQS, "functionName": "{{ .Values.fn }}-worker"}), {"function_name": "${var.fn}-worker"}, ["fn"]),
        (ack({**SQS, "batchSize": "${SIZE:=5}"}), {"batch_size": "${var.SIZE}"}, ["SIZE"]),
    ],
)  # fmt: skip
def test_what_the_files_do_not_have_is_a_variable(
    tmp_path: Path, content: Any, changed: dict[str, Any], names: list[str]
) -> None:
    result = converted(tmp_path, {"objects.yaml": documents(content)})

    assert (entry(result), left(result), sorted(result.source.variables)) == (OURS | changed, [], names)
    loaded(tmp_path, result)


def test_one_unknown_is_one_variable(tmp_path: Path) -> None:
    one, two = ({"functionRef": ref("fn"), "eventSourceARN": f"{QUEUE}{number}"} for number in (1, 2))

    assert len(converted(tmp_path, {"o.yaml": documents(ack(one), ack(two))}).source.variables) == 1


def test_a_parameter_is_the_value_of_what_is_put_in(tmp_path: Path) -> None:
    content = documents(ack({**SQS, "batchSize": "${SIZE}"}))

    assert entry(converted(tmp_path, {"o.yaml": content}, parameters={"SIZE": "5"})) == OURS | {"batch_size": 5}


def test_the_variables_are_typed_and_have_the_defaults_of_the_file(tmp_path: Path) -> None:
    result = converted(tmp_path, {"o.yaml": documents(ack({**SQS, "batchSize": "${SIZE:=5}", "enabled": "${ON}"}))})

    found = {name: (item.type, item.default) for name, item in result.source.variables.items()}
    assert found == {"SIZE": ("integer", 5), "ON": ("boolean", None)}
    [given] = loaded(tmp_path, result, ON="false").values()
    assert given == OURS | {"batch_size": 5, "enabled": False}


# --- buckets ---------------------------------------------------------------------------------------------------------

ENTRY = {"function_name": "worker", "event_source_arn": "arn:aws:s3:::media", "events": ["s3:ObjectCreated:*"], "filter_prefix": "in/", "filter_suffix": ".jpg", "id": "thumb"}  # fmt: skip
RULES = {"key": {"filterRules": [{"name": "prefix", "value": "in/"}, {"name": "Suffix", "value": ".jpg"}]}}
EVENTS = ["s3:ObjectCreated:*"]
X_ENTRY = {"id": "thumb", "events": EVENTS, "lambdaFunctionArn": FUNCTION, "filterPrefix": "in/", "filterSuffix": ".jpg"}  # fmt: skip


@pytest.mark.parametrize(
    "objects",
    [
        [ack({"name": "media", "notification": {"lambdaFunctionConfigurations": [{"id": "thumb", "events": EVENTS, "lambdaFunctionARN": FUNCTION, "filter": RULES}], "queueConfigurations": [{"id": "q"}]}}, "Bucket")],
        [crossplane({"region": "eu-west-1", "bucket": "media", "lambdaFunction": [X_ENTRY], "queue": [{"id": "q"}]}, "BucketNotification")],
        [crossplane({"region": "eu-west-1", "bucketRef": {"name": "media"}, "lambdaFunction": [X_ENTRY]}, "BucketNotification"), crossplane({}, "Bucket", "media")],
        [crossplane({"region": "eu-west-1", "bucketSelector": {"matchLabels": {"a": "b"}}, "lambdaFunction": [X_ENTRY]}, "BucketNotification"), crossplane({}, "Bucket", "m", metadata={"labels": {"a": "b"}, "annotations": {"crossplane.io/external-name": "media"}})],
        [crossplane({"region": "eu-west-1", "bucket": "media", "lambdaFunction": [{**X_ENTRY, "lambdaFunctionArn": None, "lambdaFunctionArnRef": {"name": "worker"}}]}, "BucketNotification"), crossplane({}, "Function", "worker")],
        [crossplane({"locationConstraint": "eu-west-1", "notificationConfiguration": {"lambdaFunctionConfigurations": [{"ID": "thumb", "events": EVENTS, "lambdaFunctionArn": FUNCTION, "filter": RULES}]}}, "Bucket", "media", version="s3.aws.crossplane.io/v1beta1")],
    ],
)  # fmt: skip
def test_entries_of_buckets(tmp_path: Path, objects: list[Any]) -> None:
    result = converted(tmp_path, {"objects.yaml": documents(*objects)}, region="eu-west-1")

    assert (entry(result), left(result), ids(result)) == (ENTRY, [], ["media/thumb"])
    assert list(loaded(tmp_path, result).values()) == [ENTRY]


def test_a_bucket_without_functions_has_nothing(tmp_path: Path) -> None:
    content = ack({"name": "media", "notification": {"topicConfigurations": [{"id": "t"}]}}, "Bucket")
    result = converted(tmp_path, {"objects.yaml": documents(content)})

    assert (entries(result), left(result)) == ([], [])


def test_a_bucket_that_is_not_in_the_files_is_a_variable(tmp_path: Path) -> None:
    settings = {"region": "eu-west-1", "bucketRef": {"name": "media"}, "lambdaFunction": [X_ENTRY]}
    result = converted(tmp_path, {"objects.yaml": documents(crossplane(settings, "BucketNotification"))})

    assert entry(result) == ENTRY | {"event_source_arn": "arn:aws:s3:::${var.media_bucket}"}
    assert ids(result) == [""]


# --- what does not belong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        ack(ACK_KAFKA, status={"uuid": UUID}, metadata={"annotations": {"a": "b"}}),
        ack({**ACK_SELF, "functionRef": ref("x"), "queueRefs": [ref("b")]}),
        ack({"name": "media", "notification": {"lambdaFunctionConfigurations": [{"id": "i", "events": EVENTS, "filter": RULES}]}}, "Bucket"),
        crossplane({**X_SELF, "functionNameSelector": {"matchLabels": {"a": "b"}}}, spec={"initProvider": {"batchSize": 1}, "managementPolicies": ["Observe"]}, status={"atProvider": {"uuid": UUID}}),
        crossplane({"bucketRef": {"name": "b"}, "lambdaFunction": [X_ENTRY]}, "BucketNotification"),
        {"apiVersion": "v1", "kind": "List", "items": [ack(SQS)]},
    ],
)  # fmt: skip
def test_what_does_not_belong_is_no_crash(tmp_path: Path, content: Any) -> None:
    survives(tmp_path, "o.json", [ack({"functionRef": ref("x"), "eventSourceARN": QUEUE}), *spoiled(content)])


@pytest.mark.parametrize(
    "line",
    ["  spec: [", "{{- if .Values.mapping }}", "spec: {"],
)
def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match=r"o\.yaml:\d+: not YAML"):
        converted(tmp_path, {"o.yaml": f"apiVersion: {ACK}\nkind: EventSourceMapping\n{line}\n"})


def test_an_id_is_kept_where_no_region_is_known(tmp_path: Path) -> None:
    spec = {
        "functionName": "f",
        "topics": ["orders"],
        "selfManagedEventSource": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:9092"]}},
    }

    path = tmp_path / "object.json"
    path.write_text(json.dumps(ack(spec, status={"uuid": UUID})))

    assert f"id: {UUID}\n" in workflow.convert([path], Options()).text
