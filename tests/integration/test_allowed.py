"""What a manifest may name of endpoints, roles and places for state, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import ProvisionerError
from provisioner.workflow import Run
from tests.support.stack import SilentUi

MAPPINGS = "mappings: { a: { function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q' } }\n"
ROLE = "arn:aws:iam::123456789012:role/apply"


def refusal(folder: Path, head: str) -> str:
    """What is wrong with a manifest, "" when it may be used; no client is made."""
    (folder / "provisioner.yaml").write_text(f"stack: test\n{head}{MAPPINGS}", encoding="utf-8")
    try:
        Run.on(folder, SilentUi(), opened=lambda provider, clock: pytest.fail("a client was made"))
    except ProvisionerError as error:
        return f"{error.message} ({error.hint})"
    return ""


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("http://127.0.0.1:4566", False),
        ("http://localhost:4566", False),
        ("http://[::1]:4566", False),
        ("https://lambda.eu-west-1.amazonaws.com", False),
        ("https://vpce-1.lambda.eu-west-1.vpce.amazonaws.com", False),
        ("https://lambda.cn-north-1.amazonaws.com.cn", False),
        ("https://lambda.eu-west-1.api.aws", False),
        ("http://lambda.eu-west-1.amazonaws.com", True),
        ("http://127.0.0.1.example.com", True),
        ("https://example.com", True),
        ("https://amazonaws.com.example.com", True),
        ("https://evil-amazonaws.com", True),
        ("https://lambda.eu-west-1.amazonaws.com@example.com", True),
        ("http://127.0.0.1@example.com", True),
        ("https://example.com\\\\@lambda.eu-west-1.amazonaws.com", True),
    ],
)
def test_an_endpoint_is_on_this_machine_or_of_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, *, is_refused: bool
) -> None:
    monkeypatch.delenv("PROVISIONER_ALLOWED_ENDPOINTS", raising=False)

    text = refusal(tmp_path, f'provider: {{ region: eu-west-1, endpoint_url: "{url}" }}\n')

    assert bool(text) is is_refused
    assert not text or "provisioner.yaml:2:46: the endpoint http" in text
    assert not text or "is not on this machine or an endpoint of AWS" in text
    assert not text or "PROVISIONER_ALLOWED_ENDPOINTS" in text


@pytest.mark.parametrize(
    ("globs", "is_refused"), [("https://*.example.com", False), ("https://other/*,x", True), ("", True)]
)
def test_the_operator_can_allow_an_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, globs: str, *, is_refused: bool
) -> None:
    monkeypatch.setenv("PROVISIONER_ALLOWED_ENDPOINTS", globs)

    assert bool(refusal(tmp_path, 'provider: { endpoint_url: "https://lambda.example.com" }\n')) is is_refused


@pytest.mark.parametrize(
    ("variable", "head", "value"),
    [
        ("PROVISIONER_ALLOWED_ROLES", f'provider: {{ assume_role: {{ role_arn: "{ROLE}" }} }}\n', ROLE),
        ("PROVISIONER_ALLOWED_STATES", "state: { path: state/x.json }\n", "state/x.json"),
        ("PROVISIONER_ALLOWED_STATES", "state: { s3: { bucket: b, key: k.json } }\n", "s3://b/k.json"),
    ],
)
def test_roles_and_states_are_limited_where_the_operator_limits_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, head: str, value: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    assert refusal(tmp_path, head) == ""

    monkeypatch.setenv(variable, f"other,{value[:4]}*")
    assert refusal(tmp_path, head) == ""

    monkeypatch.setenv(variable, "other")
    text = refusal(tmp_path, head)
    assert f"{value} is not allowed by {variable}" in text
    assert "provisioner.yaml:2:" in text
