"""The risks of changes to mappings that a bucket keeps."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.kinds.push_risk import risks
from provisioner.kinds.s3_kind import BUCKET_NOTIFICATION
from provisioner.model.key import S3, Key
from provisioner.model.live import ACTIVE, Live, Status
from provisioner.model.plan import Action, Change
from provisioner.model.sources import SourceKind

BEFORE: dict[str, Any] = {
    "function_name": "f",
    "event_source_arn": "arn:aws:s3:::media",
    "events": ["s3:ObjectCreated:*"],
    "filter_prefix": "in/",
    "filter_suffix": ".jpg",
    "id": "x",
}


def codes(action: Action, after: dict[str, Any] | None, *, deposed: bool = False) -> list[str]:
    key = Key(S3, "eu-west-1", "media/x")
    live = Live(key, "arn:aws:s3:::media", SourceKind.S3, BEFORE, Status(ACTIVE))
    change = Change(
        name="m",
        action=action,
        region="eu-west-1",
        pair=BUCKET_NOTIFICATION.pair(after or BEFORE, "eu-west-1"),
        existing=key,
        live=live,
        desired=after,
        deposed=deposed,
    )
    return [risk.code for risk in risks(change)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"filter_prefix": "in/deep/"}, ["R401"]),
        ({"filter_prefix": "out/"}, ["R401"]),
        ({"filter_suffix": "x.jpg"}, ["R401"]),
        ({"events": ["s3:ObjectCreated:Put"]}, ["R401"]),
        ({"events": ["s3:ObjectRemoved:*"]}, ["R401"]),
        ({"filter_prefix": "i"}, ["R404"]),
        ({"filter_suffix": "jpg"}, ["R404"]),
        ({"events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}, ["R404"]),
        ({"function_name": "g"}, ["R402"]),
        ({"function_name": "g", "filter_prefix": "out/"}, ["R401", "R402"]),
        ({"permission": "none"}, []),
    ],
)
def test_an_update_names_what_is_lost_and_what_is_new(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(Action.UPDATE, {**BEFORE, **change}) == expected


def test_an_event_is_covered_by_its_wildcard() -> None:
    wider = {**BEFORE, "events": ["s3:ObjectCreated:*", "s3:ObjectCreated:Put"]}

    assert codes(Action.UPDATE, wider) == []


def test_another_bucket_and_another_id_are_not_the_same() -> None:
    assert codes(Action.REPLACE, {**BEFORE, "event_source_arn": "arn:aws:s3:::other"}) == ["R401"]
    assert codes(Action.REPLACE, {**BEFORE, "id": "y"}) == []


def test_a_deletion_ends_the_events_and_what_a_replacement_left_does_not() -> None:
    assert codes(Action.DELETE, None) == ["R403"]
    assert codes(Action.DELETE, None, deposed=True) == []
