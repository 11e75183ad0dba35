"""boto3's clients where histories have mappings of S3 too: S3 with notifications of buckets, and Lambda with policies."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

from botocore.exceptions import ClientError

from tests.simulator.bucket import Bucket
from tests.simulator.cloud import ENDPOINT, Answer, LambdaClient, Sender, Session, failed, process_here
from tests.simulator.sources import Parts, Sources
from tests.simulator.turns import Task, here

REFUSED_BY_S3 = ("403 AccessDenied", "409 OperationAborted", "503 SlowDown")
REFUSED_BY_LAMBDA = (
    "403 AccessDeniedException", "429 TooManyRequestsException", "412 PreconditionFailedException",
    "409 ResourceConflictException The function could not be updated due to a concurrent update operation.",
)  # fmt: skip
OF_S3 = {429: (503, "SlowDown"), 500: (500, "InternalError")}
"""What S3 answers in the place of Lambda's errors."""


class PushSession(Session):
    """`boto3.Session`, in a simulated process."""

    def __init__(self, sources: Sources, bucket: Bucket, meanwhile: Callable[[], None]) -> None:
        super().__init__(sources.cloud, bucket)
        self._sources, self._meanwhile = sources, meanwhile

    def client(self, service: str, **more: Any) -> Any:
        if service == "s3":
            return S3Client(self._sources, self._bucket, self._meanwhile)
        if service == "lambda":
            return PolicyClient(self._sources, self._meanwhile)
        return super().client(service, **more)


def _called(
    sources: Sources,
    operation: str,
    send: Callable[[Sender], Answer],
    meanwhile: Callable[[], None],
    refusals: tuple[str, ...],
) -> Answer:
    """A call on a bucket's notifications or on a policy: somebody else may write just before it arrives, and AWS may refuse
    it.
    """
    cloud = sources.cloud
    if cloud.random.random() < cloud.conditions.faults / 4:
        status, code, message = [*cloud.random.choice(refusals).split(" ", 2), ""][:3]
        cloud.happened("AWS refuses", f"{operation} {code}")
        return int(status), {"x-amzn-ErrorType": code}, {"message": message or "made by a test"}

    def arrives(by: Sender) -> Answer:
        meanwhile()
        return send(by)

    return cloud.call(operation, arrives, process_here())


class PolicyClient(LambdaClient):
    """The calls on mappings, and those on policies."""

    def __init__(self, sources: Sources, meanwhile: Callable[[], None]) -> None:
        super().__init__(sources.cloud)
        self._sources, self._meanwhile = sources, meanwhile

    def _policy(
        self, operation: str, method: str, function: str, sid: str = "", query: Any = None, body: Any = None
    ) -> dict[str, Any]:
        def send(by: Sender) -> Answer:
            return self._sources.policy(method, function, sid, query, body, by=by)

        status, headers, answer = _called(self._sources, operation, send, self._meanwhile, REFUSED_BY_LAMBDA)
        if status >= 300:
            raise failed(status, headers, answer, operation)
        return {**answer, "ResponseMetadata": {"HTTPStatusCode": status}}

    def get_policy(self, FunctionName: str) -> dict[str, Any]:
        return self._policy("GetPolicy", "GET", FunctionName)

    def add_permission(self, FunctionName: str, **body: Any) -> dict[str, Any]:
        return self._policy("AddPermission", "POST", FunctionName, "", None, body)

    def remove_permission(self, FunctionName: str, StatementId: str, **query: Any) -> dict[str, Any]:
        return self._policy("RemovePermission", "DELETE", FunctionName, StatementId, query)


class S3Client:
    """The methods on objects and on notifications, with botocore's events by which the product reads and writes bodies."""

    def __init__(self, sources: Sources, bucket: Bucket, meanwhile: Callable[[], None]) -> None:
        self._sources, self._meanwhile = sources, meanwhile
        self._handlers: dict[str, Callable[..., None]] = {}
        self._read: dict[tuple[Task | None, str], Parts] = {}  # what each thread has read last
        events = SimpleNamespace(register=self._handlers.__setitem__)
        self.meta = SimpleNamespace(endpoint_url=ENDPOINT, events=events)
        self.get_object, self.put_object = bucket.get_object, bucket.put_object
        self.delete_object = bucket.delete_object

    def get_bucket_notification_configuration(self, Bucket: str, ExpectedBucketOwner: str) -> dict[str, Any]:
        read: list[Parts] = []

        def send(by: Sender) -> Answer:
            read.append(self._sources.parts(Bucket))
            return self._sources.get_document(Bucket, by)

        body = self._call("GetBucketNotificationConfiguration", send)
        self._read[here(), Bucket] = read[-1]
        self._handlers["before-parse.s3.GetBucketNotificationConfiguration"](response_dict={"body": body})
        return {"ResponseMetadata": {"HTTPStatusCode": 200}}

    def put_bucket_notification_configuration(
        self, *, Bucket: str, SkipDestinationValidation: bool = False, **_: Any
    ) -> dict[str, Any]:
        params: dict[str, Any] = {}
        self._handlers["before-call.s3.PutBucketNotificationConfiguration"](params=params)
        body, base = params["body"], self._read.get((here(), Bucket))

        def send(by: Sender) -> Answer:
            return self._sources.put_document(Bucket, body, by, base, skips=SkipDestinationValidation)

        self._call("PutBucketNotificationConfiguration", send)
        return {"ResponseMetadata": {"HTTPStatusCode": 200}}

    def _call(self, operation: str, send: Callable[[Sender], Answer]) -> bytes:
        status, headers, answer = _called(self._sources, operation, send, self._meanwhile, REFUSED_BY_S3)
        if status < 300:
            return bytes(answer)
        if isinstance(answer, dict):  # an error that was made on the way
            status, code = OF_S3.get(status, (status, headers["x-amzn-ErrorType"]))
            raise failed(status, {"x-amzn-ErrorType": code}, answer, operation)
        error = {element.tag: element.text or "" for element in ET.fromstring(answer)}
        raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)
