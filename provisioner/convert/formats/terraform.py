"""Terraform and OpenTofu: a state (version 4), and what `show -json` prints of a state or of a plan.

A state has 0 where a number was never set (docs/convert.md#terraform).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.convert.conversion import Conversion, Origin
from provisioner.convert.documents import members_of, text_at
from provisioner.convert.found import Doubt, Evidence, OwnerKind, Ownership
from provisioner.convert.slugs import slug
from provisioner.errors import UsageError
from provisioner.kinds.policies import Policy, as_stored, taken_over
from provisioner.kinds.s3_kind import PRINCIPAL
from provisioner.kinds.tables import fields_of
from provisioner.manifest.node import Node
from provisioner.model.canonical import Canonical
from provisioner.model.place import Place
from provisioner.model.references import UUID, Arn, FunctionReference, partition_of
from provisioner.model.sources import KAFKAS, SourceKind, kind_of
from provisioner.model.state import Statement

MAPPING_TYPES: Final = ("aws_lambda_event_source_mapping", "awscc_lambda_event_source_mapping")
_NOTIFICATION: Final = "aws_s3_bucket_notification"
_PERMISSION: Final = "aws_lambda_permission"
_LATER: Final = {
    "aws_sns_topic_subscription": ("endpoint", "SNS"),
    "aws_cloudwatch_event_target": ("arn", "EventBridge"),
    "aws_cloudwatch_log_subscription_filter": ("destination_arn", "CloudWatch Logs"),
}
"""Types whose mappings are not supported yet: the attribute that names the function, and the service."""
_COMPUTED: Final = (
    *("id", "arn", "uuid", "state", "state_transition_reason", "last_modified", "last_processing_result", "region"),
    *("function_arn", "tags_all", "timeouts", "event_source_mapping_id", "event_source_mapping_arn", "identity"),
)
_WITHOUT_NAME: Final = ("this", "main")
"""Names of resources and modules that say nothing."""
_STEP: Final = re.compile(r'module\.([\w-]+)(?:\[(?:"((?:[^"\\]|\\.)*)"|(\d+))\])?')
_WINDOW: Final = "maximum_batching_window_in_seconds"
_AGE, _RETRIES = "maximum_record_age_in_seconds", "maximum_retry_attempts"
_FRESH: Final = "terraform show -json > state.json"


@dataclass(frozen=True, slots=True)
class Resource:
    """One instance of a resource. `attributes` is a map; what is not known yet, or secret, is a marker in it."""

    type: str
    module: str
    name: str
    key: str
    attributes: Node
    place: Place
    notes: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The instance as Terraform's commands name it."""
        return f"{self.module}{'.' if self.module else ''}{self.type}.{self.name}{self.key}"

    @property
    def own_name(self) -> str:
        """Modules, name and key as a mapping's name; "" where none of them says anything."""
        steps = [(name, text or index) for name, text, index in _STEP.findall(self.module)]
        key = re.fullmatch(r'\["?((?:[^"\\]|\\.)*?)"?\]', self.key)
        parts = [part for name, step in [*steps, (self.name, key[1] if key else "")] for part in (name, step)]
        return "-".join(text for part in parts if part not in _WITHOUT_NAME and (text := slug(part)))


@dataclass(slots=True)
class _Permissions:
    """The policies of functions, as far as the file has permissions."""

    policies: dict[str, Policy] = field(default_factory=dict)

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


def resources(document: Node, conversion: Conversion) -> Iterator[Resource]:
    """The instances of all managed resources of a document. Raises UsageError for one that has none to read."""
    members = members_of(document)
    place = document.place()
    if "encrypted_data" in members:
        raise UsageError(f"{place.file} is an encrypted state", hint=f"decrypt it: `{_FRESH}`")
    if "format_version" in members:
        yield from _shown(document, conversion)
        return
    version = members["version"].value if "version" in members else None
    if "backend" in members:
        raise UsageError(
            f"{place.file} names the backend of a state; it is not the state",
            hint="read the state: `terraform state pull`",
        )
    if version != 4:
        raise UsageError(
            f"{place.file} is a state of version {version}; only version 4 can be read",
            hint=f"write it anew with a newer Terraform: `{_FRESH}`",
        )
    yield from _state(members, conversion)


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents."""
    permissions = _Permissions()
    instances = [item for document in documents for item in resources(document, conversion)]
    for item in instances:
        if item.type == _PERMISSION:
            permissions.add(item)
    for item in instances:
        if item.type in MAPPING_TYPES:
            _mapping(item, conversion)
        elif item.type == _NOTIFICATION:
            _entries(item, permissions, conversion)
        elif item.type in _LATER:
            attribute, service = _LATER[item.type]
            if ":lambda:" in text_at(item.attributes, attribute):
                conversion.leave_out(item.place, item.address, f"{service} as a source is not supported yet")


# --- shapes of files -------------------------------------------------------------------------------------------------


def _state(members: Mapping[str, Node], conversion: Conversion) -> Iterator[Resource]:
    listed = members.get("resources")
    for node in listed.value if listed and isinstance(listed.value, list) else ():
        kind, name = text_at(node, "type"), text_at(node, "name")
        if text_at(node, "mode") != "managed":
            continue
        module = text_at(node, "module")
        instances = members_of(node).get("instances")
        for instance in instances.value if instances and isinstance(instances.value, list) else ():
            parts = members_of(instance)
            attributes = parts.get("attributes")
            if attributes is None or not isinstance(attributes.value, dict):
                continue
            key = _key(parts["index_key"].value if "index_key" in parts else None)
            address = f"{module}{'.' if module else ''}{kind}.{name}{key}"
            if deposed := text_at(instance, "deposed"):
                if kind in MAPPING_TYPES:
                    why = f"it is the deposed object {deposed}, which Terraform is about to delete"
                    conversion.leave_out(instance.place(), address, why)
                continue
            notes = ("Terraform has marked it as tainted: it plans to replace it",) * (
                text_at(instance, "status") == "tainted"
            )
            hidden = _hidden_paths(parts.get("sensitive_attributes"))
            attributes = _hiding(attributes, hidden, address, conversion) if kind in MAPPING_TYPES else attributes
            yield Resource(kind, module, name, key, attributes, _place(attributes, instance), notes)


def _hidden_paths(node: Node | None) -> list[str]:
    """The attributes at the top that a state marks as sensitive, in whole or in part."""
    paths = node.value if node and isinstance(node.value, list) else []
    firsts = (path.value[0] for path in paths if isinstance(path.value, list) and path.value)
    return [name for first in firsts if (name := text_at(first, "value"))]


def _hiding(attributes: Node, names: Iterable[str], address: str, conversion: Conversion) -> Node:
    """Attributes without the values that must not be printed: a variable stands for each."""
    hidden = {
        name: attributes.value[name].holding(_variable(address, name, "is sensitive", conversion))
        for name in names
        if name in attributes.value
    }
    return attributes.holding(attributes.value | hidden)


def _variable(address: str, name: str, why: str, conversion: Conversion, key: str = "") -> str:
    description = f"{name} of {address}, which {why}"
    called = re.sub(r"(?:^|\.)module\.|aws_lambda_event_source_mapping\.", ".", key or f"{address}.{name}")
    return conversion.unknowns.marker(key or f"{address}.{name}", called, description)


def _shown(document: Node, conversion: Conversion) -> Iterator[Resource]:
    """What `show -json` prints: of a plan the changes, of a state the values."""
    members = members_of(document)
    if "resource_changes" in members or "planned_values" in members:
        references = dict(_references(members_of(members.get("configuration")).get("root_module"), ""))
        changes = members.get("resource_changes")
        for node in changes.value if changes and isinstance(changes.value, list) else ():
            yield from _planned(node, references, conversion)
        return
    yield from _module(members_of(members.get("values")).get("root_module"), "", conversion)


def _module(node: Node | None, address: str, conversion: Conversion) -> Iterator[Resource]:
    members = members_of(node)
    for item in _list(members.get("resources")):
        kind, name, parts = text_at(item, "type"), text_at(item, "name"), members_of(item)
        if text_at(item, "mode") != "managed" or "values" not in parts:
            continue
        key = _key(parts["index"].value if "index" in parts else None)
        whole = f"{address}{'.' if address else ''}{kind}.{name}{key}"
        if deposed := text_at(item, "deposed_key"):
            if kind in MAPPING_TYPES:
                why = f"it is the deposed object {deposed}, which Terraform is about to delete"
                conversion.leave_out(item.place(), whole, why)
            continue
        notes = ("Terraform has marked it as tainted: it plans to replace it",) * bool(
            "tainted" in parts and parts["tainted"].value
        )
        hidden = [field for field, mark in members_of(parts.get("sensitive_values")).items() if _is_true(mark)]
        values = _hiding(parts["values"], hidden, whole, conversion) if kind in MAPPING_TYPES else parts["values"]
        yield Resource(kind, address, name, key, values, _place(values, item), notes)
    for child in _list(members.get("child_modules")):
        yield from _module(child, text_at(child, "address"), conversion)


def _planned(node: Node, references: Mapping[str, str], conversion: Conversion) -> Iterator[Resource]:
    """A resource as it is after a plan."""
    parts, change = members_of(node), members_of(members_of(node).get("change"))
    kind, name, module = text_at(node, "type"), text_at(node, "name"), text_at(node, "module_address")
    if text_at(node, "mode") != "managed" or "after" not in change:
        return
    key = _key(parts["index"].value if "index" in parts else None)
    address = f"{module}{'.' if module else ''}{kind}.{name}{key}"
    actions = change["actions"].plain() if "actions" in change else []
    after, before = change["after"], members_of(change.get("before"))
    if not isinstance(after.value, dict):
        if kind in MAPPING_TYPES:
            why = "the plan deletes it" if "delete" in actions else "Terraform forgets it with this plan"
            conversion.leave_out(node.place(), address, why)
        return
    values = dict(after.value)
    if "create" not in actions:  # a create or a replacement has no id yet
        values = {name: item for name, item in before.items() if name in _COMPUTED} | values
    if kind in MAPPING_TYPES or kind == _NOTIFICATION:
        plain = re.sub(r"\[[^]]*\]", "", f"{module}{'.' if module else ''}{kind}.{name}")
        for field, mark in members_of(change.get("after_unknown")).items():
            if field not in _COMPUTED and _is_true(mark):
                key_of = references.get(f"{plain}.{field}", "")
                marker = _variable(address, field, "is known after the apply", conversion, key_of)
                values[field] = mark.holding(marker)
        after = _hiding(
            after.holding(values),
            [field for field, mark in members_of(change.get("after_sensitive")).items() if _is_true(mark)],
            address,
            conversion,
        )
    else:
        after = after.holding(values)
    yield Resource(kind, module, name, key, after, _place(after, node))


def _references(module: Node | None, address: str) -> Iterator[tuple[str, str]]:
    """The one thing that an attribute of a configuration refers to, by ADDRESS.ATTRIBUTE, so that two attributes which refer
    to one thing are one variable.
    """
    members = members_of(module)
    for item in _list(members.get("resources")):
        for name, expression in members_of(members_of(item).get("expressions")).items():
            names = members_of(expression).get("references")
            texts = [reference.value for reference in _list(names)]
            if texts and all(isinstance(text, str) for text in texts):
                # The longest comes first: aws_sqs_queue.orders.arn, then aws_sqs_queue.orders.
                yield f"{address}{text_at(item, 'address')}.{name}", f"{address}{texts[0]}"
    for name, call in members_of(members.get("module_calls")).items():
        yield from _references(members_of(call).get("module"), f"{address}module.{name}.")


def _list(node: Node | None) -> list[Node]:
    return node.value if node and isinstance(node.value, list) else []


def _is_true(node: Node) -> bool:
    """Whether a mark of `after_unknown` or `sensitive_values` holds for a value, or for a part of it."""
    if isinstance(node.value, dict):
        return any(map(_is_true, node.value.values()))
    return any(map(_is_true, node.value)) if isinstance(node.value, list) else node.value is True


def _key(value: Any) -> str:
    """The key of an instance, as an address has it."""
    if value is None:
        return ""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'["{text}"]' if isinstance(value, str) else f"[{value}]"


def _place(attributes: Node, instance: Node) -> Place:
    """Where an instance is: at its function, which a reader looks for."""
    function = members_of(attributes).get("function_name")
    return (function or instance).place()


# --- mappings --------------------------------------------------------------------------------------------------------


def _mapping(item: Resource, conversion: Conversion) -> None:
    reader = conversion.reader(ignored=_COMPUTED, renames={"endpoint": "endpoints"})
    attributes = dict(item.attributes.value)
    tags = attributes.get("tags_all")
    if tags and isinstance(tags.value, dict) and tags.value:
        attributes["tags"] = tags  # with the provider's default tags: these are on the mapping
    fields = reader.mapping(item.attributes.holding(attributes))
    arns = (Arn.parse(text_at(item.attributes, name)) for name in ("arn", "function_arn", "event_source_mapping_arn"))
    region = text_at(item.attributes, "region") or next((arn.region for arn in arns if arn), "")
    fields = _set_ones(fields)
    ids = (text_at(item.attributes, name) for name in ("uuid", "event_source_mapping_id", "id"))
    origin = Origin(
        item.place,
        item.address,
        id=next((text for text in ids if UUID.fullmatch(text)), ""),
        region=region,
        given=item.own_name,
        state=text_at(item.attributes, "state"),
        owner=Ownership(OwnerKind.TERRAFORM, item.place.file, Evidence.STATE),
        notes=tuple(Doubt("", note) for note in item.notes),
    )
    conversion.add(fields, origin, reader.problems)


def _set_ones(fields: Canonical) -> Canonical:
    """The fields without those that a state has as 0, false or "" because nobody set them."""
    kind = kind_of(fields) or SourceKind.UNKNOWN
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
    entries = members_of(item.attributes).get("lambda_function")
    owner = Ownership(OwnerKind.TERRAFORM, item.place.file, Evidence.STATE)
    for number, entry in enumerate(_list(entries)):
        function = FunctionReference.parse(text_at(entry, "lambda_function_arn"))
        region = text_at(item.attributes, "region") or (function.region if function else "")
        partition = partition_of(region)
        reader = conversion.reader(SourceKind.S3)
        fields = {**reader.mapping(entry), "event_source_arn": str(Arn(partition, "s3", "", "", bucket))}
        notes: tuple[Doubt, ...] = ()
        automatic = {
            "principal": PRINCIPAL,
            "source_arn": fields["event_source_arn"],
            "source_account": conversion.options.account or (function.account if function else ""),
        }
        name = function.canonical if function else ""
        permission, note = taken_over(permissions.policies.get(name, Policy()), automatic, name, "")
        if permission is not None:
            fields["permission"] = permission
        if note:
            notes = (Doubt("permission", note),)
        ident = text_at(entry, "id")
        origin = Origin(
            item.place,
            f"{item.address} (lambda_function {ident or number})",
            id=f"{bucket}/{ident}" if bucket and ident else "",
            region=region,
            given=item.own_name if len(_list(entries)) == 1 else "",
            owner=owner,
            notes=notes,
            changes=permission is None,
        )
        conversion.add(fields, origin, reader.problems, SourceKind.S3)
