"""The grammar of filter patterns as a schema, from the table of rules that the check evaluates."""

from __future__ import annotations

from typing import Final

from provisioner.manifest.jsonschema.parts import Schema, or_reference, ref, typed, where_literal
from provisioner.manifest.patterns import OPERANDS, Operand

_BELOW: Final = or_reference("object", "array")


def _operand(operand: Operand) -> Schema:
    referable = set(operand.types).isdisjoint(("string", "object"))  # a whole reference is a string too
    schema = or_reference(*operand.types) if referable else typed(*operand.types)
    if operand.only:
        inside = {"properties": {operand.only: {"type": "string"}}, "required": [operand.only]}
        schema = {**schema, **inside, "additionalProperties": False}
    if operand.sizes:
        schema = {**schema, "minItems": operand.sizes[0], "maxItems": operand.sizes[1]}
    return schema


def event_pattern() -> Schema:
    """The definitions of a pattern: objects go deeper, and end in lists of scalars or of objects with one rule."""
    text = {"pattern": r"^\s*\{[\s\S]*\}\s*$", "errorMessage": "a pattern must be a JSON object"}
    message = 'match values must be a list, as in ["open"]'
    level = {
        "properties": {"$or": {**_BELOW, "minItems": 2, "items": ref("pattern-alternative")}},
        "additionalProperties": ref("pattern-below"),
    }
    return {
        "event-pattern": {**typed("object", "string"), **level, **where_literal(text)},
        "pattern-alternative": {**or_reference("object"), "minProperties": 1, **level},
        "pattern-below": {
            **_BELOW,
            "errorMessage": message,
            "minProperties": 1,
            "minItems": 1,
            "items": ref("pattern-match"),
            **level,
        },
        "pattern-match": {
            **typed("string", "number", "boolean", "null", "object"),
            "properties": {name: _operand(operand) for name, operand in OPERANDS.items()},
            "minProperties": 1,
            "maxProperties": 1,
        },
    }
