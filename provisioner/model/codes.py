"""The codes of diagnostics, each with what it means: `provisioner explain CODE`.

`E0` are about the file, `E1` about a field alone, `E2` about fields together or a rule of the source's kind, `W` are
warnings, `R` risks to records in flight, `C` findings of the checks that ask AWS. AWS's own words for the same mistake
stand with a rule, because people search for them.
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
_NOTIFICATIONS: Final = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html"
_POLICY: Final = f"{_API}AddPermission.html"
_CHECKS: Final = "docs/checks.md"
_STATES: Final = f"{_GUIDE}functions-states.html"
_CONCURRENCY: Final = f"{_GUIDE}configuration-concurrency.html"
_QUEUE_SCALING: Final = f"{_GUIDE}services-sqs-scaling.html"
_QUEUE_CONFIGURE: Final = f"{_GUIDE}services-sqs-configure.html"
_QUEUE_ACCOUNTS: Final = f"{_GUIDE}with-sqs-cross-account-example.html"
_DEAD_LETTERS: Final = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"
)
_ROLE: Final = f"{_GUIDE}lambda-intro-execution-role.html"
_SIMULATOR: Final = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html"
_MSK: Final = f"{_GUIDE}with-msk-permissions.html"
_MSK_NETWORK: Final = f"{_GUIDE}with-msk-cluster-network.html"
_MQ: Final = f"{_GUIDE}with-mq.html"
_DOCUMENTDB: Final = f"{_GUIDE}with-documentdb.html"
_OURS: Final = 'the README, "Manifest"'


@dataclass(frozen=True, slots=True)
class Explanation:
    """A code at length: a heading, what it means, what to do (also the hint of a diagnostic that has none of its own),
    a source, AWS's words for it where they were recorded, else "".
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
        "A manifest must be a single YAML document in UTF-8. It must be indented with spaces, have no custom "
        "tags, and stay within the depth and size limits.",
        "fix the file at the line shown in the message, or pass a different file or folder with `-f`",
        _YAML,
    ),
    "E002": Explanation(
        "Duplicate key",
        "Most YAML parsers silently keep the last of the two. All files in a folder are read as one document: "
        "each mapping name, and each key except mappings, imports, moved and removed, may appear in only one "
        "file.",
        "remove or rename one of the two",
        _YAML,
    ),
    # --- a field alone ---
    "E101": Explanation(
        "Unknown field",
        "Neither this version of provisioner nor the installed botocore knows a field with this name here. Fields"
        " use Terraform's names; a field that Terraform does not have uses the API name in snake_case.",
        "correct the name; for a field that AWS added recently, install a newer boto3",
        _CREATE,
    ),
    "E102": Explanation(
        "A required field is missing",
        "AWS rejects a mapping for this kind of source without this field, or a block without this part.",
        "add the field",
        _CREATE,
        "Required 'topics' parameter is missing.",
    ),
    "E103": Explanation(
        "Value out of range",
        "AWS limits this value. For some fields, the limits depend on the kind of source. The message shows the limits.",
        "choose a value in the range shown in the message",
        _CREATE,
        "1 validation error detected: Value '20000' at 'batchSize' failed to satisfy constraint: Member must have "
        "value less than or equal to 10000",
    ),
    "E104": Explanation(
        "The value has the wrong type or form",
        "Types are strict: a number in quotes is a string, and only true and false are booleans. Some strings have a "
        "required form: a time, a name, an ARN, a JSON document.",
        "write a value of the type shown in the message; `provisioner schema` lists the types of all fields",
        _CREATE,
    ),
    "E105": Explanation(
        "This kind of source does not support the field",
        "Each kind of source supports only some of the fields; AWS rejects the others. The hint names what a kind has "
        "instead.",
        "remove the field, or check that event_source_arn is the ARN of the intended source",
        _CREATE,
        "Unsupported 'parallelizationFactor' parameter for given event source mapping type.",
    ),
    "E106": Explanation(
        "The source, the function or the region is invalid, or they contradict each other",
        "A mapping has one source, which is set in event_source_arn or, for self-managed Kafka, "
        "self_managed_event_source. The function and the source must be in the mapping's region.",
        "write the ARN of the source, and the name or ARN of a function in the same region",
        _CREATE,
        "Unrecognized event source.",
    ),
    "E107": Explanation(
        "Two mappings have the same function and source",
        "Lambda allows one mapping per function and source (for Kafka and MQ: per function, source, and topic or "
        "queue). Self-managed Kafka clusters that share a broker count as the same source. AWS rejects the second"
        " create with a 409 error.",
        "remove one of the mappings, or change the function, alias, source, topic or queue of one of them",
        _CREATE,
        'An event source mapping with SQS arn (" … ") and function (" … ") already exists. '
        "Please update or delete the existing mapping with UUID …",
    ),
    "E108": Explanation(
        "`imports`, `moved` or `removed` contradict the mappings or the state",
        "Each entry refers to a mapping that must, or must not, be in the manifest or in the state.",
        "fix or remove the entry; entries that were already applied have no effect and can be removed",
        _OURS,
    ),
    "E109": Explanation(
        "A tag is listed in ignore_tags",
        "provisioner neither sets nor removes an ignored tag, so the manifest cannot set it.",
        "remove the tag, or remove its key from provider.ignore_tags",
        _OURS,
    ),
    "E110": Explanation(
        "An included file is missing, or must not be included",
        "`include` lists files or globs, relative to the file that it is in. Included files must be in the "
        "manifest's folder or a subfolder, and must not include themselves. A glob that matches nothing is also "
        "an error, because the mappings that it was meant to add would be deleted.",
        "correct the path",
        _OURS,
    ),
    "E111": Explanation(
        "Invalid reference to a variable",
        "Write a reference as ${var.name}, where name is an entry of `variables`. References are allowed in any "
        "value, and in the keys of tags and filter patterns. A list or a map must be the whole value, not part of"
        " a string. Expressions are not supported.",
        "declare the variable, or write $${ for a literal ${",
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
        "A variable's value does not match its declaration",
        "A value must have the declared type. If set, it must also be one of the `allowed` values and match the whole `pattern`. "
        "A value from --var or the environment is read as YAML, unless the type is string; strings are used unchanged.",
        "correct the value or the declaration",
        _OURS,
    ),
    "E114": Explanation(
        "The file is of another tool",
        "The file is not a manifest: it is a template, a configuration, a state or an object of the tool that the "
        "message names. It is recognised by its name and its first keys; a file with `stack` or `mappings` at its top is "
        "always checked as a manifest.",
        "pass a manifest with `-f`; `provisioner skeleton KIND` shows what one looks like",
        _OURS,
    ),
    # --- rules of the kinds ---
    "E201": Explanation(
        "A batch of more than 10 messages needs a batching window",
        "Lambda needs a batching window to collect more than 10 messages from a standard queue. If batch_size is "
        "above 10, maximum_batching_window_in_seconds must be at least 1. The default is 0.",
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
        "starting_position_timestamp is used only with starting_position: AT_TIMESTAMP.",
        "remove the timestamp, or set starting_position: AT_TIMESTAMP",
        _CREATE,
    ),
    "E204": Explanation(
        "A DynamoDB stream cannot be read from a timestamp",
        "AT_TIMESTAMP is supported only for Kinesis, MSK, self-managed Kafka and DocumentDB.",
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
        "maximum_record_age_in_seconds must be -1 (no records are discarded because of their age) or 60 to 604800.",
        "use -1, or a value from 60 to 604800",
        _CREATE,
        "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)",
    ),
    "E207": Explanation(
        "scaling_config and provisioned_poller_config cannot be used together",
        "A queue is either scaled by Lambda up to a maximum concurrency, or read by provisioned pollers.",
        "remove one of the two; provisioner switches from one to the other in two updates, without replacing the mapping",
        f"{_API}ProvisionedPollerConfig.html",
    ),
    "E208": Explanation(
        "maximum_pollers is below minimum_pollers",
        "maximum_pollers must not be less than minimum_pollers. If only one of them is set, the other has its "
        "default: minimum_pollers is 2 for a queue and 1 for Kafka, and maximum_pollers is 200.",
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
        "The key encrypts the filters. Without filters, AWS returns 202 and silently ignores the key, so the "
        "mapping would never match the manifest.",
        "add filter_criteria, or remove kms_key_arn",
        _CREATE,
    ),
    "E211": Explanation(
        "The ARN belongs to a supported service, but not to an event source",
        "Lambda reads from a DynamoDB table's stream, a Kinesis stream or its consumer, an MSK cluster or its VPC "
        "connection, an Amazon MQ broker, or a DocumentDB cluster. S3 sends events of a whole bucket, whose ARN has no region "
        "and no account: arn:aws:s3:::BUCKET.",
        "use the ARN of such a resource; `aws dynamodb describe-table` shows the stream ARN of a table as LatestStreamArn",
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
        "This kind of source does not support the access type",
        "Each type in source_access_configuration is valid only for some kinds of source: a virtual host for RabbitMQ, "
        "subnets and security groups for self-managed Kafka, and so on.",
        "use one of the types listed in the message",
        _ACCESS,
    ),
    "E214": Explanation(
        "A uri is missing, or the access type does not take one",
        "Depending on the type, uri is a secret ARN, a subnet, a security group, a virtual host or a scope. "
        "IAM_AUTH and IAM_OAUTHBEARER_AUTH use the function's role and take no uri.",
        "add the uri, or remove it",
        _ACCESS,
    ),
    "E215": Explanation(
        "OAuth types that cannot be combined",
        "OAUTHBEARER_SCOPE, OAUTHBEARER_LOGICAL_CLUSTER and OAUTHBEARER_IDENTITY_POOL need OAUTHBEARER_AUTH; "
        "OAUTHBEARER_AUDIENCE needs OAUTHBEARER_AUTH or IAM_OAUTHBEARER_AUTH; IAM_OAUTHBEARER_AUTH also needs "
        "OAUTHBEARER_AUDIENCE.",
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
        "Lambda can validate and decode records with a schema registry only in provisioned mode.",
        "add provisioned_poller_config, or remove schema_registry_config",
        f"{_API}KafkaSchemaRegistryConfig.html",
    ),
    "E218": Explanation(
        "This kind of source does not support the metric",
        "EventCount is available for every kind of source with metrics. ErrorCount and KafkaMetrics are "
        "available only for MSK and self-managed Kafka.",
        "remove the metric",
        f"{_API}EventSourceMappingMetricsConfig.html",
    ),
    "E219": Explanation(
        "Kafka metrics need provisioned pollers",
        "For MSK and self-managed Kafka, Lambda publishes metrics only in provisioned mode.",
        "add provisioned_poller_config, or remove metrics_config",
        f"{_API}EventSourceMappingMetricsConfig.html",
    ),
    "E220": Explanation(
        "Invalid filter pattern",
        "A pattern is a JSON object. Each of its fields contains a nested object, or a list of match values: "
        "strings, "
        'numbers, true, false, null, and rules such as {"prefix": "a"}, {"numeric": [">", 0]}, {"anything-but": ["a"]}, '
        '{"exists": false}. A single value must also be in a list: write {"status": ["open"]}.',
        "fix the pattern at the place shown in the message; match values must be in a list, for example status: [open]",
        _FILTERING,
        "Invalid filter pattern definition.",
    ),
    "E221": Explanation(
        "Two mappings with the same consumer group",
        "A consumer group must be unique in its cluster; AWS rejects the second create with a 409 error.",
        "set a different consumer_group_id for one of them, or remove it so that AWS generates one",
        _CREATE,
        'An event source mapping with event source ("…"), selfManagedKafkaEventSourceConfig.consumerGroupId ("…") '
        "already exists.",
    ),
    "E222": Explanation(
        "Parallel batches together with a tumbling window",
        "A tumbling window carries state from one batch of a shard to the next, so the batches of a shard are "
        "processed one at a time.",
        "remove parallelization_factor, or the window",
        _KINESIS,
        "Parallelization factor must be equal to 1 when tumbling window period is configured",
    ),
    "E223": Explanation(
        "A secret that is not given as an ARN",
        "Lambda needs the Secrets Manager ARN of the secret with the credentials for the source; the name is not enough.",
        "use the ARN that `aws secretsmanager describe-secret --secret-id NAME` shows",
        _ACCESS,
    ),
    "E224": Explanation(
        "A function by $LATEST",
        "S3 invokes a function, a version or an alias. $LATEST cannot have a policy, so nothing could let S3 invoke it; "
        "without a qualifier, the function's name means its latest code too.",
        "remove :$LATEST from function_name",
        _NOTIFICATIONS,
        "We currently do not support adding policies for $LATEST.",
    ),
    "E225": Explanation(
        "Two mappings of one bucket overlap",
        "S3 refuses two notifications of one bucket if one event could match both: their event types are equal, or one is "
        "a wildcard that covers the other, and one prefix begins with the other, and one suffix ends with the other. A "
        "missing prefix or suffix matches every key. The functions do not matter.",
        "change events, filter_prefix or filter_suffix of one of them, so that no event matches both; to invoke two "
        "functions for one event, use an SNS topic or EventBridge",
        _NOTIFICATIONS,
        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
        "overlapping for the same event type.",
    ),
    "E226": Explanation(
        "Two mappings of one bucket with the same id",
        "The id names an entry of the bucket's notification configuration, and must be unique in the bucket.",
        "change the id of one of them, or remove it so that provisioner chooses one",
        _NOTIFICATIONS,
        "Same ID used for multiple configurations. IDs must be unique.",
    ),
    "E227": Explanation(
        "One statement with two contents",
        "A statement_id names one statement in the policy of a function. Mappings that state the same one share the "
        "statement, so principal, source_arn and source_account must be the same for all of them. Where a mapping does not "
        "state source_arn, it is the mapping's own bucket.",
        "use another statement_id for one of them, or the same members for all",
        _POLICY,
        "The statement id (s) provided already exists. Please provide a new statement id, or remove the existing statement.",
    ),
    "E228": Explanation(
        "Mappings that contradict each other about one bucket",
        "A bucket belongs to one account, and is in one region. A mapping's region is its own, or that of its function's "
        "ARN, or the provider's: the function must be in the region of the bucket.",
        "write the same bucket_owner and the same region for all mappings of the bucket",
        _NOTIFICATIONS,
    ),
    "E229": Explanation(
        "Too many mappings of one bucket",
        "A bucket has at most 100 notifications, those to queues and topics and those that are managed elsewhere "
        "included.",
        "combine mappings with the same function, or send the events through an SNS topic or EventBridge",
        _NOTIFICATIONS,
    ),
    "E230": Explanation(
        "A filter test fails",
        "The filters of the mapping drop a record that stands under `pass` in its `filter_tests`, or let one through that "
        "stands under `drop`. An item is an event as Lambda delivers it, one record, or the data of a record; {file: PATH} "
        "reads it from a file of the manifest's folder.",
        "correct the filter or the record; `provisioner filter test NAME --event FILE` shows what a filter does with a record",
        "docs/aws/filters.md",
    ),
    # --- warnings ---
    "W201": Explanation(
        "Unknown value",
        "AWS adds values from time to time, so unknown values are sent unchanged. If AWS does not recognize the "
        "value, it rejects the request.",
        "check the spelling",
        _CREATE,
    ),
    "W202": Explanation(
        "A field known only to the installed botocore",
        "AWS added the field after this version was released. Its value is sent unchanged, in the API's spelling. "
        "Its default is unknown: removing the line changes nothing.",
        "upgrade provisioner if a newer version is available",
        _CREATE,
    ),
    "W203": Explanation(
        "More than 5 filters",
        "The default quota is 5 filters per mapping; AWS can raise it to 10 on request.",
        "check that the account's quota was raised, or combine filters",
        _FILTERING,
    ),
    "W204": Explanation(
        "Unknown filter rule",
        "The pattern is sent unchanged. If AWS does not recognize the rule, it rejects the request.",
        "check the spelling",
        _FILTERING,
    ),
    "W205": Explanation(
        "Subnets without security groups, or the other way round",
        "To reach brokers in a VPC, Lambda needs VPC_SUBNET and VPC_SECURITY_GROUP.",
        "add entries of the other type; AWS templates require both, but it is not known whether Lambda does",
        _ACCESS,
    ),
    "W206": Explanation(
        "More than one authentication method",
        "A Kafka mapping authenticates with one of SASL/PLAIN (BASIC_AUTH), SASL/SCRAM, a client certificate, OAuth or IAM.",
        "keep only one of the types listed in the message",
        _ACCESS,
    ),
    "W207": Explanation(
        "A broker's address has an unusual form",
        "The API model requires a host name and a port, but AWS does not check this when a mapping is created.",
        "write host and port, as in broker-1.example.com:9092",
        _CREATE,
    ),
    "W208": Explanation(
        "A timestamp without AT_TIMESTAMP",
        "starting_position_timestamp is used only with starting_position: AT_TIMESTAMP. For MSK, Kafka and "
        "DocumentDB AWS checks it late, if at all.",
        "remove the timestamp, or set starting_position: AT_TIMESTAMP",
        _CREATE,
    ),
    "W209": Explanation(
        "A destination that Lambda may not support",
        "Discarded records of Kinesis, DynamoDB, MSK and self-managed Kafka go to an SQS queue or an SNS topic "
        "(neither of them FIFO), or to an S3 bucket. For MSK and self-managed Kafka, they can also go to a topic "
        "in the same cluster (kafka://topic).",
        "use one of these destinations",
        f"{_API}OnFailure.html",
    ),
    "W210": Explanation(
        "A poller group is too large",
        "The mappings of one poller group share their pollers: at most 100 mappings with at most 2000 pollers together.",
        "lower maximum_pollers, or use another poller_group_name",
        f"{_API}ProvisionedPollerConfig.html",
    ),
    "W211": Explanation(
        "A secret in a different region",
        "Lambda reads the secret with the credentials for the source in the function's region.",
        "use a secret in the mapping's region",
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
        "A default applies to mappings whose kind of source supports the field. No mapping in this manifest has "
        "such a source.",
        "remove it, or move it to another kind under `defaults`",
        _OURS,
    ),
    "W214": Explanation(
        "A variable file sets a variable that is not declared",
        "The value is ignored, because several manifests can share one variable file.",
        "correct the name, or declare the variable",
        _OURS,
    ),
    "W215": Explanation(
        "A filter that no record can match",
        "The pattern is valid, but uses a field that records of this kind of source do not have, or compares a "
        "value with one of another type or with one that it never has (the event, the region or the ARN of the source), or "
        "wants a field to be missing that every record has. If no filter matches, Lambda deletes the message (for a queue) or "
        "skips the record (for other sources), without reporting it. The data of a record is under body (SQS), data "
        "(Kinesis, Amazon MQ), dynamodb (DynamoDB) or value (Kafka); attribute values of a DynamoDB item are "
        "under their type letter, such as S or N, with numbers as strings.",
        "change the pattern as the message shows",
        _FILTERING,
    ),
    "W216": Explanation(
        "A filter that may not work as intended",
        "The pattern is valid, but may not match the intended records: it uses a field "
        "that the poller adds, an `exists: false` that is always true or never, a string where Lambda parses JSON, or a "
        "very complex wildcard.",
        "change the pattern as the message shows, or test it with a separate queue or stream",
        _FILTERING,
    ),
    "W217": Explanation(
        "A filter that is covered by another filter",
        "Filters are alternatives: a record passes when one of them matches. Every record that passes this filter "
        "also passes the other.",
        "remove the narrower filter, or narrow the wider one",
        _FILTERING,
    ),
    "W218": Explanation(
        "A duplicate key in a filter pattern",
        "Most JSON libraries keep the last of two equal keys. AWS reads a pattern as a list of paths: it merges "
        "two objects under the same key, and uses the last of two lists. provisioner sends the merged pattern, "
        "which means the same.",
        "write the key once, and put both parts under it",
        _FILTERING,
    ),
    "W219": Explanation(
        "The same queue name in two virtual hosts of a broker",
        "Lambda allows one mapping per broker, queue and function. It is not known whether different virtual "
        "hosts of a RabbitMQ broker count as different, so AWS may reject the second mapping with a 409 error.",
        "no action is needed if AWS accepts both; otherwise, use a different function or alias for one of them",
        _ACCESS,
    ),
    "W220": Explanation(
        "Filters together with a tumbling window",
        "AWS reportedly rejects filters on a mapping with a tumbling window; the exact error message is not known.",
        "filter in the function, or remove the window",
        _FILTERING,
    ),
    "W221": Explanation(
        "A secret that the source may not accept",
        "An MSK cluster accepts only SCRAM secrets whose names start with AmazonMSK_. Credentials must be stored "
        "in Secrets Manager, so the ARN of another service does not work.",
        "use a secret that is associated with the cluster; `aws kafka list-scram-secrets` lists them",
        _ACCESS,
    ),
    "W222": Explanation(
        "Tags in a partition that may not have them",
        "When last reported, mappings could not be tagged in partitions other than `aws` (GovCloud, China and "
        "others). Without `provider: {ownership_tags: true}` no ownership tags are sent there; if a create is "
        "interrupted, provisioner finds the mapping by its function and source, but cannot tell whether it "
        "belongs to this stack.",
        'if AWS rejects the request with "Tags not supported in request.", remove the tags',
        "https://github.com/aws/aws-cdk/issues/31965",
    ),
    "W223": Explanation(
        "The service of the source is unknown",
        "This version of provisioner does not know the service in event_source_arn. Lambda may read from it all the same, so "
        "the mapping is planned and applied, but no field is checked by kind of source, and no default is known: a field that "
        "is removed from the manifest keeps its value.",
        "check the ARN; if Lambda supports the service, upgrade provisioner when a newer version is available",
        _OURS,
    ),
    "W224": Explanation(
        "A bucket's filter with special characters",
        "S3 compares filter_prefix and filter_suffix with the key of the object, character by character: there are no "
        "wildcards. Keys in events are URL-encoded, and it is not known whether S3 compares a space, + and % as they are "
        "written. The value is sent unchanged.",
        "remove the wildcard; for a space, + or %, test with an object that the function should get",
        _NOTIFICATIONS,
    ),
    "W225": Explanation(
        "A wildcard beside an event type that it covers",
        "The wildcard already includes the event type. It is not known whether S3 accepts both in one notification.",
        "remove the event type that the wildcard covers",
        _NOTIFICATIONS,
    ),
    "W226": Explanation(
        "A statement that does not admit the bucket",
        "S3 refuses a notification whose function it may not invoke. The statement that permission describes is for another "
        "principal or another source, so another statement in the function's policy must admit the bucket.",
        "correct principal or source_arn; write permission: none if another statement admits the bucket",
        _POLICY,
        "Not authorized to invoke function […]",
    ),
    "W227": Explanation(
        "A filter that every record passes",
        "An empty pattern names no field, so that every record matches it. So does one that wants of each of its fields what "
        "every record has there: that it exists, any string, one of all its values, not a value that it never has. Filters "
        "are alternatives: with such a filter the others do nothing either.",
        "remove the filter, or name a field",
        _FILTERING,
    ),
    # --- risks: what a change does to records in flight ---
    "R101": Explanation(
        "A new mapping that begins at LATEST",
        "Lambda may take minutes to start polling. With LATEST, it starts at the newest record at that time, "
        "so records that arrive between the apply and the first poll are never read. The mapping is new "
        "and had no position to lose, so this is a note.",
        "use AT_TIMESTAMP with the time of the apply, if the source supports it, or TRIM_HORIZON",
        _POSITIONS,
    ),
    "R102": Explanation(
        "An update of a mapping that reads from LATEST",
        "An update stops and restarts polling. AWS warns that a mapping created with LATEST can miss records in "
        "the meantime.",
        "update it when few records arrive; a mapping created with TRIM_HORIZON or AT_TIMESTAMP does not miss records",
        _POSITIONS,
    ),
    "R103": Explanation(
        "A replacement that begins at LATEST",
        "The position of the old mapping is not kept. Records that it did not read, and records that arrive before the new "
        "one polls, are skipped.",
        "use AT_TIMESTAMP with a time shortly before the apply, if the source supports it; records after that "
        "time are processed again",
        _POSITIONS,
    ),
    "R104": Explanation(
        "A replacement that begins at the oldest record",
        "The position of the old mapping is not kept. Everything that the source still retains is processed "
        "again: 24 hours of a DynamoDB stream, 24 hours to 365 days of a Kinesis stream.",
        "make sure that the function can safely process records twice, or use AT_TIMESTAMP with the time of the "
        "apply, if the source supports it",
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
        "set the consumer_group_id of the old mapping; `provisioner state show` prints it",
        _GROUPS,
    ),
    "R108": Explanation(
        "A replacement that reads the same queue",
        "Between the old mapping and the new one the queue is not read. Messages wait there, up to its retention; "
        "messages that the old one had received and not finished become visible again and may be processed twice.",
        "no action is needed if the function can safely process a message twice",
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
        "enable it again before records expire, or increase the retention first",
        _MAPPINGS,
    ),
    "R202": Explanation(
        "Disabling a queue mapping",
        "Messages wait in the queue, up to its retention (4 days by default for SQS).",
        "enable it again before messages expire",
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
        "let the mapping catch up first; to get a report of discarded records, set a failure destination",
        _ERRORS,
    ),
    "R205": Explanation(
        "Fewer retries",
        "Lambda discards a batch that failed more often than maximum_retry_attempts.",
        "to get a report of discarded records, set a failure destination",
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
        "no action is needed, unless the function relies on the order of records in a shard",
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
        "Lambda deletes a message that matches no filter; no consumer sees it again. A new mapping with filters "
        "also deletes messages that are already in the queue and match no filter.",
        "send such messages to another queue first, or filter in the function",
        _FILTERING,
    ),
    "R302": Explanation(
        "A filter that drops records",
        "There are two cases. A filter on a stream or topic is narrower: records that match no filter are "
        "skipped, and the position moves on. Or a filter cannot match any record (`validate` reports W215 or "
        "W216): on a queue, every message that matches no other filter is deleted.",
        "fix a filter that matches nothing; otherwise, make sure that the skipped records are not needed, because"
        " reading them again requires a new mapping",
        _FILTERING,
    ),
    "R303": Explanation(
        "A wider filter",
        "The function gets records that it did not get before. Records that were filtered out earlier are not delivered again.",
        "before you apply, make sure that the function can handle these records",
        _FILTERING,
    ),
    "R401": Explanation(
        "Fewer events of a bucket",
        "S3 keeps no event: one that matches no entry at its moment invokes no function, now or later.",
        "add the entry that is to get these events first, or process the objects that are already there by another way",
        _NOTIFICATIONS,
    ),
    "R402": Explanation(
        "Another function for the same events",
        "The entry is changed in place, so that no event is lost. A change is at work after some minutes, and until then "
        "events may invoke the old function.",
        "keep the old function and its permission until the change is at work",
        _NOTIFICATIONS,
    ),
    "R403": Explanation(
        "The end of a mapping of a bucket",
        "S3 keeps no event for a function that is not there: what happens to objects afterwards is not delivered later.",
        "stop the writers of the bucket first, or let another entry take these events over in the same apply",
        _NOTIFICATIONS,
    ),
    "R404": Explanation(
        "More events of a bucket",
        "More event types, or more keys, invoke the function from now on. Objects that are already there do not.",
        "make sure that the function can handle them",
        _NOTIFICATIONS,
    ),
    # --- checks ---
    "C100": Explanation(
        "A check could not be made",
        "These credentials may not ask AWS, AWS gave no answer within ten seconds, or one that is not understood, or "
        "the answer depends on a condition that a simulation does not know. What is skipped is neither wrong nor "
        "right: the plan goes on without it.",
        "allow the permission that the message names, for example by what `provisioner policy --for checks` "
        "prints, or pass --checks off",
        _CHECKS,
    ),
    "C101": Explanation(
        "The function, version or alias does not exist",
        "AWS refuses to create or retarget a mapping whose function it cannot find.",
        "deploy the function, version or alias first, or correct function_name",
        _CREATE,
        "Function does not exist",
    ),
    "C102": Explanation(
        "The function is not ready",
        "A function in the state Failed cannot run. One that is Pending or Inactive is not ready yet, and one "
        "whose last update failed runs its code from before.",
        "wait for the function, or deploy it again",
        _STATES,
    ),
    "C103": Explanation(
        "Nothing is invoked: the reserved concurrency is 0",
        "A reserved concurrency of 0 switches a function off. Its mapping stays Enabled, and goes on reading what"
        " it cannot deliver.",
        "remove the reserved concurrency of the function, or set `enabled: false`",
        _CONCURRENCY,
    ),
    "C104": Explanation(
        "The reserved concurrency is too small for the queues",
        "All queues of a function share its reserved concurrency. What exceeds it is throttled: messages become "
        "visible again, and may go to the dead-letter queue without having been processed.",
        "raise the reserved concurrency, or lower maximum_concurrency",
        _QUEUE_SCALING,
    ),
    "C105": Explanation(
        "The function's timeout is too long for its source",
        "Where Lambda reads a cluster or broker, AWS supports functions that end within 14 minutes.",
        "lower the function's timeout to 840 seconds or less",
        _MAPPINGS,
    ),
    "C106": Explanation(
        "Lambda may not assume the function's execution role",
        "AWS refuses a mapping whose function has a role that does not exist, or whose trust policy does not let "
        "lambda.amazonaws.com assume it.",
        "allow sts:AssumeRole to lambda.amazonaws.com in the role's trust policy",
        _ROLE,
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    "C107": Explanation(
        "The execution role lacks permissions",
        "Lambda reads the source, its secrets and the destination with the function's execution role. IAM's "
        "simulator was asked what that role may do. The level is `error` where AWS will refuse the mapping, and "
        "`likely` where a policy that was not read may allow it all the same, or where AWS does not check it when"
        " the mapping is made.",
        "add the statements to the role; `provisioner policy NAME` prints all that it needs",
        _SIMULATOR,
    ),
    "C108": Explanation(
        "The queue does not exist",
        "AWS refuses a mapping for a queue that it cannot find.",
        "create the queue, or correct event_source_arn",
        _CREATE,
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error "
        "Message: The specified queue does not exist.",
    ),
    "C109": Explanation(
        "The visibility timeout is shorter than the function's timeout",
        "A message would become visible again while the function still processes it. AWS refuses the mapping.",
        "raise the queue's visibility timeout to at least six times the function's timeout",
        _QUEUE,
        "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
    ),
    "C110": Explanation(
        "The visibility timeout is short",
        "AWS recommends six times the function's timeout plus the batching window, so that there is time for "
        "retries when the function is throttled. A message that becomes visible too early is processed twice.",
        "raise the queue's visibility timeout",
        _QUEUE_CONFIGURE,
    ),
    "C111": Explanation(
        "The queue is not of the kind that its name says",
        "The name of a FIFO queue ends in .fifo.",
        "correct event_source_arn",
        _QUEUE,
    ),
    "C112": Explanation(
        "The queue has no dead-letter queue, or gives up early",
        "Without a redrive policy a message that always fails is received again until it expires. With a "
        "maxReceiveCount below 5, messages that were only throttled go to the dead-letter queue.",
        "set a redrive policy with a maxReceiveCount of at least 5",
        _QUEUE_CONFIGURE,
    ),
    "C113": Explanation(
        "The dead-letter queue does not serve the queue",
        "It does not exist, is not FIFO as the queue is, does not let the queue use it, or keeps messages no "
        "longer than the queue does.",
        "correct the dead-letter queue, or the redrive policy of the queue",
        _DEAD_LETTERS,
    ),
    "C114": Explanation(
        "Messages expire before they reach the dead-letter queue",
        "A message reaches the dead-letter queue after maxReceiveCount receives, each up to the visibility "
        "timeout apart. It expires earlier when the queue's retention is shorter than that.",
        "raise the queue's message retention, or lower maxReceiveCount or the visibility timeout",
        _DEAD_LETTERS,
    ),
    "C115": Explanation(
        "The policy of the queue does not admit the role",
        "A statement of the queue's policy denies the role, or the queue is another account's and its policy does"
        " not allow the role.",
        "change the policy of the queue",
        _QUEUE_ACCOUNTS,
    ),
    "C116": Explanation(
        "The execution role may not use the key of the source",
        "The source is encrypted with a customer key. Without kms:Decrypt Lambda cannot read it.",
        "add the statement to the role; the key's own policy must allow it too",
        _QUEUE_CONFIGURE,
    ),
    "C117": Explanation(
        "The stream does not exist, is not active, or keeps records too briefly",
        "AWS refuses a mapping for a stream that it cannot find. Where maximum_record_age_in_seconds is longer "
        "than the stream's retention, records expire before they are sent to the destination.",
        "create the stream, raise its retention, or correct the mapping",
        _KINESIS,
        "Stream not found",
    ),
    "C118": Explanation(
        "The consumer does not exist or is not active",
        "AWS refuses a mapping for an enhanced fan-out consumer that it cannot find. A consumer that was "
        "registered again has another ARN.",
        "register the consumer, or correct event_source_arn",
        _KINESIS,
    ),
    "C119": Explanation(
        "More shards than functions may run at once",
        "Each shard runs up to parallelization_factor functions at once. Where the reserved concurrency is "
        "smaller, shards wait for each other.",
        "raise the reserved concurrency, or lower parallelization_factor",
        _KINESIS,
    ),
    "C120": Explanation(
        "The stream of the table is gone or switched off",
        "A table whose stream is switched off and on again has a new stream with a new ARN; the old one gets "
        "nothing new.",
        "set event_source_arn to the table's stream",
        _DYNAMODB,
        "Stream not found",
    ),
    "C121": Explanation(
        "A filter asks for an image that the stream does not have",
        "The view type of a table's stream decides whether its records have the new and the old image. A filter "
        "on an image that is not there matches no record.",
        "change the view type of the stream, or the filter",
        _DYNAMODB,
    ),
    "C122": Explanation(
        "A DynamoDB stream keeps records for a day, and serves two readers",
        "Streams of DynamoDB keep records for 24 hours, and more than two readers of one stream may be throttled.",
        "lower maximum_record_age_in_seconds, or read the stream with fewer mappings",
        _DYNAMODB,
    ),
    "C123": Explanation(
        "The MSK cluster does not exist, is not active, or takes another way to sign in",
        "AWS refuses a mapping for a cluster that it cannot find. From one that does not take the mapping's way "
        "to sign in nothing is read.",
        "correct event_source_arn, or switch on that authentication in the cluster",
        _MSK,
    ),
    "C124": Explanation(
        "The secret is not associated with the cluster",
        "MSK takes a SCRAM secret only after it was associated with the cluster.",
        "associate it: `aws kafka batch-associate-scram-secret`",
        _MSK,
    ),
    "C125": Explanation(
        "Lambda cannot reach other services from the source's network",
        "Lambda polls a cluster or broker from network interfaces in its subnets. In on-demand mode these must reach Lambda, "
        "STS and Secrets Manager, through a NAT gateway or VPC endpoints. In provisioned mode they need neither.",
        "add a NAT gateway or the VPC endpoints, or use provisioned_poller_config",
        _MSK_NETWORK,
    ),
    "C126": Explanation(
        "The security groups of the source do not admit Lambda",
        "Lambda's network interfaces are in the security groups of the source. These must admit the source's port from "
        "themselves, and let HTTPS out.",
        "add the rule to the security group",
        _MSK_NETWORK,
    ),
    "C127": Explanation(
        "The broker does not exist, is not running, or takes another way to sign in",
        "AWS refuses a mapping for a broker that it cannot find. Lambda signs in by name and password, and "
        "ActiveMQ has no virtual hosts.",
        "correct the mapping, or the broker",
        _MQ,
    ),
    "C128": Explanation(
        "The DocumentDB cluster cannot be read",
        "Lambda reads clusters of DocumentDB that are available, in the function's account and region, by TLS.",
        "correct event_source_arn, or the cluster",
        _DOCUMENTDB,
    ),
    "C129": Explanation(
        "The secret does not exist, or is about to be deleted",
        "AWS refuses a mapping whose secret it cannot find. One that is scheduled for deletion cannot be read.",
        "create or restore the secret, or correct source_access_configuration",
        _ACCESS,
        "Lambda received ResourceNotFoundException from Secrets Manager.",
    ),
    "C130": Explanation(
        "The destination of failures does not exist, or is FIFO",
        "AWS writes to the destination when a mapping is made, and refuses one that cannot be written to.",
        "create the destination, or correct destination_config",
        _ERRORS,
    ),
    "C131": Explanation(
        "The key of the filters cannot be used",
        "Filters are encrypted with a symmetric key that is enabled.",
        "enable the key, or set another kms_key_arn",
        _FILTERING,
        "Lambda was unable to decrypt your filter criteria because the KMS key is disabled. Please check your KMS"
        " key settings.",
    ),
}
"""Every code of a diagnostic, a risk or a finding of a check, in the order in which `provisioner explain` lists them."""
