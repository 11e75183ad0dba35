"""Makes what a seed names, by calls to a running sandbox."""

from __future__ import annotations

import io
import json
import zipfile
from collections import defaultdict
from functools import cache
from typing import Any, Final

import boto3
from moto.backends import get_backend

from provisioner.model.references import FunctionReference, partition_of
from provisioner.sandbox.notifications import ANOTHER_CLIENT
from provisioner.sandbox.roles import managed_arn
from provisioner.sandbox.seed import ACCOUNT, KEY, ROLE, Bucket, Function, Queue, Seed, Stream

EVERYTHING: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class _Stated(int):
    """A number that counts as there also when it is 0, which moto would leave out."""

    def __bool__(self) -> bool:
        return True


class Seeder:
    """Makes what a seed names, by calls to a running sandbox: in the partition of its region, and in other accounts
    too.

    It must run in the process of that sandbox, because it changes ARNs in moto that no call can set.
    """

    def __init__(self, endpoint: str, seed: Seed) -> None:
        self._seed = seed
        self._partition = partition_of(seed.region)
        self._endpoint = endpoint
        # Per seeder: `cache` on the methods would keep every seeder in memory.
        self._session = cache(self._new_session)
        self._client = cache(self._new_client)

    def plant(self) -> None:
        """Make all of it. Raises ClientError or BotoCoreError where moto refuses a part."""
        if self._seed.functions or self._seed.roles:
            self._functions()
        for queue in self._seed.queues:
            attributes = {
                "VisibilityTimeout": str(queue.visibility_timeout),
                **({"FifoQueue": "true"} if queue.fifo else {}),
            }
            attributes |= self._attributes(queue)
            if queue.policy or queue.account != ACCOUNT:
                everybody = {"AWS": f"arn:{self._partition}:iam::{ACCOUNT}:root"}
                admits = {"Effect": "Allow", "Principal": everybody, "Action": "sqs:*", "Resource": "*"}
                policy = queue.policy or {"Version": "2012-10-17", "Statement": [admits]}
                attributes["Policy"] = json.dumps(policy)
            self._client("sqs", queue.account).create_queue(QueueName=queue.name, Attributes=attributes)
            if queue.takes is not None:
                # moto keeps this attribute, and does not list it.
                kept: Any = get_backend("sqs")[queue.account][self._seed.region].queues[queue.name]
                kept.BASE_ATTRIBUTES = [*kept.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
        for stream in self._seed.streams:
            self._stream(stream)
        for table in self._seed.tables:
            self._client("dynamodb", table.account).create_table(
                TableName=table.name,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": table.view},
            )
            # moto's label is the time of creation, which a manifest cannot know.
            made = get_backend("dynamodb")[table.account][self._seed.region].tables[table.name]
            made.latest_stream_label = table.stream_label
        for bucket in self._seed.buckets:
            self._bucket(bucket)
        for topic in self._seed.topics:
            self._client("sns").create_topic(Name=topic.name)

    def _attributes(self, queue: Queue) -> dict[str, str]:
        def arn(name: str) -> str:
            return f"arn:{self._partition}:sqs:{self._seed.region}:{queue.account}:{name}"

        attributes = {"MessageRetentionPeriod": str(queue.retention)}
        if queue.redrive:
            policy = {"deadLetterTargetArn": arn(queue.redrive.to), "maxReceiveCount": queue.redrive.receives}
            attributes["RedrivePolicy"] = json.dumps(policy)
        if queue.takes is not None:
            takes = {"redrivePermission": "byQueue", "sourceQueueArns": [arn(name) for name in queue.takes]}
            attributes["RedriveAllowPolicy"] = json.dumps(takes)
        return {**attributes, **({"KmsMasterKeyId": queue.key} if queue.key else {})}

    def _new_client(self, service: str, account: str = ACCOUNT, region: str = "") -> Any:
        return self._session(account).client(service, endpoint_url=self._endpoint, region_name=region or None)

    def _new_session(self, account: str) -> boto3.Session:
        """A session of an account. moto finds it by the access key, so for another account a role is assumed."""
        if account == ACCOUNT:
            return boto3.Session(KEY, KEY, region_name=self._seed.region)
        role = f"arn:{self._partition}:iam::{account}:role/{ROLE}"
        keys = self._client("sts").assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"]
        return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], self._seed.region)

    def _functions(self) -> None:
        iam, client = self._client("iam"), self._client("lambda")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        policies = {role.name: role.policies for role in self._seed.roles}
        roles = {}
        for role in sorted({*policies, *(function.role for function in self._seed.functions)}):
            made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
            roles[role] = made["Arn"]
            given = policies.get(role)
            for number, policy in enumerate([EVERYTHING] if given is None else given, start=1):
                if isinstance(policy, str):
                    arn = managed_arn(policy, self._partition) or policy
                    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
                else:
                    iam.put_role_policy(RoleName=role, PolicyName=f"seed-{number}", PolicyDocument=json.dumps(policy))
        code = _empty_code()
        for function in self._seed.functions:
            client.create_function(
                FunctionName=function.name,
                Role=roles[function.role],
                Runtime="python3.12",
                Handler="index.handler",
                Timeout=function.timeout,
                Code={"ZipFile": code},
            )
            if function.reserved_concurrency is not None:
                known: Any = get_backend("lambda")[ACCOUNT][self._seed.region].get_function(function.name)
                known.reserved_concurrency = _Stated(function.reserved_concurrency)
            version = "$LATEST"
            # An alias needs a version that it points to.
            for number in range(max(function.versions, bool(function.aliases))):
                # What has not changed since the last version is published as no version of its own.
                client.update_function_configuration(FunctionName=function.name, Description=f"version {number + 1}")
                version = client.publish_version(FunctionName=function.name)["Version"]
            for alias in function.aliases:
                client.create_alias(FunctionName=function.name, Name=alias, FunctionVersion=version)
            self._policies(function)

    def _policies(self, function: Function) -> None:
        arn = f"arn:{self._partition}:lambda:{self._seed.region}:{ACCOUNT}:function:{function.name}"
        policies = defaultdict(list)
        for statement in function.policy:
            resource = statement.get("Resource", arn)
            named = FunctionReference.parse(resource[0] if isinstance(resource, list) and resource else resource)
            on = f"{arn}:{named.qualifier}" if named and named.qualifier else arn
            # What names another function, and what is a list, stays as it is: it is refused, or kept.
            short = isinstance(resource, str) and named is not None and named.name == function.name
            policies[on].append({**statement, "Resource": on if short else resource})
        for on, statements in policies.items():
            policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
            self._client("lambda").put_resource_policy(ResourceArn=on, Policy=json.dumps(policy))

    def _bucket(self, bucket: Bucket) -> None:
        region = bucket.region or self._seed.region
        s3 = self._client("s3", bucket.owner, region)
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket.name, **place)
        if any(writer.bucket == bucket.name for writer in self._seed.writers):
            self._client("sqs", bucket.owner, region).create_queue(QueueName=ANOTHER_CLIENT)
        if not bucket.notifications:
            return

        def as_text(params: dict[str, Any], **_: Any) -> None:
            """Send the text: boto3 knows no element that is newer than itself."""
            params["body"] = bucket.notifications.strip().encode()

        event = "before-call.s3.PutBucketNotificationConfiguration"
        s3.meta.events.register(event, as_text)
        s3.put_bucket_notification_configuration(
            Bucket=bucket.name, NotificationConfiguration={}, SkipDestinationValidation=True
        )
        s3.meta.events.unregister(event, as_text)

    def _stream(self, stream: Stream) -> None:
        kinesis = self._client("kinesis", stream.account)
        kinesis.create_stream(StreamName=stream.name, ShardCount=stream.shards)
        known: Any = get_backend("kinesis")[stream.account][self._seed.region].streams[stream.name]
        known.retention_period_hours = stream.retention
        if stream.key:
            known.encryption_type, known.key_id = "KMS", stream.key
        arn = f"arn:{self._partition}:kinesis:{self._seed.region}:{stream.account}:stream/{stream.name}"
        for consumer in stream.consumers:
            kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=consumer.name)
            made = known.consumers[-1]
            # moto's ARN lacks the number at its end.
            made.consumer_arn = f"{arn}/consumer/{consumer.name}:{consumer.created}"


def _empty_code() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return None\n")
    return file.getvalue()
