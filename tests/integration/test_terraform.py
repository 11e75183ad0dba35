"""Terraform itself makes thirty mappings on the sandbox, lets go of them as `handover` says, and both plans are empty; and it
reads policies that `policy` prints.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ALL
from tests.support.workspace import Workspace, start_sandbox

CONFIGURATION = Path(__file__).parent / "terraform"
PLUGINS = os.environ.get("TERRAFORM_PLUGINS", "")
RESOURCE = re.compile(r"^resource .*?^}\n", re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.skipif(
    not (ALL and PLUGINS and shutil.which("terraform")),
    reason="part of `make test-all` where Terraform is installed, and TERRAFORM_PLUGINS names a folder with its AWS provider",
)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(CONFIGURATION, tmp_path / "terraform")
    sandbox = start_sandbox("--seed", str(CONFIGURATION / "seed.yaml"), "--delay", "0.05")
    (tmp_path / "fleet").mkdir()
    yield Workspace(tmp_path, sandbox, sandbox.client())
    sandbox.process.terminate()
    sandbox.process.wait()


def terraform(workspace: Workspace, *arguments: str) -> str:
    environment = {
        **workspace.sandbox.environ,
        "TF_CLI_CONFIG_FILE": "/dev/null",
        "CHECKPOINT_DISABLE": "1",
        "TF_VAR_endpoint": workspace.sandbox.environ["AWS_ENDPOINT_URL"],
    }
    done = subprocess.run(
        ["terraform", *arguments],
        check=False,
        cwd=workspace.folder / "terraform",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_thirty_mappings_change_hands_without_a_change(workspace: Workspace) -> None:
    terraform(workspace, "init", f"-plugin-dir={PLUGINS}")
    terraform(workspace, "apply", "-auto-approve", "-no-color")
    before = workspace.live()
    assert len(before) == 30
    state = workspace.folder / "state.json"
    state.write_text(terraform(workspace, "show", "-json"))

    converted = workspace.run("convert", "state.json", "--name", "fleet").out
    of_file = workspace.run("convert", "terraform/terraform.tfstate", "--name", "fleet").out
    assert without_comments(converted) == without_comments(of_file)
    (workspace.folder / "fleet" / "provisioner.yaml").write_text(converted)
    assert "Plan: 30 to import, 0 to add, 0 to change, 0 to destroy." in workspace.run("plan", "-f", "fleet").out
    assert workspace.run("handover", "state.json", "--verify", "-f", "fleet", code=2).out.endswith(
        "30 mappings: 0 handed over, 30 not.\n"
    )

    [handover] = json.loads(workspace.run("handover", "state.json", "--format", "json").out)["handovers"]
    for file in (workspace.folder / "terraform").rglob("main.tf"):
        file.write_text(RESOURCE.sub("", file.read_text()))
    (workspace.folder / "terraform" / "removed.tf").write_text(handover["steps"][0]["code"])
    assert "0 added, 0 changed, 0 destroyed" in terraform(workspace, "apply", "-auto-approve", "-no-color")
    state.write_text(terraform(workspace, "show", "-json"))

    assert workspace.run("handover", "state.json", "--verify", "-f", "fleet").out.endswith(
        "30 mappings: 30 handed over, 0 not.\n"
    )
    workspace.run("apply", "-f", "fleet", "--auto-approve")
    assert workspace.live() == before
    assert "No changes." in workspace.run("plan", "-f", "fleet").out
    assert "No changes." in terraform(workspace, "plan", "-no-color")


def without_comments(text: str) -> str:
    return re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)


MANIFEST = """
stack: policies
provider: { region: eu-west-1, allowed_account_ids: ["123456789012"] }
mappings:
  clicks:
    function_name: worker
    event_source_arn: arn:aws:kinesis:eu-west-1:123456789012:stream/clicks
    starting_position: LATEST
    destination_config: { on_failure: { destination_arn: "arn:aws:s3:::failures" } }
  orders: { function_name: 1st, event_source_arn: "arn:aws:sqs:eu-west-1:123456789012:orders" }
"""


def test_terraform_reads_the_policies_that_are_printed(workspace: Workspace) -> None:
    workspace.write_text(MANIFEST)
    folder = workspace.folder / "terraform"
    head = (folder / "main.tf").read_text().partition("locals {")[0]
    shutil.rmtree(folder)
    folder.mkdir()
    names = {"worker": "worker", "1st": "_1st"}
    outputs = [f'output "{label}" {{ value = data.aws_iam_policy_document.{label}.json }}' for label in names.values()]
    (folder / "main.tf").write_text("\n".join([head, *outputs]))
    (folder / "policies.tf").write_text(workspace.run("policy", "--format", "terraform").out)

    terraform(workspace, "fmt", "-check", "policies.tf")
    terraform(workspace, "init", f"-plugin-dir={PLUGINS}")
    terraform(workspace, "apply", "-auto-approve", "-no-color")
    read = json.loads(terraform(workspace, "output", "-json"))

    printed = json.loads(workspace.run("policy").out)
    assert printed.keys() == names.keys()
    for name, label in names.items():
        assert with_lists(json.loads(read[label]["value"])) == with_lists(printed[name])


def with_lists(value: Any, key: str = "") -> Any:
    """A policy in one form: Terraform writes one text where a list has one, and sorts lists in another order."""
    if isinstance(value, dict):
        return {name: with_lists(item, name) for name, item in value.items()}
    if isinstance(value, list) and key == "Statement":
        return [with_lists(item) for item in value]
    return value if key in ("Version", "Sid", "Effect") else sorted([value] if isinstance(value, str) else value)
