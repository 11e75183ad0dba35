"""Answers of AWS in which an item lacks a member that our requests always have: read, recorded, planned and printed."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.aws.convert import live_mapping, update_requests
from provisioner.backend.statefile import decode, encode
from provisioner.kinds.canonical import canonical
from provisioner.model.desired import Desired
from provisioner.model.place import Place
from provisioner.model.plan import Reading
from provisioner.model.provider import Provider
from provisioner.model.sources import SourceKind
from provisioner.model.state import Record, State
from provisioner.planning.planner import make_plan
from provisioner.planning.resolve import Resolution, Subject
from provisioner.render.formats import plan_in
from provisioner.render.manifest import entry_yaml
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
    assert "m:" in entry_yaml("m", live, "eu-west-1", {})
    desired = Desired("m", "eu-west-1", kind, mapping, Place("provisioner.yaml"))
    plan = make_plan(
        Resolution((Subject("m", desired, state.mappings["m"]),)), Reading({UUID: live}), state, account="123456789012"
    )
    for form in ("text", "json", "markdown", "gitlab"):
        assert plan_in(form, plan, (), Style())
    [change] = plan.changes
    assert change.desired is not None
    update_requests(live.mapping, change.desired, kind, [field.path[0] for field in change.fields])
