"""What the caller may not do: the IAM action of a request, and the refusal of one that the seed's `caller` lacks."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Final
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import botocore.session

from provisioner.sandbox.answers import Answer, StorageRefusal, form_error
from provisioner.sandbox.requests import Request

_FORM: Final = frozenset({"iam", "rds", "ec2", "sns", "cloudformation"})
"""Services that are asked by a form, with the operation as `Action`."""
_PATHS: Final = frozenset({"lambda", "kafka", "mq"})
"""Services whose operation is in method and path."""
_OBJECTS: Final = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


def action_of(request: Request) -> str:
    """The IAM action of a request, such as `sqs:GetQueueAttributes`; "" for what no policy can deny, or is not known."""
    if request.target:
        prefix = {"tagging": "tag"}.get(request.service, request.service)
        return f"{prefix}:{request.target.rpartition('.')[2]}"
    if request.service in _FORM:
        return f"{request.service}:{request.form.get('Action', '')}"
    if request.service in _PATHS:
        path = unquote(request.path).rstrip("/")
        found = (
            name for verb, uri, name in _operations(request.service) if verb == request.method and uri.fullmatch(path)
        )
        return f"{request.service}:{next(found, '')}"
    if request.service == "s3":
        if request.bucket:
            return f"s3:{request.method.capitalize()}BucketNotification"
        names_object = "/" in request.path.strip("/")
        return f"s3:{_OBJECTS.get(request.method, '')}" if names_object else "s3:ListBucket"
    return ""


def refused(request: Request, lacks: Collection[str]) -> Answer | None:
    """The refusal of a request whose action the caller lacks, else None."""
    action = action_of(request) if lacks else ""
    if action not in lacks:
        return None
    user = f"arn:aws:iam::{request.account}:user/sandbox"
    message = f"User: {user} is not authorized to perform: {action} with an explicit deny in an identity-based policy"
    if request.service == "ec2":
        root = ET.Element("Response")
        error = ET.SubElement(ET.SubElement(root, "Errors"), "Error")
        ET.SubElement(error, "Code").text, ET.SubElement(error, "Message").text = "UnauthorizedOperation", message
        return Answer(403, bytes(ET.tostring(root, "utf-8")))
    if request.service in _FORM:
        return form_error(403, "AccessDenied", message)
    if request.service == "s3":
        return StorageRefusal(403, "AccessDenied", message).answer
    code = "AccessDeniedException"
    return Answer(400 if request.target else 403, {"__type": code, "Message": message, "message": message}, code)


@cache
def _operations(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """The operations of a service by method and path, the most literal path first. A part of a path may be an ARN, with
    slashes in it.
    """
    model = botocore.session.get_session().get_service_model(service)
    uris = [(model.operation_model(name).http, name) for name in model.operation_names]
    uris.sort(key=lambda item: (item[0]["requestUri"].count("{"), -len(item[0]["requestUri"])))
    paths = [(http["method"], http["requestUri"].partition("?")[0].rstrip("/"), name) for http, name in uris]
    return [(verb, re.compile(re.sub(r"\{[^}]+\}", ".+", path)), name) for verb, path, name in paths]
