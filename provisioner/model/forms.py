"""The canonical form of single values: references, lists as sets, brokers, access configurations, patterns, times."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from provisioner.model.references import FunctionReference


def json_key(value: Any) -> str:
    """A sort key that orders all JSON values."""
    return json.dumps(value, sort_keys=True)


def as_set(values: Iterable[Any]) -> list[Any]:
    """A list as a set: sorted, without repetitions."""
    return [json.loads(key) for key in sorted({json_key(value) for value in values})]


def as_function(value: str) -> str:
    """A function by its name and qualifier, in whatever form it is written; what is no function stays."""
    reference = FunctionReference.parse(value)
    return reference.canonical if reference else value


def as_endpoints(value: Mapping[str, Any]) -> dict[str, list[str]]:
    """Brokers as a sorted list: Terraform writes one comma string, AWS answers sorted (docs/aws/kinds.md#answers)."""
    lists = {key: hosts.split(",") if isinstance(hosts, str) else hosts for key, hosts in value.items()}
    return {key: sorted({host.strip() for host in hosts} - {""}) for key, hosts in lists.items()}


_BARE: Final = re.compile(r"(?:subnet|sg)-")
_VPC_PREFIXES: Final = {"VPC_SUBNET": "subnet:", "VPC_SECURITY_GROUP": "security_group:"}


def as_accesses(items: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Access configurations in one spelling: tools write a subnet as `subnet:subnet-…` or as `subnet-…`, AWS keeps what
    was sent.
    """
    return as_set(
        {**item, "uri": prefix + uri}
        if (prefix := _VPC_PREFIXES.get(item["type"], "")) and (uri := item.get("uri")) and _BARE.match(uri)
        else item
        for item in items
    )


def parsed(pattern: Any) -> Any:
    """A filter pattern as a JSON value; a text that is not JSON is returned unchanged.

    Numbers match by their spelling: 300, 300.0 and 3.0e2 are three. A pattern with a number that Python would spell
    otherwise stays a text too, sorted and without spaces. Of a key that is written twice both objects count, and of two
    lists the last: AWS reads a pattern as a sequence of paths. A pattern that no object of JSON can say so stays as it
    is.
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
    spelt = json.loads(pattern, parse_float=lambda text: f"{_MARK}{text}{_MARK}", object_pairs_hook=joined)
    return _SPELT.sub(r"\1", json.dumps(spelt, sort_keys=True, separators=(",", ":")))


def joined(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """One object of a pattern from its keys in their order. Raises ValueError where a key holds an object and a list."""
    merged: dict[str, Any] = {}
    for name, value in pairs:
        before = merged.get(name, value)
        if isinstance(before, dict) != isinstance(value, dict):
            raise ValueError(f"the key {name!r} has both an object and another value")
        both = name in merged and isinstance(value, dict)
        merged[name] = joined([*before.items(), *value.items()]) if both else value
    return merged


_MARK: Final = "\0number\0"
_SPELT: Final = re.compile(r'"\\u0000number\\u0000([-+.eE0-9]+)\\u0000number\\u0000"')


def moment(value: str | float | datetime | None) -> datetime | None:
    """The instant that a text of ISO 8601, an epoch or a datetime names; UTC where it says no zone. None when it is not
    a time.
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
    """RFC 3339 in UTC and whole seconds: AWS drops fractions. A text that is not a time is returned unchanged."""
    instant = moment(value)
    return instant.replace(microsecond=0, tzinfo=None).isoformat() + "Z" if instant else str(value)


# --- rules that need both sides --------------------------------------------------------------------------------------
