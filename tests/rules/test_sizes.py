"""Sizes that keep the code readable: functions up to 60 lines, files up to 400; tables are excepted by name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2] / "provisioner"
FILES = sorted(TOP.rglob("*.py"))
TABLES = {"model/codes.py", "model/mapping.py", "sandbox/refusals.py"}
"""The codes, the field table, the refusals of the sandbox: one entry after the other."""


def name_of(path: Path) -> str:
    return str(path.relative_to(TOP))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_has_at_most_400_lines(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= 400 or name_of(path) in TABLES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_function_has_at_most_60_lines(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]

    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 60] == []


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_is_excepted_only_while_it_is_long(name: str) -> None:
    assert len((TOP / name).read_text(encoding="utf-8").splitlines()) > 400


def test_a_reason_decides_nothing() -> None:
    """`Change.reason` explains a change to people: only rendering compares it."""
    readers = [
        name_of(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Attribute) and isinstance(side.value, ast.Name) and side.value.id == "Reason"
    ]

    assert {reader.partition("/")[0] for reader in readers} <= {"render"}
