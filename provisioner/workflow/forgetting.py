"""Removes our ownership tags from mappings that are forgotten on purpose, so that they are not reported as orphans."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.aws.refresh import parallel
from provisioner.backend.store import Writer
from provisioner.environment import command_line
from provisioner.errors import AwsError
from provisioner.execution.guard import guarded
from provisioner.model.live import Live
from provisioner.model.state import Record
from provisioner.planning.ownership import is_ours
from provisioner.workflow.run import Run


def untag(run: Run, writer: Writer, forgotten: Mapping[str, Live]) -> None:
    """Remove our tags from these mappings, by name. What AWS refuses is a note, because the records are forgotten all the
    same. Raises StateError when lock or state are no longer this process's.
    """

    def untagged(item: tuple[str, Live]) -> str:
        name, live = item
        try:
            run.drivers.of(live.key.kind).tag_owner(live, None, run.ui.note)
        except AwsError as error:
            return _left(f"{name} ({live.key})", error.message)
        return ""

    with guarded(run.aws, writer):
        for line in filter(None, parallel(untagged, list(forgotten.items()))):
            run.ui.note(line)


def untag_recorded(run: Run, writer: Writer, records: Mapping[str, Record], *, offline: bool) -> None:
    """As `untag`, for records whose live mappings are read here. With `offline` AWS is not called."""
    names = ", ".join(records)
    if offline:
        run.ui.note(_left(names, "--offline was passed"))
        return
    keys = {
        name if key == record.key else f"{name} (deposed {key})": key
        for name, record in records.items()
        for key in (record.key, *(item.key for item in record.deposed))
    }
    try:
        run.connect(writer.state.account)
        lives = parallel(lambda key: run.drivers.of(key.kind).with_tags(key), list(keys.values()))
    except AwsError as error:
        run.ui.note(_left(names, error.message))
        return
    ours = {name: live for name, live in zip(keys, lives, strict=True) if live and is_ours(live, writer.state.lineage)}
    untag(run, writer, ours)


def _left(names: str, why: str) -> str:
    return (
        f"the ownership tags of {names} were not removed: {why}; as long as they are there, `{command_line('drift')}` "
        "reports mappings that are not in the state"
    )
