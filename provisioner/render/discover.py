"""The results of `discover`, as a table and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from provisioner.aws.discovery import Unread
from provisioner.convert.files import File
from provisioner.convert.found import IGNORED, TITLES, Evidence, Found, OwnerKind
from provisioner.convert.names import source_name
from provisioner.convert.text import Named
from provisioner.foreign_text import one_line
from provisioner.kinds.ids import text_of
from provisioner.model.words import counted
from provisioner.render.style import Style
from provisioner.render.wrapping import columns, wrapped

_HEADS: Final = ("NAME", "KIND", "REGION", "FUNCTION", "SOURCE", "OWNER", "STATE", "NOTE")
_REGION: Final = 2


def discovered_text(found: Sequence[Named], unread: Sequence[Unread], style: Style, width: int) -> str:
    """A table, with notes on lines of their own where they do not fit `width` columns; else a block for each mapping. The last
    line counts by owner.
    """
    if not found:
        return count_line(found, unread)
    rows = [_cells(item) for item in found]
    heads = list(_HEADS)
    if len({row[_REGION] for row in rows}) == 1:
        rows = [[*row[:_REGION], *row[_REGION + 1 :]] for row in rows]
        del heads[_REGION]
    widths = [max(columns(line[column]) for line in (heads, *rows)) for column in range(len(heads))]
    fits = sum(widths) + 2 * (len(widths) - 1) <= width
    shown = len(heads) if fits else len(heads) - 1
    is_table = fits or sum(widths[:-1]) + 2 * (len(widths) - 2) <= width
    lines = [style.bold(_line(heads[:shown], widths))] if is_table else []
    for item, row in zip(found, rows, strict=True):
        text = _line(row[:shown], widths) if is_table else "\n".join(_block(item, width))
        lines.append(style.red(text) if item.found.fault else text)
        if not fits and row[-1] != "-":
            lines.append(wrapped(row[-1], width, "    "))
    return "\n".join([*lines, "", count_line(found, unread)])


def count_line(found: Sequence[Named], unread: Sequence[Unread]) -> str:
    """How many mappings have which owner, as a sentence."""
    owners = Counter(item.found.owner.kind for item in found)
    stacks = {kind: len({item.found.owner.name for item in found if item.found.owner.kind is kind}) for kind in owners}
    parts = [
        f"{owners[OwnerKind.OURS]} of this stack" if owners[OwnerKind.OURS] else "",
        _of_stacks(owners, stacks, OwnerKind.PROVISIONER, "of other stacks"),
        _of_stacks(owners, stacks, OwnerKind.CLOUDFORMATION, "of CloudFormation"),
        *(
            f"{owners[kind]} of {TITLES[kind]}"
            for kind in TITLES
            if owners[kind] and kind is not OwnerKind.CLOUDFORMATION
        ),
        f"{owners[OwnerKind.UNKNOWN]} of unknown owner" if owners[OwnerKind.UNKNOWN] else "",
    ]
    unhealthy = sum(bool(item.found.fault) for item in found)
    ends = [f"{unhealthy} unhealthy" if unhealthy else "", f"{len(unread)} not readable" if unread else ""]
    counts = ", ".join(filter(None, parts))
    sentence = "; ".join(filter(None, [counts, *ends]))
    return f"{counted(len(found), 'mapping')}{': ' if sentence else ''}{sentence}."


def _of_stacks(owners: Counter[OwnerKind], stacks: dict[OwnerKind, int], kind: OwnerKind, words: str) -> str:
    return f"{owners[kind]} {words} ({counted(stacks[kind], 'stack')})" if owners[kind] else ""


def _block(item: Named, width: int) -> Iterator[str]:
    """A mapping on a terminal that is too narrow for the table."""
    name, kind, region, function, source, owner, state, _ = _cells(item)
    yield wrapped(f"{name}  {state}", width)
    yield wrapped(f"{source} ({kind}) -> {function}, {region}", width, "    ")
    yield wrapped(f"owner: {owner}", width, "    ")


def _cells(item: Named) -> list[str]:
    found = item.found
    source = "/".join(filter(None, source_name(found))) or "-"
    function = str(found.mapping.get("function_name", "")) or "-"
    texts = [item.name, found.kind, found.region, function, source, str(found.owner), found.state or "-"]
    return [*(one_line(text) for text in texts), one_line("; ".join(_notes(found))) or "-"]


def _notes(found: Found) -> list[str]:
    """What is to be known of a mapping, as sentences without their ends."""
    is_orphan = found.owner.kind is OwnerKind.OURS and found.owner.evidence is not Evidence.STATE
    notes = [found.fault]
    if found.declared and not found.is_managed:
        notes.append("in the manifest, not applied yet")
    elif is_orphan:
        notes.append("its tags name this stack, which does not record it")
    notes += [f"not importable: {found.refusal}"] if found.refusal else []
    notes += [f"{doubt.field}: {doubt.why}" for doubt in found.doubts]
    return [note for note in notes if note]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    # By columns, not characters: `str.ljust` would misplace wide ones.
    padded = [cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join(padded).rstrip()


def discovered_json(
    account: str,
    regions: Sequence[str],
    found: Sequence[Named],
    unread: Sequence[Unread],
    files: Sequence[File] | None = None,
) -> str:
    """What `discovered_text` shows, with ids and tags, as a JSON document; with `files` also what was written."""
    owners = Counter(item.found.owner.kind for item in found)
    mappings = [
        {
            "name": name,
            "kind": item.kind,
            "id": text_of(item.key) if item.key else None,
            "region": item.region,
            "function": item.pair.function,
            "source": item.pair.source,
            "owner": {"kind": item.owner.kind, "name": item.owner.name or None, "evidence": item.owner.evidence},
            "declared": item.declared,
            "unmanaged": item.is_unmanaged,
            "state": item.state or None,
            "fault": item.fault or None,
            "not_importable": item.refusal or None,
            "doubts": [
                {"field": doubt.field, "why": doubt.why, "ignored": doubt.instead == IGNORED} for doubt in item.doubts
            ],
            "tags": dict(item.mapping.get("tags", {})),
        }
        for name, item in ((item.name, item.found) for item in found)
    ]
    document: dict[str, Any] = {
        "account": account,
        "regions": list(regions),
        "complete": not unread,
        "mappings": mappings,
        "unread": [{"kind": item.kind, "region": item.region, "message": item.message} for item in unread],
        "summary": {
            "mappings": len(found),
            **{str(kind): owners[kind] for kind in OwnerKind},
            "unmanaged": sum(item.found.is_unmanaged for item in found),
            "unhealthy": sum(bool(item.found.fault) for item in found),
        },
    }
    if files is not None:
        document["written"] = [
            {"file": str(file.path), "new": file.is_new, "names": list(file.names)} for file in files
        ]
    return json.dumps(document, indent=2, ensure_ascii=False)
