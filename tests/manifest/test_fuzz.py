"""No input produces a traceback: bytes, texts of YAML's characters, and structures that look like a manifest."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.errors import ManifestError
from provisioner.kinds.event_source_mapping import FIELDS
from provisioner.kinds.fields import Field
from provisioner.manifest import Inputs, load
from provisioner.manifest.reader import line_at
from provisioner.manifest.schema import Entry, ProviderBlock, Root, VariableBlock
from provisioner.model.diagnostics import Diagnostic
from provisioner.render.diagnostics import diagnostics_github, diagnostics_json, diagnostics_sarif, diagnostics_text
from provisioner.render.style import Style

AT_RANDOM = os.environ.get("FUZZ")  # how many, not the same each time
MANY = settings(
    max_examples=int(AT_RANDOM or 300),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not AT_RANDOM,
)


def fields(table: Any) -> list[str]:
    return [name for item in table.values() for name in (item.name, *fields(item.children))]


ALL_FIELDS: dict[str, Field] = dict(FIELDS)
NAMES = sorted(
    {*fields(ALL_FIELDS), *Entry.model_fields, *Root.model_fields, *ProviderBlock.model_fields, *VariableBlock.model_fields,
     "include", "all", "sqs", "stream", "kafka", "x-a", "from", "to", "id", "destroy", "prevent_destroy", "ignore_changes", "a"}
)  # fmt: skip
TEXTS = st.sampled_from(
    ["", "a", "f:live", "${var.a}", "x-${var.a}-y", "$${", "${", "${var.}", "Queue", "LATEST", "2026-01-01T00:00:00Z", "5m",
     "arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:sqs:eu-west-1:${var.a}:q.fifo", "arn:aws:kinesis:eu-west-1:123456789012:stream/s",
     "arn:aws:rds:eu-west-1:123456789012:cluster:c", "arn:aws:kafka:eu-west-1:123456789012:cluster/c/1", "{\"a\": [1]}", "b:9092,c:1",
     "[", "\x85", "é", "*.yaml", "../a.yaml", "string", "map", "EventCount", "BASIC_AUTH", "123456789012"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10**9), st.floats(allow_nan=False), TEXTS, st.text(max_size=6)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(NAMES), TEXTS), inner, max_size=4)
    ),
    max_leaves=12,
)
ENTRIES = st.dictionaries(st.sampled_from([*FIELDS, "region", "lifecycle"]), VALUES, max_size=6)
MANIFESTS = st.fixed_dictionaries(
    {
        "stack": st.one_of(st.just("s"), VALUES),
        "mappings": st.one_of(st.dictionaries(TEXTS, ENTRIES, max_size=3), VALUES),
    },
    optional={
        "variables": st.one_of(st.dictionaries(st.sampled_from(["a", "b", "1"]), VALUES, max_size=2), VALUES),
        "defaults": st.one_of(
            st.dictionaries(st.sampled_from(["all", "sqs", "kafka", "x"]), ENTRIES, max_size=3), VALUES
        ),
        **dict.fromkeys(("provider", "state", "imports", "moved", "removed", "limits", "include", "version"), VALUES),
    },
)


def reported(path: Path, *, needs_values: bool = True) -> list[Any]:
    """Whatever is wrong, in all its forms; every place is one that the file has."""
    found: list[Any] = []
    inputs = Inputs(texts=("b=1",), environment={"PROVISIONER_VAR_a": "x"})
    with suppress(ManifestError):
        found += load(path, inputs=inputs, needs_values=needs_values).warnings
    try:
        load(path, inputs=Inputs(), needs_values=needs_values)
    except ManifestError as error:
        found += error.diagnostics
    assert all(isinstance(item, Diagnostic) for item in found)
    diagnostics_text(found, Style(), line_at)
    json.loads(diagnostics_json(found))
    json.loads(diagnostics_sarif(found, "1"))
    assert len(diagnostics_github(found).splitlines()) == len(found)
    return found


@MANY
@given(content=st.binary(max_size=200))
def test_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)

    reported(path)


@MANY
@given(content=st.text(alphabet="ab01:-[]{},&*!|>'\"%@`#?~ \n\t\r\x85\u2028\ufeff<=.e+${}x", max_size=120))
def test_characters_that_mean_something_to_yaml(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_text(content, encoding="utf-8", newline="")

    reported(path)


@MANY
@given(value=MANIFESTS, needs_values=st.booleans())
def test_structures(tmp_path_factory: pytest.TempPathFactory, value: Any, needs_values: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "structure.yaml"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")

    for item in reported(path, needs_values=needs_values):
        lines = re.split("[\n\r\x85\u2028\u2029]", path.read_text(encoding="utf-8"))
        assert item.place.line <= len(lines) or item.place.file != str(path)


@MANY
@given(value=VALUES)
def test_files_of_variables(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "m.yaml").write_text("stack: s\nvariables: { a: { type: map } }\n", encoding="utf-8")
    for ending in ("yaml", "json"):
        file = folder / f"vars.{ending}"
        file.write_text(json.dumps(value), encoding="utf-8")
        with suppress(ManifestError):
            load(folder / "m.yaml", inputs=Inputs(files=(file,)))
