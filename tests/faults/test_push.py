"""Kill it, cut it, refuse it at any call of stories of S3, and apply again.

A plain run tries kills and lasting refusals at the calls that change something, with a local state; `make test-all` every
fault at every call, every manifest that may follow, and the state in S3 too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from provisioner.backend.journal import Journal
from provisioner.errors import RefusedError, StateError
from provisioner.model.report import Result
from provisioner.model.state import Intent
from tests.faults.push import CHANGES, REFUSALS, STATES, Fault, Manifest, World, keeper, mapping
from tests.support import ALL
from tests.support.control_plane import REGION, KilledError, ServedControlPlane, any_credentials, served, with_buckets
from tests.support.stack import Sessions

MINE = {"statement_id": "mine"}


def drift(world: World) -> None:
    """Somebody changes the statement of f."""
    client = world.plane.client()
    [sid] = [sid for sid in world.statements("f") if sid.startswith("provisioner-")]
    client.remove_permission(FunctionName="f", StatementId=sid)
    client.add_permission(
        FunctionName="f",
        StatementId=sid,
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::media",
    )


@dataclass(frozen=True)
class Story:
    """What is applied, and what is applied then, under a fault. `between` happens after the first."""

    before: Manifest
    after: Manifest
    between: Callable[[World], None] | None = None


TWO = {"a": mapping(), "b": mapping(prefix="out/")}
STORIES = {
    "create two": Story({}, TWO),
    "filter": Story(TWO, {**TWO, "a": mapping(prefix="new/", filter_suffix=".jpg")}),
    "function": Story(TWO, {**TWO, "a": mapping("g")}),
    "both functions": Story(TWO, {"a": mapping("g"), "b": mapping("g", prefix="out/")}),
    "bucket": Story(TWO, {**TWO, "a": mapping(bucket="logs")}),
    "bucket and function": Story(TWO, {"a": mapping("g", "logs"), "b": mapping("g", prefix="out/")}),
    "chosen id": Story(TWO, {**TWO, "a": mapping(id="mine")}),
    "permission": Story(TWO, {**TWO, "a": mapping(permission=MINE)}),
    "no permission": Story({"a": mapping()}, {"a": mapping(permission="none")}),
    "drifted statement": Story(TWO, {**TWO, "a": mapping(prefix="new/")}, drift),
    "delete one": Story(TWO, {"a": mapping()}),
    "destroy": Story(TWO, {}),
    "two buckets": Story(
        {"a": mapping()}, {"a": mapping("g"), "b": mapping(bucket="logs"), "c": mapping("h", "logs", "c/")}
    ),
    "rename over": Story({"a": mapping("g"), "b": mapping(prefix="out/")}, {"a": mapping(prefix="out/")}),
    "filters move": Story(TWO, {"a": mapping(prefix="out/"), "b": mapping(prefix="in/")}),
}


@pytest.fixture(scope="module")
def plane() -> Iterator[ServedControlPlane]:
    with served(direct=True) as embedded:
        yield embedded


@pytest.fixture(scope="module")
def plane_with_objects() -> Iterator[ServedControlPlane]:
    with served(direct=True, behind=with_buckets()) as embedded:
        embedded.client("s3").create_bucket(Bucket=STATES, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield embedded


@pytest.fixture(scope="module")
def sessions(plane: ServedControlPlane) -> Iterator[Sessions]:
    with pytest.MonkeyPatch.context() as patch:
        any_credentials(patch)
        yield Sessions(plane.endpoint, plane.attach)


@pytest.fixture(scope="module")
def sessions_with_objects(plane_with_objects: ServedControlPlane) -> Iterator[Sessions]:
    with pytest.MonkeyPatch.context() as patch:
        any_credentials(patch)
        yield Sessions(plane_with_objects.endpoint, plane_with_objects.attach)


@pytest.fixture
def world(tmp_path: Path, plane: ServedControlPlane, sessions: Sessions) -> World:
    return World(tmp_path, plane, sessions)


def faults_of(calls: list[tuple[str, str]]) -> Iterator[Fault]:
    """The faults to try, at the calls of a run."""
    for at, (method, path) in enumerate(calls, start=1):
        changes = method in CHANGES
        kind = next((kind for kind in REFUSALS if kind in path), "")
        if ALL or changes:
            yield Fault("kill after", at)
        if ALL or method == "PUT":
            yield Fault("kill before", at)
        if kind and (ALL or changes):
            yield Fault(REFUSALS[kind][0], at, lasts=True)
        if kind and ALL:
            # That a bucket is not there is never said in error.
            codes = [code for code in REFUSALS[kind] if changes or not code.startswith("404")]
            yield from (Fault(mode, at) for mode in ("cut", "lost", *codes))


def manifests_after(story: Story, fault: Fault) -> dict[str, Manifest]:
    """What may be applied after a fault, by its description."""
    found = {"again": story.after}
    if ALL or fault.mode == "kill before":
        found["reverted"] = story.before
    if ALL:
        found["removed"] = {}
        if all(item.get("permission") != "none" for item in story.after.values()):
            found["another function"] = {name: {**item, "function_name": "h"} for name, item in story.after.items()}
    return found


def survives(world: World, story: Story) -> list[str]:
    """Try every fault of a story. Returns what is wrong, and where."""
    world.applied(story.before)
    if story.between:
        story.between(world)
    put_back, foreign = keeper(world), world.foreign()
    world.write(story.after)
    counting = Fault()
    assert world.faulty(counting) == ""
    assert world.wrong(foreign) == []
    found = []
    for point in faults_of(counting.calls):
        for then, manifest in manifests_after(story, point).items():
            put_back()
            world.write(story.after)
            fault = replace(point, calls=[])
            wrong = [finding] if (finding := world.faulty(fault)) else []
            # There is no update of a statement: between its removal and its addition there is none.
            if world.manifest_needs_permission and not story.between and (bare := world.unpermitted()):
                wrong.append(f"entries that S3 may not notify of: {bare}")
            world.write(manifest)
            wrong += world.wrong(foreign)
            lasting = ", lasting" if point.lasts else ""
            found += [
                f"{point.mode}{lasting} at {point.at} {counting.calls[point.at - 1]}, {then}: {item}" for item in wrong
            ]
    return found


@pytest.mark.parametrize("name", STORIES)
def test_every_fault_of_a_story_is_survived(name: str, world: World) -> None:
    assert survives(world, STORIES[name]) == []


def test_a_kill_after_a_removal_that_was_denied_leaves_no_statement(world: World) -> None:
    """Two faults in a row: a record has room for one statement that an apply has left."""
    world.applied({"a": mapping("f")})
    foreign = world.foreign()
    world.write({"a": mapping("g")})
    world.plane.faults[:] = [lambda method, path: "403 AccessDeniedException" if method == "DELETE" else ""]
    assert not world.apply().clean
    world.plane.faults.clear()
    world.write({"a": mapping("h")})
    killed: list[str] = []

    def kill(method: str, path: str) -> str:
        if killed:
            raise KilledError
        if method == "POST" and "/h/policy" in path:
            killed.append(path)
            return "killed"
        return ""

    assert world.faulty(kill) == ""

    assert world.wrong(foreign) == []


def test_a_statement_is_not_forgotten_when_what_was_to_need_it_is_not_attempted(world: World) -> None:
    """`b` waits for the places of `a` and `x`; the statement of `a` is to be its own."""
    before = {"a": mapping(), "x": mapping("g", prefix="out/")}
    world.applied(before)
    foreign = world.foreign()
    world.plane.world.gone.add("h")
    moved = mapping(bucket="logs")
    world.write({"a": moved, "x": mapping("h", "logs", "out/"), "b": mapping(prefix="")})

    results = {item.change.name: item.result for item in world.apply().outcomes}

    assert results == {"a": Result.APPLIED, "x": Result.FAILED, "b": Result.NOT_ATTEMPTED}
    world.plane.world.gone.clear()
    world.applied({"a": moved, "x": before["x"]})
    assert world.wrong(foreign) == []


def test_a_statement_that_two_records_have_is_removed_by_the_last_of_them(world: World) -> None:
    """An interrupted apply left it in the record of `a`, which then moves to another bucket, before `b` goes on."""
    world.applied({"a": mapping(prefix="out/", permission=MINE), "b": mapping()})
    foreign = world.foreign()
    world.write({"a": mapping(prefix="out/"), "b": mapping()})

    def kill(method: str, path: str) -> str:
        if method == "DELETE":
            raise KilledError
        return ""

    assert world.faulty(kill) == ""
    world.write({"a": mapping(bucket="logs", prefix="out/"), "b": mapping("g")})
    written: list[str] = []

    def kill_later(method: str, path: str) -> str:
        written.extend([path] if method == "PUT" else [])
        if len(written) > 2:  # the old entry of `a` is to be taken away
            raise KilledError
        return ""

    assert world.faulty(kill_later) == ""
    assert written == ["/logs?notification", "/media?notification", "/media?notification"]

    assert world.wrong(foreign) == []


def test_what_a_replacement_left_is_taken_back_with_the_statement_that_it_has_now(world: World) -> None:
    world.applied({"a": mapping()})
    foreign, statements = world.foreign(), world.statements("f")
    world.write({"a": mapping("g", "logs")})
    world.plane.faults[:] = [lambda method, path: "403 AccessDenied" if (method, path[:6]) == ("PUT", "/media") else ""]
    assert not world.apply().clean
    world.plane.faults.clear()
    drift(world)

    world.applied({"a": mapping()})

    assert world.statements("f") == statements
    assert world.wrong(foreign) == []


def test_a_statement_that_a_name_and_what_it_deposed_have_is_known_until_it_is_removed(world: World) -> None:
    world.applied(TWO)
    foreign = world.foreign()
    world.write({"a": TWO["b"]})

    def kill(method: str, path: str) -> str:
        if method == "PUT":
            raise KilledError
        return ""

    assert world.faulty(kill) == ""
    assert world.state.mappings["a"].deposed
    world.write({})
    world.plane.faults[:] = [lambda method, path: "403 AccessDeniedException" if method == "DELETE" else ""]
    assert not world.apply().clean
    world.plane.faults.clear()

    assert world.wrong(foreign) == []


def test_a_change_that_was_not_begun_has_no_result_in_the_journal(world: World) -> None:
    world.applied({"a": mapping("f")})
    foreign = world.foreign()
    world.write({"a": mapping("g")})
    world.plane.faults[:] = [lambda method, path: "403 AccessDeniedException" if method == "DELETE" else ""]
    assert not world.apply().clean
    world.write({"a": mapping("h"), "b": mapping("g", prefix="out/")})
    killed: list[str] = []

    def fault(method: str, path: str) -> str:
        if killed:
            raise KilledError
        if method == "PUT":
            killed.append(path)
            return "killed"
        return "403 AccessDeniedException" if method == "DELETE" else ""

    assert world.faulty(fault) == ""
    assert killed

    assert world.wrong(foreign) == []


def test_a_statement_that_was_left_is_known_until_it_is_removed_with_the_state_in_s3(
    tmp_path: Path, plane_with_objects: ServedControlPlane, sessions_with_objects: Sessions
) -> None:
    """The intents of a run are stored before its first call, and a record has room for one statement that was left."""
    world = World(tmp_path, plane_with_objects, sessions_with_objects, in_s3=True)
    world.applied({"a": mapping("f")})
    foreign = world.foreign()
    world.write({"a": mapping("g")})
    world.plane.faults[:] = [
        lambda method, path: "403 AccessDeniedException" if method == "DELETE" and "/policy" in path else ""
    ]
    assert not world.apply().clean
    world.write({"a": mapping("h")})

    killed: list[str] = []

    def kill(method: str, path: str) -> str:
        if killed or (method == "DELETE" and "/policy" in path):
            killed.append(path)
            raise KilledError
        return ""

    assert world.faulty(kill) == ""

    assert world.wrong(foreign) == []


def test_a_name_with_two_statements_is_not_taken_over(world: World) -> None:
    """What is deposed has room for one statement: the other one would be forgotten."""
    renamed = mapping("g", prefix="out/")
    world.applied({"a": renamed, "b": mapping()})
    world.write({"a": renamed, "b": mapping(permission=MINE)})

    def kill(method: str, path: str) -> str:
        return "killed" if method == "POST" and "/policy" in path else ""

    assert world.faulty(kill) == ""
    world.write({"b": renamed})
    with pytest.raises(RefusedError) as refused:
        world.apply()
    assert "two statements" in str(refused.value.problems)

    world.applied({"a": renamed})
    world.applied({"b": renamed})
    world.applied({})

    assert world.ours() == (set(), set())


def test_a_statement_is_not_forgotten_when_what_was_to_need_it_is_refused(world: World) -> None:
    """`b` takes over the statement by which `a` was invoked, which moves to another bucket."""
    world.applied({"a": mapping()})
    foreign = world.foreign()
    world.write({"a": mapping(bucket="logs"), "b": mapping(prefix="out/")})
    refused: list[str] = []

    def refuse(method: str, path: str) -> str:
        if method == "PUT" and path.startswith("/media") and not refused:
            refused.append(path)
            return "403 AccessDenied"
        return ""

    world.plane.faults[:] = [refuse]
    assert not world.apply().clean
    world.plane.faults.clear()

    world.applied({"a": mapping(bucket="logs")})

    assert world.wrong(foreign) == []


def test_a_statement_is_not_forgotten_when_the_intent_of_what_was_to_need_it_cannot_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.applied({"a": mapping()})
    foreign = world.foreign()
    world.write({"b": mapping(prefix="out/")})

    def begin(self: Journal, intent: Intent) -> None:
        if intent.name == "b":
            raise StateError("no space left on device", hint="")
        begun(self, intent)

    begun = Journal.begin
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "begin", begin)
        assert not world.apply().clean

    world.applied({})

    assert world.wrong(foreign) == []


@pytest.mark.parametrize("name", STORIES if ALL else ["function"])
def test_every_fault_is_survived_with_the_state_in_s3(
    name: str, tmp_path: Path, plane_with_objects: ServedControlPlane, sessions_with_objects: Sessions
) -> None:
    world = World(tmp_path, plane_with_objects, sessions_with_objects, in_s3=True)

    assert survives(world, STORIES[name]) == []
