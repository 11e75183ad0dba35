"""Desired state: the manifest, checked and in canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, Self

from provisioner.model.canonical import Canonical
from provisioner.model.references import Pair, partition_of
from provisioner.model.sources import SourceKind


def takes_tags(region: str) -> bool:
    """Whether AWS is known to take tags on mappings of a region: those of the partition `aws`.

    GovCloud and China refused them when it was last reported (https://github.com/aws/aws-cdk/issues/31965,
    https://github.com/aws/aws-cdk/issues/31532).
    """
    return partition_of(region) == "aws"


FieldPath = tuple[str, ...]
"""A place in a mapping, by our names: `("destination_config", "on_failure")`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a manifest's file, from start to end (exclusive). Lines and columns count from one; zero means the
    whole file, or an unknown end.
    """

    file: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How a mapping may be changed."""

    prevent_destroy: bool = False
    ignore_changes: tuple[FieldPath, ...] = ()
    on_conflict: Literal["fail", "adopt"] = "fail"


@dataclass(frozen=True, slots=True)
class Desired:
    """One mapping as wanted. `accounts` are the ones that its function and source name; `region` may be empty until the
    session knows it. `stated` are the paths that the manifest states as AWS's default, and that the mapping lacks
    therefore.
    """

    name: str
    region: str
    kind: SourceKind
    mapping: Canonical
    place: Place
    lifecycle: Lifecycle = Lifecycle()
    accounts: frozenset[str] = frozenset()
    stated: frozenset[FieldPath] = frozenset()

    @property
    def pair(self) -> Pair:
        """The pair that Lambda will hold unique."""
        return Pair.of(self.mapping, self.region)


@dataclass(frozen=True, slots=True)
class AssumeRole:
    """A role to assume before the first call."""

    role_arn: str
    session_name: str = "provisioner"
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """How to talk to AWS. Times are in seconds; None means the default that the README names."""

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
        """Whether mappings of a region get ownership tags: unless it is stated, where AWS is known to take tags on
        mappings.
        """
        return takes_tags(region) if self.ownership_tags is None else self.ownership_tags


@dataclass(frozen=True, slots=True)
class Renaming:
    """`moved: {from, to}`."""

    source: str
    target: str
    place: Place


@dataclass(frozen=True, slots=True)
class Adoption:
    """`imports: {to, id}`: the mapping with this UUID is to bear this name."""

    name: str
    uuid: str
    place: Place


@dataclass(frozen=True, slots=True)
class Removal:
    """`removed: {from, destroy: false}`: forget the name, leave the mapping running."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class S3Location:
    """An object in S3; an empty region is the session's."""

    bucket: str
    key: str
    region: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Level(StrEnum):
    """The level of a risk to records in flight, from the least to the worst."""

    NOTE = "note"  # worth knowing
    REPLAY = "replay"  # records may be processed again
    LOSS = "loss"  # records may never be processed


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole manifest. Its state is in the file `state_path` or the object `state_s3`."""

    stack: str
    state_path: str
    place: Place
    provider: Provider = Provider()
    mappings: Mapping[str, Desired] = field(default_factory=dict)
    imports: tuple[Adoption, ...] = ()
    moved: tuple[Renaming, ...] = ()
    removed: tuple[Removal, ...] = ()
    delete_limit: int | None = None
    risk_limit: Level | None = None
    state_s3: S3Location | None = None

    def in_region(self, region: str) -> Self:
        """The manifest with `region` for every mapping that names none."""
        return replace(
            self,
            mappings={
                name: item if item.region else replace(item, region=region) for name, item in self.mappings.items()
            },
        )

    def of_nothing(self) -> Self:
        """The manifest without mappings: what `destroy` applies."""
        return replace(self, mappings={}, imports=(), moved=(), removed=())
