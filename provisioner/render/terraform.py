"""A plan as a document in the shape of `terraform show -json PLAN`, for policies and filters written for Terraform.

The format: https://developer.hashicorp.com/terraform/internals/json-format.

`before` and `after` have the attributes of the AWS provider: a nested block is a list of one object, a filter pattern a
JSON string, brokers one comma string. One shape serves both sides, so that what is equal looks equal: AWS's defaults
are written out, a number or text that is not there is null, a list `[]`, a map `{}`. What is specific to provisioner is
under `x_provisioner`.

There is no `timestamp`, because equal plans must print equal, and no `configuration`, because variables, defaults and
files have been merged by then and no expression is left to show.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, get_origin

from provisioner.kinds.fields import Field
from provisioner.kinds.tables import fields_of
from provisioner.kinds.uniqueness import CONSUMER_GROUPS
from provisioner.model.canonical import Canonical, value_at, with_value
from provisioner.model.live import Live, Status
from provisioner.model.place import FieldPath
from provisioner.model.plan import Action, Cause, Change, Plan, Problem, Reason
from provisioner.model.references import Arn
from provisioner.model.sources import SourceKind, kind_of
from provisioner.model.state import Record

FORMAT_VERSION: Final = "1.2"
STATE_FORMAT_VERSION: Final = "1.0"
# Readers parse it as a version of Terraform and choose by it what to expect, so it is the one whose documents these were
# compared with. Our own version stands under x_provisioner.
TERRAFORM_VERSION: Final = "1.11.4"
TYPE: Final = "aws_lambda_event_source_mapping"
PROVIDER: Final = "registry.terraform.io/hashicorp/aws"

_COMPUTED: Final = (
    "arn",
    "function_arn",
    "id",
    "last_modified",
    "last_processing_result",
    "state",
    "state_transition_reason",
    "uuid",
)
"""Attributes that AWS sets on an existing mapping."""

_ACTION_REASONS: Final = {
    (Action.REPLACE, Reason.CANNOT_UPDATE): "replace_because_cannot_update",
    (Action.REPLACE, Reason.REQUESTED): "replace_by_request",
    (Action.DELETE, Reason.NOT_IN_MANIFEST): "delete_because_no_resource_config",
    (Action.FORGET, Reason.REMOVED): "delete_because_no_resource_config",
    (Action.FORGET, Reason.GONE): "delete_because_no_resource_config",
}
"""Terraform's words for why; where it has none, the key is absent."""


def plan_document(plan: Plan, *, version: str, plan_hash: str = "", refused: Sequence[Problem] = ()) -> dict[str, Any]:
    """The whole document, ready for `json.dumps`. `version` is ours; `refused` is why the plan must not be carried out,
    besides its own problems.
    """
    # A caller may pass the plan's own problems again; each is reported once.
    problems = tuple(dict.fromkeys((*plan.problems, *refused)))
    drift = (resource_drift(change) for change in plan.changes)
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "variables": {},
        "planned_values": _root_module(_planned(change) for change in plan.changes),
        "resource_drift": [item for item in drift if item],
        "resource_changes": [resource_change(change) for change in plan.changes],
        "prior_state": {
            "format_version": STATE_FORMAT_VERSION,
            "terraform_version": TERRAFORM_VERSION,
            "values": _root_module(_refreshed(change) for change in plan.changes),
        },
        "applyable": plan.applyable and not problems,
        "complete": not plan.problems,
        "errored": bool(problems),
        "x_provisioner": {
            "version": version,
            "stack": plan.stack,
            "account": plan.account,
            "hash": plan_hash,
            "access": asdict(plan.access),
            "refused": [asdict(problem) for problem in problems],
            "summary": asdict(plan.summary),
        },
    }


# --- the parts of a document -----------------------------------------------------------------------------------------


def address(name: str) -> str:
    """The address of a mapping by its name, as Terraform would write it."""
    return f"{TYPE}.{name}"


def resource_change(change: Change) -> dict[str, Any]:
    """One of `resource_changes`. A deposed mapping has its name's address and the key `deposed`, as in Terraform."""
    reason = _ACTION_REASONS.get((change.action, change.reason)) if change.reason else None
    actions = [str(change.action)]
    if change.action is Action.REPLACE:
        actions = ["create", "delete"] if change.creates_first else ["delete", "create"]
    elif change.conflict:
        actions = [str(Action.NO_OP)]  # Terraform has no such action, and nothing is done
    after, paths = _after(change), _replace_paths(change)
    unknown = _unknown(change.desired or {}) if _is_made(change) else {}
    return {
        **_head(change),
        **({"previous_address": address(change.moved_from)} if change.moved_from else {}),
        **({"deposed": change.id[:8]} if change.deposed else {}),
        "change": {
            **_sides(actions, _before(change), after, unknown),
            **({"replace_paths": paths} if paths else {}),
            **({"importing": {"id": change.adopts.id}} if change.adopts else {}),
        },
        **({"action_reason": reason} if reason else {}),
        "x_provisioner": {
            "region": change.region,
            "uuid": change.id,
            "reason": change.reason and str(change.reason),
            "cause": {
                ".".join(field.path): {
                    "cause": str(field.cause),
                    "detail": field.detail or None,
                    "applied": _applied(change, field.path, field.prior),
                }
                for field in change.fields
            },
            "risks": [{"code": risk.code, "level": str(risk.level), "message": risk.message} for risk in change.risks],
            "notes": list(change.notes),
            "calls": _calls(change),
            **(
                {
                    "not_possible": {
                        "holder": {"uuid": conflict.holder.id, "region": conflict.holder.region},
                        "message": conflict.message,
                        "hint": conflict.hint,
                    }
                }
                if (conflict := change.conflict)
                else {}
            ),
        },
    }


def resource_drift(change: Change) -> dict[str, Any] | None:
    """One of `resource_drift`: from the recorded to the live values, in the fields that this plan reverts, or a
    deletion when the mapping is gone; None without drift.
    """
    gone = change.record and change.reason in (Reason.DISAPPEARED, Reason.GONE)
    drifted = [field for field in change.fields if field.cause is not Cause.EDIT]
    if change.record and gone:
        sides = _sides(["delete"], _existing(change.record.applied, change.record), None)
    elif change.live and drifted:
        # Made from one mapping, so that edits are not in the difference.
        recorded = now = _mapping_before(change, change.live)
        for field in drifted:
            recorded = with_value(recorded, field.path, field.prior)
        sides = _sides(["update"], _existing(recorded, change.live), _existing(now, change.live))
    else:
        return None
    return {**_head(change), "change": sides}


def _root_module(resources: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    return {"root_module": {"resources": [resource for resource in resources if resource]}}


def _planned(change: Change) -> dict[str, Any] | None:
    values = _after(change)
    return values and {**_head(change), "schema_version": 0, "values": values, "sensitive_values": {}}


def _refreshed(change: Change) -> dict[str, Any] | None:
    values = _before(change) if change.live else None
    deposed = {"deposed_key": change.id[:8]} if change.deposed else {}
    return values and {**_head(change), **deposed, "schema_version": 0, "values": values, "sensitive_values": {}}


def _head(change: Change) -> dict[str, Any]:
    return {
        "address": address(change.name),
        "mode": "managed",
        "type": TYPE,
        "name": change.name,
        "provider_name": PROVIDER,
    }


# --- one change ------------------------------------------------------------------------------------------------------


def _sides(
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


def _is_made(change: Change) -> bool:
    return change.action in (Action.CREATE, Action.REPLACE)


def _replace_paths(change: Change) -> list[list[str | int]]:
    """Which attributes force the replacement. Another region does too, and is not in `fields`."""
    if change.action is not Action.REPLACE:
        return []
    moved: list[list[str | int]] = [["region"]] if change.live and change.live.key.region != change.region else []
    return moved + [
        _steps(field.path, change.live.kind if change.live else SourceKind.UNKNOWN)
        for field in change.fields
        if field.replaces
    ]


def _steps(path: FieldPath, source: SourceKind) -> list[str | int]:
    """A path by Terraform's rules: a block is the first of a list, and a map is one value."""
    steps: list[str | int] = []
    fields = fields_of(source)
    for name in path:
        if name not in fields:
            break  # a key of a map
        steps += [name, 0] if fields[name].children else [name]
        fields = fields[name].children
    return steps[:-1] if steps[-1] == 0 else steps


def _applied(change: Change, path: FieldPath, prior: Any) -> Any:
    """What was last applied, in the shape in which it stands in `before`."""
    kind = change.live.kind if change.live else SourceKind.UNKNOWN
    value: Any = _shaped(fields_of(kind), with_value({}, path, prior), kind)
    for name in path:
        inner = next(iter(value), None) if isinstance(value, list) else value
        value = inner.get(name) if isinstance(inner, Mapping) else None
    return value


_CREATE, _DELETE = "CreateEventSourceMapping", "DeleteEventSourceMapping"


def _calls(change: Change) -> list[str]:
    """The calls to AWS that change something, in their order."""
    match change.action:
        case Action.CREATE:
            return [_CREATE]
        case Action.DELETE:
            return [_DELETE]
        case Action.REPLACE:
            return [_CREATE, _DELETE] if change.creates_first else [_DELETE, _CREATE]
        case Action.UPDATE:
            tags = [field for field in change.fields if field.path[0] == "tags"]
            return [
                *["UpdateEventSourceMapping"] * (len(tags) < len(change.fields)),
                *["UntagResource"] * any(tag.desired is None for tag in tags),
                *["TagResource"] * (change.retags or any(tag.desired is not None for tag in tags)),
            ]
        case Action.FORGET:
            return ["UntagResource"] * change.retags
        case _:
            return []


# --- before and after ------------------------------------------------------------------------------------------------


def _before(change: Change) -> dict[str, Any] | None:
    """The mapping as it is; one that is gone, and only to be forgotten, as it was recorded."""
    if change.action is Action.CREATE:
        return None  # `live` may be a mapping that is being deleted and holds the pair
    if change.live:
        return _existing(_mapping_before(change, change.live), change.live)
    return _existing(change.record.applied, change.record) if change.record else None


def _mapping_before(change: Change, live: Live) -> Canonical:
    """The live mapping; for a change in place, the desired one with every change undone. A value that AWS does not show
    now is then the same on both sides.
    """
    if change.desired is None or _is_made(change):
        return live.mapping
    mapping = change.desired
    for field in change.fields:
        mapping = with_value(mapping, field.path, field.live)
    return mapping


def _after(change: Change) -> dict[str, Any] | None:
    if change.desired is None:
        return None
    if change.live and not _is_made(change):
        return _existing(change.desired, change.live)
    return _without(_attributes(change.desired, change.region), _unknown(change.desired))


def _existing(mapping: Canonical, held: Live | Record) -> dict[str, Any]:
    """A mapping that exists, with the attributes that AWS sets."""
    status = held.status if isinstance(held, Live) else Status("")
    arn = Arn.parse(held.arn)
    # Live values and records have the function's name only; its ARN has the region and account of the mapping's.
    function = arn and arn._replace(resource=f"function:{mapping.get('function_name', '')}")
    for path in _generated(mapping):
        mapping = with_value(mapping, path, held.key.id)  # as self-managed Kafka has it (docs/aws/kinds.md#defaults)
    return {
        **_attributes(mapping, held.key.region),
        "arn": held.arn,
        "function_arn": function and str(function),
        "id": held.key.id,
        "last_modified": status.last_modified or None,
        "last_processing_result": status.last_result or None,
        "state": status.state or None,
        "state_transition_reason": status.reason or None,
        "uuid": held.key.id,
    }


def _attributes(mapping: Canonical, region: str) -> dict[str, Any]:
    """What a mapping is made from. The default tags have been merged by then, so `tags` has them as `tags_all` has."""
    values = _shaped(fields_of(kind_of(mapping)), mapping, kind_of(mapping) or SourceKind.UNKNOWN)
    return {**values, "region": region, "tags_all": values["tags"]}


def _generated(mapping: Canonical) -> list[FieldPath]:
    """The paths of the consumer groups that AWS generates for the mapping, because it states none."""
    kind = kind_of(mapping)
    return [
        path for path in CONSUMER_GROUPS if kind in fields_of(kind)[path[0]].row.kinds and not value_at(mapping, path)
    ]


def _unknown(desired: Canonical) -> dict[str, Any]:
    """True wherever only AWS knows the value, once it has made the mapping."""
    # In a block that is stated only the group is unknown; one that is not stated is unknown as a whole.
    groups = {block: [{group: True}] if block in desired else True for block, group in _generated(desired)}
    return {**dict.fromkeys(_COMPUTED, True), **groups}


def _without(values: dict[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """The values without the unknown ones, which Terraform leaves out."""
    return {
        name: [_without(value[0], unknown[name][0])] if isinstance(unknown.get(name), list) else value
        for name, value in values.items()
        if unknown.get(name) is not True
    }


# --- Terraform's shapes ----------------------------------------------------------------------------------------------


def _shaped(fields: Mapping[str, Field], block: Mapping[str, Any], kind: SourceKind) -> dict[str, Any]:
    return {name: _shape(field, block.get(name), kind) for name, field in fields.items()}


def _shape(field: Field, value: Any, kind: SourceKind) -> Any:
    if field.children:
        blocks = value if field.many else [value]
        return [_shaped(field.children, item, kind) for item in blocks or () if item is not None]
    if value is None:
        value = field.row.default.get(kind)
    form = get_origin(field.annotation)
    if value is None:
        return [] if form is list else {} if form is dict else None
    if field.name == "pattern" and not isinstance(value, str):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if form is dict:
        return {name: ",".join(item) if isinstance(item, list) else item for name, item in value.items()}
    return value
