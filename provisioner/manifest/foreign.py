"""Recognises the files of other tools, so that one error says what a file is, instead of one for each of its keys.

A text is judged by its first keys and a few words, not by a parser: such files have tags, several documents and expressions
that a manifest must not have.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from provisioner.manifest.reader import Document

_MOST: Final = 1_000_000
"""How many characters of a text that is not JSON are looked at: what tells a file's tool stands near its beginning."""
_HEAD: Final = 2_000
"""How many characters the first keys of a file may take."""
_BLOCK_KEY: Final = re.compile(r"^(?:- +)?[\"']?([A-Za-z_][\w./-]*)[\"']?[ \t]*:(?=\s|$)", re.MULTILINE)
_LIST: Final = re.compile(r"(?:\s|#[^\n]*\n|---[ \t]*\n)*- ")
_ITEM_KEY: Final = re.compile(r"^(?:- |  )[\"']?([A-Za-z_][\w./-]*)[\"']?[ \t]*:(?=\s|$)", re.MULTILINE)
_JSON_KEY: Final = re.compile(r'^(?:\t| {1,4})?\{?[ \t]*"([A-Za-z_][\w./-]*)"[ \t]*:', re.MULTILINE)
_RESOURCE: Final = re.compile(r"\bType[\"']?\s*:\s*[\"']?(?:AWS|Custom|Alexa)::")
_HCL: Final = re.compile(
    r'^[ \t]*(?:(?:resource|data)[ \t]+"[\w-]+"[ \t]+"[\w-]+"|(?:module|provider|variable|output)[ \t]+"[\w-]+"'
    r"|terraform|locals)[ \t]*\{",
    re.MULTILINE,
)
_MODULE: Final = re.compile(
    r"^ *(?:- +)?[\"']?(?:(?:amazon|community)\.aws\.\w+|ansible\.builtin\.\w+|lambda_event)[\"']?[ \t]*:", re.MULTILINE
)
_OURS: Final = frozenset({"stack", "mappings"})
"""Keys that only a manifest has: where one stands at the top, the file is checked as a manifest."""


@dataclass(frozen=True, slots=True)
class _File:
    """What is looked at. `keys` are those at the top of the file, `item_keys` those of the first item where a list is at the top;
    of JSON that can be parsed, `value` is the first value.
    """

    name: str
    text: str
    keys: frozenset[str]
    value: Any = None
    item_keys: frozenset[str] = frozenset()

    def has(self, *names: str) -> bool:
        """Whether all of these keys stand at the top."""
        return self.keys.issuperset(names)


def _is_template(file: _File) -> bool:
    return file.has("AWSTemplateFormatVersion") or (file.has("Resources") and bool(_RESOURCE.search(file.text)))


def _is_sam(file: _File) -> bool:
    return "AWS::Serverless" in file.text and (_is_template(file) or file.has("Transform"))


def _is_playbook(file: _File) -> bool:
    first = next((line for line in file.text.splitlines() if line.strip() and not line.startswith(("#", "---"))), "")
    plays = file.keys & {"hosts", "import_playbook", "ansible.builtin.import_playbook"}
    return first.startswith("-") and bool(plays or _MODULE.search(file.text))


def _is_mapping(keys: frozenset[str]) -> bool:
    """Whether these are members of a request or an answer of Lambda about one mapping."""
    named = keys & {"FunctionName", "FunctionArn"}
    return ("UUID" in keys and bool(named)) or (
        bool(keys & {"EventSourceArn", "SelfManagedEventSource"}) and bool(named or "UUID" in keys)
    )


_SIGNS: Final[tuple[tuple[str, Callable[[_File], bool]], ...]] = (
    ("a saved plan of provisioner", lambda file: file.has("provisioner_plan")),
    ("a state of provisioner", lambda file: file.has("lineage", "serial", "stack")),
    ("an AWS SAM template", _is_sam),
    ("a CloudFormation template", _is_template),
    (
        "a Serverless Framework configuration",
        lambda file: re.match(r"serverless\.(ya?ml|json|ts|js)$", file.name) is not None,
    ),
    ("a Serverless Framework configuration", lambda file: file.has("service", "provider", "functions")),
    ("a Terraform state", lambda file: file.has("lineage", "serial") or ".tfstate" in file.name),
    (
        "a Terraform plan or state as JSON",
        # Without resources `show -json` prints neither version nor values.
        lambda file: file.has("format_version") and (file.has("terraform_version") or file.keys == {"format_version"}),
    ),
    ("Terraform's variables", lambda file: re.search(r"\.tfvars(\.json)?$", file.name) is not None),
    ("a Terraform configuration", lambda file: file.name.endswith((".tf", ".tofu", ".tf.json", ".hcl"))),
    ("a Terraform configuration", lambda file: not file.keys and bool(_HCL.search(file.text))),
    ("a kustomization", lambda file: file.name.lower() in ("kustomization.yaml", "kustomization.yml", "kustomization")),
    ("a kustomization", lambda file: file.has("apiVersion") and "kustomize.config.k8s.io/" in file.text[:_HEAD]),
    ("an object of ACK, the AWS controllers for Kubernetes", lambda file: _is_object(file, r"\.services\.k8s\.aws/")),
    ("an object of Crossplane", lambda file: _is_object(file, r"(?:\.aws)?(?:\.m)?\.(?:upbound|crossplane)\.io/")),
    ("a Kubernetes object", lambda file: file.has("apiVersion", "kind")),
    ("an Ansible playbook", _is_playbook),
    ("an export of a Pulumi stack", lambda file: file.has("version", "deployment")),
    ("a Pulumi project", lambda file: re.match(r"Pulumi(\.[\w.-]+)?\.ya?ml$", file.name) is not None),
    ("a Pulumi project", lambda file: file.has("name", "runtime") and not file.keys & {"functions", "provider"}),
    ("a CDK project", lambda file: file.name in ("cdk.json", "cdk.context.json")),
    ("an answer of the AWS CLI", lambda file: "EventSourceMappings" in file.keys | file.item_keys),
    ("a request or an answer of the AWS CLI", lambda file: _is_mapping(file.keys) or _is_mapping(file.item_keys)),
    (
        "a bucket's notification configuration",
        lambda file: bool(file.keys & {"LambdaFunctionConfigurations", "NotificationConfiguration"}),
    ),
)
"""What a file is called, and how it is told; the first that holds."""

_PROGRAMS: Final[Mapping[str, str]] = {
    **dict.fromkeys((".py", ".ts", ".js", ".go", ".java", ".cs"), "a program, such as one of the CDK or of Pulumi"),
    ".toml": "a TOML file",
    ".ini": "an INI file",
    ".xml": "an XML document",
}
_IN_FOLDERS: Final = (
    ("*.tf", "Terraform configurations"),
    ("*.tf.json", "Terraform configurations"),
    ("*.tfstate", "a Terraform state"),
    ("cdk.json", "a CDK project"),
    ("serverless.ts", "a Serverless Framework configuration"),
    ("serverless.js", "a Serverless Framework configuration"),
    ("serverless.json", "a Serverless Framework configuration"),
    ("*.template.json", "CloudFormation templates"),
    ("template.json", "a CloudFormation template"),
)
"""What a folder without a YAML file may hold instead of a manifest."""

CONVERTED: Final = frozenset(
    (
        *("a Terraform state", "a Terraform plan or state as JSON", "an export of a Pulumi stack"),
        *("a CloudFormation template", "an AWS SAM template", "a Serverless Framework configuration"),
        *("an object of ACK, the AWS controllers for Kubernetes", "an object of Crossplane", "a kustomization"),
        *("an Ansible playbook", "an answer of the AWS CLI", "a request or an answer of the AWS CLI"),
        "a bucket's notification configuration",
    )
)
"""What `provisioner convert` reads."""
INSTEAD: Final[Mapping[str, str]] = {
    "a Terraform configuration": "convert its state, which has the values: `terraform show -json > state.json`",
    "Terraform configurations": "convert the state, which has the values: `terraform show -json > state.json`",
    "Terraform's variables": "convert the state, which has the values: `terraform show -json > state.json`",
    "a CDK project": "convert the template that `cdk synth` writes, in cdk.out",
    "a Pulumi project": "convert its state: `pulumi stack export > stack.json`",
}
"""What can be converted in the place of a file that is not read."""
_TO_DO: Final = (
    "`provisioner discover --write DIR` writes a manifest of the mappings that exist; `provisioner skeleton KIND` shows what a "
    "manifest looks like"
)
_OF_OURS: Final = {
    "a saved plan of provisioner": "pass it to `provisioner apply`, without -f; -f takes a manifest",
    "a state of provisioner": "pass the manifest with -f; it says where its state is",
}


def other_tool(name: str, document: Document) -> str:
    """What the file of another tool is, with its article, or "" for one that is taken for a manifest. `name` is the file's
    own name, without its folder.
    """
    value = document.root.value if document.root else None
    if isinstance(value, dict) and _OURS & value.keys() and "lineage" not in value:
        return ""  # before the text of a large manifest is searched
    what = tool_of(name, document.text)
    return what or ("" if isinstance(value, dict) else _PROGRAMS.get(Path(name).suffix, ""))


def tool_of(name: str, text: str) -> str:
    """What the text of another tool's file is, with its article, or "" where nothing in it tells. `name` is the file's own."""
    file = _seen(name, text)
    if file.keys & _OURS and not file.has("lineage", "serial"):
        return ""
    return next((what for what, holds in _SIGNS if holds(file)), "")


def other_tool_in(folder: Path) -> str:
    """What of another tool is in a folder without YAML files, or ""."""
    return next((what for glob, what in _IN_FOLDERS if any(folder.glob(glob))), "")


def what_to_do(what: str, path: Path) -> str:
    """The hint of an error about a file that `other_tool` has recognised."""
    if what in CONVERTED:
        return f"`{shlex.join(['provisioner', 'convert', str(path)])}` prints its mappings as a manifest"
    return _OF_OURS.get(what) or INSTEAD.get(what, _TO_DO)


def _seen(name: str, text: str) -> _File:
    """A file with the keys at its top, whether it is YAML, several YAML documents, or JSON."""
    start = text.lstrip()
    if start[:1] not in ("{", "["):
        text = text[:_MOST]
        items = _ITEM_KEY.findall(text) if _LIST.match(text) else ()
        return _File(name, text, frozenset(_BLOCK_KEY.findall(text)), item_keys=frozenset(items))
    try:
        value, _ = json.JSONDecoder().raw_decode(start)  # others may follow
    except (ValueError, RecursionError):  # cut off, or with comments
        return _File(name, text, frozenset(_JSON_KEY.findall(text)))
    first = value[0] if isinstance(value, list) and value else None
    keys, item_keys = (frozenset(each) if isinstance(each, dict) else frozenset() for each in (value, first))
    return _File(name, text, keys, value, item_keys)


def _is_object(file: _File, group: str) -> bool:
    """Whether an object of a group is in the file: at the top, in a list or in a template."""
    if not {"apiVersion", "kind"} <= file.keys | file.item_keys:
        return False
    start = "" if file.value is not None else r"^[^#\n]*"  # no comment
    version = rf"{start}\bapiVersion[\"']?\s*:\s*[\"']?[\w-]+{group}"
    return re.search(version, file.text, re.MULTILINE) is not None
