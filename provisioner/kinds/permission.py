"""The members of a mapping's `permission`, and what AddPermission takes in each (docs/aws/push.md#statements)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from provisioner.kinds.rows import Legal, Limits

LIMITS: Final[Mapping[str, Limits]] = {
    "statement_id": Limits(bounds=(1, 100), legal=Legal(r"[a-zA-Z0-9-_]+", "made of letters, digits, '-' and '_'")),
    "principal": Limits(bounds=(1, 2048), legal=Legal(r"[^\s]+", "a principal, which has no spaces")),
    # The API takes wildcards in it. Regions are left open, because new partitions appear.
    "source_arn": Limits(
        bounds=(1, 10000),
        legal=Legal(
            r"arn:aws[a-zA-Z0-9-]*:[a-zA-Z0-9-]+:[a-z0-9-]*:(\d{12})?:.*", "an ARN such as arn:aws:s3:::BUCKET"
        ),
    ),
    "source_account": Limits(legal=Legal(r"\d{12}", "an account ID of 12 digits")),
}
"""The members, in the order in which they are shown. A null is a member that the statement does not have."""

ALWAYS: Final = frozenset({"statement_id", "principal"})
"""The members that each statement has: null cannot stand there."""
