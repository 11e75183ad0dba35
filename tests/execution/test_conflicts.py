"""A pair that another mapping holds: that mapping is not possible, and the rest goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.backend.planfile import open_plan
from provisioner.errors import RefusedError
from provisioner.model.plan import Action, Plan
from provisioner.model.report import Report, Result
from provisioner.planning.fingerprint import plan_hash
from provisioner.workflow import Execution, Selection
from tests.support.lambda_api import SQS
from tests.support.stack import Stack

ALL = Selection()
MSK = "arn:aws:kafka:eu-west-1:123456789012:cluster/c/12345678-1234-1234-1234-123456789012-1"


def line(name: str, source: str, more: str = "") -> str:
    return f"{name}: {{ function_name: f, event_source_arn: '{SQS}{source}'{more} }}"


def foreign(stack: Stack, source: str) -> str:
    answer = stack.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=f"{SQS}{source}")
    return str(answer["UUID"])


def actions(plan: Plan) -> dict[str, Action]:
    return {change.name: change.action for change in plan.changes}


def results(report: Report) -> dict[str, Result]:
    return {outcome.change.name: outcome.result for outcome in report.outcomes}


def test_the_others_are_applied_and_the_one_is_not_attempted(stack: Stack) -> None:
    uuid = foreign(stack, "1")
    stack.write_mappings(line("a", "1"), line("b", "2"))

    plan, report = workflow.apply(stack.run(), ALL, Execution(auto_approve=True))

    assert actions(plan) == {"a": Action.NOT_POSSIBLE, "b": Action.CREATE}
    assert results(report) == {"a": Result.NOT_ATTEMPTED, "b": Result.APPLIED}
    assert not report.clean
    assert stack.uuids().keys() == {"b"}
    assert uuid in stack.live_mappings()
    assert next(outcome.hint for outcome in report.outcomes if outcome.change.name == "a").startswith("import it: ")


def test_nobody_is_asked_when_there_is_nothing_to_do(stack: Stack) -> None:
    foreign(stack, "1")
    stack.write_mappings(line("a", "1"))
    asked = []
    stack.ui.before_yes = lambda: asked.append(True)

    report = stack.apply(auto_approve=False)

    assert results(report) == {"a": Result.NOT_ATTEMPTED}
    assert asked == []


def test_a_mapping_that_cannot_move_keeps_its_record(stack: Stack) -> None:
    stack.write_mappings(line("a", "1"), line("b", "2"))
    assert stack.apply().clean
    before = stack.uuids()
    foreign(stack, "9")
    stack.write_mappings(line("a", "9", ", batch_size: 3"), line("b", "2", ", batch_size: 3"))

    plan, report = workflow.apply(stack.run(), ALL, Execution(auto_approve=True))

    assert actions(plan) == {"a": Action.NOT_POSSIBLE, "b": Action.UPDATE}
    assert results(report) == {"a": Result.NOT_ATTEMPTED, "b": Result.APPLIED}
    assert stack.uuids() == before
    assert stack.live_mappings()[before["a"]]["BatchSize"] == 10


def topic(name: str, topic: str, group: str) -> str:
    return (
        f"{name}: {{ function_name: f, event_source_arn: '{MSK}', topics: [{topic}], starting_position: LATEST, "
        f"amazon_managed_kafka_event_source_config: {{ consumer_group_id: {group} }} }}"
    )


def test_what_a_mapping_that_cannot_move_holds_is_not_possible_for_others(stack: Stack) -> None:
    """c wants the consumer group that a has, d the one that c has."""
    stack.write_mappings(topic("a", "t1", "g1"), topic("c", "t3", "g3"))
    assert stack.apply().clean
    before = stack.uuids()
    stack.plane.client().create_event_source_mapping(
        FunctionName="f", EventSourceArn=MSK, Topics=["t9"], StartingPosition="LATEST"
    )
    stack.write_mappings(topic("a", "t9", "g9"), topic("c", "t4", "g1"), topic("d", "t5", "g3"), line("e", "1"))

    plan, report = workflow.apply(stack.run(), ALL, Execution(auto_approve=True))

    assert actions(plan) == {**dict.fromkeys("acd", Action.NOT_POSSIBLE), "e": Action.CREATE}
    assert results(report) == {**dict.fromkeys("acd", Result.NOT_ATTEMPTED), "e": Result.APPLIED}
    assert {name: uuid for name, uuid in stack.uuids().items() if name in before} == before
    holders = {change.name: change.conflict.holder.id for change in plan.changes if change.conflict}
    assert (holders["c"], holders["d"]) == (before["a"], before["c"])


def test_an_import_into_a_pair_that_another_mapping_holds_is_not_possible(stack: Stack) -> None:
    taken, other = foreign(stack, "1"), foreign(stack, "2")
    stack.write_mappings(line("a", "1"), head=f"imports: [{{ to: a, id: {other} }}]\n")

    [change] = stack.plan().changes

    assert change.action is Action.NOT_POSSIBLE
    assert change.conflict is not None
    assert change.conflict.holder.id == taken


def test_a_saved_plan_is_applied_without_it(stack: Stack, tmp_path: Path) -> None:
    foreign(stack, "1")
    stack.write_mappings(line("a", "1"), line("b", "2"))
    file = tmp_path / "saved.plan"
    made = workflow.plan(stack.run(), ALL, file)

    saved = open_plan(file)
    report = workflow.apply_saved(stack.run(), saved, Execution())

    assert plan_hash(saved.plan) == plan_hash(made)
    assert results(report) == {"a": Result.NOT_ATTEMPTED, "b": Result.APPLIED}


def test_the_hash_has_the_holder(stack: Stack) -> None:
    first = foreign(stack, "1")
    stack.write_mappings(line("a", "1"))
    before = plan_hash(stack.plan())
    stack.plane.client().delete_event_source_mapping(UUID=first)
    foreign(stack, "1")

    assert plan_hash(stack.plan()) != before


def test_limits_refuse_conflicts(stack: Stack) -> None:
    foreign(stack, "1")
    stack.write_mappings(line("a", "1"), line("b", "2"), head="limits: { conflicts: 0 }\n")

    with pytest.raises(RefusedError) as caught:
        stack.apply()

    [problem] = caught.value.problems
    assert "1 mapping of the plan is not possible; the limit is 0" in str(problem)
    assert len(stack.live_mappings()) == 1
    stack.write_mappings(line("a", "1"), line("b", "2"), head="limits: { conflicts: 1 }\n")
    assert results(stack.apply())["b"] is Result.APPLIED


def test_a_mapping_that_shares_one_broker_is_not_imported_unasked(stack: Stack) -> None:
    """`on_conflict: adopt` is about this very pair: another cluster would be a replacement of somebody's mapping."""

    def kafka(brokers: str) -> dict[str, Any]:
        endpoints = {"KAFKA_BOOTSTRAP_SERVERS": brokers.split(",")}
        access = [
            {"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"},
            {"Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1"},
        ]
        return {"SelfManagedEventSource": {"Endpoints": endpoints}, "SourceAccessConfigurations": access}

    theirs = stack.plane.client().create_event_source_mapping(
        FunctionName="f", Topics=["views"], StartingPosition="LATEST", **kafka("a:1,c:1")
    )["UUID"]
    stack.write_mappings(
        "a: { function_name: f, topics: [views], starting_position: LATEST, lifecycle: { on_conflict: adopt }, "
        "self_managed_event_source: { endpoints: { KAFKA_BOOTSTRAP_SERVERS: 'a:1,b:1' } }, source_access_configuration: "
        "[{ type: VPC_SUBNET, uri: subnet-1 }, { type: VPC_SECURITY_GROUP, uri: sg-1 }] }"
    )

    [change] = stack.plan().changes

    assert change.action is Action.NOT_POSSIBLE
    assert change.conflict is not None
    assert change.conflict.holder.id == theirs
