"""Manifests: what is wrong is reported with its place, all of it at once.

Each file of `cases/invalid` makes one mistake, some several; the lines at its end that begin with `#>` are the whole message.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import ManifestError
from provisioner.manifest import load
from provisioner.manifest.reader import line_at
from provisioner.model.codes import EXPLANATIONS
from provisioner.model.sources import ALL, SourceKind
from provisioner.render.diagnostics import diagnostics_text
from provisioner.render.style import Style

CASES = sorted((Path(__file__).parents[1] / "cases/invalid").glob("*.yaml"))
WARNED = sorted((Path(__file__).parents[1] / "cases/warned").glob("*.yaml"))
EXAMPLES = Path(__file__).parents[2] / "examples"

QUEUE = "function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q'"


def message(path: Path, folder: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        load(path)
    return diagnostics_text(caught.value.diagnostics, Style(), line_at).replace(f"{folder}/", "")  # type: ignore[arg-type]


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_mistake_is_reported(path: Path) -> None:
    expected = [line[3:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#> ")]

    assert message(path, path.parent).splitlines() == expected


@pytest.mark.parametrize("path", WARNED, ids=[path.stem for path in WARNED])
def test_a_doubt_is_reported_and_does_not_stop_the_run(path: Path) -> None:
    expected = [line[3:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#> ")]

    reported = diagnostics_text(load(path).warnings, Style(), line_at).replace(f"{path.parent}/", "")

    assert reported.splitlines() == expected


def test_every_code_is_in_a_case() -> None:
    """W202 needs another botocore, W214 a file of variables, E229 a hundred mappings, and checks need AWS: they have tests of
    their own.
    """
    reported = "".join(path.read_text(encoding="utf-8") for path in [*CASES, *WARNED])

    assert {code for code in EXPLANATIONS if code[0] not in "RC" and f"[{code}]" not in reported} <= {
        "W202",
        "W214",
        "E229",
    }


@pytest.mark.parametrize("name", ["quickstart", "all-sources"])
def test_an_example_has_no_warning(name: str) -> None:
    assert load(EXAMPLES / name).warnings == ()


def test_every_kind_is_reported(tmp_path: Path) -> None:
    kinds = {item.kind for item in load(EXAMPLES / "all-sources").manifest.mappings.values()}

    assert kinds == ALL - {SourceKind.KAFKA_QUEUE}


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_its_provisioner_yaml(tmp_path: Path) -> None:
    write(tmp_path, provisioner="stack: one\n", other="nonsense: true\n")

    assert load(tmp_path).manifest.stack == "one"


def test_a_folder_without_one_is_all_its_files_as_one_document(tmp_path: Path) -> None:
    write(
        tmp_path,
        a=f"stack: s\nmappings: {{ a: {{ {QUEUE} }} }}\n",
        b=f"mappings: {{ b: {{ {QUEUE.replace(': f', ': g')} }} }}\n",
    )

    assert list(load(tmp_path).manifest.mappings) == ["a", "b"]


def test_a_clash_between_files_names_both_places(tmp_path: Path) -> None:
    entry = f"mappings:\n  a: {{ {QUEUE} }}\n"
    write(tmp_path, a=f"stack: s\n{entry}", b=f"stack: t\n{entry}")

    assert message(tmp_path, tmp_path).splitlines() == [
        "b.yaml:1:1: error[E002]: duplicate key 'stack': first defined at a.yaml:1:1",
        "    1 | stack: t",
        "      | ^^^^^",
        "  hint: remove or rename one of the two",
        "b.yaml:3:3: error[E002]: duplicate key 'a': first defined at a.yaml:3:3",
        f"    3 |   a: {{ {QUEUE} }}",
        "      |   ^",
        "  hint: remove or rename one of the two",
        "2 errors",
    ]


def test_a_mistake_in_a_list_stands_in_its_own_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="stack: s\nmoved: [{ from: a, to: b }]\n",
        b="moved:\n  - { from: c, to: d }\n  - { form: e, to: f }\n",
    )

    assert message(tmp_path, tmp_path).splitlines()[0] == "b.yaml:3:7: error[E101]: unknown field 'form'"


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    assert "the folder contains no *.yaml files" in message(tmp_path, tmp_path.parent)


def test_the_region_is_the_mappings_then_the_arns_then_the_providers_then_the_environments(tmp_path: Path) -> None:
    kafka = (
        "function_name: f, topics: [events], self_managed_event_source: {endpoints: {KAFKA_BOOTSTRAP_SERVERS: ['b:1']}}, "
        "source_access_configuration: [{type: BASIC_AUTH, uri: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:x'}]"
    )

    def region(head: str, entry: str) -> str:
        write(tmp_path, provisioner=f"stack: s\n{head}mappings: {{ a: {{ {entry} }} }}\n")
        return load(tmp_path, region="environment").manifest.mappings["a"].region

    assert region("provider: {region: us-east-1}\n", f"{kafka}, region: us-west-2") == "us-west-2"
    assert region("provider: {region: us-east-1}\n", QUEUE) == "eu-west-1"
    assert region("provider: {region: us-east-1}\n", kafka) == "us-east-1"
    assert region("", kafka) == "environment"


def test_tags_of_the_mapping_win_over_default_tags(tmp_path: Path) -> None:
    head = "stack: s\nprovider: { default_tags: { team: all, env: dev } }\n"
    write(tmp_path, provisioner=f"{head}mappings: {{ a: {{ {QUEUE}, tags: {{ team: mine }} }} }}\n")

    assert load(tmp_path).manifest.mappings["a"].mapping["tags"] == {"team": "mine", "env": "dev"}


def test_an_unknown_enumeration_value_is_a_warning_and_is_passed_through(tmp_path: Path) -> None:
    write(
        tmp_path, provisioner=f"stack: s\nmappings: {{ a: {{ {QUEUE}, metrics_config: {{ metrics: [NewCount] }} }} }}\n"
    )

    loaded = load(tmp_path)

    assert [item.code for item in loaded.warnings] == ["W201"]
    assert loaded.manifest.mappings["a"].mapping["metrics_config"] == {"metrics": ["NewCount"]}
