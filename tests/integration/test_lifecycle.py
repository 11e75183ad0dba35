"""The life of a mapping through the real command, against the sandbox. Every story ends in sync."""

from __future__ import annotations

import re

import pytest

from tests.support.workspace import ACCOUNT, Workspace, kinesis, sqs

ONE = f"""
orders:
  function_name: worker
  event_source_arn: {sqs()}
  batch_size: 5
"""


def test_basic(workspace: Workspace) -> None:
    workspace.write(ONE)

    plan = workspace.plan()
    applied = workspace.apply()

    assert "# orders will be created" in plan
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in plan
    assert "Apply complete! Mappings: 1 added, 0 changed, 0 destroyed." in applied.out
    [live] = workspace.live().values()
    assert (live["BatchSize"], live["State"], live["EventSourceArn"]) == (5, "Enabled", sqs())
    workspace.assert_in_sync()


def test_a_second_apply_does_nothing(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    before = workspace.live()
    state = (workspace.folder / "state/test.json").read_text()

    second = workspace.apply()

    assert "No changes." in second.out
    assert workspace.live() == before
    assert (workspace.folder / "state/test.json").read_text() == state


def test_detailed_exitcode(workspace: Workspace) -> None:
    workspace.write(ONE)

    assert workspace.run("plan", "-detailed-exitcode", code=None).code == 2
    workspace.apply()
    assert workspace.run("plan", "--detailed-exitcode", code=None).code == 0


def test_ownership_tags_go_into_the_create_call_and_never_show(workspace: Workspace) -> None:
    workspace.write(ONE + "  tags: { team: orders }\n")
    workspace.apply()

    [live] = workspace.live().values()
    tags = workspace.aws.list_tags(Resource=live["EventSourceMappingArn"])["Tags"]

    assert tags.pop("provisioner:lineage")
    assert tags == {"team": "orders", "provisioner:stack": "test", "provisioner:name": "orders"}
    workspace.assert_in_sync()


def test_an_update_in_place_sends_only_what_changed(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    uuid = workspace.uuid("orders")
    workspace.write(ONE.replace("batch_size: 5", "batch_size: 7"))

    plan = workspace.plan()
    workspace.apply()

    assert "~ batch_size = 5 -> 7  # edit" in plan
    assert workspace.live()[uuid]["BatchSize"] == 7
    workspace.assert_in_sync()


def test_a_removed_line_resets_to_the_default(workspace: Workspace) -> None:
    workspace.write(
        f"""
        orders:
          function_name: worker
          event_source_arn: {sqs()}
          batch_size: 7
          scaling_config: {{ maximum_concurrency: 5 }}
          function_response_types: [ReportBatchItemFailures]
          filter_criteria: {{ filter: [{{ pattern: {{ body: {{ a: [1] }} }} }}] }}
          enabled: false
          tags: {{ team: orders }}
        """
    )
    workspace.apply()
    workspace.write(f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}")

    plan = workspace.plan()
    workspace.apply()

    assert re.search(r"~ batch_size +\S* *= 7 -> 10  # edit: line removed, so AWS's default applies", plan)
    [live] = workspace.live().values()
    assert live["BatchSize"] == 10
    assert live["FunctionResponseTypes"] == []
    assert not live.keys() & {"ScalingConfig", "FilterCriteria"}
    assert live["State"] == "Enabled"
    workspace.assert_in_sync()


def test_disappears(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    gone = workspace.uuid("orders")
    workspace.aws.delete_event_source_mapping(UUID=gone)

    plan = workspace.plan()
    workspace.apply()

    assert f"# orders will be created\n  # (the recorded mapping {gone} no longer exists)" in plan
    assert workspace.uuid("orders") != gone
    workspace.assert_in_sync()


def test_disabled_by_hand_is_drift(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    uuid = workspace.uuid("orders")
    workspace.aws.update_event_source_mapping(UUID=uuid, Enabled=False)
    workspace.settled(uuid)

    plan = workspace.plan()
    workspace.apply()

    assert "~ enabled = false -> true  # drift: true was applied" in plan
    assert workspace.live()[uuid]["State"] == "Enabled"
    workspace.assert_in_sync()


def test_both_moved_is_a_conflict(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    uuid = workspace.uuid("orders")
    workspace.aws.update_event_source_mapping(UUID=uuid, BatchSize=6)
    workspace.settled(uuid)
    workspace.write(ONE.replace("batch_size: 5", "batch_size: 7"))

    assert "~ batch_size = 6 -> 7  # conflict: 5 was applied" in workspace.plan()


def test_zero_and_minus_one_are_values(workspace: Workspace) -> None:
    entry = f"clicks: {{ function_name: worker, event_source_arn: '{kinesis()}', starting_position: LATEST"
    for retries, shown in (("0", 0), ("-1", -1), ("3", 3), ("0", 0)):
        workspace.write(f"{entry}, maximum_retry_attempts: {retries} }}")
        workspace.apply()
        [live] = workspace.live().values()
        assert live["MaximumRetryAttempts"] == shown
        workspace.assert_in_sync()
    workspace.write(f"{entry} }}")
    assert "maximum_retry_attempts = 0 -> -1" in workspace.plan()
    workspace.apply()
    workspace.assert_in_sync()


def test_a_new_source_creates_before_it_deletes(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    old = workspace.uuid("orders")
    workspace.write(ONE.replace(sqs(), sqs("q2")))

    plan = workspace.plan()
    workspace.apply()

    assert "+/- create replacement and then destroy" in plan
    assert "# orders must be replaced" in plan
    assert f'~ event_source_arn = "{sqs()}" -> "{sqs("q2")}"  # forces replacement, edit' in plan
    assert list(workspace.live()) == [workspace.uuid("orders")] != [old]
    workspace.assert_in_sync()


def test_a_failed_create_of_a_replacement_leaves_the_old_one_running(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    old = workspace.uuid("orders")
    workspace.write(ONE.replace(sqs(), sqs("no-such-queue")))

    failed = workspace.apply("--checks", "off", code=3)

    assert "Apply incomplete: 0 applied, 1 failed, 0 not attempted." in failed.out
    assert "The specified queue does not exist." in failed.out
    assert list(workspace.live()) == [old] == [workspace.uuid("orders")]
    workspace.write(ONE)
    workspace.assert_in_sync()


def test_a_new_starting_position_deletes_before_it_creates(workspace: Workspace) -> None:
    entry = f"clicks: {{ function_name: worker, event_source_arn: '{kinesis()}', starting_position: POSITION }}"
    workspace.write(entry.replace("POSITION", "LATEST"))
    workspace.apply()
    old = workspace.uuid("clicks")
    workspace.write(entry.replace("POSITION", "TRIM_HORIZON"))

    plan = workspace.plan()
    workspace.apply()

    assert "-/+ destroy and then create replacement" in plan
    [live] = workspace.live().values()
    assert live["StartingPosition"] == "TRIM_HORIZON"
    assert live["UUID"] == workspace.uuid("clicks") != old
    workspace.assert_in_sync()


def test_a_new_function_is_an_update_in_place(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    uuid = workspace.uuid("orders")
    workspace.write(ONE.replace("worker", "worker:live"))

    workspace.apply()

    assert workspace.live()[uuid]["FunctionArn"].endswith(":function:worker:live")
    workspace.assert_in_sync()


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        ({"a": "q1"}, {"z": "q1"}, {"z": "a"}),
        ({"a": "q1", "b": "q2"}, {"b": "q1", "c": "q2"}, {"b": "a", "c": "b"}),
        ({"a": "q1", "b": "q2"}, {"a": "q2", "b": "q1"}, {"a": "b", "b": "a"}),
    ],
    ids=["rename", "chain", "swap"],
)
def test_names_move_without_a_call(
    workspace: Workspace, before: dict[str, str], after: dict[str, str], moves: dict[str, str]
) -> None:
    def manifest(queues: dict[str, str]) -> str:
        return "\n".join(
            f"{name}: {{ function_name: worker, event_source_arn: '{sqs(queue)}' }}" for name, queue in queues.items()
        )

    workspace.write(manifest(before))
    workspace.apply()
    live = workspace.live()
    held = {name: workspace.uuid(name) for name in before}
    workspace.write(manifest(after))

    plan = workspace.plan()
    workspace.apply()

    for name, old in moves.items():
        assert f"# {name} has moved from {old}" in plan
        assert workspace.uuid(name) == held[old]
    assert workspace.live() == live
    workspace.assert_in_sync()


def test_a_name_that_leaves_is_deleted_and_destroy_deletes_the_rest(workspace: Workspace) -> None:
    both = ONE + f"other: {{ function_name: other, event_source_arn: '{sqs('q2')}' }}\n"
    workspace.write(both)
    workspace.apply()
    workspace.write(ONE)

    plan = workspace.plan()
    workspace.apply()

    assert "# other will be destroyed\n  # (other is not in the manifest)" in plan
    assert list(workspace.live()) == [workspace.uuid("orders")]
    workspace.assert_in_sync()
    workspace.run("destroy", "--auto-approve")
    assert workspace.live() == {}
    assert workspace.run("state", "list").out == ""


def test_a_mapping_that_is_gone_and_unwanted_is_forgotten(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    workspace.aws.delete_event_source_mapping(UUID=workspace.uuid("orders"))
    workspace.write("")

    plan = workspace.plan()
    workspace.apply()

    assert "# orders will no longer be managed, but will not be destroyed\n  # (it no longer exists in AWS)" in plan
    assert "1 to forget" in plan
    workspace.assert_in_sync()


def test_tags_are_set_changed_and_removed_without_an_update(workspace: Workspace) -> None:
    workspace.write(ONE + "  tags: { team: orders, tier: gold }\n")
    workspace.apply()
    [before] = workspace.live().values()
    workspace.write(ONE + "  tags: { team: payments, owner: '' }\n")

    plan = workspace.plan()
    workspace.apply()

    assert '~ team  = "orders" -> "payments"  # edit' in plan
    assert '- tier  = "gold" -> null  # edit' in plan
    [after] = workspace.live().values()
    assert after == before
    tags = workspace.aws.list_tags(Resource=after["EventSourceMappingArn"])["Tags"]
    assert {key: value for key, value in tags.items() if ":" not in key} == {"team": "payments", "owner": ""}
    workspace.assert_in_sync()


GOOD_AND_BAD = f"""
bad: {{ function_name: worker, event_source_arn: '{sqs("no-such-queue")}' }}
good: {{ function_name: worker, event_source_arn: '{sqs()}' }}
"""


def test_one_failed_change_does_not_stop_the_others(workspace: Workspace) -> None:
    workspace.write(GOOD_AND_BAD)

    result = workspace.apply("--checks", "off", code=3)

    assert "Apply incomplete: 1 applied, 1 failed, 0 not attempted." in result.out
    assert (
        "bad: failed: creating the mapping for worker in eu-west-1: InvalidParameterValueException: Error" in result.out
    )
    assert [item["EventSourceArn"] for item in workspace.live().values()] == [sqs()]


def test_fail_fast_starts_nothing_new(workspace: Workspace) -> None:
    workspace.write(GOOD_AND_BAD)

    result = workspace.apply("--fail-fast", "--parallelism", "1", "--checks", "off", code=3)

    assert "0 applied, 1 failed, 1 not attempted." in result.out
    assert "good: not attempted: bad failed and --fail-fast is set" in result.out
    assert workspace.live() == {}


def test_a_pair_that_its_holder_gives_up_moves_although_the_holder_stays(workspace: Workspace) -> None:
    workspace.write(f"a: {{ function_name: worker, event_source_arn: '{sqs('q1')}' }}")
    workspace.apply()
    held = workspace.uuid("a")
    workspace.write(
        f"""
        a: {{ function_name: worker, event_source_arn: '{sqs("q2")}' }}
        b: {{ function_name: worker, event_source_arn: '{sqs("q1")}' }}
        """
    )

    plan = workspace.plan()
    workspace.apply()

    assert "# b has moved from a" in plan
    assert "# a will be created" in plan
    assert workspace.uuid("b") == held
    workspace.assert_in_sync()


def test_targets_and_excludes(workspace: Workspace) -> None:
    workspace.write(
        f"""
        orders-eu: {{ function_name: worker, event_source_arn: '{sqs("q1")}' }}
        orders-us: {{ function_name: worker, event_source_arn: '{sqs("q2")}' }}
        other: {{ function_name: worker, event_source_arn: '{sqs("q3")}' }}
        """
    )

    assert "Plan: 2 to add" in workspace.plan("-target=orders-*")
    assert "Plan: 1 to add" in workspace.plan("--target", "orders-*", "--exclude", "orders-us")
    unknown = workspace.run("plan", "--target", "oders-eu", code=1)
    assert "--target oders-eu: no mapping has this name\n  did you mean orders-eu" in unknown.err


def test_destroy_of_a_target_leaves_the_rest(workspace: Workspace) -> None:
    workspace.write(ONE + f"other: {{ function_name: other, event_source_arn: '{sqs('q2')}' }}\n")
    workspace.apply()

    plan = workspace.plan("--destroy", "--target", "other")
    workspace.run("destroy", "--auto-approve", "--target", "other")

    assert "Plan: 0 to add, 0 to change, 1 to destroy." in plan
    assert list(workspace.live()) == [workspace.uuid("orders")]


def test_replace_on_request(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    old = workspace.uuid("orders")

    plan = workspace.plan("--replace", "orders")
    workspace.apply("--replace", "orders")

    assert "# orders will be replaced, as requested" in plan
    assert workspace.uuid("orders") != old
    workspace.assert_in_sync()


def test_prevent_destroy_outlives_the_manifest_entry(workspace: Workspace) -> None:
    workspace.write(ONE + "  lifecycle: { prevent_destroy: true }\n")
    workspace.apply()
    workspace.write("")

    refused = workspace.run("apply", "--auto-approve", code=1)

    assert "orders: has prevent_destroy, but removing it from the manifest would delete it" in refused.err
    assert list(workspace.live()) == [workspace.uuid("orders")]
    workspace.write(ONE)
    workspace.apply()
    workspace.write("")
    workspace.apply()
    assert workspace.live() == {}


def test_a_mapping_that_exists_is_not_possible_with_the_line_to_paste_and_adopted_when_asked(
    workspace: Workspace,
) -> None:
    uuid = workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs(), BatchSize=3)["UUID"]
    workspace.settled(uuid)
    workspace.write(ONE)

    before = workspace.plan()
    workspace.write(ONE + "  lifecycle: { on_conflict: adopt }\n")
    plan = workspace.plan()
    workspace.apply()

    assert f"import it: `provisioner import orders {uuid}`" in before
    assert "Plan: 0 to add, 0 to change, 0 to destroy, 1 not possible." in before
    assert f"# (imported as {uuid})" in plan
    assert "Plan: 1 to import, 0 to add, 1 to change, 0 to destroy." in plan
    assert workspace.live()[uuid]["BatchSize"] == 5
    workspace.assert_in_sync()


def test_imports_in_the_manifest_are_adopted_once(workspace: Workspace) -> None:
    uuid = workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs(), BatchSize=5)["UUID"]
    workspace.settled(uuid)
    workspace.write(ONE, head=f"imports: [{{ to: orders, id: {uuid} }}]\n")

    plan = workspace.plan()
    workspace.apply()

    assert "# orders will be imported" in plan
    assert workspace.uuid("orders") == uuid
    workspace.assert_in_sync()


def test_a_mapping_made_by_this_state_and_lost_from_it_is_taken_over_unasked(workspace: Workspace) -> None:
    """What a crash between AWS's answer and the journal leaves behind."""
    workspace.write(ONE + f"other: {{ function_name: other, event_source_arn: '{sqs('q2')}' }}\n")
    workspace.apply()
    path = workspace.folder / "state/test.json"
    uuid = workspace.uuid("orders")
    path.write_text(re.sub(r'    "orders": \{.*?\n    \},\n', "", path.read_text(), flags=re.DOTALL))
    assert "orders" not in workspace.run("state", "list").out

    workspace.apply()

    assert workspace.uuid("orders") == uuid
    assert len(workspace.live()) == 2
    workspace.assert_in_sync()


def test_another_state_of_the_same_stack_takes_nothing_over(workspace: Workspace) -> None:
    workspace.write(ONE)
    workspace.apply()
    (workspace.folder / "state/test.json").unlink()

    refused = workspace.run("apply", "--auto-approve", code=3)

    assert "belongs to another state of stack test" in refused.out
    assert len(workspace.live()) == 1


def test_a_function_reference_in_any_spelling_is_one(workspace: Workspace) -> None:
    full = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:worker:live"
    for spelling in ("worker:live", full, f"{ACCOUNT}:function:worker:live"):
        workspace.write(ONE.replace("function_name: worker", f"function_name: '{spelling}'"))
        workspace.apply()
        workspace.assert_in_sync()
    assert len(workspace.live()) == 1
