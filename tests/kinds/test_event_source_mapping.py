"""The field table against botocore's own model, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from provisioner.kinds.event_source_mapping import FIELDS
from provisioner.kinds.fields import Field
from provisioner.kinds.rows import NOTHING, TAG_TEXT, Limits
from provisioner.model.sources import ALL, SourceKind

SERVICE = botocore.session.get_session().get_service_model("lambda")
CREATE = SERVICE.operation_model("CreateEventSourceMapping").input_shape
UPDATE = SERVICE.operation_model("UpdateEventSourceMapping").input_shape


def rows(fields: Mapping[str, Field], path: str = "") -> Iterator[tuple[str, Field]]:
    for field in fields.values():
        here = f"{path}{field.row.api}"
        yield here, field
        yield from rows(field.children, f"{here}[]." if field.many else f"{here}.")


def members(shape: StructureShape, path: str = "") -> Iterator[tuple[str, Shape]]:
    for name, member in shape.members.items():
        here = f"{path}{name}"
        yield here, member
        if isinstance(member, StructureShape):
            yield from members(member, f"{here}.")
        elif isinstance(member, ListShape) and isinstance(member.member, StructureShape):
            yield from members(member.member, f"{here}[].")


ROWS = dict(rows(FIELDS))
MEMBERS = dict(members(CREATE))


def test_the_table_has_every_member_of_create_and_no_other() -> None:
    assert ROWS.keys() == MEMBERS.keys()


@pytest.mark.parametrize("path", ROWS)
def test_a_row_has_the_models_type(path: str) -> None:
    shape, annotation = MEMBERS[path], str(ROWS[path].annotation)

    expected: dict[str, tuple[str, ...]] = {
        "integer": ("<class 'int'>",),
        "boolean": ("<class 'bool'>",),
        "string": ("<class 'str'>", "str | dict[str, typing.Any]"),
        "timestamp": ("<class 'str'>",),
        "list": ("list[",),
        "map": ("dict[str, str",),
        "structure": ("<class 'provisioner.kinds.event_source_mapping.",),
    }
    assert annotation.startswith(expected[shape.type_name])


@pytest.mark.parametrize("path", [path for path, field in ROWS.items() if field.row.bounds])
def test_a_row_has_the_models_bounds(path: str) -> None:
    facts = MEMBERS[path].metadata

    assert ROWS[path].row.bounds == (facts.get("min", 0), facts["max"])


@pytest.mark.parametrize("path", MEMBERS)
def test_a_member_with_bounds_has_them_in_the_table(path: str) -> None:
    # An ARN in a field of ours that is checked as a reference, and a list whose bound is a quota, need no bound here.
    assert ("max" in MEMBERS[path].metadata) == (ROWS[path].row.bounds is not None)


# Regions and services are left open in ours, because new partitions appear; ours of tags is in Python's words.
LOOSER = {
    "EventSourceArn",
    "FunctionName",
    "DestinationConfig.OnSuccess.Destination",
    "DestinationConfig.OnFailure.Destination",
}


def limits(shape: Shape) -> tuple[Any, ...]:
    """Bounds and pattern of a shape and of what it holds, as far as the model states them."""
    facts = shape.metadata
    bounds = (facts.get("min", 0), facts["max"]) if "max" in facts else None
    inner = shape.member if isinstance(shape, ListShape) else shape.value if isinstance(shape, MapShape) else None
    each = limits(inner) if inner is not None and not isinstance(inner, StructureShape) else None
    pattern = facts.get("pattern")
    return bounds, None if pattern in (None, ".*", "[\\s\\S]*") else pattern, each if each and any(each) else None


def ours(given: Limits) -> tuple[Any, ...]:
    return given.bounds, given.legal and given.legal.pattern, given.each and ours(given.each)


@pytest.mark.parametrize(
    "path", [path for path in ROWS if path not in LOOSER and not path.endswith("AccessConfigs[].URI")]
)
def test_a_row_has_the_models_limits(path: str) -> None:
    expected = limits(MEMBERS[path])
    if path == "Tags":
        expected = (None, None, ((0, 256), TAG_TEXT.pattern, None))

    assert ours(ROWS[path].row) == expected


PARTITIONS = (
    ("aws", "eu-west-1"),
    ("aws-cn", "cn-north-1"),
    ("aws-us-gov", "us-gov-west-1"),
    ("aws-eusc", "eusc-de-east-1"),
)
QUEUES = [f"arn:{partition}:sqs:{region}:123456789012:q" for partition, region in PARTITIONS]
SECRETS = [f"arn:{partition}:secretsmanager:{region}:123456789012:secret:s" for partition, region in PARTITIONS]
KEYS = [f"arn:{partition}:kms:{region}:123456789012:key/1" for partition, region in PARTITIONS]
REGISTRY = "AmazonManagedKafkaEventSourceConfig.SchemaRegistryConfig"


@pytest.mark.parametrize(
    ("path", "legal", "illegal"),
    [
        (
            "DestinationConfig.OnFailure.Destination",
            [*QUEUES, "arn:aws:s3:::bucket", "kafka://topic", ""],
            ["topic", "kafka://.topic", "arn:aws"],
        ),
        (f"{REGISTRY}.AccessConfigs[].URI", SECRETS, ["s"]),
        ("KMSKeyArn", ["", *KEYS], ["alias/filters"]),
    ],
)
def test_an_arn_is_legal_in_every_partition(path: str, legal: list[str], illegal: list[str]) -> None:
    rule = ROWS[path].row.legal
    assert rule

    assert [text for text in legal if not rule.allows(text)] == []
    assert [text for text in illegal if rule.allows(text)] == []


@pytest.mark.parametrize("text", ["", "team", "Überprüfung 7", "a_b.c:/=+-@", "顧客"])
def test_a_tag_has_letters_of_any_language(text: str) -> None:
    assert TAG_TEXT.allows(text)
    assert not TAG_TEXT.allows(f"{text}*")


@pytest.mark.parametrize("path", ROWS)
def test_a_row_has_the_models_enumeration(path: str) -> None:
    shape: Any = MEMBERS[path]
    while isinstance(shape, ListShape):
        shape = shape.member
    if isinstance(shape, MapShape):
        shape = shape.key

    assert set(ROWS[path].row.values) == set(getattr(shape, "enum", ()) or ())


def test_what_update_lacks_needs_a_replacement() -> None:
    create_only = set(CREATE.members) - set(UPDATE.members) - {"Tags"}

    assert create_only == {
        field.row.api for field in FIELDS.values() if field.row.replaces is True
    }  # ConsumerGroupId, ConsumptionMode and VIRTUAL_HOST are in Update's shape, and refused by the service


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_every_field_can_come_back_from_a_change(field: Field) -> None:
    """Required, replaced, reset to a default, cleared by a sentinel, kept, or made of parts that are: no field has no
    way.
    """
    row = field.row
    for kind in row.kinds:
        ways = (
            kind in row.required,
            row.replaces is True,
            kind in row.default,
            row.clear is not NOTHING,
            kind in row.kept,
            bool(field.children),
            field.name == "tags",
        )
        assert any(ways), f"{field.name} of {kind}"


def test_the_defaults_are_those_that_were_recorded() -> None:
    """docs/aws/kinds.md#defaults, docs/aws/kinds.md#fields."""

    def defaults(kind: SourceKind) -> dict[str, Any]:
        return {name: field.row.default[kind] for name, field in FIELDS.items() if kind in field.row.default}

    queue = {"enabled": True, "batch_size": 10, "maximum_batching_window_in_seconds": 0}
    kafka = {
        "enabled": True,
        "batch_size": 100,
        "bisect_batch_on_function_error": False,
        "maximum_record_age_in_seconds": -1,
        "maximum_retry_attempts": -1,
    }
    stream = {
        **kafka,
        "maximum_batching_window_in_seconds": 0,
        "parallelization_factor": 1,
        "tumbling_window_in_seconds": 0,
    }
    assert {kind: defaults(kind) for kind in ALL} == {
        SourceKind.SQS: queue,
        SourceKind.FIFO: queue,
        SourceKind.KINESIS: stream,
        SourceKind.DYNAMODB: stream,
        SourceKind.MSK: kafka,
        SourceKind.KAFKA: kafka,
        SourceKind.KAFKA_QUEUE: {**kafka, "maximum_retry_attempts": 0},
        SourceKind.MQ: {"enabled": True, "batch_size": 100},
        SourceKind.DOCUMENTDB: {"enabled": True, "batch_size": 100},
    }
