"""The ids that planning chooses for mappings whose source lets it (docs/architecture.md#names). A name that is chosen once
is kept for life: renaming a mapping makes no call.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from itertools import count

from provisioner.kinds import kind_for
from provisioner.kinds.forms import json_key
from provisioner.kinds.statements import short_lineage
from provisioner.model.canonical import Canonical
from provisioner.model.desired import Desired
from provisioner.model.key import Key
from provisioner.model.state import Record, State

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


def key_stated(wanted: Desired) -> Key | None:
    """The key of a mapping whose id the manifest states, where its kind has one."""
    kind = kind_for(wanted.kind)
    return kind.key(wanted.mapping, wanted.region) if kind.key and "id" in wanted.mapping else None


class Ids:
    """The ids of the new mappings of one plan. `keys` are those of all mappings that are recorded or were read."""

    def __init__(self, state: State, keys: Collection[Key]) -> None:
        self._state = state
        self._keys = keys
        self._taken: dict[Key, set[str]] = {}  # by the key of a source, which is that of an entry without an id

    def given(self, wanted: Desired, mapping: Canonical, record: Record | None) -> Canonical:
        """A mapping that is to be created with its id, where planning chooses it: the recorded one where the source is the
        same, because a name that was chosen once is kept.
        """
        kind = kind_for(wanted.kind)
        if kind.key is None or "id" in mapping:
            return mapping
        source = kind.key(mapping, wanted.region)
        if record and record.key.kind == kind.name and record.key.id.startswith(source.id):
            return {**mapping, "id": record.key.id.removeprefix(source.id)}
        if source not in self._taken:
            self._taken[source] = {
                key.id.removeprefix(source.id)
                for key in self._keys
                if key.kind == kind.name and key.id.startswith(source.id)
            }
        ident = id_of(self._state.stack, wanted.name, self._state.lineage, kind.id_limit, self._taken[source])
        self._taken[source].add(ident)
        return {**mapping, "id": ident}
