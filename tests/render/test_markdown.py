"""A plan in a comment: complete where it fits, shorter where it does not, never more than GitHub takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.kinds.canonical import canonical
from provisioner.kinds.uniqueness import pair
from provisioner.model.health import Drifted
from provisioner.model.level import Level
from provisioner.model.plan import Action, Cause, Change, FieldChange, Plan, Risk
from provisioner.model.sources import SourceKind
from provisioner.render.formats import plan_in
from provisioner.render.markdown import LONGEST, drift_markdown, plan_markdown
from provisioner.render.plan import compact_text, plan_text
from provisioner.render.style import Style

QUEUE = canonical(
    {"function_name": "f", "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:q", "batch_size": 5}, SourceKind.SQS
)


def change(number: int, **fields: object) -> Change:
    made = Change(
        name=f"mapping-{number}",
        action=Action.CREATE,
        region="eu-west-1",
        pair=pair(QUEUE, "eu-west-1"),
        desired=QUEUE,
    )
    return replace(made, **fields)


def plan(*changes: Change) -> Plan:
    return Plan("test", "123456789012", "l", 1, changes)


@pytest.mark.parametrize("count", [0, 1, 50, 300, 1_000, 10_000])
def test_it_is_never_longer_than_github_takes(count: int) -> None:
    text = plan_markdown(plan(*(change(number) for number in range(count))), "v1:hash")

    assert len(text) <= LONGEST
    assert text.startswith("<!-- provisioner:test -->\n\n### `test`: ")
    assert f"{count} to add" in text or (count == 0 and "no changes" in text)
    assert "v1:hash" in text


def test_a_thousand_risks_are_counted() -> None:
    risk = Risk("R101", Level.LOSS, "a sentence that is as long as the sentences of risks usually are, or nearly so")

    text = plan_markdown(plan(*(change(number, risks=(risk,)) for number in range(1_000))), "v1:hash")

    assert len(text) <= LONGEST
    assert "**loss** `R101` in 1000 mappings: A new mapping that begins at LATEST" in text


def test_two_risks_of_one_code_in_one_mapping_are_one_mapping() -> None:
    risks = tuple(Risk("R302", Level.LOSS, f"filter {number} {'matches nothing ' * 20}") for number in (1, 2))

    text = plan_markdown(plan(*(change(number, risks=risks) for number in range(1_000))), "v1:hash")

    assert "**loss** `R302` in 1000 mappings: " in text


@pytest.mark.parametrize(
    "value",
    ["a | b", "`code`", "</details>", "*bold*", "line\nbreak", "<script>", "[l](//e)@team", "_dlq_", "~a~", "x\u202ey"],
)
def test_a_value_means_only_itself(value: str) -> None:
    field = FieldChange(("kms_key_arn",), "x", "x", value, Cause.EDIT)

    text = plan_markdown(plan(change(1, action=Action.UPDATE, fields=(field,))), "v1:hash")

    [row] = [line for line in text.splitlines() if line.startswith("| `~`")]
    cell = row.split(" | ")[2].partition("</code> → ")[2]
    assert row.count("|") == 5
    assert not set(cell.removeprefix("<code>").removesuffix("</code>")) & set("<>[]_~*`@|\u202e")


def test_a_fence_is_longer_than_any_in_the_plan() -> None:
    field = FieldChange(("kms_key_arn",), "x", "x", "````", Cause.EDIT)

    text = plan_markdown(plan(change(1, action=Action.UPDATE, fields=(field,))), "v1:hash")

    assert "`````diff" in text


def test_ten_thousand_changes_are_a_line_each_when_compact() -> None:
    many = plan(*(change(number) for number in range(10_000)))

    lines = compact_text(many, Style()).splitlines()

    assert len(lines) == 10_003
    assert lines[:2] == ["Account 123456789012", "  + mapping-0"]
    assert lines[-1] == "Plan: 10000 to add, 0 to change, 0 to destroy."


def test_a_plan_of_nothing_is_one_line_and_one_of_one_change_fits_a_screen() -> None:
    assert plan_text(plan(), Style()).splitlines()[1:] == ["No changes. The mappings match the manifest."]
    assert plan_text(replace(plan(), destroys=True), Style()).endswith("\nNo changes. There is nothing to destroy.")
    assert len(plan_text(plan(change(1)), Style()).splitlines()) <= 24


def test_gitlab_gets_its_three_numbers() -> None:
    made = plan(change(1), change(2, action=Action.REPLACE), change(3, action=Action.UPDATE))

    assert plan_in("gitlab", made, (), Style()) == '{"create": 2, "update": 1, "delete": 1}'


def test_drift_in_a_comment_is_cut_and_counted() -> None:
    found = [Drifted(f"mapping-{number}", "u", "eu-west-1", vanished=True) for number in range(5_000)]

    text = drift_markdown("test", found)

    assert len(text) <= LONGEST
    assert "5000 mappings have drifted" in text
