"""Planning stories, a file each: what is wanted, what is recorded, what lives; and the plan as it is printed.

`recorded` and `live` map names and UUIDs to mappings in our names (short UUIDs are padded); `found` maps names to what
holds their pair. `plan` is the whole text, `problems` what refuses it, `after` the UUIDs that the state holds before
any call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import __version__
from provisioner.errors import ManifestError
from provisioner.kinds.canonical import canonical
from provisioner.manifest import load
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import Live, Owner, Status
from provisioner.model.plan import Plan, Problem
from provisioner.model.sources import SourceKind, kind_of
from provisioner.model.state import Deposed, Record, State
from provisioner.planning import safety
from provisioner.planning.planner import make_plan
from provisioner.planning.reading import Reading
from provisioner.planning.record import state_before_calls
from provisioner.planning.resolve import completed, resolve
from provisioner.render.formats import plan_in
from provisioner.render.plan import plan_text
from provisioner.render.style import Style

STORIES = Path(__file__).parents[1] / "cases/plan"
CASES = sorted(STORIES.glob("*.yaml"))
REGION = "eu-west-1"
GOLDEN = Path(__file__).parents[1] / "golden/plan"
IN_JSON = (
    "a-pair-that-another-name-holds-by-drift-is-not-taken-over",
    "names-shift-and-the-last-is-made",
    "entries-of-a-bucket-share-a-statement",
)
LINEAGE = "11111111-2222-3333-4444-555555555555"


def full(uuid: str) -> str:
    return f"{uuid:0>8}-0000-0000-0000-000000000000"


def short(text: str) -> str:
    return text.replace("-0000-0000-0000-000000000000", "").replace("0000000", "")


def mapping_of(value: dict[str, Any]) -> dict[str, Any]:
    fields = {
        key: item
        for key, item in value.items()
        if key not in ("uuid", "state", "owner", "unknown", "reason", "deposed", "protected")
    }
    kind = kind_of(fields)
    assert kind
    return canonical(fields, kind)


def record(value: dict[str, Any]) -> Record:
    deposed = tuple(Deposed(Key(LAMBDA, REGION, full(uuid))) for uuid in value.get("deposed", ()))
    return Record(
        Key(LAMBDA, REGION, full(value["uuid"])), "arn", mapping_of(value), value.get("protected", False), deposed
    )


def live(uuid: str, value: dict[str, Any]) -> Live:
    mapping = mapping_of(value)
    owner = value.get("owner")
    unknown = frozenset(tuple(path.split(".")) for path in value.get("unknown", ()))
    filter_error = "no access" if ("filter_criteria",) in unknown else ""
    status = Status(value.get("state", "Enabled"), value.get("reason", "USER_INITIATED"), filter_error=filter_error)
    return Live(
        Key(LAMBDA, REGION, full(uuid)), "arn", kind_of(mapping) or SourceKind.SQS, mapping, status, unknown,
        Owner(*owner.split("/")) if owner else None,
    )  # fmt: skip


@dataclass
class Planned:
    """What the planner makes of a story."""

    diagnostics: list[str]
    plan: Plan | None = None
    problems: tuple[Problem, ...] = ()
    after: State | None = None


def _messages(found: Sequence[object]) -> list[str]:
    return [f"{item.code}: {item.message}" for item in found if isinstance(item, Diagnostic)]


def planned_of(case: dict[str, Any], folder: Path) -> Planned:
    manifest = {"stack": "test", "provider": {"region": REGION}, **case["manifest"]}
    (folder / "provisioner.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    try:
        loaded = load(folder).manifest.in_region(REGION)
    except ManifestError as error:
        return Planned(_messages(error.diagnostics))
    recorded = {name: record(value) for name, value in case.get("recorded", {}).items()}
    state = State("test", LINEAGE, "123456789012", 1, recorded)
    reading = Reading(
        {item.key: item for item in (live(uuid, value) for uuid, value in case.get("live", {}).items())},
        {name: live(value["uuid"], value) for name, value in case.get("found", {}).items()},
    )
    resolution = completed(resolve(loaded, state), state.account, state.lineage)
    if resolution.diagnostics:
        return Planned(_messages(resolution.diagnostics))
    plan = make_plan(resolution, reading, state, account="123456789012", replaced=case.get("replace", ()))
    problems = safety.problems(
        plan,
        state,
        delete_limit=loaded.delete_limit,
        allow_missing=False,
        where="here",
        risk_limit=loaded.risk_limit,
        accepted=case.get("accepted", ()),
    )
    return Planned([], plan, problems, state_before_calls(state, plan, reading))


def in_format(form: str, planned: Planned) -> str:
    """The plan as a command prints it, without this version's number."""
    assert planned.plan
    return (plan_in(form, planned.plan, planned.problems, Style()) + "\n").replace(__version__, "VERSION")


def answer(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the planner makes of a story, in the form of the story."""
    planned = planned_of(case, folder)
    if planned.diagnostics:
        return {"diagnostics": planned.diagnostics}
    if planned.problems:
        return {"problems": [short(f"{item.name}: {item.message}") for item in planned.problems]}
    assert planned.plan
    assert planned.after
    after = {name: short(item.key.id) for name, item in sorted(planned.after.mappings.items())}
    order = {short(item.key): [short(name) for name in item.after] for item in planned.plan.changes if item.after}
    text = {"plan": short(plan_text(planned.plan, Style())), "after": after}
    return {**text, "order": order} if order else text


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_story_is_planned_as_written(path: Path, tmp_path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    expected = {key: case[key] for key in ("plan", "after", "order", "problems", "diagnostics") if key in case}
    if "plan" in expected:
        expected["plan"] = expected["plan"].rstrip("\n")

    assert answer(case, tmp_path) == expected


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_story_reads_the_same_in_markdown(path: Path, tmp_path: Path) -> None:
    """The whole of it, in `golden/plan`; a refused plan has its reasons, and a contradiction has no plan."""
    planned = planned_of(yaml.safe_load(path.read_text(encoding="utf-8")), tmp_path)
    golden = GOLDEN / f"{path.stem}.md"

    if planned.plan is None:
        assert not golden.exists()
    else:
        assert in_format("markdown", planned) == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", IN_JSON)
def test_a_story_reads_the_same_in_json(name: str, tmp_path: Path) -> None:
    """Three stories in full: a replacement, a creation and a drift; a creation, a deletion and what stays; entries of a bucket
    and their statement.
    """
    planned = planned_of(yaml.safe_load((STORIES / f"{name}.yaml").read_text(encoding="utf-8")), tmp_path)

    assert in_format("json", planned) == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_json_has_the_actions_of_the_plan(path: Path, tmp_path: Path) -> None:
    planned = planned_of(yaml.safe_load(path.read_text(encoding="utf-8")), tmp_path)
    if planned.plan is None:
        return
    shown = json.loads(in_format("json", planned))
    actions = {"replace": ["create", "delete"], "not-possible": ["no-op"]}

    # A statement is a part of a change.
    mappings = [item for item in shown["resource_changes"] if "part_of" not in item["x_provisioner"]]
    assert [(item["name"], sorted(item["change"]["actions"])) for item in mappings] == [
        (change.name, actions.get(change.action, [change.action])) for change in planned.plan.changes
    ]


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} <= {path.stem for path in CASES}
