"""Notifications of buckets: the stages of a write in their order, and what is stored (docs/aws/push.md)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import botocore.session
import pytest

from provisioner.sandbox.documents import EVENTS
from provisioner.sandbox.requests import notified_bucket
from provisioner.sandbox.world import Bucket
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import refusal
from tests.support.s3_api import CREATED, FUNCTION, NAMESPACE, QUEUE, TOPIC, S3Api, document, entry, refused

REMOVED = "s3:ObjectRemoved:*"
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
COMMON = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
AMBIGUOUS = "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
UNREACHABLE = "Unable to validate the following destination configurations"
REGIONS = "The notification destination service region is not valid for the bucket location constraint"
NO_SUCH_BUCKET = {"Code": "NoSuchBucket", "Message": "The specified bucket does not exist", "BucketName": "gone"}
DENIED = {"Code": "AccessDenied", "Message": "Access Denied"}


def argument(message: str, name: str = "", value: str = "") -> dict[str, str]:
    return {"Code": "InvalidArgument", "Message": message} | (
        {"ArgumentName": name, "ArgumentValue": value} if name else {}
    )


def unreachable(*pairs: tuple[str, str]) -> dict[str, str]:
    numbered = {}
    for number, (name, value) in enumerate(pairs, start=1):
        numbered |= {f"ArgumentName{number}": name, f"ArgumentValue{number}": value}
    return {**argument(UNREACHABLE), **numbered}


def unauthorized(arn: str) -> tuple[str, str]:
    return "ARN, null", f"Not authorized to invoke function [{arn}]"


# --- what is stored --------------------------------------------------------------------------------------------------


def test_a_bucket_without_notifications(s3: S3Api) -> None:
    assert s3.get() == {}
    assert ET.fromstring(s3.get_text()).tag == f"{{{NAMESPACE}}}NotificationConfiguration"


def test_what_boto3_writes_it_reads(s3: S3Api) -> None:
    s3.permit()
    sent: dict[str, Any] = {
        "TopicConfigurations": [{"Id": "t", "TopicArn": TOPIC, "Events": ["s3:ObjectAcl:Put"]}],
        "QueueConfigurations": [{"Id": "q", "QueueArn": QUEUE, "Events": [REMOVED]}],
        "LambdaFunctionConfigurations": [
            {
                "Id": "f",
                "LambdaFunctionArn": FUNCTION,
                "Events": ["s3:ObjectCreated:Put", "s3:ObjectCreated:Copy"],
                "Filter": {"Key": {"FilterRules": [{"Name": "Suffix", "Value": ".jpg"}, {"Name": "Prefix", "Value": ""}]}},
            }
        ],
        "EventBridgeConfiguration": {},
    }  # fmt: skip
    answer = s3.client.put_bucket_notification_configuration(Bucket="media", NotificationConfiguration=sent)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get() == sent
    s3.client.put_bucket_notification_configuration(Bucket="media", NotificationConfiguration={})
    assert s3.get() == {}


def test_what_the_service_adds_and_changes(s3: S3Api) -> None:
    s3.skip(
        entry(suffix=".a", prefix=""),
        entry(REMOVED, PREFIX="in/", id="mine"),
        "<EventBridgeConfiguration></EventBridgeConfiguration>",
    )

    [made, mine] = s3.get()["LambdaFunctionConfigurations"]
    assert len(made["Id"]) == 48
    assert mine["Id"] == "mine"
    assert made["Filter"]["Key"]["FilterRules"] == [{"Name": "Suffix", "Value": ".a"}, {"Name": "Prefix", "Value": ""}]
    assert mine["Filter"]["Key"]["FilterRules"] == [{"Name": "Prefix", "Value": "in/"}]
    assert s3.get()["EventBridgeConfiguration"] == {}
    assert s3.ids() == [made["Id"], "mine"]  # made once, and kept


def test_what_a_later_schema_has_is_kept_as_it_is_and_where_it_is(s3: S3Api) -> None:
    newer = '<KinesisConfiguration new="x &amp; y"><Id> k </Id>\n <Deep><a/>text</Deep></KinesisConfiguration>'
    size = "<S3Size><Minimum>5</Minimum></S3Size>"
    foreign = '<o:Other xmlns:o="urn:other" o:a="1"><o:b/></o:Other>'
    before = document(
        entry(id="a", prefix="a/").replace("</S3Key>", f"</S3Key>{size}").replace("<Event>", "<Colour/><Event>"),
        newer,
        entry(REMOVED, id="b", member="Queue"),
        foreign,
        "<EventBridgeConfiguration><Bus>x</Bus></EventBridgeConfiguration>",
    )
    s3.put_text(f"<?xml version='1.0'?>\n{before}".replace("><C", ">\n  <C"), SkipDestinationValidation=True)

    canonical = [ET.canonicalize(text, rewrite_prefixes=True) for text in (s3.get_text(), before)]
    assert canonical[0] == canonical[1].replace("prefix", "Prefix")
    s3.put_text(s3.get_text(), SkipDestinationValidation=True)
    assert ET.canonicalize(s3.get_text(), rewrite_prefixes=True) == canonical[0]


def test_a_document_is_replaced_whole_or_not_at_all(s3: S3Api) -> None:
    s3.skip(entry(id="a"), "<Newer/>")
    s3.skip(entry(id="b"))
    assert s3.ids() == ["b"]
    assert refused(s3.skip, entry(id="c"), entry("x", id="d"))["Code"] == "InvalidArgument"
    assert s3.ids() == ["b"]


def test_the_events_are_those_of_the_model() -> None:
    shape = botocore.session.get_session().get_service_model("s3").shape_for("Event")

    assert set(shape.enum) == EVENTS


# --- bucket and owner ------------------------------------------------------------------------------------------------


def test_bucket_then_owner_then_document(s3: S3Api) -> None:
    s3.served.world.gone = {"gone"}
    s3.served.world.buckets["media"] = Bucket("210987654321", REGION)

    for call in (s3.get, lambda **members: s3.put_text("x", **members)):
        assert refused(call, bucket="gone", ExpectedBucketOwner=ACCOUNT) == NO_SUCH_BUCKET
        assert refused(call, ExpectedBucketOwner=ACCOUNT) == DENIED
    s3.skip(entry(id="a"))
    s3.put_text(document(), ExpectedBucketOwner="210987654321")
    assert s3.get(ExpectedBucketOwner="210987654321") == {}


def test_a_bucket_of_another_region_redirects_and_boto3_follows(s3: S3Api) -> None:
    s3.served.world.buckets["media"] = Bucket(ACCOUNT, "us-east-1")
    answers: list[dict[str, Any]] = []
    s3.client.meta.events.register("before-parse.s3", lambda response_dict, **_: answers.append(response_dict))

    assert s3.get() == {}

    first, second = answers
    assert (first["status_code"], second["status_code"]) == (301, 200)
    assert first["headers"]["x-amz-bucket-region"] == "us-east-1"
    assert b"<Code>PermanentRedirect</Code>" in first["body"]
    assert b"<Endpoint>media.s3.us-east-1.amazonaws.com</Endpoint>" in first["body"]
    assert refused(s3.put, entry()) == argument(REGIONS)  # the function is not where the bucket is


# --- schema ----------------------------------------------------------------------------------------------------------

RULE = "<FilterRule><Name>prefix</Name><Value>a</Value></FilterRule>"


def with_filter(text: str) -> str:
    return document(
        entry().replace("</CloudFunctionConfiguration>", f"<Filter>{text}</Filter></CloudFunctionConfiguration>")
    )


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "<NotificationConfiguration>",
        "<Other/>",
        '<NotificationConfiguration xmlns="urn:other"/>',
        f'<!DOCTYPE x [<!ENTITY e "x">]>{document()}',
        document("text"),
        document("<CloudFunctionConfiguration/>"),
        document(entry().replace("<Event>s3:ObjectCreated:*</Event>", "")),
        document(entry().replace(f"<CloudFunction>{FUNCTION}</CloudFunction>", "")),
        document(entry().replace("<Event>", f"<CloudFunction>{FUNCTION}</CloudFunction><Event>")),
        document(entry().replace("<CloudFunction>", "<Queue>").replace("</CloudFunction>", "</Queue>")),
        document(entry(id="a").replace("<Id>", "<Id>b</Id><Id>")),
        document("<Event>s3:ObjectCreated:*</Event>"),
        document("<EventBridgeConfiguration/><EventBridgeConfiguration/>"),
        document(entry().replace("<Event>", "<Event><a/>")),
        with_filter(f"<S3Key>{RULE.replace('<Value>a</Value>', '')}</S3Key>"),
        with_filter(f"<S3Key>{RULE.replace('<Name>prefix</Name>', '')}</S3Key>"),
        with_filter(f"<S3Key>{RULE}</S3Key><S3Key/>"),
        with_filter(RULE),
        b"\xff\xfe\xfd",
        b"<?xml version='1.0' encoding='x-none'?><NotificationConfiguration/>",
        document("<a>" * 20_000 + "</a>" * 20_000),
    ],
)  # fmt: skip
def test_what_is_no_document(s3: S3Api, text: str | bytes) -> None:
    assert refused(s3.put_text, text, SkipDestinationValidation=True) == {"Code": "MalformedXML", "Message": MALFORMED}
    assert s3.get() == {}


def test_no_body_is_no_empty_document(s3: S3Api) -> None:
    s3.skip(entry(id="a"))

    assert refused(s3.put_text, b"") == {"Code": "MissingRequestBodyError", "Message": "Request Body is empty"}
    assert s3.ids() == ["a"]


@pytest.mark.parametrize("text", ["<S3Key/>", "", "<S3Size/>"])
def test_an_empty_filter_is_kept(s3: S3Api, text: str) -> None:
    s3.put_text(with_filter(text), SkipDestinationValidation=True)

    assert f"<Filter>{text}</Filter>".replace("<Filter></Filter>", "<Filter/>") in s3.get_text().replace(" />", "/>")


# --- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ([entry(arn="f")], argument("The ARN could not be parsed", "CloudFunction", "f")),
        ([entry(arn=QUEUE)], argument("The ARN could not be parsed", "CloudFunction", QUEUE)),
        ([entry(arn=f"{FUNCTION}:$LATEST")], argument("The ARN could not be parsed", "CloudFunction", f"{FUNCTION}:$LATEST")),
        ([entry(member="Queue", arn="q")], argument("The ARN could not be parsed", "Queue", "q")),
        ([entry(member="Topic", arn=FUNCTION)], argument("The ARN could not be parsed", "Topic", FUNCTION)),
        ([entry(infix="a")], argument("filter rule name must be either prefix or suffix", "FilterRule.Name", "infix")),
        ([entry(prefix="a", PREFIX="b")], argument("Cannot specify more than one prefix rule in a filter.")),
        ([entry(Suffix="a", suffix="a")], argument("Cannot specify more than one suffix rule in a filter.")),
        ([entry(prefix="é" * 513)], argument("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation")),
        ([entry("s3:ObjectCreated:Take")], argument("The event is not supported for notifications")),
        ([entry("")], argument("The event is not supported for notifications")),
        ([entry(arn=FUNCTION.replace(REGION, "us-east-1"))], argument(REGIONS)),
        ([entry(member="Topic", arn=TOPIC.replace(REGION, "us-east-1"))], argument(REGIONS)),
        ([entry(id="a"), entry(REMOVED, id="a", member="Queue")], argument("Same ID used for multiple configurations. IDs must be unique.")),
        ([entry(id="a" * 256)], argument("The ID is longer than 255 characters.")),
        ([entry(prefix=f"{number:03}") for number in range(101)], argument("A bucket can have 100 notification configurations at most.")),
        ([entry(), entry()], argument(COMMON, "Event", f"{CREATED}, {CREATED}")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("skip", [True, False])
def test_arguments_come_before_destinations_whether_these_are_looked_at_or_not(
    s3: S3Api, parts: list[str], answer: dict[str, str], skip: bool
) -> None:
    """No function may be invoked here, so that a look at the destinations would be a refusal of its own."""
    assert refused(s3.put, *parts, SkipDestinationValidation=skip) == answer
    assert s3.get() == {}


def test_as_much_as_the_limits_allow(s3: S3Api) -> None:
    s3.skip(*(entry(id=f"{number:0255}", prefix=f"{number:01024}") for number in range(100)))

    assert len(s3.ids()) == 100


def test_one_argument_at_a_time(s3: S3Api) -> None:
    """Each part breaks one rule; the first that is broken is named, until all are mended."""
    broken = [
        entry(arn="f"),
        entry(infix="a"),
        entry("s3:None", prefix="b"),
        entry(arn=FUNCTION.replace(REGION, "us-east-1"), prefix="c"),
        entry(prefix="d", id="same"),
        entry(prefix="e", id="same"),
        entry(prefix="dd"),
    ]
    s3.served.world.gone = {"f"}
    words = []
    while broken:
        words.append(refused(s3.put, *broken[::-1])["Message"].partition(".")[0])
        broken.pop(0)

    assert words == [
        "The ARN could not be parsed",
        "filter rule name must be either prefix or suffix",
        "The event is not supported for notifications",
        REGIONS,
        "Same ID used for multiple configurations",
        UNREACHABLE,  # `dd` overlaps with `d`, which is gone
        UNREACHABLE,
    ]


# --- overlaps --------------------------------------------------------------------------------------------------------

PUT = "s3:ObjectCreated:Put"


@pytest.mark.parametrize(
    ("one", "other", "words", "pair"),
    [
        (entry(), entry(member="Queue"), COMMON, f"{CREATED}, {CREATED}"),
        (entry(member="Topic"), entry(PUT, member="Queue"), COMMON, f"{CREATED}, {PUT}"),
        (entry(REMOVED, PUT), entry(CREATED), COMMON, f"{PUT}, {CREATED}"),
        (entry(), entry(prefix="a"), AMBIGUOUS, f"{CREATED}, {CREATED}"),
        (entry(prefix=""), entry(), COMMON, f"{CREATED}, {CREATED}"),
        (entry(prefix="a"), entry(prefix="a"), AMBIGUOUS, f"{CREATED}, {CREATED}"),
        (entry(prefix="a"), entry(PREFIX="ab"), AMBIGUOUS, f"{CREATED}, {CREATED}"),
        (entry(suffix=".jpg"), entry(Suffix="pg"), AMBIGUOUS, f"{CREATED}, {CREATED}"),
        (entry(prefix="a"), entry(suffix="b"), AMBIGUOUS, f"{CREATED}, {CREATED}"),
        (entry(prefix="a", suffix="x"), entry(prefix="ab", suffix=""), AMBIGUOUS, f"{CREATED}, {CREATED}"),
    ],
)
def test_overlaps(s3: S3Api, one: str, other: str, words: str, pair: str) -> None:
    assert refused(s3.skip, one, other) == argument(words, "Event", pair)
    assert refused(s3.skip, other, one)["Message"] == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (entry(), entry(REMOVED)),
        (entry(PUT), entry("s3:ObjectCreated:Copy")),
        (entry(PUT), entry("s3:ObjectTagging:Put")),
        (entry("s3:ObjectTagging:*"), entry("s3:ObjectAnnotation:*")),
        (entry(prefix="a"), entry(prefix="b")),
        (entry(suffix="a"), entry(suffix="b")),
        (entry(prefix="a", suffix="x"), entry(prefix="ab", suffix="y")),
        (entry(prefix="a", suffix="x"), entry(prefix="b", suffix="x")),
        (entry("s3:LifecycleTransition"), entry("s3:IntelligentTiering", "s3:ReducedRedundancyLostObject")),
    ],
)
def test_what_does_not_overlap(s3: S3Api, one: str, other: str) -> None:
    s3.skip(one, other)

    assert len(s3.ids()) == 2


def test_one_entry_with_a_wildcard_and_one_of_its_events(s3: S3Api) -> None:
    """Not known of AWS; it does not overlap with itself."""
    s3.skip(entry(CREATED, PUT))

    assert s3.get()["LambdaFunctionConfigurations"][0]["Events"] == [CREATED, PUT]


# --- destinations ----------------------------------------------------------------------------------------------------


def test_a_function_must_let_s3_invoke_it(s3: S3Api) -> None:
    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))
    s3.permit(SourceArn="arn:aws:s3:::media", SourceAccount=ACCOUNT)
    s3.put(entry(id="a"))
    assert s3.ids() == ["a"]


@pytest.mark.parametrize(
    "members",
    [
        {"SourceArn": "arn:aws:s3:::other"},
        {"SourceArn": "arn:aws:s3:::media", "SourceAccount": "210987654321"},
        {"Principal": "sns.amazonaws.com"},
        {"Principal": ACCOUNT},
        {"Action": "lambda:GetFunction"},
        {"Qualifier": "live"},
        {"EventSourceToken": "token"},
    ],
)
def test_a_statement_about_something_else_does_not_help(s3: S3Api, members: dict[str, str]) -> None:
    s3.permit(**members)

    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))


@pytest.mark.parametrize(
    "members",
    [{"SourceArn": "arn:aws:s3:::med*"}, {"SourceArn": "arn:aws:s3:::*"}, {"Principal": "*"}, {"Action": "*"}],
)
def test_a_wider_statement_does(s3: S3Api, members: dict[str, str]) -> None:
    s3.permit(**members)
    s3.put(entry())

    assert len(s3.ids()) == 1


def test_the_policy_of_the_qualifier_counts(s3: S3Api) -> None:
    s3.permit("f:live")

    assert refused(s3.put, entry(arn=f"{FUNCTION}:1")) == unreachable(unauthorized(f"{FUNCTION}:1"))
    s3.put(entry(arn=f"{FUNCTION}:live"))
    assert s3.get()["LambdaFunctionConfigurations"][0]["LambdaFunctionArn"] == f"{FUNCTION}:live"


def test_the_account_is_the_bucket_owners(s3: S3Api) -> None:
    s3.served.world.buckets["media"] = Bucket("210987654321", REGION)
    s3.permit(SourceArn="arn:aws:s3:::media", SourceAccount=ACCOUNT)
    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))
    s3.permit(StatementId="t", SourceArn="arn:aws:s3:::media", SourceAccount="210987654321")
    s3.put(entry())


def test_all_destinations_that_fail_are_named_in_their_order_whoever_wrote_them(s3: S3Api) -> None:
    s3.served.world.gone = {"q", "t", "gone"}
    s3.permit()
    gone, alias = f"{FUNCTION[:-1]}gone", f"{FUNCTION}:live"
    parts = [
        entry(prefix="a", member="Queue"),
        entry(prefix="b"),
        entry(prefix="c", arn=alias),
        entry(prefix="d", member="Topic"),
        entry(prefix="e", arn=gone),
        entry(prefix="f", arn=alias),
    ]
    failures = [
        (QUEUE, "The destination queue does not exist"),
        unauthorized(alias),
        (TOPIC, "The destination topic does not exist"),
        unauthorized(gone),
    ]

    assert refused(s3.put, *parts) == unreachable(*failures)
    s3.skip(*parts)
    assert len(s3.ids()) == 6
    assert refused(s3.put_text, s3.get_text()) == unreachable(*failures)
    s3.put(parts[1])  # without the foreign ones it passes


def test_a_malformed_arn_hides_an_absent_queue(s3: S3Api) -> None:
    s3.served.world.gone = {"q"}

    answer = refused(s3.put, entry(member="Queue"), entry(arn="f"))
    assert answer == argument("The ARN could not be parsed", "CloudFunction", "f")


def test_a_function_that_is_gone_is_one_that_is_not_permitted(s3: S3Api) -> None:
    s3.permit()
    s3.put(entry())
    s3.served.world.gone = {"f"}

    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))


# --- time, and others ------------------------------------------------------------------------------------------------


def test_a_statement_is_seen_after_a_while(s3: S3Api) -> None:
    s3.served.troubles.propagation = 5
    s3.permit()
    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))
    assert s3.served.client().get_policy(FunctionName="f")["Policy"]  # at once
    s3.time.now += 4.9
    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))
    s3.time.now += 0.1
    s3.put(entry())
    # What stood already needs no time again; a removal needs none at all.
    s3.permit(StatementId="t", SourceArn="arn:aws:s3:::other")
    s3.put(entry())
    lambda_ = s3.served.client()
    lambda_.put_resource_policy(ResourceArn=FUNCTION, Policy=lambda_.get_policy(FunctionName="f")["Policy"])
    s3.put(entry())
    lambda_.remove_permission(FunctionName="f", StatementId="s")
    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))


def test_a_statement_that_was_removed_and_added_again_is_new(s3: S3Api) -> None:
    s3.permit()
    s3.served.troubles.propagation = 5
    s3.served.client().remove_permission(FunctionName="f", StatementId="s")
    s3.permit()

    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))


def test_writes_are_aborted_as_often_as_asked_for(s3: S3Api) -> None:
    s3.served.troubles.aborted["media"] = 2
    words = "A conflicting conditional operation is currently in progress against this resource. Please try again."
    assert refused(s3.put, entry()) == unreachable(unauthorized(FUNCTION))  # is none of them
    for _ in range(2):
        assert refusal(s3.skip, entry()) == (409, "OperationAborted", words)
        assert s3.get() == {}
    s3.put_text(document(), bucket="other")
    s3.skip(entry())

    assert len(s3.ids()) == 1


def test_another_client_writes_between_a_read_and_a_write(s3: S3Api) -> None:
    s3.served.troubles.writers["media"] = [2, 3]
    s3.permit()
    s3.put(entry(id="mine"))
    assert s3.ids() == ["mine"]
    read = s3.get_text()
    assert "another-client" not in read
    assert s3.ids() == ["mine", "another-client-2"]
    assert s3.ids() == ["mine", "another-client-2", "another-client-3"]
    s3.put_text(s3.get_text())  # its destination passes
    s3.put_text(read)  # and is lost to who read before
    assert s3.ids() == ["mine"]


# --- the way to it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "path", "query", "bucket"),
    [
        ("127.0.0.1:4599", "/media", "notification", "media"),
        ("127.0.0.1:4599", "/media/", "notification=", "media"),
        ("localhost:4599", "/media", "notification", "media"),
        ("s3.localhost:4599", "/media", "notification", "media"),
        ("media.localhost:4599", "/", "notification", "media"),
        ("a.b.localhost", "/", "notification", "a.b"),
        ("media.s3.localhost", "/", "notification", "media"),
        ("127.0.0.1:4599", "/media/notification", "", ""),
        ("127.0.0.1:4599", "/media/key", "notification", ""),
        ("media.localhost", "/key", "notification", ""),
        ("127.0.0.1:4599", "/media", "prefix=notification", ""),
    ],
)
def test_both_forms_of_a_bucket(host: str, path: str, query: str, bucket: str) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential=x/20260101/{REGION}/s3/aws4_request"
    environ = {"HTTP_HOST": host, "PATH_INFO": path, "QUERY_STRING": query, "HTTP_AUTHORIZATION": scope}

    assert notified_bucket(environ) == bucket
    assert notified_bucket({**environ, "HTTP_AUTHORIZATION": scope.replace("/s3/", "/lambda/")}) == ""


def test_whatever_is_sent_is_answered(s3: S3Api) -> None:
    """Documents with pieces drawn at random: each is stored or refused, and what is stored is a document again."""
    draw = random.Random(7)
    pieces: list[Callable[[], str]] = [
        lambda: entry(
            draw.choice([*sorted(EVENTS), ""]),
            member=draw.choice(["CloudFunction", "Queue", "Topic"]),
            prefix=str(draw.random()),
        ),
        lambda: (
            f"<{draw.choice(['Id', 'Newer', 'Event', 'Filter', 'FilterRule'])}>{draw.choice(['', 'x', '<a/>'])}</{draw.choice(['Id', 'Newer'])}>"
        ),
        lambda: draw.choice(
            ["<EventBridgeConfiguration/>", "text", "&amp;", "&x;", "<!-- c -->", "<?p i?>", "<![CDATA[x]]>", "\n"]
        ),
    ]
    codes = set()
    for _ in range(150):
        text = document(*(draw.choice(pieces)() for _ in range(draw.randrange(4))))
        try:
            s3.put_text(text, SkipDestinationValidation=True)
        except s3.client.exceptions.ClientError as error:
            codes.add(error.response["Error"]["Code"])
        s3.put_text(s3.get_text(), SkipDestinationValidation=True)
    assert codes == {"MalformedXML", "InvalidArgument"}


def test_other_methods(s3: S3Api) -> None:
    s3.client.meta.events.register("before-call.s3", lambda params, **_: params.update(method="POST"))

    assert refused(s3.get)["Code"] == "MethodNotAllowed"
