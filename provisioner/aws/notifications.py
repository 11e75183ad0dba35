"""The notification configuration of a bucket as the document that S3 keeps: read, and changed in places
(docs/aws/push.md#documents).

S3 replaces the whole document, and boto3 drops what it does not know. So the text itself is changed: entries of others,
and elements of a later version of S3, are written back as they were read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from provisioner.aws.markup import Element, Markup, read_markup
from provisioner.errors import AwsError, ServiceError

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
ROOT: Final = "NotificationConfiguration"
# The element of an entry -> the element of its destination.
_ENTRIES: Final = {f"{member}Configuration": member for member in ("Topic", "Queue", "CloudFunction")}
_AFFIXES: Final = ("Prefix", "Suffix")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a bucket's document. `id` is "" when it has none, `prefix` and `suffix` "" when every key matches."""

    id: str
    member: str
    """What is invoked: `CloudFunction`, `Queue` or `Topic`."""
    destination: str
    """The ARN, as it stands there."""
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    @property
    def content(self) -> tuple[object, ...]:
        """All beside the Id, to compare: the order of events does not count."""
        return self.member, self.destination, frozenset(self.events), self.prefix, self.suffix

    def equals(self, other: Entry) -> bool:
        """Whether Id and content are the same."""
        return self.id == other.id and self.content == other.content


class Document:
    """A bucket's document. It is never changed: `with_entries` gives the text of another one."""

    def __init__(self, body: bytes, where: str, markup: Markup) -> None:
        self._body = body
        self._where = where
        self.entries: tuple[Entry, ...] = tuple(map(_entry, _elements(markup.root)))
        """All entries, in the document's order."""

    @classmethod
    def parse(cls, body: bytes, where: str) -> Document:
        """The document that S3 answered; `where` names it in messages, as in "the notifications of bucket media". Raises
        ServiceError when it is none.
        """
        try:
            markup = read_markup(body, NAMESPACE)
        except ValueError as error:
            raise ServiceError(f"{where}: cannot parse the response: {error}") from error
        if markup.root.name != ROOT:
            raise ServiceError(f"{where}: cannot parse the response: {markup.root.name} instead of {ROOT}")
        return cls(body, where, markup)

    def with_entries(self, written: Sequence[Entry], removed: Collection[str] = ()) -> bytes:
        """The text of the document with these entries of ours, and without those that have the `removed` Ids.

        An entry whose Id is there is changed in its place, and what of it is unknown stays; another one follows the last
        entry. All else stays byte for byte. An Id that is to be removed and is not there is no error.

        Raises AwsError when one of these Ids stands twice in the document, and for a text that XML cannot have.
        """
        ours = {*removed, *(entry.id for entry in written)}
        assert "" not in ours, "an entry of ours has an Id"
        for ident, count in Counter(entry.id for entry in self.entries if entry.id in ours).items():
            if count > 1:
                raise AwsError(
                    f"{self._where}: {count} entries have the Id {ident}, so that none of them can be changed",
                    hint="remove all but one of them from the bucket, then run the command again",
                )
        markup = read_markup(self._body, NAMESPACE)
        found = {_entry(element).id: element for element in _elements(markup.root)}
        for ident in removed:
            if ident in found:
                markup.root.remove(found[ident])
        for entry in written:
            try:
                _write(found.get(entry.id) or _added(markup.root, entry), entry)
            except ValueError as error:
                raise AwsError(f"{self._where}: the entry {entry.id} cannot be written: {error}") from error
        return markup.written()


def _elements(root: Element) -> list[Element]:
    return [child for child in root.children if child.name in _ENTRIES]


def _entry(element: Element) -> Entry:
    member = _ENTRIES[element.name]
    events = tuple(event.text for event in element.all("Event"))
    prefix, suffix = (next((rule.text_of("Value") for rule in _rules(element, name)), "") for name in _AFFIXES)
    return Entry(element.text_of("Id"), member, element.text_of(member), events, prefix, suffix)


def _rules(entry: Element, affix: str) -> list[Element]:
    """The filter's rules of a name, whose capitals do not count; S3 takes one."""
    outer = entry.first("Filter")
    key = outer.first("S3Key") if outer else None
    return [rule for rule in key.all("FilterRule") if rule.text_of("Name").capitalize() == affix] if key else []


# --- writing ---------------------------------------------------------------------------------------------------------


def _added(root: Element, entry: Entry) -> Element:
    """A new entry, after the last one; before all else where there is none."""
    last = next(reversed(_elements(root)), None)
    made = root.add(f"{entry.member}Configuration", at=root.position(last) + 1 if last else 0)
    made.add("Id", entry.id)
    made.add(entry.member, entry.destination)
    return made


def _write(element: Element, entry: Entry) -> None:
    """Make the element say what the entry does. Only what differs is touched. Raises ValueError for a text that XML cannot
    have.
    """
    now = _entry(element)
    destination = element.first(now.member) or element.add(now.member)
    if now.member != entry.member:
        element.rename(f"{entry.member}Configuration")
        destination.rename(entry.member)
    if now.destination != entry.destination:
        destination.set_text(entry.destination)
    _write_events(element, destination, entry.events)
    for name, value, old in zip(_AFFIXES, (entry.prefix, entry.suffix), (now.prefix, now.suffix), strict=True):
        if value != old:
            _write_affix(element, name, value)


def _write_events(element: Element, destination: Element, events: Sequence[str]) -> None:
    """Take out the events that are not wanted, and add the others after those that stay, or after the destination."""
    for known in element.all("Event"):
        if known.text not in events:
            element.remove(known)
    kept = {known.text for known in element.all("Event")}
    for event in dict.fromkeys(events):
        if event not in kept:
            last = next(reversed(element.all("Event")), destination)
            element.add("Event", event, at=element.position(last) + 1)


def _write_affix(element: Element, affix: str, value: str) -> None:
    """Set a rule of the filter, or take it out where the value is ""; then also what is left without content."""
    outer = element.first("Filter") or element.add("Filter")
    key = outer.first("S3Key") or outer.add("S3Key")
    rules = _rules(element, affix)
    if not value:
        for rule in rules:
            key.remove(rule)
    elif rules:
        (rules[0].first("Value") or rules[0].add("Value")).set_text(value)
    else:
        made = key.add("FilterRule")
        made.add("Name", affix)
        made.add("Value", value)
    if key.is_bare:
        outer.remove(key)
    if outer.is_bare:
        element.remove(outer)
