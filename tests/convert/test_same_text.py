"""The same mapping is the same text, whether AWS was asked or a file was read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.convert.entry import entry_yaml
from provisioner.convert.found import Evidence, OwnerKind
from provisioner.errors import UsageError
from provisioner.model.canonical import Canonical
from tests.convert.conversions import converted
from tests.support.control_plane import REGION
from tests.support.fleet import REGIONS, Fleet, populate
from tests.support.workspace import Workspace, sqs


def without_tags(mapping: Canonical) -> Canonical:
    """List answers no tags."""
    return {name: value for name, value in mapping.items() if name != "tags"}


def test_the_answer_of_list_is_what_discover_finds(fleet: Fleet, tmp_path: Path) -> None:
    populate(fleet, 120)
    for region in REGIONS:
        answer = fleet.client(region).list_event_source_mappings()
        offline = {item.found.key: item.found for item in converted(tmp_path, json.dumps(answer, default=str)).named}
        online = [item.found for item in fleet.discover(regions=(region,)).found]
        assert len(online) == len(offline) > 10
        for found in online:
            other = offline[found.key]
            if other.doubts:  # List does not show the filters of a mapping with a key
                assert other.ignored == ["filter_criteria"]
                assert "kms_key_arn" in found.mapping
                continue
            mapping = without_tags(found.mapping)
            assert entry_yaml("m", other, region) == entry_yaml("m", replace(found, mapping=mapping), region)


def state_of(fleet: Fleet) -> str:
    """A state of Terraform that has the mappings of queues."""
    instances = []
    for item in fleet.client().list_event_source_mappings()["EventSourceMappings"]:
        uuid, arn = item["UUID"], item["EventSourceArn"]
        attributes = {
            "uuid": uuid,
            "arn": f"arn:aws:lambda:{REGION}:123456789012:event-source-mapping:{uuid}",
            "function_name": item["FunctionArn"],
            "event_source_arn": arn,
            "batch_size": item["BatchSize"],
            "enabled": True,
        }
        instances.append({"index_key": arn.rpartition(":")[2], "attributes": attributes})
    kind = {"mode": "managed", "type": "aws_lambda_event_source_mapping", "name": "queue", "module": "module.shop"}
    return json.dumps({"version": 4, "serial": 1, "lineage": "l", "resources": [{**kind, "instances": instances}]})


def test_a_terraform_state_names_what_is_found(fleet: Fleet, tmp_path: Path) -> None:
    fleet.queue("f", "orders")
    fleet.queue("g", "paid", BatchSize=5)
    state = tmp_path / "terraform.tfstate"
    state.write_text(state_of(fleet))
    fleet.queue("h", "made-in-the-console")

    found = fleet.discover(names_from=(str(state),))

    assert [(item.name, item.found.owner.kind, item.found.owner.evidence) for item in found.found] == [
        ("h-made-in-the-console", OwnerKind.UNKNOWN, Evidence.NONE),
        ("shop-queue-orders", OwnerKind.TERRAFORM, Evidence.STATE),
        ("shop-queue-paid", OwnerKind.TERRAFORM, Evidence.STATE),
    ]
    assert [item.name for item in found.found if item.found.is_unmanaged] == ["h-made-in-the-console"]
    written = fleet.write(names_from=(str(state),))
    assert sorted(file.path.name for file in written.files) == [
        "provisioner.yaml",
        "terraform-terraform-tfstate.yaml",
        "unknown.yaml",
    ]
    fleet.assert_imported(3)


def test_what_a_state_has_and_aws_does_not_is_named(fleet: Fleet, tmp_path: Path) -> None:
    fleet.queue("f", "orders")
    uuid = fleet.queue("g", "paid")
    state = tmp_path / "terraform.tfstate"
    state.write_text(state_of(fleet))
    fleet.client().delete_event_source_mapping(UUID=uuid)

    [absent] = fleet.discover(names_from=(str(state),)).absent

    assert (absent.name, absent.id) == ('module.shop.aws_lambda_event_source_mapping.queue["paid"]', uuid)
    assert absent.file.endswith("terraform.tfstate")


def test_a_mapping_of_a_state_that_does_not_exist_is_in_a_note(workspace: Workspace) -> None:
    name = {"mode": "managed", "type": "aws_lambda_event_source_mapping", "name": "gone"}
    uuid = "11111111-2222-3333-4444-555555555555"
    arn = f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{uuid}"
    attributes = {"uuid": uuid, "arn": arn, "function_name": "worker", "event_source_arn": sqs()}
    content = {
        "version": 4,
        "serial": 1,
        "lineage": "l",
        "resources": [{**name, "instances": [{"attributes": attributes}]}],
    }
    (workspace.folder / "terraform.tfstate").write_text(json.dumps(content))

    done = workspace.run("discover", "--names-from", "terraform.tfstate", "--region", "eu-west-1")

    assert f"terraform.tfstate: aws_lambda_event_source_mapping.gone is {uuid}, which does not exist" in done.err


def test_names_come_from_a_state_alone(fleet: Fleet, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text('{"EventSourceMappings": []}')

    with pytest.raises(UsageError, match=r"answer\.json is not a state of Terraform"):
        fleet.discover(names_from=(str(answer),))
