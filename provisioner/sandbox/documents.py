"""Notification configurations of buckets as XML: what S3 takes, refuses and stores (docs/aws/push.md#documents).

A document is the tree that was sent, in its order. An element whose name the schema does not have is taken as one of a
later schema, and kept as it is; a name of the schema in another place is refused.
"""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NoReturn
from xml.etree import ElementTree as ET

from provisioner.model.references import Arn, FunctionReference
from provisioner.sandbox.answers import invalid_argument, malformed, xml

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
ROOT: Final = "NotificationConfiguration"
LIMIT: Final = 100
"""The most entries of a bucket."""

EVENTS: Final = frozenset(
    f"s3:{family}:{event}"
    for family, events in {
        "ObjectCreated": "* Put Post Copy CompleteMultipartUpload",
        "ObjectRemoved": "* Delete DeleteMarkerCreated",
        "ObjectRestore": "* Post Completed Delete",
        "Replication": "* OperationFailedReplication OperationNotTracked OperationMissedThreshold"
        " OperationReplicatedAfterThreshold",
        "ObjectAcl": "Put",
        "ObjectTagging": "* Put Delete",
        "ObjectAnnotation": "* Put Delete",
        "ObjectRetention": "Put",
        "LifecycleExpiration": "* Delete DeleteMarkerCreated",
    }.items()
    for event in events.split()
) | {"s3:ReducedRedundancyLostObject", "s3:LifecycleTransition", "s3:IntelligentTiering"}

# The element of an entry -> the element of its destination, and the service that this must be of.
_DESTINATIONS: Final = {
    "TopicConfiguration": ("Topic", "sns"),
    "QueueConfiguration": ("Queue", "sqs"),
    "CloudFunctionConfiguration": ("CloudFunction", "lambda"),
}
_ANY: Final = 10**9
_DEEPEST: Final = 100
_Children = Mapping[str, tuple[int, int]]
# Element -> how often each of its children must and may stand in it. What is not here has a text alone.
_SCHEMA: Final[Mapping[str, _Children]] = {
    ROOT: {**dict.fromkeys(_DESTINATIONS, (0, _ANY)), "EventBridgeConfiguration": (0, 1)},
    **{
        entry: {"Id": (0, 1), destination: (1, 1), "Event": (1, _ANY), "Filter": (0, 1)}
        for entry, (destination, _) in _DESTINATIONS.items()
    },
    "EventBridgeConfiguration": {},
    "Filter": {"S3Key": (0, 1)},
    "S3Key": {"FilterRule": (0, _ANY)},
    "FilterRule": {"Name": (1, 1), "Value": (1, 1)},
}
_NAMES: Final = _SCHEMA.keys() | {name for children in _SCHEMA.values() for name in children}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a document."""

    element: ET.Element

    @property
    def member(self) -> str:
        """The element of the destination."""
        return _DESTINATIONS[self.element.tag][0]

    @property
    def destination(self) -> str:
        """The ARN, as it was sent."""
        return self.element.findtext(self.member) or ""

    @property
    def arn(self) -> Arn | None:
        """The destination as what it must be, or None."""
        arn = Arn.parse(self.destination)
        service = _DESTINATIONS[self.element.tag][1]
        if arn is None or arn.service != service or not arn.region or not arn.account:
            return None
        if service != "lambda":
            return arn
        reference = FunctionReference.parse(self.destination)
        return arn if reference and reference.qualifier != "$LATEST" else None

    @property
    def events(self) -> list[str]:
        """The event types."""
        return [event.text or "" for event in self.element.iterfind("Event")]

    @property
    def rules(self) -> list[tuple[str, str]]:
        """Names, as they were sent, and values of the filter's rules."""
        rules = self.element.iterfind("Filter/S3Key/FilterRule")
        return [(rule.findtext("Name") or "", rule.findtext("Value") or "") for rule in rules]

    def affix(self, name: str) -> str:
        """The value of the rule of a name, "" where there is none."""
        return next((value for known, value in self.rules if known.lower() == name), "")


def entries_of(document: ET.Element) -> list[Entry]:
    """The entries, in their order."""
    return [Entry(element) for element in document if element.tag in _DESTINATIONS]


class _Builder(ET.TreeBuilder):
    """Refuses a document type, which could define entities, and what is nested too deeply to be written again."""

    _depth = 0

    def doctype(self, *_: object) -> NoReturn:
        """A document type."""
        raise malformed()

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        """The start of an element."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise malformed()
        return super().start(tag, attrs)

    def end(self, tag: str) -> ET.Element:
        """The end of an element."""
        self._depth -= 1
        return super().end(tag)


def read_document(data: bytes) -> ET.Element:
    """The tree of a document, with the names of S3's namespace in short. Raises Refusal for what the schema refuses."""
    parser = ET.XMLParser(target=_Builder())  # noqa: S314  # no DTD, so no entities
    try:
        parser.feed(data)
        document: ET.Element = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that Python does not know
        raise malformed() from error
    for element in document.iter():
        element.tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    if document.tag != ROOT:
        raise malformed()
    _check_schema(document)
    return document


def written(document: ET.Element) -> bytes:
    """The document as S3 answers it."""
    root = ET.Element(document.tag, {"xmlns": NAMESPACE, **document.attrib})
    root.extend(document)
    return xml(root)


def complete(document: ET.Element) -> None:
    """Bring what was sent into the form that is stored: each entry with an Id, names of rules with a capital letter."""
    for entry in entries_of(document):
        if not entry.element.findtext("Id"):
            for empty in entry.element.findall("Id"):
                entry.element.remove(empty)
            made = ET.Element("Id")
            made.text = base64.b64encode(str(uuid.uuid4()).encode()).decode()
            entry.element.insert(0, made)
        for name in entry.element.iterfind("Filter/S3Key/FilterRule/Name"):
            name.text = (name.text or "").capitalize()


def _check_schema(element: ET.Element) -> None:
    """Raise Refusal where the schema is broken. Blanks between elements are taken out."""
    if element.tag not in _NAMES:
        return  # a later schema's
    if element.tag not in _SCHEMA:
        if len(element):
            raise malformed()
        return
    children = _SCHEMA[element.tag]
    texts = [element.text, *(child.tail for child in element)]
    counts = Counter(child.tag for child in element)
    if (
        any(text and text.strip() for text in texts)
        or any(not least <= counts[name] <= most for name, (least, most) in children.items())
        or any(name in _NAMES and name not in children for name in counts)
    ):
        raise malformed()
    element.text = None
    for child in element:
        child.tail = None
        _check_schema(child)


# --- arguments -------------------------------------------------------------------------------------------------------


def check_arguments(entries: Sequence[Entry], region: str) -> None:
    """Raise Refusal for the first argument that S3 does not take, destinations aside: one check after the other, each
    over the entries in their order (docs/aws/push.md#refusals-of-documents).
    """
    for entry in entries:
        if entry.arn is None:
            details = {"ArgumentName": entry.member, "ArgumentValue": entry.destination}
            raise invalid_argument("The ARN could not be parsed", details)
    for entry in entries:
        _check_rules(entry)
    if any(event not in EVENTS for entry in entries for event in entry.events):
        raise invalid_argument("The event is not supported for notifications")
    if any(entry.arn and entry.arn.region != region for entry in entries):
        raise invalid_argument(
            "The notification destination service region is not valid for the bucket location constraint"
        )
    ids = [name for entry in entries if (name := entry.element.findtext("Id"))]
    if len(set(ids)) < len(ids):
        raise invalid_argument("Same ID used for multiple configurations. IDs must be unique.")
    if any(len(name) > 255 for name in ids):
        raise invalid_argument("The ID is longer than 255 characters.")  # words ours
    if len(entries) > LIMIT:
        raise invalid_argument(f"A bucket can have {LIMIT} notification configurations at most.")  # words ours
    for one, other in combinations(entries, 2):
        _check_overlap(one, other)


def _check_rules(entry: Entry) -> None:
    for name, value in entry.rules:
        if name.lower() not in ("prefix", "suffix"):
            details = {"ArgumentName": "FilterRule.Name", "ArgumentValue": name}
            raise invalid_argument("filter rule name must be either prefix or suffix", details)
        if len(value.encode()) > 1024:
            raise invalid_argument("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation")
    for name, count in Counter(name.lower() for name, _ in entry.rules).items():
        if count > 1:
            raise invalid_argument(f"Cannot specify more than one {name} rule in a filter.")


def _check_overlap(one: Entry, other: Entry) -> None:
    """Raise Refusal where two entries would both answer one event (docs/aws/push.md#overlaps)."""
    pair = next(_shared(one.events, other.events), None)
    prefixes, suffixes = ([entry.affix(name) for entry in (one, other)] for name in ("prefix", "suffix"))
    if (
        pair is None
        or not (prefixes[0].startswith(prefixes[1]) or prefixes[1].startswith(prefixes[0]))
        or not (suffixes[0].endswith(suffixes[1]) or suffixes[1].endswith(suffixes[0]))
    ):
        return
    if any(prefixes + suffixes):
        message = (
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are"
            " overlapping for the same event type."
        )
    else:
        message = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
    raise invalid_argument(message, {"ArgumentName": "Event", "ArgumentValue": ", ".join(pair)})


def _shared(events: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The pairs of event types that meet: equal ones, and one with the wildcard of its family."""
    for event in events:
        for other in others:
            families = event.rpartition(":")[0], other.rpartition(":")[0]
            wild = event.endswith(":*") or other.endswith(":*")
            if event == other or (wild and families[0] == families[1]):
                yield event, other
