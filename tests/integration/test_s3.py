"""Mappings that a bucket keeps, through the commands: what is planned, what is written, and what of others stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.errors import AccountError, RefusedError
from provisioner.model.plan import Action
from provisioner.model.report import Result
from provisioner.sandbox.mappings import Delays
from provisioner.workflow import Execution, Selection
from tests.support.control_plane import any_credentials, served
from tests.support.s3_api import S3Api, document, entry
from tests.support.stack import Sessions, Stack

BUCKET = "arn:aws:s3:::media"
FUNCTIONS = "arn:aws:lambda:eu-west-1:123456789012:function:"
IT: dict[str, Any] = {
    "function_name": "f",
    "event_source_arn": BUCKET,
    "events": ["s3:ObjectCreated:*"],
    "filter_prefix": "in/",
}
FOREIGN = entry("s3:ObjectRemoved:*", id="console", arn=f"{FUNCTIONS}other")
BRIDGE = "<EventBridgeConfiguration></EventBridgeConfiguration>"


@pytest.fixture
def s3(stack: Stack) -> S3Api:
    """The bucket, and what another client does with it."""
    return S3Api(stack.plane, None)  # type: ignore[arg-type]  # no test here winds the clock


def write(stack: Stack, **mappings: dict[str, Any]) -> None:
    value = {"stack": "test", "provider": {"region": "eu-west-1"}, "mappings": mappings}
    (stack.folder / "provisioner.yaml").write_text(json.dumps(value))


def statements(stack: Stack, function: str = "f") -> list[str]:
    """The ids of the statements in the policy of a function."""
    client = stack.plane.client()
    try:
        policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
    except client.exceptions.ResourceNotFoundException:
        return []
    return [statement["Sid"] for statement in policy["Statement"]]


def puts(stack: Stack) -> list[str]:
    """The buckets that are written from now on."""
    written: list[str] = []

    def noted(method: str, path: str) -> str:
        if method == "PUT" and not path.startswith("/20"):
            written.append(path.strip("/").partition("?")[0])
        return ""

    stack.plane.faults[:] = [noted]
    return written


def recorded(stack: Stack, name: str = "it") -> str:
    return workflow.records(stack.run())[name].key.id


# --- entries of others -----------------------------------------------------------------------------------------------


def test_entries_of_others_and_the_switch_of_eventbridge_stay(stack: Stack, s3: S3Api) -> None:
    s3.skip(FOREIGN, BRIDGE)
    s3.permit("other", SourceArn=BUCKET)
    before = s3.get_text()

    stack.applied(IT)
    assert s3.ids()[0] == "console"
    assert "EventBridgeConfiguration" in s3.get()
    stack.applied({**IT, "filter_prefix": "out/"})
    stack.applied(None)

    assert s3.get_text() == before
    assert statements(stack) == []
    assert statements(stack, "other") == ["s"]


def test_a_foreign_entry_whose_function_is_gone_blocks_a_create_and_not_a_destroy(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    ours = s3.get_text().partition("?>")[2]
    s3.skip(FOREIGN, ours[ours.index("<CloudFunction") : ours.index("</NotificationConfiguration>")])

    report = stack.apply_mapping({**IT, "filter_prefix": "out/"})
    [outcome] = report.outcomes
    assert outcome.result is Result.FAILED
    assert f"Not authorized to invoke function [{FUNCTIONS}other]" in outcome.detail
    assert "skip_destination_validation" in outcome.hint
    stack.applied({**IT, "filter_prefix": "out/", "lifecycle": {"skip_destination_validation": True}})

    stack.applied(None)
    assert s3.ids() == ["console"]


def test_an_overlap_with_an_entry_of_others_is_not_possible_and_names_both(stack: Stack, s3: S3Api) -> None:
    s3.permit("other", SourceArn=BUCKET)
    s3.put(FOREIGN)
    write(stack, it={**IT, "events": ["s3:ObjectRemoved:Delete"]}, second=IT)

    made = stack.plan()
    [it, second] = made.changes
    assert (it.action, second.action) == (Action.NOT_POSSIBLE, Action.CREATE)
    assert it.conflict is not None
    assert it.conflict.holder.id == "media/console"
    assert "s3:ObjectRemoved:Delete" in it.conflict.message
    assert "s3:ObjectRemoved:*" in it.conflict.message

    report = stack.apply()
    assert [outcome.result for outcome in report.outcomes] == [Result.APPLIED, Result.NOT_ATTEMPTED]
    assert s3.ids() == ["console", recorded(stack, "second").partition("/")[2]]


def test_a_mapping_moves_to_the_filter_that_another_one_leaves_in_one_write(stack: Stack) -> None:
    write(stack, a={**IT, "filter_prefix": "a/"}, b={**IT, "filter_prefix": "b/", "function_name": "g"})
    assert stack.apply().clean
    write(stack, a={**IT, "filter_prefix": "b/"}, b={**IT, "filter_prefix": "a/", "function_name": "g"})
    written = puts(stack)

    assert stack.apply().clean

    assert written == ["media"]
    stack.assert_in_sync()


def test_the_hundred_first_entry_is_refused_before_anything_is_written(stack: Stack, s3: S3Api) -> None:
    s3.permit("other", SourceArn=BUCKET)
    s3.put(*(entry("s3:ObjectRemoved:*", id=f"e{n}", arn=f"{FUNCTIONS}other", prefix=f"{n}/") for n in range(100)))
    stack.write(IT)

    with pytest.raises(RefusedError) as caught:
        stack.plan()

    assert "101 entries" in str(caught.value.problems)  # type: ignore[attr-defined]
    assert statements(stack) == []


# --- names and ids ---------------------------------------------------------------------------------------------------


def test_a_renamed_mapping_keeps_its_id_and_makes_no_call(stack: Stack) -> None:
    stack.applied(IT)
    before = recorded(stack)
    write(stack, renamed=IT)
    written = puts(stack)

    assert stack.apply().clean

    assert recorded(stack, "renamed") == before
    assert written == []
    stack.assert_in_sync()


def test_another_id_replaces_the_entry_in_one_write(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    written = puts(stack)

    stack.applied({**IT, "id": "mine"})

    assert written == ["media"]
    assert s3.ids() == ["mine"]


def test_an_id_that_somebody_else_has_is_not_possible(stack: Stack, s3: S3Api) -> None:
    s3.permit("other", SourceArn=BUCKET)
    s3.put(FOREIGN)
    stack.write({**IT, "id": "console"})

    assert stack.change().action is Action.NOT_POSSIBLE


def test_an_id_that_another_mapping_keeps_is_not_possible(stack: Stack, s3: S3Api) -> None:
    """It keeps the id that it stated once."""
    stack.applied(IT | {"id": "mine"})
    write(stack, it=IT, other=IT | {"filter_prefix": "out/", "id": "mine"})

    [change] = [change for change in stack.plan().changes if change.counts]

    assert change.action is Action.NOT_POSSIBLE
    assert change.conflict
    assert change.conflict.message == "an entry with this id, media/mine, is that of it"
    # Two applies give it to another one.
    write(stack, it=IT | {"id": "yours"}, other=IT | {"filter_prefix": "out/", "id": "mine"})
    assert not stack.apply().clean
    assert s3.ids() == ["yours"]
    assert stack.apply().clean
    assert sorted(s3.ids()) == ["mine", "yours"]


def test_an_id_that_another_record_has_is_not_possible_where_its_entry_is_gone(stack: Stack, s3: S3Api) -> None:
    """Its statement is still to be removed, and until then two records would have one entry."""
    stack.applied(IT | {"id": "mine"})
    s3.put()
    write(stack, other=IT | {"function_name": "g", "id": "mine"})

    assert not stack.apply().clean
    assert stack.apply().clean

    assert s3.ids() == ["mine"]
    assert statements(stack) == []


def test_an_id_that_a_moved_record_is_still_to_delete_is_not_possible(stack: Stack, s3: S3Api) -> None:
    queue = {"function_name": "f", "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:q"}
    mine = {**IT, "id": "mine"}
    write(stack, a=queue, b=mine)
    assert stack.apply().clean
    stack.plane.faults[:] = [
        lambda method, path: "403 AccessDenied" if method == "PUT" and path.startswith("/media") else ""
    ]
    write(stack, b=queue)
    assert not stack.apply().clean
    stack.plane.faults.clear()
    write(stack, a=queue, b=mine)

    results = {outcome.change.key: outcome.result for outcome in stack.apply().outcomes}

    assert results["b"] is Result.NOT_ATTEMPTED
    assert stack.apply().clean
    stack.assert_in_sync()
    assert (recorded(stack, "b"), s3.ids()) == ("media/mine", ["mine"])


def test_another_bucket_gets_the_new_entry_before_the_old_one_goes(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    written = puts(stack)

    stack.applied({**IT, "event_source_arn": "arn:aws:s3:::other"})

    assert written == ["other", "media"]
    assert s3.ids() == []
    assert len(statements(stack)) == 1


# --- statements ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_gone", [False, True])
def test_an_id_in_the_bucket_that_a_mapping_is_about_to_leave_is_that_of_its_old_entry(
    stack: Stack, s3: S3Api, is_gone: bool
) -> None:
    """The old entry was not deleted, and the manifest goes back to it with another filter."""
    mine = {**IT, "id": "mine"}
    stack.applied(mine)
    puts_of_media: list[str] = []

    def refuse(method: str, path: str) -> str:
        if method == "PUT" and path.startswith("/media"):
            puts_of_media.append(path)
            return "403 AccessDenied"
        return ""

    stack.plane.faults[:] = [refuse]
    assert not stack.apply_mapping({**mine, "event_source_arn": "arn:aws:s3:::logs"}).clean
    stack.plane.faults.clear()
    assert puts_of_media
    if is_gone:
        s3.put()

    stack.applied({**mine, "filter_prefix": "new/"})

    assert (recorded(stack), s3.ids()) == ("media/mine", ["mine"])
    stack.applied(None)
    assert (s3.ids(), statements(stack)) == ([], [])


def test_mappings_share_a_statement_which_goes_with_the_last_of_them(stack: Stack) -> None:
    write(stack, a={**IT, "filter_prefix": "a/"}, b={**IT, "filter_prefix": "b/"})
    assert stack.apply().clean
    assert len(statements(stack)) == 1

    write(stack, a={**IT, "filter_prefix": "a/"})
    assert stack.apply().clean
    assert len(statements(stack)) == 1

    write(stack)
    assert stack.apply().clean
    assert statements(stack) == []


def test_a_statement_is_not_forgotten_when_what_was_to_need_it_changed_before_the_approval(
    stack: Stack, s3: S3Api
) -> None:
    out = {**IT, "function_name": "g", "filter_prefix": "out/"}
    write(stack, a=IT, b=out)
    assert stack.apply().clean
    ids = {name: record.key.id.partition("/")[2] for name, record in workflow.records(stack.run()).items()}
    write(stack, a={**IT, "function_name": "g"}, b={**out, "function_name": "f"})
    stack.ui.before_yes = lambda: s3.put(
        entry("s3:ObjectCreated:*", id=ids["a"], arn=f"{FUNCTIONS}f", prefix="in/"),
        entry("s3:ObjectCreated:*", id=ids["b"], arn=f"{FUNCTIONS}g", prefix="changed/"),
    )

    results = {item.change.name: item.result for item in stack.apply(auto_approve=False).outcomes}

    assert results == {"a": Result.APPLIED, "b": Result.NOT_ATTEMPTED}
    write(stack)
    assert stack.apply().clean
    assert (s3.ids(), statements(stack), statements(stack, "g")) == ([], [], [])


def test_each_qualifier_has_a_statement_of_its_own(stack: Stack) -> None:
    stack.applied({**IT, "function_name": "f:live"})
    assert statements(stack) == []
    assert len(statements(stack, "f:live")) == 1

    stack.applied(IT)
    assert statements(stack, "f:live") == []
    assert len(statements(stack)) == 1


def test_a_statement_that_somebody_removed_makes_the_mapping_broken_and_is_put_back(stack: Stack) -> None:
    stack.applied(IT)
    [ident] = statements(stack)
    stack.plane.client().remove_permission(FunctionName="f", StatementId=ident)

    [row] = workflow.status(stack.run())
    assert (row.state, bool(row.problem)) == ("Broken", True)
    [drifted] = workflow.drift(stack.run())
    assert {field.path[0] for field in drifted.fields} == {"permission"}
    written = puts(stack)
    stack.applied(IT)

    assert statements(stack) == [ident]
    assert written == []


def test_without_a_permission_nothing_is_written_and_the_plan_warns(stack: Stack, s3: S3Api) -> None:
    stack.write({**IT, "permission": "none"})
    assert any("permission is none" in note for note in stack.change().notes)

    s3.permit(SourceArn="arn:aws:s3:::m*")
    assert stack.change().notes == ()
    stack.applied({**IT, "permission": "none"})
    assert statements(stack) == ["s"]


def test_a_plan_that_removes_the_last_permission_warns(stack: Stack) -> None:
    stack.applied(IT)
    stack.write({**IT, "permission": "none"})

    assert any("permission is none" in note for note in stack.change().notes)


def test_the_statement_by_which_an_entry_of_others_is_invoked_stays(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    [ident] = statements(stack)
    ours = s3.get_text().partition("?>")[2]
    s3.put(
        entry("s3:ObjectRemoved:*", id="console"),
        ours[ours.index("<CloudFunction") : ours.index("</NotificationConfiguration>")],
    )

    assert stack.apply_mapping(None).clean

    assert s3.ids() == ["console"]
    assert statements(stack) == [ident]


# --- import, forgetting ----------------------------------------------------------------------------------------------


def test_an_import_takes_over_the_statement_of_this_source_alone(stack: Stack, s3: S3Api) -> None:
    s3.permit(SourceArn=BUCKET)
    s3.put(entry("s3:ObjectCreated:*", id="console", prefix="in/"))
    stack.write_mappings()

    done = workflow.import_mapping(stack.run(), "it", "s3:media/console", write=True)

    assert "statement_id: s" in done.entry
    assert "source_account: null" in done.entry
    stack.assert_in_sync()
    write(stack)
    assert stack.apply().clean
    assert (s3.ids(), statements(stack)) == ([], [])


def test_an_import_leaves_a_wider_statement_alone(stack: Stack, s3: S3Api) -> None:
    s3.permit(SourceArn="arn:aws:s3:::*", SourceAccount="123456789012")
    s3.put(entry("s3:ObjectCreated:*", id="console"))
    stack.write_mappings()

    done = workflow.import_mapping(stack.run(), "it", "s3:media/console", write=True)

    assert "permission: none" in done.entry
    assert any('"s"' in note for note in stack.ui.notes)
    stack.assert_in_sync()
    write(stack)
    assert stack.apply().clean
    assert statements(stack) == ["s"]


def test_an_import_over_a_record_whose_entry_is_gone_forgets_no_statement(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    s3.put(entry("s3:ObjectCreated:*", id="new", prefix="in/"))
    stack.write(IT | {"function_name": "g"})

    workflow.import_mapping(stack.run(), "it", "media/new")

    assert stack.apply().clean
    stack.assert_in_sync()
    assert (statements(stack, "f"), len(statements(stack, "g"))) == ([], 1)


def test_an_import_of_an_entry_that_is_still_to_be_deleted_forgets_no_statement(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    old = recorded(stack)
    stack.plane.faults[:] = [
        lambda method, path: "403 AccessDenied" if method == "PUT" and path.startswith("/media") else ""
    ]
    assert not stack.apply_mapping({**IT, "event_source_arn": "arn:aws:s3:::logs"}).clean
    stack.plane.faults.clear()
    s3.put_text(document(), bucket="logs")  # somebody takes the new entry away
    stack.write(IT)
    stack.import_(f"s3:{old}")

    stack.applied(None)

    assert (s3.ids(), statements(stack)) == ([], [])


def test_an_import_without_a_statement_plans_one(stack: Stack, s3: S3Api) -> None:
    s3.skip(entry("s3:ObjectCreated:*", id="console"))
    stack.write_mappings()

    workflow.import_mapping(stack.run(), "it", "s3:media/console", write=True)

    change = stack.change()
    assert {field.path[0] for field in change.fields} == {"permission"}
    assert stack.apply().clean
    assert len(statements(stack)) == 1


@pytest.mark.parametrize("admits", ["this source", "more", "nothing"])
def test_what_an_import_prints_is_imported_by_the_next_apply(stack: Stack, s3: S3Api, admits: str) -> None:
    if admits == "nothing":
        s3.skip(entry("s3:ObjectCreated:*", id="console", prefix="in/"))
    else:
        s3.permit(SourceArn=BUCKET if admits == "this source" else "arn:aws:s3:::*")
        s3.put(entry("s3:ObjectCreated:*", id="console", prefix="in/"))
    stack.write_mappings()

    done = workflow.import_mapping(stack.run(), "it", "s3:media/console")

    assert workflow.records(stack.run()) == {}
    assert ("expect: identical" in done.entry) is (admits != "nothing")
    head = "stack: test\nprovider: { region: eu-west-1 }\n"
    (stack.folder / "provisioner.yaml").write_text(head + done.entry, encoding="utf-8")
    change = stack.change()
    assert change.adopts
    assert {field.path[0] for field in change.fields} == ({"permission"} if admits == "nothing" else set())
    assert stack.apply().clean
    stack.assert_in_sync()


def test_an_equal_entry_is_imported_only_when_the_manifest_asks_for_it(stack: Stack, s3: S3Api) -> None:
    s3.permit(SourceArn=BUCKET)
    s3.put(entry("s3:ObjectCreated:*", id="console", prefix="in/"))
    stack.write(IT)
    assert stack.change().action is Action.NOT_POSSIBLE

    stack.applied({**IT, "lifecycle": {"on_conflict": "adopt"}})

    assert recorded(stack) == "media/console"
    assert s3.ids() == ["console"]


def test_imports_name_an_entry_by_bucket_and_id(stack: Stack, s3: S3Api) -> None:
    s3.skip(entry("s3:ObjectCreated:*", id="console", prefix="in/"))
    value = {"stack": "test", "provider": {"region": "eu-west-1"}, "mappings": {"it": IT}}
    (stack.folder / "provisioner.yaml").write_text(
        json.dumps({**value, "imports": [{"to": "it", "id": "s3:media/console"}]})
    )

    assert stack.plan().summary.imported == 1
    assert stack.apply().clean
    assert recorded(stack) == "media/console"
    stack.assert_in_sync()


def test_what_is_removed_from_the_state_goes_on(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    ids, before = s3.ids(), statements(stack)
    value = {"stack": "test", "removed": [{"from": "it", "destroy": False}]}
    (stack.folder / "provisioner.yaml").write_text(json.dumps(value))

    assert stack.apply().clean

    assert (s3.ids(), statements(stack)) == (ids, before)
    assert workflow.records(stack.run()) == {}


# --- protection, selection, changes of others ------------------------------------------------------------------------


def test_a_protected_mapping_is_not_destroyed(stack: Stack) -> None:
    stack.applied({**IT, "lifecycle": {"prevent_destroy": True}})
    stack.write(None)

    with pytest.raises(RefusedError):
        stack.plan()


def test_an_ignored_field_stays_as_somebody_set_it(stack: Stack, s3: S3Api) -> None:
    mapping = {**IT, "lifecycle": {"ignore_changes": ["filter_prefix"]}}
    stack.applied(mapping)
    s3.put(entry("s3:ObjectCreated:*", id=s3.ids()[0], prefix="theirs/"))

    stack.assert_in_sync()
    stack.applied({**mapping, "filter_suffix": ".jpg"})

    assert "theirs/" in s3.get_text()


def test_a_target_leaves_the_other_entries_of_the_bucket(stack: Stack, s3: S3Api) -> None:
    write(stack, a={**IT, "filter_prefix": "a/"}, b={**IT, "filter_prefix": "b/"})
    stack.apply()
    write(stack, a={**IT, "filter_prefix": "c/"}, b={**IT, "filter_prefix": "d/"})

    report = workflow.apply(stack.run(), Selection(targets=("a",)), Execution(auto_approve=True))[1]

    assert report.clean
    assert [found in s3.get_text() for found in ("c/", "b/", "a/", "d/")] == [True, True, False, False]


def test_an_entry_that_somebody_removed_is_made_again_under_its_id(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    ids = s3.ids()
    s3.put()

    [row] = workflow.status(stack.run())
    assert row.state == "Missing"
    stack.applied(IT)

    assert s3.ids() == ids


QUEUE = {"function_name": "f", "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:q"}


def test_a_mapping_does_not_become_one_of_another_kind(stack: Stack) -> None:
    """Nor is its id asked for as a UUID."""
    stack.applied(IT)
    stack.plane.requests.clear()
    stack.write(QUEUE)

    with pytest.raises(RefusedError) as refused:
        stack.apply()

    [problem] = refused.value.problems
    assert "a mapping cannot become one of another kind" in problem.message
    assert not [path for _, path, _ in stack.plane.requests if "event-source-mappings" in path and "media" in path]


def test_a_mapping_that_is_being_deleted_does_not_become_one_of_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_credentials(monkeypatch)
    with served(Delays(0, 0, 0, 0, 10**6), direct=True) as plane:
        stack = Stack(tmp_path, plane, Sessions(plane.endpoint, plane.attach))
        stack.applied(QUEUE)
        plane.client().delete_event_source_mapping(UUID=stack.uuid)
        stack.write(IT)

        with pytest.raises(RefusedError) as refused:
            stack.apply()

    assert "a mapping cannot become one of another kind" in refused.value.problems[0].message


def test_a_statement_is_not_forgotten_with_an_entry_that_is_gone(stack: Stack, s3: S3Api) -> None:
    """Only a mapping of S3 can remove it."""
    stack.applied(IT)
    s3.put()
    stack.write(QUEUE)

    with pytest.raises(RefusedError) as refused:
        stack.apply()

    assert "a mapping cannot become one of another kind" in refused.value.problems[0].message
    stack.write(None)
    stack.apply()
    assert statements(stack) == []
    stack.applied(QUEUE)


def test_an_entry_of_ours_that_no_state_records_is_an_orphan(stack: Stack, s3: S3Api) -> None:
    stack.applied(IT)
    ours = s3.ids()[0]
    left = entry("s3:ObjectRemoved:*", id=ours.replace("test-it", "test-lost"))
    s3.put(left, entry("s3:ObjectCreated:*", id=ours, prefix="in/"))

    [drifted] = workflow.drift(stack.run())

    assert drifted.orphan
    assert "test-lost" in drifted.uuid


def test_a_refused_entry_fails_alone_and_leaves_no_statement(stack: Stack, s3: S3Api) -> None:
    stack.plane.world.gone.add("absent")
    write(stack, it=IT, second={**IT, "function_name": "absent", "filter_prefix": "out/"})

    report = stack.apply()

    assert {outcome.change.name: outcome.result for outcome in report.outcomes} == {
        "it": Result.APPLIED,
        "second": Result.FAILED,
    }
    assert len(s3.ids()) == 1
    assert list(workflow.records(stack.run())) == ["it"]


def test_a_function_of_another_account_is_refused(stack: Stack) -> None:
    stack.head = {"allowed_account_ids": ["123456789012"]}
    stack.write({**IT, "function_name": "arn:aws:lambda:eu-west-1:210987654321:function:f"})

    with pytest.raises(AccountError, match="account 210987654321"):
        stack.plan()


def test_one_bucket_that_may_not_be_written_stops_no_other_one(stack: Stack) -> None:
    write(stack, a={**IT, "event_source_arn": "arn:aws:s3:::denied"}, b=IT)
    stack.plane.faults.append(
        lambda method, path: "403 AccessDenied" if method == "PUT" and path.startswith("/denied") else ""
    )

    report = workflow.apply(stack.run(), Selection(), Execution(auto_approve=True, parallelism=1))[1]

    assert [outcome.result for outcome in report.outcomes] == [Result.FAILED, Result.APPLIED]
    assert list(workflow.records(stack.run())) == ["b"]
    assert len(statements(stack)) == 1


def test_an_entry_whose_answer_was_lost_is_known_also_when_it_may_not_be_read_then(stack: Stack, s3: S3Api) -> None:
    lost: list[str] = []

    def fault(method: str, path: str) -> str:
        if path.startswith("/media") and lost:
            return "403 AccessDenied"
        if path.startswith("/media") and method == "PUT":
            lost.append(path)
            return "after"
        return ""

    stack.plane.faults[:] = [fault]
    [outcome] = stack.apply_mapping(IT).outcomes
    assert outcome.result is Result.FAILED
    stack.plane.faults.clear()
    assert len(s3.ids()) == len(statements(stack)) == 1

    assert stack.apply_mapping(None).clean

    assert (s3.ids(), statements(stack)) == ([], [])
