"""What a plan must not do without a flag that allows it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from provisioner.model.desired import Level
from provisioner.model.plan import Plan, Problem
from provisioner.model.state import State
from provisioner.model.words import counted

MISSING_AT_LEAST = 3
"""Fewer vanished mappings than this are somebody's clean-up, not a wrong endpoint."""


def problems(
    plan: Plan,
    state: State,
    *,
    delete_limit: int | None,
    allow_missing: bool,
    where: str,
    cut_off: Collection[str] = (),
    risk_limit: Level | None = None,
    accepted: Collection[str] = (),
) -> tuple[Problem, ...]:
    """Why the plan must not be carried out; empty when it may.

    `where` names account, region and endpoint. `cut_off` are the mappings that an apply was deleting when it was cut off:
    that they are missing is no surprise. `risk_limit` is the least risk that is refused, but for the codes that are `accepted`.
    """
    found = list(plan.problems)
    missing, recorded = len(set(plan.missing) - set(cut_off)), len(state.mappings)
    if missing >= MISSING_AT_LEAST and missing * 2 > recorded and not allow_missing:
        found.append(
            Problem(
                "",
                f"{missing} of {recorded} recorded mappings do not exist in {where}",
                "check the account, the region and the endpoint; if they no longer exist, pass --allow-missing",
            )
        )
    destroyed = [change.key for change in plan.changes if change.destroys]
    if delete_limit is not None and len(destroyed) > delete_limit:
        found.append(
            Problem(
                "",
                f"the plan deletes or replaces {counted(len(destroyed), 'mapping')}; {delete_limit} are allowed",
                f"if that is intended, pass --allow-deletes {len(destroyed)}",
            )
        )
    return (*found, *_risky(plan, risk_limit, accepted))


def _risky(plan: Plan, limit: Level | None, accepted: Collection[str]) -> Iterator[Problem]:
    refused = list(Level)[list(Level).index(limit) :] if limit else []
    for change in plan.changes:
        for risk in change.risks:
            if risk.level in refused and risk.code not in accepted:
                hint = f"if that is intended, pass --accept-risk {risk.code}; see `provisioner explain {risk.code}`"
                yield Problem(change.key, f"{risk.level} [{risk.code}]: {risk.message}; `limits.risk` refuses it", hint)
