"""The entries of a source beside those of a plan: how many stay, and how many a source takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from provisioner.kinds import kind_of_change, pair_of
from provisioner.kinds.bucket_notification import ENTRY_LIMIT
from provisioner.model.plan import Action, Change, Problem
from provisioner.model.state import State
from provisioner.planning.reading import Reading
from provisioner.planning.statements import Place, permission_notes


def foreign_entries(changes: Iterable[Change], reading: Reading, state: State) -> Counter[str]:
    """How many entries each source has that this state does not manage and that no change imports."""
    ours = {*state.managers(), *(change.adopts for change in changes)}
    return Counter(pair_of(live).source for key, live in reading.entries.items() if key not in ours)


def push_notes(
    change: Change, foreign: Mapping[str, int], removed: Collection[Place], reading: Reading, account: str
) -> Iterator[str]:
    """What a reader of the plan should know about the source of a change, which keeps entries of others too."""
    if change.calls_aws and (count := foreign.get(change.pair.source, 0)):
        words = (
            "1 entry of others, which stays as it is"
            if count == 1
            else f"{count} entries of others, which stay as they are"
        )
        yield f"the source also has {words}"
    yield from permission_notes(change, removed, reading, account)


def entry_problems(changes: Iterable[Change], reading: Reading) -> list[Problem]:
    """A problem for each source that would have more entries than it takes."""
    counts = Counter(pair_of(live).source for live in reading.entries.values())
    names: defaultdict[str, list[str]] = defaultdict(list)
    for change in changes:
        if kind_of_change(change).key is None:
            continue
        if change.action in (Action.CREATE, Action.REPLACE):
            counts[change.pair.source] += 1
            names[change.pair.source].append(change.key)
        if change.destroys and change.live and change.existing in reading.entries:
            counts[pair_of(change.live).source] -= 1
    return [
        Problem(
            ", ".join(keys),
            f"{source} would have {counts[source]} entries; S3 allows {ENTRY_LIMIT}",
            "remove entries, or let one entry match more keys",
        )
        for source, keys in names.items()
        if counts[source] > ENTRY_LIMIT
    ]
