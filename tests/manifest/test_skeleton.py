"""Skeletons: each line that is a comment is a field, valid when its # is removed, or its rule stands above it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from provisioner.errors import ManifestError
from provisioner.kinds.examples import SOURCE_ARNS, example
from provisioner.kinds.tables import REQUIRED, fields_of
from provisioner.manifest import load
from provisioner.manifest.format import formatted
from provisioner.manifest.skeleton import request, skeleton
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.references import Arn
from provisioner.model.sources import SourceKind, kind_of_arn

KINDS = [kind for kind in SourceKind if kind is not SourceKind.UNKNOWN]
_FIELD = re.compile(r"( *)#((?:  )*)([a-z_]+:.*)")
_COMMENTED = re.compile(r"( *)#((?:  )*(?:- |[a-z_]+:|# ).*)")


def codes(folder: Path, text: str) -> set[str]:
    """The codes of what is wrong with a manifest, or doubtful."""
    path = folder / "provisioner.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        return {item.code for item in load(path).warnings}
    except ManifestError as error:
        return {item.code for item in error.diagnostics if isinstance(item, Diagnostic)}


def blocks(text: str) -> Iterator[tuple[int, int]]:
    """The first and the last line of each field that is a comment, with what is below it; also those inside."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        field = _FIELD.fullmatch(line)
        if field is None or field[2]:
            continue
        end = at + 1
        while end < len(lines) and lines[end].startswith(f"{field[1]}#  "):
            end += 1
        yield at, end


def without_marks(text: str, *spans: tuple[int, int]) -> str:
    """The text with the # of these lines removed."""
    lines = text.splitlines()
    for at in {at for span in spans for at in range(*span)}:
        matched = _COMMENTED.fullmatch(lines[at])
        assert matched, lines[at]
        lines[at] = matched[1] + matched[2]
    return "".join(f"{line}\n" for line in lines)


def rules_of(text: str, at: int, end: int) -> set[str]:
    """The codes that stand above a field, or inside it."""
    lines = text.splitlines()
    first = at
    while lines[first - 1].strip().startswith("# "):
        first -= 1
    return set(re.findall(r"(?:error|warning)\[(\w+)\]", "\n".join(lines[first:end])))


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_valid_and_formatted_as_it_is(kind: SourceKind, tmp_path: Path) -> None:
    text = skeleton(kind)

    assert codes(tmp_path, text) == set()
    assert formatted(text) == text
    [mapping] = load(tmp_path).manifest.mappings.values()
    assert mapping.kind is kind
    assert set(REQUIRED[kind]) <= mapping.mapping.keys()
    assert max(map(len, text.splitlines())) <= 130


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_the_kind_is_there_once(kind: SourceKind) -> None:
    fields = [name for name, field in fields_of(kind).items() if field.row.has(kind) and not field.learned]

    found = re.findall(r"^    #?([a-z_]+):", skeleton(kind), re.MULTILINE)

    tests = [] if kind is SourceKind.DOCUMENTDB else ["filter_tests"]
    assert found == [*fields, "region", *tests, "lifecycle"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_comment_is_valid_without_its_mark_or_names_its_rule(kind: SourceKind, tmp_path: Path) -> None:
    text = skeleton(kind)
    spans = list(blocks(text))
    named = {re.sub(r"[ #]", "", text.splitlines()[at]).split(":")[0]: (at, end) for at, end in spans}

    for at, end in spans:
        found = codes(tmp_path, without_marks(text, (at, end)))
        assert found <= rules_of(text, at, end), (text.splitlines()[at], found)
        # What the rule asks for is in the skeleton too.
        needs = {"E210": "filter_criteria", "E217": "provisioned_poller_config", "E219": "provisioned_poller_config"}
        others = [named[needs[code]] for code in found if code in needs]
        whole = without_marks(text, (at, end), *others)
        if "E203" in found or "W208" in found:
            whole = re.sub(r"#?starting_position: LATEST", "starting_position: AT_TIMESTAMP", whole)
        left = codes(tmp_path, whole)
        # DynamoDB has the field, and no position that it goes with.
        assert left == ({"E204"} if kind is SourceKind.DYNAMODB and "E203" in found else set()), text.splitlines()[at]


@pytest.mark.parametrize("kind", KINDS)
def test_all_at_once_only_what_excludes_each_other_is_wrong(kind: SourceKind, tmp_path: Path) -> None:
    text = skeleton(kind)

    found = codes(tmp_path, without_marks(text, *blocks(text)))

    assert found <= {"E207", "E203", "W208"}


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_bounds_and_values_are_those_of_the_kind(kind: SourceKind) -> None:
    text = " ".join(re.sub(r"^ *#? *#", "", line).strip() for line in skeleton(kind).splitlines())

    if kind in (SourceKind.SQS, SourceKind.FIFO):
        assert ("1 to 10." if kind is SourceKind.FIFO else "1 to 10000.") + " Default 10." in text
        assert "Known values: EventCount. " in text
    if kind is SourceKind.KINESIS:
        assert "Known values: LATEST, AT_TIMESTAMP, TRIM_HORIZON. Required." in text
        assert "0 to 900. Default 0." in text
    if kind is SourceKind.MQ:
        assert "Known values: BASIC_AUTH, VIRTUAL_HOST. Required." in text
    assert "Not for " not in text
    assert "Required for " not in text


def test_an_arn_is_of_its_kind() -> None:
    for kind, text in SOURCE_ARNS.items():
        arn = Arn.parse(text)
        assert arn
        assert kind_of_arn(arn) is kind


@pytest.mark.parametrize("kind", KINDS)
def test_the_request_has_the_members_of_the_api(kind: SourceKind) -> None:
    made: dict[str, Any] = json.loads(json.dumps(request(kind)))
    service, operation = (
        ("s3", "PutBucketNotificationConfiguration") if kind is SourceKind.S3 else ("lambda", "CreateEventSourceMapping")
    )  # fmt: skip
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape

    assert not ParamValidator().validate(made, shape).has_errors(), (
        ParamValidator().validate(made, shape).generate_report()
    )
    assert made.keys() <= shape.members.keys()
    if kind is not SourceKind.S3:
        # Excluded by the pollers, and by the starting position.
        apart = {"ScalingConfig", "StartingPositionTimestamp"}
        assert made.keys() == {fields_of(kind)[name].row.api for name in example(kind)} - apart


def test_the_yaml_of_another_reader_is_the_same(tmp_path: Path) -> None:
    for kind in KINDS:
        whole = without_marks(skeleton(kind), *blocks(skeleton(kind)))
        [mapping] = yaml.safe_load(whole)["mappings"].values()
        wanted = example(kind)
        assert {name: mapping[name] for name in wanted if name != "starting_position_timestamp"} == {
            name: value for name, value in wanted.items() if name != "starting_position_timestamp"
        }
