"""Removes our ownership tags from mappings that are forgotten on purpose, so that they are not reported as orphans."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.aws.refresh import parallel
from provisioner.backend.store import Writer
from provisioner.environment import command_line
from provisioner.errors import AwsError
from provisioner.execution.guard import guarded
from provisioner.kinds import KINDS
from provisioner.model.key import Key
from provisioner.model.state import Record
from provisioner.planning.naming import is_ours_by_name
from provisioner.planning.ownership import is_ours
from provisioner.workflow.run import Run


def untag(run: Run, writer: Writer, records: Mapping[str, Record], *, offline: bool = False) -> None:
    """Remove our tags from the mappings of these records, also from those that they deposed; mappings without tags are named in
    a note. They are read first: a plan
    may be hours old, and another stack may have imported a mapping since. What AWS refuses is a note: forgetting needs
    no call. With `offline` nothing is called. Raises StateError when lock or state are no longer this process's.
    """
    # An id cannot be changed where it stands, and names the state as a tag does.
    named = [
        name
        for name, record in records.items()
        if not KINDS[record.key.kind].has_tags
        and is_ours_by_name(record.key.id.partition("/")[2], writer.state.lineage)
    ]
    if named:
        run.ui.note(
            f"the ids of {', '.join(named)} stay as they are, and name this state: `{command_line('drift')}` reports them as "
            "not in the state"
        )
    names = ", ".join(name for name, record in records.items() if KINDS[record.key.kind].has_tags)
    if offline and names:
        run.ui.note(_left(names, "--offline was passed"))
        return
    keys = {
        f"{name} ({key})" if key == record.key else f"{name} (deposed {key})": key
        for name, record in records.items()
        for key in (record.key, *(item.key for item in record.deposed))
        if KINDS[key.kind].has_tags
    }
    if not keys:
        return
    try:
        run.connect(writer.state.account)
    except AwsError as error:
        run.ui.note(_left(names, error.message))
        return

    def untagged(key: Key) -> str:
        driver = run.drivers.mappings
        try:
            live = driver.with_tags(key)
            if live and is_ours(live, writer.state.lineage):
                driver.tag_owner(live, None, run.ui.note)
        except AwsError as error:
            return error.message
        return ""

    with guarded(run.aws, writer):
        refusals = parallel(untagged, list(keys.values()))
    for why in sorted({*refusals} - {""}):
        left = [name for name, refusal in zip(keys, refusals, strict=True) if refusal == why]
        run.ui.note(_left(", ".join(left), why))


def _left(names: str, why: str) -> str:
    return (
        f"the ownership tags of {names} were not removed: {why}; as long as they are there, `{command_line('drift')}` "
        "reports mappings that are not in the state"
    )
