"""The field table against botocore's own model, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from provisioner.model.mapping import FIELDS, NOTHING, Field
from provisioner.model.sources import SourceKind

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
        "structure": ("<class 'provisioner.model.mapping.",),
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
    """Required, replaced, reset to a default, cleared by a sentinel, kept, or made of parts that are: no field has no way."""
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
    """aws-behaviour 7.7 and 5.1."""

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
    assert {kind: defaults(kind) for kind in SourceKind} == {
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
