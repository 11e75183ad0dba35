"""Notifications of buckets as a client sees them that reads and writes XML, with the world and the clock in a test's
hands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.exceptions import ClientError

from tests.support.clocks import Time
from tests.support.control_plane import ACCOUNT, REGION, ServedControlPlane

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
CREATED = "s3:ObjectCreated:*"
MEMBERS = {"CloudFunction": FUNCTION, "Queue": QUEUE, "Topic": TOPIC}


def entry(*events: str, member: str = "CloudFunction", arn: str = "", id: str = "", **rules: str) -> str:  # noqa: A002
    """One entry, by default of a function; `rules` are the filter's, as `prefix="in/"`."""
    named = "".join(
        f"<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>" for name, value in rules.items()
    )
    body = "".join(
        [
            f"<Id>{id}</Id>" if id else "",
            f"<{member}>{arn or MEMBERS[member]}</{member}>",
            *(f"<Event>{event}</Event>" for event in events or [CREATED]),
            f"<Filter><S3Key>{named}</S3Key></Filter>" if rules else "",
        ]
    )
    return f"<{member}Configuration>{body}</{member}Configuration>"


def document(*parts: str) -> str:
    return f'<NotificationConfiguration xmlns="{NAMESPACE}">{"".join(parts)}</NotificationConfiguration>'


def refused(call: Any, *arguments: Any, **members: Any) -> dict[str, Any]:
    """What S3 says of what it refuses: code, message, and the arguments."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **members)
    error: dict[str, Any] = caught.value.response["Error"]
    return error


@dataclass
class S3Api:
    """Notifications of the bucket `media`."""

    served: ServedControlPlane
    time: Time
    _sent: list[bytes] = field(default_factory=list)
    _received: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = self.served.client("s3")
        events = self.client.meta.events
        events.register("before-call.s3.PutBucketNotificationConfiguration", self._replace)
        events.register("before-parse.s3.GetBucketNotificationConfiguration", self._note)

    def _replace(self, params: dict[str, Any], **_: Any) -> None:
        if self._sent:
            params["body"] = self._sent.pop()

    def _note(self, response_dict: dict[str, Any], **_: Any) -> None:
        self._received.append(response_dict["body"])

    def put(self, *parts: str, **options: Any) -> None:
        """Write a document of these parts."""
        self.put_text(document(*parts), **options)

    def put_text(self, text: str | bytes, bucket: str = "media", **options: Any) -> None:
        self._sent.append(text.encode() if isinstance(text, str) else text)
        self.client.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={}, **options)

    def skip(self, *parts: str) -> None:
        """Write without a look at the destinations."""
        self.put(*parts, SkipDestinationValidation=True)

    def get(self, bucket: str = "media", **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_bucket_notification_configuration(Bucket=bucket, **options)
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    def get_text(self, bucket: str = "media") -> str:
        self.get(bucket)
        return self._received[-1].decode()

    def ids(self) -> list[str]:
        """The Ids of all entries, in the document's order."""
        return [found.text or "" for found in ET.fromstring(self.get_text()).iterfind(f"*/{{{NAMESPACE}}}Id")]

    def permit(self, name: str = "f", **members: Any) -> None:
        """Let S3 invoke a function for the bucket."""
        request = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **members}
        self.served.client().add_permission(FunctionName=name, **request)
