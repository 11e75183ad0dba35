"""The policies that the caller of provisioner needs for a manifest (docs/aws/permissions.md#the-caller)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provisioner.kinds.permissions import ANY, destination_of, secrets_of, stream_of
from provisioner.kinds.statements import NONE
from provisioner.model.desired import Desired
from provisioner.model.manifest import Manifest
from provisioner.model.references import Arn, FunctionReference, partition_of
from provisioner.model.sources import IN_NETWORKS, PUSH, QUEUES, SourceKind
from provisioner.planning.iam_policies import Allow, fitted
from provisioner.planning.role_policies import Policies, function_of


class Purpose(StrEnum):
    """What the caller runs: `plan`, with `drift` and `status`; `apply`, with `destroy`; or the checks of a plan, whose policy
    is an addition to that of `plan` or `apply`.
    """

    PLAN = "plan"
    APPLY = "apply"
    CHECKS = "checks"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command may ask about: `what` it is, as the tables below name it, and its ARN."""

    what: str
    arn: str


Questions = Mapping[str, tuple[str, tuple[str, ...]]]
"""By what is asked about, the Sid of the statement, and the actions on each ARN."""

PRESENCE: Final[Questions] = {
    "function": ("SeeFunctions", ("lambda:GetFunctionConfiguration",)),
    "queue": ("SeeQueues", ("sqs:GetQueueAttributes",)),
    "stream": ("SeeStreams", ("kinesis:DescribeStreamSummary",)),
    "consumer": ("SeeConsumers", ("kinesis:DescribeStreamConsumer",)),
    "table stream": ("SeeTableStreams", ("dynamodb:DescribeStream",)),
}
"""What `drift` and `status` ask (`checks/presence.py`)."""

CHECKS: Final[Questions] = {
    "function": ("CheckFunctions", ("lambda:GetFunction",)),
    "role": ("CheckRoles", ("iam:GetRole", "iam:SimulatePrincipalPolicy")),
    "queue": ("CheckQueues", ("sqs:GetQueueAttributes",)),
    "stream": ("CheckStreams", ("kinesis:DescribeStreamSummary",)),
    "consumer": ("CheckConsumers", ("kinesis:DescribeStreamConsumer",)),
    "table stream": ("CheckTableStreams", ("dynamodb:DescribeStream",)),
    "table": ("CheckTables", ("dynamodb:DescribeTable",)),
    "cluster": ("CheckClusters", ("kafka:DescribeClusterV2", "kafka:ListScramSecrets")),
    "broker": ("CheckBrokers", ("mq:DescribeBroker",)),
    "database": ("CheckDatabases", ("rds:DescribeDBClusters",)),
    "parameter group": ("CheckParameterGroups", ("rds:DescribeDBClusterParameters",)),
    "network": (
        "CheckNetworks",
        ("ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints"),
    ),
    "secret": ("CheckSecrets", ("secretsmanager:DescribeSecret",)),
    "topic": ("CheckTopics", ("sns:GetTopicAttributes",)),
    "bucket": ("CheckBuckets", ("s3:ListBucket",)),
    "key": ("CheckKeys", ("kms:DescribeKey",)),
}
"""What the checks ask (`checks/table.py`)."""

_NAMES: Final = {
    "sqs": "queue", "mq": "broker", "rds": "database", "sns": "topic", "s3": "bucket", "secretsmanager": "secret",
}  # fmt: skip
"""What an ARN names, by its service, where that has only one kind of source or destination."""


def caller_policies(manifest: Manifest, names: frozenset[str], purpose: Purpose) -> Policies:
    """What the caller needs for the mappings with these names, or for all where there is none. The mappings have their
    region.

    Raises UsageError where an account or a region is not known.
    """
    chosen = [wanted for name, wanted in sorted(manifest.mappings.items()) if not names or name in names]
    policies, folds = fitted(f"provisioner-{purpose}", _allows(manifest, chosen, purpose))
    role = manifest.provider.assume_role
    notes = [f"the policy is for {role.role_arn}; its caller needs sts:AssumeRole on it"] if role else []
    if purpose is Purpose.CHECKS:
        notes.append("this is what the checks ask beside what `--for plan` or `--for apply` allows")
        if any(wanted.kind in QUEUES for wanted in chosen):
            notes.append(
                "dead-letter queues are not in the manifest: to check them, allow sqs:GetQueueAttributes on them too"
            )
    else:
        notes.append(
            "a mapping that only the state has is not in the policy: to delete it, allow its function, or its bucket, too"
        )
    return Policies(tuple(policies), {policies[0].name: tuple(folds)}, tuple(notes))


def _allows(manifest: Manifest, chosen: Iterable[Desired], purpose: Purpose) -> Iterator[Allow]:
    lambdas = [_Target.of(wanted, manifest) for wanted in chosen if wanted.kind not in PUSH]
    pushes = [_Target.of(wanted, manifest) for wanted in chosen if wanted.kind in PUSH]
    both = [*lambdas, *pushes]
    if purpose is Purpose.CHECKS:
        subjects = (subject for target in both for subject in (*_subjects(target), *_beside(target)))
        yield from _asked(CHECKS, subjects)
        return
    if lambdas:
        yield Allow("ListMappings", ("lambda:ListEventSourceMappings",), (ANY,))
    if lambdas or purpose is Purpose.PLAN:  # `drift` and `status` look for orphans in any case
        yield Allow("ReadTags", ("tag:GetResources",), (ANY,))
    for target in lambdas:
        yield Allow("ReadMappings", ("lambda:GetEventSourceMapping", "lambda:ListTags"), (target.mappings,))
    for target in pushes:
        yield Allow("ReadNotifications", ("s3:GetBucketNotification",), (target.source,))
        yield Allow("ReadFunctionPolicies", ("lambda:GetPolicy",), (target.function,))
    if purpose is Purpose.PLAN:
        yield Allow("DecryptFilters", ("kms:Decrypt",), tuple(key for target in lambdas for key in target.keys))
        yield from _asked(PRESENCE, (subject for target in both for subject in _subjects(target)))
    else:
        yield from _changes(manifest, lambdas)
        for target in pushes:
            yield from _push_changes(target)
    yield from _state(manifest, purpose)


@dataclass(frozen=True, slots=True)
class _Target:
    """What the calls about one mapping are about, as ARNs: its function with qualifier, and the same without; its source, or
    ""; all event source mappings of its region; and the keys of its filters.
    """

    wanted: Desired
    function: str
    unqualified: str
    source: str
    mappings: str
    keys: tuple[str, ...]

    @staticmethod
    def of(wanted: Desired, manifest: Manifest) -> _Target:
        """The target of a mapping. Raises UsageError where its account or region is not known."""
        function = function_of(wanted, manifest)
        reference = FunctionReference.parse(wanted.mapping.get("function_name"))
        arn = Arn(partition_of(function.region), "lambda", function.region, function.account, "")
        key = wanted.mapping.get("kms_key_arn")
        return _Target(
            wanted,
            function=str(arn._replace(resource=f"function:{reference.canonical if reference else ''}")),
            unqualified=str(arn._replace(resource=f"function:{function.name}")),
            source=wanted.mapping.get("event_source_arn") or "",
            mappings=str(arn._replace(resource="event-source-mapping:*")),
            keys=(key,) if key else (),
        )


def _changes(manifest: Manifest, targets: list[_Target]) -> Iterator[Allow]:
    verbs = ("CreateEventSourceMapping", "DeleteEventSourceMapping", "UpdateEventSourceMapping")
    # Whether AWS compares the function with its qualifier is not documented: both are admitted.
    functions = {arn for target in targets for arn in (target.function, target.unqualified)}
    if functions:
        condition = ("StringLike", "lambda:FunctionArn")
        actions = tuple(f"lambda:{verb}" for verb in verbs)
        yield Allow("ChangeMappings", actions, (ANY,), condition, tuple(functions))
    for target in targets:
        if manifest.provider.tags_ownership(target.wanted.region) or target.wanted.mapping.get("tags"):
            yield Allow("TagMappings", ("lambda:TagResource", "lambda:UntagResource"), (target.mappings,))
        yield Allow("EncryptFilters", ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"), target.keys)
        if ":vpc-connection/" in target.source:
            yield Allow("ListConnections", ("kafka:ListVpcConnections",), (ANY,))


def _push_changes(target: _Target) -> Iterator[Allow]:
    yield Allow("ChangeNotifications", ("s3:PutBucketNotification",), (target.source,))
    permission = target.wanted.mapping.get("permission")
    if permission == NONE:
        return
    principal = (permission or {}).get("principal") or "s3.amazonaws.com"
    condition = ("StringEquals", "lambda:Principal")
    yield Allow("LetSourcesInvoke", ("lambda:AddPermission",), (target.function,), condition, (principal,))
    yield Allow("WithdrawPermissions", ("lambda:RemovePermission",), (target.function,))


def _state(manifest: Manifest, purpose: Purpose) -> Iterator[Allow]:
    """A state in S3, and its lock. Without s3:ListBucket, S3 reports a missing object as denied."""
    where = manifest.state_s3
    if where is None:
        return
    region = where.region or next((item.region for item in manifest.mappings.values()), "")
    bucket = f"arn:{partition_of(region)}:s3:::{where.bucket}"
    state, lock = f"{bucket}/{where.key}", f"{bucket}/{where.key}.lock"
    yield Allow("SeeWhetherStateExists", ("s3:ListBucket",), (bucket,))
    if purpose is Purpose.PLAN:
        yield Allow("ReadState", ("s3:GetObject",), (state, lock))
    else:
        yield Allow("WriteState", ("s3:GetObject", "s3:PutObject"), (state,))
        yield Allow("HoldLock", ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"), (lock,))


def _asked(questions: Questions, subjects: Iterable[Subject]) -> Iterator[Allow]:
    for subject in subjects:
        if subject.what in questions:
            sid, actions = questions[subject.what]
            yield Allow(sid, actions, (subject.arn,))


def _subjects(target: _Target) -> Iterator[Subject]:
    """The function and the source of a mapping."""
    yield Subject("function", target.function)
    source = Arn.parse(target.source)
    match target.wanted.kind:
        case SourceKind.KINESIS:
            yield Subject("consumer" if "/consumer/" in target.source else "stream", target.source)
        case SourceKind.DYNAMODB:
            yield Subject("table stream", target.source)
        case SourceKind.MSK:
            yield Subject("connection" if ":vpc-connection/" in target.source else "cluster", target.source)
        case _ if source and source.service in _NAMES:
            yield Subject(_NAMES[source.service], target.source)


def _beside(target: _Target) -> Iterator[Subject]:
    """What stands behind function and source: the role, whose name the manifest does not say, the stream of a consumer, the
    table of a stream, the secrets, the destination and the key of the filters.
    """
    function, source = Arn.parse(target.function), Arn.parse(target.source)
    if function and target.wanted.kind not in PUSH:
        yield Subject("role", f"arn:{function.partition}:iam::{function.account}:role/*")
    if source and "/consumer/" in source.resource:
        yield Subject("stream", str(stream_of(source)))
    if source and target.wanted.kind is SourceKind.DOCUMENTDB:
        # Only the cluster says which group it has.
        yield Subject("parameter group", str(source._replace(resource="cluster-pg:*")))
    if target.wanted.kind in IN_NETWORKS:
        yield Subject("network", ANY)
    if source and source.service == "dynamodb":
        yield Subject("table", str(source._replace(resource=source.resource.partition("/stream/")[0])))
    beside = [*secrets_of(target.wanted.mapping), destination_of(target.wanted.mapping)]
    for arn in filter(None, map(Arn.parse, beside)):
        if arn.service in _NAMES:
            yield Subject(_NAMES[arn.service], str(arn))
    yield from (Subject("key", key) for key in target.keys)
