"""docs/aws/updates.md#updates, row by row: what an update does and does not do."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.model.plan import Action
from provisioner.model.report import Result
from tests.embedded import ACCOUNT, REGION
from tests.flow import Flow
from tests.planes import AUTH, KINESIS, MQ, SQS, Plane, refusal

IPV = "InvalidParameterValueException"
QUEUE = {"function_name": "f", "event_source_arn": SQS}


def settings(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in ("LastModified", "ResponseMetadata", "State")}


@pytest.mark.parametrize("sent", [{}, {"BatchSize": 5}], ids=["empty", "redundant"])
def test_a_redundant_or_empty_update_only_bumps_last_modified(plane: Plane, sent: dict[str, Any]) -> None:
    uuid = plane.settled(BatchSize=5, Enabled=False)
    before = plane.get(uuid)

    answer = plane.update(uuid, **sent)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert settings(plane.get(uuid)) == settings(before)
    assert plane.get(uuid)["LastModified"] > before["LastModified"]


@pytest.mark.parametrize("member", ["FilterCriteria", "ScalingConfig", "BatchSize", "Enabled", "FunctionResponseTypes"])
def test_null_is_no_change(plane: Plane, member: str) -> None:
    uuid = plane.settled(
        FilterCriteria={"Filters": [{"Pattern": '{"a":[1]}'}]}, ScalingConfig={"MaximumConcurrency": 3}, BatchSize=5,
        FunctionResponseTypes=["ReportBatchItemFailures"], Enabled=False,
    )  # fmt: skip
    before = plane.get(uuid)

    def send_null(params: dict[str, Any], **_: Any) -> None:
        params["body"] = f'{{"{member}": null}}'.encode()

    plane.client.meta.events.register("before-call", send_null)
    plane.update(uuid)
    plane.client.meta.events.unregister("before-call", send_null)

    assert settings(plane.get(uuid)) == settings(before)
    assert plane.get(uuid)["State"] == "Disabled"


def test_a_rejected_update_changes_nothing(plane: Plane) -> None:
    uuid = plane.settled()
    before = plane.get(uuid)

    assert refusal(plane.update, uuid, BatchSize=11)[1] == IPV
    after = plane.get(uuid)
    assert (after["State"], after["LastModified"], settings(after)) == (
        before["State"],
        before["LastModified"],
        settings(before),
    )


def test_members_that_are_not_sent_are_kept(plane: Plane) -> None:
    uuid = plane.settled(BatchSize=5, ScalingConfig={"MaximumConcurrency": 3}, Enabled=False)

    plane.update(uuid, BatchSize=6)

    assert plane.get(uuid)["ScalingConfig"] == {"MaximumConcurrency": 3}
    assert plane.get(uuid)["State"] == "Disabled"


@pytest.mark.parametrize("to", ["g", "f:live"])
def test_function_name_retargets_in_place(flow: Flow, to: str) -> None:
    flow.applied(QUEUE)
    uuid = flow.uuid

    flow.applied({**QUEUE, "function_name": to})

    assert flow.uuid == uuid
    assert flow.live()["FunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{to}"


def test_during_disabling_it_is_in_use(plane: Plane) -> None:
    uuid = plane.settled()
    assert plane.update(uuid, Enabled=False)["State"] == "Disabling"

    assert refusal(plane.update, uuid, BatchSize=5) == (
        400,
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
    )


def test_role_and_visibility_are_checked_only_when_function_name_is_sent(plane: Plane) -> None:
    uuid = plane.settled()
    plane.world.timeout = 31

    plane.update(uuid, BatchSize=5)
    plane.time.now += 1
    assert "31 seconds" in refusal(plane.update, uuid, FunctionName="f")[2]


def test_function_name_is_not_sent_when_it_does_not_change(flow: Flow) -> None:
    """Sent needlessly it would make the update fail."""
    flow.applied(QUEUE)
    flow.plane.world.timeout = 31
    flow.updates()

    flow.applied({**QUEUE, "batch_size": 5})

    assert flow.updates() == [{"BatchSize": 5}]


def test_virtual_host_is_never_sent(flow: Flow) -> None:
    """7.5: neither changed nor unchanged."""
    host = {"type": "VIRTUAL_HOST", "uri": "/"}
    broker = {"function_name": "f", "event_source_arn": MQ, "queues": ["q"]}
    flow.applied(
        {
            **broker,
            "source_access_configuration": [
                host,
                {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"},
            ],
        }
    )
    flow.updates()

    flow.applied(
        {
            **broker,
            "source_access_configuration": [
                {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t"},
                host,
            ],
        }
    )

    assert flow.updates() == [
        {
            "SourceAccessConfigurations": [
                {"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t"}
            ]
        }
    ]
    assert {"Type": "VIRTUAL_HOST", "URI": "/"} in flow.live()["SourceAccessConfigurations"]


def test_a_mapping_outlives_its_function_and_is_deleted_all_the_same(plane: Plane) -> None:
    uuid = plane.settled()
    plane.world.gone = {"f"}

    assert plane.get(uuid)["State"] == "Enabled"
    assert refusal(plane.update, uuid, BatchSize=1) == (400, IPV, "Function does not exist")
    assert refusal(plane.update, uuid) == (400, IPV, "Function does not exist")
    plane.world.gone = set()
    plane.update(uuid, BatchSize=1)
    plane.time.now += 1
    plane.world.gone = {"f"}
    assert plane.client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"


def test_an_update_of_a_mapping_whose_function_is_gone_says_so_and_what_to_do(flow: Flow) -> None:
    flow.applied(QUEUE)
    flow.plane.world.gone = {"f"}
    flow.assert_in_sync()

    [outcome] = flow.apply({**QUEUE, "batch_size": 5}).outcomes

    assert outcome.result is Result.FAILED
    assert outcome.detail.endswith("InvalidParameterValueException: Function does not exist")
    assert outcome.hint.startswith("deploy the function")
    flow.plane.world.gone = set()
    flow.applied({**QUEUE, "batch_size": 5})
    flow.plane.world.gone = {"f"}
    flow.applied(None)


def test_a_mapping_that_aws_disables_by_itself_is_told_and_promised_nothing(flow: Flow) -> None:
    """5.2, StateTransitionReason: it is enabled once, and when it falls back the apply and the plan say so."""
    broker = {
        "function_name": "f", "event_source_arn": MQ, "queues": ["q"],
        "source_access_configuration": [{"type": "BASIC_AUTH", "uri": AUTH[0]["URI"]}],
    }  # fmt: skip
    flow.plane.world.failures = {MQ: "EVENT_SOURCE_AUTHN_ERROR"}

    [outcome] = flow.apply(broker).outcomes
    assert outcome.ignored == (("enabled",),)
    assert outcome.detail == "not enabled: AWS reports EVENT_SOURCE_AUTHN_ERROR (Lambda cannot sign in to the source)"
    change = flow.change()
    assert change.action is Action.UPDATE
    assert change.notes == (
        "AWS disabled this mapping: EVENT_SOURCE_AUTHN_ERROR (Lambda cannot sign in to the source); "
        "fix the cause first, or AWS disables it again",
    )
    flow.plane.world.failures = {}
    flow.applied(broker)


def test_a_stream_that_is_gone_is_told_when_its_function_is_changed(flow: Flow) -> None:
    stream = {"function_name": "f", "event_source_arn": KINESIS, "starting_position": "LATEST"}
    flow.applied(stream)
    flow.plane.world.gone = {"stream/s"}

    [outcome] = flow.apply({**stream, "function_name": "g"}).outcomes

    assert f"Stream not found: {KINESIS}" in outcome.detail
    assert outcome.hint.startswith("create the stream")
