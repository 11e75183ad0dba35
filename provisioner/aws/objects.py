"""Objects of one S3 bucket, read and written with conditional requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisioner.aws.errors import require_member, translating_errors
from provisioner.errors import DamagedError, DeniedError, NotFoundError, StateError


class Bucket:
    """A bucket. The client is passed in; botocore's own retries are safe, because every write is conditional. `count`
    is called for each request.
    """

    def __init__(self, client: Any, name: str, count: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._name = name
        self._count = count

    def get(self, key: str) -> tuple[str, str] | None:
        """The text and the ETag of an object, or None. Raises StateError when the bucket does not exist, DamagedError
        when the object is not UTF-8 text, or AwsError.
        """
        where = f"s3://{self._name}/{key}"
        what = f"reading {where}"
        try:
            with translating_errors(what):
                self._count()
                answer = self._client.get_object(Bucket=self._name, Key=key)
                # Within the context: the connection can fail while the body is read.
                data: bytes = answer["Body"].read()
        except DeniedError as error:
            if not error.hint:
                error.hint = (
                    "allow s3:GetObject and s3:ListBucket; without s3:ListBucket, S3 reports a "
                    "missing object as access denied"
                )
            raise
        except NotFoundError as error:
            if error.code == "NoSuchBucket":
                raise StateError(
                    f"bucket {self._name} does not exist", hint="create the bucket, or fix state.s3.bucket"
                ) from error
            return None
        require_member(answer, "ETag", what)
        try:
            return data.decode(), str(answer["ETag"])
        except UnicodeDecodeError as error:
            raise DamagedError(
                f"{where} is damaged: it is not UTF-8 text", hint="restore an earlier version of the object"
            ) from error

    def put(self, key: str, text: str, *, match: str) -> str:
        """Write an object over the version with the ETag `match`; "" is for an object that does not exist. Returns the
        new ETag.

        Raises PreconditionError when the stored version is another, NotFoundError when it is gone, ConflictError when
        another request writes it at the same time, or another AwsError.
        """
        condition = {"IfMatch": match} if match else {"IfNoneMatch": "*"}
        what = f"writing s3://{self._name}/{key}"
        with translating_errors(what):
            self._count()
            answer = self._client.put_object(
                Bucket=self._name, Key=key, Body=text.encode(), ContentType="application/json", **condition
            )
        require_member(answer, "ETag", what)
        return str(answer["ETag"])

    def delete(self, key: str, *, match: str) -> None:
        """Delete an object that has this ETag. Raises PreconditionError when it has another, or another AwsError."""
        with translating_errors(f"deleting s3://{self._name}/{key}"):
            self._count()
            self._client.delete_object(Bucket=self._name, Key=key, IfMatch=match)
