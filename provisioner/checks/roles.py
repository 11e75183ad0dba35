"""Checks of the execution role: whether Lambda may assume it, and what it may do.

IAM's simulator evaluates the role's own policies, its boundary and those of the organization, but no policy of a resource. So
what it denies may still be allowed by the policy of a queue, which is read; for any other source this is not known. A
condition that asks for what a simulation does not know is undecided, which is not a denial (docs/checks.md#roles).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeAlias

from provisioner.checks.case import Case, Findings, Judging, function, iam_region, question, queue, stream
from provisioner.checks.resource_policies import Decision, decision_of
from provisioner.kinds.permissions import Grant, grants, key_grant
from provisioner.model.checks import Answer, CheckLevel, Question
from provisioner.model.references import Arn
from provisioner.model.sources import QUEUES

_ASSUME: Final = "sts:AssumeRole"
_SIMULATE: Final = "iam:SimulatePrincipalPolicy"
_SERVICE: Final = "lambda.amazonaws.com"
_INSTEAD: Final = {"kafka:DescribeClusterV2": "kafka:DescribeCluster"}
"""What AWS accepts in the place of an action, except for serverless clusters."""

_READ_QUEUES: Final = "ReadQueues"
"""The grant whose resource is the queue that is read."""

Simulated: TypeAlias = dict[tuple[str, str], Decision]
"""What the simulator says of each action on each resource."""


def assumed(case: Case) -> Judging:
    """The trust policy of the role must let Lambda assume it."""
    role = (yield from function(case)).role
    name = role.rpartition("/")[2]
    if not name:
        return []
    asked = question("iam", iam_region(case.subject.region), "get_role", "iam:GetRole", RoleName=name)
    (answer,) = yield (asked,)
    if answer.gone:
        return case.error(
            "C106",
            f"the execution role {role} of {case.reference.name} does not exist",
            "create the role, or give the function another one",
        )
    trust = answer.part("Role").get("AssumeRolePolicyDocument")
    if not trust or decision_of(trust, _ASSUME, None, _SERVICE, "") in (Decision.ALLOWED, Decision.UNDECIDED):
        return []
    return case.error("C106", f"the trust policy of the role {name} does not let {_SERVICE} assume it")


def allowed(case: Case) -> Judging:
    """The role may do what Lambda does with it: all that is missing is one finding."""
    role = (yield from function(case)).role
    wanted = list(grants(case.subject.mapping, case.subject.kind, case.subject.account))
    if not role or not wanted:
        return []
    simulated, undecided = yield from _simulated(case, role, wanted)
    source: Answer | None = None
    if case.subject.kind in QUEUES:
        (source,) = yield (queue(case.arn),)
    lacking = [
        item
        for grant in wanted
        for resource in grant.resources
        for action in grant.actions
        if action not in grant.unneeded
        for item in _lacking(grant, action, resource, simulated, role, source if grant.sid == _READ_QUEUES else None)
    ]
    found = _found(case, role, wanted, lacking)
    if undecided and not found:
        names = ", ".join(sorted(undecided))
        message = (
            f"whether the role {role.rpartition('/')[2]} may do what is needed depends on the condition keys {names}"
        )
        return [case.found("C100", CheckLevel.SKIPPED, message)]
    return found


class _Lacking(NamedTuple):
    """An action that the role may not do on a resource, and how surely AWS refuses the mapping for it."""

    grant: Grant
    action: str
    resource: str
    level: CheckLevel


def _lacking(
    grant: Grant, action: str, resource: str, simulated: Simulated, role: str, source: Answer | None
) -> Iterable[_Lacking]:
    """One item where the role may not do this, else none. `source` is the answer about the queue, where the resource is the one
    that is read.
    """
    own = simulated.get((action, resource), Decision.UNDECIDED)
    instead = simulated.get((_INSTEAD.get(action, ""), resource))
    if own in (Decision.ALLOWED, Decision.UNDECIDED) or (own is Decision.NONE and instead is Decision.ALLOWED):
        return
    arn, account = Arn.parse(resource), role.split(":")[4]
    is_certain = own is Decision.DENIED
    if own is Decision.NONE and source is not None and source.part("Attributes") and arn:
        theirs = decision_of(source.part("Attributes").get("Policy"), action, arn, role, account)
        # In one account either policy is enough, between two both are needed.
        if theirs is Decision.ALLOWED and arn.account == account:
            return
        is_certain = theirs in (Decision.NONE, Decision.DENIED) or arn.account != account
    level = CheckLevel.ERROR if is_certain and action in grant.required else CheckLevel.LIKELY
    yield _Lacking(grant, action, resource, level)


def _found(case: Case, role: str, wanted: Sequence[Grant], lacking: Sequence[_Lacking]) -> Findings:
    """One finding for all that is missing, with the policy to add."""
    if not lacking:
        return []
    by_resource: defaultdict[str, list[str]] = defaultdict(list)
    for item in lacking:
        by_resource[item.resource].append(item.action)
    parts = [f"{_joined(actions)} on {resource}" for resource, actions in by_resource.items()]
    level = CheckLevel.ERROR if any(item.level is CheckLevel.ERROR for item in lacking) else CheckLevel.LIKELY
    name = role.rpartition("/")[2]
    statements = []
    for grant in wanted:
        mine = [item for item in lacking if item.grant is grant]
        if mine:
            statements.append(statement_of(grant, {item.action for item in mine}, {item.resource for item in mine}))
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    hint = f"add this policy to the role, unless a statement denies it: {policy}"
    return [case.found("C107", level, f"the role {name} may not {'; '.join(parts)}", hint)]


def statement_of(grant: Grant, actions: Iterable[str], resources: Iterable[str]) -> dict[str, Any]:
    """A statement of a policy that allows these actions of a grant on these of its resources."""
    listed = sorted(resources)
    operator, key, value = grant.condition or ("", "", "")
    return {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": listed[0] if len(listed) == 1 else listed,
        **({"Condition": {operator: {key: value}}} if operator else {}),
    }


def _joined(actions: Sequence[str]) -> str:
    return actions[0] if len(actions) == 1 else f"{', '.join(actions[:-1])} and {actions[-1]}"


# --- asking the simulator --------------------------------------------------------------------------------------------


def _simulated(
    case: Case, role: str, wanted: Sequence[Grant]
) -> Generator[tuple[Question, ...], tuple[Answer, ...], tuple[Simulated, set[str]]]:
    """What the simulator says of all grants, and the condition keys that it would have to know."""
    asked = [(grant, resource) for grant in wanted for resource in grant.resources]
    questions = tuple(_question(case.subject.region, role, grant, resource) for grant, resource in asked)
    answers = yield questions
    simulated: Simulated = {}
    undecided: set[str] = set()
    for (_, resource), answer in zip(asked, answers, strict=True):
        for result in answer.part().get("EvaluationResults") or ():
            if found := _decision(result, resource):
                simulated[str(result.get("EvalActionName")), resource] = found[0]
                undecided |= found[1] if found[0] is Decision.UNDECIDED else set()
    return simulated, undecided


def _question(region: str, role: str, grant: Grant, resource: str) -> Question:
    """A question about one resource; those with equal actions are asked together."""
    actions = sorted({*grant.actions, *(_INSTEAD[action] for action in grant.actions if action in _INSTEAD)})
    _, key, value = grant.condition or ("", "", "")
    context = [{"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}] if key else []
    asked = question(
        "iam",
        iam_region(region),
        "simulate_principal_policy",
        _SIMULATE,
        PolicySourceArn=role,
        ActionNames=actions,
        MaxItems=1000,
        **({"ContextEntries": context} if context else {}),
    )
    return asked._replace(one_of=("ResourceArns", resource))


_DECISIONS: Final = {
    "allowed": Decision.ALLOWED,
    "explicitDeny": Decision.DENIED,
    "implicitDeny": Decision.NONE,
}


def _decision(result: dict[str, Any], resource: str) -> tuple[Decision, set[str]] | None:
    """The decision about one resource, and the condition keys that were missing for it; None for a result that is about others.

    Asked about several resources, IAM decides about each in a list, and the action's own result is of all of them together; asked
    about one, or about `*`, it has no list.
    """
    each = result.get("ResourceSpecificResults") or ()
    own = next((item for item in each if item.get("EvalResourceName") == resource), None)
    name = str(result.get("EvalResourceName") or resource)
    # A name that is no form of ARNs, as `arn:${Partition}:sqs:…`, is one resource's.
    if own is None and (each or (name.startswith("arn:") and "${" not in name and name != resource)):
        return None
    word = own.get("EvalResourceDecision") if own else result.get("EvalDecision")
    missing = {*((own or result).get("MissingContextValues") or ())}
    decision = _DECISIONS.get(str(word), Decision.UNDECIDED)
    if missing and decision is not Decision.ALLOWED:
        return Decision.UNDECIDED, missing  # a denial too: `StringNotEquals` on a key that is not there holds
    return decision, missing


# --- keys and policies of the source ---------------------------------------------------------------------------------


def admitted(case: Case) -> Judging:
    """The policy of the queue must not deny the role, and must allow it where the queue is another account's."""
    role, arn = (yield from function(case)).role, case.arn
    if not role:
        return []
    (answer,) = yield (queue(arn),)
    if answer.value is None:
        return []
    actions = next(iter(grants(case.subject.mapping, case.subject.kind, case.subject.account))).actions
    owner = role.split(":")[4]
    decisions = {
        action: decision_of(
            answer.part("Attributes").get("Policy"), action, arn, role, owner, foreign=arn.account != owner
        )
        for action in actions
    }
    denied = sorted(action for action, decision in decisions.items() if decision is Decision.DENIED)
    if denied:
        return case.likely(
            "C115",
            f"the policy of the queue {arn.resource} denies {_joined(denied)} to the role {role.rpartition('/')[2]}",
        )
    lacking = sorted(action for action, decision in decisions.items() if decision is Decision.NONE)
    if lacking and arn.account != owner:
        return case.likely(
            "C115",
            f"the queue {arn.resource} is in account {arn.account}, and its policy does not allow {_joined(lacking)} to the "
            f"role {role}",
        )
    return []


def decrypts(case: Case) -> Judging:
    """The role must be able to use the customer key of its source."""
    role, arn = (yield from function(case)).role, case.arn
    if not role:
        return []
    if case.subject.kind in QUEUES:
        (answer,) = yield (queue(arn),)
        key, service = answer.part("Attributes").get("KmsMasterKeyId") or "", "sqs"
    else:
        (answer,) = yield (stream(arn),)
        summary = answer.part("StreamDescriptionSummary")
        key, service = summary.get("KeyId") or "", "kinesis"
    # A key by its id or alias is one of the source's account; AWS's own keys need nothing.
    if not key or key.startswith("alias/aws/"):
        return []
    where = f"arn:{arn.partition}:kms:{arn.region}:{arn.account}"
    named = key if key.startswith("arn:") else f"{where}:{key}" if key.startswith("alias/") else f"{where}:key/{key}"
    if ":alias/" in named:
        return []  # a policy names a key by its own ARN, which an alias does not tell
    grant = key_grant(named, service)
    simulated, _ = yield from _simulated(case, role, [grant])
    lacking = [
        _Lacking(grant, action, named, CheckLevel.LIKELY)
        for action in grant.actions
        if simulated.get((action, named)) in (Decision.NONE, Decision.DENIED)
    ]
    return [replace(item, code="C116") for item in _found(case, role, [grant], lacking)]
