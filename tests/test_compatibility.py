"""What scripts and old files rely on (docs/compatibility.md) stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

from provisioner.backend.journal import fold
from provisioner.backend.planfile import open_plan
from provisioner.backend.statefile import decode, encode, shared_part
from provisioner.model.manifest import S3Location
from provisioner.model.references import Pair
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


def test_a_state_of_version_1_is_read_and_written_unchanged() -> None:
    text = text_of("state-1.json")

    state = decode(text, where="here", stack="orders")

    assert {name: item.uuid for name, item in state.mappings.items()} == {"orders": full("1"), "clicks": full("2")}
    assert encode(state) == text


def test_a_state_of_version_1_in_s3_keeps_its_pending_intents() -> None:
    text = text_of("state-s3-1.json")

    state = decode(text, where="here", stack="orders")
    pending, writer = shared_part(text, where="here")

    assert [(intent.action, intent.name, intent.protected) for intent in pending] == [("create", "orders", True)]
    assert encode(state, pending, writer) == text


def test_a_journal_of_version_1_is_folded() -> None:
    state = decode(text_of("state-1.json"), where="here", stack="orders")

    folded = fold(state, text_of("journal-1"), where="here")

    assert list(folded.state.mappings) == ["orders"]
    assert folded.state.mappings["orders"].applied["batch_size"] == 7
    assert [(intent.action, intent.pair) for intent in folded.unresolved] == [
        ("create", Pair("eu-west-1", QUEUE, "worker"))
    ]


def test_a_saved_plan_of_version_1_is_read_and_has_its_hash() -> None:
    saved = open_plan(FILES / "plan-1.json")

    assert {change.key: str(change.action) for change in saved.plan.changes if change.counts} == {
        "create": "create",
        "delete": "delete",
        "gone": "forget",
        "moved": "no-op",
        "replace": "replace",
        f"replace (deposed {full('7')})": "delete",
        "update": "update",
    }
    assert saved.state_s3 == S3Location("states", "orders.json")
    assert plan_hash(saved.plan) == json.loads(text_of("plan-1.json"))["hash"]
