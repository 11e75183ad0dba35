"""Many at once for one lock: exactly one at a time, none starves, nothing is lost."""

from __future__ import annotations

import os
import time
from pathlib import Path

from provisioner.model.key import LAMBDA, Key
from provisioner.model.state import Record
from tests.faults.harness import Machine
from tests.support import ALL

APPLIED = {"function_name": "f", "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:q"}


def one(machine: Machine, number: int, inside: Path) -> int:
    """Take the lock, be alone inside, add a record; the exit code."""
    backend = machine.run().backend
    with backend.locked(f"process {number}", timeout=100_000) as writer:
        descriptor = os.open(inside, os.O_CREAT | os.O_EXCL)  # fails when somebody else is inside
        uuid = f"{number:08d}-1111-2222-3333-444455556666"
        record = Record(Key(LAMBDA, "eu-west-1", uuid), "arn", APPLIED)
        writer.save(writer.state.with_record(f"m{number}", record))
        inside.unlink()
        os.close(descriptor)
    return 0


def test_many_processes_write_one_after_the_other(machine: Machine) -> None:
    processes = 50 if ALL or not machine.s3 else 16  # each try for a lock in S3 is a request
    machine.write({})
    machine.run()
    inside = machine.folder / "inside"
    children = []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = one(machine, number, inside)
            finally:
                os._exit(code)
        children.append(child)
    deadline = time.monotonic() + 120
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    assert codes == [0] * processes
    assert time.monotonic() < deadline
    state = machine.run().backend.read().state
    assert state.serial == processes
    assert set(state.mappings) == {f"m{number}" for number in range(processes)}
