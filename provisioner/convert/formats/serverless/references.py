"""What CloudFormation's functions, such as `Ref` and `Fn::GetAtt`, return in a Serverless Framework file, as far as the file
says it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import listed, members_of
from provisioner.convert.formats.cloudformation.evaluator import Evaluator
from provisioner.convert.formats.cloudformation.physical import NAMES
from provisioner.convert.formats.cloudformation.template import Refused, Shared, Template
from provisioner.convert.formats.serverless.variables import Variables
from provisioner.convert.unknown import has_unknown, unknown_names
from provisioner.manifest.node import Node
from provisioner.model.references import partition_of

_IN_TEXT: Final = re.compile(r"[$#]\{(AWS::\w+)\}")
"""A pseudo parameter in a text: with `#`, as the plugin serverless-pseudo-parameters has it."""
_LAMBDA: Final = "AWS::Lambda::Function"


class References(Evaluator):
    """What the resources of one service are called.

    functions  the names of its functions, by their logical ids
    stack      the name of its stack
    template   `resources` of the file, in one map
    """

    def __init__(
        self, variables: Variables, conversion: Conversion, functions: Mapping[str, str], stack: str, template: Node
    ) -> None:
        self._variables = variables
        self._stack = stack
        self.region = variables.region
        why = "the partition of the region, such as aws"
        is_known = not has_unknown(self.region)
        marker = conversion.unknowns.marker
        self.partition = partition_of(self.region) if is_known else marker("partition", "partition", why)
        given = self._given(conversion.options.parameters)
        super().__init__(self._known(template, functions, given), Shared(conversion), lambda *_: None)
        conversion.asked.update(self.template.parameters)
        self.in_parts = True

    def _known(self, template: Node, functions: Mapping[str, str], given: Mapping[str, Node]) -> Template:
        """The template without variables. Of the resources it has only what names them: nothing else is needed."""
        variables = self._variables
        sections = {name: variables.member(template, name) for name in ("Parameters", "Conditions", "Mappings")}
        parts = {name: variables.whole(node) for name, node in sections.items() if node}
        resources = {}
        for name, node in members_of(variables.member(template, "Resources")).items():
            stated = members_of(variables.member(node, "Properties"))
            names = {key: variables.whole(item) for key, item in stated.items() if key in NAMES}
            kind = variables.member(node, "Type") or node.holding("")
            resources[name] = node.holding({"Type": kind, "Properties": node.holding(names)})
        for name, function in functions.items():
            resources[name] = template.all_here({"Type": _LAMBDA, "Properties": {"FunctionName": function}})
        root = template.holding({**parts, "Resources": template.holding(resources)})
        return Template(root, f"{template.file} {self._stack}", Path(template.file).parent, given)

    def _given(self, parameters: Mapping[str, str]) -> Mapping[str, Node]:
        """The values of the stack's parameters: those of the command line, else those that the file passes."""
        root = self._variables.root
        given: dict[str, Node] = {}
        for item in listed(self._variables.member(root, "provider", "stackParameters")):
            members = members_of(self._variables.whole(item))
            if "ParameterKey" in members and "ParameterValue" in members:
                given[str(members["ParameterKey"].value)] = members["ParameterValue"]
        return given | {name: root.holding(value) for name, value in parameters.items()}

    def pseudo(self, name: str) -> str:
        """The value of a pseudo parameter, most of which the file says."""
        match name:
            case "AWS::Region":
                value = self.region
            case "AWS::AccountId":
                value = self._variables.account
            case "AWS::Partition":
                value = self.partition
            case "AWS::StackName":
                value = self._stack
            case _:
                return super().pseudo(name)
        self.shared.atoms.update(unknown_names(value))
        return value

    def value(self, node: Node) -> Node | None:
        """A value without functions, and without the pseudo parameters that its texts may have."""
        if isinstance(node.value, str):
            return node.holding(_IN_TEXT.sub(lambda match: self.text(node.all_here({"Ref": match[1]})), node.value))
        return super().value(node)

    def resolved(self, node: Node) -> Node:
        """A value with what its functions return; a variable stands for what the file does not say. Null stands for
        `AWS::NoValue`.
        """
        try:
            return self.field(node) or node.holding(None)
        except Refused as refused:
            text = json.dumps(node.plain(), default=str)[:200]
            return node.holding(self.unknown(text, self.naming, f"what {text} returns: {refused}"))
