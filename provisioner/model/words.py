"""Numbers in sentences."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 mapping`, `2 mappings`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
