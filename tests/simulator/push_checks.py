"""What must hold of mappings of S3 when a command ends, and at the end of a history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from provisioner.kinds.policies import Policy, content_of
from provisioner.kinds.statements import statement_of
from provisioner.model.plan import Action
from provisioner.model.references import FunctionReference
from provisioner.model.report import Outcome, Result
from provisioner.planning.naming import is_ours_by_name
from provisioner.sandbox.documents import Entry
from tests.simulator.excuses import uuids_of
from tests.simulator.sources import BUCKETS
from tests.simulator.turns import Process
from tests.simulator.world import World
from tests.support.control_plane import REGION


def is_about_s3(outcome: Outcome) -> bool:
    """Whether an outcome is about an entry of a bucket, before or after."""
    return "/" in outcome.change.id + outcome.uuid


def false(world: World, process: Process, outcome: Outcome) -> str:
    """What is not as an outcome of a clean apply has it, or "", where nobody else wrote meanwhile."""
    change, sources = outcome.change, world.sources
    if outcome.result is not Result.APPLIED or not change.calls_aws or outcome.detail.startswith("not waited"):
        return ""
    since = 0.0 if process.trusts_state else process.began
    entries = sources.entries()
    old = change.id
    if (
        change.action is Action.DELETE
        and old in entries
        and not sources.touched([old.partition("/")[0]], since, process)
    ):
        return f"{old} is still there"
    if change.wanted is None or change.action is Action.DELETE or change.desired is None:
        return ""
    mapping, ident = change.desired, outcome.uuid
    places = [ident.partition("/")[0], str(mapping.get("function_name"))]
    if sources.touched(places, since, process):
        return ""
    if "/" not in ident:
        return ""  # of another kind now, which is looked at as such
    if wrong := _unlike(mapping, ident, world):
        return wrong
    text = world.text()
    if world.written_by is process and text:
        recorded = json.loads(text)["mappings"].get(change.name, {}).get("id")
        if recorded != ident:
            return f"the state has {recorded}, and not {ident}"
    return ""


def _unlike(mapping: Mapping[str, Any], key: str, world: World) -> str:
    """In what an entry and its statement are not as a mapping has them, or ""."""
    entry = world.sources.entries().get(key)
    if entry is None:
        return f"{key} does not exist"
    wanted = {
        "function": mapping["function_name"],
        "events": sorted(mapping["events"]),
        "prefix": mapping.get("filter_prefix", ""),
        "suffix": mapping.get("filter_suffix", ""),
    }
    if wanted != (has := _of_entry(entry)):
        return f"{key} is {has}, and not {wanted}"
    statement = statement_of(mapping, REGION)
    if statement is None:
        return ""
    found = world.sources.statements().get(f"{statement.function}/{statement.id}")
    if found is None:
        return f"{key} has no statement {statement.id}"
    said = Policy.parse(json.dumps({"Statement": [found]}), "").content_of(statement.id)
    return "" if said == content_of(statement) else f"{statement.id} says {said}, and not {content_of(statement)}"


def _of_entry(entry: Entry) -> dict[str, Any]:
    reference = FunctionReference.parse(entry.destination)
    return {
        "function": reference.canonical if reference else "",
        "events": sorted(entry.events),
        "prefix": entry.affix("prefix"),
        "suffix": entry.affix("suffix"),
    }


def orphans(world: World, recorded: Mapping[str, str], wanted: Mapping[str, Any]) -> set[str]:
    """The entries that drift must name: spelt as this state spells them, in a bucket that it has, and not recorded."""
    lineage = json.loads(world.text() or "{}").get("lineage", "")
    sources = {str(mapping["event_source_arn"]) for mapping in wanted.values()}
    buckets = {key.partition("/")[0] for key in recorded} | {source.rpartition(":")[2] for source in sources}
    return {
        key
        for key in world.sources.entries()
        if key not in recorded and key.partition("/")[0] in buckets and is_ours_by_name(key.partition("/")[2], lineage)
    }


def check(world: World) -> None:
    """What must be true at the end: the state and AWS agree, and nothing of ours is lost."""
    text = world.text() or "{}"
    recorded = uuids_of(text)
    for name, record in json.loads(text).get("mappings", {}).items():
        if record["kind"] == "s3":
            if wrong := _unlike(record["applied"], record["id"], world):
                world.broken("state and AWS agree", f"{name}: {wrong}")
            if not world.sources.admitted(record["id"]):
                world.broken("S3 may invoke what it notifies", f"{name} {record['id']}")
        if record.get("deposed"):
            world.broken("nothing is left to be deleted", f"{name} {record['deposed']}")
    for key in sorted(world.sources.live() & world.sources.ours - recorded.keys()):
        if reason := world.excuses.uuids.get(key):
            world.happened(f"excused: {reason}")
        else:
            what = "entry" if key.partition("/")[0] in BUCKETS else "statement"
            world.broken(f"no {what} is lost" if key in world.ever else f"no {what} is orphaned", key)
