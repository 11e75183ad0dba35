"""Plans of Terraform: what is known only after the apply, and what the configuration says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provisioner.convert.unknown import readable
from tests.convert.conversions import converted, left_out, mappings
from tests.convert.test_terraform import ARN, MSK, QUEUE, attributes, planned, shown, value

MAPPING = {"mode": "managed", "type": "aws_lambda_event_source_mapping", "name": "orders"}


def created(unknown: dict[str, Any], after: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A mapping that a plan creates."""
    change = {"actions": ["create"], "before": None, "after": {"function_name": "f", "enabled": True, **(after or {})}}
    return {**MAPPING, "change": {**change, "after_unknown": unknown}, **more}


def plan(
    *changes: dict[str, Any], root: dict[str, Any] | None = None, providers: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    configuration = {"provider_config": providers or {}, "root_module": root or {}}
    head = {"format_version": "1.2", "terraform_version": "1.11.4", "planned_values": {}}
    return {**head, "resource_changes": list(changes), "configuration": configuration, **more}


def configured(expressions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"address": "aws_lambda_event_source_mapping.orders", **MAPPING, "expressions": expressions, **more}


def reference(*names: str) -> dict[str, Any]:
    return {"references": list(names)}


def sources(folder: Path, content: dict[str, Any]) -> list[str]:
    found = mappings(converted(folder, content)).values()
    return [readable(mapping["event_source_arn"]) for mapping in found]


def test_what_differs_by_instance_is_a_variable_of_each(tmp_path: Path) -> None:
    content = plan(
        *(created({"event_source_arn": True}, index=key) for key in ("a", "b")),
        root={"resources": [configured({"event_source_arn": reference("each.value.arn", "each.value")})]},
    )

    assert sources(tmp_path, content) == ["${var.orders_a_event_source_arn}", "${var.orders_b_event_source_arn}"]


def test_a_resource_of_a_module_is_another_one_in_each_of_its_instances(tmp_path: Path) -> None:
    module = {"resources": [configured({"event_source_arn": reference("aws_sqs_queue.q.arn", "aws_sqs_queue.q")})]}
    content = plan(
        *(created({"event_source_arn": True}, module_address=f'module.m["{key}"]') for key in ("a]b", "c")),
        root={"module_calls": {"m": {"module": module}}},
    )

    assert sources(tmp_path, content) == ["${var.m_a_b_aws_sqs_queue_q_arn}", "${var.m_c_aws_sqs_queue_q_arn}"]


def test_what_a_module_is_given_is_the_resource_of_the_module_around_it(tmp_path: Path) -> None:
    module = {"resources": [configured({"event_source_arn": reference("var.queue")})]}
    call = {"expressions": {"queue": reference("aws_sqs_queue.q.arn", "aws_sqs_queue.q")}, "module": module}
    given = configured({"event_source_arn": reference("aws_sqs_queue.q.arn", "aws_sqs_queue.q")})
    content = plan(
        created({"event_source_arn": True}, module_address='module.m["a"]'),
        created({"event_source_arn": True}, module_address="module.n"),
        created({"event_source_arn": True}),
        root={
            "resources": [given],
            "module_calls": {"m": call, "n": {**call, "expressions": {"queue": reference("each.value")}}},
        },
    )

    assert sources(tmp_path, content) == [
        "${var.aws_sqs_queue_q_arn}",
        "${var.n_var_queue}",
        "${var.aws_sqs_queue_q_arn}",
    ]


def test_what_is_made_of_a_value_is_not_that_value(tmp_path: Path) -> None:
    queue = reference("aws_sqs_queue.q.arn", "aws_sqs_queue.q")
    both = reference("aws_sqs_queue.q.arn", "aws_sqs_queue.q", "var.stage")
    content = plan(
        created(
            {"event_source_arn": True, "function_name": True, "tags": True, "topics": [True, True]},
            {"topics": [None, None]},
        ),
        root={
            "resources": [
                configured({"event_source_arn": queue, "tags": queue, "topics": queue, "function_name": both})
            ]
        },
    )

    [mapping] = mappings(converted(tmp_path, content)).values()
    assert readable(mapping["event_source_arn"]) == "${var.aws_sqs_queue_q_arn}"
    assert readable(mapping["tags"]) == "${var.orders_tags}"
    assert readable(mapping["function_name"]) == "${var.orders_function_name}"


def test_a_dynamic_block_is_not_what_aws_chooses(tmp_path: Path) -> None:
    unknown = {
        "event_source_arn": True,
        "destination_config": True,
        "provisioned_poller_config": [{"minimum_pollers": True}],
        "amazon_managed_kafka_event_source_config": True,
    }

    result = converted(tmp_path, plan(created(unknown, {"topics": ["t"], "provisioned_poller_config": [{}]})))

    [mapping] = mappings(result).values()
    assert {name: readable(str(item)) for name, item in mapping.items()} == {
        "function_name": "f",
        "event_source_arn": "${var.orders_event_source_arn}",
        "topics": "['t']",
        "destination_config": "${var.orders_destination_config}",
    }


def test_the_blocks_of_a_set_are_told_apart_by_their_constants(tmp_path: Path) -> None:
    blocks = [
        {"type": {"constant_value": "VIRTUAL_HOST"}, "uri": reference("aws_x.host.name", "aws_x.host")},
        {"type": {"constant_value": "BASIC_AUTH"}, "uri": reference("aws_x.secret.arn", "aws_x.secret")},
    ]
    content = plan(
        created(
            {"source_access_configuration": [{"uri": True}, {"uri": True}]},
            {
                "event_source_arn": MSK.replace("kafka", "mq"),
                "source_access_configuration": [{"type": "BASIC_AUTH"}, {"type": "VIRTUAL_HOST"}],
            },
        ),
        root={"resources": [configured({"source_access_configuration": blocks})]},
    )

    text = converted(tmp_path, content).text
    assert "type: BASIC_AUTH\n        uri: ${var.aws_x_secret_arn}\n" in text
    assert "type: VIRTUAL_HOST\n        uri: ${var.aws_x_host_name}\n" in text


def test_a_reference_says_the_kind_of_source(tmp_path: Path) -> None:
    queue = reference("aws_sqs_queue.q.arn", "aws_sqs_queue.q")
    content = plan(
        created({"event_source_arn": True}, {"batch_size": 10}),
        root={"resources": [configured({"event_source_arn": queue})]},
    )

    [mapping] = mappings(converted(tmp_path, content)).values()
    assert set(mapping) == {"function_name", "event_source_arn"}  # the others are the defaults of a queue


def test_a_provider_of_a_plan_says_the_region(tmp_path: Path) -> None:
    kafka = {"self_managed_event_source": [{"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": "b:9092"}}], "topics": ["t"]}
    providers = {
        "aws": {"expressions": {"region": reference("var.region")}},
        "aws.us": {"expressions": {"region": {"constant_value": "us-west-2"}}},
        "module.m:aws": {"module_address": "module.m", "expressions": {"region": reference("var.region")}},
    }
    content = plan(
        *(created({}, kafka, name=name) for name in ("a", "b", "c")),
        root={
            "resources": [
                configured({}, address=f"aws_lambda_event_source_mapping.{name}", provider_config_key=key)
                for name, key in {"a": "aws", "b": "aws.us", "c": "module.m:aws"}.items()
            ]
        },
        providers=providers,
        variables={"region": {"value": "eu-central-1"}},
    )

    regions = {item.name: readable(item.found.region) for item in converted(tmp_path, content).named}
    assert regions == {"a": "eu-central-1", "b": "us-west-2", "c": "${var.region}"}


def test_an_entry_that_a_plan_adds_is_not_imported(tmp_path: Path) -> None:
    def entry(ident: str) -> dict[str, Any]:
        return {"id": ident, "lambda_function_arn": f"{ARN}function:{ident}", "events": ["s3:ObjectCreated:*"]}

    before = {"id": "b", "bucket": "b", "lambda_function": [entry("old")]}
    after = {**before, "lambda_function": [entry("old"), entry("new")]}
    notification = {**MAPPING, "type": "aws_s3_bucket_notification"}
    update = {"actions": ["update"], "before": before, "after": after, "after_unknown": {}}
    create = {"actions": ["create"], "before": None, "after": before, "after_unknown": {}}

    result = converted(tmp_path, plan({**notification, "change": update}))
    assert [(item.found.mapping["id"], item.found.key is not None) for item in result.named] == [
        ("new", False),
        ("old", True),
    ]
    [item] = converted(tmp_path, plan({**notification, "change": create})).named
    assert (item.found.key, item.found.doubts) == (None, ())


def test_a_sensitive_bucket_is_not_printed(tmp_path: Path) -> None:
    entry = {"id": "i", "lambda_function_arn": f"{ARN}function:f", "events": ["s3:ObjectCreated:*"]}
    item = {
        **value({"bucket": "secret-bucket", "lambda_function": [entry]}, sensitive_values={"bucket": True}),
        "type": "aws_s3_bucket_notification",
    }

    result = converted(tmp_path, shown(item))

    assert "secret-bucket" not in result.text
    assert left_out(result) == []
    assert "arn:aws:s3:::${var." in result.text


def test_a_replaced_mapping_has_no_id_yet(tmp_path: Path) -> None:
    change = {"actions": ["delete", "create"], "before": attributes(), "after": {"function_name": "f"}}
    [item] = converted(
        tmp_path, planned({**change, "after": {"function_name": "f", "event_source_arn": QUEUE}, "after_unknown": {}})
    ).named

    assert item.found.key is None


def test_a_mapping_that_the_plan_updates_is_not_yet_what_it_says(tmp_path: Path) -> None:
    change = {"actions": ["update"], "before": attributes(), "after": attributes(batch_size=5), "after_unknown": {}}

    [item] = converted(tmp_path, planned(change)).named

    assert (item.found.mapping["batch_size"], item.found.key is not None) == (5, True)
    assert [doubt.why for doubt in item.found.doubts] == [
        "the plan updates it: until that is applied, AWS has other values"
    ]
