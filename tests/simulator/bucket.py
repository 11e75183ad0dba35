"""The bucket of the state, as S3 keeps it: writes are conditional and seen by every later read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError

from tests.simulator.cloud import Answer, Cloud, Sender, failed, process_here
from tests.simulator.turns import Process

KEY = "test.json"
LOCK = f"{KEY}.lock"
_ATTEMPTS = 3
"""Of botocore's standard mode, which sends a request again after a 5xx or a lost answer."""


class Bucket:
    """Its objects, and the methods of boto3's client that the product calls. `saved` is called with the process and
    each text of the state, `unlocked` with the process that deleted the lock.
    """

    def __init__(
        self, cloud: Cloud, saved: Callable[[Process | None, str], None], unlocked: Callable[[Process | None], None]
    ) -> None:
        self.objects: dict[str, bytes] = {}
        self.owner: Process | None = None  # of the lock
        self._cloud, self._saved, self._unlocked = cloud, saved, unlocked

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        def send(by: Sender) -> Answer:
            data = self.objects.get(Key)
            if Key == KEY and by.process:
                by.process.seen = data
            if data is None:
                return 404, {"x-amzn-ErrorType": "NoSuchKey"}, {}
            return 200, {}, {"Body": io.BytesIO(data), "ETag": etag(data)}

        return self._call("GetObject", send)

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        IfMatch: str = "",
        IfNoneMatch: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        def send(by: Sender) -> Answer:
            refusal = self._refusal(Key, IfMatch, creates=bool(IfNoneMatch)) if IfMatch or IfNoneMatch else None
            if refusal:
                return refusal
            if Key == KEY and by.process and not by.late:
                self._overwrites(by.process)
                by.process.seen = Body
            self.objects[Key] = Body
            if Key == LOCK:
                self.owner = by.process
            if Key == KEY:
                self._saved(by.process, Body.decode())
            return 200, {}, {"ETag": etag(Body)}

        return self._call("PutObject", send)

    def delete_object(self, Bucket: str, Key: str, IfMatch: str) -> dict[str, Any]:
        def send(by: Sender) -> Answer:
            refusal = self._refusal(Key, IfMatch, creates=False)
            if refusal:
                return refusal
            del self.objects[Key]
            if Key == LOCK:
                self._unlocked(by.process)
            return 204, {}, {}

        return self._call("DeleteObject", send)

    def _overwrites(self, process: Process) -> None:
        if self.objects.get(KEY) != process.seen:
            self._cloud.broken(
                "a state that was not read is not overwritten", f"{process.command} on {process.machine}"
            )

    def _refusal(self, key: str, match: str, *, creates: bool) -> Answer | None:
        data = self.objects.get(key)
        if data is None:
            return None if creates else (404, {"x-amzn-ErrorType": "NoSuchKey"}, {})
        wrong = creates or match != etag(data)
        return (412, {"x-amzn-ErrorType": "PreconditionFailed"}, {}) if wrong else None

    def _call(self, operation: str, send: Callable[[Sender], Answer]) -> dict[str, Any]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                status, headers, body = self._cloud.call(operation, send, process_here())
            except BotoCoreError:
                if attempt == _ATTEMPTS:
                    raise
                continue
            if status < 500 or attempt == _ATTEMPTS:
                break
        if status >= 300:
            raise failed(status, headers, body, operation)
        return {**body, "ResponseMetadata": {"HTTPStatusCode": status}}


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'
