"""Tries the filters of a mapping on records. Nothing is asked of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioner.errors import UsageError
from provisioner.filesystem import read_input
from provisioner.kinds.matching import Verdict, passes
from provisioner.kinds.notifying import notifies
from provisioner.kinds.records import records_of
from provisioner.model.manifest import Manifest
from provisioner.model.sources import SourceKind
from provisioner.planning.resolve import require_names


def try_filters(manifest: Manifest, name: str, event: Path) -> list[Verdict]:
    """What the filters of a mapping do with each record of an event; `-` is standard input. Raises UsageError for an unknown
    mapping, and for a file that cannot be read.
    """
    require_names([name], manifest.mappings, "filter test")
    wanted = manifest.mappings[name]
    if wanted.kind in (SourceKind.DOCUMENTDB, SourceKind.UNKNOWN):
        raise UsageError(f"{name} has no filter patterns: its source is {wanted.kind.phrase}")
    patterns = [item["pattern"] for item in wanted.mapping.get("filter_criteria", {}).get("filter", ())]
    records = [record for value in _values(event) for record in records_of(value, wanted.kind)]
    if not records:
        raise UsageError(
            f"{event} has no record", hint="an event as Lambda delivers it, a record, or its data is expected"
        )
    if wanted.kind is SourceKind.S3:
        return [notifies(wanted.mapping, record) for record in records]
    return [passes(patterns, record, wanted.kind) for record in records]


def _values(event: Path) -> Iterator[Any]:
    """The JSON values of a file: one, or one a line."""
    try:
        text = read_input(Path("/dev/stdin") if str(event) == "-" else event).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{event} cannot be read: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{event} is not UTF-8 text", hint="save it as UTF-8") from error
    try:
        yield json.loads(text)
        return
    except RecursionError as error:
        raise UsageError(f"{event} is nested too deeply") from error
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise UsageError(f"{event}: not JSON: {error}", hint="a text as data is written in quotes") from error
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{event}: neither JSON, nor JSON on each line: line {number}: {error}") from error
