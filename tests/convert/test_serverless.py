"""Serverless Framework files: every event that is a mapping, what names a function, and what `resources` changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import UsageError
from provisioner.manifest.load import load
from provisioner.manifest.variables import Inputs
from provisioner.workflow.converting import Converted
from tests.convert import converting

A = "123456789012"
Q = f"arn:aws:sqs:eu-west-1:{A}:orders"
K = f"arn:aws:kinesis:eu-west-1:{A}:stream/clicks"
D = f"arn:aws:dynamodb:eu-west-1:{A}:table/items/stream/2024-01-01T00:00:00.000"
M = f"arn:aws:kafka:eu-west-1:{A}:cluster/main/5f0c1f2e-1111-2222-3333-444455550000-1"
B = f"arn:aws:mq:eu-west-1:{A}:broker:main:b-5f0c1f2e-1111-2222-3333-444455550000"
C = f"arn:aws:rds:eu-west-1:{A}:cluster:docs"
S = f"arn:aws:secretsmanager:eu-west-1:{A}:secret:kafka"
HEAD = "service: shop\nprovider: {name: aws, region: eu-west-1}\n"


def converted(folder: Path, text: str, name: str = "serverless.yml", **options: Any) -> Converted:
    return converting.converted(folder, {name: text}, **options)


def with_events(events: str, more: str = "") -> str:
    return f"{HEAD}functions:\n  work:\n    handler: a.b\n    events: [{events}]\n{more}"


def loaded(found: Converted, folder: Path, **values: str) -> list[dict[str, Any]]:
    """The mappings of the printed manifest, in the file's order, without the function where it is the usual one."""
    (folder / "out").mkdir(exist_ok=True)
    path = folder / "out" / "provisioner.yaml"
    path.write_text(found.text)
    inputs = Inputs(tuple(f"{name}={value}" for name, value in values.items()))
    manifest = load(path, inputs=inputs, needs_values=False).manifest
    mappings = [dict(item.mapping) for item in manifest.mappings.values()]
    for mapping in mappings:
        if mapping["function_name"] == "shop-dev-work":
            del mapping["function_name"]
    return mappings


def one(folder: Path, events: str, more: str = "", **values: str) -> dict[str, Any]:
    """The one mapping of a file with these events; nothing is left out."""
    found = converted(folder, with_events(events, more))
    assert found.left_out == ()
    (mapping,) = loaded(found, folder, **values)
    return mapping


def left_out(found: Converted) -> list[tuple[str, str]]:
    return [(item.what, item.why) for item in found.left_out]


FILTERS = {"filter": [{"pattern": {"body": {"kind": ["new", {"prefix": "x"}]}}}]}
FILTERS_YAML = "filterPatterns: [{body: {kind: [new, {prefix: x}]}}]"

EVENTS = {
    "a queue by its ARN": (f"sqs: '{Q}'", {"event_source_arn": Q}),
    "a queue": (
        f"sqs: {{arn: '{Q}', batchSize: 7, maximumBatchingWindow: 3, enabled: false, maximumConcurrency: 5,"
        f" functionResponseType: ReportBatchItemFailures, {FILTERS_YAML}}}",
        {
            "event_source_arn": Q,
            "enabled": False,
            "batch_size": 7,
            "maximum_batching_window_in_seconds": 3,
            "function_response_types": ["ReportBatchItemFailures"],
            "filter_criteria": FILTERS,
            "scaling_config": {"maximum_concurrency": 5},
        },
    ),
    "a queue with pollers": (
        f"sqs: {{arn: '{Q}', provisionedPollers: {{min: 3, max: 9}}}}",
        {"event_source_arn": Q, "provisioned_poller_config": {"minimum_pollers": 3, "maximum_pollers": 9}},
    ),
    "a queue whose pollers end": (f"sqs: {{arn: '{Q}', provisionedPollers: false}}", {"event_source_arn": Q}),
    "a FIFO queue": (f"sqs: {{arn: '{Q}.fifo', batchSize: 10}}", {"event_source_arn": f"{Q}.fifo"}),
    "a stream by its ARN": (
        f"stream: '{K}'",
        {"event_source_arn": K, "starting_position": "TRIM_HORIZON", "batch_size": 10},
    ),
    "a stream": (
        f"stream: {{type: kinesis, arn: '{K}', batchSize: 50, batchWindow: 2, startingPosition: LATEST, enabled: true,"
        " maximumRetryAttempts: 3, maximumRecordAgeInSeconds: 120, bisectBatchOnFunctionError: true,"
        " parallelizationFactor: 4, functionResponseType: ReportBatchItemFailures, tumblingWindowInSeconds: 0,"
        f" destinations: {{onFailure: '{Q}'}}, filterPatterns: [{{data: {{kind: [new]}}}}]}}",
        {
            "event_source_arn": K,
            "starting_position": "LATEST",
            "batch_size": 50,
            "maximum_batching_window_in_seconds": 2,
            "parallelization_factor": 4,
            "bisect_batch_on_function_error": True,
            "maximum_record_age_in_seconds": 120,
            "maximum_retry_attempts": 3,
            "function_response_types": ["ReportBatchItemFailures"],
            "filter_criteria": {"filter": [{"pattern": {"data": {"kind": ["new"]}}}]},
            "destination_config": {"on_failure": {"destination_arn": Q}},
        },
    ),
    "no retries": (
        f"stream: {{arn: '{D}', maximumRetryAttempts: 0, batchSize: 100}}",
        {"event_source_arn": D, "starting_position": "TRIM_HORIZON", "maximum_retry_attempts": 0},
    ),
    "a destination with its type": (
        f"stream: {{arn: '{D}', destinations: {{onFailure: {{arn: '{Q}', type: sqs}}}}}}",
        {
            "event_source_arn": D,
            "starting_position": "TRIM_HORIZON",
            "batch_size": 10,
            "destination_config": {"on_failure": {"destination_arn": Q}},
        },
    ),
    "a point in time": (
        f"stream: {{arn: '{K}', startingPosition: AT_TIMESTAMP, startingPositionTimestamp: 1700000000}}",
        {
            "event_source_arn": K,
            "starting_position": "AT_TIMESTAMP",
            "starting_position_timestamp": "2023-11-14T22:13:20Z",
            "batch_size": 10,
        },
    ),
    "a consumer by its ARN": (
        f"stream: {{arn: '{K}', consumer: '{K}/consumer/c:1700000000'}}",
        {"event_source_arn": f"{K}/consumer/c:1700000000", "starting_position": "TRIM_HORIZON", "batch_size": 10},
    ),
    "a consumer of a table, which has none": (
        f"stream: {{arn: '{D}', type: dynamodb, consumer: true}}",
        {"event_source_arn": D, "starting_position": "TRIM_HORIZON", "batch_size": 10},
    ),
    "MSK": (
        f"msk: {{arn: '{M}', topic: orders}}",
        {"event_source_arn": M, "topics": ["orders"], "starting_position": "TRIM_HORIZON"},
    ),
    "MSK in full": (
        f"msk: {{arn: '{M}', topic: orders, batchSize: 200, maximumBatchingWindow: 4, startingPosition: LATEST,"
        f" enabled: false, saslScram512: '{S}', consumerGroupId: g, {FILTERS_YAML},"
        " provisionedPollers: {min: 1, max: 2, group: shared}}",
        {
            "event_source_arn": M,
            "topics": ["orders"],
            "starting_position": "LATEST",
            "enabled": False,
            "batch_size": 200,
            "maximum_batching_window_in_seconds": 4,
            "filter_criteria": FILTERS,
            "source_access_configuration": [{"type": "SASL_SCRAM_512_AUTH", "uri": S}],
            "amazon_managed_kafka_event_source_config": {"consumer_group_id": "g"},
            "provisioned_poller_config": {"minimum_pollers": 1, "maximum_pollers": 2, "poller_group_name": "shared"},
        },
    ),
    "a window of 0 on MSK, which the framework does not write": (
        f"msk: {{arn: '{M}', topic: orders, maximumBatchingWindow: 0, batchSize: 0}}",
        {"event_source_arn": M, "topics": ["orders"], "starting_position": "TRIM_HORIZON"},
    ),
    "Kafka": (
        "kafka: {bootstrapServers: ['b-2.example.com:9092', 'b-1.example.com:9092'], topic: orders, consumerGroupId: g,"
        f" accessConfigurations: {{vpcSubnet: [subnet-1, 'subnet:subnet-2'], vpcSecurityGroup: sg-1, saslPlainAuth: '{S}',"
        f" saslScram256Auth: ['{S}2'], saslScram512Auth: ['{S}3'], clientCertificateTLSAuth: '{S}4',"
        f" serverRootCaCertificate: '{S}5'}}, batchSize: 5, maximumBatchingWindow: 1, enabled: true,"
        " provisionedPollerConfig: {minimumPollers: 1, maximumPollers: 2}}",
        {
            "self_managed_event_source": {
                "endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b-1.example.com:9092", "b-2.example.com:9092"]}
            },
            "topics": ["orders"],
            "starting_position": "TRIM_HORIZON",
            "batch_size": 5,
            "maximum_batching_window_in_seconds": 1,
            "source_access_configuration": [
                {"type": "BASIC_AUTH", "uri": S},
                {"type": "CLIENT_CERTIFICATE_TLS_AUTH", "uri": f"{S}4"},
                {"type": "SASL_SCRAM_256_AUTH", "uri": f"{S}2"},
                {"type": "SASL_SCRAM_512_AUTH", "uri": f"{S}3"},
                {"type": "SERVER_ROOT_CA_CERTIFICATE", "uri": f"{S}5"},
                {"type": "VPC_SECURITY_GROUP", "uri": "security_group:sg-1"},
                {"type": "VPC_SUBNET", "uri": "subnet:subnet-1"},
                {"type": "VPC_SUBNET", "uri": "subnet:subnet-2"},
            ],
            "self_managed_kafka_event_source_config": {"consumer_group_id": "g"},
            "provisioned_poller_config": {"minimum_pollers": 1, "maximum_pollers": 2},
        },
    ),
    "ActiveMQ": (
        f"activemq: {{arn: '{B}', queue: jobs, basicAuthArn: '{S}', batchSize: 9, maximumBatchingWindow: 8}}",
        {
            "event_source_arn": B,
            "queues": ["jobs"],
            "batch_size": 9,
            "maximum_batching_window_in_seconds": 8,
            "source_access_configuration": [{"type": "BASIC_AUTH", "uri": S}],
        },
    ),
    "RabbitMQ": (
        f"rabbitmq: {{arn: '{B}', queue: jobs, basicAuthArn: '{S}', virtualHost: /jobs, enabled: false, {FILTERS_YAML}}}",
        {
            "event_source_arn": B,
            "queues": ["jobs"],
            "enabled": False,
            "filter_criteria": FILTERS,
            "source_access_configuration": [
                {"type": "BASIC_AUTH", "uri": S},
                {"type": "VIRTUAL_HOST", "uri": "/jobs"},
            ],
        },
    ),
    "DocumentDB": (
        f"documentDb: {{cluster: '{C}', db: shop, collection: orders, auth: BASIC_AUTH, smk: '{S}', batchWindow: 3,"
        " batchSize: 7, document: UpdateLookup, startingPosition: TRIM_HORIZON}",
        {
            "event_source_arn": C,
            "starting_position": "TRIM_HORIZON",
            "batch_size": 7,
            "maximum_batching_window_in_seconds": 3,
            "source_access_configuration": [{"type": "BASIC_AUTH", "uri": S}],
            "document_db_event_source_config": {
                "database_name": "shop",
                "collection_name": "orders",
                "full_document": "UpdateLookup",
            },
        },
    ),
    "DocumentDB with its secret as auth": (
        f"documentDb: {{cluster: '{C}', db: shop, auth: '{S}'}}",
        {
            "event_source_arn": C,
            "starting_position": "LATEST",
            "source_access_configuration": [{"type": "BASIC_AUTH", "uri": S}],
            "document_db_event_source_config": {"database_name": "shop"},
        },
    ),
    "a bucket by its name": (
        "s3: photos",
        {"event_source_arn": "arn:aws:s3:::photos", "events": ["s3:ObjectCreated:*"]},
    ),
    "a bucket": (
        "s3: {bucket: photos, event: 's3:ObjectRemoved:*', rules: [{prefix: in/}, {suffix: .jpg}]}",
        {
            "event_source_arn": "arn:aws:s3:::photos",
            "events": ["s3:ObjectRemoved:*"],
            "filter_prefix": "in/",
            "filter_suffix": ".jpg",
        },
    ),
    "a bucket that exists": (
        "s3: {bucket: photos, existing: true, forceDeploy: true, rules: [{suffix: .png}]}",
        {"event_source_arn": "arn:aws:s3:::photos", "events": ["s3:ObjectCreated:*"], "filter_suffix": ".png"},
    ),
}


@pytest.mark.parametrize("case", EVENTS)
def test_events(case: str, tmp_path: Path) -> None:
    event, expected = EVENTS[case]

    assert one(tmp_path, f"{{{event}}}") == expected


def test_the_generated_consumer_of_a_stream_is_a_variable(tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{stream: {{arn: '{K}', consumer: true}}}}"))

    ((name, variable),) = found.source.variables.items()
    assert "workclicksConsumer" in variable.description
    (mapping,) = loaded(found, tmp_path, **{name: f"{K}/consumer/workclicksConsumer:1700000000"})
    assert mapping["event_source_arn"] == f"{K}/consumer/workclicksConsumer:1700000000"
    assert mapping["batch_size"] == 10


def test_the_name_of_a_consumer_may_have_service_and_stage(tmp_path: Path) -> None:
    text = with_events(f"{{stream: {{arn: '{K}', consumer: true}}}}").replace(
        "region: eu-west-1", "kinesis: {consumerNamingMode: serviceSpecific}"
    )

    (variable,) = converted(tmp_path, text).source.variables.values()
    assert "workclicksshopdevConsumer" in variable.description


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("{}", "shop-dev-work"),
        ("{name: own}", "own"),
        ("{name: '${self:service}-${sls:stage}-w'}", "shop-dev-w"),
        ("{provisionedConcurrency: 3}", "shop-dev-work:provisioned"),
        ("{provisionedConcurrency: 0}", "shop-dev-work"),
        ("{provisionedConcurrency: {executions: 3, alias: live}}", "shop-dev-work:live"),
        ("{provisionedConcurrency: {executions: 3}}", "shop-dev-work:provisioned"),
        ("{snapStart: true}", "shop-dev-work:snapstart"),
        ("{snapStart: false}", "shop-dev-work"),
        ("{durableConfig: {executionTimeout: 60}}", "shop-dev-work:durable"),
        ("{name: own, provisionedConcurrency: 1}", "own:provisioned"),
    ],
)
def test_functions(function: str, expected: str, tmp_path: Path) -> None:
    text = f"{HEAD}functions: {{work: {{handler: a.b, events: [{{sqs: '{Q}'}}], {function[1:]}}}"
    found = converted(tmp_path, text)

    assert [item.found.mapping["function_name"] for item in found.named] == [expected]


def test_an_alias_that_depends_on_an_unknown_value_is_not_invented(tmp_path: Path) -> None:
    text = f"{HEAD}functions: {{work: {{provisionedConcurrency: '${{env:PC}}', events: [{{sqs: '{Q}'}}]}}}}"
    found = converted(tmp_path, text)

    (variable,) = found.source.variables.values()
    assert variable.description == "the function shop-dev-work, with :provisioned behind its name if PC is set"


def test_an_existing_bucket_invokes_the_function_without_an_alias(tmp_path: Path) -> None:
    function = "{provisionedConcurrency: 1, events: [{s3: {bucket: a, existing: true}}, {s3: b}]}"
    found = converted(tmp_path, f"{HEAD}functions: {{work: {function}}}")

    functions = {item.found.mapping["event_source_arn"]: item.found.mapping["function_name"] for item in found.named}
    assert functions == {"arn:aws:s3:::a": "shop-dev-work", "arn:aws:s3:::b": "shop-dev-work:provisioned"}


@pytest.mark.parametrize(
    ("functions", "names"),
    [
        ("[{a: {events: [EVENT]}}, {b: {events: [EVENT]}}]", ["shop-dev-a", "shop-dev-b"]),
        ("{a: {events: [EVENT]}, b: null}", ["shop-dev-a"]),
        ("[{a: {handler: x}}, {a: {events: [EVENT], name: n}}]", ["n"]),
        ("'${file(f.yml)}'", ["shop-dev-filed"]),
        ("['${file(f.yml)}', '${file(./g.yml):functions}']", ["shop-dev-filed", "shop-dev-other"]),
        ("{a: '${file(f.yml):filed}'}", ["shop-dev-a"]),
        ("{a: {events: '${file(f.yml):filed.events}'}}", ["shop-dev-a"]),
        ("{a: {events: ['${file(f.yml):filed.events.0}']}}", ["shop-dev-a"]),
    ],
)
def test_functions_of_several_maps_and_files(functions: str, names: list[str], tmp_path: Path) -> None:
    event = f"{{sqs: '{Q}'}}"
    (tmp_path / "f.yml").write_text(f"filed:\n  handler: x\n  events:\n    - sqs: '{Q}'\n")
    (tmp_path / "g.yml").write_text(f"functions:\n  other:\n    events:\n      - {event}\n")
    found = converted(tmp_path, f"{HEAD}functions: {functions.replace('EVENT', event)}")

    assert sorted(item.found.mapping["function_name"] for item in found.named) == names
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("head", "options", "name", "region"),
    [
        ("service: shop\nprovider: aws\n", {}, "shop-dev-work", "us-east-1"),
        ("service: {name: shop}\nprovider: {name: aws}\n", {"region": "eu-west-3"}, "shop-dev-work", "eu-west-3"),
        ("service: shop\nprovider: {name: aws, stage: prod, region: eu-west-2}\n", {}, "shop-prod-work", "eu-west-2"),
        ("service: shop\nprovider: {name: aws, stage: prod}\n", {"stage": "qa"}, "shop-qa-work", "us-east-1"),
        ("service: shop\nprovider: {stage: \"${opt:stage, 'test'}\"}\n", {}, "shop-test-work", "us-east-1"),
        ("service: shop\nprovider: {stage: \"${opt:stage, 'test'}\"}\n", {"stage": "qa"}, "shop-qa-work", "us-east-1"),
        (
            'service: shop\nprovider: {region: "${opt:region, self:custom.r}"}\ncustom: {r: eu-north-1}\n',
            {},
            "shop-dev-work",
            "eu-north-1",
        ),
    ],
)
def test_the_service(head: str, options: dict[str, str], name: str, region: str, tmp_path: Path) -> None:
    text = f"{head}functions: {{work: {{events: [{{sqs: {{Fn::GetAtt: [Jobs, Arn]}}}}]}}}}\n"
    text += "resources: {Resources: {Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}}}\n"
    found = converted(tmp_path, text, account=A, **options)

    (item,) = found.named
    assert item.found.mapping == {
        "function_name": name,
        "event_source_arn": f"arn:aws:sqs:{region}:{A}:jobs",
    }
    assert found.fresh.region == region


@pytest.mark.parametrize(
    ("event", "service"),
    [
        ("sns: topic", "SNS"),
        ("sns: {arn: 'arn:aws:sns:eu-west-1:123456789012:t', topicName: t}", "SNS"),
        ("schedule: rate(10 minutes)", "EventBridge"),
        ("schedule: {rate: [cron(0 3 * * ? *), rate(1 hour)], enabled: false}", "EventBridge"),
        ("eventBridge: {pattern: {source: [a]}}", "EventBridge"),
        ("cloudwatchEvent: {event: {source: [a]}}", "EventBridge"),
        ("cloudwatchLog: /aws/lambda/x", "CloudWatch Logs"),
        ("iot: {sql: 'SELECT * FROM a'}", "AWS IoT"),
    ],
)
def test_sources_that_are_not_supported_yet_are_named(event: str, service: str, tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{{event}}}, {{sqs: '{Q}'}}"))

    kind = event.partition(":")[0]
    assert left_out(found) == [(f"functions.work.events[0].{kind}", f"{service} as a source is not supported yet")]
    assert found.left_out[0].place.line == 6
    assert len(found.named) == 1


@pytest.mark.parametrize(
    "event",
    [
        *("{http: GET /}", "{httpApi: '*'}", "{websocket: $connect}", "{alb: {priority: 1}}"),
        *("{cognitoUserPool: {pool: p}}", "alexaSkill", "{cloudFront: {eventType: viewer-request}}"),
    ],
)
def test_what_is_no_source_is_not_mentioned(event: str, tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(event))

    assert (found.named, found.left_out) == ((), ())


@pytest.mark.parametrize(
    ("event", "what", "why"),
    [
        ("{sqs: null}", "functions.work.events[0].sqs", "it names no source"),
        ("{sqs: {batchSize: 1}}", "functions.work.events[0].sqs", "it names no source"),
        ("{s3: {event: 's3:ObjectCreated:*'}}", "functions.work.events[0].s3", "it names no bucket"),
        ("{existingS3: {bucket: b}}", "functions.work.events[0].existingS3", "it is not an event of the framework"),
        ("[1]", "functions.work.events[0]", "it is not in the files, or is not a map"),
        ("'${file(e.js)}'", "functions.work.events[0]", "it is not in the files, or is not a map"),
        (
            f"{{sqs: {{arn: '{Q}', batchWindow: 5}}}}",
            "batchWindow of functions.work.events[0].sqs",
            "it is not a setting of this event, so the framework does not deploy it",
        ),
        (
            f"{{sqs: {{arn: '{Q}', batchSize: many}}}}",
            "BatchSize of functions.work.events[0].sqs",
            '"many" is not a whole',
        ),
        (
            "{s3: {bucket: b, rules: [{prefix: a, suffix: b}]}}",
            "suffix of functions.work.events[0].s3",
            "a rule has one",
        ),
    ],
)
def test_what_cannot_be_converted_is_named(event: str, what: str, why: str, tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(event))

    assert any(item.what == what and item.why.startswith(why) for item in found.left_out), found.left_out


RESOURCES = """resources:
  Resources:
    Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
    Fifo: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs.fifo, FifoQueue: true}}
    Unnamed: {Type: AWS::SQS::Queue}
    UnnamedFifo: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
    Clicks: {Type: AWS::Kinesis::Stream, Properties: {Name: clicks}}
    Items: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "${self:service}-${Kind}-${AWS::Region}"}}
    Alarm: {Type: AWS::SNS::Topic, Properties: {TopicName: !Join ['-', [a, !Ref Kind]]}}
    Media: {Type: AWS::S3::Bucket, Properties: {BucketName: !If [IsProd, media, media-dev]}}
  Parameters:
    Kind: {Type: String, Default: items}
    Several: {Type: CommaDelimitedList, Default: "jobs,more"}
    Hidden: {Type: String, NoEcho: true, Default: secret}
    Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /shop/queue}
  Conditions:
    IsProd: {"Fn::Equals": ["${sls:stage}", prod]}
    IsDev: !Not [!Condition IsProd]
    Both: !And [!Condition IsProd, !Condition IsDev]
    Either: !Or [!Condition IsProd, !Condition IsDev]
  Mappings:
    Names: {eu-west-1: {queue: mapped}}
"""


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("{Fn::GetAtt: [Jobs, Arn]}", f"arn:aws:sqs:eu-west-1:{A}:jobs"),
        ("!GetAtt Fifo.Arn", f"arn:aws:sqs:eu-west-1:{A}:jobs.fifo"),
        ("!GetAtt Unnamed.Arn", "${var.UnnamedArn}"),
        ("!GetAtt UnnamedFifo.Arn", "${var.UnnamedFifoArn}"),
        (
            "!Join [':', [arn, aws, sqs, !Ref AWS::Region, !Ref AWS::AccountId, jobs]]",
            f"arn:aws:sqs:eu-west-1:{A}:jobs",
        ),
        ("!Sub 'arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Jobs.QueueName}'", None),
        ("!Sub ['arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:${q}', {q: jobs}]", f"arn:aws:sqs:eu-west-1:{A}:jobs"),
        ("'arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:jobs'", f"arn:aws:sqs:eu-west-1:{A}:jobs"),
        ("'arn:aws:sqs:#{AWS::Region}:#{AWS::AccountId}:jobs'", f"arn:aws:sqs:eu-west-1:{A}:jobs"),
        ("'arn:aws:sqs:${aws:region}:${aws:accountId}:jobs'", f"arn:aws:sqs:eu-west-1:{A}:jobs"),
        ("!ImportValue jobs-arn", "${var.jobs_arn}"),
        ("!ImportValue {Fn::Sub: '${AWS::StackName}-jobs'}", "${var.shop_dev_jobs}"),
        ("!Ref Stored", "${var.Stored}"),
        ("!Ref Hidden", "${var.Hidden}"),
        ("!Ref Given", "${var.Given}"),
        ("!Join ['', [!Sub 'arn:aws:sqs:eu-west-1:${AWS::AccountId}:', !Select [0, !Ref Several]]]", None),
        ("!GetAtt Elsewhere.Arn", "${var.ElsewhereArn}"),
        ("!Select [1, [a, !GetAtt Jobs.Arn]]", f"arn:aws:sqs:eu-west-1:{A}:jobs"),
        (f"!Select [0, !Split [',', '{Q},x']]", Q),
        (f"!If [IsProd, x, '{Q}']", Q),
        (f"!If [Either, '{Q}', x]", Q),
        (f"!If [Both, x, '{Q}']", Q),
        (
            "!Sub ['arn:aws:sqs:eu-west-1:123456789012:${q}', {q: !FindInMap [Names, eu-west-1, queue]}]",
            Q[:-6] + "mapped",
        ),
        ("'arn:aws:sqs:eu-west-1:123456789012:{{resolve:ssm:/shop/queue:1}}'", Q[:-6] + "${var.shop_queue_1}"),
    ],
)
def test_references(arn: str, expected: str | None, tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{sqs: {{arn: {arn}}}}}", RESOURCES), account=A)

    assert found.left_out == ()
    assert f"event_source_arn: {expected or f'arn:aws:sqs:eu-west-1:{A}:jobs'}\n" in found.text
    loaded(found, tmp_path)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            "stream: {type: kinesis, arn: !GetAtt Clicks.Arn}",
            {"event_source_arn": f"arn:aws:kinesis:eu-west-1:{A}:stream/clicks"},
        ),
        (
            "stream: {type: dynamodb, arn: !GetAtt Items.StreamArn}",
            {
                "event_source_arn": f"arn:aws:dynamodb:eu-west-1:{A}:table/shop-items-eu-west-1/stream/${{var.ItemsStreamLabel}}"
            },
        ),
        ("s3: {bucket: !Ref Media, existing: true}", {"event_source_arn": "arn:aws:s3:::media-dev"}),
        ("sqs: !GetAtt Jobs.Arn", {"event_source_arn": f"arn:aws:sqs:eu-west-1:{A}:jobs"}),
        (
            f"stream: {{arn: '{K}', destinations: {{onFailure: {{type: sns, arn: !Ref Alarm}}}}}}",
            {"destination_arn": f"arn:aws:sns:eu-west-1:{A}:a-items"},
        ),
    ],
)
def test_references_of_other_sources(event: str, expected: dict[str, str], tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{{event}}}", RESOURCES), account=A)

    assert found.left_out == ()
    for name, value in expected.items():
        assert f"{name}: {value}\n" in found.text


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ("FunctionName: !Ref Live", "function_name: shop-dev-work:live"),
        ("FunctionName: !Ref Published", "function_name: shop-dev-work:${var.PublishedVersion}"),
        ("FunctionName: !Select [6, !Split [':', !GetAtt WorkLambdaFunction.Arn]]", "function_name: shop-dev-work"),
        ("BatchSize: !If [Missing, 1, 2]", "batch_size: ${var.BatchSize}"),
        (
            "EventSourceArn: !GetAtt Tables.StreamArn, StartingPosition: LATEST, BatchSize: 100",
            "${var.TablesStreamArn}",
        ),
    ],
)
def test_references_of_a_mapping(properties: str, expected: str, tmp_path: Path) -> None:
    own = f"""    Live: {{Type: AWS::Lambda::Alias, Properties: {{FunctionName: !Ref WorkLambdaFunction, Name: live}}}}
    Published: {{Type: AWS::Lambda::Version, Properties: {{FunctionName: !GetAtt WorkLambdaFunction.Arn}}}}
    Tables: {{Type: AWS::DynamoDB::Table}}
    Own:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {{FunctionName: f, EventSourceArn: !GetAtt Jobs.Arn}}
  extensions:
    Own: {{Properties: {{{properties}}}}}
  Parameters:"""
    found = converted(tmp_path, with_events("", RESOURCES.replace("  Parameters:", own, 1)))

    assert found.left_out == ()
    assert f"{expected}\n" in found.text
    assert "batch_size: 100" not in found.text  # the default, where the kind of the source is known


def test_a_value_that_may_be_absent_is_named(tmp_path: Path) -> None:
    event = f"{{sqs: {{arn: '{Q}', maximumBatchingWindow: !If [Missing, 5, !Ref AWS::NoValue]}}}}"
    found = converted(tmp_path, with_events(event, RESOURCES))

    assert [what for what, _ in left_out(found)] == ["MaximumBatchingWindowInSeconds of functions.work.events[0].sqs"]
    assert "ignore_changes:\n        - maximum_batching_window_in_seconds" in found.text


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")]
)
def test_partitions(region: str, partition: str, tmp_path: Path) -> None:
    found = converted(
        tmp_path, with_events("{s3: photos}, {sqs: !GetAtt Jobs.Arn}", RESOURCES), account=A, region=region
    )

    arns = [item.found.mapping["event_source_arn"] for item in found.named]
    assert sorted(arns) == [f"arn:{partition}:s3:::photos", f"arn:{partition}:sqs:{region}:{A}:jobs"]


def test_parameters_of_the_stack(tmp_path: Path) -> None:
    parameters = "resources: {Parameters: {First: {Type: String, Default: x}, Second: {Type: String}}}\n"
    text = with_events("{sqs: !Ref First}, {sqs: !Ref Second}", parameters)
    stated = f"stackParameters: [{{ParameterKey: First, ParameterValue: '{Q}'}}]"
    found = converted(tmp_path, text.replace("{name: aws", f"{{{stated}, name: aws"), parameters={"Second": f"{Q}2"})

    assert sorted(item.found.mapping["event_source_arn"] for item in found.named) == [Q, f"{Q}2"]


def test_an_unknown_region_is_a_variable(tmp_path: Path) -> None:
    text = with_events("{s3: photos}, {sqs: !GetAtt Jobs.Arn}", RESOURCES).replace("eu-west-1}", "'${env:REGION}'}", 1)
    found = converted(tmp_path, text, account=A)

    assert set(found.source.variables) == {"REGION", "partition"}
    mappings = loaded(found, tmp_path, REGION="eu-west-1", partition="aws")
    assert {item["event_source_arn"] for item in mappings} == {"arn:aws:s3:::photos", f"arn:aws:sqs:eu-west-1:{A}:jobs"}


def test_a_mapping_of_resources(tmp_path: Path) -> None:
    resources = RESOURCES.replace(
        "  Parameters:",
        """    Own:
      Type: AWS::Lambda::EventSourceMapping
      Properties:
        EventSourceArn: !GetAtt Jobs.Arn
        FunctionName: !GetAtt WorkLambdaFunction.Arn
        BatchSize: 4
        ScalingConfig: {MaximumConcurrency: 3}
        Tags: [{Key: team, Value: shop}]
    ByName:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {EventSourceArn: !GetAtt Fifo.Arn, FunctionName: !Ref WorkLambdaFunction}
    ByAlias:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {EventSourceArn: !GetAtt Clicks.Arn, FunctionName: !Sub "${WorkLambdaFunction.Arn}:l", StartingPosition: LATEST}
  Parameters:""",
    )
    found = converted(tmp_path, with_events("", resources), account=A)

    assert found.left_out == ()
    assert {item.found.origin.rpartition(".")[2]: item.found.mapping for item in found.named} == {
        "ByAlias": {
            "function_name": "shop-dev-work:l",
            "event_source_arn": f"arn:aws:kinesis:eu-west-1:{A}:stream/clicks",
            "starting_position": "LATEST",
        },
        "ByName": {"function_name": "shop-dev-work", "event_source_arn": f"arn:aws:sqs:eu-west-1:{A}:jobs.fifo"},
        "Own": {
            "function_name": "shop-dev-work",
            "event_source_arn": f"arn:aws:sqs:eu-west-1:{A}:jobs",
            "batch_size": 4,
            "scaling_config": {"maximum_concurrency": 3},
            "tags": {"team": "shop"},
        },
    }


@pytest.mark.parametrize(
    ("event", "ident"),
    [
        (f"sqs: '{Q}'", "WorkEventSourceMappingSQSOrders"),
        ("sqs: !GetAtt Jobs.Arn", "WorkEventSourceMappingSQSJobs"),
        (f"stream: '{K}'", "WorkEventSourceMappingKinesisClicks"),
        (f"stream: '{D}'", "WorkEventSourceMappingDynamodbItems"),
        ("stream: {type: kinesis, arn: !GetAtt Clicks.Arn}", "WorkEventSourceMappingKinesisClicks"),
        (f"msk: {{arn: '{M}', topic: my-topic}}", "WorkEventSourceMappingMSKMainMytopic"),
        (
            "kafka: {topic: my-topic, bootstrapServers: ['b:9092'], accessConfigurations: {saslPlainAuth: x}}",
            "WorkEventSourceMappingKafkaMytopic",
        ),
        (f"activemq: {{arn: '{B}', queue: q, basicAuthArn: '{S}'}}", "WorkEventSourceMappingActiveMQQ"),
        (f"rabbitmq: {{arn: '{B}', queue: q, basicAuthArn: '{S}'}}", "WorkEventSourceMappingRabbitMQQ"),
    ],
)
@pytest.mark.parametrize("section", ["extensions", "Resources"])
def test_what_changes_a_mapping_of_an_event(event: str, ident: str, section: str, tmp_path: Path) -> None:
    change = f"    {ident}: {{Properties: {{BatchSize: 77}}}}\n"
    resources = RESOURCES.replace("  Parameters:", f"{change}  Parameters:", 1)
    if section == "extensions":
        resources = f"{RESOURCES}  extensions:\n{change}"
    found = converted(tmp_path, with_events(f"{{{event}}}", resources), account=A)

    assert found.left_out == ()
    assert [item.found.mapping["batch_size"] for item in found.named] == [77]


def test_extensions_that_change_nothing_known(tmp_path: Path) -> None:
    more = """resources:
  extensions:
    WorkEventSourceMappingSQSOther: {Properties: {BatchSize: 1}}
    WorkLogGroup: {Properties: {RetentionInDays: 1}}
    WorkLambdaFunction: {Properties: {FunctionName: renamed}}
"""
    found = converted(tmp_path, with_events(f"{{sqs: '{Q}'}}", more))

    assert [item.found.mapping["function_name"] for item in found.named] == ["renamed"]
    assert left_out(found) == [
        (
            "resources.extensions.WorkEventSourceMappingSQSOther",
            "no event of the file is known to have this logical id",
        )
    ]


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("IsProd", "the condition IsProd does not hold"),
        ("Missing", "the condition Missing depends on values that the file does not have"),
        ("IsDev", ""),
        ("Either", ""),
    ],
)
def test_conditions(condition: str, why: str, tmp_path: Path) -> None:
    own = (
        f"    Own: {{Type: AWS::Lambda::EventSourceMapping, Condition: {condition},"
        f" Properties: {{EventSourceArn: '{Q}', FunctionName: f}}}}\n"
    )
    found = converted(tmp_path, with_events("", RESOURCES.replace("  Parameters:", f"{own}  Parameters:", 1)))

    assert left_out(found) == ([("resources.Resources.Own", why)] if why else [])


@pytest.mark.parametrize(("condition", "count"), [("IsProd", 0), ("IsDev", 1)])
def test_a_function_with_a_condition(condition: str, count: int, tmp_path: Path) -> None:
    text = with_events(f"{{sqs: '{Q}'}}", RESOURCES).replace("handler: a.b", f"condition: {condition}")
    found = converted(tmp_path, text)

    assert (len(found.named), len(found.left_out)) == (count, 1 - count)


def test_resources_in_several_maps_and_files(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(
        "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: jobs}\n"
    )
    (tmp_path / "q.json").write_text('{"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q-${sls:stage}"}}')
    more = "resources: ['${file(r.yml)}', {Resources: {More: '${file(q.json)}'}}, null]\n"
    found = converted(tmp_path, with_events("{sqs: !GetAtt Jobs.Arn}, {sqs: !GetAtt More.Arn}", more), account=A)

    assert sorted(item.found.mapping["event_source_arn"].rpartition(":")[2] for item in found.named) == [
        "jobs",
        "q-dev",
    ]


@pytest.mark.parametrize(
    ("resource", "service"),
    [
        (
            "{Type: AWS::SNS::Subscription, Properties: {Protocol: lambda, Endpoint: !GetAtt WorkLambdaFunction.Arn}}",
            "SNS",
        ),
        ("{Type: AWS::SNS::Subscription, Properties: {Protocol: sqs, Endpoint: !GetAtt Jobs.Arn}}", ""),
        ("{Type: AWS::SNS::Topic, Properties: {Subscription: [{Endpoint: !GetAtt WorkLambdaFunction.Arn}]}}", "SNS"),
        ("{Type: AWS::Events::Rule, Properties: {Targets: [{Arn: !GetAtt WorkLambdaFunction.Arn}]}}", "EventBridge"),
        (
            "{Type: AWS::Logs::SubscriptionFilter, Properties: {DestinationArn: !GetAtt WorkLambdaFunction.Arn}}",
            "CloudWatch Logs",
        ),
        ("{Type: AWS::Events::Rule, Properties: {Targets: [{Arn: !GetAtt Jobs.Arn}]}}", ""),
    ],
)
def test_resources_that_are_not_supported_yet(resource: str, service: str, tmp_path: Path) -> None:
    more = f"resources: {{Resources: {{Own: {resource}, Jobs: {{Type: AWS::SQS::Queue}}}}}}\n"
    found = converted(tmp_path, with_events("", more))

    expected = [("resources.Resources.Own", f"{service} as a source is not supported yet")] if service else []
    assert left_out(found) == expected


def test_buckets_of_the_provider_and_of_resources(tmp_path: Path) -> None:
    more = """resources:
  Resources:
    S3BucketRaw: {Properties: {BucketName: renamed}}
    Own:
      Type: AWS::S3::Bucket
      Properties:
        BucketName: own
        NotificationConfiguration:
          LambdaConfigurations:
            - Event: s3:ObjectRemoved:*
              Function: !GetAtt WorkLambdaFunction.Arn
              Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
          QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: q}]
"""
    text = with_events("{s3: raw}, {s3: {bucket: pictures}}", more).replace(
        "region: eu-west-1",
        "region: eu-west-1, s3: {pictures: {name: 'pictures-${sls:stage}', versioningConfiguration: {}}}",
    )
    found = converted(tmp_path, text)

    assert found.left_out == ()
    assert {item.found.mapping["event_source_arn"]: item.found.mapping["events"] for item in found.named} == {
        "arn:aws:s3:::renamed": ["s3:ObjectCreated:*"],
        "arn:aws:s3:::pictures-dev": ["s3:ObjectCreated:*"],
        "arn:aws:s3:::own": ["s3:ObjectRemoved:*"],
    }
    assert [item.found.mapping.get("filter_prefix") for item in found.named if "own" in item.name] == ["in/"]


def test_two_events_of_one_logical_id(tmp_path: Path) -> None:
    """The framework merges them: one with other settings changes the first, one with another source replaces it."""
    other = Q.replace(A, "210987654321")
    events = (
        f"{{sqs: {{arn: '{Q}', batchSize: 3}}}}, {{sqs: {{arn: '{Q}', maximumBatchingWindow: 2}}}}, {{sqs: '{other}'}}"
    )
    found = converted(tmp_path, with_events(events))

    assert [item.found.mapping["event_source_arn"] for item in found.named] == [other]
    assert [what for what, _ in left_out(found)] == ["functions.work.events[1].sqs"]


def test_two_kafka_clusters_with_one_topic_are_two(tmp_path: Path) -> None:
    event = "{{kafka: {{topic: tt, bootstrapServers: ['{}:9092'], accessConfigurations: {{saslPlainAuth: x}}}}}}"
    found = converted(tmp_path, with_events(f"{event.format('a')}, {event.format('b')}"))

    assert (len(found.named), found.left_out) == (2, ())


def test_constructs_of_lift_are_named(tmp_path: Path) -> None:
    found = converted(
        tmp_path, f"{HEAD}constructs: {{jobs: {{type: queue, worker: {{handler: a.b}}}}, site: {{type: website}}}}\n"
    )

    assert [item.what for item in found.left_out] == ["constructs.jobs"]


def test_the_places_of_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "f.yml").write_text("work:\n  events:\n    - http: GET /\n    - sns: topic\n")
    found = converted(tmp_path, f"{HEAD}functions: ${{file(f.yml)}}\n")

    ((place, what),) = [(item.place, item.what) for item in found.left_out]
    assert (Path(place.file).name, place.line, what) == ("f.yml", 4, "functions.work.events[1].sns")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("serverless.ts", "export default {}", "is a Serverless Framework configuration that is a program"),
        ("serverless.js", "module.exports = {}", "is a Serverless Framework configuration that is a program"),
        ("serverless.yml", "- a\n", "a map is expected"),
        ("serverless.yml", "service: s\nprovider: {name: google}\nfunctions: {}\n", "the provider is 'google'"),
        ("serverless.yml", "service: s\nprovider: {name: aws, variableSyntax: x}\n", "variableSyntax"),
        ("serverless.yml", "service: 'a\n", "not YAML"),
        ("serverless.json", '{"service": ', "not JSON"),
    ],
)
def test_files_that_cannot_be_read(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        converted(tmp_path, text, name)


def test_json_and_other_names(tmp_path: Path) -> None:
    text = (
        f'{{"service": "shop", "provider": {{"name": "aws"}}, "functions": {{"w": {{"events": [{{"sqs": "{Q}"}}]}}}}}}'
    )

    for name in ("serverless.json", "serverless.prod.yml", "other.json"):
        assert len(converted(tmp_path, text, name).named) == 1


def test_yaml_1_2(tmp_path: Path) -> None:
    found = converted(tmp_path, with_events("{s3: {bucket: on, rules: [{prefix: 010}, {suffix: no}]}}"))

    assert found.named[0].found.mapping["filter_prefix"] == "010"
    assert found.named[0].found.mapping["filter_suffix"] == "no"
