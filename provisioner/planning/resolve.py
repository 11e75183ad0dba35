"""Matches records with wanted mappings (docs/architecture.md#comparison).

In this order: `moved` (chains collapse), `removed`, `imports`, implicit moves. An implicit move is a wanted pair that
state holds under a name that leaves, or that wants another pair; so a rename, a chain and a swap make no call to AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from provisioner.environment import command_line
from provisioner.errors import UsageError
from provisioner.kinds import kind_for, pair_of
from provisioner.kinds.ids import key_of_text
from provisioner.model.desired import Desired
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.key import Key
from provisioner.model.manifest import Manifest
from provisioner.model.place import Place
from provisioner.model.references import Pair
from provisioner.model.state import Record, State
from provisioner.planning.commands import import_line
from provisioner.planning.statements import deposed_of, recorded_statements


@dataclass(frozen=True, slots=True)
class Subject:
    """One name with what is wanted, what is recorded, and how the two were matched.

    `moved_from` is the record's name in the state, when it is another one; `adopts` the mapping to import, and
    `expects_identical` whether only without a change; `forgets`: the record is removed and the mapping keeps running. When a
    record is moved to a name that has a record, that one's mapping is among the moved record's `deposed`;
    `displaces_protected` is its key if it was protected, and `displaces_unfinished` whether it has two statements since an
    interrupted apply.
    """

    name: str
    wanted: Desired | None = None
    record: Record | None = None
    moved_from: str = ""
    adopts: Key | None = None
    forgets: bool = False
    displaces_protected: Key | None = None
    displaces_unfinished: bool = False
    expects_identical: bool = False


@dataclass(frozen=True, slots=True)
class Resolution:
    """Every name of manifest and state, sorted, and diagnostics about contradictions."""

    subjects: tuple[Subject, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def resolve(manifest: Manifest, state: State) -> Resolution:
    """Match what is wanted with what is recorded. Contradictions are in `Resolution.diagnostics` (E108); nothing is
    raised. The entries that contradict have no effect.
    """
    diagnostics: list[Diagnostic] = []
    origin, forgotten = _stated_moves(manifest, manifest.mappings, state, diagnostics)
    adopted = _adoptions(manifest, manifest.mappings, state, origin, diagnostics)
    recorded = {name: state.mappings[source] for name, source in origin.items()}
    matched = _match(manifest.mappings, recorded)
    identical = {item.name for item in manifest.imports if item.expects_identical}
    subjects = [
        Subject(
            name,
            wanted,
            recorded[matched[name]] if name in matched else None,
            _moved_from(name, origin.get(matched.get(name, ""), "")),
            adopted.get(name),
            expects_identical=name in identical,
        )
        for name, wanted in manifest.mappings.items()
    ]
    # Records without a mapping of their own: displaced where the name has another record now, else to be deleted.
    left = recorded.keys() - set(matched.values())
    subjects = [
        _with_displaced(subject, recorded[subject.name]) if subject.name in left else subject for subject in subjects
    ]
    subjects += [
        Subject(name, None, recorded[name], _moved_from(name, origin[name])) for name in left - manifest.mappings.keys()
    ]
    subjects += [Subject(name, None, state.mappings[name], forgets=True) for name in forgotten]
    return Resolution(tuple(sorted(subjects, key=lambda subject: subject.name)), tuple(diagnostics))


def completed(resolution: Resolution, account: str, lineage: str) -> Resolution:
    """The resolution with what is wanted complete: what a mapping needs may depend on the account and on the state's lineage.
    Idempotent.
    """

    def complete(subject: Subject) -> Subject:
        wanted = subject.wanted
        if wanted is None:
            return subject
        mapping = kind_for(wanted.kind).complete(wanted.mapping, account, lineage)
        # Most kinds give back what they got.
        return subject if mapping is wanted.mapping else replace(subject, wanted=wanted._replace(mapping=mapping))

    return replace(resolution, subjects=tuple(map(complete, resolution.subjects)))


def contradictions(manifest: Manifest, names: Collection[str]) -> list[Diagnostic]:
    """Diagnostics (E108) where `moved`, `removed` and `imports` contradict the names of the mappings. Unlike `resolve`,
    without a state, so that `validate` can report them offline.
    """
    diagnostics: list[Diagnostic] = []
    state = State(manifest.stack, "")
    origin, _ = _stated_moves(manifest, names, state, diagnostics)
    _adoptions(manifest, names, state, origin, diagnostics)
    return diagnostics


def _with_displaced(subject: Subject, displaced: Record) -> Subject:
    """A subject whose name a moved record gets: the name's own mapping is deposed, so that one name has one record."""
    record = subject.record
    assert record is not None  # a record is displaced only by another one
    deposed = (*record.deposed, *displaced.deposed, deposed_of(displaced))
    return replace(
        subject,
        record=replace(record, deposed=deposed),
        displaces_protected=displaced.key if displaced.protected else None,
        displaces_unfinished=len(recorded_statements(displaced)) > 1,
    )


def _moved_from(name: str, source: str) -> str:
    return source if source != name else ""


def _stated_moves(
    manifest: Manifest, names: Collection[str], state: State, diagnostics: list[Diagnostic]
) -> tuple[dict[str, str], set[str]]:
    """Each record's name after `moved`, with its name in state; and the names that `removed` forgets."""
    steps = {move.source: move.target for move in manifest.moved}
    origin = {name: name for name in state.mappings}
    # An entry whose source is not recorded was applied already, or elsewhere: it may stay in the manifest.
    for move in manifest.moved:
        target = _end_of_chain(move.source, steps)
        if target is None:
            diagnostics.append(_error(f"moved: {move.source} is part of a cycle", move.place))
        elif move.source in names:
            diagnostics.append(_error(f"moved: {move.source} is still in `mappings`", move.place))
        elif target not in names:
            diagnostics.append(_error(f"moved: {target} is not in `mappings`", move.place))
        elif move.source in origin and target in origin:
            diagnostics.append(_error(f"moved: the state contains both {move.source} and {target}", move.place))
        elif move.source in origin:
            origin[target] = origin.pop(move.source)
    forgotten = set()
    for removal in manifest.removed:
        if removal.name in names:
            diagnostics.append(_error(f"removed: {removal.name} is still in `mappings`", removal.place))
        elif removal.name in origin:
            forgotten.add(origin.pop(removal.name))
    return origin, forgotten


def _end_of_chain(name: str, steps: Mapping[str, str]) -> str | None:
    seen = set()
    while name in steps:
        if name in seen:
            return None
        seen.add(name)
        name = steps[name]
    return name


def _adoptions(
    manifest: Manifest, names: Collection[str], state: State, origin: Mapping[str, str], diagnostics: list[Diagnostic]
) -> dict[str, Key]:
    """The mapping that each name imports, without those that it has already."""
    # By the names after `moved`, which the entries of `imports` use too. A deposed mapping is managed as well.
    renamed = {source: name for name, source in origin.items()}
    holders = {key: renamed.get(name, name) for key, name in state.managers().items()}
    adopted: dict[str, Key] = {}
    listed: set[Key] = set()  # a set, because a manifest may import thousands
    for item in manifest.imports:
        wanted = manifest.mappings.get(item.name)
        region = (wanted.region if wanted else "") or item.region
        try:
            key = key_of_text(item.uuid, region, kind_for(wanted.kind).name if wanted else None)
        except ValueError:
            continue  # reported where the manifest is checked
        recorded = state.mappings[origin[item.name]].key if item.name in origin else None
        if item.name not in names:
            line = import_line(item.name, replace(key, region=item.region), states_region=bool(item.region))
            # With the entry the manifest cannot be read, by this command either.
            hint = (
                f"write the mapping below `mappings`; or remove this entry and run `{line}`, which prints what to add"
            )
            diagnostics.append(_error(f"imports: {item.name} is not in `mappings`", item.place, hint))
        elif item.region not in ("", region):
            hint = f"if the id is right, write `region: {item.region}` in the mapping {item.name}"
            message = f"imports: {key} is in {item.region}, but the mapping {item.name} is in {region}"
            diagnostics.append(_error(message, item.place, hint))
        elif holders.get(key, item.name) != item.name:
            diagnostics.append(_error(f"imports: {key} is already managed as {holders[key]}", item.place))
        elif recorded not in (None, key):
            diagnostics.append(_error(f"imports: {item.name} is already recorded as {recorded}", item.place))
        elif key in listed or adopted.get(item.name, key) != key:
            diagnostics.append(_error(f"imports: {item.name} or {key} is listed more than once", item.place))
        elif not recorded:  # else it was imported by an earlier apply
            adopted[item.name] = key
            listed.add(key)
    return adopted


def _error(message: str, place: Place, hint: str = "") -> Diagnostic:
    return Diagnostic("E108", message, place, hint)


def _match(wanted: Mapping[str, Desired], recorded: Mapping[str, Record]) -> dict[str, str]:
    """For each wanted name, the name of its record: first by name and pair, then by pair, then by name."""
    pairs = {name: pair_of(record) for name, record in recorded.items()}
    stay = {name for name, item in wanted.items() if pairs.get(name) == pair_of(item)}
    matched = {name: name for name in stay}
    # Reversed, so that of records with one pair the first name is matched.
    free: dict[Pair, str] = {pair: name for name, pair in sorted(pairs.items(), reverse=True) if name not in stay}
    for name, item in wanted.items():
        if name not in stay and pair_of(item) in free:
            matched[name] = free.pop(pair_of(item))
    taken = set(matched.values())
    # A name keeps its record when its pair changed: that is an update or a replacement, not a delete and a create.
    matched |= {name: name for name in wanted if name not in matched and name in recorded and name not in taken}
    return matched


# --- selectors -------------------------------------------------------------------------------------------------------


def select(resolution: Resolution, targets: Sequence[str], excludes: Sequence[str] = ()) -> Resolution:
    """Only the subjects that the selectors (names or globs) choose, with both sides of each move.

    Raises UsageError for a selector that matches nothing, and when the selectors leave nothing.
    """
    # Old names too: they are what the state and the last plan show.
    names = {name for subject in resolution.subjects for name in (subject.name, subject.moved_from) if name}
    wanted = _matching(targets, names, "--target") if targets else names
    wanted -= _matching(excludes, names, "--exclude")
    if names and not wanted:
        raise UsageError("--target and --exclude leave no mapping to plan", hint="remove one of them")
    # Both sides of each move, and those of the moves that these names are in: half a chain would lose a record.
    kept = [subject for subject in resolution.subjects if subject.name in wanted or subject.moved_from in wanted]
    while True:
        sides = {name for subject in kept for name in (subject.name, subject.moved_from) if name}
        grown = [subject for subject in resolution.subjects if subject.name in sides or subject.moved_from in sides]
        if len(grown) == len(kept):
            return replace(resolution, subjects=tuple(kept))
        kept = grown


def require_names(names: Sequence[str], known: Collection[str], flag: str) -> None:
    """Raise UsageError when a name given with a flag or to a command is none of the known names. Unlike `select`, takes
    no globs.
    """
    for name in names:
        if name not in known:
            raise _no_such_name(name, known, flag)


def _matching(selectors: Sequence[str], names: set[str], flag: str) -> set[str]:
    chosen = set()
    for selector in selectors:
        matching = {name for name in names if fnmatchcase(name, selector)}
        if not matching:
            raise _no_such_name(selector, names, flag)
        chosen |= matching
    return chosen


def _no_such_name(name: str, known: Collection[str], flag: str) -> UsageError:
    near = get_close_matches(name, known, n=3)
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else f"use a name from `mappings:` or from the state (`{command_line('state', 'list')}`)"
    )
    return UsageError(f"{flag} {name}: no mapping has this name", hint=hint)
