"""What is checked before each call that changes something: lock, state, account; and what belongs to others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.backend import planfile
from provisioner.errors import RefusedError, StaleError, StateError
from provisioner.model.report import Report, Result
from provisioner.sandbox import mappings, requests
from provisioner.workflow import Execution, Selection
from tests.execution.test_apply import queue, stack_of
from tests.support.control_plane import Fault, served
from tests.support.stack import Stack

NAMES = ("a", "b", "c")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    with served() as plane:
        yield stack_of(plane, tmp_path, monkeypatch)


def three(stack: Stack, **fields: str) -> None:
    rest = "".join(f", {name}: {value}" for name, value in fields.items())
    stack.write_mappings(*(queue(name, rest, number) for number, name in enumerate(NAMES, start=1)))


def at_first(method: str, do: Callable[[], object]) -> Fault:
    """Does something when the first call of a method on mappings arrives."""
    done: list[object] = []

    def fault(called: str, path: str) -> str:
        if called == method and "event-source-mappings" in path and not done:
            done.append(True)
            do()
        return ""

    return fault


def results(report: Report) -> list[Result]:
    return [outcome.result for outcome in report.outcomes]


def state_file(stack: Stack) -> Path:
    return stack.folder / "state/test.json"


def test_an_apply_whose_lock_file_was_removed_stops_before_the_next_call(stack: Stack) -> None:
    three(stack)
    stack.plane.faults.append(at_first("POST", (stack.folder / "state/test.lock").unlink))

    report = stack.apply(parallelism=1)

    assert Result.APPLIED not in results(report)[1:]
    assert "so the state is no longer locked" in next(item.detail for item in report.outcomes[1:] if item.detail)
    assert len(stack.live_mappings()) == 1
    assert stack.apply().clean
    assert set(stack.uuids().values()) == stack.live_mappings().keys()
    stack.assert_in_sync()


def test_a_retry_is_not_sent_when_the_lock_was_lost_while_it_waited(stack: Stack) -> None:
    three(stack)
    lock = stack.folder / "state/test.lock"
    stack.plane.faults += [
        at_first("POST", lock.unlink),
        lambda method, path: "429" if method == "POST" and "event-source" in path else "",
    ]

    stack.apply(parallelism=1)

    assert [method for method, _, _ in stack.plane.requests].count("POST") == 1


def test_a_state_that_was_replaced_during_an_apply_is_not_overwritten(stack: Stack) -> None:
    three(stack)
    assert stack.apply().clean
    three(stack, batch_size="5")
    other = json.dumps({**json.loads(state_file(stack).read_text()), "serial": 40})
    stack.plane.faults.append(at_first("PUT", lambda: state_file(stack).write_text(other)))

    report = stack.apply(parallelism=1)

    assert not report.clean
    assert state_file(stack).read_text() == other
    assert stack.apply().clean
    stack.assert_in_sync()


def test_what_a_journal_created_is_found_when_the_state_moved_on_without_it(stack: Stack) -> None:
    """A killed apply, then a state of a later serial, as a `git pull` brings it, and the lines are gone too."""
    stack.write_mappings(queue("z", number=9))
    assert stack.apply().clean
    moved_on = json.dumps({**json.loads(state_file(stack).read_text()), "serial": 40})
    three(stack)
    journal = stack.folder / "state/test.journal"
    seen: list[str] = []

    def read_journal(method: str, path: str) -> str:
        if journal.exists():
            seen.append(journal.read_text())
        return ""

    stack.plane.faults.append(read_journal)
    assert stack.apply().clean
    stack.plane.faults.clear()
    # As a kill at the end leaves them: the journal has all results, and the state none.
    journal.write_text(max(seen, key=len))
    state_file(stack).write_text(moved_on)
    stack.write_mappings(queue("z", number=9))

    report = stack.apply()

    assert report.clean
    assert set(stack.uuids()) == {"z"}
    assert stack.live_mappings().keys() == set(stack.uuids().values())
    assert not journal.exists()


def test_an_answer_from_another_account_stops_the_apply(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    three(stack)

    def other_credentials() -> None:
        monkeypatch.setattr(requests, "get_account_id_from", lambda key: "210987654321")

    stack.plane.faults.append(at_first("POST", other_credentials))

    report = stack.apply(parallelism=1)

    [first, *others] = report.outcomes
    assert first.result is Result.FAILED or others[0].result is Result.FAILED
    assert any(
        "is from account 210987654321, but this command runs in account" in item.detail for item in report.outcomes
    )
    assert [method for method, _, _ in stack.plane.requests].count("POST") <= 2
    assert "210987654321" not in state_file(stack).read_text()


def another_stack(stack: Stack) -> str:
    """Apply one mapping, and forget the state; the UUID of what belongs to another lineage from now on."""
    stack.write_mappings(queue("theirs", number=7))
    assert stack.apply().clean
    theirs = stack.uuids()["theirs"]
    state_file(stack).unlink()
    return theirs


def beside_another_stack(stack: Stack) -> tuple[str, str]:
    """Apply `a` beside the mapping of another stack; the UUIDs of the other mapping and of `a`."""
    theirs = another_stack(stack)
    stack.write_mappings(queue("a", number=1))
    assert stack.apply().clean
    return theirs, stack.uuids()["a"]


def replace_in_state(stack: Stack, ours: str, theirs: str) -> None:
    """Record another mapping in place of ours, as a bad merge does."""
    state_file(stack).write_text(state_file(stack).read_text().replace(ours, theirs))


def test_a_recorded_mapping_of_another_stack_is_not_deleted(stack: Stack) -> None:
    theirs, ours = beside_another_stack(stack)
    replace_in_state(stack, ours, theirs)
    stack.write_mappings()

    with pytest.raises(RefusedError) as caught:
        stack.apply()

    [problem] = caught.value.problems
    assert f"according to its tags, {theirs} belongs to stack test" in str(problem)
    assert theirs in stack.live_mappings()


@pytest.mark.parametrize("refresh", [True, False])
def test_a_mapping_of_another_stack_whose_tags_were_not_shown_is_not_deleted(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, refresh: bool
) -> None:
    theirs, ours = beside_another_stack(stack)
    replace_in_state(stack, ours, theirs)
    stack.write_mappings()
    monkeypatch.setattr(mappings.Mappings, "tagged", lambda store, arns: iter(()))  # the tagging API is out of date

    _, report = workflow.apply(stack.run(), Selection(refresh=refresh), Execution(auto_approve=True))

    [outcome] = report.outcomes
    assert outcome.result is Result.FAILED
    assert f"according to its tags, {theirs} belongs to stack test" in outcome.detail
    assert theirs in stack.live_mappings()


def test_a_saved_plan_that_was_edited_does_not_touch_another_stacks_mapping(stack: Stack, tmp_path: Path) -> None:
    theirs, ours = beside_another_stack(stack)
    stack.write_mappings()
    file = tmp_path / "plan.json"
    workflow.plan(stack.run(), Selection(), file)
    edited = planfile._adapter().validate_json(
        json.dumps(json.loads(file.read_text())["content"]).replace(ours, theirs)
    )
    file.unlink()
    planfile.save(file, edited)
    replace_in_state(stack, ours, theirs)

    with pytest.raises(StaleError):
        workflow.apply_saved(stack.run(), planfile.open_plan(file), Execution())

    assert theirs in stack.live_mappings()


def sign_anew(file: Path, content: Any) -> None:
    """Give a saved plan another content, with its checksum."""
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "content": content, "checksum": planfile._checksum(content)}))


@pytest.mark.parametrize(
    ("value", "other"), [('"kind": "lambda"', '"kind": "x"'), ('"function_name": "f"', '"function_name": {"x": "f"}')]
)
def test_a_saved_plan_that_was_edited_into_other_types_is_refused(
    stack: Stack, tmp_path: Path, value: str, other: str
) -> None:
    three(stack)
    assert stack.apply().clean
    three(stack, batch_size="5")
    file = tmp_path / "plan.json"
    workflow.plan(stack.run(), Selection(), file)
    before = json.loads(file.read_text())["content"]
    content = json.loads(json.dumps(before).replace(value, other))
    assert content != before
    sign_anew(file, content)

    with pytest.raises(StaleError, match="cannot be read by this version"):
        planfile.open_plan(file)


def edited(file: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the first change of a saved plan, and make its checksum again."""
    content = json.loads(file.read_text())["content"]
    edit(content["plan"]["changes"][0])
    sign_anew(file, content)


@pytest.mark.parametrize("accepted_by", ["none", "change", "record"])
@pytest.mark.parametrize("head", ["", "removed: [{ from: a, destroy: false }]\n"])
def test_a_saved_plan_that_was_edited_touches_only_what_is_recorded(
    stack: Stack, tmp_path: Path, head: str, accepted_by: str
) -> None:
    """Also where the edit adds the owner as one that an import accepted."""
    theirs, ours = beside_another_stack(stack)
    arn = f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{theirs}"
    tags = stack.plane.client().list_tags(Resource=arn)["Tags"]
    stack.write_mappings(head=head)
    file = tmp_path / "plan.json"
    workflow.plan(stack.run(), Selection(), file)
    file.write_text(file.read_text().replace(ours, theirs).replace(':q1"', ':q7"'))

    def accept(change: dict[str, Any]) -> None:
        owner = {"stack": "test", "lineage": tags["provisioner:lineage"]}
        change["accepted_owner"] = owner if accepted_by == "change" else None
        change["record"]["owner"] = owner if accepted_by == "record" else None

    edited(file, accept)

    with pytest.raises(StaleError, match=f"the state does not record {theirs}"):
        workflow.apply_saved(stack.run(), planfile.open_plan(file), Execution())

    assert stack.plane.client().list_tags(Resource=arn)["Tags"] == tags
    assert theirs in stack.live_mappings()


@pytest.mark.parametrize(
    "edit",
    [
        lambda change: change["live"].update(
            arn="arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:" + "0" * 8 + "-0000" * 3 + "-" + "0" * 12
        ),
        lambda change: change["live"]["key"].update(id="x"),
        lambda change: change.update(notes=["\x1b[31m"]),
        lambda change: change.update(moved_from="a\n::error::"),
    ],
)
def test_a_saved_plan_with_another_live_mapping_or_control_characters_is_refused(
    stack: Stack, tmp_path: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    three(stack)
    assert stack.apply().clean
    three(stack, batch_size="5")
    file = tmp_path / "plan.json"
    workflow.plan(stack.run(), Selection(), file)

    edited(file, edit)

    with pytest.raises(StaleError, match="cannot be read by this version"):
        planfile.open_plan(file)


def test_an_import_of_another_stacks_mapping_accepts_its_owner(stack: Stack) -> None:
    theirs = another_stack(stack)
    stack.write_mappings(queue("it", ", batch_size: 5", number=7))

    stack.import_(theirs)

    assert json.loads(state_file(stack).read_text())["mappings"]["it"]["owner"]["stack"] == "test"
    assert stack.apply().clean
    assert stack.live_mappings()[theirs]["BatchSize"] == 5
    stack.write_mappings()
    assert stack.apply().clean
    assert theirs not in stack.live_mappings()


@pytest.mark.parametrize("text", ["stack: test\n", "{}", '{"version": 2}', ""])
def test_a_plan_replaces_only_a_plan(stack: Stack, text: str) -> None:
    three(stack)
    out = stack.folder / "out.json"
    out.write_text(text)

    with pytest.raises(StateError, match="exists and is not a saved plan"):
        workflow.plan(stack.run(), Selection(), out)

    assert out.read_text() == text


def test_a_plan_replaces_an_earlier_plan(stack: Stack) -> None:
    three(stack)
    out = stack.folder / "out.json"
    workflow.plan(stack.run(), Selection(), out)
    three(stack, batch_size="5")

    workflow.plan(stack.run(), Selection(), out)

    assert '"batch_size": 5' in out.read_text()
