"""Conditions of rules between fields, as values: the check evaluates them, the JSON Schema prints them.

A condition holds of a mapping whose silent values are absent, as in canonical form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from provisioner.model.canonical import value_at
from provisioner.model.place import FieldPath


@dataclass(frozen=True, slots=True)
class Has:
    """There is a value at the path, or at one of several."""

    path: FieldPath
    others: tuple[FieldPath, ...] = ()

    def holds(self, mapping: Mapping[str, Any]) -> bool:
        """Whether the condition holds."""
        return any(value_at(mapping, path) is not None for path in (self.path, *self.others))


@dataclass(frozen=True, slots=True)
class Lacks:
    """There is no value at the path."""

    path: FieldPath

    def holds(self, mapping: Mapping[str, Any]) -> bool:
        """Whether the condition holds."""
        return value_at(mapping, self.path) is None


@dataclass(frozen=True, slots=True)
class Is:
    """The value at the path is this word."""

    path: FieldPath
    word: str

    def holds(self, mapping: Mapping[str, Any]) -> bool:
        """Whether the condition holds."""
        return bool(value_at(mapping, self.path) == self.word)


@dataclass(frozen=True, slots=True)
class IsNot:
    """The value at the path is another word, or absent."""

    path: FieldPath
    word: str

    def holds(self, mapping: Mapping[str, Any]) -> bool:
        """Whether the condition holds."""
        return bool(value_at(mapping, self.path) != self.word)


@dataclass(frozen=True, slots=True)
class EndsNot:
    """The text at the path has another ending, or there is none."""

    path: FieldPath
    ending: str

    def holds(self, mapping: Mapping[str, Any]) -> bool:
        """Whether the condition holds."""
        return not str(value_at(mapping, self.path) or "").endswith(self.ending)


@dataclass(frozen=True, slots=True)
class HasNoneOf:
    """The text at the path has none of these characters, or there is none."""

    path: FieldPath
    characters: str

    def holds(self, mapping: Mapping[str, Any]) -> bool:
        """Whether the condition holds."""
        return set(self.characters).isdisjoint(value_at(mapping, self.path) or "")


@dataclass(frozen=True, slots=True)
class AtLeast:
    """There is a number at the path that is not below this one."""

    path: FieldPath
    least: int

    def holds(self, mapping: Mapping[str, Any]) -> bool:
        """Whether the condition holds."""
        value = value_at(mapping, self.path)
        return value is not None and value >= self.least


@dataclass(frozen=True, slots=True)
class AtMost:
    """There is no number at the path that is above this one."""

    path: FieldPath
    most: int

    def holds(self, mapping: Mapping[str, Any]) -> bool:
        """Whether the condition holds."""
        value = value_at(mapping, self.path)
        return value is None or value <= self.most


@dataclass(frozen=True, slots=True)
class Test:
    """What a JSON Schema cannot say, such as a comparison of two fields."""

    path: FieldPath
    holds: Callable[[Mapping[str, Any]], bool]
    others: tuple[FieldPath, ...] = ()


Condition: TypeAlias = Has | Lacks | Is | IsNot | EndsNot | HasNoneOf | AtLeast | AtMost | Test


def fields_of(condition: Condition) -> frozenset[str]:
    """The top-level fields that a condition reads."""
    others = condition.others if isinstance(condition, Has | Test) else ()
    return frozenset(path[0] for path in (condition.path, *others))
