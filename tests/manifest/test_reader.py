"""Strict YAML with positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ManifestError
from provisioner.manifest.reader import MAX_DEPTH, read, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("False", False), ("yes", "yes"), ("on", "on"), ("no", "no"), ("~", None), ("", None),
        ("0", 0), ("-1", -1), ("12", 12), ("012345670123", "012345670123"), ("00", "00"), ("1_000", "1_000"),
        ("0o17", 15), ("0x1F", 31), ("017", "017"), ("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), (".inf", float("inf")),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"), ("2026-01-02", "2026-01-02"), ("1:30", "1:30"), ("null", None),
        ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_what_the_core_schema_says(text: str, value: Any) -> None:
    found = scalar(text)

    assert found == value
    assert type(found) is type(value)


def document(tmp_path: Path, text: str | bytes) -> Any:
    path = tmp_path / "m.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, "m.yaml")


def refused(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(ManifestError) as caught:
        document(tmp_path, text)
    [diagnostic] = caught.value.diagnostics
    return f"{diagnostic.place}: {diagnostic.code}: {diagnostic.message}"  # type: ignore[attr-defined]


def test_quoted_scalars_are_texts(tmp_path: Path) -> None:
    assert document(tmp_path, "a: '1'\nb: \"true\"\nc: |\n  x\n").value == {"a": "1", "b": "true", "c": "x\n"}


def test_a_position_is_that_of_the_value_or_of_its_key(tmp_path: Path) -> None:
    found = document(tmp_path, "a:\n  b: [1, {c: 2}]\n")

    assert str(found.place(("a", "b", 1, "c"))) == "m.yaml:2:14"
    assert str(found.place(("a", "b", 1, "c"), key=True)) == "m.yaml:2:11"
    assert str(found.place(("a", "nothing"))) == "m.yaml:2:3"


def test_a_merged_key_stands_where_it_is_written(tmp_path: Path) -> None:
    found = document(tmp_path, "x: &x {a: 1, b: 2}\nm:\n  <<: *x\n  b: 3\n")

    assert found.value["m"] == {"a": 1, "b": 3}
    assert str(found.place(("m", "a"))) == "m.yaml:1:11"
    assert str(found.place(("m", "b"))) == "m.yaml:4:6"


def test_a_duplicate_key_names_both_places(tmp_path: Path) -> None:
    assert refused(tmp_path, "a: 1\nb: 2\na: 3\n") == "m.yaml:3:1: E002: the key 'a' stands already in line 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "m.yaml:2:1: E001: not YAML: did not find expected node content"),
        ("\ta: 1", "m.yaml:1:1: E001: not YAML: found character that cannot start any token"),
        (b"\xff\xfea\x00", "m.yaml: E001: is not UTF-8 text"),
        ("a: \x00", "m.yaml: E001: not YAML: "),
        ("a: 1\n---\nb: 2\n", "m.yaml:2:1: E001: not YAML: but found another document"),
        ("a: !!python/object:os.system x", "m.yaml:1:4: E001: the tag tag:yaml.org,2002:python/object:os.system is not"),
        ("a: !x {}", "m.yaml:1:4: E001: the tag !x is not allowed in a manifest"),
        ("a: *nowhere", "m.yaml:1:4: E001: not YAML: found undefined alias"),
        ("a: &a [*a]", "m.yaml:1:4: E001: an alias refers to a value that it stands in"),
        ("? [1]\n: 2", "m.yaml:1:3: E001: a key must be a text"),
        ("<<: 3", "m.yaml:1:5: E001: `<<` merges only mappings"),
        ("[" * 100_000, f"m.yaml: E001: is nested more than {MAX_DEPTH} levels deep"),
        ("- " * 100_000, f"m.yaml: E001: is nested more than {MAX_DEPTH} levels deep"),
        ("? " * 100_000, f"m.yaml: E001: is nested more than {MAX_DEPTH} levels deep"),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused_by_name(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert refused(tmp_path, text).startswith(message)


def test_a_billion_laughs_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    assert "aliases expand to more than 2,000,000 values" in refused(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeffa: 1\n", "a: 1\r\nb: 2\r\n"])
def test_odd_but_legal_files_are_read(tmp_path: Path, text: str) -> None:
    assert document(tmp_path, text).value in (None, {"a": 1}, {"a": 1, "b": 2})
