"""Checks of clusters and brokers: MSK, Amazon MQ, DocumentDB."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final

from provisioner.checks.case import Case, Findings, Judging, question
from provisioner.kinds.permissions import access_types, access_uris
from provisioner.model.checks import Answer, Question
from provisioner.model.references import Arn

_SCRAM: Final = "SASL_SCRAM_512_AUTH"
_TLS: Final = "CLIENT_CERTIFICATE_TLS_AUTH"


def msk(case: Case) -> Judging:
    """The cluster must be there, active, and take the way in which Lambda signs in."""
    arn = case.arn
    if not arn.resource.startswith("cluster/"):
        return []  # a connection to another account's cluster
    (answer,) = yield (cluster_question(arn),)
    name = arn.resource.split("/")[1]
    if answer.gone:
        return case.error("C123", f"there is no MSK cluster {arn}")
    found = answer.part("ClusterInfo")
    state = found.get("State")
    if state and state not in ("ACTIVE", "UPDATING", "HEALING", "MAINTENANCE", "REBOOTING_BROKER"):
        return case.warning("C123", f"the cluster {name} is {state}")
    return _sign_in(case, name, found)


def cluster_question(arn: Arn) -> Question:
    """What an MSK cluster is."""
    return question("kafka", arn.region, "describe_cluster_v2", "kafka:DescribeClusterV2", ClusterArn=str(arn))


def _sign_in(case: Case, name: str, found: Mapping[str, Any]) -> Findings:
    provisioned, serverless = found.get("Provisioned"), found.get("Serverless")
    ways = (provisioned or serverless or {}).get("ClientAuthentication") or {}
    sasl = ways.get("Sasl") or {}
    types = access_types(case.subject.mapping)
    wanted = {_SCRAM: ("SASL/SCRAM", sasl.get("Scram")), _TLS: ("mutual TLS", ways.get("Tls"))}
    asked = [wanted[kind] for kind in types if kind in wanted]
    if not asked and not (ways.get("Unauthenticated") or {}).get("Enabled"):
        asked = [("IAM", sasl.get("Iam"))]
    lacking = [label for label, way in asked if way is None or way.get("Enabled") is False]
    if not lacking or not ways:
        return []
    return case.warning(
        "C123", f"the cluster {name} does not take {' and '.join(lacking)}, by which Lambda would sign in"
    )


def scram(case: Case) -> Judging:
    """A SCRAM secret must be associated with the cluster."""
    arn = case.arn
    secrets = access_uris(case.subject.mapping, _SCRAM)
    if not secrets or not arn.resource.startswith("cluster/"):
        return []
    asked = question("kafka", arn.region, "list_scram_secrets", "kafka:ListScramSecrets", ClusterArn=str(arn))
    (answer,) = yield (asked,)
    listed = answer.part().get("SecretArnList")
    # A list that goes on is not judged: the secret may be on its next page.
    lacking = [secret for secret in secrets if listed is not None and secret not in listed]
    if not lacking or answer.part().get("NextToken"):
        return []
    return case.warning(
        "C124", f"the secret {lacking[0]} is not associated with the cluster {arn.resource.split('/')[1]}"
    )


def broker(case: Case) -> Judging:
    """The broker must be there and running, and only RabbitMQ has virtual hosts."""
    arn = case.arn
    answer = yield from the_broker(arn)
    name = arn.resource.split(":")[1] if ":" in arn.resource else arn.resource
    if answer.gone:
        return case.error("C127", f"there is no broker {name} in account {arn.account} in {arn.region}")
    found = answer.part()
    state, engine = found.get("BrokerState"), str(found.get("EngineType") or "")
    if "VIRTUAL_HOST" in access_types(case.subject.mapping) and engine.upper() == "ACTIVEMQ":
        return case.warning(
            "C127", f"the broker {name} is ActiveMQ, which has no virtual hosts: AWS refuses VIRTUAL_HOST"
        )
    if state and state not in ("RUNNING", "REBOOT_IN_PROGRESS"):
        return case.warning("C127", f"the broker {name} is {state}")
    strategy = str(found.get("AuthenticationStrategy") or "SIMPLE").upper()
    if strategy not in ("SIMPLE", "CONFIG_MANAGED"):
        return case.warning(
            "C127", f"the broker {name} signs in by {strategy}; Lambda signs in by name and password alone"
        )
    return []


def the_broker(arn: Arn) -> Generator[tuple[Question, ...], tuple[Answer, ...], Answer]:
    """What a broker is, by the id at the end of its ARN, `broker:NAME:ID`."""
    ident = arn.resource.rpartition(":")[2]
    (answer,) = yield (question("mq", arn.region, "describe_broker", "mq:DescribeBroker", BrokerId=ident),)
    return answer


def document_db(case: Case) -> Judging:
    """The cluster must be there, of DocumentDB, of the function's account and region, and available."""
    arn = case.arn
    name = arn.resource.rpartition(":")[2]
    if arn.account != case.subject.account or arn.region != case.subject.region:
        where = f"account {case.subject.account} in {case.subject.region}"
        return case.error("C128", f"the cluster {name} is not in the function's {where}, as AWS requires")
    (answer,) = yield (_document_db(arn),)
    if answer.gone:
        return case.error("C128", f"there is no DocumentDB cluster {name} in {arn.region}")
    found = yield from cluster_of(arn)
    engine = found.get("Engine") or "docdb"
    if engine != "docdb":
        return case.error("C128", f"the cluster {name} is {engine}, not DocumentDB")
    status = found.get("Status")
    if status and status != "available":
        return case.error("C128", f"the cluster {name} is {status}, not available")
    return (yield from _without_tls(case, arn.region, name, found.get("DBClusterParameterGroup") or ""))


def _document_db(arn: Arn) -> Question:
    name = arn.resource.rpartition(":")[2]
    return question("docdb", arn.region, "describe_db_clusters", "rds:DescribeDBClusters", DBClusterIdentifier=name)


def cluster_of(arn: Arn) -> Generator[tuple[Question, ...], tuple[Answer, ...], Mapping[str, Any]]:
    """What a cluster of DocumentDB is, empty where that is not known."""
    (answer,) = yield (_document_db(arn),)
    found: Mapping[str, Any] = next(iter(answer.part().get("DBClusters") or ()), {})
    return found


def _without_tls(case: Case, region: str, name: str, group: str) -> Judging:
    if not group:
        return []
    asked = question(
        "docdb",
        region,
        "describe_db_cluster_parameters",
        "rds:DescribeDBClusterParameters",
        DBClusterParameterGroupName=group,
    )
    (answer,) = yield (asked,)
    listed = answer.part().get("Parameters") or ()
    values = [item.get("ParameterValue") for item in listed if item.get("ParameterName") == "tls"]
    if values != ["disabled"]:
        return []
    return case.warning(
        "C128", f"TLS is off in the parameter group {group} of the cluster {name}: Lambda connects by TLS"
    )
