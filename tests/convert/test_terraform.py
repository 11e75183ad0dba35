"""Files of Terraform: states, and what `show -json` prints of states and plans."""

from __future__ import annotations

import contextlib
import copy
import random
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ProvisionerError, UsageError
from provisioner.model.key import LAMBDA, S3, Key
from tests.convert.conversions import converted, left_out, loaded, mappings

UUID = "5f0c1f2e-1111-2222-3333-444455556666"
ARN = "arn:aws:lambda:eu-west-1:123456789012:"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
MSK = "arn:aws:kafka:eu-west-1:123456789012:cluster/events/11111111-2222-3333-4444-555555555555-1"
UNSET = {
    "amazon_managed_kafka_event_source_config": [],
    "bisect_batch_on_function_error": False,
    "destination_config": [],
    "document_db_event_source_config": [],
    "filter_criteria": [],
    "function_response_types": None,
    "kms_key_arn": "",
    "last_modified": "2026-01-01T00:00:00Z",
    "last_processing_result": "",
    "maximum_batching_window_in_seconds": 0,
    "maximum_record_age_in_seconds": 0,
    "maximum_retry_attempts": 0,
    "metrics_config": [],
    "parallelization_factor": 0,
    "provisioned_poller_config": [],
    "queues": None,
    "scaling_config": [],
    "self_managed_event_source": [],
    "source_access_configuration": [],
    "starting_position": "",
    "starting_position_timestamp": "",
    "state_transition_reason": "USER_INITIATED",
    "tags": None,
    "tags_all": {},
    "topics": None,
    "tumbling_window_in_seconds": 0,
}
"""What a state has of a mapping where nothing was set."""


def attributes(source: str = QUEUE, **changed: Any) -> dict[str, Any]:
    own = {
        "id": UUID,
        "uuid": UUID,
        "arn": f"{ARN}event-source-mapping:{UUID}",
        "function_name": f"{ARN}function:f",
        "function_arn": f"{ARN}function:f",
        "event_source_arn": source,
        "batch_size": 10 if ":sqs:" in source else 100,
        "enabled": True,
        "state": "Enabled",
    }
    return {**UNSET, **own, **changed}


def resource(*instances: dict[str, Any], kind: str = "aws_lambda_event_source_mapping", **more: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": kind, "name": "orders", "instances": list(instances), **more}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 4, "serial": 1, "lineage": "l", "outputs": {}, "resources": list(resources)}


def shown(*resources: dict[str, Any], **modules: Any) -> dict[str, Any]:
    """What `show -json` prints of a state."""
    root = {"resources": list(resources), **modules}
    return {"format_version": "1.0", "terraform_version": "1.11.4", "values": {"root_module": root}}


def value(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "mode": "managed",
        "type": "aws_lambda_event_source_mapping",
        "name": "orders",
        "values": values,
        "sensitive_values": {},
        **more,
    }


def planned(change: dict[str, Any], expressions: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """What `show -json` prints of a plan."""
    address = "aws_lambda_event_source_mapping.orders"
    kind = {"mode": "managed", "type": "aws_lambda_event_source_mapping", "name": "orders"}
    configured = {"address": address, **kind, "expressions": expressions or {}}
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {},
        "resource_changes": [{"address": address, **kind, "change": change, **more}],
        "configuration": {"root_module": {"resources": [configured]}},
    }


@pytest.mark.parametrize(
    "content",
    [state(resource({"attributes": attributes()})), shown(value(attributes()))],
    ids=["state", "show -json"],
)
def test_a_mapping_has_its_fields_its_name_and_its_id(tmp_path: Path, content: dict[str, Any]) -> None:
    result = converted(tmp_path, content)

    assert mappings(result) == {"orders": {"function_name": "f", "event_source_arn": QUEUE}}
    assert [item.found.key for item in result.named] == [Key(LAMBDA, "eu-west-1", UUID)]
    assert result.left_out == ()
    assert loaded(tmp_path, result)["orders"].mapping == {"function_name": "f", "event_source_arn": QUEUE}
    assert (result.fresh.region, result.fresh.account) == ("eu-west-1", "123456789012")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"source": QUEUE, "maximum_batching_window_in_seconds": 5, "batch_size": 50}, {"maximum_batching_window_in_seconds": 5, "batch_size": 50}),
        ({"source": QUEUE, "enabled": False}, {"enabled": False}),
        ({"source": QUEUE, "scaling_config": [{"maximum_concurrency": 2}]}, {"scaling_config": {"maximum_concurrency": 2}}),
        ({"source": QUEUE, "tags": {"a": "1"}, "tags_all": {"a": "1", "b": "2", "aws:x": "3"}}, {"tags": {"a": "1", "b": "2"}}),
        ({"source": QUEUE, "filter_criteria": [{"filter": [{"pattern": '{"body":{"a":["${x}"]}}'}]}]}, {"filter_criteria": {"filter": [{"pattern": {"body": {"a": ["${x}"]}}}]}}),
        # Of a stream 0 is a value where 0 can be set: no retries, which loses records that fail.
        ({"source": STREAM, "starting_position": "LATEST", "maximum_record_age_in_seconds": -1, "parallelization_factor": 1}, {"starting_position": "LATEST", "maximum_retry_attempts": 0}),
        ({"source": STREAM, "starting_position": "LATEST", "maximum_record_age_in_seconds": -1, "maximum_retry_attempts": -1, "parallelization_factor": 1, "destination_config": [{"on_failure": [{"destination_arn": None}]}]}, {"starting_position": "LATEST"}),
        # An age of 0 is not possible for Kafka: neither number was set.
        ({"source": MSK, "topics": ["t"], "starting_position": "LATEST"}, {"topics": ["t"], "starting_position": "LATEST"}),
        ({"source": MSK, "topics": ["t"], "maximum_record_age_in_seconds": -1}, {"topics": ["t"], "maximum_retry_attempts": 0}),
        ({"source": MSK, "topics": ["t"], "amazon_managed_kafka_event_source_config": [{"consumer_group_id": UUID, "schema_registry_config": []}]}, {"topics": ["t"]}),
        ({"source": MSK, "topics": ["t"], "amazon_managed_kafka_event_source_config": [{"consumer_group_id": "g"}]}, {"topics": ["t"], "amazon_managed_kafka_event_source_config": {"consumer_group_id": "g"}}),
    ],
)  # fmt: skip
def test_what_was_never_set_is_absent(tmp_path: Path, changed: dict[str, Any], expected: dict[str, Any]) -> None:
    result = converted(tmp_path, state(resource({"attributes": attributes(**changed)})))

    own = {"function_name": "f", "event_source_arn": changed["source"]}
    assert mappings(result) == {"orders": {**own, **expected}}
    assert result.left_out == ()


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ({}, "orders"),
        ({"name": "this"}, "f-orders"),
        ({"name": "this", "key": "sqs"}, "sqs"),
        ({"name": "main", "key": 3}, "3"),
        ({"module": 'module.checkout["blue"].module.this', "name": "this", "key": "sqs"}, "checkout-blue-sqs"),
        ({"module": "module.checkout[0]", "name": "orders"}, "checkout-0-orders"),
        ({"module": "module.a.module.b", "key": "x/y z"}, "a-b-orders-x-y-z"),
    ],
)
def test_a_name_is_that_of_modules_resource_and_key(tmp_path: Path, where: dict[str, Any], name: str) -> None:
    key = {"index_key": where["key"]} if "key" in where else {}
    more = {part: where[part] for part in ("name", "module") if part in where}

    result = converted(tmp_path, state(resource({"attributes": attributes(), **key}, **more)))

    assert [item.name for item in result.named] == [name]


def test_secrets_are_variables_and_never_printed(tmp_path: Path) -> None:
    path = [{"type": "get_attr", "value": "filter_criteria"}]
    criteria = [{"filter": [{"pattern": '{"body": ["hidden"]}'}]}]
    instance = {"attributes": attributes(filter_criteria=criteria), "sensitive_attributes": [path]}
    content = {**state(resource(instance)), "outputs": {"password": {"value": "hidden", "sensitive": True}}}

    result = converted(tmp_path, content)

    assert "hidden" not in result.text
    assert {name: variable.type for name, variable in result.source.variables.items()} == {
        "orders_filter_criteria": "map"
    }


def test_what_a_replacement_left_is_not_converted(tmp_path: Path) -> None:
    deposed = {"attributes": attributes(uuid="5f0c1f2e-1111-2222-3333-444455557777"), "deposed": "ab12"}

    result = converted(tmp_path, state(resource({"attributes": attributes()}, deposed)))

    assert list(mappings(result)) == ["orders"]
    assert [why for _, _, why in left_out(result)] == [
        "it is the deposed object ab12, which Terraform is about to delete"
    ]


def test_a_tainted_mapping_is_noted(tmp_path: Path) -> None:
    result = converted(tmp_path, state(resource({"attributes": attributes(), "status": "tainted"})))

    assert "# Terraform has marked it as tainted: it plans to replace it\n" in result.text


def test_an_attribute_that_is_not_known_is_named(tmp_path: Path) -> None:
    result = converted(tmp_path, state(resource({"attributes": attributes(brand_new={"a": 1}, also_new=None)})))

    assert [(what, why) for _, what, why in left_out(result)] == [
        (
            "brand_new of aws_lambda_event_source_mapping.orders",
            "it is not a field of an event source mapping",
        )
    ]


def test_a_value_of_the_wrong_type_is_left_as_it_is(tmp_path: Path) -> None:
    result = converted(tmp_path, state(resource({"attributes": attributes(batch_size="many")})))

    assert left_out(result)[0][1:] == (
        "batch_size of aws_lambda_event_source_mapping.orders",
        '"many" is not a whole number',
    )
    assert loaded(tmp_path, result)["orders"].lifecycle.ignore_changes == (("batch_size",),)


def test_mappings_of_other_kinds_are_named(tmp_path: Path) -> None:
    target = {"attributes": {"arn": f"{ARN}function:f"}}
    queue = {"attributes": {"endpoint": QUEUE}}
    result = converted(
        tmp_path,
        state(
            resource(target, kind="aws_cloudwatch_event_target"),
            resource({"attributes": {"endpoint": f"{ARN}function:f"}}, kind="aws_sns_topic_subscription"),
            resource(queue, kind="aws_sns_topic_subscription", name="to_a_queue"),
        ),
    )

    assert [(what, why) for _, what, why in left_out(result)] == [
        ("aws_cloudwatch_event_target.orders", "EventBridge as a source is not supported yet"),
        ("aws_sns_topic_subscription.orders", "SNS as a source is not supported yet"),
    ]


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        (None, None),
        ({"source_account": "123456789012"}, {"statement_id": "s"}),
        ({"source_account": None}, {"statement_id": "s", "source_account": ""}),
        ({"source_arn": None}, "none"),
    ],
)
def test_an_entry_of_a_bucket_has_the_permission_of_the_state(
    tmp_path: Path, permission: dict[str, Any] | None, expected: Any
) -> None:
    entry = {
        "events": ["s3:ObjectCreated:*"],
        "filter_prefix": "in/",
        "filter_suffix": "",
        "id": "tf-1",
        "lambda_function_arn": f"{ARN}function:f",
    }
    bucket = {"bucket": "media", "id": "media", "lambda_function": [entry], "queue": [], "topic": []}
    content = {
        "action": "lambda:InvokeFunction",
        "function_name": "f",
        "principal": "s3.amazonaws.com",
        "source_arn": "arn:aws:s3:::media",
        "statement_id": "s",
        **(permission or {}),
    }
    resources = [resource({"attributes": bucket}, kind="aws_s3_bucket_notification")]
    if permission is not None:
        resources.append(resource({"attributes": content}, kind="aws_lambda_permission"))

    result = converted(tmp_path, state(*resources))

    stated = {} if expected is None else {"permission": expected}
    assert mappings(result) == {
        "orders": {
            "function_name": "f",
            "event_source_arn": "arn:aws:s3:::media",
            "events": ["s3:ObjectCreated:*"],
            "filter_prefix": "in/",
            "id": "tf-1",
            **stated,
        }
    }
    assert result.named[0].found.key == Key(S3, "eu-west-1", "media/tf-1")
    assert ("expect: identical" in result.text) is (expected is not None)


def test_a_key_is_quoted_as_terraform_quotes_it(tmp_path: Path) -> None:
    instance = {"attributes": attributes(), "index_key": '${a} "b\\\n%{c} $d'}

    [item] = converted(tmp_path, state(resource(instance))).named

    expected = r'aws_lambda_event_source_mapping.orders["$${a} \"b\\\n%%{c} $d"]'
    assert item.found.owner.address == expected


# --- plans -----------------------------------------------------------------------------------------------------------


def test_what_is_known_after_the_apply_is_a_variable(tmp_path: Path) -> None:
    after = {"function_name": "f", "batch_size": 5}
    unknown = {"event_source_arn": True, "maximum_retry_attempts": True, "uuid": True, "arn": True}
    references = {"event_source_arn": {"references": ["aws_sqs_queue.orders.arn", "aws_sqs_queue.orders"]}}

    result = converted(
        tmp_path, planned({"actions": ["create"], "before": None, "after": after, "after_unknown": unknown}, references)
    )

    variable = result.source.variables["aws_sqs_queue_orders_arn"]
    assert variable.description == "aws_sqs_queue.orders.arn, which is known after the apply"
    assert list(result.source.variables) == ["aws_sqs_queue_orders_arn"]  # AWS chooses what the configuration lacks
    assert [item.found.key for item in result.named] == [None]
    mapping = loaded(tmp_path, result, aws_sqs_queue_orders_arn=QUEUE)["orders"]
    assert mapping.mapping == {"function_name": "f", "event_source_arn": QUEUE, "batch_size": 5}


def test_an_unchanged_mapping_of_a_plan_has_its_id(tmp_path: Path) -> None:
    result = converted(
        tmp_path, planned({"actions": ["no-op"], "before": attributes(), "after": attributes(), "after_unknown": {}})
    )

    assert [item.found.key for item in result.named] == [Key(LAMBDA, "eu-west-1", UUID)]


@pytest.mark.parametrize(
    ("actions", "why"), [(["delete"], "the plan deletes it"), (["forget"], "Terraform forgets it with this plan")]
)
def test_what_a_plan_ends_is_named(tmp_path: Path, actions: list[str], why: str) -> None:
    result = converted(tmp_path, planned({"actions": actions, "before": attributes(), "after": None}))

    assert [reason for _, _, reason in left_out(result)] == [why]


def test_an_unknown_part_of_a_block_is_a_variable_alone(tmp_path: Path) -> None:
    after = {**attributes(), "source_access_configuration": [{"type": "BASIC_AUTH"}], "queues": ["q"]}
    after["event_source_arn"] = "arn:aws:mq:eu-west-1:123456789012:broker:b:b-1"
    expressions = {
        "source_access_configuration": [
            {"type": {"constant_value": "BASIC_AUTH"}, "uri": {"references": ["aws_secretsmanager_secret.mq.arn"]}}
        ]
    }

    result = converted(
        tmp_path,
        planned(
            {
                "actions": ["create"],
                "before": None,
                "after": after,
                "after_unknown": {"source_access_configuration": [{"uri": True}]},
            },
            expressions,
        ),
    )

    assert "uri: ${var.aws_secretsmanager_secret_mq_arn}\n" in result.text


# --- what cannot be read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"version": 3, "serial": 1, "lineage": "l", "modules": []},
            "is a state of version 3; only version 4 can be read",
        ),
        ({"version": 3, "serial": 1, "lineage": "l", "backend": {"type": "s3"}}, "names the backend of a state"),
        ({"serial": 1, "lineage": "l", "encrypted_data": "x", "encryption_version": "v0"}, "is an encrypted state"),
        ("", "is an empty file"),
        ('{"version": 4, "serial": 1, "lineage": "l", "resources": [', "not JSON: the text ends too early"),
    ],
)
def test_what_is_no_state_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        converted(tmp_path, content, "terraform.tfstate")


def test_a_state_without_resources_has_no_mappings(tmp_path: Path) -> None:
    assert mappings(converted(tmp_path, {"format_version": "1.0"})) == {}
    assert mappings(converted(tmp_path, state())) == {}


JUNK = [None, 0, -1, 1.5, True, "", "x", [], {}, [1], [[]], [None], {"a": 1}, "a" * 300]


def replaced(content: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    changed = copy.copy(content)
    changed[path[0]] = replaced(content[path[0]], path[1:], junk)
    return changed


def paths(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(inner for step, item in steps for inner in paths(item, (*path, step)))]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_stands_in_a_file_is_no_crash(tmp_path: Path, seed: int) -> None:
    change = {
        "actions": ["no-op"],
        "before": attributes(),
        "after": attributes(),
        "after_unknown": {"tags": {"a": True}},
    }
    bucket = {
        "bucket": "b",
        "lambda_function": [{"id": "i", "events": ["e"], "lambda_function_arn": f"{ARN}function:f"}],
    }
    content = [
        state(resource({"attributes": attributes(), "index_key": "a", "sensitive_attributes": [[{"value": "tags"}]]})),
        state(resource({"attributes": bucket}, kind="aws_s3_bucket_notification")),
        shown(value(attributes()), child_modules=[{"address": "module.a", "resources": [value(attributes())]}]),
        planned(change, {"tags": {"references": ["a.b"]}}),
    ][seed % 4]
    draw = random.Random(seed)
    for _ in range(60):
        junk = replaced(content, draw.choice(paths(content)), draw.choice(JUNK))
        with contextlib.suppress(ProvisionerError):  # with a message; any other exception fails the test
            assert converted(tmp_path, junk).text
