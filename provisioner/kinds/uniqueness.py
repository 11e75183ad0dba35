"""What Lambda holds unique for event source mappings (docs/aws/identity.md#uniqueness)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from provisioner.model.references import Pair, channel_of, virtual_hosts

CONSUMER_GROUPS: Final = (
    ("amazon_managed_kafka_event_source_config", "consumer_group_id"),
    ("self_managed_kafka_event_source_config", "consumer_group_id"),
)
"""Where a consumer group is in a mapping. AWS holds it unique on its cluster (docs/aws/identity.md#uniqueness)."""


def pair(mapping: Mapping[str, Any], region: str) -> Pair:
    """The pair of a mapping in canonical form. `aws/convert.py` and the sandbox have the same for the API's shape."""
    endpoints = mapping.get("self_managed_event_source", {}).get("endpoints", {})
    brokers = ",".join(endpoints.get("KAFKA_BOOTSTRAP_SERVERS", ()))
    # Only brokers have queues: on another source, the access type is a mistake and does not change the pair.
    hosts = virtual_hosts(mapping.get("source_access_configuration")) if mapping.get("queues") else []
    channel = channel_of(mapping.get("topics") or mapping.get("queues") or (), hosts[0] if hosts else "")
    return Pair(region, mapping.get("event_source_arn") or brokers, mapping.get("function_name", ""), channel)


def consumer_group(mapping: Mapping[str, Any]) -> str:
    """The consumer group that a mapping in canonical form has, or ""."""
    for block, name in CONSUMER_GROUPS:
        if group := mapping.get(block, {}).get(name):
            return str(group)
    return ""


def claims(mapping: Mapping[str, Any], pair: Pair) -> set[tuple[str, ...]]:
    """What AWS may hold unique for a mapping: its pair, in any virtual host, and its consumer group on its cluster
    (docs/aws/identity.md#uniqueness). Unlike `Pair.claims`, which is about the pair alone and its own host.
    """
    held: set[tuple[str, ...]] = {("pair", *claim) for claim in pair.in_any_host.claims()}
    if group := consumer_group(mapping):
        # The group is unique on its cluster, whatever function reads it. A cluster is known by each of its brokers.
        held |= {("consumer group", pair.region, source, group) for source in pair.source.split(",")}
    return held


def conflicts(one: Mapping[str, Any], one_pair: Pair, other: Mapping[str, Any], other_pair: Pair) -> bool:
    """Whether AWS may refuse two mappings at once. Unlike equal pairs, consumer groups count, any shared broker is
    enough, and two virtual hosts of one broker conflict, because it is not recorded that they do not.
    """
    return not claims(one, one_pair).isdisjoint(claims(other, other_pair))
