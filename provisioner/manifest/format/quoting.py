"""How a string is written in YAML: plain where no reader can mistake it, else in quotes.

Only quoted scalars of one line are rewritten. Plain ones need no change; block scalars, and strings over several lines
or with escapes, keep their author's form.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from provisioner.manifest.format.layout import Piece
from provisioner.manifest.reader import scalar

_FIRST: Final = frozenset("_/.$")  # what a plain text may begin with, besides letters and digits
_FLOW_MARKS: Final = frozenset(",[]{}:?")  # inside [ ] and { } they can end a plain text or mean something
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")  # YAML 1.2's, with leading zeros
# What may follow a plain text. A closing quote ends a string wherever it stands; a plain text runs on.
_AFTER_VALUE: Final = ("", " ", "\t", "\n", ",", "]", "}")
_AFTER_KEY: Final = (": ", ":\t", ":\n", ":")


def respelt(text: str, piece: Piece, *, flow: bool, key: bool) -> str:
    """The source of a scalar in canonical quotes, or as it is where its author's form is kept. `flow`: it is in a flow
    collection; `key`: it is a key.
    """
    source = text[piece.start : piece.end]
    if piece.style not in ("'", '"') or piece.tagged or "\n" in source or not piece.value.isprintable():
        return source
    opening = source.find(piece.style)  # an anchor may stand before it
    escaped = piece.value.replace("\\", "\\\\").replace('"', '\\"')
    if piece.style == '"' and source[opening:] != f'"{escaped}"':
        return source  # an escape was chosen by its author
    after = text[piece.end : piece.end + 2]
    apart = after in _AFTER_KEY if key else after[:1] in _AFTER_VALUE
    plain = apart and is_plain(piece.value, flow=flow)
    return source[:opening] + (piece.value if plain else quoted(piece.value))


def is_plain(value: str, *, flow: bool) -> bool:
    """Whether a string needs no quotes. What any YAML reader takes for a boolean, number or date needs them."""
    return (
        value.isprintable()
        and (value[:1].isalnum() or value[:1] in _FIRST)
        and not value.endswith((" ", ":"))
        and not value.startswith("...")  # the end of a document
        and not any(mark in value for mark in (": ", " #", "${"))
        and not (flow and _FLOW_MARKS & set(value))
        and isinstance(scalar(value), str)
        and not _NUMBER.fullmatch(value)
        and not any(form.match(value) for _, form in yaml.SafeLoader.yaml_implicit_resolvers.get(value[0], ()))
    )


def quoted(value: str) -> str:
    """A printable string of one line in quotes: single ones where double ones would need escapes."""
    if "\\" in value or '"' in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{value}"'
