"""Which mappings may be lost: those about which somebody destroyed what was known, or that somebody gave up on purpose.

This is the one place that decides it. A reason is noted for single UUIDs, when the thing happens; for a call whose UUID
nobody knew, for its function and source. Entries of buckets and statements have keys in the place of UUIDs (`sources`).
Whatever has no reason counts as lost by the product.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

STATE_DELETED = "a person deleted the state"
STATE_REPLACED = "a person put another state in its place, which did not have it"
JOURNAL_DELETED = "a person deleted the journal"
JOURNAL_SET_ASIDE = "a person set aside a journal of another state, as its message asks for"
JOURNAL_OF_DAMAGED = "a person damaged the state, and its journal was set aside with it"
FORGOTTEN = "`removed` or `state rm` forgot it"
PUSHED = "`state push --force` put another state in its place"
TAGS_REMOVED = "somebody removed its ownership tags, and no state had it"
LOCK_LOST = (
    "its run was suspended or lost its answer while its lock was taken away: no check can come after the last one"
)
REPORTED = "its run named it in its report, because the result could not be stored"
MISLED = "AWS said that it does not exist, when it existed already"
RESTORED = "somebody else wrote it back into its bucket or policy, when no state had it any more, or a run had read so"
ARRIVED_LATE = (
    "its run had given the request up, and AWS acted on it when no state had it any more, or a run had read so"
)
SERVES_OTHERS = "a statement stays when an entry that the state does not have is notified by it"
LATE = (
    "AWS acted on its request after another one had made a mapping of the same pair, which was deleted or got another"
)

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
        self.lose({**uuids_of(text), **intended(text)}, reason)
        for pair in open_pairs(text):
            self.pairs.setdefault(pair, reason)


def uuids_of(text: str) -> dict[str, str]:
    """The UUIDs in the text of a state or a journal, deposed ones included, with their names; of what is kept in a bucket the
    keys of entries and statements.
    """
    found: dict[str, str] = {}
    for value in values_of(text):
        records = dict(value.get("mappings") or {})
        if value.get("record"):
            records[value["name"]] = value["record"]
        for name, record in records.items():
            found |= {item["id"]: name for item in (record, *record.get("deposed", ()))}
        found |= dict(keys_of_records(records))
    return found


def keys_of_records(records: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of statements in records, as they are in the text of a state, with the names of the records."""
    for name, record in records.items():
        for item in (record, *record.get("deposed", ())):
            if statement := item.get("statement"):
                yield f"{statement['function']}/{statement['id']}", name
        applied, statement = record.get("applied", {}), record.get("statement")
        permission = applied.get("permission")
        if isinstance(permission, dict):
            yield f"{applied['function_name']}/{permission['statement_id']}", name
        elif applied and permission is None and statement:  # it is written once
            yield f"{applied['function_name']}/{statement['id']}", name


def intended(text: str) -> dict[str, str]:
    """The keys of the entries and statements that the open intents in the text of a state or a journal are about, with the
    names of their mappings.
    """
    found: dict[str, str] = {}
    for item in open_intents(text):
        if statement := item.get("statement"):
            found[f"{statement['function']}/{statement['id']}"] = item["name"]
        if made := item.get("makes"):
            found[made["id"]] = item["name"]
    return found


def known_from(state: str, journal: str) -> set[str]:
    """The keys that whoever reads these texts of a state and its journal knows."""
    stored, lines = next(iter(values_of(state)), {}), values_of(journal)
    if lines and lines[0].get("serial", 0) < stored.get("serial", 0):  # what it has is looked for
        return {*uuids_of(state), *intended(state), *uuids_of(journal), *intended(journal)}
    records, found = dict(stored.get("mappings") or {}), {*intended(state), *intended(journal)}
    for line in lines:
        if line.get("record"):
            records[line["name"]] = line["record"]
        elif "record" in line:
            records.pop(line["name"], None)
    return found | uuids_of(json.dumps({"mappings": records})).keys()


def open_intents(text: str) -> list[dict[str, Any]]:
    """The intents in the text of a state or a journal that have no result."""
    values = values_of(text)
    ended = {value["done"] for value in values if "done" in value}
    intents = [item for value in values for item in (value.get("pending") or ([value] if "intent" in value else []))]
    return [item for item in intents if item["intent"] not in ended]


def open_pairs(text: str) -> set[Pair]:
    """Function and source of the creates in the text of a state or a journal that have no result."""
    return {
        (item["pair"]["function"], item["pair"]["source"]) for item in open_intents(text) if item["action"] == "create"
    }


def values_of(text: str) -> list[dict[str, Any]]:
    """The JSON objects of a text: one of a state, one a line of a journal. What is no JSON is left out."""
    with suppress(ValueError):
        value = json.loads(text)
        return [value] if isinstance(value, dict) else []
    found = []
    for part in text.split("\n"):
        try:
            value = json.loads(part)
        except ValueError:
            continue
        if isinstance(value, dict) and value not in found:
            found.append(value)
    return found
