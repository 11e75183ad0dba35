"""Mappings in canonical form: values and paths in them. `kinds/canonical.py` makes the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Canonical: TypeAlias = dict[str, Any]
"""A mapping in which equal mappings are equal values (docs/architecture.md#comparison): a plain dict of our names. What
is absent has AWS's default; `None`, `""`, `[]`, `{}` and a value that equals the kind's default are absent; sets are
sorted lists; filter patterns are parsed.
"""

OWN_TAG_PREFIX = "provisioner:"


def absent(value: Any) -> bool:
    """Whether a value is the same as an absent field: None, "", [] or {}. Zero and false are values: 0 retries differ
    from no limit.
    """
    return value is None or (not value and not isinstance(value, bool | int | float))


def value_at(mapping: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path, or None."""
    value: Any = mapping
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def with_value(mapping: Mapping[str, Any], path: tuple[str, ...], value: Any) -> Canonical:
    """A copy of the mapping with one value set, or dropped when it is None; blocks left empty are dropped too, because
    canonical form has no empty blocks.
    """
    name, *rest = path
    if rest:
        inner = mapping.get(name)
        value = with_value(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)
        value = value or None
    changed = {**mapping, name: value}
    return {key: item for key, item in changed.items() if item is not None}


def is_own_tag(key: str) -> bool:
    """Whether a tag is AWS's (docs/aws/tags.md) or an ownership tag: never the user's, never a difference."""
    return key.startswith(("aws:", OWN_TAG_PREFIX))
