"""What the world did since the last apply, and how the mappings are: both of state and live alone, without a manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from provisioner.model.canonical import Canonical, fill_kept, value_at, with_value
from provisioner.model.desired import Path
from provisioner.model.health import Drifted, Health
from provisioner.model.live import Live, Status
from provisioner.model.plan import Reading
from provisioner.model.sources import SourceKind, kind_of
from provisioner.model.state import Record, State
from provisioner.planning.diff import field_changes
from provisioner.planning.planner import DELETING
from provisioner.planning.resolve import Resolution, Subject


def recorded(state: State) -> Resolution:
    """Every recorded mapping as something to look at: nothing is wanted, so nothing else is looked up."""
    return Resolution(tuple(Subject(name, None, record) for name, record in sorted(state.mappings.items())))


def believed(resolution: Resolution) -> Reading:
    """What was applied, taken for what AWS has: a plan without asking. What is still to be deleted is taken to be there."""
    live: dict[str, Live] = {}
    for record in (subject.record for subject in resolution.subjects if subject.record):
        live[record.uuid] = _believed(record.uuid, record.arn, record.region, record.applied)
        live |= {item.uuid: _believed(item.uuid, "", item.region, {}) for item in record.deposed}
    return Reading(live)


def _believed(uuid: str, arn: str, region: str, applied: Canonical) -> Live:
    return Live(uuid, arn, region, kind_of(applied) or SourceKind.SQS, applied, Status(""))


def left_to_others(resolution: Resolution) -> dict[str, tuple[Path, ...]]:
    """The paths under `ignore_changes`, by the names that the mappings have in state."""
    return {
        subject.moved_from or subject.name: subject.wanted.lifecycle.ignore_changes
        for subject in resolution.subjects
        if subject.wanted
    }


def drift(
    state: State,
    reading: Reading,
    ignored: Mapping[str, Sequence[Path]],
    lost: Mapping[str, Sequence[str]],
) -> tuple[Drifted, ...]:
    """What the world changed, by name; nothing else.

    `ignored` are the paths of each name that the manifest leaves to others; `lost` what each UUID needs and does not find.
    """
    found = (
        _drifted(name, record, reading.live.get(record.uuid), ignored.get(name, ()), tuple(lost.get(record.uuid, ())))
        for name, record in sorted(state.mappings.items())
    )
    return tuple(item for item in found if item)


def _drifted(
    name: str, record: Record, live: Live | None, ignored: Sequence[Path], lost: tuple[str, ...]
) -> Drifted | None:
    if live is None or live.status.state == DELETING:
        return Drifted(name, record.uuid, record.region, vanished=True)
    prior = fill_kept(record.applied, live.mapping, live.kind)
    now: Canonical = live.mapping
    for path in (*live.unknown, *ignored):
        now = with_value(now, path, value_at(prior, path))
    fields = field_changes(prior, now, prior)
    found = Drifted(name, record.uuid, record.region, live.kind, fields, fault=_fault(live), lost=lost)
    return found if fields or lost or found.fault else None


def _fault(live: Live) -> str:
    """Why AWS disabled a mapping by itself, or ""."""
    return live.status.fault if live.mapping.get("enabled") is False else ""


def health(state: State, reading: Reading, ignored: Mapping[str, Sequence[Path]]) -> tuple[Health, ...]:
    """How each recorded mapping is, by name. `ignored` are the paths of each name that the manifest leaves to others."""
    return tuple(
        _health(name, record, reading.live.get(record.uuid), ignored.get(name, ()))
        for name, record in sorted(state.mappings.items())
    )


def _health(name: str, record: Record, live: Live | None, ignored: Sequence[Path]) -> Health:
    if live is None:
        return Health(name, record.uuid, record.region, "Missing", problem="it does not exist in AWS")
    status = live.status
    return Health(
        name,
        record.uuid,
        record.region,
        status.state,
        status.last_result,
        status.reason,
        status.last_modified,
        "; ".join(_problems(record, live, ignored)),
    )


def _problems(record: Record, live: Live, ignored: Sequence[Path]) -> Iterator[str]:
    status = live.status
    if status.state == DELETING:
        yield "it is being deleted"
    elif _fault(live):
        yield f"AWS disabled it by itself: {_fault(live)}"
    elif ("enabled",) not in ignored and live.mapping.get("enabled", True) != record.applied.get(
        "enabled", True
    ) is True:
        yield "it is disabled, and was enabled when it was applied"
    if status.last_result.startswith("PROBLEM"):
        yield f"the last result is {status.last_result!r}"
    if status.filter_error:
        yield f"AWS cannot read its filters: {status.filter_error}"
