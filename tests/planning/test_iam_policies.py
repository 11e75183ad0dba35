"""Policies that fit: what is joined, folded and split, and that nothing is lost by it."""

from __future__ import annotations

import fnmatch
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.planning.iam_policies import MANAGED, Allow, Fold, IamPolicy, document, fitted, joined, size

SQS = "arn:aws:sqs:eu-west-1:123456789012:"
KINESIS = "arn:aws:kinesis:eu-west-1:123456789012:stream/"
READ = ("sqs:DeleteMessage", "sqs:ReceiveMessage")


def reading(*names: str) -> Allow:
    return Allow("ReadQueues", READ, tuple(f"{SQS}{name}" for name in names))


def allows(policies: list[IamPolicy], action: str, resource: str, value: str = "") -> bool:
    return any(
        action in item.actions
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in item.resources)
        and (item.condition is None or any(fnmatch.fnmatchcase(value, pattern) for pattern in item.values))
        for policy in policies
        for item in policy.statements
    )


def test_statements_with_equal_actions_and_conditions_are_one() -> None:
    owned = Allow("Write", ("s3:PutObject",), ("arn:aws:s3:::a/*",), ("StringEquals", "s3:ResourceAccount"), ("1",))
    other = Allow("Write", ("s3:PutObject",), ("arn:aws:s3:::b/*",), ("StringEquals", "s3:ResourceAccount"), ("2",))

    [read, first, second] = joined([other, owned, reading("b"), Allow("ReadSome", READ[::-1], (f"{SQS}a",)), owned])

    assert (read.sid, read.actions, read.resources) == ("ReadQueues", READ, (f"{SQS}a", f"{SQS}b"))
    assert (first, second) == (owned, replace(other, sid="Write2"))


def test_a_statement_without_resources_is_left_out() -> None:
    assert joined([Allow("DecryptFilters", ("kms:Decrypt",), ())]) == []


def test_the_size_is_that_of_the_document_without_blanks() -> None:
    statements = [reading("a"), Allow("Else", ("sns:Publish",), ("*",))]

    assert size(statements) == len(json.dumps(document(statements), separators=(",", ":")))


def test_the_longest_words_that_make_it_fit_are_folded_and_other_names_stay() -> None:
    names = [f"orders-eu-{number:03}" for number in range(150)] + ["ordering", "orders", "orders-us-1", "payments"]

    [policy], folds = fitted("worker", [reading(*names)])

    assert policy.size <= MANAGED
    [statement] = policy.statements
    assert statement.resources == tuple(
        f"{SQS}{name}" for name in ("ordering", "orders", "orders-eu-*", "orders-us-1", "payments")
    )
    assert folds == [Fold("ReadQueues", f"{SQS}orders-eu-*", 150)]


def test_what_fits_is_not_folded() -> None:
    [policy], folds = fitted("worker", [reading("orders-1", "orders-2")])

    assert policy.statements == (reading("orders-1", "orders-2"),)
    assert folds == []


@pytest.mark.parametrize("kind", ["stream/", "table/", "secret:", ""])
def test_a_pattern_keeps_some_of_the_name(kind: str) -> None:
    # They share the part of the ARN before the name, and of the name a word that is too short.
    source = f"arn:aws:service:eu-west-1:123456789012:{kind}"
    names = [f"{a}-{b}{c}-{'x' * 40}" for a in "abcd" for b in "efgh" for c in "ijklm"]

    policies, folds = fitted("worker", [Allow("Read", ("service:Read",), tuple(f"{source}{name}" for name in names))])

    assert folds == []
    assert [policy.name for policy in policies] == ["worker", "worker@2"]


def test_functions_in_a_condition_are_folded_too() -> None:
    functions = tuple(f"arn:aws:lambda:eu-west-1:123456789012:function:orders-{number:03}" for number in range(200))
    allow = Allow(
        "Change", ("lambda:CreateEventSourceMapping",), ("*",), ("StringLike", "lambda:FunctionArn"), functions
    )

    policies, folds = fitted("apply", [allow])

    assert len(policies) == 1
    assert folds
    assert all(allows(policies, "lambda:CreateEventSourceMapping", "x", function) for function in functions)


NAMES = st.lists(st.text("abc-.", min_size=1, max_size=40), min_size=1, max_size=300, unique=True)


@given(queues=NAMES, streams=NAMES, seed=st.integers())
def test_nothing_is_lost_and_the_order_does_not_matter(queues: list[str], streams: list[str], seed: int) -> None:
    reads = [reading(name) for name in queues]
    reads += [Allow("ReadStreams", ("kinesis:GetRecords",), (f"{KINESIS}{name}",)) for name in streams]

    policies, folds = fitted("worker", reads)

    assert all(policy.size <= MANAGED for policy in policies)
    assert all(allows(policies, "sqs:ReceiveMessage", f"{SQS}{name}") for name in queues)
    assert all(allows(policies, "kinesis:GetRecords", f"{KINESIS}{name}") for name in streams)
    assert not (folds and len(policies) > 1)
    random.Random(seed).shuffle(reads)
    assert fitted("worker", reads) == (policies, folds)
