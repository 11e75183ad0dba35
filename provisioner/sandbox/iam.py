"""What IAM decides: whether policies allow an action on a resource (docs/aws/permissions.md#the-simulator).

A policy may ask what cannot be judged here, an operator or a variable that is not known. Then the answer is the one that
refuses nothing, and the condition key stands among those that are missing. A key that the request does not have is
different: IAM's simulator names it, and the statement does not hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from provisioner.model.references import Arn
from provisioner.sandbox.statements import listed, matches, matches_arn

Statement = Mapping[str, Any]
Decision = Literal["allowed", "implicitDeny", "explicitDeny"]

ASSUME: Final = "sts:AssumeRole"
"""The action by which Lambda assumes a function's role; it is checked before the actions on the source."""

_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
"""What IAM fills in, such as `${aws:PrincipalAccount}`."""


class Policy(NamedTuple):
    """Statements, and where they stand: SourcePolicyId and SourcePolicyType in IAM's words."""

    name: str
    type: str
    statements: tuple[Statement, ...]

    @staticmethod
    def parse(name: str, kind: str, document: str) -> Policy:
        """The policy in a JSON text, which IAM has accepted."""
        return Policy(name, kind, tuple(listed(json.loads(document)["Statement"])))


class Rights(NamedTuple):
    """The policies of a role. Without a boundary nothing bounds them; an empty one allows nothing."""

    policies: tuple[Policy, ...]
    boundary: tuple[Policy, ...] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """An action on a resource, `*` where it takes none. `context` has the values of each condition key in lower case."""

    action: str
    resource: str
    context: Mapping[str, Collection[str]]


class Verdict(NamedTuple):
    """A decision, the policies of the statements that made it, and the condition keys that had no value or were not
    understood. `bounded` is whether the boundary allows it, None without one.
    """

    decision: Decision
    matched: tuple[Policy, ...]
    missing: tuple[str, ...]
    bounded: bool | None = None


def decide(rights: Rights, question: Question) -> Verdict:
    """Whether a role may do it: its policies and its boundary must allow it, and neither may deny it."""
    own = evaluate(rights.policies, question)
    if rights.boundary is None:
        return own
    bound = evaluate(rights.boundary, question)
    # "explicitDeny" is stronger than "implicitDeny", and that than "allowed".
    decision: Decision = next(
        (wanted for wanted in ("explicitDeny", "implicitDeny") if wanted in (own.decision, bound.decision)), "allowed"
    )
    missing = tuple(sorted({*own.missing, *bound.missing}))
    return Verdict(decision, own.matched + bound.matched, missing, bound.decision == "allowed")


def evaluate(policies: Iterable[Policy], question: Question, *, principals: Collection[str] = ()) -> Verdict:
    """What the statements decide together. With `principals`, those of a policy of a resource that name one of them."""
    allows: list[Policy] = []
    denies: list[Policy] = []
    missing: set[str] = set()
    for policy in policies:
        for statement in policy.statements:
            if not _is_about(statement, question) or (principals and not _names(statement, principals)):
                continue
            lacking, unknown, holds = _conditions(statement, question)
            missing |= lacking | (unknown if holds else set())
            denying = statement["Effect"] == "Deny"
            # What is not known is taken for what refuses nothing.
            if holds and not (unknown and denying):
                (denies if denying else allows).append(policy)
    if denies:
        return Verdict("explicitDeny", tuple(denies), tuple(sorted(missing)))
    return Verdict("allowed" if allows else "implicitDeny", tuple(allows), tuple(sorted(missing)))


def may(rights: Rights, role: Arn, question: Question, policies: tuple[Policy, ...], owner: str) -> bool:
    """Whether a role may do it to a resource of the account `owner` that has policies of its own. In one account it is
    enough that either side allows it, across accounts both must; a deny of either counts.
    """
    own = decide(rights, question)
    root = f"arn:{role.partition}:iam::{role.account}:root"
    theirs = evaluate(policies, question, principals=(str(role), role.account, root))
    if "explicitDeny" in (own.decision, theirs.decision):
        return False
    if owner != role.account:
        return (own.decision, theirs.decision) == ("allowed", "allowed")
    # What names only the account leaves it to the policies of the account's roles.
    directly = evaluate(policies, question, principals=(str(role),))
    return "allowed" in (own.decision, directly.decision)


def trusts(policies: Iterable[Policy], service: str, context: Mapping[str, Collection[str]]) -> bool:
    """Whether a role's trust policy lets a service assume the role."""
    question = Question(ASSUME, "*", context)
    named = []
    for policy in policies:
        statements = []
        for item in policy.statements:
            principal = item.get("Principal", {})
            # An AWS principal `*` is everybody, services too.
            if principal == "*" or {service, "*"} & {
                *listed(principal.get("Service", [])),
                *listed(principal.get("AWS", [])),
            }:
                statements.append(item)
        named.append(Policy(policy.name, policy.type, tuple(statements)))
    return evaluate(named, question).decision == "allowed"


def _is_about(statement: Statement, question: Question) -> bool:
    """Whether action and resource are a statement's."""

    def has(member: str, found: str, change: Callable[[str], str]) -> bool:
        if member in statement:
            return any(matches(change(pattern), found) for pattern in listed(statement[member]))
        # A trust policy names no resource: it is about the role that has it.
        return not any(matches(change(pattern), found) for pattern in listed(statement.get(f"Not{member}", [])))

    # A variable may be any text here; `_conditions` says that it was not understood.
    return has("Action", question.action.lower(), str.lower) and has(
        "Resource", question.resource, lambda pattern: _VARIABLE.sub("*", pattern)
    )


def _names(statement: Statement, principals: Collection[str]) -> bool:
    named = "Principal" in statement
    principal = statement["Principal"] if named else statement.get("NotPrincipal", {})
    texts = {"*"} if principal == "*" else set(listed(principal.get("AWS", [])))
    return bool(texts & {*principals, "*"}) == named


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringLike": matches,
    "ArnEquals": matches_arn,
    "ArnLike": matches_arn,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
}


def _conditions(statement: Statement, question: Question) -> tuple[set[str], set[str], bool]:
    """The keys of a statement's conditions that have no value, those that are not understood, and whether all other
    conditions hold. A key without a value does not hold.
    """
    lacking: set[str] = set()
    unknown = {name for pattern in listed(statement.get("Resource", "*")) for name in _VARIABLE.findall(pattern)}
    holds = True
    for operator, block in (statement.get("Condition") or {}).items():
        optional, base = operator.endswith("IfExists"), operator.removesuffix("IfExists")
        for key, values in block.items():
            wanted = [str(value) for value in listed(values)]
            found = question.context.get(key.lower())
            if base not in _OPERATORS or any(_VARIABLE.search(value) for value in wanted):
                unknown.add(key)
            elif found is None:
                holds = holds and optional
                lacking |= set() if optional else {key}
            else:
                holds = holds and any(_OPERATORS[base](value, text) for value in wanted for text in found)
    return lacking, unknown, holds
