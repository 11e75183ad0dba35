"""The shape of a manifest as JSON Schema (draft 2020-12), for editors: completion, hover, and checks while typing.

Generated from the field table and the models of the other keys, so that it cannot fall behind them. It says less than
the checks of this package, never more: what they accept, it accepts, but for blocks in which nothing is set. Nearly
every keyword of JSON Schema judges values of one type only, so a reference such as `${var.size}` is one more type
beside a field's own, and the field's limits stay as they are. `errorMessage` is an annotation: the YAML language server
shows it instead of words of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, get_args

from provisioner.kinds.fields import Field
from provisioner.kinds.ids import S3_ID
from provisioner.kinds.rows import Legal
from provisioner.kinds.tables import ALL_FIELDS
from provisioner.manifest.jsonschema.fields import EVERY, fields_of, tags_of
from provisioner.manifest.jsonschema.kinds import SOURCES, accesses, by_kind
from provisioner.manifest.jsonschema.parts import (
    NOT_EMPTY,
    REFERABLE,
    REFERENCE,
    VARIABLE_NAME,
    Schema,
    or_reference,
    ref,
    stated,
    text_limits,
    text_of,
    typed,
    where_literal,
)
from provisioner.manifest.jsonschema.pattern import event_pattern
from provisioner.manifest.jsonschema.permission import permission
from provisioner.manifest.jsonschema.together import contradictions, needs, where_complete
from provisioner.manifest.load import STACK
from provisioner.manifest.schema import FilterTestsBlock, LifecycleBlock, Root, VariableBlock
from provisioner.model.references import ACCOUNT, MAPPING_NAME, REGION, UUID

ID: Final = "https://example.invalid/provisioner/v1.schema.json"


def manifest_schema() -> Schema:
    """JSON Schema of a manifest file, the same each time."""
    region = text_of(None, None, (), null=True)
    region["description"] = (
        "Region of the mapping. Needed only if no ARN of source or function has it, and `provider` does not set it."
    )
    # What a mapping may hold, of whatever kind: nothing is required, and null stands for absence.
    body = {
        **ref("map"),
        "properties": {
            **fields_of(ALL_FIELDS, around=EVERY),
            "region": region,
            "filter_tests": _nullable(_opened(FilterTestsBlock.model_json_schema(), {}, ("filter_tests",))),
            "lifecycle": _lifecycle(),
        },
        "additionalProperties": False,
    }
    mappings = {
        "description": "Desired mappings, by name.",
        **typed("object", "null"),
        "propertyNames": {
            "pattern": f"^(?:{MAPPING_NAME.pattern})$",
            "errorMessage": "this is not a valid mapping name",
        },
        "additionalProperties": ref("mapping"),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "provisioner manifest",
        "description": "Desired AWS Lambda event source mappings and notifications of S3 buckets.",
        "type": "object",
        # Nothing is required: a file that another one includes has no stack, and may have no mappings.
        "properties": {**_own_keys(), "mappings": mappings},
        "patternProperties": {"^x-": {"description": "Ignored. Use it for YAML anchors."}},
        "additionalProperties": False,
        "allOf": [where_complete(rule) for rule in needs()],
        "$defs": {
            "reference": {"type": "string", "pattern": REFERENCE},
            "templated": {"pattern": r"\$\{"},
            "present": {"not": {"type": "null"}, **NOT_EMPTY},
            **{name: or_reference(json_type, "null") for name, json_type in REFERABLE.items()},
            **event_pattern(),
            "permission": permission(),
            "accesses": accesses(),
            **{source.definition: source.condition for source in SOURCES},
            "body": body,
            "mapping": {**or_reference("object"), **ref("body"), "allOf": [*by_kind(), *contradictions()]},
        },
    }


# --- the other keys, from their models -------------------------------------------------------------------------------


def _own_keys() -> Schema:
    """The top-level keys besides `mappings`. A key that is left empty is absent."""
    model = Root.model_json_schema(by_alias=True)
    keys = {
        name: _opened(part, model.get("$defs", {}), (name,))
        for name, part in model["properties"].items()
        if name != "mappings" and name not in _by_hand()
    }
    keys |= _by_hand()
    return {name: _nullable(keys[name]) for name in _ORDER if name in keys} | {
        name: _nullable(part) for name, part in keys.items() if name not in _ORDER
    }


_ORDER: Final = (
    "version",
    "stack",
    "provider",
    "state",
    "variables",
    "defaults",
    "include",
    "imports",
    "moved",
    "removed",
    "limits",
)


def _lifecycle() -> Schema:
    """`lifecycle`, in which null stands for absence, as everywhere in a mapping."""
    model = LifecycleBlock.model_json_schema()
    schema = _opened(model, model.get("$defs", {}), ("lifecycle",))
    # The path of a field, or of one tag.
    tag = {"type": "string", "pattern": r"^tags\.|\$\{"}
    schema["properties"]["ignore_changes"]["items"] = {"anyOf": [{"enum": list(_paths(ALL_FIELDS))}, tag]}
    schema["properties"] = {name: _nullable(part) for name, part in schema["properties"].items()}
    return _nullable(schema)


def _paths(fields: Mapping[str, Field], above: str = "") -> Iterator[str]:
    for name, field in fields.items():
        yield above + name
        yield from _paths(field.children, f"{above}{name}.")


def _nullable(schema: Schema) -> Schema:
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {**schema, "type": [*dict.fromkeys((*_types(schema), "null"))]}


def _types(schema: Schema) -> list[str]:
    types = schema["type"]
    return [types] if isinstance(types, str) else list(types)


def _opened(schema: Schema, definitions: Schema, path: tuple[str, ...]) -> Schema:
    """A model's schema with its parts in place, open for references, with what the checks know besides."""
    return _referable(_plain(schema, definitions, path))


def _plain(schema: Schema, definitions: Schema, path: tuple[str, ...]) -> Schema:
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], "default": None}
    if "anyOf" in schema:
        schema = _joined(schema, definitions, path)
    kept = {key: value for key, value in schema.items() if key != "title" and not (key == "default" and not value)}
    if "properties" in kept:
        kept["properties"] = {
            name: _opened(part, definitions, (*path, name)) for name, part in kept["properties"].items()
        }
    for key, step in (("items", "[]"), ("additionalProperties", "*")):
        if isinstance(kept.get(key), dict):
            kept[key] = _opened(kept[key], definitions, (*path, step))
    if path in _WORDS:
        kept = {"description": "", **kept} | {"description": _WORDS[path]}
    return {**kept, **_TEXTS.get(path, {})}


def _joined(schema: Schema, definitions: Schema, path: tuple[str, ...]) -> Schema:
    """Alternatives as one schema with several types."""
    parts = [_plain(part, definitions, path) for part in schema["anyOf"] if part != {"type": "null"}]
    types = dict.fromkeys(name for part in parts for name in _types(part))
    null = {"null": None} if {"type": "null"} in schema["anyOf"] else {}
    merged = {key: value for part in parts for key, value in part.items()}
    return {**merged, "default": schema.get("default"), "type": [*types, *null]}


def _referable(schema: Schema) -> Schema:
    if schema.keys() <= {"description"}:  # anything
        return schema
    if "const" in schema or "enum" in schema:
        words = schema.get("enum", [schema.get("const")])
        rest = {key: value for key, value in schema.items() if key not in ("const", "enum", "type")}
        return {**rest, "anyOf": [{"enum": words}, ref("reference")]}
    types = _types(schema)
    return schema if "string" in types else {**schema, **or_reference(*types)}


def _checked(pattern: str, words: str) -> Schema:
    return where_literal(text_limits(None, Legal(pattern, words)))


_DURATION: Final = _checked(r"\s*\d+(?:\.\d+)?\s*[smh]?\s*", "a duration such as 30s, 5m or 1h") | {"minimum": 0}


_TEXTS: Final[Mapping[tuple[str, ...], Schema]] = {
    ("stack",): _checked(STACK.pattern, "a valid stack name"),
    ("provider", "endpoint_url"): _checked("(?:https?://.*)?", "a URL that begins with http:// or https://"),
    ("provider", "allowed_account_ids", "[]"): _checked(ACCOUNT.pattern, "a 12-digit AWS account ID"),
    ("provider", "default_tags"): tags_of(null=False),
    ("provider", "retry_timeout"): _DURATION,
    ("provider", "settle_timeout"): _DURATION,
    ("state",): {"not": {"allOf": [stated(name, ref("present")) for name in ("path", "s3")]}},
    ("state", "path"): _checked(r".*\.json", "a path that ends in .json"),
    ("imports", "[]", "id"): _checked(
        f"(?:{UUID.pattern}(?:@{REGION.pattern})?|(?:s3:)?{S3_ID.removeprefix('s3:')})", "a UUID, or s3:BUCKET/ENTRY-ID"
    ),
    ("imports", "[]", "region"): _checked(f"(?:{REGION.pattern})?", "a region such as eu-west-1"),
}
"""What the checks hold these keys to, beyond their types."""


_WORDS: Final[Mapping[tuple[str, ...], str]] = {
    ("version",): "Version of the manifest format.",
    ("stack",): "Name of the stack. Each stack has its own state.",
    ("provider", "region"): "Default region for mappings.",
    ("provider", "profile"): "Name of the AWS profile to use.",
    ("provider", "endpoint_url"): "Custom endpoint URL for all AWS calls.",
    ("provider", "allowed_account_ids"): "AWS accounts in which provisioner is allowed to run.",
    ("provider", "assume_role"): "The role to assume before the first call.",
    (
        "provider",
        "default_tags",
    ): "Tags for every mapping that has tags; a mapping's own tags take precedence.",
    ("provider", "ignore_tags"): "Tags that are managed elsewhere. provisioner does not change or remove them.",
    ("provider", "ownership_tags"): "Whether to add the tags that provisioner uses to recognize its mappings.",
    (
        "provider",
        "max_requests_per_second",
    ): "Maximum number of requests per second to the Lambda control plane. Default 10.",
    ("provider", "retry_timeout"): "How long to retry calls that fail until IAM changes take effect.",
    ("provider", "settle_timeout"): "How long to wait for a mapping to settle.",
    ("state", "path"): "Path of the state file, relative to the manifest. Default state/<stack>.json.",
    ("state", "s3"): "Keep the state in an S3 object that a team can share.",
    ("imports",): "Existing mappings to import. An entry has no effect once its mapping is imported.",
    ("imports", "[]", "to"): "Name of the mapping, below `mappings`.",
    ("imports", "[]", "id"): "The UUID of the mapping, or UUID@REGION; for an entry of a bucket, s3:BUCKET/ENTRY-ID.",
    ("imports", "[]", "region"): "Region of the mapping. It must be that of the mapping with this name.",
    ("imports", "[]", "expect"): "identical: refuse the plan if the import would change the mapping.",
    ("moved",): "Mappings that were renamed.",
    ("removed",): "Mappings to remove from the state and keep running.",
    ("limits", "deletes"): "Refuse a plan with more than this number of deletes and replacements.",
    (
        "limits",
        "conflicts",
    ): "Refuse a plan with more than this number of mappings whose function and source another mapping holds.",
    ("limits", "risk"): "Refuse a plan with a risk of this level or higher to records in flight.",
    (
        "filter_tests",
    ): "Records that the filters of the mapping must let through or drop: events, records, or data alone.",
    ("filter_tests", "pass"): "Records that must pass. {file: PATH} names a file of the manifest's folder.",
    ("filter_tests", "drop"): "Records that must be dropped.",
    ("lifecycle",): "What a plan may do to the mapping.",
    ("lifecycle", "prevent_destroy"): "Refuse to delete or replace the mapping.",
    ("lifecycle", "ignore_changes"): "Fields to leave alone.",
    (
        "lifecycle",
        "on_conflict",
    ): "What to do if a mapping with this function and source already exists: refuse it, import it only if that changes "
    "nothing in AWS, or import it and change it.",
    (
        "lifecycle",
        "skip_destination_validation",
    ): "Only for S3 buckets. Write to the bucket although S3 cannot reach a destination of it.",
}


# --- keys that are gone when a manifest has been put together ----------------------------------------------------------


_GROUPS: Final = {
    "all": "every mapping",
    "stream": "Kinesis and DynamoDB streams",
    "push": "sources that invoke the function themselves: S3 buckets",
    "sqs": "SQS queues",
    "kinesis": "Kinesis streams",
    "dynamodb": "DynamoDB streams",
    "msk": "MSK clusters",
    "kafka": "self-managed Kafka clusters",
    "mq": "Amazon MQ brokers",
    "documentdb": "DocumentDB clusters",
    "s3": "S3 buckets",
}


def _by_hand() -> dict[str, Schema]:
    variable = {
        "type": "object",
        "properties": {
            "type": {"enum": list(get_args(VariableBlock.model_fields["type"].annotation))},
            "default": {"description": "Value to use if none is given."},
            "allowed": {"description": "The allowed values.", "type": "array"},
            "pattern": {"description": "A regular expression that a string must match.", "type": "string"},
            "description": {"type": "string"},
        },
        "additionalProperties": False,
    }
    variables = {
        "description": "Input variables, by name. Refer to a variable as `${var.name}`; write `$${` for a literal `${`.",
        "type": "object",
        "propertyNames": {"pattern": VARIABLE_NAME},
        "additionalProperties": variable,
    }
    groups = {name: {"description": f"For {what}.", **ref("body")} for name, what in _GROUPS.items()}
    defaults = {
        "description": "Default fields for groups of mappings. A mapping's maps are merged with the default, "
        "its lists and scalars replace it, and null removes it. A permission replaces it as a whole.",
        "type": "object",
        "properties": groups,
        "additionalProperties": False,
    }
    globs = {"description": "Globs of other manifest files to include.", "type": "array", "items": {"type": "string"}}
    return {"variables": variables, "defaults": defaults, "include": globs}
