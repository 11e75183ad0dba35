"""The two calls on a bucket's notifications: the bytes are those of the document, and each refusal says what to do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import pytest

from provisioner import errors
from provisioner.aws.buckets import Buckets
from provisioner.aws.errors import Retry, from_response, retry_class
from provisioner.aws.notifications import Document, Entry
from provisioner.aws.session import Aws
from provisioner.errors import AwsError
from provisioner.model.provider import Provider
from provisioner.sandbox.world import Bucket
from tests.support.clocks import ManualClock
from tests.support.control_plane import ACCOUNT, REGION, any_credentials
from tests.support.s3_api import CREATED, FUNCTION, QUEUE, S3Api, document, entry

OTHER_ACCOUNT = "210987654321"
REMOVED = "s3:ObjectRemoved:*"
EMPTY = document().encode()
Headers = list[tuple[str, str]]


def said(code: str, *details: tuple[str, str]) -> bytes:
    """An error in S3's form."""
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in [("Code", code), ("Message", "said so"), *details])
    return f"<Error>{inside}</Error>".encode()


@dataclass
class Site:
    """Buckets in the sandbox, and what S3 answers in its place."""

    s3: S3Api
    clock: ManualClock
    aws: Aws
    answers: list[tuple[str, Headers, bytes] | str] = field(
        default_factory=list
    )  # the next ones; "lost" after S3 acted
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def buckets(self) -> Buckets:
        return self.aws.buckets(REGION)

    def application(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
            self.requests.append(environ)
            scripted = self.answers.pop(0) if self.answers else None
            if isinstance(scripted, tuple):
                start(scripted[0], scripted[1])
                return [scripted[2]]
            given = real(environ, start)
            if scripted:
                raise ConnectionAbortedError
            return given

        return answer

    def read(self, bucket: str = "media", owner: str = ACCOUNT) -> Document:
        return self.buckets.read(bucket, owner)

    def write(self, *parts: str, bucket: str = "media", skip: bool = True) -> None:
        self.buckets.write(bucket, ACCOUNT, document(*parts).encode(), skip_validation=skip)

    def fails(self, kind: type[AwsError], call: Callable[..., Any], *arguments: Any, **members: Any) -> Any:
        with pytest.raises(kind) as caught:
            call(*arguments, **members)
        assert type(caught.value) is kind
        return caught.value


@pytest.fixture
def site(s3: S3Api, monkeypatch: pytest.MonkeyPatch) -> Site:
    any_credentials(monkeypatch)
    clock = ManualClock()
    made = Site(s3, clock, Aws(Provider(region=REGION, endpoint_url=s3.served.endpoint), clock))
    real, s3.served.direct = s3.served.direct, made.application(s3.served.direct)
    s3.served.attach(made.aws._session.events)
    s3.served.direct = real  # the test's own client goes straight to the sandbox
    return made


def method_and_query(request: dict[str, Any]) -> tuple[str, str, str]:
    return request["REQUEST_METHOD"], request["PATH_INFO"], request["QUERY_STRING"]


# --- bytes -----------------------------------------------------------------------------------------------------------


def test_the_document_is_what_s3_answers(site: Site) -> None:
    newer = "<o:Other xmlns:o='urn:o' o:a='1'><!-- c --><o:b/></o:Other>"
    site.answers = [("200 OK", [], document(entry(id="a"), newer).encode())]

    found = site.read()

    assert found.entries == (Entry("a", "CloudFunction", FUNCTION, (CREATED,)),)
    assert found.with_entries([]) == document(entry(id="a"), newer).encode()


def test_s3_gets_exactly_these_bytes(site: Site) -> None:
    body = f"<?xml version='1.0'?>\r\n{document(entry(id='a'), ' <!-- é --><Newer />')}\n".encode()
    site.answers = [("200 OK", [], b"")]
    site.buckets.write("media", ACCOUNT, body)

    [request] = site.requests
    assert request["wsgi.input"].getvalue() == body
    assert request["CONTENT_LENGTH"] == str(len(body))
    assert method_and_query(request) == ("PUT", "/media", "notification")


def test_what_is_written_is_what_is_read(site: Site) -> None:
    site.write(entry(id="a", prefix="in/"), "<Newer new='1'/>", entry(REMOVED, id="b", member="Queue"))
    mine = Entry("mine", "CloudFunction", FUNCTION, ("s3:ObjectAcl:Put",), "x&\ry", " ")
    before = site.read()
    site.buckets.write("media", ACCOUNT, before.with_entries([mine], ["a"]), skip_validation=True)

    assert site.read().entries == (Entry("b", "Queue", QUEUE, (REMOVED,)), mine)
    assert b'<Newer new="1"' in site.read().with_entries([])
    site.buckets.write("media", ACCOUNT, site.read().with_entries([], ["mine", "b"]), skip_validation=True)
    assert site.read().entries == ()


def test_the_sandbox_takes_every_form_that_is_written(site: Site) -> None:
    """Filters that were made, changed and emptied: S3's schema knows no others."""
    wanted = Entry("mine", "CloudFunction", FUNCTION, (CREATED,))
    for prefix, suffix in [("", ""), ("a/", ""), ("b/", ".x"), ("", ".y"), ("", "")]:
        mine = Entry("mine", wanted.member, FUNCTION, wanted.events, prefix, suffix)
        site.buckets.write("media", ACCOUNT, site.read().with_entries([mine]), skip_validation=True)
        assert site.read().entries == (mine,)
        assert site.s3.ids() == ["mine"]


def test_owner_and_validation_are_sent(site: Site) -> None:
    site.read()
    site.write()
    site.s3.permit()
    site.write(skip=False)

    owners = [request["HTTP_X_AMZ_EXPECTED_BUCKET_OWNER"] for request in site.requests]
    assert owners == [ACCOUNT] * 3
    assert [request.get("HTTP_X_AMZ_SKIP_DESTINATION_VALIDATION") for request in site.requests] == [None, "true", None]


def test_each_thread_has_its_own_bytes(site: Site) -> None:
    """One client for all: a body must not reach another thread's bucket, where it would erase all entries."""
    threads = Barrier(2, timeout=10)

    def meet(**_: Any) -> None:
        threads.wait()

    events = site.buckets._client.meta.events
    # Each waits for the other when its body is on its way: before it is sent, and when it was received.
    events.register_first("before-call.s3", meet)
    events.register_last("before-parse.s3", meet)

    def story(bucket: str) -> list[str]:
        for turn in range(3):
            mine = Entry(f"{bucket}-{turn}", "CloudFunction", FUNCTION, (CREATED,), f"{turn}/")
            body = site.buckets.read(bucket, ACCOUNT).with_entries([mine])
            site.buckets.write(bucket, ACCOUNT, body, skip_validation=True)
        return [found.id for found in site.read(bucket).entries]

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(story, ["a", "b"]))

    assert results == [[f"{bucket}-{turn}" for turn in range(3)] for bucket in ("a", "b")]


@pytest.mark.parametrize("body", [b"", b"x", b"<html/>", b"<!DOCTYPE a><NotificationConfiguration/>", said("Other")])
def test_an_answer_that_is_no_document_is_asked_for_again_and_is_no_empty_one(site: Site, body: bytes) -> None:
    """An empty document would be written back, and clear the bucket."""
    site.s3.skip(entry(id="a"))
    site.answers = [("200 OK", [], body)]
    assert [found.id for found in site.read().entries] == ["a"]

    site.answers = [("200 OK", [], body)] * 100
    site.fails(errors.ServiceError, site.read)
    assert site.clock.time == pytest.approx(30, abs=5)


# --- bucket, region, owner -------------------------------------------------------------------------------------------


def test_a_bucket_of_another_region_is_named_with_its_region_and_not_followed(site: Site) -> None:
    site.s3.served.world.buckets["media"] = Bucket(ACCOUNT, "us-east-1")

    for call in (site.read, site.write, site.read):  # twice: botocore remembers where a bucket is
        error = site.fails(errors.ElsewhereError, call)
        assert error.region == "us-east-1"
        assert error.message.endswith("the notifications of bucket media: the bucket is in us-east-1")
        assert "name a function in us-east-1, or a bucket in eu-west-1" in error.hint
    assert len(site.requests) == 3
    assert site.clock.time == 0


@pytest.mark.parametrize(
    ("status", "headers", "body", "region"),
    [
        ("301 Moved", [("x-amz-bucket-region", "us-east-1")], said("PermanentRedirect"), "us-east-1"),
        ("301 Moved", [], said("PermanentRedirect", ("Endpoint", "media.s3.amazonaws.com")), ""),
        ("307 Moved", [("x-amz-bucket-region", "us-east-1")], said("TemporaryRedirect"), "us-east-1"),
        ("400 Bad", [], said("AuthorizationHeaderMalformed", ("Region", "us-east-1")), "us-east-1"),
        ("400 Bad", [], said("IllegalLocationConstraintException"), ""),
    ],
)
def test_each_way_in_which_s3_says_another_region(
    site: Site, status: str, headers: Headers, body: bytes, region: str
) -> None:
    for call in (site.read, site.write):
        site.answers = [(status, headers, body)]
        error = site.fails(errors.ElsewhereError, call)
        assert error.region == region
        assert f"the bucket is in {region or 'another region'}" in error.message
        assert f"name a function in {region or 'the bucket' + chr(39) + 's region'}" in error.hint
        assert site.answers == []
    assert len(site.requests) == 2


def test_an_absent_bucket(site: Site) -> None:
    site.s3.served.world.gone.add("media")

    for call, doing in ((site.read, "reading"), (site.write, "writing")):
        error = site.fails(errors.NotFoundError, call)
        assert error.code == "NoSuchBucket"
        assert error.message.startswith(f"{doing} the notifications of bucket media: NoSuchBucket: ")
        assert error.hint == "create the bucket, or fix event_source_arn"


def test_a_bucket_of_another_account(site: Site) -> None:
    site.s3.served.world.buckets["media"] = Bucket(OTHER_ACCOUNT, REGION)

    for call, action in ((site.read, "s3:GetBucketNotification"), (site.write, "s3:PutBucketNotification")):
        error = site.fails(errors.DeniedError, call)
        assert (
            error.hint
            == f"allow {action} on the bucket; if it is not account {ACCOUNT}'s, set bucket_owner to its account"
        )
    assert site.read(owner=OTHER_ACCOUNT).entries == ()


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "arguments"),
    [
        ([entry(arn="f")], (("CloudFunction", "f"),)),
        ([entry(arn=f"{FUNCTION}:$LATEST")], (("CloudFunction", f"{FUNCTION}:$LATEST"),)),
        ([entry(infix="a")], (("FilterRule.Name", "infix"),)),
        ([entry(), entry()], (("Event", f"{CREATED}, {CREATED}"),)),
        ([entry(), entry(prefix="a")], (("Event", f"{CREATED}, {CREATED}"),)),
    ],
)
def test_a_refusal_has_and_shows_its_arguments(
    site: Site, parts: list[str], arguments: tuple[tuple[str, str], ...]
) -> None:
    error = site.fails(errors.ArgumentError, site.write, *parts)

    assert error.code == "InvalidArgument"
    assert error.arguments == arguments
    [(name, value)] = arguments
    assert (
        error.message == f"writing the notifications of bucket media: InvalidArgument: {error.words} ({name}: {value})"
    )


def test_all_destinations_that_fail_are_in_the_message(site: Site) -> None:
    site.s3.served.world.gone = {"q"}
    count = 11  # as text, 10 comes before 2
    parts = [entry(prefix=f"{no:02}/", arn=f"{FUNCTION}{no}") for no in range(count)]

    error = site.fails(errors.ArgumentError, site.write, *parts, entry(REMOVED, member="Queue"), skip=False)

    wanted = [("ARN, null", f"Not authorized to invoke function [{FUNCTION}{no}]") for no in range(count)]
    assert error.arguments == (*wanted, (QUEUE, "The destination queue does not exist"))
    assert error.message.endswith(f"{wanted[-1][1]}; {QUEUE}: The destination queue does not exist)")
    assert retry_class(error, repeatable=True) is None


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([entry(prefix="a", PREFIX="b")], "InvalidArgument"),
        ([entry("s3:ObjectCreated:Take")], "InvalidArgument"),
        ([entry(arn=FUNCTION.replace(REGION, "us-east-1"))], "InvalidArgument"),
        ([entry(id="a"), entry(REMOVED, id="a", member="Queue")], "InvalidArgument"),
        ([entry(prefix="é" * 513)], "InvalidArgument"),
        ([entry(id="a" * 256)], "InvalidArgument"),
        ([entry(prefix=f"{number:03}") for number in range(101)], "InvalidArgument"),
        (["<CloudFunctionConfiguration/>"], "MalformedXML"),
    ],
)
def test_a_refusal_without_arguments(site: Site, parts: list[str], code: str) -> None:
    error = site.fails(errors.InvalidError, site.write, *parts)

    assert error.code == code
    assert error.message == f"writing the notifications of bucket media: {code}: {error.words}"
    assert site.read().entries == ()
    assert site.clock.time == 0


def test_no_body_is_refused(site: Site) -> None:
    site.s3.skip(entry(id="a"))

    error = site.fails(errors.InvalidError, site.buckets.write, "media", ACCOUNT, b"")

    assert error.code == "MissingRequestBodyError"
    assert site.s3.ids() == ["a"]


def test_an_argument_without_a_value() -> None:
    error = from_response(
        {"Error": {"Code": "InvalidArgument", "ArgumentName": "x"}, "ResponseMetadata": {}}, "writing"
    )

    assert isinstance(error, errors.ArgumentError)
    assert error.arguments == (("x", ""),)


# --- attempts --------------------------------------------------------------------------------------------------------


def test_another_write_at_the_same_time_is_told_and_can_be_tried_after_another_read(site: Site) -> None:
    site.s3.served.troubles.aborted["media"] = 1
    error = site.fails(errors.ConflictError, site.write, entry(id="a"))

    assert error.code == "OperationAborted"
    assert retry_class(error, repeatable=True) is Retry.ABORTED
    assert len(site.requests) == 1
    lines: list[str] = []
    retries = site.buckets.retries(lines.append)
    retries.wait(error)
    assert 0 < site.clock.time < 1
    assert lines == [f"{error.message} (waiting for another write to the bucket, for up to 120s)"]
    site.write(entry(id="a"))
    assert site.s3.ids() == ["a"]
    while site.clock.time < 120:
        retries.wait(error)
    with pytest.raises(errors.ConflictError):
        retries.wait(error)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("lost", errors.LostAnswerError),
        (("503 Slow Down", [], said("SlowDown")), errors.ThrottledError),
        (("503 Unavailable", [], said("ServiceUnavailable")), errors.ServiceError),
        (("500 Error", [], said("InternalError")), errors.ServiceError),
        (("502 Bad Gateway", [], b"<html>"), errors.ServiceError),
        (("400 Bad", [], said("RequestTimeout")), errors.ServiceError),
    ],
)
def test_a_fault_is_read_through_and_a_write_is_sent_once(site: Site, answer: Any, kind: type[AwsError]) -> None:
    site.s3.skip(entry(id="a"))
    site.answers = [answer] * 3
    assert [found.id for found in site.read().entries] == ["a"]
    assert len(site.requests) == 4

    site.requests.clear()
    site.answers = [answer]
    error = site.fails(kind, site.write, entry(id="b"))

    assert len(site.requests) == 1
    assert site.s3.ids() == ["b" if answer == "lost" else "a"]
    assert retry_class(error, repeatable=True) in (Retry.FAULT, Retry.THROTTLED)


def test_requests_are_counted_guarded_and_writes_keep_their_ids(site: Site) -> None:
    guarded: list[int] = []
    site.aws.before_change = lambda: guarded.append(len(site.requests))
    ids: list[str] = []
    site.answers = [
        ("503 Slow Down", [("x-amz-request-id", "read")], said("SlowDown")),
        ("200 OK", [], EMPTY),
        ("503 Slow Down", [("x-amz-request-id", "refused")], said("SlowDown")),
        ("200 OK", [("x-amz-request-id", "written")], b""),
    ]
    with site.aws.calls.collecting(ids):
        site.read()
        site.fails(errors.ThrottledError, site.write)
        site.write()

    assert (site.aws.calls.made, site.aws.calls.throttled) == (4, 2)
    assert guarded == [2, 3]  # before each write, and no read
    assert ids == ["refused", "written"]


def test_a_write_is_not_sent_when_the_guard_refuses(site: Site) -> None:
    def refuse() -> None:
        raise errors.StateError("the lock was removed")

    site.aws.before_change = refuse
    site.read()

    with pytest.raises(errors.StateError):
        site.write()
    assert len(site.requests) == 1


def paced(endpoint: str, stated: float | None) -> float:
    """Seconds that ten reads take on the session's clock."""
    clock = ManualClock()
    aws = Aws(Provider(region=REGION, endpoint_url=endpoint, max_requests_per_second=stated), clock)
    buckets = aws.buckets(REGION)
    buckets._client.get_bucket_notification_configuration = lambda **_: (
        setattr(buckets._bodies, "received", EMPTY) or {}
    )
    for _ in range(10):
        buckets.read("media", ACCOUNT)
    return clock.time


@pytest.mark.parametrize(
    ("endpoint", "stated", "seconds"),
    [
        ("http://127.0.0.1:1", None, 0),
        ("http://127.0.0.1:1", 2, 4),
        ("https://s3.eu-west-1.amazonaws.com", None, 1),
        ("https://s3.eu-west-1.amazonaws.com", 2, 4),
        ("https://s3.eu-west-1.amazonaws.com", 50, 1),
    ],
)
def test_s3_has_a_limit_of_its_own(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, stated: float | None, seconds: float
) -> None:
    any_credentials(monkeypatch)

    assert paced(endpoint, stated) == pytest.approx(seconds)


def test_a_region_has_one_client(site: Site) -> None:
    assert site.aws.buckets(REGION) is site.buckets
    assert site.aws.buckets("us-east-1") is not site.buckets


def test_without_a_body_there_is_no_document_and_not_that_of_the_call_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.s3.skip(entry(id="a"))
    site.read()
    monkeypatch.setattr(site.buckets._client, "get_bucket_notification_configuration", lambda **_: {})

    site.fails(errors.ServiceError, site.read)
