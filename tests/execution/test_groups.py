"""Changes that a driver carries out together: one worker for the group, an outcome for each change."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from provisioner.aws.event_source_mappings import EventSourceMappings
from provisioner.model.plan import Change
from provisioner.model.report import Result
from tests.execution.test_apply import only_once, queue, stack_of
from tests.support.control_plane import served
from tests.support.stack import Stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack whose driver carries out changes of mappings with the same first letter together."""

    def by_letter(driver: EventSourceMappings, changes: Sequence[Change]) -> list[tuple[Change, ...]]:
        del driver
        letters = sorted({change.name[0] for change in changes})
        return [tuple(change for change in changes if change.name[0] == letter) for letter in letters]

    monkeypatch.setattr(EventSourceMappings, "calls", by_letter)
    with served() as plane:
        yield stack_of(plane, tmp_path, monkeypatch)


def test_one_worker_carries_out_a_group_in_the_order_of_the_plan(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    workers: dict[str, list[tuple[str, int]]] = {}
    create = EventSourceMappings.create

    def seen(driver: EventSourceMappings, region: str, desired: dict[str, Any], *rest: Any) -> Any:
        name = str(desired["event_source_arn"]).rpartition(":")[2]
        workers.setdefault("made", []).append((name, threading.get_ident()))
        return create(driver, region, desired, *rest)

    monkeypatch.setattr(EventSourceMappings, "create", seen)

    stack.write_mappings(*(queue(f"a{number}", number=number) for number in (1, 2, 3)))

    report = stack.apply()

    assert [outcome.result for outcome in report.outcomes] == [Result.APPLIED] * 3
    assert [name for name, _ in workers["made"]] == ["q1", "q2", "q3"]
    assert len({worker for _, worker in workers["made"]}) == 1


def test_a_change_that_fails_stops_no_other_of_its_group(stack: Stack) -> None:
    stack.write_mappings(*(queue(f"a{number}", number=number) for number in (1, 2, 3)))
    stack.plane.faults.append(only_once("POST", "400 InvalidParameterValueException", number=2))

    report = stack.apply()

    results = {outcome.change.name: outcome.result for outcome in report.outcomes}
    assert results == {"a1": Result.APPLIED, "a2": Result.FAILED, "a3": Result.APPLIED}
    assert set(stack.uuids()) == {"a1", "a3"}
