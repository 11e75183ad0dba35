"""The policies of functions: statements are read, added and removed one by one, and never a whole policy is written
(docs/aws/push.md#function-policies).

Calls for one policy are made one after the other: of simultaneous changes AWS has lost some. Each change looks at the
policy first and compares, so that an answer that was lost costs nothing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.aws.errors import statement_exists
from provisioner.aws.gateway import Config
from provisioner.aws.requests import Notify
from provisioner.aws.session import Aws
from provisioner.errors import (
    AwsError,
    ConflictError,
    LostAnswerError,
    NotFoundError,
    PreconditionError,
    ServiceError,
)
from provisioner.kinds.policies import Policy, as_stored, content_of
from provisioner.kinds.policy_evaluation import INVOKE
from provisioner.kinds.statements import MEMBERS
from provisioner.model.references import FunctionReference
from provisioner.model.state import Statement

_ATTEMPTS: Final = 5
"""How often a change is decided anew because somebody else has changed the policy since it was read."""
_MEMBER: Final = {"principal": "Principal", "source_arn": "SourceArn", "source_account": "SourceAccount"}


@dataclass(slots=True)
class _Held:
    """What is known of one policy. `policy` is None before the first read; it `is_fresh` when it was read after the last
    change of ours, so that its revision is the policy's.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    policy: Policy | None = None
    is_fresh: bool = False
    is_written: bool = False


class Policies:
    """The policies of all functions of one session, in all regions. A function is given as NAME or NAME:QUALIFIER. Safe
    to share between threads.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._lock = threading.Lock()
        self._all: dict[tuple[str, str], _Held] = {}

    def read(self, function: str, region: str) -> Policy:
        """The policy, empty where there is none or no function. Read once, and again after a change of ours. Raises
        AwsError.
        """
        held = self._held(function, region)
        with held.lock:
            if held.policy is None or not held.is_fresh:
                return self._fetch(held, function, region)
            return held.policy

    def forget(self) -> None:
        """Read every policy anew when it is needed next: time has passed since."""
        with self._lock:
            for held in self._all.values():
                held.is_fresh = False

    def add(self, statement: Statement, notify: Notify) -> None:
        """Add a statement; one that is there and says the same is a success, without a call.

        Raises ConflictError when another statement has its id, NotFoundError when the function, version or alias does
        not exist, LostAnswerError or ServiceError when AWS may have acted, or another AwsError.
        """
        held = self._held(statement.function, statement.region)
        with held.lock:
            if held.policy is None:
                self._fetch(held, statement.function, statement.region)
            self._add(held, statement, notify)

    def remove(self, statement: Statement, notify: Notify) -> None:
        """Remove a statement that says what is recorded of it; one that is gone is a success. The policy is read first.

        Raises ConflictError when the statement says something else, PreconditionError when others change the policy all
        the time, or another AwsError.
        """
        held = self._held(statement.function, statement.region)
        with held.lock:
            for attempt in range(1, _ATTEMPTS + 1):
                policy = self._fetch(held, statement.function, statement.region)
                if not _stands(policy, statement):
                    return
                gateway = self._aws.gateway(statement.region)
                try:
                    gateway.remove_permission(statement.function, statement.id, policy.revision, notify)
                except PreconditionError:
                    if attempt == _ATTEMPTS:
                        raise
                    continue
                except NotFoundError:
                    pass  # somebody else has removed it, or an earlier attempt whose answer was lost
                finally:
                    held.is_fresh = False
                held.policy = policy.without(statement.id)
                return

    def verify(self, statements: Iterable[Statement], notify: Notify) -> None:
        """Read each policy once, and add once more what is missing in it although it was added.

        Raises ConflictError for a statement that is missing even then, or that says something else, and what `add` raises.
        """
        groups: defaultdict[tuple[str, str], list[Statement]] = defaultdict(list)
        for statement in statements:
            groups[statement.function, statement.region].append(statement)
        for (function, region), group in groups.items():
            held = self._held(function, region)
            with held.lock:
                policy = self._fetch(held, function, region)
                lost = [statement for statement in group if not _stands(policy, statement)]
                for statement in lost:
                    self._add(held, statement, notify)
                policy = self._fetch(held, function, region) if lost else policy
                for statement in lost:
                    if not _stands(policy, statement):
                        raise ConflictError(
                            f"{_named(statement)} is missing although AWS accepted it twice",
                            hint="apply again when no other program changes this policy",
                        )

    def written(self, function: str, region: str) -> bool:
        """Whether a statement was added to the policy in this run, which other services may see only seconds later."""
        return self._held(function, region).is_written

    def _held(self, function: str, region: str) -> _Held:
        with self._lock:
            return self._all.setdefault((function, region), _Held())

    def _fetch(self, held: _Held, function: str, region: str) -> Policy:
        held.policy = self._aws.gateway(region).policy(function)
        held.is_fresh = True
        return held.policy

    def _add(self, held: _Held, statement: Statement, notify: Notify) -> None:
        """As `add`, with the lock held and a policy that was read, now or before changes of ours."""
        policy = held.policy or Policy()
        request: Config = {"FunctionName": statement.function, "StatementId": statement.id, "Action": INVOKE}
        request |= {_MEMBER[name]: value for name, value in content_of(statement).items()}
        for attempt in range(1, _ATTEMPTS + 1):
            if _stands(policy, statement):
                return
            condition = {"RevisionId": policy.revision} if held.is_fresh and policy.revision else {}
            try:
                self._aws.gateway(statement.region).add_permission({**request, **condition}, notify)
            except NotFoundError as error:
                raise _absent(error, statement) from error
            except (ConflictError, PreconditionError, LostAnswerError, ServiceError) as error:
                policy = self._look(held, statement, error)
                if _stands(policy, statement):
                    held.is_written = True  # by the attempt whose answer was lost, for all that is known
                    return
                is_decided_anew = statement_exists(error) or isinstance(error, PreconditionError)
                if not is_decided_anew or attempt == _ATTEMPTS:
                    raise
            except AwsError:
                held.policy = None  # the answer to an earlier attempt may have been lost: whoever asks must look
                raise
            else:
                held.policy = policy.with_statement(as_stored(statement, self._aws.account))
                held.is_fresh, held.is_written = False, True
                return

    def _look(self, held: _Held, statement: Statement, refusal: AwsError) -> Policy:
        """The policy after an attempt that did not succeed. Raises the refusal when it cannot be read: its class says
        whether AWS may have acted.
        """
        held.is_fresh = False
        try:
            return self._fetch(held, statement.function, statement.region)
        except AwsError:
            raise refusal from None


def _stands(policy: Policy, statement: Statement) -> bool:
    """Whether a policy has a statement. Raises ConflictError when the one with its id says something else."""
    wanted, found = content_of(statement), policy.content_of(statement.id)
    if found is not None and found != wanted:
        raise ConflictError(
            f"{_named(statement)} was changed or made outside provisioner: it says {_shown(found)}, and not "
            f"{_shown(wanted)}",
            hint=f"if nobody needs it, remove it with `aws lambda remove-permission --function-name {statement.function} "
            f"--statement-id {statement.id} --region {statement.region}` and apply again; else name another one by "
            "`permission: {statement_id: ...}`",
        )
    return found is not None


def _named(statement: Statement) -> str:
    return f"statement {statement.id} in the policy of {statement.function} in {statement.region}"


def _shown(content: Mapping[str, Any]) -> str:
    """What a statement says, in the words of the manifest."""
    members = (f"{name} {content[name]}" for name in MEMBERS if content.get(name))
    return ", ".join(members) or "what no `permission` can state"


def _absent(error: AwsError, statement: Statement) -> NotFoundError:
    """The error for a function, version or alias that does not exist. AWS's words end with the ARN of what is missing."""
    reference = FunctionReference.parse(error.words.rpartition(" ")[2])
    name, qualifier = (reference.name, reference.qualifier) if reference else (statement.function, "")
    which = f"{'version' if qualifier.isdecimal() else 'alias'} {qualifier} of the " if qualifier else "the "
    return NotFoundError(
        f"adding {_named(statement)}: {which}function {name} does not exist",
        hint="create it first, or fix function_name",
        code=error.code,
        request_id=error.request_id,
        words=error.words,
    )
