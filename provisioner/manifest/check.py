"""One mapping of a manifest held against the field table: which fields its kind has, and their values."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from provisioner.manifest.schema import IgnoreTagsBlock, Root
from provisioner.model.canonical import Canonical, canonical, is_own_tag
from provisioner.model.desired import Path
from provisioner.model.mapping import FIELDS, Field, parsed
from provisioner.model.references import Arn, FunctionReference
from provisioner.model.sources import ALL, SourceKind, kind_of

Step = str | int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a path inside one mapping; `field` is the one that is meant where the path cannot say it."""

    code: str
    path: tuple[Step, ...]
    message: str
    hint: str = ""
    field: str = ""


def suggestion(word: str, candidates: Iterable[str]) -> str:
    """`did you mean "batch_size"?`, or nothing when no candidate is near."""
    plain = {candidate.lower().replace("_", ""): candidate for candidate in candidates}
    near = difflib.get_close_matches(word.lower().replace("_", "").replace("-", ""), plain, n=1, cutoff=0.7)
    return f'did you mean "{plain[near[0]]}"?' if near else ""


def source_findings(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the references of a mapping: without a kind nothing else can be checked."""
    arn, brokers = raw.get("event_source_arn"), raw.get("self_managed_event_source")
    if not arn and not brokers:
        yield Finding("E102", (), "event_source_arn or self_managed_event_source is missing")
    elif arn and brokers:
        yield Finding(
            "E106", ("event_source_arn",), "a mapping has either event_source_arn or self_managed_event_source"
        )
    elif arn and not Arn.parse(arn):
        yield Finding("E106", ("event_source_arn",), f"{arn!r} is not an ARN")
    elif arn and kind_of(raw) is None:
        yield Finding(
            "E106",
            ("event_source_arn",),
            f"Lambda does not read from {arn.split(':')[2]!r}",
            "the source is a queue of sqs, a stream of kinesis or dynamodb, or a cluster of kafka, mq or rds",
        )
    function = raw.get("function_name")
    if function and not FunctionReference.parse(function):
        yield Finding("E106", ("function_name",), f"{function!r} is not the name or the ARN of a function")


@dataclass(frozen=True, slots=True)
class Combination:
    """A rule about several fields, or about a range with a hole: what breaks it, where it is shown, and what is said."""

    row: str  # of aws-behaviour
    kinds: frozenset[SourceKind]
    broken: Callable[[Canonical], bool]
    path: Path
    message: str
    hint: str


def _large_batch(mapping: Canonical) -> bool:
    return mapping.get("batch_size", 10) > 10 and not mapping.get("maximum_batching_window_in_seconds")


def _crossed_pollers(mapping: Canonical) -> bool:
    pollers = mapping.get("provisioned_poller_config", {})
    return bool(pollers) and pollers.get("maximum_pollers", 0) < pollers.get("minimum_pollers", 0)


COMBINATIONS: Final = (
    Combination(
        "5.4 SQS batch > 10, window 0",
        frozenset({SourceKind.SQS}),
        _large_batch,
        ("batch_size",),
        "a batch of more than 10 needs maximum_batching_window_in_seconds",
        "set maximum_batching_window_in_seconds to 1 or more",
    ),
    Combination(
        "5.4 AT_TIMESTAMP without timestamp",
        ALL,
        lambda m: m.get("starting_position") == "AT_TIMESTAMP" and "starting_position_timestamp" not in m,
        ("starting_position",),
        "AT_TIMESTAMP needs starting_position_timestamp",
        'add it, as in starting_position_timestamp: "2026-01-15T00:00:00Z"',
    ),
    Combination(
        "5.3 a timestamp with another position",
        ALL,
        lambda m: m.get("starting_position") != "AT_TIMESTAMP" and "starting_position_timestamp" in m,
        ("starting_position_timestamp",),
        "a timestamp is only for starting_position: AT_TIMESTAMP",
        "remove it, or set starting_position: AT_TIMESTAMP",
    ),
    Combination(
        "5.4 DynamoDB AT_TIMESTAMP",
        frozenset({SourceKind.DYNAMODB}),
        lambda m: m.get("starting_position") == "AT_TIMESTAMP",
        ("starting_position",),
        "a DynamoDB stream cannot be read from a timestamp",
        "use LATEST or TRIM_HORIZON",
    ),
    Combination(
        "5.4 Record age 1-59",
        ALL,
        lambda m: 0 <= m.get("maximum_record_age_in_seconds", -1) < 60,
        ("maximum_record_age_in_seconds",),
        "maximum_record_age_in_seconds is -1 (for ever), or 60 and more",
        "",
    ),
    Combination(
        "7.10 ScalingConfig with ProvisionedPollerConfig",
        ALL,
        lambda m: "scaling_config" in m and "provisioned_poller_config" in m,
        ("scaling_config",),
        "scaling_config and provisioned_poller_config exclude each other",
        "remove one of them",
    ),
    Combination(
        "7.10 Pollers",
        ALL,
        _crossed_pollers,
        ("provisioned_poller_config",),
        "maximum_pollers is less than minimum_pollers",
        "",
    ),
    Combination(
        "4.6 KMSKeyArn without filters",
        ALL,
        lambda m: "kms_key_arn" in m and "filter_criteria" not in m,
        ("kms_key_arn",),
        "a key without filter_criteria is not stored by AWS",
        "add filter_criteria, or remove the key",
    ),
    Combination(
        "5.1 EventSourceArn of DynamoDB",
        frozenset({SourceKind.DYNAMODB}),
        lambda m: "/stream/" not in m.get("event_source_arn", ""),
        ("event_source_arn",),
        "this is a table; a mapping reads from its stream",
        "the stream's ARN ends in /stream/ and a label: `aws dynamodb describe-table` shows it",
    ),
)


def field_findings(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    """What is wrong with the fields of a mapping, for its kind of source."""
    effective = canonical(raw, kind)
    for name, field in FIELDS.items():
        if name in raw and name in effective:
            yield from _value(field, raw[name], kind, (name,))
        if kind in field.row.required and name not in effective:
            yield Finding("E102", (), f"{name} is missing; {kind.phrase} needs it", field=name)
    for rule in COMBINATIONS:
        if kind in rule.kinds and rule.path[0] in raw and rule.broken(effective):
            yield Finding("E109", rule.path, rule.message, rule.hint)
    if raw.get("provisioned_poller_config") == {}:
        path = ("provisioned_poller_config",)
        yield Finding("E102", path, "provisioned_poller_config needs minimum_pollers or maximum_pollers")


def tag_findings(tags: Mapping[str, str], path: tuple[Step, ...], root: Root | None) -> Iterator[Finding]:
    """What is wrong with tags: whose they are, and how long (aws-behaviour section 1)."""
    ignored = root.provider.ignore_tags if root else IgnoreTagsBlock()
    for key, value in tags.items():
        if is_own_tag(key):
            yield Finding("E103", (*path, key), f"tags that begin with {key.split(':')[0]}: are not yours to set")
        elif key in ignored.keys or key.startswith(tuple(ignored.key_prefixes) or ("\0",)):
            yield Finding(
                "E109", (*path, key), f"{key!r} is under ignore_tags, so it cannot be set", "remove one of the two"
            )
        elif not 1 <= len(key) <= 128 or len(value) > 256:
            yield Finding("E103", (*path, key), "a tag's key has 1 to 128 characters, its value at most 256")


def _value(field: Field, value: Any, kind: SourceKind, path: tuple[Step, ...]) -> Iterator[Finding]:
    row = field.row
    if kind not in row.kinds:
        yield Finding("E105", path, f"{kind.phrase} has no {field.name}", "remove it")
        return
    if field.many:
        for index, item in enumerate(value):
            yield from _block(field.children, item, kind, (*path, index))
    elif field.children:
        yield from _block(field.children, value, kind, path)
    yield from _bounds(field, value, kind, path)
    yield from _enumeration(field, value, path)
    if field.name == "starting_position_timestamp":
        yield from _timestamp(value, path)
    if field.name == "pattern":
        yield from _pattern(value, path)


def _block(
    fields: Mapping[str, Field], block: Mapping[str, Any], kind: SourceKind, path: tuple[Step, ...]
) -> Iterator[Finding]:
    for name, field in fields.items():
        if block.get(name) is not None:
            yield from _value(field, block[name], kind, (*path, name))
        elif kind in field.row.required:
            yield Finding("E102", path, f"{name} is missing in {path[-1] if isinstance(path[-1], str) else path[-2]}")


def _bounds(field: Field, value: Any, kind: SourceKind, path: tuple[Step, ...]) -> Iterator[Finding]:
    row = field.row
    if row.bounds is None:
        return
    least, most = row.narrower.get(kind, row.bounds)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if field.name == "pattern":
        value = json.dumps(parsed(value), separators=(",", ":"), ensure_ascii=False)  # as it is sent
    size = value if is_number else len(value)
    what = f"{value}" if is_number else f"{size} characters" if isinstance(value, str) else f"{size} items"
    if size > most:
        yield Finding("E103", path, f"{field.name}: {what} is more than the {most} that {kind.phrase} allows")
    elif size < least:
        yield Finding("E103", path, f"{field.name}: {what} is less than the {least} that {kind.phrase} allows")


def _enumeration(field: Field, value: Any, path: tuple[Step, ...]) -> Iterator[Finding]:
    known = field.row.values
    if not known:
        return
    places: Iterable[tuple[tuple[Step, ...], str]] = (
        [(path, value)]
        if isinstance(value, str)
        else [((*path, index), item) for index, item in enumerate(value)]
        if isinstance(value, list)
        else [((*path, key), key) for key in value]
    )
    for place, word in places:
        if word not in known:
            hint = suggestion(word, known) or f"known are {', '.join(known)}"
            yield Finding(
                "W201",
                place,
                f"{field.name}: {word!r} is not a value that this version knows; it is sent as it is",
                hint,
            )


def _timestamp(value: str, path: tuple[Step, ...]) -> Iterator[Finding]:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        yield Finding("E104", path, f"{value!r} is not a time", 'write it as "2026-01-15T00:00:00Z"')


def _pattern(value: Any, path: tuple[Step, ...]) -> Iterator[Finding]:
    try:
        if isinstance(value, str):
            value = json.loads(value, object_pairs_hook=_once, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        yield Finding("E104", path, "the pattern holds half a character (a lone surrogate)")
        return
    except (ValueError, RecursionError) as error:
        yield Finding("E104", path, f"the pattern is not JSON: {error}")
        return
    if not isinstance(value, dict):
        yield Finding("E104", path, "a pattern is a JSON object")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def ignored_path(text: str) -> Path | None:
    """The path that an entry of `ignore_changes` names; None when there is no such field."""
    path = tuple(text.split(".", 1)) if text.startswith("tags.") else tuple(text.split("."))
    fields = FIELDS
    for name in path[:1] if path[0] == "tags" else path:
        if name not in fields:
            return None
        fields = fields[name].children
    return path
