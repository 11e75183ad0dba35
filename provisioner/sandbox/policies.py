"""The resource-based policies of functions: one for the function itself, and one for each version and alias
(docs/aws/push.md#function-policies).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.model.references import Arn, FunctionReference, partition_of
from provisioner.sandbox.answers import Refusal, conflict, invalid
from provisioner.sandbox.shapes import check_constraints, taken
from provisioner.sandbox.statements import (
    Invocation,
    Statement,
    admit,
    as_get_policy,
    compact,
    read_policy,
    statement_of,
)
from provisioner.sandbox.world import Troubles, World, take_one

Members = dict[str, Any]

LIMIT: Final = 20480
LATEST: Final = "$LATEST"

_HEAD: Final[Members] = {"Version": "2012-10-17", "Id": "default"}
_OTHER_REVISION: Final = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest"
    " Revision Id"
)
_OTHER_POLICY_REVISION: Final = (
    "The value of RevisionId provided doesn't match the policy's latest revision ID. Use the GetResourcePolicy API action"
    " to retrieve the current revision ID and try again."
)


@dataclass(frozen=True, slots=True)
class _Kept:
    statement: Statement
    seen: float  # from when on S3 sees it


@dataclass(frozen=True, slots=True)
class _Policy:
    head: Members  # Version and Id
    kept: tuple[_Kept, ...]
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def statements(self) -> list[Statement]:
        return [item.statement for item in self.kept]


class Policies:
    """All policies of one account and region. Not safe to share between threads: the control plane locks."""

    def __init__(self, account: str, region: str, world: World, troubles: Troubles, now: Callable[[], float]) -> None:
        self._account = account
        self._region = region
        self._partition = partition_of(region)
        self._world = world
        self._troubles = troubles
        self._now = now
        self._all: dict[tuple[str, str], _Policy] = {}  # by function and qualifier

    # --- statement by statement ---------------------------------------------------------------------------------------

    def add(self, function: str, query: Mapping[str, str], body: Any) -> Members:
        """AddPermission: the new statement, as JSON. Raises Refusal, in the order of docs/aws/push.md#refusals-of-policies."""
        asked = taken("AddPermission", body)
        asked.pop("Qualifier", None)  # it is in the query
        asked |= {"FunctionName": function, **_only(query, "Qualifier")}
        name, qualifier, in_name = self._named("AddPermission", asked)
        if qualifier == LATEST:
            raise invalid("We currently do not support adding policies for $LATEST.")
        if not self._has(function, name):
            raise _absent(f"Function not found: {self._arn(name)}")
        self._check_qualifier(name, qualifier, in_name=in_name)
        statement = statement_of(asked, self._arn(name, qualifier), self._partition)
        policy = self._all.get((name, qualifier))
        if policy and any(item.get("Sid") == statement["Sid"] for item in policy.statements):
            raise conflict(
                f"The statement id ({statement['Sid']}) provided already exists. Please provide a new statement id,"
                " or remove the existing statement."
            )
        current = policy.revision if policy else self._world.alias_revision(name, qualifier)
        if asked.get("RevisionId", current) != current:
            raise _stale(_OTHER_REVISION)
        kept = (*(policy.kept if policy else ()), self._new(statement))
        self._keep(name, qualifier, _Policy(policy.head if policy else _HEAD, kept))
        return {"Statement": compact(statement)}

    def remove(self, function: str, sid: str, query: Mapping[str, str]) -> None:
        """RemovePermission. Raises Refusal; what does not exist comes before the revision."""
        asked = {"FunctionName": function, "StatementId": sid, **_only(query, "Qualifier", "RevisionId")}
        name, qualifier, _ = self._named("RemovePermission", asked)
        if not self._has(function, name):
            raise _absent(f"No policy found for: {self._arn(name)}")
        self._check_qualifier(name, qualifier, in_name=True)
        policy = self._all.get((name, qualifier))
        if policy is None:
            raise _absent("No policy is associated with the given resource.")
        found = next((item for item in policy.statements if item.get("Sid") == sid), None)
        if found is None:
            raise _absent(f"Statement {sid} is not found in resource policy.")
        if asked.get("RevisionId", policy.revision) != policy.revision:
            raise _stale(_OTHER_REVISION)
        if isinstance(found.get("Principal"), dict) and found["Principal"].keys() == {"Federated"}:
            raise Refusal(500, "ServiceException", "An error occurred and the request cannot be processed.")
        kept = tuple(item for item in policy.kept if item.statement is not found)
        self._keep(name, qualifier, _Policy(policy.head, kept))

    def get(self, function: str, query: Mapping[str, str]) -> Members:
        """GetPolicy. Raises Refusal, in one text for no function, no version and no policy."""
        name, qualifier, _ = self._named("GetPolicy", {"FunctionName": function, **_only(query, "Qualifier")})
        policy = self._find(function, name, qualifier)
        return self._shown(policy, [as_get_policy(item, self._partition) for item in policy.statements])

    # --- the whole policy ---------------------------------------------------------------------------------------------

    def put(self, arn: str, body: Any) -> Members:
        """PutResourcePolicy: the policy, which replaces whatever stood there. Raises Refusal."""
        asked = {**taken("PutResourcePolicy", body), "ResourceArn": arn}
        check_constraints("PutResourcePolicy", asked)
        name, qualifier = _parsed(arn)
        if not self._has(arn, name) or not self._world.has_function(name, qualifier):
            raise _absent(f"Function not found: {arn}")
        head, statements = read_policy(asked["Policy"], arn)
        before = self._all.get((name, qualifier))
        if asked.get("RevisionId") and (before is None or asked["RevisionId"] != before.revision):
            raise _stale(_OTHER_POLICY_REVISION)
        old = {compact(item.statement): item for item in (before.kept if before else ())}
        kept = tuple(old.get(compact(item)) or self._new(item) for item in statements)
        self._keep(name, qualifier, _Policy(head, kept))
        return self.show(arn)

    def show(self, arn: str) -> Members:
        """GetResourcePolicy. Raises Refusal where there is none."""
        check_constraints("GetResourcePolicy", {"ResourceArn": arn})
        policy = self._find(arn, *_parsed(arn))
        return self._shown(policy, policy.statements)

    def delete(self, arn: str, query: Mapping[str, str]) -> None:
        """DeleteResourcePolicy; that there is no policy, or no function, is fine. Raises Refusal."""
        asked = {"ResourceArn": arn, **_only(query, "RevisionId")}
        check_constraints("DeleteResourcePolicy", asked)
        name, qualifier = _parsed(arn)
        policy = self._all.get((name, qualifier))
        if policy is None or not self._has(arn, name):
            return
        if asked.get("RevisionId", policy.revision) != policy.revision:
            raise _stale(_OTHER_POLICY_REVISION)
        self._keep(name, qualifier, _Policy(policy.head, ()))

    # --- what others ask ----------------------------------------------------------------------------------------------

    def admits(self, name: str, qualifier: str, invocation: Invocation) -> bool:
        """Whether the function exists, and what its policy says as far as it can be seen elsewhere by now."""
        policy = self._all.get((name, qualifier))
        if policy is None or not self._world.has_function(name, qualifier):
            return False
        return admit((item.statement for item in policy.kept if item.seen <= self._now()), invocation)

    def drop_orphans(self) -> None:
        """Forget the policies of what does not exist any more."""
        self._all = {key: policy for key, policy in self._all.items() if self._world.has_function(*key)}

    # --- parts --------------------------------------------------------------------------------------------------------

    def _named(self, operation: str, asked: Members) -> tuple[str, str, bool]:
        """Function and qualifier of a request, and whether the qualifier is part of the function's name."""
        check_constraints(operation, asked)
        reference = FunctionReference.parse(asked["FunctionName"])
        assert reference is not None, "the model's pattern is ours"
        qualifier = asked.get("Qualifier", "")
        if reference.qualifier and qualifier and reference.qualifier != qualifier:
            raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
        return reference.name, reference.qualifier or qualifier, bool(reference.qualifier)

    def _has(self, reference: str, name: str) -> bool:
        """Whether the function exists here: an ARN may be another account's or region's."""
        parsed = FunctionReference.parse(reference)
        here = parsed and parsed.account in ("", self._account) and parsed.region in ("", self._region)
        return bool(here) and self._world.has_function(name, "")

    def _check_qualifier(self, name: str, qualifier: str, *, in_name: bool) -> None:
        if self._world.has_function(name, qualifier):
            return
        arn = self._arn(name, qualifier)
        is_alias = not qualifier.isdecimal() and "$" not in qualifier
        raise _absent(f"Cannot find alias arn: {arn}" if in_name and is_alias else f"Function not found: {arn}")

    def _find(self, reference: str, name: str, qualifier: str) -> _Policy:
        policy = self._all.get((name, qualifier))
        if policy is None or not self._has(reference, name) or not self._world.has_function(name, qualifier):
            raise _absent("The resource you requested does not exist.")
        return policy

    def _keep(self, name: str, qualifier: str, policy: _Policy) -> None:
        """Write a policy; one without statements is none. Raises Refusal for one that is too large, and for a change
        that meets another one.
        """
        size = len(compact({**policy.head, "Statement": policy.statements}))
        if size > LIMIT:
            message = f"The final policy size ({size}) is bigger than the limit ({LIMIT})."
            raise Refusal(400, "PolicyLengthExceededException", message)
        if take_one(self._troubles.concurrent, name):
            raise conflict("The function could not be updated due to a concurrent update operation.")
        self._all.pop((name, qualifier), None)
        if policy.kept:
            self._all[name, qualifier] = policy

    def _new(self, statement: Statement) -> _Kept:
        return _Kept(statement, self._now() + self._troubles.propagation)

    def _shown(self, policy: _Policy, statements: list[Statement]) -> Members:
        return {"Policy": compact({**policy.head, "Statement": statements}), "RevisionId": policy.revision}

    def _arn(self, name: str, qualifier: str = "") -> str:
        arn = Arn(self._partition, "lambda", self._region, self._account, f"function:{name}")
        return f"{arn}:{qualifier}" if qualifier else str(arn)


def _only(query: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: query[name] for name in names if name in query}


def _parsed(arn: str) -> tuple[str, str]:
    """Function and qualifier of an ARN; that of a runtime is of no function."""
    reference = FunctionReference.parse(arn)
    return (reference.name, reference.qualifier) if reference else ("", "")


def _absent(message: str) -> Refusal:
    return Refusal(404, "ResourceNotFoundException", message, key="Message")


def _stale(message: str) -> Refusal:
    return Refusal(412, "PreconditionFailedException", message)
