"""The state as text."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.model.state import Record
from provisioner.render.manifest import dump


def state_list(records: Mapping[str, Record]) -> str:
    """One line a mapping, sorted by name: its name and UUID, as columns."""
    width = max((len(name) for name in records), default=0)
    return "\n".join(f"{name:{width}}  {record.key}" for name, record in sorted(records.items()))


def state_show(name: str, record: Record) -> str:
    """One record as YAML, under its name; `deposed` only where there are such mappings."""
    value = {
        "uuid": record.key.id,
        "arn": record.arn,
        "region": record.key.region,
        "protected": record.protected,
        "applied": record.applied,
    }
    deposed = [{"uuid": item.key.id, "region": item.key.region} for item in record.deposed]
    return dump({name: {**value, "deposed": deposed} if deposed else value}).rstrip()
