"""The canonical form of a manifest's text, and a text with one more mapping.

Both change only what they must and copy the rest, so comments stay. Both read their result and compare it with the
input.
"""

from __future__ import annotations

import re
from typing import Final

from provisioner.errors import ManifestError, ProvisionerError, UsageError
from provisioner.manifest.format.layout import Entry, Piece, comments, layout, line_end, spare_end
from provisioner.manifest.format.rewrite import rewritten
from provisioner.manifest.node import NOWHERE, Node
from provisioner.manifest.reader import parse

_BOM: Final = "\ufeff"
_BLOCK_HEADER: Final = re.compile(r"[|>][-+1-9]*")
_EMPTY_LINE: Final = re.compile(r"^[ \t]*\r?\n", re.MULTILINE)
_NAMED: Final = ("mappings", "variables")
_STEP: Final = 2  # the indent of a name below `mappings:` in the entry that is added
_MOST_PASSES: Final = 3
_OVERSIGHT: Final = (
    "this is a bug in the formatter; the file was not changed; please report the bug and attach the file"
)


def formatted(text: str, shown: str = "") -> str:
    """The canonical form of a manifest's text. `shown` is the file's name in messages.

    Raises ManifestError where the text cannot be read, ProvisionerError where the form would mean something else.
    """
    text = text.lstrip(_BOM)
    before = _read(text, shown)  # the text as it is: new line ends must not change its meaning either
    source = _with_last_break(text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = _kept(source, layout(source))
    for _ in range(_MOST_PASSES):  # a moved entry can make another one movable
        result = rewritten(source, layout(source))
        # A wrong result must never reach the file, so each is read again and compared with the input.
        after = parse(result, shown)
        if after.diagnostics or not _same(before, after.root) or _kept(result, layout(result)) != kept:
            raise ProvisionerError(f"formatting would change the meaning of {shown or 'the manifest'}", hint=_OVERSIGHT)
        if result == source:
            break
        source = result
    return result


def with_mapping(text: str, entry: str) -> str:
    """A manifest's text with more mappings, the last ones. All else is the same, byte for byte, but for a missing last
    line break, which is added, and an empty value of `mappings`, which the mappings replace.

    `entry` is a manifest with these mappings alone, in block style. Raises ManifestError where the text cannot be read,
    UsageError where a name is taken or where the text is written so that nothing can be added to it.
    """
    return _with(text, entry, "mappings")


def with_items(text: str, added: str) -> str:
    """A manifest's text with more items at the end of one of its lists, as `with_mapping` adds mappings. `added` is a manifest
    with that list alone, in block style.
    """
    root = _read(added, "")
    assert root
    [key] = root.value
    return _with(text, added, key)


def _with(text: str, addition: str, key: str) -> str:
    body = text.lstrip(_BOM)
    before, added = _read(body, ""), _read(addition, "")
    assert added
    expected = _joined(before, added, key)
    line_break = "\r\n" if "\r\n" in body else "\n"
    lines = addition.rstrip("\n").split("\n")
    result = _inserted(body if not body or body.endswith("\n") else body + line_break, lines, line_break, key)
    after = parse(result, "")
    if after.diagnostics or not _same(expected, after.root):
        raise _not_added(f"cannot add to {key}, because of the YAML layout of the manifest", lines)
    return text[: len(text) - len(body)] + result  # with the byte order mark, unlike `formatted`


# --- what a text means ------------------------------------------------------------------------------------------------


def _read(text: str, shown: str) -> Node | None:
    document = parse(text, shown)
    if document.diagnostics:
        raise ManifestError(document.diagnostics)
    return document.root


def _kept(text: str, root: Piece | None) -> tuple[list[str], list[list[str]]]:
    """What a form keeps besides the meaning: every comment, and the order of names. Both are
    sorted, because comments and groups move with their keys.
    """
    groups = [entry.value for entry in root.entries if entry.key.value in _NAMED] if root else []
    names = sorted([entry.key.value for entry in group.entries] for group in groups)
    return sorted(comments(text, root)), names


def _same(one: Node | None, other: Node | None) -> bool:
    """Whether two manifests mean the same."""
    return one is other if one is None or other is None else _equal(one, other)


def _equal(one: Node, other: Node) -> bool:
    """Whether two values are equal, by type too: to Python 1 equals True, and NaN not itself. Keys have no order."""
    first, second = one.value, other.value
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_equal(item, second[key]) for key, item in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_equal, first, second))
    return type(first) is type(second) and repr(first) == repr(second)


def _joined(before: Node | None, added: Node, key: str) -> Node:
    """A manifest and what is added to one of its keys, as a value."""
    root = before.value if before and before.value is not None else {}
    if not isinstance(root, dict):
        raise UsageError("a manifest has keys such as `stack:` and `mappings:`")
    there, more = root[key].value if key in root else None, added.value[key].value
    held = type(more)() if there is None else there
    if not isinstance(held, type(more)):
        form = "a map of `name: …` entries" if isinstance(more, dict) else "a list"
        raise UsageError(f"`{key}` must be {form}")
    if isinstance(more, dict) and (twice := sorted(held.keys() & more.keys())):
        raise UsageError(f"{twice[0]} is already in the manifest", hint="choose another name, or edit that mapping")
    whole = {**held, **more} if isinstance(more, dict) else [*held, *more]
    return Node({**root, key: Node(whole, "", NOWHERE, NOWHERE)}, "", NOWHERE, NOWHERE)


# --- the last line ----------------------------------------------------------------------------------------------------


def _with_last_break(text: str) -> str:
    """A text whose last line ends. A block scalar that the file ends in must not gain the line break."""
    if not text or text.endswith("\n"):
        return text
    root = layout(text)
    last = root.last() if root else None
    if not last or last.style not in ("|", ">"):
        return text + "\n"
    # Below, the text ends in a block scalar.
    bare = text.rstrip(" \t")
    if last.keeps and last.value[-1:] in ("", "\n") and bare.endswith("\n"):
        return bare  # the last line has ended before these spaces; a line of them would be text
    # Its value has no line break at the end. With one in the text it would get one, unless the header has a `-`.
    if last.value and not last.value.endswith("\n"):
        header = _BLOCK_HEADER.search(text, last.start)
        assert header
        if "-" not in header[0]:
            text = text[: header.start()] + header[0].replace("+", "") + "-" + text[header.end() :]
    return text + "\n"


# --- what is added ----------------------------------------------------------------------------------------------------


def _inserted(text: str, lines: list[str], line_break: str, key: str) -> str:
    """A text that ends with a line break, with the lines of what is added in the right place."""
    root = layout(text)
    if root is None or (root.kind == "scalar" and not root.value):
        return _put(
            text, len(text), lines, 0, line_break, apart=bool(text.strip()) and not text.endswith(line_break * 2)
        )
    if root.flow or root.kind != "mapping":
        raise _not_added(f"cannot add to {key}, because the manifest is in flow style ({{ }})", lines)
    there = next((item for item in root.entries if item.key.value == key), None)
    if there is None:
        # Not at the end of the text: a `...` line may end the document before it.
        at = spare_end(text, _line_end(text, root, lines), 0)
        return _put(text, at, lines, root.entries[0].key.column, line_break, apart=not root.last().keeps)
    if there.value.kind == "mapping" and not there.value.flow:
        return _after_last(text, there.value, lines, line_break)
    if there.value.kind == "sequence" and not there.value.flow:
        column = there.value.column
        at = spare_end(text, _line_end(text, there.value, lines), column)
        return _put(text, at, lines[1:], column - _STEP, line_break, apart=False)
    return _instead_of_nothing(text, there, lines, line_break)


def _after_last(text: str, mappings: Piece, lines: list[str], line_break: str) -> str:
    """Under the last of the mappings, behind the comments that close them."""
    column, end = mappings.entries[0].key.column, _line_end(text, mappings, lines)
    at = spare_end(text, end, column)
    # An empty line where the others have one, below a comment that closes the group, and after a single mapping. Never
    # below a scalar that keeps empty lines: it would become text.
    spaced = [bool(_EMPTY_LINE.search(text, item.lo, item.key.start)) for item in mappings.entries[1:]]
    apart = (at > end or not spaced or any(spaced)) and not mappings.last().keeps
    return _put(text, at, lines[1:], column - _STEP, line_break, apart=apart)


def _instead_of_nothing(text: str, there: Entry, lines: list[str], line_break: str) -> str:
    """Under a key whose value is empty, null, {} or []: that value is cut out."""
    key, value = there.key, there.value
    nothing = "".join(text[key.end + 1 : value.end].split())
    if nothing not in ("", "~", "null", "Null", "NULL", "{}", "[]"):
        raise _not_added(f"cannot add to {key.value}, because it is in flow style ({{ }} or [ ])", lines)
    at = spare_end(text, _line_end(text, value, lines), key.column + 1)
    cut = value.end - key.end - 1
    text = text[: key.end + 1] + text[value.end :]
    return _put(text, at - cut, lines[1:], key.column, line_break, apart=False)


def _line_end(text: str, piece: Piece, lines: list[str]) -> int:
    end = line_end(text, piece.hi)
    if end is None:
        where = lines[0].rstrip(":")
        raise _not_added(f"cannot add to {where}, because it is on the same line as something else", lines)
    return end


def _put(text: str, at: int, lines: list[str], deeper: int, line_break: str, *, apart: bool) -> str:
    """Put lines into a text, indented `deeper` columns more, or fewer when it is negative."""
    moved = [" " * deeper + line if deeper > 0 else line[-deeper:] for line in lines]
    added = line_break.join(line if line.strip() else "" for line in moved) + line_break
    return text[:at] + (line_break if apart else "") + added + text[at:]


def _not_added(why: str, lines: list[str]) -> UsageError:
    # Without the first line, the key: the user has it already, or writes it by this hint.
    return UsageError(
        why,
        hint=f"write `{lines[0]}` in block style (one entry per line), and add this entry under it:\n"
        + "\n".join(lines[1:]),
    )
