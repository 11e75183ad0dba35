"""Functions with policies, buckets, and what disturbs them, from a seed file (README, "The sandbox")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from provisioner.errors import UsageError
from provisioner.sandbox.seed import Seed, load
from provisioner.sandbox.seeder import Seeder
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import refusal
from tests.support.s3_api import refused
from tests.support.workspace import Sandbox, start_sandbox

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
WORKER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:worker"
SEED = """
functions:
  - name: worker
    aliases: [live]
    policy:
      - { Sid: all, Effect: Allow, Principal: { Service: s3.amazonaws.com }, Action: "lambda:InvokeFunction" }
      - { Effect: Allow, Principal: { AWS: "123456789012" }, Action: ["lambda:*"], Resource: "worker:live" }
      - { Effect: Deny, Principal: "*", Action: "*", Resource: ["arn:aws:lambda:eu-west-1:123456789012:function:worker:1"] }
  - { name: busy, concurrent: 1 }
  - name: pasted
    policy: '{"Version": "2012-10-17", "Id": "default", "Statement": [{"Sid": "s", "Effect": "Allow", "Principal": "*",
      "Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:pasted"}]}'
buckets:
  - name: media
    aborted: 1
    notifications: |
      <?xml version="1.0" encoding="UTF-8"?>
      <NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <CloudFunctionConfiguration>
          <CloudFunction>arn:aws:lambda:eu-west-1:123456789012:function:deleted</CloudFunction>
          <Event>s3:ObjectRemoved:*</Event>
        </CloudFunctionConfiguration>
        <KinesisConfiguration><Id>new</Id></KinesisConfiguration>
      </NotificationConfiguration>
  - { name: read }
  - { name: far, region: us-east-1, owner: "210987654321" }
queues: [{ name: takes-orders, takes: [orders] }]
writers: [{ bucket: read, after: 1 }, { bucket: read, after: 2 }]
propagation: 3600
"""


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    path = tmp_path_factory.mktemp("seed") / "seed.yaml"
    path.write_text(SEED, encoding="utf-8")
    started = start_sandbox("--seed", str(path))
    yield started
    started.process.terminate()
    started.process.wait()


def statements(sandbox: Sandbox, function: str) -> Any:
    return json.loads(sandbox.client().get_policy(FunctionName=function)["Policy"])["Statement"]


def lambda_entry(arn: str) -> dict[str, Any]:
    return {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}


def test_policies_stand_where_their_resources_say(seeded: Sandbox) -> None:
    [on_function] = statements(seeded, "worker")
    [on_alias] = statements(seeded, "worker:live")
    [on_version] = statements(seeded, "worker:1")
    [pasted] = statements(seeded, "pasted")

    assert (on_function["Sid"], on_function["Resource"]) == ("all", WORKER)
    assert (on_alias.get("Sid"), on_alias["Action"], on_alias["Resource"]) == (None, ["lambda:*"], f"{WORKER}:live")
    assert on_version["Resource"] == [f"{WORKER}:1"]
    assert pasted["Sid"] == "s"


def test_a_change_of_a_busy_function_is_refused_first(seeded: Sandbox) -> None:
    client = seeded.client()
    request = {
        "FunctionName": "busy",
        "StatementId": "s",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    }

    assert refusal(client.add_permission, **request)[1] == "ResourceConflictException"
    assert client.add_permission(**request)["ResponseMetadata"]["HTTPStatusCode"] == 201


def test_foreign_entries_of_any_form_and_functions_that_are_gone(seeded: Sandbox) -> None:
    s3 = seeded.client("s3")
    texts: list[str] = []
    s3.meta.events.register("before-parse.s3", lambda response_dict, **_: texts.append(response_dict["body"].decode()))
    [entry] = s3.get_bucket_notification_configuration(Bucket="media")["LambdaFunctionConfigurations"]

    assert entry["LambdaFunctionArn"].endswith(":deleted")
    assert len(entry["Id"]) == 48
    assert "<KinesisConfiguration><Id>new</Id></KinesisConfiguration>" in texts[0]
    both = {"LambdaFunctionConfigurations": [entry, *lambda_entry(WORKER)["LambdaFunctionConfigurations"]]}
    answer = refused(s3.put_bucket_notification_configuration, Bucket="media", NotificationConfiguration=both)
    assert answer["ArgumentValue1"] == f"Not authorized to invoke function [{entry['LambdaFunctionArn']}]"
    assert "ArgumentValue2" not in answer


def test_the_first_write_is_aborted_and_a_seeded_statement_is_seen_at_once(seeded: Sandbox) -> None:
    s3 = seeded.client("s3")
    request = {"Bucket": "media", "NotificationConfiguration": lambda_entry(WORKER)}

    assert refused(s3.put_bucket_notification_configuration, **request)["Code"] == "OperationAborted"
    assert s3.put_bucket_notification_configuration(**request)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_new_statement_is_not_seen_yet(seeded: Sandbox) -> None:
    seeded.client().add_permission(
        FunctionName="worker:live", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    entry = lambda_entry(f"{WORKER}:live")
    put = seeded.client("s3").put_bucket_notification_configuration

    assert refused(put, Bucket="read", NotificationConfiguration=entry)["ArgumentName1"] == "ARN, null"


def test_another_client_adds_entries_that_can_be_written_back(seeded: Sandbox) -> None:
    s3 = seeded.client("s3")
    read = [s3.get_bucket_notification_configuration(Bucket="read").get("QueueConfigurations", []) for _ in range(4)]

    assert [len(entries) for entries in read] == [0, 1, 2, 2]
    s3.put_bucket_notification_configuration(Bucket="read", NotificationConfiguration={"QueueConfigurations": read[3]})


def test_a_bucket_elsewhere(seeded: Sandbox) -> None:
    s3 = boto3.client(
        "s3", region_name="us-east-1", endpoint_url=seeded.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id="sandbox", aws_secret_access_key="sandbox",
    )  # fmt: skip
    get = s3.get_bucket_notification_configuration

    assert get(Bucket="far", ExpectedBucketOwner="210987654321")["ResponseMetadata"]["RetryAttempts"] == 0
    assert refused(get, Bucket="far", ExpectedBucketOwner=ACCOUNT)["Code"] == "AccessDenied"
    assert refused(get, Bucket="nowhere")["Code"] == "NoSuchBucket"


def test_what_is_deleted_leaves_nothing_behind(seeded: Sandbox) -> None:
    """A new function or bucket of an old name has neither the policy nor the notifications of the old one."""
    client, s3 = seeded.client(), seeded.client("s3")
    place = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    s3.create_bucket(Bucket="short", **place)
    s3.put_bucket_notification_configuration(
        Bucket="short", NotificationConfiguration=lambda_entry(WORKER), SkipDestinationValidation=True
    )
    client.create_alias(FunctionName="worker", Name="short", FunctionVersion="1")
    client.add_permission(FunctionName="worker:short", StatementId="s", Action="*", Principal="s3.amazonaws.com")
    for _ in range(2):
        assert statements(seeded, "worker:short")
        client.delete_alias(FunctionName="worker", Name="short")
        s3.delete_bucket(Bucket="short")
        assert refusal(client.get_policy, FunctionName="worker:short")[0] == 404
        assert refused(s3.get_bucket_notification_configuration, Bucket="short")["Code"] == "NoSuchBucket"
        s3.create_bucket(Bucket="short", **place)
        client.create_alias(FunctionName="worker", Name="short", FunctionVersion="1")
        assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(Bucket="short")
        assert refusal(client.get_policy, FunctionName="worker:short")[0] == 404
        revision = client.get_alias(FunctionName="worker", Name="short")["RevisionId"]
        client.add_permission(
            FunctionName="worker:short", StatementId="s", Action="*", Principal="s3.amazonaws.com", RevisionId=revision
        )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("buckets: [{ region: eu-west-1 }]", "buckets.0.name: "),
        ("buckets: [{ name: b, aborted: -1 }]", "buckets.0.aborted: "),
        ("writers: [{ bucket: b, after: 0 }]", "writers.0.after: "),
        ("propagation: -1", "propagation: "),
        ("functions: [{ name: f, policy: 5 }]", "functions.0.policy: "),
        ("functions: [{ name: f, policy: '{' }]", "functions.0.policy: "),
        ("functions: [{ name: f, policy: { Version: x } }]", "functions.0.policy: "),
        ("functions: [{ name: f, concurrent: x }]", "functions.0.concurrent: "),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=re.escape(f"--seed {path}: {place}")):
        load(str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("buckets: [{ name: broken, notifications: x }]", "MalformedXML"),
        ("functions: [{ name: broken, role: broken, policy: [{ Sid: s }] }]", "Policy has syntax errors"),
        (
            "functions: [{ name: wrong, role: wrong, policy: [{ Effect: Allow, Principal: '*', Action: '*', Resource: f }] }]",
            "Policy has syntax errors",
        ),
    ],
)
def test_what_aws_would_not_hold_is_refused(seeded: Sandbox, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ClientError, match=words):
        Seeder(seeded.environ["AWS_ENDPOINT_URL"], load(str(path))).plant()


def test_every_key_of_a_seed_is_in_the_readme(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(next(text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "brokers:" in text))

    assert load(str(path)).model_fields_set == Seed.model_fields.keys()


def test_a_dead_letter_queue_says_whose_messages_it_takes(seeded: Sandbox) -> None:
    sqs = seeded.client("sqs")
    url = sqs.get_queue_url(QueueName="takes-orders")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    orders = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
    assert json.loads(found["RedriveAllowPolicy"]) == {"redrivePermission": "byQueue", "sourceQueueArns": [orders]}
