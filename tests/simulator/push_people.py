"""What people and other clients do with mappings of S3: in manifests, in buckets and in policies of functions."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from tests.simulator.sources import BUCKETS, FUNCTIONS, Sources
from tests.support.control_plane import ACCOUNT, REGION

if TYPE_CHECKING:
    from tests.simulator.world import Manifest

OURS = FUNCTIONS[:2]
WITH_WIDE = "g"
"""The function with a statement of others that admits both buckets, which nobody removes."""
PREFIXES = ("a/", "b/", "c/", "d/", "e/")
IDS = ("mine-1", "mine-2", "mine-3", "mine-4")
ANOTHER_LINEAGE = "test-a-0123abcd-99999999"
"""How another state of a stack of the same name would spell an id."""

Mapping = dict[str, Any]


# --- manifests --------------------------------------------------------------------------------------------------------


def is_of_s3(mapping: Mapping) -> bool:
    return ":s3:" in str(mapping["event_source_arn"])


def _place(mapping: Mapping) -> tuple[str, str]:
    return mapping["event_source_arn"], mapping.get("filter_prefix", "")


def free_mapping(random: Random, manifest: Manifest) -> Mapping:
    """A mapping of S3 that overlaps with no other of the manifest."""
    taken = {_place(mapping) for mapping in manifest.mappings.values()}
    places = [(f"arn:aws:s3:::{bucket}", prefix) for bucket in BUCKETS for prefix in PREFIXES]
    source, prefix = random.choice([place for place in places if place not in taken])
    mapping: Mapping = {
        "function_name": random.choice(OURS),
        "event_source_arn": source,
        "events": ["s3:ObjectCreated:*"],
        "filter_prefix": prefix,
    }
    for _ in range(random.choice((0, 0, 1))):
        mapping = changed(random, manifest, mapping, random.choice(("id", "permission", "suffix")))
    return mapping


CHANGES = ("filter", "filter", "suffix", "function", "function", "bucket", "id", "permission", "swap")


def changed(random: Random, manifest: Manifest, mapping: Mapping, what: str) -> Mapping:
    """A mapping with one change."""
    new = dict(mapping)
    match what:
        case "filter" | "bucket":
            free = free_mapping(random, manifest)
            new["filter_prefix"] = free["filter_prefix"]
            new["event_source_arn"] = free["event_source_arn"]
        case "suffix":
            new["filter_suffix"] = random.choice((".jpg", ".ä", "<&>"))
        case "function":
            new["function_name"] = random.choice([name for name in OURS if name != mapping["function_name"]])
        case "id":
            taken = {item.get("id") for item in manifest.mappings.values()}
            new["id"] = random.choice([ident for ident in IDS if ident not in taken])
            if random.random() < 0.3:
                del new["id"]
        case "permission":
            new["permission"] = random.choice(("none", {"statement_id": "named"}, {"source_account": None}, None))
            if new["permission"] is None:
                del new["permission"]
    if new.get("permission") == "none":
        new["function_name"] = WITH_WIDE
    if isinstance(permission := new.get("permission"), dict) and "statement_id" in permission:
        new["permission"] = {"statement_id": f"mine-{new['event_source_arn'].rpartition(':')[2]}"}
    return new


def change(random: Random, manifest: Manifest, name: str, what: str) -> None:
    """Change one thing in a mapping."""
    if what == "swap":
        _swap(random, manifest, name)
    else:
        manifest.mappings[name] = changed(random, manifest, manifest.mappings[name], what)


def _swap(random: Random, manifest: Manifest, name: str) -> None:
    """Exchange the filters, and the buckets, of two mappings."""
    others = sorted(item for item, mapping in manifest.mappings.items() if is_of_s3(mapping) and item != name)
    if others:
        other = random.choice(others)
        one, two = manifest.mappings[name], manifest.mappings[other]
        for here, there in ((one, two), (two, one)):
            moved = dict(here) | {key: there[key] for key in ("event_source_arn", "filter_prefix")}
            manifest.mappings[name if here is one else other] = changed(random, manifest, moved, "")


# --- other clients ----------------------------------------------------------------------------------------------------


def settle(sources: Sources) -> None:
    """What is there before a history begins."""
    sources.policy("POST", WITH_WIDE, body=_permission("wide", "arn:aws:s3:::*", ""))
    for bucket in BUCKETS:
        sources.policy("POST", "other", body=_permission(f"console-{bucket}", f"arn:aws:s3:::{bucket}", ""))
        sources.put_document(bucket, _document([_entry(f"other-{bucket}", "s3:ObjectRestore:*", "x/"), _console()]))


def disturb(sources: Sources, random: Random) -> None:
    """Somebody else writes a bucket or a policy."""
    documents: list[Callable[[Random, ET.Element], None]] = [
        _add, _add, _add_function, _change_others, _remove_others, _change_ours, _remove_ours, _clear,
    ]  # fmt: skip
    if random.random() < 0.3:
        random.choice([_add_statement, _remove_statement, _change_statement])(sources, random)
        return
    bucket = random.choice(BUCKETS)
    if (older := sources.older.get(bucket)) and random.random() < 0.15:
        sources.happened("somebody else: an old copy of a document")
        sources.put_document(bucket, random.choice(older).encode())
        return
    root = deepcopy(sources.document(bucket))
    act = random.choice(documents)
    sources.happened(f"somebody else: {act.__name__.strip('_').replace('_', ' ')}")
    act(random, root)
    sources.put_document(bucket, ET.tostring(root))


def _permission(sid: str, source: str, account: str = ACCOUNT) -> dict[str, str]:
    body = {"StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", "SourceArn": source}
    return body | ({"SourceAccount": account} if account else {})


def _document(parts: list[ET.Element]) -> bytes:
    root = ET.Element("NotificationConfiguration")
    root.extend(parts)
    return ET.tostring(root)


def _entry(ident: str, event: str, prefix: str, function: str = "") -> ET.Element:
    service, member = ("lambda", "CloudFunction") if function else ("sqs", "Queue")
    entry = ET.Element(f"{member}Configuration")
    ET.SubElement(entry, "Id").text = ident
    arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:" + (f"function:{function}" if function else "q")
    ET.SubElement(entry, member).text = arn
    ET.SubElement(entry, "Event").text = event
    ET.SubElement(entry, "Later", {"a": "1"}).text = "<&>"  # boto3 does not know it
    rule = ET.SubElement(ET.SubElement(ET.SubElement(entry, "Filter"), "S3Key"), "FilterRule")
    ET.SubElement(rule, "Name").text = "Prefix"
    ET.SubElement(rule, "Value").text = prefix
    return entry


def _console() -> ET.Element:
    return _entry("console", "s3:ObjectRemoved:*", "", "other")


def _is_ours(element: ET.Element) -> bool:
    ident = element.findtext("Id") or ""
    return ident != ANOTHER_LINEAGE and ident.startswith(("test-", "mine-"))


def _pick(random: Random, root: ET.Element, *, ours: bool) -> ET.Element | None:
    found = [element for element in root if element.find("Id") is not None and _is_ours(element) == ours]
    return random.choice(found) if found else None


def _add(random: Random, root: ET.Element) -> None:
    ident = ANOTHER_LINEAGE if random.random() < 0.2 else f"other-{random.randint(1, 99)}"
    if random.random() < 0.15:  # it overlaps with what may be wanted
        root.append(_entry(ident, "s3:ObjectCreated:Put", random.choice(PREFIXES)))
    elif len(root) < 10:
        root.append(_entry(ident, "s3:ObjectTagging:Put", f"x/{random.randint(1, 999)}/"))


def _add_function(random: Random, root: ET.Element) -> None:
    if len(root) < 10:
        prefix = f"y/{random.randint(1, 999)}/"
        root.append(_entry(f"other-{random.randint(1, 99)}", "s3:ObjectAcl:Put", prefix, random.choice(OURS)))


def _change(random: Random, element: ET.Element | None) -> None:
    value = element.find("Filter/S3Key/FilterRule/Value") if element is not None else None
    if value is not None:
        value.text = f"changed/{random.randint(1, 999)}/"


def _change_others(random: Random, root: ET.Element) -> None:
    _change(random, _pick(random, root, ours=False))


def _change_ours(random: Random, root: ET.Element) -> None:
    _change(random, _pick(random, root, ours=True))


def _remove_others(random: Random, root: ET.Element) -> None:
    if (element := _pick(random, root, ours=False)) is not None:
        root.remove(element)


def _remove_ours(random: Random, root: ET.Element) -> None:
    if (element := _pick(random, root, ours=True)) is not None:
        root.remove(element)


def _clear(random: Random, root: ET.Element) -> None:
    for element in list(root):
        if random.random() < 0.7:
            root.remove(element)


def _add_statement(sources: Sources, random: Random) -> None:
    sources.happened("somebody else: add a statement")
    sid = random.choice((f"new-{random.randint(1, 20)}", f"provisioner-99999999-{random.randint(1, 20)}"))
    sources.policy("POST", random.choice(OURS), body=_permission(sid, f"arn:aws:s3:::{random.choice(('x', *BUCKETS))}"))


def _statement(sources: Sources, random: Random) -> tuple[str, str]:
    """Function and id of a statement that may be removed."""
    found = [key for key in sorted(sources.statements()) if not key.startswith("other/") and not key.endswith("/wide")]
    function, _, sid = random.choice(found).partition("/") if found else ("", "", "")
    return function, sid


def _remove_statement(sources: Sources, random: Random) -> None:
    function, sid = _statement(sources, random)
    if sid:
        sources.happened("somebody else: remove a statement", sid)
        sources.policy("DELETE", function, sid)


def _change_statement(sources: Sources, random: Random) -> None:
    """Another content under the same id, as far as two calls can do that."""
    function, sid = _statement(sources, random)
    if sid:
        sources.happened("somebody else: change a statement", sid)
        sources.policy("DELETE", function, sid)
        sources.policy("POST", function, body=_permission(sid, f"arn:aws:s3:::{random.choice(BUCKETS)}", ""))


# --- what a person does about a refusal -------------------------------------------------------------------------------


def remove_entry(sources: Sources, key: str) -> None:
    """A person takes an entry out of its bucket."""
    bucket, _, ident = key.partition("/")
    root = deepcopy(sources.document(bucket))
    for element in list(root):
        if element.findtext("Id") == ident:
            root.remove(element)
    sources.put_document(bucket, ET.tostring(root))


def repair(sources: Sources, recorded: set[str]) -> None:
    """A person takes away what nobody may be invoked by any more, and what is not of the state."""
    for key in sorted(sources.entries()):
        if key not in recorded and not sources.admitted(key):
            sources.happened("a person repairs a bucket", key)
            remove_entry(sources, key)
