"""The formats that can be converted, each read by a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

_Reader = Callable[[Iterable[Node], Conversion], None]
FORMATS: Final[dict[str, _Reader]] = {
    "a Terraform state": terraform.convert,
    "a Terraform plan or state as JSON": terraform.convert,
    "an export of a Pulumi stack": pulumi.convert,
    "an object of ACK, the AWS controllers for Kubernetes": kubernetes.convert,
    "an object of Crossplane": kubernetes.convert,
    "a kustomization": kustomize.convert,
    "an Ansible playbook": ansible.convert,
    "a Serverless Framework configuration": serverless.convert,
    "a CloudFormation template": cloudformation.convert,
    "an AWS SAM template": cloudformation.convert,
    "an answer of the AWS CLI": aws_cli.convert,
    "a request or an answer of the AWS CLI": aws_cli.convert,
    "a bucket's notification configuration": aws_cli.convert,
}
"""What reads a file, by what `manifest.foreign` calls it."""
_OWNERS: Final = {
    "a Terraform state": (OwnerKind.TERRAFORM, Evidence.STATE),
    "a Terraform plan or state as JSON": (OwnerKind.TERRAFORM, Evidence.STATE),
    "an export of a Pulumi stack": (OwnerKind.PULUMI, Evidence.STATE),
    "a CloudFormation template": (OwnerKind.CLOUDFORMATION, Evidence.FILE),
    "an AWS SAM template": (OwnerKind.CLOUDFORMATION, Evidence.FILE),
    "a Serverless Framework configuration": (OwnerKind.CLOUDFORMATION, Evidence.FILE),
    "an object of ACK, the AWS controllers for Kubernetes": (OwnerKind.ACK, Evidence.FILE),
    "an object of Crossplane": (OwnerKind.CROSSPLANE, Evidence.FILE),
    "an Ansible playbook": (OwnerKind.ANSIBLE, Evidence.FILE),
}
"""Who manages what a file has."""
_YAML_1_2: Final = frozenset(
    {
        "a Serverless Framework configuration",
        "an answer of the AWS CLI",
        "a request or an answer of the AWS CLI",
        "a bucket's notification configuration",
    }
)
"""Formats whose tools read YAML 1.2, where `no` is a text and 010 is no number of base 8."""
_PROGRAMS: Final = (".ts", ".js")


def is_known(path: Path) -> bool:
    """Whether a file is of a format that can be converted. Raises UsageError for one that cannot be read."""
    return tool_of(path.name, text_of_file(path)) in FORMATS


def convert(paths: Sequence[Path], options: Options) -> Conversion:
    """What the files have. Raises UsageError for a file that cannot be read, or is of no format that can be converted."""
    conversion = Conversion(options)
    by_reader: dict[tuple[_Reader, tuple[OwnerKind, Evidence]], list[Node]] = {}
    for path in paths:
        text = text_of_file(path)
        what = tool_of(path.name, text) if text.strip() else "an empty file"
        if what not in FORMATS:
            hint = INSTEAD.get(what, "`provisioner convert --help` lists the formats")
            raise UsageError(f"{path} is {what or 'of no format that can be converted'}", hint=hint)
        if path.suffix in _PROGRAMS:
            hint = f"convert what it makes: `{PRINT}`"
            raise UsageError(f"{path} is {what} that is a program, which is not run", hint=hint)
        reader = FORMATS[what], _OWNERS.get(what, (OwnerKind.UNKNOWN, Evidence.NONE))
        by_reader.setdefault(reader, []).extend(documents(text, str(path), yaml_1_1=what not in _YAML_1_2))
    for (read, owner), nodes in by_reader.items():
        conversion.owner = owner
        read(nodes, conversion)
    return conversion
