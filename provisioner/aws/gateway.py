"""The calls to Lambda in one region: limited, counted, retried by the class of the refusal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from provisioner.aws.errors import Retry, require_member, retry_class, translating_errors
from provisioner.aws.limiter import TokenBucket
from provisioner.aws.wait import Clock, delays
from provisioner.errors import AccountError, AwsError, InUseError, NotFoundError, ServiceError, ThrottledError
from provisioner.kinds.policies import Policy
from provisioner.model.references import UUID, Arn
from provisioner.model.report import STILL

Config = dict[str, Any]
"""A mapping as the API answers it."""

Notify = Callable[[str], None]
"""Called with the reason why a call is retried, as a sentence."""

PAGE: Final = 100
"""Mappings on a page of List, whatever MaxItems is (docs/aws/lifecycle.md#list); also ARNs in one call for tags."""

BUDGETS: Final = {
    Retry.FUNCTION: 30.0,
    Retry.BUSY: 300.0,
    Retry.POLICY: 60.0,
    Retry.THROTTLED: 300.0,
    Retry.FAULT: 30.0,
}
"""Seconds for which each class of error is retried; for IAM it is the manifest's `retry_timeout`."""


class Calls:
    """Counts requests and throttled requests, and collects per thread the ids of requests that change something. Safe
    to share between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # A worker makes the calls of one change at a time, so the thread identifies the change.
        self._collected = threading.local()
        self.made = 0
        self.throttled = 0

    def count(self, *, throttled: bool = False) -> None:
        """Count a request, or with `throttled` that a request which is already counted was throttled."""
        with self._lock:
            self.made += not throttled
            self.throttled += throttled

    @contextmanager
    def collecting(self, ids: list[str]) -> Iterator[None]:
        """Within the context, add the ids of this thread's requests to a list."""
        self._collected.ids = ids
        try:
            yield
        finally:
            self._collected.ids = None

    def sent(self, request_id: str) -> None:
        """Record the id of a request that changes something."""
        ids = getattr(self._collected, "ids", None)
        if ids is not None and request_id:
            ids.append(request_id)


class Gateway:
    """One region's event source mappings, and the policies of its functions. Safe to share between threads. `tagging`
    returns the tagging API's client.

    Each call raises AwsError when AWS refuses it, or when the time for its retries is over.
    """

    def __init__(
        self,
        client: Any,
        tagging: Any,
        *,
        region: str,
        limiter: TokenBucket,
        calls: Calls,
        clock: Clock,
        retry_timeout: float,
        guard: Callable[[], None] = lambda: None,
        account: Callable[[], str] = lambda: "",
    ) -> None:
        self.region = region
        self.endpoint: str = client.meta.endpoint_url
        self._client = client
        self._tagging = tagging
        self._limiter = limiter
        self._calls = calls
        self._clock = clock
        self._reported_throttling = False
        self._guard = guard
        self._account = account
        self._budgets = {**BUDGETS, Retry.IAM: retry_timeout}

    # --- reading ------------------------------------------------------------------------------------------------------

    def get(self, uuid: str) -> Config | None:
        """One mapping as the API answers it, or None when there is none with this UUID."""
        try:
            send = partial(self._client.get_event_source_mapping, UUID=uuid)
            return _body(self._call(f"reading mapping {uuid}", send, required_member="UUID"))
        except NotFoundError:
            return None

    def pages(self, function: str = "", source: str = "") -> Iterator[list[Config]]:
        """The region's mappings, page by page: all, or those of an exact qualified function, a source, or both
        (docs/aws/lifecycle.md#list). Raises ServiceError when a mapping has no UUID.
        """
        filters = {"FunctionName": function, "EventSourceArn": source}
        request: dict[str, Any] = {key: value for key, value in filters.items() if value}
        marker = ""
        markers: set[str] = set()
        while True:
            at = {"Marker": marker} if marker else {}
            send = partial(self._client.list_event_source_mappings, MaxItems=PAGE, **request, **at)
            answer = self._call("listing mappings", send, required_member="EventSourceMappings")
            page = answer["EventSourceMappings"]
            # Callers key the mappings by UUID, also those that are not checked any further.
            if not all(isinstance(config.get("UUID"), str) for config in page):
                raise ServiceError("listing mappings: unexpected response: a mapping has no UUID")
            yield page
            marker = answer.get("NextMarker") or ""
            if not marker:
                return
            if marker in markers:
                raise ServiceError(
                    "listing mappings: unexpected response: the same marker again, so the list never ends"
                )
            markers.add(marker)

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of one mapping by ListTags, unlike `tags_of` always up to date; none when the mapping is gone."""
        try:
            answer = self._call(
                f"reading the tags of {arn}", lambda: self._client.list_tags(Resource=arn), required_member="Tags"
            )
        except NotFoundError:
            return {}
        return _texts(answer["Tags"], f"reading the tags of {arn}")

    def tags_of(self, arns: Sequence[str]) -> dict[str, dict[str, str]]:
        """The tags of at most 100 mappings by one call of the tagging API, which may be minutes older than ListTags."""
        tags, _ = self._tagged(ResourceARNList=list(arns))
        return {arn: tags.get(arn, {}) for arn in arns}

    def tagged(self, key: str, value: str) -> dict[str, dict[str, str]]:
        """The tags of every mapping with this tag, by ARN, 100 a call of the tagging API. The answer may be minutes
        out of date, and have mappings that are gone.
        """
        found: dict[str, dict[str, str]] = {}
        filters: dict[str, Any] = {
            "TagFilters": [{"Key": key, "Values": [value]}],
            "ResourceTypeFilters": ["lambda:event-source-mapping"],
            "ResourcesPerPage": PAGE,
        }
        token, tokens = "", {""}
        while True:
            page, token = self._tagged(**filters, **({"PaginationToken": token} if token else {}))
            found |= page
            if not token:
                return found
            if token in tokens:
                raise ServiceError("reading tags: unexpected response: the same token again, so the list never ends")
            tokens.add(token)

    def _tagged(self, **request: Any) -> tuple[dict[str, dict[str, str]], str]:
        """One page of the tagging API: tags by ARN, and the token of the next page or ""."""
        # Outside `_call`: it is no request to Lambda, and botocore's own retries are on.
        with translating_errors("reading tags"):
            self._calls.count()
            answer = self._tagging().get_resources(**request)
        require_member(answer, "ResourceTagMappingList", "reading tags")
        try:
            tags = {
                item["ResourceARN"]: _texts({tag["Key"]: tag["Value"] for tag in item["Tags"]}, "reading tags")
                for item in answer["ResourceTagMappingList"]
                if UUID.fullmatch(item["ResourceARN"].rpartition(":")[2])
            }
        except (AttributeError, KeyError, TypeError) as error:  # botocore checks no types
            raise ServiceError("reading tags: unexpected response: an item without ARN or tags") from error
        return tags, answer.get("PaginationToken") or ""

    def require_function(self, name: str, qualifier: str = "") -> None:
        """Raise NotFoundError when a function, version or alias does not exist. The call counts against the quota of
        the control plane.
        """
        which = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
        send = partial(self._client.get_function_configuration, **which)
        self._call(f"looking for the function {name}", send, required_member="FunctionName")

    def policy(self, function: str) -> Policy:
        """The policy of a function, or of its version or alias, by GetPolicy. It is empty also where the function does
        not exist: AWS does not say which it is.
        """
        what = f"reading the policy of {function} in {self.region}"
        try:
            answer = self._call(what, lambda: self._client.get_policy(FunctionName=function), required_member="Policy")
        except NotFoundError:
            return Policy()
        return self._policy(answer["Policy"], answer.get("RevisionId") or "", what)

    # --- writing ------------------------------------------------------------------------------------------------------

    def create(self, request: Config, notify: Notify) -> Config:
        """Create a mapping. Returns it as AWS answers it. Never sent again when AWS may have acted: there is no
        idempotency token (docs/aws/identity.md#uniqueness).

        Raises ConflictError when the pair is taken; LostAnswerError or ServiceError when AWS may have acted.
        """
        create = self._client.create_event_source_mapping
        what = f"creating the mapping for {request.get('FunctionName')} in {self.region}"
        return _body(self._call(what, lambda: create(**request), notify, required_member="UUID", repeatable=False))

    def update(
        self, uuid: str, request: Config, notify: Notify, before_retry: Callable[[], None] | None = None
    ) -> Config:
        """Change members of a mapping. Returns the mapping as AWS answers it.

        `before_retry` is called before the request is sent again because the mapping was in use; what it raises ends
        the retries.
        """
        return _body(
            self._call(
                f"updating {uuid}",
                partial(self._client.update_event_source_mapping, UUID=uuid, **request),
                notify,
                required_member="UUID",
                before_retry=before_retry,
            )
        )

    def delete(self, uuid: str, notify: Notify) -> None:
        """Delete a mapping; one that is gone already is a success, as after a lost answer."""
        try:
            send = partial(self._client.delete_event_source_mapping, UUID=uuid)
            self._call(f"deleting {uuid}", send, notify, required_member="UUID")
        except NotFoundError:
            return

    def tag(self, arn: str, tags: dict[str, str], notify: Notify) -> None:
        """Set tags of a mapping; its other tags stay."""
        self._call(
            f"tagging {arn}", lambda: self._client.tag_resource(Resource=arn, Tags=tags), notify, required_member=""
        )

    def untag(self, arn: str, keys: Sequence[str], notify: Notify) -> None:
        """Remove tags of a mapping; an absent key is fine (docs/aws/tags.md)."""
        send = partial(self._client.untag_resource, Resource=arn, TagKeys=list(keys))
        self._call(f"untagging {arn}", send, notify, required_member="")

    def add_permission(self, request: Config, notify: Notify) -> None:
        """Add a statement to a policy. Sent again after a lost answer: the id of a statement is unique in its policy.

        Raises ConflictError when the policy has a statement with this id, PreconditionError when it has another revision.
        """
        what = f"adding statement {request['StatementId']} to the policy of {request['FunctionName']} in {self.region}"
        send = partial(self._client.add_permission, **request)
        answer = self._call(what, send, notify, required_member="Statement")
        self._policy(f'{{"Statement":{answer["Statement"]}}}', "", what)

    def remove_permission(self, function: str, ident: str, revision: str, notify: Notify) -> None:
        """Remove a statement from a policy, which must have this revision; any with "".

        Raises NotFoundError when there is no such statement, policy or function, PreconditionError when the policy has
        another revision.
        """
        what = f"removing statement {ident} from the policy of {function} in {self.region}"
        condition = {"RevisionId": revision} if revision else {}
        send = partial(self._client.remove_permission, FunctionName=function, StatementId=ident, **condition)
        self._call(what, send, notify, required_member="")

    def _policy(self, text: object, revision: object, what: str) -> Policy:
        """The policy in an answer. Raises ServiceError for what is none, AccountError for one of another account."""
        try:
            policy = Policy.parse(text, revision)
        except ValueError as error:
            raise ServiceError(f"{what}: unexpected response: {error}", hint="run the command again") from error
        for resource in policy.resources:
            self._require_account({"FunctionArn": resource}, what)
        return policy

    # --- one call -----------------------------------------------------------------------------------------------------

    def _call(
        self,
        what: str,
        send: Callable[[], Config],
        notify: Notify | None = None,
        *,
        required_member: str,
        repeatable: bool = True,
        before_retry: Callable[[], None] | None = None,
    ) -> Config:
        """Send a request, and retry it for as long as the class of the error allows.

        A call that changes something is given `notify`, which reports the first refusal at once; its request id is
        recorded. `required_member` is what the answer must have; a call that is not `repeatable` is not sent again when
        AWS may have acted.
        """
        began: dict[Retry, float] = {}
        reported: dict[Retry, float] = {}
        pauses = delays(0.3, 10.0)
        while True:
            self._limiter.acquire()
            # After the wait for the limiter and before every attempt: lock and state may be another process's by now.
            if notify:
                self._guard()
            self._calls.count()
            try:
                with translating_errors(what):
                    answer = send()
                require_member(answer, required_member, what)
                self._require_account(answer, what)
            except AwsError as error:
                if notify:
                    self._calls.sent(error.request_id)
                self._pause(error, began, reported, next(pauses), notify, repeatable=repeatable)
                # After the pause, so that it reads what the other change has left.
                if before_retry and isinstance(error, InUseError):
                    before_retry()
            else:
                self._limiter.answered()
                if notify:
                    self._calls.sent(answer.get("ResponseMetadata", {}).get("RequestId", ""))
                return answer

    def _require_account(self, answer: Config, what: str) -> None:
        """Raise AccountError when an answer is about another account than the one whose credentials were checked:
        credentials can change while a command runs.
        """
        listed = answer.get("EventSourceMappings")
        for config in listed[:1] if isinstance(listed, list) else [answer]:
            arn = Arn.parse(config.get("FunctionArn")) if isinstance(config, dict) else None
            if arn and arn.account and self._account() and arn.account != self._account():
                about = f" about the mapping {config['UUID']}" if config.get("UUID") else ""
                raise AccountError(
                    f"{what}: the answer{about} is from account {arn.account}, but this command runs in account "
                    f"{self._account()}",
                    hint="the credentials changed while the command ran; use those of one account, and run it again",
                )

    def _pause(
        self,
        error: AwsError,
        began: dict[Retry, float],
        reported: dict[Retry, float],
        pause: float,
        notify: Notify | None,
        *,
        repeatable: bool,
    ) -> None:
        """Wait before the next try, or raise the error when there is none. `began` is when each class was first met,
        `reported` when it was last reported.
        """
        if isinstance(error, ThrottledError):
            self._calls.count(throttled=True)
            self._limiter.throttled()
            pause = max(pause, error.retry_after)
        reason = retry_class(error, repeatable=repeatable)
        if reason is None:
            raise error
        now, is_first = self._clock.now(), reason not in began
        # Each class has its own budget, from when it was first met: waiting for IAM must not use up that of a fault.
        left = began.setdefault(reason, now) + self._budgets[reason] - now
        if left <= 0:
            raise error
        if notify and is_first:
            # Throttling affects every change at once and is reported once; the last line of a run counts it.
            if reason is not Retry.THROTTLED or not self._reported_throttling:
                notify(f"{error.message} ({reason.value}, for up to {left:.0f}s)")
            self._reported_throttling = self._reported_throttling or reason is Retry.THROTTLED
        elif notify and reason is not Retry.THROTTLED and now - reported.get(reason, began[reason]) >= STILL:
            reported[reason] = now
            notify(f"still {reason.value} ({now - began[reason]:.0f}s elapsed, up to {left:.0f}s left)")
        # The last pause is shortened, so that one more try is made when the budget ends.
        if not self._clock.sleep(min(pause, left)):
            raise error


def _texts(tags: dict[str, Any], what: str) -> dict[str, str]:
    """A copy of tags. Raises ServiceError for a value of another type, which no state could hold."""
    if not all(isinstance(value, str) for value in tags.values()):
        raise ServiceError(f"{what}: unexpected response: a tag whose value is no text")
    return dict(tags)


def _body(answer: Config) -> Config:
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
