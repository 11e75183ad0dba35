"""What the policy of a function says, and whom it lets invoke (docs/aws/push.md#statements)."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.kinds.policies import Policy, as_stored, content_of, taken_over
from provisioner.kinds.policy_evaluation import matches
from provisioner.kinds.statements import as_permission, statement_id
from provisioner.model.state import Statement
from provisioner.sandbox.policies import Policies
from provisioner.sandbox.statements import Invocation, admit
from provisioner.sandbox.world import Troubles
from tests.support.control_plane import ACCOUNT, REGION, World

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
BUCKET = "arn:aws:s3:::b"
OTHER = "210987654321"
LINEAGE = "0a1b2c3d-0000-4000-8000-000000000000"
AUTOMATIC = {"principal": "s3.amazonaws.com", "source_arn": BUCKET, "source_account": ACCOUNT}
S3 = {"Service": "s3.amazonaws.com"}
PLAIN = {"StringEquals": {"AWS:SourceAccount": ACCOUNT}, "ArnLike": {"AWS:SourceArn": BUCKET}}


def statement(**members: Any) -> dict[str, Any]:
    """The statement that S3 needs, with other members; one that is None is left out."""
    base = {"Sid": "s", "Effect": "Allow", "Principal": S3, "Action": "lambda:InvokeFunction", "Resource": FUNCTION,
            "Condition": PLAIN}  # fmt: skip
    return {name: value for name, value in {**base, **members}.items() if value is not None}


def policy(*statements: Any) -> Policy:
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), "r1")


def when(**conditions: Any) -> dict[str, Any]:
    return statement(Condition=conditions)


# --- parsing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "Expecting value"),
        ("[]", "no statements"),
        ("null", "no statements"),
        ("{}", "no statements"),
        ('{"Statement": [5]}', "no statements"),
        ('{"Statement": "x"}', "no statements"),
        ('{"Statement": [{"Sid": "a", "Sid": "b"}]}', "duplicate key 'Sid'"),
        ('{"Statement": [{"Sid": NaN}]}', "NaN"),
        ("[" * 99999, "nested too deeply"),
        (None, "texts"),
        ({"Statement": []}, "texts"),
    ],
)
def test_what_is_no_policy(text: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Policy.parse(text, "r1")


def test_one_statement_may_stand_without_a_list() -> None:
    found = Policy.parse(json.dumps({"Statement": statement()}), "r1")

    assert (found.has("s"), found.has("t"), found.revision) == (True, False, "r1")


# --- what a statement says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "content"),
    [
        (statement(), AUTOMATIC),
        (statement(Action=["lambda:invokefunction"], Principal={"Service": ["s3.amazonaws.com"]}), AUTOMATIC),
        (when(StringEquals={"aws:SourceArn": [BUCKET], "aws:sourceaccount": [ACCOUNT]}), AUTOMATIC),
        (when(ArnEquals={"AWS:SOURCEARN": BUCKET}, StringLike={"aws:SourceAccount": ACCOUNT}), AUTOMATIC),
        (when(StringLike={"aws:SourceArn": BUCKET}), {"principal": "s3.amazonaws.com", "source_arn": BUCKET}),
        (when(ArnLike={"aws:SourceArn": "arn:aws:s3:::*"}), {"principal": "s3.amazonaws.com", "source_arn": "arn:aws:s3:::*"}),
        (statement(Condition=None), {"principal": "s3.amazonaws.com"}),
        (statement(Condition=None, Principal="*"), {"principal": "*"}),
        (statement(Condition=None, Principal={"AWS": "*"}), {"principal": "*"}),
        (statement(Condition=None, Principal={"AWS": f"arn:aws:iam::{OTHER}:root"}), {"principal": OTHER}),
        (statement(Condition=None, Principal={"AWS": OTHER}), {"principal": OTHER}),
        (statement(Condition=None, Principal={"AWS": f"arn:aws:iam::{OTHER}:role/r"}), {"principal": f"arn:aws:iam::{OTHER}:role/r"}),
        (statement(Effect="Deny"), {}),
        (statement(Action="lambda:*"), {}),
        (statement(Action=["lambda:InvokeFunction", "lambda:GetFunction"]), {}),
        (statement(Action=[]), {}),
        (statement(Action=5), {}),
        (statement(Principal=None, NotPrincipal=S3), {}),
        (statement(Principal=None), {}),
        (statement(Principal={"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}), {}),
        (statement(Principal={**S3, "AWS": OTHER}), {}),
        (statement(Principal={**S3, "Federated": "accounts.google.com"}), {}),
        (statement(Principal={"Federated": "accounts.google.com"}), {}),
        (statement(Principal={"Service": 5}), {}),
        (statement(Condition=[]), {}),
        (when(ArnLike="x"), {}),
        (when(ArnLike={"aws:SourceArn": [BUCKET, "arn:aws:s3:::c"]}), {}),
        (when(ArnLike={"aws:SourceArn": []}), {}),
        (when(StringEquals={"aws:SourceArn": "arn:aws:s3:::*"}), {}),
        (when(StringLike={"aws:SourceArn": "arn:aws:*"}), {}),
        (when(ArnNotLike={"aws:SourceArn": BUCKET}), {}),
        (when(ArnLike={"aws:SourceArn": "arn:aws:s3:::${aws:username}"}), {}),
        (when(ArnLike={"aws:SourceArn": BUCKET}, ArnEquals={"aws:SourceArn": BUCKET}), {}),
        (when(**PLAIN, Bool={"lambda:InvokedViaFunctionUrl": "true"}), {}),
        (statement(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}), {}),
    ],
)  # fmt: skip
def test_the_spelling_of_a_statement_does_not_count(written: dict[str, Any], content: dict[str, str]) -> None:
    assert policy(statement(Sid="a", Effect="Deny"), written).content_of("s") == content


def test_a_statement_without_an_id_has_no_content_by_name() -> None:
    assert policy(statement(Sid=None), statement(Sid=["s"])).content_of("s") is None


def test_an_account_and_its_root_are_one_principal() -> None:
    root = f"arn:aws-cn:iam::{OTHER}:root"

    assert content_of(Statement("f", REGION, "s", {"principal": root})) == {"principal": OTHER}
    assert as_permission({"principal": root, "source_account": None}) == {"principal": OTHER, "source_account": ""}


@pytest.mark.parametrize("principal", ["s3.amazonaws.com", "*", OTHER, f"arn:aws:iam::{OTHER}:role/r"])
@pytest.mark.parametrize("members", [{}, {"source_arn": BUCKET}, {"source_arn": BUCKET, "source_account": ACCOUNT}])
def test_a_statement_is_foreseen_as_aws_keeps_it(principal: str, members: dict[str, str]) -> None:
    wanted = Statement("f:live", REGION, "s", {"principal": principal, **members})
    plays_aws = Policies(ACCOUNT, REGION, World(), Troubles(), lambda: 0.0)
    names = {"source_arn": "SourceArn", "source_account": "SourceAccount"}
    request = {names[name]: value for name, value in members.items()}
    request |= {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": principal}
    plays_aws.add("f:live", {}, request)
    kept = plays_aws.get("f:live", {})["Policy"]

    assert Policy.parse(kept).statements == (as_stored(wanted, ACCOUNT),)
    assert Policy.parse(kept).content_of("s") == content_of(wanted)
    assert Policy().size_with([wanted]) == len(kept)


# --- whom it admits --------------------------------------------------------------------------------------------------

UNSURE = [
    when(StringEquals={"aws:SourceOrgID": "o-0123456789"}),
    when(StringNotEquals={"aws:SourceIp": "192.0.2.1"}),
    when(ArnLike={"aws:SourceArn": "arn:aws:s3:::${aws:username}*"}),
    when(stringlike={"aws:SourceArn": "*"}),
    when(ArnLike={"aws:SourceArn": []}),
    when(ArnLike="x"),
    when(Null={"aws:SourceArn": "perhaps"}),
    statement(Condition=5),
    statement(Principal=5),
    statement(Principal={"Service": [5]}),
    statement(Action=5),
    statement(Action=None, NotAction="lambda:GetFunction"),
    statement(Principal=None),
    statement(Principal="*", NotPrincipal={"AWS": OTHER}),
]


@pytest.mark.parametrize("doubtful", UNSURE)
def test_what_cannot_be_judged_neither_admits_nor_denies(doubtful: dict[str, Any]) -> None:
    assert policy(doubtful).admits(AUTOMATIC) == ()
    assert policy({**doubtful, "Effect": "Deny"}, statement()).admits(AUTOMATIC) == ("s",)
    assert policy({**doubtful, "Effect": "Deny"}).denies(AUTOMATIC) == ()


def test_a_condition_that_does_not_hold_decides_whatever_stands_beside_it() -> None:
    doubtful = when(StringEquals={"aws:SourceOrgID": "o-0123456789"}, ArnLike={"aws:SourceArn": "arn:aws:s3:::c"})

    assert policy({**doubtful, "Effect": "Deny"}, statement(Sid="t")).admits(AUTOMATIC) == ("t",)


def test_all_that_admit_are_named() -> None:
    found = policy(
        statement(Sid="other", Principal={"Service": "sns.amazonaws.com"}),
        statement(Sid=None, Principal="*", Action="*", Condition=None),
        statement(Sid="all", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:::?"}}),
        statement(),
    )

    assert found.admits(AUTOMATIC) == ("statement 2", "all", "s")
    assert Policy().admits(AUTOMATIC) == ()


def test_a_deny_covers_all() -> None:
    denied = policy(statement(), statement(Sid="no", Effect="Deny", Principal="*", Condition=None))

    assert denied.admits(AUTOMATIC) == ()
    assert denied.denies(AUTOMATIC) == ("no",)


def test_what_is_not_known_of_the_source_admits_nothing() -> None:
    without = {"principal": "s3.amazonaws.com", "source_arn": BUCKET}

    assert policy(statement()).admits(without) == ()
    assert policy(when(ArnLike={"aws:SourceArn": BUCKET})).admits(without) == ("s",)


@pytest.mark.parametrize(
    ("principal", "written", "admitted"),
    [
        ("*", "*", True),
        ("*", S3, False),
        (OTHER, {"AWS": f"arn:aws:iam::{OTHER}:root"}, True),
        (OTHER, {"AWS": ACCOUNT}, False),
        (f"arn:aws:iam::{OTHER}:root", {"AWS": OTHER}, True),
    ],
)
def test_principals_that_are_no_service(principal: str, written: Any, admitted: bool) -> None:
    found = policy(statement(Principal=written))

    assert bool(found.admits({**AUTOMATIC, "principal": principal})) == admitted
    # An account may have an organization, a service has none.
    org = when(StringNotEquals={"aws:PrincipalOrgID": "o-0123456789"}) | {"Principal": written}
    assert policy(org).admits({**AUTOMATIC, "principal": principal}) == ()


def test_a_pattern_cannot_take_time_without_end() -> None:
    began = time.process_time()

    assert not matches("*a" * 5000 + "b", "a" * 300)
    assert time.process_time() - began < 2


@settings(deadline=None, derandomize=True)
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_match_as_a_regular_expression_does(pattern: str, text: str) -> None:
    from provisioner.sandbox.statements import matches as also_matches

    assert matches(pattern, text) == also_matches(pattern, text)


NAMES = ("s3.amazonaws.com", "sns.amazonaws.com")
PRINCIPALS = st.one_of(
    st.just("*"),
    st.fixed_dictionaries({}, optional={"AWS": st.sampled_from([OTHER, "*", [OTHER, "*"], [OTHER]]), "Service": st.sampled_from([*NAMES, list(NAMES), [NAMES[1]]])}).filter(bool),
)  # fmt: skip
ACTIONS = ("lambda:InvokeFunction", "lambda:Invoke*", "LAMBDA:invokefunctio?", "*", "lambda:*", "lambda:GetFunction")
PATTERNS = (BUCKET, "arn:aws:s3:::*", "arn:*:s3:::?", "arn:aws:s3:::bb", "arn:aws:*", "*", "", "arn:aws:s3:::b*")
BOTH = ("ArnLike", "ArnEquals", "StringLike", "StringEquals", "StringEqualsIgnoreCase")
OPERATORS = st.sampled_from(
    [
        *BOTH,
        "ArnNotLike",
        "ArnNotEquals",
        "StringNotLike",
        "StringNotEquals",
        "ArnLikeIfExists",
        "StringNotEqualsIfExists",
        "ForAnyValue:StringEquals",
        "ForAnyValue:StringNotLike",
    ]
)
KEYS = {
    "aws:SourceArn": st.sampled_from(PATTERNS),
    "AWS:sourcearn": st.sampled_from(PATTERNS),
    "AWS:SourceAccount": st.sampled_from([ACCOUNT, OTHER, "*", "12345678901?"]),
    "aws:PrincipalServiceName": st.sampled_from([*NAMES, "*.amazonaws.com"]),
    "aws:PrincipalOrgID": st.sampled_from(["o-0123456789", "*"]),
    "lambda:EventSourceToken": st.sampled_from(["token", "*"]),
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 3))):
        key = draw(st.sampled_from(sorted(KEYS)))
        value = KEYS[key]
        # What an operator for ARNs makes of what is none is not known.
        operator = draw(OPERATORS if "sourcearn" in key.lower() else OPERATORS.filter(lambda name: "Arn" not in name))
        made.setdefault(operator, {})[key] = draw(st.one_of(value, st.lists(value, min_size=1, max_size=3)))
    if draw(st.integers(0, 5)) == 0:
        made["Null"] = {draw(st.sampled_from(sorted(KEYS))): draw(st.sampled_from(["true", "False"]))}
    if draw(st.integers(0, 5)) == 0:
        made["Bool"] = {"aws:PrincipalIsAWSService": draw(st.sampled_from(["true", "false"]))}
    return made


@st.composite
def written_statements(draw: st.DrawFn) -> dict[str, Any]:
    action = draw(st.one_of(st.sampled_from(ACTIONS), st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2)))
    return {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"])): draw(PRINCIPALS),
        "Action": action,
        "Resource": FUNCTION,
        "Condition": draw(conditions()),
    }


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(written_statements(), max_size=4))
def test_provisioner_and_the_sandbox_judge_alike(statements: list[dict[str, Any]]) -> None:
    judged = bool(policy(*statements).admits(AUTOMATIC))

    assert judged == admit(statements, Invocation("s3.amazonaws.com", BUCKET, ACCOUNT))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.sampled_from(["Allow", "*", BUCKET])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["AWS", "Service", "ArnLike", "Null", "aws:SourceArn", "x"]), inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.dictionaries(st.sampled_from([*statement(), "NotPrincipal"]), JSON, max_size=6), max_size=3))
def test_a_statement_of_any_shape_is_judged_without_an_error(statements: list[dict[str, Any]]) -> None:
    found = policy(*[{"Effect": "Allow", **item} for item in statements])

    assert len(found.admits(AUTOMATIC)) <= len(statements)
    assert taken_over(found, AUTOMATIC, "f", LINEAGE)
    assert found.content_of("s") is None or found.has("s")


# --- size ------------------------------------------------------------------------------------------------------------


def test_the_size_of_a_policy_with_more_statements() -> None:
    plays_aws = Policies(ACCOUNT, REGION, World(), Troubles(), lambda: 0.0)

    def add(sid: str, arn: str) -> Policy:
        request = {"StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        plays_aws.add("f", {}, {**request, "SourceArn": arn})
        return Policy.parse(plays_aws.get("f", {})["Policy"])

    def wanted(sid: str, arn: str) -> Statement:
        return Statement("f", REGION, sid, {"principal": "s3.amazonaws.com", "source_arn": arn})

    one = add("a", BUCKET)
    more = [wanted("b", "arn:aws:s3:::c"), wanted("c", "arn:aws:s3:::longer")]
    add("b", "arn:aws:s3:::c")
    three = add("c", "arn:aws:s3:::longer")

    assert one.size_with([]) == len(one.text)
    assert one.size_with([*more, more[0]]) == three.size_with([]) == three.size_with(more) == len(three.text)
    assert one.size_with([wanted("a", f"{BUCKET}bb")]) == len(one.text) + 2


# --- import ----------------------------------------------------------------------------------------------------------

OURS = statement_id("f", AUTOMATIC, LINEAGE)
WIDE = statement(Sid="wide", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}})


@pytest.mark.parametrize(
    ("statements", "permission"),
    [
        ([statement()], {"statement_id": "s"}),
        ([when(ArnLike={"aws:SourceArn": BUCKET})], {"statement_id": "s", "source_account": None}),
        ([statement(Principal="*")], {"statement_id": "s", "principal": "*"}),
        ([statement(Principal={"Service": "sns.amazonaws.com"}, Sid="x"), statement()], {"statement_id": "s"}),
        ([statement(Sid=OURS)], None),
        ([statement(Sid=OURS), WIDE], None),
        # Ours by name only, and about this source alone: it is taken over as any other.
        ([statement(Sid=OURS, Principal="*")], {"statement_id": OURS, "principal": "*"}),
    ],
)
def test_an_import_takes_over_the_statement_of_its_source(statements: list[Any], permission: Any) -> None:
    assert taken_over(policy(*statements), AUTOMATIC, "f", LINEAGE) == (permission, "")


@pytest.mark.parametrize(
    ("statements", "permission", "note"),
    [
        ([], None, f"nothing lets s3.amazonaws.com invoke f for {BUCKET} today; the plan adds a statement"),
        (
            [statement(), statement(Sid=None, Effect="Deny", Condition=None)],
            None,
            f"nothing lets s3.amazonaws.com invoke f for {BUCKET} today (statement 2 of its policy denies it);"
            " the plan adds a statement",
        ),
        (
            [WIDE],
            "none",
            f'statement "wide" of the policy of f lets s3.amazonaws.com invoke it for {BUCKET}, and not for it alone;'
            " `permission: none` leaves it as it is",
        ),
        (
            [statement(Sid=None)],
            "none",
            f"statement 1 of the policy of f lets s3.amazonaws.com invoke it for {BUCKET}, and not for it alone;"
            " `permission: none` leaves it as it is",
        ),
        (
            [statement(Sid="a.\x1b[2J")],
            "none",
            f'statement "a.\\x1b[2J" of the policy of f lets s3.amazonaws.com invoke it for {BUCKET}, and not for it'
            " alone; `permission: none` leaves it as it is",
        ),
        (
            [statement(), WIDE],
            "none",
            f'statement "s", statement "wide" of the policy of f let s3.amazonaws.com invoke it for {BUCKET};'
            " `permission: none` leaves them as they are",
        ),
    ],
)
def test_an_import_leaves_other_statements_alone(statements: list[Any], permission: Any, note: str) -> None:
    assert taken_over(policy(*statements), AUTOMATIC, "f", LINEAGE) == (permission, note)
