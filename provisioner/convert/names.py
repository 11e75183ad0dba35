"""Names for mappings that were found: from function and source, never from their order or their UUIDs, so that the same
mapping has the same name whenever it is found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from provisioner.convert.found import Found
from provisioner.convert.slugs import HASH, short_hash, slug
from provisioner.convert.unknown import as_arn
from provisioner.kinds.forms import json_key
from provisioner.model.references import MAPPING_NAME, FunctionReference
from provisioner.model.sources import SELF_MANAGED, SourceKind

_MOST: Final = 128
_LONG: Final = 12


def names_of(found: Sequence[Found], taken: Collection[str] = ()) -> list[str]:
    """A name for each mapping, none of which is `taken`; capitals do not count.

    A name that a mapping has already wins. Else it is FUNCTION-SOURCE; of mappings that would have one name, or a taken one,
    each gets what tells it from the others: its alias, its kind of source, its region, a part of the hash of its pair.
    """
    used = {name.lower() for name in taken}
    given = Counter(item.given.lower() for item in found if item.given)
    names: list[str] = ["" for _ in found]
    for number, item in enumerate(found):
        low = item.given.lower()
        if low and given[low] == 1 and low not in used and MAPPING_NAME.fullmatch(item.given):
            names[number] = item.given
    used |= {name.lower() for name in names if name}
    open_ = {number: _candidates(item) for number, item in enumerate(found) if not names[number]}
    level = dict.fromkeys(open_, 0)
    while True:
        chosen = {number: choices[level[number]] for number, choices in open_.items()}
        counts = Counter(name.lower() for name in chosen.values())
        clashing = [
            number
            for number, name in chosen.items()
            if (counts[name.lower()] > 1 or name.lower() in used) and level[number] + 1 < len(open_[number])
        ]
        if not clashing:
            return [name or chosen[number] for number, name in enumerate(names)]
        for number in clashing:
            level[number] += 1


def _candidates(item: Found) -> list[str]:
    """The names that a mapping may have, the shortest first."""
    function = FunctionReference.parse(item.mapping.get("function_name"))
    name = function.name if function else str(item.mapping.get("function_name", ""))
    source = source_name(item)
    qualified = [name, function.qualifier if function else "", *source]
    digest = short_hash(str((item.pair.region, str(item.pair))))
    parts = [
        [name, *source],
        qualified,
        [*qualified, item.kind],
        [*qualified, item.kind, item.region],
        [*qualified, item.kind, item.region, digest],
        # Two mappings of one pair: AWS has no two, but files may.
        [*qualified, item.kind, item.region, short_hash(json_key([str(item.key), item.origin, item.mapping]), _LONG)],
    ]
    names = ("-".join(filter(None, map(slug, part))) or "mapping" for part in parts)
    # One that is cut keeps the hash, which tells it from others with the same beginning.
    return [name if len(name) <= _MOST else f"{name[: _MOST - HASH - 1].rstrip('-_')}-{digest}" for name in names]


def source_name(item: Found) -> list[str]:
    """What a source is called, in parts: a queue's name, a stream's and its consumer's, a cluster's and its topic's."""
    mapping, known = item.mapping, item.known
    channels = known.get("topics") or known.get("queues") or [""]
    if item.kind in SELF_MANAGED:
        return ["kafka", channels[0]]
    arn = as_arn(mapping.get("event_source_arn"))
    if arn is None:
        return [str(mapping.get("event_source_arn", ""))]
    parts = re.split("[/:]", arn.resource)
    if item.kind is SourceKind.KINESIS and "consumer" in parts[2:-1]:
        return [parts[1], parts[parts.index("consumer", 2) + 1]]
    return [parts[1] if len(parts) > 1 else arn.resource, channels[0]]
