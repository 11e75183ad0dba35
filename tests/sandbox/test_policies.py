"""Policies of functions, statement by statement and whole (docs/aws/push.md#function-policies)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.sandbox.statements import Invocation, admit
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import LambdaApi, refusal

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
BUCKET = "arn:aws:s3:::b"
OTHER = "11111111-2222-3333-4444-555555555555"
STALE = "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"
STALE_POLICY = "The value of RevisionId provided doesn't match the policy's latest revision ID. Use the GetResourcePolicy API action to retrieve the current revision ID and try again."
ABSENT = (404, "ResourceNotFoundException", "The resource you requested does not exist.")


def invalid(text: str) -> tuple[int, str, str]:
    return 400, "InvalidParameterValueException", text


def absent(text: str) -> tuple[int, str, str]:
    return 404, "ResourceNotFoundException", text


def add(plane: LambdaApi, function: str = "f", **members: Any) -> dict[str, Any]:
    request = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **members}
    answer: dict[str, Any] = plane.client.add_permission(FunctionName=function, **request)
    return answer


def policy(plane: LambdaApi, function: str = "f", **members: Any) -> Any:
    return json.loads(plane.client.get_policy(FunctionName=function, **members)["Policy"])


def sids(plane: LambdaApi, function: str = "f") -> list[str]:
    return [statement["Sid"] for statement in policy(plane, function)["Statement"]]


def put(plane: LambdaApi, *statements: Any, arn: str = FUNCTION, **members: Any) -> dict[str, Any]:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    answer: dict[str, Any] = plane.client.put_resource_policy(ResourceArn=arn, Policy=text, **members)
    return answer


def statement(**members: Any) -> dict[str, Any]:
    """A statement that PutResourcePolicy takes; a member that is None is left out."""
    base = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": FUNCTION}
    return {name: value for name, value in {**base, **members}.items() if value is not None}


# --- as stored -------------------------------------------------------------------------------------------------------


def test_a_statement_is_written_as_aws_writes_it(plane: LambdaApi) -> None:
    made = add(plane, SourceArn=BUCKET, SourceAccount=ACCOUNT)

    expected = (
        '{"Sid":"s","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction",'
        f'"Resource":"{FUNCTION}","Condition":{{"StringEquals":{{"AWS:SourceAccount":"{ACCOUNT}"}},'
        f'"ArnLike":{{"AWS:SourceArn":"{BUCKET}"}}}}}}'
    )
    assert made["Statement"] == expected
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    whole = plane.client.get_policy(FunctionName="f")["Policy"]
    assert whole == f'{{"Version":"2012-10-17","Id":"default","Statement":[{expected}]}}'


@pytest.mark.parametrize(
    ("members", "condition"),
    [
        ({"PrincipalOrgID": "o-0123456789"}, {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}),
        ({"EventSourceToken": "token"}, {"StringEquals": {"lambda:EventSourceToken": "token"}}),
        ({"FunctionUrlAuthType": "NONE"}, {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}),
        ({"InvokedViaFunctionUrl": True}, {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
        (
            {"PrincipalOrgID": "o-0123456789", "EventSourceToken": "token"},
            {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789", "lambda:EventSourceToken": "token"}},
        ),
    ],
)
def test_each_member_is_its_condition(plane: LambdaApi, members: dict[str, Any], condition: dict[str, Any]) -> None:
    add(plane, Principal="*", **members)

    assert policy(plane)["Statement"][0]["Condition"] == condition


@pytest.mark.parametrize(
    ("principal", "stored"),
    [
        ("*", "*"),
        ("210987654321", {"AWS": "arn:aws:iam::210987654321:root"}),
        ("arn:aws:iam::210987654321:role/r", {"AWS": "arn:aws:iam::210987654321:role/r"}),
        ("logs.eu-west-1.amazonaws.com", {"Service": "logs.eu-west-1.amazonaws.com"}),
        ("alexa-appkit.amazon.com", {"Service": "alexa-appkit.amazon.com"}),
    ],
)
def test_principals(plane: LambdaApi, principal: str, stored: Any) -> None:
    add(plane, Principal=principal)

    [written] = policy(plane)["Statement"]
    assert written["Principal"] == stored
    assert "Condition" not in written


@pytest.mark.parametrize("principal", ["s3", "s33.amazonaws.com", "s3.amazon.com", "1234", "arn:aws:s3:::b"])
def test_a_principal_that_nobody_is(plane: LambdaApi, principal: str) -> None:
    words = "The provided principal was invalid. Please check the principal and try again."

    assert refusal(add, plane, Principal=principal) == invalid(words)


def test_function_version_and_alias_have_a_policy_each(plane: LambdaApi) -> None:
    add(plane)
    add(plane, "f:live")
    add(plane, StatementId="t", Qualifier="live")
    add(plane, Qualifier="1")

    assert (sids(plane), sids(plane, "f:live"), sids(plane, "f:1")) == (["s"], ["s", "t"], ["s"])
    assert policy(plane, Qualifier="live")["Statement"][0]["Resource"] == f"{FUNCTION}:live"
    assert policy(plane, f"{FUNCTION}:1")["Statement"][0]["Resource"] == f"{FUNCTION}:1"
    assert policy(plane, f"{ACCOUNT}:function:f")["Statement"][0]["Resource"] == FUNCTION
    assert refusal(policy, plane, "f:2") == ABSENT
    plane.client.remove_permission(FunctionName="f", StatementId="s")
    assert refusal(policy, plane) == ABSENT
    assert sids(plane, "f:live") == ["s", "t"]


def test_statements_stay_in_the_order_in_which_they_were_added(plane: LambdaApi) -> None:
    for sid in ("c", "a", "b"):
        add(plane, StatementId=sid)
    plane.client.remove_permission(FunctionName="f", StatementId="a")
    add(plane, StatementId="a")

    assert sids(plane) == ["c", "b", "a"]


def test_each_change_has_a_revision(plane: LambdaApi) -> None:
    add(plane)
    first = plane.client.get_policy(FunctionName="f")["RevisionId"]
    add(plane, StatementId="t", RevisionId=first)
    second = plane.client.get_policy(FunctionName="f")["RevisionId"]
    plane.client.remove_permission(FunctionName="f", StatementId="t", RevisionId=second)
    third = plane.client.get_policy(FunctionName="f")["RevisionId"]

    assert len({first, second, third}) == 3
    assert refusal(add, plane, StatementId="u", RevisionId=first) == (412, "PreconditionFailedException", STALE)


def test_an_alias_without_a_policy_takes_its_own_revision(plane: LambdaApi) -> None:
    plane.world.revisions["f:live"] = OTHER

    assert refusal(add, plane, "f:live", RevisionId=OTHER.replace("1", "2"))[0] == 412
    add(plane, "f:live", RevisionId=OTHER)
    assert refusal(add, plane, "f:live", StatementId="t", RevisionId=OTHER)[0] == 412


# --- refusals --------------------------------------------------------------------------------------------------------

QUALIFIER = r"Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
TAKEN = (
    "The statement id (s) provided already exists. Please provide a new statement id, or remove the existing statement."
)


@pytest.mark.parametrize(
    ("function", "members", "answer"),
    [
        ("f", {"StatementId": "a.b"}, (400, "ValidationException", "1 validation error detected: Value 'a.b' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)")),
        ("f", {"StatementId": "a" * 101}, (400, "ValidationException", f"1 validation error detected: Value '{'a' * 101}' at 'statementId' failed to satisfy constraint: Member must have length less than or equal to 100")),
        ("f", {"Action": "s3:Get"}, (400, "ValidationException", "1 validation error detected: Value 's3:Get' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])")),
        ("f", {"Qualifier": "a?"}, (400, "ValidationException", f"1 validation error detected: Value 'a?' at 'qualifier' failed to satisfy constraint: {QUALIFIER}")),
        ("f:live", {"Qualifier": "next"}, invalid("The derived qualifier from the function name does not match the specified qualifier.")),
        ("f:$LATEST", {}, invalid("We currently do not support adding policies for $LATEST.")),
        ("gone", {"Qualifier": "$LATEST"}, invalid("We currently do not support adding policies for $LATEST.")),
        ("gone", {}, absent(f"Function not found: {FUNCTION[:-1]}gone")),
        ("f:old", {}, absent(f"Cannot find alias arn: {FUNCTION}:old")),
        ("f", {"Qualifier": "old"}, absent(f"Function not found: {FUNCTION}:old")),
        ("f:42", {}, absent(f"Function not found: {FUNCTION}:42")),
        ("f", {"Qualifier": "a$b"}, absent(f"Function not found: {FUNCTION}:a$b")),
        (FUNCTION.replace(ACCOUNT, "210987654321"), {}, absent(f"Function not found: {FUNCTION}")),
        ("f", {}, (409, "ResourceConflictException", TAKEN)),
        ("f", {"RevisionId": OTHER}, (409, "ResourceConflictException", TAKEN)),
        ("f", {"StatementId": "t", "RevisionId": OTHER}, (412, "PreconditionFailedException", STALE)),
        ("f:live", {"RevisionId": OTHER}, (412, "PreconditionFailedException", STALE)),
    ],
)  # fmt: skip
def test_what_add_refuses(plane: LambdaApi, function: str, members: dict[str, Any], answer: Any) -> None:
    plane.world.gone = {"gone", "f:old", "f:42", "f:a$b"}
    add(plane)

    assert refusal(add, plane, function, **members) == answer
    assert sids(plane) == ["s"]


@pytest.mark.parametrize(
    ("function", "members", "answer"),
    [
        ("gone", {}, absent(f"No policy found for: {FUNCTION[:-1]}gone")),
        ("f:old", {}, absent(f"Cannot find alias arn: {FUNCTION}:old")),
        ("f:$LATEST", {}, absent("No policy is associated with the given resource.")),
        ("f:live", {"RevisionId": OTHER}, absent("No policy is associated with the given resource.")),
        ("f", {"StatementId": "a.b", "RevisionId": OTHER}, absent("Statement a.b is not found in resource policy.")),
        ("f", {"RevisionId": OTHER}, (412, "PreconditionFailedException", STALE)),
        ("f:live", {"Qualifier": "next"}, invalid("The derived qualifier from the function name does not match the specified qualifier.")),
    ],
)  # fmt: skip
def test_what_remove_refuses(plane: LambdaApi, function: str, members: dict[str, Any], answer: Any) -> None:
    plane.world.gone = {"gone", "f:old"}
    add(plane)

    request = {"FunctionName": function, "StatementId": "s", **members}
    assert refusal(plane.client.remove_permission, **request) == answer
    assert sids(plane) == ["s"]


@pytest.mark.parametrize("function", ["gone", "f", "f:$LATEST", "f:live", "f:42"])
def test_what_has_no_policy(plane: LambdaApi, function: str) -> None:
    plane.world.gone = {"gone", "f:42"}

    assert refusal(plane.client.get_policy, FunctionName=function) == ABSENT


def test_a_policy_has_a_limit(plane: LambdaApi) -> None:
    # One statement that leaves room for a short one, and not for two.
    long = statement(Sid="long", Condition={"StringEquals": {"aws:SourceArn": "x" * 20_000}})
    room = 20480 - len(put(plane, long)["Policy"])
    short = len(add(plane, "f:x")["Statement"]) - len(":x") + len(",")
    assert short < room < 2 * short
    add(plane)

    after = len(plane.client.get_policy(FunctionName="f")["Policy"]) + short
    words = f"The final policy size ({after}) is bigger than the limit (20480)."
    assert refusal(add, plane, StatementId="t") == (400, "PolicyLengthExceededException", words)
    assert sids(plane) == ["long", "s"]


def test_a_change_that_meets_another_one(s3: Any) -> None:
    s3.served.troubles.concurrent["f"] = 2
    client = s3.served.client()
    words = "The function could not be updated due to a concurrent update operation."

    assert refusal(s3.permit) == (409, "ResourceConflictException", words)
    assert refusal(s3.permit) == (409, "ResourceConflictException", words)
    s3.permit()
    assert client.get_policy(FunctionName="f")["Policy"]


# --- whole policies --------------------------------------------------------------------------------------------------


def test_a_whole_policy_is_stored_as_it_was_sent(plane: LambdaApi) -> None:
    condition = {"stringequals": {"AWS:sourceaccount": [ACCOUNT]}}
    sent = {
        "Condition": condition,
        **statement(Principal={"AWS": ACCOUNT}, Action=["lambda:InvokeFunction"]),
        "Sid": "s",
    }
    made = put(plane, sent)

    text = plane.client.get_resource_policy(ResourceArn=FUNCTION)
    stored = (
        '{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"Allow","Principal":{"AWS":"%s"},'
        '"Action":["lambda:InvokeFunction"],"Resource":"%s","Condition":{"stringequals":{"AWS:sourceaccount":["%s"]}}}]}'
    )
    assert text["Policy"] == made["Policy"] == stored % (ACCOUNT, FUNCTION, ACCOUNT)
    shown = plane.client.get_policy(FunctionName="f")
    assert shown["Policy"] == stored % (f"arn:aws:iam::{ACCOUNT}:root", FUNCTION, ACCOUNT)
    assert text["RevisionId"] == shown["RevisionId"] == made["RevisionId"]


def test_the_two_ways_write_one_policy(plane: LambdaApi) -> None:
    add(plane, StatementId="old")
    foreign = statement(Principal={"AWS": [ACCOUNT, "*"]}, Effect="Deny", Resource=[FUNCTION, FUNCTION])
    put(plane, foreign)  # the statement of before is gone
    add(plane)
    plane.client.remove_permission(FunctionName="f", StatementId="s")
    add(plane, StatementId="t")

    written = json.loads(plane.client.get_resource_policy(ResourceArn=FUNCTION)["Policy"])["Statement"]
    assert written[0] == foreign
    assert [item.get("Sid") for item in written] == [None, "t"]
    assert policy(plane)["Statement"][0]["Principal"] == {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "*"]}


@pytest.mark.parametrize(
    "members",
    [
        {"Principal": None, "NotPrincipal": {"AWS": ACCOUNT}, "Effect": "Deny"},
        {"Action": "*"},
        {"Action": ["lambda:*", "lambda:Dance"]},
        {"Condition": {"StringEquals": {"lambda:Nothing": "x", "aws:SourceArn": BUCKET}}},
        {"Principal": {"AWS": ACCOUNT, "Service": ["s3.amazonaws.com"]}},
        {"Principal": {"Federated": "accounts.google.com"}},
    ],
)
def test_whole_policies_take(plane: LambdaApi, members: dict[str, Any]) -> None:
    put(plane, statement(**members))

    assert plane.client.get_resource_policy(ResourceArn=FUNCTION)["Policy"]


@pytest.mark.parametrize(
    "members",
    [
        {"Resource": None, "NotResource": FUNCTION},
        {"Action": None, "NotAction": "lambda:InvokeFunction"},
        {"Resource": "*"},
        {"Resource": f"{FUNCTION}-other"},
        {"Resource": [FUNCTION, f"{FUNCTION}:1"]},
        {"Condition": {"StringEquals": {"s3:prefix": "x"}}},
        {"Condition": {"StringEquals": {"custom:key": "x"}}},
        {"Condition": []},
        {"Effect": "Perhaps"},
        {"Effect": None},
        {"Principal": None},
        {"Principal": 5},
        {"Principal": {"AWS": [5]}},
        {"Action": "s3:GetObject"},
        {"Action": []},
        {"More": "x"},
        {"Sid": ["s"]},
    ],
)
def test_whole_policies_refuse(plane: LambdaApi, members: dict[str, Any]) -> None:
    assert refusal(put, plane, statement(**members)) == invalid("Policy has syntax errors.")
    assert refusal(policy, plane) == ABSENT


@pytest.mark.parametrize(
    "text", ["x", "[]", "null", "{}", '{"Statement": []}', '{"Statement": [5]}', '{"Statement": "x"}', "[" * 9999]
)
def test_what_is_no_policy(plane: LambdaApi, text: str) -> None:
    answer = refusal(plane.client.put_resource_policy, ResourceArn=FUNCTION, Policy=text)

    assert answer == invalid("Policy has syntax errors.")


def test_revisions_and_deletion_of_whole_policies(plane: LambdaApi) -> None:
    plane.world.gone = {"gone"}
    stale = (412, "PreconditionFailedException", STALE_POLICY)
    client, gone = plane.client, f"{FUNCTION[:-1]}gone"
    client.delete_resource_policy(ResourceArn=FUNCTION)
    client.delete_resource_policy(ResourceArn=gone)
    assert refusal(client.get_resource_policy, ResourceArn=FUNCTION) == ABSENT
    assert refusal(put, plane, statement(), RevisionId=OTHER) == stale
    assert refusal(put, plane, statement(Resource=gone), arn=gone) == absent(f"Function not found: {gone}")
    revision = put(plane, statement())["RevisionId"]
    assert refusal(put, plane, statement(), RevisionId=OTHER) == stale
    assert refusal(client.delete_resource_policy, ResourceArn=FUNCTION, RevisionId=OTHER) == stale
    revision = put(plane, statement(Sid="s"), RevisionId=revision)["RevisionId"]
    client.delete_resource_policy(ResourceArn=FUNCTION, RevisionId=revision)
    assert refusal(policy, plane) == ABSENT


def test_latest_may_have_a_whole_policy(plane: LambdaApi) -> None:
    latest = f"{FUNCTION}:$LATEST"
    put(plane, statement(Resource=latest), arn=latest)

    assert policy(plane, "f:$LATEST")["Statement"][0]["Resource"] == latest
    assert refusal(policy, plane) == ABSENT


def test_a_federated_statement_cannot_be_removed_by_itself(plane: LambdaApi) -> None:
    put(plane, statement(Sid="s", Principal={"Federated": "accounts.google.com"}))

    assert refusal(plane.client.remove_permission, FunctionName="f", StatementId="s")[:2] == (500, "ServiceException")
    assert sids(plane) == ["s"]


# --- what statements allow -------------------------------------------------------------------------------------------

S3 = {"Principal": {"Service": "s3.amazonaws.com"}}


def when(**conditions: Any) -> dict[str, Any]:
    return statement(**S3, Condition=conditions)


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([statement(**S3)], True),
        ([statement()], True),
        ([statement(Principal={"AWS": "*"})], True),
        ([statement(Principal={"AWS": ACCOUNT})], False),
        ([statement(Principal={"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]})], True),
        ([statement(Principal={"Service": "sns.amazonaws.com"})], False),
        ([statement(**S3, Action="lambda:*")], True),
        ([statement(**S3, Action=["lambda:GetFunction", "*"])], True),
        ([statement(**S3, Action="lambda:GetFunction")], False),
        ([statement(**S3), statement(**S3, Effect="Deny")], False),
        ([statement(**S3), statement(Principal={"AWS": ACCOUNT}, Effect="Deny")], True),
        (
            [statement(**S3), statement(Principal=None, NotPrincipal={"Service": "s3.amazonaws.com"}, Effect="Deny")],
            True,
        ),
        ([statement(**S3), statement(Principal=None, NotPrincipal={"AWS": ACCOUNT}, Effect="Deny")], False),
        ([when(ArnLike={"AWS:SourceArn": BUCKET})], True),
        ([when(ArnLike={"AWS:SourceArn": "arn:aws:s3:::?"})], True),
        ([when(ArnLike={"AWS:SourceArn": "arn:*:s3:::*"})], True),
        ([when(ArnLike={"AWS:SourceArn": "arn:aws:s3:::b2"})], False),
        ([when(ArnLike={"AWS:SourceArn": "arn:aws:*"})], False),
        ([when(ArnLike={"AWS:SourceArn": ["arn:aws:s3:::c", BUCKET]})], True),
        ([when(ArnEquals={"aws:sourcearn": "arn:aws:s3:::*"})], True),
        ([when(StringEquals={"aws:SourceArn": "arn:aws:s3:::*"})], False),
        ([when(StringLike={"aws:SourceArn": "arn:aws:*"})], True),
        ([when(StringEquals={"AWS:SourceAccount": ACCOUNT})], True),
        ([when(StringEquals={"AWS:SourceAccount": "210987654321"})], False),
        ([when(StringNotEquals={"AWS:SourceAccount": "210987654321"})], True),
        ([when(StringNotEquals={"AWS:SourceAccount": ACCOUNT})], False),
        ([when(StringEquals={"aws:PrincipalOrgID": "o-0123456789"})], False),
        ([when(StringEqualsIfExists={"aws:PrincipalOrgID": "o-0123456789"})], True),
        ([when(Null={"aws:PrincipalOrgID": "true"})], True),
        ([when(Null={"aws:SourceArn": "true"})], False),
        ([when(Bool={"aws:PrincipalIsAWSService": "true"})], True),
        ([when(StringEquals={"AWS:SourceAccount": ACCOUNT}, ArnLike={"AWS:SourceArn": "arn:aws:s3:::c"})], False),
        ([when(IpAddress={"aws:SourceArn": BUCKET})], False),
    ],
)
def test_what_statements_allow(statements: list[dict[str, Any]], allowed: bool) -> None:
    assert admit(statements, Invocation("s3.amazonaws.com", BUCKET, ACCOUNT)) == allowed
