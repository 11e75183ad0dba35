"""Drift and status: read AWS, change nothing."""

from __future__ import annotations

from dataclasses import replace

from provisioner.kinds import kind_for, pair_of
from provisioner.model.health import Drifted, Health
from provisioner.model.state import State
from provisioner.planning.assess import absent, health, ignored_paths, needs, recorded, unrecorded
from provisioner.planning.assess import drift as drifted
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import resolve
from provisioner.workflow.checking import lost
from provisioner.workflow.run import Run


def drift(run: Run) -> tuple[Drifted, ...]:
    """What changed outside provisioner since the last apply, and which functions, queues and streams no longer exist,
    by mapping and sorted by name; then the orphans. Unlike `status`, nothing that is only declared. Raises AwsError,
    StateError.
    """
    account, state, reading = _looked(run)
    ignored = ignored_paths(resolve(run.manifest, state))
    gone = lost(run, needs(state, reading), account)
    return (*drifted(state, reading, ignored, gone), *unrecorded(reading.orphans))


def status(run: Run, *, checks: bool = True) -> tuple[Health, ...]:
    """The health of each mapping, recorded, declared or an orphan, the broken ones first. With `checks`, functions, queues and
    streams are looked up too: Lambda keeps a mapping Enabled without them. Raises AwsError, StateError.
    """
    account, state, reading = _looked(run)
    resolution = resolve(run.manifest, state)
    unapplied = absent(resolution)
    gone = lost(run, needs(state, reading, unapplied), account) if checks else {}
    return health(state, reading, ignored_paths(resolution), unapplied, gone)


def _looked(run: Run) -> tuple[str, State, Reading]:
    snapshot = run.backend.read()
    if snapshot.locked_by:
        run.ui.note(f"the state is locked by {snapshot.locked_by}; the result may be outdated")
    state = snapshot.state
    aws, account = run.connect(state.account)
    regions = {item.region for item in run.manifest.mappings.values()} | ({aws.region} if aws.region else set())
    # A state that was never stored has a new lineage, which no mapping carries.
    search = Search(state.lineage, frozenset(regions)) if state.serial else None
    # Only what is recorded: holders of other pairs are no concern here, and would cost List calls. But orphans may stand in
    # a source of which nothing is recorded.
    declared = [
        subject
        for subject in resolve(run.manifest, state).subjects
        if subject.wanted and not subject.record and kind_for(subject.wanted.kind).key
    ]
    own = recorded(state)
    reading = run.drivers.read(replace(own, subjects=(*own.subjects, *declared)), run.ui.note, search)
    # What a running or an interrupted apply has created is not an orphan: its journal has the intent.
    creating = {intent.pair for intent in snapshot.unresolved}
    return (
        account,
        state,
        replace(reading, orphans=tuple(live for live in reading.orphans if pair_of(live) not in creating)),
    )
