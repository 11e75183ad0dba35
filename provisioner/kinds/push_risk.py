"""The risks of a change to events of a source that invokes the function itself. Such a source keeps no position and no event:
what invokes no function at its moment is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioner.kinds.overlaps import family
from provisioner.model.level import Level
from provisioner.model.plan import Action, Change, Risk


def risks(change: Change, ended: Sequence[Change] = ()) -> tuple[Risk, ...]:
    """The risks of one change of a mapping that a bucket keeps, the worst first. What else the plan deletes does not matter."""
    del ended
    return tuple(sorted(_risks_of(change), key=lambda risk: -list(Level).index(risk.level)))


def _risks_of(change: Change) -> Iterator[Risk]:
    before, after = change.live.mapping if change.live else {}, change.desired or {}
    if change.action is Action.DELETE and not change.deposed and before.get("events"):
        yield Risk("R403", Level.NOTE, "events of the source no longer invoke the function, and none is kept for later")
    if change.action not in (Action.UPDATE, Action.REPLACE) or not before.get("events"):
        return
    if before.get("event_source_arn") != after.get("event_source_arn"):
        yield Risk("R401", Level.LOSS, "events of the old source no longer invoke the function")
    elif not _covers(after, before):
        yield Risk(
            "R401", Level.LOSS, "events that no longer match invoke no function, unless another entry matches them"
        )
    elif not _covers(before, after):
        yield Risk("R404", Level.NOTE, "the function gets events that it did not get until now")
    if before.get("function_name") != after.get("function_name"):
        yield Risk("R402", Level.NOTE, "for some minutes after the change events may still invoke the old function")


def _covers(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Whether an entry matches every event that another one matches."""
    known = set(wide.get("events", ()))
    return (
        all(event in known or f"{family(event)}:*" in known for event in narrow.get("events", ()))
        and str(narrow.get("filter_prefix", "")).startswith(wide.get("filter_prefix", ""))
        and str(narrow.get("filter_suffix", "")).endswith(wide.get("filter_suffix", ""))
    )
