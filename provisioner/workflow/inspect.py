"""Drift and status: read AWS, change nothing."""

from __future__ import annotations

from provisioner.aws.presence import missing_dependencies
from provisioner.aws.session import Aws
from provisioner.model.health import Drifted, Health
from provisioner.model.plan import Reading
from provisioner.model.state import State
from provisioner.planning.assess import absent, health, ignored_paths, needs, recorded
from provisioner.planning.assess import drift as drifted
from provisioner.planning.resolve import resolve
from provisioner.workflow.run import Run


def drift(run: Run) -> tuple[Drifted, ...]:
    """What changed outside provisioner since the last apply, and which functions, queues and streams no longer exist,
    by mapping and sorted by name. Unlike `status`, only recorded mappings. Raises AwsError, StateError.
    """
    aws, state, reading = _looked(run)
    ignored = ignored_paths(resolve(run.manifest, state))
    return drifted(state, reading, ignored, missing_dependencies(aws, needs(state, reading), run.ui.note))


def status(run: Run, *, checks: bool = True) -> tuple[Health, ...]:
    """The health of each mapping, recorded or declared, the broken ones first. With `checks`, functions, queues and
    streams are looked up too: Lambda keeps a mapping Enabled without them. Raises AwsError, StateError.
    """
    aws, state, reading = _looked(run)
    resolution = resolve(run.manifest, state)
    unapplied = absent(resolution)
    lost = missing_dependencies(aws, needs(state, reading, unapplied), run.ui.note) if checks else {}
    return health(state, reading, ignored_paths(resolution), unapplied, lost)


def _looked(run: Run) -> tuple[Aws, State, Reading]:
    snapshot = run.backend.read()
    if snapshot.locked_by:
        run.ui.note(f"the state is locked by {snapshot.locked_by}; the result may be outdated")
    aws, _ = run.connect(snapshot.state.account)
    # Only what is recorded: holders of other pairs are no concern here, and would cost List calls.
    return aws, snapshot.state, run.drivers.read(recorded(snapshot.state), run.ui.note)
