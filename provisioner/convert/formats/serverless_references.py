"""Resolves CloudFormation's functions, such as `Ref` and `Fn::GetAtt`, in a Serverless Framework file, as far as the file says
what they return.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import members_of
from provisioner.convert.formats.serverless_variables import Variables
from provisioner.convert.unknown import has_unknown, replaced
from provisioner.errors import UsageError
from provisioner.manifest.node import Node
from provisioner.model.references import partition_of

_IN_TEXT: Final = re.compile(r"[$#]\{(AWS::\w+)\}")
"""A pseudo parameter in a text: with `#`, as the plugin serverless-pseudo-parameters has it."""
_DYNAMIC: Final = re.compile(r"\{\{resolve:([a-z-]+):([^{}]*)\}\}")
_IN_SUB: Final = re.compile(r"\$\{(!?)\s*([\w.:-]+)\s*\}")
_LAMBDA: Final = "AWS::Lambda::Function"
_NAMES: Final = {
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::S3::Bucket": "BucketName",
    _LAMBDA: "FunctionName",
    "AWS::MSK::Cluster": "ClusterName",
    "AWS::MSK::ServerlessCluster": "ClusterName",
    "AWS::AmazonMQ::Broker": "BrokerName",
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::DocDB::DBCluster": "DBClusterIdentifier",
}
"""The property that names a resource, by its type."""
_NAMED_BY_REF: Final = frozenset(
    ("AWS::Kinesis::Stream", "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", _LAMBDA)
)
_ARN_BY_REF: Final = frozenset(("AWS::SNS::Topic", "AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster"))
_WITH_ARN: Final = ("SecretsManager::Secret", "Kinesis::StreamConsumer", "Lambda::Alias", "Lambda::Version")


class References:
    """What the resources of one service are called.

    functions  the names of its functions, by their logical ids
    stack      the name of its stack
    template   `resources` of the file, in one map
    """

    def __init__(
        self, variables: Variables, conversion: Conversion, functions: Mapping[str, str], stack: str, template: Node
    ) -> None:
        self._variables = variables
        self._conversion = conversion
        self._functions = functions
        self._stack = stack
        self._active: list[str] = []
        self._template = template
        self.region = variables.region
        why = "the partition of the region, such as aws"
        is_known = not has_unknown(self.region)
        marker = conversion.unknowns.marker
        self.partition = partition_of(self.region) if is_known else marker("partition", "partition", why)
        self._calls: Mapping[str, Callable[[Node, Node], Node | None]] = {
            "Ref": self._ref_of,
            "Fn::GetAtt": self._get_att,
            "Fn::Join": self._join,
            "Fn::Sub": self._sub,
            "Fn::If": self._if,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": self._import_value,
        }

    def resolved(self, node: Node) -> Node:
        """A value with what its functions return; a variable stands for what the file does not say. Null stands for
        `AWS::NoValue`.
        """
        value = node.value
        if isinstance(value, str):
            text = _IN_TEXT.sub(lambda match: _text(self._pseudo(match[1], node)), value)
            for match in _DYNAMIC.finditer(text):
                what = f"the value of {match[1]}:{match[2]}, which CloudFormation reads when it deploys"
                name = match[2].rpartition("/")[2]
                text = text.replace(match[0], _text(self._variable(match[0], name, what, node).value))
            return node.holding(text)
        if isinstance(value, list):
            items = [self.resolved(item) for item in value]
            return node.holding([item for item in items if item.value is not None])
        if not isinstance(value, dict):
            return node
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Ref" or name.startswith("Fn::"):
                found = self._calls[name](argument, node) if name in self._calls else None
                if found is not None:
                    return found
                text = json.dumps(node.plain(), ensure_ascii=False, default=str)[:200]
                return self._variable(text, name.removeprefix("Fn::"), f"what {text} returns", node)
        return node.holding({name: self.resolved(item) for name, item in value.items()})

    def function(self, node: Node) -> Node:
        """A function as a mapping names it: by its name, where its ARN is one of this service's account and region."""
        found = self.resolved(node)
        if isinstance(found.value, str):
            return found.holding(found.value.removeprefix(self._arn("lambda", "function:")))
        return found

    def member(self, *path: str) -> Node | None:
        """What `resources` has at a path, without variables."""
        found = self._variables.member(self._template, *path)
        return self._variables.whole(found) if found else None

    def holds(self, condition: Node) -> bool | None:
        """Whether a condition holds; None where the file does not say it."""
        name = condition.value
        if isinstance(name, str):
            definition = self.member("Conditions", name)
            if definition is None:
                return None
            with self._within(f"condition {name}", condition):
                return self.holds(definition)
        call = list(members_of(condition).items())
        if len(call) != 1:
            return None
        function, argument = call[0]
        items = argument.value if isinstance(argument.value, list) else [argument]
        match function:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals" if len(items) == 2:
                sides = [self.resolved(item).plain() for item in items]
                is_known = not any(has_unknown(side) or isinstance(side, dict | list) for side in sides)
                return _text(sides[0]) == _text(sides[1]) if is_known else None
            case "Fn::Not":
                inner = self.holds(items[0]) if items else None
                return None if inner is None else not inner
            case "Fn::And" | "Fn::Or":
                decides = function == "Fn::Or"
                found = [self.holds(item) for item in items]
                return decides if decides in found else None if None in found else not decides
        return None

    # --- functions ----------------------------------------------------------------------------------------------------

    def _ref_of(self, argument: Node, node: Node) -> Node | None:
        return self._ref(argument.value, node) if isinstance(argument.value, str) else None

    def _get_att(self, argument: Node, node: Node) -> Node | None:
        value = argument.value
        parts = value.split(".", 1) if isinstance(value, str) else [self._texts(item) for item in _items(argument)]
        return self._attribute(parts[0], parts[1], node) if len(parts) == 2 else None

    def _join(self, argument: Node, node: Node) -> Node | None:
        items = _items(argument)
        found = self.resolved(items[1]).value if len(items) == 2 else None
        if not isinstance(found, list):
            return None
        return node.holding(_text(items[0].value).join(_text(item.value) for item in found))

    def _sub(self, argument: Node, node: Node) -> Node | None:
        items = _items(argument) or [argument]
        own = members_of(items[1]) if len(items) == 2 else {}

        def value_of(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return self._texts(own[name])
            resource, dot, attribute = name.partition(".")
            return _text((self._attribute(resource, attribute, node) if dot else self._ref(name, node)).value)

        text = items[0].value
        return self.resolved(node.holding(_IN_SUB.sub(value_of, text))) if isinstance(text, str) else None

    def _if(self, argument: Node, node: Node) -> Node | None:
        items = _items(argument)
        holds = self.holds(items[0]) if len(items) == 3 else None
        return None if holds is None else node.holding(self.resolved(items[1 if holds else 2]).value)

    def _select(self, argument: Node, node: Node) -> Node | None:
        items = _items(argument)
        found = self.resolved(items[1]).value if len(items) == 2 else None
        number = self._texts(items[0]) if items else ""
        is_there = isinstance(found, list) and re.fullmatch("[0-9]{1,6}", number) and int(number) < len(found)
        return node.holding(found[int(number)].value) if is_there and isinstance(found, list) else None

    def _split(self, argument: Node, node: Node) -> Node | None:
        items = [self._texts(item) for item in _items(argument)]
        is_known = len(items) == 2 and items[0] and not has_unknown(items[1])
        return node.all_here(items[1].split(items[0])) if is_known else None

    def _find_in_map(self, argument: Node, _: Node) -> Node | None:
        return self.member("Mappings", *(self._texts(item) for item in _items(argument)[:3]))

    def _import_value(self, argument: Node, node: Node) -> Node | None:
        export = self._texts(argument)
        return self._variable(f"export:{export}", export, f"the CloudFormation export {export}", node)

    def _texts(self, node: Node) -> str:
        return _text(self.resolved(node).value)

    def _variable(self, key: str, name: str, description: str, node: Node) -> Node:
        # The declaration of a variable cannot have a variable in its description.
        plain = [replaced(text, "{{{}}}".format) for text in (name, description)]
        return node.holding(self._conversion.unknowns.marker(key, *plain))

    # --- resources ----------------------------------------------------------------------------------------------------

    def _pseudo(self, name: str, node: Node) -> str | None:
        known: Mapping[str, Callable[[], str | None]] = {
            "AWS::Region": lambda: self.region,
            "AWS::AccountId": lambda: self._variables.account,
            "AWS::Partition": lambda: self.partition,
            "AWS::StackName": lambda: self._stack,
            "AWS::URLSuffix": lambda: "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com",
            "AWS::NoValue": lambda: None,
        }
        if name in known:
            return known[name]()
        return str(self._variable(name, name.removeprefix("AWS::"), f"the pseudo parameter {name}", node).value)

    def _ref(self, name: str, node: Node) -> Node:
        if name.startswith("AWS::"):
            return node.holding(self._pseudo(name, node))
        if name in self._functions:
            return node.holding(self._functions[name])
        if (parameter := self.member("Parameters", name)) is not None:
            return self._parameter(name, parameter, node)
        kind = self._type(name)
        if kind in _NAMED_BY_REF:
            return node.holding(self._name(name, kind, node))
        if kind in _ARN_BY_REF:
            return self._attribute(name, "Arn", node)
        what = "ARN" if kind.endswith(_WITH_ARN) else "id"
        return self._variable(f"{name}.Ref", name, f"the {what} of the resource {name}", node)

    def _parameter(self, name: str, parameter: Node, node: Node) -> Node:
        given = self._conversion.options.parameters.get(name)
        stated = self._variables.member(self._variables.root, "provider", "stackParameters")
        for item in stated.value if stated and isinstance(stated.value, list) else ():
            members = members_of(self._variables.whole(item))
            if "ParameterKey" in members and members["ParameterKey"].value == name and "ParameterValue" in members:
                given = given or _text(members["ParameterValue"].value)
        members = members_of(parameter)
        kind = _text(members["Type"].value) if "Type" in members else ""
        default = members.get("Default")
        is_hidden = "NoEcho" in members and _text(members["NoEcho"].value).lower() == "true"
        # The default of an SSM type is the name of a parameter, not its value.
        if not given and default is not None and not is_hidden and not kind.startswith("AWS::SSM::"):
            given = _text(default.value)
        if given is None:
            return self._variable(f"parameter:{name}", name, f"the parameter {name} of the stack", node)
        return node.all_here(given.split(",")) if "List" in kind else node.holding(given)

    def _type(self, name: str) -> str:
        found = self._variables.member(self._template, "Resources", name, "Type")
        return found.value if found and isinstance(found.value, str) else ""

    def _name(self, resource: str, kind: str, node: Node) -> str:
        """What a resource is called; a variable for a name that CloudFormation makes up."""
        stated = self.member("Resources", resource, "Properties", _NAMES[kind])
        if stated is not None and stated.value is not None:
            with self._within(f"resource {resource}", node):
                return _text(self.resolved(stated).value)
        fifo = self.member("Resources", resource, "Properties", "FifoQueue")
        end = ".fifo" if fifo and fifo.value in (True, "true") else ""
        without = f", without {end}" if end else ""
        description = f"the name of the resource {resource}, which CloudFormation makes up{without}"
        return f"{self._variable(f'{resource}.Name', f'{resource}_name', description, node).value}{end}"

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self._variables.account}:{resource}"

    def _attribute(self, resource: str, attribute: str, node: Node) -> Node:
        if resource in self._functions and attribute == "Arn":
            return node.holding(self._arn("lambda", f"function:{self._functions[resource]}"))
        kind = self._type(resource)
        name = self._name(resource, kind, node) if kind in _NAMES else ""
        if name and attribute == _NAMES[kind]:
            return node.holding(name)
        match kind, attribute:
            case "AWS::SQS::Queue", "Arn":
                return node.holding(self._arn("sqs", name))
            case "AWS::Kinesis::Stream", "Arn":
                return node.holding(self._arn("kinesis", f"stream/{name}"))
            case (("AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable"), ("Arn" | "StreamArn")):
                table = self._arn("dynamodb", f"table/{name}")
                if attribute == "Arn":
                    return node.holding(table)
                label = self._variable(
                    f"{resource}.label", f"{resource}_stream", f"the label of the stream of the table {resource}", node
                )
                return node.holding(f"{table}/stream/{label.value}")
            case "AWS::SNS::Topic", ("Arn" | "TopicArn"):
                return node.holding(self._arn("sns", name))
            case "AWS::S3::Bucket", "Arn":
                return node.holding(f"arn:{self.partition}:s3:::{name}")
            case "AWS::Lambda::Function", "Arn":
                return node.holding(self._arn("lambda", f"function:{name}"))
        whole = f"{attribute} of the resource {resource}"
        return self._variable(f"{resource}.{attribute}", f"{resource}_{attribute}", whole, node)

    @contextmanager
    def _within(self, what: str, node: Node) -> Iterator[None]:
        if what in self._active:
            raise UsageError(f"{node.place()}: the {what} refers to itself")
        self._active.append(what)
        try:
            yield
        finally:
            self._active.pop()


def _items(node: Node) -> list[Node]:
    return node.value if isinstance(node.value, list) else []


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return value if isinstance(value, str) else json.dumps(value)
