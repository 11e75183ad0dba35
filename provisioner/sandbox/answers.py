"""Answers of the control plane."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; None is an empty body."""

    status: int
    body: Any = None
    error_code: str = ""

    def data(self) -> bytes:
        """The body as it goes over the wire."""
        return b"" if self.body is None else json.dumps(self.body).encode()


class Refusal(Exception):  # noqa: N818  # an answer, not a fault
    """An error of the API, in AWS's words."""

    def __init__(self, status: int, code: str, message: str, *, key: str = "message") -> None:
        super().__init__(message)
        kind = {} if code in ("ValidationException", "SerializationException") else {"Type": "User"}
        self.answer = Answer(status, {key: message, **kind}, code)


def invalid(message: str) -> Refusal:
    """A rule of the service is broken."""
    return Refusal(400, "InvalidParameterValueException", message)


def violates(message: str) -> Refusal:
    """A constraint of the API's model is broken; this error is not in the model itself."""
    return Refusal(400, "ValidationException", f"1 validation error detected: {message}")


def not_found() -> Refusal:
    """No mapping has this UUID (docs/aws/errors.md#messages)."""
    return Refusal(404, "ResourceNotFoundException", "The resource you requested does not exist.", key="Message")


def in_use(doing: str) -> Refusal:
    """The mapping is in transition (docs/aws/updates.md#updates)."""
    message = f"Cannot {doing} the event source mapping because it is in use."
    return Refusal(400, "ResourceInUseException", message, key="Message")


def conflict(message: str) -> Refusal:
    """The pair is taken."""
    return Refusal(409, "ResourceConflictException", message)
