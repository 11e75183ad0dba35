"""Reads the entries of buckets and the policies of their functions: each bucket and each policy once
(docs/architecture.md#calls).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from provisioner.aws.notifications import Document, Entry
from provisioner.aws.policies import Policies
from provisioner.aws.refresh import parallel
from provisioner.aws.session import Aws
from provisioner.errors import NotFoundError
from provisioner.kinds import invocation_of
from provisioner.kinds.policies import Policy, content_of
from provisioner.kinds.s3_kind import BUCKET_NOTIFICATION, bucket_of, key_of
from provisioner.kinds.statements import NONE, permission_of, statement_of
from provisioner.model.canonical import Canonical
from provisioner.model.desired import Desired
from provisioner.model.key import S3, Key
from provisioner.model.live import ACTIVE, BROKEN, MISSING, Live, Status
from provisioner.model.references import Arn, FunctionReference, function_arn, partition_of
from provisioner.model.sources import SourceKind
from provisioner.model.state import Record, Statement
from provisioner.planning.naming import is_ours_by_name
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import Resolution
from provisioner.planning.statements import place_of, recorded_statements

Place = tuple[str, str]
"""A region and a bucket in it, or a function."""


@dataclass(slots=True)
class _Asked:
    """What to read for the mappings of one state: buckets with the accounts that own them, and functions."""

    owners: dict[Place, str] = field(default_factory=dict)
    functions: set[Place] = field(default_factory=set)
    records: dict[Key, Record] = field(default_factory=dict)
    wanted: dict[Key, Desired] = field(default_factory=dict)  # by the key of the record that it has, or that it imports


def read_buckets(
    aws: Aws, policies: Policies, resolution: Resolution, note: Callable[[str], None], search: Search | None
) -> Reading:
    """The entries of every bucket that a mapping of S3 has or is to have, and the policies of their functions. Raises
    AwsError.
    """
    asked = _asked(resolution, aws.account)
    places = sorted(asked.owners)
    read = parallel(lambda place: document_of(aws, place, asked.owners[place], note), places)
    entries = {
        live.key: live
        for place, document in zip(places, read, strict=True)
        for live in lives_of(place, document, aws.account)
    }
    functions = sorted(asked.functions)
    known = dict(zip(functions, parallel(lambda place: policies.read(place[1], place[0]), functions), strict=True))
    live: dict[Key, Live] = {}
    for key in asked.records.keys() | asked.wanted.keys():
        record, wanted = asked.records.get(key), asked.wanted.get(key)
        owner = asked.owners.get((key.region, key.id.partition("/")[0]), aws.account)
        if found := _with_permission(entries.get(key), key, record, wanted, known, owner, aws.account):
            live[key] = found
    for subject in resolution.subjects:
        for item in subject.record.deposed if subject.record else ():
            if item.key.kind == S3 and (deposed := _deposed(item.key, item.statement, entries, known)):
                live[item.key] = deposed
    orphans = [
        found
        for key, found in sorted(entries.items())
        if search and key not in live and is_ours_by_name(key.id.partition("/")[2], search.lineage)
    ]
    return Reading(
        live=live,
        holders=_holders(resolution, entries, known, asked.owners, aws.account),
        listed=frozenset(),
        orphans=tuple(orphans),
        entries=entries,
        policies=known,
    )


def document_of(aws: Aws, place: Place, owner: str, note: Callable[[str], None]) -> Document | None:
    """The document of a bucket; None, with a note, for a bucket that does not exist. Raises AwsError."""
    region, bucket = place
    try:
        return aws.buckets(region).read(bucket, owner)
    except NotFoundError:
        note(f"the bucket {bucket} does not exist; S3 will refuse what is to be written to it")
        return None


def _asked(resolution: Resolution, account: str) -> _Asked:
    asked = _Asked()
    for subject in resolution.subjects:
        record, wanted = subject.record, subject.wanted
        if wanted and wanted.kind is SourceKind.S3:
            asked.owners[wanted.region, bucket_of(wanted.mapping)] = wanted.mapping.get("bucket_owner", account)
            asked.functions.add((wanted.region, wanted.mapping["function_name"]))
            if subject.adopts:
                asked.wanted[subject.adopts] = wanted
        if record is None:
            continue
        for key in (record.key, *(item.key for item in record.deposed)):
            if key.kind == S3:
                owner = record.applied.get("bucket_owner", account)
                asked.owners.setdefault((key.region, key.id.partition("/")[0]), owner)
        if record.key.kind == S3:
            asked.records[record.key] = record
            if wanted:
                asked.wanted[record.key] = wanted
            if function := record.applied.get("function_name"):
                asked.functions.add((record.key.region, function))
        statements = (*recorded_statements(record), *(item.statement for item in record.deposed if item.statement))
        asked.functions |= {(statement.region, statement.function) for statement in statements}
    return asked


# --- entries as mappings ---------------------------------------------------------------------------------------------


def lives_of(place: Place, document: Document | None, account: str) -> Iterator[Live]:
    """The entries of a bucket as mappings, whoever made them and whatever they notify; those without an id get one of their
    place, which no mapping can have.
    """
    region, bucket = place
    for number, entry in enumerate(document.entries if document else (), start=1):
        mapping = mapping_of(entry, region, bucket, account)
        key = key_of({**mapping, "id": entry.id or f"(entry {number} without an id)"}, region)
        yield Live(key, mapping["event_source_arn"], SourceKind.S3, mapping, Status(ACTIVE))


def mapping_of(entry: Entry, region: str, bucket: str, account: str) -> Canonical:
    """An entry as a mapping in canonical form, without what the bucket does not have. A destination that is no function of
    this account and region is its whole ARN.
    """
    reference, arn = FunctionReference.parse(entry.destination), Arn.parse(entry.destination)
    is_own = entry.member == "CloudFunction" and reference and arn and (arn.account, arn.region) == (account, region)
    values = {
        "function_name": reference.canonical if is_own and reference else entry.destination,
        "event_source_arn": str(Arn(partition_of(region), "s3", "", "", bucket)),
        "events": sorted(set(entry.events)),
        "filter_prefix": entry.prefix,
        "filter_suffix": entry.suffix,
        "id": entry.id,
    }
    return {name: value for name, value in values.items() if value}


def entry_of(mapping: Mapping[str, object], region: str, account: str) -> Entry:
    """The entry of a mapping in canonical form."""
    events = mapping["events"]
    assert isinstance(events, list)  # canonical form
    return Entry(
        id=str(mapping["id"]),
        member="CloudFunction",
        destination=function_arn(str(mapping["function_name"]), region, account),
        events=tuple(events),
        prefix=str(mapping.get("filter_prefix", "")),
        suffix=str(mapping.get("filter_suffix", "")),
    )


# --- permissions -----------------------------------------------------------------------------------------------------


def _with_permission(
    entry: Live | None,
    key: Key,
    record: Record | None,
    wanted: Desired | None,
    policies: Mapping[Place, Policy],
    owner: str,
    account: str,
) -> Live | None:
    """A mapping with the permission that it has, and whether the source may invoke the function; None when neither the entry
    nor a recorded statement is there.
    """
    permission = _permission(record, wanted, key.region, policies)
    if entry is None:
        there = isinstance(permission, dict)
        if record is None or not there:
            return None
        gone = {**_place_of(key), **record.applied, "permission": permission}
        return Live(key, record.arn, SourceKind.S3, gone, Status(MISSING))
    # S3 answers only when the owner is the one that was asked for.
    stated = (wanted.mapping if wanted else record.applied if record else {}).get("bucket_owner")
    owned_by = stated or (owner if owner != account else None)
    mapping = {
        **entry.mapping,
        **({"bucket_owner": owned_by} if owned_by else {}),
        **({"permission": permission} if permission else {}),
    }
    policy = policies.get((key.region, mapping.get("function_name", "")))
    invocation = invocation_of(BUCKET_NOTIFICATION, mapping, account)
    # A function that is only in the bucket, such as one that somebody put there, was not asked about.
    broken = policy is not None and not policy.admits(invocation)
    reason = "no statement of the function's policy lets S3 invoke it" if broken else ""
    return replace(entry, mapping=mapping, status=Status(BROKEN if broken else ACTIVE, reason))


def _permission(
    record: Record | None, wanted: Desired | None, region: str, policies: Mapping[Place, Policy]
) -> Canonical | str | None:
    """The `permission` that a mapping has: that of a recorded statement which it is to lose, else of the one that it is to
    have, else of a recorded one; a statement that is not in the policy of its function does not count.
    """
    needed = statement_of(wanted.mapping, region) if wanted else None
    held = recorded_statements(record)
    leaving = [item for item in held if wanted and (needed is None or place_of(item) != place_of(needed))]
    for statement in (*leaving, *([needed] if needed else []), *held):
        if found := _found(statement, policies):
            # One of the same id in the policy of another function would look like the one that is needed.
            return None if statement in leaving and found == permission_of(needed) else found
    stated = (wanted.mapping if wanted else record.applied if record else {}).get("permission")
    return NONE if stated == NONE else None


def _found(statement: Statement, policies: Mapping[Place, Policy]) -> Canonical | None:
    """The `permission` of a statement as the policy of its function has it; None where it is not there."""
    policy = policies.get((statement.region, statement.function))
    content = policy.content_of(statement.id) if policy else None
    if content is None:
        return None
    # With the words of the state where they mean the same.
    words = statement.applied if content == content_of(statement) else content
    return {"statement_id": statement.id, **words}


def _deposed(
    key: Key, statement: Statement | None, entries: Mapping[Key, Live], policies: Mapping[Place, Policy]
) -> Live | None:
    """What is left of a mapping that was replaced: its entry, its statement, or both."""
    found = _found(statement, policies) if statement else None
    permission = {"permission": found} if found else {}
    if entry := entries.get(key):
        return replace(entry, mapping={**entry.mapping, **permission})
    place = _place_of(key)
    arn = place["event_source_arn"]
    return Live(key, arn, SourceKind.S3, {**place, **permission}, Status(MISSING)) if found else None


def _place_of(key: Key) -> dict[str, str]:
    """What the key of an entry says of its mapping."""
    bucket, _, ident = key.id.partition("/")
    return {"event_source_arn": str(Arn(partition_of(key.region), "s3", "", "", bucket)), "id": ident}


def _holders(
    resolution: Resolution,
    entries: Mapping[Key, Live],
    policies: Mapping[Place, Policy],
    owners: Mapping[Place, str],
    account: str,
) -> dict[str, Live]:
    """By wanted name the entry that has its bucket, function, events and filter, for those that have no record of it."""
    by_pair = {BUCKET_NOTIFICATION.pair(live.mapping, key.region): live for key, live in entries.items()}
    held = {}
    for subject in resolution.subjects:
        wanted, record = subject.wanted, subject.record
        if wanted and wanted.kind is SourceKind.S3:
            holder = by_pair.get(BUCKET_NOTIFICATION.pair(wanted.mapping, wanted.region))
            if holder and not (record and record.key == holder.key):
                owner = owners[wanted.region, bucket_of(wanted.mapping)]
                found = _with_permission(holder, holder.key, None, wanted, policies, owner, account)
                held[subject.name] = found or holder
    return held
