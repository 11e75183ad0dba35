"""A plan as Terraform's document. The key sets were recorded from Terraform 1.11.4 with the AWS provider 5.100.0."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.model.plan import Level, Plan, Problem, Risk
from provisioner.render.terraform import plan_document
from tests.planning.test_stories import CASES, full
from tests.render.planned import cluster, planned, queue, story, stream

ALL_SOURCES = Path(__file__).parents[2] / "examples/all-sources/provisioner.yaml"
MOVED = "arn:aws:sqs:eu-west-1:123456789012:p"

# Terraform's, beside `timestamp` and `configuration`.
TOP = {
    "applyable",
    "complete",
    "errored",
    "format_version",
    "planned_values",
    "prior_state",
    "resource_changes",
    "resource_drift",
    "terraform_version",
    "variables",
}
RESOURCE_CHANGE = {"address", "mode", "type", "name", "provider_name", "change"}
CHANGE = {"actions", "before", "after", "after_unknown", "before_sensitive", "after_sensitive"}
ATTRIBUTES = {
    "amazon_managed_kafka_event_source_config",
    "arn",
    "batch_size",
    "bisect_batch_on_function_error",
    "destination_config",
    "document_db_event_source_config",
    "enabled",
    "event_source_arn",
    "filter_criteria",
    "function_arn",
    "function_name",
    "function_response_types",
    "id",
    "kms_key_arn",
    "last_modified",
    "last_processing_result",
    "maximum_batching_window_in_seconds",
    "maximum_record_age_in_seconds",
    "maximum_retry_attempts",
    "metrics_config",
    "parallelization_factor",
    "provisioned_poller_config",
    "queues",
    "scaling_config",
    "self_managed_event_source",
    "self_managed_kafka_event_source_config",
    "source_access_configuration",
    "starting_position",
    "starting_position_timestamp",
    "state",
    "state_transition_reason",
    "tags",
    "tags_all",
    "topics",
    "tumbling_window_in_seconds",
    "uuid",
}
UNKNOWN = {
    "arn",
    "function_arn",
    "id",
    "last_modified",
    "last_processing_result",
    "state",
    "state_transition_reason",
    "uuid",
}
OF_TYPE = {
    "aws_lambda_event_source_mapping": ATTRIBUTES,
    "aws_s3_bucket_notification": {"bucket", "id", "lambda_function"},
    "aws_lambda_permission": {
        *("action", "function_name", "id", "principal", "qualifier", "source_account", "source_arn", "statement_id"),
    },
}
BLOCKS = {name for name in ATTRIBUTES if name.endswith(("_config", "_configuration", "_source", "_criteria"))}

CANNOT_UPDATE = "replace_because_cannot_update"
NOT_WANTED = "delete_because_no_resource_config"


def document(plan: Plan, **more: Any) -> dict[str, Any]:
    return plan_document(plan, version="1.2.3", **more)


def the_change(plan: Plan) -> dict[str, Any]:
    [change] = document(plan)["resource_changes"]
    found: dict[str, Any] = change
    return found


def test_every_key_of_terraforms_is_there(tmp_path: Path) -> None:
    shown = document(story(tmp_path, queue(batch_size=5), queue(), queue()))
    [change] = shown["resource_changes"]

    assert shown.keys() - TOP == {"x_provisioner"}
    assert change.keys() - RESOURCE_CHANGE == {"x_provisioner"}
    assert change["change"].keys() == CHANGE
    assert change["change"]["before"].keys() - ATTRIBUTES == {"region", "logging_config"}
    assert TOP - shown.keys() == RESOURCE_CHANGE - change.keys() == set()
    assert ATTRIBUTES - change["change"]["before"].keys() == set()


@pytest.mark.parametrize(("sides", "more", "expected"), [
    ((queue(), None, None), {}, {"actions": ["create"]}),
    ((queue(batch_size=5), queue(), queue()), {}, {"actions": ["update"]}),
    ((queue(), queue(), queue()), {}, {"actions": ["no-op"]}),
    ((None, queue(), queue()), {}, {"actions": ["delete"], "action_reason": NOT_WANTED}),
    ((None, queue(), None), {}, {"actions": ["forget"], "action_reason": NOT_WANTED}),
    ((None, queue(), queue()), {"head": {"removed": [{"from": "it", "destroy": False}]}},
     {"actions": ["forget"], "action_reason": NOT_WANTED}),
    ((queue(), queue(), None), {}, {"actions": ["create"]}),
    ((queue(), queue(), queue()), {"replace": ["it"]}, {"actions": ["delete", "create"], "action_reason": "replace_by_request"}),
    ((stream(starting_position="TRIM_HORIZON"), stream(), stream()), {},
     {"actions": ["delete", "create"], "action_reason": CANNOT_UPDATE, "replace_paths": [["starting_position"]]}),
    ((queue(event_source_arn=MOVED), queue(), queue()), {},
     {"actions": ["create", "delete"], "action_reason": CANNOT_UPDATE, "replace_paths": [["event_source_arn"]]}),
    ((cluster(amazon_managed_kafka_event_source_config={"consumer_group_id": "g"}), cluster(), cluster()), {},
     {"actions": ["delete", "create"], "action_reason": CANNOT_UPDATE,
      "replace_paths": [["amazon_managed_kafka_event_source_config", 0, "consumer_group_id"]]}),
    ((queue(), queue(), queue()), {"was": "old", "head": {"moved": [{"from": "old", "to": "it"}]}},
     {"actions": ["no-op"], "previous_address": "aws_lambda_event_source_mapping.old"}),
    ((queue(), None, queue()), {"head": {"imports": [{"to": "it", "id": full("1")}]}},
     {"actions": ["no-op"], "importing": {"id": full("1")}}),
])  # fmt: skip
def test_an_action_is_reported_in_terraforms_words(
    sides: tuple[Any, Any, Any], more: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    shown = the_change(story(tmp_path, *sides, **more))
    known = {**shown, **shown["change"]}
    optional = ("action_reason", "replace_paths", "previous_address", "importing")

    assert {key: known[key] for key in ("actions", *optional) if key in known} == expected
    assert (shown["change"]["before"] is None) == (
        "create" in expected["actions"] and "delete" not in expected["actions"]
    )
    assert (shown["change"]["after"] is None) == (expected["actions"] in (["delete"], ["forget"]))


def test_a_replaced_broker_is_reported_by_its_map_as_terraform_does(tmp_path: Path) -> None:
    def kafka(*brokers: str) -> dict[str, Any]:
        return {
            "function_name": "f",
            "topics": ["t1"],
            "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": list(brokers)}},
            "source_access_configuration": [
                {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}
            ],
        }

    shown = the_change(story(tmp_path, kafka("b2:9092", "b1:9092"), kafka("b1:9092"), kafka("b1:9092")))["change"]

    assert shown["replace_paths"] == [["self_managed_event_source", 0, "endpoints"]]
    assert shown["before"]["self_managed_event_source"] == [{"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": "b1:9092"}}]
    assert shown["after"]["self_managed_event_source"] == [
        {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": "b1:9092,b2:9092"}}
    ]
    assert shown["before"]["self_managed_kafka_event_source_config"] == [
        {"consumer_group_id": full("1"), "consumption_mode": None, "schema_registry_config": []}
    ]
    assert shown["after_unknown"]["self_managed_kafka_event_source_config"] is True


def test_every_block_of_every_kind_is_a_list_of_objects(tmp_path: Path) -> None:
    plan = planned({"manifest": yaml.safe_load(ALL_SOURCES.read_text(encoding="utf-8"))}, tmp_path)
    assert plan
    values = {change["name"]: change["change"]["after"] for change in document(plan)["resource_changes"]}

    for after in values.values():
        for name in BLOCKS & after.keys():
            assert isinstance(after[name], list)
            assert all(isinstance(item, dict) for item in after[name])
    assert values["sqs"]["filter_criteria"] == [
        {
            "filter": [
                {"pattern": '{"body":{"amount":[{"numeric":[">",0,"<=",10000]}],"status":["NEW","RETRY"]}}'},
                {"pattern": '{"body":{"priority":["high"]}}'},
            ]
        }
    ]
    assert values["sqs"]["scaling_config"] == [{"maximum_concurrency": 20}]
    assert values["sqs"]["metrics_config"] == [{"metrics": ["EventCount"]}]
    assert values["sqs"]["tags"] == values["sqs"]["tags_all"] == {"team": "orders"}
    assert values["kinesis"]["destination_config"] == [
        {"on_success": [], "on_failure": [{"destination_arn": "arn:aws:sqs:eu-west-1:123456789012:orders"}]}
    ]
    assert values["rabbitmq"]["source_access_configuration"] == [
        {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rabbit-AbCdEf"},
        {"type": "VIRTUAL_HOST", "uri": "/"},
    ]
    assert values["documentdb"]["document_db_event_source_config"] == [
        {"database_name": "shop", "collection_name": "products", "full_document": "UpdateLookup"}
    ]


def test_aws_defaults_are_written_out_on_both_sides(tmp_path: Path) -> None:
    shown = the_change(story(tmp_path, stream(batch_size=500), stream(), stream()))["change"]

    assert (shown["before"]["batch_size"], shown["after"]["batch_size"]) == (100, 500)
    for side in (shown["before"], shown["after"]):
        known = {
            key: side[key] for key in ("enabled", "maximum_retry_attempts", "parallelization_factor", "topics", "tags")
        }
        assert known == {
            "enabled": True,
            "maximum_retry_attempts": -1,
            "parallelization_factor": 1,
            "topics": [],
            "tags": {},
        }
        assert side["kms_key_arn"] is None


@pytest.mark.parametrize("recorded", [None, stream(starting_position="TRIM_HORIZON")], ids=["create", "replace"])
def test_what_only_aws_knows_is_unknown_and_left_out(recorded: dict[str, Any] | None, tmp_path: Path) -> None:
    shown = the_change(story(tmp_path, stream(), recorded, recorded))["change"]

    assert shown["after_unknown"] == dict.fromkeys(UNKNOWN, True)
    assert shown["after"].keys() & UNKNOWN == set()
    assert shown["after"]["region"] == "eu-west-1"


def test_a_group_that_aws_makes_is_unknown_inside_a_block_that_is_stated(tmp_path: Path) -> None:
    registry = {
        "schema_registry_uri": "https://registry.example.com",
        "event_record_format": "JSON",
        "schema_validation_config": [{"attribute": "VALUE"}],
    }
    wanted = cluster(
        provisioned_poller_config={"minimum_pollers": 1},
        amazon_managed_kafka_event_source_config={"schema_registry_config": registry},
    )
    shown = the_change(story(tmp_path, wanted))["change"]

    assert shown["after_unknown"]["amazon_managed_kafka_event_source_config"] == [{"consumer_group_id": True}]
    [block] = shown["after"]["amazon_managed_kafka_event_source_config"]
    assert block.keys() == {"schema_registry_config"}


def test_an_update_knows_the_facts_of_what_lives(tmp_path: Path) -> None:
    plan = story(tmp_path, queue(function_name="f:prod", batch_size=5), queue(), queue())
    [change] = plan.changes
    assert change.live
    arn = f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{full('1')}"
    shown = the_change(replace(plan, changes=(replace(change, live=replace(change.live, arn=arn)),)))["change"]

    assert shown["after_unknown"] == {}
    assert shown["after"]["uuid"] == shown["after"]["id"] == shown["before"]["uuid"] == full("1")
    assert shown["after"]["arn"] == arn
    assert shown["after"]["state"] == "Enabled"
    assert shown["before"]["function_arn"] == "arn:aws:lambda:eu-west-1:123456789012:function:f"
    assert shown["after"]["function_arn"] == "arn:aws:lambda:eu-west-1:123456789012:function:f:prod"


def test_drift_is_reported_from_what_was_recorded_to_what_lives(tmp_path: Path) -> None:
    plan = story(tmp_path, queue(batch_size=5, enabled=False), queue(), queue(batch_size=7))
    [drift] = document(plan)["resource_drift"]
    sides = drift["change"]

    assert sides["actions"] == ["update"]
    assert (sides["before"]["batch_size"], sides["after"]["batch_size"]) == (10, 7)
    assert {key for key in sides["before"] if sides["before"][key] != sides["after"][key]} == {"batch_size"}
    assert the_change(plan)["x_provisioner"]["cause"] == {
        "enabled": {"cause": "edit", "detail": "set", "applied": True},
        "batch_size": {"cause": "conflict", "detail": None, "applied": 10},
    }


def test_an_edit_is_no_drift(tmp_path: Path) -> None:
    assert document(story(tmp_path, queue(batch_size=5), queue(), queue()))["resource_drift"] == []


@pytest.mark.parametrize("wanted", [queue(batch_size=5), None], ids=["disappeared", "gone"])
def test_what_has_vanished_has_drifted_away(wanted: dict[str, Any] | None, tmp_path: Path) -> None:
    [drift] = document(story(tmp_path, wanted, queue(batch_size=5), None))["resource_drift"]

    assert drift["change"]["actions"] == ["delete"]
    assert (drift["change"]["before"]["batch_size"], drift["change"]["before"]["uuid"]) == (5, full("1"))
    assert drift["change"]["after"] is None


def test_filters_that_aws_does_not_tell_are_the_same_on_both_sides(tmp_path: Path) -> None:
    filtered = queue(filter_criteria={"filter": [{"pattern": {"body": ["x"]}}]})
    shown = the_change(story(tmp_path, filtered, filtered, queue(unknown=["filter_criteria"])))["change"]

    assert shown["actions"] == ["no-op"]
    assert shown["before"] == shown["after"]
    assert shown["before"]["filter_criteria"] == [{"filter": [{"pattern": '{"body":["x"]}'}]}]


@pytest.mark.parametrize(("before", "after", "calls"), [
    (None, queue(), ["CreateEventSourceMapping"]),
    (queue(), None, ["DeleteEventSourceMapping"]),
    (queue(), queue(batch_size=5), ["UpdateEventSourceMapping"]),
    (queue(tags={"a": "1", "b": "1"}), queue(tags={"a": "2"}), ["UntagResource", "TagResource"]),
    (queue(), queue(batch_size=5, tags={"a": "1"}), ["UpdateEventSourceMapping", "TagResource"]),
    (stream(), stream(starting_position="TRIM_HORIZON"), ["DeleteEventSourceMapping", "CreateEventSourceMapping"]),
    (queue(), queue(event_source_arn=MOVED), ["CreateEventSourceMapping", "DeleteEventSourceMapping"]),
    (queue(), queue(), []),
])  # fmt: skip
def test_the_calls_are_reported_in_their_order(before: Any, after: Any, calls: list[str], tmp_path: Path) -> None:
    assert the_change(story(tmp_path, after, before, before))["x_provisioner"]["calls"] == calls


def test_risks_are_reported_beside_the_change(tmp_path: Path) -> None:
    plan = story(tmp_path, queue(), queue(), queue(), replace=["it"])
    [change] = plan.changes
    risky = replace(plan, changes=(replace(change, risks=(Risk("R201", Level.REPLAY, "Records may come twice."),)),))

    assert the_change(risky)["x_provisioner"]["risks"] == [
        {"code": "R201", "level": "replay", "message": "Records may come twice."}
    ]


def test_what_is_ours_stands_apart(tmp_path: Path) -> None:
    plan = story(tmp_path, queue())
    problem = Problem("", "too many deletes", "allow them")
    shown = document(plan, plan_hash="sha256:0", refused=[problem])

    assert shown["x_provisioner"] == {
        "version": "1.2.3",
        "stack": "test",
        "account": "123456789012",
        "hash": "sha256:0",
        "access": {"state": "", "endpoint": "", "profile": "", "role": "", "environment": {}},
        "refused": [{"name": "", "message": "too many deletes", "hint": "allow them"}],
        "summary": {
            "imported": 0,
            "added": 1,
            "changed": 0,
            "destroyed": 0,
            "moved": 0,
            "forgotten": 0,
            "not_possible": 0,
        },
        "checks": [],
    }


def test_what_may_not_be_carried_out_says_so(tmp_path: Path) -> None:
    plan = story(tmp_path, queue())
    problem = Problem("it", "no")
    verdicts = {
        name: tuple(shown[key] for key in ("applyable", "complete", "errored"))
        for name, shown in {
            "sound": document(plan),
            "nothing to do": document(replace(plan, changes=())),
            "refused": document(plan, refused=[problem]),
            "problems": document(replace(plan, problems=(problem,)), refused=[problem]),
        }.items()
    }

    assert verdicts == {
        "sound": (True, True, False),
        "nothing to do": (False, True, False),
        "refused": (False, True, True),
        "problems": (False, False, True),
    }
    assert len(document(replace(plan, problems=(problem,)), refused=[problem])["x_provisioner"]["refused"]) == 1


def test_values_hold_what_lives_and_what_will(tmp_path: Path) -> None:
    plan = planned(
        {
            "manifest": {"mappings": {"new": queue(event_source_arn=MOVED), "stays": queue()}},
            "recorded": {"stays": {**queue(), "uuid": 1}, "leaves": {**stream(), "uuid": 2}},
            "live": {1: queue(), 2: stream()},
        },
        tmp_path,
    )
    assert plan
    shown = document(plan)
    modules = {"prior": shown["prior_state"]["values"], "planned": shown["planned_values"]}
    held = {key: {item["name"]: item for item in value["root_module"]["resources"]} for key, value in modules.items()}

    assert {key: sorted(value) for key, value in held.items()} == {
        "prior": ["leaves", "stays"],
        "planned": ["new", "stays"],
    }
    assert held["planned"]["new"]["values"]["event_source_arn"] == MOVED
    assert held["prior"]["leaves"]["values"]["uuid"] == full("2")


def test_a_deposed_mapping_has_its_names_address_and_a_key(tmp_path: Path) -> None:
    plan = planned(
        {
            "manifest": {"mappings": {"it": queue()}},
            "recorded": {"it": {**queue(), "uuid": 1, "deposed": [2]}},
            "live": {1: queue(), 2: queue(event_source_arn=MOVED)},
        },
        tmp_path,
    )
    assert plan
    [gone] = [change for change in document(plan)["resource_changes"] if "deposed" in change]

    assert (gone["address"], gone["deposed"]) == ("aws_lambda_event_source_mapping.it", "00000002")
    assert gone["change"]["actions"] == ["delete"]
    assert gone["change"]["before"]["event_source_arn"] == MOVED


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_every_story_makes_a_sound_document(path: Path, tmp_path: Path) -> None:
    plan = planned(path.read_text(encoding="utf-8"), tmp_path)
    if plan is None:
        return
    text = json.dumps(document(plan))

    assert text == json.dumps(document(plan))
    for resource in json.loads(text)["resource_changes"]:
        change = resource["change"]
        before, after, unknown = change["before"] or {}, change["after"] or {}, change["after_unknown"]
        if "not_possible" in resource["x_provisioner"] and not before:
            assert (change["before"], change["after"], unknown) == (
                None,
                None,
                {},
            )  # nothing is there, and nothing is made
            continue
        assert OF_TYPE[resource["type"]] - (before or after).keys() - unknown.keys() == set()
        assert {name for name, value in unknown.items() if value is True} & after.keys() == set()
        differing = {name for name in before.keys() & after.keys() if before[name] != after[name]} - {"tags_all"}
        if "part_of" in resource["x_provisioner"]:
            continue  # the causes stand on the mapping that it is a part of
        caused = {path.split(".")[0] for path in resource["x_provisioner"]["cause"]}
        if change["actions"] in (["no-op"], ["update"]):
            assert differing - {"function_arn"} == caused
