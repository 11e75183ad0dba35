"""Reads every mapping that exists, whoever made it: those of a region by List, those of buckets by their notifications
(docs/discover.md#calls).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from provisioner.aws.bucket_reading import lives_of
from provisioner.aws.convert import arn_of, live_mapping
from provisioner.aws.errors import require_member
from provisioner.aws.gateway import PAGE, Config, Gateway
from provisioner.aws.pages import items_of
from provisioner.aws.policies import Policies
from provisioner.aws.refresh import parallel
from provisioner.aws.session import Aws
from provisioner.errors import AccountError, AwsError, ElsewhereError, NotFoundError, ServiceError
from provisioner.foreign_text import one_line
from provisioner.kinds import invocation_of
from provisioner.kinds.policies import taken_over
from provisioner.kinds.policy_evaluation import matches_arn
from provisioner.kinds.s3_kind import BUCKET_NOTIFICATION, PRINCIPAL
from provisioner.model.canonical import Canonical
from provisioner.model.key import LAMBDA, S3
from provisioner.model.live import ACTIVE, BROKEN, Live, Status
from provisioner.model.provider import Provider, takes_tags
from provisioner.model.references import Arn, FunctionReference, partition_of

MANY: Final = 500
"""Calls that are made only after a question."""
_WILDCARDS: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Seen:
    """A mapping that exists, with all its tags. `note` is what an import would say of its permission."""

    live: Live
    tags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read: all mappings of a kind in a region, or a part of them that the message names."""

    kind: str
    region: str
    message: str


@dataclass(slots=True)
class Listed:
    """What was read. `complete` is False where mappings may be missing in it."""

    seen: list[Seen] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which mappings are asked for: globs of functions and sources, and whether to go on before many calls."""

    functions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    proceed: Callable[[int], bool] = lambda _calls: True

    def takes(self, mapping: Canonical) -> bool:
        """Whether function and source of a mapping match the globs: the function with or without its qualifier, the source
        by its ARN, its brokers or its own name.
        """
        reference = FunctionReference.parse(mapping.get("function_name"))
        functions = {mapping.get("function_name", ""), reference.name if reference else ""}
        return _matches(self.functions, functions) and _matches(self.sources, sources_of(mapping))


def sources_of(mapping: Canonical) -> set[str]:
    """The texts by which a source can be asked for."""
    endpoints = mapping.get("self_managed_event_source", {}).get("endpoints", {})
    brokers = [broker for hosts in endpoints.values() for broker in hosts]
    source = mapping.get("event_source_arn", "")
    arn = Arn.parse(source)
    name = arn.resource.replace(":", "/").split("/") if arn else []
    return {source, *brokers, arn.resource if arn else "", name[1] if len(name) > 1 else ""} - {""}


def _matches(globs: Sequence[str], texts: Iterable[str]) -> bool:
    return not globs or any(fnmatchcase(text, glob) for glob in globs for text in texts)


def enabled_regions(aws: Aws) -> list[str]:
    """The regions that the account may use, by DescribeRegions. Raises AwsError."""
    answer = aws.ask("ec2", aws.region or "us-east-1", "describe_regions", {})
    require_member(answer, "Regions", "listing the enabled regions")
    return sorted(str(region["RegionName"]) for region in answer["Regions"])


# --- event source mappings -------------------------------------------------------------------------------------------


def list_mappings(aws: Aws, region: str, provider: Provider) -> Listed:
    """Every event source mapping of a region: a List call for a hundred, one for their tags, and Get only for one with a KMS
    key, whose filters List omits. What is refused is in `unread`. Raises AccountError.
    """
    listed = Listed()
    gateway = aws.gateway(region)
    try:
        configs = [config for page in gateway.pages() for config in page]
        encrypted = [config["UUID"] for config in configs if "KMSKeyArn" in config]
        # One that was deleted in between is None.
        read = dict(zip(encrypted, parallel(gateway.get, encrypted), strict=True))
    except AccountError:
        raise
    except AwsError as error:
        listed.unread.append(Unread(LAMBDA, region, error.message))
        return listed
    configs = [whole for config in configs if (whole := read.get(config["UUID"], config))]
    tags = _tags(gateway, configs, listed)
    for config in configs:
        its_tags = tags.get(config["UUID"])
        try:
            live = live_mapping(config, region, its_tags or {}, provider)
        except ServiceError as error:
            listed.unread.append(Unread(LAMBDA, region, error.message))
            continue
        if its_tags is None:
            live = replace(live, unknown=live.unknown | {("tags",)})
        listed.seen.append(Seen(live, its_tags or {}))
    return listed


def _tags(gateway: Gateway, configs: Sequence[Config], listed: Listed) -> dict[str, dict[str, str]]:
    """The tags of mappings by UUID, a hundred a call; one by one where the tagging API refuses. Empty where that is refused
    too.
    """
    arns = {config["UUID"]: arn_of(config, gateway.region) for config in configs}
    batches = [list(arns.values())[start : start + PAGE] for start in range(0, len(arns), PAGE)]
    try:
        tags = {arn: found for batch in parallel(gateway.tags_of, batches) for arn, found in batch.items()}
    except AwsError as refusal:
        try:
            tags = dict(zip(arns.values(), parallel(gateway.tags, list(arns.values())), strict=True))
        except AccountError:
            raise
        except AwsError:
            if takes_tags(gateway.region):
                message = f"tags could not be read, so that owners are not known: {refusal.message}"
                listed.unread.append(Unread(LAMBDA, gateway.region, message))
                return {}
            tags = {}  # a partition whose mappings are not known to take tags
    return {uuid: tags.get(arn, {}) for uuid, arn in arns.items()}


# --- entries of buckets ----------------------------------------------------------------------------------------------


def list_entries(aws: Aws, policies: Policies, region: str, scope: Scope, lineage: str) -> Listed:
    """Every entry of the region's buckets that invokes a function. The buckets are those that the policies of the functions
    admit, where functions are named in full, else all of the account. `lineage` is that of the state, or "". What is refused
    is in `unread`. Raises AccountError.
    """
    listed = Listed()
    try:
        buckets = _buckets(aws, policies, region, scope)
    except AccountError:
        raise
    except AwsError as error:
        listed.unread.append(Unread(S3, region, error.message))
        return listed
    if len(buckets) > MANY and not scope.proceed(len(buckets)):
        listed.unread.append(Unread(S3, region, f"the notifications of {len(buckets)} buckets were not read"))
        return listed
    lives = [live for part in parallel(lambda name: _entries(aws, region, name, listed), buckets) for live in part]
    lives = [live for live in lives if scope.takes(live.mapping)]
    own = sorted({name for live in lives if not (name := live.mapping["function_name"]).startswith("arn:")})
    denied = dict[str, str]()

    def with_policy(function: str) -> None:
        try:
            policies.read(function, region)
        except AccountError:
            raise
        except AwsError as error:
            denied[function] = error.message

    parallel(with_policy, own)
    listed.unread += [Unread(S3, region, message) for _, message in sorted(denied.items())]
    listed.seen += [
        _with_permission(policies, live, region, lineage, aws.account)
        if (function := live.mapping["function_name"]) in own and function not in denied
        else Seen(replace(live, unknown=frozenset({("permission",)}) if function in denied else frozenset()))
        for live in lives
    ]
    return listed


def _entries(aws: Aws, region: str, bucket: str, listed: Listed) -> list[Live]:
    """The entries of a bucket that invoke a function; none of a bucket that is in another region or gone."""
    try:
        document = aws.buckets(region).read(bucket, aws.account)
    except (ElsewhereError, NotFoundError):  # a policy may admit a bucket that is gone
        return []
    except AccountError:
        raise
    except AwsError as error:
        listed.unread.append(Unread(S3, region, one_line(error.message)))
        return []
    members = [entry.member for entry in document.entries]
    lives = lives_of((region, bucket), document, aws.account)
    return [live for live, member in zip(lives, members, strict=True) if member == "CloudFunction"]


def _with_permission(policies: Policies, live: Live, region: str, lineage: str, account: str) -> Seen:
    """An entry with the permission that a manifest states for it, and whether S3 may invoke its function."""
    function = live.mapping["function_name"]
    policy = policies.read(function, region)
    automatic = invocation_of(BUCKET_NOTIFICATION, live.mapping, account)
    permission, note = taken_over(policy, automatic, function, lineage)
    mapping = {**live.mapping, **({"permission": permission} if permission is not None else {})}
    if policy.admits(automatic):
        return Seen(replace(live, mapping=mapping, status=Status(ACTIVE)), note=note)
    return Seen(replace(live, mapping=mapping, status=Status(BROKEN, note)))


def _buckets(aws: Aws, policies: Policies, region: str, scope: Scope) -> list[str]:
    """The names of the buckets to read, sorted."""
    exact = [name for name in scope.functions if not _WILDCARDS & set(name)]
    patterns: set[str] | None = None
    if scope.functions and len(exact) == len(scope.functions):
        functions = [name for function in exact for name in _qualified(aws, region, function)]
        read = parallel(lambda name: policies.read(name, region), functions)
        patterns = {source for policy in read for source in policy.sources(PRINCIPAL)}
        if not any(_WILDCARDS & set(pattern) for pattern in patterns):
            arns = [arn for pattern in patterns if (arn := Arn.parse(pattern)) and arn.service == S3]
            return sorted({arn.resource for arn in arns if _matches(scope.sources, {str(arn), arn.resource})})
    found = items_of(aws, "s3", region, "list_buckets", "Buckets", ("ContinuationToken",) * 2, BucketRegion=region)
    # A bucket whose region the answer does not tell is asked about in each.
    listed = [str(bucket["Name"]) for bucket in found if bucket.get("BucketRegion", region) == region]
    names = {name: str(Arn(partition_of(region), S3, "", "", name)) for name in listed}
    return sorted(
        name
        for name, arn in names.items()
        if _matches(scope.sources, {name, arn})
        and (patterns is None or any(pattern == "*" or matches_arn(pattern, arn) for pattern in patterns))
    )


def _qualified(aws: Aws, region: str, function: str) -> list[str]:
    """A function and its aliases, as policies are asked for. A name with a qualifier stands for itself."""
    reference = FunctionReference.parse(function)
    if reference is None or reference.qualifier:
        return [reference.canonical if reference else function]
    try:
        aliases = items_of(
            aws, "lambda", region, "list_aliases", "Aliases", ("Marker", "NextMarker"), FunctionName=reference.name
        )
    except NotFoundError:
        return [reference.name]
    return [reference.name, *(f"{reference.name}:{alias['Name']}" for alias in aliases)]
