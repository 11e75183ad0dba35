"""Manners on a terminal and off it, seen through a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from fcntl import ioctl

import pytest

from tests.support.workspace import Result, Workspace, command, sqs

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"
TWO = f"{ONE}\nrefunds: {{ function_name: worker, event_source_arn: '{sqs('q2')}' }}"
CSI = re.compile(r"\033\[[0-9;?]*[A-Za-z]")


def on_a_terminal(workspace: Workspace, *arguments: str, typed: str = "", columns: int = 80, **environ: str) -> Result:
    """Run a command whose three streams are one terminal; what it shows there is `out`."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.write(ours, typed.encode())
    sized = {name: value for name, value in workspace.sandbox.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        command(*arguments), cwd=workspace.folder, env={"TERM": "xterm", **sized, **environ},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([ours], [], [], 0.1)
        try:
            shown += os.read(ours, 65536) if ready else b""
        except OSError:  # the other end is closed: it ended
            break
    os.close(ours)
    return Result(process.wait(timeout=10), shown.decode(), "")


def test_an_apply_moves_on_a_terminal_and_leaves_its_lines(workspace: Workspace) -> None:
    workspace.write(TWO)

    result = on_a_terminal(workspace, "apply", "--auto-approve")

    plain = CSI.sub("", result.out)
    assert result.code == 0
    assert "\033[?25l" in result.out  # something moves
    assert result.out.rindex("\033[?25h") > result.out.rindex("\033[?25l")  # and the cursor is there again
    assert re.search(r"orders: Creation complete after \d+s \[uuid=", plain)
    assert re.search(r"0/2|1/2|2/2", plain)
    assert "Apply complete! Mappings: 2 added" in plain


def test_progress_is_plain_lines_elsewhere(workspace: Workspace) -> None:
    workspace.write(TWO)

    result = workspace.apply()

    assert "\033" not in result.err
    assert "\r" not in result.err
    lines = result.err.splitlines()
    assert {"orders: Creating...", "refunds: Creating..."} <= set(lines)


def test_quiet_is_quiet(workspace: Workspace) -> None:
    workspace.write(TWO)

    assert re.fullmatch(r"\d+ calls, 0 throttled, \d+\.\ds\n", workspace.apply("-q").err)


def test_a_dumb_terminal_gets_plain_lines(workspace: Workspace) -> None:
    workspace.write(ONE)

    result = on_a_terminal(workspace, "apply", "--auto-approve", TERM="dumb")

    assert "\033" not in result.out
    assert "orders: Creating..." in result.out


@pytest.mark.parametrize(
    ("arguments", "environ", "painted"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ((), {"TERM": "dumb"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"TERM": "dumb"}, True),
    ],
)
def test_colour_is_for_those_who_want_it(
    workspace: Workspace, arguments: tuple[str, ...], environ: dict[str, str], painted: bool
) -> None:
    workspace.write(ONE)

    assert ("\033[" in on_a_terminal(workspace, "plan", *arguments, **environ).out) is painted


def test_the_prompt_names_every_loss_and_yes_alone_approves(workspace: Workspace) -> None:
    workspace.write(
        f"{ONE}\n{TWO.splitlines()[1][:-2]}, filter_criteria: {{ filter: [{{ pattern: {{ body: {{ a: [1] }} }} }}] }} }}"
    )

    refused = on_a_terminal(workspace, "apply", typed="Yes\n", NO_COLOR="1")
    assert refused.code == 1
    assert "Records may be lost:\r\n  refunds: loss[R301]: messages that do not match the filters" in refused.out
    assert "Apply cancelled." in refused.out
    assert workspace.live() == {}

    assert on_a_terminal(workspace, "apply", typed="yes\n").code == 0
    assert len(workspace.live()) == 2


def test_the_table_of_status_fits_its_terminal(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    uuid = workspace.uuid("orders")
    workspace.aws.update_event_source_mapping(UUID=uuid, Enabled=False)
    workspace.settled(uuid)

    shown = on_a_terminal(workspace, "status", columns=60, NO_COLOR="1").out

    assert max(map(len, shown.split("\r\n"))) <= 60
    assert "disabled outside provisioner" in " ".join(shown.split())


def test_the_last_line_counts(workspace: Workspace) -> None:
    workspace.write(ONE)

    assert re.search(r"^\d+ calls, 0 throttled, \d+\.\ds$", workspace.run("plan").err.splitlines()[-1])


def test_a_log_reports_each_call_and_nothing_that_it_carries(workspace: Workspace) -> None:
    secret = "x-marks-the-spot"
    workspace.write(
        f"{ONE[:-2]}, filter_criteria: {{ filter: [{{ pattern: {{ body: {{ a: [{secret}] }} }} }}] }}, tags: {{ t: {secret} }} }}"
    )

    log = workspace.run("apply", "--auto-approve", PROVISIONER_LOG="debug").err

    calls = re.findall(r"provisioner\.aws\.session: (\S+) (\d+) request ([0-9a-f-]{36})", log)
    assert ("lambda:CreateEventSourceMapping", "202") in [call[:2] for call in calls]
    assert len({call[2] for call in calls}) == len(calls)
    assert secret not in log
    assert workspace.sandbox.environ["AWS_SECRET_ACCESS_KEY"] not in log.replace("AWS_", "")
