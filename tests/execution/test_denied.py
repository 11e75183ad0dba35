"""What may not be read is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.execution.test_apply import queue
from tests.support.control_plane import any_credentials, served
from tests.support.stack import Sessions, Stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack whose credentials may not list mappings."""
    with served(direct=True) as plane:
        any_credentials(monkeypatch)
        plane.faults.append(
            lambda method, path: "403" if method == "GET" and path.rstrip("/").endswith("event-source-mappings") else ""
        )
        yield Stack(tmp_path, plane, Sessions(plane.endpoint, plane.attach))


def test_a_plan_says_which_pairs_it_could_not_look_up(stack: Stack) -> None:
    stack.write_mappings(queue("a", number=1), queue("b", number=2))

    stack.plan()

    [note] = [text for text in stack.ui.notes if "could not be looked up" in text]
    assert "for a, b, because lambda:ListEventSourceMappings is denied" in note


def test_a_plan_that_creates_nothing_says_nothing(stack: Stack) -> None:
    stack.write_mappings(queue("a"))
    assert stack.apply().clean
    stack.ui.notes.clear()

    stack.plan()

    assert [text for text in stack.ui.notes if "could not be looked up" in text] == []
