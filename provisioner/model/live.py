"""Live mappings, as AWS has them now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from provisioner.model.canonical import OWN_TAG_PREFIX, Canonical
from provisioner.model.key import Key
from provisioner.model.place import FieldPath
from provisioner.model.sources import SourceKind

ACTIVE: Final = "Active"
BROKEN: Final = "Broken"
"""A mapping that its source keeps is there, but no statement lets the source invoke the function: events are lost."""
MISSING: Final = "Missing"
"""A recorded mapping is gone at its source, and its statement is not."""
DELETING: Final = "Deleting"
"""A mapping is not gone yet (docs/aws/lifecycle.md#states)."""
SETTLED = frozenset({"Enabled", "Disabled", ACTIVE, BROKEN})
"""The final states; every other state ends by itself (docs/aws/lifecycle.md#states)."""

STACK_TAG = f"{OWN_TAG_PREFIX}stack"
LINEAGE_TAG = f"{OWN_TAG_PREFIX}lineage"
NAME_TAG = f"{OWN_TAG_PREFIX}name"
OWNERSHIP_TAGS: Final = (STACK_TAG, LINEAGE_TAG, NAME_TAG)
CLOUDFORMATION_TAG: Final = "aws:cloudformation:stack-name"
"""The tag that CloudFormation sets on a mapping that it creates, and that nobody else can set or remove."""


_BY_USERS = frozenset({"", "USER_INITIATED", "User action"})  # the last is that of streams
_BY_AWS = {
    "ESM_CONFIG_NOT_VALID": "the mapping's configuration is not valid",
    "EVENT_SOURCE_AUTHN_ERROR": "Lambda cannot authenticate to the source",
    "EVENT_SOURCE_AUTHZ_ERROR": "Lambda is not authorized to read from the source",
    "FUNCTION_CONFIG_NOT_VALID": "the function's configuration is not valid",
}
"""Why AWS disables a mapping by itself (docs/aws/kinds.md#answers); other reasons are shown as they are."""


_OPTIONAL: Final = frozenset({("enabled",), ("starting_position_timestamp",)})
"""Paths that can be unknown and that a manifest may leave out."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a mapping, from its ownership tags (docs/architecture.md#state). The lineage makes the owner: stack
    and name are "" where only their tags are missing.
    """

    stack: str
    lineage: str
    name: str

    def tags(self) -> dict[str, str]:
        """The ownership tags, key to value, as they go into the create call."""
        return {STACK_TAG: self.stack, LINEAGE_TAG: self.lineage, NAME_TAG: self.name}


@dataclass(frozen=True, slots=True)
class Status:
    """Live facts that are shown and never compared; "" where an answer lacks one. `last_modified` is RFC 3339 in UTC,
    `filter_error` why Get cannot show the filters (docs/aws/kinds.md#answers).
    """

    state: str
    reason: str = ""
    last_result: str = ""
    last_modified: str = ""
    filter_error: str = ""

    @property
    def settled(self) -> bool:
        """Whether the mapping is in a final state."""
        return self.state in SETTLED

    @property
    def fault(self) -> str:
        """Why AWS itself changed the state, or "" when a user did. Does not look at the state: AWS disabled the mapping
        only where it is disabled too.
        """
        if self.reason in _BY_USERS:
            return ""
        return f"{self.reason} ({_BY_AWS[self.reason]})" if self.reason in _BY_AWS else self.reason


@dataclass(frozen=True, slots=True)
class Live:
    """One mapping as AWS shows it. `unknown` are the paths whose value AWS does not show now, such as filters that it
    cannot decrypt; `mapping` lacks them. `owner` is None without a lineage tag, and where no tags were read. `cloudformation`
    is the stack of CloudFormation that created it, by its tag, or "".
    """

    key: Key
    arn: str
    kind: SourceKind
    mapping: Canonical
    status: Status
    unknown: frozenset[FieldPath] = frozenset()
    owner: Owner | None = None
    cloudformation: str = ""

    @property
    def unseen(self) -> tuple[str, ...]:
        """The fields that the mapping has and AWS does not show, without those that a manifest may leave out, such as a
        consumer group: an entry that lacked one of them would be refused, or would change something.
        """
        return tuple(path[0] for path in sorted(self.unknown - _OPTIONAL) if len(path) == 1)

    @property
    def as_left(self) -> Canonical:
        """The mapping as a person left it: enabled, where AWS disabled it. What an import records as applied."""
        if self.mapping.get("enabled") is False and self.status.fault:
            # Recorded as disabled, the next plan would take AWS's change for an edit of the manifest.
            return {name: value for name, value in self.mapping.items() if name != "enabled"}
        return self.mapping
