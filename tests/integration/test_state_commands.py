"""Looking at the state, mending it, moving it, and making a lost one anew."""

from __future__ import annotations

import fcntl
import json
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.support.workspace import REGION, Workspace, command, sqs

TWO = f"""
    orders: {{ function_name: worker, event_source_arn: {sqs("orders")}, batch_size: 5, tags: {{ team: a }} }}
    views: {{ function_name: other, event_source_arn: {sqs("q1")} }}
"""
S3 = "state: {{ s3: {{ bucket: {bucket}, key: test.json }} }}\n"


@pytest.fixture
def two(workspace: Workspace) -> Workspace:
    workspace.write(TWO)
    workspace.apply()
    return workspace


@pytest.fixture
def bucket(workspace: Workspace) -> str:
    name = f"states-{uuid.uuid4().hex}"
    workspace.sandbox.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def state(workspace: Workspace) -> Path:
    return workspace.folder / "state/test.json"


def test_mv_renames_a_record_without_a_call(two: Workspace) -> None:
    orders = two.uuid("orders")

    two.run("state", "mv", "orders", "sales")

    two.write(TWO.replace("orders: {", "sales: {", 1))
    assert two.uuid("sales") == orders
    two.assert_in_sync()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mv", "order", "x"), "did you mean orders?"),
        (("mv", "orders", "views"), "the state already contains views"),
        (("mv", "orders", "a b"), "is not a valid mapping name"),
        (("rm", "order"), "did you mean orders?"),
        # Globs are for --target and --exclude.
        (("show", "order*"), "state show order*: no mapping has this name"),
        (("mv", "order*", "x"), "state mv order*: no mapping has this name"),
        (("rm", "orders", "v*"), "state rm v*: no mapping has this name"),
        (("push", "nowhere.json"), "nowhere.json cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(two: Workspace, arguments: tuple[str, ...], message: str) -> None:
    before = state(two).read_text()

    assert message in two.run("state", *arguments, code=1).err
    assert state(two).read_text() == before


def test_rm_forgets_and_the_mapping_keeps_running(two: Workspace) -> None:
    orders = two.uuid("orders")

    two.run("state", "rm", "orders")

    assert orders in two.live()
    assert "orders" not in two.run("state", "list").out


def test_pull_and_push_are_each_others_inverse(two: Workspace) -> None:
    pulled = two.run("state", "pull").out
    assert json.loads(pulled) == json.loads(state(two).read_text())

    pushed = two.run("state", "push", "-", stdin=pulled)

    assert "2 mappings" in pushed.err
    two.assert_in_sync()


def test_push_refuses_an_older_state_another_lineage_and_another_stack(two: Workspace) -> None:
    value = json.loads(state(two).read_text())
    cases = [
        ({"serial": value["serial"] - 1}, "is older: it has serial"),
        ({"lineage": str(uuid.uuid4())}, "a different one; use --force to replace it"),
        ({"stack": "elsewhere"}, "belongs to stack elsewhere"),
        ({"version": 99}, "upgrade provisioner"),
    ]
    for change, message in cases:
        assert message in two.run("state", "push", "-", stdin=json.dumps(value | change), code=1).err
    two.run("state", "push", "--force", "-", stdin=json.dumps(value | {"lineage": str(uuid.uuid4())}))


def test_a_lost_state_is_rebuilt_and_the_plan_is_empty(two: Workspace) -> None:
    two.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs("q2"))  # unmanaged, and stays so
    before = json.loads(state(two).read_text())
    for file in state(two).parent.iterdir():
        file.unlink()

    reported = two.run("state", "rebuild").err

    assert "The state now contains 2 mappings" in reported
    after = json.loads(state(two).read_text())
    assert (after["lineage"], after["mappings"]) == (before["lineage"], before["mappings"])
    two.assert_in_sync()


def test_a_rebuilt_state_also_knows_what_left_the_manifest(two: Workspace) -> None:
    views = two.uuid("views")
    state(two).unlink()
    two.write("\n".join(line for line in TWO.splitlines() if "views" not in line))

    reported = two.run("state", "rebuild").err

    assert f"views: {views} has this stack's tags and is not in the manifest" in reported
    two.apply()
    assert views not in two.live()


def test_a_state_that_is_there_is_not_rebuilt(two: Workspace) -> None:
    assert "the state still contains 2 mappings" in two.run("state", "rebuild", code=1).err


def test_a_damaged_state_keeps_its_name_while_aws_cannot_be_asked(two: Workspace) -> None:
    state(two).write_text("damaged")

    two.run("state", "rebuild", code=1, AWS_ENDPOINT_URL="http://127.0.0.1:1")

    assert state(two).read_text() == "damaged"
    two.run("state", "rebuild")
    two.assert_in_sync()


def test_a_second_checkout_with_an_empty_state_adopts_nothing_and_is_reported_the_way_out(
    two: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    second = Workspace(tmp_path_factory.mktemp("second"), two.sandbox, two.aws)
    second.write(TWO)

    reported = second.run("apply", "--auto-approve", code=3).out

    assert "belongs to another state of stack test" in reported
    assert "`provisioner state rebuild`" in reported
    assert second.run("state", "list").out == ""


# --- S3 --------------------------------------------------------------------------------------------------------------


def test_a_state_moves_from_a_file_to_s3_with_one_command(two: Workspace, bucket: str) -> None:
    two.write(TWO, head=S3.format(bucket=bucket))

    two.run("state", "push", "state/test.json")

    state(two).unlink()
    two.assert_in_sync()
    two.write(TWO.replace("batch_size: 5", "batch_size: 6"), head=S3.format(bucket=bucket))
    two.apply()
    two.assert_in_sync()
    assert not state(two).exists()
    assert two.run("state", "list").out.count("\n") == 2


def test_a_team_shares_a_stack(two: Workspace, bucket: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    two.write(TWO, head=S3.format(bucket=bucket))
    two.run("state", "push", "state/test.json")
    second = Workspace(tmp_path_factory.mktemp("second"), two.sandbox, two.aws)
    second.write(TWO, head=S3.format(bucket=bucket))

    second.assert_in_sync()


def test_a_lock_in_s3_whose_holder_is_gone_is_taken_away_by_its_id(two: Workspace, bucket: str) -> None:
    two.write(TWO, head=S3.format(bucket=bucket))
    two.run("state", "push", "state/test.json")
    lock = {"id": "5f0c", "who": "somebody@elsewhere", "pid": 7, "since": "2026-01-15T00:00:00Z", "operation": "apply"}
    two.sandbox.client("s3").put_object(Bucket=bucket, Key="test.json.lock", Body=json.dumps(lock))

    refused = two.run("apply", "--auto-approve", code=5).err

    assert "the state is locked by somebody@elsewhere (pid 7) since 2026-01-15T00:00:00Z: apply" in refused
    assert "force-unlock 5f0c" in refused
    assert "the lock has a different ID" in two.run("force-unlock", "wrong", code=1).err
    two.run("force-unlock", "5f0c")
    two.apply()


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{ bucket: nowhere-at-all, key: k }", "bucket nowhere-at-all does not exist"),
        ("{ bucket: b }", "key is missing"),
    ],
)
def test_a_bucket_that_is_not_there(two: Workspace, block: str, message: str) -> None:
    two.write(TWO, head=f"state: {{ s3: {block} }}\n")

    assert message in two.run("plan", code=1).err


# --- the lock of a file ----------------------------------------------------------------------------------------------


def test_a_lock_is_waited_for(two: Workspace) -> None:
    with (two.folder / "state/test.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "use --lock-timeout to wait" in two.run("apply", "--auto-approve", "--lock-timeout", "0.2s", code=5).err
        waiting = subprocess.Popen(
            command("apply", "--auto-approve", "--lock-timeout", "60s"), cwd=two.folder, env=two.sandbox.environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    assert waiting.wait(60) == 0


def test_a_wait_that_is_none_is_reported(two: Workspace) -> None:
    assert "is not a duration" in two.run("apply", "--lock-timeout", "soon", code=1).err


def test_force_unlock_of_a_file_names_the_holder(two: Workspace) -> None:
    assert "the state is not locked" in two.run("force-unlock", "x", code=1).err
