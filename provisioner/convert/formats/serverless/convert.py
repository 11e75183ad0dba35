"""Serverless Framework files: the events of functions, and what `resources` adds to them or changes.

Events are compiled as the framework does: into mappings and buckets under its logical ids, into which `resources` and its
`extensions` are merged. Then CloudFormation's functions are resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import members_of
from provisioner.convert.formats.serverless.events import (
    EVENTS,
    Compiled,
    bucket_id,
    compiled,
    function_id,
    source_name,
    stream_type,
)
from provisioner.convert.formats.serverless.files import PRINT
from provisioner.convert.formats.serverless.references import References
from provisioner.convert.formats.serverless.template import Bucket, Template
from provisioner.convert.formats.serverless.variables import Variables
from provisioner.convert.unknown import has_unknown, is_unknown, unknown_names
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.model.sources import SourceKind

_LATER: Final = {
    "sns": "SNS",
    "schedule": "EventBridge",
    "eventBridge": "EventBridge",
    "cloudwatchEvent": "EventBridge",
    "cloudwatchLog": "CloudWatch Logs",
    "iot": "AWS IoT",
}
_NO_SOURCES: Final = frozenset(
    (
        *("http", "httpApi", "websocket", "alb", "cognitoUserPool", "cloudFront", "alexaSkill", "alexaSmartHome"),
        "iotFleetProvisioning",
    )
)
"""Events that are no sources of records: nothing is said of them."""


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents. Raises UsageError for variables that refer to themselves, and for a provider that is
    not AWS.
    """
    for document in documents:
        if not isinstance(document.value, dict):
            raise UsageError(f"{document.place()}: a map is expected", hint=f"convert what `{PRINT}` writes")
        try:
            _Service(document, conversion).convert()
        except RecursionError:
            raise UsageError(
                f"{document.file}: its variables are nested too deeply", hint=f"convert what `{PRINT}` writes"
            ) from None


class _Service:
    def __init__(self, root: Node, conversion: Conversion) -> None:
        self._root = root
        self._conversion = conversion
        self._variables = Variables(root, conversion)
        provider = self._at("provider", "name") or self._at("provider")
        if provider and isinstance(provider.value, str) and provider.value != "aws" and not has_unknown(provider.value):
            raise UsageError(f"{provider.place()}: the provider is {provider.value!r}; only aws has such mappings")
        if syntax := self._at("provider", "variableSyntax"):
            raise UsageError(
                f"{syntax.place()}: variableSyntax changes how variables are written, which is not supported",
                hint=f"convert what `{PRINT}` writes",
            )
        service = self._at("service", "name") or self._at("service") or root.holding("${self:service}")
        self._name = self._variables.text(service, "service")
        self._functions = self._merged("functions")
        template = self._merged("resources")
        self._extensions = members_of(self._variables.member(template, "extensions"))
        self._resources = members_of(self._variables.member(template, "Resources"))
        self._names = {f"{function_id(key)}LambdaFunction": self._function(key) for key in members_of(self._functions)}
        stack = self._at("provider", "stackName")
        name = self._variables.text(stack, "stackName") if stack else f"{self._name}-{self._variables.stage}"
        self._references = References(self._variables, conversion, self._names, name, template)
        self._template = Template(self._variables, self._references, conversion)

    def convert(self) -> None:
        for key, node in members_of(self._functions).items():
            self._events(key, self._variables.head(node))
        for name, construct in members_of(self._at("constructs")).items():
            kind = self._variables.member(construct, "type")
            if kind and kind.value == "queue":
                why = "serverless-lift makes its mapping; convert the template of the stack"
                self._conversion.leave_out(construct.place(key=True), f"constructs.{name}", why)
        for name, node in self._resources.items():
            self._template.resource(name, self._variables.head(node))
        for name, node in self._extensions.items():
            self._template.extension(name, self._variables.head(node))
        self._template.add()

    def _at(self, *path: str) -> Node | None:
        found = self._variables.member(self._root, *path)
        return found if found and found.value is not None else None

    def _merged(self, name: str) -> Node:
        """A section that is a map, or a list of maps that are merged."""
        found = self._at(name)
        if found is None:
            return self._root.holding({})
        items = found.value if isinstance(found.value, list) else [found]
        for item in map(self._variables.head, items):
            if item.value is not None and not isinstance(item.value, dict):
                self._conversion.leave_out(item.place(), name, "it is not in the files, or is not a map")
        maps = [item for item in map(self._variables.head, items) if isinstance(item.value, dict)]
        return reduce(self._merge, maps) if maps else found.holding({})

    def _merge(self, one: Node, other: Node) -> Node:
        """Two values as lodash's `merge` has them: maps by their keys, lists by their indexes."""
        one, other = self._variables.head(one), self._variables.head(other)
        if isinstance(one.value, dict) and isinstance(other.value, dict):
            both = {
                name: self._merge(item, other.value[name]) for name, item in one.value.items() if name in other.value
            }
            return other.holding(one.value | other.value | both)
        if isinstance(one.value, list) and isinstance(other.value, list):
            pairs = zip(one.value, other.value, strict=False)
            longer = max(one.value, other.value, key=len)
            both_items = [self._merge(*pair) for pair in pairs]
            return other.holding([*both_items, *longer[len(both_items) :]])
        return one if other.value is None else other

    # --- functions ----------------------------------------------------------------------------------------------------

    def _function(self, key: str) -> str:
        """The name of a function: its own, or SERVICE-STAGE-KEY."""
        ident = f"{function_id(key)}LambdaFunction"
        for source in (self._extensions, self._resources):
            stated = self._variables.member(source.get(ident), "Properties", "FunctionName")
            if stated and isinstance(stated.value, str):
                return stated.value
        stated = self._variables.member(self._functions, key, "name")
        if stated is not None and stated.value:
            return self._variables.text(stated, f"{key}_name")
        return f"{self._name}-{self._variables.stage}-{key}"

    def _target(self, key: str, function: Node) -> str:
        """The function as a mapping invokes it: by an alias where the framework makes one."""
        name = self._names[f"{function_id(key)}LambdaFunction"]
        for setting, alias in (
            ("provisionedConcurrency", "provisioned"),
            ("snapStart", "snapstart"),
            ("durableConfig", "durable"),
        ):
            stated = self._variables.member(function, setting)
            if stated is None or stated.value in (None, False, 0, "0", "false", ""):
                continue
            if is_unknown(stated.value):
                why = f"the function {name}, with :{alias} behind its name if {unknown_names(stated.value)[0]} is set"
                return self._conversion.unknowns.marker(f"functions.{key}", f"{key}_function", why)
            own = self._variables.member(stated, "alias")
            return f"{name}:{own.value if own and isinstance(own.value, str) else alias}"
        return name

    def _events(self, key: str, function: Node) -> None:
        events = self._variables.member(function, "events")
        if events is None or events.value is None:
            if function.value is not None and not isinstance(function.value, dict):
                self._conversion.leave_out(
                    function.place(), f"functions.{key}", "it is not in the files, or is not a map"
                )
            return
        if not isinstance(events.value, list):
            self._conversion.leave_out(
                events.place(), f"functions.{key}.events", "it is not in the files, or is not a list"
            )
            return
        for number, item in enumerate(map(self._variables.head, events.value)):
            what = f"functions.{key}.events[{number}]"
            is_name = isinstance(item.value, str) and not has_unknown(item.value)  # `- alexaSkill`
            members = {str(item.value): item.holding(None)} if is_name else item.value
            if not isinstance(members, dict):
                self._conversion.leave_out(item.place(), what, "it is not in the files, or is not a map")
                continue
            for name, event in members.items():
                self._event(key, function, name, event, f"{what}.{name}")

    def _event(self, key: str, function: Node, name: str, event: Node, what: str) -> None:
        if name in _NO_SOURCES:
            return
        if name in _LATER:
            self._conversion.leave_out(event.place(key=True), what, f"{_LATER[name]} as a source is not supported yet")
            return
        value = event.holding(self._variables.whole(event).value)  # at its place in the list of events
        condition = self._variables.member(function, "condition")
        if condition and condition.value and not self._template.holds(condition, event, what):
            return
        if not value.value:
            self._conversion.leave_out(event.place(key=True), what, "it names no source")
        elif name == "s3":
            self._bucket_event(key, function, value, what)
        elif name in EVENTS:
            ident, mapping = compiled(name, value, key, what)
            mapping.properties["FunctionName"] = value.holding(self._target(key, function))
            if name == "stream":
                self._consumer(key, value, mapping)
            self._template.put(ident or what, mapping)
        else:
            self._conversion.leave_out(event.place(key=True), what, "it is not an event of the framework")

    def _consumer(self, key: str, event: Node, mapping: Compiled) -> None:
        """The consumer of a stream instead of the stream."""
        members = members_of(event)
        consumer = members.get("consumer")
        if consumer is None or not consumer.value or stream_type(members) == "dynamodb":
            return
        mapping.kind = SourceKind.KINESIS
        if consumer.value is not True:
            mapping.properties["EventSourceArn"] = consumer
            return
        stream = source_name(members.get("arn"), "/")
        mode = self._at("provider", "kinesis", "consumerNamingMode")
        service = f"{self._name}{self._variables.stage}" if mode else ""
        name = f"{key}{stream}{service}Consumer"
        known = f" {name}" if stream and not has_unknown(name) else ""
        why = f"the ARN of the stream consumer{known}, which the framework makes for the function {key}"
        called = "_".join(filter(None, (key, stream, "consumer")))
        marker = self._conversion.unknowns.marker(f"consumer {mapping.what}", called, why)
        mapping.properties["EventSourceArn"] = consumer.holding(marker)

    # --- buckets ------------------------------------------------------------------------------------------------------

    def _bucket_event(self, key: str, function: Node, event: Node, what: str) -> None:
        members = members_of(event) if isinstance(event.value, dict) else {"bucket": event}
        bucket, kind = members.get("bucket"), members.get("event")
        if bucket is None or not bucket.value:
            self._conversion.leave_out(event.place(key=True), what, "it names no bucket")
            return
        existing = members.get("existing")
        is_existing = existing is not None and existing.value not in (None, False, "false", 0, "")
        # The custom resource for buckets that exist knows only the function's name.
        target = self._names[f"{function_id(key)}LambdaFunction"] if is_existing else self._target(key, function)
        rules = []
        stated = members.get("rules")
        for rule in stated.value if stated and isinstance(stated.value, list) else [stated] if stated else ():
            for number, (name, value) in enumerate(members_of(rule).items()):
                if number:
                    self._conversion.leave_out(value.place(key=True), f"{name} of {what}", "a rule has one member")
                else:
                    rules.append(rule.holding({"Name": rule.holding(name), "Value": value}))
        parts: Mapping[str, Any] = {
            "Event": kind if kind and kind.value else event.holding("s3:ObjectCreated:*"),
            "Function": event.holding(target),
            "Filter": event.holding({"S3Key": event.holding({"Rules": event.holding(rules)})}),
        }
        entry = event.holding(parts)
        if is_existing:
            found = self._references.resolved(bucket)
            ident, name = f"existing {found.plain()}", self._variables.text(found, "bucket")
        else:
            reference = self._variables.text(self._references.resolved(bucket), "bucket")
            own = self._at("provider", "s3", reference)
            stated = self._variables.member(own, "bucketName") or self._variables.member(own, "name")
            name = self._variables.text(stated, "bucket") if stated and stated.value else reference
            ident = bucket_id(reference)
        self._template.buckets.setdefault(ident, Bucket(name)).entries.append((what, entry))
