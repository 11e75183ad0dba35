"""Mappings that a bucket keeps: the kind of all entries of its notification configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from provisioner.kinds.bucket_notification import FIELDS, BucketNotification
from provisioner.kinds.kind import Claim, Kind
from provisioner.kinds.overlaps import families, overlap
from provisioner.kinds.push_risk import risks
from provisioner.kinds.rules import RULES_OF
from provisioner.kinds.statements import complete_permission
from provisioner.model.canonical import Canonical
from provisioner.model.key import S3, Key
from provisioner.model.references import Arn, Pair
from provisioner.model.sources import SourceKind

PRINCIPAL: Final = "s3.amazonaws.com"
"""Who invokes the function (docs/aws/push.md#statements)."""


def bucket_of(mapping: Mapping[str, Any]) -> str:
    """The name of a mapping's bucket."""
    arn = Arn.parse(mapping.get("event_source_arn"))
    return arn.resource if arn else ""


def pair(mapping: Mapping[str, Any], region: str) -> Pair:
    """The pair of a mapping in canonical form: bucket, function, events and filter."""
    events = ", ".join(mapping.get("events", ()))
    affixes = (
        f" {name} {json.dumps(mapping[f'filter_{name}'])}"
        for name in ("prefix", "suffix")
        if mapping.get(f"filter_{name}")
    )
    return Pair(
        region, mapping.get("event_source_arn", ""), mapping.get("function_name", ""), events + "".join(affixes)
    )


def _claims(mapping: Canonical, pair: Pair) -> set[Claim]:
    return {(S3, pair.source, family) for family in families(mapping)}


def _conflicts(one: Canonical, one_pair: Pair, other: Canonical, other_pair: Pair) -> bool:
    return one_pair.source == other_pair.source and overlap(one, other)


def _complete(mapping: Canonical, account: str, lineage: str) -> Canonical:
    source = mapping.get("event_source_arn", "")
    automatic = {
        "principal": PRINCIPAL,
        "source_arn": source,
        # The ARN of a bucket has no account.
        "source_account": mapping.get("bucket_owner") or account,
    }
    return {**mapping, "permission": complete_permission(mapping, automatic, lineage)}


def key_of(mapping: Mapping[str, Any], region: str) -> Key:
    """The key of an entry, by its bucket and Id."""
    return Key(S3, region, f"{bucket_of(mapping)}/{mapping.get('id', '')}")


BUCKET_NOTIFICATION: Final = Kind(
    name=S3,
    resource="aws_s3_bucket_notification",
    sources=frozenset({SourceKind.S3}),
    block=BucketNotification,
    fields=FIELDS,
    rules=RULES_OF,
    pair=pair,
    claims=_claims,
    conflicts=_conflicts,
    risks=risks,
    has_tags=False,
    complete=_complete,
    call=lambda mapping, region: f"{region} {bucket_of(mapping)}",
    key=key_of,
    id_limit=128,
)
