"""Findings about single values: limits, texts that the API takes, known words, tags."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from provisioner.kinds.fields import Field
from provisioner.kinds.forms import moment, parsed, timestamp
from provisioner.kinds.permission import LIMITS
from provisioner.kinds.rows import TAG_TEXT, Limits
from provisioner.manifest.finding import Finding, Step, suggestion
from provisioner.manifest.patterns import pattern_findings
from provisioner.manifest.schema import ProviderBlock
from provisioner.model.canonical import is_own_tag
from provisioner.model.sources import SourceKind

AFFIXES: Final = ("filter_prefix", "filter_suffix")
MOST_BYTES: Final = 1024
"""The longest prefix or suffix of a bucket's filter (docs/aws/push.md#refusals-of-documents)."""


def value_findings(known: Field, value: Any, kind: SourceKind, path: tuple[Step, ...]) -> Iterator[Finding]:
    """Findings about a value of the right type, for a kind that has the field."""
    row = known.row
    if known.name == "permission":
        yield from _permission_findings(value, path)
    elif row.bounds or row.legal or row.each:
        yield from _limits(known.name, row, row.narrower.get(kind, row.bounds), value, kind.phrase, path)
    if known.name in AFFIXES and len(value) <= MOST_BYTES < (size := len(value.encode())):
        yield Finding("E103", path, f"{known.name}: {size} bytes in UTF-8 is more than the {MOST_BYTES} that S3 allows")
    if row.values:
        yield from _enumeration(known, value, path)
    if known.name == "starting_position_timestamp" and moment(value) is None:
        yield Finding("E104", path, f"{value!r} is not a valid timestamp", time_hint(value))
    if known.name == "pattern":
        yield from pattern_findings(value, path)


def _permission_findings(value: str | Mapping[str, str | None], path: tuple[Step, ...]) -> Iterator[Finding]:
    """What AddPermission does not take in the members of a `permission`."""
    for name, item in value.items() if isinstance(value, Mapping) else ():
        if item is not None:
            limits = LIMITS[name]
            yield from _limits(name, limits, limits.bounds, item, "a statement", (*path, name))


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


def _limits(
    name: str,
    limits: Limits,
    bounds: tuple[int, int] | None,
    value: Any,
    who: str,
    path: tuple[Step, ...],
) -> Iterator[Finding]:
    """Where a value, and the items in it, break the limits; `bounds` are those of the kind, `who` is whoever has them."""
    if name == "pattern" and not isinstance(value := parsed(value), str):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False)  # as it is sent
    one_text = isinstance(value, str) and limits.each is not None
    if one_text:  # brokers as Terraform writes them
        value = [item.strip() for item in value.split(",")]
    if bounds and (wrong := _out_of_bounds(value, bounds)):
        least, most = bounds
        hint = f"allowed range: {least} to {most}" if least < most else ""
        yield Finding("E103", path, f"{name}: {wrong} that {who} allows", hint)
    elif limits.legal and isinstance(value, str) and not limits.legal.allows(value):
        code = "E104" if limits.legal.enforced else "W207"
        hint = "AWS rejects any other value" if limits.legal.enforced else ""
        yield Finding(code, path, f"{name}: {value!r} is not {limits.legal.words}", hint)
    if limits.each and name != "tags":  # tags have findings of their own
        items: list[tuple[str, Any, Step]]  # the name in messages, the item, the step to it
        if isinstance(value, Mapping):
            items = [(key, item, key) for key, item in value.items()]
        else:
            items = [(f"{name}[{index}]", item, index) for index, item in enumerate(value)]
        for label, item, step in items:
            place = path if one_text else (*path, step)
            yield from _limits(label, limits.each, limits.each.bounds, item, who, place)


def _out_of_bounds(value: Any, bounds: tuple[int, int]) -> str:
    least, most = bounds
    is_number = isinstance(value, int) and not isinstance(value, bool)
    size = value if is_number else len(value)
    what = f"{value}" if is_number else f"{size} characters" if isinstance(value, str) else f"{size} items"
    return (
        f"{what} is more than the {most}" if size > most else f"{what} is less than the {least}" if size < least else ""
    )


def _enumeration(known: Field, value: Any, path: tuple[Step, ...]) -> Iterator[Finding]:
    words = known.row.values
    places: Iterable[tuple[tuple[Step, ...], str]] = (
        [(path, value)]
        if isinstance(value, str)
        else [((*path, index), item) for index, item in enumerate(value)]
        if isinstance(value, list)
        else [((*path, key), key) for key in value]
    )
    for place, word in places:
        if word not in words:
            hint = suggestion(word, words) or f"known values: {', '.join(words)}"
            yield Finding(
                "W201",
                place,
                f"{known.name}: {word!r} is unknown to this version (passed to AWS unchecked)",
                hint,
            )
