"""The command in a folder, in a process of its own, against a sandbox in another, as a user has them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from tests.support.control_plane import ACCOUNT, REGION
from tests.support.forks import Forks


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    code: int
    out: str
    err: str


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "provisioner", *arguments]


def clean_environment(**values: str) -> dict[str, str]:
    """The environment without anything that could lead to real AWS, or paint the output."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "FORCE_COLOR"))}
    return {
        **kept,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "HOME": "/nonexistent",
        **values,
    }


@dataclass
class Sandbox:
    """A running sandbox and the environment that leads to it."""

    process: subprocess.Popen[str]
    environ: dict[str, str] = field(default_factory=dict)

    def client(self, service: str = "lambda") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.environ["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )


def start_sandbox(*options: str, **environ: str) -> Sandbox:
    """Start the sandbox as a user would, and wait for the line to export."""
    process = subprocess.Popen(
        command("sandbox", "--port", "0", *options), env=clean_environment(**environ), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("export "):
            return Sandbox(process, clean_environment(**dict(re.findall(r"(\w+)=(\S+)", line))))
    raise AssertionError("the sandbox ended before it was ready")


@cache
def forks() -> Forks:
    """One server for the whole run; it ends with this process."""
    return Forks()


def without_head(text: str) -> str:
    """A plan without the lines that say how AWS is reached: they vary with the sandbox's port."""
    return re.sub(r"\AAccount .*\n(From the environment: .*\n)?\n?", "", text)


@dataclass
class Workspace:
    """A folder with a manifest, the command, and the other side to look at and to meddle with."""

    folder: Path
    sandbox: Sandbox
    aws: Any

    def write(self, mappings: str, *, head: str = "") -> None:
        """Write a manifest with these mappings, indented as they come."""
        body = textwrap.indent(textwrap.dedent(mappings).strip("\n"), "  ")
        mappings_part = f"mappings:\n{body}\n" if body.strip() else "mappings: {}\n"
        self.write_text(f"stack: test\nprovider: {{ region: {REGION} }}\n{textwrap.dedent(head)}{mappings_part}")

    def write_text(self, text: str) -> None:
        (self.folder / "provisioner.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, code: int | None = 0, stdin: str = "", **environ: str) -> Result:
        """Run the command; `code` is the exit code that it must end with."""
        environment = {**self.sandbox.environ, **environ}
        done = forks().run(arguments, cwd=self.folder, env=environment, stdin=stdin)
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return Result(done.returncode, done.stdout, done.stderr)

    def apply(self, *arguments: str, code: int = 0) -> Result:
        return self.run("apply", "--auto-approve", *arguments, code=code)

    def plan(self, *arguments: str) -> str:
        """The plan's text, without its head."""
        return without_head(self.run("plan", *arguments).out)

    def assert_in_sync(self) -> None:
        """Every story ends in sync: planning again finds nothing."""
        result = self.run("plan", "--detailed-exitcode", code=None)
        text = without_head(result.out)
        assert (result.code, text) == (0, "No changes. The mappings match the manifest.\n"), result.out

    def live(self) -> dict[str, dict[str, Any]]:
        """The live mappings by UUID."""
        pages = self.aws.get_paginator("list_event_source_mappings").paginate()
        return {item["UUID"]: item for page in pages for item in page["EventSourceMappings"]}

    def uuid(self, name: str) -> str:
        """The UUID that the state holds for a name."""
        listed = self.run("state", "list").out.split()
        return dict(zip(listed[::2], listed[1::2], strict=True))[name]

    def settled(self, uuid: str) -> dict[str, Any]:
        """The mapping once it has come to rest."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.aws.get_event_source_mapping(UUID=uuid)
            if found["State"] in ("Enabled", "Disabled"):
                return found
            time.sleep(0.01)  # the other side has no event to await
        raise AssertionError(f"{uuid} did not settle")


def sqs(queue: str = "q1") -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"


def kinesis(stream: str = "clicks") -> str:
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{stream}"
