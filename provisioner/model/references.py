"""References to things in AWS: ARNs, functions, and the pair that Lambda holds unique."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

ACCOUNT: Final = re.compile(r"\d{12}")
REGION: Final = re.compile(r"(?:[a-z]+-)+\d{1,2}")
MAPPING_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# Looser than S3's rules for new buckets: old ones in us-east-1 may have capitals, underscores and up to 255 characters.
BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")

_RECENT: Final = 512  # a mapping's references are asked for several times, one mapping after the other

# The pattern of FunctionName in botocore's model: everything before the name may be missing. The region is looser than
# there, because new partitions have regions of new forms.
FUNCTION: Final = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


class Arn(NamedTuple):
    """An ARN in its six parts."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @staticmethod
    def parse(text: object) -> Arn | None:
        """The ARN that a text is, or None. Region and account may be empty, as in the ARN of a bucket."""
        return _arn(text) if isinstance(text, str) else None


@lru_cache(maxsize=_RECENT)
def _arn(text: str) -> Arn | None:
    parts = text.split(":", 5)  # the resource may contain colons
    if len(parts) != 6 or parts[0] != "arn" or not parts[1].startswith("aws") or not parts[2] or not parts[5]:
        return None
    return Arn(*parts[1:])


_IN_HOST: Final = " in virtual host "
_PARTITIONS: Final = {
    "us-gov-": "aws-us-gov",
    "cn-": "aws-cn",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}


@lru_cache(maxsize=_RECENT)
def partition_of(region: str) -> str:
    """The partition of a region, as in an ARN; `aws` for one that has no other partition's prefix."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def channel_of(names: Sequence[str], virtual_host: str = "") -> str:
    """The topic or queue of a mapping, with RabbitMQ's virtual host where that is not the default one, or ""."""
    # "/" is RabbitMQ's default host: one that is written out and none are the same.
    name = names[0] if names else ""
    return name if virtual_host in ("", "/") else f"{name}{_IN_HOST}{virtual_host}"


def virtual_hosts(access: Iterable[Mapping[str, Any]] | None) -> list[str]:
    """The RabbitMQ virtual hosts among access configurations. No update may carry one (docs/aws/updates.md#updates)."""
    return [item.get("uri") or "" for item in access or () if item.get("type") == "VIRTUAL_HOST"]


class FunctionReference(NamedTuple):
    """A function as a mapping names it. Region and account are empty when the reference leaves them out.

    `f`, `123456789012:function:f` and the full ARN are one; `f`, `f:$LATEST` and `f:prod` are three
    (docs/aws/identity.md#functions).
    """

    name: str
    qualifier: str
    region: str
    account: str

    @staticmethod
    def parse(text: object) -> FunctionReference | None:
        """The function reference that a text is, or None."""
        return _function(text) if isinstance(text, str) else None

    @property
    def canonical(self) -> str:
        """`name` or `name:qualifier`, the form that is compared and that List filters by."""
        return f"{self.name}:{self.qualifier}" if self.qualifier else self.name


@lru_cache(maxsize=_RECENT)
def _function(text: str) -> FunctionReference | None:
    match = FUNCTION.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict(default="")
    return FunctionReference(part["name"], part["qualifier"], part["region"], part["account"])


def function_arn(function: str, region: str, account: str) -> str:
    """The ARN of a function in canonical form; one of another account or region is its ARN already."""
    if function.startswith("arn:"):
        return function
    return str(Arn(partition_of(region), "lambda", region, account, f"function:{function}"))


class Pair(NamedTuple):
    """What Lambda holds unique (docs/aws/identity.md#uniqueness): a function and a source, with the topic or queue
    where there is one. `function` is a `FunctionReference.canonical`, `channel` what `channel_of` returns.

    `source` is an ARN, or the bootstrap brokers of a self-managed cluster, sorted and joined by commas.
    """

    region: str
    source: str
    function: str
    channel: str = ""

    @property
    def in_any_host(self) -> Pair:
        """The pair without a virtual host: whether AWS distinguishes two hosts of one broker is not recorded."""
        name, host, _ = self.channel.partition(_IN_HOST)
        return self._replace(channel=name) if host else self

    def claims(self) -> list[tuple[str, str, str, str]]:
        """What the pair occupies in AWS: two pairs conflict when they share a claim.

        One claim, but one a broker for a Kafka cluster: any shared broker makes two clusters one
        (docs/aws/identity.md#uniqueness). Unlike `kinds.uniqueness.claims`, without the consumer group.
        """
        return [(self.region, source, self.function, self.channel) for source in self.source.split(",")]

    def __str__(self) -> str:
        channel = f" ({self.channel})" if self.channel else ""
        return f"{self.source}{channel} -> {self.function}"
