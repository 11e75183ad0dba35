"""What scripts and old files rely on (docs/compatibility.md), as the code has it: a line for each promise."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import click
import yaml

from provisioner import errors
from provisioner.aws.discovery import Unread
from provisioner.backend.journal import Journal
from provisioner.backend.lock import advice
from provisioner.backend.planfile import SavedPlan, save
from provisioner.backend.statefile import encode
from provisioner.cli.app import cli
from provisioner.cli.changes import CHANGES, INCOMPLETE, INTERRUPTED
from provisioner.cli.language import WOULD_CHANGE
from provisioner.convert.files import File
from provisioner.convert.found import Doubt, Evidence, OwnerKind
from provisioner.convert.text import Named
from provisioner.kinds.fields import Field
from provisioner.kinds.permission import LIMITS
from provisioner.kinds.tables import ALL_FIELDS
from provisioner.manifest.jsonschema import manifest_schema
from provisioner.model.checks import CheckFinding, CheckLevel
from provisioner.model.codes import EXPLANATIONS
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.model.health import Drifted, Health
from provisioner.model.key import LAMBDA, Key
from provisioner.model.level import Level
from provisioner.model.manifest import S3Location
from provisioner.model.place import Place
from provisioner.model.plan import Action, Cause, Edit, FieldChange, Plan, Problem, Reason
from provisioner.model.provider import Provider
from provisioner.model.references import Pair
from provisioner.model.report import Outcome, Phase, Progress, Report, Result
from provisioner.model.sources import SourceKind
from provisioner.model.state import Deposed, Intent, Record, State
from provisioner.render.checks import check_json
from provisioner.render.diagnostics import diagnostics_json
from provisioner.render.discover import discovered_json
from provisioner.render.drift import drift_json, status_json
from provisioner.render.events import (
    diagnostic_event,
    planned_events,
    progress_event,
    stamped,
    summary_event,
    version_event,
)
from provisioner.render.markdown import drift_markdown, plan_markdown
from provisioner.render.terraform import plan_document
from tests.convert.found import sqs
from tests.planning.test_stories import CASES, LINEAGE, full, planned_of

GOLDEN = Path(__file__).parents[1] / "golden/interface.txt"

_ATTRIBUTES: Final = ("before", "after", "values", "after_unknown", "prior", "applied")
"""Keys whose value is a mapping, or one of its values, in Terraform's shape: the field table lists its keys once."""
_NAMED: Final = ("cause", "mappings", "tags")
"""Keys whose value is a map from names that users choose, or from fields."""


def interface() -> str:
    """The whole interface: headings, and below each its lines, sorted where no order is promised."""
    plans = list(_plans())
    sections: dict[str, list[str]] = {
        "Commands and flags": list(_commands(cli, "")),
        "Codes": list(EXPLANATIONS),
        "Exit codes": _exit_codes(),
        "Manifest keys": sorted(set(_manifest_keys(manifest_schema(), ""))),
        "Keys of a mapping, which are the JSON keys of its values": _mapping_keys(),
        "State": _paths([json.loads(encode(_STATE, (_INTENT,), "writer"))]),
        "Journal": _paths(_journal()),
        "Lock": _paths([advice("apply")]),
        "Saved plan": _paths([_saved(plans[0])]),
        "JSON of a plan": _paths([_document(plan) for plan in plans]),
        "JSON of check": _paths([json.loads(check_json("s", _FOUND))]),
        "JSON of drift": _paths([json.loads(drift_json("s", _DRIFTED))]),
        "JSON of status": _paths([json.loads(status_json("s", _HEALTH))]),
        "JSON of discover": _paths([json.loads(_discovered())]),
        "JSON of validate": _paths([json.loads(diagnostics_json(_DIAGNOSTICS))]),
        "Events": _event_lines(plans),
        "Enumerations": [f"{where}: {' | '.join(kind)}" for where, kind in _ENUMERATIONS.items()],
        "Lines of Markdown": _markdown(plans[0]),
    }
    return "\n".join(f"# {title}\n" + "".join(f"{line}\n" for line in lines) for title, lines in sections.items())


_FOUND: Final = [CheckFinding("C107", CheckLevel.LIKELY, "a", "no", Place("p.yaml", 3), "add it", "iam:GetRole")]

_ENUMERATIONS: Final[dict[str, type[StrEnum]]] = {
    "x_provisioner.cause.*.cause": Cause,
    "x_provisioner.checks[].level": CheckLevel,
    "x_provisioner.cause.*.detail": Edit,
    "x_provisioner.reason": Reason,
    "x_provisioner.risks[].level": Level,
    "hook.action, pending[].action, intent": Action,
    "hook.x_provisioner.result": Result,
    "diagnostics[].severity": Severity,
    "Saved plan, kinds of source": SourceKind,
    "discover: mappings[].owner.kind": OwnerKind,
    "discover: mappings[].owner.evidence": Evidence,
}


# --- the command line ------------------------------------------------------------------------------------------------


def _commands(group: click.Group, above: str) -> Iterator[str]:
    for name in group.list_commands(click.Context(group)):
        command = group.commands[name]
        path = f"{above}{name}"
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} ")
            continue
        arguments = [item.make_metavar(click.Context(command)) for item in command.params if not _is_flag(item)]
        yield " ".join([path, *arguments])
        yield from sorted(f"  {_flag(item)}" for item in command.params if _is_flag(item))


def _is_flag(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option)


def _flag(option: click.Parameter) -> str:
    choices = f" {'|'.join(option.type.choices)}" if isinstance(option.type, click.Choice) else ""
    return ", ".join(option.opts) + choices


def _exit_codes() -> list[str]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    own = {kind.exit_code for kind in kinds if issubclass(kind, errors.ProvisionerError)} - {1}
    assert own == {errors.StaleError.exit_code, errors.LockedError.exit_code}
    return [
        "0 done",
        "1 error, refused, cancelled",
        f"{CHANGES} there are changes, drift or an unhealthy mapping",
        f"{INCOMPLETE} an apply is incomplete",
        f"{WOULD_CHANGE} fmt --check: a file would change",
        f"{errors.StaleError.exit_code} a plan is stale",
        f"{errors.LockedError.exit_code} the state is locked",
        f"{INTERRUPTED} interrupted",
    ]


# --- the manifest ----------------------------------------------------------------------------------------------------


def _manifest_keys(schema: Mapping[str, Any], above: str) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        if above + name != "mappings":  # the field table lists what a mapping has
            yield above + name
            yield from _manifest_keys(inner, f"{above}{name}.")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _manifest_keys(schema[key], above.removesuffix(".") + ("[]." if key == "items" else ".*."))
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(key, ()):
            yield from _manifest_keys(inner, above)


def _mapping_keys() -> list[str]:
    body = manifest_schema()["$defs"]["body"]
    beside = {"properties": {name: inner for name, inner in body["properties"].items() if name not in ALL_FIELDS}}
    return [*_fields(ALL_FIELDS, ""), *sorted(set(_manifest_keys(beside, "")))]


def _fields(fields: Mapping[str, Field], above: str) -> Iterator[str]:
    for name, field in fields.items():
        yield above + name
        yield from _fields(field.children, f"{above}{name}.")
        yield from (f"{name}.{member}" for member in (LIMITS if name == "permission" else ()))


# --- files -----------------------------------------------------------------------------------------------------------

_UUID: Final = full("1")
_RECORD: Final = Record(
    Key(LAMBDA, "eu-west-1", _UUID), "arn", {"tags": {"a": "b"}}, True, (Deposed(Key(LAMBDA, "eu-west-1", full("2"))),)
)
_STATE: Final = State("s", LINEAGE, "123456789012", 1, {"orders": _RECORD})
_PAIR: Final = Pair("eu-west-1", "arn", "f", "t")
_INTENT: Final = Intent("token", "create", "orders", _PAIR, (Key(LAMBDA, "eu-west-1", _UUID),), True)


def _journal() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.journal"
        journal = Journal(path, _STATE)
        journal.begin(_INTENT)
        journal.done(_INTENT, _RECORD)
        journal.close()
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _saved(plan: Plan) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        save(path, SavedPlan(plan, "recorded", Provider(), "eu-west-1", "state/s.json", S3Location("bucket", "key")))
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {**document, "content": {}}  # what stands inside is for the same version, and checked as a whole


# --- JSON ------------------------------------------------------------------------------------------------------------


def _plans() -> Iterator[Plan]:
    for path in CASES:
        with tempfile.TemporaryDirectory() as folder:
            plan = planned_of(yaml.safe_load(path.read_text(encoding="utf-8")), Path(folder)).plan
        if plan:
            yield plan


def _document(plan: Plan) -> dict[str, Any]:
    return plan_document(plan, version="0", plan_hash="v2:0", refused=[Problem("a", "message", "hint")])


_DRIFTED: Final = (
    Drifted(
        "a", _UUID, "eu-west-1", SourceKind.SQS, (FieldChange(("batch_size",), 1, 2, 3, Cause.DRIFT),), lost=("x",)
    ),
    Drifted("b", _UUID, "eu-west-1", SourceKind.SQS, pair=Pair("eu-west-1", "arn", "f"), orphan=True),
)
_HEALTH: Final = (Health("a", _UUID, "eu-west-1", "Enabled"),)


def _discovered() -> str:
    found = sqs(tags={"a": "b"}, doubts=(Doubt("tags", "why"),))
    files = [File(Path("a.yaml"), "", ("a",))]
    return discovered_json(
        "123456789012", ["eu-west-1"], [Named("a", found)], [Unread("lambda", "us-east-1", "why")], files
    )


_DIAGNOSTICS: Final = (Diagnostic("E101", "message", Place("a.yaml", 1, 2, 1, 3)),)
_NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _event_lines(plans: list[Plan]) -> list[str]:
    events = [stamped(event, _NOON) for plan in plans for event in _events(plan)]
    kinds = sorted({event["type"] for event in events})
    return [f"{kind} {path}" for kind in kinds for path in _paths([item for item in events if item["type"] == kind])]


def _events(plan: Plan) -> Iterator[dict[str, Any]]:
    yield version_event("0")
    yield from planned_events(plan)
    outcomes = []
    for change in plan.changes:
        if not change.calls_aws:
            continue
        for result in Result:
            outcome = Outcome(change, result, "detail", "hint", _UUID)
            outcomes.append(outcome)
            for phase in Phase:
                yield progress_event(Progress(change, phase, 1.0, outcome=outcome), plan.account)
            yield diagnostic_event(outcome)
    yield summary_event(plan)
    yield summary_event(plan, Report(tuple(outcomes)))
    yield diagnostic_event(_DIAGNOSTICS[0])
    yield diagnostic_event(errors.DeniedError("message", code="AccessDenied", request_id="r"))


def _paths(documents: list[dict[str, Any]]) -> list[str]:
    """Each key of the documents, as a path; the keys of a mapping's values are left to the field table."""
    return sorted({path for document in documents for path in _paths_of(document, "")})


def _paths_of(value: Any, above: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _paths_of(item, f"{above}[]")
    elif isinstance(value, dict):
        last = above.rpartition(".")[2]
        for key, item in value.items():
            path = f"{above}.{'*' if last in _NAMED else key}".removeprefix(".")
            yield path
            if key not in _ATTRIBUTES:
                yield from _paths_of(item, path)


# --- Markdown --------------------------------------------------------------------------------------------------------


def _markdown(plan: Plan) -> list[str]:
    planned = plan_markdown(plan, "v1:HASH").split("\n")
    return [planned[0], *(line for line in planned if "v1:HASH" in line), drift_markdown("test", ()).split("\n")[0]]
