"""AWS SAM: the resources that CloudFormation gets for the events of functions, made by SAM's own translator.

The translator gets each event with a function that has nothing else, so that no other part of a template can make it fail.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import members_of, text_at
from provisioner.convert.formats.cloudformation.physical import ALIAS
from provisioner.convert.formats.cloudformation.template import Entry, Resource, Template
from provisioner.errors import UsageError
from provisioner.foreign_text import one_line
from provisioner.manifest.node import Node
from provisioner.model.sources import SourceKind

TRANSFORM: Final = "AWS::Serverless-2016-10-31"
FUNCTION: Final = "AWS::Serverless::Function"
MAPPING: Final = "AWS::Lambda::EventSourceMapping"
_KINDS: Final = {
    "SQS": SourceKind.SQS,
    "Kinesis": SourceKind.KINESIS,
    "DynamoDB": SourceKind.DYNAMODB,
    "MSK": SourceKind.MSK,
    "MQ": SourceKind.MQ,
    "DocumentDB": SourceKind.DOCUMENTDB,
    "SelfManagedKafka": SourceKind.KAFKA,
    "S3": SourceKind.S3,
    "SNS": SourceKind.SQS,  # with SqsSubscription
}
_LATER: Final = {
    "SNS": "SNS",
    "Schedule": "EventBridge",
    "ScheduleV2": "EventBridge Scheduler",
    "CloudWatchEvent": "EventBridge",
    "EventBridgeRule": "EventBridge",
    "CloudWatchLogs": "CloudWatch Logs",
}
"""Events that are not supported yet, and their services."""
_OTHERS: Final = frozenset({"Api", "HttpApi", "WebSocketApi", "AlexaSkill", "Cognito", "IoTRule"})
"""Events that are no event sources."""
_FUNCTION: Final = {"Handler": "none.none", "Runtime": "python3.13", "InlineCode": "none", "Role": "none"}
"""A function while a template is translated."""
_ALIAS: Final = "alias"
"""What an alias is called while a template is translated, where its name is not known."""


@dataclass(frozen=True, slots=True)
class _Event:
    """An event of a function. `aids` are the other resources that the translator looks at, by the property that names them;
    `alias` is that of the function, or "".
    """

    function: Resource
    name: str
    node: Node
    aids: Mapping[str, Any]
    alias: str

    @property
    def what(self) -> str:
        """The event as a sentence names it."""
        return f"event {self.name} of {self.function.id}"

    @property
    def kind(self) -> SourceKind:
        """The kind of its source."""
        return _KINDS[text_at(self.node, "Type")]


def translate(template: Template, conversion: Conversion) -> None:
    """Add to a template what SAM makes of the events of its functions. Raises UsageError without SAM's translator."""
    functions = [item for item in template.resources.values() if item.type == FUNCTION]
    for function in functions:  # also one without events has an alias, which the template may refer to
        alias = alias_of(template, function)
        if alias and isinstance(alias.value, str):
            ident = f"{function.id}Alias{alias.value.replace('-', 'D').replace('_', 'U')}"
            named = alias.all_here({"FunctionName": {"Ref": function.id}, "Name": alias.value})
            own = Resource(ident, ALIAS, named, function.condition, alias.place(), named)
            template.resources.setdefault(ident, own)
    events = [event for function in functions for event in _events(function, template, conversion)]
    for event, made in _translated(events, conversion):
        function, place = event.function, event.node.place(key=True)
        for ident, resource in made.items():
            type_ = resource["Type"]
            node = event.node.all_here(resource.get("Properties") or {})
            if type_ == ALIAS:
                node = node.holding({**node.value, "Name": alias_of(template, function)})
            if type_ in (MAPPING, ALIAS, "AWS::SQS::Queue"):
                # A mapping is referred to by nobody, and must not hide another resource.
                key = f"{ident} {MAPPING}" if type_ == MAPPING else ident
                own = Resource(ident, type_, node, function.condition, place, node, event.kind)
                template.resources.setdefault(key, own)
            elif type_ == "AWS::S3::Bucket":
                entries = node.at(("NotificationConfiguration", "LambdaConfigurations")).value
                bucket = ident.removeprefix(function.id)
                template.entries += [Entry(bucket, item, function.condition, place, event.what) for item in entries]


def alias_of(template: Template, function: Resource) -> Node | None:
    """The alias that SAM publishes for a function, or None."""
    common = members_of(template.section("Globals").get("Function")).get("AutoPublishAlias")
    return members_of(function.properties).get("AutoPublishAlias", common)


def _events(function: Resource, template: Template, conversion: Conversion) -> Iterator[_Event]:
    alias = alias_of(template, function)
    called = str(alias.value) if alias and alias.value is not None else ""
    # The alias keeps its own name, whatever the translator calls it.
    called = called if re.fullmatch("[A-Za-z0-9]*", called) else _ALIAS
    for name, node in members_of(members_of(function.properties).get("Events")).items():
        type_, properties = text_at(node, "Type"), members_of(members_of(node).get("Properties"))
        place, what = node.place(key=True), f"event {name} of {function.id}"
        is_queued = "SqsSubscription" in properties and properties["SqsSubscription"].value not in (
            False,
            None,
            "false",
        )
        if type_ in _LATER and not (type_ == "SNS" and is_queued):
            conversion.leave_out(place, what, f"{_LATER[type_]} as a source is not supported yet")
        elif type_ in _KINDS:
            # A queue for a FIFO topic is a FIFO queue; of a bucket only its being in the template counts.
            aids: dict[str, Any] = {}
            for member, aid_type in (("Topic", "AWS::SNS::Topic"), ("Bucket", "AWS::S3::Bucket")):
                ident = text_at(properties.get(member), "Ref")
                if ident in template.resources and template.resources[ident].type == aid_type:
                    known = members_of(template.resources[ident].properties)
                    kept = {key: item.plain() for key, item in known.items() if key == "FifoTopic"}
                    aids[member] = {"Type": aid_type, "Properties": kept}
            yield _Event(function, name, node, aids, called)
        elif type_ not in _OTHERS:
            conversion.leave_out(
                place, what, f"{type_!r} is not known as a type of event" if type_ else "it has no Type"
            )


def _translated(events: Sequence[_Event], conversion: Conversion) -> Iterator[tuple[_Event, dict[str, Any]]]:
    """The resources of each event. One that the translator refuses is left out, with its words."""
    if not events:
        return
    problem, made = _run(events)
    if made is not None:
        for number, event in enumerate(events):
            own = _name(number)
            yield event, _renamed({name: item for name, item in made.items() if name.startswith(own)}, own, event)
        return
    if len(events) == 1:
        words = one_line(problem.replace(_name(0), events[0].function.id))
        conversion.leave_out(events[0].node.place(key=True), events[0].what, f"SAM refuses it: {words}")
        return
    half = len(events) // 2
    yield from _translated(events[:half], conversion)
    yield from _translated(events[half:], conversion)


def _name(number: int) -> str:
    """The logical id of a function while it is translated."""
    return f"Translated{number:06}"


def _renamed(value: Any, name: str, event: _Event) -> Any:
    """A copy with the function's own logical id in the names of what was made of it."""
    if isinstance(value, str):
        return value.replace(name, event.function.id)
    if isinstance(value, list):
        return [_renamed(item, name, event) for item in value]
    if isinstance(value, dict):
        return {_renamed(key, name, event): _renamed(item, name, event) for key, item in value.items()}
    return value


def _run(events: Sequence[_Event]) -> tuple[str, dict[str, Any] | None]:
    """What SAM's translator makes of events, each of a function of its own; or what it says."""
    try:
        from samtranslator.model.exceptions import InvalidDocumentException
        from samtranslator.parser.parser import Parser
        from samtranslator.translator.translator import Translator
    except ImportError as error:
        raise UsageError(
            f"an AWS SAM template needs a package that is not installed: {error}",
            hint="install the extra: 'esm-provisioner[convert]', or '.[convert]' from a checkout",
        ) from error
    resources: dict[str, Any] = {}
    for number, event in enumerate(events):
        own = _name(number)
        plain = copy.deepcopy(event.node.plain())
        for member, aid in event.aids.items():  # each event has its own, because the translator adds to them
            ident = f"{own}{plain['Properties'][member]['Ref']}"
            plain["Properties"][member] = {"Ref": ident}
            resources[ident] = copy.deepcopy(aid)
        properties = {
            **_FUNCTION,
            **({"AutoPublishAlias": event.alias} if event.alias else {}),
            "Events": {event.name: plain},
        }
        resources[own] = {"Type": FUNCTION, "Properties": properties}
    # Without a region of its own the translator would ask the environment. It is used for policies of roles only.
    session = SimpleNamespace(region_name="us-east-1")
    translator = Translator(None, Parser(), boto_session=session)
    try:
        made = translator.translate({"Transform": TRANSFORM, "Resources": resources}, {})
    except InvalidDocumentException as error:
        return " ".join(cause.message for cause in error.causes), None
    except Exception as error:  # noqa: BLE001  # what is malformed may fail anywhere in it
        return f"{type(error).__name__}: {error}", None
    finally:
        translator.metrics.publish()  # to nobody; else it warns
    return "", dict(made["Resources"])
