"""A saved plan of mappings that buckets keep: carried out as it was read, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.backend import planfile
from provisioner.backend.planfile import open_plan
from provisioner.errors import StaleError
from provisioner.model.report import Report, Result
from provisioner.planning.fingerprint import plan_hash
from provisioner.workflow import Execution, Run, Selection
from tests.support.clocks import Time
from tests.support.s3_api import S3Api, entry
from tests.support.stack import Stack

OTHER = "arn:aws:lambda:eu-west-1:123456789012:function:other"
IT: dict[str, Any] = {
    "function_name": "f",
    "event_source_arn": "arn:aws:s3:::media",
    "events": ["s3:ObjectCreated:*"],
    "filter_prefix": "in/",
}


def line(name: str) -> str:
    """A mapping as a line of a manifest."""
    values = f'function_name: f, event_source_arn: "arn:aws:s3:::media", filter_prefix: {name}/'
    return f'{name}: {{ {values}, events: ["s3:ObjectCreated:*"] }}'


def bucket(stack: Stack) -> S3Api:
    return S3Api(stack.plane, Time())


def saved(stack: Stack, mapping: dict[str, Any] | None) -> Path:
    stack.write(mapping)
    file = stack.folder / "plan.json"
    workflow.plan(stack.run(), Selection(), file)
    return file


def applied(stack: Stack, file: Path, **execution: Any) -> Report:
    opened = open_plan(file)
    run = Run(workflow.manifest_of(opened), stack.ui, clock=stack.clock, opened=stack.sessions)
    return workflow.apply_saved(run, opened, Execution(**execution))


def signed(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit a plan as somebody does who means it: with its checksum."""
    document = json.loads(file.read_text())
    change(document["content"]["plan"])
    document["checksum"] = planfile._checksum(document["content"])
    file.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "then",
    [
        {"filter_prefix": "b/"},
        {"function_name": "g"},
        {"id": "mine"},
        {"permission": "none"},
        {"permission": {"statement_id": "own"}},
        {"event_source_arn": "arn:aws:s3:::other"},
        None,
    ],
)
def test_a_saved_plan_does_what_it_says(stack: Stack, then: dict[str, Any] | None) -> None:
    bucket(stack).permit("f")  # so that S3 takes it without a statement of ours too
    stack.applied(IT)
    wanted = None if then is None else {**IT, **then}

    assert applied(stack, saved(stack, wanted)).clean

    stack.write(wanted)
    stack.assert_in_sync()


def test_the_ids_of_a_first_plan_are_those_of_the_state_that_it_makes(stack: Stack) -> None:
    file = saved(stack, IT)
    planned = open_plan(file).plan
    [change] = planned.changes

    assert applied(stack, file).clean

    state = stack.run().backend.read().state
    assert change.desired
    assert state.lineage == planned.lineage
    assert state.mappings["it"].key.id == f"media/{change.desired['id']}"
    stack.assert_in_sync()


def test_two_plans_before_the_first_apply_have_one_hash(stack: Stack) -> None:
    stack.write(IT)
    first, second = stack.plan(), stack.plan()

    assert first.changes[0].desired != second.changes[0].desired
    assert plan_hash(first) == plan_hash(second)
    assert workflow.apply(stack.run(), Selection(), Execution(expected_hash=plan_hash(first)))[1].clean


@pytest.mark.parametrize("then", [{"id": "mine"}, {"permission": {"statement_id": "own"}}, {"permission": "none"}])
def test_ids_that_the_manifest_states_are_in_the_hash(stack: Stack, then: dict[str, Any]) -> None:
    stack.write(IT)
    first = plan_hash(stack.plan())
    stack.write({**IT, **then})

    assert plan_hash(stack.plan()) != first


def test_foreign_entries_do_not_make_a_plan_stale(stack: Stack) -> None:
    stack.applied(IT)
    file = saved(stack, {**IT, "filter_prefix": "b/"})
    api = bucket(stack)
    api.permit("other")
    kept = api.get_text().partition("<Cloud")[2].removesuffix("</NotificationConfiguration>")
    api.put(f"<Cloud{kept}", entry("s3:ObjectRemoved:*", id="console", arn=OTHER))

    assert applied(stack, file).clean
    assert set(api.ids()) == {"console", workflow.records(stack.run())["it"].key.id.removeprefix("media/")}


def test_an_entry_that_overlaps_since_is_judged_before_the_first_write(stack: Stack) -> None:
    stack.write_mappings(line("a"), line("b"))
    file = stack.folder / "plan.json"
    workflow.plan(stack.run(), Selection(), file)
    bucket(stack).permit("other")
    bucket(stack).put(entry(id="console", arn=OTHER, prefix="a/b"))

    report = applied(stack, file)

    results = {outcome.change.name: (outcome.result, outcome.detail) for outcome in report.outcomes}
    assert results["b"][0] is Result.APPLIED
    assert results["a"][0] is Result.NOT_ATTEMPTED
    assert "it overlaps with the entry media/console" in results["a"][1]


def test_a_statement_that_changed_since_makes_it_stale(stack: Stack) -> None:
    stack.applied(IT)
    file = saved(stack, {**IT, "filter_prefix": "b/"})
    ident = workflow.records(stack.run())["it"].statement
    assert ident
    stack.plane.client().remove_permission(FunctionName="f", StatementId=ident.id)

    with pytest.raises(StaleError, match=r"it: permission\.principal changed from .* to absent"):
        applied(stack, file)


def test_a_plan_that_removes_a_statement_of_others_is_refused(stack: Stack) -> None:
    stack.applied(IT)
    bucket(stack).permit("f", StatementId="theirs", SourceArn="arn:aws:s3:::theirs")
    file = saved(stack, None)

    def edit(plan: dict[str, Any]) -> None:
        plan["statements"][0]["id"] = "theirs"

    signed(file, edit)

    with pytest.raises(StaleError, match=r"it: statement provisioner-\S+ of the policy of f changed since"):
        applied(stack, file)


def _as_another_entry(plan: dict[str, Any]) -> None:
    plan["changes"][0]["live"]["mapping"]["id"] = "theirs"


def _makes_another_entry(plan: dict[str, Any]) -> None:
    plan["changes"][0]["desired"]["id"] = "theirs"


def _of_another_kind(plan: dict[str, Any]) -> None:
    plan["changes"][0]["live"]["kind"] = "sqs"


def _of_another_type(plan: dict[str, Any]) -> None:
    plan["changes"][0]["desired"]["events"] = "s3:ObjectCreated:*"


def _commands_a_terminal(plan: dict[str, Any]) -> None:
    plan["statements"][0]["id"] = "\x1b[2J"


@pytest.mark.parametrize(
    "edit", [_as_another_entry, _makes_another_entry, _of_another_kind, _of_another_type, _commands_a_terminal]
)
def test_values_that_no_plan_has_are_refused(stack: Stack, edit: Callable[[dict[str, Any]], None]) -> None:
    stack.applied(IT)
    file = saved(stack, {**IT, "filter_prefix": "b/"})
    signed(file, edit)

    with pytest.raises(StaleError, match="cannot be read by this version"):
        open_plan(file)
