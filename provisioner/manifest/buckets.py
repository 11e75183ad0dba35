"""Checks what names a bucket, and the mappings of one bucket against each other (docs/aws/push.md)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from provisioner.kinds import kind_for
from provisioner.kinds.bucket_notification import ENTRY_LIMIT
from provisioner.kinds.overlaps import overlapping, shared_events
from provisioner.kinds.statements import MEMBERS, NONE
from provisioner.manifest.finding import Finding
from provisioner.model.desired import Desired
from provisioner.model.references import BUCKET, REGION, Arn
from provisioner.model.sources import SourceKind

BUCKET_ARN: Final = "the ARN of a bucket has the form arn:aws:s3:::BUCKET"
_SOURCE: Final = ("event_source_arn",)

# --- one bucket ------------------------------------------------------------------------------------------------------

_HOST: Final = (
    rf"s3(?:-fips|-accelerate|-website)?(?:\.dualstack)?(?:[.-]{REGION.pattern})?\.amazonaws\.com(?P<china>\.cn)?"
)
_URLS: Final = (
    re.compile(rf"s3[an]?://(?P<bucket>{BUCKET.pattern})(?:/(?P<key>.*))?"),
    re.compile(rf"https?://(?P<bucket>{BUCKET.pattern})\.{_HOST}(?:/(?P<key>.*))?"),
    re.compile(rf"https?://{_HOST}/(?P<bucket>{BUCKET.pattern})(?:/(?P<key>.*))?"),
    re.compile(
        rf"https?://[\w.-]*console\.aws\.amazon\.com/s3/(?:buckets|object)/(?P<bucket>{BUCKET.pattern})(?:[/?#].*)?"
    ),
)


def of_url(text: str) -> Finding | None:
    """The finding for the URL of a bucket or of an object in it, with the ARN; None for another text."""
    match = next((found for url in _URLS if (found := url.fullmatch(text))), None)
    if match is None:
        return None
    parts = match.groupdict()
    arn = f"arn:{'aws-cn' if parts.get('china') else 'aws'}:s3:::{match['bucket']}"
    key = f", and filter_prefix: {parts['key']}" if parts.get("key") else ""
    message = f"this is the URL of a bucket; its ARN is {arn}"
    return Finding("E106", _SOURCE, message, f"write event_source_arn: {arn}{key}")


def bucket_finding(arn: Arn) -> Finding | None:
    """The finding for an ARN of S3 that is not a bucket's; None where it is."""
    name, _, key = arn.resource.partition("/")
    if not (arn.region or arn.account) and BUCKET.fullmatch(arn.resource):
        return None
    right = f"write event_source_arn: arn:{arn.partition}:s3:::{name if BUCKET.fullmatch(name) else 'BUCKET'}"
    if name == "accesspoint" or name.startswith("accesspoint:"):
        message = "this is the ARN of an access point, which has no event notifications; use the ARN of its bucket"
        return Finding("E211", _SOURCE, message, f"write event_source_arn: arn:{arn.partition}:s3:::BUCKET")
    if "*" in name or "?" in name:
        message = f"{str(arn)!r} contains a wildcard; use the full ARN of one source"
        return Finding("E211", _SOURCE, message, "a mapping has one bucket: create one mapping for each bucket")
    if key or "/" in arn.resource:
        prefix = key.rstrip("*")
        begins = f", and filter_prefix: {prefix}" if prefix and "*" not in prefix else ""
        return Finding("E211", _SOURCE, "this is the ARN of objects; use the ARN of their bucket", right + begins)
    if arn.region or arn.account:
        return Finding("E211", _SOURCE, "the ARN of a bucket has no region and no account", right)
    return Finding("E211", _SOURCE, f"{name!r} is not the name of a bucket", BUCKET_ARN)


# --- mappings together -----------------------------------------------------------------------------------------------


def bucket_findings(mappings: Iterable[Desired]) -> Iterator[tuple[Desired, Finding]]:
    """Findings about mappings of S3 that AWS does not take together, each at one of them."""
    buckets: defaultdict[str, list[Desired]] = defaultdict(list)
    for item in mappings:
        if item.kind is SourceKind.S3:
            buckets[item.mapping["event_source_arn"]].append(item)
    for items in buckets.values():
        yield from _overlaps(items)
        yield from _together(items)
    yield from _statements(item for items in buckets.values() for item in items)


def _overlaps(items: Sequence[Desired]) -> Iterator[tuple[Desired, Finding]]:
    for first, second in sorted(overlapping([item.mapping for item in items])):
        one, other = items[second], items[first]
        mine, theirs = shared_events(one.mapping, other.mapping)[0]
        message = (
            f"{one.name} and {other.name} ({other.place}) overlap: "
            f"{one.name} has {mine}{_filter(one)}, {other.name} has {theirs}{_filter(other)}"
        )
        yield one, Finding("E225", (), message)


def _filter(item: Desired) -> str:
    """The filter of a mapping as it follows its event type."""
    affixes = [
        f"{name} {json.dumps(item.mapping[name], ensure_ascii=False)}"
        for name in ("filter_prefix", "filter_suffix")
        if name in item.mapping
    ]
    return f" with {' and '.join(affixes)}" if affixes else " without a filter"


def _together(items: Sequence[Desired]) -> Iterator[tuple[Desired, Finding]]:
    """What the mappings of one bucket must have in common, and what each must have for itself."""
    by_id: dict[str, Desired] = {}
    for item in items:
        ident = item.mapping.get("id")
        if ident and (twin := by_id.setdefault(ident, item)) is not item:
            message = f"{item.name} and {twin.name} ({twin.place}) have the id {ident!r} in the same bucket"
            yield item, Finding("E226", ("id",), message)
    owners = [(item, str(item.mapping.get("bucket_owner", ""))) for item in items]
    regions = [(item, item.region) for item in items]
    for name, path, values in (("bucket_owner", ("bucket_owner",), owners), ("region", (), regions)):
        known = [(item, value) for item, value in values if value]
        for (one, before), (item, value) in pairwise(known):
            if value != before:
                message = (
                    f"{item.name} has the {name} {value}, but {one.name} ({one.place}) has {before} for the same bucket"
                )
                yield item, Finding("E228", path, message)
    if len(items) > ENTRY_LIMIT:
        message = f"{len(items)} mappings of one bucket exceed the limit of {ENTRY_LIMIT}"
        yield items[ENTRY_LIMIT], Finding("E229", (), message)


_UNKNOWN: Final = "?"
"""Stands for the account of the credentials, which a manifest does not know."""


def _statements(items: Iterable[Desired]) -> Iterator[tuple[Desired, Finding]]:
    """Mappings that give one statement of one function two meanings."""
    first: dict[tuple[str, str, str], tuple[Desired, dict[str, Any]]] = {}
    for item in items:
        stated = item.mapping.get("permission")
        if not isinstance(stated, dict) or "statement_id" not in stated:
            continue
        content = kind_for(item.kind).complete(item.mapping, _UNKNOWN, "")["permission"]
        ident = content["statement_id"]
        twin, other = first.setdefault((item.region, item.mapping["function_name"], ident), (item, content))
        for name in MEMBERS[1:]:
            both = content.get(name, ""), other.get(name, "")
            # "?" may turn out to be any account, but there will be one.
            if both[0] != both[1] and (_UNKNOWN not in both or "" in both):
                message = (
                    f"{item.name} and {twin.name} ({twin.place}) have the statement_id {ident!r} on the same function, "
                    f"but not the same {name}: {both[0] or NONE} and {both[1] or NONE}"
                )
                yield item, Finding("E227", ("permission",), message)
                break
