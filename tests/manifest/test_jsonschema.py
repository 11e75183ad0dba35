"""The manifest as JSON Schema: it lets through what the checks let through, and catches most of what they catch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provisioner.errors import ManifestError
from provisioner.kinds.fields import Field
from provisioner.kinds.rows import TAG_TEXT
from provisioner.kinds.tables import ALL_FIELDS
from provisioner.manifest.jsonschema import manifest_schema
from provisioner.manifest.jsonschema.fields import EVERY
from provisioner.manifest.jsonschema.kinds import SOURCES
from provisioner.manifest.reader import read
from provisioner.manifest.schema import Root
from provisioner.model.sources import SourceKind

TESTS = Path(__file__).parents[1]
INVALID = sorted((TESTS / "cases/invalid").glob("*.yaml"))
VALID = [
    *sorted((TESTS / "cases/warned").glob("*.yaml")),
    *sorted((TESTS.parent / "examples").glob("*/provisioner.yaml")),
]
SCHEMA = manifest_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

UNSEEN = {
    "it is no YAML: the editor says so": {
        "duplicate-key",
        "file-of-another-tool",
        "reference-unquoted-in-braces",
        "several-duplicate-keys",
        "tab-for-spaces",
        "two-documents",
    },
    "what a filter does with a record": {"filter-tests"},
    "two mappings against each other": {
        "a-pair-behind-another-virtual-host",
        "bucket-mappings-that-contradict",
        "bucket-notification-twice",
        "bucket-notifications-that-overlap",
        "consumer-group-twice",
        "pair-twice",
    },
    "two values compared": {
        "bucket-and-function-in-two-regions",
        "pollers-crossed",
        "region-disagrees-with-the-arn",
        "regions-disagree",
        "tag-under-ignore-tags",
    },
    "what an ARN holds, and whether a text is one": {"secret-by-its-name", "wildcard-in-the-source"},
    "JSON inside a text": {
        "half-a-character",
        "pattern-with-a-crooked-range",
        "pattern-with-nan",
    },
    "the size of a mapping as JSON": {"pattern-too-long"},
    "the calendar and the clock": {"timestamp-beyond-the-calendar", "timestamp-in-the-future"},
    "a file that another includes has no stack": {"stack-missing"},
    "files and variables that it does not look up": {
        "include-absolute",
        "include-of-itself",
        "include-of-nothing",
        "include-outside-of-the-folder",
        "include-with-a-variable",
        "list-inside-a-text",
        "pseudo-parameter",
        "reference-that-is-none",
        "variable-not-declared",
        "variable-of-another-type",
        "variable-of-the-wrong-kind-of-value",
        "variable-without-a-value",
    },
}
"""Mistakes that a schema cannot see, by reason."""


def value_of(path: Path) -> Any:
    document = read(path, str(path))
    if document.diagnostics:
        raise ManifestError(document.diagnostics)
    return document.root.plain() if document.root else None


def of_text(folder: Path, text: str) -> Any:
    path = folder / "manifest.yaml"
    path.write_text(text, encoding="utf-8")
    return value_of(path)


def with_mapping(**fields: Any) -> dict[str, Any]:
    return {"stack": "s", "mappings": {"m": fields}}


def errors(value: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(value)]


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_it_is_the_same_each_time() -> None:
    assert json.dumps(manifest_schema()) == json.dumps(SCHEMA)


@pytest.mark.parametrize("path", VALID, ids=[f"{path.parent.name}-{path.stem}" for path in VALID])
def test_what_is_valid_passes(path: Path) -> None:
    assert errors(value_of(path)) == []


@pytest.mark.parametrize("path", INVALID, ids=[path.stem for path in INVALID])
def test_a_mistake_is_caught_unless_no_schema_can(path: Path) -> None:
    unseen = path.stem in set().union(*UNSEEN.values())
    try:
        value = value_of(path)
    except ManifestError:
        assert path.stem in UNSEEN["it is no YAML: the editor says so"]
        return

    assert VALIDATOR.is_valid(value) is unseen


def test_every_unseen_mistake_is_a_case() -> None:
    assert set().union(*UNSEEN.values()) <= {path.stem for path in INVALID}


EVERYTHING = """
version: 1
stack: "shop-${var.env}"
provider:
  region: eu-west-1
  allowed_account_ids: ["${var.account_id}"]
  settle_timeout: 15m
  retry_timeout: 300
limits: { deletes: 3, risk: replay }
x-anchor: [1, two]
variables:
  env: { type: string, allowed: [dev, staging, prod] }
  account_id: { type: string, pattern: '^[0-9]{12}$' }
  alias: { type: string, default: live, description: the alias that is called }
  clicks_batch: { type: integer, default: 100 }
include:
  - mappings/*.yaml
defaults:
  all:
    tags: { managed-by: provisioner, env: "${var.env}" }
  sqs:
    function_response_types: [ReportBatchItemFailures]
  stream:
    bisect_batch_on_function_error: true
    maximum_retry_attempts: 5
    destination_config:
      on_failure: { destination_arn: "arn:aws:sqs:eu-west-1:${var.account_id}:stream-failures" }
  mq: null
mappings:
  orders:
    event_source_arn: "arn:aws:sqs:eu-west-1:${var.account_id}:orders-${var.env}"
    function_name: "orders-worker:${var.alias}"
    batch_size: 10
    maximum_batching_window_in_seconds: 5
    scaling_config: { maximum_concurrency: 20 }
    filter_criteria:
      filter:
        - pattern:
            body:
              status: [NEW, RETRY, null]
              amount: [{ numeric: [">", 0, "<=", 10000] }]
              team: "${var.teams}"
              $or: [{ a: [{ exists: true }] }, { b: [{ anything-but: { prefix: x } }] }]
        - pattern: '{"body":{"priority":["high"]}}'
    metrics_config: { metrics: [EventCount] }
    tags: { team: orders, managed-by: null }
    lifecycle: { prevent_destroy: true }
  clicks:
    event_source_arn: "arn:aws:kinesis:eu-west-1:${var.account_id}:stream/clicks-${var.env}"
    function_name: clicks-enricher
    starting_position: AT_TIMESTAMP
    starting_position_timestamp: "2026-01-15T00:00:00Z"
    batch_size: "${var.clicks_batch}"
    parallelization_factor: 4
    maximum_record_age_in_seconds: 86400
    lifecycle:
      ignore_changes: [parallelization_factor, tags.team]
  customer-audit:
    event_source_arn: "arn:aws:dynamodb:eu-west-1:123456789012:table/customers/stream/2026-01-01T00:00:00.000"
    function_name: customer-audit
    starting_position: TRIM_HORIZON
  ledger:
    event_source_arn: "arn:aws:kafka:eu-west-1:${var.account_id}:cluster/core/0a1b2c3d-1111-2222-3333-444455556666-7"
    function_name: ledger-writer
    topics: [ledger.entries]
    starting_position: TRIM_HORIZON
    amazon_managed_kafka_event_source_config:
      consumer_group_id: "ledger-writer-${var.env}"
    provisioned_poller_config: { minimum_pollers: 2, maximum_pollers: 10 }
    source_access_configuration:
      - { type: SASL_SCRAM_512_AUTH, uri: "arn:aws:secretsmanager:eu-west-1:${var.account_id}:secret:ledger" }
  telemetry:
    self_managed_event_source:
      endpoints:
        KAFKA_BOOTSTRAP_SERVERS: b-1.kafka.internal:9096, b-2.kafka.internal:9096
    function_name: telemetry-ingest
    topics: [telemetry.v1]
    self_managed_kafka_event_source_config: { consumer_group_id: telemetry-ingest, consumption_mode: Queue }
    source_access_configuration:
      - { type: VPC_SUBNET, uri: "subnet:subnet-0aaa1111bbbb2222c" }
      - { type: VPC_SECURITY_GROUP, uri: "security_group:sg-0ddd3333eeee4444f" }
      - "${var.secret}"
  notifications:
    event_source_arn: "arn:aws:mq:eu-west-1:${var.account_id}:broker:events:b-66666666-7777-8888-9999-000000000000"
    function_name: notifier
    queues: [notifications]
    batch_size: 1
    source_access_configuration:
      - { type: VIRTUAL_HOST, uri: / }
      - { type: BASIC_AUTH, uri: "arn:aws:secretsmanager:eu-west-1:${var.account_id}:secret:rabbit" }
  catalogue:
    event_source_arn: "arn:aws:rds:eu-west-1:${var.account_id}:cluster:catalogue-${var.env}"
    function_name: catalogue-indexer
    starting_position: LATEST
    document_db_event_source_config:
      database_name: shop
      collection_name: products
      full_document: UpdateLookup
    source_access_configuration:
      - { type: BASIC_AUTH, uri: "arn:aws:secretsmanager:eu-west-1:${var.account_id}:secret:documents" }
  orders-us:
    region: us-east-1
    event_source_arn: "arn:aws:sqs:us-east-1:${var.account_id}:orders-${var.env}"
    function_name: orders-worker
    batch_size: null
    lifecycle: null
    enabled: false
imports:
  - { to: orders, id: 14e0db71-5d35-4eb5-b481-8945cf9d10c2 }
moved:
  - { from: click-stream, to: clicks }
removed:
  - { from: legacy-audit, destroy: false }
"""


def test_the_whole_language_passes(tmp_path: Path) -> None:
    assert errors(of_text(tmp_path, EVERYTHING)) == []


@pytest.mark.parametrize(
    "part",
    [
        {"limits": {"deletes": -1}},
        {"limits": {"risk": "any"}},
        {"include": "mappings/*.yaml"},
        {"include": [1]},
        {"defaults": {"queues": {}}},
        {"defaults": {"sqs": {"batch_sise": 5}}},
        {"defaults": {"all": {"batch_size": "5"}}},
        {"variables": {"env": {"type": "text"}}},
        {"variables": {"env": {"allowed": "dev"}}},
        {"variables": {"2nd": {"type": "string"}}},
        {"state": {"path": "a.json", "s3": {"bucket": "b", "key": "k"}}},
        {"provider": {"settle_timeout": -1}},
        {"provider": {"default_tags": {"aws:x": "y"}}},
        {"mappings": {"m": None}},
    ],
    ids=str,
)
def test_keys_beside_mappings_are_checked(part: dict[str, Any]) -> None:
    assert errors(part)


def test_every_key_is_described() -> None:
    assert {*Root.model_fields, "variables", "defaults", "include"} == SCHEMA["properties"].keys()
    assert all(part["description"] for part in SCHEMA["properties"].values())


# --- the field table -------------------------------------------------------------------------------------------------


def walk(fields: Mapping[str, Field], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Field]]:
    """Every field; what no kind has is not opened."""
    for name, field in fields.items():
        path = (*above, name)
        yield path, field
        yield from walk(field.children if field.row.kinds else {}, (*path, "[]") if field.many else path)


WALKED = list(walk(ALL_FIELDS))


def described(path: tuple[str, ...]) -> dict[str, Any]:
    schema = SCHEMA["$defs"]["body"]
    for step in path:
        schema = schema["items"] if step == "[]" else schema["properties"][step]
    return schema


def holding(path: tuple[str, ...], value: Any) -> Any:
    for step in reversed(path):
        value = [value] if step == "[]" else {step: value}
    return value


@pytest.mark.parametrize(("path", "field"), WALKED, ids=[".".join(path) for path, _ in WALKED])
def test_a_field_of_the_table_is_described(path: tuple[str, ...], field: Field) -> None:
    schema = described(path)

    assert schema["description"]
    if field.children and field.row.kinds:
        assert list((schema["items"] if field.many else schema)["properties"]) == list(field.children)


def test_a_mapping_has_no_other_fields() -> None:
    assert list(SCHEMA["$defs"]["body"]["properties"]) == [*ALL_FIELDS, "region", "filter_tests", "lifecycle"]


HAD = [(path, field) for path, field in WALKED if field.row.kinds]


@pytest.mark.parametrize("path", [path for path, _ in HAD], ids=[".".join(path) for path, _ in HAD])
def test_a_reference_stands_for_any_value(path: tuple[str, ...]) -> None:
    """Within items that are whole, beside what they must hold."""
    value = holding(path, "${var.any_1-x}")
    found = [text for text in errors({"defaults": {"all": value}}) if "required property" not in text]

    assert found == []


@pytest.mark.parametrize("path", ["topics", "queues", "metrics_config.metrics", "source_access_configuration"])
def test_a_reference_stands_for_an_item(path: str) -> None:
    assert errors({"defaults": {"all": holding((*path.split("."), "[]"), "${var.x}")}}) == []


@pytest.mark.parametrize("value", ["10", "${var.a}0", "${var.}", "${env.a}", "$${var.a}"])
def test_only_a_whole_reference_stands_for_a_number(value: str) -> None:
    assert errors({"defaults": {"all": {"batch_size": value}}})


@pytest.mark.parametrize("name", ALL_FIELDS)
def test_null_is_absence(name: str) -> None:
    assert errors({"defaults": {"all": {name: None}}, "mappings": {"m": {name: None}}}) == []


def test_an_unknown_word_passes_and_the_known_are_offered() -> None:
    schema = described(("starting_position",))

    assert schema["anyOf"][0]["enum"] == list(ALL_FIELDS["starting_position"].row.values)
    assert errors({"defaults": {"all": {"starting_position": "YESTERDAY"}}}) == []


def test_a_description_reports_what_the_table_knows() -> None:
    assert described(("batch_size",))["description"] == (
        "BatchSize in the API. 1 to 10000; 1 to 10 for an SQS FIFO queue. Default 100; 10 for an SQS queue. "
        "Not for an S3 bucket. Removing the line resets it."
    )


# --- kinds of source -------------------------------------------------------------------------------------------------

ARN = "arn:aws:{}:eu-west-1:${{var.account}}:{}"
BROKERS = {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:9092"]}}
OF_KIND: dict[SourceKind, dict[str, Any]] = {
    SourceKind.SQS: {"event_source_arn": ARN.format("sqs", "orders")},
    SourceKind.FIFO: {"event_source_arn": ARN.format("sqs", "${var.queue}.fifo")},
    SourceKind.KINESIS: {"event_source_arn": ARN.format("kinesis", "stream/clicks")},
    SourceKind.DYNAMODB: {"event_source_arn": ARN.format("dynamodb", "table/t/stream/l")},
    SourceKind.MSK: {"event_source_arn": ARN.format("kafka", "cluster/c/1")},
    SourceKind.MQ: {"event_source_arn": ARN.format("mq", "broker:b:b-1")},
    SourceKind.DOCUMENTDB: {"event_source_arn": ARN.format("rds", "cluster:c")},
    SourceKind.S3: {"event_source_arn": "arn:aws:s3:::media-${var.account}"},
    SourceKind.KAFKA: {"self_managed_event_source": BROKERS},
    SourceKind.KAFKA_QUEUE: {
        "self_managed_event_source": BROKERS,
        "self_managed_kafka_event_source_config": {"consumption_mode": "Queue"},
    },
}
BESIDE = [(kind, name) for kind in sorted(EVERY) for name in ALL_FIELDS if name not in OF_KIND[kind]]


@pytest.mark.parametrize(("kind", "name"), BESIDE, ids=[f"{kind}-{name}" for kind, name in BESIDE])
def test_a_kind_has_the_fields_that_the_table_says(kind: SourceKind, name: str) -> None:
    """An ARN tells its service although its account is a reference. Without a stack nothing is missing."""
    found = errors({"mappings": {"m": {**OF_KIND[kind], name: "${var.x}"}}})

    assert bool(found) is (kind not in ALL_FIELDS[name].row.kinds)


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_a_kind_needs_the_fields_that_the_table_says(kind: SourceKind) -> None:
    whole = {name: "${var.x}" for name, field in ALL_FIELDS.items() if kind in field.row.required} | OF_KIND[kind]
    assert errors(with_mapping(**whole)) == []

    for name in whole:
        rest = {key: value for key, value in whole.items() if key != name}
        if kind in ALL_FIELDS[name].row.required:
            assert errors(with_mapping(**rest)), name


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"defaults": {"all": {"function_name": "f"}}},
        {"include": ["more/*.yaml"]},
    ],
    ids=["defaults", "include"],
)
def test_what_may_stand_elsewhere_is_not_missed(elsewhere: dict[str, Any]) -> None:
    value = with_mapping(event_source_arn="arn:aws:sqs:eu-west-1:123456789012:q")

    assert errors(value)
    assert errors(value | elsewhere) == []


def test_what_is_ignored_is_not_missed() -> None:
    fields = {"function_name": "f", **OF_KIND[SourceKind.KINESIS]}

    assert errors(with_mapping(**fields))
    assert errors(with_mapping(**fields, lifecycle={"ignore_changes": ["starting_position"]})) == []


@pytest.mark.parametrize("name", ["orders-${var.end}", "${var.name}", "${var.name}fifo"])
def test_a_queue_whose_end_is_open_may_be_of_either_kind(name: str) -> None:
    fields = {"function_name": "f", "event_source_arn": ARN.format("sqs", name)}

    assert errors(with_mapping(**fields, batch_size=100)) == []
    assert errors(with_mapping(**fields, starting_position="LATEST"))


def test_every_kind_is_reported() -> None:
    assert frozenset().union(*(source.kinds for source in SOURCES)) == EVERY


# --- regular expressions ---------------------------------------------------------------------------------------------


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from schema.get("patternProperties", ())
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from patterns(part)


@pytest.mark.parametrize("pattern", sorted(set(patterns(SCHEMA))))
def test_a_pattern_is_spelt_alike_in_both_languages(pattern: str) -> None:
    """No named group, lookbehind, flag, \\A, \\Z or \\p{…}; \\w says less in ECMA-262 than in Python."""
    re.compile(pattern)

    assert not re.search(r"\(\?P|\(\?<|\(\?[a-zA-Z#]|\\[AZwWpPbB]", pattern)


def test_tags_pass_as_the_table_says() -> None:
    for code in range(1, 128):
        tags = {"defaults": {"all": {"tags": {"key": f"a{chr(code)}b"}}}}

        assert (errors(tags) == []) is TAG_TEXT.allows(chr(code)), repr(chr(code))
    assert errors({"defaults": {"all": {"tags": {"größe": "𠮷"}}}}) == []


@pytest.mark.parametrize(
    "path", sorted((TESTS.parent / "examples").glob("*/provisioner.yaml")), ids=lambda path: path.parent.name
)
def test_an_editor_finds_the_schema_of_an_example(path: Path) -> None:
    """`make schema` writes it."""
    modeline = path.read_text(encoding="utf-8").splitlines()[0]
    found = (path.parent / modeline.removeprefix("# yaml-language-server: $schema=")).resolve()

    assert json.loads(found.read_text(encoding="utf-8")) == SCHEMA
