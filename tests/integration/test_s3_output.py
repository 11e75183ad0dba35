"""What the commands print about mappings that a bucket keeps, and about the statements that let S3 invoke their functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from provisioner import workflow
from provisioner.errors import RefusedError
from provisioner.model.health import Drifted
from provisioner.model.plan import Plan
from provisioner.render.drift import drift_json, drift_text, status_text
from provisioner.render.events import planned_events, progress_event
from provisioner.render.formats import plan_in
from provisioner.render.graph import edges_of_plan, mermaid
from provisioner.render.plan import plan_text
from provisioner.render.report import progress_line
from provisioner.render.state import state_list, state_show
from provisioner.render.style import Style
from provisioner.workflow import Execution, Selection
from tests.support.clocks import Time
from tests.support.s3_api import S3Api, entry
from tests.support.stack import Stack

ACCOUNT = "123456789012"
OTHER = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:other"
MEDIA = "arn:aws:s3:::media"
IT: dict[str, Any] = {
    "function_name": "f",
    "event_source_arn": MEDIA,
    "events": ["s3:ObjectCreated:*"],
    "filter_prefix": "in/",
}
PLAIN = Style()


def line(name: str, prefix: str = "", **members: str) -> str:
    """A mapping as a line of a manifest."""
    values = {"function_name": "f", "event_source_arn": f'"{MEDIA}"', "events": '["s3:ObjectCreated:*"]', **members}
    more = "".join(f", {key}: {value}" for key, value in {**values, "filter_prefix": prefix or f"{name}/"}.items())
    return f"{name}: {{ {more.removeprefix(', ')} }}"


@pytest.fixture
def s3(stack: Stack) -> S3Api:
    return S3Api(stack.plane, Time())


def short(stack: Stack) -> str:
    return lineage(stack).replace("-", "")[:8]


def lineage(stack: Stack) -> str:
    return stack.run().backend.read().state.lineage


def known(text: str, plan: Plan) -> str:
    """A text with LINEAGE in place of the part of the lineage that is in the ids."""
    return text.replace(plan.lineage.replace("-", "")[:8], "LINEAGE")


def body(stack: Stack) -> str:
    """The text of the plan between its head and its counts."""
    plan = stack.plan()
    text = known(plan_text(plan, PLAIN), plan)
    return text.partition("following actions:\n\n")[2].rpartition("\n\nPlan:")[0]


def document(stack: Stack) -> dict[str, Any]:
    plan = stack.plan()
    found: dict[str, Any] = json.loads(known(plan_in("json", plan, (), PLAIN), plan))
    return found


def changes(stack: Stack) -> dict[str, Any]:
    """The changes of the document, by address."""
    return {item["address"]: item for item in document(stack)["resource_changes"]}


def actions(stack: Stack) -> dict[str, list[str]]:
    return {address: item["change"]["actions"] for address, item in changes(stack).items()}


def statement(stack: Stack, name: str = "it") -> str:
    found = workflow.records(stack.run())[name].statement
    assert found
    return found.id


# --- the text of a plan ----------------------------------------------------------------------------------------------


def test_a_new_mapping_is_shown_with_its_statement(stack: Stack, s3: S3Api) -> None:
    s3.skip(entry("s3:ObjectRemoved:*", id="console", arn=OTHER))
    stack.write(IT)

    assert (
        body(stack)
        == """\
  # it will be created
  + mapping "it" {
      + id               = "test-it-187b083c-LINEAGE"
      + function_name    = "f"
      + event_source_arn = "arn:aws:s3:::media"
      + events           = ["s3:ObjectCreated:*"]
      + filter_prefix    = "in/"
      + permission {
          + statement_id   = "provisioner-LINEAGE-b8b115ae5a56"
          + principal      = "s3.amazonaws.com"
          + source_arn     = "arn:aws:s3:::media"
          + source_account = "123456789012"
        }
    }
  note: it: the source also has 1 entry of others, which stays as it is"""
    )


def test_a_changed_function_changes_the_statement(stack: Stack) -> None:
    stack.applied(IT)
    stack.write({**IT, "function_name": "g"})

    assert (
        body(stack)
        == """\
  # it will be updated in-place
  # note[R402]: for some minutes after the change events may still invoke the old function
  ~ mapping "it" {
        id            = "test-it-187b083c-LINEAGE"
      ~ function_name = "f" -> "g"  # edit
      ~ permission {
          ~ statement_id = "provisioner-LINEAGE-b8b115ae5a56" -> "provisioner-LINEAGE-4ea52625ff0f"  # edit
        }
        # (3 unchanged fields hidden)
    }"""
    )


def test_a_permission_that_becomes_none_removes_the_statement(stack: Stack, s3: S3Api) -> None:
    s3.permit("f")
    stack.applied(IT)
    stack.write({**IT, "permission": "none"})

    assert (
        body(stack)
        == """\
  # it will be updated in-place
  ~ mapping "it" {
        id = "test-it-187b083c-LINEAGE"
      - permission {
          - statement_id   = "provisioner-LINEAGE-b8b115ae5a56" -> null  # edit
          - principal      = "s3.amazonaws.com" -> null  # edit
          - source_arn     = "arn:aws:s3:::media" -> null  # edit
          - source_account = "123456789012" -> null  # edit
        }
      + permission = "none"  # edit
        # (4 unchanged fields hidden)
    }"""
    )


def test_a_new_id_replaces_and_is_known(stack: Stack) -> None:
    stack.applied(IT)
    stack.write({**IT, "id": "mine"})

    assert """      ~ id = "test-it-187b083c-LINEAGE" -> "mine"  # forces replacement, edit\n""" in body(stack)


def test_a_statement_that_others_need_stays(stack: Stack) -> None:
    stack.write_mappings(line("a"), line("b"))
    assert body(stack).count("      + permission {  # shared with ") == 2
    stack.apply()
    stack.write_mappings(line("a"))

    assert (
        body(stack)
        == """\
  # b will be destroyed
  # (b is not in the manifest)
  # note[R403]: events of the source no longer invoke the function, and none is kept for later
  - mapping "b" {
      - id               = "test-b-5eb87774-LINEAGE"
      - function_name    = "f"
      - event_source_arn = "arn:aws:s3:::media"
      - events           = ["s3:ObjectCreated:*"]
      - filter_prefix    = "b/"
        permission {  # stays, because a needs it
            statement_id   = "provisioner-LINEAGE-b8b115ae5a56"
            principal      = "s3.amazonaws.com"
            source_arn     = "arn:aws:s3:::media"
            source_account = "123456789012"
        }
    }"""
    )


def test_a_statement_that_an_entry_of_others_needs_stays(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    s3.put(entry("s3:ObjectRemoved:*", id="console"), entry(id=f"test-it-187b083c-{short(stack)}", prefix="in/"))
    stack.write(None)

    assert "        permission {  # stays, because it is still needed\n" in body(stack)
    assert list(actions(stack).values()) == [["delete"]]


def test_a_new_mapping_with_a_statement_that_is_there_already(stack: Stack) -> None:
    stack.write_mappings(line("a"))
    stack.apply()
    stack.write_mappings(line("a"), line("b"))

    assert "        permission {  # exists already, shared with a\n" in body(stack)


def test_a_statement_that_an_entry_has_left_is_shown_as_destroyed(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    s3.put()
    stack.write(None)

    assert (
        body(stack)
        == """\
  # it will be destroyed
  # (it is not in the manifest)
  # (the entry is gone; its statement is still there)
  # note[R403]: events of the source no longer invoke the function, and none is kept for later
  - mapping "it" {
      - id = "test-it-187b083c-LINEAGE"
      - permission {
          - statement_id   = "provisioner-LINEAGE-b8b115ae5a56"
          - principal      = "s3.amazonaws.com"
          - source_arn     = "arn:aws:s3:::media"
          - source_account = "123456789012"
        }
    }"""
    )


def test_an_overlap_names_both_and_an_import_has_its_line(stack: Stack, s3: S3Api) -> None:
    s3.skip(entry(id="con sole", prefix="in/"), entry(id="long", prefix="out/x", arn=OTHER))
    stack.write_mappings(line("it", "in/"), line("out"))

    text = plan_text(stack.plan(), PLAIN)

    assert "the source already has an entry with this function, these events and this filter: media/con sole" in text
    assert "(import it: `provisioner import it 's3:media/con sole'`)" in text
    assert (
        '# (it overlaps with the entry media/long, which is not managed by this stack: s3:ObjectCreated:* prefix "out/" '
        'for f, and s3:ObjectCreated:* prefix "out/x" for other)' in text
    )


def test_an_id_that_cannot_be_printed_is_in_no_command(stack: Stack, s3: S3Api) -> None:
    s3.skip(entry(id="a\u202eb", prefix="in/"))
    stack.write(IT)

    text = plan_text(stack.plan(), PLAIN)

    assert "`provisioner import it ID`" in text
    assert "\u202e" not in text


def test_a_name_that_becomes_another_kind_of_mapping_is_refused(stack: Stack) -> None:
    stack.write_mappings(f'it: {{ function_name: f, event_source_arn: "arn:aws:sqs:eu-west-1:{ACCOUNT}:q" }}')
    stack.apply()
    stack.write(IT)

    with pytest.raises(RefusedError) as caught:
        stack.plan()

    [problem] = caught.value.problems
    assert "a mapping cannot become one of another kind" in str(problem)


# --- Terraform's document --------------------------------------------------------------------------------------------


def test_each_part_is_a_resource_and_a_statement_is_one(stack: Stack) -> None:
    stack.write_mappings(line("a"), line("b"))

    found = changes(stack)

    sid = "provisioner-LINEAGE-b8b115ae5a56"
    assert list(found) == [
        "aws_s3_bucket_notification.a",
        "aws_s3_bucket_notification.b",
        f"aws_lambda_permission.{sid}",
    ]
    one, _, permission = found.values()
    assert one["change"]["after"] == {
        "bucket": "media",
        "lambda_function": [
            {
                "events": ["s3:ObjectCreated:*"],
                "filter_prefix": "a/",
                "filter_suffix": None,
                "id": "test-a-4e30f8f7-LINEAGE",
                "lambda_function_arn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f",
            }
        ],
        "region": "eu-west-1",
    }
    assert permission["change"]["after"] == {
        "action": "lambda:InvokeFunction",
        "function_name": "f",
        "principal": "s3.amazonaws.com",
        "qualifier": None,
        "region": "eu-west-1",
        "source_account": ACCOUNT,
        "source_arn": MEDIA,
        "statement_id": sid,
    }
    assert one["change"]["after_unknown"] == permission["change"]["after_unknown"] == {"id": True}
    assert permission["x_provisioner"]["needed_by"] == ["a", "b"]
    assert permission["x_provisioner"]["part_of"] == "aws_s3_bucket_notification.a"
    assert [one["x_provisioner"]["calls"], permission["x_provisioner"]["calls"]] == [
        ["PutBucketNotificationConfiguration"],
        ["AddPermission"],
    ]


def test_the_counts_are_of_mappings(stack: Stack) -> None:
    stack.write_mappings(line("a"), line("b"))

    assert document(stack)["x_provisioner"]["summary"]["added"] == 2
    assert json.loads(plan_in("gitlab", stack.plan(), (), PLAIN)) == {"create": 2, "update": 0, "delete": 0}


NOTIFICATION = "aws_s3_bucket_notification.it"


@pytest.mark.parametrize(
    ("then", "entry_actions", "statement_actions"),
    [
        ({}, ["no-op"], [["no-op"]]),
        ({"filter_prefix": "b/"}, ["update"], [["no-op"]]),
        ({"permission": {"statement_id": "own"}}, ["no-op"], [["create"], ["delete"]]),
        ({"function_name": "f:live"}, ["update"], [["create"], ["delete"]]),
        ({"event_source_arn": "arn:aws:s3:::other"}, ["create", "delete"], [["create"], ["delete"]]),
        ({"id": "mine"}, ["delete", "create"], [["no-op"]]),
    ],
)
def test_what_becomes_of_each_part(
    stack: Stack, then: dict[str, Any], entry_actions: list[str], statement_actions: list[list[str]]
) -> None:
    stack.applied(IT)
    stack.write({**IT, **then})

    found = actions(stack)

    assert found.pop(NOTIFICATION) == entry_actions
    assert sorted(found.values()) == statement_actions


def test_a_qualifier_and_what_forces_a_replacement_are_where_terraform_has_them(stack: Stack) -> None:
    stack.applied(IT)
    stack.write({**IT, "function_name": "f:live", "id": "mine"})
    found = changes(stack)

    assert found[NOTIFICATION]["change"]["replace_paths"] == [["lambda_function", 0, "id"]]
    [added] = [item for item in found.values() if item["change"]["actions"] == ["create"]]
    assert (added["change"]["after"]["function_name"], added["change"]["after"]["qualifier"]) == ("f", "live")


def test_a_statement_that_somebody_changed_is_drift_and_is_made_anew(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    ident = statement(stack)
    stack.plane.client().remove_permission(FunctionName="f", StatementId=ident)
    s3.permit("f", StatementId=ident, SourceArn="arn:aws:s3:::theirs", SourceAccount=ACCOUNT)

    found = document(stack)
    [drift] = found["resource_drift"]
    [changed] = [item for item in found["resource_changes"] if item["type"] == "aws_lambda_permission"]

    assert changed["change"]["actions"] == ["delete", "create"]
    assert drift["change"]["actions"] == ["update"]
    sides = [drift["change"][side]["source_arn"] for side in ("before", "after")]
    assert sides == [MEDIA, "arn:aws:s3:::theirs"]
    assert actions(stack)[NOTIFICATION] == ["no-op"]


def test_an_entry_that_is_gone_has_drifted_away_with_its_id(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    s3.put()

    [drift] = document(stack)["resource_drift"]

    assert (drift["address"], drift["change"]["actions"]) == (NOTIFICATION, ["delete"])
    assert drift["change"]["before"]["lambda_function"][0]["id"] == "test-it-187b083c-LINEAGE"


def test_an_import_has_the_id_by_which_it_is_imported(stack: Stack, s3: S3Api) -> None:
    s3.permit("f", SourceArn=MEDIA, SourceAccount=ACCOUNT)
    s3.put(entry(id="console", prefix="in/"))
    stack.write_mappings(line("it", "in/"), head="imports: [{ to: it, id: 's3:media/console' }]\n")

    assert changes(stack)[NOTIFICATION]["change"]["importing"] == {"id": "s3:media/console"}
    assert "(imported as s3:media/console)" in body(stack)


def test_statements_of_one_id_in_two_policies_have_two_addresses(stack: Stack) -> None:
    own = "{ statement_id: own }"
    stack.write_mappings(line("a", permission=own), line("b", function_name="g", permission=own))

    assert list(changes(stack))[2:] == [
        'aws_lambda_permission.own["eu-west-1/f"]',
        'aws_lambda_permission.own["eu-west-1/g"]',
    ]


# --- events and progress ---------------------------------------------------------------------------------------------


def test_events_name_the_resources_of_the_document(stack: Stack) -> None:
    stack.write(IT)
    plan = stack.plan()
    planned = planned_events(plan)
    report = stack.apply()
    ended = stack.ui.events[-1]

    assert [known(event["@message"], plan) for event in planned] == [
        f"{NOTIFICATION}: Plan to create",
        "aws_lambda_permission.provisioner-LINEAGE-b8b115ae5a56: Plan to create",
    ]
    event = progress_event(ended, ACCOUNT)
    key = workflow.records(stack.run())["it"].key
    assert event["hook"]["resource"]["addr"] == NOTIFICATION
    assert event["hook"]["id_value"] == key.id
    assert event["hook"]["x_provisioner"]["after"]["id"] == "media"
    assert progress_line(ended).endswith(f"[id={key.id}]")
    assert report.clean


# --- Markdown and graph ----------------------------------------------------------------------------------------------


def test_markdown_says_what_invokes_what(stack: Stack) -> None:
    stack.write(IT)
    shown = plan_in("markdown", stack.plan(), (), PLAIN)

    assert "| `+` | `it` | <code>media</code> invokes <code>f</code> for <code>s3:ObjectCreated:&#42; prefix" in shown
    assert 's1(["media<br/>S3 bucket"])' in mermaid(edges_of_plan(stack.plan()))


def test_markdown_names_a_statement_that_is_another_one(stack: Stack) -> None:
    stack.applied(IT)
    stack.write({**IT, "permission": {"statement_id": "own"}})
    plan = stack.plan()

    assert '`permission` <code>"provisioner-LINEAGE-b8b115ae5a56"</code> → <code>"own"</code> | edit |' in known(
        plan_in("markdown", plan, (), PLAIN), plan
    )


def test_an_id_with_marks_of_markdown_stays_in_its_cell(stack: Stack, s3: S3Api) -> None:
    s3.permit("f")
    s3.put(entry(id="a|b`", prefix="in/"))
    stack.write_mappings(line("it", "in/", permission="none"), head="imports: [{ to: it, id: 's3:media/a|b`' }]\n")

    assert "imported as <code>s3:media/a&#124;b&#96;</code>" in plan_in("markdown", stack.plan(), (), PLAIN)


# --- drift and status ------------------------------------------------------------------------------------------------


def drift(stack: Stack) -> Drifted:
    [found] = workflow.drift(stack.run())
    return found


def test_a_statement_that_is_gone_is_drift_field_by_field_and_breaks_the_mapping(stack: Stack) -> None:
    stack.applied(IT)
    ident = statement(stack)
    stack.plane.client().remove_permission(FunctionName="f", StatementId=ident)

    found = drift(stack)
    text = drift_text([found], PLAIN)
    [row] = workflow.status(stack.run())

    assert {field.path: field.live for field in found.fields} == {
        ("permission", member): None for member in ("statement_id", "principal", "source_arn", "source_account")
    }
    assert "# no statement of the function's policy lets S3 invoke it" in text
    assert "An apply restores the values in the manifest for: it." in text
    assert json.loads(drift_json("test", [found]))["drifted"][0]["broken"]
    assert (row.state, row.problem[:20]) == ("Broken", "it is not invoked: n")


def test_a_mapping_that_others_no_longer_admit_is_broken_beyond_an_apply(stack: Stack, s3: S3Api) -> None:
    s3.permit("f", StatementId="theirs")
    stack.applied({**IT, "permission": "none"})
    stack.plane.client().remove_permission(FunctionName="f", StatementId="theirs")

    found = drift(stack)

    assert found.fields == ()
    assert not found.repairable
    assert "An apply cannot restore it: the statement that is missing is not managed" in drift_text([found], PLAIN)


def test_a_missing_entry_is_named_by_its_id(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    key = workflow.records(stack.run())["it"].key
    s3.put()

    assert f'  - mapping "it" {{ id = "{key.id}" }}' in drift_text([drift(stack)], PLAIN)
    [row] = workflow.status(stack.run())
    assert (row.state, row.uuid) == ("Missing", key.id)
    assert "it    Missing  f         media" in status_text([row], PLAIN, 120)


def test_an_active_mapping_is_no_drift(stack: Stack, s3: S3Api) -> None:
    s3.permit("other")
    s3.put(entry("s3:ObjectRemoved:*", id="console", arn=OTHER))
    stack.applied(IT)

    assert workflow.drift(stack.run()) == ()
    assert [row.state for row in workflow.status(stack.run())] == ["Active"]


def test_an_orphan_of_a_bucket_is_found_where_nothing_is_recorded(stack: Stack, s3: S3Api) -> None:
    stack.write_mappings(line("a"), line("b", event_source_arn='"arn:aws:s3:::other"'))
    stack.apply()
    ident = workflow.records(stack.run())["b"].key.id
    with stack.run().backend.locked("test") as writer:
        writer.save(writer.state.with_record("b", None))

    [orphan] = workflow.drift(stack.run())
    text = drift_text([orphan], PLAIN)

    assert (orphan.uuid, orphan.orphan) == (ident, True)
    assert f"# {ident} is not in the state, although its id names it" in text
    assert f"`provisioner import NAME s3:{ident} --region eu-west-1`" in text
    assert "its id names this state" in "".join(row.problem for row in workflow.status(stack.run()))


def test_a_bucket_with_entries_of_others_is_noted(stack: Stack, s3: S3Api) -> None:
    s3.skip(entry("s3:ObjectRemoved:*", id="console", arn=OTHER), entry("s3:ObjectAcl:Put", member="Queue", id="q"))
    stack.write(IT)
    stack.plan()

    assert stack.ui.notes == [
        "1 entry of bucket media is not managed by this stack; import one with `provisioner import NAME s3:media/ENTRY-ID`"
    ]


# --- without a look at AWS -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "ids", "functions"),
    [
        ({"filter_prefix": "b/"}, ["test-it-187b083c-LINEAGE"], "f"),
        ({"function_name": "g"}, ["test-it-187b083c-LINEAGE"], "g"),
        ({"id": "mine"}, ["mine"], "f"),
        ({"event_source_arn": "arn:aws:s3:::other"}, [], "f"),
        (None, [], ""),
    ],
)
def test_a_change_that_trusts_the_state_is_the_same(
    stack: Stack, s3: S3Api, then: dict[str, Any] | None, ids: list[str], functions: str
) -> None:
    stack.applied(IT)
    stack.write({**IT, **then} if then else None)

    report = workflow.apply(stack.run(), Selection(refresh=False), Execution(auto_approve=True))[1]

    assert report.clean
    stack.assert_in_sync()
    assert [ident.replace(short(stack), "LINEAGE") for ident in s3.ids()] == ids
    assert "".join(name for name in "fg" if has_policy(stack, name)) == functions


def has_policy(stack: Stack, function: str) -> bool:
    """Whether a function has a statement."""
    try:
        return bool(stack.plane.client().get_policy(FunctionName=function))
    except ClientError:
        return False


# --- the state -------------------------------------------------------------------------------------------------------


def test_a_record_is_shown_with_its_statement(stack: Stack) -> None:
    stack.applied(IT)
    records = workflow.records(stack.run())
    shown = state_show("it", records["it"]).replace(short(stack), "LINEAGE")

    assert state_list(records).replace(short(stack), "LINEAGE") == "it  s3:media/test-it-187b083c-LINEAGE"
    assert (
        shown
        == """\
it:
  id: media/test-it-187b083c-LINEAGE
  arn: arn:aws:s3:::media
  region: eu-west-1
  protected: false
  applied:
    function_name: f
    event_source_arn: arn:aws:s3:::media
    events:
      - s3:ObjectCreated:*
    filter_prefix: in/
  statement:
    id: provisioner-LINEAGE-b8b115ae5a56
    function: f
    region: eu-west-1
    principal: s3.amazonaws.com
    source_arn: arn:aws:s3:::media
    source_account: "123456789012\""""
    )


def test_a_record_that_is_renamed_keeps_its_id(stack: Stack) -> None:
    stack.applied(IT)
    key = workflow.records(stack.run())["it"].key

    workflow.move(stack.run(), "it", "that", 0)

    assert workflow.records(stack.run())["that"].key == key
    stack.write_mappings(line("that", "in/"))
    stack.assert_in_sync()


def test_what_is_forgotten_keeps_the_name_of_the_state(stack: Stack) -> None:
    stack.applied(IT)

    workflow.remove(stack.run(), ["it"], 0)

    assert stack.ui.notes[-1].startswith("the ids of it stay as they are, and name this state: ")


def rebuilt(stack: Stack, **options: Any) -> list[str]:
    """Lose the state and rebuild it. Returns the notices."""
    (stack.folder / "state/test.json").unlink()
    stack.ui.notes.clear()
    workflow.rebuild_state(stack.run(), 0, **options)
    return stack.ui.notes


QUEUE = f'q: {{ function_name: f, event_source_arn: "arn:aws:sqs:eu-west-1:{ACCOUNT}:q" }}'


def test_a_lost_state_is_rebuilt_with_the_ids_and_statements_that_are_there(stack: Stack) -> None:
    stack.write_mappings(line("a"), QUEUE)
    stack.apply()
    before = workflow.records(stack.run())

    assert rebuilt(stack) == []

    assert workflow.records(stack.run()) == before
    stack.assert_in_sync()


def test_an_entry_that_only_its_id_names_is_recorded_on_request(stack: Stack, s3: S3Api) -> None:
    stack.write_mappings(line("a"), line("b"), QUEUE)
    stack.apply()
    ident = workflow.records(stack.run())["b"].key.id
    stack.write_mappings(line("a"), QUEUE)

    assert rebuilt(stack) == [
        f"the entry {ident} is named as those of this state, and is not in the manifest; with --adopt-orphans it is "
        "recorded too, and the next apply deletes it"
    ]
    assert "b" not in workflow.records(stack.run())

    assert rebuilt(stack, adopts_orphans=True) == [
        f"b: the entry {ident} is not in the manifest; the next apply deletes it"
    ]
    assert stack.apply().clean
    assert s3.ids() == [workflow.records(stack.run())["a"].key.id.removeprefix("media/")]


def test_without_tags_a_statement_is_taken_over_and_then_replaced(stack: Stack) -> None:
    stack.write_mappings(line("a"))
    stack.apply()
    before = workflow.records(stack.run())["a"]

    [notice] = rebuilt(stack)

    assert notice.endswith("was added to the state because its function, events and filter match")
    assert workflow.records(stack.run())["a"] == before
    assert sorted(actions(stack).values()) == [["create"], ["delete"], ["no-op"]]
    assert stack.apply().clean
    stack.assert_in_sync()
