"""Playbooks, roles and tasks of Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.errors import UsageError
from tests.convert.converting import comments, converted, entries, entry, ids, left, loaded, spoiled, survives

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:worker"
OURS = {"function_name": "worker", "event_source_arn": QUEUE}
WINDOW = "maximum_batching_window_in_seconds"


def task(params: Any = None, **more: Any) -> dict[str, Any]:
    """A task for a queue; what is upper case is a keyword of the task."""
    keywords = {name.lower(): more.pop(name) for name in list(more) if name.isupper()}
    module = more.pop("module", "amazon.aws.lambda_event")
    arguments = {
        "event_source": "sqs",
        "function_name": "worker",
        "source_params": {"source_arn": QUEUE, **(params or {})},
    }
    return {"name": "orders", module: {**arguments, **more}, **keywords}


def play(*tasks: Any, **more: Any) -> str:
    return yaml.safe_dump([{"hosts": "localhost", "tasks": list(tasks), **more}], sort_keys=False)


def of(tmp_path: Path, text: str, files: dict[str, str] | None = None, **options: Any) -> Any:
    return converted(tmp_path, {"play.yml": text, **(files or {})}, "play.yml", **options)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (task(), OURS),
        (task(module="lambda_event"), OURS),
        (task(module="community.aws.lambda_event"), OURS),
        (task({"batch_size": 5, "enabled": False, "function_response_types": ["ReportBatchItemFailures"]}), OURS | {"batch_size": 5, "enabled": False, "function_response_types": ["ReportBatchItemFailures"]}),
        (task({"batch_size": "5", "enabled": "no", "function_response_types": "ReportBatchItemFailures"}), OURS | {"batch_size": 5, "enabled": False, "function_response_types": ["ReportBatchItemFailures"]}),
        (task({"enabled": "yes"}), OURS),
        (task({"batch_size": 10}), OURS),
        (task({"batch_size": 11}), OURS | {"batch_size": 11, WINDOW: 1}),
        (task({"batch_size": 11, WINDOW: 0}), OURS | {"batch_size": 11, WINDOW: 1}),
        (task({"batch_size": 11, WINDOW: 30}), OURS | {"batch_size": 11, WINDOW: 30}),
        (task({"starting_position": "LATEST"}), OURS),
        (task(alias="live"), OURS | {"function_name": "worker:live"}),
        (task(version=3), OURS | {"function_name": "worker:3"}),
        (task(version=0, alias="live"), OURS | {"function_name": "worker:live"}),
        (task(function_name=None, lambda_function_arn=FUNCTION, alias="live"), OURS | {"function_name": "worker:live"}),
        (task(function_name=None, function_arn=FUNCTION), OURS),
        (
            task({"source_arn": STREAM, "starting_position": "TRIM_HORIZON", "batch_size": 100}, event_source="stream"),
            {"function_name": "worker", "event_source_arn": STREAM, "starting_position": "TRIM_HORIZON", WINDOW: 1},
        ),
        (task({"source_arn": STREAM, "starting_position": "LATEST"}, event_source=None), {"function_name": "worker", "event_source_arn": STREAM, "starting_position": "LATEST"}),
        ({"action": {"module": "amazon.aws.lambda_event", **task()["amazon.aws.lambda_event"]}}, OURS),
        ({"local_action": {"module": "lambda_event", **task()["amazon.aws.lambda_event"]}}, OURS),
        ({"lambda_event": {"function_name": "worker"}, "args": {"event_source": "sqs", "source_params": {"source_arn": QUEUE}}}, OURS),
        ({"block": [task()]}, OURS),
        ({"block": [], "always": [task()]}, OURS),
    ],
)  # fmt: skip
def test_a_task(tmp_path: Path, content: Any, expected: dict[str, Any]) -> None:
    result = of(tmp_path, play(content))

    assert (entry(result), left(result), result.source.variables) == (expected, [], {})
    assert list(loaded(tmp_path, result).values()) == [expected]


def test_tasks_of_yaml_1_1(tmp_path: Path) -> None:
    text = f"- lambda_event:\n    event_source: sqs\n    function_name: worker\n    source_params: {{source_arn: {QUEUE}, enabled: no, batch_size: 010}}\n"  # fmt: skip

    assert entry(of(tmp_path, text)) == OURS | {"enabled": False, "batch_size": 8}


@pytest.mark.parametrize(
    ("content", "what", "why"),
    [
        (task(state="absent"), "task orders", "its state is absent: it deletes the mapping"),
        (task({"source_arn": None}), "task orders", "it names no source"),
        (task(function_name=None), "task orders", "it names no function"),
        (task({"filter_criteria": {}}), "filter_criteria of task orders", "the module has no such parameter"),
        (task({"batch_size": "many"}), "batch_size of task orders", '"many" is not a whole number'),
        (task(WHEN=False), "task orders", "its condition does not hold"),
        ({"name": "orders", "lambda_event": "state=present"}, "task orders", "its arguments are a text"),
        (task(LOOP="{{ queues }}"), "task orders", "its loop is not known: {{ queues }}"),
        ({**task(), "with_fileglob": "*.json"}, "task orders", "its loop is not known: with_fileglob"),
        ({"block": [], "rescue": [task()]}, "a task in rescue", "it runs only after a failure"),
        ({"include_tasks": "none.yml"}, "an included file", "none.yml is not below the folder of the playbook"),
        ({"include_tasks": "../none.yml"}, "an included file", "../none.yml is not below the folder of the playbook"),
        ({"include_tasks": "n" * 300}, "an included file", f"{'n' * 300} is not below the folder of the playbook"),
        ({"include_role": {"name": "none"}}, "a role", "none is not below the folder of the playbook"),
        ({"include_vars": "none.yml"}, "a file of variables", "none.yml is not below the folder of the playbook"),
        ({"community.aws.sns_topic": {"name": "t", "subscriptions": [{"endpoint": FUNCTION, "protocol": "lambda"}]}}, "task sns_topic", "SNS as a source is not supported yet"),
        ({"amazon.aws.cloudwatchevent_rule": {"name": "r", "targets": [{"id": "t", "arn": FUNCTION}]}}, "task cloudwatchevent_rule", "EventBridge as a source is not supported yet"),
    ],
)  # fmt: skip
def test_what_is_left_out(tmp_path: Path, content: Any, what: str, why: str) -> None:
    assert [item[1:] for item in left(of(tmp_path, play(content)))] == [(what, why)]


def test_other_tasks_are_not_named(tmp_path: Path) -> None:
    others = [{"debug": {"msg": "a"}}, {"amazon.aws.lambda": {"name": "worker"}}, {"other.collection.lambda_event": {}}]
    result = of(tmp_path, play(task(), *others))

    assert (len(entries(result)), left(result)) == (1, [])


# --- variables -------------------------------------------------------------------------------------------------------

NAMED = task(function_name="{{ fn }}")


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (play(NAMED, vars={"fn": "worker"}), {}),
        (play(NAMED, vars=[{"fn": "worker"}]), {}),
        (play(NAMED, vars={"fn": "{{ other }}", "other": "worker"}), {}),
        (play(task(function_name="{{ names.fn }}"), vars={"names": {"fn": "worker"}}), {}),
        (play(task(function_name="{{ names['fn'] }}"), vars={"names": {"fn": "worker"}}), {}),
        (play(task(function_name="{{ names[1] }}"), vars={"names": ["a", "worker"]}), {}),
        (play(task(function_name="{{ fn | default('no') | lower }}"), vars={"fn": "WORKER"}), {}),
        (play(task(function_name="{{fn|trim}}"), vars={"fn": " worker "}), {}),
        (play(task(function_name="{{ 'worker' }}")), {}),
        (play(task(function_name="{{ start }}er"), vars={"start": "work"}), {}),
        (play({**NAMED, "vars": {"fn": "worker"}}, vars={"fn": "no"}), {}),
        (play({"block": [NAMED], "vars": {"fn": "worker"}}), {}),
        (play({"set_fact": {"fn": "worker"}}, NAMED), {}),
        (play(NAMED, vars_files=["v.yml"]), {"v.yml": "fn: worker\n"}),
        (play(NAMED, vars_files=["v.yml"]), {"vars/v.yml": "fn: worker\n"}),
        (play(NAMED, vars_files=[["none.yml", "v.yml"]]), {"v.yml": "fn: worker\n"}),
        (play(NAMED, vars_files=["{{ stage }}.yml"], vars={"stage": "v"}), {"v.yml": "fn: worker\n"}),
        (play({"include_vars": "v.yml"}, NAMED), {"vars/v.yml": "fn: worker\n"}),
        (play({"include_vars": {"file": "v.yml"}}, NAMED), {"vars/v.yml": "fn: worker\n"}),
        (play(NAMED), {"group_vars/all.yml": "fn: worker\n"}),
        (play(NAMED), {"group_vars/all/a.yml": "fn: worker\n"}),
        (play(NAMED), {"host_vars/localhost.yml": "fn: worker\n", "group_vars/all": "fn: no\n"}),
        (play(roles=["r"]), {"roles/r/tasks/main.yml": yaml.safe_dump([NAMED]), "roles/r/defaults/main.yml": "fn: worker\n"}),
        (play(roles=["r"], vars={"fn": "worker"}), {"roles/r/tasks/main.yml": yaml.safe_dump([NAMED]), "roles/r/defaults/main.yml": "fn: no\n"}),
        (play(roles=[{"role": "r", "vars": {"fn": "worker"}}]), {"roles/r/tasks/main.yml": yaml.safe_dump([NAMED])}),
        (play(roles=[{"role": "r", "fn": "worker"}]), {"roles/r/tasks/main.yaml": yaml.safe_dump([NAMED])}),
        (play(roles=["r"], vars={"fn": "no"}), {"roles/r/tasks/main.yml": yaml.safe_dump([NAMED]), "roles/r/vars/main.yml": "fn: worker\n"}),
        (play(roles=["a"]), {"roles/a/meta/main.yml": "dependencies: [{role: r, fn: worker}]\n", "roles/r/tasks/main.yml": yaml.safe_dump([NAMED])}),
        (play(roles=["r"]), {"roles/r/tasks/main.yml": "- include_tasks: more.yml\n", "roles/r/tasks/more.yml": yaml.safe_dump([NAMED]), "roles/r/defaults/main.yml": "fn: worker\n"}),
        (play({"include_role": {"name": "r", "tasks_from": "more.yml"}, "vars": {"fn": "worker"}}), {"roles/r/tasks/more.yml": yaml.safe_dump([NAMED])}),
        (play({"import_role": {"name": "r"}, "vars": {"fn": "worker"}}), {"roles/r/tasks/main.yml": yaml.safe_dump([NAMED])}),
        (play({"include_tasks": "t.yml", "vars": {"fn": "worker"}}), {"t.yml": yaml.safe_dump([NAMED])}),
        (play({"ansible.builtin.import_tasks": {"file": "tasks/t.yml"}}, vars={"fn": "worker"}), {"tasks/t.yml": yaml.safe_dump([NAMED])}),
        (play({"include_tasks": "tasks/a.yml"}, vars={"fn": "worker"}), {"tasks/a.yml": "- include_tasks: b.yml\n", "tasks/b.yml": yaml.safe_dump([NAMED])}),
        (yaml.safe_dump([{"import_playbook": "other.yml"}]), {"other.yml": play(NAMED, vars={"fn": "worker"})}),
        (play(pre_tasks=[NAMED], vars={"fn": "worker"}), {}),
        (play(post_tasks=[NAMED], vars={"fn": "worker"}), {}),
        (play(NAMED).replace("'{{ fn }}'", "!unsafe worker"), {}),
    ],
)  # fmt: skip
def test_variables_of_the_files(tmp_path: Path, text: str, files: dict[str, str]) -> None:
    result = of(tmp_path, text, files)

    assert (entry(result), left(result), result.source.variables) == (OURS, [], {})


@pytest.mark.parametrize(
    ("content", "changed", "variables"),
    [
        (NAMED, {"function_name": "${var.fn}"}, {"fn": ("string", None)}),
        (task(function_name="{{ fn | default('worker') }}"), {"function_name": "${var.fn}"}, {"fn": ("string", "worker")}),
        (task(function_name="{{ stage }}-worker"), {"function_name": "${var.stage}-worker"}, {"stage": ("string", None)}),
        (task(function_name="{{ fn | community.general.x }}"), {"function_name": "${var.fn}"}, {"fn": ("string", None)}),
        (task(function_name="{{ lookup('env', 'FN') }}"), {"function_name": "${var.lookup}"}, {"lookup": ("string", None)}),
        (task({"batch_size": "{{ size }}", WINDOW: 5}), {"batch_size": "${var.size}", WINDOW: 5}, {"size": ("integer", None)}),
        (task({"batch_size": "{{ size | default(5) }}", WINDOW: 5}), {"batch_size": "${var.size}", WINDOW: 5}, {"size": ("integer", 5)}),
        (task({"enabled": "{{ on }}"}), {"enabled": "${var.on}"}, {"on": ("boolean", None)}),
        (task({"source_arn": "arn:aws:sqs:{{ region }}:{{ account }}:orders"}), {"event_source_arn": "arn:aws:sqs:${var.region}:${var.account}:orders"}, {"region": ("string", None), "account": ("string", None)}),
        (task({"source_arn": "{{ queue.queue_arn }}"}), {"event_source_arn": "${var.queue_queue_arn}"}, {"queue_queue_arn": ("string", None)}),
    ],
)  # fmt: skip
def test_what_the_files_do_not_have_is_a_variable(
    tmp_path: Path, content: Any, changed: dict[str, Any], variables: dict[str, Any]
) -> None:
    result = of(tmp_path, play(content))

    found = {name: (item.type, item.default) for name, item in result.source.variables.items()}
    assert (entry(result), left(result), found) == (OURS | changed, [], variables)
    loaded(tmp_path, result)


def test_what_a_task_registers_is_not_a_variable_of_the_files(tmp_path: Path) -> None:
    made = {"amazon.aws.lambda": {"name": "x"}, "register": "fn"}

    assert entry(of(tmp_path, play(made, NAMED, vars={"fn": "old"})))["function_name"] == "${var.fn}"


def test_a_value_of_the_vault_is_a_variable(tmp_path: Path) -> None:
    text = play(NAMED, vars_files=["v.yml"])
    files = {"v.yml": "fn: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n"}
    result = of(tmp_path, text, files)

    assert entry(result)["function_name"].startswith("${var.vault")
    assert "6162" not in result.text
    assert entry(of(tmp_path, text, {"v.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n"}))["function_name"] == "${var.fn}"


def test_a_parameter_is_an_extra_variable(tmp_path: Path) -> None:
    text = play(NAMED, vars={"fn": "no"})

    assert entry(of(tmp_path, text, parameters={"fn": "worker"})) == OURS


@pytest.mark.parametrize(
    ("loop", "more"),
    [
        ({"loop": ["a", "b"]}, {}),
        ({"with_items": ["a", "b"]}, {}),
        ({"with_items": [["a"], "b"]}, {}),
        ({"with_items": "{{ names }}"}, {"vars": {"names": ["a", "b"]}}),
        ({"loop": "{{ names }}"}, {"vars": {"names": ["a", "b"]}}),
        ({"loop": ["a", "b"], "loop_control": {"loop_var": "it"}}, {}),
        ({"with_dict": {"a": 1, "b": 2}}, {}),
    ],
)
def test_loops(tmp_path: Path, loop: dict[str, Any], more: dict[str, Any]) -> None:
    name = "it" if "loop_control" in loop else "item.key" if "with_dict" in loop else "item"
    result = of(tmp_path, play({**task(function_name=f"{{{{ {name} }}}}"), **loop}, **more))

    assert [item["function_name"] for item in entries(result)] == ["a", "b"]
    assert left(result) == []


def test_a_loop_of_maps(tmp_path: Path) -> None:
    items = [{"fn": "a", "size": 5, "on": True}, {"fn": "b", "size": 7, "on": False}]
    content = task({"batch_size": "{{ item.size }}"}, function_name="{{ item.fn }}", LOOP=items, WHEN="item.on")
    result = of(tmp_path, play(content))

    assert entry(result) == OURS | {"function_name": "a", "batch_size": 5}
    assert [item[2] for item in left(result)] == ["its condition does not hold"]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (task(WHEN="stage == 'prod'"), "it runs only when stage == 'prod'"),
        (task(WHEN=["a", "b is defined"]), "it runs only when a"),
        ({"block": [task()], "when": "stage == 'prod'"}, "it runs only when stage == 'prod'"),
        (task({"batch_size": 11}), "maximum_batching_window_in_seconds: the task has none: the module sends 1, because batch_size is above 10"),
        (task({"batch_size": "{{ size }}"}), "maximum_batching_window_in_seconds: the module sends 1 where batch_size is above 10"),
        (task(state="{{ state }}"), "whether the task makes or deletes it is not known"),
    ],
)  # fmt: skip
def test_notes(tmp_path: Path, content: Any, note: str) -> None:
    assert note in comments(of(tmp_path, play(content)))


@pytest.mark.parametrize(
    "text",
    [
        play(task(region="eu-north-1")),
        play(task(aws_region="{{ where }}"), vars={"where": "eu-north-1"}),
        play(task(), module_defaults={"group/aws": {"region": "eu-north-1"}}),
        play(task(), module_defaults={"amazon.aws.lambda_event": {"region": "eu-north-1"}}),
        play(task(), environment={"AWS_REGION": "eu-north-1"}),
    ],
)
def test_regions(tmp_path: Path, text: str) -> None:
    assert [item.found.region for item in of(tmp_path, text).named] == ["eu-north-1"]


# --- buckets ---------------------------------------------------------------------------------------------------------

NOTIFICATION = {"event_name": "thumb", "bucket_name": "media", "lambda_function_arn": FUNCTION, "events": ["s3:ObjectCreated:*"]}  # fmt: skip
ENTRY = {"function_name": "worker", "event_source_arn": "arn:aws:s3:::media", "events": ["s3:ObjectCreated:*"], "id": "thumb"}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        ({}, {}),
        ({"prefix": "in/", "suffix": ".jpg"}, {"filter_prefix": "in/", "filter_suffix": ".jpg"}),
        ({"prefix": ""}, {}),
        ({"lambda_alias": "live"}, {"function_name": "worker:live"}),
        ({"lambda_version": 3}, {"function_name": "worker:3"}),
        ({"events": "s3:ObjectCreated:Put, s3:ObjectRemoved:*"}, {"events": ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"]}),
    ],
)  # fmt: skip
def test_entries_of_buckets(tmp_path: Path, more: dict[str, Any], changed: dict[str, Any]) -> None:
    result = of(tmp_path, play({"community.aws.s3_bucket_notification": {**NOTIFICATION, **more}}))

    assert (entry(result), left(result), ids(result)) == (ENTRY | changed, [], ["media/thumb"])
    assert list(loaded(tmp_path, result).values()) == [ENTRY | changed]


def test_an_entry_of_a_queue_is_not_named(tmp_path: Path) -> None:
    content = {"event_name": "q", "bucket_name": "media", "queue_arn": QUEUE, "events": ["s3:ObjectCreated:*"]}
    result = of(tmp_path, play({"community.aws.s3_bucket_notification": content}))

    assert (entries(result), left(result)) == ([], [])


# --- what does not belong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        task({"batch_size": 11, "enabled": "{{ x | default(1) }}"}, alias="a", WHEN=["a"], LOOP=[1], LOOP_CONTROL={"loop_var": "x"}, REGISTER="r", VARS={"a": 1}),
        {"name": "n", "community.aws.s3_bucket_notification": NOTIFICATION, "with_items": [1]},
        {"block": [task()], "always": [], "rescue": [task()], "when": "a", "vars": {"a": 1}},
        {"include_tasks": {"file": "a.yml"}, "include_role": {"name": "r"}},
        {"set_fact": {"a": 1}, "action": {"module": "lambda_event"}},
        {"include_vars": {"file": "a.yml"}},
        {"community.aws.sns_topic": {"subscriptions": [{"endpoint": FUNCTION, "protocol": "lambda"}]}},
    ],
)  # fmt: skip
def test_what_does_not_belong_is_no_crash(tmp_path: Path, content: Any) -> None:
    survives(tmp_path, "tasks.yml", [task(), *spoiled(content)])


def test_plays_that_make_no_sense(tmp_path: Path) -> None:
    (tmp_path / "roles" / "r").mkdir(parents=True)
    good = {
        "hosts": "localhost",
        "vars": {"a": 1},
        "vars_files": ["v.yml"],
        "roles": [{"role": "r"}],
        "tasks": [task(function_name="{{ a }}")],
        "module_defaults": {"group/aws": {"region": "r"}},
        "environment": {"A": "b"},
    }
    survives(tmp_path, "play.yml", [good, *spoiled(good)])


@pytest.mark.parametrize("text", ["{{", "{{ }}", "{{ a | }}", "{{ a.b[0 }}", "{% if a %}", "{{ a }", "{{ '}}' }}", "{{ a['b }}", "{{ {} }}", "{{ a | default( }}"])  # fmt: skip
def test_expressions_that_make_no_sense(tmp_path: Path, text: str) -> None:
    survives(tmp_path, "play.yml", play(task(function_name=text), task({"batch_size": text}), vars={"a": text}))


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (play({"include_tasks": "t.yml"}), {"t.yml": "- include_tasks: t.yml\n"}),
        (play(roles=["r"]), {"roles/r/meta/main.yml": "dependencies: [r]\n"}),
        (yaml.safe_dump([{"import_playbook": "play.yml"}]), {}),
    ],
)
def test_files_that_include_each_other_are_refused(tmp_path: Path, text: str, files: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="include each other more than 20 times"):
        of(tmp_path, text, files)


def test_variables_that_refer_to_each_other_are_unknown(tmp_path: Path) -> None:
    result = of(tmp_path, play(NAMED, vars={"fn": "{{ a }}", "a": "{{ fn }}"}))

    assert entry(result)["function_name"].startswith("${var.")


def test_what_is_above_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "v.yml").write_text("fn: no\n", encoding="utf-8")
    folder = tmp_path / "inner"
    folder.mkdir()
    (folder / "link.yml").symlink_to(tmp_path / "v.yml")

    for name in ("../v.yml", "link.yml", str(tmp_path / "v.yml")):
        result = of(folder, play(NAMED, vars_files=[name]))
        assert entry(result)["function_name"] == "${var.fn}"
        assert len(left(result)) == 1
