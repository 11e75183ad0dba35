"""What makes another tool let go of mappings, without a change to them: the exact text, in order. Pure.

The statements about other tools are those of docs/handover.md, with what could not be verified.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provisioner.convert.formats.terraform.resources import without_keys
from provisioner.convert.found import TITLES, Evidence, Found, OwnerKind
from provisioner.convert.text import Named
from provisioner.foreign_text import one_line
from provisioner.model.sources import SourceKind
from provisioner.model.words import counted

_PART: Final = re.compile(r" \((?:lambda_function|entry) .*\)$")
_ALL_OF_A_BUCKET: Final = (
    "it has all that its bucket notifies, also queues and topics: what is not imported is managed by nobody then"
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

    @property
    def refresh(self) -> str:
        """The command that writes the owner's file as it is now; "" where its tool does that, or nothing does."""
        is_shown = self.owner is OwnerKind.TERRAFORM and ".tfstate" not in self.name
        return f"terraform show -json > {shlex.quote(self.name)}" if is_shown else ""


def handovers(
    named: Sequence[Named], chosen: Sequence[Named], left_out: Collection[str] = frozenset()
) -> list[Handover]:
    """The steps by owner, for the `chosen` ones of all mappings that were found. An owner that nothing names has none.
    `left_out` are the addresses of others that the owners have.
    """
    groups: dict[tuple[OwnerKind, str], list[Named]] = {}
    for item in chosen:
        if item.found.owner.address:  # a tag such as managed-by names no resource
            groups.setdefault((item.found.owner.kind, item.found.owner.name), []).append(item)
    kept = {*left_out, *(item.found.owner.address for item in named if item not in chosen)}
    return [
        Handover(kind, name, tuple(group), tuple(_STEPS[kind](group, kept)))
        for (kind, name), group in sorted(groups.items())
        if kind in _STEPS
    ]


# --- Terraform -------------------------------------------------------------------------------------------------------


def _terraform(group: Sequence[Named], kept: Collection[str]) -> Iterator[Step]:
    """A `removed` block for a whole resource, `state rm` for single instances of one: a block takes no instance keys."""
    chosen: dict[str, set[str]] = {}
    for item in group:
        address = _instance(item.found)
        chosen.setdefault(without_keys(address), set()).add(address)
    partly = {without_keys(address) for address in kept if address not in chosen.get(without_keys(address), ())}
    whole = [name for name in chosen if name not in partly]
    single = [address for name in chosen if name in partly for address in sorted(chosen[name])]
    for permission in dict.fromkeys(item.found.owner.permission for item in group if item.found.owner.permission):
        # Whether these are all instances of it is not known.
        (whole if without_keys(permission) == permission else single).append(permission)
    notes = (_ALL_OF_A_BUCKET,) if any(_is_entry(item.found) for item in group) else ()
    if whole:
        blocks = [f"removed {{\n  from = {name}\n\n  lifecycle {{\n    destroy = false\n  }}\n}}" for name in whole]
        yield Step(
            "Add these blocks to the root module, delete the resource blocks that they name, and run `terraform apply`. Its plan "
            "must say that nothing is destroyed",
            "\n\n".join(blocks),
            (
                "a `removed` block forgets all instances of a resource; it needs Terraform 1.7 or OpenTofu 1.7",
                "where others read an attribute of the resource, such as an output, replace it first",
                *(f"aws_s3_bucket_notification: {note}" for note in notes),
            ),
        )
    if single:
        yield Step(
            "Forget these instances, and remove their keys from `for_each` or `count` before the next plan",
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


def _is_entry(found: Found) -> bool:
    return found.kind is SourceKind.S3


# --- CloudFormation --------------------------------------------------------------------------------------------------


def _cloudformation(group: Sequence[Named], _kept: Collection[str]) -> Iterator[Step]:
    resources = [item.found for item in group]
    events = [one_line(found.owner.address) for found in resources if found.owner.is_part and not _is_entry(found)]
    names = [one_line(found.owner.address) for found in resources if not _is_entry(found)]
    buckets = dict.fromkeys(one_line(found.owner.address) for found in resources if _is_entry(found))
    owner = resources[0].owner
    is_stack = owner.evidence in (Evidence.TAGS, Evidence.STACK)
    get_template = f"aws cloudformation get-template --stack-name {shlex.quote(owner.name) if is_stack else 'STACK'}"
    if events:
        chosen = ", ".join(f"{name}: {name}" for name in events)
        yield Step(
            "An event of a function takes no DeletionPolicy: replace these by the resources that SAM makes of them, as this "
            "command prints them, and deploy",
            f"{get_template} --template-stage Processed --query 'TemplateBody.Resources.{{{chosen}}}'",
            (
                "the role that SAM makes for a function loses the policy that the event gives it, such as "
                "AWSLambdaSQSQueueExecutionRole: add it to `Policies`",
            ),
            verified=False,
        )
    if names:
        retain = "\n".join(f"  {name}:\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain" for name in names)
        yield Step(
            "First deployment: keep the mappings when they leave the template. Add these policies, and deploy",
            f"Resources:\n{retain}",
            (
                "in the CDK: `mapping.applyRemovalPolicy(RemovalPolicy.RETAIN)`, on the CfnEventSourceMapping",
                "in a serverless.yml: the same two lines below `resources.extensions`, by logical id",
                *(
                    ("an event of a SAM function takes no DeletionPolicy: make it a resource first",)
                    if is_stack
                    else ()
                ),
            ),
            verified=False,
        )
        yield Step(
            "Check that the deployed template has the policies", f"{get_template} --query TemplateBody", verified=False
        )
        yield Step(
            "Second deployment: remove the mappings from the template, and deploy",
            "\n".join(names),
            (
                "Ref and Fn::GetAtt of a removed resource, and outputs that have them, must go in the same deployment",
                "the tags aws:cloudformation:* stay on a mapping, so that plan and apply still need --from-owner",
            ),
            verified=False,
        )
    if buckets:
        yield _with_gap(
            "the LambdaConfigurations of these buckets, and the events of functions that make them, deploy",
            "CloudFormation",
            buckets,
        )


def _with_gap(what: str, tool: str, buckets: Iterable[str]) -> Step:
    """The step that hands over entries that are a part of a bucket."""
    return Step(
        f"Remove {what}, and apply at once",
        "\n".join(buckets),
        (
            f"{tool} writes the notifications of a bucket as a whole, and no policy keeps a part of them: the entries go, the "
            "apply creates them again, and what happens in between is not notified",
            "what the bucket notifies besides stays as it is",
        ),
        verified=False,
    )


# --- Kubernetes, Ansible ---------------------------------------------------------------------------------------------


def _objects(
    group: Sequence[Named], tool: str, title: str, command: str, notes: tuple[str, ...] = ()
) -> Iterator[Step]:
    """Objects that are kept in AWS by a command on each, and then deleted. A bucket is more than its entries, and stays."""
    objects, buckets, templates = dict[str, None](), dict[str, None](), dict[str, None]()
    for item in group:
        owner = item.found.owner
        parts = buckets if _is_entry(item.found) else templates
        (parts if owner.is_part else objects)[one_line(owner.address)] = None
    if objects:
        yield Step(
            f"Keep the mappings when their objects are deleted: {title}, in Git too where a controller applies it",
            "\n".join(command.format(name) for name in objects),
            notes,
            verified=False,
        )
        whole = any(_is_entry(item.found) and not item.found.owner.is_part for item in group)
        yield Step(
            "Delete the objects, in Git too",
            "\n".join(f"kubectl delete {name}" for name in objects),
            (f"BucketNotification: {_ALL_OF_A_BUCKET}",) if whole else (),
            verified=False,
        )
    if templates:
        yield Step(
            f"Keep the mappings that templates make in the same way: {title}, in the template, and remove it from there when all "
            "objects that were made of it have that",
            "\n".join(templates),
            verified=False,
        )
    if buckets:
        yield _with_gap("the entries from the settings of these objects, which stay, in Git too", tool, buckets)


def _ack(group: Sequence[Named], _kept: Collection[str]) -> Iterator[Step]:
    command = "kubectl annotate {} services.k8s.aws/deletion-policy=retain --overwrite"
    yield from _objects(group, "ACK", "annotate each `services.k8s.aws/deletion-policy: retain`", command)


def _crossplane(group: Sequence[Named], _kept: Collection[str]) -> Iterator[Step]:
    policies = '{{"spec":{{"managementPolicies":["Observe"]}}}}'
    yield from _objects(
        group,
        "Crossplane",
        "let Crossplane only observe each (`managementPolicies: [Observe]`)",
        f"kubectl patch {{}} --type merge -p '{policies}'",
        ('where management policies are not enabled: `"deletionPolicy": "Orphan"` instead',),
    )


def _ansible(group: Sequence[Named], _kept: Collection[str]) -> Iterator[Step]:
    yield Step(
        "Remove these tasks. Never set `state: absent`: that deletes the mapping",
        "\n".join(dict.fromkeys(one_line(item.found.origin) for item in group)),
        ("a playbook keeps no state, so nothing else is to be released",),
    )


def _pulumi(group: Sequence[Named], _kept: Collection[str]) -> Iterator[Step]:
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


_STEPS: Final[Mapping[OwnerKind, Callable[[Sequence[Named], Collection[str]], Iterator[Step]]]] = {
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
