"""Apply asks before it acts, on a terminal and only there."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.support.workspace import Result, Workspace, command, sqs

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"


def answer(workspace: Workspace, text: str, *arguments: str) -> Result:
    """Run a command with a terminal as its standard input, on which this text is typed."""
    ours, theirs = pty.openpty()
    os.write(ours, text.encode())
    process = subprocess.run(
        command(*arguments), cwd=workspace.folder, env=workspace.sandbox.environ, stdin=theirs,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    return Result(process.returncode, process.stdout, process.stderr)


def test_yes_applies(workspace: Workspace) -> None:
    workspace.write(ONE)

    result = answer(workspace, "yes\n", "apply")

    assert result.code == 0
    assert "Do you want to perform these actions?" in result.err
    assert "Only 'yes' will be accepted to approve." in result.err
    assert len(workspace.live()) == 1
    workspace.assert_in_sync()


@pytest.mark.parametrize("text", ["no\n", "y\n", "\n", "\x04"])
def test_anything_else_does_not(workspace: Workspace, text: str) -> None:
    workspace.write(ONE)

    result = answer(workspace, text, "apply")

    assert result.code == 1
    assert "Apply cancelled." in result.err
    assert workspace.live() == {}


def test_destroy_asks_more_sternly(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()

    result = answer(workspace, "yes\n", "destroy")

    assert "Do you really want to destroy all mappings of this stack?\n  There is no undo." in result.err
    assert workspace.live() == {}


def test_nothing_to_do_asks_nothing(workspace: Workspace) -> None:
    workspace.write("")

    result = answer(workspace, "", "apply")

    assert result.code == 0
    assert "Enter a value" not in result.err


def test_no_input_never_asks(workspace: Workspace) -> None:
    workspace.write(ONE)

    result = answer(workspace, "yes\n", "apply", "--no-input")

    assert result.code == 1
    assert "cannot ask for approval: stdin is not a terminal, or --no-input was given" in result.err


@pytest.mark.parametrize(
    ("arguments", "environ", "painted"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        ((), {"FORCE_COLOR": "1"}, True),
    ],
)
def test_colour_is_for_terminals_or_on_demand(
    workspace: Workspace, arguments: tuple[str, ...], environ: dict[str, str], painted: bool
) -> None:
    workspace.write(ONE)

    assert ("\033[" in workspace.run("plan", *arguments, **environ).out) is painted
