"""The events of a Serverless Framework's functions as the mappings that the framework writes into its template: with its
defaults, and under its logical ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.convert.documents import members_of, text_at
from provisioner.convert.fields import spelling
from provisioner.convert.unknown import as_arn, has_unknown, is_unknown
from provisioner.manifest.node import Node
from provisioner.model.sources import SourceKind

_SOURCE, _ACCESS, _BATCH = "EventSourceArn", "SourceAccessConfigurations", "BatchSize"
_WINDOW, _ENABLED, _POSITION = "MaximumBatchingWindowInSeconds", "Enabled", "StartingPosition"
_GROUP, _POLLERS, _DOCUMENT = "ConsumerGroupId", "ProvisionedPollerConfig", "DocumentDBEventSourceConfig"
_ACCESS_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    spelling(name): (kind, prefix)
    for name, kind, prefix in (
        ("saslPlainAuth", "BASIC_AUTH", ""),
        ("saslScram256Auth", "SASL_SCRAM_256_AUTH", ""),
        ("saslScram512Auth", "SASL_SCRAM_512_AUTH", ""),
        ("clientCertificateTlsAuth", "CLIENT_CERTIFICATE_TLS_AUTH", ""),  # ...TLSAuth in the documentation
        ("serverRootCaCertificate", "SERVER_ROOT_CA_CERTIFICATE", ""),
        ("vpcSubnet", "VPC_SUBNET", "subnet:"),
        ("vpcSecurityGroup", "VPC_SECURITY_GROUP", "security_group:"),
    )
}
"""The access configurations of a Kafka event: their types, and what stands before their values."""
_POLLER_NAMES: Final = {"min": "MinimumPollers", "max": "MaximumPollers", "group": "PollerGroupName"}


@dataclass(slots=True)
class Compiled:
    """A mapping in the framework's template: where it is and what it is called in the file, and its properties by the API's
    names. `kind` is that of its source, where the event says it.
    """

    node: Node
    what: str
    properties: dict[str, Node]
    kind: SourceKind | None = None
    condition: Node | None = None
    unknown_members: list[str] = field(default_factory=list)


Shape = Callable[[Node], Node]


def _same(node: Node) -> Node:
    return node


def _within(*path: str) -> Shape:
    """A value that stands below these names."""

    def shape(node: Node) -> Node:
        for name in reversed(path):
            node = node.holding({name: node})
        return node

    return shape


def _listed(node: Node) -> Node:
    return node if isinstance(node.value, list) else node.holding([node])


def _access(kind: str) -> Shape:
    return lambda node: node.holding([_one_access(kind, node)])


def _one_access(kind: str, uri: Node) -> Node:
    return uri.holding({"Type": uri.holding(kind), "URI": uri})


def _accesses(node: Node) -> Node:
    """The access configurations of a Kafka event."""
    if not isinstance(node.value, dict):
        return node
    items = []
    for name, uris in node.value.items():
        kind, prefix = _ACCESS_TYPES.get(spelling(name), (name, ""))
        for uri in _listed(uris).value:
            if uri.value is not None:
                lacks = prefix and isinstance(uri.value, str) and not uri.value.startswith(prefix)
                items.append(_one_access(kind, uri.holding(f"{prefix}{uri.value}") if lacks else uri))
    return node.holding(items)


def _filters(node: Node) -> Node:
    if is_unknown(node.value):
        return _within("Filters")(node)
    return node.holding({"Filters": node.holding([item.holding({"Pattern": item}) for item in _listed(node).value])})


def _destination(node: Node) -> Node:
    members = members_of(node)
    target = members.get("onFailure", node.holding(None))
    return _within("OnFailure", "Destination")(members_of(target).get("arn", target))


def _pollers(node: Node) -> Node:
    if node.value is False:  # how an update of the framework ends provisioned mode
        return node.holding(None)
    if not isinstance(node.value, dict):
        return node
    return node.holding({_POLLER_NAMES.get(name, name): item for name, item in node.value.items()})


@dataclass(frozen=True, slots=True)
class _Event:
    """How the framework compiles an event.

    members   the property of each member, and the shape of its value there
    defaults  what it writes where the event does not say it
    omits     properties that it does not write where they are 0
    ident     the end of the logical id, behind that of the function, or "" where it cannot be told
    """

    members: Mapping[str, tuple[str, Shape]]
    defaults: Mapping[str, Any]
    kind: SourceKind | None
    ident: Callable[[Mapping[str, Node]], str]
    omits: frozenset[str] = frozenset()


_COMMON: Final[Mapping[str, tuple[str, Shape]]] = {
    "arn": (_SOURCE, _same),
    "batchSize": (_BATCH, _same),
    "enabled": (_ENABLED, _same),
    "filterPatterns": ("FilterCriteria", _filters),
}
_FROM_POSITION: Final[Mapping[str, tuple[str, Shape]]] = {
    "startingPosition": (_POSITION, _same),
    "startingPositionTimestamp": ("StartingPositionTimestamp", _same),
}
_OF_KAFKA: Final[Mapping[str, tuple[str, Shape]]] = {
    **_FROM_POSITION,
    "maximumBatchingWindow": (_WINDOW, _same),
    "topic": ("Topics", _listed),
    "provisionedPollers": (_POLLERS, _pollers),
    "provisionedPollerConfig": (_POLLERS, _pollers),  # the name in osls
}
_OF_MQ: Final[Mapping[str, tuple[str, Shape]]] = {
    **_COMMON,
    "maximumBatchingWindow": (_WINDOW, _same),
    "queue": ("Queues", _listed),
    "basicAuthArn": (_ACCESS, _access("BASIC_AUTH")),
}
_TRUTHY: Final = frozenset((_BATCH, _WINDOW))


def _plain(text: str) -> str:
    """A text as a part of a logical id."""
    letters = re.sub("[^0-9A-Za-z]", "", text)
    return letters[:1].upper() + letters[1:]


def function_id(name: str) -> str:
    """A function as logical ids begin with it."""
    text = name.replace("-", "Dash").replace("_", "Underscore")
    return text[:1].upper() + text[1:]


def bucket_id(name: str) -> str:
    """The logical id of a bucket that the framework makes."""
    return f"S3Bucket{_plain(name)}"


def source_name(arn: Node | None, separator: str) -> str:
    """What the framework calls a source: by what a function refers to, or by its ARN; "" where it cannot be told."""
    value = arn.value if arn else None
    if isinstance(value, str):
        parts = [] if has_unknown(value) else value.split(separator)
        return parts[-1] if separator == ":" and parts else parts[1] if len(parts) > 1 else ""
    for name, argument in members_of(arn).items():
        items = argument.value if isinstance(argument.value, list) else [argument]
        if name == "Fn::Join" and len(items) == 2 and isinstance(items[1].value, list):
            items = items[1].value[-1:]
        elif name not in ("Ref", "Fn::GetAtt", "Fn::ImportValue"):
            return ""
        text = items[0].value if items else None
        if isinstance(text, str) and not has_unknown(text):
            return text.partition(".")[0] if name == "Fn::GetAtt" else text.rpartition("/")[2]
    return ""


def _by_source(prefix: str, separator: str, most: int | None = None) -> Callable[[Mapping[str, Node]], str]:
    def ident(event: Mapping[str, Node]) -> str:
        name = _plain(source_name(event.get("arn"), separator))[:most]
        return f"{prefix}{name}" if name else ""

    return ident


def _by_member(prefix: str, member: str, most: int) -> Callable[[Mapping[str, Node]], str]:
    def ident(event: Mapping[str, Node]) -> str:
        value = event[member].value if member in event else None
        is_known = isinstance(value, str) and not has_unknown(value)
        return f"{prefix}{_plain(str(value))[:most]}" if is_known else ""

    return ident


def stream_type(event: Mapping[str, Node]) -> str:
    """Whether a stream is one of `kinesis` or `dynamodb`; "" where the event does not say it."""
    stated, arn = (event[name].value if name in event else None for name in ("type", "arn"))
    if isinstance(stated, str) and not has_unknown(stated):
        return stated
    found = as_arn(arn)
    return found.service if found else ""


def _stream_id(event: Mapping[str, Node]) -> str:
    kind = stream_type(event)
    name = _by_source("", "/")(event)
    return f"{kind[:1].upper()}{kind[1:]}{name}" if kind and name else ""


def _msk_id(event: Mapping[str, Node]) -> str:
    parts = _by_source("MSK", "/", 79)(event), _by_member("", "topic", 79)(event)
    return "".join(parts) if all(parts) else ""


EVENTS: Final[Mapping[str, _Event]] = {
    "sqs": _Event(
        {
            **_COMMON,
            "maximumBatchingWindow": (_WINDOW, _same),
            "functionResponseType": ("FunctionResponseTypes", _listed),
            "maximumConcurrency": ("ScalingConfig", _within("MaximumConcurrency")),
            "provisionedPollers": (_POLLERS, _pollers),
        },
        {_BATCH: 10, _ENABLED: True},
        SourceKind.SQS,
        _by_source("SQS", ":"),
        frozenset((_BATCH, "ScalingConfig")),
    ),
    "stream": _Event(
        {
            **_COMMON,
            **_FROM_POSITION,
            "batchWindow": (_WINDOW, _same),
            "maximumRetryAttempts": ("MaximumRetryAttempts", _same),
            "maximumRecordAgeInSeconds": ("MaximumRecordAgeInSeconds", _same),
            "bisectBatchOnFunctionError": ("BisectBatchOnFunctionError", _same),
            "parallelizationFactor": ("ParallelizationFactor", _same),
            "functionResponseType": ("FunctionResponseTypes", _listed),
            "tumblingWindowInSeconds": ("TumblingWindowInSeconds", _same),
            "destinations": ("DestinationConfig", _destination),
        },
        {_BATCH: 10, _POSITION: "TRIM_HORIZON", _ENABLED: True},
        None,
        _stream_id,
        frozenset((_BATCH, "ParallelizationFactor", "MaximumRecordAgeInSeconds")),
    ),
    "msk": _Event(
        {
            **_COMMON,
            **_OF_KAFKA,
            "saslScram512": (_ACCESS, _access("SASL_SCRAM_512_AUTH")),
            "consumerGroupId": ("AmazonManagedKafkaEventSourceConfig", _within(_GROUP)),
        },
        {_POSITION: "TRIM_HORIZON"},
        SourceKind.MSK,
        _msk_id,
        _TRUTHY,
    ),
    "kafka": _Event(
        {
            **_COMMON,
            **_OF_KAFKA,
            "bootstrapServers": ("SelfManagedEventSource", _within("Endpoints", "KAFKA_BOOTSTRAP_SERVERS")),
            "accessConfigurations": (_ACCESS, _accesses),
            "consumerGroupId": ("SelfManagedKafkaEventSourceConfig", _within(_GROUP)),
        },
        {_POSITION: "TRIM_HORIZON"},
        SourceKind.KAFKA,
        _by_member("Kafka", "topic", 158),
        _TRUTHY,
    ),
    "activemq": _Event(_OF_MQ, {}, SourceKind.MQ, _by_member("ActiveMQ", "queue", 150), _TRUTHY),
    "rabbitmq": _Event(
        {**_OF_MQ, "virtualHost": (_ACCESS, _access("VIRTUAL_HOST"))},
        {},
        SourceKind.MQ,
        _by_member("RabbitMQ", "queue", 150),
        _TRUTHY,
    ),
    # Not in a release: as the pull request serverless/serverless#11902 and the plugin of its author have it.
    "documentDb": _Event(
        {
            **_FROM_POSITION,
            "cluster": (_SOURCE, _same),
            "batchSize": (_BATCH, _same),
            "batchWindow": (_WINDOW, _same),
            "enabled": (_ENABLED, _same),
            "db": (_DOCUMENT, _within("DatabaseName")),
            "collection": (_DOCUMENT, _within("CollectionName")),
            "document": (_DOCUMENT, _within("FullDocument")),
            "smk": (_ACCESS, _access("BASIC_AUTH")),
            "auth": (_ACCESS, _access("BASIC_AUTH")),
        },
        {_BATCH: 100, _POSITION: "LATEST", _ENABLED: True},
        SourceKind.DOCUMENTDB,
        _by_member("DocDb", "db", 150),
        frozenset((_BATCH,)),
    ),
}
"""The events that are mappings. Members, defaults and ids are those of lib/plugins/aws/package/compile/events and of
lib/plugins/aws/lib/naming.js in serverless/serverless and oss-serverless/serverless.
"""


def compiled(name: str, event: Node, function: str, what: str) -> tuple[str, Compiled]:
    """The logical id of an event's mapping, or "" where it cannot be told, and the mapping. `function` is its key in the file;
    the event has no variables.
    """
    spec = EVENTS[name]
    source = "cluster" if name == "documentDb" else "arn"
    calls = members_of(event)
    alone = not isinstance(event.value, dict) or (len(calls) == 1 and next(iter(calls)).startswith(("Ref", "Fn::")))
    members = {source: event} if alone else dict(calls)
    result = Compiled(event, what, {}, spec.kind)
    if name == "documentDb" and text_at(event, "auth") == "BASIC_AUTH":
        del members["auth"]  # the type, which is always this one, and not the secret
    if name == "stream":
        result.kind = {"kinesis": SourceKind.KINESIS, "dynamodb": SourceKind.DYNAMODB}.get(stream_type(members))
    for member, item in members.items():
        if item.value is None or (name == "stream" and member in ("type", "consumer")):
            continue
        if member not in spec.members:
            result.unknown_members.append(member)
            continue
        prop, shape = spec.members[member]
        if prop in spec.omits and item.value == 0 and not isinstance(item.value, bool):
            continue
        result.properties[prop] = _joined(result.properties.get(prop), shape(item))
    for prop, value in spec.defaults.items():
        result.properties.setdefault(prop, event.holding(value))
    ident = spec.ident(members)
    return f"{function_id(function)}EventSourceMapping{ident}" if ident else "", result


def _joined(there: Node | None, added: Node) -> Node:
    """Two values of one property: the items of both lists, or the members of both maps."""
    if there and isinstance(there.value, list) and isinstance(added.value, list):
        return there.holding(there.value + added.value)
    if there and isinstance(there.value, dict) and isinstance(added.value, dict):
        return there.holding(there.value | added.value)
    return added
