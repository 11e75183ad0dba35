"""Runs the `filter_tests` of a mapping: records that its filters must let through, or drop."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from provisioner.filesystem import read_regular
from provisioner.kinds.matching import Verdict
from provisioner.kinds.notifying import verdict_of
from provisioner.kinds.records import records_of, values_of
from provisioner.manifest.finding import Finding, Step
from provisioner.manifest.node import Node
from provisioner.model.sources import SourceKind

FIELD: Final = "filter_tests"
_HINT: Final = "correct the filter or the record; `provisioner filter test` shows what a filter does with a record"


def filter_test_findings(tests: Node, mapping: Mapping[str, Any], kind: SourceKind, folder: Path) -> Iterator[Finding]:
    """A finding for each record that the filters of a mapping in canonical form treat otherwise. Files lie in `folder`, that of
    the manifest.
    """
    if kind in (SourceKind.DOCUMENTDB, SourceKind.UNKNOWN):
        yield Finding("E105", (FIELD,), f"{kind.phrase} has no filters", "remove filter_tests", at_key=True)
        return
    for group in ("pass", "drop"):
        listed = tests.below(group)
        for index, node in enumerate(listed.value if listed and isinstance(listed.value, list) else ()):
            path: tuple[Step, ...] = (FIELD, group, index)
            try:
                values = _values(node, folder)
                records = [record for value in values for record in records_of(value, kind)]
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                yield Finding(
                    "E104",
                    path,
                    f"the filter test cannot be read: {reason}",
                    "fix the record, or the path and the file",
                )
                continue
            verdicts = [verdict_of(mapping, record, kind) for record in records]
            wrong = next((item for item in verdicts if item.passes is not (group == "pass")), None)
            if wrong:
                yield Finding("E230", path, _message(wrong, group), _HINT)


def _message(verdict: Verdict, group: str) -> str:
    if group == "drop":
        by = "without a filter" if verdict.filter is None else f"by filter {verdict.filter + 1}"
        return f"a record that must be dropped passes {by}"
    why = ""
    for first in verdict.failed[:1]:
        wanted = " or ".join(json.dumps(rule, ensure_ascii=False) for rule in first.wanted)
        why = f": {first.path}: found {first.found or 'nothing'}{wanted and f', wanted {wanted}'}"
    return f"a record that must pass is dropped{why}"


def _values(node: Node, folder: Path) -> list[Any]:
    """The values of an item: itself, or those of the file that it names. Raises OSError, ValueError."""
    event = node.plain()
    if not (isinstance(event, dict) and event.keys() == {"file"} and isinstance(event["file"], str)):
        return [event]
    name = event["file"]
    if ".." in Path(name).parts or Path(name).is_absolute():  # before anything is looked at, as in `include`
        raise ValueError(f"{name!r} leads out of the manifest's folder")
    path = Path(node.file).parent / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leads out of the manifest's folder")
    return values_of(read_regular(path).decode("utf-8-sig"))
