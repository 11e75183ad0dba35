"""Checks the shape of a part of a manifest with its model in `schema`. No error hides another.

Mappings and defaults are not checked here: `check` compares them with the field table.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from provisioner.manifest.finding import Finding, label, nearest, suggestion
from provisioner.manifest.types import A_MAP, shown, type_hint

Location = tuple[Hashable, ...]
Model = TypeVar("Model", bound=BaseModel)

_TYPES: Final = {
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a string",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": A_MAP,
    "model_type": A_MAP,
    "model_attributes_type": A_MAP,
}


@dataclass(frozen=True, slots=True)
class Shape(Generic[Model]):
    """A part of a manifest as a model, without what is wrong in it; None when the rest is no such model either."""

    model: Model | None
    findings: list[Finding]


def shape_of(model: type[Model], value: Mapping[str, Any], hints: Mapping[str, str] | None = None) -> Shape[Model]:
    """Check a part of a manifest with its model.

    Wrong parts are removed and the rest is checked. `hints` say, by name, what to do about fields that are missing.
    """
    try:
        return Shape(model.model_validate(value), [])
    except ValidationError as error:
        items = error.errors(include_url=False, include_context=False)
    located = [(_known_part(value, item["loc"], missing=item["type"] == "missing"), item) for item in items]
    meant = {
        (*path[:-1], near)
        for path, item in located
        if item["type"] == "extra_forbidden" and (near := nearest(label(path), _siblings(model, path)))
    }  # a misspelt field is not reported as missing too
    found: dict[Location, Finding] = {}
    for path, item in located:
        if path not in found and path not in meant:
            found[path] = _finding(model, path, item, hints or {})
    try:
        return Shape(model.model_validate(_without(value, (path for path, _ in located))), list(found.values()))
    except ValidationError:
        return Shape(None, list(found.values()))


def _known_part(value: Any, path: Location, *, missing: bool) -> Location:
    """The steps of a path that lead somewhere in the manifest: pydantic adds the branches of its unions."""
    for index, step in enumerate(path):
        inside = step in value if isinstance(value, dict) else isinstance(value, list) and isinstance(step, int)
        if not inside:
            return path[: index + 1] if missing else path[:index]
        value = value[step]
    return path


def _finding(model: type[BaseModel], path: Location, item: Mapping[str, Any], hints: Mapping[str, str]) -> Finding:
    """One error of pydantic in our words."""
    kind, value, name = item["type"], item["input"], label(path)
    if value is None and kind in ("dict_type", "model_type", "list_type"):
        return Finding("E104", path, f"{name} is empty", "write its contents below it, indented", at_key=True)
    if kind == "extra_forbidden":
        hint = suggestion(name, _siblings(model, path))
        return Finding("E101", path, f"unknown field {name!r}", hint, at_key=True)
    if kind == "missing":
        return Finding("E102", path[:-1], f"{name} is missing", hints.get(name, ""))
    if kind in _TYPES:
        message = f"{name} must be {_TYPES[kind]}, not {shown(value)}"
        return Finding("E104", path, message, type_hint(_TYPES[kind], value), certain=True)
    if kind == "literal_error":
        expected = item["msg"].removeprefix("Input should be ").lower()
        return Finding("E104", path, f"{name} must be {expected}, not {shown(value)}")
    return Finding("E104", path, f"{name}: {item['msg'].removeprefix('Value error, ')}")


def _without(value: Mapping[str, Any], wrong: Iterable[Location]) -> Any:
    """A copy without these paths. A list with a wrong item is removed whole."""
    copy = deepcopy(value)
    for path in wrong:
        _drop(copy, list(takewhile(lambda step: not isinstance(step, int), path)))
    return copy


def _drop(value: Any, steps: Sequence[Hashable]) -> None:
    """Remove the value at a path, where there is one."""
    *above, last = steps or [None]
    for step in above:
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value.pop(last, None)


def _siblings(model: type[BaseModel], path: Location) -> list[str]:
    """The keys that may stand beside the last step of a path."""
    block: type[BaseModel] | None = model
    named = False  # the step is a name, or a number, and not a key of a model
    for step in path[:-1]:
        if not (named or isinstance(step, int)):
            info = block.model_fields.get(str(step)) if block else None
            block = _model_in(info.annotation) if info else None
        named = not named and step in ("mappings", "variables")
    return [info.alias or name for name, info in block.model_fields.items()] if block else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds: itself, optional, or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in getattr(annotation, "__args__", ()) if (model := _model_in(part))), None)
