"""What filters do with records, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from provisioner.foreign_text import one_line
from provisioner.kinds.matching import Verdict
from provisioner.model.words import counted
from provisioner.render.style import Style


def verdicts_text(verdicts: Sequence[Verdict], style: Style) -> str:
    """A line for each record, below it where each filter failed, and a last line that counts. Filters are counted from 1, in JSON
    from 0.
    """
    lines = [line for number, verdict in enumerate(verdicts) for line in _lines(number, verdict, style)]
    passed = sum(verdict.passes for verdict in verdicts)
    return "\n".join(
        [*lines, "", f"{counted(len(verdicts), 'record')}: {passed} passed, {len(verdicts) - passed} dropped."]
    )


def _lines(number: int, verdict: Verdict, style: Style) -> Iterator[str]:
    if verdict.passes:
        by = "" if verdict.filter is None else f" by filter {verdict.filter + 1}"
        yield style.green(f"record {number + 1}: passes{by}")
    else:
        yield style.red(f"record {number + 1}: dropped, and {verdict.then}")
    for failure in verdict.failed:
        start = f"  x filter {failure.filter + 1}: {one_line(failure.path)}"
        if failure.wanted:
            wanted = " or ".join(json.dumps(rule, ensure_ascii=False) for rule in failure.wanted)
            yield f"{start}: wanted {one_line(wanted)}, found {one_line(failure.found or 'nothing')}"
        else:
            yield f"{start}: its format is not the pattern's: found {one_line(failure.found)}"
    if verdict.doubt:
        yield f"  ? {verdict.doubt}"


def verdicts_json(verdicts: Sequence[Verdict]) -> str:
    """What `verdicts_text` shows."""
    records = [
        {
            "passes": verdict.passes,
            "filter": verdict.filter,
            "failed": [
                {"filter": item.filter, "path": item.path, "wanted": list(item.wanted), "found": item.found or None}
                for item in verdict.failed
            ],
            "decided_by": verdict.decided_by,
            "then": verdict.then,
            "doubt": verdict.doubt or None,
        }
        for verdict in verdicts
    ]
    return json.dumps({"records": records}, indent=2, ensure_ascii=False)
