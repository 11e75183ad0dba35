"""Which mappings may be lost: those about which somebody destroyed what was known, or that somebody gave up on purpose.

This is the one place that decides it. A reason is noted for single UUIDs, when the thing happens; for a call whose UUID
nobody knew, for its function and source. Whatever has no reason counts as lost by the product.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

STATE_DELETED = "a person deleted the state"
STATE_REPLACED = "a person put another state in its place, which did not have it"
JOURNAL_DELETED = "a person deleted the journal"
JOURNAL_SET_ASIDE = "a person set aside a journal of another state, as its message asks for"
FORGOTTEN = "`removed` or `state rm` forgot it"
PUSHED = "`state push --force` put another state in its place"
TAGS_REMOVED = "somebody removed its ownership tags, and no state had it"
LOCK_LOST = (
    "its run was suspended or lost its answer while its lock was taken away: no check can come after the last one"
)
REPORTED = "its run named it in its report, because the result could not be stored"
MISLED = "AWS said that it does not exist, when it existed already"
LATE = "AWS acted on its request after another one had made, and somebody deleted, a mapping of the same pair"

Pair = tuple[str, str]
"""Function and source."""


@dataclass
class Excuses:
    """What may be missing at the end of a history, and why."""

    uuids: dict[str, str] = field(default_factory=dict)
    pairs: dict[Pair, str] = field(default_factory=dict)

    def about(self, uuid: str, pair: Pair | None) -> str:
        """Why a mapping may be missing, or ""."""
        return self.uuids.get(uuid, "") or (self.pairs.get(pair, "") if pair else "")

    def lose(self, uuids: Iterable[str], reason: str) -> None:
        """What is known of these mappings is lost for this reason."""
        for uuid in uuids:
            self.uuids.setdefault(uuid, reason)

    def find_again(self, uuids: Iterable[str]) -> None:
        """A state has these mappings again: whoever loses them now needs a new reason."""
        for uuid in uuids:
            self.uuids.pop(uuid, None)

    def lose_text(self, text: str, reason: str) -> None:
        """A state or a journal is destroyed."""
        self.lose(uuids_of(text), reason)
        for pair in open_pairs(text):
            self.pairs.setdefault(pair, reason)


def uuids_of(text: str) -> dict[str, str]:
    """The UUIDs in the text of a state or a journal, deposed ones included, with their names."""
    found: dict[str, str] = {}
    for value in values_of(text):
        records = dict(value.get("mappings") or {})
        if value.get("record"):
            records[value["name"]] = value["record"]
        for name, record in records.items():
            found |= {item["id"]: name for item in (record, *record.get("deposed", ()))}
    return found


def open_pairs(text: str) -> set[Pair]:
    """Function and source of the creates in the text of a state or a journal that have no result."""
    values = values_of(text)
    ended = {value["done"] for value in values if "done" in value}
    intents = [item for value in values for item in (value.get("pending") or ([value] if "intent" in value else []))]
    return {
        (item["pair"]["function"], item["pair"]["source"])
        for item in intents
        if item["action"] == "create" and item["intent"] not in ended
    }


def values_of(text: str) -> list[dict[str, Any]]:
    """The JSON objects of a text: one of a state, one a line of a journal. What is no JSON is left out."""
    found = []
    for part in [text, *text.split("\n")]:
        try:
            value = json.loads(part)
        except ValueError:
            continue
        if isinstance(value, dict) and value not in found:
            found.append(value)
    return found
