"""What is said of all records of a kind is true of each: judged patterns against the matcher."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from provisioner.kinds.domains import DATA_KEYS, FIELDS, RECORDED, Records, Truth, truth_of
from provisioner.kinds.matching import passes
from provisioner.manifest.patterns import pattern_findings
from provisioner.model.sources import STREAMS, SourceKind

ARNS = {
    SourceKind.SQS: "arn:aws:sqs:eu-west-1:123456789012:orders",
    SourceKind.KINESIS: "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
    SourceKind.DYNAMODB: "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-01-01T00:00:00.000",
    SourceKind.MSK: "",
    SourceKind.MQ: "",
}

# --- records, as Lambda delivers them ---------------------------------------------------------------------------------

TEXTS = st.sampled_from(["", "a", "ab", "1", "INSERT", "eu-west-1", "10.0.0.1"])
SCALARS = st.one_of(TEXTS, st.sampled_from([0, 1, 2.5, True, False, None]))
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abS"), inner, max_size=2)),
    max_leaves=6,
)
BODIES = st.one_of(TEXTS, st.just("{broken"), DATA.map(json.dumps))
ENCODED = BODIES.map(lambda text: base64.b64encode(text.encode()).decode())


def added(kind: SourceKind, name: str) -> dict[str, st.SearchStrategy[Any]]:
    return {"awsRegion": st.just("eu-west-1"), "eventSource": st.just(name), "eventSourceARN": st.just(ARNS[kind])}


def attribute() -> st.SearchStrategy[Any]:
    values = st.one_of(
        st.fixed_dictionaries({"S": TEXTS}),
        st.fixed_dictionaries({"N": st.sampled_from(["1", "2.5"])}),
        st.fixed_dictionaries({"BOOL": st.booleans()}),
        st.just({"NULL": True}),
        st.fixed_dictionaries({"SS": st.lists(TEXTS, min_size=1, max_size=2)}),
    )
    return st.recursive(
        values,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"L": st.lists(inner, max_size=2)}),
            st.fixed_dictionaries({"M": st.dictionaries(st.sampled_from("abS"), inner, max_size=2)}),
        ),
        max_leaves=4,
    )


ITEMS = st.dictionaries(st.sampled_from("abS"), attribute(), max_size=2)


@st.composite
def of_dynamodb(draw: Callable[..., Any]) -> dict[str, Any]:
    event = draw(st.sampled_from(["INSERT", "MODIFY", "REMOVE"]))
    data = {"Keys": draw(ITEMS), "SequenceNumber": draw(TEXTS), "SizeBytes": draw(st.integers(0, 5))}
    data["StreamViewType"] = draw(st.sampled_from(["NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY"]))
    if draw(st.booleans()):
        data["ApproximateCreationDateTime"] = draw(st.sampled_from([1, 2.5]))
    for image, lacking in (("NewImage", "REMOVE"), ("OldImage", "INSERT")):
        if event != lacking and draw(st.booleans()):
            data[image] = draw(ITEMS)
    record = {"eventName": event, "eventID": draw(TEXTS), "eventVersion": "1.1", "dynamodb": data}
    if draw(st.booleans()):
        record["userIdentity"] = {"type": "Service"}
    return record | {name: draw(value) for name, value in added(SourceKind.DYNAMODB, "aws:dynamodb").items()}


RECORDS: dict[SourceKind, st.SearchStrategy[dict[str, Any]]] = {
    SourceKind.SQS: st.fixed_dictionaries(
        {
            **dict.fromkeys(("messageId", "receiptHandle", "md5OfBody"), TEXTS),
            "body": BODIES,
            "attributes": st.fixed_dictionaries(
                {
                    **dict.fromkeys(("ApproximateReceiveCount", "SentTimestamp", "SenderId"), TEXTS),
                    "ApproximateFirstReceiveTimestamp": TEXTS,
                },
                optional={"AWSTraceHeader": TEXTS},
            ),
            "messageAttributes": st.dictionaries(
                st.sampled_from("ab"), st.fixed_dictionaries({"stringValue": TEXTS, "binaryListValues": st.just([])})
            ),
            **added(SourceKind.SQS, "aws:sqs"),
        },
        optional={"md5OfMessageAttributes": st.one_of(TEXTS, st.none())},
    ),
    SourceKind.KINESIS: st.fixed_dictionaries(
        {
            "kinesis": st.fixed_dictionaries(
                {
                    **dict.fromkeys(("kinesisSchemaVersion", "partitionKey", "sequenceNumber"), TEXTS),
                    "data": ENCODED,
                    "approximateArrivalTimestamp": st.sampled_from([1, 2.5]),
                },
                optional={"encryptionType": st.just("KMS")},
            ),
            **dict.fromkeys(("eventVersion", "eventID", "invokeIdentityArn"), TEXTS),
            "eventName": st.just("aws:kinesis:record"),
            **added(SourceKind.KINESIS, "aws:kinesis"),
        }
    ),
    SourceKind.DYNAMODB: of_dynamodb(),
    SourceKind.MSK: st.fixed_dictionaries(
        {
            **dict.fromkeys(("topic", "timestampType"), TEXTS),
            **dict.fromkeys(("partition", "offset", "timestamp"), st.integers(0, 5)),
            "headers": st.sampled_from([[], [{"a": [1, 2]}]]),
        },
        optional={"key": ENCODED, "value": st.one_of(ENCODED, st.none())},
    ),
    SourceKind.MQ: st.fixed_dictionaries(
        {"data": ENCODED, "properties": st.dictionaries(st.sampled_from("ab"), TEXTS)},
        optional={"messageID": TEXTS, "timestamp": st.integers(0, 5), "replyTo": st.none(), "type": TEXTS},
    ),
}

# --- patterns ---------------------------------------------------------------------------------------------------------

LITERALS = st.one_of(
    SCALARS,
    st.sampled_from(["aws:sqs", "aws:kinesis", "aws:dynamodb", "aws:kinesis:record", *ARNS.values()]),
    st.sampled_from(["INSERT", "MODIFY", "REMOVE", "KEYS_ONLY", "[1]", '{"a": 1}']),
)
TEXT_RULES = st.one_of(
    st.tuples(st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), TEXTS),
    st.tuples(st.just("wildcard"), st.sampled_from(["*", "a*", "", "*1*"])),
)
RULES = st.one_of(
    LITERALS,
    TEXT_RULES.map(lambda rule: dict([rule])),
    st.sampled_from([{"prefix": {"equals-ignore-case": ""}}, {"cidr": "10.0.0.0/24"}, {"unknown": 1}]),
    st.booleans().map(lambda there: {"exists": there}),
    st.sampled_from([[">", 0], ["=", 1], [">=", 0, "<", 2]]).map(lambda bounds: {"numeric": bounds}),
    st.one_of(LITERALS, st.lists(LITERALS, min_size=1, max_size=3), TEXT_RULES.map(lambda rule: dict([rule]))).map(
        lambda excluded: {"anything-but": excluded}
    ),
)


def patterns(kind: SourceKind) -> st.SearchStrategy[dict[str, Any]]:
    data = DATA_KEYS[kind]
    paths = [*FIELDS[kind], "status", "eventName", "eventSource", "eventID", "messageAttributes.a.stringValue"]
    below = [data, f"{data}.a", f"{data}.a.b", f"{data}.S", f"{next(iter(FIELDS[kind]))}.a"]
    if kind is SourceKind.DYNAMODB:
        below += ["dynamodb.Keys", "dynamodb.nope", "dynamodb.Keys.a.BOOL", "dynamodb.OldImage.a.S", "eventName.a"]
        below += [f"dynamodb.NewImage.{end}" for end in ("a", "S", "a.S", "a.N", "a.L.S", "a.M.b.S", "S.NULL", "a.SS")]
    legal = [
        path for path in [*paths, *below] if path != data or kind not in STREAMS
    ]  # AWS refuses rules on a stream's data
    field = st.tuples(st.sampled_from(legal), st.lists(RULES, min_size=1, max_size=3))
    fields = st.lists(field, max_size=3).map(dict)
    nested = st.lists(field, min_size=1, max_size=2).map(dict)
    return st.one_of(
        fields,
        st.tuples(fields, st.lists(nested, min_size=2, max_size=3)).map(lambda parts: {**parts[0], "$or": parts[1]}),
        fields.map(lambda flat: {name.partition(".")[0]: opened(name, rules) for name, rules in flat.items()}),
    )


def opened(name: str, rules: Any) -> Any:
    """A field without its dots: the objects and rules below its first part."""
    for part in reversed(name.split(".")[1:]):
        rules = {part: rules}
    return rules


@pytest.mark.parametrize("documented", [False, True])
@pytest.mark.parametrize("kind", RECORDS)
@given(data=st.data())
def test_what_is_said_of_all_records_is_true_of_each(kind: SourceKind, documented: bool, data: st.DataObject) -> None:
    pattern = data.draw(patterns(kind))
    assume(not any(finding.code.startswith("E") for finding in pattern_findings(pattern, ())))
    truth = truth_of(pattern, Records(kind, ARNS[kind], documented))
    assume(truth is not Truth.SOMETIMES)
    record = data.draw(RECORDS[kind])
    if documented:
        record = {name: record[name] for name in record if name in {DATA_KEYS[kind], *RECORDED.get(kind, ())}} | (
            {"kinesis": {"data": record["kinesis"]["data"]}} if kind is SourceKind.KINESIS else {}
        )

    assert passes([pattern], record, kind).passes is (truth is Truth.ALWAYS)
