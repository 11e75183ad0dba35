"""Requests held against the shapes of AWS's own service model, as botocore ships it, before any rule of the service.

A value of the wrong type never reaches the service: the protocol answers SerializationException. Bounds, patterns and
enumerations are the model's constraints: ValidationException. Tags have neither; the service judges them in words of
its own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import botocore.session

from provisioner.kinds.forms import moment
from provisioner.sandbox.answers import Refusal, violates

# How AWS's protocol libraries name what was sent and what was expected.
_KINDS: Final = {str: "STRING_VALUE", bool: "BOOLEAN_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE"}
_TYPES: Final = {"integer": "an Integer", "string": "a String", "boolean": "a Boolean", "timestamp": "a Timestamp"}
_ENUMS: Final = {"StartingPosition": ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON")}
"""Members whose values AWS was seen to list in another order than the model's."""

_NOT_ENFORCED: Final = frozenset({"selfManagedEventSource.endpoints"})
"""Paths below which AWS was seen not to check patterns: a broker without a port passes."""

_UNICODE: Final = re.compile(r"\\p\{[LZN]\}")  # letters, spaces, numbers: Python's `re` has no such classes


def taken(operation: str, body: Any, *, service: str = "lambda") -> dict[str, Any]:
    """The request's members as the service gets them: what the operation does not know and what is null is left out.

    Raises Refusal for a value of the wrong type, and for null in a list or map. Unlike `check_constraints`, which comes
    after it, looks at types alone (docs/aws/errors.md#order).
    """
    if not isinstance(body, dict):
        raise unreadable("Start of structure or map expected")
    return _structure(_input(service, operation), body, "")


def check_constraints(operation: str, members: Mapping[str, Any]) -> None:
    """Raise Refusal for the first constraint of the model that is broken: what is required comes first, without the
    UUID, which is in the path.
    """
    shape = _input("lambda", operation)
    for name in shape.required_members:
        if name not in members and name != "UUID":
            raise violates(f"Value null at '{lower(name)}' failed to satisfy constraint: Member must not be null")
    for message in _of_members(shape, members, ""):
        raise violates(message)


def unreadable(message: str) -> Refusal:
    """The protocol cannot read the request. The words are those of AWS's protocol libraries, not recorded."""
    return Refusal(400, "SerializationException", message)


@cache
def _input(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


# --- types -----------------------------------------------------------------------------------------------------------


def _structure(shape: Any, value: Any, path: str) -> dict[str, Any]:
    _expect(dict, value, "structure or map")
    return {
        name: _typed(member, value[name], f"{path}{lower(name)}")
        for name, member in shape.members.items()
        if value.get(name) is not None
    }


def _typed(shape: Any, value: Any, path: str) -> Any:
    match shape.type_name:
        case "structure":
            return _structure(shape, value, f"{path}.")
        case "list":
            _expect(list, value, "list")
            return [_item(shape.member, item, f"{path}.{index}.member") for index, item in enumerate(value, start=1)]
        case "map":
            _expect(dict, value, "structure or map")
            return {key: _item(shape.value, item, f"{path}.{key}.member") for key, item in value.items()}
        case kind:
            return _scalar(kind, value)


def _item(shape: Any, value: Any, path: str) -> Any:
    if value is None:
        raise violates(f"Value null at '{path}' failed to satisfy constraint: Member must not be null")
    return _typed(shape, value, path)


def _expect(kind: type, value: Any, words: str) -> None:
    if isinstance(value, kind):
        return
    _refuse_start(value)
    raise unreadable(f"Expected {words} or null")


def _refuse_start(value: Any) -> None:
    if isinstance(value, list | dict):
        start = "list" if isinstance(value, list) else "structure or map"
        raise unreadable(f"Start of {start} found where not expected.")


def _scalar(kind: str, value: Any) -> Any:
    _refuse_start(value)
    fits = {
        "integer": _is_whole(value),
        "boolean": isinstance(value, bool),
        "timestamp": not isinstance(value, bool) and _is_time(value),
    }.get(kind, isinstance(value, str))
    if not fits:
        raise unreadable(f"{_KINDS[type(value)]} can not be converted to {_TYPES.get(kind, 'a String')}")
    # JSON can escape one half of a surrogate pair, which is no text in UTF-8.
    if kind == "string" and any("\ud800" <= char <= "\udfff" for char in value):
        raise unreadable("the request is not UTF-8")
    return int(value) if kind == "integer" else value  # 5.0 is a whole number in JSON


def _is_whole(value: Any) -> bool:
    # An int of any length is whole; most are too long for `math.isfinite`, which makes a float of it.
    return type(value) is int or (isinstance(value, float) and math.isfinite(value) and value == int(value))


def _is_time(value: Any) -> bool:
    try:
        return moment(value) is not None
    except (ValueError, OverflowError, OSError):
        return False


# --- constraints -----------------------------------------------------------------------------------------------------


def lower(member: str) -> str:
    """A member as AWS's messages spell it: with a lowercase first letter."""
    return "kmsKeyArn" if member == "KMSKeyArn" else member[0].lower() + member[1:]


def _of_members(shape: Any, members: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        if name in members and name != "Tags":  # tags: `Mappings._check_tags`
            yield from _of_member(name, member, members[name], f"{path}{lower(name)}")


def _of_member(name: str, shape: Any, value: Any, path: str) -> Iterator[str]:
    yield from (_violated(value, path, words) for words in _broken(name, shape, value, path))
    if shape.type_name == "structure":
        yield from _of_members(shape, value, f"{path}.")
    elif shape.type_name == "list" and shape.member.type_name == "structure":
        for index, item in enumerate(value, start=1):
            yield from _of_members(shape.member, item, f"{path}.{index}.member.")
    elif shape.type_name == "list" and any(list(_broken("", shape.member, item, path)) for item in value):
        yield _violated(value, path, f"Member must satisfy constraint: [{', '.join(_all_of(shape.member))}]")
    elif shape.type_name == "map":
        keys = shape.key.metadata.get("enum", ())
        if keys and any(key not in keys for key in value):
            words = f"[Member must satisfy enum value set: [{', '.join(keys)}], Member must not be null]"
            yield _violated(value, path, f"Map keys must satisfy constraint: {words}")
        # Values below a path that is not enforced keep that path, by which `_broken` skips their pattern.
        for key, item in value.items():
            yield from _of_member(name, shape.value, item, f"{path}.{key}" if path not in _NOT_ENFORCED else path)


def _broken(name: str, shape: Any, value: Any, path: str) -> Iterator[str]:
    """The constraints of one shape that a value breaks, in the order in which AWS names the first. Unlike `_all_of`,
    without those that it fulfils.
    """
    known = shape.metadata
    is_number = shape.type_name == "integer"
    size, word = (value, "value") if is_number else (len(value) if hasattr(value, "__len__") else 0, "length")
    if "min" in known and size < known["min"]:
        yield f"Member must have {word} greater than or equal to {known['min']}"
    if "max" in known and size > known["max"]:
        yield f"Member must have {word} less than or equal to {known['max']}"
    if "pattern" in known and path not in _NOT_ENFORCED and not _pattern(known["pattern"]).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {known['pattern']}"
    if "enum" in known and value not in known["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(_ENUMS.get(name, known['enum']))}]"


def _all_of(shape: Any) -> Iterator[str]:
    """All constraints of a list's items, as AWS lists them when one is broken."""
    known = shape.metadata
    if "max" in known:
        yield f"Member must have length less than or equal to {known['max']}"
    if "min" in known:
        yield f"Member must have length greater than or equal to {known['min']}"
    if "pattern" in known:
        yield f"Member must satisfy regular expression pattern: {known['pattern']}"
    if "enum" in known:
        yield f"Member must satisfy enum value set: [{', '.join(known['enum'])}]"
    yield "Member must not be null"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(_UNICODE.sub(r"\\w\\s", text))


def _violated(value: Any, path: str, constraint: str) -> str:
    # Lists without quotes, as Java prints them.
    shown = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value
    shown = json.dumps(shown) if isinstance(shown, dict) else str(shown)
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}"
