"""What a bucket's entry invokes a function for: the events and the filter of a mapping against one record. Pure
(docs/aws/push.md#documents).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from provisioner.kinds.matching import DecidedBy, Failure, Verdict, passes
from provisioner.model.sources import SourceKind

_KEY: Final = "s3.object.key"
_ENCODED: Final = re.compile(r"[ +%*]")
_DOUBT: Final = (
    "whether S3 compares a prefix or suffix with a blank, +, % or * in plain or in encoded form is not recorded; it is "
    "compared in plain form"
)


def verdict_of(mapping: Mapping[str, Any], record: Mapping[str, Any], kind: SourceKind) -> Verdict:
    """Whether a record passes the filters of a mapping in canonical form, whatever keeps the mapping."""
    if kind is SourceKind.S3:
        return notifies(mapping, record)
    return passes([item["pattern"] for item in mapping.get("filter_criteria", {}).get("filter", ())], record, kind)


def notifies(mapping: Mapping[str, Any], record: Mapping[str, Any]) -> Verdict:
    """Whether S3 sends a record by the entry of a mapping in canonical form. `record` is one record of an event, with its key
    in encoded form as S3 sends it; its event type is not looked at where it has none.
    """
    name = str(record.get("eventName") or "")
    event = name if not name or name.startswith("s3:") else f"s3:{name}"
    wanted = mapping.get("events", ())
    failures = []
    if event and not any(re.fullmatch(re.escape(item).replace(r"\*", ".*"), event) for item in wanted):
        failures.append(Failure(0, "eventName", tuple(wanted), json.dumps(name)))
    key = unquote_plus(str(record.get("s3", {}).get("object", {}).get("key", "")))
    prefix, suffix = (mapping.get(f"filter_{part}", "") for part in ("prefix", "suffix"))
    if not key.startswith(prefix):
        failures.append(Failure(0, _KEY, ({"prefix": prefix},), json.dumps(key, ensure_ascii=False)))
    if not key.endswith(suffix):
        failures.append(Failure(0, _KEY, ({"suffix": suffix},), json.dumps(key, ensure_ascii=False)))
    doubt = _DOUBT if _ENCODED.search(prefix + suffix) else ""
    if failures:
        return Verdict(False, None, tuple(failures[:1]), DecidedBy.MATCH, "not sent", doubt)
    return Verdict(True, 0, (), DecidedBy.MATCH, "delivered", doubt)
