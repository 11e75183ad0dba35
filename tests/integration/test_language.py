"""The commands on the manifest: validate, fmt, show --resolved, import --write, schema, graph."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.support.workspace import Workspace, kinesis, sqs

ONE = f"orders: {{ function_name: worker, event_source_arn: '{sqs()}' }}"
WRONG = f"""\
# a comment
stack: test
variables:
  env: {{ type: string }}
mappings:
  orders:
    batch_size: 20000
    maximum_batching_window_in_seconds: 1
    event_source_arn: {sqs()}
    function_name: "worker-${{var.env}}"
    tags: {{ team: 5 }}
"""


@pytest.fixture
def wrong(workspace: Workspace) -> Workspace:
    workspace.write_text(WRONG)
    return workspace


OFFLINE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def test_validate_needs_no_network_and_shows_where(wrong: Workspace) -> None:
    result = wrong.run("validate", code=1, **OFFLINE)

    assert result.out == (
        "provisioner.yaml:7:17: error[E103]: batch_size: 20000 is more than the 10000 that an SQS queue allows\n"
        "    7 |     batch_size: 20000\n"
        "      |                 ^^^^^\n"
        "  hint: allowed range: 1 to 10000\n"
        "provisioner.yaml:11:19: error[E104]: team must be a string, not 5\n"
        "   11 |     tags: { team: 5 }\n"
        "      |                   ^\n"
        "  hint: put it in quotes\n"
        "2 errors\n"
    )


def test_validate_says_what_it_could_not_check(workspace: Workspace) -> None:
    workspace.write_text(WRONG.replace("20000", "2000").replace("team: 5", "team: a"))

    result = workspace.run("validate", **OFFLINE)

    assert result.out == "The manifest is valid: 1 mapping.\n"
    assert result.err == "values that use these variables were not checked, because the variables have no value: env\n"
    assert "error[E112]: the variable 'env' has no value" in workspace.run("plan", code=1).err
    assert workspace.run("validate", "--var", "env=x").err == ""


def test_validate_speaks_json(wrong: Workspace) -> None:
    reported = json.loads(wrong.run("validate", "--format", "json", code=1).out)

    assert (reported["valid"], reported["error_count"], reported["warning_count"]) == (False, 2, 0)
    assert reported["diagnostics"][0] == {
        "severity": "error", "code": "E103", "file": "provisioner.yaml",
        "message": "batch_size: 20000 is more than the 10000 that an SQS queue allows", "hint": "allowed range: 1 to 10000",
        "start": {"line": 7, "column": 17}, "end": {"line": 7, "column": 22},
    }  # fmt: skip


def test_validate_speaks_github(wrong: Workspace) -> None:
    lines = wrong.run("validate", "--format", "github", code=1).out.splitlines()

    assert lines[0] == (
        "::error file=provisioner.yaml,line=7,col=17,endLine=7,endColumn=22,"
        "title=E103 Value out of range"
        "::batch_size: 20000 is more than the 10000 that an SQS queue allows (allowed range: 1 to 10000)"
    )


def test_validate_speaks_sarif(wrong: Workspace) -> None:
    [run] = json.loads(wrong.run("validate", "--format", "sarif", code=1).out)["runs"]

    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E103", "E104"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 7, "startColumn": 17, "endLine": 7, "endColumn": 22}


def test_validate_sees_contradictions_of_names(workspace: Workspace) -> None:
    workspace.write(ONE, head="moved: [{ from: orders, to: other }]\n")

    assert "error[E108]: moved: orders is still in `mappings`" in workspace.run("validate", code=1).out


# --- fmt -------------------------------------------------------------------------------------------------------------

UNTIDY = f"""\
mappings:   # all of them

  orders:
    # how many at once
    batch_size: 5
    event_source_arn: '{sqs()}'
    function_name: "worker"


stack: test
"""
TIDY = f"""\
stack: test

mappings:   # all of them

  orders:
    function_name: worker
    event_source_arn: {sqs()}
    # how many at once
    batch_size: 5
"""


def test_fmt_writes_the_canonical_form_and_keeps_comments_and_mode(workspace: Workspace) -> None:
    workspace.write_text(UNTIDY)
    path = workspace.folder / "provisioner.yaml"
    path.chmod(0o640)

    diff = workspace.run("fmt", "--diff")
    assert "+    function_name: worker\n" in diff.out
    assert workspace.run("fmt", "--check", code=3).err == "provisioner.yaml: would change\n"
    assert path.read_text() == UNTIDY
    workspace.run("fmt")

    assert path.read_text() == TIDY
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert workspace.run("fmt", "--check").err == ""


def test_fmt_goes_through_included_files_and_writes_none_when_one_is_broken(workspace: Workspace) -> None:
    workspace.write_text(f"include: [a.yaml]\n{UNTIDY}")
    other = workspace.folder / "a.yaml"
    other.write_text("moved: []\nstack: [\n")
    workspace.run("fmt", code=1)
    assert (workspace.folder / "provisioner.yaml").read_text() == f"include: [a.yaml]\n{UNTIDY}"

    other.write_text("removed: []\nmoved: []\n")
    workspace.run("fmt", ".")

    assert other.read_text() == "moved: []\nremoved: []\n"


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in (Path(__file__).parents[2] / "examples").glob("*/provisioner.yaml"))
)
def test_every_example_is_in_canonical_form(workspace: Workspace, folder: Path) -> None:
    shutil.copytree(folder, workspace.folder, dirs_exist_ok=True)

    workspace.run("fmt", "--check")


# --- import --write --------------------------------------------------------------------------------------------------


def test_import_adds_the_entry_and_keeps_the_rest(workspace: Workspace) -> None:
    workspace.write_text(TIDY)
    workspace.apply()
    made = workspace.aws.create_event_source_mapping(
        FunctionName="worker:live", EventSourceArn=sqs("q2"), BatchSize=7,
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"a: b": ["yes", "x # y"]}}'}]},
    )  # fmt: skip
    workspace.settled(made["UUID"])

    result = workspace.run("import", "refunds", made["UUID"], "--write")

    text = (workspace.folder / "provisioner.yaml").read_text()
    assert result.out == ""
    assert "refunds: added to provisioner.yaml" in result.err
    assert text.startswith(TIDY)
    assert yaml.safe_load(text)["mappings"]["refunds"]["batch_size"] == 7
    workspace.assert_in_sync()
    workspace.run("fmt", "--check")


# --- show, schema, graph ---------------------------------------------------------------------------------------------


def test_resolved_shows_where_each_value_is_from(workspace: Workspace) -> None:
    (workspace.folder / "team.yaml").write_text(
        f"mappings:\n  orders:\n    function_name: 'worker-${{var.env}}'\n    event_source_arn: {sqs()}\n    tags: {{ own: a }}\n"
    )
    workspace.write_text(
        "stack: test\nvariables: { env: { default: dev } }\nprovider: { default_tags: { shared: b } }\n"
        "defaults:\n  sqs: { batch_size: 5, tags: { kind: sqs } }\ninclude: [team.yaml]\n"
    )

    shown = workspace.run("show", "--resolved", "orders", **OFFLINE).out

    values = {re.split(r"\s+#", line)[0].strip(): line.rpartition("# ")[2] for line in shown.splitlines()}
    assert values == {
        "orders:": "team.yaml:2:3",
        "region: eu-west-1": "from event_source_arn",
        "function_name: worker-dev": "team.yaml:3:20",
        f"event_source_arn: {sqs()}": "team.yaml:4:23",
        "enabled: true": "AWS default",
        "batch_size: 5": "provisioner.yaml:5:22",
        "maximum_batching_window_in_seconds: 0": "AWS default",
        "tags:": "team.yaml:5:5",
        "shared: b": "provisioner.yaml:3:37",
        "kind: sqs": "provisioner.yaml:5:39",
        "own: a": "team.yaml:5:18",
    }
    assert yaml.safe_load(shown)["orders"]["tags"] == {"shared": "b", "kind": "sqs", "own": "a"}


def test_a_skeleton_is_a_manifest_and_a_request(workspace: Workspace) -> None:
    workspace.write_text(workspace.run("skeleton", "kinesis", **OFFLINE).out)

    assert workspace.run("validate", **OFFLINE).out == "The manifest is valid: 1 mapping.\n"
    assert workspace.run("fmt", "--check", **OFFLINE).out == ""
    request = json.loads(workspace.run("skeleton", "kinesis", "--json", **OFFLINE).out)
    assert request["EventSourceArn"] == "arn:aws:kinesis:eu-west-1:123456789012:stream/my-stream"
    made = workspace.aws.create_event_source_mapping(
        **{**request, "FunctionName": "worker", "EventSourceArn": kinesis(), "TumblingWindowInSeconds": 0}
        | {"KMSKeyArn": ""}
    )
    assert made["BatchSize"] == 100
    assert "is not one of 'sqs', 'fifo'" in workspace.run("skeleton", "sns", code=1).err


@pytest.mark.parametrize("command", ["plan", "validate", "fmt"])
def test_a_file_of_another_tool_is_named_by_every_command(workspace: Workspace, command: str) -> None:
    template = "Resources:\n  M: { Type: AWS::Lambda::EventSourceMapping, Properties: { FunctionName: !Ref F } }\n"
    (workspace.folder / "template.yaml").write_text(template, encoding="utf-8")

    arguments = ["template.yaml"] if command == "fmt" else ["-f", "template.yaml"]
    result = workspace.run(command, *arguments, code=1, **OFFLINE)

    assert "template.yaml: error[E114]: this is a CloudFormation template, not a manifest" in result.out + result.err
    assert "1 error\n" in result.out + result.err


def test_the_schema_is_json(workspace: Workspace) -> None:
    assert json.loads(workspace.run("schema").out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("form", ["mermaid", "dot", "svg"])
def test_the_graph_is_drawn_offline_and_coloured_by_a_plan(workspace: Workspace, form: str) -> None:
    workspace.write(ONE)
    workspace.run("plan", "--out", "plan.json")

    plain = workspace.run("graph", "--format", form, **OFFLINE).out
    coloured = workspace.run("graph", "--format", form, "--plan", "plan.json", **OFFLINE).out

    assert "orders" in plain
    assert "worker" in plain
    assert "#1a7f37" not in plain
    assert "#1a7f37" in coloured
    if form == "svg":
        ET.fromstring(plain)


def made(workspace: Workspace, pattern: str = '{"body": {"a": ["${var.env}"]}}') -> str:
    created = workspace.aws.create_event_source_mapping(
        FunctionName="worker", EventSourceArn=sqs("q2"), FilterCriteria={"Filters": [{"Pattern": pattern}]}
    )
    return str(workspace.settled(created["UUID"])["UUID"])


def test_import_undoes_defaults_and_spells_out_what_looks_like_a_variable(workspace: Workspace) -> None:
    workspace.write_text(
        "stack: test\nprovider: { region: eu-west-1, default_tags: { d: e }, ownership_tags: false }\n"
        "variables: { env: { default: prod } }\n"
        "defaults:\n  all: { tags: { extra: x, env: '${var.env}' } }\n"
        "  sqs: { maximum_batching_window_in_seconds: 5, scaling_config: { maximum_concurrency: 5 }, batch_size: 5 }\n"
    )

    workspace.run("import", "refunds", made(workspace), "--write")

    workspace.assert_in_sync()


@pytest.mark.parametrize("text", ["{ stack: test }\n", "stack: test\nmappings: { a: {} }\n", "stack: [\n"])
def test_import_records_nothing_that_it_cannot_write(workspace: Workspace, text: str) -> None:
    uuid = made(workspace)
    workspace.write_text(text.replace("{ a: {} }", "{ orders: " + ONE.partition(": ")[2] + " }"))

    workspace.run("import", "refunds", uuid, "--write", code=1)

    assert not (workspace.folder / "state/test.json").exists()


def test_resolved_reads_back_as_it_is_and_steers_no_terminal(workspace: Workspace) -> None:
    pattern = '{ body: { a: ["$${x}", "a\\u009b31m", "\\u202e"] } }'
    workspace.write(f"{ONE[:-2]}, filter_criteria: {{ filter: [{{ pattern: {pattern} }}] }} }}")

    shown = workspace.run("show", "--resolved", "orders", **OFFLINE).out
    assert shown.replace("\n", "").isprintable()
    entry = "\n".join(shown.splitlines())
    workspace.write(entry)

    assert workspace.run("show", "--resolved", "orders", **OFFLINE).out.count("$${x}") == 1
