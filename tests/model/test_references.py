"""References and pairs."""

from __future__ import annotations

import pytest

from provisioner.model.references import Arn, FunctionReference, Pair
from provisioner.model.sources import SourceKind, kind_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f", ("f", "", "", "")),
        ("f:prod", ("f", "prod", "", "")),
        ("f:$LATEST", ("f", "$LATEST", "", "")),
        ("123456789012:function:f", ("f", "", "", "123456789012")),
        ("function:f", ("f", "", "", "")),
        ("arn:aws:lambda:eu-west-1:123456789012:function:f:7", ("f", "7", "eu-west-1", "123456789012")),
        ("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f", ("f", "", "us-gov-west-1", "123456789012")),
        ("arn:aws-cn:lambda:cn-north-1:123456789012:function:f", ("f", "", "cn-north-1", "123456789012")),
    ],
)
def test_a_function_reference_is_read(text: str, expected: tuple[str, ...]) -> None:
    found = FunctionReference.parse(text)

    assert found is not None
    assert (found.name, found.qualifier, found.region, found.account) == expected


@pytest.mark.parametrize("text", ["", "f g", "f:", "a:b:c:d", "arn:aws:sqs:eu-west-1:123456789012:q", None, 3])
def test_what_is_no_function_reference_is_none(text: object) -> None:
    assert FunctionReference.parse(text) is None


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("arn:aws:sqs:eu-west-1:123456789012:q", SourceKind.SQS),
        ("arn:aws:sqs:eu-west-1:123456789012:q.fifo", SourceKind.FIFO),
        ("arn:aws-cn:kinesis:cn-north-1:123456789012:stream/s", SourceKind.KINESIS),
        ("arn:aws:kinesis:eu-west-1:123456789012:stream/s/consumer/c:1", SourceKind.KINESIS),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/l", SourceKind.DYNAMODB),
        ("arn:aws:kafka:eu-west-1:123456789012:cluster/c/1", SourceKind.MSK),
        ("arn:aws:mq:eu-west-1:123456789012:broker:b:b-1", SourceKind.MQ),
        ("arn:aws:rds:eu-west-1:123456789012:cluster:c", SourceKind.DOCUMENTDB),
        ("arn:aws:s3:::bucket", SourceKind.S3),
        ("nonsense", None),
    ],
)
def test_the_kind_is_reported_by_the_arn(source: str, kind: SourceKind | None) -> None:
    assert kind_of({"event_source_arn": source}) is kind


def test_an_arn_keeps_the_colons_of_its_resource() -> None:
    arn = Arn.parse("arn:aws:mq:eu-west-1:123456789012:broker:name:b-1")

    assert arn is not None
    assert (arn.service, arn.resource) == ("mq", "broker:name:b-1")


@pytest.mark.parametrize(
    ("other", "conflicts"),
    [
        (Pair("r", "b1:1,b2:1", "f", "t"), True),
        (Pair("r", "b2:1,b3:1", "f", "t"), True),  # one broker in common
        (Pair("r", "b3:1", "f", "t"), False),
        (Pair("r", "b1:1,b2:1", "f:live", "t"), False),
        (Pair("r", "b1:1,b2:1", "f", "u"), False),
        (Pair("s", "b1:1,b2:1", "f", "t"), False),
    ],
)
def test_pairs_conflict_by_region_source_function_and_channel(other: Pair, conflicts: bool) -> None:
    """docs/aws/identity.md#uniqueness."""
    pair = Pair("r", "b1:1,b2:1", "f", "t")

    assert bool(set(pair.claims()) & set(other.claims())) is conflicts
