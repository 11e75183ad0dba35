"""What somebody meets on the first day: what exists already, other folders, other regions, commands that are pasted."""

from __future__ import annotations

import json
import shlex

import boto3
import pytest

from tests.support.workspace import ACCOUNT, Workspace, sqs, start_sandbox

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"


# --- what is not managed ---------------------------------------------------------------------------------------------


def test_a_plan_of_nothing_says_what_is_not_managed(workspace: Workspace) -> None:
    for queue in ("q1", "q2"):
        workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs(queue))
    workspace.write("")

    planned = workspace.run("plan")

    assert planned.out.endswith("\nNo changes. The mappings match the manifest.\n")
    assert (
        "2 mappings in eu-west-1 are not managed by this stack; import one with `provisioner import NAME UUID`"
        in planned.err
    )


def test_what_is_managed_and_what_was_not_listed_is_not_counted(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()

    assert "not managed" not in workspace.run("plan").err


def test_a_selection_matches_as_a_selection(workspace: Workspace) -> None:
    workspace.write(f"{ONE}\nother: {{ function_name: worker, event_source_arn: '{sqs('q2')}' }}")
    workspace.apply("--target", "orders")

    assert workspace.plan("--target", "orders") == "No changes. The selected mappings match the manifest.\n"


# --- which manifest --------------------------------------------------------------------------------------------------


def test_two_manifests_are_refused(workspace: Workspace) -> None:
    workspace.write(ONE)

    refused = workspace.run("validate", "-f", "broken.yaml", "-f", "provisioner.yaml", code=1)

    assert "run the command once per manifest" in refused.err


@pytest.mark.parametrize("arguments", [(), ("-f", "orders.yaml")])
def test_in_a_folder_below_the_manifest_above_is_named(workspace: Workspace, arguments: tuple[str, ...]) -> None:
    workspace.write("", head="include: [mappings/*.yaml]\n")
    below = workspace.folder / "mappings"
    below.mkdir()
    (below / "orders.yaml").write_text(f"mappings:\n  {ONE}\n", encoding="utf-8")
    inside = Workspace(below, workspace.sandbox, workspace.aws)

    assert "hint: found a manifest in a parent folder: use -f .." in inside.run("validate", *arguments, code=1).out
    (below / "orders.yaml").unlink()
    if not arguments:
        assert "hint: found a manifest in a parent folder: use -f .." in inside.run("plan", code=1).err


def test_a_command_in_a_hint_carries_the_flags_of_the_invocation(workspace: Workspace) -> None:
    uuid = workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs())["UUID"]
    folder = workspace.folder / "my esm"
    folder.mkdir()
    (folder / "provisioner.yaml").write_text(
        "stack: test\nprovider: { region: eu-west-1 }\nvariables: { q: { type: string } }\n"
        f"mappings:\n  orders: {{ function_name: worker, event_source_arn: '{sqs()[:-2]}${{var.q}}' }}\n",
        encoding="utf-8",
    )
    (workspace.folder / "v.yaml").write_text("q: q1\n", encoding="utf-8")

    shown = workspace.run("plan", "-f", "my esm", "--var-file", "v.yaml").out
    line = f"provisioner import orders {uuid} -f 'my esm' --var-file v.yaml"
    assert f"`{line}`" in shown
    workspace.run(*shlex.split(line)[1:])
    assert "\nNo changes." in workspace.run("plan", "-f", "my esm", "--var-file", "v.yaml").out


# --- another region, another partition -------------------------------------------------------------------------------


def test_a_mapping_of_another_region_is_named_with_its_region(workspace: Workspace) -> None:
    environ = workspace.sandbox.environ
    there = boto3.client(
        "lambda", region_name="us-east-1", endpoint_url=environ["AWS_ENDPOINT_URL"], aws_access_key_id="x",
        aws_secret_access_key="x",
    )  # fmt: skip
    for service, make in (
        ("iam", lambda client: client.get_role(RoleName="sandbox")),
        ("sqs", lambda client: client.create_queue(QueueName="far", Attributes={"VisibilityTimeout": "60"})),
    ):
        make(boto3.client(service, region_name="us-east-1", endpoint_url=environ["AWS_ENDPOINT_URL"],
                          aws_access_key_id="x", aws_secret_access_key="x"))  # fmt: skip
    there.create_function(
        FunctionName="far", Role=f"arn:aws:iam::{ACCOUNT}:role/sandbox", Runtime="python3.12", Handler="i.h",
        Code={"ZipFile": b"x"},
    )  # fmt: skip
    source = f"arn:aws:sqs:us-east-1:{ACCOUNT}:far"
    uuid = there.create_event_source_mapping(FunctionName="far", EventSourceArn=source)["UUID"]
    workspace.write("")

    assert f"for a mapping in another region, use {uuid}@REGION" in workspace.run("import", "far", uuid, code=1).err
    assert (
        "specify different regions"
        in workspace.run("import", "far", f"{uuid}@us-east-1", "--region", "eu-west-1", code=1).err
    )
    assert "is not a region" in workspace.run("import", "far", f"{uuid}@", code=1).err
    workspace.run("import", "far", f"{uuid}@us-east-1", "--write")
    workspace.assert_in_sync()
    there.delete_event_source_mapping(UUID=uuid)


def test_every_partition_and_a_second_account(workspace: Workspace) -> None:
    """Ownership tags are not sent where mappings are not known to have tags; a source may be another account's."""
    seed = workspace.folder / "seed.yaml"
    seed.write_text(
        "region: us-gov-west-1\nfunctions: [{ name: worker, versions: 3 }]\n"
        "queues: [{ name: here }, { name: there, account: '210987654321' }]\n",
        encoding="utf-8",
    )
    started = start_sandbox("--seed", str(seed), "--delay", "0")
    try:
        inside = Workspace(workspace.folder, started, None)
        inside.write_text(
            "stack: test\nprovider: { region: us-gov-west-1, allowed_account_ids: ['123456789012'] }\nmappings:\n"
            "  here: { function_name: 'worker:1', event_source_arn: 'arn:aws-us-gov:sqs:us-gov-west-1:123456789012:here' }\n"
            "  there: { function_name: 'worker:3', event_source_arn: 'arn:aws-us-gov:sqs:us-gov-west-1:210987654321:there' }\n"
        )
        inside.apply()
        inside.assert_in_sync()
        assert "2 mappings, 0 unhealthy." in inside.run("status").out  # the other account's queue is there
        assert inside.run("drift").out == "No drift. Everything is as last applied.\n"
        assert "arn:aws-us-gov:lambda" in inside.run("state", "show", "here").out
        inside.write_text(
            inside.folder.joinpath("provisioner.yaml").read_text().replace("west-1,", "west-1, ownership_tags: true,")
        )
        inside.apply("--replace", "here", code=3)
    finally:
        started.process.terminate()
        started.process.wait()


# --- status tells the truth ------------------------------------------------------------------------------------------


def test_status_shows_what_is_gone_and_what_was_never_applied(workspace: Workspace) -> None:
    queues = workspace.sandbox.client("sqs")
    queues.create_queue(QueueName="short-lived", Attributes={"VisibilityTimeout": "60"})
    source = sqs("short-lived")
    workspace.write(f"{ONE}\nshort: {{ function_name: worker, event_source_arn: '{source}' }}")
    workspace.apply()
    queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName="short-lived")["QueueUrl"])
    workspace.write(
        f"{ONE}\nshort: {{ function_name: worker, event_source_arn: '{source}' }}\n"
        f"later: {{ function_name: worker, event_source_arn: '{sqs('q2')}' }}"
    )

    shown = workspace.run("status", code=2).out.splitlines()
    rows = json.loads(workspace.run("status", "--json", code=2).out)["mappings"]

    assert [line.split()[0] for line in shown[1:4]] == ["later", "short", "orders"]  # broken first
    assert [(row["name"], row["state"], row["healthy"]) for row in rows] == [
        ("later", "Absent", False),
        ("short", "Enabled", False),
        ("orders", "Enabled", True),
    ]
    assert rows[1]["problem"] == "the queue short-lived no longer exists"
    assert (rows[1]["function"], rows[1]["source"], rows[1]["region"]) == ("worker", source, "eu-west-1")
    unchecked = json.loads(workspace.run("status", "--json", "--checks", "off", code=2).out)["mappings"]
    assert {row["name"]: row["healthy"] for row in unchecked} == {"later": False, "short": True, "orders": True}
    assert (
        "An apply cannot restore short: recreate the missing functions or sources first."
        in workspace.run("drift", code=2).out
    )


def test_status_and_drift_read_tags_by_the_hundred(workspace: Workspace) -> None:
    workspace.write(ONE, head="")
    workspace.write_text(
        (workspace.folder / "provisioner.yaml").read_text().replace("}\n", ", default_tags: { a: b } }\n", 1)
    )
    workspace.apply()

    for arguments, calls in ((("status", "--checks", "off"), 3), (("status",), 5), (("drift",), 5), (("plan",), 3)):
        assert workspace.run(*arguments).err.splitlines()[-1].startswith(f"{calls} calls"), arguments


# --- why a line changes ----------------------------------------------------------------------------------------------


def test_a_default_that_is_written_out_is_an_edit_and_a_removed_line_is_another(workspace: Workspace) -> None:
    workspace.write(f"{ONE[:-2]}, batch_size: 5 }}")
    workspace.apply()

    workspace.write(f"{ONE[:-2]}, batch_size: 10 }}")
    assert "~ batch_size = 5 -> 10  # edit: set to the default" in workspace.plan()
    change = json.loads(workspace.plan("--json"))["resource_changes"][0]["x_provisioner"]["cause"]["batch_size"]
    assert change == {"cause": "edit", "detail": "set to the default", "applied": 5}
    assert "edit: set to the default" in workspace.plan("--format", "markdown")
    workspace.write(ONE)
    assert "~ batch_size = 5 -> 10  # edit: line removed, so AWS's default applies" in workspace.plan()
    assert "edit: line removed" in workspace.plan("--format", "markdown")


def test_the_region_is_named_where_there_are_several(workspace: Workspace) -> None:
    there = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q1"
    workspace.write(f"{ONE}\nthere: {{ function_name: worker, event_source_arn: '{there}' }}")

    table = workspace.plan("--format", "markdown")

    assert "| `orders` (eu-west-1) |" in table
    assert "| `there` (us-east-1) |" in table


def test_the_sandbox_answers_when_it_is_ready(workspace: Workspace) -> None:
    """Nobody is answered while the seed is being planted: the first answer knows all of it."""
    started = start_sandbox("--seed", "examples/quickstart/seed.yaml")
    try:
        made = started.client().create_event_source_mapping(FunctionName="orders-worker", EventSourceArn=sqs("orders"))
        assert made["State"] == "Creating"
    finally:
        started.process.terminate()
        started.process.wait()
