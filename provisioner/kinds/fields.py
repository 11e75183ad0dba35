"""A field table as data: each annotated line of a block becomes a `Field`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from provisioner.kinds.rows import Row


class Block(BaseModel):
    """A group of fields. Types are strict: a number in quotes is a mistake, not a number."""

    # A validator is built when it is first needed: most blocks are only ever validated within a manifest.
    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


@dataclass(frozen=True, slots=True)
class Field:
    """A line of the table. `children` are the fields of a block, else empty; `many`: the value is a list of such
    blocks; `learned`: only botocore knows the field. `annotation` is the type without None.
    """

    name: str
    row: Row
    children: Mapping[str, Field]
    many: bool
    annotation: Any
    learned: bool = False

    def replaced_by(self, live: Any, desired: Any) -> bool:
        """Whether going from the one value to the other needs a new mapping (docs/aws/updates.md#replacements). None is
        an absent value.
        """
        return self.row.replaces(live, desired) if callable(self.row.replaces) else self.row.replaces


def fields_from(block: type[Block]) -> dict[str, Field]:
    """The fields of a block, by our name, in its order."""
    return {name: _field(name, info.annotation, info.metadata) for name, info in block.model_fields.items()}


def _field(name: str, annotation: Any, metadata: list[Any]) -> Field:
    row = next(item for item in metadata if isinstance(item, Row))
    if get_origin(annotation) is UnionType:
        options = [option for option in get_args(annotation) if option is not type(None)]
        # A filter pattern is a text or a map: such a union stays.
        annotation = options[0] if len(options) == 1 else annotation
    many = get_origin(annotation) is list
    inner = get_args(annotation)[0] if many else annotation
    block = inner if isinstance(inner, type) and issubclass(inner, Block) else None
    return Field(name, row, fields_from(block) if block else {}, many and block is not None, annotation)
