"""`filter_tests` beside a mapping: records that its filters must let through or drop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ManifestError
from provisioner.manifest import load
from provisioner.manifest.format import formatted

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
PAID = {"filter": [{"pattern": {"body": {"paid": [True]}}}]}


def reported(folder: Path, tests: Any, source: str = QUEUE, **fields: Any) -> list[tuple[str, str]]:
    """Code and message of each finding."""
    stated = {
        "function_name": "f",
        "event_source_arn": source,
        "filter_criteria": PAID,
        **fields,
        "filter_tests": tests,
    }
    mapping = {name: item for name, item in stated.items() if item is not None}
    (folder / "provisioner.yaml").write_text(json.dumps({"stack": "test", "mappings": {"orders": mapping}}))
    try:
        load(folder, region="eu-west-1")
    except ManifestError as error:
        return [(item.code, item.message) for item in error.diagnostics]
    return []


def test_records_that_are_treated_as_expected_are_silent(tmp_path: Path) -> None:
    event = {"Records": [{"messageId": "1", "body": '{"paid": true}'}]}

    assert reported(tmp_path, {"pass": [{"paid": True}, event], "drop": [{"paid": False}, "words"]}) == []
    assert reported(tmp_path, None) == []
    assert reported(tmp_path, {}) == []


def test_each_record_that_is_treated_otherwise_is_an_error(tmp_path: Path) -> None:
    assert reported(tmp_path, {"pass": [{"paid": 1}, "words"], "drop": [{"paid": True}]}) == [
        ("E230", "a record that must pass is dropped: body.paid: found 1, wanted true"),
        ("E230", 'a record that must pass is dropped: body: found "words"'),
        ("E230", "a record that must be dropped passes by filter 1"),
    ]


def test_without_filters_everything_passes(tmp_path: Path) -> None:
    assert reported(tmp_path, {"drop": ["words"]}, filter_criteria=None) == [
        ("E230", "a record that must be dropped passes without a filter")
    ]


def test_a_bucket_has_tests_too(tmp_path: Path) -> None:
    fields = {"filter_criteria": None, "events": ["s3:ObjectCreated:*"], "filter_prefix": "in/"}

    assert reported(tmp_path, {"pass": ["in/a"], "drop": ["out/a", "in/b"]}, "arn:aws:s3:::media", **fields) == [
        ("E230", "a record that must be dropped passes by filter 1")
    ]


def test_records_may_be_in_files_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "paid.jsonl").write_text('{"paid": true}\n{"paid": false}\n')

    assert reported(tmp_path, {"pass": [{"file": "events/paid.jsonl"}]}) == [
        ("E230", "a record that must pass is dropped: body.paid: found false, wanted true")
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing.json", "No such file or directory"),
        ("../outside.json", "'../outside.json' leads out of the manifest's folder"),
        ("/etc/passwd", "'/etc/passwd' leads out of the manifest's folder"),
        ("link.json", "'link.json' leads out of the manifest's folder"),
        ("broken.json", "Expecting value"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "broken.json").write_text("words")
    (tmp_path / "link.json").symlink_to("/etc/passwd")

    [(code, message)] = reported(tmp_path, {"pass": [{"file": name}]})

    assert code == "E104"
    assert why in message


@pytest.mark.parametrize(("tests", "code"), [("words", "E104"), ({"passes": []}, "E101"), ({"pass": "words"}, "E104")])
def test_what_is_no_tests_is_an_error(tmp_path: Path, tests: Any, code: str) -> None:
    assert [found for found, _ in reported(tmp_path, tests)] == [code]


def test_a_record_of_another_source_is_an_error(tmp_path: Path) -> None:
    [(code, message)] = reported(tmp_path, {"drop": [{"eventSource": "aws:kinesis", "kinesis": {"data": "e30="}}]})

    assert (code, message) == (
        "E104",
        "the filter test cannot be read: the record is one of aws:kinesis, and the source of the mapping is an SQS queue",
    )


def test_a_source_without_filters_has_no_tests(tmp_path: Path) -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-abcdef"
    fields = {
        "filter_criteria": None,
        "document_db_event_source_config": {"database_name": "shop"},
        "source_access_configuration": [{"type": "BASIC_AUTH", "uri": secret}],
    }

    found = reported(tmp_path, {"pass": ["words"]}, "arn:aws:rds:eu-west-1:123456789012:cluster:docs", **fields)

    assert ("E105", "a DocumentDB cluster has no filters") in found


def test_the_formatter_puts_them_before_the_lifecycle() -> None:
    text = (
        "stack: s\nmappings:\n  m:\n    lifecycle: {}\n    filter_tests:\n      drop: []\n      pass: []\n"
        "    function_name: f\n"
    )

    keys = [line.strip().partition(":")[0] for line in formatted(text).splitlines()]

    assert keys[-5:] == ["function_name", "filter_tests", "pass", "drop", "lifecycle"]
