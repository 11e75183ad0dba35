"""The state as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.convert.entry import dump
from provisioner.kinds.ids import text_of
from provisioner.kinds.statements import MEMBERS, permission_of
from provisioner.model.key import LAMBDA, Key
from provisioner.model.state import Record, Statement


def state_list(records: Mapping[str, Record]) -> str:
    """One line a mapping, sorted by name: its name and its id, as an import reads it."""
    width = max((len(name) for name in records), default=0)
    return "\n".join(f"{name:{width}}  {text_of(record.key)}" for name, record in sorted(records.items()))


def state_show(name: str, record: Record) -> str:
    """One record as YAML, under its name; `statement` and `deposed` only where there is one, and such mappings."""
    applied = record.applied
    if record.statement and applied.get("permission") == permission_of(record.statement):
        applied = {field: value for field, value in applied.items() if field != "permission"}
    deposed = [{**_ident(item.key), "region": item.key.region, **_statement(item.statement)} for item in record.deposed]
    value = {
        **_ident(record.key),
        "arn": record.arn,
        "region": record.key.region,
        "protected": record.protected,
        "applied": applied,
        **_statement(record.statement),
        **({"deposed": deposed} if deposed else {}),
    }
    return dump({name: value}).rstrip()


def _ident(key: Key) -> dict[str, str]:
    return {"uuid" if key.kind == LAMBDA else "id": key.id}


def _statement(statement: Statement | None) -> dict[str, Any]:
    """A statement with its content in the order in which a manifest states it."""
    if statement is None:
        return {}
    content = {name: statement.applied[name] for name in MEMBERS if name in statement.applied}
    return {"statement": {"id": statement.id, "function": statement.function, "region": statement.region, **content}}
