"""Answers of the control plane."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body: JSON, or XML as bytes; None is an empty one. `error_code` goes into the header
    x-amzn-ErrorType.
    """

    status: int
    body: Any = None
    error_code: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def data(self) -> bytes:
        """The body as it goes over the wire."""
        if isinstance(self.body, bytes):
            return self.body
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


def form_error(status: int, code: str, message: str, namespace: str = "") -> Answer:
    """An error of a service that is asked by a form."""
    root = ET.Element("ErrorResponse", {"xmlns": namespace} if namespace else {})
    error = ET.SubElement(root, "Error")
    for tag, text in (("Type", "Sender"), ("Code", code), ("Message", message)):
        ET.SubElement(error, tag).text = text
    return Answer(status, bytes(ET.tostring(root, "utf-8")))


class StorageRefusal(Refusal):
    """An error of S3, in AWS's words. `details` are the elements beside code and message, such as ArgumentName."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, str] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(status, code, message)
        error = ET.Element("Error")
        for name, text in {"Code": code, "Message": message, **(details or {})}.items():
            ET.SubElement(error, name).text = text
        self.answer = Answer(status, xml(error), headers=headers)


def xml(root: ET.Element) -> bytes:
    """A tree as S3 writes it."""
    # Python leaves a carriage return as it is, and every parser reads that as a line break.
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + bytes(ET.tostring(root, "utf-8")).replace(b"\r", b"&#13;")


def invalid_argument(message: str, details: Mapping[str, str] | None = None) -> StorageRefusal:
    """A rule of S3 on a document is broken (docs/aws/push.md#refusals-of-documents)."""
    return StorageRefusal(400, "InvalidArgument", message, details)


def malformed() -> StorageRefusal:
    """What was sent is no notification configuration (docs/aws/push.md#refusals-of-documents)."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return StorageRefusal(400, "MalformedXML", message)
