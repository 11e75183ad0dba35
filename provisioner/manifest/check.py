"""Checks one mapping against the field table: which fields its kind has, and their values. Rules between fields are in
`rules`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from provisioner.manifest.finding import Finding, Step, suggestion
from provisioner.manifest.patterns import pattern_findings
from provisioner.manifest.rules import rule_findings
from provisioner.manifest.schema import ProviderBlock
from provisioner.model.canonical import Canonical, is_own_tag
from provisioner.model.forms import moment, parsed, timestamp
from provisioner.model.mapping import FIELDS, REQUIRED, TAG_TEXT, Field
from provisioner.model.place import FieldPath
from provisioner.model.references import REGION, Arn, FunctionReference, partition_of
from provisioner.model.rows import Limits
from provisioner.model.sources import BY_SERVICE, SourceKind

_IN_MILLISECONDS = 10_000_000_000
"""An epoch from here on is one of milliseconds: in seconds it would be after the year 2286."""


def time_hint(value: Any) -> str:
    """A hint with the right form of a time: for an epoch the same instant, else an example."""
    shown = "2026-01-15T00:00:00Z"
    with suppress(TypeError, ValueError, OverflowError, OSError):
        epoch = 0.0 if isinstance(value, bool) else float(value)
        while _IN_MILLISECONDS <= epoch < float("inf"):  # or of microseconds, or nanoseconds
            epoch /= 1000
        shown = timestamp(epoch) if epoch > 0 else shown
    return f'write it as "{shown}"'


def source_findings(raw: Mapping[str, Any], kind: SourceKind | None) -> Iterator[Finding]:
    """Findings about the source and the function. Without a `kind` nothing else can be checked."""
    arn, brokers = raw.get("event_source_arn"), raw.get("self_managed_event_source")
    if not arn and not brokers:
        yield Finding("E102", (), "event_source_arn or self_managed_event_source is missing")
    elif arn and brokers:
        yield Finding(
            "E106",
            ("event_source_arn",),
            "set either event_source_arn or self_managed_event_source, not both",
        )
    elif arn and not Arn.parse(arn):
        yield _no_arn(str(arn))
    elif arn and kind is None:
        yield Finding(
            "E106",
            ("event_source_arn",),
            f"Lambda cannot read from service {arn.split(':')[2]!r}",
            "S3, SNS, EventBridge and CloudWatch Logs invoke functions themselves; this version does not support them yet",
        )
    elif kind is SourceKind.UNKNOWN:
        message = (
            f"service {str(arn).split(':')[2]!r} is unknown to this version; no field is checked by kind of source"
        )
        yield Finding("W223", ("event_source_arn",), message, f"known services: {', '.join(BY_SERVICE)}")
    function = raw.get("function_name")
    if function and not FunctionReference.parse(function):
        yield Finding("E106", ("function_name",), f"{function!r} is not a function name or ARN")


_QUEUE_URL = re.compile(
    rf"https?://(?:(?:vpce-[\w-]+\.)?(?:sqs(?:-fips)?|queue)\.(?P<region>{REGION.pattern})|(?P<old>{REGION.pattern})\.queue|queue)\."
    r"[a-z0-9.:-]+/(?P<account>\d{12})/(?P<name>[\w.-]+)/?"
)
_EXAMPLE = "arn:aws:sqs:REGION:ACCOUNT:NAME"


def _no_arn(text: str) -> Finding:
    """The finding for a value that is not an ARN, with the ARN in the hint where it can be derived."""
    path = ("event_source_arn",)
    if match := _QUEUE_URL.fullmatch(text):
        region = match["region"] or match["old"] or "us-east-1"
        arn = f"arn:{partition_of(region)}:sqs:{region}:{match['account']}:{match['name']}"
        return Finding("E106", path, f"this is the URL of a queue; its ARN is {arn}", f"write event_source_arn: {arn}")
    if text.startswith(("http://", "https://")):
        hint = f"use the ARN, for example {_EXAMPLE}; `aws sqs get-queue-attributes` shows it as QueueArn"
        return Finding("E106", path, f"{text!r} is a URL, not an ARN", hint)
    if re.fullmatch(r"[\w.-]+:\d{1,5}(,[\w.-]+:\d{1,5})*", text):
        hint = "for a self-managed Kafka cluster, list the brokers in self_managed_event_source.endpoints.KAFKA_BOOTSTRAP_SERVERS"
        return Finding("E106", path, f"{text!r} is a list of brokers, not an ARN", hint)
    return Finding("E106", path, f"{text!r} is not an ARN", f"use the full ARN, for example {_EXAMPLE}")


def field_findings(
    raw: Mapping[str, Any], effective: Canonical, kind: SourceKind, malformed_fields: Collection[str]
) -> Iterator[Finding]:
    """Findings about the fields of a mapping, for its kind of source. `effective` is its canonical form.

    Rules between fields skip only `malformed_fields`, whose values have the wrong type or are not known: a field with
    another finding is still judged beside others, so that a warning never hides an error.
    """
    for name in raw:
        if name in effective:
            yield from _value(FIELDS[name], raw[name], kind, (name,))
    for name in REQUIRED[kind]:
        if name not in effective:
            yield Finding("E102", (), f"{name} is required for {kind.phrase}", field=name)
    yield from rule_findings(raw, effective, kind, malformed_fields)


def tag_findings(tags: Mapping[str, str], path: tuple[Step, ...], provider: ProviderBlock) -> Iterator[Finding]:
    """Findings about tags: reserved keys, length, characters (docs/aws/tags.md)."""
    ignored = provider.ignore_tags
    for key, value in tags.items():
        if is_own_tag(key):
            message = f"tag keys that start with `{key.split(':')[0]}:` are reserved"
            yield Finding("E103", (*path, key), message, "choose another key", at_key=True)
        elif key in ignored.keys or key.startswith(tuple(ignored.key_prefixes)):
            yield Finding(
                "E109",
                (*path, key),
                f"{key!r} is listed in ignore_tags, so it cannot be set",
                "remove the tag, or remove its key from ignore_tags",
                at_key=True,
            )
        elif not 1 <= len(key) <= 128 or len(value) > 256:
            yield Finding("E103", (*path, key), "a tag key must have 1 to 128 characters, and a tag value at most 256")
        elif not (TAG_TEXT.allows(key) and TAG_TEXT.allows(value)):
            wrong = value if TAG_TEXT.allows(key) else key
            yield Finding("E104", (*path, key), f"tags: {wrong!r} is not {TAG_TEXT.words}")


def _value(field: Field, value: Any, kind: SourceKind, path: tuple[Step, ...]) -> Iterator[Finding]:
    row = field.row
    if not row.has(kind):
        hint = "remove it"
        if field.name == "on_success":
            hint = "Lambda supports it for asynchronous invocations, but not for event source mappings"
        yield Finding("E105", path, f"{kind.phrase} does not support {field.name}", hint)
        return
    if field.many:
        for index, item in enumerate(value):
            yield from _block(field.children, item, kind, (*path, index))
    elif field.children:
        yield from _block(field.children, value, kind, path)
    if row.bounds or row.legal or row.each:
        yield from _limits(field.name, row, row.narrower.get(kind, row.bounds), value, kind, path)
    if row.values:
        yield from _enumeration(field, value, path)
    if field.name == "starting_position_timestamp" and moment(value) is None:
        yield Finding("E104", path, f"{value!r} is not a valid timestamp", time_hint(value))
    if field.name == "pattern":
        yield from pattern_findings(value, path)


def _block(
    fields: Mapping[str, Field], block: Mapping[str, Any], kind: SourceKind, path: tuple[Step, ...]
) -> Iterator[Finding]:
    for name, field in fields.items():
        if block.get(name) is not None:
            yield from _value(field, block[name], kind, (*path, name))
        elif field.row.requires(kind):
            yield Finding("E102", path, f"{name} is missing in {path[-1] if isinstance(path[-1], str) else path[-2]}")


def _limits(
    name: str,
    limits: Limits,
    bounds: tuple[int, int] | None,
    value: Any,
    kind: SourceKind,
    path: tuple[Step, ...],
) -> Iterator[Finding]:
    """Where a value, and the items in it, break the limits; `bounds` are those of the kind."""
    if name == "pattern" and not isinstance(value := parsed(value), str):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False)  # as it is sent
    one_text = isinstance(value, str) and limits.each is not None
    if one_text:  # brokers as Terraform writes them
        value = [item.strip() for item in value.split(",")]
    if bounds and (wrong := _out_of_bounds(value, bounds)):
        least, most = bounds
        hint = f"allowed range: {least} to {most}" if least < most else ""
        yield Finding("E103", path, f"{name}: {wrong} that {kind.phrase} allows", hint)
    elif limits.legal and isinstance(value, str) and not limits.legal.allows(value):
        code = "E104" if limits.legal.enforced else "W207"
        hint = "AWS rejects any other value" if limits.legal.enforced else ""
        yield Finding(code, path, f"{name}: {value!r} is not {limits.legal.words}", hint)
    if limits.each and name != "tags":  # tags have findings of their own
        for label, item, step in _items(name, value):
            place = path if one_text else (*path, step)
            yield from _limits(label, limits.each, limits.each.bounds, item, kind, place)


def _out_of_bounds(value: Any, bounds: tuple[int, int]) -> str:
    least, most = bounds
    is_number = isinstance(value, int) and not isinstance(value, bool)
    size = value if is_number else len(value)
    what = f"{value}" if is_number else f"{size} characters" if isinstance(value, str) else f"{size} items"
    return (
        f"{what} is more than the {most}" if size > most else f"{what} is less than the {least}" if size < least else ""
    )


def _items(name: str, value: Any) -> Iterator[tuple[str, Any, Step]]:
    """The items of a map or a list: the name in messages, the item, the step to it."""
    if isinstance(value, Mapping):
        yield from ((key, item, key) for key, item in value.items())
    else:
        yield from ((f"{name}[{index}]", item, index) for index, item in enumerate(value))


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
            hint = suggestion(word, known) or f"known values: {', '.join(known)}"
            yield Finding(
                "W201",
                place,
                f"{field.name}: {word!r} is unknown to this version (passed to AWS unchecked)",
                hint,
            )


def ignored_path(text: str) -> FieldPath | None:
    """The path that an entry of `ignore_changes` names; None when there is no such field."""
    path = tuple(text.split(".", 1)) if text.startswith("tags.") else tuple(text.split("."))
    fields = FIELDS
    for name in path[:1] if path[0] == "tags" else path:
        if name not in fields:
            return None
        fields = fields[name].children
    return path
