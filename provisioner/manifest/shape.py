"""Checks the shape of a manifest with the models in `schema`. No error hides another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from provisioner.manifest.check import time_hint
from provisioner.manifest.finding import nearest, suggestion
from provisioner.manifest.reader import scalar
from provisioner.manifest.schema import Entry, Root
from provisioner.model.mapping import FIELDS, Field, learn

Location = tuple[Hashable, ...]
Report = Callable[..., None]
"""`report(code, path, message, hint="", key=False)`: something is wrong at a path of the manifest."""

_A_FIELD: Final = 3  # steps from the top to a field of a mapping
_TYPES: Final = {
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a string",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a map (`name: value` lines)",
    "model_type": "a map (`name: value` lines)",
    "model_attributes_type": "a map (`name: value` lines)",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The parsed manifest (None when it cannot be parsed), the paths that are wrong, and the plain value without them."""

    root: Root | None
    wrong: frozenset[Location]
    without_errors: Mapping[str, Any]


def shape_of(
    value: dict[str, Any], member: Callable[[Sequence[str]], str], report: Report, hints: Mapping[Location, str]
) -> Shape:
    """Check a manifest with its models.

    Wrong parts are removed and the rest is checked. A misspelt field counts as wrong under its right name too, so that
    it is not reported as missing. `member` names the API's member for a path that the field table lacks, or "". `hints`
    say what to do about fields that are missing.
    """
    with _new_members_aside(value, member, report):
        try:
            return Shape(Root.model_validate(value), frozenset(), value)
        except ValidationError as error:
            items = error.errors(include_url=False, include_context=False)
        located = [(_known_part(value, item["loc"], missing=item["type"] == "missing"), item) for item in items]
        meant = {
            (*path[:-1], near)
            for path, item in located
            if item["type"] == "extra_forbidden" and (near := nearest(_field_name(path), _siblings(path)))
        }
        seen: set[Location] = set()
        for path, item in located:
            if path not in seen and path not in meant:
                _report_error(path, item["type"], item["msg"], item["input"], report, hints)
            seen.add(path)
        wrong, sound = frozenset(seen | meant), without(value, seen)
        try:
            return Shape(Root.model_validate(sound), wrong, sound)
        except ValidationError:
            return Shape(None, wrong, sound)


# --- fields that only botocore knows ---------------------------------------------------------------------------------


@contextmanager
def _new_members_aside(value: dict[str, Any], member: Callable[[Sequence[str]], str], report: Report) -> Iterator[None]:
    """While shapes are checked, set aside the fields that only botocore knows; each gets a line in the field table."""
    blocks = [
        (key, name, block)
        for key in ("defaults", "mappings")
        if isinstance(named := value.get(key), dict)
        for name, block in named.items()
        if isinstance(block, dict)
    ]
    aside = [
        item
        for key, name, block in blocks
        for item in list(_new_members(FIELDS, block, (), (key, name), member, report))
    ]
    values = [(block, key, block.pop(key)) for block, key in aside]
    yield
    for block, key, removed in values:
        block[key] = removed


def _new_members(
    fields: Mapping[str, Field],
    block: dict[str, Any],
    names: tuple[str, ...],
    path: Location,
    member: Callable[[Sequence[str]], str],
    report: Report,
) -> Iterator[tuple[dict[str, Any], str]]:
    for key, value in block.items():
        known = fields.get(key)
        if known and not known.learned:
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, item in items if known.children else ():
                if isinstance(item, dict):
                    here = (*path, key) if index is None else (*path, key, index)
                    yield from _new_members(known.children, item, (*names, key), here, member, report)
        elif (names or key not in Entry.model_fields) and (api := member((*names, key))):
            learn((*names, key), api)
            message = (
                f"{key}: provisioner does not know this field, but the installed botocore does; it is "
                f"sent unchanged as {api}"
            )
            report("W202", (*path, key), message, key=True)
            yield block, key


# --- one error of pydantic in our words ------------------------------------------------------------------------------


def _known_part(value: Any, path: Location, *, missing: bool) -> Location:
    """The steps of a path that lead somewhere in the manifest: pydantic adds the branches of its unions."""
    for index, step in enumerate(path):
        inside = step in value if isinstance(value, dict) else isinstance(value, list) and isinstance(step, int)
        if not inside:
            return path[: index + 1] if missing else path[:index]
        value = value[step]
    return path


def _report_error(
    path: Location, kind: str, message: str, value: Any, report: Report, hints: Mapping[Location, str]
) -> None:
    name = _field_name(path)
    if value is None and kind in ("dict_type", "model_type", "list_type"):
        report("E104", path, f"{name} is empty", "write its contents below it, indented", key=True)
        return
    if kind == "extra_forbidden":
        report("E101", path, f"unknown field {name!r}", suggestion(name, _siblings(path)), key=True)
    elif kind == "missing":
        report("E102", path[:-1], f"{name} is missing", hints.get(path, ""))
    elif name == "pattern" and path[0] != "variables":
        report("E104", path, f"a pattern must be a map or a JSON string, not {_shown(value)}")
    elif len(path) > 1 and path[-2] == "endpoints":
        report("E104", path, f"{name} must be a list of strings, or one comma-separated string")
    elif kind in _TYPES:
        hint = time_hint(value) if name == "starting_position_timestamp" else _type_hint(kind, value)
        report("E104", path, f"{name} must be {_TYPES[kind]}, not {_shown(value)}", hint, certain=True)
    elif kind == "literal_error":
        expected = message.removeprefix("Input should be ").lower()
        report("E104", path, f"{name} must be {expected}, not {_shown(value)}")
    else:
        report("E104", path, f"{name}: {message.removeprefix('Value error, ')}")


def without(value: dict[str, Any], wrong: Iterable[Location]) -> dict[str, Any]:
    """A copy without these paths. A list with a wrong item is removed whole, because the indexes of the others would
    change.
    """
    copy = deepcopy(value)
    for path in wrong:
        steps = list(takewhile(lambda step: not isinstance(step, int), path))
        if not _drop(copy, steps) and len(steps) > _A_FIELD:
            _drop(copy, steps[:-1])  # a value without a required part is removed whole
    return copy


def _drop(value: Any, steps: Sequence[Hashable]) -> bool:
    """Remove the value at a path. Returns whether there was one."""
    if not steps or not isinstance(value, dict) or steps[0] not in value:
        return False
    if len(steps) > 1:
        return _drop(value[steps[0]], steps[1:])
    del value[steps[0]]
    return True


def _siblings(path: Location) -> list[str]:
    """The keys that may stand beside the last step of a path."""
    model: type[BaseModel] | None = Root
    named = False  # the step is a name, or a number, and not a key of a model
    for step in path[:-1]:
        if not (named or isinstance(step, int)):
            info = model.model_fields.get(str(step)) if model else None
            model = _model_in(info.annotation) if info else None
        named = not named and step in ("mappings", "variables")
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds: itself, optional, or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in getattr(annotation, "__args__", ()) if (model := _model_in(part))), None)


def _field_name(path: Sequence[Hashable]) -> str:
    """The last field of a path; an entry of a list by its list and number."""
    if not path:
        return "the manifest"
    return f"{path[-2]}[{path[-1]}]" if isinstance(path[-1], int) and len(path) > 1 else str(path[-1])


def _type_hint(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        return "put it in quotes"
    if kind == "bool_type" and str(value).lower() in ("yes", "no", "on", "off"):
        return "use true or false; in YAML 1.2, yes, no, on and off are strings"
    quoted = isinstance(value, str) and kind in ("int_type", "bool_type") and not isinstance(scalar(value), str | None)
    return "remove the quotes" if quoted else ""


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a map (`name: value` lines)" if isinstance(value, dict) else "a list"
    return f"the string {value!r}" if isinstance(value, str) else str(value)
