"""Which filter patterns Lambda refuses: the control plane's own reading of the grammar, which shares nothing with the
manifest's.

Lambda answers each of them with "Invalid filter pattern definition."; which they are was recorded from Lambda and,
where Lambda gives no reason, from EventBridge, whose matcher it uses. A rule of an unknown name is refused too.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final


def is_pattern(text: str) -> bool:
    """Whether Lambda takes a text as a filter pattern."""
    try:
        # NaN and Infinity are not JSON, but Python reads them.
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_members)
        return isinstance(value, dict) and _is_object(value)
    except (ValueError, RecursionError):
        return False


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises ValueError when a key that is written twice may be a rule: a field, which may be written twice,
    holds an object or a list.
    """
    if len(dict(pairs)) < len(pairs) and not all(isinstance(value, dict | list) for _, value in pairs):
        raise ValueError("a rule with two keys")
    return dict(pairs)


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _is_object(value: Mapping[str, Any]) -> bool:
    """Each field goes deeper to something, or lists what may match."""
    return all(
        _are_alternatives(item)
        if name == "$or" and isinstance(item, list)
        else (bool(item) and _is_object(item))
        if isinstance(item, dict)
        else isinstance(item, list) and bool(item) and all(map(_matches, item))
        for name, item in value.items()
    )


def _are_alternatives(items: list[Any]) -> bool:
    return len(items) > 1 and all(
        isinstance(item, dict) and item and not item.keys() & _RULES.keys() and _is_object(item) for item in items
    )


def _matches(item: Any) -> bool:
    """A literal, or an object with one rule."""
    if not isinstance(item, dict):
        return not isinstance(item, list)
    [(name, operand), *more] = item.items() if item else [("", None)]  # {} has no rule: "" is none either
    return not more and name in _RULES and _RULES[name](operand)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_affix(value: Any) -> bool:
    folded = isinstance(value, dict) and value.keys() == {"equals-ignore-case"}
    return _is_text(value["equals-ignore-case"] if folded else value)


def _is_wildcard(value: Any) -> bool:
    # After each backslash a star or a backslash; no two stars in a row.
    return _is_text(value) and re.fullmatch(r"(?:\\[*\\]|\*(?!\*)|[^*\\])*", value, re.DOTALL) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)  # in Python True is an int


def _is_range(value: Any) -> bool:
    match value:
        case [("=" | "<" | "<=" | ">" | ">="), number]:
            return _is_number(number)
        case [(">" | ">="), low, ("<" | "<="), high] if _is_number(low) and _is_number(high):
            return bool(low < high)
    return False


def _is_cidr(value: Any) -> bool:
    try:
        # ipaddress also takes an address without a prefix, and numbers.
        shaped = _is_text(value) and re.fullmatch(r"[0-9a-fA-F.:]+/\d{1,3}", value)
        return bool(shaped and ipaddress.ip_network(value, strict=False))
    except ValueError:
        return False


def _is_exclusion(value: Any) -> bool:
    if isinstance(value, dict):
        [(name, operand), *more] = value.items() if value else [("", None)]
        texts = operand if isinstance(operand, list) and operand else [operand]
        return not more and name in _BELOW and all(map(_BELOW[name], texts))
    items = value if isinstance(value, list) and value else [value]
    return all(map(_is_text, items)) or all(map(_is_number, items))


def _is_filled(value: Any) -> bool:
    return _is_text(value) and value != ""


_BELOW: Final[Mapping[str, Callable[[Any], bool]]] = {
    "prefix": _is_filled,
    "suffix": _is_filled,
    "equals-ignore-case": _is_text,
    "wildcard": _is_wildcard,
}
_RULES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "prefix": _is_affix,
    "suffix": _is_affix,
    "equals-ignore-case": _is_text,
    "wildcard": _is_wildcard,
    "exists": lambda value: isinstance(value, bool),
    "numeric": _is_range,
    "cidr": _is_cidr,
    "anything-but": _is_exclusion,
}
