"""Hashes of plans and states: equal content has an equal hash."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, astuple
from typing import Any, Final

from provisioner.kinds.forms import json_key
from provisioner.kinds.statements import statement_id
from provisioner.model.canonical import Canonical, with_value
from provisioner.model.plan import Action, Change, Plan
from provisioner.model.state import State
from provisioner.planning.record import is_protected
from provisioner.planning.statements import needed_statement

VERSION: Final = "v2"
"""The version of what is hashed. It changes with the hashed content, so that hashes of two versions never match. The
command line accepts it as `v` and digits, and scripts rely on that form (docs/compatibility.md).
"""


def plan_hash(plan: Plan) -> str:
    """The hash of what a plan does: account, how the manifest says that AWS is reached, regions, actions, mappings
    touched, values before and after. `v2:` and 64 hexadecimal digits. Unlike `state_fingerprint`, people approve by it.

    Of what is not possible, the key of the holder is in it. Causes, reasons, risks, the serial, times, places in files, what
    is under `ignore_changes` and the ids that planning chooses are not in it. It guards against accidents, not attackers.
    """
    changes = []
    for change in plan.changes:
        # A mapping that needs nothing may change between an approval and its apply: it is no part of what was approved.
        if not change.counts:
            continue
        # The live mapping of a create is one that is being deleted. Whether it is gone by now makes no difference.
        before = change.live.mapping if change.live and change.action is not Action.CREATE else None
        changes.append(
            {
                "name": change.key,
                "action": change.action,
                "region": change.region,
                "existing": change.existing and astuple(change.existing),
                "adopts": change.adopts and astuple(change.adopts),
                "moved_from": change.moved_from,
                "creates_first": change.creates_first,
                "protected": is_protected(change),
                "before": _without_ignored(before, change),
                "after": _without_ignored(_without_chosen_ids(change, plan.lineage), change),
                **({"holder": astuple(change.conflict.holder)} if change.conflict else {}),
            }
        )
    return f"{VERSION}:{_sha256([plan.stack, plan.account, plan.access.stated, sorted(changes, key=json_key)])}"


def _without_chosen_ids(change: Change, lineage: str) -> Canonical | None:
    """What a mapping is to be, without the ids that planning chose. They have the state's lineage in them, and a state that
    was never stored has another one each time that it is read: two plans before the first apply are one.
    """
    after = change.desired
    if after is None or change.wanted is None:
        return after
    if change.action in (Action.CREATE, Action.REPLACE) and "id" not in change.wanted.mapping:
        after = with_value(after, ("id",), None)
    statement = needed_statement(change)
    if statement and statement.id == statement_id(statement.function, statement.applied, lineage):
        after = with_value(after, ("permission", "statement_id"), None)
    return after


def _without_ignored(mapping: Canonical | None, change: Change) -> Canonical | None:
    """A mapping without the paths under `ignore_changes`, which may change between an approval and its apply."""
    for path in change.wanted.lifecycle.ignore_changes if change.wanted else ():
        mapping = mapping and with_value(mapping, path, None)
    return mapping


def state_fingerprint(state: State) -> str:
    """The hash of all that a state records, 64 hexadecimal digits. A saved plan is compared by it and not by the serial
    alone, which repeats after a backup was restored.
    """
    return _sha256({name: asdict(record) for name, record in state.mappings.items()})


def _sha256(value: Any) -> str:
    return hashlib.sha256(json_key(value).encode()).hexdigest()
