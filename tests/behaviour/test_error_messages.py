"""The messages of docs/aws/errors.md#messages, and some beside them: what AWS answers, what it becomes here, and whether another try is worth
while.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from provisioner import errors
from provisioner.aws.errors import Retry, from_response, retry_class
from tests.support.control_plane import ACCOUNT, REGION
from tests.support.lambda_api import AUTH, DB, DOCDB, DYNAMODB, FIFO, KINESIS, MQ, MSK, SELF, SQS, SUBNET, LambdaApi

IPV, VALIDATION, CONFLICT = "InvalidParameterValueException", "ValidationException", "ResourceConflictException"
NOT_FOUND, IN_USE = "ResourceNotFoundException", "ResourceInUseException"
NOWHERE = "00000000-1111-2222-3333-444444444444"
F = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
CONSUMER = f"{KINESIS}/consumer/c:1"
ONE = "1 validation error detected: "
KAFKA = {"SelfManagedEventSource": SELF, "Topics": ["events"], "SourceAccessConfigurations": SUBNET}
DATABASE = {"DocumentDBEventSourceConfig": DB, "SourceAccessConfigurations": AUTH}
FILTER = {"Filters": [{"Pattern": '{"a":[1]}'}]}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"

Act = Callable[[LambdaApi], Any]


def create(
    source: str = SQS, function: str = "f", *, gone: str = "", denied: str = "", timeout: int = 3, **members: Any
) -> Act:
    """A create, in a world where something is gone or denied, or the function runs for long."""

    def act(plane: LambdaApi) -> Any:
        plane.world.gone, plane.world.denied, plane.world.timeout = {gone}, {denied}, timeout
        return plane.create(source, function, **members)

    return act


def twice(source: str = SQS, first: dict[str, Any] | None = None, **members: Any) -> Act:
    """A create of what is there already."""

    def act(plane: LambdaApi) -> Any:
        plane.create(source, **(first or members))
        return plane.create(source, **members)

    return act


def unknown(operation: str) -> Act:
    return lambda plane: getattr(plane.client, f"{operation}_event_source_mapping")(UUID=NOWHERE)


def while_in(state: str, operation: str) -> Act:
    def act(plane: LambdaApi) -> Any:
        if state == "Creating":
            uuid = plane.create()["UUID"]
        else:
            uuid = plane.settled()
            plane.update(uuid, BatchSize=5)
        return getattr(plane.client, f"{operation}_event_source_mapping")(UUID=uuid)

    return act


def clear_the_key(plane: LambdaApi) -> Any:
    uuid = plane.settled(FilterCriteria=FILTER, KMSKeyArn=KEY)
    plane.world.key = "AccessDeniedException"
    return plane.update(uuid, KMSKeyArn="")


def empty_destination(plane: LambdaApi) -> Any:
    uuid = plane.settled(KINESIS, StartingPosition="LATEST", DestinationConfig={"OnFailure": {"Destination": SQS}})
    return plane.update(uuid, DestinationConfig={"OnFailure": {}})


def active_mq(plane: LambdaApi) -> Any:
    plane.world.engines = {MQ: "ActiveMQ"}
    return plane.create(MQ, Queues=["q"], SourceAccessConfigurations=[*AUTH, {"Type": "VIRTUAL_HOST", "URI": "/"}])


def document_names(plane: LambdaApi) -> Any:
    uuid = plane.settled(DOCDB, **DATABASE)
    return plane.update(uuid, DocumentDBEventSourceConfig={**DB, "CollectionName": "c"})


def tag(plane: LambdaApi, arn: str, count: int = 1) -> Any:
    return plane.client.tag_resource(Resource=arn, Tags={str(number): "" for number in range(count)})


# fmt: off
ROWS = [
    pytest.param(unknown("get"), 404, NOT_FOUND, "The resource you requested does not exist.", None, id="Unknown UUID: get"),
    pytest.param(unknown("update"), 404, NOT_FOUND, "The resource you requested does not exist.", None, id="Unknown UUID: update"),
    pytest.param(unknown("delete"), 404, NOT_FOUND, "The resource you requested does not exist.", None, id="Unknown UUID: delete"),
    pytest.param(create(""), 400, IPV, "Unrecognized event source.", None, id="No source at all"),
    pytest.param(create("arn:aws:s3:::b"), 400, IPV, "Unrecognized event source.", None, id="Unknown service in ARN"),
    pytest.param(create(gone="f"), 400, IPV, "Function does not exist", Retry.FUNCTION, id="Function unknown"),
    pytest.param(create(gone="q"), 400, IPV, "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.", None, id="Queue unknown"),
    pytest.param(create(KINESIS, StartingPosition="LATEST", gone="stream/s"), 400, IPV, f"Stream not found: {KINESIS}", None, id="Stream unknown"),
    pytest.param(create(denied="sqs:ReceiveMessage"), 400, IPV, "The function execution role does not have permissions to call ReceiveMessage on SQS", Retry.IAM, id="Role: SQS"),
    pytest.param(create(denied="sqs:DeleteMessage"), 400, IPV, "The function execution role does not have permissions to call DeleteMessage on SQS", Retry.IAM, id="Role: SQS, DeleteMessage"),
    pytest.param(create(denied="sqs:GetQueueAttributes"), 400, IPV, "The function execution role does not have permissions to call GetQueueAttributes on SQS", Retry.IAM, id="Role: SQS, GetQueueAttributes"),
    pytest.param(create(KINESIS, StartingPosition="LATEST", denied="kinesis:GetRecords"), 400, IPV, f"Cannot access stream {KINESIS}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, DescribeStreamSummary, ListShards, and ListStreams Actions on your stream.", Retry.IAM, id="Role: streams"),
    pytest.param(create(DYNAMODB, StartingPosition="LATEST", denied="dynamodb:DescribeStream"), 400, IPV, f"Cannot access stream {DYNAMODB}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.", Retry.IAM, id="Role: streams, DynamoDB"),
    pytest.param(create(CONSUMER, StartingPosition="LATEST", denied="kinesis:SubscribeToShard"), 400, IPV, f"Cannot access event source {CONSUMER}. Please ensure the role can perform the DescribeStreamSummary, ListShards, GetShardIterator and GetRecords actions on your stream and SubscribeToShard on your consumer.", Retry.IAM, id="Role: consumer"),
    pytest.param(create(MSK, Topics=["events"], denied="kafka:GetBootstrapBrokers"), 400, IPV, f"Cannot access cluster {MSK}. Please ensure the role can perform the DescribeClusterV2 (recommended) or DescribeCluster and GetBootstrapBrokers actions on your cluster in IAM.", Retry.IAM, id="Role: MSK"),
    pytest.param(create(MSK, Topics=["events"], gone="cluster/c/1"), 400, IPV, f"Cannot access cluster {MSK}. Please ensure the role can perform the DescribeClusterV2 (recommended) or DescribeCluster and GetBootstrapBrokers actions on your cluster in IAM.", Retry.IAM, id="Role: MSK, also for an absent cluster"),
    pytest.param(create(denied="sts:AssumeRole"), 400, IPV, "The role defined for the function cannot be assumed by Lambda.", Retry.IAM, id="Role not assumable yet"),
    pytest.param(create(DOCDB, gone=AUTH[0]["URI"], **DATABASE), 400, IPV, "Lambda received ResourceNotFoundException from Secrets Manager.", None, id="Secret missing (DocumentDB)"),
    pytest.param(clear_the_key, 400, IPV, "Lambda was unable to decrypt your filter criteria because the KMS access was denied. Please check your KMS permissions.", None, id="KMS decrypt denied on clearing the key"),
    pytest.param(create(timeout=60), 400, IPV, "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds", None, id="Visibility timeout"),
    pytest.param(create(KINESIS), 400, IPV, f"{ONE}Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.", None, id="Position missing (Kinesis)"),
    pytest.param(create(DYNAMODB), 400, IPV, f"{ONE}Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.", None, id="Position missing (DynamoDB)"),
    pytest.param(create(KINESIS, StartingPosition="invalid"), 400, VALIDATION, f"{ONE}Value 'invalid' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]", None, id="Position bad enum"),
    pytest.param(create(DYNAMODB, StartingPosition="AT_TIMESTAMP"), 400, IPV, f"Unsupported starting position for arn type: {DYNAMODB}", None, id="DynamoDB AT_TIMESTAMP"),
    pytest.param(create(SQS, StartingPosition="LATEST"), 400, IPV, "StartingPosition is not valid for SQS event sources.", None, id="Position on SQS"),
    pytest.param(create(MSK, Topics=["events"], StartingPosition="AT_TIMESTAMP", denied="kafka:DescribeClusterV2"), 400, IPV, "When the starting position is 'AT_TIMESTAMP', a starting position timestamp must be provided.", None, id="AT_TIMESTAMP without timestamp (MSK), before the cluster"),
    pytest.param(create(DOCDB, StartingPosition="AT_TIMESTAMP", gone=AUTH[0]["URI"], **DATABASE), 400, IPV, "When the starting position is 'AT_TIMESTAMP', a starting position timestamp must be provided.", None, id="AT_TIMESTAMP without timestamp (DocumentDB), before the secret"),
    pytest.param(create(SQS, BatchSize=11), 400, IPV, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10", None, id="SQS batch > 10, window 0"),
    pytest.param(create(FIFO, MaximumBatchingWindowInSeconds=1), 400, IPV, "Batching window is not supported for FIFO queues", None, id="FIFO window"),
    pytest.param(create(FIFO, BatchSize=11), 400, IPV, "Maximum batch size must be between 1 and 10 inclusive", None, id="FIFO batch"),
    pytest.param(create(SQS, FilterCriteria={"Filters": [{"Pattern": "{"}]}), 400, IPV, "Invalid filter pattern definition.", None, id="Filter invalid: no JSON"),
    pytest.param(create(SQS, FilterCriteria={"Filters": [{"Pattern": '{"a": "b"}'}]}), 400, IPV, "Invalid filter pattern definition.", None, id="Filter invalid: a bare value"),
    pytest.param(create(KINESIS, StartingPosition="LATEST", MaximumRecordAgeInSeconds=59), 400, IPV, "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)", None, id="Record age 1-59"),
    pytest.param(create(SQS, DestinationConfig={"OnSuccess": {"Destination": SQS}}, gone="f"), 400, IPV, "Unsupported DestinationConfig parameter for given event source mapping type.", None, id="OnSuccess on SQS, before the function"),
    pytest.param(create(KINESIS, StartingPosition="LATEST", DestinationConfig={"OnSuccess": {"Destination": SQS}}), 400, IPV, "OnSuccess configuration is not supported for event source mappings.", None, id="OnSuccess on a stream"),
    pytest.param(create(KINESIS, StartingPosition="TRIM_HORIZON", StartingPositionTimestamp=1), 400, IPV, "Timestamp only valid with StartingPosition AT_TIMESTAMP", None, id="A timestamp with another position"),
    pytest.param(create(KINESIS, StartingPosition="LATEST", ScalingConfig={"MaximumConcurrency": 5}), 400, IPV, "Unsupported ScalingConfig parameter for given event source mapping type.", None, id="ScalingConfig on a stream"),
    pytest.param(create(KINESIS, StartingPosition="LATEST", ParallelizationFactor=2, TumblingWindowInSeconds=5), 400, IPV, "Parallelization factor must be equal to 1 when tumbling window period is configured", None, id="Factor with a window"),
    pytest.param(create(KINESIS, StartingPosition="LATEST", FilterCriteria=FILTER, TumblingWindowInSeconds=5), 400, IPV, "FilterCriteria is not supported when tumbling window period is configured", None, id="Filters with a window (words ours)"),
    pytest.param(create(SQS, ProvisionedPollerConfig={"MinimumPollers": 5, "MaximumPollers": 3}), 400, IPV, "MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]", None, id="SQS pollers"),
    pytest.param(create(SQS, ProvisionedPollerConfig={"MinimumPollers": 2}, ScalingConfig={"MaximumConcurrency": 5}), 400, IPV, "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency.", None, id="SQS pollers with ScalingConfig"),
    pytest.param(create(MSK, Topics=["events"], MetricsConfig={"Metrics": ["EventCount"]}), 400, IPV, "MetricsConfig is only available for Provisioned Mode. To configure MetricsConfig, please enable Provisioned Mode by specifying MinimumPollers in ProvisionedPollerConfig.", None, id="Metrics of on-demand Kafka"),
    pytest.param(create(MSK, Topics=["events"], MetricsConfig={"Metrics": ["Bad"]}), 400, VALIDATION, f"{ONE}Value '[Bad]' at 'metricsConfig.metrics' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [EventCount, ErrorCount, KafkaMetrics], Member must not be null]", None, id="A list member outside its enum"),
    pytest.param(active_mq, 400, IPV, "Unsupported source access configurations type for given event source mapping type.", None, id="ActiveMQ with VIRTUAL_HOST"),
    pytest.param(create(MQ, gone="f"), 400, IPV, "Function does not exist", Retry.FUNCTION, id="Amazon MQ: the function before queues and access"),
    pytest.param(create(DOCDB, gone="cluster:c", **DATABASE), 400, IPV, f"The requested cluster {DOCDB} does not exist.", None, id="DocumentDB cluster absent"),
    pytest.param(create(DOCDB, denied="secretsmanager:GetSecretValue", **DATABASE), 400, IPV, "Cannot access secret manager, please ensure the role can perform the 'secretsmanager:GetSecretValue' action on your cluster in IAM.", Retry.IAM, id="DocumentDB secret denied"),
    pytest.param(document_names, 400, IPV, "Invalid parameters: databaseName, collectionName", None, id="DocumentDB names in an update"),
    pytest.param(empty_destination, 400, IPV, "The Destination field is required for an OnFailure configuration.", None, id="Empty OnFailure on update"),
    pytest.param(create(MQ, Queues=["q"], SourceAccessConfigurations=AUTH, ParallelizationFactor=2), 400, IPV, "Unsupported 'parallelizationFactor' parameter for given event source mapping type.", None, id="Member of another kind"),
    pytest.param(create(SQS, Queues=["q"]), 400, IPV, "Unsupported 'queues' parameter for given event source mapping type.", None, id="Member of another kind: queues"),
    pytest.param(create(MSK), 400, IPV, "Required 'topics' parameter is missing.", None, id="Kafka without topic"),
    pytest.param(create(MSK, Topics=["one", "two"]), 400, VALIDATION, f"{ONE}Value '[one, two]' at 'topics' failed to satisfy constraint: Member must have length less than or equal to 1", None, id="Two topics"),
    pytest.param(create("", SelfManagedEventSource=SELF, Topics=["events"]), 400, IPV, "Required 'sourceAccessConfigurations' parameter is missing.", None, id="Self-managed without access config"),
    pytest.param(create("", SelfManagedEventSource={"Endpoints": {}}, Topics=["events"]), 400, VALIDATION, f"{ONE}Value '{{}}' at 'selfManagedEventSource.endpoints' failed to satisfy constraint: Member must have length greater than or equal to 1", None, id="Empty endpoints"),
    pytest.param(create(DOCDB), 400, IPV, "Invalid parameters: documentDBEventSourceConfig, databaseName", None, id="DocumentDB without its config"),
    pytest.param(create(DOCDB, DocumentDBEventSourceConfig={"FullDocument": "Default"}), 400, IPV, "Invalid parameters: databaseName", None, id="DocumentDB without database"),
    pytest.param(create(DOCDB, DocumentDBEventSourceConfig=DB), 400, IPV, "Invalid parameters: sourceAccessConfigurations, sourceAccessConfigurations", None, id="DocumentDB without access"),
    pytest.param(create(DOCDB, FilterCriteria=FILTER, **DATABASE), 400, IPV, "Invalid parameters: filterCriteria", None, id="DocumentDB with filters"),
    pytest.param(create(DOCDB, FunctionResponseTypes=["ReportBatchItemFailures"], **DATABASE), 400, IPV, "Invalid parameters: functionResponseTypes", None, id="DocumentDB with response types"),
    pytest.param(while_in("Creating", "update"), 400, IN_USE, "Cannot update the event source mapping because it is in use.", Retry.BUSY, id="Update while transitioning"),
    pytest.param(while_in("Updating", "delete"), 400, IN_USE, "Cannot delete the event source mapping because it is in use.", Retry.BUSY, id="Delete while transitioning"),
    pytest.param(twice(), 409, CONFLICT, f'An event source mapping with SQS arn (" {SQS} ") and function (" f ") already exists. Please update or delete the existing mapping with UUID ', None, id="Duplicate: SQS"),
    pytest.param(twice(KINESIS, StartingPosition="LATEST"), 409, CONFLICT, f'The event source arn (" {KINESIS} ") and function (" f ") provided mapping already exists. Please update or delete the existing mapping with UUID ', None, id="Duplicate: Kinesis"),
    pytest.param(twice(MSK, Topics=["events"]), 409, CONFLICT, f'An event source mapping for cluster ("{MSK}"), function ("{F}"), topics ("events") already exists. Please update or delete the existing mapping with UUID ', None, id="Duplicate: MSK"),
    pytest.param(twice("", {**KAFKA, "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:1", "b9:1"]}}}, **KAFKA), 409, CONFLICT, f'An event source mapping with event source ("b1:1,b2:1"), function ("{F}"), topics ("events") already exists. Please update or delete the existing mapping with UUID ', None, id="Duplicate: self-managed, one shared broker"),
    pytest.param(twice(MSK, {"Topics": ["views"], "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "g"}}, Topics=["events"], AmazonManagedKafkaEventSourceConfig={"ConsumerGroupId": "g"}), 409, CONFLICT, f'An event source mapping with event source ("{MSK}"), amazonManagedKafkaEventSourceConfig.consumerGroupId ("g") already exists. Please update or delete the existing mapping with UUID ', None, id="Duplicate consumer group"),
    pytest.param(lambda plane: plane.client.list_tags(Resource=plane.create()["EventSourceMappingArn"][:-36] + NOWHERE), 404, NOT_FOUND, f"Event source mapping not found: arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{NOWHERE}", None, id="Tags of an unknown mapping"),
    pytest.param(lambda plane: tag(plane, plane.create()["EventSourceMappingArn"], 51), 400, IPV, "Number of tags exceeds resource tag limit.", None, id="More than 50 tags"),
]
# fmt: on


@pytest.mark.parametrize(("act", "status", "code", "message", "retry"), ROWS)
def test_a_refusal(plane: LambdaApi, act: Act, status: int, code: str, message: str, retry: Retry | None) -> None:
    with pytest.raises(ClientError) as caught:
        act(plane)
    response: Any = caught.value.response

    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (status, code)
    said, uuid = response["Error"]["Message"], ""
    if code == CONFLICT:
        said, uuid = said[:-36], said[-36:]
    assert said == message
    ours = from_response(response, "doing it")
    kinds = {NOT_FOUND: errors.NotFoundError, CONFLICT: errors.ConflictError, IN_USE: errors.InUseError}
    assert type(ours) is kinds.get(code, errors.InvalidError)
    assert message in ours.message
    assert getattr(ours, "uuid", "") == uuid  # every 409 carries the UUID at its end
    assert retry_class(ours, repeatable=False) == retry


RECORDED = [
    pytest.param("ResourceInUseException", 400, "The operation cannot be performed at this time. The event source mapping is currently being updated.", Retry.BUSY, id="While transitioning, third text"),
    pytest.param("InvalidParameterValueException", 400, "The provided execution role does not have permissions to call ReceiveMessage on SQS", Retry.IAM, id="Role: SQS, older text"),
    pytest.param("InvalidParameterValueException", 400, "Need to specify a timestamp", None, id="AT_TIMESTAMP, older wording"),
    pytest.param("InvalidParameterValueException", 400, "Tags not supported in request.", None, id="Tags unsupported in partition"),
    pytest.param("InvalidParameterValueException", 400, "Unsupported resource type for tagging or invalid arn: x", None, id="ListTags bad ARN"),
    pytest.param("TooManyRequestsException", 429, "Rate exceeded", Retry.THROTTLED, id="Throttled"),
    pytest.param("ServiceException", 500, "An error occurred", None, id="5xx on a create: never sent again"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "status", "message", "retry"), RECORDED)
def test_a_refusal_that_the_sandbox_does_not_make(code: str, status: int, message: str, retry: Retry | None) -> None:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}

    assert retry_class(from_response(response, "creating it"), repeatable=False) == retry


ORDER = [
    pytest.param(create(SQS, BatchSize=10001, StartingPosition="LATEST"), VALIDATION, id="the model before the kind"),
    pytest.param(create(MSK, Topics=["t"]), VALIDATION, id="the pattern of a topic is the model's"),
    pytest.param(create(SQS, BatchSize=11, denied="sqs:ReceiveMessage"), "Maximum batch window", id="SQS: shape before the role"),
    pytest.param(create(gone="q", denied="sqs:ReceiveMessage"), "ReceiveMessage on SQS", id="SQS: the role before the queue"),
    pytest.param(create(timeout=60, denied="sqs:ReceiveMessage"), "ReceiveMessage on SQS", id="SQS: the role before the visibility timeout"),
    pytest.param(create(KINESIS, StartingPosition="LATEST", ScalingConfig={"MaximumConcurrency": 5}, denied="kinesis:GetRecords"), "Unsupported ScalingConfig parameter", id="streams: shape before access"),
    pytest.param(create(MSK, ScalingConfig={"MaximumConcurrency": 5}), "Required 'topics'", id="MSK: topics before foreign members"),
    pytest.param(create("", SelfManagedEventSource=SELF, ScalingConfig={"MaximumConcurrency": 5}), "Required 'topics'", id="Kafka: topics first"),
    pytest.param(create("", SelfManagedEventSource=SELF, Topics=["events"], ScalingConfig={"MaximumConcurrency": 5}), "Required 'sourceAccess", id="Kafka: access before the rest"),
    pytest.param(create(DOCDB, FilterCriteria=FILTER, gone=AUTH[0]["URI"], **DATABASE), "Secrets Manager", id="DocumentDB: the secret before foreign members"),
    pytest.param(create("", SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["no-port"]}}, Topics=["events"]), "Required 'sourceAccess", id="a broker's form is not the model's"),
]  # fmt: skip


@pytest.mark.parametrize(("act", "first"), ORDER)
def test_one_refusal_at_a_time_in_the_order_of_aws(plane: LambdaApi, act: Act, first: str) -> None:
    with pytest.raises(ClientError) as caught:
        act(plane)

    assert first in str(caught.value)
