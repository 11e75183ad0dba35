"""The journal and its fold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.backend.journal import Journal, fold
from provisioner.backend.statefile import record_value
from provisioner.errors import DamagedError, StateError
from provisioner.model.key import LAMBDA, S3, Key
from provisioner.model.references import Pair
from provisioner.model.state import Deposed, Intent, Record, State, Statement
from tests.support.intents import begun

PAIR = Pair("eu-west-1", "arn:aws:sqs:eu-west-1:123456789012:q", "f")
UUID = "0000000a-0000-0000-0000-000000000000"
START = State("test", "lineage", "123456789012", 4)


def record(number: int) -> Record:
    uuid, old = (f"{number:08}-0000-0000-0000-00000000000{digit}" for digit in (0, 1))
    mapping = {"function_name": "f", "event_source_arn": PAIR.source}
    return Record(Key(LAMBDA, "eu-west-1", uuid), "arn", mapping, deposed=(Deposed(Key(LAMBDA, "r", old)),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.journal"


def written(path: Path) -> str:
    """A journal of three changes: one done twice, one deleted, one of which nothing is known."""
    journal = Journal(path, START)
    first = begun(journal, "create", "a", PAIR)
    journal.done(first, record(1))
    journal.done(first, record(2))
    second = begun(journal, "delete", "b", PAIR, [UUID])
    journal.done(second, None)
    refused = begun(journal, "update", "c", PAIR, [UUID])
    journal.failed(refused)
    begun(journal, "create", "d", PAIR)
    journal.close()
    return path.read_text()


def test_a_fold_is_the_state_after_every_done_and_the_intents_without_one(path: Path) -> None:
    start = START.with_record("b", record(9)).with_record("c", record(3))

    folded = fold(start, written(path), where="j")

    assert dict(folded.state.mappings) == {"a": record(2), "c": record(3)}
    assert folded.state.serial == 4
    assert [(intent.action, intent.name, intent.pair) for intent in folded.unresolved] == [("create", "d", PAIR)]


def test_folding_twice_is_harmless(path: Path) -> None:
    text = written(path)
    once = fold(START, text, where="j")

    assert fold(once.state, text, where="j") == once


def test_the_journal_knows_the_state_as_it_goes(path: Path) -> None:
    journal = Journal(path, START)
    token = begun(journal, "create", "a", PAIR)

    journal.done(token, record(1))

    assert journal.state.mappings["a"] == record(1)


def test_each_line_is_on_the_disk_before_the_call_goes_on(path: Path) -> None:
    journal = Journal(path, START)
    begun(journal, "create", "a", PAIR)

    header, intent = map(json.loads, path.read_text().splitlines())

    assert header == {"journal": 2, "lineage": "lineage", "serial": 4}
    assert (intent["action"], intent["name"]) == ("create", "a")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", range(1, 120))
def test_only_a_torn_last_line_is_forgiven(path: Path, cut: int) -> None:
    text = written(path)
    whole = len(text[:-cut].rpartition("\n")[0].splitlines())

    folded = fold(START, text[:-cut], where="j")

    assert whole in (len(text.splitlines()) - 1, len(text.splitlines()) - 2)
    assert folded.state.mappings["a"] == record(2)


def test_a_damaged_line_before_the_last_is_refused(path: Path) -> None:
    lines = written(path).splitlines()
    lines[2] = lines[2][:20]

    with pytest.raises(StateError, match="j:3 is damaged"):
        fold(START, "\n".join(lines) + "\n", where="j")


def test_a_journal_that_the_state_has_passed_changes_nothing(path: Path) -> None:
    text = written(path)
    passed = replace(fold(START, text, where="j").state, serial=5)

    folded = fold(passed, text, where="j")

    assert (folded.state, folded.superseded) == (passed, True)
    # Whether the create without a result was looked for before the state was saved is not known.
    assert [intent.name for intent in folded.unresolved] == ["d"]


def test_what_a_journal_created_and_a_later_state_lacks_is_looked_for(path: Path) -> None:
    later = State("test", "lineage", "123456789012", 5)

    folded = fold(later, written(path), where="j")

    assert folded.state == later
    assert [(intent.action, intent.name) for intent in folded.unresolved] == [
        ("create", "a"),
        ("create", "d"),
    ]


@pytest.mark.parametrize("ending", ["open", "done"])
def test_a_statement_that_a_later_state_lacks_is_looked_for(path: Path, ending: str) -> None:
    """An update too may have written a statement that nothing else names."""
    key = Key(S3, "eu-west-1", "media/test-a")
    statement = Statement("f", "eu-west-1", "provisioner-1", {})
    intent = Intent("a: update", "update", "a", PAIR, (key,), kind=S3, makes=key, statement=statement)
    journal = Journal(path, START)
    journal.begin(intent)
    if ending == "done":
        journal.done(intent, Record(key, PAIR.source, {}, statement=statement))
    journal.close()
    later = State("test", "lineage", "123456789012", 5, {"a": Record(key, PAIR.source, {})})
    knows = later.with_record("a", Record(key, PAIR.source, {}, statement=statement))

    assert fold(later, path.read_text(), where="j").unresolved == (intent,)
    assert fold(knows, path.read_text(), where="j").unresolved == ()


def test_a_call_that_was_refused_left_no_statement(path: Path) -> None:
    key, statement = Key(S3, "eu-west-1", "media/test-a"), Statement("f", "eu-west-1", "provisioner-1", {})
    intent = Intent("a: update", "update", "a", PAIR, (key,), kind=S3, makes=key, statement=statement)
    journal = Journal(path, START)
    journal.begin(intent)
    journal.failed(intent)
    journal.close()

    assert fold(State("test", "lineage", "", 5), path.read_text(), where="j").unresolved == ()


def test_another_lineage_or_version_is_refused(path: Path) -> None:
    text = written(path)

    with pytest.raises(StateError, match="belongs to a different state"):
        fold(State("test", "other", "", 4), text, where="j")
    with pytest.raises(StateError, match="has journal version 3, but this provisioner supports version 2"):
        fold(START, text.replace('"journal": 2', '"journal": 3'), where="j")


def test_an_empty_or_torn_header_is_no_journal() -> None:
    assert fold(START, "", where="j").state == START
    assert fold(START, '{"journ', where="j").state == START


INTENT = {
    "intent": "t", "action": "create", "name": "a", "kind": "lambda", "keys": [],
    "pair": {"region": "eu-west-1", "source": PAIR.source, "function": "f", "channel": ""},
}  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        {"done": "other", "name": "a", "record": None},  # the result of no intent
        {"done": "t", "name": "b", "record": None},
        {"done": "t", "record": record_value(record(1))},
        {"done": "t", "name": "a"},
        *({"done": "t", "name": "a", "record": empty} for empty in ({}, [], "", 0, False)),
        {**INTENT, "action": "x"},
        {**INTENT, "name": ""},
        {**INTENT, "keys": {}},
        {**INTENT, "keys": [{"kind": "lambda", "region": "eu-west-1", "id": "u"}]},
        {**INTENT, "protected": 1},
        {**INTENT, "intent": ["t"]},
    ],
    ids=str,
)
def test_a_line_that_no_version_writes_is_damage(line: dict[str, Any]) -> None:
    head = {"journal": 2, "lineage": "lineage", "serial": 4}
    text = "".join(json.dumps(item) + "\n" for item in (head, INTENT, line))

    with pytest.raises(DamagedError, match="j is damaged: "):
        fold(START, text, where="j")


@pytest.mark.parametrize("change", [{"journal": True}, {"serial": True}, {"serial": -1}, {"serial": "4"}, {"new": 1}])
def test_a_first_line_that_no_version_writes_is_refused(change: dict[str, Any]) -> None:
    head = {"journal": 2, "lineage": "lineage", "serial": 4, **change}

    with pytest.raises(StateError):
        fold(START, json.dumps(head) + "\n", where="j")


@pytest.mark.parametrize("member", ["journal", "lineage"])
def test_a_first_line_commands_no_terminal(member: str) -> None:
    head = {"journal": 2, "lineage": "lineage", "serial": 4, member: "\x1b[2J\n::error::"}

    with pytest.raises(StateError) as caught:
        fold(START, json.dumps(head) + "\n", where="j")

    assert caught.value.message.isprintable()


def test_a_line_that_is_json_but_no_journal_line_is_refused() -> None:
    head = '{"journal": 1, "lineage": "lineage", "serial": 4}\n'
    nested = "[" * 100_000
    for line in ("[]", "{}", '{"done": "t", "name": "a", "record": {"uuid": 3}}', '{"intent": "t"}', "3", nested):
        with pytest.raises(StateError, match=r"j(:2)? is damaged"):
            fold(START, f"{head}{line}\n", where="j")
    for line in ("[]", "3", '"x"'):
        with pytest.raises(StateError, match="j:1 is damaged"):
            fold(START, f"{line}\n", where="j")
