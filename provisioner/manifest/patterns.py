"""Checks that a filter pattern is legal: the grammar that Lambda shares with EventBridge. `sandbox/patterns.py` has its
own reading.

A pattern is an object; each field holds an object that goes deeper, or a list of what may match: a scalar, or an object
with one rule. AWS answers every mistake with "Invalid filter pattern definition." (docs/aws/errors.md#messages).
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from provisioner.kinds.forms import joined
from provisioner.manifest.finding import Finding, Step, suggestion

Problem = tuple[str, str, str]
"""The place in the pattern, as in `body.price[0]`, the message, and the name of an unknown rule, or ""."""

_HINT: Final = "`provisioner explain E220` shows what a pattern may hold"


def pattern_findings(value: Any, path: tuple[Step, ...]) -> Iterator[Finding]:
    """What is wrong with a pattern as the manifest spells it: a mapping, or a JSON text."""
    twice: list[str] = []
    try:
        if isinstance(value, str):
            value = json.loads(value, object_pairs_hook=partial(_joined, twice), parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        # Errors first. A RecursionError while the grammar is followed is caught here too.
        problems = sorted(_object(value, ""), key=lambda problem: bool(problem[2])) if isinstance(value, dict) else []
    except UnicodeEncodeError:
        yield Finding("E104", path, "the pattern contains an invalid Unicode character (a lone surrogate)")
        return
    except RecursionError:
        yield Finding("E220", path, "the pattern is nested too deeply", _HINT)
        return
    except ValueError as error:
        too_large = "Out of range" in str(error)
        yield Finding("E104", path, "a number is too large" if too_large else f"the pattern is not JSON: {error}")
        return
    if not isinstance(value, dict):
        yield Finding("E104", path, "a pattern must be a JSON object")
    for place, message, unknown in problems:
        if unknown:
            hint = suggestion(unknown, OPERANDS) or f"known rules: {', '.join(OPERANDS)}"
            yield Finding("W204", path, f"{place}: {message}", hint)
        else:
            yield Finding("E220", path, f"{place}: {message}", _HINT)
    for name in dict.fromkeys(twice):
        message = f"duplicate key {name!r} in the pattern: AWS merges two objects, but uses only the last of two lists"
        yield Finding("W218", path, message, "write the key once, and put both parts under it")


def _joined(twice: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object as AWS reads it; its duplicate keys are added to `twice`."""
    if len(dict(pairs)) == len(pairs):
        return dict(pairs)
    names = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if any(name in names and not isinstance(value, dict | list) for name, value in pairs):
        raise ValueError(f"duplicate key {names[0]!r} in a rule")  # a field holds an object or a list
    twice.extend(names)
    try:
        return joined(pairs)
    except ValueError:  # an object and a list under one key: AWS takes both, no object of JSON can hold them
        return dict(pairs)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


# --- the grammar -----------------------------------------------------------------------------------------------------


def _object(value: Mapping[str, Any], place: str) -> Iterator[Problem]:
    for name, item in value.items():
        here = f"{place}.{name}" if place else name
        if name == "$or" and isinstance(item, list):
            yield from _alternatives(item, here)
        elif isinstance(item, Mapping):
            if not item:
                yield here, "an empty object is not allowed", ""
            yield from _object(item, here)
        elif isinstance(item, list):
            yield from _list(item, here)
        else:
            yield here, f"match values must be a list: write [{json.dumps(item, ensure_ascii=False)}]", ""


def _alternatives(items: list[Any], place: str) -> Iterator[Problem]:
    if len(items) < 2:
        yield place, "$or needs at least two alternatives", ""
    for index, item in enumerate(items):
        if isinstance(item, Mapping) and item.keys() & OPERANDS.keys():
            yield (
                f"{place}[{index}]",
                "an alternative of $or must contain fields, and no field may have the name of a rule",
                "",
            )
        elif isinstance(item, Mapping) and item:
            yield from _object(item, f"{place}[{index}]")
        else:
            yield f"{place}[{index}]", "an alternative of $or must be an object with fields", ""


def _list(items: list[Any], place: str) -> Iterator[Problem]:
    if not items:
        yield place, "an empty list matches nothing", ""
    for index, item in enumerate(items):
        here = f"{place}[{index}]"
        if isinstance(item, list):
            yield here, "nested lists are not allowed; a match value must be a scalar or a rule", ""
        elif isinstance(item, Mapping):
            yield from _rule(item, here)


def _rule(rule: Mapping[str, Any], place: str) -> Iterator[Problem]:
    if len(rule) != 1:
        yield place, 'a rule is an object with one key, as in {"prefix": "a"}', ""
        return
    name, operand = next(iter(rule.items()))
    if name not in OPERANDS and name.lower() in OPERANDS:
        yield place, f"rule names are lowercase: write {name.lower()}", ""
    elif name not in OPERANDS:
        yield place, f"{name!r} is an unknown filter rule (passed to AWS unchecked)", name
    elif expected := OPERANDS[name].expects(operand):
        yield place, f"{name} takes {expected}", ""


_CASE: Final = "equals-ignore-case"


def _text(operand: Any) -> str:
    return "" if isinstance(operand, str) else "a string"


def _affix(operand: Any) -> str:
    """A string, or `equals-ignore-case` with a string."""
    if isinstance(operand, Mapping):
        known = operand.keys() == {_CASE} and isinstance(operand[_CASE], str)
        return "" if known else 'a string, or {"equals-ignore-case": a string}'
    return _text(operand)


def _wildcard(operand: Any) -> str:
    if not isinstance(operand, str):
        return "a string"
    if re.search(r"\\(?![*\\])", _ESCAPED.sub("x", operand)):
        return "a string in which every backslash is followed by * or \\"
    return "a string without two * in a row" if "**" in _ESCAPED.sub("x", operand) else ""


def _boolean(operand: Any) -> str:
    return "" if isinstance(operand, bool) else "true or false"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparisons(operand: Any) -> str:
    """One comparison with a number, or a range: a lower bound, then an upper one that is not below it."""
    words = 'one comparison or a range, as in ["=", 5] or [">", 0, "<=", 5]'
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return words
    signs, numbers = operand[::2], operand[1::2]
    known: tuple[set[str], ...] = ({"=", "<", "<=", ">", ">="},) if len(operand) == 2 else ({">", ">="}, {"<", "<="})
    if not all(map(_is_number, numbers)) or not all(
        isinstance(sign, str) and sign in of for sign, of in zip(signs, known, strict=True)
    ):
        return words
    lower, upper = numbers[0], numbers[-1]
    return "a lower bound that is below the upper one" if len(numbers) > 1 and lower >= upper else ""


def _block_of_addresses(operand: Any) -> str:
    words = "a CIDR block, for example 10.0.0.0/24"
    if not isinstance(operand, str) or not _BLOCK.fullmatch(operand):
        return words
    try:
        ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return words
    return ""


def _others(operand: Any) -> str:
    words = "a string, a number, a list of either, or one string rule, such as prefix"
    if isinstance(operand, list):
        fits = all(isinstance(item, str) for item in operand) or all(map(_is_number, operand))
        return "" if operand and fits else words
    if isinstance(operand, Mapping):
        return _others_by_rule(operand)
    return "" if isinstance(operand, str) or _is_number(operand) else words


def _others_by_rule(operand: Mapping[str, Any]) -> str:
    """A rule below anything-but: on a text, or on each of a list of texts."""
    name, value = next(iter(operand.items()), ("", None))
    if len(operand) != 1 or name not in {"prefix", "suffix", _CASE, "wildcard"}:
        return "one of prefix, suffix, equals-ignore-case and wildcard"
    texts = value if isinstance(value, list) and value else [value]
    if not all(isinstance(text, str) for text in texts):
        return f"a string, or a list of strings, in {name}"
    if name in ("prefix", "suffix") and "" in texts:
        return f"a {name} that is not empty: an empty one excludes everything"
    wrong = [words for text in texts if name == "wildcard" and (words := _wildcard(text))]
    return f"in wildcard, {wrong[0]}" if wrong else ""


_BLOCK: Final = re.compile(r"[0-9a-fA-F.:]+/\d{1,3}")
_ESCAPED: Final = re.compile(r"\\[*\\]")


@dataclass(frozen=True, slots=True)
class Operand:
    """What a rule of a pattern takes.

    expects  what it takes in words when an operand is something else, or ""
    types    the JSON types that an operand can have
    only     the one key of an operand that is an object, with a string as its value
    sizes    the least and most items of an operand that is a list
    """

    expects: Callable[[Any], str]
    types: tuple[str, ...]
    only: str = ""
    sizes: tuple[int, int] | None = None


OPERANDS: Final[Mapping[str, Operand]] = {
    "prefix": Operand(_affix, ("string", "object"), only=_CASE),
    "suffix": Operand(_affix, ("string", "object"), only=_CASE),
    _CASE: Operand(_text, ("string",)),
    "wildcard": Operand(_wildcard, ("string",)),
    "exists": Operand(_boolean, ("boolean",)),
    "numeric": Operand(_comparisons, ("array",), sizes=(2, 4)),
    "cidr": Operand(_block_of_addresses, ("string",)),
    "anything-but": Operand(_others, ("string", "number", "array", "object")),
}
"""The rules by name: the check evaluates them, and the JSON Schema prints their types (`jsonschema/pattern.py`)."""
