"""Checks of functions and their concurrency."""

from __future__ import annotations

from typing import Final

from provisioner.checks.case import Case, Function, Judging, function, stream
from provisioner.kinds.permissions import stream_of
from provisioner.model.sources import QUEUES

LONGEST: Final = 840
"""Seconds that a function may take where Lambda reads a cluster or broker: 14 minutes (docs/checks.md#what-is-asked)."""
_LEAST_RESERVED: Final = 5


def exists(case: Case) -> Judging:
    """The function, version or alias must be there, and able to run."""
    known = yield from function(case)
    named, region = case.reference.canonical, case.subject.region
    if known.gone:
        return case.error("C101", f"there is no function {named} in {region}")
    state, last = known.configuration.get("State"), known.configuration.get("LastUpdateStatus")
    reason = known.configuration.get("StateReason") or known.configuration.get("LastUpdateStatusReason") or ""
    why = f": {reason}" if reason else ""
    if state == "Failed":
        return case.error("C102", f"the function {named} is in the state Failed{why}")
    if state in ("Pending", "Inactive"):
        return case.warning("C102", f"the function {named} is in the state {state}{why}")
    if last == "Failed":
        return case.warning("C102", f"the last update of the function {named} failed{why}")
    return []


def invoked(case: Case) -> Judging:
    """With a reserved concurrency of 0 nothing is invoked."""
    known = yield from function(case)
    if known.reserved != 0:
        return []
    then = "; messages then go to the dead-letter queue, or expire" if case.subject.kind in QUEUES else ""
    name = case.reference.name
    return case.warning("C103", f"nothing is invoked: the reserved concurrency of {name} is 0{then}")


def shared(case: Case) -> Judging:
    """The queues of a function share its reserved concurrency (docs/checks.md#what-is-asked)."""
    known = yield from function(case)
    if not known.reserved:
        return []
    name, queues = case.reference.name, [item for item in case.of_function if item.kind in QUEUES]
    most = sum((item.mapping.get("scaling_config") or {}).get("maximum_concurrency") or 0 for item in queues)
    if most > known.reserved:
        of = f"the maximum_concurrency of the {len(queues)} queues of {name} together"
        of = of if len(queues) > 1 else "maximum_concurrency"
        return case.warning(
            "C104",
            f"{of} is {most}, more than the reserved concurrency of {name}, {known.reserved}: messages are throttled",
        )
    if known.reserved < _LEAST_RESERVED:
        return case.warning(
            "C104",
            f"the reserved concurrency of {name} is {known.reserved}: with fewer than {_LEAST_RESERVED}, messages of a queue "
            "are throttled",
        )
    return []


def ends_in_time(case: Case) -> Judging:
    """A function that a cluster or broker invokes must end within 14 minutes."""
    known = yield from function(case)
    if known.timeout <= LONGEST:
        return []
    return case.warning(
        "C105",
        f"the timeout of {case.reference.name} is {known.timeout} seconds; with {case.subject.kind.phrase}, AWS supports at "
        f"most {LONGEST}",
    )


def shards_fit(case: Case) -> Judging:
    """Each shard runs as many functions at once as its parallelization factor says."""
    source = case.arn
    known: Function = yield from function(case)
    (answer,) = yield (stream(source),)
    summary = answer.part("StreamDescriptionSummary")
    shards, factor = int(summary.get("OpenShardCount") or 0), case.subject.mapping.get("parallelization_factor") or 1
    if not known.reserved or shards * factor <= known.reserved:
        return []
    name = stream_of(source).resource.removeprefix("stream/")
    return case.warning(
        "C119",
        f"{shards} shards of {name} with parallelization_factor {factor} need {shards * factor} functions at once; the "
        f"reserved concurrency of {case.reference.name} is {known.reserved}",
    )
