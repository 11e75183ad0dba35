"""Writes the expected answers of the cases and the golden files anew: `make golden`. Read the difference before you
commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import yaml

from provisioner.manifest import load
from provisioner.manifest.reader import line_at
from provisioner.render.diagnostics import diagnostics_text
from provisioner.render.style import Style
from tests.manifest import test_load as manifests
from tests.planning import test_stories as stories
from tests.render import screens
from tests.support import interface

_EXPECTED = ("plan", "after", "order", "problems", "diagnostics")


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def stories_anew() -> None:
    """The plan of each story as text in the story and as Markdown in `golden/plan`; of two as JSON too."""
    for path in stories.CASES:
        text = path.read_text(encoding="utf-8")
        case = yaml.safe_load(text)
        with tempfile.TemporaryDirectory() as folder:
            answer = stories.answer(case, Path(folder))
            planned = stories.planned_of(case, Path(folder))
        before = {key: case[key] for key in _EXPECTED if key in case}
        if "plan" in before:
            before["plan"] = before["plan"].rstrip("\n")
        if answer != before:
            lines = text.splitlines(keepends=True)
            end = next((n for n, line in enumerate(lines) if line.split(":")[0] in _EXPECTED), len(lines))
            dumped = yaml.dump(answer, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
            path.write_text("".join(lines[:end]) + dumped, encoding="utf-8")
        if planned.plan:
            forms = {"markdown": ".md"} | ({"json": ".json"} if path.stem in stories.IN_JSON else {})
            for form, ending in forms.items():
                shown = stories.in_format(form, planned)
                (stories.GOLDEN / f"{path.stem}{ending}").write_text(shown, encoding="utf-8")


def manifests_anew() -> None:
    """The lines that begin with `#>` at the end of each case."""
    for path, invalid in [(path, True) for path in manifests.CASES] + [(path, False) for path in manifests.WARNED]:
        if invalid:
            message = manifests.message(path, path.parent)
        else:
            message = diagnostics_text(load(path).warnings, Style(), line_at).replace(f"{path.parent}/", "")
        kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#>")]
        path.write_text(
            "\n".join([*kept, *(f"#> {line}".rstrip() for line in message.splitlines())]) + "\n", encoding="utf-8"
        )


def screens_anew() -> None:
    """What terminals of several widths show."""
    for name in screens.SCREENS:
        for width in screens.WIDTHS:
            path = screens.golden(name, width)
            path.parent.mkdir(exist_ok=True)
            path.write_text(screens.screen(name, width), encoding="utf-8")


def interface_anew() -> None:
    """What scripts and old files rely on. A line that goes or changes breaks them: docs/compatibility.md."""
    interface.GOLDEN.write_text(interface.interface(), encoding="utf-8")


if __name__ == "__main__":
    interface_anew()
    stories_anew()
    screens_anew()
    manifests_anew()
    sys.exit(0)
