"""Foreign text commands neither a terminal nor a CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisioner.aws.convert import live_mapping
from provisioner.aws.errors import from_response
from provisioner.backend import lock
from provisioner.backend.statefile import decode, encode
from provisioner.errors import DamagedError
from provisioner.foreign_text import one_line
from provisioner.model.provider import Provider
from provisioner.model.state import State
from tests.aws.test_convert import config

ATTACK = "fine\n::error::owned\x1b[2J\u202e\ud800\r"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain text", "plain text"),
        ("größe 名前", "größe 名前"),
        ("two\nlines\r\n\tmore", "two lines more"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eright to left", "\\u202eright to left"),
        ("half \ud800", "half \\ud800"),
        ("bell\x07\x9b", "bell\\x07\\x9b"),
    ],
)
def test_a_foreign_text_is_one_printable_line(text: str, safe: str) -> None:
    assert one_line(text) == safe
    assert one_line(one_line(text)) == safe


def is_safe(text: str) -> bool:
    return text.isprintable() and "\n" not in text


def test_aws_words_in_an_error_are_safe() -> None:
    answer = {"Error": {"Code": "X", "Message": ATTACK}, "ResponseMetadata": {"HTTPStatusCode": 400}}

    assert is_safe(from_response(answer, "reading").message)


def test_the_states_of_a_mapping_are_safe() -> None:
    answer = config(StateTransitionReason=ATTACK, LastProcessingResult=ATTACK, FilterCriteriaError={"Message": ATTACK})

    status = live_mapping(answer, "eu-west-1", {}, Provider()).status

    assert is_safe(status.reason)
    assert is_safe(status.last_result)
    assert is_safe(status.filter_error)


def test_who_holds_a_lock_is_safe() -> None:
    text = {"who": ATTACK, "pid": ATTACK, "since": ATTACK, "operation": ATTACK}

    assert is_safe(lock.described(json.dumps(text).encode()))


def test_a_name_in_a_state_that_commands_a_terminal_is_damage(tmp_path: Path) -> None:
    text = encode(State("s", "l", "", 1))
    value = json.loads(text)
    value["mappings"][ATTACK] = {
        "kind": "lambda",
        "id": "00000001-0000-0000-0000-000000000000",
        "region": "eu-west-1",
        "arn": "",
        "applied": {},
        "protected": False,
    }

    with pytest.raises(DamagedError) as caught:
        decode(json.dumps(value), where=str(tmp_path / "s.json"), stack="s")

    assert is_safe(caught.value.message)
