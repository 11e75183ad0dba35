"""CloudFormation and AWS SAM templates, as they are written or as the CDK writes them, with the templates of nested stacks that
lie below their folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from provisioner.convert.conversion import Conversion, Origin
from provisioner.convert.documents import members_of, text_at
from provisioner.convert.formats.cloudformation import macros, sam
from provisioner.convert.formats.cloudformation.evaluator import Evaluator
from provisioner.convert.formats.cloudformation.physical import FUNCTIONS, attribute
from provisioner.convert.formats.cloudformation.template import Refused, Resource, Shared, Template, document_beside
from provisioner.convert.found import Doubt
from provisioner.convert.unknown import has_unknown, readable
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.model.canonical import Canonical
from provisioner.model.place import Place
from provisioner.model.sources import SourceKind

_BUCKET: Final = "AWS::S3::Bucket"
_CDK_BUCKET: Final = "Custom::S3BucketNotifications"
_NESTED: Final = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
_LATER: Final = {
    "AWS::SNS::Subscription": ("SNS", "", "Endpoint"),
    "AWS::SNS::Topic": ("SNS", "Subscription", "Endpoint"),
    "AWS::Events::Rule": ("EventBridge", "Targets", "Arn"),
    "AWS::Scheduler::Schedule": ("EventBridge Scheduler", "Target", "Arn"),
    "AWS::Logs::SubscriptionFilter": ("CloudWatch Logs", "", "DestinationArn"),
}
"""Types whose mappings are not supported yet: the service, the property with its targets, and what names a function in one."""
_KNOWN_MACROS: Final = (
    sam.TRANSFORM,
    macros.INCLUDE,
    "AWS::LanguageExtensions",
    "AWS::SecretsManager",
    "AWS::CodeDeploy",
)
_SIGNS: Final = {
    "document_db_event_source_config": SourceKind.DOCUMENTDB,
    "amazon_managed_kafka_event_source_config": SourceKind.MSK,
    "queues": SourceKind.MQ,
    "topics": SourceKind.MSK,
    "scaling_config": SourceKind.SQS,
}
"""Fields that tell the kind of a source whose ARN is not known."""
_DEEPEST: Final = 5


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents. Raises UsageError for an AWS SAM template without SAM's translator."""
    shared = Shared(conversion)
    stacks = [_Stack(document, shared, Path(document.file).parent) for document in documents]
    for stack in stacks:
        conversion.asked.update(stack.template.parameters)
    for stack in stacks:
        for output in stack.template.section("Outputs").values():
            members = members_of(output)
            name = members_of(members.get("Export")).get("Name")
            try:
                text = stack.evaluator.text(name)
            except Refused:
                continue
            if text and "Value" in members:
                shared.exports.setdefault(text, partial(stack.evaluator.value, members["Value"]))
    for stack in stacks:
        stack.add()


class _Stack:
    """A template and the stacks that are nested in it."""

    def __init__(
        self, root: Node, shared: Shared, top: Path, path: str = "", given: Mapping[str, Node] | None = None
    ) -> None:
        self._shared, self._conversion = shared, shared.conversion
        self._path, self._top = path, top
        self._children: dict[str, _Stack | None] = {}
        self._loops: list[tuple[Place, dict[str, str]]] = []
        """The loops, with the parameters whose defaults have decided them."""
        key = f"{root.file} {path}"
        root = macros.with_includes(macros.with_top_includes(root, top), top)
        self.template = Template(root, key, top, given)
        if "Fn::ForEach::" in json.dumps(root.plain(), default=str):
            self.evaluator = Evaluator(self.template, shared, self._output)
            self.template = Template(macros.Loops(self._looped).written_out(root), key, top, given)
        sam.translate(self.template, self._conversion)
        self.evaluator = Evaluator(self.template, shared, self._output)
        self.evaluator.alias_of = lambda resource: sam.alias_of(self.template, resource)

    def add(self) -> None:
        """Add the mappings, and name what is not converted."""
        for name, node in self.template.transforms():
            if not name.startswith(_KNOWN_MACROS) or name == macros.INCLUDE:
                self._leave_out(node.place(), f"the macro {name}", "what it makes of the template is not known")
        for name, node in self.template.section("Resources").items():
            if name.startswith("Fn::"):
                self._leave_out(node.place(key=True), name, "what it makes is not known without its values or its file")
        for resource in list(self.template.resources.values()):
            try:
                self._add(resource)
            except Refused as refused:
                self._leave_out(resource.place, resource.id, str(refused))
        for entry in self.template.entries:
            self.evaluator.notes = {}
            bucket = self.template.resources[entry.bucket]
            conditions = dict.fromkeys((entry.condition, bucket.condition))
            if all(self._is_there(condition, entry.place, entry.what) for condition in conditions):
                self._entry(entry.node, bucket, bucket.id, entry.place, entry.what)

    def _leave_out(self, place: Place, what: str, why: str) -> None:
        self._conversion.leave_out(place, what, readable(why))

    def _looped(self, loop: Node, listed: Node) -> list[str]:
        """The items of a loop. Raises Refused where one of them is not known."""
        self.evaluator.notes = {}
        self._loops.append((loop.place(), self.evaluator.notes))
        with self.evaluator.assuming():
            value = self.evaluator.value(listed)
            items = value.value if value else None
            texts = [self.evaluator.text(item) for item in items] if isinstance(items, list) else []
        if not isinstance(items, list) or any(map(has_unknown, texts)):
            raise Refused("the list of a loop is not known")
        return texts

    def _add(self, resource: Resource) -> None:
        self.evaluator.notes = {}
        if resource.type == sam.MAPPING:
            if self._is_there(resource.condition, resource.place, resource.id):
                self._mapping(resource)
        elif resource.type == _BUCKET:
            self._bucket(resource)
        elif resource.type == _CDK_BUCKET:
            self._cdk_bucket(resource)
        elif resource.type in _NESTED:
            self._nested(resource)
        elif resource.type in _LATER:
            service, listed, member = _LATER[resource.type]
            stated = self.evaluator.members(resource.properties)
            targets = self.evaluator.items(stated.get(listed)) if listed else [resource.properties]
            if any(self._is_function(target, member) for target in targets):
                self._leave_out(resource.place, resource.id, f"{service} as a source is not supported yet")

    def _is_there(self, condition: str, place: Place, what: str) -> bool:
        """Whether a resource with this condition is created. One that is not, or where that is not known, is named."""
        if not condition:
            return True
        holds = self.evaluator.holds(condition)
        if holds is None:
            self._leave_out(place, what, f"whether it exists depends on {self.evaluator.undecided(condition)}")
        elif not holds:
            self._absent(place, what, f"its condition {condition} does not hold")
        return bool(holds)

    def _absent(self, place: Place, what: str, why: str) -> None:
        """Name what is not there because of the default of a parameter, if one has decided that."""
        if self.evaluator.notes:
            names = " and ".join(sorted(self.evaluator.notes))
            self._leave_out(place, what, f"{why} with the default of {names}; pass --param NAME=VALUE")

    def _is_function(self, target: Node, member: str) -> bool:
        """Whether a target seems to be a function: by its protocol, else by what its ARN refers to."""
        members = self.evaluator.members(target)
        if protocol := text_at(target, "Protocol"):
            return protocol == "lambda"
        text = json.dumps(members[member].plain(), default=str) if member in members else ""
        names = re.findall("[A-Za-z0-9]+", text)
        types = {self.template.resources[name].type for name in names if name in self.template.resources}
        return bool(types & FUNCTIONS) or re.search("lambda|function", text, re.IGNORECASE) is not None

    # --- event source mappings ----------------------------------------------------------------------------------------

    def _mapping(self, resource: Resource) -> None:
        reader = self._conversion.reader()
        fields = self.evaluator.fields(resource.properties, reader, resource.id)
        source = fields.get("event_source_arn")
        hint = self.evaluator.kind_of(source) or resource.kind
        if hint is None and (has_unknown(source) or not source):
            hint = next((kind for name, kind in _SIGNS.items() if name in fields), None)
        if fields.get("self_managed_event_source"):
            hint = SourceKind.KAFKA
        origin = self._origin(resource.place, resource.id, is_part=resource.kind is not None)
        self._conversion.add(fields, origin, reader.problems, hint)

    def _origin(self, place: Place, what: str, **more: Any) -> Origin:
        decided = self.evaluator.notes
        for loop, noted in self._loops:
            if loop.file == place.file and loop[1:3] <= place[1:3] < loop[3:5]:
                decided = noted | decided
        notes = [
            f"decided by the default of the parameter {name}{value and f', {value}'}; pass --param {name}=VALUE for another"
            for name, value in decided.items()
        ]
        return Origin(place, what, notes=tuple(Doubt("", note) for note in notes), **more)

    # --- buckets ------------------------------------------------------------------------------------------------------

    def _bucket(self, resource: Resource) -> None:
        """The entries of a bucket that invoke functions."""
        notifications = self.evaluator.members(resource.properties).get("NotificationConfiguration")
        listed = self.evaluator.members(notifications).get("LambdaConfigurations") if notifications else None
        items = self.evaluator.items(listed)
        if not items:
            self._absent(resource.place, resource.id, "it has no notifications")
        if not items or not self._is_there(resource.condition, resource.place, resource.id):
            return
        for number, node in enumerate(items):
            self.evaluator.notes = {}
            if resource.condition:
                self.evaluator.holds(resource.condition)  # for its notes
            self._entry(node, resource, resource.id, node.place(), f"entry {number} of {resource.id}")

    def _cdk_bucket(self, resource: Resource) -> None:
        """The entries that the CDK's custom resource writes into a bucket."""
        members = self.evaluator.members(resource.properties)
        configuration = self.evaluator.members(members.get("NotificationConfiguration"))
        listed, bucket = configuration.get("LambdaFunctionConfigurations"), members.get("BucketName")
        if listed is None or not self._is_there(resource.condition, resource.place, resource.id):
            return
        known = self.template.resources.get(text_at(bucket, "Ref"))
        name = self.evaluator.text(bucket)
        source = f"arn:{self.evaluator.pseudo('AWS::Partition')}:s3:::{name}" if name else ""
        # The custom resource chooses the ids where it shares the configuration with others.
        is_managed = str(members["Managed"].value).lower() == "true" if "Managed" in members else False
        for number, node in enumerate(self.evaluator.items(listed)):
            ident = text_at(node, "Id") if is_managed and not has_unknown(name) else ""
            what = f"entry {number} of {resource.id}"
            self._entry(node, known or source, resource.id, node.place(), what, f"{name}/{ident}" if ident else "")

    def _entry(self, node: Node, bucket: Resource | str, owner: str, place: Place, what: str, ident: str = "") -> None:
        """Add an entry of a bucket, which is a resource of the template, or an ARN. `owner` is the resource that has it."""
        reader = self._conversion.reader(
            SourceKind.S3, renames={"Event": "events", "Function": "function_name"}, ignored=("Filter", "Id")
        )
        try:
            members = self.evaluator.members(node)
            if not members:
                self._absent(place, what, "it is absent")
                return
            fields = self.evaluator.fields(node.holding(members), reader, "Bucket")
            fields |= self._rules(members.get("Filter"))
            arn = bucket if isinstance(bucket, str) else attribute(self.evaluator, bucket, "Arn")
        except Refused as refused:
            self._leave_out(place, what, str(refused))
            return
        fields |= {"event_source_arn": arn, **({"id": ident.partition("/")[2]} if ident else {})}
        origin = self._origin(place, owner, id=ident, is_part=True)
        self._conversion.add(fields, origin, reader.problems, SourceKind.S3)

    def _rules(self, node: Node | None) -> Canonical:
        """The prefix and the suffix of a filter. Raises Refused where it is not known: no entry may pass more than it."""
        value = self.evaluator.field(node) if node is not None else None
        if value is None or not value.value:
            return {}
        key = members_of(value).get("S3Key") or members_of(value).get("Key")
        rules = members_of(key).get("Rules") or members_of(key).get("FilterRules")
        if rules is None or not isinstance(rules.value, list):
            raise Refused("its filter is not known")
        fields: Canonical = {}
        for rule in rules.value:
            name = text_at(rule, "Name").lower()
            if name not in ("prefix", "suffix"):
                raise Refused(f"a rule of its filter has the name {name!r}, which is neither prefix nor suffix")
            fields[f"filter_{name}"] = self.evaluator.text(members_of(rule).get("Value"))
        return fields

    # --- nested stacks ------------------------------------------------------------------------------------------------

    def _nested(self, resource: Resource) -> None:
        if not self._is_there(resource.condition, resource.place, resource.id):
            return
        child = self._child(resource)
        if child:
            child.add()
        else:
            why = "its template is not a file below the folder of this one, or cannot be read"
            self._leave_out(resource.place, resource.id, why)

    def _child(self, resource: Resource) -> _Stack | None:
        """The stack that a resource nests, or None where its template cannot be read."""
        if resource.id in self._children:
            return self._children[resource.id]
        self._children[resource.id] = None  # while it is read, so that nothing is nested in itself
        properties = self.evaluator.members(resource.properties)
        location = text_at(resource.properties, _NESTED[resource.type])
        location = text_at(members_of(resource.node).get("Metadata"), "aws:asset:path") or location
        root = None
        if self._path.count("/") < _DEEPEST:
            try:
                root = document_beside(self._top, location)
            except UsageError:
                root = None
        if root is None:
            return None
        given: dict[str, Node] = {}
        for name, node in self.evaluator.members(properties.get("Parameters")).items():
            self.evaluator.naming = f"{self.template.called(resource.id)}{name}"
            try:
                value = self.evaluator.value(node)
            except Refused:
                value = node.holding(
                    self.evaluator.unknown(f"{resource.id} {name}", name, f"the parameter {name} of {resource.id}")
                )
            if value is not None:
                given[name] = value
        child = _Stack(root, self._shared, self._top, f"{self._path}/{resource.id}", given)
        self._children[resource.id] = child
        return child

    def _output(self, ident: str, name: str) -> Node | None:
        """An output of a nested stack, or None where it is not known."""
        resource = self.template.resources[ident]
        child = self._child(resource) if resource.type in _NESTED else None
        output = members_of(child.template.section("Outputs").get(name)).get("Value") if child else None
        return child.evaluator.value(output) if child and output else None
