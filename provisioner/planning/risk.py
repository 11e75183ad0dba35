"""What a change does to records in flight: a table over the kind of source, the action, the fields and the position.

Each line is a code of `model.codes`, which holds the source in AWS's documentation and the way round. Nothing here looks at
AWS: how many records there are, and where a stream is read, is not known to a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from provisioner.model.canonical import consumer_group, default_at, value_at
from provisioner.model.desired import Level, Path
from provisioner.model.mapping import json_key
from provisioner.model.plan import Action, Change, FieldChange, Reason, Risk
from provisioner.model.sources import KAFKAS, QUEUES, STREAMS, SourceKind, kind_of

_TIMESTAMP: Final = ("starting_position_timestamp",)
_POSITIONED: Final = STREAMS | KAFKAS | {SourceKind.DOCUMENTDB}


def risks(change: Change) -> tuple[Risk, ...]:
    """The risks of one change, the worst first."""
    found = {
        Action.CREATE: _of_create,
        Action.UPDATE: _of_update,
        Action.REPLACE: _of_replacement,
    }.get(change.action)
    order = list(Level)
    return tuple(sorted(found(change), key=lambda risk: -order.index(risk.level))) if found else ()


def _kind(change: Change) -> SourceKind | None:
    return kind_of(change.desired or {})


# --- create ----------------------------------------------------------------------------------------------------------


def _of_create(change: Change) -> Iterator[Risk]:
    if change.reason is Reason.DISAPPEARED:
        yield from _begins_anew(change, change.record.applied if change.record else {})
    elif _position(change.desired or {}) == "LATEST":
        yield Risk(
            "R101", Level.LOSS, "reading begins at LATEST: records that arrive before polling has begun are skipped"
        )


# --- replacement -----------------------------------------------------------------------------------------------------


def _of_replacement(change: Change) -> Iterator[Risk]:
    assert change.live is not None  # a replacement replaces something
    yield from _begins_anew(change, change.live.mapping)
    before, after = change.live.pair, change.pair
    if before.channel == after.channel and not set(before.source.split(",")).isdisjoint(after.source.split(",")):
        if _kind(change) in QUEUES | {SourceKind.MQ}:
            message = "messages wait in the queue until the new mapping reads it"
            yield Risk("R108", Level.NOTE, message)
    elif _table(before.source) and _table(before.source) == _table(after.source):
        message = "the table was recreated: what its old stream holds and was not read yet is not read any more"
        yield Risk("R110", Level.LOSS, message)
    else:
        yield Risk("R109", Level.LOSS, "what the old source holds and was not read yet is not read any more")


def _table(source: str) -> str:
    """The DynamoDB table of a stream, or ""."""
    return source.partition("/stream/")[0] if ":dynamodb:" in source else ""


def _begins_anew(change: Change, before: Mapping[str, Any]) -> Iterator[Risk]:
    """Where a new mapping begins, which takes the place of one that read already."""
    desired, kind = change.desired or {}, _kind(change)
    if kind not in _POSITIONED:
        return
    if kind in KAFKAS:
        group = consumer_group(desired)
        if group and group == consumer_group(before):
            message = f"the new mapping goes on at the committed offsets of the consumer group {group}"
            yield Risk("R106", Level.NOTE, message)
            return
        begin, level = _beginning(desired)
        message = f"the consumer group is {'another' if group else 'generated anew'}: reading begins {begin}"
        yield Risk("R107", level, message)
        return
    begin, level = _beginning(desired)
    code = {"LATEST": "R103", "AT_TIMESTAMP": "R105"}.get(_position(desired), "R104")
    yield Risk(code, level, f"the new mapping begins {begin}")


def _beginning(desired: Mapping[str, Any]) -> tuple[str, Level]:
    position = _position(desired)
    if position == "LATEST":
        return "at LATEST, and what arrives before it polls is skipped", Level.LOSS
    if position == "AT_TIMESTAMP":
        return f"at {value_at(desired, _TIMESTAMP)}, and what was processed since is processed again", Level.REPLAY
    return "at the oldest record retained, and what was processed is processed again", Level.REPLAY


def _position(mapping: Mapping[str, Any]) -> str:
    """Where a mapping begins to read; one of DocumentDB that does not say begins at LATEST (aws-behaviour 7.7)."""
    default = "LATEST" if kind_of(mapping) is SourceKind.DOCUMENTDB else ""
    return str(mapping.get("starting_position", default))


# --- update ----------------------------------------------------------------------------------------------------------


def _of_update(change: Change) -> Iterator[Risk]:
    assert change.live is not None  # an update updates something
    kind = _kind(change) or change.live.kind
    if _position(change.live.mapping) == "LATEST" and any(field.path[0] != "tags" for field in change.fields):
        message = "it reads from LATEST: records that arrive while polling restarts may be skipped"
        yield Risk("R102", Level.LOSS, message)
    for field in change.fields:
        if rule := _RULES.get(field.path):
            yield from rule(field, kind)


def _enabled(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    if field.desired is not False:
        return
    if kind in _POSITIONED:
        message = "while it is disabled for longer than the source retains records, they expire unread"
        yield Risk("R201", Level.LOSS, message)
    else:
        yield Risk("R202", Level.NOTE, "while it is disabled messages wait, at most as long as the queue retains them")


def _function(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    del field, kind
    yield Risk("R203", Level.NOTE, "the position is kept; until the update is done the old function gets the records")


def _limit(code: str, what: str) -> Callable[[FieldChange, SourceKind], Iterator[Risk]]:
    """A lower limit discards what a higher one would go on trying; -1 is no limit."""

    def rule(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
        default = default_at(field.path, kind)
        before, after = (default if value is None else value for value in (field.live, field.desired))
        if after != -1 and (before == -1 or after < before):
            yield Risk(code, Level.LOSS, f"{what} are discarded, now and from now on")

    return rule


def _no_destination(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    del kind
    if field.desired is None:
        yield Risk("R206", Level.LOSS, "records that are discarded leave no trace any more")


def _parallel(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    if (field.desired or 1) > (field.live or 1):
        scope = "partition key" if kind is SourceKind.KINESIS else "item"
        message = f"order is kept per {scope} only, no longer within a shard as a whole"
        yield Risk("R207", Level.NOTE, message)


# --- filters ---------------------------------------------------------------------------------------------------------


def _filters(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    before, after = _patterns(field.live), _patterns(field.desired)
    if not all(any(_covers(new, old) for new in after) for old in before):
        if kind in QUEUES:
            message = "messages that no longer match the filters are deleted from the queue unprocessed"
            yield Risk("R301", Level.LOSS, message)
        else:
            yield Risk("R302", Level.LOSS, "records that no longer match the filters are skipped for good")
    if not all(any(_covers(old, new) for old in before) for new in after):
        yield Risk("R303", Level.NOTE, "the function gets records that the filters kept from it until now")


def _patterns(filters: Sequence[Mapping[str, Any]] | None) -> list[Any]:
    """The patterns of which one must match; no filter is a pattern that matches everything."""
    return [item["pattern"] for item in filters or ()] or [{}]


def _covers(wide: Any, narrow: Any) -> bool:
    """Whether whatever matches `narrow` also matches `wide`, as far as their form tells."""
    if isinstance(wide, Mapping) and isinstance(narrow, Mapping):
        return all(name in narrow and _covers(wide[name], narrow[name]) for name in wide)
    if isinstance(wide, list) and isinstance(narrow, list):
        return {json_key(item) for item in narrow} <= {json_key(item) for item in wide}
    return json_key(wide) == json_key(narrow)


_RULES: Final[Mapping[Path, Callable[[FieldChange, SourceKind], Iterator[Risk]]]] = {
    ("enabled",): _enabled,
    ("function_name",): _function,
    ("maximum_record_age_in_seconds",): _limit("R204", "records older than the new age"),
    ("maximum_retry_attempts",): _limit("R205", "records that fail more often than the new number of retries"),
    ("destination_config", "on_failure", "destination_arn"): _no_destination,
    ("parallelization_factor",): _parallel,
    ("filter_criteria", "filter"): _filters,
}
