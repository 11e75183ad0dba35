"""Files of other tools, converted: what their manifest has, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from provisioner.errors import ManifestError
from provisioner.manifest.load import load
from tests.convert import converting

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Result:
    """The manifest that was printed; `left_out` are the lines, what was left out at them, and why."""

    text: str
    manifest: dict[str, Any]
    left_out: list[tuple[int, str, str]]

    @property
    def mappings(self) -> list[dict[str, Any]]:
        return list(self.manifest["mappings"].values())

    @property
    def mapping(self) -> dict[str, Any]:
        (mapping,) = self.mappings
        return mapping

    @property
    def variables(self) -> dict[str, Any]:
        return self.manifest.get("variables", {})

    @property
    def defaults(self) -> dict[str, Any]:
        return {name: item.get("default") for name, item in self.variables.items()}


def converted(folder: Path, texts: str | dict[str, str], *names: str, **options: Any) -> Result:
    """What files have, of which those in `names` are converted, else the first one. The manifest is loaded, also while its
    variables have no value.
    """
    files = {"template.yaml": texts} if isinstance(texts, str) else texts
    made = converting.converted(folder, {name: text.encode() for name, text in files.items()}, *names, **options)
    manifest = folder / "made" / "provisioner.yaml"
    manifest.parent.mkdir(exist_ok=True)
    text = made.text
    manifest.write_text(text, encoding="utf-8")
    try:
        load(manifest, needs_values=False)
    except ManifestError as error:
        raise AssertionError(f"{text}\n{error.diagnostics}") from error
    left_out = [(item.place.line, item.what, item.why) for item in made.left_out]
    return Result(text, yaml.load(text, LOADER), left_out)
