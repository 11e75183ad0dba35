"""CloudFormation's stacks: which event source mappings they have, and which of them their deployed templates keep."""

from __future__ import annotations

from typing import Any

from provisioner.aws.pages import items_of
from provisioner.aws.session import Aws


def mappings_of(aws: Aws, region: str, stack: str) -> dict[str, str]:
    """The logical ids of a stack's event source mappings, by UUID: a call for a hundred resources. Raises AwsError."""
    items = items_of(
        aws,
        "cloudformation",
        region,
        "list_stack_resources",
        "StackResourceSummaries",
        ("NextToken",) * 2,
        StackName=stack,
    )
    return {
        str(item["PhysicalResourceId"]): str(item.get("LogicalResourceId", ""))
        for item in items
        if item.get("ResourceType") == "AWS::Lambda::EventSourceMapping" and item.get("PhysicalResourceId")
    }


def template_of(aws: Aws, region: str, stack: str) -> Any:
    """The template that a stack was deployed with: a text, or a value where it is JSON. Raises AwsError."""
    return aws.ask("cloudformation", region, "get_template", {"StackName": stack})["TemplateBody"]
