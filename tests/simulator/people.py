"""What people do in a history: edit manifests, run commands, stop and kill them, and change files and AWS by hand."""

from __future__ import annotations

import json
import uuid as uuids
from collections.abc import Callable
from random import Random
from typing import Any

from provisioner import workflow
from provisioner.workflow import Execution, Run, Selection
from tests.simulator import push_people
from tests.simulator.bucket import KEY
from tests.simulator.cloud import FOREIGN, MAPPINGS
from tests.simulator.commands import Command, apply, start
from tests.simulator.excuses import JOURNAL_DELETED, STATE_DELETED, TAGS_REMOVED, uuids_of
from tests.simulator.world import BACKUP, JOURNAL, LOCK, Machine, Manifest, World
from tests.support.control_plane import ACCOUNT, REGION

NAMES = ("a", "b", "c", "d")
FUNCTIONS = ("f", "g")
OF_S3 = 0.7
"""How many of the mappings are of S3, where some are."""
SOURCES = (
    *(f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}" for number in range(4)),
    *(f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s{number}" for number in range(2)),
)


# --- the manifest -----------------------------------------------------------------------------------------------------


def write(world: World, machine: Machine) -> None:
    """Write a machine's manifest."""
    manifest = machine.manifest
    value: dict[str, Any] = {"stack": "test", "provider": {"region": REGION}, "mappings": manifest.mappings}
    if manifest.removed:
        value["removed"] = [{"from": name, "destroy": False} for name in manifest.removed]
    if world.shared:
        value["state"] = {"s3": {"bucket": "states", "key": KEY}}
    for mapping in manifest.mappings.values():
        if "lifecycle" in mapping:
            world.adoptable.add(_pair(mapping))
    (machine.folder / "provisioner.yaml").write_text(json.dumps(value))


def _pair(mapping: dict[str, Any]) -> tuple[str, str]:
    return mapping["function_name"], mapping["event_source_arn"]


def free_pair(random: Random, manifest: Manifest) -> dict[str, Any]:
    """A mapping whose function and source no other of the manifest has."""
    if manifest.has_s3 and random.random() < OF_S3:
        return push_people.free_mapping(random, manifest)
    taken = {_pair(mapping) for mapping in manifest.mappings.values()}
    function, source = random.choice([(f, s) for f in FUNCTIONS for s in SOURCES if (f, s) not in taken])
    mapping: dict[str, Any] = {"function_name": function, "event_source_arn": source}
    return mapping | ({"starting_position": "LATEST"} if ":kinesis:" in source else {})


def edit(world: World, machine: Machine) -> None:
    """Change one thing in a manifest."""
    manifest, random = machine.manifest, world.random
    name = random.choice(NAMES)
    mapping = manifest.mappings.get(name)
    if mapping is None:
        what = "add"
        manifest.mappings[name] = free_pair(random, manifest)
        manifest.removed = [item for item in manifest.removed if item != name]
    else:
        what = random.choice(
            ("drop", "drop", "batch", "batch", "pair", "source", "rename", "enable", "tag", "adopt", "give up")
            if not push_people.is_of_s3(mapping)
            else ("drop", "drop", "pair", "rename", "adopt", "give up", *push_people.CHANGES)
        )
        _change(random, manifest, name, mapping, what)
    write(world, machine)
    world.happened(f"edit: {what}", f"{machine.name} {name}")


def _change(random: Random, manifest: Manifest, name: str, mapping: dict[str, Any], what: str) -> None:
    match what:
        case "batch":
            mapping["batch_size"] = random.randint(1, 10)
        case "enable":
            mapping["enabled"] = not mapping.get("enabled", True)
        case "tag":
            mapping["tags"] = {"team": random.choice("xyz")}
        case "adopt":
            mapping["lifecycle"] = {"on_conflict": "adopt"}
        case _ if what in push_people.CHANGES:
            push_people.change(random, manifest, name, what)
        case "pair":
            manifest.mappings[name] = free_pair(random, manifest)
        case "source" if "starting_position" in mapping:
            mapping["starting_position"] = "LATEST" if mapping["starting_position"] != "LATEST" else "TRIM_HORIZON"
        case "rename" | "source":
            other = random.choice(NAMES)
            one, two = manifest.mappings.pop(name), manifest.mappings.pop(other, None)
            manifest.mappings |= {other: one} | ({name: two} if two and other != name else {})
            manifest.removed = [item for item in manifest.removed if item not in manifest.mappings]
        case _:
            del manifest.mappings[name]
            if what == "give up":
                manifest.removed.append(name)


def regret(world: World, machine: Machine) -> None:
    """Take names out of a manifest, often all of them."""
    names = sorted(machine.manifest.mappings)
    for name in names if world.random.random() < 0.4 else world.random.sample(names, len(names) // 2):
        del machine.manifest.mappings[name]
    write(world, machine)
    world.happened("edit: names are taken out", machine.name)


def synchronize(world: World, machine: Machine) -> None:
    """Take the other machine's manifest, as `git pull` does."""
    other = next(item for item in world.machines if item is not machine)
    if world.shared:
        mappings = json.loads(json.dumps(other.manifest.mappings))
        machine.manifest = Manifest(mappings, list(other.manifest.removed), other.manifest.has_s3)
        write(world, machine)
        world.happened("edit: pull the manifest", machine.name)


# --- commands ---------------------------------------------------------------------------------------------------------


def run_something(world: World, machine: Machine) -> None:
    """Start a command on a machine, most often an apply."""
    random = world.random
    kinds: dict[Callable[[World, Machine], Command | None], int] = {
        _apply: 20, _plan: 2, _drift: 1, _destroy: 1, _import: 2, _forget: 1, _move: 1, _rebuild: 1, _saved: 3, _push: 1,
    }  # fmt: skip
    [kind] = random.choices(list(kinds), list(kinds.values()))
    command = kind(world, machine)
    if command:
        start(world, machine, command)


def _execution(random: Random) -> Execution:
    return Execution(
        auto_approve=random.random() < 0.9,
        parallelism=random.choice([1, 2, 3]),
        fail_fast=random.random() < 0.1,
        lock_timeout=random.choice([0.0, 0.0, 30.0]),
        wait=random.random() < 0.85,
    )


def _apply(world: World, machine: Machine) -> Command:
    random, names = world.random, sorted(machine.manifest.mappings)
    selection = Selection(
        targets=(random.choice(names),) if names and random.random() < 0.12 else (),
        replaced=(random.choice(names),) if names and random.random() < 0.06 else (),
        refresh=random.random() < 0.96,
        allow_missing=random.random() < 0.3,
    )
    return apply(selection, _execution(random))


def _plan(world: World, machine: Machine) -> Command:
    return Command("plan", lambda run: workflow.plan(run, Selection()))


def _drift(world: World, machine: Machine) -> Command:
    return Command("drift", workflow.drift)


def _destroy(world: World, machine: Machine) -> Command:
    return apply(Selection(destroy=True), _execution(world.random))


def _import(world: World, machine: Machine) -> Command | None:
    live = sorted([*world.cloud.live(), *(f"s3:{key}" for key in world.sources.entries())])
    if not live:
        return None
    uuid, name = world.random.choice(live), world.random.choice(NAMES)
    world.imported.add(uuid.removeprefix("s3:"))
    return Command("import", lambda run: workflow.import_mapping(run, name, uuid))


def _forget(world: World, machine: Machine) -> Command:
    name = world.random.choice(NAMES)
    return Command("state rm", lambda run: workflow.remove(run, [name], 0.0), gives_up={name})


def _move(world: World, machine: Machine) -> Command:
    one, two = world.random.sample(NAMES, 2)
    return Command("state mv", lambda run: workflow.move(run, one, two, 0.0))


def _rebuild(world: World, machine: Machine) -> Command:
    world.rebuilt = True
    return Command("state rebuild", lambda run: workflow.rebuild_state(run, 0.0))


def _saved(world: World, machine: Machine) -> Command:
    path = machine.folder / "plan.json"
    if path.exists() and world.random.random() < 0.6:
        return Command("apply of a saved plan", lambda run: None, saved_plan=path)
    return Command("plan --out", lambda run: workflow.plan(run, Selection(), path))


def _push(world: World, machine: Machine) -> Command:
    def work(run: Run) -> Any:
        text = world.pulled or workflow.pull(run)
        world.pulled = text
        return workflow.push(run, text, "-", 0.0, force=world.random.random() < 0.3)

    return Command("state push", work)


def unlock(world: World, machine: Machine) -> None:
    """Take the lock away: `force-unlock`, or `rm` of the lock's file, whether its process runs or not."""
    busy = [item.running for item in world.machines if item.running and item.busy]
    holder = next((item for item in busy if item is world.bucket.owner or item.has_lock), None)
    if world.shared:
        ident = world.lock_id()
        if ident and not machine.busy:
            world.happened("force-unlock of a process that " + ("runs" if holder else "is gone"))
            start(world, machine, Command("force-unlock", lambda run: workflow.force_unlock(run, ident)))
    elif holder:
        world.happened("the lock's file is deleted")
        holder.lost_lock = holder.lost_lock or world.turns.now
        world.disk.remove(LOCK)


# --- files ------------------------------------------------------------------------------------------------------------


def disturb_state(world: World) -> None:
    """Change the stored state by hand."""
    text, random = world.text(), world.random
    if not text:
        return
    acts = [_delete_state, _older_state, _newer_state, _newer_state, _foreign_record, _damage_state]
    acts += [] if world.shared else [_delete_journal, _delete_backup]
    world.edited = True
    [act] = random.choices(acts)
    act(world, text)
    for machine in world.machines:
        if machine.running and machine.busy and world.shared and world.text() != text:
            machine.running.loses_state = True
        if machine.running and machine.running.has_lock and not world.shared and world.text() != text:
            machine.running.lost_state = machine.running.lost_state or world.turns.now


def _delete_state(world: World, text: str) -> None:
    world.happened("the state is deleted")
    world.excuses.lose_text(text, STATE_DELETED)
    world.put_text(None)


def _older_state(world: World, text: str) -> None:
    older = world.random.choice(world.texts) if world.texts else text
    world.happened("an older state is put back")
    world.replaced(text, older)
    world.put_text(older)


def _newer_state(world: World, text: str) -> None:
    value = _value(text)
    if value:
        world.happened("the state moves on")
        after = json.dumps(value | {"serial": value["serial"] + world.random.randint(1, 3)}, indent=2, sort_keys=True)
        world.replaced(text, after)
        world.put_text(after)


def _foreign_record(world: World, text: str) -> None:
    """A bad merge: a record names a mapping of another stack."""
    live = world.cloud.live()
    others = [uuid for uuid in live if live[uuid].tags.get("provisioner:stack") == "other" and uuid not in text]
    value = _value(text)
    names = sorted(name for name, record in (value or {}).get("mappings", {}).items() if record["kind"] == "lambda")
    if value and others and names:
        world.happened("the state gets the UUID of another stack")
        name = world.random.choice(names)
        uuid = world.random.choice(others)
        value["mappings"][name] |= {"id": uuid, "arn": world.cloud.live()[uuid].arn}
        after = json.dumps(value, indent=2, sort_keys=True)
        world.replaced(text, after)
        world.put_text(after)


def _damage_state(world: World, text: str) -> None:
    world.happened("the state is damaged")
    world.excuses.lose_text(text, STATE_DELETED)
    world.put_text(text[: len(text) // 2])


def _value(text: str) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return value


def _delete_journal(world: World, text: str) -> None:
    if world.journal():
        world.happened("the journal is deleted")
        world.excuses.lose_text(world.journal(), JOURNAL_DELETED)
        world.disk.remove(JOURNAL)
        writer = world.disk.writer_of(JOURNAL)
        if writer and any(machine.busy and machine.running is writer for machine in world.machines):
            writer.lost_journal = world.turns.now


def _delete_backup(world: World, text: str) -> None:
    world.happened("the backup is deleted")
    world.disk.remove(BACKUP)


# --- other clients of AWS ---------------------------------------------------------------------------------------------


def disturb_aws(world: World) -> None:
    """Somebody else creates, changes or deletes a mapping."""
    if world.has_s3 and world.random.random() < OF_S3:
        push_people.disturb(world.sources, world.random)
        return
    random, live = world.random, sorted(world.cloud.live())
    what = random.choice(("create", "create", "create for another stack", "change", "change", "delete", "untag"))
    world.happened(f"somebody else: {what}")
    if what.startswith("create"):
        mapping = free_pair(random, Manifest())
        tags = {"provisioner:stack": "other", "provisioner:lineage": str(uuids.uuid4()), "provisioner:name": "x"}
        body = {"FunctionName": mapping["function_name"], "EventSourceArn": mapping["event_source_arn"]}
        body |= {"StartingPosition": "LATEST"} if "starting_position" in mapping else {}
        world.cloud.send("POST", MAPPINGS, body=body | ({"Tags": tags} if "stack" in what else {}))
    elif live:
        uuid = random.choice(live)
        item = world.cloud.live()[uuid]
        if what == "change":
            world.cloud.send("PUT", MAPPINGS + uuid, body={"BatchSize": random.randint(1, 10)})
        elif what == "delete":
            world.cloud.send("DELETE", MAPPINGS + uuid)
        elif world.cloud.made.get(uuid) != FOREIGN:
            if uuid not in uuids_of(world.text() or ""):
                world.excuses.lose([uuid], TAGS_REMOVED)
            world.cloud.send("DELETE", f"/2017-03-31/tags/{item.arn}", {"tagKeys": sorted(item.tags)})
