"""JSON of the AWS CLI: requests of CreateEventSourceMapping and UpdateEventSourceMapping, skeletons of them, and the answers of
Get, List and GetBucketNotificationConfiguration.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from provisioner.convert.conversion import Conversion, Origin
from provisioner.convert.documents import members_of, text_at
from provisioner.convert.fields import spelled
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.model.place import Place
from provisioner.model.references import UUID, Arn, FunctionReference, partition_of
from provisioner.model.sources import SourceKind

_ANSWERED: Final = (
    *("UUID", "EventSourceMappingArn", "LastModified", "LastProcessingResult", "State", "StateTransitionReason"),
    *("FilterCriteriaError", "ResponseMetadata", "FunctionArn"),
)
"""Members of answers that are no settings."""
_ENABLED: Final = {"Enabled": True, "Enabling": True, "Disabled": False, "Disabling": False}
_PLACEHOLDER: Final = "KeyName"
"""The key of a map in a skeleton."""
_EPOCH: Final = "1970-01-01T00:00:00"


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents. Raises UsageError for a list whose last pages are missing."""
    marker: tuple[str, Place] | None = None
    for document in documents:
        for item in document.value if isinstance(document.value, list) else [document]:
            members = members_of(item)
            if "EventSourceMappings" in members:
                for mapping in members["EventSourceMappings"].value or ():
                    _mapping(mapping, conversion)
                token = text_at(item, "NextMarker") or text_at(item, "NextToken")
                marker = (token, item.place()) if token else None
            elif "NotificationConfiguration" in members:
                _bucket(members["NotificationConfiguration"], text_at(item, "Bucket"), conversion)
            elif "LambdaFunctionConfigurations" in members:
                _bucket(item, text_at(item, "Bucket"), conversion)
            elif {"FunctionName", "FunctionArn", "EventSourceArn", "UUID", "SelfManagedEventSource"} & members.keys():
                _mapping(item, conversion)
            else:
                conversion.leave_out(
                    item.place(), "an object", "it is no request or answer about event source mappings"
                )
    if marker:
        raise UsageError(
            f"{marker[1]}: the list is not complete: there are more pages behind its NextMarker",
            hint="pass the other pages too, or list again without --max-items and --no-paginate",
        )


def _mapping(node: Node, conversion: Conversion) -> None:
    members = members_of(node)
    uuid, state = text_at(node, "UUID"), text_at(node, "State")
    what = f"event source mapping {uuid}" if uuid else "a request for an event source mapping"
    function = text_at(node, "FunctionArn")
    is_answer = bool(function or state or "EventSourceMappingArn" in members)
    settings = node if is_answer else node.holding(dict(_filled(node)))
    reader = conversion.reader(ignored=(*_ANSWERED, *(("FunctionName",) if function else ())))
    fields = reader.mapping(settings)
    if function:
        fields["function_name"] = function  # an answer has the function with its qualifier here
    if state in _ENABLED:
        fields["enabled"] = _ENABLED[state]
    arn = Arn.parse(text_at(node, "EventSourceMappingArn")) or Arn.parse(function)
    origin = Origin(
        node.place(),
        what,
        id=uuid if UUID.fullmatch(uuid) else "",
        region=arn.region if arn else "",
        state=state,
    )
    conversion.add(fields, origin, reader.problems)


def _filled(node: Node) -> Iterator[tuple[str, Node]]:
    """The members of a request that somebody has filled in: a skeleton has a placeholder for each of the others."""
    members = members_of(node)
    source = Arn.parse(text_at(node, "EventSourceArn"))
    is_stream = source is None or source.service in ("kinesis", "dynamodb", "kafka", "rds")
    is_skeleton = any(_is_placeholder(item.plain()) for item in members.values())
    for name, item in members.items():
        value = item.plain()
        if not is_skeleton:
            yield name, item
        elif not _is_placeholder(value) and not (name.startswith("StartingPosition") and not is_stream):
            yield name, item.holding(_without_placeholders(item).value)


def _is_placeholder(value: Any) -> bool:
    """Whether nothing but placeholders is in a value of a skeleton."""
    if isinstance(value, dict):
        return bool(value) and all(key == _PLACEHOLDER or _is_placeholder(item) for key, item in value.items())
    if isinstance(value, list):
        return bool(value) and all(map(_is_placeholder, value))
    return value in ("", 0, _EPOCH) and not isinstance(value, bool)


def _without_placeholders(node: Node) -> Node:
    if isinstance(node.value, dict):
        kept = {name: _without_placeholders(item) for name, item in node.value.items() if name != _PLACEHOLDER}
        return node.holding({name: item for name, item in kept.items() if not _is_placeholder(item.plain())})
    if isinstance(node.value, list):
        return node.holding([_without_placeholders(item) for item in node.value if not _is_placeholder(item.plain())])
    return node


def _bucket(node: Node, bucket: str, conversion: Conversion) -> None:
    entries = members_of(node).get("LambdaFunctionConfigurations")
    for entry in entries.value if entries and isinstance(entries.value, list) else ():
        ident, function = text_at(entry, "Id"), text_at(entry, "LambdaFunctionArn")
        reference = FunctionReference.parse(function)
        region = reference.region if reference else ""
        name = bucket or conversion.unknowns.marker(
            "bucket", "bucket", "the name of the bucket, which the answer does not have"
        )
        source = str(Arn(partition_of(region), "s3", "", "", name))
        reader = conversion.reader(SourceKind.S3, ignored=("Filter",))
        fields = {**reader.mapping(entry), **rules_of(entry, conversion), "event_source_arn": source}
        origin = Origin(
            entry.place(),
            f"entry {ident or 'without an Id'}",
            id=f"{bucket}/{ident}" if bucket and ident else "",
            region=region,
        )
        conversion.add(fields, origin, reader.problems, SourceKind.S3)


def rules_of(entry: Node, conversion: Conversion) -> dict[str, str]:
    """The prefix and the suffix of an entry's filter, in the shapes of the API and of other tools."""
    key = spelled(spelled(entry).get("filter"))
    key = spelled(key.get("key") or key.get("s3key"))
    rules = key.get("filterrules") or key.get("rules")
    fields = {}
    for rule in rules.value if rules and isinstance(rules.value, list) else ():
        members = {name: item.value for name, item in spelled(rule).items()}
        name, value = str(members.get("name")).lower(), members.get("value")
        if name not in ("prefix", "suffix"):
            conversion.leave_out(rule.place(), "a rule of a filter", f"{name!r} is neither prefix nor suffix")
        elif isinstance(value, str):
            fields[f"filter_{name}"] = value
        elif value is not None:
            conversion.leave_out(rule.place(), f"the {name} of a filter", f"{json.dumps(rule.plain())} has no text")
    return fields
