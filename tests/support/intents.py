"""Intents of calls, as a plan makes them."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.backend.store import Log
from provisioner.model.key import LAMBDA, Key
from provisioner.model.references import Pair
from provisioner.model.state import Intent


def begun(log: Log, action: str, name: str, pair: Pair, uuids: Sequence[str] = ()) -> Intent:
    """An intent that the log has as begun."""
    intent = Intent(f"{name}: {action}", action, name, pair, tuple(Key(LAMBDA, pair.region, uuid) for uuid in uuids))
    log.begin(intent)
    return intent
