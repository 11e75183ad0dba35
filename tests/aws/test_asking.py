"""How the questions of checks are sent: together, at a rate, not for long."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError
from urllib3.response import HTTPResponse

from provisioner.aws.asking import TIMEOUT, Asker
from provisioner.aws.session import Aws
from provisioner.checks.case import question
from provisioner.model.checks import Question
from provisioner.model.provider import Provider
from tests.support.clocks import ManualClock
from tests.support.control_plane import any_credentials

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/worker"
Answering = Callable[[Any], tuple[int, str]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Aws:
    any_credentials(monkeypatch)
    return Aws(Provider(region=REGION, endpoint_url="https://aws.example.com"), clock)


def answering(aws: Aws, service: str, answer: Answering, region: str = REGION) -> list[Any]:
    """Answer the requests to a service by status and body; they are returned as they come."""
    requests: list[Any] = []

    def answered(request: Any, **_: Any) -> AWSResponse:
        requests.append(request)
        status, body = answer(request)
        raw = HTTPResponse(io.BytesIO(body.encode()), status=status, preload_content=False)
        return AWSResponse(request.url, status, {}, raw)

    aws.client_with_timeout(service, region, TIMEOUT).meta.events.register("before-send", answered)
    return requests


def secret(number: int) -> Question:
    action = "secretsmanager:DescribeSecret"
    return question("secretsmanager", REGION, "describe_secret", action, SecretId=f"secret-{number}")


def refusal(code: str, status: int = 400) -> tuple[int, str]:
    return status, json.dumps({"__type": code, "Message": "no"})


def resource(number: int) -> Question:
    action = "iam:SimulatePrincipalPolicy"
    asked = question(
        "iam", REGION, "simulate_principal_policy", action, PolicySourceArn=ROLE, ActionNames=["sqs:ReceiveMessage"]
    )
    return asked._replace(one_of=("ResourceArns", f"queue-{number}"))


def page(request: Any) -> tuple[int, str]:
    """A page of the simulator: the second is the last."""
    asked = parse_qs(request.body if isinstance(request.body, str) else request.body.decode())
    more = "" if "Marker" in asked else "<IsTruncated>true</IsTruncated><Marker>next</Marker>"
    result = f"<member><EvalActionName>page {len(asked)}</EvalActionName><EvalDecision>allowed</EvalDecision></member>"
    return 200, (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>'
        f"<EvaluationResults>{result}</EvaluationResults>{more}"
        "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )


def test_a_hundred_resources_are_asked_for_in_one_call(aws: Aws, clock: ManualClock) -> None:
    requests = answering(aws, "iam", page)
    questions = [resource(number) for number in range(250)]

    answers = Asker(aws, clock).ask(questions)

    bodies = [
        parse_qs(request.body if isinstance(request.body, str) else request.body.decode()) for request in requests
    ]
    first = [body for body in bodies if "Marker" not in body]
    assert sorted(sum(name.startswith("ResourceArns") for name in body) for body in first) == [50, 100, 100]
    assert answers.keys() == {*questions}
    # Both pages are in each answer.
    assert len(bodies) == 6
    assert all(len((answer.value or {})["EvaluationResults"]) == 2 for answer in answers.values())


def test_what_is_missing_is_told_from_what_may_not_be_asked(aws: Aws, clock: ManualClock) -> None:
    codes = {
        "secret-0": "ResourceNotFoundException",
        "secret-1": "AccessDeniedException",
        "secret-2": "InvalidRequestException",
    }
    answering(aws, "secretsmanager", lambda request: refusal(codes[json.loads(request.body)["SecretId"]]))

    missing, denied, refused = Asker(aws, clock).ask([secret(number) for number in range(3)]).values()

    assert (missing.gone, missing.trouble) == (True, "")
    assert (denied.gone, denied.denied) == (False, True)
    assert (refused.gone, refused.denied, bool(refused.trouble)) == (False, False, True)


def test_what_is_throttled_is_asked_again_for_ten_seconds(aws: Aws, clock: ManualClock) -> None:
    requests = answering(aws, "secretsmanager", lambda _: refusal("ThrottlingException"))

    [answer] = Asker(aws, clock).ask([secret(1)]).values()

    assert answer.trouble
    assert not answer.denied
    assert len(requests) > 2
    assert TIMEOUT / 2 < clock.time <= TIMEOUT


def test_a_service_that_is_not_reached_is_not_waited_for_again(aws: Aws, clock: ManualClock) -> None:
    def unreachable(request: Any) -> tuple[int, str]:
        raise EndpointConnectionError(endpoint_url=request.url)

    requests = answering(aws, "secretsmanager", unreachable)
    asker = Asker(aws, clock)

    first = asker.ask([secret(0)])
    later = asker.ask([secret(number) for number in range(1, 50)])

    assert len(requests) == 1
    assert {answer.trouble for answer in later.values()} == {answer.trouble for answer in first.values()}


def test_identity_is_asked_five_times_a_second(aws: Aws, clock: ManualClock) -> None:
    answering(aws, "iam", lambda _: (404, "<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>"))
    questions = [question("iam", REGION, "get_role", "iam:GetRole", RoleName=f"role-{number}") for number in range(25)]

    answers = Asker(aws, clock).ask(questions)

    assert all(answer.gone for answer in answers.values())
    assert clock.time >= 4  # five at once, then twenty more


def test_a_long_wait_is_told_every_thirty_seconds(aws: Aws, clock: ManualClock) -> None:
    def slow(_: Any) -> tuple[int, str]:
        clock.sleep(1)
        return 200, "{}"

    answering(aws, "secretsmanager", slow)
    notes: list[str] = []

    Asker(aws, clock, notes.append).ask([secret(number) for number in range(100)])

    assert 1 <= len(notes) <= 3
    assert notes[0].startswith("still asking for the checks (")


def test_code_that_is_not_handed_out_is_asked_for_once(aws: Aws, clock: ManualClock) -> None:
    requests = answering(aws, "lambda", lambda _: (403, json.dumps({"Message": "not authorized"})))
    asker = Asker(aws, clock)

    def function(number: int) -> Question:
        return question("lambda", REGION, "get_function", "lambda:GetFunction", FunctionName=f"worker-{number}")

    asker.ask([function(0)])
    answers = asker.ask([function(number) for number in range(1, 20)])

    assert len(requests) == 1
    assert all(answer.denied for answer in answers.values())
