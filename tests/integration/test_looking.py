"""`drift` and `status`: what the world did, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from provisioner import workflow
from provisioner.model.health import Drifted
from tests.support.lambda_api import SQS
from tests.support.stack import Stack
from tests.support.workspace import Workspace, sqs

QUEUE: dict[str, Any] = {"function_name": "f", "event_source_arn": SQS}


@pytest.fixture
def applied(stack: Stack) -> Iterator[Stack]:
    stack.applied({**QUEUE, "batch_size": 5, "tags": {"team": "a"}})
    return stack


def drift(stack: Stack) -> Drifted:
    [found] = workflow.drift(stack.run())
    return found


def changed(stack: Stack) -> dict[str, tuple[Any, Any]]:
    return {".".join(field.path): (field.prior, field.live) for field in drift(stack).fields}


def test_what_the_world_changed_is_drift_and_what_the_manifest_changed_is_not(applied: Stack) -> None:
    applied.plane.client().update_event_source_mapping(UUID=applied.uuid, ScalingConfig={"MaximumConcurrency": 9})
    applied.write({**QUEUE, "batch_size": 7})

    assert changed(applied) == {"scaling_config.maximum_concurrency": (None, 9)}


def test_a_tag_drifts_too(applied: Stack) -> None:
    client = applied.plane.client()
    arn = applied.live()["EventSourceMappingArn"]
    client.tag_resource(Resource=arn, Tags={"team": "b", "new": "c"})

    assert changed(applied) == {"tags.team": ("a", "b"), "tags.new": (None, "c")}


def test_nothing_changed_is_no_drift(applied: Stack) -> None:
    assert workflow.drift(applied.run()) == ()


def test_what_the_manifest_leaves_to_others_does_not_drift(applied: Stack) -> None:
    applied.applied({**QUEUE, "lifecycle": {"ignore_changes": ["batch_size"]}})
    applied.plane.client().update_event_source_mapping(UUID=applied.uuid, BatchSize=9)

    assert workflow.drift(applied.run()) == ()


def test_a_generated_value_is_no_drift(stack: Stack) -> None:
    kafka = {
        "function_name": "f", "topics": ["tt"],
        "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:9092"]}},
        "source_access_configuration": [{"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}],
    }  # fmt: skip
    stack.applied(kafka)

    assert workflow.drift(stack.run()) == ()


def test_a_mapping_that_is_gone_has_disappeared(applied: Stack) -> None:
    applied.plane.client().delete_event_source_mapping(UUID=applied.uuid)

    assert drift(applied).vanished


def test_a_name_that_moves_away_and_is_declared_again_has_the_needs_of_each(workspace: Workspace) -> None:
    workspace.write(f"b: {{ function_name: worker, event_source_arn: '{sqs('orders')}' }}")
    workspace.apply()
    uuid = workspace.uuid("b")
    workspace.write(
        f"""
        c: {{ function_name: worker, event_source_arn: '{sqs("orders")}' }}
        b: {{ function_name: absent, event_source_arn: '{sqs("q1")}' }}
        """
    )

    rows = json.loads(workspace.run("status", "--json", code=2).out)["mappings"]

    problem = "it is declared in the manifest, but not applied yet; the function absent does not exist"
    assert [(row["name"], row["uuid"], row["problem"]) for row in rows] == [("b", "", problem), ("b", uuid, "")]


def test_what_is_left_to_others_is_that_of_the_record_whose_name_is_declared_again(stack: Stack) -> None:
    ignores = "lifecycle: { ignore_changes: [batch_size] }"
    stack.write_mappings(f"b: {{ function_name: f, event_source_arn: '{SQS}', {ignores} }}")
    stack.apply()
    stack.plane.client().update_event_source_mapping(UUID=stack.uuids()["b"], BatchSize=9)
    stack.write_mappings(
        f"a: {{ function_name: f, event_source_arn: '{SQS}', {ignores} }}",
        f"b: {{ function_name: f, event_source_arn: '{SQS}2' }}",
    )

    assert workflow.drift(stack.run()) == ()


@pytest.mark.parametrize(
    ("regions", "line"),
    [
        (["us-east-1"], "1 mapping in us-east-1 is not managed by this stack; import one with `{} UUID@us-east-1`"),
        (["eu-west-1"], "1 mapping in eu-west-1 is not managed by this stack; import one with `{} UUID`"),
        (
            ["eu-west-1", "us-east-1"],
            "1 mapping in eu-west-1, 1 mapping in us-east-1 are not managed by this stack; import one with "
            "`{} UUID@REGION`",
        ),
    ],
)
def test_the_line_about_unmanaged_mappings_names_their_region(stack: Stack, regions: list[str], line: str) -> None:
    for region in regions:
        client = boto3.client(
            "lambda",
            region_name=region,
            endpoint_url=stack.plane.endpoint,
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        stack.plane.attach(client.meta.events)
        arn = f"arn:aws:sqs:{region}:123456789012:unmanaged"
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    # Both regions are looked into, for the holders of these pairs.
    stack.write_mappings(
        "a: { function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:a' }",
        "b: { function_name: f, event_source_arn: 'arn:aws:sqs:us-east-1:123456789012:b' }",
    )

    stack.plan()

    assert stack.ui.notes == [line.format("provisioner import NAME")]


# --- the command -----------------------------------------------------------------------------------------------------

ONE = f"orders: {{ function_name: 'worker:live', event_source_arn: '{sqs()}' }}"


@pytest.fixture
def running(workspace: Workspace) -> Workspace:
    workspace.write(ONE)
    workspace.apply()
    return workspace


def test_drift_is_shown_with_what_was_applied(running: Workspace) -> None:
    uuid = running.uuid("orders")
    running.aws.update_event_source_mapping(
        UUID=uuid, BatchSize=7, FilterCriteria={"Filters": [{"Pattern": '{"a":[1]}'}]}
    )
    running.settled(uuid)

    result = running.run("drift", code=2)

    assert result.out == (
        "  # orders has changed\n"
        '  ~ mapping "orders" {\n'
        "      ~ batch_size             = 10 -> 7\n"
        '      + filter_criteria.filter = absent -> [{"pattern": {"a": [1]}}]\n'
        "    }\n\n"
        "Drift: 1 mapping. An apply restores the values in the manifest for: orders.\n"
    )


def test_drift_speaks_json_and_markdown(running: Workspace) -> None:
    uuid = running.uuid("orders")
    running.aws.update_event_source_mapping(UUID=uuid, BatchSize=7)
    running.settled(uuid)

    reported = json.loads(running.run("drift", "--json", code=2).out)
    markdown = running.run("drift", "--format", "markdown", code=2).out

    [found] = reported["drifted"]
    assert found["fields"] == [{"path": "batch_size", "applied": 10, "live": 7}]
    assert markdown.startswith("<!-- provisioner:test:drift -->\n\n### `test`: 1 mapping has drifted\n")


def test_a_function_or_a_source_that_is_gone_is_drift(workspace: Workspace) -> None:
    """Lambda keeps such a mapping Enabled, and tells nobody."""
    functions, queues = workspace.sandbox.client("lambda"), workspace.sandbox.client("sqs")
    role = functions.get_function_configuration(FunctionName="worker")["Role"]
    functions.create_function(
        FunctionName="gone", Role=role, Runtime="python3.12", Handler="a.b", Code={"ZipFile": b""}
    )
    queue = queues.create_queue(QueueName="gone")["QueueUrl"]
    workspace.write(f"orders: {{ function_name: gone, event_source_arn: '{sqs('gone')}' }}")
    workspace.apply()
    assert workspace.run("drift").out == "No drift. Everything is as last applied.\n"

    functions.delete_function(FunctionName="gone")
    queues.delete_queue(QueueUrl=queue)
    out = workspace.run("drift", code=2).out

    assert out == (
        "  # orders has a missing dependency\n"
        "  # the function gone no longer exists\n"
        "  # the queue gone no longer exists\n\n"
        "Drift: 1 mapping. An apply cannot restore orders: recreate the missing functions or sources first.\n"
    )


def test_what_needs_what_is_there_is_found_there(workspace: Workspace) -> None:
    """Aliases, streams, consumers and streams of tables, as their ARNs name them."""
    stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
    table = "arn:aws:dynamodb:eu-west-1:123456789012:table/customers/stream/2026-01-01T00:00:00.000"
    position = "starting_position: TRIM_HORIZON"
    workspace.write(
        f"""
        a: {{ function_name: 'worker:live', event_source_arn: '{stream}', {position} }}
        b: {{ function_name: worker, event_source_arn: '{stream}/consumer/enricher:1767225600', {position} }}
        c: {{ function_name: other, event_source_arn: '{table}', {position} }}
        d: {{ function_name: other, event_source_arn: '{sqs("payments.fifo")}' }}
        """
    )
    workspace.apply()

    result = workspace.run("drift")

    assert result.out == "No drift. Everything is as last applied.\n"
    assert "could not check" not in result.err


def test_status_is_a_table_and_an_exit_code(running: Workspace) -> None:
    healthy = running.run("status")
    uuid = running.uuid("orders")
    running.aws.update_event_source_mapping(UUID=uuid, Enabled=False)
    running.settled(uuid)
    ill = running.run("status", code=2)
    [row] = json.loads(running.run("status", "--json", code=2).out)["mappings"]

    assert healthy.out.splitlines()[:2] == [
        "NAME    STATE    FUNCTION     SOURCE  REGION     LAST RESULT  REASON",
        "orders  Enabled  worker:live  q1      eu-west-1  -            USER_INITIATED",
    ]
    assert "eu-west-1  -            disabled outside provisioner (it was enabled at the last apply)" in ill.out
    assert (row["name"], row["state"], row["healthy"]) == ("orders", "Disabled", False)
