"""What the execution role of a function must be allowed, so that Lambda can read a source and deliver failures
(docs/aws/permissions.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from provisioner.kinds.access_types import SECRETS
from provisioner.model.canonical import Canonical
from provisioner.model.references import Arn
from provisioner.model.sources import KAFKAS, QUEUES, SourceKind

NETWORK: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
KAFKA_TOPIC: Final = "kafka://"
"""How a destination begins that is a topic of the cluster."""
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on resources, each an ARN or a pattern of ARNs: a statement of the role's policy, which `sid` names.

    `required` are the actions without which AWS refuses to create the mapping; `unneeded` those that AWS neither checks then
    nor needs to deliver, as far as is known. Of every other action the answer of AWS is not known. `condition` is an operator,
    a key and a value.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    required: frozenset[str] = frozenset()
    unneeded: frozenset[str] = frozenset()
    condition: tuple[str, str, str] | None = None


def grants(mapping: Canonical, kind: SourceKind, account: str) -> Iterator[Grant]:
    """What the role needs for one mapping, without the keys that encrypt a source and without the function's own logs: neither
    is in a manifest. `account` is the function's, 12 digits. Nothing for a mapping that its source keeps: there the source
    invokes the function, and no role is asked.
    """
    source = Arn.parse(mapping.get("event_source_arn"))
    if source and kind in QUEUES:
        actions = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
        yield Grant("ReadQueues", actions, (str(source),), frozenset(actions))
    elif source and kind is SourceKind.KINESIS:
        yield from _kinesis(source)
    elif source and kind is SourceKind.DYNAMODB:
        actions = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
        yield Grant("ReadTableStreams", actions, (str(source),), frozenset(actions))
    elif source and kind is SourceKind.MSK:
        yield from _msk(source, mapping)
    elif source and kind is SourceKind.MQ:
        yield Grant("DescribeBrokers", ("mq:DescribeBroker",), (str(source),))
    elif kind is SourceKind.DOCUMENTDB:
        actions = ("rds:DescribeDBClusterParameters", "rds:DescribeDBClusters", "rds:DescribeDBSubnetGroups")
        yield Grant("DescribeDatabases", actions, (ANY,))
    if secrets := secrets_of(mapping):
        read = ("secretsmanager:GetSecretValue",)
        checked = kind in (SourceKind.MSK, SourceKind.DOCUMENTDB)
        yield Grant("ReadSecrets", read, secrets, frozenset(read if checked else ()))
    if kind in (SourceKind.MSK, SourceKind.MQ, SourceKind.DOCUMENTDB) or "VPC_SUBNET" in access_types(mapping):
        yield Grant("ManageNetworkInterfaces", NETWORK, (ANY,))
    yield from _registry(mapping, kind)
    yield from _destination(mapping, source, account)


def key_grant(key: str, service: str, *, encrypts: bool = False) -> Grant:
    """What the role needs of a customer key of a source or destination: to decrypt what `service` (`sqs`, `kinesis`,
    `secretsmanager`) has, and, where Lambda sends to it, to encrypt.
    """
    arn = Arn.parse(key)
    actions = ("kms:Decrypt", *(("kms:GenerateDataKey",) if encrypts else ()))
    via = f"{service}.{arn.region if arn else ANY}.{dns_suffix(arn.partition if arn else 'aws')}"
    return Grant("UseKeys", actions, (key,), condition=("StringEquals", "kms:ViaService", via))


def dns_suffix(partition: str) -> str:
    """How the names of services end in a partition, as conditions and URLs have them."""
    return _SUFFIXES.get(partition, "amazonaws.com")


_SUFFIXES: Final = {
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}


def access_types(mapping: Canonical) -> list[str]:
    """The types of the mapping's access configurations."""
    return [item["type"] for item in mapping.get("source_access_configuration") or ()]


def access_uris(mapping: Canonical, kind: str) -> list[str]:
    """The URIs of the mapping's access configurations of one type."""
    items = mapping.get("source_access_configuration") or ()
    return [item["uri"] for item in items if item["type"] == kind and item.get("uri")]


def secrets_of(mapping: Canonical) -> tuple[str, ...]:
    """The secrets of the source and of its schema registry, each once and sorted."""
    items = [*(mapping.get("source_access_configuration") or ()), *(registry_of(mapping).get("access_config") or ())]
    found = {item.get("uri") or "" for item in items if item["type"] in SECRETS}
    return tuple(sorted(uri for uri in found if uri.startswith("arn:")))


def registry_of(mapping: Canonical) -> Canonical:
    """The block of the schema registry, empty where there is none."""
    names = ("amazon_managed_kafka_event_source_config", "self_managed_kafka_event_source_config")
    blocks = [(mapping.get(name) or {}).get("schema_registry_config") for name in names]
    return next((block for block in blocks if block), {})


def destination_of(mapping: Canonical) -> str:
    """Where failures go: an ARN or `kafka://TOPIC`, or "" for nowhere."""
    failures = (mapping.get("destination_config") or {}).get("on_failure") or {}
    return str(failures.get("destination_arn") or "")


def stream_of(consumer: Arn) -> Arn:
    """The stream of an enhanced fan-out consumer; a stream is its own."""
    return consumer._replace(resource=consumer.resource.partition("/consumer/")[0])


def _kinesis(source: Arn) -> Iterator[Grant]:
    stream = stream_of(source)
    reads = (
        *("kinesis:DescribeStream", "kinesis:DescribeStreamSummary"),
        *("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"),
    )
    if stream == source:
        late = frozenset({"kinesis:DescribeStreamSummary", "kinesis:ListShards"})
        yield Grant("ReadStreams", reads, (str(stream),), frozenset(reads) - late, late)
        return
    late = frozenset({"kinesis:DescribeStream"})
    yield Grant("ReadStreams", reads, (str(stream),), frozenset(reads) - late, late)
    subscribe = ("kinesis:SubscribeToShard",)
    yield Grant("SubscribeToConsumers", subscribe, (str(source),), frozenset(subscribe))


def _msk(source: Arn, mapping: Canonical) -> Iterator[Grant]:
    types = access_types(mapping)
    describe, brokers = ("kafka:DescribeClusterV2",), ("kafka:GetBootstrapBrokers",)
    if source.resource.startswith("vpc-connection/"):
        yield Grant("DescribeConnections", ("kafka:DescribeVpcConnection",), (str(source),))
        cluster = None  # it is another account's, and a connection's ARN does not say which
    else:
        cluster = source
        yield Grant("DescribeClusters", describe, (str(source),), frozenset(describe))
    yield Grant("FindBrokers", brokers, (ANY,), frozenset(brokers))
    if cluster and "SASL_SCRAM_512_AUTH" in types:
        yield Grant("ListScramSecrets", ("kafka:ListScramSecrets",), (str(cluster),))
    if cluster and not set(types) & {"SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"}:
        # Without a secret Lambda signs in with the role, where the cluster takes that.
        block = mapping.get("amazon_managed_kafka_event_source_config") or {}
        topics = tuple(below_cluster(cluster, "topic", topic) for topic in mapping.get("topics") or ())
        yield Grant("ConnectToClusters", ("kafka-cluster:Connect",), (str(cluster),))
        yield Grant("ReadTopics", ("kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"), topics)
        group = below_cluster(cluster, "group", block.get("consumer_group_id") or ANY)
        yield Grant("JoinGroups", ("kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"), (group,))


def below_cluster(cluster: Arn, what: str, name: str) -> str:
    """The ARN of a topic or group: `cluster/NAME/UUID` becomes `topic/NAME/UUID/TOPIC`."""
    return str(cluster._replace(resource=f"{what}/{cluster.resource.partition('/')[2]}/{name}"))


def _registry(mapping: Canonical, kind: SourceKind) -> Iterator[Grant]:
    registry = Arn.parse(registry_of(mapping).get("schema_registry_uri"))
    if kind in KAFKAS and registry and registry.service == "glue":
        name = registry.resource.partition("/")[2]
        yield Grant("GetRegistries", ("glue:GetRegistry",), (str(registry),))
        schemas = str(registry._replace(resource=f"schema/{name}/*"))
        yield Grant("GetSchemas", ("glue:GetSchemaVersion",), tuple(sorted((str(registry), schemas))))


def _destination(mapping: Canonical, source: Arn | None, account: str) -> Iterator[Grant]:
    wanted = destination_of(mapping)
    arn = Arn.parse(wanted)
    if arn and arn.service == "sqs":
        yield _sending("SendFailuresToQueues", "sqs:SendMessage", arn)
    elif arn and arn.service == "sns":
        yield _sending("SendFailuresToTopics", "sns:Publish", arn)
    elif arn and arn.service == "s3":
        own = ("StringEquals", "s3:ResourceAccount", account)
        bucket = f"arn:{arn.partition}:s3:::{arn.resource.partition('/')[0]}"
        put = ("s3:PutObject",)
        yield Grant("WriteFailuresToBuckets", put, (f"{bucket}/*",), frozenset(put), condition=own)
        yield Grant("ListFailureBuckets", ("s3:ListBucket",), (bucket,), condition=own)
    elif wanted.startswith(KAFKA_TOPIC) and source and source.resource.startswith("cluster/"):
        topic = below_cluster(source, "topic", wanted.removeprefix(KAFKA_TOPIC))
        yield Grant("ConnectToClusters", ("kafka-cluster:Connect",), (str(source),))
        yield Grant("WriteFailuresToTopics", ("kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"), (topic,))


def _sending(sid: str, action: str, arn: Arn) -> Grant:
    # Of a topic's check nothing was seen (docs/aws/permissions.md#destinations).
    return Grant(sid, (action,), (str(arn),), frozenset({action} if arn.service == "sqs" else ()))
