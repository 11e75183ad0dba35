"""Strict YAML with positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.manifest.reader import MAX_BYTES, MAX_DEPTH, Document, line_at, read, scalar


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


NESTED = f"values are nested more than {MAX_DEPTH} levels deep"


def document(tmp_path: Path, text: str | bytes) -> Document:
    path = tmp_path / "m.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, "m.yaml")


def value(tmp_path: Path, text: str | bytes) -> Any:
    found = document(tmp_path, text)
    assert not found.diagnostics
    return found.root.plain() if found.root else None


def refused(tmp_path: Path, text: str | bytes) -> str:
    [diagnostic] = document(tmp_path, text).diagnostics
    return f"{diagnostic.place}: {diagnostic.code}: {diagnostic.message}"


def test_quoted_scalars_are_texts(tmp_path: Path) -> None:
    assert value(tmp_path, "a: '1'\nb: \"true\"\nc: |\n  x\n") == {"a": "1", "b": "true", "c": "x\n"}


def places(tmp_path: Path, text: str, *path: str | int) -> tuple[str, str]:
    """Where a value stands, and the key that leads to it."""
    root = document(tmp_path, text).root
    assert root
    return str(root.at(path).place()), str(root.at(path).place(key=True))


def test_a_position_is_that_of_the_value_or_of_its_key(tmp_path: Path) -> None:
    text = "a:\n  b: [1, {c: 2}]\n"

    assert places(tmp_path, text, "a", "b", 1, "c") == ("m.yaml:2:14", "m.yaml:2:11")
    assert places(tmp_path, text, "a", "nothing") == ("m.yaml:2:3", "m.yaml:1:1")


def test_a_merged_key_stands_where_it_is_written(tmp_path: Path) -> None:
    text = "x: &x {a: 1, b: 2}\nm:\n  <<: *x\n  b: 3\n"

    assert value(tmp_path, text)["m"] == {"a": 1, "b": 3}
    assert places(tmp_path, text, "m", "a")[0] == "m.yaml:1:11"
    assert places(tmp_path, text, "m", "b")[0] == "m.yaml:4:6"


@pytest.mark.parametrize(
    ("text", "path", "span"),
    [
        ("a: 'x y'\n", ("a",), (1, 4, 1, 9)),
        ("a:\n  b: 1\n  c: [1,\n    2]\n\n# end\nd: 1\n", ("a",), (2, 3, 4, 7)),
        ("a: { b: 1 }\n", ("a",), (1, 4, 1, 12)),
        ("ä: ö\n", ("ä",), (1, 4, 1, 5)),
    ],
)
def test_a_span_ends_where_the_value_ends(tmp_path: Path, text: str, path: tuple[str], span: tuple[int, ...]) -> None:
    root = document(tmp_path, text).root
    assert root
    place = root.at(path).place()

    assert (place.line, place.column, place.end_line, place.end_column) == span


def test_every_duplicate_key_is_reported_and_reading_goes_on(tmp_path: Path) -> None:
    found = document(tmp_path, "a: 1\na: 2\nb: {c: 1, c: 2}\nd: 3\n")

    assert [str(item.place) for item in found.diagnostics] == ["m.yaml:2:1", "m.yaml:3:11"]
    assert found.root
    assert found.root.plain() == {"a": 1, "b": {"c": 1}, "d": 3}


def test_a_line_is_counted_as_the_parser_counts_it(tmp_path: Path) -> None:
    found = document(tmp_path, "a: 'x\u0085y\u2028z'\r\nb: 1\rc: [\n")
    place = found.diagnostics[0].place._replace(file=str(tmp_path / "m.yaml"))

    assert line_at(place._replace(line=place.line - 1)) == "c: ["


def test_a_duplicate_key_names_both_places(tmp_path: Path) -> None:
    assert refused(tmp_path, "a: 1\nb: 2\na: 3\n") == "m.yaml:3:1: E002: duplicate key 'a': first defined on line 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "m.yaml:2:1: E001: not YAML: did not find expected node content"),
        ("\ta: 1", "m.yaml:1:1: E001: not YAML: found character that cannot start any token"),
        (b"\xff\xfea\x00", "m.yaml: E001: is UTF-16, not UTF-8"),
        (b"a\x00:\x00", "m.yaml: E001: is UTF-16, not UTF-8"),
        (b"a: 1\nb: \xe4\n", "m.yaml: E001: is not UTF-8 text: byte 0xe4 on line 2"),
        (b"a" * (MAX_BYTES + 1), "m.yaml: E001: is larger than 32 MB"),
        ("a: \x00", "m.yaml:1:4: E001: not YAML: the character U+0000 is not allowed"),
        ("é: 1\nb: \x07", "m.yaml:2:4: E001: not YAML: the character U+0007 is not allowed"),
        ("a: !x:str 1", "m.yaml:1:4: E001: the YAML tag !x:str is not allowed in a manifest"),
        ("x: &x {}\na: {<<: *x, <<: *x}", "m.yaml:2:13: E002: only one `<<` is allowed"),
        ("a: 1\n---\nb: 2\n", "m.yaml:2:1: E001: a second YAML document starts here"),
        ("a: !!python/object:os.system x", "m.yaml:1:4: E001: the YAML tag tag:yaml.org,2002:python/object:os.system is not"),
        ("a: !x {}", "m.yaml:1:4: E001: the YAML tag !x is not allowed in a manifest"),
        ("a: *nowhere", "m.yaml:1:4: E001: unknown alias: no earlier value has the anchor &nowhere"),
        ("a: &a [*a]", "m.yaml:1:8: E001: the alias *a refers to a value that contains it"),
        ("? [1]\n: 2", "m.yaml:1:3: E001: a key must be a string"),
        ("<<: 3", "m.yaml:1:5: E001: `<<` can merge only maps"),
        ("[" * 100_000, NESTED),
        ("- " * 100_000, NESTED),
        ("? " * 100_000, NESTED),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused_by_name(tmp_path: Path, text: str | bytes, message: str) -> None:
    reported = refused(tmp_path, text)

    assert reported.startswith(message) or (message == NESTED and message in reported)


def test_a_billion_laughs_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    assert "too many values after expanding aliases (the maximum is 1,000,000)" in refused(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeffa: 1\n", "a: 1\r\nb: 2\r\n"])
def test_odd_but_legal_files_are_read(tmp_path: Path, text: str) -> None:
    assert value(tmp_path, text) in (None, {"a": 1}, {"a": 1, "b": 2})
