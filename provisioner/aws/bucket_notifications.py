"""The driver of mappings that a bucket keeps: entries of its notification configuration (docs/aws/push.md)."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from provisioner.aws.bucket_reading import document_of, entry_of, lives_of, read_buckets
from provisioner.aws.driver import Edit, Written
from provisioner.aws.errors import Retry
from provisioner.aws.notifications import Entry
from provisioner.aws.policies import Policies
from provisioner.aws.refresh import parallel
from provisioner.aws.requests import Notify, Retries
from provisioner.aws.session import Aws
from provisioner.errors import ArgumentError, AwsError, ConflictError, LostAnswerError, NotFoundError, ServiceError
from provisioner.kinds import invocation_of
from provisioner.kinds.policies import taken_over
from provisioner.kinds.s3_kind import BUCKET_NOTIFICATION, bucket_of
from provisioner.model.canonical import Canonical
from provisioner.model.key import Key
from provisioner.model.live import Live
from provisioner.model.references import Arn
from provisioner.model.state import Record
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import Resolution

_IN_BRACKETS: Final = re.compile(r"\[(.*)\]")
"""The ARN in "Not authorized to invoke function [ARN]"."""
_HINT_OTHERS: Final = (
    "an entry of others in this bucket is not valid any more: repair it, or write past it with "
    "`lifecycle: {skip_destination_validation: true}`"
)
_NOT_IN_ENTRIES: Final = frozenset({("permission",), ("bucket_owner",)})
_DESTINATIONS: Final = "Unable to validate the following destination configurations"
"""S3 cannot reach a destination of an entry, whoever made it (docs/aws/push.md#refusals-of-documents)."""


class BucketNotifications:
    """`driver.PushDriver` for the kind `s3`. A document is read, changed and written as a whole: nothing stands between the
    read and the write, because S3 has no conditional write.
    """

    def __init__(self, aws: Aws, policies: Policies) -> None:
        self._aws = aws
        self._policies = policies
        self._guard = threading.Lock()
        self._writing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def read(self, resolution: Resolution, note: Callable[[str], None], search: Search | None = None) -> Reading:
        """As `Driver.read`."""
        return read_buckets(self._aws, self._policies, resolution, note, search)

    def get(self, key: Key) -> Live | None:
        """As `Driver.get`."""
        return self._entries([key], {}).get(key)

    def to_import(self, key: Key, lineage: str) -> tuple[Live, str] | None:
        """As `Driver.to_import`: `permission` is as the manifest states it."""
        live = self.get(key)
        if live is None:
            return None
        live = replace(live, unknown=frozenset())
        function = live.mapping.get("function_name", "")
        policy = self._policies.read(function, key.region)
        automatic = invocation_of(BUCKET_NOTIFICATION, live.mapping, self._aws.account)
        permission, note = taken_over(policy, automatic, function, lineage)
        mapping = {**live.mapping, **({"permission": permission} if permission is not None else {})}
        return replace(live, mapping=mapping), note

    def observe(self, records: Sequence[Record], *, deleting: bool = False) -> dict[Key, Live]:
        """As `Driver.observe`: each bucket once, without the policies."""
        del deleting
        owners = {record.key: record.applied["bucket_owner"] for record in records if "bucket_owner" in record.applied}
        return self._entries([record.key for record in records], owners)

    def _entries(self, keys: Collection[Key], owners: Mapping[Key, str]) -> dict[Key, Live]:
        places = {(key.region, key.id.partition("/")[0]): owners.get(key, self._aws.account) for key in keys}

        def read(place: tuple[str, str]) -> Iterable[Live]:
            document = document_of(self._aws, place, places[place], lambda _: None)
            return list(lives_of(place, document, self._aws.account))

        found = {live.key: live for lives in parallel(read, sorted(places)) for live in lives}
        return {key: replace(found[key], unknown=_NOT_IN_ENTRIES) for key in keys if key in found}

    # --- writing ------------------------------------------------------------------------------------------------------

    def write(self, edits: Mapping[str, Edit], region: str, notify: Notify) -> Written:
        """As `PushDriver.write`: one accepted PUT. One that S3 refuses because of some of our entries changed nothing, and
        is repeated once without them.
        """
        # Of two writes at once one would be lost.
        with self._guard:
            lock = self._writing[_bucket_of(edits)]
        with lock:
            return self._write(edits, region, notify)

    def _write(self, edits: Mapping[str, Edit], region: str, notify: Notify) -> Written:
        left, failed = dict(edits), dict[str, AwsError]()
        retries = self._aws.buckets(region).retries(notify)
        lost: AwsError | None = None  # the first answer that was lost: S3 may have written what it asked for
        while left:
            try:
                wrote = self._attempt(left, failed, region, lost)
            except ArgumentError as error:
                blamed = _blamed(error, left, region, self._aws.account)
                reaches = _DESTINATIONS in error.words
                if reaches and not blamed:
                    error.hint = _HINT_OTHERS
                # S3 may not see yet what this run has written into the policies of the functions.
                known = [
                    name
                    for name in blamed
                    if not (
                        reaches
                        and (after := left[name].after)
                        and self._policies.written(after["function_name"], region)
                    )
                ]
                if not blamed or known or _failed_wait(retries, error, left, Retry.PROPAGATION):
                    failed |= dict.fromkeys(known or blamed or left, _after(lost, error))
                left = {name: edit for name, edit in left.items() if name not in failed}
            except AwsError as error:
                if isinstance(error, LostAnswerError | ServiceError):
                    lost = lost or error
                failed |= {name: _after(lost, last) for name, last in _failed_wait(retries, error, left).items()}
                left = {name: edit for name, edit in left.items() if name not in failed}
            else:
                return Written(failed, wrote or lost is not None)
        return Written(failed, wrote=False)

    def _attempt(self, left: dict[str, Edit], failed: dict[str, AwsError], region: str, lost: AwsError | None) -> bool:
        """Read the document, and write it when it is not as it is to be. Returns whether it was written. Edits whose entry
        somebody else has changed since the plan move from `left` to `failed`; where an answer was `lost`, the entry may be the
        one that this run wrote. Raises AwsError.
        """
        account = self._aws.account
        bucket, owner = _bucket_of(left), _owner_of(left) or account
        buckets = self._aws.buckets(region)
        try:
            document = buckets.read(bucket, owner)
        except NotFoundError:
            if any(edit.after for edit in left.values()):
                raise
            return False  # what is to be gone went with its bucket
        here = {entry.id: entry for entry in document.entries}
        for name, edit in list(left.items()):
            if _is_changed(edit, here, region, account):
                failed[name] = _after(lost, _changed_error(edit, bucket))
                del left[name]
        wanted = [(edit, entry_of(edit.after, region, account)) for edit in left.values() if edit.after]
        changed = [(edit, entry) for edit, entry in wanted if entry.id not in here or not here[entry.id].equals(entry)]
        written = [entry for _, entry in changed]
        kept = {edit.after["id"] for edit in left.values() if edit.after}
        removed = {edit.before["id"] for edit in left.values() if edit.before} - kept
        if not written and not removed & here.keys():
            return False
        body = document.with_entries(written, removed)
        skips = all(edit.skips_validation for edit, _ in changed)
        buckets.write(bucket, owner, body, skip_validation=skips)
        return True

    def undone(self, edits: Mapping[str, Edit], region: str) -> dict[str, str]:
        """As `PushDriver.undone`."""
        account = self._aws.account
        document = self._aws.buckets(region).read(_bucket_of(edits), _owner_of(edits) or account)
        here = {entry.id: entry for entry in document.entries}
        found = {}
        for name, edit in edits.items():
            if edit.after is None:
                if edit.before and edit.before["id"] in here:
                    found[name] = f"the entry {edit.before['id']} is there again"
            elif edit.after["id"] not in here:
                found[name] = f"the entry {edit.after['id']} is gone"
            elif not here[edit.after["id"]].equals(entry_of(edit.after, region, account)):
                found[name] = f"the entry {edit.after['id']} is another one"
        return found


def _mappings(edits: Mapping[str, Edit]) -> Iterator[Canonical]:
    """The entries of edits, as they are to be or as they were."""
    yield from (mapping for edit in edits.values() for mapping in (edit.after, edit.before) if mapping)


def _bucket_of(edits: Mapping[str, Edit]) -> str:
    """The bucket of edits, which all have the same."""
    return bucket_of(next(_mappings(edits)))


def _owner_of(edits: Mapping[str, Edit]) -> str:
    """The account that owns the bucket of edits, where one of them states it, or ""."""
    return next((owner for mapping in _mappings(edits) if (owner := mapping.get("bucket_owner"))), "")


def _failed_wait(
    retries: Retries, error: AwsError, left: Mapping[str, Edit], reason: Retry | None = None
) -> dict[str, AwsError]:
    """Wait before the next attempt. Returns the errors of all that is left when there is none."""
    try:
        retries.wait(error, reason=reason)
    except AwsError as last:
        return dict.fromkeys(left, last)
    return {}


def _after(lost: AwsError | None, error: AwsError) -> AwsError:
    """An error, as one after which S3 may have acted where an answer was lost before: whatever was refused afterwards, the
    entries may be there.
    """
    if lost is None or isinstance(error, LostAnswerError | ServiceError):
        return error
    return LostAnswerError(
        f"{lost.message}; then {error.message}",
        hint=error.hint or "apply again, and provisioner will look for the entries",
        code=error.code,
        request_id=error.request_id,
        words=error.words,
    )


def _is_changed(edit: Edit, here: Mapping[str, Entry], region: str, account: str) -> bool:
    """Whether somebody else changed an entry since the plan was made, which must not be overwritten. One that is gone, or as
    it is to be, is no obstacle.
    """
    if edit.after is None:
        return False
    now = here.get(edit.after["id"])
    if now is None:
        return False
    known = [
        entry_of(mapping, region, account) for mapping in (edit.before, edit.after) if mapping and "events" in mapping
    ]
    return now.content not in [entry.content for entry in known]


def _changed_error(edit: Edit, bucket: str) -> AwsError:
    ident = edit.after["id"] if edit.after else ""
    if edit.before:
        return ConflictError(
            f"the entry {ident} of bucket {bucket} was changed outside provisioner since the plan was made",
            hint="plan again",
        )
    return ConflictError(
        f"bucket {bucket} has an entry {ident} already, with other values", hint="plan again, or choose another id"
    )


def _blamed(error: ArgumentError, left: Mapping[str, Edit], region: str, account: str) -> list[str]:
    """The edits that S3 names in its refusal; none when it names something that is not ours, or nothing."""
    named = {
        match[1] if (match := _IN_BRACKETS.search(value)) else name if Arn.parse(name) else value
        for name, value in error.arguments
    }
    words: dict[str, set[str]] = {}
    for name, edit in left.items():
        if edit.after:
            entry = entry_of(edit.after, region, account)
            words[name] = {entry.id, entry.destination, *entry.events, entry.prefix, entry.suffix} - {""}
    ours = {word for known in words.values() for word in known}
    return [name for name, known in words.items() if known & named] if named <= ours else []
