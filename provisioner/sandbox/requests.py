"""What a request asks: from WSGI's words to the parts that the control plane looks at."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from moto.iam.models import get_account_id_from

from provisioner.model.references import ACCOUNT, Arn

Environ = dict[str, Any]

_HERE: Final = ".localhost"
# The scope of a signature: who signed, and for which region and service.
_CREDENTIAL: Final = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `query` has no parameter without a value; `bucket` is the one whose notifications it is about."""

    method: str
    path: str
    query: Mapping[str, str]
    data: bytes
    target: str
    account: str
    region: str
    bucket: str = ""
    expected_owner: str = ""
    skips_validation: bool = False
    service: str = ""

    @property
    def body(self) -> Any:
        """As read from JSON; None when it is no JSON."""
        try:
            return json.loads(self.data) if self.data else {}
        except (ValueError, RecursionError):
            return None

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a request in the query protocol."""
        return dict(parse_qsl(self.data.decode(errors="replace"), keep_blank_values=True))


def read_request(environ: Environ, data: bytes) -> Request:
    """The request, whose body has been read."""
    scope = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    # The access key leads to the account: that of an assumed role belongs to the role's.
    key, region = (scope["key"], scope["region"]) if scope else ("", "us-east-1")
    # `tagKeys` is repeated; `untag` splits it again.
    query = {name: "\n".join(values) for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    return Request(
        environ["REQUEST_METHOD"],
        unquote(environ["PATH_INFO"]),
        query,
        data,
        environ.get("HTTP_X_AMZ_TARGET", ""),
        get_account_id_from(key),
        region,
        notified_bucket(environ),
        environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", ""),
        environ.get("HTTP_X_AMZ_SKIP_DESTINATION_VALIDATION", "").lower() == "true",
        scope["service"] if scope else "",
    )


def service_of(environ: Environ) -> str:
    """The service that a request was signed for, or ""."""
    scope = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return scope["service"] if scope else ""


def notified_bucket(environ: Environ) -> str:
    """The bucket of a request on its notifications, or "": `/BUCKET?notification`, or the bucket in the host's name."""
    query = environ.get("QUERY_STRING", "")
    if "notification" not in query or service_of(environ) != "s3":
        return ""
    if "notification" not in parse_qs(query, keep_blank_values=True):
        return ""
    host = (urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or "").removesuffix(".")
    path = unquote(environ["PATH_INFO"]).strip("/")
    if not host.endswith(_HERE) or host == f"s3{_HERE}":
        return "" if "/" in path else path  # with a key it is about an object
    return "" if path else host.removesuffix(_HERE).removesuffix(".s3")


def as_owner(environ: Environ) -> Environ:
    """A request about a source of another account, asked as that account: moto looks among the caller's own alone."""
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ = {**environ, "wsgi.input": Again(data)}
    try:
        body = json.loads(data)
        named = [Arn.parse(body.get(member)) for member in ("StreamARN", "ConsumerARN", "StreamArn", "TableName")]
        url = urlsplit(body.get("QueueUrl") or "").path.strip("/").partition("/")[0]
        owner = body.get("QueueOwnerAWSAccountId") or next((arn.account for arn in named if arn), url)
    except (ValueError, AttributeError, RecursionError):
        return environ  # no JSON object: moto refuses it
    return (
        {**environ, "HTTP_X_MOTO_ACCOUNT_ID": owner} if isinstance(owner, str) and ACCOUNT.fullmatch(owner) else environ
    )


def foreign(environ: Environ) -> str:
    """The host or origin of a request that did not come from this machine's own names, or "": a page in a browser must
    not reach the sandbox, whatever name leads to this address.
    """
    host: str = environ.get("HTTP_HOST", "")
    origin: str | None = environ.get("HTTP_ORIGIN")
    if host and not _is_here(f"//{host}"):  # HTTP/1.0 may have no Host
        return host
    if origin is not None and not _is_here(origin):
        return origin or "an empty origin"
    return ""


def _is_here(url: str) -> bool:
    try:
        name = (urlsplit(url).hostname or "").removesuffix(".")
        return name == "localhost" or name.endswith(_HERE) or ipaddress.ip_address(name).is_loopback
    except ValueError:  # no URL, or a name that is no address
        return False


class Again:
    """A request body that was read, to be read once more by moto."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; all that are left when it is negative."""
        size = len(self._data) if size < 0 else size
        data, self._data = self._data[:size], self._data[size:]
        return data
