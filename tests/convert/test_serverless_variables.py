"""The variables of Serverless Framework files: what the files say is known, everything else becomes a variable."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.convert.conversion import Options
from provisioner.convert.formats import convert
from provisioner.errors import ManifestError, ProvisionerError, UsageError
from provisioner.manifest.load import load
from tests.convert.test_serverless import A, Q, converted, left_out, loaded, with_events
from tests.support import ALL

CUSTOM = """custom:
  name: orders
  nested: {queue: "${self:custom.name}-${self:custom.suffix}"}
  suffix: ${opt:suffix, 'v1'}
  prod: {batch: 7}
  dev: {batch: "${self:custom.number}"}
  number: 5
  text: "6"
  list: [one, two]
  flag: "true"
  nothing: null
  escaped: \\${self:custom.name}
params:
  default: {shared: base, size: 2}
  prod: {shared: production}
stages:
  default: {params: {four: all}}
  prod: {params: {four: only}}
"""


def queue(text: str, folder: Path, **options: Any) -> str:
    """The name of the queue that a text resolves to, with the names of variables in it."""
    found = converted(folder, with_events(f'{{sqs: "{Q[:-6]}{text}"}}', CUSTOM), **options)
    line = next(line for line in found.text.splitlines() if "event_source_arn" in line)
    return line.partition(Q[:-6])[2].rstrip('"')


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("${self:custom.name}", "orders"),
        ("${self:custom.nested.queue}", "orders-v1"),
        ("${self:custom.list.1}", "two"),
        ("${self:custom.number}", "5"),
        ("${self:service}", "shop"),
        ("${self:service.name}", "shop"),
        ("${self:provider.stage}", "dev"),
        ("${self:provider.region}", "eu-west-1"),
        ("${self:custom.nothing, 'other'}", "other"),
        ("${self:custom.missing, self:custom.name}", "orders"),
        ("${self:custom.missing, self:custom.lost, 'last'}", "last"),
        ("${ self:custom.name }", "orders"),
        ("${opt:stage, 'test'}", "test"),
        ("${opt:stage, self:provider.stage}", "dev"),
        ("${opt:stage,self:provider.stage}", "dev"),
        ("${opt:stage, ${self:custom.name}}", "orders"),
        ("${opt:stage, '${self:custom.name}'}", "orders"),
        ("${sls:stage}", "dev"),
        ("${aws:region}", "eu-west-1"),
        ("${aws:accountId}", "${var.account}"),
        ("${self:custom.${sls:stage}.batch}", "5"),
        ("${self:custom.${opt:stage, 'prod'}.batch}", "7"),
        ("${param:shared}", "base"),
        ("${param:four}", "all"),
        ("${param:unknown, 'x'}", "x"),
        ("${strToBool(${self:custom.flag})}", "true"),
        ("a-${self:custom.name}-${self:custom.text}-z", "a-orders-6-z"),
        ("${self:custom.nothing, ''}x", "x"),
        ("${self:custom.nothing, null}x", "x"),
        ("${env:QUEUE}", "${var.QUEUE}"),
        ("x-${env:QUEUE}-${env:QUEUE}", "x-${var.QUEUE}-${var.QUEUE}"),
        ("${ssm:/shop/queue}", "${var.queue}"),
        ("${ssm:/shop/queue~true}", "${var.queue}"),
        ("${ssm(eu-west-1):/shop/queue}", "${var.queue}"),
        ("${cf:other-stack.QueueName}", "${var.QueueName}"),
        ("${cf.eu-west-1:other-stack.QueueName}", "${var.QueueName}"),
        ("${cf(eu-west-1):other-stack.QueueName}", "${var.QueueName}"),
        ("${s3:bucket/config.json}", "${var.json}"),
        ("${git:branch}", "${var.branch}"),
        ("${sls:instanceId}", "${var.instanceId}"),
        ("${terraform:queue}", "${var.queue}"),
        ("${opt:suffix}", "${var.suffix}"),
        ("${param:other}", "${var.other}"),
        ("${self:custom.missing}", "${var.missing}"),
        ("${self:custom.${env:KIND}.batch}", "${var.batch}"),
        ("${self:custom.nested}", "${var.nested}"),
        ("${strToBool(maybe)}", "${var.maybe}"),
        ("${self:custom.escaped}", "$${self:custom.name}"),
        ("\\\\${self:custom.name}", "$${self:custom.name}"),
        ("$${x}", "$$${x}"),
        ("$${self:custom.name}", "orders"),  # as the framework has it
        ("${Stage}", "$${Stage}"),
        ("${AWS::Region}", "eu-west-1"),
    ],
)
def test_variables_in_texts(text: str, name: str, tmp_path: Path) -> None:
    assert queue(text, tmp_path) == name


@pytest.mark.parametrize("text", ["${self:custom.name", "${opt:a, 'b' c}", "${file(a b:c}", '${opt:a, "\\x"}'])
def test_a_text_that_is_no_variable_is_not_known(text: str, tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{sqs: {json.dumps(text)}}}"))

    (variable,) = found.source.variables.values()
    assert variable.description == f"{text}, which cannot be read as a variable"
    loaded(found, tmp_path)


@pytest.mark.parametrize(
    ("text", "options", "name"),
    [
        ("${opt:stage, 'test'}", {"stage": "prod"}, "prod"),
        ("${opt:region, 'x'}", {"region": "eu-west-1"}, "eu-west-1"),
        ("${sls:stage}", {"stage": "prod"}, "prod"),
        ("${aws:accountId}", {"account": A}, A),
        ("${param:shared}", {"stage": "prod"}, "production"),
        ("${param:shared}", {"stage": "prod", "parameters": {"shared": "given"}}, "given"),
        ("${param:four}", {"stage": "prod"}, "only"),
        ("${self:custom.${sls:stage}.batch}", {"stage": "prod"}, "7"),
    ],
)
def test_what_the_command_line_says(text: str, options: dict[str, Any], name: str, tmp_path: Path) -> None:
    assert queue(text, tmp_path, **options) == name


@pytest.mark.parametrize(
    ("text", "description", "default"),
    [
        ("${env:QUEUE}", "environment variable QUEUE", None),
        ("${env:QUEUE, 'orders'}", "environment variable QUEUE", "orders"),
        ("${env:QUEUE, self:custom.name}", "environment variable QUEUE", "orders"),
        ("${env:QUEUE, ssm:/a}", "environment variable QUEUE", None),
        ("${env:QUEUE, ''}", "environment variable QUEUE", ""),
        ("${env:QUEUE, 5}", "environment variable QUEUE", 5),
        ("${env:QUEUE, self:custom.list}", "environment variable QUEUE", None),
        ("${env:QUEUE, 'arn:aws:sqs:${AWS::Region}:1:q'}", "environment variable QUEUE", None),
        ("${ssm:/shop/queue}", "SSM parameter /shop/queue", None),
        ("${cf:stack.Out}", "CloudFormation output stack.Out", None),
        ("${s3:bucket/key}", "S3 object bucket/key", None),
        ("${opt:suffix}", "option --suffix of `serverless deploy`", None),
        ("${param:other}", "parameter other of `serverless deploy`", None),
        ("${self:custom.missing}", "self:custom.missing, which the file does not have", None),
        ("${vault:secret/queue.name}", "vault:secret/queue.name", None),
        ("${self:custom.${env:KIND}.x}", "self:custom.{KIND}.x", None),
    ],
)
def test_the_declaration_of_a_variable(text: str, description: str, default: Any, tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f'{{sqs: "{text}"}}', CUSTOM))

    ((name, variable),) = found.source.variables.items()
    assert (variable.description, variable.default) == (description, default)
    assert yaml.safe_load(found.text)["mappings"].popitem()[1]["event_source_arn"] == f"${{var.{name}}}"


@pytest.mark.parametrize(
    ("value", "batch"),
    [
        ("${self:custom.number}", 5),
        ("${self:custom.text}", 6),
        ("${self:custom.${sls:stage}.batch}", 5),
        ("${opt:batch, 8}", 8),
        ("${opt:batch, '8'}", 8),
        ("${param:size}", 2),
        ("${env:BATCH}", "${var.BATCH}"),
        ("${env:BATCH, 4}", "${var.BATCH}"),
        ("${env:BATCH, '4'}", "${var.BATCH}"),
    ],
)
def test_numbers(value: str, batch: Any, tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{sqs: {{arn: '{Q}', batchSize: \"{value}\"}}}}", CUSTOM))

    manifest = yaml.safe_load(found.text)
    assert next(iter(manifest["mappings"].values()))["batch_size"] == batch
    for variable in manifest.get("variables", {}).values():
        assert (variable["type"], variable.get("default", 4)) == ("integer", 4)


@pytest.mark.parametrize(
    ("value", "enabled"),
    [
        ("${strToBool(false)}", False),
        ("${strToBool('0')}", False),
        ("${strToBool(${self:custom.flag})}", None),
        ("${self:custom.flag}", None),
        ("${strToBool(${env:ON})}", "${var.ON}"),
        ("${strToBool(${env:ON, 'false'})}", "${var.ON}"),
        ("${env:ON}", "${var.ON}"),
    ],
)
def test_booleans(value: str, enabled: Any, tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{sqs: {{arn: '{Q}', enabled: \"{value}\"}}}}", CUSTOM))

    manifest = yaml.safe_load(found.text)
    assert next(iter(manifest["mappings"].values())).get("enabled") == enabled
    for variable in manifest.get("variables", {}).values():
        assert (variable["type"], variable.get("default", False)) == ("boolean", False)


def test_one_unknown_is_one_variable(tmp_path: Path) -> None:
    text = with_events("{sqs: '${self:custom.q}'}, {sqs: '${env:Q}-2'}, {sqs: '${env:Q}'}", "custom: {q: '${env:Q}'}\n")
    found = converted(tmp_path, text.replace("{name: aws", "{stage: '${env:Q}', name: aws"))

    assert list(found.source.variables) == ["Q"]


def test_a_whole_event_and_whole_lists(tmp_path: Path) -> None:
    more = f"""custom:
  event: {{arn: '{Q}', batchSize: "${{self:custom.n}}"}}
  n: 3
  events: [{{sqs: "${{self:custom.event}}"}}]
"""
    for events in ("[{sqs: '${self:custom.event}'}]", "['${self:custom.events.0}']", "'${self:custom.events}'"):
        found = converted(tmp_path, with_events("", more).replace("events: []", f"events: {events}"))
        assert [item.found.mapping["batch_size"] for item in found.named] == [3]
        assert found.left_out == ()


def test_the_region_decides_nothing_that_a_source_says(tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{sqs: '{Q}'}}").replace(", region: eu-west-1", ""))

    assert (found.fresh.region, found.named[0].found.region) == ("eu-west-1", "eu-west-1")


def test_a_stage_that_is_not_known(tmp_path: Path) -> None:
    text = with_events(f"{{sqs: '{Q}', enabled: 1}}, {{sqs: '${{param:shared}}'}}", CUSTOM)
    found = converted(tmp_path, text.replace("{name: aws", "{stage: '${opt:stage}', name: aws"))

    assert {item.found.mapping["function_name"] for item in found.named} == {"shop-\ud800stage\udc00-work"}
    descriptions = {name: item.description for name, item in found.source.variables.items()}
    assert descriptions == {
        "stage": "option --stage of `serverless deploy`",
        "shared": "parameter shared, which depends on the stage",
    }


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("${file(c.yml):queue}", "filed"),
        ("${file(./c.yml):queue}", "filed"),
        ("${file(c.yml):nested.deep}", "filed-dev"),
        ("${file(c.json):queue}", "json"),
        ("${file(config.${opt:stage, 'dev'}.yml):x}", "of-dev"),
        ("${file(sub/d.yml):queue}", "filed"),
        ("${file(q.txt)}", "plain"),
        ("${file(missing.yml):x, 'none'}", "none"),
        ("${file(c.yml):missing, 'none'}", "none"),
        ("${file(c.yml):missing}", "${var.missing}"),
        ("${file(missing.yml):queue}", "${var.queue}"),
        ("${file(config.${env:KIND}.yml):x}", "${var.x}"),
    ],
)
def test_files(text: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text('queue: filed\nnested: {deep: "${self:custom.file}-${sls:stage}"}\n')
    (tmp_path / "c.json").write_text('{"queue": "json"}')
    (tmp_path / "q.txt").write_text("plain")
    (tmp_path / "config.dev.yml").write_text("x: of-dev\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.yml").write_text("queue: ${file(c.yml):queue}\n")  # from the service's folder
    found = converted(tmp_path, with_events(f'{{sqs: "{Q[:-6]}{text}"}}', "custom: {file: '${file(c.yml):queue}'}\n"))

    assert f"{Q[:-6]}{name}\n" in found.text
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("c.js", "it is a program"),
        ("c.ts", "it is a program"),
        ("c.cjs", "it is a program"),
        ("../c.yml", "it is not below the folder"),
        ("/etc/hostname", "it is not below the folder"),
        ("link.yml", "it is not below the folder"),
        ("state.tfstate", "a state of Terraform may have passwords"),
        ("broken.yml", "not YAML"),
        ("broken.json", "not JSON"),
        ("latin.yml", "is not UTF-8 text"),
        ("a\\0b.yml", "it cannot be read"),
    ],
)
def test_files_that_are_not_read_are_named(name: str, why: str, tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    for file in (folder / "c.js", folder / "c.ts", folder / "c.cjs", tmp_path / "c.yml", folder / "state.tfstate"):
        file.write_text("queue: secret\n")
    (folder / "link.yml").symlink_to(tmp_path / "c.yml")
    (folder / "broken.yml").write_text("a: [\n")
    (folder / "broken.json").write_text('{"a": ')
    (folder / "latin.yml").write_bytes(b"a: \xe4\n")
    found = converted(
        folder, with_events(f'{{sqs: "{Q[:-6]}${{file({name}):queue}}"}}, {{sqs: "${{file({name}):queue}}"}}')
    )

    ((what, reason),) = left_out(found)
    assert what.startswith("file(")
    assert why in reason
    assert "secret" not in found.text
    assert len(found.named) == 2


def test_a_program_that_nothing_needs_is_not_mentioned(tmp_path: Path) -> None:
    found = converted(tmp_path, with_events(f"{{sqs: '{Q}'}}", "custom: {a: '${file(a.js)}'}\n"))

    assert found.left_out == ()


def test_functions_that_only_a_program_knows_are_named(tmp_path: Path) -> None:
    found = converted(tmp_path, "service: s\nprovider: aws\nfunctions: ${file(a.js)}\n")

    assert [what for what, _ in left_out(found)] == ["file(a.js)", "functions"]


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "custom",
    [
        "{a: '${self:custom.a}'}",
        "{a: '${self:custom.b}', b: '${self:custom.a}'}",
        "{a: 'x${self:custom.b.c}', b: {c: '${self:custom.a}'}}",
        "{a: '${self:custom}'}",
        "{a: '${file(loop.yml):a}'}",
        '{a: ["${opt:x, self:custom.a}"]}',
    ],
)
def test_variables_that_refer_to_themselves(custom: str, tmp_path: Path) -> None:
    (tmp_path / "loop.yml").write_text("a: ${file(loop.yml):a}\n")
    with pytest.raises(UsageError, match=r"serverless\.yml:\d+|loop\.yml:\d+") as caught:
        converted(tmp_path, with_events("{sqs: {arn: a, batchSize: '${self:custom.a}'}}", f"custom: {custom}\n"))
    assert "refer" in str(caught.value)


def test_resources_that_refer_to_themselves(tmp_path: Path) -> None:
    first = "A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}"
    second = "B: {Type: AWS::Kinesis::Stream, Properties: {Name: !GetAtt A.QueueName}}"
    found = converted(
        tmp_path, with_events("{sqs: !GetAtt A.Arn}", f"resources: {{Resources: {{{first}, {second}}}}}\n"), account=A
    )

    assert f"event_source_arn: arn:aws:sqs:eu-west-1:{A}:${{var.A}}\n" in found.text


@pytest.mark.parametrize(
    "custom",
    [
        "\n".join(f"  a{n}: ${{self:custom.a{n + 1}}}${{self:custom.a{n + 1}}}" for n in range(60)) + "\n  a60: long\n",
        "\n".join(f"  a{n}: ['${{self:custom.a{n + 1}}}', '${{self:custom.a{n + 1}}}']" for n in range(60))
        + "\n  a60: long\n",
        "\n".join(f"  a{n}: ${{self:custom.a{n + 1}}}" for n in range(3000)) + "\n  a3000: long\n",
        f"  a0: {'${self:custom.' * 3000}x\n",
        f"  a0: {'${self:custom.' * 3000}x{'}' * 3000}\n",
        f"  a0: {'${a' * 20000}\n",
    ],
    ids=["texts", "lists", "chain", "open", "nested", "foreign"],
)
def test_bombs(custom: str, tmp_path: Path) -> None:
    """Neither time nor memory grows beyond what a file of that size is worth."""
    with contextlib.suppress(UsageError):
        converted(tmp_path, with_events("{sqs: {arn: a, filterPatterns: '${self:custom.a0}'}}", f"custom:\n{custom}"))


GARBAGE = (
    None,
    7,
    -1.5,
    True,
    "",
    "x",
    "${",
    "${self:",
    "${self:a.b.c}",
    "${env:X}",
    [],
    [None],
    [[]],
    {},
    {"a": None},
    {"Ref": []},
)
GOOD = {
    "service": "shop",
    "provider": {"name": "aws", "stage": "dev", "region": "eu-west-1", "s3": {"b": {"name": "c"}}, "stackName": "n"},
    "params": {"default": {"a": 1}, "dev": {"a": 2}},
    "custom": {"a": "${param:a}", "l": ["${opt:x, 'y'}"]},
    "functions": {
        "work": {
            "name": "w",
            "provisionedConcurrency": {"executions": 1, "alias": "a"},
            "events": [
                {"sqs": {"arn": {"Fn::GetAtt": ["Jobs", "Arn"]}, "batchSize": "${self:custom.a}"}},
                {"stream": {"type": "kinesis", "arn": {"Fn::Join": [":", ["a", {"Ref": "P"}]]}, "consumer": True}},
                {
                    "stream": {
                        "arn": "arn:aws:kinesis:eu-west-1:1:stream/s",
                        "destinations": {"onFailure": {"arn": "b"}},
                    }
                },
                {"msk": {"arn": {"Fn::ImportValue": {"Fn::Sub": "${AWS::StackName}-m"}}, "topic": "t"}},
                {"kafka": {"topic": "t", "bootstrapServers": ["b:1"], "accessConfigurations": {"vpcSubnet": ["s"]}}},
                {"rabbitmq": {"arn": "a", "queue": "q", "basicAuthArn": {"Ref": "S"}, "virtualHost": "/"}},
                {"documentDb": {"cluster": "c", "db": "d", "smk": "s"}},
                {"s3": {"bucket": "b", "event": "s3:ObjectCreated:*", "rules": [{"prefix": "p"}]}},
                {"s3": {"bucket": {"Ref": "Own"}, "existing": True}},
                {"sns": "t"},
                {"http": "GET /"},
            ],
        }
    },
    "resources": {
        "Resources": {
            "Jobs": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": {"Fn::Sub": ["${a}-x", {"a": {"Ref": "P"}}]}},
            },
            "Own": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "BucketName": {"Fn::If": ["C", "a", {"Fn::Select": [0, {"Fn::Split": ["-", "b-c"]}]}]},
                    "NotificationConfiguration": {
                        "LambdaConfigurations": [{"Event": "e", "Function": {"Ref": "WorkLambdaFunction"}}]
                    },
                },
            },
            "Map": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Condition": "C",
                "Properties": {"EventSourceArn": {"Fn::FindInMap": ["M", "a", "b"]}, "FunctionName": "f"},
            },
            "Sub": {"Type": "AWS::SNS::Subscription", "Properties": {"Endpoint": {"Ref": "WorkLambdaFunction"}}},
        },
        "Parameters": {"P": {"Type": "String", "Default": "p"}},
        "Conditions": {
            "C": {"Fn::And": [{"Fn::Not": [{"Fn::Equals": ["a", {"Ref": "P"}]}]}, {"Condition": "C2"}]},
            "C2": {},
        },
        "Mappings": {"M": {"a": {"b": "c"}}},
        "extensions": {"WorkEventSourceMappingSQSJobs": {"Properties": {"BatchSize": 1}}},
    },
}


def replaced(value: Any, garbage: Any) -> Iterator[Any]:
    """The value with each part of it replaced in turn, and each map without one member."""
    yield garbage
    if isinstance(value, dict):
        for name, item in value.items():
            yield {other: part for other, part in value.items() if other != name}
            yield from ({**value, name: changed} for changed in replaced(item, garbage))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from ([*value[:number], changed, *value[number + 1 :]] for changed in replaced(item, garbage))


@pytest.mark.parametrize("garbage", GARBAGE, ids=str)
def test_nothing_makes_it_fail(garbage: Any, tmp_path: Path) -> None:
    path = tmp_path / "serverless.json"
    for number, content in enumerate(replaced(GOOD, garbage)):
        if not ALL and (number + GARBAGE.index(garbage)) % 16:
            continue
        path.write_text(json.dumps(content))
        try:
            convert([path], Options())
        except ProvisionerError:
            continue


def test_the_printed_manifest_is_a_manifest_whatever_the_values(tmp_path: Path) -> None:
    found = converted(tmp_path, json.dumps(GOOD), "serverless.json")
    (tmp_path / "provisioner.yaml").write_text(found.text)

    with pytest.raises(ManifestError) as caught:  # values such as `arn: a` are refused
        load(tmp_path / "provisioner.yaml", needs_values=False)
    codes = {getattr(item, "code", "") for item in caught.value.diagnostics}
    assert codes & {"E001", "E002", "E101", "E107"} == set()
