"""What filters do with records, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import takewhile

from provisioner.foreign_text import one_line
from provisioner.kinds.matching import Failure, Verdict
from provisioner.model.words import counted
from provisioner.render.style import Style


def verdicts_text(verdicts: Sequence[Verdict], style: Style) -> str:
    """A line for each record, below it each filter as a tree up to where it failed, and a last line that counts. Filters are
    counted from 1, in JSON from 0.
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
        yield f"  filter {failure.filter + 1}"
        yield from _tree(failure, style)
    if verdict.doubt:
        yield f"  ? {verdict.doubt}"


def _tree(failure: Failure, style: Style) -> Iterator[str]:
    """The paths of a filter as a tree: `+` what matched, `x` what failed, `-` what was not looked at."""
    wanted = " or ".join(json.dumps(rule, ensure_ascii=False) for rule in failure.wanted)
    why = f"wanted {wanted}, found {failure.found or 'nothing'}"
    why = why if wanted else f"its format is not the pattern's: found {failure.found}"
    leaves = [(path, style.green("+"), "") for path in failure.matched]
    leaves.append((failure.path, style.red("x"), f": {why}"))
    leaves += [(path, style.grey("-"), "") for path in failure.unseen]
    above: list[str] = []
    for path, mark, text in leaves:
        *parents, name = path.split(".")
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(above, parents, strict=False)))
        for depth, parent in enumerate(parents[shared:], shared):
            yield f"{'  ' * (depth + 2)}{one_line(parent)}"
        yield f"{'  ' * (len(parents) + 2)}{mark} {one_line(name + text)}"
        above = parents


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
