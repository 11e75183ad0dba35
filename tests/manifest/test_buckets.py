"""Mappings of S3 in manifests: regions, defaults, statements, many mappings, and the YAML of a live one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from provisioner.convert.entry import entry_yaml
from provisioner.convert.found import found_of
from provisioner.errors import ManifestError
from provisioner.kinds.permission import LIMITS
from provisioner.kinds.s3_kind import key_of
from provisioner.kinds.tables import ALL_FIELDS
from provisioner.manifest import load
from provisioner.manifest.format import formatted
from provisioner.manifest.jsonschema import manifest_schema
from provisioner.model.desired import Desired
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.live import Live, Status
from provisioner.model.sources import SourceKind

BUCKET = "event_source_arn: 'arn:aws:s3:::media'"
CREATED = f"{BUCKET}, events: ['s3:ObjectCreated:*']"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
VALIDATOR = Draft202012Validator(manifest_schema())
HEAD = "stack: s\nprovider: { region: eu-west-1 }\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "provisioner.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def one(folder: Path, entry: str, head: str = HEAD) -> Desired:
    loaded = load(written(folder, f"{head}mappings: {{ m: {{ {entry} }} }}\n"))
    assert loaded.warnings == ()
    return loaded.manifest.mappings["m"]


def mistakes(path: Path, **options: Any) -> list[Diagnostic]:
    with pytest.raises(ManifestError) as caught:
        load(path, **options)
    return [item for item in caught.value.diagnostics if isinstance(item, Diagnostic)]


def test_the_canonical_form(tmp_path: Path) -> None:
    wanted = one(
        tmp_path,
        f"function_name: '{ARN}:live', {BUCKET}, events: ['s3:ObjectRemoved:*', 's3:ObjectCreated:Put', 's3:ObjectRemoved:*'], "
        "filter_prefix: in/, filter_suffix: '', id: thumbs, bucket_owner: '210987654321', "
        "permission: { statement_id: s3, source_account: null }, lifecycle: { skip_destination_validation: true }",
    )

    assert wanted.kind is SourceKind.S3
    assert wanted.mapping == {
        "function_name": "f:live",
        "event_source_arn": "arn:aws:s3:::media",
        "events": ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"],
        "filter_prefix": "in/",
        "id": "thumbs",
        "bucket_owner": "210987654321",
        "permission": {"statement_id": "s3", "source_account": ""},
    }
    assert wanted.lifecycle.skip_destination_validation
    assert wanted.accounts == {"123456789012"}  # the owner of the bucket may be another


@pytest.mark.parametrize(
    ("entry", "head", "region"),
    [
        (f"function_name: f, {CREATED}", HEAD, "eu-west-1"),
        (f"function_name: f, {CREATED}, region: us-east-1", HEAD, "us-east-1"),
        (f"function_name: '{ARN}', {CREATED}", HEAD.replace("eu-west-1", "us-east-1"), "eu-west-1"),
        (f"function_name: f, {CREATED}", "stack: s\n", ""),
    ],
)
def test_the_region_is_the_mappings_then_the_functions_then_the_providers(
    tmp_path: Path, entry: str, head: str, region: str
) -> None:
    assert one(tmp_path, entry, head).region == region


# --- defaults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defaults", "entry", "name", "expected"),
    [
        ("push: { function_name: g }", CREATED, "function_name", "g"),
        ("push: { function_name: g }, s3: { function_name: h }", CREATED, "function_name", "h"),
        ("all: { function_name: e }, push: { function_name: g }", CREATED, "function_name", "g"),
        ("s3: { filter_prefix: in/ }", f"function_name: f, {CREATED}, filter_prefix: null", "filter_prefix", None),
        ("s3: { events: ['s3:ObjectRemoved:*'] }", f"function_name: f, {CREATED}", "events", ["s3:ObjectCreated:*"]),
        # Null in a permission is a value, so it must not remove a default inside it.
        (
            "s3: { permission: { statement_id: s3, source_account: '123456789012' } }",
            f"function_name: f, {CREATED}, permission: {{ source_account: null }}",
            "permission", {"source_account": ""},
        ),
        ("s3: { permission: none }", f"function_name: f, {CREATED}, permission: null", "permission", None),
        ("s3: { permission: none }", f"function_name: f, {CREATED}", "permission", "none"),
    ],
)  # fmt: skip
def test_defaults_for_all_then_push_then_s3(
    tmp_path: Path, defaults: str, entry: str, name: str, expected: Any
) -> None:
    assert one(tmp_path, entry, f"{HEAD}defaults: {{ {defaults} }}\n").mapping.get(name) == expected


def test_what_a_bucket_lacks_is_not_applied_to_it(tmp_path: Path) -> None:
    queue = "function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q'"
    text = (
        "stack: s\nprovider: { region: cn-north-1, default_tags: { team: media }, ownership_tags: true }\n"
        "defaults:\n"
        "  all: { enabled: false, batch_size: 5, tags: { a: b }, lifecycle: { ignore_changes: [tags.a, batch_size] } }\n"
        "  push: { lifecycle: { skip_destination_validation: true } }\n"
        f"mappings: {{ m: {{ function_name: f, {CREATED} }}, q: {{ {queue} }} }}\n"
    )
    loaded = load(written(tmp_path, text))

    bucket, other = loaded.manifest.mappings["m"], loaded.manifest.mappings["q"]
    assert loaded.warnings == ()
    assert bucket.mapping.keys() == {"function_name", "event_source_arn", "events"}
    assert bucket.lifecycle.ignore_changes == ()
    assert bucket.lifecycle.skip_destination_validation
    assert other.mapping["enabled"] is False
    assert not other.lifecycle.skip_destination_validation
    assert "tags" not in loaded.defaults_of(SourceKind.S3)


def test_skipping_the_validation_by_default_is_for_buckets_alone(tmp_path: Path) -> None:
    head = (
        f"{HEAD}defaults: {{ all: {{ lifecycle: {{ skip_destination_validation: true, prevent_destroy: true }} }} }}\n"
    )
    queue = one(tmp_path, "function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q'", head)

    assert (queue.lifecycle.prevent_destroy, queue.lifecycle.skip_destination_validation) == (True, False)
    assert one(tmp_path, f"function_name: f, {CREATED}", head).lifecycle.skip_destination_validation


# --- imports ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ident", ["s3:media/an entry/1", "media/an entry/1"])
def test_an_entry_is_imported_by_its_bucket_and_id(tmp_path: Path, ident: str) -> None:
    text = f"{HEAD}mappings: {{ m: {{ function_name: f, {CREATED} }} }}\nimports: [{{ to: m, id: {ident} }}]\n"

    (adoption,) = load(written(tmp_path, text)).manifest.imports

    assert adoption.uuid == "s3:media/an entry/1"
    assert VALIDATOR.is_valid({"imports": [{"to": "m", "id": ident}]})


def test_an_import_is_judged_although_its_mapping_has_a_mistake(tmp_path: Path) -> None:
    text = f"{HEAD}mappings: {{ m: {{ function_name: f, {BUCKET} }} }}\nimports: [{{ to: m, id: media/entry }}]\n"

    assert [item.code for item in mistakes(written(tmp_path, text))] == ["E102"]


# --- variables -------------------------------------------------------------------------------------------------------


def test_variables_in_every_field(tmp_path: Path) -> None:
    names = ("fn", "bucket", "event", "prefix", "suffix", "id", "sid")
    declared = "".join(f"  {name}: {{ default: {name} }}\n" for name in names)
    text = (
        f"{HEAD}variables:\n{declared}  owner: {{ default: '123456789012' }}\n"
        "mappings: { m: { function_name: '${var.fn}', event_source_arn: 'arn:aws:s3:::${var.bucket}', "
        "events: ['s3:ObjectCreated:${var.event}'], filter_prefix: '${var.prefix}', filter_suffix: '${var.suffix}', "
        "id: '${var.id}', bucket_owner: '${var.owner}', permission: { statement_id: '${var.sid}' } } }\n"
    )

    assert load(written(tmp_path, text)).manifest.mappings["m"].mapping == {
        "function_name": "fn",
        "event_source_arn": "arn:aws:s3:::bucket",
        "events": ["s3:ObjectCreated:event"],
        "filter_prefix": "prefix",
        "filter_suffix": "suffix",
        "id": "id",
        "bucket_owner": "123456789012",
        "permission": {"statement_id": "sid"},
    }


@pytest.mark.parametrize(
    "field",
    [
        "bucket_owner: '${var.x}'",
        "filter_prefix: '${var.x}'",
        "permission: '${var.x}'",
        "permission: { principal: '${var.x}', source_arn: 'arn:aws:s3:::${var.x}' }",
        "id: '${var.x}'",
    ],
)
def test_a_variable_without_a_value_is_not_judged(tmp_path: Path, field: str) -> None:
    entries = f"m: {{ function_name: f, {CREATED}, {field} }}, n: {{ function_name: f, {CREATED}, {field} }}"
    path = written(tmp_path, f"{HEAD}variables: {{ x: {{}} }}\nmappings: {{ {entries} }}\n")

    loaded = load(path, needs_values=False)

    assert loaded.unvalued == ("x",)


# --- statements ------------------------------------------------------------------------------------------------------

OTHER = "event_source_arn: 'arn:aws:s3:::other', events: ['s3:ObjectCreated:*']"


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("statement_id: a", "statement_id: b", True),
        ("statement_id: a", "statement_id: a", False),  # each its own bucket
        ("statement_id: a, source_arn: 'arn:aws:s3:::*'", "statement_id: a, source_arn: 'arn:aws:s3:::*'", True),
        ("statement_id: a, source_arn: null", "statement_id: a, source_arn: null", True),
        ("source_arn: null", "source_arn: 'arn:aws:s3:::*'", True),  # named by what they say
        (
            "statement_id: a, source_arn: null, source_account: null",
            "statement_id: a, source_arn: null",
            False,
        ),
        # The account of the credentials is not known here.
        (
            "statement_id: a, source_arn: null, source_account: '123456789012'",
            "statement_id: a, source_arn: null",
            True,
        ),
        ("statement_id: a, source_arn: null, principal: '*'", "statement_id: a, source_arn: null", False),
    ],
)
def test_one_statement_has_one_content(tmp_path: Path, one: str, other: str, *, agree: bool) -> None:
    text = (
        f"{HEAD}mappings:\n  m: {{ function_name: f, {CREATED}, permission: {{ {one} }} }}\n"
        f"  n: {{ function_name: {ARN}, {OTHER}, permission: {{ {other} }} }}\n"
        # Another function has another policy.
        f"  v: {{ function_name: 'f:1', {CREATED.replace('Created', 'Removed')}, permission: {{ statement_id: a }} }}\n"
    )
    path = written(tmp_path, text)

    assert agree or [item.code for item in mistakes(path)] == ["E227"]
    assert not agree or len(load(path).manifest.mappings) == 3


# --- anything --------------------------------------------------------------------------------------------------------

# Nothing empty: the schema refuses some values that say nothing.
TEXTS = (
    "f",
    "f:$LATEST",
    "none",
    "in/*",
    "a\tb",
    "123456789012",
    "arn:aws:s3:::media",
    "s3:ObjectCreated:*",
    "x" * 1025,
)
SCALARS = st.one_of(st.sampled_from(TEXTS), st.none(), st.booleans(), st.integers(-1, 300))
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from([*LIMITS, "nonsense"]), SCALARS, min_size=1, max_size=3),
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "function_name": st.sampled_from(["f", "f:live", "f:$LATEST", ARN]),
        "events": st.lists(st.sampled_from(["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "new"]), min_size=1),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ENTRIES,
    st.dictionaries(st.sampled_from([*ALL_FIELDS, "bucket", "prefix", "region"]), VALUES, max_size=3),
)
def test_anything_is_judged_and_what_is_accepted_the_schema_accepts(
    tmp_path: Path, entry: dict[str, Any], others: dict[str, Any]
) -> None:
    whole = {"stack": "s", "mappings": {"m": {"event_source_arn": "arn:aws:s3:::media", **others, **entry}}}
    path = written(tmp_path, json.dumps(whole))
    try:
        load(path)
    except ManifestError:
        return  # what is wrong was reported, whatever it was

    assert list(VALIDATOR.iter_errors(whole)) == []


# --- many ------------------------------------------------------------------------------------------------------------


def test_more_than_a_hundred_entries_of_a_bucket(tmp_path: Path) -> None:
    entries = "".join(
        f"  m{number}: {{ function_name: f, {CREATED}, filter_prefix: p{number}/ }}\n" for number in range(101)
    )

    (mistake,) = mistakes(written(tmp_path, f"{HEAD}mappings:\n{entries}"))

    assert (mistake.code, mistake.place.line) == ("E229", 104)
    assert mistake.message == "101 mappings of one bucket exceed the limit of 100"


def test_a_thousand_mappings_are_compared_in_a_moment(tmp_path: Path) -> None:
    entries = "".join(
        f"  m{number}: {{ function_name: f, event_source_arn: 'arn:aws:s3:::bucket-{number % 20}', "
        f"events: ['s3:ObjectCreated:*'], filter_{'prefix' if number % 40 < 20 else 'suffix'}: x{number} }}\n"
        for number in range(1000)
    )
    path = written(tmp_path, f"{HEAD}mappings:\n{entries}")

    begin = time.process_time()
    found = mistakes(path)

    assert time.process_time() - begin < 5  # a fifth of a second, most of it for reading the YAML
    assert {item.code for item in found} == {"E225"}
    assert len(found) >= 500  # of each bucket, each suffix with a prefix


# --- a live mapping as YAML ------------------------------------------------------------------------------------------


def live(region: str = "eu-west-1", **fields: Any) -> Live:
    mapping = {
        "function_name": "f:live",
        "event_source_arn": "arn:aws:s3:::media",
        "events": ["s3:ObjectCreated:*"],
        **fields,
    }
    return Live(key_of(mapping, region), "", SourceKind.S3, mapping, Status(""))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": "NWM3 ${x}", "filter_prefix": "in/ * ", "filter_suffix": "#.jpg"},
        {"permission": {"statement_id": "s3", "source_account": ""}, "bucket_owner": "012345678901"},
        {"permission": "none"},
    ],
)
@pytest.mark.parametrize(
    "defaults", ["{}", "{ permission: { statement_id: x }, filter_prefix: x/, bucket_owner: '123456789012' }"]
)
def test_the_entry_of_a_live_mapping_is_read_back_as_it(tmp_path: Path, fields: dict[str, Any], defaults: str) -> None:
    path = written(tmp_path, f"{HEAD}defaults: {{ s3: {defaults} }}\nmappings: {{}}\n")
    known = load(path).defaults_of(SourceKind.S3)
    text = entry_yaml("m", found_of(live(**fields)), "eu-west-1", known)
    path.write_text(f"{HEAD}defaults: {{ s3: {defaults} }}\n{text}", encoding="utf-8")

    assert load(path).manifest.mappings["m"].mapping == live(**fields).mapping


def test_an_entry_in_full() -> None:
    found = found_of(live("us-east-1", id="a", permission={"statement_id": "s3", "source_account": ""}))
    text = entry_yaml("m", found, "eu-west-1")

    assert text == (
        "mappings:\n"
        "  m:\n"
        "    region: us-east-1\n"
        "    function_name: f:live\n"
        "    event_source_arn: arn:aws:s3:::media\n"
        "    events:\n"
        "      - s3:ObjectCreated:*\n"
        "    id: a\n"
        "    permission:\n"
        "      statement_id: s3\n"
        "      source_account: null\n"
    )
    elsewhere = found_of(live("us-east-1", function_name=ARN.replace("eu-west", "us-east")))
    assert "region" not in entry_yaml("m", elsewhere, "eu-west-1")


def test_keys_have_their_order_and_comments_stay() -> None:
    text = (
        "mappings:\n"
        "  m:\n"
        "    permission: none # theirs\n"
        "    filter_suffix: .jpg\n"
        "    events: [s3:ObjectCreated:*]\n"
        "    # the bucket\n"
        "    event_source_arn: arn:aws:s3:::media\n"
        "    id: a\n"
        "    filter_prefix: in/\n"
        "    bucket_owner: '123456789012'\n"
        "    lifecycle: { skip_destination_validation: true }\n"
        "    function_name: f\n"
    )

    assert formatted(text) == (
        "mappings:\n"
        "  m:\n"
        "    function_name: f\n"
        "    # the bucket\n"
        "    event_source_arn: arn:aws:s3:::media\n"
        "    events: [s3:ObjectCreated:*]\n"
        "    filter_prefix: in/\n"
        "    filter_suffix: .jpg\n"
        "    id: a\n"
        '    bucket_owner: "123456789012"\n'
        "    permission: none # theirs\n"
        "    lifecycle: { skip_destination_validation: true }\n"
    )
