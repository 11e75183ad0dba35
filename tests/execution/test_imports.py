"""Imports that are planned: who else has the mapping, what must stay identical, and how an import is undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.backend.planfile import open_plan
from provisioner.errors import ManifestError, RefusedError, UsageError
from provisioner.manifest import load
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.live import CLOUDFORMATION_TAG
from provisioner.model.plan import Action, Change, Plan, Problem
from provisioner.model.report import Report
from provisioner.render.report import report_text
from provisioner.render.style import Style
from provisioner.workflow import Execution, Run, Selection
from tests.support.lambda_api import SQS
from tests.support.stack import Stack

CLOUDFORMATION = {CLOUDFORMATION_TAG: "shop-prod"}
OTHER_STACK = {"provisioner:stack": "billing", "provisioner:lineage": "another", "provisioner:name": "n"}


def existing(stack: Stack, source: str = "1", tags: dict[str, str] | None = None, **members: Any) -> str:
    """A mapping that exists; its tags are set as CloudFormation sets them, whose own nobody else can."""
    answer = stack.plane.client().create_event_source_mapping(
        FunctionName="f", EventSourceArn=f"{SQS}{source}", **members
    )
    uuid = str(answer["UUID"])
    stack.plane.tag_as_aws(uuid, tags or {})
    return uuid


def wanted(stack: Stack, uuid: str, mapping: str = "", imports: str = "", head: str = "") -> None:
    """A manifest with the mapping `a`, and an entry of `imports` for it where there is a UUID."""
    entry = f"imports: [{{ to: a, id: {uuid}{imports} }}]\n" if uuid else ""
    stack.write_mappings(f"a: {{ function_name: f, event_source_arn: '{SQS}1'{mapping} }}", head=entry + head)


def applied(stack: Stack, *owners: str) -> tuple[Plan, Report]:
    return workflow.apply(stack.run(), Selection(from_owners=owners), Execution(auto_approve=True))


def planned(stack: Stack, *owners: str) -> Change:
    [change] = workflow.plan(stack.run(), Selection(from_owners=owners)).changes
    return change


def refused(stack: Stack, *owners: str) -> list[Problem]:
    with pytest.raises(RefusedError) as caught:
        workflow.plan(stack.run(), Selection(from_owners=owners))
    with pytest.raises(RefusedError) as again:
        applied(stack, *owners)
    assert again.value.problems == caught.value.problems
    return [problem for problem in caught.value.problems if isinstance(problem, Problem)]


def diagnostics(stack: Stack) -> list[tuple[str, str]]:
    with pytest.raises(ManifestError) as caught:
        workflow.plan(stack.run(), Selection())
    return [(item.message, item.advice) for item in caught.value.diagnostics if isinstance(item, Diagnostic)]


# --- who else has it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "owner", "words"),
    [
        (CLOUDFORMATION, "cloudformation:shop-prod", "CloudFormation stack shop-prod"),
        (OTHER_STACK, "stack:billing", "stack billing"),
    ],
)
def test_what_another_tool_has_is_imported_only_with_its_name(
    stack: Stack, tags: dict[str, str], owner: str, words: str
) -> None:
    uuid = existing(stack, tags=tags)
    wanted(stack, uuid)

    [problem] = refused(stack)
    assert problem.message == f"according to its tags, the mapping to import belongs to {words}"
    assert f"`provisioner plan --from-owner {owner}`" in problem.hint
    assert refused(stack, "cloudformation:another", "stack:shop-prod") == [problem]

    assert any(f"{words} still has it" in note for note in planned(stack, owner).notes)
    plan, report = applied(stack, owner)
    assert report.clean
    assert [change.adopts and change.adopts.id for change in plan.changes] == [uuid]
    stack.assert_in_sync()  # also without the flag: it is recorded now
    assert stack.uuids() == {"a": uuid}


def test_with_on_conflict_the_mapping_of_another_tool_is_not_possible(stack: Stack) -> None:
    uuid = existing(stack, tags=CLOUDFORMATION)
    wanted(stack, "", ", lifecycle: { on_conflict: adopt }")

    change = planned(stack)
    assert change.action is Action.NOT_POSSIBLE
    assert change.conflict
    assert change.conflict.message == (
        f"the mapping {uuid} belongs to CloudFormation stack shop-prod, according to its tags"
    )
    adopted = planned(stack, "cloudformation:shop-prod")
    assert adopted.adopts
    assert adopted.adopts.id == uuid


def test_a_saved_plan_has_the_owners_that_it_was_made_with(stack: Stack, tmp_path: Path) -> None:
    uuid = existing(stack, tags=OTHER_STACK)
    wanted(stack, uuid)
    file = tmp_path / "plan.json"
    workflow.plan(stack.run(), Selection(from_owners=("stack:billing",)), file)

    saved = open_plan(file)
    run = Run(workflow.manifest_of(saved), stack.ui, clock=stack.clock, opened=stack.sessions)
    assert workflow.apply_saved(run, saved, Execution()).clean
    stack.assert_in_sync()


def test_what_is_not_an_owner_is_refused(stack: Stack) -> None:
    wanted(stack, existing(stack))

    for text in ("shop-prod", "terraform:shop", "stack:", "cloudformation: x", ""):
        with pytest.raises(UsageError, match="not an owner"):
            planned(stack, text)


def test_the_import_of_one_mapping_warns(stack: Stack) -> None:
    uuid = existing(stack, tags=CLOUDFORMATION)
    wanted(stack, "")

    workflow.import_mapping(stack.run(), "a", uuid)

    assert any("it belongs to CloudFormation stack shop-prod" in note for note in stack.ui.notes)


def test_a_mapping_that_cloudformation_made_meanwhile_is_not_imported(stack: Stack) -> None:
    """The question was open while the stack was created."""
    uuid = existing(stack)
    wanted(stack, uuid)
    stack.ui.before_yes = lambda: stack.plane.tag_as_aws(uuid, CLOUDFORMATION)

    report = stack.apply(auto_approve=False)

    assert [outcome.result for outcome in report.outcomes] == ["not attempted"]
    assert stack.uuids() == {}


# --- identical -------------------------------------------------------------------------------------------------------


def test_an_import_that_must_be_identical_is_refused_where_it_changes_something(stack: Stack) -> None:
    uuid = existing(stack, BatchSize=3, Enabled=False)
    wanted(stack, uuid, ", batch_size: 5", ", expect: identical")

    [problem] = refused(stack)

    assert problem.message == "`expect: identical`, but the import would change enabled, batch_size"
    assert "remove `expect: identical`" in problem.hint
    assert stack.uuids() == {}
    wanted(stack, uuid, ", batch_size: 5")
    assert planned(stack).action is Action.UPDATE
    wanted(stack, uuid, ", batch_size: 3, enabled: false", ", expect: identical")
    assert planned(stack).action is Action.NO_OP
    assert applied(stack)[1].clean
    # What is imported is not held to it any more.
    wanted(stack, uuid, ", batch_size: 4, enabled: false", ", expect: identical")
    assert planned(stack).action is Action.UPDATE


def test_an_import_that_would_replace_says_so(stack: Stack) -> None:
    uuid = existing(stack, "2")
    wanted(stack, uuid, imports=", expect: identical")

    [problem] = refused(stack)

    assert problem.message == "`expect: identical`, but the import would replace it because of event_source_arn"


def test_adopt_identical_imports_what_is_identical_and_nothing_else(stack: Stack) -> None:
    uuid = existing(stack, BatchSize=3)
    wanted(stack, "", ", lifecycle: { on_conflict: adopt_identical }")

    change = planned(stack)
    assert change.action is Action.NOT_POSSIBLE
    assert change.conflict
    assert change.conflict.message == (
        f"{uuid} has its function and source and is not identical: the import would change batch_size"
    )
    wanted(stack, "", ", batch_size: 3, lifecycle: { on_conflict: adopt_identical }")
    assert applied(stack)[1].clean
    assert stack.uuids() == {"a": uuid}
    stack.assert_in_sync()


@pytest.mark.parametrize(("size", "imported"), [(3, True), (4, False)])
def test_what_appears_during_the_apply_is_imported_only_if_it_is_identical(
    stack: Stack, size: int, imported: bool
) -> None:
    wanted(stack, "", ", batch_size: 3, lifecycle: { on_conflict: adopt_identical }", head="")
    stack.head["ownership_tags"] = False
    made: list[str] = []

    def appear(event: Any) -> None:
        if not made:
            made.append(existing(stack, BatchSize=size))

    stack.ui.on_event = appear
    wanted(stack, "", ", batch_size: 3, lifecycle: { on_conflict: adopt_identical }")

    report = applied(stack)[1]

    assert stack.uuids() == ({"a": made[0]} if imported else {})
    assert report.clean is imported
    assert [live["BatchSize"] for live in stack.live_mappings().values()] == [size]


# --- names and regions -----------------------------------------------------------------------------------------------


def test_imports_of_a_name_without_a_mapping_says_what_to_write(stack: Stack) -> None:
    uuid = existing(stack)
    stack.write_mappings(head=f"imports: [{{ to: a, id: {uuid}@eu-west-1 }}, {{ to: b, id: {uuid} }}]\n")

    found = diagnostics(stack)

    assert [message for message, _ in found] == ["imports: a is not in `mappings`", "imports: b is not in `mappings`"]
    assert f"remove this entry and run `provisioner import a {uuid}@eu-west-1`, which prints what to add" in found[0][1]
    assert f"`provisioner import b {uuid}`" in found[1][1]
    stack.write_mappings()
    assert workflow.import_mapping(stack.run(), "a", uuid).entry.startswith("mappings:\n  a:")


@pytest.mark.parametrize("form", ["{uuid}@us-east-1", "{uuid}, region: us-east-1"])
def test_the_region_of_an_import_must_be_that_of_its_mapping(stack: Stack, form: str) -> None:
    uuid = existing(stack)
    wanted(stack, form.format(uuid=uuid))

    [(message, hint)] = diagnostics(stack)

    assert message == f"imports: {uuid} is in us-east-1, but the mapping a is in eu-west-1"
    assert hint == "if the id is right, write `region: us-east-1` in the mapping a"
    wanted(stack, form.format(uuid=uuid).replace("us-east-1", "eu-west-1"))
    assert applied(stack)[1].clean
    assert stack.uuids() == {"a": uuid}


def test_the_region_of_the_session_may_contradict_too(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = existing(stack)
    monkeypatch.delenv("AWS_REGION", raising=False)
    stack.head = {}
    (stack.folder / "provisioner.yaml").write_text(
        "stack: test\nprovider: { region: eu-west-1 }\n"
        f"imports: [{{ to: a, id: {uuid}, region: us-east-1 }}]\n"
        "mappings: { a: { function_name: f, self_managed_event_source: { endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['b:1'] } },"
        " topics: [tt], source_access_configuration: [{ type: BASIC_AUTH, uri: 'arn:aws:secretsmanager:eu-west-1:123456789012:"
        "secret:s-AbCdEf' }] } }\n",
        encoding="utf-8",
    )

    assert "is in us-east-1, but the mapping a is in eu-west-1" in diagnostics(stack)[0][0]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("id: 5f0c1f2e-1111-2222-3333-444455556666@nowhere", "'nowhere' is not a region"),
        ("id: 5f0c1f2e-1111-2222-3333-444455556666, region: nowhere", "'nowhere' is not a region"),
        (
            "id: 5f0c1f2e-1111-2222-3333-444455556666@eu-west-1, region: us-east-1",
            "5f0c1f2e-1111-2222-3333-444455556666@eu-west-1 and region us-east-1 are different regions",
        ),
        ("id: 5f0c1f2e-1111-2222-3333-444455556666, expect: same", "expect must be 'identical', not the string 'same'"),
    ],
)
def test_a_mistake_in_imports_is_reported_where_it_is(stack: Stack, entry: str, message: str) -> None:
    (stack.folder / "provisioner.yaml").write_text(
        f"stack: test\nimports:\n  - {{ to: a, {entry} }}\n"
        f"mappings: {{ a: {{ function_name: f, event_source_arn: '{SQS}' }} }}\n",
        encoding="utf-8",
    )

    with pytest.raises(ManifestError) as caught:
        load(stack.folder)

    found = [
        (item.code, item.message, item.place.line) for item in caught.value.diagnostics if isinstance(item, Diagnostic)
    ]
    assert ("E104", message, 3) in found


# --- without a record, and undone ------------------------------------------------------------------------------------


def test_an_import_whose_yaml_is_forgotten_destroys_nothing(stack: Stack) -> None:
    uuid = existing(stack)
    stack.write_mappings()

    done = workflow.import_mapping(stack.run(), "a", uuid)

    assert done.entry
    assert stack.uuids() == {}
    assert stack.plan().changes == ()
    (stack.folder / "provisioner.yaml").write_text(f"stack: test\nprovider: {{ region: eu-west-1 }}\n{done.entry}")
    change = stack.change()
    assert change.action is Action.NO_OP
    assert change.adopts
    assert stack.apply().clean
    assert stack.uuids() == {"a": uuid}


def test_with_write_it_is_added_and_recorded(stack: Stack) -> None:
    uuid = existing(stack)
    stack.write_mappings()

    done = workflow.import_mapping(stack.run(), "a", uuid, write=True)

    assert done.file
    assert stack.uuids() == {"a": uuid}
    stack.assert_in_sync()


def test_the_last_lines_of_an_apply_say_how_to_undo_its_imports(stack: Stack) -> None:
    uuid = existing(stack)
    wanted(stack, uuid)

    text = report_text(*applied(stack), Style())

    assert text.splitlines()[1:] == [
        "To undo the import, remove the mapping and `imports` from the manifest, then run `provisioner state rm a`;",
        "or write `removed: [{from: a, destroy: false}]` instead, and apply. What was imported keeps running.",
    ]
    stack.write_mappings(head="removed: [{ from: a, destroy: false }]\n")
    assert stack.apply().clean
    assert stack.uuids() == {}
    assert uuid in stack.live_mappings()


def test_many_imports_are_undone_by_a_pattern_of_a_command(stack: Stack) -> None:
    uuids = [existing(stack, str(number)) for number in range(21)]
    entries = ", ".join(f"{{ to: m{at}, id: {uuid} }}" for at, uuid in enumerate(uuids))
    lines = [f"m{at}: {{ function_name: f, event_source_arn: '{SQS}{at}' }}" for at in range(21)]
    stack.write_mappings(*lines, head=f"imports: [{entries}]\n")

    text = report_text(*applied(stack), Style())

    assert "To undo the 21 imports, remove the mappings and `imports`" in text
    assert "`provisioner state rm NAME...`" in text


def test_an_apply_without_imports_says_nothing_of_them(stack: Stack) -> None:
    wanted(stack, "")

    assert "undo" not in report_text(*applied(stack), Style())
