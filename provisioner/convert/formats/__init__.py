"""The formats that can be converted, each read by a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provisioner.convert.conversion import Conversion, Options
from provisioner.convert.documents import documents, text_of_file
from provisioner.convert.formats import pulumi
from provisioner.convert.formats.ansible import convert as ansible
from provisioner.convert.formats.aws_cli import convert as aws_cli
from provisioner.convert.formats.cloudformation import convert as cloudformation
from provisioner.convert.formats.kubernetes import convert as kubernetes
from provisioner.convert.formats.kubernetes import kustomize
from provisioner.convert.formats.serverless import convert as serverless
from provisioner.convert.formats.serverless.files import PRINT
from provisioner.convert.formats.terraform import convert as terraform
from provisioner.convert.found import Evidence, OwnerKind
from provisioner.errors import UsageError
from provisioner.manifest.foreign import INSTEAD, tool_of
from provisioner.manifest.node import Node


@dataclass(frozen=True, slots=True)
class _Format:
    """What reads a file, who manages what it has, and whether its tool reads YAML 1.2, where `no` is a text and 010 is no
    number of base 8.
    """

    read: Callable[[Iterable[Node], Conversion], None]
    owner: tuple[OwnerKind, Evidence] = (OwnerKind.UNKNOWN, Evidence.NONE)
    is_yaml_1_2: bool = False


_TERRAFORM: Final = _Format(terraform.convert, (OwnerKind.TERRAFORM, Evidence.STATE))
_CLOUDFORMATION: Final = _Format(cloudformation.convert, (OwnerKind.CLOUDFORMATION, Evidence.FILE))
_AWS_CLI: Final = _Format(aws_cli.convert, is_yaml_1_2=True)
FORMATS: Final[dict[str, _Format]] = {
    "a Terraform state": _TERRAFORM,
    "a Terraform plan or state as JSON": _TERRAFORM,
    "an export of a Pulumi stack": _Format(pulumi.convert, (OwnerKind.PULUMI, Evidence.STATE)),
    "an object of ACK, the AWS controllers for Kubernetes": _Format(kubernetes.convert, (OwnerKind.ACK, Evidence.FILE)),
    "an object of Crossplane": _Format(kubernetes.convert, (OwnerKind.CROSSPLANE, Evidence.FILE)),
    "a kustomization": _Format(kustomize.convert),
    "an Ansible playbook": _Format(ansible.convert, (OwnerKind.ANSIBLE, Evidence.FILE)),
    "a Serverless Framework configuration": _Format(
        serverless.convert, (OwnerKind.CLOUDFORMATION, Evidence.FILE), is_yaml_1_2=True
    ),
    "a CloudFormation template": _CLOUDFORMATION,
    "an AWS SAM template": _CLOUDFORMATION,
    "an answer of the AWS CLI": _AWS_CLI,
    "a request or an answer of the AWS CLI": _AWS_CLI,
    "a bucket's notification configuration": _AWS_CLI,
}
"""The formats, by what `manifest.foreign` calls them."""
_PROGRAMS: Final = (".ts", ".js")


def is_known(path: Path) -> bool:
    """Whether a file is of a format that can be converted. Raises UsageError for one that cannot be read."""
    return tool_of(path.name, text_of_file(path)) in FORMATS


def convert(paths: Sequence[Path], options: Options) -> Conversion:
    """What the files have. Raises UsageError for a file that cannot be read, or is of no format that can be converted."""
    conversion = Conversion(options)
    by_format: dict[_Format, list[Node]] = {}
    for path in paths:
        text = text_of_file(path)
        what = tool_of(path.name, text) if text.strip() else "an empty file"
        if what not in FORMATS:
            hint = INSTEAD.get(what, "`provisioner convert --help` lists the formats")
            raise UsageError(f"{path} is {what or 'of no format that can be converted'}", hint=hint)
        if path.suffix in _PROGRAMS:
            hint = f"convert what it makes: `{PRINT}`"
            raise UsageError(f"{path} is {what} that is a program, which is not run", hint=hint)
        found = FORMATS[what]
        by_format.setdefault(found, []).extend(documents(text, str(path), yaml_1_1=not found.is_yaml_1_2))
    for each, nodes in by_format.items():
        conversion.owner = each.owner
        each.read(nodes, conversion)
    for name in sorted(options.parameters.keys() - conversion.asked):
        conversion.note(f"--param {name}: nothing that was converted has a parameter of this name")
    return conversion
