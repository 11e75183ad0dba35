"""IAM's simulator over the policies that roles have, and what is told of things that the sandbox has no service for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from provisioner.sandbox.seed import Seed
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.roles import Guard, guarded

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
OTHERS = f"arn:aws:sqs:{REGION}:210987654321:orders"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/clicks"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:mq-AbCdEf"
CLUSTER = f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/core/0a1b2c3d-1111-2222-3333-444455556666-7"
BROKER = f"arn:aws:mq:{REGION}:{ACCOUNT}:broker:billing:b-11111111-2222-3333-4444-555555555555"
DATABASE = f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:catalogue"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": QUEUE}]}
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
]}  # fmt: skip
VIA = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY,
    "Condition": {"StringEquals": {"kms:ViaService": "sqs.eu-west-1.amazonaws.com"}},
}]}  # fmt: skip
SEED = {
    "roles": [
        {"name": "via", "policies": [VIA]},
        {"name": "all"},
        {"name": "reads", "policies": [READS]},
        {"name": "managed", "policies": ["AWSLambdaSQSQueueExecutionRole", "AWSLambdaKinesisExecutionRole"]},
        {"name": "none", "policies": []},
        {"name": "given", "policies": []},
        {"name": "lacking", "lacks": ["sqs:DeleteMessage"]},
    ],
    "functions": [{"name": name, "role": name} for name in ("all", "reads", "managed", "none", "given", "lacking")],
    "queues": [
        {"name": "orders"},
        {"name": "orders", "account": "210987654321"},
        {"name": "open", "policy": {"Statement": [{
            "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/none"}, "Action": "sqs:*", "Resource": "*",
        }]}},
        {"name": "closed", "policy": {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}},
    ],
    "streams": [{"name": "clicks", "consumers": [{"name": "enricher", "created": 1767225600}]}],
    "missing": [f"{SECRET[:-6]}gone00"],
    "secrets": [{"arn": f"{SECRET[:-6]}going0", "deleted": True}],
    "brokers": [{"arn": BROKER, "engine": "ActiveMQ"}],
    "clusters": [{"arn": CLUSTER, "state": "CREATING", "sign_in": ["scram"], "secrets": [SECRET]}],
    "databases": [{"arn": DATABASE, "tls": False}],
    "keys": [{"arn": KEY, "error": "DisabledException"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def account() -> Iterator[Guard]:
    with guarded(Seed.model_validate(SEED)) as guard:
        yield guard


def simulated(
    account: Guard, role: str, *actions: str, resources: list[str], **more: Any
) -> dict[tuple[str, str], str]:
    answer = account.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", ActionNames=list(actions), ResourceArns=resources, **more
    )
    return {
        (item["EvalActionName"], resource): decision
        for item in answer["EvaluationResults"]
        for resource, decision in decisions(item).items()
    }


def decisions(result: dict[str, Any]) -> dict[str, str]:
    """The decision about each resource: the result's own where there is one resource."""
    each = {
        item["EvalResourceName"]: item["EvalResourceDecision"] for item in result.get("ResourceSpecificResults", ())
    }
    return each or {result["EvalResourceName"]: result["EvalDecision"]}


@pytest.mark.parametrize(("role", "action", "resource", "decided"), [
    ("all", "sqs:DeleteMessage", QUEUE, "allowed"),
    ("reads", "sqs:ReceiveMessage", QUEUE, "allowed"),
    ("reads", "sqs:ReceiveMessage", f"{QUEUE}-2", "implicitDeny"),
    ("managed", "kinesis:GetRecords", STREAM, "allowed"),
    ("managed", "dynamodb:GetRecords", STREAM, "implicitDeny"),
    ("none", "sqs:ReceiveMessage", QUEUE, "implicitDeny"),
    ("lacking", "sqs:DeleteMessage", QUEUE, "explicitDeny"),
    ("lacking", "sqs:ReceiveMessage", QUEUE, "allowed"),
])  # fmt: skip
def test_the_real_policies_decide(account: Guard, role: str, action: str, resource: str, decided: str) -> None:
    assert simulated(account, role, action, resources=[resource]) == {(action, resource): decided}


def test_every_action_is_decided_for_every_resource_page_by_page(account: Guard) -> None:
    resources = [f"{QUEUE}-{number}" for number in range(4)]
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    pages = list(
        account.client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(
            PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/all",
            ActionNames=actions,
            ResourceArns=resources,
            PaginationConfig={"PageSize": 2},
        )
    )

    results = [item for page in pages for item in page["EvaluationResults"]]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    assert {item["EvalActionName"]: list(decisions(item)) for item in results} == dict.fromkeys(actions, resources)


def test_one_resource_is_the_actions_own_and_several_stand_below_it(account: Guard) -> None:
    """docs/aws/permissions.md#the-simulator"""
    iam, other = account.client("iam"), f"{QUEUE}-2"
    asked = {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/reads", "ActionNames": ["sqs:ReceiveMessage"]}
    [one] = iam.simulate_principal_policy(**asked, ResourceArns=[QUEUE])["EvaluationResults"]
    [both] = iam.simulate_principal_policy(**asked, ResourceArns=[QUEUE, other])["EvaluationResults"]

    assert (one["EvalResourceName"], one["EvalDecision"]) == (QUEUE, "allowed")
    assert "ResourceSpecificResults" not in one
    assert one["MatchedStatements"] == [{"SourcePolicyId": "seed-1", "SourcePolicyType": "role"}]
    assert both["EvalResourceName"] not in (QUEUE, other)
    assert both["EvalDecision"] == "allowed"
    assert decisions(both) == {QUEUE: "allowed", other: "implicitDeny"}


@pytest.mark.parametrize(("context", "decided", "missing"), [
    ([], "implicitDeny", ["kms:ViaService"]),
    ([("kms:viaservice", "sqs.eu-west-1.amazonaws.com")], "allowed", []),
    ([("kms:ViaService", "s3.eu-west-1.amazonaws.com")], "implicitDeny", []),
])  # fmt: skip
def test_a_condition_is_held_against_the_context_that_is_sent(
    account: Guard, context: list[tuple[str, str]], decided: str, missing: list[str]
) -> None:
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"} for key, value in context
    ]

    [result] = account.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/via",
        ActionNames=["kms:Decrypt"],
        ResourceArns=[KEY],
        **({"ContextEntries": entries} if entries else {}),
    )["EvaluationResults"]

    assert (result["EvalDecision"], result["MissingContextValues"]) == (decided, missing)


def test_a_boundary_bounds_what_is_simulated(account: Guard) -> None:
    iam = account.client("iam")
    bound = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
    iam.create_role(
        RoleName="bound", Path="/teams/", AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=bound
    )
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="bound", PolicyName="all", PolicyDocument=json.dumps(everything))

    results = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/teams/bound", ActionNames=["sqs:ReceiveMessage", "kms:Decrypt"]
    )["EvaluationResults"]

    assert [
        (item["EvalDecision"], item["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"])
        for item in results
    ] == [("allowed", True), ("implicitDeny", False)]


def test_a_role_that_is_not_there_is_no_entity(account: Guard) -> None:
    with pytest.raises(ClientError) as caught:
        simulated(account, "nobody", "sqs:ReceiveMessage", resources=[QUEUE])

    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"


def test_a_role_that_somebody_creates_may_do_nothing_until_it_has_a_policy(account: Guard) -> None:
    iam = account.client("iam")
    iam.create_role(RoleName="new", AssumeRolePolicyDocument=json.dumps(TRUST))

    before = simulated(account, "new", "sqs:ReceiveMessage", resources=[QUEUE])
    iam.put_role_policy(RoleName="new", PolicyName="reads", PolicyDocument=json.dumps(READS))
    after = simulated(account, "new", "sqs:ReceiveMessage", resources=[QUEUE])

    assert [*before.values(), *after.values()] == ["implicitDeny", "allowed"]


def created(account: Guard, function: str, source: str, **members: Any) -> str:
    """The error of a creation, or "" for a mapping that is made and deleted again."""
    client = account.client()
    try:
        made = client.create_event_source_mapping(
            FunctionName=function, EventSourceArn=source, Enabled=False, **members
        )
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    client.delete_event_source_mapping(UUID=made["UUID"])
    return ""


LACKING = "The function execution role does not have permissions to call {} on SQS"


@pytest.mark.parametrize(("function", "queue", "words"), [
    ("managed", QUEUE, ""),
    ("reads", QUEUE, LACKING.format("DeleteMessage")),
    ("none", QUEUE, LACKING.format("ReceiveMessage")),
    ("none", QUEUE.replace("orders", "open"), ""),
    ("all", QUEUE.replace("orders", "closed"), LACKING.format("ReceiveMessage")),
    ("managed", OTHERS, ""),
    ("none", OTHERS, LACKING.format("ReceiveMessage")),
])  # fmt: skip
def test_a_creation_is_checked_by_the_policies_of_role_and_queue(
    account: Guard, function: str, queue: str, words: str
) -> None:
    assert created(account, function, queue) == words


CONSUMER = f"{STREAM}/consumer/enricher:1767225600"
READING = {"kinesis:*": STREAM}
BROKERS = {"kafka:DescribeClusterV2": CLUSTER, "kafka:GetBootstrapBrokers": "*"}
SCRAM = {"Topics": ["events"], "SourceAccessConfigurations": [{"Type": "SASL_SCRAM_512_AUTH", "URI": SECRET}]}


def failing_to(destination: str) -> dict[str, Any]:
    return {"StartingPosition": "LATEST", "DestinationConfig": {"OnFailure": {"Destination": destination}}}


@pytest.mark.parametrize(("allowed", "source", "members", "words"), [
    (READING, CONSUMER, {"StartingPosition": "LATEST"}, f"Cannot access event source {CONSUMER}. "),
    ({"kinesis:*": CONSUMER}, CONSUMER, {"StartingPosition": "LATEST"}, f"Cannot access event source {CONSUMER}. "),
    ({**READING, "kinesis:SubscribeToShard": CONSUMER}, CONSUMER, {"StartingPosition": "LATEST"}, ""),
    ({"kafka:*": CLUSTER}, CLUSTER, {"Topics": ["events"], "StartingPosition": "LATEST"}, f"Cannot access cluster {CLUSTER}. "),
    (BROKERS, CLUSTER, {"Topics": ["events"], "StartingPosition": "LATEST"}, ""),
    (BROKERS, CLUSTER, {**SCRAM, "StartingPosition": "LATEST"}, f"Cannot access secret manager value {SECRET}. "),
    ({**BROKERS, "secretsmanager:GetSecretValue": f"{SECRET[:-6]}??????"}, CLUSTER,
     {**SCRAM, "StartingPosition": "LATEST"}, ""),
    (READING, STREAM, failing_to(QUEUE), LACKING.format("SendMessage")),
    ({**READING, "sqs:SendMessage": QUEUE}, STREAM, failing_to(QUEUE), ""),
    ({**READING, "s3:PutObject": "arn:aws:s3:::failed/aws/lambda/*"}, STREAM, failing_to("arn:aws:s3:::failed"),
     "The function execution role does not have permissions to call PutObject on S3"),
    ({**READING, "s3:PutObject": "arn:aws:s3:::failed/*"}, STREAM, failing_to("arn:aws:s3:::failed"), ""),
])  # fmt: skip
def test_each_action_is_asked_of_the_thing_that_it_is_about(
    account: Guard, allowed: dict[str, str], source: str, members: dict[str, Any], words: str
) -> None:
    """docs/aws/permissions.md#by-kind and #destinations"""
    statements = [{"Effect": "Allow", "Action": action, "Resource": on} for action, on in allowed.items()]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    account.client("iam").put_role_policy(RoleName="given", PolicyName="given", PolicyDocument=policy)

    refused = created(account, "given", source, **members)

    assert refused.startswith(words) if words else refused == ""


def test_a_role_that_does_not_trust_lambda_cannot_be_assumed(account: Guard) -> None:
    iam = account.client("iam")
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    before = json.dumps(iam.get_role(RoleName="all")["Role"]["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName="all", PolicyDocument=trust)

    refused = created(account, "all", QUEUE)
    iam.update_assume_role_policy(RoleName="all", PolicyDocument=before)

    assert refused == "The role defined for the function cannot be assumed by Lambda."


# --- what is told of what the sandbox has no service for -------------------------------------------------------------


def test_what_the_seed_does_not_name_is_there_and_sound(account: Guard) -> None:
    other = BROKER.replace("1111-", "9999-")

    assert account.client("secretsmanager").describe_secret(SecretId=SECRET)["ARN"] == SECRET
    assert account.client("kms").describe_key(KeyId=f"{KEY[:-1]}0")["KeyMetadata"]["KeyState"] == "Enabled"
    assert account.client("mq").describe_broker(BrokerId=other.rpartition(":")[2])["BrokerState"] == "RUNNING"
    assert account.client("kafka").describe_cluster_v2(ClusterArn=f"{CLUSTER}0")["ClusterInfo"]["State"] == "ACTIVE"
    [database] = account.client("docdb").describe_db_clusters(DBClusterIdentifier="other")["DBClusters"]
    assert (database["Engine"], database["Status"]) == ("docdb", "available")


def test_what_the_seed_says_is_told(account: Guard) -> None:
    kafka, docdb = account.client("kafka"), account.client("docdb")
    info = kafka.describe_cluster_v2(ClusterArn=CLUSTER)["ClusterInfo"]
    [database] = docdb.describe_db_clusters(DBClusterIdentifier="catalogue")["DBClusters"]
    parameters = docdb.describe_db_cluster_parameters(DBClusterParameterGroupName=database["DBClusterParameterGroup"])

    assert info["State"] == "CREATING"
    assert info["Provisioned"]["ClientAuthentication"]["Sasl"] == {
        "Scram": {"Enabled": True},
        "Iam": {"Enabled": False},
    }
    assert kafka.list_scram_secrets(ClusterArn=CLUSTER)["SecretArnList"] == [SECRET]
    assert account.client("mq").describe_broker(BrokerId=BROKER.rpartition(":")[2])["EngineType"] == "ACTIVEMQ"
    assert parameters["Parameters"][0]["ParameterValue"] == "disabled"
    assert account.client("kms").describe_key(KeyId=KEY)["KeyMetadata"]["KeyState"] == "Disabled"
    assert "DeletedDate" in account.client("secretsmanager").describe_secret(SecretId=f"{SECRET[:-6]}going0")


def test_what_is_missing_is_refused(account: Guard) -> None:
    secrets = account.client("secretsmanager")

    with pytest.raises(ClientError) as caught:
        secrets.describe_secret(SecretId=f"{SECRET[:-6]}gone00")

    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_queue_of_another_account_is_told_by_its_url(account: Guard) -> None:
    url = f"https://sqs.{REGION}.amazonaws.com/210987654321/orders"

    answer = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])

    assert answer["Attributes"]["QueueArn"] == OTHERS


@pytest.mark.parametrize(("service", "action", "operation", "arguments", "code"), [
    ("sqs", "sqs:GetQueueAttributes", "get_queue_attributes", {"QueueUrl": "https://x/1/q"}, "AccessDeniedException"),
    ("lambda", "lambda:GetFunction", "get_function", {"FunctionName": "all"}, "AccessDeniedException"),
    ("iam", "iam:GetRole", "get_role", {"RoleName": "all"}, "AccessDenied"),
    ("iam", "iam:SimulatePrincipalPolicy", "simulate_principal_policy",
     {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/all", "ActionNames": ["a:b"]}, "AccessDenied"),
    ("kafka", "kafka:DescribeClusterV2", "describe_cluster_v2", {"ClusterArn": CLUSTER}, "AccessDeniedException"),
    ("kafka", "kafka:ListScramSecrets", "list_scram_secrets", {"ClusterArn": CLUSTER}, "AccessDeniedException"),
    ("mq", "mq:DescribeBroker", "describe_broker", {"BrokerId": "b-1"}, "AccessDeniedException"),
    ("docdb", "rds:DescribeDBClusters", "describe_db_clusters", {}, "AccessDenied"),
    ("ec2", "ec2:DescribeSubnets", "describe_subnets", {}, "UnauthorizedOperation"),
    ("s3", "s3:GetBucketNotification", "get_bucket_notification_configuration", {"Bucket": "b"}, "AccessDenied"),
    ("lambda", "lambda:ListEventSourceMappings", "list_event_source_mappings", {}, "AccessDeniedException"),
])  # fmt: skip
def test_what_the_caller_lacks_is_refused(
    account: Guard, service: str, action: str, operation: str, arguments: dict[str, Any], code: str
) -> None:
    call = getattr(account.client(service), operation)
    account.behind.troubles.caller = frozenset({action})
    try:
        with pytest.raises(ClientError) as caught:
            call(**arguments)
    finally:
        account.behind.troubles.caller = frozenset()

    assert caught.value.response["Error"]["Code"] == code
    assert f"is not authorized to perform: {action}" in caught.value.response["Error"]["Message"]
