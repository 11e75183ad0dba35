"""Several files as one manifest: folders and `include`."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import ManifestError
from provisioner.manifest import load
from provisioner.model.diagnostics import Diagnostic

ENTRY = "{{ {0}: {{ function_name: {0}, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q' }} }}"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def mapping(name: str) -> str:
    return f"mappings: {ENTRY.format(name)}\n"


def reported(path: Path) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(path)
    found = [item for item in caught.value.diagnostics if isinstance(item, Diagnostic)]
    return [f"{Path(item.place.file).name}:{item.place.line}: {item.code}: {item.message}" for item in found]


def test_globs_are_relative_to_the_file_sorted_and_deep(tmp_path: Path) -> None:
    write(
        tmp_path,
        provisioner="stack: s\ninclude: [teams/*.yaml, teams/x.yaml]\n" + mapping("root"),
        teams__b=mapping("b") + "include: [more/*.yaml]\n",
        teams__a=mapping("a"),
        teams__x=mapping("x"),
        teams__more__c=mapping("c"),
    )

    assert list(load(tmp_path).manifest.mappings) == ["root", "a", "b", "c", "x"]


def test_an_editors_file_is_not_meant(tmp_path: Path) -> None:
    write(tmp_path, provisioner="stack: s\ninclude: [teams/*.yaml]\n", teams__a=mapping("a"))
    (tmp_path / "teams/.#a.yaml").write_text("[", encoding="utf-8")

    assert list(load(tmp_path).manifest.mappings) == ["a"]


def test_everything_is_joined_and_what_stands_twice_names_both_places(tmp_path: Path) -> None:
    write(
        tmp_path,
        provisioner="stack: s\ninclude: [a.yaml, b.yaml]\nvariables: { v: { default: x } }\n",
        a="stack: t\nvariables: { v: {}, w: { default: '1' } }\nmoved: [{ from: o, to: a }]\n" + mapping("a"),
        b="moved: [{ from: p, to: a }]\nmappings:\n  a: {}\n",
    )

    assert reported(tmp_path) == [
        f"a.yaml:1: E002: duplicate key 'stack': first defined at {tmp_path}/provisioner.yaml:1:1",
        f"a.yaml:2: E002: duplicate key 'v': first defined at {tmp_path}/provisioner.yaml:3:14",
        "a.yaml:2: W212: the variable 'w' is not used",
        f"b.yaml:3: E002: duplicate key 'a': first defined at {tmp_path}/a.yaml:4:13",
        "provisioner.yaml:3: W212: the variable 'v' is not used",
    ]


def test_a_circle_of_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path, provisioner="stack: s\ninclude: [a.yaml]\n", a="include: [b.yaml]\n", b="include: [a.yaml]\n")

    assert reported(tmp_path) == [f"b.yaml:1: E110: {tmp_path}/a.yaml includes itself"]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, outside=mapping("a"), m__provisioner="stack: s\ninclude: ['*.yaml']\n")
    (tmp_path / "m/link.yaml").symlink_to(tmp_path / "outside.yaml")

    assert any("is outside of the manifest's folder" in line for line in reported(tmp_path / "m"))


def test_mistakes_in_reading_are_reported_of_all_files(tmp_path: Path) -> None:
    write(tmp_path, provisioner="stack: s\ninclude: ['[ab].yaml']\n", a="x: [\n", b="y: {\n")

    assert [line.split(":")[0] for line in reported(tmp_path)] == ["a.yaml", "b.yaml"]


def test_what_could_stand_in_a_part_that_cannot_be_read_is_not_missed(tmp_path: Path) -> None:
    text = "include: [a.yaml]\nmappings: { a: { batch_size: x, function_name: '${var.b}' } }\nmoved: [{ from: b, to: c }]\n"
    write(tmp_path, provisioner=text, a="[")

    assert [line.split(": ")[1] for line in reported(tmp_path)] == ["E001", "E104"]


def test_a_folder_that_may_not_be_read_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(Path, "iterdir", refuse)

    assert reported(tmp_path) == [f"{tmp_path.name}:0: E001: cannot be read: Permission denied"]
