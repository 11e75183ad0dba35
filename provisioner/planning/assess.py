"""Assesses mappings: drift since the last apply, and health. Compares state and AWS; of the manifest, only
`ignore_changes` and the declared names count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from provisioner.kinds import KINDS, pair_of
from provisioner.kinds.canonical import fill_kept
from provisioner.kinds.statements import permission_of
from provisioner.model.canonical import Canonical, value_at, with_value
from provisioner.model.desired import Desired
from provisioner.model.health import Drifted, Health
from provisioner.model.key import Key
from provisioner.model.live import BROKEN, DELETING, MISSING, Live, Status
from provisioner.model.place import FieldPath
from provisioner.model.references import Arn, partition_of
from provisioner.model.sources import SourceKind, kind_of
from provisioner.model.state import Record, State, Statement
from provisioner.planning.diff import field_changes
from provisioner.planning.reading import Reading
from provisioner.planning.resolve import Resolution, Subject


def recorded(state: State) -> Resolution:
    """A resolution of all records with nothing wanted, so that a refresh reads only what is recorded. Unlike `resolve`,
    under the names that the state has.
    """
    return Resolution(tuple(Subject(name, None, record) for name, record in sorted(state.mappings.items())))


def assume_unchanged(resolution: Resolution) -> Reading:
    """A reading that takes the applied values for the live ones, for `--refresh=false`. Deposed mappings are assumed to
    exist.
    """
    live: dict[Key, Live] = {}
    for record in (subject.record for subject in resolution.subjects if subject.record):
        # Left out, a deposed mapping would count as gone, and its UUID would be forgotten.
        live[record.key] = _unchanged(record.key, record.arn, record.applied)
        live |= {item.key: _unchanged(item.key, "", {}, item.statement) for item in record.deposed}
    return Reading(live)


def _unchanged(key: Key, arn: str, applied: Canonical, statement: Statement | None = None) -> Live:
    if KINDS[key.kind].key is None:
        return Live(key, arn, kind_of(applied) or SourceKind.UNKNOWN, applied, Status(""))
    # The id is in the key, and of what was deposed the state has nothing but the key and the statement.
    bucket, _, ident = key.id.partition("/")
    source = str(Arn(partition_of(key.region), "s3", "", "", bucket))
    permission = {"permission": permission_of(statement)} if statement else {}
    mapping = {"event_source_arn": source, **permission, **applied, "id": ident}
    return Live(key, arn or source, SourceKind.S3, mapping, Status(""))


def ignored_paths(resolution: Resolution) -> dict[str, tuple[FieldPath, ...]]:
    """The paths under `ignore_changes`, by the names that the mappings have in the state: `drift` and `health` go by
    records.
    """
    # Without a record it may have the name that another record still has, which moves away from it.
    return {
        subject.moved_from or subject.name: subject.wanted.lifecycle.ignore_changes
        for subject in resolution.subjects
        if subject.wanted and subject.record
    }


def drift(
    state: State,
    reading: Reading,
    ignored: Mapping[str, Sequence[FieldPath]],
    lost: Mapping[Row, Sequence[str]],
) -> tuple[Drifted, ...]:
    """What changed outside provisioner since the last apply, sorted by name.

    `ignored` are the paths of each name under `ignore_changes`; `lost` is what each row needs and no longer exists.
    """
    drifted = (
        _drifted(
            name,
            record,
            reading.live.get(record.key),
            ignored.get(name, ()),
            tuple(lost.get((name, record.key.id), ())),
        )
        for name, record in sorted(state.mappings.items())
    )
    return tuple(item for item in drifted if item)


def unrecorded(orphans: Sequence[Live]) -> tuple[Drifted, ...]:
    """The orphans as drift, under the names in their tags, where they have any."""
    return tuple(
        Drifted(
            live.owner.name if live.owner else "",
            live.key.id,
            live.key.region,
            live.kind,
            pair=pair_of(live),
            orphan=True,
            kept_by=live.key.kind,
        )
        for live in orphans
    )


def _drifted(
    name: str, record: Record, live: Live | None, ignored: Sequence[FieldPath], lost: tuple[str, ...]
) -> Drifted | None:
    if not is_applied(record):
        return None
    if live is None or live.status.state in (DELETING, MISSING):
        return Drifted(name, record.key.id, record.key.region, vanished=True, lost=lost, kept_by=record.key.kind)
    # Kept values, such as a generated consumer group, were never applied: live's count as applied.
    prior = fill_kept(record.applied, live.mapping, live.kind)
    now: Canonical = live.mapping
    for path in (*live.unknown, *ignored):
        now = with_value(now, path, value_at(prior, path))
    fault = _fault(record, live, ignored)
    if fault:
        now = with_value(now, ("enabled",), value_at(prior, ("enabled",)))  # reported by the fault
    # What was applied is also what is desired, so that every difference has the cause drift: an edit is none here.
    fields = field_changes(prior, now, prior, live.kind)
    drifted = Drifted(
        name,
        record.key.id,
        record.key.region,
        live.kind,
        fields,
        fault=fault,
        lost=lost,
        broken=live.status.reason if live.status.state == BROKEN else "",
        kept_by=record.key.kind,
    )
    return drifted if fields or lost or fault or drifted.broken else None


def is_applied(record: Record) -> bool:
    """Whether a mapping was ever applied. One that its source keeps is recorded before its first call."""
    return bool(record.applied)


def _fault(record: Record, live: Live, ignored: Sequence[FieldPath]) -> str:
    """Why AWS disabled a mapping that should be enabled, or ""."""
    # An absent `enabled` is the default, true. What was applied as disabled, AWS may disable too: that is no fault.
    should = record.applied.get("enabled", True) is True and ("enabled",) not in ignored
    return live.status.fault if should and live.mapping.get("enabled") is False else ""


Row = tuple[str, str]
"""A recorded mapping by name and UUID, or a declared one by its name and "". While a move is pending, one name can be
both: that of a record, and that of the mapping which is to get the name.
"""


def needs(state: State, reading: Reading, unapplied: Sequence[Desired] = ()) -> dict[Row, tuple[str, Canonical]]:
    """The region and the mapping of each recorded name, live or else as applied, and of those in `unapplied`:
    `checks/presence.py` asks for their functions and sources.
    """
    known = {
        (name, record.key.id): (
            record.key.region,
            live.mapping if (live := reading.live.get(record.key)) else record.applied,
        )
        for name, record in state.mappings.items()
    }
    return {**known, **{(item.name, ""): (item.region, item.mapping) for item in unapplied}}


def absent(resolution: Resolution) -> list[Desired]:
    """The mappings that are declared and not recorded. One that a pending move renames is recorded."""
    return [subject.wanted for subject in resolution.subjects if subject.wanted and not subject.record]


def health(
    state: State,
    reading: Reading,
    ignored: Mapping[str, Sequence[FieldPath]],
    unapplied: Sequence[Desired] = (),
    lost: Mapping[Row, Sequence[str]] = MappingProxyType({}),
) -> tuple[Health, ...]:
    """The health of each mapping, the broken ones first, then by name. `ignored` are the paths of each name under
    `ignore_changes`, `unapplied` the mappings that are declared and not recorded, `lost` is what each row needs and no
    longer exists. Unlike `drift`, a changed field is no problem here, except `enabled`.
    """
    rows = []
    for name, record in state.mappings.items():
        live = reading.live.get(record.key)
        if not is_applied(record):
            rows.append(
                _row(name, record.key, live or record, "an apply was interrupted before it had made this mapping")
            )
            continue
        live = None if live and live.status.state == MISSING else live
        gone = [f"{what} no longer exists" for what in lost.get((name, record.key.id), ())]
        problems = (
            [*gone, *_problems(record, live, ignored.get(name, ()))] if live else ["it no longer exists in AWS", *gone]
        )
        rows.append(_row(name, record.key, live or record, "; ".join(problems)))
    for item in unapplied:
        pair, missing = pair_of(item), [f"{what} does not exist" for what in lost.get((item.name, ""), ())]
        problem = "; ".join(["it is declared in the manifest, but not applied yet", *missing])
        rows.append(
            Health(item.name, "", item.region, "Absent", problem=problem, function=pair.function, source=pair.source)
        )
    for orphan in reading.orphans:
        mark = "tags name" if orphan.owner else "id names"
        problem = f"its {mark} this state, which does not record it: import it, or delete it"
        rows.append(_row(orphan.owner.name if orphan.owner else "", orphan.key, orphan, problem))
    return tuple(sorted(rows, key=lambda row: (not row.problem, row.name)))


def _row(name: str, key: Key, held: Live | Record, problem: str) -> Health:
    pair, status = pair_of(held), held.status if isinstance(held, Live) else Status("Missing")
    return Health(
        name,
        key.id,
        key.region,
        status.state,
        status.last_result,
        status.reason,
        status.last_modified,
        problem,
        pair.function,
        pair.source,
        held.unseen if isinstance(held, Live) else (),
    )


def _problems(record: Record, live: Live, ignored: Sequence[FieldPath]) -> Iterator[str]:
    status = live.status
    if status.state == BROKEN:
        yield f"it is not invoked: {status.reason}"
    if status.state == DELETING:
        yield "it is being deleted"
    elif fault := _fault(record, live, ignored):
        yield f"AWS disabled it: {fault}"
    # Only one way round: a mapping that somebody enabled delivers records, and `drift` shows it.
    elif ("enabled",) not in ignored and live.mapping.get("enabled", True) != record.applied.get(
        "enabled", True
    ) is True:
        yield "disabled outside provisioner (it was enabled at the last apply)"
    if status.last_result.startswith("PROBLEM"):
        yield f"the last result is {status.last_result!r}"
    if status.filter_error:
        yield f"AWS cannot read its filters: {status.filter_error}"
