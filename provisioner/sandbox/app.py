"""The control plane as a WSGI application: mappings, policies and notifications of ours in front, moto behind."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from provisioner.model.references import Arn, partition_of
from provisioner.sandbox import callers, services, simulation, stacks
from provisioner.sandbox.answers import Answer, Refusal
from provisioner.sandbox.mappings import Delays, Mappings
from provisioner.sandbox.notifications import Notifications
from provisioner.sandbox.policies import Policies
from provisioner.sandbox.requests import (
    Again,
    Environ,
    Request,
    as_owner,
    foreign,
    notified_bucket,
    read_request,
    service_of,
)
from provisioner.sandbox.roles import know_managed_policies, role_of
from provisioner.sandbox.shapes import check_constraints, taken, unreadable
from provisioner.sandbox.world import MotoWorld, Troubles, World

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_MAPPINGS: Final = re.compile(r"/2015-03-31/event-source-mappings/?(?P<uuid>[^/]*)/?")
_OURS: Final = ("/2015-03-31/event-source-mappings", "/2017-03-31/tags/", "/2026-07-09/resource-policy/")
_FUNCTIONS: Final = "/2015-03-31/functions/"
_PERMISSIONS: Final = re.compile(rf"{_FUNCTIONS}(?P<function>[^/]+)/policy/?(?P<sid>[^/]*)")
_POLICY: Final = re.compile(r"/2026-07-09/resource-policy/(?P<arn>.+)", re.DOTALL)
_TAGS: Final = re.compile(r"/2017-03-31/tags/(?P<arn>.+)", re.DOTALL)
_OTHERS_TAGS: Final = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:\d{12}:(function|layer|code-signing-config|capacity-provider|network-connector):.+"
)
"""What else of Lambda has tags: moto's."""
_LENGTH: Final = re.compile(r"[0-9]{0,15}")
_OF_OTHERS: Final = (
    *("AmazonSQS.GetQueueUrl", "AmazonSQS.GetQueueAttributes", "Kinesis_20131202.Describe"),
    *("DynamoDBStreams_20120810.DescribeStream", "DynamoDB_20120810.DescribeTable"),
)
"""Calls that ask for a source by its ARN or URL, or with its owner."""

_ANSWERED: Final = frozenset({"cloudformation", "iam", *services.SERVICES})
"""Other services than Lambda and S3 whose requests are read here: some are answered, the others are moto's."""

_TABLE_STREAM: Final = "DynamoDBStreams_20120810.DescribeStream"
_GET_RESOURCES: Final = "ResourceGroupsTaggingAPI_20170126.GetResources"
_MAPPING_TYPE: Final = "lambda:event-source-mapping"


class ControlPlane:
    """Answers the calls on event source mappings and their tags, on policies of functions and on notifications of
    buckets, and passes every other call to `behind`.

    `troubles` are the faults of the seed. `world` makes what the rules ask about for an account and region, and `now`
    is the clock of transitions; tests replace both. Threads may call it at once.
    """

    def __init__(
        self,
        behind: Application,
        delays: Delays,
        *,
        world: Callable[[str, str], World] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._behind = behind
        self._delays = delays
        self.troubles = Troubles()
        self._world = world or (lambda account, region: MotoWorld(account, region, self.troubles))
        self._now = now
        self._lock = threading.Lock()  # over all that follows
        self._conditional = threading.Lock()
        self.reset()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, by WSGI. Refusals are answers; nothing is raised for them."""
        if stranger := foreign(environ):
            message = f"the sandbox answers this machine alone, and not {stranger}"
            return _respond(Answer(403, {"message": message}, "AccessDeniedException"), start_response)
        path = environ.get("PATH_INFO", "")
        # `read` with a negative length would wait for the end of the connection. Not `isdigit`, which is true of ² too.
        if not _LENGTH.fullmatch(environ.get("CONTENT_LENGTH", "")):
            return _respond(Answer(400, {"message": "Content-Length is not a number"}), start_response)
        service = service_of(environ)
        if path == "/moto-api/reset":
            self.reset()  # and moto, below
        elif (
            self.troubles.caller
            or path.startswith(_OURS)
            or environ.get("HTTP_X_AMZ_TARGET") == _GET_RESOURCES
            or _PERMISSIONS.fullmatch(path)
            or notified_bucket(environ)
            or service in _ANSWERED
            or environ.get("HTTP_X_AMZ_TARGET") == _TABLE_STREAM
        ):
            data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            request = read_request(environ, data)
            answer = callers.refused(request, self.troubles.caller) or self._answer(request)
            if answer:
                return _respond(answer, start_response)
            # The call is moto's after all, but its body has been read.
            environ = {**environ, "wsgi.input": Again(data)}
        if environ.get("HTTP_X_AMZ_TARGET", "").startswith(_OF_OTHERS):
            environ = as_owner(environ)
        if environ.keys() & {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} and environ["REQUEST_METHOD"] in ("PUT", "DELETE"):
            with self._conditional:  # moto checks the condition and writes in two steps; S3 does it in one
                return self._behind(environ, start_response)
        answered = self._behind(environ, start_response)
        if environ["REQUEST_METHOD"] == "DELETE" and (path.startswith(_FUNCTIONS) or service == "s3"):
            self._drop_orphans()
        return answered

    def reset(self) -> None:
        """Forget every mapping, policy and notification, in all accounts and regions. What moto holds is not touched."""
        with self._lock:
            self._stores: dict[tuple[str, str], Mappings] = {}
            self._policies: dict[tuple[str, str], Policies] = {}
            self._notifications = Notifications(self._world, self._policies_of, self.troubles)

    def _drop_orphans(self) -> None:
        """Forget what belonged to a function or bucket that was deleted: a new one of the name has none of it."""
        with self._lock:
            self._notifications.drop_orphans()
            for policies in self._policies.values():
                policies.drop_orphans()

    def _policies_of(self, account: str, region: str) -> Policies:
        key = (account, region)
        if key not in self._policies:
            self._policies[key] = Policies(*key, self._world(*key), self.troubles, self._now)
        return self._policies[key]

    def _answer(self, request: Request) -> Answer | None:
        """Our answer, or None for a call that is moto's."""
        with self._lock:
            try:
                return self._answer_of_another(request) or self._answer_of_lambda(request)
            except Refusal as refusal:
                return refusal.answer
            except RecursionError:
                return unreadable("the request is nested too deeply").answer

    def _answer_of_lambda(self, request: Request) -> Answer | None:
        key = (request.account, request.region)
        if handle_policy := _policy_handler(request):
            return handle_policy(self._policies_of(*key))
        handle = _handler(request)
        if handle is None:
            return None
        if key not in self._stores:
            self._stores[key] = Mappings(*key, self._world(*key), self._delays, self._now)
        return handle(self._stores[key])

    def _answer_of_another(self, request: Request) -> Answer | None:
        """Our answer for another service than Lambda."""
        if request.bucket:
            return self._notifications.answer(request)
        if request.target == _TABLE_STREAM:
            return self._gone_stream(request)
        match request.service:
            case "iam":
                return self._about_roles(request)
            case "cloudformation":
                store = self._stores.get((request.account, request.region))
                return stacks.answer(request.form, self.troubles.stacks, store)
            case service if service in services.SERVICES:
                return services.answer(request, self.troubles)
        return None

    def _gone_stream(self, request: Request) -> Answer | None:
        """The refusal for a stream that its table does not have any more: moto answers for the table, whatever the label."""
        arn = Arn.parse((request.body or {}).get("StreamArn"))
        if arn is None or self._world(arn.account, arn.region).has_source(arn):
            return None
        message = f"Requested resource not found: Stream: {arn} not found"
        return Answer(400, {"__type": "ResourceNotFoundException", "message": message}, "ResourceNotFoundException")

    def _about_roles(self, request: Request) -> Answer | None:
        know_managed_policies(request.data, request.account, partition_of(request.region))
        form = request.form
        if form.get("Action") != "SimulatePrincipalPolicy":
            return None
        role = role_of(form.get("PolicySourceArn", ""))
        return simulation.answer(form, role, self.troubles.lasting(role.name) if role else frozenset())


def _handler(request: Request) -> Callable[[Mappings], Answer] | None:
    """What answers a request, to be called under the lock with the account and region's mappings; None for moto."""
    if request.target == _GET_RESOURCES:
        return _resources(request)
    if match := _TAGS.fullmatch(request.path):
        return _tagging(request, match["arn"])
    if match := _MAPPINGS.fullmatch(request.path):
        return _mapping(request, match["uuid"])
    return None


def _mapping(request: Request, uuid: str) -> Callable[[Mappings], Answer] | None:
    def create(store: Mappings) -> Answer:
        return Answer(202, store.create(taken("CreateEventSourceMapping", request.body)))

    def update(store: Mappings) -> Answer:
        # The UUID of an update is in its path: one in the body is no member, and nothing to check.
        members = taken("UpdateEventSourceMapping", request.body)
        return Answer(202, store.update(uuid, {name: value for name, value in members.items() if name != "UUID"}))

    handlers: dict[tuple[str, bool], Callable[[Mappings], Answer]] = {
        ("POST", False): create,
        ("GET", False): lambda store: Answer(200, store.page(_listing(request.query))),
        ("GET", True): lambda store: Answer(200, store.get(uuid)),
        ("PUT", True): update,
        ("DELETE", True): lambda store: Answer(202, store.delete(uuid)),
    }
    return handlers.get((request.method, bool(uuid)), _no_such_operation)


def _policy_handler(request: Request) -> Callable[[Policies], Answer] | None:
    """As `_handler`, for what is about the policy of a function."""
    if match := _PERMISSIONS.fullmatch(request.path):
        return _permission(request, match["function"], match["sid"])
    if match := _POLICY.fullmatch(request.path):
        return _resource_policy(request, match["arn"])
    return None


def _permission(request: Request, function: str, sid: str) -> Callable[[Policies], Answer]:
    def remove(policies: Policies) -> Answer:
        policies.remove(function, sid, request.query)
        return Answer(204)

    handlers: dict[tuple[str, bool], Callable[[Policies], Answer]] = {
        ("POST", False): lambda policies: Answer(201, policies.add(function, request.query, request.body)),
        ("GET", False): lambda policies: Answer(200, policies.get(function, request.query)),
        ("DELETE", True): remove,
    }
    return handlers.get((request.method, bool(sid)), _no_such_operation)


def _resource_policy(request: Request, arn: str) -> Callable[[Policies], Answer]:
    def delete(policies: Policies) -> Answer:
        policies.delete(arn, request.query)
        return Answer(204)

    handlers: dict[str, Callable[[Policies], Answer]] = {
        "PUT": lambda policies: Answer(200, policies.put(arn, request.body)),
        "GET": lambda policies: Answer(200, policies.show(arn)),
        "DELETE": delete,
    }
    return handlers.get(request.method, _no_such_operation)


def _no_such_operation(store: object) -> Answer:
    del store
    return Answer(405, {"message": "no operation has this method and path"}, "MethodNotAllowedException")


def _listing(query: Mapping[str, str]) -> Mapping[str, Any]:
    """The parameters of List, typed."""
    most = query.get("MaxItems")
    if most is None:
        return query
    # `int` would also read 1_0 and digits of other scripts.
    if not re.fullmatch(r"-?[0-9]{1,18}", most):
        raise unreadable("STRING_VALUE can not be converted to an Integer")
    return {**query, "MaxItems": int(most)}


def _tagging(request: Request, arn: str) -> Callable[[Mappings], Answer] | None:
    if _OTHERS_TAGS.fullmatch(arn):
        return None

    def tag(store: Mappings) -> Answer:
        members = taken("TagResource", request.body)
        check_constraints("TagResource", {**members, "Resource": arn})
        store.tag(arn, members["Tags"])
        return Answer(204)

    def untag(store: Mappings) -> Answer:
        store.untag(arn, request.query.get("tagKeys", "").split("\n"))
        return Answer(204)

    return {"GET": lambda store: Answer(200, {"Tags": store.tags(arn)}), "POST": tag, "DELETE": untag}.get(
        request.method
    )


def _resources(request: Request) -> Callable[[Mappings], Answer] | None:
    """GetResources for mappings, by ARN or by tag; None when it asks for anything else. A hundred a page, and a hundred
    ARNs a call, as the tagging API allows.
    """
    try:
        asked = taken("GetResources", request.body, service="resourcegroupstaggingapi")
    except Refusal as refusal:
        answer = refusal.answer  # a name of its own: Python deletes `refusal` at the end of this block
        return lambda _: answer
    arns = asked.get("ResourceARNList") or []
    types = asked.get("ResourceTypeFilters") or []
    if not all("event-source-mapping" in arn for arn in arns) or not (arns or types == [_MAPPING_TYPE]):
        return None

    def find(store: Mappings) -> Answer:
        start = asked.get("PaginationToken") or "0"
        if len(arns) > 100:
            raise Refusal(400, "InvalidParameterException", "ResourceARNList has more than 100 entries")
        if not re.fullmatch(r"[0-9]{1,9}", start):
            raise Refusal(400, "PaginationTokenExpiredException", "the token is not one of GetResources")
        tagged = store.tagged(arns) if arns else store.all_tagged()
        # Sorted, because the token is an index: pages must have one order.
        matching = [(arn, tags) for arn, tags in sorted(tagged) if _has_tags(tags, asked.get("TagFilters") or [])]
        end = int(start) + 100
        listed = [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for arn, tags in matching[int(start) : end]
        ]
        token = str(end) if end < len(matching) else ""
        return Answer(200, {"ResourceTagMappingList": listed, "PaginationToken": token})

    return find


def _has_tags(tags: dict[str, str], filters: Sequence[dict[str, Any]]) -> bool:
    return all(
        item.get("Key") in tags and (not item.get("Values") or tags[item["Key"]] in item["Values"]) for item in filters
    )


def _respond(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    data = answer.data()
    is_xml = isinstance(answer.body, bytes)
    headers = [
        ("Content-Type", "application/xml" if is_xml else "application/json"),
        ("Content-Length", str(len(data))),
        # AWS has one in every answer, and provisioner reports it with errors.
        ("x-amz-request-id" if is_xml else "x-amzn-RequestId", str(uuid.uuid4())),
        *answer.headers,
    ]
    if answer.error_code:
        headers.append(("x-amzn-ErrorType", answer.error_code))
    start_response(f"{answer.status} {'OK' if answer.status < 300 else 'Error'}", headers)
    return [data]
