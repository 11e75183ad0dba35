"""Each exit code of each command, as the README lists them: 0 done, 1 error, 2 changes, 3 incomplete, 4 stale, 5 locked."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.workspace import Workspace, sqs

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"
CHANGED = ONE.replace(" }", ", batch_size: 5 }")
WRONG = ONE.replace(" }", ", batch_size: 0 }")
UUID = "5f0c1f2e-1111-2222-3333-444455556666"

Arrange = Callable[[Workspace], None]


def nothing(_: Workspace) -> None: ...


def new(workspace: Workspace) -> None:
    workspace.write(ONE)


def applied(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()


def edited(workspace: Workspace) -> None:
    applied(workspace)
    workspace.write(CHANGED)


def drifted(workspace: Workspace) -> None:
    applied(workspace)
    uuid = workspace.uuid("orders")
    workspace.aws.update_event_source_mapping(UUID=uuid, Enabled=False)
    workspace.settled(uuid)


def wrong(workspace: Workspace) -> None:
    workspace.write(WRONG)


def unapplicable(workspace: Workspace) -> None:
    workspace.write(ONE.replace(sqs(), sqs("nowhere")))


def refused(workspace: Workspace) -> None:
    applied(workspace)
    workspace.write("", head="limits: { deletes: 0 }\n")


def risky(workspace: Workspace) -> None:
    applied(workspace)
    pattern = ONE.replace(" }", ", filter_criteria: { filter: [{ pattern: { body: { a: [1] } } }] } }")
    workspace.write(pattern, head="limits: { risk: loss }\n")


def saved(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.run("plan", "--out", "plan.json")


def stale(workspace: Workspace) -> None:
    saved(workspace)
    workspace.apply()


def untidy(workspace: Workspace) -> None:
    workspace.write_text("mappings: {}\nstack: test\n")


def tidy(workspace: Workspace) -> None:
    workspace.write_text("stack: test\n\nmappings: {}\n")


@pytest.mark.parametrize(
    ("arrange", "line", "code"),
    [
        (new, "plan", 0),
        (new, "plan --detailed-exitcode", 2),
        (applied, "plan --detailed-exitcode", 0),
        (wrong, "plan", 1),
        (refused, "plan", 1),
        (risky, "plan", 1),
        (risky, "plan --accept-risk R301", 0),
        (risky, "plan --accept-risk R999", 1),
        (new, "plan --target nothing", 1),
        (new, "plan --no-such-flag", 1),
        (new, "plan --out /dev/null/plan.json", 1),
        (edited, "plan --refresh=false --detailed-exitcode", 2),
        (drifted, "plan --refresh=false --detailed-exitcode", 0),
        (new, "apply --auto-approve", 0),
        (applied, "apply", 0),
        (new, "apply", 1),
        (new, "apply --json", 1),
        (wrong, "apply --auto-approve", 1),
        (refused, "apply --auto-approve", 1),
        (refused, "apply --auto-approve --allow-deletes 1", 0),
        (unapplicable, "apply --auto-approve --fail-fast", 1),
        (unapplicable, "apply --auto-approve --fail-fast --checks warn", 3),
        (unapplicable, "check", 2),
        (new, f"apply --expect-plan-hash v1:{'0' * 64}", 4),
        (new, f"apply --expect-plan-hash v2:{'0' * 64}", 4),
        (new, "apply --auto-approve --expect-plan-hash=", 1),
        (new, "apply --auto-approve --expect-plan-hash v2:0", 1),
        (saved, "apply plan.json", 0),
        (stale, "apply plan.json", 4),
        (new, "apply plan.json", 1),
        (saved, "apply plan.json --target orders", 1),
        (applied, "destroy --auto-approve", 0),
        (applied, "destroy", 1),
        (applied, "drift", 0),
        (drifted, "drift", 2),
        (wrong, "drift", 1),
        (applied, "status", 0),
        (drifted, "status", 2),
        (wrong, "status", 1),
        (saved, "show plan.json", 0),
        (new, "show plan.json", 1),
        (new, "show", 1),
        (new, "show --resolved", 0),
        (new, "show --resolved nothing", 1),
        (new, "show --resolved *", 1),
        (new, "plan --replace *", 1),
        (new, f"import orders {UUID}", 1),
        (new, "import orders none", 1),
        (new, "validate", 0),
        (wrong, "validate", 1),
        (wrong, "validate --format github", 1),
        (tidy, "fmt --check", 0),
        (untidy, "fmt --check", 3),
        (untidy, "fmt", 0),
        (nothing, "fmt", 1),
        (new, "graph", 0),
        (wrong, "graph", 1),
        (saved, "graph --plan plan.json", 0),
        (new, "graph --plan nothing.json", 1),
        (applied, "state list", 0),
        (applied, "state show orders", 0),
        (applied, "state show nothing", 1),
        (applied, "state mv orders other", 0),
        (applied, "state mv nothing other", 1),
        (applied, "state rm orders", 0),
        (applied, "state rm nothing", 1),
        (applied, "state pull", 0),
        (applied, "state push state/test.json", 0),
        (applied, "state push nothing", 1),
        (applied, "state rebuild", 1),
        (new, "state rebuild", 0),
        (applied, "force-unlock x", 1),
        (nothing, "explain R301", 0),
        (nothing, "explain R999", 1),
        (nothing, "schema", 0),
        (nothing, "version", 0),
        (nothing, "no-such-command", 1),
        (nothing, "plan", 1),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)  # fmt: skip
def test_a_command_ends_with_its_code(workspace: Workspace, arrange: Arrange, line: str, code: int) -> None:
    arrange(workspace)

    result = workspace.run(*line.split(), code=code)

    assert result.out or result.err or line == "fmt --check"  # which says nothing when all is well


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Somebody holds the state's lock."""
    (folder / "state").mkdir(exist_ok=True)
    with (folder / "state/test.lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize(
    "line",
    [
        "apply --auto-approve", "apply plan.json", "destroy --auto-approve", f"import orders {UUID}", "state mv orders a",
        "state rm orders", "state push state/test.json", "state rebuild",
    ],
)  # fmt: skip
def test_who_would_write_waits_for_nobody(workspace: Workspace, line: str) -> None:
    saved(workspace)
    state = '{"version": 1, "lineage": "l", "serial": 1, "stack": "test", "account": "", "mappings": {}}'
    (workspace.folder / "state").mkdir(exist_ok=True)
    (workspace.folder / "state/test.json").write_text(state)

    with held(workspace.folder):
        workspace.run(*line.split(), code=5)


@pytest.mark.parametrize("line", ["plan", "drift", "status", "state list", "state pull"])
def test_who_only_reads_does_not_wait(workspace: Workspace, line: str) -> None:
    applied(workspace)

    with held(workspace.folder):
        workspace.run(*line.split(), code=0)
