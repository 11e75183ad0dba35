"""Kill it anywhere, run it again: after every call and every file operation of one long apply.

A plain run tries every point of a local state, and every third of one in S3; `make test-all` tries them all.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.harness import CALL_MODES, FILE_MODES, Fault, Machine
from tests.support import ALL
from tests.support.control_plane import ACCOUNT, REGION


def queue(number: int | str, function: str = "f", **more: Any) -> dict[str, Any]:
    return {"function_name": function, "event_source_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}", **more}


def stream(position: str) -> dict[str, Any]:
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"
    return {"function_name": "f", "event_source_arn": arn, "starting_position": position}


BEFORE = {
    "kept": queue(1), "edited": queue(2), "tagged": queue(3, tags={"a": "1", "b": "2"}), "moved-source": queue(4),
    "repositioned": stream("LATEST"), "old-name": queue(5), "unwanted": queue(6),
}  # fmt: skip
AFTER = {
    "kept": queue(1), "edited": queue(2, batch_size=5), "tagged": queue(3, tags={"a": "2", "c": "3"}, batch_size=7),
    "moved-source": queue(14), "repositioned": stream("TRIM_HORIZON"), "new-name": queue(5), "adopted": queue(7),
    "new": queue(8), "newer": queue(9, "g"),
}  # fmt: skip


@pytest.fixture
def story(machine: Machine) -> Machine:
    """Between the two manifests: creates, updates, tag changes, two kinds of replacement, a rename, an adoption, a
    delete.
    """
    machine.write(BEFORE)
    assert machine.apply().clean
    made = machine.client().create_event_source_mapping(
        FunctionName="f", EventSourceArn=queue(7)["event_source_arn"], BatchSize=3
    )
    machine.write(AFTER, imports=[{"to": "adopted", "id": made["UUID"]}])
    return machine


@pytest.mark.parametrize("mode", [*FILE_MODES, *CALL_MODES])
def test_every_point_of_an_apply_is_survived(story: Machine, mode: str) -> None:
    put_back = story.copy_of_state()
    only_writes = mode == "torn"
    status, counted, said = story.forked(story.apply, Fault(only_writes=only_writes))
    assert status == 0, said
    wrong: list[str] = []
    total = counted.files if mode in FILE_MODES else counted.calls
    points = range(1, total + 1, 1 if ALL or not story.s3 else 3)

    for at in points:
        put_back()
        if finding := story.wrong_after(story.apply, Fault(mode, at, only_writes)):
            wrong.append(f"at {at}: {finding}")

    assert wrong == []
    # With state in S3 no file is written.
    assert len(points) > 5 or (story.s3 and counted.files == 0 and mode in FILE_MODES)
