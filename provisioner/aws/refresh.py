"""Reads live mappings with the fewest calls (docs/architecture.md#calls)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from provisioner.aws.convert import arn_of, live_mapping, malformed, pair_of_config, user_tags
from provisioner.aws.gateway import PAGE, Config, Gateway
from provisioner.aws.session import Aws
from provisioner.errors import AwsError, DeniedError
from provisioner.kinds import kind_for, pair_of
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import DELETING, LINEAGE_TAG, Live
from provisioner.model.provider import Provider
from provisioner.model.references import Pair
from provisioner.planning.ownership import is_ours
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import Resolution

T = TypeVar("T")
U = TypeVar("U")

WORKERS: Final = 8
"""Threads of one parallel read at most."""


@dataclass(slots=True)
class _Region:
    """What to read in one region."""

    known: dict[str, str] = field(default_factory=dict)  # UUID -> the function that its mapping should have
    pairs: dict[str, Pair] = field(default_factory=dict)  # name -> the pair to look up
    # UUID -> name and pair to look up if it is gone, or has another pair
    fallback: dict[str, tuple[str, Pair]] = field(default_factory=dict)


def refresh(
    aws: Aws, resolution: Resolution, provider: Provider, note: Callable[[str], None], search: Search | None = None
) -> Reading:
    """Read all that planning needs from AWS: live mappings, holders of pairs, tags; with `search` orphans too. `note` is
    called once for each region in which the tagging API or, for what is to be created, List cannot be used. Raises
    AwsError.
    """
    live: dict[Key, Live] = {}
    held: dict[str, Live] = {}
    listed: set[Key] = set()
    orphans: list[Live] = []
    # The tags as applied. Any other answer of the tagging API is confirmed by ListTags, because it may be from before the
    # last apply. Tags as wanted are confirmed too: an edit may undo what that apply set.
    expected = {
        subject.record.key: subject.record.applied.get("tags", {}) for subject in resolution.subjects if subject.record
    }
    regions = {region: _Region() for region in search.regions} if search else {}
    for region, asked in sorted((regions | _asked(resolution)).items()):
        gateway = aws.gateway(region)
        seen: dict[str, Config] = {}
        configs = read(gateway, asked.known, seen)
        held_by_itself = _holders(dict(asked.fallback.values()), configs.values(), region)
        pairs = asked.pairs | {
            name: pair
            for uuid, (name, pair) in asked.fallback.items()
            if held_by_itself.get(name, {}).get("UUID") != uuid
        }
        try:
            holding = holders(gateway, pairs, seen)
        except DeniedError:
            # Where List is denied, only what was seen already: then the 409 of a create names the holder.
            holding = _holders(pairs, seen.values(), region)
            names = ", ".join(sorted(pairs.keys() - holding.keys()))
            note(
                f"whether AWS has a mapping with the same function and source already could not be looked up for {names}, "
                "because lambda:ListEventSourceMappings is denied; if it has, the create will be refused"
            )
        listed |= {Key(LAMBDA, region, uuid) for uuid in seen}
        wanted = {**configs, **{config["UUID"]: config for config in holding.values()}}
        # Asked by lineage, the tagging API answers for what is recorded as well.
        found = _tagged(gateway, search, note) if search else {}
        tags = _tags(gateway, wanted, expected, provider, note, found)
        read_now = {uuid: live_mapping(config, region, tags.get(uuid, {}), provider) for uuid, config in wanted.items()}
        live |= {read_now[uuid].key: read_now[uuid] for uuid in configs}
        held |= {name: read_now[config["UUID"]] for name, config in holding.items()}
        if search and found:
            unrecorded = [uuid for arn in sorted(found) if (uuid := arn.rpartition(":")[2]) not in asked.known]
            orphans += _confirmed(gateway, unrecorded, search.lineage, provider, note)
    return Reading(live, held, frozenset(listed), tuple(orphans))


def _asked(resolution: Resolution) -> dict[str, _Region]:
    regions: dict[str, _Region] = {}
    for subject in resolution.subjects:
        record, wanted = subject.record, subject.wanted
        # A name may be recorded as one kind and wanted as another: each driver reads its own.
        if record and record.key.kind == LAMBDA:
            regions.setdefault(record.key.region, _Region()).known[record.key.id] = pair_of(record).function
        for deposed in record.deposed if record else ():
            # The record does not have its function, by which it could be listed.
            if deposed.key.kind == LAMBDA:
                regions.setdefault(deposed.key.region, _Region()).known[deposed.key.id] = ""
        if wanted and kind_for(wanted.kind).name == LAMBDA:
            asked = regions.setdefault(wanted.region, _Region())
            if subject.adopts:
                asked.known[subject.adopts.id] = pair_of(wanted).function
                asked.fallback[subject.adopts.id] = (subject.name, pair_of(wanted))
            elif record is None or pair_of(record) != pair_of(wanted):
                asked.pairs[subject.name] = pair_of(wanted)
            else:
                # The recorded mapping normally holds the pair. Only when it is gone or was changed, another one may.
                asked.fallback[record.key.id] = (subject.name, pair_of(wanted))
    return regions


# --- mappings by UUID ------------------------------------------------------------------------------------------------


def read(gateway: Gateway, known: Mapping[str, str], seen: dict[str, Config] | None = None) -> dict[str, Config]:
    """The mappings with these UUIDs; one that is missing does not exist. Unlike `holders`, which looks by pair.

    `known` maps each UUID to the function that it is expected to serve, or to "". Uses whatever needs the fewest calls:
    one Get per UUID, one List per function, or all pages of the account. What List does not show is confirmed by Get,
    and a mapping with a KMS key is read by Get, because List omits its filters (docs/aws/lifecycle.md#list). `seen`
    collects all that List showed.
    """
    seen = {} if seen is None else seen
    for function in _lists(known):
        _read_pages(gateway, known, function, seen)
    listed = {uuid: seen[uuid] for uuid in known if uuid in seen and "KMSKeyArn" not in seen[uuid]}
    missing = [uuid for uuid in known if uuid not in listed]
    got = parallel(gateway.get, missing)
    return {**listed, **{uuid: config for uuid, config in zip(missing, got, strict=True) if config}}


def still_there(gateway: Gateway, known: Mapping[str, str]) -> dict[str, Config]:
    """Of the mappings in `known`, as in `read`, those that AWS still has. Unlike there, one that a List which was read to
    its end does not show is gone: a Get for each would double the calls of a destroy.
    """
    seen: dict[str, Config] = {}
    unsure = set(known)
    try:
        for function in _lists(known):
            seen |= {config["UUID"]: config for page in gateway.pages(function) for config in page}
            unsure -= {uuid for uuid, expected in known.items() if function in ("", expected)}
    except DeniedError:
        unsure = set(known)  # lambda:ListEventSourceMappings may be denied where Get is allowed
    asked = sorted(unsure - seen.keys())
    got = dict(zip(asked, parallel(gateway.get, asked), strict=True))
    return {uuid: config for uuid in known if (config := seen.get(uuid) or got.get(uuid))}


def _lists(known: Mapping[str, str]) -> list[str]:
    """The functions to list by; `[""]` lists all mappings; `[]` lists none because Gets are fewer calls."""
    functions = Counter(function for function in known.values() if function)
    unknown = sum(not function for function in known.values())
    by_function = sum(_pages(count) for count in functions.values()) + unknown
    everything = _pages(len(known))
    if len(known) <= min(by_function, everything):
        return []
    return sorted(functions) if by_function <= everything else [""]


def _pages(mappings: int) -> int:
    return -(-mappings // PAGE)


def _read_pages(gateway: Gateway, known: Mapping[str, str], function: str, seen: dict[str, Config]) -> None:
    """Read pages until all known mappings were seen, or until reading the rest by Get takes no more calls."""
    missing = {uuid for uuid, expected in known.items() if function in ("", expected)} - seen.keys()
    try:
        for read_so_far, page in enumerate(gateway.pages(function), start=1):
            seen |= {config["UUID"]: config for config in page}
            missing -= seen.keys()
            # At most as many Gets as pages so far: never more than twice the calls of the better way.
            if len(missing) <= read_so_far:
                return
    except DeniedError:
        return  # lambda:ListEventSourceMappings may be denied where Get is allowed


# --- mappings by pair ------------------------------------------------------------------------------------------------


def holders(gateway: Gateway, pairs: Mapping[str, Pair], seen: dict[str, Config] | None = None) -> dict[str, Config]:
    """For each key the mapping that holds its pair: from `seen` if it is there, else by one List for each function. A
    key without a holder is absent. `seen` collects all that List showed. Raises DeniedError where List is denied.
    """
    if not pairs:
        return {}
    seen = {} if seen is None else seen
    held = _holders(pairs, seen.values(), gateway.region)
    asked = {pair.function for name, pair in pairs.items() if name not in held}

    def list_function(function: str) -> list[Config]:
        return [config for page in gateway.pages(function) for config in page]

    shown = {config["UUID"]: config for configs in parallel(list_function, sorted(asked)) for config in configs}
    seen |= shown
    held |= _holders(pairs, shown.values(), gateway.region)
    # List omits the filters of a mapping with a KMS key (docs/aws/lifecycle.md#list).
    encrypted = {name: config for name, config in held.items() if "KMSKeyArn" in config}
    read_again = dict(
        zip(encrypted, parallel(gateway.get, [config["UUID"] for config in encrypted.values()]), strict=True)
    )
    return held | {name: config for name, config in read_again.items() if config}


def _holders(pairs: Mapping[str, Pair], configs: Iterable[Config], region: str) -> dict[str, Config]:
    # A mapping of somebody else that cannot be parsed must not stop the plan.
    readable = (config for config in configs if not malformed(config))
    # By claim, because one shared broker is enough for a conflict (docs/aws/identity.md#uniqueness).
    by_claim = {claim: config for config in readable for claim in pair_of_config(config, region).claims()}
    return {name: by_claim[claim] for name, wanted in pairs.items() for claim in wanted.claims() if claim in by_claim}


# --- tags ------------------------------------------------------------------------------------------------------------


def _tags(
    gateway: Gateway,
    configs: Mapping[str, Config],
    expected: Mapping[Key, Mapping[str, str]],
    provider: Provider,
    note: Callable[[str], None],
    found: Mapping[str, dict[str, str]] | None,
) -> dict[str, dict[str, str]]:
    """The tags of each mapping, by the tagging API, 100 a call. Where they differ from what is expected, ListTags
    confirms them, because the tagging API may be minutes out of date. `found` is what the tagging API answered already,
    by ARN; None where it cannot be used.
    """
    arns = {uuid: arn_of(config, gateway.region) for uuid, config in configs.items()}
    hinted = dict(found or {})
    asked = [arn for arn in arns.values() if arn not in hinted]
    batches = [asked[start : start + PAGE] for start in range(0, len(asked), PAGE)] if found is not None else []
    try:
        hinted |= {arn: tags for batch in parallel(gateway.tags_of, batches) for arn, tags in batch.items()}
    except AwsError as error:
        # Whatever the reason is, ListTags answers the same, with one call for each mapping.
        note(f"the tagging API call failed, so tags are read one mapping at a time: {error.message}")
    tags = {uuid: hinted.get(arn, {}) for uuid, arn in arns.items()}

    def doubtful(uuid: str) -> bool:
        recorded = expected.get(Key(LAMBDA, gateway.region, uuid))
        return arns[uuid] not in hinted or user_tags(tags[uuid], provider) != recorded

    doubts = [uuid for uuid in arns if doubtful(uuid)]
    return tags | dict(zip(doubts, parallel(lambda uuid: gateway.tags(arns[uuid]), doubts), strict=True))


def _tagged(gateway: Gateway, search: Search, note: Callable[[str], None]) -> dict[str, dict[str, str]] | None:
    """The tags of every mapping in a region with the lineage that is searched for, by ARN; None when the call failed."""
    try:
        return gateway.tagged(LINEAGE_TAG, search.lineage)
    except AwsError as error:
        note(
            f"could not look for mappings in {gateway.region} that carry this state's tags and are not recorded, and tags are "
            f"read one mapping at a time, because the tagging API call failed: {error.message}"
        )
        return None


def _confirmed(
    gateway: Gateway, uuids: Sequence[str], lineage: str, provider: Provider, note: Callable[[str], None]
) -> list[Live]:
    """Those of these mappings that exist and carry the tags of a lineage: the tagging API may be minutes out of date."""

    def confirm(uuid: str) -> Live | None:
        config = gateway.get(uuid)
        return with_tags(gateway, config, provider) if config else None

    try:
        lives = [live for live in parallel(confirm, uuids) if live]
    except AwsError as error:
        note(f"could not confirm which mappings in {gateway.region} are not recorded: {error.message}")
        return []
    return [live for live in lives if is_ours(live, lineage) and live.status.state != DELETING]


def with_tags(gateway: Gateway, config: Config, provider: Provider) -> Live:
    """A live mapping with its tags from ListTags, never from the tagging API: the tags decide who owns it, and must not
    be out of date.
    """
    return live_mapping(config, gateway.region, gateway.tags(arn_of(config, gateway.region)), provider)


def parallel(function: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """`[function(item) for item in items]` in several threads. Raises the first error in the order of the items."""
    if len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(WORKERS, len(items))) as pool:
        return list(pool.map(function, items))
