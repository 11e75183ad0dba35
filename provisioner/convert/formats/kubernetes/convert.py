"""Objects of ACK, the AWS controllers for Kubernetes, and of Crossplane: event source mappings, and the notifications of
buckets. A value that an object takes from another one is that of the other one where the files have it, else a variable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provisioner.convert.conversion import Conversion, Origin
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.fields import spelled, spelling
from provisioner.convert.formats.aws_cli.convert import rules_of
from provisioner.convert.formats.kubernetes.objects import EXTERNAL_NAME, Object, Objects, texts_of, unpacked
from provisioner.convert.formats.kubernetes.templates import objects
from provisioner.convert.formats.terraform.convert import set_ones
from provisioner.convert.found import Doubt
from provisioner.convert.unknown import has_unknown
from provisioner.manifest.node import Node
from provisioner.model.references import ACCOUNT, UUID, Arn, FunctionReference, partition_of
from provisioner.model.sources import SourceKind

_MAPPING: Final = "EventSourceMapping"
_BUCKETS: Final = {
    "Bucket": ("notification", "notificationConfiguration"),
    "BucketNotification": ("lambdaFunction",),
}
"""Kinds that have entries of a bucket, and the settings that have them."""
_LATER: Final = {
    ("sns", "Subscription"): "SNS",
    ("sns", "TopicSubscription"): "SNS",
    ("eventbridge", "Rule"): "EventBridge",
    ("cloudwatchevents", "Target"): "EventBridge",
    ("scheduler", "Schedule"): "EventBridge",
    ("cloudwatchlogs", "SubscriptionFilter"): "CloudWatch Logs",
    ("cloudwatchlogs", "LogGroup"): "CloudWatch Logs",
}
"""Kinds that may invoke a function and are not supported yet, by the service in their group."""
_COMPUTED: Final = (
    *("region", "id", "arn", "uuid", "functionArn", "state", "stateTransitionReason", "lastModified"),
    *("lastProcessingResult", "tagsAll", "useResourceTimeoutForPropagation"),
)
"""Members of Crossplane's objects that are no settings of a mapping."""
_REFERENCE: Final = re.compile(r"(.+?)(SecretRef|Refs?|Selector)")
_FULL_NAMES: Final = {"function": "functionName", "eventSource": "eventSourceARN", "queue": "queues"}
"""What the references of ACK are about, where that is not their own name without its end."""
_KINDS: Final = {
    **dict.fromkeys(("functionname", "lambdafunctionarn", "functionarn"), ("Function",)),
    "eventsourcearn": ("Queue", "Stream", "Table", "Cluster", "Broker", "DBCluster"),
    "destinationarn": ("Queue", "Topic", "Bucket"),
    "queues": ("Broker",),
    "kmskeyarn": ("Key",),
    "uri": ("Secret",),
    "bucket": ("Bucket",),
}
"""The kinds of object to which a reference may be, by the spelling of what it is about."""


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents."""
    found = [item for document in documents for item in unpacked(document)]
    known = Objects(list(objects(found, conversion)), conversion)
    for item in known.items:
        _Reading(item, known, conversion).add()


@dataclass(frozen=True, slots=True)
class _Reading:
    item: Object
    known: Objects
    conversion: Conversion

    def add(self) -> None:
        """Add what the object has to the conversion."""
        item = self.item
        if not item.service:
            return
        if item.kind == _MAPPING or item.kind in _BUCKETS:
            if item.text("metadata", "deletionTimestamp"):
                if item.kind == _MAPPING:
                    self.conversion.leave_out(item.node.place(), str(item), "it is being deleted")
            elif item.kind == _MAPPING:
                self._mapping()
            else:
                self._entries()
        elif service := _LATER.get((item.service, item.kind)):
            spec = item.node.at(("spec",)) if item.has("spec") else None
            if item.setting("protocol") == "lambda" or any(":lambda:" in text for text in texts_of(spec)):
                why = f"{service} as a source is not supported yet"
                self.conversion.leave_out(item.node.place(), str(item), why)

    def _mapping(self) -> None:
        item, conversion = self.item, self.conversion
        settings, doubts = self._settings()
        members = dict(settings.value)
        for name, *paths in (
            ("functionName", ("functionARN",), ("atProvider", "functionArn"), ("atProvider", "functionName")),
            ("eventSourceArn", ("atProvider", "eventSourceArn")),
        ):
            if not text_at(settings, name) and not spelled(settings).get(spelling(name)):
                known = next((text for path in paths if (text := item.text("status", *path))), "")
                members |= {name: item.node.all_here(known)} if known else {}
        observed = self._is_observed()
        if observed:  # the settings in forProvider do nothing
            shown = item.members("status", "atProvider")
            tags = {"tags": shown["tagsAll"]} if "tagsAll" in shown else {}
            members |= {name: node for name, node in {**shown, **tags}.items() if node.value is not None}
        reader = conversion.reader(ignored=() if item.is_ack else _COMPUTED)
        fields = reader.mapping(self._resolved(item.node.holding(members)))
        account = self.known.account(item)
        if ACCOUNT.fullmatch(account):
            conversion.accounts.add(account)
        origin = Origin(
            item.node.place(),
            str(item),
            id=self._id(),
            address="" if item.scope else item.address,
            is_part=bool(item.scope),
            region=self.known.region(item),
            state=item.text("status", "state") or item.text("status", "atProvider", "state"),
            notes=(*doubts, *(Doubt("", note) for note in self._notes())),
        )
        hint = SourceKind.MSK if item.is_ack and "eventsourceref" in spelled(settings) else None
        conversion.add(set_ones(fields) if observed else fields, origin, reader.problems, hint)

    def _settings(self) -> tuple[Node, list[Doubt]]:
        """The settings of the object, as a map, and what is to be said of them."""
        item = self.item
        stated = item.members(*item.path)
        first = {} if item.is_ack else item.members("spec", "initProvider")
        doubts = [
            Doubt(name, "it is in initProvider: Crossplane sets it when it creates the mapping, and never again")
            for name in first
            if name not in stated
        ]
        return _merged(item.node.holding(dict(first)), item.node.holding(dict(stated))), doubts

    def _is_observed(self) -> bool:
        policies = self.item.node.at(("spec",)).below("managementPolicies") if self.item.has("spec") else None
        names = policies.plain() if policies and isinstance(policies.value, list) else []
        return names == ["Observe"]

    def _notes(self) -> Iterator[str]:
        item = self.item
        yield from item.notes
        if item.annotation("crossplane.io/paused") == "true":
            yield "Crossplane is paused for it: what is in AWS may differ"
        if self._is_observed():
            yield "Crossplane only observes it (managementPolicies)"
        if item.annotation("services.k8s.aws/read-only") == "true":
            yield "ACK only reads it (services.k8s.aws/read-only)"

    def _id(self) -> str:
        """The UUID of the mapping, or ""."""
        item = self.item
        try:
            adopted = json.loads(item.annotation("services.k8s.aws/adoption-fields"))
        except ValueError:
            adopted = None
        texts = [
            item.text("status", "uuid"),
            item.text("status", "atProvider", "uuid"),
            item.text("status", "ackResourceMetadata", "arn").rpartition(":")[2],
            item.annotation(EXTERNAL_NAME),
            str(adopted.get("uuid")) if isinstance(adopted, dict) else "",
        ]
        return next((text for text in texts if UUID.fullmatch(text)), "")

    # --- buckets ---

    def _entries(self) -> None:
        item = self.item
        settings = self._resolved(self._settings()[0])
        bucket = text_at(settings, "bucket") or self.known.called(item)
        for name in _BUCKETS[item.kind]:
            found = members_of(settings).get(name)
            if item.kind != "BucketNotification":
                found = members_of(found).get("lambdaFunctionConfigurations")
            for number, entry in enumerate(listed(found)):
                self._entry(entry, bucket, number)

    def _entry(self, entry: Node, bucket: str, number: int) -> None:
        reader = self.conversion.reader(SourceKind.S3, ignored=("filter",))
        fields = {**reader.mapping(entry), **rules_of(entry, self.conversion)}
        function = FunctionReference.parse(fields.get("function_name"))
        region = self.known.region(self.item) or (function.region if function else "")
        ident = fields.get("id", "")
        origin = Origin(
            entry.place(),
            f"{self.item} (entry {ident or number})",
            id=f"{bucket}/{ident}" if ident and not has_unknown([bucket, ident]) else "",
            address="" if self.item.scope else self.item.address,
            region=region,
            notes=tuple(Doubt("", note) for note in self._notes()),
            changes=True,  # the policy of the function is not known
            is_part=self.item.kind == "Bucket" or bool(self.item.scope),
        )
        partition = "aws" if has_unknown(region) else partition_of(region)
        fields["event_source_arn"] = str(Arn(partition, "s3", "", "", bucket))
        self.conversion.add(fields, origin, reader.problems, SourceKind.S3)

    # --- references ---

    def _resolved(self, node: Node) -> Node:
        """A value with that of another object, or with a variable, for each reference to one."""
        if isinstance(node.value, list):
            return node.holding([self._resolved(item) for item in node.value])
        if not isinstance(node.value, dict):
            return node
        members: dict[str, Node] = {}
        present = {name for name, item in spelled(node).items() if item.value not in (None, "")}
        for name, item in node.value.items():
            match = _REFERENCE.fullmatch(name)
            if match is None or not isinstance(item.value, dict | list):
                members.setdefault(name, self._resolved(item))
                continue
            about = _FULL_NAMES.get(match[1], match[1]) if self.item.is_ack else match[1]
            if spelling(about) in present:
                continue
            if isinstance(item.value, list):
                referred = [each.holding(self._referred(about, match[2], each)) for each in item.value]
                members[about] = item.holding(referred)
            else:
                members[about] = item.holding(self._referred(about, match[2], item))
        return node.holding(members)

    def _referred(self, about: str, how: str, node: Node) -> str:
        """What a reference is to: a name or an ARN."""
        from_ = members_of(node).get("from", node)
        name, namespace = text_at(from_, "name"), text_at(from_, "namespace") or self.item.namespace
        place = node.place()
        if how == "SecretRef":
            key = text_at(node, "key")
            description = f"{key} of the Secret {name} ({place})"
            return self.conversion.unknowns.marker(f"secret {namespace}/{name} {key}", about, description)
        kinds: tuple[str, ...] = _KINDS.get(spelling(about), ())
        if self.item.is_ack and about == "eventSourceARN":
            kinds = ("Cluster",)  # of MSK: ACK has references to no other source
        if how == "Selector":
            labels = members_of(members_of(node).get("matchLabels"))
            target = self.known.labelled(kinds, {key: item.value for key, item in labels.items()}, self.item)
            wanted = ", ".join(f"{key}={item.plain()}" for key, item in labels.items())
            which = f"a {' or '.join(kinds) or 'object'} with the labels {wanted}"
        else:
            target = self.known.named(kinds, name, namespace, self.item)
            which = f"the {' or '.join(kinds) or 'object'} {name}"
        if target is None:
            description = f"{about} of {self.item}: {which} is not in the files ({place})"
            key = f"{kinds or about} {namespace} {which}"
            return self.conversion.unknowns.marker(key, f"{name}_{about}" if name else about, description)
        known = target.text("status", "ackResourceMetadata", "arn") or target.text("status", "atProvider", "arn")
        if target.kind == "Function":
            return known or self.known.called(target)
        if target.kind == "Bucket" and about == "bucket":
            return self.known.called(target)
        if target.kind == "Broker" and about == "queues":  # as ACK's controller takes it
            return target.text("status", "brokerID") or self.known.called(target)
        return self.known.arn(target, of_stream=target.kind == "Table")


def _merged(below: Node, above: Node) -> Node:
    """Two maps in one: what stands in both is that of `above`, maps part by part."""
    both: Mapping[str, Node] = members_of(below)
    members = {**both}
    for name, item in members_of(above).items():
        lower = both.get(name)
        are_maps = lower is not None and isinstance(lower.value, dict) and isinstance(item.value, dict)
        members[name] = _merged(lower, item) if lower is not None and are_maps else item
    return above.holding(members)
