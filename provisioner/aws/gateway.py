"""The calls to Lambda in one region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from provisioner.aws.errors import require_member, translating_errors
from provisioner.aws.requests import Calls, Notify, Requests
from provisioner.errors import AccountError, NotFoundError, ServiceError
from provisioner.kinds.policies import Policy
from provisioner.model.references import UUID, Arn

Config = dict[str, Any]
"""A mapping as the API answers it."""

PAGE: Final = 100
"""Mappings on a page of List, whatever MaxItems is (docs/aws/lifecycle.md#list); also ARNs in one call for tags."""


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
        requests: Requests,
        calls: Calls,
        account: Callable[[], str] = lambda: "",
    ) -> None:
        self.region = region
        self.endpoint: str = client.meta.endpoint_url
        self._client = client
        self._tagging = tagging
        self._requests = requests
        self._calls = calls
        self._account = account

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

    def configuration(self, name: str, qualifier: str = "") -> Config:
        """The configuration of a function, version or alias. The call counts against the quota of the control plane. Raises
        NotFoundError where there is none.
        """
        which = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
        send = partial(self._client.get_function_configuration, **which)
        return self._call(f"looking for the function {name}", send, required_member="FunctionName")

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
        """Send a request as `Requests.call` does. `required_member` is what the answer must have; every answer must be
        about the account of the credentials.
        """

        def checked() -> Config:
            answer = send()
            require_member(answer, required_member, what)
            self._require_account(answer, what)
            return answer

        return self._requests.call(what, checked, notify, repeatable=repeatable, before_retry=before_retry)

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


def _texts(tags: dict[str, Any], what: str) -> dict[str, str]:
    """A copy of tags. Raises ServiceError for a value of another type, which no state could hold."""
    if not all(isinstance(value, str) for value in tags.values()):
        raise ServiceError(f"{what}: unexpected response: a tag whose value is no text")
    return dict(tags)


def _body(answer: Config) -> Config:
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
