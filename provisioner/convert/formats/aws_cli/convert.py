"""JSON of the AWS CLI: requests of CreateEventSourceMapping and UpdateEventSourceMapping, skeletons of them, and the answers of
Get, List and GetBucketNotificationConfiguration.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from provisioner.convert.conversion import Conversion, Origin
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.fields import spelled
from provisioner.convert.formats.aws_cli.skeletons import filled, is_skeleton
from provisioner.convert.found import IGNORED, Doubt
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.model.place import Place
from provisioner.model.references import ACCOUNT, UUID, Arn, FunctionReference, partition_of
from provisioner.model.sources import SourceKind

_ANSWERED: Final = (
    *("UUID", "EventSourceMappingArn", "LastModified", "LastProcessingResult", "State", "StateTransitionReason"),
    *("FilterCriteriaError", "ResponseMetadata", "FunctionArn"),
)
"""Members of answers that are no settings."""
_ABOUT_MAPPINGS: Final = frozenset(("FunctionName", "FunctionArn", "EventSourceArn", "UUID", "SelfManagedEventSource"))
_ENABLED: Final = {"Enabled": True, "Enabling": True, "Disabled": False, "Disabling": False}
_NO_TAGS: Final = (
    "answers of the AWS CLI have no tags: the import of a mapping with tags is refused until the manifest has them; "
    "`provisioner discover --write DIR` reads them"
)
_CHANGING: Final = ("Creating", "Updating")
_DELETING: Final = "Deleting"


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents. Raises UsageError for a list whose last pages are missing."""
    marker: tuple[str, Place] | None = None
    for document in documents:
        for item in document.value if isinstance(document.value, list) else [document]:
            members = members_of(item)
            if "EventSourceMappings" in members:
                for mapping in listed(members["EventSourceMappings"]):
                    _mapping(mapping, conversion, is_listed=True)
                token = text_at(item, "NextMarker") or text_at(item, "NextToken")
                marker = (token, item.place()) if token else None
            elif "NotificationConfiguration" in members:
                _bucket(members["NotificationConfiguration"], item, conversion)
            elif "LambdaFunctionConfigurations" in members:
                _bucket(item, item, conversion)
            elif _ABOUT_MAPPINGS & members.keys():
                _mapping(item, conversion)
            else:
                why = "it is no request or answer about mappings"
                conversion.leave_out(item.place(), "a value", why)
    if marker:
        raise UsageError(
            f"{marker[1]}: the list is not complete: there are more pages behind its NextMarker",
            hint="pass the other pages too, in their order, or list again without --max-items and --no-paginate",
        )


def _mapping(node: Node, conversion: Conversion, *, is_listed: bool = False) -> None:
    members = members_of(node)
    uuid, state = text_at(node, "UUID"), text_at(node, "State")
    what = f"event source mapping {uuid}" if uuid else "a request for an event source mapping"
    function = text_at(node, "FunctionArn")
    is_answer = bool(function or state or "EventSourceMappingArn" in members)
    if state == _DELETING:
        conversion.leave_out(node.place(), what, "it is being deleted")
        return
    doubtful: list[tuple[Node, str]] = []
    if not is_answer and is_skeleton(node):
        node, doubtful = filled(node)
    for item, name in doubtful:
        why = "it may be a placeholder of the skeleton: remove it, or all placeholders"
        conversion.leave_out(item.place(key=True), f"{name} of {what}", why)
    reader = conversion.reader(ignored=(*_ANSWERED, *(("FunctionName",) if function else ())))
    fields = reader.mapping(node)
    if function:
        fields["function_name"] = function  # an answer has the function with its qualifier here
    if state in _ENABLED:
        fields["enabled"] = _ENABLED[state]
    if is_answer and "Tags" not in members:
        conversion.note(_NO_TAGS)
    arn = Arn.parse(text_at(node, "EventSourceMappingArn")) or Arn.parse(function)
    origin = Origin(
        node.place(),
        what,
        id=uuid if UUID.fullmatch(uuid) else "",
        region=arn.region if arn else "",
        state=state,
        notes=tuple(_notes(node, is_listed=is_listed)),
    )
    conversion.add(fields, origin, reader.problems)


def _notes(node: Node, *, is_listed: bool) -> Iterator[Doubt]:
    """What an answer does not say of a mapping."""
    members, uuid, state = members_of(node), text_at(node, "UUID"), text_at(node, "State")
    if uuid and not UUID.fullmatch(uuid):
        yield Doubt("", f"{uuid} is not a UUID: nothing can be imported by it")
    if state in _CHANGING:
        yield Doubt("enabled", f"its state is {state}", IGNORED)
    if "FilterCriteriaError" in members:
        yield Doubt("filter_criteria", "AWS could not read its filters (FilterCriteriaError)", IGNORED)
    elif is_listed and "KMSKeyArn" in members and "FilterCriteria" not in members:
        why = "List does not show the filters of a mapping with a KMS key; Get does"
        yield Doubt("filter_criteria", why, IGNORED)


def _bucket(node: Node, outer: Node, conversion: Conversion) -> None:
    """The entries of a configuration. `outer` has the name of the bucket in a request; an answer has none."""
    owner = text_at(outer, "ExpectedBucketOwner")
    bucket = text_at(outer, "Bucket") or conversion.unknowns.marker(
        f"bucket of {outer.place()}", "bucket", f"the name of the bucket, which {outer.place()} does not have"
    )
    for entry in listed(members_of(node).get("LambdaFunctionConfigurations")):
        ident, function = text_at(entry, "Id"), text_at(entry, "LambdaFunctionArn")
        reference = FunctionReference.parse(function)
        region = reference.region if reference else ""
        source = str(Arn(partition_of(region), "s3", "", "", bucket))
        reader = conversion.reader(SourceKind.S3, ignored=("Filter",))
        fields = {**reader.mapping(entry), **rules_of(entry, conversion), "event_source_arn": source}
        if ACCOUNT.fullmatch(owner):
            fields["bucket_owner"] = owner
        origin = Origin(
            entry.place(),
            f"entry {ident or 'without an Id'}",
            id=f"{bucket}/{ident}" if ident else "",
            region=region,
            changes=True,  # the policy of the function is not known
        )
        conversion.add(fields, origin, reader.problems, SourceKind.S3)


def rules_of(entry: Node, conversion: Conversion) -> dict[str, str]:
    """The prefix and the suffix of an entry's filter, in the shapes of the API and of other tools."""
    key = spelled(spelled(entry).get("filter"))
    key = spelled(key.get("key") or key.get("s3key"))
    rules = key.get("filterrules") or key.get("rules")
    fields = {}
    for rule in listed(rules):
        members = {name: item.value for name, item in spelled(rule).items()}
        name, value = str(members.get("name")).lower(), members.get("value")
        if name not in ("prefix", "suffix"):
            conversion.leave_out(rule.place(), "a rule of a filter", f"{name!r} is neither prefix nor suffix")
        elif isinstance(value, str):
            fields[f"filter_{name}"] = value
        elif value is not None:
            conversion.leave_out(rule.place(), f"the {name} of a filter", f"{json.dumps(rule.plain())} has no text")
    return fields
