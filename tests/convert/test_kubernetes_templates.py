"""Templates of Kubernetes objects: graphs of kro, compositions of Crossplane, and kustomizations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import UsageError
from tests.convert.converting import comments, converted, entries, entry, left, loaded, spoiled, survives
from tests.convert.test_kubernetes import OURS, QUEUE, SQS, XSQS, ack, crossplane, documents


def graph(*resources: Any, schema: Any = None) -> dict[str, Any]:
    spec = {"name": "string", "batch": "integer | default=5", "enabled": 'boolean | default=true description="on"'}
    return {
        "apiVersion": "kro.run/v1alpha1",
        "kind": "ResourceGraphDefinition",
        "metadata": {"name": "shop"},
        "spec": {
            "schema": {"apiVersion": "v1alpha1", "kind": "Shop", "spec": spec if schema is None else schema},
            "resources": [{"id": f"r{number}", "template": item} for number, item in enumerate(resources)],
        },
    }


FN = ack({"name": "${schema.spec.name}-worker"}, "Function", "${schema.spec.name}-fn")
QUEUE_OBJECT = ack({"queueName": "${schema.spec.name}-orders"}, "Queue", "q")


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([ack(SQS)], OURS),
        ([ack({**SQS, "functionName": "${schema.spec.name}-worker"})], OURS | {"function_name": "${var.name}-worker"}),
        ([ack({**SQS, "functionName": "${r1.spec.name}"}), FN], OURS | {"function_name": "${var.name}-worker"}),
        ([ack({**SQS, "functionName": "${r1.metadata.name}"}), FN], OURS | {"function_name": "${var.name}-fn"}),
        ([ack({"eventSourceARN": QUEUE, "functionRef": {"from": {"name": "${schema.spec.name}-fn"}}}), FN], OURS | {"function_name": "${var.name}-worker"}),
        ([ack({**SQS, "functionName": "${r1.status.ackResourceMetadata.arn}"}), FN], OURS | {"function_name": "arn:aws:lambda:${var.region}:${var.account}:function:${var.name}-worker"}),
        ([ack({**SQS, "eventSourceARN": "${r1.status.ackResourceMetadata.arn}"}), QUEUE_OBJECT], OURS | {"event_source_arn": "arn:aws:sqs:${var.region}:${var.account}:${var.name}-orders"}),
        ([ack({**SQS, "eventSourceARN": "${r1.status.?ackResourceMetadata.?arn}"}), QUEUE_OBJECT], OURS | {"event_source_arn": "arn:aws:sqs:${var.region}:${var.account}:${var.name}-orders"}),
        (
            [ack({**SQS, "eventSourceARN": "${r1.status.latestStreamARN}", "startingPosition": "LATEST"}), {**ack({"tableName": "t"}, "Table"), "apiVersion": "dynamodb.services.k8s.aws/v1alpha1"}],
            {"function_name": "worker", "event_source_arn": "arn:aws:dynamodb:${var.region}:${var.account}:table/t/stream/${var.orders_stream}", "starting_position": "LATEST"},
        ),
        ([ack({**SQS, "batchSize": "${schema.spec.batch}", "enabled": "${schema.spec.enabled}"})], OURS | {"batch_size": "${var.batch}", "enabled": "${var.enabled}"}),
        ([ack({**SQS, "functionName": '${schema.spec.name + "-worker"}'})], OURS | {"function_name": "${var.schema_spec_name_-worker}"}),
        ([ack({**SQS, "functionName": "${nothing.spec.name}"})], OURS | {"function_name": "${var.nothing_spec_name}"}),
        ([ack({**SQS, "functionName": "${r0.spec.functionName}"})], OURS | {"function_name": "${var.r0_spec_functionName}"}),
        ([{**crossplane(XSQS), "metadata": {"name": "x"}}], OURS),
    ],
)  # fmt: skip
def test_a_graph_of_kro(tmp_path: Path, resources: list[Any], expected: dict[str, Any]) -> None:
    result = converted(tmp_path, {"g.yaml": documents(graph(*resources))})

    expected = {
        name: value.replace("_-worker", "_worker") if isinstance(value, str) else value
        for name, value in expected.items()
    }
    assert (entry(result), left(result)) == (expected, [])
    loaded(tmp_path, result)


def test_the_schema_of_a_graph_has_types_and_defaults(tmp_path: Path) -> None:
    mapping = ack({**SQS, "batchSize": "${schema.spec.batch}", "enabled": "${schema.spec.enabled}"})
    result = converted(tmp_path, {"g.yaml": documents(graph(mapping))})

    found = {name: (item.type, item.default) for name, item in result.source.variables.items()}
    assert found == {"batch": ("integer", 5), "enabled": ("boolean", True)}


def test_a_parameter_is_an_input_of_a_graph(tmp_path: Path) -> None:
    content = documents(graph(ack({**SQS, "functionName": "${schema.spec.name}-worker"})))

    assert entry(converted(tmp_path, {"g.yaml": content}, parameters={"name": "a"}))["function_name"] == "a-worker"


def test_the_instances_of_a_graph_have_the_values(tmp_path: Path) -> None:
    mapping = ack({**SQS, "functionName": "${schema.spec.name}-worker", "batchSize": "${schema.spec.batch}"})
    made = [
        {"apiVersion": "kro.run/v1alpha1", "kind": "Shop", "metadata": {"name": name}, "spec": {"name": name, **more}}
        for name, more in (("a", {}), ("b", {"batch": 7}))
    ]
    result = converted(tmp_path, {"g.yaml": documents(graph(mapping), *made)})

    assert result.source.variables == {}
    assert entries(result) == [
        OURS | {"function_name": "a-worker", "batch_size": 5},
        OURS | {"function_name": "b-worker", "batch_size": 7},
    ]


def test_a_condition_is_noted(tmp_path: Path) -> None:
    content = graph(ack(SQS))
    content["spec"]["resources"][0]["includeWhen"] = ["${schema.spec.enabled}"]

    assert "kro makes it only if schema.spec.enabled" in comments(converted(tmp_path, {"g.yaml": documents(content)}))


# --- compositions ----------------------------------------------------------------------------------------------------


def composition(*resources: Any, pipeline: bool = False, sets: Any = ()) -> dict[str, Any]:
    parts = {"resources": list(resources), "patchSets": list(sets)}
    given = {"apiVersion": "pt.fn.crossplane.io/v1beta1", "kind": "Resources", **parts}
    step = {"step": "patch", "functionRef": {"name": "function-patch-and-transform"}, "input": given}
    composite = {"apiVersion": "example.org/v1", "kind": "XWorker"}
    spec = {"mode": "Pipeline", "pipeline": [step]} if pipeline else parts
    metadata = {"name": "worker"}
    version = "apiextensions.crossplane.io/v1"
    return {"apiVersion": version, "kind": "Composition", "metadata": metadata, "spec": {"compositeTypeRef": composite, **spec}}  # fmt: skip


def patched(*patches: Any, **settings: Any) -> dict[str, Any]:
    return {"name": "m", "base": crossplane({**XSQS, **settings}), "patches": list(patches)}


def patch(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"fromFieldPath": source, "toFieldPath": f"spec.forProvider.{target}", **more}


CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (patched(), {}, {}),
    (patched(patch("spec.name", "functionName")), {"function_name": "${var.name}"}, {"name": "worker"}),
    (patched(patch("spec.size", "batchSize")), {"batch_size": "${var.size}"}, {"size": None}),
    (patched(patch("spec.size", "batchSize"), batchSize=5), {"batch_size": "${var.size}"}, {"size": 5}),
    (
        patched(
            patch("spec.name", "functionName", transforms=[{"type": "string", "string": {"fmt": "%s-worker"}}]),
        ),
        {"function_name": "${var.name}-worker"},
        {"name": None},
    ),
    (
        patched(
            patch("spec.size", "batchSize", transforms=[{"type": "map", "map": {"big": "100"}}]),
        ),
        {"batch_size": "${var.size_transformed}"},
        {"size_transformed": None},
    ),
    (
        patched(
            {
                "type": "CombineFromComposite",
                "combine": {
                    "variables": [{"fromFieldPath": "spec.region"}, {"fromFieldPath": "spec.queue"}],
                    "strategy": "string",
                    "string": {"fmt": "arn:aws:sqs:%s:123456789012:%s"},
                },
                "toFieldPath": "spec.forProvider.eventSourceArn",
            },
        ),
        {"event_source_arn": "arn:aws:sqs:${var.region}:123456789012:${var.queue}"},
        {"region": None, "queue": None},
    ),
    (patched({"type": "ToCompositeFieldPath", "fromFieldPath": "status.a", "toFieldPath": "status.b"}), {}, {}),
    (
        patched(patch("data.size", "batchSize", type="FromEnvironmentFieldPath")),
        {"batch_size": "${var.size}"},
        {"size": None},
    ),
    (patched(patch("spec.team", "tags[team]")), {"tags": {"team": "${var.team}"}}, {"team": None}),
    (
        patched(patch("spec.p", "filterCriteria[0].filter[0].pattern")),
        {"filter_criteria": {"filter": [{"pattern": "${var.p}"}]}},
        {"p": None},
    ),
    (patched({"type": "PatchSet", "patchSetName": "common"}), {"enabled": "${var.on}"}, {"on": None}),
    (patched({"type": "PatchSet", "patchSetName": "none"}), {}, {}),
]
SETS = [{"name": "common", "patches": [patch("spec.on", "enabled")]}]


@pytest.mark.parametrize("pipeline", [False, True])
@pytest.mark.parametrize(("resource", "changed", "variables"), CASES)
def test_a_composition(
    tmp_path: Path, resource: Any, changed: dict[str, Any], variables: dict[str, Any], pipeline: bool
) -> None:
    result = converted(tmp_path, {"c.yaml": documents(composition(resource, pipeline=pipeline, sets=SETS))})

    found = {name: item.default for name, item in result.source.variables.items()}
    assert (entry(result), left(result), found) == (OURS | changed, [], variables)
    if changed.keys() <= {"tags", "function_name", "batch_size", "enabled"}:
        loaded(tmp_path, result)


def test_an_object_of_a_composition_refers_to_another(tmp_path: Path) -> None:
    function = {"name": "f", "base": crossplane({"region": "eu-west-1"}, "Function", "worker")}
    mapping = patched(functionName=None, functionNameSelector={"matchControllerRef": True})

    assert entry(converted(tmp_path, {"c.yaml": documents(composition(function, mapping))})) == OURS


@pytest.mark.parametrize("kind", ["XWorker", "Worker"])
def test_a_composite_resource_has_the_values(tmp_path: Path, kind: str) -> None:
    claim = {"apiVersion": "example.org/v1", "kind": kind, "metadata": {"name": "w"}, "spec": {"size": 7, "name": "a"}}
    definition = {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "CompositeResourceDefinition",
        "metadata": {"name": "xworkers.example.org"},
        "spec": {"names": {"kind": "XWorker"}, "claimNames": {"kind": "Worker"}},
    }
    mapping = patched(
        patch("spec.size", "batchSize"),
        patch("spec.none", "enabled"),
        patch("spec.name", "functionName", transforms=[{"type": "map", "map": {"a": "worker"}}]),
    )
    result = converted(tmp_path, {"c.yaml": documents(definition, composition(mapping), claim)})

    assert (entry(result), result.source.variables) == (OURS | {"batch_size": 7}, {})


def test_a_parameter_is_a_field_of_the_composite_resource(tmp_path: Path) -> None:
    content = documents(composition(patched(patch("spec.parameters.size", "batchSize"))))

    for name in ("spec.parameters.size", "parameters.size", "size"):
        assert entry(converted(tmp_path, {"c.yaml": content}, parameters={name: "7"}))["batch_size"] == 7


def test_the_program_of_a_function_is_named(tmp_path: Path) -> None:
    content = composition(pipeline=True)
    content["spec"]["pipeline"].append(
        {"step": "go", "input": {"kind": "GoTemplate", "inline": {"template": "kind: EventSourceMapping\n{{ .a }}"}}}
    )
    result = converted(tmp_path, {"c.yaml": documents(content)})

    assert [item[1:] for item in left(result)] == [
        ("step go of Composition worker", "the program or template of a function is not read")
    ]


@pytest.mark.parametrize(
    "content",
    [
        composition(CASES[6][0]),
        composition(CASES[4][0], sets=SETS),
        graph(ack({**SQS, "functionName": "${r1.spec.name}"}), FN),
    ],
)
def test_what_does_not_belong_is_no_crash(tmp_path: Path, content: Any) -> None:
    survives(tmp_path, "o.json", [ack(SQS), *spoiled(content)])


# --- kustomizations --------------------------------------------------------------------------------------------------

KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


@pytest.mark.parametrize("head", [KUSTOMIZATION, ""])
@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_has_its_resources(tmp_path: Path, name: str, head: str) -> None:
    files = {
        name: f"{head}resources: [a.yaml, inner]\nnamespace: shop\n",
        "a.yaml": documents(ack(SQS)),
        "inner/kustomization.yaml": "resources: [b.yaml]\n",
        "inner/b.yaml": documents(ack({**SQS, "functionName": "other"})),
    }
    result = converted(tmp_path, files)

    assert [item["function_name"] for item in entries(result)] == ["other", "worker"]
    assert left(result) == []


@pytest.mark.parametrize(
    "outside", ["../a.yaml", "https://example.com/a.yaml", "github.com/example/a//b?ref=v1", "/etc/hosts"]
)
def test_what_is_not_below_the_folder_is_not_read(tmp_path: Path, outside: str) -> None:
    (tmp_path / "a.yaml").write_text(documents(ack(SQS)), encoding="utf-8")
    result = converted(tmp_path / "k", {"kustomization.yaml": f"resources:\n- {outside}\n"})

    assert left(result) == [(2, f"the resource {outside}", f"it is not below the folder {tmp_path / 'k'}")]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    (tmp_path / "a.yaml").write_text(documents(ack(SQS)), encoding="utf-8")
    (tmp_path / "k" / "a.yaml").symlink_to(tmp_path / "a.yaml")

    assert len(left(converted(tmp_path / "k", {"kustomization.yaml": "resources: [a.yaml]\n"}))) == 1


@pytest.mark.parametrize(
    "changing", ["patches: [{path: p.yaml}]", "patchesStrategicMerge: [p.yaml]", "namePrefix: a-", "components: [c]"]
)
def test_a_kustomization_that_changes_objects_is_refused(tmp_path: Path, changing: str) -> None:
    with pytest.raises(UsageError, match=r"kustomization\.yaml:2:1: \w+ changes the objects"):
        converted(tmp_path, {"kustomization.yaml": f"resources: []\n{changing}\n"})


def test_kustomizations_that_include_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="include each other"):
        converted(tmp_path, {"kustomization.yaml": "resources: [.]\n"})


@pytest.mark.parametrize("resources", ["5", "[5, null, [], {}]", "a", "[none.yaml]", "['']", '["\\0"]'])
def test_a_kustomization_that_makes_no_sense(tmp_path: Path, resources: str) -> None:
    survives(tmp_path, "kustomization.yaml", f"resources: {resources}\n")
