"""What makes another tool let go of mappings, without a change to them: the exact text, in order. Pure.

The statements about other tools are those of docs/handover.md, with what could not be verified.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provisioner.convert.found import TITLES, Evidence, Found, OwnerKind
from provisioner.convert.text import Named
from provisioner.foreign_text import one_line
from provisioner.model.words import counted

_KEY: Final = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')
_PART: Final = re.compile(r" \(lambda_function .*\)$")
_OF_BUCKETS: Final = (
    "aws_s3_bucket_notification has all that a bucket notifies, also queues and topics: what is not imported is managed by "
    "nobody then",
    "forget the aws_lambda_permission of an entry in the same way, where its statement is imported",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what to do, the text to copy, and what to know about it. `verified` says whether the step was seen to work."""

    title: str
    code: str = ""
    notes: tuple[str, ...] = ()
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Handover:
    """The steps for the mappings of one owner."""

    owner: OwnerKind
    name: str
    named: tuple[Named, ...]
    steps: tuple[Step, ...]


def handovers(named: Sequence[Named], chosen: Sequence[Named]) -> list[Handover]:
    """The steps by owner, for the `chosen` ones of all mappings that were found. An owner that nothing names has none."""
    groups: dict[tuple[OwnerKind, str], list[Named]] = {}
    for item in chosen:
        if item.found.owner.address:  # a tag such as managed-by names no resource
            groups.setdefault((item.found.owner.kind, item.found.owner.name), []).append(item)
    return [
        Handover(kind, name, tuple(group), tuple(_STEPS[kind](group, named)))
        for (kind, name), group in sorted(groups.items())
        if kind in _STEPS
    ]


# --- Terraform -------------------------------------------------------------------------------------------------------


def _terraform(group: Sequence[Named], everything: Sequence[Named]) -> Iterator[Step]:
    """A `removed` block for a whole resource, `state rm` for single instances of one: a block takes no instance keys."""
    chosen, instances = dict[str, list[str]](), dict[str, set[str]]()
    for item in group:
        address = _instance(item.found)
        chosen.setdefault(_KEY.sub("", address), []).append(address)
    for item in everything:
        if item.found.owner.name == group[0].found.owner.name:
            instances.setdefault(_KEY.sub("", _instance(item.found)), set()).add(_instance(item.found))
    whole = [name for name, addresses in chosen.items() if set(addresses) == instances[name]]
    single = [
        address for name, addresses in chosen.items() if name not in whole for address in dict.fromkeys(addresses)
    ]
    if whole:
        blocks = [f"removed {{\n  from = {name}\n\n  lifecycle {{\n    destroy = false\n  }}\n}}" for name in whole]
        yield Step(
            "Add these blocks to the root module, delete the resource blocks that they name, and run `terraform apply`. Its plan "
            "must say that nothing is destroyed",
            "\n\n".join(blocks),
            (
                "a `removed` block forgets all instances of a resource; it needs Terraform 1.7 or OpenTofu 1.7",
                "where others read an attribute of the resource, such as an output, replace it first",
                *(_OF_BUCKETS if any(_PART.search(item.found.owner.address) for item in group) else ()),
            ),
        )
    if single:
        yield Step(
            "Remove the keys of these instances from `for_each` or `count`, and forget them before the next plan",
            "\n".join(f"terraform state rm {shlex.quote(address)}" for address in single),
            (
                "a `removed` block takes no instance key; from Terraform 1.16 on, `lifecycle { destroy = false }` in the "
                "resource, applied before the key goes, does the same (not verified)",
                "with `count` the later instances move up: forget the last ones, or all of them",
            ),
        )


def _instance(found: Found) -> str:
    """The address of an instance. An entry of a bucket is a part of one."""
    return _PART.sub("", found.owner.address)


# --- CloudFormation --------------------------------------------------------------------------------------------------


def _cloudformation(group: Sequence[Named], _everything: Sequence[Named]) -> Iterator[Step]:
    resources = [item.found for item in group if item.found.owner.address]
    entries = [found for found in resources if found.kind == "s3"]
    own = [found for found in resources if found not in entries]
    owner = group[0].found.owner
    stack = (
        owner.name if owner.evidence in (Evidence.TAGS, Evidence.STACK) else "STACK"
    )  # a template does not say its stack
    if own:
        names = [one_line(found.owner.address) for found in own]
        retain = "\n".join(f"  {name}:\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain" for name in names)
        yield Step(
            "First deployment: keep the mappings when they leave the template. Add these policies, and deploy",
            f"Resources:\n{retain}",
            (
                "in the CDK: `mapping.applyRemovalPolicy(RemovalPolicy.RETAIN)`, on the CfnEventSourceMapping",
                "in a serverless.yml: the same two lines below `resources.extensions`, by logical id",
                "an event of a SAM function takes no DeletionPolicy: write the mapping as an AWS::Lambda::EventSourceMapping of "
                "its own first, with the logical id FUNCTION followed by EVENT (not verified)",
            ),
        )
        yield Step(
            "Check that the deployed template has the policies",
            f"aws cloudformation get-template --stack-name {shlex.quote(stack)} --query TemplateBody",
        )
        yield Step(
            "Second deployment: remove the mappings from the template, and deploy",
            "\n".join(names),
            (
                "Ref and Fn::GetAtt of a removed resource, and outputs that have them, must go in the same deployment",
                "the tags aws:cloudformation:* stay on a mapping, so that plan and apply still need --from-owner",
            ),
        )
    if entries:
        yield Step(
            "Remove NotificationConfiguration from these buckets, deploy, and apply at once",
            "\n".join(dict.fromkeys(one_line(found.owner.address) for found in entries)),
            (
                "CloudFormation writes the notifications of a bucket as a whole, and no policy keeps a part of them: the "
                "entries go with the deployment, the apply creates them again, and what happens in between is not notified",
            ),
            verified=False,
        )


# --- Kubernetes, Ansible ---------------------------------------------------------------------------------------------


def _ack(group: Sequence[Named], _everything: Sequence[Named]) -> Iterator[Step]:
    objects = [one_line(item.found.owner.address) for item in group]
    yield Step(
        "Keep the mappings when their objects are deleted: annotate each, in Git too where a controller applies it",
        "\n".join(f"kubectl annotate {name} services.k8s.aws/deletion-policy=retain --overwrite" for name in objects),
        verified=False,
    )
    yield Step(
        "Delete the objects, in Git too", "\n".join(f"kubectl delete {name}" for name in objects), verified=False
    )


def _crossplane(group: Sequence[Named], _everything: Sequence[Named]) -> Iterator[Step]:
    objects = [one_line(item.found.owner.address) for item in group]
    policies = '{"spec":{"managementPolicies":["Observe"]}}'
    yield Step(
        "Keep the mappings when their objects are deleted: let Crossplane only observe them, in Git too",
        "\n".join(f"kubectl patch {name} --type merge -p '{policies}'" for name in objects),
        ('where management policies are not enabled: `"deletionPolicy": "Orphan"` instead',),
        verified=False,
    )
    yield Step(
        "Delete the objects, in Git too", "\n".join(f"kubectl delete {name}" for name in objects), verified=False
    )


def _ansible(group: Sequence[Named], _everything: Sequence[Named]) -> Iterator[Step]:
    yield Step(
        "Remove these tasks. Never set `state: absent`: that deletes the mapping",
        "\n".join(dict.fromkeys(one_line(item.found.origin) for item in group)),
        ("a playbook keeps no state, so nothing else is to be released",),
    )


def _pulumi(group: Sequence[Named], _everything: Sequence[Named]) -> Iterator[Step]:
    urns = dict.fromkeys(_instance(item.found) for item in group)
    yield Step(
        "Remove the resources from the program, and from the state before the next `pulumi up`",
        "\n".join(f"pulumi state delete {shlex.quote(urn)}" for urn in urns),
        (
            "a resource that is protected needs `--force`",
            "where other resources refer to it, Pulumi refuses: remove the reference first",
        ),
        verified=False,
    )


_STEPS: Final[Mapping[OwnerKind, Callable[[Sequence[Named], Sequence[Named]], Iterator[Step]]]] = {
    OwnerKind.TERRAFORM: _terraform,
    OwnerKind.CLOUDFORMATION: _cloudformation,
    OwnerKind.ACK: _ack,
    OwnerKind.CROSSPLANE: _crossplane,
    OwnerKind.ANSIBLE: _ansible,
    OwnerKind.PULUMI: _pulumi,
}


def heading(handover: Handover) -> str:
    """What is handed over, as a sentence without its end."""
    return f"{counted(len(handover.named), 'mapping')} of {TITLES[handover.owner]} ({one_line(handover.name)})"
