"""The statements that let a source invoke a function: what a mapping needs, and how it is named
(docs/aws/push.md#statements). What a function's policy has is in `policies`.

A mapping is *complete* when its `permission` has every member of its statement: what the manifest leaves out depends on
the account and on the state's lineage, which only planning knows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from provisioner.kinds.forms import json_key
from provisioner.model.canonical import Canonical
from provisioner.model.state import Statement

NONE: Final = "none"
"""The `permission` of a mapping whose statement is somebody else's business."""
MEMBERS: Final = ("statement_id", "principal", "source_arn", "source_account")
"""The members of `permission`. A null in the manifest is a member that the statement does not have, here ""."""
PREFIX: Final = "provisioner"
_SHORT: Final = 8  # digits of the lineage in names that provisioner chooses
_HASH: Final = 12
_ROOT: Final = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")


def as_permission(value: Any) -> Any:
    """The canonical form of `permission`: null in a member is a member that the statement does not have."""
    if not isinstance(value, dict):
        return value
    members = {name: "" if item is None else item for name, item in value.items()}
    principal = members.get("principal")
    return {**members, "principal": as_principal(principal)} if isinstance(principal, str) else members


def as_principal(text: str) -> str:
    """A principal in one spelling: AWS keeps an account, such as 123456789012, as the ARN of its root."""
    match = _ROOT.fullmatch(text)
    return match[1] if match else text


def short_lineage(lineage: str) -> str:
    """The part of a state's lineage that is in the names which provisioner chooses."""
    return lineage.replace("-", "")[:_SHORT]


def complete_permission(mapping: Mapping[str, Any], automatic: Mapping[str, str], lineage: str) -> Any:
    """The `permission` of a mapping with every member: what the manifest states, else what is `automatic`, and the name.
    Idempotent. A member that the statement does not have is absent.
    """
    stated = mapping.get("permission")
    if stated == NONE:
        return NONE
    members = {**automatic, **(stated or {})}
    content = {name: value for name in MEMBERS[1:] if (value := members.get(name, ""))}
    ident = members.get("statement_id") or statement_id(mapping.get("function_name", ""), content, lineage)
    return {"statement_id": ident, **content}


def statement_id(function: str, content: Mapping[str, str], lineage: str) -> str:
    """The name of a statement that provisioner chooses: equal statements of a stack have one name, so they are shared."""
    digest = hashlib.sha256(json_key([function, *(content.get(name, "") for name in MEMBERS[1:])]).encode())
    return f"{PREFIX}-{short_lineage(lineage)}-{digest.hexdigest()[:_HASH]}"


def is_ours_by_name(ident: str, lineage: str) -> bool:
    """Whether the name of a statement is spelt as provisioner names those of a state."""
    return ident.startswith(f"{PREFIX}-{short_lineage(lineage)}-")


def statement_of(mapping: Mapping[str, Any], region: str) -> Statement | None:
    """The statement that a complete mapping needs; None for `permission: none`, and for one that is not complete."""
    permission = mapping.get("permission")
    if not isinstance(permission, dict) or not permission.get("statement_id"):
        return None
    content: Canonical = {name: value for name, value in permission.items() if name != "statement_id"}
    return Statement(mapping.get("function_name", ""), region, permission["statement_id"], content)


def permission_of(statement: Statement | None) -> Canonical | None:
    """The `permission` of a mapping that has this statement; the reverse of `statement_of`."""
    return {"statement_id": statement.id, **statement.applied} if statement else None
