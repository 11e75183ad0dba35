"""Checks of the network in which Lambda's pollers reach a cluster or broker: what they reach from there, and what may reach it.

The function's own VPC does not matter. In provisioned mode AWS reaches the other services by itself
(docs/checks.md#what-is-asked).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioner.checks.case import Case, Judging, number, question
from provisioner.checks.clusters import cluster_of, cluster_question, the_broker
from provisioner.kinds.permissions import access_types, access_uris, secrets_of
from provisioner.model.checks import Answer, Question
from provisioner.model.sources import SELF_MANAGED, SourceKind

_HTTPS: Final = 443
_EVERYWHERE: Final = "0.0.0.0/0"
_TARGETS: Final = ("NatGatewayId", "TransitGatewayId", "InstanceId", "NetworkInterfaceId", "VpcPeeringConnectionId")
"""Where a default route may lead so that a network interface without a public address reaches AWS: a NAT, or somewhere that
is not looked at. An internet gateway is none.
"""


@dataclass(frozen=True, slots=True)
class _Network:
    """Where a source is: its subnets, its security groups, and the engine of a broker."""

    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    engine: str = ""


_Asking = Generator[tuple[Question, ...], tuple[Answer, ...], _Network]


def reaches(case: Case) -> Judging:
    """In on-demand mode the subnets of the source must lead to Lambda, STS and Secrets Manager."""
    network = yield from _network(case)
    if not network.subnets or case.subject.mapping.get("provisioned_poller_config"):
        return []
    (answer,) = yield (_ec2(case, "DescribeSubnets", SubnetIds=list(network.subnets)),)
    found = answer.part().get("Subnets") or ()
    vpc = next((item.get("VpcId") for item in found), None)
    if not vpc:
        return []
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    tables, endpoints = yield (
        _ec2(case, "DescribeRouteTables", Filters=within),
        _ec2(case, "DescribeVpcEndpoints", Filters=within),
    )
    if tables.value is None or endpoints.value is None:
        return []
    closed = [name for name in network.subnets if not _leads_out(tables.value.get("RouteTables") or (), name)]
    # Of the brokers of Amazon MQ, only those of ActiveMQ need STS.
    needs_sts = case.subject.kind is not SourceKind.MQ or network.engine == "ACTIVEMQ"
    needed = {"lambda", *(["sts"] * needs_sts), *(["secretsmanager"] * bool(secrets_of(case.subject.mapping)))}
    there = [
        item for item in endpoints.value.get("VpcEndpoints") or () if item.get("State", "available") == "available"
    ]
    # The last part of `com.amazonaws.REGION.lambda`.
    lacking = needed - {str(item.get("ServiceName")).rpartition(".")[2] for item in there}
    if not closed or not lacking:
        return []
    return case.warning(
        "C125",
        f"the subnets of the source ({', '.join(sorted(closed))}) have neither a route to a NAT gateway nor VPC endpoints for "
        f"{', '.join(sorted(lacking))}: Lambda cannot poll from there",
    )


def admits(case: Case) -> Judging:
    """The security groups of the source must let their own members in, and reach HTTPS."""
    network = yield from _network(case)
    if not network.groups:
        return []
    (answer,) = yield (_ec2(case, "DescribeSecurityGroups", GroupIds=list(network.groups)),)
    groups = answer.part().get("SecurityGroups") or ()
    port = _port(case)
    if not groups:
        return []
    rules = [rule for group in groups for rule in group.get("IpPermissions") or () if _covers(rule, port)]
    members = {pair.get("GroupId") for rule in rules for pair in rule.get("UserIdGroupPairs") or ()}
    # Addresses may be those of the groups' members.
    addresses = any(rule.get(name) for rule in rules for name in ("IpRanges", "Ipv6Ranges", "PrefixListIds"))
    if port and not (addresses or members & {*network.groups}):
        return case.warning(
            "C126",
            f"no inbound rule of the security groups {', '.join(network.groups)} admits port {port} from the groups themselves: "
            "Lambda's network interfaces are in these groups",
        )
    out = [rule for group in groups for rule in group.get("IpPermissionsEgress") or ()]
    if not any(_covers(rule, _HTTPS) for rule in out):
        return case.warning(
            "C126", f"no outbound rule of the security groups {', '.join(network.groups)} admits port {_HTTPS}"
        )
    return []


def _network(case: Case) -> _Asking:
    """The network of the source: as the mapping says, or as its cluster or broker is."""
    kind = case.subject.kind
    if kind in SELF_MANAGED:
        # `subnet:subnet-…` and `security_group:sg-…`.
        subnets, groups = (
            tuple(uri.rpartition(":")[2] for uri in access_uris(case.subject.mapping, kind))
            for kind in ("VPC_SUBNET", "VPC_SECURITY_GROUP")
        )
        return _Network(subnets, groups)
    arn = case.arn
    if kind is SourceKind.MSK and arn.resource.startswith("cluster/"):
        (answer,) = yield (cluster_question(arn),)
        return _msk(answer.part("ClusterInfo"))
    if kind is SourceKind.MQ:
        answer = yield from the_broker(arn)
        found, engine = answer.part(), str(answer.part().get("EngineType") or "").upper()
        return _Network(tuple(found.get("SubnetIds") or ()), tuple(found.get("SecurityGroups") or ()), engine)
    if kind is SourceKind.DOCUMENTDB:
        found = yield from cluster_of(arn)
        named = [item.get("VpcSecurityGroupId") for item in found.get("VpcSecurityGroups") or ()]
        return _Network(groups=tuple(filter(None, named)))
    return _Network()


def _msk(found: Mapping[str, Any]) -> _Network:
    nodes = (found.get("Provisioned") or {}).get("BrokerNodeGroupInfo") or {}
    if nodes:
        return _Network(tuple(nodes.get("ClientSubnets") or ()), tuple(nodes.get("SecurityGroups") or ()))
    configs = (found.get("Serverless") or {}).get("VpcConfigs") or ()
    first: Mapping[str, Any] = next(iter(configs), {})
    return _Network(tuple(first.get("SubnetIds") or ()), tuple(first.get("SecurityGroupIds") or ()))


def _ec2(case: Case, action: str, **arguments: Any) -> Question:
    operation = "".join(f"_{char.lower()}" if char.isupper() else char for char in action).removeprefix("_")
    return question("ec2", case.subject.region, operation, f"ec2:{action}", **arguments)


def _leads_out(tables: Sequence[Mapping[str, Any]], subnet: str) -> bool:
    """Whether the default route of a subnet leads out; one without a route table of its own has the main one."""
    pairs = [(table, link) for table in tables for link in table.get("Associations") or ()]
    own = [table for table, link in pairs if link.get("SubnetId") == subnet]
    main = [table for table, link in pairs if link.get("Main")]
    routes = [route for table in (own or main)[:1] for route in table.get("Routes") or ()]
    return any(
        route.get("DestinationCidrBlock") == _EVERYWHERE and any(route.get(target) for target in _TARGETS)
        for route in routes
    )


_MSK_PORTS: Final = {"SASL_SCRAM_512_AUTH": 9096, "CLIENT_CERTIFICATE_TLS_AUTH": 9094}
_MSK_IAM: Final = 9098
_DOCUMENTDB: Final = 27017


def _port(case: Case) -> int:
    """The port on which Lambda connects, 0 where it is not known."""
    if case.subject.kind is SourceKind.MSK:
        types = access_types(case.subject.mapping)
        return next((_MSK_PORTS[kind] for kind in types if kind in _MSK_PORTS), _MSK_IAM)
    if case.subject.kind is SourceKind.DOCUMENTDB:
        return _DOCUMENTDB
    if case.subject.kind in SELF_MANAGED:
        endpoints = (case.subject.mapping.get("self_managed_event_source") or {}).get("endpoints") or {}
        ports = {str(broker).rpartition(":")[2] for broker in endpoints.get("KAFKA_BOOTSTRAP_SERVERS") or ()}
        return number(ports.pop()) if len(ports) == 1 else 0
    return 0


def _covers(rule: Mapping[str, Any], port: int) -> bool:
    """Whether a rule is about a port; one of all protocols has no ports."""
    if rule.get("IpProtocol") == "-1":
        return True
    return rule.get("IpProtocol") == "tcp" and (rule.get("FromPort") or 0) <= port <= (rule.get("ToPort") or 0)
