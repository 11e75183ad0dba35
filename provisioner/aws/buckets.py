"""The notifications of buckets in one region: read, and written as a whole (docs/aws/push.md#bucket-notifications).

S3 has no condition for a write: what was written between a read and a write is lost. So a write is never repeated here;
whoever makes it reads again first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from provisioner.aws.notifications import Document
from provisioner.aws.requests import Answer, Notify, Requests, Retries
from provisioner.errors import DeniedError, ElsewhereError, NotFoundError

_READ: Final = "s3.GetBucketNotificationConfiguration"
_WRITE: Final = "s3.PutBucketNotificationConfiguration"


class Buckets:
    """Safe to share between threads. The client is used only here, and botocore does not retry its calls."""

    def __init__(self, client: Any, *, region: str, requests: Requests) -> None:
        self.region = region
        self._client = client
        self._requests = requests
        # Each thread makes one call at a time, and botocore parses and writes within that call.
        self._bodies = threading.local()
        # boto3 would parse the document, and write it again without the elements that it does not know.
        client.meta.events.register(f"before-parse.{_READ}", self._keep_body)
        client.meta.events.register(f"before-call.{_WRITE}", self._set_body)
        client.meta.events.register("before-call.s3", _do_not_redirect)

    def read(self, bucket: str, owner: str) -> Document:
        """The notifications of a bucket, which must be this account's. Retried as the class of an error allows.

        Raises NotFoundError without such a bucket, ElsewhereError when it is in another region, DeniedError when it is
        another account's or the caller may not read it, ServiceError when the answer is no document, or another AwsError.
        """
        where = f"the notifications of bucket {bucket}"

        def get() -> Answer:
            self._bodies.received = b""  # never the answer to another call
            answer = self._client.get_bucket_notification_configuration(Bucket=bucket, ExpectedBucketOwner=owner)
            # Here, so that an answer that is no document is asked for again, as after any fault.
            return {**answer, "Document": Document.parse(self._bodies.received, where)}

        with _hints(self.region, owner, "s3:GetBucketNotification"):
            document: Document = self._requests.call(f"reading {where}", get)["Document"]
        return document

    def write(self, bucket: str, owner: str, body: bytes, *, skip_validation: bool = False) -> None:
        """Replace the notifications of a bucket, which must be this account's, by exactly these bytes. One attempt.

        Besides the errors of `read`: ConflictError (OperationAborted) when somebody else changes the bucket at this
        moment; ArgumentError with what S3 refuses; LostAnswerError or ServiceError when S3 may have acted.
        """
        put = partial(
            self._client.put_bucket_notification_configuration,
            Bucket=bucket,
            ExpectedBucketOwner=owner,
            NotificationConfiguration={},
            **({"SkipDestinationValidation": True} if skip_validation else {}),
        )
        self._bodies.sent = body
        with _hints(self.region, owner, "s3:PutBucketNotification"):
            self._requests.once(f"writing the notifications of bucket {bucket}", put)

    def retries(self, notify: Notify) -> Retries:
        """The retries of one action that repeats read and write; `notify` reports them."""
        return self._requests.retries(notify)

    def _keep_body(self, response_dict: dict[str, Any], **_: Any) -> None:
        self._bodies.received = response_dict["body"]

    def _set_body(self, params: dict[str, Any], **_: Any) -> None:
        params["body"] = self._bodies.sent


@contextmanager
def _hints(here: str, owner: str, action: str) -> Iterator[None]:
    """Add to an error what to do about it; `here` is the region of the request."""
    try:
        yield
    except DeniedError as error:
        error.hint = f"allow {action} on the bucket; if it is not account {owner}'s, set bucket_owner to its account"
        raise
    except NotFoundError as error:
        error.hint = "create the bucket, or fix event_source_arn"
        raise
    except ElsewhereError as error:
        there = error.region or "the bucket's region"
        error.hint = (
            f"S3 invokes functions in the region of the bucket only, and this mapping is in {here}: name a function in "
            f"{there}, or a bucket in {here}"
        )
        raise


def _do_not_redirect(context: dict[str, Any], **_: Any) -> None:
    """Let boto3 not repeat a call in another region: it takes one that was redirected before for the last one."""
    context.setdefault("s3_redirect", {})["redirected"] = True
