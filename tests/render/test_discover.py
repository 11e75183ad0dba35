"""The table of what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.aws.discovery import Unread
from provisioner.convert.found import Doubt, Evidence, OwnerKind, Ownership
from provisioner.convert.text import Named
from provisioner.render.discover import count_line, discovered_text
from provisioner.render.style import Style
from provisioner.render.wrapping import columns
from tests.convert.found import entry, sqs

SHOP = Ownership(OwnerKind.CLOUDFORMATION, "shop-prod", Evidence.TAGS)
FOUND = [
    Named("billing-orders", replace(sqs("billing", "orders", owner=SHOP), state="Enabled")),
    Named("thumb-media", replace(entry("thumb:live"), state="Broken", fault="nothing lets s3.amazonaws.com invoke it")),
]


def test_a_table_in_full() -> None:
    assert discovered_text(FOUND, [], Style(), 200) == (
        "NAME            KIND  FUNCTION    SOURCE  OWNER                           STATE    NOTE\n"
        "billing-orders  sqs   billing     orders  CloudFormation stack shop-prod  Enabled  -\n"
        "thumb-media     s3    thumb:live  media   unknown                         Broken   "
        "nothing lets s3.amazonaws.com invoke it\n"
        "\n"
        "2 mappings: 1 of CloudFormation (1 stack), 1 of unknown owner; 1 unhealthy."
    )


def test_a_region_is_a_column_where_there_are_several() -> None:
    elsewhere = Named("b", sqs(region="us-east-1", number=2))

    assert "REGION" not in discovered_text(FOUND, [], Style(), 200)
    assert "  us-east-1  " in discovered_text([*FOUND, elsewhere], [], Style(), 200)


@pytest.mark.parametrize("width", [40, 60, 100, 130])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    text = discovered_text(FOUND, [], Style(), width)

    assert max(columns(line) for line in text.splitlines()[:-1]) <= width
    assert "nothing lets" in text


@pytest.mark.parametrize(
    ("found", "unread", "line"),
    [
        ([], [], "0 mappings."),
        ([], [Unread("lambda", "eu-west-1", "denied")], "0 mappings: 1 not readable."),
        (FOUND[:1] * 2, [], "2 mappings: 2 of CloudFormation (1 stack)."),
    ],
)
def test_the_last_line_counts_by_owner(found: list[Named], unread: list[Unread], line: str) -> None:
    assert count_line(found, unread) == line


def test_no_text_of_aws_commands_a_terminal() -> None:
    odd = sqs(
        owner=Ownership(OwnerKind.CLOUDFORMATION, "a\x1b[31m", Evidence.TAGS),
        doubts=(Doubt("tags", "b\r\n::error::c"),),
    )

    text = discovered_text([Named("it", odd)], [], Style(), 200)

    assert "\x1b" not in text
    assert not any(line.startswith("::") for line in text.splitlines())
