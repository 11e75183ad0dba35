"""Which file a mapping goes into, and what the file is called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.convert.files import Fresh, files_of, label_of, stems_of
from provisioner.convert.found import Evidence, OwnerKind, Ownership
from provisioner.convert.text import Named
from tests.convert.found import sqs

FRESH = Fresh("s", "eu-west-1", "123456789012")
CLOUDFORMATION = Ownership(OwnerKind.CLOUDFORMATION, "Shop-Prod", Evidence.TAGS)


@pytest.mark.parametrize(
    ("by", "label", "stem"),
    [
        ("owner", "cloudformation Shop-Prod", "cloudformation-shop-prod"),
        ("function", "checkout", "checkout"),
        ("tag:team", "Käse/../x", "k-se-x"),
        ("tag:cost", "untagged", "untagged"),
        ("one", "mappings", "mappings"),
    ],
)
def test_a_file_holds_what_has_something_in_common(by: str, label: str, stem: str) -> None:
    found = sqs("checkout:live", owner=CLOUDFORMATION, tags={"team": "Käse/../x"})

    assert label_of(found, by) == label
    assert stems_of([label]) == {label: stem}


def test_two_labels_never_share_a_file() -> None:
    stems = stems_of(["Team A", "team-a", "b"])

    assert stems["b"] == "b"
    assert len(set(stems.values())) == 3
    assert all(re.fullmatch(r"team-a-[0-9a-f]{8}", stems[label]) for label in ("Team A", "team-a"))


@given(st.lists(st.text(max_size=90), unique=True, max_size=5))
def test_a_file_name_is_made_of_small_letters_and_digits(labels: list[str]) -> None:
    stems = stems_of(labels)

    assert len(set(stems.values())) == len(labels)
    assert all(re.fullmatch(r"[a-z0-9-]{1,64}", stem) for stem in stems.values())


def test_the_manifest_includes_the_files(tmp_path: Path) -> None:
    files = files_of(tmp_path, [Named("b", sqs()), Named("a", sqs("g", owner=CLOUDFORMATION))], "owner", FRESH)

    assert [(str(file.path.relative_to(tmp_path)), file.names) for file in files] == [
        ("mappings/cloudformation-shop-prod.yaml", ("a",)),
        ("mappings/unknown.yaml", ("b",)),
        ("provisioner.yaml", ()),
    ]
    assert files[-1].text == (
        'stack: s\nprovider:\n  region: eu-west-1\n  allowed_account_ids:\n    - "123456789012"\ninclude:\n  - mappings/*.yaml\n'
    )
