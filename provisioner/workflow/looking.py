"""Looking at what AWS has: what drifted since the last apply, and how the mappings are."""

from __future__ import annotations

from provisioner.aws.presence import missing_dependencies
from provisioner.aws.refresh import refresh
from provisioner.aws.session import Aws
from provisioner.model.health import Drifted, Health
from provisioner.model.plan import Reading
from provisioner.model.state import State
from provisioner.planning.health import absent, health, left_to_others, needs, recorded
from provisioner.planning.health import drift as drifted
from provisioner.planning.resolve import resolve
from provisioner.workflow.run import Run


def drift(run: Run) -> tuple[Drifted, ...]:
    """What changed outside provisioner since the last apply, and nothing else."""
    aws, state, reading = _looked(run)
    ignored = left_to_others(resolve(run.manifest, state))
    return drifted(state, reading, ignored, missing_dependencies(aws, needs(state, reading), run.ui.note))


def status(run: Run, *, checks: bool = True) -> tuple[Health, ...]:
    """How each mapping is, recorded or declared. With `checks`, functions, queues and streams are looked for too: Lambda keeps a
    mapping Enabled without them.
    """
    aws, state, reading = _looked(run)
    resolution = resolve(run.manifest, state)
    missing = absent(resolution)
    lost = missing_dependencies(aws, needs(state, reading, missing), run.ui.note) if checks else {}
    return health(state, reading, left_to_others(resolution), missing, lost)


def _looked(run: Run) -> tuple[Aws, State, Reading]:
    snapshot = run.backend.read()
    if snapshot.holder:
        run.ui.note(f"the state is locked by {snapshot.holder}; the result may be outdated")
    aws, _ = run.connect(snapshot.state.account)
    return aws, snapshot.state, refresh(aws, recorded(snapshot.state), run.manifest.provider, run.ui.note)
