"""Fields under other names: what other tools call them, and what a kind of source has instead of a field that it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from provisioner.manifest.finding import plain
from provisioner.model.references import BUCKET
from provisioner.model.sources import PUSH, SourceKind

_PERMISSION: Final = "permission"
_OF_S3: Final[Mapping[str, str]] = {
    **dict.fromkeys(("bucket", "bucketarn", "bucketname", "s3bucket"), "event_source_arn"),
    **dict.fromkeys(("prefix", "filter", "filters", "filterrule", "filterrules", "rules", "s3key"), "filter_prefix"),
    "suffix": "filter_suffix",
    **dict.fromkeys(
        ("lambdafunction", "lambdafunctionarn", "function", "functionarn", "cloudfunction"), "function_name"
    ),
    **dict.fromkeys(("expectedbucketowner", "bucketaccount"), "bucket_owner"),
    **dict.fromkeys(("statementid", "sourcearn", "sourceaccount", "principal"), _PERMISSION),
}
"""Our fields for an entry of a bucket by the names that Terraform, CloudFormation, Serverless and the API have for them,
without capitals, `_` and `-`.
"""
_GROUPED: Final = frozenset({"filter", "filters", "filterrule", "filterrules", "rules", "s3key"})


_DESTINATION: Final = "destination_config", "use destination_config: { on_failure: { destination_arn: ARN } }"
_POLLERS: Final = (
    "provisioned_poller_config",
    "use provisioned_poller_config: { minimum_pollers: N, maximum_pollers: N }",
)
_DIRECTLY: Final = (
    "",
    "write the properties directly in the mapping, under the names that `provisioner skeleton KIND` lists",
)
_OF_ALL: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(
        ("filterpattern", "filterpatterns"),
        ("filter_criteria", "use filter_criteria: { filter: [{ pattern: { … } }] }"),
    ),
    "maximumconcurrency": ("scaling_config", "use scaling_config: { maximum_concurrency: N }"),
    "batchwindow": ("maximum_batching_window_in_seconds", 'did you mean "maximum_batching_window_in_seconds"?'),
    **dict.fromkeys(("arn", "stream", "broker", "cluster"), ("event_source_arn", 'did you mean "event_source_arn"?')),
    "queue": ("", "write the ARN of an SQS queue in event_source_arn, the name of a broker's queue in queues"),
    **dict.fromkeys(("destinations", "onfailure", "onfailuredestination", "destinationarn"), _DESTINATION),
    **dict.fromkeys(("minimumpollers", "maximumpollers", "provisionedpollers"), _POLLERS),
    **dict.fromkeys(("type", "properties"), _DIRECTLY),
    "dependson": ("", "remove it: provisioner finds the order of the changes by itself"),
    **dict.fromkeys(
        ("count", "foreach"), ("", "write each mapping under a name of its own; `defaults` has what they share")
    ),
    "provider": ("", "set region in the mapping; one manifest has one provider"),
    "state": ("", "set enabled: false to disable a mapping; to delete it, remove it from the manifest"),
}
"""Our fields, and what to write, for names that other tools have in a mapping of any kind, without capitals, `_` and `-`."""

_CLOUDFORMATION: Final = frozenset(
    ("awstemplateformatversion", "resources", "parameters", "outputs", "conditions", "metadata", "transform", "globals")
)
_SERVERLESS: Final = frozenset(("service", "functions", "custom", "frameworkversion", "plugins", "package"))


def at_the_top(name: str) -> str:
    """What to do about a key at the top of a manifest that other tools have there; "" for one that none has."""
    of = {**dict.fromkeys(_CLOUDFORMATION, "a CloudFormation template"), **dict.fromkeys(_SERVERLESS, "serverless.yml")}
    tool = of.get(plain(name))
    return f"it is a key of {tool}; a manifest has its mappings below `mappings:`" if tool else ""


def is_source(name: object) -> bool:
    """Whether other tools name the source of a mapping so."""
    word = plain(str(name))
    return "event_source_arn" in (_OF_S3.get(word), _OF_ALL.get(word, ("",))[0])


def ours(name: str, value: Any, kind: SourceKind | None, siblings: Iterable[object]) -> tuple[str, str]:
    """Our field for what other tools call `name`, and what to write instead; empty for a name that none has, and the field
    for one that has no equal. A mapping without a source is taken for an entry of a bucket by the names beside it.
    """
    field = _OF_S3.get(plain(name), "")
    beside = (plain(str(sibling)) for sibling in siblings)
    if not field or not (
        kind is SourceKind.S3 or (kind is None and not {"bucket", "event", "events"}.isdisjoint(beside))
    ):
        return _OF_ALL.get(plain(name), ("", ""))
    if field == "event_source_arn" and isinstance(value, str):
        if BUCKET.fullmatch(value):
            return field, f"write event_source_arn: arn:aws:s3:::{value}"
        if value.startswith("arn:"):
            return field, f"write event_source_arn: {value}"
    if plain(name) in _GROUPED:
        return field, "use filter_prefix and filter_suffix"
    if plain(name) == "lambdafunction" and not isinstance(value, str):
        return field, "write its contents directly in the mapping: function_name, events, filter_prefix, filter_suffix"
    if field == _PERMISSION:
        return "", f"write it under {_PERMISSION}"
    return field, f'did you mean "{field}"?'


_ASYNCHRONOUS: Final = (
    "S3 invokes the function asynchronously; set it in the function's configuration for asynchronous invocations"
)
_INSTEAD_ON_S3: Final[Mapping[str, str]] = {
    "filter_criteria": "use filter_prefix and filter_suffix, which compare the key of the object",
    "enabled": "a bucket's notification cannot be disabled; to stop it, remove the mapping from the manifest",
    "tags": "a bucket's notification has no tags; remove them",
    "maximum_retry_attempts": _ASYNCHRONOUS,
    "maximum_record_age_in_seconds": _ASYNCHRONOUS,
    "destination_config": _ASYNCHRONOUS,
    **dict.fromkeys(
        ("batch_size", "maximum_batching_window_in_seconds"), "S3 invokes the function for each event; remove it"
    ),
    **dict.fromkeys(
        ("starting_position", "starting_position_timestamp"),
        "S3 notifies of events from now on, and keeps no position; remove it",
    ),
    "scaling_config": "limit the function's concurrency instead",
    "source_access_configuration": "S3 needs a statement in the function's policy, which provisioner adds; remove it",
}
_INSTEAD_OF_S3: Final[Mapping[str, str]] = {
    "events": "only an S3 bucket has event types",
    "filter_prefix": "only for S3 buckets; use filter_criteria",
    "filter_suffix": "only for S3 buckets; use filter_criteria",
    "id": "only for S3 buckets; Lambda chooses the UUID of a mapping that it keeps",
    "bucket_owner": "only for S3 buckets",
    "permission": "Lambda reads from this source with the function's role; no statement is needed",
}


def instead(name: str, kind: SourceKind) -> str:
    """What to do about a field that a kind of source lacks."""
    if name == "on_success":
        return "Lambda supports it for asynchronous invocations, but not for event source mappings"
    return (_INSTEAD_ON_S3 if kind in PUSH else _INSTEAD_OF_S3).get(name, "remove it")
