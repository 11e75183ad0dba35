"""The syntax of the Serverless Framework's variables: `${type(parameter):address, other:address, 'a literal'}`, where
parameters and addresses may have variables too. Other `${…}`, such as CloudFormation's `${AWS::Region}`, are plain text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

_BEGIN: Final = re.compile(r"\$+\{\s*(?=[a-z][\w.-]*\s*(?:\(|:(?!:)))")
_SOURCE: Final = re.compile(r"\s*([a-z][\w.-]*)\s*(?=\(|:(?!:))")
_PLAIN: Final = re.compile(r"[^$\\,(){}]+")
_SPACE: Final = re.compile(r"\s*")
_STRING: Final = re.compile(r"""'([^']*)'|("(?:[^"\\]|\\.)*")""", re.DOTALL)
_LITERAL: Final = re.compile(r"[^,}]*")
_MOST: Final = 50
"""How deep variables may be nested in variables."""


class NotAVariable(Exception):  # noqa: N818  # no error for a caller: the text is an unknown value
    """A text that begins a variable and does not end it, or that has something else in its place."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value may come from: `type(parameters):address`, or a literal `value` where the type is ""."""

    type: str = ""
    parameters: tuple[Template, ...] = ()
    address: Template = ()
    value: Any = None


@dataclass(frozen=True, slots=True)
class Variable:
    """One `${…}`: its sources, of which the first that has a value counts, and its text."""

    sources: tuple[Source, ...]
    text: str


Template = tuple[str | Variable, ...]
"""A text in parts."""


def parsed(text: str) -> Template:
    """The parts of a text. Raises NotAVariable."""
    return _Parser(text).template("")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def template(self, ends: str) -> Template:
        """The parts up to one of the characters `ends`, or to the end of the text."""
        parts: list[str | Variable] = []
        plain = ""
        while self._at < len(self._text) and self._text[self._at] not in ends:
            if self._text.startswith("\\${", self._at):  # how the framework escapes
                self._at += 3
                plain += "${"
            elif begin := _BEGIN.match(self._text, self._at):
                parts += [plain] if plain else []
                plain = ""
                parts.append(self._variable(begin.end()))
            else:
                match = _PLAIN.match(self._text, self._at)
                end = match.end() if match else self._at + 1
                plain += self._text[self._at : end]
                self._at = end
        return (*parts, plain) if plain else tuple(parts)

    def _variable(self, begin: int) -> Variable:
        start, self._at = self._at, begin
        self._depth += 1
        if self._depth > _MOST:
            raise NotAVariable
        sources = [self._source()]
        while not self._takes("}"):
            if not self._takes(","):
                raise NotAVariable
            sources.append(self._source())
        self._depth -= 1
        return Variable(tuple(sources), self._text[start : self._at])

    def _takes(self, character: str) -> bool:
        """Whether the character is next, after spaces; if so it is passed."""
        at = _end(_SPACE, self._text, self._at)
        found = self._text.startswith(character, at)
        self._at = at + 1 if found else self._at
        return found

    def _source(self) -> Source:
        name = _SOURCE.match(self._text, self._at)
        if name is None:
            return Source(value=self._literal())
        self._at = name.end()
        parameters: list[Template] = []
        if self._takes("("):
            while not self._takes(")"):
                parameters.append(self._part(",)"))
                if not self._takes(",") and not self._text.startswith(")", self._at):
                    raise NotAVariable
        address = self._part(",}") if self._takes(":") else ()
        return Source(name[1], tuple(parameters), address)

    def _part(self, ends: str) -> Template:
        """A parameter or an address: a text in quotes, or one that ends at one of the characters."""
        self._at = _end(_SPACE, self._text, self._at)
        if string := _STRING.match(self._text, self._at):
            self._at = string.end()
            return (_string(string),)
        parts = list(self.template(ends))
        if parts and isinstance(parts[-1], str):
            parts[-1] = parts[-1].rstrip()
        return tuple(parts)

    def _literal(self) -> Any:
        self._at = _end(_SPACE, self._text, self._at)
        if string := _STRING.match(self._text, self._at):
            self._at = string.end()
            return _string(string)
        if begin := _BEGIN.match(self._text, self._at):  # `${opt:stage, ${self:custom.stage}}` of version 1
            return self._variable(begin.end()).text
        end = _end(_LITERAL, self._text, self._at)
        text, self._at = self._text[self._at : end].strip(), end
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text or None
        return value if isinstance(value, bool | int | float | None) else text


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a pattern ends that matches everywhere."""
    match = pattern.match(text, at)
    assert match
    return match.end()


def _string(match: re.Match[str]) -> str:
    if match[2] is None:
        return match[1]
    try:
        return str(json.loads(match[2], strict=False))
    except ValueError:
        raise NotAVariable from None
