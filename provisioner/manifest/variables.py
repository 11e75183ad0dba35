"""Variables: `${var.name}` in a value of the manifest.

A value that is one whole reference keeps the variable's type; inside a longer text it becomes text. `$${` stands for
the characters `${`. There are no expressions. The last source wins: `default`, `PROVISIONER_VAR_name`, `--var-file` in
order, `--var`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from provisioner.errors import ManifestError
from provisioner.filesystem import read_input
from provisioner.manifest.finding import suggestion
from provisioner.manifest.node import NOWHERE, Node
from provisioner.manifest.reader import parse, read
from provisioner.manifest.schema import VariableBlock
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.place import Place
from provisioner.strict_json import loads

ENVIRONMENT: Final = "PROVISIONER_VAR_"
VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MOST_EXPANDED: Final = 32_000_000
_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_FREE_KEYS: Final = frozenset({"tags", "default_tags", "pattern"})
_TYPE_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
}
_TYPE_NAMES: Final = {name: f"an {name}" if name == "integer" else f"a {name}" for name in _TYPE_CHECKS}
_STAND_INS: Final[Mapping[str, Any]] = {"integer": 0, "number": 0, "boolean": False, "list": [], "map": {}}
_PLACEHOLDER_TEXT: Final = "000000000000"
"""Stands in for a string without a value; it is valid as an account, a name, or a part of one."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The values of variables from the command line and the environment: `--var` as `name=value`, files in order."""

    texts: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Variables:
    """The declared variables, their values (a variable without one is missing there), and which of them are used."""

    declared: Mapping[str, VariableBlock]
    places: Mapping[str, Node]
    values: dict[str, Any] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _used: dict[str, Place] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)
    _sizes: dict[str, int] = field(default_factory=dict)
    _expanded: int = 0

    def refuse(self, names: Iterable[str]) -> None:
        """Mark variables whose declaration is wrong: they need no value, and give no further errors."""
        self._refused.update(names)

    @property
    def unvalued(self) -> dict[str, Place]:
        """The variables that are used and have no value, each with the first place that uses it."""
        known = self.values.keys() | self._refused
        return {name: place for name, place in sorted(self._used.items()) if name not in known}

    def warn_unused(self) -> None:
        """Warn about each variable that is declared and not used."""
        for name in self.declared.keys() - self._used.keys() - self._refused:
            self._report("W212", f"the variable {name!r} is not used", self.places[name].place(key=True))

    def refuse_unvalued(self) -> None:
        """Report an error at each use of a variable without a value."""
        for name, place in self.unvalued.items():
            hint = f"pass --var {name}=…, set {ENVIRONMENT}{name}, or give it a default"
            self._report("E112", f"the variable {name!r} has no value", place, hint)

    # --- where values come from ---------------------------------------------------------------------------------------

    def evaluate(self, inputs: Inputs) -> None:
        """Give each declared variable the value of its last source."""
        for name, block in self.declared.items():
            if block.default is not None:
                self._set(name, self.places[name].at(("default",)).all_here(block.default))
            text = inputs.environment.get(f"{ENVIRONMENT}{name}")
            if text is not None:
                self._set_text(name, text, f"{ENVIRONMENT}{name}")
        for path in inputs.files:
            for name, node in self._file(path):
                if name in self.declared:
                    self._set(name, node)
                else:
                    self._undeclared("W214", name, node.place(key=True), f"{name!r} is not declared; it is ignored")
        for text in inputs.texts:
            name, equals, value = text.partition("=")
            place = Place(f"--var {name}")
            if not equals:
                self._report("E113", f"--var {text}: expected NAME=VALUE", place)
            elif name in self.declared:
                self._set_text(name, value, place.file)
            else:
                self._undeclared("E111", name, place, f"variable {name!r} is not declared")

    def _file(self, path: Path) -> Iterator[tuple[str, Node]]:
        document = _json(path) if path.suffix == ".json" else read(path, str(path))
        if isinstance(document, Diagnostic):
            self.diagnostics.append(document)
            return
        root = document if isinstance(document, Node) else document.root
        if not isinstance(document, Node):
            self.diagnostics += document.diagnostics
        if root is None or root.value is None:
            return
        if isinstance(root.value, dict):
            yield from root.value.items()
        else:
            self._report("E113", "a variable file must contain `name: value` lines", root.place())

    def _set_text(self, name: str, text: str, source: str) -> None:
        """Set a value given as text: as it is for a string variable, else parsed as YAML."""
        if self.declared[name].type == "string":
            self._set(name, Node(text, source, NOWHERE, NOWHERE))
            return
        document = parse(text, source)
        value = document.root.plain() if document.root else None
        self._set(name, Node(None, source, NOWHERE, NOWHERE).all_here(text if document.diagnostics else value))

    def _set(self, name: str, node: Node) -> None:
        value, block = node.plain(), self.declared[name]
        hint = ""
        if not _TYPE_CHECKS[block.type](value):
            problem = f"must be {_TYPE_NAMES[block.type]}, not {json.dumps(value, ensure_ascii=False)}"
            hint = "put it in quotes" if block.type == "string" and isinstance(value, int | float) else ""
        elif block.allowed is not None and value not in block.allowed:
            problem = f"is {json.dumps(value)}, which is not allowed"
            hint = f"allowed values: {', '.join(json.dumps(item) for item in block.allowed)}"
        elif block.pattern and isinstance(value, str) and not compiled(block.pattern).fullmatch(value):
            problem = f"is {json.dumps(value)}, which does not match {block.pattern}"
        else:
            self.values[name] = value
            self._sizes[name] = len(json.dumps(value)) if isinstance(value, list | dict | str) else 1
            return
        self._refused.add(name)
        self._report("E113", f"the variable {name!r} {problem}", node.place(), hint)

    # --- where references stand ---------------------------------------------------------------------------------------

    def substitute(self, node: Node, *, free_keys: bool = False) -> Node:
        """The node with values in place of references; the same node where there is none."""
        value = node.value
        if isinstance(value, str):
            return self._scalar(node, value) if "${" in value else node
        if isinstance(value, dict):
            return self._mapping(node, value, free_keys=free_keys)
        if isinstance(value, list):
            items = [self.substitute(item, free_keys=free_keys) for item in value]
            return node.holding(items) if any(map(_differ, items, value)) else node
        return node

    def _mapping(self, node: Node, value: Mapping[str, Node], *, free_keys: bool) -> Node:
        changed: dict[str, Node] = {}
        for key, item in value.items():
            name, unvalued = self._key(key, item, free_keys=free_keys) if "${" in key else (key, False)
            if name in changed and not unvalued:
                self._report("E002", f"duplicate key {name!r} after variables are replaced", item.place(key=True))
            changed[name] = self.substitute(item, free_keys=free_keys or key in _FREE_KEYS)
        same = changed.keys() == value.keys() and not any(map(_differ, changed.values(), value.values()))
        return node if same else node.holding(changed)

    def _key(self, key: str, item: Node, *, free_keys: bool) -> tuple[str, bool]:
        of_key = Node(key, item.file, item.key_start or item.start, item.key_end or item.end)
        if free_keys:
            return self._text(of_key, key)
        hint = "use variables only in values, and in the keys of tags and filter patterns"
        self._report("E111", f"{key!r}: variables are not allowed in names", of_key.place(), hint)
        return key, False

    def _scalar(self, node: Node, text: str) -> Node:
        whole = _REFERENCE.fullmatch(text)
        if whole and whole[1] is not None:
            name = self._name(whole, node)
            if not name:
                return node.holding(text, unvalued=True)
            known = name in self.values
            self._expand(node, self._sizes.get(name, 1))
            here = node.all_here(self.values[name] if known else self._stand_in(name))
            return here.holding(here.value, unvalued=not known)
        value, unvalued = self._text(node, text)
        self._expand(node, len(value))
        return node.holding(value, unvalued=unvalued)

    def _text(self, node: Node, text: str) -> tuple[str, bool]:
        """A string with its references replaced, and whether one of them has no value."""
        parts, end, unvalued = [], 0, False
        for match in _REFERENCE.finditer(text):
            name = "" if match[0] == "$${" else self._name(match, node)
            unvalued |= match[0] != "$${" and name not in self.values
            spelt, is_text = self._spelt(name, match, node) if name else ("${", True)
            unvalued |= not is_text
            parts += [text[end : match.start()], spelt]
            end = match.end()
        return "".join([*parts, text[end:]]), unvalued

    def _spelt(self, name: str, match: re.Match[str], node: Node) -> tuple[str, bool]:
        """A value inside a text, and whether it may stand there."""
        value = self.values.get(name, self._stand_in(name))
        if isinstance(value, str):
            return value, True
        may = not isinstance(value, list | dict)
        if not may:
            message = f"{name!r} is {_TYPE_NAMES[self.declared[name].type]}, which cannot be part of a string"
            self._report("E111", message, node.part(*match.span()), "use the reference as the whole value")
        return json.dumps(value), may

    def _expand(self, node: Node, size: int) -> None:
        """Count the characters or values that references expand to. Raises ManifestError above the limit."""
        self._expanded += size
        if self._expanded > MOST_EXPANDED:
            message = f"after expanding variables, the manifest has more than {MOST_EXPANDED:,} characters and values"
            raise ManifestError(
                [Diagnostic("E111", message, node.place(), "use smaller variable values, or fewer references")]
            )

    def _name(self, match: re.Match[str], node: Node) -> str:
        """The declared variable that a reference names, or "" when it names none."""
        inside, place = match[1], node.part(*match.span())
        if inside is None or not (inside.startswith("var.") and VARIABLE_NAME.fullmatch(inside[4:])):
            self._report("E111", "invalid reference; write ${var.name}", place, _foreign_hint(inside or ""))
            return ""
        name = inside[4:]
        if name not in self.declared:
            self._undeclared("E111", name, place, f"variable {name!r} is not declared")
            return ""
        self._used.setdefault(name, place)
        return name

    def _stand_in(self, name: str) -> Any:
        block = self.declared[name]
        return block.allowed[0] if block.allowed else _STAND_INS.get(block.type, _PLACEHOLDER_TEXT)

    def _undeclared(self, code: str, name: str, place: Place, message: str) -> None:
        names = ", ".join(sorted(self.declared)) or "none"
        self._report(code, message, place, suggestion(name, self.declared) or f"declared variables: {names}")

    def _report(self, code: str, message: str, place: Place, hint: str = "") -> None:
        self.diagnostics.append(Diagnostic(code, message, place, hint))


_PSEUDO: Final = {
    "AWS::Region": "region",
    "AWS::AccountId": "account_id",
    "AWS::Partition": "partition",
    "AWS::URLSuffix": "url_suffix",
    "AWS::StackName": "stack_name",
    "aws:region": "region",
    "aws:partition": "partition",
    "aws:accountId": "account_id",
    "sls:stage": "stage",
}
_FOREIGN: Final = (
    (re.compile(r"AWS::\w+"), "a CloudFormation pseudo parameter"),
    (re.compile(r"(self|opt|env|sls|aws|cf|ssm|s3|file|param|custom)[:(].*"), "a Serverless Framework variable"),
    (re.compile(r"(data|module|local|each|count|path|terraform|aws_\w+)\..*"), "a Terraform reference"),
    (re.compile(r"[A-Z]\w*(\.\w+)*"), "a CloudFormation parameter or resource"),
)


def _foreign_hint(inside: str) -> str:
    """What to write in place of a reference that another tool would understand, or that says more than a name."""
    if inside == "AWS::NoValue":
        return "remove the field; AWS then uses its default"
    if re.match(r"\s*[Vv][Aa][Rr](iable)?s?\.", inside):
        return "expressions are not supported: write ${var.name}, without spaces, indexes or function calls"
    for pattern, what in _FOREIGN:
        if pattern.fullmatch(inside):
            name = _PSEUDO.get(inside, "name")
            return f"${{{inside}}} is {what}; write the value itself, or declare a variable and write ${{var.{name}}}"
    return "write the value itself, or declare a variable and write ${var.name}; use $${ for a literal ${"


def compiled(pattern: str) -> Any:
    """A pattern that matches in linear time: a manifest is not always its reader's own, and `(a+)+b` takes Python's engine
    for ever. Raises ValueError for what is no regular expression, and for what needs backtracking, such as a lookahead.
    """
    import re2  # late: few manifests have a pattern

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if isinstance(error, re2.error) else "it holds half a character"
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from error


def declaration_findings(name: str, block: VariableBlock) -> Iterable[tuple[tuple[str, ...], str]]:
    """Findings about a declaration beyond its shape: path and message."""
    if not VARIABLE_NAME.fullmatch(name):
        yield (
            (),
            f"{name!r} is not a valid variable name: use letters, digits, '_' and '-', starting with a letter or '_'",
        )
    if block.pattern is not None and block.type != "string":
        yield ("pattern",), f"`pattern` works only for a string, not for {_TYPE_NAMES[block.type]}"
    try:
        compiled(block.pattern or "")
    except ValueError as error:
        yield ("pattern",), f"{block.pattern!r} is not a regular expression in RE2's syntax: {error}"
    for item in block.allowed or ():
        if not _TYPE_CHECKS[block.type](item):
            yield ("allowed",), f"`allowed` contains {json.dumps(item)}, which is not {_TYPE_NAMES[block.type]}"
    for part in ("default", "allowed"):
        if "${" in json.dumps(getattr(block, part)):
            yield (part,), "the value of a variable cannot contain a reference"


def _json(path: Path) -> Node | Diagnostic:
    """A JSON file as a node; the YAML reader would refuse its tabs."""
    place = Place(str(path))
    try:
        value = loads(read_input(path).decode("utf-8-sig"))
        return Node(None, str(path), NOWHERE, NOWHERE).all_here(value)
    except OSError as error:
        return Diagnostic("E001", f"cannot be read: {error.strerror}", place, "check the path")
    except (ValueError, RecursionError) as error:
        return Diagnostic("E001", f"not JSON: {error}", place, "fix the file passed with --var-file")


def _differ(one: Node, other: Node) -> bool:
    return one is not other
