"""Damages files, drawn from a seed: their bytes, and the JSON values in them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from provisioner.model.references import UUID

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Damage:
    """A damaged content. `is_visible`: whoever reads it must see that the file is damaged, or newer, and go no further."""

    label: str
    content: bytes
    is_visible: bool


# --- bytes -----------------------------------------------------------------------------------------------------------


def is_json(content: bytes) -> bool:
    """Whether bytes are a JSON text in UTF-8 whose keys are unique, and whose numbers are numbers."""
    try:
        json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):
        return False
    return True


def is_json_in_any_encoding(content: bytes) -> bool:
    """As `is_json`, in any encoding of JSON: an editor may have written the file."""
    return is_json(content.decode(json.detect_encoding(content), "replace").encode())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def _refused(constant: str) -> None:
    raise ValueError(constant)


def are_lines(content: bytes) -> bool:
    """Whether bytes are lines of JSON; what follows the last line feed was never finished."""
    *whole, _ = content.split(b"\n")
    return all(map(is_json, whole))


BYTES: Final[dict[str, Callable[[Random, bytes, int], bytes]]] = {
    "truncated": lambda random, text, at: text[:at],
    "emptied": lambda random, text, at: b"",
    "bit flipped": lambda random, text, at: text[:at] + bytes([text[at] ^ 1 << random.randrange(8)]) + text[at + 1 :],
    "NUL": lambda random, text, at: text[:at] + b"\0" * random.choice([1, 512]) + text[at:],
    "zeros at the end": lambda random, text, at: text[:at] + b"\0" * (len(text) - at),
    "no UTF-8": lambda random, text, at: text[:at] + random.choice([b"\xff", b"\xed\xa0\x80", b"\xc3"]) + text[at:],
    "BOM": lambda random, text, at: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda random, text, at: text.decode().encode("utf-16"),
    "CRLF": lambda random, text, at: text.replace(b"\n", b"\r\n"),
    "twice": lambda random, text, at: text + text,
    "nested": lambda random, text, at: text[:at] + b"[" * random.choice([900, 100_000]) + text[at:],
    "ESC": lambda random, text, at: text[:at] + random.choice([b"\x1b[2J", b"\n::error::x\n", b"\x9b"]) + text[at:],
    "part lost": lambda random, text, at: text[:at] + text[at + random.choice([1, 40, 4096]) :],
}


def damaged_bytes(random: Random, way: int, text: bytes, is_whole: Callable[[bytes], bool]) -> Damage:
    """Other bytes, in one of the ways in turn. They are seen to be damaged where they are no JSON any more."""
    name = sorted(BYTES)[way % len(BYTES)]
    at = random.randrange(len(text))
    content = BYTES[name](random, text, at)
    return Damage(f"{name} at {at}", content, not is_whole(content))


# --- JSON values -----------------------------------------------------------------------------------------------------

OPTIONAL: Final = {"environment", "pending", "writer", "statement", "deposed", "owner", "paused", "until", "channel"}
NULL: Final = {"statement", "owner", "paused", "record"}
"""Members that may be null."""

TEXTS: Final = (
    "", "x", "a b", "\x1b[31mred", "a\n::error::b", "half \ud800", "\u202e", "../x", "-x", "x" * 200, "000000000000",
    "00000000-0000-0000-0000-00000000000g", "arn:aws:lambda:eu-west-1:999999999999:event-source-mapping:x",
)  # fmt: skip
OTHERS: Final = (None, True, 0, -1, 1.5, "", "x", [], {}, [[]], {"a": {}}, [None])
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
FORMS: Final = {
    "id": UUID,
    "kind": re.compile("lambda"),
    "stack": re.compile("test"),
    "region": re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}"),
    "action": re.compile("create|update|delete"),
    "account": re.compile(r"(\d{12})?"),
    "name": NAME,
}
"""What can be seen of a text. In an owner and a statement it is less."""


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value but the top."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def at_path(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


class Tree:
    """A JSON value that is damaged once, at a place that is drawn."""

    def __init__(self, random: Random, value: Any, version: int, foreign: str) -> None:
        self.random = random
        self.value = copy.deepcopy(value)
        self.version = version
        self.foreign = foreign  # the UUID of a mapping of another stack
        self.path = random.choice(list(paths(value)))
        self.inner = at_path(self.value, self.path[:-1])
        self.key: Any = self.path[-1]
        self.was = self.inner[self.key]
        # What was applied may hold whatever AWS has, and what is unknown is kept.
        self.is_free = "applied" in self.path[:-1]
        self.is_name = len(self.path) == 2 and self.path[0] == "mappings"
        self.is_optional = self.key in OPTIONAL or (
            self.key == "protected" and ("intent" in self.inner or version == 1)
        )

    def damage(self) -> tuple[str, bool]:
        """Damage it; what was done, and whether it can be seen."""
        ways = [self.remove, self.rename, self.retype, self.wrap, self.add]
        ways += [self.retext] * 3 if isinstance(self.was, str) else []
        ways += [self.renumber] * 3 if type(self.was) is int else []
        ways += [self.record_twice, self.rename_oddly, self.point_elsewhere] if self.is_name or self.key == "id" else []
        way = self.random.choice(ways)
        is_visible = way()
        return f"{way.__name__} {'.'.join(map(str, self.path))}", is_visible and not self.is_free

    def remove(self) -> bool:
        del self.inner[self.key]
        return isinstance(self.key, str) and not self.is_name and not self.is_optional

    def rename(self) -> bool:
        if not isinstance(self.key, str):
            return self.remove()
        self.inner[f"{self.key}x"] = self.inner.pop(self.key)
        return not self.is_name and not (self.version == 1 and self.is_optional)

    def retype(self) -> bool:
        other = self.random.choice([item for item in OTHERS if type(item) is not type(self.was)])
        self.inner[self.key] = other
        return not (other is None and self.key in NULL) and not (self.key == "record" and self.was is None)

    def wrap(self) -> bool:
        self.inner[self.key] = self.random.choice([[self.was], {"x": self.was}])
        # Of what was applied, what is unknown is dropped, and nothing may be left.
        return not (self.key == "record" and self.was is None) and self.key != "applied"

    def add(self) -> bool:
        holder = self.was if isinstance(self.was, dict) else self.inner
        if isinstance(holder, list):
            holder.append({"new": 1})
            return True
        holder["new"] = 1
        is_free = holder is self.was and self.key == "applied"
        return not is_free and (self.version > 1 or holder is self.value.get("mappings") or "channel" in holder)

    def retext(self) -> bool:
        new = self.random.choice(TEXTS)
        self.inner[self.key] = new
        if "owner" in self.path or "statement" in self.path:
            return False
        if self.key == "lineage":  # that of a journal must be its state's
            return "journal" in self.value or not new or not new.isprintable()
        form = FORMS.get(self.key) if isinstance(self.key, str) else None
        return form is not None and "pair" not in self.path and not form.fullmatch(new)

    def renumber(self) -> bool:
        new = self.random.choice([-1, -(10**30), 10**30, 99])
        self.inner[self.key] = new
        return new < 0 or self.key in ("version", "journal")

    def record_twice(self) -> bool:
        mappings = self.value.get("mappings")
        if not isinstance(mappings, dict):
            return False
        mappings["again"] = copy.deepcopy(mappings[self.random.choice(sorted(mappings))])
        return True

    def rename_oddly(self) -> bool:
        new = self.random.choice(TEXTS)
        mappings = self.value.get("mappings", self.inner)
        key = self.random.choice(sorted(mappings)) if "mappings" in self.value else self.key
        mappings[new] = mappings.pop(key)
        return "mappings" not in self.value or not NAME.fullmatch(new)

    def point_elsewhere(self) -> bool:
        holder = self.was if isinstance(self.was, dict) else self.inner
        holder["id" if self.version > 1 else "uuid"] = self.foreign
        return False


def damaged_value(random: Random, value: Any, version: int, foreign: str) -> tuple[str, Any, bool]:
    """Another JSON value: what was done, the value, and whether it can be seen."""
    tree = Tree(random, value, version, foreign)
    label, is_visible = tree.damage()
    return label, tree.value, is_visible and json.dumps(tree.value) != json.dumps(value)


TOKENS: Final = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "[" * 100_000, "\x1b", "'x'", "1,")
"""What is no JSON, or no value that can be kept, in the place of a value."""


def damaged_text(random: Random, value: Any, indent: int | None) -> tuple[str, str]:
    """A text with a key twice, or with a token that is none, and what was done."""
    changed = copy.deepcopy(value)
    path = random.choice(list(paths(changed)))
    inner, key = at_path(changed, path[:-1]), path[-1]
    token = random.choice(TOKENS)
    twice = isinstance(key, str) and random.random() < 0.3
    if twice:
        inner["@mark"] = inner[key]
    else:
        inner[key] = "@mark"
    text = json.dumps(changed, indent=indent)
    text = text.replace('"@mark"', json.dumps(key) if twice else token)
    label = "twice" if twice else token[:12]
    return f"{label} at {'.'.join(map(str, path))}", text
