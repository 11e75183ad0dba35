"""A role with the policy that is printed creates a mapping of each kind, and one that lacks an action that AWS checks does
not (docs/aws/permissions.md#by-kind).
"""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.aws.convert import create_request
from provisioner.kinds.canonical import canonical
from provisioner.kinds.permissions import grants
from provisioner.model.sources import kind_of
from tests.behaviour.test_fields_by_kind import KINDS
from tests.support.control_plane import ACCOUNT
from tests.support.lambda_api import KINESIS, LambdaApi, refusal

MAPPINGS: dict[str, dict[str, Any]] = {
    **KINDS,
    "consumer": {**KINDS["kinesis"], "event_source_arn": f"{KINESIS}/consumer/c:1"},
}


class AllBut(set[str]):
    """Every action but these."""

    def __contains__(self, item: object) -> bool:
        return not super().__contains__(item)


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_role_with_the_policy_creates_a_mapping_and_one_without_what_is_required_does_not(
    plane: LambdaApi, name: str
) -> None:
    kind = kind_of(MAPPINGS[name])
    assert kind
    mapping = canonical({**MAPPINGS[name], "function_name": "f"}, kind)
    found = list(grants(mapping, kind, ACCOUNT))
    allowed = {"sts:AssumeRole", *(action for grant in found for action in grant.actions)}
    required = {action for grant in found for action in grant.required}

    for action in required:
        plane.world.denied = AllBut(allowed - {action})
        refusal(plane.client.create_event_source_mapping, **create_request(mapping, None))
    plane.world.denied = AllBut(required | {"sts:AssumeRole"})
    plane.client.create_event_source_mapping(**create_request(mapping, None))


@pytest.mark.parametrize("name", MAPPINGS)
def test_what_is_unneeded_is_not_required(name: str) -> None:
    kind = kind_of(MAPPINGS[name])
    assert kind

    for grant in grants(canonical(MAPPINGS[name], kind), kind, ACCOUNT):
        assert grant.required | grant.unneeded <= set(grant.actions)
        assert grant.required.isdisjoint(grant.unneeded)
