"""The risks of a change to records in flight, by kind of source, action, fields and position.

Each risk has a code in `model/codes.py`, with its source in AWS's documentation and the workaround. Nothing here reads
AWS: how many records there are, and how far a stream was read, is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from provisioner.kinds.canonical import default_at
from provisioner.kinds.filters import covers, signs, structured
from provisioner.kinds.uniqueness import consumer_group, pair
from provisioner.model.canonical import value_at
from provisioner.model.level import Level
from provisioner.model.place import FieldPath
from provisioner.model.plan import Action, Change, FieldChange, Risk
from provisioner.model.references import Pair
from provisioner.model.sources import KAFKAS, QUEUES, STREAMS, SourceKind, kind_of

_TIMESTAMP: Final = ("starting_position_timestamp",)
_COLLECTION: Final = frozenset(
    {("document_db_event_source_config", name) for name in ("database_name", "collection_name")}
)
_FILTERS: Final = ("filter_criteria", "filter")
_POSITIONED: Final = STREAMS | KAFKAS | {SourceKind.DOCUMENTDB}


def risks(change: Change, ended: Collection[Change] = ()) -> tuple[Risk, ...]:
    """The risks of one change, the worst first. `ended` are the changes of the same plan that delete a mapping: one
    that read the source of a new mapping had a position that the new one does not have.
    """
    order = list(Level)
    return tuple(sorted(_risks_of(change, ended), key=lambda risk: -order.index(risk.level)))


def _risks_of(change: Change, ended: Collection[Change]) -> Iterator[Risk]:
    match change.action:
        case Action.CREATE:
            return _of_create(change, ended)
        case Action.UPDATE:
            return _of_update(change)
        case Action.REPLACE:
            return _of_replacement(change)
        case Action.DELETE:
            return _of_deletion(change)
        case _:
            return iter(())


def _kind(change: Change) -> SourceKind | None:
    return kind_of(change.desired or {})


# --- create and delete -----------------------------------------------------------------------------------------------


def _of_create(change: Change, ended: Collection[Change]) -> Iterator[Risk]:
    before = next(
        (
            other.live
            for other in ended
            if other.live and _same_source(pair(other.live.mapping, other.live.key.region), change.pair)
        ),
        None,
    )
    # After another mapping of the same source, its position is lost: the risks are those of a replacement.
    if change.record:  # its mapping no longer exists
        yield from _begins_anew(change, change.record.applied)
    elif before:
        yield from _begins_anew(change, before.mapping)
    else:
        yield from _begins(change)
    kind, filters = _kind(change), value_at(change.desired or {}, _FILTERS)
    if kind and filters:
        if kind in QUEUES:
            # Also those that were in the queue before the mapping. A stream keeps its records for other readers.
            message = "messages that do not match the filters are deleted from the queue unprocessed"
            yield Risk("R301", Level.LOSS, message)
        yield from _unmatched(filters, kind)


def _begins(change: Change) -> Iterator[Risk]:
    """Risks of the start of a mapping that is new, and has no position to lose."""
    if _position(change.desired or {}) == "LATEST":
        yield Risk("R101", Level.NOTE, "starts at LATEST: records arriving before polling starts are skipped")


def _of_deletion(change: Change) -> Iterator[Risk]:
    # A deposed mapping's position was given up by the replacement, which had its own risks.
    if change.live and change.live.kind in _POSITIONED and not change.deposed:
        yield Risk("R111", Level.NOTE, "its read position is deleted; a later mapping starts from scratch")


# --- replacement -----------------------------------------------------------------------------------------------------


def _of_replacement(change: Change) -> Iterator[Risk]:
    assert change.live is not None  # a replacement replaces something
    before, after, kind = pair(change.live.mapping, change.live.key.region), change.pair, _kind(change)
    # First, because database and collection are not in the pair: both sides would count as the same source.
    if any(field.path in _COLLECTION for field in change.fields):
        yield from _begins(change)
        yield Risk("R109", Level.LOSS, "unread changes of the old collection are no longer read")
    elif _same_source(before, after):
        yield from _begins_anew(change, change.live.mapping)
        if kind in QUEUES | {SourceKind.MQ} and (change.desired or {}).get("enabled", True):
            yield Risk("R108", Level.NOTE, "messages wait in the queue until the new mapping reads it")
    else:
        yield from _begins(change)
        yield _left_behind(before.source, after.source)
    # Between kinds the values are not comparable. Another function in place (R203) keeps the position, a new mapping
    # does not.
    for field in change.fields:
        if kind is change.live.kind and field.path != ("function_name",) and (rule := _RULES.get(field.path)):
            yield from rule(field, change.live.kind)


def _same_source(one: Pair, other: Pair) -> bool:
    """Whether two mappings read the same source: clusters that share a broker are one."""
    shared = not set(one.source.split(",")).isdisjoint(other.source.split(","))
    return shared and (one.region, one.channel) == (other.region, other.channel)


def _left_behind(before: str, after: str) -> Risk:
    # A stream's ARN ends in its creation time, so a recreated table has a stream with another ARN.
    table = before.partition("/stream/")[0]
    if ":dynamodb:" in before and after.startswith(f"{table}/stream/"):
        message = "the table was recreated: unread records of its old stream are no longer read"
        return Risk("R110", Level.LOSS, message)
    return Risk("R109", Level.LOSS, "unread records of the old source are no longer read")


def _begins_anew(change: Change, before: Mapping[str, Any]) -> Iterator[Risk]:
    """Risks of the start of a new mapping that replaces one with the same source."""
    desired, kind = change.desired or {}, _kind(change)
    if kind not in _POSITIONED:
        return
    begin, level = _beginning(desired)
    if kind in KAFKAS:
        # Kafka keeps offsets by group: only in another group the starting position counts.
        group = consumer_group(desired)
        if group and group == consumer_group(before):
            message = f"the new mapping continues at the committed offsets of the consumer group {group}"
            yield Risk("R106", Level.NOTE, message)
            return
        message = f"the consumer group is {'different' if group else 'generated by AWS'}: reading starts {begin}"
        yield Risk("R107", level, message)
        return
    code = {"LATEST": "R103", "AT_TIMESTAMP": "R105"}.get(_position(desired), "R104")
    yield Risk(code, level, f"the new mapping starts {begin}")


def _beginning(desired: Mapping[str, Any]) -> tuple[str, Level]:
    position = _position(desired)
    if position == "LATEST":
        return "at LATEST: records that arrive before it starts polling are skipped", Level.LOSS
    if position == "AT_TIMESTAMP":
        # Loss and replay: the worse level counts.
        since = value_at(desired, _TIMESTAMP)
        return f"at {since}: records since then are processed again, unread records before it are skipped", Level.LOSS
    return "at the oldest retained record: records that were already processed are processed again", Level.REPLAY


def _position(mapping: Mapping[str, Any]) -> str:
    """Where a mapping begins to read; one of DocumentDB that does not say begins at LATEST
    (docs/aws/kinds.md#defaults).
    """
    # The others begin at the oldest record, or require a position (docs/aws/kinds.md#defaults).
    default = "LATEST" if kind_of(mapping) is SourceKind.DOCUMENTDB else ""
    return str(mapping.get("starting_position", default))


# --- update ----------------------------------------------------------------------------------------------------------


def _of_update(change: Change) -> Iterator[Risk]:
    assert change.live is not None  # an update updates something
    kind = _kind(change) or change.live.kind
    # Disabling has a risk of its own (`_enabled`). Tags are set by calls of their own, which do not restart polling.
    polls = all(side.get("enabled", True) for side in (change.live.mapping, change.desired or {}))
    restarts = polls and any(field.path[0] != "tags" for field in change.fields)
    if restarts and _position(change.live.mapping) == "LATEST":
        message = "it reads from LATEST: records that arrive while polling restarts may be skipped"
        yield Risk("R102", Level.LOSS, message)
    for field in change.fields:
        if rule := _RULES.get(field.path):
            yield from rule(field, kind)


def _enabled(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    if field.desired is not False:
        return
    if kind in _POSITIONED:
        message = "records expire unread if it stays disabled longer than the source retains them"
        yield Risk("R201", Level.LOSS, message)
    else:
        yield Risk(
            "R202", Level.NOTE, "while it is disabled, messages wait in the queue and expire after its retention period"
        )


def _function(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    del field, kind
    yield Risk("R203", Level.NOTE, "the position is kept; the old function gets the records until the update is done")


def _limit(code: str, what: str) -> Callable[[FieldChange, SourceKind], Iterator[Risk]]:
    """Risks of a lower limit, which discards records that a higher one would retry. -1 is no limit."""

    def rule(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
        # Absent means AWS's default, which is no limit for some kinds and 0 for another.
        default = default_at(field.path, kind)
        before, after = (default if value is None else value for value in (field.live, field.desired))
        if after != -1 and (before == -1 or after < before):
            yield Risk(code, Level.LOSS, f"{what} are discarded from now on, including those in the current backlog")

    return rule


def _no_failures(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    del kind
    if "ReportBatchItemFailures" in (field.live or ()) and "ReportBatchItemFailures" not in (field.desired or ()):
        message = "partial batch failures are no longer honoured: the whole batch counts as processed"
        yield Risk("R208", Level.LOSS, message)


def _no_destination(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    del kind
    if field.desired is None:
        yield Risk("R206", Level.LOSS, "discarded records are no longer reported anywhere")


def _parallel(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    if (field.desired or 1) > (field.live or 1):
        scope = "partition key" if kind is SourceKind.KINESIS else "item"
        message = f"order is kept only per {scope}, no longer across the whole shard"
        yield Risk("R207", Level.NOTE, message)


# --- filters ---------------------------------------------------------------------------------------------------------


def _filters(field: FieldChange, kind: SourceKind) -> Iterator[Risk]:
    before, after = _patterns(field.live), _patterns(field.desired)
    if not all(any(covers(new, old) for new in after) for old in before):
        if kind in QUEUES:
            message = "messages that no longer match the filters are deleted from the queue unprocessed"
            yield Risk("R301", Level.LOSS, message)
        else:
            yield Risk("R302", Level.LOSS, "records that no longer match the filters are skipped")
    yield from _unmatched(field.desired, kind)
    if not all(any(covers(old, new) for old in before) for new in after):
        yield Risk("R303", Level.NOTE, "the function gets records that were filtered out until now")


def _unmatched(filters: Sequence[Mapping[str, Any]] | None, kind: SourceKind) -> Iterator[Risk]:
    """Risks of filters that match nothing, or may match nothing."""
    # Messages of a queue that match no filter are deleted; elsewhere records are skipped.
    level = Level.LOSS if kind in QUEUES else Level.NOTE
    for index, sign in signs(filters, kind):
        if sign.loses:
            yield Risk("R302", level, f"filter {index + 1}: {sign.message}")


def _patterns(filters: Sequence[Mapping[str, Any]] | None) -> list[Any]:
    """The patterns of which one must match; no filter is a pattern that matches everything."""
    return [structured(item.get("pattern")) for item in filters or ()] or [{}]


# Fields without a row have no risk of their own; an update of them can still restart polling (`_of_update`).
_RULES: Final[Mapping[FieldPath, Callable[[FieldChange, SourceKind], Iterator[Risk]]]] = {
    ("enabled",): _enabled,
    ("function_name",): _function,
    ("maximum_record_age_in_seconds",): _limit("R204", "records older than the new age"),
    ("maximum_retry_attempts",): _limit("R205", "records that fail more often than the new retry limit allows"),
    ("destination_config", "on_failure", "destination_arn"): _no_destination,
    ("parallelization_factor",): _parallel,
    _FILTERS: _filters,
    ("function_response_types",): _no_failures,
}
