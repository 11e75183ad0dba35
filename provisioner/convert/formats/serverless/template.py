"""The template that the Serverless Framework makes: the mappings and buckets of its events under their logical ids, into which
`resources` and its `extensions` are merged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.convert.conversion import Conversion, Origin
from provisioner.convert.documents import members_of
from provisioner.convert.formats.aws_cli.convert import rules_of
from provisioner.convert.formats.serverless.events import Compiled
from provisioner.convert.formats.serverless.references import References
from provisioner.convert.formats.serverless.variables import Variables
from provisioner.convert.unknown import as_arn, is_unknown, unknown_names
from provisioner.manifest.node import Node
from provisioner.model.references import REGION
from provisioner.model.sources import SourceKind, kind_of_arn

_MAPPING, _BUCKET = "AWS::Lambda::EventSourceMapping", "AWS::S3::Bucket"
_NOTIFICATIONS: Final = ("NotificationConfiguration", "LambdaConfigurations")
_LATER_TYPES: Final = {
    "AWS::SNS::Subscription": "SNS",
    "AWS::SNS::Topic": "SNS",
    "AWS::Events::Rule": "EventBridge",
    "AWS::Scheduler::Schedule": "EventBridge",
    "AWS::Logs::SubscriptionFilter": "CloudWatch Logs",
    "AWS::IoT::TopicRule": "AWS IoT",
}
"""Types of resources whose mappings are not supported yet, where they name a function, and their services."""


@dataclass(slots=True)
class Bucket:
    """A bucket, and its entries that invoke functions as CloudFormation has them, each with what the file calls it."""

    name: str
    entries: list[tuple[str, Node]] = field(default_factory=list)


@dataclass(slots=True)
class Template:
    """The mappings and buckets of one service, by their logical ids; something else tells those whose ids are not known."""

    variables: Variables
    references: References
    conversion: Conversion
    mappings: dict[str, Compiled] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)

    def put(self, ident: str, mapping: Compiled) -> None:
        """Add a mapping to the template. Two of one logical id are one, with the last values."""
        there = self.mappings.get(ident)
        if there is not None:
            sources = [
                item.properties.get("EventSourceArn") or item.properties.get("SelfManagedEventSource")
                for item in (there, mapping)
            ]
            if sources[0] and sources[1] and sources[0].plain() != sources[1].plain():
                if "Kafka" in ident:  # version 4 deploys both
                    self.mappings[mapping.what] = mapping
                    return
                why = f"the framework deploys only {mapping.what} instead, which has the same logical id {ident}"
                self.conversion.leave_out(there.node.place(key=True), there.what, why)
            mapping.properties = there.properties | mapping.properties
        self.mappings[ident] = mapping

    def resource(self, name: str, resource: Node) -> None:
        """Merge a resource of the file."""
        what = f"resources.Resources.{name}"
        stated, properties, condition = (
            self.variables.member(resource, part) for part in ("Type", "Properties", "Condition")
        )
        kind = stated.value if stated and isinstance(stated.value, str) else ""
        if name in self.mappings:
            self._change(name, resource)
        elif kind == _MAPPING:
            whole = self.variables.whole(properties) if properties else None
            self.mappings[name] = Compiled(resource, what, dict(members_of(whole)), condition=condition)
        elif name in self.buckets or kind == _BUCKET:
            self._bucket(name, resource, what, condition)
        elif kind in _LATER_TYPES and properties:
            text = json.dumps(self.references.resolved(self.variables.whole(properties)).plain(), default=str)
            if ":lambda:" in text:
                why = f"{_LATER_TYPES[kind]} as a source is not supported yet"
                self.conversion.leave_out(resource.place(key=True), what, why)

    def _change(self, name: str, resource: Node) -> None:
        """What a resource or an extension changes of a mapping."""
        mapping = self.mappings[name]
        properties = self.variables.member(resource, "Properties")
        if properties:
            mapping.properties |= members_of(self.variables.whole(properties))
        mapping.condition = self.variables.member(resource, "Condition") or mapping.condition

    def extension(self, name: str, extension: Node) -> None:
        """Merge an extension of a resource."""
        what, place = f"resources.extensions.{name}", extension.place(key=True)
        if name in self.mappings:
            self._change(name, extension)
        elif name in self.buckets:
            self._bucket(name, extension, what, self.variables.member(extension, "Condition"))
        elif "EventSourceMapping" in name or name.startswith("S3Bucket"):
            self.conversion.leave_out(place, what, "no event of the file is known to have this logical id")

    def add(self) -> None:
        """Add all of it to the conversion."""
        for ident, mapping in self.mappings.items():
            self._add(mapping, ident)
        for ident, bucket in self.buckets.items():
            for what, entry in bucket.entries:
                self._entry(bucket.name, entry, what, ident)

    def _add(self, mapping: Compiled, ident: str) -> None:
        place = mapping.node.place(key=True)
        if mapping.condition is not None and not self.holds(mapping.condition, mapping.node, mapping.what):
            return
        for member in mapping.unknown_members:
            why = "it is not a setting of this event, so the framework does not deploy it"
            self.conversion.leave_out(place, f"{member} of {mapping.what}", why)
        reader = self.conversion.reader()
        fields = self.references.fields(mapping.node.holding(mapping.properties), reader, "")
        source: Any = fields.get("event_source_arn")
        arn = as_arn(source)
        stated = bool(arn and REGION.fullmatch(arn.region))
        if not source and not fields.get("self_managed_event_source"):
            self.conversion.leave_out(place, mapping.what, "it names no source")
            return
        origin = Origin(place, mapping.what, region="" if stated else self.variables.region, address=ident)
        default = self.conversion.unknowns.variables[unknown_names(source)[0]].default if is_unknown(source) else None
        likely = as_arn(default)
        kind = mapping.kind or self.references.kind_of(source) or (kind_of_arn(likely) if likely else None)
        self.conversion.add(fields, origin, reader.problems, kind)

    def holds(self, condition: Node, node: Node, what: str) -> bool:
        """Whether a condition holds; what it is for is left out where it does not, or where that is not known."""
        holds = self.references.holds(condition.value) if isinstance(condition.value, str) else None
        if not holds:
            name = condition.value if isinstance(condition.value, str) else "that it has"
            why = "does not hold" if holds is False else "depends on values that the file does not have"
            self.conversion.leave_out(node.place(key=True), what, f"the condition {name} {why}")
        return bool(holds)

    def _bucket(self, name: str, resource: Node, what: str, condition: Node | None) -> None:
        """A bucket that `resources` declares or changes."""
        stated = self.variables.member(resource, "Properties", "BucketName")
        listed = self.variables.member(resource, "Properties", *_NOTIFICATIONS)
        entries = self.variables.whole(listed).value if listed else []
        if name in self.buckets:
            if stated and stated.value:
                text = self.variables.text(self.references.resolved(self.variables.whole(stated)), "bucket")
                self.buckets[name].name = text
            if entries:
                self.conversion.leave_out(resource.place(key=True), what, "it changes the entries of events")
            return
        if not entries or not isinstance(entries, list):
            return
        if condition is not None and not self.holds(condition, resource, what):
            return
        text = self.variables.text(self.references.resolved(resource.all_here({"Ref": name})), "bucket")
        self.buckets[name] = Bucket(text, [(f"{what} (entry {number})", entry) for number, entry in enumerate(entries)])

    def _entry(self, bucket: str, entry: Node, what: str, ident: str) -> None:
        entry = self.references.resolved(entry)
        members = members_of(entry)
        reader = self.conversion.reader(SourceKind.S3)
        function = members.get("Function", entry.holding(None))
        node = entry.holding({"FunctionName": function, "Events": members.get("Event", function)})
        fields = {
            **self.references.fields(node, reader, ""),
            **rules_of(entry, self.conversion),
            "event_source_arn": f"arn:{self.references.partition}:s3:::{bucket}",
        }
        origin = Origin(entry.place(key=True), what, region=self.variables.region, address=ident)
        self.conversion.add(fields, origin, reader.problems, SourceKind.S3)
