"""Rules between fields as schemas: what is missing beside something else, and what contradicts it.

The rules are those of `kinds/rules.py`: a condition as a schema is printed here, from the same value that the check
evaluates. Warnings are left to the check, because a schema knows only errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, get_origin

from provisioner.kinds.conditions import AtLeast, AtMost, EndsNot, Has, HasNoneOf, Is, IsNot, Lacks, Test
from provisioner.kinds.fields import Field
from provisioner.kinds.rules import RULES, Rule
from provisioner.kinds.tables import ALL_FIELDS
from provisioner.manifest.jsonschema.fields import EVERY, empty_values, kinds_in_words
from provisioner.manifest.jsonschema.kinds import from_kinds
from provisioner.manifest.jsonschema.parts import Schema, at_path, needed, other_than, ref, stated, when
from provisioner.model.place import FieldPath
from provisioner.model.sources import ALL


@dataclass(frozen=True, slots=True)
class Together:
    """A rule that reads several fields of one mapping."""

    reads: tuple[str, ...]
    rule: Schema

    @property
    def unless_ignored(self) -> Schema:
        """The rule, where `ignore_changes` names none of the fields: what an ignored field is in AWS is not known."""
        ignored = {"pattern": f"^(?:{'|'.join(self.reads)})(?:\\.|$)"}
        condition = at_path(("lifecycle", "ignore_changes"), {"items": {"not": {"type": "string"} | ignored}})
        return when(condition, self.rule)


def where_complete(rule: Together) -> Schema:
    """A rule about what is missing, where nothing else can supply it: neither defaults nor another file."""
    supplied = {"additionalProperties": {"properties": dict.fromkeys((*rule.reads, "lifecycle"), False)}}
    alone = {"required": ["stack"], "properties": {"include": False, "defaults": supplied}}
    return when(alone, at_path(("mappings",), {"additionalProperties": rule.unless_ignored}))


_SOURCES: Final = ("event_source_arn", "self_managed_event_source")


def needs() -> Iterator[Together]:
    """What is missing: fields that kinds require, and fields that others need beside them."""
    neither = f"{' or '.join(_SOURCES)} is missing"
    yield Together(_SOURCES, {"anyOf": [needed(name, neither, _json_type(ALL_FIELDS[name])) for name in _SOURCES]})
    for name, field in ALL_FIELDS.items():
        if field.row.required and name not in _SOURCES:
            kinds = field.row.required
            whom = "" if kinds == EVERY else f": required for {kinds_in_words(kinds)}"
            yield Together(
                (name,), when(from_kinds(kinds), needed(name, f"{name} is missing{whom}", _json_type(field)))
            )
        for inner, part in field.children.items():
            if not field.many and part.row.required == ALL:
                missing = needed(inner, f"{inner} is missing in {name}", _json_type(part))
                yield Together((name,), at_path((name,), missing))
    brokers = "KAFKA_BOOTSTRAP_SERVERS"
    endpoints = needed(brokers, f"endpoints must contain {brokers}", "array")
    yield Together(_SOURCES[1:], at_path((_SOURCES[1], "endpoints"), endpoints))
    yield from _printed(adds=True)


def contradictions() -> Iterator[Schema]:
    """Values that cannot stand, or cannot stand beside each other, whatever else is said elsewhere."""
    for rule in _printed(adds=False):
        yield rule.unless_ignored


# --- rules -----------------------------------------------------------------------------------------------------------


def _printed(*, adds: bool) -> Iterator[Together]:
    """The rules that a schema can state: those that another value would satisfy (`adds`), or the others."""
    for rule in RULES:
        requirement = _requirement(rule)
        if rule.code.startswith("E") and requirement and adds == _adds(rule):
            # Where a rule holds for all, the schemas of the kinds already say which of them have the field.
            kinds = from_kinds(EVERY if rule.kinds == ALL else rule.sources)
            conditions = [part for part in (kinds, _condition(rule) if rule.when else {}) if part]
            condition = {"allOf": conditions} if len(conditions) > 1 else conditions[0] if conditions else {}
            yield Together(tuple(sorted(rule.reads)), when(condition, requirement))


def _adds(rule: Rule) -> bool:
    missing = isinstance(rule.need, AtLeast) and not (rule.when and rule.when.path == rule.need.path)
    return missing or isinstance(rule.need, Has)


def _condition(rule: Rule) -> Schema:
    """What a mapping is that a rule is about."""
    match rule.when:
        case Has(path) if rule.written:  # an empty block is a block
            return _stated(path, {"type": _json_type(_field_at(path))})
        case Has(path):
            return _stated(path, _present(path))
        case Is(path, word):
            return _stated(path, {"const": word})
        case IsNot(path, word):  # a reference may turn out to be the word
            return _stated(path, {"type": "string", "pattern": rf"^(?!{word}$)(?!.*\$\{{)"})
        case AtLeast(path, least):
            return _stated(path, {"type": "integer", "minimum": least})
        case other:
            raise TypeError(f"a schema cannot state the condition {other}")


def _requirement(rule: Rule) -> Schema:
    """What a mapping must be for which a rule holds; {} when a schema cannot say it."""
    match rule.need:
        case Has(path, others):
            choices = [needed(one[-1], rule.message, _json_type(_field_at(one))) for one in (path, *others)]
            return choices[0] if len(choices) == 1 else at_path(path[:-1], {"anyOf": choices})
        case AtLeast(path, least) if _adds(rule):
            return needed(path[-1], rule.message, "integer", minimum=least)
        case AtLeast(path, least):
            return at_path(path, {"minimum": least, "errorMessage": rule.message})
        case AtMost(path, most):
            return at_path(path, {"maximum": most, "errorMessage": rule.message})
        case Lacks(path):
            return at_path(path, {"enum": [None, *empty_values(_field_at(path))], "errorMessage": rule.message})
        case IsNot(path, word):
            return at_path(path, other_than([word], rule.message))
        case EndsNot(path, ending):
            return at_path(path, {"pattern": f"^(?!.*{re.escape(ending)}$)", "errorMessage": rule.message})
        case Is() | HasNoneOf() | Test():
            return {}


def _stated(path: FieldPath, schema: Schema) -> Schema:
    """A condition on the value at a path; where nothing is there, it does not hold."""
    *blocks, name = path
    schema = stated(name, schema)
    for block in reversed(blocks):
        schema = stated(block, {"type": "object"} | schema)
    return schema


def _present(path: FieldPath) -> Schema:
    """A value that says something: of a block, one of its fields."""
    field = _field_at(path)
    if not field.children or field.many:
        return ref("present")
    return {"type": "object", "anyOf": [stated(name, _present((*path, name))) for name in field.children]}


@cache
def _field_at(path: FieldPath) -> Field:
    fields = ALL_FIELDS
    for name in path[:-1]:
        fields = fields[name].children
    return fields[path[-1]]


def _json_type(field: Field) -> str:
    if field.many or get_origin(field.annotation) is list:
        return "array"
    if field.children or get_origin(field.annotation) is dict:
        return "object"
    return "integer" if field.annotation is int else "string"
