"""docs/checks.md lists every check with its code and what it needs."""

from __future__ import annotations

import re
from pathlib import Path

from provisioner.checks.table import CHECKS
from provisioner.model.codes import EXPLANATIONS

PAGE = (Path(__file__).parents[2] / "docs/checks.md").read_text(encoding="utf-8")


def test_every_check_stands_in_the_table_of_the_page() -> None:
    listed = {code for row in re.findall(r"^\| (C1[^|]*) \|", PAGE, re.MULTILINE) for code in row.split(", ")}

    assert listed == {code for code in EXPLANATIONS if code.startswith("C")} - {"C100"}
    assert {check.code for check in CHECKS} <= listed


def test_the_page_names_every_permission() -> None:
    assert {need for check in CHECKS for need in check.needs} <= set(re.findall(r"`(\w+:\w+)`", PAGE))
