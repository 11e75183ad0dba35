"""Reading JSON and YAML of other tools, with the place of each value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.convert.documents import documents, members_of, text_at, text_of_file
from provisioner.errors import UsageError


def read(text: str, **options: bool) -> list[Any]:
    return [document.plain() for document in documents(text, "f", **options)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', [{"a": [1, 2.5, True, None, "x"]}]),
        ('{"a": "\\u00e9\\n\\"\\ud83d\\ude00"}', [{"a": 'é\n"😀'}]),
        ('{"a": 1}{"a": 2}\n\n[3]', [{"a": 1}, {"a": 2}, [3]]),
        ('{"a": 1}\n{"a": 2}', [{"a": 1}, {"a": 2}]),
        ('{"a": 1, "a": 2}', [{"a": 2}]),
        ("{}", [{}]),
        (" [ ] ", [[]]),
        ("[null]null", [[None]]),
        ('{"a":\t-1e3}', [{"a": -1000.0}]),
        ("{a: 1, b: [c]}", [{"a": 1, "b": ["c"]}]),  # YAML in flow style
        ("[a, 'b']", [["a", "b"]]),
        ('{"a": 1} # a comment', [{"a": 1}]),
    ],
)
def test_json(text: str, expected: list[Any]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n---\na: 2\n...\n---\n# nothing\n", [{"a": 1}, {"a": 2}]),
        ("", []),
        ("# nothing\n", []),
        ("a: &x {b: 1}\nc: *x\n", [{"a": {"b": 1}, "c": {"b": 1}}]),
        ("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n", [{"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 3}}]),
        ("y: {<<: [{a: 1}, {a: 2, b: 2}], c: 3}\n", [{"y": {"a": 1, "b": 2, "c": 3}}]),
        ("<<: 5\na: 1\n", [{"a": 1}]),
        ("a: 1\na: 2\n", [{"a": 2}]),
        ("a: !Ref b\n", [{"a": {"Ref": "b"}}]),
        ("a: !Sub '${b}'\n", [{"a": {"Fn::Sub": "${b}"}}]),
        ("a: !GetAtt b.c.d\n", [{"a": {"Fn::GetAtt": ["b", "c.d"]}}]),
        ("a: !GetAtt [b, c]\n", [{"a": {"Fn::GetAtt": ["b", "c"]}}]),
        ("a: !If [c, !Ref b, 1]\n", [{"a": {"Fn::If": ["c", {"Ref": "b"}, 1]}}]),
        ("a: !Condition c\n", [{"a": {"Condition": "c"}}]),
        ("a: ! 'b'\n", [{"a": "b"}]),
        ("a: !!str 1\nb: !!int '2'\nc: !!binary eA==\n", [{"a": "1", "b": "2", "c": "eA=="}]),
        ("a: |\n  b\n  c\nd: >-\n  e\n  f\n", [{"a": "b\nc\n", "d": "e f"}]),
        ("1: a\ntrue: b\n? [c]\n: d\n", [{"1": "a", "true": "b", "['c']": "d"}]),
        ("a: 2026-01-01\nb: 2026-01-01 00:00:00\n", [{"a": "2026-01-01", "b": "2026-01-01 00:00:00"}]),
        ("a: !!python/object:os.system b\n", [{"a": "b"}]),
        ("a: !!bool maybe\nb: !!int ''\nc: !!float .\n", [{"a": "maybe", "b": "", "c": "."}]),
    ],
)
def test_yaml(text: str, expected: list[Any]) -> None:
    assert read(text) == expected
    assert read(text.replace("\n", "\r\n")) == expected


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("no", False, "no"),
        ("On", True, "On"),
        ("true", True, True),
        ("010", 8, "010"),
        ("0o10", "0o10", "0o10"),
        ("1_000", 1000, "1_000"),
        ("1:30", 90, "1:30"),
        ("~", None, None),
        ("", None, None),
        ("1.5", 1.5, 1.5),
        ("'no'", "no", "no"),
    ],
)
def test_the_scalars_of_yaml_1_1_and_1_2(text: str, old: Any, new: Any) -> None:
    assert read(f"a: {text}\n") == [{"a": old}]
    assert read(f"a: {text}\n", yaml_1_1=False) == [{"a": new}]


@pytest.mark.parametrize("text", ['{\n  "a": {\n    "b": [1,\n 22]}}', "\na:\n  b:\n  -  1\n  - 22\n"])
def test_each_value_has_its_place(text: str) -> None:
    [root] = documents(text, "f.x")
    last = root.at(("a", "b", 1))
    lines = text.split("\n")

    assert last.value == 22
    place = last.place()
    assert lines[place.line - 1][place.column - 1 : place.end_column - 1] == "22"
    key = root.at(("a", "b")).place(key=True)
    assert lines[key.line - 1][key.column - 1 : key.end_column - 1].strip('"') == "b"
    assert place.file == "f.x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', "f:1: not JSON: the text ends too early"),
        ('{"a" 1}', "f:1: not JSON: a colon is expected"),
        ('{"a": "\\ud800x\\udc00"}', "f:1: not JSON: a text has half of a character"),
        ('{"\\udfff": 1}', "f:1: not JSON: a text has half of a character"),
        ("a: b: c", "f:1: not YAML: mapping values are not allowed in this context"),
        ("a: [1\n", "f:2: not YAML: did not find expected ',' or ']'"),
        ("a:\n\t- b", "f:2: not YAML: found character that cannot start any token"),
        ("a: *b", "f:1: not YAML: found undefined alias"),
        ("\0", "f: not YAML: unacceptable character"),
        ("&a [*a]", "f has too many values, or they are nested too deeply"),
        ("[" * 100_000, "f:1: not JSON: values are nested more than 100 levels deep"),
        ("- " * 100_000, "f:1: values are nested more than 100 levels deep"),
        ("{a: " * 100_000, "f:1: not JSON: a key in double quotes is expected"),
        ("a: &a [1,2,3,4,5,6,7,8,9]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(7)), "f has too many values"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setattr("provisioner.convert.documents.MAX_NODES", 10_000)
    with pytest.raises(UsageError) as caught:
        documents(text, "f")

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "content",
    [
        b"a: \xc3\xa9\n",
        b"\xef\xbb\xbfa: \xc3\xa9\n",
        "a: é\n".encode("utf-16"),
        b"\xfe\xff" + "a: é\n".encode("utf-16-be"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)

    assert read(text_of_file(path)) == [{"a": "é"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff", "is not UTF-8 text"), (b"a: \xe9\n", "is not UTF-8 text"), (b"\xff\xfea", "is not UTF-8 text"), (None, "cannot be read: No such file")],
)  # fmt: skip
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "f"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UsageError, match=message):
        text_of_file(path)


def test_members_of_what_is_no_map() -> None:
    [root] = documents("a: x\nb: 1\n", "f")

    assert (members_of(None), members_of(root.at(("a",)))) == ({}, {})
    assert (text_at(root, "a"), text_at(root, "b"), text_at(root, "c"), text_at(None, "a")) == ("x", "", "", "")
