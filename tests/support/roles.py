"""The sandbox behind IAM: what a role may do is what its policy says, and all that it asked for is written down."""

from __future__ import annotations

import fnmatch
import io
import json
import re
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

import boto3
import botocore.session

from provisioner.sandbox.callers import action_of
from provisioner.sandbox.requests import read_request
from provisioner.sandbox.seed import Seed
from provisioner.sandbox.seeder import Seeder
from provisioner.sandbox.server import exports, parse_delays, plane_over_moto, served

REGION = "eu-west-1"
ACCOUNT = "123456789012"
MAPPINGS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:"
FUNCTIONS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")
_S3 = {"HEAD": "ListBucket", "GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_NOTIFICATION = {"GET": "GetBucketNotification", "PUT": "PutBucketNotification"}

Policy = dict[str, Any]


@dataclass(frozen=True)
class Need:
    """A permission that a call needs, with what conditions look at: the function of a mapping, and whom a statement admits."""

    action: str
    resource: str = "*"
    function: str = ""
    principal: str = ""

    def is_granted(self, policy: Policy) -> bool:
        return any(self._is_granted(statement) for statement in policy["Statement"])

    def _is_granted(self, statement: dict[str, Any]) -> bool:
        conditions = statement.get("Condition", {})
        assert conditions.keys() <= {"StringEquals", "StringLike"}
        here = {"lambda:FunctionArn": self.function, "lambda:Principal": self.principal}
        wanted = {**conditions.get("StringEquals", {}), **conditions.get("StringLike", {})}
        return (
            self.action in _listed(statement["Action"])
            and _fits(self.resource, statement["Resource"])
            and all(_fits(here[key], patterns) for key, patterns in wanted.items())
        )


def _listed(value: str | list[str]) -> list[str]:
    """What IAM takes as one or as a list."""
    return [value] if isinstance(value, str) else value


def _fits(text: str, patterns: str | list[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in _listed(patterns))


@dataclass
class Guard:
    """Stands before the sandbox. A role is known by its access key; any other key may do everything."""

    behind: Any = None
    endpoint: str = ""
    policies: dict[str, Policy] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=dict)  # the actions that each role needed
    refused: list[tuple[str, Need]] = field(default_factory=list)
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    def client(self, service: str = "lambda") -> Any:
        """Somebody who may do everything; made once, because that takes longer than a call."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(
                    service, endpoint_url=self.endpoint, region_name=REGION,
                    aws_access_key_id="anybody", aws_secret_access_key="x",
                )  # fmt: skip
            return self._clients[service]

    def environ(self) -> dict[str, str]:
        """The environment that leads here."""
        return dict(re.findall(r"(\w+)=(\S+)", exports(self.endpoint, REGION)))

    def forget(self) -> None:
        """Forget every mapping, and what was asked for."""
        self.behind.reset()
        self.used.clear()
        self.refused.clear()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        role, service = scope.groups() if scope else ("", "")
        if role not in self.policies:
            return self.behind(environ, start_response)
        needs = list(self._needs(environ, service))
        lacking = [need for need in needs if not need.is_granted(self.policies[role])]
        # What roles are denied on purpose: there is another call for what is needed of it.
        optional = [need for need in lacking if need.action == "lambda:GetFunction"]
        self.used.setdefault(role, set()).update(need.action for need in needs if need not in optional)
        if lacking:
            self.refused += [(role, need) for need in lacking if need not in optional]
            return _denied(service, lacking[0], start_response)
        if [need.action for need in needs] != ["s3:GetObject"]:
            return self.behind(environ, start_response)
        return self._object(environ, start_response, role)

    def _object(self, environ: dict[str, Any], start_response: Any, role: str) -> Iterable[bytes]:
        """S3 tells that an object is missing only to those who may list the bucket."""
        answered: list[Any] = []
        body = list(self.behind(environ, lambda *arguments: answered.append(arguments)))
        [(status, *_)] = answered
        need = Need("s3:ListBucket", f"arn:aws:s3:::{environ['PATH_INFO'].split('/')[1]}")
        if status.startswith("404"):
            self.used[role].add(need.action)
            if not need.is_granted(self.policies[role]):
                self.refused.append((role, need))
                return _denied("s3", need, start_response)
        start_response(*answered[0])
        return body

    def _needs(self, environ: dict[str, Any], service: str) -> Iterator[Need]:
        method, path = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"])
        if service == "s3":
            actions = _NOTIFICATION if "notification" in environ["QUERY_STRING"] else _S3
            yield Need(f"s3:{actions[method]}", f"arn:aws:s3:::{path[1:]}")
            return
        data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(data)
        if service == "sts":
            assert b"Action=GetCallerIdentity" in data
            return  # everybody may
        if service in ("iam", "rds", "sns", "ec2"):
            form = dict(parse_qsl(data.decode()))
            yield Need(f"{service}:{form['Action']}", _FORMS.get(form["Action"], lambda _: "*")(form))
            return
        if service in ("kafka", "mq"):
            name = action_of(read_request(environ, data))
            # A cluster is named by its ARN; of a broker only the id is, which its ARN ends in.
            named = re.search(r"clusters/(arn:[^?]+?)(/scram-secrets)?$", path)
            brokers = [arn for arn in self.behind.troubles.engines if arn.endswith(path.rpartition("/")[2])]
            yield Need(name, named[1] if named else brokers[0])
            return
        body = json.loads(data or "{}")
        if service == "lambda":
            yield from self._lambda_needs(_operation(method, path), path, environ, body)
            return
        resource = {
            "tagging": lambda: "*",
            "sqs": lambda: ":".join([f"arn:aws:sqs:{REGION}", *body["QueueUrl"].split("/")[-2:]]),
            "kinesis": lambda: body.get("StreamARN") or body["ConsumerARN"],
            "dynamodb": lambda: body.get("StreamArn") or body["TableName"],
            "secretsmanager": lambda: body["SecretId"],
            "kms": lambda: body["KeyId"],
        }[service]()
        prefix = "tag" if service == "tagging" else service
        yield Need(f"{prefix}:{environ['HTTP_X_AMZ_TARGET'].partition('.')[2]}", resource)

    def _lambda_needs(self, operation: str, path: str, environ: dict[str, Any], body: Any) -> Iterator[Need]:
        action, last = f"lambda:{operation}", path.rstrip("/").rpartition("/")[2]
        match operation:
            case "ListEventSourceMappings":
                yield Need(action)
            case "CreateEventSourceMapping":
                yield Need(action, f"{MAPPINGS}new", f"{FUNCTIONS}{body['FunctionName']}")
                if body.get("Tags"):
                    yield Need("lambda:TagResource", f"{MAPPINGS}new")
            case "ListTags" | "TagResource" | "UntagResource":
                yield Need(action, last)
            case "GetFunction" | "GetFunctionConfiguration" | "GetPolicy" | "AddPermission" | "RemovePermission":
                qualifier = "".join(f":{value}" for value in parse_qs(environ["QUERY_STRING"]).get("Qualifier", ()))
                function = f"{FUNCTIONS}{path.split('/')[3]}{qualifier}"
                yield Need(action, function, principal=body.get("Principal", ""))
            case _:
                client = self.client()
                try:
                    function = client.get_event_source_mapping(UUID=last)["FunctionArn"]
                except client.exceptions.ResourceNotFoundException:
                    function = ""
                yield Need(action, f"{MAPPINGS}{last}", function)


_RDS = f"arn:aws:rds:{REGION}:{ACCOUNT}"
_FORMS: dict[str, Callable[[dict[str, str]], str]] = {
    "GetRole": lambda form: f"arn:aws:iam::{ACCOUNT}:role/{form['RoleName']}",
    "SimulatePrincipalPolicy": lambda form: form["PolicySourceArn"],
    "DescribeDBClusters": lambda form: f"{_RDS}:cluster:{form['DBClusterIdentifier']}",
    "DescribeDBClusterParameters": lambda form: f"{_RDS}:cluster-pg:{form['DBClusterParameterGroupName']}",
    "GetTopicAttributes": lambda form: form["TopicArn"],
}
"""The resource of an operation that is asked by a form; the others take `*` alone."""


def _operations() -> list[tuple[str, re.Pattern[str], str]]:
    """Lambda's operations by method and path, the most literal path first."""
    model = botocore.session.get_session().get_service_model("lambda")
    uris = [(model.operation_model(name).http, name) for name in model.operation_names]
    uris.sort(key=lambda item: item[0]["requestUri"].count("{"))
    paths = [(http["method"], http["requestUri"].partition("?")[0].rstrip("/"), name) for http, name in uris]
    return [(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), name) for method, path, name in paths]


_OPERATIONS = _operations()


def _operation(method: str, path: str) -> str:
    return next(name for verb, uri, name in _OPERATIONS if verb == method and uri.fullmatch(path.rstrip("/")))


def _denied(service: str, need: Need, start_response: Any) -> Iterable[bytes]:
    message = f"not authorized to perform: {need.action} on resource: {need.resource}"
    if service == "s3":
        data = f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>".encode()
        headers = [("Content-Type", "application/xml")]
    else:
        data = json.dumps({"__type": "AccessDeniedException", "message": message}).encode()
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "AccessDeniedException")]
    start_response("403 Forbidden", [*headers, ("Content-Length", str(len(data)))])
    return [data]


@contextmanager
def guarded(seed: Seed) -> Iterator[Guard]:
    """The sandbox with what a seed names, and nobody restricted yet."""
    guard = Guard(plane_over_moto(parse_delays("0.05")))
    with served(guard) as guard.endpoint:  # type: ignore[arg-type]  # any WSGI application will do
        urllib.request.urlopen(urllib.request.Request(f"{guard.endpoint}/moto-api/reset", method="POST")).close()
        Seeder(guard.endpoint, seed).plant()
        seed.trouble(guard.behind.troubles)
        yield guard
