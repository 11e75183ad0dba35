"""Answers of AWS to the questions of checks, by operation, and the checks of one mapping on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from provisioner.checks.case import Subject
from provisioner.checks.judging import judge
from provisioner.checks.table import CHECKS
from provisioner.model.checks import Answer, CheckFinding, Question
from provisioner.model.place import Place
from provisioner.model.sources import SourceKind, kind_of

ACCOUNT, REGION = "123456789012", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/clicks"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/customers/stream/2026-01-01T00:00:00.000"
CLUSTER = f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/ledger/11111111-2222-3333-4444-555555555555-1"
BROKER = f"arn:aws:mq:{REGION}:{ACCOUNT}:broker:billing:b-11111111-2222-3333-4444-555555555555"
DATABASE = f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:catalogue"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:AmazonMSK_ledger-AbCdEf"

Said: TypeAlias = Mapping[str, Any] | Answer | Callable[[Mapping[str, Any]], Any]
GONE, DENIED = Answer(gone=True), Answer(trouble="denied", denied=True)


def trusting(*services: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
    return {"Role": {"AssumeRolePolicyDocument": {"Statement": [statement]}}}


def function(**members: Any) -> dict[str, Any]:
    """An answer of GetFunction. `reserved` is the reserved concurrency."""
    reserved = members.pop("reserved", None)
    concurrency = {} if reserved is None else {"Concurrency": {"ReservedConcurrentExecutions": reserved}}
    return {"Configuration": {"Timeout": 3, "Role": ROLE, "State": "Active", **members}, **concurrency}


def queue(**attributes: Any) -> dict[str, Any]:
    """An answer of GetQueueAttributes; a policy may be a value."""
    sound = {"VisibilityTimeout": "30", "MessageRetentionPeriod": "345600", "RedrivePolicy": redrive(5)}
    texts = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in attributes.items()}
    return {"Attributes": {name: value for name, value in {**sound, **texts}.items() if value is not None}}


def redrive(receives: int, to: str = f"{QUEUE}-dead") -> str:
    return json.dumps({"deadLetterTargetArn": to, "maxReceiveCount": receives})


def simulated(**decisions: str) -> Callable[[Mapping[str, Any]], Any]:
    """Answers of the simulator: `allowed` but for the actions named, as in `sqs_ReceiveMessage="implicitDeny"`. A decision that
    is no word of IAM is a condition key that the simulation lacks.
    """

    def answer(asked: Mapping[str, Any]) -> Any:
        return {
            "EvaluationResults": [_result(action, asked["ResourceArns"], decisions) for action in asked["ActionNames"]]
        }

    return answer


def _result(action: str, resources: Sequence[str], decisions: Mapping[str, str]) -> dict[str, Any]:
    word = decisions.get(action.replace(":", "_").replace("-", "_"), "allowed")
    is_key = word not in ("allowed", "implicitDeny", "explicitDeny")
    word, missing = ("implicitDeny", [word]) if is_key else (word, [])
    each = [
        {"EvalResourceName": resource, "EvalResourceDecision": word, "MissingContextValues": missing}
        for resource in resources
    ]
    return {"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": word, "ResourceSpecificResults": each}


SOUND: Mapping[str, Said] = {
    "get_function": function(),
    "get_role": trusting("lambda.amazonaws.com"),
    "simulate_principal_policy": simulated(),
    "get_queue_attributes": lambda asked: queue(
        MessageRetentionPeriod="1209600" if "dead" in asked["QueueUrl"] else "345600"
    ),
    "describe_stream_summary": {
        "StreamDescriptionSummary": {"StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "OpenShardCount": 1}
    },
    "describe_stream_consumer": {"ConsumerDescription": {"ConsumerStatus": "ACTIVE"}},
    "describe_stream": {"StreamDescription": {"StreamStatus": "ENABLED", "StreamViewType": "NEW_IMAGE"}},
    "describe_cluster_v2": {"ClusterInfo": {"State": "ACTIVE"}},
    "list_scram_secrets": {"SecretArnList": [SECRET]},
    "describe_broker": {"BrokerState": "RUNNING", "EngineType": "RABBITMQ"},
    "describe_db_clusters": {"DBClusters": [{"Engine": "docdb", "Status": "available"}]},
    "describe_secret": {"ARN": SECRET},
    "get_topic_attributes": {"Attributes": {}},
    "head_bucket": {},
    "describe_key": {"KeyMetadata": {"KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT"}},
}
"""What AWS says where nothing is wrong."""


class Aws:
    """Answers questions, and remembers how they were asked: a list of questions for each round."""

    def __init__(self, **answers: Said) -> None:
        self.answers = {**SOUND, **answers}
        self.rounds: list[list[Question]] = []

    def ask(self, questions: Sequence[Question]) -> dict[Question, Answer]:
        self.rounds.append(list(questions))
        assert len({*questions}) == len(questions)
        return {question: self._answer(question) for question in questions}

    def _answer(self, question: Question) -> Answer:
        said = self.answers[question.operation]
        if callable(said):
            asked = json.loads(question.arguments)
            name, item = question.one_of
            said = said({**asked, **({name: [item]} if name else {})})
        return said if isinstance(said, Answer) else Answer(said)

    @property
    def actions(self) -> list[str]:
        """The IAM actions of all questions, sorted."""
        return sorted(question.action for questions in self.rounds for question in questions)


def subject(source: str = QUEUE, name: str = "orders", **fields: Any) -> Subject:
    """A mapping of a source, given by its ARN; "" for a self-managed cluster."""
    mapping = {"function_name": "worker", **({"event_source_arn": source} if source else {}), **fields}
    return Subject(
        name, REGION, kind_of(mapping) or SourceKind.UNKNOWN, mapping, Place("provisioner.yaml", 3, 3), ACCOUNT
    )


def checked(aws: Aws, *subjects: Subject) -> tuple[CheckFinding, ...]:
    """What all checks find about all of these mappings."""
    return judge(subjects, subjects, CHECKS, aws.ask)


def told(aws: Aws, *subjects: Subject) -> list[str]:
    """As `checked`, each as `LEVEL CODE MESSAGE`."""
    return [f"{item.level} {item.code} {item.message}" for item in checked(aws, *subjects)]
