"""What scripts and old files rely on (docs/compatibility.md) stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisioner.backend.journal import fold
from provisioner.backend.planfile import open_plan
from provisioner.backend.statefile import decode, encode, encode_before, shared_part
from provisioner.errors import StaleError
from provisioner.model.key import Key
from provisioner.model.manifest import S3Location
from provisioner.model.plan import Access
from provisioner.model.references import Pair
from provisioner.model.state import Deposed
from provisioner.planning.fingerprint import plan_hash
from tests.planning.test_stories import full
from tests.support.interface import GOLDEN, interface

FILES = Path(__file__).parent / "golden/files"
"""Written by the first version that had these formats, and never written again: a new version of a format adds files.
"""
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:refunds"


def text_of(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


def test_the_interface_is_as_it_was() -> None:
    advice = (
        "a line that goes or changes breaks scripts or files: docs/compatibility.md; `make golden` accepts new lines"
    )

    assert interface() == GOLDEN.read_text(encoding="utf-8"), advice


@pytest.mark.parametrize("version", [1, 2])
def test_a_state_of_each_version_is_read(version: int) -> None:
    state = decode(text_of(f"state-{version}.json"), where="here", stack="orders")

    assert state.mappings["orders"].key == Key("lambda", "eu-west-1", full("1"))
    assert state.mappings["clicks"].deposed == (Deposed(Key("lambda", "eu-west-1", full("3"))),)
    assert encode(state) == text_of("state-2.json")
    assert encode_before(state) == text_of("state-1.json")


@pytest.mark.parametrize("version", [1, 2])
def test_a_state_in_s3_keeps_its_pending_intents(version: int) -> None:
    text = text_of(f"state-s3-{version}.json")

    state = decode(text, where="here", stack="orders")
    pending, writer = shared_part(text, where="here")

    assert [(intent.action, intent.name, intent.protected) for intent in pending] == [("create", "orders", True)]
    assert encode(state, pending, writer) == text_of("state-s3-2.json")


@pytest.mark.parametrize("version", [1, 2])
def test_a_journal_of_each_version_is_folded(version: int) -> None:
    state = decode(text_of(f"state-{version}.json"), where="here", stack="orders")

    folded = fold(state, text_of(f"journal-{version}"), where="here")

    assert list(folded.state.mappings) == ["orders"]
    assert folded.state.mappings["orders"].applied["batch_size"] == 7
    assert [(intent.action, intent.pair) for intent in folded.unresolved] == [
        ("create", Pair("eu-west-1", QUEUE, "worker"))
    ]


def test_a_saved_plan_of_version_1_is_refused_by_name() -> None:
    with pytest.raises(StaleError, match=r"has plan format 1 \(written by provisioner 0.1.0\)") as caught:
        open_plan(FILES / "plan-1.json")

    assert caught.value.hint == "plan again"


def test_a_saved_plan_is_read_and_has_its_hash() -> None:
    saved = open_plan(FILES / "plan-2.json")

    assert {change.key: str(change.action) for change in saved.plan.changes if change.counts} == {
        "create": "create",
        "delete": "delete",
        "gone": "forget",
        "moved": "no-op",
        "replace": "replace",
        f"replace (deposed {full('7')})": "delete",
        "update": "update",
    }
    assert saved.plan.access == Access("s3://states/orders.json", profile="ci")
    assert saved.state_s3 == S3Location("states", "orders.json")
    assert plan_hash(saved.plan) == json.loads(text_of("plan-2.json"))["hash"]
