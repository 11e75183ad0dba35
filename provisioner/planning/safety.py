"""Refuses plans that need a flag to be carried out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from provisioner.model.key import Key
from provisioner.model.level import Level
from provisioner.model.plan import Plan, Problem
from provisioner.model.state import State
from provisioner.model.words import counted

MISSING_AT_LEAST = 3
"""Fewer missing mappings than this were deleted by somebody; more are a sign of a wrong account, region or endpoint."""


def problems(
    plan: Plan,
    state: State,
    *,
    delete_limit: int | None,
    allow_missing: bool,
    where: str,
    interrupted: Collection[Key] = (),
    conflict_limit: int | None = None,
    risk_limit: Level | None = None,
    accepted: Collection[str] = (),
) -> tuple[Problem, ...]:
    """Why the plan must not be carried out, its own problems first; empty when it may.

    `where` names account, region and endpoint. `interrupted` are the mappings that an apply was deleting when it was
    interrupted: that they are missing is no surprise. `delete_limit` is the most deletes and replacements that are
    allowed, `conflict_limit` the most mappings that may be not possible, None for any number. `risk_limit` is the least
    risk that is refused, but for the codes that are `accepted`.
    """
    refused = list(plan.problems)
    missing, recorded = len(set(plan.missing) - set(interrupted)), len(state.mappings)
    # More than half: somebody may delete a few of many, but with a wrong endpoint nearly all are missing.
    if missing >= MISSING_AT_LEAST and missing * 2 > recorded and not allow_missing:
        refused.append(
            Problem(
                "",
                f"{missing} of {recorded} recorded mappings do not exist in {where}",
                "check the account, the region and the endpoint; if the mappings really no longer exist, pass --allow-missing",
            )
        )
    destroyed = [change.key for change in plan.changes if change.destroys]
    if delete_limit is not None and len(destroyed) > delete_limit:
        refused.append(
            Problem(
                "",
                f"the plan deletes or replaces {counted(len(destroyed), 'mapping')}; the limit is {delete_limit}",
                f"if that is intended, pass --allow-deletes {len(destroyed)}",
            )
        )
    impossible = plan.summary.not_possible
    if conflict_limit is not None and impossible > conflict_limit:
        message = f"{counted(impossible, 'mapping')} of the plan {'is' if impossible == 1 else 'are'} not possible"
        hint = "resolve the conflicts that the plan shows, or change `limits.conflicts`"
        refused.append(Problem("", f"{message}; the limit is {conflict_limit}", hint))
    return (*refused, *_risky(plan, risk_limit, accepted))


def _risky(plan: Plan, limit: Level | None, accepted: Collection[str]) -> Iterator[Problem]:
    levels = list(Level)[list(Level).index(limit) :] if limit else []  # the limit and all that is worse
    for change in plan.changes:
        for risk in change.risks:
            if risk.level in levels and risk.code not in accepted:
                hint = f"if that is intended, pass --accept-risk {risk.code}; see `provisioner explain {risk.code}`"
                yield Problem(
                    change.key, f"{risk.level} [{risk.code}]: {risk.message}; `limits.risk` does not allow it", hint
                )
