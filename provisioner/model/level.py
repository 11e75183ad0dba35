"""The levels of risks."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """The level of a risk to records in flight, from the least to the worst."""

    # `kinds/risk.py` and `planning/safety.py` compare levels by their order here.
    NOTE = "note"  # worth knowing
    REPLAY = "replay"  # records may be processed again
    LOSS = "loss"  # records may never be processed
