"""Statements that a plan removes and that no mapping of its text shows, as after an interrupted apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from provisioner.model.plan import Action, Plan, StatementChange
from provisioner.render.plan import change_text, compact_text, plan_text
from provisioner.render.style import Style
from provisioner.render.terraform import plan_document
from tests.render.planned import story

PLAIN = Style()
IT = {"function_name": "f", "event_source_arn": "arn:aws:s3:::media", "events": ["s3:ObjectCreated:*"]}
LEFT = StatementChange(
    "g", "eu-west-1", "old", Action.DELETE, {"principal": "s3.amazonaws.com"}, None, released_by=("it",)
)


def plan(folder: Path) -> Plan:
    """The plan of a new mapping, which also removes a statement that it once needed."""
    made = story(folder, IT)
    return replace(made, statements=(*made.statements, LEFT))


def test_a_statement_that_no_mapping_shows_is_a_block_of_its_own(tmp_path: Path) -> None:
    assert (
        plan_text(plan(tmp_path), PLAIN).partition("\n\n  # statement")[2]
        == """\
 "old" in the policy of "g" will be destroyed
  # (it no longer needs it)
  - permission "old" {
      - principal = "s3.amazonaws.com"
    }

Plan: 1 to add, 0 to change, 0 to destroy."""
    )


def test_it_is_a_line_of_a_long_plan_and_a_resource_of_the_document(tmp_path: Path) -> None:
    made = plan(tmp_path)
    document = plan_document(made, version="0")

    assert '# statement "old" in the policy of "g" will be destroyed' in compact_text(made, PLAIN)
    [gone] = [item for item in document["resource_changes"] if item["change"]["actions"] == ["delete"]]
    assert (gone["address"], gone["x_provisioner"]["part_of"]) == (
        "aws_lambda_permission.old",
        "aws_s3_bucket_notification.it",
    )


def test_a_change_alone_has_no_word_about_other_mappings(tmp_path: Path) -> None:
    [change] = story(tmp_path, IT).changes

    assert "      + permission {\n" in change_text(change, PLAIN)
