"""Values of Ansible's tasks: `{{ }}` with variables that the files have. Other expressions are variables of the manifest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import members_of
from provisioner.convert.unknown import has_unknown
from provisioner.manifest.node import NOWHERE, Node
from provisioner.manifest.reader import scalar

_EXPRESSION: Final = re.compile(r"""\{\{-?((?:[^{}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^{}]*\})*?)-?\}\}""")
_PATH: Final = re.compile(r"""[A-Za-z_]\w*(?:\.\w+|\[\s*(?:\d+|"[^"]*"|'[^']*')\s*\])*""")
_STEP: Final = re.compile(r"""\w+|"[^"]*"|'[^']*'""")
_LITERAL: Final = re.compile(r"""(?:"((?:[^"\\])*)"|'((?:[^'\\])*)'|(-?\d+|[Tt]rue|[Ff]alse))""")
_FILTERS: Final = re.compile(r"""\|\s*(\w[\w.]*)\s*(?:\(\s*((?:[^()"']|"[^"]*"|'[^']*')*)\))?\s*""")
_DEEPEST: Final = 20
_TRUE, _FALSE = ("yes", "on", "1", "true", "t", "y", "1.0"), ("no", "off", "0", "false", "f", "n", "0.0")


class _UnknownError(Exception):
    """A value that the files do not have. `default` is the one that the expression has for it."""

    def __init__(self, default: Any = None) -> None:
        super().__init__()
        self.default = default


def boolean(value: Any) -> Any:
    """A value as Ansible takes it for a boolean; one that is none stays as it is."""
    text = str(value).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else value


_PLAIN_FILTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "int": lambda value: scalar(str(value)) if re.fullmatch(r"-?\d{1,18}", str(value)) else 0,
    "bool": boolean,
    "string": str,
    "lower": lambda value: str(value).lower(),
    "upper": lambda value: str(value).upper(),
    "trim": lambda value: str(value).strip(),
    "mandatory": lambda value: value,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables at one place of a playbook, by name; those of the command line win."""

    conversion: Conversion
    variables: Mapping[str, Node]

    def with_(self, variables: Mapping[str, Node]) -> Scope:
        """The scope with more variables, which win over those that it has."""
        return replace(self, variables={**self.variables, **variables})

    def rendered(self, node: Node, depth: int = 0) -> Node:
        """A value without expressions."""
        value = node.value
        if isinstance(value, dict):
            if len(value) == 1 and "Fn::vault" in value:
                return node.holding(self._unknown(node, "vault", f"a value in {node.file} that Ansible Vault encrypts"))
            if len(value) == 1 and "Fn::unsafe" in value:
                return node.holding(value["Fn::unsafe"].value)
            return node.holding({name: self.rendered(item, depth) for name, item in value.items()})
        if isinstance(value, list):
            return node.holding([self.rendered(item, depth) for item in value])
        if not isinstance(value, str) or "{" not in value:
            return node
        if "{%" in value:
            return node.holding(self._unknown(node, "template", f"a template in {node.file}"))
        if match := _EXPRESSION.fullmatch(value.strip()):
            return self._evaluated(match[1].strip(), node, depth)
        texts = (
            (match, self._evaluated(match[1].strip(), node, depth).plain()) for match in _EXPRESSION.finditer(value)
        )
        parts, end = [], 0
        for match, plain in texts:
            parts += [value[end : match.start()], plain if isinstance(plain, str) else str(plain)]
            end = match.end()
        return node.holding("".join([*parts, value[end:]]))

    def condition(self, text: Any, node: Node) -> bool | None:
        """Whether a condition holds; None where the files do not say it."""
        if isinstance(text, bool):
            return text
        wanted, plain = True, str(text).strip()
        while plain.startswith("not "):
            wanted, plain = not wanted, plain[4:].strip()
        if not _PATH.match(plain) or re.search(r"\b(?:and|or|in|is|not)\b|[=<>]", plain):
            return None
        value = boolean(self._evaluated(plain, node, 0).plain())
        return value is wanted if isinstance(value, bool) else None

    def _evaluated(self, expression: str, node: Node, depth: int) -> Node:
        try:
            return self._value(expression, node, depth)
        except _UnknownError as unknown:
            path = _PATH.match(expression)
            name = path[0] if path else expression
            description = f"{expression} in {node.file}"
            given = self.conversion.parameter(expression)
            if given is not None:
                return node.holding(given)
            marker = self.conversion.unknowns.marker(
                f"{{{{ {expression} }}}}", name, description, default=unknown.default
            )
            return node.holding(marker)

    def _value(self, expression: str, node: Node, depth: int) -> Node:
        """The value of an expression. Raises _UnknownError."""
        if depth > _DEEPEST:
            raise _UnknownError
        path, literal = _PATH.match(expression), _LITERAL.match(expression)
        start = literal or path
        if start is None:
            raise _UnknownError
        filters = expression[start.end() :].strip()
        calls = list(_FILTERS.finditer(filters))
        if "".join(match[0] for match in calls).strip() != filters:
            raise _UnknownError
        found = node.holding(_of_literal(literal)) if literal else self._named(start[0], depth)
        for call in calls:
            name = call[1].removeprefix("ansible.builtin.")
            given = _LITERAL.fullmatch((call[2] or "").strip().partition(",")[0].strip())
            if name in ("default", "d"):
                if found is None and given is None:
                    raise _UnknownError
                if found is None:  # an inventory may have it, which is not read
                    raise _UnknownError(_of_literal(given))
                continue
            if found is None or has_unknown(found.plain()) or name not in _PLAIN_FILTERS:
                raise _UnknownError
            found = found.holding(_PLAIN_FILTERS[name](found.plain()))
        if found is None:
            raise _UnknownError
        return found

    def _named(self, path: str, depth: int) -> Node | None:
        """The value of a variable, or of a part of it; None where the files do not have it."""
        first, *steps = (step.strip("\"'") for step in _STEP.findall(path))
        given = self.conversion.parameter(first)
        if given is not None:
            return Node(given, "", NOWHERE, NOWHERE) if not steps else None
        found: Node | None = self.variables.get(first)
        if found is not None:
            found = self.rendered(found, depth + 1)
        for step in steps:
            if found is not None and isinstance(found.value, list) and step.isdecimal():
                found = found.below(int(step))
            else:
                found = members_of(found).get(step)
        return found

    def _unknown(self, node: Node, name: str, description: str) -> str:
        place = node.place()
        return self.conversion.unknowns.marker(f"{place}", f"{name}_{place.line}", description)


def _of_literal(match: re.Match[str] | None) -> Any:
    if match is None:
        return None
    text = match[1] if match[1] is not None else match[2]
    return text if text is not None else scalar(match[3].lower())
