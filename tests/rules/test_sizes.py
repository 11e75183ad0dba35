"""Sizes that keep the code readable: functions up to 60 lines, files up to 400; tables are excepted by name. A few lines
that are called once stand where they are called.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2] / "provisioner"
FILES = sorted(TOP.rglob("*.py"))
TABLES = {"model/codes.py", "kinds/event_source_mapping.py", "sandbox/refusals.py"}
"""The codes, the field table, the refusals of the sandbox: one entry after the other."""

MOST_STATEMENTS = 3
"""A private function with so many statements or fewer, its docstring not counted, and one call is written where it is
called: a reader then follows one function from top to bottom.
"""

WRITTEN_APART = {
    # In a comprehension or a table only an expression has room.
    "manifest/check.py:_is_required": "in the condition of a comprehension, beside its like `_is_missing`",
    "planning/stale.py:_shown": "in a comprehension: both sides of a change",
    "render/terraform.py:_planned": "in a comprehension of resources, as `_refreshed`",
    "render/terraform.py:_refreshed": "in a comprehension of resources, as `_planned`",
    "sandbox/app.py:_has_tags": "in the condition of a comprehension, and a loop itself",
    "sandbox/refusals.py:_cluster_denied": "a condition in the table of refusals",
    "sandbox/refusals.py:_is_active_mq": "a condition in the table of refusals",
    "sandbox/shapes.py:_is_time": "in a table of types, which cannot catch an error",
    "sandbox/shapes.py:_is_whole": "in a table of types, as `_is_time`",
    # One of several that are called side by side.
    "manifest/format/layout.py:_Laying._sequence": "a kind of event, beside `_mapping` and `_scalar`",
    "kinds/risk.py:_of_deletion": "an action, beside `_of_create`, `_of_update` and `_of_replacement`",
    "planning/order.py:_takes": "the opposite of `_frees`",
    "sandbox/mappings.py:_marker": "the inverse of `_offset`",
    "sandbox/world.py:MotoWorld._has_table_stream": "a kind of source, beside `_has_stream`",
    # Each calls the function that calls it.
    "aws/convert.py:_update_block": "recursion with `_update_value`",
    "sandbox/patterns.py:_are_alternatives": "recursion with `_is_object`",
    # The name says more than the lines.
    "manifest/format/rewrite.py:_Rendering._is_simple": "five conditions for the last choice of many",
}
"""Exceptions, each with why it reads better apart."""


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


def called_once(path: Path) -> list[str]:
    """The private functions and methods of a file that are short, have no decorator and whose only reference is a call.
    One that is passed as a value, or stands in a table, is not among them; nor is a function inside a function.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # Only in this file: no file uses a private name of another one.
    references: defaultdict[tuple[type, str], list[ast.AST]] = defaultdict(list)
    called = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            references[ast.Name, node.id].append(node)
        elif isinstance(node, ast.Attribute):
            references[ast.Attribute, node.attr].append(node)
        elif isinstance(node, ast.Call):
            called.add(node.func)
    classes = [(f"{node.name}.", ast.Attribute, node.body) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = []
    for owner, access, body in [("", ast.Name, tree.body), *classes]:
        for node in body:
            if not isinstance(node, ast.FunctionDef) or node.decorator_list:
                continue
            uses = references[access, node.name]
            private = node.name.startswith("_") and not node.name.startswith("__")
            if private and len(uses) == 1 and uses[0] in called and statements_of(node) <= MOST_STATEMENTS:
                found.append(f"{name_of(path)}:{owner}{node.name}")
    return found


def statements_of(function: ast.FunctionDef) -> int:
    """An `if` with one line inside is two."""
    inside = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1  # without the `def` itself
    return inside - (ast.get_docstring(function) is not None)


def test_a_few_lines_that_are_called_once_stand_where_they_are_called() -> None:
    found = {name for path in FILES for name in called_once(path)}

    assert found - WRITTEN_APART.keys() == set(), "write these where they are called"
    assert WRITTEN_APART.keys() - found == set(), "these need no exception any more"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def _one():\n    return 1\n_one()", ["_one"]),
        ("def _one():\n    'Says what.'\n    a = 1\n    b = 2\n    return a + b\n_one()", ["_one"]),
        ("def _one():\n    if a:\n        b()\n    c()\n    d()\n_one()", []),
        ("def _one():\n    return 1\n_one() + _one()", []),
        ("def _one():\n    return 1\nmap(_one, [])", []),
        ("def _one():\n    return 1\nTABLE = {1: _one}", []),
        ("@cache\ndef _one():\n    return 1\n_one()", []),
        ("def one():\n    return 1\none()", []),
        ("class A:\n    def _one(self):\n        return 1\n    def two(self):\n        self._one()", ["A._one"]),
        ("class A:\n    def __len__(self):\n        return 1\n    def two(self):\n        self.__len__()", []),
    ],
)
def test_what_counts_as_called_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: list[str]
) -> None:
    monkeypatch.setattr("tests.rules.test_sizes.TOP", tmp_path)
    file = tmp_path / "some.py"
    file.write_text(text, encoding="utf-8")

    assert called_once(file) == [f"some.py:{name}" for name in found]
