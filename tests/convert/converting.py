"""Files of other tools, converted as the command does it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioner import workflow
from provisioner.convert.conversion import Options
from provisioner.convert.unknown import readable
from provisioner.errors import ProvisionerError
from provisioner.manifest import load
from provisioner.manifest.variables import Inputs
from provisioner.workflow.converting import Converted

WRONG: tuple[Any, ...] = (None, 7, "", "${x}", [], ["a"], {}, {"a": 1}, True, 1.5)
"""What may stand where it does not belong."""


def converted(folder: Path, files: dict[str, Any], *names: str, **options: Any) -> Converted:
    """What is read of files that are written into a folder: of the first one, or of those named."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    parameters = options.pop("parameters", {})
    return workflow.convert([folder / name for name in names or [next(iter(files))]], Options(parameters, **options))


def entries(result: Converted) -> list[dict[str, Any]]:
    """The mappings, with variables as a manifest has them, in the order of their names."""
    return [json.loads(readable(json.dumps(item.found.mapping, ensure_ascii=False))) for item in result.named]


def entry(result: Converted) -> dict[str, Any]:
    """The only mapping."""
    [item] = entries(result)
    return item


def ids(result: Converted) -> list[str]:
    """The ids by which the mappings can be imported."""
    return [item.found.key.id if item.found.key else "" for item in result.named]


def left(result: Converted) -> list[tuple[int, str, str]]:
    """What was left out: its line, what it is, and why."""
    return [(item.place.line, readable(item.what), readable(item.why)) for item in result.left_out]


def comments(result: Converted) -> list[str]:
    """The comments of the manifest."""
    return [line.strip().removeprefix("# ") for line in result.text.splitlines()[1:] if line.strip().startswith("#")]


def loaded(folder: Path, result: Converted, **values: str) -> dict[str, dict[str, Any]]:
    """The mappings of the printed manifest by name, with these values of variables; without any, it has no errors."""
    path = folder / "printed.yaml"
    path.write_text(result.text, encoding="utf-8")
    if not values:
        load(path, needs_values=False, region="eu-west-1")
    texts = tuple(f"{name}={value}" for name, value in values.items())
    manifest = load(path, inputs=Inputs(texts), region="eu-west-1", needs_values=bool(values)).manifest
    return {name: dict(item.mapping) for name, item in manifest.mappings.items()}


def spoiled(value: Any) -> Iterator[Any]:
    """Copies of a value with each part of it replaced by something that does not belong there."""
    yield from WRONG
    if isinstance(value, dict):
        for name, item in value.items():
            yield {other: inner for other, inner in value.items() if other != name}
            for wrong in spoiled(item):
                yield {**value, name: wrong}
    elif isinstance(value, list):
        for number, item in enumerate(value):
            for wrong in spoiled(item):
                yield [*value[:number], wrong, *value[number + 1 :]]


def survives(folder: Path, name: str, content: Any, **options: Any) -> None:
    """A file is converted and its manifest written, or it is refused."""
    try:
        result = converted(folder, {name: content}, **options)
        assert isinstance(result.text, str)
    except ProvisionerError:
        pass
