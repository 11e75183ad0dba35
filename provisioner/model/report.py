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
    """The outcome of one change, with the reason. `ignored` are fields that AWS accepted and did not set; `request_ids`
    are AWS's names for the requests that were to change something, the refused ones too.
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
        """Applied, settled, and all of it."""
        return self.result is Result.APPLIED and self.settled and not self.ignored


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a whole plan. `trouble` is what went wrong with recording it."""

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    trouble: str = ""

    @property
    def clean(self) -> bool:
        """Whether every change was applied completely."""
        return not (self.interrupted or self.trouble) and all(outcome.clean for outcome in self.outcomes)


class Phase(StrEnum):
    """The phase of a change."""

    STARTED = "started"
    RETRYING = "retrying"
    WAITING = "waiting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Progress:
    """An event of an apply: one change reaches a phase. `seconds` since it started; `text` says more."""

    change: Change
    phase: Phase
    seconds: float = 0.0
    text: str = ""
    outcome: Outcome | None = None
