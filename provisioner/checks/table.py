"""The table of checks (docs/checks.md): each with its code, the kinds of source that it is about, and what it needs."""

from __future__ import annotations

from typing import Final

from provisioner.checks import clusters, functions, networks, queues, roles, streams, targets
from provisioner.checks.case import Check
from provisioner.model.sources import ALL, IN_NETWORKS, KAFKAS, PUSH, QUEUES, STREAMS, SourceKind

_FUNCTION: Final = ("lambda:GetFunction", "lambda:GetFunctionConfiguration")
_QUEUE: Final = ("sqs:GetQueueAttributes",)
_STREAM: Final = ("kinesis:DescribeStreamSummary",)
_SIMULATED: Final = (*_FUNCTION, "iam:SimulatePrincipalPolicy")
_KINESIS: Final = frozenset({SourceKind.KINESIS})
_DYNAMODB: Final = frozenset({SourceKind.DYNAMODB})
_MSK: Final = frozenset({SourceKind.MSK})
_MQ: Final = frozenset({SourceKind.MQ})
_DOCUMENTDB: Final = frozenset({SourceKind.DOCUMENTDB})
_CLUSTERS: Final = ("kafka:DescribeClusterV2", "mq:DescribeBroker", "rds:DescribeDBClusters")
_NETWORK: Final = (*_CLUSTERS, "ec2:DescribeSubnets", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints")

CHECKS: Final = (
    Check("C101", frozenset(SourceKind), functions.exists, _FUNCTION),  # C102 too
    Check("C103", frozenset(SourceKind), functions.invoked, _FUNCTION),
    Check("C104", QUEUES, functions.shared, _FUNCTION),
    Check("C105", IN_NETWORKS, functions.ends_in_time, _FUNCTION),
    Check("C106", frozenset(SourceKind) - PUSH, roles.assumed, (*_FUNCTION, "iam:GetRole")),
    Check("C107", ALL, roles.allowed, (*_SIMULATED, *_QUEUE)),
    Check("C108", QUEUES, queues.exists, _QUEUE),  # C111 too
    Check("C109", QUEUES, queues.timeouts, (*_FUNCTION, *_QUEUE)),  # C110 too
    Check("C112", QUEUES, queues.redrive, _QUEUE),  # C114 too
    Check("C113", QUEUES, queues.dead_letters, _QUEUE),
    Check("C115", QUEUES, roles.admitted, (*_FUNCTION, *_QUEUE)),
    Check("C116", QUEUES | _KINESIS, roles.decrypts, (*_SIMULATED, *_QUEUE, *_STREAM)),
    Check("C117", _KINESIS, streams.kinesis, _STREAM),
    Check("C118", _KINESIS, streams.consumer, ("kinesis:DescribeStreamConsumer",)),
    Check("C119", _KINESIS, functions.shards_fit, (*_FUNCTION, *_STREAM)),
    Check("C120", _DYNAMODB, streams.table, ("dynamodb:DescribeStream", "dynamodb:DescribeTable")),
    Check("C121", _DYNAMODB, streams.images, ("dynamodb:DescribeStream",)),
    Check("C122", _DYNAMODB, streams.age),
    Check("C123", _MSK, clusters.msk, ("kafka:DescribeClusterV2",)),
    Check("C124", _MSK, clusters.scram, ("kafka:ListScramSecrets",)),
    Check("C125", IN_NETWORKS, networks.reaches, _NETWORK),
    Check("C126", IN_NETWORKS, networks.admits, (*_CLUSTERS, "ec2:DescribeSecurityGroups")),
    Check("C127", _MQ, clusters.broker, ("mq:DescribeBroker",)),
    Check("C128", _DOCUMENTDB, clusters.document_db, ("rds:DescribeDBClusters", "rds:DescribeDBClusterParameters")),
    Check("C129", IN_NETWORKS, targets.secrets, ("secretsmanager:DescribeSecret",)),
    Check("C130", STREAMS | KAFKAS, targets.destination, (*_QUEUE, "sns:GetTopicAttributes", "s3:ListBucket")),
    Check("C131", ALL - _DOCUMENTDB, targets.filter_key, ("kms:DescribeKey",)),
)
"""Every check, in the order in which findings of one mapping are shown. The words of each code are in `model/codes.py`."""
