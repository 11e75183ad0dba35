"""The shape of a manifest as JSON Schema (draft 2020-12), for editors: completion, hover, and checks while typing.

Generated from the field table and the models of the other keys, so that it cannot fall behind them. It says less than the
checks of this room, never more: what they accept, it accepts, but for blocks in which nothing is set. Nearly every keyword
of JSON Schema judges values of one type only, so a reference such as `${var.size}` is one more type beside a field's own,
and the field's limits stay as they are. `errorMessage` is an annotation: the YAML language server shows it instead of
words of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, TypeAlias, get_args, get_origin

from provisioner.manifest.load import STACK
from provisioner.manifest.mappings import NAME
from provisioner.manifest.rules import (
    AUDIENCE,
    KAFKA_METRICS,
    OAUTH_PARTS,
    OF_KIND,
    RESOURCES,
    WITHOUT_URI,
)
from provisioner.manifest.schema import LifecycleBlock, Root, VariableBlock
from provisioner.model.mapping import ACCESS_TYPES, FIELDS, NOTHING, TAG_TEXT, Field, Legal, Limits, Row
from provisioner.model.references import ACCOUNT, FUNCTION, UUID
from provisioner.model.sources import ALL, BY_SERVICE, KAFKAS, QUEUES, SELF_MANAGED, STREAMS, SourceKind

Schema: TypeAlias = dict[str, Any]

ID: Final = "https://example.invalid/provisioner/v1.schema.json"
REFERENCE: Final = r"^\$\{var\.[A-Za-z_][A-Za-z0-9_-]*\}$"
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_-]*$"


def manifest_schema() -> Schema:
    """JSON Schema of a manifest file, the same each time."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Manifest of provisioner",
        "description": "AWS Lambda event source mappings, as they are wanted.",
        "type": "object",
        # Nothing is required: a file that another one includes has no stack, and may have no mappings.
        "properties": {**_own_keys(), "mappings": _mappings()},
        "patternProperties": {"^x-": {"description": "Ignored: a place for anchors."}},
        "additionalProperties": False,
        "allOf": [_where_complete(rule) for rule in _needs()],
        "$defs": _definitions(),
    }


def _definitions() -> Schema:
    return {
        "reference": {"type": "string", "pattern": REFERENCE},
        "templated": {"pattern": r"\$\{"},
        "present": {"not": {"type": "null"}, **_NOT_EMPTY},
        **{name: _or_reference(json_type, "null") for name, json_type in _REFERABLE.items()},
        **_event_pattern(),
        "accesses": _accesses(),
        **{source.definition: source.condition for source in SOURCES},
        "body": _body(),
        "mapping": {**_or_reference("object"), **_ref("body"), "allOf": [*_by_kind(), *_contradictions()]},
    }


_REFERABLE: Final = {"integer": "integer", "boolean": "boolean", "list": "array", "map": "object"}
_NOT_EMPTY: Final = {"minItems": 1, "minLength": 1, "minProperties": 1}


def _typed(*types: str) -> Schema:
    return {"type": list(types)}


_IN_WORDS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a group of `name: value` lines",
}


def _or_reference(*types: str) -> Schema:
    """Values of these types, or a text that is one whole reference."""
    words = " or ".join(_IN_WORDS[name] for name in types if name in _IN_WORDS)
    message = f"this must be {words}, or a reference such as ${{var.name}}"
    return {**_typed(*types, "string"), "pattern": REFERENCE, "errorMessage": message}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _at(path: Iterable[str], schema: Schema) -> Schema:
    """A schema for what is at a path; `[]` stands for the items of a list."""
    for step in reversed(list(path)):
        schema = {"items": schema} if step == "[]" else {"properties": {step: schema}}
    return schema


def _when(condition: Schema, then: Schema) -> Schema:
    return {"if": condition, "then": then} if condition else then


# --- texts -----------------------------------------------------------------------------------------------------------


def _literal(limits: Schema) -> Schema:
    """Limits of a text that holds no reference: what a reference makes of a text is not known here."""
    return {"if": _ref("templated"), "else": limits} if limits else {}


def _text_limits(bounds: tuple[int, int] | None, legal: Legal | None) -> Schema:
    limits: Schema = {}
    if bounds:
        limits = {"minLength": bounds[0], "maxLength": bounds[1]} if bounds[0] else {"maxLength": bounds[1]}
    if legal and legal.enforced:
        limits |= {"pattern": f"^(?:{legal.pattern})$", "errorMessage": f"this is not {legal.words}"}
    return limits


def _text(bounds: tuple[int, int] | None, legal: Legal | None, known: Collection[str], *, null: bool) -> Schema:
    """A text. Known words are offered, and others are accepted: AWS adds some."""
    types = _typed("string", "null") if null else {"type": "string"}
    if known:
        return {"anyOf": [{"enum": list(known)}, types]}
    return types | _literal(_text_limits(bounds, legal))


def _other_than(words: Iterable[str], message: str) -> Schema:
    """Not one of these words: as a pattern, because a refused `not` cannot say why."""
    return {"pattern": f"^(?!(?:{'|'.join(map(re.escape, words))})$)", "errorMessage": message}


_SERVICES: Final = "|".join(BY_SERVICE)
_LEGAL: Final[Mapping[str, Legal]] = {
    # A named group is spelt otherwise in ECMA-262.
    "function_name": Legal(re.sub(r"\(\?P<\w+>", "(?:", FUNCTION.pattern), "the name or the ARN of a function"),
    "event_source_arn": Legal(
        rf"arn:aws[^:]*:(?:{_SERVICES}):[^:]*:[^:]*:.+", "the ARN of a source that Lambda reads from"
    ),
    "starting_position_timestamp": Legal(r"\d{4}-?[\dW].*", 'a time such as "2026-01-15T00:00:00Z"'),
}
"""What the checks know of texts that the API's model leaves open."""

# \w is only ASCII in ECMA-262, and \p{L} is unknown to Python: all beyond ASCII passes.
_TAG_TEXT: Final = Legal(r"[^\x00-\x1f!-*,;<>?\x5b-\x5e\x60\x7b-\x7f]*", TAG_TEXT.words)
# --- one field -------------------------------------------------------------------------------------------------------


def _body() -> Schema:
    """What a mapping may hold, of whatever kind: nothing is required, and null stands for absence."""
    own = {"region": _text(None, None, (), null=True), "lifecycle": _lifecycle()}
    own["region"]["description"] = "The region, where neither the source's ARN nor `provider` says it."
    return {**_ref("map"), "properties": {**_fields(FIELDS), **own}, "additionalProperties": False}


def _fields(fields: Mapping[str, Field], *, whole: bool = False) -> Schema:
    return {name: _field(field, null=not whole or field.row.required != ALL) for name, field in fields.items()}


def _field(field: Field, *, null: bool = True) -> Schema:
    schema: Schema = {"description": _description(field)}
    if not field.row.kinds:
        return schema | _lacking(field, ALL)
    if len({repr(value) for value in field.row.default.values()}) == 1:
        schema["default"] = next(iter(field.row.default.values()))
    return schema | _value(field, null=null)


def _value(field: Field, *, null: bool) -> Schema:
    if field.learned:
        return {}
    if field.name == "pattern":
        return _ref("event-pattern")
    if field.many:
        items = {**_or_reference("object"), **_block(field.children, whole=True)}
        return {**_ref("list"), "items": items, **_sizes("Items", field.row.bounds)}
    if field.children:
        return {**_ref("map"), **_block(field.children)}
    limits = field.row if field.row.legal else _with_legal(field)
    return _shape(field.annotation, limits, field.row.values, null=null)


def _with_legal(field: Field) -> Limits:
    return Limits(bounds=field.row.bounds, legal=_LEGAL.get(field.name), each=field.row.each)


def _block(fields: Mapping[str, Field], *, whole: bool = False) -> Schema:
    """A group of fields; `whole` where nothing can be merged into it, as in an item of a list."""
    required = [name for name, field in fields.items() if whole and field.row.required == ALL]
    schema = {"properties": _fields(fields, whole=whole), "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _shape(annotation: Any, limits: Limits, known: Collection[str], *, null: bool) -> Schema:
    if annotation is int:
        return {**_ref("integer"), **_range(limits.bounds)}
    if annotation is bool:
        return _ref("boolean")
    if get_origin(annotation) is list:
        return {**_ref("list"), **_list(annotation, limits, known)}
    if get_origin(annotation) is dict:
        return {**_ref("map"), **_map(annotation, limits, known)}
    if get_origin(annotation) is UnionType:
        return _list_or_commas(annotation, limits)
    return _text(limits.bounds, limits.legal, known, null=null)


def _range(bounds: tuple[int, int] | None) -> Schema:
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
        return _tags(null=True)
    value = _shape(item, each, (), null=True)
    named = {"properties": dict.fromkeys(known, value)} if known else {}
    return {**named, "additionalProperties": value, **_sizes("Properties", limits.bounds)}


def _list_or_commas(annotation: Any, limits: Limits) -> Schema:
    """A list, or its items in one text with commas between them."""
    (items,) = (option for option in get_args(annotation) if get_origin(option) is list)
    schema = _list(items, limits, ())
    if limits.bounds:
        most = limits.bounds[1]
        message = f"this is more than {most} items"
        schema |= _literal({"pattern": f"^[^,]*(?:,[^,]*){{0,{most - 1}}}$", "errorMessage": message})
    return {**_typed("array", "string"), **schema}


def _tags(*, null: bool) -> Schema:
    free = {"pattern": "^(?!aws:|provisioner:)", "errorMessage": "tags that begin so are not yours to set"}
    names = {**_text_limits((1, 128), _TAG_TEXT), "allOf": [free]}
    value = _text((0, 256), _TAG_TEXT, (), null=null)
    return {"propertyNames": names, "additionalProperties": value, "maxProperties": 50}


# --- a field in words ------------------------------------------------------------------------------------------------


def _description(field: Field) -> str:
    """What the table knows of a field, for whoever points at it."""
    block = get_args(field.annotation)[0] if field.many else field.annotation
    purpose = [block.__doc__ or ""] if field.children else []
    return " ".join([*purpose, f"{field.row.api} in the API.", *_facts(field)])


def _facts(field: Field) -> Iterator[str]:
    row = field.row
    if not row.kinds:
        yield "Lambda has it for asynchronous invocations, not for event source mappings."
        return
    legal = row.legal or _LEGAL.get(field.name)
    if legal and legal.enforced:
        yield f"It is {legal.words}."
    if row.bounds:
        yield f"{_bounds_in_words(field)}."
    if row.values:
        yield f"Known: {', '.join(row.values)}."
    if row.default:
        yield f"Default {_default_in_words(row)}."
    if row.kinds != ALL:
        others = ALL - row.kinds
        few = len(others) < len(row.kinds)
        yield f"Not for {_kinds_in_words(others, 'or')}." if few else f"Only for {_kinds_in_words(row.kinds)}."
    if row.required and row.required != row.kinds:
        yield f"Required for {_kinds_in_words(row.required)}."
    elif row.required:
        yield "Required."
    yield from _changes(field)


def _bounds_in_words(field: Field) -> str:
    least, most = field.row.bounds or (0, 0)
    unit = "" if field.annotation is int else f" {'character' if field.annotation is str else 'item'}{'s' * (most > 1)}"
    special = "".join(
        f"; {bounds[0]} to {bounds[1]} for {_kinds_in_words(kinds)}"
        for bounds, kinds in _grouped(field.row.narrower).items()
    )
    span = f"{least} to {most}{unit}" if least < most else "Exactly one"
    return f"{f'At most {most}{unit}' if unit and not least else span}{special}"


def _default_in_words(row: Row) -> str:
    """The commonest default first, then those of other kinds."""
    groups = sorted(_grouped(row.default).items(), key=lambda group: -len(group[1]))
    (first, _), *others = groups
    return _spelt(first) + "".join(f"; {_spelt(value)} for {_kinds_in_words(kinds)}" for value, kinds in others)


def _grouped(by_kind: Mapping[SourceKind, Any]) -> dict[Any, list[SourceKind]]:
    groups: dict[Any, list[SourceKind]] = {}
    for kind in SourceKind:
        if kind in by_kind:
            groups.setdefault(by_kind[kind], []).append(kind)
    return groups


def _spelt(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kinds_in_words(kinds: Collection[SourceKind], last: str = "and") -> str:
    phrases = [_phrase(kind, kinds) for kind in SourceKind if kind in kinds and _SPECIAL.get(kind) not in kinds]
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} {last} {phrases[-1]}"


_SPECIAL: Final = {SourceKind.FIFO: SourceKind.SQS, SourceKind.KAFKA_QUEUE: SourceKind.KAFKA}
"""Kinds that go without saying beside another."""


def _phrase(kind: SourceKind, kinds: Collection[SourceKind]) -> str:
    left_out = any(kind is general and special not in kinds for special, general in _SPECIAL.items())
    exception = {SourceKind.SQS: " (not FIFO)", SourceKind.KAFKA: " (not in Queue mode)"}
    return kind.phrase + (exception[kind] if left_out else "")


def _changes(field: Field) -> Iterator[str]:
    """What removing the line and changing the value do."""
    row = field.row
    kept = row.kept & row.kinds
    by_its_parts = field.children and not field.many and row.clear is NOTHING
    if row.required != row.kinds and not by_its_parts:
        if not kept:
            yield "Removing the line resets it."
        elif kept >= row.kinds - row.required:
            yield "Removing the line keeps what is there."
        else:
            yield f"Removing the line keeps what is there for {_kinds_in_words(kept)}, and resets it for others."
    if row.replaces:
        yield f"{'Some changes replace' if callable(row.replaces) else 'A change replaces'} the mapping."


# --- kinds of source -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """What tells the kinds of a mapping; `within` are the kinds that another source has told by then."""

    definition: str
    kinds: frozenset[SourceKind]
    condition: Schema
    within: frozenset[SourceKind] = frozenset()


def _by_arn(service: str, rest: str = "") -> Schema:
    """A literal service is enough, even where references follow."""
    return _stated("event_source_arn", {"type": "string", "pattern": f"^arn:aws[^:]*:{service}:{rest}"})


def _stated(name: str, schema: Schema) -> Schema:
    """`required`, because without it an absent property would match."""
    return {"required": [name], "properties": {name: schema}}


_BROKERS: Final = _stated("self_managed_event_source", {**_typed("object", "string"), "minProperties": 1})
_QUEUE_MODE: Final = _stated(
    "self_managed_kafka_event_source_config", {"type": "object"} | _stated("consumption_mode", {"const": "Queue"})
)

SOURCES: Final = (
    Source("from-sqs", QUEUES, _by_arn("sqs")),
    # The end of the name tells, unless a reference may hold it.
    Source(
        "from-sqs-standard",
        frozenset({SourceKind.SQS}),
        _by_arn("sqs", r"(?!.*(?:\.fifo|\}(?:fifo|ifo|fo|o)?)$)"),
        within=QUEUES,
    ),
    Source("from-sqs-fifo", frozenset({SourceKind.FIFO}), _by_arn("sqs", r".*\.fifo$"), within=QUEUES),
    *(
        Source(f"from-{kind}", frozenset({kind}), _by_arn(service))
        for service, kind in BY_SERVICE.items()
        if kind not in QUEUES
    ),
    Source("from-kafka", SELF_MANAGED, _BROKERS),
    Source(
        "from-kafka-queue",
        frozenset({SourceKind.KAFKA_QUEUE}),
        {"allOf": [_BROKERS, _QUEUE_MODE]},
        within=SELF_MANAGED,
    ),
)


def _from(kinds: frozenset[SourceKind]) -> Schema:
    """Whether a mapping is of one of these kinds."""
    if kinds == ALL:
        return {}
    told = [source for source in SOURCES if source.kinds <= kinds and not (source.within and source.within <= kinds)]
    references = [_ref(source.definition) for source in told]
    return references[0] if len(references) == 1 else {"anyOf": references}


def _by_kind() -> Iterator[Schema]:
    """What the kinds lack, their narrower ranges, and what an ARN and access configurations must be."""
    for source in SOURCES:
        narrower = [schema for schema in (_of_kinds(FIELDS, source), *_source_rules(source)) if schema]
        for schema in narrower:
            yield _when(_ref(source.definition), schema)


def _of_kinds(fields: Mapping[str, Field], source: Source) -> Schema:
    found = {name: rule for name, field in fields.items() if (rule := _of_kind(field, source))}
    return {"properties": found} if found else {}


def _of_kind(field: Field, source: Source) -> Schema:
    kinds, row = source.kinds, field.row
    if not kinds & row.kinds:
        told = not row.kinds or (source.within and not source.within & row.kinds)
        return {} if told else _lacking(field, kinds)
    if field.children:
        inner = _of_kinds(field.children, source)
        return {"items": inner} if inner and field.many else inner
    bounds = {row.narrower.get(kind, row.bounds) for kind in kinds & row.kinds}
    around = {row.narrower.get(kind, row.bounds) for kind in source.within & row.kinds}
    narrower = len(bounds) == 1 and bounds not in ({row.bounds}, around)
    return _range(bounds.pop()) if narrower else {}


def _lacking(field: Field, kinds: frozenset[SourceKind]) -> Schema:
    """A field that these kinds have not: only what says nothing may stand there."""
    who = "a mapping" if kinds == ALL else _kinds_in_words(kinds)
    defaults = (field.row.default[kind] for kind in SourceKind if kind in kinds & field.row.default.keys())
    silent = [None, *_empty(field), *dict.fromkeys(defaults)]
    return {"enum": silent, "errorMessage": f"{who} has no {field.name}"}


def _empty(field: Field) -> list[Any]:
    """The empty value of a field's type, where it has one."""
    if field.children and not field.many:
        return [{}]
    return [[]] if get_origin(field.annotation) is list else [""] if field.annotation is str else []


# --- rules of single kinds -------------------------------------------------------------------------------------------


def _source_rules(source: Source) -> Iterator[Schema]:
    if source.within:
        return
    kind = next(kind for kind in SourceKind if kind in source.kinds)
    if kind is SourceKind.DYNAMODB:
        yield _resource(".*/stream/", "this is a table; a mapping reads from its stream")
    elif kind in RESOURCES:
        prefixes, message = RESOURCES[kind]
        yield _resource(f"(?:{'|'.join(prefixes)})", message)
    if source.kinds <= QUEUES | STREAMS:
        message = f"{kind.phrase} has no metric {' or '.join(sorted(KAFKA_METRICS))}"
        yield _at(("metrics_config", "metrics", "[]"), _other_than(sorted(KAFKA_METRICS), message))
    if kind in OF_KIND:
        yield _at(("source_access_configuration",), {"allOf": list(_access(kind))})


def _resource(resource: str, message: str) -> Schema:
    return _at(("event_source_arn",), _literal({"pattern": f"^(?:[^:]*:){{5}}{resource}", "errorMessage": message}))


def _access(kind: SourceKind) -> Iterator[Schema]:
    yield _ref("accesses")
    lacking = [word for word in ACCESS_TYPES if word not in OF_KIND[kind]]
    message = f"{kind.phrase} has no such access; it has {', '.join(OF_KIND[kind])}"
    yield {"items": {"properties": {"type": _other_than(lacking, message)}}}
    if kind in (SourceKind.MQ, SourceKind.DOCUMENTDB):
        yield _when({"minItems": 1}, _times("BASIC_AUTH", 1, f"{kind.phrase} needs exactly one BASIC_AUTH"))


def _accesses() -> Schema:
    """What holds of access configurations whatever the kind."""
    rules = [{"items": {"allOf": list(_uris())}}, _times("VIRTUAL_HOST", 0, "a mapping reads from one VIRTUAL_HOST")]
    return {"allOf": [*rules, *_oauth()]}


def _uris() -> Iterator[Schema]:
    """Which accesses have a uri. Of a type that is not known, nothing is."""
    without = sorted(WITHOUT_URI)
    others = [word for word in ACCESS_TYPES if word not in WITHOUT_URI]
    signed = {"enum": [None, ""], "errorMessage": "there is no uri: the function's role signs in"}
    yield _when(_stated("type", {"enum": without}), {"properties": {"uri": signed}})
    yield _when(_stated("type", {"enum": others}), _needed("uri", "this type of access needs uri"))


def _oauth() -> Iterator[Schema]:
    beside = "IAM_OAUTHBEARER_AUTH has no such entry beside it"
    yield _when(_holds("IAM_OAUTHBEARER_AUTH"), {"items": {"properties": {"type": _other_than(OAUTH_PARTS, beside)}}})
    needed = {"IAM_OAUTHBEARER_AUTH": (AUDIENCE,), AUDIENCE: ("OAUTHBEARER_AUTH", "IAM_OAUTHBEARER_AUTH")}
    for word, wanted in (needed | dict.fromkeys(OAUTH_PARTS, ("OAUTHBEARER_AUTH", "IAM_OAUTHBEARER_AUTH"))).items():
        yield _when(_holds(word), _holds(*wanted) | {"errorMessage": f"{word} needs {' or '.join(wanted)}"})


def _holds(*words: str) -> Schema:
    return {"type": "array", "contains": _stated("type", {"enum": list(words)})}


def _times(word: str, least: int, message: str) -> Schema:
    """At most one entry of a type; a reference among the entries may be any."""
    entry = _stated("type", {"const": word}) | {"type": "object"}
    return {"contains": entry, "minContains": least, "maxContains": 1, "errorMessage": message}


# --- fields together -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Together:
    """A rule that reads several fields of one mapping."""

    reads: tuple[str, ...]
    rule: Schema

    @property
    def unless_ignored(self) -> Schema:
        """The rule, where `ignore_changes` names none of the fields: what an ignored field is in AWS is not known."""
        ignored = {"pattern": f"^(?:{'|'.join(self.reads)})(?:\\.|$)"}
        condition = _at(("lifecycle", "ignore_changes"), {"items": {"not": {"type": "string"} | ignored}})
        return _when(condition, self.rule)


def _where_complete(rule: Together) -> Schema:
    """A rule about what is missing, where nothing else can supply it: neither defaults nor another file."""
    supplied = {"additionalProperties": {"properties": dict.fromkeys((*rule.reads, "lifecycle"), False)}}
    alone = {"required": ["stack"], "properties": {"include": False, "defaults": supplied}}
    return _when(alone, _at(("mappings",), {"additionalProperties": rule.unless_ignored}))


def _needed(name: str, message: str, json_type: str = "string", **limits: Any) -> Schema:
    """A property that must be there and must say something. Its type is named, or an editor would offer all."""
    types = {"type": list(dict.fromkeys((json_type, "string")))}
    return {**_stated(name, {**types, **_NOT_EMPTY, **limits, "errorMessage": message}), "errorMessage": message}


def _json_type(field: Field) -> str:
    if field.many or get_origin(field.annotation) is list:
        return "array"
    if field.children or get_origin(field.annotation) is dict:
        return "object"
    return "integer" if field.annotation is int else "string"


_SOURCES: Final = ("event_source_arn", "self_managed_event_source")
_POLLERS: Final = "provisioned_poller_config"
_WINDOW: Final = "maximum_batching_window_in_seconds"
_TIMESTAMP: Final = "starting_position_timestamp"


def _needs() -> Iterator[Together]:
    """What is missing: fields that kinds require, and fields that others need beside them."""
    neither = f"{' or '.join(_SOURCES)} is missing"
    yield Together(_SOURCES, {"anyOf": [_needed(name, neither, _json_type(FIELDS[name])) for name in _SOURCES]})
    for name, field in FIELDS.items():
        if field.row.required and name not in _SOURCES:
            kinds = field.row.required
            whom = "" if kinds == ALL else f": required for {_kinds_in_words(kinds)}"
            yield Together((name,), _when(_from(kinds), _needed(name, f"{name} is missing{whom}", _json_type(field))))
        for inner, part in field.children.items():
            if not field.many and part.row.required == ALL:
                yield Together((name,), _at((name,), _needed(inner, f"{inner} is missing in {name}", _json_type(part))))
    brokers = "KAFKA_BOOTSTRAP_SERVERS"
    endpoints = _needed(brokers, f"endpoints has no {brokers}", "array")
    yield Together(_SOURCES[1:], _at((_SOURCES[1], "endpoints"), endpoints))
    yield from _needs_beside()


def _needs_beside() -> Iterator[Together]:
    large = _stated("batch_size", {"type": "integer", "minimum": 11})
    yield Together(
        ("batch_size", _WINDOW),
        _when(
            {"allOf": [_from(frozenset({SourceKind.SQS})), large]},
            _needed(_WINDOW, f"a batch of more than 10 needs {_WINDOW}", "integer", minimum=1),
        ),
    )
    at = _stated("starting_position", {"const": "AT_TIMESTAMP"})
    yield Together(
        ("starting_position", _TIMESTAMP), _when(at, _needed(_TIMESTAMP, f"AT_TIMESTAMP needs {_TIMESTAMP}"))
    )
    key = _stated("kms_key_arn", _ref("present"))
    yield Together(
        ("kms_key_arn", "filter_criteria"),
        _when(key, _needed("filter_criteria", "a key without filter_criteria is not stored by AWS", "object")),
    )
    either = [
        _needed(name, f"{_POLLERS} needs minimum_pollers or maximum_pollers", "integer") for name in _POLLER_NUMBERS
    ]
    some = {"allOf": [_from(FIELDS[_POLLERS].row.kinds), _stated(_POLLERS, {"type": "object"})]}
    yield Together((_POLLERS,), _when(some, _at((_POLLERS,), {"anyOf": either})))
    yield from _needs_pollers()


_POLLER_NUMBERS: Final = ("minimum_pollers", "maximum_pollers")


def _needs_pollers() -> Iterator[Together]:
    registry = _stated("schema_registry_config", _ref("present"))
    metrics = _stated("metrics", {"type": "array", "minItems": 1})
    for name, part, what in (
        ("amazon_managed_kafka_event_source_config", registry, "a schema registry needs"),
        ("self_managed_kafka_event_source_config", registry, "a schema registry needs"),
        ("metrics_config", metrics, "metrics of Kafka need"),
    ):
        condition = {"allOf": [_from(KAFKAS), _stated(name, {"type": "object"} | part)]}
        message = f"{what} provisioned pollers"
        yield Together((name, _POLLERS), _when(condition, _needed(_POLLERS, message, "object")))


def _contradictions() -> Iterator[Schema]:
    """Values that cannot stand, or cannot stand beside each other, whatever else is said elsewhere."""
    age = "maximum_record_age_in_seconds"
    finite = _stated(age, {"type": "integer", "minimum": 0})
    known_position = {"type": "string", "pattern": r"^(?!AT_TIMESTAMP$)(?!.*\$\{)"}
    only = {"enum": [None, ""], "errorMessage": "a timestamp is only for starting_position: AT_TIMESTAMP"}
    never = _other_than(["AT_TIMESTAMP"], "a DynamoDB stream cannot be read from a timestamp")
    scaling = _stated("scaling_config", {"type": "object"} | _stated("maximum_concurrency", {"type": "integer"}))
    pollers = _stated(_POLLERS, {"type": "object", "anyOf": [_stated(n, {"type": "integer"}) for n in _POLLER_NUMBERS]})
    excluded = {"type": "null", "errorMessage": f"scaling_config and {_POLLERS} exclude each other"}
    streams = {"allOf": [_from(STREAMS), _stated("starting_position", known_position)]}
    for rule in (
        Together((age,), _when(finite, _at((age,), {"minimum": 60}))),
        Together(("starting_position", _TIMESTAMP), _when(streams, _at((_TIMESTAMP,), only))),
        Together(
            ("starting_position",),
            _when(_from(frozenset({SourceKind.DYNAMODB})), _at(("starting_position",), never)),
        ),
        Together(
            ("scaling_config", _POLLERS),
            _when({"allOf": [_from(QUEUES), scaling, pollers]}, _at(("scaling_config",), excluded)),
        ),
    ):
        yield rule.unless_ignored


# --- filter patterns -------------------------------------------------------------------------------------------------

_BELOW: Final = _or_reference("object", "array")
_A_TEXT: Final = {"type": "string"}
_AFFIX: Final = {
    **_typed("string", "object"),
    "properties": {"equals-ignore-case": _A_TEXT},
    "required": ["equals-ignore-case"],
    "additionalProperties": False,
}
_OPERANDS: Final = {
    "prefix": _AFFIX,
    "suffix": _AFFIX,
    "equals-ignore-case": _A_TEXT,
    "wildcard": _A_TEXT,
    "exists": _or_reference("boolean"),
    "numeric": {**_or_reference("array"), "minItems": 2, "maxItems": 4},
    "cidr": _A_TEXT,
    "anything-but": _typed("string", "number", "array", "object"),
}


def _event_pattern() -> Schema:
    """A pattern goes deeper by objects, to lists of what may match: a scalar, or an object with one rule."""
    text = {"pattern": r"^\s*\{[\s\S]*\}\s*$", "errorMessage": "a pattern is a JSON object"}
    message = 'what may match stands in a list, as in ["open"]'
    level = {
        "properties": {"$or": {**_BELOW, "minItems": 2, "items": _ref("pattern-alternative")}},
        "additionalProperties": _ref("pattern-below"),
    }
    return {
        "event-pattern": {**_typed("object", "string"), **level, **_literal(text)},
        "pattern-alternative": {**_or_reference("object"), "minProperties": 1, **level},
        "pattern-below": {
            **_BELOW,
            "errorMessage": message,
            "minProperties": 1,
            "minItems": 1,
            "items": _ref("pattern-match"),
            **level,
        },
        "pattern-match": {
            **_typed("string", "number", "boolean", "null", "object"),
            "properties": _OPERANDS,
            "minProperties": 1,
            "maxProperties": 1,
        },
    }


# --- the other keys, from their models -------------------------------------------------------------------------------


def _mappings() -> Schema:
    return {
        "description": "The mappings by name: what is wanted.",
        **_typed("object", "null"),
        "propertyNames": {"pattern": f"^(?:{NAME.pattern})$", "errorMessage": "this is not a mapping's name"},
        "additionalProperties": _ref("mapping"),
    }


def _own_keys() -> Schema:
    """The top-level keys besides `mappings`. A key that is left empty is absent."""
    model = Root.model_json_schema(by_alias=True)
    keys = {
        name: _opened(part, model.get("$defs", {}), (name,))
        for name, part in model["properties"].items()
        if name != "mappings" and name not in _by_hand()
    }
    keys |= _by_hand()
    return {name: _nullable(keys[name]) for name in _ORDER if name in keys} | {
        name: _nullable(part) for name, part in keys.items() if name not in _ORDER
    }


_ORDER: Final = (
    "version",
    "stack",
    "provider",
    "state",
    "variables",
    "defaults",
    "include",
    "imports",
    "moved",
    "removed",
    "limits",
)


def _lifecycle() -> Schema:
    """`lifecycle`, in which null stands for absence, as everywhere in a mapping."""
    model = LifecycleBlock.model_json_schema()
    schema = _opened(model, model.get("$defs", {}), ("lifecycle",))
    schema["properties"]["ignore_changes"]["items"] = _ignored()
    schema["properties"] = {name: _nullable(part) for name, part in schema["properties"].items()}
    return _nullable(schema)


def _ignored() -> Schema:
    """The path of a field, or of one tag."""
    return {"anyOf": [{"enum": list(_paths(FIELDS))}, {"type": "string", "pattern": r"^tags\.|\$\{"}]}


def _paths(fields: Mapping[str, Field], above: str = "") -> Iterator[str]:
    for name, field in fields.items():
        yield above + name
        yield from _paths(field.children, f"{above}{name}.")


def _nullable(schema: Schema) -> Schema:
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {**schema, "type": [*dict.fromkeys((*_types(schema), "null"))]}


def _types(schema: Schema) -> list[str]:
    types = schema["type"]
    return [types] if isinstance(types, str) else list(types)


def _opened(schema: Schema, definitions: Schema, path: tuple[str, ...]) -> Schema:
    """A model's schema with its parts in place, open for references, with what the checks know besides."""
    return _referable(_plain(schema, definitions, path))


def _plain(schema: Schema, definitions: Schema, path: tuple[str, ...]) -> Schema:
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], "default": None}
    if "anyOf" in schema:
        schema = _joined(schema, definitions, path)
    kept = {key: value for key, value in schema.items() if key != "title" and not (key == "default" and not value)}
    if "properties" in kept:
        kept["properties"] = {
            name: _opened(part, definitions, (*path, name)) for name, part in kept["properties"].items()
        }
    for key, step in (("items", "[]"), ("additionalProperties", "*")):
        if isinstance(kept.get(key), dict):
            kept[key] = _opened(kept[key], definitions, (*path, step))
    if path in _WORDS:
        kept = {"description": "", **kept} | {"description": _WORDS[path]}
    return {**kept, **_TEXTS.get(path, {})}


def _joined(schema: Schema, definitions: Schema, path: tuple[str, ...]) -> Schema:
    """Alternatives as one schema with several types."""
    parts = [_plain(part, definitions, path) for part in schema["anyOf"] if part != {"type": "null"}]
    types = dict.fromkeys(name for part in parts for name in _types(part))
    null = {"null": None} if {"type": "null"} in schema["anyOf"] else {}
    merged = {key: value for part in parts for key, value in part.items()}
    return {**merged, "default": schema.get("default"), "type": [*types, *null]}


def _referable(schema: Schema) -> Schema:
    if "const" in schema or "enum" in schema:
        words = schema.get("enum", [schema.get("const")])
        rest = {key: value for key, value in schema.items() if key not in ("const", "enum", "type")}
        return {**rest, "anyOf": [{"enum": words}, _ref("reference")]}
    types = _types(schema)
    return schema if "string" in types else {**schema, **_or_reference(*types)}


def _checked(pattern: str, words: str) -> Schema:
    return _literal(_text_limits(None, Legal(pattern, words)))


_DURATION: Final = _checked(r"\s*\d+(?:\.\d+)?\s*[smh]?\s*", "a duration such as 30s, 5m or 1h") | {"minimum": 0}
_TEXTS: Final[Mapping[tuple[str, ...], Schema]] = {
    ("stack",): _checked(STACK.pattern, "a stack's name"),
    ("provider", "endpoint_url"): _checked("(?:https?://.*)?", "a URL that begins with http:// or https://"),
    ("provider", "allowed_account_ids", "[]"): _checked(ACCOUNT.pattern, "an account id, which has twelve digits"),
    ("provider", "default_tags"): _tags(null=False),
    ("provider", "retry_timeout"): _DURATION,
    ("provider", "settle_timeout"): _DURATION,
    ("state",): {"not": {"allOf": [_stated(name, _ref("present")) for name in ("path", "s3")]}},
    ("state", "path"): _checked(r".*\.json", "the path of a file that ends in .json"),
    ("imports", "[]", "id"): _checked(UUID.pattern, "a UUID"),
}
"""What the checks hold these keys to, beyond their types."""

_WORDS: Final[Mapping[tuple[str, ...], str]] = {
    ("version",): "Version of the manifest's language.",
    ("stack",): "The name of this manifest with its state; one state a stack.",
    ("provider", "region"): "The region of mappings that do not say theirs.",
    ("provider", "profile"): "The profile of the AWS configuration to use.",
    ("provider", "endpoint_url"): "Where to send calls instead of to AWS.",
    ("provider", "allowed_account_ids"): "The only accounts to run in.",
    ("provider", "assume_role"): "The role to assume before the first call.",
    ("provider", "default_tags"): "Tags of every mapping; its own win.",
    ("provider", "ignore_tags"): "Tags that others set and that are left alone.",
    ("provider", "ownership_tags"): "Whether mappings carry the tags by which they are found again.",
    ("provider", "max_requests_per_second"): "How fast to call Lambda's control plane. Default 10.",
    ("provider", "retry_timeout"): "How long to retry what waits for IAM.",
    ("provider", "settle_timeout"): "How long to wait until a mapping has settled.",
    ("state", "path"): "The file that holds the state, beside the manifest. Default state/<stack>.json.",
    ("state", "s3"): "An object that a team shares.",
    ("imports",): "Mappings that exist and are to be managed; harmless once they are.",
    ("imports", "[]", "id"): "The UUID of the mapping.",
    ("moved",): "Mappings that changed their names.",
    ("removed",): "Mappings to forget and to keep running.",
    ("limits", "deletes"): "Refuse a plan with more deletes and replacements.",
    ("limits", "risk"): "Refuse a plan that carries such a risk to records in flight, or a worse one.",
    ("lifecycle",): "What a plan may do to the mapping.",
    ("lifecycle", "prevent_destroy"): "Refuse to delete or replace the mapping.",
    ("lifecycle", "ignore_changes"): "Fields to leave alone.",
    ("lifecycle", "on_conflict"): "When the pair of function and source exists already.",
}


# --- keys that are gone when a manifest has been put together ----------------------------------------------------------

_GROUPS: Final = {
    "all": "every mapping",
    "stream": "Kinesis and DynamoDB streams",
    "sqs": "SQS queues",
    "kinesis": "Kinesis streams",
    "dynamodb": "DynamoDB streams",
    "msk": "MSK clusters",
    "kafka": "self-managed Kafka clusters",
    "mq": "Amazon MQ brokers",
    "documentdb": "DocumentDB clusters",
}


def _by_hand() -> dict[str, Schema]:
    return {"variables": _variables(), "defaults": _defaults(), "include": _include()}


def _variables() -> Schema:
    variable = {
        "type": "object",
        "properties": {
            "type": {"enum": list(get_args(VariableBlock.model_fields["type"].annotation))},
            "default": {"description": "The value where none is given."},
            "allowed": {"description": "The only values.", "type": "array"},
            "pattern": {"description": "A regular expression that a text must match.", "type": "string"},
            "description": {"type": "string"},
        },
        "additionalProperties": False,
    }
    return {
        "description": "Values from outside, by name: `${var.name}` stands for one; `$${` is a plain `${`.",
        "type": "object",
        "propertyNames": {"pattern": _VARIABLE},
        "additionalProperties": variable,
    }


def _defaults() -> Schema:
    groups = {name: {"description": f"For {what}.", **_ref("body")} for name, what in _GROUPS.items()}
    return {
        "description": "Fields of many mappings: maps merge, lists and scalars replace, null removes.",
        "type": "object",
        "properties": groups,
        "additionalProperties": False,
    }


def _include() -> Schema:
    return {"description": "Globs of more files with the same keys.", "type": "array", "items": {"type": "string"}}
