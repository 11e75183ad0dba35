"""An example of every field, by kind of source: AWS's default where there is one, else a value that is valid for the kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, get_origin

from provisioner.kinds.access_types import ACCESS_TYPES, OF_KIND, SIGN_IN
from provisioner.kinds.domains import DATA_KEYS
from provisioner.kinds.event_source_mapping import CONSUMPTION_MODE
from provisioner.kinds.fields import Field
from provisioner.kinds.tables import fields_of
from provisioner.model.place import FieldPath
from provisioner.model.sources import QUEUES, STREAMS, SourceKind

_HERE: Final = "eu-west-1:123456789012"
SOURCE_ARNS: Final[Mapping[SourceKind, str]] = {
    SourceKind.SQS: f"arn:aws:sqs:{_HERE}:my-queue",
    SourceKind.FIFO: f"arn:aws:sqs:{_HERE}:my-queue.fifo",
    SourceKind.KINESIS: f"arn:aws:kinesis:{_HERE}:stream/my-stream",
    SourceKind.DYNAMODB: f"arn:aws:dynamodb:{_HERE}:table/my-table/stream/2026-01-01T00:00:00.000",
    SourceKind.MSK: f"arn:aws:kafka:{_HERE}:cluster/my-cluster/0a1b2c3d-1111-2222-3333-444455556666-7",
    SourceKind.MQ: f"arn:aws:mq:{_HERE}:broker:my-broker:b-11111111-2222-3333-4444-555555555555",
    SourceKind.DOCUMENTDB: f"arn:aws:rds:{_HERE}:cluster:my-cluster",
    SourceKind.S3: "arn:aws:s3:::my-bucket",
}
"""A source of each kind that has an ARN."""

_SECRET: Final = f"arn:aws:secretsmanager:{_HERE}:secret:my-secret-AbCdEf"
_TEXTS: Final[Mapping[str, Any]] = {
    "function_name": "my-function",
    "endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["broker-1.example.com:9092", "broker-2.example.com:9092"]},
    "topics": ["my-topic"],
    "queues": ["my-queue"],
    "starting_position_timestamp": "2026-01-15T00:00:00Z",
    "kms_key_arn": f"arn:aws:kms:{_HERE}:key/11111111-2222-3333-4444-555555555555",
    "poller_group_name": "my-group",
    "consumer_group_id": "my-group",
    "destination_arn": f"arn:aws:sqs:{_HERE}:my-dead-letter-queue",
    "schema_registry_uri": "https://registry.example.com",
    "database_name": "my-database",
    "collection_name": "my-collection",
    "uri": _SECRET,
    "tags": {"team": "my-team"},
    "filter_prefix": "in/",
    "filter_suffix": ".jpg",
    "id": "my-entry",
    "bucket_owner": "123456789012",
    "permission": {"statement_id": "my-statement", "source_account": "123456789012"},
}
"""Examples by the name of the field, where no default, known value or bound says one."""


def known_values(field: Field, kind: SourceKind) -> tuple[str, ...]:
    """The known values of an enumeration that a kind of source takes."""
    if field.row.values == ACCESS_TYPES:
        return OF_KIND.get(kind, field.row.values)
    if field.name == "metrics" and kind in QUEUES | STREAMS:
        return tuple(value for value in field.row.values if value == "EventCount")  # E218
    return field.row.values


def of_kind(field: Field, kind: SourceKind) -> Field:
    """A field of the table with what holds for one kind of source alone."""
    row, only = field.row, frozenset({kind})
    one = replace(
        row,
        kinds=row.kinds & only,
        required=only if row.requires(kind) else frozenset(),
        default={kind: row.default[kind]} if kind in row.default else {},
        kept=row.kept & only,
        bounds=row.narrower.get(kind, row.bounds),
        narrower={},
        values=known_values(field, kind),
    )
    children = {name: of_kind(child, kind) for name, child in field.children.items() if child.row.has(kind)}
    return replace(field, row=one, children=children)


def example(kind: SourceKind) -> dict[str, Any]:
    """A mapping of a kind with every field that the kind has. Some of the fields exclude each other (`kinds/rules.py`), and
    botocore's own fields, which this version does not know, are left out.
    """
    return _block(fields_of(kind), kind, ())


def _block(fields: Mapping[str, Field], kind: SourceKind, above: FieldPath) -> dict[str, Any]:
    return {
        name: _value(of_kind(field, kind), kind, (*above, name))
        for name, field in fields.items()
        if field.row.has(kind) and not field.learned
    }


def _value(field: Field, kind: SourceKind, path: FieldPath) -> Any:
    row = field.row
    if kind in row.default:
        return row.default[kind]
    if field.children:
        block = _block(field.children, kind, path)
        return [block] if field.many else block
    if path == CONSUMPTION_MODE:
        return "Queue" if kind is SourceKind.KAFKA_QUEUE else "Stream"
    if path[-1] == "event_source_arn":
        return SOURCE_ARNS[kind]
    if path[-1] == "pattern":
        # The data of a stream of DynamoDB is two images, with types.
        return (
            {"eventName": ["INSERT"]} if kind is SourceKind.DYNAMODB else {DATA_KEYS[kind]: {"my_field": ["my-value"]}}
        )
    if path == ("source_access_configuration", "type"):
        return next(value for value in SIGN_IN if value in row.values)
    if path == ("source_access_configuration", "uri") and kind is SourceKind.MSK:
        return _SECRET.replace("my-secret", "AmazonMSK_my-secret")
    if row.values and path[-1] != "endpoints":
        return list(row.values[:1]) if get_origin(field.annotation) is list else row.values[0]
    if path[-1] in _TEXTS:
        return _TEXTS[path[-1]]
    assert field.annotation is int, path
    assert row.bounds, path
    return max(row.bounds[0], 1)  # 0 is a window that AWS cannot go back from
