"""Credentials, clients, and the account that they belong to. The one place that imports boto3."""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.loaders import create_loader

from provisioner import __version__
from provisioner.aws.buckets import Buckets
from provisioner.aws.errors import require_member, translating_errors
from provisioner.aws.gateway import Gateway
from provisioner.aws.limiter import TokenBucket
from provisioner.aws.objects import Bucket
from provisioner.aws.requests import Calls, Requests
from provisioner.aws.wait import Clock
from provisioner.environment import environment_region
from provisioner.errors import AccountError
from provisioner.model.desired import Desired
from provisioner.model.provider import Provider
from provisioner.model.sources import PUSH

DEFAULT_RATE = 10.0
S3_RATE = 5.0
"""Requests a second on the notifications of buckets, whose limit AWS does not state."""
_LOG = logging.getLogger(__name__)


class Aws:
    """A session with AWS: one set of credentials, any region. Credentials and endpoints come as with the AWS CLI.
    Raises CredentialsError when the profile does not exist.
    """

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._lock = threading.Lock()
        self._gateways: dict[str, Gateway] = {}
        self._buckets: dict[str, Buckets] = {}
        self._others: dict[tuple[str, str | None, float], Any] = {}
        self.calls = Calls()
        self.account = ""
        """The account of the credentials, once `identify` has asked for it."""
        self.before_change: Callable[[], None] | None = None
        """Called before each attempt of a call that changes something; raises when it must not be made."""
        with translating_errors("opening the session"):
            # Passed on, because boto3 does not read AWS_REGION.
            region = provider.region or environment_region()
            self._session = boto3.Session(profile_name=provider.profile or None, region_name=region or None)
            if provider.assume_role:
                _assume(self._session, provider)

    @property
    def region(self) -> str:
        """The region of mappings that name none; empty when the environment has none either."""
        return self._session.region_name or ""

    def identify(self) -> str:
        """The account ID of the credentials, by GetCallerIdentity. Raises AwsError, above all CredentialsError."""
        what = "looking up the account ID of the credentials"
        with translating_errors(what):
            # STS needs some region, also where each mapping names its own; the answer is the same in every one.
            config = Config(retries={"total_max_attempts": 2, "mode": "standard"})
            client = self._kept("sts", self.region or "us-east-1", config)
            self.calls.count()
            answer = client.get_caller_identity()
        require_member(answer, "Account", what)
        self.account = str(answer["Account"])
        return self.account

    def gateway(self, region: str) -> Gateway:
        """The calls on mappings in one region, with one limit of requests for all callers."""
        # boto3 must not make clients of one session in two threads at once.
        with self._lock:
            if region not in self._gateways:
                with translating_errors("opening Lambda"):
                    # The gateway retries by class of error. botocore would send a create again after a lost answer, and
                    # its refusal would hide that the first one succeeded. Its default of 10 connections is too few for
                    # workers and polls together.
                    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)
                    client = self._client("lambda", region or None, config)
                # The sandbox on this machine has no quota.
                usual = None if is_loopback(client.meta.endpoint_url) else DEFAULT_RATE
                rate = self._provider.max_requests_per_second or usual
                self._gateways[region] = Gateway(
                    client,
                    self._tagging(region),
                    region=region,
                    requests=self._requests(rate),
                    calls=self.calls,
                    account=lambda: self.account,
                )
            return self._gateways[region]

    def buckets(self, region: str) -> Buckets:
        """The calls on notifications of buckets in one region, with a limit of their own for all callers."""
        with self._lock:
            if region not in self._buckets:
                with translating_errors("opening S3"):
                    # Another client than that of the state: a write of a bucket's document is repeated only after
                    # another read, which botocore would not make.
                    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)
                    client = self._client("s3", region or None, config)
                stated = self._provider.max_requests_per_second
                rate = stated if is_loopback(client.meta.endpoint_url) else min(stated or S3_RATE, S3_RATE)
                self._buckets[region] = Buckets(client, region=region or self.region, requests=self._requests(rate))
            return self._buckets[region]

    def _requests(self, rate: float | None) -> Requests:
        """How requests to one service in one region are sent, at most `rate` a second; None is no limit."""
        return Requests(
            limiter=TokenBucket(rate, max(rate or 1.0, 1.0), self._clock),
            calls=self.calls,
            clock=self._clock,
            guard=self._guard,
            retry_timeout=self._provider.retry_timeout,
        )

    def _guard(self) -> None:
        if self.before_change:
            self.before_change()

    def bucket(self, name: str, region: str) -> Bucket:
        """The objects of one bucket. `region` is the bucket's; "" is the session's."""
        with translating_errors("opening S3"):
            client = self._kept("s3", region or self.region or None, Config(retries={"mode": "standard"}))
        return Bucket(client, name, self.calls.count)

    def ask(self, service: str, region: str, operation: str, arguments: Mapping[str, str]) -> Any:
        """The answer to one read-only call of another service than Lambda. Raises AwsError."""
        what = f"{service}:{operation} in {region}"
        with translating_errors(what):
            client = self._kept(service, region, Config(retries={"mode": "standard"}, max_pool_connections=32))
            self.calls.count()
            return getattr(client, operation)(**arguments)

    def client_with_timeout(self, service: str, region: str, seconds: float) -> Any:
        """A client of a service that sends each request once, with a timeout in seconds. Raises AwsError."""
        with translating_errors(f"opening {service}"):
            config = Config(
                retries={"total_max_attempts": 1},
                connect_timeout=seconds / 3,
                read_timeout=seconds,
                max_pool_connections=32,
            )
            return self._kept(service, region, config, seconds)

    def _tagging(self, region: str) -> Callable[[], Any]:
        """A function that returns the tagging API's client, which is made when it is first called."""
        # `cache` alone would let two threads make a client each.
        lock = threading.Lock()
        make = cache(
            lambda: self._client("resourcegroupstaggingapi", region or None, Config(retries={"mode": "standard"}))
        )

        def client() -> Any:
            with lock:
                return make()

        return client

    def _kept(self, service: str, region: str | None, config: Config, timeout: float = 0.0) -> Any:
        """The client of a service, made once: that takes longer than a call. A service has one config for each `timeout`."""
        key = (service, region, timeout)
        with self._lock:
            if key not in self._others:
                self._others[key] = self._client(service, region, config)
            return self._others[key]

    def _client(self, service: str, region: str | None, config: Config) -> Any:
        named = config.merge(Config(user_agent_extra=f"provisioner/{__version__}"))
        endpoint = self._provider.endpoint_url or None
        client = self._session.client(service, region_name=region, endpoint_url=endpoint, config=named)
        if _LOG.isEnabledFor(logging.DEBUG):
            client.meta.events.register("after-call", _log_answer)
        return client


def _log_answer(model: Any, http_response: Any, parsed: Any, **_: Any) -> None:
    """One call with its request id. Neither the request nor the answer: filters and tags may be confidential."""
    meta, error = parsed.get("ResponseMetadata", {}), parsed.get("Error", {}).get("Code", "")
    service = model.service_model.service_name
    status = f"{http_response.status_code}{' ' if error else ''}{error}"
    _LOG.debug("%s:%s %s request %s", service, model.name, status, meta.get("RequestId", "-"))


def _assume(session: Any, provider: Provider) -> None:
    """Make the session act as `provider.assume_role`, renewing its credentials when they expire."""
    role = provider.assume_role
    assert role is not None  # the caller looked
    # STS refuses an empty ExternalId.
    extra = {"RoleSessionName": role.session_name, **({"ExternalId": role.external_id} if role.external_id else {})}
    core = session._session  # noqa: SLF001  # boto3 has no public way to hand over refreshing credentials
    endpoint = provider.endpoint_url or None

    # With the endpoint of all other calls, so that the role is assumed there too.
    def client(service: str, **arguments: Any) -> Any:
        return core.create_client(service, **{"endpoint_url": endpoint, **arguments})

    fetcher = AssumeRoleCredentialFetcher(client, core.get_credentials(), role.role_arn, extra_args=extra)
    # Deferred, so that the first call assumes the role and translates the error.
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # noqa: SLF001


def is_aws_host(url: str) -> bool:
    """Whether the host of a URL is under a suffix of a partition that botocore knows, such as `amazonaws.com`."""
    host = urlsplit(url).hostname or ""
    partitions = create_loader().load_data("partitions")["partitions"]
    suffixes = {partition["outputs"][name] for partition in partitions for name in ("dnsSuffix", "dualStackDnsSuffix")}
    return any(host.endswith(f".{suffix}") for suffix in suffixes)


def is_loopback(endpoint: str) -> bool:
    """Whether the host of a URL is this machine."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_account(account: str, *, recorded: str, allowed: Iterable[str], mappings: Iterable[Desired]) -> None:
    """Raise AccountError when the credentials belong to another account than the one that is meant.

    The account `recorded` in the state must match in any case. Otherwise `allowed` decides where it is given, and the
    accounts in the ARNs of the mappings where it is not: so a source in another account can be named on purpose.
    """
    hint = "use credentials for that account"
    if recorded and account != recorded:
        raise AccountError(
            f"the credentials belong to account {account}; the state belongs to account {recorded}", hint=hint
        )
    allowed = tuple(allowed)
    if allowed and account not in allowed:
        raise AccountError(
            f"the credentials belong to account {account}, which is not listed in allowed_account_ids", hint=hint
        )
    for item in mappings:
        if item.kind in PUSH and item.accounts - {account}:
            other = min(item.accounts - {account})
            raise AccountError(
                f"the function of {item.name} ({item.place}) is in account {other}, but the credentials belong to {account}",
                hint="a mapping that its source keeps is managed with the credentials of its function's account",
            )
        if allowed:
            continue
        for other in sorted(item.accounts - {account}):
            raise AccountError(
                f"the credentials belong to account {account}, but {item.name} ({item.place}) refers to account {other}",
                hint=f"{hint}; if the source is intentionally in another account, "
                f"set `provider: {{allowed_account_ids: ['{account}']}}`",
            )
