"""What goes wrong says what, where and what next; with the exit code of the design, without a traceback, changing
nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace, sqs

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"


@pytest.fixture
def unchanged(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace in which nothing may have changed at the end, in AWS or in the folder."""
    workspace.write(ONE)
    workspace.apply()
    live = workspace.live()
    state = (workspace.folder / "state/test.json").read_bytes()
    yield workspace
    assert workspace.live() == live
    assert (workspace.folder / "state/test.json").read_bytes() == state


def fails(workspace: Workspace, *arguments: str, code: int = 1, **environ: str) -> str:
    """The message of a command that must fail, without the closing line of counts."""
    result = workspace.run(*arguments, code=code, **environ)
    assert result.out == ""
    lines = result.err.splitlines()
    return "\n".join(line for line in lines if " throttled, " not in line)


def test_unknown_field(unchanged: Workspace) -> None:
    unchanged.write(f"orders:\n  function_name: worker\n  event_source_arn: '{sqs()}'\n  batch_sise: 5\n")

    message = fails(unchanged, "apply", "--auto-approve")

    assert message.startswith("provisioner.yaml:7:5: error[E101]: unknown field 'batch_sise'\n")
    assert 'hint: did you mean "batch_size"?' in message


def test_wrong_type(unchanged: Workspace) -> None:
    unchanged.write(f"orders: {{ function_name: worker, event_source_arn: '{sqs()}', batch_size: '5' }}")

    assert "provisioner.yaml:4:107: error[E104]: batch_size must be a whole number, not the string '5'" in fails(
        unchanged, "apply", "--auto-approve"
    )


def test_missing_stack(unchanged: Workspace) -> None:
    unchanged.write_text("mappings: {}\n")

    assert "provisioner.yaml: error[E102]: stack is missing" in fails(unchanged, "plan")


def test_missing_manifest(unchanged: Workspace) -> None:
    assert fails(unchanged, "plan", "-f", "nowhere.yaml").startswith(
        "nowhere.yaml: error[E001]: no such file or folder"
    )


def test_no_credentials(unchanged: Workspace) -> None:
    message = fails(unchanged, "apply", "--auto-approve", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")

    assert message.startswith("Error: looking up the account ID of the credentials: Unable to locate credentials")
    assert "set AWS_PROFILE" in message


def test_unreachable_endpoint(unchanged: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"

        message = fails(unchanged, "apply", "--auto-approve", AWS_ENDPOINT_URL=endpoint)

    assert "Could not connect to the endpoint URL" in message
    assert endpoint in message
    assert "check the network, and AWS_ENDPOINT_URL if it is set" in message


def test_wrong_account_by_state(unchanged: Workspace) -> None:
    path = unchanged.folder / "state/test.json"
    state = path.read_text()
    path.write_text(state.replace('"account": "123456789012"', '"account": "210987654321"'))

    message = fails(unchanged, "plan")

    assert "the credentials belong to account 123456789012; the state belongs to account 210987654321" in message
    path.write_text(state)


def test_wrong_account_by_arn(unchanged: Workspace) -> None:
    unchanged.write(ONE.replace("123456789012", "210987654321"))

    message = fails(unchanged, "apply", "--auto-approve")

    assert "but orders (provisioner.yaml:4:3) refers to account 210987654321" in message


def test_wrong_account_by_allowed_account_ids(unchanged: Workspace) -> None:
    unchanged.write_text(f"stack: test\nprovider: {{ allowed_account_ids: ['210987654321'] }}\nmappings:\n  {ONE}\n")

    assert "which is not listed in allowed_account_ids" in fails(unchanged, "plan")


def test_unknown_uuid(unchanged: Workspace) -> None:
    uuid = "00000000-1111-2222-3333-444444444444"

    message = fails(unchanged, "import", "other", uuid)

    assert f"no mapping in account 123456789012, region eu-west-1 has the UUID {uuid}" in message
    assert "'nonsense' is neither a UUID nor s3:BUCKET/ENTRY-ID" in fails(unchanged, "import", "other", "nonsense")


def test_locked_state(unchanged: Workspace) -> None:
    advice = {"operation": "apply", "who": "somebody@somewhere", "pid": os.getpid(), "since": "2026-01-01T00:00:00Z"}
    with (unchanged.folder / "state/test.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(json.dumps(advice))
        lock.flush()

        message = fails(unchanged, "apply", "--auto-approve", code=5)
        plan = unchanged.run("plan")

    assert f"locked by somebody@somewhere (pid {os.getpid()}) since 2026-01-01T00:00:00Z: apply" in message
    assert "No changes." in plan.out
    assert "the state is locked by somebody@somewhere" in plan.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is damaged: it is not a state file"),
        ("{", "is damaged: it is not a state file"),
        ('{"version": 99}', "has state version 99, but this provisioner supports version 2"),
        ('{"version": 1, "lineage": "l"}', "is damaged: "),
        (
            '{"version": 1, "lineage": "l", "serial": 1, "stack": "billing", "account": "", "mappings": {}}',
            "belongs to stack billing, not to test",
        ),
        (
            '{"version": 1, "lineage": "l", "serial": 1, "stack": "test", "account": "", "mappings": {"a": {"uuid": 1}}}',
            "is damaged: ",
        ),
        (
            '{"version": 1, "lineage": "l", "serial": 1, "stack": "test", "account": "", "mappings": {"a": {"uuid": '
            '"00000000-1111-2222-3333-444444444444", "arn": "", "region": "r", "applied": {"topics": 3, "filter_criteria": 1}}}}',
            "is damaged: the applied values recorded for 00000000-1111-2222-3333-444444444444 are damaged",
        ),
    ],
)
def test_unreadable_state(workspace: Workspace, content: str, message: str) -> None:
    workspace.write(ONE)
    path = workspace.folder / "state/test.json"
    path.parent.mkdir()
    path.write_text(content)

    for arguments in (("plan",), ("apply", "--auto-approve"), ("state", "list")):
        assert message in fails(workspace, *arguments)

    assert path.read_text() == content
    assert workspace.live() == {}


def test_state_in_a_folder_that_cannot_be_made(workspace: Workspace) -> None:
    workspace.write(ONE, head="state: { path: provisioner.yaml/state.json }\n")

    assert "cannot be" in fails(workspace, "apply", "--auto-approve")
    assert workspace.live() == {}


def test_nobody_to_ask(unchanged: Workspace) -> None:
    unchanged.write("")

    result = unchanged.run("apply", code=1)

    assert "cannot ask for approval: stdin is not a terminal, or --no-input was given" in result.err
    assert "pass --auto-approve" in result.err


def test_most_recorded_mappings_missing(workspace: Workspace) -> None:
    workspace.write(
        "\n".join(f"m{n}: {{ function_name: worker, event_source_arn: '{sqs(f'q{n}')}' }}" for n in (1, 2, 3))
    )
    workspace.apply()
    for uuid in workspace.live():
        workspace.aws.delete_event_source_mapping(UUID=uuid)

    refused = workspace.run("apply", "--auto-approve", code=1)
    assert workspace.live() == {}
    workspace.apply("--allow-missing")

    assert "3 of 3 recorded mappings do not exist in account 123456789012, region eu-west-1 at http://" in refused.err
    assert "--allow-missing" in refused.err
    assert len(workspace.live()) == 3
    workspace.assert_in_sync()


def test_more_deletes_than_the_manifest_allows(unchanged: Workspace) -> None:
    unchanged.write("", head="limits: { deletes: 0 }\n")

    refused = unchanged.run("apply", "--auto-approve", code=1)

    assert "the plan deletes or replaces 1 mapping; the limit is 0" in refused.err
    assert "--allow-deletes 1" in refused.err


@pytest.mark.parametrize("arguments", [("nonsense",), ("plan", "--nonsense"), ("apply", "--parallelism", "0"), ()])
def test_a_wrong_command_line(workspace: Workspace, arguments: tuple[str, ...]) -> None:
    assert "Usage: provisioner" in workspace.run(*arguments, code=1).err


def test_a_port_that_is_taken(workspace: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        assert f"port {port} cannot be used" in workspace.run("sandbox", "--port", port, code=1).err


@pytest.mark.parametrize(
    ("seed", "message"),
    [("functions: [{}]", "functions.0.name: Field required"), ("a: [", "but found"), ("queues: 1", "queues: ")],
)
def test_a_seed_that_is_wrong(workspace: Workspace, tmp_path: Path, seed: str, message: str) -> None:
    (tmp_path / "seed.yaml").write_text(seed)

    assert message in workspace.run("sandbox", "--port", "0", "--seed", "seed.yaml", code=1).err


@pytest.mark.parametrize("delay", ["x", "-1", "creating", "nonsense=1", "nan"])
def test_a_delay_that_is_wrong(workspace: Workspace, delay: str) -> None:
    assert f"--delay {delay}: not a number of seconds" in workspace.run("sandbox", f"--delay={delay}", code=1).err
