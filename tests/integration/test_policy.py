"""`policy`: what it prints, and that the caller's policies allow what commands do, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.sandbox.seed import Seed
from tests.support.roles import ACCOUNT, REGION, Guard, Need, guarded
from tests.support.workspace import Result, Workspace, clean_environment, forks, sqs

EXAMPLE = Path(__file__).parents[2] / "examples/all-sources"
REPOSITORY = EXAMPLE.parent / "gitops"
STATE = f"provisioner-state-{ACCOUNT}"
SEED = {
    "functions": [{"name": "worker", "aliases": ["live"]}, {"name": "other"}],
    "queues": [{"name": "orders"}, {"name": "payments"}],
    "streams": [{"name": "clicks", "consumers": [{"name": "enricher", "created": 1767225600}]}, {"name": "views"}],
    "tables": [{"name": "customers", "stream_label": "2026-01-01T00:00:00.000"}],
    "buckets": [{"name": "uploads"}, {"name": STATE}],
}
HEAD = f"""
stack: test
provider: {{ region: {REGION}, allowed_account_ids: ["{ACCOUNT}"], default_tags: {{ team: one }} }}
state: {{ s3: {{ bucket: {STATE}, key: events.json }} }}
"""
KINESIS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream"
MAPPINGS: dict[str, dict[str, Any]] = {
    "orders": {"function_name": "worker:live", "event_source_arn": sqs("orders")},
    "clicks": {
        "function_name": "worker",
        "event_source_arn": f"{KINESIS}/clicks/consumer/enricher:1767225600",
        "starting_position": "LATEST",
    },
    "views": {"function_name": "worker", "event_source_arn": f"{KINESIS}/views", "starting_position": "LATEST"},
    "customers": {
        "function_name": "other",
        "event_source_arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/customers/stream/2026-01-01T00:00:00.000",
        "starting_position": "LATEST",
    },
    "uploads": {
        "function_name": "worker:live",
        "event_source_arn": "arn:aws:s3:::uploads",
        "events": ["s3:ObjectCreated:*"],
    },
}


@dataclass
class Caller:
    """A folder with a manifest, and roles that may do what `policy --for` prints for it."""

    folder: Path
    guard: Guard

    def write(self, mappings: dict[str, Any]) -> None:
        text = HEAD + yaml.safe_dump({"mappings": mappings})
        (self.folder / "provisioner.yaml").write_text(text, encoding="utf-8")

    def allow(self) -> None:
        """Give the roles what the manifest needs now."""
        for role in ("plan", "apply"):
            printed = self.run("anybody", "policy", "--for", role).out
            [self.guard.policies[role]] = json.loads(printed).values()

    def run(self, role: str, *arguments: str, code: int = 0) -> Result:
        """Run a command as a role, without checks: what these need is another policy (`test_checks.py`)."""
        arguments = (*arguments, *(["--checks", "off"] if arguments[0] in ("plan", "apply") else []))
        environ = clean_environment(**{**self.guard.environ(), "AWS_ACCESS_KEY_ID": role})
        done = forks().run(arguments, cwd=self.folder, env=environ)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return Result(done.returncode, done.stdout, done.stderr)

    def unused(self, role: str) -> set[str]:
        allowed = {action for item in self.guard.policies[role]["Statement"] for action in item["Action"]}
        return allowed - self.guard.used[role]


@pytest.fixture(scope="module")
def account() -> Iterator[Guard]:
    with guarded(Seed.model_validate(SEED)) as guard:
        yield guard


@pytest.fixture
def caller(tmp_path: Path, account: Guard) -> Iterator[Caller]:
    account.forget()
    account.policies.clear()
    account.client("s3").delete_object(Bucket=STATE, Key="events.json")
    yield Caller(tmp_path, account)
    assert account.refused == []


def test_plan_apply_drift_and_destroy_need_what_is_allowed_and_nothing_else(caller: Caller) -> None:
    caller.write(MAPPINGS)
    caller.allow()

    caller.run("plan", "plan")
    caller.run("apply", "apply", "--auto-approve")
    caller.run("plan", "drift")
    caller.run("plan", "status")
    changed = {**MAPPINGS, "orders": {**MAPPINGS["orders"], "batch_size": 5, "tags": {"tier": "one"}}}
    caller.write(changed)
    caller.run("plan", "plan", "--detailed-exitcode", code=2)
    caller.run("apply", "apply", "--auto-approve")
    caller.write(MAPPINGS)
    caller.run("apply", "apply", "--auto-approve")
    caller.run("apply", "state", "rm", "orders", "--offline")  # its tags stay, so it is an orphan
    assert "orders is not in the state" in caller.run("plan", "drift", code=2).out
    caller.run("apply", "apply", "--auto-approve")
    caller.run("apply", "destroy", "--auto-approve")

    assert caller.unused("plan") == set()
    assert caller.unused("apply") == set()


@pytest.mark.parametrize("name", ["orders", "customers", "uploads"])
def test_a_manifest_of_one_kind_needs_no_more_than_what_is_allowed_for_it(caller: Caller, name: str) -> None:
    caller.write({name: MAPPINGS[name]})
    caller.allow()

    caller.run("plan", "plan")
    caller.run("apply", "apply", "--auto-approve")
    caller.run("plan", "drift")
    caller.run("plan", "status")
    caller.run("apply", "destroy", "--auto-approve")

    # What orphans and updates need.
    assert caller.unused("plan") <= {"lambda:GetEventSourceMapping", "lambda:ListTags"}
    assert caller.unused("apply") <= {"lambda:ListTags", "lambda:UpdateEventSourceMapping", "lambda:UntagResource"}


@pytest.mark.parametrize("role", ["plan", "apply"])
def test_the_policies_of_the_example_of_a_repository_allow_what_is_printed_for_it(role: str) -> None:
    flags = ("-f", "esm", "--var-file", "esm/env/prod.yaml")
    done = forks().run(("policy", "--for", role, *flags), cwd=REPOSITORY, env=clean_environment())
    example = json.loads((REPOSITORY / f"iam/{role}-policy.json").read_text(encoding="utf-8"))

    [printed] = json.loads(done.stdout).values()
    for statement in printed["Statement"]:
        conditions = statement.get("Condition", {})
        functions = conditions.get("StringLike", {}).get("lambda:FunctionArn", [""])
        [principal] = conditions.get("StringEquals", {}).get("lambda:Principal", [""])
        for action, resource, function in product(statement["Action"], statement["Resource"], functions):
            assert Need(action, resource, function, principal).is_granted(example), (action, resource)


def test_the_functions_of_a_manifest_have_a_policy_each(workspace: Workspace) -> None:
    workspace.write("""
        orders: { function_name: "worker:live", event_source_arn: "arn:aws:sqs:eu-west-1:123456789012:orders" }
        paid: { function_name: worker, event_source_arn: "arn:aws:sqs:eu-west-1:123456789012:paid" }
        other: { function_name: other, event_source_arn: "arn:aws:sqs:eu-west-1:123456789012:other" }
    """)

    done = workspace.run("policy")
    documents = json.loads(done.out)
    [queues, logs] = documents["worker"]["Statement"]

    assert documents.keys() == {"worker", "other"}
    assert queues == {
        "Sid": "ReadQueues",
        "Effect": "Allow",
        "Action": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        "Resource": [sqs("orders"), sqs("paid")],
    }
    assert logs["Resource"] == [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/worker:*"]
    size = len(json.dumps(documents["worker"], separators=(",", ":")))
    assert f"worker: {size} characters\n" in done.err
    assert json.loads(workspace.run("policy", "other", "-q").out) == {"other": documents["other"]}


def test_the_page_of_the_command_shows_what_it_prints(workspace: Workspace) -> None:
    workspace.write(f"orders: {{ function_name: orders-worker, event_source_arn: {sqs('orders')} }}")

    page = (EXAMPLE.parents[1] / "docs/policy.md").read_text(encoding="utf-8")
    shown = page.partition("$ provisioner policy orders\n")[2].partition("$ provisioner")[0]
    assert workspace.run("policy", "orders").out == shown


def test_every_kind_of_source_has_a_statement() -> None:
    done = forks().run(("policy", "-f", str(EXAMPLE), "--no-input"), cwd=EXAMPLE, env=clean_environment())
    [document] = json.loads(done.stdout).values()

    assert done.returncode == 0
    assert [item["Sid"] for item in document["Statement"]] == [
        "DescribeBrokers", "DescribeClusters", "DescribeDatabases", "FindBrokers", "ListScramSecrets",
        "ManageNetworkInterfaces", "ReadQueues", "ReadSecrets", "ReadStreams", "ReadTableStreams",
        "SendFailuresToQueues", "SubscribeToConsumers", "WriteLogs",
    ]  # fmt: skip


def test_a_template_of_cloudformation_has_the_same_documents(workspace: Workspace) -> None:
    workspace.write(f"orders: {{ function_name: my-worker, event_source_arn: {sqs('orders')} }}")

    template = yaml.safe_load(workspace.run("policy", "--format", "cloudformation").out)

    [document] = json.loads(workspace.run("policy").out).values()
    assert template == {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "MyWorkerPolicy": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"Description": "provisioner: my-worker", "PolicyDocument": document},
            }
        },
    }


def test_what_is_folded_is_said(workspace: Workspace) -> None:
    mappings = {f"m{n}": {"function_name": "worker", "event_source_arn": sqs(f"orders-{n:03}")} for n in range(150)}
    workspace.write(yaml.safe_dump(mappings))

    done = workspace.run("policy", "--format", "terraform")

    assert done.out.startswith('data "aws_iam_policy_document" "worker" {\n')
    assert f"worker: ReadQueues allows {sqs('orders-*')} instead of 150 ARNs" in done.err


def test_an_unknown_account_is_an_error_that_says_what_to_state(workspace: Workspace) -> None:
    workspace.write("""
        uploads: { function_name: worker, event_source_arn: "arn:aws:s3:::uploads", events: ["s3:ObjectCreated:*"] }
    """)

    failed = workspace.run("policy", code=1)

    assert "uploads: the account of its function is not known" in failed.err
    assert "provider.allowed_account_ids" in failed.err


@pytest.mark.parametrize("names", [("absent",), ()])
def test_nothing_to_allow_is_an_error(workspace: Workspace, names: tuple[str, ...]) -> None:
    workspace.write("")

    assert workspace.run("policy", *names, code=1).out == ""
