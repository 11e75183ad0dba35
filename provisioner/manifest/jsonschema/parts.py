"""What schemas are put together from: types with references beside them, texts with their limits."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeAlias

from provisioner.kinds.rows import TAG_TEXT, Legal
from provisioner.model.references import FUNCTION
from provisioner.model.sources import NOT_YET, WITHOUT_NOTIFICATIONS

Schema: TypeAlias = dict[str, Any]


REFERENCE: Final = r"^\$\{var\.[A-Za-z_][A-Za-z0-9_-]*\}$"


VARIABLE_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_-]*$"


REFERABLE: Final = {"integer": "integer", "boolean": "boolean", "list": "array", "map": "object"}


NOT_EMPTY: Final = {"minItems": 1, "minLength": 1, "minProperties": 1}


def typed(*types: str) -> Schema:
    """A value of one of these types."""
    return {"type": list(types)}


_IN_WORDS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map (`name: value` lines)",
}


def or_reference(*types: str) -> Schema:
    """Values of these types, or a text that is one whole reference."""
    words = " or ".join(_IN_WORDS[name] for name in types if name in _IN_WORDS)
    message = f"this must be {words}, or a reference such as ${{var.name}}"
    return {**typed(*types, "string"), "pattern": REFERENCE, "errorMessage": message}


def ref(name: str) -> Schema:
    """What stands under this name in `$defs`."""
    return {"$ref": f"#/$defs/{name}"}


def at_path(path: Iterable[str], schema: Schema) -> Schema:
    """A schema for what is at a path; `[]` stands for the items of a list."""
    for step in reversed(list(path)):
        schema = {"items": schema} if step == "[]" else {"properties": {step: schema}}
    return schema


def when(condition: Schema, then: Schema) -> Schema:
    """A schema that holds only under a condition."""
    return {"if": condition, "then": then} if condition else then


def stated(name: str, schema: Schema) -> Schema:
    """`required`, because without it an absent property would match."""
    return {"required": [name], "properties": {name: schema}}


def needed(name: str, message: str, json_type: str = "string", **limits: Any) -> Schema:
    """A property that must be there and must say something. Its type is named, or an editor would offer all."""
    types = {"type": list(dict.fromkeys((json_type, "string")))}
    return {**stated(name, {**types, **NOT_EMPTY, **limits, "errorMessage": message}), "errorMessage": message}


def where_literal(limits: Schema) -> Schema:
    """Limits of a text that holds no reference: what a reference makes of a text is not known here."""
    return {"if": ref("templated"), "else": limits} if limits else {}


def text_limits(bounds: tuple[int, int] | None, legal: Legal | None) -> Schema:
    """The length and the form of a text, where AWS enforces it."""
    limits: Schema = {}
    if bounds:
        limits = {"minLength": bounds[0], "maxLength": bounds[1]} if bounds[0] else {"maxLength": bounds[1]}
    if legal and legal.enforced:
        limits |= {"pattern": f"^(?:{legal.pattern})$", "errorMessage": f"this is not {legal.words}"}
    return limits


def text_of(bounds: tuple[int, int] | None, legal: Legal | None, known: Collection[str], *, null: bool) -> Schema:
    """A text. Known words are offered, and others are accepted: AWS adds some."""
    types = typed("string", "null") if null else {"type": "string"}
    if known:
        return {"anyOf": [{"enum": list(known)}, types]}
    return types | where_literal(text_limits(bounds, legal))


def other_than(words: Iterable[str], message: str) -> Schema:
    """Not one of these words: as a pattern, because a refused `not` cannot say why."""
    return {"pattern": f"^(?!(?:{'|'.join(map(re.escape, words))})$)", "errorMessage": message}


_REFUSED: Final = "|".join(sorted({*NOT_YET, *WITHOUT_NOTIFICATIONS}))


LEGAL_TEXTS: Final[Mapping[str, Legal]] = {
    # A named group is spelt otherwise in ECMA-262.
    "function_name": Legal(re.sub(r"\(\?P<\w+>", "(?:", FUNCTION.pattern), "a function name or ARN"),
    "event_source_arn": Legal(
        rf"arn:aws[^:]*:(?!(?:{_REFUSED}):)[^:]+:[^:]*:[^:]*:.+", "the ARN of a source that provisioner supports"
    ),
    "starting_position_timestamp": Legal(r"\d{4}-?[\dW].*", 'a time such as "2026-01-15T00:00:00Z"'),
}
"""What the checks know of texts that the API's model leaves open."""


# \w is only ASCII in ECMA-262, and \p{L} is unknown to Python: all beyond ASCII passes.
TAG_KEYS: Final = Legal(r"[^\x00-\x1f!-*,;<>?\x5b-\x5e\x60\x7b-\x7f]*", TAG_TEXT.words)
