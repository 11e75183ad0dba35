"""What the control plane asks about the rest of AWS: functions, sources, roles, keys, secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from moto.backends import get_backend

from provisioner.model.references import Arn
from provisioner.sandbox.iam import ASSUME, Policy, Question, may, trusts
from provisioner.sandbox.roles import role_of
from provisioner.sandbox.stacks import Stack


class Bucket(NamedTuple):
    """Where a bucket is, and the account whose it is."""

    owner: str
    region: str


class World(Protocol):
    """What the rules ask about."""

    def has_function(self, name: str, qualifier: str) -> bool:
        """Whether the function, and its version or alias, exist."""

    def alias_revision(self, name: str, alias: str) -> str:
        """The RevisionId of an alias itself, or "" for what is no alias."""

    def bucket(self, name: str) -> Bucket | None:
        """A bucket, in whichever account and region."""

    def has_source(self, arn: Arn) -> bool:
        """Whether the queue, topic, stream, cluster or broker exists."""

    def has_secret(self, arn: str) -> bool:
        """Whether Secrets Manager has the secret."""

    def lacks(self, function: str, action: str, resource: str) -> bool:
        """Whether the function's role may not do something, such as `sqs:ReceiveMessage`, to what an ARN or `*` names."""

    def timeouts(self, function: str, queue: Arn) -> tuple[int, int]:
        """The queue's visibility timeout and the function's timeout, in seconds."""

    def key_error(self, key: str) -> str:
        """`AccessDeniedException` or `DisabledException` when filters cannot be decrypted with the key, or ""."""

    def engine(self, broker: Arn) -> str:
        """`ActiveMQ` or `RabbitMQ`, or "" when it is not known: an ARN does not contain it."""

    def failure(self, source: str) -> str:
        """The StateTransitionReason with which AWS disables every mapping of the source by itself, or ""."""


@dataclass(slots=True)
class Lack:
    """What does not work, and for how many seconds after it is first needed; None is for good.

    Counted from then, and not from the start, so that a slow machine sees the same refusals.
    """

    what: frozenset[str]
    seconds: float | None = None
    since: float | None = None


@dataclass(slots=True)
class Troubles:
    """What is wrong by the seed: roles by name; keys, failing sources, missing things and brokers' engines by ARN.

    S3 sees a statement `propagation` seconds after it was added. `concurrent` says how many changes of a function's
    policy are still refused because of another one, `aborted` how many writes of a bucket's notifications, by name;
    `writers` after which reads of a bucket's notifications another client adds an entry. `stacks` are those of
    CloudFormation, by name. `members` are those
    of answers about secrets, keys, clusters and brokers, by ARN, in AWS's names; `scram` the secrets that are associated with
    a cluster; `caller` the IAM actions that are denied to everybody who calls.
    """

    roles: dict[str, Lack] = field(default_factory=dict)
    keys: dict[str, Lack] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    missing: Collection[str] = frozenset()
    engines: Mapping[str, str] = field(default_factory=dict)
    propagation: float = 0.0
    concurrent: dict[str, int] = field(default_factory=dict)
    aborted: dict[str, int] = field(default_factory=dict)
    writers: dict[str, list[int]] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    scram: dict[str, list[str]] = field(default_factory=dict)
    caller: frozenset[str] = frozenset()
    stacks: dict[str, Stack] = field(default_factory=dict)
    now: Callable[[], float] = time.monotonic

    def of(self, lacks: Mapping[str, Lack], name: str) -> frozenset[str]:
        """What does not work now for a role or key. The first call for it starts its time."""
        lack = lacks.get(name)
        if lack is None:
            return frozenset()
        if lack.since is None:
            lack.since = self.now()
        lasts = lack.seconds is None or self.now() < lack.since + lack.seconds
        return lack.what if lasts else frozenset()

    def lasting(self, role: str) -> frozenset[str]:
        """What a role lacks for good. What ends by itself is IAM's delay, which a simulation does not have."""
        lack = self.roles.get(role)
        return lack.what if lack and lack.seconds is None else frozenset()


def take_one(counts: dict[str, int], name: str) -> bool:
    """Whether one of a name's refusals was left, and is taken."""
    left = counts.get(name, 0)
    counts[name] = left - 1
    return left > 0


class MotoWorld:
    """Functions and sources as moto has them, in one account and region, with the faults that the seed lists."""

    def __init__(self, account: str, region: str, troubles: Troubles) -> None:
        self._account = account
        self._region = region
        self._troubles = troubles

    def has_function(self, name: str, qualifier: str) -> bool:
        """Whether moto has the function, and its version or alias. Versions and aliases are asked for separately,
        because moto loses aliases when asked for both at once.
        """
        backend = get_backend("lambda")[self._account][self._region]
        versions = {str(function.version) for function in backend.list_versions_by_function(name)}
        # A function always has the version $LATEST, so none means no function.
        if not versions or qualifier in ("", "$LATEST"):
            return bool(versions)
        return qualifier in versions | {alias.name for alias in backend.list_aliases(name)}

    def alias_revision(self, name: str, alias: str) -> str:
        """As moto has it."""
        aliases = get_backend("lambda")[self._account][self._region].list_aliases(name)
        return next((str(known.revision_id) for known in aliases if known.name == alias), "")

    def bucket(self, name: str) -> Bucket | None:
        """As moto has it: a bucket's name is the only one of its partition."""
        backends: Any = get_backend("s3")
        if name not in backends.bucket_accounts:
            return None
        partition, owner = backends.bucket_accounts[name]
        return Bucket(owner, backends[owner][partition].buckets[name].region_name)

    def has_source(self, arn: Arn) -> bool:
        """Whether moto has the queue, topic, stream or table. Clusters and brokers exist unless the seed lists them as
        missing.
        """
        match arn.service:
            case "sqs":
                return arn.resource in get_backend("sqs")[arn.account][arn.region].queues
            case "sns":
                return str(arn) in get_backend("sns")[arn.account][arn.region].topics
            case "kinesis":
                return self._has_stream(arn)
            case "dynamodb":
                return self._has_table_stream(arn)
        return str(arn) not in self._troubles.missing

    def _has_stream(self, arn: Arn) -> bool:
        name, _, consumer = arn.resource.removeprefix("stream/").partition("/consumer/")
        stream = get_backend("kinesis")[arn.account][arn.region].streams.get(name)
        if stream is None or not consumer:
            return stream is not None
        # The end of the ARN is a number that the seeder sets; moto's own ARN has none.
        return any(known.consumer_arn.endswith(f"/consumer/{consumer}") for known in stream.consumers)

    def _has_table_stream(self, arn: Arn) -> bool:
        name, _, label = arn.resource.removeprefix("table/").partition("/stream/")
        table = get_backend("dynamodb")[arn.account][arn.region].tables.get(name)
        # A table that was made again has another label: the ARN of its old stream leads nowhere, as in AWS.
        return table is not None and table.latest_stream_label == label

    def has_secret(self, arn: str) -> bool:
        """Secrets exist unless the seed lists them as missing."""
        return arn not in self._troubles.missing

    def lacks(self, function: str, action: str, resource: str) -> bool:
        """By the role's policies, the queue's, and the seed's `roles`. The function must exist."""
        role = role_of(get_backend("lambda")[self._account][self._region].get_function(function).role)
        if role is None:
            return True
        lacks = self._troubles.of(self._troubles.roles, role.name)
        if action == ASSUME:
            return action in lacks or not trusts([role.trust], "lambda.amazonaws.com", {})
        arn = Arn.parse(resource)
        # A bucket's ARN has no account: it is taken for the role's.
        owner = (arn.account if arn else "") or self._account
        context = {
            "aws:principalarn": [str(role.arn)],
            "aws:principalaccount": [role.arn.account],
            "aws:requestedregion": [self._region],
            "aws:resourceaccount": [owner],
            "s3:resourceaccount": [owner],
            "aws:securetransport": ["true"],
        }
        policies: tuple[Policy, ...] = ()
        if arn and arn.service == "sqs":
            queue: Any = get_backend("sqs")[arn.account][arn.region].queues.get(arn.resource)
            policies = (Policy.parse("queue", "resource", queue.policy),) if queue and queue.policy else ()
        elif arn:
            owner = role.arn.account  # policies of other resources are not looked at
        return not may(role.rights(lacks), role.arn, Question(action, resource, context), policies, owner)

    def timeouts(self, function: str, queue: Arn) -> tuple[int, int]:
        """As moto has them. Queue and function must exist."""
        known: Any = get_backend("sqs")[queue.account][queue.region].queues[queue.resource]
        return known.visibility_timeout, int(
            get_backend("lambda")[self._account][self._region].get_function(function).timeout
        )

    def key_error(self, key: str) -> str:
        """By the seed's `keys`."""
        return next(iter(self._troubles.of(self._troubles.keys, key)), "")

    def failure(self, source: str) -> str:
        """By the seed's `sources`."""
        return self._troubles.failures.get(source, "")

    def engine(self, broker: Arn) -> str:
        """By the seed's `brokers`."""
        return self._troubles.engines.get(str(broker), "")
