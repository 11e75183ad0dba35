"""Policies of IAM as JSON, as data sources of Terraform and as a template of CloudFormation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

import yaml

from provisioner.planning.iam_policies import INLINE, MANAGED, Allow, Fold, IamPolicy


def policies_json(policies: Sequence[IamPolicy]) -> str:
    """An object of policy documents by the name of the policy."""
    return json.dumps({policy.name: policy.document for policy in policies}, indent=2)


def policies_terraform(policies: Sequence[IamPolicy]) -> str:
    """A data source `aws_iam_policy_document` for each policy."""
    # A label begins with a letter or _ and has letters, digits, _ and -.
    labels = _unique(re.sub(r"^(?=[\d-])", "_", re.sub(r"[^A-Za-z0-9_-]", "_", policy.name)) for policy in policies)
    blocks = []
    for label, policy in zip(labels, policies, strict=True):
        statements = "\n\n".join("\n".join(_statement(item)) for item in policy.statements)
        blocks.append(f'data "aws_iam_policy_document" "{label}" {{\n{statements}\n}}')
    return "\n\n".join(blocks)


def policies_cloudformation(policies: Sequence[IamPolicy]) -> str:
    """A template with a managed policy for each policy, to attach to roles by its ARN, or by `Roles` in each."""
    # A logical id has letters and digits.
    words = [[*re.findall(r"[A-Za-z0-9]+", policy.name), "Policy"] for policy in policies]
    names = _unique("".join(word[0].upper() + word[1:] for word in found) for found in words)
    resources = {
        name: {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"Description": f"provisioner: {policy.name}", "PolicyDocument": policy.document},
        }
        for name, policy in zip(names, policies, strict=True)
    }
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    text: str = yaml.safe_dump(template, sort_keys=False, width=1000)
    return text.rstrip("\n")


def sizes_text(policies: Sequence[IamPolicy]) -> str:
    """A line for each policy with its size, and what AWS takes."""
    limits = f"AWS takes {MANAGED} in a managed policy, and {INLINE} in all inline policies of a role together."
    return "\n".join([*(f"{policy.name}: {policy.size} characters" for policy in policies), limits])


def folds_text(name: str, folds: Iterable[Fold]) -> Iterator[str]:
    """What was folded in the policy for `name`, and what it admits in addition."""
    for fold in folds:
        yield f"{name}: {fold.sid} allows {fold.pattern} instead of {fold.count} ARNs, and so all else that begins like that"


def _statement(item: Allow) -> Iterator[str]:
    yield "  statement {"
    yield f"    sid = {_quoted(item.sid)}"
    yield from _list("actions", item.actions)
    yield from _list("resources", item.resources)
    if item.condition:
        operator, key = item.condition
        yield from ("", "    condition {", f"      test     = {_quoted(operator)}", f"      variable = {_quoted(key)}")
        yield f"      values   = [{', '.join(map(_quoted, item.values))}]"
        yield "    }"
    yield "  }"


def _list(name: str, texts: Iterable[str]) -> Iterator[str]:
    yield f"    {name} = ["
    yield from (f"      {_quoted(text)}," for text in texts)
    yield "    ]"


def _quoted(text: str) -> str:
    """A text as a string of HCL, where `${` and `%{` would begin a template, and escapes are as in JSON up to U+FFFF."""
    literal = text.replace("${", "$${").replace("%{", "%%{")
    return (
        '"' + "".join(json.dumps(char)[1:-1] if char <= "\uffff" else f"\\U{ord(char):08x}" for char in literal) + '"'
    )


def _unique(names: Iterable[str]) -> list[str]:
    """Names with a number behind those that would be another's."""
    found: list[str] = []
    for name in names:
        free, number = name, 2
        while free in found:
            free, number = f"{name}{number}", number + 1
        found.append(free)
    return found
