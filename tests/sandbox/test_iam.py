"""What policies decide, beside what AWS's evaluation logic documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.references import Arn
from provisioner.sandbox.iam import Policy, Question, Rights, decide, may, trusts

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
ROLE = Arn.parse("arn:aws:iam::123456789012:role/worker")


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": QUEUE, **more}


def deny(**more: Any) -> dict[str, Any]:
    return {**allow(**more), "Effect": "Deny"}


def decision(
    *statements: dict[str, Any], action: str = "sqs:ReceiveMessage", **context: str
) -> tuple[str, tuple[str, ...]]:
    """The decision about the queue, and the keys that were missing."""
    keys = {key.replace("_", ":"): [value] for key, value in context.items()}
    verdict = decide(Rights((Policy("p", "role", statements),)), Question(action, QUEUE, keys))
    return verdict.decision, verdict.missing


@pytest.mark.parametrize(("statements", "decided"), [
    ([], "implicitDeny"),
    ([allow()], "allowed"),
    ([allow(), deny()], "explicitDeny"),
    ([allow(Action="SQS:receive*")], "allowed"),
    ([allow(Action="*")], "allowed"),
    ([allow(Action=["sqs:SendMessage", "sqs:Receive?essage"])], "allowed"),
    ([allow(Action="sqs:SendMessage")], "implicitDeny"),
    ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "allowed"),
    ([{"Effect": "Allow", "NotAction": ["iam:*", "sqs:*"], "Resource": "*"}], "implicitDeny"),
    ([{"Effect": "Allow", "Action": "*", "NotResource": QUEUE}], "implicitDeny"),
    ([{"Effect": "Allow", "Action": "*", "NotResource": f"{QUEUE}-*"}], "allowed"),
    ([allow(Resource=["arn:aws:sqs:eu-west-1:123456789012:o*", "arn:aws:s3:::x"])], "allowed"),
    ([allow(Resource="arn:aws:sqs:eu-west-1:123456789012:other")], "implicitDeny"),
])  # fmt: skip
def test_statements_decide_together(statements: list[dict[str, Any]], decided: str) -> None:
    assert decision(*statements) == (decided, ())


@pytest.mark.parametrize(("condition", "context", "decided"), [
    ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, {"aws_requestedregion": "eu-west-1"}, "allowed"),
    ({"StringEquals": {"aws:RequestedRegion": ["a", "eu-west-1"]}}, {"aws_requestedregion": "eu-west-1"}, "allowed"),
    ({"StringEquals": {"aws:RequestedRegion": "eu-west-2"}}, {"aws_requestedregion": "eu-west-1"}, "implicitDeny"),
    ({"StringLike": {"aws:RequestedRegion": "eu-*"}}, {"aws_requestedregion": "eu-west-1"}, "allowed"),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, {"aws_principalarn": str(ROLE)}, "allowed"),
    ({"ArnEquals": {"aws:PrincipalArn": str(ROLE)}}, {"aws_principalarn": str(ROLE)}, "allowed"),
    ({"Bool": {"aws:SecureTransport": "true"}}, {"aws_securetransport": "true"}, "allowed"),
    ({"Bool": {"aws:SecureTransport": True}}, {"aws_securetransport": "false"}, "implicitDeny"),
    ({"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}, {}, "allowed"),
    ({"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}, {"aws_sourcevpc": "vpc-2"}, "implicitDeny"),
])  # fmt: skip
def test_conditions_hold_or_not(condition: dict[str, Any], context: dict[str, str], decided: str) -> None:
    assert decision(allow(Condition=condition), **context)[0] == decided


def test_a_key_that_the_request_lacks_is_named_and_does_not_hold() -> None:
    assert decision(allow(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})) == (
        "implicitDeny",
        ("aws:SourceVpc",),
    )
    assert decision(allow(), deny(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})) == (
        "allowed",
        ("aws:SourceVpc",),
    )


@pytest.mark.parametrize("operator", ["DateGreaterThan", "ForAllValues:StringEquals", "IpAddress", "StringNotEquals"])
def test_an_operator_that_is_not_known_denies_nothing(operator: str) -> None:
    condition = {operator: {"aws:SourceIp": "10.0.0.0/8"}}

    assert decision(allow(Condition=condition), aws_sourceip="1.2.3.4") == ("allowed", ("aws:SourceIp",))
    assert decision(allow(), deny(Condition=condition), aws_sourceip="1.2.3.4") == ("allowed", ("aws:SourceIp",))


def test_what_another_condition_excludes_needs_no_operator_to_be_known() -> None:
    condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "true"}}

    assert decision(allow(Condition=condition), aws_securetransport="false") == ("implicitDeny", ())


@pytest.mark.parametrize(("boundary", "decided"), [
    ([allow()], "allowed"), ([], "implicitDeny"), ([allow(), deny()], "explicitDeny"),
])  # fmt: skip
def test_a_boundary_allows_nothing_by_itself_and_limits(boundary: list[dict[str, Any]], decided: str) -> None:
    bound = (Policy("b", "user-managed", tuple(boundary)),)
    question = Question("sqs:ReceiveMessage", QUEUE, {})

    assert decide(Rights((Policy("p", "role", (allow(),)),), bound), question).decision == decided
    assert decide(Rights((), bound), question).decision != "allowed"


ACCOUNT = {"AWS": "arn:aws:iam::123456789012:root"}


@pytest.mark.parametrize(("own", "theirs", "owner", "admitted"), [
    ([allow()], [], "123456789012", True),
    ([], [allow(Principal={"AWS": str(ROLE)})], "123456789012", True),
    ([], [allow(Principal="*")], "123456789012", True),
    ([], [allow(Principal=ACCOUNT)], "123456789012", False),
    ([allow()], [deny(Principal="*")], "123456789012", False),
    ([allow()], [], "210987654321", False),
    ([allow()], [allow(Principal=ACCOUNT)], "210987654321", True),
    ([], [allow(Principal={"AWS": str(ROLE)})], "210987654321", False),
], ids=["own", "theirs", "everybody", "the account", "denied", "another's", "both", "only the other"])  # fmt: skip
def test_in_one_account_either_side_allows_and_between_two_both(
    own: list[dict[str, Any]], theirs: list[dict[str, Any]], owner: str, admitted: bool
) -> None:
    assert ROLE
    rights, policies = Rights((Policy("p", "role", tuple(own)),)), (Policy("queue", "resource", tuple(theirs)),)

    assert may(rights, ROLE, Question("sqs:ReceiveMessage", QUEUE, {}), policies, owner) is admitted


@pytest.mark.parametrize(("principal", "trusted"), [
    ({"Service": "lambda.amazonaws.com"}, True),
    ({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}, True),
    ({"Service": "ec2.amazonaws.com"}, False),
    ({"AWS": "arn:aws:iam::123456789012:root"}, False),
])  # fmt: skip
def test_a_trust_policy_names_no_resource(principal: dict[str, Any], trusted: bool) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}

    assert trusts([Policy("trust", "none", (statement,))], "lambda.amazonaws.com", {}) is trusted


STATEMENTS = st.lists(
    st.builds(
        lambda effect, action, resource: {"Effect": effect, "Action": action, "Resource": resource},
        st.sampled_from(["Allow", "Deny"]),
        st.sampled_from(["sqs:ReceiveMessage", "sqs:*", "*", "kms:*"]),
        st.sampled_from([QUEUE, "*", f"{QUEUE}-2"]),
    ),
    max_size=5,
)


@given(STATEMENTS)
def test_another_allow_takes_nothing_away_and_another_deny_allows_nothing(statements: list[dict[str, Any]]) -> None:
    order = ("explicitDeny", "implicitDeny", "allowed")
    before = order.index(decision(*statements)[0])

    assert order.index(decision(*statements, allow())[0]) >= before
    assert decision(*statements, deny())[0] == "explicitDeny"
