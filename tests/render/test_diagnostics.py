"""The difference that `fmt --diff` prints."""

from __future__ import annotations

from provisioner.render.diagnostics import diff_text
from provisioner.render.style import Style


def test_what_a_diff_does_not_show_is_said_in_words() -> None:
    assert diff_text("a.yaml", "a: 1\r\n", "a: 1\n", Style()) == "a.yaml: only line endings change"
    assert diff_text("a.yaml", "a: 1", "a: 1\n", Style()) == "a.yaml: only line endings change"


def test_trailing_spaces_are_in_the_diff() -> None:
    shown = diff_text("a.yaml", "a: 1  \n", "a: 1\n", Style()).splitlines()

    assert shown[-2:] == ["-a: 1  ", "+a: 1"]
