"""A bucket's document: what is read of it, and that a change of ours leaves all else as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.aws.notifications import Document, Entry
from provisioner.errors import AwsError, ServiceError
from tests.support.s3_api import CREATED, FUNCTION, NAMESPACE, QUEUE, document, entry

REMOVED = "s3:ObjectRemoved:*"
WHERE = "the notifications of bucket media"
MINE = Entry("mine", "CloudFunction", FUNCTION, (CREATED,), "in/", ".jpg")


def parsed(*parts: str) -> Document:
    return Document.parse(document(*parts).encode(), WHERE)


def changed(text: str, *written: Entry, removed: tuple[str, ...] = ()) -> str:
    return Document.parse(text.encode(), WHERE).with_entries(written, removed).decode()


# --- reading ---------------------------------------------------------------------------------------------------------


def test_the_entries_of_a_document_in_its_order() -> None:
    found = parsed(
        entry(id="q", member="Queue", PREFIX="in/"),
        "<Newer><Id>x</Id></Newer>",
        entry(REMOVED, CREATED, suffix=".a", prefix=""),
        "<EventBridgeConfiguration/>",
        entry(id="t", member="Topic", arn="t&amp;u"),
    )

    assert found.entries == (
        Entry("q", "Queue", QUEUE, (CREATED,), "in/"),
        Entry("", "CloudFunction", FUNCTION, (REMOVED, CREATED), "", ".a"),
        Entry("t", "Topic", "t&u", (CREATED,)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "<{root}><{entry}><Id>a</Id></{entry}></{root}>",
        f'<s:{{root}} xmlns:s="{NAMESPACE}"><s:{{entry}}><s:Id>a</s:Id></s:{{entry}}></s:{{root}}>',
        f"<{{root}} xmlns='{NAMESPACE}'><{{entry}} xmlns='' x='>'><Id>a</Id></{{entry}}></{{root}}>",
        "<{root}><{entry}><Id><![CDATA[a]]></Id></{entry}></{root}>",
        "<?xml version='1.0' encoding='utf-8'?>\n<!-- a --><{root}><{entry}><!-- b --><Id>a</Id></{entry}></{root}>\n",
        "\ufeff<{root}><{entry}><Id\n>a</Id ></{entry}></{root}>",
    ],
)
def test_a_document_is_read_however_it_is_written(text: str) -> None:
    body = text.format(root="NotificationConfiguration", entry="QueueConfiguration").encode()

    assert Document.parse(body, WHERE).entries == (Entry("a", "Queue", "", ()),)


def test_an_entry_of_another_namespace_is_none() -> None:
    text = document('<o:QueueConfiguration xmlns:o="urn:o"><o:Id>mine</o:Id></o:QueueConfiguration>')

    assert parsed(text[text.index("<o:") : text.index("</Not")]).entries == ()
    assert changed(text, removed=("mine",)) == text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no XML"),
        (b"x", "no XML"),
        (b"<NotificationConfiguration>", "no XML"),
        (b"<NotificationConfiguration/><x/>", "no XML"),
        (b"<NotificationConfiguration>&nbsp;</NotificationConfiguration>", "no XML"),
        (b"<NotificationConfiguration><a:b/></NotificationConfiguration>", "no XML"),
        (b"<html><body/></html>", "html instead of NotificationConfiguration"),
        (b'<NotificationConfiguration xmlns="urn:o"/>', "urn:o}NotificationConfiguration instead"),
        (
            b'<!DOCTYPE x [<!ENTITY e "x">]><NotificationConfiguration>&e;</NotificationConfiguration>',
            "a document type",
        ),
        (b"<!DOCTYPE NotificationConfiguration><NotificationConfiguration/>", "a document type"),
        (
            b"<NotificationConfiguration>" + b"<a>" * 100 + b"</a>" * 100 + b"</NotificationConfiguration>",
            "more than 100",
        ),
        ("<NotificationConfiguration/>".encode("utf-16"), "codec"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?><NotificationConfiguration/>", "encoding iso-8859-1"),
        (b"<?xml version='1.0' encoding='x-none'?><NotificationConfiguration/>", "x-none"),
        (b"\xff<NotificationConfiguration/>", "codec"),
        (b"<NotificationConfiguration>\xe9</NotificationConfiguration>", "codec"),
    ],
)
def test_what_is_no_document(body: bytes, words: str) -> None:
    with pytest.raises(ServiceError, match=f"^{WHERE}: cannot parse the response: .*{words}"):
        Document.parse(body, WHERE)


def test_the_order_of_events_says_nothing() -> None:
    one, other = (Entry("a", "Queue", QUEUE, events) for events in ((CREATED, REMOVED), (REMOVED, CREATED)))

    assert one.equals(other)
    assert not one.equals(Entry("a", "Queue", QUEUE, (CREATED,)))
    assert not one.equals(Entry("a", "Queue", QUEUE, (CREATED, REMOVED), "in/"))


# --- writing ---------------------------------------------------------------------------------------------------------

RULES = "<FilterRule><Name>{}</Name><Value>{}</Value></FilterRule>"
EMPTY = "<NotificationConfiguration/>"


def rules(**named: str) -> str:
    return "".join(RULES.format(name, value) for name, value in named.items())


def ours(inside: str, attributes: str = "") -> str:
    """A document with the entry `mine`, as this package does not write it."""
    return document(f"<CloudFunctionConfiguration{attributes}>{inside}</CloudFunctionConfiguration>")


BARE = f"<Id>mine</Id><CloudFunction>{FUNCTION}</CloudFunction><Event>{CREATED}</Event>"
FULL = f"<Filter><S3Key>{rules(Prefix='in/', Suffix='.jpg')}</S3Key></Filter>"
BLANK = f"{BARE}<Filter><S3Key>{rules(Prefix='')}</S3Key></Filter>"
PLAIN = Entry("mine", "CloudFunction", FUNCTION, (CREATED,))


def test_a_new_entry_follows_the_last_one() -> None:
    before = entry(id="a"), "<EventBridgeConfiguration/>", entry(REMOVED)
    made = f"<CloudFunctionConfiguration>{BARE}{FULL}</CloudFunctionConfiguration>"

    assert changed(document(*before, "<!-- c --><Newer/>"), MINE) == document(*before, made, "<!-- c --><Newer/>")


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        (EMPTY, ""),
        ("<NotificationConfiguration></NotificationConfiguration>", ""),
        (f'<NotificationConfiguration xmlns="{NAMESPACE}" />', ""),
        (f'<s:NotificationConfiguration xmlns:s="{NAMESPACE}" xmlns="urn:o"/>', "s:"),
    ],
)
def test_the_first_entry(text: str, prefix: str) -> None:
    written = changed(text, MINE)

    assert f"<{prefix}CloudFunctionConfiguration><{prefix}Id>mine</{prefix}Id>" in written
    assert Document.parse(written.encode(), WHERE).entries == (MINE,)


def test_the_first_entry_comes_before_what_is_no_entry() -> None:
    text = document("<EventBridgeConfiguration/>")

    assert changed(text, PLAIN) == document(entry(id="mine"), "<EventBridgeConfiguration/>")


@pytest.mark.parametrize(
    ("inside", "wanted", "expected"),
    [
        (BARE, PLAIN, BARE),
        (BARE, Entry("mine", "CloudFunction", "x&<\r", (CREATED,)), BARE.replace(FUNCTION, "x&amp;&lt;&#13;")),
        (
            BARE + "<Colour/>",
            Entry("mine", "CloudFunction", FUNCTION, (REMOVED,)),
            BARE.replace(CREATED, REMOVED) + "<Colour/>",
        ),
        (
            f"<Colour/>\n<Event>{CREATED}</Event> {BARE}<Size/>",
            Entry("mine", "CloudFunction", FUNCTION, (REMOVED, CREATED)),
            f"<Colour/>\n<Event>{CREATED}</Event> {BARE}<Event>{REMOVED}</Event><Size/>",
        ),
        (BARE, MINE, BARE + FULL),
        (BARE + "<Filter/>", MINE, BARE + FULL),
        (BARE + "<Filter ><S3Key/></Filter>", MINE, BARE + FULL.replace("<Filter>", "<Filter >")),
        (BARE + FULL, PLAIN, BARE),
        (
            f"{BARE}<Filter><S3Key>{rules(suffix='.jpg', PREFIX='a')}<Size/></S3Key></Filter>",
            MINE,
            f"{BARE}<Filter><S3Key>{rules(suffix='.jpg', PREFIX='in/')}<Size/></S3Key></Filter>",
        ),
        (
            f"{BARE}<Filter><S3Key>{rules(Prefix='a')}<Size/></S3Key></Filter>",
            PLAIN,
            f"{BARE}<Filter><S3Key><Size/></S3Key></Filter>",
        ),
        (f"{BARE}<Filter><Size/><S3Key>{rules(Prefix='a')}</S3Key></Filter>", PLAIN, f"{BARE}<Filter><Size/></Filter>"),
        (
            f"{BARE}<Filter new='1'><S3Key new='2'>{rules(Prefix='a')}</S3Key></Filter>",
            PLAIN,
            f"{BARE}<Filter new='1'><S3Key new='2'></S3Key></Filter>",
        ),
        (BLANK, PLAIN, BLANK),
        (BARE.replace(FUNCTION, "old<New>x</New>"), PLAIN, BARE.replace(FUNCTION, f"{FUNCTION}<New>x</New>")),
        (
            f"{BARE}<Filter><S3Key>{rules(Prefix='a', prefix='b', Other='c')}</S3Key></Filter>",
            PLAIN,
            f"{BARE}<Filter><S3Key>{rules(Other='c')}</S3Key></Filter>",
        ),
    ],
)
def test_only_what_differs_of_an_entry_is_changed(inside: str, wanted: Entry, expected: str) -> None:
    assert changed(ours(inside, " new='x'"), wanted) == ours(expected, " new='x'")


def test_an_entry_that_somebody_pointed_at_a_queue_is_pointed_back() -> None:
    text = document(entry(id="mine", member="Queue").replace("<Event>", "<Colour/><Event>"), entry(id="b"))

    assert changed(text, PLAIN) == document(entry(id="mine").replace("<Event>", "<Colour/><Event>"), entry(id="b"))


def test_an_entry_is_taken_out_whatever_it_invokes_and_an_absent_one_is_no_error() -> None:
    parts = entry(id="a"), " <!-- x -->\n", entry(REMOVED), entry(id="b", member="Topic")

    assert changed(document(*parts), removed=("a", "b", "c")) == document(*parts[1:3])


def test_what_is_not_ours_stays_byte_for_byte() -> None:
    parts = (
        "\n  <!-- made by hand -->",
        entry().replace(">", "  >"),
        entry(id="twice", prefix="a&#13;b"),
        entry(REMOVED, id="twice", member="Queue", prefix="<![CDATA[<]]>"),
        "<?note x?><o:Other xmlns:o='urn:o' o:a=\"'&gt;\" o:b='>'><o:QueueConfiguration/>o:text</o:Other>",
        "<EventBridgeConfiguration></EventBridgeConfiguration>\r\n",
    )
    text = f"<?xml version='1.0'?>\n<!-- {'x' * 9} -->{document(*parts)}<?end?>\n"

    assert changed(text) == text
    assert changed(text, removed=("mine",)) == text
    assert changed(changed(text, MINE), removed=("mine",)) == text


def test_an_id_of_ours_that_stands_twice_is_an_error() -> None:
    text = document(entry(id="mine"), entry(REMOVED, id="mine", member="Queue"))

    for written, removed in (((PLAIN,), ()), ((), ("mine",))):
        with pytest.raises(AwsError, match=f"^{WHERE}: 2 entries have the Id mine,"):
            changed(text, *written, removed=removed)
    assert changed(text, removed=("other",)) == text


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\ufffe", "\ud800"])
@pytest.mark.parametrize("before", [EMPTY, ours(BARE), ours(BARE + FULL)])
def test_a_text_that_xml_cannot_have_is_an_error(before: str, char: str) -> None:
    with pytest.raises(AwsError, match="the entry mine cannot be written: XML cannot have the character"):
        changed(before, Entry("mine", "CloudFunction", FUNCTION, (CREATED,), f"a{char}"))


@pytest.mark.parametrize("text", ["a\rb", "\r\n", " a ", "\t", "]]>", "&amp;", "'\"", "é😀\u2028", "\x85"])
def test_every_other_text_comes_back_as_it_was(text: str) -> None:
    wanted = Entry("mine", "CloudFunction", FUNCTION, (CREATED,), text, text)

    assert Document.parse(changed(EMPTY, wanted).encode(), WHERE).entries == (wanted,)


def test_a_document_is_not_changed_by_what_is_written_of_it() -> None:
    found = parsed(entry(id="mine"), entry(REMOVED))
    first = found.with_entries([MINE])

    assert found.with_entries([MINE]) == first
    assert found.with_entries([]) == document(entry(id="mine"), entry(REMOVED)).encode()


# --- any document, any changes ---------------------------------------------------------------------------------------

KNOWN = {"Id", "CloudFunction", "Queue", "Topic", "Event", "Filter", "S3Key", "FilterRule", "Name", "Value"}
OURS = ("our-1", "our-2", "our-3")
TEXTS = st.sampled_from(["", "a", "in/", "é", "x &amp; y", "a&#13;b", "<![CDATA[<c>]]>", "\n  "])
NOISE = st.sampled_from(["", "", "", "\n  ", "<!-- c -->", "<?note x?>", "\r\n"])
AFFIXES = st.sampled_from(["", "", "in/", "a\rb", "x&y", " <é> "])
EVENTS = st.lists(st.sampled_from([CREATED, REMOVED, "s3:ObjectAcl:Put"]), min_size=1, max_size=3)
WANTED = st.builds(
    Entry,
    id=st.sampled_from(OURS),
    member=st.just("CloudFunction"),
    destination=st.sampled_from([FUNCTION, f"{FUNCTION}:live"]),
    events=EVENTS.map(tuple),
    prefix=AFFIXES,
    suffix=AFFIXES,
)
STEPS = st.lists(
    st.tuples(
        st.lists(WANTED, max_size=3, unique_by=lambda entry: entry.id), st.sets(st.sampled_from(OURS), max_size=2)
    ),
    max_size=4,
)


@st.composite
def unknown(draw: st.DrawFn, prefix: str, depth: int = 2) -> str:
    """An element of a later schema, or of another namespace."""
    name, declared = draw(
        st.sampled_from([(f"{prefix}Newer", ""), ("o:Other", " xmlns:o='urn:o' o:a='>'"), ("Plain", " xmlns='urn:p' a=\"1\"")])
    )  # fmt: skip
    inside = draw(NOISE) + draw(TEXTS)
    if depth and draw(st.booleans()):
        inside += draw(unknown("" if "xmlns=" in declared else prefix, depth - 1))
    return f"<{name}{declared}>{inside}</{name}>" if inside else f"<{name}{declared} />"


@st.composite
def some_entry(draw: st.DrawFn, prefix: str, ident: str) -> str:
    def tag(name: str, inside: str, attributes: str = "") -> str:
        return f"<{prefix}{name}{attributes}>{inside}</{prefix}{name}>"

    def extra() -> str:
        return draw(NOISE) + (draw(unknown(prefix)) if draw(st.integers(0, 5)) == 0 else "")

    member = draw(st.sampled_from(["CloudFunction", "Queue", "Topic"]))
    parts = [extra(), tag("Id", ident) if ident else "", extra(), tag(member, draw(TEXTS))]
    parts += [extra() + tag("Event", event) for event in draw(EVENTS)]
    if draw(st.booleans()):
        names = draw(st.lists(st.sampled_from(["Prefix", "SUFFIX", "Other"]), unique=True))
        inside = [
            extra() + tag("FilterRule", tag("Name", name) + extra() + tag("Value", draw(TEXTS))) for name in names
        ]
        parts += [extra(), tag("Filter", extra() + tag("S3Key", extra() + "".join(inside)))]
    return tag(f"{member}Configuration", "".join([*parts, extra()]), draw(st.sampled_from(["", " new='1'"])))


@st.composite
def documents(draw: st.DrawFn) -> str:
    prefix, declared = draw(
        st.sampled_from([("", ""), ("", f" xmlns='{NAMESPACE}'"), ("s:", f" xmlns:s='{NAMESPACE}' xmlns='urn:d'")])
    )
    idents = st.sampled_from(["", "", "foreign", "twice", "twice"])
    foreign = st.one_of(
        unknown(prefix),
        idents.flatmap(lambda ident: some_entry(prefix, ident)),
        st.just(f"<{prefix}EventBridgeConfiguration/>"),
        st.just(f"<{prefix}EventBridgeConfiguration></{prefix}EventBridgeConfiguration>"),
    )
    parts = draw(st.lists(foreign, max_size=5))
    for ident in draw(st.lists(st.sampled_from(OURS), unique=True, max_size=2)):
        parts.insert(draw(st.integers(0, len(parts))), draw(some_entry(prefix, ident)))
    inside = "".join(draw(NOISE) + part for part in parts) + draw(NOISE)
    root = f"{prefix}NotificationConfiguration"
    return f"<?xml version='1.0'?>{draw(NOISE)}<{root}{declared}>{inside}</{root}>{draw(NOISE)}"


def short(tag: Any) -> str:
    return tag.removeprefix(f"{{{NAMESPACE}}}") if isinstance(tag, str) else str(tag)


def said(element: Any) -> tuple[Any, ...]:
    """All that ElementTree knows of an element: the oracle is another parser."""
    inside = [(said(child), child.tail) for child in element]
    return short(element.tag), element.attrib, element.text, inside


def tree(text: bytes) -> Any:
    builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
    return ET.fromstring(text, ET.XMLParser(target=builder))


def ident_of(element: Any) -> str:
    if not short(element.tag).endswith("Configuration"):
        return ""
    return next((child.text or "" for child in element if short(child.tag) == "Id"), "")


def foreign_of(root: Any) -> tuple[Any, ...]:
    """The root's attributes and text, and everything in it that is not ours."""
    text = (root.text or "") + "".join(child.tail or "" for child in root)
    return root.tag, root.attrib, text, [said(child) for child in root if ident_of(child) not in OURS]


def unknown_of(element: Any) -> Iterator[Any]:
    """What of an entry no version of this package writes: other elements and attributes."""
    if element.attrib:
        yield short(element.tag).replace("Queue", "CloudFunction").replace("Topic", "CloudFunction"), element.attrib
    for child in element:
        if not isinstance(child.tag, str) or short(child.tag) == "FilterRule":
            continue  # comments may go with the text that they stand in, and rules with what is in them
        if short(child.tag) in KNOWN:
            yield from unknown_of(child)
        else:
            yield said(child)


@given(documents(), STEPS)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_whatever_is_changed_of_ours_all_else_is_as_it_was(
    text: str, steps: list[tuple[list[Entry], set[str]]]
) -> None:
    body = text.encode()
    foreign = foreign_of(tree(body))
    assert Document.parse(body, WHERE).with_entries([]) == body
    for written, removed in steps:
        removed -= {entry.id for entry in written}
        before = Document.parse(body, WHERE)
        own = {ident_of(child): list(unknown_of(child)) for child in tree(body) if ident_of(child) in OURS}
        body = before.with_entries(written, removed)

        assert foreign_of(tree(body)) == foreign
        wanted = {entry.id: entry for entry in before.entries if entry.id in OURS and entry.id not in removed}
        wanted |= {entry.id: entry for entry in written}
        found = [entry for entry in Document.parse(body, WHERE).entries if entry.id in OURS]
        assert len(found) == len(wanted)
        assert all(entry.equals(wanted[entry.id]) for entry in found)
        for child in tree(body):
            if ident_of(child) in own:
                assert list(unknown_of(child)) == own[ident_of(child)]
