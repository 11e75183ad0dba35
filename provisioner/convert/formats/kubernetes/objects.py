"""Objects of Kubernetes that stand for things in AWS: those of ACK and of Crossplane's providers, and what they are called
in AWS.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import members_of, text_at
from provisioner.convert.unknown import has_unknown
from provisioner.manifest.node import Node
from provisioner.model.references import Arn, partition_of

_ACK: Final = re.compile(r"([\w-]+)\.services\.k8s\.aws/")
_CROSSPLANE: Final = re.compile(r"([\w-]+)\.aws(?:\.m)?\.(?:upbound|crossplane)\.io/")
EXTERNAL_NAME: Final = "crossplane.io/external-name"
_REGION, _NAMESPACE_REGION = "services.k8s.aws/region", "services.k8s.aws/default-region"
_OWNER: Final = "services.k8s.aws/owner-account-id"
_NAMES: Final = (
    *("name", "queueName", "functionName", "streamName", "tableName", "bucket", "clusterName", "brokerName"),
    *("dbClusterIdentifier", "clusterIdentifier"),
)
"""Members of a spec that say what a thing is called in AWS."""
_NAMED_BY_OBJECT: Final = frozenset({"Function", "Stream", "Table", "Bucket", "Topic"})
"""Kinds of Crossplane whose things in AWS are called as the object, where nothing says otherwise."""
_ARNS: Final = {
    "Queue": ("sqs", "{}"),
    "Function": ("lambda", "function:{}"),
    "Stream": ("kinesis", "stream/{}"),
    "Table": ("dynamodb", "table/{}"),
    "Topic": ("sns", "{}"),
    "DBCluster": ("rds", "cluster:{}"),
}
"""The ARNs that name, region and account make: the service, and the resource by its name."""
_ARN_PATHS: Final = (("ackResourceMetadata", "arn"), ("atProvider", "arn"))
_STREAM_PATHS: Final = (("latestStreamARN",), ("atProvider", "streamArn"))
_EXPRESSION: Final = re.compile(r"""\$\{((?:[^{}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^{}]*\})*)\}""")
_OF_HELM: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_SUBSTITUTION: Final = re.compile(r"([A-Za-z_]\w*)(?::?[-=](.*))?")


@dataclass(frozen=True, slots=True)
class Object:
    """An object: `version` is its apiVersion, `scope` the template that it is in, or "", `notes` what that says of it."""

    node: Node
    version: str
    kind: str
    scope: str = ""
    notes: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """The service in the group of its apiVersion, such as `lambda`; "" for an object of another group."""
        match = _ACK.match(self.version) or _CROSSPLANE.match(self.version)
        return match[1] if match else ""

    @property
    def is_ack(self) -> bool:
        """Whether it is an object of ACK."""
        return _ACK.match(self.version) is not None

    def text(self, *path: str) -> str:
        """The text at a path, or ""."""
        value = self.node.at(path[:-1]) if self.has(*path) else None
        return text_at(value, path[-1])

    def has(self, *path: str) -> bool:
        """Whether there is something at a path."""
        node: Node | None = self.node
        for step in path:
            node = members_of(node).get(step)
        return node is not None

    def members(self, *path: str) -> Mapping[str, Node]:
        """The members of the map at a path, or {}."""
        return members_of(self.node.at(path)) if self.has(*path) else {}

    def annotation(self, name: str) -> str:
        """The text of an annotation, or ""; one that was written without quotes is a text too."""
        node = self.members("metadata", "annotations").get(name)
        value = node.value if node else ""
        return value if isinstance(value, str) else json.dumps(node.plain() if node else "")

    @property
    def name(self) -> str:
        """Its name in Kubernetes, or ""."""
        return self.text("metadata", "name")

    @property
    def namespace(self) -> str:
        """Its namespace, or ""."""
        return self.text("metadata", "namespace")

    @property
    def path(self) -> tuple[str, ...]:
        """Where the settings of the thing in AWS are."""
        return ("spec",) if self.is_ack else ("spec", "forProvider")

    def setting(self, *names: str) -> str:
        """The first of these settings that is a text, or ""."""
        return next((text for name in names if (text := self.text(*self.path, name))), "")

    @property
    def address(self) -> str:
        """The object as arguments of kubectl."""
        group = self.version.partition("/")[0]
        namespace = ["-n", self.namespace] if self.namespace else []
        return shlex.join([f"{self.kind.lower()}.{group}/{self.name}", *namespace])

    def __str__(self) -> str:
        name = "/".join(filter(None, [self.namespace, self.name]))
        return f"{self.kind} {name}".strip() + (f" of {self.scope}" if self.scope else "")


def unpacked(node: Node, scope: str = "") -> Iterator[Object]:
    """The objects of a document: itself, the items of a list, what an object of Crossplane's provider for Kubernetes has."""
    if isinstance(node.value, list):
        for item in node.value:
            yield from unpacked(item, scope)
        return
    version, kind = text_at(node, "apiVersion"), text_at(node, "kind")
    items = members_of(node).get("items")
    if kind.endswith("List") and items and isinstance(items.value, list):
        for item in items.value:
            known = {"apiVersion": node.all_here(version), "kind": node.all_here(kind.removesuffix("List"))}
            # The API leaves both out of the items of a list of one kind.
            yield from unpacked(item.holding({**known, **members_of(item)} if kind != "List" else item.value), scope)
        return
    item = Object(node, version, kind, scope)
    if item.has("spec", "forProvider", "manifest"):
        yield from unpacked(node.at(("spec", "forProvider", "manifest")), scope)
    elif kind:
        yield item


def expanded(node: Node, value_of: Callable[[str], Any], form: re.Pattern[str] = _EXPRESSION) -> Node:
    """A value with something else for each `${…}` in its texts, by what is in the braces."""
    value = node.value
    if isinstance(value, dict):
        return node.holding({name: expanded(item, value_of, form) for name, item in value.items()})
    if isinstance(value, list):
        return node.holding([expanded(item, value_of, form) for item in value])
    if not isinstance(value, str):
        return node
    if match := form.fullmatch(value):
        return node.holding(value_of(match[1].strip()))
    return node.holding(form.sub(lambda match: str(value_of(match[1].strip())), value))


def substituted(node: Node, conversion: Conversion) -> Node:
    """An object with variables for what is put into it before it is applied: `${NAME}` of Flux and envsubst, and `{{ }}` of
    Helm, as far as such a template is YAML.
    """

    def value_of(expression: str) -> Any:
        match = _SUBSTITUTION.fullmatch(expression)
        name, default = (match[1], match[2]) if match else (expression.removeprefix(".Values."), None)
        given = conversion.parameter(name)
        if given is not None:
            return given
        description = f"{name}, which is put into {node.file} before it is applied"
        return conversion.unknowns.marker(f"${{{name}}}", name, description, default=default)

    return expanded(expanded(node, value_of), value_of, _OF_HELM)


def texts_of(node: Node | None) -> Iterator[str]:
    """All texts in a value."""
    if node is None:
        return
    if isinstance(node.value, dict | list):
        for item in node.value.values() if isinstance(node.value, dict) else node.value:
            yield from texts_of(item)
    elif isinstance(node.value, str):
        yield node.value


@dataclass(slots=True)
class Objects:
    """All objects of the files, by which references between them are resolved."""

    items: Sequence[Object]
    conversion: Conversion

    def named(self, kinds: Iterable[str], name: str, namespace: str, near: Object) -> Object | None:
        """The object of one of these kinds with a name, in the namespace, or in the template of the one that refers to it."""
        found = [
            item
            for item in self.items
            if item.kind in kinds
            and item.service
            and item.name == name
            and item.scope in ("", near.scope)
            and (not namespace or item.namespace in ("", namespace))
        ]
        return min(found, key=lambda item: (item.scope != near.scope, item.namespace != namespace), default=None)

    def labelled(self, kinds: Iterable[str], labels: Mapping[str, Any], near: Object) -> Object | None:
        """The one object of these kinds with these labels; without labels, the only one of the same template."""
        found = [
            item
            for item in self.items
            if item.kind in kinds
            and item.service
            and item.scope == near.scope
            and (labels or near.scope)
            and labels.items()
            <= {name: label.value for name, label in item.members("metadata", "labels").items()}.items()
        ]
        return found[0] if len(found) == 1 else None

    def region(self, item: Object) -> str:
        """The region of an object, or ""."""
        namespace = next(
            (space for space in self.items if space.kind == "Namespace" and space.name == item.namespace), None
        )
        return (
            item.annotation(_REGION)
            or (item.setting("region") if not item.is_ack else "")
            or item.text("status", "ackResourceMetadata", "region")
            or (namespace.annotation(_NAMESPACE_REGION) if namespace and item.is_ack else "")
            or self.conversion.options.region
        )

    def account(self, item: Object) -> str:
        """The account of an object, or ""."""
        namespace = next(
            (space for space in self.items if space.kind == "Namespace" and space.name == item.namespace), None
        )
        return (
            item.text("status", "ackResourceMetadata", "ownerAccountID")
            or (namespace.annotation(_OWNER) if namespace and item.is_ack else "")
            or self.conversion.options.account
        )

    def called(self, item: Object) -> str:
        """What the thing of an object is called in AWS, with a variable where nothing says it."""
        external = "" if item.is_ack else item.annotation(EXTERNAL_NAME).rpartition("/")[2]
        default = item.name if not item.is_ack and item.kind in _NAMED_BY_OBJECT else ""
        return (
            external
            or item.setting(*_NAMES)
            or default
            or self._unknown(item, "name", f"the name in AWS of {item}", item.name or item.kind)
        )

    def arn(self, item: Object, *, of_stream: bool = False) -> str:
        """The ARN of an object's thing, or that of a table's stream, with variables where nothing says a part."""
        for path in _STREAM_PATHS if of_stream else _ARN_PATHS:
            if known := item.text("status", *path):
                return known
        region, marker = self.region(item), self.conversion.unknowns.marker
        partition = "aws" if has_unknown(region) else partition_of(region)
        if item.kind == "Bucket":
            return str(Arn(partition, "s3", "", "", self.called(item)))
        if item.kind not in _ARNS:
            return self._unknown(item, "arn", f"the ARN of {item}", f"{item.name or item.kind}_arn")
        service, form = _ARNS[item.kind]
        resource = form.format(self.called(item))
        if of_stream:
            label = self._unknown(
                item, "stream", f"the label of the stream of {item}", f"{item.name or item.kind}_stream"
            )
            resource = f"{resource}/stream/{label}"
        account = self.account(item) or marker(
            "account", "account", "the ID of the account where the objects are applied"
        )
        region = region or marker("region", "region", "the region where the objects are applied")
        return str(Arn(partition, service, region, account, resource))

    def _unknown(self, item: Object, key: str, description: str, name: str) -> str:
        return self.conversion.unknowns.marker(f"{key} of {item}", name, description)
