"""docs/aws/updates.md#updates, row by row: what an update does and does not do."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.model.plan import Action
from provisioner.model.report import Result
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import AUTH, KINESIS, MQ, SQS, LambdaApi, refusal
from tests.support.stack import Stack

IPV = "InvalidParameterValueException"
QUEUE = {"function_name": "f", "event_source_arn": SQS}


def settings(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in ("LastModified", "ResponseMetadata", "State")}


@pytest.mark.parametrize("sent", [{}, {"BatchSize": 5}], ids=["empty", "redundant"])
def test_a_redundant_or_empty_update_only_bumps_last_modified(plane: LambdaApi, sent: dict[str, Any]) -> None:
    uuid = plane.settled(BatchSize=5, Enabled=False)
    before = plane.get(uuid)

    answer = plane.update(uuid, **sent)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert settings(plane.get(uuid)) == settings(before)
    assert plane.get(uuid)["LastModified"] > before["LastModified"]


@pytest.mark.parametrize("member", ["FilterCriteria", "ScalingConfig", "BatchSize", "Enabled", "FunctionResponseTypes"])
def test_null_is_no_change(plane: LambdaApi, member: str) -> None:
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


def test_a_rejected_update_changes_nothing(plane: LambdaApi) -> None:
    uuid = plane.settled()
    before = plane.get(uuid)

    assert refusal(plane.update, uuid, BatchSize=11)[1] == IPV
    after = plane.get(uuid)
    assert (after["State"], after["LastModified"], settings(after)) == (
        before["State"],
        before["LastModified"],
        settings(before),
    )


def test_members_that_are_not_sent_are_kept(plane: LambdaApi) -> None:
    uuid = plane.settled(BatchSize=5, ScalingConfig={"MaximumConcurrency": 3}, Enabled=False)

    plane.update(uuid, BatchSize=6)

    assert plane.get(uuid)["ScalingConfig"] == {"MaximumConcurrency": 3}
    assert plane.get(uuid)["State"] == "Disabled"


@pytest.mark.parametrize("to", ["g", "f:live"])
def test_function_name_retargets_in_place(stack: Stack, to: str) -> None:
    stack.applied(QUEUE)
    uuid = stack.uuid

    stack.applied({**QUEUE, "function_name": to})

    assert stack.uuid == uuid
    assert stack.live()["FunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{to}"


def test_during_disabling_it_is_in_use(plane: LambdaApi) -> None:
    uuid = plane.settled()
    assert plane.update(uuid, Enabled=False)["State"] == "Disabling"

    assert refusal(plane.update, uuid, BatchSize=5) == (
        400,
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
    )


def test_role_and_visibility_are_checked_only_when_function_name_is_sent(plane: LambdaApi) -> None:
    uuid = plane.settled()
    plane.world.timeout = 31

    plane.update(uuid, BatchSize=5)
    plane.time.now += 1
    assert "31 seconds" in refusal(plane.update, uuid, FunctionName="f")[2]


def test_function_name_is_not_sent_when_it_does_not_change(stack: Stack) -> None:
    """Sent needlessly it would make the update fail."""
    stack.applied(QUEUE)
    stack.plane.world.timeout = 31
    stack.updates()

    stack.applied({**QUEUE, "batch_size": 5})

    assert stack.updates() == [{"BatchSize": 5}]


def test_virtual_host_is_never_sent(stack: Stack) -> None:
    """7.5: neither changed nor unchanged."""
    host = {"type": "VIRTUAL_HOST", "uri": "/"}
    broker = {"function_name": "f", "event_source_arn": MQ, "queues": ["q"]}
    stack.applied(
        {
            **broker,
            "source_access_configuration": [
                host,
                {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"},
            ],
        }
    )
    stack.updates()

    stack.applied(
        {
            **broker,
            "source_access_configuration": [
                {"type": "BASIC_AUTH", "uri": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t"},
                host,
            ],
        }
    )

    assert stack.updates() == [
        {
            "SourceAccessConfigurations": [
                {"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t"}
            ]
        }
    ]
    assert {"Type": "VIRTUAL_HOST", "URI": "/"} in stack.live()["SourceAccessConfigurations"]


def test_a_mapping_outlives_its_function_and_is_deleted_all_the_same(plane: LambdaApi) -> None:
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


def test_an_update_of_a_mapping_whose_function_is_gone_says_so_and_what_to_do(stack: Stack) -> None:
    stack.applied(QUEUE)
    stack.plane.world.gone = {"f"}
    stack.assert_in_sync()

    [outcome] = stack.apply_mapping({**QUEUE, "batch_size": 5}).outcomes

    assert outcome.result is Result.FAILED
    assert outcome.detail.endswith("InvalidParameterValueException: Function does not exist")
    assert outcome.hint.startswith("deploy the function")
    stack.plane.world.gone = set()
    stack.applied({**QUEUE, "batch_size": 5})
    stack.plane.world.gone = {"f"}
    stack.applied(None)


def test_a_mapping_that_aws_disables_by_itself_is_reported_and_promised_nothing(stack: Stack) -> None:
    """5.2, StateTransitionReason: it is enabled once, and when it falls back the apply and the plan say so."""
    broker = {
        "function_name": "f", "event_source_arn": MQ, "queues": ["q"],
        "source_access_configuration": [{"type": "BASIC_AUTH", "uri": AUTH[0]["URI"]}],
    }  # fmt: skip
    stack.plane.world.failures = {MQ: "EVENT_SOURCE_AUTHN_ERROR"}

    [outcome] = stack.apply_mapping(broker).outcomes
    assert outcome.ignored == (("enabled",),)
    assert (
        outcome.detail == "not enabled: AWS reports EVENT_SOURCE_AUTHN_ERROR (Lambda cannot authenticate to the source)"
    )
    change = stack.change()
    assert change.action is Action.UPDATE
    assert change.notes == (
        "AWS disabled this mapping: EVENT_SOURCE_AUTHN_ERROR (Lambda cannot authenticate to the source); "
        "fix the cause first, or AWS disables it again",
    )
    stack.plane.world.failures = {}
    stack.applied(broker)


def test_a_stream_that_is_gone_is_reported_when_its_function_is_changed(stack: Stack) -> None:
    stream = {"function_name": "f", "event_source_arn": KINESIS, "starting_position": "LATEST"}
    stack.applied(stream)
    stack.plane.world.gone = {"stream/s"}

    [outcome] = stack.apply_mapping({**stream, "function_name": "g"}).outcomes

    assert f"Stream not found: {KINESIS}" in outcome.detail
    assert outcome.hint.startswith("create the stream")
