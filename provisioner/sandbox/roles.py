"""Roles as moto holds them, with what the seed says that they lack."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_plus

from moto.backends import get_backend
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy

from provisioner.model.references import Arn
from provisioner.sandbox.iam import Policy, Rights, Statement

_OF_AWS: Final = re.compile(r"arn:[a-z-]+:iam::aws:policy(/[^&]*/|/)([\w+=,.@-]+)")


class Role:
    """A role of moto, which must exist."""

    def __init__(self, arn: Arn) -> None:
        self.arn = arn
        self._role: Any = get_backend("iam")[arn.account][arn.partition].get_role_by_arn(str(arn))

    @property
    def name(self) -> str:
        """Without its path."""
        return str(self._role.name)

    @property
    def trust(self) -> Policy:
        """Who may assume it."""
        return Policy.parse("trust", "none", self._role.assume_role_policy_document)

    def rights(self, lacks: frozenset[str]) -> Rights:
        """Its policies and its boundary. What it lacks is denied, whatever they allow."""
        inline = [Policy.parse(name, "role", text) for name, text in self._role.policies.items()]
        attached = [_managed(policy) for policy in self._role.managed_policies.values()]
        deny: Statement = {"Effect": "Deny", "Action": sorted(lacks), "Resource": "*"}
        denied = [Policy("lacks", "role", (deny,))] if lacks else []
        bound = self._role.permissions_boundary_arn
        known = get_backend("iam")[self.arn.account][self.arn.partition].managed_policies
        boundary = None if bound is None else tuple(_managed(known[arn]) for arn in (bound,) if arn in known)
        return Rights((*inline, *attached, *denied), boundary)


def role_of(arn: str) -> Role | None:
    """The role of an ARN, if there is one."""
    parsed = Arn.parse(arn)
    if parsed is None or parsed.service != "iam":
        return None
    backend: Any = get_backend("iam")[parsed.account][parsed.partition]
    return Role(parsed) if any(role.arn == arn for role in backend.roles.values()) else None


def _managed(policy: Any) -> Policy:
    kind = "aws-managed" if isinstance(policy, AWSManagedPolicy) else "user-managed"
    version = next(item for item in policy.versions if item.version_id == policy.default_version_id)
    return Policy.parse(policy.name, kind, version.document)


def know_managed_policies(data: bytes, account: str, partition: str) -> None:
    """Give moto the policies of AWS that a request names: it has their documents, and loads none by itself."""
    known: Any = get_backend("iam")[account][partition].managed_policies
    for match in _OF_AWS.finditer(unquote_plus(data.decode(errors="replace"))):
        details = _documents().get(match[2])
        if match[0] not in known and details and details["Path"] == match[1]:
            region = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(partition, "us-east-1")
            known[match[0]] = AWSManagedPolicy.from_data(match[2], account, region, details)


@cache
def _documents() -> dict[str, Any]:
    documents: dict[str, Any] = json.loads(aws_managed_policies_data)
    return documents


def managed_arn(name: str, partition: str) -> str:
    """The ARN of a policy of AWS by its name or ARN, or "" when there is none."""
    short = name.rpartition("/")[2]
    details = _documents().get(short)
    arn = f"arn:{partition}:iam::aws:policy{details['Path']}{short}" if details else ""
    return arn if name in (short, arn) else ""
