"""The policies that the execution roles of functions need for the mappings of a manifest (docs/aws/permissions.md)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provisioner.errors import UsageError
from provisioner.kinds.permissions import Grant, grants
from provisioner.model.desired import Desired
from provisioner.model.manifest import Manifest
from provisioner.model.references import Arn, FunctionReference, partition_of
from provisioner.model.sources import SourceKind
from provisioner.planning.iam_policies import Allow, Fold, IamPolicy, fitted

_SECRET_ENDING: Final = re.compile(r"-[A-Za-z0-9]{6}")
_GROUP: Final = "amazon_managed_kafka_event_source_config.consumer_group_id"


@dataclass(frozen=True, slots=True)
class Policies:
    """Policies with unique names, what was folded in each by the name of what it is for, and what the manifest does not say."""

    policies: tuple[IamPolicy, ...]
    folds: Mapping[str, tuple[Fold, ...]]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Function:
    """A function, whatever version or alias of it a mapping invokes: they all have one role."""

    name: str
    account: str
    region: str


def role_policies(manifest: Manifest, names: frozenset[str]) -> Policies:
    """What the role of each function needs for the mappings with these names, or for all where there is none. The mappings
    have their region.

    Raises UsageError where an account or a region is not known.
    """
    functions: defaultdict[Function, list[Desired]] = defaultdict(list)
    for name, wanted in sorted(manifest.mappings.items()):
        if not names or name in names:
            functions[function_of(wanted, manifest)].append(wanted)
    count = Counter(function.name for function in functions)
    found: list[IamPolicy] = []
    folds: dict[str, tuple[Fold, ...]] = {}
    for function, mappings in sorted(functions.items()):
        unique = count[function.name] == 1
        name = function.name if unique else f"{function.name}@{function.account}-{function.region}"
        group = f"log-group:/aws/lambda/{function.name}:*"
        logs = Arn(partition_of(function.region), "logs", function.region, function.account, group)
        allows = [Allow("WriteLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), (str(logs),))]
        allows += [allow for wanted in mappings for allow in _allows(wanted, function.account)]
        policies, folded = fitted(name, allows)
        found += policies
        folds[name] = tuple(folded)
    notes = _notes([wanted for mappings in functions.values() for wanted in mappings])
    return Policies(tuple(found), folds, tuple(notes))


def function_of(wanted: Desired, manifest: Manifest) -> Function:
    """The function of a mapping. Raises UsageError where its account or region is not known."""
    function = FunctionReference.parse(wanted.mapping.get("function_name"))
    if not wanted.region:
        raise UsageError(f"{wanted.name}: its region is not known", hint="set provider.region in the manifest")
    allowed = frozenset(manifest.provider.allowed_account_ids)
    everywhere = frozenset(account for item in manifest.mappings.values() for account in item.accounts)
    # A source may be another account's, so what the manifest allows comes first.
    for accounts in (allowed, wanted.accounts & allowed, wanted.accounts, everywhere):
        if len(accounts) == 1:
            return Function(function.name if function else "", next(iter(accounts)), wanted.region)
    raise UsageError(
        f"{wanted.name}: the account of its function is not known",
        hint="set provider.allowed_account_ids in the manifest, or write function_name as an ARN",
    )


def _allows(wanted: Desired, account: str) -> Iterator[Allow]:
    for grant in grants(wanted.mapping, wanted.kind, account):
        operator, key, value = grant.condition or ("", "", "")
        resources = tuple(map(_with_ending, grant.resources))
        yield Allow(grant.sid, grant.actions, resources, *(((operator, key), (value,)) if operator else ()))


def _with_ending(arn: str) -> str:
    """The ARN of a secret ends in a hyphen and six characters that AWS chooses; a pattern of it where they are left out."""
    secret = Arn.parse(arn)
    open_ended = secret and secret.service == "secretsmanager" and not _SECRET_ENDING.fullmatch(arn[-7:])
    return f"{arn}-??????" if open_ended else arn


def _notes(mappings: list[Desired]) -> Iterator[str]:
    needed: list[Grant] = []
    for wanted in mappings:
        asked = list(grants(wanted.mapping, wanted.kind, ""))
        needed += asked
        source = str(wanted.mapping.get("event_source_arn"))
        if wanted.kind is SourceKind.UNKNOWN:
            yield f"{wanted.name}: what the role needs to read {source} is not known; add it to the policy"
        if ":vpc-connection/" in source:
            yield (
                f"{wanted.name}: the cluster is another account's, and its ARN is not in the manifest; where the role signs in "
                "with IAM, add kafka-cluster:* actions on it, its topics and its groups (docs/aws/permissions.md)"
            )
        if any(grant.sid == "JoinGroups" and grant.resources[0].endswith("/*") for grant in asked):
            yield f"{wanted.name}: every consumer group of the cluster is allowed; set {_GROUP} to allow one"
    if needed:
        yield (
            "customer keys are not in the manifest: where one encrypts a queue, stream or secret that is read, add kms:Decrypt "
            "on it, and where one encrypts a destination, kms:GenerateDataKey too"
        )
