"""Statements in function policies as Terraform's `aws_lambda_permission`."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

from provisioner.kinds.policy_evaluation import INVOKE
from provisioner.model.canonical import Canonical
from provisioner.model.plan import Action, Change, Plan, StatementChange
from provisioner.model.references import FunctionReference
from provisioner.planning.statements import place_of
from provisioner.render.terraform_shapes import PROVIDER, address, resource, sides_of

_PERMISSION: Final = "aws_lambda_permission"
"""Terraform's type for a statement."""
_CALLS: Final = {
    Action.CREATE: ("AddPermission",),
    Action.REPLACE: ("RemovePermission", "AddPermission"),
    Action.DELETE: ("RemovePermission",),
}


def statements_of(plan: Plan) -> list[Statement]:
    """The statements of a plan, without those that only changes need which are no part of it any more."""
    changes = {change.key: change for change in plan.changes}
    count = Counter(item.id for item in plan.statements)
    made = []
    for item in plan.statements:
        users = [changes[key] for key in (*item.needed_by, *item.released_by) if key in changes]
        made += [Statement(item, users[0], is_alone=count[item.id] == 1)] if users else []
    return made


class Statement:
    """One statement of a plan as a resource, a part of the mappings that need it, or of those that release it: `of` is the
    first of them.
    """

    def __init__(self, item: StatementChange, of: Change, *, is_alone: bool) -> None:
        self.item = item
        self.of = of
        self.place = place_of(item)
        # Two functions may have statements with one id, which Terraform would tell apart by an index.
        index = {} if is_alone else {"index": f"{item.region}/{item.function}"}
        where = "".join(f"[{json.dumps(text)}]" for text in index.values())
        self.head: dict[str, Any] = {
            "address": f"{_PERMISSION}.{item.id}{where}",
            "mode": "managed",
            "type": _PERMISSION,
            "name": item.id,
            **index,
            "provider_name": PROVIDER,
        }

    def change(self) -> dict[str, Any]:
        """One of `resource_changes`."""
        item = self.item
        is_made = item.action in (Action.CREATE, Action.REPLACE)
        after = _attributes(item, item.after) if is_made else self.existing(item.after)
        unknown = {"id": True} if is_made else {}
        # One whose content changes is removed and added: there is no update.
        actions = ["delete", "create"] if item.action is Action.REPLACE else [str(item.action)]
        return {
            **self.head,
            "change": sides_of(actions, self.existing(item.before), after, unknown),
            "x_provisioner": {
                "region": item.region,
                "part_of": address(self.of),
                "needed_by": list(item.needed_by),
                "calls": list(_CALLS.get(item.action, ())),
            },
        }

    def existing(self, content: Canonical | None) -> dict[str, Any] | None:
        """A statement that exists, with this content; None where it does not."""
        values = _attributes(self.item, content)
        return values and {**values, "id": self.item.id}

    def planned(self) -> dict[str, Any] | None:
        """One of the resources of `planned_values`."""
        values: dict[str, Any] | None = self.change()["change"]["after"]
        return resource(self.head, values)

    def refreshed(self) -> dict[str, Any] | None:
        """One of the resources of `prior_state`."""
        return resource(self.head, self.existing(self.item.before))


def statement_changes(plan: Plan) -> list[dict[str, Any]]:
    """Those of `resource_changes` that are statements which change."""
    return [item.change() for item in statements_of(plan) if item.item.action is not Action.NO_OP]


def _attributes(item: StatementChange, content: Canonical | None) -> dict[str, Any] | None:
    """A statement with this content, without what is computed; None where it is not there."""
    if content is None:
        return None
    reference = FunctionReference.parse(item.function)
    return {
        "action": INVOKE,
        "function_name": reference.name if reference else item.function,
        "principal": content.get("principal"),
        "qualifier": (reference.qualifier if reference else "") or None,
        "region": item.region,
        "source_account": content.get("source_account"),
        "source_arn": content.get("source_arn"),
        "statement_id": item.id,
    }
