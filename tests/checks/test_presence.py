"""Whether what existing mappings need is still there."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.checks.presence import missing
from provisioner.model.checks import Answer
from tests.checks.asking import ACCOUNT, CLUSTER, DENIED, GONE, QUEUE, REGION, STREAM, TABLE, Aws, Said, function

CONSUMER = f"{STREAM}/consumer/enricher:1767225600"


def lost(aws: Aws, **mapping: Any) -> tuple[list[str], list[str]]:
    """What a mapping lacks, and the notes."""
    notes: list[str] = []
    found = missing(aws.ask, {"it": (REGION, mapping)}, ACCOUNT, notes.append)
    return list(found.get("it", ())), notes


@pytest.mark.parametrize(("source", "answers", "wanted"), [
    (QUEUE, {"get_queue_attributes": GONE}, "the queue orders"),
    (STREAM, {"describe_stream_summary": GONE}, "the stream clicks"),
    (CONSUMER, {"describe_stream_consumer": GONE}, "the consumer enricher of the stream clicks"),
    (TABLE, {"describe_stream": GONE}, "the stream of the table customers"),
    (QUEUE, {"get_function": GONE}, "the function worker"),
])  # fmt: skip
def test_what_is_gone_is_named(source: str, answers: dict[str, Said], wanted: str) -> None:
    assert lost(Aws(**answers), function_name="worker", event_source_arn=source) == ([wanted], [])


def test_a_cluster_is_not_asked_for() -> None:
    aws = Aws()

    assert lost(aws, function_name="worker", event_source_arn=CLUSTER) == ([], [])
    assert aws.actions == ["lambda:GetFunction"]


def test_an_entry_that_names_no_function_needs_none() -> None:
    aws = Aws()

    assert lost(aws, event_source_arn="arn:aws:s3:::uploads") == ([], [])
    assert lost(aws, event_source_arn="arn:aws:s3:::uploads", function_name=QUEUE) == ([], [])
    assert aws.actions == []


def test_a_function_whose_code_is_not_handed_out_needs_no_note() -> None:
    aws = Aws(get_function=DENIED, get_function_configuration=function()["Configuration"])

    assert lost(aws, function_name="worker", event_source_arn=QUEUE) == ([], [])


def test_what_may_not_be_asked_counts_as_there_and_is_noted_once() -> None:
    silent = Aws(
        get_function=DENIED, get_function_configuration=DENIED, get_queue_attributes=Answer(trouble="no answer")
    )

    found, notes = lost(silent, function_name="worker", event_source_arn=QUEUE)

    assert found == []
    assert [note.partition("exist: ")[2] for note in notes] == [
        "1 question skipped: these credentials may not lambda:GetFunction in eu-west-1",
        "1 question skipped: these credentials may not lambda:GetFunctionConfiguration in eu-west-1",
        "1 question skipped: no answer",
    ]
