"""The sample policies and filters, on plans: each policy lets one pass and denies another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jq
import pytest
from regopy import Interpreter

from provisioner.model.plan import Plan
from provisioner.render.terraform import plan_document
from tests.render.planned import planned, queue, story, stream

POLICY = Path(__file__).parents[2] / "examples/gitops/policy"
OTHER = "arn:aws:sqs:eu-west-1:123456789012:other"
IT = "aws_lambda_event_source_mapping.it"


def document(plan: Plan) -> dict[str, Any]:
    return plan_document(plan, version="1.2.3")


def denied(policy: str, plan: Plan) -> list[str]:
    """What conftest would print: the messages of the policy's package `main`."""
    interpreter = Interpreter()
    interpreter.add_module(policy, (POLICY / policy).read_text(encoding="utf-8"))
    interpreter.set_input(document(plan))
    [result] = interpreter.query("data.main.deny").results
    [messages] = result.expressions
    return list(messages)


def filtered(name: str, plan: Plan) -> list[Any]:
    program = jq.compile((POLICY / name).read_text(encoding="utf-8"))
    return list(program.input_value(document(plan)).all())


FREE = {"tags": {"disposable": "true"}}
TEAM = {"tags": {"team": "orders"}}
DESTROYED = "would be destroyed, and has no tag disposable=true"
AGED = {"maximum_record_age_in_seconds": 60}


@pytest.mark.parametrize(("policy", "passing", "denying", "message"), [
    ("destroy.rego", (None, queue(**FREE)), (None, queue()), DESTROYED),
    ("destroy.rego", (queue(batch_size=5), queue()), (queue(event_source_arn=OTHER), queue()),
     DESTROYED),
    ("destroy.rego", (queue(), queue(**FREE)), (queue(**FREE, event_source_arn=OTHER), queue()),
     DESTROYED),
    ("tags.rego", (queue(**TEAM), None), (queue(), None), "has no tag team"),
    ("tags.rego", (queue(**TEAM), queue()), (queue(), queue(**TEAM)), "has no tag team"),
    ("tags.rego", (queue(), queue()), (stream(), stream(starting_position="TRIM_HORIZON")), "has no tag team"),
    ("streams.rego", (stream(starting_position="TRIM_HORIZON"), stream()), (stream(), stream(starting_position="TRIM_HORIZON")),
     "would be replaced and begin at LATEST"),
    ("streams.rego", (stream(), None), (stream(batch_size=1001), None), "has batch_size 1001; at most 1000 is allowed"),
    ("streams.rego", (stream(**AGED), stream()), (stream(batch_size=5000), stream()),
     "has batch_size 5000; at most 1000 is allowed"),
])  # fmt: skip
def test_a_policy_lets_one_plan_pass_and_denies_another(
    policy: str, passing: tuple[Any, Any], denying: tuple[Any, Any], message: str, tmp_path: Path
) -> None:
    (wanted, live), (unwanted, there) = passing, denying

    assert denied(policy, story(tmp_path, wanted, live, live)) == []
    [said] = denied(policy, story(tmp_path, unwanted, there, there))
    assert said == f"{IT} {message}"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """One new mapping, one that has drifted, one to be replaced, one that has vanished."""
    made = planned(
        {
            "manifest": {
                "mappings": {
                    "new": queue(event_source_arn=OTHER),
                    "drifted": queue(),
                    "replaced": stream(starting_position="TRIM_HORIZON"),
                    "vanished": queue(function_name="g"),
                }
            },
            "recorded": {
                "drifted": {**queue(), "uuid": 1},
                "replaced": {**stream(), "uuid": 2},
                "vanished": {**queue(function_name="g"), "uuid": 3},
            },
            "live": {1: queue(batch_size=7, tags={"by": "hand"}), 2: stream()},
        },
        tmp_path,
    )
    assert made
    return made


def test_actions_are_counted(plan: Plan) -> None:
    assert filtered("actions.jq", plan) == [{"create": 2, "delete+create": 1, "update": 1}]


def test_replacements_are_reported_with_what_forces_them(plan: Plan) -> None:
    replaced = {"address": "aws_lambda_event_source_mapping.replaced", "forced_by": ["starting_position"]}

    assert filtered("replaced.jq", plan) == [replaced]


def test_drift_is_a_table(plan: Plan) -> None:
    prefix = "aws_lambda_event_source_mapping"

    assert sorted(filtered("drift.jq", plan)) == [
        f"{prefix}.drifted\tbatch_size\t10\t7",
        f'{prefix}.drifted\ttags\t{{}}\t{{"by":"hand"}}',
        f"{prefix}.vanished\t(deleted)\t\t",
    ]


def test_the_filter_of_the_readme_runs(plan: Plan) -> None:
    [program] = re.findall(r"jq '(.*)' plan.json", (POLICY / "README.md").read_text(encoding="utf-8"))

    assert jq.compile(program).input_value(document(plan)).all() == []


def test_the_readme_names_every_policy_and_filter() -> None:
    readme = (POLICY / "README.md").read_text(encoding="utf-8")

    assert [path.name for path in POLICY.iterdir() if path.name not in readme and path.name != "README.md"] == []
