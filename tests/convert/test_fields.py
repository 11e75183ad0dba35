"""The fields of a mapping, in the spellings of other tools."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.convert.conversion import Conversion, Options, canonical_of
from provisioner.convert.documents import documents
from provisioner.convert.fields import FieldReader, spelling
from provisioner.convert.unknown import Unknowns, readable
from provisioner.model.sources import SourceKind


def read(
    text: str, kind: SourceKind | None = None, **options: Any
) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    reader = FieldReader(Unknowns(), kind, **options)
    [node] = documents(text, "f")
    return reader.mapping(node), [(item.name, item.why, item.field) for item in reader.problems]


@pytest.mark.parametrize(
    "name", ["BatchSize", "batchSize", "batch_size", "batch-size", "BATCH_SIZE", "batchsize", "Batch_Size"]
)
def test_spellings(name: str) -> None:
    assert read(f"{name}: 5") == ({"batch_size": 5}, [])
    assert spelling(name) == "batchsize"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BatchSize: '10'", {"batch_size": 10}),
        ("BatchSize: 10.0", {"batch_size": 10}),
        ("BatchSize: '10.0'", {"batch_size": 10}),
        ("MaximumRetryAttempts: '-1'", {"maximum_retry_attempts": -1}),
        ("MaximumRetryAttempts: 0", {"maximum_retry_attempts": 0}),
        ("Enabled: 'true'", {"enabled": True}),
        ("Enabled: 'False'", {"enabled": False}),
        ("FunctionName: 123", {"function_name": "123"}),
        ("Topics: orders", {"topics": ["orders"]}),
        ("Topics: [a, 1, null]", {"topics": ["a", "1"]}),
        ("StartingPositionTimestamp: 1767225600", {"starting_position_timestamp": "2026-01-01T00:00:00Z"}),
        ("StartingPositionTimestamp: '2026-01-01T00:00:00Z'", {"starting_position_timestamp": "2026-01-01T00:00:00Z"}),
        ("Tags: {a: b, c: 1, d: true, e: null}", {"tags": {"a": "b", "c": "1", "d": "true"}}),
        ("Tags: [{Key: a, Value: b}, {key: c, value: d}]", {"tags": {"a": "b", "c": "d"}}),
        ("Tags: {Key: a}", {"tags": {"Key": "a"}}),
        ("ScalingConfig: {MaximumConcurrency: '4'}", {"scaling_config": {"maximum_concurrency": 4}}),
        ("scaling_config: [{maximum_concurrency: 4}]", {"scaling_config": {"maximum_concurrency": 4}}),
        ("scaling_config: [{}]", {}),
        ("scaling_config: [null]", {}),
        ("destination_config: [{on_failure: [{destination_arn: null}]}]", {"destination_config": {"on_failure": {}}}),
        ("FilterCriteria: {Filters: [{Pattern: '{}'}]}", {"filter_criteria": {"filter": [{"pattern": "{}"}]}}),
        ("filter_criteria: [{filter: [{pattern: {a: [1]}}]}]", {"filter_criteria": {"filter": [{"pattern": {"a": [1]}}]}}),
        ("FilterCriteria: {Filters: {Pattern: x}}", {"filter_criteria": {"filter": [{"pattern": "x"}]}}),
        ("SelfManagedEventSource: {Endpoints: {KafkaBootstrapServers: [a, b]}}", {"self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a", "b"]}}}),
        ("self_managed_event_source: [{endpoints: {KAFKA_BOOTSTRAP_SERVERS: 'a,b'}}]", {"self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": "a,b"}}}),
        ("SourceAccessConfigurations: [{type_: BASIC_AUTH, uRI: u}]", {"source_access_configuration": [{"type": "BASIC_AUTH", "uri": "u"}]}),
        ("source_access_configuration: [{type: BASIC_AUTH, uri: u}]", {"source_access_configuration": [{"type": "BASIC_AUTH", "uri": "u"}]}),
        ("BatchSize: null\nTopics: []\nKMSKeyArn: ''\nScalingConfig: {}", {}),
        ("noSuch: null\nother: ''\nthird: []\nfourth: [null]\nfifth: {}", {}),
    ],
)  # fmt: skip
def test_values(text: str, expected: dict[str, Any]) -> None:
    assert read(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("noSuch: 1", ("noSuch", "it is not a field of an event source mapping", "")),
        ("BatchSize: many", ("BatchSize", '"many" is not a whole number', "batch_size")),
        ("BatchSize: 1.5", ("BatchSize", "1.5 is not a whole number", "batch_size")),
        ("BatchSize: true", ("BatchSize", "true is not a whole number", "batch_size")),
        (f"BatchSize: '{'1' * 5000}'", ("BatchSize", f'"{"1" * 59}', "batch_size")),
        ("BatchSize: .inf", ("BatchSize", "Infinity is not a whole number", "batch_size")),
        ("BatchSize: [1]", ("BatchSize", "a list is not a whole number", "batch_size")),
        ("Enabled: 1", ("Enabled", "1 is neither true nor false", "enabled")),
        ("Enabled: {a: 1}", ("Enabled", "a map is neither true nor false", "enabled")),
        ("FunctionName: [a]", ("FunctionName", "a list is not a text", "function_name")),
        ("Topics: [[a]]", ("Topics", "a list is not a text", "topics")),
        ("Tags: 5", ("Tags", "a map, or a list of Key and Value, is expected", "tags")),
        ("Tags: [{Key: a}]", ("Tags", "a map, or a list of Key and Value, is expected", "tags")),
        ("Tags: {a: [b]}", ("Tags", "a list is not a text", "tags")),
        ("ScalingConfig: 5", ("ScalingConfig", "5 is not a map", "scaling_config")),
        ("ScalingConfig: [{MaximumConcurrency: 4}, {MaximumConcurrency: 5}]", ("ScalingConfig", "only one block is possible", "scaling_config")),
        ("ScalingConfig: {NoSuch: 1}", ("ScalingConfig", "NoSuch is not known", "scaling_config")),
        ("FilterCriteria: {Filters: [5]}", ("FilterCriteria", "5 is not a map", "filter_criteria")),
        ("FilterCriteria: {Filters: [{Pattern: 5}]}", ("FilterCriteria", "5 is not a text", "filter_criteria")),
        ("SelfManagedEventSource: {Endpoints: 5}", ("SelfManagedEventSource", "5 is not a map", "self_managed_event_source")),
        ("SelfManagedEventSource: {Endpoints: {KAFKA_BOOTSTRAP_SERVERS: 5}}", ("SelfManagedEventSource", "5 is not a list of brokers", "self_managed_event_source")),
        ("SelfManagedEventSource: {Endpoints: {KAFKA_BOOTSTRAP_SERVERS: [{a: 1}]}}", ("SelfManagedEventSource", "a map is not a text", "self_managed_event_source")),
        ("StartingPositionTimestamp: 1.0e+300", ("StartingPositionTimestamp", "1e+300 is not a time", "starting_position_timestamp")),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(text: str, problem: tuple[str, str, str]) -> None:
    fields, [found] = read(text)

    assert fields == {}
    assert found[0] == problem[0]
    assert found[1].startswith(problem[1])
    assert found[2] == problem[2]


def test_the_fields_of_a_bucket() -> None:
    text = "LambdaFunctionArn: f\nEvents: [e]\nId: i\nprefix: p\nfilter_suffix: s\nBatchSize: 5\n"
    fields, problems = read(text, SourceKind.S3)

    assert fields == {"function_name": "f", "events": ["e"], "id": "i", "filter_prefix": "p", "filter_suffix": "s"}
    assert problems == [("BatchSize", "it is not a field of a bucket's entry", "")]


def test_other_names_and_what_is_no_setting() -> None:
    text = "Stream: a\nState: Enabled\nBatchSize: 5\n"
    found = read(text, renames={"stream": "event_source_arn"}, ignored=("state",))

    assert found == ({"event_source_arn": "a", "batch_size": 5}, [])


@pytest.mark.parametrize("text", ["5", "[a]", "a", "true"])
def test_what_is_no_map_has_no_fields(text: str) -> None:
    assert read(text) == ({}, [])


MARKED = {
    "BatchSize": "integer",
    "Enabled": "boolean",
    "FunctionName": "string",
    "Topics": "list",
    "Tags": "map",
    "ScalingConfig": "map",
    "FilterCriteria": "map",
    "SelfManagedEventSource": "map",
}


@pytest.mark.parametrize("name", MARKED)
def test_a_variable_has_the_type_of_its_field(name: str) -> None:
    unknowns = Unknowns()
    marker = unknowns.marker("k", "x", "d")
    [node] = documents("a: 1", "f")
    fields = FieldReader(unknowns).mapping(node.holding({name: node.holding(marker)}))

    assert list(fields.values()) == [marker]
    assert unknowns.variables["x"].type == MARKED[name]


def test_blocks_in_a_list_that_are_not_known_stay() -> None:
    conversion = Conversion(Options())
    marker = conversion.unknowns.marker("k", "x", "d")
    members = {
        "function_name": "f",
        "filter_criteria": {"filter": [marker, {"pattern": '{"a": [1]}'}]},
        "topics": [marker],
    }
    found = canonical_of(members, SourceKind.MSK)

    assert found["filter_criteria"] == {"filter": [{"pattern": {"a": [1]}}, marker]}
    assert found["topics"] == [marker]
    assert readable(marker) == "${var.x}"


def test_a_message_names_the_variable() -> None:
    unknowns = Unknowns()
    [node] = documents("a: 1", "f")
    reader = FieldReader(unknowns)
    reader.mapping(node.holding({"BatchSize": node.holding(f"1{unknowns.marker('k', 'x', 'd')}")}))

    assert reader.problems[0].why == '"1${var.x}" is not a whole number'
