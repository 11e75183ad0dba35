"""The network of a cluster, on answers of EC2."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import BROKER, CLUSTER, SECRET, Aws, Said, subject, told

ACCESS = {"source_access_configuration": [{"type": "SASL_SCRAM_512_AUTH", "uri": SECRET}]}
NODES = {"ClientSubnets": ["subnet-1"], "SecurityGroups": ["sg-1"]}
OPEN_OUT = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
OWN = [{"IpProtocol": "tcp", "FromPort": 9096, "ToPort": 9096, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}]
TO_NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}
TO_INTERNET = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}
SERVICES = ("lambda", "sts", "secretsmanager")
ALL = "lambda, secretsmanager, sts"


def table(route: dict[str, str], **association: Any) -> dict[str, Any]:
    return {"Associations": [association], "Routes": [route]}


def network(**answers: Said) -> Aws:
    """An MSK cluster whose network is sound."""
    sound: dict[str, Said] = {
        "describe_cluster_v2": {"ClusterInfo": {"State": "ACTIVE", "Provisioned": {"BrokerNodeGroupInfo": NODES}}},
        "describe_subnets": {"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}]},
        "describe_route_tables": {"RouteTables": [table(TO_NAT, Main=True)]},
        "describe_vpc_endpoints": {"VpcEndpoints": []},
        "describe_security_groups": {"SecurityGroups": [{"IpPermissions": OWN, "IpPermissionsEgress": OPEN_OUT}]},
    }
    return Aws(**{**sound, **answers})


def endpoints(*services: str, state: str = "available") -> dict[str, Any]:
    return {"VpcEndpoints": [{"ServiceName": f"com.amazonaws.eu-west-1.{name}", "State": state} for name in services]}


CLOSED = {"RouteTables": [table(TO_INTERNET, Main=True)]}


@pytest.mark.parametrize("answers", [
    {},
    {"describe_route_tables": CLOSED, "describe_vpc_endpoints": endpoints(*SERVICES)},
    {"describe_route_tables": {"RouteTables": [table(TO_INTERNET, Main=True), table(TO_NAT, SubnetId="subnet-1")]}},
    {"describe_subnets": {"Subnets": []}},
], ids=["a NAT", "endpoints", "a table of its own", "not seen"])  # fmt: skip
def test_nothing_is_said_where_the_services_are_reached(answers: dict[str, Said]) -> None:
    assert told(network(**answers), subject(CLUSTER, **ACCESS)) == []


@pytest.mark.parametrize(("answers", "lacking"), [
    ({"describe_route_tables": CLOSED}, ALL),
    ({"describe_route_tables": CLOSED, "describe_vpc_endpoints": endpoints("lambda", "sts")}, "secretsmanager"),
    ({"describe_route_tables": CLOSED, "describe_vpc_endpoints": endpoints(*SERVICES, state="deleting")}, ALL),
    ({"describe_route_tables": {"RouteTables": [table(TO_NAT, Main=True), table(TO_INTERNET, SubnetId="subnet-1")]}}, ALL),
])  # fmt: skip
def test_what_is_not_reached_is_named(answers: dict[str, Said], lacking: str) -> None:
    assert told(network(**answers), subject(CLUSTER, **ACCESS)) == [
        "warning C125 the subnets of the source (subnet-1) have neither a route to a NAT gateway nor VPC endpoints for "
        f"{lacking}: Lambda cannot poll from there"
    ]


def test_provisioned_mode_needs_neither() -> None:
    aws = network(describe_route_tables=CLOSED)

    assert told(aws, subject(CLUSTER, **ACCESS, provisioned_poller_config={"minimum_pollers": 1})) == []

    assert "ec2:DescribeSubnets" not in aws.actions


@pytest.mark.parametrize(
    ("engine", "lacking"), [("RABBITMQ", "lambda, secretsmanager"), ("ActiveMQ", "lambda, secretsmanager, sts")]
)
def test_only_brokers_of_active_mq_need_sts(engine: str, lacking: str) -> None:
    broker = {"BrokerState": "RUNNING", "EngineType": engine, "SubnetIds": ["subnet-1"]}
    access = {"source_access_configuration": [{"type": "BASIC_AUTH", "uri": SECRET}]}

    [found] = told(network(describe_broker=broker, describe_route_tables=CLOSED), subject(BROKER, **access))

    assert f"VPC endpoints for {lacking}:" in found


@pytest.mark.parametrize("inbound", [
    [],
    [{"IpProtocol": "tcp", "FromPort": 9094, "ToPort": 9094, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}],
    [{"IpProtocol": "tcp", "FromPort": 9096, "ToPort": 9096, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}],
    [{"IpProtocol": "udp", "FromPort": 9096, "ToPort": 9096, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}],
], ids=["no rule", "another port", "another group", "another protocol"])  # fmt: skip
def test_the_port_of_the_sign_in_must_be_open_to_the_groups_themselves(inbound: list[dict[str, Any]]) -> None:
    groups = {"SecurityGroups": [{"IpPermissions": inbound, "IpPermissionsEgress": OPEN_OUT}]}

    assert told(network(describe_security_groups=groups), subject(CLUSTER, **ACCESS)) == [
        "warning C126 no inbound rule of the security groups sg-1 admits port 9096 from the groups themselves: Lambda's network "
        "interfaces are in these groups"
    ]


@pytest.mark.parametrize("inbound", [
    [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}],
    [{"IpProtocol": "tcp", "FromPort": 9000, "ToPort": 10000, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
], ids=["all protocols", "addresses"])  # fmt: skip
def test_addresses_may_be_those_of_the_groups(inbound: list[dict[str, Any]]) -> None:
    groups = {"SecurityGroups": [{"IpPermissions": inbound, "IpPermissionsEgress": OPEN_OUT}]}

    assert told(network(describe_security_groups=groups), subject(CLUSTER, **ACCESS)) == []


def test_https_must_be_let_out() -> None:
    out = [{"IpProtocol": "tcp", "FromPort": 9096, "ToPort": 9096}]
    groups = {"SecurityGroups": [{"IpPermissions": OWN, "IpPermissionsEgress": out}]}

    assert told(network(describe_security_groups=groups), subject(CLUSTER, **ACCESS)) == [
        "warning C126 no outbound rule of the security groups sg-1 admits port 443"
    ]


def test_a_self_managed_cluster_says_where_it_is() -> None:
    access = [("VPC_SUBNET", "subnet:subnet-1"), ("VPC_SECURITY_GROUP", "security_group:sg-1")]
    cluster = {
        "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:9094"]}},
        "source_access_configuration": [{"type": kind, "uri": uri} for kind, uri in access],
    }

    found = told(network(describe_route_tables=CLOSED), subject("", **cluster))

    assert [line[:12] for line in found] == ["warning C125", "warning C126"]
    assert "(subnet-1)" in found[0]
    assert "port 9094" in found[1]
