"""The records of an event, as a filter sees them one by one. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from provisioner.kinds.domains import DATA_KEYS, RECORD_FIELDS
from provisioner.model.sources import KAFKAS, QUEUES, SourceKind

_LISTS: Final = ("Records", "records", "messages", "rmqMessagesByQueue")
"""Where an event has its records: in a list, or in lists by topic or queue."""


_SOURCES: Final = {
    "aws:sqs": QUEUES,
    "aws:kinesis": frozenset({SourceKind.KINESIS}),
    "aws:dynamodb": frozenset({SourceKind.DYNAMODB}),
    "aws:s3": frozenset({SourceKind.S3}),
}
"""The kinds of source that a record names."""


def records_of(event: Any, kind: SourceKind) -> Iterator[Mapping[str, Any]]:
    """The records of a value: of an event as Lambda delivers it, of a list of such, of a record, or of its data alone. Raises
    ValueError for a record of another kind of source.
    """
    if isinstance(event, list):
        for item in event:
            yield from records_of(item, kind)
        return
    members = event if isinstance(event, Mapping) else {}
    held = next((members[name] for name in _LISTS if name in members), None)
    if isinstance(held, Mapping):
        for part in held.values():
            yield from records_of(part, kind)
    elif isinstance(held, list):
        for item in held:
            yield from records_of(item, kind)
    else:
        name = members.get("eventSource")
        if isinstance(name, str) and kind not in _SOURCES.get(name, {kind}):
            raise ValueError(f"the record is one of {name}, and the source of the mapping is {kind.phrase}")
        yield members if _is_record(event, kind) else _around(event, kind)


def values_of(text: str) -> list[Any]:
    """The JSON values of a text: one, or one a line. Raises ValueError."""
    try:
        return [json.loads(text)]
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
    values = []
    for number, line in enumerate(lines, 1):
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"neither JSON, nor JSON on each line: line {number}: {error}") from error
    return values


def _is_record(value: Any, kind: SourceKind) -> bool:
    if not isinstance(value, Mapping):
        return False
    if kind is SourceKind.KINESIS:
        return "kinesis" in value
    if kind is SourceKind.DYNAMODB:
        return "dynamodb" in value
    if kind is SourceKind.S3:
        return "s3" in value
    # Data may have a key of this name too: then a record has other fields beside it.
    return DATA_KEYS.get(kind, "") in value and bool(RECORD_FIELDS.get(kind, frozenset()) & value.keys())


def _around(data: Any, kind: SourceKind) -> Mapping[str, Any]:
    """A record with this data, which is a text or a JSON value; of S3 it is the key of an object."""
    if kind is SourceKind.DYNAMODB:
        return {"dynamodb": data}
    if kind is SourceKind.S3 and not isinstance(data, str):
        raise ValueError("a record of S3, or the key of an object as a text, is expected")
    if kind is SourceKind.S3:
        return {"s3": {"object": {"key": quote_plus(str(data), safe="/")}}}
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    if kind in QUEUES:
        return {"body": text}
    encoded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    if kind is SourceKind.KINESIS:
        return {"kinesis": {"data": encoded}}
    return {"value" if kind in KAFKAS else "data": encoded}
