"""The attributes of Terraform's resources for mappings that a bucket keeps, and for the statements that let S3 invoke their
functions: `aws_s3_bucket_notification` with our one entry, and `aws_lambda_permission`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from provisioner.kinds.s3_kind import bucket_of
from provisioner.model.canonical import Canonical
from provisioner.model.place import FieldPath
from provisioner.model.plan import Action, Change
from provisioner.model.references import function_arn

COMPUTED: Final = ("id",)
"""What Terraform knows of a notification, and of a statement, only once it is there."""

_STEPS: Final[Mapping[str, list[str | int]]] = {
    "event_source_arn": ["bucket"],
    "id": ["lambda_function", 0, "id"],
    "function_name": ["lambda_function", 0, "lambda_function_arn"],
}
"""Where Terraform has a field of ours that replaces."""


def entry_attributes(mapping: Canonical, region: str, account: str) -> dict[str, Any]:
    """A mapping as the notification of its bucket that has this one entry, without what is computed."""
    function = mapping.get("function_name")
    entry = {
        "events": mapping.get("events", []),
        "filter_prefix": mapping.get("filter_prefix"),
        "filter_suffix": mapping.get("filter_suffix"),
        "id": mapping.get("id"),
        "lambda_function_arn": function and function_arn(function, region, account),
    }
    return {"bucket": bucket_of(mapping), "lambda_function": [entry], "region": region}


def entry_steps(path: FieldPath) -> list[str | int]:
    """The attribute of a field that replaces."""
    return _STEPS.get(path[0], ["lambda_function", 0, path[0]])


def changes_entry(change: Change) -> bool:
    """Whether a change is about the entry, and not about its statement alone."""
    return change.action is not Action.UPDATE or any(field.path[0] != "permission" for field in change.fields)


def entry_calls(change: Change) -> list[str]:
    """The calls that change the entry: one write of a bucket is for all its entries."""
    if not change.calls_aws or not changes_entry(change):
        return []
    before, after = change.live.mapping if change.live else {}, change.desired or {}
    moves = change.action is Action.REPLACE and bucket_of(before) != bucket_of(after)
    return ["PutBucketNotificationConfiguration"] * (2 if moves else 1)
