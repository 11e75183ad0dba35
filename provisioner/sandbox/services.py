"""Answers about secrets, keys, clusters and brokers: each exists and is healthy, unless the seed says otherwise or moto has it.

The sandbox has no such services, but takes mappings that name them: answers about them must not contradict that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from moto.backends import get_backend

from provisioner.model.references import Arn, partition_of
from provisioner.sandbox.answers import Answer, form_error
from provisioner.sandbox.requests import Request
from provisioner.sandbox.world import Troubles

SERVICES: Final = ("secretsmanager", "kms", "kafka", "mq", "rds")
"""The services of requests that `answer` looks at, as signatures name them."""

_CLUSTER: Final = re.compile(r"/api/v2/clusters/(?P<arn>arn:.+)")
_SCRAM: Final = re.compile(r"/v1/clusters/(?P<arn>arn:.+)/scram-secrets")
_BROKER: Final = re.compile(r"/v1/brokers/(?P<id>[^/]+)")
_RDS: Final = "http://rds.amazonaws.com/doc/2014-10-31/"


def answer(request: Request, troubles: Troubles) -> Answer | None:
    """Our answer to a question about one thing, None where moto has it, and for every other request."""
    handle: Callable[[Request, Troubles], Answer | None] | None = {
        "secretsmanager.DescribeSecret": _secret,
        "TrentService.DescribeKey": _key,
    }.get(request.target)
    if handle is None and request.method == "GET" and request.service in ("kafka", "mq"):
        handle = _cluster if request.service == "kafka" else _broker
    if handle is None and request.service == "rds":
        handle = _database
    return handle(request, troubles) if handle else None


def _secret(request: Request, troubles: Troubles) -> Answer | None:
    ident = str((request.body or {}).get("SecretId") or "")
    moto: Any = get_backend("secretsmanager")[request.account][request.region]
    if moto.secrets.get(ident) is not None or not ident.startswith("arn:"):
        return None
    if ident in troubles.missing:
        return _error(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    name = ident.rpartition(":secret:")[2][:-7]
    return Answer(200, {"ARN": ident, "Name": name, **troubles.members.get(ident, {})})


def _key(request: Request, troubles: Troubles) -> Answer | None:
    ident = str((request.body or {}).get("KeyId") or "")
    arn = Arn.parse(ident)
    moto: Any = get_backend("kms")[request.account][request.region]
    if arn is None or arn.resource.removeprefix("key/") in moto.keys:
        return None
    if ident in troubles.missing:
        return _error(400, "NotFoundException", f"Key '{ident}' does not exist")
    off = "DisabledException" in (lack.what if (lack := troubles.keys.get(ident)) else ())
    state = "Disabled" if off else "Enabled"
    described = {"KeyId": arn.resource.removeprefix("key/"), "Arn": ident, "Enabled": not off, "KeyState": state}
    return Answer(
        200, {"KeyMetadata": {**described, "KeySpec": "SYMMETRIC_DEFAULT", **troubles.members.get(ident, {})}}
    )


def _cluster(request: Request, troubles: Troubles) -> Answer | None:
    path = unquote(request.path)
    match = _CLUSTER.fullmatch(path) or _SCRAM.fullmatch(path)
    moto: Any = get_backend("kafka")[request.account][request.region]
    if match is None or match["arn"] in moto.clusters:
        return None
    arn = match["arn"]
    if arn in troubles.missing:
        return _error(404, "NotFoundException", "The requested cluster does not exist.")
    if path.endswith("/scram-secrets"):
        return Answer(200, {"secretArnList": troubles.scram.get(arn, [])})
    healthy = {"clusterArn": arn, "clusterName": arn.split("/")[1], "state": "ACTIVE"}
    return Answer(200, {"clusterInfo": {**healthy, **troubles.members.get(arn, {})}})


def _broker(request: Request, troubles: Troubles) -> Answer | None:
    match = _BROKER.fullmatch(request.path)
    moto: Any = get_backend("mq")[request.account][request.region]
    if match is None or match["id"] in moto.brokers:
        return None
    ident = match["id"]
    # Only its id is asked for; the seed knows brokers by their ARNs, which end in it.
    if any(arn.endswith(f":{ident}") for arn in troubles.missing):
        return _error(404, "NotFoundException", f"Can't find requested broker [{ident}]. Make sure your broker exists.")
    arn = next((arn for arn in {**troubles.members, **troubles.engines} if arn.endswith(f":{ident}")), "")
    engine = {"engineType": troubles.engines[arn].upper()} if arn in troubles.engines else {}
    return Answer(200, {"brokerId": ident, "brokerState": "RUNNING", **engine, **troubles.members.get(arn, {})})


def _database(request: Request, troubles: Troubles) -> Answer | None:
    form = request.form
    name, group = form.get("DBClusterIdentifier", ""), form.get("DBClusterParameterGroupName", "")
    arn = f"arn:{partition_of(request.region)}:rds:{request.region}:{request.account}:cluster:{name}"
    moto: Any = get_backend("rds")[request.account][request.region]
    if form.get("Action") == "DescribeDBClusters" and name and name not in moto.clusters:
        if arn in troubles.missing:
            return form_error(404, "DBClusterNotFoundFault", f"DBCluster {name} not found.", _RDS)
        healthy = {"DBClusterIdentifier": name, "DBClusterArn": arn, "Engine": "docdb", "Status": "available"}
        shown = {**healthy, **troubles.members.get(arn, {})}
        return Answer(200, _xml("DescribeDBClusters", "DBClusters", "DBCluster", shown))
    if form.get("Action") == "DescribeDBClusterParameters" and group == _PLAIN:
        tls = {"ParameterName": "tls", "ParameterValue": "disabled"}
        return Answer(200, _xml("DescribeDBClusterParameters", "Parameters", "Parameter", tls))
    return None


_PLAIN: Final = "without-tls"


def without_tls() -> dict[str, str]:
    """The members of a cluster of DocumentDB that is reached without TLS."""
    return {"DBClusterParameterGroup": _PLAIN}


def _xml(operation: str, many: str, one: str, members: Mapping[str, str]) -> bytes:
    root = ET.Element(f"{operation}Response", {"xmlns": _RDS})
    item = ET.SubElement(ET.SubElement(ET.SubElement(root, f"{operation}Result"), many), one)
    for name, value in members.items():
        ET.SubElement(item, name).text = value
    return bytes(ET.tostring(root, "utf-8"))


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"__type": code, "message": message, "Message": message}, code)
