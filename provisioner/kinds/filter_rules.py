"""The rules of a filter pattern: what each matches of one value, and which of two matches more (docs/aws/filters.md#matching)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from provisioner.kinds.forms import json_key


def holds(rule: Any, value: Any) -> bool:
    """Whether a rule matches a leaf that is there."""
    if not isinstance(rule, Mapping):
        return equal(rule, value)
    [(name, operand)] = rule.items() if len(rule) == 1 else [("", None)]
    if name == "exists":
        return operand is True
    if name == "anything-but" and isinstance(operand, Mapping):
        [(inner, excluded)] = operand.items()
        return not any(_TESTS[inner](item, value) for item in (excluded if isinstance(excluded, list) else [excluded]))
    if name == "anything-but":
        excluded = operand if isinstance(operand, list) else [operand]
        return not any(equal(item, value) for item in excluded)
    test = _TESTS.get(name)
    return bool(test and test(operand, value))


def contains(wide: Any, narrow: Any) -> bool:
    """Whether whatever a rule matches another one matches too, as far as their forms show it."""
    if json_key(wide) == json_key(narrow):
        return True
    if not isinstance(narrow, Mapping):
        return not is_absence(wide) and holds(wide, narrow)
    if is_absence(narrow) or not isinstance(wide, Mapping) or len(wide) != 1 or len(narrow) != 1:
        return False
    [(name, operand)], [(other, inner)] = wide.items(), narrow.items()
    if name == "exists":
        return operand is True  # every other rule wants a leaf
    if name == other == "prefix" and isinstance(operand, str) and isinstance(inner, str):
        return inner.startswith(operand)
    if name == other == "suffix" and isinstance(operand, str) and isinstance(inner, str):
        return inner.endswith(operand)
    if name == other == "anything-but" and not isinstance(operand, Mapping) and not isinstance(inner, Mapping):
        kept, dropped = (item if isinstance(item, list) else [item] for item in (operand, inner))
        return all(any(equal(item, excluded) for excluded in dropped) for item in kept)
    return False


def is_absence(rule: Any) -> bool:
    """Whether a rule wants no value at its path."""
    return isinstance(rule, Mapping) and rule.get("exists") is False


def equal(wanted: Any, value: Any) -> bool:
    """Whether two literals match: numbers by value, everything else by type too."""
    if is_number(wanted) and is_number(value):
        return float(wanted) == float(value)
    return type(wanted) is type(value) and bool(wanted == value)


def is_number(value: Any) -> bool:
    """Whether a value is a number of JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_end(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """A rule about the beginning or the end of a text, whose operand may ask for equality without case."""

    def holds_for(operand: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(operand, Mapping):
            return test(value.lower(), str(operand.get("equals-ignore-case", "")).lower())
        return test(value, operand)

    return holds_for


def _wildcard(operand: Any, value: Any) -> bool:
    parts = re.findall(r"\\(.)|(\*)|([^*\\]+)", operand, re.DOTALL)
    expression = "".join(".*" if star else re.escape(escaped or text) for escaped, star, text in parts)
    return isinstance(value, str) and re.fullmatch(expression, value, re.DOTALL) is not None


_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def _numeric(operand: Any, value: Any) -> bool:
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return is_number(value) and all(_COMPARISONS[sign](float(value), float(bound)) for sign, bound in pairs)


def _cidr(operand: Any, value: Any) -> bool:
    try:
        return isinstance(value, str) and ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False


_TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "prefix": _of_end(str.startswith),
    "suffix": _of_end(str.endswith),
    "equals-ignore-case": lambda operand, value: isinstance(value, str) and value.lower() == operand.lower(),
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
}
"""Rules with one operand that is compared with a value."""

RULES: Final = _TESTS.keys() | {"exists", "anything-but"}
"""The names of all rules."""
