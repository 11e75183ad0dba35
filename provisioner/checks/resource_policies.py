"""What the policy of a queue, or the trust policy of a role, says to a role or a service.

Anybody may have written it: a condition, or what is not understood, is undecided.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from provisioner.kinds.policy_evaluation import EVERYBODY, matches, principals_of, texts_of
from provisioner.model.references import Arn


class Decision(Enum):
    """What policies say: an explicit deny wins over all, and where nothing is said, nothing is allowed."""

    ALLOWED = "allowed"
    DENIED = "explicit deny"
    NONE = "implicit deny"
    UNDECIDED = "undecided"


def decision_of(
    policy: Any, action: str, resource: Arn | None, principal: str, account: str, *, foreign: bool = False
) -> Decision:
    """What a policy (a text, or a document) says of an action on a resource; None is a policy that names no resource, as a trust
    policy does. `principal` is a role's ARN, or the name of a service; `account` is the role's.

    In its own account, a statement that names the account as a whole leaves it to the role's policies, and says nothing by
    itself; in another one (`foreign`) it allows, and the role's policies must allow as well.
    """
    document = _document(policy)
    if document is None:
        return Decision.NONE if not policy else Decision.UNDECIDED
    statements = document.get("Statement") or []
    said = [
        _said(item, action, resource, principal, account, foreign=foreign)
        for item in (statements if isinstance(statements, list) else [statements])
    ]
    for decision in (Decision.DENIED, Decision.UNDECIDED, Decision.ALLOWED):
        if decision in said:
            return decision
    return Decision.NONE


def _document(policy: Any) -> Mapping[str, Any] | None:
    try:
        found = json.loads(policy) if isinstance(policy, str) else policy
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _said(
    statement: Any, action: str, resource: Arn | None, principal: str, account: str, *, foreign: bool
) -> Decision:
    if not isinstance(statement, dict):
        return Decision.UNDECIDED
    effect = {"Allow": Decision.ALLOWED, "Deny": Decision.DENIED}.get(str(statement.get("Effect")))
    answers = [
        _matches(statement, "Action", action.lower(), lower=True),
        True if resource is None else _matches(statement, "Resource", str(resource), lower=False),
        _names(statement, principal, account, foreign=foreign or effect is Decision.DENIED),
    ]
    if False in answers:
        return Decision.NONE
    is_plain = None not in answers and not statement.get("Condition")
    return effect if effect and is_plain else Decision.UNDECIDED


def _matches(statement: Mapping[str, Any], member: str, text: str, *, lower: bool) -> bool | None:
    """Whether a text is one of a member's patterns, or, where only `Not…` is there, none of them."""
    positive = member in statement
    patterns = texts_of(statement.get(member if positive else f"Not{member}"))
    if patterns is None or any("${" in pattern for pattern in patterns):
        return None
    # A queue's policy may also say `SQS:ReceiveMessage`.
    return any(matches(pattern.lower() if lower else pattern, text) for pattern in patterns) == positive


def _names(statement: Mapping[str, Any], principal: str, account: str, *, foreign: bool) -> bool | None:
    positive = "Principal" in statement
    names = principals_of(statement.get("Principal" if positive else "NotPrincipal"))
    if names is None:
        return None
    whole = {account} if foreign or not positive else set()
    if names & {principal, EVERYBODY, *whole}:
        return positive
    # A session of the role, which is named after the function, or the role by its id.
    session = f":sts::{account}:assumed-role/{principal.rpartition('/')[2]}/"
    is_unknown = ":role/" in principal and any(session in name or name.startswith("AROA") for name in names)
    return None if is_unknown else not positive
