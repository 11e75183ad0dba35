"""Somebody else writes between any two calls of an apply of S3 mappings: what stood when it was read is never lost.

A plain run tries the calls on the bucket and those that change a policy, `make test-all` every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.push import CHANGES, FOREIGN, Fault, World, document_of, keeper, mapping
from tests.support import ALL
from tests.support.control_plane import ServedControlPlane, any_credentials, served
from tests.support.s3_api import entry
from tests.support.stack import Sessions

TWO = {"a": mapping(), "b": mapping(prefix="out/")}
NEXT = {"a": mapping("g"), "c": mapping(prefix="c/")}
"""An update, a deletion and a creation, with a statement added and one that stays in use."""

ANOTHER = entry("s3:ObjectTagging:*", id="another", member="Queue", prefix="y/")
Writer = Callable[[World], None]


def _document(world: World, change: Callable[[str], str]) -> None:
    """Write what others have, and ours, with a change, past the validation of destinations."""
    text = world.api.get_text("media")
    world.api._sent.append(change(text).encode())
    world.api.client.put_bucket_notification_configuration(
        Bucket="media", NotificationConfiguration={}, SkipDestinationValidation=True
    )


def _ours(text: str, name: str) -> str:
    """The entry of a mapping of ours in a document, or "" ."""
    parts = text.split("<CloudFunctionConfiguration>")
    found = [part for part in parts if f"<Id>test-{name}-" in part]
    return (
        f"<CloudFunctionConfiguration>{found[0].partition('</CloudFunctionConfiguration>')[0]}</CloudFunctionConfiguration>"
        if found
        else ""
    )


def adds(world: World) -> None:
    _document(
        world, lambda text: text.replace("</NotificationConfiguration>", f"{ANOTHER}</NotificationConfiguration>")
    )


def changes_a_foreign_one(world: World) -> None:
    _document(world, lambda text: text.replace("x/", "z/"))


def changes_ours(world: World) -> None:
    _document(world, lambda text: text.replace("in/", "changed/"))


def removes_ours(world: World) -> None:
    _document(world, lambda text: text.replace(ours, "") if (ours := _ours(text, "a")) else text)


def removes_all(world: World) -> None:
    _document(world, lambda text: document_of(FOREIGN))


DOCUMENTS = (adds, changes_a_foreign_one, changes_ours, removes_ours, removes_all)


def adds_a_statement(world: World) -> None:
    for function in ("f", "g"):
        world.api.permit(function, StatementId="new", SourceArn="arn:aws:s3:::elsewhere")


def removes_a_foreign_statement(world: World) -> None:
    for function in ("f", "g"):
        world.plane.client().remove_permission(FunctionName=function, StatementId="foreign-1")


def removes_our_statements(world: World) -> None:
    for function in ("f", "g"):
        for sid in world.statements(function):
            if sid.startswith("provisioner-"):
                world.plane.client().remove_permission(FunctionName=function, StatementId=sid)


STATEMENTS = (adds_a_statement, removes_a_foreign_statement, removes_our_statements)


@pytest.fixture(scope="module")
def plane() -> Iterator[ServedControlPlane]:
    with served(direct=True) as embedded:
        yield embedded


@pytest.fixture(scope="module")
def sessions(plane: ServedControlPlane) -> Iterator[Sessions]:
    with pytest.MonkeyPatch.context() as patch:
        any_credentials(patch)
        yield Sessions(plane.endpoint, plane.attach)


class Meanwhile:
    """Lets somebody write just before the `at`-th call of a run."""

    def __init__(self, world: World, at: int, writer: Writer) -> None:
        self.calls: list[tuple[str, str]] = []
        self.foreign: dict[str, list[str]] = {}
        self._world, self._at, self._writer, self._writes = world, at, writer, False

    def __call__(self, method: str, path: str) -> str:
        if self._writes:
            return ""
        self.calls.append((method, path))
        if len(self.calls) == self._at:
            self._writes = True
            self._writer(self._world)
            self.foreign = self._world.foreign()
            self._writes = False
        return ""


def finds(world: World, at: int, writer: Writer, before: dict[str, list[str]]) -> Iterator[str]:
    """Apply while somebody writes just before the `at`-th call: what is wrong then. `before` is what is not ours."""
    meanwhile = Meanwhile(world, at, writer)
    world.plane.faults[:] = [meanwhile]
    report = world.apply()
    world.plane.faults.clear()
    expected = meanwhile.foreign
    # S3 has no condition for a write: what came between the read and the write of a document is lost.
    if meanwhile.calls[at - 1] == ("PUT", "/media?notification") and writer in DOCUMENTS:
        expected = {**expected, "media": before["media"]}
    now = world.foreign()
    yield from (f"{place}: {now[place]} instead of {expected[place]}" for place in now if now[place] != expected[place])
    yield from (
        f"failed without a word: {item.change.key}" for item in report.outcomes if not (item.clean or item.detail)
    )
    changed = [change.name for change in world.stack.plan().changes if change.counts]
    is_read = ("GET", "/media?notification") in meanwhile.calls[at - 1 :]
    if report.clean and is_read and writer in DOCUMENTS:
        yield from (f"clean, and not in sync: {name}" for name in changed)
    if not report.clean or changed:
        yield from world.wrong(expected)


@pytest.mark.parametrize("writer", [*DOCUMENTS, *STATEMENTS])
def test_what_others_write_stays(writer: Writer, tmp_path: Path, plane: ServedControlPlane, sessions: Sessions) -> None:
    world = World(tmp_path, plane, sessions)
    world.applied(TWO)
    put_back, before = keeper(world), world.foreign()
    world.write(NEXT)
    counting = Fault()
    assert world.faulty(counting) == ""
    wrong: list[str] = []
    for at, (method, path) in enumerate(counting.calls, start=1):
        if ALL or method in CHANGES or "?notification" in path:
            put_back()
            world.write(NEXT)
            wrong += [f"before {at} {method} {path}: {item}" for item in finds(world, at, writer, before)]
    assert wrong == []


def test_a_statement_that_a_failed_change_was_to_share_is_not_forgotten(
    tmp_path: Path, plane: ServedControlPlane, sessions: Sessions
) -> None:
    """The plan keeps it for one mapping when it deletes the other one, and then somebody changes the entry of the first."""
    world = World(tmp_path, plane, sessions)
    world.applied({"a": mapping("f"), "b": mapping("g", prefix="out/")})
    foreign = world.foreign()
    world.write({"a": mapping("g")})
    reads: list[str] = []

    def before_the_write(method: str, path: str) -> str:
        if (method, path) == ("GET", "/media?notification"):
            reads.append(path)
            if len(reads) == 2:
                changes_ours(world)
        return ""

    plane.faults[:] = [before_the_write]
    report = world.apply()
    plane.faults.clear()

    assert [item.change.name for item in report.outcomes if not item.clean] == ["a"]
    world.write({})
    assert world.wrong(foreign) == []
    assert world.ours() == (set(), set())


def test_an_entry_that_is_taken_away_is_put_back_once(
    tmp_path: Path, plane: ServedControlPlane, sessions: Sessions
) -> None:
    world = World(tmp_path, plane, sessions)
    world.write({"a": mapping()})
    reads: list[str] = []

    def again_and_again(method: str, path: str) -> str:
        if (method, path) == ("GET", "/media?notification") and not writing:
            reads.append(path)
            # The first two reads are those of the plan and before the write, and between the next two it is put back.
            if len(reads) in gone:
                writing.append(True)
                removes_all(world)
                writing.clear()
        return ""

    writing: list[bool] = []
    gone = [3]
    plane.faults[:] = [again_and_again]
    assert world.apply().clean
    assert len(world.ours()[0]) == 1

    world.applied({})
    world.write({"a": mapping()})
    reads.clear()
    gone += [5]
    plane.faults[:] = [again_and_again]
    [outcome] = world.apply().outcomes
    plane.faults.clear()
    assert "another client took" in outcome.detail
    assert world.wrong(world.foreign()) == []
