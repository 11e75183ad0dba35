"""How to talk to AWS."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.references import partition_of


def takes_tags(region: str) -> bool:
    """Whether AWS is known to take tags on mappings of a region: those of the partition `aws`. Others were reported to
    refuse them (docs/aws/tags.md).
    """
    return partition_of(region) == "aws"


@dataclass(frozen=True, slots=True)
class AssumeRole:
    """A role to assume before the first call."""

    role_arn: str
    session_name: str = "provisioner"
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """How to talk to AWS. Timeouts are in seconds. "" and an empty collection mean that the manifest has no value; None
    means the default that the README names, which depends on the region or the endpoint.
    """

    region: str = ""
    profile: str = ""
    endpoint_url: str = ""
    allowed_account_ids: tuple[str, ...] = ()
    assume_role: AssumeRole | None = None
    ignore_tag_keys: frozenset[str] = frozenset()
    ignore_tag_prefixes: tuple[str, ...] = ()
    ownership_tags: bool | None = None
    max_requests_per_second: float | None = None
    retry_timeout: float = 300.0
    settle_timeout: float = 600.0

    def tags_ownership(self, region: str) -> bool:
        """Whether mappings of a region get ownership tags: as the manifest states, else as `takes_tags` has it."""
        return takes_tags(region) if self.ownership_tags is None else self.ownership_tags
