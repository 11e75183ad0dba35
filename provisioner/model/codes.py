"""The codes of diagnostics, each with what it means: `provisioner explain CODE`.

`E0` are about the file, `E1` about a field alone, `E2` about fields together or a rule of the source's kind, `W` are
warnings, `R` risks to records in flight. AWS's own words for the same mistake stand with a rule, because people search
for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_API: Final = "https://docs.aws.amazon.com/lambda/latest/api/API_"
_CREATE: Final = f"{_API}CreateEventSourceMapping.html"
_ACCESS: Final = f"{_API}SourceAccessConfiguration.html"
_FILTERING: Final = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html"
_GUIDE: Final = "https://docs.aws.amazon.com/lambda/latest/dg/"
_POSITIONS: Final = f"{_GUIDE}kafka-starting-positions.html"
_GROUPS: Final = f"{_GUIDE}kafka-consumer-group-id.html"
_QUEUE: Final = f"{_GUIDE}with-sqs.html"
_MAPPINGS: Final = f"{_GUIDE}invocation-eventsourcemapping.html"
_DYNAMODB: Final = f"{_GUIDE}with-ddb.html"
_KINESIS: Final = f"{_GUIDE}with-kinesis.html"
_ERRORS: Final = f"{_GUIDE}kinesis-on-failure-destination.html"
_UPDATE: Final = f"{_API}UpdateEventSourceMapping.html"
_YAML: Final = "https://yaml.org/spec/1.2.2/#103-core-schema"
_TAGS: Final = f"{_API}TagResource.html"
_OURS: Final = 'the README, "Manifest"'


@dataclass(frozen=True, slots=True)
class Explanation:
    """A code at length: a heading, what it means, what to do (also the
    hint of a diagnostic that has none of its own), AWS's words for it where they were recorded, a source.
    """

    title: str
    meaning: str
    remedy: str
    source: str
    aws: str = ""


EXPLANATIONS: Final[dict[str, Explanation]] = {
    # --- the file ---
    "E001": Explanation(
        "The file cannot be read, or is not a valid manifest file",
        "A manifest is one YAML document in UTF-8, indented with spaces, without custom tags, of "
        "limited depth and size.",
        "fix the file at the line of the message; `-f` names another file or folder",
        _YAML,
    ),
    "E002": Explanation(
        "Duplicate key",
        "A YAML reader would silently keep the last of the two. A folder is read as one document: a mapping's name "
        "and every key except mappings, imports, moved and removed may be in one file only.",
        "remove or rename one of the two",
        _YAML,
    ),
    # --- a field alone ---
    "E101": Explanation(
        "Unknown field",
        "Neither this version nor the installed botocore has a field of this name at this "
        "place. Fields have Terraform's names; a field that Terraform lacks has the API's name in snake_case.",
        "correct the name; for a field that AWS added recently, install a newer boto3",
        _CREATE,
    ),
    "E102": Explanation(
        "A required field is missing",
        "AWS refuses a mapping of this kind of source without the field, or a block without this part.",
        "add the field",
        _CREATE,
        "Required 'topics' parameter is missing.",
    ),
    "E103": Explanation(
        "Value out of range",
        "AWS limits this value, for some fields by kind of source; the message names the limits.",
        "choose a value in the range that the message names",
        _CREATE,
        "1 validation error detected: Value '20000' at 'batchSize' failed to satisfy constraint: Member must have "
        "value less than or equal to 10000",
    ),
    "E104": Explanation(
        "The value has the wrong type or form",
        "Types are strict: a number in quotes is a string, and only true and false are booleans. Some strings have a "
        "required form: a time, a name, an ARN, a JSON document.",
        "write a value of the type that the message names; `provisioner schema` lists the types of all fields",
        _CREATE,
    ),
    "E105": Explanation(
        "This kind of source does not have the field",
        "Each kind of source has fields of its own; AWS refuses the others.",
        "remove the field, or check that event_source_arn names the source that is meant",
        _CREATE,
        "Unsupported 'parallelizationFactor' parameter for given event source mapping type.",
    ),
    "E106": Explanation(
        "The source, the function or the region is invalid, or they contradict each other",
        "A mapping reads from one source, named by event_source_arn or, for self-managed Kafka, "
        "self_managed_event_source. Function and source are in the mapping's region.",
        "write the ARN of the source, and the name or ARN of a function in the same region",
        _CREATE,
        "Unrecognized event source.",
    ),
    "E107": Explanation(
        "Two mappings want the same function and source",
        "Lambda allows one mapping for a function and a source, for Kafka and MQ with a topic or queue; for self-managed "
        "Kafka one shared broker is enough. AWS would refuse the second create with 409.",
        "remove one of the two, or give one another function, alias, source, topic or queue",
        _CREATE,
        'An event source mapping with SQS arn (" … ") and function (" … ") already exists. '
        "Please update or delete the existing mapping with UUID …",
    ),
    "E108": Explanation(
        "`imports`, `moved` or `removed` contradict the mappings or the state",
        "Each of them names a mapping that must, or must not, be in the manifest or in the state.",
        "correct or remove the entry; entries that were applied have no effect and can be removed",
        _OURS,
    ),
    "E109": Explanation(
        "A tag is under ignore_tags",
        "A tag that is ignored is neither set nor removed, so it cannot be wanted as well.",
        "remove the tag, or take its key out of provider.ignore_tags",
        _OURS,
    ),
    "E110": Explanation(
        "An included file is missing, or must not be included",
        "include names files, or globs of files, relative to the file that it is in. They are in the manifest's "
        "folder or below it, and none includes itself. A glob that matches nothing is an error too: the mappings "
        "that it should add would be deleted.",
        "correct the path",
        _OURS,
    ),
    "E111": Explanation(
        "Invalid reference to a variable",
        "A reference is written ${var.name} and names an entry of `variables`. It may be in any value, and in "
        "the keys of tags and filter patterns; a list or a map can only be a whole value. There are "
        "no expressions.",
        "declare the variable, or write $${ for the characters themselves",
        _OURS,
    ),
    "E112": Explanation(
        "A variable has no value",
        "A variable takes its value from its default, the environment (PROVISIONER_VAR_name), --var-file and --var; "
        "the last one wins. `validate` skips what depends on a variable without a value; all other commands need "
        "a value for each.",
        "give it a value in one of these ways",
        _OURS,
    ),
    "E113": Explanation(
        "A variable's value is not what its declaration allows",
        "A value has the declared type, is among `allowed` and matches `pattern` as a whole, where they are stated. "
        "A value from --var or the environment is read as YAML, unless the type is string, which is taken unchanged.",
        "correct the value or the declaration",
        _OURS,
    ),
    # --- rules of the kinds ---
    "E201": Explanation(
        "A batch of more than 10 messages needs a batching window",
        "Lambda collects more than 10 messages of a standard queue only over time: with batch_size above 10, "
        "maximum_batching_window_in_seconds must be at least 1. An absent window is 0.",
        "set maximum_batching_window_in_seconds to 1 or more, or batch_size to 10 or less",
        _CREATE,
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
    ),
    "E202": Explanation(
        "AT_TIMESTAMP needs a timestamp",
        "With starting_position: AT_TIMESTAMP, reading begins at starting_position_timestamp.",
        'add it, as in starting_position_timestamp: "2026-01-15T00:00:00Z"',
        _CREATE,
        "When the starting position is 'AT_TIMESTAMP', a starting position timestamp must be provided.",
    ),
    "E203": Explanation(
        "A timestamp without AT_TIMESTAMP",
        "starting_position_timestamp has a meaning only with starting_position: AT_TIMESTAMP.",
        "remove the timestamp, or set starting_position: AT_TIMESTAMP",
        _CREATE,
    ),
    "E204": Explanation(
        "A DynamoDB stream cannot be read from a timestamp",
        "AT_TIMESTAMP exists for Kinesis, MSK, self-managed Kafka and DocumentDB.",
        "use LATEST or TRIM_HORIZON",
        _CREATE,
        "Unsupported starting position for arn type: …",
    ),
    "E205": Explanation(
        "The starting timestamp is in the future",
        "Reading cannot begin in the future.",
        "choose a time in the past, or starting_position: LATEST",
        _CREATE,
    ),
    "E206": Explanation(
        "A record age between 0 and 59 seconds",
        "maximum_record_age_in_seconds is -1, which discards no record for its age, or 60 to 604800.",
        "use -1, or 60 and more",
        _CREATE,
        "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)",
    ),
    "E207": Explanation(
        "scaling_config and provisioned_poller_config exclude each other",
        "A queue is either scaled by Lambda up to a maximum concurrency, or read by provisioned pollers.",
        "remove one of the two; going from one to the other is done in two updates, without a new mapping",
        f"{_API}ProvisionedPollerConfig.html",
    ),
    "E208": Explanation(
        "maximum_pollers is below minimum_pollers",
        "maximum_pollers must not be less than minimum_pollers. When only one of them is stated, the other has its "
        "default: at least 2 pollers for a queue and 1 for Kafka, at most 200.",
        "raise maximum_pollers, or lower minimum_pollers",
        f"{_API}ProvisionedPollerConfig.html",
    ),
    "E209": Explanation(
        "provisioned_poller_config is empty",
        "The block turns provisioned mode on, and AWS requires at least one of its two numbers.",
        "set minimum_pollers or maximum_pollers, or remove the block",
        f"{_API}ProvisionedPollerConfig.html",
        "Either MinimumPollers or MaximumPollers are required if ProvisionedPollerConfig is provided.",
    ),
    "E210": Explanation(
        "A KMS key without filters",
        "The key encrypts the filters. Without filters AWS answers 202 and silently ignores the key, so the "
        "mapping would never match the manifest.",
        "add filter_criteria, or remove kms_key_arn",
        _CREATE,
    ),
    "E211": Explanation(
        "The ARN is of the right service, but not of something that Lambda reads from",
        "Lambda reads from a DynamoDB table's stream, a Kinesis stream or its consumer, an MSK cluster or its VPC "
        "connection, an Amazon MQ broker, a DocumentDB cluster.",
        "name that resource's ARN; `aws dynamodb describe-table` shows a table's LatestStreamArn",
        _CREATE,
    ),
    "E212": Explanation(
        "Amazon MQ and DocumentDB need exactly one BASIC_AUTH",
        "Lambda authenticates to the broker or cluster with one secret.",
        "add one entry of type BASIC_AUTH to source_access_configuration, with the secret's ARN as its uri",
        _ACCESS,
        "BASIC_AUTH source access configuration was not provided",
    ),
    "E213": Explanation(
        "This kind of source has no such access type",
        "Each type in source_access_configuration belongs to some kinds of source: a virtual host to RabbitMQ, "
        "subnets and security groups to self-managed Kafka, and so on.",
        "use a type that the message names",
        _ACCESS,
    ),
    "E214": Explanation(
        "An access type without its uri, or with one that it does not have",
        "uri holds the secret, the subnet, the group, the host, the scope. IAM_AUTH and IAM_OAUTHBEARER_AUTH use "
        "the function's role and have none.",
        "add the uri, or remove it",
        _ACCESS,
    ),
    "E215": Explanation(
        "OAuth types that cannot be combined",
        "OAUTHBEARER_SCOPE, OAUTHBEARER_LOGICAL_CLUSTER and OAUTHBEARER_IDENTITY_POOL need OAUTHBEARER_AUTH; "
        "OAUTHBEARER_AUDIENCE needs that or IAM_OAUTHBEARER_AUTH, which in turn needs an audience.",
        "add the type that is missing, or remove the one that needs it",
        _ACCESS,
    ),
    "E216": Explanation(
        "More than one virtual host",
        "A mapping reads from one queue of one virtual host of a RabbitMQ broker.",
        "keep one VIRTUAL_HOST; create another mapping for the other host",
        _ACCESS,
    ),
    "E217": Explanation(
        "A schema registry needs provisioned pollers",
        "Lambda checks and decodes records by a schema registry only in provisioned mode.",
        "add provisioned_poller_config, or remove schema_registry_config",
        f"{_API}KafkaSchemaRegistryConfig.html",
    ),
    "E218": Explanation(
        "This kind of source has no such metric",
        "EventCount exists for every kind that has metrics; ErrorCount and KafkaMetrics for MSK and self-managed Kafka.",
        "remove the metric",
        f"{_API}EventSourceMappingMetricsConfig.html",
    ),
    "E219": Explanation(
        "Metrics of Kafka need provisioned pollers",
        "For MSK and self-managed Kafka, Lambda publishes metrics only in provisioned mode.",
        "add provisioned_poller_config, or remove metrics_config",
        f"{_API}EventSourceMappingMetricsConfig.html",
    ),
    "E220": Explanation(
        "Invalid filter pattern",
        "A pattern is a JSON object. Each of its fields holds a nested object, or a list of match values: "
        "strings, "
        'numbers, true, false, null, and rules such as {"prefix": "a"}, {"numeric": [">", 0]}, {"anything-but": ["a"]}, '
        '{"exists": false}. A bare value is not a list: write {"status": ["open"]}.',
        "correct the pattern where the message says; match values are in a list, as in status: [open]",
        _FILTERING,
        "Invalid filter pattern definition.",
    ),
    "E221": Explanation(
        "Two mappings with the same consumer group",
        "A consumer group must be unique on its cluster; the second create would be refused with 409.",
        "give one of them another consumer_group_id, or none: AWS then generates one",
        _CREATE,
        'An event source mapping with event source ("…"), selfManagedKafkaEventSourceConfig.consumerGroupId ("…") '
        "already exists.",
    ),
    "E222": Explanation(
        "Parallel batches together with a tumbling window",
        "A tumbling window keeps state from batch to batch of a shard, so a shard's batches are processed one at a time.",
        "remove parallelization_factor, or the window",
        _KINESIS,
        "Parallelization factor must be equal to 1 when tumbling window period is configured",
    ),
    "E223": Explanation(
        "A secret that is not named by its ARN",
        "Lambda reads the secret that opens the source by its ARN in Secrets Manager; a name is not enough.",
        "write the ARN, which `aws secretsmanager describe-secret --secret-id NAME` shows",
        _ACCESS,
    ),
    # --- warnings ---
    "W201": Explanation(
        "Unknown value",
        "AWS adds values from time to time, so an unknown one is sent unchanged. If AWS does not know it either, it "
        "refuses the request.",
        "check the spelling",
        _CREATE,
    ),
    "W202": Explanation(
        "A field known only to the installed botocore",
        "AWS added the field after this version was released. Its value is sent unchanged, in the API's spelling. "
        "Its default is unknown: removing the line changes nothing.",
        "look for a newer version of provisioner",
        _CREATE,
    ),
    "W203": Explanation(
        "More than 5 filters",
        "The quota is 5 filters for a mapping; AWS raises it to at most 10 on request.",
        "make sure that the account's quota was raised, or join filters",
        _FILTERING,
    ),
    "W204": Explanation(
        "Unknown filter rule",
        "The pattern is sent unchanged. If AWS does not know the rule either, it refuses the request.",
        "check the spelling",
        _FILTERING,
    ),
    "W205": Explanation(
        "Subnets without security groups, or the other way round",
        "To reach brokers in a VPC, Lambda needs VPC_SUBNET and VPC_SECURITY_GROUP.",
        "add entries of the other type; AWS's own templates refuse one without the other; what Lambda answers is "
        "not recorded",
        _ACCESS,
    ),
    "W206": Explanation(
        "More than one authentication method",
        "A Kafka mapping signs in by one of SASL/PLAIN (BASIC_AUTH), SASL/SCRAM, a client certificate, OAuth or IAM.",
        "keep one of the types that the message names",
        _ACCESS,
    ),
    "W207": Explanation(
        "A broker's address has an unusual form",
        "The API's model wants a host name and a port; AWS was seen not to check it when a mapping is created.",
        "write host and port, as in broker-1.example.com:9092",
        _CREATE,
    ),
    "W208": Explanation(
        "A timestamp without AT_TIMESTAMP",
        "starting_position_timestamp has a meaning only with starting_position: AT_TIMESTAMP. For MSK, Kafka and "
        "DocumentDB AWS checks it late, if at all.",
        "remove the timestamp, or set starting_position: AT_TIMESTAMP",
        _CREATE,
    ),
    "W209": Explanation(
        "A destination that Lambda is not known to take",
        "Discarded records of Kinesis, DynamoDB, MSK and self-managed Kafka go to an SQS queue or an SNS topic "
        "(neither of them FIFO), or to an S3 bucket; those of Kafka also to a topic of the same cluster, as "
        "kafka://topic.",
        "name such a destination",
        f"{_API}OnFailure.html",
    ),
    "W210": Explanation(
        "A poller group is too large",
        "The mappings of one poller group share their pollers: at most 100 mappings with at most 2000 pollers together.",
        "lower maximum_pollers, or use another poller_group_name",
        f"{_API}ProvisionedPollerConfig.html",
    ),
    "W211": Explanation(
        "A secret of another region",
        "Lambda reads the secret that opens the source in the function's region.",
        "name the secret of the mapping's region",
        _ACCESS,
    ),
    "W212": Explanation(
        "Unused variable",
        "The variable is declared, but no value refers to it.",
        "remove the declaration, or refer to it as ${var.name}",
        _OURS,
    ),
    "W213": Explanation(
        "Unused default",
        "A default is applied to the mappings whose kind of source has the field. Among those of this manifest "
        "none has it.",
        "remove it, or move it to another kind under `defaults`",
        _OURS,
    ),
    "W214": Explanation(
        "A file of variables names one that is not declared",
        "Its value is ignored. A file may serve several manifests.",
        "correct the name, or declare the variable",
        _OURS,
    ),
    "W215": Explanation(
        "A filter that no record can match",
        "The pattern is valid, but uses a field that records of this kind of source do not have, or compares a "
        "value with one of another type. Lambda deletes a message of a queue that matches no filter, and skips "
        "such a record of other sources; it reports neither. The data of a record is under body (SQS), data (Kinesis, "
        "Amazon MQ), dynamodb (DynamoDB) or value (Kafka); values of a DynamoDB item are under the letter of their "
        "type, numbers as strings.",
        "change the pattern as the message shows",
        _FILTERING,
    ),
    "W216": Explanation(
        "A filter that may not work as intended",
        "The pattern is valid, but may not match the intended records: it uses a field "
        "that the poller adds, an absence that is always true, a string where Lambda parses JSON, or a very complex wildcard.",
        "change the pattern as the message shows, or test it on a queue or stream of your own",
        _FILTERING,
    ),
    "W217": Explanation(
        "A filter that another one contains",
        "Filters are alternatives: a record passes when one of them matches. Every record that passes this filter "
        "also passes the other.",
        "remove the narrower filter, or narrow the wider one",
        _FILTERING,
    ),
    "W218": Explanation(
        "A duplicate key in a filter pattern",
        "JSON libraries keep the last of two equal keys. AWS reads a pattern as a list of paths: two objects under "
        "one key are joined, of two lists the last one wins. The pattern is sent joined, which means the same.",
        "write the key once, with both parts below it",
        _FILTERING,
    ),
    "W219": Explanation(
        "One queue name in two virtual hosts of a broker",
        "Lambda allows one mapping for a broker, queue and function. Whether virtual hosts of a RabbitMQ broker count is "
        "not recorded: AWS may refuse the second mapping with 409.",
        "nothing, if AWS accepts both; else give one of them another function or alias",
        _ACCESS,
    ),
    "W220": Explanation(
        "Filters together with a tumbling window",
        "AWS is reported to refuse filters on a mapping with a tumbling window; its message is not recorded.",
        "filter in the function, or remove the window",
        _FILTERING,
    ),
    "W221": Explanation(
        "A secret that the source may not accept",
        "An MSK cluster takes SCRAM secrets only whose name begins with AmazonMSK_. Credentials are secrets of Secrets "
        "Manager; an ARN of another service is not one.",
        "name a secret that is associated with the cluster; `aws kafka list-scram-secrets` lists them",
        _ACCESS,
    ),
    "W222": Explanation(
        "Tags in a partition that may not have them",
        "In the partitions besides `aws` (GovCloud, China and others) mappings were not taggable when it was last reported. "
        "Without `provider: {ownership_tags: true}` no ownership tags are sent there; a mapping whose create was interrupted is "
        "then found by its function and source, but cannot be proved to belong to this stack.",
        'remove the tags where AWS refuses them with "Tags not supported in request."',
        "https://github.com/aws/aws-cdk/issues/31965",
    ),
    # --- risks: what a change does to records in flight ---
    "R101": Explanation(
        "A new mapping that begins at LATEST",
        "Lambda may need minutes until it polls. With LATEST, reading begins at the newest record of that time, "
        "so records that arrive between the apply and the first poll are never read. The mapping is new "
        "and had no position to lose, so this is a note.",
        "begin at AT_TIMESTAMP with the time of the apply where the source has it, or at TRIM_HORIZON",
        _POSITIONS,
    ),
    "R102": Explanation(
        "An update of a mapping that reads from LATEST",
        "An update stops polling and starts it again. AWS warns that a mapping that was created with LATEST can miss "
        "records meanwhile.",
        "update it while few records arrive; a mapping that was created with TRIM_HORIZON or AT_TIMESTAMP misses none",
        _POSITIONS,
    ),
    "R103": Explanation(
        "A replacement that begins at LATEST",
        "The position of the old mapping is not kept. Records that it did not read, and records that arrive before the new "
        "one polls, are skipped.",
        "replace it with AT_TIMESTAMP and a time shortly before the apply, where the source has it; records since "
        "then are processed again",
        _POSITIONS,
    ),
    "R104": Explanation(
        "A replacement that begins at the oldest record",
        "The position of the old mapping is not kept. Everything that the source still retains is processed "
        "again: 24 hours of a DynamoDB stream, 24 hours to 365 days of a Kinesis stream.",
        "make sure that processing twice does no harm, or use AT_TIMESTAMP with the time of the apply where the "
        "source has it",
        _POSITIONS,
    ),
    "R105": Explanation(
        "A replacement that begins at a timestamp",
        "Reading begins at that time, wherever the old mapping was: records since then are processed "
        "again, and unread records before it are skipped.",
        "choose a time shortly before the old mapping's last record",
        _POSITIONS,
    ),
    "R106": Explanation(
        "A replacement within the same consumer group",
        "Kafka keeps the offsets of a consumer group. A mapping with the same group continues where the old "
        "one committed; its starting position is ignored.",
        "nothing",
        _GROUPS,
    ),
    "R107": Explanation(
        "A replacement with another consumer group",
        "A group that Kafka does not know has no offsets, and without consumer_group_id Lambda generates a new one "
        "for each mapping. The new mapping begins at its starting position: LATEST skips records, the others "
        "process some again.",
        "state the consumer_group_id of the old mapping, which `state show` prints",
        _GROUPS,
    ),
    "R108": Explanation(
        "A replacement that reads the same queue",
        "Between the old mapping and the new one the queue is not read. Messages wait there, up to its retention; "
        "messages that the old one had received and not finished become visible again and may be processed twice.",
        "nothing, where processing a message twice does no harm",
        _QUEUE,
    ),
    "R109": Explanation(
        "A mapping that moves to another source",
        "The new source, or the new collection of a DocumentDB cluster, is read from its own position. The old one "
        "is no longer read, even if unread records are left.",
        "keep the old mapping under another name until its source is drained",
        _MAPPINGS,
    ),
    "R110": Explanation(
        "A DynamoDB table that was recreated",
        "A stream's ARN contains its creation time; the stream of the new table begins empty. The old stream can be "
        "read for 24 hours, but only by a mapping of its own.",
        "keep the old mapping under another name until its stream is drained",
        _DYNAMODB,
    ),
    "R111": Explanation(
        "Deleting a stream or topic mapping",
        "Its read position is deleted. A mapping that is created for the same source later begins at its starting position.",
        "to stop reading for a while, disable it; to rename it, add an entry to `moved`",
        _MAPPINGS,
    ),
    "R201": Explanation(
        "Disabling a stream or topic mapping",
        "Its position is kept, but records expire after the source's retention: 24 hours for DynamoDB, 24 hours by "
        "default for Kinesis, the topic's own for Kafka. Records that expire are never read.",
        "enable it again in time, or raise the retention first",
        _MAPPINGS,
    ),
    "R202": Explanation(
        "Disabling a queue mapping",
        "Messages wait in the queue, up to its retention (4 days by default for SQS).",
        "enable it again in time",
        _QUEUE,
    ),
    "R203": Explanation(
        "Another function for the same source",
        "The function is changed in place, so that the position is kept. For a while after the call, batches still "
        "go to the old one.",
        "keep the old function until the update is done",
        _UPDATE,
    ),
    "R204": Explanation(
        "A lower maximum record age",
        "Lambda discards records that are older. With a backlog, it discards everything older than the new age at once.",
        "let it catch up first; set a failure destination, which reports discarded records",
        _ERRORS,
    ),
    "R205": Explanation(
        "Fewer retries",
        "Lambda discards a batch that failed more often than maximum_retry_attempts.",
        "set a failure destination, which reports discarded records",
        _ERRORS,
    ),
    "R206": Explanation(
        "The failure destination is removed",
        "Discarded records are no longer reported anywhere.",
        "keep a destination, or make sure that nothing is discarded (-1 for age and retries)",
        _ERRORS,
    ),
    "R207": Explanation(
        "Higher parallelization_factor",
        "With parallelization_factor above 1, several batches of one shard are processed at once. Records of one "
        "partition key (of one item in DynamoDB) stay in order; the shard as a whole does not.",
        "nothing, unless the function relies on the order of a shard",
        _KINESIS,
    ),
    "R208": Explanation(
        "Partial batch failures are no longer honoured",
        "Without ReportBatchItemFailures, a function that returns without an error has processed its whole batch, "
        "whatever it reports: SQS deletes the messages that failed, and a stream continues after them.",
        "keep the setting until the function raises an error instead",
        f"{_GUIDE}services-sqs-errorhandling.html",
    ),
    "R301": Explanation(
        "A new or narrower filter on a queue",
        "Lambda deletes a message that matches no filter; no consumer sees it again. A new mapping with "
        "filters deletes such messages that wait in the queue.",
        "send such messages to another queue first, or filter in the function",
        _FILTERING,
    ),
    "R302": Explanation(
        "A filter that drops records",
        "A narrower filter on a stream or topic: records that match no filter are skipped, and the position moves "
        "on. Or a filter of any kind of source that can match no record: `validate` warns of it with "
        "W215 or W216; on a queue every message that matches no other filter is deleted.",
        "correct a filter that matches nothing; otherwise make sure that the records are not needed: reading them again "
        "needs a new mapping",
        _FILTERING,
    ),
    "R303": Explanation(
        "A wider filter",
        "The function gets records that it did not get before. Those that were filtered out until now do not come back.",
        "make sure that the function understands them before the apply",
        _FILTERING,
    ),
}
"""Every code that a diagnostic can bear."""
