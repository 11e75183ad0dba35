"""The control plane in this process, for tests that need no command: any function and source exist unless taken away."""

from __future__ import annotations

import copy
import io
import json
import logging
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from urllib3.response import HTTPResponse

from provisioner.model.references import Arn
from provisioner.sandbox.app import Application, ControlPlane
from provisioner.sandbox.mappings import Delays
from provisioner.sandbox.requests import notified_bucket, service_of
from provisioner.sandbox.server import make_server
from provisioner.sandbox.world import Bucket, Troubles

REGION = "eu-west-1"
ACCOUNT = "123456789012"
AT_ONCE = Delays(0, 0, 0, 0, 0)
IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{ACCOUNT}:user/x</Arn><UserId>x</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>""".encode()


def any_credentials(patch: pytest.MonkeyPatch) -> None:
    """Keys that every control plane here takes."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "x")


@dataclass
class World:
    """Everything exists and is allowed, but what a test takes away."""

    gone: set[str] = field(default_factory=set)  # names of functions, NAME:QUALIFIER, buckets, ends of ARNs, secrets
    denied: set[str] = field(default_factory=set)  # IAM actions that every role lacks
    visibility: int = 30
    timeout: int = 3
    key: str = ""  # the error of every KMS key
    failures: dict[str, str] = field(default_factory=dict)  # StateTransitionReason by source
    engines: dict[str, str] = field(default_factory=dict)  # of brokers, by ARN
    revisions: dict[str, str] = field(default_factory=dict)  # of aliases, by function and alias
    buckets: dict[str, Bucket] = field(default_factory=dict)  # that are elsewhere, or another account's

    def has_function(self, name: str, qualifier: str) -> bool:
        return not {name, f"{name}:{qualifier}"} & self.gone

    def alias_revision(self, name: str, alias: str) -> str:
        return self.revisions.get(f"{name}:{alias}", "")

    def bucket(self, name: str) -> Bucket | None:
        return None if name in self.gone else self.buckets.get(name, Bucket(ACCOUNT, REGION))

    def has_source(self, arn: Arn) -> bool:
        return arn.resource not in self.gone

    def has_secret(self, arn: str) -> bool:
        return arn not in self.gone

    def lacks(self, function: str, action: str, resource: str) -> bool:
        return action in self.denied

    def timeouts(self, function: str, queue: Arn) -> tuple[int, int]:
        return self.visibility, self.timeout

    def key_error(self, key: str) -> str:
        return self.key

    def failure(self, source: str) -> str:
        return self.failures.get(source, "")

    def engine(self, broker: Arn) -> str:
        return self.engines.get(str(broker), "")


_FUNCTION = re.compile(r"/2015-03-31/functions/[^/]+/?")


def everything_exists(environ: dict[str, Any], start_response: Any) -> Any:
    """What stands behind the control plane: whose credentials these are, and that every function and queue exists."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if _FUNCTION.fullmatch(environ["PATH_INFO"]):
        answer, form = b'{"Configuration": {"FunctionName": "f"}}', "application/json"
    elif environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.GetQueueAttributes":
        answer, form = b'{"Attributes": {}}', "application/x-amz-json-1.0"
    else:
        assert b"GetCallerIdentity" in body, f"a call that no test should make: {environ['PATH_INFO']}"
        answer, form = IDENTITY, "text/xml"
    start_response("200 OK", [("Content-Type", form), ("Content-Length", str(len(answer)))])
    return [answer]


def with_buckets() -> Application:
    """What stands behind the control plane where S3 is needed too: moto without a bucket, and the one account."""
    # Late: few tests need it.
    from moto.moto_api._internal.models import moto_api_backend
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    # It keeps buckets for the process: a worker may make the fixture of a module twice, where it takes tests from another.
    moto_api_backend.reset()
    moto = DomainDispatcherApplication(create_backend_app)

    def routed(environ: dict[str, Any], start_response: Any) -> Any:
        is_sts = "/sts/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")
        return everything_exists(environ, start_response) if is_sts else moto(environ, start_response)

    return routed


_KEPT = ("_all", "_holders", "_order", "_due")
"""What a store holds."""


def kept_mappings(plane: ControlPlane) -> Callable[[], None]:
    """A function that puts mappings, policies of functions and notifications of buckets back as they are now."""
    kept = {key: {name: copy.deepcopy(getattr(store, name)) for name in _KEPT} for key, store in plane._stores.items()}
    # A policy and a document are never changed, but replaced by another one.
    policies = {key: dict(known._all) for key, known in plane._policies.items()}
    documents = dict(plane._notifications._documents)

    def put_back() -> None:
        for key, known in plane._policies.items():
            known._all = dict(policies.get(key, {}))
        plane._notifications._documents = dict(documents)
        for key, store in plane._stores.items():
            for name in _KEPT:
                empty = type(getattr(store, name))()
                setattr(store, name, copy.deepcopy(kept[key][name]) if key in kept else empty)

    return put_back


def _tag_as_aws(plane: ControlPlane, uuid: str, tags: dict[str, str]) -> None:
    for store in plane._stores.values():
        if uuid in store._all:
            store._all[uuid].tags |= tags


Fault = Callable[[str, str], str]
"""Asked (method, path) before each call: "" goes on, "before" cuts the connection, "after" cuts it once AWS has acted,
"killed" raises KilledError then, a number is the status of an error that AWS answers instead, with its code behind it
where that matters, and the message behind that. The path of a bucket's notifications ends with `?notification`."""


class KilledError(BaseException):
    """The end of a process that is killed at a call; only where there is no server."""


@dataclass
class ServedControlPlane:
    """A served control plane."""

    endpoint: str
    world: World
    faults: list[Fault] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)  # members that are taken without a word and not set
    # Method, path and body of each call on mappings, policies and notifications; of a document its text, as `Document`.
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    reset: Callable[[], None] = lambda: None  # forgets every mapping
    keep: Callable[[], Callable[[], None]] = lambda: lambda: None  # gives what puts the mappings back as they are
    direct: Any = None  # the application, where there is no server
    troubles: Troubles = field(default_factory=Troubles)
    tag_as_aws: Callable[[str, dict[str, str]], None] = lambda uuid, tags: (
        None
    )  # sets tags that only AWS itself can set
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str = "lambda") -> Any:
        """The one client of the test for a service: making one takes longer than ten calls."""
        if service not in self._clients:
            made = boto3.client(
                service, region_name=REGION, endpoint_url=self.endpoint, aws_access_key_id="x", aws_secret_access_key="x",
                config=Config(retries={"total_max_attempts": 1}),
            )  # fmt: skip
            self.attach(made.meta.events)
            self._clients[service] = made
        return self._clients[service]

    def attach(self, events: Any) -> None:
        """Lead the calls of a client, or of all clients of a session, to the application, where there is no server."""
        if self.direct:
            events.register("before-send", partial(_sent_directly, self.direct))


def _refused(verdict: str, start_response: Any, *, is_xml: bool) -> list[bytes]:
    """Answer an error: a status, with its code and its message where they matter."""
    status, code, message = [*verdict.split(" ", 2), "", ""][:3]
    usual = ("AccessDenied", "InternalError") if is_xml else ("AccessDeniedException", "ServiceException")
    code, message = code or usual[status != "403"], message or "made by a test"
    text = (
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        if is_xml
        else json.dumps({"message": message})
    )
    headers = [("Content-Length", str(len(text))), ("x-amzn-ErrorType", code), ("x-amzn-RequestId", "made-by-a-test")]
    start_response(f"{status} Error", headers)
    return [text.encode()]


def _sent_directly(application: Any, request: Any, **_: Any) -> AWSResponse:
    """What botocore asks before it sends a request: the answer, if there is one already."""
    try:
        return response(request.url, *answered(application, environ_of(request)))
    except ConnectionAbortedError as error:
        raise ConnectionClosedError(endpoint_url=request.url) from error


def environ_of(request: Any) -> dict[str, Any]:
    """What a server would hand to an application of botocore's request."""
    url, body = urlsplit(request.url), request.body or b""
    body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
    environ = {
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": url.scheme,
        "HTTP_HOST": url.netloc,
        "REQUEST_METHOD": request.method,
        "PATH_INFO": unquote(url.path, "latin-1"),
        "QUERY_STRING": url.query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", text)
    return environ


def answered(application: Application, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an application's answer. Raises ConnectionAbortedError where it gives none."""
    started: list[Any] = []
    try:
        data = b"".join(application(environ, lambda *arguments: started.extend(arguments)))
    except ConnectionAbortedError:
        raise
    except Exception:  # noqa: BLE001  # as a server answers a mistake, and logs it
        traceback.print_exc()
        data, started = b"", ["500 Error", []]
    status, headers = started
    return int(status.split()[0]), dict(headers), data


def response(url: str, status: int, headers: dict[str, str], data: bytes) -> AWSResponse:
    """An answer as botocore has it from its connection."""
    return AWSResponse(url, status, headers, HTTPResponse(io.BytesIO(data), preload_content=False))


logging.getLogger("werkzeug").setLevel(logging.ERROR)


def _noted(embedded: ServedControlPlane, environ: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Method and path of a call, and the call without the members that are to be ignored. It is put on record."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    is_document = bool(notified_bucket(environ))
    path += "?notification" if is_document else ""
    if not (is_document or "event-source-mappings" in path or re.search(r"/policy(/|$)", path)):
        return method, path, environ
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = {"Document": data.decode(errors="replace")} if is_document and data else json.loads(data or "{}")
    embedded.requests.append((method, path, body))
    if embedded.ignored & body.keys():
        data = json.dumps({key: value for key, value in body.items() if key not in embedded.ignored}).encode()
    return method, path, {**environ, "wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data))}


@contextmanager
def served(
    delays: Delays = AT_ONCE,
    now: Callable[[], float] = time.monotonic,
    *,
    direct: bool = False,
    behind: Application = everything_exists,
) -> Iterator[ServedControlPlane]:
    """A control plane behind a server. With `direct` there is none, and attached clients call the application: most of
    the time of a call is that of its connection, which thousands of stories need not pay.
    """
    world = World()
    plane = ControlPlane(behind, delays, world=lambda account, region: world, now=now)
    embedded = ServedControlPlane(
        "",
        world,
        reset=plane.reset,
        keep=partial(kept_mappings, plane),
        troubles=plane.troubles,
        tag_as_aws=partial(_tag_as_aws, plane),
    )

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        method, path, environ = _noted(embedded, environ)
        verdict = next(filter(None, [fault(method, path) for fault in embedded.faults]), "")
        if verdict[:1].isdigit():
            return _refused(verdict, start_response, is_xml=service_of(environ) == "s3")
        if verdict:
            if verdict != "before":
                b"".join(plane(environ, lambda status, headers: None))
            if verdict == "killed":
                raise KilledError
            if not direct:
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        return plane(environ, start_response)

    if direct:
        embedded.endpoint, embedded.direct = "http://127.0.0.1:0", application  # nothing listens on port 0
        yield embedded
        return
    server = make_server("127.0.0.1", 0, application, threaded=True)
    embedded.endpoint = f"http://127.0.0.1:{server.port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield embedded
    finally:
        server.shutdown()
        server.server_close()
