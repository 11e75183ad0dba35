"""A sandbox whose seed says what is wrong: roles, keys, secrets, sources; and what a user sees of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import ACCOUNT, REGION, Sandbox, Workspace, sqs, start_sandbox

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
BROKER = f"arn:aws:mq:{REGION}:{ACCOUNT}:broker:b:b-1"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s"
GONE = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gone"
SEED = f"""
roles:
  - {{ name: never, lacks: ["sqs:DeleteMessage"] }}
  - {{ name: soon, lacks: ["sqs:ReceiveMessage"], for: 2 }}
keys: [{{ arn: "{KEY}", error: DisabledException }}]
sources: [{{ arn: "{BROKER}", disables: EVENT_SOURCE_AUTHZ_ERROR }}]
missing: ["{GONE}"]
functions:
  - {{ name: worker }}
  - {{ name: denied, role: never }}
  - {{ name: new, role: soon }}
  - {{ name: slow, timeout: 60 }}
queues: [{{ name: orders }}, {{ name: patient, visibility_timeout: 360 }}]
"""


@pytest.fixture
def troubled(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "seed.yaml").write_text(SEED, encoding="utf-8")
    started: Sandbox = start_sandbox("--seed", str(tmp_path / "seed.yaml"), "--delay", "0")
    yield Workspace(tmp_path, started, started.client())
    started.process.terminate()
    started.process.wait()


def queue(function: str, name: str = "orders") -> str:
    return f"{{ function_name: {function}, event_source_arn: '{sqs(name)}' }}"


def test_a_role_is_waited_for_and_the_first_refusal_is_reported_with_the_time_left(troubled: Workspace) -> None:
    troubled.write(f"orders: {queue('new')}")

    reported = troubled.apply().err

    line = next(line for line in reported.splitlines() if "waiting for IAM" in line)
    assert "does not have permissions to call ReceiveMessage on SQS (waiting for IAM, for up to 300s)" in line
    assert re.search(r"orders: Creation complete after \d+s", reported)
    troubled.assert_in_sync()


def test_what_no_wait_can_mend_fails_and_says_what_to_do(troubled: Workspace) -> None:
    troubled.write(
        f"""
        denied: {queue("denied")}
        slow: {queue("slow")}
        patient: {queue("slow", "patient")}
        catalogue:
          function_name: worker
          event_source_arn: arn:aws:rds:{REGION}:{ACCOUNT}:cluster:c
          document_db_event_source_config: {{ database_name: d }}
          source_access_configuration: [{{ type: BASIC_AUTH, uri: "{GONE}" }}]
        """,
    )
    text = (troubled.folder / "provisioner.yaml").read_text()
    troubled.write_text(text.replace(f"region: {REGION}", f"region: {REGION}, retry_timeout: 1s"))

    reported = troubled.apply("--checks", "off", code=3).out

    assert "1 applied, 3 failed" in reported
    assert "call DeleteMessage on SQS\n    allow this action in the function's execution role" in reported
    assert (
        "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds\n    set the queue's"
        in reported
    )
    assert "ResourceNotFoundException from Secrets Manager.\n    fix the secret ARN" in reported


def test_filters_that_cannot_be_decrypted_are_unknown_not_absent(troubled: Workspace) -> None:
    mapping = f"""
        orders:
          function_name: worker
          event_source_arn: {sqs("orders")}
          kms_key_arn: {KEY}
          filter_criteria: {{ filter: [{{ pattern: {{ body: {{ status: [open] }} }} }}] }}
        """
    troubled.write(mapping)
    applied = troubled.apply("--checks", "off")
    assert "the filters cannot be read back" in applied.err

    plan = troubled.plan()
    assert "note: orders: AWS cannot read the filters at the moment" in plan
    assert plan.endswith("No changes. The mappings match the manifest.\n")
    troubled.write(mapping.replace("[open]", "[closed]"))
    assert '+ "closed",' in troubled.plan()
    troubled.write(mapping.replace(f"          kms_key_arn: {KEY}\n", ""))
    troubled.apply()  # the same filters are sent anew, because the old ones cannot be decrypted
    troubled.assert_in_sync()


def test_a_mapping_whose_filters_cannot_be_decrypted_is_imported_with_its_key(troubled: Workspace) -> None:
    """The entry plans no change, keeps the encryption, and says what AWS does not show."""
    given = {"FilterCriteria": {"Filters": [{"Pattern": '{"body":{"status":["open"]}}'}]}, "KMSKeyArn": KEY}
    uuid = troubled.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs("orders"), **given)[
        "UUID"
    ]
    troubled.settled(uuid)
    troubled.write("")

    imported = troubled.run("import", "orders", uuid)

    assert "AWS cannot read the filters of this mapping (Lambda was unable to decrypt" in imported.err
    assert "so the entry lists filter_criteria in ignore_changes; if you know the value, set it" in imported.err
    troubled.write_text(f"stack: test\nprovider: {{ region: {REGION} }}\n{imported.out}")
    assert f"kms_key_arn: {KEY}" in imported.out
    troubled.run("validate")
    plan = troubled.plan()
    assert "the plan leaves unset filters as they are" in plan
    assert plan.endswith("Plan: 1 to import, 0 to add, 0 to change, 0 to destroy.\n")
    troubled.apply()
    assert troubled.plan().endswith("No changes. The mappings match the manifest.\n")

    entry = imported.out.replace("    kms_key_arn:", "    batch_size: 5\n    kms_key_arn:")
    troubled.write_text(f"stack: test\nprovider: {{ region: {REGION} }}\n{entry}")
    troubled.apply()
    live = troubled.aws.get_event_source_mapping(UUID=uuid)
    assert (live["BatchSize"], live["KMSKeyArn"], "FilterCriteriaError" in live) == (5, KEY, True)


def test_a_mapping_that_aws_disables_by_itself(troubled: Workspace) -> None:
    troubled.write(f"""
        legacy:
          function_name: worker
          event_source_arn: {BROKER}
          queues: [orders]
          source_access_configuration: [{{ type: BASIC_AUTH, uri: "{SECRET}" }}]
    """)

    reported = troubled.apply(code=3).out

    assert (
        "not enabled: AWS reports EVENT_SOURCE_AUTHZ_ERROR (Lambda is not authorized to read from the source)"
        in reported
    )
    plan = troubled.plan()
    assert (
        "~ enabled = false -> true  # aws: EVENT_SOURCE_AUTHZ_ERROR (Lambda is not authorized to read from the source)"
        in plan
    )
    assert "note: legacy: AWS disabled this mapping: EVENT_SOURCE_AUTHZ_ERROR" in plan
    assert "enabled" not in troubled.run("state", "show", "legacy").out  # what was applied was true
    status = troubled.run("status", code=2)
    assert "legacy  Disabled" in status.out
    assert "AWS disabled it: EVENT_SOURCE_AUTHZ_ERROR (Lambda is not authorized to read from the source)" in status.out
    drift = troubled.run("drift", code=2)
    assert "  # legacy is disabled\n  # AWS disabled it: EVENT_SOURCE_AUTHZ_ERROR" in drift.out

    troubled.write(
        (troubled.folder / "provisioner.yaml")
        .read_text()
        .partition("mappings:\n")[2]
        .replace("queues: [orders]", "queues: [orders]\n    enabled: false")
    )
    troubled.apply()  # what AWS did is wanted now: nothing is wrong any more
    assert troubled.run("drift").out == "No drift. Everything is as last applied.\n"
    assert "1 mapping, 0 unhealthy." in troubled.run("status").out
