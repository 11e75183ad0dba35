"""Screens of 60, 80 and 120 columns: words wrap, carets stay under their text, equal lines are grouped."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from provisioner.render.wrapping import columns, fitted, names, wrapped
from tests.render.screens import SCREENS, WIDTHS, golden, screen

VALUE = re.compile(r"^ *(?:[-+~] )?\S+ += |^ *\d+ \| ")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen(name: str, width: int) -> None:
    shown = screen(name, width)

    assert shown == golden(name, width).read_text(encoding="utf-8")
    for line in shown.split("\n"):
        # What is longer is one word, or a value that must be possible to copy.
        assert columns(line) <= width or VALUE.match(line) or " " not in line.strip(), line


@pytest.mark.parametrize("width", WIDTHS)
def test_a_caret_stands_under_its_text(width: int) -> None:
    lines = screen("diagnostics", width).split("\n")
    carets = [(above, line) for above, line in pairwise(lines) if re.match(r" +\| +\^+$", line)]

    marked = [
        above[len(line) - line.count("^") :][: line.count("^")]
        for above, line in carets
        if above.replace("…", "").isascii()
    ]

    assert "20000" in marked
    assert all(columns(line) <= width for pair in carets for line in pair)


def test_no_screen_is_left_over() -> None:
    kept = {path.name for path in golden("plan", 60).parent.iterdir()}

    assert kept == {golden(name, width).name for name in SCREENS for width in WIDTHS}


def test_what_fits_is_left_alone() -> None:
    assert fitted("one two", 60) == "one two"
    assert fitted("x" * 200, 60) == "x" * 200  # one word
    assert fitted("a " * 100, 0) == "a " * 100  # no terminal


def test_words_wrap_under_a_hanging_indent_and_colours_have_no_width() -> None:
    text = " ".join(["\033[31mword\033[0m"] * 20)

    lines = wrapped(text, 40, "    ").split("\n")

    assert all(columns(line) <= 40 for line in lines)
    assert columns(lines[0]) == 38
    assert all(line.startswith("      \033") for line in lines[1:])


def test_a_comment_that_does_not_fit_goes_to_a_line_before_its_value() -> None:
    line = "        ~ batch_size = 3 -> 10  # edit: line removed, so AWS's default applies"

    assert fitted(line, 60) == "        # edit: line removed, so AWS's default applies\n        ~ batch_size = 3 -> 10"


def test_a_command_between_backticks_is_never_broken() -> None:
    command = "`provisioner import billing 0000 -f 'a folder' --var 'team=x & y'`"

    shown = fitted(f"Error: the mapping belongs to stack other\n  remove it there, or import it: {command}", 40)

    assert command in shown.split("\n")[-1]


def test_a_painted_line_wraps_under_its_own_indent() -> None:
    lines = fitted("\033[31m  # AWS disabled it: " + "word " * 12 + "\033[0m", 40).split("\n")

    assert lines[0].startswith("  \033[31m# AWS") or lines[0].startswith("\033[31m  # AWS")
    assert all(line.startswith("  #   word") for line in lines[1:])


def test_many_names_are_counted() -> None:
    assert names(["a", "b"]) == "a, b"
    assert names([str(number) for number in range(25)]).endswith("19 and 5 more")
