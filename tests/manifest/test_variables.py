"""Variables: where their values come from, and where references may stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ManifestError
from provisioner.manifest import Inputs, load
from provisioner.manifest.load import Loaded
from provisioner.model.diagnostics import Diagnostic

ARN = "arn:aws:sqs:eu-west-1:123456789012:q"


def written(folder: Path, entry: str, variables: str = "", head: str = "") -> Path:
    text = (
        f"stack: s\n{head}\n{variables}\nmappings:\n  a: {{ event_source_arn: '{ARN}', function_name: f, {entry} }}\n"
    )
    (folder / "provisioner.yaml").write_text(text, encoding="utf-8")
    return folder


def loaded(folder: Path, entry: str, variables: str, **inputs: Any) -> dict[str, Any]:
    return dict(load(written(folder, entry, variables), inputs=Inputs(**inputs)).manifest.mappings["a"].mapping)


def reported(folder: Path, entry: str, variables: str, **inputs: Any) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(written(folder, entry, variables), inputs=Inputs(**inputs))
    return [f"{item.code} {item.message}" for item in caught.value.diagnostics if isinstance(item, Diagnostic)]


@pytest.mark.parametrize(
    ("declaration", "value", "entry", "name", "expected"),
    [
        ("{ type: integer }", "5", "batch_size: '${var.x}'", "batch_size", 5),
        ("{ type: boolean }", "false", "enabled: '${var.x}'", "enabled", False),
        ("{ type: string }", "005", "tags: { t: '${var.x}' }", "tags", {"t": "005"}),
        ("{ type: string }", "true", "tags: { t: 'a-${var.x}' }", "tags", {"t": "a-true"}),
        ("{ type: number }", "1.5", "tags: { t: '${var.x}${var.x}' }", "tags", {"t": "1.51.5"}),
        ("{ type: boolean }", "true", "tags: { t: 'is ${var.x}' }", "tags", {"t": "is true"}),
        ("{ type: list }", "[EventCount]", "metrics_config: { metrics: '${var.x}' }", "metrics_config", {"metrics": ["EventCount"]}),
        ("{ type: map }", "{a: b}", "tags: '${var.x}'", "tags", {"a": "b"}),
        ("{ type: string }", "k", "tags: { '${var.x}': v }", "tags", {"k": "v"}),
        ("{ type: string }", "k", r'tags: { t: "\x24{var.x}" }', "tags", {"t": "k"}),
        ("{ type: string }", "k", 'tags: { t: "$\\\n    {var.x}" }', "tags", {"t": "k"}),
    ],
)  # fmt: skip
def test_a_reference_takes_the_variables_value(
    tmp_path: Path, declaration: str, value: str, entry: str, name: str, expected: Any
) -> None:
    assert loaded(tmp_path, entry, f"variables: {{ x: {declaration} }}", texts=(f"x={value}",))[name] == expected


def test_references_stand_in_filter_patterns_too(tmp_path: Path) -> None:
    patterns = "{ pattern: { '${var.x}': ['${var.x}', { prefix: '$${' }] } }, { pattern: '{\"y\": [\"${var.x}\"]}' }"

    mapping = loaded(tmp_path, f"filter_criteria: {{ filter: [{patterns}] }}", "variables: { x: { default: v } }")

    assert mapping["filter_criteria"]["filter"] == [
        {"pattern": {"v": ["v", {"prefix": "${"}]}},
        {"pattern": {"y": ["v"]}},
    ]


def test_the_later_source_wins(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.json"
    one.write_text("x: one\n", encoding="utf-8")
    two.write_text('{\t"x": "two"}\n', encoding="utf-8")
    sources: dict[str, Any] = {
        "environment": {"PROVISIONER_VAR_x": "env"},
        "files": (one, two),
        "texts": ("x=a", "x=b"),
    }

    def value(*names: str) -> str:
        chosen = {name: sources[name] for name in names}
        tags = loaded(tmp_path / "m", "tags: { t: '${var.x}' }", "variables: { x: { default: d } }", **chosen)["tags"]
        return str(tags["t"])

    (tmp_path / "m").mkdir()
    assert value() == "d"
    assert value("environment") == "env"
    assert value("environment", "files") == "two"
    assert value("environment", "files", "texts") == "b"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"texts": ("size=many",)}, "E113 the variable 'size' must be an integer, not \"many\""),
        ({"texts": ("size=[",)}, "E113 the variable 'size' must be an integer, not \"[\""),
        ({"texts": ("size",)}, "E113 --var size: expected NAME=VALUE"),
        ({"texts": ("sise=1",)}, "E111 variable 'sise' is not declared"),
        ({"environment": {"PROVISIONER_VAR_size": "x"}}, "E113 the variable 'size' must be an integer, not \"x\""),
        ({"files": (Path("/nowhere.yaml"),)}, "E001 cannot be read: No such file or directory"),
        ({"files": (Path("/nowhere.json"),)}, "E001 cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_value_from_outside_is_reported(tmp_path: Path, inputs: dict[str, Any], message: str) -> None:
    assert message in reported(
        tmp_path, "batch_size: '${var.size}'", "variables: { size: { type: integer, default: 1 } }", **inputs
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("v.yaml", "[1]", "E113 a variable file must contain `name: value` lines"),
        ("v.yaml", "x: [", "E001 not YAML: did not find expected node content"),
        ("v.json", "{", "E001 not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("v.json", '{"x": 1, "x": 2}', "E001 not JSON: duplicate key 'x'"),
    ],
)
def test_a_file_of_variables_is_read_strictly(tmp_path: Path, name: str, text: str, message: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    (tmp_path / "m").mkdir()

    assert message in reported(
        tmp_path / "m", "tags: { t: '${var.x}' }", "variables: { x: { default: d } }", files=(file,)
    )


def test_a_name_in_a_file_that_is_not_declared_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    file = tmp_path / "env/v.yaml"
    file.write_text("x: a\nother: b\n", encoding="utf-8")
    path = written(tmp_path, "tags: { t: '${var.x}' }", "variables: { x: {} }")

    [warning] = load(path, inputs=Inputs(files=(file,))).warnings

    assert (warning.code, str(warning.place)) == ("W214", f"{file}:2:1")


# --- without values --------------------------------------------------------------------------------------------------


def unvalued(folder: Path, text: str) -> Loaded:
    (folder / "provisioner.yaml").write_text(text, encoding="utf-8")
    return load(folder, needs_values=False)


UNKNOWN = """\
stack: "s-${var.env}"
variables: { env: {}, account: {}, size: { type: integer }, tags: { type: map } }
provider: { allowed_account_ids: ["${var.account}"] }
mappings:
  a:
    function_name: "worker-${var.env}"
    event_source_arn: "arn:aws:sqs:eu-west-1:${var.account}:q-${var.env}"
    batch_size: "${var.size}"
    tags: "${var.tags}"
"""


def test_what_depends_on_a_variable_without_value_is_passed_over_when_no_values_are_needed(tmp_path: Path) -> None:
    found = unvalued(tmp_path, UNKNOWN)

    assert found.unvalued == ("account", "env", "size", "tags")
    assert found.warnings == ()


def test_the_rest_is_checked_all_the_same(tmp_path: Path) -> None:
    mistakes = "    maximum_batching_window_in_seconds: 301\n    topics: [x]\n  b: { function_name: f }\n"

    with pytest.raises(ManifestError) as caught:
        unvalued(tmp_path, UNKNOWN + mistakes)

    codes = [item.code for item in caught.value.diagnostics if isinstance(item, Diagnostic)]
    assert codes == ["E103", "E105", "E102"]


@pytest.mark.parametrize("entry", ["lifecycle: { on_conflict: '${var.env}' }", "starting_position: '${var.env}'"])
def test_a_stand_in_is_never_judged(tmp_path: Path, entry: str) -> None:
    text = UNKNOWN if "starting" not in entry else UNKNOWN.replace("sqs", "kinesis").replace(":q-", ":stream/q-")

    unvalued(tmp_path, f"{text}    {entry}\n")


def test_every_use_needs_a_value_when_values_are_needed(tmp_path: Path) -> None:
    (tmp_path / "provisioner.yaml").write_text(UNKNOWN, encoding="utf-8")

    with pytest.raises(ManifestError) as caught:
        load(tmp_path)

    found = [item for item in caught.value.diagnostics if isinstance(item, Diagnostic)]
    assert {item.code for item in found} == {"E112"}
    assert len(found) == 4


def test_a_pattern_that_would_take_for_ever_is_matched_at_once(tmp_path: Path) -> None:
    variables = "variables: { x: { pattern: '(a+)+b', default: " + "a" * 40 + " } }"

    assert any("does not match (a+)+b" in text for text in reported(tmp_path, "batch_size: 5", variables))


def test_what_needs_backtracking_is_no_pattern(tmp_path: Path) -> None:
    [text, *_] = reported(tmp_path, "batch_size: 5", "variables: { x: { pattern: '(?=a)b', default: b } }")

    assert text == "E104 '(?=a)b' is not a regular expression in RE2's syntax: invalid perl operator: (?="
