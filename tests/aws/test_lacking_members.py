"""Answers of AWS in which an item lacks a member that our requests always have: read, recorded, planned and printed."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.aws.convert import live_mapping, update_requests
from provisioner.backend.statefile import decode, encode
from provisioner.convert.entry import entry_yaml
from provisioner.convert.found import found_of
from provisioner.errors import ServiceError
from provisioner.kinds.canonical import canonical
from provisioner.model.desired import Desired
from provisioner.model.place import Place
from provisioner.model.plan import Action
from provisioner.model.provider import Provider
from provisioner.model.sources import SourceKind
from provisioner.model.state import Record, State
from provisioner.planning.planner import make_plan
from provisioner.planning.reading import Reading
from provisioner.planning.resolve import Resolution, Subject
from provisioner.render.formats import plan_in
from provisioner.render.style import Style

UUID = "00000000-1111-2222-3333-444444444444"
ARNS = {
    SourceKind.SQS: "arn:aws:sqs:eu-west-1:123456789012:q",
    SourceKind.MQ: "arn:aws:mq:eu-west-1:123456789012:broker:b:b-1",
    SourceKind.MSK: "arn:aws:kafka:eu-west-1:123456789012:cluster/c/1",
}
SECRET = {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}


@pytest.mark.parametrize(
    ("kind", "member", "value", "wanted"),
    [
        (SourceKind.SQS, "FilterCriteria", {"Filters": [{}]}, {"filter_criteria": {"filter": [{"pattern": {"body": {"a": [1]}}}]}}),
        (SourceKind.SQS, "FilterCriteria", {"Filters": [{}, {}]}, {}),
        (SourceKind.MQ, "SourceAccessConfigurations", [{"URI": "x"}], {"source_access_configuration": [SECRET]}),
        (SourceKind.MQ, "SourceAccessConfigurations", [{}, {"Type": "VIRTUAL_HOST"}], {}),
        (SourceKind.MSK, "AmazonManagedKafkaEventSourceConfig", {"SchemaRegistryConfig": {"AccessConfigs": [{}]}}, {}),
    ],
)  # fmt: skip
def test_an_answer_without_a_member_is_no_traceback(
    kind: SourceKind, member: str, value: Any, wanted: dict[str, Any]
) -> None:
    stated = {"function_name": "f", "event_source_arn": ARNS[kind], **wanted}
    mapping = canonical(stated, kind)
    answer = {
        "UUID": UUID,
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
        "EventSourceArn": ARNS[kind],
        "State": "Enabled",
        member: value,
    }

    live = live_mapping(answer, "eu-west-1", {}, Provider())
    state = State("s", "lineage", "123456789012", 3, {"m": Record(live.key, live.arn, live.as_left)})

    assert decode(encode(state), where="s", stack="s") == state
    assert "m:" in entry_yaml("m", found_of(live), "eu-west-1", {})
    desired = Desired("m", "eu-west-1", kind, mapping, Place("provisioner.yaml"))
    plan = make_plan(
        Resolution((Subject("m", desired, state.mappings["m"]),)),
        Reading({live.key: live}),
        state,
        account="123456789012",
    )
    for form in ("text", "json", "markdown", "gitlab"):
        assert plan_in(form, plan, (), Style())
    [change] = plan.changes
    assert change.action is not Action.REPLACE
    assert change.desired is not None
    update_requests(live.mapping, change.desired, kind, [field.path[0] for field in change.fields])


SECRETS = [{"Type": "BASIC_AUTH", "URI": SECRET["uri"]}]
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:f"
SOURCES: dict[SourceKind, dict[str, Any]] = {
    SourceKind.KINESIS: {"EventSourceArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/s", "StartingPosition": "LATEST"},
    SourceKind.MSK: {"EventSourceArn": ARNS[SourceKind.MSK], "Topics": ["t1"], "StartingPosition": "LATEST"},
    SourceKind.KAFKA: {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:9092"]}},
        "Topics": ["t1"],
        "StartingPosition": "LATEST",
        "SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-0aaa1111bbbb2222c"}],
    },
    SourceKind.MQ: {"EventSourceArn": ARNS[SourceKind.MQ], "Queues": ["q"], "SourceAccessConfigurations": SECRETS},
    SourceKind.DOCUMENTDB: {
        "EventSourceArn": "arn:aws:rds:eu-west-1:123456789012:cluster:catalogue",
        "DocumentDBEventSourceConfig": {"DatabaseName": "shop"},
        "SourceAccessConfigurations": SECRETS,
        "StartingPosition": "LATEST",
    },
}  # fmt: skip
LEFT_OUT = [
    (kind, member)
    for kind, members in SOURCES.items()
    for member in members
    if member not in {"EventSourceArn", "SelfManagedEventSource"}
]


@pytest.mark.parametrize("recorded", ["applied", "imported"])
@pytest.mark.parametrize(("kind", "member"), LEFT_OUT)
def test_what_every_mapping_of_a_kind_has_and_an_answer_leaves_out_changes_nothing(
    kind: SourceKind, member: str, recorded: str
) -> None:
    whole = {"UUID": UUID, "FunctionArn": FUNCTION, "State": "Enabled", **SOURCES[kind]}
    before = live_mapping(whole, "eu-west-1", {}, Provider())
    after = live_mapping({name: value for name, value in whole.items() if name != member}, "eu-west-1", {}, Provider())
    record = Record(after.key, after.arn, (before if recorded == "applied" else after).as_left)
    state = State("s", "lineage", "123456789012", 3, {"m": record})
    desired = Desired("m", "eu-west-1", kind, before.mapping, Place("provisioner.yaml"))
    subjects = Resolution((Subject("m", desired, record),))

    plan = make_plan(subjects, Reading({after.key: after}), state, account="123456789012")

    assert after.kind is kind
    assert [change.action for change in plan.changes] == [Action.NO_OP]
    source = "as in the manifest" if recorded == "imported" else "as last applied"
    [field] = after.unseen
    assert f"AWS does not show {field}; the plan assumes that it is {source}" in plan.changes[0].notes
    assert f"- {field}" in entry_yaml("m", found_of(after), "eu-west-1", {})


@pytest.mark.parametrize("left_out", [{}, {"SchemaRegistryConfig": {"SchemaRegistryURI": "https://r"}}])
def test_a_consumer_group_that_an_answer_leaves_out_replaces_nothing(left_out: dict[str, Any]) -> None:
    block = "AmazonManagedKafkaEventSourceConfig"
    whole = {"UUID": UUID, "FunctionArn": FUNCTION, "State": "Enabled", **SOURCES[SourceKind.MSK]}
    before = live_mapping({**whole, block: {**left_out, "ConsumerGroupId": "g"}}, "eu-west-1", {}, Provider())
    after = live_mapping({**whole, **({block: left_out} if left_out else {})}, "eu-west-1", {}, Provider())
    record = Record(after.key, after.arn, before.as_left)
    state = State("s", "lineage", "123456789012", 3, {"m": record})
    desired = Desired("m", "eu-west-1", SourceKind.MSK, before.mapping, Place("provisioner.yaml"))

    [change] = make_plan(
        Resolution((Subject("m", desired, record),)), Reading({after.key: after}), state, account="123456789012"
    ).changes

    assert change.action is Action.NO_OP
    [note] = change.notes
    assert note.startswith("AWS does not show amazon_managed_kafka_event_source_config.consumer_group_id; ")
    assert change.applied == before.mapping
    assert after.unseen == ()  # an entry may leave it out


@pytest.mark.parametrize("source", [{}, {"EventSourceArn": ""}, {"SelfManagedEventSource": {}}])
def test_an_answer_without_a_source_is_refused(source: dict[str, Any]) -> None:
    answer = {"UUID": UUID, "FunctionArn": FUNCTION, "State": "Enabled", "BatchSize": 10, **source}

    with pytest.raises(ServiceError, match=f"reading mapping {UUID}: unexpected response: EventSourceArn is "):
        live_mapping(answer, "eu-west-1", {}, Provider())
