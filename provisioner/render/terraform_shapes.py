"""What is the same in every resource of Terraform's documents."""

from __future__ import annotations

from typing import Any, Final

from provisioner.kinds import kind_of_change
from provisioner.model.plan import Change

PROVIDER: Final = "registry.terraform.io/hashicorp/aws"


def address(change: Change) -> str:
    """The address of the mapping of a change, as Terraform would write it."""
    return f"{kind_of_change(change).resource}.{change.name}"


def sides_of(
    actions: list[str],
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    unknown: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A change of values. Nothing in it is sensitive, because credentials are ARNs of secrets. Of a side that is not
    there, sensitivity is false, as in Terraform.
    """
    return {
        "actions": actions,
        "before": before,
        "after": after,
        "after_unknown": unknown or {},
        "before_sensitive": {} if before else False,
        "after_sensitive": {} if after else False,
    }


def resource(head: dict[str, Any], values: dict[str, Any] | None) -> dict[str, Any] | None:
    """A resource of `planned_values` or `prior_state`; None where it does not exist."""
    return values and {**head, "schema_version": 0, "values": values, "sensitive_values": {}}
