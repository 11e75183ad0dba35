"""What others have in this story: mappings that Terraform manages, and one that somebody makes in the console.

Without arguments it prints how to use it.
"""

import json
import sys
from pathlib import Path

import boto3

STATE = Path("terraform.tfstate")
SQS = "arn:aws:sqs:eu-west-1:123456789012:"
CLICKS = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
MANAGED = (
    ("orders", None, {"FunctionName": "orders-worker:live", "EventSourceArn": f"{SQS}orders"}),
    ("queue", "refunds", {"FunctionName": "refunds-worker", "EventSourceArn": f"{SQS}refunds", "BatchSize": 5}),
    ("clicks", None, {"FunctionName": "clicks-reader", "EventSourceArn": CLICKS, "StartingPosition": "LATEST"}),
)
"""Name, key and request of each mapping of Terraform."""


def terraform_apply() -> None:
    """Make the mappings, and the state that Terraform would have of them."""
    client, resources = boto3.client("lambda"), []
    for name, key, request in MANAGED:
        made = client.create_event_source_mapping(**request)
        function = made["FunctionArn"]
        attributes = {
            "uuid": made["UUID"],
            "arn": f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{made['UUID']}",
            "function_name": function,
            "function_arn": function,
            "event_source_arn": made["EventSourceArn"],
            "batch_size": made["BatchSize"],
            "starting_position": made.get("StartingPosition", ""),
            "maximum_record_age_in_seconds": made.get("MaximumRecordAgeInSeconds", 0),
            "maximum_retry_attempts": made.get("MaximumRetryAttempts", 0),
            "enabled": True,
        }
        instance = {"attributes": attributes, **({} if key is None else {"index_key": key})}
        kind = "aws_lambda_event_source_mapping"
        resources.append({"mode": "managed", "type": kind, "name": name, "instances": [instance]})
    write(resources)


def terraform_forgets() -> None:
    """The state after an apply with the `removed` blocks."""
    write([])


def write(resources: list) -> None:
    """Write a state of Terraform."""
    state = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "example", "resources": resources}
    STATE.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")


def console() -> None:
    """Make a mapping that no tool knows."""
    boto3.client("lambda").create_event_source_mapping(FunctionName="one-off", EventSourceArn=f"{SQS}test-queue")


match sys.argv[1:]:
    case ["terraform-apply"]:
        terraform_apply()
    case ["terraform-forgets"]:
        terraform_forgets()
    case ["console"]:
        console()
    case _:
        sys.exit("usage: python others.py terraform-apply | terraform-forgets | console")
