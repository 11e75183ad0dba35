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

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from provisioner.kinds import KINDS, kind_for, kind_of_change
from provisioner.kinds.ids import text_of
from provisioner.kinds.kind import Kind
from provisioner.kinds.policies import content_of
from provisioner.model.canonical import Canonical, with_value
from provisioner.model.key import LAMBDA
from provisioner.model.live import Live
from provisioner.model.plan import Action, Cause, Change, Plan, Problem, Reason
from provisioner.model.sources import SourceKind
from provisioner.model.state import Record
from provisioner.planning.statements import place_of, recorded_statements
from provisioner.render import terraform_mapping as event_source
from provisioner.render import terraform_push as push
from provisioner.render.checks import findings_json
from provisioner.render.terraform_shapes import PROVIDER, address, resource, sides_of
from provisioner.render.terraform_statement import statements_of

FORMAT_VERSION: Final = "1.2"
STATE_FORMAT_VERSION: Final = "1.0"
# Readers parse it as a version of Terraform and choose by it what to expect, so it is the one whose documents these were
# compared with. Our own version stands under x_provisioner.
TERRAFORM_VERSION: Final = "1.11.4"

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
    statements = statements_of(plan)
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "variables": {},
        "planned_values": _root_module(
            [
                *(_planned(change, plan.account) for change in plan.changes),
                *(item.planned() for item in statements),
            ]
        ),
        "resource_drift": list(resource_drift(plan)),
        "resource_changes": [
            *(resource_change(change, plan.account) for change in plan.changes),
            *(item.change() for item in statements),
        ],
        "prior_state": {
            "format_version": STATE_FORMAT_VERSION,
            "terraform_version": TERRAFORM_VERSION,
            "values": _root_module(
                [
                    *(_refreshed(change, plan.account) for change in plan.changes),
                    *(item.refreshed() for item in statements),
                ]
            ),
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
            "checks": findings_json(plan.checks),
        },
    }


# --- the parts of a document -----------------------------------------------------------------------------------------


def address_of(name: str, plan: Plan | None) -> str:
    """The address of a mapping of a plan, or of several, by what a problem names."""
    change = next((change for change in plan.changes if name in (change.key, change.name)), None) if plan else None
    return address(change) if change else f"{KINDS[LAMBDA].resource}.{name}"


def resource_change(change: Change, account: str) -> dict[str, Any]:
    """One of `resource_changes`: that of a mapping, without its statement. A deposed mapping has its name's address and the key
    `deposed`, as in Terraform.
    """
    reason = _ACTION_REASONS.get((change.action, change.reason)) if change.reason else None
    actions = [str(change.action)]
    if change.action is Action.REPLACE:
        actions = ["create", "delete"] if change.creates_first else ["delete", "create"]
    elif change.conflict or (_is_push(change) and not push.changes_entry(change)):
        actions = [str(Action.NO_OP)]  # Terraform has no action for what is not possible, and nothing is done
    after, paths = _after(change, account), _replace_paths(change)
    return {
        **head_of(change),
        **({"previous_address": f"{kind_of_change(change).resource}.{change.moved_from}"} if change.moved_from else {}),
        **({"deposed": _deposed_key(change)} if change.deposed else {}),
        "change": {
            **sides_of(actions, _before(change, account), after, _unknown(change)),
            **({"replace_paths": paths} if paths else {}),
            **({"importing": {"id": text_of(change.adopts)}} if change.adopts else {}),
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
                    "applied": (
                        field.prior if _is_push(change) else event_source.applied(change, field.path, field.prior)
                    ),
                }
                for field in change.fields
            },
            "risks": [{"code": risk.code, "level": str(risk.level), "message": risk.message} for risk in change.risks],
            "notes": list(change.notes),
            "calls": push.entry_calls(change) if _is_push(change) else event_source.calls(change),
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


def resource_drift(plan: Plan) -> Iterator[dict[str, Any]]:
    """The items of `resource_drift`: first the mappings, then the statements."""
    for change in plan.changes:
        if sides := _drift(change, plan.account):
            yield {**head_of(change), "change": sides}
    recorded = {place_of(item): item for change in plan.changes for item in recorded_statements(change.record)}
    for statement in statements_of(plan):
        was = recorded.get(statement.place)
        if was and content_of(was) != statement.item.before:
            before, after = statement.existing(content_of(was)), statement.existing(statement.item.before)
            sides = sides_of(["update" if after else "delete"], before, after)
            yield {**statement.head, "change": sides}


def _drift(change: Change, account: str) -> dict[str, Any] | None:
    """From the recorded to the live values, in the fields that this plan reverts, or a deletion when the mapping is gone;
    None without drift.
    """
    record, live = change.record, change.live
    drifted = [
        field
        for field in change.fields
        if field.cause is not Cause.EDIT and not (_is_push(change) and field.path[0] == "permission")
    ]
    if record and record.applied and change.reason in (Reason.DISAPPEARED, Reason.GONE):
        return sides_of(["delete"], _existing(record.applied, record, account), None)
    if live is None or not drifted:
        return None
    # Made from one mapping, so that edits are not in the difference.
    recorded = now = _mapping_before(change, live)
    for field in drifted:
        recorded = with_value(recorded, field.path, field.prior)
    return sides_of(["update"], _existing(recorded, live, account), _existing(now, live, account))


def _root_module(resources: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    return {"root_module": {"resources": [resource for resource in resources if resource]}}


def _planned(change: Change, account: str) -> dict[str, Any] | None:
    return resource(head_of(change), _after(change, account))


def _refreshed(change: Change, account: str) -> dict[str, Any] | None:
    deposed = {"deposed_key": _deposed_key(change)} if change.deposed else {}
    return resource({**head_of(change), **deposed}, _before(change, account) if change.live else None)


def head_of(change: Change) -> dict[str, Any]:
    """The address of the mapping of a change, and its parts."""
    return {
        "address": address(change),
        "mode": "managed",
        "type": kind_of_change(change).resource,
        "name": change.name,
        "provider_name": PROVIDER,
    }


def _deposed_key(change: Change) -> str:
    """Terraform's key of a deposed resource: eight hexadecimal digits."""
    return change.id[:8] if not _is_push(change) else hashlib.sha256(change.id.encode()).hexdigest()[:8]


def values_made(change: Change, planned: dict[str, Any], ident: str) -> dict[str, Any]:
    """The planned values of a mapping once it was made with an id, which was not known when it was planned."""
    if _kind_made(change).name != LAMBDA:
        return {**planned, "id": planned["bucket"]}
    return {**planned, "id": ident, "uuid": ident}


# --- one change ------------------------------------------------------------------------------------------------------


def _is_made(change: Change) -> bool:
    return change.action in (Action.CREATE, Action.REPLACE)


def _replace_paths(change: Change) -> list[list[str | int]]:
    """Which attributes force the replacement. Another region does too, and is not in `fields`."""
    if change.action is not Action.REPLACE:
        return []
    moved: list[list[str | int]] = [["region"]] if change.live and change.live.key.region != change.region else []
    source = change.live.kind if change.live else SourceKind.UNKNOWN
    return moved + [
        push.entry_steps(field.path) if _is_push(change) else event_source.steps(field.path, source)
        for field in change.fields
        if field.replaces
    ]


def _is_push(change: Change) -> bool:
    """Whether the mapping of a change is kept by its source."""
    return kind_of_change(change).name != LAMBDA


# --- before and after ------------------------------------------------------------------------------------------------


def _before(change: Change, account: str) -> dict[str, Any] | None:
    """The mapping as it is; one that is gone, and only to be forgotten, as it was recorded."""
    if change.action is Action.CREATE:
        return None  # `live` may be a mapping that is being deleted and holds the pair
    if change.live:
        return _existing(_mapping_before(change, change.live), change.live, account)
    return _existing(change.record.applied, change.record, account) if change.record else None


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


def _after(change: Change, account: str) -> dict[str, Any] | None:
    if change.desired is None:
        return None
    if change.live and not _is_made(change):
        return _existing(change.desired, change.live, account)
    if _kind_made(change).name == LAMBDA:
        return event_source.planned(change.desired, change.region)
    return push.entry_attributes(change.desired, change.region, account)


def _existing(mapping: Canonical, held: Live | Record, account: str) -> dict[str, Any]:
    """A mapping that exists, with what is computed of it."""
    if KINDS[held.key.kind].name == LAMBDA:
        return event_source.existing(mapping, held)
    # A record, and what is left of an entry that is gone, have their id in the key alone.
    whole = {"id": held.key.id.partition("/")[2], **mapping}
    values = push.entry_attributes(whole, held.key.region, account)
    return {**values, "id": values["bucket"]}


def _unknown(change: Change) -> dict[str, Any]:
    """True wherever a value is known only once the mapping was made."""
    if change.desired is None or not _is_made(change):
        return {}
    if _kind_made(change).name == LAMBDA:
        return event_source.unknown(change.desired)
    return dict.fromkeys(push.COMPUTED, True)


def _kind_made(change: Change) -> Kind:
    """The kind of the mapping that a change makes."""
    return kind_for(change.wanted.kind) if change.wanted else kind_of_change(change)
