"""The results of an apply."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provisioner.model.place import FieldPath
from provisioner.model.plan import Change

STILL: Final = 30.0
"""Seconds between two lines about one wait, where there is no terminal."""


class Result(StrEnum):
    """The result of a change."""

    APPLIED = "applied"
    FAILED = "failed"
    NOT_ATTEMPTED = "not attempted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one change, with the reason. `uuid` is that of the mapping that the change made or changed, or "".
    `ignored` are fields that AWS accepted and did not set; `request_ids` are AWS's names for the requests that were to
    change something, the refused ones too.
    """

    change: Change
    result: Result
    detail: str = ""
    hint: str = ""
    uuid: str = ""
    ignored: tuple[FieldPath, ...] = ()
    settled: bool = True
    request_ids: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether the change was applied, has settled, and AWS set every field."""
        return self.result is Result.APPLIED and self.settled and not self.ignored


@dataclass(frozen=True, slots=True)
class Report:
    """The outcomes of a plan's changes. `trouble` is what went wrong with recording them, or ""; then the report is the
    only place that has the results.
    """

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    trouble: str = ""

    @property
    def clean(self) -> bool:
        """Whether every change was applied completely and recorded."""
        return not (self.interrupted or self.trouble) and all(outcome.clean for outcome in self.outcomes)


class Phase(StrEnum):
    """The phase of a change."""

    STARTED = "started"
    RETRYING = "retrying"
    WAITING = "waiting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Progress:
    """An event of an apply: one change reaches a phase. `seconds` since it started; `text` is the reason of a retry or
    the state in which the mapping waits; `outcome` is set when the phase is ENDED.
    """

    change: Change
    phase: Phase
    seconds: float = 0.0
    text: str = ""
    outcome: Outcome | None = None
