"""The ids that planning chooses for mappings whose source lets it (docs/architecture.md#names). A name that is chosen once
is kept for life: renaming a mapping makes no call.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from itertools import count

from provisioner.kinds.forms import json_key
from provisioner.kinds.statements import short_lineage

_HASH = 8


def id_of(stack: str, name: str, lineage: str, limit: int, taken: Collection[str]) -> str:
    """An id for a mapping, of at most `limit` characters, that is not among those that are `taken`: stack and name to be
    read, their hash because letters were replaced and cut off, and the lineage because two states may have one stack's name.
    """
    digest = hashlib.sha256(json_key([stack, name]).encode()).hexdigest()[:_HASH]
    end = f"-{digest}-{short_lineage(lineage)}"
    words = re.sub(r"[^A-Za-z0-9_-]", "-", f"{stack}-{name}")
    for number in count(1):
        again = f"-{number}" if number > 1 else ""
        chosen = f"{words[: limit - len(end) - len(again)]}{again}{end}"
        if chosen not in taken:
            return chosen
    raise AssertionError  # `count` does not end


def is_ours_by_name(ident: str, lineage: str) -> bool:
    """Whether an id is spelt as those that planning chooses for a state. What is ours is only what the state holds: the
    spelling finds orphans.
    """
    return re.search(rf"-[0-9a-f]{{{_HASH}}}-{re.escape(short_lineage(lineage))}$", ident) is not None
