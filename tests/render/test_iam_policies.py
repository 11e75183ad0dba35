"""Policies as Terraform and CloudFormation read them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.planning.iam_policies import Allow, Fold, IamPolicy, joined
from provisioner.render.iam_policies import (
    folds_text,
    policies_cloudformation,
    policies_json,
    policies_terraform,
    sizes_text,
)

OWN = ("StringEquals", "s3:ResourceAccount")
WRITE = Allow("Write", ("s3:PutObject",), ("arn:aws:s3:::failures/*",), OWN, ("123456789012",))


def reading(resource: str) -> Allow:
    return Allow("Read", ("sqs:GetQueueAttributes", "sqs:ReceiveMessage"), (resource, "*"))


def test_terraform_has_a_data_source_for_each_policy() -> None:
    text = policies_terraform([IamPolicy("worker", (reading("arn:aws:sqs:::q"), WRITE))])

    assert (
        text
        == """\
data "aws_iam_policy_document" "worker" {
  statement {
    sid = "Read"
    actions = [
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [
      "arn:aws:sqs:::q",
      "*",
    ]
  }

  statement {
    sid = "Write"
    actions = [
      "s3:PutObject",
    ]
    resources = [
      "arn:aws:s3:::failures/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "s3:ResourceAccount"
      values   = ["123456789012"]
    }
  }
}"""
    )


NAMES = ["1st.worker", "a b", "a.b", "worker@123456789012-eu-west-1", "-"]


def test_names_are_such_as_each_tool_takes_and_unique() -> None:
    policies = [IamPolicy(name, (WRITE,)) for name in NAMES]

    labels = re.findall(r'^data "aws_iam_policy_document" "([^"]*)" {$', policies_terraform(policies), re.MULTILINE)
    ids = list(yaml.safe_load(policies_cloudformation(policies))["Resources"])

    assert labels == ["_1st_worker", "a_b", "a_b2", "worker_123456789012-eu-west-1", "_-"]
    assert ids == ["1stWorkerPolicy", "ABPolicy", "ABPolicy2", "Worker123456789012EuWest1Policy", "Policy"]


def test_statements_of_one_sid_are_numbered() -> None:
    policy = IamPolicy("worker", tuple(joined([WRITE, replace(WRITE, actions=("s3:ListBucket",))])))

    assert re.findall(r'sid = "(.*)"', policies_terraform([policy])) == ["Write", "Write2"]
    assert [item["Sid"] for item in json.loads(policies_json([policy]))["worker"]["Statement"]] == ["Write", "Write2"]


def unquoted(text: str) -> str:
    """What a string of HCL without templates says."""
    text = re.sub(r"\\U([0-9a-f]{8})", lambda match: json.dumps(chr(int(match[1], 16)))[1:-1], text)
    value: str = json.loads(text)
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", value)
    return value.replace("$${", "${").replace("%%{", "%{")


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('${%"\\\n*'), max_size=20))
def test_any_text_survives_and_commands_no_terminal(resource: str) -> None:
    policy = IamPolicy("worker", (reading(resource),))
    written = [policies_json([policy]), policies_terraform([policy]), policies_cloudformation([policy])]

    for text in written:
        assert text.replace("\n", "").isprintable()
    template = yaml.safe_load(written[2])
    assert json.loads(written[0]) == {"worker": policy.document}
    assert template["Resources"]["WorkerPolicy"]["Properties"]["PolicyDocument"] == policy.document
    if not re.search(r"[$%]{2,}\{", resource):  # which `unquoted` cannot tell from an escape
        [quoted] = re.findall(r'resources = \[\n +(".*"),\n', written[1])
        assert unquoted(quoted) == resource


def test_sizes_and_what_was_folded_are_said() -> None:
    policy = IamPolicy("worker", (WRITE,))

    assert sizes_text([policy]) == (
        f"worker: {policy.size} characters\n"
        "AWS takes 6144 in a managed policy, and 10240 in all inline policies of a role together."
    )
    assert list(folds_text("worker", [Fold("Read", "arn:aws:sqs:::a*", 2)])) == [
        "worker: Read allows arn:aws:sqs:::a* instead of 2 ARNs, and so all else that begins like that"
    ]
