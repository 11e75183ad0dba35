"""Defaults: all < stream < kind < mapping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.manifest import load

SQS = "event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q', function_name: f"
FIFO = "event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q.fifo', function_name: f"
KINESIS = (
    "event_source_arn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s', function_name: f, starting_position: LATEST"
)
KAFKA = (
    "self_managed_event_source: { endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['b:9092'] } }, function_name: f, topics: [tt], "
    "source_access_configuration: [{ type: BASIC_AUTH, uri: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:s' }]"
)


def made(folder: Path, defaults: str, entry: str) -> dict[str, Any]:
    text = (
        f"stack: s\nprovider: {{ region: eu-west-1 }}\ndefaults: {{ {defaults} }}\nmappings: {{ a: {{ {entry} }} }}\n"
    )
    (folder / "provisioner.yaml").write_text(text, encoding="utf-8")
    return dict(load(folder).manifest.mappings["a"].mapping)


@pytest.mark.parametrize(
    ("defaults", "entry", "name", "expected"),
    [
        ("all: { batch_size: 5 }", SQS, "batch_size", 5),
        ("all: { batch_size: 5 }, sqs: { batch_size: 6 }", SQS, "batch_size", 6),
        ("all: { batch_size: 5 }, sqs: { batch_size: 6 }", FIFO, "batch_size", 6),
        ("sqs: { batch_size: 6 }, all: { batch_size: 5 }", f"{SQS}, batch_size: 7", "batch_size", 7),
        ("all: { batch_size: 5 }, stream: { batch_size: 6 }, kinesis: { batch_size: 7 }", KINESIS, "batch_size", 7),
        ("kinesis: { batch_size: 7 }, stream: { batch_size: 6 }", KINESIS, "batch_size", 7),
        ("stream: { batch_size: 6 }", SQS, "batch_size", None),
        ("all: { tags: { a: x, b: y } }, sqs: { tags: { b: z, c: w } }", f"{SQS}, tags: {{ c: v }}", "tags", {"a": "x", "b": "z", "c": "v"}),
        ("all: { tags: { a: x } }", f"{SQS}, tags: {{ a: null }}", "tags", None),
        ("all: { tags: { a: x } }, sqs: { tags: null }", SQS, "tags", None),
        ("all: { metrics_config: { metrics: [EventCount] } }", f"{SQS}, metrics_config: {{ metrics: [] }}", "metrics_config", None),
        ("all: { parallelization_factor: 2 }", SQS, "parallelization_factor", None),
        ("all: { parallelization_factor: 2 }", KINESIS, "parallelization_factor", 2),
        ("all: { lifecycle: { prevent_destroy: true } }", SQS, "batch_size", None),
        (
            "all: { provisioned_poller_config: { minimum_pollers: 3, poller_group_name: g } }", SQS,
            "provisioned_poller_config", {"minimum_pollers": 3, "maximum_pollers": 200},
        ),
        (
            "kafka: { maximum_batching_window_in_seconds: 5, self_managed_kafka_event_source_config: { consumption_mode: "
            "Queue } }",
            KAFKA, "maximum_batching_window_in_seconds", None,  # a queue has no window
        ),
    ],
)  # fmt: skip
def test_a_default_is_laid_under_a_mapping(tmp_path: Path, defaults: str, entry: str, name: str, expected: Any) -> None:
    assert made(tmp_path, defaults, entry).get(name) == expected


def test_default_tags_come_last(tmp_path: Path) -> None:
    text = "stack: s\nprovider: { default_tags: { a: provider, b: provider } }\ndefaults: { all: { tags: { a: default } } }\n"
    (tmp_path / "provisioner.yaml").write_text(f"{text}mappings: {{ a: {{ {SQS} }} }}\n", encoding="utf-8")

    assert load(tmp_path).manifest.mappings["a"].mapping["tags"] == {"a": "default", "b": "provider"}


def test_lifecycle_may_be_a_default(tmp_path: Path) -> None:
    text = (
        f"stack: s\ndefaults: {{ all: {{ lifecycle: {{ prevent_destroy: true }} }} }}\nmappings: {{ a: {{ {SQS} }} }}\n"
    )
    (tmp_path / "provisioner.yaml").write_text(text, encoding="utf-8")

    assert load(tmp_path).manifest.mappings["a"].lifecycle.prevent_destroy
