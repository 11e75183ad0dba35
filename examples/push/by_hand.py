"""What the tour does without provisioner, as somebody would in the console. Without arguments it prints how to use it."""

import sys

import boto3


def entries(bucket: str) -> None:
    """Print the entries of a bucket that invoke functions, and whether its events go to EventBridge."""
    found = boto3.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    for entry in found.get("LambdaFunctionConfigurations", []):
        print(f"{entry['Id']}: {' '.join(entry['Events'])} -> {entry['LambdaFunctionArn'].partition('function:')[2]}")
    print("EventBridge:", "on" if "EventBridgeConfiguration" in found else "off")


def remove_permission(function: str, statement: str) -> None:
    """Remove a statement from the policy of a function."""
    boto3.client("lambda").remove_permission(FunctionName=function, StatementId=statement)


match sys.argv[1:]:
    case ["entries", bucket]:
        entries(bucket)
    case ["remove-permission", function, statement]:
        remove_permission(function, statement)
    case _:
        sys.exit("usage: python by_hand.py entries BUCKET | remove-permission FUNCTION STATEMENT-ID")
