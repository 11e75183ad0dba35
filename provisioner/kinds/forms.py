"""The canonical form of single values: references, lists as sets, brokers, access configurations, patterns, times."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from provisioner.model.references import FunctionReference


def json_key(value: Any) -> str:
    """The JSON text of a value, with sorted keys. It orders all JSON values, and unlike `==` it distinguishes 1 from
    True and 300 from 300.0.
    """
    return json.dumps(value, sort_keys=True)


def as_set(values: Iterable[Any]) -> list[Any]:
    """A list as a set: sorted, without repetitions. The items are copies."""
    # Through JSON text, because dicts can be neither hashed nor ordered.
    return [json.loads(key) for key in sorted({json_key(value) for value in values})]


def as_function(value: str) -> str:
    """A function by its name and qualifier, in whatever form it is written (docs/aws/identity.md#functions). A text
    that is not a function reference is returned unchanged.
    """
    reference = FunctionReference.parse(value)
    return reference.canonical if reference else value


def as_endpoints(value: Mapping[str, Any]) -> dict[str, list[str]]:
    """Brokers as a sorted list: Terraform writes one comma string, AWS answers sorted (docs/aws/kinds.md#answers)."""
    # Without the empty text: a comma at the end is no broker.
    lists = {key: hosts.split(",") if isinstance(hosts, str) else hosts for key, hosts in value.items()}
    return {key: sorted({host.strip() for host in hosts} - {""}) for key, hosts in lists.items()}


_BARE: Final = re.compile(r"(?:subnet|sg)-")
_VPC_PREFIXES: Final = {"VPC_SUBNET": "subnet:", "VPC_SECURITY_GROUP": "security_group:"}


def as_accesses(items: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Access configurations in one spelling: tools write a subnet as `subnet:subnet-…` or as `subnet-…`, AWS keeps what
    was sent.
    """
    return as_set(
        # Only where the prefix is missing: what was sent with one has it already.
        {**item, "uri": prefix + uri}
        if (prefix := _VPC_PREFIXES.get(item.get("type", ""), "")) and (uri := item.get("uri")) and _BARE.match(uri)
        else item
        for item in items
    )


def parsed(pattern: Any) -> Any:
    """A filter pattern as a JSON value; a text that is not JSON is returned unchanged.

    Numbers match by their spelling: 300, 300.0 and 3.0e2 are three. A pattern with a number that Python would spell
    otherwise stays a text too, sorted and without spaces. Of a key that is written twice both objects count, and of two
    lists the last: AWS reads a pattern as a sequence of paths. A pattern that cannot be joined into one JSON object in
    this way is returned unchanged. Unlike `planning.filters.structured`, which gives up the spelling of numbers.
    """
    if not isinstance(pattern, str):
        return pattern
    otherwise: list[str] = []

    def number(text: str) -> float:
        if repr(float(text)) != text:
            otherwise.append(text)
        return float(text)

    try:
        value = json.loads(pattern, parse_float=number, object_pairs_hook=joined)
    except (ValueError, RecursionError):
        return pattern
    if not otherwise:
        return value
    # The numbers go through the JSON writer as marked texts and lose mark and quotes afterwards, so that each keeps its
    # spelling. As floats they would be written in Python's, which matches other records.
    spelt = json.loads(pattern, parse_float=lambda text: f"{_MARK}{text}{_MARK}", object_pairs_hook=joined)
    return _SPELT.sub(r"\1", json.dumps(spelt, sort_keys=True, separators=(",", ":")))


def joined(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """One object of a pattern from its keys in their order; used in place of `dict`, which keeps the last of two equal
    keys. Raises ValueError where one key has an object and something else.
    """
    merged: dict[str, Any] = {}
    for name, value in pairs:
        before = merged.get(name, value)
        if isinstance(before, dict) != isinstance(value, dict):
            raise ValueError(f"the key {name!r} has both an object and another value")
        both = name in merged and isinstance(value, dict)
        merged[name] = joined([*before.items(), *value.items()]) if both else value
    return merged


# With a NUL, so that no text of a real pattern looks like a marked number.
_MARK: Final = "\0number\0"
_SPELT: Final = re.compile(r'"\\u0000number\\u0000([-+.eE0-9]+)\\u0000number\\u0000"')


def moment(value: str | float | datetime | None) -> datetime | None:
    """The instant that a text of ISO 8601, an epoch or a datetime names, in UTC; a time without a zone is in UTC. None
    when it is not a time. Raises OverflowError, OSError or ValueError for an epoch that Python cannot hold.
    """
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    try:
        return instant and (instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC))
    except OverflowError:  # beyond the year 9999 in UTC
        return None


def timestamp(value: str | float | datetime) -> str:
    """RFC 3339 in UTC and whole seconds: AWS drops fractions. A text that is not a time is returned unchanged. Unlike
    `moment`, the result is a text.
    """
    instant = moment(value)
    return instant.replace(microsecond=0, tzinfo=None).isoformat() + "Z" if instant else str(value)
