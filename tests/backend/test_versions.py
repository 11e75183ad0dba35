"""Version 2 of the state: what it holds, what it refuses, and the way from version 1 and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.backend.journal import fold
from provisioner.backend.local import LocalBackend
from provisioner.backend.statefile import decode, encode, encode_before
from provisioner.errors import DamagedError, StateError
from provisioner.model.key import Key
from provisioner.model.state import AcceptedOwner, Deposed, Paused, Record, State, Statement

KEY = Key("lambda", "eu-west-1", "00000001-0000-0000-0000-000000000000")
OLD = Key("lambda", "eu-west-1", "00000002-0000-0000-0000-000000000000")
APPLIED = {"function_name": "f", "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:q"}
STATEMENT = Statement("f:live", "eu-west-1", "sid", {"Principal": {"Service": "s3.amazonaws.com"}})
FULL = Record(
    KEY,
    "arn",
    APPLIED,
    protected=True,
    deposed=(Deposed(OLD, STATEMENT),),
    statement=STATEMENT,
    owner=AcceptedOwner("other", "lineage"),
    paused=Paused("me", "2026-01-01T00:00:00Z", "maintenance", enabled_before=True, until="2026-02-01T00:00:00Z"),
)
STATE = State("test", "lineage", "123456789012", 3, {"a": FULL}, "prod")
BEFORE = encode_before(replace(STATE, environment="", mappings={"a": Record(KEY, "arn", APPLIED)}))


def changed(path: tuple[str, ...], value: Any) -> str:
    """The text of the state with a value set at a path."""
    whole = json.loads(encode(STATE))
    inner = whole
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(whole)


def backend(path: Path) -> LocalBackend:
    return LocalBackend(path, "test", lambda _: False)


def test_every_member_is_kept() -> None:
    assert decode(encode(STATE), where="here", stack="test") == STATE


def test_what_is_not_there_is_not_written() -> None:
    value = json.loads(encode(replace(STATE, environment="", mappings={"a": Record(KEY, "arn", APPLIED)})))

    assert value["mappings"]["a"].keys() == {"kind", "id", "region", "arn", "applied", "protected"}
    assert "environment" not in value


@pytest.mark.parametrize(
    "path",
    [
        ("new",),
        ("mappings", "a", "new"),
        ("mappings", "a", "statement", "new"),
        ("mappings", "a", "owner", "new"),
        ("mappings", "a", "paused", "new"),
    ],
)
def test_a_member_of_a_newer_version_is_refused(path: tuple[str, ...]) -> None:
    with pytest.raises(StateError, match=r"here was written by a newer provisioner: unknown member .*new") as caught:
        decode(changed(path, 1), where="here", stack="test")

    assert caught.value.hint == "upgrade provisioner"


def test_a_kind_of_a_newer_version_is_refused() -> None:
    with pytest.raises(StateError, match="newer provisioner: mappings of kind 'queue'"):
        decode(changed(("mappings", "a", "kind"), "queue"), where="here", stack="test")


@pytest.mark.parametrize(
    "line",
    [
        {"intent": "t", "action": "create", "name": "a", "pair": {}, "keys": [], "new": 1},
        {"done": "t", "name": "a", "record": None, "new": 1},
        {"done": "t", "name": "a", "record": {**json.loads(encode(STATE))["mappings"]["a"], "new": 1}},
    ],
)
def test_a_member_of_a_newer_version_in_a_journal_is_refused(line: dict[str, Any]) -> None:
    head = {"journal": 2, "lineage": "lineage", "serial": 3}
    text = "".join(json.dumps(item) + "\n" for item in (head, line))

    with pytest.raises(StateError, match="newer provisioner: unknown member new"):
        fold(STATE, text, where="here")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("serial",), -1),
        (("lineage",), ""),
        (("lineage",), "\ud800"),
        (("account",), "12345678901"),
        (("mappings", "a", "region"), ""),
        (("mappings", "a", "region"), "../x"),
        (("mappings", "a", "deposed"), [{"kind": "lambda", "id": OLD.id, "region": "a b"}]),
        (("mappings", ""), json.loads(encode(STATE))["mappings"]["a"]),
        (("mappings", "a b"), json.loads(encode(STATE))["mappings"]["a"]),
    ],
)
def test_what_no_version_writes_is_damage(path: tuple[str, ...], value: Any) -> None:
    with pytest.raises(DamagedError, match="here is damaged"):
        decode(changed(path, value), where="here", stack="test")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_damage(number: str) -> None:
    text = changed(("mappings", "a", "applied", "batch_size"), 1).replace('"batch_size": 1', f'"batch_size": {number}')

    with pytest.raises(DamagedError, match="here is damaged"):
        decode(text, where="here", stack="test")


def test_a_state_that_is_no_text_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.write_bytes(b"\xff")

    with pytest.raises(DamagedError, match="is damaged: it is not UTF-8 text"):
        backend(path).read()


def test_a_duplicate_key_is_damage() -> None:
    text = encode(STATE).replace('"serial": 3', '"serial": 3, "serial": 4')

    with pytest.raises(DamagedError, match="here is damaged: duplicate key 'serial'"):
        decode(text, where="here", stack="test")


def test_a_duplicate_name_is_damage() -> None:
    record = json.dumps(json.loads(encode(STATE))["mappings"]["a"])
    text = encode(STATE).replace('"a": {', f'"a": {record}, "a": {{', 1)

    with pytest.raises(DamagedError, match="duplicate key 'a'"):
        decode(text, where="here", stack="test")


def test_a_duplicate_key_in_a_journal_is_damage() -> None:
    text = (
        '{"journal": 2, "lineage": "lineage", "serial": 3}\n{"done": "t", "name": "a", "name": "b", "record": null}\n'
    )

    with pytest.raises(DamagedError, match="here:2 is damaged"):
        fold(STATE, text, where="here")


def test_the_text_of_version_1_is_kept_at_the_first_write_only(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.write_text(BEFORE, encoding="utf-8")

    for batch_size in (5, 6):
        with backend(path).locked("apply") as writer:
            record = replace(writer.state.mappings["a"], applied={**APPLIED, "batch_size": batch_size})
            writer.save(writer.state.with_record("a", record))

    assert (tmp_path / "test.json.v1").read_text(encoding="utf-8") == BEFORE
    assert json.loads(path.read_text(encoding="utf-8"))["version"] == 2


def test_reading_does_not_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.write_text(BEFORE, encoding="utf-8")

    assert backend(path).read().state.mappings["a"].key == KEY
    with backend(path).locked("apply") as writer:
        writer.save(writer.state)

    assert path.read_text(encoding="utf-8") == BEFORE
    assert not (tmp_path / "test.json.v1").exists()


def test_a_journal_of_version_1_is_recovered_and_its_state_kept(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.write_text(BEFORE, encoding="utf-8")
    pair = {"region": "eu-west-1", "source": APPLIED["event_source_arn"], "function": "f", "channel": ""}
    lines = [
        {"journal": 1, "lineage": "lineage", "serial": 3},
        {"intent": "t", "action": "delete", "name": "a", "pair": pair, "uuids": [KEY.id]},
        {"done": "t", "name": "a", "record": None},
    ]
    path.with_suffix(".journal").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    with backend(path).locked("apply") as writer:
        assert writer.state.mappings == {}

    assert json.loads(path.read_text(encoding="utf-8"))["version"] == 2
    assert (tmp_path / "test.json.v1").read_text(encoding="utf-8") == BEFORE


@pytest.mark.parametrize(
    "record",
    [
        Record(KEY, "arn", APPLIED, statement=STATEMENT),
        Record(KEY, "arn", APPLIED, owner=AcceptedOwner("other", "lineage")),
        Record(KEY, "arn", APPLIED, paused=FULL.paused),
        Record(KEY, "arn", APPLIED, deposed=(Deposed(OLD, STATEMENT),)),
    ],
)
def test_there_is_no_way_back_from_what_only_version_2_can_hold(record: Record) -> None:
    with pytest.raises(StateError, match="the state uses what version 2 added: a"):
        encode_before(State("test", "lineage", "", 1, {"a": record}))


def test_the_way_back_gives_what_version_1_wrote() -> None:
    assert encode_before(decode(BEFORE, where="here", stack="test")) == BEFORE


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (Record(Key("lambda", "eu-west-1", "not-a-uuid"), "arn", APPLIED), "'not-a-uuid' is not a UUID"),
        (Record(KEY, 5, APPLIED), "Input should be a valid string"),  # type: ignore[arg-type]  # as a wrong answer has it
    ],
)
def test_what_could_not_be_read_back_replaces_nothing(tmp_path: Path, record: Record, why: str) -> None:
    path = tmp_path / "test.json"
    with backend(path).locked("apply") as writer:
        writer.save(writer.state)
        before = path.read_text(encoding="utf-8")

        with pytest.raises(StateError, match="the state was not written, because it could not be read back") as caught:
            writer.save(writer.state.with_record("a", record))

    assert why in caught.value.message
    assert path.read_text(encoding="utf-8") == before
