"""A plan in a file: versioned JSON with all that an apply needs, and no secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from provisioner import __version__
from provisioner.backend.statefile import is_mapping
from provisioner.errors import ProvisionerError, StaleError, StateError
from provisioner.filesystem import PRIVATE, read_input, rewrite
from provisioner.foreign_text import one_line
from provisioner.kinds import KINDS, kind_for, kind_of_change
from provisioner.kinds.forms import json_key
from provisioner.model.key import LAMBDA
from provisioner.model.manifest import S3Location
from provisioner.model.plan import Action, Change, Plan
from provisioner.model.provider import Provider
from provisioner.model.references import UUID
from provisioner.planning.fingerprint import plan_hash
from provisioner.strict_json import loads

VERSION: Final = 2
_NOT_OURS: Final = "pass a file written by `provisioner plan --out`"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan with what it was made from: provider, region, and the state (`recorded` is its fingerprint)."""

    plan: Plan
    recorded: str
    provider: Provider
    region: str
    state_path: str
    state_s3: S3Location | None = None


def refuse_other_file(path: Path) -> None:
    """Raise StateError when a path names a file that is not a saved plan: a plan must not replace a state, a manifest, or
    anything else that was named by mistake.
    """
    if not path.is_file():  # nothing is there; or it is no file, which the write refuses
        return
    try:
        _document(path)
    except ProvisionerError as error:
        raise StateError(
            f"{path} exists and is not a saved plan, so it is not replaced",
            hint="pass another path, or remove the file",
        ) from error


def save(path: Path, saved: SavedPlan) -> None:
    """Write a plan atomically, for its owner only; only an earlier plan is replaced. Raises StateError when it cannot be
    written.
    """
    refuse_other_file(path)
    content = _adapter().dump_python(saved, mode="json")
    document = {
        "provisioner_plan": VERSION,
        "provisioner_version": __version__,
        "hash": plan_hash(saved.plan),
        "checksum": _checksum(content),
        "content": content,
    }
    rewrite(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n", PRIVATE)


def open_plan(path: Path) -> SavedPlan:
    """Read a saved plan. Raises ProvisionerError when the file cannot be read or is not a saved plan, StaleError when
    it was edited, or has a format or content of another version.
    """
    document = _document(path)
    version = document.get("provisioner_plan")
    if version != VERSION:
        made_by = one_line(str(document.get("provisioner_version", "another version")))
        raise StaleError(
            f"{path} has plan format {one_line(str(version))} (written by provisioner {made_by}), "
            f"but this version reads format {VERSION}",
            hint="plan again",
        )
    content: Any = document.get("content")
    if document.get("checksum") != _checksum(content):
        raise StaleError(
            f"{path} was modified after it was saved", hint="plan again; to change the plan, edit the manifest"
        )
    try:
        saved: SavedPlan = _adapter().validate_python(content)
        for change in saved.plan.changes:
            _check(change)
        for item in saved.plan.statements:
            _require_printable([item.function, item.region, item.id, *item.needed_by, *item.released_by])
    except ValueError as error:  # also pydantic's ValidationError
        raise StaleError(f"{path} cannot be read by this version of provisioner", hint="plan again") from error
    return saved


def _document(path: Path) -> dict[str, Any]:
    try:
        document = loads(read_input(path))
    except OSError as error:
        raise ProvisionerError(f"{path} cannot be read: {error.strerror}", hint=_NOT_OURS) from error
    except (ValueError, RecursionError) as error:
        raise ProvisionerError(f"{path} is not a saved plan: it is not JSON", hint=_NOT_OURS) from error
    if not isinstance(document, dict) or "provisioner_plan" not in document:
        raise ProvisionerError(f"{path} is not a saved plan", hint=_NOT_OURS)
    return document


def _check(change: Change) -> None:
    """Raise ValueError for a kind of mapping, a value of a mapping, or a text, that this version cannot have saved: a
    checksum does not prove it, because it can be computed for any content.
    """
    live, record, wanted = change.live, change.record, change.wanted
    keys = [change.existing, change.adopts, live and live.key, record and record.key]
    keys += [item.key for item in record.deposed] if record else []
    if any(key.kind not in KINDS for key in keys if key):
        raise ValueError("an unknown kind of mapping")
    made = kind_for(wanted.kind).name if wanted else kind_of_change(change).name
    # What is not possible stays as it is, whatever was wanted of it.
    after = live.key.kind if live and change.conflict else made
    mappings = [(after, change.desired), (made, change.applied), (made, wanted and wanted.mapping)]
    mappings += [(live.key.kind, live.mapping)] if live else []
    mappings += [(record.key.kind, record.applied)] if record else []
    if not all(is_mapping(kind, mapping) for kind, mapping in mappings if mapping is not None):
        raise ValueError("a mapping with a value of another type")
    # Updates and tags go to the live mapping, by its key and its ARN.
    named = UUID.search(live.arn) if live and live.key.kind == LAMBDA else None
    if live and (live.key != (change.existing or live.key) or (named and named[0] != live.key.id)):
        raise ValueError("a live mapping that is not the one to change")
    if live and live.kind not in KINDS[live.key.kind].sources:
        raise ValueError("a live mapping of another kind")
    _check_entry(change)
    texts = [change.name, change.region, change.moved_from, *change.after, *change.notes]
    texts += [risk.message for risk in change.risks] + [field.detail for field in change.fields]
    texts += [change.conflict.message, change.conflict.hint] if change.conflict else []
    texts += [key.id for key in keys if key]
    _require_printable(texts)


def _check_entry(change: Change) -> None:
    """Raise ValueError for a mapping that its source keeps whose values are not those of its key: a source is written by the
    values, and a record is kept by the key.
    """
    sides = [(change.live.key, change.live.mapping)] if change.live else []
    if change.existing and change.desired and change.action in (Action.UPDATE, Action.NO_OP):
        sides.append((change.existing, change.desired))
    for key, mapping in sides:
        of = KINDS[key.kind].key
        # What is left of a mapping that is gone has no id.
        if of and mapping.get("id") and of(mapping, key.region) != key:
            raise ValueError("a mapping with the values of another one")


def _require_printable(texts: Iterable[str]) -> None:
    """Raise ValueError for a text that is shown as it is and has control characters."""
    if not all(text.isprintable() for text in texts):
        raise ValueError("a text that is shown as it is, with control characters")


def _checksum(content: Any) -> str:
    return hashlib.sha256(json_key(content).encode()).hexdigest()


def _adapter() -> Any:
    from pydantic import TypeAdapter  # late: only a saved plan needs it

    return TypeAdapter(SavedPlan)
