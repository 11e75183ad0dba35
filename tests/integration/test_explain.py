"""`explain` tells what each code means; it needs no manifest, no AWS."""

from __future__ import annotations

import pytest

from provisioner.model.codes import EXPLANATIONS
from tests.support.workspace import Workspace


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_each_code_is_explained_with_a_remedy_and_a_source(code: str) -> None:
    item = EXPLANATIONS[code]

    assert all((item.title, item.meaning, item.remedy, item.source))
    assert not item.title.endswith(".")
    assert item.meaning.endswith(".")
    assert not item.remedy.endswith(".")  # it is also a hint


def test_explain(workspace: Workspace) -> None:
    reported = workspace.run("explain", "e201").out

    assert reported.startswith("E201: A batch of more than 10 messages needs a batching window\n")
    assert "What to do: Set maximum_batching_window_in_seconds to 1 or more" in reported
    assert "AWS says: Maximum batch window in seconds must be greater than 0" in " ".join(reported.split())
    assert reported.endswith("See https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html\n")


def test_explain_lists_every_code(workspace: Workspace) -> None:
    assert [line.split()[0] for line in workspace.run("explain").out.splitlines()] == list(EXPLANATIONS)


def test_explain_of_what_is_no_code(workspace: Workspace) -> None:
    assert "unknown code 'E999'" in workspace.run("explain", "E999", code=1).err
