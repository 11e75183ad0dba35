"""Checks of what a mapping names beside its source: secrets, destinations, keys."""

from __future__ import annotations

from typing import Final

from provisioner.checks.case import Case, Judging, question, queue
from provisioner.kinds.permissions import destination_of, secrets_of
from provisioner.model.references import Arn

_FIFO: Final = ".fifo"


def secrets(case: Case) -> Judging:
    """Each secret must be there, and not be about to be deleted."""
    named = [arn for arn in map(Arn.parse, secrets_of(case.subject.mapping)) if arn and arn.service == "secretsmanager"]
    answers = yield tuple(
        question("secretsmanager", arn.region, "describe_secret", "secretsmanager:DescribeSecret", SecretId=str(arn))
        for arn in named
    )
    found = []
    for arn, answer in zip(named, answers, strict=True):
        if answer.gone:
            found += case.error("C129", f"there is no secret {arn}")
        elif answer.part().get("DeletedDate"):
            found += case.error(
                "C129", f"the secret {arn} is scheduled for deletion", "restore it, or name another secret"
            )
    return found


def destination(case: Case) -> Judging:
    """The destination of failures must be there, and no FIFO queue or topic."""
    arn = Arn.parse(destination_of(case.subject.mapping))
    if arn is None:
        return []
    name = arn.resource.partition("/")[0]
    if arn.service in ("sqs", "sns") and name.endswith(_FIFO):
        what = "queue" if arn.service == "sqs" else "topic"
        return case.error("C130", f"the destination {name} is a FIFO {what}, which AWS refuses")
    if arn.service == "sqs":
        what, asked = "queue", queue(arn)
    elif arn.service == "sns":
        what = "topic"
        asked = question("sns", arn.region, "get_topic_attributes", "sns:GetTopicAttributes", TopicArn=str(arn))
    elif arn.service == "s3":
        # A bucket's ARN has no region: S3 answers in the function's, or names the bucket's own.
        what, asked = "bucket", question("s3", case.subject.region, "head_bucket", "s3:ListBucket", Bucket=name)
    else:
        return []
    (answer,) = yield (asked,)
    return case.error("C130", f"the destination of failures does not exist: {what} {name}") if answer.gone else []


def filter_key(case: Case) -> Judging:
    """The key that encrypts filters must be on, and symmetric."""
    arn = Arn.parse(case.subject.mapping.get("kms_key_arn"))
    if arn is None:
        return []
    (answer,) = yield (question("kms", arn.region, "describe_key", "kms:DescribeKey", KeyId=str(arn)),)
    if answer.gone:
        return case.error("C131", f"there is no key {arn}")
    found = answer.part("KeyMetadata")
    state, spec = found.get("KeyState", "Enabled"), found.get("KeySpec", "SYMMETRIC_DEFAULT")
    if state != "Enabled":
        return case.error("C131", f"the key {arn} is {state}, not Enabled")
    if spec != "SYMMETRIC_DEFAULT":
        return case.error("C131", f"the key {arn} is {spec}; filters need a symmetric key for encryption")
    return []
