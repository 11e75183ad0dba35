"""Answers of the control plane."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; None is an empty body. `error_code` goes into the header x-amzn-ErrorType."""

    status: int
    body: Any = None
    error_code: str = ""

    def data(self) -> bytes:
        """The body as it goes over the wire."""
        return b"" if self.body is None else json.dumps(self.body).encode()


class Refusal(Exception):  # noqa: N818  # an answer, not a fault
    """An error of the API, in AWS's words, with its answer. `key` is the spelling of the message's key, which differs
    by error.
    """

    def __init__(self, status: int, code: str, message: str, *, key: str = "message") -> None:
        super().__init__(message)
        # These two are answered before the service has the request, and have no Type.
        kind = {} if code in ("ValidationException", "SerializationException") else {"Type": "User"}
        self.answer = Answer(status, {key: message, **kind}, code)


def invalid(message: str) -> Refusal:
    """A rule of the service is broken (docs/aws/errors.md#messages). Unlike `violates`, not one of the API's model."""
    return Refusal(400, "InvalidParameterValueException", message)


def violates(message: str) -> Refusal:
    """A constraint of the API's model is broken (docs/aws/errors.md#order); the error itself is not in the model."""
    return Refusal(400, "ValidationException", f"1 validation error detected: {message}")


def not_found() -> Refusal:
    """No mapping has this UUID (docs/aws/errors.md#messages)."""
    return Refusal(404, "ResourceNotFoundException", "The resource you requested does not exist.", key="Message")


def in_use(doing: str) -> Refusal:
    """The mapping is in transition (docs/aws/errors.md#messages)."""
    message = f"Cannot {doing} the event source mapping because it is in use."
    return Refusal(400, "ResourceInUseException", message, key="Message")


def conflict(message: str) -> Refusal:
    """The pair or the consumer group is taken (docs/aws/identity.md#uniqueness)."""
    return Refusal(409, "ResourceConflictException", message)
