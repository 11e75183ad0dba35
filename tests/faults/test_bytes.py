"""What an apply writes grows with the number of its changes, not with its square."""

from __future__ import annotations

import shutil

import pytest

from tests.faults.harness import Counted, Machine
from tests.faults.test_points import queue


def written(machine: Machine, count: int) -> Counted:
    machine.line.post("/moto-api/reset")
    shutil.rmtree(machine.folder / "state", ignore_errors=True)
    if machine.s3:
        machine.make_bucket()
    machine.write({f"m{number}": queue(number) for number in range(count)})
    status, counted, said = machine.forked(lambda: machine.apply().clean)
    assert (status, said) == (0, "True")
    return counted


def test_bytes_and_syncs_are_linear(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.backend.s3.FLUSH_EVERY", 3600.0)  # how fast this machine is has no part in it
    hundred, many = written(machine, 100), written(machine, 400)

    with capsys.disabled():
        kind = "s3" if machine.s3 else "local"
        for count, counted in ((100, hundred), (400, many)):
            did = f"{counted.bytes} bytes, {counted.syncs} syncs, {counted.state_writes} writes to S3"
            print(f"\n  {kind}, N = {count}: {did}", end="")
    # A state in S3 is written before the first call and at the end (and every ten seconds of a long apply): not once a change.
    each, of_hundred = (counted.bytes / max(counted.state_writes, 1) for counted in (many, hundred))
    assert each <= of_hundred * 4.8
    assert many.syncs <= hundred.syncs * 4.8
    assert many.state_writes == hundred.state_writes
