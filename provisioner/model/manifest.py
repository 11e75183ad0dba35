"""A whole manifest, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from provisioner.model.desired import Desired
from provisioner.model.level import Level
from provisioner.model.place import Place
from provisioner.model.provider import Provider


@dataclass(frozen=True, slots=True)
class Renaming:
    """`moved: {from, to}`: the record of the name `source` gets the name `target`."""

    source: str
    target: str
    place: Place


@dataclass(frozen=True, slots=True)
class Adoption:
    """`imports: {to, id}`: the mapping with this id is imported under this name. `region` is the one that the entry states, or
    "". `expects_identical`: only if the import changes nothing in AWS.
    """

    name: str
    uuid: str
    place: Place
    region: str = ""
    expects_identical: bool = False


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


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole manifest. Its state is in the object `state_s3` where that is set, else in the file `state_path`, which
    always has a value. `delete_limit`, `conflict_limit` and `risk_limit` are the manifest's `limits`, None where it has none.
    `state_stated` is the state's location as the manifest has it, without the folder of this checkout.
    """

    stack: str
    state_path: str
    place: Place
    provider: Provider = field(default_factory=Provider)
    mappings: Mapping[str, Desired] = field(default_factory=dict)
    imports: tuple[Adoption, ...] = ()
    moved: tuple[Renaming, ...] = ()
    removed: tuple[Removal, ...] = ()
    delete_limit: int | None = None
    conflict_limit: int | None = None
    risk_limit: Level | None = None
    state_s3: S3Location | None = None
    state_stated: str = ""

    def in_region(self, region: str) -> Self:
        """The manifest with `region` for every mapping that names none."""
        return replace(
            self,
            mappings={
                name: item if item.region else item._replace(region=region) for name, item in self.mappings.items()
            },
        )

    def of_nothing(self) -> Self:
        """The manifest without mappings: what `destroy` applies."""
        # `imports` and `moved` would contradict the missing names. `removed` would forget what is to be deleted.
        return replace(self, mappings={}, imports=(), moved=(), removed=())
