"""Which records pass a mapping's filters: recorded answers, and what else the rules say."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.kinds.filter_rules import contains
from provisioner.kinds.matching import DecidedBy, passes
from provisioner.kinds.records import records_of
from provisioner.manifest.patterns import pattern_findings
from provisioner.model.sources import SourceKind

VECTORS = json.loads((Path(__file__).parent / "filter_vectors.json").read_text(encoding="utf-8"))["vectors"]
LEGAL = [item for item in VECTORS if item["passes"] != "invalid"]
ILLEGAL = [item for item in VECTORS if item["passes"] == "invalid" and item["kind"] != "documentdb"]
SQS, KINESIS, MSK, MQ = SourceKind.SQS, SourceKind.KINESIS, SourceKind.MSK, SourceKind.MQ


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["id"])


@pytest.mark.parametrize("vector", LEGAL, ids=name_of)
def test_a_record_passes_as_recorded(vector: dict[str, Any]) -> None:
    verdict = passes(vector["patterns"], vector["record"], SourceKind(vector["kind"]))

    assert verdict.passes is vector["passes"]
    assert bool(verdict.doubt) is (vector["confidence"] == "doubt")


@pytest.mark.parametrize("vector", ILLEGAL, ids=name_of)
def test_a_pattern_that_lambda_refuses_is_an_error(vector: dict[str, Any]) -> None:
    [pattern] = vector["patterns"]

    assert "E" in {finding.code[0] for finding in pattern_findings(pattern, ())}


def body(value: Any) -> dict[str, Any]:
    return {"messageId": "1", "body": json.dumps(value)}


def holds(rule: Any, value: Any) -> bool:
    return passes([{"body": {"k": [rule]}}], body({"k": value}), SQS).passes


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (True, 1, False),
        (1, True, False),
        (1e3, 1000, True),
        ({"prefix": "a"}, None, False),
        ({"suffix": {"equals-ignore-case": ".PNG"}}, "a.png", True),
        ({"wildcard": "a*b*c"}, "abc", True),
        ({"wildcard": "a\\*b"}, "a*b", True),
        ({"wildcard": "a\\*b"}, "axb", False),
        ({"wildcard": "*\n"}, "a\n\n", True),
        ({"anything-but": {"equals-ignore-case": "a"}}, "A", False),
        ({"anything-but": ["a"]}, True, True),
        ({"numeric": ["=", 1]}, 1.0, True),
        ({"numeric": [">", 0, "<=", 5]}, 5, True),
        ({"numeric": [">", 0]}, True, False),
        ({"cidr": "10.0.0.0/24"}, "10.0.1.0", False),
        ({"cidr": "2001:db8::/32"}, "2001:db8::1", True),
        ({"cidr": "10.0.0.0/24"}, "no address", False),
        ({"cidr": "10.0.0.0/24"}, 1, False),
        ({"exists": True}, [[]], False),
        ("b", [["a"], ["b"]], True),
    ],
)
def test_a_rule(rule: Any, value: Any, expected: bool) -> None:
    assert holds(rule, value) is expected


def test_paths_into_one_list_match_in_one_element_and_into_two_lists_anywhere() -> None:
    pattern = {"body": {"a": {"x": [1], "y": {"z": [2]}}, "b": {"x": [3]}}}

    assert passes([pattern], body({"a": [{"x": 1, "y": [{"z": 9}, {"z": 2}]}], "b": [{"x": 0}, {"x": 3}]}), SQS).passes
    assert not passes(
        [pattern], body({"a": [{"x": 1, "y": {"z": 9}}, {"x": 0, "y": {"z": 2}}], "b": {"x": 3}}), SQS
    ).passes


def test_the_first_path_that_fails_says_what_was_wanted_and_found() -> None:
    patterns = [{"body": {"kind": ["a"], "paid": [True, "yes"]}}, {"body": {"missing": [{"exists": True}]}}]

    verdict = passes(patterns, body({"kind": "a", "paid": "true"}), SQS)

    assert [(item.filter, item.path, item.wanted, item.found) for item in verdict.failed] == [
        (0, "body.paid", (True, "yes"), '"true"'),
        (1, "body.missing", ({"exists": True},), ""),
    ]
    assert (verdict.then, verdict.decided_by) == ("deleted", DecidedBy.MATCH)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("kind", "record", "passing", "then"),
    [
        (SQS, {"body": "words"}, False, "deleted"),
        (KINESIS, {"kinesis": {"data": encoded("words")}}, False, "passed by"),
        (MSK, {"topic": "t", "value": encoded("words")}, True, "delivered"),
        (MQ, {"messageID": "1", "data": encoded("words")}, True, "delivered"),
    ],
)
def test_data_of_another_format(kind: SourceKind, record: dict[str, Any], passing: bool, then: str) -> None:
    key = {SQS: "body", KINESIS: "data", MSK: "value", MQ: "data"}[kind]

    verdict = passes([{key: {"k": ["v"]}}], record, kind)

    assert (verdict.passes, verdict.decided_by, verdict.then) == (passing, DecidedBy.FORMAT, then)


def test_the_fields_of_kinesis_stand_at_the_top() -> None:
    record = {"kinesis": {"partitionKey": "a", "data": encoded("{}")}}

    assert passes([{"partitionKey": ["a"]}], record, KINESIS).passes
    assert not passes([{"kinesis": {"partitionKey": ["a"]}}], record, KINESIS).passes


def test_without_filters_everything_passes() -> None:
    assert passes([], body({}), SQS).passes


# --- records of events ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "event", "count"),
    [
        (SQS, {"Records": [body(1), body(2)]}, 2),
        (SQS, [body(1), {"Records": [body(2)]}], 2),
        (SQS, body(1), 1),
        (SQS, {"body": "in the data"}, 1),
        (SQS, "words", 1),
        (KINESIS, {"Records": [{"kinesis": {"data": "e30="}}]}, 1),
        (MSK, {"records": {"t-0": [{"topic": "t", "value": "e30="}], "t-1": [{"topic": "t", "value": "e30="}]}}, 2),
        (MQ, {"messages": [{"messageID": "1", "data": "e30="}]}, 1),
        (MQ, {"rmqMessagesByQueue": {"q::/": [{"basicProperties": {}, "data": "e30="}]}}, 1),
        (SourceKind.DYNAMODB, {"Records": [{"eventName": "INSERT", "dynamodb": {}}]}, 1),
    ],
)
def test_the_records_of_an_event(kind: SourceKind, event: Any, count: int) -> None:
    assert len(list(records_of(event, kind))) == count


@pytest.mark.parametrize(
    ("kind", "key"), [(SQS, "body"), (KINESIS, "data"), (MSK, "value"), (MQ, "data"), (SourceKind.DYNAMODB, "dynamodb")]
)
def test_data_alone_is_put_where_the_kind_has_it(kind: SourceKind, key: str) -> None:
    [record] = records_of({"NewImage": {"k": {"S": "v"}}}, kind)

    assert passes([{key: {"NewImage": {"k": {"S": ["v"]}}}}], record, kind).passes


# --- which of two rules matches more ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ({"prefix": "a"}, "ab", True),
        ({"prefix": "a"}, {"prefix": "ab"}, True),
        ({"prefix": "ab"}, {"prefix": "a"}, False),
        ({"suffix": ".jpg"}, {"suffix": "a.jpg"}, True),
        ({"exists": True}, None, True),
        ({"exists": True}, {"numeric": [">", 1]}, True),
        ({"exists": True}, {"exists": False}, False),
        ({"exists": False}, "a", False),
        ({"anything-but": ["a"]}, {"anything-but": ["a", "b"]}, True),
        ({"anything-but": ["a", "b"]}, {"anything-but": ["a"]}, False),
        ({"anything-but": "a"}, "b", True),
        ({"numeric": [">", 0]}, 5, True),
        ({"numeric": [">", 0]}, {"numeric": [">", 5]}, False),
        (1, 1.0, True),
        ("a", {"prefix": "a"}, False),
    ],
)
def test_a_rule_contains_another_one(wide: Any, narrow: Any, expected: bool) -> None:
    assert contains(wide, narrow) is expected
