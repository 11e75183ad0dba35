"""What the checks say of a role, held against the sandbox, which has rules of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.references import Arn
from provisioner.sandbox.iam import Policy, Question, Rights, decide, may
from tests.checks.asking import ACCOUNT, QUEUE, ROLE, Aws, checked, queue, subject

ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
OTHERS = QUEUE.replace(ACCOUNT, "210987654321")
EFFECTS = st.sampled_from(["Allow", "Allow", "Allow", "Deny"])
NAMED = st.sampled_from([*ACTIONS, "sqs:*", "*", "sqs:Receive*", "sqs:SendMessage"])
LISTED = st.one_of(NAMED, st.lists(NAMED, min_size=1, max_size=3))
PRINCIPALS = st.sampled_from(
    [
        "*",
        {"AWS": "*"},
        {"AWS": ROLE},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        {"AWS": [f"{ROLE}-2", ACCOUNT]},
        {"Service": "sns.amazonaws.com"},
    ]
)


def statements(source: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    resources = st.sampled_from([source, "*", f"{source}-2", f"{source[:-2]}*"])
    own = st.builds(
        lambda effect, action, resource: {"Effect": effect, "Action": action, "Resource": resource},
        EFFECTS,
        LISTED,
        resources,
    )
    return st.lists(own, max_size=3)


def policies(source: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    with_principal = st.tuples(statements(source), PRINCIPALS).map(
        lambda pair: [{**item, "Principal": pair[1]} for item in pair[0]]
    )
    return st.lists(with_principal, max_size=2).map(lambda parts: [item for part in parts for item in part])


def simulator(rights: Rights) -> Any:
    """IAM's simulator, as the sandbox decides."""

    def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
        [resource] = asked["ResourceArns"]
        return {
            "EvaluationResults": [
                {"EvalActionName": action, "EvalDecision": decide(rights, Question(action, resource, {})).decision}
                for action in asked["ActionNames"]
            ]
        }

    return answer


@given(st.data(), st.sampled_from([QUEUE, OTHERS]))
def test_an_error_is_what_aws_refuses_and_silence_what_it_takes(data: st.DataObject, source: str) -> None:
    own, theirs = data.draw(statements(source)), data.draw(policies(source))
    rights, arn, role = Rights((Policy("p", "role", tuple(own)),)), Arn.parse(source), Arn.parse(ROLE)
    assert arn
    assert role
    of_queue = (Policy("queue", "resource", tuple(theirs)),)
    takes = all(may(rights, role, Question(action, source, {}), of_queue, arn.account) for action in ACTIONS)
    attributes = queue(Policy=json.dumps({"Statement": theirs}) if theirs else None)
    aws = Aws(simulate_principal_policy=simulator(rights), get_queue_attributes=attributes)

    found = {(item.code, item.level.value) for item in checked(aws, subject(source)) if item.code in ("C107", "C115")}

    assert bool(found) is not takes
    assert ("C107", "error") not in found or not takes
