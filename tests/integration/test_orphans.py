"""Ownership tags after an import and after forgetting, and the orphans that `drift` and `status` report."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner import workflow
from provisioner.backend.planfile import open_plan
from provisioner.errors import RefusedError
from provisioner.model.live import OWNERSHIP_TAGS
from provisioner.model.report import Result
from provisioner.render.drift import drift_text
from provisioner.render.style import Style
from provisioner.sandbox.mappings import Mappings
from provisioner.workflow import Execution, Run, Selection
from tests.support.lambda_api import SQS
from tests.support.stack import Stack

IT: dict[str, Any] = {"function_name": "f", "event_source_arn": SQS}
OTHERS = {"provisioner:stack": "billing", "provisioner:lineage": "other", "provisioner:name": "x"}


def tags(stack: Stack, uuid: str) -> dict[str, str]:
    arn = f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{uuid}"
    found: dict[str, str] = stack.plane.client().list_tags(Resource=arn)["Tags"]
    return found


def made(stack: Stack, source: str = SQS, **members: Any) -> str:
    """A mapping that another client made."""
    answer = stack.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=source, **members)
    return str(answer["UUID"])


def take(stack: Stack, uuid: str) -> None:
    """Let another stack import a mapping, and tag it."""
    arn = f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{uuid}"
    stack.plane.client().tag_resource(Resource=arn, Tags=OTHERS)


def lineage(stack: Stack) -> str:
    return stack.run().backend.read().state.lineage


def orphan(stack: Stack, source: str = f"{SQS}9") -> str:
    """A mapping that carries the state's tags and is not recorded."""
    owner = {"provisioner:stack": "test", "provisioner:lineage": lineage(stack), "provisioner:name": "lost"}
    return made(stack, source, Tags=owner)


def tagging_is_denied(method: str, path: str) -> str:
    return "403" if "/tags/" in path and method != "GET" else ""


# --- the first change of an import -----------------------------------------------------------------------------------


def test_the_first_change_of_an_import_writes_our_tags(stack: Stack) -> None:
    stack.write(IT)
    uuid = made(stack, Tags=OTHERS)
    stack.import_(uuid)
    assert tags(stack, uuid) == OTHERS

    stack.write({**IT, "batch_size": 3})
    assert stack.change().retags
    stack.apply()

    assert tags(stack, uuid)["provisioner:lineage"] == lineage(stack)
    assert tags(stack, uuid)["provisioner:name"] == "it"
    assert workflow.records(stack.run())["it"].owner is None
    stack.write({**IT, "batch_size": 4})
    assert not stack.change().retags


def test_an_import_that_changes_nothing_writes_no_tags(stack: Stack) -> None:
    stack.write(IT)
    uuid = made(stack)
    stack.import_(uuid)

    stack.apply()

    assert tags(stack, uuid) == {}


def test_no_tags_are_written_where_the_manifest_wants_none(stack: Stack) -> None:
    stack.head = {"ownership_tags": False}
    stack.write(IT)
    uuid = made(stack)
    stack.import_(uuid)

    stack.applied({**IT, "batch_size": 3})

    assert tags(stack, uuid) == {}


def test_a_change_succeeds_where_tagging_is_denied(stack: Stack) -> None:
    stack.write(IT)
    uuid = made(stack, Tags=OTHERS)
    stack.import_(uuid)
    stack.plane.faults.append(tagging_is_denied)

    report = stack.apply_mapping({**IT, "batch_size": 3})

    assert report.clean
    assert any("the ownership tags could not be written" in event.text for event in stack.ui.events)
    owner = workflow.records(stack.run())["it"].owner
    assert owner is not None
    assert owner.lineage == "other"
    stack.plane.faults.clear()
    assert stack.apply_mapping({**IT, "batch_size": 4}).clean  # still ours to change
    assert tags(stack, uuid)["provisioner:lineage"] == lineage(stack)


def test_an_owner_is_not_accepted_any_longer_once_our_tags_are_seen(stack: Stack) -> None:
    """The answer to their writing was lost. If the other stack takes its mapping back, it is not ours to change."""
    stack.write(IT)
    uuid = made(stack, Tags=OTHERS)
    stack.import_(uuid)
    stack.plane.faults.append(lambda method, path: "after" if "/tags/" in path and method == "POST" else "")
    assert stack.apply_mapping({**IT, "batch_size": 3}).clean
    stack.plane.faults.clear()

    stack.applied({**IT, "batch_size": 3})

    assert workflow.records(stack.run())["it"].owner is None
    take(stack, uuid)
    with pytest.raises(RefusedError):
        stack.apply_mapping({**IT, "batch_size": 4})


def test_a_mapping_that_a_refused_create_imports_and_changes_gets_our_tags(stack: Stack) -> None:
    """List does not show it, so only the create finds it."""
    uuid = made(stack)
    stack.plane.faults.append(lambda method, path: "403" if method == "GET" and path.endswith("mappings") else "")

    report = stack.apply_mapping({**IT, "batch_size": 3, "lifecycle": {"on_conflict": "adopt"}})

    assert report.clean
    assert tags(stack, uuid)["provisioner:lineage"] == lineage(stack)


@pytest.mark.parametrize("mapping", [{**IT, "batch_size": 3}, {**IT, "event_source_arn": f"{SQS}7"}, None])
def test_what_another_stack_took_while_the_question_was_open_is_not_changed(
    stack: Stack, mapping: dict[str, Any] | None
) -> None:
    stack.applied(IT)
    uuid, before = stack.uuid, stack.live_mappings()
    stack.write(mapping)
    stack.ui.before_yes = lambda: take(stack, uuid)

    [outcome] = stack.apply(auto_approve=False).outcomes

    assert outcome.result is Result.NOT_ATTEMPTED
    assert stack.live_mappings() == before
    assert tags(stack, uuid) == OTHERS
    assert stack.uuids() == {"it": uuid}


# --- forgetting ------------------------------------------------------------------------------------------------------


def test_what_removed_forgets_loses_our_tags_and_no_others(stack: Stack) -> None:
    stack.applied({**IT, "tags": {"team": "a"}})
    uuid = stack.uuid
    stack.write_mappings(head="removed: [{ from: it, destroy: false }]\n")

    assert stack.apply().clean

    assert tags(stack, uuid) == {"team": "a"}
    assert stack.uuids() == {}


def test_what_removed_forgets_keeps_the_tags_of_another_owner(stack: Stack) -> None:
    stack.write(IT)
    uuid = made(stack, Tags=OTHERS)
    stack.import_(uuid)
    stack.write_mappings(head="removed: [{ from: it, destroy: false }]\n")

    assert stack.apply().clean

    assert tags(stack, uuid) == OTHERS


@pytest.mark.parametrize("saved", [True, False])
def test_what_another_stack_took_meanwhile_keeps_its_tags_when_it_is_forgotten(stack: Stack, saved: bool) -> None:
    stack.applied(IT)
    uuid = stack.uuid
    stack.write_mappings(head="removed: [{ from: it, destroy: false }]\n")
    file = stack.folder / "plan.json"
    workflow.plan(stack.run(), Selection(), file)
    stack.ui.before_yes = lambda: take(stack, uuid)

    if saved:
        take(stack, uuid)
        of_file = open_plan(file)
        run = Run(workflow.manifest_of(of_file), stack.ui, clock=stack.clock, opened=stack.sessions)
        workflow.apply_saved(run, of_file, Execution())
    else:
        stack.apply(auto_approve=False)

    assert tags(stack, uuid) == OTHERS


def test_what_is_forgotten_without_a_refresh_loses_our_tags(stack: Stack) -> None:
    stack.applied(IT)
    uuid = stack.uuid
    stack.write_mappings(head="removed: [{ from: it, destroy: false }]\n")

    assert workflow.apply(stack.run(), Selection(refresh=False), Execution(auto_approve=True))[1].clean

    assert tags(stack, uuid) == {}


def test_what_is_forgotten_is_no_orphan(stack: Stack) -> None:
    stack.applied(IT)
    workflow.remove(stack.run(), ["it"], 0.0)

    assert workflow.drift(stack.run()) == ()


@pytest.mark.parametrize("way", ["removed", "state rm", "offline"])
def test_forgetting_goes_on_where_the_tags_stay_and_reports_them(stack: Stack, way: str) -> None:
    stack.applied(IT)
    uuid = stack.uuid
    stack.plane.faults.append(tagging_is_denied)

    if way == "removed":
        stack.write_mappings(head="removed: [{ from: it, destroy: false }]\n")
        assert stack.apply().clean
    else:
        workflow.remove(stack.run(), ["it"], 0.0, offline=way == "offline")

    assert stack.uuids() == {}
    assert tags(stack, uuid).keys() == set(OWNERSHIP_TAGS)
    [note] = [note for note in stack.ui.notes if "were not removed" in note]
    assert "it" in note
    [found] = workflow.drift(stack.run())
    assert found.orphan
    assert found.uuid == uuid


def test_state_rm_offline_makes_no_call(stack: Stack) -> None:
    stack.applied(IT)
    stack.plane.requests.clear()

    workflow.remove(stack.run(), ["it"], 0.0, offline=True)

    assert stack.plane.requests == []


# --- orphans ---------------------------------------------------------------------------------------------------------


def test_drift_and_status_report_an_orphan(stack: Stack) -> None:
    stack.applied(IT)
    uuid = orphan(stack)

    [found] = workflow.drift(stack.run())
    rows = workflow.status(stack.run())

    assert (found.name, found.uuid, found.orphan) == ("lost", uuid, True)
    assert f"`provisioner import lost {uuid}@eu-west-1`" in drift_text([found], Style())
    assert [(row.name, row.uuid) for row in rows if row.problem] == [("lost", uuid)]


def test_an_orphan_is_confirmed_before_it_is_reported(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tagging API may be minutes out of date: it lists what is gone, and what no longer carries our tags."""
    stack.applied(IT)
    gone, released = orphan(stack), orphan(stack, f"{SQS}8")
    prefix = "arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:"
    before = [(prefix + uuid, tags(stack, uuid)) for uuid in (gone, released, stack.uuid)]
    client = stack.plane.client()
    client.delete_event_source_mapping(UUID=gone)
    client.untag_resource(Resource=prefix + released, TagKeys=list(OWNERSHIP_TAGS))
    monkeypatch.setattr(Mappings, "all_tagged", lambda store: iter(before))

    assert workflow.drift(stack.run()) == ()


def test_another_stacks_mapping_is_no_orphan(stack: Stack) -> None:
    stack.applied(IT)
    made(stack, f"{SQS}9", Tags=OTHERS)

    assert workflow.drift(stack.run()) == ()


def test_where_the_tagging_api_is_denied_no_orphan_is_reported(stack: Stack) -> None:
    stack.applied(IT)
    orphan(stack)
    stack.ui.notes.clear()
    others = iter(["", "403 AccessDeniedException"])  # the account, then the tagging API
    stack.plane.faults.append(lambda method, path: next(others, "") if path == "/" else "")

    assert workflow.drift(stack.run()) == ()
    [note] = stack.ui.notes
    assert "could not look for mappings in eu-west-1 that carry this state's tags" in note


def test_looking_for_orphans_replaces_the_reading_of_tags(stack: Stack) -> None:
    """300 mappings: three pages of List, three of the tagging API, and the account."""
    lines = [f"m{n}: {{ function_name: f, event_source_arn: '{SQS}{n}' }}" for n in range(300)]
    stack.write_mappings(*lines)
    assert stack.apply().clean
    run = stack.run()
    before = run.aws.calls.made

    assert {row.problem for row in workflow.status(run, checks=False)} == {""}

    assert run.aws.calls.made - before == 7
