"""Converts files that a test writes, and reads the manifest that is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provisioner.manifest import Inputs
from provisioner.manifest.load import load
from provisioner.model.desired import Desired
from provisioner.workflow.converting import Converted
from tests.convert import converting


def converted(folder: Path, content: Any, name: str = "file.json", **options: Any) -> Converted:
    """What a file has. `content` is its text, or a value that is written as JSON."""
    return converting.converted(folder, {name: content}, **options)


def mappings(result: Converted) -> dict[str, dict[str, Any]]:
    """The mappings that were found, by name, in canonical form."""
    return {item.name: item.found.mapping for item in result.named}


def left_out(result: Converted) -> list[tuple[int, str, str]]:
    """What was left out: line, what, why."""
    return [(item.place.line, item.what, item.why) for item in result.left_out]


def loaded(folder: Path, result: Converted, **values: str) -> dict[str, Desired]:
    """The mappings of the printed manifest, as an apply would see them."""
    path = folder / "provisioner.yaml"
    path.write_text(result.text)
    inputs = Inputs(texts=tuple(f"{name}={value}" for name, value in values.items()))
    return dict(load(path, inputs=inputs, region="eu-west-1").manifest.mappings)
