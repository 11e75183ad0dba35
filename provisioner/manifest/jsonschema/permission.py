"""`permission` as a schema: `none`, or the members of a statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from provisioner.kinds.permission import ALWAYS, LIMITS
from provisioner.kinds.statements import NONE
from provisioner.manifest.jsonschema.parts import Schema, ref, text_of

_WORDS: Final[Mapping[str, str]] = {
    "statement_id": "Name of the statement. By default provisioner chooses one.",
    "principal": "Who may invoke the function. Default s3.amazonaws.com.",
    "source_arn": "The source that may invoke the function; * and ? are wildcards. Default: the bucket. null: any source.",
    "source_account": "The account of the source. Default: bucket_owner, or else the account of the credentials. "
    "null: any account.",
}


def permission() -> Schema:
    """The definition of a `permission`. Null in a member is a value: the statement does not have the member."""
    members: Schema = {
        name: {"description": _WORDS[name], **text_of(limits.bounds, limits.legal, (), null=name not in ALWAYS)}
        for name, limits in LIMITS.items()
    }
    message = f"permission must be `{NONE}` or a map (`name: value` lines)"
    return {
        "anyOf": [
            {"enum": [NONE, None]},
            ref("reference"),
            {"type": "object", "properties": members, "additionalProperties": False},
        ],
        "errorMessage": message,
    }
