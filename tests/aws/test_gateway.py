"""One call: limited, counted, retried by class of refusal, translated."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.stub import Stubber

from provisioner import errors
from provisioner.aws.convert import live_mapping
from provisioner.aws.errors import ERROR_CLASSES, Retry, from_response, retry_class, translating_errors
from provisioner.aws.gateway import Gateway
from provisioner.aws.limiter import TokenBucket
from provisioner.aws.refresh import holders
from provisioner.aws.requests import Calls, Requests
from provisioner.errors import AwsError
from provisioner.model.provider import Provider
from provisioner.model.references import Pair
from tests.support.clocks import ManualClock

UUID = "00000000-1111-2222-3333-444444444444"
REQUEST = {"FunctionName": "f", "EventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:q"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def client() -> Any:
    return boto3.client("lambda", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def gateway_of(client: Any, clock: ManualClock, *, retry_timeout: float) -> Gateway:
    """A gateway without a client for tags: no call of these tests needs one."""
    no_tagging: Any = None
    calls = Calls()
    requests = Requests(limiter=TokenBucket(None, 1, clock), calls=calls, clock=clock, retry_timeout=retry_timeout)
    return Gateway(client, no_tagging, region="eu-west-1", requests=requests, calls=calls)


@pytest.fixture
def gateway(client: Any, clock: ManualClock) -> Gateway:
    return gateway_of(client, clock, retry_timeout=60)


def refuse(stubber: Stubber, operation: str, code: str, message: str, status: int = 400, times: int = 1) -> None:
    for _ in range(times):
        stubber.add_client_error(operation, code, message, status)


IAM = "The provided execution role does not have permissions to call ReceiveMessage on SQS"
CREATE, UPDATE = "create_event_source_mapping", "update_event_source_mapping"


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("InvalidParameterValueException", IAM, 400),
        ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.", 400),
        (
            "InvalidParameterValueException",
            "Cannot access stream s. Please ensure the role can perform the GetRecords",
            400,
        ),
        ("InvalidParameterValueException", "Function does not exist", 400),
        ("ResourceConflictException", "another operation is in progress", 409),
        ("TooManyRequestsException", "Rate exceeded", 429),
    ],
)
def test_a_create_that_was_refused_for_now_is_tried_again(
    gateway: Gateway, client: Any, code: str, message: str, status: int
) -> None:
    with Stubber(client) as stubber:
        refuse(stubber, CREATE, code, message, status, times=2)
        stubber.add_response(CREATE, {"UUID": UUID})

        assert gateway.create(REQUEST, lambda text: None) == {"UUID": UUID}
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "message", "status", "kind"),
    [
        ("InvalidParameterValueException", "Invalid filter pattern definition.", 400, errors.InvalidError),
        ("ValidationException", "1 validation error detected", 400, errors.InvalidError),
        ("ServiceException", "internal", 500, errors.ServiceError),
        ("Novel", "gateway", 502, errors.ServiceError),
        ("AccessDeniedException", "no", 403, errors.DeniedError),
        ("ExpiredTokenException", "old", 403, errors.CredentialsError),
    ],
)
def test_a_create_that_may_have_acted_or_never_will_is_not_sent_again(
    gateway: Gateway, client: Any, code: str, message: str, status: int, kind: type[AwsError]
) -> None:
    with Stubber(client) as stubber:
        refuse(stubber, CREATE, code, message, status)

        with pytest.raises(kind, match=message):
            gateway.create(REQUEST, lambda text: None)


class Body(io.BytesIO):
    """A body as botocore reads it from the connection."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def answers(client: Any, status: int, body: bytes) -> list[str]:
    """Let AWS, or a proxy, answer every request in this way. Returns the URLs of the requests."""
    urls: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        urls.append(request.url)
        return AWSResponse(request.url, status, {}, Body(body))

    client.meta.events.register("before-send", answer)
    return urls


def client_of(service: str) -> Any:
    """A client that sends a request once: botocore's retries have real pauses."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return boto3.client(service, region_name="eu-west-1", config=Config(retries={"total_max_attempts": 1}), **keys)


GARBAGE = [
    b"<html>a proxy</html>",
    b'{"UUID": "0000',
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"5",
    b"\xff\xfe",
    b'{"UUID": "u", "LastModified": "soon"}',
    b'{"UUID": "u", "Topics": 5}',
    b'{"UUID": "u", "FilterCriteria": [1]}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: body[:20].decode(errors="replace"))
@pytest.mark.parametrize("status", [202, 500])
def test_after_an_answer_that_cannot_be_parsed_aws_may_have_created_the_mapping(
    clock: ManualClock, status: int, body: bytes
) -> None:
    client = client_of("lambda")
    sent = answers(client, status, body)
    gateway = gateway_of(client, clock, retry_timeout=60)

    # The class by which a create looks for the mapping and leaves its intent unresolved.
    with pytest.raises(errors.ServiceError) as caught:
        gateway.create(REQUEST, lambda text: None)

    assert caught.value.message.startswith("creating the mapping for f in eu-west-1: ")
    assert len(caught.value.message) < 400
    assert len(sent) == 1


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: body[:20].decode(errors="replace"))
@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("sts", "get_caller_identity", {}),
        ("s3", "list_objects_v2", {"Bucket": "states"}),
        ("resourcegroupstaggingapi", "get_resources", {}),
        ("sqs", "get_queue_url", {"QueueName": "q"}),
    ],
)
def test_no_answer_of_any_service_ends_in_a_traceback(
    service: str, operation: str, request_: dict[str, Any], body: bytes
) -> None:
    client = client_of(service)
    answers(client, 200, body)

    # botocore takes some of the bodies for an empty answer, which `require_member` refuses.
    with contextlib.suppress(errors.ServiceError), translating_errors("asking"):
        getattr(client, operation)(**request_)


def test_a_mistake_of_ours_is_not_reported_as_one_of_aws() -> None:
    with pytest.raises(AttributeError), translating_errors("asking"):
        raise AttributeError("a mistake of ours")


def test_an_update_is_sent_again_after_a_fault_and_while_in_use(gateway: Gateway, client: Any) -> None:
    with Stubber(client) as stubber:
        refuse(stubber, UPDATE, "ServiceException", "internal", 500)
        refuse(
            stubber, UPDATE, "ResourceInUseException", "Cannot update the event source mapping because it is in use."
        )
        stubber.add_response(UPDATE, {"UUID": UUID})

        assert gateway.update(UUID, {"BatchSize": 1}, lambda text: None) == {"UUID": UUID}


def test_the_first_refusal_is_reported_at_once_with_the_time_left_and_the_budget_ends(
    gateway: Gateway, client: Any, clock: ManualClock
) -> None:
    reported: list[str] = []
    with Stubber(client) as stubber:
        refuse(stubber, CREATE, "InvalidParameterValueException", IAM, times=100)

        with pytest.raises(errors.InvalidError):
            gateway.create(REQUEST, reported.append)

    assert [line for line in reported if not line.startswith("still")] == [
        f"creating the mapping for f in eu-west-1: InvalidParameterValueException: {IAM} (waiting for IAM, for up to 60s)"
    ]
    assert 60 <= clock.time < 75


def test_the_first_refusal_is_reported_at_any_time_of_the_clock(client: Any, clock: ManualClock) -> None:
    # A time to which a budget of 60.1 cannot be added, and taken away again, without another number as the result.
    clock.time = 98765.4321
    assert clock.time + 60.1 - clock.time != 60.1
    reported: list[str] = []
    with Stubber(client) as stubber:
        refuse(stubber, CREATE, "InvalidParameterValueException", IAM)
        stubber.add_response(CREATE, {"UUID": UUID})

        gateway_of(client, clock, retry_timeout=60.1).create(REQUEST, reported.append)

    [line] = reported
    assert line.endswith("(waiting for IAM, for up to 60s)")


def test_no_wait_is_reported_where_there_is_no_time_for_one(client: Any, clock: ManualClock) -> None:
    reported: list[str] = []
    with Stubber(client) as stubber:
        refuse(stubber, CREATE, "InvalidParameterValueException", IAM)

        with pytest.raises(errors.InvalidError):
            gateway_of(client, clock, retry_timeout=0).create(REQUEST, reported.append)

    assert reported == []


def test_a_taken_pair_names_its_holder() -> None:
    what = 'An event source mapping with SQS arn (" a ") and function (" f ") already exists.'
    text = f"{what} Please update or delete the existing mapping with UUID {UUID}"
    response = {
        "Error": {"Code": "ResourceConflictException", "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": 409},
    }

    error = from_response(response, "creating")

    assert isinstance(error, errors.ConflictError)
    assert error.uuid == UUID
    assert retry_class(error, repeatable=True) is None


def test_a_delete_of_what_is_gone_is_a_success(gateway: Gateway, client: Any) -> None:
    with Stubber(client) as stubber:
        refuse(
            stubber,
            "delete_event_source_mapping",
            "ResourceNotFoundException",
            "The resource you requested does not exist.",
            404,
        )

        gateway.delete(UUID, lambda text: None)


def test_a_list_that_gives_the_same_marker_again_is_an_error(gateway: Gateway, client: Any) -> None:
    with Stubber(client) as stubber:
        for _ in range(2):
            stubber.add_response("list_event_source_mappings", {"EventSourceMappings": [], "NextMarker": "same"})

        with pytest.raises(errors.ServiceError, match="the same marker again, so the list never ends"):
            list(gateway.pages())


def test_every_error_that_the_model_declares_is_translated(client: Any) -> None:
    names = (
        CREATE,
        UPDATE,
        "get_event_source_mapping",
        "delete_event_source_mapping",
        "list_event_source_mappings",
        "list_tags",
        "tag_resource",
        "untag_resource",
    )
    model = client.meta.service_model
    shapes = {
        shape.name
        for name in names
        for shape in model.operation_model(client.meta.method_to_api_mapping[name]).error_shapes
    }

    assert shapes - ERROR_CLASSES.keys() == set()


def test_a_retry_is_counted_as_throttled_only_when_it_was(gateway: Gateway, client: Any) -> None:
    with Stubber(client) as stubber:
        refuse(stubber, UPDATE, "TooManyRequestsException", "Rate exceeded", 429, times=2)
        stubber.add_response(UPDATE, {"UUID": UUID})
        gateway.update(UUID, {}, lambda text: None)

    assert (gateway._calls.made, gateway._calls.throttled) == (3, 2)


def test_a_bucket_lets_a_burst_through_and_then_its_rate(clock: ManualClock) -> None:
    bucket = TokenBucket(10, 10, clock)

    for _ in range(30):
        bucket.acquire()

    assert clock.time == pytest.approx(2.0, abs=0.2)


def test_a_bucket_is_halved_when_throttled_and_recovers(clock: ManualClock) -> None:
    bucket = TokenBucket(10, 1, clock)
    bucket.acquire()
    bucket.throttled()
    start = clock.time
    for _ in range(5):
        bucket.acquire()
    assert clock.time - start == pytest.approx(1.0, abs=0.2)
    for _ in range(20):
        bucket.answered()
    start = clock.time
    for _ in range(10):
        bucket.acquire()
    assert clock.time - start == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_throttling_never_makes_a_slow_bucket_faster(clock: ManualClock, rate: float) -> None:
    bucket = TokenBucket(rate, 1, clock)
    bucket.acquire()
    bucket.throttled()

    bucket.acquire()

    assert clock.time == pytest.approx(1 / rate)


def test_no_rate_is_no_limit(clock: ManualClock) -> None:
    bucket = TokenBucket(None, 1, clock)
    for _ in range(1000):
        bucket.acquire()
    bucket.throttled()
    bucket.answered()
    assert clock.time == 0


def test_a_fault_is_another_try_only_for_what_may_be_repeated() -> None:
    lost = errors.LostAnswerError("lost")
    refused = errors.NotSentError("refused")

    assert retry_class(lost, repeatable=True) is Retry.FAULT
    assert retry_class(lost, repeatable=False) is None
    assert retry_class(refused, repeatable=True) is None


def test_a_long_wait_says_so_every_thirty_seconds(client: Any, clock: ManualClock) -> None:
    patient = gateway_of(client, clock, retry_timeout=300)
    lines: list[tuple[float, str]] = []
    with Stubber(client) as stubber:
        refuse(stubber, CREATE, "InvalidParameterValueException", IAM, times=20)
        stubber.add_response(CREATE, {"UUID": UUID})

        patient.create(REQUEST, lambda text: lines.append((clock.time, text)))

    (_, first), *still = lines
    assert first.endswith("(waiting for IAM, for up to 300s)")
    assert len(still) >= 3
    assert all(text.startswith("still waiting for IAM (") for _, text in still)
    pauses = [later - earlier for (earlier, _), (later, _) in pairwise([(0.0, ""), *still])]
    assert all(30 <= pause < 45 for pause in pauses)  # at the first try after thirty seconds


@pytest.mark.parametrize(
    ("member", "value", "shown"),
    [
        ("MaximumBatchingWindowInSeconds", "x", "MaximumBatchingWindowInSeconds is 'x'"),
        ("BatchSize", True, "BatchSize is True"),
        ("Topics", {"a": 1}, "Topics is {'a': 1}"),
        ("FilterCriteria", [], "FilterCriteria is \\[\\]"),
        ("ScalingConfig", {"MaximumConcurrency": "5"}, "ScalingConfig.MaximumConcurrency is '5'"),
        (
            "SelfManagedEventSource",
            {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": 5}},
            "SelfManagedEventSource.Endpoints is",
        ),
        ("State", 5, "State is 5"),
    ],
)
def test_an_answer_of_the_wrong_type_is_an_error_that_names_the_member(member: str, value: Any, shown: str) -> None:
    config = {"UUID": UUID, "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f", "State": "Enabled"}

    with pytest.raises(errors.ServiceError, match=shown):
        live_mapping({**config, member: value}, "eu-west-1", {}, Provider())


def test_a_mapping_of_others_that_cannot_be_understood_hinders_nobody(gateway: Gateway, client: Any) -> None:
    broken = {"UUID": UUID, "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f", "BatchSize": 1}
    with Stubber(client) as stubber:
        stubber.add_response("list_event_source_mappings", {"EventSourceMappings": [broken]})
        pair = Pair("eu-west-1", str(REQUEST["EventSourceArn"]), "f")
        broken["Topics"] = ["x"]

        assert holders(gateway, {"a": pair}) == {}


def test_a_retry_looks_at_the_words_of_aws_and_not_at_ours() -> None:
    ours = errors.InvalidError("creating the mapping for Function does not exist: refused", words="refused")
    theirs = errors.InvalidError("creating the mapping for f: refused", words="Function does not exist")

    assert retry_class(ours, repeatable=True) is None
    assert retry_class(theirs, repeatable=True) is Retry.FUNCTION


def test_a_wait_that_is_over_is_not_reported_as_going_on(client: Any, clock: ManualClock) -> None:
    brief = gateway_of(client, clock, retry_timeout=30)
    lines: list[str] = []
    with Stubber(client) as stubber:
        refuse(stubber, CREATE, "InvalidParameterValueException", IAM, times=40)
        with pytest.raises(AwsError):
            brief.create(REQUEST, lines.append)

    assert [line for line in lines if line.startswith("still")] == []


@pytest.mark.parametrize(
    "items",
    [
        [{"Tags": []}],
        [{"ResourceARN": 5, "Tags": []}],
        [{"ResourceARN": f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{UUID}"}],
        [{"ResourceARN": f"x:{UUID}", "Tags": [{"Key": "a"}]}],
        [{"ResourceARN": f"x:{UUID}", "Tags": [{"Key": "a", "Value": 5}]}],
        [None],
    ],
)
def test_tags_of_another_form_are_an_error_and_no_mistake(gateway: Gateway, items: list[Any]) -> None:
    """botocore checks no types."""
    client = type("Tagging", (), {"get_resources": lambda client, **request: {"ResourceTagMappingList": items}})()
    gateway._tagging = lambda: client

    with pytest.raises(errors.ServiceError):
        gateway.tagged("provisioner:lineage", "l")


def test_only_mappings_are_found_by_a_tag(gateway: Gateway) -> None:
    """One ARN of another form must not hide all other mappings: each is read by its UUID."""
    items = [{"ResourceARN": arn, "Tags": []} for arn in (f"x:{UUID}", "arn:aws:lambda:eu-west-1:1:function:f")]
    client = type("Tagging", (), {"get_resources": lambda client, **request: {"ResourceTagMappingList": items}})()
    gateway._tagging = lambda: client

    assert gateway.tagged("provisioner:lineage", "l") == {f"x:{UUID}": {}}


def test_a_tag_that_is_no_text_is_an_error(client: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be recorded, and no command could read that record again."""
    monkeypatch.setattr(client, "list_tags", lambda **request: {"Tags": {"a": 5}})

    with pytest.raises(errors.ServiceError):
        gateway.tags("x")
