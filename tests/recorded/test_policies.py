"""Recorded refusals of calls on function policies, as test_errors does it for mappings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.support.control_plane import served

ERRORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "errors.json").read_text(encoding="utf-8"))
OF_OLD = "10-04-2024"
"""When the pattern of Qualifier was another one: AWS has changed the words."""

CASES = [case for case in ERRORS if case.get("kind") == "function-policy" and OF_OLD not in case["source"]]
PRESENT = (
    "duplicate_sid",
    "get_latest_policy",
    "remove_missing_sid",
    "add_function_revision",
    "add_stale_revision",
    "stale-put",
)
"""Cases in which the function has a policy."""

GONE = {"doesnotexist", "name-1:alias-doesnotexist"}


def situation(case: dict[str, Any]) -> str:
    return str(case.get("situation") or case["source"]).split()[-1].split("/")[-1]


@pytest.fixture
def client() -> Iterator[Any]:
    with served(direct=True) as embedded:
        embedded.world.gone = GONE
        made = boto3.client(
            "lambda", region_name="us-east-1", endpoint_url=embedded.endpoint,
            aws_access_key_id="x", aws_secret_access_key="x",
        )  # fmt: skip
        embedded.attach(made.meta.events)
        yield made


@pytest.mark.parametrize("case", CASES, ids=situation)
def test_a_recorded_refusal(client: Any, case: dict[str, Any]) -> None:
    if situation(case) in (*PRESENT, "add_permission_conflicting_statement_id"):
        sid = case["request"].get("StatementId", "s") if case["status"] == 409 else "another"
        client.add_permission(
            FunctionName="name-1", StatementId=sid, Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
        )

    with pytest.raises(ClientError) as caught:
        getattr(client, xform_name(case["operation"]))(**case["request"])

    answer: Any = caught.value.response
    assert answer["Error"]["Code"] == case["code"]
    assert answer["Error"]["Message"] == case["message"]
    assert case["status"] in (None, answer["ResponseMetadata"]["HTTPStatusCode"])


def test_what_is_not_played_is_listed() -> None:
    assert len(CASES) == 22
