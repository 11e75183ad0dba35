"""Desired state: what the manifest wants of one mapping, in canonical form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from provisioner.model.canonical import Canonical
from provisioner.model.place import FieldPath, Place
from provisioner.model.sources import SourceKind


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How a mapping may be changed. `prevent_destroy` refuses plans that delete or replace it, `ignore_changes` are
    paths whose live value stays, `on_conflict` is what happens when another mapping without an owner holds its pair:
    `adopt_identical` imports it only where that changes nothing in AWS.
    `skip_destination_validation` writes to a bucket although S3 cannot reach a destination of it.
    """

    prevent_destroy: bool = False
    ignore_changes: tuple[FieldPath, ...] = ()
    on_conflict: Literal["fail", "adopt_identical", "adopt"] = "fail"
    skip_destination_validation: bool = False


class Desired(NamedTuple):
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
