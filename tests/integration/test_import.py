"""Import by UUID: with the YAML that it prints the plan is empty, for every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.workspace import ACCOUNT, REGION, Workspace, kinesis, sqs

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:access-AbCdEf"
BASIC_AUTH = [{"Type": "BASIC_AUTH", "URI": SECRET}]
BROKER = f"arn:aws:mq:{REGION}:{ACCOUNT}:broker:billing:b-11111111-2222-3333-4444-555555555555"
CLUSTER = f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/core/0a1b2c3d-1111-2222-3333-444455556666-7"

BARE: dict[str, dict[str, Any]] = {
    "sqs": {"EventSourceArn": sqs()},
    "fifo": {"EventSourceArn": sqs("payments.fifo")},
    "kinesis": {"EventSourceArn": kinesis(), "StartingPosition": "LATEST"},
    "consumer": {"EventSourceArn": f"{kinesis()}/consumer/enricher:1767225600", "StartingPosition": "TRIM_HORIZON"},
    "dynamodb": {
        "EventSourceArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/customers/stream/2026-01-01T00:00:00.000",
        "StartingPosition": "LATEST",
    },
    "msk": {"EventSourceArn": CLUSTER, "Topics": ["t1"]},
    "kafka": {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b2:9092", "b1:9092"]}},
        "Topics": ["t1"],
        "SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-0aaa1111bbbb2222c"}],
    },
    "activemq": {"EventSourceArn": BROKER, "Queues": ["q"], "SourceAccessConfigurations": BASIC_AUTH},
    "rabbitmq": {
        "EventSourceArn": BROKER,
        "Queues": ["q"],
        "SourceAccessConfigurations": [{"Type": "VIRTUAL_HOST", "URI": "/"}, *BASIC_AUTH],
    },
    "documentdb": {
        "EventSourceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:catalogue",
        "DocumentDBEventSourceConfig": {"DatabaseName": "shop"},
        "SourceAccessConfigurations": BASIC_AUTH,
    },
}

FULL: dict[str, dict[str, Any]] = {
    "sqs": {
        "BatchSize": 50,
        "MaximumBatchingWindowInSeconds": 3,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 7},
        "FilterCriteria": {
            "Filters": [
                {"Pattern": '{"body":{"b":[2]}}'},
                {"Pattern": '{"body":{"a":["x, \\" #: y"]}}'},
                {"Pattern": "{}"},
            ]
        },
        "KMSKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
        "MetricsConfig": {"Metrics": ["EventCount"]},
        "Enabled": False,
        "Tags": {"team": "orders", "zero": "012", "empty": "", "yes": "no"},
    },
    "kinesis": {
        "StartingPosition": "AT_TIMESTAMP",
        "StartingPositionTimestamp": 1767225600,
        "ParallelizationFactor": 1,
        "TumblingWindowInSeconds": 10,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 0,
        "MaximumRecordAgeInSeconds": 60,
        "DestinationConfig": {"OnFailure": {"Destination": sqs("q2")}},
    },
    "msk": {
        "StartingPosition": "LATEST",
        "AmazonManagedKafkaEventSourceConfig": {
            "ConsumerGroupId": "group",
            "SchemaRegistryConfig": {
                "SchemaRegistryURI": "https://registry.example",
                "EventRecordFormat": "JSON",
                "AccessConfigs": [{"Type": "BASIC_AUTH", "URI": SECRET}],
                "SchemaValidationConfigs": [{"Attribute": "VALUE"}, {"Attribute": "KEY"}],
            },
        },
        "ProvisionedPollerConfig": {"MinimumPollers": 3},
        "LoggingConfig": {"SystemLogLevel": "DEBUG"},
        "MaximumBatchingWindowInSeconds": 0,
    },
    "kafka": {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "group"}, "BatchSize": 1},
    "documentdb": {
        "DocumentDBEventSourceConfig": {"DatabaseName": "shop", "CollectionName": "c", "FullDocument": "UpdateLookup"},
        "StartingPosition": "TRIM_HORIZON",
        "MaximumBatchingWindowInSeconds": 5,
    },
}

CASES = {f"{kind}-bare": members for kind, members in BARE.items()} | {
    f"{kind}-full": {**BARE[kind], **members} for kind, members in FULL.items()
}


@pytest.mark.parametrize("members", CASES.values(), ids=CASES)
def test_import_then_the_plan_is_empty(workspace: Workspace, members: dict[str, Any]) -> None:
    uuid = workspace.aws.create_event_source_mapping(FunctionName="worker", **members)["UUID"]
    workspace.settled(uuid)
    workspace.write("")

    result = workspace.run("import", "it", uuid)

    assert "nothing was imported or recorded" in result.err
    assert workspace.run("state", "list").out == ""
    workspace.write_text(f"stack: test\nprovider: {{ region: {REGION} }}\n{result.out}")
    assert "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy." in workspace.plan()
    applied = workspace.apply().out
    workspace.assert_in_sync()
    assert workspace.uuid("it") == uuid
    assert "then run `provisioner state rm it`" in applied


def test_defaults_are_not_printed(workspace: Workspace) -> None:
    uuid = workspace.aws.create_event_source_mapping(FunctionName="worker", **BARE["kinesis"])["UUID"]
    workspace.write("")

    printed = workspace.run("import", "clicks", uuid).out

    expected = {"function_name": "worker", "event_source_arn": kinesis(), "starting_position": "LATEST"}
    imports = [{"to": "clicks", "id": uuid, "expect": "identical"}]
    assert yaml.safe_load(printed) == {"mappings": {"clicks": expected}, "imports": imports}


def test_what_the_next_plan_will_change_is_listed(workspace: Workspace) -> None:
    uuid = workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs(), BatchSize=3)["UUID"]
    workspace.settled(uuid)
    workspace.write(f"orders: {{ function_name: worker, event_source_arn: '{sqs()}', batch_size: 5 }}")

    result = workspace.run("import", "orders", uuid)

    assert "~ batch_size = 3 -> 5  # edit" in result.out
    assert "The next apply will make these changes:" in result.err
    assert "~ batch_size = 3 -> 5  # edit" in workspace.plan()
    workspace.apply()
    workspace.assert_in_sync()


def test_what_is_as_the_manifest_says_is_said(workspace: Workspace) -> None:
    uuid = workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs())["UUID"]
    workspace.write(f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}")

    result = workspace.run("import", "orders", uuid)

    assert result.out == ""
    assert "It already matches the manifest." in result.err


def test_an_import_that_contradicts_the_state_is_refused(workspace: Workspace) -> None:
    workspace.write(f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}")
    workspace.apply()
    uuid = workspace.uuid("orders")
    other = "00000000-1111-2222-3333-444444444444"

    again = workspace.run("import", "orders", uuid, code=1)
    twice = workspace.run("import", "second", uuid, code=1)
    another = workspace.run("import", "orders", other, code=1)

    assert f"orders is already managed as {uuid}" in again.err
    assert f"{uuid} is already managed as orders" in twice.err
    assert f"orders is already managed as {uuid}" in another.err


def test_a_mapping_of_another_stack_is_imported_with_a_warning(workspace: Workspace, tmp_path: Path) -> None:
    tags = {"provisioner:stack": "billing", "provisioner:lineage": "l", "provisioner:name": "n"}
    made = workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs(), Tags=tags)
    workspace.write(f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}")

    result = workspace.run("import", "orders", made["UUID"])

    assert "according to its tags, it belongs to stack billing" in result.err
    workspace.assert_in_sync()


def test_what_import_prints_is_read_back_as_it_was(workspace: Workspace) -> None:
    """Also what YAML would fold, and what goes deeper than our reader follows."""
    deep = '{"a":' * 110 + "[1]" + "}" * 110
    filters = [{"Pattern": pattern} for pattern in ('{"a":["x\u0085y","3"]}', '{"b":[3.0e2]}', deep)]
    made = workspace.aws.create_event_source_mapping(
        FunctionName="worker", EventSourceArn=sqs("orders"), FilterCriteria={"Filters": filters}
    )
    workspace.settled(made["UUID"])
    workspace.write("")

    printed = workspace.run("import", "orders", made["UUID"]).out
    workspace.write_text(f"stack: test\nprovider: {{ region: {REGION} }}\n{printed}")
    workspace.apply()

    workspace.assert_in_sync()
