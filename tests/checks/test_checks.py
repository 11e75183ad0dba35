"""Each check, on answers of AWS in which one thing is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from provisioner.checks.table import CHECKS
from provisioner.model.checks import Answer
from provisioner.model.codes import EXPLANATIONS
from tests.checks.asking import (
    ACCOUNT,
    BROKER,
    CLUSTER,
    DATABASE,
    GONE,
    QUEUE,
    REGION,
    ROLE,
    SECRET,
    STREAM,
    TABLE,
    Aws,
    Said,
    checked,
    function,
    queue,
    redrive,
    simulated,
    subject,
    told,
    trusting,
)

SIGN_IN = {"source_access_configuration": [{"type": "BASIC_AUTH", "uri": SECRET}]}
OF_CLUSTER = {"source_access_configuration": [{"type": "SASL_SCRAM_512_AUTH", "uri": SECRET}]}
CONSUMER = f"{STREAM}/consumer/enricher:1767225600"
FAILURES = {"destination_config": {"on_failure": {"destination_arn": f"{QUEUE}-failed"}}}
SUMMARY = {"StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "OpenShardCount": 4}
NEW_STREAM = TABLE.replace("2026", "2027")
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
OTHERS = QUEUE.replace(ACCOUNT, "210987654321")


def dead(**attributes: Any) -> Said:
    """Answers in which the dead-letter queue of a sound queue has these attributes."""
    return lambda asked: queue(**attributes) if "dead" in asked["QueueUrl"] else queue()


def read(**attributes: Any) -> Said:
    """Answers in which the queue that is read has these attributes, and its dead-letter queue is sound."""
    sound = queue(MessageRetentionPeriod="1209600")
    return lambda asked: sound if "dead" in asked["QueueUrl"] else queue(**attributes)


def policy(effect: str, principal: Any, **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Principal": principal, "Action": "sqs:*", "Resource": QUEUE, **more}]}


CASES: list[tuple[str, dict[str, Said], tuple[str, dict[str, Any]], str]] = [
    # --- the function ---
    ("absent", {"get_function": GONE}, (QUEUE, {}), "error C101 there is no function worker in eu-west-1"),
    (
        "alias",
        {"get_function": lambda asked: GONE if asked.get("Qualifier") == "live" else function()},
        (QUEUE, {"function_name": "worker:live"}),
        "error C101 there is no function worker:live in eu-west-1",
    ),
    (
        "failed",
        {"get_function": function(State="Failed", StateReason="no network")},
        (QUEUE, {}),
        "error C102 the function worker is in the state Failed: no network",
    ),
    (
        "pending",
        {"get_function": function(State="Pending")},
        (QUEUE, {}),
        "warning C102 the function worker is in the state Pending",
    ),
    (
        "update failed",
        {"get_function": function(LastUpdateStatus="Failed")},
        (QUEUE, {}),
        "warning C102 the last update of the function worker failed",
    ),
    (
        "nothing reserved",
        {"get_function": function(reserved=0)},
        (QUEUE, {}),
        "warning C103 nothing is invoked: the reserved concurrency of worker is 0; messages then go to the "
        "dead-letter queue, or expire",
    ),
    (
        "too little reserved",
        {"get_function": function(reserved=8)},
        (QUEUE, {"scaling_config": {"maximum_concurrency": 10}}),
        "warning C104 maximum_concurrency is 10, more than the reserved concurrency of worker, 8: messages are throttled",
    ),
    (
        "four reserved",
        {"get_function": function(reserved=4)},
        (QUEUE, {}),
        "warning C104 the reserved concurrency of worker is 4: with fewer than 5, messages of a queue are throttled",
    ),
    (
        "slow",
        {"get_function": function(Timeout=841)},
        (BROKER, {"queues": ["in"], **SIGN_IN}),
        "warning C105 the timeout of worker is 841 seconds; with an Amazon MQ broker, AWS supports at most 840",
    ),
    # --- the role ---
    ("no role", {"get_role": GONE}, (QUEUE, {}), f"error C106 the execution role {ROLE} of worker does not exist"),
    (
        "not assumed",
        {"get_role": trusting("ec2.amazonaws.com")},
        (QUEUE, {}),
        "error C106 the trust policy of the role worker does not let lambda.amazonaws.com assume it",
    ),
    (
        "two actions",
        {"simulate_principal_policy": simulated(sqs_ReceiveMessage="implicitDeny", sqs_DeleteMessage="implicitDeny")},
        (QUEUE, {}),
        f"error C107 the role worker may not sqs:DeleteMessage and sqs:ReceiveMessage on {QUEUE}",
    ),
    (
        "denied by a statement",
        {
            "simulate_principal_policy": simulated(sqs_ReceiveMessage="explicitDeny"),
            "get_queue_attributes": read(Policy=policy("Allow", "*")),
        },
        (QUEUE, {}),
        f"error C107 the role worker may not sqs:ReceiveMessage on {QUEUE}",
    ),
    (
        "the queue's policy may allow it",
        {
            "simulate_principal_policy": simulated(sqs_ReceiveMessage="implicitDeny"),
            "get_queue_attributes": read(
                Policy=policy("Allow", "*", Condition={"Bool": {"aws:SecureTransport": "true"}})
            ),
        },
        (QUEUE, {}),
        f"likely C107 the role worker may not sqs:ReceiveMessage on {QUEUE}",
    ),
    (
        "the policy of a stream is not read",
        {"simulate_principal_policy": simulated(kinesis_GetRecords="implicitDeny")},
        (STREAM, {}),
        f"likely C107 the role worker may not kinesis:GetRecords on {STREAM}",
    ),
    (
        "a condition",
        {"simulate_principal_policy": simulated(sqs_ReceiveMessage="aws:SourceVpc")},
        (QUEUE, {}),
        "skipped C100 whether the role worker may do what is needed depends on the condition keys aws:SourceVpc",
    ),
    (
        "the destination",
        {"simulate_principal_policy": simulated(sqs_SendMessage="explicitDeny")},
        (STREAM, FAILURES),
        f"error C107 the role worker may not sqs:SendMessage on {QUEUE}-failed",
    ),
    (
        "denied by the queue",
        {"get_queue_attributes": read(Policy=policy("Deny", {"AWS": ROLE}))},
        (QUEUE, {}),
        "likely C115 the policy of the queue orders denies sqs:DeleteMessage, sqs:GetQueueAttributes and sqs:ReceiveMessage to "
        "the role worker",
    ),
    (
        "another account's queue",
        {},
        (OTHERS, {}),
        "likely C115 the queue orders is in account 210987654321, and its policy does not allow sqs:DeleteMessage, "
        f"sqs:GetQueueAttributes and sqs:ReceiveMessage to the role {ROLE}",
    ),
    (
        "a customer key",
        {
            "get_queue_attributes": read(KmsMasterKeyId=KEY),
            "simulate_principal_policy": simulated(kms_Decrypt="implicitDeny"),
        },
        (QUEUE, {}),
        f"likely C116 the role worker may not kms:Decrypt on {KEY}",
    ),
    # --- queues ---
    (
        "no queue",
        {"get_queue_attributes": GONE},
        (QUEUE, {}),
        f"error C108 there is no queue orders in account {ACCOUNT} in eu-west-1",
    ),
    (
        "visible too early",
        {"get_function": function(Timeout=60)},
        (QUEUE, {}),
        "error C109 Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
    ),
    (
        "visible early",
        {"get_function": function(Timeout=10)},
        (QUEUE, {"maximum_batching_window_in_seconds": 5}),
        "warning C110 the visibility timeout of orders is 30 seconds; AWS recommends at least 65: six times the function's "
        "timeout of 10 plus the batching window of 5",
    ),
    (
        "no redrive",
        {"get_queue_attributes": queue(RedrivePolicy=None)},
        (QUEUE, {}),
        "warning C112 the queue orders has no dead-letter queue: a message that always fails is received again until it expires",
    ),
    (
        "few receives",
        {"get_queue_attributes": read(RedrivePolicy=redrive(4))},
        (QUEUE, {}),
        "warning C112 the queue orders has maxReceiveCount 4: with fewer than 5, messages that were only throttled go to the "
        "dead-letter queue",
    ),
    (
        "no dead-letter queue",
        {"get_queue_attributes": lambda asked: GONE if "dead" in asked["QueueUrl"] else queue()},
        (QUEUE, {}),
        "warning C113 the dead-letter queue orders-dead of orders does not exist",
    ),
    (
        "not FIFO",
        {"get_queue_attributes": dead(FifoQueue="true")},
        (QUEUE, {}),
        "warning C113 orders and its dead-letter queue orders-dead must both be FIFO queues, or neither",
    ),
    (
        "not its source",
        {
            "get_queue_attributes": dead(
                RedriveAllowPolicy={"redrivePermission": "byQueue", "sourceQueueArns": [OTHERS]}
            )
        },
        (QUEUE, {}),
        "warning C113 the RedriveAllowPolicy of orders-dead does not let orders use it as dead-letter queue",
    ),
    (
        "kept as long",
        {"get_queue_attributes": dead()},
        (QUEUE, {}),
        "warning C113 the dead-letter queue orders-dead keeps messages for 345600 seconds, orders for 345600: a message keeps "
        "its age, and may expire as soon as it arrives",
    ),
    (
        "expires first",
        {"get_queue_attributes": read(MessageRetentionPeriod="60")},
        (QUEUE, {}),
        "warning C114 messages of orders expire before they reach the dead-letter queue: 5 receives at a visibility timeout of "
        "30 seconds take 150 seconds, and they are kept for 60",
    ),
    # --- streams ---
    (
        "no stream",
        {"describe_stream_summary": GONE},
        (STREAM, {}),
        f"error C117 there is no stream clicks in account {ACCOUNT} in eu-west-1",
    ),
    (
        "creating",
        {"describe_stream_summary": {"StreamDescriptionSummary": {"StreamStatus": "CREATING"}}},
        (STREAM, {}),
        "warning C117 the stream clicks is CREATING",
    ),
    (
        "kept for a day",
        {},
        (STREAM, {"maximum_record_age_in_seconds": 90_000}),
        "warning C117 maximum_record_age_in_seconds is 90000, but the stream clicks keeps records for 86400 seconds: records "
        "expire before they are given up, and reach no destination",
    ),
    (
        "no consumer",
        {"describe_stream_consumer": GONE},
        (CONSUMER, {}),
        "error C118 there is no consumer enricher of the stream clicks with this ARN",
    ),
    (
        "consumer creating",
        {"describe_stream_consumer": {"ConsumerDescription": {"ConsumerStatus": "CREATING"}}},
        (CONSUMER, {}),
        "warning C118 the consumer enricher of the stream clicks is CREATING",
    ),
    (
        "many shards",
        {"get_function": function(reserved=7), "describe_stream_summary": {"StreamDescriptionSummary": SUMMARY}},
        (STREAM, {"parallelization_factor": 2}),
        "warning C119 4 shards of clicks with parallelization_factor 2 need 8 functions at once; the reserved concurrency of "
        "worker is 7",
    ),
    (
        "no table",
        {"describe_stream": GONE, "describe_table": GONE},
        (TABLE, {}),
        f"error C120 there is no table customers in account {ACCOUNT} in eu-west-1",
    ),
    (
        "a new stream",
        {
            "describe_stream": GONE,
            "describe_table": {
                "Table": {"LatestStreamArn": NEW_STREAM, "StreamSpecification": {"StreamEnabled": True}}
            },
        },
        (TABLE, {}),
        f"error C120 there is no stream {TABLE}; the table's stream is now {NEW_STREAM}",
    ),
    (
        "switched off",
        {"describe_stream": {"StreamDescription": {"StreamStatus": "DISABLED"}}, "describe_table": {"Table": {}}},
        (TABLE, {}),
        "warning C120 the stream of the table customers is switched off and gets nothing new; the table has no stream now",
    ),
    (
        "no old image",
        {},
        (TABLE, {"filter_criteria": {"filter": [{"pattern": '{"dynamodb":{"OldImage":{"id":{"S":["a"]}}}}'}]}}),
        "warning C121 a filter asks for OldImage, but the view type of the stream is NEW_IMAGE: it has none",
    ),
    (
        "older than a day",
        {},
        (TABLE, {"maximum_record_age_in_seconds": 90_000}),
        "warning C122 maximum_record_age_in_seconds is 90000, but a stream of DynamoDB keeps records for 86400 seconds: records "
        "expire before they are given up, and reach no destination",
    ),
    # --- clusters and brokers ---
    (
        "no cluster",
        {"describe_cluster_v2": GONE},
        (CLUSTER, OF_CLUSTER),
        f"error C123 there is no MSK cluster {CLUSTER}",
    ),
    (
        "cluster creating",
        {"describe_cluster_v2": {"ClusterInfo": {"State": "CREATING"}}},
        (CLUSTER, OF_CLUSTER),
        "warning C123 the cluster ledger is CREATING",
    ),
    (
        "no SCRAM",
        {
            "describe_cluster_v2": {
                "ClusterInfo": {"Provisioned": {"ClientAuthentication": {"Sasl": {"Scram": {"Enabled": False}}}}}
            }
        },
        (CLUSTER, OF_CLUSTER),
        "warning C123 the cluster ledger does not take SASL/SCRAM, by which Lambda would sign in",
    ),
    (
        "not associated",
        {"list_scram_secrets": {"SecretArnList": []}},
        (CLUSTER, OF_CLUSTER),
        f"warning C124 the secret {SECRET} is not associated with the cluster ledger",
    ),
    (
        "no broker",
        {"describe_broker": GONE},
        (BROKER, {"queues": ["in"], **SIGN_IN}),
        f"error C127 there is no broker billing in account {ACCOUNT} in eu-west-1",
    ),
    (
        "a virtual host",
        {"describe_broker": {"EngineType": "ActiveMQ"}},
        (
            BROKER,
            {
                "source_access_configuration": [
                    *SIGN_IN["source_access_configuration"],
                    {"type": "VIRTUAL_HOST", "uri": "/"},
                ]
            },
        ),
        "warning C127 the broker billing is ActiveMQ, which has no virtual hosts: AWS refuses VIRTUAL_HOST",
    ),
    (
        "stopped",
        {"describe_broker": {"BrokerState": "DELETION_IN_PROGRESS"}},
        (BROKER, {"queues": ["in"], **SIGN_IN}),
        "warning C127 the broker billing is DELETION_IN_PROGRESS",
    ),
    (
        "no database",
        {"describe_db_clusters": GONE},
        (DATABASE, SIGN_IN),
        "error C128 there is no DocumentDB cluster catalogue in eu-west-1",
    ),
    (
        "another engine",
        {"describe_db_clusters": {"DBClusters": [{"Engine": "aurora-mysql"}]}},
        (DATABASE, SIGN_IN),
        "error C128 the cluster catalogue is aurora-mysql, not DocumentDB",
    ),
    (
        "no TLS",
        {
            "describe_db_clusters": {"DBClusters": [{"Engine": "docdb", "DBClusterParameterGroup": "plain"}]},
            "describe_db_cluster_parameters": {"Parameters": [{"ParameterName": "tls", "ParameterValue": "disabled"}]},
        },
        (DATABASE, SIGN_IN),
        "warning C128 TLS is off in the parameter group plain of the cluster catalogue: Lambda connects by TLS",
    ),
    # --- secrets, destinations, keys ---
    ("no secret", {"describe_secret": GONE}, (DATABASE, SIGN_IN), f"error C129 there is no secret {SECRET}"),
    (
        "a secret that goes",
        {"describe_secret": {"DeletedDate": "2026-01-01"}},
        (DATABASE, SIGN_IN),
        f"error C129 the secret {SECRET} is scheduled for deletion",
    ),
    (
        "no destination",
        {"get_queue_attributes": GONE},
        (STREAM, FAILURES),
        "error C130 the destination of failures does not exist: queue orders-failed",
    ),
    (
        "no bucket",
        {"head_bucket": GONE},
        (STREAM, {"destination_config": {"on_failure": {"destination_arn": "arn:aws:s3:::failures"}}}),
        "error C130 the destination of failures does not exist: bucket failures",
    ),
    ("no key", {"describe_key": GONE}, (QUEUE, {"kms_key_arn": KEY}), f"error C131 there is no key {KEY}"),
    (
        "a key that is off",
        {"describe_key": {"KeyMetadata": {"KeyState": "Disabled"}}},
        (QUEUE, {"kms_key_arn": KEY}),
        f"error C131 the key {KEY} is Disabled, not Enabled",
    ),
]


@pytest.mark.parametrize(
    ("answers", "mapping", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_wrong_is_found_and_nothing_else(
    answers: dict[str, Said], mapping: tuple[str, dict[str, Any]], expected: str
) -> None:
    source, fields = mapping

    assert told(Aws(**answers), subject(source, **fields)) == [expected]


SOUND = {
    QUEUE: {},
    f"{QUEUE}.fifo": {},
    STREAM: FAILURES,
    CONSUMER: {},
    TABLE: {"filter_criteria": {"filter": [{"pattern": '{"dynamodb":{"NewImage":{"id":{"S":["a"]}}}}'}]}},
    CLUSTER: OF_CLUSTER,
    BROKER: {"queues": ["in"], **SIGN_IN},
    DATABASE: SIGN_IN,
    "": {"self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:9092"]}}, **SIGN_IN},
}


@pytest.mark.parametrize("source", SOUND)
def test_nothing_is_found_where_nothing_is_wrong(source: str) -> None:
    fifo = {"FifoQueue": "true", "RedrivePolicy": redrive(5, f"{QUEUE}-dead.fifo")} if source.endswith(".fifo") else {}
    aws = Aws(get_queue_attributes=queue(**fifo)) if fifo else Aws()

    assert told(aws, subject(source, **SOUND[source])) == []


def test_the_policy_of_the_queue_may_admit_a_role_that_has_nothing() -> None:
    actions = ("sqs_ReceiveMessage", "sqs_DeleteMessage", "sqs_GetQueueAttributes")
    none = simulated(**dict.fromkeys(actions, "implicitDeny"))
    admits = read(Policy=policy("Allow", {"AWS": ROLE}))

    assert told(Aws(simulate_principal_policy=none, get_queue_attributes=admits), subject()) == []


def test_all_that_the_role_lacks_is_one_finding_with_the_policy_to_add() -> None:
    denied = simulated(
        kinesis_GetRecords="implicitDeny", sqs_SendMessage="implicitDeny", kinesis_ListShards="implicitDeny"
    )

    [finding] = checked(Aws(simulate_principal_policy=denied), subject(STREAM, **FAILURES))

    assert (
        finding.message == f"the role worker may not kinesis:GetRecords on {STREAM}; sqs:SendMessage on {QUEUE}-failed"
    )
    added = json.loads(finding.hint[finding.hint.index("{") :])
    assert added["Statement"] == [
        {"Sid": "ReadStreams", "Effect": "Allow", "Action": ["kinesis:GetRecords"], "Resource": STREAM},
        {
            "Sid": "SendFailuresToQueues",
            "Effect": "Allow",
            "Action": ["sqs:SendMessage"],
            "Resource": f"{QUEUE}-failed",
        },
    ]


def test_the_function_is_known_by_its_configuration_where_its_code_is_not_handed_out() -> None:
    aws = Aws(
        get_function=Answer(trouble="denied", denied=True), get_function_configuration=function()["Configuration"]
    )

    found = checked(aws, subject())

    assert [(item.code, item.level, item.needs, item.mapping) for item in found] == [
        ("C100", "skipped", "lambda:GetFunction", "")
    ]
    assert "iam:SimulatePrincipalPolicy" in aws.actions


def test_what_is_denied_is_listed_once_with_its_permission() -> None:
    denied = Answer(trouble="no", denied=True)
    subjects = [subject(f"{QUEUE}-{number}", f"orders-{number}") for number in range(3)]

    found = checked(Aws(get_queue_attributes=denied), *subjects)

    assert [(item.message, item.needs) for item in found] == [
        ("3 questions skipped: these credentials may not sqs:GetQueueAttributes in eu-west-1", "sqs:GetQueueAttributes")
    ]


def test_mappings_that_share_everything_cost_one_question_each_thing() -> None:
    queues = [subject(f"{QUEUE}-{number}", f"orders-{number}") for number in range(100)]
    aws = Aws()

    assert told(aws, *queues) == []

    assert aws.actions.count("lambda:GetFunction") == 1
    assert aws.actions.count("iam:GetRole") == 1
    assert aws.actions.count("sqs:GetQueueAttributes") == 101
    simulations = {
        question._replace(one_of=("", "")) for asked in aws.rounds for question in asked if question.service == "iam"
    }
    assert len(simulations) == 2  # one of them is GetRole
    assert len(aws.rounds) <= 3


def test_queues_of_one_function_are_counted_together() -> None:
    limit = {"scaling_config": {"maximum_concurrency": 5}}
    queues = [subject(f"{QUEUE}-{name}", name, **limit) for name in ("a", "b")]

    found = told(Aws(get_function=function(reserved=8)), *queues)

    together = "the maximum_concurrency of the 2 queues of worker together is 10"
    line = f"warning C104 {together}, more than the reserved concurrency of worker, 8: messages are throttled"
    assert found == [line, line]


def test_more_than_two_readers_of_a_table_are_named() -> None:
    readers = [subject(TABLE, name, function_name=name) for name in ("a", "b", "c")]

    found = checked(Aws(), *readers)

    assert found[0].message == (
        "3 mappings read one stream of DynamoDB (b, c too): more than 2 readers may be throttled"
    )
    assert len(found) == 3


def test_each_check_needs_what_it_says_and_has_words() -> None:
    assert all(check.code in EXPLANATIONS for check in CHECKS)
    for source, fields in SOUND.items():
        aws = Aws(get_function=Answer(trouble="", denied=True), get_function_configuration=function()["Configuration"])
        one = subject(source, **fields)
        told(aws, one)
        needs = {need for check in CHECKS if one.kind in check.kinds for need in check.needs}
        assert {*aws.actions} <= needs, source


QUEUES = [f"{QUEUE}-{number}" for number in range(3)]
FORM = "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"
SHAPES: dict[str, Callable[[str, str], list[dict[str, Any]]]] = {
    # As AWS answers: one result for an action, and in it one for each resource.
    "one a resource": lambda action, word: [{
        "EvalActionName": action, "EvalResourceName": FORM, "EvalDecision": word,
        "ResourceSpecificResults": [
            {"EvalResourceName": name, "EvalResourceDecision": word if name == QUEUES[1] else "allowed"} for name in QUEUES
        ],
    }],
    # As it answered before: a result for each action and resource.
    "one an action and resource": lambda action, word: [
        {"EvalActionName": action, "EvalResourceName": name, "EvalDecision": word if name == QUEUES[1] else "allowed"}
        for name in QUEUES
    ],
    # Split over two pages.
    "two pages": lambda action, word: [
        {"EvalActionName": action, "EvalResourceName": FORM, "EvalDecision": word, "ResourceSpecificResults": part}
        for part in (
            [{"EvalResourceName": QUEUES[1], "EvalResourceDecision": word}],
            [{"EvalResourceName": name, "EvalResourceDecision": "allowed"} for name in (QUEUES[0], QUEUES[2])],
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_decision_is_about_the_resource_that_it_names(shape: str) -> None:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "EvaluationResults": [
                result for action in asked["ActionNames"] for result in SHAPES[shape](action, "implicitDeny")
            ]
        }

    subjects = [subject(name, name.rpartition(":")[2]) for name in QUEUES]

    found = checked(Aws(simulate_principal_policy=answer), *subjects)

    assert [(item.code, item.mapping) for item in found] == [("C107", "orders-1")]


def test_a_denial_by_a_condition_on_what_a_simulation_does_not_know_is_undecided() -> None:
    def answer(asked: Any) -> Any:
        # As for a role with a Deny unless `aws:SourceVpc` is the company's: without the key, StringNotEquals holds.
        said = simulated(sqs_ReceiveMessage="explicitDeny")(asked)
        for result in said["EvaluationResults"]:
            for each in result["ResourceSpecificResults"]:
                each["MissingContextValues"] = ["aws:SourceVpc"]
        return said

    assert told(Aws(simulate_principal_policy=answer), subject()) == [
        "skipped C100 whether the role worker may do what is needed depends on the condition keys aws:SourceVpc"
    ]


@pytest.mark.parametrize(
    "principal", [f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/worker", "AROAEXAMPLEEXAMPLEEXA"], ids=["session", "id"]
)
def test_a_queue_may_admit_a_role_by_its_session_or_its_id(principal: str) -> None:
    admits = {"get_queue_attributes": read(Policy=policy("Allow", {"AWS": principal}))}
    none = simulated(sqs_ReceiveMessage="implicitDeny")

    assert [item.level for item in checked(Aws(simulate_principal_policy=none, **admits), subject())] == ["likely"]


@pytest.mark.parametrize(
    ("answers", "source"),
    [
        ({"get_queue_attributes": read(Policy='{"Statement": 5}')}, QUEUE),
        ({"get_queue_attributes": read(Policy="<xml/>")}, QUEUE),
        ({"get_queue_attributes": read(VisibilityTimeout="soon")}, QUEUE),
        ({"get_queue_attributes": {}}, f"{QUEUE}.fifo"),
        ({"describe_db_clusters": {"DBClusters": [{"Engine": None, "Status": None}]}}, DATABASE),
    ],
    ids=["statements", "no JSON", "no number", "no attributes", "no engine"],
)
def test_what_cannot_be_read_is_no_finding(answers: dict[str, Said], source: str) -> None:
    assert told(Aws(**answers), subject(source, **SOUND[source])) == []


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"get_function": {"Configuration": {"Timeout": "long", "Role": ROLE}}}, "C109"),
        ({"get_function": {"Configuration": {"Timeout": 3, "Role": "worker"}}}, "C115"),
        (
            {"get_queue_attributes": dead(RedriveAllowPolicy='{"redrivePermission": "byQueue", "sourceQueueArns": 5}')},
            "C113",
        ),
        ({"simulate_principal_policy": {"EvaluationResults": [None]}}, "C107"),
    ],
    ids=["timeout", "role", "list", "null"],
)
def test_an_answer_of_another_shape_skips_the_check(answers: dict[str, Said], code: str) -> None:
    found = checked(Aws(**answers), subject())

    assert code in [item.message.partition(" ")[0] for item in found]
    assert {(item.code, item.level) for item in found} == {("C100", "skipped")}


def test_a_broker_without_a_port_is_judged_all_the_same() -> None:
    """The manifest only warns of it."""
    groups = [{"type": "VPC_SECURITY_GROUP", "uri": "security_group:sg-1"}]
    endpoints = {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["broker"]}}
    aws = Aws(describe_security_groups={"SecurityGroups": [{"IpPermissionsEgress": [{"IpProtocol": "-1"}]}]})

    assert told(aws, subject("", self_managed_event_source=endpoints, source_access_configuration=groups)) == []


def test_another_accounts_queue_may_be_there_although_sqs_denies_it() -> None:
    aws = Aws(get_queue_attributes=GONE)

    assert told(aws, subject(OTHERS)) == [
        f"likely C108 there is no queue orders in account {OTHERS.split(':')[4]} in {REGION}"
    ]
