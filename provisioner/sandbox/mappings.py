"""Event source mappings as AWS keeps them: members, states, pairs, tags (docs/aws/)."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import uuid as uuids
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Final

from provisioner.kinds.event_source_mapping import FIELDS
from provisioner.model.references import Arn, FunctionReference, Pair, channel_of, partition_of
from provisioner.model.sources import PUSH, QUEUES, SELF_MANAGED, STREAMS, SourceKind, kind_of_arn
from provisioner.sandbox.answers import Refusal, conflict, in_use, invalid, not_found
from provisioner.sandbox.members import NOT_STORED, complete, defaults, with_new
from provisioner.sandbox.refusals import KMS_WORDS, Case, Members, check
from provisioner.sandbox.shapes import check_constraints
from provisioner.sandbox.world import World

PAGE: Final = 100
_MAPPING_ARN: Final = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:event-source-mapping:[0-9a-fA-F-]{36}")
MAX_TAGS: Final = 50
_TAG_TEXT: Final = re.compile(r"[\w\s.:/=+\-@]*")  # \p{L}, \p{N}, \p{Z} and the signs, as near as Python has them


@dataclass(frozen=True, slots=True)
class Delays:
    """How long each transition takes, in seconds. A deleted mapping is gone at once (docs/aws/lifecycle.md#times)."""

    creating: float = 0.2
    updating: float = 0.2
    enabling: float = 0.2
    disabling: float = 0.2
    deleting: float = 0.0


_INSTANT_WHEN_DISABLED: Final = QUEUES | {SourceKind.MQ}
"""Kinds whose disabled mappings are created and changed without a transition (docs/aws/lifecycle.md#times)."""

# What no answer lacks: on the wire an unset member is null (docs/aws/kinds.md#answers).
_UNSET: Final[Members] = {
    field.row.api: None for field in FIELDS.values() if field.row.api not in {"FunctionName", *NOT_STORED}
} | {"FilterCriteriaError": None, "LastProcessingResult": None}


@dataclass(slots=True)
class StoredMapping:
    """One mapping. `members` are as sent, merged with what AWS shows; at `due` the `state` becomes `rest`."""

    uuid: str
    arn: str
    kind: SourceKind
    region: str
    members: Members
    tags: dict[str, str]
    state: str
    rest: str
    due: float
    reason: str = ""  # why AWS disabled it by itself
    modified: float = field(default_factory=time.time)

    @property
    def pair(self) -> Pair:
        """What is unique."""
        return pair_of(self.members, self.region)


def pair_of(members: Members, region: str) -> Pair:
    """The pair of a mapping in the API's shape (docs/aws/identity.md#uniqueness). `kinds.uniqueness.pair` is for ours."""
    reference = FunctionReference.parse(members.get("FunctionName"))
    return Pair(region, _source(members), reference.canonical if reference else "", _channel(members))


def _source(members: Members) -> str:
    endpoints = (members.get("SelfManagedEventSource") or {}).get("Endpoints") or {}
    return members.get("EventSourceArn") or ",".join(sorted(endpoints.get("KAFKA_BOOTSTRAP_SERVERS") or ()))


def _channel(members: Members) -> str:
    """Topic, or queue with its virtual host: no recording shows that AWS refuses one queue name in two hosts."""
    hosts = [
        item.get("URI")
        for item in members.get("SourceAccessConfigurations") or ()
        if item.get("Type") == "VIRTUAL_HOST"
    ]
    return channel_of(members.get("Topics") or members.get("Queues") or (), (hosts and hosts[0]) or "")


def _claims(members: Members, region: str) -> set[tuple[str, ...]]:
    """The claims of a mapping: its pair, one claim a broker, and its consumer group on its source."""
    pair, group = pair_of(members, region), _group(members)
    return {("pair", *claim) for claim in pair.claims()} | ({("group", _source(members), group)} if group else set())


class Mappings:
    """All mappings of one account and region. Not safe to share between threads: the control plane locks.

    A create and a page take the same time however many mappings there are: what is occupied, what is due and the order
    of List are kept, not looked for.
    """

    def __init__(self, account: str, region: str, world: World, delays: Delays, now: Callable[[], float]) -> None:
        self._account = account
        self._region = region
        self._partition = partition_of(region)
        self._world = world
        self._delays = delays
        self._now = now
        self._all: dict[str, StoredMapping] = {}
        self._holders: dict[tuple[str, ...], str] = {}  # claim -> UUID
        self._order: list[tuple[bytes, str]] = []  # List's own order: no member's, and stable
        self._due: list[tuple[float, str]] = []  # transitions, the next first

    # --- the operations -----------------------------------------------------------------------------------------------

    def create(self, sent: Members) -> Members:
        """CreateEventSourceMapping: the new mapping. Raises Refusal, in the order of docs/aws/errors.md#order."""
        check_constraints("CreateEventSourceMapping", sent)
        kind = self._kind(sent)
        tags = sent.get("Tags") or {}
        members = with_new(defaults(kind), sent, kind)
        check(Case(creating=True, kind=kind, sent=sent, after=members, world=self._world, before={}))
        self._check_tags(tags, {})
        self._check_free(members, kind)  # a group is generated afterwards: no mapping can have it
        uuid = str(uuids.uuid4())
        complete(members, kind, uuid)
        enabled = sent.get("Enabled") is not False
        rest = "Enabled" if enabled else "Disabled"
        arn = f"arn:{self._partition}:lambda:{self._region}:{self._account}:event-source-mapping:{uuid}"
        item = StoredMapping(uuid, arn, kind, self._region, members, dict(tags), rest, rest, 0.0)
        if enabled or kind not in _INSTANT_WHEN_DISABLED:
            self._transit(item, "Creating", rest)
        self._all[uuid] = item
        insort(self._order, _rank(uuid))
        self._holders |= dict.fromkeys(_claims(members, self._region), uuid)
        return self._shown(item, exact=True)

    def get(self, uuid: str) -> Members:
        """GetEventSourceMapping: the mapping. Raises Refusal for an unknown UUID."""
        return self._shown(self._find(uuid))

    def update(self, uuid: str, sent: Members) -> Members:
        """UpdateEventSourceMapping: what is not sent, or null, is kept (docs/aws/updates.md#updates)."""
        check_constraints("UpdateEventSourceMapping", sent)
        item = self._find(uuid)
        if item.state not in ("Enabled", "Disabled"):
            raise in_use("update")
        members = with_new(item.members, sent, item.kind)
        case = Case(creating=False, kind=item.kind, sent=sent, after=members, world=self._world, before=item.members)
        check(case)
        # A consumer group cannot change: an update that has one was refused above.
        if pair_of(members, self._region) != item.pair:
            self._check_free(members, item.kind, besides=item)
        changes = members != item.members
        self._release(item)  # while the item has the old members, whose claims are to be freed
        self._holders |= dict.fromkeys(_claims(members, self._region), uuid)
        item.members = members
        item.modified = time.time()
        self._after_update(item, sent, changes=changes)
        return self._shown(item, exact=True)

    def _after_update(self, item: StoredMapping, sent: Members, *, changes: bool) -> None:
        # A redundant or empty update has no transition (docs/aws/updates.md#updates).
        enabled = sent.get("Enabled", item.state == "Enabled")
        was_enabled = item.state == "Enabled"
        if enabled != was_enabled:
            self._transit(item, "Enabling" if enabled else "Disabling", "Enabled" if enabled else "Disabled")
        elif changes and (was_enabled or item.kind not in _INSTANT_WHEN_DISABLED):
            self._transit(item, "Updating", item.state)

    def delete(self, uuid: str) -> Members:
        """DeleteEventSourceMapping: the mapping with the state Deleting. Raises Refusal."""
        item = self._find(uuid)
        if item.state == "Updating":  # as botocore's model describes it; not recorded
            raise in_use("delete")
        item.modified = time.time()
        self._transit(item, "Deleting", "")
        return self._shown(item)

    def page(self, query: Mapping[str, Any]) -> Members:
        """ListEventSourceMappings: a page of 100 at most, empty for an invalid marker (docs/aws/lifecycle.md#list)."""
        check_constraints("ListEventSourceMappings", query)
        self._advance()
        start = _offset(query.get("Marker", ""))
        if start is None:
            return {"EventSourceMappings": []}
        size = min(PAGE, query.get("MaxItems") or PAGE)
        matching = self._order
        if query.get("FunctionName") or query.get("EventSourceArn"):
            matching = [entry for entry in matching if self._matches(self._all[entry[1]], query)]
        shown = [self._listed(self._all[uuid]) for _, uuid in matching[start : start + size]]
        more = start + size < len(matching)
        return {"EventSourceMappings": shown, "NextMarker": _marker(start + size) if more else None}

    def _listed(self, item: StoredMapping) -> Members:
        shown = self._shown(item)
        if shown["KMSKeyArn"]:  # unlike Get
            shown |= {"FilterCriteria": None, "FilterCriteriaError": None}
        return shown

    def _matches(self, item: StoredMapping, query: Mapping[str, str]) -> bool:
        function, source = query.get("FunctionName"), query.get("EventSourceArn")
        reference = FunctionReference.parse(function) if function else None
        if function and (reference is None or reference.canonical != item.pair.function):
            return False
        return not source or item.members.get("EventSourceArn") == source

    # --- tags ---------------------------------------------------------------------------------------------------------

    def uuid_of(self, function: str, source: str) -> str:
        """The UUID of the mapping of a function and a source, or ""."""
        return next((uuid for uuid, item in self._all.items() if item.pair[1:3] == (source, function)), "")

    def tags(self, arn: str) -> dict[str, str]:
        """ListTags: a copy of the tags. Raises Refusal, as `tag` and `untag`, for an ARN of no mapping."""
        return dict(self._by_arn(arn).tags)

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """TagResource. Raises Refusal, also for tags that Lambda does not allow."""
        item = self._by_arn(arn)
        if not tags:
            raise invalid("An error occurred and the request cannot be processed.")
        self._check_tags(tags, item.tags)
        item.tags |= tags

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """UntagResource; an absent key is fine."""
        item = self._by_arn(arn)
        item.tags = {key: value for key, value in item.tags.items() if key not in keys}

    def _check_tags(self, new: Mapping[str, str], before: dict[str, str]) -> None:
        """Raise Refusal in the service's own words for tags, which were recorded on functions (docs/aws/tags.md)."""
        if new and self._partition != "aws":  # reported, not recorded
            raise invalid("Tags not supported in request.")
        if any(key.lower().startswith("aws:") for key in new):
            raise invalid("Tag key cannot contain reserved prefix (aws:)")
        if any(not 1 <= len(key) <= 128 or len(value) > 256 for key, value in new.items()):
            raise invalid("Length of tag's key or value exceed limit.")
        if any(not _TAG_TEXT.fullmatch(text) for tag in new.items() for text in tag):
            raise invalid("Tag key or value contains non allowed characters.")
        if len({**before, **new}) > MAX_TAGS:
            raise invalid("Number of tags exceeds resource tag limit.")

    def all_tagged(self) -> Iterator[tuple[str, dict[str, str]]]:
        """The ARN and the tags of each mapping that has tags."""
        self._advance()
        return ((item.arn, dict(item.tags)) for item in self._all.values() if item.tags)

    def tagged(self, arns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """The ARN and the tags of those mappings that exist and have tags. Unlike `all_tagged`, by ARN."""
        self._advance()
        matching = (self._all.get(arn.rpartition(":")[2]) for arn in arns)
        return ((item.arn, dict(item.tags)) for item in matching if item and item.tags)

    def _by_arn(self, arn: str) -> StoredMapping:
        check_constraints("ListTags", {"Resource": arn})
        if not _MAPPING_ARN.fullmatch(arn):
            raise invalid(f"Unsupported resource type for tagging or invalid arn: {arn}")
        self._advance()
        entry = self._all.get(arn.rpartition(":")[2])
        if entry is None:
            raise Refusal(404, "ResourceNotFoundException", f"Event source mapping not found: {arn}", key="Message")
        return entry

    # --- states -------------------------------------------------------------------------------------------------------

    def _transit(self, item: StoredMapping, state: str, rest: str) -> None:
        # What AWS disables by itself does not arrive at Enabled.
        failure = self._world.failure(_source(item.members)) if rest == "Enabled" else ""
        item.reason = failure
        item.state, item.rest = state, "Disabled" if failure else rest
        item.due = self._now() + getattr(self._delays, state.lower())
        heappush(self._due, (item.due, item.uuid))  # an earlier entry stays: `_advance` skips it

    def _advance(self) -> None:
        """Bring every mapping to the state that it has by now."""
        now = self._now()
        while self._due and self._due[0][0] <= now:
            due, uuid = heappop(self._due)
            item = self._all.get(uuid)
            if item is None or item.due != due or item.state == item.rest:
                continue  # another transition came between
            if item.state == "Deleting":
                self._release(item)
                del self._all[uuid]
                del self._order[bisect_left(self._order, _rank(uuid))]
            else:
                item.state = item.rest

    def _release(self, item: StoredMapping) -> None:
        for claim in _claims(item.members, self._region):
            if self._holders.get(claim) == item.uuid:
                del self._holders[claim]

    def _find(self, uuid: str) -> StoredMapping:
        self._advance()
        item = self._all.get(uuid)
        if item is None:
            raise not_found()
        return item

    # --- what is unique, and what is shown ----------------------------------------------------------------------------

    def _kind(self, sent: Members) -> SourceKind:
        if sent.get("SelfManagedEventSource") and not sent.get("EventSourceArn"):
            mode = (sent.get("SelfManagedKafkaEventSourceConfig") or {}).get("ConsumptionMode")
            return SourceKind.KAFKA_QUEUE if mode == "Queue" else SourceKind.KAFKA
        arn = Arn.parse(sent.get("EventSourceArn"))
        kind = kind_of_arn(arn) if arn else None
        if kind is None or kind in PUSH | {SourceKind.UNKNOWN}:
            raise invalid("Unrecognized event source.")
        return kind

    def _check_free(self, members: Members, kind: SourceKind, besides: StoredMapping | None = None) -> None:
        self._advance()
        for claim in sorted(_claims(members, self._region), reverse=True):  # the pair before the group
            holder = self._holders.get(claim)
            if holder is not None and (besides is None or holder != besides.uuid):
                other, words = self._all[holder], _twin_words if claim[0] == "pair" else _group_words
                raise conflict(words(other, kind, members))

    def _shown(self, item: StoredMapping, *, exact: bool = False) -> Members:
        """The body of an answer; what is unset is null (docs/aws/kinds.md#answers). `exact`: of a create or update."""
        reference = FunctionReference.parse(item.members["FunctionName"])
        function = reference.canonical if reference else ""
        stream = item.kind in STREAMS
        failed = bool(item.reason) and item.state == item.rest
        facts = {
            "UUID": item.uuid,
            "EventSourceMappingArn": item.arn,
            "FunctionArn": f"arn:{self._partition}:lambda:{self._region}:{self._account}:function:{function}",
            # Streams show it cut to the minute, but to who made the change (docs/aws/lifecycle.md#lastmodified).
            "LastModified": item.modified // 60 * 60 if stream and not exact else item.modified,
            "State": item.state,
            "StateTransitionReason": item.reason if failed else "User action" if stream else "USER_INITIATED",
            **({} if item.kind in QUEUES else {"LastProcessingResult": "No records processed"}),
        }
        members = {key: value for key, value in item.members.items() if key != "FunctionName"}  # it is in FunctionArn
        error = self._world.key_error(members["KMSKeyArn"]) if members.get("KMSKeyArn") else ""
        if error:
            members["FilterCriteria"] = None
            facts["FilterCriteriaError"] = {"ErrorCode": error, "Message": KMS_WORDS[error]}
        return {**_UNSET, **members, **facts}


def _group(members: Members) -> str:
    blocks = (
        members.get(name) or {} for name in ("SelfManagedKafkaEventSourceConfig", "AmazonManagedKafkaEventSourceConfig")
    )
    return next((block["ConsumerGroupId"] for block in blocks if block.get("ConsumerGroupId")), "")


def _twin_words(other: StoredMapping, kind: SourceKind, members: Members) -> str:
    """The 409 of a pair that is taken, in the words of its kind (docs/aws/identity.md#uniqueness)."""
    reference = FunctionReference.parse(members["FunctionName"])
    name = reference.name if reference else ""
    arn = f"{other.arn.rsplit(':', 2)[0]}:function:{reference.canonical if reference else ''}"
    source, topic = _source(members), _channel(members)
    if kind in QUEUES:
        what = f'An event source mapping with SQS arn (" {source} ") and function (" {name} ")'
    elif kind is SourceKind.MSK:
        what = f'An event source mapping for cluster ("{source}"), function ("{arn}"), topics ("{topic}")'
    elif kind in SELF_MANAGED:
        what = f'An event source mapping with event source ("{source}"), function ("{arn}"), topics ("{topic}")'
    else:
        what = f'The event source arn (" {source} ") and function (" {name} ") provided mapping'
    return f"{what} already exists. Please update or delete the existing mapping with UUID {other.uuid}"


def _group_words(other: StoredMapping, kind: SourceKind, members: Members) -> str:
    block = "selfManagedKafkaEventSourceConfig" if kind in SELF_MANAGED else "amazonManagedKafkaEventSourceConfig"
    what = f'An event source mapping with event source ("{_source(members)}"), {block}.consumerGroupId ("{_group(members)}")'
    return f"{what} already exists. Please update or delete the existing mapping with UUID {other.uuid}"


def _rank(uuid: str) -> tuple[bytes, str]:
    """The place in List's order, which is stable and has no meaning (docs/aws/lifecycle.md#list)."""
    return hashlib.sha256(uuid.encode()).digest(), uuid


def _marker(offset: int) -> str:
    return base64.urlsafe_b64encode(f"page:{offset}".encode()).decode()


def _offset(marker: str) -> int | None:
    """Where a page starts; None for a marker that is damaged."""
    if not marker:
        return 0
    try:
        word, _, offset = base64.urlsafe_b64decode(marker.encode()).decode().partition(":")
        return int(offset) if word == "page" else None
    except ValueError:
        return None
