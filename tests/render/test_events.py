"""An apply as Terraform's events. The key sets were recorded from Terraform 1.11.4."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import DeniedError, LockedError
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.place import Place
from provisioner.model.plan import Change, Plan, Problem
from provisioner.model.report import Outcome, Phase, Progress, Report, Result
from provisioner.render.events import (
    diagnostic_event,
    planned_events,
    progress_event,
    stamped,
    summary_event,
    version_event,
)
from tests.planning.test_stories import full
from tests.render.planned import planned, queue, story, stream
from tests.support.stack import Stack

LINE = {"@level", "@message", "@module", "type"}
RESOURCE = {"addr", "module", "resource", "implied_provider", "resource_type", "resource_name", "resource_key"}
STARTED = {"resource", "action", "id_key", "id_value"}
ENDED = STARTED | {"elapsed_seconds", "x_provisioner"}
ACCOUNT = "123456789012"
IT = "aws_lambda_event_source_mapping.it"
NEW = full("7")


def the_change(plan: Plan) -> Change:
    [change] = plan.changes
    return change


def test_the_first_line_names_the_contract_and_the_speaker() -> None:
    assert version_event("1.2.3") == {
        "@level": "info",
        "@message": "provisioner 1.2.3",
        "@module": "terraform.ui",
        "type": "version",
        "terraform": "1.11.4",
        "ui": "1.2",
        "x_provisioner": {"version": "1.2.3"},
    }


def test_the_time_is_in_utc_and_microseconds() -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
    event = version_event("1")

    assert stamped(event, when) == {**event, "@timestamp": "2026-01-02T02:04:05.000000Z"}


MOVED = {"was": "old", "head": {"moved": [{"from": "old", "to": "it"}]}}


@pytest.mark.parametrize(("sides", "more", "expected"), [
    ((queue(), None, None), {}, {"action": "create"}),
    ((queue(batch_size=5), queue(), queue()), {}, {"action": "update"}),
    ((None, queue(), queue()), {}, {"action": "delete", "reason": "delete_because_no_resource_config"}),
    ((None, queue(), queue()), {"head": {"removed": [{"from": "it", "destroy": False}]}},
     {"action": "remove", "reason": "delete_because_no_resource_config"}),
    ((queue(), queue(), queue()), {"replace": ["it"]}, {"action": "replace", "reason": "requested"}),
    ((stream(), stream(starting_position="TRIM_HORIZON"), stream(starting_position="TRIM_HORIZON")), {},
     {"action": "replace", "reason": "cannot_update"}),
    ((queue(), queue(), queue()), MOVED, {"action": "move"}),
    ((queue(batch_size=5), queue(), queue()), MOVED, {"action": "update"}),
    ((queue(), None, queue()), {"head": {"imports": [{"to": "it", "id": full("1")}]}},
     {"action": "import", "importing": {"id": full("1")}}),
])  # fmt: skip
def test_a_planned_change_is_reported_in_terraforms_words(
    sides: tuple[Any, Any, Any], more: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    [event] = planned_events(story(tmp_path, *sides, **more))
    change = event["change"]

    assert event.keys() == LINE | {"change"}
    assert event["type"] == "planned_change"
    assert event["@message"] == f"{IT}: Plan to {expected['action']}"
    assert change["resource"].keys() == RESOURCE
    assert {key: change[key] for key in ("action", "reason", "importing") if key in change} == expected
    assert change.get("previous_resource", {}).get("resource_name") == more.get("was")


def test_a_planned_change_carries_its_values_and_causes(tmp_path: Path) -> None:
    [drift, event] = planned_events(story(tmp_path, queue(), queue(), queue(batch_size=7)))
    ours = event["change"]["x_provisioner"]

    assert (ours["before"]["batch_size"], ours["after"]["batch_size"]) == (7, 10)
    assert ours["cause"] == {"batch_size": {"cause": "drift", "detail": None, "applied": 10}}
    assert (drift["type"], drift["@message"]) == ("resource_drift", f"{IT}: Drift detected (update)")
    sides = drift["change"]["x_provisioner"]
    assert (sides["before"]["batch_size"], sides["after"]["batch_size"]) == (10, 7)


def test_what_stays_is_not_reported(tmp_path: Path) -> None:
    assert planned_events(story(tmp_path, queue(), queue(), queue())) == []


@pytest.mark.parametrize(("phase", "text", "kind", "message", "keys"), [
    (Phase.STARTED, "", "apply_start", f"{IT}: Modifying... [id={full('1')}]", STARTED),
    (Phase.RETRYING, "slowing down", "apply_progress", f"{IT}: slowing down", STARTED | {"elapsed_seconds"}),
    (Phase.WAITING, "Updating", "apply_progress", f"{IT}: Still modifying... [12s elapsed]", STARTED | {"elapsed_seconds"}),
])  # fmt: skip
def test_progress_has_terraforms_hook(
    phase: Phase, text: str, kind: str, message: str, keys: set[str], tmp_path: Path
) -> None:
    change = the_change(story(tmp_path, queue(batch_size=5), queue(), queue()))
    event = progress_event(Progress(change, phase, 12.2, text), ACCOUNT)

    assert (event["type"], event["@message"], event["hook"].keys()) == (kind, message, keys)
    assert event["hook"]["action"] == "update"
    assert event["hook"].get("elapsed_seconds", 12) == 12


def test_a_creation_has_no_id_until_it_is_complete(tmp_path: Path) -> None:
    change = the_change(story(tmp_path, queue()))
    started = progress_event(Progress(change, Phase.STARTED), ACCOUNT)
    ended = progress_event(Progress(change, Phase.ENDED, 3, outcome=Outcome(change, Result.APPLIED, uuid=NEW)), ACCOUNT)

    assert started["hook"].keys() == STARTED - {"id_key", "id_value"}
    assert started["@message"] == f"{IT}: Creating..."
    assert ended["hook"].keys() == ENDED
    assert ended["@message"] == f"{IT}: Creation complete after 3s [id={NEW}]"
    assert (ended["type"], ended["@level"]) == ("apply_complete", "info")
    ours = ended["hook"]["x_provisioner"]
    assert (ours["before"], ours["after"]["id"], ours["after"]["batch_size"]) == (None, NEW, 10)


def test_a_field_that_aws_ignored_is_complete_with_a_warning(tmp_path: Path) -> None:
    change = the_change(story(tmp_path, queue(batch_size=5), queue(), queue()))
    outcome = Outcome(
        change, Result.APPLIED, "batch_size not set: AWS ignored the value", uuid=full("1"), ignored=(("batch_size",),)
    )
    event = progress_event(Progress(change, Phase.ENDED, outcome=outcome), ACCOUNT)

    assert (event["type"], event["@level"]) == ("apply_complete", "warn")
    assert event["hook"]["x_provisioner"]["ignored"] == ["batch_size"]
    assert diagnostic_event(outcome)["diagnostic"]["severity"] == "warning"


def test_a_failure_names_the_request_that_aws_refused(tmp_path: Path) -> None:
    change = the_change(story(tmp_path, queue()))
    outcome = Outcome(change, Result.FAILED, "creating it: denied", "ask for it", request_ids=("r-1",))
    event = progress_event(Progress(change, Phase.ENDED, 1, outcome=outcome), ACCOUNT)

    assert (event["type"], event["@message"]) == ("apply_errored", f"{IT}: Creation errored after 1s")
    assert event["hook"]["x_provisioner"]["request_ids"] == ["r-1"]
    assert diagnostic_event(outcome) == {
        "@level": "error",
        "@message": "Error: creating it: denied",
        "@module": "terraform.ui",
        "type": "diagnostic",
        "diagnostic": {
            "severity": "error",
            "summary": "creating it: denied",
            "detail": "ask for it",
            "address": IT,
            "x_provisioner": {"result": "failed", "request_ids": ["r-1"]},
        },
    }


def test_what_was_not_attempted_neither_started_nor_ended(tmp_path: Path) -> None:
    change = the_change(story(tmp_path, queue()))
    outcome = Outcome(change, Result.NOT_ATTEMPTED, "the apply was interrupted")
    event = progress_event(Progress(change, Phase.ENDED, outcome=outcome), ACCOUNT)

    assert (event["type"], event["@level"]) == ("diagnostic", "warn")
    assert event["diagnostic"]["x_provisioner"]["result"] == "not attempted"


def test_a_real_apply_makes_the_stream_that_terraforms_readers_know(stack: Stack) -> None:
    stack.write(queue(function_name="worker"))
    plan = stack.plan()
    report = stack.apply_mapping(queue(function_name="worker"))
    applied = [progress_event(event, ACCOUNT) for event in stack.ui.events]
    stream = [version_event("1"), *planned_events(plan), summary_event(plan), *applied, summary_event(plan, report)]
    lines = [json.loads(json.dumps(stamped(event, datetime.now(UTC)))) for event in stream]

    assert [line["type"] for line in lines] == [
        "version", "planned_change", "change_summary", "apply_start", "apply_complete", "change_summary",
    ]  # fmt: skip
    assert lines[4]["hook"]["id_value"] == lines[4]["hook"]["x_provisioner"]["after"]["uuid"] == stack.uuid
    assert lines[5]["changes"]["add"] == 1


# --- summaries -------------------------------------------------------------------------------------------------------


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A creation, an update, a replacement and a removal."""
    sources = {name: f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in ("a", "b", "d")}
    fields = {name: queue(event_source_arn=source) for name, source in sources.items()}
    made = planned(
        {
            "manifest": {"mappings": {"a": fields["a"], "b": {**fields["b"], "batch_size": 5}, "c": stream()}},
            "recorded": {
                "b": {**fields["b"], "uuid": 2},
                "c": {**stream(), "uuid": 3},
                "d": {**fields["d"], "uuid": 4},
            },
            "live": {2: fields["b"], 3: stream(), 4: fields["d"]},
            "replace": ["c"],
        },
        tmp_path,
    )
    assert made
    return made


def counts(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event["changes"].items() if key != "x_provisioner"}


def test_the_summary_of_a_plan_counts_a_replacement_twice(plan: Plan) -> None:
    event = summary_event(plan)

    assert event["@message"] == "Plan: 2 to add, 1 to change, 2 to destroy."
    assert counts(event) == {"add": 2, "change": 1, "import": 0, "remove": 2, "operation": "plan"}


def test_the_summary_of_an_apply_counts_what_was_done(plan: Plan) -> None:
    event = summary_event(plan, Report(tuple(Outcome(change, Result.APPLIED) for change in plan.changes)))

    assert (event["@message"], event["@level"]) == (
        "Apply complete! Resources: 2 added, 1 changed, 2 destroyed.",
        "info",
    )
    assert counts(event) == {"add": 2, "change": 1, "import": 0, "remove": 2, "operation": "apply"}


def test_a_failed_apply_has_a_summary_too(plan: Plan) -> None:
    results = {"a": Result.APPLIED, "b": Result.FAILED, "c": Result.FAILED, "d": Result.NOT_ATTEMPTED}
    report = Report(tuple(Outcome(change, results[change.name]) for change in plan.changes), interrupted=True)
    event = summary_event(plan, report)

    assert (event["@message"], event["@level"]) == (
        "Apply interrupted! Resources: 1 added, 0 changed, 0 destroyed.",
        "error",
    )
    assert counts(event) == {"add": 1, "change": 0, "import": 0, "remove": 0, "operation": "apply"}
    ours = event["changes"]["x_provisioner"]
    assert (ours["failed"], ours["not_attempted"], ours["interrupted"]) == (2, 1, True)


def test_imports_are_counted_in_front(tmp_path: Path) -> None:
    adopting = story(tmp_path, queue(), None, queue(), head={"imports": [{"to": "it", "id": full("1")}]})

    assert summary_event(adopting)["@message"] == "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy."
    assert summary_event(adopting, Report(()))["@message"] == (
        "Apply complete! Resources: 1 imported, 0 added, 0 changed, 0 destroyed."
    )


# --- diagnostics -----------------------------------------------------------------------------------------------------

HERE = {"line": 3, "column": 5}


@pytest.mark.parametrize(("source", "level", "expected"), [
    (Diagnostic("E103", "batch_size: too much", Place("a.yaml", 3, 5), "less"), "error",
     {"severity": "error", "summary": "batch_size: too much", "detail": "less", "x_provisioner": {"code": "E103"},
      "range": {"filename": "a.yaml", "start": HERE, "end": HERE}}),
    (Problem("it", "has prevent_destroy", "set it to false"), "error",
     {"severity": "error", "summary": "has prevent_destroy", "detail": "set it to false", "address": IT}),
    (Problem("", "too many deletes"), "error", {"severity": "error", "summary": "too many deletes", "detail": ""}),
    (DeniedError("creating: no", hint="ask", code="AccessDenied", request_id="r-1"), "error",
     {"severity": "error", "summary": "creating: no", "detail": "ask",
      "x_provisioner": {"code": "AccessDenied", "request_id": "r-1"}}),
    (LockedError("locked", hint="wait"), "error", {"severity": "error", "summary": "locked", "detail": "wait"}),
])  # fmt: skip
def test_a_diagnostic_says_what_where_and_what_next(source: Any, level: str, expected: dict[str, Any]) -> None:
    event = diagnostic_event(source)

    assert (event["@level"], event["@message"]) == (level, f"Error: {expected['summary']}")
    assert event["diagnostic"] == expected


def test_a_warning_is_reported_as_one() -> None:
    event = diagnostic_event(Diagnostic("W201", "unknown value", Place("a.yaml")))

    assert (event["@level"], event["@message"]) == ("warn", "Warning: unknown value")
    assert "range" not in event["diagnostic"]
