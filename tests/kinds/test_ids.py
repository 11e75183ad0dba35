"""Ids of mappings as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.kinds.ids import key_of_text, text_of
from provisioner.model.key import LAMBDA, S3, Key

UUID = "14e0db71-5d35-4eb5-b481-8945cf9d10c2"


@pytest.mark.parametrize("kind", [LAMBDA, None])
def test_a_uuid_is_an_event_source_mapping(kind: str | None) -> None:
    assert key_of_text(UUID, "eu-west-1", kind) == Key(LAMBDA, "eu-west-1", UUID)


@pytest.mark.parametrize("kind", [S3, None])
def test_the_first_slash_ends_the_bucket(kind: str | None) -> None:
    assert key_of_text("s3:media.uploads/in/a b", "eu-west-1", kind) == Key(S3, "eu-west-1", "media.uploads/in/a b")


def test_the_prefix_may_be_left_out_where_the_manifest_has_the_kind() -> None:
    assert key_of_text("media/entry", "r", S3) == Key(S3, "r", "media/entry")


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", None, "'' is not a UUID or s3:BUCKET/ENTRY-ID"),
        (UUID, S3, f"'{UUID}' is not s3:BUCKET/ENTRY-ID"),
        ("s3:media/entry", LAMBDA, "'s3:media/entry' is not a UUID"),
        ("media", S3, "'media' is not s3:BUCKET/ENTRY-ID"),
        ("media/entry", LAMBDA, "'media/entry' is not a UUID"),
        ("media/entry", None, "'media/entry' is not a UUID or s3:BUCKET/ENTRY-ID"),
        ("s3:media", None, "'s3:media' is not a UUID or s3:BUCKET/ENTRY-ID"),
        ("s3:media/", None, "'s3:media/' is not a UUID or s3:BUCKET/ENTRY-ID"),
        ("s3:/entry", None, "'s3:/entry' is not a UUID or s3:BUCKET/ENTRY-ID"),
        ("s3:media/a\nb", None, r"'s3:media/a\nb' is not a UUID or s3:BUCKET/ENTRY-ID"),
        ("s3:media/entry\n", None, r"'s3:media/entry\n' is not a UUID or s3:BUCKET/ENTRY-ID"),
        (f"s3:media/{'x' * 256}", None, f"'s3:media/{'x' * 256}' is not a UUID or s3:BUCKET/ENTRY-ID"),
        ("logs:/aws/lambda/f|errors", None, "not supported yet"),
        ("eventbridge:rule/target", LAMBDA, "not supported yet"),
        (f"arn:aws:sns:eu-west-1:123456789012:topic:{UUID}", None, "not supported yet"),
    ],
)
def test_what_is_no_id_is_refused(text: str, kind: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(message)}$"):
        key_of_text(text, "eu-west-1", kind)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=255))
def test_a_key_is_read_back_as_it_was_written(ident: str) -> None:
    key = Key(S3, "r", f"media/{ident}")

    assert not ident.isprintable() or key_of_text(text_of(key), "r") == key


def test_what_cannot_be_printed_is_escaped() -> None:
    assert text_of(Key(S3, "r", "media/a\x1b[2J\u202eb")) == r"s3:media/a\x1b[2J\u202eb"
