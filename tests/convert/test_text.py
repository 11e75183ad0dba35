"""The text of what was found reads back as it, whatever its strings are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.convert.files import Fresh, files_of
from provisioner.convert.found import IGNORED, Doubt, Evidence, Found, OwnerKind, Ownership
from provisioner.convert.text import Named, extended_text, new_text
from provisioner.kinds.canonical import canonical
from provisioner.manifest import load
from provisioner.manifest.format import formatted
from provisioner.model.manifest import Manifest
from tests.convert.found import entry, sqs

HEAD = "stack: s\nprovider: { region: eu-west-1 }\n"
CLOUDFORMATION = Ownership(OwnerKind.CLOUDFORMATION, "shop-prod", Evidence.TAGS)

# What YAML, our reader or a terminal would take for something else, and any other text.
ODD = [
    *(
        "${var.x}",
        "$${x}",
        "$",
        "yes",
        "no",
        "1e3",
        "012",
        "0x1F",
        "~",
        "null",
        "- a",
        "a: b",
        "a #b",
        "'",
        '"',
        "\\",
        "*a",
    ),
    *(
        "&a",
        "!x",
        "%x",
        "@x",
        "`x`",
        "{}",
        "[]",
        "| x",
        "> x",
        "---",
        "...",
        "\u2028",
        "\u0085",
        "\ufeff",
        "é",
        "\U0001f600",
    ),
    *(" a ", "=", "<<"),
]
texts = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
xml_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32))) + "\x7f\ufffe\uffff"), min_size=1,
    max_size=30,
).filter(lambda text: not any(0x80 <= ord(char) <= 0x9F for char in text))  # fmt: skip


def read(text: str) -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "provisioner.yaml"
        path.write_text(HEAD + text, encoding="utf-8")
        return load(path).manifest


def written(*found: Found) -> str:
    return new_text(
        [Named(f"m{number}", item) for number, item in enumerate(found)], "Found", "eu-west-1", lambda _: {}
    )


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_every_text_in_a_pattern_reads_back_as_itself(pairs: list[tuple[str, str]]) -> None:
    pattern: dict[str, Any] = {"body": {key: [value] for key, value in pairs}}
    found = sqs(filter_criteria={"filter": [{"pattern": pattern}]})
    found = Found(**{**_fields(found), "mapping": canonical(found.mapping, found.kind)})

    text = written(found)

    assert read(text).mappings["m0"].mapping == found.mapping
    assert formatted(text) == text


@settings(deadline=None, max_examples=150)
@given(xml_texts, xml_texts, xml_texts)
def test_every_text_of_an_entry_reads_back_as_itself(prefix: str, suffix: str, ident: str) -> None:
    found = entry(ident=ident, filter_prefix=prefix, filter_suffix=suffix)

    manifest = read(written(found))

    assert manifest.mappings["m0"].mapping == found.mapping
    assert [(item.name, item.uuid) for item in manifest.imports] == [("m0", f"s3:media/{ident}")]


@settings(deadline=None, max_examples=100)
@given(texts, texts)
def test_no_text_of_aws_ends_a_comment(stack: str, why: str) -> None:
    owner = Ownership(OwnerKind.CLOUDFORMATION, stack, Evidence.TAGS)
    found = sqs(owner=owner, doubts=(Doubt("permission", why),), state=stack, fault=why)

    manifest = read(new_text([Named("it", found)], stack, "eu-west-1", lambda _: {}))

    assert manifest.mappings["it"].mapping == found.mapping


def _fields(found: Found) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Found.__dataclass_fields__}


def test_a_file_in_full() -> None:
    known = sqs("checkout:live", "orders", owner=CLOUDFORMATION, state="Enabled", batch_size=5)
    hidden = sqs(
        "checkout", "new", 2, doubts=(Doubt("filter_criteria", "AWS cannot read it", IGNORED),), state="Disabled"
    )

    text = new_text([Named("orders", known), Named("new", hidden)], "Mappings of x", "eu-west-1", lambda _: {})

    assert text == (
        "# Mappings of x\n"
        "\n"
        "mappings:\n"
        "  orders:\n"
        "    function_name: checkout:live\n"
        "    event_source_arn: arn:aws:sqs:eu-west-1:123456789012:orders\n"
        "    batch_size: 5\n"
        "\n"
        "  new:\n"
        "    function_name: checkout\n"
        "    event_source_arn: arn:aws:sqs:eu-west-1:123456789012:new\n"
        "    lifecycle:\n"
        "      ignore_changes:\n"
        "        - filter_criteria\n"
        "\n"
        "imports:\n"
        "  # AWS, eu-west-1; Enabled; owner: CloudFormation stack shop-prod (tags)\n"
        "  - to: orders\n"
        "    id: 5f0c1f2e-1111-2222-3333-444455550001\n"
        "    expect: identical\n"
        "  # AWS, eu-west-1; Disabled\n"
        "  # filter_criteria: AWS cannot read it; it is listed in ignore_changes\n"
        "  - to: new\n"
        "    id: 5f0c1f2e-1111-2222-3333-444455550002\n"
        "    expect: identical\n"
    )


@pytest.mark.parametrize(
    "before",
    [
        "mappings:\n  a: &x\n    function_name: g # why\n    event_source_arn: arn:aws:sqs:eu-west-1:123456789012:p\n",
        "imports:\n- to: a\n  id: 5f0c1f2e-1111-2222-3333-444455559999 # mine\n\n# end\n",
        "mappings: {}\nimports: []\n",
        "mappings:\r\n  # none yet\r\nx-a: 1\r\n",
        "",
    ],
)
def test_what_is_added_changes_no_line(before: str) -> None:
    after = extended_text(before, [Named("it", sqs())], "eu-west-1", lambda _: {})

    lines = iter(after.splitlines())
    kept = [line for line in before.splitlines() if line not in ("mappings: {}", "imports: []")]
    assert all(line in lines for line in kept)
    body = after.replace("- to: a\n  id: 5f0c1f2e-1111-2222-3333-444455559999 # mine\n", "")
    assert "it" in read(body).mappings
    assert [item.name for item in read(body).imports] == ["it"]


def test_what_three_mappings_of_a_file_share_is_a_default(tmp_path: Path) -> None:
    common = {"batch_size": 5, "tags": {"team": "a"}}
    found = [sqs(f"f{number}", number=number, **common) for number in range(3)]
    found += [sqs("other", number=9, batch_size=7, tags={"team": "a", "cost": "1"})]

    *_, root = files_of(tmp_path, [Named(item.mapping["function_name"], item) for item in found], "one", FRESH)
    text = files_of(tmp_path, [Named(item.mapping["function_name"], item) for item in found], "one", FRESH)[0].text

    assert "defaults:\n  sqs:\n    batch_size: 5\n    tags:\n      team: a\n" in root.text
    assert text.count("batch_size") == 1
    assert "    batch_size: 7\n    tags:\n      cost:" in text


FRESH = Fresh("s", "eu-west-1", "123456789012")


@pytest.mark.parametrize(
    "found",
    [
        [sqs("a", batch_size=5), sqs("b", batch_size=5)],  # two
        [sqs("a", batch_size=5), sqs("b", batch_size=5), sqs("c", batch_size=5), *(sqs(f"x{n}") for n in range(3))],
        [entry(name, filter_prefix="in/") for name in "abc"],  # each is its own
        [sqs(name, filter_criteria={"filter": [{"pattern": {"body": {"a": [1]}}}]}) for name in "abc"],
    ],
    ids=["two", "a longer text", "a filter of a bucket", "a filter"],
)
def test_nothing_else_is_a_default(tmp_path: Path, found: list[Found]) -> None:
    *_, root = files_of(tmp_path, [Named(f"m{number}", item) for number, item in enumerate(found)], "one", FRESH)

    assert "defaults" not in root.text
