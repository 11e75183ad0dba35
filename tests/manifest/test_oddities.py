"""Manifests that nobody would write, each refused or read for a reason."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ManifestError
from provisioner.manifest import Inputs, load
from provisioner.model.diagnostics import Diagnostic

QUEUE = "function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q'"
UUID = "5f0c1f2e-1111-2222-3333-444455556666"


def reported(folder: Path, text: str, *, needs_values: bool = True, **inputs: Any) -> list[str]:
    """Everything that is wrong, or doubtful, as `code message`."""
    (folder / "provisioner.yaml").write_text(text, encoding="utf-8")
    try:
        found: Any = load(folder, inputs=Inputs(**inputs), needs_values=needs_values).warnings
    except ManifestError as error:
        found = error.diagnostics
    return [f"{item.code} {item.message}" for item in found if isinstance(item, Diagnostic)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # keys are known, whatever their values will be
        (
            "variables: { v: { type: integer } }\nprovider: { regoin: '${var.v}' }\n"
            f"mappings: {{ a: {{ {QUEUE}, batchsize: '${{var.v}}', starting_position: '${{var.v}}' }} }}\n",
            ["E101 unknown field 'regoin'", "E101 unknown field 'batchsize'",
             "E104 starting_position must be a string, not 0"],
        ),
        (
            f"variables: {{ v: {{}} }}\nmappings: {{ a: {{ {QUEUE}, starting_position: '${{var.v}}' }} }}\n",
            ["E105 an SQS queue does not support starting_position"],
        ),
        # what is not known is not judged
        (f"variables: {{ v: {{}} }}\nmappings: {{ a: {{ event_source_arn: '${{var.v}}', function_name: f }} }}\nimports: [{{ to: a, id: {UUID} }}]\ndefaults: {{ sqs: {{ batch_size: 5 }} }}\n", []),
        ("variables: { v: { type: map } }\nmappings: { a: '${var.v}' }\n", []),
        (f"variables: {{ v: {{ type: map }} }}\nmappings: '${{var.v}}'\nimports: [{{ to: a, id: {UUID} }}]\n", []),
        (f"variables: {{ a: {{}}, b: {{}} }}\nmappings: {{ m: {{ {QUEUE} }} }}\nmoved: [{{ from: '${{var.a}}', to: '${{var.b}}' }}]\n", []),
        (f"variables: {{ a: {{}}, b: {{}} }}\nmappings: {{ m: {{ {QUEUE}, tags: {{ '${{var.a}}': x, '${{var.b}}': y }} }} }}\n", []),
    ],
)  # fmt: skip
def test_without_values_what_is_certain_is_reported_and_nothing_else(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    assert reported(tmp_path, f"stack: s\n{text}", needs_values=False) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a mistake is reported once
        (f"variables: {{ v: {{ pattern: '(', default: x }} }}\nmappings: {{ a: {{ {QUEUE}, tags: {{ t: '${{var.v}}' }} }} }}\n",
         ["E104 '(' is not a regular expression in RE2's syntax: missing ): ("]),
        (f"mappings: {{ a: {{ {QUEUE}, tags: {{ t: '${{var.a.b}}' }} }} }}\n", ["E111 invalid reference; write ${var.name}"]),
        (f"variables: {{ l: {{ type: list, default: [x] }} }}\nmappings: {{ a: {{ {QUEUE}, tags: {{ t: 'x${{var.l}}' }} }} }}\n",
         ["E111 'l' is a list, which cannot be part of a string"]),
        ("mappings: { a: { function_name: f, topics: [tt], self_managed_event_source: { endpoints: { KAFKA_BOOTSTRAP_SERVERS: [] } }, "
         "source_access_configuration: [{ type: BASIC_AUTH, uri: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:s' }] } }\n",
         ["E103 KAFKA_BOOTSTRAP_SERVERS: 0 items is less than the 1 that a self-managed Kafka cluster allows"]),
        # null is absence
        (f"mappings: {{ a: {{ {QUEUE}, tags: {{ b: null }}, lifecycle: {{ prevent_destroy: null, on_conflict: null }}, region: null }} }}\n", []),
        (f"defaults: {{ sqs: {{ tags: {{ z: null }} }} }}\nmappings: {{ a: {{ {QUEUE} }} }}\n", []),
        # to Python they are equal
        (f"version: true\nmappings: {{ a: {{ {QUEUE} }} }}\n", ["E104 version: it must be 1"]),
        (f"removed: [{{ from: x, destroy: 0 }}]\nmappings: {{ a: {{ {QUEUE} }} }}\n", ["E104 destroy: it must be false"]),
        (f"provider: {{ settle_timeout: .inf }}\nmappings: {{ a: {{ {QUEUE} }} }}\n", ["E104 settle_timeout: inf is not a number of seconds"]),
        # a mapping's name comes from a value
        ("variables: { m: { type: map, default: { 'a$b': {} } } }\nmappings: '${var.m}'\n", ["E102 event_source_arn or self_managed_event_source is missing", "E104 'a$b' is not a valid mapping name"]),
        ("include: ['**x.yaml']\n", ["E102 stack"]),
    ],
)  # fmt: skip
def test_what_is_odd_is_reported_for_what_it_is(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = reported(tmp_path, f"stack: s\n{text}")
    if "include" in text:
        assert len(found) == 1
        assert found[0].startswith("E110 '**x.yaml' is not a glob")
    else:
        assert found == expected


def test_a_null_drops_a_default_tag(tmp_path: Path) -> None:
    text = f"stack: s\nprovider: {{ default_tags: {{ a: x, b: y }} }}\nmappings: {{ m: {{ {QUEUE}, tags: {{ a: null }} }} }}\n"
    assert reported(tmp_path, text) == []

    assert load(tmp_path).manifest.mappings["m"].mapping["tags"] == {"b": "y"}


def test_aliases_count_for_depth(tmp_path: Path) -> None:
    lines = ["x0: &x0 {a: 1}"]
    lines += [f"x{n}: &x{n} {'{a: ' * 40}*x{n - 1}{'}' * 40}" for n in range(1, 4)]

    assert reported(tmp_path, "\n".join(lines))[0].startswith("E001 values are nested more than 100 levels deep")


def test_a_chain_of_files_is_bounded(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"f{number}.yaml").write_text(f"include: [f{number + 1}.yaml]\n", encoding="utf-8")

    assert reported(tmp_path, "stack: s\ninclude: [f0.yaml]\n")[0].startswith(
        "E110 includes are nested more than 50 levels deep"
    )


def test_variables_are_no_bomb(tmp_path: Path) -> None:
    text = f"stack: s\nvariables: {{ v: {{ default: '{'x' * 100_000}' }} }}\nx: ["
    text += ", ".join(["'" + "${var.v}" * 100 + "'"] * 200) + f"]\nmappings: {{ a: {{ {QUEUE} }} }}\n"
    began = time.monotonic()

    assert "after expanding variables, the manifest has more than 32,000,000" in reported(tmp_path, text)[0]
    assert time.monotonic() - began < 10


def test_thousands_of_equal_mistakes_take_their_time_once(tmp_path: Path) -> None:
    many = "".join(
        f"  m{number}: {{ {QUEUE.replace(':q', f':q{number}')}, batchsize: 3 }}\n" for number in range(5_000)
    )
    began = time.monotonic()

    assert len(reported(tmp_path, f"stack: s\nmappings:\n{many}")) == 5_000
    assert time.monotonic() - began < 20
