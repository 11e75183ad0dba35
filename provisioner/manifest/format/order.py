"""The canonical order of a manifest's keys, from the models in `schema` and the field table.

A place in a manifest is known by the type that `schema` gives it: a block has an order; a group of names, such as
`mappings` or `tags`, and what no type describes, such as a filter pattern, keeps its author's.
"""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Any, Final, get_args, get_origin

from provisioner.kinds.fields import Block
from provisioner.manifest.schema import Entry, Root

TOP: Final = Root
"""The type of a whole manifest."""

_Type = Any  # a type, an annotation such as list[str], or None where nothing is known
_OTHERS: Final = "*"
_ASIDE: Final = "x-"


def is_ordered(kind: _Type) -> bool:
    """Whether keys of this type have a canonical order: `rank` may be called only where this is true."""
    return _is_block(_option(kind))


def rank(kind: _Type, key: str) -> int:
    """Where a key of a block stands among its siblings: lower comes first, equal ranks keep their author's order."""
    ranks = _ranks(_option(kind))
    if _ASIDE in ranks and key.startswith(_ASIDE):
        return ranks[_ASIDE]
    return ranks.get(key, ranks[_OTHERS])


def below(kind: _Type, key: str) -> _Type:
    """The type of the value under a key, or None. Unlike `inside`, for a block or a map."""
    option = _option(kind)
    if _is_block(option):
        return _fields(option).get(key)
    return get_args(option)[1] if _origin(option) is dict else None


def inside(kind: _Type) -> _Type:
    """The type of a list's items, or None. Unlike `below`, for a list."""
    option = _option(kind)
    return get_args(option)[0] if _origin(option) is list else None


@cache
def _option(kind: _Type) -> _Type:
    """The one type of a union that has something below it."""
    options = get_args(kind) if _origin(kind) is UnionType else (kind,)
    return next((option for option in options if _is_block(option) or _origin(option) in (dict, list)), None)


def _origin(kind: _Type) -> _Type:
    return get_origin(kind)


def _is_block(kind: _Type) -> bool:
    return isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, Block)


@cache
def _fields(block: type[Block]) -> dict[str, _Type]:
    return {info.alias or name: info.annotation for name, info in block.model_fields.items()}


@cache
def _ranks(block: type[Block]) -> dict[str, int]:
    names = list(_fields(block))
    if block is Root:
        # What a file is comes first. Anchors are kept under x- for the sections that repeat themselves, so they stand
        # right before those; an alias above them keeps the whole in its author's order.
        # `include` is not in the model: files are joined before a manifest is checked against it.
        at = names.index("defaults")
        names[at : at + 1] = [_ASIDE, "defaults", "include"]
        names.append(_OTHERS)
    elif block is Entry:
        # A field that this version does not know is a field of the API all the same.
        ours = ("region", "tags", "filter_tests", "lifecycle")
        names = ["region", *(name for name in names if name not in ours), _OTHERS, "tags", "filter_tests", "lifecycle"]
    else:
        names.append(_OTHERS)
    return {name: number for number, name in enumerate(names)}
