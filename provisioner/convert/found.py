"""Mappings that were found, wherever that was, with all that decides how they are written into a manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provisioner.convert.unknown import unknown_parts
from provisioner.foreign_text import one_line
from provisioner.kinds import KINDS, kind_for
from provisioner.kinds.ids import key_of_text, text_of
from provisioner.model.canonical import Canonical, with_value
from provisioner.model.key import Key
from provisioner.model.live import CLOUDFORMATION_TAG, DELETING, LINEAGE_TAG, STACK_TAG, Live
from provisioner.model.references import Pair
from provisioner.model.sources import SourceKind

IGNORED: Final = "ignore_changes"
"""What stands in a manifest instead of a value that is not known: the field is listed there."""


class OwnerKind(StrEnum):
    """Who manages a mapping."""

    OURS = "ours"  # the stack whose manifest was read
    PROVISIONER = "provisioner"  # another stack of provisioner
    CLOUDFORMATION = "cloudformation"
    TERRAFORM = "terraform"  # or OpenTofu
    ACK = "ack"
    CROSSPLANE = "crossplane"
    ANSIBLE = "ansible"
    PULUMI = "pulumi"
    UNKNOWN = "unknown"  # nothing that was looked at names an owner


class Evidence(StrEnum):
    """How an owner is known."""

    STATE = "state"
    TAGS = "tags"
    STACK = "stack"  # a stack of CloudFormation lists it
    GUESS = "guess"  # a tag such as managed-by, which anybody can set
    FILE = "file"  # what a tool deploys; whether it has done so, the file does not say
    NONE = "none"


TITLES: Final = {
    OwnerKind.CLOUDFORMATION: "CloudFormation",
    OwnerKind.TERRAFORM: "Terraform",
    OwnerKind.ACK: "ACK",
    OwnerKind.CROSSPLANE: "Crossplane",
    OwnerKind.ANSIBLE: "Ansible",
    OwnerKind.PULUMI: "Pulumi",
}
"""Other tools by name."""


_MANAGED_BY: Final = ("managedby", "createdby", "provisionedby", "iac", "iactool")
"""Tags that say by which tool something is managed, without case, hyphens and underscores."""
_SPELLING: Final = re.compile("[-_: ]")
_TOOLS: Final = {
    **{title.lower(): kind for kind, title in TITLES.items()},
    **dict.fromkeys(("opentofu", "terragrunt"), OwnerKind.TERRAFORM),
    **dict.fromkeys(("cdk", "sam", "serverless", "serverless framework"), OwnerKind.CLOUDFORMATION),
}
"""Tools as such tags name them."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who manages a mapping, as far as there is evidence. `name` is that of the stack, or of the file that names the mapping;
    `address` is what the owner calls it, or "". `is_part`: it has no resource of its own there, as an event of a function or an
    entry of a bucket. `permission` is the address of what lets its source invoke the function, or "".
    """

    kind: OwnerKind = OwnerKind.UNKNOWN
    name: str = ""
    evidence: Evidence = Evidence.NONE
    address: str = ""
    is_part: bool = False
    permission: str = ""

    def __str__(self) -> str:
        match self.kind:
            case OwnerKind.OURS:
                return "this stack"
            case OwnerKind.PROVISIONER:
                return f"stack {self.name}"
            case OwnerKind.UNKNOWN:
                return "unknown"
        if self.evidence is Evidence.GUESS:
            return f"{TITLES[self.kind]}, by a tag"
        from_file = self.evidence in (Evidence.STATE, Evidence.FILE)
        return f"{TITLES[self.kind]} {'file' if from_file else 'stack'} {self.name}"

    @property
    def flag(self) -> str:
        """The owner as `--from-owner` of a plan names it, where another one has to be named; else ""."""
        return (
            f"{self.kind}:{self.name}"
            if self.evidence is Evidence.TAGS and self.kind is OwnerKind.CLOUDFORMATION
            else ""
        )


UNKNOWN: Final = Ownership()


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is not known of a field: why, and what stands in the manifest instead; `IGNORED` for `lifecycle`."""

    field: str
    why: str
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One mapping that was found.

    key       what identifies it in AWS; None where that is not known, as in a template
    mapping   its canonical form, with `permission` as a manifest states it
    origin    where it was found, as a comment says it
    given     the name that it has already: in a manifest, a state, its ownership tags, or ""
    declared  whether a manifest has it under that name
    state     as AWS shows it, or ""
    fault     what is wrong with it in AWS, or ""
    refusal   why it cannot be written into a manifest, or ""
    changes   whether its import changes something in AWS: it adds the statement that a source lacks
    """

    key: Key | None
    kind: SourceKind
    region: str
    mapping: Canonical
    origin: str
    owner: Ownership = UNKNOWN
    doubts: tuple[Doubt, ...] = ()
    given: str = ""
    declared: bool = False
    state: str = ""
    fault: str = ""
    refusal: str = ""
    changes: bool = False

    @property
    def known(self) -> Canonical:
        """The mapping without the fields whose whole value is not known."""
        known = self.mapping
        for path, _ in unknown_parts(self.mapping):
            known = with_value(known, path, None)
        return known

    @property
    def pair(self) -> Pair:
        """What tells it from others of its kind. A source or function that is not known is the variable for it."""
        references = {name: self.mapping.get(name, "") for name in ("function_name", "event_source_arn")}
        return kind_for(self.kind).pair({**self.known, **references}, self.region)

    @property
    def is_managed(self) -> bool:
        """Whether a state of provisioner has it, or its tags name another stack of provisioner. One with the tags of this
        stack, which does not record it, is an orphan.
        """
        is_recorded = self.owner.kind is OwnerKind.OURS and self.owner.evidence is Evidence.STATE
        return is_recorded or self.owner.kind is OwnerKind.PROVISIONER

    @property
    def is_unmanaged(self) -> bool:
        """Whether nothing names an owner, and no manifest that was read has it."""
        return self.owner.kind is OwnerKind.UNKNOWN and not self.declared

    @property
    def ignored(self) -> list[str]:
        """The fields that `ignore_changes` lists, because their values are not known."""
        return [doubt.field for doubt in self.doubts if doubt.instead == IGNORED]


def found_of(live: Live, owner: Ownership = UNKNOWN, notes: tuple[Doubt, ...] = (), given: str = "") -> Found:
    """A live mapping as one that was found."""
    doubts = tuple(Doubt(field, why_unseen(live, field), IGNORED) for field in live.unseen)
    status = live.status
    disabled = status.fault if live.mapping.get("enabled") is False else ""
    broken = status.reason if KINDS[live.key.kind].key else ""  # a source that keeps mappings has no other reasons
    problem = status.last_result if status.last_result.startswith("PROBLEM") else ""
    return Found(
        key=live.key,
        kind=live.kind,
        region=live.key.region,
        mapping=live.mapping,
        origin=f"AWS, {live.key.region}",
        owner=owner,
        doubts=(*doubts, *notes),
        given=given,
        state=status.state,
        fault=disabled or broken or status.filter_error or problem,
        refusal=_refusal(live),
    )


def why_unseen(live: Live, field: str) -> str:
    """Why AWS does not show a field, as a sentence without its end."""
    if field == "filter_criteria":
        return f"AWS cannot read the filters of this mapping ({live.status.filter_error})"
    return f"AWS does not return {field} for this mapping"


def _refusal(live: Live) -> str:
    """Why a mapping cannot be in a manifest that imports it, or ""."""
    if live.status.state == DELETING:
        return "it is being deleted"
    if KINDS[live.key.kind].key and live.mapping.get("function_name", "").startswith("arn:"):
        return "its function is in another account or region"
    if KINDS[live.key.kind].key and not live.mapping.get("id"):
        return "it has no id"
    try:
        key_of_text(import_id(live.key), live.key.region, live.key.kind)
    except ValueError:
        return f"its id {text_of(live.key)} cannot be written into a manifest"
    return ""


def import_id(key: Key) -> str:
    """The id of a mapping as `imports` has it."""
    return f"{key.kind}:{key.id}" if KINDS[key.kind].key else key.id


def owner_of(
    key: Key,
    tags: Mapping[str, str],
    recorded: Mapping[Key, Ownership],
    lineages: Mapping[str, Ownership],
    others: Mapping[Key, Ownership],
) -> Ownership:
    """Whose a mapping is: by the states that were read, else by our tags, else by what `others` say, else by the tags of
    CloudFormation. `lineages` are the owners that the lineages of these states mean.
    """
    if key in recorded:
        return recorded[key]
    if lineage := tags.get(LINEAGE_TAG):
        stack = one_line(tags.get(STACK_TAG, "")) or one_line(lineage)
        return lineages.get(lineage, Ownership(OwnerKind.PROVISIONER, stack, Evidence.TAGS))
    if key in others:
        return others[key]
    if stack := one_line(tags.get(CLOUDFORMATION_TAG, "")):
        logical_id = one_line(tags.get("aws:cloudformation:logical-id", ""))
        return Ownership(OwnerKind.CLOUDFORMATION, stack, Evidence.TAGS, logical_id)
    for tag, value in tags.items():
        kind = _TOOLS.get(value.strip().lower()) if _SPELLING.sub("", tag.lower()) in _MANAGED_BY else None
        if kind:
            return Ownership(kind, evidence=Evidence.GUESS)
    return UNKNOWN
