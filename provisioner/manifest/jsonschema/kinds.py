"""The kinds of source as conditions, and what each kind lacks and allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provisioner.kinds.access_types import ACCESS_TYPES, COUNTS, NEEDED_BESIDE, OAUTH_PARTS, OF_KIND, WITHOUT_URI, Count
from provisioner.kinds.fields import Field
from provisioner.kinds.tables import ALL_FIELDS
from provisioner.manifest.buckets import BUCKET_ARN
from provisioner.manifest.jsonschema.fields import EVERY, lacking_of, ranged
from provisioner.manifest.jsonschema.parts import (
    Schema,
    at_path,
    needed,
    other_than,
    ref,
    stated,
    typed,
    when,
    where_literal,
)
from provisioner.manifest.rules import KAFKA_METRICS
from provisioner.manifest.source import RESOURCES, TABLE_ARN
from provisioner.model.references import BUCKET
from provisioner.model.sources import ALL, BY_SERVICE, QUEUES, SELF_MANAGED, STREAMS, SourceKind

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


def from_kinds(kinds: frozenset[SourceKind]) -> Schema:
    """The condition that a mapping is of one of these kinds."""
    if kinds == EVERY:
        return {}
    definitions = [
        source for source in SOURCES if source.kinds <= kinds and not (source.within and source.within <= kinds)
    ]
    references = [ref(source.definition) for source in definitions]
    return references[0] if len(references) == 1 else {"anyOf": references}


def by_kind() -> Iterator[Schema]:
    """What the kinds lack, their narrower ranges, and what an ARN and access configurations must be."""
    for source in SOURCES:
        narrower = [schema for schema in (_of_kinds(ALL_FIELDS, source), *_source_rules(source)) if schema]
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
    if kind is SourceKind.S3:
        bucket = {"pattern": f"^arn:aws[^:]*:s3:::{BUCKET.pattern}$", "errorMessage": BUCKET_ARN}
        yield at_path(("event_source_arn",), where_literal(bucket))
    else:
        skip = {"enum": [None, False], "errorMessage": f"{kind.phrase} does not support skip_destination_validation"}
        yield at_path(("lifecycle", "skip_destination_validation"), skip)
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
    for count in COUNTS:
        if kind in count.kinds and count.kinds != ALL:
            yield when({"minItems": 1}, _times(count, kind))


def accesses() -> Schema:
    """What holds of access configurations whatever the kind."""
    counts = (_times(count) for count in COUNTS if count.kinds == ALL)
    return {"allOf": [{"items": {"allOf": list(_uris())}}, *counts, *_oauth()]}


def _uris() -> Iterator[Schema]:
    """Which accesses have a uri. Of a type that is not known, nothing is."""
    without = sorted(WITHOUT_URI)
    others = [word for word in ACCESS_TYPES if word not in WITHOUT_URI]
    signed = {"enum": [None, ""], "errorMessage": "remove the uri: this type authenticates with the function's role"}
    yield when(stated("type", {"enum": without}), {"properties": {"uri": signed}})
    yield when(stated("type", {"enum": others}), needed("uri", "this access type needs a uri"))


def _oauth() -> Iterator[Schema]:
    beside = "this type cannot be combined with IAM_OAUTHBEARER_AUTH"
    yield when(_holds("IAM_OAUTHBEARER_AUTH"), {"items": {"properties": {"type": other_than(OAUTH_PARTS, beside)}}})
    for word, wanted in NEEDED_BESIDE.items():
        yield when(_holds(word), _holds(*wanted) | {"errorMessage": f"{word} needs {' or '.join(wanted)}"})


def _holds(*words: str) -> Schema:
    return {"type": "array", "contains": stated("type", {"enum": list(words)})}


def _times(count: Count, kind: SourceKind | None = None) -> Schema:
    """How often an entry of a type may be there; a reference among the entries may be any."""
    entry = stated("type", {"const": count.type}) | {"type": "object"}
    return {"contains": entry, "minContains": count.least, "maxContains": 1, "errorMessage": count.message(kind)}
