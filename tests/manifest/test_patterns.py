"""Which filter patterns are refused: the manifest's grammar and the sandbox's, which share no code, against one table."""

from __future__ import annotations

import json

import pytest

from provisioner.kinds.forms import parsed
from provisioner.manifest.patterns import pattern_findings
from provisioner.sandbox.patterns import is_pattern

REFUSED = [
    ("bad-null", "null"),
    ("bad-text", "simple string"),
    ("bad-no-list", '{"eventSource": "aws:sqs"}'),
    ("bad-empty-list", '{"eventSource": []}'),
    ("bad-broken", '[{"eventName": ["INSERT"=123}]'),
    ("bad-numeric-scalar", '{"body": {"n": [{"numeric": 10}]}}'),
    ("bad-numeric-odd", '{"body": {"n": [{"numeric": [">", 0, "<"]}]}}'),
    ("bad-numeric-same-side", '{"body": {"n": [{"numeric": [">", 0, ">", 0]}]}}'),
    ("bad-numeric-order", '{"body": {"n": [{"numeric": ["<", 5, ">", 0]}]}}'),
    ("bad-rule-case", '{"body": {"k": [{"EXISTS": true}]}}'),
    ("bad-prefix-number", '{"body": {"k": [{"prefix": 1}]}}'),
    ("bad-prefix-list", '{"body": {"k": [{"prefix": ["a"]}]}}'),
    ("bad-suffix-list", '{"body": {"k": [{"suffix": ["a"]}]}}'),
    ("bad-ignore-case-list", '{"body": {"k": [{"equals-ignore-case": ["a"]}]}}'),
    ("bad-but-null", '{"body": {"k": [{"anything-but": null}]}}'),
    ("bad-but-list-null", '{"body": {"k": [{"anything-but": ["a", null]}]}}'),
    ("bad-but-mixed", '{"body": {"k": [{"anything-but": ["a", 1]}]}}'),
    ("bad-but-prefix-empty", '{"body": {"k": [{"anything-but": {"prefix": ""}}]}}'),
    ("bad-but-suffix-number", '{"body": {"k": [{"anything-but": {"suffix": 1}}]}}'),
    ("bad-but-prefix-ignore-case", '{"body": {"k": [{"anything-but": {"prefix": {"equals-ignore-case": "f"}}}]}}'),
    ("bad-but-ignore-case-number", '{"body": {"k": [{"anything-but": {"equals-ignore-case": [1, 2]}}]}}'),
    ("bad-wildcard-stars", '{"body": {"k": [{"wildcard": "a**b"}]}}'),
    ("bad-cidr", '{"body": {"ip": [{"cidr": "bad"}]}}'),
    ("bad-two-rules", '{"body": {"k": [{"prefix": "a", "suffix": "b"}]}}'),
    ("bad-or-single", '{"body": {"$or": [{"a": ["1"]}]}}'),
    ("bad-empty-object", '{"body": {}}'),
    ("numeric-upper-bound-first", '{"body": {"k": [{"numeric": ["<", 5, ">", 0]}]}}'),
    ("numeric-crossed", '{"body": {"k": [{"numeric": [">", 5, "<", 1]}]}}'),
    ("numeric-empty", '{"body": {"k": [{"numeric": [">", 5, "<", 5]}]}}'),
    ("wildcard-backslash", '{"body": {"k": [{"wildcard": "a\\\\b"}]}}'),
    ("wildcard-backslash-last", '{"body": {"k": [{"wildcard": "a\\\\"}]}}'),
    ("but-suffix-empty", '{"body": {"k": [{"anything-but": {"suffix": ""}}]}}'),
    ("but-prefix-empty-in-a-list", '{"body": {"k": [{"anything-but": {"prefix": ["a", ""]}}]}}'),
    ("but-boolean", '{"body": {"k": [{"anything-but": true}]}}'),
    ("but-mixed", '{"body": {"k": [{"anything-but": ["a", 1]}]}}'),
    ("but-two-rules", '{"body": {"k": [{"anything-but": {"prefix": "a", "suffix": "b"}}]}}'),
    ("but-empty", '{"body": {"k": [{"anything-but": []}]}}'),
    ("but-wildcard-stars", '{"body": {"k": [{"anything-but": {"wildcard": "a**"}}]}}'),
    ("numeric-one-number", '{"body": {"k": [{"numeric": [">=", 5, "<=", 5]}]}}'),
    ("rule-with-a-duplicate-key", '{"body": {"k": [{"prefix": "a", "prefix": "b"}]}}'),
    ("or-of-rules", '{"$or": [{"prefix": ["a"]}, {"body": ["b"]}]}'),
    ("cidr-without-a-mask", '{"body": {"ip": [{"cidr": "10.0.0.0"}]}}'),
    ("rule-with-two-keys", '{"body": {"k": [{"prefix": "a", "suffix": "b"}]}}'),
    ("nan", '{"body": {"k": [NaN]}}'),
]
ACCEPTED = [
    '{"body": {"k": [{"numeric": ["=", 5]}, null, true, 1.5, "x"]}}',
    '{"body": {"k": [{"wildcard": "a*\\\\*\\\\\\\\*b"}]}}',
    '{"body": {"k": [{"prefix": ""}, {"prefix": {"equals-ignore-case": "a"}}]}}',
    '{"body": {"k": [{"anything-but": {"equals-ignore-case": ["a", "b"]}}]}}',
    '{"body": {"$or": [{"a": [1]}, {"b": [{"cidr": "10.0.0.0/24"}]}]}}',
    '{"dynamodb": {"NewImage": {"a": {"S": ["x"]}}}, "dynamodb": {"OldImage": {"a": {"S": ["y"]}}}}',
    "{}",
]


def errors(pattern: str) -> list[str]:
    return [finding.message for finding in pattern_findings(pattern, ()) if finding.code.startswith("E")]


@pytest.mark.parametrize("pattern", [text for _, text in REFUSED], ids=[name for name, _ in REFUSED])
def test_what_aws_refuses_is_refused_by_both(pattern: str) -> None:
    assert errors(pattern)
    assert not is_pattern(pattern)


@pytest.mark.parametrize("pattern", ACCEPTED)
def test_what_aws_accepts_is_accepted_by_both(pattern: str) -> None:
    assert errors(pattern) == []
    assert is_pattern(pattern)


def test_a_rule_of_an_unknown_name_is_a_warning_here_and_refused_by_the_sandbox() -> None:
    """AWS adds rules now and then: the manifest passes them on."""
    pattern = '{"body": {"k": [{"begins-with": "a"}]}}'

    assert [finding.code for finding in pattern_findings(pattern, ())] == ["W204"]
    assert not is_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ('{"dynamodb": {"NewImage": {"a": {"S": ["x"]}}}, "dynamodb": {"OldImage": {"a": {"S": ["y"]}}}}',
         {"dynamodb": {"NewImage": {"a": {"S": ["x"]}}, "OldImage": {"a": {"S": ["y"]}}}}),
        ('{"body": {"a": [1], "a": [2]}}', {"body": {"a": [2]}}),
        ('{"body": {"a": {"b": [1]}, "a": {"b": [2], "c": [3]}}}', {"body": {"a": {"b": [2], "c": [3]}}}),
        ('{"body": {"$or": [{"a": [1], "a": [2]}, {"b": [1]}]}}', {"body": {"$or": [{"a": [2]}, {"b": [1]}]}}),
    ],
)  # fmt: skip
def test_of_a_duplicate_key_objects_are_joined_and_the_last_list_counts(pattern: str, means: object) -> None:
    assert parsed(pattern) == means
    assert [finding.code for finding in pattern_findings(pattern, ())] == ["W218"]


def test_an_object_and_a_list_under_one_key_stay_as_they_are_written() -> None:
    pattern = '{"body": {"a": [1], "a": {"b": [2]}}}'

    assert parsed(pattern) == pattern
    assert errors(pattern) == []


def test_the_same_pattern_in_yaml_is_judged_alike() -> None:
    for name, text in REFUSED:
        if "duplicate" in name:
            continue  # in YAML it is the reader's mistake to tell
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if isinstance(value, dict) and text != '{"body": {"k": [NaN]}}':
            assert [finding for finding in pattern_findings(value, ()) if finding.code[0] == "E"], text
