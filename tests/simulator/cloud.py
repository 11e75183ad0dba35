"""AWS as a simulated process meets it: it loses requests and answers, delays and reorders them, and shows late what changed.

Behind it is the sandbox's control plane. The clients have the methods of boto3's that the product calls, and no more:
botocore would take nine tenths of the time of a history.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from random import Random
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from provisioner.model.live import NAME_TAG
from provisioner.sandbox.app import ControlPlane
from provisioner.sandbox.mappings import Delays, StoredMapping
from tests.simulator.turns import Process, Turns, here
from tests.support.control_plane import ACCOUNT, REGION, World, everything_exists

ENDPOINT = "http://127.0.0.1:0"
MAPPINGS = "/2015-03-31/event-source-mappings/"
LATE = 12.0
"""The most seconds by which AWS acts after a client has given up, and within which a new mapping is listed."""


@dataclass
class Conditions:
    """How often a call goes wrong, and how long a read may show an old value; with mappings of S3, how often somebody else
    writes just before a call arrives, and after how long S3 sees a statement. All zero: nothing goes wrong.
    """

    faults: float = 0.0
    files: float = 0.0
    list_lag: float = 0.0
    get_lag: float = 0.0
    slow: float = 0.0
    writers: float = 0.0
    propagation: float = 0.0


@dataclass(frozen=True)
class Sender:
    """Who sent a request: a process, which began to send it at a time, or somebody else. `late`: it arrived after its
    process had given it up.
    """

    process: Process | None = None
    asked: float = 0.0
    late: bool = False


FOREIGN = Sender()


@dataclass
class Touch:
    """One change of a mapping that AWS made."""

    at: float
    by: Sender
    uuid: str
    operation: str
    pair: tuple[str, str] | None = None  # what it has from then on


Answer = tuple[int, dict[str, str], Any]
"""Status, headers and body."""


class Fate(Enum):
    """What can become of a request."""

    NOT_SENT = "a request is not sent"
    LOST = "a request is lost"
    LATE = "a request arrives late"
    UNANSWERED = "an answer is lost"
    THROTTLED = "AWS throttles"
    FAILED = "AWS fails"
    FAILED_LATER = "AWS fails after it acted"
    NOT_DONE = "AWS accepts a delete and does not do it"


_REFUSED: dict[Fate | None, Answer] = {
    Fate.THROTTLED: (429, {"x-amzn-ErrorType": "TooManyRequestsException"}, {"message": "Rate exceeded"}),
    Fate.FAILED: (500, {"x-amzn-ErrorType": "ServiceException"}, {"message": "made by a test"}),
    Fate.NOT_DONE: (202, {}, {"UUID": "u", "State": "Deleting"}),
}


@dataclass
class Cloud:
    """The account, with all that ever happened in it."""

    turns: Turns
    random: Random
    happened: Callable[..., None]
    may_touch: Callable[[Sender, str, str], None]
    created: Callable[[Sender, str], None]
    broken: Callable[[str, str], None]
    conditions: Conditions = field(default_factory=Conditions)
    touches: list[Touch] = field(default_factory=list)
    made: dict[str, Sender] = field(default_factory=dict)  # by whom each mapping was created
    pairs: dict[str, tuple[str, str]] = field(default_factory=dict)  # the last pair of each mapping, by UUID
    names: dict[str, str] = field(default_factory=dict)  # the last name in the tags of each mapping, by UUID
    misled: dict[str, float] = field(default_factory=dict)  # when a read said last that a live mapping does not exist
    outdated: dict[str, float] = field(default_factory=dict)  # when a read showed last what a mapping was before
    down_until: float = 0.0  # until when the network is down

    def __post_init__(self) -> None:
        world = World()
        delays = Delays(creating=2.0, updating=1.5, enabling=1.0, disabling=1.0, deleting=self.random.choice([0, 0, 3]))
        self._plane = ControlPlane(everything_exists, delays, world=lambda *_: world, now=lambda: self.turns.now)
        self._before: dict[str, tuple[float, Any]] = {}  # what lagging reads show, and until when

    # --- the truth ----------------------------------------------------------------------------------------------------

    def live(self) -> dict[str, StoredMapping]:
        """What exists, by UUID."""
        store = self._plane._stores.get((ACCOUNT, REGION))
        if store is None:
            return {}
        store._advance()
        return dict(store._all)

    def touched(self, uuid: str, since: float, besides: Process | None) -> bool:
        """Whether anybody but a process, or a request of its that came late, changed a mapping since a time."""
        return any(
            touch.uuid == uuid and touch.at >= since and (touch.by.late or touch.by.process is not besides)
            for touch in self.touches
        )

    # --- requests -----------------------------------------------------------------------------------------------------

    def send(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        target: str = "",
        by: Sender = FOREIGN,
    ) -> Answer:
        """One request that arrives: status, headers and body of its answer."""
        data = json.dumps(body).encode() if body is not None else b""
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": urlencode({name: value for name, value in (query or {}).items() if value}, doseq=True),
            "CONTENT_LENGTH": str(len(data)),
            "wsgi.input": io.BytesIO(data),
            "HTTP_AUTHORIZATION": f"Credential=x/20260101/{REGION}/lambda/aws4_request",
            "HTTP_X_AMZ_TARGET": target,
        }
        changes = method != "GET" and not target
        before = self.live() if changes else {}
        uuid = path.rpartition(":" if "/tags/" in path else "/")[2]
        shown = self._shown(before.get(uuid)) if changes else None
        if changes and by.process and (uuid in before or not uuid):
            self.may_touch(by, uuid, method)
        started: list[Any] = []
        answer = b"".join(self._plane(environ, lambda *arguments: started.extend(arguments)))
        status, headers = int(started[0].split()[0]), dict(started[1])
        parsed = json.loads(answer) if answer else {}
        if changes and status < 300:
            self._note(method, uuid or parsed.get("UUID", ""), shown, by)
        return status, headers, parsed

    def _shown(self, item: StoredMapping | None) -> Any:
        return self._plane._stores[ACCOUNT, REGION]._shown(item) if item else None

    def _note(self, method: str, uuid: str, before: Any, by: Sender) -> None:
        item = self.live().get(uuid)
        pair = (item.pair.function, item.pair.source) if item else None
        self.touches.append(Touch(self.turns.now, by, uuid, method, pair))
        self.happened(f"AWS: {method}", f"{uuid} {'late' if by.late else ''}")
        if before is None and item:
            self.made[uuid] = by
        if item:
            self.pairs[uuid] = item.pair.function, item.pair.source
            self.names[uuid] = item.tags.get(NAME_TAG) or self.names.get(uuid, "")
        if before is None and item:
            self.created(by, uuid)
        lag = max(self.conditions.list_lag, self.conditions.get_lag)
        if lag and self.random.random() < 0.5:
            self._before[uuid] = (self.turns.now + self.random.uniform(0, lag), before)

    def call(self, what: str, send: Callable[[Sender], Answer], process: Process) -> Answer:
        """A request of a process, with its way there and back. Raises what botocore raises when no answer comes."""
        task = here()
        assert task is not None
        by = Sender(process, self.turns.now)
        slow = self.random.random() < self.conditions.slow
        task.pause(self.random.uniform(1, 40) if slow else self.random.uniform(0.03, 0.2))
        fate = self._fate(what)
        if fate in _REFUSED:
            return _REFUSED[fate]
        match fate:
            case Fate.NOT_SENT:
                raise EndpointConnectionError(endpoint_url=ENDPOINT)
            case Fate.LOST:
                raise ConnectionClosedError(endpoint_url=ENDPOINT)
            case Fate.LATE:
                self.turns.later(self.random.uniform(0.1, LATE), lambda: send(replace(by, late=True)))
                raise ReadTimeoutError(endpoint_url=ENDPOINT)
        answer = send(by)
        task.pause(self.random.uniform(0.0, 0.1))
        if fate is Fate.UNANSWERED or self.turns.now < self.down_until:
            raise ConnectionClosedError(endpoint_url=ENDPOINT)
        return _REFUSED[Fate.FAILED] if fate is Fate.FAILED_LATER else answer

    def _fate(self, what: str) -> Fate | None:
        """What becomes of a request; None when all goes well."""
        if self.turns.now < self.down_until:
            return Fate.NOT_SENT
        if self.random.random() >= self.conditions.faults:
            return None
        deletes = what == "DeleteEventSourceMapping"
        fate = self.random.choice([item for item in Fate if deletes or item is not Fate.NOT_DONE])
        self.happened(fate.value)
        return fate

    # --- reads that are out of date -----------------------------------------------------------------------------------

    def lagging(self, uuid: str, lag: float) -> tuple[bool, Any]:
        """Whether a read of a mapping is out of date, and what it shows: None when it shows nothing."""
        until, before = self._before.get(uuid, (0.0, None))
        if not lag or self.turns.now >= until or self.random.random() < 0.5:
            return False, None
        self.happened("a read is out of date")
        self.outdated[uuid] = self.turns.now
        if before is None and uuid in self.live():
            self.misled[uuid] = self.turns.now
        return True, before

    def lagging_page(self, page: list[Any], query: dict[str, Any]) -> list[Any]:
        """A page of List, as it is shown."""
        shown = []
        for item in page:
            is_old, before = self.lagging(item["UUID"], self.conditions.list_lag)
            shown += [item] if not is_old else [before] if before else []
        return shown


class Session:
    """`boto3.Session`, in a simulated process."""

    region_name = REGION

    def __init__(self, cloud: Cloud, bucket: Any) -> None:
        self._cloud, self._bucket = cloud, bucket

    def client(self, service: str, **_: Any) -> Any:
        if service == "s3":
            return self._bucket
        return LambdaClient(self._cloud) if service == "lambda" else OtherClient(self._cloud)


def process_here() -> Process:
    task = here()
    assert task is not None
    return task.process


def failed(status: int, headers: dict[str, str], body: Any, operation: str) -> ClientError:
    error = {"Code": headers.get("x-amzn-ErrorType", ""), "Message": body.get("message") or body.get("Message") or ""}
    return ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)


class OtherClient:
    """STS, the tagging API, and what is asked whether sources exist."""

    meta = SimpleNamespace(endpoint_url=ENDPOINT)

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def _call(self, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        status, headers, body = self._cloud.call(operation, lambda _: (200, {}, answer), process_here())
        if status >= 300:
            raise failed(status, headers, body, operation)
        return {**body, "ResponseMetadata": {"HTTPStatusCode": status}}

    def get_caller_identity(self) -> dict[str, Any]:
        return self._call("GetCallerIdentity", {"Account": ACCOUNT})

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return self._call("GetQueueAttributes", {})

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        return self._call("DescribeStreamSummary", {})

    def get_resources(self, **members: Any) -> dict[str, Any]:
        def send(_: Sender) -> Answer:
            target = "ResourceGroupsTaggingAPI_20170126.GetResources"
            status, headers, body = self._cloud.send("POST", "/", body=members, target=target)
            for item in body.get("ResourceTagMappingList", ()) if self._cloud.conditions.list_lag else ():
                if self._cloud.random.random() < 0.2:
                    item["Tags"] = item["Tags"][:1]
            return status, headers, body

        status, headers, body = self._cloud.call("GetResources", send, process_here())
        if status >= 300:
            raise failed(status, headers, body, "GetResources")
        return dict(body) | {"ResponseMetadata": {"HTTPStatusCode": status}}


class LambdaClient:
    """The calls on mappings that the product makes."""

    meta = SimpleNamespace(endpoint_url=ENDPOINT)

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def _call(self, operation: str, method: str, path: str, query: Any = None, body: Any = None) -> dict[str, Any]:
        def send(by: Sender) -> Answer:
            status, headers, answer = self._cloud.send(method, path, query, body, by=by)
            if operation == "ListEventSourceMappings" and status < 300:
                answer["EventSourceMappings"] = self._cloud.lagging_page(answer["EventSourceMappings"], query)
            if operation == "GetEventSourceMapping":
                is_old, before = self._cloud.lagging(path.rpartition("/")[2], self._cloud.conditions.get_lag)
                if is_old and before:
                    return 200, {}, before
                if is_old:
                    return 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, {"message": "not there yet"}
            return status, headers, answer

        status, headers, answer = self._cloud.call(operation, send, process_here())
        if status >= 300:
            raise failed(status, headers, answer, operation)
        return {**_parsed(answer), "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r"}}

    def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:
        return self._call("GetEventSourceMapping", "GET", MAPPINGS + UUID)

    def list_event_source_mappings(self, **query: Any) -> dict[str, Any]:
        return self._call("ListEventSourceMappings", "GET", MAPPINGS, query)

    def create_event_source_mapping(self, **body: Any) -> dict[str, Any]:
        return self._call("CreateEventSourceMapping", "POST", MAPPINGS, body=body)

    def update_event_source_mapping(self, UUID: str, **body: Any) -> dict[str, Any]:
        return self._call("UpdateEventSourceMapping", "PUT", MAPPINGS + UUID, body=body)

    def delete_event_source_mapping(self, UUID: str) -> dict[str, Any]:
        return self._call("DeleteEventSourceMapping", "DELETE", MAPPINGS + UUID)

    def list_tags(self, Resource: str) -> dict[str, Any]:
        return self._call("ListTags", "GET", f"/2017-03-31/tags/{Resource}")

    def tag_resource(self, Resource: str, Tags: dict[str, str]) -> dict[str, Any]:
        return self._call("TagResource", "POST", f"/2017-03-31/tags/{Resource}", body={"Tags": Tags})

    def untag_resource(self, Resource: str, TagKeys: list[str]) -> dict[str, Any]:
        return self._call("UntagResource", "DELETE", f"/2017-03-31/tags/{Resource}", {"tagKeys": TagKeys})

    def get_function(self, **_: Any) -> dict[str, Any]:
        return self._function("GetFunction", {"Configuration": {"FunctionName": "f"}})

    def get_function_configuration(self, **_: Any) -> dict[str, Any]:
        return self._function("GetFunctionConfiguration", {"FunctionName": "f"})

    def _function(self, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        status, headers, body = self._cloud.call(operation, lambda _: (200, {}, answer), process_here())
        if status >= 300:
            raise failed(status, headers, body, operation)
        return dict(body)


def _parsed(value: Any) -> Any:
    """As botocore parses an answer: what is null is absent, and a time is one."""
    if isinstance(value, dict):
        return {
            key: datetime.fromtimestamp(item, UTC) if key == "LastModified" else _parsed(item)
            for key, item in value.items()
            if item is not None
        }
    return [_parsed(item) for item in value] if isinstance(value, list) else value
