"""Terraform and OpenTofu: a state (version 4), and what `show -json` prints of a state or of a plan.

A state has 0 where a number was never set (docs/convert.md#terraform).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioner.convert.conversion import Conversion, Origin, kind_in
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.formats.terraform.files import resources
from provisioner.convert.formats.terraform.resources import COMPUTED, MAPPING_TYPES, NOTIFICATION, PERMISSION, Resource
from provisioner.convert.found import Doubt
from provisioner.kinds.policies import Policy, as_stored, taken_over
from provisioner.kinds.s3_kind import PRINCIPAL
from provisioner.kinds.tables import fields_of
from provisioner.manifest.node import Node
from provisioner.model.canonical import Canonical
from provisioner.model.references import UUID, Arn, FunctionReference, partition_of
from provisioner.model.sources import KAFKAS, SourceKind
from provisioner.model.state import Statement

_LATER: Final = {
    "aws_sns_topic_subscription": ("endpoint", "SNS"),
    "aws_cloudwatch_event_target": ("arn", "EventBridge"),
    "aws_cloudwatch_log_subscription_filter": ("destination_arn", "CloudWatch Logs"),
}
"""Types whose mappings are not supported yet: the attribute that names the function, and the service."""
_WINDOW: Final = "maximum_batching_window_in_seconds"
_AGE, _RETRIES = "maximum_record_age_in_seconds", "maximum_retry_attempts"


@dataclass(slots=True)
class _Permissions:
    """The policies of functions, as far as the file has permissions; and the addresses of these, by function and statement id."""

    policies: dict[str, Policy] = field(default_factory=dict)
    addresses: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, resource: Resource) -> None:
        attributes = resource.attributes.plain()
        texts = {name: value for name, value in attributes.items() if isinstance(value, str)}
        reference = FunctionReference.parse(texts.get("function_name"))
        if reference is None or texts.get("action") != "lambda:InvokeFunction":
            return
        qualifier = texts.get("qualifier") or reference.qualifier
        function = f"{reference.name}:{qualifier}" if qualifier else reference.name
        content = {name: texts[name] for name in ("principal", "source_arn", "source_account") if texts.get(name)}
        statement = Statement(function, reference.region or "us-east-1", texts.get("statement_id", ""), content)
        policy = self.policies.get(function, Policy())
        self.policies[function] = policy.with_statement(as_stored(statement))
        self.addresses[function, statement.id] = resource.address


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents."""
    add([item for document in documents for item in resources(document, conversion)], conversion)


def add(instances: Sequence[Resource], conversion: Conversion) -> None:
    """Add the mappings of instances of resources."""
    permissions = _Permissions()
    for item in instances:
        if item.type == PERMISSION:
            permissions.add(item)
    for item in instances:
        if item.type in MAPPING_TYPES:
            _mapping(item, conversion)
        elif item.type == NOTIFICATION:
            _entries(item, permissions, conversion)
        elif item.type in _LATER:
            attribute, service = _LATER[item.type]
            if ":lambda:" in text_at(item.attributes, attribute):
                conversion.leave_out(item.place, item.address, f"{service} as a source is not supported yet")


# --- mappings --------------------------------------------------------------------------------------------------------


def _mapping(item: Resource, conversion: Conversion) -> None:
    reader = conversion.reader(ignored=COMPUTED, renames={"endpoint": "endpoints"})
    attributes = dict(item.attributes.value)
    tags = attributes.get("tags_all")
    if tags and isinstance(tags.value, dict) and tags.value:
        attributes["tags"] = tags  # with the provider's default tags: these are on the mapping
    fields = reader.mapping(item.attributes.holding(attributes))
    arns = (Arn.parse(text_at(item.attributes, name)) for name in ("arn", "function_arn", "event_source_mapping_arn"))
    region = text_at(item.attributes, "region") or next((arn.region for arn in arns if arn), item.region)
    fields = set_ones(fields, item.source)
    ids = (text_at(item.attributes, name) for name in ("uuid", "event_source_mapping_id", "id"))
    origin = Origin(
        item.place,
        item.address,
        id=next((text for text in ids if UUID.fullmatch(text)), ""),
        region=region,
        given=item.own_name,
        state=text_at(item.attributes, "state"),
        notes=tuple(Doubt("", note) for note in item.notes),
    )
    conversion.add(fields, origin, reader.problems, item.source)


def set_ones(fields: Canonical, hint: SourceKind | None = None) -> Canonical:
    """The fields without those that a state has as 0, false or "" because nobody set them. `hint` is as for `kind_in`."""
    kind = kind_in(fields, hint) or SourceKind.UNKNOWN
    table = fields_of(kind)
    kept = {name: value for name, value in fields.items() if value not in (0, "", False) or table[name].row.has(kind)}
    if kind in KAFKAS and kept.get(_AGE) == 0:  # no age of 0 is possible, so neither number was set
        kept = {name: value for name, value in kept.items() if name not in (_AGE, _RETRIES) or value}
    if kept.get(_WINDOW) == 0 and table[_WINDOW].row.keeps(kind):
        del kept[_WINDOW]  # a window of 0 is another one than none, to which AWS cannot go back
    return kept


def _entries(item: Resource, permissions: _Permissions, conversion: Conversion) -> None:
    """The entries of a bucket that invoke functions."""
    bucket = text_at(item.attributes, "bucket")
    entries = listed(members_of(item.attributes).get("lambda_function"))
    before = {text_at(entry, "id") for entry in listed(members_of(item.before).get("lambda_function"))}
    for number, entry in enumerate(entries):
        function = FunctionReference.parse(text_at(entry, "lambda_function_arn"))
        region = text_at(item.attributes, "region") or (function.region if function else "") or item.region
        partition = partition_of(region)
        reader = conversion.reader(SourceKind.S3)
        fields = {**reader.mapping(entry), "event_source_arn": str(Arn(partition, "s3", "", "", bucket))}
        ident = text_at(entry, "id")
        exists = not item.is_planned or ident in before
        notes: tuple[Doubt, ...] = ()
        automatic = {
            "principal": PRINCIPAL,
            "source_arn": fields["event_source_arn"],
            "source_account": conversion.options.account or (function.account if function else ""),
        }
        name = function.canonical if function else ""
        permission, note = taken_over(permissions.policies.get(name, Policy()), automatic, name, "")
        statement = ""
        if permission is not None:
            fields["permission"] = permission
            statement = (
                permissions.addresses.get((name, permission.get("statement_id", "")), "")
                if isinstance(permission, dict)
                else ""
            )
        if note and exists:
            missing = (
                "the file has no permission that lets S3 invoke the function: the import adds one, where AWS has none"
            )
            notes = (Doubt("permission", missing if permission is None else note),)
        origin = Origin(
            item.place,
            f"{item.address} (lambda_function {ident or number})",
            id=f"{bucket}/{ident}" if bucket and ident and exists else "",
            region=region,
            given=item.own_name if len(entries) == 1 else "",
            notes=notes,
            changes=permission is None,
            permission=statement,
        )
        conversion.add(fields, origin, reader.problems, SourceKind.S3)
