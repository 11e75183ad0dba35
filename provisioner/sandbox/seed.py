"""What the sandbox holds when it starts, from YAML: functions, buckets, queues, streams, tables, and what is wrong with
them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from provisioner.errors import UsageError
from provisioner.sandbox.services import without_tls
from provisioner.sandbox.stacks import Stack
from provisioner.sandbox.world import Lack, Troubles

REGION = "eu-west-1"
ACCOUNT = "123456789012"
ROLE = "sandbox"
KEY = "sandbox"
"""Access key and secret: neither is checked."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Function(_Part):
    """A function; `versions` are published one after the other, an alias points to the last. Each statement of `policy`
    stands on the version or alias that its Resource names, as an ARN or as `NAME:QUALIFIER`; without one, on the
    function. The first changes of the policies are refused because of another one, as many as `concurrent` says.
    """

    name: str
    aliases: list[str] = []
    versions: int = 0
    role: str = ROLE
    timeout: int = 3
    reserved_concurrency: Annotated[int | None, Field(ge=0)] = None
    policy: list[dict[str, Any]] = []
    concurrent: Annotated[int, Field(ge=0)] = 0

    @field_validator("policy", mode="before")
    @classmethod
    def statements(cls, value: Any) -> Any:
        """The statements of a whole policy too, which may be a text, as GetPolicy answers it."""
        value = json.loads(value) if isinstance(value, str) else value
        return value.get("Statement") if isinstance(value, dict) else value


class Redrive(_Part):
    """Where messages go that were received so often: to a queue of the same account, which must come before."""

    to: str
    receives: int = 5


class Queue(_Part):
    """A queue; a FIFO queue's name ends in `.fifo`. It may be another account's: one without `policy` admits this account.
    `retention` is in seconds, `key` a KMS key's ARN; `takes` are the names of the queues whose messages it takes as a
    dead-letter queue, all without it.
    """

    name: str
    fifo: bool = False
    visibility_timeout: int = 30
    retention: int = 345_600
    redrive: Redrive | None = None
    takes: list[str] | None = None
    key: str = ""
    policy: dict[str, Any] | None = None
    account: str = ACCOUNT


class Consumer(_Part):
    """An enhanced fan-out consumer; `created` is the number at the end of its ARN."""

    name: str
    created: int


class Stream(_Part):
    """A Kinesis stream. It may be another account's. `retention` is in hours, `key` a KMS key's ARN."""

    name: str
    shards: int = 1
    retention: int = 24
    key: str = ""
    consumers: list[Consumer] = []
    account: str = ACCOUNT


class Table(_Part):
    """A table with a stream; `stream_label` is the end of the stream's ARN, which would be its creation instant. It may
    be another account's.
    """

    name: str
    stream_label: str
    view: Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] = "NEW_IMAGE"
    account: str = ACCOUNT


class Bucket(_Part):
    """A bucket, which may be in another region and another account's. `notifications` is its document, which was written
    without a look at the destinations; as many of the first writes are aborted as `aborted` says.
    """

    name: str
    region: str = ""
    owner: str = ACCOUNT
    notifications: str = ""
    aborted: Annotated[int, Field(ge=0)] = 0


class Writer(_Part):
    """Another client, which adds an entry to a bucket's notifications right after they were read for the nth time."""

    bucket: str
    after: Annotated[int, Field(ge=1)]


class Role(_Part):
    """A role with `policies`, documents or names of AWS's own; without them it may do everything. What it `lacks` is
    denied: IAM actions, such as `sqs:ReceiveMessage`, or that it is assumed (`sts:AssumeRole`), for good, or for some
    seconds after it is first needed, as AWS's services learn late of a change.
    """

    name: str
    policies: list[str | dict[str, Any]] | None = None
    lacks: list[str] = []
    seconds: Annotated[float | None, Field(alias="for", strict=False, ge=0)] = None


class Caller(_Part):
    """Who calls: everybody, but for the IAM actions that the caller lacks, such as `lambda:GetFunction`."""

    lacks: list[str] = []


class Key(_Part):
    """A KMS key that cannot decrypt filters: for good, or for some seconds after it is first needed."""

    arn: str
    error: Literal["AccessDeniedException", "DisabledException"] = "AccessDeniedException"
    seconds: Annotated[float | None, Field(alias="for", strict=False, ge=0)] = None


class Source(_Part):
    """A source whose mappings AWS disables by itself, with this StateTransitionReason."""

    arn: str
    disables: str = "EVENT_SOURCE_AUTHN_ERROR"


class Broker(_Part):
    """Which engine an Amazon MQ broker has: ActiveMQ has no virtual hosts. `state` is as AWS has it."""

    arn: str
    engine: Literal["ActiveMQ", "RabbitMQ"]
    state: str = "RUNNING"


class Cluster(_Part):
    """An MSK cluster: its state, the ways in which it lets sign in, and the secrets that are associated with it."""

    arn: str
    state: str = "ACTIVE"
    sign_in: list[Literal["iam", "scram", "tls"]] = ["iam", "scram", "tls"]
    secrets: list[str] = []

    def members(self) -> dict[str, Any]:
        """As DescribeClusterV2 has it."""
        enabled = {way: {"enabled": way in self.sign_in} for way in ("iam", "scram", "tls")}
        ways = {"sasl": {"iam": enabled["iam"], "scram": enabled["scram"]}, "tls": enabled["tls"]}
        return {"state": self.state, "clusterType": "PROVISIONED", "provisioned": {"clientAuthentication": ways}}


class Database(_Part):
    """A cluster of DocumentDB, which may be of another engine, not available, or without TLS."""

    arn: str
    engine: str = "docdb"
    status: str = "available"
    tls: bool = True


class Secret(_Part):
    """A secret, which may be scheduled for deletion."""

    arn: str
    deleted: bool = False


class Topic(_Part):
    """A topic of SNS."""

    name: str


class StackMapping(_Part):
    """A mapping of a stack, by what it connects."""

    function: str
    source: str
    retained: bool = False


class CloudFormationStack(_Part):
    """A stack of CloudFormation that has mappings which somebody makes, by logical id. `retained`: the deployed template keeps
    the mapping when it leaves the stack.
    """

    name: str
    mappings: dict[str, StackMapping]


class Seed(_Part):
    """A seed file: what there is, and what is wrong with it (README, "The sandbox"). `missing` are ARNs of clusters,
    brokers, secrets and keys, which exist otherwise and are sound, because the sandbox has no such services. S3 sees a new
    statement `propagation` seconds after it was added.
    """

    region: str = REGION
    caller: Caller = Caller()
    roles: list[Role] = []
    keys: list[Key] = []
    sources: list[Source] = []
    brokers: list[Broker] = []
    clusters: list[Cluster] = []
    databases: list[Database] = []
    secrets: list[Secret] = []
    topics: list[Topic] = []
    missing: list[str] = []
    functions: list[Function] = []
    queues: list[Queue] = []
    streams: list[Stream] = []
    tables: list[Table] = []
    buckets: list[Bucket] = []
    writers: list[Writer] = []
    stacks: list[CloudFormationStack] = []
    propagation: Annotated[float, Field(strict=False, ge=0)] = 0.0

    def trouble(self, troubles: Troubles) -> None:
        """Put the faults of the seed into `troubles`. A time of a role or key starts when it is first needed."""
        troubles.roles |= {role.name: Lack(frozenset(role.lacks), role.seconds) for role in self.roles}
        troubles.keys |= {key.arn: Lack(frozenset([key.error]), key.seconds) for key in self.keys}
        troubles.failures = {source.arn: source.disables for source in self.sources}
        troubles.missing = frozenset(self.missing)
        troubles.engines = {broker.arn: broker.engine for broker in self.brokers}
        troubles.members = {
            **{broker.arn: {"brokerState": broker.state} for broker in self.brokers},
            **{cluster.arn: cluster.members() for cluster in self.clusters},
            **{item.arn: {"Engine": item.engine, "Status": item.status} for item in self.databases},
            **{secret.arn: {"DeletedDate": 0} for secret in self.secrets if secret.deleted},
        }
        for item in self.databases:
            troubles.members[item.arn] |= {} if item.tls else without_tls()
        troubles.scram = {cluster.arn: cluster.secrets for cluster in self.clusters}
        troubles.propagation = self.propagation
        troubles.concurrent |= {function.name: function.concurrent for function in self.functions}
        troubles.aborted |= {bucket.name: bucket.aborted for bucket in self.buckets}
        troubles.stacks = {
            stack.name: Stack(
                {name: (item.function, item.source) for name, item in stack.mappings.items()},
                frozenset(name for name, item in stack.mappings.items() if item.retained),
            )
            for stack in self.stacks
        }
        for writer in self.writers:
            troubles.writers.setdefault(writer.bucket, []).append(writer.after)


def load(path: str) -> Seed:
    """The seed in a file; an empty file is an empty seed. Raises UsageError with the first mistake."""
    try:
        return Seed.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise UsageError(f"--seed {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:  # RecursionError: nested too deeply
        raise UsageError(f"--seed {path}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"--seed {path}: {place}: {first['msg']}", hint=f"allowed keys: {', '.join(Seed.model_fields)}"
        ) from error
