"""IAM's SimulatePrincipalPolicy for roles. What it answers is what the policies say at that moment; resource policies are
not looked at, as for every role in AWS (docs/aws/permissions.md#the-simulator).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET

from provisioner.sandbox.answers import Answer, form_error
from provisioner.sandbox.iam import Decision, Question, Verdict, decide
from provisioner.sandbox.roles import Role

_NAMESPACE: Final = "https://iam.amazonaws.com/doc/2010-05-08/"
_MOST: Final = 1000
_USUAL: Final = 100
_ENTRIES: Final = "ContextEntries.member."
_STRONGEST: Final[tuple[Decision, ...]] = ("explicitDeny", "allowed", "implicitDeny")
"""Of decisions about several resources, the first of these is the action's own."""

Form = Mapping[str, str]


def answer(form: Form, role: Role | None, lacks: frozenset[str]) -> Answer:
    """The answer for a role, None for one that does not exist, which is denied what it `lacks`."""
    arn = form.get("PolicySourceArn", "")
    if not 20 <= len(arn) <= 2048 or not arn.startswith("arn:"):
        return form_error(400, "InvalidInput", f"Invalid ARN {arn}", _NAMESPACE)
    if role is None:
        return form_error(
            404, "NoSuchEntity", f"The role with name {arn.rpartition('/')[2]} cannot be found.", _NAMESPACE
        )
    actions, resources = members(form, "ActionNames"), members(form, "ResourceArns") or ["*"]
    if not actions or not all(re.fullmatch(r"[a-zA-Z0-9-]+:[a-zA-Z0-9]+", action) for action in actions):
        return form_error(
            400, "InvalidInput", "ActionNames must have at least one action, as SERVICE:ACTION", _NAMESPACE
        )
    size, start = form.get("MaxItems", str(_USUAL)), form.get("Marker", "0")
    if not (re.fullmatch("[0-9]{1,4}", size) and 1 <= int(size) <= _MOST and re.fullmatch("[0-9]{1,9}", start)):
        return form_error(
            400, "ValidationError", "MaxItems must be between 1 and 1000, and Marker one of an answer", _NAMESPACE
        )
    entries = [
        key.removesuffix("ContextKeyName") for key in form if key.startswith(_ENTRIES) and key.endswith("KeyName")
    ]
    context = {form[f"{entry}ContextKeyName"].lower(): members(form, f"{entry}ContextKeyValues") for entry in entries}
    end = int(start) + int(size)
    rights = role.rights(lacks)
    results = [
        (action, [(resource, decide(rights, Question(action, resource, context))) for resource in resources])
        for action in actions[int(start) : end]
    ]
    return Answer(200, _answered(results, str(end) if end < len(actions) else ""))


def members(form: Form, name: str) -> list[str]:
    """A list of the query protocol, in its order."""
    found = {key: value for key, value in form.items() if re.fullmatch(rf"{re.escape(name)}\.member\.\d+", key)}
    return [found[key] for key in sorted(found, key=lambda key: int(key.rpartition(".")[2]))]


def _answered(results: Sequence[tuple[str, Sequence[tuple[str, Verdict]]]], marker: str) -> bytes:
    """The answer with one result for each action. That of one resource is the action's own; several stand below an action,
    which then names no resource but the form of its ARN, and has a decision of all of them together.
    """
    root = ET.Element("SimulatePrincipalPolicyResponse", {"xmlns": _NAMESPACE})
    result = ET.SubElement(root, "SimulatePrincipalPolicyResult")
    listed = ET.SubElement(result, "EvaluationResults")
    for action, verdicts in results:
        member = ET.SubElement(listed, "member")
        ET.SubElement(member, "EvalActionName").text = action
        if len(verdicts) == 1:
            [(resource, verdict)] = verdicts
            ET.SubElement(member, "EvalResourceName").text = resource
            ET.SubElement(member, "EvalDecision").text = verdict.decision
            _details(member, verdict)
            continue
        decisions = {verdict.decision for _, verdict in verdicts}
        form = f"arn:aws:{action.partition(':')[0]}:${{Region}}:${{Account}}:${{ResourceName}}"
        ET.SubElement(member, "EvalResourceName").text = form
        ET.SubElement(member, "EvalDecision").text = next(word for word in _STRONGEST if word in decisions)
        each = ET.SubElement(member, "ResourceSpecificResults")
        for resource, verdict in verdicts:
            specific = ET.SubElement(each, "member")
            ET.SubElement(specific, "EvalResourceName").text = resource
            ET.SubElement(specific, "EvalResourceDecision").text = verdict.decision
            _details(specific, verdict)
    ET.SubElement(result, "IsTruncated").text = "true" if marker else "false"
    if marker:
        ET.SubElement(result, "Marker").text = marker
    return bytes(ET.tostring(root, "utf-8"))


def _details(member: ET.Element, verdict: Verdict) -> None:
    matched = ET.SubElement(member, "MatchedStatements")
    for policy in verdict.matched:
        statement = ET.SubElement(matched, "member")
        ET.SubElement(statement, "SourcePolicyId").text = policy.name
        ET.SubElement(statement, "SourcePolicyType").text = policy.type
    missing = ET.SubElement(member, "MissingContextValues")
    for key in verdict.missing:
        ET.SubElement(missing, "member").text = key
    if verdict.bounded is not None:
        detail = ET.SubElement(member, "PermissionsBoundaryDecisionDetail")
        ET.SubElement(detail, "AllowedByPermissionsBoundary").text = str(verdict.bounded).lower()
