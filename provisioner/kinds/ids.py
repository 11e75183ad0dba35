"""How the ids of mappings are written on a command line and in `imports`: a UUID for what Lambda keeps, and
s3:BUCKET/ENTRY-ID for an entry of a bucket.
"""

from __future__ import annotations

import re
from typing import Final

from provisioner.model.key import LAMBDA, S3, Key
from provisioner.model.references import BUCKET, UUID

S3_ID: Final = rf"s3:{BUCKET.pattern}/[^\x00-\x1f\x7f-\x9f]{{1,255}}"
"""The pattern of an entry's id: the first slash ends the bucket."""

_LATER: Final = re.compile(r"(?:sns|eventbridge|logs):|arn:aws[a-z-]*:sns:")
_WORDS: Final = {LAMBDA: "a UUID", S3: "s3:BUCKET/ENTRY-ID"}


def key_of_text(text: str, region: str, kind: str | None = None) -> Key:
    """The key that a text names, in a region. `kind` is that of the mapping that the manifest has for it; without one the
    text itself decides. Raises ValueError with a message for what is no such id, and for kinds that are not supported.
    """
    if UUID.fullmatch(text) and kind in (LAMBDA, None):
        return Key(LAMBDA, region, text)
    # Where the manifest says that it is an entry of a bucket, the id may stand without its prefix, as the state has it.
    prefixed = text if kind is None or text.startswith("s3:") else f"s3:{text}"
    if re.fullmatch(S3_ID, prefixed) and kind in (S3, None):
        return Key(S3, region, prefixed.removeprefix("s3:"))
    if _LATER.match(text):
        raise ValueError(f"{text!r} is the id of a mapping of SNS, EventBridge or CloudWatch Logs: not supported yet")
    raise ValueError(f"{text!r} is not {_WORDS[kind] if kind in _WORDS else ' or '.join(_WORDS.values())}")


def without_region(text: str) -> tuple[str, str]:
    """An id without the region that UUID@REGION states, and that region or "". Only a UUID has one: the id of an entry may
    have an @ of its own.
    """
    uuid, at, region = text.partition("@")
    return (uuid, region) if at and UUID.fullmatch(uuid) else (text, "")


def text_of(key: Key) -> str:
    """The id of a mapping as `key_of_text` reads it. What cannot be printed, in an id that S3 answered, is escaped."""
    text = f"s3:{key.id}" if key.kind == S3 else key.id
    return "".join(part if part.isprintable() else part.encode("unicode_escape").decode() for part in text)
