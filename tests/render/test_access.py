"""How AWS is reached and where the state is: shown in every format, and a part of what is approved."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from provisioner.model.plan import Access
from provisioner.planning.fingerprint import plan_hash
from provisioner.render.events import summary_event
from provisioner.render.formats import plan_in
from provisioner.render.markdown import plan_markdown
from provisioner.render.plan import compact_text, plan_text
from provisioner.render.style import Style
from tests.render.test_markdown import change, plan

ACCESS = Access(
    state="s3://states/orders.json",
    endpoint="https://lambda.example.com",
    profile="ci",
    role="arn:aws:iam::123456789012:role/apply",
    environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
)


def test_every_format_shows_how_aws_is_reached_and_what_the_environment_decides() -> None:
    shown = replace(plan(change(1)), access=ACCESS)

    text = plan_text(shown, Style())
    assert text.startswith(
        "Account 123456789012, state s3://states/orders.json, endpoint https://lambda.example.com, profile ci, "
        "role arn:aws:iam::123456789012:role/apply\nFrom the environment: AWS_ENDPOINT_URL=http://127.0.0.1:4566\n"
    )
    assert compact_text(shown, Style()).startswith("\n".join(text.splitlines()[:2]))
    markdown = plan_markdown(shown, "v2:hash")
    assert "role <code>arn:aws:iam::123456789012:role/apply</code>" in markdown
    assert "From the environment: <code>AWS&#95;ENDPOINT&#95;URL=http://127.0.0.1:4566</code>" in markdown
    access = json.loads(plan_in("json", shown, (), Style()))["x_provisioner"]["access"]
    assert access == asdict(ACCESS)
    assert summary_event(shown)["changes"]["x_provisioner"]["access"] == access


@pytest.mark.parametrize("name", ["state", "endpoint", "profile", "role"])
def test_how_the_manifest_says_that_aws_is_reached_is_a_part_of_what_is_approved(name: str) -> None:
    shown = replace(plan(change(1)), access=ACCESS)

    assert plan_hash(replace(shown, access=replace(ACCESS, **{name: "other"}))) != plan_hash(shown)


def test_what_the_environment_decides_is_not_approved() -> None:
    shown = replace(plan(change(1)), access=ACCESS)

    assert plan_hash(replace(shown, access=replace(ACCESS, environment={}))) == plan_hash(shown)
