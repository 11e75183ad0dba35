"""Reads and repairs the state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from provisioner.aws.inventory import inventory
from provisioner.backend.statefile import decode, encode, encode_before, shared_part
from provisioner.backend.store import Writer
from provisioner.environment import command_line
from provisioner.errors import DamagedError, StateError, UsageError
from provisioner.kinds import KINDS
from provisioner.model.manifest import Manifest
from provisioner.model.state import Record, State
from provisioner.model.words import counted
from provisioner.planning.reading import Reading, Search
from provisioner.planning.rebuild import lineage_of, rebuild
from provisioner.planning.resolve import Resolution, completed, require_names, resolve
from provisioner.workflow.forgetting import untag
from provisioner.workflow.run import Run


def records(run: Run, name: str = "") -> dict[str, Record]:
    """The records by name: all of them, or only that of `name`. Raises UsageError for a name that is not recorded,
    StateError when the state cannot be read.
    """
    mappings = run.backend.read().state.mappings
    if not name:
        return dict(mappings)
    require_names([name], mappings, "state show")
    return {name: mappings[name]}


@contextmanager
def _editing(run: Run, operation: str, lock_timeout: float, *, mends: bool = False) -> Iterator[Writer]:
    """A writer of the state. Raises StateError when an interrupted apply has calls without a result. With `mends` a
    damaged state is renamed first.
    """
    # Before the lock is taken, which reads the state and would fail on a damaged one.
    if mends:
        _put_aside_if_damaged(run)
    with run.backend.locked(operation, lock_timeout) as writer:
        if writer.unresolved:
            names = ", ".join(sorted({intent.name for intent in writer.unresolved}))
            raise StateError(
                f"an apply was interrupted at {names}",
                hint=f"run `{command_line('apply')}` first to resolve the interrupted apply, then run this command again; if "
                "that plan is refused because of one mapping, leave it out with --exclude",
            )
        yield writer


def _put_aside_if_damaged(run: Run) -> None:
    try:
        run.backend.read()
    except DamagedError as error:
        kept = run.backend.put_aside()
        run.ui.note(f"{error.message}; it was renamed to {kept}")


def move(run: Run, source: str, target: str, lock_timeout: float) -> None:
    """Give a record another name. Raises UsageError when there is none, or when the name is taken; LockedError and
    StateError as all commands that edit the state.
    """
    with _editing(run, "state mv", lock_timeout) as writer:
        mappings = writer.state.mappings
        require_names([source], mappings, "state mv")
        if target in mappings:
            raise UsageError(f"the state already contains {target}", hint="move or remove that one first")
        record = mappings[source]
        writer.save(writer.state.with_record(source, None).with_record(target, record))


def remove(run: Run, names: Sequence[str], lock_timeout: float, *, offline: bool = False) -> None:
    """Forget records; their mappings keep running, without our ownership tags. With `offline` the tags stay. Raises
    UsageError when one is not there, and then forgets none.
    """
    with _editing(run, "state rm", lock_timeout) as writer:
        require_names(names, writer.state.mappings, "state rm")
        state = writer.state
        forgotten = {name: state.mappings[name] for name in names}
        for name in names:
            state = state.with_record(name, None)
        writer.save(state)
        untag(run, writer, forgotten, offline=offline)


def pull(run: Run, version: int | None = None) -> str:
    """The state's text with the results of its journal, and with the calls without a result; on request in an older
    version. Raises StateError when it cannot be read, or when it uses what the older version lacks.
    """
    snapshot = run.backend.read()
    if snapshot.unresolved and version != 1:
        names = ", ".join(sorted({intent.name for intent in snapshot.unresolved}))
        run.ui.note(
            f"an apply was interrupted at {names} (or is still running); this state may be incomplete: apply first"
        )
    if version == 1:
        if snapshot.unresolved:
            raise StateError("version 1 cannot hold the calls of an interrupted apply", hint="apply first")
        return encode_before(snapshot.state)
    # Intents are only written beside a writer's token. `push` refuses a text that has any.
    return encode(snapshot.state, snapshot.unresolved, writer="pull" if snapshot.unresolved else "")


def push(run: Run, text: str, where: str, lock_timeout: float, *, force: bool) -> State:
    """Store a state that was read elsewhere, for example to move it to S3. `where` names the text: its file, or `-`.
    Returns the stored state, with its new serial.

    Raises StateError when it is not this stack's, has calls without a result, is of another lineage, or older than what
    is stored; `force` overrules the last two. Raises DamagedError when it is not a state.
    """
    pushed = decode(text, where=where, stack=run.manifest.stack)
    # A copied state file lacks what its journal has.
    beside = Path(where).with_suffix(".journal")
    if shared_part(text, where=where)[0] or (where != "-" and beside.exists() and beside.stat().st_size):
        hint = (
            "first run `provisioner apply` where the file comes from, to resolve the interrupted apply; "
            "then push the file again"
        )
        raise StateError(f"{where} is incomplete: an apply was interrupted", hint=hint)
    with _editing(run, "state push", lock_timeout, mends=force) as writer:
        stored = writer.state
        if stored.serial and not force:
            if stored.lineage != pushed.lineage:
                raise StateError(
                    f"{where} has lineage {pushed.lineage}, but the stored state has lineage {stored.lineage}",
                    hint=f"`{command_line('state', 'pull')}` shows the stored state, which is a different one; "
                    "use --force to replace it",
                )
            if stored.serial > pushed.serial:
                raise StateError(
                    f"{where} is older: it has serial {pushed.serial}, but the stored state has serial {stored.serial}",
                    hint=f"`{command_line('state', 'pull')}` shows the stored state; use --force to replace it",
                )
        # The serial never goes back, also with --force: journals and saved plans of the stored state are compared by
        # it.
        writer.save(replace(pushed, serial=max(pushed.serial, stored.serial)))
        return writer.state


def rebuild_state(run: Run, lock_timeout: float, *, adopts_orphans: bool = False) -> State:
    """Rebuild a lost state from AWS, store it and return it; a damaged one is renamed first. With `adopts_orphans` entries that
    only their ids name as this stack's are recorded too. Raises StateError when there are records, or when the tags have
    several lineages; AwsError.
    """
    # AWS first: where it cannot be asked, a damaged state keeps its name, and the next run finds it damaged.
    aws, account = run.connect(_account_of_empty(run))
    regions = sorted({item.region for item in run.manifest.mappings.values()} | ({aws.region} if aws.region else set()))
    live = [item for region in regions for item in inventory(aws.gateway(region), run.manifest.provider)]
    with _editing(run, "state rebuild", lock_timeout, mends=True) as writer:
        _refuse_records(writer.state)
        lineage = lineage_of(run.manifest.stack, live, writer.state.lineage)
        manifest, sources = _sources(run, account, lineage)
        rebuilt = rebuild(manifest, live, sources, account, lineage, adopts_orphans=adopts_orphans)
        for line in rebuilt.notices:
            run.ui.note(line)
        writer.save(rebuilt.state)
        return writer.state


def _account_of_empty(run: Run) -> str:
    """The account of a state without records, "" where it cannot be read. Raises StateError when there are records."""
    try:
        state = run.backend.read().state
    except DamagedError:
        return ""
    _refuse_records(state)
    return state.account


def _refuse_records(state: State) -> None:
    if state.mappings:
        raise StateError(
            f"cannot rebuild: the state still contains {counted(len(state.mappings), 'mapping')}",
            hint=f"run `{command_line('plan')}`; if the state is wrong, move it to another location first",
        )


def _sources(run: Run, account: str, lineage: str) -> tuple[Manifest, Reading]:
    """The manifest with what is wanted complete, and what the sources have that keep mappings of it."""
    # `imports`, `moved` and `removed` are about records, of which there are none.
    alone = replace(run.manifest, imports=(), moved=(), removed=())
    resolution = completed(resolve(alone, State(alone.stack, lineage)), account, lineage)
    wanted = {subject.name: subject.wanted for subject in resolution.subjects if subject.wanted}
    reading = Reading()
    for kind in KINDS.values():
        subjects = tuple(
            subject for subject in resolution.subjects if subject.wanted and subject.wanted.kind in kind.sources
        )
        if kind.key and subjects:
            search = Search(lineage, frozenset(item.region for item in wanted.values()))
            reading = run.drivers.of(kind.name).read(Resolution(subjects), run.ui.note, search)
    return replace(run.manifest, mappings=wanted), reading


def force_unlock(run: Run, ident: str) -> None:
    """Remove a stale lock. Raises StateError when the state is not locked, the lock has another ID, or it is a file
    lock, which is never stale.
    """
    run.backend.force_unlock(ident)
