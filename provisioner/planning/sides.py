"""The sides of one mapping, ready to be compared, and what they mean for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.kinds import kind_for
from provisioner.kinds.canonical import canonical, fill_kept
from provisioner.kinds.event_source_mapping import CONSUMPTION_MODE
from provisioner.kinds.fields import Field
from provisioner.kinds.tables import fields_of
from provisioner.model.canonical import Canonical, value_at, with_value
from provisioner.model.desired import Desired
from provisioner.model.live import Live
from provisioner.model.place import FieldPath, is_within
from provisioner.model.sources import PUSH, SourceKind
from provisioner.model.state import Record

ENABLED = ("enabled",)
_ID = ("id",)
_FILTERS = ("filter_criteria",)
"""Sent when the manifest states them and neither AWS nor the record has their value. Whatever else is unknown is then
assumed to be as wanted: nothing is changed or replaced for it.
"""


@dataclass(slots=True)
class Sides:
    """The sides of one mapping, ready to be compared: kept, ignored and unknown values are filled in."""

    prior: Canonical
    live: Canonical
    stated: Canonical  # what the manifest states; ignored fields have live's value
    desired: Canonical  # the same, and kept fields have live's value too
    applied: Canonical  # what the record will have: in ignored fields what was applied, never what was observed


def sides_of(wanted: Desired, record: Record | None, live: Live, kind: SourceKind) -> Sides:
    """The sides of a mapping, with the defaults of `kind`."""
    desired = canonical(wanted.mapping, kind)  # again, because the kind can be live's, with other defaults
    known = live.mapping
    for path in live.unknown:
        applied = value_at(record.applied, path) if record else None
        # An absent `enabled` was applied too, because it is the default: an edit of it must be sent.
        as_applied = applied is not None or path == _FILTERS or (path == ENABLED and record)
        taken = applied if as_applied else value_at(desired, path)
        known = with_value(known, path, taken)
    # Without a record there is no last apply: what a person left in AWS counts as prior, so that a difference is an
    # edit.
    prior = record.applied if record else live.as_left
    if kind in PUSH:
        prior = fill_kept(prior, known, kind)  # an id that planning chose was not stated
    applied = desired
    for path in wanted.lifecycle.ignore_changes:
        applied = with_value(applied, path, value_at(prior, path))
        desired = with_value(desired, path, value_at(known, path))
    desired = canonical(desired, kind)  # a value that is ignored may bring a block with it
    target = fill_kept(desired, known, kind)
    return Sides(prior, known, desired, target, canonical(applied, kind))


def notes_on(wanted: Desired, record: Record | None, live: Live, sides: Sides) -> Iterator[str]:
    """What a reader of the plan should know of a mapping besides its changed fields, a sentence each."""
    if record:
        for path, value in unstated(fields_of(live.kind), (), sides.stated, live.mapping, live.kind):
            if value_at(record.applied, path) is not None:  # its line was removed
                yield (
                    f"{'.'.join(path)} keeps its current value {value!r}; to change it, set a value or use "
                    f"--replace {wanted.name}"
                )
    if live.status.filter_error:
        assumed = record and record.applied.get("filter_criteria")
        yield f"AWS cannot read the filters at the moment ({live.status.filter_error}); " + (
            "the plan assumes that they are as last applied" if assumed else "the plan leaves unset filters as they are"
        )
    for path in sorted(live.unknown - {_FILTERS, ENABLED}):
        # A field that a manifest may leave out is noted only where the manifest has it.
        stated = path[0] in live.unseen or value_at(wanted.mapping, path) is not None
        if stated and not is_within(path, wanted.lifecycle.ignore_changes):
            value = value_at(record.applied, path) if record else None
            yield f"AWS does not show {'.'.join(path)}; the plan assumes that it is " + (
                "as in the manifest" if value is None else "as last applied"
            )
    if live.mapping.get("enabled") is False and "enabled" not in sides.desired and live.status.fault:
        yield f"AWS disabled this mapping: {live.status.fault}; fix the cause first, or AWS disables it again"
    if live.status.last_result.startswith("PROBLEM"):
        yield f"the last result is {live.status.last_result!r}"


def notes_on_new(wanted: Desired, alone: Canonical, live: Live) -> Iterator[str]:
    """The kept values of a live mapping that the one which replaces it does not get. `alone` is what the manifest states."""
    for path, value in unstated(fields_of(wanted.kind), (), alone, live.mapping, wanted.kind):
        if path == _ID and kind_for(wanted.kind).key:
            continue  # planning chooses it, and the plan shows it
        yield (
            f"{'.'.join(path)} is {value!r} now, but it is not set in the manifest, so AWS chooses the value for the new "
            "mapping"
        )


def unstated(
    fields: Mapping[str, Field], path: FieldPath, desired: Mapping[str, Any], live: Mapping[str, Any], kind: SourceKind
) -> Iterator[tuple[FieldPath, Any]]:
    """The kept fields of a kind that live has and the manifest does not state, with live's value.

    The one mode that a self-managed cluster has when none is stated is none of them.
    """
    for name, field in fields.items():
        here = (*path, name)
        if name not in live or not field.row.has(kind) or (here == CONSUMPTION_MODE and live[name] == "Stream"):
            continue
        if field.row.keeps(kind) and name not in desired:
            yield here, live[name]
        elif field.children and not field.many:
            yield from unstated(field.children, here, desired.get(name, {}), live[name], kind)
