"""`filter test`: what a mapping's filters do with the records of a file."""

from __future__ import annotations

import json

import pytest

from tests.support.workspace import Workspace, sqs

MAPPING = f"""
orders:
  function_name: f
  event_source_arn: {sqs("orders")}
  filter_criteria:
    filter:
      - pattern: {{body: {{paid: [true]}}}}
      - pattern: {{body: {{price: [{{numeric: [">", 100]}}]}}}}
plain:
  function_name: f
  event_source_arn: {sqs("plain")}
uploads:
  function_name: f
  event_source_arn: arn:aws:s3:::media
  events: ["s3:ObjectCreated:*"]
  filter_prefix: in/
  filter_suffix: .jpg
"""


DROPPED = ["record 1: dropped, and not sent", "  filter 1"]
OBJECT = ["    s3", "      object"]


@pytest.fixture
def folder(workspace: Workspace) -> Workspace:
    workspace.write(MAPPING)
    (workspace.folder / "events.jsonl").write_text('{"paid": "true"}\n{"paid": true}\n"words"\n')
    return workspace


def test_each_record_passes_or_says_why_not(folder: Workspace) -> None:
    out = folder.run("filter", "test", "orders", "--event", "events.jsonl").out

    assert out.splitlines() == [
        "record 1: dropped, and deleted",
        "  filter 1",
        "    body",
        '      x paid: wanted true, found "true"',
        "  filter 2",
        "    body",
        '      x price: wanted {"numeric": [">", 100]}, found nothing',
        "record 2: passes by filter 1",
        "record 3: dropped, and deleted",
        "  filter 1",
        '    x body: its format is not the pattern\'s: found "words"',
        "  filter 2",
        '    x body: its format is not the pattern\'s: found "words"',
        "",
        "3 records: 1 passed, 2 dropped.",
    ]


@pytest.mark.parametrize(
    ("event", "expect", "code"),
    [
        ('{"paid": true}', "pass", 0),
        ('{"paid": true}', "drop", 2),
        ('{"paid": 1}', "drop", 0),
        ('[{"paid": 1}, {"paid": true}]', "pass", 2),
    ],
)
def test_an_expectation_decides_the_exit_code(folder: Workspace, event: str, expect: str, code: int) -> None:
    folder.run("filter", "test", "orders", "--event", "-", "--expect", expect, stdin=event, code=code)


def test_a_filter_is_a_tree_up_to_where_it_failed(workspace: Workspace) -> None:
    pattern = '{"body": {"type": ["order"], "item": {"paid": [true], "price": [1]}, "id": ["a"]}, "messageId": ["b"]}'
    workspace.write(f"""
        orders:
          function_name: f
          event_source_arn: {sqs("orders")}
          filter_criteria: {{ filter: [{{ pattern: '{pattern}' }}] }}
    """)
    event = {"type": "order", "item": {"paid": False, "price": 1}, "id": "a"}

    out = workspace.run("filter", "test", "orders", "--event", "-", stdin=json.dumps(event)).out

    assert out.splitlines()[1:9] == [
        "  filter 1",
        "    body",
        "      + id",
        "      item",
        "        x paid: wanted true, found false",
        "        - price",
        "      - type",
        "    - messageId",
    ]


def test_json_has_an_entry_for_each_record(folder: Workspace) -> None:
    records = json.loads(folder.run("filter", "test", "orders", "--event", "events.jsonl", "--json").out)["records"]

    assert records[0] == {
        "passes": False,
        "filter": None,
        "failed": [
            {"filter": 0, "path": "body.paid", "wanted": [True], "found": '"true"'},
            {"filter": 1, "path": "body.price", "wanted": [{"numeric": [">", 100]}], "found": None},
        ],
        "decided_by": "match",
        "then": "deleted",
        "doubt": None,
    }
    assert [(record["passes"], record["decided_by"]) for record in records[1:]] == [(True, "match"), (False, "format")]


@pytest.mark.parametrize(
    ("name", "event", "message"),
    [
        ("nobody", "{}", "nobody"),
        (
            "orders",
            '{"eventSource": "aws:s3", "s3": {}}',
            "the record is one of aws:s3, and the source of the mapping is an SQS queue",
        ),
        ("uploads", '{"a": 1}', "a record of S3, or the key of an object as a text, is expected"),
        ("orders", "words", "not JSON"),
        ("orders", '{"a": 1}\nwords', "line 2"),
        ("orders", '{"Records": []}', "has no record"),
    ],
)
def test_what_cannot_be_tried_is_an_error(folder: Workspace, name: str, event: str, message: str) -> None:
    (folder.folder / "event.json").write_text(event)

    assert message in folder.run("filter", "test", name, "--event", "event.json", code=1).err


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        ({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "in/a%40b+c.jpg"}}}]}, ["record 1: passes by filter 1"]),
        ("in/a.jpg", ["record 1: passes by filter 1"]),
        ("out/a.jpg", [*DROPPED, *OBJECT, '        x key: wanted {"prefix": "in/"}, found "out/a.jpg"']),
        ("in/a.JPG", [*DROPPED, *OBJECT, '        x key: wanted {"suffix": ".jpg"}, found "in/a.JPG"']),
        ({"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "in/a.jpg"}}}, [*DROPPED, '    x eventName: wanted "s3:ObjectCreated:*", found "ObjectRemoved:Delete"']),
    ],
)  # fmt: skip
def test_the_filter_of_a_bucket(folder: Workspace, event: object, lines: list[str]) -> None:
    out = folder.run("filter", "test", "uploads", "--event", "-", stdin=json.dumps(event)).out

    assert out.splitlines()[: len(lines)] == lines


def test_a_name_that_is_spelt_as_a_short_flag_is_a_name(folder: Workspace) -> None:
    folder.write(MAPPING.replace("orders:", "q:", 1))

    folder.run("filter", "test", "q", "--event", "-", stdin='{"paid": true}')


def test_filters_are_tried_also_while_a_filter_test_fails(folder: Workspace) -> None:
    folder.write(f"{MAPPING}  filter_tests: {{ drop: [in/a.jpg] }}\n")

    assert "E230" in folder.run("validate", code=1).out
    folder.run("filter", "test", "uploads", "--event", "-", stdin='"in/a.jpg"')


def test_a_mapping_without_filters_lets_everything_through(folder: Workspace) -> None:
    out = folder.run("filter", "test", "plain", "--event", "events.jsonl").out

    assert out.endswith("3 records: 3 passed, 0 dropped.\n")
