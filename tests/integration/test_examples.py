"""Every example: applied, planned again, imported whole into an empty state, destroyed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.workspace import Sandbox, Workspace, forks, start_sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(EXAMPLES / request.param, tmp_path / "example")
    sandbox: Sandbox = start_sandbox("--seed", str(EXAMPLES / request.param / "seed.yaml"), "--delay", "0.05")
    yield Workspace(tmp_path / "example", sandbox, sandbox.client())
    sandbox.process.terminate()
    sandbox.process.wait()


def applied(example: Workspace) -> dict[str, str]:
    """Apply an example, and see that all of it is in the state: the ids by name."""
    example.apply()
    example.assert_in_sync()
    names = example.run("state", "list").out.split()
    ids = dict(zip(names[::2], names[1::2], strict=True))
    assert ids.keys() == yaml.safe_load((example.folder / "provisioner.yaml").read_text())["mappings"].keys()
    return ids


@pytest.mark.parametrize("example", ["quickstart", "all-sources"], indirect=True)
def test_an_example_converges_imports_and_leaves_nothing(example: Workspace) -> None:
    ids = applied(example)

    shutil.rmtree(example.folder / "state")
    for name, uuid in ids.items():
        example.run("import", name, uuid)
    example.assert_in_sync()

    example.run("destroy", "--auto-approve")
    assert example.live() == {}


def kept(example: Workspace) -> dict[str, Any]:
    """What the buckets and the policies of the functions of an example have."""
    seed = yaml.safe_load((example.folder / "seed.yaml").read_text())
    buckets, functions = example.sandbox.client("s3"), example.aws
    found: dict[str, Any] = {}
    for bucket in seed["buckets"]:
        answer = buckets.get_bucket_notification_configuration(Bucket=bucket["name"])
        found[bucket["name"]] = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    for function in seed["functions"]:
        for qualified in (function["name"], *(f"{function['name']}:{alias}" for alias in function.get("aliases", ()))):
            try:
                found[qualified] = functions.get_policy(FunctionName=qualified)["Policy"]
            except functions.exceptions.ResourceNotFoundException:
                found[qualified] = None
    return found


@pytest.mark.parametrize("example", ["push"], indirect=True)
def test_an_example_of_buckets_converges_imports_and_leaves_what_was_there(example: Workspace) -> None:
    before = kept(example)
    assert list(before["media-uploads"]) == ["LambdaFunctionConfigurations", "EventBridgeConfiguration"]
    ids = applied(example)
    made = kept(example)
    assert len(made["media-uploads"]["LambdaFunctionConfigurations"]) == 3

    # With its entry an import also writes whose statement it is: a state that is new has statements of other names.
    manifest = example.folder / "provisioner.yaml"
    shutil.rmtree(example.folder / "state")
    manifest.write_text(manifest.read_text().partition("defaults:")[0] + "mappings: {}\n")
    for name, ident in ids.items():
        example.run("import", name, f"s3:{ident.removeprefix('s3:')}", "--write")
    example.assert_in_sync()
    assert kept(example) == made

    example.run("destroy", "--auto-approve")
    assert kept(example) == before


@pytest.mark.parametrize("example", ["push"], indirect=True)
def test_buckets_imported_under_the_manifest_that_made_them_get_statements_of_the_new_state(example: Workspace) -> None:
    ids = applied(example)
    entries = {bucket: kept(example)[bucket] for bucket in ("media-uploads", "reports")}

    shutil.rmtree(example.folder / "state")
    for name, ident in ids.items():
        example.run("import", name, ident)
    example.apply()

    example.assert_in_sync()
    assert {bucket: kept(example)[bucket] for bucket in entries} == entries


TOURS = {
    "quickstart": ("3 added", "0 added, 1 changed", "drift", "has moved from orders-again", "4 destroyed"),
    "push": (
        "3 added",
        "transcripts  Broken",
        "# removed cannot be created",
        "id: made-in-the-console",
        "statement_id: lambda-console",
        "4 destroyed",
        "entries media-uploads\nEventBridge: on\n",
    ),
    "adopt": (
        "3 mappings: 3 of Terraform.",
        "Plan: 3 to import, 0 to add, 0 to change, 0 to destroy.",
        "3 mappings: 0 handed over, 3 not.\nexit code 2",
        "3 mappings: 3 handed over, 0 not.",
        "No changes. The mappings match the manifest.",
        "1 mapping: 1 of unknown owner.\nexit code 2",
        "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy.",
        "event_source_arn: arn:aws:sqs:eu-west-1:123456789012:refunds",
    ),
}


@pytest.mark.parametrize("name", TOURS)
def test_the_tour_runs(name: str, tmp_path: Path) -> None:
    installed = Path(sys.executable).parent
    programs = {
        # The sandbox is the program that was started, so that the tour can end it.
        "provisioner": f'#!/bin/sh\n[ "$1" = sandbox ] && exec {installed}/provisioner "$@"\nexec {tmp_path}/forked "$@"\n',
        "forked": forks().program,
    }
    for program, text in programs.items():
        (tmp_path / program).write_text(text)
        (tmp_path / program).chmod(0o755)

    done = subprocess.run(
        ["bash", str(EXAMPLES / name / "tour.sh")],
        env={**os.environ, "PATH": f"{tmp_path}:{installed}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    for part in TOURS[name]:
        assert part in done.stdout
    assert "The state contains no mappings." in done.stderr
