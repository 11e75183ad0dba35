"""What exists is found with its owner, written into a manifest, and imported without a change."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner import workflow
from provisioner.convert.found import Evidence, OwnerKind, found_of
from provisioner.convert.text import Named
from provisioner.errors import RefusedError, UsageError
from provisioner.manifest.format import formatted
from provisioner.model.key import Key
from provisioner.model.live import Live, Status
from provisioner.model.plan import grouped
from provisioner.render.discover import discovered_json, discovered_text
from provisioner.render.style import Style
from provisioner.workflow import Selection
from provisioner.workflow.discovering import Discovered
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.fleet import REGIONS, STACK_TAG, Fleet, populate
from tests.support.workspace import Workspace, sqs

OTHERS = {"provisioner:stack": "billing", "provisioner:lineage": "other", "provisioner:name": "theirs"}
CREATED = ["s3:ObjectCreated:*"]


def calls(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are asked for from now on."""
    asked: list[str] = []

    def noted(method: str, path: str) -> str:
        asked.append(f"{method} {path}")
        return ""

    fleet.plane.faults[:] = [noted]
    return asked


# --- a whole fleet ---------------------------------------------------------------------------------------------------


OWNERS = tuple(f"cloudformation:Shop-{number}" for number in range(3))
"""Who else has mappings of a populated fleet."""


def test_three_hundred_mappings_are_written_and_imported_without_a_change(fleet: Fleet) -> None:
    populate(fleet, 300)
    for number in range(12):
        fleet.entry(f"media-{number % 4}", f"thumb-{number}", Id=f"e{number}", Events=CREATED,
                    Filter={"Key": {"FilterRules": [{"Name": "prefix", "Value": f"in-{number}/"}]}})  # fmt: skip

    written = fleet.write(kinds=("lambda", "s3"), regions=REGIONS)

    assert len(written.named) == 312
    assert written.refused == ()
    names = {file.path.relative_to(fleet.folder).as_posix() for file in written.files}
    assert names == {
        "provisioner.yaml", "mappings/unknown.yaml", "mappings/cloudformation-shop-0.yaml",
        "mappings/cloudformation-shop-1.yaml", "mappings/cloudformation-shop-2.yaml",
    }  # fmt: skip
    for file in written.files:
        assert formatted(file.text) == file.text
    with pytest.raises(RefusedError) as refused:  # others own some of them
        workflow.plan(fleet.run(), Selection())
    assert len(grouped(refused.value.problems)) == len(OWNERS)
    fleet.assert_imported(312, *OWNERS)
    texts = {file.path: file.path.read_text(encoding="utf-8") for file in written.files}
    assert fleet.write(kinds=("lambda", "s3"), regions=REGIONS).files == ()
    assert {path: path.read_text(encoding="utf-8") for path in texts} == texts


@pytest.mark.parametrize("by", ["function", "tag:team", "one"])
def test_files_may_be_grouped_otherwise(fleet: Fleet, by: str) -> None:
    populate(fleet, 21)

    fleet.write(by, regions=REGIONS)

    for file in (fleet.folder / "mappings").iterdir():
        assert re.fullmatch(r"[a-z0-9-]{1,64}\.yaml", file.name)
    fleet.assert_imported(21, *OWNERS)


def test_the_calls_do_not_grow_with_the_mappings(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(250):
        fleet.queue(f"f{number}", "q")
    asked = calls(fleet, monkeypatch)
    run = fleet.run()

    workflow.discover(run, workflow.Query())

    assert len([call for call in asked if "event-source-mappings" in call]) == 3
    assert run.calls[0] == 1 + 3 + 3  # the account, the lists, the tags


def test_only_a_mapping_with_a_key_is_read_by_itself(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.queue("f", "q1")
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    filters = {"Filters": [{"Pattern": '{"body":{"a":[1]}}'}]}
    uuid = fleet.queue("f", "q2", KMSKeyArn=key, FilterCriteria=filters)
    asked = calls(fleet, monkeypatch)

    found = fleet.discover().found

    assert [call for call in asked if call.startswith("GET") and len(call) > 60] == [
        f"GET /2015-03-31/event-source-mappings/{uuid}"
    ]
    assert [item.found.mapping.get("filter_criteria") for item in found] == [
        None, {"filter": [{"pattern": {"body": {"a": [1]}}}]},
    ]  # fmt: skip


# --- owners ----------------------------------------------------------------------------------------------------------


def test_an_owner_is_evidence(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.queue("ours", "q1")
    fleet.write(functions=("ours",))
    fleet.assert_imported(1)
    lineage = fleet.run().backend.read().state.lineage
    fleet.queue("lost", "q2", Tags={**OTHERS, "provisioner:lineage": lineage, "provisioner:stack": "fleet"})
    fleet.queue("theirs", "q3", Tags=OTHERS)
    monkeypatch.setattr("provisioner.sandbox.mappings.Mappings._check_tags", lambda *_: None)
    fleet.queue("cdk", "q4", Tags={STACK_TAG: "shop-prod"})
    fleet.queue("console", "q5")
    fleet.queue("tagged", "q6", Tags={"Managed-By": "Terraform"})

    found = fleet.discover()

    owners = {item.found.pair.function: item.found.owner for item in found.found}
    assert {name: (owner.kind, owner.name, owner.evidence) for name, owner in owners.items()} == {
        "ours": (OwnerKind.OURS, "fleet", Evidence.STATE),
        "lost": (OwnerKind.OURS, "fleet", Evidence.TAGS),
        "theirs": (OwnerKind.PROVISIONER, "billing", Evidence.TAGS),
        "cdk": (OwnerKind.CLOUDFORMATION, "shop-prod", Evidence.TAGS),
        "console": (OwnerKind.UNKNOWN, "", Evidence.NONE),
        "tagged": (OwnerKind.TERRAFORM, "", Evidence.GUESS),
    }
    text = discovered_text(found.found, found.unread, Style(), 200)
    assert text.splitlines()[-1] == (
        "6 mappings: 2 of this stack, 1 of other stacks (1 stack), 1 of CloudFormation (1 stack), 1 of Terraform, "
        "1 of unknown owner."
    )
    assert [item.found.pair.function for item in fleet.discover(unmanaged=True).found] == ["console"]


def test_what_another_stack_manages_is_never_written(fleet: Fleet) -> None:
    fleet.queue("theirs", "q1", Tags=OTHERS)
    fleet.queue("console", "q2")

    assert [name for file in fleet.write().files for name in file.names] == ["console-q2"]


def test_the_state_of_another_manifest_counts(fleet: Fleet, tmp_path: Path) -> None:
    fleet.queue("f", "q")
    fleet.write()
    fleet.assert_imported(1)
    fleet.folder = tmp_path / "second"
    fleet.folder.mkdir()

    [item] = fleet.discover(tmp_path / "fleet").found

    assert (str(item.found.owner), item.name, item.found.is_managed) == ("stack fleet", "f-q", True)


def test_an_orphan_keeps_the_name_in_its_tags(fleet: Fleet) -> None:
    fleet.queue("f", "q1")
    fleet.write()
    fleet.assert_imported(1)
    lineage = fleet.run().backend.read().state.lineage
    tags = {"provisioner:lineage": lineage, "provisioner:stack": "fleet", "provisioner:name": "lost"}
    fleet.queue("f", "q2", Tags=tags)

    written = fleet.write()

    assert {file.path.name: file.names for file in written.files if file.names} == {"ours.yaml": ("lost",)}
    fleet.assert_imported(1)


def test_what_cloudformation_has_is_imported_only_when_it_is_named(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.sandbox.mappings.Mappings._check_tags", lambda *_: None)
    fleet.queue("cdk", "q", Tags={STACK_TAG: "shop-prod"})

    written = fleet.write()

    assert [item.found.owner.flag for item in written.named] == ["cloudformation:shop-prod"]
    with pytest.raises(RefusedError):
        workflow.plan(fleet.run(), workflow.Selection())
    fleet.assert_imported(1, written.named[0].found.owner.flag)


# --- a second run ----------------------------------------------------------------------------------------------------


def test_only_what_is_new_is_added_and_no_line_that_stands_changes(fleet: Fleet) -> None:
    for number in range(3):
        fleet.queue(f"f{number}", "q", BatchSize=5, FunctionResponseTypes=["ReportBatchItemFailures"])
    fleet.write()
    path = fleet.folder / "mappings/unknown.yaml"
    path.write_text(path.read_text().replace("  f0-q:\n", "  f0-q:  # the first\n"))
    before, root = path.read_text(), fleet.text("provisioner.yaml")
    fleet.queue("a", "new")

    written = fleet.write()

    assert [file.names for file in written.files] == [("a-new",)]
    after = path.read_text()
    lines = iter(after.splitlines())
    assert all(line in lines for line in before.splitlines())  # each, in this order
    assert fleet.text("provisioner.yaml") == root
    assert "batch_size: 10" in after  # the defaults of the first run do not change it
    fleet.assert_imported(4)


def test_a_mapping_of_the_manifest_is_known_by_its_pair(fleet: Fleet) -> None:
    (fleet.folder / "provisioner.yaml").write_text(
        f"stack: fleet\nmappings:\n  mine: {{ function_name: f, event_source_arn: '{sqs('q')}' }}\n"
    )
    fleet.queue("f", "q")
    fleet.queue("f", "q2")

    found = fleet.discover().found

    assert [(item.name, item.found.declared) for item in found] == [("f-q2", False), ("mine", True)]
    assert [name for file in fleet.write().files for name in file.names] == ["f-q2"]
    assert "include:\n  - mappings/*.yaml\n" in fleet.text("provisioner.yaml")


def test_a_mapping_that_another_line_names_gets_another_name(fleet: Fleet) -> None:
    (fleet.folder / "provisioner.yaml").write_text(
        f"stack: fleet\nmappings:\n  F-Q: {{ function_name: g, event_source_arn: '{sqs('x')}' }}\n"
    )
    fleet.queue("f", "q")

    assert [name for file in fleet.write().files for name in file.names] == ["f-q-sqs"]


def test_a_list_in_one_line_is_not_rewritten(fleet: Fleet) -> None:
    root = fleet.folder / "provisioner.yaml"
    (fleet.folder / "mine").mkdir()
    (fleet.folder / "mine/a.yaml").write_text("mappings: {}\n")
    root.write_text("stack: fleet\ninclude: [mine/*.yaml]\n")
    fleet.queue("f", "q")

    with pytest.raises(UsageError, match="cannot add to include, because it is in flow style") as refused:
        fleet.write()

    assert refused.value.hint.endswith("add this entry under it:\n  - mappings/*.yaml")
    assert not (fleet.folder / "mappings").exists()
    (fleet.folder / "mappings").mkdir()
    (fleet.folder / "mappings/b.yaml").write_text("mappings: {}\n")
    root.write_text("stack: fleet\ninclude: [mine/*.yaml, mappings/*]\n")
    assert [file.path.name for file in fleet.write().files] == ["unknown.yaml"]


def test_a_name_that_leaves_is_not_given_again(fleet: Fleet) -> None:
    (fleet.folder / "provisioner.yaml").write_text("stack: fleet\nremoved:\n  - { from: f-q, destroy: false }\n")
    fleet.queue("f", "q")

    assert [name for file in fleet.write().files for name in file.names] == ["f-q-sqs"]


def test_what_is_imported_and_gone_is_named(fleet: Fleet) -> None:
    uuid = fleet.queue("f", "q")
    fleet.write()
    fleet.client().delete_event_source_mapping(UUID=uuid)

    [gone] = fleet.discover().gone

    assert (gone.name, gone.id) == ("f-q", uuid)
    assert gone.file.endswith("mappings/unknown.yaml")


def test_a_folder_whose_files_are_all_the_manifest_gets_one_beside_them(fleet: Fleet) -> None:
    (fleet.folder / "a.yaml").write_text("stack: fleet\n")
    fleet.queue("f", "q")

    [file] = fleet.write().files

    assert file.path == fleet.folder / "unknown.yaml"
    fleet.assert_imported(1)


def test_a_file_in_the_way_is_not_overwritten(fleet: Fleet) -> None:
    (fleet.folder / "mappings").mkdir()
    other = fleet.folder / "mappings/unknown.yaml"
    other.write_text("theirs: true\n")
    fleet.queue("f", "q")

    with pytest.raises(UsageError, match="exists, and is not a file of this manifest"):
        fleet.write()

    assert other.read_text() == "theirs: true\n"
    assert not (fleet.folder / "provisioner.yaml").exists()


def test_a_link_out_of_the_folder_is_not_followed(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (fleet.folder / "mappings").symlink_to(tmp_path / "outside")
    fleet.queue("f", "q")

    with pytest.raises(UsageError, match="is a symbolic link"):
        fleet.write()

    assert list((tmp_path / "outside").iterdir()) == []


def test_another_stack_than_the_folder_has_is_refused(fleet: Fleet) -> None:
    fleet.queue("f", "q")
    fleet.write()
    fleet.queue("f", "q2")

    with pytest.raises(UsageError, match="has the stack fleet, not other"):
        fleet.write(stack="other")


# --- what cannot be read or written ----------------------------------------------------------------------------------


def test_a_region_that_refuses_is_named_and_the_others_are_read(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.queue("f", "q")
    fleet.queue("g", "q", "us-east-1")
    run = fleet.run()
    # By the order of the calls: the path of a request does not tell its region.
    lists: list[str] = []

    def first_is_denied(method: str, path: str) -> str:
        lists.extend([path] if "event-source-mappings" in path else [])
        return "403" if lists == [path] else ""

    fleet.plane.faults[:] = [first_is_denied]
    monkeypatch.setattr("provisioner.aws.refresh.WORKERS", 1)

    found = workflow.discover(run, workflow.Query(regions=("us-east-1", REGION)))

    assert [(item.kind, item.region) for item in found.unread] == [("lambda", "us-east-1")]
    assert [item.name for item in found.found] == ["f-q"]
    assert as_json(found)["complete"] is False


def test_tags_that_cannot_be_read_are_ignored_by_what_is_written(fleet: Fleet) -> None:
    fleet.queue("f", "q", Tags={"team": "a"})
    run = fleet.run()
    run.check_account("")  # by a call whose path is that of the tagging API too
    fleet.plane.faults[:] = [lambda method, path: "403" if path == "/" or "/tags/" in path else ""]
    found = workflow.discover(run, workflow.Query())
    fleet.plane.faults.clear()

    [item] = found.found
    assert item.found.ignored == ["tags"]
    assert "owners are not known" in found.unread[0].message
    workflow.write(fleet.run(), found, fleet.folder, "owner", "fleet")
    fleet.assert_imported(1)


def test_a_mapping_that_is_being_deleted_is_listed_and_not_written(fleet: Fleet) -> None:
    uuid = fleet.queue("f", "q")
    fleet.queue("g", "q")
    found = fleet.discover()
    [gone] = [item for item in found.found if item.found.key and item.found.key.id == uuid]
    deleting = found_of(Live(Key("lambda", REGION, uuid), "", gone.found.kind, gone.found.mapping, Status("Deleting")))

    written = workflow.write(
        fleet.run(), replace(found, found=(Named("f-q", deleting), found.found[1])), fleet.folder, "one", "fleet"
    )

    assert [(item.name, item.found.refusal) for item in written.refused] == [("f-q", "it is being deleted")]
    assert len(written.named) == 1


def test_filters_that_aws_cannot_read_are_ignored_by_what_is_written(fleet: Fleet) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    filters = {"Filters": [{"Pattern": '{"body":{"a":[1]}}'}]}
    fleet.queue("f", "q", KMSKeyArn=key, FilterCriteria=filters)
    fleet.plane.world.key = "DisabledException"

    [item] = fleet.discover().found

    assert item.found.ignored == ["filter_criteria"]
    assert item.found.fault
    fleet.write()
    text = fleet.text("mappings/unknown.yaml")
    assert "  # filter_criteria: AWS cannot read the filters of this mapping" in text
    fleet.assert_imported(1)


# --- S3 --------------------------------------------------------------------------------------------------------------


def test_the_functions_of_buckets_are_found_and_queues_left_out(fleet: Fleet) -> None:
    fleet.entry("media", "f", Id="console", Events=CREATED)
    fleet.entry("other", "g", Id="lost", Events=CREATED, admitted=False)
    s3 = fleet.plane.client("s3")
    there = s3.get_bucket_notification_configuration(Bucket="media")
    there.pop("ResponseMetadata")
    queue = {"QueueArn": sqs("q"), "Id": "queue", "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="media",
        NotificationConfiguration={**there, "QueueConfigurations": [queue]},
        SkipDestinationValidation=True,
    )

    found = fleet.discover(kinds=("s3",)).found

    assert [(item.name, item.found.state) for item in found] == [("f-media", "Active"), ("g-other", "Broken")]
    assert found[0].found.mapping["permission"] == {"statement_id": "s-media-console"}
    fleet.write(kinds=("s3",))
    # The import of the second changes something: it adds the statement.
    assert fleet.text("mappings/unknown.yaml").count("expect: identical") == 1
    made = workflow.plan(fleet.run(), workflow.Selection())
    assert (made.summary.imported, made.summary.changed, made.problems) == (2, 1, ())


def test_buckets_come_from_the_policies_of_functions_that_are_named(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.entry("media", "f", Id="a", Events=CREATED)
    fleet.entry("other", "g", Id="b", Events=CREATED)
    asked = calls(fleet, monkeypatch)

    found = fleet.discover(kinds=("s3",), functions=("f",)).found

    assert [item.name for item in found] == ["f-media"]
    assert not [call for call in asked if call in ("GET /", "GET /other")]


def test_many_buckets_are_asked_about_first(fleet: Fleet) -> None:
    fleet.buckets += [f"bucket-{number}" for number in range(501)]
    asked: list[int] = []

    found = fleet.discover(kinds=("s3",), proceed=lambda calls: bool(asked.append(calls)))

    assert asked == [501]
    assert [item.message for item in found.unread] == ["the notifications of 501 buckets were not read"]


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_needs_no_manifest(workspace: Workspace) -> None:
    workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs(), Tags={"team": "a"})

    text = workspace.run("discover", AWS_REGION=REGION).out
    document = json.loads(workspace.run("discover", "--json", "--tag", "team=a", AWS_REGION=REGION).out)

    assert re.search(r"^worker-q1 +sqs +worker +q1 +unknown +\w+ +-$", text, re.MULTILINE)
    [item] = document["mappings"]
    assert (item["name"], item["function"], item["source"], item["tags"]) == (
        "worker-q1",
        "worker",
        sqs(),
        {"team": "a"},
    )
    assert document["summary"]["unmanaged"] == 1
    assert json.loads(workspace.run("discover", "--json", "--tag", "team=b", AWS_REGION=REGION).out)["mappings"] == []


def test_a_broken_manifest_of_the_folder_is_left_aside(workspace: Workspace) -> None:
    workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs())
    for text in ("stack: [", "stack: s\nnonsense: 1\n"):
        workspace.write_text(text)

        done = workspace.run("discover", "--region", REGION)
        workspace.run("discover", "--region", REGION, "--write", "elsewhere", "--name", "test")

        assert "worker-q1" in done.out
        assert "has errors and is left aside: `provisioner validate` shows them" in done.err
        workspace.run("discover", "-f", "provisioner.yaml", "--region", REGION, code=1)
        workspace.run("discover", "--write", ".", "--region", REGION, code=1)


def test_check_finds_what_the_console_made(workspace: Workspace) -> None:
    uuid = workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs())["UUID"]
    workspace.settled(uuid)
    workspace.run("discover", "--check", "--region", REGION, code=2)

    done = workspace.run("discover", "--write", ".", "--name", "test", "--region", REGION)

    assert "1 mapping written. `provisioner plan -f .` shows what an apply would import." in done.err
    workspace.run("discover", "--check", code=0)
    assert "1 to import, 0 to add, 0 to change" in workspace.plan()
    workspace.apply()
    workspace.assert_in_sync()
    workspace.run("discover", "--check", code=0)
    workspace.run("fmt", "--check", ".")


def test_what_cannot_be_read_is_a_warning_and_exit_3(workspace: Workspace) -> None:
    done = workspace.run("discover", "--region", REGION, code=3, AWS_ENDPOINT_URL_LAMBDA="http://127.0.0.1:9")

    assert f"warning: lambda in {REGION}: listing mappings: Could not connect" in done.err
    assert done.out == "0 mappings: 1 not readable.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "colour"], "none of owner, function, tag:KEY and one"),
        (["--by", "one"], "--name and --by are for --write"),
        (["--region", "nowhere"], "'nowhere' is not a region"),
        (["--region", REGION, "--all-regions"], "exclude each other"),
        (["-f", "absent"], "no such file or folder"),
        (["--write", "x y", "--region", REGION], "'x y' is not a valid stack name"),
    ],
)
def test_what_makes_no_sense_is_refused(workspace: Workspace, arguments: list[str], message: str) -> None:
    workspace.aws.create_event_source_mapping(FunctionName="worker", EventSourceArn=sqs())

    assert message in workspace.run("discover", *arguments, code=1).err


def as_json(found: Discovered) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(discovered_json(found.account, found.regions, found.found, found.unread))
    return document


def test_all_regions_are_those_that_are_enabled(fleet: Fleet) -> None:
    fleet.queue("f", "q", "us-east-1")

    document = as_json(fleet.discover(all_regions=True))

    assert document["regions"] == sorted(REGIONS)
    assert [item["region"] for item in document["mappings"]] == ["us-east-1"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"functions": ("work*",)}, ["worker-q1", "worker-live-q1"]),
        ({"functions": ("worker:live",)}, ["worker-live-q1"]),
        ({"sources": ("q1",)}, ["worker-q1", "worker-live-q1"]),
        ({"sources": ("arn:aws:sqs:*:q2",)}, ["other-q2"]),
        ({"tags": (("team", None),)}, ["other-q2"]),
        ({"tags": (("team", "b"),)}, []),
    ],
)
def test_what_is_asked_for_is_shown(fleet: Fleet, query: dict[str, Any], names: list[str]) -> None:
    fleet.queue("worker", "q1")
    fleet.queue("worker:live", "q1")
    fleet.queue("other", "q2", Tags={"team": "a"})

    assert {item["name"] for item in as_json(fleet.discover(**query))["mappings"]} == set(names)
