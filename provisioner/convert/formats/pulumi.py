"""Pulumi: what `pulumi stack export` prints. The classic provider for AWS is Terraform's with other spellings, so that a resource
is read as one of Terraform's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.formats.terraform import convert as terraform
from provisioner.convert.formats.terraform.resources import MAPPING_TYPES, NOTIFICATION, PERMISSION, Resource
from provisioner.errors import UsageError
from provisioner.manifest.node import Node

_TYPES: Final = {
    "aws:lambda/eventSourceMapping:EventSourceMapping": MAPPING_TYPES[0],
    "aws-native:lambda:EventSourceMapping": MAPPING_TYPES[1],
    "aws:s3/bucketNotification:BucketNotification": NOTIFICATION,
    "aws:lambda/permission:Permission": PERMISSION,
    "aws:sns/topicSubscription:TopicSubscription": "aws_sns_topic_subscription",
    "aws:cloudwatch/eventTarget:EventTarget": "aws_cloudwatch_event_target",
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": "aws_cloudwatch_log_subscription_filter",
}
"""Terraform's types by Pulumi's."""
_RENAMED: Final = {"lambda_functions": "lambda_function", "function": "function_name"}
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key of a map that stands for a value of another kind, such as one that is encrypted."""
_FREE: Final = ("tags", "tags_all", "endpoints")
"""Maps whose keys are values."""
_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents. Raises UsageError for an export of another version."""
    terraform.add([item for document in documents for item in _resources(document, conversion)], conversion)


def _resources(document: Node, conversion: Conversion) -> Iterator[Resource]:
    members = members_of(document)
    if "version" in members and members["version"].value != 3:
        message = f"{document.file} is an export of version {members['version'].value}; only version 3 can be read"
        raise UsageError(message, hint="export the stack again with a newer Pulumi")
    for node in listed(members_of(members.get("deployment")).get("resources")):
        urn, kind = text_at(node, "urn"), _TYPES.get(text_at(node, "type"), "")
        outputs = members_of(node).get("outputs")
        if not kind or outputs is None:
            continue
        if "delete" in members_of(node) and members_of(node)["delete"].value is True:
            if kind in MAPPING_TYPES:
                conversion.leave_out(node.place(), urn, "Pulumi is about to delete it")
            continue
        values = _spelled(_shown(outputs, urn, conversion))
        if isinstance(values.value, dict):
            yield Resource(kind, "", urn.rpartition("::")[2], "", values, node.place(), address_of=urn)


def _shown(node: Node, urn: str, conversion: Conversion) -> Node:
    """Values with a variable for each that is a secret."""
    members = dict(members_of(node))
    for name, item in members_of(node).items():
        if _has_secret(item):
            called = f"{urn.rpartition('::')[2]}.{name}"
            marker = conversion.unknowns.marker(f"{urn}.{name}", called, f"{name} of {urn}, which is a secret")
            members[name] = item.holding(marker)
    return node.holding(members)


def _has_secret(node: Node) -> bool:
    if isinstance(node.value, dict):
        return _SIGNATURE in node.value or any(map(_has_secret, node.value.values()))
    return any(map(_has_secret, listed(node)))


def _spelled(node: Node) -> Node:
    """Names as Terraform spells them: eventSourceArn is event_source_arn."""
    if isinstance(node.value, dict):
        members = {}
        for name, item in node.value.items():
            plain = _CAPITAL.sub("_", name).lower()
            members[_RENAMED.get(plain, plain)] = item if plain in _FREE else _spelled(item)
        return node.holding(members)
    return node.holding([_spelled(item) for item in node.value]) if isinstance(node.value, list) else node
