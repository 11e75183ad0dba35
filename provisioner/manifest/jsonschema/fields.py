"""A field of the table as a schema, with a description that editors show on hover."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import UnionType
from typing import Any, Final, get_args, get_origin

from provisioner.kinds.fields import Field
from provisioner.kinds.rows import NOTHING, TAG_TEXT, Limits
from provisioner.manifest.jsonschema.parts import (
    LEGAL_TEXTS,
    TAG_KEYS,
    Schema,
    or_reference,
    ref,
    text_limits,
    text_of,
    typed,
    where_literal,
)
from provisioner.model.sources import ALL, SourceKind

EVERY: Final = frozenset(SourceKind) - {SourceKind.UNKNOWN}
"""Every known kind of source."""

# --- one field -------------------------------------------------------------------------------------------------------


def fields_of(fields: Mapping[str, Field], *, whole: bool = False, around: frozenset[SourceKind] = ALL) -> Schema:
    """The fields of a block, by name; `whole` says that what is required must be there, `around` which kinds have the
    block.
    """
    return {name: _field(field, around, null=not whole or field.row.required != ALL) for name, field in fields.items()}


def description(field: Field, around: frozenset[SourceKind]) -> str:
    """What the table knows of a field, in sentences: on hover, and in a skeleton. `around` are the kinds that have its block."""
    block = get_args(field.annotation)[0] if field.many else field.annotation
    purpose = [block.__doc__ or ""] if field.children else [_PURPOSES[field.name]] if field.name in _PURPOSES else []
    if field.name != "permission":  # a statement of its own, with a call of its own
        purpose.append(f"{field.row.api} in the API.")
    return " ".join([*purpose, *_facts(field, around)])


def _field(field: Field, around: frozenset[SourceKind], *, null: bool = True) -> Schema:
    schema: Schema = {"description": description(field, around)}
    if not field.row.kinds:
        return schema | lacking_of(field, ALL)
    if len({repr(value) for value in field.row.default.values()}) == 1:
        schema["default"] = next(iter(field.row.default.values()))
    return schema | _value(field, null=null)


_PURPOSES: Final[Mapping[str, str]] = {
    "events": "Which events of the bucket invoke the function.",
    "filter_prefix": "Only objects whose key begins with this text. Wildcards are not supported.",
    "filter_suffix": "Only objects whose key ends with this text. Wildcards are not supported.",
    "id": "Name of the entry in the bucket's notification configuration. By default provisioner chooses one.",
    "bucket_owner": "Account that owns the bucket. By default the account of the credentials.",
    "permission": "The statement in the function's policy that lets the source invoke the function. By default provisioner "
    "adds it; `none` leaves it to somebody else; a map states what differs.",
}
"""What fields of S3 are for, whose names in the API do not say it."""


def _value(field: Field, *, null: bool) -> Schema:
    if field.learned:
        return {}
    if field.name == "pattern":
        return ref("event-pattern")
    if field.name == "permission":
        return ref("permission")
    if field.many:
        items = {**or_reference("object"), **_block(field.children, whole=True)}
        return {**ref("list"), "items": items, **_sizes("Items", field.row.bounds)}
    if field.children:
        return {**ref("map"), **_block(field.children)}
    limits: Limits = field.row
    if not limits.legal:
        limits = Limits(bounds=limits.bounds, legal=LEGAL_TEXTS.get(field.name), each=limits.each)
    return _shape(field.annotation, limits, field.row.values, null=null)


def _block(fields: Mapping[str, Field], *, whole: bool = False) -> Schema:
    """A group of fields; `whole` where nothing can be merged into it, as in an item of a list."""
    required = [name for name, field in fields.items() if whole and field.row.required == ALL]
    schema = {"properties": fields_of(fields, whole=whole), "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _shape(annotation: Any, limits: Limits, known: Collection[str], *, null: bool) -> Schema:
    if annotation is int:
        return {**ref("integer"), **ranged(limits.bounds)}
    if annotation is bool:
        return ref("boolean")
    if get_origin(annotation) is list:
        return {**ref("list"), **_list(annotation, limits, known)}
    if get_origin(annotation) is dict:
        return {**ref("map"), **_map(annotation, limits, known)}
    if get_origin(annotation) is UnionType:
        return _list_or_commas(annotation, limits)
    return text_of(limits.bounds, limits.legal, known, null=null)


def ranged(bounds: tuple[int, int] | None) -> Schema:
    """A number between two bounds."""
    return {"minimum": bounds[0], "maximum": bounds[1]} if bounds else {}


def _sizes(what: str, bounds: tuple[int, int] | None) -> Schema:
    least, most = bounds or (0, 0)
    return ({f"min{what}": least} if least else {}) | ({f"max{what}": most} if most else {})


def _list(annotation: Any, limits: Limits, known: Collection[str]) -> Schema:
    (item,) = get_args(annotation)
    return {"items": _shape(item, limits.each or Limits(), known, null=False), **_sizes("Items", limits.bounds)}


def _map(annotation: Any, limits: Limits, known: Collection[str]) -> Schema:
    _, item = get_args(annotation)
    each = limits.each or Limits()
    if each.legal is TAG_TEXT:
        return tags_of(null=True)
    value = _shape(item, each, (), null=True)
    named = {"properties": dict.fromkeys(known, value)} if known else {}
    return {**named, "additionalProperties": value, **_sizes("Properties", limits.bounds)}


def _list_or_commas(annotation: Any, limits: Limits) -> Schema:
    """A list, or its items in one text with commas between them."""
    (items,) = (option for option in get_args(annotation) if get_origin(option) is list)
    schema = _list(items, limits, ())
    if limits.bounds:
        most = limits.bounds[1]
        message = f"too many items; the maximum is {most}"
        schema |= where_literal({"pattern": f"^[^,]*(?:,[^,]*){{0,{most - 1}}}$", "errorMessage": message})
    return {**typed("array", "string"), **schema}


def tags_of(*, null: bool) -> Schema:
    """Tags, whose keys are not AWS's nor ours."""
    free = {
        "pattern": "^(?!aws:|provisioner:)",
        "errorMessage": "tag keys that start with aws: or provisioner: are reserved",
    }
    names = {**text_limits((1, 128), TAG_KEYS), "allOf": [free]}
    value = text_of((0, 256), TAG_KEYS, (), null=null)
    return {"propertyNames": where_literal(names), "additionalProperties": value, "maxProperties": 50}


def lacking_of(field: Field, kinds: frozenset[SourceKind]) -> Schema:
    """A field that these kinds have not: only what says nothing may stand there."""
    who = "a mapping" if kinds == ALL else kinds_in_words(kinds)
    defaults = (field.row.default[kind] for kind in SourceKind if kind in kinds & field.row.default.keys())
    silent = [None, *empty_values(field), *dict.fromkeys(defaults)]
    return {"enum": silent, "errorMessage": f"{who} does not support {field.name}"}


def empty_values(field: Field) -> list[Any]:
    """The empty value of a field's type, where it has one."""
    if field.children and not field.many:
        return [{}]
    if get_origin(field.annotation) in (dict, UnionType):  # `permission` is a text or a map
        return [{}]
    return [[]] if get_origin(field.annotation) is list else [""] if field.annotation is str else []


# --- a field in words ------------------------------------------------------------------------------------------------


def _facts(field: Field, around: frozenset[SourceKind]) -> Iterator[str]:
    row = field.row
    if not row.kinds:
        yield "Lambda supports it for asynchronous invocations, but not for event source mappings."
        return
    legal = row.legal or LEGAL_TEXTS.get(field.name)
    if legal and legal.enforced:
        yield f"Must be {legal.words}."
    if row.bounds:
        yield f"{_bounds_in_words(field)}."
    if row.values:
        yield f"Known values: {', '.join(row.values)}."
    if row.default:
        # The commonest default first, then those of other kinds.
        (first, _), *others = sorted(_grouped(row.default).items(), key=lambda group: -len(group[1]))
        elsewhere = "".join(f"; {_spelt(value)} for {kinds_in_words(kinds)}" for value, kinds in others)
        yield f"Default {_spelt(first)}{elsewhere}."
    if lacking := around - row.kinds:
        few = len(lacking) <= len(row.kinds)
        yield f"Not for {kinds_in_words(lacking, 'or')}." if few else f"Only for {kinds_in_words(row.kinds)}."
    if row.required and row.required != row.kinds:
        yield f"Required for {kinds_in_words(row.required)}."
    elif row.required:
        yield "Required."
    yield from _changes(field)


def _bounds_in_words(field: Field) -> str:
    least, most = field.row.bounds or (0, 0)
    counted = "item" if get_origin(field.annotation) in (list, dict) or field.many else "character"
    unit = "" if field.annotation is int else f" {counted}{'s' * (most > 1)}"
    special = "".join(
        f"; {bounds[0]} to {bounds[1]} for {kinds_in_words(kinds)}"
        for bounds, kinds in _grouped(field.row.narrower).items()
    )
    span = f"{least} to {most}{unit}" if least < most else "Exactly one"
    return f"{f'At most {most}{unit}' if unit and not least else span}{special}"


def _grouped(by_kind: Mapping[SourceKind, Any]) -> dict[Any, list[SourceKind]]:
    groups: dict[Any, list[SourceKind]] = {}
    for kind in SourceKind:
        if kind in by_kind:
            groups.setdefault(by_kind[kind], []).append(kind)
    return groups


def _spelt(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def kinds_in_words(kinds: Collection[SourceKind], last: str = "and") -> str:
    """Kinds of source as a sentence names them."""
    phrases = []
    for kind in SourceKind:
        if kind in kinds and _SPECIAL.get(kind) not in kinds:
            left_out = any(kind is general and special not in kinds for special, general in _SPECIAL.items())
            phrases.append(kind.phrase + (_EXCEPTION[kind] if left_out else ""))
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} {last} {phrases[-1]}"


_SPECIAL: Final = {SourceKind.FIFO: SourceKind.SQS, SourceKind.KAFKA_QUEUE: SourceKind.KAFKA}
"""Kinds that go without saying beside another."""

_EXCEPTION: Final = {SourceKind.SQS: " (not FIFO)", SourceKind.KAFKA: " (not in Queue mode)"}
"""What is said of that other kind where it stands alone."""


def _changes(field: Field) -> Iterator[str]:
    """What removing the line and changing the value do."""
    row = field.row
    kept = row.kept & row.kinds
    by_its_parts = field.children and not field.many and row.clear is NOTHING
    if row.required != row.kinds and not by_its_parts:
        if not kept:
            yield "Removing the line resets it."
        elif kept >= row.kinds - row.required:
            yield "Removing the line keeps the current value."
        else:
            yield f"Removing the line keeps the current value for {kinds_in_words(kept)}, and resets it for other sources."
    if row.replaces:
        yield f"{'Some changes replace' if callable(row.replaces) else 'A change replaces'} the mapping."
