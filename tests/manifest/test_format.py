"""The canonical form of a manifest's text, and a text with one more mapping."""

from __future__ import annotations

import os
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.convert.entry import dump
from provisioner.errors import ManifestError, UsageError
from provisioner.kinds.event_source_mapping import FIELDS
from provisioner.manifest.format import formatted, with_mapping
from provisioner.manifest.format import text as under_test
from provisioner.manifest.reader import MAX_DEPTH, parse
from tests.manifest.written import Written, written

TOP = Path(__file__).parents[2]
FILES = [
    *TOP.glob("examples/*/*.yaml"),
    *TOP.glob("tests/cases/invalid/*.yaml"),
    *TOP.glob("tests/cases/warned/*.yaml"),
]
NEW = dump({"mappings": {"new": {"function_name": "worker", "tags": {"team": "orders"}}}})


def meaning(text: str) -> Any:
    document = parse(text, "m.yaml")
    assert not document.diagnostics
    return document.root.plain() if document.root else None


def ordered(value: Any) -> Any:
    """A value whose equality minds types and the order of keys."""
    if isinstance(value, dict):
        return [(key, ordered(item)) for key, item in value.items()]
    return [ordered(item) for item in value] if isinstance(value, list) else (type(value).__name__, repr(value))


def unordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unordered(item) for key, item in value.items()}
    return [unordered(item) for item in value] if isinstance(value, list) else ordered(value)


# --- golden cases -----------------------------------------------------------------------------------------------------

GOLDEN = {
    "keys in canonical order, names in their author's": (
        "mappings:\n  b: { batch_size: 1, function_name: f }\n  a: {}\nstack: s\nversion: 1\n",
        "version: 1\nstack: s\nmappings:\n  b: { function_name: f, batch_size: 1 }\n  a: {}\n",
    ),
    "a mapping begins with its region and ends with tags and lifecycle": (
        "mappings:\n  a:\n    lifecycle: {}\n    tags: { z: 1, a: 2 }\n    from_the_future: 1\n    batch_size: 1\n    region: r\n",
        "mappings:\n  a:\n    region: r\n    batch_size: 1\n    from_the_future: 1\n    tags: { z: 1, a: 2 }\n    lifecycle: {}\n",
    ),
    "x- keys stand above what repeats itself": (
        "x-b: 1\nmappings: {}\nx-a: 2\nstack: s\nvariables: {}\nfoo: 1\nlimits: {}\n",
        "stack: s\nvariables: {}\nx-b: 1\nx-a: 2\nmappings: {}\nlimits: {}\nfoo: 1\n",
    ),
    "blocks in lists and below blocks": (
        "moved:\n- to: a\n  from: b\nprovider:\n  assume_role:\n    session_name: n\n    role_arn: r\n",
        "provider:\n  assume_role:\n    role_arn: r\n    session_name: n\nmoved:\n- from: b\n  to: a\n",
    ),
    "comments stay where they belong": (
        "# head\n\n# the mappings\nmappings: # eol\n  # first\n  a:\n    batch_size: 1 # of size\n    # above fn\n    function_name: f"
        "\n    # foot of a\n  # foot of mappings\n# above stack\nstack: s # of stack\n# end\n",
        "# head\n\n# above stack\nstack: s # of stack\n# the mappings\nmappings: # eol\n  # first\n  a:\n    # above fn\n"
        "    function_name: f\n    batch_size: 1 # of size\n    # foot of a\n  # foot of mappings\n# end\n",
    ),
    "a modeline stays at the top": (
        "# yaml-language-server: $schema=manifest.json\n# the limits\nlimits: {}\nstack: s\n",
        "# yaml-language-server: $schema=manifest.json\nstack: s\n# the limits\nlimits: {}\n",
    ),
    "a comment that is indented too little belongs to the key below": (
        "mappings:\n  a:\n    batch_size: 1\n# fn\n    function_name: f\n",
        "mappings:\n  a:\n# fn\n    function_name: f\n    batch_size: 1\n",
    ),
    "a comment that is indented too much cannot become text": (
        "mappings:\n  a:\n        # size\n    batch_size: 1\n    function_name: |\n      f\n",
        "mappings:\n  a:\n    function_name: |\n      f\n    # size\n    batch_size: 1\n",
    ),
    "no comment comes between a dash and its key": (
        "moved:\n  - to: a\n    # above\n    from: b\n  -\n    # above\n    to: c\n    from: d # of d\n",
        "moved:\n  - to: a\n    # above\n    from: b\n  -\n    from: d # of d\n    # above\n    to: c\n",
    ),
    "the empty line above what comes first stays in the place": (
        "mappings:\n  a: {}\n\nstack: s\n",
        "stack: s\n\nmappings:\n  a: {}\n",
    ),
    "what was apart stays apart": (
        "stack: s\nlimits: {}\n\nmappings:\n  a: {}\n",
        "stack: s\n\nmappings:\n  a: {}\n\nlimits: {}\n",
    ),
    "at most one empty line, no trailing space, one end": (
        "\n\nstack: s  \n \n\n\n# a\t\n\n\n\nlimits: {}\ninclude:\n  - a\n\n\n  - b \n\n \n\n",
        "stack: s\ninclude:\n  - a\n\n  - b\n\n# a\n\nlimits: {}\n",
    ),
    "an anchor stays before its alias": (
        "x-a: &a { region: r }\nstack: s\nprovider: *a\n",
        "x-a: &a { region: r }\nstack: s\nprovider: *a\n",
    ),
    "anchors of one name stay in order": (
        "x-a: &a 1\nprovider: &a {}\nstack: *a\n",
        "x-a: &a 1\nprovider: &a {}\nstack: *a\n",
    ),
    "an anchor moves with its value": (
        "mappings:\n  a: &a # eol\n    # size\n    batch_size: 1\n    function_name: f\n  b: *a\nstack: s\n",
        "stack: s\nmappings:\n  a: &a # eol\n    function_name: f\n    # size\n    batch_size: 1\n  b: *a\n",
    ),
    "merges come first": (
        "x-a: &a { enabled: true }\nmappings:\n  m:\n    function_name: f\n    <<: *a\n",
        "x-a: &a { enabled: true }\nmappings:\n  m:\n    <<: *a\n    function_name: f\n",
    ),
    "stack mappings of several lines keep their order": (
        "provider: {\n  profile: p, # c  \n\n\n\n  region: 'r'\n}\n",
        "provider: {\n  profile: p, # c\n\n  region: r\n}\n",
    ),
    "stack mappings with keys alone keep theirs": ("provider: { profile: , region }\n", "provider: { profile: , region }\n"),
    "stack mappings keep their spaces": (
        "provider: {profile: 'p' ,region: \"r\",}\n",
        "provider: {region: r ,profile: p,}\n",
    ),
    "JSON keeps its quotes": ('x-a: {"a":["b"],"c": "d"}\n', 'x-a: {"a":["b"],"c": "d"}\n'),
    "JSON with spaces is YAML": ('x-a: {"a": ["b"], "c": "d"}\n', "x-a: {a: [b], c: d}\n"),
    "block scalars are not touched": (
        "mappings:\n  m:\n    tags:\n      a: |2\n          x\n        y  \n    function_name: >-  # c \n      f\n\n\n      g  \n\n\n\n  n: {}\n",
        "mappings:\n  m:\n    function_name: >-  # c\n      f\n\n\n      g  \n    tags:\n      a: |2\n          x\n        y  \n\n  n: {}\n",
    ),
    "what keeps its empty lines stays in its place": (
        "limits: {}\nx-a: |+\n  a\n\n\nstack: s\n",
        "limits: {}\nx-a: |+\n  a\n\n\nstack: s\n",
    ),
    "empty lines at the end may be a scalar's": ("stack: |+\n  s\n\n\n", "stack: |+\n  s\n\n\n"),
    "a block scalar without a line break gains none": ("x-a: |\n  a\nstack: >\n  s", "stack: >-\n  s\nx-a: |\n  a\n"),
    "a block scalar that keeps, without a line break": ("stack: |+2\n    s", "stack: |2-\n    s\n"),
    "scalars of several lines stay": (
        "mappings:\n  a:\n    tags:\n      x: plain over \n        several\n\n\n        lines\n    function_name: \"f\n\n\n      g \\\n      h\"\n",
        "mappings:\n  a:\n    function_name: \"f\n\n\n      g \\\n      h\"\n    tags:\n      x: plain over \n        several\n\n\n        lines\n",
    ),
    "CRLF, CR and a BOM": (
        "\ufeffstack: 's'\r\nversion: 1\r\nx-a: |\r\n  l\r\n  m\r\nx-b: \"a\r\n  b\"\rlimits: {}\r\n",
        "version: 1\nstack: s\nx-a: |\n  l\n  m\nx-b: \"a\n  b\"\nlimits: {}\n",
    ),
    "line breaks that only YAML knows": ("stack: s # c\x85version: 1\nlimits: {}\n", "stack: s # c\x85version: 1\nlimits: {}\n"),
    "tabs": ("stack:\ts\t#\ttab\t\nversion: 1\t\n", "version: 1\nstack:\ts\t#\ttab\n"),
    "a document between its marks": (
        "# c\n%YAML 1.1\n--- # d\n# s\nstack: s\nversion: 1\n...\n# end",
        "# c\n%YAML 1.1\n--- # d\nversion: 1\n# s\nstack: s\n...\n# end\n",
    ),
    "an anchor and a tag of the whole": ("--- !!map &x\nstack: s\nversion: 1\n", "--- !!map &x\nversion: 1\nstack: s\n"),
    "an indented whole": ("  stack: s\n  version: 1\n  # end\n", "  version: 1\n  stack: s\n  # end\n"),
    "keys that are no simple texts": ("stack: s\n? a\n? 'b'\nversion: 1\n", 'stack: s\n? a\n? "b"\nversion: 1\n'),
    "a key below its question mark": ("?\n a\n: 1\nstack: s\n", "?\n a\n: 1\nstack: s\n"),
    "spaces at the end are no line of a scalar that keeps": ("stack: >+2\n    s\n  ", "stack: >+2\n    s\n"),
    "a line of text that begins in a comment": ("x-a: |  # c\x85  b \n  c\n", "x-a: |  # c\x85  b \n  c\n"),
    "a group as a key's question": ("? stack\n:\n  's'\nversion: 1\n", "? stack\n:\n  s\nversion: 1\n"),
    "empty values": ("limits:\n# c\nmappings:\n\n\nstack:   # none\n  s\n", "stack:   # none\n  s\n\n# c\nmappings:\n\nlimits:\n"),
    "nothing": ("", ""),
    "empty lines alone": (" \n\n\n", ""),
    "comments alone": ("# a  \n\n\n# b\t", "# a\n\n# b\n"),
    "a mark alone": ("---\n\n\n", "---\n"),
    "a list": ("- 'a'\n- - 'b' # c\n", "- a\n- - b # c\n"),
    "unicode": ("mappings:\n  é: { tags: { '日本': '😀', b: 'ü' }, region: 'x' }\n", 'mappings:\n  é: { region: x, tags: { 日本: "😀", b: ü } }\n'),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), GOLDEN.values(), ids=GOLDEN)
def test_the_canonical_form(before: str, after: str) -> None:
    assert formatted(before) == after
    assert formatted(after) == after


@pytest.mark.parametrize(
    ("block", "stack", "canonical"),
    [
        ("'a'", "'a'", "a"), ('"a b"', '"a b"', "a b"), ("''", '""', '""'), ("'arn:aws:x'", '"arn:aws:x"', "arn:aws:x"),
        ("'yes'", "'yes'", '"yes"'), ("'012'", "'012'", '"012"'), ("'089'", "'089'", '"089"'), ("'1e3'", "'1e3'", '"1e3"'),
        ("'012345678901'", "'012345678901'", '"012345678901"'), ("'null'", "'null'", '"null"'), ("'~'", "'~'", '"~"'),
        ("'2026-01-01'", "'2026-01-01'", '"2026-01-01"'), ("'1:30'", "'1:30'", '"1:30"'), ("'.5'", "'.5'", '".5"'),
        ("'a: b'", "'a: b'", '"a: b"'), ("'a #b'", "'a #b'", '"a #b"'), ("'a#b'", "'a#b'", "a#b"), ("'a:'", "'a:'", '"a:"'),
        ("'${var.x}'", "'${var.x}'", '"${var.x}"'), ("'a-${var.x}'", "'a-${var.x}'", '"a-${var.x}"'),
        ("'$${x}'", "'$${x}'", '"$${x}"'), ("'$LATEST'", "'$LATEST'", "$LATEST"), ("'/'", "'/'", "/"),
        ('"{\\"a\\": 1}"', '"{\\"a\\": 1}"', "'{\"a\": 1}'"), ("'{\"a\": [1]}'", "'{\"a\": [1]}'", "'{\"a\": [1]}'"),
        ('"^a\\\\.b"', '"^a\\\\.b"', "'^a\\.b'"), ("'it''s'", '"it\'s"', "it's"), ("'*''\"'", "'*''\"'", "'*''\"'"),
        ('"a\\tb"', '"a\\tb"', '"a\\tb"'), ('"\\u00e9"', '"\\u00e9"', '"\\u00e9"'), ("'a\tb'", "'a\tb'", "'a\tb'"),
        ("'- a'", "'- a'", '"- a"'), ("'-a'", "'-a'", '"-a"'), ("'?'", "'?'", '"?"'), ("'*'", "'*'", '"*"'), ("'...'", "'...'", '"..."'),
        ("'='", "'='", '"="'), ("'<<'", "'<<'", '"<<"'), ("!!str '1'", "!!str '1'", "!!str '1'"), ("&a 'b'", "&a 'b'", "&a b"),
        ("012", "012", "012"), ("True", "True", "True"), ("0x1F", "0x1F", "0x1F"), ("yes", "yes", "yes"), ("1.50", "1.50", "1.50"),
    ],
)  # fmt: skip
def test_quotes(block: str, stack: str, canonical: str) -> None:
    assert formatted(f"x-a: {block}\n") == f"x-a: {canonical}\n"
    assert formatted(f"x-a:\n  - {block}\n") == f"x-a:\n  - {canonical}\n"
    if ":" not in canonical.strip("\"'"):
        assert formatted(f"x-a: [ {stack} ]\n") == f"x-a: [ {canonical} ]\n"


@pytest.mark.parametrize("text", ["a,b", "[a", "a]", "{a", "a:b", "a?"])
def test_quotes_stay_where_a_flow_collection_needs_them(text: str) -> None:
    assert formatted(f"x-a: ['{text}', {{b: '{text}'}}]\n") == f'x-a: ["{text}", {{b: "{text}"}}]\n'


def test_keys_lose_their_quotes_where_they_are_texts() -> None:
    keys = "mappings:\n  'a': {}\n  \"b-c\": {}\n  'yes': {}\n  '<<': {}\n  '1': {}\n  'd' : {}\n"

    assert formatted(keys) == 'mappings:\n  a: {}\n  b-c: {}\n  "yes": {}\n  "<<": {}\n  "1": {}\n  "d" : {}\n'


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n", "a: 1\n---\nb: 2\n", "a: *b\n", "\ud800"])
def test_what_cannot_be_read_is_refused_with_its_mistakes(text: str) -> None:
    with pytest.raises(ManifestError) as refused:
        formatted(text, "m.yaml")
    assert [item.place.file for item in refused.value.diagnostics] == ["m.yaml"]
    with pytest.raises(ManifestError):
        with_mapping(text, NEW)


def test_the_deepest_that_can_be_read_can_be_formatted() -> None:
    block = "".join("  " * depth + "x-a:\n" for depth in range(MAX_DEPTH)) + "  " * MAX_DEPTH + "'b'\n"
    dashes = "- " * (MAX_DEPTH - 1) + "a: 'b'\n"
    braces = "x-a: " + "{a: " * (MAX_DEPTH - 1) + "1" + "}" * (MAX_DEPTH - 1)

    assert formatted(block) == block.replace("'", "")
    assert formatted(dashes) == dashes.replace("'", "")
    assert formatted(braces) == braces + "\n"


def test_every_field_has_its_place() -> None:
    lines = [f"    {name}:\n" for name in FIELDS if name != "tags"]
    canonical = "".join(["mappings:\n  a:\n    region:\n", *lines, "    tags:\n    lifecycle:\n"])
    head, *rest = canonical.splitlines(keepends=True)

    assert formatted("".join([head, rest[0], *reversed(rest[1:])])) == canonical


# --- properties -------------------------------------------------------------------------------------------------------


def assert_canonical(text: str) -> str:
    """The canonical form, which means the same, and is its own."""
    result = formatted(text)
    assert unordered(meaning(result)) == unordered(meaning(text))
    assert formatted(result) == result
    return result


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_manifest_of_ours_has_a_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    if parse(text, str(path)).diagnostics:
        with pytest.raises(ManifestError):
            formatted(text, str(path))
    else:
        assert sorted(re.findall("#.*", assert_canonical(text))) == sorted(re.findall("#.*", text))


def manifests() -> st.SearchStrategy[Written]:
    """Some that our reader reads; it refuses a tab here and there."""
    made = st.integers(0, 2**32).map(lambda seed: written(Random(seed)))
    return made.filter(lambda manifest: not parse(manifest.text, "m.yaml").diagnostics)


@settings(deadline=None, max_examples=int(os.environ.get("FORMAT_EXAMPLES", "300")))
@given(manifests())
def test_any_manifest_means_the_same_in_its_canonical_form(manifest: Written) -> None:
    result = assert_canonical(manifest.text)

    mappings = [(meaning(text) or {}).get("mappings") for text in (manifest.text, result)]
    if isinstance(mappings[0], dict) and "mappings: *" not in result:
        assert list(mappings[0]) == list(mappings[1])
    if not re.search(r"[|>]2?\+|>1-", result):  # these may hold the empty lines below them
        assert not re.search(r"\n\n\n|\A\n|\n\n\Z", result)
    lines = result.splitlines()
    for comment in manifest.comments:
        assert sum(line.endswith(comment) for line in lines) == 1
    for comment, key in manifest.beside.items():
        [line] = [line for line in lines if line.endswith(comment)]
        assert re.match(rf"[\s\-\"']*{key}(?!\w)", line)
    for comment, key in manifest.above.items():
        [at] = [number for number, line in enumerate(lines) if line.endswith(comment)]
        below = next(line for line in lines[at + 1 :] if line.strip() and not line.lstrip().startswith("#"))
        assert re.match(rf"[\s\-\"']*{key}(?!\w)", below)


# --- one more mapping -------------------------------------------------------------------------------------------------

LINES = "  new:\n    function_name: worker\n    tags:\n      team: orders\n"
ADDED = {
    "the last of several": ("mappings:\n  a: {}\n  b: {} # c\n\n# l\nlimits: {}\n", "mappings:\n  a: {}\n  b: {} # c\n" + LINES + "\n# l\nlimits: {}\n"),
    "the last of several that stand apart": ("mappings:\n  a: {}\n\n  b: {}\nlimits: {}\n", "mappings:\n  a: {}\n\n  b: {}\n\n" + LINES + "limits: {}\n"),
    "the second": ("mappings:\n  a: {}\n", "mappings:\n  a: {}\n\n" + LINES),
    "below comments that close the group": ("mappings:\n  a: {}\n  b:\n    # in b\n  # foot\n# col0\n", "mappings:\n  a: {}\n  b:\n    # in b\n  # foot\n\n" + LINES + "# col0\n"),
    "indented as the others": ("mappings:\n      a: {}\n      b: {}\n", "mappings:\n      a: {}\n      b: {}\n" + re.sub("(?m)^", "    ", LINES).rstrip(" ")),
    "indented by one": ("mappings:\n a: {}\n b: {}\n", "mappings:\n a: {}\n b: {}\n" + re.sub("(?m)^ ", "", LINES)),
    "no line break at the end": ("mappings:\n  a: {}\n  b: {}", "mappings:\n  a: {}\n  b: {}\n" + LINES),
    "below a scalar that keeps": ("mappings:\n  a:\n    x: |+\n      y\n\n\nstack: s\n", "mappings:\n  a:\n    x: |+\n      y\n\n\n" + LINES + "stack: s\n"),
    "no mappings": ("stack: s\n# end\n", "stack: s\n# end\n\nmappings:\n" + LINES),
    "no mappings, before the end mark": ("---\nstack: s\n...\n", "---\nstack: s\n\nmappings:\n" + LINES + "...\n"),
    "nothing": ("", "mappings:\n" + LINES),
    "a comment": ("# c", "# c\n\nmappings:\n" + LINES),
    "a comment and an empty line": ("# c\n\n", "# c\n\nmappings:\n" + LINES),
    "empty": ("mappings:\nlimits: {}\n", "mappings:\n" + LINES + "limits: {}\n"),
    "null": ("mappings: null # c\n  # d\n# e\nlimits: {}\n", "mappings: # c\n  # d\n" + LINES + "# e\nlimits: {}\n"),
    "empty braces": ("stack: s\nmappings: { }", "stack: s\nmappings:\n" + LINES),
    "CRLF": ("mappings:\r\n  a: {}\r\n  b: {}\r\n", "mappings:\r\n  a: {}\r\n  b: {}\r\n" + LINES.replace("\n", "\r\n")),
    "a BOM": ("\ufeffmappings:\n", "\ufeffmappings:\n" + LINES),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), ADDED.values(), ids=ADDED)
def test_a_mapping_is_added(before: str, after: str) -> None:
    assert with_mapping(before, NEW) == after


@pytest.mark.parametrize(
    "text",
    [
        "mappings: { a: {} }\n", "{ stack: s }\n", "x-a: &a {}\nmappings: *a\n", "mappings: &m {}\n", "mappings: {\n  # c\n}\n",
        "mappings: &m\n  a: {}\nx-a: *m\n", "mappings:\n  a: |\n    b", "---\n...\n", "x-a: &a {mappings: {b: {}}}\n<<: *a\n",
    ],
)  # fmt: skip
def test_a_mapping_is_not_added_where_it_would_have_to_be_written_otherwise(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        with_mapping(text, NEW)
    assert (
        refused.value.hint
        == "write `mappings:` in block style (one entry per line), and add this entry under it:\n" + LINES.rstrip("\n")
    )


@pytest.mark.parametrize(
    "text", ["mappings:\n  new: {}\n", "x-a: &a { new: {} }\nmappings:\n  <<: *a\n", "mappings: {'new': 1}\n"]
)
def test_a_name_that_is_taken_is_not_added(text: str) -> None:
    with pytest.raises(UsageError, match="new is already in the manifest"):
        with_mapping(text, NEW)


@pytest.mark.parametrize("text", ["- a\n", "mappings: [a]\n", "mappings: a\n", "text\n"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        with_mapping(text, NEW)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=200)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9**9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=int(os.environ.get("FORMAT_EXAMPLES", "300")))
@given(manifests(), st.dictionaries(st.sampled_from(sorted(FIELDS)), values, min_size=1, max_size=4), st.booleans())
def test_all_else_is_the_same_byte_for_byte(manifest: Written, entry: dict[str, Any], crlf: bool) -> None:
    text = manifest.text.replace("\n", "\r\n") if crlf else manifest.text
    try:
        result = with_mapping(text, dump({"mappings": {"new": entry}}))
    except UsageError:
        return
    start = next(
        (number for number, (one, other) in enumerate(zip(text, result, strict=False)) if one != other), len(text)
    )
    if manifest.text.endswith("\n") and not re.search(r"^ *mappings: *(\{\}|null|~)", text, re.MULTILINE):
        assert result[start + len(result) - len(text) :] == text[start:]
    before = meaning(text) or {}
    assert ordered(meaning(result)["mappings"]) == ordered({**(before.pop("mappings", None) or {}), "new": entry})
    assert ordered({key: item for key, item in meaning(result).items() if key != "mappings"}) == ordered(before)


def test_what_would_change_the_meaning_is_never_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    right = "stack: '1' # c\nmappings: { a: , b: }\n"
    wrong = [
        right.replace("'", ""),
        right + "x-a: 1\n",
        "",
        "a: [",
        right.replace("# c", ""),
        right.replace("a: , b:", "b: , a:"),
    ]
    for text in wrong:
        monkeypatch.setattr(under_test, "rewritten", lambda *_, text=text: text)
        with pytest.raises(under_test.ProvisionerError, match=r"formatting would change the meaning of m\.yaml"):
            formatted(right, "m.yaml")
