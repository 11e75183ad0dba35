"""The checks of `plan`, `apply` and `check`, on a sandbox with what a seed says is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.aws.convert import create_request
from provisioner.kinds.permissions import grants
from provisioner.manifest import load
from provisioner.sandbox.seed import Seed
from tests.support.roles import ACCOUNT, REGION, Guard, guarded
from tests.support.workspace import Result, clean_environment, forks, sqs

KINESIS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/customers/stream/2026-01-01T00:00:00.000"
CLUSTER = f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/core/0a1b2c3d-1111-2222-3333-444455556666-7"
BROKER = f"arn:aws:mq:{REGION}:{ACCOUNT}:broker:billing:b-11111111-2222-3333-4444-555555555555"
DATABASE = f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:catalogue"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:AmazonMSK_ledger-AbCdEf"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
POOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}]}
NARROW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": sqs("orders")}]}
SEED = {
    "roles": [
        {"name": "narrow", "policies": [NARROW]},
        {"name": "poor", "policies": [POOR]},
        {"name": "denied", "lacks": ["kinesis:GetRecords"]},
        {"name": "exact", "policies": []},
    ],
    "functions": [
        {"name": "exact", "role": "exact"},
        {"name": "worker", "aliases": ["live"]},
        {"name": "slow", "timeout": 60},
        {"name": "poor", "role": "poor"},
        {"name": "narrow", "role": "narrow"},
        {"name": "denied", "role": "denied"},
        {"name": "off", "reserved_concurrency": 0},
    ],
    "queues": [
        {"name": "dead", "retention": 1_209_600},
        {"name": "orders", "redrive": {"to": "dead"}},
        {"name": "refunds", "redrive": {"to": "dead"}},
        {"name": "parcels", "redrive": {"to": "dead"}},
        {"name": "returns", "redrive": {"to": "dead"}, "visibility_timeout": 400},
        {"name": "plain"},
        {"name": "failed"},
    ],
    "streams": [{"name": "clicks", "consumers": [{"name": "enricher", "created": 1767225600}]}, {"name": "views"}],
    "tables": [{"name": "customers", "stream_label": "2026-01-01T00:00:00.000"}],
    "topics": [{"name": "failures"}],
    "brokers": [{"arn": BROKER, "engine": "RabbitMQ"}],
    "clusters": [{"arn": CLUSTER, "secrets": [SECRET]}],
    "databases": [{"arn": DATABASE}],
    "missing": [f"{DATABASE}-2"],
}
SIGN_IN = [{"type": "BASIC_AUTH", "uri": SECRET}]
SOUND: dict[str, dict[str, Any]] = {
    "orders": {"function_name": "worker:live", "event_source_arn": sqs("orders")},
    "clicks": {
        "function_name": "worker",
        "event_source_arn": f"{KINESIS}/clicks/consumer/enricher:1767225600",
        "starting_position": "LATEST",
        "destination_config": {"on_failure": {"destination_arn": sqs("failed")}},
    },
    "customers": {
        "function_name": "worker",
        "event_source_arn": TABLE,
        "starting_position": "LATEST",
        "destination_config": {"on_failure": {"destination_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:failures"}},
        "filter_criteria": {"filter": [{"pattern": {"dynamodb": {"NewImage": {"id": {"S": ["a"]}}}}}]},
        "kms_key_arn": KEY,
    },
    "ledger": {
        "function_name": "worker",
        "event_source_arn": CLUSTER,
        "topics": ["ledger"],
        "source_access_configuration": [{"type": "SASL_SCRAM_512_AUTH", "uri": SECRET}],
    },
    "billing": {
        "function_name": "worker",
        "event_source_arn": BROKER,
        "queues": ["in"],
        "source_access_configuration": SIGN_IN,
    },
    "catalogue": {
        "function_name": "worker",
        "event_source_arn": DATABASE,
        "document_db_event_source_config": {"database_name": "shop"},
        "source_access_configuration": SIGN_IN,
    },
}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "absent": ({"function_name": "nobody", "event_source_arn": sqs("orders")}, "error C101"),
    "alias": ({"function_name": "worker:next", "event_source_arn": sqs("refunds")}, "error C101"),
    "off": ({"function_name": "off", "event_source_arn": sqs("parcels")}, "warning C103"),
    "poor": ({"function_name": "poor", "event_source_arn": sqs("parcels")}, "error C107"),
    "denied": (
        {"function_name": "denied", "event_source_arn": f"{KINESIS}/views", "starting_position": "LATEST"}, "error C107",
    ),
    "nothing": ({"function_name": "worker", "event_source_arn": sqs("nothing")}, "error C108"),
    "slow": ({"function_name": "slow", "event_source_arn": sqs("refunds")}, "error C109"),
    "slower": ({"function_name": "slow", "event_source_arn": sqs("returns"), "maximum_batching_window_in_seconds": 50},
               "warning C110"),
    "plain": ({"function_name": "worker", "event_source_arn": sqs("plain")}, "warning C112"),
    "stream": (
        {"function_name": "worker", "event_source_arn": f"{KINESIS}/gone", "starting_position": "LATEST"}, "error C117",
    ),
    "table": (
        {"function_name": "worker", "event_source_arn": TABLE.replace("2026", "2025"), "starting_position": "LATEST"},
        "error C120",
    ),
    "database": ({**SOUND["catalogue"], "event_source_arn": f"{DATABASE}-2"}, "error C128"),
}  # fmt: skip


@dataclass
class Caller:
    """A folder with a manifest, and whoever runs commands there."""

    folder: Path
    guard: Guard

    def write(self, mappings: dict[str, dict[str, Any]]) -> None:
        document = {
            "stack": "test",
            "provider": {"region": REGION, "allowed_account_ids": [ACCOUNT], "retry_timeout": "1s"},
            "mappings": mappings,
        }
        (self.folder / "provisioner.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def run(self, *arguments: str, code: int = 0, role: str = "anybody") -> Result:
        environ = clean_environment(**{**self.guard.environ(), "AWS_ACCESS_KEY_ID": role})
        done = forks().run(arguments, cwd=self.folder, env=environ)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return Result(done.returncode, done.stdout, done.stderr)

    def found(self, *names: str, code: int = 2) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("check", *names, "--json", code=code).out)["checks"]
        return found

    def is_refused(self, request: dict[str, Any]) -> bool:
        """Whether AWS refuses to create a mapping."""
        client = self.guard.client()
        try:
            made = client.create_event_source_mapping(**request)
        except client.exceptions.InvalidParameterValueException:
            return True
        assert made["State"] == "Creating"
        return False

    def allow(self, role: str, *purposes: str) -> None:
        """Let a role do what `policy --for` prints for all of these."""
        documents = [json.loads(self.run("policy", "--for", purpose).out) for purpose in purposes]
        statements = [item for printed in documents for document in printed.values() for item in document["Statement"]]
        self.guard.policies[role] = {"Statement": statements}


@pytest.fixture(scope="module")
def account() -> Iterator[Guard]:
    with guarded(Seed.model_validate(SEED)) as guard:
        yield guard


@pytest.fixture
def caller(tmp_path: Path, account: Guard) -> Iterator[Caller]:
    account.forget()
    account.policies.clear()
    yield Caller(tmp_path, account)
    account.behind.troubles.caller = frozenset()


def test_nothing_is_found_where_nothing_is_wrong(caller: Caller) -> None:
    caller.write(SOUND)

    assert caller.found(code=0) == []
    assert caller.run("check").out == "The checks found nothing.\n"
    assert "warning[" not in caller.run("plan").err


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_and_an_error_is_what_aws_refuses(caller: Caller, name: str) -> None:
    mapping, wanted = WRONG[name]
    caller.write({name: mapping})

    found = caller.found()

    assert {f"{item['level']} {item['code']}" for item in found} == {wanted}
    assert {item["mapping"] for item in found} == {name}
    assert all(item["file"] == "provisioner.yaml" and item["line"] for item in found)
    request = create_request(load(caller.folder).manifest.mappings[name].mapping, None)
    assert caller.is_refused(request) is wanted.startswith("error")


def test_a_role_is_judged_on_each_of_several_queues(caller: Caller) -> None:
    """They are asked about in one call, whose answer is of all of them together."""
    queues = ("orders", "refunds", "parcels")
    caller.write({name: {"function_name": "narrow", "event_source_arn": sqs(name)} for name in queues})

    found = caller.found()

    assert {(item["mapping"], item["code"]) for item in found} == {("refunds", "C107"), ("parcels", "C107")}
    for name in queues:
        assert caller.is_refused({"FunctionName": "narrow", "EventSourceArn": sqs(name)}) is (name != "orders")


def test_an_apply_stops_before_the_first_write(caller: Caller) -> None:
    caller.write({"orders": SOUND["orders"], "poor": WRONG["poor"][0]})

    done = caller.run("apply", "--auto-approve", code=1)

    assert "error[C107]: poor: the role poor may not sqs:DeleteMessage and sqs:GetQueueAttributes" in done.err
    assert "Error: 1 check found what AWS refuses; nothing was changed" in done.err
    assert caller.guard.client().list_event_source_mappings()["EventSourceMappings"] == []
    assert not (caller.folder / "state/test.json").exists()

    assert "1 applied, 1 failed" in caller.run("apply", "--auto-approve", "--checks", "warn", code=3).out


def test_strict_stops_for_what_is_likely_too(caller: Caller) -> None:
    poor = {"function_name": "poor", "event_source_arn": f"{KINESIS}/views", "starting_position": "LATEST"}
    caller.write({"views": poor})

    assert "likely[C107]" in caller.run("plan").err
    assert "refuses or probably refuses" in caller.run("apply", "--auto-approve", "--checks", "strict", code=1).err


def test_a_plan_shows_findings_and_has_the_hash_that_it_has_without(caller: Caller) -> None:
    caller.write({"absent": WRONG["absent"][0]})

    asked = json.loads(caller.run("plan", "--json").out)["x_provisioner"]
    silent = json.loads(caller.run("plan", "--json", "--checks", "off").out)["x_provisioner"]

    [finding] = asked["checks"]
    assert (finding["code"], finding["level"], finding["mapping"], finding["needs"]) == ("C101", "error", "absent", "")
    assert silent["checks"] == []
    assert asked["hash"] == silent["hash"]
    assert "> - **error** `C101` in `absent`: there is no function" in caller.run("plan", "--format", "markdown").out


def test_events_of_an_apply_have_a_diagnostic_for_each_finding(caller: Caller) -> None:
    caller.write({"absent": WRONG["absent"][0]})

    lines = caller.run("apply", "--auto-approve", "--json", code=1).out.splitlines()

    found = [event["diagnostic"] for event in map(json.loads, lines) if event["type"] == "diagnostic"]
    assert found[0]["summary"] == "absent: there is no function nobody in eu-west-1"
    assert found[0]["x_provisioner"] == {"code": "C101", "level": "error", "mapping": "absent", "needs": ""}


def test_a_saved_plan_asks_again(caller: Caller) -> None:
    client = caller.guard.client()
    role = client.get_function(FunctionName="worker")["Configuration"]["Role"]
    client.create_function(FunctionName="brief", Role=role, Runtime="python3.12", Handler="x.x", Code={"ZipFile": b"x"})
    caller.write({"orders": {"function_name": "brief", "event_source_arn": sqs("orders")}})
    caller.run("plan", "--out", "plan.json")
    client.delete_function(FunctionName="brief")

    done = caller.run("apply", "plan.json", code=1)

    assert "error[C101]: orders: there is no function brief" in done.err


def test_only_what_is_created_replaced_or_retargeted_is_asked_about(caller: Caller) -> None:
    caller.write(SOUND)
    caller.run("apply", "--auto-approve", "--accept-risk", "R301")

    def calls(*flags: str) -> int:
        return int(caller.run("plan", *flags).err.splitlines()[-1].split()[0])

    assert calls() == calls("--checks", "off")
    caller.write({**SOUND, "orders": {**SOUND["orders"], "batch_size": 5}})
    assert calls() == calls("--checks", "off")
    caller.write({**SOUND, "orders": {**SOUND["orders"], "function_name": "worker"}})
    assert calls() > calls("--checks", "off")


def test_check_is_about_the_names_that_are_given(caller: Caller) -> None:
    caller.write({**SOUND, "plain": WRONG["plain"][0], "absent": WRONG["absent"][0]})

    assert [item["mapping"] for item in caller.found("plain", "orders")] == ["plain"]
    assert "no mapping has this name" in caller.run("check", "nobody", code=1).err


def test_a_hundred_queues_of_one_function_cost_a_hundred_and_four_calls(caller: Caller) -> None:
    client = caller.guard.client("sqs")
    names = [f"many-{number}" for number in range(100)]
    redrive = json.dumps({"deadLetterTargetArn": sqs("dead"), "maxReceiveCount": 5})
    for name in names:
        client.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "30"})
    caller.write({name: {"function_name": "worker", "event_source_arn": sqs(name)} for name in names})

    def calls(*flags: str) -> int:
        return int(caller.run("plan", "--compact", *flags).err.splitlines()[-1].split()[0])

    assert calls() - calls("--checks", "off") == 104


def test_plan_and_check_need_what_is_allowed_and_nothing_else(caller: Caller) -> None:
    caller.write(SOUND)
    caller.allow("plan", "plan", "checks")
    caller.allow("apply", "apply", "checks")

    caller.run("plan", role="plan")
    caller.run("check", role="plan", code=0)
    assert "1 failed" not in caller.run("apply", "--auto-approve", "--accept-risk", "R301", role="apply").out
    caller.run("drift", role="plan")

    # The name of a dead-letter queue is in no manifest.
    assert {need.resource for _, need in caller.guard.refused} == {sqs("dead")}
    caller.allow("checks", "checks")
    actions = {action for item in caller.guard.policies["checks"]["Statement"] for action in item["Action"]}
    unused = actions - caller.guard.used["plan"]
    # What is asked only of sources in a network, of a cluster with a group of its own, and of a stream that is gone.
    assert {action for action in unused if not action.startswith("ec2:")} == {
        "dynamodb:DescribeTable",
        "rds:DescribeDBClusterParameters",
    }


def test_what_may_not_be_asked_is_skipped_and_named_once(caller: Caller) -> None:
    caller.write(SOUND)
    caller.guard.behind.troubles.caller = frozenset(
        {"iam:SimulatePrincipalPolicy", "lambda:GetFunction", "sqs:GetQueueAttributes"}
    )

    skipped = caller.found(code=0)

    assert {(item["code"], item["level"], item["needs"], item["mapping"]) for item in skipped} == {
        ("C100", "skipped", action, "") for action in caller.guard.behind.troubles.caller
    }
    assert len(skipped) == 3
    assert "skipped[C100]" in caller.run("apply", "--auto-approve", "--checks", "strict", "--accept-risk", "R301").err


def test_an_apply_goes_on_where_nothing_may_be_asked(caller: Caller) -> None:
    caller.write({"orders": SOUND["orders"]})
    caller.allow("apply", "apply")

    done = caller.run("apply", "--auto-approve", "--accept-risk", "R301", role="apply")

    assert "1 added" in done.out
    assert "these credentials may not lambda:GetFunction" in done.err


# --- the role's policy -----------------------------------------------------------------------------------------------

EXACT = {
    **SOUND,
    "views": {
        "function_name": "worker",
        "event_source_arn": f"{KINESIS}/views",
        "starting_position": "LATEST",
        "destination_config": {"on_failure": {"destination_arn": "arn:aws:s3:::failures"}},
    },
    "brokers": {
        "function_name": "worker",
        "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1.example.com:9092"]}},
        "topics": ["ledger"],
        "source_access_configuration": SIGN_IN,
    },
}


@pytest.mark.parametrize("name", EXACT)
def test_a_role_with_exactly_the_printed_policy_makes_the_mapping_and_needs_each_required_action(
    caller: Caller, name: str
) -> None:
    mapping = {**EXACT[name], "function_name": "exact"}
    caller.write({name: mapping})
    wanted = load(caller.folder).manifest.mappings[name]
    request = create_request(wanted.mapping, None)
    printed = json.loads(caller.run("policy", name).out)["exact"]
    iam = caller.guard.client("iam")

    def refused(document: dict[str, Any]) -> bool:
        iam.put_role_policy(RoleName="exact", PolicyName="printed", PolicyDocument=json.dumps(document))
        caller.guard.forget()
        return caller.is_refused(request)

    assert not refused(printed)
    required = {action for grant in grants(wanted.mapping, wanted.kind, ACCOUNT) for action in grant.required}
    needed = set()
    for action in sorted({action for item in printed["Statement"] for action in item["Action"]}):
        without = [
            {**item, "Action": [other for other in item["Action"] if other != action]} for item in printed["Statement"]
        ]
        if refused({**printed, "Statement": [item for item in without if item["Action"]]}):
            needed.add(action)
    assert needed == required


def test_a_role_with_the_printed_policy_has_nothing_that_the_checks_find(caller: Caller) -> None:
    caller.write({name: {**mapping, "function_name": "exact"} for name, mapping in EXACT.items() if name != "views"})
    printed = json.loads(caller.run("policy").out)["exact"]
    iam = caller.guard.client("iam")
    iam.put_role_policy(RoleName="exact", PolicyName="printed", PolicyDocument=json.dumps(printed))

    assert caller.found(code=0) == []

    iam.delete_role_policy(RoleName="exact", PolicyName="printed")
    assert {item["code"] for item in caller.found()} == {"C107"}
