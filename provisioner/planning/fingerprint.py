"""Hashes that say whether two plans, or two looks at a mapping, are the same; nothing in them varies by itself."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from provisioner.model.live import Live
from provisioner.model.mapping import json_key
from provisioner.model.plan import Action, Change, Plan

VERSION: Final = "v1"
"""Of what goes into a plan's hash: another content is another version, so that two versions never seem to agree."""


def plan_hash(plan: Plan) -> str:
    """The hash of what a plan does: account, regions, actions, UUIDs touched, values before and after.

    Causes, reasons, risks, the serial, times and places in files are not in it. It guards against accidents, not attackers.
    """
    changes = sorted((_essence(change) for change in plan.changes if change.counts), key=json_key)
    return f"{VERSION}:{_sha256([plan.stack, plan.account, changes])}"


def _essence(change: Change) -> dict[str, Any]:
    before = change.live.mapping if change.live and change.action is not Action.CREATE else None
    return {
        "name": change.key,
        "action": change.action,
        "region": change.region,
        "uuid": change.uuid,
        "adopts": change.adopts,
        "moved_from": change.moved_from,
        "creates_first": change.creates_first,
        "before": before,
        "after": change.desired,
    }


def fingerprint(live: Live) -> str:
    """The hash of a mapping's settings and tags, without what AWS changes by itself, such as LastModified."""
    return _sha256(live.mapping)[:16]


def _sha256(value: Any) -> str:
    return hashlib.sha256(json_key(value).encode()).hexdigest()
