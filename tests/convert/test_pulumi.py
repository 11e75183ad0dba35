"""What `pulumi stack export` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.convert.found import Evidence, OwnerKind
from provisioner.convert.handover import handovers
from provisioner.errors import UsageError
from provisioner.model.key import LAMBDA, S3, Key
from tests.convert.conversions import converted, left_out, mappings

UUID = "5f0c1f2e-1111-2222-3333-444455556666"
ARN = "arn:aws:lambda:eu-west-1:123456789012:"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "hidden"}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::{kind}::{name}"


def resource(kind: str = MAPPING, name: str = "orders", **outputs: Any) -> dict[str, Any]:
    return {"urn": urn(kind, name), "type": kind, "id": outputs.get("uuid", name), "outputs": outputs}


def exported(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"manifest": {}, "resources": list(resources)}}


def orders(**outputs: Any) -> dict[str, Any]:
    own = {
        "uuid": UUID,
        "arn": f"{ARN}event-source-mapping:{UUID}",
        "functionName": f"{ARN}function:f",
        "eventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:orders",
        "batchSize": 10,
        "enabled": True,
        "maximumRetryAttempts": 0,
        "startingPosition": "",
    }
    return resource(**{**own, **outputs})


def test_a_mapping_is_read_as_one_of_terraform(tmp_path: Path) -> None:
    filters = {"filters": [{"pattern": '{"body": {"a": [1]}}'}]}
    tags = {"Team": "a", "costCenter": "b"}

    result = converted(
        tmp_path, exported(orders(filterCriteria=filters, tagsAll=tags, scalingConfig={"maximumConcurrency": 4}))
    )

    assert mappings(result) == {
        "orders": {
            "function_name": "f",
            "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:orders",
            "filter_criteria": {"filter": [{"pattern": {"body": {"a": [1]}}}]},
            "scaling_config": {"maximum_concurrency": 4},
            "tags": tags,
        }
    }
    [item] = result.named
    assert item.found.key == Key(LAMBDA, "eu-west-1", UUID)
    assert (item.found.owner.kind, item.found.owner.evidence) == (OwnerKind.PULUMI, Evidence.STATE)


def test_an_entry_of_a_bucket_has_its_id_and_permission(tmp_path: Path) -> None:
    entry = {
        "id": "e",
        "events": ["s3:ObjectCreated:*"],
        "filterPrefix": "in/",
        "lambdaFunctionArn": f"{ARN}function:f",
    }
    permission = {
        "action": "lambda:InvokeFunction",
        "function": "f",
        "principal": "s3.amazonaws.com",
        "sourceArn": "arn:aws:s3:::media",
        "sourceAccount": "123456789012",
        "statementId": "s",
    }

    result = converted(
        tmp_path,
        exported(
            resource("aws:s3/bucketNotification:BucketNotification", "media", bucket="media", lambdaFunctions=[entry]),
            resource("aws:lambda/permission:Permission", "media", **permission),
        ),
    )

    assert mappings(result)["media"]["permission"] == {"statement_id": "s"}
    assert result.named[0].found.key == Key(S3, "eu-west-1", "media/e")


def test_a_secret_is_a_variable(tmp_path: Path) -> None:
    result = converted(tmp_path, exported(orders(filterCriteria=SECRET)))

    assert "hidden" not in result.text
    assert list(result.source.variables) == ["orders_filterCriteria"]


def test_what_is_about_to_be_deleted_is_named(tmp_path: Path) -> None:
    result = converted(tmp_path, exported({**orders(), "delete": True}))

    assert [(what, why) for _, what, why in left_out(result)] == [
        (urn(MAPPING, "orders"), "Pulumi is about to delete it")
    ]


def test_the_hand_over_deletes_the_resource_from_the_state(tmp_path: Path) -> None:
    named = converted(tmp_path, exported(orders())).named

    [handover] = handovers(named, named)

    assert [step.code for step in handover.steps] == [f"pulumi state delete {urn(MAPPING, 'orders')}"]


def test_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is an export of version 2; only version 3 can be read"):
        converted(tmp_path, {**exported(), "version": 2})
