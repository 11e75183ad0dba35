"""What is known of one field: a row of the field table in `mapping`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.model.sources import ALL, PUSH, SourceKind

NONE: Final[frozenset[SourceKind]] = frozenset()


class _Nothing:
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()
"""Marks the lack of a value: None, {} and "" mean something to the API."""


@dataclass(frozen=True, slots=True)
class Legal:
    """Which texts the API's model allows: its pattern, and the same in words, as they follow "is not" in a message."""

    pattern: str
    words: str
    enforced: bool = True  # False where AWS was seen to let others pass

    def allows(self, text: str) -> bool:
        """Whether the whole text matches."""
        return re.fullmatch(self.pattern, text) is not None


TAG_TEXT: Final = Legal(
    # Python knows no \p{L}, \p{N}, \p{Z}: \w is the first two and '_', the spaces are the third.
    r"[\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+\-@]*",
    "made of letters, digits, spaces and _.:/=+-@",
)
"""The keys and values of tags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the API's model allows of a value.

    bounds    least and most: of a number, of a text's length, of a list's or a map's items
    legal     which texts, where not all
    each      of each item of a list, of each value of a map
    """

    bounds: tuple[int, int] | None = None
    legal: Legal | None = None
    each: Limits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Limits):
    """What is known of one field, besides its limits.

    api       the API's member, at its level
    kinds     the kinds of source that have the field
    required  the kinds that refuse a mapping without it
    default   AWS's value when the field is absent, by kind
    kept      the kinds for which absence keeps what is there: AWS generates the value, cannot unset it, or its default
              is not known (docs/architecture.md#comparison)
    replaces  a change needs a new mapping: always, or when this is true of (live, desired)
    clear     the sentinel that unsets the field in an update; NOTHING where there is none: then the default is sent,
              or, without a default, nothing
    narrower  bounds of single kinds, in place of `bounds`
    values    the values known for an enumeration; others are passed through with a warning
    form      makes one value canonical
    empty     an empty value is not an absent one: `{}` is a pattern that matches everything
    explicit  the block's mere presence means something, so defaults inside it are written out instead of dropped
    """

    api: str
    kinds: frozenset[SourceKind] = ALL
    required: frozenset[SourceKind] = NONE
    default: Mapping[SourceKind, Any] = field(default_factory=dict)
    kept: frozenset[SourceKind] = NONE
    replaces: bool | Callable[[Any, Any], bool] = False
    clear: Any = NOTHING
    narrower: Mapping[SourceKind, tuple[int, int]] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    form: Callable[[Any], Any] | None = None
    empty: bool = False
    explicit: bool = False

    def has(self, kind: SourceKind) -> bool:
        """Whether mappings of the kind have the field; of an unknown kind, every field that any kind has that Lambda reads
        from.
        """
        return kind in self.kinds or (kind is SourceKind.UNKNOWN and bool(self.kinds - PUSH))

    def requires(self, kind: SourceKind) -> bool:
        """Whether the kind refuses a mapping without the field; of an unknown kind, what every kind requires."""
        return kind in self.required or (kind is SourceKind.UNKNOWN and self.required >= ALL)

    def keeps(self, kind: SourceKind) -> bool:
        """Whether absence keeps what is there; of an unknown kind, everything but tags, because no default is known."""
        return kind in self.kept or (kind is SourceKind.UNKNOWN and self.api != "Tags")
