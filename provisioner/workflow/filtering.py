"""Tries the filters of a mapping on records. Nothing is asked of AWS."""

from __future__ import annotations

from pathlib import Path

from provisioner.errors import UsageError
from provisioner.filesystem import read_input
from provisioner.kinds.matching import Verdict
from provisioner.kinds.notifying import verdict_of
from provisioner.kinds.records import records_of, values_of
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
    try:
        values = values_of(read_input(Path("/dev/stdin") if str(event) == "-" else event).decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{event} cannot be read: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{event} is not UTF-8 text", hint="save it as UTF-8") from error
    except ValueError as error:
        raise UsageError(f"{event}: not JSON: {error}", hint="a text as data is written in quotes") from error
    try:
        records = [record for value in values for record in records_of(value, wanted.kind)]
    except ValueError as error:
        raise UsageError(f"{event}: {error}", hint="pass an event of this source, or data alone") from error
    if not records:
        raise UsageError(
            f"{event} has no record", hint="an event as Lambda delivers it, a record, or its data is expected"
        )
    return [verdict_of(wanted.mapping, record, wanted.kind) for record in records]
