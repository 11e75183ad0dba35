"""Reads that are older than AWS's own answer: what contradicts it counts only after a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.aws.event_source_mappings import EventSourceMappings
from provisioner.model.key import Key
from provisioner.model.live import Live
from provisioner.model.report import Result
from provisioner.model.state import Record
from provisioner.sandbox import mappings
from tests.execution.test_apply import outcome, queue
from tests.support.control_plane import any_credentials, served
from tests.support.stack import Sessions, Stack

Lives = dict[Key, Live]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    with served(direct=True) as plane:
        any_credentials(monkeypatch)
        yield Stack(tmp_path, plane, Sessions(plane.endpoint, plane.attach))


def lag(monkeypatch: pytest.MonkeyPatch, polls: int, old: Callable[[Lives], Lives]) -> list[int]:
    """Let the first polls show what was before; returns how many polls there were."""
    observe, seen = EventSourceMappings.observe, [0]

    def late(driver: EventSourceMappings, records: Sequence[Record], *, deleting: bool = False) -> Lives:
        seen[0] += 1
        now = observe(driver, records, deleting=deleting)
        return old(now) if seen[0] <= polls else now

    monkeypatch.setattr(EventSourceMappings, "observe", late)
    return seen


def test_a_created_mapping_that_is_shown_late_is_not_taken_for_deleted(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.write_mappings(queue("a"))
    seen = lag(monkeypatch, 3, lambda now: {})

    assert stack.apply().clean

    assert seen == [4]


def test_an_update_that_is_shown_late_is_not_taken_for_ignored(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.write_mappings(queue("a"))
    assert stack.apply().clean
    stack.write_mappings(queue("a", ", batch_size: 5"))

    def before(now: Lives) -> Lives:
        return {
            key: replace(live, mapping={name: item for name, item in live.mapping.items() if name != "batch_size"})
            for key, live in now.items()
        }

    seen = lag(monkeypatch, 3, before)

    assert stack.apply().clean
    assert seen == [4]


def test_a_created_mapping_that_never_shows_is_reported_after_the_bound(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.write_mappings(queue("a"))
    lag(monkeypatch, 10_000, lambda now: {})

    done = outcome(stack.apply())

    assert done.result is Result.FAILED
    assert done.detail == "it was deleted outside provisioner before it had settled"


def test_tags_that_an_edit_takes_back_are_removed_while_the_tagging_api_shows_the_ones_before(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tags in ("", ", tags: {team: x}"):
        stack.write_mappings(queue("a", tags))
        assert stack.apply().clean
    monkeypatch.setattr(mappings.Mappings, "tagged", lambda store, arns: iter(()))  # as before the last apply
    stack.write_mappings(queue("a"))

    [change] = stack.plan().changes

    assert [field.path for field in change.fields] == [("tags", "team")]
