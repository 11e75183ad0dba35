"""Which answers are about credentials, and which about the clock."""

from __future__ import annotations

import pytest

from provisioner.aws.errors import from_response
from provisioner.errors import CredentialsError


@pytest.mark.parametrize(
    ("code", "text", "hint"),
    [
        ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", "renew"),
        ("ExpiredToken", "The security token included in the request is expired", "renew"),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match", "renew"),
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", "clock"),
        ("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than 20260102T000000Z", "clock"),
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier", "clock"),
    ],
)
def test_the_hint_names_credentials_or_the_clock(code: str, text: str, hint: str) -> None:
    response = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": 403}}

    error = from_response(response, "reading the state")

    assert isinstance(error, CredentialsError)
    assert hint in error.hint
