"""CloudFormation stacks that the seed names: what ListStackResources and GetTemplate answer. Every other call is moto's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from xml.etree import ElementTree as ET

from provisioner.sandbox.answers import Answer, form_error

_NAMESPACE: Final = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_TYPE: Final = "AWS::Lambda::EventSourceMapping"


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack: the function and source of each of its mappings by logical id, and the logical ids whose DeletionPolicy in the
    deployed template is Retain.
    """

    mappings: Mapping[str, tuple[str, str]]
    retained: frozenset[str] = frozenset()


class Store(Protocol):
    """The mappings of the account and region."""

    def uuid_of(self, function: str, source: str) -> str:
        """The UUID of the mapping of a function and a source, or ""."""


def answer(form: Mapping[str, str], stacks: Mapping[str, Stack], store: Store | None) -> Answer | None:
    """The answer to one of the two calls, or None."""
    action, name = form.get("Action"), form.get("StackName", "")
    if action not in ("ListStackResources", "GetTemplate"):
        return None
    stack = stacks.get(name)
    if stack is None:
        return form_error(400, "ValidationError", f"Stack with id {name} does not exist", _NAMESPACE)
    root = ET.Element(f"{action}Response", {"xmlns": _NAMESPACE})
    result = ET.SubElement(root, f"{action}Result")
    if action == "GetTemplate":
        resources = {
            name: {"Type": _TYPE, **({"DeletionPolicy": "Retain"} if name in stack.retained else {})}
            for name in stack.mappings
        }
        ET.SubElement(result, "TemplateBody").text = json.dumps({"Resources": resources})
    else:
        summaries = ET.SubElement(result, "StackResourceSummaries")
        for name, (function, source) in stack.mappings.items():
            member = ET.SubElement(summaries, "member")
            texts = {
                "LogicalResourceId": name,
                "PhysicalResourceId": store.uuid_of(function, source) if store else "",
                "ResourceType": _TYPE,
                "LastUpdatedTimestamp": "2026-01-01T00:00:00Z",
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for tag, text in texts.items():
                ET.SubElement(member, tag).text = text
    return Answer(200, ET.tostring(root))
