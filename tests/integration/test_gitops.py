"""The example of a team's repository: its pipelines are run as they are written, by roles that may do what `iam/` says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import jsonschema
import pytest
import yaml
from regopy import Interpreter

from provisioner.manifest.jsonschema import manifest_schema
from provisioner.sandbox.seed import load
from tests.support.github import REPOSITORY, GitHub
from tests.support.roles import ACCOUNT, FUNCTIONS, REGION, Guard, guarded
from tests.support.workspace import Result, clean_environment, forks

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "examples/gitops"
PROGRAMS = Path(sys.executable).parent
SCRIPTS = sorted(EXAMPLE.glob("ci/*.sh"))
MANIFESTS = [EXAMPLE / "esm/provisioner.yaml", *sorted(EXAMPLE.glob("esm/mappings/*.yaml"))]
POLICIES = sorted(EXAMPLE.glob("iam/*-policy.json"))
TRUSTS = sorted(EXAMPLE.glob("iam/*-trust.json"))
BUCKET = f"provisioner-state-{ACCOUNT}"
ENVIRONMENTS = ("dev", "prod")
HASH = re.compile(r"v2:[0-9a-f]{64}")


def document(path: str) -> Any:
    return yaml.safe_load((EXAMPLE / path).read_text(encoding="utf-8"))


# --- a team ----------------------------------------------------------------------------------------------------------


@dataclass
class Team:
    """A clone of the repository, GitHub, and the account behind it."""

    folder: Path
    github_file: Path
    guard: Guard
    programs: Path

    @property
    def github(self) -> GitHub:
        return GitHub.read(self.github_file)

    # --- git ---

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def edit(self, file: str, before: str, after: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A change")
        return self.git("rev-parse", "HEAD")

    # --- GitHub ---

    def pull_request(self) -> int:
        """Open one with what was edited."""
        self.git("switch", "--quiet", "--create", f"change-{len(self.github.items) + 1}")
        head = self.commit()
        github = self.github
        number: int = github.open("somebody", pull_request={}, head={"sha": head}, merged_at=None, commits=[])["number"]
        for text in ("What is this for?", "It is slow.", "I see."):
            github.comment(number, text, author="somebody")
        github.store()
        return number

    def push(self, number: int) -> None:
        head = self.commit()
        github = self.github
        github.items[number - 1]["head"]["sha"] = head
        github.store()

    def plan(self, number: int, environment: str = "prod", *, code: int = 0) -> str:
        """What the workflow does on a push to a pull request; the comment that it leaves."""
        head = self.github.items[number - 1]["head"]["sha"]
        event = {"event.pull_request.number": str(number), "event.pull_request.head.sha": head}
        self.job("plan", environment, code=code, **{f"github.{name}": value for name, value in event.items()})
        [comment] = self.comments(number, f"<!-- provisioner:events-{environment} -->\n")
        return comment

    def comments(self, number: int, beginning: str = "") -> list[str]:
        bodies = [item["body"] for item in self.github.comments if item["on"] == number]
        return [body for body in bodies if body.startswith(beginning)]

    def merge(self, number: int) -> None:
        """Squash it, as many teams do: the commit on main is another one."""
        self.git("switch", "--quiet", "main")
        self.git("merge", "--quiet", "--squash", f"change-{number}")
        sha = self.commit()
        github = self.github
        merged = {"merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": sha, "state": "closed", "commits": [sha]}
        github.items[number - 1] |= merged
        github.store()

    def job(self, name: str, environment: str, *, code: int | None = 0, **context: str) -> Result:
        """Carry out a job's `run` steps, with its variables, its role and its permissions."""
        job = document(".github/workflows/esm.yml")["jobs"][name]
        context = {
            "matrix.environment": environment,
            "inputs.plan_hash": "",
            "github.token": "token",
            "vars.PLAN_ROLE": "plan",
            "vars.APPLY_ROLE": f"apply-{environment}",
            **context,
        }

        def evaluated(text: str) -> str:
            return re.sub(r"\$\{\{ (.*?) \}\}", lambda match: context[match[1]], text)

        environ = {key: evaluated(value) for key, value in job.get("env", {}).items()}
        summary = self.folder.parent / "summary.md"
        summary.write_text("", encoding="utf-8")
        environ |= {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": self.git("rev-parse", "HEAD"),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GH_FILE": str(self.github_file),
            "GH_PERMISSIONS": json.dumps(job.get("permissions", {})),
        }
        result = Result(0, "", "")
        for step in job["steps"]:
            if step.get("uses", "").startswith("aws-actions/configure-aws-credentials@"):
                assert job["permissions"]["id-token"] == "write"
                environ["AWS_ACCESS_KEY_ID"] = evaluated(step["with"]["role-to-assume"])
            if "run" in step and result.code == 0:
                result = self.shell(step["run"], environ)
        return self.ended(result, code)

    def first_apply(self, environment: str) -> None:
        command = f"provisioner apply -f esm --var-file esm/env/{environment}.yaml --auto-approve --accept-risk R301"
        self.ended(self.shell(command, {"AWS_ACCESS_KEY_ID": f"apply-{environment}"}), 0)

    # --- shell ---

    def shell(self, script: str, environ: Mapping[str, str]) -> Result:
        """Run a step of a pipeline. The programs that it installs are there already."""
        if "install" in script:
            return Result(0, "", "")
        path = f"{self.programs}:{PROGRAMS}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
            env=clean_environment(**{**self.guard.environ(), "AWS_ACCESS_KEY_ID": "nobody", **environ, "PATH": path}),
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    @staticmethod
    def ended(result: Result, code: int | None) -> Result:
        assert code is None or result.code == code, f"{result.code}\n{result.out}\n{result.err}"
        return result

    # --- AWS ---

    def live(self, name: str) -> dict[str, Any]:
        """A mapping by the beginning of its source's name, without what AWS changes by itself."""
        page = self.guard.client().list_event_source_mappings()["EventSourceMappings"]
        [found] = [item for item in page if name in item["EventSourceArn"]]
        return {key: value for key, value in found.items() if key not in ("LastModified", "State")}

    def entries(self, bucket: str) -> list[dict[str, Any]]:
        """The entries of a bucket that invoke functions."""
        answer = self.guard.client("s3").get_bucket_notification_configuration(Bucket=bucket)
        found: list[dict[str, Any]] = answer.get("LambdaFunctionConfigurations", [])
        return found

    def meddle(self, name: str, **members: Any) -> None:
        """Change a mapping behind everybody's back."""
        uuid = self.live(name)["UUID"]
        self.guard.client().update_event_source_mapping(UUID=uuid, **members)
        while self.guard.client().get_event_source_mapping(UUID=uuid)["State"] == "Updating":
            time.sleep(0.01)  # the other side has no event to await


@pytest.fixture(scope="module")
def account() -> Iterator[Guard]:
    with guarded(load(str(EXAMPLE / "seed.yaml"))) as guard:
        guard.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield guard


@pytest.fixture
def team(tmp_path: Path, account: Guard) -> Iterator[Team]:
    """The repository as it is, applied to `prod`, by the roles that its pipelines use."""
    shutil.copytree(EXAMPLE, tmp_path / "repository")
    programs = tmp_path / "programs"
    programs.mkdir()
    command = programs / "provisioner"
    command.write_text(forks().program)
    command.chmod(0o755)
    gh = programs / "gh"
    gh.write_text(f'#!/bin/sh\nPYTHONPATH={TOP} exec {sys.executable} -m tests.support.github "$@"\n', encoding="utf-8")
    gh.chmod(0o755)
    plan, apply = (json.loads((EXAMPLE / f"iam/{role}-policy.json").read_text()) for role in ("plan", "apply"))
    account.policies = {
        "plan": plan,
        "apply-prod": apply,
        "apply-dev": json.loads(json.dumps(apply).replace("-prod", "-dev")),
    }
    account.forget()
    account.client("s3").delete_objects(
        Bucket=BUCKET,
        Delete={"Objects": [{"Key": f"provisioner/events-{environment}.json"} for environment in ENVIRONMENTS]},
    )
    made = Team(tmp_path / "repository", tmp_path / "github.json", account, programs)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("config", "user.name", "somebody")
    made.git("config", "user.email", "somebody@example.com")
    made.commit()
    made.first_apply("prod")
    yield made
    assert account.refused == []


BATCH = ("esm/mappings/orders.yaml", "batch_size: 10", "batch_size: 20")


def test_a_change_travels_from_a_pull_request_to_aws(team: Team) -> None:
    team.first_apply("dev")
    team.edit(*BATCH)
    number = team.pull_request()

    team.job("check", "prod")
    planned = {environment: team.plan(number, environment) for environment in ENVIRONMENTS}

    for environment, comment in planned.items():
        assert comment.splitlines()[3] == f"### `events-{environment}`: 0 to add, 1 to change, 0 to destroy"
        assert "| `~` | `orders` | `batch_size` <code>10</code> → <code>20</code> | edit |" in comment
        assert f"of commit {team.git('rev-parse', 'HEAD')} -->" in comment.splitlines()[1]

    team.edit("esm/mappings/orders.yaml", "batch_size: 20", "batch_size: 25")
    team.edit("esm/mappings/orders.yaml", "tags: { team: orders }", "tags: { team: orders, tier: one }")
    team.push(number)
    replanned = {environment: team.plan(number, environment) for environment in ENVIRONMENTS}

    assert len(team.comments(number, "<!-- provisioner:")) == 2
    assert all(HASH.findall(replanned[name])[0] != HASH.findall(planned[name])[0] for name in ENVIRONMENTS)

    team.merge(number)
    for environment in ENVIRONMENTS:
        assert team.live(f"orders-{environment}")["BatchSize"] == 10
        team.job("apply", environment)
        assert team.live(f"orders-{environment}")["BatchSize"] == 25
        [reported] = team.comments(number, f"<!-- provisioner:events-{environment}:apply -->\n")
        assert f"### `events-{environment}`: applied\n" in reported
        assert "0 added, 1 changed, 0 destroyed" in reported
        team.job("drift", environment)
    assert len(team.github.items) == 1
    keys = [item["Key"] for item in team.guard.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys == ["provisioner/events-dev.json", "provisioner/events-prod.json"]


def test_drift_is_an_issue_until_it_is_put_back(team: Team) -> None:
    team.meddle("orders-prod", BatchSize=1)
    arn = team.live("orders-prod")["EventSourceMappingArn"]
    team.guard.client().tag_resource(Resource=arn, Tags={"by": "hand"})

    assert team.shell("ci/drift.sh", _drift_environ(team)).code == 2
    github = team.github
    for title in ("A question", "A wish"):
        github.open("somebody", title=title)
    github.store()
    team.job("drift", "prod")

    issue, *others = team.github.items
    assert len(others) == 2
    assert issue["title"] == "Drift in events-prod"
    assert issue["body"].startswith(
        "<!-- provisioner:events-prod:drift -->\n\n### `events-prod`: 1 mapping has drifted\n"
    )
    assert re.search(r"batch_size = .* -> 1\n", issue["body"])
    assert "`batch_size` <code>1</code> → <code>10</code>" in issue["body"]

    [approved] = set(HASH.findall(issue["body"]))
    team.job("apply", "prod", **{"inputs.plan_hash": approved})

    assert team.live("orders-prod")["BatchSize"] == 10
    assert "by" not in team.guard.client().list_tags(Resource=arn)["Tags"]
    team.job("drift", "prod")
    issue = team.github.items[0]
    assert issue["state"] == "closed"
    assert team.comments(issue["number"]) == ["There is no drift any more."]


def _drift_environ(team: Team) -> dict[str, str]:
    return {
        "ENVIRONMENT": "prod", "STACK": "events-prod", "AWS_ACCESS_KEY_ID": "plan", "GH_TOKEN": "token",
        "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_STEP_SUMMARY": os.devnull,
        "GH_FILE": str(team.github_file), "GH_PERMISSIONS": '{"issues": "write"}',
    }  # fmt: skip


def test_what_was_approved_is_not_applied_to_a_world_that_has_moved(team: Team) -> None:
    team.edit(*BATCH)
    number = team.pull_request()
    approved = HASH.findall(team.plan(number))[0]
    team.merge(number)
    team.meddle("orders-prod", BatchSize=3)
    before = team.live("orders-prod")

    team.job("apply", "prod", code=4)

    assert team.live("orders-prod") == before
    [reported] = team.comments(number, "<!-- provisioner:events-prod:apply -->\n")
    assert "not applied, because the plan is no longer the one that was approved" in reported
    assert "`batch_size` <code>3</code> → <code>20</code> | conflict" in reported
    assert approved not in reported

    team.job("apply", "prod", **{"inputs.plan_hash": HASH.findall(reported)[0]})
    assert team.live("orders-prod")["BatchSize"] == 20


def test_what_an_apply_left_undone_is_approved_by_its_hash(team: Team) -> None:
    team.edit(*BATCH)
    team.edit("esm/mappings/web.yaml", "batch_size: 500", "batch_size: 600")
    number = team.pull_request()
    approved = HASH.findall(team.plan(number))[0]
    team.merge(number)
    role = team.guard.policies["apply-prod"]
    condition = f'"lambda:FunctionArn": "{FUNCTIONS}'
    narrower = json.dumps(role).replace(f"{condition}*-prod", f"{condition}orders-*")
    team.guard.policies["apply-prod"] = json.loads(narrower)

    team.job("apply", "prod", code=3)

    assert [need.action for _, need in team.guard.refused] == ["lambda:UpdateEventSourceMapping"]
    [reported] = team.comments(number, "<!-- provisioner:events-prod:apply -->\n")
    [left] = set(HASH.findall(reported)) - {approved}
    assert "### `events-prod`: applied in part" in reported
    assert "0 to add, 1 to change, 0 to destroy" in reported
    team.guard.refused.clear()
    team.guard.policies["apply-prod"] = role
    team.job("apply", "prod", **{"inputs.plan_hash": left})
    assert team.live("clicks-prod")["BatchSize"] == 600


def test_only_what_the_workflow_planned_for_the_merged_commit_counts(team: Team) -> None:
    team.edit(*BATCH)
    number = team.pull_request()
    comment = team.plan(number)
    planned = team.git("rev-parse", "HEAD")
    team.edit("esm/mappings/orders.yaml", "batch_size: 20", "batch_size: 30")
    team.push(number)
    github = team.github
    github.comment(number, comment.replace(planned, team.git("rev-parse", "HEAD")), author="somebody")
    github.store()
    team.merge(number)

    refused = team.job("apply", "prod", code=1)
    assert f"pull request #{number} has no plan of events-prod for its last commit" in refused.err

    team.edit("esm/mappings/orders.yaml", "batch_size: 30", "batch_size: 40")
    team.commit()
    refused = team.job("apply", "prod", code=1)
    assert "no merged pull request made the commit" in refused.err
    assert team.live("orders-prod")["BatchSize"] == 10


def test_a_plan_that_is_refused_or_fails_cannot_be_approved(team: Team) -> None:
    orders = (team.folder / "esm/mappings/orders.yaml").read_text()
    (team.folder / "esm/mappings/orders.yaml").write_text("mappings: {}\n")
    number = team.pull_request()

    refused = team.plan(number, code=1)

    assert "**refused**: the plan deletes or replaces 2 mappings" in refused
    assert "of commit" not in refused

    team.edit("esm/mappings/orders.yaml", "mappings: {}", orders.replace("batch_size: 10", "batch_size: 20000"))
    team.push(number)
    annotated = team.job("check", "prod", code=1)
    failed = team.plan(number, code=1)
    assert "::error file=esm/mappings/orders.yaml,line=6,col=17" in annotated.out
    assert "### `events-prod`: the plan failed" in failed
    assert "orders.yaml:6:17: error[E103]" in failed
    assert len(team.comments(number, "<!-- provisioner:")) == 1

    (team.folder / "esm/mappings/orders.yaml").write_text(orders.partition("  refunds:")[0])
    team.push(number)
    assert "0 to add, 0 to change, 1 to destroy" in team.plan(number)
    team.merge(number)
    team.job("apply", "prod")
    with pytest.raises(ValueError, match="not enough values"):
        team.live("refunds-prod")


# --- the other pipelines ---------------------------------------------------------------------------------------------


def gitlab_job(name: str) -> dict[str, Any]:
    """A job with all that it extends."""
    pipeline = document(".gitlab-ci.yml")
    job = pipeline[name]
    while "extends" in job:
        base = pipeline[job.pop("extends")]
        variables = {**base.get("variables", {}), **job.get("variables", {})}
        job = {**base, **job, "variables": variables}
    return dict(job)


def run_gitlab(team: Team, name: str, *, code: int = 0, **more: str) -> Result:
    job = gitlab_job(name)
    roles = {"$PLAN_ROLE": "plan", "$APPLY_ROLE_PROD": "apply-prod", "$APPLY_ROLE_DEV": "apply-dev"}
    variables = {**job["variables"], **more}
    environ = {**variables, "AWS_ACCESS_KEY_ID": roles[variables["AWS_ROLE_ARN"]], "AWS_TOKEN": "token"}
    del environ["AWS_ROLE_ARN"], environ["AWS_WEB_IDENTITY_TOKEN_FILE"]
    return team.ended(team.shell("\n".join(job["script"]), environ), code)


def test_gitlab_applies_the_plan_of_the_pipeline(team: Team) -> None:
    team.edit(*BATCH)

    run_gitlab(team, "plan-prod")
    [report] = gitlab_job("plan-prod")["artifacts"]["reports"].values()
    assert json.loads((team.folder / report).read_text()) == {"create": 0, "update": 1, "delete": 0}

    run_gitlab(team, "apply-prod")
    assert team.live("orders-prod")["BatchSize"] == 20
    run_gitlab(team, "apply-prod", code=4)
    run_gitlab(team, "drift", ENVIRONMENT="prod")
    team.meddle("orders-prod", BatchSize=1)
    run_gitlab(team, "drift", ENVIRONMENT="prod", code=gitlab_job("drift")["allow_failure"]["exit_codes"][0])


def test_atlantis_plans_asks_the_policies_and_applies(team: Team, tmp_path: Path) -> None:
    team.edit(*BATCH)
    stages = document("atlantis/repos.yaml")["workflows"]["provisioner"]
    environ = {"PROJECT_NAME": "prod", "PLANFILE": str(tmp_path / "a plan"), "SHOWFILE": str(tmp_path / "a plan.json")}

    for stage in ("plan", "policy_check"):
        for step in stages[stage]["steps"]:
            if isinstance(step, dict):
                team.ended(team.shell(step["run"], {**environ, "AWS_ACCESS_KEY_ID": "plan"}), 0)
    assert denials(Path(environ["SHOWFILE"])) == []
    [step] = stages["apply"]["steps"]
    team.ended(team.shell(step["run"], {**environ, "AWS_ACCESS_KEY_ID": "apply-prod"}), 0)

    assert team.live("orders-prod")["BatchSize"] == 20


def denials(plan: Path) -> list[str]:
    interpreter = Interpreter()
    for policy in EXAMPLE.glob("policy/*.rego"):
        interpreter.add_module(policy.name, policy.read_text(encoding="utf-8"))
    interpreter.set_input(json.loads(plan.read_text(encoding="utf-8")))
    [result] = interpreter.query("data.main.deny").results
    return list(result.expressions[0])


# --- roles -----------------------------------------------------------------------------------------------------------


PROD = "-f esm --var-file esm/env/prod.yaml"


def test_each_role_may_do_what_its_pipelines_need_and_nothing_else(team: Team) -> None:
    team.edit(*BATCH)
    team.edit("esm/mappings/orders.yaml", "tags: { team: orders }", "tags: { tier: one }")
    team.edit("esm/mappings/uploads.yaml", "uploads-indexer", "customer-audit")
    only_orders = (team.folder / "esm/mappings/orders.yaml").read_text().partition("\n  refunds:")[0]
    (team.folder / "esm/mappings/orders.yaml").write_text(only_orders)
    number = team.pull_request()
    team.plan(number)
    team.merge(number)
    team.job("apply", "prod")
    team.job("drift", "prod")
    assert [entry["LambdaFunctionArn"] for entry in team.entries("uploads-prod")] == [f"{FUNCTIONS}customer-audit-prod"]
    clicks = team.live("clicks-prod")["EventSourceArn"]
    team.guard.client().delete_event_source_mapping(UUID=team.live("clicks-prod")["UUID"])
    team.job("drift", "prod")

    assert "`events-prod`: 1 mapping has drifted" in team.github.items[-1]["body"]
    # What the pipelines above do not meet: a pair that another mapping holds, and a consumer of a stream.
    team.guard.client().create_event_source_mapping(
        FunctionName="clicks-enricher-prod", EventSourceArn=clicks, StartingPosition="LATEST"
    )
    team.edit("esm/mappings/web.yaml", "  clicks:", "  listener:")
    team.edit("esm/mappings/web.yaml", "stream/clicks-${var.env}", "stream/clicks-${var.env}/consumer/c:1")
    status = team.ended(team.shell(f"provisioner status {PROD}", {"AWS_ACCESS_KEY_ID": "plan"}), 2)
    assert "the consumer c of the stream clicks-prod does not exist" in status.out
    team.edit("esm/mappings/web.yaml", "/consumer/c:1", "")
    team.edit("esm/mappings/web.yaml", "  listener:", "  clicks:")
    for role, verb, code in (("plan", "plan", 0), ("apply-prod", "apply --auto-approve", 3)):
        shown = team.ended(team.shell(f"provisioner {verb} {PROD}", {"AWS_ACCESS_KEY_ID": role}), code)
        assert "Lambda already has a mapping for this function and source" in shown.out
    for role in ("plan", "apply-prod"):
        statements = team.guard.policies[role]["Statement"]
        assert team.guard.used[role] == {action for statement in statements for action in statement["Action"]}


def test_the_plan_role_changes_nothing(team: Team) -> None:
    team.edit(*BATCH)
    before = team.live("orders-prod")

    apply = "provisioner apply -f esm --var-file esm/env/prod.yaml --auto-approve"
    refused = team.ended(team.shell(apply, {"AWS_ACCESS_KEY_ID": "plan"}), 1)
    wrong = team.ended(team.shell(apply, {"AWS_ACCESS_KEY_ID": "apply-dev"}), 1)

    assert "s3:PutObject" in refused.err
    assert "not authorized" in wrong.err
    assert team.live("orders-prod") == before
    assert {need.action for _, need in team.guard.refused} <= {"s3:PutObject", "s3:GetObject"}
    team.guard.refused.clear()


def test_the_apply_role_lets_the_buckets_of_its_environment_invoke_its_functions_and_nothing_else(team: Team) -> None:
    entries = team.entries("uploads-prod")
    for before, after, action in (
        ("s3:::uploads-${var.env}", "s3:::uploads-dev", "s3:GetBucketNotification"),
        ("s3:::uploads-${var.env}", "s3:::provisioner-state-${var.account_id}", "s3:GetBucketNotification"),
        ("uploads-indexer-${var.env}", "uploads-indexer-dev", "lambda:GetPolicy"),
        ("filter_prefix: in/", "permission: { principal: '*' }", "lambda:AddPermission"),
    ):
        team.edit("esm/mappings/uploads.yaml", before, after)
        apply = f"provisioner apply {PROD} --auto-approve"
        refused = team.ended(team.shell(apply, {"AWS_ACCESS_KEY_ID": "apply-prod"}), None)
        team.edit("esm/mappings/uploads.yaml", after, before)

        assert refused.code in (1, 3)
        assert f"not authorized to perform: {action}" in refused.out + refused.err
        assert {need.action for _, need in team.guard.refused} == {action}
        team.guard.refused.clear()
    assert team.entries("uploads-prod") == entries
    assert team.entries("uploads-dev") == []


# IAM's names for what botocore has under another: docs.aws.amazon.com/service-authorization.
_SERVICES = {"tag": ["resourcegroupstaggingapi"], "dynamodb": ["dynamodb", "dynamodbstreams"]}
_OPERATIONS = {
    "s3:ListBucket": "ListObjects",
    "s3:GetBucketNotification": "GetBucketNotificationConfiguration",
    "s3:PutBucketNotification": "PutBucketNotificationConfiguration",
}


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_every_action_of_a_policy_is_one_of_aws(path: Path) -> None:
    session = botocore.session.get_session()
    actions = [action for item in json.loads(path.read_text())["Statement"] for action in item["Action"]]

    for action in actions:
        prefix, _, name = action.partition(":")
        models = [session.get_service_model(service) for service in _SERVICES.get(prefix, [prefix])]
        assert any(_OPERATIONS.get(action, name) in model.operation_names for model in models), action


@pytest.mark.parametrize("path", TRUSTS, ids=lambda path: path.name)
def test_a_role_trusts_one_repository_only(path: Path) -> None:
    [statement] = json.loads(path.read_text())["Statement"]
    provider = statement["Principal"]["Federated"].partition("oidc-provider/")[2]
    [subjects] = [
        value
        for condition in statement["Condition"].values()
        for name, value in condition.items()
        if name == f"{provider}:sub"
    ]

    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert f"{provider}:aud" in statement["Condition"]["StringEquals"]
    for subject in [subjects] if isinstance(subjects, str) else subjects:
        assert subject.startswith(("repo:ORG/REPO:", "project_path:GROUP/PROJECT:ref_type:branch:ref:"))


# --- each file by itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "path"),
    [("vendor.github-workflows", ".github/workflows/esm.yml"), ("vendor.gitlab-ci", ".gitlab-ci.yml")],
)
def test_a_pipeline_is_what_its_service_reads(schema: str, path: str) -> None:
    program = [str(PROGRAMS / "check-jsonschema"), "--builtin-schema", schema, str(EXAMPLE / path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def _object(required: list[str] | None = None, /, **properties: Any) -> dict[str, Any]:
    closed = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**closed, "required": required or []}


_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_STEP: dict[str, Any] = {"anyOf": [_object(["run"], run=_TEXT), {"enum": ["policy_check", "show"]}]}
_STAGE = _object(["steps"], steps={"type": "array", "items": _STEP})
# Atlantis publishes no schema. This is what the example uses of runatlantis.io/docs/repo-level-atlantis-yaml and
# runatlantis.io/docs/server-side-repo-config.
_ATLANTIS = {
    "atlantis.yaml": _object(
        ["version", "projects"],
        version={"const": 3},
        projects={
            "type": "array",
            "items": _object(
                ["name", "dir"], name=_TEXT, dir=_TEXT, workspace=_TEXT, workflow=_TEXT,
                autoplan=_object(when_modified=_TEXTS),
            ),
        },
    ),
    "atlantis/repos.yaml": _object(
        ["repos"],
        repos={
            "type": "array",
            "items": _object(
                ["id"], id=_TEXT, branch=_TEXT,
                allowed_overrides={"type": "array", "items": {"enum": ["workflow", "apply_requirements"]}},
                apply_requirements={"type": "array", "items": {"enum": ["approved", "mergeable", "undiverged"]}},
            ),
        },
        workflows={"type": "object", "additionalProperties": _object(plan=_STAGE, policy_check=_STAGE, apply=_STAGE)},
        policies=_object(
            ["policy_sets"],
            owners=_object(users=_TEXTS, teams=_TEXTS),
            policy_sets={"type": "array", "items": _object(["name", "path"], name=_TEXT, path=_TEXT, source=_TEXT)},
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", _ATLANTIS)
def test_atlantis_reads_its_files(path: str) -> None:
    jsonschema.validate(document(path), _ATLANTIS[path])


def test_atlantis_projects_are_the_environments_and_use_a_workflow_that_the_server_has() -> None:
    projects = document("atlantis.yaml")["projects"]

    assert [project["name"] for project in projects] == list(ENVIRONMENTS)
    assert {project["workflow"] for project in projects} <= document("atlantis/repos.yaml")["workflows"].keys()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_sound(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    # SC2016: backticks in single quotes are Markdown's.
    checker = [str(PROGRAMS / "shellcheck"), "--external-sources", "--source-path=SCRIPTDIR", "--exclude=SC2016"]
    done = subprocess.run([*checker, str(path)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert path.name == "github.sh" or "set -euo pipefail\n" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_an_editor_finds_the_schema_where_the_readme_puts_it(path: Path) -> None:
    first, _, text = path.read_text(encoding="utf-8").partition("\n")

    named = path.parent / first.removeprefix("# yaml-language-server: $schema=")
    assert named.resolve() == EXAMPLE / "esm/.schema.json"
    assert "provisioner schema >esm/.schema.json" in (EXAMPLE / "README.md").read_text(encoding="utf-8")
    jsonschema.validate(yaml.safe_load(text), manifest_schema())


def test_the_readme_names_every_file() -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    shown = subprocess.run(["git", "ls-files", "."], cwd=EXAMPLE, capture_output=True, text=True, check=True).stdout
    named = [path for path in shown.split() if not path.startswith(("policy/", "README", ".gitignore"))]

    assert [path for path in named if path not in readme and Path(path).name not in readme] == []
