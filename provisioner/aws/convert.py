"""Converts mappings between the API's shapes and canonical form, by the field table. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, get_origin

from provisioner.aws.gateway import Config
from provisioner.errors import ServiceError
from provisioner.foreign_text import one_line
from provisioner.kinds.canonical import canonical
from provisioner.kinds.event_source_mapping import CONSUMPTION_MODE, FIELDS
from provisioner.kinds.fields import Field
from provisioner.kinds.forms import timestamp
from provisioner.kinds.rows import NOTHING
from provisioner.kinds.tables import REQUIRED
from provisioner.kinds.uniqueness import CONSUMER_GROUPS
from provisioner.model.canonical import Canonical, absent, is_own_tag, value_at, with_value
from provisioner.model.key import LAMBDA, Key
from provisioner.model.live import CLOUDFORMATION_TAG, LINEAGE_TAG, OWNERSHIP_TAGS, Live, Owner, Status
from provisioner.model.place import FieldPath
from provisioner.model.provider import Provider
from provisioner.model.references import UUID, Arn, FunctionReference, Pair, channel_of
from provisioner.model.sources import KAFKAS, SourceKind, kind_of

# A transition counts as its end. Creating, Updating and Deleting do not show whether the mapping is enabled.
_ENABLED = {"Enabled": True, "Enabling": True, "Disabled": False, "Disabling": False}

# --- the API's shape to ours -----------------------------------------------------------------------------------------


def live_mapping(config: Config, region: str, tags: Mapping[str, str], provider: Provider) -> Live:
    """The canonical form of a mapping that the API answered. `tags` are passed separately, because no answer except
    that of ListTags has them (docs/aws/kinds.md#answers).

    Raises ServiceError when a value has a type that the API does not have.
    """
    if member := malformed(config):
        raise ServiceError(
            f"reading mapping {config.get('UUID')}: unexpected response: {member} is {_member(config, member)!r}",
            hint="run the command again; if it still fails, check that the endpoint implements the Lambda API "
            "(AWS_ENDPOINT_URL, `provider.endpoint_url`)",
        )
    state = str(config.get("State", ""))
    mapping = _ours(FIELDS, config)
    # An answer names the function by its ARN alone; `canonical` below shortens it to the compared form.
    mapping["function_name"] = config.get("FunctionArn", "")
    mapping["enabled"] = _ENABLED.get(state)
    mapping["tags"] = user_tags(tags, provider)
    groups = {path: value_at(mapping, path) for path in CONSUMER_GROUPS}
    for path, group in groups.items():
        # AWS's default, the mapping's own UUID (docs/aws/kinds.md#defaults): nobody has set it.
        if group == config["UUID"]:
            mapping = with_value(mapping, path, None)
    if mapping.get("self_managed_event_source") and value_at(mapping, CONSUMPTION_MODE) is None:
        mapping = with_value(mapping, CONSUMPTION_MODE, "Stream")  # AWS's default, whether it is shown or not
    kind = kind_of(mapping) or SourceKind.UNKNOWN
    unknown: set[FieldPath] = set() if state in _ENABLED else {("enabled",)}
    # What AWS requires or chooses on creation every mapping has: an answer without it does not show it. A value that
    # counted as absent would replace the mapping. Answers of 2021 and 2022 leave the starting position out.
    unknown |= {(name,) for name in REQUIRED[kind] if name not in mapping}
    if FIELDS["starting_position"].row.has(kind) and "starting_position" not in mapping:
        unknown |= {("starting_position",), ("starting_position_timestamp",)}
    unknown |= {path for path, group in groups.items() if group is None and FIELDS[path[0]].row.has(kind)}
    error = config.get("FilterCriteriaError") or {}
    if error:
        # The filters exist, but AWS cannot decrypt them for the caller (docs/aws/kinds.md#answers).
        unknown.add(("filter_criteria",))
    modified = config.get("LastModified")
    return Live(
        key=Key(LAMBDA, region, config["UUID"]),
        arn=arn_of(config, region),
        kind=kind,
        mapping=canonical(mapping, kind),
        status=Status(
            state,
            one_line(str(config.get("StateTransitionReason") or "")),
            one_line(str(config.get("LastProcessingResult") or "")),
            # Shown and never compared, so that another type is no error.
            timestamp(modified) if isinstance(modified, datetime | int | float) else "",
            one_line(str(error.get("Message") or error.get("ErrorCode") or "")),
        ),
        unknown=frozenset(unknown),
        # Anybody can set tags, and messages name the owner.
        owner=Owner(*(one_line(str(tags.get(tag, ""))) for tag in OWNERSHIP_TAGS)) if LINEAGE_TAG in tags else None,
        cloudformation=one_line(str(tags.get(CLOUDFORMATION_TAG, ""))),
    )


def malformed(config: Config) -> str:
    """The first member whose value has another type or form than the API's, as in `ScalingConfig.MaximumConcurrency`,
    or "". A UUID or an ARN that is none would be recorded, and no command could read that record again.
    """
    for name in ("UUID", "FunctionArn", "State", "EventSourceMappingArn"):
        if not isinstance(config.get(name, ""), str):
            return name
    if not UUID.fullmatch(config.get("UUID", "")):
        return "UUID"
    if (arn := config.get("EventSourceMappingArn")) and Arn.parse(arn) is None:
        return "EventSourceMappingArn"
    wrong = next(_malformed(FIELDS, config, ""), "")
    # Without its source a mapping has no kind: all its defaults would be differences, and its source a replacement.
    brokers = None if wrong else config.get("SelfManagedEventSource")
    return wrong or ("" if config.get("EventSourceArn") or (brokers and brokers.get("Endpoints")) else "EventSourceArn")


def _malformed(fields: Mapping[str, Field], block: Mapping[str, Any], start: str) -> Iterator[str]:
    for field in fields.values():
        value, path = block.get(field.row.api), f"{start}{field.row.api}"
        # Unset members are null (docs/aws/kinds.md#answers). The type of a learned field is not known.
        if value is None or field.learned or field.name in _NOT_SHOWN:
            continue
        if field.children:
            items = value if field.many else [value]
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                yield path
                continue
            for item in items:
                yield from _malformed(field.children, item, f"{path}.")
        elif not _has_type(field.annotation, value):
            yield path


_NOT_SHOWN: Final = frozenset({"function_name", "enabled", "tags", "starting_position_timestamp"})
"""Fields that no answer holds under their own name, or whose values have several types."""


def _has_type(annotation: Any, value: Any) -> bool:
    if annotation is int or annotation is bool:
        return type(value) is annotation  # not isinstance: True is an int
    if get_origin(annotation) is list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if get_origin(annotation) is dict:
        return isinstance(value, dict) and all(_has_type(list[str], item) for item in value.values())
    return isinstance(value, str)


def _member(config: Any, path: str) -> Any:
    for name in path.split("."):
        config = config[0] if isinstance(config, list) and config else config
        config = config.get(name) if isinstance(config, dict) else config
    return config


def pair_of_config(config: Config, region: str) -> Pair:
    """The pair of a mapping that the API answered; `kinds.uniqueness.pair` is the same for a canonical mapping."""
    reference = FunctionReference.parse(config.get("FunctionArn"))
    # Sorted brokers, and a virtual host only with a queue: the result must equal that of `kinds.uniqueness.pair`.
    endpoints = (config.get("SelfManagedEventSource") or {}).get("Endpoints") or {}
    brokers = ",".join(sorted(endpoints.get("KAFKA_BOOTSTRAP_SERVERS") or ()))
    access = config.get("SourceAccessConfigurations") or () if config.get("Queues") else ()
    host = next((item.get("URI") or "" for item in access if item.get("Type") == "VIRTUAL_HOST"), "")
    channel = channel_of(config.get("Topics") or config.get("Queues") or (), host)
    return Pair(region, config.get("EventSourceArn") or brokers, reference.canonical if reference else "", channel)


def arn_of(config: Config, region: str) -> str:
    """The mapping's ARN; answers of 2024 leave it out (docs/aws/kinds.md#defaults), then it is built from the
    function's ARN.
    """
    if config.get("EventSourceMappingArn"):
        return str(config["EventSourceMappingArn"])
    parts = str(config.get("FunctionArn", "")).split(":")
    partition, account = (parts[1], parts[4]) if len(parts) > 4 else ("aws", "")
    return f"arn:{partition}:lambda:{region}:{account}:event-source-mapping:{config['UUID']}"


def _ours(fields: Mapping[str, Field], block: Mapping[str, Any]) -> Canonical:
    ours: Canonical = {}
    for name, field in fields.items():
        value = block.get(field.row.api)
        if value is None:
            continue
        if field.many:
            value = [_ours(field.children, item) for item in value]
        elif field.children:
            value = _ours(field.children, value)
        ours[name] = value
    return ours


def user_tags(tags: Mapping[str, str], provider: Provider) -> dict[str, str]:
    """The tags that a user sets: without AWS's own, the ownership tags and `ignore_tags`."""
    return {
        key: value
        for key, value in tags.items()
        if not (is_own_tag(key) or key in provider.ignore_tag_keys or key.startswith(provider.ignore_tag_prefixes))
    }


# --- ours to the API's -----------------------------------------------------------------------------------------------


def create_request(desired: Canonical, owner: Owner | None) -> Config:
    """The request that creates a mapping, with its tags and, when `owner` is given, the ownership tags."""
    request: Config = _api(FIELDS, desired)
    # In the create itself: after a lost answer these tags show that this state created the mapping.
    tags = {**desired.get("tags", {}), **(owner.tags() if owner else {})}
    return {**request, "Tags": tags} if tags else request


def update_requests(
    live: Canonical,
    desired: Canonical,
    kind: SourceKind,
    changed: Collection[str],
    unknown: Collection[FieldPath] = frozenset(),
) -> list[Config]:
    """The requests, one after the other, that turn `live` into `desired`, for the top-level fields that changed; none
    when only tags did.

    What may not be in an update is left out (docs/aws/updates.md#updates): the consumer group, ConsumptionMode, a
    virtual host, DocumentDB's database and collection. FunctionName is sent only when it changes, because AWS then
    checks the role and the queue again. Tags are not members of an update and have their own calls.
    """
    request: Config = {}
    for name, field in FIELDS.items():
        if name in changed and name != "tags":
            value = _update_value(field, live.get(name), desired.get(name), kind)
            if value is not NOTHING:
                request[field.row.api] = value
    # A change of the key sends the filters too. Filters that AWS cannot decrypt and that the manifest does not set
    # would be sent as {}, which clears them.
    hidden = ("filter_criteria",) in unknown and "filter_criteria" not in desired and "filter_criteria" not in changed
    return _in_steps(request if hidden else _filters_with_key(request, live, desired), kind)


def _in_steps(request: Config, kind: SourceKind) -> list[Config]:
    """What provisioned pollers exclude, and what needs them, goes before or after them: whether AWS takes both in one
    call is not known (docs/aws/updates.md#clearing, docs/aws/errors.md#order), and each of these steps is legal by
    itself.
    """
    if "ProvisionedPollerConfig" not in request:
        return [request] if request else []
    first: Config = {}
    last: Config = {}
    if request["ProvisionedPollerConfig"] == {}:  # which unsets the pollers
        # What clears schema registry or metrics: only for Kafka do they need the pollers (docs/aws/kinds.md#fields).
        if kind in KAFKAS:
            first = {
                name: value
                for name, value in request.items()
                if value == {"SchemaRegistryConfig": {}} or (name == "MetricsConfig" and not value)
            }
        if request.get("ScalingConfig"):
            last = {"ScalingConfig": request["ScalingConfig"]}
    elif request.get("ScalingConfig") == {}:
        first = {"ScalingConfig": {}}
    middle = {name: value for name, value in request.items() if name not in first and name not in last}
    return [step for step in (first, middle, last) if step]


def _filters_with_key(request: Config, live: Canonical, desired: Canonical) -> Config:
    """Filters and their key travel together: clearing the filters erases the key, restoring them alone stores them
    unencrypted (docs/aws/updates.md#clearing).
    """
    if "FilterCriteria" not in request and "KMSKeyArn" not in request:
        return request
    pair: Config = {
        "FilterCriteria": _api(FIELDS, {"filter_criteria": desired.get("filter_criteria", {})})["FilterCriteria"]
    }
    # Clearing the filters removes the key, so "" is needed only where filters stay.
    if "kms_key_arn" in desired or ("kms_key_arn" in live and "filter_criteria" in desired):
        pair["KMSKeyArn"] = desired.get("kms_key_arn", "")
    return {**{key: value for key, value in request.items() if key != "KMSKeyArn"}, **pair}


def _update_value(field: Field, live: Any, desired: Any, kind: SourceKind) -> Any:
    """What an update sends for one field; NOTHING when the API has no way to unset it."""
    row = field.row
    if absent(desired):
        # Sent, because a member that is left out keeps its value (docs/aws/updates.md#updates).
        if kind in row.default:
            return row.default[kind]
        # A block without a sentinel goes on: it is unset part by part.
        if row.clear is not NOTHING or not field.children or field.many:
            return row.clear
    if field.children and not field.many:
        return _update_block(field, live or {}, desired or {}, kind)
    # AWS refuses a virtual host in an update, and keeps it when it is left out (docs/aws/updates.md#updates).
    if field.name == "source_access_configuration":
        desired = [item for item in desired if item.get("type") != "VIRTUAL_HOST"]
    return _api_value(field, desired)


def _update_block(field: Field, live: Canonical, desired: Canonical, kind: SourceKind) -> Any:
    """A block is sent whole, with a sentinel or default for each part that is removed, and without what an update may
    not contain.
    """
    block = {
        child.row.api: value
        for name, child in field.children.items()
        if (name in desired or name in live) and not child.row.replaces
        if (value := _update_value(child, live.get(name), desired.get(name), kind)) is not NOTHING
    }
    return block or NOTHING


def _api(fields: Mapping[str, Field], block: Mapping[str, Any]) -> Config:
    return {fields[name].row.api: _api_value(fields[name], value) for name, value in block.items() if name != "tags"}


def _api_value(field: Field, value: Any) -> Any:
    if field.many:
        return [_api(field.children, item) for item in value]
    if field.children:
        return _api(field.children, value)
    if field.name == "pattern" and not isinstance(value, str):
        # Without spaces, as `manifest/check.py` measures it: the API limits the length of a pattern.
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return value
