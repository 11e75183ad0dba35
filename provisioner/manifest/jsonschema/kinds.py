"""What each kind of source lacks and needs, and what fields together must not be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_origin

from provisioner.manifest.access import NEEDED_BESIDE, OAUTH_PARTS, OF_KIND, ONE_HOST, WITHOUT_URI, one_basic_auth
from provisioner.manifest.jsonschema.fields import kinds_in_words, lacking_of, ranged
from provisioner.manifest.jsonschema.parts import (
    NOT_EMPTY,
    Schema,
    at_path,
    or_reference,
    other_than,
    ref,
    typed,
    when,
    where_literal,
)
from provisioner.manifest.rules import KAFKA_METRICS, MESSAGES, NO_POLLERS, RESOURCES, TABLE_ARN
from provisioner.model.mapping import ACCESS_TYPES, FIELDS, Field
from provisioner.model.sources import ALL, BY_SERVICE, KAFKAS, QUEUES, SELF_MANAGED, STREAMS, SourceKind

# --- kinds of source -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """What distinguishes the kinds of a mapping; `within` are the kinds that another source covers already."""

    definition: str
    kinds: frozenset[SourceKind]
    condition: Schema
    within: frozenset[SourceKind] = frozenset()


def _by_arn(service: str, rest: str = "") -> Schema:
    """A literal service is enough, even where references follow."""
    return stated("event_source_arn", {"type": "string", "pattern": f"^arn:aws[^:]*:{service}:{rest}"})


def stated(name: str, schema: Schema) -> Schema:
    """`required`, because without it an absent property would match."""
    return {"required": [name], "properties": {name: schema}}


_BROKERS: Final = stated("self_managed_event_source", {**typed("object", "string"), "minProperties": 1})


_QUEUE_MODE: Final = stated(
    "self_managed_kafka_event_source_config", {"type": "object"} | stated("consumption_mode", {"const": "Queue"})
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
    definitions = [
        source for source in SOURCES if source.kinds <= kinds and not (source.within and source.within <= kinds)
    ]
    references = [ref(source.definition) for source in definitions]
    return references[0] if len(references) == 1 else {"anyOf": references}


def by_kind() -> Iterator[Schema]:
    """What the kinds lack, their narrower ranges, and what an ARN and access configurations must be."""
    for source in SOURCES:
        narrower = [schema for schema in (_of_kinds(FIELDS, source), *_source_rules(source)) if schema]
        for schema in narrower:
            yield when(ref(source.definition), schema)


def _of_kinds(fields: Mapping[str, Field], source: Source) -> Schema:
    properties = {name: rule for name, field in fields.items() if (rule := _of_kind(field, source))}
    return {"properties": properties} if properties else {}


def _of_kind(field: Field, source: Source) -> Schema:
    kinds, row = source.kinds, field.row
    if not kinds & row.kinds:
        covered = not row.kinds or (source.within and not source.within & row.kinds)
        return {} if covered else lacking_of(field, kinds)
    if field.children:
        inner = _of_kinds(field.children, source)
        return {"items": inner} if inner and field.many else inner
    bounds = {row.narrower.get(kind, row.bounds) for kind in kinds & row.kinds}
    around = {row.narrower.get(kind, row.bounds) for kind in source.within & row.kinds}
    narrower = len(bounds) == 1 and bounds not in ({row.bounds}, around)
    return ranged(bounds.pop()) if narrower else {}


# --- rules of single kinds -------------------------------------------------------------------------------------------


def _source_rules(source: Source) -> Iterator[Schema]:
    if source.within:
        return
    kind = next(kind for kind in SourceKind if kind in source.kinds)
    if kind is SourceKind.DYNAMODB:
        yield _resource(".*/stream/", TABLE_ARN)
    elif kind in RESOURCES:
        prefixes, message = RESOURCES[kind]
        yield _resource(f"(?:{'|'.join(prefixes)})", message)
    if source.kinds <= QUEUES | STREAMS:
        message = f"{kind.phrase} does not support the metric {' or '.join(sorted(KAFKA_METRICS))}"
        yield at_path(("metrics_config", "metrics", "[]"), other_than(sorted(KAFKA_METRICS), message))
    if kind in OF_KIND:
        yield at_path(("source_access_configuration",), {"allOf": list(_access(kind))})


def _resource(resource: str, message: str) -> Schema:
    return at_path(
        ("event_source_arn",), where_literal({"pattern": f"^(?:[^:]*:){{5}}{resource}", "errorMessage": message})
    )


def _access(kind: SourceKind) -> Iterator[Schema]:
    yield ref("accesses")
    lacking = [word for word in ACCESS_TYPES if word not in OF_KIND[kind]]
    message = f"{kind.phrase} does not support this access type; supported types: {', '.join(OF_KIND[kind])}"
    yield {"items": {"properties": {"type": other_than(lacking, message)}}}
    if kind in (SourceKind.MQ, SourceKind.DOCUMENTDB):
        yield when({"minItems": 1}, _times("BASIC_AUTH", 1, one_basic_auth(kind)))


def accesses() -> Schema:
    """What holds of access configurations whatever the kind."""
    rules = [{"items": {"allOf": list(_uris())}}, _times("VIRTUAL_HOST", 0, ONE_HOST)]
    return {"allOf": [*rules, *_oauth()]}


def _uris() -> Iterator[Schema]:
    """Which accesses have a uri. Of a type that is not known, nothing is."""
    without = sorted(WITHOUT_URI)
    others = [word for word in ACCESS_TYPES if word not in WITHOUT_URI]
    signed = {"enum": [None, ""], "errorMessage": "remove the uri: this type authenticates with the function's role"}
    yield when(stated("type", {"enum": without}), {"properties": {"uri": signed}})
    yield when(stated("type", {"enum": others}), _needed("uri", "this access type needs a uri"))


def _oauth() -> Iterator[Schema]:
    beside = "this type cannot be combined with IAM_OAUTHBEARER_AUTH"
    yield when(_holds("IAM_OAUTHBEARER_AUTH"), {"items": {"properties": {"type": other_than(OAUTH_PARTS, beside)}}})
    for word, wanted in NEEDED_BESIDE.items():
        yield when(_holds(word), _holds(*wanted) | {"errorMessage": f"{word} needs {' or '.join(wanted)}"})


def _holds(*words: str) -> Schema:
    return {"type": "array", "contains": stated("type", {"enum": list(words)})}


def _times(word: str, least: int, message: str) -> Schema:
    """At most one entry of a type; a reference among the entries may be any."""
    entry = stated("type", {"const": word}) | {"type": "object"}
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
        condition = at_path(("lifecycle", "ignore_changes"), {"items": {"not": {"type": "string"} | ignored}})
        return when(condition, self.rule)


def where_complete(rule: Together) -> Schema:
    """A rule about what is missing, where nothing else can supply it: neither defaults nor another file."""
    supplied = {"additionalProperties": {"properties": dict.fromkeys((*rule.reads, "lifecycle"), False)}}
    alone = {"required": ["stack"], "properties": {"include": False, "defaults": supplied}}
    return when(alone, at_path(("mappings",), {"additionalProperties": rule.unless_ignored}))


def _needed(name: str, message: str, json_type: str = "string", **limits: Any) -> Schema:
    """A property that must be there and must say something. Its type is named, or an editor would offer all."""
    types = {"type": list(dict.fromkeys((json_type, "string")))}
    return {**stated(name, {**types, **NOT_EMPTY, **limits, "errorMessage": message}), "errorMessage": message}


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


_FACTOR: Final = "parallelization_factor"


_TUMBLING: Final = "tumbling_window_in_seconds"


def needs_of_kinds() -> Iterator[Together]:
    """What is missing: fields that kinds require, and fields that others need beside them."""
    neither = f"{' or '.join(_SOURCES)} is missing"
    yield Together(_SOURCES, {"anyOf": [_needed(name, neither, _json_type(FIELDS[name])) for name in _SOURCES]})
    for name, field in FIELDS.items():
        if field.row.required and name not in _SOURCES:
            kinds = field.row.required
            whom = "" if kinds == ALL else f": required for {kinds_in_words(kinds)}"
            yield Together((name,), when(_from(kinds), _needed(name, f"{name} is missing{whom}", _json_type(field))))
        for inner, part in field.children.items():
            if not field.many and part.row.required == ALL:
                yield Together(
                    (name,), at_path((name,), _needed(inner, f"{inner} is missing in {name}", _json_type(part)))
                )
    brokers = "KAFKA_BOOTSTRAP_SERVERS"
    endpoints = _needed(brokers, f"endpoints must contain {brokers}", "array")
    yield Together(_SOURCES[1:], at_path((_SOURCES[1], "endpoints"), endpoints))
    yield from _needs_beside()


def _needs_beside() -> Iterator[Together]:
    large = stated("batch_size", {"type": "integer", "minimum": 11})
    yield Together(
        ("batch_size", _WINDOW),
        when(
            {"allOf": [_from(frozenset({SourceKind.SQS})), large]},
            _needed(_WINDOW, MESSAGES["E201"], "integer", minimum=1),
        ),
    )
    at = stated("starting_position", {"const": "AT_TIMESTAMP"})
    yield Together(("starting_position", _TIMESTAMP), when(at, _needed(_TIMESTAMP, MESSAGES["E202"])))
    key = stated("kms_key_arn", ref("present"))
    yield Together(
        ("kms_key_arn", "filter_criteria"),
        when(key, _needed("filter_criteria", MESSAGES["E210"], "object")),
    )
    either = [_needed(name, NO_POLLERS, "integer") for name in _POLLER_NUMBERS]
    some = {"allOf": [_from(FIELDS[_POLLERS].row.kinds), stated(_POLLERS, {"type": "object"})]}
    yield Together((_POLLERS,), when(some, at_path((_POLLERS,), {"anyOf": either})))
    yield from _needs_pollers()


_POLLER_NUMBERS: Final = ("minimum_pollers", "maximum_pollers")


def _needs_pollers() -> Iterator[Together]:
    registry = stated("schema_registry_config", ref("present"))
    metrics = stated("metrics", {"type": "array", "minItems": 1})
    for name, part, code in (
        ("amazon_managed_kafka_event_source_config", registry, "E217"),
        ("self_managed_kafka_event_source_config", registry, "E217"),
        ("metrics_config", metrics, "E219"),
    ):
        condition = {"allOf": [_from(KAFKAS), stated(name, {"type": "object"} | part)]}
        yield Together((name, _POLLERS), when(condition, _needed(_POLLERS, MESSAGES[code], "object")))


def contradictions() -> Iterator[Schema]:
    """Values that cannot stand, or cannot stand beside each other, whatever else is said elsewhere."""
    age = "maximum_record_age_in_seconds"
    finite = stated(age, {"type": "integer", "minimum": 0})
    known_position = {"type": "string", "pattern": r"^(?!AT_TIMESTAMP$)(?!.*\$\{)"}
    only = {"enum": [None, ""], "errorMessage": MESSAGES["E203"]}
    never = other_than(["AT_TIMESTAMP"], MESSAGES["E204"])
    scaling = stated("scaling_config", {"type": "object"} | stated("maximum_concurrency", {"type": "integer"}))
    pollers = stated(_POLLERS, {"type": "object", "anyOf": [stated(n, {"type": "integer"}) for n in _POLLER_NUMBERS]})
    excluded = {"type": "null", "errorMessage": MESSAGES["E207"]}
    streams = {"allOf": [_from(STREAMS), stated("starting_position", known_position)]}
    for rule in (
        Together((age,), when(finite, at_path((age,), {"minimum": 60}))),
        Together(("starting_position", _TIMESTAMP), when(streams, at_path((_TIMESTAMP,), only))),
        Together(
            ("starting_position",),
            when(_from(frozenset({SourceKind.DYNAMODB})), at_path(("starting_position",), never)),
        ),
        Together(
            (_FACTOR, _TUMBLING),
            when(
                {"allOf": [_from(STREAMS), stated(_TUMBLING, {"type": "integer", "minimum": 1})]},
                at_path((_FACTOR,), {"maximum": 1, "errorMessage": MESSAGES["E222"]}),
            ),
        ),
        Together(
            ("scaling_config", _POLLERS),
            when({"allOf": [_from(QUEUES), scaling, pollers]}, at_path(("scaling_config",), excluded)),
        ),
    ):
        yield rule.unless_ignored


# --- filter patterns -------------------------------------------------------------------------------------------------


_BELOW: Final = or_reference("object", "array")


_A_TEXT: Final = {"type": "string"}


_AFFIX: Final = {
    **typed("string", "object"),
    "properties": {"equals-ignore-case": _A_TEXT},
    "required": ["equals-ignore-case"],
    "additionalProperties": False,
}


_OPERANDS: Final = {
    "prefix": _AFFIX,
    "suffix": _AFFIX,
    "equals-ignore-case": _A_TEXT,
    "wildcard": _A_TEXT,
    "exists": or_reference("boolean"),
    "numeric": {**or_reference("array"), "minItems": 2, "maxItems": 4},
    "cidr": _A_TEXT,
    "anything-but": typed("string", "number", "array", "object"),
}


def event_pattern() -> Schema:
    """A pattern goes deeper by objects, to lists of what may match: a scalar, or an object with one rule."""
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
            "properties": _OPERANDS,
            "minProperties": 1,
            "maxProperties": 1,
        },
    }
