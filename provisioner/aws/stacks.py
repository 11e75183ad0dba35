"""CloudFormation's stacks: which event source mappings they have, and which of them their deployed templates keep."""

from __future__ import annotations

from typing import Any

from provisioner.aws.session import Aws
from provisioner.errors import ServiceError


def mappings_of(aws: Aws, region: str, stack: str) -> dict[str, str]:
    """The logical ids of a stack's event source mappings, by UUID: a call for a hundred resources. Raises AwsError."""
    found: dict[str, str] = {}
    ask = {"StackName": stack}
    before: set[str] = set()
    while True:
        answer = aws.ask("cloudformation", region, "list_stack_resources", ask)
        for item in answer.get("StackResourceSummaries") or ():
            if item.get("ResourceType") == "AWS::Lambda::EventSourceMapping" and item.get("PhysicalResourceId"):
                found[str(item["PhysicalResourceId"])] = str(item.get("LogicalResourceId", ""))
        token = answer.get("NextToken") or ""
        if not token:
            return found
        if token in before:
            raise ServiceError("cloudformation:ListStackResources: unexpected response: the same token again")
        before.add(token)
        ask = {"StackName": stack, "NextToken": token}


def template_of(aws: Aws, region: str, stack: str) -> Any:
    """The template that a stack was deployed with: a text, or a value where it is JSON. Raises AwsError."""
    return aws.ask("cloudformation", region, "get_template", {"StackName": stack})["TemplateBody"]
