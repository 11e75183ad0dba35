"""The identity of a mapping: which kind of mapping it is, its region, and its id there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LAMBDA: Final = "lambda"
"""The kind of all mappings that Lambda keeps: event source mappings."""
S3: Final = "s3"
"""The kind of mappings that a bucket keeps: the entries of its notification configuration."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What tells a mapping from every other one: never the id alone, which is unique only in its kind and region.

    kind    `lambda` for what Lambda keeps, else the service that keeps it
    region  where it is kept
    id      of an event source mapping, its UUID; of an entry of a bucket, BUCKET/ENTRY-ID
    """

    kind: str
    region: str
    id: str

    def __str__(self) -> str:
        return self.id
